/* onward.c - for `waybill explain`: which of a topic's subscribers the topic may not reach. */
#include "flow/explain.h"
#include "service/sns/topic.h"

size_t sns_onward(void *arg, struct turn *t, struct arena *a, const struct arn *target,
                  struct str target_text, struct explain_onward *v, size_t max)
{
    const struct sns *s = CAST(const struct sns, SNS_MAGIC, arg);
    const struct sns_topic *topic = sns_topic_find(s, target_text);
    size_t n = 0;

    (void)target;
    if (topic == NULL)
        return 0;
    LIST_EACH(&topic->subscriptions, k) {
        const struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, link);
        CLEANUP(buf_done) struct buf why = { 0 };

        if (n == max || sub->protocol > SNS_LAMBDA)
            continue;
        CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
        v[n] = (struct explain_onward){ .from = arena_str(a, topic->arn), .to = arena_str(a, sub->endpoint) };
        v[n].may = sinks_service_may(s->o.sinks, t, "sns.amazonaws.com", topic->arn, topic->account,
                                     sub->endpoint, &why);
        v[n++].why = buf_to_arena(&why, a);
    }
    return n;
}
