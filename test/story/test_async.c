/* Stories of the asynchronous queue: every path of the algorithm, every row of the table of conditions, whole
 * records. Source of the rules: AWS Lambda developer guide (asynchronous invocation) and AWS's recorded
 * behaviour. */
#include "aborts.h"
#include "flow/async_internal.h"
#include "story/sim.h"
#include "unit.h"

#define ARN "arn:aws:lambda:us-east-1:111111111111:function:f"
#define QUEUE "arn:aws:sqs:us-east-1:111111111111:lost"
#define GOOD "arn:aws:sqs:us-east-1:111111111111:good"
#define BOOM "{\"errorType\":\"Error\",\"errorMessage\":\"boom\"}"

static const struct sim_answer fails = { OUTCOME_ERROR, BOOM, "Error", 10 };
static const struct sim_answer succeeds = { OUTCOME_OK, "{\"hello\": \"world\"}", NULL, 10 };

static struct sim *sim_with(const struct sim_answer *v, size_t n)
{
    struct sim *s = sim_new();

    sim_answers(s, n, v);
    s->target.on_failure = STR(QUEUE);
    s->target.on_success = STR(GOOD);
    s->tell_record = true;
    return s;
}

#define RECORD(stamp, arn, condition, count, rest)                                                         \
    "{\"version\":\"1.0\",\"timestamp\":\"" stamp                                                          \
    "\",\"requestContext\":{\"requestId\":\"<id>\",\"functionArn\":\"" arn "\",\"condition\":\"" condition \
    "\",\"approximateInvokeCount\":" count "}" rest "}\n"
#define RAN(version, payload)                                                 \
    ",\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"" version \
    "\"},\"responsePayload\":" payload
#define FAILED(version, payload)                                              \
    ",\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"" version \
    "\",\"functionError\":\"Unhandled\"},\"responsePayload\":" payload

TEST(async, success_sends_one_record)
{
    struct sim *s = sim_with(&succeeds, 1);
    char id[UUID_TEXT + 1];

    memcpy(id, sim_event(s, NULL, "{ \"b\" : 1.50, \"a\":[ ] }"), sizeof(id));
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s),
             "[     0] accepted\n"
             "[     0] attempt 1 runs " ARN " version $LATEST with { \"b\" : 1.50, \"a\":[ ] }\n"
             "[    10] attempt 1 succeeds\n"
             "[    10] sent to " GOOD ": " RECORD(
                 "2026-09-14T15:44:58.133Z", ARN ":$LATEST", "Success", "1",
                 ",\"requestPayload\":{\"b\":1.50,\"a\":[]}" RAN("$LATEST", "{\"hello\":\"world\"}")));
    EXPECT_Z(sim_journey(s, id), "succeeded: accepted started succeeded sent");
    sim_free(s);
}

TEST(async, default_retries_after_60_and_120_seconds)
{
    struct sim *s = sim_with(&fails, 1);
    char id[UUID_TEXT + 1];

    memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
    sim_run(s, 400000);
    EXPECT_Z(sim_story(s), "[     0] accepted\n"
                           "[     0] attempt 1 runs " ARN " version $LATEST with {}\n"
                           "[    10] attempt 1 fails\n"
                           "[ 60010] attempt 2 runs " ARN " version $LATEST with {}\n"
                           "[ 60020] attempt 2 fails\n"
                           "[180020] attempt 3 runs " ARN " version $LATEST with {}\n"
                           "[180030] attempt 3 fails\n"
                           "[180030] sent to " QUEUE
                           ": " RECORD("2026-09-14T15:47:58.153Z", ARN ":$LATEST", "RetriesExhausted", "3",
                                       ",\"requestPayload\":{}" FAILED("$LATEST", BOOM)));
    EXPECT_Z(sim_journey(s, id),
             "failed: accepted started failed retry started failed retry started failed exhausted sent");
    sim_free(s);
}

TEST(async, no_retry_when_the_configuration_says_none)
{
    struct sim *s = sim_with(&fails, 1);

    s->target.maximum_retry_attempts = 0;
    sim_event(s, NULL, "{}");
    sim_run(s, 400000);
    EXPECT_Z(sim_story(s), "[     0] accepted\n"
                           "[     0] attempt 1 runs " ARN " version $LATEST with {}\n"
                           "[    10] attempt 1 fails\n"
                           "[    10] sent to " QUEUE
                           ": " RECORD("2026-09-14T15:44:58.133Z", ARN ":$LATEST", "RetriesExhausted", "1",
                                       ",\"requestPayload\":{}" FAILED("$LATEST", BOOM)));
    sim_free(s);
}

