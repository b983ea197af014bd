/* sim.h - the asynchronous queue on virtual time: a scripted function, a recording destination, a clock that
 * only the test moves.  Everything that happens is one line of the story, so a test compares whole stories.
 *
 *   [     0] accepted                                  ms since the start, what happened
 *   [     5] attempt 1 runs f $LATEST
 *   [    10] attempt 1 answers Error
 *   [ 60010] attempt 2 runs f $LATEST
 *   [ 60020] sent to arn:aws:sqs:...:q: {"version":"1.0",...}
 *
 * Invocation ids are random: the story says <id>. */
#ifndef WAYBILL_TEST_STORY_SIM_H
#define WAYBILL_TEST_STORY_SIM_H

#include "flow/async.h"

#define SIM_START_MS INT64_C(1789400698123) /* 2026-09-14T15:44:58.123Z */

struct sim_answer {
    enum outcome_kind kind;
    const char *payload;
    const char *error_type;
    int64_t takes_ms;
};

struct sim {
    struct store *store;
    struct async *async;
    struct heap timers;
    struct metrics *metrics;
    int64_t now_ms;
    uint64_t statements; /* the store has run, as of the last turn */
    struct buf story;
    /* the function, as the next attempt sees it */
    struct target target;
    bool missing, pending;
    const char *version;
    struct sim_answer answers[32]; /* one per attempt, the last repeats */
    size_t n_answers, n_attempts;
    int64_t slots; /* free concurrency */
    int64_t limit; /* free again after a restart; 0: 1000, -1: none */
    bool reserved_pool;
    struct code *other; /* a second version, NULL: there is none; */
    bool draw_other;    /* an alias means it from now on */
    /* the destinations: a queue, a topic, a bus, a bucket, and other functions */
    enum role_verdict verdict;
    enum delivery delivery;
    const char *closed; /* verdict and delivery are about this target alone; NULL: all */
    struct policy *own; /* the targets' own policy; NULL: none; owned */
    bool tell_record;   /* the record's whole text in the story */
    bool tell_parcel;   /* and what goes with it */
    bool feed_itself;   /* functions are real targets: what is sent runs there */
    bool quiet;         /* only what is sent */
    size_t max_body_bytes;
    struct sinks sinks;
    struct list running;
    struct sim_soon *soon;
    struct sim_after {
        void (*fn)(void *arg);
        void *arg;
    } after[4];
    size_t n_after;
    const char *trace;    /* header of the next event; NULL: none */
    char last_trace[512]; /* of the last execution */
    char sent_trace[512]; /* of the last parcel */
};

struct sim *sim_new(void);
struct sim *sim_free(struct sim *s);
void sim_answers(struct sim *s, size_t n, const struct sim_answer *v);
/* Accepts one event for function f, qualifier NULL: unqualified; returns its id (static buffer). */
const char *sim_event(struct sim *s, const char *qualifier, const char *payload);
struct code *sim_code(const char *version); /* of function f; free with code_unref() */
/* The sum of a metric of function f, over everything counted so far. */
double sim_metric(struct sim *s, const char *name);
void sim_run(struct sim *s, int64_t until_ms); /* lives until then, ms since the start */
void sim_restart(struct sim *s);               /* as after kill -9: memory gone, the store stays */
const char *sim_story(struct sim *s);          /* so far; starts a new one */
/* The journey's sentences-to-be: its steps' names, joined by blanks. */
const char *sim_journey(struct sim *s, const char *id);

#endif
