/* index.c - nodes of a queue.
 *
 * True here: every node is in the table, and in exactly one of the visible list and the hidden heap, as its
 * state says.  The counters are the sizes of those two, hidden split by state.  In a FIFO queue every node is
 * in its group's list, hidden ones in the heap as well; there is no visible list, and a group is in the ready
 * list exactly while its head is visible.  sqs_index_check() says so in code. */
#include "service/sqs/index.h"

#include <stdlib.h>
#include "base/state.h"

#define SLAB_NODES 1024
#define FIRST_CAP 16

struct sqs_slab {
    struct sqs_slab *next;
    _Alignas(struct sqs_grouped_node) char nodes[];
};

/* A message nobody has received yet may be delayed anew (the queue's delay is another); one in flight was
 * received, and is never delayed again. */
#define TO(s) STATE_BIT(SQS_##s)
static const struct state node_states[] = {
    [SQS_VISIBLE] = { "visible", TO(VISIBLE) | TO(DELAYED) | TO(IN_FLIGHT) },
    [SQS_DELAYED] = { "delayed", TO(VISIBLE) | TO(DELAYED) },
    [SQS_IN_FLIGHT] = { "in flight", TO(VISIBLE) | TO(IN_FLIGHT) },
};
static const struct states node_machine = STATES("SQS message", node_states);
#undef TO

/* The state is a bit-field, so STATE_MOVE cannot name its type. */
static void move_to(struct sqs_node *node, enum sqs_state state)
{
    node->state = state_step(&node_machine, (unsigned)node->state, state, __FILE__, __LINE__) & 3;
}

static size_t node_bytes(const struct sqs_pool *p)
{
    return p->grouped ? sizeof(struct sqs_grouped_node) : sizeof(struct sqs_node);
}

/* Of a FIFO queue's node; another has no such place. */
static struct sqs_group *group_of(const struct sqs_node *node)
{
    return ((const struct sqs_grouped_node *)(const void *)node)->group;
}

static void pool_grow(struct sqs_pool *p)
{
    size_t bytes = node_bytes(p);
    struct sqs_slab *slab = xmalloc(sizeof(*slab) + SLAB_NODES * bytes);

    slab->next = p->slabs;
    p->slabs = slab;
    for (size_t i = SLAB_NODES; i-- > 0;) {
        struct sqs_node *node = (struct sqs_node *)(void *)(slab->nodes + i * bytes);

        node->link.next = (struct link *)(void *)p->free;
        p->free = node;
    }
}

static struct sqs_node *pool_take(struct sqs_pool *p)
{
    struct sqs_node *node;

    if (p->free == NULL)
        pool_grow(p);
    node = p->free;
    p->free = (struct sqs_node *)(void *)node->link.next;
    p->live++;
    memset(node, 0, node_bytes(p));
    return node;
}

static void pool_drop_slabs(struct sqs_pool *p)
{
    for (struct sqs_slab *slab = p->slabs, *next; slab != NULL; slab = next) {
        next = slab->next;
        free(slab);
    }
    p->slabs = NULL;
    p->free = NULL;
}

static void pool_give(struct sqs_pool *p, struct sqs_node *node)
{
    CHECK(p->live > 0 && p->slabs != NULL && node != p->free);
    node->link.next = (struct link *)(void *)p->free;
    p->free = node;
    /* One slab stays, so that a queue going empty and full again does not allocate each time. */
    if (--p->live == 0 && p->slabs->next != NULL)
        pool_drop_slabs(p);
}

void sqs_pool_done(struct sqs_pool *p)
{
    CHECK(p->live == 0);
    pool_drop_slabs(p);
}

static size_t slot_home(const struct sqs_index *x, uint64_t id)
{
    return (size_t)((id * 0x9e3779b97f4a7c15u) >> 20) & (x->cap - 1);
}

static void slot_put(struct sqs_index *x, struct sqs_node *node)
{
    size_t i = slot_home(x, node->due.seq);

    CHECK(x->n < x->cap); /* else the search for a free place does not end */
    while (x->slots[i] != NULL)
        i = (i + 1) & (x->cap - 1);
    x->slots[i] = node;
}

