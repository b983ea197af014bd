/* sqs.h - standard and FIFO queues: rows in the store, what is visible next in memory.
 *
 * Source of the rules: AWS SQS API reference and developer guide, and AWS's recorded behaviour. */
#ifndef WAYBILL_SERVICE_SQS_H
#define WAYBILL_SERVICE_SQS_H

#include "flow/sink.h"
#include "wire/call.h"

struct sqs;
struct sqs *sqs_new(void);
/* Nobody may wait any more (sqs_drain), and the engine must not look at its timers again. */
struct sqs *sqs_free(struct sqs *s);
/* Fills the memory from the store; also again, after a turn that failed.  Waiters of earlier turns stay.
 * Cost: a scan of all tables, about 0.6 us per message. */
void sqs_load(struct sqs *s, struct turn *t);
/* The store was emptied: every waiter gets an empty reply, every queue goes. */
void sqs_reset(struct sqs *s, struct turn *t);
struct service sqs_service(struct sqs *s); /* its handlers get s as c->state */
struct sink sqs_sink(struct sqs *s);       /* the "sqs" row; same path as SendMessage */
/* Ends long polls with an empty reply and stops all timers: the server stops. */
void sqs_drain(struct sqs *s, struct turn *t);
size_t sqs_queue_count(const struct sqs *s);

#endif
