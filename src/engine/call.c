/* call.c - from a request to a call, from a handler's result to a held reply.
 *
 * True here: a call is answered once, inside a turn, or refused before any; its turn is set while its handler
 * runs and at no other time; what a client did wrong ends in a fault, never in a CHECK. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arn.h"
#include "base/header.h"
#include "engine/internal.h"
#include "engine/verify.h"
#include "net/file_body.h"
#include "wire/aws_chunked.h"
#include "wire/gzip_body.h"

#define DEFAULT_REGION "us-east-1"
#define CLIENT_CLOSED 499 /* never seen: the client is gone */

/* A longer body is decoded and checked on a pool thread: a MiB of small members takes a tenth of a second. */
#define DECODE_HERE_BYTES ((size_t)128 << 10)

/* A request: its call, and what else is known of it until the call stands in the inbox. */
struct entering {
    uint32_t magic;
#define ENTERING_MAGIC 0xe97e2140u
    struct call call;
    struct link link; /* among those whose client has gone */
    struct request_parts parts;
    struct route route;
    struct verification *v; /* NULL: nothing is verified */
    uv_work_t work;         /* a long body is hashed and decoded on the pool */
    int decoded;            /* there: 0 or -E_FAULT */
    int64_t began_ns;
};

/* ---- request -> call ---- */

static struct str header_of(const void *ctx, const char *name) { return exchange_header(ctx, name); }

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
    return (struct request_parts){ .path = x->path,
                                   .query = x->query,
                                   .body = x->body,
                                   .content_type = exchange_header(x, "content-type"),
                                   .header = header_of,
                                   .next_header = next_header_of,
                                   .ctx = x };
}

/* The one door for a region: what is not one goes no further, for it becomes part of names and keys. */
static int scope_refused(struct call *c)
{
    if (strcmp(c->service->name, "s3") == 0)
        return call_fault(c, &error_scope_s3, "The authorization header is malformed; the region is wrong");
    return call_fault(c, &error_scope, "Credential should be scoped to a valid region.");
}

static int be_caller(struct engine *e, struct call *c, struct str key, struct str region, struct str token)
{
    if (!str_empty(region) && !region_valid(region))
        return scope_refused(c);
    c->access_key = key;
    c->region = !str_empty(region) ? region : STR(DEFAULT_REGION);
    e->o.principal(e->o.principal_arg, c->mem, key, token, e->o.default_account,
                   clock_now(e->o.clock).wall_ms, &c->principal);
    c->account = c->principal.account;
    return 0;
}

/* Whoever names a key is believed to have it. */
static int identify(struct engine *e, struct call *c, const struct request_parts *parts)
{
    struct signature_scope s = signature_scope(c->mem, parts);

    return be_caller(e, c, s.access_key, s.region, s.token);
}

/* ---- who signed, and did he? ---- */

/* What AWS lets people do who sign nothing is said by the resource's own policy, and only these have one that
 * may. */
static bool knows_anonymous(const struct service_model *service)
{
    return strcmp(service->name, "s3") == 0 || strcmp(service->name, "sqs") == 0 ||
           strcmp(service->name, "sns") == 0;
}

static int be_anonymous(struct engine *e, struct call *c)
{
    c->principal = (struct principal){
        .kind = PRINCIPAL_ANONYMOUS, .account = STR(""), .arn = STR("anonymous"), .user_id = STR("Anonymous")
    };
    c->access_key = STR_NONE;
    c->account = e->o.default_account;
    c->region = STR(DEFAULT_REGION);
    return 0;
}

static int not_believed(struct entering *n, const struct refusal *r)
{
    struct call *c = &n->call;
    struct engine *e = c->engine;
    int result = refusal_fault(c->mem, c->service, c->protocol, r, &c->fault);

    refused_say(&e->refused, c->x, c->service->name, r->signature->key, c->fault.row->name);
    return result;
}

/* The caller is who was verified: the same reading of the request. */
static int verified(struct engine *e, struct entering *n)
{
    const struct sigv4 *s = &n->v->signature;
    struct refusal why;

    if (verify_end(n->call.mem, n->v, &why) != SIGV4_OK)
        return not_believed(n, &why);
    return be_caller(e, &n->call, s->key, s->region, s->token);
}

/* What the same client sent later waits behind it: what that does must not be done first. */
static void work_elsewhere(struct engine *e, struct entering *n, uv_work_cb run, uv_after_work_cb done)
{
    CHECK(n->work.data == NULL || !n->call.answered);
    n->work.data = n;
    e->jobs++;
    exchange_hold(n->call.x);
    CHECK(uv_queue_work(e->o.loop, &n->work, run, done) == 0);
}

