/* schedule.c - a schedule is a period, or six sets; the next firing is found by walking days.
 *
 * True here: sets are bits (bit n: value n; years from 1970).  Where a field holds L, W or #, its set is
 * empty and the special member says what is meant. */
#include "service/events/schedule.h"

#include <stdlib.h>

#define YEAR_FIRST 1970
#define YEAR_LAST 2199
#define MINUTE_MS INT64_C(60000)

enum field_name { MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR, FIELDS };
enum day_rule {
    DAY_IN_SET,
    DAY_LAST,
    DAY_LAST_WORKDAY,
    DAY_WORKDAY_NEAR,
    WEEKDAY_IN_SET,
    WEEKDAY_LAST,
    WEEKDAY_NTH
};

struct schedule {
    int64_t period_ms; /* rate; 0: cron */
    uint64_t set[FIELDS][4];
    enum day_rule rule;
    int n, nth; /* day of the month or week meant by the rule */
};

struct field_shape {
    int least, most;
    const char *const *names;
};
static const char *const month_names[] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL",
                                           "AUG", "SEP", "OCT", "NOV", "DEC", NULL };
static const char *const day_names[] = { "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL };
static const struct field_shape shapes[FIELDS] = {
    { 0, 59, NULL },        { 0, 23, NULL },     { 1, 31, NULL },
    { 1, 12, month_names }, { 1, 7, day_names }, { YEAR_FIRST, YEAR_LAST, NULL },
};

static bool has(const uint64_t set[4], int bit) { return (set[bit / 64] >> (bit % 64) & 1) != 0; }
static void put(uint64_t set[4], int bit)
{
    CHECK(bit >= 0 && bit < 256);
    set[bit / 64] |= UINT64_C(1) << (bit % 64);
}
static int bit_of(enum field_name f, int value) { return f == YEAR ? value - YEAR_FIRST : value; }

/* ---- reading ---- */

/* Digits only, at most four of them. */
static bool number(struct str s, int *ret)
{
    int v = 0;

    if (s.n == 0 || s.n > 4)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (s.p[i] - '0');
    }
    *ret = v;
    return true;
}

static bool value(enum field_name f, struct str s, int *ret)
{
    const struct field_shape *shape = &shapes[f];

    for (int i = 0; shape->names != NULL && shape->names[i] != NULL; i++)
        if (str_eq_nocase(s, str_of(shape->names[i]))) {
            *ret = i + 1;
            return true;
        }
    return number(s, ret) && *ret >= shape->least && *ret <= shape->most;
}

/* "*", "5", "5-9", and each with "/step". */
static bool item(enum field_name f, struct str s, uint64_t set[4])
{
    int least = shapes[f].least, most = shapes[f].most, from = least, to = most, step = 1,
        size = most - least + 1;
    struct str rest = s, range, head;
    bool stepped, ranged;

    str_cut(&rest, '/', &range);
    stepped = !str_absent(rest);
    if (stepped && (!number(rest, &step) || step < 1 || step > most))
        return false;
    if (!str_is(range, "*")) {
        str_cut(&range, '-', &head);
        ranged = !str_absent(range);
        if (!value(f, head, &from) || (ranged && !value(f, range, &to)))
            return false;
        if (!ranged && !stepped)
            to = from;
    }
    if (from > to && f == YEAR)
        return false;
    for (int n = from > to ? to + size : to, v = from; v <= n; v += step)
        put(set, bit_of(f, v > most ? v - size : v));
    return true;
}

static bool list(enum field_name f, struct str s, uint64_t set[4])
{
    struct str part;

    while (str_cut(&s, ',', &part))
        if (!item(f, part, set))
            return false;
    return true;
}

static bool upper_end(struct str s, char c) { return s.n > 0 && (s.p[s.n - 1] & ~0x20) == c; }

