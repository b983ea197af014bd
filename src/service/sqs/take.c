/* take.c - a receive looks at each message that was visible when it began at most once, so it ends also when
 * messages stay visible (VisibilityTimeout 0) or dead-letter queues form a ring. */
#include "service/sqs/take.h"

#include "service/sqs/handle.h"
#include "service/sqs/rows.h"
#include "service/sqs/wait.h"

static const char *const system_names[SQS_N_SYSTEM] = {
    [SQS_SENDER_ID] = "SenderId", [SQS_SENT_TIMESTAMP] = "SentTimestamp",
    [SQS_RECEIVE_COUNT] = "ApproximateReceiveCount", [SQS_FIRST_RECEIVE] = "ApproximateFirstReceiveTimestamp",
    [SQS_GROUP_ID] = "MessageGroupId", [SQS_TRACE_HEADER] = "AWSTraceHeader",
    [SQS_DEAD_LETTER_SOURCE] = "DeadLetterQueueSourceArn",
};

bool sqs_want_system(struct sqs_want *want, struct str name)
{
    if (str_is(name, "All")) {
        want->system = ((uint32_t)1 << SQS_N_SYSTEM) - 1;
        return true;
    }
    for (unsigned i = 0; i < SQS_N_SYSTEM; i++)
        if (str_is(name, system_names[i])) {
            want->system |= (uint32_t)1 << i;
            return true;
        }
    return str_is(name, "SequenceNumber") || str_is(name, "MessageDeduplicationId");
}

static void add_system(const struct sqs_want *want, enum sqs_system which, struct str value, struct sqs_MessageSystemAttributeMap *map)
{
    if ((want->system & (uint32_t)1 << which) == 0 || str_absent(value))
        return;
    map->v[map->n++] = (struct sqs_MessageSystemAttributeMap_entry){ str_of(system_names[which]), value };
    map->set = true;
}

static struct str number(struct arena *a, int64_t v)
{
    return arena_printf(a, "%lld", (long long)v);
}

static void show_attributes(struct arena *a, const struct sqs_want *want, const struct sqs_msg *m, struct sqs_Message *ret)
{
    struct sqs_msg_attribute shown[SQS_ATTRIBUTES_MOST];
    struct sqs_MessageBodyAttributeMap *map = &ret->MessageAttributes;

    map->v = arena_calloc(a, m->n_attributes + 1, sizeof(*map->v));
    for (size_t i = 0; i < m->n_attributes; i++) {
        const struct sqs_msg_attribute *at = &m->attributes[i];
        struct sqs_MessageBodyAttributeMap_entry *e = &map->v[map->n];
        bool binary = sqs_msg_is_binary(at->type);

        if (!sqs_msg_wanted(want->names, at->name))
            continue;
        shown[map->n++] = *at;
        e->key = at->name;
        e->value.DataType = at->type;
        *(binary ? &e->value.BinaryValue : &e->value.StringValue) = at->value;
    }
    map->set = map->n > 0;
    ret->MD5OfMessageAttributes = sqs_msg_md5(a, shown, map->n);
}

/* Everything in *ret comes from the row, copied into `a`. */
static void show_row(struct arena *a, struct sqs_queue *q, const struct sqs_want *want, uint64_t id, struct rows *r,
                     int64_t receives, int64_t first_ms, struct sqs_Message *ret)
{
    struct sqs_handle handle = { q->id, id, (uint32_t)receives };
    struct sqs_MessageSystemAttributeMap *map = &ret->Attributes;
    struct sqs_msg m;

    CHECK(sqs_msg_unpack(arena_str(a, rows_text(r, SQS_COL_EXTRAS)), &m) == 0);
    ret->MessageId = arena_str(a, rows_text(r, SQS_COL_MESSAGE_ID));
    ret->ReceiptHandle = sqs_handle_text(a, &handle);
    ret->Body = arena_str(a, rows_text(r, SQS_COL_BODY));
    ret->MD5OfBody = sqs_msg_md5_of_body(a, ret->Body);
    map->v = arena_calloc(a, SQS_N_SYSTEM, sizeof(*map->v));
    add_system(want, SQS_SENDER_ID, m.sender, map);
    add_system(want, SQS_SENT_TIMESTAMP, number(a, rows_int(r, SQS_COL_SENT)), map);
    add_system(want, SQS_RECEIVE_COUNT, number(a, receives), map);
    add_system(want, SQS_FIRST_RECEIVE, number(a, first_ms), map);
    add_system(want, SQS_GROUP_ID, m.group, map);
    add_system(want, SQS_TRACE_HEADER, m.trace, map);
    add_system(want, SQS_DEAD_LETTER_SOURCE, arena_str(a, rows_text(r, SQS_COL_SOURCE)), map);
    show_attributes(a, want, &m, ret);
}

