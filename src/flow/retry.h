/* retry.h - what happens to an event after an attempt: a pure function of facts.
 *
 * Source: AWS Lambda developer guide ("Error handling for asynchronous invocation") and AWS's recorded
 * behaviour:
 *   - a function error is retried up to MaximumRetryAttempts, after 1 and then 2 base delays (60 s, 120 s);
 *   - a throttle or a system error goes back for 1 s, doubling to 300 s, and uses up no retry;
 *   - an event whose next attempt would begin after MaximumEventAgeInSeconds ends at once (look-ahead);
 *   - reserved concurrency 0 discards without waiting; a missing target is a failed attempt with status 404.
 */
#ifndef WAYBILL_FLOW_RETRY_H
#define WAYBILL_FLOW_RETRY_H

#include "base/def.h"

enum attempt_result {
    ATTEMPT_SUCCEEDED,
    ATTEMPT_FAILED,        /* a function error of any kind */
    ATTEMPT_MISSING,       /* function or qualifier gone: 404 */
    ATTEMPT_THROTTLED,     /* no concurrency slot: 429 */
    ATTEMPT_SYSTEM,        /* the environment could not be started: 5xx */
    ATTEMPT_ZERO_RESERVED, /* reserved concurrency is 0 */
    ATTEMPT_RECURSIVE,     /* the loop detector stopped it */
    ATTEMPT_TOO_OLD,       /* picked up after its age limit */
};

struct retry_facts {
    enum attempt_result result;
    int64_t now_ms, enqueued_ms;
    unsigned retries;    /* function error retries used so far */
    unsigned backoff;    /* throttles and system errors since the last execution */
    unsigned executions; /* attempts counted before this one */
    bool reserved_zero;  /* the function's reserved concurrency is 0 now */
    int64_t maximum_retry_attempts, maximum_event_age_s;
    int64_t base_delay_ms; /* 60,000 */
};

enum condition {
    CONDITION_NONE,
    CONDITION_SUCCESS,
    CONDITION_RETRIES_EXHAUSTED,
    CONDITION_EVENT_AGE_EXCEEDED,
    CONDITION_ZERO_RESERVED,
    CONDITION_RECURSIVE
};

struct retry_decision {
    enum condition condition; /* CONDITION_NONE: again at again_ms */
    int64_t again_ms;
    unsigned retries, backoff, executions; /* the event's counters from now on */
};

struct retry_decision retry_decide(const struct retry_facts *f);
const char *condition_name(enum condition c); /* as in the record: "RetriesExhausted" */

#endif
