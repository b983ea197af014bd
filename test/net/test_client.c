/* test_client.c - the blocking client against our server on a thread of its own, and against a thread that
 * answers with fixed bytes, good and bad. */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include "test/unit.h"
#include "base/clock.h"
#include "net/client.h"
#include "net/server.h"

/* ---- a peer that says fixed bytes ---- */

struct peer {
    pthread_t thread;
    int listener, port;
    struct str says;
    bool hold_open; /* keep the connection until the client leaves */
    char heard[65536];
    size_t n_heard;
};

static void *peer_main(void *arg)
{
    struct peer *p = arg;
    int fd = accept(p->listener, NULL, NULL);
    ssize_t n;

    while (strstr(p->heard, "\r\n\r\n") == NULL &&
           (n = recv(fd, p->heard + p->n_heard, sizeof p->heard - 1 - p->n_heard, 0)) > 0)
        p->n_heard += (size_t)n;
    for (size_t i = 0; i < p->says.n; i++) /* byte by byte: the client must not care */
        if (send(fd, p->says.p + i, 1, MSG_NOSIGNAL) != 1)
            break;
    if (!p->hold_open)
        shutdown(fd, SHUT_WR); /* a close over unread bytes would reset the connection */
    n = (ssize_t)p->n_heard;
    while ((size_t)n < sizeof p->heard - 1 && recv(fd, p->heard + n, 1, 0) > 0)
        n++;
    close(fd);
    return NULL;
}

static void peer_listen(struct peer *p, void *(*main)(void *arg))
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;

    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_INT(bind(p->listener, (struct sockaddr *)&at, sizeof at), 0);
    EXPECT_INT(listen(p->listener, 1), 0);
    getsockname(p->listener, (struct sockaddr *)&at, &n);
    p->port = ntohs(at.sin_port);
    pthread_create(&p->thread, NULL, main, p);
}

static void peer_start(struct peer *p, struct str says, bool hold_open)
{
    *p = (struct peer){ .says = says, .hold_open = hold_open };
    peer_listen(p, peer_main);
}

static void peer_end(struct peer *p)
{
    pthread_join(p->thread, NULL);
    close(p->listener);
}

static void expect_reply(struct str says, bool hold_open, const char *method, int want, int want_status,
                         const char *want_body)
{
    struct arena CLEANUP(arena_freep) *a = arena_new(0);
    struct str body = STR("untouched");
    struct peer p;
    int status = -1;

    peer_start(&p, says, hold_open);
    EXPECT_INT(client_request("127.0.0.1", p.port, method, "/", STR_NONE, STR_NONE, 60, a, &status, &body),
               want);
    EXPECT_INT(status, want_status);
    EXPECT_STR(body, str_of(want_body));
    peer_end(&p);
}

TEST(client, kinds_of_replies)
{
    expect_reply(STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), true, "GET", 0, 200, "hello");
    expect_reply(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nhel\r\n2\r\nlo\r\n0\r\nT: "
                     "u\r\n\r\n"),
                 true, "GET", 0, 200, "hello");
    expect_reply(STR("HTTP/1.1 404 Nope\r\n\r\nhello"), false, "GET", 0, 404, "hello");
    expect_reply(STR("HTTP/1.1 204 No Content\r\n\r\n"), true, "GET", 0, 204, "");
    expect_reply(STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), true, "HEAD", 0, 200, "");
    expect_reply(STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"),
                 true, "GET", 0, 202, "ok");
}

TEST(client, bad_replies)
{
    expect_reply(STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"), false, "GET", -E_TRUNCATED, -1,
                 "untouched");
    expect_reply(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"), false, "GET",
                 -E_TRUNCATED, -1, "untouched");
    expect_reply(STR(""), false, "GET", -E_TRUNCATED, -1, "untouched");
    expect_reply(STR("SSH-2.0-x\r\n"), true, "GET", -E_INVALID, -1, "untouched");
    expect_reply(STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"), true, "GET", -E_WAIT, -1,
                 "untouched");
}

TEST(client, nobody_there)
{
    struct arena CLEANUP(arena_freep) *a = arena_new(0);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0), status;
    struct str body;

    EXPECT_INT(bind(fd, (struct sockaddr *)&at, sizeof at), 0); /* taken, but nobody listens */
    getsockname(fd, (struct sockaddr *)&at, &n);
    EXPECT_INT(client_request("127.0.0.1", ntohs(at.sin_port), "GET", "/", STR_NONE, STR_NONE, 100, a,
                              &status, &body),
               -E_IO);
    close(fd);
}

struct pieces {
    struct buf all;
    int n, stop_after;
    int *status;
};

static int on_piece(struct str piece, void *arg)
{
    struct pieces *p = arg;

    EXPECT_INT(*p->status, 200);
    buf_str(&p->all, piece);
    return ++p->n == p->stop_after ? 77 : 0;
}

