/* op_permission.c - AddPermission and RemovePermission edit the queue's Policy attribute.
 *
 * A policy made here looks like AWS's own: version 2008-10-17, id <arn>/SQSDefaultPolicy.  A policy the user set
 * keeps its members; statements are added at the end.  What a policy allows is decided elsewhere. */
#include "service/sqs/ops.h"

#include "base/json.h"
#include "service/sqs/fault.h"
#include "service/sqs/rows.h"

#define LABEL_MOST 80
#define ACCOUNT_DIGITS 12
#define LIST_MOST 7                                          /* actions in one statement: the quota of the API reference */
#define ACCOUNTS_MOST 50                                     /* UNVERIFIED */

/* What can be given to another account; the rest is the owner's. */
static const char *const shared_actions[] = {
    "*", "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl",
    "ListDeadLetterSourceQueues", "PurgeQueue",
};

static bool is_shared(struct str action)
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

static bool is_account(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] < '0' || id.p[i] > '9')
            return false;
    return id.n == ACCOUNT_DIGITS;
}

static bool is_label(struct str label)
{
    for (size_t i = 0; i < label.n; i++) {
        char ch = label.p[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-'))
            return false;
    }
    return label.n >= 1 && label.n <= LABEL_MOST;
}

/* The sentences are UNVERIFIED. */
static int check_permission(struct call *c, const struct sqs_AddPermissionRequest *in)
{
    if (!is_label(in->Label))
        return str_absent(in->Label) ? sqs_fault_missing(c, "Label") : sqs_fault_value(c, in->Label, "Label",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.");
    if (in->AWSAccountIds.n == 0)
        return sqs_fault_missing(c, "AWSAccountIds");
    if (in->Actions.n == 0)
        return sqs_fault_missing(c, "Actions");
    if (in->Actions.n > LIST_MOST || in->AWSAccountIds.n > ACCOUNTS_MOST)
        return call_fault(c, &sqs_error_OverLimit, "%zu Actions were found, maximum allowed is %d.", in->Actions.n, LIST_MOST);
    for (size_t i = 0; i < in->AWSAccountIds.n; i++)
        if (!is_account(in->AWSAccountIds.v[i]))
            return sqs_fault_value(c, in->AWSAccountIds.v[i], "PrincipalId", "Unable to verify.");
    for (size_t i = 0; i < in->Actions.n; i++) {
        struct str action = in->Actions.v[i];

        if (!is_shared(action))
            return sqs_fault_value(c, arena_printf(c->mem, "SQS:" STR_FMT, STR_ARG(action)), "ActionName", is_action(action)
                ? "Only the queue owner is allowed to invoke this action."
                : "Please refer to the appropriate WSDL for a list of valid actions.");
    }
    return 0;
}

/* One as it is, several as a list. */
static void write_list(struct json_writer *w, const char *key, const char *before, const struct str *v, size_t n,
                       const char *behind)
{
    jw_key(w, str_of(key));
    if (n > 1)
        jw_array(w);
    for (size_t i = 0; i < n; i++)
        jw_printf(w, "%s" STR_FMT "%s", before, STR_ARG(v[i]), behind);
    if (n > 1)
        jw_array_end(w);
}

static void write_statement(struct json_writer *w, const struct sqs_AddPermissionRequest *in, const struct sqs_queue *q)
{
    jw_object(w);
    jw_kstr(w, "Sid", in->Label);
    jw_kstr(w, "Effect", STR("Allow"));
    jw_key(w, STR("Principal"));
    jw_object(w);
    write_list(w, "AWS", "arn:aws:iam::", in->AWSAccountIds.v, in->AWSAccountIds.n, ":root");
    jw_object_end(w);
    write_list(w, "Action", "SQS:", in->Actions.v, in->Actions.n, "");
    jw_kstr(w, "Resource", q->arn);
    jw_object_end(w);
}

static void write_raw(struct json_writer *w, const struct json *v)
{
    /* raw of a string is without its quotes. */
    if (v->type == JSON_STRING)
        jw_raw(w, str_make(v->raw.p - 1, v->raw.n + 2));
    else
        jw_raw(w, v->raw);
}

static bool has_label(struct arena *a, const struct json *statement, struct str label)
{
    return statement->type == JSON_OBJECT && str_eq(json_get_text(a, statement, STR("Sid")), label);
}

/* The queue's policy, or a new one without statements. */
static struct json *policy_of(struct arena *a, const struct sqs_queue *q)
{
    struct str text = q->attributes.text[SQS_POLICY];
    struct json *doc;

    if (str_absent(text))
        text = arena_printf(a, "{\"Version\":\"2008-10-17\",\"Id\":\"" STR_FMT "/SQSDefaultPolicy\",\"Statement\":[]}",
            STR_ARG(q->arn));
    CHECK(json_parse(a, text, &doc, NULL) == 0);
    return doc;
}

/* Statement may be one object or a list of them; fn sees each. */
static struct json *statements_of(const struct json *policy, bool *ret_list)
{
    struct json *v = json_get(policy, STR("Statement"));

    *ret_list = v != NULL && v->type == JSON_ARRAY;
    return v;
}

/* How many statements have the label, and how many there are. */
static size_t count_label(struct arena *a, const struct json *policy, struct str label, size_t *ret_all)
{
    bool list;
    struct json *v = statements_of(policy, &list);
    size_t n = 0, all = 0;

    for (struct json *s = list ? v->first : v; s != NULL; s = list ? s->next : NULL) {
        all++;
        n += has_label(a, s, label);
    }
    *ret_all = all;
    return n;
}

/* The policy with one statement more (add != NULL) or without those of a label. */
static void write_policy(struct buf *b, struct arena *a, const struct sqs_queue *q, const struct json *policy,
                         const struct sqs_AddPermissionRequest *add, struct str without)
{
    struct json_writer w;
    bool list;
    struct json *v = statements_of(policy, &list);

    jw_init(&w, b);
    jw_object(&w);
    JSON_EACH(policy, member) {
        if (str_is(json_key(a, member), "Statement"))
            continue;
        jw_key(&w, json_key(a, member));
        write_raw(&w, member);
    }
    jw_key(&w, STR("Statement"));
    jw_array(&w);
    for (struct json *s = list ? v->first : v; s != NULL; s = list ? s->next : NULL)
        if (str_absent(without) || !has_label(a, s, without))
            write_raw(&w, s);
    if (add != NULL)
        write_statement(&w, add, q);
    jw_array_end(&w);
    jw_object_end(&w);
}

static int put_policy(struct call *c, struct sqs_queue *q, struct str text)
{
    struct sqs_change change = { 0 };

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
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json *policy;
    struct sqs_queue *q;
    size_t all;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r == 0)
        r = check_permission(c, in);
    if (r != 0)
        return r;
    policy = policy_of(c->mem, q);
    if (count_label(c->mem, policy, in->Label, &all) > 0)
        return sqs_fault_value(c, in->Label, "Label", "Already exists.");
    write_policy(&b, c->mem, q, policy, in, STR_NONE);
    if (b.n > 20480)
        return call_fault(c, &sqs_error_OverLimit, "The policy of a queue is at most 20480 bytes long.");
    return put_policy(c, q, buf_view(&b));
}

int sqs_remove_permission(struct call *c, const void *input, void *output UNUSED)
{
    const struct sqs_RemovePermissionRequest *in = input;
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json *policy;
    struct sqs_queue *q;
    size_t all, n;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    if (str_absent(in->Label))
        return sqs_fault_missing(c, "Label");
    policy = policy_of(c->mem, q);
    n = count_label(c->mem, policy, in->Label, &all);
    if (n == 0)
        return sqs_fault_value(c, in->Label, "Label", "can't find label.");
    if (n == all)
        return put_policy(c, q, STR(""));
    write_policy(&b, c->mem, q, policy, NULL, in->Label);
    return put_policy(c, q, buf_view(&b));
}
