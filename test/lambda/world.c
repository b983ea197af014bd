#define WORLD_ITSELF
#include "world.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/crypt.h"
#include "net/exchange.h"
#include "wire/route.h"
#include "wire/shape.h"

struct world *world_now;

/* ---- what the engine, the queue and the runtime would be ---- */

static void t_after(void *e, void (*fn)(void *), void *arg)
{
    (void)e;
    fn(arg);
}
static void t_timer_set(void *e, struct timer *t, int64_t at)
{
    (void)e;
    (void)t;
    (void)at;
}
static void t_timer_cancel(void *e, struct timer *t)
{
    (void)e;
    (void)t;
}
static void t_work(void *e, void (*job)(void *), void (*done)(void *, struct turn *), void *arg)
{
    struct world *w = e;

    CHECK(w->n_jobs < ARRAY_LEN(w->jobs));
    w->jobs[w->n_jobs++] = (struct pending){ done, job, arg };
}
static void *t_real_timer(void *e, int64_t in_ms, void (*fn)(void *, struct turn *), void *arg)
{
    struct world *w = e;

    CHECK(in_ms == READY_AFTER_MS);
    for (size_t i = 0; i < ARRAY_LEN(w->timers); i++)
        if (w->timers[i].fn == NULL) {
            w->timers[i] = (struct pending){ fn, NULL, arg };
            w->n_timers++;
            return &w->timers[i];
        }
    CHECK(false);
}
static void t_real_timer_cancel(void *e, void *handle)
{
    struct world *w = e;

    *(struct pending *)handle = (struct pending){ NULL, NULL, NULL };
    w->n_timers--;
}
static void t_soon(void *e, void (*fn)(void *, struct turn *), void *arg)
{
    (void)e;
    (void)fn;
    (void)arg;
    CHECK(false);
}
static void t_busy(void *e, int delta)
{
    (void)e;
    (void)delta;
}
static const struct turn_ops ops = { .timer_set = t_timer_set,
                                     .timer_cancel = t_timer_cancel,
                                     .after = t_after,
                                     .work = t_work,
                                     .real_timer = t_real_timer,
                                     .real_timer_cancel = t_real_timer_cancel,
                                     .soon = t_soon,
                                     .busy = t_busy };

static void x_start(void *arg, struct execution *e)
{
    struct world *w = arg;

    CHECK(w->n_started < ARRAY_LEN(w->started));
    w->started[w->n_started++] = e;
}
static unsigned x_capacity(void *arg, const struct code *c)
{
    (void)arg;
    (void)c;
    return 1;
}
static void x_retire(void *arg, struct code *c)
{
    CHECK(c->magic == CODE_MAGIC);
    ((struct world *)arg)->n_retired++;
}

void async_slots_freed(struct async *a) { (void)a; }

int async_accept(struct async *a, struct turn *t, const struct async_request *r, char ret_id[UUID_TEXT + 1])
{
    struct world *w = world_now;

    (void)a;
    if (w->accept_rc != 0)
        return w->accept_rc;
    w->accepted[w->n_accepted++ % ARRAY_LEN(w->accepted)] =
        (struct accepted){ arena_str(w->mem, r->to.name), arena_str(w->mem, r->to.qualifier),
                           arena_str(w->mem, r->payload), arena_str(w->mem, r->trace_header),
                           arena_str(w->mem, r->source),  r->type };
    uuid_of_seq(ret_id, store_next_id(t->store));
    return 0;
}

static int p_store(const char *dir, struct str zip, char hex[65], char b64[45], int64_t *zipped,
                   int64_t *unzipped)
{
    struct arena *a = arena_new(0);
    struct digest d = sha256_of(zip);

    (void)dir;
    if (!str_starts(zip, STR("PK"))) {
        arena_free(a);
        return -E_INVALID;
    }
    if (str_find_str(zip, STR("BOMB")) >= 0) {
        arena_free(a);
        return -E_LIMIT;
    }
    struct str h = hex_str(a, &d), b = base64_str(a, str_make((const char *)d.b, d.n));
    memcpy(hex, h.p, h.n);
    hex[h.n] = '\0';
    memcpy(b64, b.p, b.n);
    b64[b.n] = '\0';
    *zipped = (int64_t)zip.n;
    *unzipped = (int64_t)zip.n;
    arena_free(a);
    return 0;
}

