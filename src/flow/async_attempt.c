/* async_attempt.c - one attempt of one event: start it, and when it ended let flow/retry.h decide and act on
 * it. */
#include "flow/async_internal.h"
#include "flow/deadletter.h"
#include "flow/lineage.h"
#include "metric/lambda.h"

#define STORY_MAX_BYTES 8192 /* beyond it throttles are no longer told one by one */

static struct sql Q_ROW = SQL("SELECT request_id, type, source, trace, story, payload, last_version, "
                              "last_payload, enqueued_ms, last_status "
                              "FROM event WHERE seq = $1");
static struct sql Q_AGAIN =
    SQL("UPDATE event SET due_ms = $2, retries = $3, executions = $4, last_status = $5, last_version = $6, "
        "last_payload = $7, story = $8, config = $9, backoff = $10, "
        "throttled = $11 WHERE seq = $1");
static struct sql Q_QUEUED =
    SQL("SELECT seq, account, region, name, qualifier FROM event ORDER BY seq DESC LIMIT $1");
static struct sql Q_NAME = SQL("SELECT seq, account, region, name, qualifier FROM event WHERE seq = $1");

bool event_row_read(struct store *s, struct arena *mem, uint64_t seq, struct event_row *ret)
{
    CLEANUP(rows_done) struct rows r = { 0 };

    store_query(s, &Q_ROW, &r, V_INT(seq));
    if (!rows_next(&r))
        return false;
    *ret = (struct event_row){
        .request_id = arena_str(mem, rows_text(&r, 0)),
        .type = arena_str(mem, rows_text(&r, 1)),
        .source = arena_str(mem, rows_text(&r, 2)),
        .trace = arena_str(mem, rows_text(&r, 3)),
        .story = arena_str(mem, rows_text(&r, 4)),
        .payload = arena_str(mem, rows_text(&r, 5)),
        .last_version = arena_str(mem, rows_text(&r, 6)),
        .last_payload = arena_str(mem, rows_text(&r, 7)),
        .enqueued_ms = rows_ms(&r, 8),
        .last_status = (int)rows_count(&r, 9, INT32_MAX),
    };
    return true;
}

/* A row that is not there though its event is: the store is in trouble, or another program was in it.  Either
 * way the turn must fail, and the queue is read again or the server ends. */
static bool row_of(struct store *s, struct arena *mem, const struct event *e, struct event_row *ret)
{
    if (event_row_read(s, mem, e->node.seq, ret))
        return true;
    if (store_sound(s))
        store_damaged(s, "event", (int64_t)e->node.seq, "it is not there any more");
    return false;
}

void story_accepted(struct buf *b, const struct event_row *row)
{
    story_add(b, row->enqueued_ms, "accepted", "sis", row->type, (int64_t)row->payload.n,
              str_absent(row->source) ? STR("") : row->source);
    if (!str_absent(row->story) && row->story.n > 0) {
        buf_char(b, ',');
        buf_str(b, row->story);
    }
}

/* ---- the end of an event ---- */

/* What the decision knows besides its facts. */
struct ending {
    struct event_row row;
    struct buf story;             /* since the accept, without it */
    int status;                   /* of the last attempt */
    struct str version, response; /* of the last attempt */
    bool function_error;
    struct str trace;
};

static struct str function_arn(const struct lane *l) { return str_make(l->arn.p, l->function_arn_n); }

/* What the samples of a lane's event count for. */
#define METRIC_OF(lane_, version_)                                                                 \
    ((struct metric_lambda){ (lane_)->account, (lane_)->region, (lane_)->name, (lane_)->qualifier, \
                             (version_) })

/* One sample now; the resource is the function as it was asked for ("f", "f:live"). */
static void count_one(struct turn *t, const struct lane *l, struct str version, const char *metric)
{
    struct str resource = str_sub(l->invoked_arn, l->function_arn_n - l->name.n, l->invoked_arn.n);

    metric_function(t, l->account, l->region, l->name, resource, version, metric, 1, "Count", t->now.wall_ms);
}

static struct destination_facts facts_of(const struct async *a, const struct lane *l, const struct ending *x,
                                         struct str target)
{
    return (struct destination_facts){ .target_arn = target,
                                       .role_arn = l->role_arn,
                                       .function_name = l->name,
                                       .source_arn = l->arn,
                                       .trace_header = x->trace,
                                       .strict_permissions = a->o.strict_permissions };
}

