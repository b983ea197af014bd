/* waste.c - steps are paced by what they take: few rows when bodies are large, many when they are small.
 *
 * True here: the front of sqs.waste is in work; its nodes go first, and while they do, the range of ids is
 * learnt by which its rows go then.  At most one step is asked of the engine, and sqs.waste_step is its
 * handle. */
#include "service/sqs/waste.h"

#include <stdlib.h>
#include "service/sqs/rows.h"

#define STEP_EVERY_MS 1
#define STEP_NODES 8192
#define STEP_ROWS_FIRST 64
#define STEP_ROWS_MOST 1024
#define STEP_SHORT_NS 1000000
#define STEP_LONG_NS 4000000

struct waste {
    struct link link;
    uint64_t rows_id;
    struct sqs_index index; /* nodes not given back yet */
    size_t slot;            /* of index: those before are done */
    uint64_t first, last;   /* ids of its rows lie between; first > last: none */
    size_t rows;            /* looked at per step */
};

static struct waste *waste_new(struct sqs *s, struct sqs_pool *pool, uint64_t rows_id)
{
    struct waste *w = xcalloc(1, sizeof(*w));

    CHECK_IS(s, SQS_MAGIC);
    CHECK(pool == &s->pool || pool == &s->fifo_pool);
    w->rows_id = rows_id;
    w->first = UINT64_MAX;
    w->rows = STEP_ROWS_FIRST;
    sqs_index_init(&w->index, pool);
    list_append(&s->waste, &w->link);
    return w;
}

static void waste_free(struct waste *w)
{
    list_remove(&w->link);
    sqs_index_done(&w->index);
    free(w);
}

static void pace(struct waste *w, int64_t took_ns)
{
    if (took_ns > STEP_LONG_NS)
        w->rows = MAX(w->rows / 2, (size_t)1);
    else if (took_ns < STEP_SHORT_NS)
        w->rows = MIN(w->rows * 2, (size_t)STEP_ROWS_MOST);
}

/* 1: nothing is left; 0; or a store error. */
static int step(struct waste *w, struct turn *t)
{
    int64_t began_ns = clock_mono_ns();
    int r;

    CHECK(w->rows >= 1 && w->rows <= STEP_ROWS_MOST && w->slot <= w->index.cap);
    if (w->index.n > 0) {
        sqs_index_shed(&w->index, &w->slot, STEP_NODES, &w->first, &w->last);
        return 0;
    }
    if (w->first > w->last)
        return 1;
    r = sqs_rows_drop_some(t->store, w->rows_id, &w->first, w->last, w->rows);
    pace(w, clock_mono_ns() - began_ns);
    return r;
}

/* After a store error no further step is asked for: the turn is lost, and loading the memory again arms. */
static void on_step(void *arg, struct turn *t)
{
    struct sqs *s = CAST(struct sqs, SQS_MAGIC, arg);
    struct link *k = list_first(&s->waste);
    int r;

    CHECK(s->waste_step != NULL); /* it was asked for, and not cancelled since */
    s->waste_step = NULL;
    if (k == NULL)
        return;
    r = step(CONTAINER_OF(k, struct waste, link), t);
    if (r < 0)
        return;
    if (r == 1)
        waste_free(CONTAINER_OF(k, struct waste, link));
    sqs_waste_arm(s, t, STEP_EVERY_MS);
}

void sqs_waste_arm(struct sqs *s, struct turn *t, int64_t in_ms)
{
    if (s->waste_step == NULL && !list_empty(&s->waste))
        s->waste_step = t->ops->real_timer(t->engine, in_ms, on_step, s);
}

void sqs_waste_stop(struct sqs *s, struct turn *t)
{
    if (s->waste_step != NULL)
        t->ops->real_timer_cancel(t->engine, s->waste_step);
    s->waste_step = NULL;
}

void sqs_waste_add(struct sqs *s, struct turn *t, uint64_t rows_id, struct sqs_index *index)
{
    struct waste *w = waste_new(s, index->pool, rows_id);

    CHECK(index->n > 0);
    sqs_index_take(&w->index, index);
    sqs_waste_arm(s, t, STEP_EVERY_MS);
}

void sqs_waste_row(struct sqs *s, uint64_t rows_id, uint64_t id)
{
    struct waste *w = NULL;

    LIST_EACH(&s->waste, k)
        if (CONTAINER_OF(k, struct waste, link)->rows_id == rows_id)
            w = CONTAINER_OF(k, struct waste, link);
    if (w == NULL)
        w = waste_new(s, &s->pool, rows_id);
    w->first = MIN(w->first, id);
    w->last = MAX(w->last, id);
}

void sqs_waste_forget(struct sqs *s)
{
    LIST_EACH_SAFE(&s->waste, k, next)
        waste_free(CONTAINER_OF(k, struct waste, link));
}

size_t sqs_waste_check(const struct sqs *s)
{
    size_t nodes = 0;

    LIST_EACH(&s->waste, k) {
        const struct waste *w = CONTAINER_OF(k, struct waste, link);
        size_t n = 0;

        CHECK(w->rows >= 1 && w->rows <= STEP_ROWS_MOST && w->slot <= w->index.cap);
        for (size_t i = 0; i < w->index.cap; i++) {
            CHECK(w->index.slots[i] == NULL || i >= w->slot);
            n += w->index.slots[i] != NULL;
        }
        CHECK(n == w->index.n);
        nodes += n;
    }
    CHECK(s->waste_step != NULL || list_empty(&s->waste));
    return nodes;
}