static enum role_state r_state(void *arg, struct str role)
{
    (void)role;
    return ((struct world *)arg)->role_state;
}
static enum role_verdict r_may(void *arg, struct str role, const char *action, const struct resource *what,
                               struct now now, struct buf *why)
{
    struct world *w = arg;

    (void)now;
    (void)why;
    w->asked = (struct asked){ arena_str(w->mem, role), action, arena_str(w->mem, what->arn), what->policy };
    return w->denied_action == NULL || strcmp(action, w->denied_action) == 0 ? w->role_verdict : ROLE_ALLOWED;
}
/* Two objects: bucket/code.zip, and its version v2. */
static int p_read_object(void *arg, struct store *s, struct arena *a, struct str bucket, struct str key,
                         struct str version, struct str *ret, struct buf *why)
{
    (void)s;
    (void)arg;
    if (!str_is(bucket, "bucket")) {
        buf_z(why, "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The "
                   "specified bucket does not exist");
        return -E_NOT_FOUND;
    }
    if (!str_is(key, "code.zip")) {
        buf_z(why, "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The "
                   "specified key does not exist.");
        return -E_NOT_FOUND;
    }
    *ret = arena_str(a, str_is(version, "v2") ? STR("PK of v2") : STR("PK"));
    return 0;
}
static void q_find(struct door *d) { d->state = ((struct world *)d->sink->arg)->queue_state; }

/* ---- the world ---- */

struct world *world_new(void)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct buf why = { 0 };

    w->mem = arena_new(0);
    strcpy(w->dir, "/tmp/waybill-test-lambda-XXXXXX");
    CHECK(mkdtemp(w->dir) != NULL);
    if (store_open(&(struct store_options){ .dir = w->dir, .ephemeral = true }, &w->store, &why) != 0)
        printf("%s\n", why.p);
    CHECK(w->store != NULL);
    buf_done(&why);
    w->turn = (struct turn){
        .magic = TURN_MAGIC, .store = w->store, .now = { 1789400786443, 1 }, .ops = &ops, .engine = w
    };
    w->sinks.role_may = r_may;
    w->sinks.role_arg = w;
    w->l = lambda_new(&(struct lambda_options){
        .executor = { w, x_start, x_capacity, x_retire },
        .sinks = &w->sinks,
        .packages = { .code_dir = "/nowhere", .store = p_store, .read_object = p_read_object, .read_arg = w },
        .account_concurrency = 1000,
        .role_state = r_state,
        .role_arg = w });
    struct sink self = lambda_sink(w->l);
    sinks_add(&w->sinks, &self);
    static const char *const others[][3] = { { "sqs", "sqs:SendMessage", "SendMessage" },
                                             { "sns", "sns:Publish", "Publish" },
                                             { "events", "events:PutEvents", "PutEvents" },
                                             { "s3", "s3:PutObject", "PutObject" } };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        sinks_add(&w->sinks, &(struct sink){ .service = others[i][0],
                                             .action = others[i][1],
                                             .action_name = others[i][2],
                                             .by_object = strcmp(others[i][0], "s3") == 0,
                                             .find = q_find,
                                             .arg = w });
    w->service = lambda_service(w->l);
    const struct service *all[] = { &w->service };
    w->router = router_new(all, 1);
    lambda_load(w->l, &w->turn);
    w->principal = (struct principal){ .kind = PRINCIPAL_OPERATOR,
                                       .account = STR("111111111111"),
                                       .arn = STR("arn:aws:iam::111111111111:root") };
    w->region = STR("us-east-1");
    world_now = w;
    return w;
}

struct world *world_free(struct world *w)
{
    char cmd[96];

