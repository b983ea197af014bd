/* test_route.c - from method, path, target and Action to the row of the operation. */
#include "model/iam.h"
#include "model/lambda.h"
#include "model/logs.h"
#include "model/sqs.h"
#include "model/sts.h"
#include "base/clock.h"
#include "unit.h"
#include "wire/request.h"
#include "wire/route.h"

static int nothing(struct call *c, const void *input, void *output)
{
    return c != NULL && input != NULL && output != NULL;
}

static const struct handler lambda_handlers[] = { { .op = "Invoke", .fn = nothing } };
static const struct service lambda_service = { .model = &lambda_model,
                                               .handlers = lambda_handlers,
                                               .n_handlers = 1 },
                            sqs_service = { .model = &sqs_model }, iam_service = { .model = &iam_model },
                            sts_service = { .model = &sts_model }, logs_service = { .model = &logs_model };
static const struct service *const all[] = { &lambda_service, &sqs_service, &iam_service, &sts_service,
                                             &logs_service };

static struct router *router(void)
{
    static struct router *r;

    if (r == NULL)
        r = router_new(all, ARRAY_LEN(all));
    return r;
}

static const struct {
    const char *method, *target, *op; /* op NULL: no operation */
} paths[] = {
    { "POST", "/2015-03-31/functions/f/invocations", "Invoke" },
    { "POST", "/2015-03-31/functions/f%3Alive/invocations?Qualifier=1", "Invoke" },
    { "POST",
      "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Af/invocations",
      "Invoke" },
    { "POST", "/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:f/invocations",
      "Invoke" },
    { "POST", "/2015-03-31/functions/a%2Fb/invocations", "Invoke" },
    { "POST", "/2015-03-31/functions/f/invocations/", "Invoke" },
    { "POST", "/2014-11-13/functions/f/invoke-async", "InvokeAsync" },
    { "POST", "/2014-11-13/functions/f/invoke-async/", "InvokeAsync" },
    { "GET", "/2015-03-31/functions", "ListFunctions" },
    { "GET", "/2015-03-31/functions/", "ListFunctions" },
    { "POST", "/2015-03-31/functions", "CreateFunction" },
    { "GET", "/2015-03-31/functions/f", "GetFunction" },
    { "DELETE", "/2015-03-31/functions/f?Qualifier=3", "DeleteFunction" },
    { "GET", "/2015-03-31/functions/f/configuration", "GetFunctionConfiguration" },
    { "PUT", "/2015-03-31/functions/f/configuration", "UpdateFunctionConfiguration" },
    { "PUT", "/2015-03-31/functions/f/code", "UpdateFunctionCode" },
    { "POST", "/2015-03-31/event-source-mappings", "CreateEventSourceMapping" },
    { "POST", "/2015-03-31/event-source-mappings/", "CreateEventSourceMapping" },
    { "GET", "/2015-03-31/event-source-mappings?FunctionName=f", "ListEventSourceMappings" },
    { "GET", "/2015-03-31/event-source-mappings/?FunctionName=f", "ListEventSourceMappings" },
    { "PUT", "/2015-03-31/event-source-mappings/14e0db71-5d35-4eb5-b481-8945cf9d10c2",
      "UpdateEventSourceMapping" },
    { "PUT", "/2019-09-25/functions/f/event-invoke-config", "PutFunctionEventInvokeConfig" },
    { "POST", "/2019-09-25/functions/f/event-invoke-config", "UpdateFunctionEventInvokeConfig" },
    { "GET", "/2019-09-25/functions/f/event-invoke-config/list", "ListFunctionEventInvokeConfigs" },
    { "GET", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Af", "ListTags" },
    { "PUT", "/2024-08-31/functions/f/recursion-config", "PutFunctionRecursionConfig" },
    { "GET", "/2018-10-31/layers", "ListLayers" },
    { "GET", "/2018-10-31/layers?find=LayerVersion&Arn=x", "GetLayerVersionByArn" },
    { "GET", "/2018-10-31/layers?Arn=x", "ListLayers" },
    { "PATCH", "/2015-03-31/functions/f", NULL },
    { "GET", "/2015-03-31/functions/f/nonsense", NULL },
    { "GET", "/2015-03-31", NULL },
    { "GET", "/", NULL },
    { "GET", "", NULL },
    { "GET", "//", NULL },
};

TEST(route, paths)
{
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct arena *a = arena_new(0);
        struct request_parts parts = request_parts_of(paths[i].target, "", NULL);
        struct route route = { 0 };
        struct fault fault = { 0 };
        int e = router_find(router(), a, paths[i].method, &parts, &route, &fault);
        EXPECT_INT(e, paths[i].op == NULL ? -E_FAULT : 0);
        EXPECT_Z(e == 0 ? route.op->name : NULL, paths[i].op);
        if (e == 0)
            EXPECT_INT(route.protocol, PROTO_REST_JSON);
        if (e != 0)
            EXPECT(fault.row != NULL);
        arena_free(a);
    }
}

