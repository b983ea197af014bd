/* client.c - see client.h.  A non-blocking socket and poll(), so that every wait has its bound; llhttp reads
 * the reply. A connection is a socket, or TLS over it; both are written and read through io_write() and
 * io_read(). */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <llhttp.h>
#include "base/clock.h"
#include "net/client.h"

#define LOOK_MS 100 /* how long a wait may last before `stop` is looked at */

struct reading {
    client_piece_fn *on_piece;
    void *arg;
    int *ret_status;
    int piece_error;
    bool head_only, whole;
};

/* ---- the connection ---- */

struct io {
    int fd;
    SSL *ssl;           /* NULL: none */
    int64_t timeout_ms; /* of each wait; <= 0: for ever */
    int64_t until_ns;   /* of the whole; 0: no bound */
    const volatile bool *stop;
};
#define IO_NONE ((struct io){ .fd = -1 })

static void io_close(struct io *io)
{
    SSL_free(io->ssl);
    if (io->fd >= 0)
        close(io->fd);
}

/* How long the next poll may last; 0: the time is over, -1: for ever. */
static int wait_ms(const struct io *io, int64_t waited_ms)
{
    int64_t left = INT32_MAX;

    if (io->timeout_ms > 0)
        left = MIN(left, MAX(io->timeout_ms - waited_ms, 0));
    if (io->until_ns > 0)
        left = MIN(left, MAX((io->until_ns - clock_mono_ns() + 999999) / 1000000, 0));
    if (io->stop != NULL)
        left = *io->stop ? 0 : MIN(left, LOOK_MS);
    return left == INT32_MAX ? -1 : (int)left;
}

static int wait_for(const struct io *io, int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    int64_t began_ns = clock_mono_ns();

    for (;;) {
        int ms = wait_ms(io, (clock_mono_ns() - began_ns) / 1000000), n;

        n = poll(&p, 1, ms);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -E_IO;
        if (n == 0 && wait_ms(io, (clock_mono_ns() - began_ns) / 1000000) == 0)
            return -E_WAIT;
    }
}

static void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int connect_one(struct io *io, const struct addrinfo *to)
{
    int CLEANUP(closep) fd =
        socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);
    int error = 0, wrong;
    socklen_t n = sizeof error;

    if (fd < 0)
        return -E_IO;
    if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
        if (errno != EINPROGRESS)
            return -E_IO;
        wrong = wait_for(io, fd, POLLOUT);
        if (wrong < 0)
            return wrong;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error != 0)
            return -E_IO;
    }
    io->fd = fd;
    fd = -1;
    return 0;
}

static int connect_to(struct io *io, const char *host, int port)
{
    struct addrinfo want = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *all = NULL;
    char service[12];
    int error = -E_IO;

    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &want, &all) != 0)
        return -E_INVALID;
    for (const struct addrinfo *to = all; to != NULL && error < 0; to = to->ai_next)
        error = connect_one(io, to);
    freeaddrinfo(all);
    return error;
}

/* ---- TLS ---- */

static SSL_CTX *tls;
static pthread_once_t tls_once = PTHREAD_ONCE_INIT;

static void tls_make(void)
{
    tls = SSL_CTX_new(TLS_client_method()); /* fails where the machine's openssl.cnf forbids TLS */
    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1) {
        SSL_CTX_free(tls);
        tls = NULL;
        return;
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_default_verify_paths(tls); /* looks at $SSL_CERT_FILE, too */
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/* What to wait for after a call that returned n <= 0: 0 it may go on, else an error. */
static int tls_wait(struct io *io, int n)
{
    switch (SSL_get_error(io->ssl, n)) {
    case SSL_ERROR_WANT_READ: return wait_for(io, io->fd, POLLIN);
    case SSL_ERROR_WANT_WRITE: return wait_for(io, io->fd, POLLOUT);
    case SSL_ERROR_ZERO_RETURN: return -E_CLOSED;
    default: return -E_IO;
    }
}

static void tls_say(const struct io *io, struct buf *why)
{
    long verdict = SSL_get_verify_result(io->ssl);
    char text[256] = "the TLS handshake failed";
    unsigned long e = ERR_get_error();

    if (why == NULL)
        return;
    if (verdict != X509_V_OK)
        buf_printf(why, "the certificate is not trusted: %s", X509_verify_cert_error_string(verdict));
    else {
        if (e != 0)
            ERR_error_string_n(e, text, sizeof text);
        buf_z(why, text);
    }
}

static int tls_begin(struct io *io, const char *host, struct buf *why)
{
    struct in6_addr unused;
    bool numeric = inet_pton(AF_INET, host, &unused) == 1 || inet_pton(AF_INET6, host, &unused) == 1;
    int n, error = 0;

    pthread_once(&tls_once, tls_make);
    ERR_clear_error();
    io->ssl = tls != NULL ? SSL_new(tls) : NULL;
    if (io->ssl == NULL || SSL_set_fd(io->ssl, io->fd) != 1) {
        if (why != NULL)
            buf_z(why, "TLS cannot be set up on this machine");
        return -E_SYSTEM;
    }
    if (numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(io->ssl), host) != 1
                : SSL_set1_host(io->ssl, host) != 1 || SSL_set_tlsext_host_name(io->ssl, host) != 1)
        return -E_INVALID;
    while (error == 0 && (n = SSL_connect(io->ssl)) != 1)
        error = tls_wait(io, n);
    if (error < 0 && error != -E_WAIT)
        tls_say(io, why);
    return error;
}

