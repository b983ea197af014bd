/* What is visible next: order, counts, expiry, and a long random walk against a plain model. */
#include "test/aborts.h"

#include "service/sqs/index.h"

#define NOW 1000000

static void counts(const struct sqs_index *x, size_t visible, size_t delayed, size_t in_flight)
{
    EXPECT_INT(x->n_visible, visible);
    EXPECT_INT(x->n_delayed, delayed);
    EXPECT_INT(x->n_in_flight, in_flight);
    EXPECT_INT(x->n, visible + delayed + in_flight);
    sqs_index_check(x);
}

TEST(index, first_in_first_out)
{
    struct sqs_pool pool = { 0 };
    struct sqs_index x;

    sqs_index_init(&x, &pool);
    EXPECT(sqs_index_first(&x) == NULL);
    for (uint64_t id = 1; id <= 5; id++)
        sqs_index_add(&x, id, NOW, NOW, 0, NOW);
    for (uint64_t id = 1; id <= 5; id++) {
        EXPECT_INT(sqs_index_first(&x)->due.seq, id);
        sqs_index_remove(&x, sqs_index_first(&x));
    }
    counts(&x, 0, 0, 0);
    EXPECT(x.oldest_ms == INT64_MAX);
    sqs_index_done(&x);
    sqs_pool_done(&pool);
}

TEST(index, delayed_and_in_flight_come_back_in_the_order_they_are_due)
{
    struct sqs_pool pool = { 0 };
    struct sqs_index x;

    sqs_index_init(&x, &pool);
    sqs_index_add(&x, 1, NOW, NOW + 300, 0, NOW);
    sqs_index_add(&x, 2, NOW, NOW, 0, NOW);
    sqs_index_add(&x, 3, NOW, NOW + 100, 2, NOW);
    counts(&x, 1, 1, 1);
    sqs_index_hide(&x, sqs_index_find(&x, 2), NOW + 200);
    counts(&x, 0, 1, 2);
    EXPECT_INT(sqs_index_next_ms(&x), NOW + 100);
    (void)sqs_index_settle(&x, NOW + 99);
    counts(&x, 0, 1, 2);
    (void)sqs_index_settle(&x, NOW + 100);
    counts(&x, 1, 1, 1);
    (void)sqs_index_settle(&x, NOW + 1000);
    counts(&x, 3, 0, 0);
    EXPECT_INT(sqs_index_next_ms(&x), INT64_MAX);
    for (uint64_t want[] = { 3, 2, 1 }, i = 0; i < 3; i++) {
        EXPECT_INT(sqs_index_first(&x)->due.seq, want[i]);
        sqs_index_remove(&x, sqs_index_first(&x));
    }
    sqs_index_done(&x);
    sqs_pool_done(&pool);
}

/* Many that fall due together become visible in portions, in order. */
TEST(index, what_is_due_together_comes_in_portions)
{
    struct sqs_pool pool = { 0 };
    struct sqs_index x;

    sqs_index_init(&x, &pool);
    for (uint64_t i = 1; i <= 2 * SQS_SETTLE_MOST + 1; i++)
        sqs_index_add(&x, i, NOW, NOW + 100, 0, NOW);
    EXPECT(!sqs_index_settle(&x, NOW + 99));
    EXPECT_INT(x.n_visible, 0);
    for (size_t n = 1; n <= 2; n++) {
        EXPECT(sqs_index_settle(&x, NOW + 100));
        EXPECT_INT(x.n_visible, n * SQS_SETTLE_MOST);
    }
    EXPECT(!sqs_index_settle(&x, NOW + 100));
    EXPECT_INT(x.n_visible, 2 * SQS_SETTLE_MOST + 1);
    EXPECT_INT(sqs_index_first(&x)->due.seq, 1);
    sqs_index_done(&x);
    sqs_pool_done(&pool);
}

TEST(index, shown_goes_to_the_end)
{
    struct sqs_pool pool = { 0 };
    struct sqs_index x;

    sqs_index_init(&x, &pool);
    sqs_index_add(&x, 1, NOW, NOW, 0, NOW);
    sqs_index_add(&x, 2, NOW, NOW, 0, NOW);
    sqs_index_show(&x, sqs_index_find(&x, 1));
    EXPECT_INT(sqs_index_first(&x)->due.seq, 2);
    counts(&x, 2, 0, 0);
    sqs_index_done(&x);
    sqs_pool_done(&pool);
}

TEST(index, move_between_queues)
{
    struct sqs_pool pool = { 0 };
    struct sqs_index from, to;

    sqs_index_init(&from, &pool);
    sqs_index_init(&to, &pool);
    sqs_index_add(&from, 7, NOW - 5, NOW, 3, NOW);
    sqs_index_move(&from, &to, sqs_index_find(&from, 7));
    counts(&from, 0, 0, 0);
    counts(&to, 1, 0, 0);
    EXPECT(sqs_index_find(&from, 7) == NULL);
    EXPECT_INT(sqs_index_find(&to, 7)->receives, 3);
    EXPECT_INT(to.oldest_ms, NOW - 5);
    sqs_index_done(&from);
    sqs_index_done(&to);
    sqs_pool_done(&pool);
}

TEST(index, receives_saturate)
{
    struct sqs_pool pool = { 0 };
    struct sqs_index x;

    sqs_index_init(&x, &pool);
    EXPECT_INT(sqs_index_add(&x, 1, NOW, NOW, 5000, NOW)->receives, SQS_RECEIVES_MOST);
    sqs_index_done(&x);
    sqs_pool_done(&pool);
}

struct dropped {
    struct sqs_index *x;
    size_t n;
    uint64_t highest;
};

