/* move.c - move tasks and their steps.
 *
 * True here: a task owns its texts; its timer is pending exactly while it runs, but inside its own step; a
 * queue is the source of one running task at most; out of RUNNING there is one move, and no way back. */
#include "service/sqs/move.h"

#include <stdlib.h>
#include "base/state.h"
#include "service/sqs/rows.h"
#include "service/sqs/wait.h"

/* UNVERIFIED: what AWS says of a message that was sent to the dead-letter queue itself. */
#define NO_SOURCE "CouldNotDetermineMessageSource"
#define NO_QUEUE "AWS.SimpleQueueService.NonExistentQueue"

/* The names are the API's, and the row's. */
#define TO(s) STATE_BIT(SQS_TASK_##s)
static const struct state task_states[] = {
    [SQS_TASK_RUNNING] = { "RUNNING", TO(COMPLETED) | TO(CANCELLED) | TO(FAILED) },
    [SQS_TASK_COMPLETED] = { "COMPLETED", 0 },
    [SQS_TASK_CANCELLED] = { "CANCELLED", 0 },
    [SQS_TASK_FAILED] = { "FAILED", 0 },
};
static const struct states task_machine = STATES("SQS move task", task_states);
#undef TO

const char *sqs_task_status(const struct sqs_task *task) { return state_name(&task_machine, task->state); }

static void task_free(struct sqs_task *task)
{
    CHECK_IS(task, SQS_TASK_MAGIC);
    CHECK(!timer_pending(&task->step));
    task->magic = 0;
    list_remove(&task->link);
    free((char *)task->task_id.p);
    free((char *)task->source_arn.p);
    free((char *)task->destination_arn.p);
    free((char *)task->failure.p);
    free(task);
}

/* Out of RUNNING, once; every other state is the last. */
static int task_end(struct turn *t, struct sqs_task *task, enum sqs_task_state state, const char *failure)
{
    CHECK_IS(task, SQS_TASK_MAGIC);
    CHECK((failure != NULL) == (state == SQS_TASK_FAILED));
    if (timer_pending(&task->step))
        timer_cancel(t, &task->step);
    STATE_MOVE(&task_machine, task->state, state);
    task->failure = str_own(str_of(failure));
    return MIN(0, sqs_rows_put_task(t->store, task));
}

struct sqs_task *sqs_task_running(const struct sqs *s, struct str source_arn)
{
    LIST_EACH(&s->tasks, k) {
        struct sqs_task *task = CONTAINER_OF(k, struct sqs_task, link);

        if (task->state == SQS_TASK_RUNNING && str_eq(task->source_arn, source_arn))
            return task;
    }
    return NULL;
}

struct sqs_task *sqs_task_find(const struct sqs *s, struct str task_id)
{
    LIST_EACH(&s->tasks, k)
        if (str_eq(CONTAINER_OF(k, struct sqs_task, link)->task_id, task_id))
            return CONTAINER_OF(k, struct sqs_task, link);
    return NULL;
}

static int64_t budget(const struct sqs_task *task, int64_t now_ms)
{
    int64_t due;

    if (task->rate == 0)
        return SQS_MOVE_STEP;
    due = (now_ms - task->started_ms) * task->rate / 1000 - task->moved;
    return MIN(MAX(due, 0), SQS_MOVE_STEP);
}

/* The moment at which one more message may move; never now, so that a turn ends. */
static void arm(struct turn *t, struct sqs_task *task)
{
    int64_t at_ms = t->now.wall_ms + 1;

    CHECK(task->state == SQS_TASK_RUNNING && !timer_pending(&task->step));
    if (task->rate > 0)
        at_ms = MAX(at_ms, task->started_ms + ((task->moved + 1) * 1000 + task->rate - 1) / task->rate);
    timer_set(t, &task->step, at_ms);
}

static struct sqs_node *first_of(struct sqs_queue *q)
{
    struct sqs_group *g;

