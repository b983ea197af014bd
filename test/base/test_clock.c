/* test_clock.c - the virtual clock and the text forms of moments. */
#include <time.h>
#include "base/clock.h"
#include "test/unit.h"

#define HOUR_MS ((int64_t)3600000)

/* What real time the machine may lose between two lines of a test. */
#define SLACK_MS 2000

static bool near(int64_t got, int64_t want) { return got >= want && got < want + SLACK_MS; }

TEST(clock, runs_at_real_time)
{
    struct clock c;
    struct now a, b;

    clock_init(&c);
    a = clock_now(&c);
    EXPECT(near(a.wall_ms, c.base_steady_ms));
    b = clock_now(&c);
    EXPECT(b.wall_ms >= a.wall_ms && b.mono_ns >= a.mono_ns && a.mono_ns > 0);
    EXPECT(near(clock_offset_ms(&c) + 1, 0));
}

TEST(clock, advances_running_and_frozen)
{
    struct clock c;
    int64_t at;

    clock_init(&c);
    at = clock_now(&c).wall_ms;
    clock_advance(&c, 3 * HOUR_MS);
    EXPECT(near(clock_now(&c).wall_ms, at + 3 * HOUR_MS));
    EXPECT(near(clock_offset_ms(&c), 3 * HOUR_MS - 1));
    clock_freeze(&c);
    at = clock_now(&c).wall_ms;
    clock_advance(&c, 1234);
    EXPECT_INT(clock_now(&c).wall_ms, at + 1234);
    clock_advance(&c, 0);
    EXPECT_INT(clock_now(&c).wall_ms, at + 1234);
    clock_resume(&c);
    EXPECT(near(clock_now(&c).wall_ms, at + 1234));
}

TEST(clock, frozen_stands_still)
{
    struct clock c;
    int64_t at;

    clock_init(&c);
    clock_freeze(&c);
    at = clock_now(&c).wall_ms;
    c.base_steady_ms -= HOUR_MS; /* as if an hour had gone by */
    EXPECT_INT(clock_now(&c).wall_ms, at);
    clock_resume(&c);
    EXPECT(near(clock_now(&c).wall_ms, at)); /* the hour is not made up for */
}

TEST(clock, rate)
{
    struct clock c;
    int64_t at;

    clock_init(&c);
    clock_set_rate(&c, 60);
    at = clock_now(&c).wall_ms;
    c.base_steady_ms -= 10000;
    EXPECT(clock_now(&c).wall_ms >= at + 600000 && clock_now(&c).wall_ms < at + 600000 + 60 * SLACK_MS);
    clock_set_rate(&c, 0.5);
    at = clock_now(&c).wall_ms;
    c.base_steady_ms -= 10000;
    EXPECT(near(clock_now(&c).wall_ms, at + 5000));
}

/* What the machine says at the anchor; the tables below count from here. */
#define REAL0 ((int64_t)1789400000000)
#define BOOT0 ((int64_t)5000000)

/* The system's clock is set, or the machine sleeps: the server's clock follows what cannot be set. */
TEST(clock, follows_readings)
{
    static const struct {
        int64_t real, boot, wall, offset, step, news;
    } rows[] = {
        { 0, 0, 0, 0, 0, 0 },
        { 10000, 10000, 10000, 0, 0, 0 },
        { 10999, 10000, 10000, 0, 0, 0 },                        /* below a step: read, or slewed */
        { -3590000, 10001, 10001, 3600001, -3600001, -3600001 }, /* set back an hour: goes on at once */
        { -3580000, 20001, 20001, 3600001, -3600001, 0 },        /* told once */
        { 20500, 20500, 20500, 0, 0, 3600001 },                  /* and forth again: level */
        { 86420500, 20500, 20500, -86400000, 86400000,
          86400000 }, /* a day forward: nothing grows old by it */
        { 86421500, 21500, 21500, -86400000, 86400000, 0 },
        { 36021500, 36021500, 36021500, 0, 0, -86400000 }, /* level, and ten hours asleep: they count */
    };
    struct clock c;

    clock_init_at(&c, (struct clock_reading){ REAL0, BOOT0 });
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct clock_reading r = { REAL0 + rows[i].real, BOOT0 + rows[i].boot };
        int64_t news = 0;

        EXPECT_INT(clock_wall_at(&c, r), REAL0 + rows[i].wall);
        EXPECT_INT(clock_offset_at(&c, r), rows[i].offset);
        EXPECT_INT(clock_step_at(&c, r), rows[i].step);
        EXPECT_INT(clock_step_news(&c, r, &news), rows[i].news != 0);
        EXPECT_INT(news, rows[i].news);
    }
    EXPECT_INT(clock_wall_at(&c, (struct clock_reading){ REAL0, BOOT0 }), REAL0 + 36021500); /* never back */
}

