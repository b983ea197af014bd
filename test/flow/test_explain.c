/* test_explain.c - each trap of practice is one finding: its code, its command, and silence where it is not.
 */
#include "flow/explain.h"
#include "unit.h"

#define NOW INT64_C(1789400698123)
#define QUEUE "arn:aws:sqs:us-east-1:000000000000:q"
#define OTHER "arn:aws:sqs:us-east-1:000000000000:other"

static struct arena *mem;
static struct explain_finding found[EXPLAIN_FINDINGS_MOST];
static size_t n_found;

static struct explain_facts facts(void)
{
    return (struct explain_facts){ .now_ms = NOW,
                                   .function = STR("f"),
                                   .function_arn = STR("arn:aws:lambda:us-east-1:000000000000:function:f"),
                                   .region = STR("us-east-1"),
                                   .account = STR("000000000000"),
                                   .exists = true,
                                   .role_arn = STR("arn:aws:iam::000000000000:role/r"),
                                   .role_known = true,
                                   .reserved_concurrency = -1 };
}

static struct explain_route good_route(enum explain_way way, const char *qualifier)
{
    return (struct explain_route){ .way = way,
                                   .qualifier = str_of(qualifier),
                                   .target = STR(QUEUE),
                                   .has_sink = true,
                                   .state = SINK_OK,
                                   .role = ROLE_ALLOWED,
                                   .action = STR("sqs:SendMessage") };
}

/* "code code ..." of all findings, causes first and a | before the notes. */
static struct str codes(const struct explain_facts *f)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    bool notes = false;

    if (mem == NULL)
        mem = arena_new(0);
    n_found = explain(mem, f, found, ARRAY_LEN(found));
    for (size_t i = 0; i < n_found; i++) {
        if (found[i].weight == EXPLAIN_NOTE && !notes)
            buf_z(&b, "|");
        notes = found[i].weight == EXPLAIN_NOTE;
        buf_printf(&b, "%s%s", i > 0 || notes ? " " : "", found[i].code);
    }
    return buf_to_arena(&b, mem);
}

static struct str command_of(const char *code)
{
    for (size_t i = 0; i < n_found; i++)
        if (strcmp(found[i].code, code) == 0)
            return found[i].command;
    return STR("(no such finding)");
}

static bool says(const char *code, const char *words)
{
    for (size_t i = 0; i < n_found; i++)
        if (strcmp(found[i].code, code) == 0 && str_find_str(found[i].sentence, str_of(words)) >= 0)
            return true;
    return false;
}

TEST(explain, silence_when_all_is_well)
{
    struct explain_facts f = facts();
    struct explain_route r[] = { good_route(WAY_ON_SUCCESS, "$LATEST"),
                                 good_route(WAY_ON_FAILURE, "$LATEST") };

    f.routes = r;
    f.n_routes = 2;
    EXPECT_STR(codes(&f), STR(""));
}

TEST(explain, no_function)
{
    struct explain_facts f = facts();

    f.exists = false;
    EXPECT_STR(codes(&f), STR("no-function"));
}

TEST(explain, invoked_synchronously)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");

    f.routes = &r;
    f.n_routes = 1;
    f.sync_count = 3;
    f.last_sync_ms = NOW - 1000;
    EXPECT_STR(codes(&f), STR("invoked-synchronously"));
    EXPECT_STR(command_of("invoked-synchronously"),
               STR("aws lambda invoke --function-name 'f' --invocation-type Event --payload '{}' "
                   "--cli-binary-format raw-in-base64-out /dev/null"));
    f.last_async_ms = NOW; /* and asynchronously after that: not the cause */
    f.async_count = 1;
    EXPECT_STR(codes(&f), STR(""));
}

TEST(explain, destination_on_another_qualifier)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");
    struct explain_config c = { STR("$LATEST"), -1, -1 };
    struct journey j = { .request_id = STR("id"),
                         .qualifier = STR("live"),
                         .state = STR("failed"),
                         .ended_ms = NOW,
                         .story = STR("[[1,\"accepted\",\"Event\",2],[2,\"exhausted\",3]]") };

    f.routes = &r;
    f.n_routes = 1;
    f.configs = &c;
    f.n_configs = 1;
    f.journeys = &j;
    f.n_journeys = 1;
    EXPECT_STR(codes(&f), STR("other-qualifier"));
    EXPECT_STR(command_of("other-qualifier"),
               STR("aws lambda put-function-event-invoke-config --function-name 'f' --qualifier 'live' "
                   "--destination-config '{\"OnFailure\":{\"Destination\":\"" QUEUE "\"}}'"));
    j.qualifier = STR_NONE; /* unqualified is $LATEST */
    EXPECT_STR(codes(&f), STR(""));
}