    if (!q->fifo)
        return sqs_index_first(&q->index);
    g = sqs_index_ready(&q->index);
    return g == NULL ? NULL : CONTAINER_OF(list_first(&g->messages), struct sqs_node, link);
}

/* Where this message goes; NULL with *ret_failure. */
static struct sqs_queue *target_of(struct turn *t, const struct sqs_task *task, const struct sqs_queue *q,
                                   const struct sqs_node *node, const char **ret_failure)
{
    struct sqs_queue *to = NULL;

    CHECK(str_eq(task->source_arn, q->arn));
    *ret_failure = NO_QUEUE;
    if (!str_absent(task->destination_arn)) {
        to = sqs_find_arn(task->owner, task->destination_arn);
    } else {
        CLEANUP(rows_done) struct rows r;

        sqs_rows_read(t->store, node->due.seq, &r);
        if (!rows_next(&r) || rows_null(&r, SQS_COL_SOURCE))
            *ret_failure = NO_SOURCE;
        else
            to = sqs_find_arn(task->owner, rows_text(&r, SQS_COL_SOURCE));
    }
    return to != NULL && to->fifo == q->fifo ? to : NULL;
}

/* 1: one has moved; 0: nothing is left; -E_INVALID: the task cannot go on, *ret_failure says why; or a store
 * error. */
static int move_one(struct turn *t, struct sqs_task *task, struct sqs_queue *q, const char **ret_failure)
{
    struct sqs_node *node = first_of(q);
    struct sqs_queue *to;
    int r;

    if (node == NULL)
        return 0;
    if (t->now.wall_ms - (int64_t)node->sent_ms > q->retention_ms)
        return (r = sqs_queue_drop(t, q, node)) < 0 ? r : 1;
    to = target_of(t, task, q, node, ret_failure);
    if (to == NULL)
        return -E_INVALID;
    r = sqs_queue_renew(t, q, to, node);
    if (r < 0)
        return r;
    task->moved++;
    return 1;
}

static void step(struct timer *tm, struct turn *t)
{
    struct sqs_task *task = CONTAINER_OF(tm, struct sqs_task, step);
    struct sqs_queue *q = sqs_find_arn(task->owner, task->source_arn);
    const char *failure = NO_QUEUE;
    int r = q == NULL ? -E_INVALID : 1;

    CHECK_IS(task, SQS_TASK_MAGIC);
    CHECK(task->state == SQS_TASK_RUNNING && !timer_pending(&task->step));
    if (q != NULL)
        (void)sqs_index_settle(&q->index, t->now.wall_ms);
    for (int64_t left = budget(task, t->now.wall_ms); r > 0 && left > 0; left--)
        r = move_one(t, task, q, &failure);
    if (r == 0)
        r = task_end(t, task, SQS_TASK_COMPLETED, NULL);
    else if (r == -E_INVALID)
        r = task_end(t, task, SQS_TASK_FAILED, failure);
    else if (r > 0 && sqs_rows_put_task(t->store, task) >= 0)
        arm(t, task);
    sqs_wake(task->owner, t);
}

static struct sqs_task *task_new(struct sqs *s, uint64_t id, struct str task_id, struct str source_arn,
                                 struct str destination_arn)
{
    struct sqs_task *task = xcalloc(1, sizeof(*task));

    CHECK_IS(s, SQS_MAGIC);
    *task = (struct sqs_task){ .magic = SQS_TASK_MAGIC,
                               .owner = s,
                               .id = id,
                               .task_id = str_own(task_id),
                               .source_arn = str_own(source_arn),
                               .destination_arn = str_own(destination_arn),
                               .step = { .fire = step, .work = true } };
    list_append(&s->tasks, &task->link);
    return task;
}

