/* index.h - what is visible next in one queue, without asking the store.
 *
 * One node of 48 bytes per message.  A node is either in the visible list (in the order in which messages became
 * visible) or in the hidden heap (delayed or in flight, ordered by the moment it becomes visible); all nodes are
 * in a hash table by message id, which finds the node of a receipt handle.
 *
 *            add, delay > 0                 settle: due <= now
 *      o ---------------------> DELAYED ----------------------.
 *      |     add, delay 0                                     v
 *      '---------------------------------------------------> VISIBLE
 *                              show, settle                  |    ^
 *                 IN_FLIGHT ---------------------------------+----'
 *                     ^                 hide (receive)       |
 *                     '--------------------------------------'       remove: from every state
 *
 * Nothing here is durable: it is rebuilt by reading the message table.  Time is an argument, in epoch ms of the
 * server's clock; expiry of visibility is found by settle(), there is no timer in here.
 * Cost: O(1) for visible messages, O(log hidden) for hidden ones; about 64 bytes of memory per message. */
#ifndef WAYBILL_SERVICE_SQS_INDEX_H
#define WAYBILL_SERVICE_SQS_INDEX_H

#include "base/heap.h"
#include "base/list.h"

enum sqs_state { SQS_VISIBLE, SQS_DELAYED, SQS_IN_FLIGHT };

#define SQS_RECEIVES_MOST 1023                               /* counted no further here; maxReceiveCount is <= 1000 */

struct sqs_node {
    struct heap_node due;                                    /* key: visible again at (ms); seq: the message's id */
    struct link link;                                        /* in the visible list */
    uint64_t sent_ms : 48;
    uint64_t receives : 10;                                  /* saturates at SQS_RECEIVES_MOST */
    uint64_t state : 2;                                      /* enum sqs_state */
    uint64_t round : 4;                                      /* of its last move to a dead-letter queue; 0: never */
};
_Static_assert(sizeof(struct sqs_node) <= 48, "a node has a budget");

/* Nodes of all queues come from slabs of one pool; slabs are given back when no node is left. */
struct sqs_pool {
    struct sqs_slab *slabs;
    struct sqs_node *free;                                   /* chained by link.next */
    size_t live;
};
void sqs_pool_done(struct sqs_pool *p);                      /* CHECKs that no node is out */

struct sqs_index {
    struct sqs_pool *pool;                                   /* borrowed */
    struct list visible;
    struct heap hidden;
    struct sqs_node **slots;                                 /* open addressing, a power of two */
    size_t cap;
    size_t n, n_visible, n_delayed, n_in_flight;             /* n: their sum */
    int64_t oldest_ms;                                       /* no message was sent before; INT64_MAX when empty */
};

void sqs_index_init(struct sqs_index *x, struct sqs_pool *pool);
void sqs_index_done(struct sqs_index *x);                    /* gives all nodes back */
void sqs_index_clear(struct sqs_index *x);                   /* empty, ready for use */
/* All nodes of `from` are in `to`, which was empty; `from` is empty, ready for use.  Cost: none per node. */
void sqs_index_take(struct sqs_index *to, struct sqs_index *from);
/* For an index nobody reads any more: gives back the nodes of at most `most` places of the table from *slot on, and
 * widens the range *first..*last to their ids.  Nothing but this and sqs_index_done() may be called from then on. */
void sqs_index_shed(struct sqs_index *x, size_t *slot, size_t most, uint64_t *first, uint64_t *last);

/* id must be new here.  Visible when visible_ms <= now_ms, else delayed (receives == 0) or in flight. */
struct sqs_node *sqs_index_add(struct sqs_index *x, uint64_t id, int64_t sent_ms, int64_t visible_ms,
                               int64_t receives, int64_t now_ms);
struct sqs_node *sqs_index_find(const struct sqs_index *x, uint64_t id);   /* NULL: not here */
void sqs_index_remove(struct sqs_index *x, struct sqs_node *node);         /* ends the node */
void sqs_index_hide(struct sqs_index *x, struct sqs_node *node, int64_t until_ms);   /* in flight */
void sqs_index_show(struct sqs_index *x, struct sqs_node *node);           /* visible, last in line */
/* The node leaves `from` and is visible in `to`. */
void sqs_index_move(struct sqs_index *from, struct sqs_index *to, struct sqs_node *node);

/* Everything due becomes visible.  Call before looking at the counts or the first visible node. */
void sqs_index_settle(struct sqs_index *x, int64_t now_ms);
struct sqs_node *sqs_index_first(const struct sqs_index *x); /* first visible, or NULL */
int64_t sqs_index_next_ms(const struct sqs_index *x);        /* when the next hidden one is due; INT64_MAX: none */

/* Ids of all messages sent before before_ms, in no order; *ret_ids is the caller's to free (NULL when none).
 * Makes oldest_ms exact for what remains.  Cost: one walk over the table. */
size_t sqs_index_older(struct sqs_index *x, int64_t before_ms, uint64_t **ret_ids);

#endif
