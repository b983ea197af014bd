/* event_invoke_rules.c - EventInvokeConfig's decisions; nothing here reads a request or writes a row. */
#include <stdio.h>
#include "service/lambda/event_invoke_config.h"

bool event_config_specified(const struct event_config_request *in)
{
    const struct lambda_DestinationConfig *d = in->destinations;

    return in->retries.set || in->age_s.set || (d != NULL && (d->OnSuccess != NULL || d->OnFailure != NULL));
}

/* sent: the Destination of a route that may be missing itself; kept: what holds when nothing was sent. */
static struct str merged_route(bool route, struct str sent, struct str kept)
{
    if (!route || str_absent(sent))
        return kept;
    return str_empty(sent) ? STR_NONE : sent;
}

struct event_config_values event_config_merge(const struct event_config_request *in,
                                              const struct event_config *old)
{
    const struct lambda_OnSuccess *s = in->destinations != NULL ? in->destinations->OnSuccess : NULL;
    const struct lambda_OnFailure *f = in->destinations != NULL ? in->destinations->OnFailure : NULL;

    return (struct event_config_values){
        .retries = in->retries.set ? in->retries.v
                   : old != NULL   ? old->maximum_retry_attempts
                                   : -1,
        .age_s = in->age_s.set ? in->age_s.v
                 : old != NULL ? old->maximum_event_age_s
                               : -1,
        .on_success = merged_route(s != NULL, s != NULL ? s->Destination : STR_NONE,
                                   old != NULL ? old->on_success : STR_NONE),
        .on_failure = merged_route(f != NULL, f != NULL ? f->Destination : STR_NONE,
                                   old != NULL ? old->on_failure : STR_NONE),
    };
}

static enum destination_verdict judge_sink(const struct destination_question *f, bool missing_is_fine)
{
    if (!f->has_sink || f->state == SINK_NOT_YET)
        return DESTINATION_NOT_YET;
    if (f->state == SINK_OK || (f->state == SINK_MISSING && missing_is_fine))
        return DESTINATION_OK;
    return DESTINATION_INVALID;
}

enum destination_verdict destination_judge(const struct destination_question *f)
{
    struct str service = f->arn.service, resource = f->arn.resource;

    if (!f->parsed)
        return DESTINATION_FOREIGN; /* UNVERIFIED for kafka:// */
    if (str_is(service, "lambda")) {
        enum destination_verdict v = judge_sink(f, false);

        return v == DESTINATION_OK && f->self ? DESTINATION_SELF : v;
    }
    if (str_is(service, "sqs"))
        return judge_sink(f, false);
    if (str_is(service, "sns")) {
        if (str_ends(resource, STR(".fifo")) || (f->has_sink && f->state == SINK_FIFO))
            return DESTINATION_SNS_FIFO;
        return str_find(resource, ':') >= 0 || str_empty(resource) ? DESTINATION_INVALID
                                                                   : judge_sink(f, false);
    }
    if (str_is(service, "events")) /* a bus that does not exist is accepted */
        return str_starts(resource, STR("event-bus/")) ? judge_sink(f, true) : DESTINATION_INVALID;
    if (str_is(service, "s3"))
        return f->on_success || str_empty(resource) ? DESTINATION_INVALID : judge_sink(f, false);
    return DESTINATION_FOREIGN;
}

void epoch_exponent(struct buf *b, int64_t ms)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)ms), whole = n;

    CHECK(ms > 0 && n > 0);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    buf_printf(b, "%c.%.*sE%d", digits[0], n > 1 ? n - 1 : 1, n > 1 ? digits + 1 : "0", whole - 1 - 3);
}

static void route_json(struct json_writer *w, const char *name, struct str destination)
{
    jw_key(w, str_of(name));
    jw_object(w);
    jw_key(w, STR("Destination"));
    jw_str(w, str_empty(destination) ? STR_NONE : destination);
    jw_object_end(w);
}

static void number_json(struct json_writer *w, const char *name, int64_t value)
{
    jw_key(w, str_of(name));
    if (value < 0)
        jw_null(w);
    else
        jw_i64(w, value);
}

void event_config_json(struct buf *b, const struct event_config *e, struct str arn)
{
    struct buf when CLEANUP(buf_done) = { 0 };
    struct json_writer w;

    epoch_exponent(&when, MAX(e->last_modified_ms, 1000));
    jw_init(&w, b);
    jw_object(&w);
    jw_key(&w, STR("DestinationConfig"));
    jw_object(&w);
    route_json(&w, "OnFailure", e->on_failure);
    route_json(&w, "OnSuccess", e->on_success);
    jw_object_end(&w);
    jw_kstr(&w, "FunctionArn", arn);
    jw_kraw(&w, "LastModified", buf_view(&when));
    number_json(&w, "MaximumEventAgeInSeconds", e->maximum_event_age_s);
    number_json(&w, "MaximumRetryAttempts", e->maximum_retry_attempts);
    jw_object_end(&w);
}
