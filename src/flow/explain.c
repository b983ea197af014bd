/* explain.c - one function per trap; each looks at the facts and adds what it found, or keeps silent.
 *
 * True here: nothing is guessed.  A rule speaks only of what the facts show (a verdict, a row, a step of a
 * story). */
#include "base/clock.h"
#include "flow/explain.h"

struct found {
    struct arena *a;
    const struct explain_facts *f;
    struct explain_finding *v;
    size_t n, max;
};

static const char *const way_name[] = { "on-success destination", "on-failure destination",
                                        "dead-letter queue" };
static const char *const way_member[] = { "OnSuccess", "OnFailure", "DeadLetterConfig" };

static void add(struct found *x, const char *code, enum explain_weight weight, struct str sentence,
                struct str command)
{
    if (x->n < x->max)
        x->v[x->n++] = (struct explain_finding){ code, weight, sentence, command };
}

#define SAY(x, ...) arena_printf((x)->a, __VA_ARGS__)

/* For a shell: 'it'\''s'. */
static struct str quoted(struct arena *a, struct str s)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    buf_char(&b, '\'');
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\'')
            buf_z(&b, "'\\''");
        else
            buf_char(&b, s.p[i]);
    buf_char(&b, '\'');
    return buf_to_arena(&b, a);
}

static struct str when(struct found *x, int64_t ms)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    when_iso_ms(&b, ms);
    return buf_to_arena(&b, x->a);
}

static struct str last_part(struct str s, char separator)
{
    return str_sub(s, (size_t)(str_rfind(s, separator) + 1), s.n);
}

static bool is_latest(struct str qualifier) { return str_absent(qualifier) || str_is(qualifier, "$LATEST"); }

static struct str qualifier_name(struct str qualifier)
{
    return is_latest(qualifier) ? STR("$LATEST") : qualifier;
}

static const struct explain_config *config_of(const struct explain_facts *f, struct str qualifier)
{
    for (size_t i = 0; i < f->n_configs; i++)
        if (str_eq(qualifier_name(f->configs[i].qualifier), qualifier_name(qualifier)))
            return &f->configs[i];
    return NULL;
}

/* put makes what is missing and replaces what is there; update only adds. */
static struct str set_destination(struct found *x, struct str qualifier, enum explain_way way,
                                  struct str target)
{
    const struct explain_facts *f = x->f;
    struct str json;

    if (way == WAY_DEAD_LETTER)
        return SAY(x,
                   "aws lambda update-function-configuration --function-name " STR_FMT
                   " --dead-letter-config TargetArn=" STR_FMT,
                   STR_ARG(quoted(x->a, f->function)), STR_ARG(quoted(x->a, target)));
    json = SAY(x, "{\"%s\":{\"Destination\":\"" STR_FMT "\"}}", way_member[way], STR_ARG(target));
    return SAY(x,
               "aws lambda %s-function-event-invoke-config --function-name " STR_FMT " --qualifier " STR_FMT
               " --destination-config " STR_FMT,
               config_of(f, qualifier) != NULL ? "update" : "put", STR_ARG(quoted(x->a, f->function)),
               STR_ARG(quoted(x->a, qualifier_name(qualifier))), STR_ARG(quoted(x->a, json)));
}

/* ---- stories ---- */

/* The last step of that name; NULL: none. */
static const struct json *last_step(struct arena *a, const struct json *story, const char *name)
{
    const struct json *found = NULL;

    JSON_EACH(story, step)
        if (str_is(json_text(a, json_at(step, 1)), name))
            found = step;
    return found;
}

static struct str argument(struct arena *a, const struct json *step, uint32_t i)
{
    const struct json *v = json_at(step, i + 1);

    if (v == NULL)
        return STR("");
    return v->type == JSON_STRING ? json_text(a, v) : v->raw;
}

static struct json *story_of(struct found *x, const struct journey *j)
{
    struct json *story = NULL;

    return json_parse(x->a, j->story, &story, NULL) == 0 && story->type == JSON_ARRAY ? story : NULL;
}

/* ---- before anything runs ---- */

static void no_function(struct found *x)
{
    if (!x->f->exists)
        add(x, "no-function", EXPLAIN_CAUSE,
            SAY(x,
                "There is no function " STR_FMT " in account " STR_FMT ", region " STR_FMT
                ". Resources of different regions and accounts do not see each other.",
                STR_ARG(x->f->function), STR_ARG(x->f->account), STR_ARG(x->f->region)),
            STR("aws lambda list-functions --query 'Functions[].FunctionArn'"));
}

