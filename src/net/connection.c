/* connection.c - one client's socket: reading, dispatching, writing in order, ending well.
 *
 * What is true here:
 *  1. `requests` holds every request of this connection whose reply is not written, in the order they came.
 * Only the last may be incomplete; it is then also in.request.
 *  2. Bytes that a uv_write is sending belong to requests on that list (or on `done`), so they stay.
 *  3. Reading goes on while requests are in work, so that a client's leaving is noticed; it stops ("paused")
 * only when a further request has begun to arrive and enough are in work or unwritten.
 *  4. Of a reply in pieces one piece is held: the next is asked for when all before it has left for the
 * kernel, and of one connection at most two leave in one round of the loop.
 *  5. While the last request handed over is held (exchange_hold()) no further one is begun; there is only one
 * such.
 *  6. After connection_close() no request of this connection is reachable from its owner through it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "base/state.h"
#include "net/connection.h"

#define UNSENT_PAUSE_BYTES ((size_t)1 << 20)  /* no further request is begun while more is unwritten */
#define UNSENT_CLOSE_BYTES ((size_t)64 << 20) /* several unread replies of this size together: cut off */
#define BUFS_AT_ONCE 64
#define CONNECTIONS_LENT 64 /* beyond the limit, when all wait for answers */

#define TO(s) STATE_BIT(CONNECTION_##s)
static const struct state states[CONNECTION_STATES] = {
    [CONNECTION_OPEN] = { "open", TO(LINGERING) | TO(CLOSING) },
    [CONNECTION_LINGERING] = { "lingering", TO(CLOSING) },
    [CONNECTION_CLOSING] = { "closing", 0 },
};
static const struct states machine = STATES("connection", states);

static void arm(struct connection *c);
static void feed(struct connection *c, struct str bytes);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static uv_stream_t *stream_of(struct connection *c) { return (uv_stream_t *)&c->tcp; }
static struct request *request_at(struct link *link) { return CONTAINER_OF(link, struct request, link); }

static void start_reading(struct connection *c)
{
    if (uv_read_start(stream_of(c), on_alloc, on_read) < 0)
        connection_close(c);
}

/* ---- ending ---- */

static void count_unsent(struct connection *c, size_t more, size_t less)
{
    c->unsent_bytes += more - less;
    c->server->unsent_bytes += more - less;
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = CAST(struct connection, CONNECTION_MAGIC, handle->data);
    struct server *s = c->server;

    CHECK(connection_closing(c) && list_empty(&c->requests));
    for (struct link *link; (link = list_pop(&c->done)) != NULL;)
        request_free(request_at(link));
    http1_done(&c->in);
    list_remove(&c->link);
    s->stats.connections_now--;
    c->magic = 0;
    free(c);
    server_closed_one(s);
}

static void tell_gone(struct request *r)
{
    if (r->x.gone)
        return;
    r->x.gone = true;
    if (r->x.on_gone != NULL)
        r->x.on_gone(&r->x);
}

/* Pops one by one: an owner that hears of one may reply to another. */
void connection_close(struct connection *c)
{
    if (connection_closing(c))
        return;
    CHECK_IS(c, CONNECTION_MAGIC);
    STATE_MOVE(&machine, c->state, CONNECTION_CLOSING);
    count_unsent(c, 0, c->unsent_bytes);
    crowd_leave(&c->server->crowd, &c->seat);
    hub_unwait(&c->wait);
    list_remove(&c->dirty_link);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    for (struct link *link; (link = list_pop(&c->requests)) != NULL;) {
        struct request *r = request_at(link);

        if (r->replied || !r->dispatched) {
            list_append(&c->done, link);
            continue;
        }
        r->x.connection = NULL;
        r->server = c->server;
        c->server->refs++;
        tell_gone(r);
    }
}