static struct engine *back_on_the_loop(struct entering *n)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, n->call.engine);

    CHECK(e->jobs > 0);
    e->jobs--;
    engine_soon(e, engine_nothing, NULL); /* whoever waits for quiet looks again */
    n->began_ns = clock_mono_ns();
    return e;
}

static void hash_run(uv_work_t *work)
{
    sigv4_body_run(&CAST(struct entering, ENTERING_MAGIC, work->data)->v->body);
}

static void enter(struct engine *e, struct entering *n, int result);

/* The exchange, and with it the call, stays until it is answered, also when the client has gone. */
static void hash_done(uv_work_t *work, int status)
{
    struct entering *n = CAST(struct entering, ENTERING_MAGIC, work->data);
    struct engine *e = back_on_the_loop(n);

    (void)status;
    if (n->call.x->gone) {
        exchange_release(n->call.x);
        exchange_reply(n->call.x, CLIENT_CLOSED, STR(""), STR(""));
    } else {
        enter(e, n, verified(e, n));
    }
}

/* 0, -E_FAULT, or -E_WAIT: hash_done() goes on. */
static int verify(struct engine *e, struct entering *n)
{
    struct call *c = &n->call;
    enum sigv4_verdict v;

    n->v = ARENA_NEW(c->mem, struct verification);
    v = verify_begin(e->verify_keys, &e->o, c->x, c->service->scope, speaks_s3(c->service, c->protocol),
                     n->v);
    if (v == SIGV4_MISSING && knows_anonymous(c->service))
        return be_anonymous(e, c);
    if (v != SIGV4_OK)
        return not_believed(n, &(struct refusal){
                                   .verdict = v, .signature = &n->v->signature, .now_ms = n->v->now_ms });
    if (c->x->body.n <= VERIFY_ON_LOOP_BYTES || !sigv4_body_wanted(n->v->body.payload)) {
        sigv4_body_run(&n->v->body);
        return verified(e, n);
    }
    work_elsewhere(e, n, hash_run, hash_done);
    return -E_WAIT;
}

/* ---- replies ---- */

static struct held *hold(struct engine *e, struct call *c)
{
    struct replies *r = &e->replies;

    CHECK_IS(c, CALL_MAGIC);
    CHECK(c->engine == e && e->in_turn); /* outside of a turn no commit would let it go */
    CHECK(!c->answered);
    c->answered = true;
    c->turn = NULL;
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
    fprintf(stderr, "event=handler_failed request_id=" STR_FMT " operation=%s error=\"%s\"\n",
            STR_ARG(c->request_id), c->op->name, error_text(result));
    call_fault(c, &error_internal, "Waybill failed to handle the request; its log says why under id " STR_FMT,
               STR_ARG(c->request_id));
}

/* Also of a call that failed, so that its files are closed. */
void engine_take_files(struct engine *e, struct call *c, struct held *h)
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

int engine_result(struct call *c, int result)
{
    if (result == 0 && arena_overflowed(c->mem))
        return call_fault(c, &error_internal, "The request needs more memory than one request may use");
    if (result < 0 && (result != -E_FAULT || c->fault.row == NULL))
        internal_failure(c, result);
    return result < 0 ? -E_FAULT : 0;
}

static void answer(struct engine *e, struct call *c, int result)
{
    struct reply r = { 0 };
    struct held *h;

    result = engine_result(c, result);
    if (result < 0)
        e->stats.faults++;
    encode(c, result, &r);
    h = hold(e, c);
    h->status = r.status;
    h->headers = r.headers;
    h->body = r.body;
    h->head_bytes = r.head_bytes;
    engine_take_files(e, c, h);
    if (result < 0)
        drop_source(h);
}

void call_reply(struct call *c, int result)
{
    CHECK_IS(c, CALL_MAGIC);
    CHECK(result != -E_WAIT);
    if (c->inner)
        engine_inner_done(CAST(struct engine, ENGINE_MAGIC, c->engine), c, result);
    else
        answer(CAST(struct engine, ENGINE_MAGIC, c->engine), c, result);
}

/* With on_gone the waiter forgets the call and it ends here; without, its answer will come and be thrown
 * away. */
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

bool engine_perform(struct turn *t, struct call *c, const struct handler *h, int *ret_result)
{
    int result;

    CHECK_IS(t, TURN_MAGIC);
    CHECK_IS(c, CALL_MAGIC);
    CHECK(c->turn == NULL && c->op != NULL && c->service != NULL);
    c->turn = t;
    c->now = t->now;
    result = h->fn(c, c->input, c->output);
    c->turn = NULL;
    if (result < 0 && result != -E_WAIT && (result != -E_FAULT || c->fault.row == NULL))
        store_spoil(t->store); /* nobody knows what it had written */
    *ret_result = result;
    return result != -E_WAIT;
}

