/* call.c - from a request to a call, from a handler's result to a held reply. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arn.h"
#include "base/header.h"
#include "engine/internal.h"
#include "net/file_body.h"
#include "wire/aws_chunked.h"
#include "wire/gzip_body.h"

#define CLIENT_CLOSED 499                                    /* never seen: the client is gone */

/* A longer body is decoded and checked on a pool thread: a MiB of small members takes a tenth of a second. */
#define DECODE_HERE_BYTES ((size_t)128 << 10)

/* A call and its place on the list of those whose client has gone. */
struct waiting_call {
    struct call call;
    struct link link;
    struct route route;
    uv_work_t decoding;                                      /* of a long body */
    int decoded;                                             /* 0 or -E_FAULT */
};

/* ---- request -> call ---- */

static struct str header_of(const void *ctx, const char *name)
{
    return exchange_header(ctx, name);
}

static bool next_header_of(const void *ctx, size_t *at, struct str *ret_name, struct str *ret_value)
{
    const struct exchange *x = ctx;

    if (*at >= x->n_headers)
        return false;
    *ret_name = x->headers[*at].name;
    *ret_value = x->headers[*at].value;
    (*at)++;
    return true;
}

static struct request_parts parts_of(const struct exchange *x)
{
    return (struct request_parts){ .path = x->path, .query = x->query, .body = x->body,
        .content_type = exchange_header(x, "content-type"), .header = header_of, .next_header = next_header_of, .ctx = x };
}

/* The one door for a region: what is not one goes no further, for it becomes part of names and keys. */
static int scope_refused(struct call *c)
{
    if (strcmp(c->service->name, "s3") == 0)
        return call_fault(c, &error_scope_s3, "The authorization header is malformed; the region is wrong");
    return call_fault(c, &error_scope, "Credential should be scoped to a valid region.");
}

static int identify(struct engine *e, struct call *c, const struct request_parts *parts)
{
    struct signature_scope s = signature_scope(c->mem, parts);

    if (!str_empty(s.region) && !region_valid(s.region))
        return scope_refused(c);
    c->access_key = s.access_key;
    c->region = !str_absent(s.region) && s.region.n > 0 ? s.region : STR("us-east-1");
    e->o.principal(e->o.principal_arg, c->mem, s.access_key, s.token, e->o.default_account,
                   clock_now(e->o.clock).wall_ms, &c->principal);
    c->account = c->principal.account;
    return 0;
}

/* ---- replies ---- */

static struct held *hold(struct engine *e, struct call *c)
{
    struct replies *r = &e->replies;

    if (r->n == r->cap) {
        r->cap = r->cap > 0 ? r->cap * 2 : 64;
        r->v = xrealloc(r->v, r->cap * sizeof(*r->v));
    }
    r->v[r->n] = (struct held){ .x = c->x, .call = c };
    return &r->v[r->n++];
}

static bool query_mode(const struct call *c)
{
    return str_eq_nocase(exchange_header(c->x, "x-amzn-query-mode"), STR("true"));
}

static void add_content_type(struct reply *r)
{
    if (!str_absent(r->content_type))
        header_line(&r->headers, STR("Content-Type"), r->content_type);
}

static void encode_raw(struct call *c, struct reply *r)
{
    r->status = c->status != 0 ? c->status : c->op->status;
    r->content_type = c->raw_content_type;
    request_id_lines(&r->headers, c->service, c->protocol, c->request_id);
    buf_str(&r->body, c->raw_body);
}

static void encode(struct call *c, int result, struct reply *r)
{
    if (result < 0)
        fault_encode(c->mem, c->service, c->protocol, &c->fault, c->request_id, query_mode(c), r);
    else if (c->raw)
        encode_raw(c, r);
    else
        shape_encode(c->mem, c->service, c->op, c->protocol, c->output, c->request_id, r);
    if (result >= 0 && c->status != 0)
        r->status = c->status;
    buf_str(&r->headers, buf_view(&c->extra_headers));
    add_content_type(r);
}

static void internal_failure(struct call *c, int result)
{
    fprintf(stderr, "event=handler_failed request_id=" STR_FMT " operation=%s error=\"%s\"\n", STR_ARG(c->request_id),
            c->op->name, error_text(result));
    call_fault(c, &error_internal, "Waybill failed to handle the request; its log says why under id " STR_FMT, STR_ARG(c->request_id));
}

/* Also of a call that failed, so that its files are closed. */
static void take_files(struct engine *e, struct call *c, struct held *h)
{
    if (c->n_files == 0)
        return;
    for (size_t i = 0; i < c->n_files; i++)
        h->source_bytes += c->files[i].bytes;
    h->source = file_body_new(e->o.loop, c->files, c->n_files, c->open_files);
    c->n_files = 0;
}

static void drop_source(struct held *h)
{
    struct body_source *source = TAKE(h->source);

    if (source != NULL)
        source->stop(source);
}

