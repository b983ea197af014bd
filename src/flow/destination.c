/* destination.c - role check, record, sink: in this order, inside the caller's turn. */
#include "flow/destination.h"

#define DELIVERY_TRIES 3 /* UNVERIFIED: AWS does not say how often or how long */

/* Where the sink had nothing to say. */
static const char *verdict_text(enum delivery verdict)
{
    switch (verdict) {
    case DELIVERY_NO_PERMISSION: return "the target's own policy does not allow it";
    case DELIVERY_NO_RESOURCE: return "the target does not exist";
    case DELIVERY_FAILED: return "the target could not take it now, also when tried again";
    case DELIVERY_REFUSED:
    case DELIVERED: break;
    }
    return "the target refused it";
}

static enum delivery refused(const struct sending *x, enum delivery verdict, struct str why)
{
    story_add(x->story, x->door.turn->now.wall_ms, "refused", "zss", x->what, x->door.what.arn,
              str_empty(why) ? str_of(verdict_text(verdict)) : why);
    return verdict;
}

struct str destination_resource(struct arena *mem, const struct door *d, struct str function_name)
{
    CLEANUP(buf_done) struct buf when = { 0 };

    if (!d->sink->by_object)
        return d->what.arn;
    when_iso_ms(&when, d->turn->now.wall_ms); /* YYYY-MM-DDT... */
    return arena_printf(mem, STR_FMT "/aws/lambda/async/" STR_FMT "/%.4s/%.2s/%.2s/record",
                        STR_ARG(d->what.arn), STR_ARG(function_name), when.p, when.p + 5, when.p + 8);
}

struct sending destination_of(const struct sinks *sinks, struct turn *t, const struct destination_facts *to,
                              const char *what, struct buf *story)
{
    return (struct sending){ door_find(sinks, t, to->target_arn), to, what, story };
}

static enum role_verdict ask_role(const struct sending *x, struct buf *why)
{
    CLEANUP(arena_freep) struct arena *mem = x->door.sink->by_object ? arena_new(0) : NULL;
    struct role_asks asks = { .role_arn = x->to->role_arn };

    asks.resource = destination_resource(mem, &x->door, x->to->function_name);
    return door_role_may(&x->door, &asks, why);
}

enum delivery destination_may(const struct sending *x)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    enum role_verdict v;

    if (x->door.sink == NULL)
        return refused(x, DELIVERY_REFUSED, STR("Waybill does not deliver to this service"));
    v = ask_role(x, &why);
    if (v == ROLE_ALLOWED)
        return DELIVERED;
    if (v == ROLE_UNKNOWN && !x->to->strict_permissions) {
        story_add(x->story, x->door.turn->now.wall_ms, "unchecked", "sz", x->to->role_arn,
                  "role unknown here, not checked");
        return DELIVERED;
    }
    return refused(x, DELIVERY_NO_PERMISSION,
                   v == ROLE_UNKNOWN ? STR("the role is unknown here and permissions are strict")
                                     : buf_view(&why));
}

static enum delivery try_often(const struct sending *x, const struct parcel *p)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    enum delivery result = DELIVERY_FAILED;

    for (int i = 0; i < DELIVERY_TRIES && result == DELIVERY_FAILED; i++) {
        buf_clear(&why);
        result = door_deliver(&x->door, p, &why);
    }
    if (result != DELIVERED)
        return refused(x, result, buf_view(&why));
    story_add(x->story, x->door.turn->now.wall_ms, "sent", "zss", x->what, x->door.what.arn, buf_view(&why));
    return DELIVERED;
}

enum delivery destination_send(const struct sending *x, struct parcel *p)
{
    const struct sinks *sinks = x->door.sinks;
    CLEANUP(arena_freep) struct arena *mem = sinks->sender_id != NULL ? arena_new(0) : NULL;

    p->trace_header = x->to->trace_header;
    p->from.arn = x->to->source_arn;
    p->function_name = x->to->function_name;
    p->event_source = "lambda";
    if (sinks->sender_id != NULL)
        p->sender_id = sinks->sender_id(sinks->role_arg, mem, x->to->role_arn, x->to->function_name);
    return try_often(x, p);
}

enum delivery destination_deliver(const struct sinks *sinks, struct turn *t,
                                  const struct destination_facts *to, const struct record_facts *f,
                                  struct buf *story)
{
    bool success = f->condition == CONDITION_SUCCESS;
    CLEANUP(buf_done) struct buf body = { 0 };
    struct sending x =
        destination_of(sinks, t, to, success ? "on-success record" : "on-failure record", story);
    struct parcel p = { .detail_type = success ? "Lambda Function Invocation Result - Success"
                                               : "Lambda Function Invocation Result - Failure" };
    enum delivery may = destination_may(&x);
    int dropped;

    if (may != DELIVERED)
        return may;
    dropped = record_write(&body, f, x.door.most_bytes);
    if (dropped > 0)
        story_add(story, t->now.wall_ms, "note", "z",
                  dropped == 1 ? "record too large: responsePayload left out"
                               : "record too large: both payloads left out");
    p.body = buf_view(&body);
    return destination_send(&x, &p);
}
