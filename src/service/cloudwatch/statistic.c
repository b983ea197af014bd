/* statistic.c - statistics by name, and their value at one point.
 * Rules: CloudWatch user guide, "CloudWatch statistics definitions". */
#include "service/cloudwatch/internal.h"

#include <math.h>

static const struct {
    const char *name;
    enum statistic_kind kind;
} plain[] = {
    { "SampleCount", STATISTIC_SAMPLE_COUNT }, { "Average", STATISTIC_AVERAGE }, { "Sum", STATISTIC_SUM },
    { "Minimum", STATISTIC_MINIMUM },          { "Maximum", STATISTIC_MAXIMUM },
};
/* "tm90" is TM(:90%); PR has no short form. */
static const struct {
    const char *brief, *with_bounds;
    enum statistic_kind kind;
} trimmed[] = {
    { "tm", "TM(", STATISTIC_TRIMMED_MEAN },    { "wm", "WM(", STATISTIC_WINSORIZED_MEAN },
    { "tc", "TC(", STATISTIC_TRIMMED_COUNT },   { "ts", "TS(", STATISTIC_TRIMMED_SUM },
    { NULL, "PR(", STATISTIC_PERCENTILE_RANK },
};

/* Digits, perhaps with a point and digits behind it. */
static int number(struct str s, double *ret)
{
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < '0' || s.p[i] > '9') && (s.p[i] != '.' || i == 0 || i + 1 == s.n))
            return -E_INVALID;
    return s.n == 0 || s.n > 32 ? -E_INVALID : str_to_f64(s, ret);
}

static int percent(struct str s, double *ret)
{
    double v;

    if (number(s, &v) < 0 || v < 0 || v > 100)
        return -E_INVALID;
    *ret = v;
    return 0;
}

/* One side; *ret_percent: 0 value, 1 percent, -1 not given. */
static int bound(struct str s, double absent, double *ret, int *ret_percent)
{
    *ret = absent;
    *ret_percent = -1;
    if (s.n == 0)
        return 0;
    *ret_percent = s.p[s.n - 1] == '%';
    return *ret_percent == 1 ? percent(str_sub(s, 0, s.n - 1), ret) : number(s, ret);
}

/* "10%:90%", ":200", "100:" */
static int bounds(struct str s, struct statistic *ret)
{
    int from_percent, to_percent;
    struct str from;

    if (str_find(s, ':') < 0 || s.n == 1)
        return -E_INVALID;
    str_cut(&s, ':', &from);
    if (bound(from, -INFINITY, &ret->from, &from_percent) < 0 ||
        bound(s, INFINITY, &ret->to, &to_percent) < 0)
        return -E_INVALID;
    if (from_percent >= 0 && to_percent >= 0 && from_percent != to_percent)
        return -E_INVALID;
    ret->percent = MAX(from_percent, to_percent) == 1;
    if (ret->percent) {
        ret->from = MAX(ret->from, 0);
        ret->to = MIN(ret->to, 100);
    }
    if (ret->percent && ret->kind == STATISTIC_PERCENTILE_RANK)
        return -E_INVALID;
    return ret->from < ret->to ? 0 : -E_INVALID;
}

static int parse_trimmed(struct str text, struct statistic *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(trimmed); i++) {
        ret->kind = trimmed[i].kind;
        if (str_starts(text, str_of(trimmed[i].with_bounds)) && text.p[text.n - 1] == ')')
            return bounds(str_sub(text, 3, text.n - 1), ret);
        if (trimmed[i].brief != NULL && str_starts(text, str_of(trimmed[i].brief))) {
            ret->percent = true;
            return percent(str_sub(text, 2, text.n), &ret->to);
        }
    }
    return -E_INVALID;
}

int statistic_parse(struct str text, struct statistic *ret)
{
    *ret = (struct statistic){ 0 };
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (str_is(text, plain[i].name)) {
            ret->kind = plain[i].kind;
            return 0;
        }
    if (str_is(text, "IQM")) {
        *ret = (struct statistic){ STATISTIC_TRIMMED_MEAN, true, 25, 75 };
        return 0;
    }
    if (text.n > 1 && text.p[0] == 'p') {
        ret->kind = STATISTIC_PERCENTILE;
        return percent(str_sub(text, 1, text.n), &ret->to);
    }
    return text.n > 2 ? parse_trimmed(text, ret) : -E_INVALID;
}

static struct metric_trim inside(const struct statistic *s, const struct metric_values *x)
{
    return s->percent ? metric_values_ranks(x, s->from, s->to) : metric_values_between(x, s->from, s->to);
}

/* What lies outside counts as if it were at the bound. */
static bool winsorized(const struct statistic *s, const struct metric_point *p, double *ret)
{
    struct metric_trim in = inside(s, &p->values), below = { 0, 0 }, above = { 0, 0 };
    double low = s->from, high = s->to;

    if (s->percent) {
        low = metric_values_percentile(&p->values, s->from);
        high = metric_values_percentile(&p->values, s->to);
        below = metric_values_ranks(&p->values, 0, s->from);
        above = metric_values_ranks(&p->values, s->to, 100);
    } else {
        below = metric_values_between(&p->values, -INFINITY, s->from);
        above = metric_values_between(&p->values, s->to, INFINITY);
    }
    in.sum += (below.count > 0 ? below.count * low : 0) + (above.count > 0 ? above.count * high : 0);
    in.count += below.count + above.count;
    *ret = in.sum / in.count;
    return in.count > 0;
}

static bool of_values(const struct statistic *s, const struct metric_point *p, double *ret)
{
    struct metric_trim t;

    if (p->values.lost || p->values.n == 0)
        return false;
    if (s->kind == STATISTIC_PERCENTILE) {
        *ret = metric_values_percentile(&p->values, s->to);
        return true;
    }
    if (s->kind == STATISTIC_WINSORIZED_MEAN)
        return winsorized(s, p, ret);
    t = inside(s, &p->values);
    if (s->kind == STATISTIC_TRIMMED_MEAN && t.count <= 0)
        return false;
    *ret = s->kind == STATISTIC_TRIMMED_COUNT     ? t.count
           : s->kind == STATISTIC_TRIMMED_SUM     ? t.sum
           : s->kind == STATISTIC_PERCENTILE_RANK ? t.count / p->count * 100
                                                  : t.sum / t.count;
    return true;
}

bool statistic_of(const struct statistic *s, const struct metric_point *p, double *ret)
{
    switch (s->kind) {
    case STATISTIC_SAMPLE_COUNT: *ret = p->count; return true;
    case STATISTIC_AVERAGE: *ret = p->sum / p->count; return p->count > 0;
    case STATISTIC_SUM: *ret = p->sum; return true;
    case STATISTIC_MINIMUM: *ret = p->low; return true;
    case STATISTIC_MAXIMUM: *ret = p->high; return true;
    case STATISTIC_PERCENTILE:
    case STATISTIC_TRIMMED_MEAN:
    case STATISTIC_WINSORIZED_MEAN:
    case STATISTIC_TRIMMED_COUNT:
    case STATISTIC_TRIMMED_SUM:
    case STATISTIC_PERCENTILE_RANK: break;
    }
    return of_values(s, p, ret);
}
