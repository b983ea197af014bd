/* test_json.c - the reader: what it accepts, where it says the fault is, what nodes answer. */
#include <math.h>
#include "base/json.h"
#include "test/unit.h"

static const char *const problem_names[] = {
    "OK",         "EMPTY",       "UNEXPECTED_CHAR", "UNEXPECTED_END", "BAD_UTF8", "BAD_ESCAPE",
    "BAD_NUMBER", "BAD_LITERAL", "CONTROL_CHAR",    "TRAILING",       "TOO_DEEP"
};
static const char *const wanted_names[] = { "VALUE", "KEY", "COLON", "COMMA", "INSIDE", "END" };

/* text, then: problem wanted at line:column byte, innermost open container with its place */
static const struct {
    struct str text;
    const char *want;
} faults[] = {
    { STR(""), "EMPTY VALUE 0 1:1 00" },
    { STR(" \r\n "), "EMPTY VALUE 4 2:2 00" },
    { STR("{"), "UNEXPECTED_END KEY 1 1:2 00 {1:1" },
    { STR("{ "), "UNEXPECTED_END KEY 2 1:3 00 {1:1" },
    { STR("["), "UNEXPECTED_END VALUE 1 1:2 00 [1:1" },
    { STR("[ "), "UNEXPECTED_END VALUE 2 1:3 00 [1:1" },
    { STR("[1"), "UNEXPECTED_END COMMA 2 1:3 00 [1:1" },
    { STR("[1,"), "UNEXPECTED_END VALUE 3 1:4 00 [1:1" },
    { STR("{\"a\""), "UNEXPECTED_END COLON 4 1:5 00 {1:1" },
    { STR("{\"a\":"), "UNEXPECTED_END VALUE 5 1:6 00 {1:1" },
    { STR("{\"a\":1,"), "UNEXPECTED_END KEY 7 1:8 00 {1:1" },
    { STR("{\n \"a\": [1,\n  {\"b\""), "UNEXPECTED_END COLON 18 3:7 00 {3:3" },
    { STR("\"abc"), "UNEXPECTED_END INSIDE 4 1:5 00" },
    { STR("\"abc\\"), "UNEXPECTED_END INSIDE 5 1:6 00" },
    { STR("\"\\u12"), "UNEXPECTED_END INSIDE 5 1:6 00" },
    { STR("-"), "UNEXPECTED_END INSIDE 1 1:2 00" },
    { STR("1."), "UNEXPECTED_END INSIDE 2 1:3 00" },
    { STR("1e+"), "UNEXPECTED_END INSIDE 3 1:4 00" },
    { STR("tru"), "UNEXPECTED_END INSIDE 3 1:4 00" },
    { STR("'a'"), "UNEXPECTED_CHAR VALUE 0 1:1 27" },
    { STR("\x01"), "UNEXPECTED_CHAR VALUE 0 1:1 01" },
    { STR("\x99"), "BAD_UTF8 VALUE 0 1:1 99" },
    { STR("\xc3\xa9"), "UNEXPECTED_CHAR VALUE 0 1:1 C3" },
    { STR("[1,]"), "UNEXPECTED_CHAR VALUE 3 1:4 5D [1:1" },
    { STR("[,1]"), "UNEXPECTED_CHAR VALUE 1 1:2 2C [1:1" },
    { STR("[1 2]"), "UNEXPECTED_CHAR COMMA 3 1:4 32 [1:1" },
    { STR("[1}"), "UNEXPECTED_CHAR COMMA 2 1:3 7D [1:1" },
    { STR("{\"a\":1]"), "UNEXPECTED_CHAR COMMA 6 1:7 5D {1:1" },
    { STR("{\"a\":1,}"), "UNEXPECTED_CHAR KEY 7 1:8 7D {1:1" },
    { STR("{a:1}"), "UNEXPECTED_CHAR KEY 1 1:2 61 {1:1" },
    { STR("{1:1}"), "UNEXPECTED_CHAR KEY 1 1:2 31 {1:1" },
    { STR("{,}"), "UNEXPECTED_CHAR KEY 1 1:2 2C {1:1" },
    { STR("{\"a\" 1}"), "UNEXPECTED_CHAR COLON 5 1:6 31 {1:1" },
    { STR("{\"a\":}"), "UNEXPECTED_CHAR VALUE 5 1:6 7D {1:1" },
    { STR("hello world"), "BAD_LITERAL VALUE 0 1:6 68" },
    { STR("[tru]"), "BAD_LITERAL VALUE 1 1:5 74 [1:1" },
    { STR("[truex]"), "BAD_LITERAL VALUE 1 1:7 74 [1:1" },
    { STR("NaN"), "BAD_LITERAL VALUE 0 1:4 4E" },
    { STR("01"), "BAD_NUMBER INSIDE 1 1:2 31" },
    { STR("-a"), "BAD_NUMBER INSIDE 1 1:2 61" },
    { STR("1.e1"), "BAD_NUMBER INSIDE 2 1:3 65" },
    { STR("1ex"), "BAD_NUMBER INSIDE 2 1:3 78" },
    { STR("\"\\x\""), "BAD_ESCAPE INSIDE 2 1:3 78" },
    { STR("\"\\u12g4\""), "BAD_ESCAPE INSIDE 5 1:6 67" },
    { STR("\"\\\0\""), "BAD_ESCAPE INSIDE 2 1:3 00" },
    { STR("\"a\nb\""), "CONTROL_CHAR INSIDE 2 1:3 0A" },
    { STR("\"a\x87\""), "BAD_UTF8 INSIDE 2 1:3 87" },
    { STR("\"0123456789abcdefghi\xed\xa0\x80\""), "BAD_UTF8 INSIDE 20 1:21 ED" },
    { STR("1 2"), "TRAILING END 2 1:3 32" },
    { STR("{}}"), "TRAILING END 2 1:3 7D" },
    { STR("1\0"), "TRAILING END 1 1:2 00" },
    { STR("{\r\n\"a\":1,\r\"b\":x}"), "BAD_LITERAL VALUE 14 3:6 78 {1:1" },
    { STR("\xef\xbb\xbf{}"), "UNEXPECTED_CHAR VALUE 0 1:1 EF" },
};