static void invoked_synchronously(struct found *x)
{
    const struct explain_facts *f = x->f;

    if (!f->exists || f->sync_count == 0 || f->last_async_ms >= f->last_sync_ms || !str_absent(f->request_id))
        return;
    add(x, "invoked-synchronously", EXPLAIN_CAUSE,
        SAY(x,
            "The last invocation (" STR_FMT ") was synchronous (RequestResponse), as are the "
            "console's Test button and an invoke without --invocation-type. Destinations and dead-letter "
            "queues are for asynchronous "
            "invocations alone; of those there were %llu since the server started.",
            STR_ARG(when(x, f->last_sync_ms)), (unsigned long long)f->async_count),
        SAY(x,
            "aws lambda invoke --function-name " STR_FMT
            " --invocation-type Event --payload '{}' --cli-binary-format raw-in-base64-out /dev/null",
            STR_ARG(quoted(x->a, f->function))));
}

static void stream_on_function(struct found *x)
{
    const struct explain_facts *f = x->f;
    struct str target = STR_NONE;

    if (str_empty(f->batch_source))
        return;
    for (size_t i = 0; i < f->n_routes; i++)
        if (f->routes[i].way != WAY_ON_SUCCESS)
            target = f->routes[i].target;
    if (str_absent(target))
        return;
    add(x, "stream-on-function", EXPLAIN_CAUSE,
        SAY(x,
            "The function is given batches of " STR_FMT ". An event source mapping invokes "
            "synchronously, so the function's own on-failure destination and dead-letter queue are never "
            "used for them; a stream's "
            "failures go to the destination of the mapping%s.",
            STR_ARG(f->batch_source),
            str_is(f->batch_source, "aws:sqs") ? ", and a queue's to the queue's own redrive policy" : ""),
        str_is(f->batch_source, "aws:sqs")
            ? STR_NONE
            : SAY(x,
                  "aws lambda update-event-source-mapping --uuid MAPPING_UUID --destination-config " STR_FMT,
                  STR_ARG(quoted(x->a, SAY(x, "{\"OnFailure\":{\"Destination\":\"" STR_FMT "\"}}",
                                           STR_ARG(target))))));
}

static void reserved_zero(struct found *x)
{
    if (x->f->exists && x->f->reserved_concurrency == 0)
        add(x, "reserved-concurrency-0", EXPLAIN_CAUSE,
            SAY(x, "The function's reserved concurrency is 0: every event is given up at once, "
                   "without an attempt (condition ZeroReservedConcurrency), and synchronous calls are "
                   "throttled."),
            SAY(x, "aws lambda delete-function-concurrency --function-name " STR_FMT,
                STR_ARG(quoted(x->a, x->f->function))));
}

static void throttled_lately(struct found *x)
{
    if (x->f->throttles > 0 && x->f->reserved_concurrency > 0)
        add(x, "throttled", EXPLAIN_NOTE,
            SAY(x,
                "%.0f attempts were throttled in the last 24 hours; reserved concurrency is %lld. Throttled "
                "events "
                "are tried again after 1 s, 2 s, 4 s ... up to 5 minutes, until their maximum age.",
                x->f->throttles, (long long)x->f->reserved_concurrency),
            SAY(x, "aws lambda delete-function-concurrency --function-name " STR_FMT,
                STR_ARG(quoted(x->a, x->f->function))));
}

/* ---- configuration ---- */

static void nothing_configured(struct found *x)
{
    const struct explain_facts *f = x->f;

    if (f->exists && f->n_routes == 0)
        add(x, "no-destination", EXPLAIN_CAUSE,
            SAY(x,
                "No qualifier of the function has a destination, and it has no dead-letter queue: whatever "
                "an asynchronous invocation ends with is only in its log and its journey."),
            set_destination(x, STR("$LATEST"), WAY_ON_FAILURE,
                            SAY(x, "arn:aws:sqs:" STR_FMT ":" STR_FMT ":QUEUE", STR_ARG(f->region),
                                STR_ARG(f->account))));
}

static const struct explain_route *route_at(const struct explain_facts *f, enum explain_way way,
                                            struct str qualifier)
{
    for (size_t i = 0; i < f->n_routes; i++)
        if (f->routes[i].way == way &&
            str_eq(qualifier_name(f->routes[i].qualifier), qualifier_name(qualifier)))
            return &f->routes[i];
    return NULL;
}

