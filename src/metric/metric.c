/* metric.c - samples added up by minute and series.
 *
 * True here: a series is on `dirty` exactly while one of its buckets is; while it is not empty a flush is on
 * its way, if the turn that counted had timers.  A function_place of an older generation points nowhere and
 * is filled again. */
#include <stdlib.h>

#include "metric/internal.h"

#define FLUSH_AFTER_MS 1000
#define MORE_AFTER_MS 1 /* while not all is written */
#define FLUSHES_PER_SWEEP 256
#define IDLE_MINUTES 5
#define PLACES 64
#define FUNCTION_SETS 4
#define VERSION_SET 8u

static const char *const function_metrics[] = {
    "AsyncEventsReceived",
    "Invocations",
    "Errors",
    "Throttles",
    "Duration",
    "AsyncEventAge",
    "AsyncEventsDropped",
    "ConcurrentExecutions",
    "UnreservedConcurrentExecutions",
    "ClaimedAccountConcurrency",
    "DestinationDeliveryFailures",
    "DeadLetterErrors",
    "RecursiveInvocationsDropped",
};

/* ---- names ---- */

static int by_name(const void *a, const void *b)
{
    const struct metric_dimension *x = a, *y = b;
    int r = str_cmp(x->name, y->name);

    return r != 0 ? r : str_cmp(x->value, y->value);
}

/* The two separators, and NUL, which ends a key's part, cannot stand in a name. */
static void put_clean(struct buf *b, struct str s)
{
    buf_reserve(b, s.n);
    for (size_t i = 0; i < s.n; i++)
        b->p[b->n++] = (unsigned char)s.p[i] < ' ' ? '?' : s.p[i];
}

struct str metric_dimensions_text(struct buf *b, const struct metric_dimension *v, size_t n)
{
    struct metric_dimension sorted[METRIC_DIMENSIONS_MOST];
    size_t from = b->n;

    n = MIN(n, (size_t)METRIC_DIMENSIONS_MOST);
    if (n > 0)
        memcpy(sorted, v, n * sizeof(*v));
    if (n > 1)
        qsort(sorted, n, sizeof(*sorted), by_name);
    buf_reserve(b, 0);
    for (size_t i = 0; i < n; i++) {
        put_clean(b, sorted[i].name);
        buf_char(b, DIMENSION_MIDDLE);
        put_clean(b, sorted[i].value);
        buf_char(b, DIMENSION_END);
    }
    return str_make(b->p + from, b->n - from);
}

static void key_text(struct buf *b, const struct metric_place *p, struct str name, struct str unit)
{
    const struct str parts[] = { p->account, p->region, p->space, name };

    buf_clear(b);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        put_clean(b, parts[i]);
        buf_char(b, '\0');
    }
    metric_dimensions_text(b, p->dimensions, p->n_dimensions);
    buf_char(b, '\0');
    buf_str(b, unit);
}

/* ---- series ---- */

static struct metric_series *series_new(struct metrics *m, struct str key)
{
    struct metric_series *s = xcalloc(1, sizeof(*s));
    struct str rest = str_make(memcpy(xmalloc(key.n + 1), key.p, key.n), key.n);
    struct str *const parts[] = { &s->account, &s->region, &s->space, &s->name, &s->dimensions };

    s->magic = METRIC_SERIES_MAGIC;
    s->key_n = key.n;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        CHECK(str_cut(&rest, '\0', parts[i]));
    s->unit = rest;
    CHECK(map_put(&m->series, key, s) == NULL);
    return s;
}

void metric_bucket_free(struct metric_bucket *b)
{
    metric_values_done(&b->values);
    free(b);
}

static void series_free(struct metric_series *s)
{
    CHECK_IS(s, METRIC_SERIES_MAGIC);
    s->magic = 0;
    for (struct metric_bucket *b = s->buckets, *next; b != NULL; b = next) {
        next = b->next;
        metric_bucket_free(b);
    }
    list_remove(&s->dirty);
    free((char *)s->account.p);
    free(s);
}

static void sweep(struct metrics *m, int64_t before_minute)
{
    struct metric_series **gone = xmalloc(MAX(m->series.n, (size_t)1) * sizeof(struct metric_series *));
    struct str key;
    void *value;
    size_t n = 0;

    for (size_t i = 0; map_next(&m->series, &i, &key, &value);) {
        struct metric_series *s = CAST(struct metric_series, METRIC_SERIES_MAGIC, value);

        if (!link_on(&s->dirty) && (s->buckets == NULL || s->buckets->minute < before_minute))
            gone[n++] = s;
    }
    for (size_t i = 0; i < n; i++) {
        CHECK(map_del(&m->series, str_make(gone[i]->account.p, gone[i]->key_n)) == gone[i]);
        series_free(gone[i]);
    }
    m->generation += n > 0;
    free(gone);
}

