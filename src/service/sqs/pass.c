/* pass.c - messages come into a queue, leave it, and go from one to another; receives are take.c's.
 *
 * True here: order in each: write the store, change the memory, mark for waking.  What leaves one queue's
 * index in a move enters the other's in the same turn; both queues are of one kind. */
#include "service/sqs/queue.h"

#include "metric/metric.h"
#include "service/sqs/expire.h"
#include "service/sqs/rows.h"
#include "service/sqs/wait.h"

#define SEQUENCE_BEFORE 18850u /* the five digits before the fifteen of an id < 2^48 */

bool sqs_full(const struct sqs *s) { return s->pool.live + s->fifo_pool.live >= SQS_MESSAGES_MOST; }

bool sqs_queue_full(const struct sqs_queue *q)
{
    return sqs_full(q->owner) || (q->fifo && sqs_dedup_count(&q->owner->dedup) >= SQS_WINDOWS_MOST);
}

uint64_t sqs_rows_number(struct turn *t, const struct sqs_queue *q)
{
    CHECK_IS(q, SQS_QUEUE_MAGIC);
    return store_next_id(t->store) | (q->fifo ? SQS_FIFO_ROWS : 0);
}

struct str sqs_sequence(struct arena *a, uint64_t id)
{
    return arena_printf(a, "%u%015llu", SEQUENCE_BEFORE, (unsigned long long)id);
}

static struct sqs_dedup_key key_of(const struct sqs_queue *q, struct str group, struct str deduplication)
{
    return sqs_dedup_key_of(q->rows_id, q->by_group ? group : STR_NONE, deduplication);
}

/* 1: a window of this id is open, and *ret is what its first send got; 0: none is; or a store error. */
static int find_duplicate(struct turn *t, const struct sqs_queue *q, const struct sqs_dedup_key *key,
                          struct sqs_sent *ret)
{
    const struct sqs_window *w = sqs_dedup_find(&q->owner->dedup, key, t->now.wall_ms);
    int r;

    CHECK(q->fifo);
    if (w == NULL)
        return 0;
    *ret = (struct sqs_sent){ .id = w->id, .duplicate = true };
    r = sqs_rows_message_id(t->store, w->id, ret->message_id);
    return r < 0 ? r : 1;
}

static void entered(struct turn *t, struct sqs_queue *q)
{
    CHECK(q->index.n > 0);
    sqs_sweep_arm(t, q);
    sqs_wake_later(q);
}

static int send_fifo(struct turn *t, struct sqs_queue *q, const struct sqs_msg *m, struct sqs_row *row,
                     struct sqs_sent *ret)
{
    struct sqs_dedup_key key = key_of(q, m->group, m->deduplication);
    int r = find_duplicate(t, q, &key, ret);

    if (r != 0)
        return MIN(r, 0);
    row->visible_ms = row->sent_ms; /* the delay is the queue's, whatever it will be */
    r = sqs_rows_add(t->store, row);
    if (r < 0)
        return r;
    sqs_dedup_begin(&q->owner->dedup, &key, row->id, row->sent_ms);
    (void)sqs_index_settle(&q->index, row->sent_ms); /* groups that came back before stand before this one */
    sqs_index_add_to_group(&q->index, m->group, row->id, row->sent_ms, row->sent_ms + q->delay_ms, 0,
                           row->sent_ms);
    return 0;
}

/* What every way in has seen to: SendMessage by sqs_msg_check(), the sink by its own rules. */
static void check_sendable(const struct sqs_queue *q, const struct sqs_msg *m, int64_t delay_ms)
{
    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(!str_empty(m->body) && m->n_attributes <= SQS_ATTRIBUTES_MOST);
    CHECK(q->fifo ? !str_absent(m->group) && !str_absent(m->deduplication) : str_absent(m->deduplication));
    CHECK(delay_ms <= (q->fifo ? 0 : (int64_t)SQS_DELAY_MOST_S * 1000)); /* a FIFO queue delays as a whole */
}

int sqs_queue_send(struct turn *t, struct sqs_queue *q, const struct sqs_msg *m, int64_t delay_ms,
                   struct sqs_sent *ret)
{
    CLEANUP(buf_done) struct buf extras = { 0 };
    int64_t now_ms = t->now.wall_ms;
    struct sqs_row row = {
        .id = store_next_id(t->store), .queue_id = q->rows_id, .sent_ms = now_ms, .body = m->body
    };
    int r;

    check_sendable(q, m, delay_ms);
    uuid_random(ret->message_id);
    ret->id = row.id;
    ret->duplicate = false;
    sqs_msg_pack(&extras, m);
    row.visible_ms = now_ms + (delay_ms < 0 ? q->delay_ms : delay_ms);
    row.message_id = str_make(ret->message_id, UUID_TEXT);
    row.extras = buf_view(&extras);
    r = q->fifo ? send_fifo(t, q, m, &row, ret) : sqs_rows_add(t->store, &row);
    if (r < 0 || ret->duplicate)
        return MIN(r, 0);
    if (!q->fifo)
        sqs_index_add(&q->index, row.id, now_ms, row.visible_ms, 0, now_ms);
    entered(t, q);
    return 0;
}

