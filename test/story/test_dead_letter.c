/* Stories of what leaves a function that failed for good: dead letters beside and without records, and
 * records to every kind of destination.  Source of the rules: AWS Lambda developer guide ("Adding a
 * dead-letter queue", "Capturing records of Lambda asynchronous invocations") and AWS's recorded behaviour.
 */
#include "flow/deadletter.h"
#include "story/sim.h"
#include "unit.h"

#define ARN "arn:aws:lambda:us-east-1:111111111111:function:f"
#define DLQ "arn:aws:sqs:us-east-1:111111111111:dead"
#define DLQ2 "arn:aws:sqs:us-east-1:111111111111:dead2"
#define TOPIC "arn:aws:sns:us-east-1:111111111111:dead"
#define LOST "arn:aws:sqs:us-east-1:111111111111:lost"
#define BOOM "{\"errorType\":\"Error\",\"errorMessage\":\"boom\"}"
#define ZERO "Function not invoked. Function isconfigured with zero reserved concurrent executions"

static const struct sim_answer fails = { OUTCOME_ERROR, BOOM, "Error", 10 };
static const struct sim_answer succeeds = { OUTCOME_OK, "{\"ok\":1}", NULL, 10 };

/* No retries: the story is the delivery. */
static struct sim *sim_with(struct sim_answer answer, const char *dead_letter)
{
    struct sim *s = sim_new();

    sim_answers(s, 1, &answer);
    s->target.code->dead_letter = str_of(dead_letter);
    s->target.maximum_retry_attempts = 0;
    s->tell_record = s->tell_parcel = s->quiet = true;
    return s;
}

static void expect_steps(struct sim *s, const char *id, const char *want, int line)
{
    const char *got = sim_journey(s, id);

    if (strcmp(got, want) != 0)
        UNIT_FAIL("line %d: got %s, want %s", line, got, want);
}
#define EXPECT_STEPS(s, id, want) expect_steps(s, id, want, __LINE__)

/* The last step's arguments, as told. */
static struct str last_step(struct sim *s, struct arena *a, const char *id)
{
    struct journey j;
    struct json *doc;

    CHECK(journey_get(s->store, a, str_of(id), &j) == 0 && json_parse(a, j.story, &doc, NULL) == 0);
    return json_at(doc, (int)doc->n - 1)->raw;
}

#define LETTER(queue, body, attributes, qualified) \
    "sent to " queue ": " body "\n        RequestID(String)=<id>" attributes " from " qualified "\n"
#define RECORD(condition, count, rest)                                                                      \
    "{\"version\":\"1.0\",\"timestamp\":\"2026-09-14T15:44:58.133Z\",\"requestContext\":{\"requestId\":\"<" \
    "id>\","                                                                                                \
    "\"functionArn\":\"" ARN ":$LATEST\",\"condition\":\"" condition "\",\"approximateInvokeCount\":" count \
    "}" rest "}"
#define FAILED                                                                                               \
    ",\"requestPayload\":{\"a\":1},\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$LATEST\"," \
    "\"functionError\":\"Unhandled\"},"                                                                      \
    "\"responsePayload\":" BOOM

TEST(dead_letter, the_event_as_it_came)
{
    struct sim *s = sim_with(fails, DLQ);
    char id[UUID_TEXT + 1];

    memcpy(id, sim_event(s, NULL, " { \"b\" : 1.50, \"a\":[ ] }\n"), sizeof(id));
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s),
             "[    10] " LETTER(DLQ, " { \"b\" : 1.50, \"a\":[ ] }\n",
                                " ErrorCode(Number)=200 ErrorMessage(String)=boom", ARN ":$LATEST"));
    EXPECT_STEPS(s, id, "failed: accepted started failed exhausted sent");
    EXPECT(strstr(s->sent_trace, ";Lineage=1:") !=
           NULL); /* a queue that feeds the function again is a chain */
    EXPECT(sim_metric(s, "DeadLetterErrors") == 0);
    sim_free(s);
}

