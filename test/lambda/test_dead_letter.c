/* Dead-letter queues, destinations' rights, code from S3, the resource policy as a door, history and usage:
 * what the Lambda side of deliveries answers and remembers.  Delivery itself: test/story/test_dead_letter.c.
 */
#include "service/lambda/dead_letter.h"
#include "service/lambda/history.h"
#include "test/door.h"
#include "world.h"

#define F "/2015-03-31/functions"
#define E "/2019-09-25/functions"
#define ARN "arn:aws:lambda:us-east-1:111111111111:function:"
#define DLQ "arn:aws:sqs:us-east-1:111111111111:dead"
#define TOPIC "arn:aws:sns:us-east-1:111111111111:dead"
#define BUCKET "arn:aws:s3:::lost"
#define BUS "arn:aws:events:us-east-1:111111111111:event-bus/b"
#define ROLE "arn:aws:iam::111111111111:role/r"
#define CREATE(more)                                                                                    \
    "{\"FunctionName\":\"f\",\"Runtime\":\"python3.12\",\"Handler\":\"index.handler\",\"Role\":\"" ROLE \
    "\","                                                                                               \
    "\"Code\":{\"ZipFile\":\"UEsDBA==\"}" more "}"
#define TARGET(arn) "\"DeadLetterConfig\":{\"TargetArn\":\"" arn "\"}"
#define USER(text) "{\"Type\":\"User\",\"message\":\"" text "\"}"

#define SHOWN(a, want) EXPECT_STR((a)->shown, str_of(want))
#define HAS(a, part)                                                  \
    do {                                                              \
        struct answer *a_ = (a);                                      \
        if (str_find_str(a_->shown, STR(part)) < 0)                   \
            UNIT_FAIL("no %s in " STR_FMT, part, STR_ARG(a_->shown)); \
    } while (0)
#define HAS_NOT(a, part)                                           \
    do {                                                           \
        struct answer *a_ = (a);                                   \
        if (str_find_str(a_->shown, STR(part)) >= 0)               \
            UNIT_FAIL("%s in " STR_FMT, part, STR_ARG(a_->shown)); \
    } while (0)

static struct answer *update(struct world *w, const char *body)
{
    struct answer *a = ask_z(w, "PUT", F "/f/configuration", body);

    world_run_timers(w);
    return a;
}

static struct answer *shown(struct world *w, const char *name)
{
    return ask_z(w, "GET", arena_printf(w->mem, F "/%s/configuration", name).p, NULL);
}

static struct str dead_letter_of(struct world *w, const char *qualifier)
{
    struct run_host h = lambda_runner(w->l).host;
    struct callee f = { .account = STR("111111111111"), .region = STR("us-east-1"), .name = STR("f") };
    struct target t;

    CHECK(h.resolve(h.arg, &f, str_of(qualifier), &t) == 0);
    return t.code->dead_letter;
}

