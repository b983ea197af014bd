/* FIFO queues under a clock that obeys, told as stories; then a long random walk against a plain model. */
#include <ftw.h>
#include <unistd.h>

#include "test/door.h"
#include "test/sqs/story.h"

#include "base/crypt.h"
#include "service/sqs/dedup.h"
#include "service/sqs/move.h"
#include "store/disk.h"

#define Q URL("q.fifo")
#define ARN(name_) "arn:aws:sqs:us-east-1:000000000000:" name_

static struct asked *create_fifo(struct str name, const char *attribute, const char *value)
{
    struct sqs_QueueAttributeMap_entry e[] = { { STR("FifoQueue"), STR("true") },
                                               { str_of(attribute), str_of(value) } };
    struct sqs_CreateQueueRequest in = { .QueueName = name,
                                         .Attributes = { true, attribute != NULL ? 2 : 1, e } };

    return say(&w, "CreateQueue", &in);
}

static struct asked *put(struct str url, const char *body, const char *group, const char *deduplication)
{
    struct sqs_SendMessageRequest in = { .QueueUrl = url,
                                         .MessageBody = str_of(body),
                                         .MessageGroupId = str_of(group),
                                         .MessageDeduplicationId = str_of(deduplication) };

    return say(&w, "SendMessage", &in);
}

/* Body, group, and the body as deduplication id. */
static void puts_in(struct str url, const char *group, const char *bodies)
{
    for (char one[2] = { 0 }; *bodies != 0; bodies++) {
        one[0] = *bodies;
        expect_ok(put(url, one, group, one));
    }
}

static struct str sequence_of(const struct asked *a)
{
    return ((struct sqs_SendMessageResult *)a->c.output)->SequenceNumber;
}
static struct str id_of(const struct asked *a)
{
    return ((struct sqs_SendMessageResult *)a->c.output)->MessageId;
}

/* The bodies of an answer, one after the other. */
static void expect_bodies_at(int line, const struct asked *a, const char *want)
{
    char have[64] = "";

    if (!a->answered || a->result != 0) {
        UNIT_FAIL("line %d: no answer", line);
        return;
    }
    for (size_t i = 0; i < got(a)->n; i++)
        strncat(have, got(a)->v[i].Body.p, got(a)->v[i].Body.n);
    if (strcmp(have, want) != 0)
        UNIT_FAIL("line %d: got %s, want %s", line, have, want);
}
#define EXPECT_BODIES(a_, want_) expect_bodies_at(__LINE__, (a_), (want_))

static struct str handle_at(const struct asked *a, size_t i)
{
    return i < got(a)->n ? got(a)->v[i].ReceiptHandle : STR("none");
}

static void expect_expired(const struct asked *a)
{
    EXPECT(a->answered && a->result == -E_FAULT);
    if (a->result == -E_FAULT) {
        EXPECT_Z(a->c.fault.row->query_code, "InvalidParameterValue");
        EXPECT(str_ends(
            a->c.fault.message,
            STR(" for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")));
    }
}

TEST(fifo, creating)
{
    static const struct {
        const char *name, *attribute, *value;
        const struct error_row *row;
        const char *message;
    } no[] = {
        { "a.fifo", NULL, NULL, &sqs_error_invalid_parameter,
          "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length" },
        { ".fifo", "FifoQueue", "true", &sqs_error_invalid_parameter,
          "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length" },
        { "a", "FifoQueue", "true", &sqs_error_InvalidAttributeName, "Unknown Attribute FifoQueue." },
        { "a", "FifoQueue", "false", &sqs_error_InvalidAttributeName, "Unknown Attribute FifoQueue." },
        { "a.fifo", "FifoQueue", "false", &sqs_error_InvalidAttributeName, "Unknown Attribute FifoQueue." },
        { "a.fifo", "FifoQueue", "yes", &sqs_error_InvalidAttributeValue,
          "Invalid value for the parameter FifoQueue." },
        { "a", "ContentBasedDeduplication", "true", &sqs_error_InvalidAttributeName,
          "Unknown Attribute ContentBasedDeduplication." },
        { "a", "DeduplicationScope", "queue", &sqs_error_InvalidAttributeName,
          "You can specify the DeduplicationScope only when FifoQueue is set to true." },
    };
    static const struct {
        const char *attribute, *value, *message;
    } bad[] = {
        { "FifoQueue", "false",
          "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported." },
        { "ContentBasedDeduplication", "yes", "Invalid value for the parameter ContentBasedDeduplication." },
        { "DeduplicationScope", "group", "Invalid value for the parameter DeduplicationScope." },
        { "FifoThroughputLimit", "none", "Invalid value for the parameter FifoThroughputLimit." },
        { "FifoThroughputLimit", "perMessageGroupId",
          "Invalid value for the parameter FifoThroughputLimit. Reason: "
          "perMessageGroupId is allowed only when DeduplicationScope is messageGroup." },
    };
    char name[81];

    world_open(&w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        expect_fault(create(str_of(no[i].name), no[i].attribute, no[i].value), no[i].row, no[i].message);
    memset(name, 'n', 80);
    memcpy(name + 75, ".fifo", 6);
    expect_ok(create_fifo(str_of(name), NULL, NULL));
    expect_ok(create_fifo(STR("q.fifo"), NULL, NULL));
    expect_ok(create_fifo(STR("q.fifo"), "ContentBasedDeduplication", "false"));
    expect_fault(create_fifo(STR("q.fifo"), "ContentBasedDeduplication", "true"), &sqs_error_QueueNameExists,
                 "A queue already exists with the same name and a different value for attribute "
                 "ContentBasedDeduplication");
    EXPECT_STR(attribute(Q, "FifoQueue"), STR("true"));
    EXPECT_STR(attribute(Q, "ContentBasedDeduplication"), STR("false"));
    EXPECT_STR(attribute(Q, "DeduplicationScope"), STR("queue"));
    EXPECT_STR(attribute(Q, "FifoThroughputLimit"), STR("perQueue"));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        expect_fault(set(Q, bad[i].attribute, bad[i].value), &sqs_error_InvalidAttributeValue,
                     bad[i].message);
    expect_ok(set(Q, "FifoQueue", "true"));
    expect_ok(set(Q, "DeduplicationScope", "messageGroup"));
    expect_ok(set(Q, "FifoThroughputLimit", "perMessageGroupId"));
    expect_ok(create(STR("s"), NULL, NULL));
    EXPECT_STR(attribute(URL("s"), "FifoQueue"), STR_NONE);
    EXPECT_STR(attribute(URL("s"), "DeduplicationScope"), STR_NONE);
    world_close(&w);
}

TEST(fifo, what_a_message_must_say)
{
    struct sqs_SendMessageRequest late = { .QueueUrl = Q,
                                           .MessageBody = STR("m"),
                                           .MessageGroupId = STR("g"),
                                           .MessageDeduplicationId = STR("x"),
                                           .DelaySeconds = INT_SET(5) };
    char tall[130];

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), NULL, NULL);
    expect_fault(put(Q, "m", NULL, "d"), &sqs_error_missing_parameter,
                 "The request must contain the parameter MessageGroupId.");
    expect_fault(put(Q, "m", "g", NULL), &sqs_error_invalid_parameter,
                 "The queue should either have ContentBasedDeduplication "
                 "enabled or MessageDeduplicationId provided explicitly");
    expect_fault(put(Q, "m", "a b", "d"), &sqs_error_invalid_parameter,
                 "Value a b for parameter MessageGroupId is invalid. "
                 "Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 "
                 "in length.");
    expect_fault(put(Q, "m", "g", ""), &sqs_error_invalid_parameter,
                 "Value  for parameter MessageDeduplicationId is invalid. "
                 "Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 "
                 "to 128 in length.");
    memset(tall, '!', sizeof(tall));
    tall[129] = 0;
    EXPECT_INT(put(Q, "m", tall, "d")->result, -E_FAULT);
    tall[128] = 0;
    expect_ok(put(Q, "m", tall, tall));
    expect_fault(say(&w, "SendMessage", &late), &sqs_error_invalid_parameter,
                 "Value 5 for parameter DelaySeconds is invalid. "
                 "Reason: The request include parameter that is not valid for this queue type.");
    late.DelaySeconds.v = 0;
    expect_ok(say(&w, "SendMessage", &late));
    world_close(&w);
}

