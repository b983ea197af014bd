/* onward.c - for `waybill explain`: which of a topic's subscribers the topic may not reach. */
#include "flow/explain.h"
#include "service/sns/topic.h"

size_t sns_onward(const struct door *d, struct arena *a, struct explain_onward *v, size_t max)
{
    const struct sns_topic *topic = d->object;
    struct sender from;
    size_t n = 0;

    if (topic == NULL)
        return 0;
    CHECK_IS(topic, SNS_TOPIC_MAGIC);
    from = sns_sender(topic);
    LIST_EACH(&topic->subscriptions, k) {
        const struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, link);
        CLEANUP(buf_done) struct buf why = { 0 };
        struct door next;

        if (n == max || sub->protocol > SNS_LAMBDA)
            continue;
        CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
        v[n] = (struct explain_onward){ .from = arena_str(a, topic->arn), .to = arena_str(a, sub->endpoint) };
        next = door_find(d->sinks, d->turn, sub->endpoint);
        v[n].may = door_service_may(&next, &from, &why);
        v[n++].why = buf_to_arena(&why, a);
    }
    return n;
}
