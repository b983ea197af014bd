/* clock.h - the only room that reads the system's clock, and the moments it hands out.
 *
 * struct now is taken once a turn and handed down.  wall_ms is the *server's* clock (epoch ms): it can be moved
 * forward, frozen, and run at a rate; it never steps back.  mono_ns guards sockets and processes; it never moves
 * but by real time.  What is stored is wall time.
 *
 *   virtual = base_virtual_ms + (real - base_real_ms) * rate     (frozen: rate 0) */
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

struct clock {
    int64_t base_real_ms, base_virtual_ms;
    int64_t last_ms;                                         /* last answer: later answers are never below */
    double  rate;                                            /* virtual ms per real ms while running, > 0 */
    enum clock_mode mode;
};

void clock_init(struct clock *c);                            /* running, rate 1, at real time */
struct now clock_now(struct clock *c);
void clock_advance(struct clock *c, int64_t ms);             /* ms >= 0; works frozen or running */
void clock_freeze(struct clock *c);
void clock_resume(struct clock *c);                          /* goes on from where it stood, at the rate set */
void clock_set_rate(struct clock *c, double rate);           /* > 0 */
int64_t clock_offset_ms(struct clock *c);                    /* virtual - real, now */
/* Real milliseconds until the virtual clock shows at_ms; 0 when it is past, -1 when frozen. */
int64_t clock_real_wait_ms(struct clock *c, int64_t at_ms);

int64_t clock_real_ms(void);                                 /* real epoch ms */
int64_t clock_mono_ns(void);

/* Moments as text, always UTC. */
void when_iso_ms(struct buf *b, int64_t ms);                 /* 2026-09-14T15:44:58.123Z */
void when_iso_s(struct buf *b, int64_t ms);                  /* 2026-09-14T15:44:58Z */
void when_lambda(struct buf *b, int64_t ms);                 /* 2026-09-14T15:13:52.658+0000 */
void when_http(struct buf *b, int64_t ms);                   /* Mon, 14 Sep 2026 15:44:58 GMT */
void when_epoch_s(struct buf *b, int64_t ms);                /* 1789400786.443; no fraction when it is 0 */
struct when_parts { int year, month, day, hour, minute, second, ms, weekday; };   /* weekday 0 = Sunday */
struct when_parts when_parts(int64_t ms);
int64_t when_from_parts(const struct when_parts *p);
/* ISO 8601 with Z or an offset, RFC 7231 date, or epoch seconds with fraction; -E_INVALID otherwise. */
int when_parse_iso(struct str s, int64_t *ret_ms);
int when_parse_http(struct str s, int64_t *ret_ms);
int when_parse_epoch(struct str s, int64_t *ret_ms);

#endif