    registry_check(w->l);
    lambda_free(w->l);
    router_free(w->router);
    store_close(w->store);
    arena_free(w->mem);
    snprintf(cmd, sizeof cmd, "rm -rf %s", w->dir);
    if (system(cmd) != 0)
        printf("cannot remove %s\n", w->dir);
    free(w);
    return NULL;
}

void world_reload(struct world *w)
{
    CHECK(store_commit(w->store) == 0);
    registry_check(w->l);
    lambda_load(w->l, &w->turn);
    registry_check(w->l);
}

/* ---- requests ---- */

static struct str x_header(const void *ctx, const char *name)
{
    const struct exchange *x = ctx;
    struct str found = STR_NONE;

    for (size_t i = 0; i < x->n_headers; i++)
        if (str_eq_nocase(x->headers[i].name, str_of(name)))
            found = x->headers[i].value;
    return found;
}

static bool x_next(const void *ctx, size_t *at, struct str *name, struct str *value)
{
    const struct exchange *x = ctx;

    if (*at >= x->n_headers)
        return false;
    *name = x->headers[*at].name;
    *value = x->headers[(*at)++].value;
    return true;
}

static struct str masked(struct arena *a, int status, struct str body)
{
    struct buf b = { 0 };
    regex_t re;
    regmatch_t m;
    const char *p = arena_z(a, body);

    CHECK(regcomp(&re, "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", REG_EXTENDED) == 0);
    buf_printf(&b, "%d ", status);
    while (regexec(&re, p, 1, &m, 0) == 0) {
        buf_add(&b, p, (size_t)m.rm_so);
        buf_z(&b, "<uuid>");
        p += m.rm_eo;
    }
    buf_z(&b, p);
    regfree(&re);
    struct str s = buf_to_arena(&b, a);
    buf_done(&b);
    return s;
}

static void finish(struct answer *a, int rc)
{
    struct call *c = a->c;
    struct reply r = { 0 };

    if (rc != 0 && rc != -E_FAULT)
        call_fault(c, &error_internal, "rc %d", rc);
    if (rc != 0)
        fault_encode(c->mem, c->service, c->protocol, &c->fault, c->request_id, false, &r);
    else if (c->raw) {
        r.status = c->status != 0 ? c->status : c->op->status;
        buf_str(&r.body, c->raw_body);
    } else
        shape_encode(c->mem, c->service, c->op, c->protocol, c->output, c->request_id, &r);
    buf_str(&r.headers, buf_view(&c->extra_headers));
    buf_printf(&r.headers, "x-amzn-RequestId: " STR_FMT "\r\n", STR_ARG(c->request_id));
    a->waiting = false;
    a->status = r.status;
    a->headers = buf_to_arena(&r.headers, world_now->mem);
    a->body = buf_to_arena(&r.body, world_now->mem);
    a->shown = masked(world_now->mem, r.status, a->body);
    buf_done(&r.headers);
    buf_done(&r.body);
    buf_done(&c->extra_headers);
}

void call_reply(struct call *c, int result) { finish(c->engine, result); }

struct answer *ask(struct world *w, const char *method, const char *target, const char *headers,
                   struct str body)
{
    struct arena *m = w->mem;
    struct exchange *x = ARENA_NEW(m, struct exchange);
    struct call *c = ARENA_NEW(m, struct call);
    struct answer *a = ARENA_NEW(m, struct answer);
    struct str path = str_of(target), query = STR(""), lines = str_of(headers), line;
    ptrdiff_t mark = str_find(path, '?');
    struct route route = { 0 };
    void *input = NULL;