TEST(async, success_after_a_failure_reports_one_attempt)
{
    struct sim *s = sim_with((struct sim_answer[]){ fails, succeeds }, 2);

    sim_event(s, "live", "{}");
    s->version = "3";
    sim_run(s, 400000);
    EXPECT_Z(sim_story(s), "[     0] accepted\n"
                           "[     0] attempt 1 runs " ARN ":live version $LATEST with {}\n"
                           "[    10] attempt 1 fails\n"
                           "[ 60010] attempt 2 runs " ARN ":live version 3 with {}\n"
                           "[ 60020] attempt 2 succeeds\n"
                           "[ 60020] sent to " GOOD
                           ": " RECORD("2026-09-14T15:45:58.143Z", ARN ":live", "Success", "1",
                                       ",\"requestPayload\":{}" RAN("3", "{\"hello\":\"world\"}")));
    sim_free(s);
}

TEST(async, age_60_allows_one_attempt)
{
    struct sim *s = sim_with(&fails, 1);

    s->target.maximum_event_age_s = 60;
    sim_event(s, NULL, "{}");
    sim_run(s, 400000);
    EXPECT_Z(sim_story(s), "[     0] accepted\n"
                           "[     0] attempt 1 runs " ARN " version $LATEST with {}\n"
                           "[    10] attempt 1 fails\n"
                           "[    10] sent to " QUEUE
                           ": " RECORD("2026-09-14T15:44:58.133Z", ARN ":$LATEST", "EventAgeExceeded", "1",
                                       ",\"requestPayload\":{}" FAILED("$LATEST", BOOM)));
    sim_free(s);
}

TEST(async, age_90_allows_two_attempts)
{
    struct sim *s = sim_with(&fails, 1);
    const char *story;

    s->target.maximum_event_age_s = 90;
    sim_event(s, NULL, "{}");
    sim_run(s, 400000);
    story = sim_story(s);
    EXPECT(strstr(story, "[ 60020] sent to " QUEUE) != NULL);
    EXPECT(strstr(story, "\"condition\":\"EventAgeExceeded\",\"approximateInvokeCount\":2") != NULL);
    EXPECT(strstr(story, "attempt 3") == NULL);
    sim_free(s);
}

TEST(async, throttled_to_death_was_never_executed)
{
    struct sim *s = sim_with(&succeeds, 1);
    char id[UUID_TEXT + 1];

    s->slots = 0;
    s->target.maximum_event_age_s = 60;
    memcpy(id, sim_event(s, NULL, "{\"k\":1}"), sizeof(id));
    sim_run(s, 100000);
    EXPECT_Z(sim_story(s),
             "[     0] accepted\n"
             "[     0] no slot\n"
             "[  1000] no slot\n"
             "[  3000] no slot\n"
             "[  7000] no slot\n"
             "[ 15000] no slot\n"
             "[ 31000] no slot\n"
             "[ 31000] sent to " QUEUE
             ": " RECORD("2026-09-14T15:45:29.123Z", ARN ":$LATEST", "EventAgeExceeded", "0",
                         ",\"requestPayload\":{\"k\":1},\"responseContext\":{\"statusCode\":429}"));
    EXPECT_Z(sim_journey(s, id), "expired: accepted throttled retry throttled retry throttled retry "
                                 "throttled retry throttled retry throttled expired sent");
    sim_free(s);
}

TEST(async, throttles_use_up_no_retry)
{
    struct sim *s = sim_with((struct sim_answer[]){ fails, fails, fails }, 3);
    const char *story;

    s->slots = 0;
    sim_event(s, NULL, "{}");
    sim_run(s, 2000);
    s->slots = 1;
    sim_run(s, 400000);
    story = sim_story(s);
    EXPECT(strstr(story, "[  3000] attempt 1 runs") != NULL);
    EXPECT(strstr(story, "[ 63010] attempt 2 runs") != NULL);
    EXPECT(strstr(story, "[183020] attempt 3 runs") != NULL);
    EXPECT(strstr(story, "\"condition\":\"RetriesExhausted\",\"approximateInvokeCount\":3") != NULL);
    sim_free(s);
}

