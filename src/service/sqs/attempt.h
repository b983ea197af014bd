/* attempt.h - receives of FIFO queues that can be asked for again: ReceiveRequestAttemptId.
 *
 * A client that did not get the answer to a receive asks again with the same attempt id within five minutes
 * and gets the same messages with the same receipt handles, hidden anew for the visibility timeout, as long
 * as none of them was deleted, became visible or had its visibility changed (AWS SQS API reference,
 * ReceiveMessage).  Otherwise the receive is one like any other, and the id stands for that from then on.
 *
 * In memory alone: a restart forgets them, and the messages come back when their visibility timeout is over.
 * At most SQS_ATTEMPTS_MOST of the whole server; the oldest is forgotten first. */
#ifndef WAYBILL_SERVICE_SQS_ATTEMPT_H
#define WAYBILL_SERVICE_SQS_ATTEMPT_H

#include "base/list.h"
#include "base/map.h"

#define SQS_ATTEMPT_MS 300000
#define SQS_ATTEMPTS_MOST 20000
#define SQS_ATTEMPT_MESSAGES 10

struct sqs_attempted {
    uint64_t id;
    uint32_t receive;
    int64_t until_ms;
};
struct sqs_attempt {
    struct link link; /* in sqs_attempts.all */
    int64_t at_ms;
    size_t n;
    struct sqs_attempted v[SQS_ATTEMPT_MESSAGES];
    size_t key_n;
    char key[];
};
struct sqs_attempts {
    struct map by_key;
    struct list all;
}; /* all: oldest first */

void sqs_attempts_init(struct sqs_attempts *as);
void sqs_attempts_clear(struct sqs_attempts *as); /* frees all; ready for use */

/* NULL: not known, or more than five minutes old. */
struct sqs_attempt *sqs_attempt_find(const struct sqs_attempts *as, uint64_t queue_id, struct str attempt_id,
                                     int64_t now_ms);
/* A new one, in the place of an older one of that id.  The caller fills v and n. */
struct sqs_attempt *sqs_attempt_new(struct sqs_attempts *as, uint64_t queue_id, struct str attempt_id,
                                    int64_t now_ms);

void sqs_attempts_check(const struct sqs_attempts *as); /* for tests: table and list agree */

#endif
