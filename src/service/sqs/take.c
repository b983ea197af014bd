/* take.c - from the visible list to the reply.
 *
 * True here: a receive looks at each message that was visible when it began at most once (each group, in a
 * FIFO queue), so it ends also when messages stay visible (VisibilityTimeout 0) or dead-letter queues form a
 * ring.
 */
#include "service/sqs/take.h"

#include "service/sqs/expire.h"
#include "service/sqs/handle.h"
#include "service/sqs/rows.h"
#include "service/sqs/wait.h"

static const char *const system_names[SQS_N_SYSTEM] = {
    [SQS_SENDER_ID] = "SenderId",
    [SQS_SENT_TIMESTAMP] = "SentTimestamp",
    [SQS_RECEIVE_COUNT] = "ApproximateReceiveCount",
    [SQS_FIRST_RECEIVE] = "ApproximateFirstReceiveTimestamp",
    [SQS_GROUP_ID] = "MessageGroupId",
    [SQS_TRACE_HEADER] = "AWSTraceHeader",
    [SQS_DEAD_LETTER_SOURCE] = "DeadLetterQueueSourceArn",
    [SQS_SEQUENCE_NUMBER] = "SequenceNumber",
    [SQS_DEDUPLICATION_ID] = "MessageDeduplicationId",
};

#define DROPS_MOST 1000 /* messages too old that one receive cleans away */

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
    return false;
}

static void add_system(const struct sqs_want *want, enum sqs_system which, struct str value,
                       struct sqs_MessageSystemAttributeMap *map)
{
    if ((want->system & (uint32_t)1 << which) == 0 || str_absent(value))
        return;
    CHECK(map->n < SQS_N_SYSTEM);
    map->v[map->n++] = (struct sqs_MessageSystemAttributeMap_entry){ str_of(system_names[which]), value };
    map->set = true;
}

static struct str number(struct arena *a, int64_t v) { return arena_printf(a, "%lld", (long long)v); }

static void show_attributes(struct arena *a, const struct sqs_want *want, const struct sqs_msg *m,
                            struct sqs_Message *ret)
{
    struct sqs_msg_attribute shown[SQS_ATTRIBUTES_MOST];
    struct sqs_MessageBodyAttributeMap *map = &ret->MessageAttributes;

    CHECK(m->n_attributes <= ARRAY_LEN(shown));
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
static int show_row(struct arena *a, struct sqs_queue *q, const struct sqs_want *want, uint64_t id,
                    struct rows *r, int64_t receives, int64_t first_ms, struct sqs_Message *ret)
{
    struct sqs_handle handle = { q->id, id, (uint32_t)receives };
    struct sqs_MessageSystemAttributeMap *map = &ret->Attributes;
    struct sqs_msg m;

