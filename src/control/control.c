/* control.c - the routes under /_waybill/, as rows. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypt.h"
#include "control/internal.h"
#include "control/tell.h"
#include "net/file_body.h"

#define MAX_BODY_BYTES 65536
#define MAX_JOURNEYS 1000
#define DEFAULT_JOURNEYS 20

void control_reply(struct exchange *x, int status, const struct buf *json)
{
    exchange_reply(x, status, STR("Content-Type: application/json\r\nCache-Control: no-store\r\n"),
                   buf_view(json));
}

void control_error(struct exchange *x, int status, const char *fmt, ...)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    jw_init(&w, &b);
    jw_object(&w);
    jw_kstr(&w, "error", buf_view(&text));
    jw_object_end(&w);
    control_reply(x, status, &b);
}

/* ---- health ---- */

static void health_counts(struct control *c, struct json_writer *w)
{
    struct async_counts n;
    struct runtime_counts r;
    struct engine_stats s;

    async_counts(c->o.async, &n);
    runtime_counts(c->o.runtime, &r);
    engine_stats(c->o.engine, &s);
    jw_key(w, STR("events"));
    jw_object(w);
    jw_ki64(w, "queued", (int64_t)n.queued);
    jw_ki64(w, "ready", (int64_t)n.ready);
    jw_ki64(w, "running", (int64_t)n.running);
    jw_ki64(w, "waiting", (int64_t)n.waiting);
    jw_object_end(w);
    jw_key(w, STR("environments"));
    jw_object(w);
    jw_ki64(w, "all", r.environments);
    jw_ki64(w, "idle", r.idle);
    jw_ki64(w, "busy", r.busy);
    jw_ki64(w, "starting", r.starting);
    jw_ki64(w, "started", (int64_t)r.started_total);
    jw_object_end(w);
    jw_key(w, STR("spawner")); /* the process that starts functions */
    jw_object(w);
    jw_kstr(w, "status", r.spawner_pid > 0 ? STR("ok") : STR("lost: another is being started"));
    jw_ki64(w, "pid", r.spawner_pid);
    jw_ki64(w, "restarts", (int64_t)r.spawner_restarts);
    jw_object_end(w);
    jw_key(w, STR("engine"));
    jw_object(w);
    jw_ki64(w, "turns", (int64_t)s.turns);
    jw_ki64(w, "requests", (int64_t)s.requests);
    jw_ki64(w, "faults", (int64_t)s.faults);
    jw_ki64(w, "commits", (int64_t)s.commits);
    jw_ki64(w, "longest_turn_us", s.longest_turn_us);
    jw_object_end(w);
    jw_key(w, STR("stalls"));
    jw_object(w);
    jw_ki64(w, "count", (int64_t)s.held);
    jw_ki64(w, "worst_us", s.worst_held_us);
    if (s.held > 0)
        jw_kstr(w, "worst", str_of(s.worst_held));
    jw_object_end(w);
}

/* Is it up, and what is it: all a probe wants.  Who is not the operator is told no more. */
static void health(struct control *c, struct exchange *x, struct str rest)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;
    struct str why;

    (void)rest;
    jw_init(&w, &b);
    jw_object(&w);
    jw_kstr(&w, "status", STR("ok"));
    jw_kstr(&w, "version", STR(WAYBILL_VERSION));
    if (!engine_operator_signed(c->o.engine, x, CONTROL_SIGNING_NAME, false, &why)) {
        jw_object_end(&w);
        control_reply(x, 200, &b);
        return;
    }
    jw_ki64(&w, "uptime_ms", (clock_mono_ns() - c->started_mono_ns) / 1000000);
    jw_kstr(&w, "isolation", str_of(runtime_isolation(c->o.runtime)));
    c->o.health(c->o.arg, &w);
    health_counts(c, &w);
    jw_object_end(&w);
    control_reply(x, 200, &b);
}

/* ---- journeys ---- */

static void journey_one(struct control *c, struct exchange *x, struct str id)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;
    struct journey j;

    if (async_journey(c->o.async, c->o.store, x->mem, id, &j) < 0 &&
        journey_get(c->o.store, x->mem, id, &j) < 0) {
        control_error(x, 404,
                      "No journey with the request id " STR_FMT
                      ": only asynchronous invocations have one, and it is "
                      "kept for %d days or %d events",
                      STR_ARG(id), (int)(JOURNEY_MAX_AGE_MS / 86400000), JOURNEY_MAX_ROWS);
        return;
    }
    jw_init(&w, &b);
    tell_journey(&w, &j);
    control_reply(x, 200, &b);
}

struct str control_query(struct arena *mem, struct str query, struct str name)
{
    struct str item, key;

