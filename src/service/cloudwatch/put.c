/* put.c - PutMetricData: samples of other people's metrics.  All of a request's data are counted, or none.
 * Rules: CloudWatch API reference, pages PutMetricData, MetricDatum, StatisticSet, Dimension. */
#include "service/cloudwatch/internal.h"

#include <math.h>

#define DATA_MOST 1000
#define VALUES_MOST 150
#define PAST_MS ((int64_t)14 * 86400000)
#define FUTURE_MS ((int64_t)2 * 3600000)

static bool namespace_is_sound(struct str s)
{
    static const char others[] = ".-_/#: ";

    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
              (ch != '\0' && strchr(others, ch) != NULL)))
            return false;
    }
    return !str_starts(s, STR("AWS/"));
}

/* As Java prints it. */
static struct str shown(struct call *c, double v)
{
    if (isnan(v))
        return STR("NaN");
    if (isinf(v))
        return v > 0 ? STR("\u221e") : STR("-\u221e");
    return arena_printf(c->mem, "%.17g", v);
}

static void check_value(struct call *c, struct complaints *x, const char *path, const char *member,
                        struct opt_real v)
{
    if (v.set && !(v.v >= -VALUE_MOST && v.v <= VALUE_MOST))
        complain(x, INVALID_VALUE, "The value " STR_FMT " for parameter %s.%s is invalid.",
                 STR_ARG(shown(c, v.v)), path, member);
}

/* UNVERIFIED wording of all but the range. */
static void check_statistics(struct call *c, struct complaints *x, const char *path,
                             const struct cloudwatch_StatisticSet *s)
{
    if (s == NULL)
        return;
    check_value(c, x, path, "StatisticValues.SampleCount", s->SampleCount);
    check_value(c, x, path, "StatisticValues.Sum", s->Sum);
    check_value(c, x, path, "StatisticValues.Minimum", s->Minimum);
    check_value(c, x, path, "StatisticValues.Maximum", s->Maximum);
    if (s->SampleCount.v <= 0)
        complain(x, INVALID_VALUE, "The parameter %s.StatisticValues.SampleCount must be greater than 0.",
                 path);
    if (s->Minimum.v > s->Maximum.v)
        complain(x, INVALID_VALUE,
                 "The parameter %s.StatisticValues.Maximum must be greater than %s.StatisticValues.Minimum.",
                 path, path);
}

static void check_values(struct call *c, struct complaints *x, const char *path,
                         const struct cloudwatch_MetricDatum *d)
{
    if (d->Values.n > VALUES_MOST)
        complain(x, INVALID_VALUE, "The collection %s.Values must not have a size greater than %d.", path,
                 VALUES_MOST);
    if (d->Counts.set && d->Counts.n != d->Values.n)
        complain(x, INVALID_VALUE, "The parameters %s.Values and %s.Counts must be of the same size.", path,
                 path);
    for (size_t i = 0; i < d->Values.n; i++)
        check_value(c, x, path, arena_printf(c->mem, "Values.member.%zu", i + 1).p, d->Values.v[i]);
    for (size_t i = 0; i < d->Counts.n; i++)
        if (!(d->Counts.v[i].v > 0 && d->Counts.v[i].v <= VALUE_MOST))
            complain(x, INVALID_VALUE, "The value " STR_FMT " for parameter %s.Counts.member.%zu is invalid.",
                     STR_ARG(shown(c, d->Counts.v[i].v)), path, i + 1);
}

static void check_one_kind(struct complaints *x, const char *path, const struct cloudwatch_MetricDatum *d)
{
    const struct {
        const char *name;
        bool set;
    } kinds[] = {
        { "Value", d->Value.set },
        { "Values", d->Values.n > 0 },
        { "StatisticValues", d->StatisticValues != NULL },
    };
    const char *first = NULL;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (kinds[i].set && first != NULL)
            complain(x, INVALID_COMBINATION,
                     "The parameters %s.%s and %s.%s are mutually exclusive and you have specified both.",
                     path, first, path, kinds[i].name);
        if (kinds[i].set && first == NULL)
            first = kinds[i].name;
    }
    if (first == NULL) /* UNVERIFIED wording */
        complain(
            x, INVALID_COMBINATION,
            "At least one of the parameters %s.Value, %s.Values and %s.StatisticValues must be specified.",
            path, path, path);
}

static void check_time(struct call *c, struct complaints *x, const char *path,
                       const struct cloudwatch_MetricDatum *d)
{
    if (!d->Timestamp.set)
        return;
    if (d->Timestamp.ms < c->now.wall_ms - PAST_MS)
        complain(x, INVALID_VALUE,
                 "The parameter %s.Timestamp must specify a time within the past two weeks.", path);
    if (d->Timestamp.ms > c->now.wall_ms + FUTURE_MS) /* UNVERIFIED wording */
        complain(x, INVALID_VALUE,
                 "The parameter %s.Timestamp must specify a time no more than two hours in the future.",
                 path);
}

