/* What targets get instead of the event. */
#include "service/events/transform.h"
#include "unit.h"

static const char event_text[] =
    "{\"version\":\"0\",\"id\":\"7bf7\",\"detail-type\":\"Order "
    "placed\",\"source\":\"shop\",\"account\":\"000000000000\",\"time\":\"2026-09-14T15:44:58Z\","
    "\"region\":\"us-east-1\",\"resources\":[\"arn:a\",\"arn:b\"],\"detail\":{\"id\":\"o-1\",\"n\":3.50,"
    "\"yes\":true,\"none\":null,\"empty\":\"\",\"list\":[\"HIGH\"],"
    "\"obj\":{\"acc_id\":\"0a\", "
    "\"x\":1},\"items\":[{\"s\":1},{\"s\":2},{\"t\":3}],\"quote\":\"a\\\"b\",\"lines\":\"a\\nb\",\"e\":"
    "\"\\u00e9\",\"a.b\":7,\"deep\":{\"er\":{\"x\":\"y\"}}}}";

static struct json *event(struct arena *a)
{
    struct json *doc;

    CHECK(json_parse(a, str_of(event_text), &doc, NULL) == 0);
    return doc;
}

TEST(transform, paths)
{
    static const struct {
        const char *path, *want;
    } rows[] = {
        { "$.detail.id", "\"o-1\"" },
        { "$.detail.n", "3.50" },
        { "$.detail.yes", "true" },
        { "$.detail.none", "null" },
        { "$.detail.empty", "\"\"" },
        { "$.detail-type", "\"Order placed\"" },
        { "$['detail-type']", "\"Order placed\"" },
        { "$[\"detail-type\"]", "\"Order placed\"" },
        { "$['detail']['a.b']", "7" },
        { "$.detail['id']", "\"o-1\"" },
        { "$.detail.obj", "{\"acc_id\":\"0a\",\"x\":1}" },
        { "$.detail.obj.acc_id", "\"0a\"" },
        { "$.detail.deep.er.x", "\"y\"" },
        { "$.resources", "[\"arn:a\",\"arn:b\"]" },
        { "$.resources[0]", "\"arn:a\"" },
        { "$.resources[1]", "\"arn:b\"" },
        { "$.resources[2]", "{}" },
        { "$.resources[*]", "[\"arn:a\",\"arn:b\"]" },
        { "$.detail.items[*].s", "[1,2]" },
        { "$.detail.items.*.s", "[1,2]" },
        { "$.detail.items[2].t", "3" },
        { "$.detail.items[*].u", "[]" },
        { "$.detail.obj.*", "[\"0a\",1]" },
        { "$.detail.quote", "\"a\\\"b\"" },
        { "$.detail.missing", "{}" },
        { "$.detail.id.deeper", "{}" },
        { "$.detail.id[0]", "{}" },
        { "$.detail[0]", "{}" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a CLEANUP(arena_freep) = arena_new(0);
        CLEANUP(buf_done) struct buf out = { 0 }, why = { 0 };
        struct input_path *p = NULL;

        EXPECT_INT(input_path_compile(str_of(rows[i].path), &p, &why), 0);
        if (p == NULL)
            continue;
        input_path_render(p, event(a), &out);
        if (!str_is(buf_view(&out), rows[i].want))
            UNIT_FAIL("%s: got " STR_FMT ", want %s", rows[i].path, STR_ARG(buf_view(&out)), rows[i].want);
        input_path_free(p);
    }
}

TEST(transform, whole_event)
{
    struct arena *a CLEANUP(arena_freep) = arena_new(0);
    CLEANUP(buf_done) struct buf out = { 0 }, why = { 0 }, want = { 0 };
    struct input_path *p = NULL;

    EXPECT_INT(input_path_compile(STR("$"), &p, &why), 0);
    input_path_render(p, event(a), &out);
    json_compact(&want, str_of(event_text));
    EXPECT_STR(buf_view(&out), buf_view(&want));
    input_path_free(p);
}

TEST(transform, refused_paths)
{
    static const char *const rows[] = {
        "",      "detail", ".detail", "$detail", "$.",    "$..a",  "$.a.",          "$[",  "$[]",  "$[a]",
        "$[-1]", "$[1",    "$['a",    "$['a'",   "$['a]", "$.a b", "$[1234567890]", "$[*", "$.a]",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf why = { 0 };
        struct input_path *p = NULL;

        if (input_path_compile(str_of(rows[i]), &p, &why) != -E_INVALID || why.n == 0)
            UNIT_FAIL("taken: %s", rows[i]);
        input_path_free(p);
    }
}

static struct events_TransformerPaths_entry names[] = {
    { { "id", 2 }, { "$.detail.id", 11 } },
    { { "n", 1 }, { "$.detail.n", 10 } },
    { { "yes", 3 }, { "$.detail.yes", 12 } },
    { { "none", 4 }, { "$.detail.none", 13 } },
    { { "list", 4 }, { "$.detail.list", 13 } },
    { { "obj", 3 }, { "$.detail.obj", 12 } },
    { { "missing", 7 }, { "$.detail.missing", 16 } },
    { { "quote", 5 }, { "$.detail.quote", 14 } },
    { { "lines", 5 }, { "$.detail.lines", 14 } },
    { { "e", 1 }, { "$.detail.e", 10 } },
    { { "all-s", 5 }, { "$.detail.items[*].s", 19 } },
    { { "empty", 5 }, { "$.detail.empty", 14 } },
};

static int render(const char *template, struct buf *out)
{
    struct arena *a CLEANUP(arena_freep) = arena_new(0);
    CLEANUP(buf_done) struct buf why = { 0 };
    struct events_InputTransformer in = { .InputPathsMap = { .set = true, .n = ARRAY_LEN(names), .v = names },
                                          .InputTemplate = str_of(template) };
    struct transform_facts facts = { STR("arn:rule"), STR("my-rule"), 1789400698123 };
    struct transform *t = NULL;
    int r = transform_compile(STR("1"), &in, &t, &why);

    if (r != 0) {
        UNIT_FAIL("refused: %s: " STR_FMT, template, STR_ARG(buf_view(&why)));
        return r;
    }
    r = transform_render(t, event(a), &facts, out);
    transform_free(t);
    return r;
}

TEST(transform, templates)
{
    /* NULL: does not render */
    static const struct {
        const char *template, *want;
    } rows[] = {
        { "\"order <id> for <n>\"", "\"order o-1 for 3.50\"" },
        { "{\"a\": <id>, \"b\": <n>, \"c\": <yes>, \"d\": <none>}",
          "{\"a\":\"o-1\",\"b\":3.50,\"c\":true,\"d\":null}" },
        { "{\"a\": \"<id>\", \"b\": \"<n>\", \"c\": \"<yes>\"}",
          "{\"a\":\"o-1\",\"b\":\"3.50\",\"c\":\"true\"}" },
        { "{\"<id>\": 1}", "{\"o-1\":1}" },
        { "{\"a\": <obj>}", "{\"a\":{\"acc_id\":\"0a\",\"x\":1}}" },
        { "{\"a\": \"<obj>\"}", "{\"a\":\"{acc_id:0a,x:1}\"}" },
        { "\"<obj>\"", "\"{acc_id:0a,x:1}\"" },
        { "{\"a\": <list>}", "{\"a\":[\"HIGH\"]}" },
        { "\"<list>\"", "\"[HIGH]\"" },
        { "{\"a\": \"is <list>\"}", "{\"a\":\"is [HIGH]\"}" },
        { "{\"a\": \"<list>\"}", NULL },
        { " {\"a\": \"<all-s>\"}", NULL },
        { "{\"a\": <all-s>}", "{\"a\":[1,2]}" },
        { "{\"a\": <missing>, \"b\": \"<missing>\", \"c\": \"x<missing>y\"}",
          "{\"a\":\"\",\"b\":\"\",\"c\":\"xy\"}" },
        { "{\"a\": <empty>}", "{\"a\":\"\"}" },
        { "\"<missing>\"", "\"\"" },
        { "<id>", "\"o-1\"" },
        { "<obj>", "{\"acc_id\":\"0a\",\"x\":1}" },
        { "[1, <n>, \"<id>\"]", "[1,3.50,\"o-1\"]" },
        { "{\"a\": <quote>}", "{\"a\":\"a\\\"b\"}" },
        { "{\"a\": \"<quote>\"}", NULL },
        { "{\"a\": \"<lines>\"}", NULL },
        { "{\"a\": <e>}", "{\"a\":\"\\u00e9\"}" },
        { "{\"a\": \"<e>\"}", "{\"a\":\"\xc3\xa9\"}" },
        { "{\"a\": \"say \\\"<id>\\\"\"}", "{\"a\":\"say \\\"o-1\\\"\"}" },
        { "\"line <id>\"\n\"line <n>\"", "\"line o-1\"\n\"line 3.50\"" },
        { "\"line <id>\"\r\n\n  \"line <n>\"\n", "\"line o-1\"\r\n\n  \"line 3.50\"\n" },
        { "\"line <id>\"\nline <n>", NULL },
        { "order <id>", NULL },
        { "", NULL },
        { "{\"a\": <id>", NULL },
        { "{\"a\": \"1 < 2 and <> <a b>\"}", "{\"a\":\"1 < 2 and <> <a b>\"}" },
        { "\"plain\"", "\"plain\"" },
        { "{\"arn\": <aws.events.rule-arn>, \"name\": \"<aws.events.rule-name>!\"}",
          "{\"arn\":\"arn:rule\",\"name\":\"my-rule!\"}" },
        { "<aws.events.event.ingestion-time>", "\"2026-09-14T15:44:58Z\"" },
        { "{\"e\": <aws.events.event>}", "{\"e\":{\"version\":\"0\",\"id\":\"7bf7\",\"detailType\":\"Order "
                                         "placed\",\"source\":\"shop\",\"account\":\"000000000000\","
                                         "\"time\":\"2026-09-14T15:44:58Z\",\"region\":\"us-east-1\","
                                         "\"resources\":[\"arn:a\",\"arn:b\"]}}" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf out = { 0 };
        int r = render(rows[i].template, &out);

        EXPECT_INT(r, rows[i].want == NULL ? -E_INVALID : 0);
        if (!str_is(buf_view(&out), rows[i].want == NULL ? "" : rows[i].want))
            UNIT_FAIL("%s\n   got  " STR_FMT "\n   want %s", rows[i].template, STR_ARG(buf_view(&out)),
                      rows[i].want);
    }
}

TEST(transform, whole_event_in_a_template)
{
    CLEANUP(buf_done) struct buf out = { 0 }, want = { 0 };

    EXPECT_INT(render("{\"e\": <aws.events.event.json>}", &out), 0);
    buf_z(&want, "{\"e\":");
    json_compact(&want, str_of(event_text));
    buf_z(&want, "}");
    EXPECT_STR(buf_view(&out), buf_view(&want));
}

TEST(transform, refused)
{
    static const struct {
        const char *template, *why;
    } rows[] = {
        { "{\"a\": <nope>}", "InputTemplate for target t-1 contains invalid placeholder nope." },
        { "\"<id> <no-pe>\"", "InputTemplate for target t-1 contains invalid placeholder no-pe." },
        { "\"<aws.events.other>\"",
          "InputTemplate for target t-1 contains invalid placeholder aws.events.other." },
    };
    struct events_TransformerPaths_entry bad = { STR("x"), STR("detail") }, many[TRANSFORM_PATHS_MOST + 1];
    struct events_InputTransformer in = { .InputPathsMap = {
                                              .set = true, .n = ARRAY_LEN(names), .v = names } };
    CLEANUP(buf_done) struct buf why = { 0 };
    struct transform *t = NULL;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        in.InputTemplate = str_of(rows[i].template);
        buf_clear(&why);
        EXPECT_INT(transform_compile(STR("t-1"), &in, &t, &why), -E_INVALID);
        EXPECT_STR(buf_view(&why), str_of(rows[i].why));
    }
    in.InputTemplate = STR("\"x\"");
    in.InputPathsMap.n = 1;
    in.InputPathsMap.v = &bad;
    EXPECT_INT(transform_compile(STR("t-1"), &in, &t, &why), -E_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = names[0];
    in.InputPathsMap.n = ARRAY_LEN(many);
    in.InputPathsMap.v = many;
    EXPECT_INT(transform_compile(STR("t-1"), &in, &t, &why), -E_INVALID);
    in.InputPathsMap.n--;
    EXPECT_INT(transform_compile(STR("t-1"), &in, &t, &why), 0);
    transform_free(t);
}

/* A short template that says a long value often is no way to fill the memory. */
TEST(transform, bounded)
{
    struct arena *a CLEANUP(arena_freep) = arena_new(0);
    CLEANUP(buf_done) struct buf text = { 0 }, template = { 0 }, out = { 0 }, why = { 0 };
    struct events_TransformerPaths_entry name = { STR("x"), STR("$.x") };
    struct events_InputTransformer in = { .InputPathsMap = { .set = true, .n = 1, .v = &name } };
    struct transform_facts facts = { STR("a"), STR("b"), 0 };
    struct transform *t = NULL;
    struct json *doc;

    buf_z(&text, "{\"x\":\"");
    for (int i = 0; i < 100000; i++)
        buf_char(&text, 'x');
    buf_z(&text, "\"}");
    EXPECT_INT(json_parse(a, buf_view(&text), &doc, NULL), 0);
    buf_char(&template, '"');
    for (int i = 0; i < 2700; i++)
        buf_z(&template, "<x>");
    buf_char(&template, '"');
    in.InputTemplate = buf_view(&template);
    EXPECT_INT(transform_compile(STR("1"), &in, &t, &why), 0);
    EXPECT_INT(transform_render(t, doc, &facts, &out), -E_LIMIT);
    EXPECT_INT(out.n, 0);
    transform_free(t);
}

UNIT_MAIN
