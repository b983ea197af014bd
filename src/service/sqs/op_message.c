/* op_message.c - messages come in and go out.
 * Costs, of both kinds of queues: SendMessage 1 INSERT; SendMessageBatch 1 INSERT per entry; ReceiveMessage 1
 * SELECT + 1 UPDATE per message. */
#include "service/sqs/ops.h"

#include "service/sqs/fault.h"
#include "service/sqs/take.h"
#include "service/sqs/wait.h"

#define RECEIVE_MOST 10
#define WAIT_MOST 20
#define VISIBILITY_MOST 43200
#define NAMES_MOST 1000

struct sent {
    struct str message_id, md5_body, md5_attributes, md5_system, sequence;
};

static struct str number(struct arena *a, int64_t v) { return arena_printf(a, "%lld", (long long)v); }

/* A FIFO queue delays as a whole: 0 means its own delay, as no value does. */
static int check_delay(struct arena *a, const struct sqs_queue *q, struct opt_int delay, struct fault *ret)
{
    if (q->fifo && delay.set && delay.v != 0)
        return sqs_no_value(a, ret, number(a, delay.v), "DelaySeconds",
                            "The request include parameter that is not valid for this queue type.");
    if (delay.set && (delay.v < 0 || delay.v > SQS_DELAY_MOST_S))
        return sqs_no_value(a, ret, number(a, delay.v), "DelaySeconds",
                            "DelaySeconds must be >= 0 and <= 900.");
    return 0;
}

static struct sqs_msg_rules rules_of(const struct sqs_queue *q, bool in_batch)
{
    return (struct sqs_msg_rules){
        .most_bytes = q->most_bytes, .fifo = q->fifo, .by_content = q->by_content, .in_batch = in_batch
    };
}

/* 0; -E_FAULT with *ret_fault and nothing written; or a store error. */
static int send_one(struct call *c, struct sqs_queue *q, const struct sqs_SendMessageRequest *in,
                    bool in_batch, struct sent *ret, struct fault *ret_fault)
{
    struct sqs_msg_rules rules = rules_of(q, in_batch);
    struct sqs_sent done;
    struct sqs_msg m;
    int r;

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    if (sqs_msg_check(c->mem, in, &rules, &m, ret_fault) != 0 ||
        check_delay(c->mem, q, in->DelaySeconds, ret_fault) != 0)
        return -E_FAULT;
    if (sqs_queue_full(q))
        return fault_set(c->mem, ret_fault, &sqs_error_OverLimit, "This server holds at most %d messages.",
                         SQS_MESSAGES_MOST);
    m.sender = c->principal.user_id;
    r = sqs_queue_send(c->turn, q, &m, in->DelaySeconds.set ? in->DelaySeconds.v * 1000 : -1, &done);
    if (r != 0)
        return r;
    sqs_count(c->turn, q, "SentMessageSize", (double)sqs_msg_bytes(&m), "Bytes");
    *ret = (struct sent){ .message_id = arena_str(c->mem, str_of(done.message_id)),
                          .md5_body = sqs_msg_md5_of_body(c->mem, m.body),
                          .md5_attributes = sqs_msg_md5(c->mem, m.attributes, m.n_attributes),
                          .md5_system = sqs_msg_md5_of_trace(c->mem, m.trace),
                          .sequence = q->fifo ? sqs_sequence(c->mem, done.id) : STR_NONE };
    return 0;
}

int sqs_send_message(struct call *c, const void *input, void *output)
{
    const struct sqs_SendMessageRequest *in = input;
    struct sqs_SendMessageResult *out = output;
    struct sqs_queue *q;
    struct sent sent;
    struct fault f;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    r = send_one(c, q, in, false, &sent, &f);
    if (r == -E_FAULT)
        return sqs_fault(c, &f);
    if (r != 0)
        return r;
    out->MessageId = sent.message_id;
    out->MD5OfMessageBody = sent.md5_body;
    out->MD5OfMessageAttributes = sent.md5_attributes;
    out->MD5OfMessageSystemAttributes = sent.md5_system;
    out->SequenceNumber = sent.sequence;
    sqs_count(c->turn, q, "NumberOfMessagesSent", 1, "Count");
    sqs_wake(c->state, c->turn);
    return 0;
}

