/* test_str.c - comparing, cutting, numbers, globs, UTF-8; the small words of def.h. */
#include <math.h>
#include "test/unit.h"

TEST(def, error_text)
{
    EXPECT_Z(error_text(-E_NOT_FOUND), "not found");
    EXPECT_Z(error_text(-E_CLOSED), "the other side closed");
    EXPECT_Z(error_text(0), "no error");
    EXPECT_Z(error_text(-999), "unknown error");
    EXPECT_Z(error_text(INT32_MIN), "unknown error");
}

TEST(def, memory_of_no_bytes)
{
    void *p = xmalloc(0), *q = xcalloc(0, 8);
    char *z = xstrdup("abc");

    EXPECT(p != NULL && q != NULL);
    EXPECT_Z(z, "abc");
    p = xrealloc(p, 10);
    EXPECT(p != NULL);
    free(p);
    free(q);
    free(z);
}

TEST(str, compare)
{
    static const struct {
        const char *a, *b;
        int sign;
    } rows[] = {
        { "", "", 0 },     { "", "a", -1 },    { "a", "", 1 },  { "a", "b", -1 },      { "ab", "a", 1 },
        { "a", "ab", -1 }, { "\xff", "a", 1 }, { NULL, "", 0 }, { "same", "same", 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int r = str_cmp(str_of(rows[i].a), str_of(rows[i].b));

        EXPECT_INT((r > 0) - (r < 0), rows[i].sign);
        EXPECT_INT(str_eq(str_of(rows[i].a), str_of(rows[i].b)), rows[i].sign == 0);
    }
    EXPECT(str_absent(STR_NONE) && !str_absent(STR("")) && str_empty(STR("")));
}

TEST(str, no_case)
{
    EXPECT(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    EXPECT(!str_eq_nocase(STR("a["), STR("a{"))); /* differ by 0x20 but are no letters */
    EXPECT(!str_eq_nocase(STR("@"), STR("`")));
    EXPECT(!str_eq_nocase(STR("a"), STR("ab")));
    EXPECT(str_starts_nocase(STR("X-Amz-Date"), STR("x-amz-")));
    EXPECT(!str_starts_nocase(STR("X-"), STR("x-amz-")));
}

TEST(str, ends)
{
    EXPECT(str_starts(STR("abc"), STR("ab")) && str_starts(STR("abc"), STR("")) &&
           !str_starts(STR("a"), STR("ab")));
    EXPECT(str_ends(STR("abc"), STR("bc")) && str_ends(STR("abc"), STR("")) &&
           !str_ends(STR("c"), STR("bc")));
    EXPECT(!str_ends(STR("abc"), STR("ab")));
    EXPECT(str_starts(STR_NONE, STR("")) && str_ends(STR_NONE, STR("")));
}

TEST(str, sub_and_trim)
{
    EXPECT_STR(str_sub(STR("hello"), 1, 3), STR("el"));
    EXPECT_STR(str_sub(STR("hello"), 3, 99), STR("lo"));
    EXPECT_STR(str_sub(STR("hello"), 9, 99), STR(""));
    EXPECT_STR(str_sub(STR("hello"), 3, 1), STR(""));
    EXPECT_STR(str_sub(STR_NONE, 0, 1), STR_NONE);
    EXPECT_STR(str_trim(STR(" \t a b\t ")), STR("a b"));
    EXPECT_STR(str_trim(STR("  ")), STR(""));
    EXPECT_STR(str_trim(STR("\na")), STR("\na"));
}

TEST(str, find)
{
    EXPECT_INT(str_find(STR("a:b:c"), ':'), 1);
    EXPECT_INT(str_rfind(STR("a:b:c"), ':'), 3);
    EXPECT_INT(str_find(STR("abc"), ':'), -1);
    EXPECT_INT(str_rfind(STR_NONE, ':'), -1);
    EXPECT_INT(str_find_str(STR("banana"), STR("nan")), 2);
    EXPECT_INT(str_find_str(STR("banana"), STR("nab")), -1);
    EXPECT_INT(str_find_str(STR("a"), STR("")), 0);
    EXPECT_INT(str_find_str(STR("a"), STR("ab")), -1);
    EXPECT_INT(str_find_str(STR_NONE, STR("ab")), -1);
}

TEST(str, cut_visits_every_item)
{
    static const char *const want[] = { "a", "", "b", "" };
    struct str rest = STR("a,,b,"), item;
    size_t n = 0;

    while (str_cut(&rest, ',', &item)) {
        if (n < ARRAY_LEN(want))
            EXPECT_Z(item.n > 0 ? (item.p[0] == 'a' ? "a" : "b") : "", want[n]);
        n++;
    }
    EXPECT_INT(n, 4);
    rest = STR("");
    EXPECT(str_cut(&rest, ',', &item) && str_empty(item) && str_absent(rest));
    EXPECT(!str_cut(&rest, ',', &item));
}

TEST(str, to_i64)
{
    static const struct {
        const char *text;
        int r;
        int64_t v;
    } rows[] = {
        { "0", 0, 0 },
        { "-0", 0, 0 },
        { "42", 0, 42 },
        { "-42", 0, -42 },
        { "007", 0, 7 },
        { "9223372036854775807", 0, INT64_MAX },
        { "-9223372036854775808", 0, INT64_MIN },
        { "9223372036854775808", -E_LIMIT, 0 },
        { "-9223372036854775809", -E_LIMIT, 0 },
        { "18446744073709551616", -E_LIMIT, 0 },
        { "99999999999999999999999", -E_LIMIT, 0 },
        { "99999999999999999999999x", -E_INVALID, 0 },
        { "", -E_INVALID, 0 },
        { "-", -E_INVALID, 0 },
        { "+1", -E_INVALID, 0 },
        { "1x", -E_INVALID, 0 },
        { " 1", -E_INVALID, 0 },
        { "1 ", -E_INVALID, 0 },
        { "--1", -E_INVALID, 0 },
        { "1.0", -E_INVALID, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t v = 77;

        if (str_to_i64(str_of(rows[i].text), &v) != rows[i].r || v != (rows[i].r == 0 ? rows[i].v : 77))
            UNIT_FAIL("row \"%s\": got %lld", rows[i].text, (long long)v);
    }
}

TEST(str, to_u64)
{
    uint64_t v = 5;

    EXPECT_INT(str_to_u64(STR("18446744073709551615"), &v), 0);
    EXPECT(v == UINT64_MAX);
    EXPECT_INT(str_to_u64(STR("18446744073709551616"), &v), -E_LIMIT);
    EXPECT_INT(str_to_u64(STR("-1"), &v), -E_INVALID);
    EXPECT_INT(str_to_u64(STR_NONE, &v), -E_INVALID);
    EXPECT(v == UINT64_MAX);
}

TEST(str, to_f64)
{
    static const struct {
        const char *text;
        int r;
        double v;
    } rows[] = {
        { "0", 0, 0 },
        { "1.5", 0, 1.5 },
        { "-2.25e2", 0, -225 },
        { "1E+3", 0, 1000 },
        { "1e-400", 0, 0 },
        { "1e400", -E_LIMIT, 0 },
        { "-1e400", -E_LIMIT, 0 },
        { "0x10", -E_INVALID, 0 },
        { "inf", -E_INVALID, 0 },
        { "nan", -E_INVALID, 0 },
        { "", -E_INVALID, 0 },
        { ".5", -E_INVALID, 0 },
        { "5.", -E_INVALID, 0 },
        { "1e", -E_INVALID, 0 },
        { "1e+", -E_INVALID, 0 },
        { " 1", -E_INVALID, 0 },
        { "1 ", -E_INVALID, 0 },
        { "-", -E_INVALID, 0 },
        { "1.5.5", -E_INVALID, 0 },
    };
    char many[400];
    double v;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        v = 77;
        if (str_to_f64(str_of(rows[i].text), &v) != rows[i].r || v != (rows[i].r == 0 ? rows[i].v : 77))
            UNIT_FAIL("row \"%s\": got %g", rows[i].text, v);
    }
    memset(many, '1', sizeof(many));
    many[1] = '.';
    EXPECT_INT(str_to_f64(str_make(many, sizeof(many)), &v), 0);
    EXPECT(fabs(v - 1.111111111111111) < 1e-12);
}

TEST(str, glob)
{
    static const struct {
        const char *pattern, *text;
        bool want;
    } rows[] = {
        { "", "", true },
        { "", "a", false },
        { "*", "", true },
        { "*", "anything", true },
        { "?", "", false },
        { "?", "a", true },
        { "a*c", "abbbc", true },
        { "a*c", "abbbd", false },
        { "a*b*c", "a1b2b3c", true },
        { "*.json", "x.json.json", true },
        { "*.json", "x.jsonp", false },
        { "**?", "", false },
        { "**?", "x", true },
        { "arn:aws:*:queue-?", "arn:aws:sqs:queue-7", true },
        { "abc", "ab", false },
        { "ab", "abc", false },
        { "[a]", "a", false },
        { "[a]", "[a]", true },
        { "a?*", "a", false },
    };
    char text[4000];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_glob(str_of(rows[i].pattern), str_of(rows[i].text)) != rows[i].want)
            UNIT_FAIL("row %s ~ %s", rows[i].pattern, rows[i].text);
    /* What a backtracking matcher takes for ever over. */
    memset(text, 'a', sizeof(text));
    EXPECT(!str_glob(STR("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), str_make(text, sizeof(text))));
}

TEST(utf8, check)
{
    static const struct {
        struct str s;
        size_t good;
    } rows[] = {
        { { "", 0 }, 0 },
        { { "abc", 3 }, 3 },
        { { "\xc3\xa9", 2 }, 2 },
        { { "\xe2\x82\xac", 3 }, 3 },
        { { "\xf0\x9f\x98\x80", 4 }, 4 },
        { { "\xf4\x8f\xbf\xbf", 4 }, 4 },
        { { "a\x80", 2 }, 1 },
        { { "a\xc3", 2 }, 1 },
        { { "\xc0\x80", 2 }, 0 },
        { { "\xc1\xbf", 2 }, 0 },
        { { "\xe0\x9f\xbf", 3 }, 0 },
        { { "\xe0\xa0\x80", 3 }, 3 },
        { { "\xed\x9f\xbf", 3 }, 3 },
        { { "\xed\xa0\x80", 3 }, 0 },
        { { "\xee\x80\x80", 3 }, 3 },
        { { "\xf0\x8f\xbf\xbf", 4 }, 0 },
        { { "\xf4\x90\x80\x80", 4 }, 0 },
        { { "\xf5\x80\x80\x80", 4 }, 0 },
        { { "\xff", 1 }, 0 },
        { { "0123456789abcdef\xc3\xa9xyz", 21 }, 21 },
        { { "0123456789abcdefg\x87", 18 }, 17 },
        { { "\xe2\x82", 2 }, 0 },
        { { "\xe2\x82\xc0", 3 }, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (utf8_check(rows[i].s) != rows[i].good)
            UNIT_FAIL("row %zu: got %zu", i, utf8_check(rows[i].s));
}

TEST(utf8, put_and_get_agree_on_every_code_point)
{
    char b[4];

    for (uint32_t cp = 0; cp <= 0x110000; cp++) {
        bool scalar = cp < 0xd800 || (cp > 0xdfff && cp < 0x110000);
        size_t n = utf8_put(b, cp);
        uint32_t back = 0;

        if (!scalar ? n != 0 : n == 0 || utf8_get(str_make(b, n), &back) != n || back != cp) {
            UNIT_FAIL("code point %x: %zu bytes, back %x", cp, n, back);
            break;
        }
    }
}

TEST(utf8, bad_counts_maximal_subparts)
{
    EXPECT_INT(utf8_bad(STR("a")), 0);
    EXPECT_INT(utf8_bad(STR("\xc3\xa9")), 0);
    EXPECT_INT(utf8_bad(STR("")), 0);
    EXPECT_INT(utf8_bad(STR("\x80\x80")), 1);
    EXPECT_INT(utf8_bad(STR("\xe2\x82")), 2);
    EXPECT_INT(utf8_bad(STR("\xf0\x9f\x98z")), 3);
    EXPECT_INT(utf8_bad(STR("\xe0\x80\x80")), 1);
}

UNIT_MAIN
