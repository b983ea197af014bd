/* engine.c - the loop's side: when a turn runs, what it takes in, what it lets go.
 *
 *   prepare: inbox not empty? then do not sleep (idle handle)       check: run turns until the inbox is empty
 * Everything that wants to happen is an item of the inbox; items of one round share a commit.
 *
 * True here: an item is a call or a function, never both; one turn at a time, and none inside another.  No
 * effect is left when a turn begins; replies may be: a commit that failed reads memory again in a turn of its
 * own, before the refusals leave. */
#include <stdio.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/id.h"
#include "engine/internal.h"
#include "engine/verify.h"

#define MAX_TURNS_PER_ROUND 8 /* then sockets get their chance */
#define PATIENCE_MS 2

static void inbox_add(struct engine *e, const struct item *item)
{
    struct inbox *in = &e->inbox;

    CHECK((item->call != NULL) != (item->fn != NULL));
    if (in->n == in->cap) {
        in->cap = in->cap > 0 ? in->cap * 2 : 64;
        in->v = xrealloc(in->v, in->cap * sizeof(*in->v));
    }
    in->v[in->n++] = *item;
}

void engine_soon(void *engine, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, engine);

    e->pressing++;
    inbox_add(e, &(struct item){ .fn = fn, .arg = arg });
}

static void on_patience(uv_timer_t *timer) { CAST(struct engine, ENGINE_MAGIC, timer->data)->pressing++; }

void engine_patiently(void *engine, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, engine);

    inbox_add(e, &(struct item){ .fn = fn, .arg = arg });
    if (!uv_is_active((uv_handle_t *)&e->patience)) {
        uv_update_time(e->o.loop);
        uv_timer_start(&e->patience, on_patience, PATIENCE_MS, 0);
    }
}

void engine_call(struct engine *e, struct call *c, const struct handler *h)
{
    CHECK_IS(e, ENGINE_MAGIC);
    CHECK_IS(c, CALL_MAGIC);
    CHECK(c->engine == e && !c->answered && h != NULL && h->fn != NULL);
    e->pressing++;
    inbox_add(e, &(struct item){ .call = c, .handler = h });
}

void engine_busy(void *engine, int delta)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, engine);

    e->busy += delta;
    CHECK(e->busy >= 0);
}

/* ---- one turn ---- */

static bool timers_due(struct engine *e, int64_t now_ms)
{
    struct heap_node *first = heap_first(&e->timers);

    return first != NULL && first->key <= now_ms;
}

static void run_timers(struct engine *e, struct turn *t)
{
    int64_t began_ns = clock_mono_ns();

    while (timers_due(e, t->now.wall_ms)) {
        struct timer *timer = CONTAINER_OF(heap_first(&e->timers), struct timer, node);

        CHECK(timer->fire != NULL && (!timer->work || e->work_timers > 0));
        heap_remove(&e->timers, &timer->node);
        if (timer->work)
            e->work_timers--;
        timer->fire(timer, t);
        began_ns = watch_piece(&e->watch, began_ns, STR("waybill"), STR("timer"), STR_NONE);
    }
}

static void run_items(struct engine *e, struct turn *t)
{
    struct inbox in = e->inbox;
    int64_t began_ns = clock_mono_ns();

    e->inbox = e->spare;
    e->inbox.n = 0;
    e->pressing = 0;
    uv_timer_stop(&e->patience);
    for (size_t i = 0; i < in.n; i++) {
        if (in.v[i].call != NULL) {
            engine_handle(e, t, in.v[i].call, in.v[i].handler);
            began_ns = engine_watch_call(e, began_ns, in.v[i].call);
            continue;
        }
        in.v[i].fn(in.v[i].arg, t);
        began_ns = watch_piece(&e->watch, began_ns, STR("waybill"), STR("result"), STR_NONE);
    }
    e->spare = in;
}

