/* pieces.h - the part of a reply that comes from a body_source, framed for the wire one piece at a time.
 * Internal to net; without sockets.
 *
 *   pieces_next() makes the next frame when all of the last one is sent: the piece alone, or a chunk around
 * it. A frame points into the source's memory, which stays until the next proceed or stop. */
#ifndef WAYBILL_NET_PIECES_H
#define WAYBILL_NET_PIECES_H

#include "net/exchange.h"

enum body_framing { BODY_LENGTH, BODY_CHUNKS, BODY_TO_CLOSE };

struct pieces { /* {0}: the reply has no such part */
    struct body_source *source;
    unsigned *streams; /* how many sources their server has in work */
    enum body_framing framing;
    int64_t left;       /* of BODY_LENGTH */
    bool over;          /* the last frame is made */
    bool later;         /* the source will resume */
    struct str v[3];    /* the frame: size line, bytes, line end */
    size_t bytes, sent; /* of it */
    char line[20];
};

/* Takes the source over.  bytes: what it will give in all; -1: unknown. */
void pieces_begin(struct pieces *p, struct body_source *source, int64_t bytes, bool chunks,
                  unsigned *streams);
void pieces_stop(struct pieces *p); /* harmless on {0}, and twice */
/* 0: a frame is made, which may be empty at the end.  -E_WAIT: later.  -E_IO: the source failed, or ended too
 * soon. */
int pieces_next(struct pieces *p, size_t most);

static inline bool pieces_hungry(const struct pieces *p)
{
    return p->source != NULL && !p->over && !p->later && p->sent == p->bytes;
}

static inline bool pieces_done(const struct pieces *p) /* all made and sent */
{
    return p->source == NULL || (p->over && p->sent == p->bytes);
}

#endif
