/* environment.h - one function process and what is known of it.  Internal to runtime.
 *
 *          spawn           next, nothing waits
 *   COLD ---------> STARTING --------------------> IDLE <---.
 *    ^  \             |   \                       /  |      | next, nothing waits
 *    |   \            |    `--- next, work ---.  / work     |
 *    |    \ cannot    | died in init,          v v          |
 *    |     \ start    | work waits            BUSY ---------'
 *    `------+---------'                        |  `--- next, more work: BUSY again
 *            \        | died, nothing waits    | died, timeout
 *             v       v                        v
 *            GONE <------------------------ STOPPING  (killed, not yet dead; IDLE and LOST come here too)
 *
 *   IDLE --its `next` is gone--> LOST --next--> IDLE or BUSY;  died: GONE;  LOST_LIMIT_MS: STOPPING
 *
 * IDLE means: a `next` is held, work can be handed over at once.  The process holds the other end of that
 * connection and may let go of it when it likes (it is dying, or its runtime is confused); an environment
 * that is LOST is offered no work, and is replaced unless it asks again.
 *
 * A pool holds the environments of one struct code, and the executions that wait for one. */
#ifndef WAYBILL_RUNTIME_ENVIRONMENT_H
#define WAYBILL_RUNTIME_ENVIRONMENT_H

#include "base/map.h"
#include "runtime/memory.h"
#include "runtime/output.h"
#include "runtime/program.h"
#include "runtime/report.h"
#include "runtime/runtime.h"
#include "runtime/spawn.h"
#include "net/server.h"

#define ENVIRONMENT_STATES(S) S(COLD) S(STARTING) S(IDLE) S(LOST) S(BUSY) S(STOPPING) S(GONE)
enum environment_state {
#define S(name) ENVIRONMENT_##name,
    ENVIRONMENT_STATES(S)
#undef S
        ENVIRONMENT_STATE_COUNT
};
const char *environment_state_name(enum environment_state s);
bool environment_may(enum environment_state from, enum environment_state to);

#define COMPILE_SLOT (SPAWN_SLOTS - 1)       /* no environment's: compiles our python client */
#define LOST_LIMIT_MS 1000                   /* without a `next`, an environment at rest is ended */
#define INIT_LIMIT_MS 10000                  /* "lambda-runtime-environment": the init phase */
#define RESPONSE_MAX_BYTES ((size_t)6291556) /* 6 MiB + 100 */

struct pool {
    uint32_t magic;
#define POOL_MAGIC 0x90010001u
    struct runtime *r;
    struct code *code;       /* referenced */
    struct list all;         /* environments, by in_pool */
    struct list idle;        /* most recently used first, by in_idle */
    struct list sync, async; /* executions that wait, oldest first */
    unsigned n_sync, n_async;
    unsigned n[ENVIRONMENT_STATE_COUNT]; /* environments by state */
    unsigned n_bound;                    /* of those STARTING: already have their execution */
    unsigned n_returning;                /* BUSY, answered, about to ask for the next */
    int64_t finished_ns;                 /* when an invocation last ended */
    int64_t full_ns;                     /* since when its line has been full; 0: it is not */
    int64_t typical_us;                  /* of late, how long an invocation took */
    bool retired;
    struct link in_runtime, hungry;
};

struct environment {
    uint32_t magic;
#define ENVIRONMENT_MAGIC 0xe57a6bc2u
    enum environment_state state;
    struct runtime *r;
    struct pool *pool;
    struct code *code; /* referenced */
    struct link in_pool, in_idle, in_lru;
    char id[33];
    struct buf log_stream;
    struct output output;
    struct server *server;
    struct exchange *next; /* the runtime's unanswered `next`; IDLE: there is one */
    unsigned refusals;     /* of its requests, told in the server's log */
    unsigned slot;         /* in the spawner */
    bool process;          /* the slot's process is alive, as far as we were told */
    bool wrapped;
    char *tmp_dir;        /* ours to remove; NULL: private /tmp */
    struct str bootstrap; /* static text for messages; absent: an interpreter runs */

    /* The invocation. */
    struct execution *exec; /* given to the process and not answered; or bound while STARTING */
    int64_t started_ns, started_ms;
    struct buf init_error; /* body of init/error */
    char init_error_type[64];
    bool init_failed;                   /* init/error was posted by this process */
    bool in_invocation;                 /* this init happens inside the invocation */
    bool returning;                     /* counted in pool.n_returning */
    bool bound;                         /* counted in pool.n_bound */
    bool init_done;                     /* this process has asked for work */
    bool killed_for_memory, over_limit; /* over_limit: was told to end for it, or for its processes */

