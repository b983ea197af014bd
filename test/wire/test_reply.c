/* test_reply.c - what a client reads: violations in AWS's words, outputs and errors in every protocol. */
#include "model/iam.h"
#include "model/lambda.h"
#include "model/logs.h"
#include "model/sqs.h"
#include "model/sts.h"
#include "net/exchange.h"
#include "unit.h"
#include "wire/call.h"
#include "wire/codec.h"
#include "wire/request.h"

static const struct op *op_named(const struct service_model *m, const char *name)
{
    for (uint32_t i = 0; i < m->n_ops; i++)
        if (strcmp(m->ops[i].name, name) == 0)
            return &m->ops[i];
    abort();
}

/* ---- validation ---- */

#define FN_PATTERN                                                                                          \
    "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(" \
    "function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?"
#define DEST_PATTERN                                                                                       \
    "$|kafka://"                                                                                           \
    "([^.]([a-zA-Z0-9\\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:((eusc-)?[a-z]{2}((-gov)|(-" \
    "iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)"

static const struct {
    const struct service_model *model;
    const char *op, *target, *body, *message; /* message NULL: nothing to complain of */
} validations[] = {
    { &lambda_model, "Invoke", "/2015-03-31/functions/f/invocations", "", NULL },
    { &lambda_model, "Invoke",
      "/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:f:$LATEST/invocations", "",
      NULL },
    { &lambda_model, "PutFunctionRecursionConfig", "/2024-08-31/functions/f/recursion-config",
      "{\"RecursiveLoop\":\"InvalidValue\"}",
      "1 validation error detected: Value 'InvalidValue' at 'recursiveLoop' failed to satisfy constraint: "
      "Member must satisfy enum value set: [Terminate, Allow]" },
    { &lambda_model, "PutFunctionRecursionConfig", "/2024-08-31/functions/f/recursion-config", "{}",
      "1 validation error detected: Value null at 'recursiveLoop' failed to satisfy constraint: Member must "
      "not be null" },
    { &lambda_model, "PutFunctionEventInvokeConfig", "/2019-09-25/functions/f/event-invoke-config",
      "{\"MaximumRetryAttempts\":3}",
      "1 validation error detected: Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member "
      "must have value less than or equal to 2" },
    { &lambda_model, "PutFunctionEventInvokeConfig", "/2019-09-25/functions/f/event-invoke-config",
      "{\"MaximumRetryAttempts\":-1,\"MaximumEventAgeInSeconds\":59}",
      "2 validation errors detected: Value '-1' at 'maximumRetryAttempts' failed to satisfy constraint: "
      "Member must have value greater than or equal to 0; "
      "Value '59' at 'maximumEventAgeInSeconds' failed to satisfy constraint: Member must have value greater "
      "than or equal to 60" },
    { &lambda_model, "PutFunctionEventInvokeConfig", "/2019-09-25/functions/f/event-invoke-config",
      "{\"DestinationConfig\":{\"OnSuccess\":{\"Destination\":\"s\"},\"OnFailure\":{\"Destination\":\"f\"}}}",
      "2 validation errors detected: Value 'f' at 'destinationConfig.onFailure.destination' failed to "
      "satisfy constraint: Member must satisfy regular expression pattern: " DEST_PATTERN
      "; Value 's' at 'destinationConfig.onSuccess.destination' failed to satisfy constraint: Member must "
      "satisfy regular expression pattern: " DEST_PATTERN },
    { &lambda_model, "PutFunctionEventInvokeConfig", "/2019-09-25/functions/f/event-invoke-config",
      "{\"DestinationConfig\":{\"OnSuccess\":{\"Destination\":\"\"},\"OnFailure\":{\"Destination\":\"arn:aws:"
      "sqs:eu-west-1:000000000000:q\"}}}",
      NULL },
    { &lambda_model, "CreateEventSourceMapping", "/2015-03-31/event-source-mappings",
      "{\"FunctionName\":\"f\",\"StartingPosition\":\"invalid\"}",
      "1 validation error detected: Value 'invalid' at 'startingPosition' failed to satisfy constraint: "
      "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]" },
    { &lambda_model, "CreateEventSourceMapping", "/2015-03-31/event-source-mappings",
      "{\"FunctionName\":\"f\",\"BatchSize\":0}",
      "1 validation error detected: Value '0' at 'batchSize' failed to satisfy constraint: Member must have "
      "value greater than or equal to 1" },
    { &lambda_model, "CreateFunction", "/2015-03-31/functions", "{\"FunctionName\":\"f!\",\"Code\":{}}",
      "2 validation errors detected: Value 'f!' at 'functionName' failed to satisfy constraint: Member must "
      "satisfy regular expression pattern: " FN_PATTERN
      "; Value null at 'role' failed to satisfy constraint: Member must not be null" },
    { &lambda_model, "CreateAlias", "/2015-03-31/functions/f/aliases",
      "{\"Name\":\"a\",\"FunctionVersion\":\"1\",\"RoutingConfig\":{\"AdditionalVersionWeights\":{\"2\":2}}}",
      "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to "
      "satisfy constraint: "
      "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must "
      "have value greater than or equal to 0.0, Member must not be null]" },
    { &lambda_model, "CreateAlias", "/2015-03-31/functions/f/aliases",
      "{\"Name\":\"a\",\"FunctionVersion\":\"1\",\"RoutingConfig\":{\"AdditionalVersionWeights\":{\"x\":0.5}}"
      "}",
      "1 validation error detected: Value '{x=0.5}' at 'routingConfig.additionalVersionWeights' failed to "
      "satisfy constraint: "
      "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must "
      "have length greater than or equal to 1, "
      "Member must satisfy regular expression pattern: [0-9]+, Member must not be null]" },
    { &lambda_model, "PublishLayerVersion", "/2018-10-31/layers/l/versions",
      "{\"Content\":{},\"CompatibleArchitectures\":[\"x86_64\",\"z80\"]}",
      "1 validation error detected: Value '[x86_64, z80]' at 'compatibleArchitectures' failed to satisfy "
      "constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], "
      "Member must not be null]" },
    { &lambda_model, "GetFunction", "/2015-03-31/functions/f?Qualifier=", "",
      "2 validation errors detected: Value '' at 'qualifier' failed to satisfy constraint: Member must "
      "satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+; "
      "Value '' at 'qualifier' failed to satisfy constraint: Member must have length greater than or equal "
      "to 1" },
    { &logs_model, "PutLogEvents", "/",
      "{\"logGroupName\":\"g\",\"logStreamName\":\"s\",\"logEvents\":[{\"timestamp\":-1,\"message\":\"\"}]}",
      "2 validation errors detected: Value '-1' at 'logEvents.1.member.timestamp' failed to satisfy "
      "constraint: Member must have value greater than or equal to 0; "
      "Value '' at 'logEvents.1.member.message' failed to satisfy constraint: Member must have length "
      "greater than or equal to 1" },
    { &logs_model, "PutLogEvents", "/", "{\"logGroupName\":\"g\",\"logStreamName\":\"s\",\"logEvents\":[]}",
      "1 validation error detected: Value '[]' at 'logEvents' failed to satisfy constraint: Member must have "
      "length greater than or equal to 1" },
    /* an unknown runtime is worded by the service */
    { &lambda_model, "CreateFunction", "/2015-03-31/functions",
      "{\"FunctionName\":\"f\",\"Code\":{},\"Role\":\"arn:aws:iam::000000000000:role/"
      "r\",\"Runtime\":\"cobol\"}",
      NULL },
    /* SQS words everything itself */
    { &sqs_model, "SendMessage", "/", "{}", NULL },
    { &sqs_model, "GetQueueAttributes", "/", "{\"AttributeNames\":[\"Nonsense\"]}", NULL },
};

