/* heap.c - binary min-heap of intrusive nodes.
 * True here: v[i]->at == i + 1 for all i < n; no node is before its parent. */
#include "base/heap.h"

#include <stdlib.h>

void heap_done(struct heap *h)
{
    for (uint32_t i = 0; i < h->n; i++)
        h->v[i]->at = 0;
    free(h->v);
    *h = (struct heap){ 0 };
}

static inline bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

static inline void place(struct heap *h, struct heap_node *node, uint32_t i)
{
    h->v[i] = node;
    node->at = i + 1;
}

static void rise(struct heap *h, struct heap_node *node, uint32_t i)
{
    while (i > 0) {
        uint32_t up = (i - 1) / 2;

        if (!before(node, h->v[up]))
            break;
        place(h, h->v[up], i);
        i = up;
    }
    place(h, node, i);
}

static void sink(struct heap *h, struct heap_node *node, uint32_t i)
{
    for (;;) {
        uint64_t down = 2 * (uint64_t)i + 1;

        if (down >= h->n)
            break;
        if (down + 1 < h->n && before(h->v[down + 1], h->v[down]))
            down++;
        if (!before(h->v[down], node))
            break;
        place(h, h->v[down], i);
        i = (uint32_t)down;
    }
    place(h, node, i);
}

/* The node at i may be wrong in either direction, never in both. */
static void settle(struct heap *h, struct heap_node *node, uint32_t i)
{
    if (i > 0 && before(node, h->v[(i - 1) / 2]))
        rise(h, node, i);
    else
        sink(h, node, i);
}

void heap_add(struct heap *h, struct heap_node *node)
{
    CHECK(node->at == 0);
    if (h->n == h->cap) {
        CHECK(h->cap < UINT32_MAX / 2);
        h->cap = MAX(h->cap * 2, 64u);
        h->v = xrealloc(h->v, h->cap * sizeof(struct heap_node *));
    }
    rise(h, node, h->n++);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    uint32_t i = node->at;
    struct heap_node *last;

    if (i == 0)
        return;
    CHECK(i <= h->n && h->v[i - 1] == node);
    node->at = 0;
    last = h->v[--h->n];
    if (last != node)
        settle(h, last, i - 1);
}

void heap_set(struct heap *h, struct heap_node *node, int64_t key)
{
    node->key = key;
    if (node->at == 0) {
        heap_add(h, node);
        return;
    }
    CHECK(node->at <= h->n && h->v[node->at - 1] == node);
    settle(h, node, node->at - 1);
}

void heap_check(const struct heap *h)
{
    CHECK(h->n <= h->cap && (h->v != NULL || h->cap == 0));
    for (uint32_t i = 0; i < h->n; i++) {
        CHECK(h->v[i] != NULL && h->v[i]->at == i + 1);
        CHECK(i == 0 || !before(h->v[i], h->v[(i - 1) / 2]));
    }
}
