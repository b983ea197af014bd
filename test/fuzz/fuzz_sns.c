/* fuzz_sns.c - whatever the bytes: an errand of the outbox is damaged or comes back as it was; a delivery
 * policy is refused with a sentence or gives a schedule that ends within the hour; attributes are refused or
 * taken, never more. */
#include "service/sns/deliver.h"
#include "service/sns/retry.h"
#include "wire/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void call_reply(struct call *c, int result) /* the engine's; nobody waits here */
{
    (void)c;
    (void)result;
    CHECK(false);
}

static void errand(struct arena *a, struct str text)
{
    CLEANUP(buf_done) struct buf one = { 0 }, two = { 0 };
    struct sns_errand e, again;

    if (sns_errand_read(a, text, &e) != 0)
        return;
    sns_errand_write(&one, &e);
    CHECK(sns_errand_read(a, buf_view(&one), &again) == 0);
    sns_errand_write(&two, &again);
    CHECK(str_eq(buf_view(&one), buf_view(&two)));
    for (int p = 0; p < SNS_N_PROTOCOLS; p++)
        (void)sns_message_text(a, &e.message, (enum sns_protocol)p);
}

static void policy(struct str text, bool of_topic)
{
    CLEANUP(buf_done) struct buf why = { 0 }, shown = { 0 };
    struct sns_delivery_policy p, none = { 0 }, merged;

    if (sns_delivery_policy_parse(text, of_topic, &p, &why) != 0) {
        CHECK(why.n > 0);
        return;
    }
    sns_delivery_policy_merge(&p, &none, &merged);
    CHECK(sns_retry_total_ms(&merged.retry) <= 3600000);
    CHECK(sns_retry_http_ms(&merged.retry, (unsigned)merged.retry.retries + 1) == SNS_RETRY_OVER);
    for (unsigned n = 1; n <= merged.retry.retries; n++)
        CHECK(sns_retry_http_ms(&merged.retry, n) >= 0 &&
              sns_retry_http_ms(&merged.retry, n) <= merged.retry.max_s * 1000);
    sns_delivery_policy_show(&shown, &merged, of_topic);
    CHECK(json_check(buf_view(&shown), NULL) == 0);
}

static void attributes(struct str text)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct sns_attribute_context x = { .account = STR("000000000000"),
                                       .region = STR("us-east-1"),
                                       .http = true };

    for (int i = 0; i < SNS_N_TOPIC_ATTRIBUTES; i++) {
        int r = sns_topic_attribute_check((enum sns_topic_attribute)i, text, i % 2 == 0, &why);

        CHECK(r == 0 || why.n > 0);
        buf_clear(&why);
    }
    for (int i = 0; i < SNS_N_SUBSCRIPTION_ATTRIBUTES; i++) {
        int r = sns_subscription_attribute_check((enum sns_subscription_attribute)i, text, &x, &why);

        CHECK(r == 0 || why.n > 0);
        buf_clear(&why);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    struct arena *a = arena_new(0);

    errand(a, text);
    policy(text, true);
    policy(text, false);
    attributes(text);
    arena_free(a);
    return 0;
}