static void deliver(struct async *a, struct turn *t, const struct event *e, const struct ending *x,
                    const struct retry_decision *d, struct buf *story)
{
    const struct lane *l = e->lane;
    struct str target = d->condition == CONDITION_SUCCESS ? l->on_success : l->on_failure;
    struct destination_facts to = facts_of(a, l, x, target);
    struct record_facts f = { .decided_ms = t->now.wall_ms,
                              .request_id = x->row.request_id,
                              .function_arn = l->arn,
                              .condition = d->condition,
                              .executions = d->executions,
                              .request_payload = x->row.payload,
                              .status = x->status,
                              .executed_version = x->version,
                              .function_error = x->function_error,
                              .response_payload = x->response };

    if (!str_empty(target) && destination_deliver(a->o.sinks, t, &to, &f, story) != DELIVERED)
        count_one(t, l, x->version, "DestinationDeliveryFailures");
}

/* The event itself, beside the record and independent of it. */
static void bury(struct async *a, struct turn *t, const struct event *e, const struct ending *x,
                 const struct retry_decision *d, struct buf *story)
{
    const struct lane *l = e->lane;
    struct destination_facts to = facts_of(a, l, x, l->dead_letter);
    struct dead_letter_facts f = { .request_id = x->row.request_id,
                                   .function_arn = l->arn,
                                   .condition = d->condition,
                                   .status = x->status,
                                   .request_payload = x->row.payload,
                                   .response_payload = x->response };

    if (d->condition == CONDITION_SUCCESS || str_empty(l->dead_letter))
        return;
    if (dead_letter_deliver(a->o.sinks, t, &to, &f, story) != DELIVERED)
        count_one(t, l, x->version, "DeadLetterErrors");
}

static const char *end_story(struct buf *story, int64_t now_ms, const struct retry_decision *d,
                             const struct lane *l)
{
    switch (d->condition) {
    case CONDITION_SUCCESS: return "succeeded";
    case CONDITION_RETRIES_EXHAUSTED:
        story_add(story, now_ms, "exhausted", "i", (int64_t)d->executions);
        return "failed";
    case CONDITION_EVENT_AGE_EXCEEDED:
        story_add(story, now_ms, "expired", "iz", l->maximum_event_age_s,
                  "the next attempt would come after the maximum event age");
        return "expired";
    case CONDITION_ZERO_RESERVED:
        story_add(story, now_ms, "dropped", "z", "the function's reserved concurrency is 0");
        return "dropped";
    case CONDITION_RECURSIVE:
        story_add(story, now_ms, "recursion", "i", (int64_t)LINEAGE_MAX_EXECUTIONS);
        return "dropped";
    case CONDITION_NONE: break;
    }
    CHECK(false && "an end without a condition");
    return NULL;
}

static void finish(struct async *a, struct turn *t, struct event *e, struct ending *x,
                   const struct retry_decision *d)
{
    CLEANUP(buf_done) struct buf story = { 0 };
    struct event_row row = x->row;
    const char *state;

    row.story = buf_view(&x->story);
    story_accepted(&story, &row);
    state = end_story(&story, t->now.wall_ms, d, e->lane);
    if (d->condition == CONDITION_ZERO_RESERVED) {
        x->status = 0; /* neither context nor payload, whatever came before */
        x->response = STR_NONE;
    }
    if (d->condition == CONDITION_RECURSIVE)
        count_one(t, e->lane, STR_NONE, "RecursiveInvocationsDropped");
    deliver(a, t, e, x, d, &story);
    bury(a, t, e, x, d, &story);
    journey_put(t, e->node.seq, x->row.request_id, function_arn(e->lane), e->lane->qualifier, state,
                buf_view(&story));
    async_event_end(a, t, e);
}

/* As the target said it last, for a restart after which the target may be gone. */
static void config_text(struct buf *b, const struct lane *l)
{
    buf_printf(b, "%lld\n%lld\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT,
               (long long)l->maximum_retry_attempts, (long long)l->maximum_event_age_s, STR_ARG(l->role_arn),
               STR_ARG(l->on_success), STR_ARG(l->on_failure), STR_ARG(l->dead_letter));
}

