/* settle.c - waiting until the server is quiet, and walking the clock from one due work to the next.
 *
 * Quiet: no request or job in the inbox or on the pool, no execution running, no event ready, nothing due. */
#include <stdlib.h>

#include "control/internal.h"

#define DEFAULT_TIMEOUT_MS 30000
#define MAX_TIMEOUT_MS 3600000
#define TICK_MS 20

struct waiter {
    struct link link;
    struct exchange *x;
    bool walk;    /* move the clock to due work */
    bool bounded; /* advance: by limit_ms in all, then answer with the clock */
    int64_t limit_ms, advanced_ms;
    int64_t deadline_ns;
};

static void gone(struct exchange *x)
{
    struct waiter *w = x->owner;

    w->deadline_ns = 0; /* the next tick ends it */
}

static void on_tick(uv_timer_t *timer)
{
    struct control *c = timer->data;

    engine_clock_changed(c->o.engine);
}

static void wait_for(struct control *c, const struct waiter *like)
{
    struct waiter *w = xcalloc(1, sizeof(*w));

    *w = *like;
    w->x->owner = w;
    w->x->on_gone = gone;
    list_append(&c->waiters, &w->link);
    if (!uv_is_active((uv_handle_t *)&c->tick))
        uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
    engine_clock_changed(c->o.engine); /* a turn, and with it the first look */
}

void settle_advance(struct control *c, struct exchange *x, int64_t advance_ms)
{
    wait_for(c, &(struct waiter){ .x = x,
                                  .walk = true,
                                  .bounded = true,
                                  .limit_ms = advance_ms,
                                  .deadline_ns = clock_mono_ns() + (int64_t)DEFAULT_TIMEOUT_MS * 1000000 });
}

static bool read_options(struct exchange *x, bool *ret_advance, int64_t *ret_timeout_ms)
{
    struct json *doc;

    *ret_advance = false;
    *ret_timeout_ms = DEFAULT_TIMEOUT_MS;
    if (str_trim(x->body).n == 0)
        return true;
    if (json_parse(x->mem, x->body, &doc, NULL) < 0 || doc->type != JSON_OBJECT)
        return false;
    JSON_EACH(doc, v) {
        struct str key = json_key(x->mem, v);

        if (str_is(key, "advance") && (v->type == JSON_TRUE || v->type == JSON_FALSE))
            *ret_advance = v->type == JSON_TRUE;
        else if (!str_is(key, "timeout_ms") || v->type != JSON_NUMBER || json_i64(v, ret_timeout_ms) < 0 ||
                 *ret_timeout_ms < 0 || *ret_timeout_ms > MAX_TIMEOUT_MS)
            return false;
    }
    return true;
}

void settle_post(struct control *c, struct exchange *x)
{
    bool advance;
    int64_t timeout_ms;

    if (!read_options(x, &advance, &timeout_ms)) {
        control_error(x, 400, "Send {\"advance\":true|false,\"timeout_ms\":0..%d}; both may be left out",
                      MAX_TIMEOUT_MS);
        return;
    }
    wait_for(c, &(struct waiter){
                    .x = x, .walk = advance, .deadline_ns = clock_mono_ns() + timeout_ms * 1000000 });
}

/* ---- looking ---- */

static bool is_quiet(struct control *c, struct engine_quiet *ret)
{
    struct async_counts n;

    *ret = engine_quiet(c->o.engine);
    async_counts(c->o.async, &n);
    return ret->quiet && n.ready == 0 && n.running == 0;
}

static void answer(struct control *c, struct waiter *w, bool settled)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct async_counts n;
    struct json_writer j;

    w->x->on_gone = NULL;
    list_remove(&w->link);
    if (w->bounded) {
        clock_get(c, w->x);
    } else {
        async_counts(c->o.async, &n);
        jw_init(&j, &b);
        jw_object(&j);
        jw_kbool(&j, "settled", settled);
        jw_ki64(&j, "advanced_ms", w->advanced_ms);
        jw_ki64(&j, "pending", (int64_t)n.queued);
        jw_object_end(&j);
        control_reply(w->x, 200, &b);
    }
    free(w);
}

static void move(struct control *c, struct waiter *w, int64_t ms)
{
    clock_advance(c->o.clock, ms);
    w->advanced_ms += ms;
    clock_moved(c);
}

/* True when the waiter is still waiting. */
static bool look(struct control *c, struct waiter *w)
{
    struct engine_quiet q;
    bool quiet = is_quiet(c, &q), late = clock_mono_ns() >= w->deadline_ns;
    int64_t to_work_ms =
        q.next_work_ms == INT64_MAX ? INT64_MAX : q.next_work_ms - clock_now(c->o.clock).wall_ms;
    int64_t left_ms = w->bounded ? w->limit_ms - w->advanced_ms : INT64_MAX;

    if (!quiet && !late)
        return true;
    if (w->walk && !late && to_work_ms != INT64_MAX && to_work_ms <= left_ms) {
        move(c, w, MAX(to_work_ms, 0));
        return true;
    }
    if (w->bounded && left_ms > 0)
        move(c, w, left_ms);
    answer(c, w, quiet);
    return false;
}

void control_tick(struct control *c)
{
    LIST_EACH_SAFE(&c->waiters, k, nx)
        look(c, CONTAINER_OF(k, struct waiter, link));
    if (list_empty(&c->waiters))
        uv_timer_stop(&c->tick);
}

void control_stop(struct control *c)
{
    LIST_EACH_SAFE(&c->waiters, k, nx)
        answer(c, CONTAINER_OF(k, struct waiter, link), false);
    uv_close((uv_handle_t *)&c->tick, NULL);
}
