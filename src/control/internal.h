/* internal.h - what control.c (routes), clock.c and settle.c (waiting) share. */
#ifndef WAYBILL_CONTROL_INTERNAL_H
#define WAYBILL_CONTROL_INTERNAL_H

#include "base/list.h"
#include "control/control.h"

struct control {
    struct control_options o;
    struct list waiters; /* settle and advance under way */
    uv_timer_t tick;     /* runs while somebody waits: deadlines */
    int64_t started_mono_ns;
    int64_t seen_kept_ns;  /* clock.c: the setting was written then, */
    uint64_t seen_commits; /* and since that commit nothing but it */
};

void control_reply(struct exchange *x, int status, const struct buf *json);
void control_error(struct exchange *x, int status, const char *fmt, ...) PRINTF(3, 4);

/* Up to limit journeys of a function (name or ARN; absent: all), newest first, into v; texts in mem. */
size_t control_journeys(struct control *c, struct arena *mem, struct str function, size_t limit,
                        struct journey *v);
/* The decoded value of a query parameter; absent: not sent. */
struct str control_query(struct arena *mem, struct str query, struct str name);

/* explain.c */
void explain_get(struct control *c, struct exchange *x);
/* clock.c */
void clock_get(struct control *c, struct exchange *x);
void clock_post(struct control *c, struct exchange *x);
void clock_moved(struct control *c); /* store it, look at the timers again */
/* settle.c */
void settle_post(struct control *c, struct exchange *x);
void settle_advance(struct control *c, struct exchange *x, int64_t advance_ms);

#endif
