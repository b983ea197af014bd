/* server.c - listening, closing, and the list of connections with something to send.
 *
 *   listening --server_close()--> closing --last connection closed--> stopped --last orphan replied--> freed
 *        \---------server_abort()---^ (connections are cut at once)
 *
 * `closed` is called on entering `stopped`, from a libuv close callback.  Orphans (exchanges whose client has
 * gone and whose reply the owner still owes) keep the struct alive, nothing else: their reply may come at any
 * time. */
#include <arpa/inet.h>
#include <stdlib.h>
#include "net/connection.h"

#define BACKLOG 1024
#define PIECE_BYTES_MOST ((size_t)256 << 10) /* of a body_source */
#define PIECE_BYTES_LEAST ((size_t)16 << 10)
#define PIECES_BYTES ((size_t)64 << 20) /* of all sources: the more there are, the smaller their pieces */
#define REQUESTS_AT_ONCE 256u           /* in work, pipelined: the more connections, the fewer of each */
#define SILENT_KEPT 64u                 /* connections that came last and have not asked yet */
#define LINGER_MS 5000                  /* how long a refused client may take to read why */

const struct server_limits server_default_limits = {
    .header_bytes = 64 << 10,
    .body_bytes = 70167211,
    .total_body_bytes = (size_t)512 << 20,
    .connections = 4096,
    .pipelined = 64,
    .header_timeout_ms = 20000,
    .body_idle_timeout_ms = 20000,
    .idle_timeout_ms = 300000,
    .write_idle_timeout_ms = 60000,
    .unsent_bytes = (size_t)512 << 20,
};

/* ---- life ---- */

static struct server *server_new(uv_loop_t *loop, const struct server_limits *limits)
{
    struct server *s = xcalloc(1, sizeof *s);

    s->magic = SERVER_MAGIC;
    s->limits = limits != NULL ? *limits : server_default_limits;
    CHECK(s->limits.pipelined > 0);
    if (s->limits.write_idle_timeout_ms == 0)
        s->limits.write_idle_timeout_ms = server_default_limits.write_idle_timeout_ms;
    if (s->limits.unsent_bytes == 0)
        s->limits.unsent_bytes = server_default_limits.unsent_bytes;
    s->hub = hub_ref(loop);
    s->header_wait = hub_class_ref(s->hub, s->limits.header_timeout_ms);
    s->body_wait = hub_class_ref(s->hub, s->limits.body_idle_timeout_ms);
    s->write_wait = hub_class_ref(s->hub, s->limits.write_idle_timeout_ms);
    s->idle_wait = hub_class_ref(s->hub, s->limits.idle_timeout_ms);
    s->linger_wait =
        hub_class_ref(s->hub, s->limits.header_timeout_ms > 0 ? MIN(s->limits.header_timeout_ms, LINGER_MS)
                                                              : LINGER_MS);
    list_init(&s->connections);
    list_init(&s->dirty);
    crowd_init(&s->crowd, MIN(s->limits.connections / 8, SILENT_KEPT));
    s->refs = 1;
    s->open = 1;
    CHECK(uv_tcp_init(loop, &s->listener) == 0);
    s->listener.data = s;
    return s;
}

void server_unref(struct server *s)
{
    CHECK(s->magic == SERVER_MAGIC && s->refs > 0);
    if (--s->refs > 0)
        return;
    CHECK(s->stopped && s->held_bytes == 0);
    s->magic = 0;
    free(s);
}

void server_closed_one(struct server *s)
{
    CHECK(s->open > 0);
    if (--s->open > 0)
        return;
    CHECK(list_empty(&s->connections) && list_empty(&s->dirty));
    s->stopped = true;
    crowd_done(&s->crowd);
    list_remove(&s->flush_link);
    hub_class_unref(s->header_wait);
    hub_class_unref(s->body_wait);
    hub_class_unref(s->write_wait);
    hub_class_unref(s->idle_wait);
    hub_class_unref(s->linger_wait);
    hub_unref(s->hub);
    s->hub = NULL;
    if (s->closed != NULL)
        s->closed(s->closed_arg);
    server_unref(s);
}

void server_end_orphan(struct request *r)
{
    struct server *s = r->server;

    CHECK(s != NULL && s->magic == SERVER_MAGIC);
    request_free(r);
    server_unref(s);
}

static void on_listener_closed(uv_handle_t *handle) { server_closed_one(handle->data); }

/* ---- listening ---- */

static void on_client(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;

    if (status == 0 && !s->closing)
        connection_accept(s);
}

static int bind_and_listen(struct server *s, const char *host, int port)
{
    struct sockaddr_storage address = { 0 };
    int error = uv_ip4_addr(host, port, (struct sockaddr_in *)&address);

    if (error < 0)
        error = uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address);
    if (error == 0)
        error = uv_tcp_bind(&s->listener, (const struct sockaddr *)&address, 0);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_client);
    if (error == 0)
        return 0;
    return error == UV_EADDRINUSE ? -E_BUSY : -E_SYSTEM;
}