TEST(validate, texts)
{
    for (size_t i = 0; i < ARRAY_LEN(validations); i++) {
        struct arena *a = arena_new(0);
        const struct op *op = op_named(validations[i].model, validations[i].op);
        enum protocol protocol = validations[i].model == &lambda_model ? PROTO_REST_JSON : PROTO_JSON;
        struct request_parts parts = request_parts_of(validations[i].target, validations[i].body, NULL);
        struct fault fault = { 0 };
        void *input = NULL;
        EXPECT_INT(shape_decode(a, validations[i].model, op, protocol, &parts, &input, &fault), 0);
        int e = shape_validate(a, op, input, &fault);
        EXPECT_INT(e, validations[i].message == NULL ? 0 : -E_FAULT);
        EXPECT_STR(fault.message, str_of(validations[i].message));
        if (e != 0)
            EXPECT(fault.row == &error_validation);
        arena_free(a);
    }
}

/* Lengths are code points. */
TEST(validate, length_in_code_points)
{
    struct arena *a = arena_new(0);
    const struct op *op = op_named(&lambda_model, "CreateAlias");
    CLEANUP(buf_done) struct buf text = { 0 };
    struct fault fault = { 0 };

    for (int i = 0; i < 256; i++)
        buf_z(&text, "\xF0\x9F\x98\xB9");
    struct lambda_CreateAliasRequest in = { .FunctionName = STR("f"),
                                            .Name = STR("a"),
                                            .FunctionVersion = STR("1"),
                                            .Description = buf_view(&text) };
    EXPECT_INT(shape_validate(a, op, &in, &fault), 0);
    buf_z(&text, "x");
    in.Description = buf_view(&text);
    EXPECT_INT(shape_validate(a, op, &in, &fault), -E_FAULT);
    EXPECT(str_ends(fault.message, STR("at 'description' failed to satisfy constraint: Member must have "
                                       "length less than or equal to 256")));
    arena_free(a);
}

