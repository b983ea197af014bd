/* seen.c - one entry per message of the window, by key and in the order they came.
 *
 * True here: the order holds every entry, the table the newest of each key, which may be fewer. */
#include "service/sns/seen.h"

#include <stdlib.h>
#include "service/sns/rows.h"

/* A topic's own number, the group where it counts, the id.  Groups and ids hold no blanks, so nothing can
 * collide. */
static void add_key(struct buf *b, uint64_t topic_id, struct str what)
{
    buf_printf(b, "%llu " STR_FMT, (unsigned long long)topic_id, STR_ARG(what));
}

static void add_what(struct buf *b, const struct sns_topic *topic, struct str group,
                     struct str deduplication_id)
{
    if (topic->group_scope)
        buf_printf(b, STR_FMT " ", STR_ARG(group));
    buf_str(b, deduplication_id);
}

const struct sns_seen *sns_seen_find(const struct sns_topic *topic, struct str group,
                                     struct str deduplication_id, int64_t now_ms)
{
    CLEANUP(buf_done) struct buf what = { 0 }, key = { 0 };
    const struct sns_seen *seen;

    CHECK_IS(topic, SNS_TOPIC_MAGIC);
    CHECK(topic->fifo && !str_empty(deduplication_id));
    add_what(&what, topic, group, deduplication_id);
    add_key(&key, topic->id, buf_view(&what));
    seen = map_get(&topic->owner->seen, buf_view(&key));
    return seen != NULL && seen->seen_ms + SNS_SEEN_MS > now_ms ? seen : NULL;
}

/* The key is not in the entry: who leaves is looked for by it, so it stands behind the entry. */
struct kept {
    struct sns_seen seen;
    size_t key_n;
    char key[];
};

static void drop(struct sns *s, struct kept *k)
{
    CHECK(link_on(&k->seen.link));
    list_remove(&k->seen.link);
    if (map_get(&s->seen, str_make(k->key, k->key_n)) == &k->seen)
        map_del(&s->seen, str_make(k->key, k->key_n));
    free(k);
}

void sns_seen_keep(struct sns *s, const struct sns_seen *seen, struct str what)
{
    CLEANUP(buf_done) struct buf key = { 0 };
    struct kept *k;

    CHECK_IS(s, SNS_MAGIC);
    CHECK(!link_on(&seen->link));
    add_key(&key, seen->topic_id, what);
    k = xcalloc(1, sizeof(*k) + key.n);
    k->seen = *seen;
    k->key_n = key.n;
    memcpy(k->key, key.p, key.n);
    list_append(&s->seen_order, &k->seen.link);
    (void)map_put(&s->seen, buf_view(&key),
                  &k->seen); /* one whose window is over stays in the order until it leaves */
}

int sns_seen_add(struct turn *t, struct sns_topic *topic, struct str group, struct str deduplication_id,
                 struct str message_id, uint64_t *ret_id)
{
    CLEANUP(buf_done) struct buf what = { 0 };
    struct sns_seen seen = { .id = store_next_id(t->store),
                             .topic_id = topic->id,
                             .seen_ms = t->now.wall_ms };
    int r;

    CHECK_IS(topic, SNS_TOPIC_MAGIC);
    CHECK(topic->fifo);
    if (topic->owner->seen.n >= SNS_SEEN_MOST)
        return -E_LIMIT;
    CHECK(message_id.n < sizeof(seen.message_id));
    memcpy(seen.message_id, message_id.p, message_id.n);
    add_what(&what, topic, group, deduplication_id);
    r = sns_rows_add_seen(t->store, &seen, buf_view(&what));
    if (r < 0)
        return r;
    sns_seen_keep(topic->owner, &seen, buf_view(&what));
    sns_seen_arm(topic->owner, t);
    *ret_id = seen.id;
    return 0;
}

static struct kept *oldest(const struct sns *s)
{
    struct link *k = list_first(&s->seen_order);

    return k == NULL ? NULL : CONTAINER_OF(CONTAINER_OF(k, struct sns_seen, link), struct kept, seen);
}

/* A minute late, so that many leave with one statement. */
void sns_seen_arm(struct sns *s, struct turn *t)
{
    const struct kept *k = oldest(s);

    if (k != NULL && !timer_pending(&s->forget))
        timer_set(t, &s->forget, k->seen.seen_ms + SNS_SEEN_MS + 60000);
}

void sns_seen_fire(struct timer *tm, struct turn *t)
{
    struct sns *s = CONTAINER_OF(tm, struct sns, forget);
    uint64_t last = 0;
    struct kept *k;

    CHECK_IS(s, SNS_MAGIC);
    while ((k = oldest(s)) != NULL && k->seen.seen_ms + SNS_SEEN_MS <= t->now.wall_ms) {
        last = k->seen.id;
        drop(s, k);
    }
    if (last > 0)
        (void)sns_rows_forget_seen(t->store, last);
    sns_seen_arm(s, t);
}

void sns_seen_clear(struct sns *s)
{
    struct kept *k;

    while ((k = oldest(s)) != NULL)
        drop(s, k);
    CHECK(s->seen.n == 0);
    map_done(&s->seen);
}

void sns_seen_check(const struct sns *s)
{
    size_t named = 0;

    LIST_EACH(&s->seen_order, link) {
        const struct kept *k = CONTAINER_OF(CONTAINER_OF(link, struct sns_seen, link), struct kept, seen);
        const struct sns_seen *newest = map_get(&s->seen, str_make(k->key, k->key_n));

        CHECK(newest != NULL && newest->topic_id == k->seen.topic_id && newest->id >= k->seen.id);
        CHECK(strlen(k->seen.message_id) < sizeof(k->seen.message_id));
        named += newest == &k->seen;
    }
    CHECK(named == s->seen.n);
}
