/* attempt.c - the key is the queue's id, eight bytes, and the attempt id.
 *
 * True here: every attempt is in the table under its key and on the list, the list in the order of at_ms. */
#include "service/sqs/attempt.h"

#include <stdlib.h>

#define KEY_MOST 160

static struct str key_of(char *room, uint64_t queue_id, struct str attempt_id)
{
    CHECK(!str_empty(attempt_id) && sizeof(queue_id) + attempt_id.n <= KEY_MOST);
    memcpy(room, &queue_id, sizeof(queue_id));
    memcpy(room + sizeof(queue_id), attempt_id.p, attempt_id.n);
    return str_make(room, sizeof(queue_id) + attempt_id.n);
}

static void forget(struct sqs_attempts *as, struct sqs_attempt *at)
{
    CHECK(link_on(&at->link) && at->n <= SQS_ATTEMPT_MESSAGES);
    CHECK(map_del(&as->by_key, str_make(at->key, at->key_n)) == at);
    list_remove(&at->link);
    free(at);
}

static struct sqs_attempt *oldest(const struct sqs_attempts *as)
{
    struct link *k = list_first(&as->all);

    return k == NULL ? NULL : CONTAINER_OF(k, struct sqs_attempt, link);
}

void sqs_attempts_init(struct sqs_attempts *as)
{
    *as = (struct sqs_attempts){ 0 };
    list_init(&as->all);
}

void sqs_attempts_clear(struct sqs_attempts *as)
{
    while (oldest(as) != NULL)
        forget(as, oldest(as));
    map_done(&as->by_key);
}

struct sqs_attempt *sqs_attempt_find(const struct sqs_attempts *as, uint64_t queue_id, struct str attempt_id,
                                     int64_t now_ms)
{
    char room[KEY_MOST];
    struct sqs_attempt *at = map_get(&as->by_key, key_of(room, queue_id, attempt_id));

    return at != NULL && now_ms - at->at_ms < SQS_ATTEMPT_MS ? at : NULL;
}

struct sqs_attempt *sqs_attempt_new(struct sqs_attempts *as, uint64_t queue_id, struct str attempt_id,
                                    int64_t now_ms)
{
    char room[KEY_MOST];
    struct str key = key_of(room, queue_id, attempt_id);
    struct sqs_attempt *at = map_get(&as->by_key, key);

    if (at != NULL)
        forget(as, at);
    while ((at = oldest(as)) != NULL &&
           (as->by_key.n >= SQS_ATTEMPTS_MOST || now_ms - at->at_ms >= SQS_ATTEMPT_MS))
        forget(as, at);
    at = xcalloc(1, sizeof(*at) + key.n);
    at->at_ms = now_ms;
    at->key_n = key.n;
    memcpy(at->key, key.p, key.n);
    list_append(&as->all, &at->link);
    CHECK(map_put(&as->by_key, key, at) == NULL && as->by_key.n <= SQS_ATTEMPTS_MOST);
    return at;
}

void sqs_attempts_check(const struct sqs_attempts *as)
{
    size_t n = 0;

    LIST_EACH(&as->all, k) {
        const struct sqs_attempt *at = CONTAINER_OF(k, struct sqs_attempt, link);

        CHECK(map_get(&as->by_key, str_make(at->key, at->key_n)) == at);
        CHECK(at->n <= SQS_ATTEMPT_MESSAGES);
        n++;
    }
    CHECK(n == as->by_key.n && n <= SQS_ATTEMPTS_MOST);
}