    while (str_cut(&query, '&', &item)) {
        struct str value = item;

        if (!str_cut(&value, '=', &key) || !str_eq(key, name) || str_absent(value))
            continue;
        {
            CLEANUP(buf_done) struct buf b = { 0 };

            for (size_t i = 0; i < value.n; i++) {
                unsigned byte;

                if (value.p[i] == '%' && i + 2 < value.n && sscanf(value.p + i + 1, "%2x", &byte) == 1) {
                    buf_char(&b, (char)byte);
                    i += 2;
                } else {
                    buf_char(&b, value.p[i]);
                }
            }
            return buf_to_arena(&b, mem);
        }
    }
    return STR_NONE;
}

/* A bare name stands for the function in the default account, whatever the region. */
static bool function_matches(const struct journey *j, struct str function)
{
    ptrdiff_t colon = str_rfind(j->function_arn, ':');

    if (str_absent(function) || str_eq(j->function_arn, function))
        return true;
    return str_eq(str_sub(j->function_arn, (size_t)(colon + 1), j->function_arn.n), function);
}

static int newest_first(const void *a, const void *b)
{
    const struct journey *x = a, *y = b;

    return (x->seq < y->seq) - (x->seq > y->seq);
}

size_t control_journeys(struct control *c, struct arena *mem, struct str function, size_t limit,
                        struct journey *v)
{
    size_t n = 0, got;
    uint64_t before = 0;
    struct journey *page = arena_calloc(mem, MAX_JOURNEYS, sizeof(*page));

    got = async_journeys(c->o.async, c->o.store, mem, STR_NONE, page, MAX_JOURNEYS);
    for (size_t i = 0; i < got && n < limit; i++)
        if (function_matches(&page[i], function))
            v[n++] = page[i];
    while (n < limit && (got = journey_list(c->o.store, mem, STR_NONE, before, page, limit)) > 0) {
        for (size_t i = 0; i < got && n < limit; i++)
            if (function_matches(&page[i], function))
                v[n++] = page[i];
        before = page[got - 1].seq;
        if (arena_used_bytes(mem) > ((size_t)64 << 20))
            break;
    }
    qsort(v, n, sizeof(*v), newest_first);
    return n;
}

static void journeys(struct control *c, struct exchange *x, struct str rest)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct str limit_text = control_query(x->mem, x->query, STR("limit"));
    struct json_writer w;
    struct journey *v;
    int64_t limit = DEFAULT_JOURNEYS;
    size_t n;

    (void)rest;
    if (!str_absent(limit_text) &&
        (str_to_i64(limit_text, &limit) < 0 || limit < 1 || limit > MAX_JOURNEYS)) {
        control_error(x, 400, "limit is a number from 1 to %d", MAX_JOURNEYS);
        return;
    }
    v = arena_calloc(x->mem, (size_t)limit, sizeof(*v));
    n = control_journeys(c, x->mem, control_query(x->mem, x->query, STR("function")), (size_t)limit, v);
    jw_init(&w, &b);
    jw_object(&w);
    jw_key(&w, STR("journeys"));
    jw_array(&w);
    for (size_t i = 0; i < n; i++)
        tell_journey(&w, &v[i]);
    jw_array_end(&w);
    jw_object_end(&w);
    control_reply(x, 200, &b);
}

/* ---- reset ---- */

struct reset {
    struct control *c;
    struct exchange *x;
};

static void reset_done(void *arg)
{
    struct reset *r = arg;
    CLEANUP(buf_done) struct buf b = { 0 };

    fprintf(stderr, "event=reset from=" STR_FMT " signed_by=%s\n", STR_ARG(r->x->peer),
            engine_verifies(r->c->o.engine) ? "root" : "-");
    buf_z(&b, "{\"reset\":true}");
    r->x->on_gone = NULL;
    control_reply(r->x, 200, &b);
    free(r);
}

static void reset_turn(void *arg, struct turn *t)
{
    struct reset *r = arg;

    r->c->o.reset(r->c->o.arg, t);
    turn_after(t, reset_done, r);
}

static void reset(struct control *c, struct exchange *x, struct str rest)
{
    struct str body = str_trim(x->body);
    struct reset *r;

    (void)rest;
    if (body.n > 0 && !str_is(body, "{}")) {
        control_error(x, 400, "reset takes no options: it empties the whole server");
        return;
    }
    r = xcalloc(1, sizeof(*r));
    *r = (struct reset){ c, x };
    engine_soon(c->o.engine, reset_turn, r);
}

/* ---- packages ---- */

