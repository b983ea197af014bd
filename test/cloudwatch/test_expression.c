/* test_expression.c - metric math as a table: text in, points or a sentence out. */
#include "service/cloudwatch/expression.h"
#include "test/unit.h"

/* a: 10 20 30 at minutes 0 1 2; b: 2 0 5 at 0 2 3; none: no point at all. */
static struct series_point a_points[] = { { 0, 10 }, { 60000, 20 }, { 120000, 30 } };
static struct series_point b_points[] = { { 0, 2 }, { 120000, 0 }, { 180000, 5 } };
static struct series all[] = {
    { { "a", 1 }, 60, a_points, ARRAY_LEN(a_points) },
    { { "b", 1 }, 60, b_points, ARRAY_LEN(b_points) },
    { { "none", 4 }, 60, NULL, 0 },
};

static int value(void *arg, struct str id, struct expression_value *ret, struct buf *why)
{
    (void)arg;
    if (str_is(id, "bad")) {
        buf_z(why, "bad is bad");
        return -E_FAULT;
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (str_eq(all[i].label, id)) {
            *ret = (struct expression_value){ .kind = EXPRESSION_SERIES, .v = &all[i], .n = 1 };
            return 0;
        }
    return -E_NOT_FOUND;
}

static struct str metric(void *arg, size_t i)
{
    (void)arg;
    return i < ARRAY_LEN(all) ? all[i].label : STR_NONE;
}

static void show(struct buf *b, const struct expression_value *v)
{
    if (v->kind == EXPRESSION_NUMBER)
        buf_printf(b, "%g", v->number);
    for (size_t i = 0; v->kind != EXPRESSION_NUMBER && i < v->n; i++) {
        buf_z(b, v->kind == EXPRESSION_MANY ? "[" : "");
        for (size_t k = 0; k < v->v[i].n; k++)
            buf_printf(b, "%s%lld:%g", k > 0 ? " " : "", (long long)v->v[i].v[k].ms / 60000, v->v[i].v[k].v);
        buf_z(b, v->kind == EXPRESSION_MANY ? "]" : "");
    }
}

static void eval(struct buf *b, struct str text, size_t points)
{
    struct expression_names names = {
        .value = value, .metric = metric, .start_ms = 0, .end_ms = 240000, .points_left = points
    };
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf why = { 0 };
    struct expression_value v;

    if (expression_eval(a, text, &names, &v, &why) == 0)
        show(b, &v);
    else
        buf_printf(b, "!%s", why.n > 0 ? why.p : "no sentence");
}

TEST(expression, table)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "1", "1" },
        { "1 + 2 * 3", "7" },
        { "(1 + 2) * 3", "9" },
        { "10 - 4 - 3", "3" },
        { "12 / 2 / 3", "2" },
        { "2 ^ 3 ^ 2", "512" },
        { "-2 + 5", "3" },
        { "3 * -2", "-6" },
        { "a", "0:10 1:20 2:30" },
        { " a\n", "0:10 1:20 2:30" },
        { "a + 1", "0:11 1:21 2:31" },
        { "1 - a", "0:-9 1:-19 2:-29" },
        { "a + b", "0:12 2:30" },
        { "a / b", "0:5" },
        { "a / 0", "" },
        { "100 / b", "0:50 3:20" },
        { "none + a", "" },
        { "-b", "0:-2 2:-0 3:-5" },
        { "SUM(a)", "60" },
        { "AVG(a)", "20" },
        { "MIN(b)", "0" },
        { "MAX(b)", "5" },
        { "SUM(none)", "0" },
        { "a * SUM(b)", "0:70 1:140 2:210" },
        { "a * AVG(none)", "" },
        { "ABS(0 - a)", "0:10 1:20 2:30" },
        { "CEIL(1.2)", "2" },
        { "FLOOR(a / 7)", "0:1 1:2 2:4" },
        { "PERIOD(a)", "60" },
        { "a / PERIOD(a)", "0:0.166667 1:0.333333 2:0.5" },
        { "[a, b]", "[0:10 1:20 2:30][0:2 2:0 3:5]" },
        { "METRICS()", "[0:10 1:20 2:30][0:2 2:0 3:5][]" },
        { "METRICS('b')", "[0:2 2:0 3:5]" },
        { "METRICS(\"zz\")", "" },
        { "METRICS('zz') - a + 1", "" },
        { "a - METRICS('zz')", "" },
        { "SUM(METRICS())", "0:12 1:20 2:30 3:5" },
        { "AVG([a, b])", "0:6 1:20 2:15 3:5" },
        { "MAX(METRICS())", "0:10 1:20 2:30 3:5" },
        { "MIN([a, b, a])", "0:2 1:20 2:0 3:5" },
        { "[a, b] * 2", "[0:20 1:40 2:60][0:4 2:0 3:10]" },
        { "[a, b] - [b, a]", "[0:8 2:30][0:-8 2:-30]" },
        { "a - [a, b]", "[0:0 1:0 2:0][0:8 2:30]" },
        { "FILL(b, 7)", "0:2 1:7 2:0 3:5" },
        { "FILL(none, 0)", "0:0 1:0 2:0 3:0" },
        { "FILL([a, none], -1)", "[0:10 1:20 2:30 3:-1][0:-1 1:-1 2:-1 3:-1]" },
        { "", "!it ends too early" },
        { "1 +", "!it ends too early" },
        { "+", "!unexpected \"+\"" },
        { "a b", "!unexpected \"b\"" },
        { "(a", "!')' is missing before \"\"" },
        { "[a", "!']' is missing before \"\"" },
        { "[]", "!unexpected \"]\"" },
        { "1..2", "!\"1..2\" is not a number" },
        { "c", "!the metric or expression id \"c\" is not defined" },
        { "bad + 1", "!bad is bad" },
        { "RATE(a)", "!the function RATE is not supported" },
        { "sum(a)", "!the function sum is not supported" },
        { "SUM(1)", "!SUM takes time series, not a number" },
        { "SUM()", "!unexpected \")\"" },
        { "FILL(a)", "!',' is missing before \")\"" },
        { "FILL(1, 1)", "!FILL takes time series and a number" },
        { "PERIOD([a])", "!PERIOD takes one time series" },
        { "[1]", "!a list holds time series, not numbers" },
        { "[a, b] + [a]", "!the two sides of '+' are lists of 2 and 1 time series" },
        { "METRICS('a", "!a quotation mark is not closed" },
        { "METRICS(a)", "!')' is missing before \"a)\"" },
        { "a & b", "!unexpected \"& b\"" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf got = { 0 };

        eval(&got, str_of(rows[i].text), EXPRESSION_POINTS_MOST);
        if (!str_eq(buf_view(&got), str_of(rows[i].want)))
            UNIT_FAIL("%s:\n   got  " STR_FMT "\n   want %s", rows[i].text, STR_ARG(buf_view(&got)),
                      rows[i].want);
    }
}

TEST(expression, nesting_and_points_have_a_limit)
{
    CLEANUP(buf_done) struct buf deep = { 0 };
    CLEANUP(buf_done) struct buf got = { 0 };

    for (int i = 0; i < 1000; i++)
        buf_z(&deep, i % 2 ? "(" : "[");
    eval(&got, buf_view(&deep), EXPRESSION_POINTS_MOST);
    EXPECT_STR(buf_view(&got), STR("!it is nested too deeply"));
    buf_clear(&got);
    eval(&got, STR("a + a + a"), 5); /* the second sum would be the sixth point */
    EXPECT(str_starts(buf_view(&got), STR("!the expression would compute more than")));
    buf_clear(&got);
    eval(&got, STR("a + a"), 3);
    EXPECT_STR(buf_view(&got), STR("0:20 1:40 2:60"));
}

TEST(expression, ids)
{
    EXPECT(expression_is_id(STR("a")));
    EXPECT(expression_is_id(STR("m1_Total")));
    EXPECT(!expression_is_id(STR("")));
    EXPECT(!expression_is_id(STR("1a")));
    EXPECT(!expression_is_id(STR("A")));
    EXPECT(!expression_is_id(STR("a-b")));
}

UNIT_MAIN
