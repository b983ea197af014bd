/* publish.h - what happens to an event: which rules of a bus want it, and how it gets to their targets.
 *
 *   bus_take ──match──> rule_take ──for each target──> render ──> sink
 *                                                        │          │
 *        does not render: not delivered <────────────────┘          ├──> delivered
 *        dead-letter queue <──no permission, no resource, refused───┤
 *        dead-letter queue <──again──── outbox <───failed for now───┘
 * Everything happens in the caller's turn, so an event and what it caused are one fact.  A turn makes at most
 * PUBLISH_PER_TURN deliveries from here; what is beyond goes to the outbox and on in later turns.  So does an
 * event whose matching takes too long for a turn (sift.h).  Events that one bus handed to another are not
 * handed to a third (EventBridge user guide, "Sending and receiving events between event buses"), so nothing
 * here calls itself more than once.
 *
 * Retries (EventBridge user guide, "Event retry policy"): exponential back-off with jitter, at most the
 * target's MaximumRetryAttempts, no longer than its MaximumEventAgeInSeconds, on the server's clock. */
#ifndef WAYBILL_SERVICE_EVENTS_PUBLISH_H
#define WAYBILL_SERVICE_EVENTS_PUBLISH_H

#include "service/events/state.h"

#define PUBLISH_PER_TURN 1000
#define EVENTS_ENTRY_BYTES 1048576 /* of all entries of one PutEvents */

/* The members of the envelope.  detail: well-formed JSON object. */
struct event_facts {
    struct str id, detail_type, source, account, region, detail;
    int64_t time_ms;
    const struct str *resources;
    size_t n_resources;
};
/* {"version":"0","id",...,"detail":{...}}, compact, in the order AWS writes it. */
void event_write(struct buf *b, const struct event_facts *f);

/* An event on its way. */
struct event {
    struct str text;         /* the whole, compact */
    const struct json *doc;  /* the same, parsed */
    struct str trace_header; /* absent: none */
    int64_t ingested_ms;
    bool forwarded; /* another bus handed it to this one */
};
/* Parses text (must outlive mem's use). 0 or -E_INVALID. */
int event_parse(struct arena *mem, struct str text, struct event *ret);

/* An event that waits in a row of the outbox: members of the row's payload, and what they say. */
struct parked_event {
    const struct json *doc; /* the payload's */
    struct str account, region, bus;
    struct event ev;
};
void event_park(struct json_writer *w, const struct bus *b, const struct event *ev);
/* All in a, or borrowed from the item's payload.  0; -E_DAMAGED: the row is none of ours, and the turn has
 * failed. */
int event_unpark(struct turn *t, struct arena *a, const struct outbox_item *item, struct parked_event *ret);

/* 0; -E_LIMIT, -E_FULL: matching had to be put off and could not be, nobody gets the event. */
int bus_take(struct events *e, struct turn *t, const struct bus *b, const struct event *ev);
void rule_matched(struct events *e, struct turn *t, const struct rule *r, const struct event *ev);
void rule_take(struct events *e, struct turn *t, const struct rule *r,
               const struct event *ev); /* whatever its pattern says */

/* How long to wait before attempt number made + 1.  random: any number. */
int64_t publish_backoff_ms(unsigned made, uint64_t random);

/* As whom a rule reaches targets without a role.  EventBridge does not say aws:SourceOwner: a topic's default
 * policy does not let it publish (EventBridge user guide, "Troubleshooting": the topic needs a statement of
 * its own). */
struct sender rule_sender(const struct rule *r);
/* What is asked and written to: the target, but of a log group one of its streams, for that is what policies
 * speak of; a new one each day, made in b (UNVERIFIED: AWS's names are UUIDs that nobody can foresee). */
struct str publish_arn(const struct target *g, int64_t now_ms, struct buf *b);

struct outbox_kind publish_outbox_kind(struct events *e); /* "events" */

#endif