/* Sensitive values are not repeated; many violations do not grow without limit. */
TEST(validate, bounded_and_discreet)
{
    struct arena *a = arena_new(0);
    struct lambda_Environment environment = { .Variables = { .set = true,
                                                             .n = 1,
                                                             .v = &(struct lambda_EnvironmentVariables_entry){
                                                                 STR("1bad"), STR("secret") } } };
    struct lambda_CreateFunctionRequest in = { .FunctionName = STR("f"),
                                               .Role = STR("arn:aws:iam::000000000000:role/r"),
                                               .Code = &(struct lambda_FunctionCode){ .S3Bucket = STR_NONE },
                                               .Environment = &environment };
    struct fault fault = { 0 };

    EXPECT_INT(shape_validate(a, op_named(&lambda_model, "CreateFunction"), &in, &fault), -E_FAULT);
    EXPECT_INT(str_find_str(fault.message, STR("secret")), -1);
    EXPECT(
        str_starts(fault.message, STR("1 validation error detected: Value at 'environment.variables' failed "
                                      "to satisfy constraint: Map keys must satisfy constraint: [")));

    struct logs_InputLogEvent *events = arena_calloc(a, 5000, sizeof(*events));
    struct logs_PutLogEventsRequest put = { .logGroupName = STR("g"),
                                            .logStreamName = STR("s"),
                                            .logEvents = { true, 5000, events } };
    EXPECT_INT(shape_validate(a, op_named(&logs_model, "PutLogEvents"), &put, &fault), -E_FAULT);
    EXPECT(str_starts(fault.message,
                      STR("100 validation errors detected: Value null at 'logEvents.1.member.timestamp'")));
    arena_free(a);
}

