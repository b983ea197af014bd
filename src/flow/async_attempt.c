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

static bool event_row_read(struct store *s, struct arena *mem, uint64_t seq, struct event_row *ret)
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

/* ---- rows in memory ---- */

static struct attempt *attempt_new(struct event *e, struct arena *mem)
{
    struct attempt *at = ARENA_NEW(mem, struct attempt);

    at->magic = ATTEMPT_MAGIC;
    at->mem = mem;
    at->event = e;
    return at;
}

static void attempt_free(struct attempt *at)
{
    CHECK_IS(at, ATTEMPT_MAGIC);
    at->magic = 0;
    list_remove(&at->link);
    arena_free(at->mem); /* at lies in it */
}

void attempt_keep(struct async *a, struct event *e, struct arena *mem, const struct async_request *r,
                  const char *id, struct str trace)
{
    size_t own = sizeof(struct attempt) + r->payload.n + r->source.n + trace.n;
    size_t bytes = KEPT_ARENA_BYTES + own;
    struct attempt *at;

    if (own > KEPT_EVENT_BYTES || a->kept_bytes + bytes > KEPT_BYTES) {
        arena_free(mem);
        return;
    }
    at = attempt_new(e, mem);
    at->row = (struct event_row){ .request_id = arena_str(mem, str_make(id, UUID_TEXT)),
                                  .type = arena_str(mem, str_of(r->type)),
                                  .source = arena_str(mem, r->source),
                                  .trace = trace,
                                  .story = STR_NONE,
                                  .payload = str_absent(r->payload) ? STR("") : arena_str(mem, r->payload),
                                  .last_version = STR_NONE,
                                  .last_payload = STR_NONE,
                                  .enqueued_ms = e->enqueued_ms };
    at->kept_bytes = bytes;
    a->kept_bytes += bytes;
    list_append(&a->kept, &at->link);
    e->kept = at;
}

/* The event's attempt: the kept one, which is kept no more, or a new one that has no row yet. */
static struct attempt *attempt_of(struct async *a, struct event *e)
{
    struct attempt *at = e->kept;

    if (at == NULL)
        return attempt_new(e, arena_new(0));
    list_remove(&at->link);
    a->kept_bytes -= at->kept_bytes;
    e->kept = NULL;
    return at;
}

static bool has_row(const struct attempt *at) { return !str_absent(at->row.request_id); }

/* A row that is not there though its event is: the store is in trouble, or another program was in it.  Either
 * way the turn must fail, and the queue is read again or the server ends. */
static bool attempt_read(struct attempt *at, struct store *s)
{
    uint64_t seq = at->event->node.seq;

    if (has_row(at) || event_row_read(s, at->mem, seq, &at->row))
        return true;
    if (store_sound(s))
        store_damaged(s, "event", (int64_t)seq, "it is not there any more");
    return false;
}

static void story_accepted(struct buf *b, const struct event_row *row)
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

/* One sample now; the resource is the function as it was asked for ("f", "f:live"). */
static void count_one(struct turn *t, const struct lane *l, struct str version, const char *metric)
{
    struct metric_lambda f = run_metric(&l->to, version);

    metric_lambda_count(t, &f, metric, 1);
}