/* A start: where the last server was by its user's will, and what it had seen, against the system's clock. */
TEST(clock, starts_again)
{
    static const struct {
        int64_t moved, seen;
        enum clock_restored want;
        int64_t start, after_10_s, debt;
    } rows[] = {
        { 0, -5000, CLOCK_GOES_ON, 0, 10000, 0 },
        { 0, 0, CLOCK_GOES_ON, 0, 10000, 0 },
        { 3600000, 3590000, CLOCK_GOES_ON, 3600000, 3610000, 0 }, /* the user's hour stays */
        { 0, 4000, CLOCK_CATCHES_UP, 4000, 10000, 0 },            /* four seconds ahead: level after eight */
        { 0, 3600000, CLOCK_CATCHES_UP, 3600000, 3605000, 3595000 },
        { 60000, 70000, CLOCK_CATCHES_UP, 70000, 75000, 5000 },
        { 0, CLOCK_DEBT_MOST_MS + 1, CLOCK_SET_BACK, 0, 10000, 0 },
        { -7000, -8000, CLOCK_GOES_ON, 0, 10000, 0 },
        { INT64_MAX, INT64_MAX, CLOCK_GOES_ON, CLOCK_MOST_MS - REAL0, CLOCK_MOST_MS - REAL0, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct clock_reading now = { REAL0, BOOT0 }, later = { REAL0, BOOT0 + 10000 };
        int64_t seen = rows[i].seen == INT64_MAX ? INT64_MAX : REAL0 + rows[i].seen;
        struct clock c;

        clock_init_at(&c, now);
        EXPECT_INT(clock_restore(&c, rows[i].moved, seen), rows[i].want);
        EXPECT_INT(clock_wall_at(&c, now), REAL0 + rows[i].start);
        EXPECT_INT(clock_wall_at(&c, later), REAL0 + rows[i].after_10_s);
        EXPECT_INT(clock_debt_at(&c, later), rows[i].debt);
    }
}

/* What is kept for the next start is the user's part alone: no debt, no step of the system's clock. */
TEST(clock, moved_is_the_users_part)
{
    struct clock c;

    clock_init(&c);
    EXPECT_INT(clock_restore(&c, 0, c.base_steady_ms + HOUR_MS), CLOCK_CATCHES_UP);
    clock_advance(&c, 5000);
    EXPECT_INT(clock_moved_ms(&c), 5000);
    EXPECT(near(clock_now(&c).wall_ms, c.base_steady_ms + HOUR_MS + 5000 - SLACK_MS / 2));
    EXPECT(clock_real_wait_ms(&c, clock_now(&c).wall_ms + 10000) > 20000 - SLACK_MS); /* half pace */
    clock_set_rate(&c, 2);
    EXPECT(clock_moved_ms(&c) >= HOUR_MS - SLACK_MS);
}

TEST(clock, waits)
{
    struct clock c;
    int64_t at, wait;

    clock_init(&c);
    at = clock_now(&c).wall_ms;
    EXPECT_INT(clock_real_wait_ms(&c, at - 1), 0);
    wait = clock_real_wait_ms(&c, at + 100000);
    EXPECT(wait > 100000 - SLACK_MS && wait <= 100000);
    clock_set_rate(&c, 60);
    wait = clock_real_wait_ms(&c, at + 600000);
    EXPECT(wait > 10000 - SLACK_MS && wait <= 10000);
    EXPECT(clock_real_wait_ms(&c, INT64_MAX) > 0);
    clock_freeze(&c);
    EXPECT_INT(clock_real_wait_ms(&c, clock_now(&c).wall_ms + 1), -1);
    EXPECT_INT(clock_real_wait_ms(&c, clock_now(&c).wall_ms), 0);
}

TEST(clock, ends_with_the_year_9999)
{
    struct clock c;

    clock_init(&c);
    clock_advance(&c, INT64_MAX);
    EXPECT_INT(clock_now(&c).wall_ms, CLOCK_MOST_MS);
    clock_set_rate(&c, 1e300);
    EXPECT_INT(clock_now(&c).wall_ms, CLOCK_MOST_MS);
}

static const struct {
    int64_t ms;
    const char *iso_ms, *iso_s, *lambda, *http, *epoch;
} forms[] = {
    { 0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000+0000",
      "Thu, 01 Jan 1970 00:00:00 GMT", "0" },
    { 1789400698123, "2026-09-14T15:44:58.123Z", "2026-09-14T15:44:58Z", "2026-09-14T15:44:58.123+0000",
      "Mon, 14 Sep 2026 15:44:58 GMT", "1789400698.123" },
    { 951782400050, "2000-02-29T00:00:00.050Z", "2000-02-29T00:00:00Z", "2000-02-29T00:00:00.050+0000",
      "Tue, 29 Feb 2000 00:00:00 GMT", "951782400.05" },
    { 4107542400100, "2100-03-01T00:00:00.100Z", "2100-03-01T00:00:00Z", "2100-03-01T00:00:00.100+0000",
      "Mon, 01 Mar 2100 00:00:00 GMT", "4107542400.1" },
    { -1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999+0000",
      "Wed, 31 Dec 1969 23:59:59 GMT", "-0.001" },
    { CLOCK_MOST_MS, "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999+0000",
      "Fri, 31 Dec 9999 23:59:59 GMT", "253402300799.999" },
};

static void expect_form(void (*form)(struct buf *, int64_t), int64_t ms, const char *want)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    form(&b, ms);
    EXPECT_STR(buf_view(&b), str_of(want));
}

