/* seen.h - what FIFO topics have accepted in the last five minutes, so that it is accepted once.
 *
 * The window is that of SQS FIFO queues: five minutes from the first send, kept whatever becomes of the
 * message.  Its scope is the topic, or with FifoThroughputScope "MessageGroup" the group.  Durable: a message
 * published again after a crash is still known.  Limit: SNS_SEEN_MOST for the whole server; above it
 * publishing to FIFO topics is throttled. */
#ifndef WAYBILL_SERVICE_SNS_SEEN_H
#define WAYBILL_SERVICE_SNS_SEEN_H

#include "service/sns/topic.h"

/* NULL: not seen.  group only counts where the topic says so. */
const struct sns_seen *sns_seen_find(const struct sns_topic *topic, struct str group,
                                     struct str deduplication_id, int64_t now_ms);
/* Remembers; *ret_id is the message's place in the topic's sequence.  0, -E_LIMIT, or a store error. */
int sns_seen_add(struct turn *t, struct sns_topic *topic, struct str group, struct str deduplication_id,
                 struct str message_id, uint64_t *ret_id);
void sns_seen_keep(struct sns *s, const struct sns_seen *seen, struct str what); /* loading */
void sns_seen_arm(struct sns *s, struct turn *t);
void sns_seen_fire(struct timer *tm, struct turn *t);
void sns_seen_clear(struct sns *s);
void sns_seen_check(const struct sns *s); /* for tests: order and table agree */

#endif
