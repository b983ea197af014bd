/* hub.h - what all servers on one loop share, so that a server costs little and thousands may stand on a
 * loop: the read buffer, the text of the Date header, one timer for every deadline, and the hook that writes
 * replies at the end of a loop iteration.  Internal to net.
 *
 * A hub is made with the first server of a loop and ends with the last one (by reference count).  Its handles
 * are unreferenced: they never keep a loop alive. */
#ifndef WAYBILL_NET_HUB_H
#define WAYBILL_NET_HUB_H

#include <uv.h>
#include "base/buf.h"
#include "base/list.h"

#define HUB_READ_BYTES ((size_t)64 << 10)

struct hub;

/* Deadlines.  All that wait for the same time stand on one list: who comes last is due last, so the list is
 * in order without sorting, and setting or clearing a deadline costs two link operations. */
struct wait_class {
    struct link link;    /* in the hub */
    struct list waiting; /* of struct wait, earliest first */
    int64_t ms;
    unsigned refs;
};
struct wait {
    struct link link;
    uint64_t due_ms;              /* in uv_now() time */
    void (*fire)(struct wait *w); /* the wait is off its list by then */
};

struct hub *hub_ref(uv_loop_t *loop); /* finds or makes the loop's */
void hub_unref(struct hub *hub);
uv_loop_t *hub_loop(const struct hub *hub);
char *hub_read_buffer(struct hub *hub); /* HUB_READ_BYTES, valid within one read callback */
struct str hub_date(struct hub *hub);   /* "Mon, 14 Sep 2026 15:44:58 GMT", real time */

struct wait_class *hub_class_ref(struct hub *hub, int64_t ms);
void hub_class_unref(struct wait_class *c);
void hub_wait(struct hub *hub, struct wait_class *c,
              struct wait *w); /* replaces an earlier deadline; 0 ms: none */
static inline void hub_unwait(struct wait *w) { list_remove(&w->link); }

/* `link` stands in a struct server with something to write.  server_flush() of each is called at the latest
 * before the loop would sleep, wherever in the iteration this was called. */
void hub_flush_later(struct hub *hub, struct link *link, void (*flush)(struct link *link));

#endif