static void slots_grow(struct sqs_index *x)
{
    struct sqs_node **old = x->slots;
    size_t old_cap = x->cap;

    x->cap = old_cap == 0 ? FIRST_CAP : old_cap * 2;
    x->slots = xcalloc(x->cap, sizeof(*x->slots));
    for (size_t i = 0; i < old_cap; i++)
        if (old[i] != NULL)
            slot_put(x, old[i]);
    free(old);
    x->old_at = 0;
}

static size_t slot_find(const struct sqs_index *x, uint64_t id)
{
    size_t i;

    if (x->cap == 0)
        return SIZE_MAX;
    for (i = slot_home(x, id); x->slots[i] != NULL; i = (i + 1) & (x->cap - 1))
        if (x->slots[i]->due.seq == id)
            return i;
    return SIZE_MAX;
}

/* Linear probing without tombstones: whoever stands behind the hole and may stand in it moves up. */
static void slot_del(struct sqs_index *x, const struct sqs_node *node)
{
    size_t hole = slot_find(x, node->due.seq), i = hole;

    CHECK(hole != SIZE_MAX && x->slots[hole] == node); /* another queue's node else */
    for (;;) {
        size_t home;

        i = (i + 1) & (x->cap - 1);
        if (x->slots[i] == NULL)
            break;
        home = slot_home(x, x->slots[i]->due.seq);
        if (((i - home) & (x->cap - 1)) >= ((i - hole) & (x->cap - 1))) {
            x->slots[hole] = x->slots[i];
            if (hole < x->old_at && i >= x->old_at) /* a walk will not see it */
                x->old_least_ms = MIN(x->old_least_ms, (int64_t)x->slots[hole]->sent_ms);
            hole = i;
        }
    }
    x->slots[hole] = NULL;
}

static size_t *counter(struct sqs_index *x, const struct sqs_node *node)
{
    switch ((enum sqs_state)node->state) {
    case SQS_VISIBLE: return &x->n_visible;
    case SQS_DELAYED: return &x->n_delayed;
    case SQS_IN_FLIGHT: break;
    }
    return &x->n_in_flight;
}

static struct sqs_node *head_of(const struct sqs_group *g)
{
    CHECK(!list_empty(&g->messages));
    return CONTAINER_OF(list_first(&g->messages), struct sqs_node, link);
}

/* Out of list and heap, and of the counters; still in the table, and in its group. */
static void detach(struct sqs_index *x, struct sqs_node *node)
{
    CHECK(heap_has(&node->due) == (node->state != SQS_VISIBLE));
    CHECK(link_on(&node->link) == (x->groups != NULL || node->state == SQS_VISIBLE));
    CHECK(*counter(x, node) > 0);
    if (x->groups == NULL)
        list_remove(&node->link);
    heap_remove(&x->hidden, &node->due);
    --*counter(x, node);
}

static void attach_visible(struct sqs_index *x, struct sqs_node *node)
{
    CHECK(!heap_has(&node->due) && link_on(&node->link) == (x->groups != NULL));
    move_to(node, SQS_VISIBLE);
    x->n_visible++;
    if (x->groups == NULL)
        list_append(&x->visible, &node->link);
    else if (head_of(group_of(node)) == node)
        sqs_group_place(x->groups, group_of(node), true, true);
}

static void attach_hidden(struct sqs_index *x, struct sqs_node *node, enum sqs_state state, int64_t until_ms)
{
    CHECK(state != SQS_VISIBLE && link_on(&node->link) == (x->groups != NULL));
    move_to(node, state);
    node->due.key = until_ms;
    heap_add(&x->hidden, &node->due);
    ++*counter(x, node);
    if (x->groups != NULL && head_of(group_of(node)) == node)
        sqs_group_place(x->groups, group_of(node), false, false);
}

static void enter(struct sqs_index *x, struct sqs_node *node)
{
    if ((x->n + 1) * 4 > x->cap * 3)
        slots_grow(x);
    slot_put(x, node);
    x->n++;
    x->oldest_ms = MIN(x->oldest_ms, (int64_t)node->sent_ms);
    x->old_least_ms = MIN(x->old_least_ms, (int64_t)node->sent_ms);
    x->newest_ms = MAX(x->newest_ms, (int64_t)node->sent_ms);
}

static void leave_group(struct sqs_index *x, struct sqs_node *node)
{
    struct sqs_group *g = group_of(node);

    CHECK(g->n > 0 && link_on(&node->link));
    list_remove(&node->link);
    if (--g->n == 0)
        sqs_group_drop(x->groups, g);
    else
        sqs_group_place(x->groups, g, head_of(g)->state == SQS_VISIBLE, false);
}