static void check_resolution(struct complaints *x, const char *path, struct opt_int resolution)
{
    if (!resolution.set || resolution.v == 60)
        return;
    if (resolution.v == 1)
        complain(x, INVALID_VALUE, "%s.StorageResolution 1 is not supported: samples are kept by the minute.",
                 path);
    else
        complain(x, INVALID_VALUE, "The value %lld for parameter %s.StorageResolution is invalid.",
                 (long long)resolution.v, path);
}

static const struct metric_dimension *check_datum(struct call *c, struct complaints *x, size_t n,
                                                  const struct cloudwatch_MetricDatum *d)
{
    const char *path = arena_printf(c->mem, "MetricData.member.%zu", n).p;

    if (!text_is_clean(d->MetricName))
        complain(x, INVALID_VALUE, "The value " STR_FMT " for parameter %s.MetricName is invalid.",
                 STR_ARG(d->MetricName), path);
    check_one_kind(x, path, d);
    check_value(c, x, path, "Value", d->Value);
    check_statistics(c, x, path, d->StatisticValues);
    check_values(c, x, path, d);
    check_time(c, x, path, d);
    check_resolution(x, path, d->StorageResolution);
    return dimensions_of(c, x, INVALID_VALUE, arena_printf(c->mem, "%s.Dimensions", path).p, &d->Dimensions);
}

static void check_request(struct complaints *x, const struct cloudwatch_PutMetricDataInput *in)
{
    if (in->EntityMetricData.set)
        complain(x, INVALID_VALUE, "EntityMetricData is not supported.");
    else if (in->StrictEntityValidation.set && in->StrictEntityValidation.v)
        complain(x, INVALID_VALUE, "StrictEntityValidation is not supported.");
    else if (in->MetricData.n == 0)
        complain(x, MISSING, "The parameter MetricData is required.");
    if (in->MetricData.n > DATA_MOST)
        complain(x, INVALID_VALUE, "The collection MetricData must not have a size greater than %d.",
                 DATA_MOST);
    if (!namespace_is_sound(in->Namespace))
        complain(x, INVALID_VALUE, "The value " STR_FMT " for parameter Namespace is invalid.",
                 STR_ARG(in->Namespace));
}

static void keep(struct call *c, const struct metric_place *p, const struct cloudwatch_MetricDatum *d)
{
    int64_t at_ms = d->Timestamp.set ? d->Timestamp.ms : c->now.wall_ms;
    const char *name = arena_z(c->mem, d->MetricName),
               *unit = str_empty(d->Unit) ? "None" : arena_z(c->mem, d->Unit);
    const struct cloudwatch_StatisticSet *s = d->StatisticValues;
    struct metric_pair v[VALUES_MOST];

    if (d->Value.set) {
        metric_add(c->turn, p, name, d->Value.v, unit, at_ms);
    } else if (s != NULL) {
        metric_add_sums(c->turn, p, name, s->SampleCount.v, s->Sum.v, s->Minimum.v, s->Maximum.v, unit,
                        at_ms);
    } else {
        for (size_t i = 0; i < d->Values.n; i++)
            v[i] = (struct metric_pair){ d->Values.v[i].v, d->Counts.n > 0 ? d->Counts.v[i].v : 1 };
        metric_add_pairs(c->turn, p, name, v, d->Values.n, unit, at_ms);
    }
}

int cloudwatch_put_metric_data(struct call *c, const void *input, void *output UNUSED)
{
    const struct cloudwatch_PutMetricDataInput *in = input;
    CLEANUP(complaints_done) struct complaints x = { 0 };
    const struct metric_dimension **dimensions;
    int r = call_may_own(c, "cloudwatch:PutMetricData", STR("*"));

    if (r < 0)
        return r;
    check_request(&x, in);
    dimensions = arena_calloc(c->mem, in->MetricData.n, sizeof(*dimensions));
    for (size_t i = 0; i < MIN(in->MetricData.n, (size_t)DATA_MOST); i++)
        dimensions[i] = check_datum(c, &x, i + 1, &in->MetricData.v[i]);
    r = complaints_fault(c, &x);
    for (size_t i = 0; i < in->MetricData.n && r == 0; i++) {
        struct metric_place p = { .account = c->account,
                                  .region = c->region,
                                  .space = in->Namespace,
                                  .dimensions = dimensions[i],
                                  .n_dimensions = in->MetricData.v[i].Dimensions.n };

        keep(c, &p, &in->MetricData.v[i]);
    }
    metrics_bound(metrics_of(c), c->turn);
    return r;
}
