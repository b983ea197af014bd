/* sink.c - a log group as the target of another service: an event becomes a line, durable with its cause. */
#include "service/logs/internal.h"

#include "base/arn.h"

struct log_place {
    struct str account, region, group, stream;
};

/* "log-group:NAME", "log-group:NAME:*", "log-group:NAME:log-stream:STREAM". */
static bool place_of(const struct arn *arn, struct log_place *ret)
{
    static const struct str head = { "log-group:", 10 }, inner = { ":log-stream:", 12 };
    struct str name;
    ptrdiff_t at;

    if (!str_is(arn->service, "logs") || !str_starts(arn->resource, head))
        return false;
    name = str_sub(arn->resource, head.n, arn->resource.n);
    at = str_find_str(name, inner);
    *ret = (struct log_place){ .account = arn->account, .region = arn->region, .group = name };
    if (at >= 0) {
        ret->group = str_sub(name, 0, (size_t)at);
        ret->stream = str_sub(name, (size_t)at + inner.n, name.n);
    } else if (str_ends(name, STR(":*"))) {
        ret->group = str_sub(name, 0, name.n - 2);
    }
    return ret->group.n > 0;
}

/* What functions wrote may wait to make the very group. */
static bool find(struct logs *l, struct turn *t, struct arena *a, const struct log_place *p,
                 struct log_group *ret)
{
    if (log_group_find(t->store, a, p->account, p->region, p->group, ret))
        return true;
    logs_flush(l, t);
    return log_group_find(t->store, a, p->account, p->region, p->group, ret);
}

static enum sink_state sink_state_of(void *arg, struct turn *t, const struct arn *target,
                                     struct str text UNUSED)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct log_group g;
    struct log_place p;

    if (!place_of(target, &p))
        return SINK_WRONG_KIND;
    return find(arg, t, a, &p, &g) ? SINK_OK : SINK_MISSING;
}

static uint64_t stream_of(struct logs *l, struct turn *t, struct arena *a, const struct log_group *g,
                          struct str name)
{
    struct log_stream s;

    if (str_absent(name))
        name = arena_printf(a, "%lld", (long long)(t->now.wall_ms / DAY_MS));
    if (log_stream_find(t->store, a, g->id, name, &s))
        return s.id;
    if (g->streams >= LOG_MOST_STREAMS)
        logs_stream_drop(l, t, g->id, log_stream_oldest(t->store, g->id));
    return log_stream_make(t->store, t->now.wall_ms, g->id, name);
}

static enum delivery sink_deliver(void *arg, struct turn *t, const struct parcel *parcel, struct buf *why)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct logs *l = CAST(struct logs, LOGS_MAGIC, arg);
    struct log_chunk chunk = { 0 };
    struct log_group g;
    struct log_place p;
    struct arn arn;

    if (arn_parse(parcel->target_arn, &arn) < 0 || !place_of(&arn, &p) || !find(l, t, a, &p, &g)) {
        buf_z(why, "The specified log group does not exist.");
        return DELIVERY_NO_RESOURCE;
    }
    if (parcel->body.n + LINE_OVERHEAD_BYTES > LOG_LINE_MOST_BYTES) {
        buf_printf(why, "Log event too large: %zu bytes exceeds limit of %d",
                   parcel->body.n + LINE_OVERHEAD_BYTES, LOG_LINE_MOST_BYTES);
        return DELIVERY_REFUSED;
    }
    log_chunk_add(&chunk, t->now.wall_ms, parcel->body);
    log_rows_put(t->store, t->now.wall_ms, g.id, stream_of(l, t, a, &g, p.stream), &chunk, 1);
    log_chunk_done(&chunk);
    log_group_trim(t->store, g.id, l->o.max_group_bytes);
    buf_str(why, p.group);
    return DELIVERED;
}

static void sink_resource(void *arg, const struct arn *target, struct str text UNUSED, struct resource *ret)
{
    ret->policy = logs_policy_of(arg, target->account, target->region);
}

struct sink logs_sink(struct logs *l)
{
    return (struct sink){ .service = "logs",
                          .action = "logs:PutLogEvents",
                          .action_name = "PutLogEvents",
                          .max_body_bytes = LOG_LINE_MOST_BYTES - LINE_OVERHEAD_BYTES,
                          .state = sink_state_of,
                          .deliver = sink_deliver,
                          .resource = sink_resource,
                          .arg = l };
}
