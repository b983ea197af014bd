/* test_statistic.c - statistics by name, at one point of known values. */
#include "service/cloudwatch/internal.h"
#include "test/unit.h"

/* 1 once, 2 three times, 10 once, 40 once. */
static void fill(struct metric_point *p)
{
    static const struct metric_pair v[] = { { 1, 1 }, { 2, 3 }, { 10, 1 }, { 40, 1 } };

    *p = (struct metric_point){ .count = 6, .sum = 57, .low = 1, .high = 40 };
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        metric_values_add(&p->values, v[i].value, v[i].count);
    metric_values_tidy(&p->values);
}

TEST(statistic, table)
{
    static const struct {
        const char *name;
        double want;
    } rows[] = {
        { "SampleCount", 6 },
        { "Sum", 57 },
        { "Average", 9.5 },
        { "Minimum", 1 },
        { "Maximum", 40 },
        { "p0", 1 },
        { "p16", 1 },
        { "p17", 2 },
        { "p50", 2 },
        { "p66.6", 2 },
        { "p67", 10 },
        { "p100", 40 },
        { "tm50", 5.0 / 3 },
        { "TM(:50%)", 5.0 / 3 },
        { "TM(50%:)", 52.0 / 3 },
        { "TM(1:10)", 4 },
        { "TM(:2)", 1.75 },
        { "TM(2:)", 25 },
        { "IQM", 10.0 / 3 },
        { "tc50", 3 },
        { "TC(1:10)", 4 },
        { "ts50", 5 },
        { "TS(2:)", 50 },
        { "TC(100:)", 0 },
        { "TS(100:200)", 0 },
        { "PR(:10)", 500.0 / 6 },
        { "PR(2:)", 200.0 / 6 },
        { "PR(1:2)", 50 },
        { "wm50", 11.0 / 6 },
        { "WM(2:10)", 28.0 / 6 },
        { "WM(:10)", 27.0 / 6 },
    };
    struct metric_point p;

    fill(&p);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct statistic s;
        double got = -1;

        if (statistic_parse(str_of(rows[i].name), &s) != 0 || !statistic_of(&s, &p, &got) ||
            got < rows[i].want - 1e-9 || got > rows[i].want + 1e-9)
            UNIT_FAIL("%s: got %.10g, want %.10g", rows[i].name, got, rows[i].want);
    }
    metric_values_done(&p.values);
}

TEST(statistic, names_that_are_none)
{
    static const char *const bad[] = { "",          "p",       "p-1",     "p100.1",  "p1e1",     "p.5",
                                       "p5.",       "sum",     "Median",  "tm",      "tm101",    "TM()",
                                       "TM(:)",     "TM(5)",   "TM(5:5)", "TM(6:5)", "TM(1%:5)", "TM(1:5%)",
                                       "TM(1:5",    "PR(1%:)", "pr50",    "PR50",    "IQM2",     "iqm",
                                       "TM(1:2:3)", "TM(%:)",  "p5%",     "tm90%",   "P50" };
    struct statistic s;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (statistic_parse(str_of(bad[i]), &s) == 0)
            UNIT_FAIL("%s was taken for a statistic", bad[i]);
}

TEST(statistic, what_a_point_cannot_say)
{
    struct metric_point p = { .count = 2, .sum = 3, .low = 1, .high = 2 };
    struct statistic s;
    double v;

    EXPECT_INT(statistic_parse(STR("p50"), &s), 0);
    EXPECT(!statistic_of(&s, &p, &v)); /* no values at all */
    metric_values_lose(&p.values);
    EXPECT(!statistic_of(&s, &p, &v));
    EXPECT_INT(statistic_parse(STR("Average"), &s), 0);
    EXPECT(statistic_of(&s, &p, &v) && v == 1.5);
    fill(&p);
    EXPECT_INT(statistic_parse(STR("TM(100:200)"), &s), 0);
    EXPECT(!statistic_of(&s, &p, &v)); /* nothing lies there */
    metric_values_done(&p.values);
}

UNIT_MAIN