static struct str told(struct arena *a, const struct json_error *e)
{
    struct str open = STR("");

    if (e->open != 0)
        open = arena_printf(a, " %c%u:%u", e->open, e->open_line, e->open_column);
    return arena_printf(a, "%s %s %zu %u:%u %02X" STR_FMT, problem_names[e->problem], wanted_names[e->wanted],
                        e->at, e->line, e->column, e->byte, STR_ARG(open));
}

TEST(json, faults_and_their_places)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        CLEANUP(arena_freep) struct arena *a = arena_new(0);
        /* A copy of the exact size, so that a read past the end is caught. */
        char *exact = xmalloc(faults[i].text.n);
        struct str text = str_make(exact, faults[i].text.n);
        struct json_error e = { 0 }, f = { 0 };
        struct json *j = NULL;

        memcpy(exact, faults[i].text.p, text.n);
        EXPECT_INT(json_check(text, &e), -E_INVALID);
        EXPECT_STR(told(a, &e), str_of(faults[i].want));
        EXPECT_INT(json_parse(a, text, &j, &f), -E_INVALID);
        EXPECT_STR(told(a, &f), str_of(faults[i].want));
        EXPECT(j == NULL);
        free(exact);
    }
}

TEST(json, error_is_optional_and_untouched_on_success)
{
    struct json_error e = { .problem = JSON_TRAILING, .at = 99 };

    EXPECT_INT(json_check(STR("nope"), NULL), -E_INVALID);
    EXPECT_INT(json_check(STR_NONE, NULL), -E_INVALID);
    EXPECT_INT(json_check(STR("1"), &e), 0);
    EXPECT(e.problem == JSON_TRAILING && e.at == 99);
}

TEST(json, every_prefix_of_a_text_is_refused)
{
    struct str s = STR("{\"a\":[1.5e-3,true,false,null,\"x\\u00e9\\n\xe2\x82\xac\"],\"b\":{},\"c\":[[]]}");

    EXPECT_INT(json_check(s, NULL), 0);
    for (size_t n = 0; n < s.n; n++) {
        char *exact = xmalloc(n);
        struct json_error e;

        memcpy(exact, s.p, n);
        if (json_check(str_make(exact, n), &e) != -E_INVALID)
            UNIT_FAIL("prefix of %zu bytes accepted", n);
        else if (e.problem != JSON_UNEXPECTED_END && e.problem != JSON_EMPTY && e.problem != JSON_BAD_UTF8)
            UNIT_FAIL("prefix of %zu bytes: %s", n, problem_names[e.problem]);
        free(exact);
    }
}

/* Strings long enough for the wide steps, with the stopping byte at every place in them. */
TEST(json, a_bad_byte_is_found_wherever_it_stands)
{
    static const char stops[] = { '\x1f', '\x80', '\n', '\xff' };
    char text[72];
    struct json_error e;

    for (size_t n = 2; n <= sizeof(text); n++)
        for (size_t at = 1; at + 1 < n; at++)
            for (size_t k = 0; k < sizeof(stops); k++) {
                memset(text, 'x', n);
                text[0] = text[n - 1] = '"';
                EXPECT_INT(json_check(str_make(text, n), &e), 0);
                text[at] = stops[k];
                EXPECT_INT(json_check(str_make(text, n), &e), -E_INVALID);
                EXPECT_INT(e.at, at);
            }
}

