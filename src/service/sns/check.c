/* check.c - is the memory of this service as its files say?  Asked by tests after their steps; never by the
 * server. */
#include "service/sns/deliver.h"
#include "service/sns/seen.h"

static void check_subscription(const struct sns_topic *t, const struct sns_subscription *sub)
{
    const struct sns *s = t->owner;

    CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
    CHECK(sub->topic == t && sub->protocol < SNS_N_PROTOCOLS && sub->state <= SNS_ENDED);
    CHECK(sns_subscription_find(s, sub->arn) == sub && sns_subscription_by_id(s, sub->id) == sub);
    CHECK(link_on(&sub->expiring) == (sub->state != SNS_CONFIRMED));
}

static size_t check_topic(const struct sns *s, const struct sns_topic *t)
{
    size_t n = 0, by_state[SNS_ENDED + 1] = { 0 };
    uint64_t before = 0;

    CHECK_IS(t, SNS_TOPIC_MAGIC);
    CHECK(t->owner == s && sns_topic_find(s, t->arn) == t);
    LIST_EACH(&t->subscriptions, k) {
        const struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, link);

        check_subscription(t, sub);
        CHECK(sub->id > before);
        before = sub->id;
        by_state[sub->state]++;
        n++;
    }
    CHECK(by_state[SNS_CONFIRMED] == t->n_confirmed && by_state[SNS_PENDING] == t->n_pending);
    return n;
}

/* Those that are not confirmed, the first to go first. */
static size_t check_expiring(const struct sns *s)
{
    int64_t before = INT64_MIN;
    size_t n = 0;

    LIST_EACH(&s->expiring, k) {
        const struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, expiring);

        CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
        CHECK(sub->state != SNS_CONFIRMED && sub->state_ms >= before);
        before = sub->state_ms;
        n++;
    }
    return n;
}

void sns_check(const struct sns *s)
{
    size_t subscriptions = 0, confirmed = 0;
    struct str key;
    void *value;

    CHECK_IS(s, SNS_MAGIC);
    for (size_t i = 0; map_next(&s->topics, &i, &key, &value);) {
        const struct sns_topic *t = CAST(struct sns_topic, SNS_TOPIC_MAGIC, value);

        CHECK(str_eq(key, t->arn));
        subscriptions += check_topic(s, t);
        confirmed += t->n_confirmed;
    }
    CHECK(subscriptions == s->subscriptions.n && subscriptions == s->subscriptions_by_id.n);
    CHECK(check_expiring(s) == subscriptions - confirmed);
    sns_seen_check(s);
    sns_lines_check(&s->lines);
    sns_posts_check(s);
}