static const struct explain_route *route_elsewhere(const struct explain_facts *f, enum explain_way way)
{
    for (size_t i = 0; i < f->n_routes; i++)
        if (f->routes[i].way == way)
            return &f->routes[i];
    return NULL;
}

/* A put that took away what an earlier one had set, and nothing has brought back. */
static void overwritten(struct found *x)
{
    const struct explain_facts *f = x->f;

    for (size_t i = 0; i < f->n_changes; i++) {
        const struct explain_change *c = &f->changes[i];
        bool newest = true;

        for (size_t k = 0; k < i; k++)
            newest =
                newest && !(f->changes[k].way == c->way && str_eq(f->changes[k].qualifier, c->qualifier));
        if (!newest || str_empty(c->before) || str_eq(c->before, c->after) ||
            str_starts(c->operation, STR("Delete")))
            continue;
        add(x, "overwritten", str_empty(c->after) ? EXPLAIN_CAUSE : EXPLAIN_NOTE,
            SAY(x,
                STR_FMT " at " STR_FMT " replaced the %s of " STR_FMT ": it was " STR_FMT
                        ", now it is %s" STR_FMT ".%s",
                STR_ARG(c->operation), STR_ARG(when(x, c->at_ms)), way_name[c->way],
                STR_ARG(qualifier_name(c->qualifier)), STR_ARG(c->before), str_empty(c->after) ? "none" : "",
                STR_ARG(c->after),
                str_starts(c->operation, STR("Put"))
                    ? " Put replaces the whole configuration; what it does not name is gone. Update merges."
                    : ""),
            set_destination(x, c->qualifier, c->way, c->before));
    }
}

static void refused_when_put(struct found *x)
{
    const struct explain_facts *f = x->f;
    bool fifo = str_ends(f->refused_target, STR(".fifo"));

    if (str_empty(f->refused_target) || route_at(f, f->refused_way, f->refused_qualifier) != NULL)
        return;
    add(x, fifo ? "fifo-target" : "refused-when-put", EXPLAIN_CAUSE,
        SAY(x, "The %s " STR_FMT " was refused for " STR_FMT " at " STR_FMT ": " STR_FMT "%s",
            way_name[f->refused_way], STR_ARG(f->refused_target),
            STR_ARG(qualifier_name(f->refused_qualifier)), STR_ARG(when(x, f->refused_ms)),
            STR_ARG(f->refused_why),
            fifo ? " FIFO queues and topics cannot be destinations; take a standard one." : ""),
        fifo ? set_destination(x, f->refused_qualifier, f->refused_way,
                               str_sub(f->refused_target, 0, f->refused_target.n - 5))
             : STR_NONE);
}

static void target_state(struct found *x, const struct explain_route *r)
{
    struct str name = last_part(r->target, ':');

    if (!r->has_sink || r->state == SINK_OK || r->state == SINK_NOT_YET)
        return;
    if (r->state == SINK_FIFO) {
        add(x, "fifo-target", EXPLAIN_CAUSE,
            SAY(x,
                "The %s of " STR_FMT " is the FIFO resource " STR_FMT
                "; Lambda delivers to standard queues and "
                "topics only.",
                way_name[r->way], STR_ARG(qualifier_name(r->qualifier)), STR_ARG(r->target)),
            set_destination(x, r->qualifier, r->way,
                            SAY(x, STR_FMT,
                                STR_ARG(str_sub(r->target, 0, r->target.n - MIN(r->target.n, (size_t)5))))));
        return;
    }
    add(x, "target-missing", EXPLAIN_CAUSE,
        SAY(x, "The %s of " STR_FMT ", " STR_FMT ", does not exist (any more): what is sent there is lost.",
            way_name[r->way], STR_ARG(qualifier_name(r->qualifier)), STR_ARG(r->target)),
        str_starts(r->target, STR("arn:aws:sqs:"))
            ? SAY(x, "aws sqs create-queue --queue-name " STR_FMT, STR_ARG(quoted(x->a, name)))
        : str_starts(r->target, STR("arn:aws:sns:"))
            ? SAY(x, "aws sns create-topic --name " STR_FMT, STR_ARG(quoted(x->a, name)))
        : str_starts(r->target, STR("arn:aws:s3:"))
            ? SAY(x, "aws s3 mb " STR_FMT, STR_ARG(quoted(x->a, SAY(x, "s3://" STR_FMT, STR_ARG(name)))))
        : str_starts(r->target, STR("arn:aws:events:"))
            ? SAY(x, "aws events create-event-bus --name " STR_FMT,
                  STR_ARG(quoted(x->a, last_part(r->target, '/'))))
            : STR_NONE);
}

