/* async.c - the queue: which event is ready, which waits until when.  Nothing here writes but accept and the
 * end.
 *
 * True here: an event changes its state by STATE_MOVE alone, and lies where its state says
 * (async_internal.h); a lane lives as long as it has an event of any state; a lane is on async.active exactly
 * while something of it is ready, and on async.lined exactly while something of it is in line; the timer
 * stands no later than the first of waiting.  async_check() looks all of it through. */
#include <stdlib.h>

#include "flow/async_internal.h"
#include "flow/lineage.h"
#include "metric/lambda.h"

#define SLAB_EVENTS 1024
#define PRUNE_EVERY 20000

struct event_slab {
    struct event_slab *next;
    struct event v[SLAB_EVENTS];
};

static struct sql Q_INSERT =
    SQL("INSERT INTO event(seq, request_id, account, region, name, qualifier, type, source, trace, "
        "enqueued_ms, due_ms, retries, executions, last_status, payload) VALUES($1, $2, $3, $4, $5, $6, $7, "
        "$8, $9, $10, $10, 0, 0, 0, $11)");
static struct sql Q_DELETE = SQL("DELETE FROM event WHERE seq = $1");
static struct sql Q_LOAD = SQL("SELECT seq, account, region, name, qualifier, enqueued_ms, due_ms, retries, "
                               "executions, config, backoff, throttled FROM event ORDER BY seq");

#define TO(s) STATE_BIT(EVENT_##s)
static const struct state event_states[EVENT_STATES] = {
    [EVENT_FREE] = { "free", TO(ACCEPTED) | TO(WAITING) },
    [EVENT_ACCEPTED] = { "accepted", TO(READY) },
    [EVENT_READY] = { "ready", TO(STARTING) | TO(RUNNING) | TO(DECIDING) },
    [EVENT_STARTING] = { "starting", TO(RUNNING) | TO(DECIDING) },
    [EVENT_RUNNING] = { "running", TO(WAITING) | TO(FREE) },
    [EVENT_DECIDING] = { "deciding", TO(WAITING) | TO(FREE) },
    [EVENT_WAITING] = { "waiting", TO(READY) },
};
const struct states event_machine = STATES("event", event_states);

static void event_list_init(struct event_list *l)
{
    l->first = NULL;
    l->last = &l->first;
    l->n = 0;
}

static void event_list_add(struct event_list *l, struct event *e)
{
    CHECK_IS(e, EVENT_MAGIC);
    CHECK(*l->last == NULL);
    e->next = NULL;
    *l->last = e;
    l->last = &e->next;
    l->n++;
}

static struct event *event_list_pop(struct event_list *l)
{
    struct event *e = l->first;

    if (e == NULL)
        return NULL;
    CHECK_IS(e, EVENT_MAGIC);
    CHECK(l->n > 0 && (e->next == NULL) == (l->n == 1));
    l->first = e->next;
    if (l->first == NULL)
        l->last = &l->first;
    e->next = NULL;
    l->n--;
    return e;
}

/* ---- events in memory ---- */

static struct event *event_new(struct async *a, struct lane *lane, uint64_t seq, int64_t enqueued_ms)
{
    struct event *e;

    CHECK_IS(lane, LANE_MAGIC);
    if (a->free_events == NULL) {
        struct event_slab *slab = xcalloc(1, sizeof(*slab));

        slab->next = a->slabs;
        a->slabs = slab;
        for (size_t i = SLAB_EVENTS; i-- > 0;) {
            slab->v[i].next = a->free_events;
            a->free_events = &slab->v[i];
        }
    }
    e = a->free_events;
    CHECK(e->state == EVENT_FREE && e->lane == NULL);
    a->free_events = e->next;
    *e = (struct event){
        .node = { .seq = seq }, .lane = lane, .enqueued_ms = enqueued_ms, .magic = EVENT_MAGIC
    };
    lane->events++;
    a->queued++;
    return e;
}

