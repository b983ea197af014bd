/* Invoke, InvokeAsync, EventInvokeConfigs, the queue's host and the sink: whole replies and what they leave
 * behind. */
#include "test/door.h"
#include "world.h"

#define F "/2015-03-31/functions"
#define E "/2019-09-25/functions"
#define ARN "arn:aws:lambda:us-east-1:111111111111:function:"
#define USER(text) "{\"Type\":\"User\",\"message\":\"" text "\"}"
#define USER_M(text) "{\"Type\":\"User\",\"Message\":\"" text "\"}"
#define SHOWN(a, want) EXPECT_STR((a)->shown, str_of(want))
#define ACCOUNT STR("111111111111")
#define REGION STR("us-east-1")
#define QUEUE "arn:aws:sqs:us-east-1:111111111111:q"

static struct answer *event(struct world *w, const char *name, struct str payload)
{
    struct str target = arena_printf(w->mem, F "/%s/invocations", name);

    return ask(w, "POST", target.p, "X-Amz-Invocation-Type: Event", payload);
}

static struct answer *sync(struct world *w, const char *name, const char *payload)
{
    struct str target = arena_printf(w->mem, F "/%s/invocations", name);

    return ask(w, "POST", target.p, NULL, str_of(payload));
}

TEST(invoke, event_accepted)
{
    struct world *w = world_new();

    world_function(w, "f");
    struct answer *a = ask(w, "POST", F "/f%3A%24LATEST/invocations",
                           "X-Amz-Invocation-Type: Event\nX-Amzn-Trace-Id: Root=1-5-6;Parent=7;Sampled=1",
                           STR("{ \"a\" : 1 }\n"));
    uint64_t seq = 0;

    SHOWN(a, "202 ");
    EXPECT_INT(uuid_to_seq(header_in(a, "x-amzn-RequestId"), &seq), 0);
    EXPECT(seq > 0);
    EXPECT_STR(header_in(a, "x-amzn-Remapped-Content-Length"), STR("0"));
    EXPECT_STR(header_in(a, "X-Amzn-Trace-Id"), STR("root=1-5-6;parent=7;sampled=1"));
    EXPECT(str_absent(header_in(a, "X-Amz-Executed-Version")));
    EXPECT(str_absent(header_in(a, "Content-Type")));
    EXPECT_INT(w->n_accepted, 1);
    EXPECT_STR(w->accepted[0].name, STR("f"));
    EXPECT_STR(w->accepted[0].qualifier, STR("$LATEST"));
    EXPECT_STR(w->accepted[0].payload, STR("{ \"a\" : 1 }\n")); /* verbatim */
    EXPECT_STR(w->accepted[0].trace, STR("Root=1-5-6;Parent=7;Sampled=1"));
    EXPECT_Z(w->accepted[0].type, "Event");
    SHOWN(event(w, "f", STR("")), "202 ");
    EXPECT(str_absent(w->accepted[1].qualifier));
    EXPECT_INT(w->accepted[1].payload.n, 0);
    EXPECT_INT(w->n_started, 0);
    world_free(w);
}

TEST(invoke, event_ignores_concurrency)
{
    struct world *w = world_new();

    world_function(w, "f");
    ask_z(w, "PUT", "/2017-10-31/functions/f/concurrency", "{\"ReservedConcurrentExecutions\":0}");
    SHOWN(event(w, "f", STR("{}")), "202 ");
    SHOWN(sync(w, "f", "{}"), "429 "
                              "{\"Reason\":\"ReservedFunctionConcurrentInvocationLimitExceeded\",\"Type\":"
                              "\"User\",\"message\":\"Rate Exceeded.\"}");
    EXPECT_STR(header_in(w->last, "Retry-After"), STR("1"));
    EXPECT_INT(w->n_started, 0);
    world_free(w);
}

TEST(invoke, refused_before_the_queue)
{
    struct world *w = world_new();
    static char big[1048577];

    memset(big, ' ', sizeof big);
    big[0] = '1';
    world_function(w, "f");
    SHOWN(event(w, "g", STR("{}")), "404 " USER_M("Function not found: " ARN "g:$LATEST"));
    SHOWN(event(w, "f%3A3", STR("{}")), "404 " USER_M("Function not found: " ARN "f:3"));
    SHOWN(event(w, "f", str_make(big, sizeof big)),
          "413 {\"message\":\"1048577 byte payload is too large for the Event invocation type"
          " (limit 1048576 bytes)\"}");
    SHOWN(event(w, "f", str_make(big, sizeof big - 1)), "202 ");
    EXPECT_INT(w->accepted[0].payload.n, 1048576);
    struct answer *a = event(w, "f", STR("{"));
    EXPECT_INT(a->status, 400);
    EXPECT_STR(header_in(a, "x-amzn-ErrorType"), STR("InvalidRequestContentException"));
    w->accept_rc = -E_FULL;
    SHOWN(event(w, "f", STR("{}")), "503 {\"message\":\"The queue of asynchronous events is full.\"}");
    EXPECT_INT(w->n_accepted, 1);
    world_free(w);
}

