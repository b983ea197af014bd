/* Records and lineage, whole texts. */
#include "flow/lineage.h"
#include "flow/record.h"
#include "unit.h"

#define HEAD(condition, count)                                                                           \
    "{\"version\":\"1.0\",\"timestamp\":\"2026-09-14T15:44:58.123Z\",\"requestContext\":{\"requestId\":" \
    "\"e4b46cbf-b738-4a3c-8880-a18cdf61200e\",\"functionArn\":\"arn:aws:lambda:us-east-1:111111111111:"  \
    "function:f:$LATEST\","                                                                              \
    "\"condition\":\"" condition "\",\"approximateInvokeCount\":" count "}"

static struct record_facts facts(enum condition c)
{
    return (struct record_facts){ .decided_ms = 1789400698123,
                                  .request_id = STR("e4b46cbf-b738-4a3c-8880-a18cdf61200e"),
                                  .function_arn =
                                      STR("arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST"),
                                  .condition = c,
                                  .executions = 3,
                                  .request_payload = STR("{\"mode\":\"success\"}"),
                                  .status = 200,
                                  .executed_version = STR("$LATEST") };
}

static const char *write(const struct record_facts *f, size_t max)
{
    static struct buf b;

    buf_clear(&b);
    record_write(&b, f, max);
    return b.p;
}

TEST(record, success)
{
    struct record_facts f = facts(CONDITION_SUCCESS);

    f.response_payload = STR("{\"hello\":\"world\"}");
    EXPECT_Z(write(&f, 1 << 20),
             HEAD("Success", "1") ",\"requestPayload\":{\"mode\":\"success\"},\"responseContext\":"
                                  "{\"statusCode\":200,\"executedVersion\":\"$LATEST\"},\"responsePayload\":{"
                                  "\"hello\":\"world\"}}");
}

TEST(record, success_with_null_output)
{
    struct record_facts f = facts(CONDITION_SUCCESS);

    f.response_payload = STR("null");
    EXPECT_Z(write(&f, 1 << 20),
             HEAD("Success",
                  "1") ",\"requestPayload\":{\"mode\":\"success\"},\"responseContext\":"
                       "{\"statusCode\":200,\"executedVersion\":\"$LATEST\"},\"responsePayload\":null}");
}

TEST(record, retries_exhausted)
{
    struct record_facts f = facts(CONDITION_RETRIES_EXHAUSTED);

    f.function_error = true;
    f.response_payload =
        STR("{\"errorMessage\":\"Test exception (this is "
            "intentional)\",\"errorType\":\"Exception\",\"requestId\":\"x\",\"stackTrace\":[]}");
    EXPECT_Z(write(&f, 1 << 20),
             HEAD("RetriesExhausted",
                  "3") ",\"requestPayload\":{\"mode\":\"success\"},\"responseContext\":"
                       "{\"statusCode\":200,\"executedVersion\":\"$LATEST\",\"functionError\":\"Unhandled\"},"
                       "\"responsePayload\":"
                       "{\"errorMessage\":\"Test exception (this is "
                       "intentional)\",\"errorType\":\"Exception\",\"requestId\":\"x\",\"stackTrace\":[]}}");
}

TEST(record, target_gone)
{
    struct record_facts f = facts(CONDITION_RETRIES_EXHAUSTED);

    f.status = 404;
    f.executed_version = STR_NONE;
    EXPECT_Z(
        write(&f, 1 << 20),
        HEAD("RetriesExhausted",
             "3") ",\"requestPayload\":{\"mode\":\"success\"},\"responseContext\":{\"statusCode\":404}}");
}

TEST(record, zero_reserved_has_no_response_at_all)
{
    struct record_facts f = facts(CONDITION_ZERO_RESERVED);

    f.status = 0;
    f.executions = 0;
    EXPECT_Z(write(&f, 1 << 20),
             HEAD("ZeroReservedConcurrency", "0") ",\"requestPayload\":{\"mode\":\"success\"}}");
}

TEST(record, order_numbers_and_escapes_survive_blanks_do_not)
{
    struct record_facts f = facts(CONDITION_SUCCESS);

    f.request_payload =
        STR(" { \"b\" : 1.0e+2 , \"a\" : [ 1 , 10000000000000000000001 ] , \"t\" : \"\\u00e4 \\/ x\" }\n");
    f.response_payload = STR("\"\xef\xbf\xbe|\xef\xbf\xbf|\xef\xbf\xbd\"");
    EXPECT_Z(write(&f, 1 << 20),
             HEAD("Success",
                  "1") ",\"requestPayload\":{\"b\":1.0e+2,\"a\":[1,10000000000000000000001],"
                       "\"t\":\"\\u00e4 \\/ "
                       "x\"},\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$LATEST\"},"
                       "\"responsePayload\":\"\\ufffe|\\uffff|\xef\xbf\xbd\"}");
}

TEST(record, too_large)
{
    struct record_facts f = facts(CONDITION_SUCCESS);
    CLEANUP(buf_done) struct buf b = { 0 };

    f.response_payload = STR("\"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\"");
    EXPECT_INT(record_write(&b, &f, 1 << 20), 0);
    EXPECT_INT(record_write(&b, &f, b.n - 1), 1);
    buf_clear(&b);
    EXPECT_INT(record_write(&b, &f, 10), 2);
    EXPECT(strstr(b.p, "requestPayload") == NULL && strstr(b.p, "responsePayload") == NULL);
}

static const char *next(const char *header, const char *function, int64_t *count)
{
    static struct buf b;
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct str trace;

    lineage_next(a, str_of(header), str_of(function), 1789400698123, &trace, count);
    buf_clear(&b);
    buf_str(&b, trace);
    return b.p;
}

TEST(lineage, a_new_root_counts_one)
{
    int64_t count;
    const char *t = next(NULL, "arn:f", &count);

    EXPECT_INT(count, 1);
    EXPECT(strncmp(t, "Root=1-6aa8167a-", 16) == 0);
    EXPECT(strstr(t, ";Sampled=0;Lineage=1:") != NULL);
    EXPECT_INT(strlen(t), strlen("Root=1-6aa8167a-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;"
                                 "Lineage=1:01234567:0"));
}

TEST(lineage, counts_per_function)
{
    CLEANUP(buf_done) struct buf h = { 0 };
    int64_t a = 0, b = 0;

    buf_z(&h, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
    for (int i = 0; i < 3; i++) {
        const char *t = next(h.p, "arn:a", &a);

        buf_clear(&h);
        buf_z(&h, t);
        t = next(h.p, "arn:b", &b);
        buf_clear(&h);
        buf_z(&h, t);
    }
    EXPECT_INT(a, 3);
    EXPECT_INT(b, 3);
    EXPECT(strncmp(h.p,
                   "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=3:",
                   85) == 0);
    EXPECT(strchr(h.p, '|') != NULL);
}

TEST(lineage, rubbish_is_left_out)
{
    int64_t count;
    const char *t =
        next("Root=;;=;x;Lineage=abc|1:2|-4:aaaaaaaa:3|99999999999999:b:1;Sampled=7", "arn:f", &count);

    EXPECT_INT(count, 1);
    EXPECT(strstr(t, "Sampled=0;Lineage=1:") != NULL);
}

UNIT_MAIN
