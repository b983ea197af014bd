/* test_text.c - names, ranges, conditions, encodings: tables. */
#include "service/s3/text.h"
#include "test/unit.h"

TEST(text, bucket_names)
{
    static const char *const good[] = { "abc",        "my-bucket",         "a.b.c",
                                        "1abc",       "docexamplebucket1", "log-delivery-march-2020",
                                        "my.bucket-1" };
    static const char *const bad[] = { "",          "ab",       "Abc",         "a_b",        "-abc",
                                       "abc-",      "a..b",     ".abc",        "abc.",       "192.168.5.4",
                                       "xn--abc",   "sthree-x", "abc-s3alias", "abc--ol-s3", "abc.mrap",
                                       "abc--x-s3", "a b",      "a/b" };
    char many[65];

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!s3_bucket_name_ok(str_of(good[i])))
            UNIT_FAIL("%s should be good", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (s3_bucket_name_ok(str_of(bad[i])))
            UNIT_FAIL("%s should be bad", bad[i]);
    memset(many, 'a', sizeof(many));
    EXPECT(s3_bucket_name_ok(str_make(many, 63)));
    EXPECT(!s3_bucket_name_ok(str_make(many, 64)));
    EXPECT(s3_bucket_name_ok(STR("1.2.3.400x")));
}

TEST(text, ids)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    uint64_t id = 0;
    struct str t = s3_id_text(a, 123456789);

    EXPECT_INT(t.n, 32);
    EXPECT_INT(s3_id_read(t, &id), 0);
    EXPECT_INT(id, 123456789);
    EXPECT_INT(s3_id_read(STR("null"), &id), -E_INVALID);
    EXPECT_INT(s3_id_read(STR("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"), &id), -E_INVALID);
}

static void expect_range(const char *header, int64_t size, enum range_kind kind, int64_t from, int64_t to)
{
    int64_t f = -1, t = -1;
    enum range_kind got = s3_range(str_of(header), size, &f, &t);

    if (got != kind || (kind == RANGE_OK && (f != from || t != to)))
        UNIT_FAIL("%s of %lld: got %d [%lld,%lld)", header == NULL ? "(none)" : header, (long long)size, got,
                  (long long)f, (long long)t);
}

