/* http1.h - bytes to requests: HTTP/1.0 and 1.1 (RFC 9112), without a socket.  Internal to net.
 *
 * A head is gathered until it is whole and checked byte by byte (head.c), copied once into the request's
 * arena, and parsed there by llhttp, so names and values point into the arena.  Bodies are framed here:
 * announced length, or chunks (chunk.c).  Strict where leniency would let two readers disagree about where a
 * request ends: no bare CR or LF, no control characters, no folded lines, one Content-Length or one
 * Transfer-Encoding, never both.
 *
 *   http1_feed() takes bytes off the front of its argument and tells what happened:
 *
 *     HTTP1_MORE     all bytes taken; wants more
 *     HTTP1_HEAD     h->request is new; look at it, then go on feeding (also with no bytes) or stop
 *     HTTP1_WHOLE    h->request has its body; the caller takes it (TAKE)
 *     HTTP1_REFUSED  h->refusal says why; nothing more is read (h->request: the one whose body it was, or
 * NULL)
 *
 *   The results do not depend on how the bytes were cut. */
#ifndef WAYBILL_NET_HTTP1_H
#define WAYBILL_NET_HTTP1_H

#include "net/request.h"
#include "net/server.h"

enum http1_event { HTTP1_MORE, HTTP1_HEAD, HTTP1_WHOLE, HTTP1_REFUSED };
enum http1_state { HTTP1_IN_HEAD, HTTP1_IN_LENGTH, HTTP1_IN_CHUNKS, HTTP1_COMPLETE, HTTP1_STOPPED };

/* An HTTP status with the text net sends; text is static. */
struct refusal {
    int status;
    const char *text;
};

/* ---- head.c ---- */

#define HEAD_MAX_HEADERS 256 /* more: 431 */

struct head_scan {
    size_t at;
    unsigned lines;
}; /* {0} at the first byte; lines: complete ones */
/* Looks on from where it stood.  > 0: bytes of the whole head; 0: not whole yet; -E_INVALID, *ret_why static.
 */
ptrdiff_t head_scan(struct head_scan *s, struct str bytes, const char **ret_why);
/* `head` passed head_scan(), has `lines` lines and lies in r's arena.  0, or -E_INVALID and *ret. */
int head_parse(struct request *r, struct str head, unsigned lines, struct refusal *ret);

/* ---- chunk.c ---- */

#define CHUNK_MAX_EXTENSION_BYTES 16384 /* of all chunks of a body together */
#define CHUNK_MAX_TRAILER_BYTES 8192    /* trailers are checked for form, then dropped (RFC 9110 6.5.1) */

struct chunk { /* {0} before the first byte */
    uint8_t state;
    uint8_t digits;
    bool named; /* this trailer line has its colon */
    uint32_t extension_bytes, trailer_bytes;
    uint64_t left;
};
enum chunk_event { CHUNK_MORE, CHUNK_DATA, CHUNK_END, CHUNK_BAD, CHUNK_TOO_LONG };
/* Takes bytes off the front; CHUNK_DATA gives a piece that points into them. */
enum chunk_event chunk_next(struct chunk *k, struct str *bytes, struct str *ret_data);

/* ---- http1.c ---- */

struct http1 {
    enum http1_state state;
    const struct server_limits *limits; /* not owned */
    size_t *held;                       /* sum of all bodies of the server */
    struct buf in;                      /* a head that is not whole yet */
    struct head_scan scan;
    struct chunk chunk;
    struct request *request; /* being read; the caller's once it saw HTTP1_HEAD */
    struct refusal refusal;
    bool head_only; /* what was refused in its head was a HEAD */
};

void http1_init(struct http1 *h, const struct server_limits *limits, size_t *held);
void http1_done(struct http1 *h); /* not the request, which is the caller's */
enum http1_event http1_feed(struct http1 *h, struct str *bytes);
void http1_stop(struct http1 *h); /* no more requests from here */
bool http1_head_only(
    const struct http1 *h); /* the head that is not whole, or was refused, is that of a HEAD */

/* Reading a large body without a copy: space where the next bytes of the body belong, or NULL; after reading
 * into it, http1_body_took() with the count, then http1_feed() with no bytes. */
char *http1_body_space(struct http1 *h, size_t *ret_n);
void http1_body_took(struct http1 *h, size_t n);

#endif