static struct str nested(struct arena *a, size_t depth, const char *open, const char *close)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    for (size_t i = 0; i < depth; i++)
        buf_z(&b, open);
    buf_char(&b, '1');
    for (size_t i = 0; i < depth; i++)
        buf_z(&b, close);
    return buf_to_arena(&b, a);
}

TEST(json, depth_has_a_limit)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json_error e;
    struct json *j;

    EXPECT_INT(json_parse(a, nested(a, JSON_MAX_DEPTH, "[", "]"), &j, &e), 0);
    EXPECT_INT(json_parse(a, nested(a, JSON_MAX_DEPTH, "{\"k\":", "}"), &j, &e), 0);
    EXPECT_INT(json_check(nested(a, JSON_MAX_DEPTH + 1, "[", "]"), &e), -E_INVALID);
    EXPECT_INT(e.problem, JSON_TOO_DEEP);
    EXPECT_INT(e.at, JSON_MAX_DEPTH);
    EXPECT_INT(e.open_column, JSON_MAX_DEPTH);
}

TEST(json, nodes)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json *j, *b;

    EXPECT_INT(
        json_parse(a, STR(" { \"a\" : 1 , \"b\" : [ true , false , null , \"s\" , -1.50 , { } , [ ] ] } "),
                   &j, NULL),
        0);
    EXPECT_INT(j->type, JSON_OBJECT);
    EXPECT_INT(j->n, 2);
    EXPECT_STR(j->raw, STR("{ \"a\" : 1 , \"b\" : [ true , false , null , \"s\" , -1.50 , { } , [ ] ] }"));
    EXPECT_STR(j->first->key, STR("a"));
    EXPECT_STR(json_get(j, STR("a"))->raw, STR("1"));
    b = json_get(j, STR("b"));
    EXPECT_INT(b->n, 7);
    EXPECT_STR(b->raw, STR("[ true , false , null , \"s\" , -1.50 , { } , [ ] ]"));
    EXPECT_INT(json_at(b, 0)->type, JSON_TRUE);
    EXPECT_INT(json_at(b, 1)->type, JSON_FALSE);
    EXPECT_INT(json_at(b, 2)->type, JSON_NULL);
    EXPECT_STR(json_at(b, 3)->raw, STR("s"));
    EXPECT_STR(json_at(b, 4)->raw, STR("-1.50"));
    EXPECT_STR(json_at(b, 5)->raw, STR("{ }"));
    EXPECT_STR(json_at(b, 6)->raw, STR("[ ]"));
    EXPECT_INT(json_at(b, 6)->n, 0);
    EXPECT(json_at(b, 7) == NULL && json_at(j, 0) == NULL && json_get(b, STR("a")) == NULL);
    EXPECT(json_get(NULL, STR("a")) == NULL && json_at(NULL, 0) == NULL && json_get(j, STR("c")) == NULL);
}

TEST(json, last_of_duplicate_keys_counts)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json *j;

    EXPECT_INT(json_parse(a, STR("{\"a\":1,\"b\":2,\"\\u0061\":3}"), &j, NULL), 0);
    EXPECT_INT(j->n, 3);
    EXPECT_STR(json_get(j, STR("a"))->raw, STR("3"));
    EXPECT(json_get(j, STR("\\u0061")) == NULL);
    EXPECT_STR(json_key(a, j->first->next->next), STR("a"));
}

TEST(json, keys_with_escapes)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json *j;

    EXPECT_INT(json_parse(a, STR("{\"a\\\"b\":1,\"\\ud83d\\ude00\":2,\"\":3,\"x\\u0000\":4}"), &j, NULL), 0);
    EXPECT_STR(json_get(j, STR("a\"b"))->raw, STR("1"));
    EXPECT_STR(json_get(j, STR("\xf0\x9f\x98\x80"))->raw, STR("2"));
    EXPECT_STR(json_get(j, STR(""))->raw, STR("3"));
    EXPECT_STR(json_get(j, STR("x\0"))->raw, STR("4"));
    EXPECT(json_get(j, STR("x")) == NULL && json_get(j, STR("a\"")) == NULL &&
           json_get(j, STR("a\"bc")) == NULL);
}