static int check_batch_bytes(struct call *c, const struct sqs_SendMessageBatchRequestEntryList *entries)
{
    size_t n = 0;

    for (size_t i = 0; i < entries->n; i++)
        n += sqs_msg_entry_bytes(&entries->v[i]);
    if (n > SQS_BATCH_BYTES_MOST)
        return call_fault(c, &sqs_error_BatchRequestTooLong,
                          "Batch requests cannot be longer than %d bytes. You have sent %zu bytes.",
                          SQS_BATCH_BYTES_MOST, n);
    return 0;
}

static struct sqs_SendMessageRequest entry_request(const struct sqs_SendMessageBatchRequestEntry *e)
{
    return (struct sqs_SendMessageRequest){ .MessageBody = e->MessageBody,
                                            .DelaySeconds = e->DelaySeconds,
                                            .MessageAttributes = e->MessageAttributes,
                                            .MessageSystemAttributes = e->MessageSystemAttributes,
                                            .MessageDeduplicationId = e->MessageDeduplicationId,
                                            .MessageGroupId = e->MessageGroupId };
}

/* Both before any entry is looked at, and in this order (AWS's recorded behaviour). */
static int check_batch_ids(struct call *c, const struct sqs_queue *q,
                           const struct sqs_SendMessageBatchRequestEntryList *entries)
{
    struct sqs_msg_rules rules = rules_of(q, true);
    struct fault f;

    for (size_t i = 0; i < entries->n; i++)
        if (sqs_msg_check_deduplication(c->mem, entries->v[i].MessageDeduplicationId, &rules, &f) != 0)
            return sqs_fault(c, &f);
    for (size_t i = 0; i < entries->n; i++)
        if (q->fifo && str_absent(entries->v[i].MessageGroupId))
            return call_fault(c, &sqs_error_invalid_parameter,
                              "The request must contain the parameter MessageGroupId.");
    return 0;
}

int sqs_send_message_batch(struct call *c, const void *input, void *output)
{
    const struct sqs_SendMessageBatchRequest *in = input;
    struct sqs_SendMessageBatchResult *out = output;
    struct sqs_ids ids = { in->Entries.n, in->Entries.v, sizeof(struct sqs_SendMessageBatchRequestEntry) };
    struct sqs_queue *q;
    int r;

    if ((r = sqs_enter(c, in->QueueUrl, &q)) != 0 ||
        (r = sqs_check_batch(c, &ids, "SendMessageBatchRequestEntry")) != 0 ||
        (r = check_batch_ids(c, q, &in->Entries)) != 0 || (r = sqs_check_distinct(c, &ids)) != 0 ||
        (r = check_batch_bytes(c, &in->Entries)) != 0)
        return r;
    out->Successful.v = arena_calloc(c->mem, ids.n, sizeof(*out->Successful.v));
    out->Failed.v = arena_calloc(c->mem, ids.n, sizeof(*out->Failed.v));
    for (size_t i = 0; i < ids.n; i++) {
        const struct sqs_SendMessageBatchRequestEntry *e = &in->Entries.v[i];
        struct sqs_SendMessageRequest one = entry_request(e);
        struct sent sent;
        struct fault f;

        r = send_one(c, q, &one, true, &sent, &f);
        if (r == -E_FAULT) {
            sqs_failed(&out->Failed, e->Id, &f);
            continue;
        }
        if (r != 0)
            return r;
        CHECK(out->Successful.n + out->Failed.n < ids.n);
        out->Successful.v[out->Successful.n++] =
            (struct sqs_SendMessageBatchResultEntry){ .Id = e->Id,
                                                      .MessageId = sent.message_id,
                                                      .MD5OfMessageBody = sent.md5_body,
                                                      .MD5OfMessageAttributes = sent.md5_attributes,
                                                      .MD5OfMessageSystemAttributes = sent.md5_system,
                                                      .SequenceNumber = sent.sequence };
        out->Successful.set = true;
    }
    CHECK(out->Successful.n + out->Failed.n == ids.n); /* each entry has one answer */
    if (out->Successful.n > 0)
        sqs_count(c->turn, q, "NumberOfMessagesSent", (double)out->Successful.n, "Count");
    sqs_wake(c->state, c->turn);
    return 0;
}

static int out_of_range(struct call *c, struct opt_int v, int64_t low, int64_t high, const char *name,
                        const char *reason)
{
    return v.set && (v.v < low || v.v > high) ? sqs_fault_value(c, number(c->mem, v.v), name, reason) : 0;
}

