/* What happens to an event whose target fails, to many events at once, to schedules over time; and that all
 * of it is there again after a restart. */
#include "test/aborts.h"
#include "world.h"
#include "service/events/sift.h"

#include "flow/explain.h"

#define QUEUE(name) STR("arn:aws:sqs:us-east-1:000000000000:" name)
#define BUS "arn:aws:events:us-east-1:000000000000:event-bus/"
#define PATTERN "{\"source\":[\"s\"]}"
#define MINUTE ((int64_t)60000)
#define HOUR (60 * MINUTE)

static struct str attribute(const struct sent *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_is(s->names[i], name))
            return s->values[i];
    return STR_NONE;
}

static void bad_target(struct world *w, int64_t retries, int64_t age_s)
{
    struct events_DeadLetterConfig dead = { QUEUE("dead") };
    struct events_RetryPolicy retry = { INT_SET(retries), INT_SET(age_s) };
    struct events_Target t = { .Id = STR("t"),
                               .Arn = QUEUE("bad"),
                               .DeadLetterConfig = &dead,
                               .RetryPolicy = &retry,
                               .Input = STR("\"made\"") };

    world_rule(w, "r", PATTERN, NULL);
    world_targets(w, "r", &t, 1);
}

TEST(retry, delivered_after_two_failures_and_a_restart)
{
    struct world w;
    int64_t at;

    world_open(&w);
    bad_target(&w, 5, 86400);
    w.answer = DELIVERY_FAILED;
    world_put(&w, "{\"n\":1}");
    world_restart(&w);
    while (w.tries < 3)
        world_advance(&w, 100);
    at = w.turn.now.wall_ms;
    EXPECT(at >= START_MS + 1500 && at <= START_MS + 3300); /* 0.5-1 s, then 1-2 s */
    w.answer = DELIVERED;
    world_advance(&w, HOUR);
    EXPECT_INT(w.tries, 4);
    EXPECT_INT(w.n_sent, 1);
    EXPECT_STR(w.sent[0].body, STR("\"made\""));
    EXPECT_STR(w.sent[0].source, STR("arn:aws:events:us-east-1:000000000000:rule/r"));
    EXPECT_STR(w.sent[0].trace, STR("Root=1;Lineage=2:x:0"));
    EXPECT_INT(outbox_count(w.outbox), 0);
    world_close(&w);
}

static void expect_dead(const struct world *w, const char *code, const char *exhausted, const char *retries,
                        struct str id)
{
    const struct sent *s = &w->sent[0];

    EXPECT_INT(w->n_sent, 1);
    EXPECT_STR(s->target, QUEUE("dead"));
    EXPECT(str_find_str(s->body, id) >= 0 && str_starts(s->body, STR("{\"version\":\"0\"")));
    EXPECT_STR(attribute(s, "RULE_ARN"), STR("arn:aws:events:us-east-1:000000000000:rule/r"));
    EXPECT_STR(attribute(s, "TARGET_ARN"), QUEUE("bad"));
    EXPECT_STR(attribute(s, "ERROR_CODE"), str_of(code));
    EXPECT(!str_empty(attribute(s, "ERROR_MESSAGE")));
    EXPECT_STR(attribute(s, "EXHAUSTED_RETRY_CONDITION"), str_of(exhausted));
    EXPECT_STR(attribute(s, "RETRY_ATTEMPTS"), str_of(retries));
    EXPECT_INT(s->n, exhausted != NULL ? 6 : 5);
    EXPECT_INT(outbox_count(w->outbox), 0);
}

TEST(retry, exhausted_by_number)
{
    struct world w;
    struct str id;

    world_open(&w);
    bad_target(&w, 3, 86400);
    w.answer = DELIVERY_FAILED;
    id = world_put(&w, "{}");
    world_advance(&w, HOUR);
    EXPECT_INT(w.tries, 4);
    expect_dead(&w, "INTERNAL_ERROR", "MaximumRetryAttempts", "3", id);
    world_close(&w);
}

TEST(retry, exhausted_by_age)
{
    struct world w;
    struct str id;
    size_t tries;
    char text[8];

    world_open(&w);
    bad_target(&w, 185, 60);
    w.answer = DELIVERY_FAILED;
    id = world_put(&w, "{}");
    world_advance(&w, 59 * 1000);
    EXPECT_INT(w.n_sent, 0);
    tries = w.tries;
    world_advance(&w, 1000);
    snprintf(text, sizeof(text), "%zu", w.tries - 1);
    EXPECT(w.tries <= tries + 1);
    EXPECT_INT(w.sent[0].at_ms, START_MS + 60000); /* not before, not later */
    expect_dead(&w, "INTERNAL_ERROR", "MaximumEventAgeInSeconds", text, id);
    world_close(&w);
}

TEST(retry, none_wanted)
{
    struct world w;
    struct str id;

    world_open(&w);
    bad_target(&w, 0, 86400);
    w.answer = DELIVERY_FAILED;
    id = world_put(&w, "{}");
    EXPECT_INT(w.tries, 1);
    expect_dead(&w, "INTERNAL_ERROR", "MaximumRetryAttempts", "0", id);
    world_close(&w);
}

