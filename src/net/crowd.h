/* crowd.h - who is connected, and who goes when there are too many.  Internal to net; without sockets.
 *
 * A new client always gets in: at the limit somebody who has no answer to lose makes room for it.  In this
 * order, and each time of the address that has most connections among those that have one such:
 *
 *   1. who has never sent a whole head, the oldest first; but not the few youngest, who have hardly had the
 * time;
 *   2. who waits between requests, or sends a further head, the longest first;
 *   3. those few, too;
 *   4. who has not sent all of a body, who sent nothing for the longest time first;
 *   5. who does not take its reply, who took nothing for the longest time first.
 *
 * Who waits for an answer keeps its place.  If all do, a few places more are lent: one reply each, and of
 * those the oldest goes when they are full, too. */
#ifndef WAYBILL_NET_CROWD_H
#define WAYBILL_NET_CROWD_H

#include "base/list.h"
#include "base/map.h"

enum place { PLACE_SILENT, PLACE_IDLE, PLACE_READING, PLACE_WRITING, PLACE_BUSY };
#define PLACES_TO_LOSE 4 /* all but the last */

struct peer; /* one address */

struct seat { /* in a connection; {0}: not seated */
    struct peer *peer;
    struct link link;      /* in the peer's list of its place */
    struct link lent_link; /* on crowd.lent */
    enum place place;
};

struct crowd { /* {0} and crowd_init() */
    struct map by_host;
    struct list peers;
    struct list lent;                /* oldest first */
    unsigned n, silent, silent_kept; /* all; of them PLACE_SILENT; how many of these are the few */
};

void crowd_init(struct crowd *w, unsigned silent_kept);
void crowd_done(struct crowd *w); /* nobody is seated */
/* host: the address without port.  lent: beyond the limit. */
void crowd_join(struct crowd *w, struct seat *s, struct str host, bool lent);
void crowd_leave(struct crowd *w, struct seat *s); /* harmless when not seated */
/* Where it is now.  Silent and idle since the first time; reading and writing since the last. */
void crowd_place(struct crowd *w, struct seat *s, enum place place);
/* Who makes room; NULL: all wait for an answer. */
struct seat *crowd_victim(const struct crowd *w);

#endif
