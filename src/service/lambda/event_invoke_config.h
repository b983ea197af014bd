/* event_invoke_config.h - the decisions behind EventInvokeConfig, apart from requests and rows.  Pure, for
 * tests.
 *
 * Rules: AWS Lambda API reference (PutFunctionEventInvokeConfig and its siblings) and AWS's recorded
 * behaviour: unset values are shown as null, never as the defaults; a destination that AWS would refuse is
 * refused in AWS's words before this server says what it does not deliver to yet. */
#ifndef WAYBILL_SERVICE_LAMBDA_EVENT_INVOKE_CONFIG_H
#define WAYBILL_SERVICE_LAMBDA_EVENT_INVOKE_CONFIG_H

#include "model/lambda.h"
#include "service/lambda/registry.h"

/* Put and Update have the same members. */
struct event_config_request {
    struct opt_int retries, age_s;
    const struct lambda_DestinationConfig *destinations; /* NULL: not sent */
};
/* Something was specified: `DestinationConfig: {}` alone is nothing, `{"OnFailure":{}}` is something. */
bool event_config_specified(const struct event_config_request *in);

/* What a record would hold after the request.  Strings borrow from the request and from `old`. */
struct event_config_values {
    int64_t retries, age_s;            /* -1: unset */
    struct str on_success, on_failure; /* absent: unset */
};
/* old NULL: Put, which replaces all.  Otherwise Update: absent members and `{}` keep, "" clears. */
struct event_config_values event_config_merge(const struct event_config_request *in,
                                              const struct event_config *old);

enum destination_verdict {
    DESTINATION_OK,
    DESTINATION_FOREIGN, /* a service that can be no destination */
    DESTINATION_INVALID, /* "The destination ARN ... is invalid." */
    DESTINATION_SELF,
    DESTINATION_SNS_FIFO,
    DESTINATION_NOT_YET, /* AWS would take it, this server does not deliver there */
};
struct destination_question {
    bool parsed; /* the text is an ARN (kafka:// is none) */
    struct arn arn;
    bool on_success, self;
    bool has_sink;
    enum sink_state state; /* of the sink, when there is one */
};
enum destination_verdict destination_judge(const struct destination_question *f);

/* The raw reply, member for member as AWS prints it; arn: the function's with its qualifier. */
void event_config_json(struct buf *b, const struct event_config *e, struct str arn);
/* Epoch seconds as AWS prints LastModified: 1.789400786443E9. */
void epoch_exponent(struct buf *b, int64_t ms);

#endif
