/* Names, statements, EventInvokeConfig's decisions, payload texts: tables without a server. */
#include "service/lambda/config.h"
#include "service/lambda/event_invoke_config.h"
#include "service/lambda/invoke.h"
#include "service/lambda/policy.h"
#include "service/lambda/settings.h"
#include "test/unit.h"

void async_slots_freed(struct async *a) { (void)a; }

/* Handlers are linked but never called here. */
void call_reply(struct call *c, int result)
{
    (void)c;
    (void)result;
    abort();
}
int async_accept(struct async *a, struct turn *t, const struct async_request *r, char id[UUID_TEXT + 1])
{
    (void)a;
    (void)t;
    (void)r;
    (void)id;
    abort();
}

TEST(names, four_forms)
{
    static const struct {
        const char *text;
        int rc;
        const char *region, *account, *name, *qualifier;
    } rows[] = {
        { "f", 0, NULL, NULL, "f", NULL },
        { "f:1", 0, NULL, NULL, "f", "1" },
        { "f:$LATEST", 0, NULL, NULL, "f", "$LATEST" },
        { "111111111111:function:f", 0, NULL, "111111111111", "f", NULL },
        { "111111111111:function:f:live", 0, NULL, "111111111111", "f", "live" },
        { "111111111111:f", 0, NULL, "111111111111", "f", NULL },
        { "us-east-1:111111111111:function:f", 0, "us-east-1", "111111111111", "f", NULL },
        { "function:f:2", 0, NULL, NULL, "f", "2" },
        { "function", 0, NULL, NULL, "function", NULL },
        { "123456789012", 0, NULL, NULL, "123456789012", NULL },
        { "arn:aws:lambda:eu-west-1:111111111111:function:f", 0, "eu-west-1", "111111111111", "f", NULL },
        { "arn:aws:lambda:eu-west-1:111111111111:function:f:$LATEST", 0, "eu-west-1", "111111111111", "f",
          "$LATEST" },
        { "arn:aws:lambda:eu-west-1:111111111111:layer:f", -E_INVALID, NULL, NULL, NULL, NULL },
        { "arn:aws:sqs:eu-west-1:111111111111:f", -E_INVALID, NULL, NULL, NULL, NULL },
        { "arn:aws:lambda:eu-west-1:111111111111:function:", -E_INVALID, NULL, NULL, NULL, NULL },
        { "", -E_INVALID, NULL, NULL, NULL, NULL },
        { "f:", -E_INVALID, NULL, NULL, NULL, NULL },
        { "f:1:2", -E_INVALID, NULL, NULL, NULL, NULL },
        { "a:b:c:d:e:f:g:h:i:j", -E_INVALID, NULL, NULL, NULL, NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct function_ref r = { .name = STR("untouched") };
        int rc = function_ref_parse(str_of(rows[i].text), &r);

        if (rc != rows[i].rc)
            UNIT_FAIL("%s: %d", rows[i].text, rc);
        if (rc != 0) {
            EXPECT_STR(r.name, STR("untouched"));
            continue;
        }
        EXPECT_STR(r.region, str_of(rows[i].region));
        EXPECT_STR(r.account, str_of(rows[i].account));
        EXPECT_STR(r.name, str_of(rows[i].name));
        EXPECT_STR(r.qualifier, str_of(rows[i].qualifier));
    }
}

static void expect_statement(const struct lambda_AddPermissionRequest *in, const char *want)
{
    struct buf b = { 0 };

    EXPECT_INT(statement_json(&b, in, STR("arn:aws:lambda:us-east-1:111111111111:function:f:live")), 0);
    EXPECT_STR(buf_view(&b), str_of(want));
    buf_done(&b);
}

#define LEAD "{\"Sid\":\"s\",\"Effect\":\"Allow\",\"Principal\":"
#define TAIL                                                                                                 \
    ",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"arn:aws:lambda:us-east-1:111111111111:function:f:" \
    "live\""

TEST(policy, statement_text)
{
    struct lambda_AddPermissionRequest in = { .StatementId = STR("s"),
                                              .Action = STR("lambda:InvokeFunction"),
                                              .Principal = STR("events.amazonaws.com") };

    expect_statement(&in, LEAD "{\"Service\":\"events.amazonaws.com\"}" TAIL "}");
    in.SourceArn = STR("arn:aws:events:us-east-1:111111111111:rule/*");
    expect_statement(
        &in, LEAD
        "{\"Service\":\"events.amazonaws.com\"}" TAIL
        ",\"Condition\":{\"ArnLike\":{\"AWS:SourceArn\":\"arn:aws:events:us-east-1:111111111111:rule/*\"}}}");
    in.SourceAccount = STR("222222222222");
    expect_statement(&in, LEAD
                     "{\"Service\":\"events.amazonaws.com\"}" TAIL
                     ",\"Condition\":{\"StringEquals\":{\"AWS:SourceAccount\":\"222222222222\"},"
                     "\"ArnLike\":{\"AWS:SourceArn\":\"arn:aws:events:us-east-1:111111111111:rule/*\"}}}");
    in.SourceArn = STR_NONE;
    in.PrincipalOrgID = STR("o-a1b2c3d4e5");
    in.EventSourceToken = STR("t");
    expect_statement(&in,
                     LEAD "{\"Service\":\"events.amazonaws.com\"}" TAIL ",\"Condition\":{\"StringEquals\":"
                          "{\"AWS:SourceAccount\":\"222222222222\",\"aws:PrincipalOrgID\":\"o-a1b2c3d4e5\","
                          "\"lambda:EventSourceToken\":\"t\"}}}");
}

TEST(policy, principals)
{
    static const struct {
        const char *principal, *want;
    } rows[] = {
        { "*", "\"*\"" },
        { "222222222222", "{\"AWS\":\"arn:aws:iam::222222222222:root\"}" },
        { "arn:aws:iam::222222222222:role/x", "{\"AWS\":\"arn:aws:iam::222222222222:role/x\"}" },
        { "s3.amazonaws.com", "{\"Service\":\"s3.amazonaws.com\"}" },
        { "22222222222", NULL },
        { "somebody", NULL },
        { "arn:aws:s3:::b", NULL },
        { "", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = { 0 };
        struct json_writer w;

        jw_init(&w, &b);
        EXPECT_INT(principal_json(&w, str_of(rows[i].principal)), rows[i].want != NULL ? 0 : -E_INVALID);
        if (rows[i].want != NULL)
            EXPECT_STR(buf_view(&b), str_of(rows[i].want));
        buf_done(&b);
    }
}

static enum destination_verdict judged(const char *text, bool on_success, bool self, bool has_sink,
                                       enum sink_state state)
{
    struct destination_question f = {
        .on_success = on_success, .self = self, .has_sink = has_sink, .state = state
    };

    f.parsed = arn_parse(str_of(text), &f.arn) == 0;
    return destination_judge(&f);
}

TEST(event_config, destinations)
{
    static const struct {
        const char *arn;
        bool on_success, self, has_sink;
        enum sink_state state;
        enum destination_verdict want;
    } rows[] = {
        { "arn:aws:lambda:us-east-1:111111111111:function:g", true, false, true, SINK_OK, DESTINATION_OK },
        { "arn:aws:lambda:us-east-1:111111111111:function:g", true, false, true, SINK_MISSING,
          DESTINATION_INVALID },
        { "arn:aws:lambda:us-east-1:111111111111:function:f:1", true, true, true, SINK_OK, DESTINATION_SELF },
        { "arn:aws:lambda:us-east-1:111111111111:function:f:9", true, true, true, SINK_MISSING,
          DESTINATION_INVALID },
        { "arn:aws:lambda:us-east-1:111111111111:layer:l", true, false, true, SINK_WRONG_KIND,
          DESTINATION_INVALID },
        { "arn:aws:sqs:us-east-1:111111111111:q", false, false, true, SINK_OK, DESTINATION_OK },
        { "arn:aws:sqs:us-east-1:111111111111:q", false, false, true, SINK_MISSING, DESTINATION_INVALID },
        { "arn:aws:sqs:us-east-1:111111111111:q.fifo", false, false, true, SINK_FIFO, DESTINATION_INVALID },
        { "arn:aws:sns:us-east-1:111111111111:t", false, false, false, SINK_OK, DESTINATION_NOT_YET },
        { "arn:aws:sns:us-east-1:111111111111:t.fifo", false, false, false, SINK_OK, DESTINATION_SNS_FIFO },
        { "arn:aws:sns:us-east-1:111111111111:t", false, false, true, SINK_NOT_YET, DESTINATION_NOT_YET },
        { "arn:aws:sns:us-east-1:111111111111:t", false, false, true, SINK_FIFO, DESTINATION_SNS_FIFO },
        { "arn:aws:events:us-east-1:111111111111:event-bus/b", false, false, false, SINK_OK,
          DESTINATION_NOT_YET },
        { "arn:aws:events:us-east-1:111111111111:event-bus/b", false, false, true, SINK_MISSING,
          DESTINATION_OK },
        { "arn:aws:events:us-east-1:111111111111:rule/r", false, false, false, SINK_OK, DESTINATION_INVALID },
        { "arn:aws:s3:::bucket", true, false, false, SINK_OK, DESTINATION_INVALID },
        { "arn:aws:s3:::bucket", false, false, false, SINK_OK, DESTINATION_NOT_YET },
        { "arn:aws:s3:::bucket", false, false, true, SINK_OK, DESTINATION_OK },
        { "arn:aws:dynamodb:us-east-1:111111111111:table/t", false, false, false, SINK_OK,
          DESTINATION_FOREIGN },
        { "kafka://topic", false, false, false, SINK_OK, DESTINATION_FOREIGN },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum destination_verdict got =
            judged(rows[i].arn, rows[i].on_success, rows[i].self, rows[i].has_sink, rows[i].state);

        if (got != rows[i].want)
            UNIT_FAIL("row %zu %s: got %d, want %d", i, rows[i].arn, (int)got, (int)rows[i].want);
    }
}

TEST(event_config, specified)
{
    struct lambda_DestinationConfig d = { NULL, NULL };
    struct lambda_OnFailure f = { STR_NONE };

    EXPECT(!event_config_specified(&(struct event_config_request){ .destinations = NULL }));
    EXPECT(!event_config_specified(&(struct event_config_request){ .destinations = &d }));
    EXPECT(event_config_specified(&(struct event_config_request){ .retries = INT_SET(0) }));
    EXPECT(event_config_specified(&(struct event_config_request){ .age_s = INT_SET(60) }));
    d.OnFailure = &f;
    EXPECT(event_config_specified(&(struct event_config_request){ .destinations = &d }));
}

TEST(event_config, put_replaces_update_merges)
{
    struct event_config old = {
        .maximum_retry_attempts = 1, .maximum_event_age_s = 60, .on_success = STR("s"), .on_failure = STR("f")
    };
    struct lambda_OnSuccess s = { STR("") };
    struct lambda_OnFailure f = { STR_NONE };
    struct lambda_DestinationConfig d = { &s, &f };
    struct event_config_request in = { .age_s = INT_SET(90), .destinations = &d };
    struct event_config_values v = event_config_merge(&in, NULL);

    EXPECT_INT(v.retries, -1);
    EXPECT_INT(v.age_s, 90);
    EXPECT(str_absent(v.on_success) && str_absent(v.on_failure));
    v = event_config_merge(&in, &old);
    EXPECT_INT(v.retries, 1);
    EXPECT_INT(v.age_s, 90);
    EXPECT(str_absent(v.on_success));   /* "" clears */
    EXPECT_STR(v.on_failure, STR("f")); /* {} keeps */
    f.Destination = STR("g");
    EXPECT_STR(event_config_merge(&in, &old).on_failure, STR("g"));
}

TEST(event_config, raw_reply)
{
    struct event_config e = { .maximum_retry_attempts = -1,
                              .maximum_event_age_s = 60,
                              .on_success = STR_NONE,
                              .on_failure = STR("arn:aws:sqs:us-east-1:111111111111:q"),
                              .last_modified_ms = 1789400786443 };
    struct buf b = { 0 };

    event_config_json(&b, &e, STR("arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST"));
    EXPECT_STR(buf_view(&b), STR("{\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"arn:aws:sqs:us-"
                                 "east-1:111111111111:q\"},"
                                 "\"OnSuccess\":{\"Destination\":null}},\"FunctionArn\":\"arn:aws:lambda:us-"
                                 "east-1:111111111111:function:f:$LATEST\","
                                 "\"LastModified\":1.789400786443E9,\"MaximumEventAgeInSeconds\":60,"
                                 "\"MaximumRetryAttempts\":null}"));
    buf_done(&b);
}

TEST(event_config, seconds_with_exponent)
{
    static const struct {
        int64_t ms;
        const char *want;
    } rows[] = {
        { 1789400786443, "1.789400786443E9" }, { 1789400786440, "1.78940078644E9" },
        { 1789400786000, "1.789400786E9" },    { 1000000000000, "1.0E9" },
        { 999999999999, "9.99999999999E8" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = { 0 };

        epoch_exponent(&b, rows[i].ms);
        EXPECT_STR(buf_view(&b), str_of(rows[i].want));
        buf_done(&b);
    }
}

static void expect_problem(const char *payload, size_t n, const char *want)
{
    struct json_error e;
    struct buf b = { 0 };

    EXPECT_INT(json_check(str_make(payload, n), &e), -E_INVALID);
    payload_problem(&b, &e);
    EXPECT_STR(buf_view(&b), str_of(want));
    buf_done(&b);
}

#define SAYS "Could not parse request body into json: Could not parse payload into json: "
#define AT(l, c) \
    "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: " l ", column: " c "]"

TEST(invoke, payload_texts)
{
    expect_problem("{\"a\":", 5,
                   SAYS "Unexpected end-of-input: expected close marker for Object (start marker at " AT(
                       "1", "1") ")\n at " AT("1", "6"));
    expect_problem("\"\x87\"", 3, SAYS "Invalid UTF-8 start byte 0x87\n at " AT("1", "2"));
    expect_problem("x", 1,
                   SAYS "Unexpected character ('x' (code 120)): expected a valid value (JSON String, Number, "
                        "Array, Object or token"
                        " 'null', 'true' or 'false')\n at " AT("1", "2"));
}

TEST(invoke, trace_of_a_reply)
{
    struct arena *a = arena_new(0);

    EXPECT_STR(trace_shown(a, STR("Root=1-a-b;Parent=c;Sampled=1;Lineage=3:x:0")),
               STR("root=1-a-b;parent=c;sampled=1"));
    EXPECT_STR(trace_shown(a, STR("")), STR(""));
    arena_free(a);
}

TEST(config, round_trip)
{
    struct arena *a = arena_new(0);
    struct env_var env[] = { { STR("A"), STR("x\"y") }, { STR("B"), STR("") } };
    struct config c = { .runtime = STR("python3.12"),
                        .role = STR("arn"),
                        .handler = STR("h.x"),
                        .description = STR(""),
                        .architecture = STR("arm64"),
                        .timeout_s = 3,
                        .memory_mb = 128,
                        .tmp_mb = 512,
                        .has_env = true,
                        .env = env,
                        .n_env = 2,
                        .log_json = true,
                        .log_group = STR("/g"),
                        .app_log_level = STR("INFO"),
                        .system_log_level = STR_NONE,
                        .code_sha256 = STR("c="),
                        .package_sha256_hex = STR("ab"),
                        .code_bytes = 7 },
                  back, copy;
    struct buf one = { 0 }, two = { 0 }, three = { 0 };

    config_json(&one, &c);
    EXPECT_STR(
        buf_view(&one),
        STR("{\"runtime\":\"python3.12\",\"role\":\"arn\",\"handler\":\"h.x\",\"description\":\"\","
            "\"architecture\":\"arm64\",\"timeout_s\":3,\"memory_mb\":128,\"tmp_mb\":512,\"env\":{\"A\":"
            "\"x\\\"y\",\"B\":\"\"},"
            "\"log_json\":true,\"log_group\":\"/"
            "g\",\"app_log_level\":\"INFO\",\"code_sha256\":\"c=\",\"package\":\"ab\",\"code_bytes\":7}"));
    EXPECT_INT(config_from_json(a, buf_view(&one), &back), 0);
    config_json(&two, &back);
    EXPECT_STR(buf_view(&two), buf_view(&one));
    EXPECT(str_absent(back.system_log_level));
    config_copy(a, &back, &copy);
    config_json(&three, &copy);
    EXPECT_STR(buf_view(&three), buf_view(&one));
    EXPECT_INT(config_from_json(a, STR("[]"), &back), -E_INVALID);
    buf_done(&one);
    buf_done(&two);
    buf_done(&three);
    arena_free(a);
}

TEST(settings, words)
{
    EXPECT(runtime_is_deprecated(STR("python3.7")) && runtime_is_deprecated(STR("provided")) &&
           runtime_is_deprecated(STR("go1.x")));
    EXPECT(!runtime_is_deprecated(STR("python3.12")) && !runtime_is_deprecated(STR("provided.al2023")));
    EXPECT(env_name_is_reserved(STR("AWS_REGION")) && !env_name_is_reserved(STR("AWS_REGIONS")));
}

UNIT_MAIN
