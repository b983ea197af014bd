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

static const struct sink *sink_of(const struct sinks *s, struct str target_arn, struct arn *ret,
                                  struct buf *why)
{
    const struct sink *sink = arn_parse(target_arn, ret) == 0 ? sinks_find(s, ret->service) : NULL;

    if (sink == NULL)
        buf_z(why, "Waybill does not deliver to this service");
    return sink;
}

static struct resource resource_of(const struct sink *sink, const struct arn *target, struct str target_arn)
{
    struct resource what = { .arn = target_arn, .owner = target->account };

    if (sink->resource != NULL)
        sink->resource(sink->arg, target, target_arn, &what);
    return what;
}

struct resource sinks_resource(const struct sinks *s, struct str target_arn)
{
    struct arn arn;
    const struct sink *sink = arn_parse(target_arn, &arn) == 0 ? sinks_find(s, arn.service) : NULL;

    return sink != NULL ? resource_of(sink, &arn, target_arn) : (struct resource){ .arn = target_arn };
}

/* UNVERIFIED: a function's statements name the function, also where the target is one of its versions or
 * aliases. EventBridge gives no aws:SourceOwner: a topic's default policy does not let it publish
 * (EventBridge user guide, "Troubleshooting": the topic needs a statement of its own). */
static bool service_may(const struct sink *sink, struct turn *t, const char *principal, struct str source_arn,
                        struct str source_account, const struct arn *target, struct str target_arn,
                        struct buf *why)
{
    struct policy_key keys[] = { { STR("aws:SourceArn"), &source_arn, 1 },
                                 { STR("aws:SourceAccount"), &source_account, 1 },
                                 { STR("aws:SourceOwner"), &source_account, 1 } };
    struct policy_request r = { .caller = { .kind = CALLER_SERVICE, .service = str_of(principal) },
                                .action = str_of(sink->action),
                                .resource = target_arn,
                                .region = target->region,
                                .keys = keys,
                                .n_keys = strcmp(principal, "events.amazonaws.com") == 0 ? ARRAY_LEN(keys) - 1
                                                                                         : ARRAY_LEN(keys),
                                .now = t->now };
    struct resource what = resource_of(sink, target, target_arn);
    struct policy_set set = { .resource = what.policy, .resource_account = what.owner };

    if (sink->resource == NULL)
        return true;
    if (set.resource != NULL && policy_decide(&set, &r).allowed)
        return true;
    buf_printf(why, "%s %s to do %s here for " STR_FMT,
               set.resource == NULL ? "the target has no policy: nothing allows"
                                    : "the target's policy does not allow",
               principal, sink->action, STR_ARG(source_arn));
    return false;
}

bool sinks_service_may(const struct sinks *s, struct turn *t, const char *principal, struct str source_arn,
                       struct str source_account, struct str target_arn, struct buf *why)
{
    struct arn arn;
    const struct sink *sink = sink_of(s, target_arn, &arn, why);

    return sink != NULL && service_may(sink, t, principal, source_arn, source_account, &arn, target_arn, why);
}

enum delivery sinks_as_service(const struct sinks *s, struct turn *t, const char *principal,
                               struct str source_account, const struct parcel *p, struct buf *why)
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

enum role_verdict sinks_role_may(const struct sinks *s, struct turn *t, const struct role_asks *asks,
                                 struct buf *why)
{
    struct resource what = sinks_resource(s, asks->target_arn);
    struct arn arn;

    if (s->role_may == NULL || arn_parse(asks->target_arn, &arn) != 0)
        return ROLE_UNKNOWN;
    what.arn = asks->resource;
    if (str_empty(what.owner) && arn_parse(asks->role_arn, &arn) == 0)
        what.owner = arn.account;
    return s->role_may(s->role_arg, asks->role_arn, asks->action, &what, t->now, why);
}

enum delivery sinks_deliver(const struct sinks *s, struct turn *t, const struct parcel *p, struct buf *why)
{
    struct arn arn;
    const struct sink *sink = sink_of(s, p->target_arn, &arn, why);

    return sink == NULL ? DELIVERY_REFUSED : sink->deliver(sink->arg, t, p, why);
}
