/* turn.c - what the engine offers to a decision while its turn runs (turn/turn.h).
 *
 * True here: work_timers counts the pending timers that are work; jobs counts what op_work took and whose
 * done() has not begun; a real timer is on the engine's list from its birth until it is closed. */
#include <stdlib.h>
#include <time.h>

#include "engine/internal.h"

static void op_timer_cancel(void *engine, struct timer *t)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, engine);

    if (!heap_has(&t->node))
        return;
    CHECK(!t->work || e->work_timers > 0);
    heap_remove(&e->timers, &t->node);
    if (t->work)
        e->work_timers--;
}

static void op_timer_set(void *engine, struct timer *t, int64_t at_wall_ms)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, engine);

    CHECK(e->in_turn);
    op_timer_cancel(engine, t);
    t->node.seq = ++e->timer_seq;
    if (t->work)
        e->work_timers++;
    heap_set(&e->timers, &t->node, at_wall_ms);
}

void engine_after(void *engine, void (*fn)(void *arg), void *arg)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, engine);
    struct effects *fx = &e->effects;

    CHECK(e->in_turn && fn != NULL); /* outside of one nobody commits for it */
    if (fx->n == fx->cap) {
        fx->cap = fx->cap > 0 ? fx->cap * 2 : 64;
        fx->v = xrealloc(fx->v, fx->cap * sizeof(*fx->v));
    }
    fx->v[fx->n++] = (struct effect){ fn, arg };
}

/* ---- jobs on the pool ---- */

struct job {
    uint32_t magic;
#define JOB_MAGIC 0x10b5a001u
    uv_work_t req;
    struct engine *engine;
    void (*run)(void *arg);
    void (*done)(void *arg, struct turn *t);
    void *arg;
};

static void job_run(uv_work_t *req)
{
    struct job *j = CAST(struct job, JOB_MAGIC, req->data);

    j->run(j->arg);
    atomic_fetch_sub(&j->engine->pooled, 1);
}

/* The library waits for its threads at the exit in any case; here what jobs touch is still there. */
void engine_pool_wait(struct engine *e)
{
    while (atomic_load(&e->pooled) > 0)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void job_done(void *arg, struct turn *t)
{
    struct job *j = CAST(struct job, JOB_MAGIC, arg);

    CHECK(j->engine->jobs > 0);
    j->engine->jobs--;
    j->done(j->arg, t);
    j->magic = 0;
    free(j);
}

static void job_after(uv_work_t *req, int status)
{
    struct job *j = CAST(struct job, JOB_MAGIC, req->data);

    (void)status;
    engine_soon(j->engine, job_done, j);
}

static void op_work(void *engine, void (*run)(void *arg), void (*done)(void *arg, struct turn *t), void *arg)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, engine);
    struct job *j = xcalloc(1, sizeof(*j));

    CHECK(run != NULL && done != NULL);
    *j = (struct job){ .magic = JOB_MAGIC, .engine = e, .run = run, .done = done, .arg = arg };
    j->req.data = j;
    e->jobs++;
    atomic_fetch_add(&e->pooled, 1);
    CHECK(uv_queue_work(e->o.loop, &j->req, job_run, job_after) == 0);
}

/* ---- real timers: monotonic, few (long polls, "Pending") ---- */

struct real_timer {
    uint32_t magic;
#define REAL_TIMER_MAGIC 0x7e417133u
    uv_timer_t uv;
    struct link link;
    struct engine *engine;
    void (*fn)(void *arg, struct turn *t);
    void *arg;
};

static void real_timer_closed(uv_handle_t *h) { free(h->data); } /* its magic went with the close */

static void real_timer_close(struct real_timer *rt)
{
    CHECK_IS(rt, REAL_TIMER_MAGIC);
    CHECK(link_on(&rt->link));
    rt->magic = 0;
    list_remove(&rt->link);
    uv_close((uv_handle_t *)&rt->uv, real_timer_closed);
}

static void real_timer_turn(void *arg, struct turn *t)
{
    struct real_timer *rt = CAST(struct real_timer, REAL_TIMER_MAGIC, arg);

    if (rt->fn != NULL)
        rt->fn(rt->arg, t);
    real_timer_close(rt);
}

static void real_timer_fired(uv_timer_t *uv)
{
    struct real_timer *rt = CAST(struct real_timer, REAL_TIMER_MAGIC, uv->data);

    engine_soon(rt->engine, real_timer_turn, rt);
}

static void *op_real_timer(void *engine, int64_t in_ms, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, engine);
    struct real_timer *rt = xcalloc(1, sizeof(*rt));

    CHECK(fn != NULL);
    rt->magic = REAL_TIMER_MAGIC;
    rt->engine = e;
    rt->fn = fn;
    rt->arg = arg;
    uv_timer_init(e->o.loop, &rt->uv);
    rt->uv.data = rt;
    list_append(&e->real_timers, &rt->link);
    uv_update_time(e->o.loop);
    uv_timer_start(&rt->uv, real_timer_fired, (uint64_t)MAX(in_ms, 0), 0);
    return rt;
}

/* A handle may be cancelled until its function has run: one that has fired and waits in the inbox is only
 * muted. */
static void op_real_timer_cancel(void *engine, void *handle)
{
    struct real_timer *rt = CAST(struct real_timer, REAL_TIMER_MAGIC, handle);

    CHECK(rt->engine == engine);
    rt->fn = NULL;
    if (uv_is_active((uv_handle_t *)&rt->uv))
        real_timer_close(rt);
}

void engine_real_timers_stop(struct engine *e)
{
    LIST_EACH_SAFE(&e->real_timers, k, nx)
        real_timer_close(CONTAINER_OF(k, struct real_timer, link));
}

const struct turn_ops *engine_turn_ops(void)
{
    static const struct turn_ops ops = {
        .timer_set = op_timer_set,
        .timer_cancel = op_timer_cancel,
        .after = engine_after,
        .work = op_work,
        .http = engine_http,
        .real_timer = op_real_timer,
        .real_timer_cancel = op_real_timer_cancel,
        .soon = engine_soon,
        .busy = engine_busy,
    };

    return &ops;
}