/* "with an explicit deny in a resource-based policy": the target's owner says no, whatever the role may. */
static void target_policy(struct found *x, const struct explain_route *r)
{
    struct str name = last_part(r->target, ':');

    add(x, "target-policy", EXPLAIN_CAUSE,
        SAY(x,
            "The policy of " STR_FMT " refuses the %s of " STR_FMT ": " STR_FMT
            ". An explicit deny wins over "
            "everything the role may.",
            STR_ARG(r->target), way_name[r->way], STR_ARG(qualifier_name(r->qualifier)),
            STR_ARG(r->role_why)),
        str_starts(r->target, STR("arn:aws:sqs:"))
            ? SAY(x,
                  "aws sqs set-queue-attributes --queue-url \"$(aws sqs get-queue-url --queue-name " STR_FMT
                  " --query QueueUrl --output text)\" --attributes Policy=",
                  STR_ARG(quoted(x->a, name)))
            : STR_NONE);
}

static void role_lacks(struct found *x, const struct explain_route *r)
{
    struct str resource =
        str_starts(r->target, STR("arn:aws:s3:"))
            ? SAY(x, "[\"" STR_FMT "\",\"" STR_FMT "/*\"]", STR_ARG(r->target), STR_ARG(r->target))
            : SAY(x, "\"" STR_FMT "\"", STR_ARG(r->target));
    struct str action = str_starts(r->target, STR("arn:aws:s3:"))
                            ? STR("[\"s3:PutObject\",\"s3:ListBucket\"]")
                            : SAY(x, "\"" STR_FMT "\"", STR_ARG(r->action));
    struct str policy =
        SAY(x,
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":" STR_FMT
            ",\"Resource\":" STR_FMT "}]}",
            STR_ARG(action), STR_ARG(resource));

    add(x, "role-lacks-permission", EXPLAIN_CAUSE,
        SAY(x,
            "The function's role " STR_FMT " may not deliver to the %s of " STR_FMT ", " STR_FMT ": " STR_FMT
            ". It is asked at every delivery, not only when the configuration is put.",
            STR_ARG(x->f->role_arn), way_name[r->way], STR_ARG(qualifier_name(r->qualifier)),
            STR_ARG(r->target), STR_ARG(r->role_why)),
        SAY(x,
            "aws iam put-role-policy --role-name " STR_FMT
            " --policy-name waybill-destinations --policy-document " STR_FMT,
            STR_ARG(quoted(x->a, last_part(x->f->role_arn, '/'))), STR_ARG(quoted(x->a, policy))));
}

static void routes(struct found *x)
{
    for (size_t i = 0; i < x->f->n_routes; i++) {
        const struct explain_route *r = &x->f->routes[i];

        target_state(x, r);
        if (r->role == ROLE_DENIED && str_find_str(r->role_why, STR("resource-based policy")) >= 0 &&
            str_find_str(r->role_why, STR("deny")) >= 0)
            target_policy(x, r);
        else if (r->role == ROLE_DENIED)
            role_lacks(x, r);
    }
    if (x->f->exists && !x->f->role_known && x->f->n_routes > 0)
        add(x, "role-unknown", EXPLAIN_NOTE,
            SAY(x,
                "The role " STR_FMT " is unknown here, so its permissions are not checked; on AWS they are.",
                STR_ARG(x->f->role_arn)),
            STR_NONE);
}

static void onward(struct found *x)
{
    for (size_t i = 0; i < x->f->n_onward; i++) {
        const struct explain_onward *o = &x->f->onward[i];

        if (!o->may)
            add(x, "onward-refused", EXPLAIN_CAUSE,
                SAY(x, STR_FMT " gets the record but cannot hand it to " STR_FMT ": " STR_FMT ".",
                    STR_ARG(o->from), STR_ARG(o->to), STR_ARG(o->why)),
                STR_NONE);
    }
}

/* ---- journeys ---- */

