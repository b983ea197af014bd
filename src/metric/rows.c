/* rows.c - the rows of series and minutes: written in blocks, dropped when they are old or too many.
 *
 * True here: a minute's key is its series' id and its minute side by side, so that a range of one series is
 * one range of keys.  A minute whose series has no row is nobody's and goes with the next walk; ids are not
 * given again while any is left.  Errors of writing are the turn's: its commit reports them. */
#include "metric/internal.h"

#define PRUNE_EVERY_MS ((int64_t)3600000)
#define PIECE_EVERY_MS 1
#define PIECE_ROWS 500
#define PIECE_LOOKS 50
#define DAY_MINUTES (24 * 60)
#define MINUTES_MOST ((int64_t)1 << 53) /* of all rows together, whatever they say */

static struct sql Q_SERIES =
    SQL("SELECT id, last_minute FROM metric_series WHERE account = $1 AND region = $2 AND space = $3 "
        "AND name = $4 AND dimensions = $5 AND unit = $6");
static struct sql Q_SERIES_NEW =
    SQL("INSERT INTO metric_series(id, account, region, space, name, dimensions, unit, last_minute, minutes) "
        "VALUES($1, $2, $3, $4, $5, $6, $7, $8, 0)");
static struct sql Q_SERIES_MINUTE =
    SQL("UPDATE metric_series SET last_minute = $2, minutes = minutes + 1 WHERE id = $1");
static struct sql Q_SERIES_LESS = SQL("UPDATE metric_series SET minutes = minutes - $2 WHERE id = $1");
static struct sql Q_SERIES_BY_ID = SQL("SELECT id FROM metric_series WHERE id = $1");
static struct sql Q_SERIES_SUMS =
    SQL("SELECT COUNT(*), COALESCE(SUM(minutes * 1.0), 0.0), COALESCE(MAX(id), 0) FROM metric_series");
static struct sql Q_SERIES_OLD = SQL(
    "DELETE FROM metric_series WHERE id IN (SELECT id FROM metric_series WHERE last_minute < $1 LIMIT $2)");
static struct sql Q_SERIES_LEAST = SQL(
    "DELETE FROM metric_series WHERE id IN (SELECT id FROM metric_series ORDER BY last_minute, id LIMIT $1)");
static struct sql Q_MINUTE = SQL("SELECT count, sum, low, high, body FROM metric_minute WHERE id = $1");
static struct sql Q_MINUTE_PUT =
    SQL("INSERT INTO metric_minute(id, count, sum, low, high, body) VALUES($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (id) DO UPDATE SET count = excluded.count, sum = excluded.sum, low = excluded.low, "
        "high = excluded.high, body = excluded.body");
static struct sql Q_MINUTE_LAST = SQL("SELECT COALESCE(MAX(id), 0) FROM metric_minute");
static struct sql Q_MINUTE_NEXT = SQL("SELECT id FROM metric_minute WHERE id >= $1 ORDER BY id LIMIT 1");
static struct sql Q_MINUTE_DROP =
    SQL("DELETE FROM metric_minute WHERE id IN (SELECT id FROM metric_minute WHERE id >= $1 AND id < $2 "
        "ORDER BY id LIMIT $3)");

static int64_t minute_key(int64_t series, int64_t minute)
{
    CHECK(series >= 0 && minute >= 0);
    return series << METRIC_SERIES_SHIFT | (minute & METRIC_MINUTE_MASK);
}

void metric_rows_counts(struct metrics *m, struct turn *t)
{
    CLEANUP(rows_done) struct rows sums = { 0 };
    CLEANUP(rows_done) struct rows last = { 0 };

    if (m->counted)
        return;
    store_query(t->store, &Q_SERIES_SUMS, &sums);
    if (!rows_next(&sums)) /* only a store in trouble has no row here: the turn will fail */
        return;
    m->n_series = rows_int(&sums, 0);
    m->n_minutes = (int64_t)MIN(MAX(rows_real(&sums, 1), 0.0), (double)MINUTES_MOST);
    store_query(t->store, &Q_MINUTE_LAST, &last);
    if (!rows_next(&last))
        return;
    m->next_id = MAX(rows_count(&sums, 2, METRIC_ID_MOST),
                     rows_count(&last, 0, METRIC_KEY_MOST) >> METRIC_SERIES_SHIFT) +
                 1;
    m->counted = true;
}

/* ---- dropping ---- */

static void prune_turn(void *arg, struct turn *t);