static int check_receive(struct call *c, const struct sqs_queue *q,
                         const struct sqs_ReceiveMessageRequest *in)
{
    if (out_of_range(c, in->MaxNumberOfMessages, 1, RECEIVE_MOST, "MaxNumberOfMessages",
                     "Must be between 1 and 10, if provided.") != 0 ||
        out_of_range(c, in->WaitTimeSeconds, 0, WAIT_MOST, "WaitTimeSeconds",
                     "Must be >= 0 and <= 20, if provided.") != 0 ||
        out_of_range(c, in->VisibilityTimeout, 0, VISIBILITY_MOST, "VisibilityTimeout",
                     "Must be between 0 and 43200, if provided.") != 0)
        return -E_FAULT;
    /* UNVERIFIED for a standard queue; the parameter has no meaning there, so it is not taken in silence. */
    if (!q->fifo && !str_absent(in->ReceiveRequestAttemptId))
        return sqs_fault_value(c, in->ReceiveRequestAttemptId, "ReceiveRequestAttemptId",
                               "The request includes a parameter that is not valid for this queue type.");
    if (!str_absent(in->ReceiveRequestAttemptId) && !sqs_msg_is_id(in->ReceiveRequestAttemptId))
        return sqs_fault_value(c, in->ReceiveRequestAttemptId, "ReceiveRequestAttemptId",
                               "ReceiveRequestAttemptId can only include alphanumeric and punctuation "
                               "characters. 1 to 128 in length.");
    return 0;
}

/* AWS names no limit.  Every name is compared with every attribute of every message, and nobody can have
 * more. */
static int check_names(struct call *c, const struct sqs_MessageAttributeNameList *names)
{
    return names->n <= NAMES_MOST
               ? 0
               : call_fault(c, &sqs_error_invalid_parameter,
                            "A request can ask for at most %d message attribute names.", NAMES_MOST);
}

/* AttributeNames may hold names of queue attributes, which say nothing about a message. */
static int add_names(struct call *c, struct sqs_want *want, const struct str *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!sqs_want_system(want, v[i]) && sqs_attribute_find(v[i]) < 0)
            return call_fault(c, &sqs_error_InvalidAttributeName, "Unknown Attribute " STR_FMT ".",
                              STR_ARG(v[i]));
    return 0;
}

/* Old and new list are one on json; in the query protocol the new one wins (AWS's recorded behaviour). */
static int make_want(struct call *c, const struct sqs_ReceiveMessageRequest *in, struct sqs_want *ret)
{
    bool new_alone = c->protocol == PROTO_QUERY && in->MessageSystemAttributeNames.n > 0;
    int r = add_names(c, ret, in->MessageSystemAttributeNames.v, in->MessageSystemAttributeNames.n);

    ret->most = in->MaxNumberOfMessages.set ? in->MaxNumberOfMessages.v : 1;
    ret->visibility_ms = in->VisibilityTimeout.set ? in->VisibilityTimeout.v * 1000 : -1;
    ret->names = &in->MessageAttributeNames;
    ret->attempt_id = in->ReceiveRequestAttemptId;
    return r != 0 || new_alone ? r : add_names(c, ret, in->AttributeNames.v, in->AttributeNames.n);
}

int sqs_receive_message(struct call *c, const void *input, void *output)
{
    const struct sqs_ReceiveMessageRequest *in = input;
    struct sqs_ReceiveMessageResult *out = output;
    struct sqs_want want = { 0 };
    struct sqs_queue *q;
    int64_t wait_ms;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0 || (r = check_receive(c, q, in)) != 0 ||
        (r = check_names(c, &in->MessageAttributeNames)) != 0 || (r = make_want(c, in, &want)) != 0)
        return r;
    (void)sqs_index_settle(&q->index, c->turn->now.wall_ms);
    if (!q->fifo && q->index.n_in_flight >= SQS_IN_FLIGHT_MOST)
        return call_fault(c, &sqs_error_OverLimit, "Too many messages in flight: a queue holds at most %d.",
                          SQS_IN_FLIGHT_MOST);
    r = sqs_take(c->turn, q, &want, c->mem, &out->Messages);
    if (r != 0)
        return r;
    /* Dead letters that moved may be what somebody waits for. */
    sqs_wake(c->state, c->turn);
    wait_ms = in->WaitTimeSeconds.set ? in->WaitTimeSeconds.v * 1000 : q->wait_ms;
    if (out->Messages.n == 0 && wait_ms > 0)
        return sqs_wait(c, q, &want, wait_ms);
    if (out->Messages.n == 0)
        sqs_count(c->turn, q, "NumberOfEmptyReceives", 1, "Count");
    return 0;
}
