/* op_permission.c - AddPermission and RemovePermission edit the queue's Policy attribute.
 *
 * A policy made here looks like AWS's own: version 2008-10-17, id <arn>/SQSDefaultPolicy.  A policy the user
 * set keeps its members; statements are added at the end.  What a policy allows is decided elsewhere. */
#include "service/sqs/ops.h"

#include "base/arn.h"
#include "policy/text.h"
#include "service/sqs/fault.h"
#include "service/sqs/rows.h"

#define LABEL_MOST 80
#define LIST_MOST 7      /* actions in one statement: the quota of the API reference */
#define ACCOUNTS_MOST 50 /* UNVERIFIED */

/* What can be given to another account; the rest is the owner's. */
static const char *const shared_actions[] = {
    "*",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
};

bool sqs_action_is_shared(struct str action)
{
    for (size_t i = 0; i < ARRAY_LEN(shared_actions); i++)
        if (str_is(action, shared_actions[i]))
            return true;
    return false;
}

static bool is_action(struct str action)
{
    for (uint32_t i = 0; i < sqs_model.n_ops; i++)
        if (str_is(action, sqs_model.ops[i].name))
            return true;
    return false;
}

static bool is_label(struct str label)
{
    for (size_t i = 0; i < label.n; i++) {
        char ch = label.p[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' ||
              ch == '-'))
            return false;
    }
    return label.n >= 1 && label.n <= LABEL_MOST;
}

/* The sentences are UNVERIFIED. */
static int check_permission(struct call *c, const struct sqs_AddPermissionRequest *in)
{
    if (!is_label(in->Label))
        return str_absent(in->Label) ? sqs_fault_missing(c, "Label")
                                     : sqs_fault_value(c, in->Label, "Label",
                                                       "Can only include alphanumeric characters, hyphens, "
                                                       "or underscores. 1 to 80 in length.");
    if (in->AWSAccountIds.n == 0)
        return sqs_fault_missing(c, "AWSAccountIds");
    if (in->Actions.n == 0)
        return sqs_fault_missing(c, "Actions");
    if (in->Actions.n > LIST_MOST || in->AWSAccountIds.n > ACCOUNTS_MOST)
        return call_fault(c, &sqs_error_OverLimit, "%zu Actions were found, maximum allowed is %d.",
                          in->Actions.n, LIST_MOST);
    for (size_t i = 0; i < in->AWSAccountIds.n; i++)
        if (!account_valid(in->AWSAccountIds.v[i]))
            return sqs_fault_value(c, in->AWSAccountIds.v[i], "PrincipalId", "Unable to verify.");
    for (size_t i = 0; i < in->Actions.n; i++) {
        struct str action = in->Actions.v[i];

        if (!sqs_action_is_shared(action))
            return sqs_fault_value(c, arena_printf(c->mem, "SQS:" STR_FMT, STR_ARG(action)), "ActionName",
                                   is_action(action)
                                       ? "Only the queue owner is allowed to invoke this action."
                                       : "Please refer to the appropriate WSDL for a list of valid actions.");
    }
    return 0;
}

/* The queue's policy, or a new one without statements. */
static struct str policy_of(struct arena *a, const struct sqs_queue *q)
{
    struct str text = q->attributes.text[SQS_POLICY];

    return !str_absent(text) ? text
                             : arena_printf(a,
                                            "{\"Version\":\"2008-10-17\",\"Id\":\"" STR_FMT
                                            "/SQSDefaultPolicy\",\"Statement\":[]}",
                                            STR_ARG(q->arn));
}

static int put_policy(struct call *c, struct sqs_queue *q, struct str text)
{
    struct sqs_change change = { 0 };

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    change.given[SQS_POLICY] = true;
    change.text[SQS_POLICY] = text;
    sqs_attribute_apply(&q->attributes, &change);
    sqs_queue_derive(q);
    q->modified_ms = c->turn->now.wall_ms;
    return MIN(0, sqs_rows_put_queue(c->turn->store, q));
}

int sqs_add_permission(struct call *c, const void *input, void *output UNUSED)
{
    const struct sqs_AddPermissionRequest *in = input;
    CLEANUP(buf_done) struct buf b = { 0 }, statement = { 0 };
    struct policy_grant grant = { .label = in->Label,
                                  .accounts = in->AWSAccountIds.v,
                                  .n_accounts = in->AWSAccountIds.n,
                                  .actions = in->Actions.v,
                                  .n_actions = in->Actions.n,
                                  .prefix = "SQS:" };
    struct str policy;
    struct sqs_queue *q;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r == 0)
        r = check_permission(c, in);
    if (r != 0)
        return r;
    policy = policy_of(c->mem, q);
    if (policy_text_has(c->mem, policy, in->Label, NULL))
        return sqs_fault_value(c, in->Label, "Label", "Already exists.");
    grant.resource = q->arn;
    policy_text_grant(&statement, &grant);
    policy_text_edit(&b, c->mem, policy, STR_NONE, buf_view(&statement));
    if (b.n > 20480)
        return call_fault(c, &sqs_error_OverLimit, "The policy of a queue is at most 20480 bytes long.");
    return put_policy(c, q, buf_view(&b));
}

int sqs_remove_permission(struct call *c, const void *input, void *output UNUSED)
{
    const struct sqs_RemovePermissionRequest *in = input;
    CLEANUP(buf_done) struct buf b = { 0 };
    struct str policy;
    struct sqs_queue *q;
    size_t others;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    if (str_absent(in->Label))
        return sqs_fault_missing(c, "Label");
    policy = policy_of(c->mem, q);
    if (!policy_text_has(c->mem, policy, in->Label, &others))
        return sqs_fault_value(c, in->Label, "Label", "can't find label.");
    if (others == 0)
        return put_policy(c, q, STR(""));
    policy_text_edit(&b, c->mem, policy, in->Label, STR_NONE);
    return put_policy(c, q, buf_view(&b));
}
