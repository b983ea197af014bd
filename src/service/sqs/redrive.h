/* redrive.h - the two JSON attributes that tie a queue to its dead-letter queue.
 *
 * RedrivePolicy       {"deadLetterTargetArn":ARN,"maxReceiveCount":N}, N 1-1000 as number or as text
 * RedriveAllowPolicy  {"redrivePermission":"allowAll|denyAll|byQueue","sourceQueueArns":[at most 10]}
 * Source: AWS SQS API reference, SetQueueAttributes.  The texts are echoed as given; only their meaning is
 * here. The reasons given for a policy that is not well formed are UNVERIFIED in their wording. */
#ifndef WAYBILL_SERVICE_SQS_REDRIVE_H
#define WAYBILL_SERVICE_SQS_REDRIVE_H

#include "base/arena.h"

#define SQS_RECEIVES_LIMIT 1000 /* highest maxReceiveCount */
#define SQS_ALLOWED_MOST 10

struct sqs_redrive {
    struct str target_arn; /* in the arena */
    int64_t max_receives;
};
/* -E_INVALID with *ret_reason (for people, in `a` or static) when it is no policy. */
int sqs_redrive_parse(struct arena *a, struct str text, struct sqs_redrive *ret, struct str *ret_reason);

struct sqs_allow {
    enum { SQS_ALLOW_ALL, SQS_ALLOW_NONE, SQS_ALLOW_BY_QUEUE } kind;
    struct str arns[SQS_ALLOWED_MOST];
    size_t n;
};
int sqs_allow_parse(struct arena *a, struct str text, struct sqs_allow *ret, struct str *ret_reason);

/* May the queue source_arn name a queue with this RedriveAllowPolicy (absent: none set) as its dead-letter
 * queue? */
bool sqs_allow_source(struct arena *a, struct str policy, struct str source_arn);

#endif
