/* async_internal.h - what async.c (the queue) and async_attempt.c (one attempt) share.
 *
 * An event in memory is 80 bytes; everything else of it is in its row.  What was just written is also kept in
 * memory while it is small and little is kept: then the event starts without reading.  Every other row is
 * read in a turn: the event has its slot and its place by then (STARTING), so that waiting for that turn
 * changes nobody's order.
 *
 *     accept ──► ACCEPTED ──commit──► READY ──start──► STARTING ──row──► RUNNING ──► (row gone, node FREE)
 *                                     ▲  └──decide──► DECIDING ──┐         │
 *     load ──────────────► WAITING ───┘ due or a free slot       │         │
 *                             ▲──────────── again ───────────────┴─────────┘
 *
 * The drawing as a table: event_states in async.c.  STARTING is left out by those whose row is kept.  Where
 * an event lies follows from its state: ACCEPTED: async.accepted.  READY: its lane's ready.  DECIDING:
 * async.deciding.  STARTING, RUNNING: in an attempt.  WAITING: async.waiting, and in its lane's line if it is
 * throttled.  FREE: async.free_events. */
#ifndef WAYBILL_FLOW_ASYNC_INTERNAL_H
#define WAYBILL_FLOW_ASYNC_INTERNAL_H

#include "base/map.h"
#include "base/state.h"
#include "flow/async.h"
#include "flow/retry.h"

struct lane;

#define KEPT_EVENT_BYTES 8192        /* of one event, its payload and all */
#define KEPT_ARENA_BYTES 4096        /* what an arena takes however little lies in it */
#define KEPT_BYTES ((size_t)8 << 20) /* of all events together, arenas included */
#define STARTING_MOST 64             /* rows read in one turn before anybody else has his */

enum event_state {
    EVENT_FREE, /* no event: a node on the free list */
    EVENT_ACCEPTED,
    EVENT_READY,
    EVENT_STARTING,
    EVENT_RUNNING,
    EVENT_DECIDING,
    EVENT_WAITING,
    EVENT_STATES
};
extern const struct states event_machine;

struct event {
    struct heap_node node; /* WAITING: key is the due time; seq is the row's key always */
    union {
        struct heap_node in_line; /* WAITING because throttled: in lane.line; key and seq are the row's */
        struct attempt *kept;     /* ACCEPTED, READY, DECIDING: its row is in memory; else NULL */
    };
    struct event *next; /* on one of the singly linked lists */
    struct lane *lane;
    int64_t enqueued_ms;
    uint16_t executions;
    uint8_t retries, backoff;
    uint8_t state;  /* enum event_state */
    uint8_t decide; /* DECIDING: enum attempt_result */
    uint16_t magic;
#define EVENT_MAGIC 0xe7e5u
};
_Static_assert(sizeof(struct event) == 80, "what a queued event costs is promised");

struct event_list {
    struct event *first, **last;
    uint64_t n;
};

/* Events for one function and qualifier as requested: they share target and configuration. */
struct lane {
    uint32_t magic;
#define LANE_MAGIC 0x1a9e5001u
    struct link active;     /* on async.active while it has ready events */
    struct callee to;       /* names owned, in one block with the ARNs */
    struct str arn;         /* qualified as requested ("...:$LATEST" if not) */
    struct str invoked_arn; /* exactly as requested */
    size_t function_arn_n;  /* arn.p up to here is the unqualified ARN */
    struct event_list ready;
    struct heap line;  /* WAITING, throttled: the oldest first */
    struct link lined; /* on async.lined while it has a line */
    uint64_t events;   /* of any state */
    /* What the target said last: outlives the function, so that an event whose function was deleted still
     * retries and reports as configured. */
    int64_t maximum_retry_attempts, maximum_event_age_s;
    struct str on_success, on_failure, role_arn, dead_letter; /* owned */
    struct arena *config_mem;
};

/* An event's row, read into an arena. */
struct event_row {
    struct str request_id, type, source, trace, story, payload, last_version, last_payload;
    int64_t enqueued_ms;
    int last_status;
};

/* Made with its event while rows are kept, else when it is to start.  Lies in mem, as all it points to. */
struct attempt {
    struct run run;
    uint32_t magic;
#define ATTEMPT_MAGIC 0xa77e3b71u
    struct link link;    /* async.kept, .starting or .running */
    struct async *async; /* NULL: let go by a reset */
    struct event *event;
    struct arena *mem;
    struct event_row row; /* request_id absent: not read yet */
    size_t kept_bytes;    /* what it counts for in async.kept_bytes */
    /* of the run to come, until it is started */
    struct slot slot;
    struct code *code; /* referenced */
    bool may_recurse;
    struct str trace; /* of this execution, with its lineage */
};

struct async {
    uint32_t magic;
#define ASYNC_MAGIC 0xa5790c01u
    struct async_options o;
    struct map lanes;       /* by invoked arn */
    struct lane *last_lane; /* of the last accept; NULL when it is gone */
    struct list active, running, lined, kept, starting;
    size_t kept_bytes;
    unsigned n_starting;
    bool slots_freed; /* since the last pump */
    struct event_list accepted, deciding;
    struct heap waiting;
    struct timer timer; /* the first of waiting */
    struct event *free_events;
    struct event_slab *slabs;
    uint64_t queued, ready;
    uint64_t ended_since_prune;
    bool decide_posted;
    void *engine; /* from async_load */
    void (*soon)(void *engine, void (*fn)(void *arg, struct turn *t), void *arg);
};

/* async.c */
void async_event_ready(struct async *a, struct event *e);
/* throttled: a free slot ends the wait before due_ms does. */
void async_event_wait(struct async *a, struct turn *t, struct event *e, int64_t due_ms, bool throttled);
void async_event_end(struct async *a, struct turn *t, struct event *e); /* row deleted, node freed */
void async_decide_later(struct async *a, struct event *e, enum attempt_result why);
void lane_remember(struct lane *l, const struct target *target);

/* async_attempt.c */
/* Takes mem over: the row that r just became stays in it, or it is freed.  trace: lies in mem. */
void attempt_keep(struct async *a, struct event *e, struct arena *mem, const struct async_request *r,
                  const char *id, struct str trace);
/* Whether the executor has room for one more besides those that are starting, and they are not too many. */
bool attempt_has_room(struct async *a, const struct event *e, const struct code *code);
void attempt_start(struct async *a, struct event *e, const struct target *target, struct slot slot,
                   const struct now *now);
void async_decide(struct async *a, struct turn *t, struct event *e, enum attempt_result result);
void attempts_let_go(struct async *a);
void attempts_free(struct async *a); /* the executor is gone: nobody will end them */

#endif
