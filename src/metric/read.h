/* read.h - what was counted, for whoever shows it (service/cloudwatch).
 *
 * Readers see every sample counted before them: each call first writes what memory holds.  Kept are minutes
 * of the last 15 days (AWS rolls them up to 5 minutes for 63 days and to hours for 455; here they go).  A
 * reader may cost one row per minute, series and unit: some 20,000 rows, about 10 ms, for the longest
 * possible range; more for many values. */
#ifndef WAYBILL_METRIC_READ_H
#define WAYBILL_METRIC_READ_H

#include "metric/metric.h"
#include "metric/values.h"

#define METRIC_RETENTION_MS ((int64_t)15 * 24 * 3600 * 1000)
#define METRIC_LISTED_MS \
    ((int64_t)14 * 24 * 3600 * 1000) /* ListMetrics tells of metrics counted in the last two weeks */

struct metric_query {
    struct metric_place place;
    struct str name;
    struct str unit;        /* absent: every unit, kept apart */
    int64_t from_ms, to_ms; /* minutes that begin in [from, to) */
    int64_t period_ms;      /* > 0; a period shorter than a minute holds one */
    int64_t origin_ms;      /* periods begin there and at whole periods from it */
    bool want_values;       /* point.values is filled */
};
struct metric_point {
    int64_t start_ms;
    struct str unit; /* in the arena of metric_read() */
    double count, sum, low, high;
    struct metric_values values; /* tidy; lost, or empty, where percentiles are not to be had */
};
struct metric_points {
    struct metric_point *v; /* owned; by time, then unit */
    size_t n, cap;
    size_t rows, value_bytes; /* read for it */
};
/* ret: {0} or filled before (it is emptied first). */
void metric_read(struct metrics *m, struct turn *t, struct arena *a, const struct metric_query *q,
                 struct metric_points *ret);
void metric_points_done(struct metric_points *p); /* fits CLEANUP */

/* Metrics an account has in a region, in order of namespace, name and dimensions. */
struct metric_listed {
    struct str space, name;
    struct metric_dimension *dimensions;
    size_t n_dimensions;
    struct str cursor; /* what list_query.after takes to go on behind it */
};
struct metric_list_query {
    struct str account, region;
    struct str space, name;                    /* absent: any */
    const struct metric_dimension *dimensions; /* all of them; value absent: any value */
    size_t n_dimensions;
    int64_t since_ms; /* counted since then */
    struct str after; /* absent: from the first */
};
/* At most `most` into v; everything lies in the arena.  Cost: at most the account's series there, 20,000
 * rows. */
size_t metric_list(struct metrics *m, struct turn *t, struct arena *a, const struct metric_list_query *q,
                   struct metric_listed *v, size_t most);

#endif
