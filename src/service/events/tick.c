/* tick.c - when a schedule is due, and the event it makes.
 *
 * True here: a rule waits exactly while its timer is pending, and only if it is enabled and has a schedule;
 * move() and what calls it are the only places that touch the timer. */
#include "service/events/tick.h"

#include "base/id.h"
#include "base/state.h"
#include "service/events/publish.h"

#define TO(s) STATE_BIT(TICK_##s)
static const struct state tick_states[] = {
    [TICK_IDLE] = { "idle", TO(IDLE) | TO(WAITING) },
    [TICK_WAITING] = { "waiting", TO(IDLE) | TO(WAITING) | TO(FIRING) },
    [TICK_FIRING] = { "firing", TO(IDLE) | TO(WAITING) },
};
static const struct states tick_machine = STATES("schedule of a rule", tick_states);
#undef TO

static void move(struct rule *r, enum tick_state to)
{
    CHECK_IS(r, RULE_MAGIC);
    STATE_MOVE(&tick_machine, r->tick, to);
    CHECK(timer_pending(&r->timer) == (to == TICK_WAITING));
}

static void fire(struct timer *tm, struct turn *t)
{
    struct rule *r = CONTAINER_OF(tm, struct rule, timer);
    CLEANUP(arena_freep) struct arena *mem = arena_new(0);
    CLEANUP(buf_done) struct buf text = { 0 };
    struct event ev = { .ingested_ms = t->now.wall_ms };

    move(r, TICK_FIRING);
    CHECK(r->enabled && r->schedule != NULL);
    event_write(&text, &(struct event_facts){ .id = uuid_str(mem),
                                              .detail_type = STR("Scheduled Event"),
                                              .source = STR("aws.events"),
                                              .account = r->bus->account,
                                              .region = r->bus->region,
                                              .time_ms = t->now.wall_ms,
                                              .resources = &r->arn,
                                              .n_resources = 1,
                                              .detail = STR("{}") });
    CHECK(event_parse(mem, buf_view(&text), &ev) == 0);
    r->fired_ms = t->now.wall_ms;
    if (rule_row_fired(t, r) < 0)
        return; /* the turn fails, everything is read again */
    rule_take(r->bus->owner, t, r, &ev);
    tick_arm(r, t);
}

void tick_arm(struct rule *r, struct turn *t)
{
    int64_t at_ms = -1;

    timer_cancel(t, &r->timer);
    if (r->enabled && r->schedule != NULL)
        at_ms = schedule_next(r->schedule, r->anchor_ms, MAX(r->anchor_ms, r->fired_ms));
    if (at_ms < 0) {
        move(r, TICK_IDLE);
        return;
    }
    CHECK(at_ms > r->anchor_ms && at_ms > r->fired_ms);
    r->timer.fire = fire;
    r->timer.work = false;
    timer_set(t, &r->timer, at_ms);
    move(r, TICK_WAITING);
}

static void each_rule(struct events *e, struct turn *t, void (*fn)(struct rule *r, struct turn *t))
{
    struct str key;
    void *value;

    for (size_t i = 0; map_next(&e->buses, &i, &key, &value);) {
        struct bus *b = CAST(struct bus, BUS_MAGIC, value);

        for (size_t k = 0; k < b->n_rules; k++)
            fn(b->rules[k], t);
    }
}

void tick_stop(struct rule *r, struct turn *t)
{
    timer_cancel(t, &r->timer);
    move(r, TICK_IDLE);
}

static void forget(struct rule *r, struct turn *t UNUSED)
{
    r->timer = (struct timer){ .work = false };
    move(r, TICK_IDLE);
}

void tick_arm_all(struct events *e, struct turn *t) { each_rule(e, t, tick_arm); }

void tick_stop_all(struct events *e, struct turn *t) { each_rule(e, t, tick_stop); }

void tick_forget_all(struct events *e) { each_rule(e, NULL, forget); }
