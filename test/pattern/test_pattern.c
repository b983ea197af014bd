/* What patterns match, dialect by dialect, and what is refused in which words. */
#include "pattern/pattern.h"
#include "unit.h"

/* 1: matches, 0: does not, -1: the pattern is refused. */
static int ask(enum pattern_dialect dialect, const char *pattern, const char *event, struct buf *why)
{
    struct arena *a CLEANUP(arena_freep) = arena_new(0);
    struct pattern *p = NULL;
    struct json *doc;
    int r;

    if (pattern_compile(dialect, str_of(pattern), &p, why) != 0)
        return -1;
    CHECK(json_parse(a, str_of(event), &doc, NULL) == 0);
    r = pattern_match(p, doc);
    pattern_free(p);
    return r;
}

struct row {
    const char *pattern, *event;
    int want;
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int dialect = PATTERN_EVENTS; dialect <= PATTERN_SNS_BODY; dialect += 2) {
            CLEANUP(buf_done) struct buf why = { 0 };
            int got = ask((enum pattern_dialect)dialect, rows[i].pattern, rows[i].event, &why);

            if (got != rows[i].want)
                UNIT_FAIL("%s dialect %d\n   pattern %s\n   event   %s\n   got %d, want %d " STR_FMT, "row",
                          dialect, rows[i].pattern, rows[i].event, got, rows[i].want,
                          STR_ARG(buf_view(&why)));
        }
}
#define CHECK_ROWS(rows) check_rows(rows, ARRAY_LEN(rows))

TEST(pattern, scalars)
{
    static const struct row rows[] = {
        { "{\"a\":[\"x\"]}", "{\"a\":\"x\"}", 1 },
        { "{\"a\":[\"x\"]}", "{\"a\":\"X\"}", 0 },
        { "{\"a\":[\"x\"]}", "{\"a\":\"xy\"}", 0 },
        { "{\"a\":[\"x\"]}", "{\"b\":\"x\"}", 0 },
        { "{\"A\":[\"x\"]}", "{\"a\":\"x\"}", 0 },
        { "{\"a\":[\"x\",\"y\"]}", "{\"a\":\"y\"}", 1 },
        { "{\"a\":[\"x\",\"y\"]}", "{\"a\":\"z\"}", 0 },
        { "{\"a\":[\"x\"],\"b\":[\"y\"]}", "{\"a\":\"x\",\"b\":\"y\"}", 1 },
        { "{\"a\":[\"x\"],\"b\":[\"y\"]}", "{\"a\":\"x\",\"b\":\"z\"}", 0 },
        { "{\"a\":[\"x\"],\"b\":[\"y\"]}", "{\"a\":\"x\"}", 0 },
        { "{\"a\":[\"\"]}", "{\"a\":\"\"}", 1 },
        { "{\"a\":[\"\"]}", "{\"a\":\" \"}", 0 },
        { "{\"a\":[\"\"]}", "{\"a\":null}", 0 },
        { "{\"a\":[null]}", "{\"a\":null}", 1 },
        { "{\"a\":[null]}", "{\"a\":\"null\"}", 0 },
        { "{\"a\":[null]}", "{}", 0 },
        { "{\"a\":[\"null\"]}", "{\"a\":null}", 0 },
        { "{\"a\":[true]}", "{\"a\":true}", 1 },
        { "{\"a\":[true]}", "{\"a\":false}", 0 },
        { "{\"a\":[true]}", "{\"a\":\"true\"}", 0 },
        { "{\"a\":[false]}", "{\"a\":false}", 1 },
        { "{\"a\":[\"true\"]}", "{\"a\":true}", 0 },
        { "{\"a\":[1]}", "{\"a\":\"1\"}", 0 },
        { "{\"a\":[\"1\"]}", "{\"a\":1}", 0 },
        { "{\"a\":[\"x\"]}", "{\"a\":{}}", 0 },
        { "{\"a\":[\"x\"]}", "{\"a\":{\"x\":\"x\"}}", 0 },
        { "{\"a\":[\"x\"]}", "{\"a\":[]}", 0 },
        { "{\"a\":[\"x\"]}", "[]", 0 },
        { "{\"a\":[\"x\"]}", "\"a\"", 0 },
        { "{\"a\":[{\"exactly\":\"x\"}]}", "{\"a\":\"x\"}", 1 },
        { "{\"a\":{\"b\":[\"x\"]}}", "{\"a\":{\"b\":\"x\",\"c\":1}}", 1 },
        { "{\"a\":{\"b\":[\"x\"]}}", "{\"a\":\"{\\\"b\\\":\\\"x\\\"}\"}", 0 },
        { "{\"a\":{\"b\":[\"x\"]}}", "{\"a\":\"x\"}", 0 },
        { "{\"a\":{\"b\":[\"x\"]}}", "{\"b\":\"x\"}", 0 },
        { "{\"source\":[\"aws.ec2\"],\"detail-type\":[\"S\"],\"detail\":{\"state\":[\"running\",\"stopped\"]}"
          "}",
          "{\"source\":\"aws.ec2\",\"detail-type\":\"S\",\"detail\":{\"state\":\"stopped\",\"x\":1}}", 1 },
        { "{\"source\":[\"aws.ec2\"],\"detail\":{\"state\":[\"running\"]}}",
          "{\"source\":\"aws.ec2\",\"detail\":{\"state\":\"stopped\"}}", 0 },
        /* escapes are another spelling of the same text, in keys too */
        { "{\"\\u0061\":[\"\\u0078\"]}", "{\"a\":\"x\"}", 1 },
        { "{\"a\":[\"x\"]}", "{\"\\u0061\":\"\\u0078\"}", 1 },
        { "{\"a\":[\"\\u00e9\"]}", "{\"a\":\"\xc3\xa9\"}", 1 },
        { "{\"a\":[\"a\\\"b\"]}", "{\"a\":\"a\\u0022b\"}", 1 },
        { "{\"a\":[\"a/b\"]}", "{\"a\":\"a\\/b\"}", 1 },
        { "{\"a\":[\"x\"]}", "{\"a\":\"y\",\"a\":\"x\"}", 1 },
        { "{\"a\":[\"y\"]}", "{\"a\":\"y\",\"a\":\"x\"}", 0 },
    };
    CHECK_ROWS(rows);
}

