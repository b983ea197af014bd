/* op_attribute.c - attributes and tags are read and changed.
 * Cost: 1 UPDATE; a new delay of a FIFO queue holds for the messages it has too, and costs a walk over them.
 */
#include "service/sqs/ops.h"

#include "base/arn.h"
#include "service/sqs/expire.h"
#include "service/sqs/fault.h"
#include "service/sqs/redrive.h"
#include "service/sqs/rows.h"
#include "service/sqs/wait.h"

#define TAG_KEY_MOST 128 /* characters; counted in code points */
#define TAG_VALUE_MOST 256

static struct str number(struct arena *a, int64_t v) { return arena_printf(a, "%lld", (long long)v); }

static struct str value_of(struct arena *a, const struct sqs_queue *q, enum sqs_attribute i)
{
    CHECK_IS(q, SQS_QUEUE_MAGIC);
    switch (i) {
    case SQS_MESSAGES: return number(a, (int64_t)q->index.n_visible);
    case SQS_MESSAGES_NOT_VISIBLE: return number(a, (int64_t)q->index.n_in_flight);
    case SQS_MESSAGES_DELAYED: return number(a, (int64_t)q->index.n_delayed);
    case SQS_CREATED: return number(a, q->created_ms / 1000);
    case SQS_LAST_MODIFIED: return number(a, q->modified_ms / 1000);
    case SQS_QUEUE_ARN: return arena_str(a, q->arn);
    default: return arena_str(a, sqs_attribute_text(&q->attributes, i));
    }
}

static int wanted_attributes(struct call *c, const struct sqs_AttributeNameList *names, bool *want)
{
    for (size_t k = 0; k < names->n; k++) {
        int i = sqs_attribute_find(names->v[k]);
        bool all = str_is(names->v[k], "All");

        if (i < 0 && !all)
            return call_fault(c, &sqs_error_InvalidAttributeName, "Unknown Attribute " STR_FMT ".",
                              STR_ARG(names->v[k]));
        for (int j = 0; j < SQS_N_ATTRIBUTES; j++)
            want[j] |= all || j == i;
    }
    return 0;
}

int sqs_get_queue_attributes(struct call *c, const void *input, void *output)
{
    const struct sqs_GetQueueAttributesRequest *in = input;
    struct sqs_GetQueueAttributesResult *out = output;
    bool want[SQS_N_ATTRIBUTES] = { false };
    struct sqs_queue *q;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r == 0)
        r = wanted_attributes(c, &in->AttributeNames, want);
    if (r == 0)
        r = sqs_queue_expire(c->turn, q);
    if (r != 0)
        return r;
    (void)sqs_index_settle(&q->index, c->turn->now.wall_ms);
    sqs_wake(c->state, c->turn);
    out->Attributes.v = arena_calloc(c->mem, SQS_N_ATTRIBUTES, sizeof(*out->Attributes.v));
    for (int i = 0; i < SQS_N_ATTRIBUTES; i++) {
        struct str value = want[i] ? value_of(c->mem, q, (enum sqs_attribute)i) : STR_NONE;

        if (!str_absent(value))
            out->Attributes.v[out->Attributes.n++] =
                (struct sqs_QueueAttributeMap_entry){ str_of(sqs_attribute_name((enum sqs_attribute)i)),
                                                      value };
    }
    out->Attributes.set = out->Attributes.n > 0;
    return 0;
}

/* The reasons, other than the first, are UNVERIFIED in their wording. */
int sqs_check_redrive_target(struct call *c, struct str source_arn, const struct sqs_change *change)
{
    struct str text = change->text[SQS_REDRIVE_POLICY], reason;
    struct sqs_redrive redrive;
    struct sqs_queue *to;
    struct arn arn;

    if (!change->given[SQS_REDRIVE_POLICY] || str_empty(text))
        return 0;
    CHECK(sqs_redrive_parse(c->mem, text, &redrive, &reason) == 0);
    if (arn_parse(redrive.target_arn, &arn) != 0 || !str_is(arn.service, "sqs"))
        return sqs_fault_value(c, text, "RedrivePolicy", "Invalid value for deadLetterTargetArn.");
    to = str_eq(arn.account, c->account) && str_eq(arn.region, c->region)
             ? sqs_find_arn(c->state, redrive.target_arn)
             : NULL;
    if (str_eq(redrive.target_arn, source_arn))
        return sqs_fault_value(c, text, "RedrivePolicy", "A queue cannot be its own dead letter target.");
    if (to == NULL)
        return sqs_fault_value(c, text, "RedrivePolicy", "Dead letter target does not exist.");
    if (to->fifo != str_ends(source_arn, STR(".fifo")))
        return sqs_fault_value(c, text, "RedrivePolicy",
                               "Dead-letter target must be same type of queue as the source.");
    if (!sqs_allow_source(c->mem, to->attributes.text[SQS_REDRIVE_ALLOW_POLICY], source_arn))
        return sqs_fault_value(
            c, text, "RedrivePolicy",
            "The RedriveAllowPolicy of the dead letter target does not allow this source queue.");
    return 0;
}

