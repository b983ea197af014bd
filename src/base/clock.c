/* clock.c - the virtual wall clock over the real one.
 *
 *              freeze                         virtual = base_virtual + (steady - base_steady) * rate
 *   RUNNING  ---------->  FROZEN              virtual = base_virtual
 *            <----------
 *              resume
 *
 * True here: every change first re-bases the clock on the answer it would give now, so changes never make it
 * jump; answers never fall below last_ms, whatever the readings are; nothing goes past CLOCK_MOST_MS; only
 * the anchor and the offset for people look at the system's clock. */
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

struct clock_reading clock_read(void)
{
    struct timespec t;

    CHECK(clock_gettime(CLOCK_BOOTTIME, &t) == 0);
    return (struct clock_reading){ .real_ms = clock_real_ms(),
                                   .boot_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

void clock_init_at(struct clock *c, struct clock_reading r)
{
    *c = (struct clock){ .anchor_real_ms = r.real_ms,
                         .anchor_boot_ms = r.boot_ms,
                         .base_steady_ms = r.real_ms,
                         .base_virtual_ms = r.real_ms,
                         .last_ms = r.real_ms,
                         .rate = 1.0,
                         .mode = CLOCK_RUNNING };
}

void clock_init(struct clock *c) { clock_init_at(c, clock_read()); }

static int64_t steady_at(const struct clock *c, struct clock_reading r)
{
    return c->anchor_real_ms + (r.boot_ms - c->anchor_boot_ms);
}

static int64_t steady_ms(const struct clock *c) { return steady_at(c, clock_read()); }

static int64_t capped(double ms) { return ms < (double)CLOCK_MOST_MS ? (int64_t)ms : CLOCK_MOST_MS; }

/* Of the time gone since the last change, what goes into the debt. */
static int64_t paid(const struct clock *c, int64_t gone)
{
    return c->mode == CLOCK_RUNNING && c->rate == 1.0 && gone > 0 ? MIN(gone / 2, c->debt_ms) : 0;
}

static int64_t virtual_at(struct clock *c, int64_t at_steady_ms)
{
    int64_t gone = at_steady_ms - c->base_steady_ms, v = c->base_virtual_ms;

    /* Rate 1 stays in whole numbers: it is the ordinary case and must be exact. */
    if (c->mode == CLOCK_RUNNING && gone > 0)
        v += c->rate == 1.0 ? gone - paid(c, gone) : capped((double)gone * c->rate);
    v = MIN(v, CLOCK_MOST_MS);
    c->last_ms = MAX(c->last_ms, v);
    return c->last_ms;
}

struct now clock_now(struct clock *c)
{
    return (struct now){ .wall_ms = virtual_at(c, steady_ms(c)), .mono_ns = clock_mono_ns() };
}

static void rebase(struct clock *c)
{
    int64_t at = steady_ms(c);

    c->base_virtual_ms = virtual_at(c, at);
    c->debt_ms -= paid(c, at - c->base_steady_ms);
    c->base_steady_ms = at;
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
    if (rate != 1.0)
        c->debt_ms = 0; /* who sets the pace has said where the clock is to be */
}

int64_t clock_wall_at(struct clock *c, struct clock_reading r) { return virtual_at(c, steady_at(c, r)); }

int64_t clock_step_at(const struct clock *c, struct clock_reading r)
{
    int64_t step = r.real_ms - steady_at(c, r);

    return step >= CLOCK_STEP_MS || step <= -CLOCK_STEP_MS ? step : 0;
}

bool clock_step_news(struct clock *c, struct clock_reading r, int64_t *ret_ms)
{
    int64_t step = r.real_ms - steady_at(c, r), news = step - c->step_told_ms;

    if (news < CLOCK_STEP_MS && news > -CLOCK_STEP_MS)
        return false;
    c->step_told_ms = step;
    *ret_ms = news;
    return true;
}

int64_t clock_offset_at(struct clock *c, struct clock_reading r)
{
    return clock_wall_at(c, r) - steady_at(c, r) - clock_step_at(c, r);
}

int64_t clock_offset_ms(struct clock *c) { return clock_offset_at(c, clock_read()); }

int64_t clock_debt_at(const struct clock *c, struct clock_reading r)
{
    return c->debt_ms - paid(c, steady_at(c, r) - c->base_steady_ms);
}

int64_t clock_moved_ms(struct clock *c)
{
    rebase(c);
    return c->base_virtual_ms - c->base_steady_ms - c->debt_ms;
}

enum clock_restored clock_restore(struct clock *c, int64_t moved_ms, int64_t seen_ms)
{
    int64_t at = c->base_steady_ms + MAX(MIN(moved_ms, CLOCK_MOST_MS - c->base_steady_ms), 0);
    int64_t ahead = MIN(seen_ms, CLOCK_MOST_MS) - at;

    if (ahead > 0 && ahead <= CLOCK_DEBT_MOST_MS) {
        c->debt_ms = ahead;
        at += ahead;
    }
    c->base_virtual_ms = c->last_ms = at;
    return ahead <= 0 ? CLOCK_GOES_ON : c->debt_ms > 0 ? CLOCK_CATCHES_UP : CLOCK_SET_BACK;
}

int64_t clock_real_wait_ms(struct clock *c, int64_t at_ms)
{
    int64_t at = steady_ms(c), now_ms = virtual_at(c, at),
            debt_ms = c->debt_ms - paid(c, at - c->base_steady_ms);

    if (at_ms <= now_ms)
        return 0;
    if (c->mode == CLOCK_FROZEN)
        return -1;
    if (c->rate == 1.0)
        return at_ms - now_ms + MIN(at_ms - now_ms, debt_ms);
    /* Rounded up, or a timer would fire just before its moment and spin. */
    return capped(ceil((double)(at_ms - now_ms) / c->rate));
}
