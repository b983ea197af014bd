/* dedup.h - the deduplication ids of the last five minutes, of all FIFO queues.
 *
 * A send of a message whose id began a window less than five minutes ago is answered as that send was and
 * enqueues nothing, also when the first message was received or deleted meanwhile, and after a restart (AWS
 * SQS developer guide, "Exactly-once processing").
 *
 * What is durable costs a send nothing: the message's own row carries its id and the time it was sent.  Only
 * a message that leaves its row (deleted, moved, too old) before its window is over leaves a row in sqs_dedup
 * behind, which goes with the window.  Both kinds of rows begin the windows again at a start.
 *
 *      o --begin--> in its message's row --message leaves--> row of its own --five minutes after begin--> o
 *
 * In memory: one ring of 32-byte entries in the order of their beginning, which is the order of their ids and
 * of their end, and one hash table over it.  A key is 128 bits of SHA-256 over (rows_id of the queue, group
 * where the scope is the group, id): a purge gives the queue a new rows_id and so forgets its windows. A
 * message that comes into a queue by a move begins a window as well (nothing is asked of it). Cost: O(1); one
 * SHA-256 of a short text per send; 40 to 90 bytes of memory per id. */
#ifndef WAYBILL_SERVICE_SQS_DEDUP_H
#define WAYBILL_SERVICE_SQS_DEDUP_H

#include "base/str.h"

#define SQS_WINDOW_MS 300000
#define SQS_WINDOWS_MOST 10000000 /* of the whole server */

struct sqs_dedup_key {
    uint64_t v[2];
};
struct sqs_window {
    struct sqs_dedup_key key;
    uint64_t id; /* of the message that began it */
    int64_t began_ms;
};

struct sqs_dedup {
    struct sqs_window *ring; /* of cap; entry number i stands at i & (cap - 1) */
    uint64_t first, end;     /* numbers of the oldest entry, and behind the newest */
    size_t cap;
    uint64_t *slots;  /* entry number + 1, 0: empty; twice cap */
    uint64_t over_id; /* ids up to this one are over; rows of theirs may go */
    size_t rows;      /* in sqs_dedup, at most */
};

void sqs_dedup_done(struct sqs_dedup *d); /* {0} is an empty one */

/* group: STR_NONE where the scope is the queue. */
struct sqs_dedup_key sqs_dedup_key_of(uint64_t rows_id, struct str group, struct str deduplication);
/* The window open for this key at now_ms; NULL: none. */
const struct sqs_window *sqs_dedup_find(const struct sqs_dedup *d, const struct sqs_dedup_key *key,
                                        int64_t now_ms);
/* id must be higher than any before.  A window of the same key, open or not, is forgotten. */
void sqs_dedup_begin(struct sqs_dedup *d, const struct sqs_dedup_key *key, uint64_t id, int64_t began_ms);
/* Ends up to `most` windows that are over.  True: more are. */
bool sqs_dedup_settle(struct sqs_dedup *d, int64_t now_ms, size_t most);
int64_t sqs_dedup_next_ms(const struct sqs_dedup *d); /* when the oldest is over; INT64_MAX: there is none */
static inline size_t sqs_dedup_count(const struct sqs_dedup *d) { return (size_t)(d->end - d->first); }
void sqs_dedup_check(const struct sqs_dedup *d); /* for tests: ring and table agree */

#endif
