/* test_texts.c - tags as they lie in a row: set, taken away, in the order they came. */
#include "base/texts.h"
#include "test/unit.h"

static struct str with(struct arena *a, const char *before, size_t n, const struct text_pair *add,
                       size_t want_n)
{
    size_t got_n = 99;
    struct str r = texts_with(a, str_of(before), add, n, &got_n);

    EXPECT_INT(got_n, want_n);
    return r;
}

TEST(texts, set)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    const struct text_pair one[] = { { STR("b"), STR("2") } }, twice[] = { { STR("c"), STR("x") },
                                                                           { STR("a"), STR("9") },
                                                                           { STR("c"), STR("\"y\"") } };

    EXPECT_STR(with(a, "{}", 0, NULL, 0), STR("{}"));
    EXPECT_STR(with(a, "{\"a\":\"1\"}", 1, one, 2), STR("{\"a\":\"1\",\"b\":\"2\"}"));
    EXPECT_STR(with(a, "{\"a\":\"1\",\"b\":\"0\"}", 1, one, 2), STR("{\"a\":\"1\",\"b\":\"2\"}"));
    EXPECT_STR(with(a, "{\"a\":\"1\",\"b\":\"0\"}", 3, twice, 3),
               STR("{\"a\":\"9\",\"b\":\"0\",\"c\":\"\\\"y\\\"\"}"));
}

TEST(texts, taken_away_and_read)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    const struct str keys[] = { STR("a"), STR("nobody"), STR("a") };
    struct text_pair *v;
    size_t n;

    EXPECT_STR(texts_without(a, STR("{\"a\":\"1\",\"b\":\"2\"}"), keys, 3), STR("{\"b\":\"2\"}"));
    EXPECT_STR(texts_without(a, STR("{\"a\":\"1\"}"), keys, 0), STR("{\"a\":\"1\"}"));
    v = texts_read(a, STR("{\"\\u00e9\":\"x\\ny\",\"b\":\"\"}"), &n);
    EXPECT_INT(n, 2);
    EXPECT_STR(v[0].key, STR("\xc3\xa9"));
    EXPECT_STR(v[0].value, STR("x\ny"));
    EXPECT_STR(v[1].value, STR(""));
}

UNIT_MAIN
