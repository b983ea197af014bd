/* waste.h - messages nobody can see any more, given back a little at a time.
 *
 * Emptying or deleting a queue of a million messages must not stop the server for seconds.  So a queue's
 * messages carry a number of their own (sqs_queue.rows_id), and emptying only gives the queue a new one: that
 * is one row changed, and from its commit on no message with the old number belongs to any queue, also after
 * a crash.  What remains, nodes in memory and rows in the store, is waste: each step of a few milliseconds
 * takes some, then the sockets have their turn.  sqs_load() finds rows whose number no queue has and makes
 * waste of them again.
 *
 *   o --sqs_waste_add--> nodes given back, step by step --> rows deleted by ranges of their keys --> o
 *
 * A server that waits for waste to go is quiet: nothing a client can ask for depends on it. */
#ifndef WAYBILL_SERVICE_SQS_WASTE_H
#define WAYBILL_SERVICE_SQS_WASTE_H

#include "service/sqs/queue.h"

/* All messages of rows_id are waste from now on.  Takes over the nodes of *index and leaves it empty. */
void sqs_waste_add(struct sqs *s, struct turn *t, uint64_t rows_id, struct sqs_index *index);
/* While loading: one row of a number no queue has.  In the order of ids. */
void sqs_waste_row(struct sqs *s, uint64_t rows_id, uint64_t id);
/* The next step in so many milliseconds of real time, when there is waste. */
void sqs_waste_arm(struct sqs *s, struct turn *t, int64_t in_ms);
void sqs_waste_stop(struct sqs *s, struct turn *t); /* no further steps; the waste stays */
void sqs_waste_forget(struct sqs *s);               /* frees the memory; rows are the store's */

/* For tests: CHECKs what waste.c holds true; the nodes not given back yet. */
size_t sqs_waste_check(const struct sqs *s);

#endif
