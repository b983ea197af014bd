/* The whole service under a clock that obeys: told as stories, one call per line. */
#include <ftw.h>
#include <unistd.h>

#include "test/door.h"
#include "test/sqs/story.h"

#include "service/sqs/take.h"
#include "store/disk.h"

TEST(sqs, send_receive_delete)
{
    struct sqs_SendMessageResult *s;
    struct sqs_Message *m;
    struct asked *a;

    world_open(&w, NULL);
    a = create(STR("q"), NULL, NULL);
    expect_ok(a);
    EXPECT_STR(((struct sqs_CreateQueueResult *)a->c.output)->QueueUrl, URL("q"));
    s = sent(URL("q"), STR("hello"))->c.output;
    EXPECT_STR(s->MD5OfMessageBody, STR("5d41402abc4b2a76b9719d911017c592"));
    EXPECT_INT(s->MessageId.n, 36);
    EXPECT_STR(s->MD5OfMessageAttributes, STR_NONE);
    world_advance(&w, 5);
    a = receive(URL("q"), 10, -1, 0);
    EXPECT_INT(got(a)->n, 1);
    m = &got(a)->v[0];
    EXPECT_STR(m->Body, STR("hello"));
    EXPECT_STR(m->MessageId, s->MessageId);
    EXPECT_STR(m->MD5OfBody, s->MD5OfMessageBody);
    EXPECT_STR(m->MD5OfMessageAttributes, STR_NONE);
    EXPECT_INT(m->Attributes.n, 4);
    EXPECT_STR(system_of(m, "SenderId"), STR("000000000000"));
    EXPECT_STR(system_of(m, "SentTimestamp"), STR("1800000000000"));
    EXPECT_STR(system_of(m, "ApproximateReceiveCount"), STR("1"));
    EXPECT_STR(system_of(m, "ApproximateFirstReceiveTimestamp"), STR("1800000000005"));
    counts(URL("q"), "0", "1", "0");
    EXPECT_INT(got(receive(URL("q"), 10, -1, 0))->n, 0);
    expect_ok(delete (URL("q"), m->ReceiptHandle));
    counts(URL("q"), "0", "0", "0");
    expect_ok(delete (URL("q"), m->ReceiptHandle));
    world_close(&w);
}

TEST(sqs, visibility_runs_out)
{
    struct asked *first, *second;

    world_open(&w, NULL);
    create(STR("q"), "VisibilityTimeout", "10");
    sent(URL("q"), STR("m"));
    first = receive(URL("q"), 1, -1, 0);
    world_advance(&w, 9999);
    EXPECT_INT(got(receive(URL("q"), 1, -1, 0))->n, 0);
    world_advance(&w, 1);
    second = receive(URL("q"), 1, -1, 0);
    EXPECT_INT(got(second)->n, 1);
    EXPECT_STR(system_of(&got(second)->v[0], "ApproximateReceiveCount"), STR("2"));
    EXPECT_STR(system_of(&got(second)->v[0], "ApproximateFirstReceiveTimestamp"), STR("1800000000000"));
    EXPECT(!str_eq(got(first)->v[0].ReceiptHandle, got(second)->v[0].ReceiptHandle));
    world_advance(&w, 60000);
    expect_ok(
        delete (URL("q"), got(first)->v[0].ReceiptHandle)); /* an old handle, and the message is visible */
    counts(URL("q"), "0", "0", "0");
    world_close(&w);
}

TEST(sqs, visibility_zero_leaves_it_visible)
{
    struct asked *a;

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    sent(URL("q"), STR("a"));
    sent(URL("q"), STR("b"));
    a = receive(URL("q"), 10, 0, 0);
    EXPECT_INT(got(a)->n, 2);
    counts(URL("q"), "2", "0", "0");
    EXPECT_STR(system_of(&got(receive(URL("q"), 1, 0, 0))->v[0], "ApproximateReceiveCount"), STR("2"));
    world_close(&w);
}

TEST(sqs, delays)
{
    world_open(&w, NULL);
    create(STR("q"), "DelaySeconds", "5");
    sent(URL("q"), STR("queue's"));
    sent_late(URL("q"), STR("own"), 2);
    sent_late(URL("q"), STR("none"), 0);
    counts(URL("q"), "1", "0", "2");
    EXPECT_STR(body_of(receive(URL("q"), 10, -1, 0)), STR("none"));
    world_advance(&w, 2000);
    EXPECT_STR(body_of(receive(URL("q"), 10, -1, 0)), STR("own"));
    world_advance(&w, 3000);
    EXPECT_STR(body_of(receive(URL("q"), 10, -1, 0)), STR("queue's"));
    counts(URL("q"), "0", "3", "0");
    expect_fault(
        sent_late(URL("q"), STR("x"), 901), &sqs_error_invalid_parameter,
        "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.");
    world_close(&w);
}