static int settle_store(struct engine *e)
{
    int r = store_commit(e->o.store);

    if (r < 0) {
        store_rollback(e->o.store);
        engine_replies_fail(e);
        e->effects.n = 0;
        engine_http_forget(e);
        e->o.fatal(e->o.fatal_arg, r, "the turn could not be committed");
    }
    return r;
}

static void run_effects(struct engine *e)
{
    struct effects fx = e->effects;

    e->effects = e->spare_effects;
    e->effects.n = 0;
    CHECK(!e->in_turn);
    for (size_t i = 0; i < fx.n; i++)
        fx.v[i].fn(fx.v[i].arg);
    e->spare_effects = fx;
}

/* What the turn decided goes out: each part is a piece of its own. */
static int let_go(struct engine *e, struct turn *t)
{
    int64_t began_ns = clock_mono_ns();
    int r = settle_store(e);

    began_ns = watch_piece(&e->watch, began_ns, STR("waybill"), STR("commit"), STR_NONE);
    engine_replies_send(e);
    began_ns = watch_piece(&e->watch, began_ns, STR("waybill"), STR("replies"), STR_NONE);
    run_effects(e);
    began_ns = watch_piece(&e->watch, began_ns, STR("waybill"), STR("effects"), STR_NONE);
    e->o.after_commit(e->o.after_arg, &t->now);
    e->o.flush(e->o.flush_arg);
    (void)watch_piece(&e->watch, began_ns, STR("waybill"), STR("after-commit"), STR_NONE);
    return r;
}

static int turn(struct engine *e, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct turn t = { .magic = TURN_MAGIC,
                      .store = e->o.store,
                      .now = clock_now(e->o.clock),
                      .ops = engine_turn_ops(),
                      .engine = e,
                      .metrics = e->o.metrics };
    int64_t took_us;
    int r;

    CHECK_IS(e, ENGINE_MAGIC);
    CHECK(!e->in_turn && e->effects.n == 0);
    e->in_turn = true;
    e->stats.turns++;
    engine_handle_gone(e, &t);
    if (fn != NULL)
        fn(arg, &t);
    else
        run_items(e, &t);
    run_timers(e, &t);
    e->in_turn = false;
    t.magic = 0; /* decided: nobody may ask it for anything now */
    r = let_go(e, &t);
    took_us = (clock_mono_ns() - t.now.mono_ns) / 1000;
    e->stats.longest_turn_us = MAX(e->stats.longest_turn_us, took_us);
    return r;
}

int engine_run_now(struct engine *e, void (*fn)(void *arg, struct turn *t), void *arg)
{
    int r = turn(e, fn, arg);

    engine_arm(e);
    return r;
}

/* ---- the loop's rounds ---- */

static void on_idle(uv_idle_t *idle) { (void)idle; }

static void on_prepare(uv_prepare_t *prepare)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, prepare->data);

    if (e->pressing > 0 && !uv_is_active((uv_handle_t *)&e->idle))
        uv_idle_start(&e->idle, on_idle);
}

static void on_check(uv_check_t *check)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, check->data);

    for (int i = 0; i < MAX_TURNS_PER_ROUND; i++) {
        if (e->pressing == 0 && !timers_due(e, clock_now(e->o.clock).wall_ms))
            break;
        turn(e, NULL, NULL);
    }
    if (e->pressing == 0)
        uv_idle_stop(&e->idle);
    engine_arm(e);
}

static void on_alarm(uv_timer_t *alarm) { (void)alarm; } /* the check that follows runs what is due */

/* The one libuv timer wakes the loop for the first of all timers on the server's clock. */
void engine_arm(struct engine *e)
{
    struct heap_node *first = heap_first(&e->timers);
    int64_t wait_ms = first != NULL ? clock_real_wait_ms(e->o.clock, first->key) : -1;

    if (wait_ms < 0) {
        e->armed_for = INT64_MAX;
        uv_timer_stop(&e->alarm);
        return;
    }
    if (e->armed_for == first->key && uv_is_active((uv_handle_t *)&e->alarm))
        return;
    e->armed_for = first->key;
    uv_update_time(e->o.loop);
    uv_timer_start(&e->alarm, on_alarm, (uint64_t)MIN(wait_ms, 3600000), 0);
}

