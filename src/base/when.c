/* when.c - moments as text and back, in UTC and without the C library's calendar.
 *
 * True here: a day is 86,400 s (leap seconds are folded into the next one); the calendar is Gregorian in both
 * directions; a year begins in March in the arithmetic, so that the leap day is its last.  Parsers take the
 * whole text or nothing and leave *ret_ms alone when they fail. */
#include "base/clock.h"

#include <math.h>

#define DAY_MS ((int64_t)86400000)

static const char *const month_names[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};
static const char *const day_names[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const long_days[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday" };

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Days from 1970-01-01 to the given day; month 1-12. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month > 2 ? year : (int64_t)year - 1;
    int64_t era = floor_div(y, 400), of_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, struct when_parts *ret)
{
    int64_t shifted = days + 719468, era = floor_div(shifted, 146097), rest = shifted - era * 146097;
    int64_t of_era = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
    int64_t of_year = rest - (365 * of_era + of_era / 4 - of_era / 100), m = (5 * of_year + 2) / 153;

    ret->day = (int)(of_year - (153 * m + 2) / 5 + 1);
    ret->month = (int)(m < 10 ? m + 3 : m - 9);
    ret->year = (int)(of_era + era * 400 + (ret->month <= 2));
    ret->weekday = (int)(days + 4 - floor_div(days + 4, 7) * 7);
}

struct when_parts when_parts(int64_t ms)
{
    struct when_parts p;
    int64_t days = floor_div(ms, DAY_MS), rest = ms - days * DAY_MS;

    date_of(days, &p);
    p.hour = (int)(rest / 3600000);
    p.minute = (int)(rest / 60000 % 60);
    p.second = (int)(rest / 1000 % 60);
    p.ms = (int)(rest % 1000);
    return p;
}

int64_t when_from_parts(const struct when_parts *p)
{
    return days_of(p->year, p->month, p->day) * DAY_MS + p->hour * (int64_t)3600000 +
           p->minute * (int64_t)60000 + p->second * (int64_t)1000 + p->ms;
}

static void date_and_time(struct buf *b, const struct when_parts *p)
{
    buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d", p->year, p->month, p->day, p->hour, p->minute, p->second);
}

void when_iso_ms(struct buf *b, int64_t ms)
{
    struct when_parts p = when_parts(ms);

    date_and_time(b, &p);
    buf_printf(b, ".%03dZ", p.ms);
}

void when_iso_s(struct buf *b, int64_t ms)
{
    struct when_parts p = when_parts(ms);

    date_and_time(b, &p);
    buf_char(b, 'Z');
}

void when_lambda(struct buf *b, int64_t ms)
{
    struct when_parts p = when_parts(ms);

    date_and_time(b, &p);
    buf_printf(b, ".%03d+0000", p.ms);
}

void when_http(struct buf *b, int64_t ms)
{
    struct when_parts p = when_parts(ms);

    buf_printf(b, "%s, %02d %s %04d %02d:%02d:%02d GMT", day_names[p.weekday], p.day,
               month_names[p.month - 1], p.year, p.hour, p.minute, p.second);
}

void when_epoch_s(struct buf *b, int64_t ms)
{
    uint64_t u = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    unsigned part = (unsigned)(u % 1000);
    int digits = 3;

    buf_printf(b, "%s%llu", ms < 0 ? "-" : "", (unsigned long long)(u / 1000));
    if (part == 0)
        return;
    /* A number, not a text: 1.1, not 1.100. */
    for (; part % 10 == 0; digits--)
        part /= 10;
    buf_printf(b, ".%0*u", digits, part);
}

/* Readers: each takes its piece off the front of *s or says false. */
static bool take(struct str *s, const char *what)
{
    struct str w = str_of(what);

    if (!str_starts(*s, w))
        return false;
    *s = str_sub(*s, w.n, s->n);
    return true;
}

static bool take_digits(struct str *s, size_t n, int *ret)
{
    int v = 0;

    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *ret = v;
    *s = str_sub(*s, n, s->n);
    return true;
}

static bool take_name(struct str *s, const char *const *names, int count, int *ret)
{
    for (int i = 0; i < count; i++)
        if (take(s, names[i])) {
            *ret = i;
            return true;
        }
    return false;
}

static bool take_clock(struct str *s, struct when_parts *p)
{
    return take_digits(s, 2, &p->hour) && take(s, ":") && take_digits(s, 2, &p->minute) && take(s, ":") &&
           take_digits(s, 2, &p->second);
}

static bool sound(const struct when_parts *p)
{
    struct when_parts back;

    if (p->month < 1 || p->month > 12 || p->day < 1 || p->hour > 23 || p->minute > 59 || p->second > 60)
        return false;
    /* A day the month does not have comes back as another. */
    date_of(days_of(p->year, p->month, p->day), &back);
    return back.day == p->day;
}

/* Any number of digits after the point; what is below a millisecond is cut off. */
static bool take_fraction(struct str *s, int *ret_ms)
{
    int digit, scale = 100;

    *ret_ms = 0;
    if (!take(s, "."))
        return true;
    if (!take_digits(s, 1, &digit))
        return false;
    do {
        *ret_ms += digit * scale;
        scale /= 10;
    } while (take_digits(s, 1, &digit));
    return true;
}

static bool take_zone(struct str *s, int *ret_minutes)
{
    int hours, minutes = 0, sign;

    *ret_minutes = 0;
    if (take(s, "Z") || take(s, "z"))
        return true;
    sign = take(s, "+") ? 1 : take(s, "-") ? -1 : 0;
    if (sign == 0 || !take_digits(s, 2, &hours))
        return false;
    if (s->n > 0 && !((take(s, ":") || true) && take_digits(s, 2, &minutes)))
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return hours <= 23 && minutes <= 59;
}

int when_parse_iso(struct str s, int64_t *ret_ms)
{
    struct when_parts p = { 0 };
    int zone;

    if (!take_digits(&s, 4, &p.year) || !take(&s, "-") || !take_digits(&s, 2, &p.month) || !take(&s, "-") ||
        !take_digits(&s, 2, &p.day))
        return -E_INVALID;
    if (!(take(&s, "T") || take(&s, "t") || take(&s, " ")) || !take_clock(&s, &p) ||
        !take_fraction(&s, &p.ms))
        return -E_INVALID;
    if (!take_zone(&s, &zone) || s.n > 0 || !sound(&p))
        return -E_INVALID;
    *ret_ms = when_from_parts(&p) - zone * (int64_t)60000;
    return 0;
}

/* Mon, 14 Sep 2026 15:44:58 GMT */
static bool http_fixed(struct str s, struct when_parts *p)
{
    int month = 0;
    bool ok = take_name(&s, day_names, 7, &p->weekday) && take(&s, ", ") && take_digits(&s, 2, &p->day) &&
              take(&s, " ") && take_name(&s, month_names, 12, &month) && take(&s, " ") &&
              take_digits(&s, 4, &p->year) && take(&s, " ") && take_clock(&s, p) && take(&s, " GMT") &&
              s.n == 0;

    p->month = month + 1;
    return ok;
}

/* Monday, 14-Sep-26 15:44:58 GMT */
static bool http_rfc850(struct str s, struct when_parts *p)
{
    int month = 0;
    bool ok = take_name(&s, long_days, 7, &p->weekday) && take(&s, ", ") && take_digits(&s, 2, &p->day) &&
              take(&s, "-") && take_name(&s, month_names, 12, &month) && take(&s, "-") &&
              take_digits(&s, 2, &p->year) && take(&s, " ") && take_clock(&s, p) && take(&s, " GMT") &&
              s.n == 0;

    p->month = month + 1;
    p->year += p->year < 70 ? 2000 : 1900;
    return ok;
}

/* Mon Sep 14 15:44:58 2026; the day is blank-padded */
static bool http_asctime(struct str s, struct when_parts *p)
{
    int month = 0;
    bool ok = take_name(&s, day_names, 7, &p->weekday) && take(&s, " ") &&
              take_name(&s, month_names, 12, &month) && take(&s, " ") &&
              (take(&s, " ") ? take_digits(&s, 1, &p->day) : take_digits(&s, 2, &p->day)) && take(&s, " ") &&
              take_clock(&s, p) && take(&s, " ") && take_digits(&s, 4, &p->year) && s.n == 0;

    p->month = month + 1;
    return ok;
}

/* The three forms RFC 7231 section 7.1.1.1 obliges a recipient to know. */
int when_parse_http(struct str s, int64_t *ret_ms)
{
    struct when_parts p = { 0 };

    if (!http_fixed(s, &p) && !http_rfc850(s, &p) && !http_asctime(s, &p))
        return -E_INVALID;
    if (!sound(&p))
        return -E_INVALID;
    *ret_ms = when_from_parts(&p);
    return 0;
}

int when_parse_epoch(struct str s, int64_t *ret_ms)
{
    double v;

    if (str_to_f64(s, &v) < 0 || fabs(v * 1000.0) > (double)CLOCK_MOST_MS)
        return -E_INVALID;
    *ret_ms = llround(v * 1000.0);
    return 0;
}
