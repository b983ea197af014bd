/* wait.c - receives that wait.
 *
 * True here: a waiter is on the list of its queue and named by its call, from sqs_wait() to the moment the
 * call is answered or gone, when it is freed; its real-time timer is set until it has fired; a queue's timer
 * is pending only while somebody waits. */
#include "service/sqs/wait.h"

#include <stdlib.h>
#include "service/sqs/fault.h"

struct sqs_waiter {
    uint32_t magic;
#define SQS_WAITER_MAGIC 0x5135a17eu
    struct link link;
    struct call *call;
    struct sqs_queue *queue;
    uint64_t queue_id;                /* outlives the queue's memory */
    struct str region, account, name; /* the call keeps them; for a reload */
    struct sqs_want want;
    void *real;                 /* handle of the real-time timer; NULL once fired */
    const struct turn_ops *ops; /* a client can go outside of any turn */
    void *engine;
};

/* Off its list, timer off, freed.  The call still wants its answer, unless it is gone. */
static struct call *waiter_end(struct sqs_waiter *w)
{
    struct call *c = w->call;

    CHECK_IS(w, SQS_WAITER_MAGIC);
    CHECK(c->waiting == w && link_on(&w->link));
    list_remove(&w->link);
    if (w->real != NULL)
        w->ops->real_timer_cancel(w->engine, w->real);
    c->waiting = NULL;
    c->on_gone = NULL;
    w->magic = 0;
    free(w);
    return c;
}

static void due_stop(struct sqs_queue *q, const struct turn_ops *ops, void *engine)
{
    if (timer_pending(&q->due))
        ops->timer_cancel(engine, &q->due);
}

static void due_arm(struct sqs_queue *q, struct turn *t)
{
    int64_t at_ms = list_empty(&q->waiters) ? INT64_MAX : sqs_index_next_ms(&q->index);

    if (timer_pending(&q->due) && q->due.node.key == at_ms)
        return;
    due_stop(q, t->ops, t->engine);
    if (at_ms != INT64_MAX)
        timer_set(t, &q->due, at_ms);
}

static void on_gone(struct call *c)
{
    struct sqs_waiter *w = CAST(struct sqs_waiter, SQS_WAITER_MAGIC, c->waiting);
    struct sqs_queue *q = w->queue;
    const struct turn_ops *ops = w->ops;
    void *engine = w->engine;

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(w->call == c);
    (void)waiter_end(w);
    if (list_empty(&q->waiters))
        due_stop(q, ops, engine);
}

static void on_time(void *arg, struct turn *t)
{
    struct sqs_waiter *w = CAST(struct sqs_waiter, SQS_WAITER_MAGIC, arg);
    struct sqs_queue *q = w->queue;

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(w->real != NULL); /* it fires once */
    w->real = NULL;
    sqs_count(t, q, "NumberOfEmptyReceives", 1, "Count");
    call_reply(waiter_end(w), 0);
    due_arm(q, t);
}

int sqs_wait(struct call *c, struct sqs_queue *q, const struct sqs_want *want, int64_t in_ms)
{
    struct turn *t = c->turn;
    struct sqs_waiter *w = xcalloc(1, sizeof(*w));

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(in_ms > 0 && c->waiting == NULL && c->on_gone == NULL);
    *w = (struct sqs_waiter){ .magic = SQS_WAITER_MAGIC,
                              .call = c,
                              .queue = q,
                              .queue_id = q->id,
                              .region = c->region,
                              .account = arena_str(c->mem, q->account),
                              .name = arena_str(c->mem, q->name),
                              .want = *want,
                              .ops = t->ops,
                              .engine = t->engine };
    list_append(&q->waiters, &w->link);
    w->real = t->ops->real_timer(t->engine, in_ms, on_time, w);
    c->waiting = w;
    c->on_gone = on_gone;
    due_arm(q, t);
    return -E_WAIT;
}

