/* list.h - doubly linked list whose links stand in the objects.  An object on no list has next == NULL.
 *
 *   struct waiter { struct link link; ... };
 *   LIST_EACH(&waiters, k) { struct waiter *w = CONTAINER_OF(k, struct waiter, link); ... }
 *
 * Borrowed: a list owns nothing.  Whoever frees an object takes it off its list first (list_remove() is
 * harmless when it is on none).  A struct list must not be copied or moved once it has members: they point at
 * its head. Nothing here allocates or fails; all but the loops take constant time. */
#ifndef WAYBILL_BASE_LIST_H
#define WAYBILL_BASE_LIST_H

#include "base/def.h"

struct link {
    struct link *next, *prev;
};
struct list {
    struct link head; /* head.next == &head when empty */
};

/* A list must be initialised before anything else; {0} is no empty list. */
static inline void list_init(struct list *l) { l->head.next = l->head.prev = &l->head; }
static inline bool list_empty(const struct list *l) { return l->head.next == &l->head; }
static inline bool link_on(const struct link *k) { return k->next != NULL; }
/* k must be on no list. */
static inline void list_insert_before(struct link *at, struct link *k)
{
    k->next = at;
    k->prev = at->prev;
    at->prev->next = k;
    at->prev = k;
}
static inline void list_append(struct list *l, struct link *k) { list_insert_before(&l->head, k); }
static inline void list_prepend(struct list *l, struct link *k) { list_insert_before(l->head.next, k); }
static inline void list_remove(struct link *k) /* harmless when on no list */
{
    if (k->next == NULL)
        return;
    k->prev->next = k->next;
    k->next->prev = k->prev;
    k->next = k->prev = NULL;
}
/* NULL when empty. */
static inline struct link *list_first(const struct list *l) { return list_empty(l) ? NULL : l->head.next; }
/* Takes the first off; NULL when empty. */
static inline struct link *list_pop(struct list *l)
{
    struct link *k = list_first(l);

    if (k != NULL)
        list_remove(k);
    return k;
}
/* From first to last.  The list must not change under it. */
#define LIST_EACH(l, k) for (struct link *k = (l)->head.next; k != &(l)->head; k = k->next)
/* Safe against removal of k itself, not of the one after it. */
#define LIST_EACH_SAFE(l, k, nx) \
    for (struct link *k = (l)->head.next, *nx = k->next; k != &(l)->head; k = nx, nx = k->next)
/* Walks all of it. */
static inline size_t list_length(const struct list *l)
{
    size_t n = 0;

    LIST_EACH(l, k)
        n++;
    return n;
}

#endif
