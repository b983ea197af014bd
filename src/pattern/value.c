/* value.c - does one value pass a field's tests?
 *
 * True here: nothing allocates but pattern_subject() for a string with escapes.  Every test takes time linear
 * in the value (a wildcard: value times stars).  Numbers follow the Event Ruler: 300, 300.0 and 3e2 are one
 * number; a number that no double prints back (account numbers with 20 digits, 0.10000000000000000001) is
 * compared as text, so that two of them never collapse into one, and passes no numeric comparison. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "pattern/parts.h"

/* ---- numbers ---- */

#define STEPS_TEST 6
#define STEPS_FOLD 10 /* a byte */
#define STEPS_WILD 5  /* a byte, at worst */
#define STEPS_NUMBER 60
#define STEPS_LONG_NUMBER 8000 /* printed up to 17 times */
#define STEPS_ADDRESS 60
#define DIGITS_QUICK 15 /* a text so short is read without printing it back */
#define DIGITS_MOST 17  /* what a double can tell apart */
/* 0.d1d2d3... times ten to the power of exp; no zero at either end of the digits. */
struct decimal {
    bool negative;
    uint32_t n;
    int64_t exp;
    char d[DIGITS_MOST];
};

static int64_t read_exponent(struct str s)
{
    int64_t v = 0;
    size_t i = 0;
    bool negative = s.n > 0 && s.p[0] == '-';

    i += s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
    for (; i < s.n && v < INT32_MAX; i++)
        v = v * 10 + (s.p[i] - '0');
    return negative ? -v : v;
}

/* s is a number by JSON's grammar.  False when it has more digits than a double could mean. */
static bool decimal_read(struct str s, struct decimal *ret)
{
    struct decimal d = { .negative = s.n > 0 && s.p[0] == '-' };
    int64_t zeros = 0, point = 0;
    bool behind = false;

    for (size_t i = d.negative; i < s.n; i++) {
        if (s.p[i] == '.') {
            behind = true;
        } else if ((s.p[i] | 0x20) == 'e') {
            point += read_exponent(str_sub(s, i + 1, s.n));
            break;
        } else if (s.p[i] == '0' && d.n == 0) {
            point -= behind;
        } else if (s.p[i] == '0') {
            zeros++;
            point += !behind;
        } else {
            if ((int64_t)d.n + zeros >= DIGITS_MOST)
                return false;
            for (; zeros > 0; zeros--)
                d.d[d.n++] = '0';
            d.d[d.n++] = s.p[i];
            point += !behind;
        }
    }
    d.exp = point;
    *ret = d;
    return true;
}

/* Up to 2^53 times or through a power of ten that a double holds exactly: one rounding, hence the nearest
 * double. */
static bool decimal_quick(const struct decimal *d, double *ret)
{
    static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    int64_t scale = d->exp - d->n, whole = 0;
    double v;

    if (d->n > 15 || scale < -22 || scale > 22)
        return false;
    for (uint32_t i = 0; i < d->n; i++)
        whole = whole * 10 + (d->d[i] - '0');
    v = (double)whole;
    v = scale < 0 ? v / tens[-scale] : v * tens[scale];
    *ret = d->negative ? -v : v;
    return true;
}

/* Is the shortest text that reads back as v the same number as d? */
static bool prints_back(double v, const struct decimal *d)
{
    char text[40];
    struct decimal back;

    for (int digits = 0; digits < DIGITS_MOST; digits++) {
        int n = snprintf(text, sizeof(text), "%.*e", digits, v);

        if (strtod(text, NULL) != v)
            continue;
        return decimal_read(str_make(text, (size_t)n), &back) && back.n == d->n && back.exp == d->exp &&
               back.negative == d->negative && memcmp(back.d, d->d, d->n) == 0;
    }
    return false;
}

struct pattern_number pattern_number(struct str text)
{
    struct pattern_number r = { 0 };
    struct decimal d;

    if (!decimal_read(text, &d))
        return r;
    if (d.n == 0)
        return (struct pattern_number){ .comparable = true };
    r.comparable = decimal_quick(&d, &r.value);
    if (!r.comparable)
        r.comparable = str_to_f64(text, &r.value) == 0 && r.value != 0 && prints_back(r.value, &d);
    return r;
}

/* ---- addresses ---- */

/* Four runs of digits with dots between them; the runs' values may be too large. */
static int address_v4(struct str text, uint8_t out[4])
{
    struct str rest = text, part;
    bool fits = text.n <= 15;
    int n = 0;

    for (; str_cut(&rest, '.', &part); n++) {
        unsigned v = 0;

        if (n == 4 || part.n == 0)
            return -E_INVALID;
        for (size_t i = 0; i < part.n; i++) {
            if (!isdigit((unsigned char)part.p[i]))
                return -E_INVALID;
            v = MIN(v * 10 + (unsigned)(part.p[i] - '0'), 1000u);
        }
        fits = fits && v <= 255;
        out[n] = (uint8_t)v;
    }
    if (n != 4)
        return -E_INVALID;
    return fits ? 0 : -E_LIMIT;
}