TEST(dead_letter, a_topic_gets_the_same)
{
    struct sim *s = sim_with(fails, TOPIC);

    sim_event(s, NULL, "{\"a\":1}");
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s),
             "[    10] " LETTER(TOPIC, "{\"a\":1}", " ErrorCode(Number)=200 ErrorMessage(String)=boom",
                                ARN ":$LATEST"));
    sim_free(s);
}

TEST(dead_letter, an_empty_event_is_an_object)
{
    struct sim *s = sim_with(fails, DLQ);

    sim_event(s, NULL, "");
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s), "[    10] " LETTER(DLQ, "{}", " ErrorCode(Number)=200 ErrorMessage(String)=boom",
                                              ARN ":$LATEST"));
    sim_free(s);
}

TEST(dead_letter, never_on_success)
{
    struct sim *s = sim_with(succeeds, DLQ);

    sim_event(s, NULL, "{}");
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s), "");
    sim_free(s);
}

TEST(dead_letter, too_old_after_an_execution)
{
    struct sim *s = sim_with(fails, DLQ);

    s->target.maximum_retry_attempts = 2;
    s->target.maximum_event_age_s = 90;
    sim_event(s, "live", "{}");
    sim_run(s, 400000);
    EXPECT_Z(sim_story(s),
             "[ 60020] " LETTER(DLQ, "{}", " ErrorCode(Number)=200 ErrorMessage(String)=boom", ARN ":live"));
    sim_free(s);
}

TEST(dead_letter, throttled_to_death)
{
    struct sim *s = sim_with(fails, DLQ);

    s->slots = 0;
    s->target.maximum_event_age_s = 60;
    sim_event(s, NULL, "{}");
    sim_run(s, 120000);
    EXPECT_Z(sim_story(s),
             "[ 31000] " LETTER(DLQ, "{}", " ErrorCode(Number)=429 ErrorMessage(String)=Rate Exceeded.",
                                ARN ":$LATEST"));
    sim_free(s);
}

/* Executed before: what the function said last counts, not the throttles after it. */
TEST(dead_letter, throttled_after_an_execution)
{
    struct sim *s = sim_with(fails, DLQ);

    s->target.maximum_retry_attempts = 1;
    s->target.maximum_event_age_s = 120;
    sim_event(s, NULL, "{}");
    sim_run(s, 1000);
    s->slots = 0;
    sim_run(s, 400000);
    EXPECT(strstr(sim_story(s), LETTER(DLQ, "{}", " ErrorCode(Number)=200 ErrorMessage(String)=boom",
                                       ARN ":$LATEST")) != NULL);
    sim_free(s);
}

TEST(dead_letter, zero_reserved_concurrency_has_no_code)
{
    struct sim *s = sim_with(fails, DLQ);

    s->target.reserved_concurrency = 0;
    sim_event(s, NULL, "{\"a\": 1}");
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s),
             "[     0] " LETTER(DLQ, "{\"a\": 1}", " ErrorMessage(String)=" ZERO, ARN ":$LATEST"));
    sim_free(s);
}

TEST(dead_letter, a_target_that_is_gone)
{
    struct sim *s = sim_with(fails, DLQ);

    s->target.maximum_retry_attempts = 1;
    sim_event(s, "live", "{}");
    sim_run(s, 1000);
    s->missing = true;
    sim_run(s, 400000);
    EXPECT_Z(sim_story(s),
             "[ 60010] " LETTER(DLQ, "{}",
                                " ErrorCode(Number)=404 ErrorMessage(String)=Function not found: " ARN
                                ":live",
                                ARN ":live"));
    sim_free(s);
}

/* The queue is remembered with the event: neither memory nor function are there any more. */
TEST(dead_letter, a_target_that_is_gone_after_a_restart)
{
    struct sim *s = sim_with(fails, DLQ);

    s->target.maximum_retry_attempts = 1;
    sim_event(s, NULL, "{}");
    sim_run(s, 1000);
    s->missing = true;
    sim_restart(s);
    sim_run(s, 400000);
    EXPECT_Z(sim_story(s),
             "[ 60010] " LETTER(DLQ, "{}",
                                " ErrorCode(Number)=404 ErrorMessage(String)=Function not found: " ARN
                                ":$LATEST",
                                ARN ":$LATEST"));
    sim_free(s);
}

static struct sql Q_OLD = SQL("UPDATE event SET config = substr(config, 1, length(config) - $1)");

