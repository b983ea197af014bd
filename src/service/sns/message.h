/* message.h - a message as it was published: checked, measured, and packed for the outbox.
 *
 * Rules: AWS SNS API reference, Publish and PublishBatch; sentences as recorded on AWS.
 *   size of a message = body + for each attribute its name + data type + value, at most 262,144 bytes.
 *
 * Everything a struct sns_message points to is borrowed from the request, the parcel or the row it was made
 * of. */
#ifndef WAYBILL_SERVICE_SNS_MESSAGE_H
#define WAYBILL_SERVICE_SNS_MESSAGE_H

#include "base/id.h"
#include "pattern/pattern.h"
#include "model/sns.h"
#include "service/sns/topic.h"

#define SNS_MESSAGE_BYTES_MOST 262144
#define SNS_BATCH_MOST 10

enum sns_kind { SNS_NOTIFICATION, SNS_SUBSCRIPTION_CONFIRMATION, SNS_UNSUBSCRIBE_CONFIRMATION };

struct sns_message {
    enum sns_kind kind;
    struct str id; /* UUID */
    int64_t at_ms;
    struct str body;
    bool structured;                      /* MessageStructure "json": body holds a text per protocol */
    struct str subject;                   /* absent: none */
    struct pattern_attribute *attributes; /* value: text, or bytes when type begins with "Binary" */
    size_t n_attributes;
    struct str group, deduplication_id; /* absent: none */
    struct str sequence;                /* 20 digits; absent but for FIFO topics */
    struct str trace;                   /* X-Amzn-Trace-Id; absent: none */
};

/* What a client gave, as Publish and a batch entry have it in common. */
struct sns_given {
    struct str body, subject, structure, group, deduplication_id;
    const struct sns_MessageAttributeMap *attributes;
};

/* Takes over and checks all but size and FIFO rules.  0, or -E_FAULT with *ret_fault. */
int sns_message_check(struct arena *a, const struct sns_given *in, struct sns_message *ret,
                      struct fault *ret_fault);
/* Group and deduplication id against the kind of topic; content-based deduplication fills the id. */
int sns_message_check_fifo(struct arena *a, const struct sns_topic *t, struct sns_message *m,
                           struct fault *ret_fault);
size_t sns_message_bytes(const struct sns_message *m);
size_t sns_given_bytes(const struct sns_given *in); /* as PublishBatch counts, before anything is checked */
bool sns_message_is_binary(struct str type);        /* "Binary", "Binary.png" */

/* What one subscription's protocol gets of a structured body. */
struct str sns_message_text(struct arena *a, const struct sns_message *m, enum sns_protocol p);

/* ---- errands: what the outbox keeps ---- */

/* One message on its way: to one subscription, or to all behind `after`. */
struct sns_errand {
    struct sns_message message;
    struct str topic_arn;
    uint64_t topic_id; /* another topic of the same name is not meant */
    uint64_t to;       /* 0: to all of the topic's */
    uint64_t after;    /* id of the last subscription served */
    bool dead;         /* on its way to the subscription's dead-letter queue */
};
void sns_errand_write(struct buf *b, const struct sns_errand *e);
/* -E_INVALID: damaged.  Borrows from text and `a`. */
int sns_errand_read(struct arena *a, struct str text, struct sns_errand *ret);

#endif
