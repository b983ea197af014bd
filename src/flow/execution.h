/* execution.h - one run of a function, as flow and services ask for it and the runtime does it.
 *
 * `flow` and `service/lambda` know nothing of processes: they fill an execution and call the executor's
 * start. The runtime answers in a later turn through execution->done, exactly once. */
#ifndef WAYBILL_FLOW_EXECUTION_H
#define WAYBILL_FLOW_EXECUTION_H

#include "base/list.h"
#include "turn/turn.h"

/* What a process needs to know of a function version.  Immutable once made; owned by service/lambda, counted:
 * code or configuration changes make a new one, and the old one's environments retire after their invocation.
 */
struct code {
    uint32_t magic;
#define CODE_MAGIC 0xc0de5eedu
    int refs;
    uint64_t id;                               /* unique per code object in this process */
    struct str function_arn;                   /* unqualified */
    struct str account, region, name, version; /* version: "$LATEST" or digits */
    struct str runtime, handler, role_arn;
    struct str package_sha256_hex; /* directory name of the unpacked package */
    struct str dead_letter;        /* ARN of the version's dead-letter queue; absent: none */
    struct str log_group;
    bool log_json;
    struct str app_log_level, system_log_level; /* JSON logging; absent: unset */
    int64_t memory_mb, timeout_ms, tmp_mb;
    struct env_var {
        struct str name, value;
    } * env;
    size_t n_env;
    struct arena *mem;  /* owns all of the above, and this struct itself */
    void *environments; /* the runtime's own: this code's environments */
};
struct code *code_ref(struct code *c);
void code_unref(struct code *c); /* frees with the last */

enum outcome_kind {
    OUTCOME_OK,     /* the function answered */
    OUTCOME_ERROR,  /* function error: payload is the error JSON, "Unhandled" */
    OUTCOME_SYSTEM, /* no environment could be started: retried as 5xx */
};
struct outcome {
    enum outcome_kind kind;
    struct str payload;        /* bytes as posted; borrowed during done() */
    struct str error_type;     /* for logs and journeys: "Runtime.ExitError", "Error"... */
    struct str why;            /* OUTCOME_SYSTEM: what is missing ("node is not installed ...") */
    struct str log_tail;       /* last 4096 bytes of the invocation's log text */
    int64_t started_ms;        /* server's clock, when handed to the process */
    int64_t duration_us;       /* real */
    int64_t init_us;           /* cold start only, else 0 */
    struct str environment_id; /* 32 hex; log stream's tail */
    struct str log_stream;
};

struct execution {
    struct link link;      /* the executor's own */
    struct code *code;     /* referenced by whoever starts, until done */
    struct str request_id; /* all strs: owned by the caller, valid until done */
    struct str invoked_arn;
    struct str payload;
    struct str trace_header;   /* "Root=1-...;Parent=...;Sampled=0[;Lineage=...]" */
    struct str client_context; /* decoded JSON; absent: none */
    bool want_tail;
    bool async; /* patient: scaling may take its time */
    void (*done)(struct execution *e, const struct outcome *o, struct turn *t);
    int64_t queued_mono_ns;
    void *slot; /* the executor's own */
};

struct executor {
    void *arg;
    /* Takes e; done() comes in a later turn.  Callable on the loop thread inside or outside a turn. */
    void (*start)(void *arg, struct execution *e);
    /* How many more executions of this code it would take without queueing long (idle environments plus what
     * may still be started).  Events stay in their queue beyond it. */
    unsigned (*capacity)(void *arg, const struct code *code);
    void (*retire)(void *arg, struct code *code); /* no new invocations; environments end when idle */
};

#endif
