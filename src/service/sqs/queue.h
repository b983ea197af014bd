/* queue.h - the queues of this server, and what one queue knows.
 *
 * A queue belongs to an account and a region; the three together with its name find it, so nobody sees what
 * lies in another account or region.  Its row and its messages are durable (store/schema/30-sqs.sql);
 * everything here is rebuilt from them by sqs_load().  All strings in a queue are its own.
 *
 * Order inside every operation: check, write the store, change the memory, wake.  When a write fails for want
 * of room the turn is rolled back and the whole memory is loaded again, so nobody undoes anything here. */
#ifndef WAYBILL_SERVICE_SQS_QUEUE_H
#define WAYBILL_SERVICE_SQS_QUEUE_H

#include "base/arn.h"
#include "base/id.h"
#include "base/map.h"
#include "policy/policy.h"
#include "turn/turn.h"
#include "service/sqs/attempt.h"
#include "service/sqs/attribute.h"
#include "service/sqs/dedup.h"
#include "service/sqs/index.h"
#include "service/sqs/msg.h"
#include "wire/call.h"

#define SQS_QUEUES_MOST 100000     /* of the whole server */
#define SQS_MESSAGES_MOST 10000000 /* of the whole server: some 64 bytes of memory each */
#define SQS_TAGS_MOST 50
#define SQS_IN_FLIGHT_MOST 120000
/* In the rows_id of every FIFO queue: a row of a message shows so what it is. */
#define SQS_FIFO_ROWS ((uint64_t)1 << 50)
_Static_assert(SQS_FIFO_ROWS == 1125899906842624, "as rows.c writes it in SQL");

struct sqs {
    uint32_t magic;
#define SQS_MAGIC 0x5135a100u
    struct map queues; /* "account/region/name" -> struct sqs_queue */
    struct sqs_pool pool, fifo_pool;
    struct sqs_dedup dedup;
    struct sqs_attempts attempts;
    struct list tasks;    /* struct sqs_task, oldest first, see move.h */
    struct timer sweep;   /* retention, coarse */
    struct list expiring; /* queues whose old messages are not all gone, see expire.h */
    void *expire_step;    /* handle of the next step; NULL: none is asked for */
    struct list to_wake;  /* queues whose waiters may have something to take */
    struct list waste;    /* messages of emptied queues, see waste.h */
    void *waste_step;     /* handle of the next step; NULL: none is asked for */
    uint32_t round;       /* 1-15: names the operation, see sqs_node.round */
};

struct sqs_tag {
    struct str key, value;
};

struct sqs_queue {
    uint32_t magic;
#define SQS_QUEUE_MAGIC 0x5135a11fu
    struct sqs *owner;
    uint64_t id;
    uint64_t rows_id; /* the number its messages carry, see waste.h */
    bool fifo;        /* as its name says */
    struct str account, region, name, arn;
    int64_t created_ms, modified_ms, purged_ms;
    struct sqs_attributes attributes;
    /* Derived from the attributes by sqs_queue_derive(). */
    int64_t visibility_ms, delay_ms, retention_ms, wait_ms, most_bytes;
    int64_t max_receives;       /* 0: no RedrivePolicy */
    struct str dead_letter_arn; /* owned; absent: no RedrivePolicy */
    bool by_content, by_group;  /* ContentBasedDeduplication; DeduplicationScope messageGroup */
    struct policy *policy;      /* compiled; NULL: none */
    struct sqs_tag *tags;       /* sorted by key */
    size_t n_tags;
    struct sqs_index index;
    struct list waiters; /* struct sqs_waiter, oldest first */
    struct timer due;    /* the next hidden message, only while somebody waits */
    struct link wake;    /* in sqs.to_wake */
    struct link expire;  /* in sqs.expiring */
};

/* NULL when there is none. */
struct sqs_queue *sqs_find(const struct sqs *s, struct str account, struct str region, struct str name);
struct sqs_queue *sqs_find_arn(const struct sqs *s, struct str text);
struct sqs_queue *sqs_find_parts(const struct sqs *s, const struct arn *arn);
/* By the last two path segments of QueueUrl, account and name, or by a bare queue name (as AWS does), then in
 * the caller's account; in the region of the call.  Sets the fault; -E_FAULT. */
