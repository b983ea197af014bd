/* bench.h - a work bench for the runtime room: a real loop, a stand-in for the engine's turns, functions made
 * of source text, and everything they answered and logged kept for comparison. */
#ifndef WAYBILL_TEST_RUNTIME_BENCH_H
#define WAYBILL_TEST_RUNTIME_BENCH_H

#include "base/clock.h"
#include "base/id.h"
#include "runtime/runtime.h"

struct bench {
    uv_loop_t loop;
    struct spawner *spawner;
    struct clock clock;
    struct runtime *runtime;
    struct executor executor;
    char dir[64];
    uv_check_t turn; /* one turn per round of the loop, as the engine does */
    struct {
        void (*fn)(void *arg, struct turn *t);
        void *arg;
    } soon[64];
    unsigned n_soon;
    int busy;
    struct buf log; /* every line, "\n" after each; cleared by bench_run */
    unsigned log_lines, capacity_calls;
    bool keep_log, stopped;
    uint64_t next_code;
};

/* What became of one execution. */
struct answer {
    struct execution e;
    struct bench *b;
    bool started, done;
    enum outcome_kind kind;
    struct buf payload, error_type, why, tail, environment_id;
    int64_t duration_us, init_us, done_ns;
    void (*then)(struct answer *a);
};

/* idle_ms 0: never in a test's time. */
void bench_init(struct bench *b, bool sandbox, unsigned max_environments, int64_t idle_ms);
void bench_done(struct bench *b); /* stops the runtime; CHECKs that nothing is left */

/* A function whose package is made of (name, text) pairs, ending with NULL.  Files called bootstrap are
 * executable; a text beginning with '@' is a file to copy. */
struct code *bench_code(struct bench *b, const char *runtime, const char *handler, ...);
void bench_env(struct code *c, const char *name, const char *value);

void answer_init(struct answer *a, struct bench *b, struct code *c, const char *payload);
void answer_done(struct answer *a); /* waits for one that was started and is not there yet */
void bench_start(struct answer *a);
void bench_wait(struct bench *b, bool *done, int64_t limit_ms);
/* Start and wait; the log holds what was logged since. */
void bench_run(struct answer *a);
/* Number of processes on the machine whose command line or name contains the text. */
int bench_processes(const char *text);
int bench_spawner_pid(void); /* our child of that name */
/* The text with the request id as <id>, ports, times and other values that change replaced. */
struct str bench_plain(struct arena *m, struct str text, const struct answer *a);

#endif
