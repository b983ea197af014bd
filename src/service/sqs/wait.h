/* wait.h - long polls: receives that found nothing and stay until there is something.
 *
 * A waiter ends in one of five ways: a message is there (sqs_wake), its time is over (monotonic time: a moved
 * server clock does not shorten a poll), its client is gone, its queue is deleted, the server drains.
 * Invariant between turns: a queue with waiters has no visible message they could take, and its timer stands
 * at the moment its next hidden message becomes visible; a queue without waiters has no timer.
 *
 * Whoever makes messages visible, or hides some, calls sqs_wake_later() for the queue and sqs_wake() once at
 * the end of the operation: waiters are answered in the same turn, oldest first. */
#ifndef WAYBILL_SERVICE_SQS_WAIT_H
#define WAYBILL_SERVICE_SQS_WAIT_H

#include "service/sqs/take.h"

/* The call waits in_ms; returns -E_WAIT, the handler's result.  want->names must live as long as the call. */
int sqs_wait(struct call *c, struct sqs_queue *q, const struct sqs_want *want, int64_t in_ms);

void sqs_wake_later(struct sqs_queue *q);            /* costs nothing when nobody waits */
void sqs_wake(struct sqs *s, struct turn *t);        /* ends the operation: a new round begins */
void sqs_wake_due(struct timer *tm, struct turn *t); /* a queue's timer fires here */

/* All waiters of a queue end: with an empty reply, or with QueueDoesNotExist.  The queue's timer is idle
 * after. */
void sqs_wait_end(struct sqs_queue *q, struct turn *t, bool queue_is_gone);

/* For a reload: takes the waiters off into a list, and puts them back on the queues loaded since; those whose
 * queue is gone get QueueDoesNotExist. */
void sqs_wait_take_all(struct sqs_queue *q, struct turn *t, struct list *to);
void sqs_wait_put_back(struct sqs *s, struct turn *t, struct list *from);

void sqs_wait_check(const struct sqs_queue *q); /* for tests: who waits is as wait.c holds true */

#endif