TEST(dead_letter, judged)
{
    static const struct {
        const char *arn;
        bool sink;
        enum sink_state state;
        enum dead_letter_verdict want;
    } rows[] = {
        { DLQ, true, SINK_OK, DEAD_LETTER_OK },
        { TOPIC, true, SINK_OK, DEAD_LETTER_OK },
        { DLQ, true, SINK_MISSING, DEAD_LETTER_OK },
        { DLQ, true, SINK_FIFO, DEAD_LETTER_FIFO_QUEUE },
        { DLQ ".fifo", false, SINK_OK, DEAD_LETTER_FIFO_QUEUE },
        { TOPIC, true, SINK_FIFO, DEAD_LETTER_FIFO_TOPIC },
        { TOPIC ".fifo", true, SINK_MISSING, DEAD_LETTER_FIFO_TOPIC },
        { TOPIC ":0f2d", true, SINK_OK, DEAD_LETTER_FOREIGN },
        { TOPIC, true, SINK_WRONG_KIND, DEAD_LETTER_FOREIGN },
        { TOPIC, true, SINK_NOT_YET, DEAD_LETTER_NOT_YET },
        { TOPIC, false, SINK_OK, DEAD_LETTER_NOT_YET },
        { "arn:aws:sqs:eu-west-1:111111111111:dead", true, SINK_MISSING, DEAD_LETTER_REGION },
        { "arn:aws:sns:eu-west-1:111111111111:dead.fifo", true, SINK_MISSING, DEAD_LETTER_REGION },
        { ARN "g", true, SINK_OK, DEAD_LETTER_FOREIGN },
        { BUCKET, true, SINK_OK, DEAD_LETTER_FOREIGN },
        { "arn:aws:sqs:us-east-1:111111111111:", true, SINK_OK, DEAD_LETTER_FOREIGN },
        { "no arn", true, SINK_OK, DEAD_LETTER_FOREIGN },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (dead_letter_judge(str_of(rows[i].arn), STR("us-east-1"), rows[i].sink, rows[i].state) !=
            rows[i].want)
            UNIT_FAIL("row %zu: %s", i, rows[i].arn);
}

TEST(dead_letter, life)
{
    struct world *w = world_new();
    struct answer *a = ask_z(w, "POST", F, CREATE("," TARGET(DLQ)));

    world_run_jobs(w);
    world_run_timers(w);
    EXPECT_INT(a->status, 201);
    HAS(a, TARGET(DLQ));
    HAS(shown(w, "f"), TARGET(DLQ));
    EXPECT_STR(dead_letter_of(w, NULL), STR(DLQ));
    HAS(update(w, "{\"Timeout\":9}"), TARGET(DLQ)); /* not sent, and {}: kept */
    HAS(update(w, "{\"DeadLetterConfig\":{}}"), TARGET(DLQ));
    HAS(update(w, "{" TARGET(TOPIC) "}"), TARGET(TOPIC));
    EXPECT_STR(dead_letter_of(w, NULL), STR(TOPIC));
    world_reload(w);
    HAS(shown(w, "f"), TARGET(TOPIC));
    EXPECT_STR(dead_letter_of(w, NULL), STR(TOPIC));
    HAS(ask_z(w, "GET", F "/f", NULL), TARGET(TOPIC));
    HAS(ask_z(w, "GET", F, NULL), TARGET(TOPIC));
    HAS_NOT(update(w, "{" TARGET("") "}"), "DeadLetterConfig");
    HAS_NOT(shown(w, "f"), "DeadLetterConfig");
    EXPECT(str_absent(dead_letter_of(w, NULL)));
    world_free(w);
}

/* Frozen by PublishVersion, and a change of it alone is something new to publish. */
TEST(dead_letter, of_versions_and_aliases)
{
    struct world *w = world_new();

    world_function(w, "f");
    update(w, "{" TARGET(DLQ) "}");
    HAS(ask_z(w, "POST", F "/f/versions", "{}"), "\"Version\":\"1\"");
    world_run_timers(w);
    HAS(ask_z(w, "POST", F "/f/versions", "{}"), "\"Version\":\"1\"");
    update(w, "{" TARGET(TOPIC) "}");
    HAS(ask_z(w, "POST", F "/f/versions", "{}"), "\"Version\":\"2\"");
    world_run_timers(w);
    update(w, "{" TARGET("") "}");
    EXPECT_INT(ask_z(w, "POST", F "/f/aliases", "{\"Name\":\"live\",\"FunctionVersion\":\"1\"}")->status,
               201);
    world_reload(w);
    HAS(shown(w, "f:1"), TARGET(DLQ));
    HAS(shown(w, "f:live"), TARGET(DLQ));
    HAS(shown(w, "f:2"), TARGET(TOPIC));
    HAS_NOT(shown(w, "f"), "DeadLetterConfig");
    EXPECT_STR(dead_letter_of(w, "1"), STR(DLQ));
    EXPECT_STR(dead_letter_of(w, "live"), STR(DLQ));
    EXPECT_STR(dead_letter_of(w, "2"), STR(TOPIC));
    EXPECT(str_absent(dead_letter_of(w, NULL)));
    world_free(w);
}

/* The old queue serves until the update has ended, as code and configuration do. */
TEST(dead_letter, serves_until_the_update_is_through)
{
    struct world *w = world_new();

    world_function(w, "f");
    update(w, "{" TARGET(DLQ) "}");
    ask_z(w, "PUT", F "/f/configuration", "{" TARGET(TOPIC) "}");
    HAS(shown(w, "f"), TARGET(TOPIC));
    EXPECT_STR(dead_letter_of(w, NULL), STR(DLQ));
    world_run_timers(w);
    EXPECT_STR(dead_letter_of(w, NULL), STR(TOPIC));
    world_free(w);
}

TEST(dead_letter, refused)
{
#define BAD "Invalid dead letter queue ARN: "
    static const struct {
        const char *body, *want;
    } rows[] = {
        { TARGET(ARN "g"), BAD "Only Amazon SQS queues and Amazon SNS topics are supported." },
        { TARGET("arn:aws:sqs:eu-west-1:111111111111:q"),
          BAD "The resource specified by the TargetArn must be in the same region as"
              " the Lambda function it's associated with." },
        { TARGET(DLQ ".fifo"), BAD "FIFO SQS queue is not supported for dead letter configuration" },
        { TARGET(TOPIC ".fifo"), BAD "FIFO SNS topic is not supported for dead letter configuration" },
    };
    struct world *w = world_new();

    world_function(w, "f");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str want = arena_printf(w->mem, "400 " USER("%s"), rows[i].want);

        EXPECT_STR(update(w, arena_printf(w->mem, "{%s}", rows[i].body).p)->shown, want);
        EXPECT_STR(
            ask(w, "POST", F, NULL,
                arena_printf(
                    w->mem,
                    "{\"FunctionName\":\"n\",\"Runtime\":\"python3.12\",\"Handler\":\"a.b\",\"Role\":\"" ROLE
                    "\",\"Code\":{\"ZipFile\":\"UEsDBA==\"},%s}",
                    rows[i].body))
                ->shown,
            want);
    }
    HAS_NOT(shown(w, "f"), "DeadLetterConfig");
    EXPECT_INT(lambda_function_count(w->l), 1);
    EXPECT_INT(w->n_jobs, 0); /* refused before the package was looked at */
    HAS(update(w, "{" TARGET("q") "}"), "400 {\"message\":\"1 validation error detected: Value 'q' at "
                                        "'deadLetterConfig.targetArn' failed to satisfy"
                                        " constraint: Member must satisfy regular expression pattern: ");
    world_free(w);
}