TEST(fifo, attributes_of_a_message)
{
    struct asked *first, *second, *a;
    struct sqs_Message *m;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), NULL, NULL);
    first = put(Q, "a", "g", "d1");
    world_advance(&w, 5);
    second = put(Q, "b", "g", "d2");
    EXPECT_INT(sequence_of(first).n, 20);
    EXPECT_INT(sequence_of(second).n, 20);
    EXPECT(str_cmp(sequence_of(first), sequence_of(second)) < 0);
    a = receive(Q, 10, -1, 0);
    EXPECT_BODIES(a, "ab");
    m = &got(a)->v[1];
    EXPECT_INT(m->Attributes.n, 7);
    EXPECT_STR(system_of(m, "SequenceNumber"), sequence_of(second));
    EXPECT_STR(system_of(m, "MessageGroupId"), STR("g"));
    EXPECT_STR(system_of(m, "MessageDeduplicationId"), STR("d2"));
    EXPECT_STR(system_of(m, "SentTimestamp"), STR("1800000000005"));
    EXPECT_STR(system_of(m, "ApproximateReceiveCount"), STR("1"));
    world_reload(&w);
    EXPECT(str_cmp(sequence_of(second), sequence_of(put(Q, "c", "g", "d3"))) < 0);
    world_close(&w);
}

TEST(fifo, a_duplicate_is_answered_and_forgotten)
{
    struct asked *first, *again;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), NULL, NULL);
    first = put(Q, "a", "g", "d");
    world_advance(&w, SQS_WINDOW_MS / 2);
    again = put(Q, "other body", "h", "d");
    expect_ok(again);
    EXPECT_STR(id_of(again), id_of(first));
    EXPECT_STR(sequence_of(again), sequence_of(first));
    EXPECT_STR(((struct sqs_SendMessageResult *)again->c.output)->MD5OfMessageBody,
               STR("ab5b30d1c41106b54743053392b39cbf"));
    counts(Q, "1", "0", "0");
    expect_ok(delete (Q, handle_at(receive(Q, 1, -1, 0), 0)));
    counts(Q, "0", "0", "0");
    EXPECT_STR(id_of(put(Q, "a", "g", "d")), id_of(first));
    world_reload(&w);
    EXPECT_STR(id_of(put(Q, "a", "g", "d")), id_of(first));
    EXPECT_STR(sequence_of(put(Q, "a", "g", "d")), sequence_of(first));
    world_advance(&w, SQS_WINDOW_MS / 2 - 1);
    EXPECT_STR(id_of(put(Q, "a", "g", "d")), id_of(first));
    counts(Q, "0", "0", "0");
    world_advance(&w, 1);
    again = put(Q, "a", "g", "d");
    EXPECT(!str_eq(id_of(again), id_of(first)));
    counts(Q, "1", "0", "0");
    /* The new one has begun a window of its own, also for a memory that has just been read. */
    world_reload(&w);
    EXPECT_STR(id_of(put(Q, "a", "g", "d")), id_of(again));
    world_close(&w);
}

static int64_t rows_of(const char *table)
{
    static struct sql dedup = SQL("SELECT count(*) FROM sqs_dedup"),
                      message = SQL("SELECT count(*) FROM sqs_message");
    CLEANUP(rows_done) struct rows r;

    store_query(w.store, strcmp(table, "sqs_dedup") == 0 ? &dedup : &message, &r);
    CHECK(rows_next(&r));
    return rows_int(&r, 0);
}

TEST(fifo, ids_of_deleted_messages_stay_for_their_time_and_no_longer)
{
    char body[16];

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), NULL, NULL);
    for (int i = 0; i < 2500; i++) {
        snprintf(body, sizeof(body), "%d", i);
        put(Q, body, "g", body);
        expect_ok(delete (Q, handle_at(receive(Q, 1, -1, 0), 0)));
    }
    EXPECT_INT(rows_of("sqs_dedup"), 2500);
    EXPECT_INT(rows_of("sqs_message"), 0);
    EXPECT_INT(sqs_dedup_count(&w.sqs->dedup), 2500);
    world_reload(&w);
    EXPECT_INT(sqs_dedup_count(&w.sqs->dedup), 2500);
    world_advance(&w, SQS_WINDOW_MS + 60000);
    world_real(&w, 10);
    world_real(&w, 10);
    world_real(&w, 10);
    EXPECT_INT(rows_of("sqs_dedup"), 0);
    EXPECT_INT(sqs_dedup_count(&w.sqs->dedup), 0);
    EXPECT_INT(w.sqs->dedup.rows, 0);
    /* Deleted when its window is over: no row is left behind. */
    put(Q, "late", "g", "late");
    world_advance(&w, SQS_WINDOW_MS);
    expect_ok(delete (Q, handle_at(receive(Q, 1, -1, 0), 0)));
    EXPECT_INT(rows_of("sqs_dedup"), 0);
    world_close(&w);
}