static struct sim *fifteen_for_one_slot(void)
{
    static const struct sim_answer is_long = { OUTCOME_OK, "1", NULL, 22000 },
                                   is_short = { OUTCOME_OK, "1", NULL, 3500 };
    struct sim *s = sim_new();

    sim_answers(s, 2, (struct sim_answer[]){ is_long, is_short });
    s->slots = s->limit = 1;
    for (int i = 0; i < 15; i++)
        sim_event(s, NULL, "{}");
    return s;
}

static size_t count_of(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static uint64_t still_queued(const struct sim *s)
{
    struct async_counts counts;

    async_counts(s->async, &counts);
    return counts.queued;
}

/* Recorded: reservation 1, one event of 22 s and fourteen short ones were all done some 72 s after the start.
 */
TEST(async, a_free_slot_takes_the_head_of_the_line)
{
    struct sim *s = fifteen_for_one_slot();

    sim_run(s, 22000 + 14 * 3500);
    EXPECT_INT(still_queued(s), 0);
    EXPECT_INT(s->slots, 1);
    EXPECT_INT(count_of(sim_story(s), "succeeds"), 15); /* the slot is one: never two at once */
    sim_free(s);
}

TEST(async, the_line_outlives_a_crash)
{
    struct sim *s = fifteen_for_one_slot();
    char *story;

    sim_run(s, 30000);
    EXPECT_INT(still_queued(s), 12);
    sim_restart(s);
    sim_run(s, 30000 + 12 * 3500);
    EXPECT_INT(still_queued(s), 0);
    story = xstrdup(sim_story(s));
    EXPECT_INT(count_of(story, "succeeds"), 15);
    free(story);
    sim_free(s);
}

/* Whoever is still throttled keeps the back-off it had before the crash. */
TEST(async, back_off_outlives_a_crash)
{
    struct sim *s = sim_with(&succeeds, 1);

    s->slots = 0;
    s->limit = -1;
    sim_event(s, NULL, "{}");
    sim_run(s, 20000); /* 1 2 4 8 */
    sim_restart(s);
    sim_run(s, 70000);
    EXPECT(strstr(sim_story(s), "[ 31000] no slot\n[ 63000] no slot\n") != NULL);
    sim_free(s);
}

TEST(async, the_line_ends_at_the_age_limit)
{
    struct sim *s = sim_new();
    static const struct sim_answer is_long = { OUTCOME_OK, "1", NULL, 100000 };
    const char *story;

    sim_answers(s, 1, &is_long);
    s->target.maximum_event_age_s = 60;
    s->target.on_failure = STR(QUEUE);
    s->tell_record = true;
    s->slots = 1;
    sim_event(s, NULL, "{}");
    sim_event(s, NULL, "{}");
    sim_run(s, 200000);
    story = sim_story(s);
    EXPECT_INT(count_of(story, "runs"), 1);
    EXPECT_INT(count_of(story, "EventAgeExceeded\",\"approximateInvokeCount\":0"), 1);
    EXPECT_INT(still_queued(s), 0);
    sim_free(s);
}

TEST(async, back_off_ends_at_300_seconds)
{
    struct sim *s = sim_with(&succeeds, 1);
    const char *story;

    s->slots = 0;
    sim_event(s, NULL, "{}");
    sim_run(s, 1500000);
    story = sim_story(s);
    /* 1 2 4 8 16 32 64 128 256 then 300 300 ... */
    EXPECT(strstr(story, "[511000] no slot\n[811000] no slot\n[1111000] no slot\n[1411000] no slot\n") !=
           NULL);
    sim_free(s);
}

TEST(async, zero_reserved_concurrency_discards_at_once)
{
    struct sim *s = sim_with(&succeeds, 1);
    char id[UUID_TEXT + 1];

    s->target.reserved_concurrency = 0;
    memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s),
             "[     0] accepted\n"
             "[     0] sent to " QUEUE ": " RECORD("2026-09-14T15:44:58.123Z", ARN ":$LATEST",
                                                   "ZeroReservedConcurrency", "0", ",\"requestPayload\":{}"));
    EXPECT_Z(sim_journey(s, id), "dropped: accepted dropped sent");
    sim_free(s);
}