TEST(pattern, numbers)
{
    static const struct row rows[] = {
        { "{\"a\":[300]}", "{\"a\":300}", 1 },
        { "{\"a\":[300]}", "{\"a\":300.0}", 1 },
        { "{\"a\":[300]}", "{\"a\":3e2}", 1 },
        { "{\"a\":[300]}", "{\"a\":3.0E+2}", 1 },
        { "{\"a\":[300]}", "{\"a\":30000e-2}", 1 },
        { "{\"a\":[3e2]}", "{\"a\":300}", 1 },
        { "{\"a\":[300]}", "{\"a\":301}", 0 },
        { "{\"a\":[300]}", "{\"a\":-300}", 0 },
        { "{\"a\":[0]}", "{\"a\":-0.0}", 1 },
        { "{\"a\":[0]}", "{\"a\":0e99}", 1 },
        { "{\"a\":[0.1]}", "{\"a\":1e-1}", 1 },
        { "{\"a\":[0.1]}", "{\"a\":0.10000000000000001}", 0 },
        { "{\"a\":[0.001]}", "{\"a\":0.0010}", 1 },
        { "{\"a\":[123456789012]}", "{\"a\":123456789012}", 1 },
        { "{\"a\":[123456789012]}", "{\"a\":123456789013}", 0 },
        { "{\"a\":[9007199254740993]}", "{\"a\":9007199254740992}", 0 },
        { "{\"a\":[9007199254740993]}", "{\"a\":9007199254740993}", 1 },
        { "{\"a\":[9007199254740993]}", "{\"a\":9007199254740993.0}", 0 },
        { "{\"a\":[9007199254740992]}", "{\"a\":9007199254740992.0}", 1 },
        { "{\"a\":[12345678901234567890]}", "{\"a\":12345678901234567891}", 0 },
        { "{\"a\":[12345678901234567890]}", "{\"a\":12345678901234567890}", 1 },
        { "{\"a\":[1e22]}", "{\"a\":10000000000000000000000}", 1 },
        { "{\"a\":[1e300]}", "{\"a\":1.0e300}", 1 },
        { "{\"a\":[1e400]}", "{\"a\":1e400}", 1 },
        { "{\"a\":[1e400]}", "{\"a\":1e401}", 0 },
        { "{\"a\":[1e-400]}", "{\"a\":0}", 0 },
        { "{\"a\":[5e-324]}", "{\"a\":5.0e-324}", 1 },
        { "{\"a\":[1e99999999999999999999]}", "{\"a\":1}", 0 },
        { "{\"a\":[{\"numeric\":[\"=\",300]}]}", "{\"a\":300.0}", 1 },
        { "{\"a\":[{\"numeric\":[\"=\",300]}]}", "{\"a\":\"300\"}", 0 },
        { "{\"a\":[{\"numeric\":[\"=\",300]}]}", "{\"a\":300.1}", 0 },
        { "{\"a\":[{\"numeric\":[\">\",0]}]}", "{\"a\":1}", 1 },
        { "{\"a\":[{\"numeric\":[\">\",0]}]}", "{\"a\":0}", 0 },
        { "{\"a\":[{\"numeric\":[\">\",0]}]}", "{\"a\":-0.0}", 0 },
        { "{\"a\":[{\"numeric\":[\">=\",0]}]}", "{\"a\":0}", 1 },
        { "{\"a\":[{\"numeric\":[\"<\",0]}]}", "{\"a\":-1e-9}", 1 },
        { "{\"a\":[{\"numeric\":[\"<\",0]}]}", "{\"a\":0}", 0 },
        { "{\"a\":[{\"numeric\":[\"<=\",0]}]}", "{\"a\":0}", 1 },
        { "{\"a\":[{\"numeric\":[\"<\",10]}]}", "{\"a\":-1e308}", 1 },
        { "{\"a\":[{\"numeric\":[\">\",0,\"<=\",5]}]}", "{\"a\":5}", 1 },
        { "{\"a\":[{\"numeric\":[\">\",0,\"<=\",5]}]}", "{\"a\":0}", 0 },
        { "{\"a\":[{\"numeric\":[\">\",0,\"<\",5]}]}", "{\"a\":5}", 0 },
        { "{\"a\":[{\"numeric\":[\">=\",0,\"<\",5]}]}", "{\"a\":0}", 1 },
        { "{\"a\":[{\"numeric\":[\">=\",0,\"<\",5]}]}", "{\"a\":[-1,6]}", 0 },
        { "{\"a\":[{\"numeric\":[\">=\",0,\"<\",5]}]}", "{\"a\":[-1,3]}", 1 },
        { "{\"a\":[{\"numeric\":[\">\",0]}]}", "{\"a\":true}", 0 },
        { "{\"a\":[{\"numeric\":[\">\",0]}]}", "{\"a\":null}", 0 },
        { "{\"a\":[{\"numeric\":[\">\",0]}]}", "{}", 0 },
        { "{\"a\":[{\"numeric\":[\">\",0]}]}", "{\"a\":12345678901234567890123}", 0 },
        { "{\"a\":[{\"numeric\":[\">\",1.5]}]}", "{\"a\":1.50001}", 1 },
    };
    CHECK_ROWS(rows);
}

TEST(pattern, texts)
{
    static const struct row rows[] = {
        { "{\"a\":[{\"prefix\":\"ab\"}]}", "{\"a\":\"abc\"}", 1 },
        { "{\"a\":[{\"prefix\":\"ab\"}]}", "{\"a\":\"ab\"}", 1 },
        { "{\"a\":[{\"prefix\":\"ab\"}]}", "{\"a\":\"a\"}", 0 },
        { "{\"a\":[{\"prefix\":\"ab\"}]}", "{\"a\":\"Abc\"}", 0 },
        { "{\"a\":[{\"prefix\":\"\"}]}", "{\"a\":\"x\"}", 1 },
        { "{\"a\":[{\"prefix\":\"\"}]}", "{\"a\":\"\"}", 1 },
        { "{\"a\":[{\"prefix\":\"\"}]}", "{\"a\":1}", 0 },
        { "{\"a\":[{\"prefix\":\"1\"}]}", "{\"a\":12}", 0 },
        { "{\"a\":[{\"prefix\":\"us-\"},\"eu\"]}", "{\"a\":\"eu\"}", 1 },
        { "{\"a\":[{\"prefix\":{\"equals-ignore-case\":\"aB\"}}]}", "{\"a\":\"Abc\"}", 1 },
        { "{\"a\":[{\"prefix\":{\"equals-ignore-case\":\"aB\"}}]}", "{\"a\":\"bab\"}", 0 },
        { "{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\"x.png\"}", 1 },
        { "{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\".png\"}", 1 },
        { "{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\"png\"}", 0 },
        { "{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\"x.PNG\"}", 0 },
        { "{\"a\":[{\"suffix\":\"\"}]}", "{\"a\":\"x\"}", 1 },
        { "{\"a\":[{\"suffix\":{\"equals-ignore-case\":\".png\"}}]}", "{\"a\":\"x.PnG\"}", 1 },
        { "{\"a\":[{\"suffix\":{\"equals-ignore-case\":\".png\"}}]}", "{\"a\":\"g\"}", 0 },
        { "{\"a\":[{\"suffix\":{\"equals-ignore-case\":\"\xc3\xa9\"}}]}", "{\"a\":\"CAF\xc3\x89\"}", 1 },
        { "{\"a\":[{\"equals-ignore-case\":\"aLice\"}]}", "{\"a\":\"ALICE\"}", 1 },
        { "{\"a\":[{\"equals-ignore-case\":\"aLice\"}]}", "{\"a\":\"ALICES\"}", 0 },
        { "{\"a\":[{\"equals-ignore-case\":\"\"}]}", "{\"a\":\"\"}", 1 },
        { "{\"a\":[{\"equals-ignore-case\":\"\"}]}", "{\"a\":\"a\"}", 0 },
        { "{\"a\":[{\"equals-ignore-case\":\"\xc3\x84\xce\xa9\xd0\x96\"}]}",
          "{\"a\":\"\xc3\xa4\xcf\x89\xd0\xb6\"}", 1 },
        { "{\"a\":[{\"equals-ignore-case\":\"\xc3\x84\"}]}", "{\"a\":\"\xc3\xa5\"}", 0 },
        { "{\"a\":[{\"equals-ignore-case\":\"[\"}]}", "{\"a\":\"{\"}", 0 },
        { "{\"a\":[{\"wildcard\":\"*.txt\"}]}", "{\"a\":\"n.txt\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"*.txt\"}]}", "{\"a\":\".txt\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"*.txt\"}]}", "{\"a\":\"n.txt2\"}", 0 },
        { "{\"a\":[{\"wildcard\":\"dir/*\"}]}", "{\"a\":\"dir/x/y\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"dir/*/b\"}]}", "{\"a\":\"dir/b\"}", 0 },
        { "{\"a\":[{\"wildcard\":\"dir/*/b\"}]}", "{\"a\":\"dir//b\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"a*a\"}]}", "{\"a\":\"a\"}", 0 },
        { "{\"a\":[{\"wildcard\":\"a*a\"}]}", "{\"a\":\"aa\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"*b*c*\"}]}", "{\"a\":\"xxbyyc\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"*b*c*\"}]}", "{\"a\":\"xxcyyb\"}", 0 },
        { "{\"a\":[{\"wildcard\":\"*aab\"}]}", "{\"a\":\"aaab\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"*\"}]}", "{\"a\":\"\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"*\"}]}", "{\"a\":1}", 0 },
        { "{\"a\":[{\"wildcard\":\"\"}]}", "{\"a\":\"\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"\"}]}", "{\"a\":\"x\"}", 0 },
        { "{\"a\":[{\"wildcard\":\"x\"}]}", "{\"a\":\"x\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"a\\\\*b\"}]}", "{\"a\":\"a*b\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"a\\\\*b\"}]}", "{\"a\":\"axb\"}", 0 },
        { "{\"a\":[{\"wildcard\":\"a\\\\\\\\b*\"}]}", "{\"a\":\"a\\\\bc\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"a?\"}]}", "{\"a\":\"ab\"}", 0 },
        { "{\"a\":[{\"wildcard\":\"*x*y*z\"}]}", "{\"a\":\"1x2y3z\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"*a*b*c*d*e\"}]}", "{\"a\":\"abcde\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"*a*a*a*a*\"}]}", "{\"a\":\"aaaa\"}", 1 },
        { "{\"a\":[{\"wildcard\":\"*/*/*/*\"}]}", "{\"a\":\"////\"}", 1 },
    };
    CHECK_ROWS(rows);
}