/* Every path of the model leads back to its own operation. */
TEST(route, every_path_of_lambda)
{
    for (uint32_t i = 0; i < lambda_model.n_ops; i++) {
        struct arena *a = arena_new(0);
        CLEANUP(buf_done) struct buf path = { 0 };
        struct str uri = str_of(lambda_model.ops[i].uri), literal, label;
        while (str_cut(&uri, '{', &literal)) {
            buf_str(&path, literal);
            if (str_cut(&uri, '}', &label))
                buf_z(&path, "some%2Fthing");
        }
        struct request_parts parts = request_parts_of(path.p, "", NULL);
        struct route route = { 0 };
        struct fault fault = { 0 };
        EXPECT_INT(router_find(router(), a, lambda_model.ops[i].method, &parts, &route, &fault), 0);
        EXPECT(route.op == &lambda_model.ops[i]);
        arena_free(a);
    }
}

static int find(struct arena *a, const char *method, const char *target, const char *body,
                const struct request_header *headers, struct route *route, struct fault *fault)
{
    struct request_parts parts = request_parts_of(target, body, headers);

    *route = (struct route){ 0 };
    *fault = (struct fault){ 0 };
    return router_find(router(), a, method, &parts, route, fault);
}

#define SIGNED(scope)                                                                        \
    {                                                                                        \
        "Authorization", "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260914/eu-west-1/" scope \
                         "/aws4_request, SignedHeaders=host, Signature=00"                   \
    }
#define FORM                                                               \
    {                                                                      \
        "content-type", "application/x-www-form-urlencoded; charset=utf-8" \
    }

TEST(route, targets)
{
    struct arena *a = arena_new(0);
    struct route r;
    struct fault f;

    EXPECT_INT(find(a, "POST", "/", "{}", HEADERS({ "x-amz-target", "AmazonSQS.SendMessage" }), &r, &f), 0);
    EXPECT_Z(r.op->name, "SendMessage");
    EXPECT_INT(r.protocol, PROTO_JSON);
    EXPECT(r.handler == NULL);
    EXPECT_INT(find(a, "POST", "/", "{}", HEADERS({ "X-Amz-Target", "Logs_20140328.PutLogEvents" }), &r, &f),
               0);
    EXPECT_Z(r.service->name, "logs");
    EXPECT_INT(find(a, "POST", "/", "{}", HEADERS({ "X-Amz-Target", "AmazonSQS.Nonsense" }), &r, &f),
               -E_FAULT);
    EXPECT(f.row == &error_unknown_operation);
    EXPECT(r.service == &sqs_model);
    EXPECT_INT(r.protocol, PROTO_JSON);
    EXPECT_INT(find(a, "POST", "/", "{}", HEADERS({ "X-Amz-Target", "DynamoDB_20120810.ListTables" }), &r,
                    &f),
               -E_FAULT);
    EXPECT(f.row == &error_not_implemented);
    EXPECT_STR(f.message, STR("No service here answers X-Amz-Target DynamoDB_20120810.ListTables"));
    arena_free(a);
}

