/* queue.c - queues by name and their life in memory.
 *
 * True here: a queue is in sqs.queues under its account, region and name, from its birth to its end; what is
 * derived from its attributes is what they say; its tags are sorted by key, each key once. */
#include "service/sqs/queue.h"

#include <stdlib.h>
#include "base/arn.h"
#include "base/least.h"
#include "service/sqs/fault.h"
#include "service/sqs/redrive.h"
#include "service/sqs/wait.h"

#define KEY_MOST 256

/* Absent when it does not fit: no queue has such a name.  By hand: every request and delivery makes one, and
 * with snprintf() a look-up costs 1,500 instructions instead of 250. */
static struct str queue_key(char *room, struct str account, struct str region, struct str name)
{
    const struct str part[] = { account, region, name };
    size_t n = 0;

    if (account.n + region.n + name.n + 3 > KEY_MOST)
        return STR_NONE;
    for (size_t i = 0; i < ARRAY_LEN(part); i++) {
        if (i > 0)
            room[n++] = '/';
        if (part[i].n > 0)
            memcpy(room + n, part[i].p, part[i].n);
        n += part[i].n;
    }
    return str_make(room, n);
}

struct sqs_queue *sqs_find(const struct sqs *s, struct str account, struct str region, struct str name)
{
    char room[KEY_MOST];
    struct str key = queue_key(room, account, region, name);
    struct sqs_queue *q;

    CHECK_IS(s, SQS_MAGIC);
    q = str_absent(key) ? NULL : map_get(&s->queues, key);
    CHECK(q == NULL || (q->magic == SQS_QUEUE_MAGIC && q->owner == s));
    return q;
}

struct sqs_queue *sqs_find_parts(const struct sqs *s, const struct arn *arn)
{
    return str_is(arn->service, "sqs") && str_is(arn->partition, "aws")
               ? sqs_find(s, arn->account, arn->region, arn->resource)
               : NULL;
}

struct sqs_queue *sqs_find_arn(const struct sqs *s, struct str text)
{
    struct arn arn;

    return arn_parse(text, &arn) == 0 ? sqs_find_parts(s, &arn) : NULL;
}

int sqs_resolve(struct call *c, struct str queue_url, struct sqs_queue **ret)
{
    struct str name, account, rest = queue_url;
    ptrdiff_t slash;

    if (str_empty(queue_url))
        return sqs_fault_missing(c, "QueueUrl");
    slash = str_rfind(rest, '/');
    name = str_sub(rest, (size_t)(slash + 1), rest.n);
    rest = str_sub(rest, 0, (size_t)MAX(slash, 0));
    account = slash < 0 ? c->account : str_sub(rest, (size_t)(str_rfind(rest, '/') + 1), rest.n);
    *ret = sqs_find(c->state, account, c->region, name);
    return *ret == NULL ? sqs_fault_no_queue(c) : 0;
}

int sqs_may(struct call *c, const struct sqs_queue *q, const char *action)
{
    bool at_home = str_eq(c->account, q->account);
    struct resource what = { q->arn, q->account,
                             at_home || sqs_action_is_shared(str_of(action)) ? q->policy : NULL };

    CHECK(strchr(action, ':') == NULL); /* "SendMessage": the service's name is put before it here */
    return call_may(c, arena_z(c->mem, arena_printf(c->mem, "sqs:%s", action)), &what);
}

/* A batch needs what its single steps need; actions for batches do not exist. */
static const char *action_of(const struct call *c)
{
    struct str name = str_of(c->op->name);

    return str_ends(name, STR("Batch")) ? arena_z(c->mem, str_sub(name, 0, name.n - 5)) : c->op->name;
}

int sqs_enter(struct call *c, struct str queue_url, struct sqs_queue **ret)
{
    int r = sqs_resolve(c, queue_url, ret);

    return r != 0 ? r : sqs_may(c, *ret, action_of(c));
}

struct str sqs_url(const struct call *c, const struct sqs_queue *q)
{
    return arena_printf(c->mem, "http://" STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(call_host(c)),
                        STR_ARG(q->account), STR_ARG(q->name));
}

struct str sqs_arn(struct arena *a, struct str region, struct str account, struct str name)
{
    return arena_printf(a, "arn:aws:sqs:" STR_FMT ":" STR_FMT ":" STR_FMT, STR_ARG(region), STR_ARG(account),
                        STR_ARG(name));
}

struct sqs_queue *sqs_queue_new(struct sqs *s, uint64_t id, struct str account, struct str region,
                                struct str name)
{
    struct sqs_queue *q = xcalloc(1, sizeof(*q));
    CLEANUP(buf_done) struct buf arn = { 0 };
    char room[KEY_MOST];
    struct str key = queue_key(room, account, region, name);

    CHECK_IS(s, SQS_MAGIC);
    CHECK(!str_absent(key));
    buf_printf(&arn, "arn:aws:sqs:" STR_FMT ":" STR_FMT ":" STR_FMT, STR_ARG(region), STR_ARG(account),
               STR_ARG(name));
    *q = (struct sqs_queue){ .magic = SQS_QUEUE_MAGIC,
                             .owner = s,
                             .id = id,
                             .rows_id = id,
                             .account = str_own(account),
                             .region = str_own(region),
                             .name = str_own(name),
                             .arn = str_own(buf_view(&arn)),
                             .fifo = str_ends(name, STR(".fifo")) };
    if (q->fifo)
        q->rows_id |= SQS_FIFO_ROWS;
    sqs_index_init(&q->index, q->fifo ? &s->fifo_pool : &s->pool);
    list_init(&q->waiters);
    q->due.fire = sqs_wake_due;
    CHECK(map_put(&s->queues, key, q) == NULL);
    sqs_queue_derive(q);
    return q;
}

