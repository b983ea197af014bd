/* group.c - groups by name: linear probing without tombstones, as in index.c.
 *
 * True here: every group is in the table once and has messages; never more than three places of four are
 * taken, so every search ends; who is on the ready list is in the table. */
#include "service/sqs/group.h"

#include <stdlib.h>
#include "base/map.h"

#define FIRST_CAP 16

struct sqs_groups *sqs_groups_new(void)
{
    struct sqs_groups *gs = xcalloc(1, sizeof(*gs));

    list_init(&gs->ready);
    return gs;
}

struct sqs_groups *sqs_groups_free(struct sqs_groups *gs)
{
    if (gs != NULL)
        free(gs->slots);
    free(gs);
    return NULL;
}

static size_t slot_of(const struct sqs_groups *gs, struct str name, uint64_t hash)
{
    size_t i = hash & (gs->cap - 1);

    CHECK(gs->cap > gs->n);
    while (gs->slots[i] != NULL &&
           !(gs->slots[i]->hash == hash && str_eq(str_make(gs->slots[i]->name, gs->slots[i]->name_n), name)))
        i = (i + 1) & (gs->cap - 1);
    return i;
}

struct sqs_group *sqs_group_find(const struct sqs_groups *gs, struct str name)
{
    return gs->cap == 0 ? NULL : gs->slots[slot_of(gs, name, hash_bytes(name.p, name.n))];
}

static void make_room(struct sqs_groups *gs)
{
    struct sqs_group **old = gs->slots;
    size_t old_cap = gs->cap;

    if ((gs->n + 1) * 4 <= gs->cap * 3)
        return;
    gs->cap = old_cap == 0 ? FIRST_CAP : old_cap * 2;
    gs->slots = xcalloc(gs->cap, sizeof(struct sqs_group *));
    for (size_t i = 0; i < old_cap; i++)
        if (old[i] != NULL)
            gs->slots[slot_of(gs, str_make(old[i]->name, old[i]->name_n), old[i]->hash)] = old[i];
    free(old);
}

struct sqs_group *sqs_group_get(struct sqs_groups *gs, struct str name)
{
    uint64_t hash = hash_bytes(name.p, name.n);
    struct sqs_group *g;
    size_t i;

    CHECK(!str_empty(name) && name.n <= SQS_GROUP_NAME_MOST);
    make_room(gs);
    i = slot_of(gs, name, hash);
    if (gs->slots[i] != NULL)
        return gs->slots[i];
    g = xcalloc(1, sizeof(*g) + name.n + 1);
    list_init(&g->messages);
    g->hash = hash;
    g->name_n = (uint32_t)name.n;
    memcpy(g->name, name.p, name.n);
    gs->slots[i] = g;
    gs->n++;
    return g;
}

void sqs_group_drop(struct sqs_groups *gs, struct sqs_group *g)
{
    size_t hole = slot_of(gs, str_make(g->name, g->name_n), g->hash), i = hole;

    CHECK(g->n == 0 && list_empty(&g->messages) && gs->slots[hole] == g);
    for (;;) {
        i = (i + 1) & (gs->cap - 1);
        if (gs->slots[i] == NULL)
            break;
        if (((i - gs->slots[i]->hash) & (gs->cap - 1)) >= ((i - hole) & (gs->cap - 1))) {
            gs->slots[hole] = gs->slots[i];
            hole = i;
        }
    }
    gs->slots[hole] = NULL;
    gs->n--;
    list_remove(&g->ready);
    free(g);
}

void sqs_group_shed(struct sqs_group *g)
{
    CHECK(g->n > 0);
    if (--g->n == 0)
        free(g);
}

void sqs_group_place(struct sqs_groups *gs, struct sqs_group *g, bool head_visible, bool again)
{
    CHECK(g->n > 0 && !list_empty(&g->messages)); /* an empty one is dropped instead */
    if (!head_visible || again)
        list_remove(&g->ready);
    if (head_visible && !link_on(&g->ready))
        list_append(&gs->ready, &g->ready);
}

void sqs_groups_check(const struct sqs_groups *gs)
{
    size_t n = 0, ready = 0;

    CHECK(gs->cap == 0 || ((gs->cap & (gs->cap - 1)) == 0 && gs->n * 4 <= gs->cap * 3));
    for (size_t i = 0; i < gs->cap; i++) {
        const struct sqs_group *g = gs->slots[i];

        if (g == NULL)
            continue;
        CHECK(g->name_n >= 1 && g->name_n <= SQS_GROUP_NAME_MOST &&
              g->hash == hash_bytes(g->name, g->name_n));
        CHECK(sqs_group_find(gs, str_make(g->name, g->name_n)) == g);
        ready += link_on(&g->ready);
        n++;
    }
    CHECK(n == gs->n && ready == list_length(&gs->ready));
}
