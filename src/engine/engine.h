/* engine.h - inbox, turn, timers, waiters, effects: the only place where a decision becomes an act.
 *
 * A turn takes everything that arrived during one round of the loop, runs it in one store transaction,
 * commits once, and only then lets replies and effects go.  If the commit fails, every request of the turn
 * gets a 500. loop round: sockets read -> requests pile up in the inbox -> [turn: now, requests, results, due
 * timers, COMMIT] -> replies written, executions started -> sleep until a socket or the next timer. */
#ifndef WAYBILL_ENGINE_ENGINE_H
#define WAYBILL_ENGINE_ENGINE_H

#include <uv.h>
#include "turn/turn.h"
#include "net/exchange.h"
#include "wire/call.h"
#include "wire/route.h"

struct engine;

struct engine_options {
    uv_loop_t *loop;
    struct clock *clock;
    struct store *store;
    struct router *router;
    struct metrics *metrics; /* handed on in every turn; NULL: nothing is counted */
    struct str default_account;
    /* Fills c->principal (and c->account) from key and token. */
    void (*principal)(void *arg, struct arena *a, struct str access_key, struct str token,
                      struct str default_account, int64_t now_ms, struct principal *ret);
    void *principal_arg;
    /* The secret that belongs to key and token, in a.  NULL: signatures are not verified, whoever names a key
     * has it. now_ms: the server's clock. */
    enum secret_state (*secret)(void *arg, struct arena *a, struct str access_key, struct str token,
                                int64_t now_ms, struct str *ret);
    void *secret_arg;
    struct gate gate;             /* of every call; may NULL: see struct call */
    int (*admit)(struct call *c); /* 0, or -E_FAULT: credentials over or forged; NULL: all */
    void (*after_commit)(void *arg, const struct now *now); /* pump the queue; runs after every turn */
    void *after_arg;
    void (*flush)(void *arg); /* write held replies */
    void *flush_arg;
    /* A commit failed with `error`: memory no longer matches the store. -E_FULL, -E_UNDONE: reload; else stop
     * the server. */
    void (*fatal)(void *arg, int error, const char *why);
    void *fatal_arg;
};

struct engine *engine_new(const struct engine_options *o);
void engine_set_router(struct engine *e, struct router *r); /* before the loop runs */
void engine_pool_wait(struct engine *e); /* until no job of a turn runs: before what it touches goes */
void engine_stop(struct engine *e);      /* no more turns; run the loop once more, then free */
struct engine *engine_free(struct engine *e);
const struct turn_ops *engine_turn_ops(void);
/* A request for an AWS service: routed, verified, decoded, checked now; its handler runs in the coming turn.
 */
void engine_request(struct engine *e, struct exchange *x);
bool engine_verifies(const struct engine *e); /* signatures, that is */
/* For what is not AWS's: did the operator (a pair that acts for an account, not a role's session) sign this
 * small request for `service`?  True as well where nothing is verified.  Else *ret_why in x->mem, and a line
 * in the log; none, unless he must sign, of somebody who signed nothing. */
bool engine_operator_signed(struct engine *e, const struct exchange *x, const char *service, bool must,
                            struct str *ret_why);
/* fn in the coming turn, whatever that turn is for; on its own account one comes only after two milliseconds,
 * so that more can gather under one commit.  For results nobody waits for. */
void engine_patiently(void *engine, void (*fn)(void *arg, struct turn *t), void *arg);
/* fn in the coming turn. */
void engine_soon(void *engine, void (*fn)(void *arg, struct turn *t), void *arg);
void engine_busy(void *engine, int delta);
/* Runs a turn at once (start-up: loading).  Returns the commit's result. */
int engine_run_now(struct engine *e, void (*fn)(void *arg, struct turn *t), void *arg);

struct engine_quiet {
    bool quiet;           /* no request, job or execution under way, no work due */
    int64_t next_work_ms; /* when the next work timer is due; INT64_MAX: none */
    uint64_t pending;     /* executions and jobs under way + work timers */
};
struct engine_quiet engine_quiet(struct engine *e);
/* The server's clock was moved or changed its pace: look at the timers again. */
void engine_clock_changed(struct engine *e);
struct engine_stats {
    uint64_t turns, requests, faults, commits;
    int64_t longest_turn_us;
    uint64_t held; /* pieces of work that held the loop too long: watch.h */
    int64_t worst_held_us;
    const char *worst_held; /* service.operation; "" when none; lives as long as the engine */
};
void engine_stats(const struct engine *e, struct engine_stats *ret);

#endif
