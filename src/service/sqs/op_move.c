/* op_move.c - message move tasks as clients start, list and cancel them.  The sentences marked UNVERIFIED are
 * ours. */
#include "service/sqs/ops.h"

#include "base/arn.h"
#include "base/crypt.h"
#include "base/json.h"
#include "service/sqs/fault.h"
#include "service/sqs/move.h"

#define LIST_MOST 10

static struct sqs_queue *own_queue(const struct call *c, struct str arn)
{
    struct arn parts;

    if (arn_parse(arn, &parts) != 0 || !str_eq(parts.account, c->account) || !str_eq(parts.region, c->region))
        return NULL;
    return sqs_find_arn(c->state, arn);
}

static int no_resource(struct call *c, const char *parameter)
{
    return call_fault(c, &sqs_error_ResourceNotFoundException,
                      "The resource that you specified for the %s parameter doesn't exist.", parameter);
}

static int find_source(struct call *c, struct str arn, struct sqs_queue **ret)
{
    if (str_empty(arn))
        return sqs_fault_missing(c, "SourceArn");
    *ret = own_queue(c, arn);
    return *ret == NULL ? no_resource(c, "SourceArn") : 0;
}

static bool is_dead_letter_queue(const struct sqs *s, const struct sqs_queue *q)
{
    struct str key;
    void *value;

    for (size_t i = 0; map_next(&s->queues, &i, &key, &value);)
        if (str_eq(CAST(struct sqs_queue, SQS_QUEUE_MAGIC, value)->dead_letter_arn, q->arn))
            return true;
    return false;
}

/* The caller needs what the task will do with both queues (AWS SQS developer guide, "Configure queue
 * permissions for dead-letter queue redrive"). */
static int check_rights(struct call *c, const struct sqs_queue *source, const struct sqs_queue *to)
{
    static const char *const actions[] = { "StartMessageMoveTask", "ReceiveMessage", "DeleteMessage",
                                           "GetQueueAttributes" };

    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (sqs_may(c, source, actions[i]) != 0)
            return -E_FAULT;
    return to != NULL ? sqs_may(c, to, "SendMessage") : 0;
}

static int check_destination(struct call *c, const struct sqs_queue *source, struct str arn,
                             const struct sqs_queue *to)
{
    if (str_absent(arn))
        return 0;
    if (to == NULL)
        return no_resource(c, "DestinationArn");
    if (to == source) /* UNVERIFIED */
        return sqs_fault_value(c, arn, "DestinationArn",
                               "Source queue arn and destination queue arn cannot be the same.");
    if (to->fifo != source->fifo) /* UNVERIFIED */
        return sqs_fault_value(c, arn, "DestinationArn",
                               "The source and the destination queue must be of the same type.");
    return 0;
}

static int check_rate(struct call *c, struct opt_int rate)
{
    if (rate.set && (rate.v < 1 || rate.v > SQS_MOVE_RATE_MOST)) /* UNVERIFIED */
        return sqs_fault_value(c, arena_printf(c->mem, "%lld", (long long)rate.v),
                               "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided.");
    return 0;
}

static struct str handle_of(struct arena *a, const struct sqs_task *task)
{
    return base64_str(a, arena_printf(a, "{\"taskId\":\"" STR_FMT "\",\"sourceArn\":\"" STR_FMT "\"}",
                                      STR_ARG(task->task_id), STR_ARG(task->source_arn)));
}

int sqs_start_message_move_task(struct call *c, const void *input, void *output)
{
    const struct sqs_StartMessageMoveTaskRequest *in = input;
    struct sqs_StartMessageMoveTaskResult *out = output;
    struct sqs_queue *source, *to;
    struct sqs_task *task;
    int r = find_source(c, in->SourceArn, &source);

    if (r != 0)
        return r;
    to = str_absent(in->DestinationArn) ? NULL : own_queue(c, in->DestinationArn);
    if (check_rights(c, source, to) != 0)
        return -E_FAULT;
    if (!is_dead_letter_queue(c->state, source))
        return call_fault(c, &sqs_error_invalid_parameter,
                          "Source queue must be configured as a Dead Letter Queue.");
    if (check_destination(c, source, in->DestinationArn, to) != 0 ||
        check_rate(c, in->MaxNumberOfMessagesPerSecond) != 0)
        return -E_FAULT;
    if (sqs_task_running(c->state, source->arn) != NULL)
        return call_fault(c, &sqs_error_invalid_parameter,
                          "There is already a task running. Only one active task is allowed for a source "
                          "queue arn at a given time.");
    r = sqs_task_start(c->turn, source, in->DestinationArn,
                       in->MaxNumberOfMessagesPerSecond.set ? in->MaxNumberOfMessagesPerSecond.v : 0, &task);
    if (r == 0)
        out->TaskHandle = handle_of(c->mem, task);
    return r;
}

