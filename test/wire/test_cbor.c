/* test_cbor.c - rpc-v2-cbor: CloudWatch's requests and replies, and errors of services that once spoke query.
 */
#include "base/cbor.h"
#include "model/cloudwatch.h"
#include "unit.h"
#include "wire/codec.h"
#include "wire/request.h"

static const struct op *op(const char *name)
{
    for (uint32_t i = 0; i < cloudwatch_model.n_ops; i++)
        if (strcmp(cloudwatch_model.ops[i].name, name) == 0)
            return &cloudwatch_model.ops[i];
    abort();
}

struct decoded {
    struct arena *a;
    int error;
    void *input;
    struct fault fault;
};

static struct decoded decode(const char *name, struct str body)
{
    struct decoded d = { .a = arena_new(0) };
    struct request_parts parts = { .path = STR("/"), .query = STR(""), .body = body };

    d.error = shape_decode(d.a, &cloudwatch_model, op(name), PROTO_CBOR, &parts, &d.input, &d.fault);
    return d;
}

TEST(cbor, a_request)
{
    struct decoded d = decode("PutMetricData", STR("\xbf"
                                                   "\x69"
                                                   "Namespace"
                                                   "\x7f"
                                                   "\x61"
                                                   "N"
                                                   "\x62"
                                                   "/x"
                                                   "\xff"
                                                   "\x6a"
                                                   "MetricData"
                                                   "\x81"
                                                   "\xa4"
                                                   "\x6a"
                                                   "MetricName"
                                                   "\x61"
                                                   "m"
                                                   "\x69"
                                                   "Timestamp"
                                                   "\xc1\x1a\x5e\x0b\xe1\x00"
                                                   "\x65"
                                                   "Value"
                                                   "\xf9\x3e\x00"
                                                   "\x66"
                                                   "Values"
                                                   "\x9f\xfa\x40\x00\x00\x00\x02\xff"
                                                   "\x67"
                                                   "Unknown"
                                                   "\xa1\x01\x9f\xc1\x00\xff"
                                                   "\xff"));
    const struct cloudwatch_PutMetricDataInput *in = d.input;

    EXPECT_INT(d.error, 0);
    if (d.error == 0) {
        EXPECT_STR(in->Namespace, STR("N/x"));
        EXPECT_INT(in->MetricData.n, 1);
        EXPECT_STR(in->MetricData.v[0].MetricName, STR("m"));
        EXPECT_INT(in->MetricData.v[0].Timestamp.ms, 1577836800000);
        EXPECT(in->MetricData.v[0].Value.v == 1.5);
        EXPECT_INT(in->MetricData.v[0].Values.n, 2);
        EXPECT(in->MetricData.v[0].Values.v[1].v == 2.0);
    }
    arena_free(d.a);
    d = decode("ListMetrics", STR(""));
    EXPECT_INT(d.error, 0);
    EXPECT_STR(((const struct cloudwatch_ListMetricsInput *)d.input)->Namespace, STR_NONE);
    arena_free(d.a);
}

TEST(cbor, times)
{
    static const struct {
        struct str value;
        int64_t ms;
        bool ok;
    } rows[] = {
        { { "\xc1\xfb\x41\xd7\x82\xf8\x40\x20\x00\x00", 10 }, 1577836800500, true },
        { { "\xc1\x1b\x00\x00\x00\x00\x5e\x0b\xe1\x00", 10 }, 1577836800000, true },
        { { "\x1a\x5e\x0b\xe1\x00", 5 }, 1577836800000, true },
        { { "\xc1\x20", 2 }, -1000, true },
        { { "\xc1\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00", 10 }, 0, false },
        { { "\xc1\xf9\x7c\x00", 4 }, 0, false },
        { { "\xc0\x61x", 3 }, 0, false },
        { { "\xc1\x61x", 3 }, 0, false },
        { { "\xc1\xc1\x00", 3 }, 0, false },
        { { "\xc1", 1 }, 0, false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf b = { 0 };
        buf_z(&b, "\xa1\x69"
                  "StartTime");
        buf_str(&b, rows[i].value);
        struct decoded d = decode("GetMetricStatistics", buf_view(&b));
        EXPECT_INT(d.error, rows[i].ok ? 0 : -E_FAULT);
        if (d.error == 0)
            EXPECT_INT(((const struct cloudwatch_GetMetricStatisticsInput *)d.input)->StartTime.ms,
                       rows[i].ms);
        else
            EXPECT(d.fault.row == &error_serialization);
        arena_free(d.a);
    }
}

static const struct {
    struct str body;
    const char *text;
} broken[] = {
    { { "\xbf", 1 }, "Unexpected end of input" },
    { { "\xa1\x69Name", 6 }, "Unexpected end of input" },
    { { "\x9f\xff", 2 }, "A value of the wrong type was found where a structure was expected" },
    { { "\xf6", 1 }, "A value of the wrong type was found where a structure was expected" },
    { { "\xa0\x00", 2 }, "Unexpected content after the value" },
    { { "\xa1\x01\x02", 3 }, "A value of the wrong type was found where a member's name was expected" },
    { { "\xa1\x69Namespace\x01", 12 }, "A value of the wrong type was found where a String was expected" },
    { { "\xa1\x69Namespace\x61\xff", 13 },
      "A value of the wrong type was found where a String was expected" },
    { { "\xbf\x61x\xff", 4 }, "The body is not well-formed CBOR" },
    { { "\xff", 1 }, "The body is not well-formed CBOR" },
    { { "\x1c", 1 }, "The body is not well-formed CBOR" },
    { { "\xa1\x61x\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 12 },
      "A number is out of range, or the request is nested too deeply" },
    { { "\xbb\x7f\xff\xff\xff\xff\xff\xff\xff", 9 }, "Unexpected end of input" },
};

TEST(cbor, broken_requests)
{
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct decoded d = decode("PutMetricData", broken[i].body);
        EXPECT_INT(d.error, -E_FAULT);
        EXPECT_STR(d.fault.message, str_of(broken[i].text));
        arena_free(d.a);
    }
}

TEST(cbor, deep_unknown_values)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    buf_z(&b, "\xbf\x61x");
    for (int i = 0; i < 100000; i++)
        buf_char(&b, (char)0x9f);
    struct decoded d = decode("PutMetricData", buf_view(&b));
    EXPECT_INT(d.error, -E_FAULT);
    arena_free(d.a);
}