TEST(pattern, anything_but)
{
    static const struct row rows[] = {
        { "{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":\"y\"}", 1 },
        { "{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":\"x\"}", 0 },
        { "{\"a\":[{\"anything-but\":\"x\"}]}", "{}", 0 },
        { "{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":null}", 1 },
        { "{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":1}", 1 },
        { "{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":[]}", 0 },
        { "{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":{}}", 0 },
        { "{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":[\"x\",\"y\"]}", 1 },
        { "{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":[\"x\",\"x\"]}", 0 },
        { "{\"a\":[{\"anything-but\":[\"x\",\"y\"]}]}", "{\"a\":\"y\"}", 0 },
        { "{\"a\":[{\"anything-but\":[\"x\",\"y\"]}]}", "{\"a\":\"z\"}", 1 },
        { "{\"a\":[{\"anything-but\":1}]}", "{\"a\":1.0}", 0 },
        { "{\"a\":[{\"anything-but\":1}]}", "{\"a\":2}", 1 },
        { "{\"a\":[{\"anything-but\":1}]}", "{\"a\":\"1\"}", 1 },
        { "{\"a\":[{\"anything-but\":[1,2]}]}", "{\"a\":2e0}", 0 },
        { "{\"a\":[{\"anything-but\":[1,2]}]}", "{\"a\":3}", 1 },
        { "{\"a\":[{\"anything-but\":[1,2]}]}", "{\"a\":true}", 1 },
        { "{\"a\":[{\"anything-but\":{\"prefix\":\"ab\"}}]}", "{\"a\":\"abc\"}", 0 },
        { "{\"a\":[{\"anything-but\":{\"prefix\":\"ab\"}}]}", "{\"a\":\"bab\"}", 1 },
        { "{\"a\":[{\"anything-but\":{\"prefix\":[\"ab\",\"cd\"]}}]}", "{\"a\":\"cde\"}", 0 },
        { "{\"a\":[{\"anything-but\":{\"prefix\":\"1\"}}]}", "{\"a\":12}", 1 },
        { "{\"a\":[{\"anything-but\":{\"suffix\":\".c\"}}]}", "{\"a\":\"x.c\"}", 0 },
        { "{\"a\":[{\"anything-but\":{\"suffix\":[\".c\",\".h\"]}}]}", "{\"a\":\"x.y\"}", 1 },
        { "{\"a\":[{\"anything-but\":{\"equals-ignore-case\":\"X\"}}]}", "{\"a\":\"x\"}", 0 },
        { "{\"a\":[{\"anything-but\":{\"equals-ignore-case\":[\"X\",\"y\"]}}]}", "{\"a\":\"Y\"}", 0 },
        { "{\"a\":[{\"anything-but\":{\"equals-ignore-case\":[\"X\",\"y\"]}}]}", "{\"a\":\"z\"}", 1 },
        { "{\"a\":[{\"anything-but\":{\"wildcard\":\"*/lib/*\"}}]}", "{\"a\":\"a/lib/b\"}", 0 },
        { "{\"a\":[{\"anything-but\":{\"wildcard\":[\"*/lib/*\",\"*.o\"]}}]}", "{\"a\":\"x.o\"}", 0 },
        { "{\"a\":[{\"anything-but\":{\"wildcard\":[\"*/lib/*\",\"*.o\"]}}]}", "{\"a\":\"x.c\"}", 1 },
    };
    CHECK_ROWS(rows);
}

TEST(pattern, exists)
{
    static const struct row rows[] = {
        { "{\"a\":[{\"exists\":true}]}", "{\"a\":1}", 1 },
        { "{\"a\":[{\"exists\":true}]}", "{\"a\":null}", 1 },
        { "{\"a\":[{\"exists\":true}]}", "{\"a\":\"\"}", 1 },
        { "{\"a\":[{\"exists\":true}]}", "{}", 0 },
        { "{\"a\":[{\"exists\":true}]}", "{\"a\":{\"b\":1}}", 0 },
        { "{\"a\":[{\"exists\":true}]}", "{\"a\":[]}", 0 },
        { "{\"a\":[{\"exists\":true}]}", "{\"a\":[1]}", 1 },
        { "{\"a\":[{\"exists\":false}]}", "{\"a\":1}", 0 },
        { "{\"a\":[{\"exists\":false}]}", "{}", 1 },
        { "{\"a\":[{\"exists\":false}]}", "{\"a\":[]}", 1 },
        { "{\"a\":[{\"exists\":false}]}", "{\"a\":{\"b\":1}}", 1 },
        { "{\"a\":[{\"exists\":false}]}", "{\"a\":null}", 0 },
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{}", 1 },
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":1}", 1 },
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":{\"b\":1}}", 0 },
        { "{\"a\":{\"b\":[{\"exists\":true}]}}", "{\"a\":{\"c\":1}}", 0 },
        { "{\"a\":[{\"exists\":false},\"x\"]}", "{\"a\":\"x\"}", 1 },
        { "{\"a\":[{\"exists\":false},\"x\"]}", "{}", 1 },
        { "{\"a\":[{\"exists\":false},\"x\"]}", "{\"a\":\"y\"}", 0 },
        { "{\"a\":[{\"exists\":false},{\"anything-but\":\"x\"}]}", "{\"a\":\"y\"}", 1 },
        { "{\"a\":[\"x\"],\"b\":[{\"exists\":false}]}", "{\"a\":\"x\"}", 1 },
        { "{\"a\":[\"x\"],\"b\":[{\"exists\":false}]}", "{\"a\":\"x\",\"b\":0}", 0 },
        /* inside arrays */
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":[{\"c\":1},{\"b\":1}]}", 0 },
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":[{\"c\":1},{\"d\":1}]}", 1 },
        { "{\"a\":{\"b\":[{\"exists\":false}],\"c\":[1]}}", "{\"a\":[{\"c\":1},{\"b\":1}]}", 1 },
        { "{\"a\":{\"b\":[{\"exists\":false}],\"c\":[1]}}", "{\"a\":[{\"c\":1,\"b\":1},{\"c\":2}]}", 0 },
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":[]}", 1 },
        { "{\"a\":{\"b\":[{\"exists\":true}]}}", "{\"a\":[]}", 0 },
        { "{\"a\":[{\"exists\":false}]}", "{\"a\":[{},[]]}", 1 },
        { "{\"a\":[{\"exists\":false}]}", "{\"a\":[{},[1]]}", 0 },
        { "{\"a\":[{\"exists\":false},\"x\"]}", "{\"a\":[1,[\"x\"]]}", 1 },
        { "{\"a\":[{\"exists\":false},\"x\"]}", "{\"a\":[1,{}]}", 0 },
    };
    CHECK_ROWS(rows);
}