TEST(json, text)
{
    static const struct {
        struct str in, out;
    } rows[] = {
        { STR("\"\""), STR("") },
        { STR("\"plain\""), STR("plain") },
        { STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR("\"\\/\b\f\n\r\t") },
        { STR("\"a\\u0041\\u00e9\\u20ac\\uD83D\\uDE00z\""), STR("aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z") },
        { STR("\"\\u0000\""), STR("\0") },
        { STR("\"\\ud83d\""), STR("\xef\xbf\xbd") },
        { STR("\"\\ude00\\ud83d\""), STR("\xef\xbf\xbd\xef\xbf\xbd") },
        { STR("\"\\ud83d\\u0041\""), STR("\xef\xbf\xbd"
                                         "A") },
        { STR("\"\\ud83d\\n\""), STR("\xef\xbf\xbd\n") },
        { STR("\"\\ud83dx\\ude00\""), STR("\xef\xbf\xbdx\xef\xbf\xbd") },
        { STR("1"), STR_NONE },
        { STR("null"), STR_NONE },
        { STR("[]"), STR_NONE },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_freep) struct arena *a = arena_new(0);
        struct json *j;

        EXPECT_INT(json_parse(a, rows[i].in, &j, NULL), 0);
        EXPECT_STR(json_text(a, j), rows[i].out);
        if (rows[i].out.p != NULL)
            EXPECT(json_text(a, j).p[rows[i].out.n] == '\0');
    }
    EXPECT_STR(json_text(NULL, NULL), STR_NONE);
}

TEST(json, get_text)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json *j;

    EXPECT_INT(json_parse(a, STR("{\"a\":\"x\\ty\",\"n\":5,\"z\":null}"), &j, NULL), 0);
    EXPECT_STR(json_get_text(a, j, STR("a")), STR("x\ty"));
    EXPECT_STR(json_get_text(a, j, STR("n")), STR_NONE);
    EXPECT_STR(json_get_text(a, j, STR("z")), STR_NONE);
    EXPECT_STR(json_get_text(a, j, STR("missing")), STR_NONE);
}

TEST(json, whole_numbers)
{
    static const struct {
        const char *text;
        int r;
        int64_t v;
    } rows[] = {
        { "0", 0, 0 },
        { "-0", 0, 0 },
        { "-0.0e5", 0, 0 },
        { "0e999999999999999999999", 0, 0 },
        { "7", 0, 7 },
        { "1e3", 0, 1000 },
        { "1E+3", 0, 1000 },
        { "5.0", 0, 5 },
        { "5.000e0", 0, 5 },
        { "1.5e1", 0, 15 },
        { "0.05e2", 0, 5 },
        { "100e-2", 0, 1 },
        { "-12.30e1", 0, -123 },
        { "1200e-1", 0, 120 },
        { "9223372036854775807", 0, INT64_MAX },
        { "-9223372036854775808", 0, INT64_MIN },
        { "9223372036854775807.0", 0, INT64_MAX },
        { "922337203685477580.7e1", 0, INT64_MAX },
        { "9223372036854775808", -E_LIMIT, 0 },
        { "-9223372036854775809", -E_LIMIT, 0 },
        { "1e19", -E_LIMIT, 0 },
        { "1e999999999999999999999", -E_LIMIT, 0 },
        { "123456789012345678901234567890", -E_LIMIT, 0 },
        { "1.5", -E_INVALID, 0 },
        { "1e-1", -E_INVALID, 0 },
        { "1e-999999999999999999999", -E_INVALID, 0 },
        { "0.1", -E_INVALID, 0 },
        { "10.01e1", -E_INVALID, 0 },
        { "\"5\"", -E_INVALID, 0 },
        { "true", -E_INVALID, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_freep) struct arena *a = arena_new(0);
        struct json *j = NULL;
        int64_t v = 77;

        EXPECT_INT(json_parse(a, str_of(rows[i].text), &j, NULL), 0);
        if (json_i64(j, &v) != rows[i].r || v != (rows[i].r == 0 ? rows[i].v : 77))
            UNIT_FAIL("row %s: got %lld", rows[i].text, (long long)v);
    }
    EXPECT_INT(json_i64(NULL, NULL), -E_INVALID);
}

TEST(json, real_numbers)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json *j;
    double v = 0;

    EXPECT_INT(json_parse(a, STR("[-1.25e2,1e999,\"1\"]"), &j, NULL), 0);
    EXPECT_INT(json_f64(json_at(j, 0), &v), 0);
    EXPECT(v == -125.0);
    EXPECT_INT(json_f64(json_at(j, 1), &v), -E_LIMIT);
    EXPECT_INT(json_f64(json_at(j, 2), &v), -E_INVALID);
    EXPECT_INT(json_f64(NULL, &v), -E_INVALID);
    EXPECT(v == -125.0);
}

TEST(json, arena_limit_ends_parsing)
{
    CLEANUP(arena_freep) struct arena *small = arena_new(2000), *a = arena_new(0);
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json *j = NULL;

    buf_char(&b, '[');
    for (int i = 0; i < 10000; i++)
        buf_z(&b, "0,");
    buf_z(&b, "0]");
    EXPECT_INT(json_parse(small, buf_view(&b), &j, NULL), -E_LIMIT);
    EXPECT(j == NULL && arena_overflowed(small) && arena_used_bytes(small) < 4096);
    EXPECT_INT(json_parse(a, buf_view(&b), &j, NULL), 0);
    EXPECT_INT(j->n, 10001);
}

UNIT_MAIN