static void lane_drop(struct lane *l)
{
    CHECK_IS(l, LANE_MAGIC);
    heap_done(&l->line);
    arena_free(l->config_mem);
    free((void *)l->to.account.p); /* one block holds every name */
    l->magic = 0;
    free(l);
}

/* Its last event has gone. */
static void lane_free(struct async *a, struct lane *l)
{
    CHECK(l->ready.n == 0 && l->line.n == 0);
    if (a->last_lane == l)
        a->last_lane = NULL;
    CHECK(map_del(&a->lanes, l->invoked_arn) == l);
    list_remove(&l->active);
    list_remove(&l->lined);
    lane_drop(l);
}

static void event_free(struct async *a, struct event *e)
{
    struct lane *lane = e->lane;

    CHECK_IS(e, EVENT_MAGIC);
    CHECK(!heap_has(&e->node) && !heap_has(&e->in_line));
    CHECK(a->queued > 0 && lane->events > 0);
    STATE_MOVE(&event_machine, e->state, EVENT_FREE);
    e->magic = 0;
    e->lane = NULL;
    e->next = a->free_events;
    a->free_events = e;
    a->queued--;
    if (--lane->events == 0)
        lane_free(a, lane);
}

/* ---- lanes ---- */

static void lane_arns(struct buf *b, const struct callee *to, size_t *ret_function_n)
{
    buf_printf(b, "arn:aws:lambda:" STR_FMT ":" STR_FMT ":function:" STR_FMT, STR_ARG(to->region),
               STR_ARG(to->account), STR_ARG(to->name));
    *ret_function_n = b->n;
    if (!str_absent(to->qualifier))
        buf_printf(b, ":" STR_FMT, STR_ARG(to->qualifier));
}

static struct str pack(char **at, struct str s)
{
    char *p = *at;

    if (str_absent(s))
        return s;
    memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    *at += s.n + 1;
    return str_make(p, s.n);
}

static struct lane *lane_make(struct async *a, const struct callee *to, struct str invoked_arn,
                              size_t function_n)
{
    size_t n = to->account.n + to->region.n + to->name.n + to->qualifier.n + 2 * invoked_arn.n +
               sizeof(":$LATEST") + 8;
    struct lane *l = xcalloc(1, sizeof(*l));
    char *at = xmalloc(n);
    const char *block = at;

    CHECK(!str_absent(to->account)); /* the block is freed by it */
    CHECK(function_n <= invoked_arn.n);
    l->magic = LANE_MAGIC;
    l->to = *to;
    l->to.account = pack(&at, to->account);
    l->to.region = pack(&at, to->region);
    l->to.name = pack(&at, to->name);
    l->to.qualifier = pack(&at, to->qualifier);
    l->invoked_arn = pack(&at, invoked_arn);
    l->arn = pack(&at, invoked_arn);
    if (str_absent(to->qualifier)) {
        memcpy(at - 1, ":$LATEST", sizeof(":$LATEST"));
        l->arn.n += sizeof(":$LATEST") - 1;
    }
    CHECK(at <= block + n && l->to.account.p == block);
    l->function_arn_n = function_n;
    l->maximum_retry_attempts = 2;
    l->maximum_event_age_s = 21600;
    event_list_init(&l->ready);
    CHECK(map_put(&a->lanes, l->invoked_arn, l) == NULL);
    return l;
}

static bool lane_is(const struct lane *l, const struct callee *to)
{
    return str_eq(l->to.name, to->name) && str_absent(l->to.qualifier) == str_absent(to->qualifier) &&
           str_eq(l->to.qualifier, to->qualifier) && str_eq(l->to.account, to->account) &&
           str_eq(l->to.region, to->region);
}

static struct lane *lane_for(struct async *a, const struct callee *to)
{
    CLEANUP(buf_done) struct buf arn = { 0 };
    size_t function_n;

