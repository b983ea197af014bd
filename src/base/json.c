/* json.c - reading JSON: one grammar, compiled twice (with and without nodes), and questions to nodes.
 *
 * True here:
 *  - the reader is a loop with a stack of its own, so nesting costs no C stack and has a limit;
 *  - scanners take the place to start and return the place after, or NULL once the fault is noted in the
 * reader;
 *  - line and column are counted only when there is an error to report;
 *  - the text of a node that was built is well formed, so what is asked of it later needs no second check;
 *  - a byte order mark is no JSON (RFC 8259 section 8.1 lets a parser refuse it). */
#include "base/json.h"

#include "base/json_scan.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

struct frame {
    const char *start;        /* the bracket */
    struct json *node, *last; /* with nodes only */
};

struct reader {
    const char *end;
    enum json_problem problem;
    enum json_wanted wanted;
    const char *bad;
    uint32_t depth;
    struct frame open[JSON_MAX_DEPTH]; /* only what depth covers is ever touched */
};

static __attribute__((noinline, cold)) const char *fail(struct reader *r, const char *at,
                                                        enum json_problem problem, enum json_wanted wanted)
{
    r->problem =
        at >= r->end && problem != JSON_EMPTY && problem != JSON_BAD_LITERAL ? JSON_UNEXPECTED_END : problem;
    r->wanted = wanted;
    r->bad = at;
    return NULL;
}

ALWAYS_INLINE const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p <= ' ') {
        if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t')
            break;
        p++;
    }
    return p;
}

/* p is at the backslash. */
static const char *scan_escape(struct reader *r, const char *p)
{
    p++;
    if (p >= r->end)
        return fail(r, p, JSON_BAD_ESCAPE, JSON_WANT_INSIDE);
    if (*p != 'u')
        return *p != '\0' && strchr("\"\\/bfnrt", *p) != NULL ? p + 1
                                                              : fail(r, p, JSON_BAD_ESCAPE, JSON_WANT_INSIDE);
    p++;
    for (int i = 0; i < 4; i++, p++)
        if (p >= r->end || hex_digit(*p) < 0)
            return fail(r, p, JSON_BAD_ESCAPE, JSON_WANT_INSIDE);
    return p;
}

/* p is behind the opening quote; the answer is at the closing one. */
ALWAYS_INLINE const char *scan_string(struct reader *r, const char *p, bool *ret_escaped)
{
    const char *end = r->end;
    uint32_t cp;

    *ret_escaped = false;
    for (;;) {
        p = json_skip_plain(p, end);
        if (p >= end)
            return fail(r, p, JSON_UNEXPECTED_END, JSON_WANT_INSIDE);
        if (*p == '"')
            return p;
        if (*p == '\\') {
            *ret_escaped = true;
            p = scan_escape(r, p);
            if (p == NULL)
                return NULL;
            continue;
        }
        if ((unsigned char)*p < 0x20)
            return fail(r, p, JSON_CONTROL_CHAR, JSON_WANT_INSIDE);
        do {
            size_t n = utf8_get(str_make(p, (size_t)(end - p)), &cp);

            if (n == 0)
                return fail(r, p, JSON_BAD_UTF8, JSON_WANT_INSIDE);
            p += n;
        } while (p < end && (unsigned char)*p >= 0x80);
    }
}

static inline const char *scan_digits(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p - (unsigned)'0' <= 9)
        p++;
    return p;
}

ALWAYS_INLINE const char *scan_number(struct reader *r, const char *p)
{
    const char *end = r->end, *from;

    p += *p == '-';
    from = p;
    p = scan_digits(p, end);
    if (p == from)
        return fail(r, p, JSON_BAD_NUMBER, JSON_WANT_INSIDE);
    if (*from == '0' && p - from > 1)
        return fail(r, from + 1, JSON_BAD_NUMBER, JSON_WANT_INSIDE);
    if (p < end && *p == '.') {
        from = ++p;
        p = scan_digits(p, end);
        if (p == from)
            return fail(r, p, JSON_BAD_NUMBER, JSON_WANT_INSIDE);
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        from = p;
        p = scan_digits(p, end);
        if (p == from)
            return fail(r, p, JSON_BAD_NUMBER, JSON_WANT_INSIDE);
    }
    return p;
}

