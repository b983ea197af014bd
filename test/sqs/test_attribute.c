/* Queue attributes as a table, and what redrive policies mean. */
#include "test/unit.h"

#include "service/sqs/attribute.h"
#include "service/sqs/fault.h"
#include "service/sqs/redrive.h"

void call_reply(struct call *c UNUSED, int result UNUSED) { CHECK(false); }

static struct arena *a;

static int change_one(const char *name, const char *value, const struct sqs_attributes *old,
                      struct sqs_change *ret, struct fault *f)
{
    struct sqs_QueueAttributeMap_entry e = { str_of(name), str_of(value) };
    struct sqs_QueueAttributeMap map = { true, 1, &e };

    return sqs_attribute_change(a, &map, false, old, ret, f);
}

TEST(attribute, defaults)
{
    struct sqs_attributes at = { 0 };
    static const struct {
        enum sqs_attribute i;
        int64_t n;
    } rows[] = {
        { SQS_DELAY_SECONDS, 0 },
        { SQS_MAXIMUM_MESSAGE_SIZE, 1048576 },
        { SQS_MESSAGE_RETENTION_PERIOD, 345600 },
        { SQS_RECEIVE_WAIT, 0 },
        { SQS_VISIBILITY_TIMEOUT, 30 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_INT(sqs_attribute_number(&at, rows[i].i), rows[i].n);
    EXPECT_STR(sqs_attribute_text(&at, SQS_MANAGED_SSE), STR("true"));
    EXPECT_STR(sqs_attribute_text(&at, SQS_KMS_KEY), STR_NONE);
    EXPECT_STR(sqs_attribute_text(&at, SQS_POLICY), STR_NONE);
}

TEST(attribute, ranges)
{
    static const struct {
        const char *name, *low, *high, *below, *above;
    } rows[] = {
        { "DelaySeconds", "0", "900", "-1", "901" },
        { "MaximumMessageSize", "1024", "1048576", "1023", "1048577" },
        { "MessageRetentionPeriod", "60", "1209600", "59", "1209601" },
        { "ReceiveMessageWaitTimeSeconds", "0", "20", "-1", "21" },
        { "VisibilityTimeout", "0", "43200", "-1", "43201" },
        { "KmsDataKeyReusePeriodSeconds", "60", "86400", "59", "86401" },
    };
    struct sqs_change ch;
    struct fault f;

    a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT_INT(change_one(rows[i].name, rows[i].low, NULL, &ch, &f), 0);
        EXPECT_INT(change_one(rows[i].name, rows[i].high, NULL, &ch, &f), 0);
        for (size_t k = 0; k < 4; k++) {
            const char *bad = (const char *[]){ rows[i].below, rows[i].above, "", "12x" }[k];

            EXPECT_INT(change_one(rows[i].name, bad, NULL, &ch, &f), -E_FAULT);
            EXPECT(f.row == &sqs_error_InvalidAttributeValue);
            EXPECT_STR(f.message, arena_printf(a, "Invalid value for the parameter %s.", rows[i].name));
        }
    }
    a = arena_free(a);
}

TEST(attribute, names_that_cannot_be_set)
{
    static const struct {
        const char *name, *message;
    } rows[] = {
        { "Nonsense", "Unknown Attribute Nonsense." },
        { "All", "Unknown Attribute All." },
        { "QueueArn", "Unknown Attribute QueueArn." },
        { "FifoQueue", "Unknown Attribute FifoQueue." },
        { "ContentBasedDeduplication", "Unknown Attribute ContentBasedDeduplication." },
        { "DeduplicationScope",
          "You can specify the DeduplicationScope only when FifoQueue is set to true." },
        { "FifoThroughputLimit",
          "You can specify the FifoThroughputLimit only when FifoQueue is set to true." },
    };
    struct sqs_change ch;
    struct fault f;

    a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT_INT(change_one(rows[i].name, "true", NULL, &ch, &f), -E_FAULT);
        EXPECT(f.row == &sqs_error_InvalidAttributeName);
        EXPECT_STR(f.message, str_of(rows[i].message));
    }
    a = arena_free(a);
}