static int take_one(struct turn *t, struct sqs_queue *q, const struct sqs_want *want, struct arena *a,
                    struct sqs_node *node, struct sqs_Message *ret)
{
    int64_t now_ms = t->now.wall_ms, receives, first_ms;
    int64_t hidden_ms = want->visibility_ms < 0 ? q->visibility_ms : want->visibility_ms;
    CLEANUP(rows_done) struct rows r;
    int changed;

    sqs_rows_read(t->store, node->due.seq, &r);
    if (!rows_next(&r))
        return -E_FULL;                                      /* lost with the writes of a turn that failed already */
    receives = rows_int(&r, SQS_COL_RECEIVES) + 1;
    first_ms = receives == 1 ? now_ms : rows_int(&r, SQS_COL_FIRST);
    show_row(a, q, want, node->due.seq, &r, receives, first_ms, ret);
    rows_done(&r);
    changed = sqs_rows_take(t->store, node->due.seq, now_ms + hidden_ms, receives, now_ms, first_ms);
    if (changed < 0)
        return changed;
    node->receives = (uint64_t)MIN(receives, SQS_RECEIVES_MOST) & SQS_RECEIVES_MOST;
    if (hidden_ms > 0)
        sqs_index_hide(&q->index, node, now_ms + hidden_ms);
    else
        sqs_index_show(&q->index, node);
    return 0;
}

/* Is the message on its way to a dead-letter queue rather than to a reader?  1: it moved, or stays but is not to
 * be read; 0: read it; or a store error. */
static int to_dead_letters(struct turn *t, struct sqs_queue *q, struct sqs_node *node)
{
    struct sqs_queue *to;
    int changed;

    if (q->max_receives == 0 || (int64_t)node->receives < q->max_receives)
        return 0;
    to = sqs_find_arn(q->owner, q->dead_letter_arn);
    if (to == NULL)
        return 0;
    if (to == q || node->round == q->owner->round) {
        sqs_index_show(&q->index, node);
        return 1;
    }
    changed = sqs_rows_move(t->store, node->due.seq, to->rows_id, q->arn, t->now.wall_ms);
    if (changed < 0)
        return changed;
    sqs_index_move(&q->index, &to->index, node);
    node->round = q->owner->round & 15;
    sqs_sweep_arm(t, to);
    sqs_wake_later(to);
    return 1;
}

static int drop_old(struct turn *t, struct sqs_queue *q, struct sqs_node *node)
{
    int changed;

    if (t->now.wall_ms - (int64_t)node->sent_ms <= q->retention_ms)
        return 0;
    changed = sqs_rows_drop(t->store, node->due.seq);
    if (changed < 0)
        return changed;
    sqs_index_remove(&q->index, node);
    return 1;
}

int sqs_take(struct turn *t, struct sqs_queue *q, const struct sqs_want *want, struct arena *a, struct sqs_MessageList *ret)
{
    size_t look;

    sqs_index_settle(&q->index, t->now.wall_ms);
    look = q->index.n_visible;
    if (look == 0)
        return 0;
    ret->v = arena_calloc(a, (size_t)want->most, sizeof(*ret->v));
    for (; look > 0 && (int64_t)ret->n < want->most && q->index.n_in_flight < SQS_IN_FLIGHT_MOST; look--) {
        struct sqs_node *node = sqs_index_first(&q->index);
        int r = drop_old(t, q, node);

        if (r == 0)
            r = to_dead_letters(t, q, node);
        if (r < 0)
            return r;
        if (r > 0)
            continue;
        r = take_one(t, q, want, a, node, &ret->v[ret->n]);
        if (r < 0)
            return r;
        ret->n++;
    }
    ret->set = ret->n > 0;
    return 0;
}
