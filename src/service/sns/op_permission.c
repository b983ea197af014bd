/* op_permission.c - AddPermission and RemovePermission edit the topic's Policy attribute: statements at the
 * end of the one in force, the default one included (AWS SNS API reference, AddPermission). */
#include "service/sns/ops.h"
#include "base/arn.h"
#include "policy/text.h"
#include "service/sns/rows.h"

#define POLICY_MOST 30720

/* What can be given to others; the rest is the owner's. */
static const char *const shared_actions[] = {
    "*",
    "Publish",
    "RemovePermission",
    "SetTopicAttributes",
    "DeleteTopic",
    "ListSubscriptionsByTopic",
    "GetTopicAttributes",
    "AddPermission",
    "Subscribe",
    "Receive",
};

static int check(struct call *c, const struct sns_AddPermissionInput *in)
{
    if (str_empty(in->Label) || in->AWSAccountId.n == 0 || in->ActionName.n == 0)
        return sns_invalid(c, "%s",
                           str_empty(in->Label)      ? "Label"
                           : in->AWSAccountId.n == 0 ? "AWSAccountId"
                                                     : "ActionName");
    for (size_t i = 0; i < in->AWSAccountId.n; i++)
        if (!account_valid(in->AWSAccountId.v[i])) /* UNVERIFIED sentence */
            return sns_invalid(c, "AWSAccountId");
    for (size_t i = 0; i < in->ActionName.n; i++) {
        size_t k = 0;

        while (k < ARRAY_LEN(shared_actions) && !str_is(in->ActionName.v[i], shared_actions[k]))
            k++;
        if (k == ARRAY_LEN(shared_actions))
            return sns_invalid(c, "Policy statement action out of service scope!");
    }
    return 0;
}

static int put_policy(struct call *c, struct sns_topic *t, struct str text)
{
    CHECK_IS(t, SNS_TOPIC_MAGIC);
    CHECK(!str_empty(text));
    sns_attribute_put(&t->attributes.text[SNS_POLICY], text);
    sns_topic_derive(t);
    return MIN(0, sns_rows_put_topic(c->turn->store, t));
}

int sns_add_permission(struct call *c, const void *input, void *output UNUSED)
{
    const struct sns_AddPermissionInput *in = input;
    CLEANUP(buf_done) struct buf b = { 0 }, statement = { 0 };
    struct policy_grant grant = { .label = in->Label,
                                  .accounts = in->AWSAccountId.v,
                                  .n_accounts = in->AWSAccountId.n,
                                  .actions = in->ActionName.v,
                                  .n_actions = in->ActionName.n,
                                  .prefix = "SNS:" };
    struct str policy;
    struct sns_topic *t;

    if (sns_topic_enter(c, in->TopicArn, "TopicArn", "sns:AddPermission", &t) != 0 || check(c, in) != 0)
        return -E_FAULT;
    policy = sns_topic_policy(c->mem, t);
    if (policy_text_has(c->mem, policy, in->Label, NULL))
        return sns_invalid(c, "Statement already exists");
    grant.resource = t->arn;
    policy_text_grant(&statement, &grant);
    policy_text_edit(&b, c->mem, policy, STR_NONE, buf_view(&statement));
    if (b.n > POLICY_MOST) /* UNVERIFIED sentence */
        return sns_invalid(c, "Policy Error: the policy of a topic is at most %d bytes long", POLICY_MOST);
    return put_policy(c, t, buf_view(&b));
}

/* A label nobody has is no error; a policy without statements allows nothing. */
int sns_remove_permission(struct call *c, const void *input, void *output UNUSED)
{
    const struct sns_RemovePermissionInput *in = input;
    CLEANUP(buf_done) struct buf b = { 0 };
    struct str policy;
    struct sns_topic *t;

    if (sns_topic_enter(c, in->TopicArn, "TopicArn", "sns:RemovePermission", &t) != 0)
        return -E_FAULT;
    policy = sns_topic_policy(c->mem, t);
    if (!policy_text_has(c->mem, policy, in->Label, NULL))
        return 0;
    policy_text_edit(&b, c->mem, policy, in->Label, STR_NONE);
    return put_policy(c, t, buf_view(&b));
}
