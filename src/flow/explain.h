/* explain.h - why did nothing arrive?  From facts about one function to findings in sentences.
 *
 * Pure: reads no store, opens nothing.  Who knows a fact fills it in (service/lambda for the function,
 * control for journeys and metrics); what is not known stays zero, and rules that need it keep silent. A
 * finding names one cause and the exact command that mends it, with shell quoting that survives any name.
 *
 * The traps come from practice (AWS Lambda developer guide, "Asynchronous invocation" and "Error handling for
 * streams"): invoked synchronously; configuration on another qualifier; a stream's failures expected at the
 * function; a role or a queue policy that does not allow; a put that replaced a destination; age or retries
 * still running; reserved concurrency 0; a FIFO target; a target that is gone. */
#ifndef WAYBILL_FLOW_EXPLAIN_H
#define WAYBILL_FLOW_EXPLAIN_H

#include "flow/journey.h"
#include "flow/sink.h"

enum explain_way { WAY_ON_SUCCESS, WAY_ON_FAILURE, WAY_DEAD_LETTER };

/* One configured way out, as it stands now. */
struct explain_route {
    enum explain_way way;
    struct str qualifier; /* whose: "$LATEST", "1", "live"; a DLQ's is a version */
    struct str target;    /* ARN */
    bool has_sink;        /* Waybill delivers to this service */
    enum sink_state state;
    enum role_verdict role;
    struct str role_why; /* when denied */
    struct str action;   /* "sqs:SendMessage" */
};

/* EventInvokeConfig of one qualifier. */
struct explain_config {
    struct str qualifier;
    int64_t retries, age_s; /* -1: unset */
};

/* A change of a configuration; absent destinations: none. */
struct explain_change {
    int64_t at_ms;
    struct str operation; /* "PutFunctionEventInvokeConfig" */
    struct str qualifier;
    enum explain_way way;
    struct str before, after;
};

/* Where a target hands things on to: a topic's subscriptions, a bus's targets. */
struct explain_onward {
    struct str from, to;
    bool may;
    struct str why;
};

struct explain_facts {
    int64_t now_ms;
    bool clock_frozen;
    struct str function, function_arn, region, account;
    bool exists;
    struct str role_arn;
    bool role_known;
    int64_t reserved_concurrency; /* -1: none */
    bool alias_asked;
    const struct explain_route *routes;
    size_t n_routes;
    const struct explain_config *configs;
    size_t n_configs;
    const struct explain_change *changes; /* newest first */
    size_t n_changes;
    const struct explain_onward *onward;
    size_t n_onward;
    const struct journey *journeys; /* newest first; of the function, or the one asked for */
    size_t n_journeys;
    struct str request_id;            /* asked for; absent: the function as a whole */
    uint64_t sync_count, async_count; /* since the server started */
    int64_t last_sync_ms, last_async_ms;
    struct str batch_source;                /* eventSource of the last synchronous batch: "aws:kinesis" */
    struct str refused_target, refused_why; /* the last destination that was refused when it was put */
    struct str refused_qualifier;
    enum explain_way refused_way;
    int64_t refused_ms;
    double throttles, dropped, delivery_failures, dead_letter_errors; /* sums of the last day (CloudWatch) */
};

enum explain_weight { EXPLAIN_CAUSE, EXPLAIN_NOTE };

struct explain_finding {
    const char *code; /* "invoked-synchronously": for programs and tests */
    enum explain_weight weight;
    struct str sentence;
    struct str command; /* a shell line; absent: nothing to run */
};

#define EXPLAIN_FINDINGS_MOST 64
/* Causes first.  Texts lie in a.  Returns the number put in v. */
size_t explain(struct arena *a, const struct explain_facts *f, struct explain_finding *v, size_t max);

#endif