static bool word_char(char c)
{
    char l = (char)(c | 0x20);

    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

static const char *word_end(const char *p, const char *end)
{
    while (p < end && word_char(*p))
        p++;
    return p;
}

static const char *scan_literal(struct reader *r, const char *p, enum json_type *ret_type)
{
    static const struct {
        struct str word;
        enum json_type type;
    } rows[] = {
        { { "true", 4 }, JSON_TRUE },
        { { "false", 5 }, JSON_FALSE },
        { { "null", 4 }, JSON_NULL },
    };
    struct str word = str_make(p, (size_t)(word_end(p, r->end) - p));

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq(word, rows[i].word)) {
            *ret_type = rows[i].type;
            return p + word.n;
        }
        /* "tru" and nothing more is a text cut short, not a wrong word. */
        if (word.n > 0 && p + word.n == r->end && str_starts(rows[i].word, word))
            return fail(r, r->end, JSON_UNEXPECTED_END, JSON_WANT_INSIDE);
    }
    if (word.n > 0)
        return fail(r, p, JSON_BAD_LITERAL, JSON_WANT_VALUE);
    if ((unsigned char)*p >= 0x80) {
        uint32_t cp;

        if (utf8_get(str_make(p, (size_t)(r->end - p)), &cp) == 0)
            return fail(r, p, JSON_BAD_UTF8, JSON_WANT_VALUE);
    }
    return fail(r, p, JSON_UNEXPECTED_CHAR, JSON_WANT_VALUE);
}

/* A node as the next child of the innermost open container, or the root. */
static inline struct json *add_node(struct reader *r, struct arena *a, struct json **root)
{
    struct json *j = ARENA_NEW(a, struct json);
    struct frame *f;

    if (r->depth == 0)
        return *root = j;
    f = &r->open[r->depth - 1];
    *(f->last == NULL ? &f->node->first : &f->last->next) = j;
    f->last = j;
    f->node->n++;
    return j;
}

/* p is at a string, number or literal. */
ALWAYS_INLINE const char *scan_scalar(struct reader *r, const char *p, struct json *j)
{
    const char *from = p;
    enum json_type type = JSON_NULL;
    bool escaped = false;

    if (*p == '"') {
        type = JSON_STRING;
        from++;
        p = scan_string(r, from, &escaped);
    } else if (*p == '-' || (unsigned char)*p - (unsigned)'0' <= 9) {
        type = JSON_NUMBER;
        p = scan_number(r, p);
    } else {
        p = scan_literal(r, p, &type);
    }
    if (p == NULL)
        return NULL;
    if (j != NULL) {
        j->type = type;
        j->escaped = escaped;
        j->raw = str_make(from, (size_t)(p - from));
    }
    return p + (type == JSON_STRING);
}

struct key {
    struct str raw;
    bool escaped;
};

/* "key" blanks ':' ; p may be at blanks; the answer is behind the colon. */
ALWAYS_INLINE const char *scan_key(struct reader *r, const char *p, struct key *ret)
{
    const char *from;

    p = skip_blanks(p, r->end);
    if (p >= r->end || *p != '"')
        return fail(r, p, JSON_UNEXPECTED_CHAR, JSON_WANT_KEY);
    from = ++p;
    p = scan_string(r, p, &ret->escaped);
    if (p == NULL)
        return NULL;
    ret->raw = str_make(from, (size_t)(p - from));
    p = skip_blanks(p + 1, r->end);
    if (p >= r->end || *p != ':')
        return fail(r, p, JSON_UNEXPECTED_CHAR, JSON_WANT_COLON);
    return p + 1;
}

/* Behind a value: closes what closes here.  *ret_more: a comma came and another item must follow. */
ALWAYS_INLINE const char *scan_after(struct reader *r, const char *p, bool build, bool *ret_more)
{
    while (r->depth > 0) {
        struct frame *f = &r->open[r->depth - 1];

        p = skip_blanks(p, r->end);
        *ret_more = p < r->end && *p == ',';
        if (*ret_more)
            return p + 1;
        /* In ASCII both closing brackets stand two behind their opening ones. */
        if (p >= r->end || *p != *f->start + 2)
            return fail(r, p, JSON_UNEXPECTED_CHAR, JSON_WANT_COMMA);
        p++;
        if (build)
            f->node->raw = str_make(f->start, (size_t)(p - f->start));
        r->depth--;
    }
    *ret_more = false;
    return p;
}

/* p is at '{' or '['. */
ALWAYS_INLINE const char *scan_open(struct reader *r, const char *p, struct json *j)
{
    if (r->depth == JSON_MAX_DEPTH)
        return fail(r, p, JSON_TOO_DEEP, JSON_WANT_VALUE);
    if (j != NULL)
        j->type = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
    r->open[r->depth++] = (struct frame){ .start = p, .node = j };
    return p + 1;
}

ALWAYS_INLINE bool in_object(const struct reader *r)
{
    return r->depth > 0 && *r->open[r->depth - 1].start == '{';
}

