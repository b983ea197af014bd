/* op_publish.c - Publish and PublishBatch.
 *
 * A message is checked whole before anything is written; then it gets its id, and its place in the sequence
 * of a FIFO topic, and is handed to its subscribers in the same turn. */
#include "service/sns/deliver.h"
#include "service/sns/ops.h"
#include "service/sns/seen.h"

#define BATCH_ID_MOST 80
#define TRACE_MOST 1024
#define SEQUENCE_BASE 10000000000000000000ull /* 20 digits, as AWS's */

/* Gives the message its names.  *ret_again: the topic had it in the last five minutes, with these names. */
static int accept(struct turn *t, struct arena *a, struct sns_topic *topic, struct sns_message *m,
                  bool *ret_again)
{
    const struct sns_seen *seen =
        topic->fifo ? sns_seen_find(topic, m->group, m->deduplication_id, t->now.wall_ms) : NULL;
    uint64_t place = 0;
    int r;

    CHECK_IS(topic, SNS_TOPIC_MAGIC);
    CHECK(!topic->fifo || (!str_absent(m->group) && !str_absent(m->deduplication_id)));
    *ret_again = seen != NULL;
    m->at_ms = t->now.wall_ms;
    if (seen != NULL) {
        m->id = arena_str(a, str_of(seen->message_id));
        place = seen->id;
    } else {
        m->id = uuid_str(a);
    }
    if (topic->fifo && seen == NULL) {
        r = sns_seen_add(t, topic, m->group, m->deduplication_id, m->id, &place);
        if (r < 0)
            return r;
    }
    if (topic->fifo)
        m->sequence = arena_printf(a, "%llu", SEQUENCE_BASE + (unsigned long long)place);
    return 0;
}

int sns_accept_and_publish(struct turn *t, struct arena *a, struct sns_topic *topic, struct sns_message *m)
{
    bool again;
    int r = accept(t, a, topic, m, &again);

    if (r == 0 && !again)
        sns_publish(t, topic, m);
    return r;
}

/* X-Ray's header, as functions send it along; what does not look like it is not passed on. */
static struct str trace_of(const struct call *c)
{
    struct str trace = call_request_header(c, "X-Amzn-Trace-Id");

    return trace.n <= TRACE_MOST && str_starts(trace, STR("Root=")) ? trace : STR_NONE;
}

static int fault_of(struct call *c, int r)
{
    return r == -E_LIMIT ? call_fault(c, &sns_error_ThrottledException,
                                      "Too many messages of FIFO topics within five minutes.")
                         : r;
}

static int find_target(struct call *c, const struct sns_PublishInput *in, struct sns_topic **ret)
{
    struct str arn = str_absent(in->TopicArn) ? in->TargetArn : in->TopicArn;

    if (!str_absent(in->PhoneNumber))
        return sns_invalid(c, "PhoneNumber Reason: Waybill does not deliver to sms");
    if (!str_absent(in->TopicArn) && !str_absent(in->TargetArn)) /* UNVERIFIED sentence */
        return sns_invalid(c, "TopicArn or TargetArn Reason: both were given");
    if (str_absent(arn))
        return sns_invalid(c, "TopicArn or TargetArn Reason: no value for required parameter");
    if (str_starts(arn, STR("arn:")) && str_find_str(arn, STR(":endpoint/")) >= 0)
        return sns_invalid(c, "TargetArn Reason: Waybill does not deliver to application endpoints");
    return sns_topic_enter(c, arn, str_absent(in->TopicArn) ? "TargetArn" : "TopicArn", "sns:Publish", ret);
}

int sns_publish_one(struct call *c, const void *input, void *output)
{
    const struct sns_PublishInput *in = input;
    struct sns_PublishResponse *out = output;
    const struct sns_given given = { in->Message,
                                     in->Subject,
                                     in->MessageStructure,
                                     in->MessageGroupId,
                                     in->MessageDeduplicationId,
                                     &in->MessageAttributes };
    struct sns_message m;
    struct sns_topic *t;
    struct fault f;
    int r = find_target(c, in, &t);

    if (r != 0)
        return r;
    if (sns_message_check(c->mem, &given, &m, &f) != 0 || sns_message_check_fifo(c->mem, t, &m, &f) != 0)
        return sns_fault(c, &f);
    m.trace = trace_of(c);
    r = sns_accept_and_publish(c->turn, c->mem, t, &m);
    if (r != 0)
        return fault_of(c, r);
    out->MessageId = m.id;
    out->SequenceNumber = m.sequence;
    return 0;
}

/* ---- PublishBatch ---- */

static bool is_batch_id(struct str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char ch = id.p[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' ||
              ch == '-'))
            return false;
    }
    return id.n >= 1 && id.n <= BATCH_ID_MOST;
}

