/* sim.c - a turn, an executor and a sink that only remember. */
#include <stdio.h>
#include <stdlib.h>

#include "metric/read.h"
#include "story/sim.h"

struct sim_soon {
    struct sim_soon *next;
    void (*fn)(void *arg, struct turn *t);
    void *arg;
};

struct running {
    struct link link;
    struct execution *e;
    struct sim_answer answer;
    int64_t started_ms, ends_ms;
    size_t attempt;
};

static void tell(struct sim *s, const char *fmt, ...) PRINTF(2, 3);
static void tell(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (s->quiet && strncmp(fmt, "sent", 4) != 0)
        return;
    buf_printf(&s->story, "[%6lld] ", (long long)(s->now_ms - SIM_START_MS));
    va_start(ap, fmt);
    buf_vprintf(&s->story, fmt, ap);
    va_end(ap);
    buf_char(&s->story, '\n');
}

/* ---- the turn ---- */

static void op_timer_cancel(void *engine, struct timer *t)
{
    heap_remove(&((struct sim *)engine)->timers, &t->node);
}

static void op_timer_set(void *engine, struct timer *t, int64_t at_ms)
{
    heap_set(&((struct sim *)engine)->timers, &t->node, at_ms);
}

static void op_soon(void *engine, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct sim *s = engine;
    struct sim_soon *n = xcalloc(1, sizeof(*n)), **at = &s->soon;

    *n = (struct sim_soon){ .fn = fn, .arg = arg };
    while (*at != NULL)
        at = &(*at)->next;
    *at = n;
}

static void op_busy(void *engine, int delta)
{
    (void)engine;
    (void)delta;
}

static const struct turn_ops ops = {
    .timer_set = op_timer_set, .timer_cancel = op_timer_cancel, .soon = op_soon, .busy = op_busy
};

static struct turn begin(struct sim *s)
{
    return (struct turn){ .magic = TURN_MAGIC,
                          .store = s->store,
                          .now = { s->now_ms, s->now_ms * 1000000 },
                          .ops = &ops,
                          .engine = s,
                          .metrics = s->metrics };
}

static void end(struct sim *s, struct turn *t)
{
    CHECK(store_commit(s->store) == 0);
    async_pump(s->async, &t->now);
    async_check(s->async);
    metrics_check(s->metrics);
}

/* ---- the function ---- */

static int resolve(void *arg, struct str account, struct str region, struct str name, struct str qualifier,
                   struct target *ret)
{
    struct sim *s = arg;

    (void)account;
    (void)region;
    (void)name;
    if (s->pending)
        return -E_BUSY;
    if (s->missing)
        return -E_NOT_FOUND;
    s->target.code->version = str_of(s->version);
    *ret = s->target;
    if (s->other != NULL &&
        (str_eq(qualifier, s->other->version) || (s->draw_other && !str_is(qualifier, s->version))))
        ret->code = s->other;
    return 0;
}

static enum admission acquire(void *arg, struct str account, struct str region, struct str name,
                              uint64_t *ret_life)
{
    struct sim *s = arg;

    *ret_life = 7;
    (void)account;
    (void)region;
    (void)name;
    if (s->slots == 0) {
        tell(s, "no slot");
        return NO_SLOT_RESERVED;
    }
    s->slots--;
    return ADMITTED;
}

static void release(void *arg, struct str account, struct str region, struct str name, uint64_t life)
{
    CHECK(life == 7);
    (void)account;
    (void)region;
    (void)name;
    ((struct sim *)arg)->slots++;
    async_slots_freed(((struct sim *)arg)->async);
}

static bool has_slot(void *arg, struct str account, struct str region, struct str name)
{
    (void)account;
    (void)region;
    (void)name;
    return ((struct sim *)arg)->slots > 0;
}

static void start(void *arg, struct execution *e)
{
    struct sim *s = arg;
    struct running *r = xcalloc(1, sizeof(*r));
    size_t i = MIN(s->n_attempts, s->n_answers - 1);

    r->e = e;
    r->answer = s->answers[i];
    r->started_ms = s->now_ms;
    r->ends_ms = s->now_ms + r->answer.takes_ms;
    r->attempt = ++s->n_attempts;
    list_append(&s->running, &r->link);
    snprintf(s->last_trace, sizeof(s->last_trace), STR_FMT, STR_ARG(e->trace_header));
    tell(s, "attempt %zu runs " STR_FMT " version " STR_FMT " with " STR_FMT, r->attempt,
         STR_ARG(e->invoked_arn), STR_ARG(e->code->version), STR_ARG(e->payload));
}

