/* internal.h - what the files of service/cloudwatch share: small checks in CloudWatch's words, and statistics
 * by name.
 *
 * CloudWatch complains of everything it finds at once: one sentence per line, all under the code of the
 * first.  A handler collects with complain() and ends with complaints_fault().  Nothing is written before
 * that. */
#ifndef WAYBILL_SERVICE_CLOUDWATCH_INTERNAL_H
#define WAYBILL_SERVICE_CLOUDWATCH_INTERNAL_H

#include "metric/read.h"
#include "turn/turn.h"
#include "model/cloudwatch.h"
#include "service/cloudwatch/cloudwatch.h"

#define MINUTE_MS 60000
#define VALUE_MOST 0x1p360 /* CloudWatch takes -2^360 .. 2^360 */

struct cloudwatch {
    struct cloudwatch_options o;
};
static inline struct metrics *metrics_of(const struct call *c)
{
    return ((const struct cloudwatch *)c->state)->o.metrics;
}

/* Complaints. */
struct complaints {
    const struct error_row *row; /* NULL: none yet */
    struct buf text;
    unsigned n;
};
void complaints_done(struct complaints *x); /* fits CLEANUP */
/* One under another code than the first is left out, as is the hundredth. */
void complain(struct complaints *x, const struct error_row *row, const char *fmt, ...) PRINTF(3, 4);
int complaints_fault(struct call *c, const struct complaints *x); /* 0 when there is none, else -E_FAULT */

#define INVALID_VALUE (&cloudwatch_error_InvalidParameterValueException)
#define INVALID_COMBINATION (&cloudwatch_error_InvalidParameterCombinationException)
#define MISSING (&cloudwatch_error_MissingRequiredParameterException)

/* `path`: "MetricData.member.1.Dimensions".  Names and values of our type, in the arena. */
const struct metric_dimension *dimensions_of(struct call *c, struct complaints *x,
                                             const struct error_row *row, const char *path,
                                             const struct cloudwatch_Dimensions *v);
bool text_is_clean(struct str s); /* no control characters, not blank throughout */
void check_period(struct complaints *x, const struct error_row *row, const char *path, int64_t period_s);

/* Within what the server's clock can show, and free of overflow, whatever the client sent. */
static inline int64_t sane_ms(struct opt_time t) { return MAX(MIN(t.ms, CLOCK_MOST_MS), (int64_t)0); }
static inline int64_t period_ms(struct opt_int s)
{
    return MAX(MIN(s.v, (int64_t)86400 * 366), (int64_t)1) * 1000;
}

/* Statistics (CloudWatch user guide, "CloudWatch statistics definitions"). */
enum statistic_kind {
    STATISTIC_SAMPLE_COUNT,
    STATISTIC_AVERAGE,
    STATISTIC_SUM,
    STATISTIC_MINIMUM,
    STATISTIC_MAXIMUM,
    STATISTIC_PERCENTILE, /* p99 */
    STATISTIC_TRIMMED_MEAN,
    STATISTIC_WINSORIZED_MEAN, /* tm90 TM(10%:90%) TM(100:200) IQM; wm WM */
    STATISTIC_TRIMMED_COUNT,
    STATISTIC_TRIMMED_SUM,     /* tc TC, ts TS */
    STATISTIC_PERCENTILE_RANK, /* PR(100:200), PR(:200) */
};
struct statistic {
    enum statistic_kind kind;
    bool percent;    /* the bounds are ranks, else values */
    double from, to; /* PERCENTILE: `to` alone */
};
int statistic_parse(struct str text, struct statistic *ret); /* -E_INVALID */
static inline bool statistic_wants_values(const struct statistic *s)
{
    return s->kind >= STATISTIC_PERCENTILE;
}
/* False: the point cannot say (StatisticSets have no percentiles; nothing lies between the bounds). */
bool statistic_of(const struct statistic *s, const struct metric_point *p, double *ret);

/* Handlers, as wire/call.h describes them. */
int cloudwatch_put_metric_data(struct call *c, const void *input, void *output);
int cloudwatch_get_metric_statistics(struct call *c, const void *input, void *output);
int cloudwatch_get_metric_data(struct call *c, const void *input, void *output);
int cloudwatch_list_metrics(struct call *c, const void *input, void *output);

#endif
