/* test_filter.c - filter patterns as a table: pattern, message, does it pass. */
#include "service/logs/log_filter.h"
#include "test/unit.h"

static const struct {
    const char *pattern, *message;
    bool want;
} rows[] = {
    { "", "anything", true },
    { "   ", "anything", true },
    /* words */
    { "ERROR", "[ERROR 400] BAD REQUEST", true },
    { "ERROR", "[error 400] bad request", false },
    { "ERROR REQUEST", "[ERROR 400] BAD REQUEST", true },
    { "ERROR MISSING", "[ERROR 400] BAD REQUEST", false },
    { "caf\xc3\xa9", "un caf\xc3\xa9", true },
    { "\xe2\x82\xac", "un caf\xc3\xa9", false },
    /* phrases */
    { "\"BAD REQUEST\"", "[ERROR 400] BAD REQUEST", true },
    { "\"REQUEST BAD\"", "[ERROR 400] BAD REQUEST", false },
    { "\"a \\\"quoted\\\" word\"", "has a \"quoted\" word in it", true },
    { "\"RequestId: 8a4f-11\"", "START RequestId: 8a4f-11 Version: $LATEST\n", true },
    { "\"back\\\\slash\"", "a back\\slash", true },
    { "\"\"", "x", true },
    /* exclusions */
    { "-DEBUG", "INFO all well", true },
    { "-DEBUG", "DEBUG noise", false },
    { "INFO -DEBUG", "INFO all well", true },
    { "INFO -DEBUG", "INFO and DEBUG", false },
    { "INFO -\"all well\"", "INFO all well", false },
    { "-a -b", "xyz", true },
    { "-a -b", "xbz", false },
    /* alternatives */
    { "?ERROR ?WARN", "a WARN here", true },
    { "?ERROR ?WARN", "an ERROR here", true },
    { "?ERROR ?WARN", "an INFO here", false },
    { "?\"two words\" ?x", "has two words", true },
    { "?ERROR -timeout", "ERROR timeout", false },
    { "?ERROR -timeout", "ERROR else", true },
    { "REQUEST ?ERROR ?WARN", "REQUEST fine", true },
    { "REQUEST ?ERROR ?WARN", "ERROR only", false },
    /* JSON: equality */
    { "{ $.type = \"platform.start\" }", "{\"type\":\"platform.start\"}", true },
    { "{ $.type = \"platform.start\" }", "{\"type\":\"platform.report\"}", false },
    { "{ $.type = \"platform.*\" }", "{\"type\":\"platform.report\"}", true },
    { "{ $.type = \"*report\" }", "{\"type\":\"platform.report\"}", true },
    { "{ $.type = \"*form*rep*\" }", "{\"type\":\"platform.report\"}", true },
    { "{ $.type = \"*form?rep*\" }", "{\"type\":\"platform.report\"}", false },
    { "{$.type=platform.start}", "{\"type\":\"platform.start\"}", true },
    { "{ $.ip != 123.123.* }", "{\"ip\":\"10.0.0.1\"}", true },
    { "{ $.ip != 123.123.* }", "{\"ip\":\"123.123.4.5\"}", false },
    { "{ $.ip != 123.123.* }", "{\"other\":1}", false },
    { "{ $.level = \"ERROR\" }", "not json", false },
    { "{ $.level = \"ERROR\" }", "{\"level\":\"ERROR\"", false },
    { "{ $.level = \"ERROR\" }", "[\"ERROR\"]", false },
    { "{ $.level = \"ERROR\" }", "  {\"level\":\"ERROR\"}\n", true },
    { "{ $.text = \"a\\\"b\" }", "{\"text\":\"a\\\"b\"}", true },
    { "{ $.text = \"\xe2\x82\xac\" }", "{\"text\":\"\\u20ac\"}", true },
    /* JSON: numbers */
    { "{ $.n = 5 }", "{\"n\":5.0}", true },
    { "{ $.n = 5 }", "{\"n\":\"5\"}", true },
    { "{ $.n = 5 }", "{\"n\":6}", false },
    { "{ $.n > 1000 }", "{\"n\":1000.5}", true },
    { "{ $.n > 1000 }", "{\"n\":1000}", false },
    { "{ $.n >= 1000 }", "{\"n\":1000}", true },
    { "{ $.n < -1 }", "{\"n\":-2}", true },
    { "{ $.n <= 1e3 }", "{\"n\":1000}", true },
    { "{ $.n <= 1e3 }", "{\"n\":1001}", false },
    { "{ $.n > 1 }", "{\"n\":\"9\"}", false },
    { "{ $.n != 4* }", "{\"n\":404}", false },
    { "{ $.n = 4* }", "{\"n\":404}", true },
    /* JSON: selectors */
    { "{ $.a.b.c = 1 }", "{\"a\":{\"b\":{\"c\":1}}}", true },
    { "{ $.a.b.c = 1 }", "{\"a\":{\"b\":1}}", false },
    { "{ $.a[1] = 2 }", "{\"a\":[1,2]}", true },
    { "{ $.a[0] = 2 }", "{\"a\":[1,2]}", false },
    { "{ $.a[9] = 2 }", "{\"a\":[1,2]}", false },
    { "{ $.a[*].id = 2 }", "{\"a\":[{\"id\":1},{\"id\":2}]}", true },
    { "{ $.a[*].id = 3 }", "{\"a\":[{\"id\":1},{\"id\":2}]}", false },
    { "{ $['odd name'] = 1 }", "{\"odd name\":1}", true },
    { "{ $.a['b'].c = 1 }", "{\"a\":{\"b\":{\"c\":1}}}", true },
    { "{ $.x-amzn-id = 1 }", "{\"x-amzn-id\":1}", true },
    /* JSON: constants and existence */
    { "{ $.a IS NULL }", "{\"a\":null}", true },
    { "{ $.a IS NULL }", "{\"a\":0}", false },
    { "{ $.a IS NULL }", "{}", false },
    { "{ $.a IS TRUE }", "{\"a\":true}", true },
    { "{ $.a IS FALSE }", "{\"a\":true}", false },
    { "{ $.a is false }", "{\"a\":false}", true },
    { "{ $.a NOT EXISTS }", "{\"b\":1}", true },
    { "{ $.a NOT EXISTS }", "{\"a\":null}", false },
    { "{ $.a EXISTS }", "{\"a\":null}", true },
    /* JSON: joined */
    { "{ $.a = 1 && $.b = 2 }", "{\"a\":1,\"b\":2}", true },
    { "{ $.a = 1 && $.b = 2 }", "{\"a\":1,\"b\":3}", false },
    { "{ $.a = 1 || $.b = 2 }", "{\"a\":0,\"b\":2}", true },
    { "{ $.a = 1 || $.b = 2 && $.c = 3 }", "{\"a\":1,\"b\":0,\"c\":0}", true },
    { "{ ($.a = 1 || $.b = 2) && $.c = 3 }", "{\"a\":1,\"b\":0,\"c\":0}", false },
    { "{ ($.a = 1 || $.b = 2) && ($.c = 3) }", "{\"a\":1,\"b\":0,\"c\":3}", true },
    { "{ $.a = 1 && $.b = 2 && $.c = 3 }", "{\"a\":1,\"b\":2,\"c\":3}", true },
};

