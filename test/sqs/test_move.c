/* Message move tasks, told as stories; and old messages that go a little at a time. */
#include "test/aborts.h"
#include "test/sqs/story.h"

#include "base/crypt.h"
#include "service/sqs/expire.h"
#include "service/sqs/move.h"
#include "service/sqs/wait.h"

#define ARN(name_) "arn:aws:sqs:us-east-1:000000000000:" name_
#define POLICY "{\"deadLetterTargetArn\":\"" ARN("dead") "\",\"maxReceiveCount\":1}"

static struct asked *start(const char *source, const char *destination, int64_t rate)
{
    struct sqs_StartMessageMoveTaskRequest in = { .SourceArn = str_of(source),
                                                  .DestinationArn = str_of(destination) };

    if (rate != 0)
        in.MaxNumberOfMessagesPerSecond = INT_SET(rate);
    return say(&w, "StartMessageMoveTask", &in);
}

static struct str handle_of(const struct asked *a)
{
    return ((struct sqs_StartMessageMoveTaskResult *)a->c.output)->TaskHandle;
}

static struct sqs_ListMessageMoveTasksResultEntryList *list(const char *source, int64_t most)
{
    struct sqs_ListMessageMoveTasksRequest in = { .SourceArn = str_of(source), .MaxResults = INT_SET(most) };
    struct asked *a = say(&w, "ListMessageMoveTasks", &in);

    expect_ok(a);
    return &((struct sqs_ListMessageMoveTasksResult *)a->c.output)->Results;
}

static struct asked *cancel(struct str handle)
{
    struct sqs_CancelMessageMoveTaskRequest in = { handle };

    return say(&w, "CancelMessageMoveTask", &in);
}

/* Queue q with dead letters in queue dead. */
static void dead_letters(int n)
{
    char body[16];

    create(STR("dead"), NULL, NULL);
    expect_ok(create(STR("q"), "RedrivePolicy", POLICY));
    for (int i = 0; i < n; i++) {
        snprintf(body, sizeof(body), "%d", i);
        sent(URL("q"), str_of(body));
    }
    for (int i = 0; i < n; i += 10)
        receive(URL("q"), 10, 1, 0);
    world_advance(&w, 1000);
    for (int i = 0; i <= n; i += 10)
        EXPECT_INT(got(receive(URL("q"), 10, 1, 0))->n, 0);
}

static void advance_by_steps(int steps)
{
    for (int i = 0; i < steps; i++)
        world_advance(&w, 1);
}

TEST(move, back_to_where_they_came_from)
{
    struct sqs_ListMessageMoveTasksResultEntryList *tasks;
    struct sqs_Message *m;
    struct asked *a;

    world_open(&w, NULL);
    dead_letters(300);
    counts(URL("dead"), "300", "0", "0");
    a = start(ARN("dead"), NULL, 0);
    expect_ok(a);
    tasks = list(ARN("dead"), 1);
    EXPECT_INT(tasks->n, 1);
    EXPECT_STR(tasks->v[0].Status, STR("RUNNING"));
    EXPECT_STR(tasks->v[0].TaskHandle, handle_of(a));
    EXPECT_INT(tasks->v[0].ApproximateNumberOfMessagesMoved.v, 0);
    EXPECT_INT(tasks->v[0].ApproximateNumberOfMessagesToMove.v, 300);
    EXPECT_INT(tasks->v[0].StartedTimestamp.v, w.turn.now.wall_ms);
    EXPECT_STR(tasks->v[0].DestinationArn, STR_NONE);
    EXPECT(!tasks->v[0].MaxNumberOfMessagesPerSecond.set);
    expect_fault(start(ARN("dead"), NULL, 0), &sqs_error_invalid_parameter,
                 "There is already a task running. Only one active task is allowed for a source queue arn at "
                 "a given time.");
    advance_by_steps(1); /* one bounded step */
    counts(URL("q"), "128", "0", "0");
    world_reload(&w); /* and on from there */
    EXPECT_INT(list(ARN("dead"), 1)->v[0].ApproximateNumberOfMessagesMoved.v, 128);
    advance_by_steps(5);
    counts(URL("q"), "300", "0", "0");
    counts(URL("dead"), "0", "0", "0");
    tasks = list(ARN("dead"), 1);
    EXPECT_STR(tasks->v[0].Status, STR("COMPLETED"));
    EXPECT_STR(tasks->v[0].TaskHandle, STR_NONE);
    EXPECT_INT(tasks->v[0].ApproximateNumberOfMessagesMoved.v, 300);
    m = &got(receive(URL("q"), 1, 1, 0))->v[0];
    EXPECT_STR(m->Body, STR("0"));
    EXPECT_STR(system_of(m, "ApproximateReceiveCount"), STR("1"));
    EXPECT_STR(system_of(m, "DeadLetterQueueSourceArn"), STR_NONE);
    EXPECT_STR(system_of(m, "SentTimestamp"), STR("1800000001001"));
    EXPECT(heap_first(&w.timers) != NULL);
    world_close(&w);
}