TEST(sqs, long_poll_is_woken_by_a_send_in_the_same_turn)
{
    struct asked *first, *second;

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    first = receive(URL("q"), 1, -1, 20);
    second = receive(URL("q"), 1, -1, 20);
    EXPECT(!first->answered && !second->answered);
    sent(URL("q"), STR("one"));
    EXPECT(first->answered && !second->answered);
    EXPECT_STR(body_of(first), STR("one"));
    EXPECT_INT(world_real_timers(&w), 1);
    world_real(&w, 19999);
    EXPECT(!second->answered);
    world_real(&w, 1);
    expect_ok(second);
    EXPECT_INT(got(second)->n, 0);
    EXPECT(!got(second)->set);
    EXPECT_INT(world_real_timers(&w), 0);
    world_close(&w);
}

TEST(sqs, long_poll_is_woken_by_expiry_on_the_servers_clock)
{
    struct asked *a, *b;

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    sent(URL("q"), STR("m"));
    receive(URL("q"), 1, 30, 0);
    a = receive(URL("q"), 1, -1, 20);
    world_advance(&w, 29999);
    EXPECT(!a->answered);
    world_advance(&w, 1);
    EXPECT_STR(body_of(a), STR("m"));
    b = receive(URL("q"), 1, -1, 20);
    sent_late(URL("q"), STR("late"), 3);
    EXPECT(!b->answered);
    world_advance(&w, 3000);
    EXPECT_STR(body_of(b), STR("late"));
    world_close(&w);
}

TEST(sqs, long_poll_is_woken_by_a_change_to_zero)
{
    struct asked *first, *waiting;

    world_open(&w, NULL);
    create(STR("q"), "ReceiveMessageWaitTimeSeconds", "3");
    sent(URL("q"), STR("m"));
    first = receive(URL("q"), 1, -1, 0);
    waiting = receive(URL("q"), 1, -1, 20);
    expect_ok(change(URL("q"), got(first)->v[0].ReceiptHandle, 0));
    EXPECT_STR(body_of(waiting), STR("m"));
    world_close(&w);
}

TEST(sqs, queue_wait_time_holds_when_the_request_has_none)
{
    struct sqs_ReceiveMessageRequest in = { .QueueUrl = URL("q") };
    struct asked *a;

    world_open(&w, NULL);
    create(STR("q"), "ReceiveMessageWaitTimeSeconds", "3");
    a = say(&w, "ReceiveMessage", &in);
    EXPECT(!a->answered);
    world_real(&w, 3000);
    expect_ok(a);
    world_close(&w);
}

TEST(sqs, gone_clients_get_nothing)
{
    struct asked *a, *b, *c;

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    a = receive(URL("q"), 1, -1, 20);
    a->c.on_gone(&a->c);
    EXPECT_INT(world_real_timers(&w), 0);
    b = receive(URL("q"), 1, -1, 20);
    c = receive(URL("q"), 1, -1, 20);
    b->c.gone = true; /* the engine knows, and has not said so yet */
    sent(URL("q"), STR("m"));
    EXPECT_INT(got(b)->n, 0);
    EXPECT_STR(body_of(c), STR("m"));
    EXPECT(!a->answered);
    world_close(&w);
}

TEST(sqs, deleting_a_queue_ends_its_waiters)
{
    struct sqs_DeleteQueueRequest in = { URL("q") };
    struct asked *a;

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    sent_late(URL("q"), STR("m"), 100);
    a = receive(URL("q"), 1, -1, 20);
    expect_ok(say(&w, "DeleteQueue", &in));
    expect_fault(a, &sqs_error_QueueDoesNotExist, "The specified queue does not exist.");
    expect_fault(sent(URL("q"), STR("m")), &sqs_error_QueueDoesNotExist,
                 "The specified queue does not exist.");
    w.protocol = PROTO_QUERY;
    expect_fault(sent(URL("q"), STR("m")), &sqs_error_QueueDoesNotExist,
                 "The specified queue does not exist for this wsdl version.");
    EXPECT_INT(sqs_queue_count(w.sqs), 0);
    create(STR("q"), NULL, NULL);
    counts(URL("q"), "0", "0", "0");
    world_close(&w);
}