TEST(pattern, addresses)
{
    static const struct row rows[] = {
        { "{\"a\":[{\"cidr\":\"10.0.0.0/24\"}]}", "{\"a\":\"10.0.0.255\"}", 1 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/24\"}]}", "{\"a\":\"10.0.1.0\"}", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.77/24\"}]}", "{\"a\":\"10.0.0.1\"}", 1 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/9\"}]}", "{\"a\":\"10.127.0.1\"}", 1 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/9\"}]}", "{\"a\":\"10.128.0.1\"}", 0 },
        { "{\"a\":[{\"cidr\":\"0.0.0.0/0\"}]}", "{\"a\":\"255.1.2.3\"}", 1 },
        { "{\"a\":[{\"cidr\":\"0.0.0.0/0\"}]}", "{\"a\":\"::1\"}", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/24\"}]}", "{\"a\":\"10.0.0\"}", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/24\"}]}", "{\"a\":\"x\"}", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/24\"}]}", "{\"a\":10}", 0 },
        { "{\"a\":[{\"cidr\":\"2001:db8::/32\"}]}", "{\"a\":\"2001:db8:1::5\"}", 1 },
        { "{\"a\":[{\"cidr\":\"2001:db8::/32\"}]}", "{\"a\":\"2001:DB8:FFFF:0:0:0:0:1\"}", 1 },
        { "{\"a\":[{\"cidr\":\"2001:db8::/32\"}]}", "{\"a\":\"2001:db9::1\"}", 0 },
        { "{\"a\":[{\"cidr\":\"2001:db8::/33\"}]}", "{\"a\":\"2001:db8:8000::1\"}", 0 },
        { "{\"a\":[\"10.0.0.1\"]}", "{\"a\":\"10.0.0.1\"}", 1 },
        { "{\"a\":[\"10.0.0.1\"]}", "{\"a\":\"10.0.0.10\"}", 0 },
        { "{\"a\":[\"::1\"]}", "{\"a\":\"0:0:0:0:0:0:0:1\"}", 1 },
        { "{\"a\":[\"300.1.1.1\"]}", "{\"a\":\"300.1.1.1\"}", 1 },
    };
    CHECK_ROWS(rows);
}

TEST(pattern, dots_and_arrays)
{
    static const struct row rows[] = {
        { "{\"a.b\":[1]}", "{\"a\":{\"b\":1}}", 1 },
        { "{\"a\":{\"b\":[1]}}", "{\"a.b\":1}", 1 },
        { "{\"a.b\":[1]}", "{\"a.b\":1}", 1 },
        { "{\"a.b\":[1]}", "{\"a.b\":2}", 0 },
        { "{\"a.b\":{\"c\":[1]}}", "{\"a\":{\"b.c\":1}}", 1 },
        { "{\"a\":{\"b\":{\"c\":[1],\"d\":[2]}}}", "{\"a.b\":{\"c\":1},\"a\":{\"b.d\":2}}", 1 },
        { "{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a.b\":1,\"a.c\":2}", 1 },
        { "{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a.b\":1,\"a.d\":2}", 0 },
        { "{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a.b\":1,\"a\":{\"c\":2}}", 1 },
        { "{\"a\":{\"b\":[1]}}", "{\"a.b\":2,\"a\":{\"b\":1}}", 1 },
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a.b\":2}", 0 },
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a.bc\":2}", 1 },
        /* one step spelled in both ways: each field is asked by its path; an object at its end is no value */
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":{\"c\":1},\"a.c\":2}", 1 },
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":{\"b\":1},\"a.c\":2}", 0 },
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":{\"c\":1},\"a.b\":2}", 0 },
        { "{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":{\"b\":{\"c\":1}},\"a.c\":2}", 1 },
        { "{\"a\":{\"b\":[{\"exists\":true}]}}", "{\"a\":{\"b\":{\"c\":1}},\"a.c\":2}", 0 },
        { "{\"a\":{\"b\":[{\"exists\":true}]}}", "{\"a\":{\"b\":[{\"c\":1},2]},\"a.c\":2}", 1 },
        { "{\"a\":{\"b\":[{\"exists\":false}],\"c\":[2]}}", "{\"a\":{\"d\":1},\"a.c\":2}", 1 },
        { "{\"a\":{\"b\":[{\"exists\":false}],\"c\":[2]}}", "{\"a\":{\"d\":1},\"a.c\":3}", 0 },
        { "{\"a\":{\"b\":{\"c\":[1],\"d\":[2]}}}", "{\"a.b\":[{\"c\":1},{\"d\":2}]}", 0 },
        { "{\"a\":{\"b\":{\"c\":[1],\"d\":[2]}}}", "{\"a.b\":[{\"c\":1,\"d\":2}]}", 1 },
        { "{\"\":[1]}", "{\"\":1}", 1 },
        { "{\"\":{\"a\":[1]}}", "{\"\":{\"a\":1}}", 1 },
        { "{\"a\":{\"\":[1]}}", "{\"a\":{\"\":1}}", 1 },
        { "{\"a.\":[1]}", "{\"a\":{\"\":1}}", 1 },
        /* objects under one key written twice are merged, arrays replaced */
        { "{\"a\":{\"b\":[1]},\"a\":{\"c\":[2]}}", "{\"a\":{\"b\":1,\"c\":2}}", 1 },
        { "{\"a\":{\"b\":[1]},\"a\":{\"c\":[2]}}", "{\"a\":{\"c\":2}}", 0 },
        { "{\"a\":[1],\"a\":[2]}", "{\"a\":2}", 1 },
        { "{\"a\":[1],\"a\":[2]}", "{\"a\":1}", 0 },
        /* arrays */
        { "{\"a\":[\"x\",\"y\"]}", "{\"a\":[\"z\",\"y\"]}", 1 },
        { "{\"a\":[\"x\"]}", "{\"a\":[\"z\",\"y\"]}", 0 },
        { "{\"a\":[\"x\"]}", "{\"a\":[[\"x\"]]}", 1 },
        { "{\"a\":[\"x\"]}", "{\"a\":[{\"a\":\"x\"}]}", 0 },
        { "{\"a\":{\"b\":[\"x\"]}}", "{\"a\":[{\"b\":\"y\"},{\"b\":\"x\"}]}", 1 },
        { "{\"a\":{\"b\":[\"x\"]}}", "{\"a\":[[{\"b\":\"y\"}],[{\"b\":\"x\"}]]}", 1 },
        { "{\"e\":{\"f\":[\"Anna\"],\"l\":[\"Smith\"]}}",
          "{\"e\":[{\"f\":\"John\",\"l\":\"Doe\"},{\"f\":\"Anna\",\"l\":\"Smith\"}]}", 1 },
        { "{\"e\":{\"f\":[\"Anna\"],\"l\":[\"Jones\"]}}",
          "{\"e\":[{\"f\":\"Anna\",\"l\":\"Smith\"},{\"f\":\"Peter\",\"l\":\"Jones\"}]}", 0 },
        { "{\"e\":{\"f\":[\"Anna\"],\"l\":[\"Jones\"]}}",
          "{\"e\":[[{\"f\":\"Anna\",\"l\":\"Smith\"}],[{\"f\":\"Peter\",\"l\":\"Jones\"}]]}", 0 },
        { "{\"e\":{\"f\":[\"A\"]},\"g\":{\"l\":[\"J\"]}}",
          "{\"e\":[{\"f\":\"B\"},{\"f\":\"A\"}],\"g\":[{\"l\":\"J\"}]}", 1 },
        { "{\"a\":{\"b\":{\"c\":[1],\"d\":[2]}}}",
          "{\"a\":[{\"b\":[{\"c\":1},{\"d\":2}]},{\"b\":{\"c\":1,\"d\":2}}]}", 1 },
        { "{\"a\":{\"b\":{\"c\":[1],\"d\":[2]}}}", "{\"a\":[{\"b\":[{\"c\":1},{\"d\":2}]}]}", 0 },
        { "{\"a\":{\"b\":{\"c\":[1]},\"d\":[2]}}", "{\"a\":[{\"b\":[{\"c\":0},{\"c\":1}],\"d\":2}]}", 1 },
        { "{\"a\":{\"b\":[1]},\"a.c\":[2]}", "{\"a\":[{\"b\":1},{\"c\":2}]}", 0 },
    };
    CHECK_ROWS(rows);
}

