/* test_decode.c - requests of real services become structures; what is not well formed is refused in AWS's
 * words. */
#include "model/iam.h"
#include "model/lambda.h"
#include "model/logs.h"
#include "model/sqs.h"
#include "unit.h"
#include "wire/request.h"

static const struct op *op_named(const struct service_model *m, const char *name)
{
    for (uint32_t i = 0; i < m->n_ops; i++)
        if (strcmp(m->ops[i].name, name) == 0)
            return &m->ops[i];
    abort();
}

struct decoded {
    struct arena *a;
    int e;
    void *input;
    struct fault fault;
};

static struct decoded decode(const struct service_model *m, const char *op, enum protocol protocol,
                             const char *target, const char *body, const struct request_header *headers)
{
    struct decoded d = { .a = arena_new(0) };
    struct request_parts parts = request_parts_of(target, body, headers);

    d.e = shape_decode(d.a, m, op_named(m, op), protocol, &parts, &d.input, &d.fault);
    return d;
}

#define FORM                                                \
    {                                                       \
        "Content-Type", "application/x-www-form-urlencoded" \
    }

TEST(decode, invoke)
{
    struct decoded d =
        decode(&lambda_model, "Invoke", PROTO_REST_JSON,
               "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Af%2Bx/invocations/"
               "?Qualifier=live%20one",
               "{\"not\": parsed",
               HEADERS({ "x-amz-invocation-type", "Event" }, { "X-Amz-Client-Context", "e30=" }));
    const struct lambda_InvocationRequest *in = d.input;

    EXPECT_INT(d.e, 0);
    EXPECT_STR(in->FunctionName, STR("arn:aws:lambda:eu-west-1:1:function:f+x"));
    EXPECT_STR(in->Qualifier, STR("live one"));
    EXPECT_STR(in->InvocationType, STR("Event"));
    EXPECT_STR(in->LogType, STR_NONE);
    EXPECT_STR(in->Payload, STR("{\"not\": parsed"));
    arena_free(d.a);
}

TEST(decode, create_function)
{
    struct decoded d = decode(&lambda_model, "CreateFunction", PROTO_REST_JSON, "/2015-03-31/functions",
                              "{\"FunctionName\":\"f\",\"Code\":{\"ZipFile\":\"UEsDBA==\"},\"Timeout\":3,"
                              "\"Publish\":true,\"Unknown\":[{}],"
                              "\"Environment\":{\"Variables\":{\"A\":\"1\",\"B\":\"\\u00e9\"}},\"Layers\":["
                              "\"l1\",\"l2\"],\"Role\":null}",
                              NULL);
    const struct lambda_CreateFunctionRequest *in = d.input;

    EXPECT_INT(d.e, 0);
    EXPECT_STR(in->Code->ZipFile, STR("PK\x03\x04"));
    EXPECT(in->Timeout.set && in->Timeout.v == 3);
    EXPECT(in->Publish.set && in->Publish.v);
    EXPECT_INT(in->Environment->Variables.n, 2);
    EXPECT_STR(in->Environment->Variables.v[1].key, STR("B"));
    EXPECT_STR(in->Environment->Variables.v[1].value, STR("\xc3\xa9"));
    EXPECT_INT(in->Layers.n, 2);
    EXPECT_STR(in->Layers.v[1], STR("l2"));
    EXPECT_STR(in->Role, STR_NONE);
    EXPECT(in->VpcConfig == NULL);
    arena_free(d.a);
}

/* Members with a place of their own are not taken from the body. */
TEST(decode, path_wins_over_body)
{
    struct decoded d = decode(&lambda_model, "PutFunctionEventInvokeConfig", PROTO_REST_JSON,
                              "/2019-09-25/functions/mine/event-invoke-config",
                              "{\"FunctionName\":\"other\",\"MaximumRetryAttempts\":0,\"DestinationConfig\":{"
                              "\"OnFailure\":{\"Destination\":\"d\"}}}",
                              NULL);
    const struct lambda_PutFunctionEventInvokeConfigRequest *in = d.input;

    EXPECT_INT(d.e, 0);
    EXPECT_STR(in->FunctionName, STR("mine"));
    EXPECT(in->MaximumRetryAttempts.set && in->MaximumRetryAttempts.v == 0);
    EXPECT_STR(in->DestinationConfig->OnFailure->Destination, STR("d"));
    EXPECT(in->DestinationConfig->OnSuccess == NULL);
    arena_free(d.a);
}

