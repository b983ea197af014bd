/* inner.c - operations without a socket: see wire/inner.h.
 *
 * True here: an inner call is on no list of the engine's.  It is known to its handler alone while that makes
 * it wait, and to whoever began it; its memory is theirs. */
#include "wire/inner.h"

#include <string.h>
#include "engine/internal.h"
#include "wire/route.h"

static bool find(const struct router *router, const char *service, const char *op, struct route *ret)
{
    for (size_t at = 0; router_next(router, &at, ret);)
        if (strcmp(ret->service->name, service) == 0 && strcmp(ret->op->name, op) == 0)
            return true;
    return false;
}

static int prepare(struct engine *e, struct call *c, const struct inner_request *r, struct route *route)
{
    struct request_parts parts = { .body = r->json };

    if (!find(e->o.router, r->service, r->op, route))
        return call_fault(c, &error_not_implemented, "Waybill does not know %s (%s)", r->op, r->service);
    c->service = route->service;
    c->op = route->op;
    c->request_id = request_id_new(c->mem, c->service, c->protocol);
    return engine_admit(e, c, route) < 0 ? -E_FAULT : engine_decode(c, route, &parts);
}

/* Nobody will read them. */
static int close_files(struct engine *e, struct call *c, int result)
{
    struct held h = { .call = c };

    if (c->n_files == 0)
        return result;
    engine_take_files(e, c, &h);
    h.source->stop(h.source);
    return result < 0
               ? result
               : call_fault(c, &error_not_implemented,
                            "What %s answers lies in a file and is served by a request of its own alone",
                            c->op->name);
}

void engine_inner_done(struct engine *e, struct call *c, int result)
{
    struct inner *i = CONTAINER_OF(c, struct inner, call);

    CHECK_IS(c, CALL_MAGIC);
    CHECK_IS(i, INNER_MAGIC);
    CHECK(e->in_turn && c->inner && c->engine == e && !c->answered);
    c->answered = true;
    c->turn = NULL;
    result = close_files(e, c, engine_result(c, result));
    buf_done(&c->extra_headers);
    i->waiting = false;
    i->done(i, result);
}

struct inner *inner_begin(struct turn *t, struct arena *mem, const struct inner_request *r,
                          void (*done)(struct inner *i, int result), void *arg)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, t->engine);
    struct inner *i = ARENA_NEW(mem, struct inner);
    struct call *c = &i->call;
    struct route route = { 0 };
    int result;

    CHECK_IS(t, TURN_MAGIC);
    CHECK(done != NULL && e->in_turn);
    *i = (struct inner){ .magic = INNER_MAGIC, .done = done, .arg = arg };
    c->magic = CALL_MAGIC;
    c->mem = mem;
    c->engine = e;
    c->inner = true;
    c->protocol = PROTO_JSON;
    c->now = t->now;
    c->region = r->region;
    c->principal = r->principal;
    c->account = r->principal.account;
    c->gate = e->o.gate.may != NULL ? &e->o.gate : NULL;
    result = prepare(e, c, r, &route);
    if (result < 0)
        engine_inner_done(e, c, result);
    else if (engine_perform(t, c, route.handler, &result))
        engine_inner_done(e, c, result);
    else
        i->waiting = true;
    return i;
}

bool inner_cancel(struct inner *i, struct turn *t)
{
    struct call *c = &i->call;
    void (*on_gone)(struct call *) = TAKE(c->on_gone);

    CHECK_IS(i, INNER_MAGIC);
    CHECK_IS(t, TURN_MAGIC);
    CHECK(i->waiting && !c->answered);
    if (on_gone == NULL)
        return false;
    i->waiting = false;
    c->gone = true;
    c->turn = t;
    on_gone(c);
    c->turn = NULL;
    buf_done(&c->extra_headers);
    return true;
}

struct str inner_json(struct inner *i)
{
    struct call *c = &i->call;
    struct reply r = { 0 };
    struct str text;

    if (c->raw)
        return c->raw_body;
    shape_encode(c->mem, c->service, c->op, PROTO_JSON, c->output, c->request_id, &r);
    text = buf_to_arena(&r.body, c->mem);
    buf_done(&r.headers);
    buf_done(&r.body);
    return text;
}
