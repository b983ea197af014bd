/* story.h - a story tells one call per line: the calls of the SQS service as short functions, and what one
 * expects of their answers.  One world w per program; a story opens and closes it. */
#ifndef WAYBILL_TEST_SQS_STORY_H
#define WAYBILL_TEST_SQS_STORY_H

#include "test/sqs/world.h"

#include "service/sqs/fault.h"

static struct world w;

#define URL(name_) STR("http://h:1/000000000000/" name_)

static inline struct asked *create(struct str name, const char *attribute, const char *value)
{
    struct sqs_QueueAttributeMap_entry e = { str_of(attribute), str_of(value) };
    struct sqs_CreateQueueRequest in = { .QueueName = name,
                                         .Attributes = { attribute != NULL, attribute != NULL, &e } };

    return say(&w, "CreateQueue", &in);
}

static inline struct asked *set(struct str url, const char *attribute, const char *value)
{
    struct sqs_QueueAttributeMap_entry e = { str_of(attribute), str_of(value) };
    struct sqs_SetQueueAttributesRequest in = { .QueueUrl = url, .Attributes = { true, 1, &e } };

    return say(&w, "SetQueueAttributes", &in);
}

static inline struct asked *sent(struct str url, struct str body)
{
    struct sqs_SendMessageRequest in = { .QueueUrl = url, .MessageBody = body };

    return say(&w, "SendMessage", &in);
}

static inline struct asked *sent_late(struct str url, struct str body, int64_t delay_s)
{
    struct sqs_SendMessageRequest in = { .QueueUrl = url,
                                         .MessageBody = body,
                                         .DelaySeconds = INT_SET(delay_s) };

    return say(&w, "SendMessage", &in);
}

/* visibility -1: the queue's.  The input outlives the call: it may wait. */
static inline struct asked *receive(struct str url, int64_t most, int64_t visibility, int64_t wait)
{
    static struct sqs_ReceiveMessageRequest in[256];
    static struct str all[] = { { "All", 3 } };
    static size_t at;
    struct sqs_ReceiveMessageRequest *r = &in[at++ % ARRAY_LEN(in)];

    *r = (struct sqs_ReceiveMessageRequest){ .QueueUrl = url,
                                             .MaxNumberOfMessages = INT_SET(most),
                                             .WaitTimeSeconds = INT_SET(wait),
                                             .MessageSystemAttributeNames = { true, 1, all },
                                             .MessageAttributeNames = { true, 1, all } };
    if (visibility >= 0)
        r->VisibilityTimeout = INT_SET(visibility);
    return say(&w, "ReceiveMessage", r);
}

static inline struct sqs_MessageList *got(const struct asked *a)
{
    return &((struct sqs_ReceiveMessageResult *)a->c.output)->Messages;
}

static inline struct str body_of(const struct asked *a)
{
    return got(a)->n == 1 ? got(a)->v[0].Body : STR_NONE;
}

static inline struct str system_of(const struct sqs_Message *m, const char *name)
{
    for (size_t i = 0; i < m->Attributes.n; i++)
        if (str_is(m->Attributes.v[i].key, name))
            return m->Attributes.v[i].value;
    return STR_NONE;
}

static inline struct asked *delete (struct str url, struct str handle)
{
    struct sqs_DeleteMessageRequest in = { url, handle };

    return say(&w, "DeleteMessage", &in);
}

static inline struct asked *change(struct str url, struct str handle, int64_t timeout)
{
    struct sqs_ChangeMessageVisibilityRequest in = { url, handle, INT_SET(timeout) };

    return say(&w, "ChangeMessageVisibility", &in);
}

static inline struct str attribute(struct str url, const char *name)
{
    struct str names[] = { str_of(name) };
    struct sqs_GetQueueAttributesRequest in = { url, { true, 1, names } };
    struct sqs_GetQueueAttributesResult *out = say(&w, "GetQueueAttributes", &in)->c.output;

    return out->Attributes.n == 1 ? out->Attributes.v[0].value : STR_NONE;
}

static inline void counts(struct str url, const char *visible, const char *in_flight, const char *delayed)
{
    EXPECT_STR(attribute(url, "ApproximateNumberOfMessages"), str_of(visible));
    EXPECT_STR(attribute(url, "ApproximateNumberOfMessagesNotVisible"), str_of(in_flight));
    EXPECT_STR(attribute(url, "ApproximateNumberOfMessagesDelayed"), str_of(delayed));
}

static inline void expect_ok(const struct asked *a)
{
    EXPECT(a->answered);
    EXPECT_INT(a->result, 0);
    if (a->result == -E_FAULT)
        UNIT_FAIL("fault: %s: " STR_FMT, a->c.fault.row->name, STR_ARG(a->c.fault.message));
}

static inline void expect_fault(const struct asked *a, const struct error_row *row, const char *message)
{
    EXPECT(a->answered);
    EXPECT_INT(a->result, -E_FAULT);
    if (a->result != -E_FAULT)
        return;
    EXPECT_Z(a->c.fault.row->name, row->name);
    EXPECT_STR(a->c.fault.message, str_of(message));
}

#endif