/* A row that an older server wrote knows of no dead-letter queue, and of the rest what it always did. */
TEST(dead_letter, a_row_of_an_older_server)
{
    struct sim *s = sim_with(fails, DLQ);
    const char *story;

    s->target.maximum_retry_attempts = 1;
    s->target.on_failure = STR(LOST);
    sim_event(s, NULL, "{}");
    sim_run(s, 1000);
    CHECK(store_exec(s->store, &Q_OLD, V_INT(sizeof(DLQ))) == 1); /* the line and its line end */
    s->missing = true;
    sim_restart(s);
    s->tell_record = s->tell_parcel = false;
    sim_run(s, 400000);
    story = sim_story(s);
    EXPECT(strstr(story, "[ 60010] sent to " LOST " (") == story);
    EXPECT(strstr(story, DLQ) == NULL);
    EXPECT(sim_metric(s, "DestinationDeliveryFailures") == 0);
    sim_free(s);
}

TEST(dead_letter, a_stopped_loop)
{
    struct sim *s = sim_with(succeeds, DLQ);

    s->target.on_success = STR(ARN);
    s->feed_itself = true;
    sim_event(s, NULL, "{}");
    sim_run(s, 10000);
    EXPECT_INT(s->n_attempts, 16);
    EXPECT(strstr(sim_story(s), " ErrorCode(Number)=400 ErrorMessage(String)=Function not invoked. Lambda "
                                "detected a recursive loop from " ARN ":$LATEST\n") != NULL);
    EXPECT(sim_metric(s, "RecursiveInvocationsDropped") == 1);
    sim_free(s);
}

TEST(dead_letter, beside_an_on_failure_destination)
{
    struct sim *s = sim_with(fails, DLQ);
    char id[UUID_TEXT + 1];

    s->target.on_failure = STR(LOST);
    memcpy(id, sim_event(s, NULL, "{\"a\" : 1}"), sizeof(id));
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s),
             "[    10] sent to " LOST
             ": " RECORD("RetriesExhausted", "1",
                         FAILED) "\n        from " ARN ":$LATEST\n"
                                 "[    10] " LETTER(DLQ, "{\"a\" : 1}",
                                                    " ErrorCode(Number)=200 ErrorMessage(String)=boom",
                                                    ARN ":$LATEST"));
    EXPECT_STEPS(s, id, "failed: accepted started failed exhausted sent sent");
    sim_free(s);
}

