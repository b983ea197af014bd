/* dedup.c - True here: an entry of the ring is live when a slot names it; one whose key began anew is dead
 * and only waits for its turn to leave.  Slots are never more than half full.  The ids of the ring ascend. */
#include "service/sqs/dedup.h"

#include <stdlib.h>
#include "base/crypt.h"

#define FIRST_CAP 64
#define KEY_TEXT_MOST 320

void sqs_dedup_done(struct sqs_dedup *d)
{
    free(d->ring);
    free(d->slots);
    *d = (struct sqs_dedup){ 0 };
}

/* The length of the group stands before it, so no two pairs make the same text. */
struct sqs_dedup_key sqs_dedup_key_of(uint64_t rows_id, struct str group, struct str deduplication)
{
    char text[KEY_TEXT_MOST];
    uint64_t head[2] = { rows_id, str_absent(group) ? UINT64_MAX : group.n };
    struct sqs_dedup_key key;
    struct digest digest;
    size_t n = sizeof(head);

    CHECK(sizeof(head) + group.n + deduplication.n <= sizeof(text));
    memcpy(text, head, sizeof(head));
    if (group.n > 0)
        memcpy(text + n, group.p, group.n);
    n += group.n;
    memcpy(text + n, deduplication.p, deduplication.n);
    digest = sha256_of(str_make(text, n + deduplication.n));
    memcpy(key.v, digest.b, sizeof(key.v));
    return key;
}

static struct sqs_window *entry(const struct sqs_dedup *d, uint64_t number)
{
    return &d->ring[number & (d->cap - 1)];
}

static size_t slot_mask(const struct sqs_dedup *d) { return d->cap * 2 - 1; }

/* The slot that names a window of this key, or the empty one where it would stand. */
static size_t slot_of(const struct sqs_dedup *d, const struct sqs_dedup_key *key)
{
    size_t i = key->v[0] & slot_mask(d);

    while (d->slots[i] != 0) {
        const struct sqs_window *w = entry(d, d->slots[i] - 1);

        CHECK(d->slots[i] > d->first && d->slots[i] <= d->end); /* it names an entry of the ring */
        if (w->key.v[0] == key->v[0] && w->key.v[1] == key->v[1])
            break;
        i = (i + 1) & slot_mask(d);
    }
    return i;
}

const struct sqs_window *sqs_dedup_find(const struct sqs_dedup *d, const struct sqs_dedup_key *key,
                                        int64_t now_ms)
{
    const struct sqs_window *w;
    size_t i;

    if (d->cap == 0 || d->slots[i = slot_of(d, key)] == 0)
        return NULL;
    w = entry(d, d->slots[i] - 1);
    return now_ms - w->began_ms < SQS_WINDOW_MS ? w : NULL;
}

static void grow(struct sqs_dedup *d)
{
    struct sqs_dedup old = *d;

    CHECK(d->end - d->first == d->cap);
    d->cap = old.cap == 0 ? FIRST_CAP : old.cap * 2;
    d->ring = xmalloc(d->cap * sizeof(*d->ring));
    d->slots = xcalloc(d->cap * 2, sizeof(*d->slots));
    for (uint64_t i = old.first; i < old.end; i++) {
        *entry(d, i) = *entry(&old, i);
        d->slots[slot_of(d, &entry(d, i)->key)] = i + 1; /* of two with one key the newer stays */
    }
    free(old.ring);
    free(old.slots);
}

void sqs_dedup_begin(struct sqs_dedup *d, const struct sqs_dedup_key *key, uint64_t id, int64_t began_ms)
{
    if (d->end - d->first == d->cap)
        grow(d);
    CHECK(d->end - d->first < d->cap && id != 0 && began_ms >= 0);
    CHECK(d->end == d->first || entry(d, d->end - 1)->id < id);
    *entry(d, d->end) = (struct sqs_window){ *key, id, began_ms };
    d->slots[slot_of(d, key)] = ++d->end;
}

static void slot_clear(struct sqs_dedup *d, size_t hole)
{
    CHECK(hole <= slot_mask(d) && d->slots[hole] != 0);
    for (size_t i = (hole + 1) & slot_mask(d); d->slots[i] != 0; i = (i + 1) & slot_mask(d)) {
        size_t home = entry(d, d->slots[i] - 1)->key.v[0] & slot_mask(d);

        if (((i - home) & slot_mask(d)) >= ((i - hole) & slot_mask(d))) {
            d->slots[hole] = d->slots[i];
            hole = i;
        }
    }
    d->slots[hole] = 0;
}

bool sqs_dedup_settle(struct sqs_dedup *d, int64_t now_ms, size_t most)
{
    CHECK(most > 0 && d->first <= d->end);
    while (d->first < d->end) {
        const struct sqs_window *w = entry(d, d->first);
        size_t i;

        if (now_ms - w->began_ms < SQS_WINDOW_MS)
            return false;
        if (most-- == 0)
            return true;
        i = slot_of(d, &w->key);
        if (d->slots[i] == d->first + 1)
            slot_clear(d, i);
        d->over_id = w->id;
        d->first++;
    }
    return false;
}

int64_t sqs_dedup_next_ms(const struct sqs_dedup *d)
{
    return d->first == d->end ? INT64_MAX : entry(d, d->first)->began_ms + SQS_WINDOW_MS;
}

void sqs_dedup_check(const struct sqs_dedup *d)
{
    size_t named = 0;

    CHECK(d->first <= d->end && d->end - d->first <= d->cap);
    CHECK((d->cap & (d->cap - 1)) == 0 && (d->cap == 0) == (d->ring == NULL && d->slots == NULL));
    for (uint64_t i = d->first; i < d->end; i++) {
        CHECK(i == d->first || entry(d, i - 1)->id < entry(d, i)->id);
        CHECK(d->slots[slot_of(d, &entry(d, i)->key)] > i); /* its own, or a newer one of its key */
    }
    for (size_t i = 0; i < d->cap * 2; i++)
        if (d->slots[i] != 0) {
            CHECK(d->slots[i] > d->first && d->slots[i] <= d->end);
            CHECK(slot_of(d, &entry(d, d->slots[i] - 1)->key) == i);
            named++;
        }
    CHECK(named <= sqs_dedup_count(d));
}