TEST(when, forms)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        int64_t back = 7;

        expect_form(when_iso_ms, forms[i].ms, forms[i].iso_ms);
        expect_form(when_iso_s, forms[i].ms, forms[i].iso_s);
        expect_form(when_lambda, forms[i].ms, forms[i].lambda);
        expect_form(when_http, forms[i].ms, forms[i].http);
        expect_form(when_epoch_s, forms[i].ms, forms[i].epoch);
        EXPECT_INT(when_parse_iso(str_of(forms[i].iso_ms), &back), 0);
        EXPECT_INT(back, forms[i].ms);
        EXPECT_INT(when_parse_iso(str_of(forms[i].lambda), &back), 0);
        EXPECT_INT(back, forms[i].ms);
        EXPECT_INT(when_parse_epoch(str_of(forms[i].epoch), &back), 0);
        EXPECT_INT(back, forms[i].ms);
    }
}

/* The C library's calendar is the model here. */
TEST(when, agrees_with_gmtime)
{
    for (int64_t day = -100000; day < 200000; day += 13) {
        time_t t = (time_t)(day * 86400 + 3723);
        struct when_parts p = when_parts((int64_t)t * 1000 + 42);
        struct tm tm;

        gmtime_r(&t, &tm);
        if (p.year != tm.tm_year + 1900 || p.month != tm.tm_mon + 1 || p.day != tm.tm_mday || p.hour != 1 ||
            p.minute != 2 || p.second != 3 || p.ms != 42 || p.weekday != tm.tm_wday ||
            when_from_parts(&p) != (int64_t)t * 1000 + 42) {
            UNIT_FAIL("day %lld", (long long)day);
            break;
        }
    }
}