TEST(async, zero_reserved_concurrency_between_attempts)
{
    struct sim *s = sim_with(&fails, 1);
    const char *story;

    sim_event(s, NULL, "{}");
    sim_run(s, 5);
    s->target.reserved_concurrency = 0;
    sim_run(s, 1000);
    story = sim_story(s);
    EXPECT(strstr(story, "[    10] sent to " QUEUE) != NULL);
    EXPECT(strstr(story, "\"condition\":\"ZeroReservedConcurrency\",\"approximateInvokeCount\":1}") != NULL);
    sim_free(s);
}

TEST(async, deleted_function_counts_as_failed_attempts)
{
    struct sim *s = sim_with(&fails, 1);
    char id[UUID_TEXT + 1];

    s->target.maximum_retry_attempts = 1;
    memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
    sim_run(s, 1000);
    s->missing = true;
    sim_run(s, 400000);
    EXPECT_Z(sim_story(s), "[     0] accepted\n"
                           "[     0] attempt 1 runs " ARN " version $LATEST with {}\n"
                           "[    10] attempt 1 fails\n"
                           "[ 60010] sent to " QUEUE
                           ": " RECORD("2026-09-14T15:45:58.133Z", ARN ":$LATEST", "RetriesExhausted", "2",
                                       ",\"requestPayload\":{},\"responseContext\":{\"statusCode\":404}"));
    EXPECT_Z(sim_journey(s, id), "failed: accepted started failed retry missing exhausted sent");
    sim_free(s);
}

TEST(async, a_function_made_again_runs_old_events)
{
    struct sim *s = sim_with((struct sim_answer[]){ fails, succeeds }, 2);

    sim_event(s, NULL, "{}");
    sim_run(s, 1000);
    s->missing = true;
    sim_run(s, 50000);
    s->missing = false;
    sim_run(s, 70000);
    EXPECT(strstr(sim_story(s), "[ 60020] attempt 2 succeeds") != NULL);
    sim_free(s);
}

TEST(async, pending_function_waits)
{
    struct sim *s = sim_with(&succeeds, 1);

    s->pending = true;
    sim_event(s, NULL, "{}");
    sim_run(s, 100);
    EXPECT_Z(sim_story(s), "[     0] accepted\n");
    s->pending = false;
    sim_event(s, NULL, "{}"); /* any turn pumps */
    sim_run(s, 200);
    EXPECT(strstr(sim_story(s), "attempt 2 succeeds") != NULL);
    sim_free(s);
}

TEST(async, system_errors_back_off_outside_the_retries)
{
    static const struct sim_answer none = { OUTCOME_SYSTEM, NULL, NULL, 10 };
    struct sim *s = sim_with((struct sim_answer[]){ none, none, fails, succeeds }, 4);
    const char *story;

    sim_event(s, NULL, "{}");
    sim_run(s, 400000);
    story = sim_story(s);
    EXPECT(strstr(story, "[  1010] attempt 2 runs") != NULL);
    EXPECT(strstr(story, "[  3020] attempt 3 runs") != NULL);
    EXPECT(strstr(story, "[ 63030] attempt 4 runs") != NULL);
    EXPECT(strstr(story, "\"condition\":\"Success\"") != NULL);
    sim_free(s);
}

TEST(async, output_that_is_no_json_is_a_delivery_error_inside_a_success)
{
    static const struct sim_answer odd = { OUTCOME_OK, "<html>", NULL, 10 };
    struct sim *s = sim_with(&odd, 1);
    const char *story;

    sim_event(s, NULL, "1");
    sim_run(s, 1000);
    story = sim_story(s);
    EXPECT(strstr(story, "\"condition\":\"Success\"") != NULL);
    EXPECT(strstr(story, "\"executedVersion\":\"$LATEST\"},\"deliveryError\":{\"statusCode\":400,"
                         "\"errorCode\":\"InvalidRequestContentException\"") != NULL);
    EXPECT(strstr(story, "responsePayload") == NULL);
    sim_free(s);
}