TEST(explain, only_the_other_outcome)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");
    struct explain_config c = { STR("$LATEST"), -1, -1 };
    struct journey j = { .request_id = STR("id"),
                         .state = STR("succeeded"),
                         .ended_ms = NOW,
                         .story = STR("[[1,\"accepted\",\"Event\",2]]") };

    f.routes = &r;
    f.n_routes = 1;
    f.configs = &c;
    f.n_configs = 1;
    f.journeys = &j;
    f.n_journeys = 1;
    EXPECT_STR(codes(&f), STR("other-outcome"));
    EXPECT_STR(command_of("other-outcome"),
               STR("aws lambda update-function-event-invoke-config --function-name 'f' --qualifier '$LATEST' "
                   "--destination-config '{\"OnSuccess\":{\"Destination\":\"" QUEUE "\"}}'"));
}

TEST(explain, stream_failures_on_the_function)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");

    f.routes = &r;
    f.n_routes = 1;
    f.batch_source = STR("aws:kinesis");
    EXPECT_STR(codes(&f), STR("stream-on-function"));
    EXPECT_STR(command_of("stream-on-function"),
               STR("aws lambda update-event-source-mapping --uuid MAPPING_UUID --destination-config "
                   "'{\"OnFailure\":{\"Destination\":\"" QUEUE "\"}}'"));
    r.way = WAY_ON_SUCCESS; /* nobody expects failures there */
    EXPECT_STR(codes(&f), STR(""));
}

TEST(explain, role_lacks_the_permission)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");

    r.role = ROLE_DENIED;
    r.role_why = STR("because no identity-based policy allows the sqs:SendMessage action");
    f.routes = &r;
    f.n_routes = 1;
    EXPECT_STR(codes(&f), STR("role-lacks-permission"));
    EXPECT_STR(
        command_of("role-lacks-permission"),
        STR("aws iam put-role-policy --role-name 'r' --policy-name waybill-destinations --policy-document "
            "'{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sqs:"
            "SendMessage\",\"Resource\":\"" QUEUE "\"}]}'"));
}

TEST(explain, queue_policy)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");

    r.role = ROLE_DENIED;
    r.role_why = STR("with an explicit deny in a resource-based policy");
    f.routes = &r;
    f.n_routes = 1;
    EXPECT_STR(codes(&f), STR("target-policy"));
    EXPECT(str_find_str(command_of("target-policy"), STR("set-queue-attributes")) > 0);
}

TEST(explain, put_replaced_an_earlier_destination)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_SUCCESS, "$LATEST");
    struct explain_config c = { STR("$LATEST"), -1, -1 };
    struct explain_change v[] = {
        { NOW - 1000, STR("PutFunctionEventInvokeConfig"), STR("$LATEST"), WAY_ON_FAILURE, STR(OTHER),
          STR_NONE },
        { NOW - 5000, STR("PutFunctionEventInvokeConfig"), STR("$LATEST"), WAY_ON_FAILURE, STR_NONE,
          STR(OTHER) },
    };

    f.routes = &r;
    f.n_routes = 1;
    f.configs = &c;
    f.n_configs = 1;
    f.changes = v;
    f.n_changes = 2;
    EXPECT_STR(codes(&f), STR("overwritten"));
    EXPECT(says("overwritten", "it was " OTHER ", now it is none"));
    EXPECT(says("overwritten", "2026-09-14T15:44:57.123Z"));
    EXPECT_STR(command_of("overwritten"),
               STR("aws lambda update-function-event-invoke-config --function-name 'f' --qualifier '$LATEST' "
                   "--destination-config '{\"OnFailure\":{\"Destination\":\"" OTHER "\"}}'"));
    v[0].after = STR(QUEUE); /* replaced, not lost: worth a note */
    EXPECT_STR(codes(&f), STR("| overwritten"));
    v[0] = v[1]; /* brought back since */
    EXPECT_STR(codes(&f), STR(""));
}

TEST(explain, retries_still_running)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");
    struct journey j = { .request_id = STR("id"),
                         .state = STR("queued"),
                         .story = STR("[[1,\"accepted\",\"Event\",2],[2,\"failed\",1,\"Error\",\"x\",3],[3,"
                                      "\"retry\",2,1789400758123,\"function error\"]]") };

    f.routes = &r;
    f.n_routes = 1;
    f.journeys = &j;
    f.n_journeys = 1;
    EXPECT_STR(codes(&f), STR("retries-running"));
    EXPECT(says("retries-running", "attempt 2 is due at 2026-09-14T15:45:58.123Z (in 60 s"));
    EXPECT_STR(command_of("retries-running"), STR("waybill settle --advance"));
    f.clock_frozen = true;
    codes(&f);
    EXPECT(says("retries-running", "which is frozen"));
}

