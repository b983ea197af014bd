/* json_write.c - writing JSON: compacting what exists, quoting, and the writer.
 * True here: the buf always holds a prefix of a well-formed text; commas and colons are written by begin()
 * and jw_key() alone; misuse (a value without its key, an end without its begin) is caught by CHECK. */
#include "base/json.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/json_scan.h"

/* To the first byte that is a blank or a quote. */
static const char *skip_dense(const char *p, const char *end)
{
    while (p < end && *p != '"' && *p != ' ' && *p != '\n' && *p != '\r' && *p != '\t')
        p++;
    return p;
}

/* Behind the closing quote; p is behind the opening one. */
static const char *skip_string(const char *p, const char *end)
{
    while (p < end) {
#ifdef __SSE2__
        const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');

        for (; end - p >= 16; p += 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
            int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));

            if (mask != 0) {
                p += __builtin_ctz((unsigned)mask);
                break;
            }
        }
#endif
        while (p < end && *p != '"' && *p != '\\')
            p++;
        if (p >= end || *p == '"')
            break;
        p += 2;
    }
    return p < end ? p + 1 : end;
}

void json_compact(struct buf *b, struct str s)
{
    const char *p = s.p, *end = p + s.n, *from = p;

    buf_reserve(b, s.n);
    while (p < end) {
        p = skip_dense(p, end);
        if (p < end && *p == '"') {
            p = skip_string(p + 1, end);
            continue;
        }
        /* One copy per dense run: a text that is compact already goes over in one piece. */
        buf_add(b, from, (size_t)(p - from));
        while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
            p++;
        from = p;
    }
    if (from < end)
        buf_add(b, from, (size_t)(end - from));
}

static void quote_special(struct buf *b, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char names[0x20] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
    char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

    if (c == '"' || c == '\\')
        text[1] = (char)c;
    else if (names[c] != '\0')
        text[1] = names[c];
    else {
        buf_add(b, text, 6);
        return;
    }
    buf_add(b, text, 2);
}

/* To the first byte that must not be copied as it is. */
static const char *quotable(const char *p, const char *end)
{
    uint32_t cp;

    for (;;) {
        size_t n;

        p = json_skip_plain(p, end);
        if (p == end || (unsigned char)*p < 0x80)
            return p;
        n = utf8_get(str_make(p, (size_t)(end - p)), &cp);
        if (n == 0)
            return p;
        p += n;
    }
}

void json_quote(struct buf *b, struct str s)
{
    const char *p = s.p, *end = s.p + s.n;

    buf_reserve(b, s.n + 2);
    buf_char(b, '"');
    while (p < end) {
        const char *to = quotable(p, end);

        buf_add(b, p, (size_t)(to - p));
        p = to;
        if (p == end)
            break;
        if ((unsigned char)*p < 0x80) {
            quote_special(b, (unsigned char)*p++);
        } else {
            buf_add(b, "\xef\xbf\xbd", 3);
            p += utf8_bad(str_make(p, (size_t)(end - p)));
        }
    }
    buf_char(b, '"');
}

static bool in_object(const struct json_writer *w) { return (w->objects >> w->depth & 1) != 0; }

/* Before every value: the comma, unless a key came (which brought its own). */
static void begin(struct json_writer *w)
{
    if (in_object(w)) {
        CHECK(w->keyed);
        w->keyed = false;
        return;
    }
    CHECK(w->depth > 0 || !w->comma[0]);
    if (w->comma[w->depth])
        buf_char(w->out, ',');
    w->comma[w->depth] = true;
}

static void nest(struct json_writer *w, char bracket, bool object)
{
    begin(w);
    buf_char(w->out, bracket);
    w->depth++;
    CHECK(w->depth < ARRAY_LEN(w->comma));
    w->comma[w->depth] = false;
    w->objects = (w->objects & ~((uint64_t)1 << w->depth)) | (uint64_t)object << w->depth;
}

static void unnest(struct json_writer *w, char bracket, bool object)
{
    CHECK(w->depth > 0 && in_object(w) == object && !w->keyed);
    w->depth--;
    buf_char(w->out, bracket);
}

void jw_init(struct json_writer *w, struct buf *out) { *w = (struct json_writer){ .out = out }; }
void jw_object(struct json_writer *w) { nest(w, '{', true); }
void jw_object_end(struct json_writer *w) { unnest(w, '}', true); }
void jw_array(struct json_writer *w) { nest(w, '[', false); }
void jw_array_end(struct json_writer *w) { unnest(w, ']', false); }

void jw_key(struct json_writer *w, struct str key)
{
    CHECK(in_object(w) && !w->keyed);
    if (w->comma[w->depth])
        buf_char(w->out, ',');
    w->comma[w->depth] = true;
    w->keyed = true;
    json_quote(w->out, key);
    buf_char(w->out, ':');
}

void jw_str(struct json_writer *w, struct str value)
{
    begin(w);
    if (str_absent(value))
        buf_z(w->out, "null");
    else
        json_quote(w->out, value);
}

void jw_i64(struct json_writer *w, int64_t value)
{
    begin(w);
    buf_i64(w->out, value);
}

void jw_f64(struct json_writer *w, double value)
{
    char text[40];

    begin(w);
    /* JSON has no word for these. */
    if (!isfinite(value)) {
        buf_z(w->out, "null");
        return;
    }
    /* 15 digits always suffice to be short (trailing zeros fall away), but for subnormals, which hold fewer.
     */
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_z(w->out, text);
}

void jw_bool(struct json_writer *w, bool value)
{
    begin(w);
    buf_z(w->out, value ? "true" : "false");
}

void jw_null(struct json_writer *w)
{
    begin(w);
    buf_z(w->out, "null");
}

void jw_raw(struct json_writer *w, struct str json)
{
    CHECK(json.n > 0);
    begin(w);
    buf_str(w->out, json);
}

void jw_printf(struct json_writer *w, const char *fmt, ...)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    jw_str(w, buf_view(&text));
}

void jw_kstr(struct json_writer *w, const char *key, struct str value)
{
    if (str_absent(value))
        return;
    jw_key(w, str_of(key));
    jw_str(w, value);
}

void jw_ki64(struct json_writer *w, const char *key, int64_t value)
{
    jw_key(w, str_of(key));
    jw_i64(w, value);
}

void jw_kbool(struct json_writer *w, const char *key, bool value)
{
    jw_key(w, str_of(key));
    jw_bool(w, value);
}

void jw_kraw(struct json_writer *w, const char *key, struct str json)
{
    jw_key(w, str_of(key));
    jw_raw(w, json);
}
