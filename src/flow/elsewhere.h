/* elsewhere.h - matching that is too much for a turn, done on the pool.
 *
 * Whoever matches what a client sent gives it so many steps (pattern/pattern.h).  When they do not suffice,
 * what is to be matched stands in a row of the outbox, in the same turn, so that what the sender is told is
 * durable; the row's patterns are asked by a job:
 *
 *   row is due ──elsewhere_free_for()──> an inquiry begins: patterns are held, a job asks them in slices;
 *        │ false: another one is on its way, and        │       the loop goes on
 *        │ the row is recalled when it is over          └──> tell(), in the turn after the last slice
 *
 * One inquiry at a time for each service.  What changed while the job ran is for tell() to see.  After a
 * crash or a failed turn the row is there and all begins anew.  elsewhere_stop() ends a job within
 * milliseconds, however large its pattern. */
#ifndef WAYBILL_FLOW_ELSEWHERE_H
#define WAYBILL_FLOW_ELSEWHERE_H

#include "flow/outbox.h"
#include "pattern/pattern.h"

/* Steps of all matching of a turn, of which one message or event may take half. */
#define ELSEWHERE_TURN_STEPS (2 * (uint64_t)PATTERN_TURN_STEPS)
#define INQUIRY_TEXTS_MOST 4

struct inquiry;
struct elsewhere {
    struct outbox *outbox;
    struct inquiry *job; /* on the pool now; of an older epoch: nobody waits for it */
    uint64_t epoch;      /* rises with load and reset */
    uint64_t *waiting;   /* rows of the outbox behind it */
    size_t n, cap;
    int64_t turn_ns; /* which turn `left` counts in */
    uint64_t left;   /* steps */
    atomic_bool stop;
};

/* text: which of the inquiry's is asked; below 0: its attributes. */
struct question {
    struct pattern *pattern;
    uint64_t id;
    struct str name;
    int text;
    bool wants;
};

struct inquiry {
    struct arena *mem;                   /* the inquiry lies in it, and all it points to; owned */
    struct str text[INQUIRY_TEXTS_MOST]; /* JSON that was read before; absent: not asked */
    const struct pattern_attribute *attributes;
    size_t n_attributes;
    struct question *v; /* patterns: held by inquiry_ask() */
    size_t n;
    uint64_t row; /* of the outbox: tell() says what becomes of it */
    void (*tell)(void *arg, struct turn *t, struct inquiry *q);
    void *arg;
    /* The job's. */
    struct elsewhere *of;
    uint64_t epoch;
    struct json *doc[INQUIRY_TEXTS_MOST];
    size_t at;
};

void elsewhere_init(struct elsewhere *e, struct outbox *outbox);
void elsewhere_forget(struct elsewhere *e); /* the state is read again, or gone: what runs is stale */
void elsewhere_stop(struct elsewhere *e);   /* no turn will come any more */
void elsewhere_done(struct elsewhere *e);   /* no job runs any more, and none will report */

/* What this turn may still spend. */
uint64_t *elsewhere_steps(struct elsewhere *e, const struct turn *t);

/* False: the row must wait, and will be due again. */
bool elsewhere_free_for(struct elsewhere *e, uint64_t row);
void inquiry_ask(struct inquiry *q, struct pattern *p, uint64_t id, struct str name,
                 int text); /* v has room */
void elsewhere_begin(struct elsewhere *e, struct turn *t,
                     struct inquiry *q); /* takes q over; nothing is on its way */

#endif