TEST(dead_letter, rights_of_the_role)
{
#define NO "The provided execution role does not have permissions to call "
    struct world *w = world_new();

    world_function(w, "f");
    w->role_verdict = ROLE_DENIED;
    SHOWN(update(w, "{" TARGET(DLQ) "}"), "400 " USER(NO "SendMessage on SQS"));
    EXPECT_STR(w->asked.role, STR(ROLE));
    EXPECT_STR(w->asked.resource, STR(DLQ));
    SHOWN(update(w, "{" TARGET(TOPIC) "}"), "400 " USER(NO "Publish on SNS"));
    SHOWN(ask_z(w, "POST", F,
                "{\"FunctionName\":\"n\",\"Runtime\":\"python3.12\",\"Handler\":\"a.b\",\"Role\":\"" ROLE
                "\",\"Code\":{\"ZipFile\":\"UEsDBA==\"}," TARGET(DLQ) "}"),
          "400 " USER(NO "SendMessage on SQS"));
    EXPECT_INT(update(w, "{" TARGET("") "}")->status, 200);
    EXPECT_INT(update(w, "{\"Timeout\":4}")->status, 200);
    w->role_verdict = ROLE_UNKNOWN;
    EXPECT_INT(update(w, "{" TARGET(DLQ) "}")->status, 200);
    w->l->o.strict_permissions = true;
    SHOWN(update(w, "{" TARGET(DLQ) "}"), "400 " USER(NO "SendMessage on SQS"));
    w->l->o.strict_permissions = false;
    w->role_verdict = ROLE_DENIED; /* another role for the queue that is there */
    SHOWN(update(w, "{\"Role\":\"arn:aws:iam::111111111111:role/other\"}"),
          "400 " USER(NO "SendMessage on SQS"));
    EXPECT_STR(w->asked.role, STR("arn:aws:iam::111111111111:role/other"));
    EXPECT_INT(update(w, "{\"Timeout\":5}")->status, 200); /* neither of the two: nobody asks */
    world_free(w);
}