TEST(fifo, by_content_and_by_group)
{
    struct sqs_Message *m;
    struct asked *a;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), "ContentBasedDeduplication", "true");
    a = put(Q, "hello", "g", NULL);
    EXPECT_STR(id_of(put(Q, "hello", "h", NULL)), id_of(a));
    EXPECT(!str_eq(id_of(put(Q, "hello", "g", "explicit")), id_of(a)));
    m = &got(receive(Q, 1, -1, 0))->v[0];
    EXPECT_STR(system_of(m, "MessageDeduplicationId"),
               STR("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"));
    create_fifo(STR("p.fifo"), "DeduplicationScope", "messageGroup");
    a = put(URL("p.fifo"), "x", "g", "d");
    EXPECT(!str_eq(id_of(put(URL("p.fifo"), "x", "h", "d")), id_of(a)));
    EXPECT_STR(id_of(put(URL("p.fifo"), "x", "g", "d")), id_of(a));
    world_reload(&w);
    EXPECT_STR(id_of(put(URL("p.fifo"), "x", "g", "d")), id_of(a));
    counts(URL("p.fifo"), "2", "0", "0");
    /* The same id in another queue is another id. */
    EXPECT(!str_eq(id_of(put(Q, "x", "g", "d")), id_of(a)));
    world_close(&w);
}

TEST(fifo, groups_in_order)
{
    struct asked *a, *b;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), "VisibilityTimeout", "10");
    puts_in(Q, "one", "ab");
    puts_in(Q, "two", "xyz");
    puts_in(Q, "one", "c");
    a = receive(Q, 2, -1, 0);
    EXPECT_BODIES(a, "ab");
    b = receive(Q, 2, -1, 0);
    EXPECT_BODIES(b, "xy");
    EXPECT_BODIES(receive(Q, 10, -1, 0), "");
    counts(Q, "2", "4", "0");
    /* A new arrival unlocks nothing, and a new group is free. */
    puts_in(Q, "one", "d");
    EXPECT_BODIES(receive(Q, 10, -1, 0), "");
    puts_in(Q, "three", "1");
    EXPECT_BODIES(receive(Q, 10, -1, 0), "1");
    expect_ok(delete (Q, handle_at(a, 0)));
    EXPECT_BODIES(receive(Q, 10, -1, 0), "");
    expect_ok(delete (Q, handle_at(a, 1)));
    EXPECT_BODIES(receive(Q, 10, -1, 0), "cd");
    expect_ok(delete (Q, handle_at(b, 1)));
    EXPECT_BODIES(receive(Q, 10, -1, 0), "");
    expect_ok(delete (Q, handle_at(b, 0)));
    EXPECT_BODIES(receive(Q, 10, -1, 0), "z");
    world_close(&w);
}

TEST(fifo, one_receive_over_many_groups)
{
    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), NULL, NULL);
    puts_in(Q, "one", "a");
    puts_in(Q, "two", "x");
    puts_in(Q, "one", "bc");
    puts_in(Q, "three", "12");
    EXPECT_BODIES(receive(Q, 5, -1, 0), "abcx1");
    EXPECT_BODIES(receive(Q, 5, -1, 0), "");
    world_advance(&w, 30000);
    /* By the order in which the groups came back; the message nobody had is behind its own. */
    EXPECT_BODIES(receive(Q, 10, -1, 0), "abcx12");
    world_close(&w);
}

TEST(fifo, seen_again_up_to_the_first_hidden)
{
    struct asked *a;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), "VisibilityTimeout", "10");
    puts_in(Q, "g", "abcd");
    a = receive(Q, 3, -1, 0);
    EXPECT_BODIES(a, "abc");
    expect_ok(change(Q, handle_at(a, 1), 0));
    EXPECT_BODIES(receive(Q, 10, -1, 0), ""); /* b is visible, a stands before it */
    expect_ok(change(Q, handle_at(a, 0), 0));
    EXPECT_BODIES(receive(Q, 10, 20, 0), "ab"); /* not past c */
    expect_ok(delete (Q, handle_at(a, 2)));
    EXPECT_BODIES(receive(Q, 10, -1, 0), "");
    world_advance(&w, 20000);
    EXPECT_BODIES(receive(Q, 10, -1, 0), "abd");
    world_close(&w);
}

TEST(fifo, a_group_that_comes_back_stands_at_the_end)
{
    struct asked *a;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), NULL, NULL);
    puts_in(Q, "one", "a");
    puts_in(Q, "two", "b");
    puts_in(Q, "three", "c");
    a = receive(Q, 1, -1, 0);
    EXPECT_BODIES(a, "a");
    expect_ok(change(Q, handle_at(a, 0), 0));
    EXPECT_BODIES(receive(Q, 10, -1, 0), "bca");
    world_close(&w);
}

TEST(fifo, timeout_of_zero)
{
    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), NULL, NULL);
    puts_in(Q, "one", "ab");
    puts_in(Q, "two", "x");
    EXPECT_BODIES(receive(Q, 10, 0, 0), "abx");
    EXPECT_BODIES(receive(Q, 1, 0, 0), "a");
    EXPECT_BODIES(receive(Q, 1, 0, 0), "x");
    EXPECT_BODIES(receive(Q, 10, -1, 0), "abx");
    world_close(&w);
}