void sqs_queue_free(struct sqs_queue *q)
{
    char room[KEY_MOST];

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(list_empty(&q->waiters) && !timer_pending(&q->due));
    CHECK(map_del(&q->owner->queues, queue_key(room, q->account, q->region, q->name)) == q);
    list_remove(&q->wake);
    list_remove(&q->expire);
    sqs_index_done(&q->index);
    policy_free(q->policy);
    sqs_attribute_done(&q->attributes);
    while (q->n_tags > 0)
        sqs_queue_untag(q, q->tags[q->n_tags - 1].key);
    free(q->tags);
    str_drop(&q->account);
    str_drop(&q->region);
    str_drop(&q->name);
    str_drop(&q->arn);
    str_drop(&q->dead_letter_arn);
    q->magic = 0;
    free(q);
}

static void derive_redrive(struct sqs_queue *q)
{
    CLEANUP(arena_freep) struct arena *a = NULL;
    struct str text = q->attributes.text[SQS_REDRIVE_POLICY], reason;
    struct sqs_redrive redrive;

    str_drop(&q->dead_letter_arn);
    q->max_receives = 0;
    if (str_absent(text))
        return;
    a = arena_new(0);
    CHECK(sqs_redrive_parse(a, text, &redrive, &reason) == 0);
    q->dead_letter_arn = str_own(redrive.target_arn);
    q->max_receives = redrive.max_receives;
}

/* Checked when it was set; one that cannot be read all the same allows nothing. */
static void derive_policy(struct sqs_queue *q)
{
    struct str text = q->attributes.text[SQS_POLICY];

    q->policy = policy_free(q->policy);
    if (!str_absent(text) && policy_parse(POLICY_RESOURCE, text, &q->policy, NULL) != 0)
        q->policy = NULL;
}

void sqs_queue_derive(struct sqs_queue *q)
{
    const struct sqs_attributes *at = &q->attributes;

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(q->fifo == ((q->rows_id & SQS_FIFO_ROWS) != 0));
    q->visibility_ms = sqs_attribute_number(at, SQS_VISIBILITY_TIMEOUT) * 1000;
    q->delay_ms = sqs_attribute_number(at, SQS_DELAY_SECONDS) * 1000;
    q->retention_ms = sqs_attribute_number(at, SQS_MESSAGE_RETENTION_PERIOD) * 1000;
    q->wait_ms = sqs_attribute_number(at, SQS_RECEIVE_WAIT) * 1000;
    q->most_bytes = sqs_attribute_number(at, SQS_MAXIMUM_MESSAGE_SIZE);
    q->by_content = str_is(at->text[SQS_CONTENT_DEDUPLICATION], "true");
    q->by_group = str_is(at->text[SQS_DEDUPLICATION_SCOPE], "messageGroup");
    derive_redrive(q);
    derive_policy(q);
}

/* Where key stands or would stand. */
static size_t tag_place(const struct sqs_queue *q, struct str key)
{
    size_t i = 0;

    while (i < q->n_tags && str_cmp(q->tags[i].key, key) < 0)
        i++;
    return i;
}

static bool tag_at(const struct sqs_queue *q, size_t i, struct str key)
{
    return i < q->n_tags && str_eq(q->tags[i].key, key);
}

void sqs_queue_tag(struct sqs_queue *q, struct str key, struct str value)
{
    size_t i = tag_place(q, key);

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    if (tag_at(q, i, key)) {
        str_drop(&q->tags[i].value);
    } else {
        q->tags = xrealloc(q->tags, (q->n_tags + 1) * sizeof(*q->tags));
        memmove(&q->tags[i + 1], &q->tags[i], (q->n_tags - i) * sizeof(*q->tags));
        q->tags[i].key = str_own(key);
        q->n_tags++;
    }
    q->tags[i].value = str_own(value);
}

void sqs_queue_untag(struct sqs_queue *q, struct str key)
{
    size_t i = tag_place(q, key);

    if (!tag_at(q, i, key))
        return;
    str_drop(&q->tags[i].key);
    str_drop(&q->tags[i].value);
    q->n_tags--;
    memmove(&q->tags[i], &q->tags[i + 1], (q->n_tags - i) * sizeof(*q->tags));
}

static int by_name(const void *x, const void *y)
{
    return str_cmp(((const struct sqs_queue *)x)->name, ((const struct sqs_queue *)y)->name);
}

struct sqs_queue **sqs_list(const struct sqs *s, struct arena *a,
                            bool (*pick)(const struct sqs_queue *q, const void *arg), const void *arg,
                            struct str after, size_t most, size_t *ret_n)
{
    struct least page;
    struct str key;
    void *value;

    CHECK_IS(s, SQS_MAGIC);
    CHECK(pick != NULL && most > 0);
    least_init(&page, a, most, by_name);
    for (size_t i = 0; map_next(&s->queues, &i, &key, &value);) {
        const struct sqs_queue *q = CAST(struct sqs_queue, SQS_QUEUE_MAGIC, value);

        if (pick(q, arg) && (str_absent(after) || str_cmp(q->name, after) > 0))
            least_offer(&page, value);
    }
    least_sort(&page);
    CHECK(page.n <= most);
    *ret_n = page.n;
    return (struct sqs_queue **)page.v;
}