/* ---- rights for destinations ---- */

TEST(destinations, rights_per_kind)
{
    static const struct {
        const char *target, *denied, *want;
    } rows[] = {
        { BUS, "events:PutEvents",
          "The function's execution role does not have permissions to call PutEvents on " BUS },
        { TOPIC, "sns:Publish",
          "The function's execution role does not have permissions to call Publish on " TOPIC },
        { BUCKET, "s3:ListBucket",
          "The function execution role does not have permissions to call ListBucket on S3" },
        { BUCKET, "s3:PutObject",
          "The function execution role does not have permissions to call PutObject on S3" },
    };
    struct world *w = world_new();

    world_function(w, "f");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str body =
            arena_printf(w->mem, "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"%s\"}}}",
                         rows[i].target);

        w->denied_action = rows[i].denied;
        w->role_verdict = ROLE_DENIED;
        EXPECT_STR(ask(w, "PUT", E "/f/event-invoke-config", NULL, body)->shown,
                   arena_printf(w->mem, "400 " USER("%s"), rows[i].want));
        EXPECT_Z(w->asked.action, rows[i].denied);
        w->role_verdict = ROLE_ALLOWED;
        EXPECT_INT(ask(w, "PUT", E "/f/event-invoke-config", NULL, body)->status, 200);
    }
    EXPECT_STR(w->asked.resource, STR(BUCKET "/aws/lambda/async/f/2026/09/14/record"));
    world_free(w);
}

/* A bus that is not there is taken, everything else is not. */
TEST(destinations, missing_targets)
{
    struct world *w = world_new();

    world_function(w, "f");
    w->queue_state = SINK_MISSING;
    EXPECT_INT(ask_z(w, "PUT", E "/f/event-invoke-config",
                     "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"" BUS "\"}}}")
                   ->status,
               200);
    SHOWN(ask_z(w, "PUT", E "/f/event-invoke-config",
                "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"" TOPIC "\"}}}"),
          "400 " USER("The destination ARN " TOPIC " is invalid."));
    SHOWN(ask_z(w, "PUT", E "/f/event-invoke-config",
                "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"" BUCKET "\"}}}"),
          "400 " USER("The destination ARN " BUCKET " is invalid."));
    w->queue_state = SINK_OK;
    SHOWN(ask_z(w, "PUT", E "/f/event-invoke-config",
                "{\"DestinationConfig\":{\"OnSuccess\":{\"Destination\":\"" BUCKET "\"}}}"),
          "400 " USER("The destination ARN " BUCKET " is invalid."));
    world_free(w);
}

/* ---- code from S3 ---- */

static int no_reading(void *arg UNUSED, struct call *c, const char *action,
                      const struct resource *what UNUSED)
{
    return strncmp(action, "s3:", 3) == 0 ? call_fault(c, &error_access_denied, "no") : 0;
}

