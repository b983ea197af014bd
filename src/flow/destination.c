/* destination.c - role check, record, sink: in this order, inside the caller's turn. */
#include "flow/destination.h"

#define DELIVERY_TRIES 3                                     /* UNVERIFIED: AWS does not say how often or how long */

static enum delivery refused(struct buf *story, int64_t now_ms, const char *what, struct str target, struct str why)
{
    story_add(story, now_ms, "refused", "zss", what, target, why);
    return DELIVERY_REFUSED;
}

/* May the role? Says so in the story when it was not checked or not allowed. */
static bool role_passes(const struct sinks *sinks, const struct sink *sink, struct turn *t, const struct arn *target,
                        const struct destination_facts *d, const char *what, struct buf *story)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    enum role_verdict v = sinks_role_may(sinks, t, sink, d->role_arn, sink->action, target, d->target_arn, &why);

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
    refused(story, t->now.wall_ms, what, d->target_arn, buf_view(&why));
    return false;
}

static enum delivery hand_over(const struct sink *sink, struct turn *t, const struct parcel *p, const char *what,
                               struct buf *story)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    enum delivery result = DELIVERY_FAILED;

    for (int i = 0; i < DELIVERY_TRIES && result == DELIVERY_FAILED; i++) {
        buf_clear(&why);
        result = sink->deliver(sink->arg, t, p, &why);
    }
    if (result != DELIVERED)
        return refused(story, t->now.wall_ms, what, p->target_arn, buf_view(&why));
    story_add(story, t->now.wall_ms, "sent", "zss", what, p->target_arn, buf_view(&why));
    return DELIVERED;
}

enum delivery destination_deliver(const struct sinks *sinks, struct turn *t, const struct destination_facts *d,
                                  const struct record_facts *f, struct buf *story)
{
    const char *what = f->condition == CONDITION_SUCCESS ? "on-success record" : "on-failure record";
    CLEANUP(buf_done) struct buf body = { 0 };
    CLEANUP(arena_freep) struct arena *mem = NULL;
    const struct sink *sink;
    struct parcel p = { .target_arn = d->target_arn, .trace_header = d->trace_header, .source_arn = d->source_arn };
    struct arn arn;
    int dropped;

    sink = arn_parse(d->target_arn, &arn) == 0 ? sinks_find(sinks, arn.service) : NULL;
    if (sink == NULL)
        return refused(story, t->now.wall_ms, what, d->target_arn, STR("Waybill does not deliver to this service"));
    if (!role_passes(sinks, sink, t, &arn, d, what, story))
        return DELIVERY_REFUSED;
    dropped = record_write(&body, f, sink->body_limit != NULL ? sink->body_limit(sink->arg, d->target_arn) : sink->max_body_bytes);
    if (dropped > 0)
        story_add(story, t->now.wall_ms, "note", "z", dropped == 1 ? "record too large: responsePayload left out"
                                                                   : "record too large: both payloads left out");
    p.body = buf_view(&body);
    p.detail_type = f->condition == CONDITION_SUCCESS ? "Lambda Function Invocation Result - Success"
                                                      : "Lambda Function Invocation Result - Failure";
    if (sinks->sender_id != NULL) {
        mem = arena_new(0);
        p.sender_id = sinks->sender_id(sinks->role_arg, mem, d->role_arn, d->function_name);
    }
    return hand_over(sink, t, &p, what, story);
}
