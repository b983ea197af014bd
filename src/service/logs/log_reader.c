/* log_reader.c - a merge of rows by time.
 *
 * True here: `merge` holds a cursor for every row that may contain the next line, keyed by a bound no line of
 * the row comes before (in the direction read): of an open row its next line, of one whose body was not
 * fetched yet its first_ms (backward: last_ms).  So a body is fetched only when its turn has come. Forward,
 * rows come by rising last_ms, and a row not yet met has no line before next.last_ms - CHUNK_SPAN_MS;
 * backward, rows come by falling last_ms, and a row not yet met has no line after next.last_ms. */
#include "service/logs/log_reader.h"

#include <inttypes.h>
#include <stdio.h>

#include "service/logs/log_chunk.h"

static struct sql q_stream_up =
    SQL("SELECT id, stream_id, first_ms, last_ms FROM log_row WHERE stream_id = $1 AND last_ms >= $2 AND "
        "last_ms <= $3 ORDER BY last_ms");
static struct sql q_stream_down =
    SQL("SELECT id, stream_id, first_ms, last_ms FROM log_row WHERE stream_id = $1 AND last_ms >= $2 AND "
        "last_ms <= $3 ORDER BY last_ms DESC");
static struct sql q_group_up =
    SQL("SELECT id, stream_id, first_ms, last_ms FROM log_row WHERE group_id = $1 AND last_ms >= $2 AND "
        "last_ms <= $3 ORDER BY last_ms");
static struct sql q_body = SQL("SELECT body, lines, ingested_ms FROM log_row WHERE id = $1");

struct cursor {
    struct heap_node node;
    struct log_row_ref row;
    int64_t ingested_ms;
    bool open; /* v is there */
    struct log_chunk_line *v;
    size_t from, to; /* lines [from, to) are still to come */
};

void log_position_text(char out[LOG_POSITION_DIGITS + 1], const struct log_position *p)
{
    CHECK(p->ms >= 0);
    snprintf(out, LOG_POSITION_DIGITS + 1, "%020" PRId64 "%020" PRIu64 "%016" PRIu32, p->ms, p->row, p->line);
}

int log_position_parse(struct str s, struct log_position *ret)
{
    struct log_position p;
    uint64_t line;

    if (s.n != LOG_POSITION_DIGITS)
        return -E_INVALID;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return -E_INVALID;
    if (str_to_i64(str_sub(s, 0, 20), &p.ms) < 0 || str_to_u64(str_sub(s, 20, 40), &p.row) < 0 ||
        str_to_u64(str_sub(s, 40, 56), &line) < 0 || line > UINT32_MAX || p.ms > INT64_MAX - CHUNK_SPAN_MS)
        return -E_INVALID;
    p.line = (uint32_t)line;
    *ret = p;
    return 0;
}

int log_position_cmp(const struct log_position *a, const struct log_position *b)
{
    if (a->ms != b->ms)
        return a->ms < b->ms ? -1 : 1;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

static void peek(struct log_reader *r)
{
    do {
        r->has_next = rows_next(&r->rows);
        if (!r->has_next)
            return;
        r->next = (struct log_row_ref){ (uint64_t)rows_int(&r->rows, 0), (uint64_t)rows_int(&r->rows, 1),
                                        rows_ms(&r->rows, 2), rows_ms(&r->rows, 3) };
    } while (r->what.wanted != NULL && !r->what.wanted(r->what.arg, r->next.stream_id));
}

void log_reader_init(struct log_reader *r, struct store *s, struct arena *a, const struct log_read *what)
{
    struct sql *q = what->stream_id == 0 ? &q_group_up : what->backward ? &q_stream_down : &q_stream_up;
    int64_t low = what->from_ms, high = MIN(what->to_ms, INT64_MAX - CHUNK_SPAN_MS) + CHUNK_SPAN_MS;

    CHECK(what->stream_id != 0 || !what->backward);
    *r = (struct log_reader){ .store = s, .a = a, .what = *what };
    if (what->has_position && !what->backward)
        low = MAX(low, what->position.ms);
    if (what->has_position && what->backward)
        high = MIN(high, what->position.ms + CHUNK_SPAN_MS);
    store_query(s, q, &r->rows, V_INT(what->stream_id != 0 ? what->stream_id : what->group_id), V_INT(low),
                V_INT(high));
    peek(r);
}

static bool inside(const struct log_reader *r, uint64_t row, size_t line, int64_t ms)
{
    struct log_position at = { ms, row, (uint32_t)line };
    int order;

    if (ms < r->what.from_ms || ms > r->what.to_ms)
        return false;
    if (!r->what.has_position)
        return true;
    order = log_position_cmp(&at, &r->what.position);
    return r->what.backward ? order < 0 : order > 0;
}

static void place(struct log_reader *r, struct cursor *c)
{
    if (r->what.backward)
        c->node = (struct heap_node){ .key = -(c->open ? c->v[c->to - 1].ms : c->row.last_ms),
                                      .seq = UINT64_MAX - c->row.id };
    else
        c->node = (struct heap_node){ .key = c->open ? c->v[c->from].ms : c->row.first_ms, .seq = c->row.id };
    heap_add(&r->merge, &c->node);
}

static void meet_next(struct log_reader *r)
{
    struct cursor *c = ARENA_NEW(r->a, struct cursor);

    c->row = r->next;
    place(r, c);
    peek(r);
}

static bool must_meet(const struct log_reader *r)
{
    const struct heap_node *first = heap_first(&r->merge);

    if (!r->has_next)
        return false;
    if (first == NULL)
        return true;
    return r->what.backward ? r->next.last_ms >= -first->key : r->next.last_ms - CHUNK_SPAN_MS <= first->key;
}

/* Fetches the body and leaves the lines of the window in [from, to). */
static void open_row(struct log_reader *r, struct cursor *c)
{
    struct rows body;

    c->open = true;
    store_query(r->store, &q_body, &body, V_INT(c->row.id));
    if (rows_next(&body)) {
        struct str copy = arena_str(r->a, rows_text(&body, 0));

        c->ingested_ms = rows_ms(&body, 2);
        r->read_bytes += copy.n;
        (void)log_chunk_lines(r->a, copy, (size_t)rows_count(&body, 1, UINT32_MAX), &c->v, &c->to);
    }
    rows_done(&body);
    while (c->from < c->to && !inside(r, c->row.id, c->from, c->v[c->from].ms))
        c->from++;
    while (c->from < c->to && !inside(r, c->row.id, c->to - 1, c->v[c->to - 1].ms))
        c->to--;
}

bool log_reader_next(struct log_reader *r, struct log_event *ret)
{
    struct cursor *c;
    size_t line;

    for (;;) {
        while (must_meet(r))
            meet_next(r);
        if (heap_first(&r->merge) == NULL)
            return false;
        c = CONTAINER_OF(heap_first(&r->merge), struct cursor, node);
        heap_remove(&r->merge, &c->node);
        if (c->open)
            break;
        open_row(r, c);
        if (c->from < c->to)
            place(r, c);
    }
    line = r->what.backward ? --c->to : c->from++;
    *ret = (struct log_event){ .at = { c->v[line].ms, c->row.id, (uint32_t)line },
                               .text = c->v[line].text,
                               .stream_id = c->row.stream_id,
                               .ingested_ms = c->ingested_ms };
    if (c->from < c->to)
        place(r, c);
    return true;
}

void log_reader_done(struct log_reader *r)
{
    rows_done(&r->rows);
    heap_done(&r->merge);
}