TEST(move, to_another_queue_at_a_rate)
{
    struct asked *waiting;

    world_open(&w, NULL);
    dead_letters(20);
    create(STR("other"), NULL, NULL);
    waiting = receive(URL("other"), 1, -1, 20);
    expect_ok(start(ARN("dead"), ARN("other"), 5));
    EXPECT_INT(list(ARN("dead"), 1)->v[0].MaxNumberOfMessagesPerSecond.v, 5);
    EXPECT_STR(list(ARN("dead"), 1)->v[0].DestinationArn, STR(ARN("other")));
    world_advance(&w, 199);
    EXPECT(!waiting->answered);
    world_advance(&w, 1);
    EXPECT_STR(body_of(waiting), STR("0"));
    world_advance(&w, 800);
    counts(URL("dead"), "15", "0", "0");
    world_reload(&w);
    world_advance(&w, 1000);
    counts(URL("dead"), "10", "0", "0");
    counts(URL("q"), "0", "0", "0");
    world_advance(&w, 2000);
    counts(URL("dead"), "0", "0", "0");
    world_advance(&w, 1000);
    EXPECT_STR(list(ARN("dead"), 1)->v[0].Status, STR("COMPLETED"));
    world_close(&w);
}

TEST(move, cancelled)
{
    struct sqs_CancelMessageMoveTaskResult *out;
    struct str handle;
    struct asked *a;

    world_open(&w, NULL);
    dead_letters(20);
    handle = handle_of(start(ARN("dead"), NULL, 1));
    world_advance(&w, 3000);
    a = cancel(handle);
    expect_ok(a);
    out = a->c.output;
    EXPECT_INT(out->ApproximateNumberOfMessagesMoved.v, 3);
    world_advance(&w, 10000);
    counts(URL("dead"), "17", "0", "0");
    EXPECT_STR(list(ARN("dead"), 1)->v[0].Status, STR("CANCELLED"));
    expect_fault(cancel(handle), &sqs_error_UnsupportedOperation,
                 "Only a running task can be cancelled; this one is CANCELLED.");
    world_reload(&w);
    EXPECT_STR(list(ARN("dead"), 1)->v[0].Status, STR("CANCELLED"));
    expect_fault(cancel(STR("nonsense!")), &sqs_error_invalid_parameter,
                 "Value for parameter TaskHandle is invalid.");
    expect_fault(cancel(base64_str(a->c.mem, STR("{}"))), &sqs_error_invalid_parameter,
                 "Value for parameter TaskHandle is invalid.");
    expect_fault(cancel(base64_str(a->c.mem, STR("{\"taskId\":\"x\",\"sourceArn\":\"" ARN("dead") "\"}"))),
                 &sqs_error_ResourceNotFoundException, "Task does not exist.");
    expect_fault(cancel(base64_str(a->c.mem, STR("{\"taskId\":\"x\",\"sourceArn\":\"" ARN("none") "\"}"))),
                 &sqs_error_ResourceNotFoundException,
                 "The resource that you specified for the SourceArn parameter doesn't exist.");
    world_close(&w);
}