TEST(async, empty_output_has_no_response_payload)
{
    static const struct sim_answer empty = { OUTCOME_OK, "", NULL, 10 };
    struct sim *s = sim_with(&empty, 1);

    sim_event(s, NULL, "\"x\"");
    sim_run(s, 1000);
    EXPECT(strstr(sim_story(s), "\"requestPayload\":\"x\",\"responseContext\":{\"statusCode\":200,"
                                "\"executedVersion\":\"$LATEST\"}}") != NULL);
    sim_free(s);
}

TEST(async, empty_event_is_an_empty_object)
{
    struct sim *s = sim_with(&succeeds, 1);
    const char *story;

    sim_event(s, NULL, "");
    sim_run(s, 1000);
    story = sim_story(s);
    EXPECT(strstr(story, "with {}\n") != NULL);
    EXPECT(strstr(story, "\"requestPayload\":{}") != NULL);
    sim_free(s);
}

TEST(async, role_without_the_right_loses_the_record_not_the_outcome)
{
    struct sim *s = sim_with(&succeeds, 1);
    char id[UUID_TEXT + 1];

    s->verdict = ROLE_DENIED;
    memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
    sim_run(s, 1000);
    EXPECT(strstr(sim_story(s), "sent") == NULL);
    EXPECT_Z(sim_journey(s, id), "succeeded: accepted started succeeded refused");
    sim_free(s);
}

TEST(async, unknown_role_is_told_and_delivers)
{
    struct sim *s = sim_with(&succeeds, 1);
    char id[UUID_TEXT + 1];

    s->verdict = ROLE_UNKNOWN;
    memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
    sim_run(s, 1000);
    EXPECT(strstr(sim_story(s), "sent to " GOOD) != NULL);
    EXPECT_Z(sim_journey(s, id), "succeeded: accepted started succeeded unchecked sent");
    sim_free(s);
}

TEST(async, missing_queue_is_refused_once)
{
    struct sim *s = sim_with(&succeeds, 1);
    char id[UUID_TEXT + 1];

    s->delivery = DELIVERY_REFUSED;
    memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
    sim_run(s, 1000);
    EXPECT(strstr(sim_story(s), "the queue refuses\n[") == NULL);
    EXPECT_Z(sim_journey(s, id), "succeeded: accepted started succeeded refused");
    sim_free(s);
}

TEST(async, transient_failure_is_tried_three_times)
{
    struct sim *s = sim_with(&succeeds, 1);

    s->delivery = DELIVERY_FAILED;
    sim_event(s, NULL, "{}");
    sim_run(s, 1000);
    EXPECT(strstr(sim_story(s),
                  "the queue refuses\n[    10] the queue refuses\n[    10] the queue refuses\n") != NULL);
    sim_free(s);
}

TEST(async, kill_while_running_runs_again)
{
    struct sim *s = sim_with(&succeeds, 1);

    sim_event(s, NULL, "{}");
    sim_run(s, 5);
    sim_restart(s);
    sim_run(s, 1000);
    EXPECT_Z(sim_story(s), "[     0] accepted\n"
                           "[     0] attempt 1 runs " ARN " version $LATEST with {}\n"
                           "[     5] killed and started again\n"
                           "[     5] attempt 2 runs " ARN " version $LATEST with {}\n"
                           "[    15] attempt 2 succeeds\n"
                           "[    15] sent to " GOOD
                           ": " RECORD("2026-09-14T15:44:58.138Z", ARN ":$LATEST", "Success", "1",
                                       ",\"requestPayload\":{}" RAN("$LATEST", "{\"hello\":\"world\"}")));
    sim_free(s);
}

TEST(async, kill_between_attempts_keeps_count_and_due_time)
{
    struct sim *s = sim_with(&fails, 1);
    const char *story;

    sim_event(s, NULL, "{}");
    sim_run(s, 30000);
    sim_restart(s);
    sim_run(s, 70000);
    sim_restart(s);
    sim_run(s, 400000);
    story = sim_story(s);
    EXPECT(strstr(story, "[ 60010] attempt 2 runs") != NULL);
    EXPECT(strstr(story, "[180020] attempt 3 runs") != NULL);
    EXPECT(strstr(story, "\"condition\":\"RetriesExhausted\",\"approximateInvokeCount\":3") != NULL);
    sim_free(s);
}

