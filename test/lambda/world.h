/* world.h - a Lambda service without a server: requests go through the real router, decoder, checks, handlers
 * and encoder and the real store; turns, timers, pool, executor, sinks and the asynchronous queue are the
 * test's. */
#ifndef WAYBILL_TEST_LAMBDA_WORLD_H
#define WAYBILL_TEST_LAMBDA_WORLD_H

#include "service/lambda/ops.h"
#include "service/lambda/registry.h"
#ifndef WORLD_ITSELF
#include "test/unit.h"
#endif

struct pending {
    void (*fn)(void *arg, struct turn *t);
    void (*job)(void *arg);
    void *arg;
};

struct answer {
    bool waiting; /* -E_WAIT so far */
    int status;
    struct str headers; /* lines, CRLF; x-amzn-RequestId included */
    struct str body;
    struct str shown; /* "<status> <body>" with UUIDs as <uuid> */
    struct call *c;
};

struct world {
    struct arena *mem;
    struct store *store;
    struct lambda *l;
    struct router *router;
    struct service service;
    struct sinks sinks;
    struct turn turn;
    struct pending jobs[16], timers[64];
    size_t n_jobs, n_timers;
    struct execution *started[64]; /* by the fake executor */
    size_t n_started, n_retired;
    struct accepted {
        struct str name, qualifier, payload, trace, source;
        const char *type;
    } accepted[64];
    size_t n_accepted;
    int accept_rc;
    enum role_verdict role_verdict;
    const char *denied_action; /* role_verdict is about this action alone; NULL: about all */
    struct asked {
        struct str role;
        const char *action;
        struct str resource;
        const struct policy *own;
    } asked; /* last */
    enum role_state role_state;
    enum sink_state queue_state;
    struct answer *last;
    char dir[64];
    struct principal principal;
    const struct gate *gate;
    struct str region;
};

struct world *world_new(void);
struct world *world_free(struct world *w);
extern struct world *world_now; /* what async_accept() and call_reply() write to */

/* headers: "Name: value\n" lines or NULL. */
struct answer *ask(struct world *w, const char *method, const char *target, const char *headers,
                   struct str body);
struct answer *ask_z(struct world *w, const char *method, const char *target, const char *body);
void world_run_jobs(struct world *w);   /* pool jobs and their second halves */
void world_run_timers(struct world *w); /* every real timer */
void world_reload(struct world *w);     /* commit, forget, load again */
/* Creates a function and makes it Active. */
void world_function(struct world *w, const char *name);
void world_finish(struct world *w, size_t i, enum outcome_kind kind, const char *payload);
struct str header_in(const struct answer *a, const char *name);

#endif