/* Neither knows of the other: one is lost, the other arrives. */
TEST(dead_letter, one_refused_the_other_sent)
{
    static const struct {
        const char *closed, *sent, *steps;
        double letters, records;
    } rows[] = {
        { DLQ, LOST, "failed: accepted started failed exhausted sent refused", 1, 0 },
        { LOST, DLQ, "failed: accepted started failed exhausted refused sent", 0, 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sim *s = sim_with(fails, DLQ);
        char id[UUID_TEXT + 1];

        s->target.on_failure = STR(LOST);
        s->closed = rows[i].closed;
        s->verdict = ROLE_DENIED;
        memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
        sim_run(s, 1000);
        EXPECT(strstr(sim_story(s), rows[i].sent) != NULL);
        EXPECT_STEPS(s, id, rows[i].steps);
        EXPECT(sim_metric(s, "DeadLetterErrors") == rows[i].letters);
        EXPECT(sim_metric(s, "DestinationDeliveryFailures") == rows[i].records);
        sim_free(s);
    }
}

/* Every way to be refused, in plain words in the journey. */
TEST(dead_letter, refused_in_words)
{
    static const struct {
        enum role_verdict role;
        enum delivery delivery;
        const char *own, *want;
    } rows[] = {
        { ROLE_DENIED, DELIVERED, NULL, "\"no identity-based policy allows the sqs:SendMessage action\"" },
        { ROLE_ALLOWED, DELIVERY_REFUSED, NULL, "\"The specified queue does not exist.\"" },
        { ROLE_ALLOWED, DELIVERY_NO_RESOURCE, NULL, "\"the target does not exist\"" },
        { ROLE_ALLOWED, DELIVERED,
          "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":"
          "\"sqs:*\","
          "\"Resource\":\"" DLQ "\"}}",
          "\"an explicit deny in a resource-based policy\"" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_freep) struct arena *a = arena_new(0);
        struct sim *s = sim_with(fails, DLQ);
        char id[UUID_TEXT + 1];

        s->verdict = rows[i].role;
        s->delivery = rows[i].delivery;
        if (rows[i].own != NULL)
            CHECK(policy_parse(POLICY_RESOURCE, str_of(rows[i].own), &s->own, NULL) == 0);
        memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
        sim_run(s, 1000);
        EXPECT(strstr(sim_story(s), "sent") == NULL);
        EXPECT_STR(last_step(s, a, id),
                   arena_printf(a, "[1789400698133,\"refused\",\"dead letter\",\"" DLQ "\",%s]",
                                rows[i].want));
        EXPECT(sim_metric(s, "DeadLetterErrors") == 1);
        sim_free(s);
    }
}

/* A Deny of the target itself, for a record. */
TEST(destination, denied_by_the_queues_own_policy)
{
    struct sim *s = sim_with(fails, NULL);
    char id[UUID_TEXT + 1];

    s->target.on_failure = STR(LOST);
    CHECK(policy_parse(POLICY_RESOURCE,
                       STR("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Principal\":{"
                           "\"AWS\":\"arn:aws:iam::111111111111:role/r\"},"
                           "\"Action\":\"sqs:SendMessage\",\"Resource\":\"" LOST "\"}}"),
                       &s->own, NULL) == 0);
    memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s), "");
    EXPECT_STEPS(s, id, "failed: accepted started failed exhausted refused");
    EXPECT(sim_metric(s, "DestinationDeliveryFailures") == 1);
    sim_free(s);
}

/* The version that ran decides, whatever the alias means at the end. */
TEST(dead_letter, of_the_version_that_ran)
{
    struct sim *s = sim_with(fails, DLQ);

    s->version = "1";
    s->other = sim_code("2");
    s->other->dead_letter = STR(DLQ2);
    sim_event(s, "live", "{\"n\":1}");
    sim_run(s, 5); /* running on version 1 */
    s->draw_other = true;
    sim_run(s, 1000);
    sim_event(s, "live", "{\"n\":2}");
    sim_run(s, 2000);
    EXPECT_Z(
        sim_story(s),
        "[    10] " LETTER(DLQ, "{\"n\":1}", " ErrorCode(Number)=200 ErrorMessage(String)=boom",
                           ARN ":live") "[  1010] " LETTER(DLQ2, "{\"n\":2}",
                                                           " ErrorCode(Number)=200 ErrorMessage(String)=boom",
                                                           ARN ":live"));
    sim_free(s);
}

TEST(dead_letter, cleared_while_the_event_waits)
{
    struct sim *s = sim_with(fails, DLQ);

    s->target.maximum_retry_attempts = 1;
    sim_event(s, NULL, "{}");
    sim_run(s, 1000);
    s->target.code->dead_letter = STR_NONE;
    sim_run(s, 400000);
    EXPECT_Z(sim_story(s), "");
    sim_free(s);
}

/* ---- the message, apart from any story ---- */

static struct str message(struct arena *a, const char *response)
{
    struct dead_letter_facts f = { .request_id = STR("i"),
                                   .function_arn = STR(ARN ":1"),
                                   .condition = CONDITION_RETRIES_EXHAUSTED,
                                   .status = 200,
                                   .request_payload = STR("{}"),
                                   .response_payload = str_of(response) };
    struct parcel p = { 0 };

    dead_letter_parcel(a, &f, &p);
    CHECK(str_is(p.attributes[0].name, "RequestID") && str_is(p.attributes[1].name, "ErrorCode"));
    return p.n_attributes < 3 ? STR_NONE : p.attributes[2].value;
}

/* n bytes of 'x', then tail. */
static const char *long_error(struct arena *a, size_t n, const char *tail)
{
    char *p = arena_alloc(a, n + 1);

    memset(p, 'x', n);
    p[n] = '\0';
    return arena_printf(a, "{\"errorMessage\":\"%s%s\"}", p, tail).p;
}