/* Every pattern of every served model compiles; Java's dialect included. */
TEST(validate, patterns)
{
    static const struct service_model *const models[] = { &lambda_model, &sqs_model, &iam_model, &sts_model,
                                                          &logs_model };
    int n = 0;

    for (size_t m = 0; m < ARRAY_LEN(models); m++)
        for (uint32_t o = 0; o < models[m]->n_ops; o++) {
            const struct shape *in = models[m]->ops[o].input;
            for (uint32_t k = 0; in != NULL && k < in->n_members; k++)
                if (in->members[k].shape->pattern != NULL) {
                    n++;
                    if (pattern_check(in->members[k].shape->pattern) != 0)
                        UNIT_FAIL("%s %s: %s", models[m]->name, in->members[k].name,
                                  in->members[k].shape->pattern);
                }
        }
    EXPECT(n > 100);
    EXPECT(pattern_matches("[\\u0020-\\u00FF]+", STR("\xc3\xa9 a")));
    EXPECT(!pattern_matches("[\\u0020-\\u00FF]+", STR("\xe2\x82\xac")));
    EXPECT(pattern_matches("([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)", STR("\xc3\xa9\xe4\xb8\xad _.")));
    EXPECT(!pattern_matches("([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)", STR("a#")));
    EXPECT(pattern_matches("(?!^[0-9]+$)([a-zA-Z0-9-_]+)", STR("1a")));
    EXPECT(!pattern_matches("(?!^[0-9]+$)([a-zA-Z0-9-_]+)", STR("12")));
    EXPECT(pattern_matches("[\\uD83D\\uDE00-\\uD83D\\uDE4F]", STR("\xF0\x9F\x98\xB9")));
    EXPECT(pattern_matches("[a[b]+", STR("[ab")));
    EXPECT(!pattern_matches("[a-z]+", STR("abc\n")));
    EXPECT(!pattern_matches("a.c", STR("a\rc")));
    EXPECT(!pattern_matches("[a-z]*", STR("\xff")));
    CLEANUP(buf_done) struct buf longest = { 0 };
    for (int i = 0; i < 100000; i++)
        buf_z(&longest, i % 2 == 0 ? "a" : "b");
    EXPECT(pattern_matches("(a|b)+", buf_view(&longest)));
    EXPECT(!pattern_matches("(a+)+b",
                            str_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
}

/* ---- faults ---- */

static const struct error_row hand_made = {
    .name = "HandMade", .query_code = "Hand.Made", .status = 409, .sender = true, .message_member = "message"
};

static const struct {
    const struct service_model *model;
    enum protocol protocol;
    const struct error_row *row;
    const char *message, *extra;
    bool bare, null_type, query_mode;
    int status;
    const char *header; /* one line that must be there */
    const char *body;
} faults[] = {
    { &lambda_model, PROTO_REST_JSON, &lambda_error_InvalidParameterValueException, "no \"x\"", NULL, false,
      false, false, 400, "x-amzn-ErrorType: InvalidParameterValueException\r\n",
      "{\"Type\":\"User\",\"message\":\"no \\\"x\\\"\"}" },
    { &lambda_model, PROTO_REST_JSON, &lambda_error_InvalidParameterValueException, "quota", NULL, true,
      false, false, 400, "x-amzn-ErrorType: InvalidParameterValueException\r\n", "{\"message\":\"quota\"}" },
    { &lambda_model, PROTO_REST_JSON, &lambda_error_ResourceNotFoundException, "Function not found: x", NULL,
      false, false, false, 404, "x-amzn-ErrorType: ResourceNotFoundException\r\n",
      "{\"Type\":\"User\",\"Message\":\"Function not found: x\"}" },
    { &lambda_model, PROTO_REST_JSON, &lambda_error_ResourceConflictException, "busy", NULL, false, true,
      false, 409, "x-amzn-ErrorType: ResourceConflictException\r\n", "{\"Type\":null,\"message\":\"busy\"}" },
    { &lambda_model, PROTO_REST_JSON, &lambda_error_TooManyRequestsException, "Rate Exceeded.",
      "\"Reason\":\"R\"", false, false, false, 429, "x-amzn-ErrorType: TooManyRequestsException\r\n",
      "{\"Reason\":\"R\",\"Type\":\"User\",\"message\":\"Rate Exceeded.\"}" },
    { &lambda_model, PROTO_REST_JSON, &lambda_error_ServiceException, "oops", NULL, false, false, false, 500,
      "x-amzn-ErrorType: ServiceException\r\n", "{\"Type\":\"Service\",\"Message\":\"oops\"}" },
    { &lambda_model, PROTO_REST_JSON, &error_validation, "v", NULL, false, false, false, 400,
      "x-amzn-ErrorType: ValidationException\r\n", "{\"message\":\"v\"}" },
    { &lambda_model, PROTO_REST_JSON, &error_request_entity_too_large, "big", NULL, false, false, false, 413,
      "x-amzn-ErrorType: RequestEntityTooLargeException\r\n", "{\"message\":\"big\"}" },
    { &lambda_model, PROTO_REST_JSON, &error_access_denied, "no", NULL, false, false, false, 403,
      "x-amzn-ErrorType: AccessDeniedException\r\n", "{\"Message\":\"no\"}" },
    { &lambda_model, PROTO_REST_JSON, &hand_made, "h", NULL, false, false, false, 409,
      "x-amzn-ErrorType: HandMade\r\n", "{\"Type\":\"User\",\"message\":\"h\"}" },
    { &sqs_model, PROTO_JSON, &sqs_error_QueueDoesNotExist, "The specified queue does not exist.", NULL,
      false, false, true, 400, "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n",
      "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"The specified queue does not "
      "exist.\"}" },
    { &sqs_model, PROTO_JSON, &sqs_error_OverLimit, "o", NULL, false, false, true, 403,
      "x-amzn-query-error: OverLimit;Sender\r\n",
      "{\"__type\":\"com.amazonaws.sqs#OverLimit\",\"message\":\"o\"}" },
    { &sqs_model, PROTO_JSON, &sqs_error_OverLimit, "o", NULL, false, false, false, 400,
      "x-amzn-query-error: OverLimit;Sender\r\n",
      "{\"__type\":\"com.amazonaws.sqs#OverLimit\",\"message\":\"o\"}" },
    { &sqs_model, PROTO_JSON, &hand_made, "h", NULL, false, false, true, 409,
      "x-amzn-query-error: Hand.Made;Sender\r\n",
      "{\"__type\":\"com.amazonaws.sqs#HandMade\",\"message\":\"h\"}" },
    { &sqs_model, PROTO_JSON, &error_serialization, "s", NULL, false, false, true, 400,
      "x-amzn-RequestId: req\r\n",
      "{\"__type\":\"com.amazon.coral.service#SerializationException\",\"message\":\"s\"}" },
    { &sqs_model, PROTO_JSON, &error_internal, "i", NULL, false, false, false, 500,
      "x-amzn-query-error: InternalFailure;Receiver\r\n",
      "{\"__type\":\"com.amazon.coral.service#InternalFailure\",\"message\":\"i\"}" },
    { &sqs_model, PROTO_QUERY, &sqs_error_QueueDoesNotExist, "a < b & \"c\"", NULL, false, false, false, 400,
      "x-amzn-RequestId: req\r\n",
      "<ErrorResponse "
      "xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error><Type>Sender</"
      "Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"
      "<Message>a &lt; b &amp; &quot;c&quot;</Message></Error><RequestId>req</RequestId></ErrorResponse>" },
    { &logs_model, PROTO_JSON, &logs_error_ResourceNotFoundException, "r", NULL, false, false, false, 400,
      "x-amzn-RequestId: req\r\n", "{\"__type\":\"ResourceNotFoundException\",\"message\":\"r\"}" },
    { &logs_model, PROTO_JSON, &error_validation, "v", NULL, true, false, false, 400,
      "x-amzn-RequestId: req\r\n", "{\"__type\":\"InvalidParameterException\",\"message\":\"v\"}" },
    { &iam_model, PROTO_QUERY, &iam_error_NoSuchEntityException, "n", NULL, false, false, false, 404,
      "x-amzn-RequestId: req\r\n",
      "<ErrorResponse "
      "xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>NoSuchEntity</"
      "Code><Message>n</Message></Error>"
      "<RequestId>req</RequestId></ErrorResponse>" },
    { &sts_model, PROTO_QUERY, &error_validation, "v", NULL, true, false, false, 400,
      "x-amzn-RequestId: req\r\n",
      "<ErrorResponse "
      "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>ValidationError</"
      "Code><Message>v</Message></Error>"
      "<RequestId>req</RequestId></ErrorResponse>" },
    { NULL, PROTO_JSON, &error_not_implemented, "n", NULL, false, false, false, 501,
      "x-amzn-RequestId: req\r\n", "{\"__type\":\"NotImplementedException\",\"message\":\"n\"}" },
};

TEST(fault, bodies)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct arena *a = arena_new(0);
        struct fault fault = { .row = faults[i].row,
                               .message = str_of(faults[i].message),
                               .extra_json = str_of(faults[i].extra),
                               .bare = faults[i].bare,
                               .null_type = faults[i].null_type };
        struct reply r;
        fault_encode(a, faults[i].model, faults[i].protocol, &fault, STR("req"), faults[i].query_mode, &r);
        EXPECT_INT(r.status, faults[i].status);
        EXPECT_STR(buf_view(&r.body), str_of(faults[i].body));
        EXPECT(str_find_str(buf_view(&r.headers), str_of(faults[i].header)) >= 0);
        EXPECT(str_find_str(buf_view(&r.headers), STR("x-amzn-RequestId: req\r\n")) >= 0);
        EXPECT(!str_absent(r.content_type));
        buf_done(&r.headers);
        buf_done(&r.body);
        arena_free(a);
    }
}