void engine_handle(struct engine *e, struct turn *t, struct call *c, const struct handler *h)
{
    int result;

    if (engine_perform(t, c, h, &result))
        answer(e, c, result);
    else if (c->gone)
        drop(e, t, c);
}

/* Clients that closed since the last turn: who waits for them may forget them. */
void engine_handle_gone(struct engine *e, struct turn *t)
{
    struct link *k;

    while ((k = list_pop(&e->gone)) != NULL)
        drop(e, t, &CONTAINER_OF(k, struct entering, link)->call);
}

void engine_replies_send(struct engine *e)
{
    for (size_t i = 0; i < e->replies.n; i++) {
        struct held *h = &e->replies.v[i];
        struct exchange *x = h->x;

        CHECK_IS(h->call, CALL_MAGIC);
        CHECK(h->call->x == x && h->call->turn == NULL && h->status > 0);
        x->on_gone = NULL;
        struct str body = buf_view(&h->body);
        if (h->head_bytes > 0 && str_is(x->method, "HEAD"))
            body.n = h->head_bytes;        /* net tells the length of a body it does not look at */
        buf_done(&h->call->extra_headers); /* before the reply: it may end the call's memory */
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

        CHECK_IS(h->call, CALL_MAGIC);
        drop_source(h);
        buf_done(&h->headers);
        buf_done(&h->body);
        call_fault(h->call, &error_internal, "The change could not be made durable and was not made");
        fault_encode(h->call->mem, h->call->service, h->call->protocol, &h->call->fault, h->call->request_id,
                     query_mode(h->call), &r);
        add_content_type(&r);
        *h = (struct held){
            .x = h->x, .call = h->call, .status = r.status, .headers = r.headers, .body = r.body
        };
    }
}

/* ---- request ---- */

int64_t engine_watch_call(struct engine *e, int64_t began_ns, const struct call *c)
{
    struct str service = c->service != NULL ? str_of(c->service->name) : STR("waybill");

    return watch_piece(&e->watch, began_ns, service, c->op != NULL ? str_of(c->op->name) : STR("request"),
                       c->request_id);
}

static void gone(struct exchange *x)
{
    struct call *c = CAST(struct call, CALL_MAGIC, x->owner);
    struct entering *n = CONTAINER_OF(c, struct entering, call);
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, c->engine);

    CHECK_IS(n, ENTERING_MAGIC);
    CHECK(!c->gone && c->x == x);
    n->call.gone = true;
    list_append(&e->gone, &n->link);
    engine_soon(e, engine_nothing, NULL);
}

/* Answered before any turn: nothing was decided, nothing needs a commit. */
static void refuse(struct engine *e, struct call *c)
{
    struct reply r = { 0 };

    CHECK(!c->answered && c->turn == NULL && c->fault.row != NULL);
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
        call_fault(c, &error_request_entity_too_large,
                   "Your proposed upload exceeds the maximum allowed size");
        fault_element(c->mem, &c->fault, "ProposedSize", arena_printf(c->mem, "%zu", c->x->body.n));
        fault_element(c->mem, &c->fault, "MaxSizeAllowed", arena_printf(c->mem, "%zu", max));
        return true;
    }
    call_fault(c, &error_request_entity_too_large,
               "Request must be smaller than %zu bytes for the %s operation", max, c->op->name);
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

/* Which operation, in which protocol.  The body stays as it came: what was signed are those bytes. */
static int find(struct engine *e, struct entering *n)
{
    struct call *c = &n->call;
    int r;

    n->parts = parts_of(c->x);
    r = gzip_body_open(c->mem, &n->parts, &c->protocol, &c->fault);
    if (r < 0) {
        c->request_id = request_id_new(c->mem, NULL, c->protocol);
        return r;
    }
    r = router_find(e->o.router, c->mem, arena_z(c->mem, c->x->method), &n->parts, &n->route, &c->fault);
    c->service = n->route.service;
    c->op = n->route.op;
    c->protocol = n->route.protocol;
    c->request_id = request_id_new(c->mem, c->service, c->protocol);
    return r;
}

int engine_admit(struct engine *e, struct call *c, const struct route *route)
{
    if (e->o.admit != NULL && e->o.admit(c) < 0)
        return -E_FAULT;
    if (route->handler == NULL)
        return call_fault(c, &error_not_implemented, "Waybill does not implement %s (%s)", c->op->name,
                          c->service->name);
    c->state = route->state;
    return 0;
}

int engine_decode(struct call *c, const struct route *route, const struct request_parts *parts)
{
    void *input = NULL;
    int r = shape_decode(c->mem, c->service, c->op, c->protocol, parts, &input, &c->fault);

    if (r == 0 && !route->checks_itself)
        r = shape_validate(c->mem, c->op, input, &c->fault);
    c->input = input;
    if (r == 0 && c->op->output != NULL)
        c->output = arena_alloc(c->mem, c->op->output->struct_size);
    return r;
}

