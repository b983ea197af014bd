/* op_queue.c - queues are made, found, listed, emptied and deleted. */
#include "service/sqs/ops.h"

#include "base/crypt.h"
#include "service/sqs/expire.h"
#include "service/sqs/fault.h"
#include "service/sqs/move.h"
#include "service/sqs/rows.h"
#include "service/sqs/wait.h"

#define NAME_MOST 80
#define SCOPE_MOST 64 /* bytes of a region or an account id */
#define PAGE_MOST 1000
#define PURGE_EVERY_MS 60000

/* The suffix counts. */
static bool good_name(struct str name)
{
    size_t n = name.n;

    if (str_ends(name, STR(".fifo")))
        name = str_sub(name, 0, n - 5);
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' ||
              ch == '-'))
            return false;
    }
    return name.n >= 1 && n <= NAME_MOST;
}

static bool is_given(const struct sqs_QueueAttributeMap *map, const char *name)
{
    for (size_t i = 0; i < map->n; i++)
        if (str_is(map->v[i].key, name))
            return true;
    return false;
}

static int check_name(struct call *c, const struct sqs_CreateQueueRequest *in)
{
    struct str name = in->QueueName;

    if (str_absent(name))
        return sqs_fault_missing(c, "QueueName");
    if (!good_name(name) || (str_ends(name, STR(".fifo")) && !is_given(&in->Attributes, "FifoQueue")))
        return call_fault(
            c, &sqs_error_invalid_parameter,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
    if (c->region.n > SCOPE_MOST || c->account.n > SCOPE_MOST)
        return sqs_fault_value(c, c->region, "Region", "A region name is at most 64 bytes long.");
    return 0;
}

/* A queue of that name is there: fine when all that was asked for is so already. */
static int same_queue(struct call *c, const struct sqs_queue *q, const struct sqs_change *change,
                      struct sqs_CreateQueueResult *out)
{
    int differs = sqs_attribute_differs(&q->attributes, change);

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    if (differs >= 0)
        return call_fault(c, &sqs_error_QueueNameExists,
                          "A queue already exists with the same name and a different value "
                          "for attribute %s",
                          sqs_attribute_name((enum sqs_attribute)differs));
    out->QueueUrl = sqs_url(c, q);
    return 0;
}

static int make_queue(struct call *c, const struct sqs_CreateQueueRequest *in,
                      const struct sqs_change *change, struct sqs_CreateQueueResult *out)
{
    struct turn *t = c->turn;
    struct sqs_queue *q =
        sqs_queue_new(c->state, store_next_id(t->store), c->account, c->region, in->QueueName);
    int r;

    q->created_ms = q->modified_ms = t->now.wall_ms;
    sqs_attribute_apply(&q->attributes, change);
    sqs_queue_derive(q);
    for (size_t i = 0; i < in->tags.n; i++)
        sqs_queue_tag(q, in->tags.v[i].key, in->tags.v[i].value);
    r = sqs_rows_add_queue(t->store, q);
    if (r < 0) {
        sqs_queue_free(q);
        return r;
    }
    out->QueueUrl = sqs_url(c, q);
    return 0;
}

int sqs_create_queue(struct call *c, const void *input, void *output)
{
    const struct sqs_CreateQueueRequest *in = input;
    struct sqs *s = CAST(struct sqs, SQS_MAGIC, c->state);
    struct str arn;
    struct sqs_queue *q;
    struct sqs_change change;
    struct fault f;

    if (check_name(c, in) != 0)
        return -E_FAULT;
    arn = sqs_arn(c->mem, c->region, c->account, in->QueueName);
    q = sqs_find(s, c->account, c->region, in->QueueName);
    if (call_may_own(c, "sqs:CreateQueue", arn) != 0)
        return -E_FAULT;
    if (sqs_attribute_change(c->mem, &in->Attributes, str_ends(in->QueueName, STR(".fifo")),
                             q != NULL ? &q->attributes : NULL, &change, &f) != 0)
        return sqs_fault(c, &f);
    if (q != NULL)
        return same_queue(c, q, &change, output);
    if (sqs_check_redrive_target(c, arn, &change) != 0 || sqs_check_tags(c, NULL, &in->tags) != 0)
        return -E_FAULT;
    if (s->queues.n >= SQS_QUEUES_MOST)
        return call_fault(c, &sqs_error_OverLimit, "This server holds at most %d queues.", SQS_QUEUES_MOST);
    return make_queue(c, in, &change, output);
}

int sqs_get_queue_url(struct call *c, const void *input, void *output)
{
    const struct sqs_GetQueueUrlRequest *in = input;
    struct sqs_GetQueueUrlResult *out = output;
    struct str owner = str_empty(in->QueueOwnerAWSAccountId) ? c->account : in->QueueOwnerAWSAccountId;
    struct sqs_queue *q;

    if (str_absent(in->QueueName))
        return sqs_fault_missing(c, "QueueName");
    q = sqs_find(c->state, owner, c->region, in->QueueName);
    if (q == NULL)
        return sqs_fault_no_queue(c);
    if (sqs_may(c, q, "GetQueueUrl") != 0)
        return -E_FAULT;
    out->QueueUrl = sqs_url(c, q);
    return 0;
}

/* One answer's part of the queues that pass `pick`.  The token is the name the last answer ended with, so a
 * page goes on in the right place although queues came and went. */
static int page(struct call *c, struct opt_int most, struct str token,
                bool (*pick)(const struct sqs_queue *q, const void *arg), const void *arg,
                struct sqs_QueueUrlList *ret_urls, struct str *ret_token)
{
    struct str after = STR_NONE;
    size_t n, limit = most.set ? (size_t)most.v : PAGE_MOST;
    struct sqs_queue **v;

    if (most.set && (most.v < 1 || most.v > PAGE_MOST))
        return sqs_fault_value(c, arena_printf(c->mem, "%lld", (long long)most.v), "MaxResults",
                               "MaxResults must be an integer between 1 and 1000.");
    if (!str_empty(token)) {
        if (!most.set)
            return call_fault(c, &sqs_error_invalid_parameter,
                              "MaxResults is a mandatory parameter when you provide a value for NextToken.");
        if (base64_decode(c->mem, token, &after) != 0)
            return sqs_fault_value(c, token, "NextToken", "The token is not one of this server's.");
    }
    v = sqs_list(c->state, c->mem, pick, arg, after, limit + 1, &n);
    ret_urls->v = arena_calloc(c->mem, n + 1, sizeof(*ret_urls->v));
    CHECK(n <= limit + 1);
    for (size_t i = 0; i < MIN(n, limit); i++)
        ret_urls->v[ret_urls->n++] = sqs_url(c, v[i]);
    ret_urls->set = ret_urls->n > 0;
    if (most.set && n > limit)
        *ret_token = base64_str(c->mem, v[limit - 1]->name);
    return 0;
}

struct scope {
    struct str account, region, prefix, dead_letter_arn;
};

static bool in_scope(const struct sqs_queue *q, const void *arg)
{
    const struct scope *scope = arg;

    return str_eq(q->account, scope->account) && str_eq(q->region, scope->region) &&
           str_starts(q->name, scope->prefix);
}

static bool is_source(const struct sqs_queue *q, const void *arg)
{
    const struct scope *scope = arg;

    return in_scope(q, arg) && str_eq(q->dead_letter_arn, scope->dead_letter_arn);
}

int sqs_list_queues(struct call *c, const void *input, void *output)
{
    const struct sqs_ListQueuesRequest *in = input;
    struct sqs_ListQueuesResult *out = output;
    struct scope scope = { c->account, c->region, in->QueueNamePrefix, STR_NONE };

    if (call_may_own(c, "sqs:ListQueues", sqs_arn(c->mem, c->region, c->account, STR("*"))) != 0)
        return -E_FAULT;
    return page(c, in->MaxResults, in->NextToken, in_scope, &scope, &out->QueueUrls, &out->NextToken);
}

int sqs_list_dead_letter_source_queues(struct call *c, const void *input, void *output)
{
    const struct sqs_ListDeadLetterSourceQueuesRequest *in = input;
    struct sqs_ListDeadLetterSourceQueuesResult *out = output;
    struct scope scope = { c->account, c->region, STR_NONE, STR_NONE };
    struct sqs_queue *q;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    scope.dead_letter_arn = q->arn;
    r = page(c, in->MaxResults, in->NextToken, is_source, &scope, &out->queueUrls, &out->NextToken);
    /* The member is required in the model, so an empty list is shown. */
    out->queueUrls.set = true;
    return r;
}

int sqs_delete_queue(struct call *c, const void *input, void *output UNUSED)
{
    const struct sqs_DeleteQueueRequest *in = input;
    struct sqs_queue *q;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r == 0)
        r = sqs_queue_empty(c->turn, q);
    if (r == 0)
        r = sqs_tasks_drop(c->turn, c->state, q->arn);
    if (r == 0)
        r = MIN(0, sqs_rows_drop_queue(c->turn->store, q->id));
    if (r != 0)
        return r;
    sqs_wait_end(q, c->turn, true);
    sqs_queue_free(q);
    return 0;
}

int sqs_purge_queue(struct call *c, const void *input, void *output UNUSED)
{
    const struct sqs_PurgeQueueRequest *in = input;
    int64_t now_ms = c->turn->now.wall_ms;
    struct sqs_queue *q;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    if (q->purged_ms != 0 && now_ms - q->purged_ms < PURGE_EVERY_MS)
        return call_fault(c, &sqs_error_PurgeQueueInProgress,
                          "Only one PurgeQueue operation on " STR_FMT " is allowed every 60 seconds.",
                          STR_ARG(q->name));
    q->purged_ms = now_ms;
    return sqs_queue_empty(c->turn, q);
}