static const struct {
    const struct service_model *model;
    const char *op, *body, *error, *message;
} bad_bodies[] = {
    { &lambda_model, "CreateFunction", "{\"FunctionName\":", "InvalidRequestContentException",
      "Could not parse request body into json: Unexpected end-of-input\n at [Source: REDACTED "
      "(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: " },
    { &lambda_model, "CreateFunction", "{\"FunctionName\":1}", "SerializationException",
      "NUMBER_VALUE can not be converted to a String" },
    { &lambda_model, "CreateFunction", "{\"Timeout\":\"3\"}", "SerializationException",
      "STRING_VALUE can not be converted to an Integer" },
    { &lambda_model, "CreateFunction", "{\"Timeout\":3.5}", "SerializationException",
      "NUMBER_VALUE can not be converted to an Integer" },
    { &lambda_model, "CreateFunction", "{\"Timeout\":3000000000}", "SerializationException",
      "NUMBER_VALUE can not be converted to an Integer" },
    { &lambda_model, "CreateFunction", "{\"Publish\":\"true\"}", "SerializationException",
      "STRING_VALUE can not be converted to a Boolean" },
    { &lambda_model, "CreateAlias", "{\"RoutingConfig\":{\"AdditionalVersionWeights\":{\"2\":\"0.5\"}}}",
      "SerializationException", "STRING_VALUE can not be converted to a Double" },
    { &lambda_model, "CreateAlias", "{\"RoutingConfig\":{\"AdditionalVersionWeights\":{\"2\":true}}}",
      "SerializationException", "TRUE_VALUE can not be converted to a Double" },
    { &lambda_model, "CreateFunction", "{\"Layers\":\"a\"}", "SerializationException",
      "Expected list or null" },
    { &lambda_model, "CreateFunction", "{\"Layers\":{}}", "SerializationException",
      "Start of structure or map found where not expected." },
    { &lambda_model, "CreateFunction", "{\"Code\":[]}", "SerializationException",
      "Start of list found where not expected" },
    { &lambda_model, "CreateFunction", "{\"Tags\":7}", "SerializationException", "Expected map or null" },
    { &lambda_model, "CreateFunction", "{\"Code\":{\"ZipFile\":\"%%%\"}}", "SerializationException",
      "The value is not valid base64" },
    { &sqs_model, "SendMessage", "{\"QueueUrl\"", "SerializationException", "Unexpected end of input" },
    { &sqs_model, "SendMessage", "[]", "SerializationException", "Start of list found where not expected" },
    { &sqs_model, "SendMessage", "1", "SerializationException", "Unexpected field type" },
    { &logs_model, "PutLogEvents", "{\"logEvents\":[{\"timestamp\":true}]}", "SerializationException",
      "TRUE_VALUE can not be converted to a Long" },
};

TEST(decode, bad_bodies)
{
    for (size_t i = 0; i < ARRAY_LEN(bad_bodies); i++) {
        enum protocol p = bad_bodies[i].model == &lambda_model ? PROTO_REST_JSON : PROTO_JSON;
        struct decoded d = decode(bad_bodies[i].model, bad_bodies[i].op, p, "/", bad_bodies[i].body, NULL);
        EXPECT_INT(d.e, -E_FAULT);
        EXPECT_Z(d.e == 0 ? NULL : d.fault.row->name, bad_bodies[i].error);
        EXPECT_STR(str_sub(d.fault.message, 0, strlen(bad_bodies[i].message)), str_of(bad_bodies[i].message));
        arena_free(d.a);
    }
}

TEST(decode, missing_bodies_are_empty_objects)
{
    static const char *const bodies[] = { "", "  \r\n", "{}", "null" };

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct decoded d = decode(&sqs_model, "ListQueues", PROTO_JSON, "/", bodies[i], NULL);
        EXPECT_INT(d.e, 0);
        EXPECT(d.input != NULL && str_absent(((struct sqs_ListQueuesRequest *)d.input)->QueueNamePrefix));
        arena_free(d.a);
    }
}

