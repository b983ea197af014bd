/* server.h - HTTP/1.1 on libuv: keep-alive, pipelining, chunked bodies, Expect: 100-continue, limits, slow
 * clients. HTTP/2 by preface comes with streams: the preface is recognised and refused with a clear
 * GOAWAY-less close.
 *
 * The program must ignore SIGPIPE.  Calls come from the loop's own thread.  A client that closes only its
 * sending side counts as gone, but still gets the reply if the owner gives one.
 *
 * Replies produced in one loop iteration leave with one write per connection (uv_try_write first).
 * Parser: llhttp 8.1; bare CR, bare LF and header lines that begin with a blank are refused before it sees
 * them. */
#ifndef WAYBILL_NET_SERVER_H
#define WAYBILL_NET_SERVER_H

#include "net/exchange.h" /* before uv.h: sys/param.h has a MIN of its own */
#include <uv.h>

struct server_limits {
    size_t header_bytes;       /* request line + headers; 431 over it; default 64 KiB */
    size_t body_bytes;         /* 413 over it; default 70,167,211 */
    size_t total_body_bytes;   /* of all requests in work, their heads and 4 KiB each counted in; 503 over it;
                                  default 512 MiB */
    unsigned connections;      /* default 4096; who makes room for a further one: crowd.h */
    unsigned pipelined;        /* requests waiting per connection before reading pauses; default 64,
                                  and fewer, down to one, the more connections there are */
    int64_t header_timeout_ms; /* first byte to end of headers; 408; default 20 s */
    int64_t body_idle_timeout_ms; /* no body byte for so long; 408; default 20 s */
    /* These two: 0 is the default. */
    int64_t write_idle_timeout_ms; /* the client takes no byte of a reply for so long: closed; default 60 s */
    size_t unsent_bytes;     /* of all replies made and not taken; beyond it who holds most of it is closed;
                                default 512 MiB */
    int64_t idle_timeout_ms; /* keep-alive between requests; close; default 300 s; 0: never */
};
extern const struct server_limits server_default_limits;

struct server;
struct server_stats {
    uint64_t connections_now, connections_total, displaced_total, requests_total, bad_requests_total,
        bytes_in, bytes_out;
};

typedef void server_request_fn(struct exchange *x, void *arg); /* the whole request is there */
/* Before the body is read: may answer early (too large for this path, wrong Host): return 0 to go on, or an
 * HTTP status to refuse with (net answers with `ret_body`, which must be static, and closes).  May be NULL.
 */
typedef int server_headers_fn(struct exchange *x, int64_t content_length /* -1 chunked */, void *arg,
                              struct str *ret_body);

/* A request whose head was there and whose body is refused while it comes: too large (413), too slow (408),
 * wrong (400), no room (503).  Told before net answers and closes; x holds no body.  None is told by default.
 */
typedef void server_refused_fn(struct exchange *x, int status, void *arg);
/* Somebody has connected, peer as in exchange.peer: false closes at once, unread.  Everybody is welcome by
 * default. */
typedef bool server_accept_fn(struct str peer, void *arg);

/* Listens; host numeric, port 0: any.  -E_BUSY when the port is taken, -E_SYSTEM otherwise. */
int server_listen(uv_loop_t *loop, const char *host, int port, const struct server_limits *limits,
                  server_request_fn *on_request, server_headers_fn *on_headers, void *arg,
                  struct server **ret);
void server_set_hooks(struct server *s, server_accept_fn *on_accept, server_refused_fn *on_refused);
int server_port(const struct server *s);
/* Appends what stands behind "http://" for the address listened on: 127.0.0.1:4566, [::1]:4566.  reachable:
 * for a client on this machine, which asks the loopback where every address is listened on (0.0.0.0, ::). */
void server_authority(const struct server *s, bool reachable, struct buf *b);
/* No new connections; idle ones close, busy ones after their replies; then `closed` is called once. */
void server_close(struct server *s, void (*closed)(void *arg), void *arg);
/* Closes everything now (an environment that is gone); frees the server from the loop's next iteration. */
void server_abort(struct server *s);
void server_stats(const struct server *s, struct server_stats *ret);
/* Held replies: between hold and flush, replies are queued; flush writes them all (one turn, one write each).
 */
void server_flush(struct server *s);

#endif