TEST(fifo, handles_expire)
{
    struct asked *a, *b;
    struct sqs_DeleteMessageBatchRequestEntry entry[2];
    struct sqs_DeleteMessageBatchRequest batch = { .QueueUrl = Q, .Entries = { true, 2, entry } };
    struct sqs_DeleteMessageBatchResult *out;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), "VisibilityTimeout", "10");
    puts_in(Q, "g", "ab");
    a = receive(Q, 1, -1, 0);
    world_advance(&w, 9000);
    expect_ok(change(Q, handle_at(a, 0), 10));
    world_advance(&w, 9000);
    expect_ok(change(Q, handle_at(a, 0), 10));
    world_advance(&w, 10000);
    expect_expired(delete (Q, handle_at(a, 0)));
    expect_fault(change(Q, STR("x"), 1), &sqs_error_ReceiptHandleIsInvalid,
                 "The input receipt handle \"x\" is not a valid receipt handle.");
    EXPECT_INT(change(Q, handle_at(a, 0), 5)->result, -E_FAULT);
    b = receive(Q, 2, -1, 0);
    EXPECT_BODIES(b, "ab");
    expect_expired(delete (Q, handle_at(a, 0))); /* an older one, of a message in flight again */
    expect_expired(change(Q, handle_at(a, 0), 5));
    entry[0] = (struct sqs_DeleteMessageBatchRequestEntry){ STR("old"), handle_at(a, 0) };
    entry[1] = (struct sqs_DeleteMessageBatchRequestEntry){ STR("new"), handle_at(b, 1) };
    out = say(&w, "DeleteMessageBatch", &batch)->c.output;
    EXPECT_INT(out->Successful.n, 1);
    EXPECT_STR(out->Successful.v[0].Id, STR("new"));
    EXPECT_INT(out->Failed.n, 1);
    EXPECT_STR(out->Failed.v[0].Code, STR("InvalidParameterValue"));
    expect_ok(delete (Q, handle_at(b, 0)));
    expect_ok(delete (Q, handle_at(b, 0))); /* gone already */
    counts(Q, "0", "0", "0");
    world_close(&w);
}

TEST(fifo, delay_is_the_queues)
{
    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), "DelaySeconds", "10");
    puts_in(Q, "g", "a");
    world_advance(&w, 5000);
    puts_in(Q, "g", "b");
    counts(Q, "0", "0", "2");
    EXPECT_BODIES(receive(Q, 10, -1, 0), "");
    world_advance(&w, 5000);
    EXPECT_BODIES(receive(Q, 10, -1, 0), "a");
    world_advance(&w, 5000);
    counts(Q, "1", "1", "0");
    EXPECT_BODIES(receive(Q, 10, -1, 0), "");
    /* A longer delay hides what nobody has received, a shorter one shows it, also after a restart. */
    puts_in(Q, "h", "x");
    expect_ok(set(Q, "DelaySeconds", "100"));
    counts(Q, "0", "1", "2");
    world_reload(&w);
    counts(Q, "0", "1", "2");
    expect_ok(set(Q, "DelaySeconds", "0"));
    counts(Q, "2", "1", "0");
    EXPECT_BODIES(receive(Q, 10, -1, 0), "x");
    world_close(&w);
}

TEST(fifo, batches_keep_their_order_around_what_fails)
{
    struct sqs_SendMessageBatchRequestEntry e[4] = {
        { .Id = STR("1"),
          .MessageBody = STR("a"),
          .MessageGroupId = STR("g"),
          .MessageDeduplicationId = STR("1") },
        { .Id = STR("2"),
          .MessageBody = STR("\001"),
          .MessageGroupId = STR("g"),
          .MessageDeduplicationId = STR("2") },
        { .Id = STR("3"),
          .MessageBody = STR("b"),
          .MessageGroupId = STR("g g"),
          .MessageDeduplicationId = STR("3") },
        { .Id = STR("4"),
          .MessageBody = STR("c"),
          .MessageGroupId = STR("g"),
          .MessageDeduplicationId = STR("4") },
    };
    struct sqs_SendMessageBatchRequest in = { .QueueUrl = Q, .Entries = { true, 4, e } };
    struct sqs_SendMessageBatchResult *out;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), NULL, NULL);
    out = say(&w, "SendMessageBatch", &in)->c.output;
    EXPECT_INT(out->Successful.n, 2);
    EXPECT_INT(out->Failed.n, 2);
    EXPECT(str_cmp(out->Successful.v[0].SequenceNumber, out->Successful.v[1].SequenceNumber) < 0);
    EXPECT_STR(out->Failed.v[0].Code, STR("InvalidMessageContents"));
    EXPECT_STR(out->Failed.v[1].Message,
               STR("Value g g for parameter MessageGroupId is invalid. Reason: MessageGroupId can only "
                   "include alphanumeric and punctuation characters. 1 to 128 in length."));
    /* Duplicates inside one batch. */
    e[1] = e[0];
    e[1].Id = STR("2");
    e[0].MessageDeduplicationId = e[1].MessageDeduplicationId = STR("9");
    in.Entries.n = 2;
    out = say(&w, "SendMessageBatch", &in)->c.output;
    EXPECT_INT(out->Successful.n, 2);
    EXPECT_STR(out->Successful.v[0].MessageId, out->Successful.v[1].MessageId);
    EXPECT_BODIES(receive(Q, 10, -1, 0), "aca");
    /* The whole request: the deduplication id before the group, the group before repeated ids. */
    e[1].Id = STR("1");
    e[1].MessageGroupId = STR_NONE;
    expect_fault(say(&w, "SendMessageBatch", &in), &sqs_error_invalid_parameter,
                 "The request must contain the parameter MessageGroupId.");
    e[0].MessageDeduplicationId = STR_NONE;
    expect_fault(say(&w, "SendMessageBatch", &in), &sqs_error_invalid_parameter,
                 "The queue should either have "
                 "ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly");
    world_close(&w);
}

TEST(fifo, long_polls_wake)
{
    struct asked *a, *b;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), "VisibilityTimeout", "10");
    a = receive(Q, 1, -1, 20);
    EXPECT(!a->answered);
    puts_in(Q, "g", "abc");
    EXPECT_BODIES(a, "a");
    b = receive(Q, 10, -1, 20);
    EXPECT(!b->answered);
    expect_ok(delete (Q, handle_at(a, 0))); /* the group is unlocked */
    EXPECT_BODIES(b, "bc");
    a = receive(Q, 10, -1, 20);
    expect_ok(change(Q, handle_at(b, 1), 0)); /* c alone: b is before it */
    EXPECT(!a->answered);
    expect_ok(change(Q, handle_at(b, 0), 0));
    EXPECT_BODIES(a, "bc");
    b = receive(Q, 10, -1, 20);
    world_advance(&w, 10000); /* the timeout is over */
    EXPECT_BODIES(b, "bc");
    a = receive(Q, 1, -1, 20);
    world_real(&w, 20000);
    EXPECT_BODIES(a, "");
    world_close(&w);
}

