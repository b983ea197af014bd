/* exchange.h - one request and its reply, before anybody knows that AWS exists.
 *
 * net fills it, hands it to the server's `on_request` once the whole body is there, and sends what exchange_reply()
 * gives it, in order, when pipelined.  All memory of the request is x->mem; it ends after the last byte of the
 * reply was written or the connection closed, whichever comes first AND after the owner has replied: the owner
 * must call exchange_reply() exactly once, also when the client has gone (then it is thrown away). */
#ifndef WAYBILL_NET_EXCHANGE_H
#define WAYBILL_NET_EXCHANGE_H

#include "base/buf.h"

struct header { struct str name, value; };                   /* name as sent; compare without case */

struct exchange {
    uint32_t magic;
#define EXCHANGE_MAGIC 0x5a1c93e7u
    struct arena *mem;
    struct str method;                                       /* "GET", ... */
    struct str path;                                         /* raw, before '?' */
    struct str query;                                        /* raw, after '?'; empty when none */
    struct header *headers;
    size_t n_headers;
    struct str body;                                         /* whole, de-chunked; may be large: not copied */
    struct str peer;                                         /* "127.0.0.1:40312" */
    uint64_t connection_no;                                  /* of its connection, from 1 on; never given twice by a server */
    int64_t arrived_mono_ns;
    bool gone;                                               /* the client closed */
    void (*on_gone)(struct exchange *x);                     /* owner's; called once, at most, before the reply */
    void *owner;                                             /* the owner's own */
    void *connection;                                        /* net's own */
};

struct str exchange_header(const struct exchange *x, const char *name);    /* absent when not sent; last of several */

/* headers: "name: value\r\n" lines without Content-Length, Date and Connection, which net writes.
 * Copies everything.  Status 204 and 304 send no body; a HEAD request gets the header only. */
void exchange_reply(struct exchange *x, int status, struct str headers, struct str body);

#endif