static void still_running(struct found *x, const struct journey *j, const struct json *story)
{
    const struct json *retry = last_step(x->a, story, "retry");
    const struct explain_config *c = config_of(x->f, j->qualifier);
    int64_t at_ms = 0;

    if (retry == NULL || json_i64(json_at(retry, 3), &at_ms) < 0) {
        add(x, "under-way", EXPLAIN_CAUSE,
            SAY(x,
                "The event " STR_FMT " has not ended: its state is " STR_FMT
                ". Records leave when an event ends.",
                STR_ARG(j->request_id), STR_ARG(j->state)),
            STR("waybill settle"));
        return;
    }
    add(x, "retries-running", EXPLAIN_CAUSE,
        SAY(x,
            "The event " STR_FMT " is still being retried: attempt " STR_FMT " is due at " STR_FMT
            " (in %lld s of the "
            "server's clock%s) because: " STR_FMT
            ". The record leaves after the last attempt; retries allowed: %lld, maximum age: %lld s.",
            STR_ARG(j->request_id), STR_ARG(argument(x->a, retry, 1)), STR_ARG(when(x, at_ms)),
            (long long)(MAX(at_ms - x->f->now_ms, 0) / 1000), x->f->clock_frozen ? ", which is frozen" : "",
            STR_ARG(argument(x->a, retry, 3)), (long long)(c != NULL && c->retries >= 0 ? c->retries : 2),
            (long long)(c != NULL && c->age_s >= 0 ? c->age_s : 21600)),
        STR("waybill settle --advance"));
}

static void refused_delivery(struct found *x, const struct journey *j, const struct json *story)
{
    const struct json *refused = last_step(x->a, story, "refused");

    if (refused == NULL)
        return;
    add(x, "delivery-refused", EXPLAIN_CAUSE,
        SAY(x,
            "The " STR_FMT " of event " STR_FMT " was not delivered to " STR_FMT ": " STR_FMT
            ". A record that was refused "
            "is lost, on AWS too: mend the cause and invoke again.",
            STR_ARG(argument(x->a, refused, 1)), STR_ARG(j->request_id), STR_ARG(argument(x->a, refused, 2)),
            STR_ARG(argument(x->a, refused, 3))),
        SAY(x, "waybill trace " STR_FMT, STR_ARG(j->request_id)));
}

static void delivered(struct found *x, const struct journey *j, const struct json *story)
{
    const struct json *sent = last_step(x->a, story, "sent");

    if (sent != NULL)
        add(x, "delivered", EXPLAIN_NOTE,
            SAY(x,
                "The " STR_FMT " of event " STR_FMT " was sent to " STR_FMT " (id " STR_FMT
                "). If it is not there, somebody has "
                "taken it, or it is invisible to others while somebody reads it.",
                STR_ARG(argument(x->a, sent, 1)), STR_ARG(j->request_id), STR_ARG(argument(x->a, sent, 2)),
                STR_ARG(argument(x->a, sent, 3))),
            STR_NONE);
}

/* The event ended, and no way out was configured for how it ended and under which name it was invoked. */
static void wrong_way(struct found *x, const struct journey *j, const struct json *story)
{
    const struct explain_facts *f = x->f;
    enum explain_way way = str_is(j->state, "succeeded") ? WAY_ON_SUCCESS : WAY_ON_FAILURE;
    const struct explain_route *elsewhere = route_elsewhere(f, way),
                               *other = route_at(f, way == WAY_ON_SUCCESS ? WAY_ON_FAILURE : WAY_ON_SUCCESS,
                                                 j->qualifier);
    const char *ended = way == WAY_ON_SUCCESS ? "succeeded" : "failed";

    if (last_step(x->a, story, "sent") != NULL || last_step(x->a, story, "refused") != NULL ||
        route_at(f, way, j->qualifier) != NULL)
        return;
    if (elsewhere != NULL)
        add(x, "other-qualifier", EXPLAIN_CAUSE,
            SAY(x,
                "The event " STR_FMT " was invoked as " STR_FMT " and %s, but the %s is set on " STR_FMT
                ". Each version and "
                "alias has its own configuration; there is no fall-back from one to another.",
                STR_ARG(j->request_id), STR_ARG(qualifier_name(j->qualifier)), ended, way_name[way],
                STR_ARG(qualifier_name(elsewhere->qualifier))),
            set_destination(x, j->qualifier, way, elsewhere->target));
    else if (other != NULL)
        add(x, "other-outcome", EXPLAIN_CAUSE,
            SAY(x, "The event " STR_FMT " %s, and " STR_FMT " has only an %s (" STR_FMT ").",
                STR_ARG(j->request_id), ended, STR_ARG(qualifier_name(j->qualifier)), way_name[other->way],
                STR_ARG(other->target)),
            set_destination(x, j->qualifier, way, other->target));
}