static unsigned capacity(void *arg, const struct code *code)
{
    (void)arg;
    (void)code;
    return 100;
}

static void retire(void *arg, struct code *code)
{
    (void)arg;
    (void)code;
}

static void finish(struct sim *s, struct running *r)
{
    struct turn t = begin(s);
    struct outcome o = { .kind = r->answer.kind,
                         .payload = str_of(r->answer.payload != NULL ? r->answer.payload : ""),
                         .error_type = str_of(r->answer.error_type != NULL ? r->answer.error_type : ""),
                         .why = STR("no environment could be started"),
                         .started_ms = r->started_ms,
                         .duration_us = (s->now_ms - r->started_ms) * 1000,
                         .environment_id = STR("e1") };

    tell(s, "attempt %zu %s", r->attempt,
         o.kind == OUTCOME_OK      ? "succeeds"
         : o.kind == OUTCOME_ERROR ? "fails"
                                   : "finds no environment");
    list_remove(&r->link);
    r->e->done(r->e, &o, &t);
    free(r);
    end(s, &t);
}

/* ---- the destination ---- */

/* What goes with the body: attributes, and what bus and bucket need. */
static void tell_parcel(struct sim *s, const struct door *d, const struct parcel *p)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    for (size_t i = 0; i < p->n_attributes; i++) {
        const struct parcel_attribute *a = &p->attributes[i];
        uint64_t seq;
        bool id = uuid_to_seq(a->value, &seq) == 0;

        buf_printf(&b, " " STR_FMT "(" STR_FMT ")=" STR_FMT, STR_ARG(a->name), STR_ARG(a->type),
                   STR_ARG(id ? STR("<id>") : a->value));
    }
    if (str_is(d->arn.service, "events"))
        buf_printf(&b, " source=%s detail-type=%s", p->event_source, p->detail_type);
    if (str_is(d->arn.service, "s3"))
        buf_printf(&b, " function=" STR_FMT, STR_ARG(p->function_name));
    buf_printf(&b, " from " STR_FMT, STR_ARG(p->from.arn));
    buf_printf(&s->story, "        " STR_FMT "\n", STR_ARG(str_trim(buf_view(&b))));
}

/* The id in a record is random; the story shows <id>. */
static void tell_body(struct sim *s, struct str target, struct str body)
{
    ptrdiff_t at = str_find_str(body, STR("\"requestId\":\""));
    CLEANUP(buf_done) struct buf b = { 0 };

    if (at >= 0) {
        buf_str(&b, str_sub(body, 0, (size_t)at + 13));
        buf_z(&b, "<id>");
        buf_str(&b, str_sub(body, (size_t)at + 13 + UUID_TEXT, body.n));
    }
    tell(s, "sent to " STR_FMT ": " STR_FMT, STR_ARG(target), STR_ARG(at >= 0 ? buf_view(&b) : body));
}

static bool is_closed(const struct sim *s, struct str target)
{
    return s->closed == NULL || str_starts(target, str_of(s->closed));
}

/* The target is a function: the parcel is its event. */
static bool feed(struct sim *s, const struct door *d, const struct parcel *p, struct buf *why)
{
    struct async_request r = { .account = STR("111111111111"),
                               .region = STR("us-east-1"),
                               .payload = p->body,
                               .trace_header = p->trace_header,
                               .type = "destination",
                               .source = p->from.arn };
    char id[UUID_TEXT + 1];

    if (!str_is(d->arn.service, "lambda"))
        return false;
    r.name = str_sub(d->arn.resource, 9, d->arn.resource.n); /* behind "function:" */
    CHECK(async_accept(s->async, d->turn, &r, id) == 0);
    buf_z(why, id);
    return true;
}

static enum delivery deliver(const struct door *d, const struct parcel *p, struct buf *why)
{
    struct sim *s = d->sink->arg;

    if (s->delivery != DELIVERED && is_closed(s, d->what.arn)) {
        tell(s, "the queue refuses");
        if (s->delivery != DELIVERY_NO_RESOURCE)
            buf_z(why, "The specified queue does not exist.");
        return s->delivery;
    }
    snprintf(s->sent_trace, sizeof(s->sent_trace), STR_FMT, STR_ARG(p->trace_header));
    if (s->tell_record)
        tell_body(s, d->what.arn, p->body);
    else
        tell(s, "sent to " STR_FMT " (%zu bytes)", STR_ARG(d->what.arn), p->body.n);
    if (s->tell_parcel)
        tell_parcel(s, d, p);
    if (s->feed_itself && feed(s, d, p, why))
        return DELIVERED;
    buf_z(why, "m1");
    return DELIVERED;
}

