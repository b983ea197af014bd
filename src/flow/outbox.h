/* outbox.h - what must still be delivered, later or to somewhere outside: HTTP subscribers, and targets that
 * failed.
 *
 * Deliveries to things inside Waybill happen in the turn that causes them (flow/sink.h) and do not come here
 * unless they failed and their service promises retries.  A parcel of the outbox is one durable row; its
 * owner decides what the bytes mean, when it is due again and when it is over.  After a crash everything that
 * was not over is due again: at least once.
 *
 * States:  due ──fn──> (owner: outbox_again | outbox_over, in this turn or a later one)
 * While the owner works on a row it is not due; outbox_load() makes it due again. */
#ifndef WAYBILL_FLOW_OUTBOX_H
#define WAYBILL_FLOW_OUTBOX_H

#include "turn/turn.h"

#define OUTBOX_ROWS_MOST 1000000

struct outbox;

struct outbox_item {
    uint64_t id;
    int64_t created_ms;
    unsigned attempts;  /* made so far */
    struct str payload; /* borrowed during the call */
};

struct outbox_kind {
    const char *name; /* stored with the row: "sns", "events" */
    void (*due)(void *arg, struct turn *t, const struct outbox_item *item);
    void *arg;
};

struct outbox *outbox_new(void);
struct outbox *outbox_free(struct outbox *o);
void outbox_register(struct outbox *o, const struct outbox_kind *kind); /* before outbox_load() */
void outbox_load(struct outbox *o, struct turn *t);  /* at start, and again after a turn that failed */
void outbox_reset(struct outbox *o, struct turn *t); /* the store was emptied */

/* A new row, due at due_ms.  0; -E_LIMIT: too many rows; -E_FULL. */
int outbox_put(struct outbox *o, struct turn *t, const char *kind, struct str payload, int64_t due_ms,
               uint64_t *ret_id);
/* One attempt more was made; due again. payload absent: as it was. */
int outbox_again(struct outbox *o, struct turn *t, uint64_t id, int64_t due_ms, struct str payload);
int outbox_over(struct outbox *o, struct turn *t, uint64_t id);
/* The owner of a row it could not work on yet takes it up now: due at once, as it was.  Nothing is written.
 * False: there is no such row, or it is due anyhow. */
bool outbox_recall(struct outbox *o, struct turn *t, uint64_t id);
size_t outbox_count(const struct outbox *o);
void outbox_check(
    const struct outbox *o); /* ends the program where memory does not agree: for tests, between turns */

#endif