/* A structure that holds itself: the client chooses the depth. */
struct chain {
    struct chain *next;
};
static const struct shape chain_shape;
static const struct member chain_members[] = {
    { .name = "next", .wire = "next", .shape = &chain_shape, .offset = offsetof(struct chain, next) },
};
static const struct shape chain_shape = {
    .name = "Chain",
    .kind = KIND_STRUCT,
    .size = sizeof(struct chain *),
    .struct_size = sizeof(struct chain),
    .n_members = 1,
    .members = chain_members,
};
static const struct op chain_op = { .name = "Chain", .method = "POST", .uri = "/", .input = &chain_shape };

static int decode_chain(enum protocol protocol, int links)
{
    CLEANUP(buf_done) struct buf body = { 0 };
    struct arena *a = arena_new(0);
    struct fault fault = { 0 };
    void *input;

    for (int i = 0; i < links; i++)
        buf_z(&body, protocol == PROTO_QUERY ? "next." : "{\"next\":");
    buf_z(&body, protocol == PROTO_QUERY ? "=x" : "{}");
    for (int i = 0; i < links && protocol != PROTO_QUERY; i++)
        buf_char(&body, '}');
    struct request_parts parts =
        request_parts_of("/", body.p, protocol == PROTO_QUERY ? HEADERS(FORM) : NULL);
    int e = shape_decode(a, &sqs_model, &chain_op, protocol, &parts, &input, &fault);
    arena_free(a);
    return e;
}

TEST(decode, deep_nesting_is_refused)
{
    EXPECT_INT(decode_chain(PROTO_JSON, 100), 0);
    EXPECT_INT(decode_chain(PROTO_JSON, 900), -E_FAULT);
    EXPECT_INT(decode_chain(PROTO_JSON, 20000), -E_FAULT);
    EXPECT_INT(decode_chain(PROTO_QUERY, 100), 0);
    EXPECT_INT(decode_chain(PROTO_QUERY, 20000), -E_FAULT);
}

TEST(decode, sqs_in_json)
{
    struct decoded d = decode(&sqs_model, "SendMessage", PROTO_JSON, "/",
                              "{\"QueueUrl\":\"http://h/1/"
                              "q\",\"MessageBody\":\"b\",\"MessageAttributes\":{\"k\":{\"DataType\":"
                              "\"Binary\",\"BinaryValue\":\"AAE=\"}}}",
                              NULL);
    const struct sqs_SendMessageRequest *in = d.input;

    EXPECT_INT(d.e, 0);
    EXPECT_STR(in->MessageBody, STR("b"));
    EXPECT_INT(in->MessageAttributes.n, 1);
    EXPECT_STR(in->MessageAttributes.v[0].key, STR("k"));
    EXPECT_STR(in->MessageAttributes.v[0].value.BinaryValue, STR("\x00\x01"));
    arena_free(d.a);
}

TEST(decode, sqs_in_query)
{
    struct decoded d = decode(&sqs_model, "SendMessage", PROTO_QUERY, "/000000000000/q",
                              "Action=SendMessage&Version=2012-11-05&MessageBody=a+b%26c&DelaySeconds=5"
                              "&MessageAttribute.2.Name=two&MessageAttribute.2.Value.DataType=String&"
                              "MessageAttribute.2.Value.StringValue=zwei"
                              "&MessageAttribute.1.Name=one&MessageAttribute.1.Value.DataType=Binary&"
                              "MessageAttribute.1.Value.BinaryValue=AAE%3D"
                              "&MessageAttribute.10.Name=ten&MessageAttribute.10.Value.DataType=Number&"
                              "MessageAttribute.10.Value.StringValue=10"
                              "&MessageSystemAttribute.1.Name=AWSTraceHeader&MessageSystemAttribute.1.Value."
                              "DataType=String&MessageSystemAttribute.1.Value.StringValue=Root",
                              HEADERS(FORM, { "Host", "127.0.0.1:4566" }));
    const struct sqs_SendMessageRequest *in = d.input;

    EXPECT_INT(d.e, 0);
    EXPECT_STR(in->QueueUrl, STR("http://127.0.0.1:4566/000000000000/q"));
    EXPECT_STR(in->MessageBody, STR("a b&c"));
    EXPECT(in->DelaySeconds.set && in->DelaySeconds.v == 5);
    EXPECT_INT(in->MessageAttributes.n, 3);
    EXPECT_STR(in->MessageAttributes.v[0].key, STR("one"));
    EXPECT_STR(in->MessageAttributes.v[0].value.BinaryValue, STR("\x00\x01"));
    EXPECT_STR(in->MessageAttributes.v[1].value.StringValue, STR("zwei"));
    EXPECT_STR(in->MessageAttributes.v[2].key, STR("ten"));
    EXPECT_INT(in->MessageSystemAttributes.n, 1);
    EXPECT_STR(in->MessageSystemAttributes.v[0].value.StringValue, STR("Root"));
    arena_free(d.a);
}

