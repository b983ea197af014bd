/* sqs.c - the service as the program sees it: its table of operations, its life, and its door for what other
 * rooms hand over (dead letters and destination records).
 */
#include "service/sqs/sqs.h"

#include <stdlib.h>
#include "model/sqs.h"
#include "service/sqs/expire.h"
#include "service/sqs/move.h"
#include "service/sqs/ops.h"
#include "service/sqs/rows.h"
#include "service/sqs/wait.h"
#include "service/sqs/waste.h"

/* True here: memory is the store's, read anew by sqs_load() whenever a turn has failed; nothing is in one
 * queue's memory and another's too. */

/* A body of 1 MiB may arrive as six characters a byte (\u000a) or three (%0A). */
#define SEND_BODY_MOST ((size_t)8 << 20)

static const struct handler handlers[] = {
    { "AddPermission", sqs_add_permission, 0 },
    { "CancelMessageMoveTask", sqs_cancel_message_move_task, 0 },
    { "ChangeMessageVisibility", sqs_change_message_visibility, 0 },
    { "ChangeMessageVisibilityBatch", sqs_change_message_visibility_batch, 0 },
    { "CreateQueue", sqs_create_queue, 0 },
    { "DeleteMessage", sqs_delete_message, 0 },
    { "DeleteMessageBatch", sqs_delete_message_batch, 0 },
    { "DeleteQueue", sqs_delete_queue, 0 },
    { "GetQueueAttributes", sqs_get_queue_attributes, 0 },
    { "GetQueueUrl", sqs_get_queue_url, 0 },
    { "ListDeadLetterSourceQueues", sqs_list_dead_letter_source_queues, 0 },
    { "ListMessageMoveTasks", sqs_list_message_move_tasks, 0 },
    { "ListQueueTags", sqs_list_queue_tags, 0 },
    { "ListQueues", sqs_list_queues, 0 },
    { "PurgeQueue", sqs_purge_queue, 0 },
    { "ReceiveMessage", sqs_receive_message, 0 },
    { "RemovePermission", sqs_remove_permission, 0 },
    { "SendMessage", sqs_send_message, SEND_BODY_MOST },
    { "SendMessageBatch", sqs_send_message_batch, SEND_BODY_MOST },
    { "SetQueueAttributes", sqs_set_queue_attributes, 0 },
    { "StartMessageMoveTask", sqs_start_message_move_task, 0 },
    { "TagQueue", sqs_tag_queue, 0 },
    { "UntagQueue", sqs_untag_queue, 0 },
};

struct sqs *sqs_new(void)
{
    struct sqs *s = xcalloc(1, sizeof(*s));

    s->magic = SQS_MAGIC;
    s->sweep.fire = sqs_sweep;
    s->round = 1;
    list_init(&s->to_wake);
    list_init(&s->waste);
    list_init(&s->expiring);
    list_init(&s->tasks);
    sqs_attempts_init(&s->attempts);
    s->fifo_pool.grouped = true;
    return s;
}

static struct sqs_queue *any_queue(const struct sqs *s)
{
    struct str key;
    void *value = NULL;
    size_t at = 0;

    return map_next(&s->queues, &at, &key, &value) ? value : NULL;
}

static void forget(struct sqs *s)
{
    CHECK_IS(s, SQS_MAGIC);
    for (struct sqs_queue *q; (q = any_queue(s)) != NULL;)
        sqs_queue_free(q);
    sqs_waste_forget(s);
    sqs_tasks_forget(s);
    sqs_attempts_clear(&s->attempts);
    sqs_dedup_done(&s->dedup);
    CHECK(s->queues.n == 0 && s->pool.live == 0 && s->fifo_pool.live == 0);
    CHECK(list_empty(&s->to_wake) && list_empty(&s->expiring));
}

struct sqs *sqs_free(struct sqs *s)
{
    if (s == NULL)
        return NULL;
    forget(s);
    map_done(&s->queues);
    sqs_pool_done(&s->pool);
    sqs_pool_done(&s->fifo_pool);
    s->magic = 0;
    free(s);
    return NULL;
}

static void stop(struct sqs *s, struct turn *t)
{
    CHECK_IS(s, SQS_MAGIC);
    sqs_expire_stop(s, t);
    sqs_waste_stop(s, t);
    sqs_tasks_stop(s, t);
}

/* Also when something is loaded already: a turn failed and the memory runs ahead of the store.  Long polls of
 * earlier turns stay. */
void sqs_load(struct sqs *s, struct turn *t)
{
    struct list waiters;
    struct str key;
    void *value;

    list_init(&waiters);
    for (size_t i = 0; map_next(&s->queues, &i, &key, &value);)
        sqs_wait_take_all(value, t, &waiters);
    stop(s, t);
    forget(s);
    sqs_rows_load(s, t);
    sqs_wait_put_back(s, t, &waiters);
}

void sqs_drain(struct sqs *s, struct turn *t)
{
    struct str key;
    void *value;

    for (size_t i = 0; map_next(&s->queues, &i, &key, &value);)
        sqs_wait_end(value, t, false);
    stop(s, t);
}

void sqs_reset(struct sqs *s, struct turn *t)
{
    sqs_drain(s, t);
    forget(s);
}

size_t sqs_queue_count(const struct sqs *s) { return s->queues.n; }

