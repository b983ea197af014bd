/* pattern.c - the models' regular expressions, which are Java's, on PCRE2.
 *
 * True here: a pattern is translated and compiled once, when first needed, and kept for the life of the
 * process; a match is always of the whole text; a match that would take too long counts as none.  Long
 * requests are checked on a pool thread (engine/call.c), so what is kept has a lock, and a match works with a
 * matcher that nobody else has.  Differences translated: \uXXXX (also surrogate pairs), \p{...} names Java
 * has and PCRE2 has not, and the class operations && and nesting, which no served model uses: such a pattern
 * fails to compile and is reported by pattern_check() in the tests. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>

#include "base/map.h"
#include "wire/codec.h"

struct compiled {
    pcre2_code *code;
};

struct matcher {
    struct matcher *next; /* free */
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map patterns;
static struct matcher *matchers; /* that nobody uses: as many as threads matched at once */

#define MATCH_LIMIT 2000000
/* Long values in repeated groups need more than the 32 KiB a JIT match has by itself. */
#define JIT_STACK_BYTES ((size_t)16 << 20)

/* Four hex digits after a backslash-u at s[i]; -1 when there are none. */
static int32_t unicode_escape(struct str s, size_t i)
{
    int32_t v = 0;

    if (i + 6 > s.n || s.p[i] != '\\' || s.p[i + 1] != 'u')
        return -1;
    for (size_t k = i + 2; k < i + 6; k++) {
        char c = s.p[k];
        int digit = c >= '0' && c <= '9'                     ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                             : -1;
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

/* Writes the code point at s[i] as \x{...}; a range over lone surrogates of Java's UTF-16 becomes the range
 * of what they encode.  Returns the bytes taken. */
static size_t put_unicode(struct buf *b, struct str s, size_t i)
{
    int32_t high = unicode_escape(s, i), low = unicode_escape(s, i + 6);

    if (high >= 0xD800 && high < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
        buf_printf(b, "\\x{%X}", (unsigned)(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)));
        return 12;
    }
    if (high >= 0xD800 && high < 0xE000) /* lone: nothing well-formed holds it */
        high = high < 0xDC00 ? 0xD7FF : 0xE000;
    buf_printf(b, "\\x{%X}", (unsigned)high);
    return 6;
}

/* Java's property names that PCRE2 spells differently. */
static const struct {
    const char *java, *pcre;
} properties[] = {
    { "p{Alpha}", "[:alpha:]" },    { "p{Digit}", "[:digit:]" },
    { "p{Alnum}", "[:alnum:]" },    { "p{Upper}", "[:upper:]" },
    { "p{Lower}", "[:lower:]" },    { "p{Punct}", "[:punct:]" },
    { "p{Graph}", "[:graph:]" },    { "p{Print}", "[:print:]" },
    { "p{Blank}", "[:blank:]" },    { "p{Cntrl}", "[:cntrl:]" },
    { "p{XDigit}", "[:xdigit:]" },  { "p{Space}", "[:space:]" },
    { "p{ASCII}", "\\x00-\\x7F" },  { "p{IsAlphabetic}", "\\p{L}\\p{Nl}" },
    { "p{IsDigit}", "\\p{Nd}" },    { "p{IsLetter}", "\\p{L}" },
    { "p{IsLatin}", "\\p{Latin}" },
};

static size_t put_property(struct buf *b, struct str s, size_t i, bool in_class)
{
    struct str rest = str_sub(s, i + 1, s.n);

    for (size_t k = 0; k < ARRAY_LEN(properties); k++) {
        if (!str_starts(rest, str_of(properties[k].java)))
            continue;
        if (!in_class)
            buf_char(b, '[');
        buf_z(b, properties[k].pcre);
        if (!in_class)
            buf_char(b, ']');
        return 1 + strlen(properties[k].java);
    }
    buf_add(b, s.p + i, 2);
    return 2;
}

static void translate(struct buf *b, struct str s)
{
    bool in_class = false;

    for (size_t i = 0; i < s.n;) {
        if (unicode_escape(s, i) >= 0) {
            i += put_unicode(b, s, i);
        } else if (s.p[i] == '\\' && i + 1 < s.n) {
            i += put_property(b, s, i, in_class);
        } else {
            if (s.p[i] == '[' && in_class)
                buf_char(b, '\\'); /* a bracket in a class is a bracket */
            in_class = s.p[i] == '[' || (in_class && s.p[i] != ']');
            buf_char(b, s.p[i++]);
        }
    }
}

static pcre2_code *compile(const char *pattern)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    int error = 0;
    PCRE2_SIZE at = 0;

    translate(&text, str_of(pattern));
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF); /* Java's dot matches neither LF nor CR */
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(text.p != NULL ? text.p : ""), text.n,
                                     PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &error, &at, context);
    pcre2_compile_context_free(context);
    if (code != NULL)
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    return code;
}

static const struct compiled *compiled_pattern(const char *pattern)
{
    struct str key = str_make((const char *)&pattern, sizeof(pattern));
    struct compiled *c;

    CHECK(pthread_mutex_lock(&lock) == 0);
    c = map_get(&patterns, key);
    if (c == NULL) {
        c = xcalloc(1, sizeof(*c));
        c->code = compile(pattern);
        map_put(&patterns, key, c);
    }
    CHECK(pthread_mutex_unlock(&lock) == 0);
    return c;
}

static struct matcher *matcher_new(void)
{
    struct matcher *m = xcalloc(1, sizeof(*m));
    pcre2_jit_stack *stack = pcre2_jit_stack_create(32 << 10, JIT_STACK_BYTES, NULL);

    m->data = pcre2_match_data_create(1, NULL);
    m->context = pcre2_match_context_create(NULL);
    CHECK(m->data != NULL && m->context != NULL && stack != NULL);
    pcre2_jit_stack_assign(m->context, NULL, stack);
    pcre2_set_match_limit(m->context, MATCH_LIMIT);
    return m;
}

static struct matcher *matcher_take(void)
{
    struct matcher *m;

    CHECK(pthread_mutex_lock(&lock) == 0);
    m = matchers;
    if (m != NULL)
        matchers = m->next;
    CHECK(pthread_mutex_unlock(&lock) == 0);
    return m != NULL ? m : matcher_new();
}

static void matcher_give(struct matcher *m)
{
    CHECK(pthread_mutex_lock(&lock) == 0);
    m->next = matchers;
    matchers = m;
    CHECK(pthread_mutex_unlock(&lock) == 0);
}

bool pattern_matches(const char *pattern, struct str s)
{
    const struct compiled *c = compiled_pattern(pattern);
    struct matcher *m;
    int rc;

    if (c->code == NULL)
        return true; /* unreadable here; the tests hold that none is */
    m = matcher_take();
    rc = pcre2_match(c->code, (PCRE2_SPTR)(s.p != NULL ? s.p : ""), s.n, 0, 0, m->data, m->context);
    matcher_give(m);
    return rc >= 0;
}

int pattern_check(const char *pattern) { return compiled_pattern(pattern)->code != NULL ? 0 : -E_INVALID; }
