/* statistics.c - GetMetricStatistics: one metric, several statistics, periods that begin where the request
 * begins. Rules: CloudWatch API reference, page GetMetricStatistics.  AWS promises no order of the
 * datapoints; here they rise. */
#include "service/cloudwatch/internal.h"

#define DATAPOINTS_MOST 1440
#define EXTENDED_MOST 10

static void check_times(struct complaints *x, const struct cloudwatch_GetMetricStatisticsInput *in)
{
    int64_t start_ms = sane_ms(in->StartTime), end_ms = sane_ms(in->EndTime), points;

    if (start_ms == end_ms)
        complain(x, INVALID_VALUE, "The parameter StartTime must not equal parameter EndTime.");
    else if (start_ms > end_ms)
        complain(x, INVALID_VALUE, "The parameter StartTime must be less than the parameter EndTime.");
    if (x->row != NULL)
        return;
    points = (end_ms - start_ms + period_ms(in->Period) - 1) / period_ms(in->Period);
    if (points > DATAPOINTS_MOST)
        complain(x, INVALID_COMBINATION,
                 "You have requested up to %lld datapoints, which exceeds the limit of %d. You may reduce the"
                 " datapoints requested by increasing Period, or decreasing the time range.",
                 (long long)points, DATAPOINTS_MOST);
}

static void check_statistics(struct complaints *x, const struct cloudwatch_GetMetricStatisticsInput *in,
                             struct statistic *extended)
{
    if ((in->Statistics.n > 0) == (in->ExtendedStatistics.n > 0))
        complain(x, INVALID_COMBINATION, "Must specify either Statistics or ExtendedStatistics.");
    for (size_t i = 0; i < MIN(in->ExtendedStatistics.n, (size_t)EXTENDED_MOST); i++)
        if (statistic_parse(in->ExtendedStatistics.v[i], &extended[i]) < 0 ||
            !statistic_wants_values(&extended[i]))
            complain(x, INVALID_VALUE,
                     "The value " STR_FMT " for parameter ExtendedStatistics.member.%zu is not valid.",
                     STR_ARG(in->ExtendedStatistics.v[i]), i + 1); /* UNVERIFIED wording */
}

static void set_statistic(struct cloudwatch_Datapoint *d, enum statistic_kind kind, double v)
{
    struct opt_real *const to[] = {
        [STATISTIC_SAMPLE_COUNT] = &d->SampleCount,
        [STATISTIC_AVERAGE] = &d->Average,
        [STATISTIC_SUM] = &d->Sum,
        [STATISTIC_MINIMUM] = &d->Minimum,
        [STATISTIC_MAXIMUM] = &d->Maximum,
    };

    *to[kind] = REAL_SET(v);
}

/* False: none of what was asked for is known of the point. */
static bool show(struct call *c, const struct cloudwatch_GetMetricStatisticsInput *in,
                 const struct statistic *extended, const struct metric_point *p,
                 struct cloudwatch_Datapoint *d)
{
    struct cloudwatch_DatapointValueMap *map = &d->ExtendedStatistics;
    struct statistic s;
    double v;

    *d = (struct cloudwatch_Datapoint){ .Timestamp = TIME_SET(p->start_ms), .Unit = p->unit };
    for (size_t i = 0; i < in->Statistics.n; i++)
        if (statistic_parse(in->Statistics.v[i], &s) == 0 && statistic_of(&s, p, &v))
            set_statistic(d, s.kind, v);
    if (in->ExtendedStatistics.n == 0)
        return true;
    map->v = arena_calloc(c->mem, in->ExtendedStatistics.n, sizeof(*map->v));
    for (size_t i = 0; i < in->ExtendedStatistics.n; i++)
        if (statistic_of(&extended[i], p, &v)) {
            map->v[map->n].key = in->ExtendedStatistics.v[i];
            map->v[map->n++].value = REAL_SET(v);
        }
    map->set = map->n > 0;
    return map->set;
}

int cloudwatch_get_metric_statistics(struct call *c, const void *input, void *output)
{
    const struct cloudwatch_GetMetricStatisticsInput *in = input;
    struct cloudwatch_GetMetricStatisticsOutput *out = output;
    CLEANUP(complaints_done) struct complaints x = { 0 };
    CLEANUP(metric_points_done) struct metric_points points = { 0 };
    struct statistic extended[EXTENDED_MOST];
    struct metric_query q = { .place = { c->account, c->region, in->Namespace, NULL, in->Dimensions.n },
                              .name = in->MetricName,
                              .unit = in->Unit,
                              .to_ms = sane_ms(in->EndTime),
                              .period_ms = period_ms(in->Period),
                              .want_values = in->ExtendedStatistics.n > 0 };
    int r = call_may_own(c, "cloudwatch:GetMetricStatistics", STR("*"));

    if (r < 0)
        return r;
    check_period(&x, INVALID_VALUE, "Period", in->Period.v);
    check_statistics(&x, in, extended);
    check_times(&x, in);
    q.place.dimensions = dimensions_of(c, &x, INVALID_VALUE, "Dimensions", &in->Dimensions);
    r = complaints_fault(c, &x);
    if (r < 0)
        return r;
    q.from_ms = q.origin_ms = sane_ms(in->StartTime) / MINUTE_MS * MINUTE_MS;
    metric_read(metrics_of(c), c->turn, c->mem, &q, &points);
    out->Label = in->MetricName;
    out->Datapoints =
        (struct cloudwatch_Datapoints){ true, 0, arena_calloc(c->mem, points.n, sizeof(*out->Datapoints.v)) };
    for (size_t i = 0; i < points.n; i++)
        out->Datapoints.n += show(c, in, extended, &points.v[i], &out->Datapoints.v[out->Datapoints.n]);
    return 0;
}
