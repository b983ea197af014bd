/* sink.c - the table of sinks, the doors found by it, and who may pass. */
#include "flow/sink.h"

void sinks_add(struct sinks *s, const struct sink *row)
{
    CHECK(s->n < SINK_MAX);
    s->row[s->n++] = *row;
}

static const struct sink *row_of(const struct sinks *s, struct str service)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_is(service, s->row[i].service))
            return &s->row[i];
    return NULL;
}

struct door door_find(const struct sinks *s, struct turn *t, struct str target_arn)
{
    struct door d = { .sinks = s, .turn = t, .found_ns = t->now.mono_ns, .what.arn = target_arn };

    if (arn_parse(target_arn, &d.arn) == 0)
        d.sink = row_of(s, d.arn.service);
    if (d.sink == NULL)
        return d;
    d.what.owner = d.arn.account;
    d.most_bytes = d.sink->max_body_bytes;
    if (d.sink->find != NULL)
        d.sink->find(&d);
    return d;
}

/* Of this very turn, and leads somewhere. */
static bool leads_on(const struct door *d, struct buf *why)
{
    CHECK(d->found_ns == d->turn->now.mono_ns);
    if (d->sink == NULL)
        buf_z(why, "Waybill does not deliver to this service");
    return d->sink != NULL;
}

/* UNVERIFIED: a function's statements name the function, also where the target is one of its versions or
 * aliases. */
bool door_service_may(const struct door *d, const struct sender *from, struct buf *why)
{
    struct policy_key keys[] = { { STR("aws:SourceArn"), &from->arn, 1 },
                                 { STR("aws:SourceAccount"), &from->account, 1 },
                                 { STR("aws:SourceOwner"), &from->account, 1 } };
    struct policy_request r = { .caller = { .kind = CALLER_SERVICE, .service = str_of(from->principal) },
                                .resource = d->what.arn,
                                .region = d->arn.region,
                                .keys = keys,
                                .n_keys = ARRAY_LEN(keys) - from->no_owner,
                                .now = d->turn->now };
    struct policy_set set = { .resource = d->what.policy, .resource_account = d->what.owner };

    if (!leads_on(d, why))
        return false;
    r.action = str_of(d->sink->action);
    if (set.resource != NULL && policy_decide(&set, &r).allowed)
        return true;
    buf_printf(why, "%s %s to do %s here for " STR_FMT,
               set.resource == NULL ? "the target has no policy: nothing allows"
                                    : "the target's policy does not allow",
               from->principal, d->sink->action, STR_ARG(from->arn));
    return false;
}

enum delivery door_as_service(const struct door *d, const struct parcel *p, struct buf *why)
{
    if (!leads_on(d, why))
        return DELIVERY_REFUSED;
    if (d->state == SINK_MISSING) {
        buf_z(why, "the target does not exist");
        return DELIVERY_NO_RESOURCE;
    }
    return door_service_may(d, &p->from, why) ? door_deliver(d, p, why) : DELIVERY_NO_PERMISSION;
}

enum role_verdict door_role_may(const struct door *d, const struct role_asks *asks, struct buf *why)
{
    struct resource what = d->what;
    struct arn role;

    CHECK(d->found_ns == d->turn->now.mono_ns);
    if (d->sinks->role_may == NULL || d->sink == NULL)
        return ROLE_UNKNOWN;
    if (!str_absent(asks->resource))
        what.arn = asks->resource;
    if (str_empty(what.owner) && arn_parse(asks->role_arn, &role) == 0)
        what.owner = role.account;
    return d->sinks->role_may(d->sinks->role_arg, asks->role_arn,
                              asks->action != NULL ? asks->action : d->sink->action, &what, d->turn->now,
                              why);
}

enum delivery door_deliver(const struct door *d, const struct parcel *p, struct buf *why)
{
    return leads_on(d, why) ? d->sink->deliver(d, p, why) : DELIVERY_REFUSED;
}
