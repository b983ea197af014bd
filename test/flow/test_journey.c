/* test_journey.c - old stories leave in pieces, so that no turn is long however many there are. */
#include "unit.h"

#include "flow/journey.h"

#define DAY_MS INT64_C(86400000)

static void (*next_fn)(void *arg, struct turn *t);
static void *next_arg;

static void op_soon(void *engine UNUSED, void (*fn)(void *arg, struct turn *t), void *arg)
{
    CHECK(next_fn == NULL);
    next_fn = fn;
    next_arg = arg;
}

static size_t rows_left(struct store *s)
{
    static struct sql q = SQL("SELECT count(*) FROM journey");
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q, &r);
    return rows_next(&r) ? (size_t)rows_int(&r, 0) : 0;
}

TEST(journey, pruning_goes_piece_by_piece)
{
    static const struct turn_ops ops = { .soon = op_soon };
    struct turn t = { .magic = TURN_MAGIC, .now = { 1800000000000, 0 }, .ops = &ops };
    size_t turns = 0, before, most = 0;

    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &t.store, NULL) == 0);
    for (uint64_t i = 1; i <= 3010; i++) {
        if (i == 3001)
            t.now.wall_ms += 14 * DAY_MS; /* ten that are young */
        journey_put(&t, i, STR("id"), STR("arn"), STR_NONE, "succeeded", STR("[1,\"x\"]"));
    }
    CHECK(store_commit(t.store) == 0);
    journey_prune(&t);
    CHECK(store_commit(t.store) == 0);
    EXPECT_INT(rows_left(t.store), 3010); /* to the millisecond not over age */
    EXPECT(next_fn == NULL);
    t.now.wall_ms++;
    journey_prune(&t);
    CHECK(store_commit(t.store) == 0);
    for (before = 3010; next_fn != NULL; turns++) {
        void (*fn)(void *arg, struct turn *t) = next_fn;

        most = MAX(most, before - rows_left(t.store));
        before = rows_left(t.store);
        next_fn = NULL;
        fn(next_arg, &t);
        CHECK(store_commit(t.store) == 0);
    }
    EXPECT_INT(rows_left(t.store), 10);
    EXPECT(most > 0 && most <= 1000);
    EXPECT(turns >= 3);
    store_close(t.store);
}

UNIT_MAIN
