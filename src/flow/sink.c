/* sink.c - the table of doors, and who may pass. */
#include "flow/sink.h"

void sinks_add(struct sinks *s, const struct sink *row)
{
    CHECK(s->n < SINK_MAX);
    s->row[s->n++] = *row;
}

const struct sink *sinks_find(const struct sinks *s, struct str arn_service)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_is(arn_service, s->row[i].service))
            return &s->row[i];
    return NULL;
}

static const struct sink *sink_of(const struct sinks *s, struct str target_arn, struct arn *ret, struct buf *why)
{
    const struct sink *sink = arn_parse(target_arn, ret) == 0 ? sinks_find(s, ret->service) : NULL;

    if (sink == NULL)
        buf_z(why, "Waybill does not deliver to this service");
    return sink;
}

/* UNVERIFIED: a function's statements name the function, also where the target is one of its versions or aliases.
 * EventBridge gives no aws:SourceOwner: a topic's default policy does not let it publish (EventBridge user guide,
 * "Troubleshooting": the topic needs a statement of its own). */
static bool service_may(const struct sink *sink, struct turn *t, const char *principal, struct str source_arn,
                        struct str source_account, const struct arn *target, struct str target_arn, struct buf *why)
{
    struct policy_key keys[] = { { STR("aws:SourceArn"), &source_arn, 1 }, { STR("aws:SourceAccount"), &source_account, 1 },
                                 { STR("aws:SourceOwner"), &source_account, 1 } };
    struct policy_request r = { .caller = { .kind = CALLER_SERVICE, .service = str_of(principal) },
        .action = str_of(sink->action), .resource = target_arn, .region = target->region, .keys = keys,
        .n_keys = strcmp(principal, "events.amazonaws.com") == 0 ? ARRAY_LEN(keys) - 1 : ARRAY_LEN(keys), .now = t->now };
    struct policy_set set = { .resource_account = target->account };

    if (sink->policy == NULL)
        return true;
    set.resource = sink->policy(sink->arg, target, target_arn);
    if (set.resource != NULL && policy_decide(&set, &r).allowed)
        return true;
    buf_printf(why, "%s %s to do %s here for " STR_FMT, set.resource == NULL ? "the target has no policy: nothing allows" :
               "the target's policy does not allow", principal, sink->action, STR_ARG(source_arn));
    return false;
}

bool sinks_service_may(const struct sinks *s, struct turn *t, const char *principal, struct str source_arn,
                       struct str source_account, struct str target_arn, struct buf *why)
{
    struct arn arn;
    const struct sink *sink = sink_of(s, target_arn, &arn, why);

    return sink != NULL && service_may(sink, t, principal, source_arn, source_account, &arn, target_arn, why);
}

enum delivery sinks_as_service(const struct sinks *s, struct turn *t, const char *principal, struct str source_account,
                               const struct parcel *p, struct buf *why)
{
    struct arn arn;
    const struct sink *sink = sink_of(s, p->target_arn, &arn, why);

    if (sink == NULL)
        return DELIVERY_REFUSED;
    if (sink->state != NULL && sink->state(sink->arg, t, &arn, p->target_arn) == SINK_MISSING) {
        buf_z(why, "the target does not exist");
        return DELIVERY_NO_RESOURCE;
    }
    if (!service_may(sink, t, principal, p->source_arn, source_account, &arn, p->target_arn, why))
        return DELIVERY_NO_PERMISSION;
    return sink->deliver(sink->arg, t, p, why);
}

enum role_verdict sinks_role_may(const struct sinks *s, struct turn *t, const struct sink *sink, struct str role_arn,
                                 const char *action, const struct arn *target, struct str target_arn, struct str resource,
                                 struct buf *why)
{
    const struct policy *own;

    if (s->role_may == NULL)
        return ROLE_UNKNOWN;
    own = sink->policy != NULL ? sink->policy(sink->arg, target, target_arn) : NULL;
    return s->role_may(s->role_arg, role_arn, action, resource, own, str_empty(target->account) ? STR_NONE : target->account,
                       t->now, why);
}

enum delivery sinks_deliver(const struct sinks *s, struct turn *t, const struct parcel *p, struct buf *why)
{
    struct arn arn;
    const struct sink *sink = sink_of(s, p->target_arn, &arn, why);

    return sink == NULL ? DELIVERY_REFUSED : sink->deliver(sink->arg, t, p, why);
}
