/* attribute.h - the attributes of a queue: names, ranges, defaults, as one table.
 *
 * Attributes are text on the wire and in memory; a queue keeps only those that were set, the rest have the
 * default of their row.  Source: AWS SQS API reference, CreateQueue and SetQueueAttributes; which of them
 * `All` shows is AWS's recorded behaviour.
 *
 * What a new value must obey on its own is checked here; what depends on other queues (a dead-letter target
 * must exist) is checked by the operation. */
#ifndef WAYBILL_SERVICE_SQS_ATTRIBUTE_H
#define WAYBILL_SERVICE_SQS_ATTRIBUTE_H

#include "base/json.h"
#include "model/sqs.h"
#include "wire/fault.h"

/* In the order of the model, which is the order of the reply. */
enum sqs_attribute {
    SQS_POLICY,
    SQS_VISIBILITY_TIMEOUT,       /* s; 0-43200, default 30 */
    SQS_MAXIMUM_MESSAGE_SIZE,     /* bytes; 1024-1048576, default 1048576 */
    SQS_MESSAGE_RETENTION_PERIOD, /* s; 60-1209600, default 345600 */
    SQS_MESSAGES,                 /* read-only from here ... */
    SQS_MESSAGES_NOT_VISIBLE,
    SQS_CREATED,
    SQS_LAST_MODIFIED,
    SQS_QUEUE_ARN,
    SQS_MESSAGES_DELAYED, /* ... to here */
    SQS_DELAY_SECONDS,    /* 0-900, default 0 */
    SQS_RECEIVE_WAIT,     /* s; 0-20, default 0 */
    SQS_REDRIVE_POLICY,
    SQS_FIFO_QUEUE,            /* of FIFO queues only: "true", given when it is created */
    SQS_CONTENT_DEDUPLICATION, /* FIFO only; default false */
    SQS_KMS_KEY,
    SQS_KMS_REUSE,           /* s; 60-86400, default 300, shown when set to another */
    SQS_DEDUPLICATION_SCOPE, /* FIFO only: queue (default) or messageGroup */
    SQS_FIFO_LIMIT,          /* FIFO only: perQueue (default) or perMessageGroupId; a quota
                                of AWS's that is not enforced here */
    SQS_REDRIVE_ALLOW_POLICY,
    SQS_MANAGED_SSE, /* default true; false as soon as a KMS key is set */
    SQS_N_ATTRIBUTES
};

struct sqs_attributes {
    struct str text[SQS_N_ATTRIBUTES]; /* owned when in a queue; absent: the default holds */
};

/* What a CreateQueue or SetQueueAttributes asks for; texts borrowed from the request. */
struct sqs_change {
    bool given[SQS_N_ATTRIBUTES];
    struct str text[SQS_N_ATTRIBUTES];
};

int sqs_attribute_find(struct str name); /* -1: no such attribute */
const char *sqs_attribute_name(enum sqs_attribute i);
bool sqs_attribute_read_only(enum sqs_attribute i);

/* The text, or the default; absent when neither is. */
struct str sqs_attribute_text(const struct sqs_attributes *at, enum sqs_attribute i);
int64_t sqs_attribute_number(const struct sqs_attributes *at, enum sqs_attribute i); /* number rows only */

/* 0, or -E_FAULT: an unknown or read-only name, a value out of its range or not of this type of queue, both
 * kinds of encryption at once.  fifo: by the queue's name.  old: what the queue has now; NULL for a new one.
 */
int sqs_attribute_change(struct arena *a, const struct sqs_QueueAttributeMap *in, bool fifo,
                         const struct sqs_attributes *old, struct sqs_change *ret, struct fault *ret_fault);
/* Takes the change over: owned copies; "" removes policies and the key. */
void sqs_attribute_apply(struct sqs_attributes *at, const struct sqs_change *change);
/* The first attribute given whose value differs from what holds; -1: none. */
int sqs_attribute_differs(const struct sqs_attributes *at, const struct sqs_change *change);

void sqs_attribute_done(struct sqs_attributes *at); /* frees the texts */
/* As stored: {"VisibilityTimeout":"30",...}, only those that are set. */
void sqs_attribute_write(struct buf *b, const struct sqs_attributes *at);
int sqs_attribute_read(struct arena *a, struct str json,
                       struct sqs_attributes *ret); /* -E_INVALID: damaged */

#endif