    if (mark >= 0) {
        query = str_sub(path, (size_t)mark + 1, path.n);
        path = str_sub(path, 0, (size_t)mark);
    }
    x->headers = arena_calloc(m, 16, sizeof *x->headers);
    x->headers[x->n_headers++] = (struct header){ STR("Host"), STR("127.0.0.1:4566") };
    while (!str_absent(lines) && str_cut(&lines, '\n', &line)) {
        ptrdiff_t colon = str_find(line, ':');

        if (colon > 0)
            x->headers[x->n_headers++] =
                (struct header){ str_sub(line, 0, (size_t)colon),
                                 str_trim(str_sub(line, (size_t)colon + 1, line.n)) };
    }
    x->body = body;
    struct request_parts parts = { .path = path,
                                   .query = query,
                                   .body = body,
                                   .content_type = STR_NONE,
                                   .header = x_header,
                                   .next_header = x_next,
                                   .ctx = x };
    *c = (struct call){ .magic = CALL_MAGIC,
                        .mem = m,
                        .x = x,
                        .turn = &w->turn,
                        .now = w->turn.now,
                        .region = w->region,
                        .account = STR("111111111111"),
                        .principal = w->principal,
                        .gate = w->gate,
                        .request_id = uuid_str(m),
                        .state = w->l,
                        .engine = a };
    a->c = c;
    w->last = a;
    int rc = router_find(w->router, m, method, &parts, &route, &c->fault);
    c->service = route.service;
    c->op = route.op;
    c->protocol = route.protocol;
    if (rc == 0 && route.handler == NULL)
        rc = call_fault(c, &error_not_implemented, "no handler");
    if (rc == 0)
        rc = shape_decode(m, c->service, c->op, c->protocol, &parts, &input, &c->fault);
    if (rc == 0)
        rc = shape_validate(m, c->op, input, &c->fault);
    c->input = input;
    c->output = rc == 0 && c->op->output != NULL ? arena_alloc(m, c->op->output->struct_size) : NULL;
    if (rc == 0)
        rc = route.handler->fn(c, c->input, c->output);
    if (rc == -E_WAIT)
        a->waiting = true;
    else
        finish(a, rc);
    registry_check(w->l);
    return a;
}

struct answer *ask_z(struct world *w, const char *method, const char *target, const char *body)
{
    return ask(w, method, target, NULL, str_of(body == NULL ? "" : body));
}

void world_run_jobs(struct world *w)
{
    for (size_t i = 0; i < w->n_jobs; i++) {
        w->jobs[i].job(w->jobs[i].arg);
        w->jobs[i].fn(w->jobs[i].arg, &w->turn);
    }
    w->n_jobs = 0;
    registry_check(w->l);
}

void world_run_timers(struct world *w)
{
    for (size_t i = 0; i < ARRAY_LEN(w->timers); i++) {
        struct pending p = w->timers[i];

        if (p.fn == NULL)
            continue;
        w->timers[i] = (struct pending){ NULL, NULL, NULL };
        w->n_timers--;
        p.fn(p.arg, &w->turn);
    }
    registry_check(w->l);
}

void world_function(struct world *w, const char *name)
{
    struct str body =
        arena_printf(w->mem,
                     "{\"FunctionName\":\"%s\",\"Runtime\":\"python3.12\",\"Handler\":\"index.handler\","
                     "\"Role\":\"arn:aws:iam::111111111111:role/r\",\"Code\":{\"ZipFile\":\"UEsDBA==\"}}",
                     name);
    struct answer *a = ask(w, "POST", "/2015-03-31/functions", NULL, body);

    world_run_jobs(w);
    world_run_timers(w);
    CHECK(a->status == 201);
}

void world_finish(struct world *w, size_t i, enum outcome_kind kind, const char *payload)
{
    struct outcome o = {
        .kind = kind, .payload = str_of(payload), .why = str_of(payload), .log_tail = STR("START\nEND\n")
    };

    w->started[i]->done(w->started[i], &o, &w->turn);
}

struct str header_in(const struct answer *a, const char *name)
{
    struct str lines = a->headers, line;

    while (str_cut(&lines, '\n', &line)) {
        ptrdiff_t colon = str_find(line, ':');

        if (colon > 0 && str_eq_nocase(str_sub(line, 0, (size_t)colon), str_of(name)))
            return str_trim(str_sub(line, (size_t)colon + 1, line.n - (str_ends(line, STR("\r")) ? 1 : 0)));
    }
    return STR_NONE;
}
