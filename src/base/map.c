/* map.c - open addressing with linear probing, and the keyed hash.
 * True here: cap is 0 or a power of two; a slot is empty (key NULL), live (value non-NULL) or a grave (key is
 * GRAVE); used counts live slots and graves and stays at or below 3/4 of cap, so every probe ends. */
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include "base/crypt.h"

struct map_slot {
    uint64_t hash;
    char *key; /* owned */
    size_t key_n;
    void *value;
};

static char grave_mark;
#define GRAVE (&grave_mark)

static uint64_t secret[3];
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;
static bool secret_ready;

static void make_secret(void)
{
    random_bytes(secret, sizeof(secret));
    __atomic_store_n(&secret_ready, true, __ATOMIC_RELEASE);
}

static inline uint64_t load8(const unsigned char *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
    return v;
}

static inline uint64_t load4(const unsigned char *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return v;
}

/* Both halves of the product: one 64x64 multiplication stirs all bits of both operands. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Every word of input meets a secret before it is multiplied, so nobody outside can aim for a zero operand or
 * for a collision. */
uint64_t hash_bytes(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h, a = 0, b = 0;
    size_t left = n;

    if (__builtin_expect(!__atomic_load_n(&secret_ready, __ATOMIC_ACQUIRE), 0))
        pthread_once(&secret_once, make_secret);
    h = secret[0];
    while (left > 16) {
        h = fold(load8(p) ^ secret[1], load8(p + 8) ^ h);
        p += 16;
        left -= 16;
    }
    if (left >= 8) {
        a = load8(p);
        b = load8(p + left - 8);
    } else if (left >= 4) {
        a = load4(p);
        b = load4(p + left - 4);
    } else if (left > 0) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1];
    }
    h = fold(a ^ secret[1], b ^ h);
    return fold(h ^ secret[2], n ^ secret[1]);
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].key != GRAVE)
            free(m->slots[i].key);
    free(m->slots);
    *m = (struct map){ 0 };
}

static struct map_slot *find(const struct map *m, struct str key, uint64_t hash)
{
    if (m->cap == 0)
        return NULL;
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *s = &m->slots[i];

        if (s->key == NULL)
            return NULL;
        if (s->hash == hash && s->key != GRAVE && str_eq(str_make(s->key, s->key_n), key))
            return s;
    }
}

void *map_get(const struct map *m, struct str key)
{
    struct map_slot *s = m->n > 0 ? find(m, key, hash_bytes(key.p, key.n)) : NULL;

    return s != NULL ? s->value : NULL;
}

/* The first slot of the probe that is free to take; graves are reused. */
static struct map_slot *vacant(struct map *m, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);

    while (m->slots[i].key != NULL && m->slots[i].key != GRAVE)
        i = (i + 1) & (m->cap - 1);
    return &m->slots[i];
}

/* Room for one more.  Sized by what lives: a map full of graves is swept, not doubled. */
static void make_room(struct map *m)
{
    struct map old = *m;

    if (m->used + 1 <= m->cap / 4 * 3)
        return;
    m->cap = 16;
    while (m->cap / 2 < m->n + 1)
        m->cap *= 2;
    m->slots = xcalloc(m->cap, sizeof(*m->slots));
    m->used = m->n;
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].key != NULL && old.slots[i].key != GRAVE)
            *vacant(m, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

void *map_put(struct map *m, struct str key, void *value)
{
    uint64_t hash = hash_bytes(key.p, key.n);
    struct map_slot *s = find(m, key, hash);

    CHECK(value != NULL);
    if (s != NULL) {
        void *was = s->value;

        s->value = value;
        return was;
    }
    make_room(m);
    s = vacant(m, hash);
    m->used += s->key == NULL;
    m->n++;
    *s = (struct map_slot){ .hash = hash, .key = xmalloc(key.n), .key_n = key.n, .value = value };
    if (key.n > 0)
        memcpy(s->key, key.p, key.n);
    return NULL;
}

void *map_del(struct map *m, struct str key)
{
    struct map_slot *s = m->n > 0 ? find(m, key, hash_bytes(key.p, key.n)) : NULL;
    void *was;

    if (s == NULL)
        return NULL;
    was = s->value;
    free(s->key);
    *s = (struct map_slot){ .key = GRAVE };
    m->n--;
    /* No probe goes past an empty slot, so graves right before one are of no use. */
    if (m->slots[(size_t)(s - m->slots + 1) & (m->cap - 1)].key == NULL)
        for (; s->key == GRAVE; s = &m->slots[(size_t)(s - m->slots - 1) & (m->cap - 1)]) {
            s->key = NULL;
            m->used--;
        }
    return was;
}

bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value)
{
    while (*at < m->cap) {
        const struct map_slot *s = &m->slots[(*at)++];

        if (s->key == NULL || s->key == GRAVE)
            continue;
        *ret_key = str_make(s->key, s->key_n);
        *ret_value = s->value;
        return true;
    }
    return false;
}
