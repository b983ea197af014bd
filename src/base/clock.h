/* clock.h - the only room that reads the system's clock, and the moments it hands out.
 *
 * struct now is taken once a turn and handed down.  wall_ms is the *server's* clock (epoch ms): it can be
 * moved forward, frozen, and run at a rate; it never steps back.  mono_ns guards sockets and processes; it
 * never moves but by real time.  What is stored is wall time.
 *
 * The system's clock is read once, as an anchor; from there on time is counted by CLOCK_BOOTTIME, which
 * nobody can set.  (Not CLOCK_MONOTONIC: that stands still while a laptop sleeps, and its retries are to be
 * due when it wakes.)
 *
 *   steady  = anchor_real_ms + (boot - anchor_boot_ms)
 *   virtual = base_virtual_ms + (steady - base_steady_ms) * rate     (frozen: rate 0)
 *
 * A step of the system's clock, back or forward, moves the server's in neither direction: back would break
 * what is stored, forward would let events grow too old and be thrown away for somebody's slip.  It is told,
 * once; the next start takes a new anchor.  A clock that was ahead at the last stop (the system's was set
 * back since) starts ahead by `debt_ms` and runs at half pace until the system's has caught up; see
 * clock_restore(). */
#ifndef WAYBILL_BASE_CLOCK_H
#define WAYBILL_BASE_CLOCK_H

#include "base/buf.h"

struct now {
    int64_t wall_ms;
    int64_t mono_ns;
};

/* The end of the year 9999: no clock is moved beyond what the text forms below can show. */
#define CLOCK_MOST_MS ((int64_t)253402300799999)

enum clock_mode { CLOCK_RUNNING, CLOCK_FROZEN };

/* What the system says at one moment; the functions ending in _at are pure in it. */
struct clock_reading {
    int64_t real_ms; /* CLOCK_REALTIME: can be set */
    int64_t boot_ms; /* CLOCK_BOOTTIME: cannot; goes on during suspend */
};

/* Differences below this are how clocks are read, or slewed; not a step. */
#define CLOCK_STEP_MS 1000
/* A clock ahead by more is not waited for at half pace: it starts at the system's time, back from what is
 * stored. */
#define CLOCK_DEBT_MOST_MS ((int64_t)24 * 3600 * 1000)

struct clock {
    int64_t anchor_real_ms, anchor_boot_ms;
    int64_t base_steady_ms, base_virtual_ms;
    int64_t debt_ms;      /* ahead of the system's since base: half pace at rate 1 */
    int64_t step_told_ms; /* the step that clock_step_news() told last */
    int64_t last_ms;      /* last answer: later answers are never below */
    double rate;          /* virtual ms per real ms while running, > 0 */
    enum clock_mode mode;
};

void clock_init(struct clock *c); /* running, rate 1, at real time */
void clock_init_at(struct clock *c, struct clock_reading r);
struct clock_reading clock_read(void);
int64_t clock_wall_at(struct clock *c, struct clock_reading r);
/* How far the system's clock was set forward (back: < 0) since the anchor; 0 below CLOCK_STEP_MS. */
int64_t clock_step_at(const struct clock *c, struct clock_reading r);
/* True once for every step: *ret_ms, the change since the last. */
bool clock_step_news(struct clock *c, struct clock_reading r, int64_t *ret_ms);

/* A restart of a running clock of rate 1, right after clock_init: the last server was moved_ms ahead by its
 * user's will and was seen at seen_ms. */
enum clock_restored {
    CLOCK_GOES_ON,    /* at the system's time + moved_ms */
    CLOCK_CATCHES_UP, /* at seen_ms, at half pace until the system's comes up */
    CLOCK_SET_BACK,   /* at the system's time + moved_ms, which is before seen_ms */
};
enum clock_restored clock_restore(struct clock *c, int64_t moved_ms, int64_t seen_ms);
/* What clock_restore() wants as moved_ms: virtual - steady without what is still to be caught up. */
int64_t clock_moved_ms(struct clock *c);
int64_t clock_debt_at(const struct clock *c, struct clock_reading r); /* ahead, still to be caught up */
struct now clock_now(struct clock *c);
void clock_advance(struct clock *c, int64_t ms); /* ms >= 0; works frozen or running */
void clock_freeze(struct clock *c);
void clock_resume(struct clock *c);                /* goes on from where it stood, at the rate set */
void clock_set_rate(struct clock *c, double rate); /* > 0 */
int64_t clock_offset_ms(struct clock *c); /* virtual - real, now: the user's moves and the system's steps */
int64_t clock_offset_at(struct clock *c, struct clock_reading r);
/* Real milliseconds until the virtual clock shows at_ms; 0 when it is past, -1 when frozen. */
int64_t clock_real_wait_ms(struct clock *c, int64_t at_ms);

int64_t clock_real_ms(void); /* real epoch ms */
int64_t clock_mono_ns(void);

/* Moments as text, always UTC. */
void when_iso_ms(struct buf *b, int64_t ms);  /* 2026-09-14T15:44:58.123Z */
void when_iso_s(struct buf *b, int64_t ms);   /* 2026-09-14T15:44:58Z */
void when_lambda(struct buf *b, int64_t ms);  /* 2026-09-14T15:13:52.658+0000 */
void when_http(struct buf *b, int64_t ms);    /* Mon, 14 Sep 2026 15:44:58 GMT */
void when_epoch_s(struct buf *b, int64_t ms); /* 1789400786.443; no fraction when it is 0 */
struct when_parts {
    int year, month, day, hour, minute, second, ms, weekday;
}; /* weekday 0 = Sunday */
struct when_parts when_parts(int64_t ms);
int64_t when_from_parts(const struct when_parts *p);
/* ISO 8601 with Z or an offset, RFC 7231 date, or epoch seconds with fraction; -E_INVALID otherwise. */
int when_parse_iso(struct str s, int64_t *ret_ms);
int when_parse_http(struct str s, int64_t *ret_ms);
int when_parse_epoch(struct str s, int64_t *ret_ms);

#endif
