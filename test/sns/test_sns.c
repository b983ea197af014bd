/* The pieces of SNS without a server: retry schedules as tables, delivery policies, envelopes whole,
 * signatures checked with OpenSSL, and errands through the outbox's form and back. */
#include "test/aborts.h"
#include "test/unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include "base/crypt.h"
#include "service/sns/deliver.h"
#include "service/sns/envelope.h"
#include "policy/text.h"
#include "service/sns/retry.h"

#define NOW 1800000000000
#define TOPIC "arn:aws:sns:us-east-1:000000000000:t"

/* ---- attributes ---- */

static struct str text_of(struct arena *a, const char *piece, size_t n)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    while (n-- > 0)
        buf_z(&b, piece);
    return buf_to_arena(&b, a);
}

/* Characters are counted, not bytes; the longest fits. */
TEST(attribute, texts_have_a_greatest_length)
{
    static const struct {
        enum sns_topic_attribute which;
        size_t most;
        const char *name;
    } rows[] = { { SNS_DISPLAY_NAME, 100, "DisplayName" }, { SNS_KMS_KEY, 2048, "KmsMasterKeyId" } };
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int wide = 0; wide < 2; wide++) {
            CLEANUP(buf_done) struct buf why = { 0 };
            const char *piece = wide ? "\xc3\xa9" : "e";

            EXPECT_INT(sns_topic_attribute_check(rows[i].which, text_of(a, piece, rows[i].most), false, &why),
                       0);
            EXPECT_INT(sns_topic_attribute_check(rows[i].which, text_of(a, piece, rows[i].most + 1), false,
                                                 &why),
                       -E_INVALID);
            EXPECT_STR(buf_view(&why), str_of(rows[i].name));
        }
}

TEST(attribute, texts_are_printable)
{
    static const char *const bad[] = { "a\nb", "\x1f", "a\x7f", "\xc3", "\xff" };
    CLEANUP(buf_done) struct buf why = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        EXPECT_INT(sns_topic_attribute_check(SNS_DISPLAY_NAME, str_of(bad[i]), false, &why), -E_INVALID);
    EXPECT_INT(sns_topic_attribute_check(SNS_DISPLAY_NAME, STR(" ~"), false, &why), 0);
}

TEST(attribute, redrive_policies)
{
#define DEAD(arn) "{\"deadLetterTargetArn\":\"" arn "\"}"
    static const struct {
        const char *text;
        bool fifo;
        const char *why;
    } rows[] = {
        { "", false, "" },
        { "{}", false, "" },
        { DEAD("arn:aws:sqs:us-east-1:000000000000:q"), false, "" },
        { DEAD("arn:aws:sqs:us-east-1:000000000000:q.fifo"), true, "" },
        { "{\"maxReceiveCount\":3}", false, "RedrivePolicy: unknown property maxReceiveCount" },
        { "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:q\",\"more\":1}", false,
          "RedrivePolicy: unknown property more" },
        { "[]", false, "RedrivePolicy: failed to parse JSON." },
        { "{", false, "RedrivePolicy: failed to parse JSON." },
        { "{\"deadLetterTargetArn\":5}", false, "RedrivePolicy: deadLetterTargetArn is an invalid arn" },
        { DEAD("q"), false, "RedrivePolicy: deadLetterTargetArn is an invalid arn" },
        { DEAD("arn:aws:sns:us-east-1:000000000000:q"), false,
          "RedrivePolicy: deadLetterTargetArn is an invalid arn" },
        { DEAD("arn:aws:sqs:eu-west-1:000000000000:q"), false,
          "RedrivePolicy: the dead-letter queue must be in the account and region of the subscription" },
        { DEAD("arn:aws:sqs:us-east-1:111111111111:q"), false,
          "RedrivePolicy: the dead-letter queue must be in the account and region of the subscription" },
        { DEAD("arn:aws:sqs:us-east-1:000000000000:q"), true,
          "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic." },
        { DEAD("arn:aws:sqs:us-east-1:000000000000:q.fifo"), false,
          "RedrivePolicy: must use a standard queue as DLQ for this subscription." },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf why = { 0 };
        struct sns_attribute_context x = { .fifo = rows[i].fifo,
                                           .account = STR("000000000000"),
                                           .region = STR("us-east-1") };
        int r = sns_subscription_attribute_check(SNS_SUB_REDRIVE, str_of(rows[i].text), &x, &why);

        EXPECT_INT(r, rows[i].why[0] == '\0' ? 0 : -E_INVALID);
        buf_z(&why, "");
        EXPECT_STR(why.n > 0 ? buf_view(&why) : STR(""), str_of(rows[i].why));
    }
}

