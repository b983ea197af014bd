/* test_engine.c - when a turn comes: what presses, and what waits for company. */
#include "engine/engine.h"
#include "engine/verify.h"
#include "engine/watch.h"
#include "unit.h"

static struct engine *engine;
static uv_loop_t loop;
static struct clock the_clock;
static struct store *store;
static char order[32];
static uint64_t turn_of[32];
static size_t n_order;

static void after_commit(void *arg, const struct now *now)
{
    (void)arg;
    (void)now;
}
static void flush(void *arg) { (void)arg; }
static int fatal_error;
static void fatal(void *arg, int error, const char *why)
{
    (void)arg;
    (void)why;
    fatal_error = error;
}

static void setup(void)
{
    struct engine_options o = {
        .loop = &loop, .clock = &the_clock, .after_commit = after_commit, .flush = flush, .fatal = fatal
    };

    CHECK(uv_loop_init(&loop) == 0);
    clock_init(&the_clock);
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &store, NULL) == 0);
    o.store = store;
    engine = engine_new(&o);
    n_order = 0;
    fatal_error = 0;
}

static void teardown(void)
{
    engine_stop(engine);
    uv_run(&loop, UV_RUN_DEFAULT);
    engine = engine_free(engine);
    store = store_close(store);
    CHECK(uv_loop_close(&loop) == 0);
}

static void note(void *arg, struct turn *t)
{
    struct engine_stats s;

    (void)t;
    engine_stats(engine, &s);
    turn_of[n_order] = s.turns;
    order[n_order++] = *(const char *)arg;
}

static uint64_t turns(void)
{
    struct engine_stats s;

    engine_stats(engine, &s);
    return s.turns;
}

static int64_t run_until(size_t n)
{
    int64_t began_ns = clock_mono_ns();

    while (n_order < n)
        uv_run(&loop, UV_RUN_ONCE);
    return clock_mono_ns() - began_ns;
}

TEST(engine, what_arrives_together_shares_a_turn)
{
    setup();
    engine_soon(engine, note, "a");
    engine_soon(engine, note, "b");
    run_until(2);
    EXPECT_INT(turn_of[0], turn_of[1]);
    EXPECT_STR(str_make(order, 2), STR("ab"));
    teardown();
}

TEST(engine, the_patient_wait_but_not_for_ever)
{
    setup();
    engine_patiently(engine, note, "a");
    uv_run(&loop, UV_RUN_NOWAIT);
    EXPECT_INT(n_order, 0); /* no turn of its own yet */
    EXPECT(run_until(1) < 2000000000);
    EXPECT_INT(turns(), 1);
    teardown();
}

TEST(engine, the_patient_go_with_whoever_presses)
{
    setup();
    engine_patiently(engine, note, "a");
    engine_soon(engine, note, "b");
    uv_run(&loop, UV_RUN_NOWAIT);
    EXPECT_STR(str_make(order, n_order), STR("ab"));
    EXPECT_INT(turn_of[0], turn_of[1]);
    EXPECT(!engine_quiet(engine).quiet || turns() == 1);
    teardown();
}

TEST(engine, the_patient_are_not_quiet)
{
    setup();
    EXPECT(engine_quiet(engine).quiet);
    engine_patiently(engine, note, "a");
    EXPECT(!engine_quiet(engine).quiet);
    run_until(1);
    EXPECT(engine_quiet(engine).quiet);
    teardown();
}

static void write_setting(void *arg, struct turn *t)
{
    store_setting_put(t->store, STR("test"), str_of(arg));
}

static void spoil(void *arg, struct turn *t)
{
    (void)arg;
    store_spoil(t->store);
}

static struct str setting(struct arena *a) { return store_setting(store, a, STR("test")); }

TEST(engine, a_spoiled_turn_leaves_nothing)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    setup();
    EXPECT_INT(engine_run_now(engine, write_setting, "first"), 0);
    engine_soon(engine, write_setting, "second");
    engine_soon(engine, spoil, NULL);
    engine_soon(engine, note, "a");
    run_until(1);
    EXPECT_INT(fatal_error, -E_UNDONE);
    EXPECT_STR(setting(a), STR("first"));
    fatal_error = 0;
    EXPECT_INT(engine_run_now(engine, write_setting, "third"), 0); /* the next turn is free again */
    EXPECT_STR(setting(a), STR("third"));
    EXPECT_INT(fatal_error, 0);
    teardown();
}

