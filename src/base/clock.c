/* clock.c - the virtual wall clock over the real one.
 *
 *              freeze                         virtual = base_virtual + (real - base_real) * rate
 *   RUNNING  ---------->  FROZEN              virtual = base_virtual
 *            <----------
 *              resume
 *
 * True here: every change first re-bases the clock on the answer it would give now, so changes never make it
 * jump; answers never fall below last_ms, whatever the real clock does; nothing goes past CLOCK_MOST_MS. */
#include "base/clock.h"

#include <math.h>
#include <time.h>

int64_t clock_real_ms(void)
{
    struct timespec t;

    CHECK(clock_gettime(CLOCK_REALTIME, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ns(void)
{
    struct timespec t;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void clock_init(struct clock *c)
{
    int64_t real = clock_real_ms();

    *c = (struct clock){ .base_real_ms = real, .base_virtual_ms = real, .last_ms = real, .rate = 1.0,
                         .mode = CLOCK_RUNNING };
}

static int64_t capped(double ms)
{
    return ms < (double)CLOCK_MOST_MS ? (int64_t)ms : CLOCK_MOST_MS;
}

static int64_t virtual_at(struct clock *c, int64_t real_ms)
{
    int64_t gone = real_ms - c->base_real_ms, v = c->base_virtual_ms;

    /* Rate 1 stays in whole numbers: it is the ordinary case and must be exact. */
    if (c->mode == CLOCK_RUNNING && gone > 0)
        v += c->rate == 1.0 ? gone : capped((double)gone * c->rate);
    v = MIN(v, CLOCK_MOST_MS);
    c->last_ms = MAX(c->last_ms, v);
    return c->last_ms;
}

struct now clock_now(struct clock *c)
{
    return (struct now){ .wall_ms = virtual_at(c, clock_real_ms()), .mono_ns = clock_mono_ns() };
}

static void rebase(struct clock *c)
{
    int64_t real = clock_real_ms();

    c->base_virtual_ms = virtual_at(c, real);
    c->base_real_ms = real;
}

void clock_advance(struct clock *c, int64_t ms)
{
    CHECK(ms >= 0);
    rebase(c);
    c->base_virtual_ms += MIN(ms, CLOCK_MOST_MS - c->base_virtual_ms);
    c->last_ms = c->base_virtual_ms;
}

void clock_freeze(struct clock *c)
{
    rebase(c);
    c->mode = CLOCK_FROZEN;
}

void clock_resume(struct clock *c)
{
    rebase(c);
    c->mode = CLOCK_RUNNING;
}

void clock_set_rate(struct clock *c, double rate)
{
    CHECK(rate > 0 && isfinite(rate));
    rebase(c);
    c->rate = rate;
}

int64_t clock_offset_ms(struct clock *c)
{
    int64_t real = clock_real_ms();

    return virtual_at(c, real) - real;
}

int64_t clock_real_wait_ms(struct clock *c, int64_t at_ms)
{
    int64_t now_ms = virtual_at(c, clock_real_ms());

    if (at_ms <= now_ms)
        return 0;
    if (c->mode == CLOCK_FROZEN)
        return -1;
    if (c->rate == 1.0)
        return at_ms - now_ms;
    /* Rounded up, or a timer would fire just before its moment and spin. */
    return capped(ceil((double)(at_ms - now_ms) / c->rate));
}