TEST(pattern, or)
{
    static const struct row rows[] = {
        { "{\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"a\":1}", 1 },
        { "{\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"b\":2}", 1 },
        { "{\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"a\":2,\"b\":1}", 0 },
        { "{\"s\":[\"x\"],\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"b\":2}", 0 },
        { "{\"s\":[\"x\"],\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"s\":\"x\",\"b\":2}", 1 },
        { "{\"$or\":[{\"a\":[1]},{\"b\":[2]}],\"s\":[\"x\"]}", "{\"s\":\"y\",\"b\":2}", 0 },
        { "{\"d\":{\"$or\":[{\"a\":[1]},{\"b\":[2],\"c\":[3]}]}}", "{\"d\":{\"b\":2,\"c\":3}}", 1 },
        { "{\"d\":{\"$or\":[{\"a\":[1]},{\"b\":[2],\"c\":[3]}]}}", "{\"d\":{\"b\":2}}", 0 },
        { "{\"d\":{\"$or\":[{\"a\":[1]},{\"$or\":[{\"b\":[2]},{\"c\":[3]}]}]}}", "{\"d\":{\"c\":3}}", 1 },
        { "{\"$or\":[{\"a\":[{\"exists\":false}]},{\"b\":[2]}]}", "{}", 1 },
        { "{\"d\":{\"$or\":[{\"a\":[1]},{\"b\":[2]}],\"x\":[0]}}", "{\"d\":[{\"x\":0},{\"a\":1}]}", 0 },
        { "{\"d\":{\"$or\":[{\"a\":[1]},{\"b\":[2]}],\"x\":[0]}}", "{\"d\":[{\"x\":0,\"b\":2},{\"a\":1}]}",
          1 },
        { "{\"a\":[9],\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"a\":1}", 1 },
        { "{\"a\":[9],\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"a\":9,\"b\":2}", 1 },
        { "{\"a\":[9],\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"a\":9}", 0 },
    };
    static const struct row sns[] = {
        { "{\"$or\":[\"x\"]}", "{\"$or\":\"x\"}", 1 },
        { "{\"$or\":[{\"prefix\":\"x\"},{\"prefix\":\"y\"}]}", "{\"$or\":\"yes\"}", 1 },
        { "{\"$or\":{\"a\":[1]}}", "{\"$or\":{\"a\":1}}", 1 },
    };
    CHECK_ROWS(rows);
    for (size_t i = 0; i < ARRAY_LEN(sns); i++) {
        CLEANUP(buf_done) struct buf why = { 0 };

        EXPECT_INT(ask(PATTERN_SNS_BODY, sns[i].pattern, sns[i].event, &why), sns[i].want);
        EXPECT_INT(ask(PATTERN_EVENTS, sns[i].pattern, sns[i].event, &why), -1);
    }
}

/* ---- refusals ---- */