TEST(dead_letter, message_is_cut_at_1024_bytes)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    EXPECT_INT(message(a, long_error(a, 1024, "")).n, 1024);
    EXPECT_INT(message(a, long_error(a, 1024, "y")).n, 1024);
    EXPECT_INT(message(a, long_error(a, 5000, "")).n, 1024);
    EXPECT_INT(message(a, long_error(a, 1022, "\xc3\xa9")).n, 1024); /* fits to the byte */
    EXPECT_STR(str_sub(message(a, long_error(a, 1022, "\xc3\xa9")), 1022, 2000), STR("\xc3\xa9"));
    EXPECT_STR(str_sub(message(a, long_error(a, 1023, "\xc3\xa9")), 1022, 2000), STR("x\xef\xbf\xbd"));
    EXPECT_STR(str_sub(message(a, long_error(a, 1021, "\xf0\x9f\x98\x80!")), 1020, 2000),
               STR("x\xef\xbf\xbd"));
    EXPECT_STR(str_sub(message(a, long_error(a, 1020, "\xf0\x9f\x98\x80!")), 1019, 2000),
               STR("x\xf0\x9f\x98\x80"));
}

TEST(dead_letter, messages_there_are)
{
    static const struct {
        const char *response, *want;
    } rows[] = {
        { "{\"errorMessage\":\"caf\\u00e9\",\"errorType\":\"E\"}", "caf\xc3\xa9" },
        { "{\"errorMessage\":\"a\\u0000b\\u0007\\tc\\nd\\ufffe\"}", "a\xef\xbf\xbd"
                                                                    "b\xef\xbf\xbd\tc\nd\xef\xbf\xbd" },
        { "{\"errorMessage\":\"\"}", NULL },
        { "{\"errorMessage\":7}", NULL },
        { "{\"errorMessage\":null}", NULL },
        { "{\"errorType\":\"E\"}", NULL },
        { "\"text\"", NULL },
        { "[1]", NULL },
        { "no json", NULL },
        { "", NULL },
        { NULL, NULL },
    };
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_STR(message(a, rows[i].response), str_of(rows[i].want));
}

/* ---- records to every kind of destination ---- */

TEST(destination, each_kind_gets_the_record_and_what_it_needs)
{
    static const struct {
        const char *target, *more;
    } rows[] = {
        { "arn:aws:sqs:us-east-1:111111111111:q", "" },
        { "arn:aws:sns:us-east-1:111111111111:t", "" },
        { "arn:aws:events:us-east-1:111111111111:event-bus/b",
          "source=lambda detail-type=Lambda Function Invocation Result - Failure " },
        { "arn:aws:s3:::bucket", "function=f " },
        { "arn:aws:lambda:us-east-1:111111111111:function:g:live", "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_freep) struct arena *a = arena_new(0);
        struct sim *s = sim_with(fails, NULL);

        s->target.on_failure = str_of(rows[i].target);
        sim_event(s, NULL, "{\"a\":1}");
        sim_run(s, 1000);
        EXPECT_Z(sim_story(s),
                 arena_printf(a,
                              "[    10] sent to %s: " RECORD("RetriesExhausted", "1",
                                                             FAILED) "\n        %sfrom " ARN ":$LATEST\n",
                              rows[i].target, rows[i].more)
                     .p);
        EXPECT(strstr(s->sent_trace, ";Lineage=1:") != NULL);
        sim_free(s);
    }
}

TEST(destination, a_bus_is_told_success_too)
{
    struct sim *s = sim_with(succeeds, NULL);

    s->target.on_success = STR("arn:aws:events:us-east-1:111111111111:event-bus/b");
    sim_event(s, NULL, "{\"a\":1}");
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s),
             "[    10] sent to arn:aws:events:us-east-1:111111111111:event-bus/b: " RECORD(
                 "Success", "1",
                 ",\"requestPayload\":{\"a\":1},"
                 "\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$LATEST\"},"
                 "\"responsePayload\":{\"ok\":1}") "\n        source=lambda detail-type=Lambda Function "
                                                   "Invocation Result - Success from " ARN ":$LATEST\n");
    sim_free(s);
}