TEST(invoke, pending)
{
    struct world *w = world_new();

    ask_z(w, "POST", F,
          "{\"FunctionName\":\"f\",\"Runtime\":\"python3.12\",\"Handler\":\"index.handler\",\"Role\":\"arn:"
          "aws:iam::111111111111:role/r\","
          "\"Code\":{\"ZipFile\":\"UEsDBA==\"}}");
    world_run_jobs(w);
    SHOWN(event(w, "f", STR("{}")), "409 {\"Type\":null,\"message\":\"The operation cannot be performed at "
                                    "this time. The function is currently in"
                                    " the following state: Pending\"}");
    struct run_host h = lambda_runner(w->l).host;
    struct callee f = { .account = STR("111111111111"), .region = STR("us-east-1"), .name = STR("f") };
    struct target t;
    EXPECT_INT(h.resolve(h.arg, &f, STR_NONE, &t), -E_BUSY);
    world_reload(w); /* a restart: what was Pending is ready */
    EXPECT_INT(w->n_timers, 0);
    EXPECT_INT(h.resolve(h.arg, &f, STR_NONE, &t), 0);
    SHOWN(event(w, "f", STR("{}")), "202 ");
    world_free(w);
}

TEST(invoke, request_response)
{
    struct world *w = world_new();

    world_function(w, "f");
    struct answer *a = ask(w, "POST", F "/f/invocations",
                           "X-Amz-Log-Type: Tail\nX-Amz-Client-Context: eyJhIjoxfQ==", STR("{\"x\":1}"));
    EXPECT(a->waiting);
    EXPECT_INT(w->n_started, 1);
    struct execution *e = w->started[0];
    EXPECT_STR(e->payload, STR("{\"x\":1}"));
    EXPECT_STR(e->invoked_arn, STR(ARN "f"));
    EXPECT_STR(e->client_context, STR("{\"a\":1}"));
    EXPECT(e->want_tail && !e->async);
    EXPECT(str_find_str(e->trace_header, STR(";Lineage=1:")) > 0);
    struct str id = arena_str(w->mem, e->request_id);
    world_finish(w, 0, OUTCOME_OK, "{\"ok\": true}");
    SHOWN(a, "200 {\"ok\": true}");
    EXPECT_STR(header_in(a, "x-amzn-RequestId"), id);
    EXPECT_STR(header_in(a, "X-Amz-Executed-Version"), STR("$LATEST"));
    EXPECT_STR(header_in(a, "X-Amz-Log-Result"), STR("U1RBUlQKRU5ECg=="));
    EXPECT(str_absent(header_in(a, "X-Amz-Function-Error")));
    EXPECT_INT(str_starts(header_in(a, "X-Amzn-Trace-Id"), STR("root=1-")), 1);
    a = sync(w, "f", "null");
    world_finish(w, 1, OUTCOME_ERROR, "{\"errorMessage\":\"m\"}");
    SHOWN(a, "200 {\"errorMessage\":\"m\"}");
    EXPECT_STR(header_in(a, "X-Amz-Function-Error"), STR("Unhandled"));
    EXPECT(str_absent(header_in(a, "X-Amz-Log-Result")));
    a = sync(w, "f", "");
    EXPECT_STR(w->started[2]->payload, STR("{}")); /* no payload is an empty object for the handler */
    world_finish(w, 2, OUTCOME_SYSTEM, "node is not installed");
    EXPECT_INT(a->status, 500);
    EXPECT(str_find_str(a->shown, STR("\"Message\":\"node is not installed\"")) > 0);
    EXPECT_STR(header_in(a, "x-amzn-ErrorType"), STR("ServiceException"));
    world_free(w);
}