TEST(pattern, refused)
{
    /* column 0: no place is named */
    static const struct {
        const char *pattern, *why;
        int column;
    } rows[] = {
        { "\"a\"", "Filter is not an object", 2 },
        { "[]", "Filter is not an object", 2 },
        { "", "Filter is not an object", 1 },
        { "17", "Filter is not an object", 3 },
        { "{}", "Empty objects are not allowed", 3 },
        { "{\"a\":{}}", "Empty objects are not allowed", 8 },
        { "{\"a\":\"x\"}", "\"a\" must be an object or an array", 7 },
        { "{\"a\":17}", "\"a\" must be an object or an array", 8 },
        { "{\"a\":null}", "\"a\" must be an object or an array", 10 },
        { "{\"a\":{\"b\":true}}", "\"b\" must be an object or an array", 15 },
        { "{\"a\":[]}", "Empty arrays are not allowed", 8 },
        { "{\"a\":[[1]]}", "Match value must be String, number, true, false, or null", 8 },
        { "{\"a\":[{}]}", "Match expression name not found", 9 },
        { "{\"a\":[{\"x\":1}]}", "Unrecognized match type x", 13 },
        { "{\"a\":[{\"Prefix\":\"y\"}]}", "Unrecognized match type Prefix", 18 },
        { "{\"a\":[{\"PREFIX\":[\"y\"]}]}", "Unrecognized match type PREFIX", 18 },
        { "{\"a\":[{\"prefix\":1}]}", "prefix match pattern must be a string", 18 },
        { "{\"a\":[{\"prefix\":[\"x\"]}]}", "prefix match pattern must be a string", 18 },
        { "{\"a\":[{\"prefix\":{}}]}", "Prefix expression name not found", 19 },
        { "{\"a\":[{\"prefix\":{\"x\":1}}]}", "Unsupported prefix pattern: x", 23 },
        { "{\"a\":[{\"prefix\":{\"equals-ignore-case\":1}}]}",
          "equals-ignore-case match pattern must be a string", 40 },
        { "{\"a\":[{\"prefix\":\"x\",\"suffix\":\"y\"}]}", "Only one key allowed in match expression", 31 },
        { "{\"a\":[{\"suffix\":1}]}", "suffix match pattern must be a string", 18 },
        { "{\"a\":[{\"suffix\":{\"x\":1}}]}", "Unsupported suffix pattern: x", 23 },
        { "{\"a\":[{\"equals-ignore-case\":[\"x\"]}]}", "equals-ignore-case match pattern must be a string",
          30 },
        { "{\"a\":[{\"exactly\":1}]}", "exact match pattern must be a string", 19 },
        { "{\"a\":[{\"wildcard\":1}]}", "wildcard match pattern must be a string", 20 },
        { "{\"a\":[{\"wildcard\":\"a**b\"}]}", "Consecutive wildcard characters at pos 2", 25 },
        { "{\"a\":[{\"wildcard\":\"**\"}]}", "Consecutive wildcard characters at pos 1", 23 },
        { "{\"a\":[{\"wildcard\":\"a\\\\b\"}]}", "Invalid escape character at pos 2", 25 },
        { "{\"a\":[{\"wildcard\":\"a\\\\\"}]}", "Invalid escape character at pos 2", 24 },
        { "{\"a\":[{\"wildcard\":\"*a*a*a*a*a*\"}]}",
          "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences "
          "after a wildcard character",
          0 },
        { "{\"a\":[{\"exists\":\"true\"}]}", "exists match pattern must be either true or false.", 18 },
        { "{\"a\":[{\"exists\":null}]}", "exists match pattern must be either true or false.", 21 },
        { "{\"a\":[{\"exists\":true,\"x\":1}]}", "Only one key allowed in match expression", 27 },
        { "{\"a\":[{\"cidr\":1}]}", "prefix match pattern must be a string", 16 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0\"}]}", "Malformed CIDR, one '/' required", 0 },
        { "{\"a\":[{\"cidr\":\"\"}]}", "Malformed CIDR, one '/' required", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/\"}]}", "Malformed CIDR, one '/' required", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/1/2\"}]}", "Malformed CIDR, one '/' required", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/x\"}]}", "Malformed CIDR, mask bits must be an integer", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/99999999999\"}]}", "Malformed CIDR, mask bits must be an integer",
          0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/-1\"}]}", "Malformed CIDR, mask bits must not be negative", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/32\"}]}", "IPv4 mask bits must be < 32", 0 },
        { "{\"a\":[{\"cidr\":\"::/128\"}]}", "IPv6 mask bits must be < 128", 0 },
        { "{\"a\":[{\"cidr\":\"bad-ip/24\"}]}", "Nonstandard IP address: bad-ip", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0/24\"}]}", "Nonstandard IP address: 10.0.0", 0 },
        { "{\"a\":[{\"cidr\":\"10.0.0.999/24\"}]}", "Invalid IP address: 10.0.0.999", 0 },
        { "{\"a\":[{\"cidr\":\":::1/24\"}]}", "Invalid IP address: :::1", 0 },
        { "{\"a\":[{\"numeric\":1}]}", "Value of numeric must be an array.", 19 },
        { "{\"a\":[{\"numeric\":\">\"}]}", "Value of numeric must be an array.", 19 },
        { "{\"a\":[{\"numeric\":[]}]}", "Invalid member in numeric match: ]", 20 },
        { "{\"a\":[{\"numeric\":[1]}]}", "Invalid member in numeric match: 1", 20 },
        { "{\"a\":[{\"numeric\":[\"!\",1]}]}", "Unrecognized numeric range operator: !", 24 },
        { "{\"a\":[{\"numeric\":[\"<\",\"1\"]}]}", "Value of < must be numeric", 24 },
        { "{\"a\":[{\"numeric\":[\"<=\",null]}]}", "Value of <= must be numeric", 28 },
        { "{\"a\":[{\"numeric\":[\">\"]}]}", "Value of > must be numeric", 23 },
        { "{\"a\":[{\"numeric\":[\">=\",true]}]}", "Value of >= must be numeric", 28 },
        { "{\"a\":[{\"numeric\":[\"=\",\"x\"]}]}", "Value of equals must be numeric", 24 },
        { "{\"a\":[{\"numeric\":[\"=\",1,2]}]}", "Too many elements in numeric expression", 26 },
        { "{\"a\":[{\"numeric\":[\"<\",1,\">\",0]}]}", "Too many elements in numeric expression", 26 },
        { "{\"a\":[{\"numeric\":[\">\",1,2]}]}", "Bad value in numeric range: 2", 26 },
        { "{\"a\":[{\"numeric\":[\">\",1,\">\",2]}]}", "Bad numeric range operator: >", 28 },
        { "{\"a\":[{\"numeric\":[\">\",1,\"<\",\"2\"]}]}", "Value of < must be numeric", 30 },
        { "{\"a\":[{\"numeric\":[\">\",1,\"<\"]}]}", "Value of < must be numeric", 29 },
        { "{\"a\":[{\"numeric\":[\">\",1,\"<\",2,3]}]}", "Too many terms in numeric range expression", 32 },
        { "{\"a\":[{\"numeric\":[\">\",5,\"<\",5]}]}", "Bottom must be less than top", 31 },
        { "{\"a\":[{\"numeric\":[\">\",6,\"<\",5]}]}", "Bottom must be less than top", 31 },
        { "{\"a\":[{\"numeric\":[\"=\",1e400]}]}", "Cannot compare number : 1e400", 29 },
        { "{\"a\":[{\"numeric\":[\"=\",1],\"x\":1}]}", "Too many elements in numeric expression", 31 },
        { "{\"a\":[{\"anything-but\":{}}]}", "Anything-But expression name not found", 25 },
        { "{\"a\":[{\"anything-but\":{\"x\":1}}]}", "Unsupported anything-but pattern: x", 29 },
        { "{\"a\":[{\"anything-but\":{\"numeric\":[\"=\",1]}}]}", "Unsupported anything-but pattern: numeric",
          35 },
        { "{\"a\":[{\"anything-but\":null}]}",
          "Value of anything-but must be an array or single string/number value.", 27 },
        { "{\"a\":[{\"anything-but\":true}]}",
          "Value of anything-but must be an array or single string/number value.", 27 },
        { "{\"a\":[{\"anything-but\":[]}]}",
          "Inside anything but list, either all values are number or string, mixed type is not supported",
          25 },
        { "{\"a\":[{\"anything-but\":[1,\"x\"]}]}",
          "Inside anything but list, either all values are number or string, mixed type is not supported",
          30 },
        { "{\"a\":[{\"anything-but\":{\"prefix\":\"\"}}]}", "Null prefix/suffix not allowed", 35 },
        { "{\"a\":[{\"anything-but\":{\"prefix\":1}}]}", "prefix/suffix match pattern must be a string", 34 },
        { "{\"a\":[{\"anything-but\":{\"wildcard\":1}}]}", "wildcard match pattern must be a string", 36 },
        { "{\"a\":[{\"anything-but\":{\"wildcard\":\"**\"}}]}", "Consecutive wildcard characters at pos 1",
          39 },
        { "{\"a\":[{\"anything-but\":{\"equals-ignore-case\":1}}]}",
          "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.", 46 },
        { "{\"a\":[{\"anything-but\":\"x\",\"y\":1}]}", "Too many elements in numeric expression", 32 },
        { "{\"a\":[{\"anything-but\":1e999}]}", "Cannot compare number : 1e999", 0 },
        { "{\"$or\":1}", "It must be an Array followed with $or.", 9 },
        { "{\"$or\":[]}", "There must have at least 2 Objects in $or relationship.", 10 },
        { "{\"$or\":[{\"a\":[1]}]}", "There must have at least 2 Objects in $or relationship.", 19 },
        { "{\"$or\":[{\"a\":[1]},2]}", "Only JSON object is allowed in array of $or relationship.", 20 },
        { "{\"$or\":[{\"prefix\":[1]},{\"b\":[1]}]}",
          "prefix is Ruler reserved fieldName which cannot be used inside $or.", 20 },
        { "{\"a\":[1],}",
          "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 11 },
        { "{\"a\" [1]}",
          "Unexpected character ('[' (code 91)): was expecting a colon to separate field name and value", 7 },
        { "{\"a\":[x]}",
          "Unrecognized token 'x': was expecting (JSON String, Number, Array, Object or token 'null', 'true' "
          "or 'false')",
          8 },
        { "{\"a\":[1", "Unexpected end-of-input: expected close marker for Array", 8 },
        { "{\"\xc3\xa9\":1}", "\"\xc3\xa9\" must be an object or an array", 7 },
        { "{\"\xf0\x9f\x98\x80\":1}", "\"\xf0\x9f\x98\x80\" must be an object or an array", 8 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf why = { 0 }, want = { 0 };
        struct pattern *p = NULL;

        EXPECT_INT(pattern_compile(PATTERN_EVENTS, str_of(rows[i].pattern), &p, &why), -E_INVALID);
        EXPECT(p == NULL);
        buf_z(&want, rows[i].why);
        if (rows[i].column > 0)
            buf_printf(&want, "\n at [Source: (String)\"%s\"; line: 1, column: %d]", rows[i].pattern,
                       rows[i].column);
        EXPECT_STR(buf_view(&why), buf_view(&want));
    }
}

/* Inside a list the sentence is said twice over. */
TEST(pattern, refused_twice)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct pattern *p;

    EXPECT_INT(pattern_compile(PATTERN_EVENTS, STR("{\"a\":[{\"anything-but\":[null]}]}"), &p, &why),
               -E_INVALID);
    EXPECT_STR(buf_view(&why),
               STR("Inside anything but list, start|null|boolean is not supported."
                   "\n at [Source: (String)\"{\"a\":[{\"anything-but\":[null]}]}\"; line: 1, column: 28]"
                   "\n at [Source: (String)\"{\"a\":[{\"anything-but\":[null]}]}\"; line: 1, column: 28]"));
}

TEST(pattern, place_in_a_long_text)
{
    CLEANUP(buf_done) struct buf text = { 0 }, why = { 0 };
    struct pattern *p;

    buf_z(&text, "{\n  \"a\": [\"");
    for (int i = 0; i < 600; i++)
        buf_char(&text, 'x');
    buf_z(&text, "\"],\r\n \"b\": 1}");
    EXPECT_INT(pattern_compile(PATTERN_EVENTS, buf_view(&text), &p, &why), -E_INVALID);
    EXPECT(str_starts(buf_view(&why),
                      STR("\"b\" must be an object or an array\n at [Source: (String)\"{\n  \"a\": [\"xxx")));
    EXPECT(str_ends(buf_view(&why), STR("xx\"[truncated 124 chars]; line: 3, column: 8]")));
}

TEST(pattern, bounds)
{
    CLEANUP(buf_done) struct buf text = { 0 }, why = { 0 };
    struct pattern *p = NULL;

    /* 2^10 combinations; 2^9 pass */
    for (int n = 9; n <= 10; n++) {
        buf_clear(&text);
        buf_z(&text, "{");
        for (int i = 0; i < n; i++)
            buf_printf(&text, "%s\"k%d\":{\"$or\":[{\"a\":[1]},{\"b\":[1]}]}", i > 0 ? "," : "", i);
        buf_z(&text, "}");
        EXPECT_INT(pattern_compile(PATTERN_EVENTS, buf_view(&text), &p, &why), n == 9 ? 0 : -E_INVALID);
        p = pattern_free(p);
    }
    EXPECT_STR(buf_view(&why), STR("Rule is too complex - try using fewer alternatives in $or"));
    /* a key of a quarter of a million dots */
    buf_clear(&text);
    buf_z(&text, "{\"");
    for (int i = 0; i < 250000; i++)
        buf_char(&text, '.');
    buf_z(&text, "\":[1]}");
    EXPECT_INT(pattern_compile(PATTERN_EVENTS, buf_view(&text), &p, &why), -E_INVALID);
    buf_clear(&text);
    buf_reserve(&text, PATTERN_BYTES_MOST + 1);
    memset(text.p, ' ', PATTERN_BYTES_MOST + 1);
    EXPECT_INT(pattern_compile(PATTERN_EVENTS, str_make(text.p, PATTERN_BYTES_MOST + 1), &p, &why),
               -E_INVALID);
}

/* What EventBridge takes and what not; where no request to AWS is known, what the Event Ruler's evaluator
 * says of the same array: more than ten is too much. */
TEST(pattern, wildcards_too_complex)
{
    static const struct {
        const char *tests;
        bool taken;
    } rows[] = {
        { "{\"wildcard\":\"*a*a*a*a*a\"}", true },   /* 10 */
        { "{\"wildcard\":\"*a*a*a*a*a*\"}", false }, /* 11 */
        { "{\"wildcard\":\"*:*:*:*:*:event-bus/*\"}", false },
        { "{\"wildcard\":\"arn:*:*:*:*:x\"}", true },
        { "{\"wildcard\":\"*abcabcabcabcabcabcabcabc*\"}", true },
        { "{\"wildcard\":\"*abcabcabcabcabcabcabcabcabc*\"}", false },
        { "{\"wildcard\":\"*a*b*c*d*e*f*g*h*i\"}", true },
        { "{\"wildcard\":\"*a*b*c*d*e*f*g*h*i*\"}", false },
        { "{\"wildcard\":\"*\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\"}", true }, /* the closing quote is one more */
        { "{\"wildcard\":\"*\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\"}", false },
        { "{\"wildcard\":\"a*\"},{\"wildcard\":\"b*\"},{\"wildcard\":\"c*\"},{\"wildcard\":\"d*\"},{"
          "\"wildcard\":\"e*\"},"
          "{\"wildcard\":\"f*\"},{\"wildcard\":\"g*\"},{\"wildcard\":\"h*\"},{\"wildcard\":\"i*\"},{"
          "\"wildcard\":\"j*\"}",
          true },
        { "{\"wildcard\":\"a*\"},{\"wildcard\":\"b*\"},{\"wildcard\":\"c*\"},{\"wildcard\":\"d*\"},{"
          "\"wildcard\":\"e*\"},"
          "{\"wildcard\":\"f*\"},{\"wildcard\":\"g*\"},{\"wildcard\":\"h*\"},{\"wildcard\":\"i*\"},{"
          "\"wildcard\":\"j*\"},"
          "{\"wildcard\":\"k*\"}",
          false },
        /* one pattern, one beginning */
        { "{\"anything-but\":{\"wildcard\":[\"a*\",\"b*\",\"c*\",\"d*\",\"e*\",\"f*\",\"g*\",\"h*\",\"i*\","
          "\"j*\",\"k*\"]}}",
          true },
        { "{\"anything-but\":{\"wildcard\":\"*a*a*a*a*a*\"}}", false },
        /* what is written twice counts once; what stands beside it does not count */
        { "{\"wildcard\":\"*a*a*a*a*a\"},{\"wildcard\":\"*a*a*a*a*a\"},\"aaaa\",{\"prefix\":\"aaa\"}", true },
        { "{\"wildcard\":\"*a*a*a\"},{\"wildcard\":\"*a*a\"}", true },    /* 6 + 4 */
        { "{\"wildcard\":\"*a*a*a\"},{\"wildcard\":\"*a*a*\"}", false },  /* 6 + 5 */
        { "{\"wildcard\":\"x*a*a*a\"},{\"wildcard\":\"y*a*a*\"}", true }, /* no text is both */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf text = { 0 }, why = { 0 };
        struct pattern *p = NULL;

        buf_printf(&text, "{\"a\":[%s]}", rows[i].tests);
        EXPECT_INT(pattern_compile(PATTERN_EVENTS, buf_view(&text), &p, &why),
                   rows[i].taken ? 0 : -E_INVALID);
        EXPECT(rows[i].taken ||
               str_starts(buf_view(&why), STR("Rule is too complex - try using fewer wildcard characters")));
        pattern_free(p);
    }
}

/* A wildcard is no way to keep the machine busy: 2 MB against three stars, in well under a second. */
TEST(pattern, wildcard_is_linear)
{
    struct arena *a CLEANUP(arena_freep) = arena_new(0);
    CLEANUP(buf_done) struct buf text = { 0 }, why = { 0 };
    struct pattern *p = NULL;
    struct json *doc;

    EXPECT_INT(pattern_compile(PATTERN_EVENTS, STR("{\"a\":[{\"wildcard\":\"*aab*aac*aad\"}]}"), &p, &why),
               0);
    buf_z(&text, "{\"a\":\"");
    for (int i = 0; i < 2000000; i++)
        buf_char(&text, 'a');
    buf_z(&text, "\"}");
    EXPECT_INT(json_parse(a, buf_view(&text), &doc, NULL), 0);
    EXPECT(!pattern_match(p, doc));
    pattern_free(p);
}

/* ---- SNS ---- */

TEST(pattern, sns_limits)
{
    static const struct {
        enum pattern_dialect dialect;
        const char *pattern, *why;
    } rows[] = {
        { PATTERN_SNS_ATTRIBUTES, "{\"a\":[1],\"b\":[1],\"c\":[1],\"d\":[1],\"e\":[1]}", NULL },
        { PATTERN_SNS_ATTRIBUTES, "{\"a\":[1],\"b\":[1],\"c\":[1],\"d\":[1],\"e\":[1],\"f\":[1]}",
          "Filter policy can not have more than 5 keys" },
        { PATTERN_SNS_BODY, "{\"a\":[1],\"b\":[1],\"c\":[1],\"d\":[1],\"e\":[1],\"f\":[1]}",
          "Filter policy can not have more than 5 keys" },
        { PATTERN_SNS_BODY, "{\"a\":{\"b\":[1,2,3,4,5],\"c\":[1,2,3,4,5]}}", NULL },
        { PATTERN_SNS_BODY, "{\"a\":{\"b\":[1,2,3,4,5,6],\"c\":[1,2,3,4,5,6]}}", NULL },
        { PATTERN_SNS_BODY, "{\"a\":{\"b\":[1,2,3,4,5,6],\"c\":[1,2,3,4,5,6,7]}}",
          "Filter policy is too complex" },
        { PATTERN_SNS_ATTRIBUTES,
          "{\"a\":[1,2,3,4,5,6,7,8,9,10],\"b\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}", NULL },
        { PATTERN_SNS_ATTRIBUTES,
          "{\"a\":[1,2,3,4,5,6,7,8,9,10],\"b\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}",
          "Filter policy is too complex" },
        { PATTERN_SNS_ATTRIBUTES, "{\"a\":{\"b\":[1]}}",
          "Filter policy scope MessageAttributes does not support nested filter policy" },
        { PATTERN_SNS_ATTRIBUTES, "{\"$or\":[{\"a\":[1]},{\"b\":[1]}]}", NULL },
        { PATTERN_SNS_ATTRIBUTES, "{\"$or\":[{\"a\":[1]},{\"b\":{\"c\":[1]}}]}",
          "Filter policy scope MessageAttributes does not support nested filter policy" },
        { PATTERN_SNS_ATTRIBUTES, "{\"a\":\"x\"}", "\"a\" must be an object or an array" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf why = { 0 };
        struct pattern *p = NULL;
        struct str line, rest;

        EXPECT_INT(pattern_compile(rows[i].dialect, str_of(rows[i].pattern), &p, &why),
                   rows[i].why == NULL ? 0 : -E_INVALID);
        rest = buf_view(&why);
        str_cut(&rest, '\n', &line);
        EXPECT_STR(line, rows[i].why == NULL ? STR("") : str_of(rows[i].why));
        pattern_free(p);
    }
}

TEST(pattern, sns_attributes)
{
    static const struct {
        const char *pattern, *type, *value;
        bool want;
    } rows[] = {
        { "{\"a\":[\"x\"]}", "String", "x", true },
        { "{\"a\":[\"x\"]}", "String", "y", false },
        { "{\"a\":[\"x\"]}", "String.custom", "x", true },
        { "{\"a\":[\"x\"]}", "Binary", "x", false },
        { "{\"a\":[{\"exists\":true}]}", "Binary", "x", true },
        { "{\"a\":[{\"exists\":false}]}", "Binary", "x", false },
        { "{\"a\":[{\"anything-but\":\"x\"}]}", "Binary", "y", false },
        { "{\"a\":[1]}", "String", "1", false },
        { "{\"a\":[1]}", "Number", "1", true },
        { "{\"a\":[1]}", "Number", "1.0", true },
        { "{\"a\":[\"1\"]}", "Number", "1", false },
        { "{\"a\":[{\"numeric\":[\">\",0,\"<\",10]}]}", "Number", "9.99", true },
        { "{\"a\":[{\"numeric\":[\">\",0,\"<\",10]}]}", "Number", "10", false },
        { "{\"a\":[{\"numeric\":[\">\",0]}]}", "Number", "true", false },
        { "{\"a\":[{\"numeric\":[\">\",0]}]}", "Number", "\"1\"", false },
        { "{\"a\":[{\"anything-but\":[1,2]}]}", "Number", "3", true },
        { "{\"a\":[{\"anything-but\":[1,2]}]}", "Number", "2", false },
        { "{\"a\":[\"x\"]}", "String.Array", "[\"y\",\"x\"]", true },
        { "{\"a\":[\"x\"]}", "String.Array", "[\"y\"]", false },
        { "{\"a\":[\"x\"]}", "String.Array", "x", false },
        { "{\"a\":[\"x\"]}", "String.Array", "\"x\"", true },
        { "{\"a\":[100,500]}", "String.Array", "100", true },
        { "{\"a\":[100,500]}", "String.Array", "7", false },
        { "{\"a\":[100]}", "String.Array", "{\"a\":100}", false },
        { "{\"a\":[true]}", "String.Array", "[true]", true },
        { "{\"a\":[null]}", "String.Array", "[null]", true },
        { "{\"a\":[2]}", "String.Array", "[1,2.0]", true },
        { "{\"a\":[{\"prefix\":\"bas\"}]}", "String.Array", "[\"x\",\"baseball\"]", true },
        { "{\"a\":[{\"anything-but\":[\"rugby\",\"tennis\"]}]}", "String.Array", "[\"rugby\",\"baseball\"]",
          true },
        { "{\"a\":[{\"anything-but\":[\"rugby\",\"tennis\"]}]}", "String.Array", "[\"rugby\"]", false },
        { "{\"a\":[{\"prefix\":\"bas\"}]}", "String", "baseball", true },
        { "{\"a\":[{\"suffix\":\"ball\"}]}", "String", "baseball", true },
        { "{\"a\":[{\"equals-ignore-case\":\"tennis\"}]}", "String", "TENNIS", true },
        { "{\"a\":[{\"cidr\":\"10.0.0.0/24\"}]}", "String", "10.0.0.7", true },
        { "{\"a\":[{\"exists\":true}]}", "String", "", true },
        { "{\"b\":[{\"exists\":false}]}", "String", "x", true },
        { "{\"b\":[\"x\"]}", "String", "x", false },
        { "{\"a\":[\"x\"],\"b\":[{\"exists\":false},\"y\"]}", "String", "x", true },
        { "{\"$or\":[{\"a\":[\"x\"]},{\"b\":[\"y\"]}]}", "String", "x", true },
        { "{\"$or\":[{\"c\":[\"x\"]},{\"b\":[\"y\"]}]}", "String", "x", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf why = { 0 };
        struct pattern_attribute v = { STR("a"), str_of(rows[i].type), str_of(rows[i].value) };
        struct pattern *p = NULL;

        EXPECT_INT(pattern_compile(PATTERN_SNS_ATTRIBUTES, str_of(rows[i].pattern), &p, &why), 0);
        if (p != NULL && pattern_match_attributes(p, &v, 1) != rows[i].want)
            UNIT_FAIL("%s with %s %s: want %d", rows[i].pattern, rows[i].type, rows[i].value, rows[i].want);
        pattern_free(p);
    }
}

TEST(pattern, sns_attribute_name_with_a_dot)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct pattern_attribute v[] = { { STR("a"), STR("String"), STR("y") },
                                     { STR("a.b"), STR("String"), STR("x") } };
    struct pattern *p = NULL;

    EXPECT_INT(pattern_compile(PATTERN_SNS_ATTRIBUTES, STR("{\"a.b\":[\"x\"]}"), &p, &why), 0);
    EXPECT(pattern_match_attributes(p, v, 2));
    EXPECT(!pattern_match_attributes(p, v, 1));
    EXPECT(!pattern_match_attributes(p, NULL, 0));
    pattern_free(p);
}

UNIT_MAIN

TEST(pattern, a_job_is_told_to_stop)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf text = { 0 }, why = { 0 };
    struct pattern *p;
    struct json *doc;
    atomic_bool stop = false;
    uint64_t left = UINT64_MAX, plain = UINT64_MAX;

    for (int i = 0; i < 200; i++)
        buf_printf(&text, i > 0 ? ",%d" : "{\"a\":[%d", 1000 + i);
    buf_z(&text, "]}");
    EXPECT_INT(pattern_compile(PATTERN_EVENTS, buf_view(&text), &p, &why), 0);
    buf_clear(&text);
    for (int i = 0; i < 20000; i++)
        buf_z(&text, i > 0 ? ",7" : "{\"a\":[7");
    buf_z(&text, "]}");
    EXPECT_INT(json_parse(a, buf_view(&text), &doc, NULL), 0);
    EXPECT(!pattern_match_unless(p, doc, &left, &stop)); /* to the end, with as many steps as without */
    EXPECT(!pattern_match_within(p, doc, &plain));
    EXPECT(left == plain && left > 0);
    stop = true;
    left = UINT64_MAX;
    (void)pattern_match_unless(p, doc, &left, &stop);
    EXPECT(left == 0);
    pattern_free(p);
}
