/* test_metric.c - value and count pairs, minutes in memory, their rows, and reading them back; without a
 * server. */
#include "metric/internal.h"
#include "metric/lambda.h"
#include "metric/read.h"
#include "aborts.h"
#include "unit.h"

#define ACCOUNT STR("000000000000")
#define REGION STR("us-east-1")
#define NOW ((int64_t)1789400786443)
#define MINUTE (NOW / 60000 * 60000)

/* A turn without an engine: real timers are kept and run by hand. */
struct play {
    struct store *store;
    struct turn turn;
    struct metrics *m;
    struct arena *mem;
    struct {
        void (*fn)(void *arg, struct turn *t);
        void *arg;
        int64_t in_ms;
    } timer[8];
    size_t n_timers;
    uint64_t commits;
};

static void *play_real_timer(void *engine, int64_t in_ms, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct play *p = engine;

    CHECK(p->n_timers < ARRAY_LEN(p->timer));
    p->timer[p->n_timers].fn = fn;
    p->timer[p->n_timers].arg = arg;
    p->timer[p->n_timers++].in_ms = in_ms;
    return p;
}
static const struct turn_ops play_ops = { .real_timer = play_real_timer };

static void play_begin(struct play *p)
{
    *p = (struct play){ .mem = arena_new(0) };
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &p->store, NULL) == 0);
    p->m = metrics_new();
    p->turn = (struct turn){ .magic = TURN_MAGIC,
                             .store = p->store,
                             .now = { NOW, 0 },
                             .ops = &play_ops,
                             .engine = p,
                             .metrics = p->m };
    metrics_load(p->m, &p->turn);
}

static void play_end(struct play *p)
{
    metrics_check(p->m);
    metrics_free(p->m);
    EXPECT_INT(store_commit(p->store), 0);
    store_close(p->store);
    arena_free(p->mem);
}

/* Runs what is due, and what that asks for; returns how many turns it took. */
static int play_timers(struct play *p)
{
    int n = 0;

    while (p->n_timers > 0 && n < 10000) {
        void (*fn)(void *arg, struct turn *t) = p->timer[0].fn;
        void *arg = p->timer[0].arg;

        memmove(p->timer, p->timer + 1, --p->n_timers * sizeof(p->timer[0]));
        fn(arg, &p->turn);
        EXPECT_INT(store_commit(p->store), 0);
        metrics_check(p->m);
        n++;
    }
    return n;
}

static void restart(struct play *p)
{
    metrics_free(p->m);
    p->n_timers = 0;
    p->m = p->turn.metrics = metrics_new();
    metrics_load(p->m, &p->turn);
}

static struct metric_place place(const struct metric_dimension *v, size_t n)
{
    return (struct metric_place){
        .account = ACCOUNT, .region = REGION, .space = STR("App"), .dimensions = v, .n_dimensions = n
    };
}

static void add(struct play *p, const char *name, double value, int64_t at_ms)
{
    struct metric_place where = place(NULL, 0);

    metric_add(&p->turn, &where, name, value, "Count", at_ms);
}

static struct metric_points read_all(struct play *p, const char *name, int64_t period_ms)
{
    struct metric_query q = { .place = place(NULL, 0),
                              .name = str_of(name),
                              .from_ms = MINUTE - METRIC_RETENTION_MS * 2,
                              .to_ms = MINUTE + 7200000,
                              .period_ms = period_ms,
                              .want_values = true };
    struct metric_points r = { 0 };

    metric_read(p->m, &p->turn, p->mem, &q, &r);
    EXPECT_INT(store_commit(p->store), 0);
    return r;
}

static int64_t one_int(struct play *p, struct sql *q)
{
    struct rows r;
    int64_t n;

    store_query(p->store, q, &r);
    CHECK(rows_next(&r));
    n = rows_int(&r, 0);
    rows_done(&r);
    return n;
}

/* Values and counts. */