TEST(invoke, slots_come_back)
{
    struct world *w = world_new();

    world_function(w, "f");
    ask_z(w, "PUT", "/2017-10-31/functions/f/concurrency", "{\"ReservedConcurrentExecutions\":1}");
    EXPECT(sync(w, "f", "{}")->waiting);
    EXPECT_INT(sync(w, "f", "{}")->status, 429);
    world_finish(w, 0, OUTCOME_ERROR, "{}");
    EXPECT(sync(w, "f", "{}")->waiting);
    /* The function is deleted while it runs: the reply still comes. */
    struct answer *a = w->last;
    EXPECT_INT(ask_z(w, "DELETE", F "/f", NULL)->status, 204);
    world_finish(w, 1, OUTCOME_OK, "1");
    SHOWN(a, "200 1");
    EXPECT_INT(w->l->usages.n, 0);
    world_free(w);
}

TEST(invoke, account_pool)
{
    struct world *w = world_new();

    w->l->o.account_concurrency = 1;
    world_function(w, "f");
    EXPECT(sync(w, "f", "{}")->waiting);
    SHOWN(sync(w, "f", "{}"),
          "429 {\"Reason\":\"ConcurrentInvocationLimitExceeded\",\"Type\":\"User\",\"message\":\"Rate "
          "Exceeded.\"}");
    world_finish(w, 0, OUTCOME_OK, "1");
    world_free(w);
}

TEST(invoke, recursion)
{
    struct world *w = world_new();
    struct str trace = STR("Root=1-5-6;Parent=7;Sampled=0");
    struct answer *a = NULL;

    world_function(w, "f");
    for (size_t i = 0; i < 16; i++) {
        struct str header = arena_printf(w->mem, "X-Amzn-Trace-Id: " STR_FMT, STR_ARG(trace));

        a = ask(w, "POST", F "/f/invocations", header.p, STR("{}"));
        EXPECT(a->waiting);
        trace = arena_str(w->mem, w->started[i]->trace_header);
        world_finish(w, i, OUTCOME_OK, "1");
    }
    struct str header = arena_printf(w->mem, "X-Amzn-Trace-Id: " STR_FMT, STR_ARG(trace));
    a = ask(w, "POST", F "/f/invocations", header.p, STR("{}"));
    EXPECT_INT(a->status, 400);
    EXPECT_STR(header_in(a, "x-amzn-ErrorType"), STR("RecursiveInvocationException"));
    EXPECT_INT(w->n_started, 16);
    ask_z(w, "PUT", "/2024-08-31/functions/f/recursion-config", "{\"RecursiveLoop\":\"Allow\"}");
    EXPECT(ask(w, "POST", F "/f/invocations", header.p, STR("{}"))->waiting);
    world_finish(w, 16, OUTCOME_OK, "1");
    world_free(w);
}

TEST(invoke, dry_run_and_refused_headers)
{
    struct world *w = world_new();

    world_function(w, "f");
    SHOWN(ask(w, "POST", F "/f/invocations", "X-Amz-Invocation-Type: DryRun", STR("{}")), "204 ");
    EXPECT_INT(ask(w, "POST", F "/f/invocations", "X-Amz-Invocation-Type: DryRun", STR("{"))->status, 400);
    SHOWN(ask(w, "POST", F "/f/invocations", "X-Amz-Tenant-Id: t", STR("{}")),
          "400 " USER(
              "Waybill does not support the parameter X-Amz-Tenant-Id. Leave it out or at its default."));
    SHOWN(ask(w, "POST", F "/f/invocations", "X-Amz-Client-Context: !!", STR("{}")),
          "400 " USER("Client context must be a valid Base64-encoded JSON object."));
    EXPECT_INT(w->n_started + w->n_accepted, 0);
    world_free(w);
}

TEST(invoke, legacy_invoke_async)
{
    struct world *w = world_new();
    static char big[262145];

    memset(big, ' ', sizeof big);
    big[0] = '1';
    world_function(w, "f");
    struct answer *a = ask(w, "POST", "/2014-11-13/functions/f/invoke-async/",
                           "X-Amzn-Trace-Id: Root=1-5-6;Parent=7;Sampled=1", STR("{}"));
    SHOWN(a, "202 ");
    EXPECT_Z(w->accepted[0].type, "InvokeAsync");
    EXPECT(str_find_str(w->accepted[0].trace, STR("1-5-6")) < 0); /* not continued here */
    SHOWN(ask(w, "POST", "/2014-11-13/functions/f/invoke-async/", NULL, str_make(big, sizeof big)),
          "413 {\"message\":\"262145 byte payload is too"
          " large for the Event invocation type (limit 262144 bytes)\"}");
    world_free(w);
}

/* ---- EventInvokeConfig ---- */