TEST(code, from_s3)
{
    struct world *w = world_new();
    struct answer *a =
        ask_z(w, "POST", F,
              "{\"FunctionName\":\"f\",\"Runtime\":\"python3.12\",\"Handler\":\"a.b\",\"Role\":\"" ROLE "\","
              "\"Code\":{\"S3Bucket\":\"bucket\",\"S3Key\":\"code.zip\"}}");

    world_run_jobs(w);
    world_run_timers(w);
    EXPECT_INT(a->status, 201);
    HAS(a, "\"CodeSize\":2,");
    a = ask_z(w, "PUT", F "/f/code",
              "{\"S3Bucket\":\"bucket\",\"S3Key\":\"code.zip\",\"S3ObjectVersion\":\"v2\"}");
    world_run_jobs(w);
    world_run_timers(w);
    HAS(a, "\"CodeSize\":8,");
#define GET "Error occurred while GetObject. S3 Error Code: "
    SHOWN(ask_z(w, "PUT", F "/f/code", "{\"S3Bucket\":\"bucket\",\"S3Key\":\"no.zip\"}"),
          "400 " USER(GET "NoSuchKey. S3 Error Message: The specified key does not exist."));
    SHOWN(ask_z(w, "PUT", F "/f/code", "{\"S3Bucket\":\"nobody\",\"S3Key\":\"no.zip\"}"),
          "400 " USER(GET "NoSuchBucket. S3 Error Message: The specified bucket does not exist"));
    SHOWN(ask_z(w, "PUT", F "/f/code", "{\"S3Bucket\":\"buk\"}"),
          "400 " USER("Please provide both S3Bucket and S3Key for function code in Amazon S3."));
    SHOWN(ask_z(w, "PUT", F "/f/code", "{\"S3Key\":\"k\"}"),
          "400 " USER("Please provide both S3Bucket and S3Key for function code in Amazon S3."));
    w->gate = &(struct gate){ no_reading, NULL };
    SHOWN(ask_z(w, "PUT", F "/f/code", "{\"S3Bucket\":\"bucket\",\"S3Key\":\"code.zip\"}"),
          "403 {\"Message\":\"Your access has been denied by S3, please make"
          " sure your request credentials have permission to GetObject for bucket/code.zip. S3 Error Code: "
          "AccessDenied. S3 Error Message: Access Denied\"}");
    w->gate = NULL;
    EXPECT_INT(w->n_jobs, 0);
    world_free(w);
}

/* ---- the function's policy as a door ---- */

static enum delivery deliver_as(struct world *w, const char *principal, const char *source,
                                const char *target, struct str *ret_why)
{
    struct parcel p = { .from = { principal, str_of(source), STR("111111111111"), .no_owner = false },
                        .body = STR("{\"x\":1}"),
                        .trace_header = STR("Root=1-5-6;Lineage=3:aa:2") };
    struct buf why = { 0 };
    struct door to = door_find(&w->sinks, &w->turn, str_of(target));
    enum delivery d = door_as_service(&to, &p, &why);

    *ret_why = buf_to_arena(&why, w->mem);
    buf_done(&why);
    return d;
}

TEST(sink, services_need_a_permission)
{
#define SNS "sns.amazonaws.com"
#define FROM "arn:aws:sns:us-east-1:111111111111:t"
    struct world *w = world_new();
    struct str why;

    world_function(w, "f");
    EXPECT_INT(deliver_as(w, SNS, FROM, ARN "f", &why), DELIVERY_NO_PERMISSION);
    EXPECT_INT(ask_z(w, "POST", F "/f/policy",
                     "{\"StatementId\":\"s\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"" SNS
                     "\",\"SourceArn\":\"" FROM "\"}")
                   ->status,
               201);
    EXPECT_INT(deliver_as(w, SNS, FROM, ARN "f", &why), DELIVERED);
    EXPECT_INT(w->n_accepted, 1);
    EXPECT_STR(w->accepted[0].payload, STR("{\"x\":1}"));
    EXPECT_Z(w->accepted[0].type, "Event");
    EXPECT_STR(w->accepted[0].source, STR(FROM));
    EXPECT_STR(w->accepted[0].trace, STR("Root=1-5-6;Lineage=3:aa:2")); /* the chain goes on */
    EXPECT_INT(deliver_as(w, SNS, FROM "2", ARN "f", &why), DELIVERY_NO_PERMISSION);
    EXPECT_INT(deliver_as(w, "events.amazonaws.com", FROM, ARN "f", &why), DELIVERY_NO_PERMISSION);
    EXPECT_INT(deliver_as(w, SNS, FROM, ARN "g", &why), DELIVERY_NO_RESOURCE);
    world_reload(w); /* compiled again from the rows */
    EXPECT_INT(deliver_as(w, SNS, FROM, ARN "f", &why), DELIVERED);
    EXPECT_INT(ask_z(w, "DELETE", F "/f/policy/s", NULL)->status, 204);
    EXPECT_INT(deliver_as(w, SNS, FROM, ARN "f", &why), DELIVERY_NO_PERMISSION);
    world_free(w);
}