int pattern_address(struct str text, struct pattern_net *ret)
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    struct pattern_net net = { .bytes = 16, .bits = 128 };
    char z[INET6_ADDRSTRLEN];

    if (str_find(text, ':') < 0) {
        int r = address_v4(text, net.b);

        net.bytes = 4;
        net.bits = 32;
        if (r == 0)
            *ret = net;
        return r;
    }
    for (size_t i = 0; i < text.n; i++)
        if (!isxdigit((unsigned char)text.p[i]) && text.p[i] != ':')
            return -E_INVALID;
    if (text.n >= sizeof(z))
        return -E_LIMIT;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    if (inet_pton(AF_INET6, z, net.b) != 1)
        return -E_LIMIT;
    /* The Ruler's platform takes an address mapped from version 4 for one. */
    if (memcmp(net.b, mapped, sizeof(mapped)) == 0) {
        memmove(net.b, net.b + 12, 4);
        net.bytes = 4;
        net.bits = 32;
    }
    *ret = net;
    return 0;
}

static bool net_holds(const struct pattern_net *net, const struct pattern_net *a)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;

    if (a->bytes != net->bytes || memcmp(a->b, net->b, whole) != 0)
        return false;
    return rest == 0 || (a->b[whole] ^ net->b[whole]) >> (8 - rest) == 0;
}

/* ---- letters ---- */

/* Scripts whose pairs stand at a fixed distance (step 1), or side by side with the large one first (step 2).
 */
static const struct {
    uint32_t first, last;
    uint8_t step;
    uint8_t to_small;
} cases[] = {
    { 'A', 'Z', 1, 32 },      { 0xC0, 0xD6, 1, 32 },    { 0xD8, 0xDE, 1, 32 },     { 0x100, 0x12E, 2, 1 },
    { 0x132, 0x136, 2, 1 },   { 0x139, 0x147, 2, 1 },   { 0x14A, 0x176, 2, 1 },    { 0x179, 0x17D, 2, 1 },
    { 0x386, 0x386, 1, 38 },  { 0x388, 0x38A, 1, 37 },  { 0x38C, 0x38C, 1, 64 },   { 0x38E, 0x38F, 1, 63 },
    { 0x391, 0x3A1, 1, 32 },  { 0x3A3, 0x3AB, 1, 32 },  { 0x400, 0x40F, 1, 80 },   { 0x410, 0x42F, 1, 32 },
    { 0x460, 0x480, 2, 1 },   { 0x48A, 0x4BE, 2, 1 },   { 0x4D0, 0x52E, 2, 1 },    { 0x531, 0x556, 1, 48 },
    { 0x1E00, 0x1E94, 2, 1 }, { 0x1EA0, 0x1EFE, 2, 1 }, { 0xFF21, 0xFF3A, 1, 32 },
};

static uint32_t small_letter(uint32_t cp)
{
    for (size_t i = 0; i < ARRAY_LEN(cases) && cp >= cases[i].first; i++)
        if (cp <= cases[i].last && (cp - cases[i].first) % cases[i].step == 0)
            return cp + cases[i].to_small;
    return cp;
}

/* The first character of s, small, to out; both have the same number of bytes (the pairs above see to that).
 */
static size_t fold_one(char out[4], struct str s)
{
    uint32_t cp;
    size_t n;

    if ((unsigned char)s.p[0] < 0x80) {
        out[0] = (char)(s.p[0] >= 'A' && s.p[0] <= 'Z' ? s.p[0] | 0x20 : s.p[0]);
        return 1;
    }
    n = utf8_get(s, &cp);
    if (n == 0) {
        out[0] = s.p[0];
        return 1;
    }
    CHECK(utf8_put(out, small_letter(cp)) == n);
    return n;
}

void pattern_fold(char *out, struct str s)
{
    char c[4];

    for (size_t i = 0, n; i < s.n; i += n) {
        n = fold_one(c, str_sub(s, i, s.n));
        memcpy(out + i, c, n);
    }
}

static bool starts_folded(struct str s, struct str folded)
{
    char c[4];

    if (s.n < folded.n)
        return false;
    for (size_t i = 0, n; i < folded.n; i += n) {
        n = fold_one(c, str_sub(s, i, s.n));
        if (n > folded.n - i || memcmp(c, folded.p + i, n) != 0)
            return false;
    }
    return true;
}

/* ---- tests ---- */

static struct str tail(struct str s, size_t n) { return str_sub(s, s.n - MIN(n, s.n), s.n); }

static bool wildcard_holds(const struct test *t, struct str s)
{
    struct str last = t->pieces[t->n - 1];

    if (t->n == 1)
        return str_eq(s, last);
    if (s.n < t->pieces[0].n + last.n || !str_starts(s, t->pieces[0]) || !str_ends(s, last))
        return false;
    s = str_sub(s, t->pieces[0].n, s.n - last.n);
    /* Each piece at its first place leaves most room to those behind it. */
    for (uint32_t i = 1; i + 1 < t->n; i++) {
        ptrdiff_t at = t->pieces[i].n == 0 ? 0 : str_find_str(s, t->pieces[i]);

        if (at < 0)
            return false;
        s = str_sub(s, (size_t)at + t->pieces[i].n, s.n);
    }
    return true;
}

