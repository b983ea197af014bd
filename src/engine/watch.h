/* watch.h - which operation held the loop.
 *
 * While one piece of work runs nothing else is served, so every piece is timed on the monotonic clock: a
 * request's decoding, its handler, a result, a timer, the commit, what follows a commit.  A piece of
 * WATCH_HELD_US or more is counted; a line names it, one a second at the most, and says how many were held
 * back since the last.
 *
 * Not seen: the time between pieces (reading sockets, the control API's own answers). */
#ifndef WAYBILL_ENGINE_WATCH_H
#define WAYBILL_ENGINE_WATCH_H

#include "base/str.h"

#define WATCH_HELD_US ((int64_t)50000)
#define WATCH_NAME 96
#define SELDOM_EVERY_NS ((int64_t)1000000000)

/* Lines of one kind, at most one a second: it says how many before had none. */
struct seldom {
    uint64_t unsaid; /* since the last line */
    int64_t said_ns; /* of the last line; 0: none yet */
};
/* One is to be said.  True: now; *ret_unsaid others had no line. */
bool seldom_due(struct seldom *s, int64_t now_ns, uint64_t *ret_unsaid);

struct watch {
    uint64_t held;          /* pieces that held the loop */
    int64_t worst_us;       /* of these; 0: none */
    char worst[WATCH_NAME]; /* its name */
    struct seldom lines;
};

/* A piece ended.  True: a line is due (of this piece); *ret_unsaid others had none. */
bool watch_saw(struct watch *w, struct str service, struct str operation, int64_t took_us, int64_t now_ns,
               uint64_t *ret_unsaid);

/* From began_ns until now; writes the line when one is due.  Returns now, where the next piece begins. */
int64_t watch_piece(struct watch *w, int64_t began_ns, struct str service, struct str operation,
                    struct str request_id);

#endif