static void again(struct async *a, struct turn *t, struct event *e, struct ending *x,
                  const struct retry_decision *d, enum attempt_result result)
{
    CLEANUP(buf_done) struct buf config = { 0 };
    static const char *const reason[] = { [ATTEMPT_FAILED] = "function error",
                                          [ATTEMPT_MISSING] = "function not found",
                                          [ATTEMPT_THROTTLED] = "throttled",
                                          [ATTEMPT_SYSTEM] = "no environment" };

    if (x->story.n < STORY_MAX_BYTES)
        story_add(&x->story, t->now.wall_ms, "retry", "iiz", (int64_t)d->executions + 1, d->again_ms,
                  reason[result]);
    e->retries = (uint8_t)d->retries;
    e->backoff = (uint8_t)MIN(d->backoff, 200u);
    e->executions = (uint16_t)MIN(d->executions, (unsigned)UINT16_MAX);
    config_text(&config, e->lane);
    store_exec(t->store, &Q_AGAIN, V_INT(e->node.seq), V_INT(d->again_ms), V_INT(e->retries),
               V_INT(e->executions), V_INT(x->status), V_TEXT(x->version), V_BLOB(x->response),
               V_TEXT(buf_view(&x->story)), V_TEXT(buf_view(&config)), V_INT(e->backoff),
               V_INT(result == ATTEMPT_THROTTLED));
    async_event_wait(a, t, e, d->again_ms, result == ATTEMPT_THROTTLED);
}

/* The configuration in force now, not the one the attempt began with.  Role and dead-letter queue are those
 * of the version that ran: an alias with weights may have drawn another one this time. */
static bool refresh(struct async *a, struct lane *l, struct str version)
{
    const struct async_host *h = &a->o.host;
    struct target target = { .reserved_concurrency = -1 }, ran = { .reserved_concurrency = -1 };

    if (h->resolve(h->arg, l->account, l->region, l->name, l->qualifier, &target) != 0)
        return false;
    if (!str_empty(version) && !str_eq(version, target.code->version) &&
        h->resolve(h->arg, l->account, l->region, l->name, version, &ran) == 0)
        target.code = ran.code;
    lane_remember(l, &target);
    return target.reserved_concurrency == 0;
}

static void decide(struct async *a, struct turn *t, struct event *e, struct ending *x,
                   enum attempt_result result)
{
    struct lane *l = e->lane;
    bool reserved_zero = refresh(a, l, x->version);
    struct retry_facts f = { .result = result,
                             .now_ms = t->now.wall_ms,
                             .enqueued_ms = e->enqueued_ms,
                             .retries = e->retries,
                             .backoff = e->backoff,
                             .executions = e->executions,
                             .reserved_zero = reserved_zero,
                             .maximum_retry_attempts = l->maximum_retry_attempts,
                             .maximum_event_age_s = l->maximum_event_age_s,
                             .base_delay_ms = a->o.retry_delay_ms };
    struct retry_decision d = retry_decide(&f);

    if (d.condition != CONDITION_NONE)
        metric_lambda_ended(t, &METRIC_OF(l, x->version), d.condition != CONDITION_SUCCESS);
    if (d.condition == CONDITION_NONE)
        again(a, t, e, x, &d, result);
    else
        finish(a, t, e, x, &d);
    buf_done(&x->story);
}

/* Without an execution: what the row remembers of the last attempt stays the last attempt. */
void async_decide(struct async *a, struct turn *t, struct event *e, enum attempt_result result)
{
    CLEANUP(arena_freep) struct arena *mem = arena_new(0);
    struct ending x = { 0 };
    int64_t now_ms = t->now.wall_ms;

    if (!row_of(t->store, mem, e, &x.row))
        return;
    x.status = x.row.last_status;
    x.version = x.row.last_version;
    x.response = x.row.last_payload;
    x.function_error = x.status == 200;
    x.trace = x.row.trace;
    if (!str_absent(x.row.story))
        buf_str(&x.story, x.row.story);
    if (result == ATTEMPT_MISSING) {
        story_add(&x.story, now_ms, "missing", "is", (int64_t)e->executions + 1,
                  arena_printf(mem, "Function not found: " STR_FMT, STR_ARG(e->lane->arn)));
        x.status = 404;
        x.version = x.response = STR_NONE;
    } else if (result == ATTEMPT_THROTTLED) {
        metric_lambda_throttled(t, &METRIC_OF(e->lane, STR_NONE));
        if (x.story.n < STORY_MAX_BYTES)
            story_add(&x.story, now_ms, "throttled", "z", "no free concurrency");
        if (e->executions == 0)
            x.status = 429;
    } else if (result == ATTEMPT_RECURSIVE) {
        x.status = 400; /* UNVERIFIED: no recording of the record's context */
        x.response = STR_NONE;
    }
    if (result == ATTEMPT_TOO_OLD && x.status == 0)
        x.status = 429;
    decide(a, t, e, &x, result);
}

