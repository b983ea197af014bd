/* world.h - the service in a world whose clock stands still until told: the real store (ephemeral), turns as
 * the engine makes them, timers that fire when the clock passes them, replies caught in a list.
 *
 *   world_open(&w, NULL);  struct reply *r = say(&w, "CreateQueue", &in);  ...  world_close(&w);
 *
 * Every call is a turn of its own that commits.  Real-time timers fire by world_real(). */
#ifndef WAYBILL_TEST_SQS_WORLD_H
#define WAYBILL_TEST_SQS_WORLD_H

#include "test/unit.h"

#include "model/sqs.h"
#include "net/exchange.h"
#include "service/sqs/queue.h"
#include "service/sqs/sqs.h"

struct asked { /* one call and its answer */
    struct call c;
    bool answered;
    int result;
    struct asked *next;
};

struct real_timer {
    int64_t at;
    void (*fn)(void *arg, struct turn *t);
    void *arg;
    bool on;
};

struct world {
    struct store *store;
    struct sqs *sqs;
    struct turn turn;
    struct heap timers;
    struct real_timer real[64];
    int64_t real_now;
    struct asked *all;
    enum protocol protocol;
    struct str account, region;
    struct exchange x;
    struct header host;
    bool one_turn;  /* calls share a turn until world_fails() */
    bool unchecked; /* a counter is feigned, or time is measured */
};

static inline void w_timer_set(void *engine, struct timer *t, int64_t at)
{
    heap_set(&((struct world *)engine)->timers, &t->node, at);
}
static inline void w_timer_cancel(void *engine, struct timer *t)
{
    heap_remove(&((struct world *)engine)->timers, &t->node);
}
static inline void *w_real_timer(void *engine, int64_t in_ms, void (*fn)(void *arg, struct turn *t),
                                 void *arg)
{
    struct world *w = engine;

    for (size_t i = 0; i < ARRAY_LEN(w->real); i++)
        if (!w->real[i].on) {
            w->real[i] = (struct real_timer){ w->real_now + in_ms, fn, arg, true };
            return &w->real[i];
        }
    CHECK(false);
}
static inline void w_real_timer_cancel(void *engine UNUSED, void *handle)
{
    ((struct real_timer *)handle)->on = false;
}
static const struct turn_ops world_ops = { .timer_set = w_timer_set,
                                           .timer_cancel = w_timer_cancel,
                                           .real_timer = w_real_timer,
                                           .real_timer_cancel = w_real_timer_cancel };

static inline void world_commit(struct world *w)
{
    if (w->one_turn)
        return;
    CHECK(store_commit(w->store) == 0);
    if (!w->unchecked)
        sqs_check(w->sqs);
}

/* The turn's commit fails, and the memory is read again, as the engine does. */
static inline void world_fails(struct world *w)
{
    CHECK(w->one_turn && store_commit(w->store) == -E_FULL);
    w->one_turn = false;
    sqs_load(w->sqs, &w->turn);
    world_commit(w);
}

static inline void world_open(struct world *w, const char *dir)
{
    CLEANUP(buf_done) struct buf why = { 0 };

    *w = (struct world){ .protocol = PROTO_JSON, .account = STR("000000000000"), .region = STR("us-east-1") };
    CHECK(store_open(&(struct store_options){ .dir = dir, .ephemeral = dir == NULL }, &w->store, &why) == 0);
    w->host = (struct header){ STR("Host"), STR("h:1") };
    w->x = (struct exchange){ .magic = EXCHANGE_MAGIC, .headers = &w->host, .n_headers = 1 };
    w->turn = (struct turn){
        .magic = TURN_MAGIC, .store = w->store, .now = { 1800000000000, 0 }, .ops = &world_ops, .engine = w
    };
    w->sqs = sqs_new();
    sqs_load(w->sqs, &w->turn);
    world_commit(w);
}

static inline void world_close(struct world *w)
{
    sqs_drain(w->sqs, &w->turn);
    w->sqs = sqs_free(w->sqs);
    for (struct asked *a = w->all, *next; a != NULL; a = next) {
        next = a->next;
        buf_done(&a->c.extra_headers);
        arena_free(a->c.mem);
        free(a);
    }
    heap_done(&w->timers);
    w->store = store_close(w->store);
}

/* As after a crash or a restart: memory anew from the same store. */
static inline void world_reload(struct world *w)
{
    sqs_load(w->sqs, &w->turn);
    world_commit(w);
}

void call_reply(struct call *c, int result)
{
    struct asked *a = CONTAINER_OF(c, struct asked, c);

    CHECK(!a->answered && result != -E_WAIT);
    a->answered = true;
    a->result = result;
}

static inline const struct op *world_op(const char *name)
{
    for (uint32_t i = 0; i < sqs_model.n_ops; i++)
        if (strcmp(sqs_model.ops[i].name, name) == 0)
            return &sqs_model.ops[i];
    CHECK(false);
}

/* input must live as long as a waiting call does. */
static inline struct asked *say(struct world *w, const char *op, const void *input)
{
    struct asked *a = xcalloc(1, sizeof(*a));
    struct service service = sqs_service(w->sqs);
    int r = -E_INVALID;

    a->c = (struct call){
        .magic = CALL_MAGIC,
        .mem = arena_new(0),
        .x = &w->x,
        .service = service.model,
        .op = world_op(op),
        .protocol = w->protocol,
        .turn = &w->turn,
        .now = w->turn.now,
        .region = w->region,
        .account = w->account,
        .principal = { .kind = PRINCIPAL_OPERATOR, .account = w->account, .user_id = w->account },
        .state = service.state,
        .input = input
    };
    a->next = w->all;
    w->all = a;
    if (a->c.op->output != NULL)
        a->c.output = arena_alloc(a->c.mem, a->c.op->output->struct_size);
    for (size_t i = 0; i < service.n_handlers; i++)
        if (strcmp(service.handlers[i].op, op) == 0)
            r = service.handlers[i].fn(&a->c, input, a->c.output);
    a->c.turn = NULL;
    if (r != -E_WAIT)
        call_reply(&a->c, r);
    if (r == -E_FAULT)
        CHECK(w->one_turn || !store_dirty(w->store));
    world_commit(w);
    return a;
}

/* Moves the server's clock; timers on the way fire at their time. */
static inline void world_advance(struct world *w, int64_t ms)
{
    int64_t to = w->turn.now.wall_ms + ms;

    for (struct heap_node *h; (h = heap_first(&w->timers)) != NULL && h->key <= to;) {
        struct timer *t = CONTAINER_OF(h, struct timer, node);

        w->turn.now.wall_ms = MAX(w->turn.now.wall_ms, h->key);
        heap_remove(&w->timers, h);
        t->fire(t, &w->turn);
        world_commit(w);
    }
    w->turn.now.wall_ms = to;
}

static inline void world_real(struct world *w, int64_t ms)
{
    w->real_now += ms;
    for (size_t i = 0; i < ARRAY_LEN(w->real); i++)
        if (w->real[i].on && w->real[i].at <= w->real_now) {
            w->real[i].on = false;
            w->real[i].fn(w->real[i].arg, &w->turn);
            world_commit(w);
        }
}

static inline size_t world_real_timers(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(w->real); i++)
        n += w->real[i].on;
    return n;
}

#endif