/* A permission on the function is none on its alias, and the reverse; a change counts at once. */
TEST(sink, each_qualifier_has_its_own_policy)
{
    struct world *w = world_new();
    struct str why;

    world_function(w, "f");
    ask_z(w, "POST", F "/f/versions", "{}");
    world_run_timers(w);
    ask_z(w, "POST", F "/f/aliases", "{\"Name\":\"live\",\"FunctionVersion\":\"1\"}");
    EXPECT_INT(
        ask_z(
            w, "POST", F "/f/policy",
            "{\"StatementId\":\"s\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"s3.amazonaws.com\","
            "\"SourceArn\":\"arn:aws:s3:::b\",\"SourceAccount\":\"111111111111\"}")
            ->status,
        201);
    EXPECT_INT(deliver_as(w, "s3.amazonaws.com", "arn:aws:s3:::b", ARN "f", &why), DELIVERED);
    EXPECT_INT(deliver_as(w, "s3.amazonaws.com", "arn:aws:s3:::b", ARN "f:live", &why),
               DELIVERY_NO_PERMISSION);
    EXPECT_INT(
        ask_z(
            w, "POST", F "/f/policy?Qualifier=live",
            "{\"StatementId\":\"s\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"s3.amazonaws.com\","
            "\"SourceArn\":\"arn:aws:s3:::c\"}")
            ->status,
        201);
    EXPECT_INT(deliver_as(w, "s3.amazonaws.com", "arn:aws:s3:::b", ARN "f:live", &why),
               DELIVERY_NO_PERMISSION);
    EXPECT_INT(deliver_as(w, "s3.amazonaws.com", "arn:aws:s3:::c", ARN "f:live", &why), DELIVERED);
    EXPECT_STR(w->accepted[1].qualifier, STR("live"));
    EXPECT_INT(ask_z(w, "POST", F "/f/policy?Qualifier=live",
                     "{\"StatementId\":\"s2\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"s3."
                     "amazonaws.com\"}")
                   ->status,
               201);
    EXPECT_INT(deliver_as(w, "s3.amazonaws.com", "arn:aws:s3:::b", ARN "f:live", &why), DELIVERED);
    world_free(w);
}

TEST(sink, what_a_function_does_not_take)
{
    struct world *w = world_new();
    struct parcel p = { .body = STR("{\"x\":"), .from.arn = STR(FROM) };
    char *big = calloc(1, 1048577 + 1);
    struct buf why = { 0 };

    world_function(w, "f");
    EXPECT_INT(hand_in(&w->sinks, &w->turn, STR(ARN "f"), &p, &why), DELIVERY_REFUSED);
    EXPECT_STR(buf_view(&why), STR("Could not parse request body into json"));
    buf_clear(&why);
    memset(big, ' ', 1048577);
    big[0] = '1';
    p.body = str_make(big, 1048577);
    EXPECT_INT(hand_in(&w->sinks, &w->turn, STR(ARN "f"), &p, &why), DELIVERY_REFUSED);
    EXPECT_STR(buf_view(&why),
               STR("1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"));
    p.body = str_make(big, 1048576);
    EXPECT_INT(hand_in(&w->sinks, &w->turn, STR(ARN "f"), &p, &why), DELIVERED);
    free(big);
    buf_done(&why);
    world_free(w);
}