    if (a->last_lane != NULL && lane_is(a->last_lane, to))
        return a->last_lane;
    lane_arns(&arn, to, &function_n);
    a->last_lane = map_get(&a->lanes, buf_view(&arn));
    if (a->last_lane == NULL)
        a->last_lane = lane_make(a, to, buf_view(&arn), function_n);
    return a->last_lane;
}

void lane_remember(struct lane *l, const struct target *target)
{
    l->maximum_retry_attempts = target->maximum_retry_attempts;
    l->maximum_event_age_s = target->maximum_event_age_s;
    if (l->config_mem != NULL && str_eq(l->on_success, target->on_success) &&
        str_eq(l->on_failure, target->on_failure) && str_eq(l->role_arn, target->code->role_arn) &&
        str_eq(l->dead_letter, target->code->dead_letter))
        return;
    arena_free(l->config_mem);
    l->config_mem = arena_new(0);
    l->on_success = arena_str(l->config_mem, target->on_success);
    l->on_failure = arena_str(l->config_mem, target->on_failure);
    l->role_arn = arena_str(l->config_mem, target->code->role_arn);
    l->dead_letter = arena_str(l->config_mem, target->code->dead_letter);
}

/* What the row of a tried event remembers (config_text() in async_attempt.c), until the target is asked
 * again. */
static void lane_recall(struct lane *l, struct str config)
{
    struct str line[6] = { STR_NONE, STR_NONE, STR_NONE, STR_NONE, STR_NONE, STR_NONE };

    for (size_t i = 0; i < ARRAY_LEN(line); i++)
        if (!str_cut(&config, '\n', &line[i]) && i < 5) /* the sixth came later */
            return;
    if (str_to_i64(line[0], &l->maximum_retry_attempts) < 0 ||
        str_to_i64(line[1], &l->maximum_event_age_s) < 0)
        return;
    arena_free(l->config_mem);
    l->config_mem = arena_new(0);
    l->role_arn = arena_str(l->config_mem, line[2]);
    l->on_success = arena_str(l->config_mem, line[3]);
    l->on_failure = arena_str(l->config_mem, line[4]);
    l->dead_letter = arena_str(l->config_mem, line[5]);
}

/* ---- moves ---- */

void async_event_ready(struct async *a, struct event *e)
{
    struct lane *l = e->lane;

    CHECK_IS(l, LANE_MAGIC);
    STATE_MOVE(&event_machine, e->state, EVENT_READY);
    event_list_add(&l->ready, e);
    a->ready++;
    if (!link_on(&l->active))
        list_append(&a->active, &l->active);
}

/* The event's wait is over, by its due time or by a slot. */
static void end_wait(struct async *a, struct event *e)
{
    struct lane *l = e->lane;

    CHECK_IS(e, EVENT_MAGIC);
    CHECK(e->state == EVENT_WAITING && heap_has(&e->node));
    heap_remove(&a->waiting, &e->node);
    heap_remove(&l->line, &e->in_line);
    e->kept = NULL; /* in the place of in_line */
    if (heap_first(&l->line) == NULL)
        list_remove(&l->lined);
    async_event_ready(a, e);
}

static void due(struct timer *timer, struct turn *t)
{
    struct async *a = CONTAINER_OF(timer, struct async, timer);
    struct heap_node *first;

    CHECK_IS(a, ASYNC_MAGIC);
    while ((first = heap_first(&a->waiting)) != NULL && first->key <= t->now.wall_ms) {
        end_wait(a, CONTAINER_OF(first, struct event, node));
    }
    if (first != NULL)
        timer_set(t, &a->timer, first->key);
}

void async_event_wait(struct async *a, struct turn *t, struct event *e, int64_t due_ms, bool throttled)
{
    struct lane *l = e->lane;

    CHECK_IS(e, EVENT_MAGIC);
    CHECK(e->kept == NULL);
    CHECK(!heap_has(&e->node) && !heap_has(&e->in_line));
    STATE_MOVE(&event_machine, e->state, EVENT_WAITING);
    heap_set(&a->waiting, &e->node, due_ms);
    if (heap_first(&a->waiting) == &e->node)
        timer_set(t, &a->timer, due_ms);
    if (!throttled)
        return;
    e->in_line.seq = e->node.seq;
    heap_set(&l->line, &e->in_line, (int64_t)e->node.seq);
    if (!link_on(&l->lined))
        list_append(&a->lined, &l->lined);
}