#define DLQ_POLICY(n_) \
    "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dlq\",\"maxReceiveCount\":" n_ "}"

TEST(sqs, dead_letters)
{
    struct sqs_Message *m;
    struct asked *a;

    world_open(&w, NULL);
    create(STR("dlq"), NULL, NULL);
    expect_ok(create(STR("q"), "RedrivePolicy", DLQ_POLICY("\"2\"")));
    EXPECT_STR(attribute(URL("q"), "RedrivePolicy"), STR(DLQ_POLICY("\"2\"")));
    sent(URL("q"), STR("poison"));
    EXPECT_INT(got(receive(URL("q"), 1, 0, 0))->n, 1);
    EXPECT_INT(got(receive(URL("q"), 1, 0, 0))->n, 1);
    world_advance(&w, 1000);
    EXPECT_INT(got(receive(URL("q"), 1, 0, 0))->n, 0);
    counts(URL("q"), "0", "0", "0");
    a = receive(URL("dlq"), 1, -1, 0);
    EXPECT_INT(got(a)->n, 1);
    m = &got(a)->v[0];
    EXPECT_STR(m->Body, STR("poison"));
    EXPECT_STR(system_of(m, "ApproximateReceiveCount"), STR("3"));
    EXPECT_STR(system_of(m, "SentTimestamp"), STR("1800000000000"));
    EXPECT_STR(system_of(m, "DeadLetterQueueSourceArn"), STR("arn:aws:sqs:us-east-1:000000000000:q"));
    world_close(&w);
}

TEST(sqs, dead_letters_wake_who_waits_for_them)
{
    struct asked *waiting;

    world_open(&w, NULL);
    create(STR("dlq"), NULL, NULL);
    create(STR("q"), "RedrivePolicy", DLQ_POLICY("1"));
    waiting = receive(URL("dlq"), 1, -1, 20);
    sent(URL("q"), STR("poison"));
    receive(URL("q"), 1, 0, 0);
    EXPECT(!waiting->answered);
    receive(URL("q"), 1, 0, 0);
    EXPECT_STR(body_of(waiting), STR("poison"));
    world_close(&w);
}

TEST(sqs, a_ring_of_dead_letter_queues_ends)
{
    struct asked *a, *b;

    world_open(&w, NULL);
    create(STR("dlq"), NULL, NULL);
    create(STR("q"), "RedrivePolicy", DLQ_POLICY("1"));
    expect_ok(
        set(URL("dlq"), "RedrivePolicy",
            "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:q\",\"maxReceiveCount\":1}"));
    sent(URL("q"), STR("m"));
    receive(URL("q"), 1, 0, 0);
    a = receive(URL("q"), 1, 0, 20);
    b = receive(URL("dlq"), 1, 0, 20);
    sent(URL("q"), STR("n"));
    EXPECT_STR(body_of(a), STR("n"));
    EXPECT(!b->answered || got(b)->n == 0);
    world_close(&w);
}

TEST(sqs, redrive_targets)
{
    world_open(&w, NULL);
    expect_fault(
        create(STR("q"), "RedrivePolicy", DLQ_POLICY("1")), &sqs_error_invalid_parameter,
        "Value " DLQ_POLICY(
            "1") " for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.");
    create(STR("dlq"), "RedriveAllowPolicy", "{\"redrivePermission\":\"denyAll\"}");
    EXPECT_INT(create(STR("q"), "RedrivePolicy", DLQ_POLICY("1"))->result, -E_FAULT);
    set(URL("dlq"), "RedriveAllowPolicy",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"arn:aws:sqs:us-east-1:000000000000:q\"]}");
    expect_ok(create(STR("q"), "RedrivePolicy", DLQ_POLICY("1")));
    EXPECT_INT(create(STR("r"), "RedrivePolicy", DLQ_POLICY("1"))->result, -E_FAULT);
    expect_ok(set(URL("q"), "RedrivePolicy", ""));
    EXPECT_STR(attribute(URL("q"), "RedrivePolicy"), STR_NONE);
    world_close(&w);
}