TEST(retry, final_failures_are_not_tried_again)
{
    static const struct {
        enum delivery answer;
        const char *code;
    } rows[] = {
        { DELIVERY_NO_PERMISSION, "NO_PERMISSIONS" },
        { DELIVERY_NO_RESOURCE, "NO_RESOURCE" },
        { DELIVERY_REFUSED, "SDK_CLIENT_ERROR" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        struct str id;

        world_open(&w);
        bad_target(&w, 185, 86400);
        w.answer = rows[i].answer;
        id = world_put(&w, "{}");
        EXPECT_INT(w.tries, 1);
        expect_dead(&w, rows[i].code, NULL, "0", id);
        world_close(&w);
    }
}

TEST(retry, a_rule_or_target_that_went_takes_its_events_along)
{
    struct events_RemoveTargetsRequest in = { .Rule = STR("r"), .Ids = { true, 1, &(struct str){ "t", 1 } } };
    struct events_RemoveTargetsResponse out = { 0 };
    struct world w;

    world_open(&w);
    bad_target(&w, 185, 86400);
    w.answer = DELIVERY_FAILED;
    world_put(&w, "{}");
    EXPECT_INT(say(&w, "RemoveTargets", &in, &out), 0);
    world_advance(&w, HOUR);
    EXPECT_INT(w.tries, 1);
    EXPECT_INT(w.n_sent, 0);
    EXPECT_INT(outbox_count(w.outbox), 0);
    world_close(&w);
}

TEST(retry, back_off)
{
    for (unsigned made = 1; made < 300; made++) {
        int64_t most = made < 10 ? (int64_t)1000 << (made - 1) : 480000;

        EXPECT_INT(publish_backoff_ms(made, 0), MIN(most, 480000) / 2);
        for (uint64_t random = 1; random < UINT64_MAX / 3; random *= 3) {
            int64_t ms = publish_backoff_ms(made, random);

            EXPECT(ms >= MIN(most, 480000) / 2 && ms <= MIN(most, 480000));
        }
    }
}

/* ---- deep and odd ---- */

static struct str nested(struct arena *a, int depth)
{
    struct buf b = { 0 };
    struct str s;

    buf_z(&b, "{\"a\":");
    for (int i = 1; i < depth; i++)
        buf_char(&b, '[');
    for (int i = 1; i < depth; i++)
        buf_char(&b, ']');
    buf_char(&b, '}');
    s = buf_to_arena(&b, a);
    buf_done(&b);
    return s;
}

TEST(put, as_deep_as_can_be_read)
{
    struct events_PutEventsRequestEntry e = { .Source = STR("s"), .DetailType = STR("d") };
    struct events_PutEventsRequest in = { .Entries = { true, 1, &e } };
    struct world w;

    world_open(&w);
    bad_target(&w, 5, 86400);
    w.answer = DELIVERY_FAILED;
    for (int depth = JSON_MAX_DEPTH - 3; depth <= JSON_MAX_DEPTH + 2; depth++) {
        struct events_PutEventsResponse out = { 0 };

        e.Detail = nested(w.mem, depth);
        EXPECT_INT(say(&w, "PutEvents", &in, &out), 0);
        EXPECT_INT(out.FailedEntryCount.v, depth < JSON_MAX_DEPTH ? 0 : 1);
        if (depth >= JSON_MAX_DEPTH)
            EXPECT_STR(out.Entries.v[0].ErrorCode, STR("MalformedDetail"));
    }
    w.answer = DELIVERED;
    world_advance(&w, HOUR); /* through the outbox and back */
    EXPECT_INT(w.n_sent, 3);
    world_close(&w);
}

TEST(put, odd_texts)
{
    struct events_PutEventsRequestEntry e = { .Source = STR("s"),
                                              .DetailType = STR("\0\"\\\xff"),
                                              .Detail = STR("{\"a\":1e999,\"a\":\"\\ud800\"}"),
                                              .Time = TIME_SET(INT64_MAX / 2) };
    struct events_PutEventsRequest in = { .Entries = { true, 1, &e } };
    struct events_PutEventsResponse out = { 0 };
    struct events_Target t = { .Id = STR("t"), .Arn = QUEUE("q") };
    struct world w;
    int r;

    world_open(&w);
    world_rule(&w, "r", PATTERN, NULL);
    world_targets(&w, "r", &t, 1);
    r = say(&w, "PutEvents", &in, &out);
    EXPECT_INT(r, 0);
    EXPECT_INT(json_check(w.n_sent > 0 ? w.sent[0].body : STR("{}"), NULL), 0);
    world_close(&w);
}

/* ---- many at once ---- */

TEST(turn, more_deliveries_than_a_turn_makes)
{
    struct events_Target v[5];
    struct world w;
    char name[16];

    world_open(&w);
    for (int i = 0; i < 5; i++)
        v[i] = (struct events_Target){ .Id = str_make(&"abcde"[i], 1), .Arn = QUEUE("q") };
    for (int i = 0; i < 250; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        world_rule(&w, name, PATTERN, NULL);
        world_targets(&w, name, v, 5);
    }
    world_put(&w, "{}");
    EXPECT_INT(w.n_sent, PUBLISH_PER_TURN);
    EXPECT_INT(outbox_count(w.outbox), 250);
    world_restart(&w); /* what was put off is not lost */
    world_run(&w);
    EXPECT_INT(w.n_sent, 1250);
    EXPECT_INT(outbox_count(w.outbox), 0);
    EXPECT_STR(w.sent[1249].body, w.sent[0].body);
    world_close(&w);
}

TEST(bus, an_event_goes_one_bus_far)
{
    struct events_Target to_b[] = {
        { .Id = STR("t"), .Arn = STR(BUS "b"), .RoleArn = STR("arn:aws:iam::000000000000:role/x") },
        { .Id = STR("self"), .Arn = STR(BUS "default"), .RoleArn = STR("arn:aws:iam::000000000000:role/x") }
    };
    struct events_Target back[] = {
        { .Id = STR("t"), .Arn = STR(BUS "default"), .RoleArn = STR("arn:aws:iam::000000000000:role/x") },
        { .Id = STR("q"), .Arn = QUEUE("q") }
    };
    struct events_CreateEventBusRequest b = { .Name = STR("b") };
    struct events_CreateEventBusResponse made = { 0 };
    struct events_PutRuleRequest rule = { .Name = STR("r"),
                                          .EventPattern = STR(PATTERN),
                                          .EventBusName = STR("b") };
    struct events_PutRuleResponse ruled = { 0 };
    struct events_PutTargetsRequest targets = { .Rule = STR("r"),
                                                .EventBusName = STR(BUS "b"),
                                                .Targets = { true, 2, back } };
    struct events_PutTargetsResponse out = { 0 };
    struct world w;

    world_open(&w);
    EXPECT_INT(say(&w, "CreateEventBus", &b, &made), 0);
    EXPECT_INT(say(&w, "PutRule", &rule, &ruled), 0);
    EXPECT_STR(ruled.RuleArn, STR("arn:aws:events:us-east-1:000000000000:rule/b/r"));
    EXPECT_INT(say(&w, "PutTargets", &targets, &out), 0);
    EXPECT_INT(out.FailedEntryCount.v, 0);
    world_rule(&w, "r", PATTERN, NULL);
    world_targets(&w, "r", to_b, 2);
    world_put(&w, "{}");
    EXPECT_INT(w.n_sent, 1);
    EXPECT_STR(w.sent[0].target, QUEUE("q"));
    w.role = ROLE_DENIED;
    world_put(&w, "{}");
    EXPECT_INT(w.n_sent, 1);
    w.role = ROLE_UNKNOWN; /* passes where permissions are not strict */
    world_put(&w, "{}");
    EXPECT_INT(w.n_sent, 2);
    world_close(&w);
}

/* ---- the sink ---- */

TEST(sink, what_others_hand_over)
{
    struct str to = STR(BUS "default");
    struct parcel p = { .body = STR("{ \"a\" : 1 }"),
                        .detail_type = "Lambda Function Invocation Result - Success",
                        .from.arn = STR("arn:aws:lambda:eu-west-1:111111111111:function:f:$LATEST"),
                        .trace_header = STR("Root=1-2;Lineage=2:x:0;Sampled=0") };
    struct events_Target t = { .Id = STR("t"), .Arn = QUEUE("q") };
    struct buf why = { 0 };
    struct world w;

    world_open(&w);
    world_rule(&w, "r", "{\"source\":[\"lambda\",\"aws.s3\"]}", NULL);
    world_targets(&w, "r", &t, 1);
    EXPECT_INT(hand_in(&w.sinks, &w.turn, to, &p, &why), DELIVERED);
    EXPECT_INT(w.n_sent, 1);
    EXPECT_STR(
        w.sent[0].body,
        arena_printf(w.mem,
                     "{\"version\":\"0\",\"id\":\"" STR_FMT
                     "\",\"detail-type\":\"Lambda Function Invocation Result - Success\","
                     "\"source\":\"lambda\",\"account\":\"111111111111\",\"time\":\"2027-01-15T08:00:00Z\","
                     "\"region\":\"eu-west-1\",\"resources\":[\"" BUS "default\","
                     "\"arn:aws:lambda:eu-west-1:111111111111:function:f:$LATEST\"],\"detail\":{\"a\":1}}",
                     STR_ARG(buf_view(&why))));
    EXPECT_STR(w.sent[0].trace, STR("Root=1-2;Sampled=0")); /* no count of executions goes on */
    p = (struct parcel){ .body = STR("{}"),
                         .detail_type = "Object Created",
                         .event_source = "aws.s3",
                         .from.arn = STR("arn:aws:s3:::bucket") };
    buf_clear(&why);
    EXPECT_INT(hand_in(&w.sinks, &w.turn, to, &p, &why), DELIVERED);
    EXPECT_STR(w.sent[1].body,
               arena_printf(w.mem,
                            "{\"version\":\"0\",\"id\":\"" STR_FMT
                            "\",\"detail-type\":\"Object Created\",\"source\":\"aws.s3\","
                            "\"account\":\"000000000000\",\"time\":\"2027-01-15T08:00:00Z\",\"region\":\"us-"
                            "east-1\",\"resources\":[\"arn:aws:s3:::bucket\"],\"detail\":{}}",
                            STR_ARG(buf_view(&why))));
    p.body = STR("[]");
    EXPECT_INT(hand_in(&w.sinks, &w.turn, to, &p, &why), DELIVERY_REFUSED);
    to = STR(BUS "nobody");
    EXPECT_INT(hand_in(&w.sinks, &w.turn, to, &p, &why), DELIVERY_NO_RESOURCE);
    to = STR("arn:aws:events:us-east-1:000000000000:rule/r");
    EXPECT_INT(hand_in(&w.sinks, &w.turn, to, &p, &why), DELIVERY_NO_RESOURCE);
    buf_done(&why);
    world_close(&w);
}

TEST(sink, what_it_says_of_an_arn)
{
    static const struct {
        const char *arn;
        enum sink_state want;
    } rows[] = {
        { BUS "default", SINK_OK },
        { BUS "nobody", SINK_MISSING },
        { BUS, SINK_WRONG_KIND },
        { "arn:aws:events:us-east-1:000000000000:rule/r", SINK_WRONG_KIND },
        { "arn:aws:events:eu-west-1:111111111111:event-bus/default", SINK_OK },
    };
    struct world w;

    world_open(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_INT(door_find(&w.sinks, &w.turn, str_of(rows[i].arn)).state, rows[i].want);
    EXPECT(door_find(&w.sinks, &w.turn, STR(BUS "default")).most_bytes < EVENTS_ENTRY_BYTES);
    EXPECT(door_find(&w.sinks, &w.turn, STR(BUS "default")).most_bytes > EVENTS_ENTRY_BYTES - 1024);
    world_close(&w);
}

TEST(sink, where_a_bus_hands_things_on_to)
{
    struct events_Target v[] = {
        { .Id = STR("q"), .Arn = QUEUE("q") },
        { .Id = STR("b"), .Arn = STR(BUS "b"), .RoleArn = STR("arn:aws:iam::000000000000:role/x") }
    };
    struct explain_onward onward[4];
    struct world w;
    struct door d;

    world_open(&w);
    world_rule(&w, "r", PATTERN, NULL);
    world_targets(&w, "r", v, 2);
    d = door_find(&w.sinks, &w.turn, STR(BUS "default"));
    EXPECT_INT(d.sink->onward(&d, w.mem, onward, ARRAY_LEN(onward)), 1);
    EXPECT_STR(onward[0].from, STR("arn:aws:events:us-east-1:000000000000:rule/r"));
    EXPECT_STR(onward[0].to, QUEUE("q"));
    EXPECT(onward[0].may);
    d = door_find(&w.sinks, &w.turn, STR(BUS "b"));
    EXPECT_INT(d.sink->onward(&d, w.mem, onward, ARRAY_LEN(onward)), 0);
    world_close(&w);
}

/* ---- schedules ---- */

static void scheduled(struct world *w, const char *expression)
{
    struct events_Target t = { .Id = STR("t"), .Arn = QUEUE("q"), .Input = STR("1") };

    world_rule(w, "tick", NULL, expression);
    world_targets(w, "tick", &t, 1);
}

TEST(schedule, a_rate_counts_from_its_making)
{
    struct world w;

    world_open(&w);
    scheduled(&w, "rate(5 minutes)");
    world_advance(&w, 12 * MINUTE);
    EXPECT_INT(w.n_sent, 2);
    EXPECT_INT(w.sent[0].at_ms, START_MS + 5 * MINUTE);
    EXPECT_INT(w.sent[1].at_ms, START_MS + 10 * MINUTE);
    scheduled(&w, "rate(5 minutes)"); /* the same again: goes on counting */
    world_advance(&w, 3 * MINUTE);
    EXPECT_INT(w.n_sent, 3);
    scheduled(&w, "rate(1 minute)"); /* another: counts anew */
    world_advance(&w, MINUTE - 1);
    EXPECT_INT(w.n_sent, 3);
    world_advance(&w, 1);
    EXPECT_INT(w.n_sent, 4);
    world_close(&w);
}

TEST(schedule, a_clock_that_is_moved_fires_once)
{
    struct world w;

    world_open(&w);
    scheduled(&w, "rate(5 minutes)");
    world_jump(&w, 23 * MINUTE);
    EXPECT_INT(w.n_sent, 1);
    world_advance(&w, 2 * MINUTE); /* and is in step again */
    EXPECT_INT(w.n_sent, 2);
    EXPECT_INT(w.sent[1].at_ms, START_MS + 25 * MINUTE);
    world_close(&w);
}

TEST(schedule, a_restart_does_not_fire_twice)
{
    struct world w;

    world_open(&w);
    scheduled(&w, "cron(0 * * * ? *)");
    world_advance(&w, HOUR);
    EXPECT_INT(w.n_sent, 1);
    world_restart(&w);
    world_run(&w);
    EXPECT_INT(w.n_sent, 1);
    world_advance(&w, HOUR);
    EXPECT_INT(w.n_sent, 2);
    w.turn.now.wall_ms += 3 * HOUR; /* down for three hours: once when it is back */
    world_restart(&w);
    world_run(&w);
    EXPECT_INT(w.n_sent, 3);
    world_close(&w);
}

TEST(schedule, a_reset_stops_it)
{
    struct world w;

    world_open(&w);
    scheduled(&w, "rate(1 minute)");
    events_reset(w.events, &w.turn);
    EXPECT(heap_first(&w.timers) == NULL);
    world_advance(&w, HOUR);
    EXPECT_INT(w.n_sent, 0);
    events_load(w.events, &w.turn); /* the store was not emptied: as after a failed turn */
    world_run(&w);
    EXPECT_INT(w.n_sent, 1);
    world_close(&w);
}

TEST(schedule, is_no_work)
{
    struct world w;
    struct heap_node *h;

    world_open(&w);
    scheduled(&w, "rate(1 minute)");
    h = heap_first(&w.timers);
    EXPECT(h != NULL && !CONTAINER_OF(h, struct timer, node)->work);
    world_close(&w);
}

/* ---- everything is kept ---- */

TEST(restart, everything_is_there_again)
{
    struct events_DeadLetterConfig dead = { QUEUE("dead") };
    struct events_TransformerPaths_entry path = { STR("a"), STR("$.detail.a") };
    struct events_InputTransformer tr = { .InputPathsMap = { true, 1, &path },
                                          .InputTemplate = STR("{\"x\":<a>}") };
    struct events_Target t = { .Id = STR("t"),
                               .Arn = QUEUE("q.fifo"),
                               .SqsParameters = &(struct events_SqsParameters){ STR("g") },
                               .DeadLetterConfig = &dead,
                               .InputTransformer = &tr };
    struct events_CreateEventBusRequest b = { .Name = STR("b"), .Description = STR("mine") };
    struct events_CreateEventBusResponse made = { 0 };
    struct events_PutPermissionRequest may = { .EventBusName = STR("b"),
                                               .Action = STR("events:PutEvents"),
                                               .Principal = STR("*"),
                                               .StatementId = STR("s") };
    struct events_DescribeEventBusRequest ask = { STR("b") };
    struct events_DescribeEventBusResponse before = { 0 }, after = { 0 };
    struct events_ListTargetsByRuleRequest list = { .Rule = STR("r") };
    struct events_ListTargetsByRuleResponse listed = { 0 };
    struct world w;

    world_open(&w);
    EXPECT_INT(say(&w, "CreateEventBus", &b, &made), 0);
    EXPECT_INT(say(&w, "PutPermission", &may, NULL), 0);
    EXPECT_INT(say(&w, "DescribeEventBus", &ask, &before), 0);
    world_rule(&w, "r", PATTERN, NULL);
    world_targets(&w, "r", &t, 1);
    world_restart(&w);
    EXPECT_INT(say(&w, "DescribeEventBus", &ask, &after), 0);
    EXPECT_STR(after.Policy, before.Policy);
    EXPECT_STR(after.Description, STR("mine"));
    EXPECT_INT(after.CreationTime.ms, before.CreationTime.ms);
    EXPECT_INT(say(&w, "ListTargetsByRule", &list, &listed), 0);
    EXPECT_INT(listed.Targets.n, 1);
    EXPECT_STR(listed.Targets.v[0].InputTransformer->InputTemplate, STR("{\"x\":<a>}"));
    world_put(&w, "{\"a\":[1, 2]}");
    EXPECT_INT(w.n_sent, 1);
    EXPECT_STR(w.sent[0].body, STR("{\"x\":[1,2]}"));
    EXPECT_STR(w.sent[0].group, STR("g"));
    world_close(&w);
}

/* ---- limits, and who is asked ---- */

TEST(limit, a_hundred_buses)
{
    struct events_CreateEventBusRequest in = { .Name = STR_NONE };
    struct events_CreateEventBusResponse out = { 0 };
    struct world w;
    char name[16];

    world_open(&w);
    for (int i = 0; i < EVENTS_BUSES_MOST; i++) {
        snprintf(name, sizeof(name), "b%d", i);
        in.Name = str_of(name);
        EXPECT_INT(say(&w, "CreateEventBus", &in, &out), 0);
    }
    in.Name = STR("more");
    EXPECT_INT(say(&w, "CreateEventBus", &in, &out), -E_FAULT);
    EXPECT(w.fault.row == &events_error_LimitExceededException);
    EXPECT_STR(w.fault.message, STR("The requested resource exceeds the maximum number allowed."));
    world_close(&w);
}

/* Bytes without white space; at the limit it is kept, one more is refused and changes nothing. */
TEST(limit, the_policy_of_a_bus)
{
    struct events_CreateEventBusRequest bus = { .Name = STR("b") };
    struct events_CreateEventBusResponse made = { 0 };
    struct events_PutPermissionRequest in = { .EventBusName = STR("b") };
    struct world w;

    world_open(&w);
    EXPECT_INT(say(&w, "CreateEventBus", &bus, &made), 0);
    for (size_t more = 0; more < 2; more++) {
        CLEANUP(buf_done) struct buf b = { 0 };

        buf_z(&b,
              "{\"Statement\": [{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"events:PutEvents\","
              "\"Resource\":\"" BUS "b\",\"Sid\":\"");
        while (b.n < 10240 + 1 - strlen("\"}]}") + more)
            buf_char(&b, 's');
        buf_z(&b, "\"}]}");
        in.Policy = buf_view(&b);
        EXPECT_INT(say(&w, "PutPermission", &in, NULL), more == 0 ? 0 : -E_FAULT);
        if (more > 0) {
            EXPECT(w.fault.row == &events_error_PolicyLengthExceededException);
            EXPECT_STR(w.fault.message, STR("The policy is longer than 10240 bytes."));
        }
    }
    world_close(&w);
}

TEST(limit, fifty_tags)
{
    struct events_Tag v[51];
    struct events_TagResourceRequest in = { .ResourceARN = STR(BUS "default"), .Tags = { true, 51, v } };
    struct events_ListTagsForResourceRequest ask = { STR(BUS "default") };
    struct events_ListTagsForResourceResponse out = { 0 };
    char keys[51][16];
    struct world w;

    world_open(&w);
    for (int i = 0; i < 51; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        v[i] = (struct events_Tag){ str_of(keys[i]), STR("v") };
    }
    EXPECT_INT(say(&w, "TagResource", &in, NULL), -E_FAULT);
    EXPECT_INT(say(&w, "ListTagsForResource", &ask, &out), 0);
    EXPECT_INT(out.Tags.n, 0);
    in.Tags.n = 50;
    EXPECT_INT(say(&w, "TagResource", &in, NULL), 0);
    v[0].Value = STR("w");
    v[1] = v[0];
    v[1].Value = STR("x"); /* the last of one key counts */
    in.Tags.n = 2;
    EXPECT_INT(say(&w, "TagResource", &in, NULL), 0);
    EXPECT_INT(say(&w, "ListTagsForResource", &ask, &out), 0);
    EXPECT_INT(out.Tags.n, 50);
    EXPECT_STR(out.Tags.v[0].Value, STR("x"));
    in.ResourceARN = STR("arn:aws:events:us-east-1:000000000000:archive/a");
    EXPECT_INT(say(&w, "TagResource", &in, NULL), -E_FAULT);
    world_close(&w);
}

static struct buf asked;

static int denied(void *arg UNUSED, struct call *c, const char *action, const struct resource *what)
{
    buf_printf(&asked, "%s " STR_FMT ";", action, STR_ARG(what->arn));
    return call_fault(c, &error_access_denied, "no");
}

TEST(authorize, each_operation_asks)
{
#define RULE "arn:aws:events:us-east-1:000000000000:rule/"
    const struct str r = STR("r"), b = STR("b");
    struct events_Target t = { .Id = r, .Arn = QUEUE("q") };
    struct events_PutEventsRequestEntry e = { .EventBusName = b };
    const struct {
        const char *op;
        const void *input;
        const char *want;
    } rows[] = {
        { "CreateEventBus", &(struct events_CreateEventBusRequest){ .Name = b },
          "events:CreateEventBus " BUS "b;" },
        { "DeleteEventBus", &(struct events_DeleteEventBusRequest){ b }, "events:DeleteEventBus " BUS "b;" },
        { "DescribeEventBus", &(struct events_DescribeEventBusRequest){ STR(BUS "b") },
          "events:DescribeEventBus " BUS "b;" },
        { "UpdateEventBus", &(struct events_UpdateEventBusRequest){ .Name = b },
          "events:UpdateEventBus " BUS "b;" },
        { "ListEventBuses", &(struct events_ListEventBusesRequest){ .NamePrefix = b },
          "events:ListEventBuses *;" },
        { "PutRule", &(struct events_PutRuleRequest){ .Name = r, .EventBusName = b },
          "events:PutRule " RULE "b/r;" },
        { "DescribeRule", &(struct events_DescribeRuleRequest){ .Name = r },
          "events:DescribeRule " RULE "r;" },
        { "DeleteRule", &(struct events_DeleteRuleRequest){ .Name = r }, "events:DeleteRule " RULE "r;" },
        { "EnableRule", &(struct events_EnableRuleRequest){ .Name = r }, "events:EnableRule " RULE "r;" },
        { "DisableRule", &(struct events_DisableRuleRequest){ .Name = r }, "events:DisableRule " RULE "r;" },
        { "ListRules", &(struct events_ListRulesRequest){ .EventBusName = b }, "events:ListRules " BUS "b;" },
        { "PutTargets", &(struct events_PutTargetsRequest){ .Rule = r, .Targets = { true, 1, &t } },
          "events:PutTargets " RULE "r;" },
        { "RemoveTargets", &(struct events_RemoveTargetsRequest){ .Rule = r },
          "events:RemoveTargets " RULE "r;" },
        { "ListTargetsByRule", &(struct events_ListTargetsByRuleRequest){ .Rule = r },
          "events:ListTargetsByRule " RULE "r;" },
        { "ListRuleNamesByTarget", &(struct events_ListRuleNamesByTargetRequest){ .TargetArn = r },
          "events:ListRuleNamesByTarget " BUS "default;" },
        { "PutPermission", &(struct events_PutPermissionRequest){ .EventBusName = b },
          "events:PutPermission " BUS "b;" },
        { "RemovePermission", &(struct events_RemovePermissionRequest){ .EventBusName = b },
          "events:RemovePermission " BUS "b;" },
        { "PutEvents", &(struct events_PutEventsRequest){ .Entries = { true, 1, &e } },
          "events:PutEvents " BUS "b;" },
        { "TestEventPattern", &(struct events_TestEventPatternRequest){ r, r },
          "events:TestEventPattern *;" },
        { "TagResource", &(struct events_TagResourceRequest){ .ResourceARN = STR(RULE "b/r") },
          "events:TagResource " RULE "b/r;" },
        { "UntagResource", &(struct events_UntagResourceRequest){ .ResourceARN = STR(RULE "r") },
          "events:UntagResource " RULE "r;" },
        { "ListTagsForResource", &(struct events_ListTagsForResourceRequest){ STR(BUS "b") },
          "events:ListTagsForResource " BUS "b;" },
    };
    struct world w;

    world_open(&w);
    EXPECT_INT(events_service(w.events).n_handlers, ARRAY_LEN(rows));
    w.gate = &(struct gate){ denied, NULL };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char output[512] = { 0 };

        buf_clear(&asked);
        EXPECT_INT(say(&w, rows[i].op, rows[i].input, output), -E_FAULT);
        EXPECT(w.fault.row == &error_access_denied);
        EXPECT_STR(buf_view(&asked), str_of(rows[i].want));
    }
    buf_done(&asked);
    world_close(&w);
}

/* ---- events whose matching is too much for a turn ---- */

/* 1,000 numbers asked of each of 40,000 elements, of which the last is the one. */
static const char *heavy_pattern(struct buf *b)
{
    for (int i = 0; i < 1000; i++)
        buf_printf(b, "%s%d", i > 0 ? "," : "{\"detail\":{\"a\":[", i);
    buf_z(b, "]}}");
    buf_char(b, '\0');
    return b->p;
}

static const char *heavy_detail(struct buf *b)
{
    for (int i = 0; i < 40000; i++)
        buf_z(b, i > 0 ? ",5000" : "{\"a\":[5000");
    buf_z(b, ",999]}");
    buf_char(b, '\0');
    return b->p;
}

static void heavy_world(struct world *w)
{
    CLEANUP(buf_done) struct buf pattern = { 0 };
    struct events_Target t = { .Id = STR("t"), .Arn = QUEUE("good"), .Input = STR("\"made\"") };

    world_open(w);
    world_rule(w, "heavy", heavy_pattern(&pattern), NULL);
    world_rule(w, "light", "{\"source\":[\"s\"]}", NULL);
    world_rule(w, "other", "{\"source\":[\"x\"]}", NULL);
    world_targets(w, "heavy", &t, 1);
    world_targets(w, "light", &t, 1);
    world_targets(w, "other", &t, 1);
}

TEST(sift, goes_on_elsewhere_and_is_durable)
{
    CLEANUP(buf_done) struct buf detail = { 0 };
    struct world w;

    heavy_world(&w);
    world_put(&w, heavy_detail(&detail));
    EXPECT_INT(w.n_sent, 0); /* nobody was told yet, and the row is there */
    EXPECT_INT(outbox_count(w.outbox), 1);
    EXPECT(w.events->sift.turn_ns == 0 || w.events->sift.left >= ELSEWHERE_TURN_STEPS - PATTERN_TURN_STEPS);
    world_restart(&w);
    EXPECT_INT(outbox_count(w.outbox), 1);
    world_advance(&w, 0);
    EXPECT_INT(w.n_sent, 2);
    EXPECT_INT(outbox_count(w.outbox), 0);
    EXPECT(w.events->sift.job == NULL);
    /* an event like any other meets them in its own turn */
    world_put(&w, "{\"a\":[1,2,999]}");
    EXPECT_INT(w.n_sent, 4);
    world_close(&w);
}

TEST(sift, one_after_the_other)
{
    CLEANUP(buf_done) struct buf detail = { 0 };
    struct world w;

    heavy_world(&w);
    heavy_detail(&detail);
    for (int i = 0; i < 4; i++)
        world_put(&w, detail.p);
    EXPECT_INT(outbox_count(w.outbox), 4);
    world_advance(&w, 0);
    EXPECT_INT(w.n_sent, 8);
    EXPECT_INT(outbox_count(w.outbox), 0);
    EXPECT_INT(w.events->sift.n, 0);
    world_close(&w);
}

/* A rule that goes while the job runs is not told. */
static struct world *meddled;
static void (*meddled_done)(void *arg, struct turn *t);
static void meddle(void *arg, struct turn *t)
{
    struct events_DeleteRuleRequest in = { .Name = STR("light") };
    struct events_RemoveTargetsRequest targets = { .Rule = STR("light"),
                                                   .Ids = { true, 1, &(struct str){ "t", 1 } } };
    struct events_RemoveTargetsResponse out = { 0 };

    if (rule_find(bus_find(meddled->events, ACCOUNT, REGION, STR("default")), STR("light")) != NULL) {
        EXPECT_INT(say(meddled, "RemoveTargets", &targets, &out), 0);
        EXPECT_INT(say(meddled, "DeleteRule", &in, NULL), 0);
    }
    meddled_done(arg, t);
}
static void meddling_work(void *engine, void (*run)(void *arg), void (*done)(void *arg, struct turn *t),
                          void *arg)
{
    run(arg);
    meddled_done = done;
    w_soon(engine, meddle, arg);
}

TEST(sift, rules_that_went_are_not_told)
{
    CLEANUP(buf_done) struct buf detail = { 0 };
    struct turn_ops ops = world_ops;
    struct world w;

    heavy_world(&w);
    meddled = &w;
    ops.work = meddling_work;
    w.turn.ops = &ops;
    world_put(&w, heavy_detail(&detail));
    world_advance(&w, 0);
    EXPECT_INT(w.n_sent, 1);
    EXPECT_STR(w.sent[0].source, STR("arn:aws:events:us-east-1:000000000000:rule/heavy"));
    EXPECT_INT(outbox_count(w.outbox), 0);
    world_close(&w);
}

/* The state is read again while the job runs: its row is due again, and once is enough. */
static void reloading_work(void *engine, void (*run)(void *arg), void (*done)(void *arg, struct turn *t),
                           void *arg)
{
    struct world *w = engine;

    w_work(engine, run, done, arg);
    w->turn.ops = &world_ops;
    events_load(w->events, &w->turn);
    outbox_load(w->outbox, &w->turn);
}

TEST(sift, a_job_of_older_state_is_dropped)
{
    CLEANUP(buf_done) struct buf detail = { 0 };
    struct turn_ops ops = world_ops;
    struct world w;

    heavy_world(&w);
    ops.work = reloading_work;
    w.turn.ops = &ops;
    world_put(&w, heavy_detail(&detail));
    world_advance(&w, 0);
    EXPECT_INT(w.n_sent, 2);
    EXPECT_INT(outbox_count(w.outbox), 0);
    world_close(&w);
}

/* A row that is none of ours is damage, whichever member is bent; a whole one is an event. */
TEST(sift, a_bent_row_is_damage)
{
#define PLACE "\"account\":\"000000000000\",\"region\":\"us-east-1\",\"bus\":\"default\","
    static const struct {
        const char *payload;
        int result;
    } rows[] = {
        { "{" PLACE
          "\"ingested\":1,\"forwarded\":false,\"event\":\"{\\\"source\\\":\\\"s\\\",\\\"detail\\\":{}}\"}",
          0 },
        { "{", -E_DAMAGED },
        { "[]", -E_DAMAGED },
        { "{" PLACE "\"forwarded\":false,\"event\":\"{}\"}", -E_DAMAGED },
        { "{" PLACE "\"ingested\":\"x\",\"forwarded\":false,\"event\":\"{}\"}", -E_DAMAGED },
        { "{" PLACE "\"ingested\":1,\"event\":\"{}\"}", -E_DAMAGED },
        { "{" PLACE "\"ingested\":1,\"forwarded\":false}", -E_DAMAGED },
        { "{" PLACE "\"ingested\":1,\"forwarded\":false,\"event\":\"{\"}", -E_DAMAGED },
    };
#undef PLACE

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outbox_item item = { .id = 7, .payload = str_of(rows[i].payload) };
        struct parked_event got;
        struct world w;

        world_open(&w);
        EXPECT_INT(event_unpark(&w.turn, w.mem, &item, &got), rows[i].result);
        EXPECT_INT(str_absent(store_damage(w.store)), rows[i].result == 0);
        world_close(&w);
    }
}