static void leave(struct sqs_index *x, struct sqs_node *node)
{
    CHECK(x->n > 0);
    detach(x, node);
    if (x->groups != NULL)
        leave_group(x, node);
    slot_del(x, node);
    if (--x->n == 0) {
        x->oldest_ms = x->old_least_ms = INT64_MAX;
        x->newest_ms = INT64_MIN;
    }
}

/* The node's memory alone: nobody looks at its list, its group's, or the heap again. */
static void give_back(struct sqs_index *x, struct sqs_node *node)
{
    if (x->groups != NULL)
        sqs_group_shed(group_of(node));
    pool_give(x->pool, node);
}

void sqs_index_init(struct sqs_index *x, struct sqs_pool *pool)
{
    CHECK(pool != NULL);
    *x = (struct sqs_index){
        .pool = pool, .oldest_ms = INT64_MAX, .newest_ms = INT64_MIN, .old_least_ms = INT64_MAX
    };
    list_init(&x->visible);
    if (pool->grouped)
        x->groups = sqs_groups_new();
}

void sqs_index_done(struct sqs_index *x)
{
    heap_done(&x->hidden); /* first: it takes its mark off the nodes */
    for (size_t i = 0; i < x->cap; i++)
        if (x->slots[i] != NULL) {
            give_back(x, x->slots[i]);
            x->n--;
        }
    CHECK(x->n == 0); /* the table held what the counter says */
    sqs_groups_free(x->groups);
    free(x->slots);
    *x = (struct sqs_index){ 0 };
}

void sqs_index_clear(struct sqs_index *x)
{
    struct sqs_pool *pool = x->pool;

    sqs_index_done(x);
    sqs_index_init(x, pool);
}

void sqs_index_take(struct sqs_index *to, struct sqs_index *from)
{
    struct sqs_pool *pool = from->pool;

    CHECK(to != from && to->n == 0 && to->pool == pool);
    sqs_index_done(to);
    *to = *from;
    list_init(&to->visible); /* the links of its nodes are stale from here on */
    sqs_index_init(from, pool);
}

/* The marks that heap and list leave in a node do not matter: pool_take() clears it. */
void sqs_index_shed(struct sqs_index *x, size_t *slot, size_t most, uint64_t *first, uint64_t *last)
{
    size_t end = MIN(*slot + most, x->cap);

    CHECK(*slot <= x->cap && most > 0);
    free(TAKE(x->hidden.v));
    x->hidden.n = x->hidden.cap = 0;
    for (; *slot < end; ++*slot) {
        struct sqs_node *node = x->slots[*slot];

        if (node == NULL)
            continue;
        *first = MIN(*first, node->due.seq);
        *last = MAX(*last, node->due.seq);
        CHECK(x->n > 0);
        x->slots[*slot] = NULL;
        x->n--;
        give_back(x, node);
    }
    CHECK(x->n == 0 || *slot < x->cap);
}

static struct sqs_node *add(struct sqs_index *x, struct sqs_group *g, uint64_t id, int64_t sent_ms,
                            int64_t visible_ms, int64_t receives, int64_t now_ms)
{
    struct sqs_node *node = pool_take(x->pool);

    CHECK((g != NULL) == x->pool->grouped);
    CHECK(slot_find(x, id) == SIZE_MAX);
    CHECK(sent_ms >= 0 && sent_ms < (int64_t)1 << 48 && receives >= 0);
    if (g != NULL) {
        ((struct sqs_grouped_node *)(void *)node)->group = g;
        list_append(&g->messages, &node->link);
        g->n++;
    }
    node->due.seq = id;
    node->sent_ms = (uint64_t)sent_ms & (((uint64_t)1 << 48) - 1);
    node->receives = (uint64_t)MIN(receives, SQS_RECEIVES_MOST) & SQS_RECEIVES_MOST;
    enter(x, node);
    if (visible_ms <= now_ms)
        attach_visible(x, node);
    else
        attach_hidden(x, node, receives == 0 ? SQS_DELAYED : SQS_IN_FLIGHT, visible_ms);
    return node;
}

