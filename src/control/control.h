/* control.h - what Waybill adds to AWS: the JSON API under /_waybill/.
 *
 *   GET  /_waybill/health                 version, clock, counts, isolation
 *   GET  /_waybill/clock {"now","mode","rate","offset_ms","system","system_stepped_ms","to_catch_up_ms"} POST
 * /_waybill/clock                  one of {"advance_ms":N} {"freeze":true} {"resume":true} {"rate":R} POST
 * /_waybill/settle                 {"advance":true,"timeout_ms":30000} -> {"settled","advanced_ms","pending"}
 *   GET  /_waybill/journeys[?function=F&limit=N]      newest first
 *   GET  /_waybill/journeys/{requestId}
 *   GET  /_waybill/explain?function=F[&request=ID]    why did nothing arrive:
 * {"function","functionArn","findings":[...]} POST /_waybill/reset GET  /_waybill/code/{sha256 hex}      a
 * function's deployment package (GetFunction's Code.Location) Errors are {"error":"a sentence"} with 400,
 * 403, 404, 405 or 413.
 *
 * Where signatures are verified, all but code/ and a short answer of health want one of the operator (the
 * root pair): Signature Version 4 for the service CONTROL_SIGNING_NAME, in any region.
 *
 * Advancing walks: the clock stops at every piece of due work on the way and goes on when it is done, so
 * three minutes advanced are three minutes lived. */
#ifndef WAYBILL_CONTROL_CONTROL_H
#define WAYBILL_CONTROL_CONTROL_H

#include "engine/engine.h"
#include "flow/async.h"
#include "flow/explain.h"
#include "net/exchange.h"
#include "runtime/runtime.h"

#define CONTROL_SIGNING_NAME "waybill"

struct control;

struct control_options {
    uv_loop_t *loop;
    struct clock *clock;
    struct store *store;
    struct engine *engine;
    struct async *async;
    struct runtime *runtime;
    const char *code_dir;
    struct str default_account;
    /* Empties the server, inside a turn; the reply leaves after its commit. */
    void (*reset)(void *arg, struct turn *t);
    /* Adds `"functions":3,...` members of the services to the health object. */
    void (*health)(void *arg, struct json_writer *w);
    /* Fills in what the services know of a function (name or ARN); texts in a.  Inside a turn that writes
     * nothing. */
    void (*explain)(void *arg, struct turn *t, struct arena *a, struct str function,
                    struct explain_facts *ret);
    void *arg;
};

struct control *control_new(const struct control_options *o);
struct control *control_free(struct control *c);
bool control_is_path(struct str path); /* "/_waybill/..." */
void control_request(struct control *c, struct exchange *x);
void control_tick(struct control *c); /* after every turn: settle and advance look again */
void control_stop(struct control *c); /* answers who waits; closes handles */

/* Durable clock: restored before anything reads it; a server that restarts never steps back.  For that,
 * keep() is called every CONTROL_CLOCK_KEEP_MS of real time, at least within twice of it: it writes while the
 * rate is above 1, and once a minute when something was committed.  It also says when the system's clock was
 * set. */
#define CONTROL_CLOCK_KEEP_MS 1000
void control_clock_load(struct clock *clock, struct store *store);
void control_clock_keep(struct control *c);

#endif