TEST(decode, sqs_query_names)
{
    struct decoded d =
        decode(&sqs_model, "CreateQueue", PROTO_QUERY, "/?QueueName=q",
               "Attribute.1.Name=DelaySeconds&Attribute.1.Value=1&Tag.1.Key=k&Tag.1.Value=v", HEADERS(FORM));
    const struct sqs_CreateQueueRequest *create = d.input;
    EXPECT_INT(d.e, 0);
    EXPECT_STR(create->QueueName, STR("q"));
    EXPECT_INT(create->Attributes.n, 1);
    EXPECT_STR(create->Attributes.v[0].key, STR("DelaySeconds"));
    EXPECT_STR(create->Attributes.v[0].value, STR("1"));
    EXPECT_STR(create->tags.v[0].key, STR("k"));
    EXPECT_STR(create->tags.v[0].value, STR("v"));
    arena_free(d.a);

    d = decode(&sqs_model, "ReceiveMessage", PROTO_QUERY, "/1/q",
               "QueueUrl=http%3A%2F%2Fh%2F2%2Fother&AttributeName.1=All&MessageAttributeName.1=a.*&"
               "MessageAttributeName.2=b&MessageSystemAttributeName.1=SentTimestamp",
               HEADERS(FORM));
    const struct sqs_ReceiveMessageRequest *receive = d.input;
    EXPECT_STR(receive->QueueUrl, STR("http://h/2/other"));
    EXPECT_STR(receive->AttributeNames.v[0], STR("All"));
    EXPECT_INT(receive->MessageAttributeNames.n, 2);
    EXPECT_STR(receive->MessageSystemAttributeNames.v[0], STR("SentTimestamp"));
    arena_free(d.a);

    d = decode(&sqs_model, "SendMessageBatch", PROTO_QUERY, "/1/q",
               "SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=B&"
               "SendMessageBatchRequestEntry.1.Id=a"
               "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=x&SendMessageBatchRequestEntry.1."
               "MessageAttribute.1.Value.StringValue=y",
               HEADERS(FORM));
    const struct sqs_SendMessageBatchRequest *batch = d.input;
    EXPECT_INT(batch->Entries.n, 2);
    EXPECT_STR(batch->Entries.v[0].Id, STR("a"));
    EXPECT_STR(batch->Entries.v[0].MessageAttributes.v[0].value.StringValue, STR("y"));
    EXPECT_STR(batch->Entries.v[1].MessageBody, STR("B"));
    arena_free(d.a);

    d = decode(&sqs_model, "UntagQueue", PROTO_QUERY, "/1/q", "TagKey.1=a&TagKey.3=c", HEADERS(FORM));
    const struct sqs_UntagQueueRequest *untag = d.input;
    EXPECT_INT(untag->TagKeys.n, 2);
    EXPECT_STR(untag->TagKeys.v[1], STR("c"));
    arena_free(d.a);

    d = decode(&sqs_model, "TagQueue", PROTO_QUERY, "/1/q", "Tags.1.Key=k&Tags.1.Value=v", HEADERS(FORM));
    const struct sqs_TagQueueRequest *tag = d.input;
    EXPECT_INT(tag->Tags.n, 1);
    EXPECT_STR(tag->Tags.v[0].value, STR("v"));
    arena_free(d.a);

    d = decode(&sqs_model, "DeleteMessageBatch", PROTO_QUERY, "/1/q",
               "DeleteMessageBatchRequestEntry.1.Id=a&DeleteMessageBatchRequestEntry.1.ReceiptHandle=h",
               HEADERS(FORM));
    EXPECT_STR(((struct sqs_DeleteMessageBatchRequest *)d.input)->Entries.v[0].ReceiptHandle, STR("h"));
    arena_free(d.a);
}

