/* onward.c - for `waybill explain`: which targets of a bus's rules the rules may not reach. */
#include "flow/explain.h"
#include "service/events/publish.h"

static void ask(const struct events *e, struct turn *t, struct arena *a, const struct rule *r,
                const struct target *target, struct explain_onward *ret)
{
    CLEANUP(buf_done) struct buf why = { 0 }, stream = { 0 };
    struct str asked = target->arn;
    struct arn arn;

    CHECK_IS(r, RULE_MAGIC);
    *ret = (struct explain_onward){ .from = arena_str(a, r->arn), .to = arena_str(a, target->arn) };
    if (arn_parse(target->arn, &arn) == 0 && str_is(arn.service, "logs")) {
        publish_log_stream(target->arn, t->now.wall_ms, &stream);
        asked = buf_view(&stream);
    }
    ret->may = sinks_service_may(e->o.sinks, t, "events.amazonaws.com", r->arn, r->bus->account, asked, &why);
    ret->why = buf_to_arena(&why, a);
}

/* Targets with a role (another bus has one always) are the role's affair and not asked here. */
size_t events_onward(void *arg, struct turn *t, struct arena *a, const struct arn *target,
                     struct str target_text, struct explain_onward *v, size_t max)
{
    const struct events *e = CAST(const struct events, EVENTS_MAGIC, arg);
    const struct bus *b = bus_find_arn(e, target_text);
    struct arn arn;
    size_t n = 0;

    (void)target;
    for (size_t i = 0; b != NULL && i < b->n_rules; i++)
        for (size_t k = 0; b->rules[i]->enabled && k < b->rules[i]->n_targets && n < max; k++)
            if (arn_parse(b->rules[i]->targets[k]->arn, &arn) == 0 && !str_is(arn.service, "events") &&
                str_absent(b->rules[i]->targets[k]->role_arn))
                ask(e, t, a, b->rules[i], b->rules[i]->targets[k], &v[n++]);
    return n;
}