static int drop(void *arg, struct sqs_node *node)
{
    struct dropped *d = arg;

    d->n++;
    d->highest = MAX(d->highest, node->due.seq);
    sqs_index_remove(d->x, node);
    return 0;
}

TEST(index, older)
{
    struct sqs_pool pool = { 0 };
    struct sqs_index x;
    struct dropped dropped = { &x, 0, 0 };
    size_t steps = 0;
    int r;

    sqs_index_init(&x, &pool);
    for (uint64_t id = 1; id <= 1000; id++)
        sqs_index_add(&x, id, NOW + (int64_t)id, NOW, 0, NOW);
    EXPECT_INT(x.oldest_ms, NOW + 1);
    while ((r = sqs_index_old(&x, NOW + 401, 64, 100, drop, &dropped)) == 0)
        EXPECT(dropped.n <= 64 * ++steps);
    EXPECT_INT(r, 1);
    EXPECT(steps >= 400 / 64);
    EXPECT_INT(dropped.n, 400);
    EXPECT_INT(dropped.highest, 400);
    EXPECT_INT(x.oldest_ms, NOW + 401);
    EXPECT_INT(x.n, 600);
    while (sqs_index_old(&x, INT64_MIN, 64, 100, drop, &dropped) == 0)
        ;
    EXPECT_INT(dropped.n, 400);
    sqs_index_clear(&x);
    counts(&x, 0, 0, 0);
    EXPECT_INT(pool.live, 0);
    sqs_index_done(&x);
    sqs_pool_done(&pool);
}

/* The model: a plain array of what each id is. */
enum { IDS = 3000, STEPS = 200000 };
static struct {
    int state;
    int64_t until;
} model[IDS]; /* state -1: not there */

static uint32_t rnd(void)
{
    static uint64_t x = 88172645463325252u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 11);
}

static void model_settle(int64_t now)
{
    for (int i = 0; i < IDS; i++)
        if (model[i].state > SQS_VISIBLE && model[i].until <= now)
            model[i].state = SQS_VISIBLE;
}

static size_t model_count(int state)
{
    size_t n = 0;

    for (int i = 0; i < IDS; i++)
        n += model[i].state == state;
    return n;
}

static void step(struct sqs_index *x, int64_t now)
{
    uint32_t id = rnd() % IDS;
    struct sqs_node *node = sqs_index_find(x, id + 1);
    int64_t until = now + rnd() % 50 + 1;

    EXPECT((node != NULL) == (model[id].state >= 0));
    if (node == NULL) {
        int64_t at = rnd() % 2 ? now : until;

        sqs_index_add(x, id + 1, now, at, 0, now);
        model[id].state = at <= now ? SQS_VISIBLE : SQS_DELAYED;
        model[id].until = at;
    } else if (rnd() % 3 == 0) {
        sqs_index_remove(x, node);
        model[id].state = -1;
    } else if (node->state != SQS_DELAYED && rnd() % 2 == 0) { /* nobody receives what is delayed */
        sqs_index_hide(x, node, until);
        model[id].state = SQS_IN_FLIGHT;
        model[id].until = until;
    } else {
        sqs_index_show(x, node);
        model[id].state = SQS_VISIBLE;
    }
}

TEST(index, random_walk)
{
    struct sqs_pool pool = { 0 };
    struct sqs_index x;
    int64_t now = NOW;

    for (int i = 0; i < IDS; i++)
        model[i].state = -1;
    sqs_index_init(&x, &pool);
    for (int i = 0; i < STEPS && unit_bad == 0; i++) {
        step(&x, now);
        if (i % 100 != 0)
            continue;
        now += rnd() % 20;
        (void)sqs_index_settle(&x, now);
        model_settle(now);
        counts(&x, model_count(SQS_VISIBLE), model_count(SQS_DELAYED), model_count(SQS_IN_FLIGHT));
    }
    sqs_index_done(&x);
    EXPECT_INT(pool.live, 0);
    sqs_pool_done(&pool);
}

/* ---- what ends the program ---- */

static struct sqs_pool pool_of_two;
static struct sqs_index one, other;

static void two_with_a_message_each(void)
{
    sqs_index_init(&one, &pool_of_two);
    sqs_index_init(&other, &pool_of_two);
    sqs_index_add(&one, 1, NOW, NOW + 100, 0, NOW);
    sqs_index_add(&other, 1, NOW, NOW, 0, NOW);
}

static void a_delayed_message_is_received(void)
{
    two_with_a_message_each();
    sqs_index_hide(&one, sqs_index_find(&one, 1), NOW + 200);
}

static void a_message_of_another_queue_is_removed(void)
{
    two_with_a_message_each();
    sqs_index_show(&one, sqs_index_find(&one, 1));
    sqs_index_remove(&other, sqs_index_find(&one, 1));
}

static void a_counter_lies(void)
{
    two_with_a_message_each();
    one.n_visible++;
    one.n_delayed--;
    sqs_index_check(&one);
}

static void the_order_of_the_heap_is_broken(void)
{
    two_with_a_message_each();
    sqs_index_add(&one, 2, NOW, NOW + 200, 0, NOW);
    sqs_index_find(&one, 1)->due.key = NOW + 300;
    sqs_index_check(&one);
}

TEST(index, what_cannot_be_ends_the_program)
{
    EXPECT_ABORTS(a_delayed_message_is_received, "SQS message");
    EXPECT_ABORTS(a_message_of_another_queue_is_removed, "x->slots[hole] == node");
    EXPECT_ABORTS(a_counter_lies, "x->n_delayed");
    EXPECT_ABORTS(the_order_of_the_heap_is_broken, "!before(h->v[i], h->v[(i - 1) / 2])");
}

UNIT_MAIN