TEST(values, percentiles_are_values_that_were_seen)
{
    struct metric_values x = { 0 };

    for (int i = 100; i >= 1; i--)
        metric_values_add(&x, i, 1);
    metric_values_tidy(&x);
    EXPECT_INT(x.n, 100);
    EXPECT_INT(metric_values_percentile(&x, 0), 1);
    EXPECT_INT(metric_values_percentile(&x, 1), 1);
    EXPECT_INT(metric_values_percentile(&x, 50), 50);
    EXPECT_INT(metric_values_percentile(&x, 50.5), 51);
    EXPECT_INT(metric_values_percentile(&x, 99), 99);
    EXPECT_INT(metric_values_percentile(&x, 99.9), 100);
    EXPECT_INT(metric_values_percentile(&x, 100), 100);
    EXPECT_INT(metric_values_percentile(&x, 29), 29); /* 0.29 * 100 is more than 29 in binary */
    metric_values_done(&x);
}

TEST(values, trims_share_a_value_between_two_ranks)
{
    struct metric_values x = { 0 };
    struct metric_trim t;

    metric_values_add(&x, 1, 1);
    metric_values_add(&x, 2, 2);
    metric_values_add(&x, 9, 1);
    metric_values_tidy(&x);
    t = metric_values_ranks(&x, 25, 75);
    EXPECT_INT(t.count, 2);
    EXPECT_INT(t.sum, 4);
    t = metric_values_ranks(&x, 0, 50); /* the 1 and one of the 2s */
    EXPECT_INT(t.count * 10, 20);
    EXPECT_INT(t.sum * 10, 30);
    t = metric_values_between(&x, 1, 2);
    EXPECT_INT(t.count, 2);
    EXPECT_INT(t.sum, 4);
    metric_values_done(&x);
}

TEST(values, too_many_are_rounded_never_lost)
{
    struct metric_values x = { 0 };
    double n = 0, worst = 0;

    for (int i = 0; i < 20000; i++)
        metric_values_add(&x, 100 + i * 0.01, 1); /* 100 .. 300 */
    metric_values_tidy(&x);
    EXPECT(x.n <= METRIC_VALUES_MOST);
    EXPECT(x.dropped_bits > 0);
    for (uint32_t i = 0; i < x.n; i++)
        n += x.v[i].count;
    EXPECT_INT(n, 20000);
    for (int pc = 1; pc <= 100; pc++) {
        double right = 100 + 200.0 * pc / 100, got = metric_values_percentile(&x, pc);
        double error = (got > right ? got - right : right - got) / right;

        worst = MAX(worst, error);
    }
    EXPECT(worst < 0.02);
    metric_values_done(&x);
}

TEST(values, the_widest_spread_still_fits)
{
    struct metric_values x = { 0 };
    double v = 0x1p-360, n = 0;

    metric_values_add(&x, 0, 5);
    for (int i = 0; i < 720; i++, v *= 2)
        metric_values_add(&x, v, 1);
    metric_values_tidy(&x);
    EXPECT(x.n <= METRIC_VALUES_MOST);
    for (uint32_t i = 0; i < x.n; i++) {
        n += x.v[i].count;
        EXPECT(i == 0 || x.v[i].value > x.v[i - 1].value);
        EXPECT(x.v[i].value < 0x1p1023);
    }
    EXPECT_INT(n, 725);
    metric_values_done(&x);
}

/* A number of seven bits more takes one byte more. */
TEST(values, counts_at_the_edge_of_a_byte_come_back)
{
    static const double counts[] = { 127, 128, 129, 16383, 16384, 16385, 2097151, 2097152 };

    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct metric_values x = { 0 }, y = { 0 };
        CLEANUP(buf_done) struct buf b = { 0 };

        metric_values_add(&x, 1, counts[i]);
        metric_values_add(&x, 2, 1);
        metric_values_encode(&x, &b);
        EXPECT_INT(metric_values_decode(&y, buf_view(&b)), 0);
        EXPECT_INT(y.n, 2);
        EXPECT(y.n == 2 && y.v[0].count == counts[i] && y.v[1].value == 2);
        metric_values_done(&x);
        metric_values_done(&y);
    }
}