/* ---- a topic in a store ---- */

struct world {
    struct store *store;
    struct outbox *outbox;
    struct sinks sinks;
    struct sns *sns;
    struct turn turn;
    struct arena *a;
    struct sns_topic *topic;
};

static void ignore_set(void *engine, struct timer *t, int64_t at)
{
    (void)engine;
    (void)t;
    (void)at;
}
static void ignore_cancel(void *engine, struct timer *t)
{
    (void)engine;
    (void)t;
}
static const struct turn_ops ops = { .timer_set = ignore_set, .timer_cancel = ignore_cancel };

void call_reply(struct call *c, int result)
{
    (void)c;
    (void)result;
    CHECK(false);
}

static void open_world(struct world *w)
{
    CLEANUP(buf_done) struct buf why = { 0 };

    *w = (struct world){ 0 };
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &w->store, &why) == 0);
    w->outbox = outbox_new();
    w->turn = (struct turn){ .magic = TURN_MAGIC, .store = w->store, .now = { NOW, 0 }, .ops = &ops };
    w->sns = sns_new(&(struct sns_options){ &w->sinks, w->outbox });
    w->a = arena_new(0);
    w->topic = sns_topic_new(w->sns, 1, STR("000000000000"), STR("us-east-1"), STR("t"));
    sns_topic_derive(w->topic);
}

static void close_world(struct world *w)
{
    sns_check(w->sns);
    w->a = arena_free(w->a);
    w->sns = sns_free(w->sns);
    w->outbox = outbox_free(w->outbox);
    store_rollback(w->store);
    w->store = store_close(w->store);
}

static struct sns_subscription *subscription(struct world *w, enum sns_protocol p)
{
    const struct sns_subscription_init init = { .id = 10 + p,
                                                .uuid = p == SNS_LAMBDA
                                                            ? STR("11111111-2222-4333-8444-666666666666")
                                                            : STR("11111111-2222-4333-8444-555555555555"),
                                                .owner = STR("000000000000"),
                                                .endpoint = STR("http://e/"),
                                                .host = STR("h:1"),
                                                .token = STR("tok"),
                                                .protocol = p,
                                                .state = SNS_CONFIRMED };

    return sns_subscription_new(w->topic, &init);
}

static struct sns_message message(void)
{
    static struct pattern_attribute v[2];

    v[0] = (struct pattern_attribute){ STR("a"), STR("String"), STR("x\"y") };
    v[1] = (struct pattern_attribute){ STR("b"), STR("Binary"), STR("\0\xff") };
    return (struct sns_message){ .id = STR("00000000-1111-4222-8333-444444444444"),
                                 .at_ms = NOW + 7,
                                 .body = STR("hello\n\"you\""),
                                 .attributes = v,
                                 .n_attributes = 2 };
}

static bool verifies(struct str certificate, const EVP_MD *md, struct str text, struct str base64)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    BIO *bio = BIO_new_mem_buf(certificate.p, (int)certificate.n);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    struct str bytes = STR_NONE;
    bool good;

    CHECK(x != NULL && base64_decode(a, base64, &bytes) == 0);
    good = EVP_DigestVerifyInit(c, NULL, md, NULL, X509_get0_pubkey(x)) == 1 &&
           EVP_DigestVerify(c, (const unsigned char *)bytes.p, bytes.n, (const unsigned char *)text.p,
                            text.n) == 1;
    EVP_MD_CTX_free(c);
    X509_free(x);
    BIO_free(bio);
    return good;
}

