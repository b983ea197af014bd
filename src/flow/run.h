/* run.h - one run of a function, the same for everybody who runs one: the function is found once, a slot of
 * its concurrency taken, the execution started, what it leaves in AWS/Lambda counted, the slot given back.
 *
 *     run_resolve()    what the target is at this moment             reads memory, takes nothing
 *     run_admit()      a slot, or why there is none                  then exactly one of:
 *     run_start()        the executor has it; done() in a later turn, once, after the slot went back
 *     run_give_back()    it was not started after all
 *
 * Who calls: an attempt of a queued event (flow/async_attempt.c), a synchronous invocation
 * (service/lambda/invoke.c).  A batch of an event source mapping is no different: a run knows bytes, no rows.
 * Its caller fills the payload, keeps the records' names beside the run, sets the execution's `async`,
 * leaves enqueued_ms at 0, and decides in done() what becomes of the batch.
 *
 * All of it is callable on the loop thread inside a turn or outside; only done() has a turn.  Whoever was
 * refused counts that itself (metric_lambda_throttled(), in its turn): an event that waits is counted when
 * its wait is decided. */
#ifndef WAYBILL_FLOW_RUN_H
#define WAYBILL_FLOW_RUN_H

#include "flow/execution.h"
#include "metric/lambda.h"

struct function; /* service/lambda's */

#define FUNCTION_NAME_MOST 140 /* bytes of a name in a row */

/* A function as its callers hold it: its names, and a handle that spares looking them up.  The handle is good
 * while its generation is the registry's, which moves when a function is made, when one is deleted, and when
 * all are read anew: one that was deleted and made again is never taken for the old one.  A handle of zeros
 * is stale.  The names (and the memory they lie in) are the holder's. */
struct callee {
    struct str account, region, name;
    struct str qualifier; /* as requested; absent: unqualified ($LATEST) */
    struct function *function;
    uint64_t generation;
};

/* An invocation target at this moment; asked again for every run. */
struct target {
    struct code *code;            /* the version this run gets (alias weights drawn);
                                     its dead-letter queue is the one that counts */
    int64_t reserved_concurrency; /* -1: none */
    bool recursion_allowed;
    /* EventInvokeConfig of exactly this qualifier; defaults where unset. strs borrow until the turn ends. */
    int64_t maximum_retry_attempts, maximum_event_age_s; /* defaults 2 and 21600 */
    struct str on_success, on_failure;                   /* absent or empty: none */
};

enum admission { ADMITTED, NO_SLOT_RESERVED, NO_SLOT_ACCOUNT };

/* A place in a function's concurrency, counted where the function's name is counted: runs of a deleted
 * function go on holding theirs.  One of a former life (before a reset or a reload) is gone, and giving it
 * back does nothing. */
struct slot {
    struct usage *usage; /* service/lambda's; not to be touched when its life is over */
    uint64_t life;       /* 0: no slot */
};

struct run_host { /* service/lambda */
    void *arg;
    /* 0, or -E_NOT_FOUND: function or qualifier is gone. -E_BUSY: exists but cannot run yet (Pending).
     * qualifier: the callee's, or the version that ran. */
    int (*resolve)(void *arg, struct callee *c, struct str qualifier, struct target *ret);
    enum admission (*acquire)(void *arg, struct callee *c, struct slot *ret);
    void (*release)(void *arg, struct slot slot);
    /* Would acquire() admit one now?  Takes nothing.  True for a function that is gone: who asks finds out.
     * NULL: nobody waits in lines (tests). */
    bool (*has_slot)(void *arg, struct callee *c);
    /* How much is in use now, for CloudWatch.  False: nothing is known.  NULL: nobody counts. */
    bool (*concurrency)(void *arg, struct slot slot, struct metric_concurrency *ret);
};

struct runner {
    struct run_host host;
    struct executor executor;
};

/* Everything in it is the caller's and stays until done(), which may free it. */
struct run {
    struct execution execution; /* the caller fills what is not the executor's, but done */
    const struct runner *runner;
    struct callee *callee; /* until done() or run_let_go() */
    struct slot slot;
    int64_t enqueued_ms; /* of an event that waited in the queue, for AsyncEventAge; 0: none did */
    void (*done)(struct run *r, const struct outcome *o, struct turn *t);
};

int run_resolve(const struct runner *n, struct callee *c, struct str qualifier, struct target *ret);
enum admission run_admit(const struct runner *n, struct callee *c, struct slot *ret);
void run_give_back(const struct runner *n, struct slot *slot); /* no slot: nothing happens */
/* The run holds its code until done() has returned.  slot: of run_admit(). */
void run_start(struct run *r, const struct runner *n, struct code *code, struct slot slot);
/* Its slot goes back now; its end will count nothing and still call done(). */
void run_let_go(struct run *r);
/* What samples of a callee count for; version absent: none ran. */
struct metric_lambda run_metric(const struct callee *c, struct str version);

#endif