static void how_it_ended(struct found *x, const struct journey *j, const struct json *story)
{
    const struct json *expired = last_step(x->a, story, "expired"),
                      *recursion = last_step(x->a, story, "recursion");
    const struct json *throttled = last_step(x->a, story, "throttled");

    if (expired != NULL)
        add(x, "expired", EXPLAIN_NOTE,
            SAY(x, "The event " STR_FMT " was given up after its maximum age of " STR_FMT " s: " STR_FMT ".",
                STR_ARG(j->request_id), STR_ARG(argument(x->a, expired, 1)),
                STR_ARG(argument(x->a, expired, 2))),
            SAY(x,
                "aws lambda update-function-event-invoke-config --function-name " STR_FMT
                " --qualifier " STR_FMT " --maximum-event-age-in-seconds 21600",
                STR_ARG(quoted(x->a, x->f->function)), STR_ARG(quoted(x->a, qualifier_name(j->qualifier)))));
    if (recursion != NULL)
        add(x, "recursion", EXPLAIN_CAUSE,
            SAY(x,
                "The event " STR_FMT
                " was stopped: its chain of invocations had come to this function " STR_FMT " times, a loop.",
                STR_ARG(j->request_id), STR_ARG(argument(x->a, recursion, 1))),
            SAY(x,
                "aws lambda put-function-recursion-config --function-name " STR_FMT " --recursive-loop Allow",
                STR_ARG(quoted(x->a, x->f->function))));
    if (throttled != NULL && j->ended_ms == 0)
        add(x, "no-environment", EXPLAIN_CAUSE,
            SAY(x, "The event " STR_FMT " waits: " STR_FMT ".", STR_ARG(j->request_id),
                STR_ARG(argument(x->a, throttled, 1))),
            STR_NONE);
}

/* The newest event of each qualifier speaks; the one asked for speaks alone. */
static bool spoken_for(const struct explain_facts *f, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(qualifier_name(f->journeys[k].qualifier), qualifier_name(f->journeys[i].qualifier)))
            return true;
    return false;
}

static void journeys(struct found *x)
{
    for (size_t i = 0; i < x->f->n_journeys; i++) {
        const struct journey *j = &x->f->journeys[i];
        struct json *story = spoken_for(x->f, i) ? NULL : story_of(x, j);

        if (story == NULL)
            continue;
        if (j->ended_ms == 0)
            still_running(x, j, story);
        how_it_ended(x, j, story);
        refused_delivery(x, j, story);
        delivered(x, j, story);
        if (j->ended_ms != 0)
            wrong_way(x, j, story);
    }
    if (!str_absent(x->f->request_id) && x->f->n_journeys == 0)
        add(x, "no-journey", EXPLAIN_CAUSE,
            SAY(x,
                "No asynchronous invocation has the request id " STR_FMT
                ". Synchronous ones have no journey: if this id was answered "
                "with a result, the call was RequestResponse.",
                STR_ARG(x->f->request_id)),
            STR_NONE);
}

static void counted(struct found *x)
{
    const struct explain_facts *f = x->f;

    if (f->delivery_failures > 0 || f->dead_letter_errors > 0)
        add(x, "counted", EXPLAIN_NOTE,
            SAY(x,
                "In the last 24 hours %.0f records could not be delivered to a destination "
                "(DestinationDeliveryFailures) and %.0f events not "
                "to the dead-letter queue (DeadLetterErrors); %.0f events were given up "
                "(AsyncEventsDropped).",
                f->delivery_failures, f->dead_letter_errors, f->dropped),
            STR_NONE);
}

size_t explain(struct arena *a, const struct explain_facts *f, struct explain_finding *v, size_t max)
{
    static void (*const rules[])(
        struct found * x) = { no_function,      reserved_zero,      invoked_synchronously, stream_on_function,
                              refused_when_put, nothing_configured, overwritten,           routes,
                              onward,           journeys,           throttled_lately,      counted };
    struct explain_finding *all = arena_calloc(a, max, sizeof(*all));
    struct found x = { .a = a, .f = f, .v = all, .max = max };
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        rules[i](&x);
    for (int weight = EXPLAIN_CAUSE; weight <= EXPLAIN_NOTE; weight++)
        for (size_t i = 0; i < x.n; i++)
            if ((int)all[i].weight == weight)
                v[n++] = all[i];
    return n;
}
