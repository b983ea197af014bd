/* duration.c - spans of time as people write them. */
#include "cli/cli.h"

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

static bool take_number(struct str *s, int64_t *ret)
{
    size_t n = 0;

    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (n == 0 || str_to_i64(str_sub(*s, 0, n), ret) < 0)
        return false;
    *s = str_sub(*s, n, s->n);
    return true;
}

static const struct unit *take_unit(struct str *s)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct str name = str_of(units[i].name);

        /* "m" must not take the first letter of "ms": the row before it did. */
        if (str_starts(*s, name)) {
            *s = str_sub(*s, name.n, s->n);
            return &units[i];
        }
    }
    return NULL;
}

int duration_parse(struct str s, int64_t *ret_ms)
{
    int64_t total = 0, n;

    if (str_to_i64(s, &n) == 0 && n >= 0 && n < INT64_MAX / 1000) {
        *ret_ms = n * 1000;
        return 0;
    }
    if (s.n == 0)
        return -E_INVALID;
    while (s.n > 0) {
        const struct unit *u;

        if (!take_number(&s, &n) || (u = take_unit(&s)) == NULL || n > INT64_C(1000000000000) / u->ms)
            return -E_INVALID;
        total += n * u->ms;
    }
    *ret_ms = total;
    return 0;
}

void duration_text(struct buf *b, int64_t ms)
{
    bool any = false;

    for (size_t i = ARRAY_LEN(units); i-- > 0;) {
        int64_t n = ms / units[i].ms;

        if (n == 0)
            continue;
        buf_printf(b, "%s%lld%s", any ? " " : "", (long long)n, units[i].name);
        ms -= n * units[i].ms;
        any = true;
    }
    if (!any)
        buf_z(b, "0s");
}