/* A bucket or a queue may say no by itself. */
static void find(struct door *d) { d->what.policy = ((struct sim *)d->sink->arg)->own; }

static bool own_denies(const struct policy *own, struct str role, const char *action, struct str resource)
{
    struct policy_request r = {
        .caller = { .kind = CALLER_ROLE, .account = STR("111111111111"), .arn = role, .role_arn = role },
        .action = str_of(action),
        .resource = resource
    };

    return own != NULL && (policy_evaluate(own, &r) & POLICY_DENIES) != 0;
}

static enum role_verdict role_may(void *arg, struct str role_arn, const char *action,
                                  const struct resource *what, struct now now, struct buf *why)
{
    struct sim *s = arg;

    (void)now;
    if (own_denies(what->policy, role_arn, action, what->arn)) {
        buf_z(why, "an explicit deny in a resource-based policy");
        return ROLE_DENIED;
    }
    if (!is_closed(s, what->arn))
        return ROLE_ALLOWED;
    if (s->verdict == ROLE_DENIED)
        buf_printf(why, "no identity-based policy allows the %s action", action);
    return s->verdict;
}

/* ---- life ---- */

static struct async *make_async(struct sim *s)
{
    struct async_options o = {
        .host = { .arg = s,
                  .resolve = resolve,
                  .acquire = acquire,
                  .release = release,
                  .has_slot = has_slot },
        .executor = { .arg = s, .start = start, .capacity = capacity, .retire = retire },
        .sinks = &s->sinks,
        .retry_delay_ms = 60000,
        .max_queued_events = 1000,
    };

    return async_new(&o);
}

struct code *sim_code(const char *version)
{
    struct arena *mem = arena_new(0);
    struct code *c = ARENA_NEW(mem, struct code);

    *c = (struct code){ .magic = CODE_MAGIC,
                        .refs = 1,
                        .mem = mem,
                        .name = STR("f"),
                        .version = str_of(version),
                        .function_arn = STR("arn:aws:lambda:us-east-1:111111111111:function:f"),
                        .role_arn = STR("arn:aws:iam::111111111111:role/r") };
    return c;
}

static void load(struct sim *s)
{
    struct turn t = begin(s);

    async_load(s->async, &t);
    end(s, &t);
}

struct sim *sim_new(void)
{
    struct store_options so = { .ephemeral = true };
    struct sim *s = xcalloc(1, sizeof(*s));
    static const char *const rows[][2] = { { "sqs", "sqs:SendMessage" },
                                           { "sns", "sns:Publish" },
                                           { "events", "events:PutEvents" },
                                           { "s3", "s3:PutObject" },
                                           { "lambda", "lambda:InvokeFunction" } };

    CHECK(store_open(&so, &s->store, NULL) == 0);
    s->now_ms = SIM_START_MS;
    s->version = "$LATEST";
    s->slots = 1000;
    s->delivery = DELIVERED;
    s->verdict = ROLE_ALLOWED;
    s->max_body_bytes = 1048576;
    s->metrics = metrics_new();
    s->target = (struct target){ .code = sim_code("$LATEST"),
                                 .reserved_concurrency = -1,
                                 .maximum_retry_attempts = 2,
                                 .maximum_event_age_s = 21600 };
    list_init(&s->running);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        sinks_add(&s->sinks, &(struct sink){ .service = rows[i][0],
                                             .action = rows[i][1],
                                             .action_name = rows[i][1],
                                             .by_object = strcmp(rows[i][0], "s3") == 0,
                                             .find = find,
                                             .deliver = deliver,
                                             .max_body_bytes = s->max_body_bytes,
                                             .arg = s });
    s->sinks.role_may = role_may;
    s->sinks.role_arg = s;
    s->async = make_async(s);
    load(s);
    return s;
}

/* The queue has let them go: their end only frees them. */
static void end_running(struct sim *s)
{
    struct link *k;

    while ((k = list_pop(&s->running)) != NULL) {
        struct running *r = CONTAINER_OF(k, struct running, link);
        struct turn t = begin(s);

        r->e->done(r->e, &(struct outcome){ .kind = OUTCOME_OK }, &t);
        free(r);
    }
}

struct sim *sim_free(struct sim *s)
{
    struct turn t = begin(s);

    async_reset(s->async, &t);
    end_running(s);
    heap_done(&s->timers); /* before the timers' owner goes */
    async_free(s->async);
    code_unref(s->target.code);
    code_unref(s->other);
    policy_free(s->own);
    metrics_free(s->metrics);
    store_close(s->store);
    buf_done(&s->story);
    free(s);
    return NULL;
}

