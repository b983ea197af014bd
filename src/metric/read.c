/* read.c - ranges of minutes put together to periods; the list of what there is.
 * Points are in the order of their time while one series is read, and sorted once when several were. */
#include "metric/read.h"

#include <stdlib.h>

#include "metric/internal.h"

#define UNITS_MOST 64

static struct sql Q_UNITS =
    SQL("SELECT id, unit FROM metric_series WHERE account = $1 AND region = $2 AND space = $3 AND name = $4 "
        "AND dimensions = $5 ORDER BY unit LIMIT $6");
static struct sql Q_RANGE =
    SQL("SELECT id, count, sum, low, high, body FROM metric_minute WHERE id >= $1 AND id < $2 ORDER BY id");
static struct sql Q_RANGE_SUMS =
    SQL("SELECT id, count, sum, low, high FROM metric_minute WHERE id >= $1 AND id < $2 ORDER BY id");
static struct sql Q_LIST =
    SQL("SELECT space, name, dimensions, last_minute FROM metric_series WHERE account = $1 AND region = $2 "
        "AND (space, name, dimensions) > ($3, $4, $5) ORDER BY space, name, dimensions");
static struct sql Q_LIST_SPACE =
    SQL("SELECT space, name, dimensions, last_minute FROM metric_series WHERE account = $1 AND region = $2 "
        "AND space = $3 AND (name, dimensions) > ($4, $5) ORDER BY space, name, dimensions");

/* ---- points ---- */

void metric_points_done(struct metric_points *p)
{
    for (size_t i = 0; i < p->n; i++)
        metric_values_done(&p->v[i].values);
    free(p->v);
    *p = (struct metric_points){ 0 };
}

static int64_t floored(int64_t ms, int64_t origin_ms, int64_t period_ms)
{
    int64_t off = (ms - origin_ms) % period_ms;

    return ms - (off < 0 ? off + period_ms : off);
}

static struct metric_point *point_of(struct metric_points *p, const struct metric_query *q, struct str unit,
                                     int64_t minute_ms)
{
    /* A minute cannot be cut: in periods shorter than itself it stands where it begins. */
    int64_t start_ms = floored(minute_ms, q->origin_ms, q->period_ms);
    struct metric_point *x = p->n > 0 ? &p->v[p->n - 1] : NULL;

    if (x != NULL && x->start_ms == start_ms && str_eq(x->unit, unit))
        return x;
    if (p->n == p->cap) {
        p->cap = p->cap > 0 ? p->cap * 2 : 16;
        p->v = xrealloc(p->v, p->cap * sizeof(*p->v));
    }
    x = &p->v[p->n++];
    *x = (struct metric_point){ .start_ms = start_ms,
                                .unit = unit,
                                .values = { .most = METRIC_VALUES_READ_MOST } };
    return x;
}

static void add_values(struct metric_points *p, struct metric_point *x, struct rows *r)
{
    double low = rows_real(r, 3), high = rows_real(r, 4);

    if (!rows_null(r, 5)) {
        metric_values_decode(&x->values, rows_text(r, 5));
        p->value_bytes += rows_text(r, 5).n;
    } else if (low < high || low < 0)
        metric_values_lose(&x->values);
    else
        metric_values_add(&x->values, low, rows_real(r, 1));
}

static void add_row(struct metric_points *p, const struct metric_query *q, struct str unit, struct rows *r)
{
    int64_t minute = rows_count(r, 0, METRIC_KEY_MOST) & METRIC_MINUTE_MASK;
    struct metric_point *x = point_of(p, q, unit, minute * MINUTE_MS);

    x->low = x->count > 0 ? MIN(x->low, rows_real(r, 3)) : rows_real(r, 3);
    x->high = x->count > 0 ? MAX(x->high, rows_real(r, 4)) : rows_real(r, 4);
    x->count += rows_real(r, 1);
    x->sum += rows_real(r, 2);
    if (q->want_values)
        add_values(p, x, r);
    p->rows++;
}

/* The first minute that begins at or after ms. */
static int64_t minute_from(int64_t ms) { return MAX(ms + MINUTE_MS - 1, (int64_t)0) / MINUTE_MS; }

static void read_series(struct turn *t, const struct metric_query *q, int64_t id, struct str unit,
                        struct metric_points *p)
{
    CLEANUP(rows_done) struct rows r = { 0 };
    int64_t from = minute_from(MAX(q->from_ms, t->now.wall_ms - METRIC_RETENTION_MS)),
            to = minute_from(q->to_ms);

    if (from >= to)
        return;
    store_query(t->store, q->want_values ? &Q_RANGE : &Q_RANGE_SUMS, &r,
                V_INT(id << METRIC_SERIES_SHIFT | from),
                V_INT(id << METRIC_SERIES_SHIFT | MIN(to, METRIC_MINUTE_MASK)));
    while (rows_next(&r))
        add_row(p, q, unit, &r);
}

static int by_time(const void *a, const void *b)
{
    const struct metric_point *x = a, *y = b;

    if (x->start_ms != y->start_ms)
        return x->start_ms < y->start_ms ? -1 : 1;
    return str_cmp(x->unit, y->unit);
}

