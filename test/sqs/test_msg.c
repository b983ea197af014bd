/* Messages as they are sent: digests recorded on AWS, limits, names, and the packed form. */
#include "test/unit.h"

#include "service/sqs/fault.h"
#include "service/sqs/msg.h"

/* No operation runs here. */
void call_reply(struct call *c UNUSED, int result UNUSED) { CHECK(false); }

static const struct sqs_msg_rules alone = { .most_bytes = 1024 },
                                  in_batch = { .most_bytes = 1024, .in_batch = true };

static struct arena *a;

#define BODY_ATTRIBUTE(n_, t_, v_)                                              \
    {                                                                           \
        .key = STR(n_), .value = {.DataType = STR(t_), .StringValue = STR(v_) } \
    }

static struct sqs_SendMessageRequest request(struct sqs_MessageBodyAttributeMap_entry *v, size_t n)
{
    return (struct sqs_SendMessageRequest){ .MessageBody = STR("body"),
                                            .MessageAttributes = { n > 0, n, v } };
}

static struct str md5_of_map(struct sqs_MessageBodyAttributeMap_entry *v, size_t n)
{
    struct sqs_SendMessageRequest in = request(v, n);
    struct sqs_msg m;
    struct fault f;

    EXPECT_INT(sqs_msg_check(a, &in, &alone, &m, &f), 0);
    return sqs_msg_md5(a, m.attributes, m.n_attributes);
}

TEST(msg, attribute_digests_recorded_on_aws)
{
    struct sqs_MessageBodyAttributeMap_entry one[] = { BODY_ATTRIBUTE("MyAttribute", "String", "foobar") };
    struct sqs_MessageBodyAttributeMap_entry two[] = { BODY_ATTRIBUTE("attr2", "Number", "109.12"),
                                                       BODY_ATTRIBUTE("attr1", "Number", "99.12") };
    struct sqs_MessageBodyAttributeMap_entry three[] = { BODY_ATTRIBUTE("Help.Me", "String", "Me"),
                                                         BODY_ATTRIBUTE("Hello", "String", "There"),
                                                         BODY_ATTRIBUTE("General", "String", "Kenobi") };

    a = arena_new(0);
    EXPECT_STR(md5_of_map(one, 1), STR("adb59cd4678ea5a855436b949cd07ab6"));
    EXPECT_STR(md5_of_map(two, 2), STR("9b720b3af309c1c4b0d395c53b08c502"));
    EXPECT_STR(md5_of_map(three, 3), STR("4c360f3fdafd970e05fae2f149d997f5"));
    EXPECT_STR(sqs_msg_md5(a, NULL, 0), STR_NONE);
    EXPECT_STR(sqs_msg_md5_of_body(a, STR("body")), STR("841a2d689ad86bd1611447453c22c6fc"));
    EXPECT_STR(sqs_msg_md5_of_trace(a, STR_NONE), STR_NONE);
    a = arena_free(a);
}

static void expect_no(const struct sqs_SendMessageRequest *in, const struct error_row *row,
                      const char *message)
{
    struct sqs_msg m;
    struct fault f = { 0 };

    EXPECT_INT(sqs_msg_check(a, in, &alone, &m, &f), -E_FAULT);
    EXPECT(f.row == row);
    if (message != NULL)
        EXPECT_STR(f.message, str_of(message));
}

static void expect_no_attribute(struct sqs_MessageBodyAttributeMap_entry e, const struct error_row *row,
                                const char *message)
{
    struct sqs_SendMessageRequest in = request(&e, 1);

    expect_no(&in, row, message);
}

TEST(msg, attribute_rules)
{
    const struct error_row *bad = &sqs_error_invalid_parameter;
    char name[258];

    a = arena_new(0);
    memset(name, 'n', sizeof(name));
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("a", "String", ""), bad,
                        "Message (user) attribute 'a' must contain a non-empty value of type 'String'.");
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("a", "Bool", "x"), bad,
                        "The message attribute 'a' has an invalid message attribute type, the set of "
                        "supported type prefixes is Binary, "
                        "Number, and String.");
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("a", "", "x"), bad, NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("a", "Stringy", "x"), bad,
                        NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("a", "Number", "x1"), bad,
                        "Can't cast the value of message (user) attribute 'a' to a number.");
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("a", "Number", "nan"), bad,
                        NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("a b", "String", "x"), bad,
                        NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE(".a", "String", "x"), bad,
                        NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("a.", "String", "x"), bad,
                        NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("a..b", "String", "x"), bad,
                        NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("aws.x", "String", "x"), bad,
                        NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("AMAZON.x", "String", "x"),
                        bad, NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("", "String", "x"), bad,
                        NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry){ str_make(name, 257),
                                                                    { .DataType = STR("String"),
                                                                      .StringValue = STR("x") } },
                        bad, NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry)BODY_ATTRIBUTE("a", "String", "\x01"),
                        &sqs_error_InvalidMessageContents, NULL);
    expect_no_attribute((struct sqs_MessageBodyAttributeMap_entry){ STR("a"),
                                                                    { .DataType = STR("Binary"),
                                                                      .StringValue = STR("x") } },
                        bad, NULL);
    a = arena_free(a);
}