TEST(fault, cbor)
{
    struct fault fault = { .row = &error_not_implemented, .message = STR("m") };
    struct reply r;

    fault_encode(NULL, NULL, PROTO_CBOR, &fault, STR("req"), false, &r);
    EXPECT_INT(r.status, 501);
    EXPECT_STR(str_sub(buf_view(&r.body), 0, 8), STR("\xbf\x66__type"));
    EXPECT_STR(r.content_type, STR("application/cbor"));
    EXPECT(str_find_str(buf_view(&r.headers), STR("smithy-protocol: rpc-v2-cbor\r\n")) >= 0);
    buf_done(&r.headers);
    buf_done(&r.body);
}

/* ---- outputs ---- */

static struct reply encode(const struct service_model *m, const char *op, enum protocol p, const void *output)
{
    struct reply r;

    shape_encode(NULL, m, op_named(m, op), p, output, STR("req"), &r);
    return r;
}

static void drop(struct reply *r)
{
    buf_done(&r->headers);
    buf_done(&r->body);
}

static const struct sqs_ReceiveMessageResult received = {
    .Messages = { true, 1,
                  &(struct sqs_Message){
                      .MessageId = { "id", 2 },
                      .Body = { "<a>\r\n&\x01", 7 },
                      .Attributes = { true, 2,
                                      (struct sqs_MessageSystemAttributeMap_entry[]){
                                          { { "SenderId", 8 }, { "x", 1 } },
                                          { { "SentTimestamp", 13 }, { "5", 1 } } } },
                      .MessageAttributes = { true, 1,
                                             &(struct sqs_MessageBodyAttributeMap_entry){
                                                 { "k", 1 },
                                                 { .BinaryValue = { "\0\1", 2 },
                                                   .DataType = { "Binary", 6 } } } },
                  } },
};

