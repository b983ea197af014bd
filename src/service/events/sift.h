/* sift.h - events whose matching is too much for a turn.
 *
 * bus_take() gives an event's matching so many steps (pattern/pattern.h).  When they do not suffice the event
 * becomes a row of the outbox, in the same turn, so what the sender is told is durable; the row is matched
 * later:
 *
 *   row is due ──steps of its own turn suffice──> its rules get it, the row goes: one turn
 *        │
 *        └──> elsewhere (flow/elsewhere.h) ──> the same, in the turn after the job
 *
 * Rules that went or changed while the job ran do not get the event.  After a crash or a failed turn the row
 * is there and all begins anew. */
#ifndef WAYBILL_SERVICE_EVENTS_SIFT_H
#define WAYBILL_SERVICE_EVENTS_SIFT_H

#include "service/events/publish.h"

/* The rules of b that want the event, each told.  False: that is too much for now, and nobody was told. */
bool sift_now(struct events *e, struct turn *t, const struct bus *b, const struct event *ev);
/* A row for the event. 0, -E_LIMIT, -E_FULL. */
int sift_later(struct events *e, struct turn *t, const struct bus *b, const struct event *ev);

struct outbox_kind sift_outbox_kind(struct events *e); /* "events.sift" */

#endif