TEST(sqs, retention)
{
    world_open(&w, NULL);
    create(STR("q"), "MessageRetentionPeriod", "60");
    create(STR("long"), NULL, NULL);
    sent(URL("q"), STR("old"));
    sent(URL("long"), STR("kept"));
    world_advance(&w, 30000);
    sent(URL("q"), STR("young"));
    world_advance(&w, 30000);
    counts(URL("q"), "2", "0", "0"); /* exactly 60 s is not too old */
    w.turn.now.wall_ms++;            /* before any sweep */
    EXPECT_STR(body_of(receive(URL("q"), 10, 0, 0)), STR("young"));
    counts(URL("q"), "1", "0", "0");
    world_advance(&w, 600000);
    EXPECT_INT(sqs_find(w.sqs, w.account, w.region, STR("q"))->index.n, 0); /* the sweep took it */
    counts(URL("long"), "1", "0", "0");
    world_close(&w);
}

TEST(sqs, purge)
{
    struct sqs_PurgeQueueRequest in = { URL("q") };

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    create(STR("other"), NULL, NULL);
    for (int i = 0; i < 5000; i++) {
        sent(URL("q"), STR("m"));
        if (i % 1000 == 0)
            sent(URL("other"), STR("m"));
    }
    receive(URL("q"), 10, -1, 0);
    expect_ok(say(&w, "PurgeQueue", &in));
    counts(URL("q"), "0", "0", "0");
    counts(URL("other"), "5", "0", "0");
    world_advance(&w, 59999);
    expect_fault(say(&w, "PurgeQueue", &in), &sqs_error_PurgeQueueInProgress,
                 "Only one PurgeQueue operation on q is allowed every 60 seconds.");
    world_reload(&w);
    EXPECT_INT(say(&w, "PurgeQueue", &in)->result, -E_FAULT);
    counts(URL("q"), "0", "0", "0");
    counts(URL("other"), "5", "0", "0");
    world_advance(&w, 1);
    expect_ok(say(&w, "PurgeQueue", &in));
    world_close(&w);
}

static size_t rows_in_store(void)
{
    static struct sql count = SQL("SELECT count(*) FROM sqs_message");
    CLEANUP(rows_done) struct rows r;

    store_query(w.store, &count, &r);
    return rows_next(&r) ? (size_t)rows_int(&r, 0) : 0;
}

/* Purged messages are gone at once, for readers and for a server that crashes before their rows are deleted;
 * a handle of one still deletes without complaint; what comes later stays. */
TEST(sqs, purged_messages_leave_the_store_in_steps)
{
    struct sqs_PurgeQueueRequest purge = { URL("q") };
    struct sqs_DeleteQueueRequest drop = { URL("q") };
    struct sqs_DeleteMessageRequest one = { URL("q"), STR_NONE };

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    create(STR("other"), NULL, NULL);
    for (int i = 0; i < 3000; i++)
        sent(URL("q"), STR("old"));
    sent(URL("other"), STR("kept"));
    one.ReceiptHandle = got(receive(URL("q"), 1, -1, 0))->v[0].ReceiptHandle;
    expect_ok(say(&w, "PurgeQueue", &purge));
    counts(URL("q"), "0", "0", "0");
    EXPECT_INT(rows_in_store(), 3001);
    expect_ok(say(&w, "DeleteMessage", &one));
    sent(URL("q"), STR("new"));
    world_reload(&w);
    counts(URL("q"), "1", "0", "0");
    expect_ok(say(&w, "DeleteMessage", &one));
    EXPECT_INT(rows_in_store(), 3002);
    for (int i = 0; i < 200; i++)
        world_real(&w, 500);
    EXPECT_INT(rows_in_store(), 2);
    EXPECT_INT(world_real_timers(&w), 0);
    EXPECT_STR(body_of(receive(URL("q"), 10, 0, 0)), STR("new"));
    for (int i = 0; i < 2000; i++)
        sent(URL("q"), STR("more"));
    expect_ok(say(&w, "DeleteQueue", &drop));
    create(STR("q"), NULL, NULL);
    counts(URL("q"), "0", "0", "0");
    for (int i = 0; i < 3; i++)
        world_real(&w, 1); /* part of it; then everything goes at once */
    EXPECT_INT(rows_in_store() < 2002 && rows_in_store() > 1, true);
    world_close(&w);
}