TEST(encode, sqs_receive_in_both)
{
    struct reply r = encode(&sqs_model, "ReceiveMessage", PROTO_JSON, &received);
    EXPECT_INT(r.status, 200);
    EXPECT_STR(r.content_type, STR("application/x-amz-json-1.0"));
    EXPECT_STR(buf_view(&r.body),
               STR("{\"Messages\":[{\"MessageId\":\"id\",\"Body\":\"<a>\\r\\n&\\u0001\",\"Attributes\":{"
                   "\"SenderId\":\"x\",\"SentTimestamp\":\"5\"},"
                   "\"MessageAttributes\":{\"k\":{\"BinaryValue\":\"AAE=\",\"DataType\":\"Binary\"}}}]}"));
    drop(&r);
    r = encode(&sqs_model, "ReceiveMessage", PROTO_QUERY, &received);
    EXPECT_STR(r.content_type, STR("text/xml"));
    EXPECT_STR(buf_view(&r.body),
               STR("<ReceiveMessageResponse "
                   "xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><ReceiveMessageResult><Message>"
                   "<MessageId>id</MessageId><Body>&lt;a&gt;&#xD;\n&amp;\xEF\xBF\xBD</"
                   "Body><Attribute><Name>SenderId</Name><Value>x</Value></Attribute>"
                   "<Attribute><Name>SentTimestamp</Name><Value>5</Value></"
                   "Attribute><MessageAttribute><Name>k</Name><Value><BinaryValue>AAE=</BinaryValue>"
                   "<DataType>Binary</DataType></Value></MessageAttribute></Message></"
                   "ReceiveMessageResult><ResponseMetadata><RequestId>req</RequestId>"
                   "</ResponseMetadata></ReceiveMessageResponse>"));
    drop(&r);
}