void engine_clock_changed(struct engine *e)
{
    e->armed_for = INT64_MAX;
    engine_arm(e);
    engine_soon(e, engine_nothing, NULL); /* what is due now runs in a turn at once */
}

void engine_nothing(void *arg, struct turn *t)
{
    (void)arg;
    (void)t;
}

/* ---- life, figures ---- */

struct engine *engine_new(const struct engine_options *o)
{
    struct engine *e = xcalloc(1, sizeof(*e));

    CHECK(o->loop != NULL && o->clock != NULL && o->store != NULL);
    CHECK(o->after_commit != NULL && o->flush != NULL);
    e->magic = ENGINE_MAGIC;
    e->o = *o;
    e->armed_for = INT64_MAX;
    list_init(&e->real_timers);
    list_init(&e->gone);
    e->http = engine_http_new();
    e->verify_keys = o->secret != NULL ? verify_keys_new() : NULL;
    uv_prepare_init(o->loop, &e->prepare);
    uv_check_init(o->loop, &e->check);
    uv_idle_init(o->loop, &e->idle);
    uv_timer_init(o->loop, &e->alarm);
    uv_timer_init(o->loop, &e->patience);
    e->prepare.data = e->check.data = e->idle.data = e->alarm.data = e->patience.data = e;
    uv_prepare_start(&e->prepare, on_prepare);
    uv_check_start(&e->check, on_check);
    return e;
}

void engine_set_router(struct engine *e, struct router *r)
{
    CHECK_IS(e, ENGINE_MAGIC);
    CHECK(r != NULL && e->stats.requests == 0);
    e->o.router = r;
}

void engine_stop(struct engine *e)
{
    CHECK_IS(e, ENGINE_MAGIC);
    CHECK(!e->in_turn);
    uv_close((uv_handle_t *)&e->prepare, NULL);
    uv_close((uv_handle_t *)&e->check, NULL);
    uv_close((uv_handle_t *)&e->idle, NULL);
    uv_close((uv_handle_t *)&e->alarm, NULL);
    uv_close((uv_handle_t *)&e->patience, NULL);
    engine_real_timers_stop(e);
}

struct engine *engine_free(struct engine *e)
{
    if (e == NULL)
        return NULL;
    CHECK_IS(e, ENGINE_MAGIC);
    CHECK(!e->in_turn && list_empty(&e->real_timers));
    e->magic = 0;
    free(e->inbox.v);
    free(e->spare.v);
    free(e->effects.v);
    free(e->spare_effects.v);
    free(e->replies.v);
    heap_done(&e->timers);
    engine_http_free(e->http);
    verify_keys_free(e->verify_keys);
    free(e);
    return NULL;
}

static int64_t next_work(const struct engine *e)
{
    int64_t first = INT64_MAX;

    if (e->work_timers == 0)
        return first;
    for (uint32_t i = 0; i < e->timers.n; i++)
        if (CONTAINER_OF(e->timers.v[i], struct timer, node)->work)
            first = MIN(first, e->timers.v[i]->key);
    return first;
}

struct engine_quiet engine_quiet(struct engine *e)
{
    struct engine_quiet q = { .next_work_ms = next_work(e) };

    q.pending = (uint64_t)e->busy + e->jobs + e->work_timers;
    q.quiet =
        e->inbox.n == 0 && e->busy == 0 && e->jobs == 0 && q.next_work_ms > clock_now(e->o.clock).wall_ms;
    return q;
}

void engine_stats(const struct engine *e, struct engine_stats *ret)
{
    struct store_stats s;

    store_stats(e->o.store, &s);
    *ret = e->stats;
    ret->commits = s.commits;
    ret->held = e->watch.held;
    ret->worst_held_us = e->watch.worst_us;
    ret->worst_held = e->watch.worst;
}