TEST(client, stream_gives_pieces_and_may_stop)
{
    for (int stop = 0; stop < 2; stop++) {
        int status = 0;
        struct pieces got = { .stop_after = stop ? 2 : 0, .status = &status };
        struct peer p;

        peer_start(&p,
                   STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                       "chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"),
                   !stop);
        EXPECT_INT(client_stream("127.0.0.1", p.port, "GET", "/f", STR("A: b\r\n"), STR_NONE, 500, on_piece,
                                 &got, &status),
                   stop ? 77 : 0);
        EXPECT_STR(buf_view(&got.all), stop ? STR("ab") : STR("abc"));
        buf_done(&got.all);
        peer_end(&p);
    }
}

TEST(client, request_as_sent)
{
    struct arena CLEANUP(arena_freep) *a = arena_new(0);
    struct peer p;
    struct str body, want;
    int status;

    peer_start(&p, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), false);
    EXPECT_INT(client_request("127.0.0.1", p.port, "PUT", "/a?b", STR("A: b\r\n"), STR("xy"), 500, a, &status,
                              &body),
               0);
    peer_end(&p);
    want = arena_printf(
        a,
        "PUT /a?b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 2\r\nConnection: close\r\nA: b\r\n\r\n",
        p.port);
    EXPECT_STR(str_make(p.heard, MIN(p.n_heard, want.n)), want);
}

/* ---- our own server ---- */

struct life {
    pthread_t thread;
    pthread_barrier_t ready;
    size_t body_limit;
    int port;
    struct server *server;
    uv_async_t stop;
};

static void serve_back(struct exchange *x, void *arg)
{
    (void)arg;
    exchange_reply(x, 200, STR("X: y\r\n"), x->body);
}

static void on_stop(uv_async_t *async)
{
    server_close(((struct life *)async->data)->server, NULL, NULL);
    uv_close((uv_handle_t *)async, NULL);
}

static void *life_main(void *arg)
{
    struct life *l = arg;
    struct server_limits limits = server_default_limits;
    uv_loop_t loop;

    limits.body_bytes = l->body_limit;
    uv_loop_init(&loop);
    uv_async_init(&loop, &l->stop, on_stop);
    l->stop.data = l;
    EXPECT_INT(server_listen(&loop, "127.0.0.1", 0, &limits, serve_back, NULL, NULL, &l->server), 0);
    l->port = server_port(l->server);
    pthread_barrier_wait(&l->ready);
    uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_INT(uv_loop_close(&loop), 0);
    return NULL;
}

static void life_start(struct life *l, size_t body_limit)
{
    l->body_limit = body_limit;
    pthread_barrier_init(&l->ready, NULL, 2);
    pthread_create(&l->thread, NULL, life_main, l);
    pthread_barrier_wait(&l->ready);
}

static void life_end(struct life *l)
{
    uv_async_send(&l->stop);
    pthread_join(l->thread, NULL);
    pthread_barrier_destroy(&l->ready);
}

/* Both ways several megabytes: more than the sockets' buffers hold. */
TEST(client, large_bodies_with_our_server)
{
    struct arena CLEANUP(arena_freep) *a = arena_new(0);
    struct buf CLEANUP(buf_done) sent = { 0 };
    struct str body;
    struct life l;
    int status;

    for (int i = 0; i < 1000000; i++)
        buf_printf(&sent, "%d,", i);
    life_start(&l, (size_t)16 << 20);
    EXPECT_INT(client_request("localhost", l.port, "POST", "/", STR_NONE, buf_view(&sent), 5000, a, &status,
                              &body),
               0);
    EXPECT_INT(status, 200);
    EXPECT(str_eq(body, buf_view(&sent)));
    life_end(&l);
}

TEST(client, hears_why_a_large_body_is_refused)
{
    struct arena CLEANUP(arena_freep) *a = arena_new(0);
    struct buf CLEANUP(buf_done) sent = { 0 };
    struct str body = STR_NONE;
    struct life l;
    int status = 0;

    buf_reserve(&sent, 8 << 20);
    memset(sent.p, 'x', sent.n = 8 << 20);
    life_start(&l, 1000);
    EXPECT_INT(client_request("127.0.0.1", l.port, "POST", "/", STR_NONE, buf_view(&sent), 5000, a, &status,
                              &body),
               0);
    EXPECT_INT(status, 413);
    EXPECT_STR(body, STR("Content Too Large: the body is too large\n"));
    life_end(&l);
}

static void *hang_up(void *arg)
{
    struct peer *p = arg;
    int fd = accept(p->listener, NULL, NULL);
    const struct linger at_once = { .l_onoff = 1 };

    recv(fd, p->heard, 1000, 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd); /* over unread bytes: the client is told by an error of its next write */
    return NULL;
}

