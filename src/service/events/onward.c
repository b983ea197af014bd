/* onward.c - for `waybill explain`: which targets of a bus's rules the rules may not reach. */
#include "flow/explain.h"
#include "service/events/publish.h"

static void ask(const struct door *d, struct arena *a, const struct rule *r, const struct target *target,
                struct explain_onward *ret)
{
    CLEANUP(buf_done) struct buf why = { 0 }, stream = { 0 };
    struct sender from = rule_sender(r);
    struct door next;

    CHECK_IS(r, RULE_MAGIC);
    *ret = (struct explain_onward){ .from = arena_str(a, r->arn), .to = arena_str(a, target->arn) };
    next = door_find(d->sinks, d->turn, publish_arn(target, d->turn->now.wall_ms, &stream));
    ret->may = door_service_may(&next, &from, &why);
    ret->why = buf_to_arena(&why, a);
}

/* Targets with a role (another bus has one always) are the role's affair and not asked here. */
size_t events_onward(const struct door *d, struct arena *a, struct explain_onward *v, size_t max)
{
    const struct bus *b = d->object == NULL ? NULL : CAST(struct bus, BUS_MAGIC, d->object);
    size_t n = 0;

    for (size_t i = 0; b != NULL && i < b->n_rules; i++)
        for (size_t k = 0; b->rules[i]->enabled && k < b->rules[i]->n_targets && n < max; k++)
            if (b->rules[i]->targets[k]->kind != TARGET_BUS && str_absent(b->rules[i]->targets[k]->role_arn))
                ask(d, a, b->rules[i], b->rules[i]->targets[k], &v[n++]);
    return n;
}