void async_event_end(struct async *a, struct turn *t, struct event *e)
{
    store_exec(t->store, &Q_DELETE, V_INT(e->node.seq));
    event_free(a, e);
    if (++a->ended_since_prune >= PRUNE_EVERY) {
        a->ended_since_prune = 0;
        journey_prune(t);
    }
}

static void decide_all(void *arg, struct turn *t)
{
    struct async *a = CAST(struct async, ASYNC_MAGIC, arg);
    struct event *e;

    a->decide_posted = false;
    while ((e = event_list_pop(&a->deciding)) != NULL)
        async_decide(a, t, e, e->decide);
}

void async_decide_later(struct async *a, struct event *e, enum attempt_result why)
{
    CHECK((unsigned)why <= UINT8_MAX && why != ATTEMPT_SUCCEEDED);
    STATE_MOVE(&event_machine, e->state, EVENT_DECIDING);
    e->decide = (uint8_t)why;
    event_list_add(&a->deciding, e);
    if (!a->decide_posted)
        a->soon(a->engine, decide_all, a);
    a->decide_posted = true;
}

/* ---- accept ---- */

int async_accept(struct async *a, struct turn *t, const struct async_request *r, char ret_id[UUID_TEXT + 1])
{
    struct metric_lambda f;
    struct arena *mem;
    struct str trace;
    struct event *e;
    uint64_t seq;

    CHECK_IS(a, ASYNC_MAGIC);
    CHECK(a->engine == t->engine && r->type != NULL);
    CHECK(!str_empty(r->to.account) && !str_empty(r->to.region) && !str_empty(r->to.name));
    if (a->queued >= a->o.max_queued_events)
        return -E_FULL;
    mem = arena_new(0);
    trace = trace_complete(mem, r->trace_header, t->now.wall_ms);
    seq = store_next_id(t->store);
    uuid_of_seq(ret_id, seq);
    if (store_exec(t->store, &Q_INSERT, V_INT(seq), V_TEXT(str_make(ret_id, UUID_TEXT)),
                   V_TEXT(r->to.account), V_TEXT(r->to.region), V_TEXT(r->to.name), V_TEXT(r->to.qualifier),
                   V_TEXT(str_of(r->type)), V_TEXT(r->source), V_TEXT(trace), V_INT(t->now.wall_ms),
                   V_BLOB(str_absent(r->payload) ? STR("") : r->payload)) < 0) {
        arena_free(mem);
        return -E_FULL;
    }
    e = event_new(a, lane_for(a, &r->to), seq, t->now.wall_ms);
    STATE_MOVE(&event_machine, e->state, EVENT_ACCEPTED);
    event_list_add(&a->accepted, e);
    attempt_keep(a, e, mem, r, ret_id, trace);
    f = run_metric(&r->to, STR_NONE);
    metric_lambda_received(t, &f);
    return 0;
}

/* ---- pump ---- */

/* What keeps the lane's first event from running, or ATTEMPT_SUCCEEDED when nothing does. */
static enum attempt_result obstacle(struct lane *l, const struct event *e, int missing,
                                    const struct target *target, const struct now *now)
{
    if (missing == -E_NOT_FOUND)
        return ATTEMPT_MISSING;
    if (target->reserved_concurrency == 0)
        return ATTEMPT_ZERO_RESERVED;
    if (now->wall_ms - e->enqueued_ms > l->maximum_event_age_s * 1000)
        return ATTEMPT_TOO_OLD;
    return ATTEMPT_SUCCEEDED;
}

static struct event *take_ready(struct async *a, struct lane *l)
{
    struct event *e = event_list_pop(&l->ready);