static bool day_field(struct schedule *s, struct str text)
{
    struct str front = str_sub(text, 0, text.n - (text.n > 0));

    s->rule = DAY_IN_SET;
    if (str_eq_nocase(text, STR("L"))) {
        s->rule = DAY_LAST;
    } else if (str_eq_nocase(text, STR("LW"))) {
        s->rule = DAY_LAST_WORKDAY;
    } else if (upper_end(text, 'W')) {
        s->rule = DAY_WORKDAY_NEAR;
        return value(DAY, front, &s->n);
    } else {
        return list(DAY, text, s->set[DAY]);
    }
    return true;
}

static bool weekday_field(struct schedule *s, struct str text)
{
    struct str rest = text, head, front = str_sub(text, 0, text.n - (text.n > 0));

    s->rule = WEEKDAY_IN_SET;
    if (str_eq_nocase(text, STR("L"))) {
        put(s->set[WEEKDAY], 7);
        return true;
    }
    if (upper_end(text, 'L')) {
        s->rule = WEEKDAY_LAST;
        return value(WEEKDAY, front, &s->n);
    }
    str_cut(&rest, '#', &head);
    if (!str_absent(rest)) {
        s->rule = WEEKDAY_NTH;
        return value(WEEKDAY, head, &s->n) && number(rest, &s->nth) && s->nth >= 1 && s->nth <= 5;
    }
    return list(WEEKDAY, text, s->set[WEEKDAY]);
}

static bool cron(struct schedule *s, struct str text)
{
    struct str fields[FIELDS], field;
    size_t n = 0;
    bool any_day, any_weekday;

    while (str_cut(&text, ' ', &field)) {
        if (n == FIELDS || field.n == 0)
            return false;
        fields[n++] = field;
    }
    if (n != FIELDS)
        return false;
    any_day = str_is(fields[DAY], "?");
    any_weekday = str_is(fields[WEEKDAY], "?");
    if (any_day == any_weekday ||
        !(any_weekday ? day_field(s, fields[DAY]) : weekday_field(s, fields[WEEKDAY])))
        return false;
    return list(MINUTE, fields[MINUTE], s->set[MINUTE]) && list(HOUR, fields[HOUR], s->set[HOUR]) &&
           list(MONTH, fields[MONTH], s->set[MONTH]) && list(YEAR, fields[YEAR], s->set[YEAR]);
}

/* Beyond a million days no period could be told from never. */
static bool rate(struct schedule *s, struct str text)
{
    static const struct {
        const char *one, *many;
        int64_t ms;
    } units[] = {
        { "minute", "minutes", MINUTE_MS },
        { "hour", "hours", 60 * MINUTE_MS },
        { "day", "days", 1440 * MINUTE_MS },
    };
    struct str head;
    int64_t v;

    str_cut(&text, ' ', &head);
    if (str_absent(text) || head.n == 0 || head.p[0] < '0' || head.p[0] > '9' || str_to_i64(head, &v) != 0 ||
        v < 1 || v > INT32_MAX)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (str_is(text, v == 1 ? units[i].one : units[i].many))
            s->period_ms = v * units[i].ms;
    return s->period_ms > 0;
}

int schedule_parse(struct str text, struct schedule **ret)
{
    struct schedule s = { 0 };
    bool ok = false;

    if (text.n > SCHEDULE_BYTES_MOST || !str_ends(text, STR(")")))
        return -E_INVALID;
    if (str_starts(text, STR("rate(")))
        ok = rate(&s, str_sub(text, 5, text.n - 1));
    else if (str_starts(text, STR("cron(")))
        ok = cron(&s, str_sub(text, 5, text.n - 1));
    if (!ok)
        return -E_INVALID;
    *ret = xmalloc(sizeof(s));
    **ret = s;
    return 0;
}

struct schedule *schedule_free(struct schedule *s)
{
    free(s);
    return NULL;
}

/* ---- the next firing ---- */

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    CHECK(month >= 1 && month <= 12);
    return days[month - 1] + (month == 2 && leap);
}

