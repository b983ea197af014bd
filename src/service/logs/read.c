/* read.c - GetLogEvents and FilterLogEvents: pages of lines with tokens.
 *
 * True here: a token is a position in the reader's total order (log_reader.h), so a page is never told twice
 * and lines that come later in order are always found by the forward token.
 *  - GetLogEvents: "f/POSITION/s" goes on after that line, "b/POSITION/s" before it; an empty page returns
 * the token it was asked with, which is how a client sees the end;
 *  - FilterLogEvents: the digits alone.  A call reads at most SCAN_MOST_BYTES of bodies, goes through
 * SCAN_MOST_WORK bytes and may come back with few or no events and a token, as AWS does when it stops
 * searching early. Rules: CloudWatch Logs API reference, pages GetLogEvents and FilterLogEvents. */
#include "service/logs/internal.h"
#include "service/logs/log_filter.h"
#include "service/logs/log_reader.h"

#define EVENTS_MOST 10000
#define PAGE_MOST_BYTES ((size_t)1 << 20)
#define SCAN_MOST_BYTES ((size_t)4 << 20)
#define SCAN_MOST_WORK ((size_t)8 << 20) /* bytes gone through: a line counts for each term; some 25 ms */
#define TO_THE_END (INT64_MAX - CHUNK_SPAN_MS)

static int bad_token(struct call *c) { return logs_invalid(c, "The specified nextToken is invalid."); }

/* Nothing is masked here, so unmasking changes nothing; it needs its permission all the same. */
static int unmask_check(struct call *c, struct opt_bool unmask, const struct log_group *g)
{
    if (!unmask.set || !unmask.v)
        return 0;
    return call_may_own(c, "logs:Unmask",
                        arena_printf(c->mem, STR_FMT ":*", STR_ARG(logs_group_arn(c, g->name))));
}

/* GetLogEvents. */

static int get_token(struct call *c, struct str token, struct log_read *what)
{
    if (token.n != LOG_POSITION_DIGITS + 4 || (token.p[0] != 'f' && token.p[0] != 'b') || token.p[1] != '/' ||
        !str_ends(token, STR("/s")) ||
        log_position_parse(str_sub(token, 2, token.n - 2), &what->position) < 0)
        return bad_token(c);
    what->has_position = true;
    what->backward = token.p[0] == 'b';
    return 0;
}

static struct str get_token_text(struct call *c, char direction, const struct log_position *p)
{
    char digits[LOG_POSITION_DIGITS + 1];

    log_position_text(digits, p);
    return arena_printf(c->mem, "%c/%s/s", direction, digits);
}

/* The page in rising order, whichever way it was read. */
static size_t get_page(struct call *c, const struct log_read *what, size_t limit, struct log_event **ret_v)
{
    CLEANUP(log_reader_done) struct log_reader r;
    size_t n = 0, cap = MIN(limit, (size_t)128), bytes = 0;
    struct log_event *v = arena_calloc(c->mem, cap, sizeof(*v)), e;

    log_reader_init(&r, c->turn->store, c->mem, what);
    while (n < limit && log_reader_next(&r, &e)) {
        bytes += e.text.n + LINE_OVERHEAD_BYTES;
        if (n > 0 && bytes > PAGE_MOST_BYTES)
            break;
        if (n == cap) {
            struct log_event *more = arena_calloc(c->mem, cap *= 2, sizeof(*v));

            memcpy(more, v, n * sizeof(*v));
            v = more;
        }
        v[n++] = e;
    }
    for (size_t i = 0; what->backward && i < n / 2; i++) {
        e = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = e;
    }
    *ret_v = v;
    return n;
}

static void get_shown(struct call *c, const struct log_read *what, const struct log_event *v, size_t n,
                      struct logs_GetLogEventsResponse *out)
{
    const struct log_position *first = n > 0 ? &v[0].at : &what->position,
                              *last = n > 0 ? &v[n - 1].at : &what->position;