/* ---- retries ---- */

TEST(retry, managed)
{
    static const int64_t first[] = { 0, 0, 0, 1000, 1000, 1000 };
    int64_t before = 0, sum = 0;

    for (unsigned n = 1; n <= ARRAY_LEN(first); n++)
        EXPECT_INT(sns_retry_managed_ms(n), first[n - 1]);
    for (unsigned n = 6; n <= 15; n++) {
        EXPECT(sns_retry_managed_ms(n) > before);
        before = sns_retry_managed_ms(n);
    }
    EXPECT_INT(sns_retry_managed_ms(15), 20000);
    EXPECT_INT(sns_retry_managed_ms(16), 20000);
    EXPECT_INT(sns_retry_managed_ms(100015), 20000);
    EXPECT_INT(sns_retry_managed_ms(100016), SNS_RETRY_OVER);
    for (unsigned n = 1; n <= 100015; n++)
        sum += sns_retry_managed_ms(n);
    EXPECT_INT(sum / 86400000, 23); /* days */
}

static void expect_delays(const struct sns_retry *r, const int64_t *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        EXPECT_INT(sns_retry_http_ms(r, (unsigned)i + 1), want[i]);
    EXPECT_INT(sns_retry_http_ms(r, (unsigned)n + 1), SNS_RETRY_OVER);
    EXPECT_INT(sns_retry_http_ms(r, 0), SNS_RETRY_OVER);
}

TEST(retry, http_phases_and_curves)
{
    struct sns_retry r = {
        .min_s = 1, .max_s = 16, .retries = 9, .no_delays = 2, .min_delays = 1, .max_delays = 1
    };

    r.backoff = SNS_LINEAR;
    expect_delays(&r, (const int64_t[]){ 0, 0, 1000, 1000, 4750, 8500, 12250, 16000, 16000 }, 9);
    r.backoff = SNS_ARITHMETIC;
    expect_delays(&r, (const int64_t[]){ 0, 0, 1000, 1000, 2500, 5500, 10000, 16000, 16000 }, 9);
    r.backoff = SNS_GEOMETRIC;
    expect_delays(&r, (const int64_t[]){ 0, 0, 1000, 1000, 2000, 4000, 8000, 16000, 16000 }, 9);
    r.backoff = SNS_EXPONENTIAL;
    expect_delays(&r, (const int64_t[]){ 0, 0, 1000, 1000, 2000, 4000, 8000, 16000, 16000 }, 9);
    EXPECT_INT(sns_retry_total_ms(&r), 48000);
    expect_delays(&sns_retry_default, (const int64_t[]){ 20000, 20000, 20000 }, 3);
    r = (struct sns_retry){ .min_s = 3, .max_s = 9, .retries = 1 };
    expect_delays(&r, (const int64_t[]){ 3000 }, 1);
}

TEST(retry, http_answers)
{
    static const struct {
        int status;
        enum sns_verdict verdict;
    } rows[] = { { 200, SNS_DELIVERED }, { 204, SNS_DELIVERED }, { 0, SNS_AGAIN },   { 301, SNS_AGAIN },
                 { 400, SNS_FINAL },     { 404, SNS_FINAL },     { 429, SNS_AGAIN }, { 499, SNS_FINAL },
                 { 500, SNS_AGAIN },     { 503, SNS_AGAIN } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_INT(sns_http_verdict(rows[i].status), rows[i].verdict);
}

/* ---- delivery policies ---- */

static void expect_policy(bool of_topic, const char *text, const char *want)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct sns_delivery_policy p;
    int r = sns_delivery_policy_parse(str_of(text), of_topic, &p, &why);

    if (want == NULL)
        EXPECT_INT(r, 0);
    else
        EXPECT_STR(r == -E_INVALID ? buf_view(&why) : STR("accepted"), str_of(want));
}

