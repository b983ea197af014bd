/* rows.h - every statement on the tables of store/schema/30-sqs.sql and m0002-sqs.sql, one function each.
 *
 * Those that write return the number of rows changed, or -E_FULL: the turn is lost, return it as the
 * handler's result and undo nothing.  What each costs is one statement by key unless it says otherwise. */
#ifndef WAYBILL_SERVICE_SQS_ROWS_H
#define WAYBILL_SERVICE_SQS_ROWS_H

#include "service/sqs/queue.h"

int sqs_rows_add_queue(struct store *s, const struct sqs_queue *q);
int sqs_rows_put_queue(struct store *s, const struct sqs_queue *q); /* times, attributes, tags */
int sqs_rows_drop_queue(struct store *s, uint64_t queue_id);

struct sqs_row {
    uint64_t id, queue_id; /* queue_id: the queue's rows_id */
    int64_t visible_ms, sent_ms;
    struct str message_id, extras, body;
};
/* A new message: never received. */
int sqs_rows_add(struct store *s, const struct sqs_row *r);
/* A receive: hidden until visible_ms, counted, its time noted; first_ms is the time of the first receive. */
int sqs_rows_take(struct store *s, uint64_t id, int64_t visible_ms, int64_t receives, int64_t now_ms,
                  int64_t first_ms);
/* A changed visibility: visible at visible_ms, count and times as they were. */
int sqs_rows_show_at(struct store *s, uint64_t id, int64_t visible_ms);
/* To a dead-letter queue; source_arn is where it came from. */
int sqs_rows_move(struct store *s, uint64_t id, uint64_t rows_id, struct str source_arn, int64_t visible_ms);
/* To a FIFO dead-letter queue: under a new id, sent now, visible now; counts and times of receives stay. */
int sqs_rows_rekey(struct store *s, uint64_t id, uint64_t new_id, uint64_t rows_id, struct str source_arn,
                   int64_t now_ms);
/* The body and extras of message `id` become the message *r: never received, from nowhere. */
int sqs_rows_renew(struct store *s, uint64_t id, const struct sqs_row *r);
int sqs_rows_drop(struct store *s, uint64_t id);
/* The deduplication id of message `id` gets a row of its own; before the message's row goes or changes its
 * key. */
int sqs_rows_keep_window(struct store *s, uint64_t id);
/* Drops up to `most` of those with ids up to last.  0 or a store error.  Cost: a read of their keys, 1
 * DELETE. */
int sqs_rows_drop_windows(struct store *s, uint64_t last, size_t most, size_t *ret_dropped);
/* MessageId of message `id`, there or gone within its window; ret gets UUID_TEXT characters and a NUL.  0 or
 * -E_FULL. */
int sqs_rows_message_id(struct store *s, uint64_t id, char *ret);
/* Those of one queue with first <= id <= last sent before before_ms.  Cost: a scan of that range of keys. */
int sqs_rows_drop_range(struct store *s, uint64_t queue_id, uint64_t first, uint64_t last, int64_t before_ms);
/* Looks at up to `most` rows from *first to last, drops those of rows_id and moves *first behind them.  1:
 * the end is reached; 0: there is more; or a store error. */
int sqs_rows_drop_some(struct store *s, uint64_t rows_id, uint64_t *first, uint64_t last, size_t most);

/* One message as a receive needs it.  Columns of the query, in order.  No row: the turn has failed already
 * and the memory runs ahead of the store; the result is -E_FULL then as well. */
enum {
    SQS_COL_RECEIVES,
    SQS_COL_FIRST,
    SQS_COL_SENT,
    SQS_COL_SOURCE,
    SQS_COL_MESSAGE_ID,
    SQS_COL_EXTRAS,
    SQS_COL_BODY
};
void sqs_rows_read(struct store *s, uint64_t id, struct rows *ret);
int64_t sqs_rows_received_ms(struct store *s, uint64_t id); /* when it was received last; or -E_FULL */

#define SQS_ROW_RECEIVES_MOST (INT64_C(1) << 40) /* no row has more: nobody receives that often */

struct sqs_task;
int sqs_rows_add_task(struct store *s, const struct sqs_task *task);
int sqs_rows_put_task(struct store *s, const struct sqs_task *task); /* status, moved, failure */
int sqs_rows_drop_task(struct store *s, uint64_t id);

/* Fills an empty struct sqs from all tables. */
void sqs_rows_load(struct sqs *s, struct turn *t);

#endif