static void answer(struct engine *e, struct call *c, int result)
{
    struct reply r = { 0 };
    struct held *h;

    if (result == 0 && arena_overflowed(c->mem))
        result = call_fault(c, &error_internal, "The request needs more memory than one request may use");
    if (result < 0 && (result != -E_FAULT || c->fault.row == NULL))
        internal_failure(c, result);
    if (result < 0)
        e->stats.faults++;
    encode(c, result, &r);
    h = hold(e, c);
    h->status = r.status;
    h->headers = r.headers;
    h->body = r.body;
    h->head_bytes = r.head_bytes;
    take_files(e, c, h);
    if (result < 0)
        drop_source(h);
}

void call_reply(struct call *c, int result)
{
    CHECK(result != -E_WAIT);
    answer(c->engine, c, result);
}

/* With on_gone the waiter forgets the call and it ends here; without, its answer will come and be thrown away. */
static void drop(struct engine *e, struct turn *t, struct call *c)
{
    if (c->on_gone == NULL)
        return;
    c->turn = t;
    c->on_gone(c);
    c->on_gone = NULL;
    c->turn = NULL;
    hold(e, c)->status = CLIENT_CLOSED;
}

void engine_handle(struct engine *e, struct turn *t, struct call *c, const struct handler *h)
{
    int result;

    c->turn = t;
    c->now = t->now;
    result = h->fn(c, c->input, c->output);
    c->turn = NULL;
    if (result < 0 && result != -E_WAIT && (result != -E_FAULT || c->fault.row == NULL))
        store_spoil(t->store);                               /* nobody knows what it had written */
    if (result != -E_WAIT)
        answer(e, c, result);
    else if (c->gone)
        drop(e, t, c);
}

/* Clients that closed since the last turn: who waits for them may forget them. */
void engine_handle_gone(struct engine *e, struct turn *t)
{
    struct link *k;

    while ((k = list_pop(&e->gone)) != NULL)
        drop(e, t, &CONTAINER_OF(k, struct waiting_call, link)->call);
}

void engine_replies_send(struct engine *e)
{
    for (size_t i = 0; i < e->replies.n; i++) {
        struct held *h = &e->replies.v[i];
        struct exchange *x = h->x;

        x->on_gone = NULL;
        struct str body = buf_view(&h->body);
        if (h->head_bytes > 0 && str_is(x->method, "HEAD"))
            body.n = h->head_bytes;                          /* net tells the length of a body it does not look at */
        buf_done(&h->call->extra_headers);                   /* before the reply: it may end the call's memory */
        if (h->source != NULL)
            exchange_reply_pieces(x, h->status, buf_view(&h->headers), h->source_bytes, h->source);
        else
            exchange_reply(x, h->status, buf_view(&h->headers), body);
        buf_done(&h->headers);
        buf_done(&h->body);
    }
    e->replies.n = 0;
}

void engine_replies_fail(struct engine *e)
{
    for (size_t i = 0; i < e->replies.n; i++) {
        struct held *h = &e->replies.v[i];
        struct reply r = { 0 };

        drop_source(h);
        buf_done(&h->headers);
        buf_done(&h->body);
        call_fault(h->call, &error_internal, "The change could not be made durable and was not made");
        fault_encode(h->call->mem, h->call->service, h->call->protocol, &h->call->fault, h->call->request_id, query_mode(h->call), &r);
        add_content_type(&r);
        *h = (struct held){ .x = h->x, .call = h->call, .status = r.status, .headers = r.headers, .body = r.body };
    }
}

/* ---- request ---- */

int64_t engine_watch_call(struct engine *e, int64_t began_ns, const struct call *c)
{
    struct str service = c->service != NULL ? str_of(c->service->name) : STR("waybill");

    return watch_piece(&e->watch, began_ns, service, c->op != NULL ? str_of(c->op->name) : STR("request"), c->request_id);
}

static void gone(struct exchange *x)
{
    struct waiting_call *w = CONTAINER_OF(x->owner, struct waiting_call, call);
    struct engine *e = w->call.engine;

    w->call.gone = true;
    list_append(&e->gone, &w->link);
    engine_soon(e, engine_nothing, NULL);
}

/* Answered before any turn: nothing was decided, nothing needs a commit. */
static void refuse(struct engine *e, struct call *c)
{
    struct reply r = { 0 };

    e->stats.faults++;
    fault_encode(c->mem, c->service, c->protocol, &c->fault, c->request_id, query_mode(c), &r);
    add_content_type(&r);
    exchange_reply(c->x, r.status, buf_view(&r.headers), buf_view(&r.body));
    buf_done(&r.headers);
    buf_done(&r.body);
}