TEST(delivery_policy, refused_by_name)
{
    expect_policy(true, "{}", NULL);
    expect_policy(true, "{\"http\":null}", NULL);
    expect_policy(true, "{\"http\":{\"defaultThrottlePolicy\":null,\"defaultSicklyRetryPolicy\":null}}",
                  NULL);
    expect_policy(true, "[]", "DeliveryPolicy: must be a JSON object");
    expect_policy(true, "{\"healthyRetryPolicy\":{}}",
                  "DeliveryPolicy: healthyRetryPolicy is not a property Waybill knows here");
    expect_policy(
        false, "{\"healthyRetryPolicy\":{\"numRetries\":-1}}",
        "DeliveryPolicy: healthyRetryPolicy.numRetries must be a whole number greater than or equal to 0");
    expect_policy(false, "{\"healthyRetryPolicy\":{\"minDelayTarget\":0}}",
                  "DeliveryPolicy: healthyRetryPolicy.minDelayTarget must be greater than or equal to 1");
    expect_policy(false, "{\"healthyRetryPolicy\":{\"backoffFunction\":\"x\"}}",
                  "DeliveryPolicy: healthyRetryPolicy.backoffFunction must be one of arithmetic, "
                  "exponential, geometric or linear");
    expect_policy(false, "{\"healthyRetryPolicy\":{\"numRetries\":1,\"numNoDelayRetries\":2}}",
                  "DeliveryPolicy: healthyRetryPolicy.numRetries "
                  "must be greater than or equal to the sum of numNoDelayRetries, numMinDelayRetries and "
                  "numMaxDelayRetries");
    expect_policy(false, "{\"requestPolicy\":{\"headerContentType\":\"image/png\"}}",
                  "DeliveryPolicy: requestPolicy.headerContentType is not a content type SNS sends");
    expect_policy(false, "{\"throttlePolicy\":{\"maxReceivesPerSecond\":1}}",
                  "DeliveryPolicy: throttlePolicy is not supported: Waybill does not throttle deliveries");
    expect_policy(false, "{\"guaranteed\":true}", "DeliveryPolicy: guaranteed is not supported");
}

TEST(delivery_policy, who_rules)
{
    struct sns_delivery_policy topic, sub, none = { 0 }, got;

    sns_delivery_policy_merge(&none, &none, &got);
    EXPECT_INT(got.retry.retries, 3);
    EXPECT_Z(got.content_type, "text/plain; charset=UTF-8");
    EXPECT_INT(sns_delivery_policy_parse(STR("{\"http\":{\"defaultHealthyRetryPolicy\":{\"numRetries\":7}}}"),
                                         true, &topic, NULL),
               0);
    EXPECT_INT(sns_delivery_policy_parse(
                   STR("{\"healthyRetryPolicy\":{\"numRetries\":9},\"requestPolicy\":{\"headerContentType\":"
                       "\"application/json\"}}"),
                   false, &sub, NULL),
               0);
    sns_delivery_policy_merge(&topic, &none, &got);
    EXPECT_INT(got.retry.retries, 7);
    sns_delivery_policy_merge(&topic, &sub, &got);
    EXPECT_INT(got.retry.retries, 9);
    EXPECT_Z(got.content_type, "application/json");
    topic.no_overrides = true;
    sns_delivery_policy_merge(&topic, &sub, &got);
    EXPECT_INT(got.retry.retries, 7);
    EXPECT_Z(got.content_type, "text/plain; charset=UTF-8");
}

/* ---- envelopes ---- */