#define CONFIG(name, q, failure, success, age, retries)                              \
    "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":" failure "},"           \
    "\"OnSuccess\":{\"Destination\":" success "}},\"FunctionArn\":\"" ARN name ":" q \
    "\",\"LastModified\":1.789400786443E9,"                                          \
    "\"MaximumEventAgeInSeconds\":" age ",\"MaximumRetryAttempts\":" retries "}"

TEST(event_config, put_update_get_delete)
{
    struct world *w = world_new();
    const char *at = E "/f/event-invoke-config";

    world_function(w, "f");
    SHOWN(ask_z(w, "GET", at, NULL),
          "404 " USER_M("The function " ARN "f:$LATEST doesn't have an EventInvokeConfig"));
    SHOWN(ask_z(w, "POST", at, "{\"MaximumRetryAttempts\":1}"),
          "404 " USER_M("The function " ARN "f:$LATEST doesn't have an EventInvokeConfig"));
    SHOWN(
        ask_z(
            w, "PUT", at,
            "{\"MaximumEventAgeInSeconds\":60,\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"" QUEUE
            "\"}}}"),
        "200 " CONFIG("f", "$LATEST", "\"" QUEUE "\"", "null", "60", "null"));
    SHOWN(ask_z(w, "POST", at, "{\"MaximumRetryAttempts\":0}"),
          "200 " CONFIG("f", "$LATEST", "\"" QUEUE "\"", "null", "60", "0"));
    world_reload(w);
    SHOWN(ask_z(w, "GET", E "/f/event-invoke-config?Qualifier=%24LATEST", NULL),
          "200 " CONFIG("f", "$LATEST", "\"" QUEUE "\"", "null", "60", "0"));
    struct run_host h = lambda_runner(w->l).host;
    struct callee f = { .account = STR("111111111111"), .region = STR("us-east-1"), .name = STR("f") };
    struct target t;
    EXPECT_INT(h.resolve(h.arg, &f, STR_NONE, &t), 0);
    EXPECT_INT(t.maximum_retry_attempts, 0);
    EXPECT_INT(t.maximum_event_age_s, 60);
    EXPECT_STR(t.on_failure, STR(QUEUE));
    EXPECT(str_absent(t.on_success));
    EXPECT_INT(t.reserved_concurrency, -1);
    SHOWN(ask_z(w, "POST", at, "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"\"}}}"),
          "200 " CONFIG("f", "$LATEST", "null", "null", "60", "0"));
    SHOWN(ask_z(w, "PUT", at, "{\"DestinationConfig\":{\"OnFailure\":{}}}"),
          "200 " CONFIG("f", "$LATEST", "null", "null", "null", "null"));
    EXPECT_INT(h.resolve(h.arg, &f, LATEST, &t), 0);
    EXPECT_INT(t.maximum_retry_attempts, 2);
    EXPECT_INT(t.maximum_event_age_s, 21600);
    SHOWN(ask_z(w, "DELETE", at, NULL), "204 ");
    SHOWN(ask_z(w, "DELETE", at, NULL),
          "404 " USER_M("The function " ARN "f:$LATEST doesn't have an EventInvokeConfig"));
    world_free(w);
}

TEST(event_config, one_per_qualifier)
{
    struct world *w = world_new();

    world_function(w, "f");
    ask_z(w, "POST", F "/f/versions", "{}");
    world_run_timers(w);
    ask_z(w, "POST", F "/f/aliases", "{\"Name\":\"live\",\"FunctionVersion\":\"1\"}");
    EXPECT_INT(
        ask_z(w, "PUT", E "/f/event-invoke-config?Qualifier=live", "{\"MaximumRetryAttempts\":1}")->status,
        200);
    EXPECT_INT(ask_z(w, "PUT", E "/f:1/event-invoke-config", "{\"MaximumRetryAttempts\":0}")->status, 200);
    SHOWN(ask_z(w, "GET", E "/f/event-invoke-config/list", NULL),
          "200 {\"FunctionEventInvokeConfigs\":[" CONFIG("f", "1", "null", "null", "null", "0") "," CONFIG(
              "f", "live", "null", "null", "null", "1") "]}");
    SHOWN(ask_z(w, "GET", E "/f/event-invoke-config/list?MaxItems=1", NULL),
          "200 {\"FunctionEventInvokeConfigs\":[" CONFIG(
              "f", "1", "null", "null", "null",
              "0") "],\"NextMarker\":\"dzE6IDAwMDAwMDAwMDAwMDAwMDAwMDAx\"}");
    struct run_host h = lambda_runner(w->l).host;
    struct callee f = { .account = STR("111111111111"), .region = STR("us-east-1"), .name = STR("f") };
    struct target t;
    EXPECT_INT(h.resolve(h.arg, &f, STR("live"), &t), 0);
    EXPECT_INT(t.maximum_retry_attempts, 1);
    EXPECT_STR(t.code->version, STR("1"));
    EXPECT_INT(h.resolve(h.arg, &f, STR_NONE, &t), 0);
    EXPECT_INT(t.maximum_retry_attempts, 2); /* no fallback between qualifiers */
    EXPECT_INT(h.resolve(h.arg, &f, STR("gone"), &t), -E_NOT_FOUND);
    EXPECT_INT(ask_z(w, "DELETE", F "/f/aliases/live", NULL)->status, 204);
    SHOWN(ask_z(w, "GET", E "/f/event-invoke-config?Qualifier=live", NULL),
          "404 " USER_M("The function " ARN "f:live doesn't have an EventInvokeConfig"));
    world_free(w);
}

