/* runtime.h - real processes for function code: started, kept warm, fed over the Runtime API, watched, ended.
 *
 * One environment = one sandboxed process tree for one struct code, exactly one invocation at a time, its own
 * loopback Runtime API port (so a call needs no secret to be told apart) and its own log stream.
 * The spawner process is forked first, while the server is small; it starts, reaps and kills (spawn.h).
 *
 * Loop thread only.  runtime_executor() gives flow/execution.h's door. */
#ifndef WAYBILL_RUNTIME_RUNTIME_H
#define WAYBILL_RUNTIME_RUNTIME_H

#include "flow/execution.h"
#include <uv.h>

struct runtime;
struct spawner;

/* Forks the spawner.  Call first thing in `serve`, before threads, loop and heap.  -E_SYSTEM. */
int spawner_start(struct spawner **ret);

struct runtime_credentials {
    struct str access_key_id, secret_access_key, session_token;
};

struct runtime_log_line {
    int64_t wall_ms;
    struct str text;
}; /* text without the final newline */

struct runtime_options {
    uv_loop_t *loop;
    struct spawner *spawner;
    struct clock *clock;       /* server's clock: log times, deadlines shown to functions */
    const char *code_dir;      /* DIR/code: one folder per package, named by SHA-256 hex */
    const char *run_dir;       /* DIR/run: sockets, bootstraps, /tmp of environments; emptied at start */
    const char *endpoint;      /* AWS_ENDPOINT_URL: where the server is listened to; copied */
    unsigned max_environments; /* 0: from memory and cores */
    int64_t idle_timeout_ms;   /* an idle environment ends after it; 600,000 */
    bool sandbox;              /* false: plain processes (--no-sandbox) */
    /* Runs fn in a turn as soon as possible. */
    void (*soon)(void *engine, void (*fn)(void *arg, struct turn *turn), void *arg);
    /* The same for results that may wait two milliseconds for company; NULL: they do not wait. */
    void (*patiently)(void *engine, void (*fn)(void *arg, struct turn *turn), void *arg);
    void (*busy)(void *engine, int delta);
    void *engine;
    /* Session credentials for the function's role; strs borrow until return. */
    void (*credentials)(void *arg, const struct code *code, struct arena *mem,
                        struct runtime_credentials *ret);
    void *credentials_arg;
    /* The environment's output, START/END/REPORT lines included, in order. */
    void (*log)(void *arg, const struct code *code, struct str stream, const struct runtime_log_line *v,
                size_t n);
    void *log_arg;
    /* An environment became idle or could be started again: the async queue should be pumped. */
    void (*capacity_changed)(void *arg);
    void *capacity_arg;
    /* The spawner has ended and no other can be started: the server must end, in order. */
    void (*fatal)(void *arg);
    void *fatal_arg;
};

int runtime_new(const struct runtime_options *o, struct runtime **ret, struct buf *ret_why);
struct executor runtime_executor(struct runtime *r);
/* Ends every environment (SIGTERM where an extension wants it, then SIGKILL), answering running executions
 * with OUTCOME_SYSTEM unless drop. done is called when nothing is left. */
void runtime_stop(struct runtime *r, bool drop, void (*done)(void *arg), void *arg);
struct runtime *runtime_free(struct runtime *r);

struct runtime_counts {
    unsigned environments, idle, busy, starting;
    uint64_t started_total, cold_starts_total, spawner_restarts;
    int spawner_pid; /* 0: there is none at this moment */
};
/* Looks through pools, environments and counters and ends the program where they do not agree: for tests. */
void runtime_check(const struct runtime *r);
void runtime_counts(const struct runtime *r, struct runtime_counts *ret);
/* "namespaces, private root, …" or what is missing and what that means, for `health` and the start line. */
const char *runtime_isolation(const struct runtime *r);

/* Which program a runtime needs ("nodejs20.x" -> "node"), NULL for provided.*; unknown: not runnable here. */
enum runtime_kind { RUNTIME_NODE, RUNTIME_PYTHON, RUNTIME_PROVIDED, RUNTIME_NOT_HERE };
enum runtime_kind runtime_kind(struct str runtime);

#endif
