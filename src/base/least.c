/* least.c - a heap with the greatest of those held on top.
 * True until least_sort(): no v[i] is less than v[2 * i + 1] or v[2 * i + 2]. */
#include "base/least.h"

void least_init(struct least *l, struct arena *a, size_t most, int (*order)(const void *a, const void *b))
{
    CHECK(most > 0);
    *l = (struct least){ .v = arena_calloc(a, most, sizeof(*l->v)), .most = most, .order = order };
}

static bool less(struct least *l, const void *a, const void *b)
{
    l->compared++;
    return l->order(a, b) < 0;
}

static void rise(struct least *l, size_t i)
{
    void *thing = l->v[i];

    for (; i > 0 && less(l, l->v[(i - 1) / 2], thing); i = (i - 1) / 2)
        l->v[i] = l->v[(i - 1) / 2];
    l->v[i] = thing;
}

/* `thing` takes the top's place among the first n. */
static void sink(struct least *l, size_t n, void *thing)
{
    size_t i = 0, down;

    while ((down = 2 * i + 1) < n) {
        if (down + 1 < n && less(l, l->v[down], l->v[down + 1]))
            down++;
        if (!less(l, thing, l->v[down]))
            break;
        l->v[i] = l->v[down];
        i = down;
    }
    l->v[i] = thing;
}

void least_offer(struct least *l, void *thing)
{
    if (l->n < l->most) {
        l->v[l->n++] = thing;
        rise(l, l->n - 1);
    } else if (less(l, thing, l->v[0])) {
        sink(l, l->n, thing);
    }
}

void least_sort(struct least *l)
{
    for (size_t n = l->n; n > 1; n--) {
        void *last = l->v[n - 1];

        l->v[n - 1] = l->v[0];
        sink(l, n - 1, last);
    }
}