static struct asked *attempt(struct str url, const char *id, int64_t most, int64_t visibility)
{
    struct sqs_ReceiveMessageRequest in = { .QueueUrl = url,
                                            .MaxNumberOfMessages = INT_SET(most),
                                            .ReceiveRequestAttemptId = str_of(id) };

    if (visibility >= 0)
        in.VisibilityTimeout = INT_SET(visibility);
    return say(&w, "ReceiveMessage", &in);
}

TEST(fifo, a_receive_asked_for_again)
{
    struct asked *a, *b;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), "VisibilityTimeout", "30");
    create(STR("s"), NULL, NULL);
    expect_fault(attempt(URL("s"), "x", 1, -1), &sqs_error_invalid_parameter,
                 "Value x for parameter ReceiveRequestAttemptId is "
                 "invalid. Reason: The request includes a parameter that is not valid for this queue type.");
    expect_fault(attempt(Q, "x y", 1, -1), &sqs_error_invalid_parameter,
                 "Value x y for parameter ReceiveRequestAttemptId is "
                 "invalid. Reason: ReceiveRequestAttemptId can only include alphanumeric and punctuation "
                 "characters. 1 to 128 in length.");
    puts_in(Q, "g", "abc");
    a = attempt(Q, "one", 2, -1);
    EXPECT_BODIES(a, "ab");
    EXPECT_BODIES(attempt(Q, "two", 2, -1), "");
    world_advance(&w, 20000);
    b = attempt(Q, "one", 2, -1); /* the same, hidden anew */
    EXPECT_BODIES(b, "ab");
    EXPECT_STR(handle_at(b, 0), handle_at(a, 0));
    EXPECT_STR(handle_at(b, 1), handle_at(a, 1));
    world_advance(&w, 29999);
    EXPECT_BODIES(receive(Q, 10, -1, 0), "");
    world_advance(&w, 1); /* visible again: a receive like any other */
    a = attempt(Q, "one", 1, -1);
    EXPECT_BODIES(a, "a");
    EXPECT(!str_eq(handle_at(b, 0), handle_at(a, 0)));
    expect_ok(delete (Q, handle_at(a, 0)));
    EXPECT_BODIES(attempt(Q, "one", 2, 400), "bc"); /* one is gone */
    world_advance(&w, SQS_ATTEMPT_MS);
    EXPECT_BODIES(attempt(Q, "one", 2, -1), ""); /* five minutes are over */
    world_close(&w);
}

TEST(fifo, dead_letters)
{
    static const char policy[] =
        "{\"deadLetterTargetArn\":\"" ARN("dead.fifo") "\",\"maxReceiveCount\":\"1\"}";
    struct sqs_Message *m;
    struct asked *first, *a;

    world_open(&w, NULL);
    create_fifo(STR("dead.fifo"), NULL, NULL);
    create(STR("dead"), NULL, NULL);
    expect_ok(create_fifo(STR("q.fifo"), "RedrivePolicy", policy));
    expect_fault(
        set(Q, "RedrivePolicy", "{\"deadLetterTargetArn\":\"" ARN("dead") "\",\"maxReceiveCount\":1}"),
        &sqs_error_invalid_parameter,
        "Value {\"deadLetterTargetArn\":\"" ARN("dead") "\",\"maxReceiveCount\":1} for parameter "
                                                        "RedrivePolicy is invalid. Reason: Dead-letter "
                                                        "target must be same type of queue as the source.");
    EXPECT_INT(set(URL("dead"), "RedrivePolicy", policy)->result, -E_FAULT);
    first = put(Q, "a", "g", "1");
    put(Q, "b", "g", "2");
    EXPECT_BODIES(receive(Q, 2, 5, 0), "ab");
    puts_in(Q, "g", "c");
    world_advance(&w, 5000);
    EXPECT_BODIES(receive(Q, 10, 5, 0), "c"); /* a and b move, c is next */
    counts(Q, "0", "1", "0");
    world_advance(&w, 100);
    a = receive(URL("dead.fifo"), 10, -1, 0);
    EXPECT_BODIES(a, "ab");
    m = &got(a)->v[0];
    EXPECT_STR(m->MessageId, id_of(first));
    EXPECT_STR(system_of(m, "MessageGroupId"), STR("g"));
    EXPECT_STR(system_of(m, "MessageDeduplicationId"), STR("1"));
    EXPECT_STR(system_of(m, "DeadLetterQueueSourceArn"), STR(ARN("q.fifo")));
    EXPECT_STR(system_of(m, "ApproximateReceiveCount"), STR("2"));
    EXPECT_STR(system_of(m, "SentTimestamp"), STR("1800000005000"));
    EXPECT(str_cmp(system_of(m, "SequenceNumber"), system_of(&got(a)->v[1], "SequenceNumber")) < 0);
    EXPECT_STR(id_of(put(Q, "a", "g", "1")), id_of(first)); /* the window stays behind */
    world_reload(&w);
    EXPECT_STR(id_of(put(Q, "a", "g", "1")), id_of(first));
    counts(URL("dead.fifo"), "0", "2", "0");
    world_close(&w);
}

TEST(fifo, rings_of_dead_letter_queues_end)
{
    static const char *const name[] = { "p.fifo", "q.fifo" };
    struct asked *a, *b;

    world_open(&w, NULL);
    for (int i = 0; i < 2; i++)
        create_fifo(str_of(name[i]), "VisibilityTimeout", "1");
    expect_ok(
        set(Q, "RedrivePolicy", "{\"deadLetterTargetArn\":\"" ARN("p.fifo") "\",\"maxReceiveCount\":1}"));
    expect_ok(set(URL("p.fifo"), "RedrivePolicy",
                  "{\"deadLetterTargetArn\":\"" ARN("q.fifo") "\",\"maxReceiveCount\":1}"));
    puts_in(Q, "g", "ab");
    EXPECT_BODIES(receive(Q, 1, 1, 0), "a");
    a = receive(Q, 1, 1, 20);
    b = receive(URL("p.fifo"), 1, 1, 20);
    world_advance(&w, 1000);
    EXPECT_BODIES(a, "b");
    EXPECT(!b->answered || got(b)->n <= 1);
    world_real(&w, 20000);
    world_close(&w);
}

