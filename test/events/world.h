/* world.h - the service in a world whose clock stands still until told: the real store (ephemeral) and
 * outbox, turns as the engine makes them, timers that fire when the clock passes them, and one fake target
 * ("sqs") that answers as scripted.
 *
 *   world_open(&w);  say(&w, "PutRule", &in, &out);  w.answer = DELIVERY_FAILED;  world_advance(&w, 60000);
 * world_close(&w);
 *
 * Every call is a turn of its own that commits. */
#ifndef WAYBILL_TEST_EVENTS_WORLD_H
#define WAYBILL_TEST_EVENTS_WORLD_H

#include "test/door.h"
#include "test/unit.h"

#include "net/exchange.h"
#include "service/events/ops.h"
#include "service/events/publish.h"
#include "service/events/tick.h"

#define ACCOUNT STR("000000000000")
#define REGION STR("us-east-1")
#define START_MS ((int64_t)1800000000000)
#define SENT_MOST 8192

struct sent {
    struct str target, body, source, trace, group;
    struct str names[10], values[10];
    size_t n;
    int64_t at_ms;
};

struct world {
    struct arena *mem;
    struct store *store;
    struct outbox *outbox;
    struct events *events;
    struct sinks sinks;
    struct turn turn;
    struct heap timers;
    void (*soon[16])(void *arg, struct turn *t);
    void *soon_arg[16];
    size_t n_soon;
    enum delivery answer; /* of the queue "bad"; all others deliver */
    enum role_verdict role;
    bool policy_denies;
    const struct gate *gate;
    struct sent *sent;    /* SENT_MOST of them: what was delivered */
    size_t n_sent, tries; /* tries: what "bad" was offered */
    struct fault fault;
};

static inline void w_timer_set(void *engine, struct timer *t, int64_t at)
{
    heap_set(&((struct world *)engine)->timers, &t->node, at);
}
static inline void w_timer_cancel(void *engine, struct timer *t)
{
    heap_remove(&((struct world *)engine)->timers, &t->node);
}
static inline void w_soon(void *engine, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct world *w = engine;

    CHECK(w->n_soon < ARRAY_LEN(w->soon));
    w->soon[w->n_soon] = fn;
    w->soon_arg[w->n_soon++] = arg;
}
/* Of a call that waited for the pool. */
static int replied = 1;
void call_reply(struct call *c UNUSED, int result) { replied = result; }
/* The pool is done at once. */
static inline void w_work(void *engine, void (*run)(void *arg), void (*done)(void *arg, struct turn *t),
                          void *arg)
{
    run(arg);
    w_soon(engine, done, arg);
}
static const struct turn_ops world_ops = {
    .timer_set = w_timer_set, .timer_cancel = w_timer_cancel, .soon = w_soon, .work = w_work
};

static inline void w_find(struct door *d)
{
    d->state = str_is(d->arn.resource, "missing") ? SINK_MISSING : SINK_OK;
    d->what.policy = policy_for_all();
}

static inline enum delivery w_deliver(const struct door *d, const struct parcel *p, struct buf *why)
{
    struct world *w = d->sink->arg;
    struct sent *s = &w->sent[w->n_sent];

    if (str_ends(d->what.arn, STR(":bad"))) {
        w->tries++;
        if (w->answer != DELIVERED) {
            buf_z(why, "try again");
            return w->answer;
        }
    }
    CHECK(w->n_sent < SENT_MOST);
    *s = (struct sent){ arena_str(w->mem, d->what.arn), arena_str(w->mem, p->body),
                        arena_str(w->mem, p->from.arn), arena_str(w->mem, p->trace_header),
                        arena_str(w->mem, p->group_id), .n = p->n_attributes,
                        .at_ms = d->turn->now.wall_ms };
    for (size_t i = 0; i < p->n_attributes; i++) {
        s->names[i] = arena_str(w->mem, p->attributes[i].name);
        s->values[i] = arena_str(w->mem, p->attributes[i].value);
    }
    w->n_sent++;
    return DELIVERED;
}

static inline enum role_verdict w_role_may(void *arg, struct str role UNUSED, const char *action UNUSED,
                                           const struct resource *what UNUSED, struct now now UNUSED,
                                           struct buf *why)
{
    struct world *w = arg;

    if (w->role != ROLE_ALLOWED)
        buf_z(why, "no policy allows it");
    return w->role;
}

static inline void world_make(struct world *w)
{
    struct events_options o = { .sinks = &w->sinks, .outbox = w->outbox = outbox_new() };
    struct sink row;

    w->events = events_new(&o);
    w->sinks = (struct sinks){ .role_may = w_role_may, .role_arg = w };
    sinks_add(&w->sinks, &(struct sink){ .service = "sqs",
                                         .action = "sqs:SendMessage",
                                         .action_name = "SendMessage",
                                         .max_body_bytes = 1048576,
                                         .find = w_find,
                                         .deliver = w_deliver,
                                         .arg = w });
    row = events_sink(w->events);
    sinks_add(&w->sinks, &row);
    events_load(w->events, &w->turn);
    outbox_load(w->outbox, &w->turn);
}