TEST(event_config, refusals_in_order)
{
    static const struct {
        const char *target, *body, *want;
    } rows[] = {
        { "/g/event-invoke-config", "{}",
          "400 " USER("You must specify at least one of error handling or destination setting.") },
        { "/f/event-invoke-config", "{\"DestinationConfig\":{}}",
          "400 " USER("You must specify at least one of error handling or destination setting.") },
        { "/f:1/event-invoke-config?Qualifier=2", "{\"MaximumRetryAttempts\":1}",
          "400 " USER(
              "The derived qualifier from the function name does not match the specified qualifier.") },
        { "/g/event-invoke-config", "{\"MaximumRetryAttempts\":1}",
          "404 " USER_M("The function doesn't exist.") },
        { "/f/event-invoke-config?Qualifier=9", "{\"MaximumRetryAttempts\":1}",
          "404 " USER_M("The function doesn't exist.") },
        { "/f/event-invoke-config", "{\"MaximumRetryAttempts\":3}",
          "400 {\"message\":\"1 validation error detected: Value '3' at 'maximumRetryAttempts' failed"
          " to satisfy constraint: Member must have value less than or equal to 2\"}" },
        { "/f/event-invoke-config",
          "{\"DestinationConfig\":{\"OnSuccess\":{\"Destination\":\"arn:aws:dynamodb:us-east-1:111111111111:"
          "table/t\"}}}",
          "400 " USER("The provided destination config "
                      "DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:dynamodb:us-east-1:"
                      "111111111111:table/t),"
                      " onFailure=null) is invalid.") },
        { "/f/event-invoke-config",
          "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"" ARN "nobody\"}}}",
          "400 " USER("The destination ARN " ARN "nobody is invalid.") },
        { "/f/event-invoke-config", "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"" ARN "f\"}}}",
          "400 " USER("You can't specify the function as a destination for itself.") },
        { "/f/event-invoke-config",
          "{\"DestinationConfig\":{\"OnSuccess\":{\"Destination\":\"arn:aws:s3:::bucket\"}}}",
          "400 " USER("The destination ARN arn:aws:s3:::bucket is invalid.") },
        { "/f/event-invoke-config",
          "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"arn:aws:s3:::bucket\"}}}",
          "400 " USER("The destination ARN arn:aws:s3:::bucket is invalid.") },
        { "/f/event-invoke-config",
          "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"arn:aws:events:us-east-1:111111111111:"
          "rule/r\"}}}",
          "400 " USER("The destination ARN arn:aws:events:us-east-1:111111111111:rule/r is invalid.") },
        { "/f/event-invoke-config",
          "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"arn:aws:sns:us-east-1:111111111111:t."
          "fifo\"}}}",
          "400 " USER("FIFO-type Amazon SNS topics aren't supported as a destination.") },
        { "/f/event-invoke-config",
          "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"arn:aws:sns:us-east-1:111111111111:t\"}}"
          "}",
          "400 " USER("The destination ARN arn:aws:sns:us-east-1:111111111111:t is invalid.") },
        { "/f/event-invoke-config",
          "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"arn:aws:events:eu-west-1:111111111111:"
          "event-bus/b\"}}}",
          "400 " USER("Waybill does not deliver to events destinations yet.") },
    };
    struct world *w = world_new();

    w->queue_state = SINK_MISSING; /* queue, topic and bucket that do not exist */
    world_function(w, "f");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str target = arena_printf(w->mem, E "%s", rows[i].target);

        if (strstr(rows[i].want, " yet.") != NULL)
            w->queue_state = SINK_NOT_YET;
        SHOWN(ask_z(w, "PUT", target.p, rows[i].body), rows[i].want);
    }
    SHOWN(ask_z(w, "GET", E "/f/event-invoke-config", NULL),
          "404 " USER_M("The function " ARN "f:$LATEST doesn't have an EventInvokeConfig"));
    world_free(w);
}

