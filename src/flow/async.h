/* async.h - the asynchronous queue: every event that got a 202, until its record is delivered.
 *
 * What holds (AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous
 * invocation"):
 *   - async_accept() writes the event's row in the caller's turn; the 202 leaves after its commit.
 *   - ready events run in parallel up to the function's concurrency and the machine's capacity; no order is
 * promised.
 *   - function errors: 60 s before the 2nd attempt, 120 s before the 3rd; throttles and system errors 1 s
 * doubling to 300 s, outside the retry count; age with look-ahead; all decisions are flow/retry.h's.
 *   - who was throttled also stands in its lane's line, oldest first: a slot that becomes free takes the head
 * at once (recorded: reservation 1, one event of 22 s and fourteen short ones are all done 72 s after the
 * start).
 *   - the end of an event (row deleted, record delivered, journey written) is one transaction.
 *   - after a crash the queue is the table: a running attempt that never ended runs again.
 *
 * Cost of an event on the happy path: one insert, one read, one delete, one journey insert, plus the
 * record's. */
#ifndef WAYBILL_FLOW_ASYNC_H
#define WAYBILL_FLOW_ASYNC_H

#include "base/id.h"
#include "flow/execution.h"
#include "flow/journey.h"
#include "flow/sink.h"

struct async;
struct metric_concurrency;

/* An invocation target as one attempt sees it; asked again for every attempt. */
struct target {
    struct code *code;            /* the version this attempt runs (alias weights drawn);
                                     its dead-letter queue is the one that counts */
    int64_t reserved_concurrency; /* -1: none */
    bool recursion_allowed;
    /* EventInvokeConfig of exactly this qualifier; defaults where unset. strs borrow until the turn ends. */
    int64_t maximum_retry_attempts, maximum_event_age_s; /* defaults 2 and 21600 */
    struct str on_success, on_failure;                   /* absent or empty: none */
};

enum admission { ADMITTED, NO_SLOT_RESERVED, NO_SLOT_ACCOUNT };

struct async_host { /* service/lambda, filled in by main.c */
    void *arg;
    /* 0, or -E_NOT_FOUND: function or qualifier is gone. -E_BUSY: exists but cannot run yet (Pending). */
    int (*resolve)(void *arg, struct str account, struct str region, struct str name, struct str qualifier,
                   struct target *ret);
    /* Takes a concurrency slot of the function / the account's pool.  *ret_life: to be given back with the
     * slot; a slot of a former life (before a reset or a reload) is gone, and giving it back does nothing. */
    enum admission (*acquire)(void *arg, struct str account, struct str region, struct str name,
                              uint64_t *ret_life);
    void (*release)(void *arg, struct str account, struct str region, struct str name, uint64_t life);
    /* Would acquire() admit one now?  Takes nothing. */
    bool (*has_slot)(void *arg, struct str account, struct str region, struct str name);
    /* Slots in use now, for CloudWatch (metric/lambda.h).  False: nothing is known.  NULL: nobody counts. */
    bool (*concurrency)(void *arg, struct str account, struct str region, struct str name,
                        struct metric_concurrency *ret);
};

struct async_options {
    struct async_host host;
    struct executor executor;
    const struct sinks *sinks;
    int64_t retry_delay_ms;     /* base of the function error schedule; 60,000 */
    uint64_t max_queued_events; /* 503 beyond it; 10,000,000 */
    bool strict_permissions;    /* an unknown role may not deliver */
};

struct async *async_new(const struct async_options *o);
struct async *async_free(struct async *a); /* after the executor: running executions are freed */
/* Reads the table and arms timers: at start and after a reset. Memory per queued event: 88 bytes. */
void async_load(struct async *a, struct turn *t);
/* Forgets everything in memory (the caller empties the table); running executions are let go. */
void async_reset(struct async *a, struct turn *t);

struct async_request {
    struct str account, region, name;
    struct str qualifier;    /* as requested; absent: unqualified ($LATEST) */
    struct str payload;      /* well-formed JSON or empty; kept verbatim */
    struct str trace_header; /* client's X-Amzn-Trace-Id; absent: one is made */
    const char *type;        /* "Event", "InvokeAsync", "destination" */
    struct str source;       /* for the journey: ARN of who sent it; absent: a client */
};
/* 0, -E_FULL: too many queued events.  The id equals the reply's x-amzn-RequestId. */
int async_accept(struct async *a, struct turn *t, const struct async_request *r, char ret_id[UUID_TEXT + 1]);

/* A concurrency slot was given back, or there are more of them: the next pump looks at the lines.  a may be
 * NULL. */
void async_slots_freed(struct async *a);
/* Starts what may start. Called by the engine after every commit; cheap when nothing is ready. */
void async_pump(struct async *a, const struct now *now);

struct async_counts {
    uint64_t queued, ready, running, waiting;
};
void async_counts(const struct async *a, struct async_counts *ret);
/* Looks through everything in memory and ends the program where something does not agree: for tests, between
 * turns.  O(events). */
void async_check(const struct async *a);
/* The journey so far of an event still queued; -E_NOT_FOUND. */
int async_journey(struct async *a, struct store *s, struct arena *mem, struct str request_id,
                  struct journey *ret);
/* Queued events, oldest first, for `waybill trace`. */
size_t async_journeys(struct async *a, struct store *s, struct arena *mem, struct str function_arn,
                      struct journey *v, size_t max);

#endif
