/* attribute.h - attributes of topics and subscriptions: one row per attribute, and what their texts mean.
 *
 * Source of the rules: AWS SNS API reference, SetTopicAttributes and SetSubscriptionAttributes; developer
 * guide, "Message delivery retries"; sentences as recorded on AWS.  What Waybill does not act on (delivery
 * status logging, active tracing, archives, data protection) is refused by name.
 *
 * Functions that check append to `why` what stands behind "Invalid parameter: " (Set...) or "Invalid
 * parameter: Attributes Reason: " (CreateTopic, Subscribe), and return 0 or -E_INVALID. */
#ifndef WAYBILL_SERVICE_SNS_ATTRIBUTE_H
#define WAYBILL_SERVICE_SNS_ATTRIBUTE_H

#include "base/json.h"

enum sns_topic_attribute {
    SNS_POLICY,
    SNS_DISPLAY_NAME,
    SNS_DELIVERY_POLICY,
    SNS_KMS_KEY,
    SNS_SIGNATURE_VERSION,
    SNS_TRACING,
    SNS_FIFO_TOPIC,
    SNS_CONTENT_DEDUPLICATION,
    SNS_FIFO_SCOPE,
    SNS_N_TOPIC_ATTRIBUTES
};
enum sns_subscription_attribute {
    SNS_SUB_RAW,
    SNS_SUB_FILTER,
    SNS_SUB_SCOPE,
    SNS_SUB_REDRIVE,
    SNS_SUB_DELIVERY,
    SNS_N_SUBSCRIPTION_ATTRIBUTES
};

/* Texts as they were given, owned; absent: not set. */
struct sns_topic_attributes {
    struct str text[SNS_N_TOPIC_ATTRIBUTES];
};
struct sns_subscription_attributes {
    struct str text[SNS_N_SUBSCRIPTION_ATTRIBUTES];
};

const char *sns_topic_attribute_name(enum sns_topic_attribute i);
const char *sns_subscription_attribute_name(enum sns_subscription_attribute i);

/* -1: unknown.  For topics, *ret_refused: one AWS has and Waybill refuses. */
int sns_topic_attribute_find(struct str name, bool *ret_refused);
int sns_subscription_attribute_find(struct str name, bool *ret_refused);

int sns_topic_attribute_check(enum sns_topic_attribute i, struct str value, bool fifo, struct buf *why);

/* What the checks of a subscription's attributes hang on. */
struct sns_attribute_context {
    bool http, lambda; /* the subscription's protocol */
    bool fifo;         /* a FIFO topic with a FIFO queue behind it */
    struct str account, region;
    struct str filter, scope; /* as they will be: each is judged with the other */
};
int sns_subscription_attribute_check(enum sns_subscription_attribute i, struct str value,
                                     const struct sns_attribute_context *x, struct buf *why);

void sns_attribute_put(struct str *text, struct str value); /* replaces; absent or "" takes it away */

/* JSON object of what is set, and back; unknown names are passed over. */
void sns_topic_attributes_write(struct buf *b, const struct sns_topic_attributes *at);
int sns_topic_attributes_read(struct arena *a, struct str json, struct sns_topic_attributes *ret);
void sns_subscription_attributes_write(struct buf *b, const struct sns_subscription_attributes *at);
int sns_subscription_attributes_read(struct arena *a, struct str json,
                                     struct sns_subscription_attributes *ret);

/* ---- delivery policies of HTTP and HTTPS ---- */

enum sns_backoff { SNS_LINEAR, SNS_ARITHMETIC, SNS_GEOMETRIC, SNS_EXPONENTIAL };

/* A healthyRetryPolicy.  numRetries counts all phases; what is not in one of the other three backs off. */
struct sns_retry {
    int64_t min_s, max_s, retries, max_delays, no_delays, min_delays;
    enum sns_backoff backoff;
};
extern const struct sns_retry sns_retry_default; /* 3 retries, 20 seconds apart */

struct sns_delivery_policy {
    bool has_retry;
    struct sns_retry retry;
    const char *content_type; /* static; NULL: not said */
    bool no_overrides;        /* topic: disableSubscriptionOverrides */
};

/* of_topic: {"http":{"defaultHealthyRetryPolicy":..}}, else {"healthyRetryPolicy":..}.  why may be NULL. */
int sns_delivery_policy_parse(struct str json, bool of_topic, struct sns_delivery_policy *ret,
                              struct buf *why);
/* What holds for a subscription. */
void sns_delivery_policy_merge(const struct sns_delivery_policy *topic, const struct sns_delivery_policy *sub,
                               struct sns_delivery_policy *ret);
void sns_delivery_policy_show(struct buf *b, const struct sns_delivery_policy *p,
                              bool of_topic); /* Effective... */

#endif
