/* queue.h - the queues of this server, and what one queue knows.
 *
 * A queue belongs to an account and a region; the three together with its name find it, so nobody sees what lies
 * in another account or region.  Its row and its messages are durable (store/schema/30-sqs.sql); everything here
 * is rebuilt from them by sqs_load().  All strings in a queue are its own.
 *
 * Order inside every operation: check, write the store, change the memory, wake.  When a write fails for want of
 * room the turn is rolled back and the whole memory is loaded again, so nobody undoes anything here. */
#ifndef WAYBILL_SERVICE_SQS_QUEUE_H
#define WAYBILL_SERVICE_SQS_QUEUE_H

#include "base/map.h"
#include "flow/turn.h"
#include "service/sqs/attribute.h"
#include "service/sqs/index.h"
#include "service/sqs/msg.h"
#include "wire/call.h"

#define SQS_QUEUES_MOST 100000                               /* of the whole server */
#define SQS_MESSAGES_MOST 10000000                           /* of the whole server: some 64 bytes of memory each */
#define SQS_TAGS_MOST 50
#define SQS_IN_FLIGHT_MOST 120000

struct sqs {
    struct map queues;                                       /* "account/region/name" -> struct sqs_queue */
    struct sqs_pool pool;
    struct timer sweep;                                      /* retention, coarse */
    struct list to_wake;                                     /* queues whose waiters may have something to take */
    struct list waste;                                       /* messages of emptied queues, see waste.h */
    void *waste_step;                                        /* handle of the next step; NULL: none is asked for */
    uint32_t round;                                          /* 1-15: names the operation, see sqs_node.round */
};

struct sqs_tag { struct str key, value; };

struct sqs_queue {
    uint32_t magic;
#define SQS_QUEUE_MAGIC 0x5135a11fu
    struct sqs *owner;
    uint64_t id;
    uint64_t rows_id;                                        /* the number its messages carry, see waste.h */
    struct str account, region, name, arn;
    int64_t created_ms, modified_ms, purged_ms;
    struct sqs_attributes attributes;
    /* Derived from the attributes by sqs_queue_derive(). */
    int64_t visibility_ms, delay_ms, retention_ms, wait_ms, most_bytes;
    int64_t max_receives;                                    /* 0: no RedrivePolicy */
    struct str dead_letter_arn;                              /* owned; absent: no RedrivePolicy */
    struct sqs_tag *tags;                                    /* sorted by key */
    size_t n_tags;
    struct sqs_index index;
    struct list waiters;                                     /* struct sqs_waiter, oldest first */
    struct timer due;                                        /* the next hidden message, only while somebody waits */
    struct link wake;                                        /* in sqs.to_wake */
};

/* NULL when there is none. */
struct sqs_queue *sqs_find(const struct sqs *s, struct str account, struct str region, struct str name);
struct sqs_queue *sqs_find_arn(const struct sqs *s, struct str arn);
/* By the last two path segments of QueueUrl; region and account of the call.  Sets the fault; -E_FAULT. */
int  sqs_resolve(struct call *c, struct str queue_url, struct sqs_queue **ret);
/* sqs_resolve() and the right to do this operation. */
int  sqs_enter(struct call *c, struct str queue_url, struct sqs_queue **ret);
/* http://<the host the client used>/<account>/<name> */
struct str sqs_url(const struct call *c, const struct sqs_queue *q);
struct str sqs_arn(struct arena *a, struct str region, struct str account, struct str name);

/* A queue in memory alone (loading). */
struct sqs_queue *sqs_queue_new(struct sqs *s, uint64_t id, struct str account, struct str region, struct str name);
/* Out of the map and freed; nobody may wait on it any more, its timer must be idle. */
void sqs_queue_free(struct sqs_queue *q);
void sqs_queue_derive(struct sqs_queue *q);                  /* after a change of attributes */
void sqs_queue_tag(struct sqs_queue *q, struct str key, struct str value);   /* sets or replaces */
void sqs_queue_untag(struct sqs_queue *q, struct str key);

/* The queues that pass `pick`, sorted by name; in `a`. */
struct sqs_queue **sqs_list(const struct sqs *s, struct arena *a, bool (*pick)(const struct sqs_queue *q, const void *arg),
                            const void *arg, size_t *ret_n);

/* Drops what is older than the queue keeps.  Nothing to do costs one comparison.  0 or a store error. */
int  sqs_queue_expire(struct turn *t, struct sqs_queue *q);
/* All messages go; writes the queue's own row too.  0 or a store error.  Cost: a DELETE for each of few messages;
 * for many one UPDATE, and the rest later (waste.h). */
int  sqs_queue_empty(struct turn *t, struct sqs_queue *q);
/* Calls sweep no later than a minute after the queue's oldest message must go. */
void sqs_sweep_arm(struct turn *t, struct sqs_queue *q);
void sqs_sweep(struct timer *tm, struct turn *t);            /* the timer's own */

/* No room for one more message: SQS_MESSAGES_MOST are here (waste counts until it is given back). */
bool sqs_full(const struct sqs *s);
/* One message into the queue: row, node, sweep, and the queue is marked for waking.  delay_ms < 0: the queue's.
 * ret_message_id gets UUID_TEXT characters and a NUL.  0 or a store error.  Cost: 1 INSERT. */
int  sqs_queue_send(struct turn *t, struct sqs_queue *q, const struct sqs_msg *m, int64_t delay_ms, char *ret_message_id);

#endif