static bool too_large(struct call *c, const struct handler *h)
{
    size_t max = h->max_body_bytes != 0 ? h->max_body_bytes : ((size_t)1 << 20) + ((size_t)64 << 10);

    if (c->x->body.n <= max)
        return false;
    if (speaks_s3(c->service, c->protocol)) {
        call_fault(c, &error_request_entity_too_large, "Your proposed upload exceeds the maximum allowed size");
        fault_element(c->mem, &c->fault, "ProposedSize", arena_printf(c->mem, "%zu", c->x->body.n));
        fault_element(c->mem, &c->fault, "MaxSizeAllowed", arena_printf(c->mem, "%zu", max));
        return true;
    }
    call_fault(c, &error_request_entity_too_large, "Request must be smaller than %zu bytes for the %s operation", max, c->op->name);
    c->fault.bare = true;
    return true;
}

/* S3's part: the name in host and path as one path, and the body without its own chunks. */
static int open_s3(struct call *c, const struct route *route, struct request_parts *parts)
{
    int r = aws_chunked_open(c->mem, c->x, &c->fault);

    *parts = parts_of(c->x);
    parts->path = route->path;
    return r;
}

/* From the request to its operation, and to who asks: what a body of any length costs little. */
static int find_operation(struct engine *e, struct waiting_call *w)
{
    struct call *c = &w->call;
    struct request_parts parts = parts_of(c->x);
    struct route *route = &w->route;
    int r;

    r = gzip_body_open(c->mem, &parts, &c->protocol, &c->fault);
    if (r < 0) {
        c->request_id = request_id_new(c->mem, NULL, c->protocol);
        return r;
    }
    c->x->body = parts.body;
    r = router_find(e->o.router, c->mem, arena_z(c->mem, c->x->method), &parts, route, &c->fault);
    c->service = route->service;
    c->op = route->op;
    c->protocol = route->protocol;
    c->request_id = request_id_new(c->mem, c->service, c->protocol);
    if (r < 0)
        return r;
    if (identify(e, c, &parts) < 0)
        return -E_FAULT;
    if (e->o.admit != NULL && e->o.admit(c) < 0)
        return -E_FAULT;
    if (route->handler == NULL)
        return call_fault(c, &error_not_implemented, "Waybill does not implement %s (%s)", c->op->name, c->service->name);
    c->state = route->state;
    return 0;
}

/* The rest.  Touches nothing but the call and its exchange, and so may run on a pool thread. */
static int decode(struct waiting_call *w)
{
    struct call *c = &w->call;
    const struct route *route = &w->route;
    struct request_parts parts = parts_of(c->x);
    void *input = NULL;
    int r;

    if (!str_absent(route->path) && open_s3(c, route, &parts) < 0)
        return -E_FAULT;
    if (too_large(c, route->handler))
        return -E_FAULT;
    r = shape_decode(c->mem, c->service, c->op, c->protocol, &parts, &input, &c->fault);
    if (r == 0 && !route->checks_itself)
        r = shape_validate(c->mem, c->op, input, &c->fault);
    c->input = input;
    if (r == 0 && c->op->output != NULL)
        c->output = arena_alloc(c->mem, c->op->output->struct_size);
    return r;
}

static void run_decode(uv_work_t *work)
{
    struct waiting_call *w = work->data;

    w->decoded = decode(w);
}

/* A client that went meanwhile is on the list of those gone, until the next turn has looked at it. */
static void decoded(uv_work_t *work, int status UNUSED)
{
    struct waiting_call *w = work->data;
    struct call *c = &w->call;
    struct engine *e = c->engine;

    e->jobs--;
    if (w->decoded == 0) {
        engine_call(e, c, w->route.handler);
        return;
    }
    list_remove(&w->link);
    c->x->on_gone = NULL;
    refuse(e, c);
}

static void decode_elsewhere(struct engine *e, struct waiting_call *w)
{
    w->decoding.data = w;
    e->jobs++;
    CHECK(uv_queue_work(e->o.loop, &w->decoding, run_decode, decoded) == 0);
}

void engine_request(struct engine *e, struct exchange *x)
{
    struct waiting_call *w = ARENA_NEW(x->mem, struct waiting_call);
    struct call *c = &w->call;
    int64_t began_ns = clock_mono_ns();
    bool here;

    e->stats.requests++;
    c->mem = x->mem;
    c->x = x;
    c->engine = e;
    c->gate = e->o.gate.may != NULL ? &e->o.gate : NULL;
    w->decoded = find_operation(e, w);
    here = w->decoded < 0 || x->body.n <= DECODE_HERE_BYTES;
    if (w->decoded == 0 && here)
        w->decoded = decode(w);
    (void)engine_watch_call(e, began_ns, c);
    if (w->decoded < 0) {
        refuse(e, c);
        return;
    }
    x->owner = c;
    x->on_gone = gone;
    if (here)
        engine_call(e, c, w->route.handler);
    else
        decode_elsewhere(e, w);
}