static struct sns_given given_of(const struct sns_PublishBatchRequestEntry *e)
{
    return (struct sns_given){
        e->Message,           e->Subject, e->MessageStructure, e->MessageGroupId, e->MessageDeduplicationId,
        &e->MessageAttributes
    };
}

static int check_batch(struct call *c, const struct sns_PublishBatchRequestEntryList *v)
{
    size_t bytes = 0;

    if (v->n == 0)
        return call_fault(c, &sns_error_EmptyBatchRequestException,
                          "The batch request doesn't contain any entries.");
    if (v->n > SNS_BATCH_MOST)
        return call_fault(c, &sns_error_TooManyEntriesInBatchRequestException,
                          "The batch request contains more entries than permissible.");
    for (size_t i = 0; i < v->n; i++) {
        struct sns_given given = given_of(&v->v[i]);

        bytes += sns_given_bytes(&given);
        if (!is_batch_id(v->v[i].Id))
            return call_fault(
                c, &sns_error_InvalidBatchEntryIdException,
                "The Id of a batch entry in a batch request doesn't abide by the specification.");
        for (size_t k = 0; k < i; k++)
            if (str_eq(v->v[k].Id, v->v[i].Id))
                return call_fault(c, &sns_error_BatchEntryIdsNotDistinctException,
                                  "Two or more batch entries in the request have the same Id.");
    }
    return bytes <= SNS_MESSAGE_BYTES_MOST
               ? 0
               : call_fault(c, &sns_error_BatchRequestTooLongException,
                            "The length of all the messages put together is more than the limit.");
}

static struct str code_of(const struct error_row *row)
{
    return str_of(row->query_code != NULL ? row->query_code : row->name);
}

/* One entry; its fault is its own.  0 or an error of the whole request. */
static int publish_entry(struct call *c, struct sns_topic *t, const struct sns_PublishBatchRequestEntry *e,
                         struct sns_PublishBatchResponse *out)
{
    const struct sns_given given = given_of(e);
    struct sns_message m;
    struct fault f;
    int r;

    CHECK(out->Successful.n + out->Failed.n < SNS_BATCH_MOST);
    if (sns_message_check(c->mem, &given, &m, &f) != 0 || sns_message_check_fifo(c->mem, t, &m, &f) != 0) {
        out->Failed.v[out->Failed.n++] =
            (struct sns_BatchResultErrorEntry){ e->Id, code_of(f.row), f.message, BOOL_SET(f.row->sender) };
        return 0;
    }
    m.trace = trace_of(c);
    r = sns_accept_and_publish(c->turn, c->mem, t, &m);
    if (r == -E_LIMIT)
        out->Failed.v[out->Failed.n++] =
            (struct sns_BatchResultErrorEntry){ e->Id, STR("Throttled"),
                                                STR("Too many messages of FIFO topics "
                                                    "within five minutes."),
                                                BOOL_SET(true) };
    else if (r == 0)
        out->Successful.v[out->Successful.n++] =
            (struct sns_PublishBatchResultEntry){ e->Id, m.id, m.sequence };
    return r == -E_LIMIT ? 0 : r;
}

/* UNVERIFIED: an entry without a group fails the whole request of a FIFO topic. */
static int check_groups(struct call *c, const struct sns_topic *t,
                        const struct sns_PublishBatchRequestEntryList *v)
{
    for (size_t i = 0; t->fifo && i < v->n; i++)
        if (str_absent(v->v[i].MessageGroupId))
            return sns_invalid(c, "The MessageGroupId parameter is required for FIFO topics");
    return 0;
}

int sns_publish_batch(struct call *c, const void *input, void *output)
{
    const struct sns_PublishBatchInput *in = input;
    struct sns_PublishBatchResponse *out = output;
    const struct sns_PublishBatchRequestEntryList *v = &in->PublishBatchRequestEntries;
    struct sns_topic *t;
    int r = sns_topic_enter(c, in->TopicArn, "TopicArn", "sns:Publish", &t);

    if (r != 0 || check_batch(c, v) != 0 || check_groups(c, t, v) != 0)
        return -E_FAULT;
    out->Successful =
        (struct sns_PublishBatchResultEntryList){ true, 0,
                                                  arena_calloc(c->mem, v->n, sizeof(*out->Successful.v)) };
    out->Failed =
        (struct sns_BatchResultErrorEntryList){ true, 0, arena_calloc(c->mem, v->n, sizeof(*out->Failed.v)) };
    for (size_t i = 0; i < v->n && r == 0; i++)
        r = publish_entry(c, t, &v->v[i], out);
    CHECK(r != 0 || out->Successful.n + out->Failed.n == v->n); /* each entry has one answer */
    return r;
}