static struct destination_facts facts_of(const struct async *a, const struct lane *l, const struct ending *x,
                                         struct str target)
{
    return (struct destination_facts){ .target_arn = target,
                                       .role_arn = l->role_arn,
                                       .function_name = l->to.name,
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
    journey_put(t, e->node.seq, x->row.request_id, function_arn(e->lane), e->lane->to.qualifier, state,
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
    const struct runner *n = &a->o.runner;
    struct target target = { .reserved_concurrency = -1 }, ran = { .reserved_concurrency = -1 };

    if (run_resolve(n, &l->to, l->to.qualifier, &target) != 0)
        return false;
    if (!str_empty(version) && !str_eq(version, target.code->version) &&
        run_resolve(n, &l->to, version, &ran) == 0)
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
    struct metric_lambda counted = run_metric(&l->to, x->version);

    if (d.condition != CONDITION_NONE)
        metric_lambda_ended(t, &counted, d.condition != CONDITION_SUCCESS);
    if (d.condition == CONDITION_NONE)
        again(a, t, e, x, &d, result);
    else
        finish(a, t, e, x, &d);
    buf_done(&x->story);
}

/* Why there was no execution, told and in the status that goes into the record. */
static void tell_refusal(struct turn *t, const struct attempt *at, struct ending *x,
                         enum attempt_result result)
{
    const struct event *e = at->event;
    struct metric_lambda counted = run_metric(&e->lane->to, STR_NONE);

    if (result == ATTEMPT_MISSING) {
        story_add(&x->story, t->now.wall_ms, "missing", "is", (int64_t)e->executions + 1,
                  arena_printf(at->mem, "Function not found: " STR_FMT, STR_ARG(e->lane->arn)));
        x->status = 404;
        x->version = x->response = STR_NONE;
    } else if (result == ATTEMPT_THROTTLED) {
        metric_lambda_throttled(t, &counted);
        if (x->story.n < STORY_MAX_BYTES)
            story_add(&x->story, t->now.wall_ms, "throttled", "z", "no free concurrency");
        if (e->executions == 0)
            x->status = 429;
    } else if (result == ATTEMPT_RECURSIVE) {
        x->status = 400; /* UNVERIFIED: no recording of the record's context */
        x->response = STR_NONE;
    }
    if (result == ATTEMPT_TOO_OLD && x->status == 0)
        x->status = 429;
}

/* What the row remembers: of the last attempt, and the story since the accept. */
static struct ending ending_of(const struct attempt *at)
{
    struct ending x = { .row = at->row,
                        .status = at->row.last_status,
                        .version = at->row.last_version,
                        .response = at->row.last_payload,
                        .function_error = at->row.last_status == 200,
                        .trace = at->row.trace };

    if (!str_absent(at->row.story))
        buf_str(&x.story, at->row.story);
    return x;
}

/* Without an execution: what the row remembers of the last attempt stays the last attempt. */
void async_decide(struct async *a, struct turn *t, struct event *e, enum attempt_result result)
{
    struct attempt *at = attempt_of(a, e);
    struct ending x;

    if (attempt_read(at, t->store)) {
        x = ending_of(at);
        tell_refusal(t, at, &x, result);
        decide(a, t, e, &x, result);
    }
    attempt_free(at);
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

    story_add(&x->story, o->started_ms, "started", "iss", n, at->run.execution.code->version,
              o->environment_id);
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

static void attempt_done(struct run *r, const struct outcome *o, struct turn *t)
{
    struct attempt *at = CONTAINER_OF(r, struct attempt, run);
    struct ending x;
    enum attempt_result result;

    CHECK_IS(at, ATTEMPT_MAGIC);
    CHECK((at->async == NULL) == (at->event == NULL));
    if (at->async != NULL) {
        CHECK_IS(at->async, ASYNC_MAGIC);
        CHECK(at->event->magic == EVENT_MAGIC && at->event->state == EVENT_RUNNING);
        x = ending_of(at);
        x.trace = at->trace;
        result = tell_outcome(at, o, &x, t->now.wall_ms);
        if (result != ATTEMPT_SYSTEM) {
            x.status = 200;
            x.version = r->execution.code->version;
            x.response = o->payload;
            x.function_error = result == ATTEMPT_FAILED;
        } else if (x.status == 0)
            x.status = 429;
        decide(at->async, t, at->event, &x, result);
    }
    attempt_free(at);
}

/* Nothing was started: what it holds goes back. */
static void attempt_drop(struct async *a, struct attempt *at)
{
    run_give_back(&a->o.runner, &at->slot);
    code_unref(at->code);
    attempt_free(at);
}

/* False: the chain of executions is too long, and the event is about to be decided. */
static bool attempt_prepare(struct async *a, struct attempt *at, const struct now *now)
{
    struct event *e = at->event;
    struct lane *l = e->lane;
    int64_t count;

    lineage_next(at->mem, at->row.trace, function_arn(l), now->wall_ms, &at->trace, &count);
    if (count > LINEAGE_MAX_EXECUTIONS && !at->may_recurse) {
        attempt_drop(a, at);
        async_decide_later(a, e, ATTEMPT_RECURSIVE);
        return false;
    }
    at->run = (struct run){
        .execution = { .request_id = at->row.request_id,
                       .invoked_arn = arena_str(at->mem, l->invoked_arn),
                       .payload = str_empty(at->row.payload) ? STR("{}") : at->row.payload,
                       .trace_header = at->trace,
                       .async = true },
        .callee = &l->to,
        .enqueued_ms = e->enqueued_ms,
        .done = attempt_done,
    };
    return true;
}

static void attempt_run(struct async *a, struct attempt *at)
{
    struct code *code = at->code;

    at->async = a;
    STATE_MOVE(&event_machine, at->event->state, EVENT_RUNNING);
    list_remove(&at->link);
    list_append(&a->running, &at->link);
    run_start(&at->run, &a->o.runner, code, at->slot);
    code_unref(code);
}

static void run_starting(void *arg)
{
    struct async *a = arg;
    struct link *k;

    a->n_starting = 0;
    while ((k = list_first(&a->starting)) != NULL)
        attempt_run(a, CONTAINER_OF(k, struct attempt, link));
}

/* A turn for every row that is not in memory; what it decides begins after its commit, as all does. */
static void read_starting(void *arg, struct turn *t)
{
    struct async *a = arg;

    LIST_EACH_SAFE(&a->starting, k, next) {
        struct attempt *at = CONTAINER_OF(k, struct attempt, link);
        struct event *e = at->event;

        if (attempt_read(at, t->store)) {
            attempt_prepare(a, at, &t->now);
            continue;
        }
        attempt_drop(a, at); /* this turn fails */
        async_decide_later(a, e, ATTEMPT_THROTTLED);
    }
    turn_after(t, run_starting, a);
}

bool attempt_has_room(struct async *a, const struct event *e, const struct code *code)
{
    const struct executor *x = &a->o.runner.executor;
    unsigned room = x->capacity(x->arg, code);

    if (e->kept == NULL && a->n_starting >= STARTING_MOST)
        return false;
    LIST_EACH(&a->starting, k)
        if (room > 0 && CONTAINER_OF(k, struct attempt, link)->code == code)
            room--;
    return room > 0;
}

void attempt_start(struct async *a, struct event *e, const struct target *target, struct slot slot,
                   const struct now *now)
{
    struct attempt *at = attempt_of(a, e);

    CHECK_IS(e, EVENT_MAGIC);
    CHECK(e->state == EVENT_READY && e->next == NULL);
    CHECK_IS(target->code, CODE_MAGIC);
    at->slot = slot;
    at->code = code_ref(target->code);
    at->may_recurse = target->recursion_allowed;
    if (has_row(at)) {
        if (attempt_prepare(a, at, now))
            attempt_run(a, at);
        return;
    }
    STATE_MOVE(&event_machine, e->state, EVENT_STARTING);
    list_append(&a->starting, &at->link);
    if (a->n_starting++ == 0)
        a->soon(a->engine, read_starting, a);
}

void attempts_let_go(struct async *a)
{
    struct link *k;

    while ((k = list_first(&a->kept)) != NULL)
        attempt_free(CONTAINER_OF(k, struct attempt, link));
    while ((k = list_first(&a->starting)) != NULL)
        attempt_drop(a, CONTAINER_OF(k, struct attempt, link));
    while ((k = list_pop(&a->running)) != NULL) {
        struct attempt *at = CONTAINER_OF(k, struct attempt, link);

        CHECK_IS(at, ATTEMPT_MAGIC);
        CHECK(at->async == a);
        run_let_go(&at->run);
        at->async = NULL;
        at->event = NULL;
    }
    a->kept_bytes = a->n_starting = 0;
}

void attempts_free(struct async *a)
{
    struct link *k;

    while ((k = list_first(&a->running)) != NULL) {
        code_unref(CONTAINER_OF(k, struct attempt, link)->run.execution.code);
        attempt_free(CONTAINER_OF(k, struct attempt, link));
    }
}

/* ---- journeys of events still on their way ---- */

static bool is_running(const struct async *a, uint64_t seq)
{
    LIST_EACH(&a->running, k)
        if (CONTAINER_OF(k, struct attempt, link)->event->node.seq == seq)
            return true;
    LIST_EACH(&a->starting, k)
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
