/* client.c - see client.h.  A non-blocking socket and poll(), so that every wait has its bound; llhttp reads the reply. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <llhttp.h>
#include "base/buf.h"
#include "net/client.h"

struct reading {
    client_piece_fn *on_piece;
    void *arg;
    int  *ret_status;
    int   piece_error;
    bool  head_only, whole;
};

/* ---- the socket ---- */

static void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int wait_for(int fd, short events, int64_t timeout_ms)
{
    struct pollfd p = { .fd = fd, .events = events };
    int n;

    do
        n = poll(&p, 1, timeout_ms > 0 ? (int)MIN(timeout_ms, INT32_MAX) : -1);
    while (n < 0 && errno == EINTR);
    return n > 0 ? 0 : n == 0 ? -E_WAIT : -E_IO;
}

static int connect_one(const struct addrinfo *to, int64_t timeout_ms, int *ret_fd)
{
    int CLEANUP(closep) fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);
    int error = 0, wrong;
    socklen_t n = sizeof error;

    if (fd < 0)
        return -E_IO;
    if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
        if (errno != EINPROGRESS)
            return -E_IO;
        wrong = wait_for(fd, POLLOUT, timeout_ms);
        if (wrong < 0)
            return wrong;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error != 0)
            return -E_IO;
    }
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static int connect_to(const char *host, int port, int64_t timeout_ms, int *ret_fd)
{
    struct addrinfo want = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *all = NULL;
    char service[12];
    int error = -E_IO;

    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &want, &all) != 0)
        return -E_INVALID;
    for (const struct addrinfo *to = all; to != NULL && error < 0; to = to->ai_next)
        error = connect_one(to, timeout_ms, ret_fd);
    freeaddrinfo(all);
    return error;
}

/* A server that refuses early closes its side while we still send: then its reply is what counts (-E_CLOSED). */
static int send_all(int fd, struct str bytes, int64_t timeout_ms)
{
    while (bytes.n > 0) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        int error;

        if (n >= 0) {
            bytes = str_sub(bytes, (size_t)n, bytes.n);
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return errno == EPIPE || errno == ECONNRESET ? -E_CLOSED : -E_IO;
        error = wait_for(fd, POLLOUT, timeout_ms);
        if (error < 0)
            return error;
    }
    return 0;
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
    .on_headers_complete = on_headers_complete, .on_body = on_body, .on_message_complete = on_message_complete,
};

static int feed_reply(llhttp_t *l, struct reading *r, const char *p, ssize_t n)
{
    llhttp_errno_t error;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -E_IO;
    error = n == 0 ? llhttp_finish(l) : llhttp_execute(l, p, (size_t)n);
    if (r->whole)
        return 0;
    if (r->piece_error != 0)
        return r->piece_error;
    return n == 0 ? -E_TRUNCATED : error != HPE_OK ? -E_INVALID : 0;
}

static int read_reply(int fd, struct reading *r, int64_t timeout_ms)
{
    llhttp_t l;
    char bytes[65536];

    llhttp_init(&l, HTTP_RESPONSE, &settings);
    l.data = r;
    while (!r->whole) {
        int error = wait_for(fd, POLLIN, timeout_ms);

        if (error == 0)
            error = feed_reply(&l, r, bytes, recv(fd, bytes, sizeof bytes, 0));
        if (error != 0)
            return error;
    }
    return 0;
}

int client_stream(const char *host, int port, const char *method, const char *path, struct str headers, struct str body,
                  int64_t timeout_ms, client_piece_fn *on_piece, void *arg, int *ret_status)
{
    struct buf CLEANUP(buf_done) head = {0};
    struct reading r = { .on_piece = on_piece, .arg = arg, .ret_status = ret_status, .head_only = strcmp(method, "HEAD") == 0 };
    bool bare_v6 = strchr(host, ':') != NULL;
    int CLEANUP(closep) fd = -1;
    int error = connect_to(host, port, timeout_ms, &fd);

    if (error < 0)
        return error;
    buf_printf(&head, "%s %s HTTP/1.1\r\nHost: %s%s%s:%d\r\n", method, path, bare_v6 ? "[" : "", host, bare_v6 ? "]" : "", port);
    buf_printf(&head, "Content-Length: %zu\r\nConnection: close\r\n", body.n);
    buf_str(&head, headers);
    buf_z(&head, "\r\n");
    error = send_all(fd, buf_view(&head), timeout_ms);
    if (error == 0)
        error = send_all(fd, body, timeout_ms);
    if (error < 0 && error != -E_CLOSED)
        return error;
    return read_reply(fd, &r, timeout_ms);
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

int client_request(const char *host, int port, const char *method, const char *path, struct str headers, struct str body,
                   int64_t timeout_ms, struct arena *a, int *ret_status, struct str *ret_body)
{
    struct buf CLEANUP(buf_done) whole = {0};
    int status = 0, error = client_stream(host, port, method, path, headers, body, timeout_ms, gather, &whole, &status);

    if (error != 0)
        return error;
    *ret_status = status;
    *ret_body = buf_to_arena(&whole, a);
    return 0;
}