TEST(text, ranges)
{
    expect_range(NULL, 10, RANGE_NONE, 0, 0);
    expect_range("bytes=0-0", 10, RANGE_OK, 0, 1);
    expect_range("bytes=2-5", 10, RANGE_OK, 2, 6);
    expect_range("bytes=2-", 10, RANGE_OK, 2, 10);
    expect_range("bytes=-3", 10, RANGE_OK, 7, 10);
    expect_range("bytes=-30", 10, RANGE_OK, 0, 10);
    expect_range("bytes=5-500", 10, RANGE_OK, 5, 10);
    expect_range("bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 0);
    expect_range("bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 0);
    expect_range("bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0);
    expect_range("bytes=-5", 0, RANGE_UNSATISFIABLE, 0, 0);
    expect_range("bytes=5-2", 10, RANGE_NONE, 0, 0);
    expect_range("bytes=0-1,3-4", 10, RANGE_NONE, 0, 0);
    expect_range("bytes=-", 10, RANGE_NONE, 0, 0);
    expect_range("bytes=a-b", 10, RANGE_NONE, 0, 0);
    expect_range("bytes=", 10, RANGE_NONE, 0, 0);
    expect_range("lines=1-2", 10, RANGE_NONE, 0, 0);
    expect_range("bytes=99999999999999999999-", 10, RANGE_NONE, 0, 0);
    expect_range("bytes=--5", 10, RANGE_NONE, 0, 0);
}

TEST(text, conditions)
{
    const int64_t at = 1700000000500;
    const struct opt_time same = TIME_SET(1700000000000), before = TIME_SET(1699999999000),
                          later = TIME_SET(1700000001000);
    static const struct str mine = STR("abc");
    const struct {
        struct conditions k;
        enum condition want;
    } rows[] = {
        { { .if_match = STR_NONE }, CONDITION_HOLDS },
        { { .if_match = STR("\"abc\"") }, CONDITION_HOLDS },
        { { .if_match = STR("abc") }, CONDITION_HOLDS },
        { { .if_match = STR("\"x\", \"abc\"") }, CONDITION_HOLDS },
        { { .if_match = STR("*") }, CONDITION_HOLDS },
        { { .if_match = STR("\"x\"") }, CONDITION_FAILED },
        { { .if_none_match = STR("\"abc\"") }, CONDITION_NOT_MODIFIED },
        { { .if_none_match = STR("\"x\"") }, CONDITION_HOLDS },
        { { .if_modified_since = same }, CONDITION_NOT_MODIFIED },
        { { .if_modified_since = before }, CONDITION_HOLDS },
        { { .if_unmodified_since = same }, CONDITION_HOLDS },
        { { .if_unmodified_since = before }, CONDITION_FAILED },
        { { .if_match = STR("abc"), .if_unmodified_since = before }, CONDITION_HOLDS },
        { { .if_none_match = STR("x"), .if_modified_since = later }, CONDITION_HOLDS },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_INT(s3_conditions(&rows[i].k, mine, at), rows[i].want);
}

TEST(text, copy_sources)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct copy_source s;

    EXPECT_INT(s3_copy_source(a, STR("b/a%20b/c"), &s), 0);
    EXPECT_STR(s.bucket, STR("b"));
    EXPECT_STR(s.key, STR("a b/c"));
    EXPECT_STR(s.version_id, STR_NONE);
    EXPECT_INT(s3_copy_source(a, STR("/b/k+%2B?versionId=v%31"), &s), 0);
    EXPECT_STR(s.key, STR("k++"));
    EXPECT_STR(s.version_id, STR("v1"));
    EXPECT_INT(s3_copy_source(a, STR("b"), &s), -E_INVALID);
    EXPECT_INT(s3_copy_source(a, STR("b/"), &s), -E_INVALID);
    EXPECT_INT(s3_copy_source(a, STR("/"), &s), -E_INVALID);
    EXPECT_INT(s3_copy_source(a, STR_NONE, &s), -E_INVALID);
}

TEST(text, url_encoding)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    s3_url_encode(&b, STR("a/b c+d(3).p\xc3\xa9\x00~"), "+");
    EXPECT_STR(buf_view(&b), STR("a/b+c%2Bd%283%29.p%C3%A9%00~"));
}

TEST(text, tagging_header)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct s3_pair *v;
    size_t n;

    EXPECT_INT(s3_tagging_header(a, STR("a=1&b=x+y%26&c"), &v, &n), 0);
    EXPECT_INT(n, 3);
    EXPECT_STR(v[1].value, STR("x y&"));
    EXPECT_STR(v[2].key, STR("c"));
    EXPECT_STR(v[2].value, STR(""));
    EXPECT_INT(s3_tagging_header(a, STR("=1"), &v, &n), -E_INVALID);
}

TEST(text, prefixes)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    EXPECT_STR(s3_common_prefix(STR("a/b/c"), STR(""), STR("/")), STR("a/"));
    EXPECT_STR(s3_common_prefix(STR("a/b/c"), STR("a/"), STR("/")), STR("a/b/"));
    EXPECT_STR(s3_common_prefix(STR("a/b"), STR("a/"), STR("/")), STR_NONE);
    EXPECT_STR(s3_common_prefix(STR("a--b--c"), STR("a"), STR("--")), STR("a--"));
    EXPECT_STR(s3_common_prefix(STR("a/b"), STR(""), STR_NONE), STR_NONE);
    EXPECT_STR(s3_behind_prefix(a, STR("a/")), STR("a0"));
    EXPECT_STR(s3_behind_prefix(a, STR("a\xff\xff")), STR("b"));
    EXPECT_STR(s3_behind_prefix(a, STR("\xff")), STR_NONE);
}

UNIT_MAIN