/* ---- executions ---- */

static struct str error_message(struct arena *mem, struct str payload)
{
    struct json *doc;
    struct str text = STR_NONE;

    if (payload.n <= 65536 && json_parse(mem, payload, &doc, NULL) == 0)
        text = json_get_text(mem, doc, STR("errorMessage"));
    return str_absent(text) ? STR("") : str_sub(text, 0, 300);
}

static enum attempt_result tell_outcome(struct attempt *at, const struct outcome *o, struct ending *x,
                                        int64_t now_ms)
{
    int64_t n = at->event->executions + 1;

    story_add(&x->story, o->started_ms, "started", "iss", n, at->execution.code->version, o->environment_id);
    if (o->kind == OUTCOME_OK) {
        story_add(&x->story, now_ms, "succeeded", "ii", n, o->duration_us / 1000);
        return ATTEMPT_SUCCEEDED;
    }
    if (o->kind == OUTCOME_SYSTEM) {
        story_add(&x->story, now_ms, "throttled", "s", o->why);
        return ATTEMPT_SYSTEM;
    }
    story_add(&x->story, now_ms, "failed", "issi", n, o->error_type, error_message(at->mem, o->payload),
              o->duration_us / 1000);
    return ATTEMPT_FAILED;
}

static void attempt_free(struct attempt *at)
{
    CHECK_IS(at, ATTEMPT_MAGIC);
    at->magic = 0;
    list_remove(&at->link);
    code_unref(at->execution.code);
    arena_free(at->mem); /* at lies in it */
}

/* While it still holds its slot. */
static void count_execution(struct async *a, struct turn *t, const struct attempt *at,
                            const struct outcome *o)
{
    struct metric_run run = { .started_ms = o->started_ms,
                              .duration_us = o->duration_us,
                              .error = o->kind == OUTCOME_ERROR,
                              .async = true,
                              .enqueued_ms = at->event->enqueued_ms };
    struct metric_lambda f = METRIC_OF(at->event->lane, at->execution.code->version);
    const struct async_host *h = &a->o.host;
    struct metric_concurrency c;

    if (t->metrics == NULL || o->kind == OUTCOME_SYSTEM)
        return;
    metric_lambda_executed(t, &f, &run);
    if (h->concurrency != NULL && h->concurrency(h->arg, f.account, f.region, f.name, &c))
        metric_lambda_concurrency(t, &f, &c);
}

static void attempt_done(struct execution *ex, const struct outcome *o, struct turn *t)
{
    struct attempt *at = CONTAINER_OF(ex, struct attempt, execution);
    struct async *a = at->async;
    struct event *e = at->event;
    struct ending x = { .row = at->row, .trace = at->trace };
    enum attempt_result result;

    CHECK_IS(at, ATTEMPT_MAGIC);
    CHECK((a == NULL) == (e == NULL));
    if (a == NULL) {
        attempt_free(at);
        return;
    }
    CHECK_IS(a, ASYNC_MAGIC);
    CHECK(e->magic == EVENT_MAGIC && e->state == EVENT_RUNNING);
    count_execution(a, t, at, o);
    a->o.host.release(a->o.host.arg, e->lane->account, e->lane->region, e->lane->name, at->life);
    if (!str_absent(at->row.story))
        buf_str(&x.story, at->row.story);
    result = tell_outcome(at, o, &x, t->now.wall_ms);
    if (result == ATTEMPT_SYSTEM) {
        x.status = at->row.last_status != 0 ? at->row.last_status : 429;
        x.version = at->row.last_version;
        x.response = at->row.last_payload;
    } else {
        x.status = 200;
        x.version = ex->code->version;
        x.response = o->payload;
    }
    x.function_error = result == ATTEMPT_FAILED || (result == ATTEMPT_SYSTEM && x.status == 200);
    decide(a, t, e, &x, result);
    attempt_free(at);
}

