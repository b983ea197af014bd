/* values.c - value and count pairs, rounded when they are too many.
 * True here: sorted <= n <= cap; the sorted ones rise strictly and are rounded by dropped_bits; after a tidy
 * all are sorted, and n <= most. */
#include "metric/values.h"

#include <math.h>
#include <stdlib.h>

#define FIRST_CAP 16
#define FIRST_DROPPED_BITS 45 /* 52 bits of mantissa, 7 stay */
#define WHOLE_COUNT_MOST 0x1p53
#define COUNT_IS_REAL 0x10
#define REAL_MOST 0x1p400 /* beyond what CloudWatch takes: far from overflow when added up */

static uint32_t most_of(const struct metric_values *x) { return x->most > 0 ? x->most : METRIC_VALUES_MOST; }

void metric_values_done(struct metric_values *x)
{
    free(x->v);
    *x = (struct metric_values){ .most = x->most };
}

void metric_values_lose(struct metric_values *x)
{
    metric_values_done(x);
    x->lost = true;
}

static int by_value(const void *a, const void *b)
{
    double x = ((const struct metric_pair *)a)->value, y = ((const struct metric_pair *)b)->value;

    return x < y ? -1 : x > y;
}

static void merge_equal(struct metric_values *x)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < x->n; i++)
        if (n > 0 && x->v[n - 1].value == x->v[i].value)
            x->v[n - 1].count += x->v[i].count;
        else
            x->v[n++] = x->v[i];
    x->n = n;
}

/* The middle of the cell the value lies in.  The lowest cell is zero itself: nothing is made of nothing. */
static double rounded(double value, unsigned bits)
{
    uint64_t u;

    memcpy(&u, &value, sizeof(u));
    u = u >> bits << bits;
    if (u << 1 == 0)
        return 0;
    u |= (uint64_t)1 << (bits - 1);
    memcpy(&value, &u, sizeof(u));
    return value;
}

static void round_all(struct metric_values *x)
{
    for (uint32_t i = 0; i < x->n; i++)
        x->v[i].value = rounded(x->v[i].value, x->dropped_bits);
    merge_equal(x);
}

void metric_values_tidy(struct metric_values *x)
{
    if (x->sorted == x->n && x->n <= most_of(x))
        return;
    if (x->sorted < x->n)
        qsort(x->v, x->n, sizeof(*x->v), by_value);
    if (x->dropped_bits > 0)
        round_all(x);
    else
        merge_equal(x);
    while (x->n > most_of(x)) {
        x->dropped_bits = x->dropped_bits == 0 ? FIRST_DROPPED_BITS : x->dropped_bits + 1;
        CHECK(x->dropped_bits < 64);
        round_all(x);
    }
    x->sorted = x->n;
}

/* NULL: not among the sorted ones. */
static struct metric_pair *known(const struct metric_values *x, double value)
{
    uint32_t low = 0, high = x->sorted;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (x->v[middle].value == value)
            return &x->v[middle];
        if (x->v[middle].value < value)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Makes room for one pair: merges, rounds or grows. */
static void make_room(struct metric_values *x)
{
    if (x->cap >= FIRST_CAP)
        metric_values_tidy(x);
    if (x->n <= x->cap / 2 && x->cap > 0)
        return;
    x->cap = x->cap > 0 ? x->cap * 2 : FIRST_CAP;
    x->v = xrealloc(x->v, x->cap * sizeof(*x->v));
}

void metric_values_put(struct metric_values *x, double value, double count)
{
    unsigned bits = x->dropped_bits;
    bool rises;
    struct metric_pair *p;

    if (bits > 0)
        value = rounded(value, bits);
    rises = x->sorted == x->n &&
            (x->n == 0 || x->v[x->n - 1].value < value); /* so come the pairs of a stored minute */
    p = rises ? NULL : known(x, value);
    if (p != NULL) {
        p->count += count;
        return;
    }
    if (x->n == x->cap)
        make_room(x);
    x->sorted += rises && x->dropped_bits == bits;
    x->v[x->n++] = (struct metric_pair){ value, count };
}

void metric_values_merge(struct metric_values *x, const struct metric_values *from)
{
    if (from->lost)
        metric_values_lose(x);
    if (from->dropped_bits > x->dropped_bits) {
        x->dropped_bits = from->dropped_bits;
        x->sorted = 0;
    }
    for (uint32_t i = 0; i < from->n; i++)
        metric_values_add(x, from->v[i].value, from->v[i].count);
}

/* As stored. */

static void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_char(b, (char)(v | 0x80));
    buf_char(b, (char)v);
}