TEST(attribute, encryption_is_one_of_two)
{
    struct sqs_attributes at = { 0 };
    struct sqs_change ch;
    struct fault f;

    a = arena_new(0);
    EXPECT_INT(change_one("KmsMasterKeyId", "alias/k", &at, &ch, &f), 0);
    sqs_attribute_apply(&at, &ch);
    EXPECT_STR(at.text[SQS_KMS_KEY], STR("alias/k"));
    EXPECT_STR(sqs_attribute_text(&at, SQS_MANAGED_SSE), STR("false"));
    EXPECT_INT(change_one("SqsManagedSseEnabled", "true", &at, &ch, &f), -E_FAULT);
    EXPECT_STR(
        f.message,
        STR("You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE "
            "or SQS SSE."));
    EXPECT_INT(change_one("KmsMasterKeyId", "", &at, &ch, &f), 0);
    sqs_attribute_apply(&at, &ch);
    EXPECT_STR(at.text[SQS_KMS_KEY], STR_NONE);
    EXPECT_STR(sqs_attribute_text(&at, SQS_MANAGED_SSE), STR("false"));
    EXPECT_INT(change_one("KmsDataKeyReusePeriodSeconds", "600", &at, &ch, &f), 0);
    sqs_attribute_apply(&at, &ch);
    EXPECT_STR(at.text[SQS_KMS_REUSE], STR("600"));
    EXPECT_INT(change_one("KmsDataKeyReusePeriodSeconds", "300", &at, &ch, &f), 0);
    sqs_attribute_apply(&at, &ch);
    EXPECT_STR(at.text[SQS_KMS_REUSE], STR_NONE);
    sqs_attribute_done(&at);
    a = arena_free(a);
}

TEST(attribute, written_and_read)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct sqs_attributes at = { 0 }, back;
    struct sqs_change ch;
    struct fault f;

    a = arena_new(0);
    EXPECT_INT(change_one("Policy", "{\"Version\":\"2012-10-17\",\"Statement\":[]}", &at, &ch, &f), -E_FAULT);
    EXPECT_INT(change_one("Policy",
                          "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"*\"}}", &at,
                          &ch, &f),
               0);
    sqs_attribute_apply(&at, &ch);
    EXPECT_INT(change_one("VisibilityTimeout", "7", &at, &ch, &f), 0);
    sqs_attribute_apply(&at, &ch);
    sqs_attribute_write(&b, &at);
    EXPECT_STR(buf_view(&b),
               STR("{\"Policy\":\"{\\\"Statement\\\":{\\\"Effect\\\":\\\"Deny\\\",\\\"Principal\\\":\\\"*"
                   "\\\",\\\"Action\\\":\\\"*\\\"}}\",\"VisibilityTimeout\":\"7\"}"));
    EXPECT_INT(sqs_attribute_read(a, buf_view(&b), &back), 0);
    EXPECT_STR(back.text[SQS_POLICY], at.text[SQS_POLICY]);
    EXPECT_INT(sqs_attribute_number(&back, SQS_VISIBILITY_TIMEOUT), 7);
    EXPECT_INT(sqs_attribute_differs(&at, &ch), -1);
    EXPECT_INT(change_one("VisibilityTimeout", "8", &at, &ch, &f), 0);
    EXPECT_INT(sqs_attribute_differs(&at, &ch), SQS_VISIBILITY_TIMEOUT);
    EXPECT_INT(sqs_attribute_read(a, STR("not json"), &back), -E_INVALID);
    sqs_attribute_done(&at);
    sqs_attribute_done(&back);
    a = arena_free(a);
}

#define TARGET "arn:aws:sqs:us-east-1:000000000000:dlq"