    CHECK(e != NULL && e->lane == l && e->state == EVENT_READY && a->ready > 0);
    a->ready--;
    return e;
}

/* False: the lane must wait (no capacity, function not ready yet). */
static bool pump_one(struct async *a, struct lane *l, const struct now *now)
{
    struct target target = { .reserved_concurrency = -1 };
    int r = run_resolve(&a->o.runner, &l->to, l->to.qualifier, &target);
    enum attempt_result why;
    struct slot slot;

    CHECK(r == 0 || r == -E_BUSY || r == -E_NOT_FOUND);
    if (r == -E_BUSY)
        return false;
    if (r == 0)
        lane_remember(l, &target);
    why = obstacle(l, l->ready.first, r, &target, now);
    if (why != ATTEMPT_SUCCEEDED) {
        async_decide_later(a, take_ready(a, l), why);
        return true;
    }
    if (!attempt_has_room(a, l->ready.first, target.code))
        return false;
    if (run_admit(&a->o.runner, &l->to, &slot) != ADMITTED) {
        async_decide_later(a, take_ready(a, l), ATTEMPT_THROTTLED);
        return true;
    }
    attempt_start(a, take_ready(a, l), &target, slot, now);
    return true;
}

/* While the line's head finds a slot and a place to run.  One that only finds a slot is ready from now on:
 * events wait for the machine without being throttled. */
static void pump_line(struct async *a, struct lane *l, const struct now *now)
{
    const struct run_host *h = &a->o.runner.host;
    struct heap_node *first;

    while (l->ready.first == NULL && (first = heap_first(&l->line)) != NULL && h->has_slot(h->arg, &l->to)) {
        end_wait(a, CONTAINER_OF(first, struct event, in_line));
        if (!pump_one(a, l, now))
            break;
    }
}

/* A lane that was served stands last the next time. */
static void pump_lines(struct async *a, const struct now *now)
{
    size_t n;

    if (!a->slots_freed || a->o.runner.host.has_slot == NULL)
        return;
    a->slots_freed = false;
    n = list_length(&a->lined);
    while (n-- > 0 && !list_empty(&a->lined)) {
        struct lane *l = CONTAINER_OF(list_pop(&a->lined), struct lane, lined);

        CHECK_IS(l, LANE_MAGIC);
        list_append(&a->lined, &l->lined);
        pump_line(a, l, now);
    }
}

void async_slots_freed(struct async *a)
{
    if (a != NULL)
        a->slots_freed = true;
}

void async_pump(struct async *a, const struct now *now)
{
    struct event *e;
    size_t n;

    CHECK_IS(a, ASYNC_MAGIC);
    pump_lines(a, now);
    while ((e = event_list_pop(&a->accepted)) != NULL)
        async_event_ready(a, e);
    n = list_length(&a->active);
    while (n-- > 0 && !list_empty(&a->active)) {
        struct lane *l = CONTAINER_OF(list_pop(&a->active), struct lane, active);

        CHECK_IS(l, LANE_MAGIC);
        while (l->ready.first != NULL && pump_one(a, l, now))
            ;
        if (l->ready.first != NULL) /* the next time behind the others that wait for the machine */
            list_append(&a->active, &l->active);
    }
}

/* ---- life ---- */

struct async *async_new(const struct async_options *o)
{
    struct async *a = xcalloc(1, sizeof(*a));

    CHECK(o->runner.host.resolve != NULL && o->runner.host.acquire != NULL && o->runner.host.release != NULL);
    CHECK(o->runner.executor.start != NULL && o->runner.executor.capacity != NULL && o->sinks != NULL);
    a->magic = ASYNC_MAGIC;
    a->o = *o;
    list_init(&a->active);
    list_init(&a->running);
    list_init(&a->lined);
    list_init(&a->kept);
    list_init(&a->starting);
    event_list_init(&a->accepted);
    event_list_init(&a->deciding);
    a->timer.fire = due;
    a->timer.work = true;
    return a;
}