/* ---- history and usage ---- */

static struct str history(struct world *w)
{
    struct history_entry v[LAMBDA_HISTORY_ROWS + 1];
    size_t n = history_list(w->l, w->store, w->mem, STR("111111111111"), STR("us-east-1"), STR("f"), v,
                            ARRAY_LEN(v));
    struct buf b = { 0 };

    for (size_t i = 0; i < n; i++)
        buf_printf(&b, STR_FMT " " STR_FMT " " STR_FMT ": " STR_FMT " -> " STR_FMT "\n",
                   STR_ARG(v[i].operation), STR_ARG(v[i].qualifier), STR_ARG(v[i].member),
                   STR_ARG(str_absent(v[i].before) ? STR("-") : v[i].before),
                   STR_ARG(str_absent(v[i].after) ? STR("-") : v[i].after));
    struct str s = buf_to_arena(&b, w->mem);
    buf_done(&b);
    return s;
}

TEST(history, tells_what_replaced_what)
{
    struct world *w = world_new();
    const char *at = E "/f/event-invoke-config";

    world_function(w, "f");
    EXPECT_STR(history(w), STR(""));
    ask_z(w, "PUT", at,
          "{\"MaximumRetryAttempts\":0,\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"" DLQ "\"}}}");
    ask_z(w, "POST", at, "{\"MaximumRetryAttempts\":0}"); /* changes nothing, tells nothing */
    ask_z(w, "PUT", at, "{\"MaximumEventAgeInSeconds\":60}");
    update(w, "{" TARGET(TOPIC) "}");
    ask_z(w, "PUT", at,
          "{\"DestinationConfig\":{\"OnSuccess\":{\"Destination\":\"" ARN "nobody\"}}}"); /* refused */
    ask_z(w, "DELETE", at, NULL);
    world_reload(w);
    EXPECT_STR(history(w), STR("DeleteFunctionEventInvokeConfig $LATEST MaximumEventAgeInSeconds: 60 -> -\n"
                               "UpdateFunctionConfiguration $LATEST DeadLetterConfig: - -> " TOPIC "\n"
                               "PutFunctionEventInvokeConfig $LATEST OnFailure: " DLQ " -> -\n"
                               "PutFunctionEventInvokeConfig $LATEST MaximumEventAgeInSeconds: - -> 60\n"
                               "PutFunctionEventInvokeConfig $LATEST MaximumRetryAttempts: 0 -> -\n"
                               "PutFunctionEventInvokeConfig $LATEST OnFailure: - -> " DLQ "\n"
                               "PutFunctionEventInvokeConfig $LATEST MaximumRetryAttempts: - -> 0\n"));
    ask_z(w, "DELETE", F "/f", NULL);
    world_function(w, "f");
    EXPECT_STR(history(w), STR("")); /* another function of the same name */
    world_free(w);
}

static struct sql Q_COUNT = SQL("SELECT COUNT(*), MIN(becomes) FROM lambda_history");

TEST(history, is_bounded)
{
    struct world *w = world_new();
    struct rows r;

    world_function(w, "f");
    for (int i = 0; i < 100; i++)
        ask_z(w, "PUT", E "/f/event-invoke-config",
              arena_printf(w->mem, "{\"MaximumEventAgeInSeconds\":%d}", 1000 + i).p);
    CHECK(store_commit(w->store) == 0);
    store_query(w->store, &Q_COUNT, &r);
    CHECK(rows_next(&r));
    EXPECT_INT(rows_int(&r, 0), LAMBDA_HISTORY_ROWS);
    EXPECT_STR(rows_text(&r, 1), STR("1040")); /* the newest sixty */
    rows_done(&r);
    ask_z(w, "DELETE", F "/f", NULL);
    CHECK(store_commit(w->store) == 0);
    store_query(w->store, &Q_COUNT, &r);
    CHECK(rows_next(&r));
    EXPECT_INT(rows_int(&r, 0), 0);
    rows_done(&r);
    world_free(w);
}