TEST(filter, rows)
{
    struct arena *a = arena_new(0);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct log_filter *f = NULL;
        struct str why = STR_NONE;

        if (log_filter_parse(a, str_of(rows[i].pattern), &f, &why) < 0)
            UNIT_FAIL("%s: refused: " STR_FMT, rows[i].pattern, STR_ARG(why));
        else if (log_filter_passes(f, a, str_of(rows[i].message)) != rows[i].want)
            UNIT_FAIL("%s on %s: want %d", rows[i].pattern, rows[i].message, rows[i].want);
    }
    arena_free(a);
}

static const struct {
    const char *pattern, *word;
} refused[] = {
    { "[ip, user, ...]", "Space-delimited" },
    { "%ERR.*%", "Regular expressions" },
    { "-%ERR%", "Regular expressions" },
    { "foo-bar", "Invalid character(s) in term 'foo-bar'" },
    { "/aws/lambda", "Invalid character(s)" },
    { "\"open", "does not end" },
    { "?", "missing" },
    { "a - b", "missing" },
    { "{", "selector" },
    { "{ }", "selector" },
    { "{ $ = 1 }", "member" },
    { "{ $. = 1 }", "member" },
    { "{ $.a }", "comparison" },
    { "{ $.a = }", "value" },
    { "{ $.a == 1 }", "value" },
    { "{ $.a = %x% }", "regular expressions" },
    { "{ $.a > \"x\" }", "number" },
    { "{ $.a > x }", "number" },
    { "{ $.a IS MAYBE }", "NULL, TRUE or FALSE" },
    { "{ $.a[x] = 1 }", "index" },
    { "{ $.a[1 = 1 }", "']'" },
    { "{ $['a = 1 }", "does not end" },
    { "{ $.a = \"x }", "does not end" },
    { "{ ($.a = 1 }", "')'" },
    { "{ $.a = 1", "'}'" },
    { "{ $.a = 1 } x", "nothing may follow" },
    { "{ $.a = 1 && }", "selector" },
};

