/* hub.c - see hub.h.
 *
 * "At the end of the iteration": libuv runs timers, idle, prepare, poll, check, closing.  Replies made while
 * polling leave in our check.  For those made elsewhere (a timer, somebody else's prepare or check, a close
 * callback) an idle handle is running as long as anything is unwritten: with it the poll does not sleep, and
 * the next idle or check phase, whichever comes first, writes. */
#include <stdlib.h>
#include "base/clock.h"
#include "net/hub.h"

struct hub {
    struct hub *next;
    uv_loop_t *loop;
    unsigned refs;
    unsigned handles; /* not yet closed */
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t timer;
    uint64_t timer_due_ms; /* while the timer is active */
    struct list classes;
    struct list flushes;
    void (*flush)(struct link *link);
    struct buf date;
    uint64_t date_until_ms;
    char *read_buffer;
};

static _Thread_local struct hub *hubs; /* a loop belongs to one thread */

/* ---- writing at the end ---- */

static void flush_all(struct hub *hub)
{
    for (struct link *link; (link = list_pop(&hub->flushes)) != NULL;)
        hub->flush(link);
    uv_idle_stop(&hub->idle);
}

static void on_check(uv_check_t *check) { flush_all(check->data); }

static void on_idle(uv_idle_t *idle) { flush_all(idle->data); }

void hub_flush_later(struct hub *hub, struct link *link, void (*flush)(struct link *link))
{
    if (link_on(link))
        return;
    hub->flush = flush;
    if (list_empty(&hub->flushes))
        uv_idle_start(&hub->idle, on_idle);
    list_append(&hub->flushes, link);
}

/* ---- deadlines ---- */

static void on_timer(uv_timer_t *timer);

static void timer_until(struct hub *hub, uint64_t due_ms)
{
    uint64_t now = uv_now(hub->loop);

    hub->timer_due_ms = due_ms;
    uv_timer_start(&hub->timer, on_timer, due_ms > now ? due_ms - now : 0, 0);
}

static void fire_due(struct wait_class *c, uint64_t now)
{
    for (struct link *link; (link = list_first(&c->waiting)) != NULL;) {
        struct wait *w = CONTAINER_OF(link, struct wait, link);

        if (w->due_ms > now)
            return;
        list_remove(link);
        w->fire(w);
    }
}

/* One pass fires, the next finds the earliest left.  Firing may end a class: hold it meanwhile. */
static void on_timer(uv_timer_t *timer)
{
    struct hub *hub = timer->data;
    uint64_t earliest = UINT64_MAX, now = uv_now(hub->loop);

    for (struct link *k = hub->classes.head.next, *next; k != &hub->classes.head; k = next) {
        struct wait_class *c = CONTAINER_OF(k, struct wait_class, link);

        c->refs++;
        fire_due(c, now);
        next = k->next;
        hub_class_unref(c);
    }
    LIST_EACH(&hub->classes, k) {
        struct link *first = list_first(&CONTAINER_OF(k, struct wait_class, link)->waiting);

        if (first != NULL)
            earliest = MIN(earliest, CONTAINER_OF(first, struct wait, link)->due_ms);
    }
    if (earliest != UINT64_MAX)
        timer_until(hub, earliest);
}

struct wait_class *hub_class_ref(struct hub *hub, int64_t ms)
{
    struct wait_class *c;

    LIST_EACH(&hub->classes, k) {
        c = CONTAINER_OF(k, struct wait_class, link);
        if (c->ms == ms)
            return c->refs++, c;
    }
    c = xcalloc(1, sizeof *c);
    c->ms = ms;
    c->refs = 1;
    list_init(&c->waiting);
    list_append(&hub->classes, &c->link);
    return c;
}

void hub_class_unref(struct wait_class *c)
{
    CHECK(c->refs > 0);
    if (--c->refs > 0)
        return;
    CHECK(list_empty(&c->waiting));
    list_remove(&c->link);
    free(c);
}

void hub_wait(struct hub *hub, struct wait_class *c, struct wait *w)
{
    list_remove(&w->link);
    if (c->ms <= 0)
        return;
    w->due_ms = uv_now(hub->loop) + (uint64_t)c->ms;
    list_append(&c->waiting, &w->link);
    if (!uv_is_active((uv_handle_t *)&hub->timer) || w->due_ms < hub->timer_due_ms)
        timer_until(hub, w->due_ms);
}

/* ---- the rest ---- */

struct str hub_date(struct hub *hub)
{
    uint64_t now = uv_now(hub->loop);

    if (now >= hub->date_until_ms) {
        int64_t real_ms = clock_real_ms();

        buf_clear(&hub->date);
        when_http(&hub->date, real_ms);
        hub->date_until_ms = now + (uint64_t)(1000 - real_ms % 1000);
    }
    return buf_view(&hub->date);
}

char *hub_read_buffer(struct hub *hub) { return hub->read_buffer; }
uv_loop_t *hub_loop(const struct hub *hub) { return hub->loop; }

static struct hub *hub_new(uv_loop_t *loop)
{
    struct hub *hub = xcalloc(1, sizeof *hub);

    hub->loop = loop;
    hub->read_buffer = xmalloc(HUB_READ_BYTES);
    list_init(&hub->classes);
    list_init(&hub->flushes);
    uv_check_init(loop, &hub->check);
    uv_idle_init(loop, &hub->idle);
    uv_timer_init(loop, &hub->timer);
    hub->check.data = hub->idle.data = hub->timer.data = hub;
    hub->handles = 3;
    uv_unref((uv_handle_t *)&hub->check);
    uv_unref((uv_handle_t *)&hub->idle);
    uv_unref((uv_handle_t *)&hub->timer);
    uv_check_start(&hub->check, on_check);
    hub->next = hubs;
    return hubs = hub;
}

struct hub *hub_ref(uv_loop_t *loop)
{
    struct hub *hub = hubs;

    while (hub != NULL && hub->loop != loop)
        hub = hub->next;
    if (hub == NULL)
        hub = hub_new(loop);
    hub->refs++;
    return hub;
}

static void on_closed(uv_handle_t *handle)
{
    struct hub *hub = handle->data;

    if (--hub->handles > 0)
        return;
    buf_done(&hub->date);
    free(hub->read_buffer);
    free(hub);
}

void hub_unref(struct hub *hub)
{
    struct hub **at = &hubs;

    CHECK(hub->refs > 0);
    if (--hub->refs > 0)
        return;
    CHECK(list_empty(&hub->classes) && list_empty(&hub->flushes));
    while (*at != hub)
        at = &(*at)->next;
    *at = hub->next;
    uv_close((uv_handle_t *)&hub->check, on_closed);
    uv_close((uv_handle_t *)&hub->idle, on_closed);
    uv_close((uv_handle_t *)&hub->timer, on_closed);
}