TEST(values, come_back_as_they_were_stored)
{
    struct metric_values x = { 0 }, y = { 0 };
    CLEANUP(buf_done) struct buf b = { 0 };
    const double values[] = { 0, 1, 2.5, 1234.56, 0x1p-300, 1e17 },
                 counts[] = { 1, 300, 2.25, 0x1p52, 1, 0x1p60 };

    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        metric_values_add(&x, values[i], counts[i]);
    metric_values_encode(&x, &b);
    EXPECT_INT(metric_values_decode(&y, buf_view(&b)), 0);
    metric_values_tidy(&y);
    EXPECT_INT(y.n, x.n);
    for (uint32_t i = 0; i < MIN(x.n, y.n); i++)
        EXPECT(x.v[i].value == y.v[i].value && x.v[i].count == y.v[i].count);
    for (size_t cut = 0; cut < b.n; cut++) { /* damaged bodies end early, without harm */
        metric_values_done(&y);
        (void)metric_values_decode(&y, str_make(b.p, cut));
        EXPECT(y.n <= x.n);
    }
    EXPECT_INT(metric_values_decode(&y, STR("\x0f")), -E_INVALID);
    EXPECT_INT(metric_values_decode(&y, STR("\x02\x7f\xf0\x01")), -E_INVALID); /* infinity */
    metric_values_done(&x);
    metric_values_done(&y);
}

/* Minutes. */

/* A stored minute is read without sorting anything: its pairs rise. */
TEST(values, what_rises_is_sorted_as_it_comes)
{
    struct metric_values x = { .most = 64 };

    for (int i = 0; i < 64; i++) {
        metric_values_add(&x, i, 1);
        EXPECT_INT(x.sorted, x.n);
    }
    metric_values_add(&x, 10, 1); /* one of them again */
    EXPECT_INT(x.sorted, 64);
    metric_values_add(&x, 10.5, 1);
    EXPECT_INT(x.sorted, 64);
    metric_values_add(&x, 100, 1); /* nothing rises behind what is not sorted */
    EXPECT(x.sorted < x.n);
    metric_values_tidy(&x);
    EXPECT(x.dropped_bits > 0 && x.n <= 64);
    for (uint32_t i = 1; i < x.n; i++)
        EXPECT(x.v[i - 1].value < x.v[i].value);
    metric_values_done(&x);
}

TEST(metric, samples_of_a_minute_are_one_point)
{
    struct play p;
    struct metric_points r;

    play_begin(&p);
    add(&p, "a", 3, MINUTE);
    add(&p, "a", 5, MINUTE + 59999);
    add(&p, "a", 1, MINUTE + 60000);
    r = read_all(&p, "a", 60000);
    EXPECT_INT(r.n, 2);
    EXPECT_INT(r.v[0].start_ms, MINUTE);
    EXPECT_INT(r.v[0].count, 2);
    EXPECT_INT(r.v[0].sum, 8);
    EXPECT_INT(r.v[0].low, 3);
    EXPECT_INT(r.v[0].high, 5);
    EXPECT_INT(metric_values_percentile(&r.v[0].values, 50), 3);
    EXPECT_STR(r.v[0].unit, STR("Count"));
    EXPECT_INT(r.v[1].sum, 1);
    metric_points_done(&r);
    r = read_all(&p, "a", 3600000);
    EXPECT_INT(r.n, 1);
    EXPECT_INT(r.v[0].start_ms, MINUTE / 3600000 * 3600000);
    EXPECT_INT(r.v[0].sum, 9);
    metric_points_done(&r);
    r = read_all(&p, "b", 60000);
    EXPECT_INT(r.n, 0);
    metric_points_done(&r);
    play_end(&p);
}