static bool is_workday(int weekday) { return weekday >= 2 && weekday <= 6; }

/* The workday nearest to day n of a month, without leaving it; days the month does not have come never.
 * first: the weekday (1 = Sunday) of its first day. */
static int workday_near(int n, int days, int first)
{
    int weekday;

    if (n > days)
        return 0;
    weekday = (first - 1 + n - 1) % 7 + 1;
    if (weekday == 7)
        return n > 1 ? n - 1 : n + 2;
    if (weekday == 1)
        return n < days ? n + 1 : n - 2;
    return n;
}

static int last_workday(int days, int first)
{
    int day = days;

    CHECK(days >= 28 && days <= 31 && first >= 1 && first <= 7);
    while (!is_workday((first - 1 + day - 1) % 7 + 1))
        day--;
    return day;
}

static bool day_fits(const struct schedule *s, int day, int days, int first)
{
    int weekday = (first - 1 + day - 1) % 7 + 1;

    switch (s->rule) {
    case DAY_IN_SET: return has(s->set[DAY], day);
    case DAY_LAST: return day == days;
    case DAY_LAST_WORKDAY: return day == last_workday(days, first);
    case DAY_WORKDAY_NEAR: return day == workday_near(s->n, days, first);
    case WEEKDAY_IN_SET: return has(s->set[WEEKDAY], weekday);
    case WEEKDAY_LAST: return weekday == s->n && day + 7 > days;
    case WEEKDAY_NTH: return weekday == s->n && (day - 1) / 7 + 1 == s->nth;
    }
    return false;
}

/* The first minute of a day's that fits, from the given one; -1: none. */
static int minute_of_day(const struct schedule *s, int from)
{
    CHECK(from >= 0 && from < 24 * 60);
    for (int hour = from / 60; hour < 24; hour++) {
        if (!has(s->set[HOUR], hour))
            continue;
        for (int minute = hour == from / 60 ? from % 60 : 0; minute < 60; minute++)
            if (has(s->set[MINUTE], minute))
                return hour * 60 + minute;
    }
    return -1;
}

/* In a month, from a day and a minute of that day on. */
static bool month_fits(const struct schedule *s, struct when_parts *at)
{
    int days = days_in(at->year, at->month), from = at->hour * 60 + at->minute;
    struct when_parts first = { .year = at->year, .month = at->month, .day = 1 };
    int first_weekday = when_parts(when_from_parts(&first)).weekday + 1;

    for (; at->day <= days; at->day++, from = 0) {
        int minute = day_fits(s, at->day, days, first_weekday) ? minute_of_day(s, from) : -1;

        if (minute < 0)
            continue;
        at->hour = minute / 60;
        at->minute = minute % 60;
        return true;
    }
    return false;
}

static int64_t next_cron(const struct schedule *s, int64_t after_ms)
{
    struct when_parts at = when_parts((after_ms / MINUTE_MS + 1) * MINUTE_MS);

    for (; at.year <= YEAR_LAST; at.year++, at.month = 1, at.day = 1, at.hour = at.minute = 0) {
        if (!has(s->set[YEAR], bit_of(YEAR, at.year)))
            continue;
        for (; at.month <= 12; at.month++, at.day = 1, at.hour = at.minute = 0)
            if (has(s->set[MONTH], at.month) && month_fits(s, &at))
                return when_from_parts(&at);
    }
    return -1;
}

int64_t schedule_next(const struct schedule *s, int64_t anchor_ms, int64_t after_ms)
{
    int64_t periods, at;

    after_ms = MAX(after_ms, 0);
    if (s->period_ms == 0)
        return next_cron(s, after_ms);
    CHECK(s->period_ms > 0 && anchor_ms >= 0);
    periods = after_ms < anchor_ms ? 0 : (after_ms - anchor_ms) / s->period_ms;
    at = anchor_ms + (periods + 1) * s->period_ms;
    return at <= CLOCK_MOST_MS ? at : -1;
}