void metric_read(struct metrics *m, struct turn *t, struct arena *a, const struct metric_query *q,
                 struct metric_points *ret)
{
    CLEANUP(buf_done) struct buf dimensions = { 0 };
    struct str unit[UNITS_MOST];
    int64_t id[UNITS_MOST];
    struct rows r;
    size_t n = 0;

    CHECK(q->period_ms > 0);
    metric_points_done(ret);
    metrics_flush(m, t);
    store_query(t->store, &Q_UNITS, &r, V_TEXT(q->place.account), V_TEXT(q->place.region),
                V_TEXT(q->place.space), V_TEXT(q->name),
                V_TEXT(metric_dimensions_text(&dimensions, q->place.dimensions, q->place.n_dimensions)),
                V_INT(UNITS_MOST));
    while (rows_next(&r))
        if (str_absent(q->unit) || str_eq(q->unit, rows_text(&r, 1))) {
            id[n] = rows_count(&r, 0, METRIC_ID_MOST);
            unit[n++] = arena_str(a, rows_text(&r, 1));
        }
    rows_done(&r);
    for (size_t i = 0; i < n; i++)
        read_series(t, q, id[i], unit[i], ret);
    if (n > 1 && ret->n > 1)
        qsort(ret->v, ret->n, sizeof(*ret->v), by_time);
    for (size_t i = 0; i < ret->n; i++)
        if (ret->v[i].values.n > 0)
            metric_values_tidy(&ret->v[i].values);
}

/* ---- the list ---- */

static void dimensions_parse(struct arena *a, struct str text, struct metric_listed *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == DIMENSION_END;
    ret->dimensions = arena_calloc(a, n, sizeof(*ret->dimensions));
    for (; ret->n_dimensions < n; ret->n_dimensions++) {
        struct metric_dimension *d = &ret->dimensions[ret->n_dimensions];

        str_cut(&text, DIMENSION_END, &d->value);
        str_cut(&d->value, DIMENSION_MIDDLE, &d->name);
    }
}

static bool has(const struct metric_listed *x, const struct metric_dimension *wanted)
{
    for (size_t i = 0; i < x->n_dimensions; i++)
        if (str_eq(x->dimensions[i].name, wanted->name) &&
            (str_absent(wanted->value) || str_eq(x->dimensions[i].value, wanted->value)))
            return true;
    return false;
}

static bool asked_for(const struct metric_list_query *q, const struct metric_listed *x)
{
    if (!str_absent(q->name) && !str_eq(q->name, x->name))
        return false;
    for (size_t i = 0; i < q->n_dimensions; i++)
        if (!has(x, &q->dimensions[i]))
            return false;
    return true;
}

static struct str cursor_text(struct arena *a, struct str space, struct str name, struct str dimensions)
{
    char *p = arena_alloc(a, space.n + name.n + dimensions.n + 2), *at = p;

    at = (char *)memcpy(at, space.p, space.n) + space.n;
    *at++ = '\0';
    at = (char *)memcpy(at, name.p, name.n) + name.n;
    *at++ = '\0';
    memcpy(at, dimensions.p, dimensions.n);
    return str_make(p, space.n + name.n + dimensions.n + 2);
}

static struct str part(struct str *rest)
{
    struct str s;

    return str_cut(rest, '\0', &s) ? s : STR("");
}

static void list_query(struct turn *t, const struct metric_list_query *q, struct rows *ret)
{
    struct str rest = q->after, space = part(&rest), name = part(&rest), dimensions = part(&rest);

    if (str_absent(q->space)) {
        store_query(t->store, &Q_LIST, ret, V_TEXT(q->account), V_TEXT(q->region), V_TEXT(space),
                    V_TEXT(name), V_TEXT(dimensions));
        return;
    }
    if (!str_eq(space, q->space))
        name = dimensions = STR("");
    store_query(t->store, &Q_LIST_SPACE, ret, V_TEXT(q->account), V_TEXT(q->region), V_TEXT(q->space),
                V_TEXT(name), V_TEXT(dimensions));
}

size_t metric_list(struct metrics *m, struct turn *t, struct arena *a, const struct metric_list_query *q,
                   struct metric_listed *v, size_t most)
{
    CLEANUP(rows_done) struct rows r = { 0 };
    size_t n = 0;

    metrics_flush(m, t);
    list_query(t, q, &r);
    while (n < most && rows_next(&r)) {
        struct metric_listed x = { .space = rows_text(&r, 0), .name = rows_text(&r, 1) };

        if (metric_last_minute(&r, 3) * MINUTE_MS + MINUTE_MS <= q->since_ms)
            continue;
        x.cursor = cursor_text(a, x.space, x.name, rows_text(&r, 2));
        if (n > 0 && str_eq(v[n - 1].cursor, x.cursor)) /* the same in another unit */
            continue;
        x.space = str_make(x.cursor.p, x.space.n);
        x.name = str_make(x.cursor.p + x.space.n + 1, x.name.n);
        dimensions_parse(a, str_sub(x.cursor, x.space.n + x.name.n + 2, x.cursor.n), &x);
        if (asked_for(q, &x))
            v[n++] = x;
    }
    return n;
}