TEST(client, stops_at_once_when_hung_up_on)
{
    struct arena CLEANUP(arena_freep) *a = arena_new(0);
    struct buf CLEANUP(buf_done) sent = { 0 };
    int64_t began_ns = clock_mono_ns();
    struct str body = STR_NONE;
    struct peer p;
    int status = 0;

    buf_reserve(&sent, 64 << 20);
    memset(sent.p, 'x', sent.n = 64 << 20); /* more than the kernel takes before anybody reads */
    peer_listen(&p, hang_up);
    EXPECT(client_request("127.0.0.1", p.port, "POST", "/", STR_NONE, buf_view(&sent), 20000, a, &status,
                          &body) < 0);
    EXPECT(clock_mono_ns() - began_ns < 10000000000);
    peer_end(&p);
}

/* ---- client_post ---- */

/* What client_post says of a URL whose port is the peer's where it has %d. */
static int post_to(const char *url, int port, int64_t whole_ms, size_t most, const volatile bool *stop,
                   int *ret_status, struct buf *ret_body)
{
    struct arena CLEANUP(arena_freep) *a = arena_new(0);
    CLEANUP(buf_done) struct buf why = { 0 };
    struct client_post q = { .method = "POST",
                             .headers = STR("A: b\r\n"),
                             .body = STR("hi"),
                             .whole_ms = whole_ms,
                             .most_bytes = most,
                             .stop = stop };
    const char *at = strstr(url, "%d");
    int r;

    q.url = at == NULL ? str_of(url) : arena_printf(a, "%.*s%d%s", (int)(at - url), url, port, at + 2);
    *ret_status = 0;
    r = client_post(&q, ret_body, ret_status, &why);
    EXPECT((r == 0) == (why.n == 0));
    return r;
}

TEST(client_post, as_sent)
{
    static const struct {
        const char *url, *line;
    } rows[] = { { "http://127.0.0.1:%d", "POST / HTTP/1.1" },
                 { "HTTP://127.0.0.1:%d?a=b", "POST /?a=b HTTP/1.1" },
                 { "http://localhost:%d/x/y?z#part", "POST /x/y?z HTTP/1.1" } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf body = { 0 };
        struct peer p;
        int status;

        peer_start(&p, STR("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"), false);
        EXPECT_INT(post_to(rows[i].url, p.port, 5000, 100, NULL, &status, &body), 0);
        EXPECT_INT(status, 201);
        EXPECT_STR(buf_view(&body), STR("ok"));
        peer_end(&p);
        EXPECT(strncmp(p.heard, rows[i].line, strlen(rows[i].line)) == 0);
    }
}

TEST(client_post, urls_refused)
{
    static const char *const rows[] = { "",
                                        "ftp://h/",
                                        "http://",
                                        "http://:80/",
                                        "http://u:p@127.0.0.1/",
                                        "http://127.0.0.1:0/",
                                        "http://127.0.0.1:x/",
                                        "http://127.0.0.1:65536/",
                                        "http://[::1/",
                                        "http://[::1]x:1/",
                                        "http://h/a b",
                                        "http://h/\r\nX: y" };
    CLEANUP(buf_done) struct buf body = { 0 };
    int status;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_INT(post_to(rows[i], 0, 1000, 100, NULL, &status, &body), -E_INVALID);
}

/* A reply that trickles: every wait is short, the whole is not. */
TEST(client_post, the_whole_has_a_bound)
{
    CLEANUP(buf_done) struct buf body = { 0 };
    int64_t began_ns = clock_mono_ns();
    struct peer p;
    int status;

    peer_start(&p, STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"), true);
    EXPECT_INT(post_to("http://127.0.0.1:%d/", p.port, 150, 100, NULL, &status, &body), -E_WAIT);
    EXPECT_INT(status, 200);
    EXPECT(clock_mono_ns() - began_ns >= 150000000 && clock_mono_ns() - began_ns < 2000000000);
    peer_end(&p);
}

TEST(client_post, too_long_a_reply)
{
    CLEANUP(buf_done) struct buf body = { 0 };
    struct peer p;
    int status;

    peer_start(&p, STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), false);
    EXPECT_INT(post_to("http://127.0.0.1:%d/", p.port, 5000, 4, NULL, &status, &body), -E_LIMIT);
    EXPECT_INT(status, 200);
    peer_end(&p);
}

TEST(client_post, can_be_stopped)
{
    CLEANUP(buf_done) struct buf body = { 0 };
    volatile bool stop = true;
    struct peer p;
    int status;

    peer_start(&p, STR(""), true);
    EXPECT_INT(post_to("http://127.0.0.1:%d/", p.port, 60000, 4, &stop, &status, &body), -E_WAIT);
    peer_end(&p);
}

TEST(client_post, no_tls_there)
{
    CLEANUP(buf_done) struct buf body = { 0 };
    struct peer p;
    int status;

    peer_start(&p, STR(""), false);
    shutdown(p.listener, SHUT_RDWR); /* accepts nobody: the handshake meets a reset */
    EXPECT(post_to("https://127.0.0.1:%d/", p.port, 2000, 4, NULL, &status, &body) < 0);
    peer_end(&p);
}

UNIT_MAIN