/* All is sent.  Closing a socket with unread bytes would reset it, and the client could lose the reply. */
static void end(struct connection *c)
{
    uv_os_fd_t fd;

    if (c->eof || !c->untidy || uv_fileno((uv_handle_t *)&c->tcp, &fd) < 0 || shutdown(fd, SHUT_WR) < 0) {
        connection_close(c);
        return;
    }
    STATE_MOVE(&machine, c->state, CONNECTION_LINGERING);
    if (c->paused) {
        c->paused = false;
        start_reading(c);
    }
}

static bool between_requests(const struct connection *c) { return c->in.request == NULL && c->in.in.n == 0; }

void connection_drain(struct connection *c)
{
    if (c->state == CONNECTION_OPEN && list_empty(&c->requests) && between_requests(c))
        connection_close(c);
}

/* ---- writing ---- */

static void add_buf(uv_buf_t *bufs, unsigned *n, const char *p, size_t bytes)
{
    bufs[(*n)++] = uv_buf_init((char *)(uintptr_t)p, (unsigned)bytes);
}

/* The rest of a piece with what frames it. */
static size_t gather_piece(const struct pieces *p, uv_buf_t *bufs, unsigned *n)
{
    size_t skip = p->sent;

    for (size_t i = 0; i < ARRAY_LEN(p->v); i++) {
        size_t part = MIN(skip, p->v[i].n);

        skip -= part;
        if (p->v[i].n > part)
            add_buf(bufs, n, p->v[i].p + part, p->v[i].n - part);
    }
    return p->bytes - p->sent;
}

struct gathered {
    uv_buf_t bufs[BUFS_AT_ONCE];
    unsigned n, requests;
    size_t bytes;
};

static void gather_request(struct request *r, struct gathered *g)
{
    g->requests++;
    g->bytes += r->continue_left;
    if (r->continue_left > 0)
        add_buf(g->bufs, &g->n, &CONTINUE_TEXT[CONTINUE_BYTES - r->continue_left], r->continue_left);
    if (r->sent_bytes < r->reply_bytes) {
        add_buf(g->bufs, &g->n, r->reply + r->sent_bytes,
                MIN(r->reply_bytes - r->sent_bytes, (size_t)1 << 30));
        g->bytes += g->bufs[g->n - 1].len;
    }
    g->bytes += gather_piece(&r->pieces, g->bufs, &g->n);
}

/* What may leave now: the replies up to the first that is not made, or not to its end; if that one's client
 * waits for leave to send its body, this too. */
static void gather(struct connection *c, struct gathered *g)
{
    g->n = g->requests = 0;
    g->bytes = 0;
    LIST_EACH(&c->requests, link) {
        struct request *r = request_at(link);

        if (g->n > BUFS_AT_ONCE - 5)
            break;
        gather_request(r, g);
        if (!r->replied || (r->pieces.source != NULL && !r->pieces.over))
            break;
    }
}

static void finish_request(struct connection *c, struct request *r)
{
    CHECK(c->n_requests > 0);
    list_remove(&r->link);
    c->n_requests--;
    request_free(r);
}

/* Books n written bytes.  True when the connection is to end with what was written. */
static bool written(struct connection *c, size_t n)
{
    bool last = false;

    c->server->stats.bytes_out += n;
    for (struct link *first; !last && (first = list_first(&c->requests)) != NULL;) {
        struct request *r = request_at(first);
        size_t part = MIN(n, r->continue_left);

        r->continue_left -= part;
        n -= part;
        part = MIN(n, r->reply_bytes - r->sent_bytes);
        r->sent_bytes += part;
        count_unsent(c, 0, part);
        n -= part;
        part = MIN(n, r->pieces.bytes - r->pieces.sent);
        r->pieces.sent += part;
        count_unsent(c, 0, part);
        n -= part;
        if (!request_sent(r))
            break;
        last = r->close_after;
        finish_request(c, r);
    }
    CHECK(n == 0);
    return last;
}

static void on_written(uv_write_t *write, int status);

