/* Schedule expressions: which are refused, and when the others fire. */
#include "service/events/schedule.h"
#include "unit.h"

static int64_t at(const char *text)
{
    int64_t ms;

    CHECK(when_parse_iso(str_of(text), &ms) == 0);
    return ms;
}

/* Firings after `after`, `want` joined by blanks; "-": no more. */
struct row {
    const char *expression, *after, *want;
};

static void check_row(const struct row *row, int64_t anchor_ms)
{
    CLEANUP(buf_done) struct buf got = { 0 };
    struct schedule *s = NULL;
    struct str rest = str_of(row->want), one;
    int64_t t = at(row->after);

    if (schedule_parse(str_of(row->expression), &s) != 0) {
        UNIT_FAIL("refused: %s", row->expression);
        return;
    }
    while (str_cut(&rest, ' ', &one)) {
        if (got.n > 0)
            buf_char(&got, ' ');
        t = schedule_next(s, anchor_ms, t);
        if (t < 0) {
            buf_char(&got, '-');
            break;
        }
        when_iso_s(&got, t);
    }
    if (!str_is(buf_view(&got), row->want))
        UNIT_FAIL("%s after %s\n   got  " STR_FMT "\n   want %s", row->expression, row->after,
                  STR_ARG(buf_view(&got)), row->want);
    schedule_free(s);
}

