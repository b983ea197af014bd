/* sink.h - the one door through which a thing leaves one service for another: a record to its destination, an
 * event to a dead-letter queue, a topic's message to its subscriber, a rule's event to its target, a bucket's
 * notification.
 *
 * One row per ARN service; cli/waybill.c fills the table.  Delivery happens inside the caller's turn, so a
 * cause and its effect commit together.  Who may is asked here, once, for everybody, in one of two ways: a
 * role sends (destinations, dead-letter queues of functions): sinks->role_may, with the target's own policy;
 *   a service sends (SNS, EventBridge, S3): the target's own policy must allow the service principal, with
 *   aws:SourceArn and aws:SourceAccount as context keys (sinks_as_service). */
#ifndef WAYBILL_FLOW_SINK_H
#define WAYBILL_FLOW_SINK_H

#include "base/arn.h"
#include "base/resource.h"
#include "policy/policy.h"
#include "turn/turn.h"

struct explain_onward;

/* What the sink's own service says of an ARN. */
enum sink_state {
    SINK_OK,
    SINK_MISSING,    /* no such resource here */
    SINK_FIFO,       /* exists, but a kind that is no destination */
    SINK_WRONG_KIND, /* right service, not a destination (an events rule) */
    SINK_NOT_YET,    /* service known, not implemented in this version */
};

/* SQS and SNS message attributes.  value: text, or bytes when type begins with "Binary". */
#define PARCEL_ATTRIBUTES_MOST 10
struct parcel_attribute {
    struct str name, type, value;
};

/* What is handed over.  All strings are borrowed for the length of the call; fields a sink does not know it
 * leaves alone. */
struct parcel {
    struct str target_arn;
    struct str body; /* SQS body, SNS message, Lambda payload, S3 object, bus: the detail */
    struct parcel_attribute attributes[PARCEL_ATTRIBUTES_MOST];
    size_t n_attributes;
    struct str group_id, deduplication_id; /* FIFO queues and topics; absent: none */
    struct str trace_header;               /* AWSTraceHeader; absent: none */
    struct str source_arn;                 /* who sends: function (qualified), topic, rule, bucket */
    struct str sender_arn, sender_id; /* SenderId in SQS: of the role session, or the service's account */
    const char *detail_type;          /* EventBridge: an event of ours ... */
    const char *event_source;         /* ... "lambda", "aws.s3"; resources: bus and source_arn for
                                         "lambda", source_arn else */
    struct str event;                 /* EventBridge: a whole event, as one bus hands it to another */
    struct str function_name;         /* S3: part of the key */
};

/* NO_PERMISSION, NO_RESOURCE, REFUSED (4xx) are final; FAILED (5xx, full) may be tried again. */
enum delivery { DELIVERED, DELIVERY_NO_PERMISSION, DELIVERY_NO_RESOURCE, DELIVERY_REFUSED, DELIVERY_FAILED };

struct sink {
    const char *service;     /* of the ARN: "sqs", "lambda" */
    const char *action;      /* "sqs:SendMessage" */
    const char *action_name; /* in AWS's message: "SendMessage" */
    size_t max_body_bytes;
    size_t (*body_limit)(void *arg,
                         struct str target_arn); /* of this very target; NULL: max_body_bytes for all */
    enum sink_state (*state)(void *arg, struct turn *t, const struct arn *target, struct str target_text);
    /* Writes in the turn's transaction, asking nobody for permission.  why: when delivered the new message's
     * or request's id, else a sentence for the journey. */
    enum delivery (*deliver)(void *arg, struct turn *t, const struct parcel *p, struct buf *why);
    /* Fills in the target's own policy where it has one, and its owner where the ARN does not name it (a
     * bucket). NULL: targets of this kind have no policies, and no service needs one. */
    void (*resource)(void *arg, const struct arn *target, struct str target_text, struct resource *ret);
    /* For `waybill explain`: where the target hands things on to, and whether it may (flow/explain.h); texts
     * in a. NULL: targets of this kind keep what they get. */
    size_t (*onward)(void *arg, struct turn *t, struct arena *a, const struct arn *target,
                     struct str target_text, struct explain_onward *v, size_t max);
    void *arg;
};

#define SINK_MAX 8
struct sinks {
    struct sink row[SINK_MAX];
    size_t n;
    /* The execution role's right.  ALLOWED, DENIED, or UNKNOWN_ROLE ("role unknown here, not checked").
     * The target's own policy: its Deny refuses, its Allow is enough where it names the role and both are of
     * one account; a target of another account must allow, too.  why gets the sentence for people ("no
     * identity-based policy allows the sqs:SendMessage action"). */
    enum role_verdict {
        ROLE_ALLOWED,
        ROLE_DENIED,
        ROLE_UNKNOWN
    } (*role_may)(void *arg, struct str role_arn, const char *action, const struct resource *what,
                  struct now now, struct buf *why);
    /* "AROA...:session" of a role session, in `a`; what a queue shows as SenderId. NULL: unknown. */
    struct str (*sender_id)(void *arg, struct arena *a, struct str role_arn, struct str session);
    void *role_arg;
};

void sinks_add(struct sinks *s, const struct sink *row);
const struct sink *sinks_find(const struct sinks *s, struct str arn_service); /* NULL: none */

/* May `principal` ("sns.amazonaws.com"), acting for source_arn of source_account, do what the sink does to
 * the target? False: *why gets the sentence for people.  Cost: one evaluation of the target's policy. */
bool sinks_service_may(const struct sinks *s, struct turn *t, const char *principal, struct str source_arn,
                       struct str source_account, struct str target_arn, struct buf *why);
/* Asks, then delivers p as that service: p->source_arn is the topic, rule or bucket. */
enum delivery sinks_as_service(const struct sinks *s, struct turn *t, const char *principal,
                               struct str source_account, const struct parcel *p, struct buf *why);
/* A target, with its owner and its own policy.  One that is not there, or of a service without a door, has no
 * policy; an owner that nobody names stays empty. */
struct resource sinks_resource(const struct sinks *s, struct str target_arn);

/* What a role is asked before it hands something on. */
struct role_asks {
    struct str role_arn;
    const char *action;
    struct str target_arn;
    struct str resource; /* target_arn, or an object of that bucket */
};
/* role_may, with the target's owner and policy; an owner nobody names is the role's account.  ROLE_UNKNOWN
 * too where nobody knows roles (role_may is NULL) and when target_arn is no ARN. */
enum role_verdict sinks_role_may(const struct sinks *s, struct turn *t, const struct role_asks *asks,
                                 struct buf *why);
/* Delivers without asking: the caller has. */
enum delivery sinks_deliver(const struct sinks *s, struct turn *t, const struct parcel *p, struct buf *why);

#endif
