/* put.c - PutLogEvents: a batch from a writer, durable when it is answered.
 * Rules: CloudWatch Logs API reference, page PutLogEvents. */
#include "service/logs/internal.h"

#define BATCH_MOST_BYTES 1048576
#define BATCH_MOST_EVENTS 10000
#define TOO_OLD_MS (14 * DAY_MS)
#define TOO_NEW_MS (2 * (int64_t)3600000)
#define ROWS_AT_ONCE 64
#define NEXT_TOKEN "49039859619300268100100500500400300200100000000000000001"

/* Which events are kept: [from, to); what lies before is too old or expired, what lies behind too new. */
struct window {
    size_t too_old_end, expired_end, too_new_start;
};

static int batch_check(struct call *c, const struct logs_InputLogEvents *v)
{
    size_t bytes = 0;

    if (v->n > BATCH_MOST_EVENTS)
        return logs_invalid(c, "Too many log events: %zu exceeds limit of %d", v->n, BATCH_MOST_EVENTS);
    for (size_t i = 0; i < v->n; i++) {
        bytes += v->v[i].message.n + LINE_OVERHEAD_BYTES;
        if (v->v[i].message.n + LINE_OVERHEAD_BYTES > BATCH_MOST_BYTES)
            return logs_invalid(c, "Log event too large: %zu bytes exceeds limit of %d",
                                v->v[i].message.n + LINE_OVERHEAD_BYTES, BATCH_MOST_BYTES);
        if (i > 0 && v->v[i].timestamp.v < v->v[i - 1].timestamp.v)
            return logs_invalid(
                c, "Log events in a single PutLogEvents request must be in chronological order.");
    }
    if (bytes > BATCH_MOST_BYTES)
        return logs_invalid(c, "Upload too large: %zu bytes exceeds limit of %d", bytes, BATCH_MOST_BYTES);
    if (v->n > 0 && v->v[v->n - 1].timestamp.v - v->v[0].timestamp.v > DAY_MS)
        return logs_invalid(
            c, "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
    return 0;
}

static struct window window_of(const struct call *c, const struct log_group *g,
                               const struct logs_InputLogEvents *v)
{
    struct window w = { 0, 0, v->n };
    int64_t oldest = logs_oldest_ms(c, g);

    for (size_t i = 0; i < v->n; i++) {
        int64_t ms = v->v[i].timestamp.v;

        if (ms < c->now.wall_ms - TOO_OLD_MS)
            w.too_old_end = i + 1;
        if (ms < oldest)
            w.expired_end = i + 1;
        if (ms > c->now.wall_ms + TOO_NEW_MS && w.too_new_start == v->n)
            w.too_new_start = i;
    }
    return w;
}

static struct logs_RejectedLogEventsInfo *rejected(struct call *c, const struct window *w, size_t n)
{
    struct logs_RejectedLogEventsInfo *info = ARENA_NEW(c->mem, struct logs_RejectedLogEventsInfo);

    if (w->too_new_start < n)
        info->tooNewLogEventStartIndex = INT_SET((int64_t)w->too_new_start);
    if (w->too_old_end > 0)
        info->tooOldLogEventEndIndex = INT_SET((int64_t)w->too_old_end);
    if (w->expired_end > 0)
        info->expiredLogEventEndIndex = INT_SET((int64_t)w->expired_end);
    return info->tooNewLogEventStartIndex.set || w->too_old_end > 0 || w->expired_end > 0 ? info : NULL;
}

/* A batch whose events lie far apart makes many rows (log_chunk.h); the sums are written once per
 * ROWS_AT_ONCE. */
static void keep(struct call *c, uint64_t group_id, uint64_t stream_id, const struct logs_InputLogEvent *v,
                 size_t n)
{
    struct log_chunk chunks[ROWS_AT_ONCE] = { 0 };
    struct logs *l = CAST(struct logs, LOGS_MAGIC, c->state);
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        if (!log_chunk_fits(&chunks[at], v[i].timestamp.v, v[i].message.n) && ++at == ROWS_AT_ONCE) {
            log_rows_put(c->turn->store, c->now.wall_ms, group_id, stream_id, chunks, ROWS_AT_ONCE);
            for (at = ROWS_AT_ONCE; at-- > 0;)
                log_chunk_clear(&chunks[at]);
            at = 0;
        }
        log_chunk_add(&chunks[at], v[i].timestamp.v, v[i].message);
    }
    log_rows_put(c->turn->store, c->now.wall_ms, group_id, stream_id, chunks, ROWS_AT_ONCE);
    for (size_t i = 0; i < ROWS_AT_ONCE; i++)
        log_chunk_done(&chunks[i]);
    log_group_trim(c->turn->store, group_id, l->o.max_group_bytes);
}

int logs_put_events(struct call *c, const void *input, void *output)
{
    const struct logs_PutLogEventsRequest *in = input;
    struct logs_PutLogEventsResponse *out = output;
    struct log_stream s;
    struct log_group g;
    struct window w;
    size_t from;
    int r = logs_group_of(c, "logs:PutLogEvents", in->logGroupName, STR_NONE, in->logStreamName, &g);

    if (r == 0)
        r = logs_stream_of(c, &g, in->logStreamName, &s);
    if (r == 0)
        r = batch_check(c, &in->logEvents);
    if (r < 0)
        return r;
    w = window_of(c, &g, &in->logEvents);
    from = MAX(w.too_old_end, w.expired_end);
    if (from < w.too_new_start)
        keep(c, g.id, s.id, in->logEvents.v + from, w.too_new_start - from);
    out->nextSequenceToken = STR(NEXT_TOKEN);
    out->rejectedLogEventsInfo = rejected(c, &w, in->logEvents.n);
    /* Entities are not kept; AWS has an answer for groups that cannot hold one, and stores the events. */
    if (in->entity != NULL) {
        out->rejectedEntityInfo = ARENA_NEW(c->mem, struct logs_RejectedEntityInfo);
        out->rejectedEntityInfo->errorType = STR("UnsupportedLogGroupType");
    }
    return 0;
}
