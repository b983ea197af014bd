/* values.h - which values a metric took and how often: what percentiles are made of.
 *
 * CloudWatch keeps value and count pairs; so does this, exactly as long as there are at most `most` different
 * values. Beyond that, values are rounded until they fit: the low bits of their binary form are dropped (7
 * significant bits are kept at first, an error of at most 0.4 %; fewer when the values still spread too
 * wide), and a rounded value is the middle of what it stands for.  Zero stays zero.  Counts are never
 * rounded.
 *
 * Values that are not known one by one (a StatisticSet of several, or negative ones, for which CloudWatch
 * offers no percentiles) make the whole `lost`: nothing is kept from then on.
 *
 * {0} is empty; metric_values_done() frees.  Adding allocates only when there is no room: 16, 32 ... pairs.
 */
#ifndef WAYBILL_METRIC_VALUES_H
#define WAYBILL_METRIC_VALUES_H

#include "base/buf.h"

#define METRIC_VALUES_MOST 128       /* of a stored minute */
#define METRIC_VALUES_READ_MOST 1024 /* of a period that was put together for a reader */
#define METRIC_VALUES_NEAR 4         /* how many of the first pairs are looked at before one is added */

struct metric_pair {
    double value, count;
};

struct metric_values {
    struct metric_pair *v; /* owned; the sorted ones first */
    uint32_t n, cap;
    uint32_t sorted;      /* so many of the first rise strictly and are rounded */
    uint16_t most;        /* 0: METRIC_VALUES_MOST */
    uint8_t dropped_bits; /* 0: exact */
    bool lost;
};

void metric_values_done(struct metric_values *x); /* frees and zeroes */
void metric_values_put(struct metric_values *x, double value,
                       double count); /* metric_values_add() for a value not near */
/* Sorted by value, each value once, at most x->most of them. */
void metric_values_tidy(struct metric_values *x);
void metric_values_lose(struct metric_values *x);
void metric_values_check(const struct metric_values *x); /* CHECKs what values.c says is true: for tests */
void metric_values_merge(struct metric_values *x, const struct metric_values *from);

/* The hot path: a value seen a moment ago costs a comparison or two.  value: finite; count > 0. */
static inline void metric_values_add(struct metric_values *x, double value, double count)
{
    uint32_t near = MIN(x->n, (uint32_t)METRIC_VALUES_NEAR);

    if (x->lost)
        return;
    for (uint32_t i = 0; i < near; i++)
        if (x->v[i].value == value) {
            x->v[i].count += count;
            return;
        }
    metric_values_put(x, value, count);
}

/* As stored: per pair one byte (how many leading bytes of the value follow, 0x10 for a count that is no small
 * whole number), those bytes, the count as varint or as 8 bytes.  About 4 bytes for a small whole value.
 * Tidies x. */
void metric_values_encode(struct metric_values *x, struct buf *b);
/* Adds what a stored body holds.  -E_INVALID: damaged; what stands before the damage is added. */
int metric_values_decode(struct metric_values *x, struct str body);

/* What stands between two bounds, both of them percentiles or both values ("tm", "wm", "ts", "tc", "PR"). */
struct metric_trim {
    double count, sum;
};
/* The smallest value that at least `percent` of the samples do not exceed: always one that was seen
 * (UNVERIFIED how AWS chooses between two).  x is tidy and not empty, 0 <= percent <= 100. */
double metric_values_percentile(const struct metric_values *x, double percent);
/* Samples of ranks (from, to] percent, shared ones in proportion. */
struct metric_trim metric_values_ranks(const struct metric_values *x, double from, double to);
/* Samples with from < value <= to. */
struct metric_trim metric_values_between(const struct metric_values *x, double from, double to);

#endif
