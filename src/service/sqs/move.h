/* move.h - message move tasks: what a dead-letter queue holds goes back, or to another queue.
 *
 *                       nothing visible is left
 *      o --> RUNNING ------------------------------> COMPLETED
 *               |     CancelMessageMoveTask
 *               |----------------------------------> CANCELLED
 *               |     a queue is gone, or a message does not say where it came from
 *               '----------------------------------> FAILED
 *
 * AWS's CANCELLING is not seen here: a task is never in the middle of a message when it is cancelled.
 * A task moves in steps of up to SQS_MOVE_STEP messages, each step in one transaction with the task's own
 * row, so a restart goes on where the last step ended.  With MaxNumberOfMessagesPerSecond the server's clock
 * says how many may have moved since the start; without it a step follows the other.  A server with a running
 * task is not quiet. Messages in flight or delayed stay where they are.  A moved message is a new one, see
 * sqs_queue_renew(). Source: AWS SQS API reference, StartMessageMoveTask; AWS's recorded behaviour. */
#ifndef WAYBILL_SERVICE_SQS_MOVE_H
#define WAYBILL_SERVICE_SQS_MOVE_H

#include "service/sqs/queue.h"

#define SQS_MOVE_STEP 128
#define SQS_MOVE_RATE_MOST 500
#define SQS_TASKS_KEPT 10 /* of one source queue */

enum sqs_task_state { SQS_TASK_RUNNING, SQS_TASK_COMPLETED, SQS_TASK_CANCELLED, SQS_TASK_FAILED };

struct sqs_task {
    uint32_t magic;
#define SQS_TASK_MAGIC 0x5135a7a5u
    struct link link; /* in sqs.tasks */
    struct sqs *owner;
    uint64_t id;
    struct str task_id, source_arn, destination_arn; /* owned; destination absent: where each came from */
    int64_t rate;                                    /* per second; 0: as fast as it goes */
    enum sqs_task_state state;
    int64_t moved, to_move, started_ms;
    struct str failure; /* owned; absent unless FAILED */
    struct timer step;
};

const char *sqs_task_status(const struct sqs_task *task); /* as ListMessageMoveTasks shows it */
struct sqs_task *sqs_task_running(const struct sqs *s, struct str source_arn); /* NULL: none */
struct sqs_task *sqs_task_find(const struct sqs *s, struct str task_id);
/* Begins; the oldest ended task of this source goes when there are SQS_TASKS_KEPT.  0 or a store error. */
int sqs_task_start(struct turn *t, struct sqs_queue *source, struct str destination_arn, int64_t rate,
                   struct sqs_task **ret);
int sqs_task_cancel(struct turn *t, struct sqs_task *task); /* a running one.  0 or a store error */
int sqs_tasks_drop(struct turn *t, struct sqs *s,
                   struct str source_arn); /* the queue goes; 0 or a store error */

void sqs_task_load(struct sqs *s, struct turn *t, struct rows *r); /* one row, columns as in rows.c */
void sqs_tasks_stop(struct sqs *s, struct turn *t);                /* no further steps */
void sqs_tasks_forget(struct sqs *s);                              /* frees the memory; timers must be idle */
void sqs_tasks_check(const struct sqs *s);                         /* for tests */

#endif