TEST(encode, sqs_query_names)
{
    struct sqs_ListQueuesResult queues = { .QueueUrls = { true, 2, (struct str[]){ STR("u1"), STR("u2") } } };
    struct reply r = encode(&sqs_model, "ListQueues", PROTO_QUERY, &queues);
    EXPECT(str_find_str(
               buf_view(&r.body),
               STR("<ListQueuesResult><QueueUrl>u1</QueueUrl><QueueUrl>u2</QueueUrl></ListQueuesResult>")) >
           0);
    drop(&r);

    struct sqs_SendMessageBatchResult batch = {
        .Successful = { true, 1, &(struct sqs_SendMessageBatchResultEntry){ .Id = STR("a") } },
        .Failed = { true, 1,
                    &(struct sqs_BatchResultErrorEntry){
                        .Id = STR("b"), .SenderFault = BOOL_SET(true), .Code = STR("C") } },
    };
    r = encode(&sqs_model, "SendMessageBatch", PROTO_QUERY, &batch);
    EXPECT(str_find_str(buf_view(&r.body),
                        STR("<SendMessageBatchResult><SendMessageBatchResultEntry><Id>a</Id></"
                            "SendMessageBatchResultEntry>"
                            "<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault><Code>C</Code></"
                            "BatchResultErrorEntry></SendMessageBatchResult>")) > 0);
    drop(&r);

    struct sqs_ListQueueTagsResult tags = { .Tags = { true, 1,
                                                      &(struct sqs_TagMap_entry){ STR("k"), STR("v") } } };
    r = encode(&sqs_model, "ListQueueTags", PROTO_QUERY, &tags);
    EXPECT(str_find_str(
               buf_view(&r.body),
               STR("<ListQueueTagsResult><Tag><Key>k</Key><Value>v</Value></Tag></ListQueueTagsResult>")) >
           0);
    drop(&r);

    r = encode(&sqs_model, "DeleteQueue", PROTO_QUERY, NULL);
    EXPECT_STR(buf_view(&r.body),
               STR("<DeleteQueueResponse "
                   "xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><ResponseMetadata><RequestId>req</"
                   "RequestId></ResponseMetadata></DeleteQueueResponse>"));
    drop(&r);
    r = encode(&sqs_model, "DeleteQueue", PROTO_JSON, NULL);
    EXPECT_INT(r.body.n, 0);
    drop(&r);
}

TEST(encode, iam_time_and_lists)
{
    struct iam_Tag tag = { .Key = STR("k"), .Value = STR("") };
    struct iam_Role role = { .RoleName = STR("r"),
                             .CreateDate = TIME_SET(1789400786443),
                             .Tags = { true, 1, &tag } };
    struct iam_CreateRoleResponse out = { .Role = &role };
    struct reply r = encode(&iam_model, "CreateRole", PROTO_QUERY, &out);

    EXPECT_STR(buf_view(&r.body),
               STR("<CreateRoleResponse "
                   "xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateRoleResult><Role><RoleName>r</"
                   "RoleName>"
                   "<CreateDate>2026-09-14T15:46:26.443Z</CreateDate><Tags><member><Key>k</Key><Value></"
                   "Value></member></Tags></Role></CreateRoleResult>"
                   "<ResponseMetadata><RequestId>req</RequestId></ResponseMetadata></CreateRoleResponse>"));
    drop(&r);
}

