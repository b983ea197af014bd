/* The outbox against the real store: who gets what when, what a crash leaves, and how much one turn takes. */
#include "unit.h"

#include "flow/outbox.h"

#define START 1800000000000

struct later {
    void (*fn)(void *arg, struct turn *t);
    void *arg;
};

struct world {
    struct store *store;
    struct outbox *outbox;
    struct turn turn;
    struct heap timers;
    struct later soon[8];
    size_t n_soon;
    struct buf told; /* "id:attempts:payload " per row handed out */
    uint64_t last;
    size_t handed;
    enum { HOLD, OVER, AGAIN_IN_A_SECOND, AGAIN_NOW, CHAIN } what;
};

static void w_timer_set(void *engine, struct timer *t, int64_t at)
{
    heap_set(&((struct world *)engine)->timers, &t->node, at);
}
static void w_timer_cancel(void *engine, struct timer *t)
{
    heap_remove(&((struct world *)engine)->timers, &t->node);
}
static void w_soon(void *engine, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct world *w = engine;

    CHECK(w->n_soon < ARRAY_LEN(w->soon));
    w->soon[w->n_soon++] = (struct later){ fn, arg };
}
static const struct turn_ops ops = { .timer_set = w_timer_set,
                                     .timer_cancel = w_timer_cancel,
                                     .soon = w_soon };

static void due(void *arg, struct turn *t, const struct outbox_item *item)
{
    struct world *w = arg;

    w->last = item->id;
    w->handed++;
    if (w->told.n < 1000)
        buf_printf(&w->told, "%u:" STR_FMT "@%lld ", item->attempts, STR_ARG(item->payload),
                   (long long)(t->now.wall_ms - START));
    EXPECT_INT(item->created_ms, START);
    if (w->what == OVER || w->what == CHAIN)
        EXPECT_INT(outbox_over(w->outbox, t, item->id), 0);
    if (w->what == AGAIN_IN_A_SECOND)
        EXPECT_INT(outbox_again(w->outbox, t, item->id, t->now.wall_ms + 1000, STR_NONE), 0);
    if (w->what == AGAIN_NOW)
        EXPECT_INT(outbox_again(w->outbox, t, item->id, t->now.wall_ms, STR_NONE), 0);
    if (w->what == CHAIN && w->handed < 3)
        EXPECT_INT(outbox_put(w->outbox, t, "test", STR("child"), t->now.wall_ms, NULL), 0);
}

static void start(struct world *w)
{
    struct outbox_kind kind = { "test", due, w };

    w->outbox = outbox_new();
    outbox_register(w->outbox, &kind);
    outbox_load(w->outbox, &w->turn);
}

static void open_world(struct world *w)
{
    CLEANUP(buf_done) struct buf why = { 0 };

    *w = (struct world){ 0 };
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &w->store, &why) == 0);
    w->turn = (struct turn){
        .magic = TURN_MAGIC, .store = w->store, .now = { START, 0 }, .ops = &ops, .engine = w
    };
    start(w);
}

static void close_world(struct world *w)
{
    outbox_check(w->outbox);
    outbox_reset(w->outbox, &w->turn);
    w->outbox = outbox_free(w->outbox);
    heap_done(&w->timers);
    buf_done(&w->told);
    store_rollback(w->store);
    w->store = store_close(w->store);
}

/* Timers that are due, as the engine runs them at the end of a turn; then the commit. */
static void turn_at(struct world *w, int64_t after_ms)
{
    struct heap_node *h;

    w->turn.now.wall_ms = START + after_ms;
    while ((h = heap_first(&w->timers)) != NULL && h->key <= w->turn.now.wall_ms) {
        struct timer *t = CONTAINER_OF(h, struct timer, node);

        heap_remove(&w->timers, h);
        t->fire(t, &w->turn);
    }
    CHECK(store_commit(w->store) == 0);
    outbox_check(w->outbox);
}

static uint64_t put(struct world *w, const char *payload, int64_t after_ms)
{
    uint64_t id = 0;

    w->turn.now.wall_ms = START;
    EXPECT_INT(outbox_put(w->outbox, &w->turn, "test", str_of(payload), START + after_ms, &id), 0);
    return id;
}

static void expect_told(struct world *w, const char *want)
{
    EXPECT_Z(w->told.p != NULL ? w->told.p : "", want);
    buf_clear(&w->told);
    if (w->told.p != NULL)
        w->told.p[0] = 0;
}

static int64_t count_rows(struct world *w)
{
    static struct sql Q = SQL("SELECT count(*) FROM outbox");
    struct rows r;
    int64_t n;

    store_query(w->store, &Q, &r);
    n = rows_next(&r) ? rows_int(&r, 0) : -1;
    rows_done(&r);
    return n;
}

TEST(outbox, due_in_the_order_of_time_then_of_arrival)
{
    struct world w;

    open_world(&w);
    w.what = OVER;
    put(&w, "late", 2000);
    put(&w, "a", 1000);
    put(&w, "b", 1000);
    turn_at(&w, 999);
    expect_told(&w, "");
    turn_at(&w, 1000);
    expect_told(&w, "0:a@1000 0:b@1000 ");
    turn_at(&w, 5000);
    expect_told(&w, "0:late@5000 ");
    EXPECT_INT(outbox_count(w.outbox), 0);
    EXPECT_INT(count_rows(&w), 0);
    EXPECT(heap_first(&w.timers) == NULL);
    close_world(&w);
}