static void forget_all(struct async *a)
{
    struct str key;
    void *lane;

    attempts_let_go(a);
    for (size_t i = 0; map_next(&a->lanes, &i, &key, &lane);)
        lane_drop(CAST(struct lane, LANE_MAGIC, lane));
    map_done(&a->lanes);
    a->last_lane = NULL;
    heap_done(&a->waiting);
    for (struct event_slab *s = a->slabs, *next; s != NULL; s = next) {
        next = s->next;
        free(s);
    }
    a->slabs = NULL;
    a->free_events = NULL;
    a->queued = a->ready = 0;
    list_init(&a->active);
    list_init(&a->lined);
    event_list_init(&a->accepted);
    event_list_init(&a->deciding);
}

void async_reset(struct async *a, struct turn *t)
{
    CHECK_IS(a, ASYNC_MAGIC);
    timer_cancel(t, &a->timer);
    forget_all(a);
}

struct async *async_free(struct async *a)
{
    if (a == NULL)
        return NULL;
    CHECK_IS(a, ASYNC_MAGIC);
    attempts_free(a);
    forget_all(a);
    a->magic = 0;
    free(a);
    return NULL;
}

void async_load(struct async *a, struct turn *t)
{
    CLEANUP(rows_done) struct rows r = { 0 };

    CHECK_IS(a, ASYNC_MAGIC);
    CHECK(a->queued == 0 && a->lanes.n == 0); /* new, or reset */
    a->soon = t->ops->soon;
    a->engine = t->engine;
    a->slots_freed = true;
    store_query(t->store, &Q_LOAD, &r);
    while (rows_next(&r) && rows_place(&r, 1, 2, 3, FUNCTION_NAME_MOST)) {
        struct callee to = { .account = rows_text(&r, 1),
                             .region = rows_text(&r, 2),
                             .name = rows_text(&r, 3),
                             .qualifier = rows_text(&r, 4) };
        struct event *e = event_new(a, lane_for(a, &to), (uint64_t)rows_int(&r, 0), rows_ms(&r, 5));

        e->retries = (uint8_t)rows_count(&r, 7, UINT8_MAX);
        e->executions = (uint16_t)rows_count(&r, 8, UINT16_MAX);
        lane_recall(e->lane, rows_text(&r, 9));
        e->backoff = (uint8_t)rows_count(&r, 10, UINT8_MAX);
        async_event_wait(a, t, e, rows_ms(&r, 6), rows_int(&r, 11) != 0);
    }
}

void async_counts(const struct async *a, struct async_counts *ret)
{
    *ret = (struct async_counts){ .queued = a->queued,
                                  .ready = a->ready + a->accepted.n + a->deciding.n,
                                  .waiting = a->waiting.n };
    ret->running = a->queued - ret->ready - ret->waiting;
}

/* ---- everything looked through: for tests ---- */

/* Every event of it is in that state, and there are as many as it says. */
static void check_list(const struct event_list *l, enum event_state state, const struct lane *of)
{
    struct event *const *last = &l->first;
    uint64_t n = 0;

    for (const struct event *e = l->first; e != NULL; e = e->next, n++) {
        CHECK_IS(e, EVENT_MAGIC);
        CHECK(e->state == state && (of == NULL || e->lane == of));
        CHECK(!heap_has(&e->node) && !heap_has(&e->in_line));
        last = &e->next;
    }
    CHECK(n == l->n && l->last == last);
}

/* Returns how many of its events wait for a slot. */
static uint64_t check_lane(const struct async *a, const struct lane *l)
{
    check_list(&l->ready, EVENT_READY, l);
    CHECK(l->events > 0);
    CHECK(l->ready.n + l->line.n <= l->events);
    CHECK(link_on(&l->active) == (l->ready.n > 0));
    CHECK(link_on(&l->lined) == (l->line.n > 0));
    CHECK(l->function_arn_n <= l->arn.n && str_starts(l->arn, str_sub(l->invoked_arn, 0, l->function_arn_n)));
    heap_check(&l->line);
    for (uint32_t i = 0; i < l->line.n; i++) {
        const struct event *e = CONTAINER_OF(l->line.v[i], struct event, in_line);

        CHECK_IS(e, EVENT_MAGIC);
        CHECK(e->lane == l && e->state == EVENT_WAITING && heap_has(&e->node));
        CHECK(e->in_line.key == (int64_t)e->node.seq && e->in_line.seq == e->node.seq);
    }
    return l->line.n;
}