TEST(metric, rows_are_written_once_a_second_not_per_sample)
{
    static struct sql q_rows = SQL("SELECT COUNT(*) FROM metric_minute");
    struct play p;

    play_begin(&p);
    for (int i = 0; i < 1000; i++)
        add(&p, "a", i % 3, MINUTE);
    EXPECT(!store_dirty(p.store));
    EXPECT_INT(p.n_timers, 1);
    EXPECT_INT(p.timer[0].in_ms, 1000);
    play_timers(&p);
    EXPECT_INT(one_int(&p, &q_rows), 1);
    EXPECT_INT(p.n_timers, 0);
    add(&p, "a", 7, MINUTE);
    EXPECT_INT(p.n_timers, 1);
    play_timers(&p);
    EXPECT_INT(one_int(&p, &q_rows), 1);
    play_end(&p);
}

/* However many samples come in a second: who reads next writes few, and the timer writes the rest piece by
 * piece. */
TEST(metric, few_minutes_wait_to_be_written)
{
    struct play p;

    play_begin(&p);
    for (int i = 0; i < 20; i++) {
        for (int k = 0; k < 400; k++)
            add(&p, "a", k, MINUTE - (i * 400 + k) * (int64_t)60000);
        metrics_bound(p.m, &p.turn);
        EXPECT(p.m->n_dirty <= METRIC_PENDING_MOST);
    }
    metrics_flush(p.m, &p.turn);
    EXPECT_INT(p.m->n_dirty, 0);
    play_timers(&p);
    for (int k = 0; k < METRIC_FLUSH_MOST + 1; k++)
        add(&p, "b", k, MINUTE - k * (int64_t)60000);
    EXPECT_INT(p.timer[0].in_ms, 1000);
    p.n_timers = 0;
    EXPECT(!metric_rows_flush(p.m, &p.turn, METRIC_FLUSH_MOST));
    EXPECT_INT(p.m->n_dirty, 1);
    play_end(&p);
}

TEST(metric, a_restart_goes_on_in_the_same_minute)
{
    static struct sql q_minutes = SQL("SELECT SUM(minutes) FROM metric_series");
    struct play p;
    struct metric_points r;

    play_begin(&p);
    for (int i = 0; i < 3; i++) {
        add(&p, "a", 2 + i, MINUTE);
        add(&p, "a", 10, MINUTE - 180000); /* late ones, too */
        metrics_flush(p.m, &p.turn);
        restart(&p);
    }
    r = read_all(&p, "a", 60000);
    EXPECT_INT(r.n, 2);
    EXPECT_INT(r.v[0].count, 3);
    EXPECT_INT(r.v[0].sum, 30);
    EXPECT_INT(r.v[1].count, 3);
    EXPECT_INT(r.v[1].sum, 9);
    EXPECT_INT(metric_values_percentile(&r.v[1].values, 50), 3);
    EXPECT_INT(one_int(&p, &q_minutes), 2);
    metric_points_done(&r);
    play_end(&p);
}

TEST(metric, sums_nobody_knows_singly_have_no_percentiles)
{
    struct metric_place where = place(NULL, 0);
    struct play p;
    struct metric_points r;

    play_begin(&p);
    metric_add_sums(&p.turn, &where, "a", 4, 20, 1, 9, "Count", MINUTE);
    metric_add_sums(&p.turn, &where, "b", 4, 20, 5, 5, "Count", MINUTE);
    add(&p, "a", 3, MINUTE);
    add(&p, "c", -3, MINUTE);
    r = read_all(&p, "a", 60000);
    EXPECT_INT(r.v[0].count, 5);
    EXPECT_INT(r.v[0].sum, 23);
    EXPECT(r.v[0].values.lost);
    metric_points_done(&r);
    r = read_all(&p, "b", 60000);
    EXPECT(!r.v[0].values.lost);
    EXPECT_INT(metric_values_percentile(&r.v[0].values, 99), 5);
    metric_points_done(&r);
    r = read_all(&p, "c", 60000);
    EXPECT(r.v[0].values.lost);
    EXPECT_INT(r.v[0].low, -3);
    metric_points_done(&r);
    restart(&p); /* lost stays lost */
    add(&p, "a", 3, MINUTE);
    r = read_all(&p, "a", 60000);
    EXPECT_INT(r.v[0].count, 6);
    EXPECT(r.v[0].values.lost);
    metric_points_done(&r);
    play_end(&p);
}