static unsigned put_real(char out[static 8], double value)
{
    uint64_t u;
    unsigned n = 0;

    memcpy(&u, &value, sizeof(u));
    for (; u != 0; u <<= 8)
        out[n++] = (char)(u >> 56);
    return n;
}

static bool is_whole(double count) { return count < WHOLE_COUNT_MOST && count == floor(count); }

void metric_values_encode(struct metric_values *x, struct buf *b)
{
    metric_values_tidy(x);
    for (uint32_t i = 0; i < x->n; i++) {
        char value[8], count[8] = { 0 };
        unsigned n = put_real(value, x->v[i].value);
        bool whole = is_whole(x->v[i].count);

        buf_char(b, (char)(n | (whole ? 0u : COUNT_IS_REAL)));
        buf_add(b, value, n);
        if (whole) {
            put_varint(b, (uint64_t)x->v[i].count);
            continue;
        }
        put_real(count, x->v[i].count);
        buf_add(b, count, sizeof(count));
    }
}

static int take_real(struct str *body, size_t n, double *ret)
{
    uint64_t u = 0;

    if (n > 8 || body->n < n)
        return -E_INVALID;
    for (size_t i = 0; i < n; i++)
        u |= (uint64_t)(unsigned char)body->p[i] << (56 - 8 * i);
    memcpy(ret, &u, sizeof(u));
    *body = str_sub(*body, n, body->n);
    return *ret >= -REAL_MOST && *ret <= REAL_MOST ? 0 : -E_INVALID;
}

static int take_whole(struct str *body, double *ret)
{
    uint64_t u = 0;

    for (unsigned shift = 0; body->n > 0 && shift < 56; shift += 7) {
        unsigned char c = (unsigned char)body->p[0];

        *body = str_sub(*body, 1, body->n);
        u |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *ret = (double)u;
            return 0;
        }
    }
    return -E_INVALID;
}

#define PAIR_BYTES 8 /* of a stored pair, roughly: only how much room is made at first */

int metric_values_decode(struct metric_values *x, struct str body)
{
    if (x->cap == 0 && !x->lost) {
        x->cap = (uint32_t)MIN(MAX(body.n / PAIR_BYTES, (size_t)FIRST_CAP), (size_t)most_of(x));
        x->v = xmalloc(x->cap * sizeof(*x->v));
    }
    while (body.n > 0) {
        unsigned char head = (unsigned char)body.p[0];
        double value, count;
        int r;

        body = str_sub(body, 1, body.n);
        r = take_real(&body, head & 0x0f, &value);
        if (r == 0)
            r = (head & COUNT_IS_REAL) != 0 ? take_real(&body, 8, &count) : take_whole(&body, &count);
        if (r < 0 || !(count > 0))
            return -E_INVALID;
        metric_values_add(x, value, count);
    }
    return 0;
}

/* Asked for. */

static double total(const struct metric_values *x)
{
    double n = 0;

    for (uint32_t i = 0; i < x->n; i++)
        n += x->v[i].count;
    return n;
}

double metric_values_percentile(const struct metric_values *x, double percent)
{
    double wanted = total(x) * percent / 100, seen = 0;

    CHECK(x->n > 0);
    for (uint32_t i = 0; i < x->n; i++) {
        seen += x->v[i].count;
        /* 0.29 * 100 is a little more than 29: a hair must not cost a rank. */
        if (seen >= wanted * (1 - 1e-12) && seen > 0)
            return x->v[i].value;
    }
    return x->v[x->n - 1].value;
}

struct metric_trim metric_values_ranks(const struct metric_values *x, double from, double to)
{
    double n = total(x), low = n * from / 100, high = n * to / 100, seen = 0;
    struct metric_trim t = { 0, 0 };

    for (uint32_t i = 0; i < x->n; i++) {
        double part = MIN(seen + x->v[i].count, high) - MAX(seen, low);

        if (part > 0) {
            t.count += part;
            t.sum += part * x->v[i].value;
        }
        seen += x->v[i].count;
    }
    return t;
}

struct metric_trim metric_values_between(const struct metric_values *x, double from, double to)
{
    struct metric_trim t = { 0, 0 };

    for (uint32_t i = 0; i < x->n; i++)
        if (x->v[i].value > from && x->v[i].value <= to) {
            t.count += x->v[i].count;
            t.sum += x->v[i].count * x->v[i].value;
        }
    return t;
}

void metric_values_check(const struct metric_values *x)
{
    CHECK(x->sorted <= x->n && x->n <= x->cap && (x->v != NULL || x->cap == 0));
    CHECK(x->dropped_bits < 64 && (!x->lost || x->n == 0));
    for (uint32_t i = 1; i < x->sorted; i++)
        CHECK(x->v[i - 1].value < x->v[i].value);
}