/* ---- rows in memory (that none is read outside a turn, every story proves: sim.c) ---- */

static char *payload_of(size_t n)
{
    char *text = xmalloc(n + 1);

    memset(text, '7', n);
    text[n] = '\0';
    return text;
}

static uint64_t statements_of_one(struct sim *s, const char *payload)
{
    uint64_t before = s->statements;

    sim_event(s, NULL, payload);
    sim_run(s, s->now_ms - SIM_START_MS + 1000);
    return s->statements - before;
}

TEST(async, what_was_just_written_is_not_read)
{
    struct sim *s = sim_new();
    char *large = payload_of(KEPT_EVENT_BYTES);
    uint64_t small;

    sim_answers(s, 1, &succeeds);
    statements_of_one(s, "1"); /* the first of a store reserves ids */
    small = statements_of_one(s, "1");
    EXPECT_INT(small, 3); /* its row, the journey, the row's end */
    EXPECT_INT(statements_of_one(s, large), small + 1);
    EXPECT_INT(statements_of_one(s, "1"), small);
    EXPECT_INT(s->async->kept_bytes, 0);
    free(large);
    sim_free(s);
}

TEST(async, a_row_that_is_read_starts_at_the_same_moment)
{
    struct sim *s = sim_new();
    char *large = payload_of(KEPT_EVENT_BYTES);
    const char *story;

    sim_answers(s, 1, &fails);
    s->slots = 1;
    sim_event(s, NULL, large);
    EXPECT_INT(s->slots, 0); /* nobody can take it while the row is read */
    sim_event(s, NULL, "1");
    sim_run(s, 5);
    story = sim_story(s);
    EXPECT(strstr(story, "[     0] no slot\n[     0] attempt 1 runs " ARN " version $LATEST with 7777") !=
           NULL);
    sim_run(s, 60000 + 15);
    story = sim_story(s);
    EXPECT(strstr(story, "[    10] attempt 2 runs " ARN " version $LATEST with 1\n") != NULL);
    EXPECT(strstr(story, "[ 60010] attempt 3 runs " ARN " version $LATEST with 7777") != NULL);
    free(large);
    sim_free(s);
}

TEST(async, little_is_kept_of_many)
{
    enum { MANY = 900 };
    struct sim *s = sim_new();
    char *payload = payload_of(7000);
    struct async_counts n;

    _Static_assert(MANY * (7000 + KEPT_ARENA_BYTES) > KEPT_BYTES, "more than is kept");
    sim_answers(s, 1, &succeeds);
    s->pending = true;
    for (int i = 0; i < MANY; i++)
        sim_event(s, NULL, payload);
    EXPECT(s->async->kept_bytes <= KEPT_BYTES && s->async->kept_bytes > KEPT_BYTES - 12000);
    s->pending = false;
    sim_event(s, NULL, "1"); /* any turn pumps */
    async_counts(s->async, &n);
    EXPECT(n.running >= STARTING_MOST);
    sim_run(s, 1000);
    EXPECT_INT(count_of(sim_story(s), "succeeds"), MANY + 1);
    EXPECT_INT(s->slots, 1000);
    EXPECT_INT(s->async->kept_bytes, 0);
    free(payload);
    sim_free(s);
}

TEST(async, kill_while_a_row_is_about_to_be_read)
{
    struct sim *s = sim_new();
    char *large = payload_of(KEPT_EVENT_BYTES);

    sim_answers(s, 1, &succeeds);
    s->limit = 1;
    s->slots = 1;
    sim_event(s, NULL, large);
    sim_restart(s);
    sim_run(s, 1000);
    EXPECT_INT(count_of(sim_story(s), "succeeds"), 1);
    EXPECT_INT(s->slots, 1);
    free(large);
    sim_free(s);
}

TEST(async, configuration_is_read_again_at_every_end)
{
    struct sim *s = sim_with(&fails, 1);

    s->target.maximum_retry_attempts = 0;
    sim_event(s, NULL, "{}");
    sim_run(s, 5);
    s->target.on_failure = STR("arn:aws:sqs:us-east-1:111111111111:moved");
    sim_run(s, 1000);
    EXPECT(strstr(sim_story(s), "sent to arn:aws:sqs:us-east-1:111111111111:moved") != NULL);
    sim_free(s);
}

