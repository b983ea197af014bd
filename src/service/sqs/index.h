/* index.h - what is visible next in one queue, without asking the store.
 *
 * One node of 48 bytes per message.  A node is either in the visible list (in the order in which messages
 * became visible) or in the hidden heap (delayed or in flight, ordered by the moment it becomes visible); all
 * nodes are in a hash table by message id, which finds the node of a receipt handle.
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
 * In a FIFO queue a node stands in the list of its group instead (group.h), from its first to its last moment
 * and whatever its state; what is visible next is the head of the first group that is ready.
 *
 * Nothing here is durable: it is rebuilt by reading the message table.  Time is an argument, in epoch ms of
 * the server's clock; expiry of visibility is found by settle(), there is no timer in here. Cost: O(1) for
 * visible messages, O(log hidden) for hidden ones; about 64 bytes of memory per message (72 in a FIFO queue),
 * and its groups. */
#ifndef WAYBILL_SERVICE_SQS_INDEX_H
#define WAYBILL_SERVICE_SQS_INDEX_H

#include "base/heap.h"
#include "service/sqs/group.h"

enum sqs_state { SQS_VISIBLE, SQS_DELAYED, SQS_IN_FLIGHT };

#define SQS_SETTLE_MOST 4096   /* some 2 ms */
#define SQS_RECEIVES_MOST 1023 /* counted no further here; maxReceiveCount is <= 1000 */

struct sqs_node {
    struct heap_node due; /* key: visible again at (ms); seq: the message's id */
    struct link link;     /* in the visible list, or in its group's */
    uint64_t sent_ms : 48;
    uint64_t receives : 10; /* saturates at SQS_RECEIVES_MOST */
    uint64_t state : 2;     /* enum sqs_state */
    uint64_t round : 4;     /* of its last move to a dead-letter queue; 0: never */
};
_Static_assert(sizeof(struct sqs_node) <= 48, "a node has a budget");
struct sqs_grouped_node { /* every node of a FIFO queue */
    struct sqs_node node;
    struct sqs_group *group;
};

/* Nodes of all queues of a kind come from slabs of one pool; slabs are given back when no node is left. */
struct sqs_pool {
    bool grouped; /* of FIFO queues; set before the first use */
    struct sqs_slab *slabs;
    struct sqs_node *free; /* chained by link.next */
    size_t live;
};
void sqs_pool_done(struct sqs_pool *p); /* CHECKs that no node is out */

struct sqs_index {
    struct sqs_pool *pool; /* borrowed */
    struct list visible;
    struct sqs_groups *groups; /* FIFO queues; NULL else */
    struct heap hidden;
    struct sqs_node **slots; /* open addressing, a power of two */
    size_t cap;
    size_t n, n_visible, n_delayed, n_in_flight; /* n: their sum */
    int64_t oldest_ms;                           /* no message was sent before; INT64_MAX when empty */
    int64_t newest_ms;                           /* none was sent after; INT64_MIN when empty */
    size_t old_at;                               /* sqs_index_old(): where its walk stands ... */
    int64_t old_least_ms;                        /* ... and the oldest it has passed by */
};

void sqs_index_init(struct sqs_index *x, struct sqs_pool *pool); /* a FIFO queue's when the pool is grouped */
void sqs_index_done(struct sqs_index *x);                        /* gives all nodes back */
void sqs_index_clear(struct sqs_index *x);                       /* empty, ready for use */
/* All nodes of `from` are in `to`, which was empty; `from` is empty, ready for use.  Cost: none per node. */
void sqs_index_take(struct sqs_index *to, struct sqs_index *from);
/* For an index nobody reads any more: gives back the nodes of at most `most` places of the table from *slot
 * on, and widens the range *first..*last to their ids.  Nothing but this and sqs_index_done() may be called
 * from then on. */
void sqs_index_shed(struct sqs_index *x, size_t *slot, size_t most, uint64_t *first, uint64_t *last);

/* id must be new here.  Visible when visible_ms <= now_ms, else delayed (receives == 0) or in flight. */
struct sqs_node *sqs_index_add(struct sqs_index *x, uint64_t id, int64_t sent_ms, int64_t visible_ms,
                               int64_t receives, int64_t now_ms);
/* As sqs_index_add() for a FIFO queue: the last of its group.  id must be the highest here. */
struct sqs_node *sqs_index_add_to_group(struct sqs_index *x, struct str group, uint64_t id, int64_t sent_ms,
                                        int64_t visible_ms, int64_t receives, int64_t now_ms);
struct sqs_node *sqs_index_find(const struct sqs_index *x, uint64_t id);           /* NULL: not here */
void sqs_index_remove(struct sqs_index *x, struct sqs_node *node);                 /* ends the node */
void sqs_index_hide(struct sqs_index *x, struct sqs_node *node, int64_t until_ms); /* in flight */
void sqs_index_show(struct sqs_index *x, struct sqs_node *node);                   /* visible, last in line */
/* The node leaves `from` and is visible in `to`; standard queues. */
void sqs_index_move(struct sqs_index *from, struct sqs_index *to, struct sqs_node *node);

/* What is due becomes visible, in the order in which it fell due: SQS_SETTLE_MOST at the most, so that a
 * million delays that end together hold nobody up.  Call before looking at the counts or the first visible
 * node.  True: more is due. */
bool sqs_index_settle(struct sqs_index *x, int64_t now_ms);
struct sqs_node *sqs_index_first(const struct sqs_index *x);  /* first visible, or NULL; standard queues */
struct sqs_group *sqs_index_ready(const struct sqs_index *x); /* first ready group, or NULL; FIFO queues */
/* The one behind `node` in its group, when it is visible; NULL else.  FIFO queues. */
struct sqs_node *sqs_index_behind(const struct sqs_index *x, const struct sqs_node *node);
bool sqs_index_any(const struct sqs_index *x); /* is there something a receive could take? */
/* FIFO queues: the queue's delay is another now, for the messages nobody has received yet too.  Settle
 * afterwards. Cost: one walk over the table. */
void sqs_index_delay(struct sqs_index *x, int64_t delay_ms, int64_t now_ms);
int64_t sqs_index_next_ms(const struct sqs_index *x); /* when the next hidden one is due; INT64_MAX: none */

/* A walk over the table, in steps: calls drop() for up to `most` messages sent before before_ms, looking at
 * up to `look` places; drop() removes the node.  1: the walk has come round, and oldest_ms is exact for what
 * remains (a message that others' changes moved past the walk is found by the next one); 0: there is more;
 * below 0: what drop() said. */
int sqs_index_old(struct sqs_index *x, int64_t before_ms, size_t most, size_t look,
                  int (*drop)(void *arg, struct sqs_node *node), void *arg);

/* CHECKs all that index.c holds true.  For tests: looks at everything. */
void sqs_index_check(const struct sqs_index *x);

#endif
