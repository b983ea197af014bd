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
    EXPECT(near(a.wall_ms, c.base_real_ms));
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
    c.base_real_ms -= HOUR_MS;                                /* as if an hour had gone by */
    EXPECT_INT(clock_now(&c).wall_ms, at);
    clock_resume(&c);
    EXPECT(near(clock_now(&c).wall_ms, at));                  /* the hour is not made up for */
}

TEST(clock, rate)
{
    struct clock c;
    int64_t at;

    clock_init(&c);
    clock_set_rate(&c, 60);
    at = clock_now(&c).wall_ms;
    c.base_real_ms -= 10000;
    EXPECT(clock_now(&c).wall_ms >= at + 600000 && clock_now(&c).wall_ms < at + 600000 + 60 * SLACK_MS);
    clock_set_rate(&c, 0.5);
    at = clock_now(&c).wall_ms;
    c.base_real_ms -= 10000;
    EXPECT(near(clock_now(&c).wall_ms, at + 5000));
}

TEST(clock, never_steps_back)
{
    struct clock c;
    int64_t at;

    clock_init(&c);
    clock_advance(&c, 5000);
    c.base_real_ms -= 10000;                                  /* it has run for ten seconds */
    at = clock_now(&c).wall_ms;
    EXPECT(near(at, c.base_virtual_ms + 10000));
    c.base_real_ms += HOUR_MS;                                /* as if the real clock had been set back an hour */
    EXPECT(clock_now(&c).wall_ms >= at && clock_now(&c).wall_ms < at + SLACK_MS);
    clock_set_rate(&c, 1);                                    /* any change re-bases: it runs again at once */
    EXPECT_INT(c.base_virtual_ms, c.last_ms);
    EXPECT(near(clock_now(&c).wall_ms, at));
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

static const struct { int64_t ms; const char *iso_ms, *iso_s, *lambda, *http, *epoch; } forms[] = {
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
    static const struct { const char *text; int64_t ms; } good[] = {
        { "2026-09-14T15:44:58Z", 1789400698000 }, { "2026-09-14T17:44:58+02:00", 1789400698000 },
        { "2026-09-14T17:44:58+0200", 1789400698000 }, { "2026-09-14T17:44:58+02", 1789400698000 },
        { "2026-09-14T10:14:58-05:30", 1789400698000 }, { "2026-09-14 15:44:58z", 1789400698000 },
        { "2026-09-14t15:44:58.1Z", 1789400698100 }, { "2026-09-14T15:44:58.123456789Z", 1789400698123 },
        { "2016-12-31T23:59:60Z", 1483228800000 },
    };
    static const char *const bad[] = {
        "", "2026-09-14", "2026-09-14T15:44:58", "2026-09-14T15:44Z", "2026-09-14T15:44:58.Z", "2026-13-14T15:44:58Z",
        "2026-00-14T15:44:58Z", "2026-02-29T15:44:58Z", "2026-04-31T15:44:58Z", "2026-09-00T15:44:58Z",
        "2026-09-14T24:00:00Z", "2026-09-14T15:60:00Z", "2026-09-14T15:44:61Z", "2026-09-14T15:44:58Zx",
        "2026-09-14T15:44:58+2:00", "2026-09-14T15:44:58+24:00", "2026-09-14T15:44:58+02:60", "26-09-14T15:44:58Z",
        "2026/09/14T15:44:58Z", "2026-09-14T15:44:58 Z", "+026-09-14T15:44:58Z", "2026-09-14T15:44:58+02:",
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
        "Mon, 14 Sep 2026 15:44:58 GMT", "Monday, 14-Sep-26 15:44:58 GMT", "Mon Sep 14 15:44:58 2026",
    };
    static const char *const bad[] = {
        "", "Mon, 14 Sep 2026 15:44:58", "Mon, 14 Sep 2026 15:44:58 UTC", "Mon, 14 Foo 2026 15:44:58 GMT",
        "Mon, 31 Feb 2026 15:44:58 GMT", "Mon, 14 Sep 2026 25:44:58 GMT", "mon, 14 Sep 2026 15:44:58 GMT",
        "Mon, 14 Sep 2026 15:44:58 GMT ", "14 Sep 2026 15:44:58 GMT", "2026-09-14T15:44:58Z",
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