/* The kernel's buffer is full: libuv waits for room.  The interim reply counts as sent from here on. */
static void write_rest(struct connection *c)
{
    struct gathered g;

    gather(c, &g);
    CHECK(!c->writing && g.n > 0);
    c->writing = true;
    c->write.data = c;
    if (uv_write(&c->write, stream_of(c), g.bufs, g.n, on_written) < 0) {
        c->writing = false;
        connection_close(c);
        return;
    }
    c->write_bytes = g.bytes;
    LIST_EACH(&c->requests, link) {
        if (g.requests-- == 0)
            break;
        c->write_bytes -= request_at(link)->continue_left;
        c->server->stats.bytes_out += request_at(link)->continue_left;
        request_at(link)->continue_left = 0;
    }
}

static bool enough_in_work(const struct connection *c)
{
    return c->held || c->n_requests >= server_pipelined(c->server) || c->unsent_bytes > UNSENT_PAUSE_BYTES;
}

static void resume(struct connection *c)
{
    struct buf held = c->in.in;

    c->in.in = (struct buf){ 0 };
    c->in.scan = (struct head_scan){ 0 };
    c->paused = false;
    feed(c, buf_view(&held));
    buf_done(&held);
    if (!connection_closing(c) && !c->paused)
        start_reading(c);
}

static void settle(struct connection *c, bool last)
{
    if (last || (list_empty(&c->requests) && between_requests(c) && (c->eof || c->server->closing)))
        end(c);
    else if (c->paused && !c->feeding && !enough_in_work(c))
        resume(c);
    if (!connection_closing(c))
        arm(c);
}

void connection_hold(struct connection *c) { c->held = true; }

void connection_release(struct connection *c)
{
    c->held = false;
    if (c->state != CONNECTION_OPEN || !c->paused || c->feeding || enough_in_work(c))
        return;
    resume(c);
    if (!connection_closing(c))
        arm(c);
}

static void on_written(uv_write_t *write, int status)
{
    struct connection *c = CAST(struct connection, CONNECTION_MAGIC, write->data);

    CHECK(c->writing);
    c->writing = false;
    if (connection_closing(c))
        return;
    if (status < 0) {
        connection_close(c);
        return;
    }
    settle(c, written(c, c->write_bytes));
    if (!connection_closing(c) && !list_empty(&c->requests))
        server_dirty(c->server, c);
}

/* The next piece for the first request, when it is to have one.  A source that failed ends the connection. */
static void pull(struct connection *c)
{
    struct link *first = list_first(&c->requests);
    struct request *r = first != NULL ? request_at(first) : NULL;
    int error;

    if (r == NULL || !r->replied || !pieces_hungry(&r->pieces))
        return;
    error = pieces_next(&r->pieces, server_piece_bytes(c->server));
    if (error == 0)
        count_unsent(c, r->pieces.bytes, 0);
    else if (error != -E_WAIT)
        connection_close(c);
}

static bool has_more_pieces(const struct connection *c)
{
    struct link *first = list_first(&c->requests);

    return first != NULL && pieces_hungry(&request_at(first)->pieces);
}

/* The second piece of a round goes by uv_write: its end is told in the next round, when others have had their
 * turn. */
void connection_flush(struct connection *c)
{
    bool last = false, more = false;

    if (c->state != CONNECTION_OPEN || c->writing)
        return;
    while (!last) {
        struct gathered g;
        int wrote;

        pull(c);
        if (connection_closing(c))
            return;
        gather(c, &g);
        if (g.n == 0 || more) {
            last = g.n == 0 && written(c, 0);
            if (g.n > 0)
                write_rest(c);
            break;
        }
        wrote = uv_try_write(stream_of(c), g.bufs, g.n);
        if (wrote < 0 && wrote != UV_EAGAIN) {
            connection_close(c);
            return;
        }
        last = written(c, wrote > 0 ? (size_t)wrote : 0);
        if (wrote < 0 || (size_t)wrote < g.bytes) {
            write_rest(c);
            break;
        }
        more = has_more_pieces(c);
    }
    if (!connection_closing(c))
        settle(c, last);
}

void connection_resume(struct connection *c, const struct request *r)
{
    if (!connection_closing(c) && !c->writing && c->requests.head.next == &r->link)
        server_dirty(c->server, c);
}