TEST(sift, a_trial_goes_on_elsewhere)
{
    CLEANUP(buf_done) struct buf pattern = { 0 }, detail = { 0 }, event = { 0 };
    struct events_TestEventPatternRequest in = { 0 };
    struct events_TestEventPatternResponse out = { 0 };
    struct events *e;
    struct world w;

    world_open(&w);
    e = w.events;
    in.EventPattern = str_of(heavy_pattern(&pattern));
    buf_z(&event, "{\"id\":\"1\",\"account\":\"1\",\"source\":\"s\",\"time\":\"t\",\"region\":\"r\","
                  "\"resources\":[],\"detail-type\":\"d\",\"detail\":");
    buf_z(&event, heavy_detail(&detail));
    buf_z(&event, "}");
    in.Event = buf_view(&event);
    {
        struct service s = events_service(e);
        struct call c = { .magic = CALL_MAGIC,
                          .mem = w.mem,
                          .turn = &w.turn,
                          .now = w.turn.now,
                          .region = REGION,
                          .account = ACCOUNT,
                          .state = e,
                          .service = s.model,
                          .principal = { .kind = PRINCIPAL_OPERATOR, .account = ACCOUNT },
                          .output = &out };

        EXPECT_INT(events_test_event_pattern(&c, &in, &out), -E_WAIT);
        EXPECT(!out.Result.set);
        world_run(&w);
        EXPECT_INT(replied, 0);
        EXPECT(out.Result.set && out.Result.v);
    }
    world_close(&w);
}

static struct world at_stake;

static void a_rule_is_not_in_the_set(void)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct pattern *p = NULL;
    struct rule *r;

    r = rule_new(bus_new(at_stake.events, 1, ACCOUNT, REGION, STR("b")), 1, STR("r"));
    CHECK(pattern_compile(PATTERN_EVENTS, STR("{\"source\":[\"app\"]}"), &p, &why) == 0);
    rule_listen(r, STR("{\"source\":[\"app\"]}"), p, STR_NONE, NULL, true);
    events_check(at_stake.events);
    r->enabled = false; /* and nobody took it out */
    events_check(at_stake.events);
}

static void a_schedule_fires_that_does_not_wait(void)
{
    struct rule *r;

    r = rule_new(bus_new(at_stake.events, 1, ACCOUNT, REGION, STR("b")), 1, STR("r"));
    (void)rule_row_fired(&at_stake.turn, r);
}

TEST(events, what_cannot_be_ends_the_program)
{
    world_open(&at_stake);
    EXPECT_ABORTS(a_rule_is_not_in_the_set, "pattern_set_holds");
    EXPECT_ABORTS(a_schedule_fires_that_does_not_wait, "TICK_FIRING");
    world_close(&at_stake);
}

UNIT_MAIN