/* The grammar.  a == NULL: check only; the compiler then drops everything that builds. */
ALWAYS_INLINE const char *scan(struct reader *r, const char *p, struct arena *a, struct json **root)
{
    const char *end = r->end;
    struct key key = { 0 };
    bool more = true;

    while (more) {
        struct json *j = NULL;

        if (in_object(r)) {
            p = scan_key(r, p, &key);
            if (p == NULL)
                return NULL;
        }
        p = skip_blanks(p, end);
        if (p >= end)
            return fail(r, p, JSON_UNEXPECTED_END, JSON_WANT_VALUE);
        if (a != NULL) {
            if (arena_overflowed(a))
                return NULL;
            j = add_node(r, a, root);
            if (in_object(r)) {
                j->key = key.raw;
                j->key_escaped = key.escaped;
            }
        }
        if (*p == '{' || *p == '[') {
            p = scan_open(r, p, j);
            if (p == NULL)
                return NULL;
            p = skip_blanks(p, end);
            if (p >= end)
                return fail(r, p, JSON_UNEXPECTED_END, in_object(r) ? JSON_WANT_KEY : JSON_WANT_VALUE);
            if (*p != *r->open[r->depth - 1].start + 2)
                continue;
        } else {
            p = scan_scalar(r, p, j);
            if (p == NULL)
                return NULL;
        }
        p = scan_after(r, p, a != NULL, &more);
        if (p == NULL)
            return NULL;
    }
    return p;
}

ALWAYS_INLINE const char *scan_text(struct reader *r, struct str s, struct arena *a, struct json **root)
{
    const char *p;

    r->end = s.p + s.n;
    r->problem = JSON_OK;
    r->depth = 0;
    p = skip_blanks(s.p, r->end);
    if (p == r->end)
        return fail(r, p, JSON_EMPTY, JSON_WANT_VALUE);
    p = scan(r, p, a, root);
    if (p == NULL)
        return NULL;
    p = skip_blanks(p, r->end);
    return p == r->end ? p : fail(r, p, JSON_TRAILING, JSON_WANT_END);
}

static void locate(struct str s, const char *at, uint32_t *ret_line, uint32_t *ret_column)
{
    const char *row = s.p;
    uint32_t line = 1;

    for (const char *p = s.p; p < at; p++)
        if (*p == '\n' || (*p == '\r' && !(p + 1 < s.p + s.n && p[1] == '\n'))) {
            line++;
            row = p + 1;
        }
    *ret_line = line;
    *ret_column = (uint32_t)(at - row) + 1;
}

static void explain(const struct reader *r, struct str s, struct json_error *e)
{
    const char *shown = r->bad;

    if (r->problem == JSON_BAD_LITERAL)
        shown = word_end(r->bad, r->end);
    *e = (struct json_error){ .problem = r->problem, .wanted = r->wanted, .at = (size_t)(r->bad - s.p) };
    if (r->bad < r->end)
        e->byte = (uint8_t)*r->bad;
    locate(s, shown, &e->line, &e->column);
    if (r->depth > 0) {
        e->open = *r->open[r->depth - 1].start;
        locate(s, r->open[r->depth - 1].start, &e->open_line, &e->open_column);
    }
}

int json_check(struct str s, struct json_error *ret_error)
{
    struct reader r;

    if (s.p == NULL)
        s = STR("");
    if (scan_text(&r, s, NULL, NULL) != NULL)
        return 0;
    if (ret_error != NULL)
        explain(&r, s, ret_error);
    return -E_INVALID;
}

int json_parse(struct arena *a, struct str s, struct json **ret, struct json_error *ret_error)
{
    struct reader r;
    struct json *root = NULL;
    const char *p;

    if (s.p == NULL)
        s = STR("");
    p = scan_text(&r, s, a, &root);
    if (arena_overflowed(a))
        return -E_LIMIT;
    if (p != NULL) {
        *ret = root;
        return 0;
    }
    if (ret_error != NULL)
        explain(&r, s, ret_error);
    return -E_INVALID;
}

static uint32_t hex4(const char *p)
{
    return (uint32_t)(hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 | hex_digit(p[3]));
}

/* p is at a "\u" of sound text; a surrogate without its other half becomes U+FFFD. */
static const char *unescape_unicode(const char *p, const char *end, uint32_t *ret_cp)
{
    uint32_t cp = hex4(p + 2);

    p += 6;
    if (cp >= 0xd800 && cp < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        uint32_t low = hex4(p + 2);

        if (low >= 0xdc00 && low < 0xe000) {
            *ret_cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
            return p + 6;
        }
    }
    *ret_cp = cp >= 0xd800 && cp < 0xe000 ? 0xfffd : cp;
    return p;
}

/* One escape at p into out (at most 4 bytes, never more than it takes in the source). */
static const char *unescape_one(const char *p, const char *end, char *out, size_t *ret_n)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *at;
    uint32_t cp;

    if (p[1] == 'u') {
        p = unescape_unicode(p, end, &cp);
        *ret_n = utf8_put(out, cp);
        return p;
    }
    at = strchr(from, p[1]);
    out[0] = at != NULL ? to[at - from] : p[1];
    *ret_n = 1;
    return p + 2;
}