TEST(encode, lambda_places)
{
    struct lambda_InvocationResponse ok = { .StatusCode = INT_SET(200),
                                            .ExecutedVersion = STR("$LATEST"),
                                            .FunctionError = STR("Unhandled"),
                                            .LogResult = STR("a\r\nb"),
                                            .Payload = STR("{\"x\":1}") };
    struct reply r = encode(&lambda_model, "Invoke", PROTO_REST_JSON, &ok);
    EXPECT_INT(r.status, 200);
    EXPECT_STR(r.content_type, STR("application/json"));
    EXPECT_STR(buf_view(&r.body), STR("{\"x\":1}"));
    EXPECT_STR(buf_view(&r.headers),
               STR("x-amzn-RequestId: req\r\nX-Amz-Function-Error: Unhandled\r\nX-Amz-Log-Result: "
                   "ab\r\nX-Amz-Executed-Version: $LATEST\r\n"));
    drop(&r);

    struct lambda_InvocationResponse event = { .StatusCode = INT_SET(202) };
    r = encode(&lambda_model, "Invoke", PROTO_REST_JSON, &event);
    EXPECT_INT(r.status, 202);
    EXPECT_STR(r.content_type, STR_NONE);
    EXPECT_INT(r.body.n, 0);
    drop(&r);

    struct lambda_FunctionEventInvokeConfig config = { .LastModified = TIME_SET(1789400786443),
                                                       .MaximumRetryAttempts = INT_SET(0) };
    r = encode(&lambda_model, "PutFunctionEventInvokeConfig", PROTO_REST_JSON, &config);
    EXPECT_STR(buf_view(&r.body), STR("{\"LastModified\":1789400786.443,\"MaximumRetryAttempts\":0}"));
    drop(&r);

    r = encode(&lambda_model, "TagResource", PROTO_REST_JSON, NULL);
    EXPECT_INT(r.status, 204);
    EXPECT_INT(r.body.n, 0);
    EXPECT_STR(r.content_type, STR_NONE);
    drop(&r);
    r = encode(&lambda_model, "CreateFunction", PROTO_REST_JSON,
               &(struct lambda_FunctionConfiguration){ .Timeout = INT_SET(3) });
    EXPECT_INT(r.status, 201);
    EXPECT_STR(buf_view(&r.body), STR("{\"Timeout\":3}"));
    drop(&r);
}

/* ---- call ---- */

static int refuse(void *arg, struct call *c, const char *action, const struct resource *what)
{
    return call_fault(c, &error_access_denied, "%s: %s on " STR_FMT " of " STR_FMT, (const char *)arg, action,
                      STR_ARG(what->arn), STR_ARG(what->owner));
}

TEST(call, helpers)
{
    struct header headers[] = { { STR("Host"), STR("h:1") },
                                { STR("x-a"), STR("1") },
                                { STR("X-A"), STR("2") } };
    struct exchange x = { .headers = headers, .n_headers = 3, .body = STR("bytes") };
    struct call c = { .magic = CALL_MAGIC, .mem = arena_new(0), .x = &x, .account = STR("1") };

    EXPECT_INT(call_fault(&c, &error_internal, "%d%%", 5), -E_FAULT);
    EXPECT(c.fault.row == &error_internal);
    EXPECT_STR(c.fault.message, STR("5%"));
    EXPECT_STR(call_host(&c), STR("h:1"));
    EXPECT_STR(call_request_header(&c, "x-a"), STR("2"));
    EXPECT_STR(call_request_header(&c, "x-b"), STR_NONE);
    EXPECT_STR(call_body(&c), STR("bytes"));
    call_header(&c, "X-B", STR("v\r\nX-Evil: 1"));
    EXPECT_STR(buf_view(&c.extra_headers), STR("X-B: vX-Evil: 1\r\n"));
    call_raw(&c, 202, "text/plain", STR("raw"));
    EXPECT(c.raw && c.status == 202);
    EXPECT_STR(c.raw_content_type, STR("text/plain"));
    EXPECT_INT(call_may_own(&c, "sqs:ListQueues", STR("*")), 0);
    EXPECT_INT(call_may(&c, "sqs:SendMessage", &(struct resource){ .arn = STR("arn"), .owner = STR("2") }),
               -E_FAULT);
    c.gate = &(struct gate){ refuse, "no" };
    EXPECT_INT(call_may_own(&c, "sqs:ListQueues", STR("*")), -E_FAULT);
    EXPECT_STR(c.fault.message, STR("no: sqs:ListQueues on * of 1"));
    EXPECT_INT(call_may(&c, "sqs:SendMessage", &(struct resource){ .arn = STR("arn"), .owner = STR("2") }),
               -E_FAULT);
    EXPECT_STR(c.fault.message, STR("no: sqs:SendMessage on arn of 2"));
    buf_done(&c.extra_headers);
    arena_free(c.mem);
}

UNIT_MAIN
