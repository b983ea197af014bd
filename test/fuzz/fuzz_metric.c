/* fuzz_metric.c - whatever the bytes: an expression has a result or a sentence, a statistic is one or is none
 * and then gives a finite value or nothing, and a stored body is read to its end or its damage and comes back
 * the same. */
#include <math.h>

#include "service/cloudwatch/expression.h"
#include "service/cloudwatch/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct series_point points[] = { { 0, 1 }, { 60000, -2 }, { 120000, 0 } };
static struct series one = { { "m1", 2 }, 60, points, 3 };

static int value(void *arg, struct str id, struct expression_value *ret, struct buf *why)
{
    (void)arg;
    (void)why;
    if (!str_is(id, "m1"))
        return -E_NOT_FOUND;
    *ret = (struct expression_value){ .kind = EXPRESSION_SERIES, .v = &one, .n = 1 };
    return 0;
}

static struct str metric(void *arg, size_t i)
{
    (void)arg;
    return i < 2 ? one.label : STR_NONE;
}

static void fuzz_expression(struct str text)
{
    struct expression_names names = {
        .value = value, .metric = metric, .end_ms = 600000, .points_left = 100000
    };
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf why = { 0 };
    struct expression_value v;
    int r = expression_eval(a, text, &names, &v, &why);

    CHECK((r < 0) == (why.n > 0));
    for (size_t i = 0; r == 0 && v.kind != EXPRESSION_NUMBER && i < v.n; i++)
        for (size_t k = 0; k < v.v[i].n; k++)
            CHECK(isfinite(v.v[i].v[k].v) && (k == 0 || v.v[i].v[k].ms > v.v[i].v[k - 1].ms));
}

static void fuzz_statistic(struct str text)
{
    struct metric_point p = { .count = 4, .sum = 12, .low = 1, .high = 6 };
    struct statistic s;
    double v;

    for (int i = 0; i < 4; i++)
        metric_values_add(&p.values, 1 + i * 5.0 / 3, 1);
    metric_values_tidy(&p.values);
    if (statistic_parse(text, &s) == 0 && statistic_of(&s, &p, &v))
        CHECK(isfinite(v));
    metric_values_done(&p.values);
}

static void fuzz_body(struct str body)
{
    struct metric_values x = { 0 }, y = { 0 };
    CLEANUP(buf_done) struct buf b = { 0 };

    (void)metric_values_decode(&x, body);
    metric_values_encode(&x, &b);
    CHECK(x.n <= METRIC_VALUES_MOST);
    CHECK(metric_values_decode(&y, buf_view(&b)) == 0);
    metric_values_tidy(&y);
    CHECK(y.n == x.n && (x.n == 0 || memcmp(x.v, y.v, x.n * sizeof(*x.v)) == 0));
    metric_values_done(&x);
    metric_values_done(&y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_make((const char *)data + (size > 0), size > 0 ? size - 1 : 0);

    if (size == 0 || size > 4096)
        return 0;
    switch (data[0] % 3) {
    case 0: fuzz_expression(rest); break;
    case 1: fuzz_statistic(rest); break;
    default: fuzz_body(rest); break;
    }
    return 0;
}
