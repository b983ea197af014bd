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

static enum delivery refused(struct buf *story, int64_t now_ms, const char *what, struct str target,
                             enum delivery verdict, struct str why)
{
    story_add(story, now_ms, "refused", "zss", what, target,
              str_empty(why) ? str_of(verdict_text(verdict)) : why);
    return verdict;
}

struct str destination_resource(struct arena *mem, struct str target_arn, struct str function_name,
                                int64_t now_ms)
{
    CLEANUP(buf_done) struct buf when = { 0 };
    struct arn arn;

    if (arn_parse(target_arn, &arn) != 0 || !str_is(arn.service, "s3"))
        return target_arn;
    when_iso_ms(&when, now_ms); /* YYYY-MM-DDT... */
    return arena_printf(mem, STR_FMT "/aws/lambda/async/" STR_FMT "/%.4s/%.2s/%.2s/record",
                        STR_ARG(target_arn), STR_ARG(function_name), when.p, when.p + 5, when.p + 8);
}

/* May the role? Says so in the story when it was not checked or not allowed. */
static bool role_passes(const struct sinks *sinks, const struct sink *sink, struct turn *t,
                        const struct destination_facts *d, const char *what, struct buf *story)
{
    CLEANUP(arena_freep) struct arena *mem = NULL;
    CLEANUP(buf_done) struct buf why = { 0 };
    struct role_asks asks = { d->role_arn, sink->action, d->target_arn, d->target_arn };
    enum role_verdict v;

    if (strcmp(sink->service, "s3") == 0) {
        mem = arena_new(0);
        asks.resource = destination_resource(mem, d->target_arn, d->function_name, t->now.wall_ms);
    }
    v = sinks_role_may(sinks, t, &asks, &why);
    if (v == ROLE_ALLOWED)
        return true;
    if (v == ROLE_UNKNOWN && !d->strict_permissions) {
        story_add(story, t->now.wall_ms, "unchecked", "sz", d->role_arn, "role unknown here, not checked");
        return true;
    }
    if (v == ROLE_UNKNOWN) {
        buf_clear(&why);
        buf_z(&why, "the role is unknown here and permissions are strict");
    }
    refused(story, t->now.wall_ms, what, d->target_arn, DELIVERY_NO_PERMISSION, buf_view(&why));
    return false;
}

static enum delivery hand_over(const struct sink *sink, struct turn *t, const struct parcel *p,
                               const char *what, struct buf *story)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    enum delivery result = DELIVERY_FAILED;

    for (int i = 0; i < DELIVERY_TRIES && result == DELIVERY_FAILED; i++) {
        buf_clear(&why);
        result = sink->deliver(sink->arg, t, p, &why);
    }
    if (result != DELIVERED)
        return refused(story, t->now.wall_ms, what, p->target_arn, result, buf_view(&why));
    story_add(story, t->now.wall_ms, "sent", "zss", what, p->target_arn, buf_view(&why));
    return DELIVERED;
}

/* NULL, and said so in the story: nothing goes there. */
static const struct sink *sink_for(const struct sinks *sinks, struct turn *t,
                                   const struct destination_facts *d, struct arn *ret, const char *what,
                                   struct buf *story)
{
    const struct sink *sink = arn_parse(d->target_arn, ret) == 0 ? sinks_find(sinks, ret->service) : NULL;

    if (sink == NULL)
        refused(story, t->now.wall_ms, what, d->target_arn, DELIVERY_REFUSED,
                STR("Waybill does not deliver to this service"));
    return sink;
}

/* Everything but the right to do it. */
static enum delivery send_parcel(const struct sinks *sinks, const struct sink *sink, struct turn *t,
                                 const struct destination_facts *d, struct parcel *p, const char *what,
                                 struct buf *story)
{
    CLEANUP(arena_freep) struct arena *mem = NULL;

    p->target_arn = d->target_arn;
    p->trace_header = d->trace_header;
    p->source_arn = d->source_arn;
    p->function_name = d->function_name;
    p->event_source = "lambda";
    if (sinks->sender_id != NULL) {
        mem = arena_new(0);
        p->sender_id = sinks->sender_id(sinks->role_arg, mem, d->role_arn, d->function_name);
    }
    return hand_over(sink, t, p, what, story);
}

enum delivery destination_hand_over(const struct sinks *sinks, struct turn *t,
                                    const struct destination_facts *d, struct parcel *p, const char *what,
                                    struct buf *story)
{
    struct arn arn;
    const struct sink *sink = sink_for(sinks, t, d, &arn, what, story);

    if (sink == NULL)
        return DELIVERY_REFUSED;
    if (!role_passes(sinks, sink, t, d, what, story))
        return DELIVERY_NO_PERMISSION;
    return send_parcel(sinks, sink, t, d, p, what, story);
}

static size_t most_bytes(const struct sink *sink, struct str target_arn)
{
    return sink->body_limit != NULL ? sink->body_limit(sink->arg, target_arn) : sink->max_body_bytes;
}

enum delivery destination_deliver(const struct sinks *sinks, struct turn *t,
                                  const struct destination_facts *d, const struct record_facts *f,
                                  struct buf *story)
{
    bool success = f->condition == CONDITION_SUCCESS;
    const char *what = success ? "on-success record" : "on-failure record";
    CLEANUP(buf_done) struct buf body = { 0 };
    struct arn arn;
    const struct sink *sink = sink_for(sinks, t, d, &arn, what, story);
    struct parcel p = { .detail_type = success ? "Lambda Function Invocation Result - Success"
                                               : "Lambda Function Invocation Result - Failure" };
    int dropped;

    if (sink == NULL)
        return DELIVERY_REFUSED;
    if (!role_passes(sinks, sink, t, d, what, story))
        return DELIVERY_NO_PERMISSION;
    dropped = record_write(&body, f, most_bytes(sink, d->target_arn));
    if (dropped > 0)
        story_add(story, t->now.wall_ms, "note", "z",
                  dropped == 1 ? "record too large: responsePayload left out"
                               : "record too large: both payloads left out");
    p.body = buf_view(&body);
    return send_parcel(sinks, sink, t, d, &p, what, story);
}