TEST(filter, refused_by_name)
{
    struct arena *a = arena_new(0);

    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct log_filter *f = NULL;
        struct str why = STR_NONE;

        EXPECT_INT(log_filter_parse(a, str_of(refused[i].pattern), &f, &why), -E_INVALID);
        EXPECT(f == NULL);
        if (str_find_str(why, str_of(refused[i].word)) < 0)
            UNIT_FAIL("%s: \"" STR_FMT "\" does not say \"%s\"", refused[i].pattern, STR_ARG(why),
                      refused[i].word);
    }
    arena_free(a);
}

TEST(filter, limits)
{
    struct arena *a = arena_new(0);
    struct buf deep = { 0 }, many = { 0 };
    struct log_filter *f;
    struct str why;

    buf_z(&deep, "{ ");
    for (int i = 0; i < FILTER_MOST_DEPTH + 1; i++)
        buf_char(&deep, '(');
    EXPECT_INT(log_filter_parse(a, buf_view(&deep), &f, &why), -E_INVALID);
    EXPECT(str_find_str(why, STR("too many parentheses")) >= 0);
    for (int i = 0; i < FILTER_MOST_TERMS; i++)
        buf_z(&many, "a ");
    EXPECT_INT(log_filter_parse(a, buf_view(&many), &f, &why), 0);
    buf_z(&many, "a");
    EXPECT_INT(log_filter_parse(a, buf_view(&many), &f, &why), -E_INVALID);
    buf_done(&deep);
    buf_done(&many);
    arena_free(a);
}

/* Every prefix and every single changed byte of every pattern: parsed or refused, never worse. */
TEST(filter, damaged_patterns)
{
    struct arena *a = arena_new(0);
    char text[256];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i].pattern);

        for (size_t cut = 0; cut <= n; cut++) {
            for (unsigned c = 0; c < 256; c += 5) {
                struct log_filter *f = NULL;
                struct str why = STR_NONE;
                char *exact = malloc(cut + 1);

                snprintf(text, sizeof(text), "%s", rows[i].pattern);
                memcpy(exact, text, cut);
                if (cut > 0)
                    exact[cut - 1] = (char)(c == 0 ? exact[cut - 1] : (char)c);
                if (log_filter_parse(a, str_make(exact, cut), &f, &why) < 0)
                    EXPECT(!str_absent(why));
                else
                    (void)log_filter_passes(f, a, str_of(rows[i].message));
                free(exact);
                arena_reset(a);
            }
        }
    }
    arena_free(a);
}

UNIT_MAIN