/* Touches nothing but the call and its exchange, and so may run on a pool thread. */
static int decode(struct entering *n)
{
    struct call *c = &n->call;
    const struct route *route = &n->route;

    if (!str_absent(route->path) && open_s3(c, route, &n->parts) < 0)
        return -E_FAULT;
    if (too_large(c, route->handler))
        return -E_FAULT;
    return engine_decode(c, route, &n->parts);
}

static void decode_run(uv_work_t *work)
{
    struct entering *n = CAST(struct entering, ENTERING_MAGIC, work->data);

    n->decoded = decode(n);
}

/* A client that went meanwhile is on the list of those gone, until the next turn has looked at it. */
static void decode_done(uv_work_t *work, int status UNUSED)
{
    struct entering *n = CAST(struct entering, ENTERING_MAGIC, work->data);
    struct engine *e = back_on_the_loop(n);

    CHECK(n->decoded <= 0 && n->decoded != -E_WAIT);
    if (n->decoded == 0) {
        engine_call(e, &n->call, n->route.handler);
        exchange_release(n->call.x);
        return;
    }
    list_remove(&n->link);
    n->call.x->on_gone = NULL;
    exchange_release(n->call.x);
    refuse(e, &n->call);
}

/* The caller is known (0), or refused. */
static void enter(struct engine *e, struct entering *n, int result)
{
    struct call *c = &n->call;
    bool here = n->parts.body.n <= DECODE_HERE_BYTES;

    CHECK_IS(n, ENTERING_MAGIC);
    CHECK(result == 0 || c->fault.row != NULL);
    if (result == 0) {
        c->x->body = n->parts.body;
        result = engine_admit(e, c, &n->route);
    }
    if (result == 0 && here)
        result = decode(n);
    (void)engine_watch_call(e, n->began_ns, c);
    if (result < 0) {
        exchange_release(c->x);
        refuse(e, c);
        return;
    }
    c->x->owner = c;
    c->x->on_gone = gone;
    if (!here) {
        work_elsewhere(e, n, decode_run, decode_done);
        return;
    }
    engine_call(e, c, n->route.handler);
    exchange_release(c->x);
}

void engine_request(struct engine *e, struct exchange *x)
{
    struct entering *n = ARENA_NEW(x->mem, struct entering);
    struct call *c = &n->call;
    int r;

    CHECK_IS(e, ENGINE_MAGIC);
    CHECK(e->o.router != NULL);
    e->stats.requests++;
    n->magic = ENTERING_MAGIC;
    c->magic = CALL_MAGIC;
    n->began_ns = clock_mono_ns();
    c->mem = x->mem;
    c->x = x;
    c->engine = e;
    c->gate = e->o.gate.may != NULL ? &e->o.gate : NULL;
    r = find(e, n);
    if (r == 0)
        r = e->verify_keys != NULL ? verify(e, n) : identify(e, c, &n->parts);
    if (r == -E_WAIT)
        (void)engine_watch_call(e, n->began_ns, c);
    else
        enter(e, n, r);
}

bool engine_verifies(const struct engine *e) { return e->verify_keys != NULL; }

bool engine_operator_signed(struct engine *e, const struct exchange *x, const char *service, bool must,
                            struct str *ret_why)
{
    const struct service_model nobody = { .name = service, .scope = service };
    struct verification v;
    struct refusal why;
    struct principal p;
    struct fault f = { 0 };
    enum sigv4_verdict verdict;

    if (e->verify_keys == NULL)
        return true;
    verdict = verify_begin(e->verify_keys, &e->o, x, service, false, &v);
    why = (struct refusal){ .verdict = verdict, .signature = &v.signature, .now_ms = v.now_ms };
    if (verdict == SIGV4_OK) {
        sigv4_body_run(&v.body);
        verdict = verify_end(x->mem, &v, &why);
    }
    if (verdict != SIGV4_OK) {
        refusal_fault(x->mem, &nobody, PROTO_REST_JSON, &why, &f);
        if (must || verdict != SIGV4_MISSING)
            refused_say(&e->refused, x, service, v.signature.key, f.row->name);
        *ret_why = f.message;
        return false;
    }
    e->o.principal(e->o.principal_arg, x->mem, v.signature.key, v.signature.token, e->o.default_account,
                   clock_now(e->o.clock).wall_ms, &p);
    if (p.kind == PRINCIPAL_OPERATOR)
        return true;
    refused_say(&e->refused, x, service, v.signature.key, "NotTheOperator");
    *ret_why = STR("A role's session is not the operator.");
    return false;
}
