/* topic.h - the topics of this server, their subscriptions, and what both know.
 *
 * Found by ARN.  Rows are durable (store/schema/m0002-sns.sql); everything here is rebuilt from them by
 * sns_load(). All strings in a topic or subscription are its own.
 *
 * A subscription's states:
 *
 *   PENDING ──ConfirmSubscription(token)──> CONFIRMED ──Unsubscribe──> gone                   (sqs, lambda)
 *      │ two days                               │                └───> ENDED ──two days──> gone (http, https)
 *      └──> gone                                └──<── ConfirmSubscription(token) ──── ENDED
 *
 * sqs and lambda begin CONFIRMED.  ENDED receives nothing and is shown nowhere: it only waits for somebody to
 * take back an unsubscribe by mistake (AWS SNS developer guide, "HTTP/HTTPS subscription confirmation JSON
 * format" and "unsubscribe confirmation").  Two days: UNVERIFIED.
 *
 * Order inside every operation: check, write the store, change the memory.  When a write fails the turn is
 * rolled back and the whole memory is loaded again, so nobody undoes anything here. */
#ifndef WAYBILL_SERVICE_SNS_TOPIC_H
#define WAYBILL_SERVICE_SNS_TOPIC_H

#include "base/list.h"
#include "base/map.h"
#include "base/sign.h"
#include "flow/elsewhere.h"
#include "pattern/pattern.h"
#include "service/sns/attribute.h"
#include "service/sns/line.h"
#include "service/sns/sns.h"

#define SNS_TOPICS_MOST 100000        /* of the whole server, as AWS allows one account */
#define SNS_SUBSCRIPTIONS_MOST 500000 /* of the whole server */
#define SNS_TAGS_MOST 50
#define SNS_DEFAULT_STATEMENT STR("__default_statement_ID")
#define SNS_SEEN_MOST 1000000 /* messages of FIFO topics remembered against repetition */
#define SNS_PENDING_MS ((int64_t)2 * 24 * 3600 * 1000)
#define SNS_SEEN_MS ((int64_t)5 * 60 * 1000)

struct sns {
    uint32_t magic;
#define SNS_MAGIC 0x5e05a110u
    struct sns_options o;
    struct map topics;              /* ARN -> struct sns_topic */
    struct map subscriptions;       /* ARN -> struct sns_subscription */
    struct map subscriptions_by_id; /* the eight bytes of the id -> the same */
    struct list expiring;           /* not CONFIRMED, oldest state_ms first */
    struct timer expiry;
    struct map seen;        /* topic id, "/", deduplication id -> struct sns_seen */
    struct list seen_order; /* oldest first */
    struct timer forget;
    struct sign_key *key;       /* NULL: not made yet */
    struct sign_key *spare_key; /* in no row: of before a reset, to be the next; or NULL */
    struct elsewhere elsewhere; /* fan-outs whose filter policies take too long for a turn */
    uint64_t epoch;             /* rises with load and reset: older work under way is stale */
    struct list posts;          /* HTTP requests under way, see deliver.c */
    struct sns_lines lines;     /* of those of this epoch, and of who waits */
};

struct sns_tag {
    struct str key, value;
};

struct sns_topic {
    uint32_t magic;
#define SNS_TOPIC_MAGIC 0x70917a11u
    struct sns *owner;
    uint64_t id;
    struct str account, region, name, arn;
    struct sns_topic_attributes attributes;
    struct sns_tag *tags; /* in the order they came */
    size_t n_tags;
    struct list subscriptions; /* in the order they were made */
    size_t n_confirmed, n_pending, n_deleted;
    /* Derived from the attributes by sns_topic_derive(). */
    bool fifo, content_deduplication, group_scope;
    int signature_version;
    struct policy *policy;       /* compiled; NULL only where the text cannot be */
    struct policy *for_services; /* the same without AWS's default statement, which lets no
                                    service in but by aws:SourceOwner; NULL: nothing is left */
    struct sns_delivery_policy delivery;
};