TEST(envelope, notification_whole)
{
    struct world w;
    struct sns_rendering r;
    struct sns_message m = message();
    CLEANUP(buf_done) struct buf got = { 0 }, want = { 0 }, text = { 0 }, signature = { 0 };

    open_world(&w);
    m.subject = STR("s");
    sns_rendering_init(&r, w.a, &w.turn, w.topic, &m);
    sns_render_notification(&r, subscription(&w, SNS_SQS), &got);
    buf_z(&text,
          "Message\nhello\n\"you\"\nMessageId\n00000000-1111-4222-8333-444444444444\nSubject\ns\nTimestamp\n"
          "2027-01-15T08:00:00.007Z\nTopicArn\n" TOPIC "\nType\nNotification\n");
    sign_text(w.sns->key, SIGN_SHA1, buf_view(&text), &signature);
    EXPECT(verifies(sign_certificate(w.sns->key), EVP_sha1(), buf_view(&text), buf_view(&signature)));
    buf_printf(&want,
               "{\"Type\":\"Notification\",\"MessageId\":\"00000000-1111-4222-8333-444444444444\","
               "\"TopicArn\":\"" TOPIC "\","
               "\"Subject\":\"s\",\"Message\":\"hello\\n\\\"you\\\"\",\"Timestamp\":\"2027-01-15T08:00:00."
               "007Z\",\"SignatureVersion\":\"1\","
               "\"Signature\":\"" STR_FMT
               "\",\"SigningCertURL\":\"http://h:1/SimpleNotificationService-%s.pem\","
               "\"UnsubscribeURL\":\"http://h:1/?Action=Unsubscribe&SubscriptionArn=" TOPIC
               ":11111111-2222-4333-8444-555555555555\","
               "\"MessageAttributes\":{\"a\":{\"Type\":\"String\",\"Value\":\"x\\\"y\"},\"b\":{\"Type\":"
               "\"Binary\",\"Value\":\"AP8=\"}}}",
               STR_ARG(buf_view(&signature)), sign_key_name(w.sns->key));
    EXPECT_STR(buf_view(&got), buf_view(&want));
    close_world(&w);
}

TEST(envelope, lambda_whole)
{
    struct world w;
    struct sns_rendering r;
    struct sns_message m = message();
    CLEANUP(buf_done) struct buf got = { 0 }, want = { 0 };

    open_world(&w);
    m.n_attributes = 0;
    m.sequence = STR("10000000000000000001");
    sns_rendering_init(&r, w.a, &w.turn, w.topic, &m);
    sns_render_lambda(&r, subscription(&w, SNS_LAMBDA), &got);
    buf_printf(
        &want,
        "{\"Records\":[{\"EventSource\":\"aws:sns\",\"EventVersion\":\"1.0\",\"EventSubscriptionArn\":"
        "\"" TOPIC ":11111111-2222-4333-8444-666666666666\",\"Sns\":{\"Type\":\"Notification\",\"MessageId\":"
        "\"00000000-1111-4222-8333-444444444444\","
        "\"TopicArn\":\"" TOPIC
        "\",\"Subject\":null,\"Message\":\"hello\\n\\\"you\\\"\",\"Timestamp\":\"2027-01-15T08:00:00.007Z\","
        "\"SignatureVersion\":\"1\",\"Signature\":\"" STR_FMT
        "\",\"SigningCertUrl\":\"http://h:1/SimpleNotificationService-%s.pem\","
        "\"UnsubscribeUrl\":\"http://h:1/?Action=Unsubscribe&SubscriptionArn=" TOPIC
        ":11111111-2222-4333-8444-666666666666\","
        "\"MessageAttributes\":{}}}]}",
        STR_ARG(r.variant[0].signature), sign_key_name(w.sns->key));
    EXPECT_STR(buf_view(&got), buf_view(&want));
    close_world(&w);
}

TEST(envelope, signed_once_for_all_that_get_the_same_text)
{
    struct world w;
    struct sns_rendering r;
    struct sns_message m = message();
    CLEANUP(buf_done) struct buf one = { 0 }, two = { 0 };

    open_world(&w);
    sns_rendering_init(&r, w.a, &w.turn, w.topic, &m);
    sns_render_notification(&r, subscription(&w, SNS_SQS), &one);
    const char *signature = r.variant[0].signature.p;
    sns_render_lambda(&r, subscription(&w, SNS_LAMBDA), &two);
    EXPECT(r.variant[0].signature.p == signature && str_find_str(buf_view(&two), r.variant[0].signature) > 0);
    m.structured = true;
    m.body = STR("{\"default\":\"d\",\"lambda\":\"l\"}");
    sns_rendering_init(&r, w.a, &w.turn, w.topic, &m);
    EXPECT_STR(sns_render_text(&r, SNS_SQS), STR("d"));
    EXPECT_STR(sns_render_text(&r, SNS_LAMBDA), STR("l"));
    close_world(&w);
}