static struct metric_series *series_of(struct metrics *m, struct turn *t, const struct metric_place *p,
                                       const char *name, const char *unit)
{
    struct metric_series *s;

    CHECK_IS(m, METRICS_MAGIC);
    key_text(&m->scratch, p, str_of(name), str_of(unit));
    s = map_get(&m->series, buf_view(&m->scratch));
    if (s != NULL)
        return s;
    if (m->series.n >= METRIC_SERIES_MOST) {
        metric_rows_flush(m, t, SIZE_MAX);
        sweep(m, INT64_MAX);
        key_text(&m->scratch, p, str_of(name), str_of(unit));
    }
    return series_new(m, buf_view(&m->scratch));
}

void metric_forget_ids(struct metrics *m)
{
    struct str key;
    void *value;

    for (size_t i = 0; map_next(&m->series, &i, &key, &value);)
        CAST(struct metric_series, METRIC_SERIES_MAGIC, value)->id = 0;
}

/* ---- counting ---- */

static void flush_late(void *arg, struct turn *t)
{
    struct metrics *m = CAST(struct metrics, METRICS_MAGIC, arg);

    m->timer_wanted = false;
    if (!metric_rows_flush(m, t, METRIC_FLUSH_MOST)) {
        m->timer_wanted = true;
        t->ops->real_timer(t->engine, MORE_AFTER_MS, flush_late, m);
    }
    if (++m->flushes % FLUSHES_PER_SWEEP == 0)
        sweep(m, t->now.wall_ms / MINUTE_MS - IDLE_MINUTES);
}

static __attribute__((noinline)) void mark(struct metrics *m, struct turn *t, struct metric_series *s,
                                           struct metric_bucket *b)
{
    CHECK_IS(s, METRIC_SERIES_MAGIC);
    CHECK(!b->dirty && s->buckets == b);
    b->dirty = true;
    m->n_dirty++;
    if (!link_on(&s->dirty))
        list_append(&m->dirty, &s->dirty);
    if (m->timer_wanted || t->ops == NULL || t->ops->real_timer == NULL)
        return;
    m->timer_wanted = true;
    t->ops->real_timer(t->engine, FLUSH_AFTER_MS, flush_late, m);
}

/* Comes first afterwards. */
static __attribute__((noinline)) struct metric_bucket *bucket_find(struct metric_series *s, int64_t minute)
{
    struct metric_bucket **at = &s->buckets, *b;

    while (*at != NULL && (*at)->minute != minute)
        at = &(*at)->next;
    b = *at;
    if (b != NULL) {
        *at = b->next;
    } else {
        b = xcalloc(1, sizeof(*b));
        b->minute = minute;
    }
    b->next = s->buckets;
    return s->buckets = b;
}

static inline struct metric_bucket *bucket_of(struct metrics *m, struct turn *t, struct metric_series *s,
                                              int64_t at_ms)
{
    int64_t minute = MAX(at_ms, (int64_t)0) / MINUTE_MS;
    struct metric_bucket *b = s->buckets;

    if (b == NULL || b->minute != minute)
        b = bucket_find(s, minute);
    if (!b->dirty)
        mark(m, t, s, b);
    return b;
}

static inline void bucket_sums(struct metric_bucket *b, double count, double sum, double low, double high)
{
    b->low = b->count > 0 ? MIN(b->low, low) : low;
    b->high = b->count > 0 ? MAX(b->high, high) : high;
    b->count += count;
    b->sum += sum;
}

static inline void bucket_value(struct metric_bucket *b, double value, double count)
{
    bucket_sums(b, count, value * count, value, value);
    if (value < 0)
        metric_values_lose(&b->values);
    metric_values_add(&b->values, value, count);
}

void metric_add(struct turn *t, const struct metric_place *p, const char *name, double value,
                const char *unit, int64_t at_ms)
{
    if (t->metrics != NULL)
        bucket_value(bucket_of(t->metrics, t, series_of(t->metrics, t, p, name, unit), at_ms), value, 1);
}

void metric_add_pairs(struct turn *t, const struct metric_place *p, const char *name,
                      const struct metric_pair *v, size_t n, const char *unit, int64_t at_ms)
{
    struct metric_bucket *b;

    if (t->metrics == NULL || n == 0)
        return;
    b = bucket_of(t->metrics, t, series_of(t->metrics, t, p, name, unit), at_ms);
    for (size_t i = 0; i < n; i++)
        bucket_value(b, v[i].value, v[i].count);
}

