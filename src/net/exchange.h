/* exchange.h - one request and its reply, before anybody knows that AWS exists.
 *
 * net fills it, hands it to the server's `on_request` once the whole body is there, and sends what
 * exchange_reply() gives it, in order, when pipelined.  All memory of the request is x->mem; it ends after
 * the last byte of the reply was written or the connection closed, whichever comes first AND after the owner
 * has replied: the owner must call exchange_reply() or exchange_reply_pieces() exactly once, also when the
 * client has gone (then it is thrown away). */
#ifndef WAYBILL_NET_EXCHANGE_H
#define WAYBILL_NET_EXCHANGE_H

#include "base/buf.h"

struct header {
    struct str name, value;
}; /* name as sent; compare without case */

struct exchange {
    uint32_t magic;
#define EXCHANGE_MAGIC 0x5a1c93e7u
    struct arena *mem;
    struct str method; /* "GET", ... */
    struct str path;   /* raw, before '?' */
    struct str query;  /* raw, after '?'; empty when none */
    struct header *headers;
    size_t n_headers;
    struct str body;        /* whole, de-chunked; may be large: not copied */
    struct str peer;        /* "127.0.0.1:40312" */
    uint64_t connection_no; /* of its connection, from 1 on; never given twice by a server */
    int64_t arrived_mono_ns;
    bool gone;                           /* the client closed */
    void (*on_gone)(struct exchange *x); /* owner's; called once, at most, before the reply */
    void *owner;                         /* the owner's own */
    void *connection;                    /* net's own */
};

/* While its owner is not ready to let others pass (its body is read elsewhere), no later request of its
 * connection is handed over: what they do would be done before it.  exchange_hold() within on_request or
 * while held; exchange_release() ends it, from the loop's thread, before the reply or once the request has
 * its place in line.  A later request may be handed over within exchange_release(). */
void exchange_hold(struct exchange *x);
void exchange_release(struct exchange *x);

struct str exchange_header(const struct exchange *x,
                           const char *name); /* absent when not sent; last of several */

/* headers: "name: value\r\n" lines without Content-Length, Date and Connection, which net writes.
 * Copies everything.  Status 204 and 304 send no body; a HEAD request gets the header only. */
void exchange_reply(struct exchange *x, int status, struct str headers, struct str body);

/* ---- a reply whose body is made while it is sent ----
 *
 * net pulls: it asks for the next piece when all of the last one has left for the kernel, so that a client
 * who reads slowly costs one piece, however large the body.  A source ends in exactly one call of stop,
 * whatever happens:
 *
 *     proceed, proceed, ... stop
 *
 * PIECE_SOME   *ret holds 1 to `most` bytes, which must stay until the next proceed or stop
 * PIECE_END    there are no more (a body of known length ends by itself: it is not asked again)
 * PIECE_LATER  nothing yet; exchange_resume() will be called, after proceed returned and before stop.  A body
 * that waits has no deadline: events that come once an hour are one PIECE_FAILED no more will come, though it
 * should: the connection is cut, as the client could not tell otherwise */
enum body_piece { PIECE_SOME, PIECE_END, PIECE_LATER, PIECE_FAILED };

struct body_source {
    enum body_piece (*proceed)(struct body_source *s, size_t most, struct str *ret);
    void (*stop)(struct body_source *s); /* sent, failed, not wanted, or the client has gone: frees */
    struct exchange *x;                  /* net's: valid from the reply until stop */
};

#define BODY_BYTES_UNKNOWN ((int64_t)-1)

/* As exchange_reply(), with a body of `bytes` bytes, or of unknown length: then it is sent in chunks, or to a
 * client of HTTP/1.0 until the connection closes.  Takes the source over. */
void exchange_reply_pieces(struct exchange *x, int status, struct str headers, int64_t bytes,
                           struct body_source *source);
/* From the loop's thread: a source that said PIECE_LATER may be asked again. */
void exchange_resume(struct exchange *x);

#endif