TEST(move, refusals)
{
    world_open(&w, NULL);
    dead_letters(1);
    create(STR("other"), NULL, NULL);
    expect_fault(start(NULL, NULL, 0), &sqs_error_missing_parameter,
                 "The request must contain the parameter SourceArn.");
    expect_fault(start(ARN("none"), NULL, 0), &sqs_error_ResourceNotFoundException,
                 "The resource that you specified for the SourceArn parameter doesn't exist.");
    expect_fault(start("arn:aws:sqs:eu-west-1:000000000000:dead", NULL, 0),
                 &sqs_error_ResourceNotFoundException,
                 "The resource that you specified for the SourceArn parameter doesn't exist.");
    expect_fault(start(ARN("q"), NULL, 0), &sqs_error_invalid_parameter,
                 "Source queue must be configured as a Dead Letter Queue.");
    expect_fault(start(ARN("dead"), ARN("none"), 0), &sqs_error_ResourceNotFoundException,
                 "The resource that you specified for the DestinationArn parameter doesn't exist.");
    expect_fault(start(ARN("dead"), ARN("dead"), 0), &sqs_error_invalid_parameter,
                 "Value " ARN("dead") " for parameter "
                                      "DestinationArn is invalid. Reason: Source queue arn and destination "
                                      "queue arn cannot be the same.");
    expect_fault(start(ARN("dead"), NULL, 501), &sqs_error_invalid_parameter,
                 "Value 501 for parameter "
                 "MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and 500, if provided.");
    EXPECT_INT(list(ARN("dead"), 10)->n, 0);
    world_close(&w);
}

TEST(move, what_cannot_go_on_fails_and_stays)
{
    struct sqs_DeleteQueueRequest gone = { URL("q") };
    struct sqs_ListMessageMoveTasksResultEntryList *tasks;

    world_open(&w, NULL);
    dead_letters(5);
    create(STR("other"), "RedrivePolicy", POLICY);
    expect_ok(say(&w, "DeleteQueue", &gone));
    expect_ok(start(ARN("dead"), NULL, 0));
    advance_by_steps(3);
    tasks = list(ARN("dead"), 1);
    EXPECT_STR(tasks->v[0].Status, STR("FAILED"));
    EXPECT_STR(tasks->v[0].FailureReason, STR("AWS.SimpleQueueService.NonExistentQueue"));
    counts(URL("dead"), "5", "0", "0");
    expect_ok(start(ARN("dead"), ARN("other"), 0));
    advance_by_steps(3);
    counts(URL("other"), "5", "0", "0");
    sent(URL("dead"), STR("by hand"));
    expect_ok(start(ARN("dead"), NULL, 0));
    advance_by_steps(3);
    tasks = list(ARN("dead"), 10);
    EXPECT_INT(tasks->n, 3);
    EXPECT_STR(tasks->v[0].FailureReason, STR("CouldNotDetermineMessageSource"));
    EXPECT_STR(tasks->v[1].Status, STR("COMPLETED"));
    EXPECT_INT(tasks->v[1].ApproximateNumberOfMessagesMoved.v, 5);
    world_close(&w);
}

TEST(move, ten_are_remembered)
{
    world_open(&w, NULL);
    dead_letters(0);
    for (int i = 0; i < 15; i++) {
        expect_ok(start(ARN("dead"), NULL, 0));
        advance_by_steps(2);
    }
    EXPECT_INT(list(ARN("dead"), 10)->n, 10);
    world_reload(&w);
    EXPECT_INT(list(ARN("dead"), 10)->n, 10);
    EXPECT_INT(list(ARN("dead"), 3)->n, 3);
    world_close(&w);
}

TEST(move, fifo)
{
    struct sqs_QueueAttributeMap_entry e[] = {
        { STR("FifoQueue"), STR("true") },
        { STR("RedrivePolicy"),
          STR("{\"deadLetterTargetArn\":\"" ARN("dead.fifo") "\",\"maxReceiveCount\":1}") }
    };
    struct sqs_CreateQueueRequest dead = { .QueueName = STR("dead.fifo"), .Attributes = { true, 1, e } };
    struct sqs_CreateQueueRequest source = { .QueueName = STR("q.fifo"), .Attributes = { true, 2, e } };
    struct asked *a;

    world_open(&w, NULL);
    expect_ok(say(&w, "CreateQueue", &dead));
    expect_ok(say(&w, "CreateQueue", &source));
    for (int i = 0; i < 6; i++) {
        char body[] = { (char)('a' + i), 0 }, group[] = { (char)('0' + i % 2), 0 };
        struct sqs_SendMessageRequest in = { .QueueUrl = URL("q.fifo"),
                                             .MessageBody = str_of(body),
                                             .MessageGroupId = str_of(group),
                                             .MessageDeduplicationId = str_of(body) };

        expect_ok(say(&w, "SendMessage", &in));
    }
    receive(URL("q.fifo"), 10, 1, 0);
    world_advance(&w, 1000);
    EXPECT_INT(got(receive(URL("q.fifo"), 10, 1, 0))->n, 0);
    counts(URL("dead.fifo"), "6", "0", "0");
    expect_ok(start(ARN("dead.fifo"), NULL, 0));
    advance_by_steps(3);
    counts(URL("dead.fifo"), "0", "0", "0");
    a = receive(URL("q.fifo"), 10, -1, 0);
    EXPECT_INT(got(a)->n, 6);
    for (int i = 0; i < 3 && got(a)->n == 6; i++)
        EXPECT(got(a)->v[i].Body.p[0] == 'a' + 2 * i && got(a)->v[3 + i].Body.p[0] == 'b' + 2 * i);
    EXPECT_STR(system_of(&got(a)->v[0], "MessageDeduplicationId"), STR("a"));
    world_reload(&w);
    counts(URL("q.fifo"), "0", "6", "0");
    world_close(&w);
}

