/* check.c - is the memory of this service as its files say?  Asked by tests after their steps; never by the
 * server. */
#include "service/events/state.h"

static void check_targets(const struct rule *r)
{
    CHECK(r->n_targets <= EVENTS_TARGETS_MOST);
    for (size_t i = 0; i < r->n_targets; i++)
        CHECK(rule_target_at(r, r->targets[i]->id) == i); /* each id once */
}

static void check_schedule(const struct rule *r)
{
    bool ticks = r->enabled && r->schedule != NULL;

    CHECK((r->schedule != NULL) == !str_absent(r->schedule_text));
    CHECK(r->tick != TICK_FIRING); /* inside its turn alone */
    CHECK((r->tick == TICK_WAITING) == timer_pending(&r->timer));
    CHECK(r->tick != TICK_WAITING || ticks);
    if (ticks) {
        int64_t at_ms = schedule_next(r->schedule, r->anchor_ms, MAX(r->anchor_ms, r->fired_ms));

        CHECK(at_ms < 0 ? r->tick == TICK_IDLE : r->timer.node.key == at_ms);
    }
}

static void check_bus(const struct events *e, const struct bus *b)
{
    size_t listening = 0;

    CHECK_IS(b, BUS_MAGIC);
    CHECK(b->owner == e && bus_find(e, b->account, b->region, b->name) == b);
    CHECK(b->n_rules <= b->cap_rules);
    for (size_t i = 0; i < b->n_rules; i++) {
        const struct rule *r = b->rules[i];
        bool listens = r->enabled && r->pattern != NULL;

        CHECK_IS(r, RULE_MAGIC);
        CHECK(r->bus == b && (i == 0 || str_cmp(b->rules[i - 1]->name, r->name) < 0));
        CHECK((r->pattern != NULL) == !str_absent(r->pattern_text));
        CHECK(r->pattern == NULL || pattern_set_holds(b->patterns, r->pattern, r) == listens);
        listening += listens;
        check_targets(r);
        check_schedule(r);
    }
    CHECK(pattern_set_count(b->patterns) == listening);
}

void events_check(const struct events *e)
{
    size_t rules = 0;
    struct str key;
    void *value;

    CHECK_IS(e, EVENTS_MAGIC);
    for (size_t i = 0; map_next(&e->buses, &i, &key, &value);) {
        const struct bus *b = CAST(struct bus, BUS_MAGIC, value);

        check_bus(e, b);
        rules += b->n_rules;
    }
    CHECK(rules == e->n_rules);
}