TEST(decode, iam_lists_and_maps)
{
    struct decoded d = decode(&iam_model, "CreateRole", PROTO_QUERY, "/",
                              "RoleName=r&AssumeRolePolicyDocument=%7B%7D&Tags.member.1.Key=k&Tags.member.1."
                              "Value=&MaxSessionDuration=3600",
                              HEADERS(FORM));
    const struct iam_CreateRoleRequest *in = d.input;

    EXPECT_INT(d.e, 0);
    EXPECT_STR(in->AssumeRolePolicyDocument, STR("{}"));
    EXPECT_INT(in->Tags.n, 1);
    EXPECT_STR(in->Tags.v[0].Value, STR(""));
    EXPECT(in->MaxSessionDuration.set && in->MaxSessionDuration.v == 3600);
    arena_free(d.a);
    d = decode(&iam_model, "CreateRole", PROTO_QUERY, "/", "MaxSessionDuration=soon", HEADERS(FORM));
    EXPECT_INT(d.e, -E_FAULT);
    EXPECT(d.fault.row == &error_serialization);
    arena_free(d.a);
}

/* A later parameter of the same name wins; odd names do no harm. */
TEST(decode, odd_parameters)
{
    struct decoded d = decode(&sqs_model, "CreateQueue", PROTO_QUERY, "/",
                              "QueueName=a&QueueName=b&&=&.=&..1=x&Attribute.01.Name=n1&Attribute.1.Value=v1&"
                              "Attribute.x.Name=no&Attribute.=&Attribute.99999999999.Name=no&%=%2",
                              HEADERS(FORM));
    const struct sqs_CreateQueueRequest *in = d.input;

    EXPECT_INT(d.e, 0);
    EXPECT_STR(in->QueueName, STR("b"));
    EXPECT_INT(in->Attributes.n, 1);
    EXPECT_STR(in->Attributes.v[0].key, STR("n1"));
    EXPECT_STR(in->Attributes.v[0].value, STR("v1"));
    arena_free(d.a);
}

TEST(decode, last_of_equal_keys)
{
    CLEANUP(buf_done) struct buf many = { 0 };
    struct decoded d = decode(&lambda_model, "TagResource", PROTO_REST_JSON, "/2017-03-31/tags/a",
                              "{\"Tags\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"},\"Tags2\":1}", NULL);
    const struct lambda_TagResourceRequest *in = d.input;

    EXPECT_INT(in->Tags.n, 2);
    EXPECT_STR(in->Tags.v[0].key, STR("b"));
    EXPECT_STR(in->Tags.v[1].value, STR("3"));
    arena_free(d.a);
    for (int i = 0; i < 100; i++)
        buf_printf(&many, "%s\"k%d\":\"%d\"", i == 0 ? "{\"Tags\":{" : ",", i % 30, i);
    buf_z(&many, "}}");
    d = decode(&lambda_model, "TagResource", PROTO_REST_JSON, "/2017-03-31/tags/a", many.p, NULL);
    in = d.input;
    EXPECT_INT(in->Tags.n, 30);
    EXPECT_STR(in->Tags.v[29].value, STR("99"));
    arena_free(d.a);
}

TEST(decode, json_alone)
{
    struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf out = { 0 };
    struct str text =
        STR("{\"FunctionName\":\"f\",\"Code\":{\"ZipFile\":\"UEs=\"},\"Layers\":[],\"Tags\":{\"a\":\"b\"}}");
    struct lambda_CreateFunctionRequest in = { 0 };
    struct fault fault = { 0 };
    struct json *doc;

    EXPECT_INT(json_parse(a, text, &doc, NULL), 0);
    EXPECT_INT(shape_from_json(a, &lambda_shape_CreateFunctionRequest, doc, &in, &fault), 0);
    shape_json(&out, &lambda_shape_CreateFunctionRequest, &in);
    EXPECT_STR(
        buf_view(&out),
        STR("{\"FunctionName\":\"f\",\"Code\":{\"ZipFile\":\"UEs=\"},\"Tags\":{\"a\":\"b\"},\"Layers\":[]}"));
    arena_free(a);
}

UNIT_MAIN
