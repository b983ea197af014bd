/* internal.h - what metric.c (samples in memory) and rows.c (their rows) share.
 *
 * A series in memory has buckets, one per minute counted lately.  A bucket is `whole` when it holds
 * everything that was ever counted in its minute, so that writing it replaces the row; otherwise the row is
 * read and merged first.  Samples of the running minute never meet a row: their bucket is whole from the
 * start, unless the server was restarted.
 *
 *     sample ──► bucket (dirty) ──flush, once a second──► row   bucket of a past minute: freed once written
 *
 * Nothing is allocated before the first sample. */
#ifndef WAYBILL_METRIC_INTERNAL_H
#define WAYBILL_METRIC_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "metric/metric.h"
#include "metric/values.h"

#define MINUTE_MS 60000
#define METRIC_RETENTION_MINUTES (15 * 24 * 60)
#define METRIC_MINUTES_MOST 2000000 /* rows of metric_minute; the oldest day goes when there are more */
#define METRIC_PENDING_MOST 200     /* buckets that wait to be written after metrics_bound() */
#define METRIC_FLUSH_MOST 1000      /* rows written in one turn while nobody waits for them */
/* A minute's key is its series' id and the minute side by side (rows.c). */
#define METRIC_SERIES_SHIFT 32
#define METRIC_MINUTE_MASK (((int64_t)1 << METRIC_SERIES_SHIFT) - 1)
#define METRIC_ID_MOST ((int64_t)1 << 30) /* of a series: they count up */
#define METRIC_KEY_MOST (METRIC_ID_MOST << METRIC_SERIES_SHIFT | METRIC_MINUTE_MASK)
#define DIMENSION_MIDDLE '\1'
#define DIMENSION_END '\2'

struct metric_bucket {
    struct metric_bucket *next;
    int64_t minute;
    double count, sum, low, high;
    struct metric_values values;
    bool dirty, whole;
    bool stored; /* its row exists, under the series' old_id */
};

struct metric_series {
    uint32_t magic;
#define METRIC_SERIES_MAGIC 0x3e791c5eu
    struct link dirty; /* in metrics.dirty while any bucket is */
    struct str account, region, space, name, dimensions,
        unit; /* owned: one block, account.p, which is the map's key */
    size_t key_n;
    int64_t id;                    /* 0: its row has not been asked for */
    int64_t old_id;                /* the id last known: buckets are `stored` under it */
    int64_t last_minute;           /* the newest its row knows of; below 0: none.  With id only */
    struct metric_bucket *buckets; /* the one counted in last comes first */
};

/* The Lambda metrics of one function as one caller names it: where its samples go, found once. */
struct function_place {
    struct str account, region, name, resource, version; /* owned: one block, account.p */
    uint32_t generation;                                 /* of metrics, when the rows were found */
    struct metric_series **row;                          /* [metric][dimension set]; NULL: not found yet */
};

/* The last_minute of a series' row. */
static inline int64_t metric_last_minute(struct rows *r, int column)
{
    return rows_int(r, column) < 0 ? -1 : rows_count(r, column, METRIC_MINUTE_MASK);
}

struct metrics {
    uint32_t magic;
#define METRICS_MAGIC 0x3e791c01u
    struct map series; /* by the six names joined by NUL */
    struct list dirty;
    size_t n_dirty;                 /* buckets */
    struct buf scratch;             /* keys */
    struct function_place **places; /* PLACES of them, by hash; NULL before the first */
    uint32_t generation;            /* counts removals from `series`: pointers found before are void */
    uint32_t flushes;
    bool timer_wanted; /* a flush is on its way */

    bool counted; /* the three below were read from the store */
    int64_t n_series, n_minutes, next_id;
    /* One walk over the rows at a time, in pieces, each a turn of its own (metric_prune_piece). */
    bool pruning;
    int64_t pruned_ms;    /* when the last walk began; 0: never */
    int64_t prune_from;   /* key of metric_minute the next piece looks at */
    int64_t prune_before; /* minutes before this one go */
};

/* metric.c */
struct str metric_dimensions_text(struct buf *b, const struct metric_dimension *v,
                                  size_t n); /* canonical; in b */
void metric_forget_ids(struct metrics *m);   /* rows of series have gone: every id is asked for again */
void metric_bucket_free(struct metric_bucket *b);
/* Only these dimension sets: bit 0 none, 1 FunctionName, 2 + Resource, 3 + ExecutedVersion. */
void metric_function_sets(struct turn *t, struct str account, struct str region, struct str name,
                          struct str resource, struct str version, const char *metric, double value,
                          const char *unit, int64_t at_ms, unsigned sets);

/* rows.c.  At most `most` rows; true: all are written. */
bool metric_rows_flush(struct metrics *m, struct turn *t, size_t most);
void metric_rows_counts(struct metrics *m, struct turn *t); /* once, lazily */

#endif