TEST(cbor, a_reply)
{
    struct arena *a = arena_new(0);
    struct cloudwatch_Datapoint points[] = {
        { .Timestamp = TIME_SET(1577836800500), .SampleCount = REAL_SET(2), .Unit = STR("None") }
    };
    struct cloudwatch_GetMetricStatisticsOutput out = { .Label = STR("m"),
                                                        .Datapoints = { true, 1, points } };
    struct reply r;

    shape_encode(a, &cloudwatch_model, op("GetMetricStatistics"), PROTO_CBOR, &out, STR("id"), &r);
    EXPECT_INT(r.status, 200);
    EXPECT_STR(r.content_type, STR("application/cbor"));
    EXPECT_STR(buf_view(&r.headers), STR("x-amzn-RequestId: id\r\nsmithy-protocol: rpc-v2-cbor\r\n"));
    EXPECT_STR(buf_view(&r.body), STR("\xbf\x65"
                                      "Label"
                                      "\x61"
                                      "m"
                                      "\x6a"
                                      "Datapoints"
                                      "\x9f\xbf"
                                      "\x69"
                                      "Timestamp"
                                      "\xc1\xfb\x41\xd7\x82\xf8\x40\x20\x00\x00"
                                      "\x6b"
                                      "SampleCount"
                                      "\xfb\x40\x00\x00\x00\x00\x00\x00\x00"
                                      "\x64"
                                      "Unit"
                                      "\x64"
                                      "None"
                                      "\xff\xff\xff"));
    buf_done(&r.headers);
    buf_done(&r.body);
    shape_encode(a, &cloudwatch_model, op("PutMetricData"), PROTO_CBOR, NULL, STR("id"), &r);
    EXPECT_STR(buf_view(&r.body), STR(""));
    buf_done(&r.headers);
    arena_free(a);
}

TEST(cbor, errors)
{
    struct arena *a = arena_new(0);
    struct fault fault = { .row = &cloudwatch_error_InvalidParameterValueException,
                           .message = STR("no"),
                           .extra_json = STR("\"a\":[1,-2.5,true,null,{\"b\":\"c\"}]") };
    struct reply r;

    fault_encode(a, &cloudwatch_model, PROTO_CBOR, &fault, STR("id"), false, &r);
    EXPECT_INT(r.status, 400);
    EXPECT_STR(r.content_type, STR("application/cbor"));
    EXPECT_STR(buf_view(&r.headers),
               STR("x-amzn-RequestId: id\r\nsmithy-protocol: rpc-v2-cbor\r\nx-amzn-query-error: "
                   "InvalidParameterValue;Sender\r\n"));
    EXPECT_STR(buf_view(&r.body), STR("\xbf\x66"
                                      "__type"
                                      "\x78\x1e"
                                      "InvalidParameterValueException"
                                      "\x61"
                                      "a"
                                      "\x9f\x01\xfb\xc0\x04\x00\x00\x00\x00\x00\x00\xf5\xf6\xbf\x61"
                                      "b"
                                      "\x61"
                                      "c"
                                      "\xff\xff"
                                      "\x67"
                                      "message"
                                      "\x62"
                                      "no"
                                      "\xff"));
    buf_done(&r.headers);
    buf_done(&r.body);
    fault = (struct fault){ .row = &error_not_implemented, .message = STR("x") };
    fault_encode(a, NULL, PROTO_CBOR, &fault, STR("id"), false, &r);
    EXPECT_INT(r.status, 501);
    EXPECT_STR(buf_view(&r.body), STR("\xbf\x66"
                                      "__type"
                                      "\x77"
                                      "NotImplementedException"
                                      "\x67"
                                      "message"
                                      "\x61"
                                      "x"
                                      "\xff"));
    buf_done(&r.headers);
    buf_done(&r.body);
    arena_free(a);
}

UNIT_MAIN