void metric_add_sums(struct turn *t, const struct metric_place *p, const char *name, double count, double sum,
                     double low, double high, const char *unit, int64_t at_ms)
{
    struct metric_bucket *b;

    if (t->metrics == NULL)
        return;
    b = bucket_of(t->metrics, t, series_of(t->metrics, t, p, name, unit), at_ms);
    bucket_sums(b, count, sum, low, high);
    if (low < 0 || (low < high && count != 1))
        metric_values_lose(&b->values);
    else
        metric_values_add(&b->values, low, count);
}

/* ---- functions ---- */

static void place_free(struct function_place *p)
{
    if (p == NULL)
        return;
    free((char *)p->of.account.p);
    free(p->row);
    free(p);
}

static bool place_is(const struct metric_function *p, const struct metric_function *f)
{
    return str_eq(p->resource, f->resource) && str_eq(p->name, f->name) && str_eq(p->account, f->account) &&
           str_eq(p->region, f->region) && str_eq(p->version, f->version);
}

static struct function_place *place_new(const struct metric_function *f)
{
    const struct str from[] = { f->account, f->region, f->name, f->resource, f->version };
    struct function_place *p = xcalloc(1, sizeof(*p));
    struct metric_function *o = &p->of;
    struct str *const to[] = { &o->account, &o->region, &o->name, &o->resource, &o->version };
    char *at = xmalloc(f->account.n + f->region.n + f->name.n + f->resource.n + f->version.n + 1);

    for (size_t i = 0; i < ARRAY_LEN(to); i++) {
        if (from[i].n > 0)
            memcpy(at, from[i].p, from[i].n);
        *to[i] = str_make(at, from[i].n);
        at += from[i].n;
    }
    p->row = xcalloc(ARRAY_LEN(function_metrics) * FUNCTION_SETS, sizeof(*p->row));
    return p;
}

static struct function_place *place_of(struct metrics *m, const struct metric_function *f)
{
    struct function_place **at;

    CHECK_IS(m, METRICS_MAGIC);
    if (m->places == NULL)
        m->places = xcalloc(PLACES, sizeof(*m->places));
    at = &m->places[(hash_bytes(f->resource.p, f->resource.n) + f->version.n) % PLACES];
    if (*at == NULL || !place_is(&(*at)->of, f)) {
        place_free(*at);
        *at = place_new(f);
    } else if ((*at)->generation != m->generation) {
        memset((*at)->row, 0, ARRAY_LEN(function_metrics) * FUNCTION_SETS * sizeof(*(*at)->row));
    }
    (*at)->generation = m->generation;
    return *at;
}

/* A published version tells by its number what ran; only "name:$LATEST" and "name:alias" have a set per
 * version. */
static bool leaves_version_open(struct str name, struct str resource)
{
    for (size_t i = name.n + 1; i < resource.n; i++)
        if (resource.p[i] < '0' || resource.p[i] > '9')
            return true;
    return false;
}

static struct metric_series *function_series(struct metrics *m, struct turn *t,
                                             const struct function_place *p, unsigned set, const char *metric,
                                             const char *unit)
{
    const struct metric_dimension dimensions[] = { { STR("FunctionName"), p->of.name },
                                                   { STR("Resource"), p->of.resource },
                                                   { STR("ExecutedVersion"), p->of.version } };
    const struct metric_place where = { .account = p->of.account,
                                        .region = p->of.region,
                                        .space = STR("AWS/Lambda"),
                                        .dimensions = dimensions,
                                        .n_dimensions = set };

    return series_of(m, t, &where, metric, unit);
}

static size_t function_metric(const char *metric)
{
    size_t i = 0;

    while (i < ARRAY_LEN(function_metrics) && function_metrics[i] != metric &&
           strcmp(function_metrics[i], metric) != 0)
        i++;
    return i;
}

/* A series new among METRIC_SERIES_MOST may sweep others away: the place's rows are void then, and found
 * again next time. */
static void function_add(struct metrics *m, struct turn *t, struct function_place *p, unsigned set,
                         const char *metric, size_t i, double value, const char *unit, int64_t at_ms)
{
    struct metric_series *s = i < ARRAY_LEN(function_metrics) && p->generation == m->generation
                                  ? p->row[i * FUNCTION_SETS + set]
                                  : NULL;

    if (s == NULL) {
        s = function_series(m, t, p, set, metric, unit);
        if (i < ARRAY_LEN(function_metrics) && p->generation == m->generation)
            p->row[i * FUNCTION_SETS + set] = s;
    }
    bucket_value(bucket_of(m, t, s, at_ms), value, 1);
}