TEST(fifo, too_old_messages_unlock_their_group)
{
    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), "MessageRetentionPeriod", "60");
    puts_in(Q, "g", "ab");
    EXPECT_BODIES(receive(Q, 1, 1000, 0), "a");
    world_advance(&w, 40000);
    puts_in(Q, "g", "c");
    world_advance(&w, 20001);
    counts(Q, "1", "0", "0");
    EXPECT_BODIES(receive(Q, 10, -1, 0), "c");
    puts_in(Q, "g", "a"); /* a duplicate still */
    counts(Q, "0", "1", "0");
    world_close(&w);
}

TEST(fifo, a_message_too_old_unlocks_its_group_for_who_waits)
{
    struct asked *a;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), "MessageRetentionPeriod", "60");
    puts_in(Q, "g", "a");
    EXPECT_BODIES(receive(Q, 1, 1000, 0), "a");
    world_advance(&w, 30000);
    puts_in(Q, "g", "b");
    a = receive(Q, 1, -1, 20);
    EXPECT(!a->answered);
    world_advance(&w, 40000); /* the sweep */
    EXPECT_BODIES(a, "b");
    world_close(&w);
}

TEST(fifo, purge_forgets_everything)
{
    struct sqs_PurgeQueueRequest purge = { Q };

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), NULL, NULL);
    puts_in(Q, "g", "abc");
    receive(Q, 1, -1, 0);
    expect_ok(say(&w, "PurgeQueue", &purge));
    counts(Q, "0", "0", "0");
    world_real(&w, 100);
    world_real(&w, 100);
    world_real(&w, 100);
    EXPECT_INT(rows_of("sqs_message"), 0);
    EXPECT_INT(w.sqs->fifo_pool.live, 0);
    puts_in(Q, "g", "ab");
    EXPECT_BODIES(receive(Q, 10, -1, 0), "ab");
    world_close(&w);
}

TEST(fifo, sink)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct str to = STR(ARN("q.fifo"));
    struct parcel p = { .body = STR("m"),
                        .sender_id = STR("AIDA"),
                        .group_id = STR("g"),
                        .attributes = { { STR("k"), STR("String"), STR("v") } },
                        .n_attributes = 1 };
    struct sqs_Message *m;
    struct sinks sinks = { 0 };
    struct sink sink;

    world_open(&w, NULL);
    sink = sqs_sink(w.sqs);
    sinks_add(&sinks, &sink);
    EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERY_NO_RESOURCE);
    EXPECT_STR(buf_view(&why), STR("The queue " ARN("q.fifo") " does not exist."));
    create_fifo(STR("q.fifo"), NULL, NULL);
    buf_clear(&why);
    EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERY_REFUSED);
    EXPECT_STR(buf_view(&why),
               STR("The FIFO queue q.fifo has ContentBasedDeduplication disabled: the message needs a "
                   "deduplication id."));
    p.group_id = STR_NONE;
    buf_clear(&why);
    EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERY_REFUSED);
    EXPECT_STR(buf_view(&why),
               STR("The queue q.fifo is a FIFO queue: the message needs a message group id."));
    p.group_id = STR("a b");
    p.deduplication_id = STR("d");
    buf_clear(&why);
    EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERY_REFUSED);
    EXPECT_STR(buf_view(&why),
               STR("The message group id is not 1 to 128 alphanumeric and punctuation characters long."));
    p.group_id = STR("g");
    p.deduplication_id = STR("a b");
    buf_clear(&why);
    EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERY_REFUSED);
    EXPECT_STR(
        buf_view(&why),
        STR("The message deduplication id is not 1 to 128 alphanumeric and punctuation characters long."));
    p.deduplication_id = STR("d");
    for (int i = 0; i < 2; i++)
        EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERED);
    world_commit(&w);
    m = got(receive(Q, 10, -1, 0))->v;
    EXPECT_STR(system_of(m, "MessageGroupId"), STR("g"));
    EXPECT_STR(system_of(m, "MessageDeduplicationId"), STR("d"));
    EXPECT_STR(system_of(m, "SenderId"), STR("AIDA"));
    EXPECT_INT(m->MessageAttributes.n, 1);
    counts(Q, "0", "1", "0");
    expect_ok(set(Q, "ContentBasedDeduplication", "true"));
    p.deduplication_id = STR_NONE;
    for (int i = 0; i < 2; i++)
        EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERED);
    world_commit(&w);
    counts(Q, "1", "1", "0");
    create(STR("s"), NULL, NULL);
    to = STR(ARN("s"));
    p = (struct parcel){ .body = STR("m"), .group_id = STR("g"), .deduplication_id = STR("d") };
    EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERED);
    world_commit(&w);
    world_close(&w);
}

static bool service_may(const struct sinks *s, const char *principal, struct str source)
{
    struct door d = door_find(s, &w.turn, STR(ARN("q")));
    struct sender from = { principal, source, STR("000000000000"), .no_owner = false };
    CLEANUP(buf_done) struct buf why = { 0 };

    return door_service_may(&d, &from, &why);
}

TEST(fifo, policy_of_a_queue)
{
    struct str account[] = { STR("111111111111") }, action[] = { STR("SendMessage") },
               source = STR("arn:aws:sns:us-east-1:000000000000:t");
    struct sqs_AddPermissionRequest add = { URL("q"), STR("one"), { true, 1, account }, { true, 1, action } };
    struct str target = STR(ARN("q"));
    struct sinks sinks = { 0 };
    struct sink sink;

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    sink = sqs_sink(w.sqs);
    sinks_add(&sinks, &sink);
    EXPECT(door_find(&sinks, &w.turn, target).what.policy == NULL);
    EXPECT(!service_may(&sinks, "sns.amazonaws.com", source));
    expect_fault(set(URL("q"), "Policy", "{\"Statement\":"), &sqs_error_InvalidAttributeValue,
                 "Invalid value for the parameter Policy.");
    expect_ok(
        set(URL("q"), "Policy",
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":"
            "\"sns.amazonaws.com\"},\"Action\":\"sqs:SendMessage\",\"Resource\":\"" ARN(
                "q") "\",\"Condition\":{\"ArnEquals\":"
                     "{\"aws:SourceArn\":\"arn:aws:sns:us-east-1:000000000000:t\"}}}]}"));
    for (int i = 0; i < 2; i++) {
        EXPECT(service_may(&sinks, "sns.amazonaws.com", source));
        EXPECT(!service_may(&sinks, "sns.amazonaws.com", STR("arn:aws:sns:us-east-1:000000000000:u")));
        EXPECT(!service_may(&sinks, "s3.amazonaws.com", source));
        world_reload(&w);
    }
    expect_ok(say(&w, "AddPermission", &add));
    EXPECT_INT(policy_statement_count(door_find(&sinks, &w.turn, target).what.policy), 2);
    expect_ok(set(URL("q"), "Policy", ""));
    EXPECT(door_find(&sinks, &w.turn, target).what.policy == NULL);
    world_close(&w);
}