static void code(struct control *c, struct exchange *x, struct str sha)
{
    struct str path = arena_printf(x->mem, "%s/" STR_FMT "/package.zip", c->o.code_dir, STR_ARG(sha));
    struct stat st;
    int fd = hex_is_sha256(sha) ? open(path.p, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
        if (fd >= 0)
            close(fd);
        control_error(x, 404, "No package with this SHA-256");
        return;
    }
    exchange_reply_pieces(x, 200, STR("Content-Type: application/zip\r\n"), st.st_size,
                          file_body_new(c->o.loop, &(struct segment){ fd, 0, st.st_size }, 1, NULL));
}

/* ---- routes ---- */

static void get_clock(struct control *c, struct exchange *x, struct str rest)
{
    (void)rest;
    clock_get(c, x);
}
static void post_clock(struct control *c, struct exchange *x, struct str rest)
{
    (void)rest;
    clock_post(c, x);
}
static void get_explain(struct control *c, struct exchange *x, struct str rest)
{
    (void)rest;
    explain_get(c, x);
}
static void post_settle(struct control *c, struct exchange *x, struct str rest)
{
    (void)rest;
    settle_post(c, x);
}

static const struct control_route {
    const char *method, *path; /* a path that ends in '/' takes one more segment */
    void (*fn)(struct control *c, struct exchange *x, struct str rest);
    const char *parameters[2]; /* of the query; others are refused */
    bool open;                 /* also to who is not the operator */
} routes[] = {
    { "GET", "/_waybill/health", health, { NULL }, true },
    { "GET", "/_waybill/clock", get_clock, { NULL }, false },
    { "POST", "/_waybill/clock", post_clock, { NULL }, false },
    { "POST", "/_waybill/settle", post_settle, { NULL }, false },
    { "GET", "/_waybill/journeys", journeys, { "limit", "function" }, false },
    { "GET", "/_waybill/journeys/", journey_one, { NULL }, false },
    { "GET", "/_waybill/explain", get_explain, { "function", "request" }, false },
    { "POST", "/_waybill/reset", reset, { NULL }, false },
    { "GET",
      "/_waybill/code/",
      code,
      { NULL },
      true }, /* whoever knows the digest was told the package's address */
};

static bool path_fits(const struct control_route *r, struct str path, struct str *ret_rest)
{
    struct str want = str_of(r->path);

    *ret_rest = STR("");
    if (r->path[want.n - 1] != '/')
        return str_eq(path, want);
    *ret_rest = str_sub(path, want.n, path.n);
    return str_starts(path, want) && ret_rest->n > 0 && str_find(*ret_rest, '/') < 0;
}

/* The first parameter of the query that the route does not know; absent: none. */
static struct str unknown_parameter(const struct control_route *r, struct str query)
{
    struct str item, key;

    while (str_cut(&query, '&', &item)) {
        bool known = item.n == 0;

        (void)str_cut(&item, '=', &key);
        for (size_t i = 0; i < ARRAY_LEN(r->parameters) && r->parameters[i] != NULL; i++)
            known = known || str_is(key, r->parameters[i]);
        if (!known)
            return key;
    }
    return STR_NONE;
}

static void run_route(struct control *c, struct exchange *x, const struct control_route *r, struct str rest)
{
    struct str unknown = unknown_parameter(r, x->query), why;

    if (!r->open && !engine_operator_signed(c->o.engine, x, CONTROL_SIGNING_NAME, true, &why))
        control_error(x, 403, "This wants the signature of the root pair (waybill credentials): " STR_FMT,
                      STR_ARG(why));
    else if (str_absent(unknown))
        r->fn(c, x, rest);
    else
        control_error(x, 400, "\"" STR_FMT "\" is no parameter of %s %s", STR_ARG(unknown), r->method,
                      r->path);
}

bool control_is_path(struct str path)
{
    return str_starts(path, STR("/_waybill/")) || str_eq(path, STR("/_waybill"));
}

void control_request(struct control *c, struct exchange *x)
{
    bool known = false;
    struct str rest;

    if (x->body.n > MAX_BODY_BYTES) {
        control_error(x, 413, "At most %d bytes", MAX_BODY_BYTES);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!path_fits(&routes[i], x->path, &rest))
            continue;
        known = true;
        if (str_is(x->method, routes[i].method)) {
            run_route(c, x, &routes[i], rest);
            return;
        }
    }
    if (known)
        control_error(x, 405, STR_FMT " is not a method of " STR_FMT, STR_ARG(x->method), STR_ARG(x->path));
    else
        control_error(x, 404, "There is no " STR_FMT "; see `waybill --help`", STR_ARG(x->path));
}

struct control *control_new(const struct control_options *o)
{
    struct control *c = xcalloc(1, sizeof(*c));

    c->o = *o;
    c->started_mono_ns = clock_mono_ns();
    list_init(&c->waiters);
    uv_timer_init(o->loop, &c->tick);
    c->tick.data = c;
    return c;
}

struct control *control_free(struct control *c)
{
    free(c);
    return NULL;
}