TEST(envelope, version_2_is_sha256_and_raw_needs_no_key)
{
    struct world w;
    struct sns_rendering r;
    struct sns_message m = message();
    CLEANUP(buf_done) struct buf got = { 0 }, text = { 0 };

    open_world(&w);
    sns_attribute_put(&w.topic->attributes.text[SNS_SIGNATURE_VERSION], STR("2"));
    sns_topic_derive(w.topic);
    sns_rendering_init(&r, w.a, &w.turn, w.topic, &m);
    EXPECT_STR(sns_render_text(&r, SNS_SQS), m.body);
    EXPECT(w.sns->key == NULL);
    sns_render_notification(&r, subscription(&w, SNS_SQS), &got);
    sns_signed_text(&text, &m, w.topic->arn, m.body, STR_NONE, STR_NONE);
    EXPECT(verifies(sign_certificate(w.sns->key), EVP_sha256(), buf_view(&text), r.variant[0].signature));
    EXPECT(!verifies(sign_certificate(w.sns->key), EVP_sha1(), buf_view(&text), r.variant[0].signature));
    close_world(&w);
}

TEST(envelope, confirmation_is_signed_with_link_and_token)
{
    struct sns_message m = {
        .kind = SNS_SUBSCRIPTION_CONFIRMATION, .id = STR("i"), .at_ms = NOW, .subject = STR("never")
    };
    CLEANUP(buf_done) struct buf text = { 0 };

    sns_signed_text(&text, &m, STR("arn"), STR("text"), STR("url"), STR("tok"));
    EXPECT_STR(buf_view(&text), STR("Message\ntext\nMessageId\ni\nSubscribeURL\nurl\nTimestamp\n2027-01-"
                                    "15T08:00:00.000Z\nToken\ntok\n"
                                    "TopicArn\narn\nType\nSubscriptionConfirmation\n"));
}

TEST(sign, a_key_kept_is_the_same_key)
{
    CLEANUP(buf_done) struct buf pem = { 0 }, one = { 0 }, two = { 0 };
    struct sign_key *k = sign_key_new("sns.amazonaws.com"), *again = NULL;

    sign_key_write(k, &pem);
    EXPECT_INT(sign_key_read(buf_view(&pem), sign_certificate(k), &again), 0);
    EXPECT_Z(sign_key_name(again), sign_key_name(k));
    sign_text(k, SIGN_SHA256, STR("x"), &one);
    sign_text(again, SIGN_SHA256, STR("x"), &two);
    EXPECT_STR(buf_view(&two), buf_view(&one));
    EXPECT_INT(sign_key_read(STR("no key"), sign_certificate(k), &again), -E_INVALID);
    sign_key_free(again);
    sign_key_free(k);
}

/* ---- policies ---- */

TEST(policy, the_default_statement_lets_no_service_in)
{
    struct world w;
    CLEANUP(buf_done) struct buf b = { 0 };

    open_world(&w);
    EXPECT(w.topic->policy != NULL && w.topic->for_services == NULL);
    policy_text_edit(
        &b, w.a, sns_topic_policy(w.a, w.topic), STR_NONE,
        STR("{\"Sid\":\"l\",\"Effect\":\"Allow\",\"Principal\":"
            "{\"Service\":\"events.amazonaws.com\"},\"Action\":\"sns:Publish\",\"Resource\":\"" TOPIC "\"}"));
    EXPECT(policy_text_has(w.a, buf_view(&b), STR("l"), NULL) &&
           policy_text_has(w.a, buf_view(&b), SNS_DEFAULT_STATEMENT, NULL));
    sns_attribute_put(&w.topic->attributes.text[SNS_POLICY], buf_view(&b));
    sns_topic_derive(w.topic);
    EXPECT_INT(policy_statement_count(w.topic->policy), 2);
    EXPECT_INT(policy_statement_count(w.topic->for_services), 1);
    buf_clear(&b);
    policy_text_edit(&b, w.a, sns_topic_policy(w.a, w.topic), STR("l"), STR_NONE);
    EXPECT(!policy_text_has(w.a, buf_view(&b), STR("l"), NULL));
    close_world(&w);
}