static inline void world_open(struct world *w)
{
    *w = (struct world){ .mem = arena_new(0),
                         .sent = xcalloc(SENT_MOST, sizeof(*w->sent)),
                         .answer = DELIVERED,
                         .role = ROLE_ALLOWED };
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &w->store, NULL) == 0);
    w->turn = (struct turn){
        .magic = TURN_MAGIC, .store = w->store, .now = { START_MS, 1 }, .ops = &world_ops, .engine = w
    };
    world_make(w);
}

static inline void world_unmake(struct world *w)
{
    heap_done(&w->timers);
    w->events = events_free(w->events);
    w->outbox = outbox_free(w->outbox);
}

/* As after a crash: memory anew from the same store. */
static inline void world_restart(struct world *w)
{
    world_unmake(w);
    world_make(w);
}

static inline void world_close(struct world *w)
{
    world_unmake(w);
    w->store = store_close(w->store);
    arena_free(w->mem);
    free(w->sent);
}

static inline void world_commit(struct world *w)
{
    CHECK(store_commit(w->store) == 0);
    events_check(w->events);
    w->turn.now.mono_ns++; /* the next turn */
}

/* Timers that are due, and turns that were asked for, until nothing is left. */
static inline void world_run(struct world *w)
{
    for (;;) {
        struct heap_node *h = heap_first(&w->timers);

        if (w->n_soon > 0) {
            void (*fn)(void *, struct turn *) = w->soon[--w->n_soon];

            fn(w->soon_arg[w->n_soon], &w->turn);
        } else if (h != NULL && h->key <= w->turn.now.wall_ms) {
            heap_remove(&w->timers, h);
            CONTAINER_OF(h, struct timer, node)->fire(CONTAINER_OF(h, struct timer, node), &w->turn);
        } else {
            return;
        }
        world_commit(w);
    }
}

static inline void world_jump(struct world *w, int64_t ms) /* at once, as a clock that is moved */
{
    w->turn.now.wall_ms += ms;
    world_run(w);
}

static inline void world_advance(struct world *w, int64_t ms) /* from due to due */
{
    int64_t to = w->turn.now.wall_ms + ms;

    world_run(w);
    for (struct heap_node *h; (h = heap_first(&w->timers)) != NULL && h->key <= to; world_run(w))
        w->turn.now.wall_ms = MAX(w->turn.now.wall_ms, h->key);
    w->turn.now.wall_ms = to;
}

/* 0 or -E_FAULT with the fault in w->fault; a fault must leave the store clean. */
static inline int say(struct world *w, const char *op, const void *input, void *output)
{
    struct service s = events_service(w->events);
    struct call c = { .magic = CALL_MAGIC,
                      .mem = w->mem,
                      .turn = &w->turn,
                      .now = w->turn.now,
                      .region = REGION,
                      .account = ACCOUNT,
                      .state = s.state,
                      .service = s.model,
                      .principal = { .kind = PRINCIPAL_OPERATOR, .account = ACCOUNT },
                      .gate = w->gate };
    int r = -E_INVALID;

    for (size_t i = 0; i < s.n_handlers; i++)
        if (strcmp(s.handlers[i].op, op) == 0)
            r = s.handlers[i].fn(&c, input, output);
    w->fault = c.fault;
    if (r == -E_FAULT)
        CHECK(!store_dirty(w->store));
    world_commit(w);
    return r;
}

static inline void world_rule(struct world *w, const char *name, const char *pattern, const char *schedule)
{
    struct events_PutRuleRequest in = { .Name = str_of(name),
                                        .EventPattern = str_of(pattern),
                                        .ScheduleExpression = str_of(schedule) };
    struct events_PutRuleResponse out = { 0 };

    EXPECT_INT(say(w, "PutRule", &in, &out), 0);
}

static inline void world_targets(struct world *w, const char *rule, struct events_Target *v, size_t n)
{
    struct events_PutTargetsRequest in = { .Rule = str_of(rule), .Targets = { true, n, v } };
    struct events_PutTargetsResponse out = { 0 };

    EXPECT_INT(say(w, "PutTargets", &in, &out), 0);
    EXPECT_INT(out.FailedEntryCount.v, 0);
}

/* One event of source "s" on the default bus; its id. */
static inline struct str world_put(struct world *w, const char *detail)
{
    struct events_PutEventsRequestEntry e = { .Source = STR("s"),
                                              .DetailType = STR("d"),
                                              .Detail = str_of(detail),
                                              .TraceHeader = STR("Root=1;Lineage=2:x:0") };
    struct events_PutEventsRequest in = { .Entries = { true, 1, &e } };
    struct events_PutEventsResponse out = { 0 };

    EXPECT_INT(say(w, "PutEvents", &in, &out), 0);
    EXPECT_INT(out.FailedEntryCount.v, 0);
    return out.Entries.v[0].EventId;
}

#endif