    if (sqs_msg_unpack(arena_str(a, rows_text(r, SQS_COL_EXTRAS)), &m) != 0) {
        store_damaged(r->store, "sqs_message", (int64_t)id, "its extras are none");
        return -E_DAMAGED;
    }
    ret->MessageId = arena_str(a, rows_text(r, SQS_COL_MESSAGE_ID));
    ret->ReceiptHandle = sqs_handle_text(a, &handle);
    ret->Body = arena_str(a, rows_text(r, SQS_COL_BODY));
    ret->MD5OfBody = sqs_msg_md5_of_body(a, ret->Body);
    map->v = arena_calloc(a, SQS_N_SYSTEM, sizeof(*map->v));
    add_system(want, SQS_SENDER_ID, m.sender, map);
    add_system(want, SQS_SENT_TIMESTAMP, number(a, rows_ms(r, SQS_COL_SENT)), map);
    add_system(want, SQS_RECEIVE_COUNT, number(a, receives), map);
    add_system(want, SQS_FIRST_RECEIVE, number(a, first_ms), map);
    add_system(want, SQS_GROUP_ID, m.group, map);
    add_system(want, SQS_DEDUPLICATION_ID, m.deduplication, map);
    if (q->fifo)
        add_system(want, SQS_SEQUENCE_NUMBER, sqs_sequence(a, id), map);
    add_system(want, SQS_TRACE_HEADER, m.trace, map);
    add_system(want, SQS_DEAD_LETTER_SOURCE, arena_str(a, rows_text(r, SQS_COL_SOURCE)), map);
    show_attributes(a, want, &m, ret);
    return 0;
}

struct taking {
    struct turn *t;
    struct sqs_queue *q;
    const struct sqs_want *want;
    struct arena *a;
    struct sqs_MessageList *ret;
    size_t drops;                                     /* that this receive may still make */
    struct sqs_attempted taken[SQS_ATTEMPT_MESSAGES]; /* what ret holds, for an attempt id */
};

static void hide(struct taking *k, struct sqs_node *node, int64_t until_ms)
{
    if (until_ms > k->t->now.wall_ms)
        sqs_index_hide(&k->q->index, node, until_ms);
    else
        sqs_index_show(&k->q->index, node);
}

static int64_t until(const struct taking *k)
{
    return k->t->now.wall_ms + (k->want->visibility_ms < 0 ? k->q->visibility_ms : k->want->visibility_ms);
}

static int take_one(struct taking *k, struct sqs_node *node)
{
    int64_t now_ms = k->t->now.wall_ms, until_ms = until(k), receives, first_ms;
    CLEANUP(rows_done) struct rows r;
    int changed;

    CHECK(node->state == SQS_VISIBLE && k->ret->n < ARRAY_LEN(k->taken));
    sqs_rows_read(k->t->store, node->due.seq, &r);
    if (!rows_next(&r))
        return -E_FULL; /* lost with the writes of a turn that failed already */
    receives = rows_count(&r, SQS_COL_RECEIVES, SQS_ROW_RECEIVES_MOST) + 1;
    first_ms = receives == 1 ? now_ms : rows_ms(&r, SQS_COL_FIRST);
    changed = show_row(k->a, k->q, k->want, node->due.seq, &r, receives, first_ms, &k->ret->v[k->ret->n]);
    rows_done(&r);
    if (changed < 0)
        return changed;
    changed = sqs_rows_take(k->t->store, node->due.seq, until_ms, receives, now_ms, first_ms);
    if (changed < 0)
        return changed;
    node->receives = (uint64_t)MIN(receives, SQS_RECEIVES_MOST) & SQS_RECEIVES_MOST;
    k->taken[k->ret->n++] = (struct sqs_attempted){ node->due.seq, (uint32_t)receives, until_ms };
    hide(k, node, until_ms);
    return 0;
}

/* Is the message on its way to a dead-letter queue rather than to a reader?  1: it moved, or stays but is not
 * to be read; 0: read it; or a store error. */
static int to_dead_letters(struct taking *k, struct sqs_node *node)
{
    struct sqs_queue *q = k->q, *to;
    int r;

    if (q->max_receives == 0 || (int64_t)node->receives < q->max_receives)
        return 0;
    to = sqs_find_arn(q->owner, q->dead_letter_arn);
    if (to == NULL)
        return 0;
    if (to == q || node->round == q->owner->round) {
        sqs_index_show(&q->index, node);
        return 1;
    }
    r = sqs_queue_to_dead_letters(k->t, q, to, node);
    return r < 0 ? r : 1;
}

static int drop_old(struct taking *k, struct sqs_node *node)
{
    int r;

    CHECK(k->drops > 0);
    if (k->t->now.wall_ms - (int64_t)node->sent_ms <= k->q->retention_ms)
        return 0;
    r = sqs_queue_drop(k->t, k->q, node);
    k->drops--;
    return r < 0 ? r : 1;
}

/* 0: read, dropped, moved or passed by; or a store error. */
static int take_or_move(struct taking *k, struct sqs_node *node)
{
    int r = drop_old(k, node);

    if (r == 0)
        r = to_dead_letters(k, node);
    if (r == 0)
        r = take_one(k, node);
    return MIN(r, 0);
}

static bool room(const struct taking *k)
{
    return (int64_t)k->ret->n < k->want->most && k->q->index.n_in_flight < SQS_IN_FLIGHT_MOST && k->drops > 0;
}

static int take_standard(struct taking *k)
{
    int r = 0;

    CHECK(!k->q->fifo);
    for (size_t look = k->q->index.n_visible; r == 0 && look > 0 && room(k); look--)
        r = take_or_move(k, sqs_index_first(&k->q->index));
    return r;
}

/* The message behind is found first: this one may be gone afterwards.  One that stays unread holds back the
 * others. */
static int take_group(struct taking *k, struct sqs_group *g)
{
    struct sqs_node *node = CONTAINER_OF(list_first(&g->messages), struct sqs_node, link), *behind;
    int r = 0;

    for (; r == 0 && node != NULL && room(k); node = behind) {
        size_t n = k->ret->n, had = k->q->index.n;

        CHECK(node->state == SQS_VISIBLE);
        behind = sqs_index_behind(&k->q->index, node);
        r = take_or_move(k, node);
        if (k->ret->n == n && k->q->index.n == had)
            break;
    }
    return r;
}

/* Each group that was ready at the beginning has one turn: whatever leaves messages visible puts its group
 * behind. */
static int take_groups(struct taking *k)
{
    const struct link *last;
    struct sqs_group *g;
    bool end = false;
    int r = 0;

    CHECK(k->q->fifo && k->q->index.groups != NULL);
    last = k->q->index.groups->ready.head.prev;
    while (r == 0 && !end && room(k) && (g = sqs_index_ready(&k->q->index)) != NULL) {
        end = &g->ready == last;
        r = take_group(k, g);
    }
    return r;
}

/* Nothing has happened to the messages since they were given out? */
static bool unchanged(const struct sqs_queue *q, const struct sqs_attempt *at)
{
    for (size_t i = 0; i < at->n; i++) {
        const struct sqs_node *node = sqs_index_find(&q->index, at->v[i].id);

        if (node == NULL || node->state != SQS_IN_FLIGHT || node->due.key != at->v[i].until_ms ||
            node->receives != MIN(at->v[i].receive, (uint32_t)SQS_RECEIVES_MOST))
            return false;
    }
    return true;
}

static int take_again(struct taking *k, struct sqs_attempt *at)
{
    for (size_t i = 0; i < at->n; i++) {
        CLEANUP(rows_done) struct rows r;
        int64_t until_ms = until(k);
        int changed;

        CHECK(k->ret->n < SQS_ATTEMPT_MESSAGES);
        sqs_rows_read(k->t->store, at->v[i].id, &r);
        if (!rows_next(&r))
            return -E_FULL;
        changed = show_row(k->a, k->q, k->want, at->v[i].id, &r, at->v[i].receive, rows_ms(&r, SQS_COL_FIRST),
                           &k->ret->v[k->ret->n]);
        rows_done(&r);
        if (changed < 0)
            return changed;
        k->ret->n++;
        changed = sqs_rows_show_at(k->t->store, at->v[i].id, until_ms);
        if (changed < 0)
            return changed;
        at->v[i].until_ms = until_ms;
        hide(k, sqs_index_find(&k->q->index, at->v[i].id), until_ms);
    }
    return 0;
}

static int take_fifo(struct taking *k)
{
    struct sqs_attempts *as = &k->q->owner->attempts;
    struct str id = k->want->attempt_id;
    struct sqs_attempt *at = str_absent(id) ? NULL : sqs_attempt_find(as, k->q->id, id, k->t->now.wall_ms);
    int r;

    if (at != NULL && unchanged(k->q, at))
        return take_again(k, at);
    r = take_groups(k);
    if (r == 0 && !str_absent(id) && k->ret->n > 0) {
        at = sqs_attempt_new(as, k->q->id, id, k->t->now.wall_ms);
        CHECK(k->ret->n <= SQS_ATTEMPT_MESSAGES);
        at->n = k->ret->n;
        memcpy(at->v, k->taken, sizeof(at->v));
    }
    return r;
}

int sqs_take(struct turn *t, struct sqs_queue *q, const struct sqs_want *want, struct arena *a,
             struct sqs_MessageList *ret)
{
    struct taking k = { .t = t, .q = q, .want = want, .a = a, .ret = ret, .drops = DROPS_MOST };
    int r;

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(want->most >= 1 && want->most <= SQS_ATTEMPT_MESSAGES);
    CHECK(want->names != NULL && want->visibility_ms >= -1 && want->system >> SQS_N_SYSTEM == 0);
    CHECK(q->fifo || str_absent(want->attempt_id));
    CHECK(ret->n == 0 && !ret->set);
    (void)sqs_index_settle(&q->index, t->now.wall_ms);
    if (!sqs_index_any(&q->index) && str_absent(want->attempt_id))
        return 0;
    ret->v = arena_calloc(a, SQS_ATTEMPT_MESSAGES, sizeof(*ret->v));
    r = q->fifo ? take_fifo(&k) : take_standard(&k);
    if (r == 0 && k.drops == 0)
        r = sqs_queue_expire(t, q); /* the rest of them in steps, which wake whoever waits */
    if (r != 0)
        return r;
    CHECK((int64_t)ret->n <= want->most);
    ret->set = ret->n > 0;
    if (ret->n > 0)
        sqs_count(t, q, "NumberOfMessagesReceived", (double)ret->n, "Count");
    return 0;
}