TEST(fifo, limits)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct str to = STR(ARN("q.fifo"));
    struct parcel p = { .body = STR("m"), .group_id = STR("g"), .deduplication_id = STR("d") };
    struct sqs_queue *q;
    struct sinks sinks = { 0 };
    struct sink sink;

    world_open(&w, NULL);
    create_fifo(STR("q.fifo"), NULL, NULL);
    puts_in(Q, "g", "abc");
    q = sqs_find(w.sqs, w.account, w.region, STR("q.fifo"));
    w.unchecked = true;
    q->index.n_in_flight += SQS_IN_FLIGHT_MOST - 1;
    EXPECT_BODIES(receive(Q, 10, -1, 0), "a");
    EXPECT_BODIES(receive(Q, 10, -1, 0), ""); /* no error, as a standard queue would answer */
    q->index.n_in_flight -= SQS_IN_FLIGHT_MOST - 1;
    w.sqs->pool.live += SQS_MESSAGES_MOST;
    expect_fault(put(Q, "x", "g", "x"), &sqs_error_OverLimit, "This server holds at most 10000000 messages.");
    sink = sqs_sink(w.sqs);
    sinks_add(&sinks, &sink);
    EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERY_FAILED);
    w.sqs->pool.live -= SQS_MESSAGES_MOST;
    w.sqs->dedup.end += SQS_WINDOWS_MOST;
    EXPECT_INT(put(Q, "x", "g", "x")->result, -E_FAULT);
    w.sqs->dedup.end -= SQS_WINDOWS_MOST;
    w.unchecked = false;
    expect_ok(put(Q, "x", "g", "x"));
    world_close(&w);
}

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *at UNUSED)
{
    return remove(path);
}

/* A turn whose commit failed has happened for nobody: neither its messages nor their deduplication ids, nor
 * its deletes. */