void attempt_start(struct async *a, struct event *e, const struct target *target, uint64_t life,
                   const struct now *now)
{
    struct arena *mem = arena_new(0);
    struct attempt *at = ARENA_NEW(mem, struct attempt);
    struct lane *l = e->lane;
    int64_t count;

    CHECK_IS(e, EVENT_MAGIC);
    CHECK(e->state == EVENT_READY && e->next == NULL);
    CHECK_IS(target->code, CODE_MAGIC);
    at->magic = ATTEMPT_MAGIC;
    at->mem = mem;
    if (!row_of(a->store, mem, e, &at->row)) {
        a->o.host.release(a->o.host.arg, l->account, l->region, l->name, life);
        arena_free(mem);
        async_decide_later(a, e, ATTEMPT_THROTTLED); /* a turn of its own, which will fail */
        return;
    }
    lineage_next(mem, at->row.trace, function_arn(l), now->wall_ms, &at->trace, &count);
    if (count > LINEAGE_MAX_EXECUTIONS && !target->recursion_allowed) {
        a->o.host.release(a->o.host.arg, l->account, l->region, l->name, life);
        arena_free(mem);
        async_decide_later(a, e, ATTEMPT_RECURSIVE);
        return;
    }
    at->async = a;
    at->event = e;
    at->life = life;
    STATE_MOVE(&event_machine, e->state, EVENT_RUNNING);
    list_append(&a->running, &at->link);
    at->execution = (struct execution){ .code = code_ref(target->code),
                                        .request_id = at->row.request_id,
                                        .invoked_arn = arena_str(mem, l->invoked_arn),
                                        .payload = str_empty(at->row.payload) ? STR("{}") : at->row.payload,
                                        .trace_header = at->trace,
                                        .async = true,
                                        .done = attempt_done };
    a->o.executor.start(a->o.executor.arg, &at->execution);
}

void attempts_let_go(struct async *a)
{
    struct link *k;

    while ((k = list_pop(&a->running)) != NULL) {
        struct attempt *at = CONTAINER_OF(k, struct attempt, link);
        struct lane *l = at->event->lane;

        CHECK_IS(at, ATTEMPT_MAGIC);
        CHECK(at->async == a);
        a->o.host.release(a->o.host.arg, l->account, l->region, l->name, at->life);
        at->async = NULL;
        at->event = NULL;
    }
}

void attempts_free(struct async *a)
{
    struct link *k;

    while ((k = list_first(&a->running)) != NULL)
        attempt_free(CONTAINER_OF(k, struct attempt, link));
}

/* ---- journeys of events still on their way ---- */

static bool is_running(const struct async *a, uint64_t seq)
{
    LIST_EACH(&a->running, k)
        if (CONTAINER_OF(k, struct attempt, link)->event->node.seq == seq)
            return true;
    return false;
}

static bool queued_journey(struct async *a, struct store *s, struct arena *mem, uint64_t seq,
                           struct journey *ret)
{
    CLEANUP(buf_done) struct buf steps = { 0 };
    struct event_row row;

    if (!event_row_read(s, mem, seq, &row))
        return false;
    story_accepted(&steps, &row);
    *ret = (struct journey){ .seq = seq,
                             .request_id = row.request_id,
                             .state = is_running(a, seq) ? STR("running") : STR("queued"),
                             .story = arena_printf(mem, "[" STR_FMT "]", STR_ARG(buf_view(&steps))) };
    return true;
}

static void name_lane(struct arena *mem, struct rows *r, struct journey *j)
{
    j->function_arn =
        arena_printf(mem, "arn:aws:lambda:" STR_FMT ":" STR_FMT ":function:" STR_FMT,
                     STR_ARG(rows_text(r, 2)), STR_ARG(rows_text(r, 1)), STR_ARG(rows_text(r, 3)));
    j->qualifier = arena_str(mem, rows_text(r, 4));
}

int async_journey(struct async *a, struct store *s, struct arena *mem, struct str request_id,
                  struct journey *ret)
{
    CLEANUP(rows_done) struct rows r = { 0 };
    uint64_t seq;

    if (uuid_to_seq(request_id, &seq) < 0 || !queued_journey(a, s, mem, seq, ret) ||
        !str_eq(ret->request_id, request_id))
        return -E_NOT_FOUND;
    store_query(s, &Q_NAME, &r, V_INT(seq));
    if (rows_next(&r))
        name_lane(mem, &r, ret);
    return 0;
}

size_t async_journeys(struct async *a, struct store *s, struct arena *mem, struct str function_arn,
                      struct journey *v, size_t max)
{
    CLEANUP(rows_done) struct rows r = { 0 };
    size_t n = 0;

    store_query(s, &Q_QUEUED, &r, V_INT(max));
    while (n < max && rows_next(&r)) {
        if (!queued_journey(a, s, mem, (uint64_t)rows_int(&r, 0), &v[n]))
            continue;
        name_lane(mem, &r, &v[n]);
        if (str_absent(function_arn) || str_eq(function_arn, v[n].function_arn))
            n++;
    }
    return n;
}
