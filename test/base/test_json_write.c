/* test_json_write.c - compacting, quoting, the writer and its guards. */
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/json.h"
#include "test/unit.h"

TEST(json_compact, rows)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "1", "1" },
        { " 1 ", "1" },
        { "{}", "{}" },
        { " { } ", "{}" },
        { "[ 1 ,\t2\r\n]", "[1,2]" },
        { "{ \"b\" : 1.50 , \"a\" : [ ] }", "{\"b\":1.50,\"a\":[]}" },
        { "\" a \\\" b \"", "\" a \\\" b \"" },
        { " [\"\\\\\" , \" \"] ", "[\"\\\\\",\" \"]" },
        { "[ \"a long string with blanks in it, longer than one wide step\" , 1 ]",
          "[\"a long string with blanks in it, longer than one wide step\",1]" },
        { "{\"k\\u0020\" : 1E+2}", "{\"k\\u0020\":1E+2}" },
        { "", "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf b = { 0 };

        json_compact(&b, str_of(rows[i].in));
        EXPECT_STR(buf_view(&b), str_of(rows[i].out));
    }
}

/* It asks for well-formed text; given anything else it must still stay inside it. */
TEST(json_compact, stays_inside_broken_text)
{
    static const char *const rows[] = { "\"", "\"\\", "[\"abc\\", "\"0123456789abcde\\",
                                        "\"0123456789abcdef" };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf b = { 0 };
        size_t n = strlen(rows[i]);
        char *exact = xmalloc(n);

        memcpy(exact, rows[i], n);
        json_compact(&b, str_make(exact, n));
        EXPECT_STR(buf_view(&b), str_of(rows[i]));
        free(exact);
    }
}

TEST(json_quote, rows)
{
    static const struct {
        struct str in;
        const char *out;
    } rows[] = {
        { STR(""), "\"\"" },
        { STR("abc"), "\"abc\"" },
        { STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"" },
        { STR("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
        { STR("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001F\x7f\"" },
        { STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { STR("a\x80z"), "\"a\xef\xbf\xbdz\"" },
        { STR("cut \xe2\x82"), "\"cut \xef\xbf\xbd\"" },
        { STR("\xff\xfe"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { STR("\xf0\x9f\x98\"x"), "\"\xef\xbf\xbd\\\"x\"" },
        { STR("0123456789abcdef\"0123456789abcdef\xc3\xa9"),
          "\"0123456789abcdef\\\"0123456789abcdef\xc3\xa9\"" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf b = { 0 };

        json_quote(&b, rows[i].in);
        EXPECT_STR(buf_view(&b), str_of(rows[i].out));
    }
}

TEST(json_quote, what_is_quoted_reads_back)
{
    for (unsigned c = 0; c < 256; c++) {
        CLEANUP(arena_freep) struct arena *a = arena_new(0);
        CLEANUP(buf_done) struct buf b = { 0 };
        char in[3] = { 'a', (char)c, 'b' };
        struct json *j;

        json_quote(&b, str_make(in, 3));
        EXPECT_INT(json_parse(a, buf_view(&b), &j, NULL), 0);
        EXPECT_STR(json_text(a, j), c < 0x80 ? str_make(in, 3)
                                             : STR("a\xef\xbf\xbd"
                                                   "b"));
    }
}

TEST(json_writer, everything)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;

    jw_init(&w, &b);
    jw_object(&w);
    jw_kstr(&w, "text", STR("a\"b"));
    jw_kstr(&w, "nothing", STR_NONE);
    jw_ki64(&w, "whole", -5);
    jw_kbool(&w, "yes", true);
    jw_kraw(&w, "raw", STR("{\"x\":[1]}"));
    jw_key(&w, STR("list"));
    jw_array(&w);
    jw_i64(&w, 1);
    jw_str(&w, STR("two"));
    jw_str(&w, STR_NONE);
    jw_bool(&w, false);
    jw_null(&w);
    jw_array(&w);
    jw_array_end(&w);
    jw_object(&w);
    jw_object_end(&w);
    jw_raw(&w, STR("3.0"));
    jw_printf(&w, "%d\n", 4);
    jw_array_end(&w);
    jw_key(&w, STR("\n"));
    jw_null(&w);
    jw_object_end(&w);
    EXPECT_STR(buf_view(&b), STR("{\"text\":\"a\\\"b\",\"whole\":-5,\"yes\":true,\"raw\":{\"x\":[1]},"
                                 "\"list\":[1,\"two\",null,false,null,[],{},3.0,\"4\\n\"],\"\\n\":null}"));
    EXPECT_INT(w.depth, 0);
    EXPECT_INT(json_check(buf_view(&b), NULL), 0);
}

TEST(json_writer, real_numbers)
{
    static const struct {
        double v;
        const char *want;
    } rows[] = {
        { 0, "0" },
        { 1, "1" },
        { 0.1, "0.1" },
        { -2.5, "-2.5" },
        { 1e300, "1e+300" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1789400698.123, "1789400698.123" },
        { NAN, "null" },
        { INFINITY, "null" },
        { 1e-7, "1e-07" },
        { 5e-324, "5e-324" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf b = { 0 };
        struct json_writer w;

        jw_init(&w, &b);
        jw_f64(&w, rows[i].v);
        EXPECT_STR(buf_view(&b), str_of(rows[i].want));
        EXPECT_INT(json_check(buf_view(&b), NULL), 0);
    }
}

static void value_without_key(struct json_writer *w)
{
    jw_object(w);
    jw_i64(w, 1);
}
static void key_in_array(struct json_writer *w)
{
    jw_array(w);
    jw_key(w, STR("a"));
}
static void key_outside(struct json_writer *w) { jw_key(w, STR("a")); }
static void key_twice(struct json_writer *w)
{
    jw_object(w);
    jw_key(w, STR("a"));
    jw_key(w, STR("b"));
}
static void wrong_end(struct json_writer *w)
{
    jw_object(w);
    jw_array_end(w);
}
static void end_after_key(struct json_writer *w)
{
    jw_object(w);
    jw_key(w, STR("a"));
    jw_object_end(w);
}
static void end_too_much(struct json_writer *w)
{
    jw_array(w);
    jw_array_end(w);
    jw_array_end(w);
}
static void second_root(struct json_writer *w)
{
    jw_null(w);
    jw_null(w);
}
static void empty_raw(struct json_writer *w) { jw_raw(w, STR_NONE); }
static void too_deep(struct json_writer *w)
{
    for (int i = 0; i < 64; i++)
        jw_array(w);
}
static void deep_enough(struct json_writer *w)
{
    for (int i = 0; i < 63; i++)
        jw_array(w);
}

static bool aborts(void (*misuse)(struct json_writer *))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        struct buf b = { 0 };
        struct json_writer w;

        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        jw_init(&w, &b);
        misuse(&w);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST(json_writer, misuse_aborts)
{
    static void (*const rows[])(
        struct json_writer *) = { value_without_key, key_in_array, key_outside, key_twice, wrong_end,
                                  end_after_key,     end_too_much, second_root, empty_raw, too_deep };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!aborts(rows[i]))
            UNIT_FAIL("misuse %zu went unnoticed", i);
    EXPECT(!aborts(deep_enough));
}

UNIT_MAIN