struct sqs_node *sqs_index_add(struct sqs_index *x, uint64_t id, int64_t sent_ms, int64_t visible_ms,
                               int64_t receives, int64_t now_ms)
{
    CHECK(x->groups == NULL);
    return add(x, NULL, id, sent_ms, visible_ms, receives, now_ms);
}

struct sqs_node *sqs_index_add_to_group(struct sqs_index *x, struct str group, uint64_t id, int64_t sent_ms,
                                        int64_t visible_ms, int64_t receives, int64_t now_ms)
{
    CHECK(x->groups != NULL);
    return add(x, sqs_group_get(x->groups, group), id, sent_ms, visible_ms, receives, now_ms);
}

struct sqs_node *sqs_index_find(const struct sqs_index *x, uint64_t id)
{
    size_t i = slot_find(x, id);

    return i == SIZE_MAX ? NULL : x->slots[i];
}

void sqs_index_remove(struct sqs_index *x, struct sqs_node *node)
{
    leave(x, node);
    pool_give(x->pool, node);
}

void sqs_index_hide(struct sqs_index *x, struct sqs_node *node, int64_t until_ms)
{
    detach(x, node);
    attach_hidden(x, node, SQS_IN_FLIGHT, until_ms);
}

void sqs_index_show(struct sqs_index *x, struct sqs_node *node)
{
    detach(x, node);
    attach_visible(x, node);
}

void sqs_index_move(struct sqs_index *from, struct sqs_index *to, struct sqs_node *node)
{
    CHECK(from != to && from->pool == to->pool && from->groups == NULL);
    leave(from, node);
    enter(to, node);
    attach_visible(to, node);
}

bool sqs_index_settle(struct sqs_index *x, int64_t now_ms)
{
    struct heap_node *h = heap_first(&x->hidden);

    for (size_t n = 0; n < SQS_SETTLE_MOST && h != NULL && h->key <= now_ms; n++) {
        sqs_index_show(x, CONTAINER_OF(h, struct sqs_node, due));
        h = heap_first(&x->hidden);
    }
    return h != NULL && h->key <= now_ms;
}

struct sqs_node *sqs_index_first(const struct sqs_index *x)
{
    struct link *k = list_first(&x->visible);

    CHECK(x->groups == NULL && (k == NULL) == (x->n_visible == 0));
    return k == NULL ? NULL : CONTAINER_OF(k, struct sqs_node, link);
}

struct sqs_group *sqs_index_ready(const struct sqs_index *x)
{
    struct link *k;

    CHECK(x->groups != NULL);
    k = list_first(&x->groups->ready);
    return k == NULL ? NULL : CONTAINER_OF(k, struct sqs_group, ready);
}

struct sqs_node *sqs_index_behind(const struct sqs_index *x, const struct sqs_node *node)
{
    struct link *k = node->link.next;

    CHECK(x->groups != NULL && k != NULL);
    if (k == &group_of(node)->messages.head || CONTAINER_OF(k, struct sqs_node, link)->state != SQS_VISIBLE)
        return NULL;
    return CONTAINER_OF(k, struct sqs_node, link);
}

bool sqs_index_any(const struct sqs_index *x)
{
    return x->groups != NULL ? !list_empty(&x->groups->ready) : x->n_visible > 0;
}

void sqs_index_delay(struct sqs_index *x, int64_t delay_ms, int64_t now_ms)
{
    CHECK(x->groups != NULL && delay_ms >= 0);
    for (size_t i = 0; i < x->cap; i++) {
        struct sqs_node *node = x->slots[i];
        int64_t until_ms = node == NULL ? 0 : (int64_t)node->sent_ms + delay_ms;

        if (node == NULL || node->receives > 0 || (node->state == SQS_VISIBLE && until_ms <= now_ms))
            continue;
        detach(x, node);
        attach_hidden(x, node, SQS_DELAYED, until_ms);
    }
}

int64_t sqs_index_next_ms(const struct sqs_index *x)
{
    struct heap_node *h = heap_first(&x->hidden);

    return h == NULL ? INT64_MAX : h->key;
}