/* All of the source's, or its oldest ended one where there are too many. */
static int drop_tasks(struct turn *t, struct sqs *s, struct str source_arn, bool all)
{
    size_t n = 0;

    LIST_EACH(&s->tasks, k)
        n += str_eq(CONTAINER_OF(k, struct sqs_task, link)->source_arn, source_arn);
    LIST_EACH_SAFE(&s->tasks, k, next) {
        struct sqs_task *task = CONTAINER_OF(k, struct sqs_task, link);
        int r;

        if (!str_eq(task->source_arn, source_arn) ||
            (!all && (n < SQS_TASKS_KEPT || task->state == SQS_TASK_RUNNING)))
            continue;
        if ((r = sqs_rows_drop_task(t->store, task->id)) < 0)
            return r;
        if (timer_pending(&task->step))
            timer_cancel(t, &task->step);
        task_free(task);
        n--;
    }
    return 0;
}

int sqs_tasks_drop(struct turn *t, struct sqs *s, struct str source_arn)
{
    return drop_tasks(t, s, source_arn, true);
}

int sqs_task_start(struct turn *t, struct sqs_queue *source, struct str destination_arn, int64_t rate,
                   struct sqs_task **ret)
{
    char task_id[UUID_TEXT + 1];
    struct sqs_task *task;
    int r;

    CHECK_IS(source, SQS_QUEUE_MAGIC);
    CHECK(rate >= 0 && rate <= SQS_MOVE_RATE_MOST && sqs_task_running(source->owner, source->arn) == NULL);
    r = drop_tasks(t, source->owner, source->arn, false);
    if (r < 0)
        return r;
    uuid_random(task_id);
    task = task_new(source->owner, store_next_id(t->store), str_make(task_id, UUID_TEXT), source->arn,
                    destination_arn);
    (void)sqs_index_settle(&source->index, t->now.wall_ms);
    task->rate = rate;
    task->to_move = (int64_t)source->index.n_visible;
    task->started_ms = t->now.wall_ms;
    if ((r = sqs_rows_add_task(t->store, task)) < 0)
        return r;
    arm(t, task);
    *ret = task;
    return 0;
}

int sqs_task_cancel(struct turn *t, struct sqs_task *task)
{
    return task_end(t, task, SQS_TASK_CANCELLED, NULL);
}

void sqs_task_load(struct sqs *s, struct turn *t, struct rows *r)
{
    struct sqs_task *task =
        task_new(s, (uint64_t)rows_int(r, 0), rows_text(r, 1), rows_text(r, 2), rows_text(r, 3));

    task->rate = rows_count(r, 4, INT32_MAX);
    while (task->state < SQS_TASK_FAILED && !str_is(rows_text(r, 5), sqs_task_status(task)))
        task->state++;
    (void)rows_must(r, str_is(rows_text(r, 5), sqs_task_status(task)), "its status is none");
    task->moved = rows_count(r, 6, INT64_C(1) << 48);
    task->to_move = rows_count(r, 7, INT64_C(1) << 48);
    task->started_ms = rows_ms(r, 8);
    task->failure = str_own(rows_text(r, 9));
    if (task->state == SQS_TASK_RUNNING)
        arm(t, task);
}

void sqs_tasks_stop(struct sqs *s, struct turn *t)
{
    LIST_EACH(&s->tasks, k)
        if (timer_pending(&CONTAINER_OF(k, struct sqs_task, link)->step))
            timer_cancel(t, &CONTAINER_OF(k, struct sqs_task, link)->step);
}

void sqs_tasks_forget(struct sqs *s)
{
    LIST_EACH_SAFE(&s->tasks, k, next)
        task_free(CONTAINER_OF(k, struct sqs_task, link));
}

void sqs_tasks_check(const struct sqs *s)
{
    LIST_EACH(&s->tasks, k) {
        const struct sqs_task *task = CONTAINER_OF(k, struct sqs_task, link);

        CHECK_IS(task, SQS_TASK_MAGIC);
        CHECK(task->owner == s && task->id != 0);
        CHECK(timer_pending(&task->step) == (task->state == SQS_TASK_RUNNING));
        CHECK(task->state != SQS_TASK_RUNNING || sqs_task_running(s, task->source_arn) == task);
        CHECK((task->state == SQS_TASK_FAILED) == !str_absent(task->failure));
        CHECK(sqs_task_find(s, task->task_id) == task);
    }
}