void metric_function_sets(struct turn *t, const struct metric_function *f, const char *metric, double value,
                          const char *unit, int64_t at_ms, unsigned sets)
{
    struct metric_function of = *f;
    struct metrics *m = t->metrics;
    struct function_place *p;
    size_t i;

    if (m == NULL)
        return;
    if (f->version.n == 0 || !leaves_version_open(f->name, f->resource)) {
        of.version = STR("");
        sets &= ~VERSION_SET;
    }
    p = place_of(m, &of);
    i = function_metric(metric);
    for (unsigned set = 0; set < FUNCTION_SETS; set++)
        if ((sets >> set & 1) != 0)
            function_add(m, t, p, set, metric, i, value, unit, at_ms);
}

/* ---- life ---- */

struct metrics *metrics_new(void)
{
    struct metrics *m = xcalloc(1, sizeof(struct metrics));

    m->magic = METRICS_MAGIC;
    list_init(&m->dirty);
    return m;
}

static void forget_all(struct metrics *m)
{
    struct str key;
    void *value;

    for (size_t i = 0; map_next(&m->series, &i, &key, &value);)
        series_free(CAST(struct metric_series, METRIC_SERIES_MAGIC, value));
    CHECK(list_empty(&m->dirty));
    map_done(&m->series);
    m->n_dirty = 0;
    for (size_t i = 0; m->places != NULL && i < PLACES; i++)
        place_free(m->places[i]);
    free(m->places);
    m->places = NULL;
    m->generation++;
    m->counted = false;
    m->pruned_ms = m->prune_from = 0;
}

struct metrics *metrics_free(struct metrics *m)
{
    if (m == NULL)
        return NULL;
    CHECK_IS(m, METRICS_MAGIC);
    forget_all(m);
    m->magic = 0;
    buf_done(&m->scratch);
    free(m);
    return NULL;
}

/* What the store holds is read when somebody asks or counts. */
void metrics_load(struct metrics *m, struct turn *t)
{
    (void)t;
    CHECK_IS(m, METRICS_MAGIC);
    m->counted = false;
}

/* A timer that was set still comes, and finds nothing. */
void metrics_reset(struct metrics *m, struct turn *t)
{
    (void)t;
    CHECK_IS(m, METRICS_MAGIC);
    forget_all(m);
}

void metrics_bound(struct metrics *m, struct turn *t)
{
    if (m->n_dirty > METRIC_PENDING_MOST)
        metric_rows_flush(m, t, SIZE_MAX);
}

void metrics_flush(struct metrics *m, struct turn *t) { metric_rows_flush(m, t, SIZE_MAX); }

/* ---- everything looked through: for tests ---- */

/* Returns how many of its buckets are dirty. */
static size_t check_series(const struct metric_series *s)
{
    size_t dirty = 0;

    CHECK(s->id == 0 || s->id == s->old_id);
    for (const struct metric_bucket *b = s->buckets; b != NULL; b = b->next) {
        dirty += b->dirty;
        metric_values_check(&b->values);
        for (const struct metric_bucket *other = b->next; other != NULL; other = other->next)
            CHECK(other->minute != b->minute);
    }
    CHECK(link_on(&s->dirty) == (dirty > 0));
    return dirty;
}

static void check_place(const struct metrics *m, const struct function_place *p)
{
    if (p == NULL || p->generation != m->generation)
        return;
    for (size_t i = 0; i < ARRAY_LEN(function_metrics) * FUNCTION_SETS; i++) {
        const struct metric_series *s = p->row[i];

        if (s == NULL)
            continue;
        CHECK_IS(s, METRIC_SERIES_MAGIC);
        CHECK(str_is(s->name, function_metrics[i / FUNCTION_SETS]) && str_eq(s->account, p->of.account));
    }
}

void metrics_check(const struct metrics *m)
{
    struct str key;
    void *value;
    size_t dirty = 0, dirty_series = 0;

    CHECK_IS(m, METRICS_MAGIC);
    for (size_t i = 0; map_next(&m->series, &i, &key, &value);) {
        const struct metric_series *s = CAST(const struct metric_series, METRIC_SERIES_MAGIC, value);

        CHECK(str_eq(key, str_make(s->account.p, s->key_n)));
        dirty += check_series(s);
        dirty_series += link_on(&s->dirty);
    }
    CHECK(dirty == m->n_dirty && dirty_series == list_length(&m->dirty));
    for (size_t i = 0; m->places != NULL && i < PLACES; i++)
        check_place(m, m->places[i]);
}
