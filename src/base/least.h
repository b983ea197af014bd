/* least.h - the first few of many, in order, without sorting the many: what one page of a list shows.
 *
 * Holds at most `most` pointers; each further one is compared with the last of them and seldom more.  n
 * offers cost n comparisons and some most * log(most) * log(n / most), in the worst order n * log(most). */
#ifndef WAYBILL_BASE_LEAST_H
#define WAYBILL_BASE_LEAST_H

#include "base/arena.h"

struct least {
    void **v; /* in the arena */
    size_t n, most;
    int (*order)(const void *a, const void *b); /* of two things offered; a total order */
    uint64_t compared;
};

void least_init(struct least *l, struct arena *a, size_t most, int (*order)(const void *a, const void *b));
void least_offer(struct least *l, void *thing);
void least_sort(struct least *l); /* the end: v[0] to v[n - 1] rise; nothing is offered any more */

#endif
