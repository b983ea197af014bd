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

    if (!str_starts(arn->resource, head))
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

static void sink_find(struct door *d)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct log_group g = { 0 };
    struct log_place p;

    d->what.policy = logs_policy_of(d->sink->arg, d->arn.account, d->arn.region);
    if (!place_of(&d->arn, &p))
        d->state = SINK_WRONG_KIND;
    else
        d->state = find(d->sink->arg, d->turn, a, &p, &g) ? SINK_OK : SINK_MISSING;
    d->row = g.id;
}

/* Made where the group has none of this name. */
static uint64_t stream_of(const struct door *d, struct arena *a, const struct log_place *p)
{
    struct turn *t = d->turn;
    struct str name = p->stream;
    struct log_stream s;
    struct log_group g;

    if (str_absent(name))
        name = arena_printf(a, "%lld", (long long)(t->now.wall_ms / DAY_MS));
    if (log_stream_find(t->store, a, d->row, name, &s))
        return s.id;
    if (log_group_find(t->store, a, p->account, p->region, p->group, &g) && g.streams >= LOG_MOST_STREAMS)
        logs_stream_drop(CAST(struct logs, LOGS_MAGIC, d->sink->arg), t, d->row,
                         log_stream_oldest(t->store, d->row));
    return log_stream_make(t->store, t->now.wall_ms, d->row, name);
}

static enum delivery sink_deliver(const struct door *d, const struct parcel *parcel, struct buf *why)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    const struct logs *l = CAST(struct logs, LOGS_MAGIC, d->sink->arg);
    struct turn *t = d->turn;
    struct log_chunk chunk = { 0 };
    struct log_place p;

    if (d->state != SINK_OK) {
        buf_z(why, "The specified log group does not exist.");
        return DELIVERY_NO_RESOURCE;
    }
    if (parcel->body.n + LINE_OVERHEAD_BYTES > LOG_LINE_MOST_BYTES) {
        buf_printf(why, "Log event too large: %zu bytes exceeds limit of %d",
                   parcel->body.n + LINE_OVERHEAD_BYTES, LOG_LINE_MOST_BYTES);
        return DELIVERY_REFUSED;
    }
    CHECK(place_of(&d->arn, &p));
    log_chunk_add(&chunk, t->now.wall_ms, parcel->body);
    log_rows_put(t->store, t->now.wall_ms, d->row, stream_of(d, a, &p), &chunk, 1);
    log_chunk_done(&chunk);
    log_group_trim(t->store, d->row, l->o.max_group_bytes);
    buf_str(why, p.group);
    return DELIVERED;
}

struct sink logs_sink(struct logs *l)
{
    return (struct sink){ .service = "logs",
                          .action = "logs:PutLogEvents",
                          .action_name = "PutLogEvents",
                          .max_body_bytes = LOG_LINE_MOST_BYTES - LINE_OVERHEAD_BYTES,
                          .find = sink_find,
                          .deliver = sink_deliver,
                          .arg = l };
}
