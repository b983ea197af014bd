/* expire.c - True here: a queue is in sqs.expiring while its walk has begun and not come round; at most one
 * step is asked of the engine, and sqs.expire_step is its handle. */
#include "service/sqs/expire.h"

#include "service/sqs/rows.h"
#include "service/sqs/wait.h"
#include "service/sqs/waste.h"

#define DROP_NOW_MOST 512 /* a whole queue of more than this becomes waste */
#define SWEEP_EVERY_MS 60000
#define STEP_EVERY_MS 1
#define STEP_MESSAGES 512
#define STEP_PLACES 65536
#define STEP_WINDOWS 65536
#define STEP_ROWS 1024

static void on_step(void *arg, struct turn *t);

static void arm_step(struct sqs *s, struct turn *t)
{
    CHECK_IS(s, SQS_MAGIC);
    if (s->expire_step == NULL)
        s->expire_step = t->ops->real_timer(t->engine, STEP_EVERY_MS, on_step, s);
}

struct drop {
    struct turn *turn;
    struct sqs_queue *queue;
};

static int drop_one(void *arg, struct sqs_node *node)
{
    const struct drop *d = arg;

    CHECK_IS(d->queue, SQS_QUEUE_MAGIC);
    return sqs_queue_drop(d->turn, d->queue, node);
}

static int drop_later(struct turn *t, struct sqs_queue *q)
{
    if (q->index.n > 0)
        sqs_waste_add(q->owner, t, q->rows_id, &q->index);
    CHECK(q->index.n == 0 && q->index.old_at == 0); /* its messages are another number's now */
    q->rows_id = sqs_rows_number(t, q);
    return MIN(0, sqs_rows_put_queue(t->store, q));
}

static int step(struct turn *t, struct sqs_queue *q, int64_t before_ms, size_t most, size_t look)
{
    struct drop drop = { t, q };
    int r = sqs_index_old(&q->index, before_ms, most, look, drop_one, &drop);

    sqs_wake_later(q); /* an old message may have held back its group */
    list_remove(&q->expire);
    if (r == 0) {
        list_append(&q->owner->expiring, &q->expire);
        arm_step(q->owner, t);
    }
    return MIN(r, 0);
}

int sqs_queue_expire(struct turn *t, struct sqs_queue *q)
{
    int64_t before_ms = t->now.wall_ms - q->retention_ms;
    /* The windows of a FIFO queue hang on the number of its rows. */
    int64_t all_before_ms = q->fifo ? MIN(before_ms, t->now.wall_ms - SQS_WINDOW_MS) : before_ms;

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    if (q->index.oldest_ms >= before_ms) {
        list_remove(&q->expire);
        return 0;
    }
    if (q->index.newest_ms < all_before_ms && q->index.n > DROP_NOW_MOST)
        return drop_later(t, q);
    return step(t, q, before_ms, STEP_MESSAGES, STEP_PLACES);
}

int sqs_queue_empty(struct turn *t, struct sqs_queue *q)
{
    struct drop drop = { t, q };
    int r;

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    list_remove(&q->expire);
    q->index.old_at = 0;
    if (q->index.n > DROP_NOW_MOST || q->fifo)
        return drop_later(t, q);
    r = MIN(0, sqs_rows_put_queue(t->store, q));
    return r < 0 || q->index.n == 0
               ? r
               : MIN(0, sqs_index_old(&q->index, INT64_MAX, SIZE_MAX, SIZE_MAX, drop_one, &drop));
}

static void sweep_by(struct turn *t, struct sqs *s, int64_t at_ms)
{
    at_ms = MAX(at_ms, t->now.wall_ms + SWEEP_EVERY_MS);
    if (timer_pending(&s->sweep) && s->sweep.node.key <= at_ms)
        return;
    if (timer_pending(&s->sweep))
        timer_cancel(t, &s->sweep);
    timer_set(t, &s->sweep, at_ms);
}

static void arm_windows(struct sqs *s, struct turn *t)
{
    if (sqs_dedup_count(&s->dedup) > 0)
        sweep_by(t, s, sqs_dedup_next_ms(&s->dedup));
    else if (s->dedup.rows > 0)
        sweep_by(t, s, t->now.wall_ms);
}

void sqs_sweep_arm(struct turn *t, struct sqs_queue *q)
{
    if (q->index.n > 0)
        sweep_by(t, q->owner, q->index.oldest_ms + q->retention_ms + 1);
    if (q->fifo)
        arm_windows(q->owner, t);
}

/* 1: there is more; 0; or a store error. */
static int end_windows(struct sqs *s, struct turn *t)
{
    struct sqs_dedup *d = &s->dedup;
    bool more = sqs_dedup_settle(d, t->now.wall_ms, STEP_WINDOWS);
    int r = 0;

    if (d->rows > 0 && d->over_id > 0) {
        size_t dropped;

        r = sqs_rows_drop_windows(t->store, d->over_id, STEP_ROWS, &dropped);
        d->rows -= MIN(d->rows, dropped);
        more |= dropped == STEP_ROWS;
    }
    return r < 0 ? r : more;
}

static void on_step(void *arg, struct turn *t)
{
    struct sqs *s = CAST(struct sqs, SQS_MAGIC, arg);
    struct link *k = list_first(&s->expiring);
    int more;

    CHECK(s->expire_step != NULL); /* it was asked for, and not cancelled since */
    s->expire_step = NULL;
    if (k != NULL && sqs_queue_expire(t, CONTAINER_OF(k, struct sqs_queue, expire)) < 0)
        return;
    sqs_wake(s, t);
    more = end_windows(s, t);
    if (more > 0 || (more == 0 && !list_empty(&s->expiring)))
        arm_step(s, t);
}

void sqs_sweep(struct timer *tm, struct turn *t)
{
    struct sqs *s = CONTAINER_OF(tm, struct sqs, sweep);
    struct str key;
    void *value;
    int more;

    CHECK_IS(s, SQS_MAGIC);
    for (size_t i = 0; map_next(&s->queues, &i, &key, &value);)
        if (sqs_queue_expire(t, value) < 0)
            return;
    sqs_wake(s, t);
    more = end_windows(s, t);
    if (more < 0)
        return;
    if (more > 0)
        arm_step(s, t);
    for (size_t i = 0; map_next(&s->queues, &i, &key, &value);)
        sqs_sweep_arm(t, value);
    arm_windows(s, t); /* also when their queue is gone */
}

void sqs_expire_stop(struct sqs *s, struct turn *t)
{
    if (timer_pending(&s->sweep))
        timer_cancel(t, &s->sweep);
    if (s->expire_step != NULL)
        t->ops->real_timer_cancel(t->engine, s->expire_step);
    s->expire_step = NULL;
}