TEST(event_config, lists_are_of_functions_alone)
{
    static const char only_functions[] =
        "400 " USER("This operation is permitted on Lambda functions only. Aliases and versions do not "
                    "support this operation. Please specify either a function name or an unqualified "
                    "function ARN.");
    struct world *w = world_new();

    world_function(w, "f");
    SHOWN(ask_z(w, "GET", E "/f/event-invoke-config/list", NULL), "200 {\"FunctionEventInvokeConfigs\":[]}");
    SHOWN(ask_z(w, "GET", E "/f:live/event-invoke-config/list", NULL), only_functions);
    SHOWN(ask_z(w, "GET", E "/f:1/event-invoke-config/list", NULL), only_functions);
    SHOWN(ask_z(w, "GET", E "/g/event-invoke-config/list", NULL),
          "404 " USER_M("The function doesn't exist."));
    world_free(w);
}

TEST(event_config, rights_of_the_role)
{
    struct world *w = world_new();
    const char *at = E "/f/event-invoke-config";
    const char *queue = "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"" QUEUE "\"}}}";

    world_function(w, "f");
    world_function(w, "g");
    w->role_verdict = ROLE_DENIED;
    SHOWN(ask_z(w, "PUT", at, queue),
          "400 " USER(
              "The function's execution role does not have permissions to call SendMessage on " QUEUE));
    SHOWN(ask_z(w, "PUT", at, "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"" ARN "g\"}}}"),
          "400 " USER("The function execution role does not have permissions to call InvokeFunction on " ARN
                      "g"));
    w->queue_state = SINK_MISSING;
    SHOWN(ask_z(w, "PUT", at, queue), "400 " USER("The destination ARN " QUEUE " is invalid."));
    w->queue_state = SINK_OK;
    w->role_verdict = ROLE_UNKNOWN;
    EXPECT_INT(ask_z(w, "PUT", at, queue)->status, 200);
    w->l->o.strict_permissions = true;
    EXPECT_INT(ask_z(w, "PUT", at, queue)->status, 400);
    world_free(w);
}

/* ---- the sink ---- */

TEST(sink, a_function_as_destination)
{
    struct world *w = world_new();
    struct str to = STR(ARN "f");
    struct buf why = { 0 };
    struct parcel p = { .body = STR("{\"r\":1}"),
                        .trace_header = STR("Root=1-5-6"),
                        .from.arn = STR(ARN "g:$LATEST") };

    world_function(w, "f");
    EXPECT_INT(door_find(&w->sinks, &w->turn, to).state, SINK_OK);
    EXPECT_INT(hand_in(&w->sinks, &w->turn, to, &p, &why), DELIVERED);
    uint64_t seq;
    EXPECT_INT(uuid_to_seq(buf_view(&why), &seq), 0); /* the new invocation's id, for the journey */
    buf_clear(&why);
    EXPECT_STR(w->accepted[0].name, STR("f"));
    EXPECT(str_absent(w->accepted[0].qualifier));
    EXPECT_STR(w->accepted[0].payload, p.body);
    EXPECT_STR(w->accepted[0].trace, p.trace_header);
    EXPECT_STR(w->accepted[0].source, p.from.arn);
    EXPECT_Z(w->accepted[0].type, "destination");
    to = STR(ARN "f:live");
    EXPECT_INT(hand_in(&w->sinks, &w->turn, to, &p, &why), DELIVERY_NO_RESOURCE);
    EXPECT_STR(buf_view(&why), STR("Function not found: " ARN "f:live"));
    w->accept_rc = -E_FULL;
    to = STR(ARN "f:$LATEST");
    EXPECT_INT(hand_in(&w->sinks, &w->turn, to, &p, &why), DELIVERY_FAILED);
    to = STR("arn:aws:lambda:us-east-1:111111111111:layer:f");
    EXPECT_INT(door_find(&w->sinks, &w->turn, to).state, SINK_WRONG_KIND);
    buf_done(&why);
    world_free(w);
}

UNIT_MAIN