/* ---- both ---- */

/* Bytes written, or an error.  A server that refuses early closes its side while we still send: then its
 * reply is what counts (-E_CLOSED). */
static ssize_t io_write(struct io *io, struct str bytes)
{
    ssize_t n;

    for (;;) {
        int error;

        if (io->ssl != NULL) {
            n = SSL_write(io->ssl, bytes.p, (int)MIN(bytes.n, (size_t)1 << 20));
            if (n > 0)
                return n;
            error = tls_wait(io, (int)n);
        } else {
            n = send(io->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
            if (n >= 0)
                return n;
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN)
                return errno == EPIPE || errno == ECONNRESET ? -E_CLOSED : -E_IO;
            error = wait_for(io, io->fd, POLLOUT);
        }
        if (error < 0)
            return error;
    }
}

static int send_all(struct io *io, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = io_write(io, bytes);

        if (n < 0)
            return (int)n;
        bytes = str_sub(bytes, (size_t)n, bytes.n);
    }
    return 0;
}

/* Bytes read, 0 at the end, or an error. */
static ssize_t io_read(struct io *io, char *p, size_t size)
{
    for (;;) {
        ssize_t n;
        int error;

        if (io->ssl != NULL) {
            n = SSL_read(io->ssl, p, (int)size);
            if (n > 0)
                return n;
            error = tls_wait(io, (int)n);
            if (error == -E_CLOSED)
                return 0;
        } else {
            error = wait_for(io, io->fd, POLLIN);
            n = error < 0 ? error : recv(io->fd, p, size, 0);
            if (error == 0 && n >= 0)
                return n;
            if (error == 0 && errno != EAGAIN && errno != EINTR)
                return -E_IO;
        }
        if (error < 0)
            return error;
    }
}

/* ---- the reply ---- */

static int on_headers_complete(llhttp_t *l)
{
    struct reading *r = l->data;

    if (l->status_code >= 200)
        *r->ret_status = l->status_code;
    return r->head_only ? 1 : 0;
}

static int on_body(llhttp_t *l, const char *p, size_t n)
{
    struct reading *r = l->data;

    if (l->status_code < 200)
        return 0;
    r->piece_error = r->on_piece(str_make(p, n), r->arg);
    return r->piece_error == 0 ? 0 : HPE_USER;
}

static int on_message_complete(llhttp_t *l)
{
    struct reading *r = l->data;

    if (l->status_code < 200)
        return 0;
    r->whole = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static int feed_reply(llhttp_t *l, struct reading *r, const char *p, ssize_t n)
{
    llhttp_errno_t error = n == 0 ? llhttp_finish(l) : llhttp_execute(l, p, (size_t)n);

    if (r->whole)
        return 0;
    if (r->piece_error != 0)
        return r->piece_error;
    return n == 0 ? -E_TRUNCATED : error != HPE_OK ? -E_INVALID : 0;
}

static int read_reply(struct io *io, struct reading *r)
{
    llhttp_t l;
    char bytes[65536];

    llhttp_init(&l, HTTP_RESPONSE, &settings);
    l.data = r;
    while (!r->whole) {
        ssize_t n = io_read(io, bytes, sizeof bytes);
        int error = n < 0 ? (int)n : feed_reply(&l, r, bytes, n);

        if (error != 0)
            return error;
    }
    return 0;
}

/* ---- one request ---- */

struct asking {
    const char *host;
    int port;
    bool tls;
    const char *method;
    struct str path, headers, body;
};

static void write_host(struct buf *b, const char *host, int port, int usual_port)
{
    bool bare_v6 = strchr(host, ':') != NULL;

    buf_printf(b, "%s%s%s", bare_v6 ? "[" : "", host, bare_v6 ? "]" : "");
    if (port != usual_port)
        buf_printf(b, ":%d", port);
}

struct str client_host(struct arena *a, const char *host, int port)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    write_host(&b, host, port, 80);
    return buf_to_arena(&b, a);
}

static void write_head(struct buf *b, const struct asking *q)
{
    buf_printf(b, "%s " STR_FMT " HTTP/1.1\r\nHost: ", q->method, STR_ARG(q->path));
    write_host(b, q->host, q->port, q->tls ? 443 : 80);
    buf_printf(b, "\r\nContent-Length: %zu\r\nConnection: close\r\n", q->body.n);
    buf_str(b, q->headers);
    buf_z(b, "\r\n");
}