TEST(explain, given_up_by_age)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");
    struct journey j = { .request_id = STR("id"),
                         .state = STR("expired"),
                         .ended_ms = NOW,
                         .story = STR("[[1,\"accepted\",\"Event\",2],[3,\"expired\",60,\"the next attempt "
                                      "would come after the maximum event age\"],"
                                      "[3,\"sent\",\"on-failure record\",\"" QUEUE "\",\"m\"]]") };

    f.routes = &r;
    f.n_routes = 1;
    f.journeys = &j;
    f.n_journeys = 1;
    EXPECT_STR(codes(&f), STR("| expired delivered"));
}

TEST(explain, reserved_concurrency_zero)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");

    f.routes = &r;
    f.n_routes = 1;
    f.reserved_concurrency = 0;
    EXPECT_STR(codes(&f), STR("reserved-concurrency-0"));
    EXPECT_STR(command_of("reserved-concurrency-0"),
               STR("aws lambda delete-function-concurrency --function-name 'f'"));
    f.reserved_concurrency = 1;
    EXPECT_STR(codes(&f), STR(""));
}

TEST(explain, fifo_target)
{
    struct explain_facts f = facts();

    f.refused_target = STR("arn:aws:sqs:us-east-1:000000000000:q.fifo");
    f.refused_why = STR("The destination ARN arn:aws:sqs:us-east-1:000000000000:q.fifo is invalid.");
    f.refused_way = WAY_ON_FAILURE;
    EXPECT_STR(codes(&f), STR("fifo-target no-destination"));
    EXPECT_STR(command_of("fifo-target"),
               STR("aws lambda put-function-event-invoke-config --function-name 'f' --qualifier '$LATEST' "
                   "--destination-config '{\"OnFailure\":{\"Destination\":\"" QUEUE "\"}}'"));
}

TEST(explain, target_is_gone)
{
    static const struct {
        const char *target, *command;
    } rows[] = {
        { QUEUE, "aws sqs create-queue --queue-name 'q'" },
        { "arn:aws:sns:us-east-1:000000000000:t", "aws sns create-topic --name 't'" },
        { "arn:aws:s3:::b", "aws s3 mb 's3://b'" },
        { "arn:aws:events:us-east-1:000000000000:event-bus/bus", "aws events create-event-bus --name 'bus'" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct explain_facts f = facts();
        struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");

        r.target = str_of(rows[i].target);
        r.state = SINK_MISSING;
        f.routes = &r;
        f.n_routes = 1;
        EXPECT_STR(codes(&f), STR("target-missing"));
        EXPECT_STR(command_of("target-missing"), str_of(rows[i].command));
    }
}

TEST(explain, refused_at_delivery)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");
    struct journey j = { .request_id = STR("id"),
                         .state = STR("failed"),
                         .ended_ms = NOW,
                         .story =
                             STR("[[1,\"accepted\",\"Event\",2],[3,\"refused\",\"on-failure record\",\"" QUEUE
                                 "\",\"no\"]]") };

    f.routes = &r;
    f.n_routes = 1;
    f.journeys = &j;
    f.n_journeys = 1;
    EXPECT_STR(codes(&f), STR("delivery-refused"));
    EXPECT_STR(command_of("delivery-refused"), STR("waybill trace id"));
}

TEST(explain, onward_and_unknown_request)
{
    struct explain_facts f = facts();
    struct explain_route r = good_route(WAY_ON_FAILURE, "$LATEST");
    struct explain_onward o = { STR("t"), STR(QUEUE), false, STR("the target has no policy") };

    f.routes = &r;
    f.n_routes = 1;
    f.onward = &o;
    f.n_onward = 1;
    EXPECT_STR(codes(&f), STR("onward-refused"));
    o.may = true;
    f.request_id = STR("nobody");
    EXPECT_STR(codes(&f), STR("no-journey"));
}

TEST(explain, commands_survive_a_shell)
{
    struct explain_facts f = facts();

    f.function = STR("f'; rm -rf /; '");
    f.reserved_concurrency = 0;
    codes(&f);
    EXPECT_STR(command_of("reserved-concurrency-0"),
               STR("aws lambda delete-function-concurrency --function-name 'f'\\''; rm -rf /; '\\'''"));
}

TEST(explain, no_more_than_asked)
{
    struct explain_facts f = facts();
    struct explain_finding one[1];

    f.reserved_concurrency = 0;
    codes(&f);
    EXPECT_INT(explain(mem, &f, one, 1), 1);
    arena_free(mem);
    mem = NULL;
}

UNIT_MAIN