TEST(outbox, put_for_now_leaves_in_the_same_turn)
{
    struct world w;

    open_world(&w);
    w.what = OVER;
    put(&w, "x", 0);
    turn_at(&w, 0);
    expect_told(&w, "0:x@0 ");
    close_world(&w);
}

TEST(outbox, again_counts_attempts_and_may_change_the_payload)
{
    struct world w;
    uint64_t id;

    open_world(&w);
    w.what = AGAIN_IN_A_SECOND;
    id = put(&w, "x", 0);
    turn_at(&w, 0);
    turn_at(&w, 1000);
    turn_at(&w, 1999);
    expect_told(&w, "0:x@0 1:x@1000 ");
    w.what = HOLD;
    turn_at(&w, 2000);
    expect_told(&w, "2:x@2000 ");
    turn_at(&w, 900000);
    expect_told(&w, ""); /* in its owner's hands */
    EXPECT_INT(outbox_again(w.outbox, &w.turn, id, START + 900500, STR("y")), 0);
    turn_at(&w, 900500);
    expect_told(&w, "3:y@900500 ");
    EXPECT_INT(outbox_over(w.outbox, &w.turn, id), 0);
    EXPECT_INT(outbox_over(w.outbox, &w.turn, id), -E_NOT_FOUND);
    EXPECT_INT(outbox_again(w.outbox, &w.turn, id, START, STR_NONE), -E_NOT_FOUND);
    turn_at(&w, 900600);
    EXPECT_INT(count_rows(&w), 0);
    close_world(&w);
}

TEST(outbox, what_was_not_over_is_due_again_after_a_crash)
{
    struct world w;
    uint64_t id;

    open_world(&w);
    w.what = HOLD;
    put(&w, "held", 0);
    id = put(&w, "later", 5000);
    turn_at(&w, 0);
    expect_told(&w, "0:held@0 ");
    w.outbox = (outbox_reset(w.outbox, &w.turn), outbox_free(w.outbox));
    start(&w);
    EXPECT_INT(outbox_count(w.outbox), 2);
    turn_at(&w, 10);
    expect_told(&w, "0:held@10 ");
    turn_at(&w, 5000);
    expect_told(&w, "0:later@5000 ");
    EXPECT_INT(outbox_again(w.outbox, &w.turn, id, START + 6000, STR_NONE), 0);
    turn_at(&w, 5000);
    outbox_load(w.outbox, &w.turn); /* a turn failed: read again */
    turn_at(&w, 6000);
    expect_told(&w, "0:held@6000 1:later@6000 ");
    close_world(&w);
}

TEST(outbox, a_turn_rolled_back_leaves_nothing)
{
    struct world w;

    open_world(&w);
    put(&w, "never", 0);
    store_rollback(w.store);
    outbox_load(w.outbox, &w.turn);
    turn_at(&w, 100);
    expect_told(&w, "");
    EXPECT_INT(outbox_count(w.outbox), 0);
    close_world(&w);
}

TEST(outbox, one_turn_takes_200_the_next_the_rest)
{
    struct world w;

    open_world(&w);
    w.what = OVER;
    for (int i = 0; i < 450; i++)
        put(&w, "x", 0);
    turn_at(&w, 0);
    EXPECT_INT(w.handed, 200);
    EXPECT_INT(w.n_soon, 1);
    EXPECT(heap_first(&w.timers) == NULL);
    for (size_t i = 0; i < w.n_soon; i++) {
        w.soon[i].fn(w.soon[i].arg, &w.turn);
        turn_at(&w, 0);
    }
    EXPECT_INT(w.n_soon, 2);
    EXPECT_INT(w.handed, 450);
    EXPECT_INT(count_rows(&w), 0);
    close_world(&w);
}

TEST(outbox, what_is_always_due_comes_once_a_turn)
{
    struct world w;

    open_world(&w);
    w.what = AGAIN_NOW;
    put(&w, "x", 0);
    turn_at(&w, 0);
    turn_at(&w, 0);
    EXPECT_INT(w.handed, 1);
    EXPECT_INT(w.n_soon, 1);
    w.soon[0].fn(w.soon[0].arg, &w.turn);
    EXPECT_INT(w.handed, 2);
    EXPECT_INT(w.n_soon, 2);
    close_world(&w);
}

TEST(outbox, a_row_put_off_can_be_recalled)
{
    struct world w;
    uint64_t id;

    open_world(&w);
    w.what = HOLD;
    id = put(&w, "x", 0);
    turn_at(&w, 0);
    EXPECT(outbox_recall(w.outbox, &w.turn, id));
    turn_at(&w, 0);
    EXPECT(!outbox_recall(w.outbox, &w.turn, 12345));
    expect_told(&w, "0:x@0 0:x@0 ");
    close_world(&w);
}

TEST(outbox, rows_may_be_added_while_one_is_handed_out)
{
    struct world w;

    open_world(&w);
    w.what = CHAIN;
    put(&w, "first", 0);
    turn_at(&w, 0);
    expect_told(&w, "0:first@0 0:child@0 0:child@0 ");
    close_world(&w);
}

TEST(outbox, empty_payload_and_reset)
{
    struct world w;

    open_world(&w);
    w.what = HOLD;
    put(&w, "", 0);
    turn_at(&w, 0);
    expect_told(&w, "0:@0 ");
    outbox_reset(w.outbox, &w.turn);
    EXPECT_INT(outbox_count(w.outbox), 0);
    EXPECT_INT(outbox_again(w.outbox, &w.turn, w.last, START, STR_NONE), -E_NOT_FOUND);
    close_world(&w);
}

UNIT_MAIN