static int exchange(struct io *io, const struct asking *q, client_piece_fn *on_piece, void *arg,
                    int *ret_status, struct buf *why)
{
    struct buf CLEANUP(buf_done) head = { 0 };
    struct reading r = { .on_piece = on_piece,
                         .arg = arg,
                         .ret_status = ret_status,
                         .head_only = strcmp(q->method, "HEAD") == 0 };
    int error = connect_to(io, q->host, q->port);

    if (error == 0 && q->tls)
        error = tls_begin(io, q->host, why);
    if (error < 0)
        return error;
    write_head(&head, q);
    error = send_all(io, buf_view(&head));
    if (error == 0)
        error = send_all(io, q->body);
    if (error < 0 && error != -E_CLOSED)
        return error;
    return read_reply(io, &r);
}

int client_stream(const char *host, int port, const char *method, const char *path, struct str headers,
                  struct str body, int64_t timeout_ms, client_piece_fn *on_piece, void *arg, int *ret_status)
{
    struct io CLEANUP(io_close) io = IO_NONE;
    const struct asking q = {
        .host = host, .port = port, .method = method, .path = str_of(path), .headers = headers, .body = body
    };

    io.timeout_ms = timeout_ms;
    return exchange(&io, &q, on_piece, arg, ret_status, NULL);
}

/* ---- the whole reply at once ---- */

static int gather(struct str piece, void *arg)
{
    struct buf *whole = arg;

    if (piece.n > CLIENT_MAX_BODY_BYTES - whole->n)
        return -E_LIMIT;
    buf_str(whole, piece);
    return 0;
}

int client_request(const char *host, int port, const char *method, const char *path, struct str headers,
                   struct str body, int64_t timeout_ms, struct arena *a, int *ret_status,
                   struct str *ret_body)
{
    struct buf CLEANUP(buf_done) whole = { 0 };
    int status = 0,
        error = client_stream(host, port, method, path, headers, body, timeout_ms, gather, &whole, &status);

    if (error != 0)
        return error;
    *ret_status = status;
    *ret_body = buf_to_arena(&whole, a);
    return 0;
}

/* ---- to somewhere outside ---- */

/* "[::1]:8080", "name:8080", "name". */
static int split_authority(struct arena *a, struct str authority, struct asking *q)
{
    ptrdiff_t colon = str_rfind(authority, ':');
    struct str host = authority;
    int64_t port = q->port;

    if (authority.n > 0 && authority.p[0] == '[') {
        ptrdiff_t bracket = str_find(authority, ']');

        if (bracket < 0 || (colon > bracket && colon != bracket + 1))
            return -E_INVALID;
        host = str_sub(authority, 1, (size_t)bracket);
        colon = colon > bracket ? colon : -1;
    } else if (colon >= 0) {
        host = str_sub(authority, 0, (size_t)colon);
    }
    if (colon >= 0 && (str_to_i64(str_sub(authority, (size_t)colon + 1, authority.n), &port) != 0 ||
                       port < 1 || port > 65535))
        return -E_INVALID;
    q->host = arena_z(a, host);
    q->port = (int)port;
    return str_empty(host) || str_find(authority, '@') >= 0 ? -E_INVALID : 0;
}

static int split_url(struct arena *a, struct str url, struct asking *q)
{
    size_t end = 0;

    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= 0x20 || url.p[i] == 0x7f)
            return -E_INVALID; /* what would end the line of the request */
    if (str_find(url, '#') >= 0)
        url = str_sub(url, 0, (size_t)str_find(url, '#'));
    q->tls = str_starts_nocase(url, STR("https://"));
    if (!q->tls && !str_starts_nocase(url, STR("http://")))
        return -E_INVALID;
    url = str_sub(url, q->tls ? 8 : 7, url.n);
    while (end < url.n && url.p[end] != '/' && url.p[end] != '?')
        end++;
    q->port = q->tls ? 443 : 80;
    q->path = str_sub(url, end, url.n);
    if (str_empty(q->path) || q->path.p[0] == '?')
        q->path = arena_printf(a, "/" STR_FMT, STR_ARG(q->path));
    return split_authority(a, str_sub(url, 0, end), q);
}

struct bounded {
    struct buf *body;
    size_t most;
};

static int gather_bounded(struct str piece, void *arg)
{
    struct bounded *b = arg;

    if (piece.n > b->most - b->body->n)
        return -E_LIMIT;
    buf_str(b->body, piece);
    return 0;
}

int client_post(const struct client_post *p, struct buf *ret_body, int *ret_status, struct buf *ret_why)
{
    struct io CLEANUP(io_close) io = IO_NONE;
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct asking q = { .method = p->method, .headers = p->headers, .body = p->body };
    struct bounded body = { ret_body, p->most_bytes };
    int error = split_url(a, p->url, &q);

    io.until_ns = p->whole_ms > 0 ? clock_mono_ns() + p->whole_ms * 1000000 : 0;
    io.stop = p->stop;
    if (error == 0)
        error = exchange(&io, &q, gather_bounded, &body, ret_status, ret_why);
    if (error < 0 && ret_why != NULL && ret_why->n == 0)
        buf_printf(ret_why, STR_FMT ": %s", STR_ARG(p->url),
                   error == -E_WAIT ? "no answer in time" : error_text(error));
    return error;
}