TEST(metric, units_accounts_and_dimensions_are_apart)
{
    const struct metric_dimension ab[] = { { STR("a"), STR("1") }, { STR("b"), STR("2") } };
    const struct metric_dimension ba[] = { { STR("b"), STR("2") }, { STR("a"), STR("1") } };
    struct metric_place there = place(ab, 2), turned = place(ba, 2), other = place(NULL, 0);
    struct metric_query q = {
        .place = there, .name = STR("x"), .from_ms = MINUTE, .to_ms = MINUTE + 60000, .period_ms = 60000
    };
    struct metric_points r = { 0 };
    struct play p;

    play_begin(&p);
    other.account = STR("111111111111");
    metric_add(&p.turn, &there, "x", 1, "Count", MINUTE);
    metric_add(&p.turn, &turned, "x", 1, "Count", MINUTE);
    metric_add(&p.turn, &turned, "x", 1, "Bytes", MINUTE);
    metric_add(&p.turn, &other, "x", 1, "Count", MINUTE);
    metric_read(p.m, &p.turn, p.mem, &q, &r);
    EXPECT_INT(r.n, 2);
    EXPECT_STR(r.v[0].unit, STR("Bytes"));
    EXPECT_STR(r.v[1].unit, STR("Count"));
    EXPECT_INT(r.v[1].count, 2);
    q.unit = STR("Count");
    metric_read(p.m, &p.turn, p.mem, &q, &r);
    EXPECT_INT(r.n, 1);
    q.place = place(ab, 1);
    metric_read(p.m, &p.turn, p.mem, &q, &r);
    EXPECT_INT(r.n, 0);
    metric_points_done(&r);
    play_end(&p);
}

TEST(metric, what_is_older_than_15_days_goes_in_pieces)
{
    static struct sql q_rows = SQL("SELECT COUNT(*) FROM metric_minute");
    static struct sql q_series = SQL("SELECT COUNT(*) FROM metric_series");
    struct play p;
    int64_t old = MINUTE - METRIC_RETENTION_MS - 3000 * 60000;

    play_begin(&p);
    for (int i = 0; i < 3000; i++)
        add(&p, "old", 1, old + i * 60000);
    add(&p, "both", 1, old);
    add(&p, "both", 1, MINUTE);
    metrics_flush(p.m, &p.turn);
    EXPECT_INT(store_commit(p.store), 0);
    EXPECT(play_timers(&p) > 5);
    EXPECT_INT(one_int(&p, &q_rows), 1);
    EXPECT_INT(one_int(&p, &q_series), 1);
    EXPECT_INT(p.m->n_minutes, 1);
    EXPECT_INT(p.m->n_series, 1);
    p.turn.now.wall_ms += 3600000; /* no walk within the hour, one after it */
    add(&p, "both", 1, MINUTE + 3600000);
    EXPECT_INT(play_timers(&p), 2);
    play_end(&p);
}