TEST(route, query)
{
    struct arena *a = arena_new(0);
    struct route r;
    struct fault f;

    EXPECT_INT(find(a, "POST", "/", "Action=SendMessage&Version=2012-11-05&MessageBody=x",
                    HEADERS(FORM, SIGNED("sqs")), &r, &f),
               0);
    EXPECT_Z(r.op->name, "SendMessage");
    EXPECT_INT(r.protocol, PROTO_QUERY);
    EXPECT_INT(find(a, "POST", "/000000000000/q", "MessageBody=Action%3DNo&Action=SendMessage",
                    HEADERS(FORM, SIGNED("sqs")), &r, &f),
               0);
    EXPECT_Z(r.op->name, "SendMessage");
    EXPECT_INT(find(a, "POST", "/", "Version=2011-06-15&Action=GetCallerIdentity", HEADERS(FORM), &r, &f), 0);
    EXPECT_Z(r.service->name, "sts");
    EXPECT_INT(find(a, "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "", NULL, &r, &f), 0);
    EXPECT_Z(r.service->name, "sts");
    EXPECT_INT(find(a, "POST", "/", "Version=2010-05-08&Action=Get%43allerIdentity",
                    HEADERS(FORM, SIGNED("iam")), &r, &f),
               -E_FAULT);
    EXPECT(r.service == &iam_model);
    EXPECT_STR(f.message, STR("Could not find operation GetCallerIdentity for version 2010-05-08"));
    EXPECT_INT(find(a, "POST", "/", "Action=GetUser", HEADERS(FORM), &r, &f),
               0); /* one service alone has it */
    EXPECT(r.service == &iam_model);
    EXPECT_INT(find(a, "POST", "/", "Action=AddPermission", HEADERS(FORM), &r, &f), 0);
    EXPECT(r.service == &sqs_model);
    EXPECT_INT(find(a, "POST", "/", "Action=GetNothing", HEADERS(FORM), &r, &f), -E_FAULT);
    EXPECT_STR(f.message, STR("Could not find operation GetNothing for version 2012-11-05"));
    EXPECT_INT(find(a, "PUT", "/bucket/key", "Action=SendMessage", HEADERS(FORM), &r, &f),
               -E_FAULT); /* a form is posted */
    EXPECT_INT(r.protocol, PROTO_REST_XML);
    EXPECT_INT(find(a, "POST", "/", "Action=DescribeStacks&Version=2010-05-15",
                    HEADERS(FORM, SIGNED("cloudformation")), &r, &f),
               -E_FAULT);
    EXPECT(f.row == &error_not_implemented);
    EXPECT_INT(r.protocol, PROTO_QUERY);
    arena_free(a);
}

TEST(route, refusals)
{
    struct arena *a = arena_new(0);
    struct route r;
    struct fault f;

    EXPECT_INT(find(a, "PUT", "/bucket/key", "x", HEADERS(SIGNED("s3")), &r, &f), -E_FAULT);
    EXPECT(f.row == &error_not_implemented);
    EXPECT_INT(r.protocol, PROTO_REST_XML);
    EXPECT_STR(f.message, STR("S3 is not served here (PUT /bucket/key)"));
    EXPECT_INT(find(a, "POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "",
                    HEADERS({ "smithy-protocol", "rpc-v2-cbor" }), &r, &f),
               -E_FAULT);
    EXPECT_INT(r.protocol, PROTO_CBOR);
    EXPECT(f.row == &error_not_implemented); /* CloudWatch is not among these services */
    EXPECT_INT(find(a, "GET", "/restapis", "", HEADERS(SIGNED("apigateway")), &r, &f), -E_FAULT);
    EXPECT_STR(f.message, STR("The service apigateway is not served here (GET /restapis)"));
    EXPECT_INT(find(a, "GET", "/2015-03-31/nothing", "", HEADERS(SIGNED("lambda")), &r, &f), -E_FAULT);
    EXPECT_INT(f.row->status, 404);
    EXPECT_INT(r.protocol, PROTO_REST_JSON);
    arena_free(a);
}

TEST(route, signature)
{
    struct arena *a = arena_new(0);
    struct request_parts parts =
        request_parts_of("/", "", HEADERS(SIGNED("sqs"), { "x-amz-security-token", "tok" }));
    struct signature_scope s = signature_scope(a, &parts);

    EXPECT_STR(s.access_key, STR("AKIAEXAMPLE"));
    EXPECT_STR(s.date, STR("20260914"));
    EXPECT_STR(s.region, STR("eu-west-1"));
    EXPECT_STR(s.scope, STR("sqs"));
    EXPECT_STR(s.token, STR("tok"));
    parts = request_parts_of(
        "/?X-Amz-Credential=AKIDQ%2F20260914%2Fus-east-1%2Flambda%2Faws4_request&X-Amz-Security-Token=a%2Bb",
        "", NULL);
    s = signature_scope(a, &parts);
    EXPECT_STR(s.access_key, STR("AKIDQ"));
    EXPECT_STR(s.scope, STR("lambda"));
    EXPECT_STR(s.token, STR("a+b"));
    parts = request_parts_of("/", "",
                             HEADERS({ "Authorization",
                                       "AWS4-ECDSA-P256-SHA256 Credential=AK/20260914/sts/aws4_request" }));
    s = signature_scope(a, &parts);
    EXPECT_STR(s.scope, STR("sts"));
    EXPECT_STR(s.region, STR_NONE);
    parts = request_parts_of("/", "", HEADERS({ "Authorization", "Bearer x" }));
    s = signature_scope(a, &parts);
    EXPECT_STR(s.access_key, STR_NONE);
    EXPECT_STR(s.scope, STR_NONE);
    parts = request_parts_of("/", "", HEADERS({ "Authorization", "AWS AKOLD:c2ln" }));
    s = signature_scope(a, &parts);
    EXPECT_STR(s.access_key, STR("AKOLD"));
    EXPECT_STR(s.scope, STR("s3"));
    parts = request_parts_of("/b/k?AWSAccessKeyId=AKOLD&Signature=x%3D&Expires=1", "", NULL);
    s = signature_scope(a, &parts);
    EXPECT_STR(s.access_key, STR("AKOLD"));
    EXPECT_STR(s.scope, STR("s3"));
    parts = request_parts_of("/", "", HEADERS({ "Authorization", "AWS nocolon" }));
    s = signature_scope(a, &parts);
    EXPECT_STR(s.access_key, STR_NONE);
    arena_free(a);
}

TEST(route, iterates_everything)
{
    struct route r;
    size_t at = 0, n = 0, handled = 0;

    while (router_next(router(), &at, &r)) {
        n++;
        handled += r.handler != NULL;
    }
    EXPECT_INT(n,
               lambda_model.n_ops + sqs_model.n_ops + iam_model.n_ops + sts_model.n_ops + logs_model.n_ops);
    EXPECT_INT(handled, 1);
}

/* The budget is 1 us; sanitizers are allowed more. */
TEST(route, invoke_is_cheap)
{
    struct request_parts parts =
        request_parts_of("/2015-03-31/functions/my-function/invocations", "{}",
                         HEADERS({ "Host", "127.0.0.1:4566" }, { "X-Amz-Invocation-Type", "Event" }));
    struct arena *a = arena_new(0);
    int64_t best = INT64_MAX;

    for (int round = 0; round < 20; round++) {
        int64_t start = clock_mono_ns();
        for (int i = 0; i < 1000; i++) {
            struct route route;
            struct fault fault;
            EXPECT_INT(router_find(router(), a, "POST", &parts, &route, &fault), 0);
        }
        best = MIN(best, (clock_mono_ns() - start) / 1000);
    }
    printf("router_find: %lld ns\n", (long long)best);
    EXPECT(best < 20000);
    arena_free(a);
}

UNIT_MAIN