/* More than one step's worth: the rest goes in steps, and a receive meets none of them. */
TEST(expire, in_bounded_steps)
{
    size_t left;

    world_open(&w, NULL);
    create(STR("q"), "MessageRetentionPeriod", "60");
    for (int i = 0; i < 3000; i++)
        sent(URL("q"), STR("old"));
    world_advance(&w, 30000);
    sent(URL("q"), STR("new"));
    world_advance(&w, 30001);
    attribute(URL("q"), "ApproximateNumberOfMessages");
    left = sqs_find(w.sqs, w.account, w.region, STR("q"))->index.n;
    EXPECT(left > 1 && left <= 3001 - 512);
    for (int i = 0; i < 10; i++)
        world_real(&w, 1);
    EXPECT_INT(sqs_find(w.sqs, w.account, w.region, STR("q"))->index.n, 1);
    counts(URL("q"), "1", "0", "0");
    EXPECT_STR(body_of(receive(URL("q"), 10, -1, 0)), STR("new"));
    EXPECT_INT(world_real_timers(&w), 0);
    world_close(&w);
}

TEST(expire, who_waits_behind_many_old_ones_is_woken)
{
    struct asked *a;

    world_open(&w, NULL);
    create(STR("q"), "MessageRetentionPeriod", "60");
    for (int i = 0; i < 2500; i++)
        sent(URL("q"), STR("old"));
    world_advance(&w, 30000);
    sent(URL("q"), STR("new"));
    w.turn.now.wall_ms += 30001;
    a = receive(URL("q"), 1, -1, 20);
    for (int i = 0; i < 10 && !a->answered; i++)
        world_real(&w, 1);
    EXPECT_STR(body_of(a), STR("new"));
    world_close(&w);
}

TEST(expire, a_receive_meets_many_old_ones)
{
    size_t n = 0;

    world_open(&w, NULL);
    create(STR("q"), "MessageRetentionPeriod", "60");
    for (int i = 0; i < 2500; i++)
        sent(URL("q"), STR("old"));
    world_advance(&w, 30000);
    sent(URL("q"), STR("new"));
    w.turn.now.wall_ms += 30001;
    for (; n < 5 && got(receive(URL("q"), 10, -1, 0))->n == 0; n++)
        ;
    EXPECT(n >= 1 && n <= 2);
    world_close(&w);
}

static void a_task_is_cancelled_twice(void)
{
    struct sqs_task *task;

    CHECK(sqs_task_start(&w.turn, sqs_find(w.sqs, w.account, w.region, STR("q")), STR_NONE, 0, &task) == 0);
    CHECK(sqs_task_cancel(&w.turn, task) == 0);
    (void)sqs_task_cancel(&w.turn, task);
}

static void a_queue_is_taken_for_the_service(void)
{
    sqs_wake((struct sqs *)(void *)sqs_find(w.sqs, w.account, w.region, STR("q")), &w.turn);
}

TEST(move, what_cannot_be_ends_the_program)
{
    world_open(&w, NULL);
    create(STR("q"), NULL, NULL);
    EXPECT_ABORTS(a_task_is_cancelled_twice, "SQS move task");
    EXPECT_ABORTS(a_queue_is_taken_for_the_service, "SQS_MAGIC");
    world_close(&w);
}

UNIT_MAIN