TEST(async, too_large_record_loses_the_response_first)
{
    struct sim *s = sim_with(&succeeds, 1);
    const char *story;

    s->sinks.row[0].max_body_bytes = 370;
    sim_event(s, NULL, "{\"long\":\"0123456789\"}");
    sim_run(s, 1000);
    story = sim_story(s);
    EXPECT(strstr(story, "\"requestPayload\":{\"long\":\"0123456789\"}") != NULL);
    EXPECT(strstr(story, "responsePayload") == NULL);
    s->sinks.row[0].max_body_bytes = 100;
    sim_event(s, NULL, "{\"long\":\"0123456789\"}");
    sim_run(s, 2000);
    EXPECT(strstr(sim_story(s), "requestPayload") == NULL);
    sim_free(s);
}

/* Each execution invokes the function again with the trace header it was given, as SDKs do. */
static const char *chain(struct sim *s, int hops)
{
    static char id[UUID_TEXT + 1], trace[512];

    for (int i = 0; i < hops; i++) {
        memcpy(id, sim_event(s, NULL, "{}"), sizeof(id));
        sim_run(s, s->now_ms - SIM_START_MS + 1000);
        memcpy(trace, s->last_trace, sizeof(trace));
        s->trace = trace;
    }
    return id;
}

TEST(async, a_chain_is_stopped_after_sixteen)
{
    struct sim *s = sim_with(&succeeds, 1);
    const char *id = chain(s, 16);

    EXPECT_INT(s->n_attempts, 16);
    EXPECT_Z(sim_journey(s, id), "succeeded: accepted started succeeded sent");
    EXPECT(strstr(s->last_trace, ";Lineage=16:") != NULL);
    id = chain(s, 1);
    EXPECT_INT(s->n_attempts, 16);
    EXPECT_Z(sim_journey(s, id), "dropped: accepted recursion sent");
    EXPECT(strstr(sim_story(s), "\"condition\":\"RecursiveInvocation\",\"approximateInvokeCount\":0}") !=
           NULL);
    sim_free(s);
}

TEST(async, a_chain_goes_on_where_it_is_allowed)
{
    struct sim *s = sim_with(&succeeds, 1);

    s->target.recursion_allowed = true;
    chain(s, 18);
    EXPECT_INT(s->n_attempts, 18);
    sim_free(s);
}

TEST(async, retries_do_not_count_as_recursion)
{
    struct sim *s = sim_with(&fails, 1);

    chain(s, 1);
    sim_run(s, 400000);
    EXPECT_INT(s->n_attempts, 3);
    EXPECT(strstr(s->last_trace, ";Lineage=1:") != NULL);
    sim_free(s);
}

/* ---- what async_check() and the event's table find ---- */

static struct event *one_accepted(struct sim **ret)
{
    struct sim *s = *ret = sim_new();

    s->pending = true; /* so it stays ready */
    sim_event(s, NULL, "{}");
    return s->async->last_lane->ready.first;
}

static void counter_is_off(void)
{
    struct sim *s;

    one_accepted(&s);
    s->async->queued++;
    async_check(s->async);
}

static void state_is_another(void)
{
    struct sim *s;

    one_accepted(&s)->state = EVENT_RUNNING;
    async_check(s->async);
}

static void lane_is_not_active(void)
{
    struct sim *s;

    one_accepted(&s);
    list_remove(&s->async->last_lane->active);
    async_check(s->async);
}

static void ready_event_waits(void)
{
    struct sim *s;
    struct event *e = one_accepted(&s);

    heap_set(&s->async->waiting, &e->node, 1);
    async_check(s->async);
}

static void ready_becomes_ready(void)
{
    struct sim *s;
    struct event *e = one_accepted(&s);

    async_event_ready(s->async, e);
}

TEST(check, finds_what_does_not_agree)
{
    EXPECT_ABORTS(counter_is_off, "events == a->queued");
    EXPECT_ABORTS(state_is_another, "e->state == state");
    EXPECT_ABORTS(lane_is_not_active, "link_on(&l->active)");
    EXPECT_ABORTS(ready_event_waits, "!heap_has(&e->node)");
    EXPECT_ABORTS(ready_becomes_ready, "event: ready (2) may not become ready (2)");
}

UNIT_MAIN
