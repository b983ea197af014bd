/* internal.h - what control.c (routes), clock.c and settle.c (waiting) share. */
#ifndef WAYBILL_CONTROL_INTERNAL_H
#define WAYBILL_CONTROL_INTERNAL_H

#include "base/list.h"
#include "control/control.h"

struct control {
    struct control_options o;
    struct list waiters;                                     /* settle and advance under way */
    uv_timer_t tick;                                         /* runs while somebody waits: deadlines */
    int64_t started_mono_ns;
};

void control_reply(struct exchange *x, int status, const struct buf *json);
void control_error(struct exchange *x, int status, const char *fmt, ...) PRINTF(3, 4);

/* clock.c */
void clock_get(struct control *c, struct exchange *x);
void clock_post(struct control *c, struct exchange *x);
void clock_moved(struct control *c);                         /* store it, look at the timers again */
/* settle.c */
void settle_post(struct control *c, struct exchange *x);
void settle_advance(struct control *c, struct exchange *x, int64_t advance_ms);

#endif