int server_listen(uv_loop_t *loop, const char *host, int port, const struct server_limits *limits,
                  server_request_fn *on_request, server_headers_fn *on_headers, void *arg,
                  struct server **ret)
{
    struct server *s = server_new(loop, limits);
    int error = bind_and_listen(s, host, port);

    if (error < 0) {
        server_abort(s);
        return error;
    }
    s->on_request = on_request;
    s->on_headers = on_headers;
    s->arg = arg;
    *ret = s;
    return 0;
}

void server_set_hooks(struct server *s, server_accept_fn *on_accept, server_refused_fn *on_refused)
{
    s->on_accept = on_accept;
    s->on_refused = on_refused;
}

int server_port(const struct server *s)
{
    struct sockaddr_storage address;
    int n = sizeof address;

    if (uv_tcp_getsockname(&s->listener, (struct sockaddr *)&address, &n) < 0)
        return -E_SYSTEM;
    return ntohs(address.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&address)->sin6_port
                                               : ((const struct sockaddr_in *)&address)->sin_port);
}

static void authority_v6(struct in6_addr in, int port, bool reachable, struct buf *b)
{
    char text[INET6_ADDRSTRLEN];

    if (reachable && IN6_IS_ADDR_UNSPECIFIED(&in))
        in = in6addr_loopback;
    inet_ntop(AF_INET6, &in, text, sizeof text);
    buf_printf(b, "[%s]:%d", text, port);
}

void server_authority(const struct server *s, bool reachable, struct buf *b)
{
    struct sockaddr_storage address = { 0 };
    struct in_addr in;
    char text[INET_ADDRSTRLEN];
    int n = sizeof address;

    (void)uv_tcp_getsockname(&s->listener, (struct sockaddr *)&address, &n);
    if (address.ss_family == AF_INET6) {
        authority_v6(((const struct sockaddr_in6 *)&address)->sin6_addr, server_port(s), reachable, b);
        return;
    }
    in = ((const struct sockaddr_in *)&address)->sin_addr;
    if (reachable && in.s_addr == htonl(INADDR_ANY))
        in.s_addr = htonl(INADDR_LOOPBACK);
    inet_ntop(AF_INET, &in, text, sizeof text);
    buf_printf(b, "%s:%d", text, server_port(s));
}

void server_close(struct server *s, void (*closed)(void *arg), void *arg)
{
    CHECK(s->magic == SERVER_MAGIC && !s->closing);
    s->closing = true;
    s->closed = closed;
    s->closed_arg = arg;
    uv_close((uv_handle_t *)&s->listener, on_listener_closed);
    LIST_EACH(&s->connections, link)
        connection_drain(CONTAINER_OF(link, struct connection, link));
}

/* Whoever aborts no longer waits: an earlier server_close()'s callback is dropped. */
void server_abort(struct server *s)
{
    CHECK(s->magic == SERVER_MAGIC);
    s->closed = NULL;
    if (!s->closing)
        uv_close((uv_handle_t *)&s->listener, on_listener_closed);
    s->closing = true;
    LIST_EACH(&s->connections, link)
        connection_close(CONTAINER_OF(link, struct connection, link));
}

void server_stats(const struct server *s, struct server_stats *ret) { *ret = s->stats; }

/* ---- sending ---- */

static void flush_link(struct link *link) { server_flush(CONTAINER_OF(link, struct server, flush_link)); }

void server_dirty(struct server *s, struct connection *c)
{
    if (link_on(&c->dirty_link))
        return;
    list_append(&s->dirty, &c->dirty_link);
    hub_flush_later(s->hub, &s->flush_link, flush_link);
}

size_t server_piece_bytes(const struct server *s)
{
    return MIN(MAX(PIECES_BYTES / MAX(s->streams, 1u), PIECE_BYTES_LEAST), PIECE_BYTES_MOST);
}

unsigned server_pipelined(const struct server *s)
{
    unsigned share = (unsigned)(REQUESTS_AT_ONCE / MAX(s->stats.connections_now, 1u));

    return MIN(s->limits.pipelined, MAX(share, 1u));
}

/* Only who did not take what was offered can be meant: replies of this round have not been offered yet. */
static struct connection *worst_reader(const struct server *s)
{
    struct connection *worst = NULL;

    LIST_EACH(&s->connections, link) {
        struct connection *c = CONTAINER_OF(link, struct connection, link);

        if (!connection_closing(c) && c->writing && (worst == NULL || c->unsent_bytes > worst->unsent_bytes))
            worst = c;
    }
    return worst;
}

void server_bound_unsent(struct server *s)
{
    struct connection *worst;

    while (s->unsent_bytes > s->limits.unsent_bytes && (worst = worst_reader(s)) != NULL)
        connection_close(worst);
}

void server_flush(struct server *s)
{
    CHECK(s->magic == SERVER_MAGIC);
    for (struct link *link; (link = list_pop(&s->dirty)) != NULL;)
        connection_flush(CONTAINER_OF(link, struct connection, dirty_link));
    list_remove(&s->flush_link);
}