TEST(usage, counts_both_ways)
{
    struct world *w = world_new();
    struct str a = STR("111111111111"), region = STR("us-east-1");
    const struct usage_facts *u;
    struct str why;

    EXPECT(usage_facts_find(w->l, a, region, STR("f")) == NULL);
    world_function(w, "f");
    u = usage_facts_find(w->l, a, region, STR("f"));
    EXPECT_INT(u->sync_invocations + u->async_invocations + (uint64_t)u->last_sync_ms, 0);
    ask(w, "POST", F "/f/invocations", "X-Amz-Invocation-Type: Event", STR("{}"));
    ask(w, "POST", F "/f/invocations", "X-Amz-Invocation-Type: DryRun", STR("{}"));
    EXPECT_INT(u->async_invocations, 1);
    EXPECT_INT(u->sync_invocations, 0);
    w->turn.now.wall_ms += 5000;
    ask_z(w, "POST", F "/f/invocations",
          "{\"Records\":[{\"kinesis\":{\"data\":\"aGk=\"},\"eventSource\":\"aws:kinesis\"}]}");
    world_finish(w, 0, OUTCOME_OK, "1");
    EXPECT_INT(u->sync_invocations, 1);
    EXPECT_INT(u->last_sync_ms - u->last_async_ms, 5000);
    EXPECT_Z(u->last_sync_batch, "aws:kinesis");
    ask_z(w, "POST", F "/f/policy",
          "{\"StatementId\":\"s\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"" SNS "\"}");
    EXPECT_INT(deliver_as(w, SNS, FROM, ARN "f", &why), DELIVERED);
    EXPECT_INT(u->async_invocations, 2);
    ask_z(w, "PUT", E "/f/event-invoke-config",
          "{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"" TOPIC ".fifo\"}}}");
    EXPECT_Z(u->refused.member, "OnFailure");
    EXPECT_STR(u->refused.qualifier, LATEST);
    EXPECT_STR(u->refused.target, STR(TOPIC ".fifo"));
    EXPECT_STR(u->refused.why, STR("FIFO-type Amazon SNS topics aren't supported as a destination."));
    update(w, "{" TARGET(DLQ ".fifo") "}");
    EXPECT_Z(u->refused.member, "DeadLetterConfig");
    world_free(w);
}

TEST(usage, batches_by_their_look)
{
    static const struct {
        const char *payload, *want;
    } rows[] = {
        { "{\"Records\":[{\"eventSource\":\"aws:sqs\"}]}", "aws:sqs" },
        { "{ \"Records\" : [ { \"body\": \"x\", \"eventSource\" : \"aws:dynamodb\" } ] }", "aws:dynamodb" },
        { "{\"Records\":[{\"body\":\"{\\\"eventSource\\\":\\\"aws:kinesis\\\"}\",\"eventSource\":\"aws:sqs\"}"
          "]}",
          "aws:sqs" },
        { "{\"Records\":[{\"eventSource\":\"aws:s3\"}]}", NULL },
        { "{\"Records\":[{\"EventSource\":\"aws:sns\"}]}", NULL },
        { "{\"Records\":[{\"eventSource\":7}]}", NULL },
        { "{\"Records\":[{\"eventSource\"", NULL },
        { "{\"Records\":[{\"eventSource\":\"aws:sqs", NULL },
        { "{\"eventSource\":\"aws:sqs\"}", NULL },
        { "{}", NULL },
        { "", NULL },
        { NULL, NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_STR(str_of(usage_facts_batch(str_of(rows[i].payload))), str_of(rows[i].want));
}

UNIT_MAIN