TEST(metric, series_are_limited_and_the_longest_idle_goes)
{
    static struct sql q_rows = SQL("SELECT COUNT(*) FROM metric_minute");
    static struct sql q_series = SQL("SELECT COUNT(*) FROM metric_series");
    struct play p;
    struct metric_points r;
    char name[32];

    play_begin(&p);
    add(&p, "first", 1, MINUTE - 600000);
    for (int i = 0; i < METRIC_SERIES_MOST + 10; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        add(&p, name, 1, MINUTE);
    }
    add(&p, "n0", 1, MINUTE);
    metrics_flush(p.m, &p.turn);
    EXPECT(p.m->n_series <= METRIC_SERIES_MOST);
    EXPECT(p.m->n_series > METRIC_SERIES_MOST - 2000);
    EXPECT(p.m->series.n <= METRIC_SERIES_MOST);
    EXPECT_INT(store_commit(p.store), 0);
    play_timers(&p);
    EXPECT_INT(one_int(&p, &q_series), p.m->n_series);
    EXPECT_INT(one_int(&p, &q_rows), p.m->n_minutes);
    EXPECT_INT(p.m->n_minutes, p.m->n_series);
    r = read_all(&p, "first", 60000);
    EXPECT_INT(r.n, 0);
    metric_points_done(&r);
    r = read_all(&p, "n20009", 60000);
    EXPECT_INT(r.n, 1);
    metric_points_done(&r);
    play_end(&p);
}

TEST(metric, a_reset_forgets_and_counting_goes_on)
{
    struct play p;
    struct metric_points r;

    play_begin(&p);
    add(&p, "a", 1, MINUTE);
    metrics_flush(p.m, &p.turn);
    add(&p, "a", 1, MINUTE);
    metrics_reset(p.m, &p.turn);
    store_reset(p.store);
    metrics_load(p.m, &p.turn);
    r = read_all(&p, "a", 60000);
    EXPECT_INT(r.n, 0);
    play_timers(&p);
    add(&p, "a", 4, MINUTE);
    metric_points_done(&r);
    r = read_all(&p, "a", 60000);
    EXPECT_INT(r.n, 1);
    EXPECT_INT(r.v[0].sum, 4);
    metric_points_done(&r);
    play_end(&p);
}

/* The list. */

static size_t list(struct play *p, struct metric_list_query q, struct metric_listed *v, size_t most)
{
    q.account = ACCOUNT;
    q.region = REGION;
    return metric_list(p->m, &p->turn, p->mem, &q, v, most);
}

TEST(metric, list_shows_each_metric_once_and_goes_on_behind_a_cursor)
{
    const struct metric_dimension one[] = { { STR("Queue"), STR("q") } },
                                  any[] = { { STR("Queue"), STR_NONE } };
    struct metric_place bare = place(NULL, 0), with = place(one, 1), lambda = place(NULL, 0);
    struct metric_listed v[10];
    struct play p;

    play_begin(&p);
    lambda.space = STR("AWS/Lambda");
    metric_add(&p.turn, &bare, "b", 1, "Count", MINUTE);
    metric_add(&p.turn, &bare, "b", 1, "Bytes", MINUTE);
    metric_add(&p.turn, &with, "b", 1, "Count", MINUTE);
    metric_add(&p.turn, &bare, "a", 1, "Count", MINUTE - 5 * 3600000);
    metric_add(&p.turn, &lambda, "Errors", 1, "Count", MINUTE);
    EXPECT_INT(list(&p, (struct metric_list_query){ 0 }, v, 10), 4);
    EXPECT_STR(v[0].space, STR("AWS/Lambda"));
    EXPECT_STR(v[1].name, STR("a"));
    EXPECT_STR(v[2].name, STR("b"));
    EXPECT_INT(v[2].n_dimensions, 0);
    EXPECT_INT(v[3].n_dimensions, 1);
    EXPECT_STR(v[3].dimensions[0].name, STR("Queue"));
    EXPECT_STR(v[3].dimensions[0].value, STR("q"));
    EXPECT_INT(list(&p, (struct metric_list_query){ .after = v[1].cursor }, v, 1), 1);
    EXPECT_INT(v[0].n_dimensions, 0);
    EXPECT_STR(v[0].name, STR("b"));
    EXPECT_INT(list(&p, (struct metric_list_query){ .after = v[0].cursor }, v, 10), 1);
    EXPECT_INT(v[0].n_dimensions, 1);
    EXPECT_INT(list(&p, (struct metric_list_query){ .after = v[0].cursor }, v, 10), 0);
    EXPECT_INT(list(&p, (struct metric_list_query){ .space = STR("App") }, v, 10), 3);
    EXPECT_INT(list(&p, (struct metric_list_query){ .space = STR("App"), .after = v[0].cursor }, v, 10), 2);
    EXPECT_INT(list(&p, (struct metric_list_query){ .name = STR("Errors") }, v, 10), 1);
    EXPECT_INT(list(&p, (struct metric_list_query){ .dimensions = one, .n_dimensions = 1 }, v, 10), 1);
    EXPECT_INT(list(&p, (struct metric_list_query){ .dimensions = any, .n_dimensions = 1 }, v, 10), 1);
    EXPECT_INT(list(&p, (struct metric_list_query){ .since_ms = MINUTE - 3 * 3600000 }, v, 10), 3);
    play_end(&p);
}