static struct str unescape(struct arena *a, struct str raw)
{
    const char *p = raw.p, *end = raw.p + raw.n;
    char *text = arena_alloc(a, raw.n + 1), *out = text;

    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t n = (size_t)((slash != NULL ? slash : end) - p);

        memcpy(out, p, n);
        out += n;
        p += n;
        if (p < end) {
            p = unescape_one(p, end, out, &n);
            out += n;
        }
    }
    *out = '\0';
    return str_make(text, (size_t)(out - text));
}

struct str json_text(struct arena *a, const struct json *string)
{
    if (string == NULL || string->type != JSON_STRING)
        return STR_NONE;
    return string->escaped ? unescape(a, string->raw) : arena_str(a, string->raw);
}

struct str json_key(struct arena *a, const struct json *member)
{
    return member->key_escaped ? unescape(a, member->key) : arena_str(a, member->key);
}

/* Compares piece by piece, so that looking a key up needs no memory. */
static bool key_is(const struct json *member, struct str key)
{
    const char *p = member->key.p, *end = p + member->key.n;
    char one[4];
    size_t n;

    if (!member->key_escaped)
        return str_eq(member->key, key);
    while (p < end) {
        if (*p == '\\') {
            p = unescape_one(p, end, one, &n);
        } else {
            one[0] = *p++;
            n = 1;
        }
        if (!str_starts(key, str_make(one, n)))
            return false;
        key = str_sub(key, n, key.n);
    }
    return key.n == 0;
}

struct json *json_get(const struct json *object, struct str key)
{
    struct json *found = NULL;

    if (object == NULL || object->type != JSON_OBJECT)
        return NULL;
    JSON_EACH(object, child)
        if (key_is(child, key))
            found = child;
    return found;
}

struct json *json_at(const struct json *array, uint32_t i)
{
    if (array == NULL || array->type != JSON_ARRAY)
        return NULL;
    JSON_EACH(array, child)
        if (i-- == 0)
            return child;
    return NULL;
}

struct str json_get_text(struct arena *a, const struct json *object, struct str key)
{
    return json_text(a, json_get(object, key));
}

/* The exponent of a sound number, held within +-1e9: beyond that every number is as large or as small. */
static int64_t exponent_of(struct str text)
{
    bool negative = text.n > 0 && text.p[0] == '-';
    int64_t v = 0;

    for (size_t i = negative || (text.n > 0 && text.p[0] == '+'); i < text.n; i++)
        v = MIN(v * 10 + (text.p[i] - '0'), 1000000000);
    return negative ? -v : v;
}

/* A sound number as digits * 10^scale without zeros at either end of the digits; the digits may hold a point.
 */
static struct str significant(struct str raw, int64_t *ret_scale)
{
    struct str digits, exponent = raw;
    ptrdiff_t point;
    size_t last;

    for (last = 0; last < raw.n && (raw.p[last] | 0x20) != 'e'; last++)
        ;
    digits = str_sub(raw, raw.p[0] == '-', last);
    exponent = str_sub(raw, last + 1, raw.n);
    *ret_scale = exponent_of(exponent);
    point = str_find(digits, '.');
    if (point >= 0)
        *ret_scale -= (int64_t)digits.n - point - 1;
    while (digits.n > 0 && (digits.p[digits.n - 1] == '0' || digits.p[digits.n - 1] == '.')) {
        *ret_scale += digits.p[digits.n - 1] == '0';
        digits.n--;
    }
    while (digits.n > 0 && (digits.p[0] == '0' || digits.p[0] == '.'))
        digits = str_sub(digits, 1, digits.n);
    return digits;
}

int json_i64(const struct json *number, int64_t *ret)
{
    struct str digits;
    int64_t scale;
    uint64_t v = 0, most;
    bool negative, over = false;

    if (number == NULL || number->type != JSON_NUMBER)
        return -E_INVALID;
    digits = significant(number->raw, &scale);
    if (digits.n > 0 && scale < 0)
        return -E_INVALID;
    for (size_t i = 0; i < digits.n && !over; i++)
        if (digits.p[i] != '.')
            over = __builtin_mul_overflow(v, (uint64_t)10, &v) ||
                   __builtin_add_overflow(v, (uint64_t)(digits.p[i] - '0'), &v);
    for (; v != 0 && scale > 0 && !over; scale--)
        over = __builtin_mul_overflow(v, (uint64_t)10, &v);
    negative = number->raw.p[0] == '-';
    most = negative ? (uint64_t)1 << 63 : (uint64_t)INT64_MAX;
    if (over || v > most)
        return -E_LIMIT;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

int json_f64(const struct json *number, double *ret)
{
    if (number == NULL || number->type != JSON_NUMBER)
        return -E_INVALID;
    return str_to_f64(number->raw, ret);
}