enum sns_protocol { SNS_SQS, SNS_LAMBDA, SNS_HTTP, SNS_HTTPS, SNS_N_PROTOCOLS };
enum sns_subscription_state { SNS_PENDING, SNS_CONFIRMED, SNS_ENDED };

struct sns_subscription {
    uint32_t magic;
#define SNS_SUBSCRIPTION_MAGIC 0x50b5c21bu
    struct link link, expiring; /* in the topic; in sns.expiring */
    struct sns_topic *topic;
    uint64_t id;
    struct str uuid, arn, owner, endpoint, token, host;
    enum sns_protocol protocol;
    enum sns_subscription_state state;
    int64_t state_ms;   /* when it entered its state */
    bool authenticated; /* ConfirmationWasAuthenticated */
    bool guarded;       /* AuthenticateOnUnsubscribe: no unsigned Unsubscribe */
    struct sns_subscription_attributes attributes;
    /* Derived by sns_subscription_derive(). */
    bool raw, scope_body;
    struct pattern *filter;     /* NULL: everything passes */
    struct str dead_letter_arn; /* owned; absent: none */
    struct sns_delivery_policy delivery;
};

/* What a FIFO topic has seen. */
struct sns_seen {
    struct link link;
    uint64_t id, topic_id; /* id: the row's, and the number in the sequence */
    int64_t seen_ms;
    char message_id[37];
};

const char *sns_protocol_name(enum sns_protocol p);

/* ---- in memory alone: loading, and after the row was written ---- */
struct sns_topic *sns_topic_new(struct sns *s, uint64_t id, struct str account, struct str region,
                                struct str name);
void sns_topic_free(struct sns_topic *t);   /* with its subscriptions */
void sns_topic_derive(struct sns_topic *t); /* after a change of attributes */
void sns_topic_tag(struct sns_topic *t, struct str key, struct str value);
void sns_topic_untag(struct sns_topic *t, struct str key);
/* The policy in force: the one set, or the default one. In `a`. */
struct str sns_topic_policy(struct arena *a, const struct sns_topic *t);

struct sns_subscription_init {
    uint64_t id;
    struct str uuid, owner, endpoint, token, host;
    enum sns_protocol protocol;
    enum sns_subscription_state state;
    int64_t state_ms;
};
/* NULL: the topic has one with this uuid already. */
struct sns_subscription *sns_subscription_new(struct sns_topic *t, const struct sns_subscription_init *i);
void sns_subscription_free(struct sns_subscription *sub);
int sns_subscription_derive(
    struct sns_subscription *sub); /* an error: the filter policy, checked when it was set, is none */
/* Into a state that can follow its own.  Keeps the topic's figures and the list of what expires. */
void sns_subscription_enter(struct sns_subscription *sub, enum sns_subscription_state state, int64_t now_ms);

/* ---- finding; NULL when there is none ---- */
struct sns_topic *sns_topic_find(const struct sns *s, struct str arn);
struct sns_subscription *sns_subscription_find(const struct sns *s, struct str arn);
struct sns_subscription *sns_subscription_by_id(const struct sns *s, uint64_t id);

/* Timer for the first pending subscription to go. */
void sns_expiry_arm(struct sns *s, struct turn *t);
void sns_expiry_fire(struct timer *tm, struct turn *t);

void sns_clear(struct sns *s, struct turn *t); /* everything out of memory; t NULL: the engine is gone */

/* As whom a topic hands its messages on. */
struct sender sns_sender(const struct sns_topic *topic);
/* CHECKs all that the files of this room hold true of its memory.  For tests: looks at everything. */
void sns_check(const struct sns *s);

/* The sink's onward() (flow/sink.h): subscriptions to queues and functions. */
size_t sns_onward(const struct door *d, struct arena *a, struct explain_onward *v, size_t max);

#endif
