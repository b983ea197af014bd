/* metric.h - samples on their way to CloudWatch: whoever decides something counts it here, service/cloudwatch
 * shows it.
 *
 * Samples are added up in memory by minute and series (a series: account, region, namespace, name,
 * dimensions) and written to the store in blocks, as log lines are: a crash may lose the samples of the last
 * second, never an event. A turn without metrics (unit tests) counts nothing. Cost of a sample: one hash of
 * the series' key, no allocation once the series exists.  Series are limited in number (METRIC_SERIES_MOST;
 * the least recently counted go) and in age. */
#ifndef WAYBILL_METRIC_METRIC_H
#define WAYBILL_METRIC_METRIC_H

#include "turn/turn.h"

#define METRIC_SERIES_MOST 20000
#define METRIC_DIMENSIONS_MOST 30 /* as PutMetricData allows */

struct metrics *metrics_new(void);
struct metrics *metrics_free(struct metrics *m);
void metrics_load(struct metrics *m, struct turn *t);  /* at start, and again after a turn that failed */
void metrics_reset(struct metrics *m, struct turn *t); /* the store was emptied */
void metrics_bound(struct metrics *m,
                   struct turn *t);          /* after many samples: the next reader must not write them all */
void metrics_check(const struct metrics *m); /* ends the program where memory does not agree: for tests */
void metrics_flush(struct metrics *m, struct turn *t); /* writes what is not written yet; before the end */

struct metric_dimension {
    struct str name, value;
};

struct metric_place {
    struct str account, region;
    struct str space;                          /* "AWS/Lambda" */
    const struct metric_dimension *dimensions; /* in any order */
    size_t n_dimensions;
};

/* One sample of one series, at at_ms of the server's clock.  unit: "Count", "Milliseconds", ... as CloudWatch
 * spells it. */
void metric_add(struct turn *t, const struct metric_place *p, const char *name, double value,
                const char *unit, int64_t at_ms);

/* What PutMetricData may bring instead of one value: many values with their counts, or sums of samples nobody
 * knows singly. */
struct metric_pair; /* metric/values.h */
void metric_add_pairs(struct turn *t, const struct metric_place *p, const char *name,
                      const struct metric_pair *v, size_t n, const char *unit, int64_t at_ms);
void metric_add_sums(struct turn *t, const struct metric_place *p, const char *name, double count, double sum,
                     double low, double high, const char *unit, int64_t at_ms);

/* AWS/Lambda: the sample counts in three or four series: the account's, the function's, the resource's, and
 * with the version that ran where version is given and the resource names $LATEST or an alias (AWS Lambda
 * developer guide, "Types of metrics for Lambda functions"). resource: "name", "name:alias", as the caller
 * asked. */
void metric_function(struct turn *t, struct str account, struct str region, struct str name,
                     struct str resource, struct str version, const char *metric, double value,
                     const char *unit, int64_t at_ms);

#endif