/* Before a message's row goes or becomes another's: its window, if one is open, gets a row of its own. */
static int keep_window(struct turn *t, struct sqs_queue *q, const struct sqs_node *node)
{
    int r;

    if (!q->fifo || t->now.wall_ms - (int64_t)node->sent_ms >= SQS_WINDOW_MS)
        return 0;
    r = sqs_rows_keep_window(t->store, node->due.seq);
    q->owner->dedup.rows += r > 0;
    return MIN(r, 0);
}

/* Before the row is touched: is the node this queue's?  A row of another queue would go else. */
static void check_holds(const struct sqs_queue *q, const struct sqs_node *node)
{
    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(sqs_index_find(&q->index, node->due.seq) == node);
}

int sqs_queue_drop(struct turn *t, struct sqs_queue *q, struct sqs_node *node)
{
    int r;

    check_holds(q, node);
    r = keep_window(t, q, node);
    if (r == 0)
        r = sqs_rows_drop(t->store, node->due.seq);
    if (r < 0)
        return r;
    sqs_index_remove(&q->index, node);
    return 0;
}

static int enter_group(struct turn *t, struct sqs_queue *to, uint64_t id, int64_t visible_ms,
                       int64_t receives)
{
    CLEANUP(rows_done) struct rows r;
    struct str group, deduplication;
    struct sqs_dedup_key key;

    CHECK(to->fifo);
    sqs_rows_read(t->store, id, &r);
    if (!rows_next(&r))
        return -E_FULL;
    sqs_msg_ids(rows_text(&r, SQS_COL_EXTRAS), &group, &deduplication);
    if (!sqs_msg_ids_held(group, deduplication)) {
        store_damaged(t->store, "sqs_message", (int64_t)id, SQS_NO_IDS);
        return -E_DAMAGED;
    }
    key = key_of(to, group, deduplication);
    sqs_dedup_begin(&to->owner->dedup, &key, id, t->now.wall_ms);
    (void)sqs_index_settle(&to->index, t->now.wall_ms);
    sqs_index_add_to_group(&to->index, group, id, t->now.wall_ms, visible_ms, receives, t->now.wall_ms)
        ->round = to->owner->round & 15;
    return 0;
}

/* The row has become row `id` of `to`; now the memory follows. */
static int follow(struct turn *t, struct sqs_queue *q, struct sqs_queue *to, struct sqs_node *node,
                  uint64_t id, int64_t receives)
{
    int64_t now_ms = t->now.wall_ms, visible_ms = now_ms + (receives == 0 ? to->delay_ms : 0);

    CHECK(receives >= 0 && q->owner == to->owner);
    sqs_index_remove(&q->index, node);
    if (to->fifo)
        return enter_group(t, to, id, visible_ms, receives);
    sqs_index_add(&to->index, id, now_ms, visible_ms, receives, now_ms);
    return 0;
}

int sqs_queue_to_dead_letters(struct turn *t, struct sqs_queue *q, struct sqs_queue *to,
                              struct sqs_node *node)
{
    uint64_t id;
    int r;

    check_holds(q, node);
    CHECK(q != to && q->fifo == to->fifo && node->state == SQS_VISIBLE);
    if (!q->fifo) {
        r = sqs_rows_move(t->store, node->due.seq, to->rows_id, q->arn, t->now.wall_ms);
        if (r < 0)
            return r;
        sqs_index_move(&q->index, &to->index, node);
        node->round = q->owner->round & 15;
        entered(t, to);
        return 0;
    }
    id = store_next_id(t->store);
    if ((r = keep_window(t, q, node)) < 0 ||
        (r = sqs_rows_rekey(t->store, node->due.seq, id, to->rows_id, q->arn, t->now.wall_ms)) < 0)
        return r;
    r = follow(t, q, to, node, id, (int64_t)node->receives);
    entered(t, to);
    return r;
}

int sqs_queue_renew(struct turn *t, struct sqs_queue *q, struct sqs_queue *to, struct sqs_node *node)
{
    char message_id[UUID_TEXT + 1];
    struct sqs_row row = { .id = store_next_id(t->store),
                           .queue_id = to->rows_id,
                           .sent_ms = t->now.wall_ms };
    int r;

    check_holds(q, node);
    CHECK(q->fifo == to->fifo && node->state == SQS_VISIBLE);
    r = keep_window(t, q, node);
    uuid_random(message_id);
    row.visible_ms = row.sent_ms + (to->fifo ? 0 : to->delay_ms);
    row.message_id = str_make(message_id, UUID_TEXT);
    if (r < 0 || (r = sqs_rows_renew(t->store, node->due.seq, &row)) < 0)
        return r;
    r = follow(t, q, to, node, row.id, 0);
    entered(t, to);
    return r;
}

void sqs_count(struct turn *t, const struct sqs_queue *q, const char *metric, double value, const char *unit)
{
    struct metric_dimension dimension = { STR("QueueName"), q->name };

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    if (t->metrics != NULL)
        metric_add(t,
                   &(struct metric_place){ .account = q->account,
                                           .region = q->region,
                                           .space = STR("AWS/SQS"),
                                           .dimensions = &dimension,
                                           .n_dimensions = 1 },
                   metric, value, unit, t->now.wall_ms);
}
