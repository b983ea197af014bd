/* heap.h - what is due next: a binary min-heap of nodes that stand in the objects, ordered by key, ties by
 * seq (so equal keys leave in the order of their seq).  O(log n) add, remove, change; O(1) first.
 * Owned: heap_done frees the array, never the nodes. */
#ifndef WAYBILL_BASE_HEAP_H
#define WAYBILL_BASE_HEAP_H

#include "base/def.h"

struct heap_node {
    int64_t key;
    uint64_t seq;
    uint32_t at; /* index + 1 in the heap; 0: in none */
};
struct heap {
    struct heap_node **v;
    uint32_t n, cap;
};

void heap_done(struct heap *h);
void heap_add(struct heap *h, struct heap_node *node);              /* CHECKs that it is in no heap */
void heap_remove(struct heap *h, struct heap_node *node);           /* harmless when in none */
void heap_set(struct heap *h, struct heap_node *node, int64_t key); /* changes the key, adds when in none */
void heap_check(const struct heap *h); /* CHECKs order and places of all: for tests */
static inline struct heap_node *heap_first(const struct heap *h) { return h->n > 0 ? h->v[0] : NULL; }
static inline bool heap_has(const struct heap_node *node) { return node->at != 0; }

#endif