static void prune_begin(struct metrics *m, struct turn *t)
{
    if (m->pruning || t->ops == NULL || t->ops->real_timer == NULL)
        return;
    m->pruning = true;
    m->pruned_ms = t->now.wall_ms;
    m->prune_from = 0;
    m->prune_before = MAX(m->prune_before, t->now.wall_ms / MINUTE_MS - METRIC_RETENTION_MINUTES);
    t->ops->real_timer(t->engine, PIECE_EVERY_MS, prune_turn, m);
}

static bool series_exists(struct turn *t, int64_t id)
{
    CLEANUP(rows_done) struct rows r = { 0 };

    store_query(t->store, &Q_SERIES_BY_ID, &r, V_INT(id));
    return rows_next(&r);
}

static int64_t next_minute(struct turn *t, int64_t from)
{
    CLEANUP(rows_done) struct rows r = { 0 };

    store_query(t->store, &Q_MINUTE_NEXT, &r, V_INT(from));
    return rows_next(&r) ? rows_count(&r, 0, METRIC_KEY_MOST) : -1;
}

/* False: there is nothing left to look at. */
static bool prune_series(struct metrics *m, struct turn *t, int64_t *rows_left)
{
    int64_t key = next_minute(t, m->prune_from), series = key >> METRIC_SERIES_SHIFT;
    bool exists;
    int64_t n;

    if (key < 0)
        return false;
    exists = series_exists(t, series);
    n = store_exec(t->store, &Q_MINUTE_DROP, V_INT(minute_key(series, 0)),
                   V_INT(exists ? minute_key(series, MAX(m->prune_before, (int64_t)0))
                                : minute_key(series + 1, 0)),
                   V_INT(*rows_left));
    if (n > 0 && exists) {
        store_exec(t->store, &Q_SERIES_LESS, V_INT(series), V_INT(n));
        m->n_minutes -= n;
    }
    if (n < *rows_left)
        m->prune_from = minute_key(series + 1, 0);
    *rows_left -= MAX(n, (int64_t)0);
    return true;
}

/* True: there is more to do. */
static bool prune_piece(struct metrics *m, struct turn *t)
{
    int64_t rows_left = PIECE_ROWS;
    int n;

    metric_rows_counts(m, t);
    for (int looks = 0; looks < PIECE_LOOKS && rows_left > 0; looks++)
        if (!prune_series(m, t, &rows_left)) {
            n = store_exec(t->store, &Q_SERIES_OLD, V_INT(m->prune_before), V_INT(PIECE_ROWS));
            if (n > 0) {
                m->n_series -= n;
                metric_forget_ids(m);
            }
            return n == PIECE_ROWS;
        }
    return true;
}

static void prune_turn(void *arg, struct turn *t)
{
    struct metrics *m = CAST(struct metrics, METRICS_MAGIC, arg);

    CHECK(m->pruning);
    m->pruning = prune_piece(m, t);
    if (m->pruning) {
        t->ops->real_timer(t->engine, PIECE_EVERY_MS, prune_turn, m);
    } else if (m->n_minutes > METRIC_MINUTES_MOST && m->prune_before < t->now.wall_ms / MINUTE_MS) {
        m->prune_before += DAY_MINUTES;
        prune_begin(m, t);
    } else {
        m->prune_before = 0;
    }
}

/* The least recently counted make room.  Their minutes are nobody's now. */
static void drop_series(struct metrics *m, struct turn *t)
{
    int n = store_exec(t->store, &Q_SERIES_LEAST, V_INT(METRIC_SERIES_MOST / 20));

    if (n <= 0)
        return;
    metric_forget_ids(m);
    m->counted = false; /* their minutes count no more */
    metric_rows_counts(m, t);
    prune_begin(m, t);
}

/* ---- writing ---- */

static void series_id_find(struct metrics *m, struct turn *t, struct metric_series *s)
{
    CLEANUP(rows_done) struct rows r = { 0 };

    store_query(t->store, &Q_SERIES, &r, V_TEXT(s->account), V_TEXT(s->region), V_TEXT(s->space),
                V_TEXT(s->name), V_TEXT(s->dimensions), V_TEXT(s->unit));
    if (rows_next(&r)) {
        s->id = rows_count(&r, 0, METRIC_ID_MOST);
        s->last_minute = metric_last_minute(&r, 1);
        return;
    }
    rows_done(&r);
    if (m->n_series >= METRIC_SERIES_MOST)
        drop_series(m, t);
    s->id = m->next_id++;
    s->last_minute = -1;
    m->n_series++;
    store_exec(t->store, &Q_SERIES_NEW, V_INT(s->id), V_TEXT(s->account), V_TEXT(s->region), V_TEXT(s->space),
               V_TEXT(s->name), V_TEXT(s->dimensions), V_TEXT(s->unit), V_INT(s->last_minute));
}