TEST(when, parse_iso)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        { "2026-09-14T15:44:58Z", 1789400698000 },      { "2026-09-14T17:44:58+02:00", 1789400698000 },
        { "2026-09-14T17:44:58+0200", 1789400698000 },  { "2026-09-14T17:44:58+02", 1789400698000 },
        { "2026-09-14T10:14:58-05:30", 1789400698000 }, { "2026-09-14 15:44:58z", 1789400698000 },
        { "2026-09-14t15:44:58.1Z", 1789400698100 },    { "2026-09-14T15:44:58.123456789Z", 1789400698123 },
        { "2016-12-31T23:59:60Z", 1483228800000 },
    };
    static const char *const bad[] = {
        "",
        "2026-09-14",
        "2026-09-14T15:44:58",
        "2026-09-14T15:44Z",
        "2026-09-14T15:44:58.Z",
        "2026-13-14T15:44:58Z",
        "2026-00-14T15:44:58Z",
        "2026-02-29T15:44:58Z",
        "2026-04-31T15:44:58Z",
        "2026-09-00T15:44:58Z",
        "2026-09-14T24:00:00Z",
        "2026-09-14T15:60:00Z",
        "2026-09-14T15:44:61Z",
        "2026-09-14T15:44:58Zx",
        "2026-09-14T15:44:58+2:00",
        "2026-09-14T15:44:58+24:00",
        "2026-09-14T15:44:58+02:60",
        "26-09-14T15:44:58Z",
        "2026/09/14T15:44:58Z",
        "2026-09-14T15:44:58 Z",
        "+026-09-14T15:44:58Z",
        "2026-09-14T15:44:58+02:",
    };
    int64_t ms;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        EXPECT_INT(when_parse_iso(str_of(good[i].text), &ms), 0);
        EXPECT_INT(ms, good[i].ms);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ms = 5;
        if (when_parse_iso(str_of(bad[i]), &ms) != -E_INVALID || ms != 5)
            UNIT_FAIL("accepted: %s", bad[i]);
    }
}

TEST(when, parse_http)
{
    static const char *const good[] = {
        "Mon, 14 Sep 2026 15:44:58 GMT",
        "Monday, 14-Sep-26 15:44:58 GMT",
        "Mon Sep 14 15:44:58 2026",
    };
    static const char *const bad[] = {
        "",
        "Mon, 14 Sep 2026 15:44:58",
        "Mon, 14 Sep 2026 15:44:58 UTC",
        "Mon, 14 Foo 2026 15:44:58 GMT",
        "Mon, 31 Feb 2026 15:44:58 GMT",
        "Mon, 14 Sep 2026 25:44:58 GMT",
        "mon, 14 Sep 2026 15:44:58 GMT",
        "Mon, 14 Sep 2026 15:44:58 GMT ",
        "14 Sep 2026 15:44:58 GMT",
        "2026-09-14T15:44:58Z",
    };
    int64_t ms;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        ms = 0;
        EXPECT_INT(when_parse_http(str_of(good[i]), &ms), 0);
        EXPECT_INT(ms, 1789400698000);
    }
    EXPECT_INT(when_parse_http(STR("Sunday, 06-Nov-94 08:49:37 GMT"), &ms), 0);
    EXPECT_INT(ms, 784111777000);
    EXPECT_INT(when_parse_http(STR("Sun Nov  6 08:49:37 1994"), &ms), 0);
    EXPECT_INT(ms, 784111777000);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ms = 5;
        if (when_parse_http(str_of(bad[i]), &ms) != -E_INVALID || ms != 5)
            UNIT_FAIL("accepted: %s", bad[i]);
    }
}

TEST(when, parse_epoch)
{
    int64_t ms = 5;

    EXPECT_INT(when_parse_epoch(STR("1.789400698123E9"), &ms), 0);
    EXPECT_INT(ms, 1789400698123);
    EXPECT_INT(when_parse_epoch(STR("1789400698.9999"), &ms), 0);
    EXPECT_INT(ms, 1789400699000);
    ms = 5;
    EXPECT_INT(when_parse_epoch(STR("1e300"), &ms), -E_INVALID);
    EXPECT_INT(when_parse_epoch(STR("nan"), &ms), -E_INVALID);
    EXPECT_INT(when_parse_epoch(STR(""), &ms), -E_INVALID);
    EXPECT_INT(ms, 5);
}

UNIT_MAIN