    int64_t spawned_ns, init_us; /* init_us: to be reported with the first invocation; 0 then */
    int64_t due_ns;              /* what the timer is for follows from the state */
    uv_timer_t timer;
    int64_t max_rss_kb, sampled_ns, sample_due_ns;
    struct memory_walk *memory_walk; /* NULL: none is under way */
    int64_t idle_ns;                 /* IDLE: since when */
    unsigned handles;                /* of libuv, not yet closed */
};

struct runtime {
    uint32_t magic;
#define RUNTIME_MAGIC 0x5e12a9d4u
    struct runtime_options o;
    char *code_dir, *run_dir, *bootstrap_dir; /* absolute */
    char *endpoint;
    struct program_place place;
    struct spawn_isolation isolation;
    char isolation_text[640];
    unsigned max_environments, cores;
    int64_t init_limit_ms;     /* INIT_LIMIT_MS; a test may shorten it */
    struct list pools, hungry; /* hungry: executions wait there */
    unsigned n_hungry;
    struct list lru; /* idle environments, least recently used first */
    unsigned n[ENVIRONMENT_STATE_COUNT];
    unsigned objects; /* environments not yet freed */
    uint64_t started_total, cold_starts_total;
    struct environment *slots[SPAWN_SLOTS];
    unsigned slot_hint;
    struct map compiled; /* python interpreters our client was compiled for */
    bool compiling;
    struct list results;   /* finished, not yet told */
    bool results_asked;    /* a turn was asked for */
    bool results_pressing; /* and it must not wait */
    bool pump;             /* capacity changed in this round */
    uv_check_t check;
    uv_timer_t scale_timer, sample_timer;
    int64_t idle_sampled_ns;
    bool stopping, drop, spawner_open;
    bool spawner_down; /* it was lost, and the next is not there yet */
    uint64_t spawner_restarts;
    unsigned handles;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* environment.c */
struct environment *environment_new(struct pool *p);
void environment_start(struct environment *env); /* COLD -> STARTING, or fails the oldest waiting execution */
void environment_assign(struct environment *env, struct execution *e); /* IDLE, with its `next` held */
void environment_ready(struct environment *env);                       /* its `next` has come */
void environment_lost(struct environment *env);                        /* its `next` has gone, unanswered */
void environment_init_failed(
    struct environment *env);                     /* init/error was posted: it ends itself, or is ended */
void environment_stop(struct environment *env);   /* ends it; an execution in it was ended before */
void environment_exited(struct environment *env); /* the spawner says so */
void environment_sample(struct environment *env, int64_t now_ns);

/* How an invocation ended. */
struct ending {
    enum outcome_kind kind;
    enum report_status status;
    struct str payload, error_type, why;
    struct str line; /* a log line of its own before END; absent: none */
};
void environment_finish(struct environment *env, const struct ending *how);

/* pool.c */
struct pool *pool_of(struct runtime *r, struct code *code);
struct execution *pool_take(struct pool *p); /* the one to run next; NULL: none waits */
void pool_add(struct pool *p, struct execution *e);
bool pool_should_yield(
    const struct environment *env); /* it has answered: its place is another function's now */
void pool_scale(struct pool *p);
void pool_scale_all(struct runtime *r);
unsigned pool_capacity(struct runtime *r, const struct code *code);
void pool_retire(struct pool *p);
void pool_finished(struct environment *env, int64_t now_ns, int64_t duration_us); /* it has answered */
void pool_moved(struct environment *env, enum environment_state from,
                enum environment_state to); /* counts and lists */
void pool_leave(struct environment *env);   /* env is being freed; the pool may go with it */
unsigned pool_default_max(unsigned cores);
void pool_check(const struct pool *p); /* runtime_check()'s part */

/* api.c */
int api_listen(struct environment *env);
void api_close(struct environment *env);
void api_deliver(struct environment *env); /* answers `next` with the execution */

/* runtime.c */
void runtime_result(struct runtime *r, struct execution *e,
                    const struct outcome *o); /* copies; done() in a turn */
void runtime_pump(struct runtime *r);
void runtime_check_stopped(struct runtime *r);
void runtime_watch(struct runtime *r);                   /* something runs: the sampler must */
void runtime_remove_tree(struct runtime *r, char *path); /* on the pool; takes path */

#endif
