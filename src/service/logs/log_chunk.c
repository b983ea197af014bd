/* log_chunk.c - the blob of many lines (layout: log_chunk.h).
 * True here: an encoder never writes a time more than CHUNK_SPAN_MS from another of its chunk. */
#include "service/logs/log_chunk.h"

#define VARINT_MOST 10

static size_t varint_put(char *out, uint64_t v)
{
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        out[n++] = (char)(v | 0x80);
    out[n++] = (char)v;
    return n;
}

static int varint_get(struct str *s, uint64_t *ret)
{
    uint64_t v = 0;

    for (size_t i = 0; i < MIN(s->n, (size_t)VARINT_MOST); i++) {
        v |= (uint64_t)((unsigned char)s->p[i] & 0x7f) << (7 * i);
        if (((unsigned char)s->p[i] & 0x80) == 0) {
            *s = str_sub(*s, i + 1, s->n);
            *ret = v;
            return 0;
        }
    }
    return -E_INVALID;
}

static uint64_t zigzag(int64_t v) { return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63); }
static int64_t unzigzag(uint64_t v) { return (int64_t)(v >> 1) ^ -(int64_t)(v & 1); }

void log_chunk_done(struct log_chunk *c)
{
    buf_done(&c->body);
    *c = (struct log_chunk){ 0 };
}

void log_chunk_clear(struct log_chunk *c)
{
    struct buf kept = c->body;

    buf_clear(&kept);
    *c = (struct log_chunk){ .body = kept };
}

bool log_chunk_fits(const struct log_chunk *c, int64_t ms, size_t text_bytes)
{
    if (c->n == 0)
        return true;
    return c->body.n + text_bytes + 2 * VARINT_MOST <= CHUNK_BYTES &&
           MAX(c->last_ms, ms) - MIN(c->first_ms, ms) <= CHUNK_SPAN_MS;
}

static inline void add(struct log_chunk *c, int64_t ms, struct str text, bool newline)
{
    struct buf *b = &c->body;
    size_t n = text.n + (newline ? 1 : 0);

    CHECK(log_chunk_fits(c, ms, n));
    buf_reserve(b, n + 2 * VARINT_MOST);
    b->n += varint_put(b->p + b->n, zigzag(ms - c->previous_ms));
    b->n += varint_put(b->p + b->n, n);
    buf_add(b, text.p, text.n);
    if (newline)
        buf_char(b, '\n');
    c->first_ms = c->n == 0 ? ms : MIN(c->first_ms, ms);
    c->last_ms = c->n == 0 ? ms : MAX(c->last_ms, ms);
    c->previous_ms = ms;
    c->bytes += (int64_t)n + LINE_OVERHEAD_BYTES;
    c->n++;
}

void log_chunk_add(struct log_chunk *c, int64_t ms, struct str text) { add(c, ms, text, false); }
void log_chunk_add_line(struct log_chunk *c, int64_t ms, struct str text) { add(c, ms, text, true); }

/* Nearly always sorted already, so a line moves no or few places. */
static void sort(struct log_chunk_line *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct log_chunk_line x = v[i];
        size_t at = i;

        for (; at > 0 && v[at - 1].ms > x.ms; at--)
            v[at] = v[at - 1];
        v[at] = x;
    }
}

int log_chunk_lines(struct arena *a, struct str body, size_t n, struct log_chunk_line **ret_v, size_t *ret_n)
{
    struct log_chunk_line *v;
    uint64_t distance, len;
    int64_t ms = 0;
    size_t got = 0, most = MIN(n, body.n / 2); /* two bytes at least per line, whatever n claims */

    v = arena_calloc(a, MAX(most, (size_t)1), sizeof(*v));
    for (; got < most; got++) {
        if (varint_get(&body, &distance) < 0 || varint_get(&body, &len) < 0 || len > body.n)
            break;
        ms = (int64_t)((uint64_t)ms + (uint64_t)unzigzag(distance));
        v[got] = (struct log_chunk_line){ ms, str_sub(body, 0, len) };
        body = str_sub(body, len, body.n);
    }
    sort(v, got);
    *ret_v = v;
    *ret_n = got;
    return got == n && body.n == 0 ? 0 : -E_INVALID;
}