    out->events = (struct logs_OutputLogEvents){ true, n, arena_calloc(c->mem, n, sizeof(*out->events.v)) };
    for (size_t i = 0; i < n; i++) {
        out->events.v[i].timestamp = INT_SET(v[i].at.ms);
        out->events.v[i].message = v[i].text;
        out->events.v[i].ingestionTime = INT_SET(v[i].ingested_ms);
    }
    out->nextForwardToken = get_token_text(c, 'f', last);
    out->nextBackwardToken = get_token_text(c, 'b', first);
}

int logs_get_events(struct call *c, const void *input, void *output)
{
    const struct logs_GetLogEventsRequest *in = input;
    size_t limit = in->limit.set ? MIN((size_t)in->limit.v, (size_t)EVENTS_MOST) : EVENTS_MOST, n;
    struct log_read what = { .backward = !in->startFromHead.set || !in->startFromHead.v,
                             .to_ms = TO_THE_END };
    struct log_event *v;
    struct log_stream s;
    struct log_group g;
    int r = logs_group_of(c, "logs:GetLogEvents", in->logGroupName, in->logGroupIdentifier, in->logStreamName,
                          &g);

    if (r == 0)
        r = logs_stream_of(c, &g, in->logStreamName, &s);
    if (r == 0)
        r = unmask_check(c, in->unmask, &g);
    if (r == 0 && !str_absent(in->nextToken))
        r = get_token(c, in->nextToken, &what);
    if (r < 0)
        return r;
    what.stream_id = s.id;
    what.from_ms = MAX(logs_oldest_ms(c, &g), in->startTime.set ? in->startTime.v : 0);
    if (in->endTime.set)
        what.to_ms = MIN(in->endTime.v - 1, TO_THE_END);
    n = get_page(c, &what, limit, &v);
    get_shown(c, &what, v, n, output);
    return 0;
}

/* FilterLogEvents. */

struct named {
    uint64_t id;
    struct str name; /* absent: not asked for */
};

struct search {
    struct call *c;
    const struct logs_FilterLogEventsRequest *in;
    struct map streams; /* id -> struct named, filled as streams are met */
    struct log_filter *filter;
};

static void search_done(struct search *s) { map_done(&s->streams); }

static bool asked_for(const struct logs_FilterLogEventsRequest *in, struct str name)
{
    if (!in->logStreamNames.set)
        return str_absent(in->logStreamNamePrefix) || str_starts(name, in->logStreamNamePrefix);
    for (size_t i = 0; i < in->logStreamNames.n; i++)
        if (str_eq(in->logStreamNames.v[i], name))
            return true;
    return false;
}

static struct named *stream_met(struct search *s, uint64_t id)
{
    struct str key = str_make((const char *)&id, sizeof(id));
    struct named *m = map_get(&s->streams, key);

    if (m != NULL)
        return m;
    m = ARENA_NEW(s->c->mem, struct named);
    m->id = id;
    m->name = log_stream_name(s->c->turn->store, s->c->mem, id);
    if (!str_absent(m->name) && !asked_for(s->in, m->name))
        m->name = STR_NONE;
    map_put(&s->streams, key, m);
    return m;
}

static bool wanted(void *arg, uint64_t stream_id) { return !str_absent(stream_met(arg, stream_id)->name); }

static int filter_check(struct call *c, const struct logs_FilterLogEventsRequest *in,
                        const struct log_group *g)
{
    struct log_stream s;
    int r;

    if (in->logStreamNames.set && !str_absent(in->logStreamNamePrefix))
        return logs_invalid(c, "logStreamNames and logStreamNamePrefix cannot both be specified.");
    if (in->startFromHead.set && !in->startFromHead.v)
        return logs_invalid(c, "startFromHead=false is not supported by FilterLogEvents");
    for (size_t i = 0; i < in->logStreamNames.n; i++) {
        r = logs_stream_of(c, g, in->logStreamNames.v[i], &s);
        if (r < 0)
            return r;
    }
    return 0;
}