static void series_id(struct metrics *m, struct turn *t, struct metric_series *s)
{
    series_id_find(m, t, s);
    for (struct metric_bucket *b = s->buckets; b != NULL && s->id != s->old_id; b = b->next)
        b->stored = false;
    s->old_id = s->id;
}

/* What the row says is added to what the bucket counted since. */
static void bucket_complete(struct turn *t, const struct metric_series *s, struct metric_bucket *b)
{
    CLEANUP(rows_done) struct rows r = { 0 };

    b->whole = true;
    if (b->minute > s->last_minute)
        return;
    store_query(t->store, &Q_MINUTE, &r, V_INT(minute_key(s->id, b->minute)));
    b->stored = rows_next(&r);
    if (!b->stored)
        return;
    b->count += rows_real(&r, 0);
    b->sum += rows_real(&r, 1);
    b->low = MIN(b->low, rows_real(&r, 2));
    b->high = MAX(b->high, rows_real(&r, 3));
    if (!rows_null(&r, 4))
        metric_values_decode(&b->values, rows_text(&r, 4));
    else if (rows_real(&r, 2) < rows_real(&r, 3) || rows_real(&r, 2) < 0)
        metric_values_lose(&b->values);
    else
        metric_values_add(&b->values, rows_real(&r, 2), rows_real(&r, 0));
}

static void bucket_write(struct metrics *m, struct turn *t, struct metric_series *s, struct metric_bucket *b)
{
    CLEANUP(buf_done) struct buf body = { 0 };
    bool singly;

    if (!b->whole)
        bucket_complete(t, s, b);
    singly = b->low < b->high && !b->values.lost;
    if (singly)
        metric_values_encode(&b->values, &body);
    store_exec(t->store, &Q_MINUTE_PUT, V_INT(minute_key(s->id, b->minute)), V_REAL(b->count), V_REAL(b->sum),
               V_REAL(b->low), V_REAL(b->high), singly ? V_BLOB(buf_view(&body)) : V_NULL);
    CHECK(m->n_dirty > 0);
    b->dirty = false;
    m->n_dirty--;
    if (b->stored)
        return;
    b->stored = true;
    s->last_minute = MAX(s->last_minute, b->minute);
    m->n_minutes++;
    store_exec(t->store, &Q_SERIES_MINUTE, V_INT(s->id), V_INT(s->last_minute));
}

/* The bucket counted in last stays while its minute may still run; -1: not all of the dirty ones fitted. */
static int series_write(struct metrics *m, struct turn *t, struct metric_series *s, size_t most)
{
    size_t n = 0;

    if (s->id == 0)
        series_id(m, t, s);
    for (struct metric_bucket **at = &s->buckets, *b; (b = *at) != NULL;) {
        if (b->dirty && n == most)
            return -1;
        if (b->dirty) {
            bucket_write(m, t, s, b);
            n++;
        }
        if (b->minute >= t->now.wall_ms / MINUTE_MS) {
            at = &b->next;
        } else {
            *at = b->next;
            metric_bucket_free(b);
        }
    }
    return (int)n;
}

bool metric_rows_flush(struct metrics *m, struct turn *t, size_t most)
{
    struct link *k;

    if (list_empty(&m->dirty))
        return true;
    metric_rows_counts(m, t);
    while ((k = list_first(&m->dirty)) != NULL) {
        struct metric_series *s = CONTAINER_OF(k, struct metric_series, dirty);
        int n = series_write(m, t, s, most);

        CHECK_IS(s, METRIC_SERIES_MAGIC);
        CHECK(n < 0 || (size_t)n <= most);
        if (n < 0)
            return false;
        list_remove(k);
        most -= (size_t)n;
    }
    if (m->n_minutes > METRIC_MINUTES_MOST && !m->pruning)
        m->prune_before =
            MAX(m->prune_before, t->now.wall_ms / MINUTE_MS - METRIC_RETENTION_MINUTES) + DAY_MINUTES;
    if (m->n_minutes > METRIC_MINUTES_MOST || t->now.wall_ms - m->pruned_ms >= PRUNE_EVERY_MS)
        prune_begin(m, t);
    return true;
}