void sim_answers(struct sim *s, size_t n, const struct sim_answer *v)
{
    CHECK(n <= ARRAY_LEN(s->answers));
    memcpy(s->answers, v, n * sizeof(*v));
    s->n_answers = n;
}

const char *sim_event(struct sim *s, const char *qualifier, const char *payload)
{
    static char id[UUID_TEXT + 1];
    struct async_request r = { .account = STR("111111111111"),
                               .region = STR("us-east-1"),
                               .name = STR("f"),
                               .qualifier = str_of(qualifier),
                               .payload = str_of(payload),
                               .type = "Event",
                               .trace_header = str_of(s->trace) };
    struct turn t = begin(s);

    CHECK(async_accept(s->async, &t, &r, id) == 0);
    tell(s, "accepted");
    end(s, &t);
    return id;
}

static int64_t next_event_ms(struct sim *s)
{
    int64_t at = heap_first(&s->timers) != NULL ? heap_first(&s->timers)->key : INT64_MAX;

    LIST_EACH(&s->running, k)
        at = MIN(at, CONTAINER_OF(k, struct running, link)->ends_ms);
    return s->soon != NULL ? s->now_ms : at;
}

static void run_soon(struct sim *s)
{
    struct sim_soon *n = s->soon;
    struct turn t = begin(s);

    s->soon = n->next;
    n->fn(n->arg, &t);
    free(n);
    end(s, &t);
}

static void step(struct sim *s)
{
    struct heap_node *first;

    if (s->soon != NULL) {
        run_soon(s);
        return;
    }
    LIST_EACH(&s->running, k) {
        if (CONTAINER_OF(k, struct running, link)->ends_ms <= s->now_ms) {
            finish(s, CONTAINER_OF(k, struct running, link));
            return;
        }
    }
    first = heap_first(&s->timers);
    if (first != NULL && first->key <= s->now_ms) {
        struct timer *timer = CONTAINER_OF(first, struct timer, node);
        struct turn t = begin(s);

        heap_remove(&s->timers, first);
        timer->fire(timer, &t);
        end(s, &t);
    }
}

void sim_run(struct sim *s, int64_t until_ms)
{
    int64_t until = SIM_START_MS + until_ms, at;

    while ((at = next_event_ms(s)) <= until) {
        s->now_ms = MAX(s->now_ms, at);
        step(s);
    }
    s->now_ms = until;
}

void sim_restart(struct sim *s)
{
    struct turn t = begin(s);

    while (s->soon != NULL) {
        struct sim_soon *n = s->soon;

        s->soon = n->next;
        free(n);
    }
    async_reset(s->async, &t);
    end_running(s);
    async_free(s->async);
    s->slots = s->limit != 0 ? MAX(s->limit, 0) : 1000;
    s->async = make_async(s);
    tell(s, "killed and started again");
    load(s);
}

double sim_metric(struct sim *s, const char *name)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(metric_points_done) struct metric_points points = { 0 };
    struct metric_dimension f = { STR("FunctionName"), STR("f") };
    struct metric_query q = { .place = { STR("111111111111"), STR("us-east-1"), STR("AWS/Lambda"), &f, 1 },
                              .name = str_of(name),
                              .unit = STR_NONE,
                              .from_ms = SIM_START_MS / 60000 * 60000,
                              .to_ms = s->now_ms + 60000,
                              .period_ms = 60000 };
    struct turn t = begin(s);
    double sum = 0;

    q.origin_ms = q.from_ms;
    metric_read(s->metrics, &t, a, &q, &points);
    for (size_t i = 0; i < points.n; i++)
        sum += points.v[i].sum;
    end(s, &t);
    return sum;
}

const char *sim_story(struct sim *s)
{
    static struct buf told;

    buf_clear(&told);
    buf_str(&told, buf_view(&s->story));
    buf_clear(&s->story);
    return told.p;
}

const char *sim_journey(struct sim *s, const char *id)
{
    static struct buf steps;
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct journey j;
    struct json *doc;

    buf_clear(&steps);
    if (async_journey(s->async, s->store, a, str_of(id), &j) < 0 &&
        journey_get(s->store, a, str_of(id), &j) < 0)
        return "none";
    CHECK(json_parse(a, j.story, &doc, NULL) == 0);
    buf_str(&steps, j.state);
    buf_char(&steps, ':');
    JSON_EACH(doc, step) {
        buf_char(&steps, ' ');
        buf_str(&steps, json_text(a, json_at(step, 1)));
    }
    return steps.p;
}
