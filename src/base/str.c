/* str.c - text that is borrowed: comparing, cutting, numbers, globs, UTF-8.
 * True here: nothing allocates but str_to_f64 on absurdly long text; an absent str behaves as an empty one
 * except where the header says otherwise; letters are ASCII letters whatever the locale. */
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

int str_cmp(struct str a, struct str b)
{
    size_t n = MIN(a.n, b.n);
    int r = n > 0 ? memcmp(a.p, b.p, n) : 0;

    if (r != 0)
        return r;
    return (a.n > b.n) - (a.n < b.n);
}

static inline unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq(str_make(s.p, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq_nocase(str_make(s.p, prefix.n), prefix);
}

struct str str_sub(struct str s, size_t from, size_t to)
{
    if (s.p == NULL)
        return s;
    to = MIN(to, s.n);
    from = MIN(from, to);
    return str_make(s.p + from, to - from);
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

ptrdiff_t str_find(struct str s, char c)
{
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return at != NULL ? at - s.p : -1;
}

ptrdiff_t str_rfind(struct str s, char c)
{
    const char *at = s.n > 0 ? memrchr(s.p, c, s.n) : NULL;

    return at != NULL ? at - s.p : -1;
}

ptrdiff_t str_find_str(struct str s, struct str needle)
{
    const char *at;

    if (needle.n == 0)
        return 0;
    at = s.n >= needle.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return at != NULL ? at - s.p : -1;
}

bool str_cut(struct str *s, char sep, struct str *ret_head)
{
    ptrdiff_t at;

    if (s->p == NULL)
        return false;
    at = str_find(*s, sep);
    if (at < 0) {
        *ret_head = *s;
        *s = STR_NONE;
    } else {
        *ret_head = str_make(s->p, (size_t)at);
        *s = str_make(s->p + at + 1, s->n - (size_t)at - 1);
    }
    return true;
}

int str_to_u64(struct str s, uint64_t *ret)
{
    uint64_t v = 0;
    bool over = false;

    if (s.n == 0)
        return -E_INVALID;
    /* The whole text is looked at even past the range: "99999999999999999999x" is malformed, not large. */
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

        if (digit > 9)
            return -E_INVALID;
        over |= __builtin_mul_overflow(v, (uint64_t)10, &v);
        over |= __builtin_add_overflow(v, (uint64_t)digit, &v);
    }
    if (over)
        return -E_LIMIT;
    *ret = v;
    return 0;
}

int str_to_i64(struct str s, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t v, most = negative ? (uint64_t)1 << 63 : (uint64_t)INT64_MAX;
    int r = str_to_u64(negative ? str_sub(s, 1, s.n) : s, &v);

    if (r < 0)
        return r;
    if (v > most)
        return -E_LIMIT;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

static size_t digits_at(struct str s, size_t i)
{
    size_t from = i;

    while (i < s.n && (unsigned char)s.p[i] - (unsigned)'0' <= 9)
        i++;
    return i - from;
}

/* -digits[.digits][e[+-]digits], and nothing else of what strtod would take (hex, inf, blanks). */
static bool is_decimal(struct str s)
{
    size_t n, i = s.n > 0 && s.p[0] == '-';

    n = digits_at(s, i);
    if (n == 0)
        return false;
    i += n;
    if (i < s.n && s.p[i] == '.') {
        n = digits_at(s, i + 1);
        if (n == 0)
            return false;
        i += n + 1;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
        n = digits_at(s, i);
        if (n == 0)
            return false;
        i += n;
    }
    return i == s.n;
}

int str_to_f64(struct str s, double *ret)
{
    char small[128], *z = small;
    double v;

    if (!is_decimal(s))
        return -E_INVALID;
    if (s.n >= sizeof(small))
        z = xmalloc(s.n + 1);
    memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    v = strtod(z, NULL);
    if (z != small)
        free(z);
    if (isinf(v))
        return -E_LIMIT;
    *ret = v;
    return 0;
}

bool str_glob(struct str pattern, struct str s)
{
    size_t i = 0, j = 0, star = SIZE_MAX, from = 0;

    while (j < s.n) {
        if (i < pattern.n && pattern.p[i] == '*') {
            star = i++;
            from = j;
        } else if (i < pattern.n && (pattern.p[i] == '?' || pattern.p[i] == s.p[j])) {
            i++;
            j++;
        } else if (star != SIZE_MAX) {
            /* Only the last star can still have to grow: an earlier one already found its earliest place. */
            i = star + 1;
            j = ++from;
        } else {
            return false;
        }
    }
    while (i < pattern.n && pattern.p[i] == '*')
        i++;
    return i == pattern.n;
}

/* The range the second byte must lie in (Unicode table 3-7), and how many bytes follow the first. */
static inline unsigned lead_byte(unsigned char c, unsigned char *lo, unsigned char *hi)
{
    *lo = 0x80;
    *hi = 0xbf;
    if (c < 0xc2)
        return 0;
    if (c < 0xe0)
        return 1;
    if (c < 0xf0) {
        if (c == 0xe0)
            *lo = 0xa0;
        else if (c == 0xed)
            *hi = 0x9f;
        return 2;
    }
    if (c > 0xf4)
        return 0;
    if (c == 0xf0)
        *lo = 0x90;
    else if (c == 0xf4)
        *hi = 0x8f;
    return 3;
}

/* How many of the bytes at p belong to one code point as far as they are right; *ret_whole: all there. */
static size_t sound_bytes(const unsigned char *p, size_t n, bool *ret_whole)
{
    unsigned char lo, hi;
    unsigned follow = lead_byte(p[0], &lo, &hi);
    size_t i;

    *ret_whole = false;
    if (follow == 0)
        return 1;
    for (i = 1; i <= follow; i++) {
        if (i >= n || p[i] < lo || p[i] > hi)
            return i;
        lo = 0x80;
        hi = 0xbf;
    }
    *ret_whole = true;
    return i;
}

size_t utf8_get(struct str s, uint32_t *ret_cp)
{
    const unsigned char *p = (const unsigned char *)s.p;
    uint32_t cp;
    size_t n;
    bool whole;

    if (s.n == 0)
        return 0;
    if (p[0] < 0x80) {
        *ret_cp = p[0];
        return 1;
    }
    n = sound_bytes(p, s.n, &whole);
    if (!whole)
        return 0;
    cp = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        cp = cp << 6 | (p[i] & 0x3fu);
    *ret_cp = cp;
    return n;
}

size_t utf8_bad(struct str s)
{
    bool whole;
    size_t n;

    if (s.n == 0 || (unsigned char)s.p[0] < 0x80)
        return 0;
    n = sound_bytes((const unsigned char *)s.p, s.n, &whole);
    return whole ? 0 : n;
}

size_t utf8_put(char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        return 0;
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

/* The first byte from i on that is not ASCII. */
static size_t skip_ascii(struct str s, size_t i)
{
#ifdef __SSE2__
    for (; i + 16 <= s.n; i += 16) {
        int high = _mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)(s.p + i)));

        if (high != 0)
            return i + (size_t)__builtin_ctz((unsigned)high);
    }
#endif
    while (i < s.n && (unsigned char)s.p[i] < 0x80)
        i++;
    return i;
}

size_t utf8_check(struct str s)
{
    size_t i = 0;
    bool whole;

    for (;;) {
        i = skip_ascii(s, i);
        while (i < s.n && (unsigned char)s.p[i] >= 0x80) {
            size_t n = sound_bytes((const unsigned char *)s.p + i, s.n - i, &whole);

            if (!whole)
                return i;
            i += n;
        }
        if (i >= s.n)
            return i;
    }
}

struct str str_own(struct str s)
{
    if (str_absent(s))
        return STR_NONE;
    char *p = xmalloc(s.n + 1);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return str_make(p, s.n);
}

void str_drop(struct str *s)
{
    free((char *)(uintptr_t)s->p);
    *s = STR_NONE;
}

void str_replace(struct str *s, struct str with)
{
    struct str fresh = str_own(with);

    str_drop(s);
    *s = fresh;
}
