/* internal.h - what the engine's three files share: engine.c (rounds), turn.c (what a turn offers), call.c
 * (requests). */
#ifndef WAYBILL_ENGINE_INTERNAL_H
#define WAYBILL_ENGINE_INTERNAL_H

#include <stdatomic.h>
#include "base/list.h"
#include "engine/engine.h"
#include "engine/verify.h"
#include "engine/watch.h"
#include "wire/route.h"

struct item {
    struct call *call; /* a request; or else fn */
    const struct handler *handler;
    void (*fn)(void *arg, struct turn *t);
    void *arg;
};
struct inbox {
    struct item *v;
    size_t n, cap;
};

struct effect {
    void (*fn)(void *arg);
    void *arg;
};
struct effects {
    struct effect *v;
    size_t n, cap;
};

/* A reply made in the turn, held until its commit. */
struct held {
    struct exchange *x;
    struct call *call;
    int status;
    struct buf headers, body;
    size_t head_bytes;
    struct body_source *source; /* of source_bytes: instead of body; NULL: none */
    int64_t source_bytes;
};
struct replies {
    struct held *v;
    size_t n, cap;
};

struct engine {
    uint32_t magic;
#define ENGINE_MAGIC 0xe9191e01u
    struct engine_options o;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t alarm;
    int64_t armed_for; /* key the alarm is set for */
    struct inbox inbox, spare;
    size_t pressing;     /* items of the inbox that want a turn now */
    uv_timer_t patience; /* runs while only patient ones wait */
    struct effects effects, spare_effects;
    struct replies replies;
    struct heap timers;
    struct list real_timers;
    struct list gone; /* calls whose client closed while they wait */
    uint64_t timer_seq, work_timers, jobs;
    atomic_uint pooled; /* jobs of turns that have not run to their end */
    int busy;
    bool in_turn;
    struct http *http;               /* http.c's own */
    struct verify_keys *verify_keys; /* verify.h; NULL: nothing is verified */
    struct engine_stats stats;
    struct watch watch;
    struct seldom refused; /* lines of refused signatures */
};

void engine_call(struct engine *e, struct call *c, const struct handler *h);
void engine_arm(struct engine *e);
void engine_nothing(void *arg, struct turn *t);
void engine_real_timers_stop(struct engine *e);
void engine_after(void *engine, void (*fn)(void *arg), void *arg); /* turn.c */
/* http.c */
struct http *engine_http_new(void);
struct http *engine_http_free(struct http *h);
void engine_http(void *engine, const struct http_post *p,
                 void (*done)(void *arg, struct turn *t, int status, struct str body), void *arg);
void engine_http_forget(struct engine *e); /* the commit failed: what the turn wanted to send is not sent */
/* call.c */
/* May he, and is there anybody to serve him?  What a body of any length costs nothing more. */
int engine_admit(struct engine *e, struct call *c, const struct route *route);
/* The input out of `parts`, in the call's protocol, checked; and room for the output.  Touches nothing but
 * the call. */
int engine_decode(struct call *c, const struct route *route, const struct request_parts *parts);
/* The handler runs.  False: it answers later, by call_reply(). */
bool engine_perform(struct turn *t, struct call *c, const struct handler *h, int *ret_result);
/* What a handler returned, as 0 or -E_FAULT with a fault; what nobody expected is written into the log. */
int engine_result(struct call *c, int result);
void engine_take_files(struct engine *e, struct call *c, struct held *h);
void engine_handle(struct engine *e, struct turn *t, struct call *c, const struct handler *h);
/* Times what the loop did for this call since began_ns; returns now. */
int64_t engine_watch_call(struct engine *e, int64_t began_ns, const struct call *c);
void engine_handle_gone(struct engine *e, struct turn *t);
void engine_replies_send(struct engine *e);
void engine_replies_fail(struct engine *e); /* every held reply becomes a 500 */
/* inner.c */
void engine_inner_done(struct engine *e, struct call *c, int result);

#endif
