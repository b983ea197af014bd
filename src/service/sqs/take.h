/* take.h - receiving: from the visible list to the message a client reads.
 *
 * Each receive counts the message up, hides it for the visibility timeout and makes a new receipt handle.  A
 * message that was received maxReceiveCount times already moves to the dead-letter queue instead (AWS SQS
 * developer guide, "Using dead-letter queues"); one that is too old is dropped.
 * A FIFO queue gives as many as fit from the first ready group, then from the next (group.h).
 * Cost: 1 SELECT + 1 UPDATE per message taken, 1 UPDATE per message moved, 1 DELETE per message dropped. */
#ifndef WAYBILL_SERVICE_SQS_TAKE_H
#define WAYBILL_SERVICE_SQS_TAKE_H

#include "service/sqs/queue.h"

/* System attributes a receive can ask for, in the order of the reply. */
enum sqs_system {
    SQS_SENDER_ID,
    SQS_SENT_TIMESTAMP,
    SQS_RECEIVE_COUNT,
    SQS_FIRST_RECEIVE,
    SQS_GROUP_ID,
    SQS_TRACE_HEADER,
    SQS_DEAD_LETTER_SOURCE,
    SQS_SEQUENCE_NUMBER,
    SQS_DEDUPLICATION_ID,
    SQS_N_SYSTEM
};

struct sqs_want {
    int64_t most;                                     /* 1-10 */
    int64_t visibility_ms;                            /* -1: what the queue says at that moment */
    uint32_t system;                                  /* bits 1 << enum sqs_system */
    const struct sqs_MessageAttributeNameList *names; /* message attributes */
    struct str attempt_id;                            /* ReceiveRequestAttemptId; absent: none */
};

/* Adds the bits of one name of (Message)System)AttributeNames.  False for a name that is none. */
bool sqs_want_system(struct sqs_want *want, struct str name);

/* Up to want->most messages into *ret (in `a`), fewer when the in-flight limit is near; ret->set only when
 * there are any.  Queues that got dead letters are marked for waking.  0 or a store error. */
int sqs_take(struct turn *t, struct sqs_queue *q, const struct sqs_want *want, struct arena *a,
             struct sqs_MessageList *ret);

#endif