void connection_reply(struct connection *c, struct request *r, const struct answer *a)
{
    bool last = c->requests.head.prev == &r->link && between_requests(c);

    CHECK_IS(c, CONNECTION_MAGIC);
    CHECK(r->x.connection == c || connection_closing(c));
    if (connection_closing(c)) { /* its turn on connection_close()'s list is still to come */
        r->replied = true;
        if (a->source != NULL)
            a->source->stop(a->source);
        return;
    }
    r->close_after = r->close_after || !r->keep_alive || (last && (c->eof || c->server->closing)) ||
                     (r->http10 && a->source != NULL && a->source_bytes < 0) || link_on(&c->seat.lent_link);
    if (r->close_after)
        http1_stop(&c->in);
    request_set_reply(r, a, hub_date(c->server->hub), &c->server->streams);
    count_unsent(c, r->reply_bytes, 0);
    if (c->unsent_bytes > UNSENT_CLOSE_BYTES && c->unsent_bytes > r->reply_bytes) {
        connection_close(c);
        return;
    }
    if (c->requests.head.next == &r->link)
        server_dirty(c->server, c);
    server_bound_unsent(c->server);
}

/* ---- refusing ---- */

static void add_request(struct connection *c, struct request *r)
{
    r->x.connection = c;
    r->x.connection_no = c->no;
    r->x.peer = arena_str(r->x.mem, str_of(c->peer));
    list_append(&c->requests, &r->link);
    c->n_requests++;
    c->spoke = true;
    c->server->stats.requests_total++;
}

/* Answers what is being read, or what could not be read, and takes nothing more. */
static void refuse_with(struct connection *c, int status, struct str text)
{
    struct request *r = c->in.request;

    if (r == NULL) {
        r = request_new(&c->server->held_bytes);
        r->head_only = http1_head_only(&c->in);
        add_request(c, r);
    }
    c->server->stats.bad_requests_total++;
    c->untidy = true;
    http1_stop(&c->in);
    r->close_after = true;
    connection_reply(c, r,
                     &(struct answer){
                         .status = status, .headers = STR("Content-Type: text/plain\r\n"), .body = text });
}

static void refuse(struct connection *c, int status, const char *why)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s: %s\n", status_reason(status), why);

    if (c->in.request != NULL && c->server->on_refused != NULL)
        c->server->on_refused(&c->in.request->x, status, c->server->arg);
    if (!connection_closing(c))
        refuse_with(c, status, str_make(text, MIN((size_t)n, sizeof text - 1)));
}

/* ---- reading ---- */

static void on_head(struct connection *c)
{
    struct server *s = c->server;
    struct request *r = c->in.request;
    struct str text = STR_NONE;
    int status;

    add_request(c, r);
    hub_unwait(&c->wait);
    c->waiting = WAIT_NOTHING;
    if (s->on_headers == NULL)
        return;
    status = s->on_headers(&r->x, r->content_length, s->arg, &text);
    if (status != 0 && !connection_closing(c))
        refuse_with(c, status, text);
}

static void on_whole(struct connection *c)
{
    struct request *r = TAKE(c->in.request);

    r->dispatched = true;
    c->server->on_request(&r->x, c->server->arg);
}

static void pause_reading(struct connection *c, struct str bytes)
{
    uv_read_stop(stream_of(c));
    c->paused = true;
    buf_str(&c->in.in, bytes);
}

static void feed(struct connection *c, struct str bytes)
{
    enum http1_event event;

    c->feeding = true;
    do {
        if (c->in.state == HTTP1_IN_HEAD && bytes.n > 0 && enough_in_work(c)) {
            pause_reading(c, bytes);
            break;
        }
        c->untidy |= c->in.state == HTTP1_STOPPED && bytes.n > 0;
        event = http1_feed(&c->in, &bytes);
        if (event == HTTP1_HEAD)
            on_head(c);
        else if (event == HTTP1_WHOLE)
            on_whole(c);
        else if (event == HTTP1_REFUSED)
            refuse(c, c->in.refusal.status, c->in.refusal.text);
    } while (!connection_closing(c) && (event != HTTP1_MORE || bytes.n > 0));
    c->feeding = false;
    if (!connection_closing(c) && c->in.request != NULL && c->in.request->continue_left > 0)
        server_dirty(c->server, c);
}

