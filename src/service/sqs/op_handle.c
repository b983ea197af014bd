/* op_handle.c - what a receiver does with its receipt handle: delete, or change how long the message stays
 * hidden. Costs: delete 1 DELETE (FIFO queues: and 1 INSERT within five minutes of sending); change 1 SELECT
 * + 1 UPDATE. */
#include "service/sqs/ops.h"

#include "service/sqs/fault.h"
#include "service/sqs/handle.h"
#include "service/sqs/rows.h"
#include "service/sqs/wait.h"

#define VISIBILITY_MOST 43200

/* 0 and the node (NULL: the message is gone), or -E_FAULT.  *ret_current: the message is in flight by this
 * very handle. */
static int find(struct call *c, struct sqs_queue *q, struct str text, struct sqs_node **ret,
                bool *ret_current, struct fault *ret_fault)
{
    struct arena *a = c->mem;
    struct sqs_handle h;

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    if (str_absent(text))
        return sqs_no_missing(a, ret_fault, "ReceiptHandle");
    if (sqs_handle_parse(a, text, &h) != 0 || h.queue_id != q->id)
        return fault_set(a, ret_fault, &sqs_error_ReceiptHandleIsInvalid,
                         "The input receipt handle \"" STR_FMT "\" is not a valid receipt handle.",
                         STR_ARG(text));
    *ret = sqs_index_find(&q->index, h.message_id);
    (void)sqs_index_settle(&q->index, c->turn->now.wall_ms);
    *ret_current = *ret != NULL && (*ret)->state == SQS_IN_FLIGHT &&
                   (*ret)->receives == MIN(h.receive, (uint32_t)SQS_RECEIVES_MOST);
    return 0;
}

static int expired(struct arena *a, struct str handle, struct fault *ret_fault)
{
    return sqs_no_value(a, ret_fault, handle, "ReceiptHandle", "The receipt handle has expired.");
}

/* A message that is gone is deleted.  Any handle of the message ever issued will do in a standard queue; in a
 * FIFO queue the last one, while the message is in flight. */
static int delete_one(struct call *c, struct sqs_queue *q, struct str handle, struct fault *ret_fault)
{
    struct sqs_node *node = NULL;
    bool current = false;
    int r = find(c, q, handle, &node, &current, ret_fault);

    if (r != 0 || node == NULL)
        return r;
    if (q->fifo && !current)
        return expired(c->mem, handle, ret_fault);
    r = sqs_queue_drop(c->turn, q, node);
    sqs_wake_later(q);
    return r;
}

int sqs_delete_message(struct call *c, const void *input, void *output UNUSED)
{
    const struct sqs_DeleteMessageRequest *in = input;
    struct sqs_queue *q;
    struct fault f;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    r = delete_one(c, q, in->ReceiptHandle, &f);
    if (r == -E_FAULT)
        return sqs_fault(c, &f);
    sqs_count(c->turn, q, "NumberOfMessagesDeleted", 1, "Count");
    sqs_wake(c->state, c->turn);
    return r;
}

int sqs_delete_message_batch(struct call *c, const void *input, void *output)
{
    const struct sqs_DeleteMessageBatchRequest *in = input;
    struct sqs_DeleteMessageBatchResult *out = output;
    struct sqs_ids ids = { in->Entries.n, in->Entries.v, sizeof(struct sqs_DeleteMessageBatchRequestEntry) };
    struct sqs_queue *q;
    int r;

    if ((r = sqs_enter(c, in->QueueUrl, &q)) != 0 ||
        (r = sqs_check_batch(c, &ids, "DeleteMessageBatchRequestEntry")) != 0 ||
        (r = sqs_check_distinct(c, &ids)) != 0)
        return r;
    out->Successful.v = arena_calloc(c->mem, ids.n, sizeof(*out->Successful.v));
    out->Failed.v = arena_calloc(c->mem, ids.n, sizeof(*out->Failed.v));
    for (size_t i = 0; i < ids.n; i++) {
        struct fault f;

        r = delete_one(c, q, in->Entries.v[i].ReceiptHandle, &f);
        if (r == -E_FAULT) {
            sqs_failed(&out->Failed, in->Entries.v[i].Id, &f);
            continue;
        }
        if (r != 0)
            return r;
        out->Successful.v[out->Successful.n++].Id = in->Entries.v[i].Id;
        out->Successful.set = true;
    }
    CHECK(out->Successful.n + out->Failed.n == ids.n); /* each entry has one answer */
    if (out->Successful.n > 0)
        sqs_count(c->turn, q, "NumberOfMessagesDeleted", (double)out->Successful.n, "Count");
    sqs_wake(c->state, c->turn);
    return 0;
}