static struct str digits(struct call *c, const struct log_position *p)
{
    char text[LOG_POSITION_DIGITS + 1];

    log_position_text(text, p);
    return arena_str(c->mem, str_of(text));
}

static void filter_shown(struct search *s, const struct log_event *e, struct logs_FilteredLogEvent *ret)
{
    ret->logStreamName = stream_met(s, e->stream_id)->name;
    ret->timestamp = INT_SET(e->at.ms);
    ret->message = e->text;
    ret->ingestionTime = INT_SET(e->ingested_ms);
    ret->eventId = digits(s->c, &e->at);
}

static void filter_page(struct search *s, const struct log_read *what, size_t limit,
                        struct logs_FilterLogEventsResponse *out)
{
    CLEANUP(log_reader_done) struct log_reader r;
    CLEANUP(arena_freep) struct arena *scratch = arena_new(0);
    struct logs_FilteredLogEvent *v = NULL;
    size_t n = 0, cap = 0, bytes = 0, work = 0, cost = 1 + log_filter_cost(s->filter);
    struct log_event e;

    log_reader_init(&r, s->c->turn->store, s->c->mem, what);
    while (log_reader_next(&r, &e)) {
        if (log_filter_passes(s->filter, scratch, e.text)) {
            if (n == cap) {
                struct logs_FilteredLogEvent *more =
                    arena_calloc(s->c->mem, cap = MAX(cap * 2, (size_t)64), sizeof(*v));

                if (n > 0)
                    memcpy(more, v, n * sizeof(*v));
                v = more;
            }
            bytes += e.text.n + LINE_OVERHEAD_BYTES;
            filter_shown(s, &e, &v[n++]);
        }
        if (s->filter != NULL)
            arena_reset(scratch);
        work += (e.text.n + LINE_OVERHEAD_BYTES) * cost;
        if (n == limit || bytes >= PAGE_MOST_BYTES || r.read_bytes >= SCAN_MOST_BYTES ||
            work >= SCAN_MOST_WORK) {
            out->nextToken = digits(s->c, &e.at);
            break;
        }
    }
    out->events = (struct logs_FilteredLogEvents){ true, n, v };
}

int logs_filter_events(struct call *c, const void *input, void *output)
{
    const struct logs_FilterLogEventsRequest *in = input;
    struct logs_FilterLogEventsResponse *out = output;
    CLEANUP(search_done) struct search s = { .c = c, .in = in };
    size_t limit = in->limit.set ? MIN((size_t)in->limit.v, (size_t)EVENTS_MOST) : EVENTS_MOST;
    struct log_read what = { .to_ms = TO_THE_END, .wanted = wanted, .arg = &s };
    struct log_group g;
    struct str why;
    int r = logs_group_of(c, "logs:FilterLogEvents", in->logGroupName, in->logGroupIdentifier, STR_NONE, &g);

    if (r == 0)
        r = filter_check(c, in, &g);
    if (r == 0)
        r = unmask_check(c, in->unmask, &g);
    if (r == 0 && log_filter_parse(c->mem, in->filterPattern, &s.filter, &why) < 0)
        r = logs_invalid(c, STR_FMT, STR_ARG(why));
    if (r == 0 && !str_absent(in->nextToken)) {
        what.has_position = true;
        r = log_position_parse(in->nextToken, &what.position) < 0 ? bad_token(c) : 0;
    }
    if (r < 0)
        return r;
    what.group_id = g.id;
    what.from_ms = MAX(logs_oldest_ms(c, &g), in->startTime.set ? in->startTime.v : 0);
    if (in->endTime.set)
        what.to_ms = MIN(in->endTime.v, TO_THE_END);
    filter_page(&s, &what, limit, out);
    out->searchedLogStreams = (struct logs_SearchedLogStreams){ .set = true };
    return 0;
}