TEST(fifo, full_disk)
{
    char dir[] = "/tmp/test-sqs-XXXXXX";
    struct asked *kept, *a;

    disk_arm();
    CHECK(mkdtemp(dir) != NULL);
    world_open(&w, dir);
    create_fifo(STR("q.fifo"), NULL, NULL);
    kept = put(Q, "kept", "g", "1");
    w.one_turn = true;
    expect_ok(put(Q, "lost", "g", "2"));
    a = receive(Q, 10, -1, 0);
    EXPECT_BODIES(a, "keptlost");
    expect_ok(delete (Q, handle_at(a, 0)));
    disk_plan(&(struct disk_plan){ .which = DISK_WRITE, .fail_at = 1, .for_ever = true, .full = true });
    world_fails(&w);
    disk_plan(&(struct disk_plan){ 0 });
    counts(Q, "1", "0", "0");
    EXPECT_STR(id_of(put(Q, "kept", "g", "1")), id_of(kept));
    expect_ok(put(Q, "again", "g", "2"));
    EXPECT_BODIES(receive(Q, 10, -1, 0), "keptagain");
    world_close(&w);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A hundred thousand groups: every operation stays what it costs with one. */
TEST(fifo, many_groups)
{
    struct sqs_pool pool = { .grouped = true };
    struct sqs_index x, y;
    char name[16];
    uint64_t first = UINT64_MAX, last = 0;
    size_t slot = 0;

    sqs_index_init(&x, &pool);
    for (uint64_t id = 1; id <= 200000; id++) {
        snprintf(name, sizeof(name), "g%u", (unsigned)(id % 100000));
        sqs_index_add_to_group(&x, str_of(name), id, 1, 0, 0, 1);
    }
    EXPECT_INT(x.groups->n, 100000);
    for (uint64_t id = 1; id <= 100000; id++) {
        struct sqs_node *node =
            CONTAINER_OF(list_first(&sqs_index_ready(&x)->messages), struct sqs_node, link);

        EXPECT_INT(node->due.seq, id);
        sqs_index_hide(&x, node, (int64_t)id + 10);
        if (id % 2 == 0)
            sqs_index_remove(&x, node);
    }
    EXPECT_INT(CONTAINER_OF(list_first(&sqs_index_ready(&x)->messages), struct sqs_node, link)->due.seq,
               100002);
    sqs_index_init(&y, &pool);
    sqs_index_take(&y, &x);
    EXPECT(sqs_index_ready(&x) == NULL);
    sqs_index_shed(&y, &slot, 100, &first, &last);
    while (y.n > 0)
        sqs_index_shed(&y, &slot, 8192, &first, &last);
    EXPECT_INT(last, 200000);
    sqs_index_done(&y);
    sqs_index_done(&x);
    sqs_pool_done(&pool);
}

/* ---- the model: arrays and plain loops ---- */
enum { MESSAGES = 4000, GROUPS = 5, IDS = 12 };

static struct one {
    int group, id;
    int64_t sent, until; /* visible when until <= now */
    int receives;
    bool gone;
    struct str handle, message_id;
    char body[16];
} all[MESSAGES];
static int n_all;
static int64_t since[GROUPS]; /* when the group's head became visible, as a count; 0: it is not */
static int64_t tick;
static int64_t began[IDS]; /* of the window of this id */
static int by[IDS];

static bool shown(const struct one *m) { return !m->gone && m->until <= w.turn.now.wall_ms; }

static int head_of_group(int g)
{
    for (int i = 0; i < n_all; i++)
        if (all[i].group == g && !all[i].gone)
            return i;
    return -1;
}

/* After each change: groups whose head is visible now stand in line, at the end if they did not. */
static void model_place(int g)
{
    int head = head_of_group(g);

    if (head < 0 || !shown(&all[head]))
        since[g] = 0;
    else if (since[g] == 0)
        since[g] = ++tick;
}

/* Time went on: what became visible did so one after the other. */
static void model_settle(int64_t from_ms)
{
    for (;;) {
        int next = -1;

        for (int i = 0; i < n_all; i++)
            if (!all[i].gone && all[i].until > from_ms && all[i].until <= w.turn.now.wall_ms &&
                (next < 0 || all[i].until < all[next].until))
                next = i;
        if (next < 0)
            break;
        all[next].until = from_ms; /* visible; not found again */
        if (head_of_group(all[next].group) == next && since[all[next].group] == 0)
            since[all[next].group] = ++tick;
    }
}

static int first_group(void)
{
    int best = -1;

    for (int g = 0; g < GROUPS; g++)
        if (since[g] > 0 && (best < 0 || since[g] < since[best]))
            best = g;
    return best;
}

static void model_send(void)
{
    struct one *m = &all[n_all];
    char group[8], id[8];
    struct asked *a;

    m->group = (int)(random_u64() % GROUPS);
    m->id = (int)(random_u64() % IDS);
    snprintf(m->body, sizeof(m->body), "%d", n_all);
    snprintf(group, sizeof(group), "g%d", m->group);
    snprintf(id, sizeof(id), "d%d", m->id);
    a = put(Q, m->body, group, id);
    expect_ok(a);
    if (by[m->id] >= 0 && w.turn.now.wall_ms - began[m->id] < SQS_WINDOW_MS) {
        EXPECT_STR(id_of(a), all[by[m->id]].message_id);
        return;
    }
    m->message_id = str_of(strndup(id_of(a).p, UUID_TEXT));
    m->sent = m->until = w.turn.now.wall_ms;
    began[m->id] = m->sent;
    by[m->id] = n_all++;
    model_place(m->group);
}

static void model_receive(void)
{
    int64_t most = (int64_t)(random_u64() % 10) + 1, timeout = (int64_t)(random_u64() % 4) * 20;
    struct asked *a = receive(Q, most, timeout, 0);
    size_t n = 0;
    bool served[GROUPS] = { false };

    expect_ok(a);
    for (int g; (int64_t)n < most && (g = first_group()) >= 0 && !served[g];) {
        int head = head_of_group(g);

        served[g] = true;
        for (int i = head; i < n_all && (int64_t)n < most; i++) {
            struct one *m = &all[i];

            if (m->group != g || m->gone)
                continue;
            if (!shown(m))
                break;
            if (n >= got(a)->n) {
                UNIT_FAIL("message %s is missing", m->body);
                return;
            }
            EXPECT_STR(got(a)->v[n].Body, str_of(m->body));
            free((char *)m->handle.p);
            m->handle = str_make(strndup(got(a)->v[n].ReceiptHandle.p, got(a)->v[n].ReceiptHandle.n),
                                 got(a)->v[n].ReceiptHandle.n);
            m->receives++;
            m->until = w.turn.now.wall_ms + timeout * 1000;
            n++;
        }
        since[g] = 0;
        model_place(g);
    }
    EXPECT_INT(got(a)->n, n);
}

static struct one *some_received(void)
{
    for (int tries = 0; tries < 50 && n_all > 0; tries++) {
        struct one *m = &all[random_u64() % (unsigned)n_all];

        if (m->receives > 0)
            return m;
    }
    return NULL;
}

static void model_delete(void)
{
    struct one *m = some_received();

    if (m == NULL)
        return;
    if (!m->gone && shown(m)) {
        expect_expired(delete (Q, m->handle));
        return;
    }
    expect_ok(delete (Q, m->handle));
    m->gone = true;
    model_place(m->group);
}

static void model_change(void)
{
    int64_t timeout = (int64_t)(random_u64() % 3) * 15;
    struct one *m = some_received();
    struct asked *a;

    if (m == NULL)
        return;
    a = change(Q, m->handle, timeout);
    if (m->gone || shown(m)) {
        EXPECT_INT(a->result, -E_FAULT);
        return;
    }
    expect_ok(a);
    m->until = w.turn.now.wall_ms + timeout * 1000;
    model_place(m->group);
}

static void model_advance(void)
{
    int64_t from = w.turn.now.wall_ms;

    world_advance(&w, (int64_t)(random_u64() % 40) * 1000 + 1);
    model_settle(from);
}

/* A memory read anew: first the groups whose head nobody has received, by its age, then those that came back,
 * in that order; here the two cannot be told apart once both are visible, so it asks the service which way
 * round they are. */
static void model_restart(void)
{
    int64_t order = 0;

    world_reload(&w);
    for (int g = 0; g < GROUPS; g++)
        since[g] = 0;
    LIST_EACH(&sqs_find(w.sqs, w.account, w.region, STR("q.fifo"))->index.groups->ready, k) {
        const struct sqs_group *group = CONTAINER_OF(k, struct sqs_group, ready);
        int g = group->name[1] - '0';

        EXPECT(head_of_group(g) >= 0 && shown(&all[head_of_group(g)]));
        since[g] = ++order;
    }
    for (int g = 0; g < GROUPS; g++)
        EXPECT(since[g] > 0 || head_of_group(g) < 0 || !shown(&all[head_of_group(g)]));
    tick += order;
}

static void forget_answers(void)
{
    for (struct asked *a = w.all, *next; a != NULL; a = next) {
        next = a->next;
        arena_free(a->c.mem);
        free(a);
    }
    w.all = NULL;
}

TEST(fifo, random_walk_against_a_model)
{
    static void (*const moves[])(void) = { model_send,    model_send,    model_send,
                                           model_receive, model_receive, model_delete,
                                           model_delete,  model_change,  model_advance };

    for (int round = 0; round < 6; round++) {
        n_all = 0;
        tick = 0;
        memset(since, 0, sizeof(since));
        memset(by, 0xff, sizeof(by));
        memset(all, 0, sizeof(all));
        world_open(&w, NULL);
        create_fifo(STR("q.fifo"), NULL, NULL);
        for (int i = 0; i < 4000 && unit_bad == 0 && n_all < MESSAGES; i++) {
            if (random_u64() % 100 == 0)
                model_restart();
            else
                moves[random_u64() % ARRAY_LEN(moves)]();
            forget_answers();
        }
        for (int i = 0; i < n_all; i++) {
            free((char *)all[i].handle.p);
            free((char *)all[i].message_id.p);
        }
        world_close(&w);
    }
}

UNIT_MAIN