TEST(msg, attributes_that_are_fine)
{
    struct sqs_MessageBodyAttributeMap_entry good[] = {
        BODY_ATTRIBUTE("a.b-c_D9", "String.x", "v"),
        BODY_ATTRIBUTE("n", "Number.int", "-1.5e10"),
        BODY_ATTRIBUTE("p", "Number", "+4"),
        { STR("b"), { .DataType = STR("Binary.png"), .BinaryValue = { "\0\1", 2 } } },
        BODY_ATTRIBUTE("AWSome", "String", "x")
    };
    struct sqs_SendMessageRequest in = request(good, ARRAY_LEN(good));
    struct sqs_msg m;
    struct fault f;

    a = arena_new(0);
    EXPECT_INT(sqs_msg_check(a, &in, &alone, &m, &f), 0);
    EXPECT_INT(m.n_attributes, 5);
    EXPECT_STR(m.attributes[0].name, STR("AWSome"));
    EXPECT_STR(m.attributes[4].name, STR("p"));
    a = arena_free(a);
}

TEST(msg, eleven_attributes_and_twice_the_same)
{
    struct sqs_MessageBodyAttributeMap_entry v[11];
    struct sqs_SendMessageRequest in = request(v, 11);

    a = arena_new(0);
    for (size_t i = 0; i < 11; i++)
        v[i] = (struct sqs_MessageBodyAttributeMap_entry){
            arena_printf(a, "n%zu", i), { .DataType = STR("String"), .StringValue = STR("x") }
        };
    expect_no(&in, &sqs_error_invalid_parameter,
              "Number of message attributes [11] exceeds the allowed maximum [10].");
    v[3].key = STR("n5");
    in.MessageAttributes.n = 10;
    expect_no(&in, &sqs_error_invalid_parameter, "Message (user) attribute name 'n5' already exists.");
    a = arena_free(a);
}

TEST(msg, size_counts_names_types_and_values)
{
    struct sqs_MessageBodyAttributeMap_entry e = BODY_ATTRIBUTE("name", "String", "value"); /* 4 + 6 + 5 */
    struct sqs_SendMessageRequest in = request(&e, 1);
    struct sqs_MessageBodySystemAttributeMap_entry trace = {
        STR("AWSTraceHeader"), { .DataType = STR("String"), .StringValue = STR("Root=1-2-3") }
    };
    char body[1024];
    struct sqs_msg m;
    struct fault f;

    a = arena_new(0);
    memset(body, 'x', sizeof(body));
    in.MessageSystemAttributes = (struct sqs_MessageBodySystemAttributeMap){ true, 1, &trace };
    in.MessageBody = str_make(body, 1024 - 15);
    EXPECT_INT(sqs_msg_check(a, &in, &alone, &m, &f), 0);
    EXPECT_INT(sqs_msg_bytes(&m), 1024);
    EXPECT_STR(m.trace, STR("Root=1-2-3"));
    in.MessageBody.n++;
    expect_no(&in, &sqs_error_invalid_parameter,
              "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.");
    EXPECT_INT(sqs_msg_check(a, &in, &in_batch, &m, &f), -E_FAULT);
    EXPECT_STR(
        f.message,
        STR("One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."));
    a = arena_free(a);
}

TEST(msg, body_rules)
{
    struct sqs_SendMessageRequest in = { 0 };

    a = arena_new(0);
    expect_no(&in, &sqs_error_missing_parameter, "The request must contain the parameter MessageBody.");
    in.MessageBody = STR("");
    expect_no(&in, &sqs_error_missing_parameter, "The request must contain the parameter MessageBody.");
    in.MessageBody = STR("a\x08");
    expect_no(&in, &sqs_error_InvalidMessageContents, NULL);
    in.MessageBody = STR("a");
    in.MessageDeduplicationId = STR("d");
    expect_no(&in, &sqs_error_invalid_parameter,
              "Value d for parameter MessageDeduplicationId is invalid. Reason: The request "
              "includes a parameter that is not valid for this queue type.");
    in.MessageDeduplicationId = STR_NONE;
    in.MessageGroupId = STR("a b");
    expect_no(&in, &sqs_error_invalid_parameter,
              "Value a b for parameter MessageGroupId is invalid. Reason: MessageGroupId can "
              "only include alphanumeric and punctuation characters. 1 to 128 in length.");
    a = arena_free(a);
}