/* Whoever waits for the client to leave learns it; what the client began and cannot end is dropped. */
static void on_eof(struct connection *c)
{
    struct request *part = c->in.request;
    bool told;

    c->eof = true;
    uv_read_stop(stream_of(c));
    http1_stop(&c->in);
    if (part != NULL && !part->replied)
        finish_request(c, part);
    if (list_empty(&c->requests) || c->state == CONNECTION_LINGERING) {
        connection_close(c);
        return;
    }
    do { /* from the start each time: the list may change meanwhile */
        told = false;
        LIST_EACH(&c->requests, link) {
            struct request *r = request_at(link);

            if (r->dispatched && !r->replied && !r->x.gone) {
                tell_gone(r);
                told = true;
                break;
            }
        }
    } while (told && !connection_closing(c));
    if (!connection_closing(c))
        arm(c);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *c = CAST(struct connection, CONNECTION_MAGIC, handle->data);
    size_t n = HUB_READ_BYTES;
    char *p = http1_body_space(&c->in, &n);

    (void)suggested;
    *buf = uv_buf_init(p != NULL ? p : hub_read_buffer(c->server->hub), (unsigned)MIN(n, (size_t)1 << 30));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = CAST(struct connection, CONNECTION_MAGIC, stream->data);
    struct str bytes = { buf->base, (size_t)n };

    if (n == 0 || connection_closing(c))
        return;
    if (n == UV_EOF) {
        on_eof(c);
        return;
    }
    if (n < 0) {
        connection_close(c);
        return;
    }
    c->server->stats.bytes_in += (size_t)n;
    if (c->state == CONNECTION_LINGERING)
        return;
    if (buf->base != hub_read_buffer(c->server->hub)) {
        http1_body_took(&c->in, (size_t)n);
        bytes = STR("");
    }
    feed(c, bytes);
    if (!connection_closing(c))
        arm(c);
}

/* ---- deadlines ---- */

static enum connection_wait awaited(const struct connection *c)
{
    if (c->state == CONNECTION_LINGERING)
        return WAIT_LINGER;
    if (c->writing)
        return WAIT_WRITE;
    if (c->paused || c->eof || c->in.state == HTTP1_STOPPED)
        return WAIT_NOTHING;
    if (c->in.request != NULL)
        return c->in.request->continue_left == 0 ? WAIT_BODY : WAIT_NOTHING;
    if (c->in.in.n > 0)
        return WAIT_HEADER;
    return list_empty(&c->requests) ? WAIT_IDLE : WAIT_NOTHING;
}

static struct wait_class *class_for(const struct server *s, enum connection_wait waiting)
{
    switch (waiting) {
    case WAIT_HEADER: return s->header_wait;
    case WAIT_BODY: return s->body_wait;
    case WAIT_WRITE: return s->write_wait;
    case WAIT_IDLE: return s->idle_wait;
    default: return s->linger_wait;
    }
}

static enum place place_for(const struct connection *c, enum connection_wait waiting)
{
    switch (waiting) {
    case WAIT_IDLE:
    case WAIT_HEADER: return c->spoke ? PLACE_IDLE : PLACE_SILENT;
    case WAIT_LINGER: return PLACE_IDLE;
    case WAIT_BODY: return PLACE_READING;
    case WAIT_WRITE: return PLACE_WRITING;
    default: return PLACE_BUSY;
    }
}