/* Functions. */

static void shown(struct buf *b, struct play *p)
{
    struct metric_listed v[200];
    size_t n = list(p, (struct metric_list_query){ .space = STR("AWS/Lambda") }, v, ARRAY_LEN(v));

    for (size_t i = 0; i < n; i++) {
        struct metric_query q = { .place = { ACCOUNT, REGION, v[i].space, v[i].dimensions,
                                             v[i].n_dimensions },
                                  .name = v[i].name,
                                  .from_ms = MINUTE,
                                  .to_ms = MINUTE + 60000,
                                  .period_ms = 60000 };
        struct metric_points r = { 0 };

        metric_read(p->m, &p->turn, p->mem, &q, &r);
        buf_str(b, v[i].name);
        for (size_t d = 0; d < v[i].n_dimensions; d++)
            buf_printf(b, " " STR_FMT, STR_ARG(v[i].dimensions[d].value));
        for (size_t k = 0; k < r.n; k++)
            buf_printf(b, ": %g of %g\n", r.v[k].sum, r.v[k].count);
        metric_points_done(&r);
    }
}

TEST(lambda, dimension_sets_follow_what_was_asked_for)
{
    const struct {
        const char *qualifier, *version, *lines;
    } rows[] = {
        { NULL, "$LATEST", "Errors: 0 of 1\nErrors f: 0 of 1\nErrors f f: 0 of 1\n" },
        { "7", "7", "Errors: 0 of 1\nErrors f: 0 of 1\nErrors f f:7: 0 of 1\n" },
        { "live", "7",
          "Errors: 0 of 1\nErrors 7 f f:live: 0 of 1\nErrors f: 0 of 1\nErrors f f:live: 0 of 1\n" },
        { "$LATEST", "$LATEST",
          "Errors: 0 of 1\nErrors $LATEST f f:$LATEST: 0 of 1\nErrors f: 0 of 1\nErrors f f:$LATEST: 0 of "
          "1\n" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct metric_lambda f = { ACCOUNT, REGION, STR("f"), str_of(rows[i].qualifier),
                                   str_of(rows[i].version) };
        CLEANUP(buf_done) struct buf got = { 0 };
        struct play p;

        play_begin(&p);
        p.turn.now.wall_ms = MINUTE;
        metric_lambda_count(&p.turn, &f, "Errors", 0);
        shown(&got, &p);
        EXPECT_STR(buf_view(&got), str_of(rows[i].lines));
        play_end(&p);
    }
}

TEST(lambda, an_execution_leaves_these_samples)
{
    struct metric_lambda f = { ACCOUNT, REGION, STR("f"), STR_NONE, STR("$LATEST") };
    struct metric_run run = {
        .started_ms = MINUTE, .duration_us = 1236, .async = true, .enqueued_ms = MINUTE - 40, .error = true
    };
    CLEANUP(buf_done) struct buf got = { 0 };
    struct play p;

    play_begin(&p);
    p.turn.now.wall_ms = MINUTE + 30000;
    metric_lambda_received(&p.turn, &f);
    metric_lambda_executed(&p.turn, &f, &run);
    metric_lambda_ended(&p.turn, &f, true);
    metric_lambda_concurrency(&p.turn, &f,
                              &(struct metric_concurrency){
                                  .function = 1, .account = 3, .unreserved = 2, .claimed = 12 });
    shown(&got, &p);
    EXPECT_STR(
        buf_view(&got),
        STR("AsyncEventAge: 40 of 1\nAsyncEventAge f: 40 of 1\nAsyncEventAge f f: 40 of 1\n"
            "AsyncEventsDropped: 1 of 1\nAsyncEventsDropped f: 1 of 1\nAsyncEventsDropped f f: 1 of 1\n"
            "AsyncEventsReceived: 1 of 1\nAsyncEventsReceived f: 1 of 1\nAsyncEventsReceived f f: 1 of 1\n"
            "ClaimedAccountConcurrency: 12 of 1\n"
            "ConcurrentExecutions: 3 of 1\nConcurrentExecutions f: 1 of 1\n"
            "Duration: 1.24 of 1\nDuration f: 1.24 of 1\nDuration f f: 1.24 of 1\n"
            "Errors: 1 of 1\nErrors f: 1 of 1\nErrors f f: 1 of 1\n"
            "Invocations: 1 of 1\nInvocations f: 1 of 1\nInvocations f f: 1 of 1\n"
            "Throttles: 0 of 1\nThrottles f: 0 of 1\nThrottles f f: 0 of 1\n"
            "UnreservedConcurrentExecutions: 2 of 1\n"));
    play_end(&p);
}

TEST(lambda, a_turn_without_metrics_counts_nothing)
{
    struct turn t = { .magic = TURN_MAGIC, .now = { NOW, 0 } };
    struct metric_lambda f = { ACCOUNT, REGION, STR("f"), STR_NONE, STR("$LATEST") };

    metric_lambda_received(&t, &f);
    metric_lambda_executed(&t, &f, &(struct metric_run){ .started_ms = NOW });
    metric_lambda_throttled(&t, &f);
    EXPECT(t.metrics == NULL);
}

/* Not a test of speed: it fails only when counting has become something else altogether. */
TEST(lambda, counting_an_event_is_cheap)
{
    struct metric_lambda f = { ACCOUNT, REGION, STR("orders-processor"), STR_NONE, STR("$LATEST") };
    struct play p;
    int64_t from;
    double us;

    play_begin(&p);
    from = clock_mono_ns();
    for (int i = 0; i < 100000; i++) {
        struct metric_run run = { .started_ms = MINUTE + i / 10,
                                  .duration_us = 1000 + i * 7 % 9000,
                                  .async = true,
                                  .enqueued_ms = MINUTE };

        metric_lambda_received(&p.turn, &f);
        metric_lambda_executed(&p.turn, &f, &run);
        metric_lambda_concurrency(&p.turn, &f,
                                  &(struct metric_concurrency){ .function = i % 10, .account = i % 10 });
        metric_lambda_ended(&p.turn, &f, false);
    }
    us = (double)(clock_mono_ns() - from) / 1e3 / 100000;
    printf("%.3f us per event\n", us);
    EXPECT(us < 100);
    play_end(&p);
}

static void dirty_is_miscounted(void)
{
    struct play p;

    play_begin(&p);
    p.m->n_dirty++;
    metrics_check(p.m);
}

TEST(metric, check_finds_what_does_not_agree) { EXPECT_ABORTS(dirty_is_miscounted, "dirty == m->n_dirty"); }

UNIT_MAIN