TEST(engine, spoiling_a_turn_that_wrote_nothing_is_nothing)
{
    setup();
    EXPECT_INT(engine_run_now(engine, spoil, NULL), 0);
    EXPECT_INT(fatal_error, 0);
    teardown();
}

/* ---- timers ---- */

static void too_late(uv_timer_t *timer) { uv_stop(timer->loop); }

/* As run_until(), but not for ever. */
static void run_at_most(size_t n, uint64_t ms)
{
    uv_timer_t end;

    CHECK(uv_timer_init(&loop, &end) == 0 && uv_timer_start(&end, too_late, ms, 0) == 0);
    while (n_order < n && uv_is_active((uv_handle_t *)&end))
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&end, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void fired(struct timer *t, struct turn *turn) { note(t->work ? "w" : "t", turn); }

static struct timer timers[3];

static void set_timers(void *arg, struct turn *t)
{
    const int64_t *in_ms = arg;

    for (size_t i = 0; i < ARRAY_LEN(timers); i++)
        if (in_ms[i] > 0)
            timer_set(t, &timers[i], t->now.wall_ms + in_ms[i]);
        else
            timer_cancel(t, &timers[i]);
}

TEST(timers, wake_the_loop_at_their_time)
{
    int64_t began_ns = clock_mono_ns();

    setup();
    for (size_t i = 0; i < ARRAY_LEN(timers); i++)
        timers[i] = (struct timer){ .fire = fired, .work = i == 2 };
    EXPECT_INT(engine_run_now(engine, set_timers, &(int64_t[]){ 60, 7200000, 30 }), 0);
    run_at_most(2, 10000);
    EXPECT_STR(str_make(order, n_order), STR("wt"));
    EXPECT(clock_mono_ns() - began_ns < 8000000000); /* and were not found when something else woke it */
    engine_run_now(engine, set_timers, &(int64_t[]){ 0, 0, 0 });
    run_at_most(3, 100);
    EXPECT_INT(n_order, 2);
    teardown();
}

/* What is no work does not keep the server from being quiet; of what is, the first counts. */
TEST(timers, quiet_asks_for_work_alone)
{
    struct engine_quiet q;
    int64_t now_ms;

    setup();
    now_ms = clock_now(&the_clock).wall_ms;
    for (size_t i = 0; i < ARRAY_LEN(timers); i++)
        timers[i] = (struct timer){ .fire = fired, .work = i > 0 };
    engine_run_now(engine, set_timers, &(int64_t[]){ 100000, 0, 0 });
    q = engine_quiet(engine);
    EXPECT(q.quiet && q.next_work_ms == INT64_MAX && q.pending == 0);
    engine_run_now(engine, set_timers, &(int64_t[]){ 100000, 500000, 300000 });
    q = engine_quiet(engine);
    EXPECT(q.quiet && q.pending == 2);
    EXPECT(q.next_work_ms >= now_ms + 300000 && q.next_work_ms < now_ms + 400000);
    engine_run_now(engine, set_timers, &(int64_t[]){ 0, 0, 0 });
    EXPECT_INT(engine_quiet(engine).next_work_ms, INT64_MAX);
    EXPECT_INT(engine_quiet(engine).pending, 0);
    teardown();
}

static void count_handle(uv_handle_t *handle UNUSED, void *arg) { ++*(int *)arg; }

static int handles(void)
{
    int n = 0;

    uv_walk(&loop, count_handle, &n);
    return n;
}

static void *later;

static void set_real(void *arg, struct turn *t)
{
    later = t->ops->real_timer(t->engine, *(int64_t *)arg, note, "r");
}

static void cancel_real(void *arg UNUSED, struct turn *t) { t->ops->real_timer_cancel(t->engine, later); }

TEST(timers, real_ones_fire_once_and_leave_nothing)
{
    int before;

    setup();
    before = handles();
    engine_run_now(engine, set_real, &(int64_t){ 10 });
    EXPECT_INT(handles(), before + 1);
    run_at_most(1, 5000);
    EXPECT_STR(str_make(order, n_order), STR("r"));
    EXPECT_INT(handles(), before);
    engine_run_now(engine, set_real, &(int64_t){ 10 });
    engine_run_now(engine, cancel_real, NULL);
    run_at_most(2, 100);
    EXPECT_INT(n_order, 1);
    EXPECT_INT(handles(), before);
    teardown();
}

/* ---- the watchdog ---- */

TEST(watch, a_line_a_second_and_the_worst_of_all)
{
    static const struct {
        int64_t took_us, at_ms;
        bool line;
        uint64_t unsaid, held;
        int64_t worst_us;
    } rows[] = {
        { 49999, 1000, false, 0, 0, 0 },     { 50000, 1100, true, 0, 1, 50000 },
        { 90000, 1200, false, 0, 2, 90000 }, { 60000, 2099, false, 0, 3, 90000 },
        { 60000, 2100, true, 2, 4, 90000 },  { 10, 9000, false, 0, 4, 90000 },
        { 91000, 9001, true, 0, 5, 91000 },
    };
    struct watch w = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t unsaid = 0;

        EXPECT_INT(watch_saw(&w, STR("sqs"), STR("TagQueue"), rows[i].took_us, rows[i].at_ms * 1000000,
                             &unsaid),
                   rows[i].line);
        EXPECT_INT(unsaid, rows[i].unsaid);
        EXPECT_INT(w.held, rows[i].held);
        EXPECT_INT(w.worst_us, rows[i].worst_us);
    }
    EXPECT_STR(str_of(w.worst), STR("sqs.TagQueue"));
}