/* Each target's own limit: responsePayload goes first, then requestPayload, then the target says no. */
TEST(destination, limits_of_the_target)
{
    static const struct {
        size_t limit;
        bool response, request;
    } rows[] = { { 1000, true, true }, { 380, false, true }, { 100, false, false } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sim *s = sim_with(fails, NULL);
        const char *story;

        s->target.on_failure = STR("arn:aws:sns:us-east-1:111111111111:t");
        s->sinks.row[1].max_body_bytes = rows[i].limit;
        sim_event(s, NULL, "{\"a\":1}");
        sim_run(s, 1000);
        story = sim_story(s);
        EXPECT_INT(strstr(story, "responsePayload") != NULL, rows[i].response);
        EXPECT_INT(strstr(story, "requestPayload") != NULL, rows[i].request);
        sim_free(s);
    }
}

/* The role is asked about the object, not about the bucket. */
TEST(destination, what_the_role_is_asked_about)
{
    static const struct {
        const char *target, *want;
    } rows[] = { { "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/aws/lambda/async/f/2026/09/14/record" },
                 { LOST, LOST },
                 { ARN ":1", ARN ":1" } };
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sim *s = sim_with(fails, NULL);
    struct turn t = { .magic = TURN_MAGIC, .now = { SIM_START_MS, 1 } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct door d = door_find(&s->sinks, &t, str_of(rows[i].target));

        EXPECT_STR(destination_resource(a, &d, STR("f")), str_of(rows[i].want));
    }
    sim_free(s);
}

TEST(destination, a_bucket_denied)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sim *s = sim_with(fails, NULL);
    char id[UUID_TEXT + 1];

    s->target.on_failure = STR("arn:aws:s3:::bucket");
    s->closed = "arn:aws:s3:::bucket/aws/lambda/async/f/"; /* only what begins so */
    s->verdict = ROLE_DENIED;
    memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
    sim_run(s, 1000);
    EXPECT_STR(last_step(s, a, id),
               STR("[1789400698133,\"refused\",\"on-failure record\",\"arn:aws:s3:::bucket\","
                   "\"no identity-based policy allows the s3:PutObject action\"]"));
    sim_free(s);
}

/* ---- chains ---- */

/* f hands to f: 16 executions, the 17th is stopped and its record says why. */
TEST(chain, ends_after_sixteen)
{
    struct sim *s = sim_with(succeeds, NULL);

    s->target.on_success = STR(ARN);
    s->target.on_failure = STR(LOST);
    s->feed_itself = true;
    s->tell_record = false;
    sim_event(s, NULL, "{}");
    sim_run(s, 10000);
    EXPECT_INT(s->n_attempts, 16);
    EXPECT(strstr(s->last_trace, ";Lineage=16:") != NULL);
    EXPECT(strstr(sim_story(s), "sent to " LOST) != NULL);
    EXPECT(sim_metric(s, "RecursiveInvocationsDropped") == 1);
    EXPECT(sim_metric(s, "DestinationDeliveryFailures") == 0);
    sim_free(s);
}

TEST(chain, goes_on_where_it_may)
{
    struct sim *s = sim_with(succeeds, DLQ);

    s->target.on_success = STR(ARN);
    s->target.recursion_allowed = true;
    s->feed_itself = true;
    s->tell_record = false;
    sim_event(s, NULL, "{}");
    sim_run(s, 295);
    EXPECT_INT(s->n_attempts, 30);
    EXPECT(strstr(sim_story(s), DLQ) == NULL);
    EXPECT(sim_metric(s, "RecursiveInvocationsDropped") == 0);
    sim_free(s);
}

/* Two functions that hand to each other count each for itself. */
TEST(chain, of_two_functions)
{
    struct sim *s = sim_with(succeeds, NULL);

    s->target.on_success = STR("arn:aws:lambda:us-east-1:111111111111:function:g");
    s->feed_itself = true;
    s->tell_record = false;
    sim_event(s, NULL, "{}");
    sim_run(s, 10000); /* f, then g, which hands to g until g was stopped */
    EXPECT_INT(s->n_attempts, 17);
    EXPECT(strstr(s->last_trace, "|16:") != NULL);
    sim_free(s);
}

UNIT_MAIN