/* Taking a node out moves others up into its place, so the walk stays where it is then. */
int sqs_index_old(struct sqs_index *x, int64_t before_ms, size_t most, size_t look,
                  int (*drop)(void *arg, struct sqs_node *node), void *arg)
{
    CHECK(x->old_at <= x->cap && most > 0 && look > 0);
    if (x->old_at == 0)
        x->old_least_ms = INT64_MAX;
    for (; x->old_at < x->cap && look > 0; look--) {
        struct sqs_node *node = x->slots[x->old_at];
        size_t had = x->n;
        int r;

        if (node != NULL && (int64_t)node->sent_ms < before_ms) {
            if (most-- == 0)
                return 0;
            if ((r = drop(arg, node)) < 0)
                return r;
            CHECK(x->n == had - 1); /* it is gone: else this looks at it for ever */
            continue;
        }
        if (node != NULL)
            x->old_least_ms = MIN(x->old_least_ms, (int64_t)node->sent_ms);
        x->old_at++;
    }
    if (x->old_at < x->cap)
        return 0;
    x->old_at = 0;
    x->oldest_ms = x->old_least_ms;
    return 1;
}

/* ---- is it as it should be? ---- */

static void check_node(const struct sqs_index *x, const struct sqs_node *node)
{
    bool visible = node->state == SQS_VISIBLE;

    CHECK(node->state <= SQS_IN_FLIGHT);
    CHECK(sqs_index_find(x, node->due.seq) == node);
    CHECK(heap_has(&node->due) == !visible);
    CHECK(visible || (node->due.at <= x->hidden.n && x->hidden.v[node->due.at - 1] == &node->due));
    CHECK(link_on(&node->link) == (visible || x->groups != NULL));
    CHECK((int64_t)node->sent_ms >= x->oldest_ms && (int64_t)node->sent_ms <= x->newest_ms);
}

static size_t check_table(const struct sqs_index *x)
{
    size_t n = 0, by_state[4] = { 0 };

    for (size_t i = 0; i < x->cap; i++)
        if (x->slots[i] != NULL) {
            check_node(x, x->slots[i]);
            by_state[x->slots[i]->state]++;
            n++;
        }
    CHECK(by_state[SQS_VISIBLE] == x->n_visible && by_state[SQS_DELAYED] == x->n_delayed);
    CHECK(by_state[SQS_IN_FLIGHT] == x->n_in_flight);
    return n;
}

static void check_visible(const struct sqs_index *x)
{
    size_t n = 0;

    LIST_EACH(&x->visible, k) {
        CHECK(CONTAINER_OF(k, struct sqs_node, link)->state == SQS_VISIBLE);
        n++;
    }
    CHECK(n == (x->groups == NULL ? x->n_visible : 0));
}

/* One group: its messages in the order of their ids, all of them its own, ready as its head says. */
static size_t check_group(const struct sqs_index *x, const struct sqs_group *g)
{
    uint64_t before = 0;
    size_t n = 0;

    LIST_EACH(&g->messages, k) {
        const struct sqs_node *node = CONTAINER_OF(k, struct sqs_node, link);

        CHECK(group_of(node) == g && sqs_index_find(x, node->due.seq) == node);
        CHECK(node->due.seq > before);
        before = node->due.seq;
        n++;
    }
    CHECK(n == g->n && n > 0);
    CHECK(link_on(&g->ready) == (head_of(g)->state == SQS_VISIBLE));
    return n;
}

static void check_groups(const struct sqs_index *x)
{
    size_t n = 0;

    sqs_groups_check(x->groups);
    for (size_t i = 0; i < x->groups->cap; i++)
        if (x->groups->slots[i] != NULL)
            n += check_group(x, x->groups->slots[i]);
    CHECK(n == x->n);
}

void sqs_index_check(const struct sqs_index *x)
{
    CHECK(x->pool != NULL && x->pool->grouped == (x->groups != NULL));
    CHECK(x->cap == 0 || ((x->cap & (x->cap - 1)) == 0 && x->n < x->cap));
    CHECK(x->n == x->n_visible + x->n_delayed + x->n_in_flight);
    CHECK(x->n <= x->pool->live && x->hidden.n == x->n_delayed + x->n_in_flight);
    CHECK((x->n == 0) == (x->oldest_ms == INT64_MAX && x->newest_ms == INT64_MIN));
    CHECK(x->old_at < MAX(x->cap, (size_t)1) && x->oldest_ms <= x->old_least_ms);
    CHECK(check_table(x) == x->n);
    heap_check(&x->hidden);
    check_visible(x);
    if (x->groups != NULL)
        check_groups(x);
}