TEST(sqs, everything_survives_a_restart)
{
    struct sqs_TagMap_entry tag = { STR("k"), STR("v") };
    struct sqs_TagQueueRequest tags = { URL("q"), { true, 1, &tag } };
    struct sqs_ListQueueTagsRequest list = { URL("q") };
    struct sqs_ListQueueTagsResult *out;
    struct asked *a, *waiting;

    world_open(&w, NULL);
    create(STR("dlq"), NULL, NULL);
    create(STR("q"), "RedrivePolicy", DLQ_POLICY("3"));
    expect_ok(set(URL("q"), "VisibilityTimeout", "100"));
    expect_ok(say(&w, "TagQueue", &tags));
    sent(URL("q"), STR("flying"));
    a = receive(URL("q"), 1, -1, 0);
    sent(URL("q"), STR("first"));
    sent(URL("q"), STR("second"));
    sent_late(URL("q"), STR("later"), 50);
    waiting = receive(URL("dlq"), 1, -1, 20);
    world_reload(&w);
    counts(URL("q"), "2", "1", "1");
    EXPECT(!waiting->answered);
    sent(URL("dlq"), STR("news"));
    EXPECT_STR(body_of(waiting), STR("news"));
    EXPECT_STR(attribute(URL("q"), "VisibilityTimeout"), STR("100"));
    EXPECT_STR(attribute(URL("q"), "CreatedTimestamp"), STR("1800000000"));
    out = say(&w, "ListQueueTags", &list)->c.output;
    EXPECT_INT(out->Tags.n, 1);
    EXPECT_STR(out->Tags.v[0].value, STR("v"));
    EXPECT_STR(body_of(receive(URL("q"), 1, -1, 0)), STR("first"));
    EXPECT_STR(body_of(receive(URL("q"), 1, -1, 0)), STR("second"));
    expect_ok(delete (URL("q"), got(a)->v[0].ReceiptHandle));
    counts(URL("q"), "0", "2", "1");
    world_advance(&w, 50000);
    EXPECT_STR(body_of(receive(URL("q"), 1, -1, 0)), STR("later"));
    world_close(&w);
}

TEST(sqs, accounts_and_regions_are_apart)
{
    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    w.region = STR("eu-west-1");
    EXPECT_INT(sent(URL("q"), STR("m"))->result, -E_FAULT);
    create(STR("q"), NULL, NULL);
    expect_ok(sent(URL("q"), STR("m")));
    w.region = STR("us-east-1");
    counts(URL("q"), "0", "0", "0");
    w.account = STR("111111111111");
    EXPECT_INT(sent(URL("q"), STR("m"))->result, -E_FAULT);
    EXPECT_INT(sqs_queue_count(w.sqs), 2);
    world_close(&w);
}

TEST(sqs, handles)
{
    struct str handle;

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    create(STR("other"), NULL, NULL);
    sent(URL("q"), STR("m"));
    handle = got(receive(URL("q"), 1, -1, 0))->v[0].ReceiptHandle;
    expect_fault(delete (URL("q"), STR("nonsense")), &sqs_error_ReceiptHandleIsInvalid,
                 "The input receipt handle \"nonsense\" is not a valid receipt handle.");
    EXPECT_INT(delete (URL("other"), handle)->result, -E_FAULT);
    expect_fault(delete (URL("q"), STR_NONE), &sqs_error_missing_parameter,
                 "The request must contain the parameter ReceiptHandle.");
    EXPECT_INT(change(URL("q"), handle, 43201)->result, -E_FAULT);
    world_advance(&w, 1000);
    expect_fault(
        change(URL("q"), handle, 43200), &sqs_error_invalid_parameter,
        "Value 43200 for parameter VisibilityTimeout is "
        "invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]");
    expect_ok(change(URL("q"), handle, 43199));
    counts(URL("q"), "0", "1", "0");
    world_advance(&w, 43198999);
    counts(URL("q"), "0", "1", "0");
    world_advance(&w, 1);
    counts(URL("q"), "1", "0", "0");
    expect_ok(delete (URL("q"), handle));
    EXPECT_INT(change(URL("q"), handle, 1)->result, -E_FAULT);
    world_close(&w);
}

TEST(sqs, in_flight_limit)
{
    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    sent(URL("q"), STR("m"));
    w.unchecked = true;
    sqs_find(w.sqs, w.account, w.region, STR("q"))->index.n_in_flight += SQS_IN_FLIGHT_MOST;
    EXPECT_INT(receive(URL("q"), 1, -1, 0)->result, -E_FAULT);
    sqs_find(w.sqs, w.account, w.region, STR("q"))->index.n_in_flight -= 1;
    EXPECT_INT(got(receive(URL("q"), 10, -1, 0))->n, 1);
    sqs_find(w.sqs, w.account, w.region, STR("q"))->index.n_in_flight -= SQS_IN_FLIGHT_MOST - 1;
    w.unchecked = false;
    counts(URL("q"), "0", "1", "0");
    world_close(&w);
}