/* ---- lines of refused requests ---- */

TEST(refused, a_line_a_second)
{
    static const struct {
        int64_t at_ms;
        bool line;
        uint64_t unsaid;
    } rows[] = {
        { 1000, true, 0 },  { 1001, false, 0 }, { 1999, false, 0 }, { 2000, true, 2 },
        { 2999, false, 0 }, { 9000, true, 1 },  { 10000, true, 0 },
    };
    struct seldom r = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t unsaid = 0;

        EXPECT_INT(seldom_due(&r, rows[i].at_ms * 1000000, &unsaid), rows[i].line);
        EXPECT_INT(unsaid, rows[i].unsaid);
    }
}

TEST(refused, a_key_and_nothing_else)
{
    EXPECT_STR(refused_key(STR("AKIAIOSFODNN7EXAMPLE")), STR("AKIAIOSFODNN7EXAMPLE"));
    EXPECT_STR(refused_key(STR_NONE), STR("-"));
    EXPECT_STR(refused_key(STR("")), STR("-"));
    EXPECT_STR(refused_key(STR("a\nevent=b")), STR("malformed"));
    EXPECT_STR(refused_key(STR("a b")), STR("malformed"));
    EXPECT_STR(refused_key(STR("12345678901234567890123456789012")), STR("12345678901234567890123456789012"));
    EXPECT_STR(refused_key(STR("123456789012345678901234567890123")), STR("malformed"));
}

static void hold_the_loop(void *arg, struct turn *t)
{
    int64_t until_ns = clock_mono_ns() + WATCH_HELD_US * 1000;

    while (clock_mono_ns() < until_ns)
        continue;
    note(arg, t);
}

TEST(watch, the_engine_times_what_runs_in_a_turn)
{
    struct engine_stats s;

    setup();
    engine_soon(engine, hold_the_loop, "a");
    run_until(1);
    engine_stats(engine, &s);
    EXPECT(s.held >= 1);
    EXPECT(s.worst_held_us >= WATCH_HELD_US);
    EXPECT(s.worst_held[0] != '\0');
    EXPECT(s.longest_turn_us >= WATCH_HELD_US);
    engine_soon(engine, note, "b");
    run_until(2);
    EXPECT_INT(s.turns, 1);
    engine_stats(engine, &s);
    EXPECT_INT(s.turns, 2);
    EXPECT(s.longest_turn_us >= WATCH_HELD_US); /* of all, not the last one */
    teardown();
}

UNIT_MAIN