static const struct pattern_number *number_of(struct subject *s)
{
    if (!s->number_read) {
        pattern_spend(s->steps, s->text.n > DIGITS_QUICK ? STEPS_LONG_NUMBER : STEPS_NUMBER);
        s->number = pattern_number(s->text);
        s->number_read = true;
    }
    return &s->number;
}

static bool number_holds(const struct test *t, struct subject *s)
{
    const struct pattern_number *v;

    if (s->type != JSON_NUMBER)
        return false;
    if (str_eq(t->text, s->text))
        return true;
    v = number_of(s);
    return t->number.comparable && v->comparable && t->number.value == v->value;
}

static bool range_holds(const struct test *t, struct subject *s)
{
    const struct pattern_number *v;

    if (s->type != JSON_NUMBER)
        return false;
    v = number_of(s);
    return v->comparable && (t->open_low ? v->value > t->low : v->value >= t->low) &&
           (t->open_high ? v->value < t->high : v->value <= t->high);
}

static bool address_holds(const struct test *t, struct subject *s)
{
    if (s->type != JSON_STRING)
        return false;
    if (!s->net_read) {
        s->net_read = true;
        pattern_spend(s->steps, STEPS_ADDRESS + s->text.n / 16);
        if (pattern_address(s->text, &s->net) != 0)
            s->net.bytes = 0;
    }
    return net_holds(&t->net, &s->net);
}

#define PORTION ((uint64_t)4000000) /* some milliseconds */

struct pattern_steps pattern_steps(uint64_t left, const atomic_bool *stop)
{
    uint64_t first = stop == NULL ? left : MIN(left, PORTION);

    return (struct pattern_steps){ first, left - first, stop };
}

void pattern_portion(struct pattern_steps *s, uint64_t steps)
{
    uint64_t whole = pattern_steps_left(s);

    if (s->stop != NULL && atomic_load_explicit(s->stop, memory_order_relaxed))
        whole = 0;
    *s = pattern_steps(whole - MIN(whole, steps), s->stop);
}

static bool test_holds(const struct test *t, struct subject *s);
/* About a nanosecond each.  Texts are compared many bytes at a time, letters one by one. */
static uint64_t steps_of(const struct test *t, const struct subject *s)
{
    size_t both = MIN(t->text.n, s->text.n);

    if (s->type != JSON_STRING)
        return STEPS_TEST;
    if (t->kind == TEST_WILDCARD)
        return STEPS_TEST + t->n + STEPS_WILD * s->text.n;
    return STEPS_TEST + (t->nocase ? STEPS_FOLD * both : both / 16);
}

static bool any_inner_holds(const struct test *t, struct subject *s)
{
    for (uint32_t i = 0; i < t->n && s->steps->left > 0; i++)
        if (test_holds(&t->inner[i], s))
            return true;
    return false;
}

static bool test_holds(const struct test *t, struct subject *s)
{
    bool text = s->type == JSON_STRING;

    pattern_spend(s->steps, steps_of(t, s));
    switch (t->kind) {
    case TEST_TEXT:
        return text && (t->nocase ? s->text.n == t->text.n && starts_folded(s->text, t->text)
                                  : str_eq(s->text, t->text));
    case TEST_PREFIX:
        return text && (t->nocase ? starts_folded(s->text, t->text) : str_starts(s->text, t->text));
    case TEST_SUFFIX:
        return text &&
               (t->nocase ? starts_folded(tail(s->text, t->text.n), t->text) : str_ends(s->text, t->text));
    case TEST_WILDCARD: return text && wildcard_holds(t, s->text);
    case TEST_NUMBER: return number_holds(t, s);
    case TEST_RANGE: return range_holds(t, s);
    case TEST_NET: return address_holds(t, s);
    case TEST_LITERAL: return s->type == t->literal;
    case TEST_EXISTS: return true;
    case TEST_BUT: return !any_inner_holds(t, s);
    }
    CHECK(t->kind <= TEST_BUT);
    return false;
}

bool pattern_field_holds(const struct field *f, struct subject *s)
{
    for (uint32_t i = 0; i < f->n && s->steps->left > 0; i++)
        if (test_holds(&f->tests[i], s))
            return true;
    return false;
}

struct subject pattern_subject(struct arena **scratch, const struct json *value, struct pattern_steps *steps)
{
    struct subject s = { .type = value->type, .text = value->raw, .steps = steps };

    if (value->type == JSON_STRING && value->escaped) {
        if (*scratch == NULL)
            *scratch = arena_new(0);
        pattern_spend(steps, STEPS_NUMBER + 2 * value->raw.n);
        s.text = json_text(*scratch, value);
    }
    return s;
}
