/* expire.h - what is older than its queue keeps, and deduplication ids whose window is over, go: a little at
 * a time.
 *
 * Old messages are looked for by a walk over the queue's table (index.h), in steps of some hundred messages,
 * so that the sockets have their turn in between; until the walk has come round the queue shows a count that
 * still holds some of them
 * ("approximate"), and a receive drops those it meets.  A queue whose messages are all too old becomes waste
 * in one go (waste.h).  Deduplication rows go by ranges of their keys.
 *
 * A coarse timer on the server's clock, once a minute at most, begins; steps follow on real time. */
#ifndef WAYBILL_SERVICE_SQS_EXPIRE_H
#define WAYBILL_SERVICE_SQS_EXPIRE_H

#include "service/sqs/queue.h"

/* One step: drops of what is older than the queue keeps; more steps follow where that is not all.  Nothing to
 * do costs one comparison.  Marks the queue for waking.  0 or a store error. */
int sqs_queue_expire(struct turn *t, struct sqs_queue *q);
/* All messages go, deduplication ids too (UNVERIFIED); writes the queue's own row.  0 or a store error. Cost:
 * a DELETE for each of few messages; for many, and in a FIFO queue, one UPDATE, and the rest later (waste.h).
 */
int sqs_queue_empty(struct turn *t, struct sqs_queue *q);

/* Calls sweep no later than a minute after the queue's oldest message must go, or a window is over. */
void sqs_sweep_arm(struct turn *t, struct sqs_queue *q);
void sqs_sweep(struct timer *tm, struct turn *t);    /* the timer's own */
void sqs_expire_stop(struct sqs *s, struct turn *t); /* neither sweep nor steps from here on */

#endif