TEST(redrive, good)
{
    static const struct {
        const char *text;
        int64_t n;
    } rows[] = {
        { "{\"deadLetterTargetArn\":\"" TARGET "\",\"maxReceiveCount\":1}", 1 },
        { "{\"deadLetterTargetArn\":\"" TARGET "\",\"maxReceiveCount\":\"1000\"}", 1000 },
        { " { \"maxReceiveCount\" : \"5\" , \"deadLetterTargetArn\" : \"" TARGET "\" } ", 5 },
    };
    struct sqs_redrive r;
    struct str why;

    a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT_INT(sqs_redrive_parse(a, str_of(rows[i].text), &r, &why), 0);
        EXPECT_INT(r.max_receives, rows[i].n);
        EXPECT_STR(r.target_arn, STR(TARGET));
    }
    a = arena_free(a);
}

TEST(redrive, bad)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "", "Redrive policy is not a valid JSON map." },
        { "[]", "Redrive policy is not a valid JSON map." },
        { "{", "Redrive policy is not a valid JSON map." },
        { "{}", "Redrive policy does not contain mandatory attribute: deadLetterTargetArn." },
        { "{\"maxReceiveCount\":1}",
          "Redrive policy does not contain mandatory attribute: deadLetterTargetArn." },
        { "{\"deadLetterTargetArn\":\"x\"}",
          "Redrive policy does not contain mandatory attribute: maxReceiveCount." },
        { "{\"deadLetterTargetArn\":\"x\",\"maxReceiveCount\":0}",
          "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive." },
        { "{\"deadLetterTargetArn\":\"x\",\"maxReceiveCount\":1001}",
          "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive." },
        { "{\"deadLetterTargetArn\":\"x\",\"maxReceiveCount\":\"many\"}",
          "Invalid value for maxReceiveCount: many, valid values are from 1 to 1000 both inclusive." },
        { "{\"deadLetterTargetArn\":\"x\",\"maxReceiveCount\":1.5}",
          "Invalid value for maxReceiveCount: 1.5, valid values are from 1 to 1000 both inclusive." },
        { "{\"deadLetterTargetArn\":\"x\",\"maxReceiveCount\":1,\"y\":2}",
          "Redrive policy contains an unknown attribute: y." },
    };
    struct sqs_redrive r;
    struct str why;

    a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT_INT(sqs_redrive_parse(a, str_of(rows[i].text), &r, &why), -E_INVALID);
        EXPECT_STR(why, str_of(rows[i].why));
    }
    a = arena_free(a);
}

TEST(allow, who_may)
{
    a = arena_new(0);
    EXPECT(sqs_allow_source(a, STR_NONE, STR("s")));
    EXPECT(sqs_allow_source(a, STR("{\"redrivePermission\":\"allowAll\"}"), STR("s")));
    EXPECT(!sqs_allow_source(a, STR("{\"redrivePermission\":\"denyAll\"}"), STR("s")));
    EXPECT(sqs_allow_source(a, STR("{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"r\",\"s\"]}"),
                            STR("s")));
    EXPECT(!sqs_allow_source(a, STR("{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"r\"]}"),
                             STR("s")));
    EXPECT(!sqs_allow_source(a, STR("damaged"), STR("s")));
    a = arena_free(a);
}

TEST(allow, bad)
{
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{\"redrivePermission\":\"some\"}",
        "{\"redrivePermission\":\"byQueue\"}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[]}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":\"s\"}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[1]}",
        "{\"redrivePermission\":\"allowAll\",\"sourceQueueArns\":[\"s\"]}",
        ("{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"1\",\"2\","
         "\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}")
    };
    struct sqs_allow allow;
    struct str why = STR_NONE;

    a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT_INT(sqs_allow_parse(a, str_of(rows[i]), &allow, &why), -E_INVALID);
        EXPECT(why.n > 0);
    }
    a = arena_free(a);
}

UNIT_MAIN