TEST(policy, one_statement_may_stand_alone)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf b = { 0 };

    policy_text_edit(&b, a, STR("{\"Statement\":{\"Sid\":\"x\"},\"Version\":\"2012-10-17\"}"), STR_NONE,
                     STR("{\"Sid\":\"y\"}"));
    EXPECT_STR(buf_view(&b),
               STR("{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"x\"},{\"Sid\":\"y\"}]}"));
}

/* ---- errands ---- */

TEST(errand, through_the_outbox_and_back)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf one = { 0 }, two = { 0 };
    struct sns_errand e = { .message = message(),
                            .topic_arn = STR(TOPIC),
                            .topic_id = 3,
                            .to = 5,
                            .after = 7,
                            .dead = true },
                      got;

    e.message.subject = STR("s");
    e.message.group = STR("g");
    e.message.structured = true;
    sns_errand_write(&one, &e);
    EXPECT_INT(sns_errand_read(a, buf_view(&one), &got), 0);
    EXPECT_INT(got.to, 5);
    EXPECT_INT(got.after, 7);
    EXPECT(got.dead && got.message.structured);
    EXPECT_STR(got.message.attributes[1].value, STR("\0\xff"));
    EXPECT_STR(got.message.sequence, STR_NONE);
    sns_errand_write(&two, &got);
    EXPECT_STR(buf_view(&two), buf_view(&one));
}

TEST(errand, damaged)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{\"topic\":\"t\",\"id\":\"i\",\"kind\":9,\"attributes\":[]}",
        "{\"topic\":\"t\",\"id\":\"i\",\"attributes\":[\"a\"]}",
        "{\"topic\":\"t\",\"id\":\"i\"}",
        "{\"topic\":\"t\",\"id\":\"i\",\"attributes\":[\"a\",\"Binary\",\"!\"]}"
    };
    struct sns_errand e;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_INT(sns_errand_read(a, str_of(rows[i]), &e), -E_INVALID);
}

TEST(message, sizes_and_fifo_rules)
{
    struct world w;
    struct sns_message m = message();
    struct fault f;

    open_world(&w);
    EXPECT_INT(sns_message_bytes(&m), 11 + (1 + 6 + 3) + (1 + 6 + 2));
    EXPECT_INT(sns_message_check_fifo(w.a, w.topic, &m, &f), 0);
    EXPECT_STR(m.deduplication_id, STR_NONE);
    m.group = STR("a b");
    EXPECT_INT(sns_message_check_fifo(w.a, w.topic, &m, &f), -E_FAULT);
    m.group = STR("g");
    w.topic->fifo = w.topic->content_deduplication = true;
    m.body = STR("");
    EXPECT_INT(sns_message_check_fifo(w.a, w.topic, &m, &f), 0);
    EXPECT_STR(m.deduplication_id, STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    close_world(&w);
}

static struct world at_stake;

static void a_subscription_is_confirmed_twice(void)
{
    sns_subscription_enter(subscription(&at_stake, SNS_HTTP), SNS_CONFIRMED, NOW);
}

static void a_topic_counts_wrong(void)
{
    (void)subscription(&at_stake, SNS_HTTP);
    at_stake.topic->n_pending++;
    sns_check(at_stake.sns);
}

TEST(sns, what_cannot_be_ends_the_program)
{
    open_world(&at_stake);
    EXPECT_ABORTS(a_subscription_is_confirmed_twice, "SNS subscription");
    EXPECT_ABORTS(a_topic_counts_wrong, "t->n_pending");
    close_world(&at_stake);
}

UNIT_MAIN