struct service sqs_service(struct sqs *s)
{
    return (struct service){ .model = &sqs_model,
                             .handlers = handlers,
                             .n_handlers = ARRAY_LEN(handlers),
                             .state = s,
                             .checks_itself = true };
}

/* A FIFO queue is no destination of a function; services may deliver to it all the same. */
static void sink_find(struct door *d)
{
    struct sqs_queue *q = sqs_find_parts(CAST(struct sqs, SQS_MAGIC, d->sink->arg), &d->arn);

    d->object = q;
    d->state = q == NULL ? SINK_MISSING : q->fifo ? SINK_FIFO : SINK_OK;
    if (q == NULL)
        return;
    d->what.policy = q->policy;
    d->most_bytes = (size_t)q->most_bytes;
}

/* A standard queue carries a group (fair queues) and has no use for a deduplication id; a FIFO topic sends
 * both. */
static struct sqs_msg parcel_message(struct arena *a, const struct sqs_queue *q, const struct parcel *p)
{
    struct sqs_msg m = {
        .body = p->body, .trace = p->trace_header, .sender = p->sender_id, .group = p->group_id
    };

    CHECK(p->n_attributes <= ARRAY_LEN(m.attributes));
    CHECK(p->n_attributes <= ARRAY_LEN(p->attributes));
    for (size_t i = 0; i < p->n_attributes; i++)
        m.attributes[m.n_attributes++] =
            (struct sqs_msg_attribute){ p->attributes[i].name, p->attributes[i].type,
                                        p->attributes[i].value };
    sqs_msg_sort(&m);
    if (q->fifo)
        m.deduplication = str_absent(p->deduplication_id) && q->by_content
                              ? sqs_msg_deduplication_of(a, m.body)
                              : p->deduplication_id;
    return m;
}

static bool refuse_ids(struct buf *why, const struct sqs_queue *q, const struct sqs_msg *m)
{
    if (q->fifo && str_absent(m->group))
        buf_printf(why, "The queue " STR_FMT " is a FIFO queue: the message needs a message group id.",
                   STR_ARG(q->name));
    else if (q->fifo && str_absent(m->deduplication))
        buf_printf(why,
                   "The FIFO queue " STR_FMT
                   " has ContentBasedDeduplication disabled: the message needs a deduplication "
                   "id.",
                   STR_ARG(q->name));
    else if (!str_absent(m->group) && !sqs_msg_is_id(m->group))
        buf_z(why, "The message group id is not 1 to 128 alphanumeric and punctuation characters long.");
    else if (!str_absent(m->deduplication) && !sqs_msg_is_id(m->deduplication))
        buf_z(why,
              "The message deduplication id is not 1 to 128 alphanumeric and punctuation characters long.");
    else
        return false;
    return true;
}

/* The queue's rules are the same as for a SendMessage; attributes are checked by who lets them in. */
static bool refuse(struct buf *why, const struct sqs_queue *q, const struct sqs_msg *m)
{
    size_t bytes = sqs_msg_bytes(m);

    if (str_empty(m->body))
        buf_z(why, "The message body is empty; SQS takes no empty message.");
    else if (sqs_msg_bad_character(m->body) < m->body.n)
        buf_printf(why, "The message body has a character at byte %zu that SQS does not carry.",
                   sqs_msg_bad_character(m->body));
    else if ((int64_t)bytes > q->most_bytes)
        buf_printf(why, "The message of %zu bytes is longer than the %lld bytes the queue " STR_FMT " takes.",
                   bytes, (long long)q->most_bytes, STR_ARG(q->name));
    else
        return refuse_ids(why, q, m);
    return true;
}

static enum delivery send_parcel(struct turn *t, struct sqs_queue *q, const struct parcel *p, struct buf *why)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sqs_msg m = parcel_message(a, q, p);
    struct sqs_sent sent;

    if (refuse(why, q, &m))
        return DELIVERY_REFUSED;
    if (sqs_queue_full(q)) {
        buf_printf(why, "This server holds at most %d messages.", SQS_MESSAGES_MOST);
        return DELIVERY_FAILED;
    }
    if (sqs_queue_send(t, q, &m, -1, &sent) != 0) {
        buf_z(why, "The message could not be stored.");
        return DELIVERY_FAILED;
    }
    buf_z(why, sent.message_id);
    sqs_count(t, q, "NumberOfMessagesSent", 1, "Count");
    sqs_count(t, q, "SentMessageSize", (double)sqs_msg_bytes(&m), "Bytes");
    return DELIVERED;
}

static enum delivery sink_deliver(const struct door *d, const struct parcel *p, struct buf *why)
{
    enum delivery r;

    if (d->object == NULL) {
        buf_printf(why, "The queue " STR_FMT " does not exist.", STR_ARG(d->what.arn));
        return DELIVERY_NO_RESOURCE;
    }
    r = send_parcel(d->turn, CAST(struct sqs_queue, SQS_QUEUE_MAGIC, d->object), p, why);
    if (r == DELIVERED)
        sqs_wake(d->sink->arg, d->turn);
    return r;
}

struct sink sqs_sink(struct sqs *s)
{
    return (struct sink){ .service = "sqs",
                          .action = "sqs:SendMessage",
                          .action_name = "SendMessage",
                          .max_body_bytes = SQS_BATCH_BYTES_MOST,
                          .find = sink_find,
                          .deliver = sink_deliver,
                          .arg = s };
}
