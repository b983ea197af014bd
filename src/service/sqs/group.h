/* group.h - the message groups of one FIFO queue, and which of them has something to give.
 *
 * A group is there while it has messages.  Its list holds all of them in the order of sending, hidden ones
 * too; what can be received is the run of visible messages at its head.  So a message in flight holds back
 * those behind it, and nothing else has to be locked or unlocked (AWS SQS developer guide, "FIFO queue
 * delivery logic"):
 *
 *     head visible: the group stands in the ready list        head delayed or in flight: it does not
 *
 * The ready list is ordered by when each group became available, which is the order in which receives serve
 * them. Used by index.c alone to write; others read.  Cost: O(1) for everything, about 64 bytes and its name
 * per group. */
#ifndef WAYBILL_SERVICE_SQS_GROUP_H
#define WAYBILL_SERVICE_SQS_GROUP_H

#include "base/list.h"
#include "base/str.h"

#define SQS_GROUP_NAME_MOST 128

struct sqs_group {
    struct list messages; /* of struct sqs_node.link, in the order of sending */
    struct link ready;    /* in sqs_groups.ready */
    uint64_t hash;
    uint32_t n; /* messages */
    uint32_t name_n;
    char name[];
};

struct sqs_groups {
    struct sqs_group **slots; /* open addressing, a power of two */
    size_t cap, n;
    struct list ready;
};

struct sqs_groups *sqs_groups_new(void);
/* Frees the table; every group must have gone by sqs_group_shed() or sqs_group_drop(). */
struct sqs_groups *sqs_groups_free(struct sqs_groups *gs);

struct sqs_group *sqs_group_find(const struct sqs_groups *gs,
                                 struct str name); /* NULL: none of its messages here */
/* The group of this name, made when there is none.  The caller adds a message to it at once. */
struct sqs_group *sqs_group_get(struct sqs_groups *gs, struct str name);
void sqs_group_drop(struct sqs_groups *gs, struct sqs_group *g); /* its last message has left */
/* One message of a table nobody looks at any more is given back; frees the group with its last. */
void sqs_group_shed(struct sqs_group *g);

/* The head is (still, again) visible or it is not.  again: it became visible just now, so the group goes to
 * the end of the line; else a group in line keeps its place. */
void sqs_group_place(struct sqs_groups *gs, struct sqs_group *g, bool head_visible, bool again);
void sqs_groups_check(const struct sqs_groups *gs); /* for tests: the table and the ready list agree */

#endif