void sqs_wake_later(struct sqs_queue *q)
{
    CHECK_IS(q, SQS_QUEUE_MAGIC);
    if (!list_empty(&q->waiters) && !link_on(&q->wake))
        list_append(&q->owner->to_wake, &q->wake);
}

/* Serves waiters while there is something to take. */
static void serve(struct sqs_queue *q, struct turn *t)
{
    (void)sqs_index_settle(&q->index, t->now.wall_ms);
    while (!list_empty(&q->waiters) && sqs_index_any(&q->index)) {
        struct sqs_waiter *w = CONTAINER_OF(list_first(&q->waiters), struct sqs_waiter, link);
        struct sqs_ReceiveMessageResult *out = w->call->output;

        CHECK_IS(w, SQS_WAITER_MAGIC);
        CHECK(w->queue == q);
        /* A client that has just gone gets nothing: the message would be hidden for nobody. */
        int r = w->call->gone ? 0 : sqs_take(t, q, &w->want, w->call->mem, &out->Messages);

        if (r == 0 && out->Messages.n == 0 && !w->call->gone)
            break;
        call_reply(waiter_end(w), r);
    }
    due_arm(q, t);
}

void sqs_wake(struct sqs *s, struct turn *t)
{
    CHECK_IS(s, SQS_MAGIC);
    CHECK(s->round >= 1 && s->round <= 15);
    for (struct link *k; (k = list_pop(&s->to_wake)) != NULL;)
        serve(CONTAINER_OF(k, struct sqs_queue, wake), t);
    s->round = s->round % 15 + 1;
}

void sqs_wake_due(struct timer *tm, struct turn *t)
{
    struct sqs_queue *q = CONTAINER_OF(tm, struct sqs_queue, due);

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    sqs_wake_later(q);
    sqs_wake(q->owner, t);
}

void sqs_wait_end(struct sqs_queue *q, struct turn *t, bool queue_is_gone)
{
    for (struct link *k; (k = list_first(&q->waiters)) != NULL;) {
        struct call *c = waiter_end(CONTAINER_OF(k, struct sqs_waiter, link));

        call_reply(c, queue_is_gone ? sqs_fault_no_queue(c) : 0);
    }
    CHECK(list_empty(&q->waiters));
    list_remove(&q->wake);
    due_stop(q, t->ops, t->engine);
}

void sqs_wait_take_all(struct sqs_queue *q, struct turn *t, struct list *to)
{
    CHECK_IS(q, SQS_QUEUE_MAGIC);
    for (struct link *k; (k = list_pop(&q->waiters)) != NULL;)
        list_append(to, k);
    list_remove(&q->wake);
    due_stop(q, t->ops, t->engine);
}

void sqs_wait_put_back(struct sqs *s, struct turn *t, struct list *from)
{
    for (struct link *k; (k = list_first(from)) != NULL;) {
        struct sqs_waiter *w = CONTAINER_OF(k, struct sqs_waiter, link);

        CHECK_IS(w, SQS_WAITER_MAGIC);
        w->queue = sqs_find(s, w->account, w->region, w->name);
        if (w->queue == NULL || w->queue->id != w->queue_id) {
            struct call *c = waiter_end(w);

            call_reply(c, sqs_fault_no_queue(c));
            continue;
        }
        list_remove(k);
        list_append(&w->queue->waiters, k);
        sqs_wake_later(w->queue);
    }
    sqs_wake(s, t);
}

void sqs_wait_check(const struct sqs_queue *q)
{
    LIST_EACH(&q->waiters, k) {
        const struct sqs_waiter *w = CONTAINER_OF(k, struct sqs_waiter, link);

        CHECK_IS(w, SQS_WAITER_MAGIC);
        CHECK(w->queue == q && w->queue_id == q->id && w->call->waiting == w && w->real != NULL);
    }
    CHECK(!list_empty(&q->waiters) || !timer_pending(&q->due));
    CHECK(!timer_pending(&q->due) || q->due.node.key <= sqs_index_next_ms(&q->index));
}
