/* connection.h - one socket, the requests it has in work, and the server it belongs to.  Internal to net.
 *
 * Replies leave in the order of the requests, whatever the order in which the owner gives them.  A connection
 * with a reply to send stands on its server's `dirty` list until the next flush; a flush offers everything
 * sendable to the kernel in one uv_try_write, and hands what the kernel did not take to uv_write.
 *
 * A client that closes only its sending side is told to the owner as gone (nobody can tell the difference),
 * but if the owner replies all the same, the reply is sent. */
#ifndef WAYBILL_NET_CONNECTION_H
#define WAYBILL_NET_CONNECTION_H

#include "net/crowd.h"
#include "net/http1.h"
#include "net/hub.h"

struct server {
    uint32_t magic;
#define SERVER_MAGIC 0x3b84d6f1u
    uv_tcp_t listener;
    struct hub *hub;
    struct server_limits limits;
    server_request_fn *on_request;
    server_headers_fn *on_headers;
    server_accept_fn *on_accept; /* these two may be NULL */
    server_refused_fn *on_refused;
    void *arg;
    struct wait_class *header_wait, *body_wait, *write_wait, *idle_wait, *linger_wait;
    struct list connections;
    struct crowd crowd;     /* those that are not closing */
    struct list dirty;      /* connections with something to send */
    struct link flush_link; /* in the hub, while dirty is not empty */
    size_t held_bytes;      /* of request bodies, see request.h */
    size_t unsent_bytes;    /* of all connections */
    unsigned streams;       /* replies that come from a source */
    unsigned refs;          /* listener, each connection, each orphan */
    unsigned open;          /* listener and connections not yet closed */
    bool closing, stopped;  /* stopped: nothing open; only orphans keep it */
    void (*closed)(void *arg);
    void *closed_arg;
    struct server_stats stats;
};

/*  OPEN --all is sent, the client may still send--> LINGERING --it closed, or was too long--> CLOSING
 *    `--refused, cut off, or nothing more to come-------------------------------------------> CLOSING
 * CLOSING: the handle is given back to libuv; its callback frees the connection. */
enum connection_state { CONNECTION_OPEN, CONNECTION_LINGERING, CONNECTION_CLOSING, CONNECTION_STATES };

enum connection_wait { WAIT_NOTHING, WAIT_HEADER, WAIT_BODY, WAIT_WRITE, WAIT_IDLE, WAIT_LINGER };

struct connection {
    uint32_t magic;
#define CONNECTION_MAGIC 0x71e0a2c9u
    enum connection_state state;
    uv_tcp_t tcp;
    uv_write_t write;
    struct server *server;
    struct link link; /* in server.connections */
    struct link dirty_link;
    struct seat seat;
    struct wait wait;
    enum connection_wait waiting;
    struct list requests; /* oldest first; the last one may still be read */
    struct list done;     /* replied but cut off: freed when the socket is closed */
    unsigned n_requests;
    size_t unsent_bytes; /* replies made and not written */
    struct http1 in;
    bool writing;       /* a uv_write is under way */
    size_t write_bytes; /* of replies in it */
    size_t write_left;  /* of it, when we last looked whether the client reads */
    bool paused;        /* not reading: enough in work; in.in holds what was read */
    bool held;          /* the last request handed over lets none follow yet */
    bool feeding;       /* within feed(): do not begin another */
    bool eof;           /* the client will send no more */
    bool untidy;        /* bytes came that nobody will read: closing now would reset */
    bool spoke;         /* a request's head has come */
    uint64_t no;
    char peer[56];
};

static inline bool connection_closing(const struct connection *c) { return c->state == CONNECTION_CLOSING; }
void connection_accept(struct server *s); /* one waiting client */
void connection_reply(struct connection *c, struct request *r, const struct answer *a);
void connection_resume(struct connection *c, const struct request *r); /* its source has more to give */
void connection_hold(struct connection *c); /* no further request is handed over until ... */
void connection_release(struct connection *c);
void connection_flush(struct connection *c);
void connection_close(struct connection *c); /* at once; harmless when closing */
void connection_drain(struct connection *c); /* close as soon as nothing is owed */

/* server.c, for connection.c and exchange.c */
unsigned server_pipelined(const struct server *s); /* how many requests one connection may have in work now */
size_t server_piece_bytes(const struct server *s); /* how large a piece may be now */
void server_bound_unsent(struct server *s);        /* closes who reads least while too much is unsent */
void server_dirty(struct server *s, struct connection *c);
void server_unref(struct server *s);
void server_closed_one(struct server *s); /* the listener or a connection is closed */
void server_end_orphan(struct request *r);

#endif
