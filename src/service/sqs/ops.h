/* ops.h - the handlers of this service, by AWS's operation names; their form is wire/call.h's.
 * Each begins by resolving and authorizing (sqs_enter), then checks, then writes: a fault leaves the store as
 * it was.  Common results: 0, -E_FAULT with the call's fault set, -E_WAIT (ReceiveMessage), or a store error.
 */
#ifndef WAYBILL_SERVICE_SQS_OPS_H
#define WAYBILL_SERVICE_SQS_OPS_H

#include "service/sqs/queue.h"

/* op_queue.c: queues themselves */
int sqs_create_queue(struct call *c, const void *input, void *output);
int sqs_get_queue_url(struct call *c, const void *input, void *output);
int sqs_list_queues(struct call *c, const void *input, void *output);
int sqs_list_dead_letter_source_queues(struct call *c, const void *input, void *output);
int sqs_delete_queue(struct call *c, const void *input, void *output);
int sqs_purge_queue(struct call *c, const void *input, void *output);
/* op_attribute.c: what is known about them */
int sqs_get_queue_attributes(struct call *c, const void *input, void *output);
int sqs_set_queue_attributes(struct call *c, const void *input, void *output);
int sqs_tag_queue(struct call *c, const void *input, void *output);
int sqs_untag_queue(struct call *c, const void *input, void *output);
int sqs_list_queue_tags(struct call *c, const void *input, void *output);
/* op_permission.c: the queue's own policy */
int sqs_add_permission(struct call *c, const void *input, void *output);
int sqs_remove_permission(struct call *c, const void *input, void *output);
/* op_message.c: messages in and out */
int sqs_send_message(struct call *c, const void *input, void *output);
int sqs_send_message_batch(struct call *c, const void *input, void *output);
int sqs_receive_message(struct call *c, const void *input, void *output);
/* op_handle.c: what is done with a receipt handle */
int sqs_delete_message(struct call *c, const void *input, void *output);
int sqs_delete_message_batch(struct call *c, const void *input, void *output);
int sqs_change_message_visibility(struct call *c, const void *input, void *output);
int sqs_change_message_visibility_batch(struct call *c, const void *input, void *output);
/* op_move.c: dead letters go back */
int sqs_start_message_move_task(struct call *c, const void *input, void *output);
int sqs_list_message_move_tasks(struct call *c, const void *input, void *output);
int sqs_cancel_message_move_task(struct call *c, const void *input, void *output);

/* Shared by CreateQueue and SetQueueAttributes: the target of a RedrivePolicy must be there and willing. */
int sqs_check_redrive_target(struct call *c, struct str source_arn, const struct sqs_change *change);
/* Shared by CreateQueue and TagQueue.  q: tags already there; NULL for a new queue. */
int sqs_check_tags(struct call *c, const struct sqs_queue *q, const struct sqs_TagMap *tags);

/* Request-level checks every batch begins with: 1-10 entries, ids well formed.  entry: the list's element
 * name. Then, after a check of its own that may stand between, distinct ids. */
struct sqs_ids {
    size_t n;
    const void *first;
    size_t stride; /* first member of an entry is `struct str Id` */
};
int sqs_check_batch(struct call *c, const struct sqs_ids *ids, const char *entry);
int sqs_check_distinct(struct call *c,
                       const struct sqs_ids *ids); /* BatchEntryIdsNotDistinct names the repeated one */
/* One failed entry: code and message of the fault, SenderFault as its row says.  list->v must have room. */
void sqs_failed(struct sqs_BatchResultErrorEntryList *list, struct str id, const struct fault *f);

#endif