static struct sqs_ListMessageMoveTasksResultEntry entry_of(struct arena *a, const struct sqs_task *task)
{
    struct sqs_ListMessageMoveTasksResultEntry e = { .Status = str_of(sqs_task_status(task)),
                                                     .SourceArn = arena_str(a, task->source_arn),
                                                     .DestinationArn = arena_str(a, task->destination_arn),
                                                     .ApproximateNumberOfMessagesMoved = INT_SET(task->moved),
                                                     .ApproximateNumberOfMessagesToMove =
                                                         INT_SET(task->to_move),
                                                     .FailureReason = arena_str(a, task->failure),
                                                     .StartedTimestamp = INT_SET(task->started_ms) };

    if (task->state == SQS_TASK_RUNNING)
        e.TaskHandle = handle_of(a, task);
    if (task->rate > 0)
        e.MaxNumberOfMessagesPerSecond = INT_SET(task->rate);
    return e;
}

int sqs_list_message_move_tasks(struct call *c, const void *input, void *output)
{
    const struct sqs_ListMessageMoveTasksRequest *in = input;
    struct sqs_ListMessageMoveTasksResult *out = output;
    struct sqs *s = CAST(struct sqs, SQS_MAGIC, c->state);
    int64_t most = in->MaxResults.set ? in->MaxResults.v : 1;
    struct sqs_queue *source;
    int r = find_source(c, in->SourceArn, &source);

    if (r != 0 || (r = sqs_may(c, source, "ListMessageMoveTasks")) != 0)
        return r;
    if (most < 1 || most > LIST_MOST) /* UNVERIFIED */
        return sqs_fault_value(c, arena_printf(c->mem, "%lld", (long long)most), "MaxResults",
                               "Must be between 1 and 10, if provided.");
    out->Results.v = arena_calloc(c->mem, (size_t)most, sizeof(*out->Results.v));
    for (struct link *k = s->tasks.head.prev; k != &s->tasks.head && (int64_t)out->Results.n < most;
         k = k->prev) {
        const struct sqs_task *task = CONTAINER_OF(k, struct sqs_task, link);

        CHECK_IS(task, SQS_TASK_MAGIC);
        if (str_eq(task->source_arn, source->arn))
            out->Results.v[out->Results.n++] = entry_of(c->mem, task);
    }
    out->Results.set = true;
    return 0;
}

/* The task id and source of a handle that handle_of() could have made. */
static int read_handle(struct arena *a, struct str handle, struct str *ret_task_id, struct str *ret_source)
{
    struct json *doc;
    struct str text;

    if (base64_decode(a, handle, &text) != 0 || json_parse(a, text, &doc, NULL) != 0 ||
        doc->type != JSON_OBJECT)
        return -E_INVALID;
    *ret_task_id = json_get_text(a, doc, STR("taskId"));
    *ret_source = json_get_text(a, doc, STR("sourceArn"));
    return str_empty(*ret_task_id) || str_empty(*ret_source) ? -E_INVALID : 0;
}

int sqs_cancel_message_move_task(struct call *c, const void *input, void *output)
{
    const struct sqs_CancelMessageMoveTaskRequest *in = input;
    struct sqs_CancelMessageMoveTaskResult *out = output;
    struct str task_id, source_arn;
    struct sqs_queue *source;
    struct sqs_task *task;
    int r;

    if (str_empty(in->TaskHandle))
        return sqs_fault_missing(c, "TaskHandle");
    if (read_handle(c->mem, in->TaskHandle, &task_id, &source_arn) != 0)
        return call_fault(c, &sqs_error_invalid_parameter, "Value for parameter TaskHandle is invalid.");
    if ((r = find_source(c, source_arn, &source)) != 0 ||
        (r = sqs_may(c, source, "CancelMessageMoveTask")) != 0)
        return r;
    task = sqs_task_find(c->state, task_id);
    if (task == NULL || !str_eq(task->source_arn, source->arn))
        return call_fault(c, &sqs_error_ResourceNotFoundException, "Task does not exist.");
    if (task->state != SQS_TASK_RUNNING) /* UNVERIFIED */
        return call_fault(c, &sqs_error_UnsupportedOperation,
                          "Only a running task can be cancelled; this one is %s.", sqs_task_status(task));
    out->ApproximateNumberOfMessagesMoved = INT_SET(task->moved);
    return sqs_task_cancel(c->turn, task);
}
