/* ops.h - the operations, one function each, and the steps they share.
 *
 * Order of checks: shape of the request, ARN, existence, right, values.  Sentences behind "Invalid parameter:
 * " are AWS's as recorded, but where a comment says UNVERIFIED. */
#ifndef WAYBILL_SERVICE_SNS_OPS_H
#define WAYBILL_SERVICE_SNS_OPS_H

#include "model/sns.h"
#include "service/sns/topic.h"
#include "wire/call.h"

#define SNS_PAGE 100 /* entries of a list reply */

/* InvalidParameter, "Invalid parameter: " before the text; -E_FAULT. */
int sns_invalid(struct call *c, const char *fmt, ...) PRINTF(2, 3);
int sns_fault(struct call *c, const struct fault *f); /* one made elsewhere */

/* A topic by ARN, and the caller's right to do `action` ("sns:Publish") to it.  member: the parameter's name
 * in the sentence.  0 or -E_FAULT. */
int sns_topic_enter(struct call *c, struct str arn, const char *member, const char *action,
                    struct sns_topic **ret);
/* Is the caller allowed to do that to the topic?  0 or -E_FAULT (AuthorizationError). */
int sns_may(struct call *c, const struct sns_topic *t, const char *action);
int sns_may_own(struct call *c, const char *action, struct str arn); /* call_may_own() with the same error */
/* -E_FAULT when the text is no ARN of enough parts. */
int sns_check_arn(struct call *c, struct str arn, const char *member);
/* The token of the next page, and back: the id behind which it begins.  -E_FAULT for a token that is none. */
struct str sns_page_token(struct call *c, uint64_t last_id);
int sns_page_begin(struct call *c, struct str token, uint64_t *ret_after);
int sns_check_tags(struct call *c, const struct sns_topic *t, const struct sns_TagList *tags);

int sns_add_permission(struct call *c, const void *input, void *output);
int sns_confirm_subscription(struct call *c, const void *input, void *output);
int sns_create_topic(struct call *c, const void *input, void *output);
int sns_delete_topic(struct call *c, const void *input, void *output);
int sns_get_subscription_attributes(struct call *c, const void *input, void *output);
int sns_get_topic_attributes(struct call *c, const void *input, void *output);
int sns_list_subscriptions(struct call *c, const void *input, void *output);
int sns_list_subscriptions_by_topic(struct call *c, const void *input, void *output);
int sns_list_tags(struct call *c, const void *input, void *output);
int sns_list_topics(struct call *c, const void *input, void *output);
int sns_publish_one(struct call *c, const void *input, void *output);
int sns_publish_batch(struct call *c, const void *input, void *output);
int sns_remove_permission(struct call *c, const void *input, void *output);
int sns_set_subscription_attributes(struct call *c, const void *input, void *output);
int sns_set_topic_attributes(struct call *c, const void *input, void *output);
int sns_subscribe(struct call *c, const void *input, void *output);
int sns_tag_resource(struct call *c, const void *input, void *output);
int sns_unsubscribe(struct call *c, const void *input, void *output);
int sns_untag_resource(struct call *c, const void *input, void *output);

#endif
