/* sns.c - the service as the program sees it: its table of operations, its life, and its door for what other
 * rooms hand over (records of functions, events, notifications of buckets).
 *
 * Operations without a row here (mobile push, SMS, data protection) answer the uniform "not implemented" of
 * the router. */
#include "service/sns/sns.h"

#include <stdlib.h>
#include "service/sns/deliver.h"
#include "service/sns/envelope.h"
#include "service/sns/ops.h"
#include "service/sns/rows.h"
#include "service/sns/seen.h"

/* 256 KiB may arrive as three characters a byte (%0A), and binary values in base64. */
#define PUBLISH_BODY_MOST ((size_t)2 << 20)

static const struct handler handlers[] = {
    { "AddPermission", sns_add_permission, 0 },
    { "ConfirmSubscription", sns_confirm_subscription, 0 },
    { "CreateTopic", sns_create_topic, 0 },
    { "DeleteTopic", sns_delete_topic, 0 },
    { "GetSubscriptionAttributes", sns_get_subscription_attributes, 0 },
    { "GetTopicAttributes", sns_get_topic_attributes, 0 },
    { "ListSubscriptions", sns_list_subscriptions, 0 },
    { "ListSubscriptionsByTopic", sns_list_subscriptions_by_topic, 0 },
    { "ListTagsForResource", sns_list_tags, 0 },
    { "ListTopics", sns_list_topics, 0 },
    { "Publish", sns_publish_one, PUBLISH_BODY_MOST },
    { "PublishBatch", sns_publish_batch, PUBLISH_BODY_MOST },
    { "RemovePermission", sns_remove_permission, 0 },
    { "SetSubscriptionAttributes", sns_set_subscription_attributes, PUBLISH_BODY_MOST },
    { "SetTopicAttributes", sns_set_topic_attributes, 0 },
    { "Subscribe", sns_subscribe, PUBLISH_BODY_MOST },
    { "TagResource", sns_tag_resource, 0 },
    { "Unsubscribe", sns_unsubscribe, 0 },
    { "UntagResource", sns_untag_resource, 0 },
};

struct sns *sns_new(const struct sns_options *o)
{
    struct sns *s = xcalloc(1, sizeof(*s));

    s->magic = SNS_MAGIC;
    s->o = *o;
    elsewhere_init(&s->elsewhere, o->outbox);
    s->expiry.fire = sns_expiry_fire;
    s->forget.fire = sns_seen_fire;
    list_init(&s->expiring);
    list_init(&s->seen_order);
    list_init(&s->posts);
    sns_lines_init(&s->lines, o->outbox);
    outbox_register(o->outbox, &(struct outbox_kind){ "sns", sns_outbox_due, s });
    return s;
}

struct sns *sns_free(struct sns *s)
{
    if (s == NULL)
        return NULL;
    sns_clear(s, NULL);
    sns_posts_free(s);
    elsewhere_done(&s->elsewhere);
    sign_key_free(s->spare_key);
    s->magic = 0;
    free(s);
    return NULL;
}

void sns_stop(struct sns *s)
{
    CHECK_IS(s, SNS_MAGIC);
    elsewhere_stop(&s->elsewhere);
}

void sns_load(struct sns *s, struct turn *t)
{
    sns_clear(s, t);
    sns_rows_load(s, t);
    sns_expiry_arm(s, t);
    sns_seen_arm(s, t);
}

/* A key takes 100 ms and more to make, in the loop: the one that was will serve the new world too. */
void sns_reset(struct sns *s, struct turn *t)
{
    CHECK_IS(s, SNS_MAGIC);
    if (s->key != NULL) {
        sign_key_free(s->spare_key);
        s->spare_key = s->key;
        s->key = NULL;
    }
    sns_clear(s, t);
}

struct service sns_service(struct sns *s)
{
    return (struct service){
        .model = &sns_model, .handlers = handlers, .n_handlers = ARRAY_LEN(handlers), .state = s
    };
}

bool sns_certificate(const struct sns *s, struct str path, struct str *ret_pem)
{
    CHECK_IS(s, SNS_MAGIC);
    if (s->key == NULL || !str_starts(path, STR(SNS_CERTIFICATE_PATH)) || !str_ends(path, STR(".pem")) ||
        !str_is(str_sub(path, sizeof(SNS_CERTIFICATE_PATH) - 1, path.n - 4), sign_key_name(s->key)))
        return false;
    *ret_pem = sign_certificate(s->key);
    return true;
}

/* ---- the door ---- */

/* Roles of the account get nothing by the default statement either: at AWS their own policies must allow. */
static void sink_find(struct door *d)
{
    struct sns_topic *topic = sns_topic_find(d->sink->arg, d->what.arn);

    d->object = topic;
    d->state = topic == NULL ? SINK_MISSING : topic->fifo ? SINK_FIFO : SINK_OK;
    d->what.policy = topic == NULL ? NULL : topic->for_services;
}

/* What a delivery publishes: no Subject; its attributes are ours and right by construction. */
static void parcel_message(struct arena *a, const struct parcel *p, struct sns_message *m)
{
    *m = (struct sns_message){ .body = p->body,
                               .group = p->group_id,
                               .deduplication_id = p->deduplication_id,
                               .trace = p->trace_header,
                               .attributes = arena_calloc(a, p->n_attributes + 1, sizeof(*m->attributes)) };
    for (size_t i = 0; i < p->n_attributes; i++)
        m->attributes[m->n_attributes++] =
            (struct pattern_attribute){ p->attributes[i].name, p->attributes[i].type,
                                        p->attributes[i].value };
}

static enum delivery sink_deliver(const struct door *d, const struct parcel *p, struct buf *why)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sns_topic *topic;
    struct sns_message m;
    struct fault f;

    if (d->object == NULL) {
        buf_printf(why, "The topic " STR_FMT " does not exist.", STR_ARG(d->what.arn));
        return DELIVERY_NO_RESOURCE;
    }
    topic = CAST(struct sns_topic, SNS_TOPIC_MAGIC, d->object);
    parcel_message(a, p, &m);
    if (str_empty(m.body) || sns_message_bytes(&m) > SNS_MESSAGE_BYTES_MOST) {
        buf_printf(why, "A message of %zu bytes cannot be published: SNS takes 1 to %d.",
                   sns_message_bytes(&m), SNS_MESSAGE_BYTES_MOST);
        return DELIVERY_REFUSED;
    }
    if (sns_message_check_fifo(a, topic, &m, &f) != 0) {
        buf_str(why, f.message);
        return DELIVERY_REFUSED;
    }
    if (sns_accept_and_publish(d->turn, a, topic, &m) != 0) {
        buf_z(why, "The message could not be kept.");
        return DELIVERY_FAILED;
    }
    buf_str(why, m.id);
    return DELIVERED;
}

struct sink sns_sink(struct sns *s)
{
    return (struct sink){ .service = "sns",
                          .action = "sns:Publish",
                          .action_name = "Publish",
                          .max_body_bytes = SNS_MESSAGE_BYTES_MOST,
                          .find = sink_find,
                          .deliver = sink_deliver,
                          .onward = sns_onward,
                          .arg = s };
}