int sqs_set_queue_attributes(struct call *c, const void *input, void *output UNUSED)
{
    const struct sqs_SetQueueAttributesRequest *in = input;
    struct sqs_change change;
    struct sqs_queue *q;
    struct fault f;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    if (!in->Attributes.set || in->Attributes.n == 0)
        return sqs_fault_missing(c, "Attribute.Name");
    if (sqs_attribute_change(c->mem, &in->Attributes, q->fifo, &q->attributes, &change, &f) != 0)
        return sqs_fault(c, &f);
    if (sqs_check_redrive_target(c, q->arn, &change) != 0)
        return -E_FAULT;
    sqs_attribute_apply(&q->attributes, &change);
    sqs_queue_derive(q);
    q->modified_ms = c->turn->now.wall_ms;
    sqs_sweep_arm(c->turn, q);
    r = MIN(0, sqs_rows_put_queue(c->turn->store, q));
    if (r == 0 && q->fifo && change.given[SQS_DELAY_SECONDS]) {
        sqs_index_delay(&q->index, q->delay_ms, c->turn->now.wall_ms);
        sqs_wake_later(q);
        sqs_wake(c->state, c->turn);
    }
    return r;
}

static size_t code_points(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static bool is_among(struct str key, const struct str *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(keys[i], key))
            return true;
    return false;
}

/* The sentences are UNVERIFIED; the limits are those of the SQS API reference, TagQueue.  Ends at the first
 * tag too many: a request has room for tens of thousands. */
int sqs_check_tags(struct call *c, const struct sqs_queue *q, const struct sqs_TagMap *tags)
{
    struct str keys[SQS_TAGS_MOST];
    size_t n = 0;

    CHECK(q == NULL || q->magic == SQS_QUEUE_MAGIC);
    for (size_t i = 0; q != NULL && i < MIN(q->n_tags, ARRAY_LEN(keys)); i++)
        keys[n++] = q->tags[i].key;
    for (size_t i = 0; i < tags->n; i++) {
        struct str key = tags->v[i].key, value = tags->v[i].value;

        if (code_points(key) < 1 || code_points(key) > TAG_KEY_MOST || utf8_check(key) < key.n)
            return sqs_fault_value(c, key, "Tag.Key",
                                   "Tag keys must be between 1 and 128 characters in length.");
        if (str_absent(value) || code_points(value) > TAG_VALUE_MOST || utf8_check(value) < value.n)
            return sqs_fault_value(c, value, "Tag.Value",
                                   "Tag values must be between 0 and 256 characters in length.");
        if (str_starts_nocase(key, STR("aws:")))
            return sqs_fault_value(c, key, "Tag.Key", "Tag keys must not start with 'aws:'.");
        if (is_among(key, keys, n))
            continue;
        if (n == SQS_TAGS_MOST)
            return call_fault(c, &sqs_error_invalid_parameter, "A queue can have at most %d tags.",
                              SQS_TAGS_MOST);
        keys[n++] = key;
    }
    return 0;
}

int sqs_tag_queue(struct call *c, const void *input, void *output UNUSED)
{
    const struct sqs_TagQueueRequest *in = input;
    struct sqs_queue *q;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    if (in->Tags.n == 0)
        return sqs_fault_missing(c, "Tags");
    if (sqs_check_tags(c, q, &in->Tags) != 0)
        return -E_FAULT;
    for (size_t i = 0; i < in->Tags.n; i++)
        sqs_queue_tag(q, in->Tags.v[i].key, in->Tags.v[i].value);
    return MIN(0, sqs_rows_put_queue(c->turn->store, q));
}

int sqs_untag_queue(struct call *c, const void *input, void *output UNUSED)
{
    const struct sqs_UntagQueueRequest *in = input;
    struct sqs_queue *q;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    if (in->TagKeys.n == 0)
        return sqs_fault_missing(c, "TagKeys");
    for (size_t i = 0; i < in->TagKeys.n; i++)
        sqs_queue_untag(q, in->TagKeys.v[i]);
    return MIN(0, sqs_rows_put_queue(c->turn->store, q));
}

int sqs_list_queue_tags(struct call *c, const void *input, void *output)
{
    const struct sqs_ListQueueTagsRequest *in = input;
    struct sqs_ListQueueTagsResult *out = output;
    struct sqs_queue *q;
    int r = sqs_enter(c, in->QueueUrl, &q);

    if (r != 0)
        return r;
    out->Tags.v = arena_calloc(c->mem, q->n_tags + 1, sizeof(*out->Tags.v));
    for (size_t i = 0; i < q->n_tags; i++)
        out->Tags.v[i] = (struct sqs_TagMap_entry){ arena_str(c->mem, q->tags[i].key),
                                                    arena_str(c->mem, q->tags[i].value) };
    out->Tags.n = q->n_tags;
    out->Tags.set = q->n_tags > 0;
    return 0;
}