TEST(sqs, creating_again)
{
    world_open(&w, NULL);
    expect_ok(create(STR("q"), "DelaySeconds", "5"));
    expect_ok(create(STR("q"), NULL, NULL));
    expect_ok(create(STR("q"), "DelaySeconds", "5"));
    expect_ok(create(STR("q"), "VisibilityTimeout", "30"));
    expect_fault(
        create(STR("q"), "DelaySeconds", "6"), &sqs_error_QueueNameExists,
        "A queue already exists with the same name and a different value for attribute DelaySeconds");
    expect_fault(create(STR("a"), "FifoQueue", "true"), &sqs_error_InvalidAttributeName,
                 "Unknown Attribute FifoQueue.");
    expect_fault(create(STR("a b"), NULL, NULL), &sqs_error_invalid_parameter,
                 "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
    EXPECT_INT(sqs_queue_count(w.sqs), 1);
    world_close(&w);
}

TEST(sqs, untagging_names_its_keys)
{
    struct sqs_UntagQueueRequest untag = { .QueueUrl = URL("q") };

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    EXPECT_INT(say(&w, "UntagQueue", &untag)->result, -E_FAULT);
    untag.TagKeys = (struct sqs_TagKeyList){ true, 1, &(struct str){ "k", 1 } };
    expect_ok(say(&w, "UntagQueue", &untag)); /* of a key that is not there */
    world_close(&w);
}

/* An allow list holds ten queues, not eleven. */
TEST(sqs, allowed_sources_are_limited)
{
    world_open(&w, NULL);
    for (int n = 10; n <= 11; n++) {
        CLEANUP(buf_done) struct buf b = { 0 };

        buf_z(&b, "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[");
        for (int i = 0; i < n; i++)
            buf_printf(&b, "%s\"arn:aws:sqs:us-east-1:000000000000:s%d\"", i > 0 ? "," : "", i);
        buf_z(&b, "]}");
        buf_char(&b, '\0');
        EXPECT_INT(create(n == 10 ? STR("q") : STR("r"), "RedriveAllowPolicy", b.p)->result,
                   n == 10 ? 0 : -E_FAULT);
    }
    world_close(&w);
}

/* The server's own limit: at so many no more are made, and one that is there is still there. */
TEST(sqs, queues_are_limited)
{
    world_open(&w, NULL);
    expect_ok(create(STR("q"), NULL, NULL));
    w.sqs->queues.n += SQS_QUEUES_MOST - 1;
    expect_fault(create(STR("r"), NULL, NULL), &sqs_error_OverLimit,
                 "This server holds at most 100000 queues.");
    expect_ok(create(STR("q"), NULL, NULL));
    w.sqs->queues.n -= 1;
    expect_ok(create(STR("r"), NULL, NULL));
    w.sqs->queues.n -= SQS_QUEUES_MOST - 2;
    EXPECT_INT(sqs_queue_count(w.sqs), 2);
    world_close(&w);
}

TEST(sqs, permissions_edit_the_policy)
{
    struct str account[] = { STR("111111111111"), STR("222222222222") },
               action[] = { STR("SendMessage"), STR("ReceiveMessage") };
    struct sqs_AddPermissionRequest add = { URL("q"), STR("one"), { true, 1, account }, { true, 1, action } };
    struct sqs_RemovePermissionRequest remove = { URL("q"), STR("one") };

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    expect_ok(say(&w, "AddPermission", &add));
    EXPECT_STR(
        attribute(URL("q"), "Policy"),
        STR("{\"Version\":\"2008-10-17\",\"Id\":\"arn:aws:sqs:us-east-1:000000000000:q/SQSDefault"
            "Policy\",\"Statement\":[{\"Sid\":\"one\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:"
            "iam::111111111111:root\"},"
            "\"Action\":\"SQS:SendMessage\",\"Resource\":\"arn:aws:sqs:us-east-1:000000000000:q\"}]}"));
    expect_fault(say(&w, "AddPermission", &add), &sqs_error_invalid_parameter,
                 "Value one for parameter Label is invalid. Reason: Already exists.");
    add.Label = STR("two");
    add.Actions.n = add.AWSAccountIds.n = 2;
    expect_ok(say(&w, "AddPermission", &add));
    expect_ok(say(&w, "RemovePermission", &remove));
    EXPECT_STR(attribute(URL("q"), "Policy"),
               STR("{\"Version\":\"2008-10-17\",\"Id\":\"arn:aws:sqs:us-east-1:000000000000:q/SQSDefault"
                   "Policy\",\"Statement\":[{\"Sid\":\"two\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":["
                   "\"arn:aws:iam::111111111111:root\","
                   "\"arn:aws:iam::222222222222:root\"]},\"Action\":[\"SQS:SendMessage\",\"SQS:"
                   "ReceiveMessage\"],\"Resource\":"
                   "\"arn:aws:sqs:us-east-1:000000000000:q\"}]}"));
    expect_fault(say(&w, "RemovePermission", &remove), &sqs_error_invalid_parameter,
                 "Value one for parameter Label is invalid. Reason: can't find label.");
    remove.Label = STR("two");
    expect_ok(say(&w, "RemovePermission", &remove));
    EXPECT_STR(attribute(URL("q"), "Policy"), STR_NONE);
    action[0] = STR("Fly");
    expect_fault(say(&w, "AddPermission", &add), &sqs_error_invalid_parameter,
                 "Value SQS:Fly for parameter ActionName is invalid. Reason: Please refer to the appropriate "
                 "WSDL for a list of valid actions.");
    action[0] = STR("CreateQueue");
    expect_fault(say(&w, "AddPermission", &add), &sqs_error_invalid_parameter,
                 "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue owner is "
                 "allowed to invoke this action.");
    world_close(&w);
}

static struct parcel parcel(struct str body)
{
    return (struct parcel){ .body = body,
                            .attributes = { { STR("RequestID"), STR("String"), STR("r-1") },
                                            { STR("ErrorCode"), STR("Number"), STR("200") } },
                            .n_attributes = 2,
                            .trace_header = STR("Root=1"),
                            .sender_id = STR("AROAX:f") };
}

#define Q_ARN "arn:aws:sqs:us-east-1:000000000000:q"

TEST(sink, delivers_like_a_send_and_wakes)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct sinks sinks = { 0 };
    struct sink sink;
    struct parcel p = parcel(STR("record"));
    struct asked *a;
    struct sqs_Message *m;

    world_open(&w, NULL);
    sink = sqs_sink(w.sqs);
    sinks_add(&sinks, &sink);
    EXPECT_Z(sink.service, "sqs");
    EXPECT_Z(sink.action, "sqs:SendMessage");
    EXPECT_INT(hand_in(&sinks, &w.turn, STR(Q_ARN), &p, &why), DELIVERY_NO_RESOURCE);
    EXPECT_STR(buf_view(&why), STR("The queue arn:aws:sqs:us-east-1:000000000000:q does not exist."));
    create(STR("q"), "MaximumMessageSize", "1024");
    a = receive(URL("q"), 1, -1, 20);
    EXPECT_INT(hand_in(&sinks, &w.turn, STR(Q_ARN), &p, &why), DELIVERED);
    EXPECT_STR(body_of(a), STR("record"));
    m = &got(a)->v[0];
    EXPECT_STR(system_of(m, "SenderId"), STR("AROAX:f"));
    EXPECT_STR(system_of(m, "AWSTraceHeader"), STR("Root=1"));
    EXPECT_INT(m->MessageAttributes.n, 2);
    EXPECT_STR(m->MessageAttributes.v[0].key, STR("ErrorCode"));
    EXPECT_STR(m->MessageAttributes.v[0].value.DataType, STR("Number"));
    EXPECT_STR(m->MessageAttributes.v[1].value.StringValue, STR("r-1"));
    world_close(&w);
}

TEST(sink, refuses_what_the_queue_would)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    char big[1025];
    struct sinks sinks = { 0 };
    struct sink sink;
    struct parcel p = parcel(str_make(big, sizeof(big)));

    memset(big, 'x', sizeof(big));
    world_open(&w, NULL);
    create(STR("q"), "MaximumMessageSize", "1024");
    sink = sqs_sink(w.sqs);
    sinks_add(&sinks, &sink);
    EXPECT_INT(hand_in(&sinks, &w.turn, STR(Q_ARN), &p, &why), DELIVERY_REFUSED);
    EXPECT_STR(buf_view(&why),
               STR("The message of 1061 bytes is longer than the 1024 bytes the queue q takes."));
    p.body = STR("a\x01");
    EXPECT_INT(hand_in(&sinks, &w.turn, STR(Q_ARN), &p, &why), DELIVERY_REFUSED);
    p.body = STR("");
    EXPECT_INT(hand_in(&sinks, &w.turn, STR(Q_ARN), &p, &why), DELIVERY_REFUSED);
    counts(URL("q"), "0", "0", "0");
    world_close(&w);
}