int sqs_resolve(struct call *c, struct str queue_url, struct sqs_queue **ret);
/* May the caller do `action` ("SendMessage") to it?  What is the owner's alone no policy gives to another
 * account. */
int sqs_may(struct call *c, const struct sqs_queue *q, const char *action);
bool sqs_action_is_shared(struct str action); /* op_permission.c: can be given to another account */
/* sqs_resolve() and the right to do this operation. */
int sqs_enter(struct call *c, struct str queue_url, struct sqs_queue **ret);
/* http://<the host the client used>/<account>/<name> */
struct str sqs_url(const struct call *c, const struct sqs_queue *q);
struct str sqs_arn(struct arena *a, struct str region, struct str account, struct str name);

/* A queue in memory alone (loading). */
struct sqs_queue *sqs_queue_new(struct sqs *s, uint64_t id, struct str account, struct str region,
                                struct str name);
/* Out of the map and freed; nobody may wait on it any more, its timer must be idle. */
void sqs_queue_free(struct sqs_queue *q);
void sqs_queue_derive(struct sqs_queue *q);                                /* after a change of attributes */
void sqs_queue_tag(struct sqs_queue *q, struct str key, struct str value); /* sets or replaces */
void sqs_queue_untag(struct sqs_queue *q, struct str key);

/* The first `most` queues that pass `pick` and whose name stands behind `after` (absent: from the first),
 * sorted by name; in `a`.  Looks at every queue once. */
struct sqs_queue **sqs_list(const struct sqs *s, struct arena *a,
                            bool (*pick)(const struct sqs_queue *q, const void *arg), const void *arg,
                            struct str after, size_t most, size_t *ret_n);

/* A number for the messages of q that none has carried yet. */
uint64_t sqs_rows_number(struct turn *t, const struct sqs_queue *q);

/* No room for one more message: SQS_MESSAGES_MOST are here (waste counts until it is given back). */
bool sqs_full(const struct sqs *s);
/* And none for one more deduplication id, where q is a FIFO queue. */
bool sqs_queue_full(const struct sqs_queue *q);

struct sqs_sent {
    char message_id[UUID_TEXT + 1];
    uint64_t id;    /* of the row; sqs_sequence() shows it */
    bool duplicate; /* nothing was enqueued: both are an earlier message's */
};
/* One message into the queue: row, node, sweep, and the queue is marked for waking.  delay_ms < 0: the
 * queue's (a FIFO queue has no other).  0 or a store error.  Cost: 1 INSERT; a duplicate: 1 SELECT, or 2. */
int sqs_queue_send(struct turn *t, struct sqs_queue *q, const struct sqs_msg *m, int64_t delay_ms,
                   struct sqs_sent *ret);
/* SequenceNumber: 20 digits, rising with the id. */
struct str sqs_sequence(struct arena *a, uint64_t id);
/* A message leaves for good: row and node.  Its deduplication id stays for its time.  0 or a store error. */
int sqs_queue_drop(struct turn *t, struct sqs_queue *q, struct sqs_node *node);
/* To a dead-letter queue of the same kind: it keeps message id, body, attributes and receive count.  A FIFO
 * queue gets it as the last of its group, with a new SentTimestamp and SequenceNumber (that it is new is
 * UNVERIFIED). */
int sqs_queue_to_dead_letters(struct turn *t, struct sqs_queue *q, struct sqs_queue *to,
                              struct sqs_node *node);
/* Out of a dead-letter queue, to a queue of the same kind: a new message with a new id, never received (AWS
 * SQS developer guide, "Configure dead-letter queue redrive"); only body, attributes, group and deduplication
 * id are the old ones. */
int sqs_queue_renew(struct turn *t, struct sqs_queue *q, struct sqs_queue *to, struct sqs_node *node);

/* CHECKs all that the files of this room hold true of its memory.  For tests: looks at everything. */
void sqs_check(const struct sqs *s);

/* A sample of AWS/SQS for this queue; nothing where nobody counts. */
void sqs_count(struct turn *t, const struct sqs_queue *q, const char *metric, double value, const char *unit);

#endif
