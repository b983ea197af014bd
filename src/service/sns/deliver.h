/* deliver.h - from a published message to its subscribers.
 *
 * Queues and functions get theirs in the turn that publishes, through flow/sink.h, at most SNS_FAN_MOST of
 * them; the rest of a very wide topic, or of one whose filter policies take long, follows in later turns
 * through an outbox row; what a whole turn's steps do not suffice for is matched on the pool
 * (flow/elsewhere.h).  HTTP endpoints always get theirs from the outbox: one row each.
 *
 * What becomes of one delivery (AWS SNS developer guide, "Message delivery retries", "Dead-letter queues"):
 *   delivered           over
 *   refused             final: no permission, no such queue, 4xx but 429 of an endpoint.  To the
 * subscription's dead-letter queue, whose own policy is asked as well; without one, or refused there too, it
 * is dropped failed              again by service/sns/retry.h, until the schedule ends: then as refused */
#ifndef WAYBILL_SERVICE_SNS_DELIVER_H
#define WAYBILL_SERVICE_SNS_DELIVER_H

#include "service/sns/message.h"

#define SNS_FAN_MOST 1000    /* subscriptions served at once */
#define SNS_TIMEOUT_MS 15000 /* of an endpoint, real time */

/* Counts and serves all confirmed subscriptions.  m is checked and complete. */
void sns_publish(struct turn *t, struct sns_topic *topic, const struct sns_message *m);
/* Gives m its id, time and place in the sequence, and publishes it, unless a FIFO topic has had it already:
 * then m gets the names it had.  0, -E_LIMIT (SNS_SEEN_MOST), or a store error. */
int sns_accept_and_publish(struct turn *t, struct arena *a, struct sns_topic *topic, struct sns_message *m);
/* Posts a SubscriptionConfirmation or UnsubscribeConfirmation.  0 or a store error. */
int sns_confirm_by_post(struct turn *t, struct sns_subscription *sub, enum sns_kind kind);

void sns_outbox_due(void *arg, struct turn *t, const struct outbox_item *item); /* the outbox's kind "sns" */
void sns_posts_free(struct sns *s); /* the engine is gone: nobody answers any more */

void sns_posts_check(const struct sns *s); /* for tests: who is under way has a place */

/* What an endpoint's answer means; status 0: none came. */
enum sns_verdict { SNS_DELIVERED, SNS_AGAIN, SNS_FINAL };
enum sns_verdict sns_http_verdict(int status);

#endif