static void check_waiting(const struct async *a, uint64_t in_lines)
{
    uint64_t throttled = 0;

    heap_check(&a->waiting);
    for (uint32_t i = 0; i < a->waiting.n; i++) {
        const struct event *e = CONTAINER_OF(a->waiting.v[i], struct event, node);

        CHECK_IS(e, EVENT_MAGIC);
        CHECK(e->state == EVENT_WAITING);
        throttled += heap_has(&e->in_line);
    }
    CHECK(throttled == in_lines);
    CHECK(a->waiting.n == 0 || !timer_pending(&a->timer) || a->timer.node.key <= a->waiting.v[0]->key);
    CHECK(a->waiting.n == 0 || timer_pending(&a->timer));
}

static uint64_t check_attempts(const struct async *a, const struct list *l, enum event_state state)
{
    uint64_t n = 0;

    LIST_EACH(l, k) {
        const struct attempt *at = CONTAINER_OF(k, struct attempt, link);

        CHECK_IS(at, ATTEMPT_MAGIC);
        CHECK_IS(at->event, EVENT_MAGIC);
        CHECK(at->event->state == state && at->slot.life != 0);
        CHECK(state == EVENT_STARTING ? at->code != NULL : at->async == a && at->run.execution.code != NULL);
        n++;
    }
    return n;
}

static void check_kept(const struct async *a)
{
    size_t bytes = 0;

    LIST_EACH(&a->kept, k) {
        const struct attempt *at = CONTAINER_OF(k, struct attempt, link);

        CHECK_IS(at, ATTEMPT_MAGIC);
        CHECK(at->event->kept == at && at->event->state != EVENT_WAITING);
        bytes += at->kept_bytes;
    }
    CHECK(bytes == a->kept_bytes && bytes <= KEPT_BYTES);
}

static void check_free(const struct async *a)
{
    for (const struct event *e = a->free_events; e != NULL; e = e->next)
        CHECK(e->state == EVENT_FREE && e->magic == 0 && e->lane == NULL);
}

void async_check(const struct async *a)
{
    struct str key;
    void *value;
    uint64_t events = 0, ready = 0, in_lines = 0;
    uint64_t starting = check_attempts(a, &a->starting, EVENT_STARTING);
    uint64_t running = starting + check_attempts(a, &a->running, EVENT_RUNNING);
    size_t active = 0, lined = 0;

    CHECK_IS(a, ASYNC_MAGIC);
    for (size_t i = 0; map_next(&a->lanes, &i, &key, &value);) {
        const struct lane *l = CAST(const struct lane, LANE_MAGIC, value);

        CHECK(str_eq(key, l->invoked_arn));
        in_lines += check_lane(a, l);
        events += l->events;
        ready += l->ready.n;
        active += link_on(&l->active);
        lined += link_on(&l->lined);
    }
    CHECK(active == list_length(&a->active) && lined == list_length(&a->lined));
    check_list(&a->accepted, EVENT_ACCEPTED, NULL);
    check_list(&a->deciding, EVENT_DECIDING, NULL);
    check_waiting(a, in_lines);
    check_free(a);
    check_kept(a);
    CHECK(starting == a->n_starting);
    CHECK(ready == a->ready && events == a->queued);
    CHECK(a->queued == ready + running + a->accepted.n + a->deciding.n + a->waiting.n);
    CHECK(a->deciding.n == 0 || a->decide_posted);
    CHECK(a->last_lane == NULL || map_get(&a->lanes, a->last_lane->invoked_arn) == a->last_lane);
}
