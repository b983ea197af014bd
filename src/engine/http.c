/* http.c - requests that leave the server (turn_ops.http).
 *
 *   NEW ──commit──> IN LINE ──a place is free──> RUNNING (pool thread) ──> done() in a turn
 *    └──commit failed: forgotten, nobody is told: the turn never was
 *
 * True here: at most RUNNING_MOST requests hold a pool thread, so that packages and files find one, too; a
 * request owns copies of everything; every request not yet done counts as a job, so the server is not quiet.
 * Past LINE_MOST a request is answered at once: no status, and a sentence.  The line here is one for all:
 * whoever posts to endpoints of others sees to it that one that hangs cannot take every place
 * (service/sns/line.h).
 *
 * When the process ends, running requests are told to stop: libuv waits for its threads. */
#include <stdlib.h>

#include "engine/internal.h"
#include "net/client.h"

#define POOL_THREADS "40" /* libuv's 4 are too few when endpoints are slow */
#define RUNNING_MOST 32
#define LINE_MOST 10000
#define REPLY_BYTES_MOST 65536 /* of a reply, whose text only serves sentences */

struct request {
    uint32_t magic;
#define REQUEST_MAGIC 0x4e90e570u
    struct link link; /* in new, line or running */
    uv_work_t work;
    struct engine *engine;
    struct buf url, headers, body, reply, why;
    int64_t timeout_ms;
    int status, error;
    bool refused;
    void (*done)(void *arg, struct turn *t, int status, struct str body);
    void *arg;
};

struct http {
    struct list new, line, running;
    size_t n_line, n_running;
    bool asked; /* go() stands among the turn's effects */
};

static volatile bool stopping;

static void stop_running(void) { stopping = true; }

static void request_free(struct request *r)
{
    CHECK_IS(r, REQUEST_MAGIC);
    r->magic = 0;
    list_remove(&r->link);
    buf_done(&r->url);
    buf_done(&r->headers);
    buf_done(&r->body);
    buf_done(&r->reply);
    buf_done(&r->why);
    free(r);
}

/* ---- on the pool ---- */

static void run(uv_work_t *work)
{
    struct request *r = CAST(struct request, REQUEST_MAGIC, work->data);
    const struct client_post q = { .url = buf_view(&r->url),
                                   .method = "POST",
                                   .headers = buf_view(&r->headers),
                                   .body = buf_view(&r->body),
                                   .whole_ms = r->timeout_ms,
                                   .most_bytes = REPLY_BYTES_MOST,
                                   .stop = &stopping };

    r->error = client_post(&q, &r->reply, &r->status, &r->why);
    if (r->error != 0 && r->error != -E_LIMIT)
        r->status = 0; /* half an answer is none; too long a one is */
}

/* ---- on the loop ---- */

static void tell(void *arg, struct turn *t)
{
    struct request *r = CAST(struct request, REQUEST_MAGIC, arg);

    CHECK_IS(t, TURN_MAGIC);
    CHECK(r->engine->jobs > 0 && link_on(&r->link));
    r->engine->jobs--;
    list_remove(&r->link);
    r->done(r->arg, t, r->status, r->status == 0 ? buf_view(&r->why) : buf_view(&r->reply));
    request_free(r);
}

static void pump(struct engine *e);

static void ran(uv_work_t *work, int status)
{
    struct request *r = CAST(struct request, REQUEST_MAGIC, work->data);

    (void)status;
    CHECK(r->engine->http->n_running > 0);
    r->engine->http->n_running--;
    engine_soon(r->engine, tell, r);
    pump(r->engine);
}

static void pump(struct engine *e)
{
    struct http *h = e->http;
    struct link *k;

    while (h->n_running < RUNNING_MOST && (k = list_pop(&h->line)) != NULL) {
        struct request *r = CONTAINER_OF(k, struct request, link);

        CHECK_IS(r, REQUEST_MAGIC);
        CHECK(h->n_line > 0);
        h->n_line--;
        h->n_running++;
        list_append(&h->running, &r->link);
        CHECK(uv_queue_work(e->o.loop, &r->work, run, ran) == 0);
    }
}

/* The turn is committed. */
static void go(void *arg)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, arg);
    struct http *h = e->http;
    struct link *k;

    CHECK(h->asked && !e->in_turn);
    h->asked = false;
    while ((k = list_pop(&h->new)) != NULL) {
        struct request *r = CONTAINER_OF(k, struct request, link);

        if (h->n_line < LINE_MOST) {
            h->n_line++;
            list_append(&h->line, &r->link);
            continue;
        }
        buf_printf(&r->why, "%d requests stand in line already", LINE_MOST);
        list_append(&h->running, &r->link);
        engine_soon(e, tell, r);
    }
    pump(e);
}

void engine_http(void *engine, const struct http_post *p,
                 void (*done)(void *arg, struct turn *t, int status, struct str body), void *arg)
{
    struct engine *e = CAST(struct engine, ENGINE_MAGIC, engine);
    struct request *r = xcalloc(1, sizeof(*r));

    CHECK(done != NULL && p->timeout_ms > 0 && !str_empty(p->url));
    r->magic = REQUEST_MAGIC;
    r->engine = e;
    r->work.data = r;
    r->timeout_ms = p->timeout_ms;
    r->done = done;
    r->arg = arg;
    buf_str(&r->url, p->url);
    buf_str(&r->headers, p->headers);
    buf_str(&r->body, p->body);
    list_append(&e->http->new, &r->link);
    e->jobs++;
    if (!e->http->asked)
        engine_after(e, go, e);
    e->http->asked = true;
}

void engine_http_forget(struct engine *e)
{
    struct link *k;

    while ((k = list_pop(&e->http->new)) != NULL) {
        request_free(CONTAINER_OF(k, struct request, link));
        e->jobs--;
    }
    e->http->asked = false;
}

struct http *engine_http_new(void)
{
    struct http *h = xcalloc(1, sizeof(*h));

    list_init(&h->new);
    list_init(&h->line);
    list_init(&h->running);
    (void)setenv("UV_THREADPOOL_SIZE", POOL_THREADS, 0); /* read when the first job comes */
    (void)atexit(stop_running);
    return h;
}

/* Those that run belong to their threads; who frees an engine has run the loop until nothing did. */
struct http *engine_http_free(struct http *h)
{
    struct list *const lists[] = { &h->new, &h->line, &h->running };

    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (struct link *k; (k = list_pop(lists[i])) != NULL;)
            request_free(CONTAINER_OF(k, struct request, link));
    free(h);
    return NULL;
}