TEST(sink, states)
{
    struct sinks sinks = { 0 };
    struct sink sink;
    static const struct {
        const char *arn;
        enum sink_state want;
    } rows[] = {
        { "arn:aws:sqs:us-east-1:000000000000:q", SINK_OK },
        { "arn:aws:sqs:us-east-1:000000000000:none", SINK_MISSING },
        { "arn:aws:sqs:eu-west-1:000000000000:q", SINK_MISSING },
        { "arn:aws:sqs:us-east-1:111111111111:q", SINK_MISSING },
        { "arn:aws:sqs:us-east-1:000000000000:q.fifo", SINK_FIFO },
        { "arn:aws:sqs:us-east-1:000000000000:none.fifo", SINK_MISSING },
    };

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    create(STR("q.fifo"), "FifoQueue", "true");
    sink = sqs_sink(w.sqs);
    sinks_add(&sinks, &sink);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_INT(door_find(&sinks, &w.turn, str_of(rows[i].arn)).state, rows[i].want);
    world_close(&w);
}

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *at UNUSED)
{
    return remove(path);
}

TEST(sqs, full_disk)
{
    char dir[] = "/tmp/test-sqs-XXXXXX";
    struct asked *a, *waiting, *late;

    disk_arm();
    CHECK(mkdtemp(dir) != NULL);
    world_open(&w, dir);
    create(STR("q"), NULL, NULL);
    create(STR("other"), NULL, NULL);
    sent(URL("q"), STR("kept"));
    waiting = receive(URL("other"), 1, -1, 20);
    w.one_turn = true;
    expect_ok(sent(URL("q"), STR("lost")));
    late = receive(URL("q"), 10, -1, 0);
    EXPECT_INT(got(late)->n, 2);
    disk_plan(&(struct disk_plan){ .which = DISK_WRITE, .fail_at = 1, .for_ever = true, .full = true });
    world_fails(&w);
    disk_plan(&(struct disk_plan){ 0 });
    counts(URL("q"), "1", "0", "0");
    EXPECT(!waiting->answered);
    sent(URL("other"), STR("news"));
    EXPECT_STR(body_of(waiting), STR("news"));
    a = receive(URL("q"), 10, -1, 0);
    EXPECT_STR(body_of(a), STR("kept"));
    EXPECT_STR(system_of(&got(a)->v[0], "ApproximateReceiveCount"), STR("1"));
    world_close(&w);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TEST(sqs, a_row_that_is_gone_is_an_error_not_a_crash)
{
    static struct sql drop = SQL("DELETE FROM sqs_message");
    struct str handle;

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    sent(URL("q"), STR("m"));
    handle = got(receive(URL("q"), 1, -1, 0))->v[0].ReceiptHandle;
    sent(URL("q"), STR("n"));
    store_exec(w.store, &drop);
    world_commit(&w);
    EXPECT_INT(receive(URL("q"), 1, -1, 0)->result, -E_FULL);
    EXPECT_INT(change(URL("q"), handle, 5)->result, -E_FULL);
    world_reload(&w);
    counts(URL("q"), "0", "0", "0");
    world_close(&w);
}

TEST(sqs, reset_and_drain_end_every_poll)
{
    struct asked *a;

    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    a = receive(URL("q"), 1, -1, 20);
    sqs_drain(w.sqs, &w.turn);
    expect_ok(a);
    a = receive(URL("q"), 1, -1, 20);
    store_reset(w.store);
    sqs_reset(w.sqs, &w.turn);
    world_commit(&w);
    expect_ok(a);
    EXPECT_INT(sqs_queue_count(w.sqs), 0);
    EXPECT(heap_first(&w.timers) == NULL);
    EXPECT_INT(world_real_timers(&w), 0);
    world_close(&w);
}

UNIT_MAIN
