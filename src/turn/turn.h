/* turn.h - what a decision may ask of the engine while its turn runs.
 *
 * The engine implements it (engine/turn.c); unit tests bring their own.  Only valid inside a turn, on the
 * loop thread.  A turn is one transaction: see engine/engine.h. */
#ifndef WAYBILL_TURN_TURN_H
#define WAYBILL_TURN_TURN_H

#include "base/clock.h"
#include "base/heap.h"
#include "store/store.h"

struct timer;
struct metrics;

/* A request to somewhere outside, made on a pool thread. */
struct http_post {
    struct str url;     /* http:// or https:// */
    struct str headers; /* "Name: value\r\n" lines, without Host and Content-Length */
    struct str body;
    int64_t timeout_ms; /* for the whole; real time */
};

struct turn {
    uint32_t magic; /* while it runs: whoever keeps the pointer finds out */
#define TURN_MAGIC 0x70a9e1d3u
    struct store *store;
    struct now now;
    const struct turn_ops *ops;
    void *engine;
    struct metrics *metrics; /* metric/metric.h; NULL: nobody counts */
};

/* A timer on the server's clock; embedded in its owner, zero-initialised.  Fires inside a turn, once.
 * `work`: the server is not quiet while it is pending, and `settle --advance` moves the clock to it. */
struct timer {
    struct heap_node node;
    void (*fire)(struct timer *t, struct turn *turn);
    bool work;
};

struct turn_ops {
    void (*timer_set)(void *engine, struct timer *t, int64_t at_wall_ms);
    void (*timer_cancel)(void *engine, struct timer *t);
    /* After this turn's commit, on the loop thread, outside any transaction.  Not called when the commit
     * fails. */
    void (*after)(void *engine, void (*fn)(void *arg), void *arg);
    /* job runs on a pool thread, touching nothing but its arg; then done in a later turn. */
    void (*work)(void *engine, void (*job)(void *arg), void (*done)(void *arg, struct turn *turn), void *arg);
    /* Copies p, posts it some time after this turn's commit, then calls done in a later turn: status 0 and a
     * sentence in body when there was no answer.  Few at once, the others wait in line.  NULL where nothing
     * may leave (tests). */
    void (*http)(void *engine, const struct http_post *p,
                 void (*done)(void *arg, struct turn *turn, int status, struct str body), void *arg);
    /* As timer_set but on monotonic time (long polls, "Pending" for 50 ms): fn in a turn; returns a handle.
     */
    void *(*real_timer)(void *engine, int64_t in_ms, void (*fn)(void *arg, struct turn *turn), void *arg);
    void (*real_timer_cancel)(void *engine, void *handle);
    /* A turn as soon as possible, with fn in it. May be called outside a turn, from the loop thread. */
    void (*soon)(void *engine, void (*fn)(void *arg, struct turn *turn), void *arg);
    /* The server is busy while the count is above 0 (running invocations): settle waits. */
    void (*busy)(void *engine, int delta);
};

static inline void timer_set(struct turn *t, struct timer *tm, int64_t at_ms)
{
    CHECK_IS(t, TURN_MAGIC);
    CHECK(tm->fire != NULL);
    t->ops->timer_set(t->engine, tm, at_ms);
}
static inline void timer_cancel(struct turn *t, struct timer *tm)
{
    CHECK_IS(t, TURN_MAGIC);
    t->ops->timer_cancel(t->engine, tm);
}
static inline bool timer_pending(const struct timer *tm) { return heap_has(&tm->node); }
static inline void turn_after(struct turn *t, void (*fn)(void *), void *arg)
{
    CHECK_IS(t, TURN_MAGIC);
    t->ops->after(t->engine, fn, arg);
}

#endif