TEST(msg, characters)
{
    static const struct {
        const char *text;
        size_t bad_at;
    } rows[] = {
        { "plain \t\r\n text", 14 },
        { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9 },
        { "\xef\xbf\xbd", 3 },
        { "\xee\x80\x80", 3 },
        { "a\x01", 1 },
        { "ab\x1f", 2 },
        { "a\xef\xbf\xbe", 1 },
        { "a\xef\xbf\xbf", 1 },
        { "\xed\xa0\x80", 0 },
        { "a\xff", 1 },
        { "\xf4\x8f\xbf\xbf", 4 },
        { "\x7f", 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_INT(sqs_msg_bad_character(str_of(rows[i].text)), rows[i].bad_at);
    EXPECT_INT(sqs_msg_bad_character(str_make("a\0b", 3)), 1);
}

TEST(msg, packed_and_back)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    char big[70000];
    struct sqs_msg m = { .sender = STR("AROAX:s"),
                         .trace = STR("Root=1"),
                         .group = STR("g"),
                         .n_attributes = 2 },
                   out;

    memset(big, 'v', sizeof(big));
    m.attributes[0] = (struct sqs_msg_attribute){ STR("a"), STR("String"), str_make(big, sizeof(big)) };
    m.attributes[1] = (struct sqs_msg_attribute){ STR("b"), STR("Binary"), str_make("\0\xff", 2) };
    sqs_msg_pack(&b, &m);
    EXPECT_INT(sqs_msg_unpack(buf_view(&b), &out), 0);
    EXPECT_STR(out.sender, m.sender);
    EXPECT_STR(out.trace, m.trace);
    EXPECT_STR(out.group, m.group);
    EXPECT_INT(out.n_attributes, 2);
    EXPECT_STR(out.attributes[0].value, m.attributes[0].value);
    EXPECT_STR(out.attributes[1].name, STR("b"));
    EXPECT_STR(out.attributes[1].value, m.attributes[1].value);
    EXPECT_INT(sqs_msg_unpack(STR(""), &out), 0);
    EXPECT_STR(out.sender, STR_NONE);
}

TEST(msg, every_cut_of_the_packed_form_is_survived)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct sqs_msg m = { .sender = STR("s"), .n_attributes = 1 }, out;
    size_t good = 0;

    m.attributes[0] = (struct sqs_msg_attribute){ STR("name"), STR("String"), STR("value") };
    sqs_msg_pack(&b, &m);
    for (size_t n = 0; n <= b.n; n++)
        good += sqs_msg_unpack(str_make(b.p, n), &out) == 0;
    EXPECT_INT(good, 5); /* nothing, and after each of the four fields */
    EXPECT_INT(sqs_msg_unpack(str_make("\x05\x01x", 3), &out), -E_INVALID);
    EXPECT_INT(sqs_msg_unpack(str_make("\x63\x01x", 3), &out), 0);
    EXPECT_INT(sqs_msg_unpack(str_make("\x01\xff\xff\xff\xff\xff\x01", 7), &out), -E_INVALID);
}

TEST(msg, wanted_names)
{
    struct str names[] = { STR("exact"), STR("pre.*") };
    struct sqs_MessageAttributeNameList list = { true, 2, names }, none = { 0 };

    EXPECT(sqs_msg_wanted(&list, STR("exact")));
    EXPECT(sqs_msg_wanted(&list, STR("pre.fix")));
    EXPECT(sqs_msg_wanted(&list, STR("prefix")));
    EXPECT(!sqs_msg_wanted(&list, STR("pr")));
    EXPECT(!sqs_msg_wanted(&list, STR("other")));
    EXPECT(!sqs_msg_wanted(&none, STR("other")));
    for (size_t i = 0; i < 3; i++) {
        names[0] = (struct str[]){ STR("All"), STR(".*"), STR("*") }[i];
        EXPECT(sqs_msg_wanted(&list, STR("other")));
    }
}

TEST(msg, ids_stand_first_and_survive_being_cut_off)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct sqs_msg m = { .group = STR("g"),
                         .deduplication = STR("dd"),
                         .sender = STR("s"),
                         .n_attributes = 1,
                         .attributes = { { STR("n"), STR("String"), STR("v") } } },
                   back;
    struct str group, deduplication;
    char tall[128];

    sqs_msg_pack(&b, &m);
    for (size_t n = 0; n <= b.n; n++) {
        sqs_msg_ids(str_sub(buf_view(&b), 0, n), &group, &deduplication);
        EXPECT_STR(group, n >= 3 ? STR("g") : STR_NONE);
        EXPECT_STR(deduplication, n >= 7 ? STR("dd") : STR_NONE);
    }
    EXPECT_INT(sqs_msg_unpack(buf_view(&b), &back), 0);
    EXPECT_STR(back.deduplication, STR("dd"));
    memset(tall, 'x', sizeof(tall));
    m.group = m.deduplication = str_make(tall, sizeof(tall));
    buf_clear(&b);
    sqs_msg_pack(&b, &m);
    sqs_msg_ids(str_sub(buf_view(&b), 0, SQS_MSG_IDS_BYTES), &group, &deduplication);
    EXPECT_STR(group, m.group);
    EXPECT_STR(deduplication, m.deduplication);
    sqs_msg_ids(str_sub(buf_view(&b), 0, SQS_MSG_IDS_BYTES - 1), &group, &deduplication);
    EXPECT_STR(deduplication, STR_NONE);
}

UNIT_MAIN