TEST(schedule, cron)
{
    static const struct row rows[] = {
        /* the user guide's examples */
        { "cron(0 10 * * ? *)", "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z 2026-03-03T10:00:00Z" },
        { "cron(15 12 * * ? *)", "2026-03-01T10:00:00Z", "2026-03-01T12:15:00Z" },
        { "cron(0 18 ? * MON-FRI *)", "2026-03-06T18:00:00Z", "2026-03-09T18:00:00Z 2026-03-10T18:00:00Z" },
        { "cron(0 8 1 * ? *)", "2026-03-01T08:00:00Z", "2026-04-01T08:00:00Z" },
        { "cron(0/10 * ? * MON-FRI *)", "2026-03-06T23:45:00Z",
          "2026-03-06T23:50:00Z 2026-03-09T00:00:00Z 2026-03-09T00:10:00Z" },
        { "cron(0/5 8-17 ? * MON-FRI *)", "2026-03-06T17:54:00Z",
          "2026-03-06T17:55:00Z 2026-03-09T08:00:00Z" },
        { "cron(0/30 20-2 ? * MON-FRI *)", "2026-03-06T02:15:00Z",
          "2026-03-06T02:30:00Z 2026-03-06T20:00:00Z" },
        { "cron(0 9 ? * 2#1 *)", "2026-03-01T00:00:00Z", "2026-03-02T09:00:00Z 2026-04-06T09:00:00Z" },
        /* seconds are cut off, the moment itself does not count */
        { "cron(* * * * ? *)", "2026-03-01T10:00:00.001Z", "2026-03-01T10:01:00Z 2026-03-01T10:02:00Z" },
        { "cron(* * * * ? *)", "2026-03-01T10:00:59.999Z", "2026-03-01T10:01:00Z" },
        { "cron(59 23 31 12 ? *)", "2026-12-31T23:58:00Z", "2026-12-31T23:59:00Z 2027-12-31T23:59:00Z" },
        /* leap years */
        { "cron(0 0 29 2 ? *)", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z" },
        { "cron(0 0 29 2 ? *)", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z" },
        { "cron(0 0 30 2 ? *)", "2026-01-01T00:00:00Z", "-" },
        { "cron(0 0 29 2 ? 2026-2027)", "2026-01-01T00:00:00Z", "-" },
        { "cron(0 0 31 * ? *)", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z 2026-05-31T00:00:00Z" },
        /* L */
        { "cron(0 0 L * ? *)", "2026-01-31T00:00:00Z",
          "2026-02-28T00:00:00Z 2026-03-31T00:00:00Z 2026-04-30T00:00:00Z" },
        { "cron(0 0 L 2 ? *)", "2026-12-01T00:00:00Z", "2027-02-28T00:00:00Z 2028-02-29T00:00:00Z" },
        { "cron(0 0 ? * L *)", "2026-03-01T00:00:00Z", "2026-03-07T00:00:00Z 2026-03-14T00:00:00Z" },
        { "cron(0 0 ? * 6L *)", "2026-03-01T00:00:00Z",
          "2026-03-27T00:00:00Z 2026-04-24T00:00:00Z 2026-05-29T00:00:00Z" },
        { "cron(0 0 ? * FRIL *)", "2026-03-01T00:00:00Z", "2026-03-27T00:00:00Z" },
        { "cron(0 0 ? 2 1L *)", "2026-01-01T00:00:00Z", "2026-02-22T00:00:00Z" },
        /* W: Saturday back, Sunday on, never out of the month */
        { "cron(0 0 LW * ? *)", "2026-01-01T00:00:00Z",
          "2026-01-30T00:00:00Z 2026-02-27T00:00:00Z 2026-03-31T00:00:00Z" },
        { "cron(0 0 15W * ? *)", "2026-02-01T00:00:00Z",
          "2026-02-16T00:00:00Z 2026-03-16T00:00:00Z 2026-04-15T00:00:00Z" },
        { "cron(0 0 15W 8 ? 2026)", "2026-02-01T00:00:00Z", "2026-08-14T00:00:00Z -" },
        { "cron(0 0 1W * ? *)", "2026-07-15T00:00:00Z", "2026-08-03T00:00:00Z 2026-09-01T00:00:00Z" },
        { "cron(0 0 1W 2 ? *)", "2026-01-15T00:00:00Z", "2026-02-02T00:00:00Z" },
        { "cron(0 0 31W * ? *)", "2026-05-01T00:00:00Z", "2026-05-29T00:00:00Z 2026-07-31T00:00:00Z" },
        { "cron(0 0 30W * ? *)", "2026-08-01T00:00:00Z", "2026-08-31T00:00:00Z" },
        { "cron(0 0 30W 11 ? *)", "2025-11-01T00:00:00Z", "2025-11-28T00:00:00Z" },
        /* #: the fifth week is not in every month */
        { "cron(0 0 ? * 3#5 *)", "2026-01-01T00:00:00Z",
          "2026-03-31T00:00:00Z 2026-06-30T00:00:00Z 2026-09-29T00:00:00Z" },
        { "cron(0 0 ? * TUE#2 *)", "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z 2026-02-10T00:00:00Z" },
        { "cron(0 0 ? * 1#1 *)", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z 2026-02-01T00:00:00Z" },
        /* lists, ranges, steps, names */
        { "cron(0,30 6,18 * * ? *)", "2026-01-01T06:10:00Z",
          "2026-01-01T06:30:00Z 2026-01-01T18:00:00Z 2026-01-01T18:30:00Z" },
        { "cron(10-20/5 0 * * ? *)", "2026-01-01T00:00:00Z",
          "2026-01-01T00:10:00Z 2026-01-01T00:15:00Z 2026-01-01T00:20:00Z 2026-01-02T00:10:00Z" },
        { "cron(7/20 0 * * ? *)", "2026-01-01T00:00:00Z",
          "2026-01-01T00:07:00Z 2026-01-01T00:27:00Z 2026-01-01T00:47:00Z" },
        { "cron(*/45 * * * ? *)", "2026-01-01T00:00:00Z", "2026-01-01T00:45:00Z 2026-01-01T01:00:00Z" },
        { "cron(0 0 1 JAN,APR,7-8 ? *)", "2026-01-15T00:00:00Z",
          "2026-04-01T00:00:00Z 2026-07-01T00:00:00Z 2026-08-01T00:00:00Z 2027-01-01T00:00:00Z" },
        { "cron(0 0 1 NOV-FEB ? *)", "2026-01-15T00:00:00Z",
          "2026-02-01T00:00:00Z 2026-11-01T00:00:00Z 2026-12-01T00:00:00Z 2027-01-01T00:00:00Z" },
        { "cron(0 0 ? * FRI-SUN *)", "2026-03-01T00:00:00Z",
          "2026-03-06T00:00:00Z 2026-03-07T00:00:00Z 2026-03-08T00:00:00Z 2026-03-13T00:00:00Z" },
        { "cron(0 0 ? * 1,7 *)", "2026-03-01T00:00:00Z", "2026-03-07T00:00:00Z 2026-03-08T00:00:00Z" },
        { "cron(0 0 ? * mon *)", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z" },
        { "cron(0 0 1/10 * ? *)", "2026-02-01T00:00:00Z",
          "2026-02-11T00:00:00Z 2026-02-21T00:00:00Z 2026-03-01T00:00:00Z" },
        { "cron(0 0 1 1 ? 2027,2199)", "2026-03-01T00:00:00Z",
          "2027-01-01T00:00:00Z 2199-01-01T00:00:00Z -" },
        { "cron(0 0 1 1 ? 2020-2030/5)", "2021-03-01T00:00:00Z",
          "2025-01-01T00:00:00Z 2030-01-01T00:00:00Z -" },
        { "cron(0 0 1 1 ? 1970)", "2026-03-01T00:00:00Z", "-" },
        { "cron(59 23 31 12 ? 2199)", "2026-03-01T00:00:00Z", "2199-12-31T23:59:00Z -" },
        { "cron(* * * * ? *)", "2199-12-31T23:59:00Z", "-" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(&rows[i], 0);
}

TEST(schedule, rate)
{
    static const struct row rows[] = {
        { "rate(1 minute)", "2026-03-01T10:00:30Z", "2026-03-01T10:01:30Z 2026-03-01T10:02:30Z" },
        { "rate(5 minutes)", "2026-03-01T10:00:30Z", "2026-03-01T10:05:30Z" },
        { "rate(5 minutes)", "2026-03-01T10:05:29.999Z", "2026-03-01T10:05:30Z" },
        { "rate(5 minutes)", "2026-03-01T10:05:30Z", "2026-03-01T10:10:30Z" },
        { "rate(5 minutes)", "2026-03-01T11:07:00Z", "2026-03-01T11:10:30Z" },
        { "rate(1 hour)", "2026-03-01T10:00:30Z", "2026-03-01T11:00:30Z" },
        { "rate(12 hours)", "2026-03-01T10:00:30Z", "2026-03-01T22:00:30Z" },
        { "rate(1 day)", "2026-03-01T10:00:30Z", "2026-03-02T10:00:30Z" },
        { "rate(7 days)", "2026-03-01T10:00:30Z", "2026-03-08T10:00:30Z" },
        { "rate(7 days)", "2026-02-01T10:00:30Z", "2026-03-08T10:00:30Z" },
        { "rate(2147483647 days)", "2026-03-01T10:00:30Z", "-" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(&rows[i], at("2026-03-01T10:00:30Z"));
}

TEST(schedule, refused)
{
    static const char *const rows[] = {
        "",
        "rate",
        "rate()",
        "rate(5)",
        "rate(5 minute)",
        "rate(1 minutes)",
        "rate(1 hours)",
        "rate(2 hour)",
        "rate(1 days)",
        "rate(2 day)",
        "rate(0 minutes)",
        "rate(-1 minutes)",
        "rate(+5 minutes)",
        "rate(5  minutes)",
        "rate( 5 minutes)",
        "rate(5 minutes )",
        "rate(5 minutes) ",
        " rate(5 minutes)",
        "Rate(5 minutes)",
        "rate(5 Minutes)",
        "rate(5 seconds)",
        "rate(5 weeks)",
        "rate(1.5 hours)",
        "rate(5minutes)",
        "rate(99999999999 minutes)",
        "rate(5 minutes",
        "rate 5 minutes",
        "rate(five minutes)",
        "at(2026-01-01T00:00:00)",
        "cron()",
        "cron(0 10 * * ?)",
        "cron(0 10 * * ? * *)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(0 10 1 * MON *)",
        "cron(0  10 * * ? *)",
        "cron( 0 10 * * ? *)",
        "cron(0 10 * * ? * )",
        "Cron(0 10 * * ? *)",
        "cron(60 10 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 10 0 * ? *)",
        "cron(0 10 32 * ? *)",
        "cron(0 10 * 0 ? *)",
        "cron(0 10 * 13 ? *)",
        "cron(0 10 ? * 0 *)",
        "cron(0 10 ? * 8 *)",
        "cron(0 10 * * ? 1969)",
        "cron(0 10 * * ? 2200)",
        "cron(0 10 * * ? 2030-2020)",
        "cron(? 10 * * ? *)",
        "cron(0 ? * * ? *)",
        "cron(0 10 * ? ? *)",
        "cron(0 10 * * ? ?)",
        "cron(0/0 10 * * ? *)",
        "cron(0/60 10 * * ? *)",
        "cron(0/ 10 * * ? *)",
        "cron(/5 10 * * ? *)",
        "cron(0- 10 * * ? *)",
        "cron(-5 10 * * ? *)",
        "cron(0-5-9 10 * * ? *)",
        "cron(0, 10 * * ? *)",
        "cron(,0 10 * * ? *)",
        "cron(0 10 * FOO ? *)",
        "cron(0 10 ? * FOO *)",
        "cron(0 10 ? * JAN *)",
        "cron(0 10 * MON ? *)",
        "cron(L 10 * * ? *)",
        "cron(0 10 L,1 * ? *)",
        "cron(0 10 W * ? *)",
        "cron(0 10 32W * ? *)",
        "cron(0 10 0W * ? *)",
        "cron(0 10 1-5W * ? *)",
        "cron(0 10 WL * ? *)",
        "cron(0 10 ? * 3#0 *)",
        "cron(0 10 ? * 3#6 *)",
        "cron(0 10 ? * #2 *)",
        "cron(0 10 ? * 3# *)",
        "cron(0 10 ? * 8#1 *)",
        "cron(0 10 ? * 3#1,4#1 *)",
        "cron(0 10 ? * 8L *)",
        "cron(0 10 ? * 5W *)",
        "cron(0 10 3#1 * ? *)",
        "cron(0 10 L-3 * ? *)",
        "cron(0 10 * L ? *)",
        "cron(0 10 * * ? L)",
        "cron(00000 10 * * ? *)",
        "cron(1e1 10 * * ? *)",
        "cron(a b c d e f)",
        "cron(* * * * ? *",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct schedule *s = NULL;

        if (schedule_parse(str_of(rows[i]), &s) != -E_INVALID)
            UNIT_FAIL("taken: %s", rows[i]);
        schedule_free(s);
    }
}

/* Against the definition, minute by minute over two years: each firing is the first minute of the set behind
 * the last. */
TEST(schedule, no_minute_is_skipped)
{
    struct schedule *s = NULL;
    int64_t t = at("2027-12-30T00:00:00Z"), end = at("2028-03-02T00:00:00Z"), expect = t;

    EXPECT_INT(schedule_parse(STR("cron(*/7 3,23 ? * SUN,WED *)"), &s), 0);
    while (t < end && unit_bad == 0) {
        struct when_parts p;

        do {
            expect += 60000;
            p = when_parts(expect);
        } while (p.minute % 7 != 0 || (p.hour != 3 && p.hour != 23) || (p.weekday != 0 && p.weekday != 3));
        t = schedule_next(s, 0, t);
        EXPECT_INT(t, expect);
    }
    schedule_free(s);
}

UNIT_MAIN