/* Only a body's deadline moves with the bytes; the others count from when the waiting began. */
static void arm(struct connection *c)
{
    enum connection_wait waiting = awaited(c);

    crowd_place(&c->server->crowd, &c->seat, place_for(c, waiting));

    if (waiting == c->waiting && waiting != WAIT_BODY)
        return;
    c->waiting = waiting;
    if (waiting == WAIT_NOTHING) {
        hub_unwait(&c->wait);
        return;
    }
    if (waiting == WAIT_WRITE)
        c->write_left = uv_stream_get_write_queue_size(stream_of(c));
    hub_wait(c->server->hub, class_for(c->server, waiting), &c->wait);
}

static void on_deadline(struct wait *w)
{
    struct connection *c = CONTAINER_OF(w, struct connection, wait);
    enum connection_wait waiting = c->waiting;

    CHECK_IS(c, CONNECTION_MAGIC);
    CHECK(!connection_closing(c) && waiting != WAIT_NOTHING);
    c->waiting = WAIT_NOTHING;
    switch (waiting) {
    case WAIT_HEADER: refuse(c, 408, "the request's headers took too long"); break;
    case WAIT_BODY: refuse(c, 408, "the request's body stopped coming"); break;
    case WAIT_WRITE:
        if (uv_stream_get_write_queue_size(stream_of(c)) < c->write_left)
            arm(c); /* slow, but it reads */
        else
            connection_close(c);
        break;
    default: connection_close(c);
    }
}

/* ---- beginning ---- */

static void set_peer(struct connection *c)
{
    struct sockaddr_storage address;
    int n = sizeof address;
    char host[46];

    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&address, &n) < 0)
        return;
    if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;

        uv_ip6_name(v6, host, sizeof host);
        snprintf(c->peer, sizeof c->peer, "[%s]:%d", host, ntohs(v6->sin6_port));
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;

        uv_ip4_name(v4, host, sizeof host);
        snprintf(c->peer, sizeof c->peer, "%s:%d", host, ntohs(v4->sin_port));
    }
}

static struct connection *connection_new(struct server *s)
{
    struct connection *c = xcalloc(1, sizeof *c);

    c->magic = CONNECTION_MAGIC;
    c->server = s;
    list_init(&c->requests);
    list_init(&c->done);
    c->wait.fire = on_deadline;
    http1_init(&c->in, &s->limits, &s->held_bytes);
    CHECK(uv_tcp_init(hub_loop(s->hub), &c->tcp) == 0);
    c->tcp.data = c;
    list_append(&s->connections, &c->link);
    s->open++;
    s->stats.connections_now++;
    c->no = ++s->stats.connections_total;
    return c;
}

static void displace(struct seat *seat)
{
    struct connection *c = CONTAINER_OF(seat, struct connection, seat);

    CHECK_IS(c, CONNECTION_MAGIC);
    c->server->stats.displaced_total++;
    connection_close(c);
}

/* True when the coming connection is to have a place that is only lent. */
static bool make_room(struct server *s)
{
    struct seat *victim;

    if (s->crowd.n < s->limits.connections)
        return false;
    victim = crowd_victim(&s->crowd);
    if (victim != NULL) {
        displace(victim);
        return s->crowd.n >= s->limits.connections;
    }
    if (s->crowd.n >= s->limits.connections + CONNECTIONS_LENT && !list_empty(&s->crowd.lent))
        displace(CONTAINER_OF(list_first(&s->crowd.lent), struct seat, lent_link));
    return true;
}

void connection_accept(struct server *s)
{
    struct connection *c = connection_new(s);
    struct str host;
    bool lent;

    if (uv_accept((uv_stream_t *)&s->listener, stream_of(c)) < 0) {
        connection_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    set_peer(c);
    if (s->on_accept != NULL && !s->on_accept(str_of(c->peer), s->arg)) {
        connection_close(c);
        return;
    }
    lent = make_room(s);
    if (connection_closing(c)) /* who heard of a client's end may have ended the server */
        return;
    host = str_of(c->peer);
    host.n = (size_t)MAX(str_rfind(host, ':'), 0); /* no name at all: it has gone already */
    crowd_join(&s->crowd, &c->seat, host, lent);
    start_reading(c);
    if (!connection_closing(c))
        arm(c);
}
