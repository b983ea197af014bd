/* stream.c - log streams: make, end, describe.
 * Rules: CloudWatch Logs API reference, pages CreateLogStream, DescribeLogStreams. */
#include <stdio.h>
#include <stdlib.h>

#include "service/logs/internal.h"

#define STREAMS_MOST 50
/* Sequence tokens have had no meaning since 2023, but old writers send back what they were given. */
#define SEQUENCE_TOKEN "49039859619300268100100500500400300200100000000000000001"

int logs_create_stream(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_CreateLogStreamRequest *in = input;
    struct log_group g;
    struct log_stream s;
    int r = logs_group_of(c, "logs:CreateLogStream", in->logGroupName, STR_NONE, STR_NONE, &g);

    if (r < 0)
        return r;
    if (log_stream_find(c->turn->store, c->mem, g.id, in->logStreamName, &s))
        return call_fault(c, &logs_error_ResourceAlreadyExistsException,
                          "The specified log stream already exists");
    if (g.streams >= LOG_MOST_STREAMS)
        return call_fault(c, &logs_error_LimitExceededException, "Resource limit exceeded.");
    log_stream_make(c->turn->store, c->now.wall_ms, g.id, in->logStreamName);
    return 0;
}

int logs_delete_stream(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_DeleteLogStreamRequest *in = input;
    struct log_group g;
    struct log_stream s;
    int r = logs_group_of(c, "logs:DeleteLogStream", in->logGroupName, STR_NONE, in->logStreamName, &g);

    if (r == 0)
        r = logs_stream_of(c, &g, in->logStreamName, &s);
    if (r == 0)
        logs_stream_drop(c->state, c->turn, g.id, s.id);
    return r;
}

static int by_time(const void *a, const void *b)
{
    const struct log_stream *x = a, *y = b;
    int64_t xt = x->has_events ? x->last_ms : -1, yt = y->has_events ? y->last_ms : -1;

    if (xt != yt)
        return xt < yt ? -1 : 1;
    return str_cmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct log_stream *)a)->name, ((const struct log_stream *)b)->name);
}

static void shown(struct call *c, const struct log_group *g, const struct log_stream *s,
                  struct logs_LogStream *ret)
{
    ret->logStreamName = s->name;
    ret->creationTime = INT_SET(s->created_ms);
    if (s->has_events) {
        ret->firstEventTimestamp = INT_SET(s->first_ms);
        ret->lastEventTimestamp = INT_SET(s->last_ms);
        ret->lastIngestionTime = INT_SET(s->ingested_ms);
    }
    ret->uploadSequenceToken = STR(SEQUENCE_TOKEN);
    ret->arn = logs_stream_arn(c, g->name, s->name);
    /* AWS has answered 0 for streams since June 2019. */
    ret->storedBytes = INT_SET(0);
}

/* The token carries the sort key of the last stream shown: "TIME/NAME", TIME -1 for a stream without events.
 */
static int token_parse(struct call *c, struct str token, struct log_stream *ret)
{
    struct str ms;
    int64_t at;

    if (!str_cut(&token, '/', &ms) || str_absent(token) || str_to_i64(ms, &at) < 0)
        return logs_invalid(c, "The specified nextToken is invalid.");
    *ret = (struct log_stream){ .name = token, .has_events = at >= 0, .last_ms = at };
    return 0;
}

static struct str token_text(struct call *c, const struct log_stream *s)
{
    return arena_printf(c->mem, "%lld/" STR_FMT, (long long)(s->has_events ? s->last_ms : -1),
                        STR_ARG(s->name));
}

struct page {
    struct log_stream *v;
    size_t n;
    int (*order)(const void *a, const void *b);
    bool descending;
};

static const struct log_stream *at(const struct page *p, size_t i)
{
    return &p->v[p->descending ? p->n - 1 - i : i];
}

static size_t first_after(const struct page *p, const struct log_stream *token)
{
    size_t i = 0;

    while (i < p->n && (p->descending ? p->order(at(p, i), token) >= 0 : p->order(at(p, i), token) <= 0))
        i++;
    return i;
}

static int describe_check(struct call *c, const struct logs_DescribeLogStreamsRequest *in, bool timed)
{
    if (timed && !str_absent(in->logStreamNamePrefix))
        return logs_invalid(c, "Cannot order by LastEventTime with a logStreamNamePrefix.");
    return 0;
}

int logs_describe_streams(struct call *c, const void *input, void *output)
{
    const struct logs_DescribeLogStreamsRequest *in = input;
    struct logs_DescribeLogStreamsResponse *out = output;
    bool timed = str_is(in->orderBy, "LastEventTime");
    size_t limit = in->limit.set ? MIN((size_t)in->limit.v, (size_t)STREAMS_MOST) : STREAMS_MOST, from = 0, n;
    struct page p = { .order = timed ? by_time : by_name,
                      .descending = in->descending.set && in->descending.v };
    struct log_stream token;
    struct log_group g;
    int r =
        logs_group_of(c, "logs:DescribeLogStreams", in->logGroupName, in->logGroupIdentifier, STR_NONE, &g);

    if (r == 0)
        r = describe_check(c, in, timed);
    if (r == 0 && !str_absent(in->nextToken))
        r = token_parse(c, in->nextToken, &token);
    if (r < 0)
        return r;
    p.n = log_stream_list(c->turn->store, c->mem, g.id,
                          str_absent(in->logStreamNamePrefix) ? STR("") : in->logStreamNamePrefix, &p.v);
    if (timed)
        qsort(p.v, p.n, sizeof(*p.v), by_time);
    if (!str_absent(in->nextToken))
        from = first_after(&p, &token);
    n = MIN(limit, p.n - from);
    out->logStreams =
        (struct logs_LogStreams){ true, n, arena_calloc(c->mem, n, sizeof(*out->logStreams.v)) };
    for (size_t i = 0; i < n; i++)
        shown(c, &g, at(&p, from + i), &out->logStreams.v[i]);
    if (n > 0 && from + n < p.n)
        out->nextToken = token_text(c, at(&p, from + n - 1));
    return 0;
}