static struct str number(struct arena *a, int64_t v) { return arena_printf(a, "%lld", (long long)v); }

static int check_timeout(struct arena *a, struct opt_int timeout, struct fault *ret_fault)
{
    if (!timeout.set)
        return sqs_no_missing(a, ret_fault, "VisibilityTimeout");
    if (timeout.v < 0 || timeout.v > VISIBILITY_MOST)
        return sqs_no_value(a, ret_fault, number(a, timeout.v), "VisibilityTimeout",
                            "Must be between 0 and 43200, if provided.");
    return 0;
}

/* Counts from now; no longer than twelve hours from the last receive.  A message whose timeout is over
 * already is hidden again in a standard queue; in a FIFO queue it is not in flight, and an older handle has
 * expired (both UNVERIFIED there).  The sentence of MessageNotInflight is UNVERIFIED. */
static int change_one(struct call *c, struct sqs_queue *q, struct str handle, struct opt_int timeout,
                      struct fault *ret_fault)
{
    int64_t now_ms = c->turn->now.wall_ms, until_ms, received_ms;
    struct sqs_node *node = NULL;
    bool current = false;
    int r = check_timeout(c->mem, timeout, ret_fault);

    if (r != 0 || (r = find(c, q, handle, &node, &current, ret_fault)) != 0)
        return r;
    if (q->fifo && node != NULL && node->state == SQS_IN_FLIGHT && !current)
        return expired(c->mem, handle, ret_fault);
    if (node == NULL || node->receives == 0 || (q->fifo && !current))
        return fault_set(
            c->mem, ret_fault, &sqs_error_MessageNotInflight,
            "Value " STR_FMT " for parameter ReceiptHandle is "
            "invalid. Reason: Message does not exist or is not available for visibility timeout change.",
            STR_ARG(handle));
    until_ms = now_ms + timeout.v * 1000;
    received_ms = timeout.v > 0 ? sqs_rows_received_ms(c->turn->store, node->due.seq) : now_ms;
    if (received_ms < 0)
        return (int)received_ms;
    if (until_ms - received_ms > VISIBILITY_MOST * 1000)
        return sqs_no_value(c->mem, ret_fault, number(c->mem, timeout.v), "VisibilityTimeout",
                            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]");
    CHECK(node->state != SQS_DELAYED); /* it was received */
    r = sqs_rows_show_at(c->turn->store, node->due.seq, until_ms);
    if (r < 0)
        return r;
    if (timeout.v > 0)
        sqs_index_hide(&q->index, node, until_ms);
    else if (node->state != SQS_VISIBLE)
        sqs_index_show(&q->index, node);
    sqs_wake_later(q);
    return 0;
}

int sqs_change_message_visibility(struct call *c, const void *input, void *output UNUSED)
{
    const struct sqs_ChangeMessageVisibilityRequest *in = input;
    struct sqs_queue *q;
    struct fault f;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    r = change_one(c, q, in->ReceiptHandle, in->VisibilityTimeout, &f);
    if (r == -E_FAULT)
        return sqs_fault(c, &f);
    sqs_wake(c->state, c->turn);
    return r;
}

int sqs_change_message_visibility_batch(struct call *c, const void *input, void *output)
{
    const struct sqs_ChangeMessageVisibilityBatchRequest *in = input;
    struct sqs_ChangeMessageVisibilityBatchResult *out = output;
    struct sqs_ids ids = { in->Entries.n, in->Entries.v,
                           sizeof(struct sqs_ChangeMessageVisibilityBatchRequestEntry) };
    struct sqs_queue *q;
    int r;

    if ((r = sqs_enter(c, in->QueueUrl, &q)) != 0 ||
        (r = sqs_check_batch(c, &ids, "ChangeMessageVisibilityBatchRequestEntry")) != 0 ||
        (r = sqs_check_distinct(c, &ids)) != 0)
        return r;
    out->Successful.v = arena_calloc(c->mem, ids.n, sizeof(*out->Successful.v));
    out->Failed.v = arena_calloc(c->mem, ids.n, sizeof(*out->Failed.v));
    for (size_t i = 0; i < ids.n; i++) {
        const struct sqs_ChangeMessageVisibilityBatchRequestEntry *e = &in->Entries.v[i];
        struct fault f;

        r = change_one(c, q, e->ReceiptHandle, e->VisibilityTimeout, &f);
        if (r == -E_FAULT) {
            sqs_failed(&out->Failed, e->Id, &f);
            continue;
        }
        if (r != 0)
            return r;
        out->Successful.v[out->Successful.n++].Id = e->Id;
        out->Successful.set = true;
    }
    CHECK(out->Successful.n + out->Failed.n == ids.n);
    sqs_wake(c->state, c->turn);
    return 0;
}
