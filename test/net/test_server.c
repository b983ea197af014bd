/* test_server.c - the whole server over real sockets, with client and server in one thread: a client writes,
 * the loop runs until nothing moves, the client reads.  Dates are taken out of what is compared. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include "test/unit.h"
#include "base/clock.h"
#include "net/connection.h"

#define H "Host: x\r\n"
#define OK202 "HTTP/1.1 202 Accepted\r\nX: y\r\n"
#define MAX_HELD 256

struct rig {
    uv_loop_t loop;
    struct server *server;
    int port;
    bool hold; /* the test replies; else "METHOD path?query body" at once */
    struct exchange *held[MAX_HELD];
    unsigned n_held, n_gone, n_requests;
    int refuse_status; /* what on_headers answers */
    int64_t last_length;
    bool closed;
    char peer[64];
};

static void on_gone(struct exchange *x)
{
    EXPECT(x->gone);
    ((struct rig *)x->owner)->n_gone++;
}

static void echo(struct exchange *x)
{
    struct str body = arena_printf(x->mem, STR_FMT " " STR_FMT "?" STR_FMT " " STR_FMT, STR_ARG(x->method),
                                   STR_ARG(x->path), STR_ARG(x->query), STR_ARG(x->body));

    exchange_reply(x, 202, STR("X: y\r\n"), body);
}

static void on_request(struct exchange *x, void *arg)
{
    struct rig *g = arg;

    g->n_requests++;
    snprintf(g->peer, sizeof g->peer, STR_FMT, STR_ARG(x->peer));
    x->owner = g;
    x->on_gone = on_gone;
    EXPECT(!x->gone && x->arrived_mono_ns > 0 && x->arrived_mono_ns <= clock_mono_ns());
    if (!g->hold)
        echo(x);
    else if (g->n_held < MAX_HELD)
        g->held[g->n_held++] = x;
}

static int on_headers(struct exchange *x, int64_t content_length, void *arg, struct str *ret_body)
{
    struct rig *g = arg;

    EXPECT(!str_empty(x->method) && str_empty(x->body));
    g->last_length = content_length;
    *ret_body = STR("not here");
    return g->refuse_status;
}

static struct server_limits quick_limits(void)
{
    struct server_limits l = server_default_limits;

    l.header_timeout_ms = l.body_idle_timeout_ms = l.idle_timeout_ms = 60;
    return l;
}

static void rig_init(struct rig *g, const struct server_limits *limits)
{
    signal(SIGPIPE, SIG_IGN);
    *g = (struct rig){ .last_length = -2 };
    uv_loop_init(&g->loop);
    EXPECT_INT(server_listen(&g->loop, "127.0.0.1", 0, limits, on_request, on_headers, g, &g->server), 0);
    g->port = server_port(g->server);
}

static void reply_all_held(struct rig *g)
{
    for (unsigned i = 0; i < g->n_held; i++)
        echo(g->held[i]);
    g->n_held = 0;
}

/* Ends it by force; whatever a test left over must still be accounted for. */
static void rig_done(struct rig *g)
{
    if (g->server != NULL)
        server_abort(g->server);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    reply_all_held(g);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    EXPECT_INT(uv_loop_close(&g->loop), 0);
}

static void turn_loop(struct rig *g, int turns)
{
    while (turns-- > 0)
        uv_run(&g->loop, UV_RUN_NOWAIT);
}

/* Until `ms` have gone by or the flag is set. */
static void run_for(struct rig *g, int ms)
{
    int64_t until = clock_mono_ns() + ms * INT64_C(1000000);

    while (clock_mono_ns() < until) {
        uv_run(&g->loop, UV_RUN_NOWAIT);
        poll(NULL, 0, 1);
    }
}

static int dial(const struct rig *g)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)g->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    EXPECT_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    return fd;
}

static void say(struct rig *g, int fd, struct str bytes)
{
    for (int idle = 0; bytes.n > 0 && idle < 1000;) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

        if (n > 0)
            bytes = str_sub(bytes, (size_t)n, bytes.n);
        idle = n > 0 ? 0 : idle + 1;
        turn_loop(g, 1);
    }
}

static void drop_dates(struct buf *b)
{
    struct str rest = buf_view(b);
    struct buf out = { 0 };
    ptrdiff_t at;

    while ((at = str_find_str(rest, STR("Date: "))) >= 0) {
        struct str after = str_sub(rest, (size_t)at, rest.n);

        buf_str(&out, str_sub(rest, 0, (size_t)at));
        EXPECT(after.n >= 37 && memcmp(after.p + 31, " GMT\r\n", 6) == 0);
        rest = str_sub(after, 37, after.n);
    }
    buf_str(&out, rest);
    buf_done(b);
    *b = out;
}

/* Everything that comes until nothing moves; "<end>" when the server closed, "<reset>" when it reset. */
static void hear(struct rig *g, int fd, struct buf *ret)
{
    char bytes[65536];

    buf_clear(ret);
    for (int idle = 0; idle < 12;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);

        if (n > 0) {
            buf_add(ret, bytes, (size_t)n);
            idle = 0;
            continue;
        }
        if (n == 0 || errno != EAGAIN) {
            buf_z(ret, n == 0 ? "<end>" : "<reset>");
            break;
        }
        turn_loop(g, 1);
        idle++;
    }
    drop_dates(ret);
}

static void expect_heard(struct rig *g, int fd, const char *want, int line)
{
    struct buf CLEANUP(buf_done) got = { 0 };
    int before = unit_bad;

    hear(g, fd, &got);
    EXPECT_STR(buf_view(&got), str_of(want));
    if (unit_bad > before)
        printf("   in the expectation of line %d\n", line);
}
#define EXPECT_HEARD(g, fd, want) expect_heard((g), (fd), (want), __LINE__)
#define SAYS(method, path, body, length) OK202 "Content-Length: " #length "\r\n\r\n" method " " path " " body

/* One connection to a fresh server: say, hear. */
static void talk(const struct server_limits *limits, const char *bytes, const char *want, int line)
{
    struct rig g;
    int fd;

    rig_init(&g, limits);
    fd = dial(&g);
    say(&g, fd, str_of(bytes));
    expect_heard(&g, fd, want, line);
    close(fd);
    rig_done(&g);
}
#define TALK(limits, bytes, want) talk((limits), (bytes), (want), __LINE__)

/* ---- ordinary requests ---- */

TEST(server, keep_alive_and_close)
{
    TALK(NULL, "GET /a?b HTTP/1.1\r\n" H "\r\n", SAYS("GET", "/a?b", "", 9));
    TALK(NULL, "POST /a HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi", SAYS("POST", "/a?", "hi", 11));
    TALK(NULL, "GET /a HTTP/1.1\r\n" H "Connection: close\r\n\r\n",
         OK202 "Content-Length: 8\r\nConnection: close\r\n\r\nGET /a? <end>");
    TALK(NULL, "GET /a HTTP/1.0\r\n\r\n",
         OK202 "Content-Length: 8\r\nConnection: close\r\n\r\nGET /a? <end>");
    TALK(NULL, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
         OK202 "Content-Length: 8\r\nConnection: keep-alive\r\n\r\nGET /a? ");
    TALK(NULL, "HEAD /a HTTP/1.1\r\n" H "\r\n", OK202 "Content-Length: 9\r\n\r\n");
}

TEST(server, byte_by_byte)
{
    static const char bytes[] =
        "POST /a HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\nT: u\r\n\r\nGET /b HTTP/1.1\r\n" H "\r\n";
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    fd = dial(&g);
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        say(&g, fd, str_make(bytes + i, 1));
    EXPECT_HEARD(&g, fd, SAYS("POST", "/a?", "hi", 11) SAYS("GET", "/b?", "", 8));
    EXPECT_INT(g.last_length, 0);
    close(fd);
    rig_done(&g);
}

TEST(server, pipelined_replies_in_order)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\nGET /3 HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 3);
    EXPECT_INT(g.n_held, 3);
    echo(g.held[2]);
    EXPECT_HEARD(&g, fd, "");
    echo(g.held[0]);
    EXPECT_HEARD(&g, fd, SAYS("GET", "/1?", "", 8));
    echo(g.held[1]);
    EXPECT_HEARD(&g, fd, SAYS("GET", "/2?", "", 8) SAYS("GET", "/3?", "", 8));
    g.n_held = 0;
    close(fd);
    rig_done(&g);
}

TEST(server, peer_and_headers)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET / HTTP/1.1\r\n" H "A: 1\r\na: 2\r\nEmpty:\r\n\r\n"));
    turn_loop(&g, 3);
    EXPECT_INT(g.n_held, 1);
    EXPECT_STR(exchange_header(g.held[0], "A"), STR("2"));
    EXPECT_STR(exchange_header(g.held[0], "HOST"), STR("x"));
    EXPECT_STR(exchange_header(g.held[0], "empty"), STR(""));
    EXPECT_STR(exchange_header(g.held[0], "b"), STR_NONE);
    EXPECT(strncmp(g.peer, "127.0.0.1:", 10) == 0 && atoi(g.peer + 10) > 0);
    close(fd);
    rig_done(&g);
}

static void reply_one(int status, const char *method, const char *want)
{
    struct rig g;
    char bytes[64];
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    snprintf(bytes, sizeof bytes, "%s / HTTP/1.1\r\n" H "\r\n", method);
    say(&g, fd, str_of(bytes));
    turn_loop(&g, 3);
    exchange_reply(g.held[0], status, STR_NONE, STR("body"));
    g.n_held = 0;
    EXPECT_HEARD(&g, fd, want);
    close(fd);
    rig_done(&g);
}

TEST(server, replies_without_a_body)
{
    reply_one(200, "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
    reply_one(200, "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    reply_one(204, "DELETE", "HTTP/1.1 204 No Content\r\n\r\n");
    reply_one(304, "GET", "HTTP/1.1 304 Not Modified\r\n\r\n");
    reply_one(299, "GET", "HTTP/1.1 299 Status\r\nContent-Length: 4\r\n\r\nbody");
}

/* An owner whose arena is full can still say so. */
TEST(server, reply_from_a_full_arena)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET / HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 3);
    (void)arena_alloc(g.held[0]->mem, ARENA_DEFAULT_LIMIT + 1);
    EXPECT(arena_overflowed(g.held[0]->mem));
    exchange_reply(g.held[0], 500, STR("X: y\r\n"), STR("full"));
    g.n_held = 0;
    EXPECT_HEARD(&g, fd, "HTTP/1.1 500 Internal Server Error\r\nX: y\r\nContent-Length: 4\r\n\r\nfull");
    close(fd);
    rig_done(&g);
}

/* ---- refusals ---- */

TEST(server, refusals)
{
    TALK(NULL, "GET / HTTP/1.1\r\n\r\n",
         "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 28\r\n"
         "Connection: close\r\n\r\nBad Request: no Host header\n<end>");
    TALK(NULL, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
         "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\nContent-Length: 95\r\n"
         "Connection: close\r\n\r\nHTTP Version Not Supported: HTTP/2 is not spoken here yet: it comes with "
         "streams. Use HTTP/1.1\n<end>");
    TALK(NULL, "GET /1 HTTP/1.1\r\n" H "\r\nGET /2\n",
         SAYS("GET", "/1?", "",
              8) "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                 "Content-Length: 27\r\nConnection: close\r\n\r\nBad Request: LF without CR\n<end>");
}

/* Also where the request never became one, however it was cut. */
TEST(server, refusal_of_a_head_has_no_body)
{
    static const char bytes[] = "\r\nHEAD / HTTP/1.1\r\nA: \001\r\n\r\n";
    struct server_limits l = server_default_limits;
    struct rig g;
    int fd;

    l.header_bytes = 64;
    TALK(NULL, "HEAD / HTTP/1.1\r\n\r\n",
         "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 28\r\nConnection: "
         "close\r\n\r\n<end>");
    TALK(NULL, "HEAD /\n",
         "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 27\r\nConnection: "
         "close\r\n\r\n<end>");
    TALK(&l, "HEAD /0123456789012345678901234567890123456789012345678901234567890123456789",
         "HTTP/1.1 414 URI Too Long\r\nContent-Type: text/plain\r\nContent-Length: 43\r\nConnection: "
         "close\r\n\r\n<end>");
    rig_init(&g, NULL);
    fd = dial(&g);
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        say(&g, fd, str_make(bytes + i, 1));
    EXPECT_HEARD(&g, fd,
                 "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 43\r\nConnection: "
                 "close\r\n\r\n<end>");
    close(fd);
    rig_done(&g);
}

/* A refusal waits for the replies before it. */
TEST(server, refusal_after_a_pending_reply)
{
    struct server_stats stats;
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\nGET /2\nmore that nobody reads"));
    EXPECT_HEARD(&g, fd, "");
    reply_all_held(&g);
    EXPECT_HEARD(&g, fd,
                 SAYS("GET", "/1?", "",
                      8) "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                         "Content-Length: 27\r\nConnection: close\r\n\r\nBad Request: LF without CR\n<end>");
    server_stats(g.server, &stats);
    EXPECT_INT(stats.bad_requests_total, 1);
    EXPECT_INT(stats.requests_total, 2);
    EXPECT_INT(g.n_requests, 1);
    close(fd);
    turn_loop(&g, 5);
    server_stats(g.server, &stats);
    EXPECT_INT(stats.connections_now, 0);
    rig_done(&g);
}

/* The client is still sending when it is refused: it must hear why, not a reset. */
TEST(server, refused_while_sending)
{
    struct server_limits l = server_default_limits;
    struct buf CLEANUP(buf_done) body = { 0 }, got = { 0 };
    struct rig g;
    int fd;

    l.body_bytes = 1000;
    rig_init(&g, &l);
    fd = dial(&g);
    buf_reserve(&body, 4 << 20);
    memset(body.p, 'x', body.n = 4 << 20);
    say(&g, fd, STR("POST / HTTP/1.1\r\n" H "Content-Length: 4194304\r\n\r\n"));
    say(&g, fd, buf_view(&body));
    hear(&g, fd, &got);
    EXPECT_STR(buf_view(&got),
               STR("HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain\r\nContent-Length: 41\r\n"
                   "Connection: close\r\n\r\nContent Too Large: the body is too large\n<end>"));
    EXPECT_INT(g.n_requests, 0);
    close(fd);
    rig_done(&g);
}

/* ... but not for ever. */
TEST(server, refused_client_that_stays)
{
    struct server_limits l = quick_limits();
    struct server_stats stats;
    struct rig g;
    int fd;

    rig_init(&g, &l);
    fd = dial(&g);
    say(&g, fd, STR("GET / HTTP/1.1\n"));
    turn_loop(&g, 3);
    server_stats(g.server, &stats);
    EXPECT_INT(stats.connections_now, 1);
    run_for(&g, 35);
    say(&g, fd, STR("x")); /* earns nothing */
    run_for(&g, 45);
    server_stats(g.server, &stats);
    EXPECT_INT(stats.connections_now, 0);
    close(fd);
    rig_done(&g);
}

TEST(server, on_headers_refuses)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.refuse_status = 421;
    fd = dial(&g);
    say(&g, fd, STR("POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
    EXPECT_HEARD(&g, fd,
                 "HTTP/1.1 421 Misdirected Request\r\nContent-Type: text/plain\r\nContent-Length: "
                 "8\r\nConnection: close\r\n\r\nnot here<end>");
    EXPECT_INT(g.last_length, 3);
    EXPECT_INT(g.n_requests, 0);
    close(fd);
    rig_done(&g);
}

/* ---- Expect ---- */

TEST(server, expect_continue)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    fd = dial(&g);
    say(&g, fd, STR("POST /a HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"));
    EXPECT_HEARD(&g, fd, "HTTP/1.1 100 Continue\r\n\r\n");
    say(&g, fd, STR("h"));
    EXPECT_HEARD(&g, fd, "");
    say(&g, fd, STR("i"));
    EXPECT_HEARD(&g, fd, SAYS("POST", "/a?", "hi", 11));
    say(&g, fd, STR("POST /b HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"));
    EXPECT_HEARD(&g, fd, SAYS("POST", "/b?", "hi", 11)); /* did not wait: no interim reply */
    close(fd);
    rig_done(&g);
}

TEST(server, expect_continue_waits_its_turn)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd,
        STR("GET /1 HTTP/1.1\r\n" H "\r\nPOST /2 HTTP/1.1\r\n" H
            "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"));
    EXPECT_HEARD(&g, fd, "");
    reply_all_held(&g);
    EXPECT_HEARD(&g, fd, SAYS("GET", "/1?", "", 8) "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_INT(g.last_length, -1);
    say(&g, fd, STR("2\r\nhi\r\n0\r\n\r\n"));
    turn_loop(&g, 3);
    reply_all_held(&g);
    EXPECT_HEARD(&g, fd, SAYS("POST", "/2?", "hi", 11));
    close(fd);
    rig_done(&g);
}

/* ---- clients that leave ---- */

TEST(server, gone_while_pending)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 3);
    EXPECT_INT(g.n_held, 2);
    close(fd);
    turn_loop(&g, 3);
    EXPECT_INT(g.n_gone, 2);
    EXPECT(g.held[0]->gone && g.held[1]->gone);
    EXPECT_STR(g.held[0]->path, STR("/1")); /* memory is still ours */
    reply_all_held(&g);
    turn_loop(&g, 3);
    rig_done(&g);
}

TEST(server, reset_while_pending)
{
    struct linger hard = { 1, 0 };
    struct server_stats stats;
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("POST /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi"));
    turn_loop(&g, 3);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    turn_loop(&g, 3);
    EXPECT_INT(g.n_gone, 1);
    server_stats(g.server, &stats);
    EXPECT_INT(stats.connections_now, 0);
    EXPECT_STR(g.held[0]->body, STR("hi"));
    rig_done(&g); /* replies to the orphan after the server's end */
}

TEST(server, gone_in_mid_request)
{
    struct server_stats stats;
    struct rig g;

    rig_init(&g, NULL);
    for (int i = 0; i < 3; i++) {
        int fd = dial(&g);

        say(&g, fd,
            i == 0   ? STR("POST /1 HTTP/1.1\r\n" H "Content-Length: 20000\r\n\r\nhi")
            : i == 1 ? STR("GET /")
                     : STR(""));
        turn_loop(&g, 3);
        close(fd);
    }
    turn_loop(&g, 5);
    server_stats(g.server, &stats);
    EXPECT_INT(stats.connections_now, 0);
    EXPECT_INT(stats.connections_total, 3);
    EXPECT_INT(g.n_requests, 0);
    EXPECT_INT(g.n_gone, 0);
    rig_done(&g);
}

/* Closing only the sending side looks like leaving, but a reply still arrives. */
TEST(server, half_closed_client_gets_its_reply)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\nGET /part"));
    shutdown(fd, SHUT_WR);
    turn_loop(&g, 3);
    EXPECT_INT(g.n_gone, 2);
    reply_all_held(&g);
    EXPECT_HEARD(&g, fd,
                 SAYS("GET", "/1?", "", 8) OK202
                 "Content-Length: 8\r\nConnection: close\r\n\r\nGET /2? <end>");
    close(fd);
    rig_done(&g);
}

/* What it began and will not end has no deadline any more. */
TEST(server, half_closed_in_a_body_waits_for_its_reply)
{
    struct server_limits l = quick_limits();
    struct rig g;
    int fd;

    rig_init(&g, &l);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\nPOST /2 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nx"));
    shutdown(fd, SHUT_WR);
    run_for(&g, 200); /* the body's time is over long since */
    EXPECT_INT(g.n_gone, 1);
    EXPECT_INT(g.n_held, 1);
    EXPECT_HEARD(&g, fd, "");
    reply_all_held(&g);
    EXPECT_HEARD(&g, fd, OK202 "Content-Length: 8\r\nConnection: close\r\n\r\nGET /1? <end>");
    close(fd);
    rig_done(&g);
}

static void reply_on_gone(struct exchange *x)
{
    struct rig *g = x->owner;

    g->n_gone++;
    reply_all_held(g); /* to itself and to its neighbours */
    if (g->server != NULL)
        server_flush(g->server);
}

TEST(server, replies_within_on_gone)
{
    for (int reset = 0; reset < 2; reset++) {
        struct linger hard = { 1, 0 };
        struct rig g;
        int fd;

        rig_init(&g, NULL);
        g.hold = true;
        fd = dial(&g);
        say(&g, fd,
            STR("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\nGET /3 HTTP/1.1\r\n" H "\r\n"));
        turn_loop(&g, 3);
        EXPECT_INT(g.n_held, 3);
        for (unsigned i = 0; i < g.n_held; i++)
            g.held[i]->on_gone = reply_on_gone;
        if (reset)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
        turn_loop(&g, 5);
        EXPECT_INT(g.n_gone, 1);
        EXPECT_INT(g.n_held, 0);
        rig_done(&g);
    }
}

/* ---- slow clients ---- */

TEST(server, slow_header)
{
    struct server_limits l = quick_limits();
    struct rig g;
    int fd;

    rig_init(&g, &l);
    fd = dial(&g);
    say(&g, fd, STR("GET / HT"));
    run_for(&g, 30);
    say(&g, fd, STR("TP/1.1\r\n")); /* does not earn it more time */
    run_for(&g, 45);
    EXPECT_HEARD(&g, fd,
                 "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain\r\nContent-Length: "
                 "53\r\nConnection: close\r\n\r\n"
                 "Request Timeout: the request's headers took too long\n<end>");
    close(fd);
    rig_done(&g);
}

TEST(server, slow_header_of_a_head)
{
    struct server_limits l = quick_limits();
    struct rig g;
    int fd;

    rig_init(&g, &l);
    fd = dial(&g);
    say(&g, fd, STR("HEAD / HT"));
    run_for(&g, 75);
    EXPECT_HEARD(&g, fd,
                 "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain\r\nContent-Length: "
                 "53\r\nConnection: close\r\n\r\n<end>");
    close(fd);
    rig_done(&g);
}

TEST(server, slow_body)
{
    struct server_limits l = quick_limits();
    struct rig g;
    int fd;

    rig_init(&g, &l);
    fd = dial(&g);
    say(&g, fd, STR("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n"));
    run_for(&g, 25);
    say(&g, fd, STR("x")); /* does */
    run_for(&g, 25);
    EXPECT_HEARD(&g, fd, "");
    run_for(&g, 50);
    EXPECT_HEARD(&g, fd,
                 "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain\r\nContent-Length: "
                 "51\r\nConnection: close\r\n\r\n"
                 "Request Timeout: the request's body stopped coming\n<end>");
    close(fd);
    rig_done(&g);
}

TEST(server, idle_connections_close_silently)
{
    struct server_limits l = quick_limits();
    struct rig g;
    int fresh, used;

    rig_init(&g, &l);
    fresh = dial(&g);
    used = dial(&g);
    say(&g, used, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    EXPECT_HEARD(&g, used, SAYS("GET", "/1?", "", 8));
    run_for(&g, 80);
    EXPECT_HEARD(&g, fresh, "<end>");
    EXPECT_HEARD(&g, used, "<end>");
    close(fresh);
    close(used);
    rig_done(&g);
}

/* Waiting for the owner is not the client's slowness. */
TEST(server, pending_requests_do_not_time_out)
{
    struct server_limits l = quick_limits();
    struct rig g;
    int fd;

    rig_init(&g, &l);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    run_for(&g, 90);
    EXPECT_INT(g.n_gone, 0);
    reply_all_held(&g);
    EXPECT_HEARD(&g, fd, SAYS("GET", "/1?", "", 8));
    close(fd);
    rig_done(&g);
}

TEST(server, zero_idle_timeout_means_never)
{
    struct server_limits l = quick_limits();
    struct rig g;
    int fd;

    l.idle_timeout_ms = 0;
    rig_init(&g, &l);
    fd = dial(&g);
    run_for(&g, 80);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    EXPECT_HEARD(&g, fd, SAYS("GET", "/1?", "", 8));
    close(fd);
    rig_done(&g);
}

/* ---- back-pressure and limits ---- */

TEST(server, pipelining_limit)
{
    struct server_limits l = server_default_limits;
    struct buf CLEANUP(buf_done) got = { 0 };
    struct rig g;
    int fd;

    l.pipelined = 4;
    rig_init(&g, &l);
    g.hold = true;
    fd = dial(&g);
    for (int i = 0; i < 10; i++)
        say(&g, fd, STR("GET /n HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 5);
    EXPECT_INT(g.n_held, 4);
    echo(g.held[0]);
    memmove(g.held, g.held + 1, 3 * sizeof g.held[0]);
    g.n_held = 3;
    turn_loop(&g, 5);
    EXPECT_INT(g.n_held, 4); /* one more was let in */
    for (int i = 0; i < 5; i++) {
        reply_all_held(&g);
        turn_loop(&g, 5);
    }
    EXPECT_INT(g.n_requests, 10);
    hear(&g, fd, &got);
    EXPECT_INT(got.n, 10 * strlen(SAYS("GET", "/n?", "", 8)));
    close(fd);
    rig_done(&g);
}

static void begin_held(struct exchange *x, void *arg)
{
    struct rig *g = arg;

    x->owner = g;
    x->on_gone = on_gone;
    g->held[g->n_held++] = x;
    if (str_is(x->path, "/hold"))
        exchange_hold(x);
}

static void rig_init_holding(struct rig *g)
{
    signal(SIGPIPE, SIG_IGN);
    *g = (struct rig){ 0 };
    uv_loop_init(&g->loop);
    EXPECT_INT(server_listen(&g->loop, "127.0.0.1", 0, NULL, begin_held, NULL, g, &g->server), 0);
    g->port = server_port(g->server);
}

/* The client's later requests wait behind one that is held, whether they came with it or after it; others' do
 * not. */
TEST(server, a_held_request_lets_no_later_one_pass)
{
    struct rig g;
    int fd, other;

    rig_init_holding(&g);
    fd = dial(&g);
    other = dial(&g);
    say(&g, fd,
        STR("GET /1 HTTP/1.1\r\n" H "\r\nGET /hold HTTP/1.1\r\n" H "\r\nGET /3 HTTP/1.1\r\n" H
            "\r\nGET /4 HT"));
    turn_loop(&g, 5);
    EXPECT_INT(g.n_held, 2);
    EXPECT_STR(g.held[1]->path, STR("/hold"));
    say(&g, other, STR("GET /other HTTP/1.1\r\n" H "\r\n"));
    say(&g, fd, STR("TP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 5);
    EXPECT_INT(g.n_held, 3);
    EXPECT_STR(g.held[2]->path, STR("/other"));
    echo(g.held[0]); /* a reply to an earlier one changes nothing */
    turn_loop(&g, 5);
    EXPECT_INT(g.n_held, 3);
    exchange_release(g.held[1]);
    turn_loop(&g, 5);
    EXPECT_INT(g.n_held, 5);
    EXPECT_STR(g.held[3]->path, STR("/3"));
    EXPECT_STR(g.held[4]->path, STR("/4"));
    for (unsigned i = 1; i < 5; i++)
        echo(g.held[i]);
    g.n_held = 0;
    EXPECT_HEARD(&g, fd,
                 SAYS("GET", "/1?", "", 8) SAYS("GET", "/hold?", "", 11) SAYS("GET", "/3?", "", 8)
                     SAYS("GET", "/4?", "", 8));
    close(fd);
    close(other);
    rig_done(&g);
}

TEST(server, a_client_that_leaves_a_held_request)
{
    struct rig g;
    int fd;

    rig_init_holding(&g);
    fd = dial(&g);
    say(&g, fd, STR("GET /hold HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 5);
    EXPECT_INT(g.n_held, 1);
    close(fd);
    turn_loop(&g, 5);
    EXPECT_INT(g.n_gone, 1);
    exchange_release(g.held[0]); /* whoever held it learns of it as always */
    turn_loop(&g, 5);
    rig_done(&g);
}

/* A hundred clients that pipeline: each gets its share of a round, and who comes next waits for no more than
 * that. */
TEST(server, pipelining_is_shared)
{
    enum { CLIENTS = 100 };
    struct rig g;
    int fd[CLIENTS];

    rig_init(&g, NULL);
    g.hold = true;
    for (int i = 0; i < CLIENTS; i++)
        fd[i] = dial(&g);
    turn_loop(&g, 3);
    for (int i = 0; i < CLIENTS; i++)
        say(&g, fd[i],
            STR("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\nGET /3 HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 5);
    EXPECT_INT(g.n_requests, 2 * CLIENTS);
    reply_all_held(&g);
    turn_loop(&g, 5);
    EXPECT_INT(g.n_requests, 3 * CLIENTS);
    reply_all_held(&g);
    for (int i = 0; i < CLIENTS; i++) {
        EXPECT_HEARD(&g, fd[i],
                     SAYS("GET", "/1?", "", 8) SAYS("GET", "/2?", "", 8) SAYS("GET", "/3?", "", 8));
        close(fd[i]);
    }
    rig_done(&g);
}

static void reply_megabyte(struct exchange *x, void *arg)
{
    struct rig *g = arg;
    static char big[1 << 20];

    g->n_requests++;
    memset(big, 'b', sizeof big);
    exchange_reply(x, 200, STR_NONE, str_make(big, sizeof big));
}

static void rig_init_megabytes(struct rig *g, const struct server_limits *limits)
{
    signal(SIGPIPE, SIG_IGN);
    *g = (struct rig){ 0 };
    uv_loop_init(&g->loop);
    EXPECT_INT(server_listen(&g->loop, "127.0.0.1", 0, limits, reply_megabyte, NULL, g, &g->server), 0);
    g->port = server_port(g->server);
}

/* A client that asks and does not read is not served without end; when it reads, it gets everything. */
TEST(server, unread_replies_hold_up_requests)
{
    struct buf CLEANUP(buf_done) got = { 0 };
    unsigned served;
    size_t total = 0;
    struct rig g;
    int fd;

    rig_init_megabytes(&g, NULL);
    fd = dial(&g);
    for (int i = 0; i < 40; i++)
        say(&g, fd, STR("GET /n HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 20);
    served = g.n_requests;
    EXPECT(served >= 2 && served < 20);
    for (int i = 0; i < 200 && total < 40u << 20; i++) {
        hear(&g, fd, &got);
        total += got.n;
    }
    EXPECT_INT(g.n_requests, 40);
    EXPECT(total > 40u << 20 && total < (40u << 20) + 40 * 100);
    close(fd);
    rig_done(&g);
}

TEST(server, client_that_never_reads_is_cut_off)
{
    struct server_limits l = quick_limits();
    struct server_stats stats;
    struct rig g;
    int fd;

    l.write_idle_timeout_ms = 25;
    rig_init_megabytes(&g, &l);
    fd = dial(&g);
    for (int i = 0; i < 16; i++)
        say(&g, fd, STR("GET /n HTTP/1.1\r\n" H "\r\n"));
    run_for(&g, 100);
    server_stats(g.server, &stats);
    EXPECT_INT(stats.connections_now, 0);
    close(fd);
    rig_done(&g);
}

TEST(server, connection_limit)
{
    struct server_limits l = server_default_limits;
    struct rig g;
    int a, b, c;

    l.connections = 2;
    rig_init(&g, &l);
    a = dial(&g);
    say(&g, a, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    EXPECT_HEARD(&g, a, SAYS("GET", "/1?", "", 8));
    b = dial(&g);
    turn_loop(&g, 3);
    c = dial(&g); /* b has never asked for anything: it goes */
    EXPECT_HEARD(&g, b, "<end>");
    say(&g, c, STR("GET /2 HTTP/1.1\r\n" H "\r\n"));
    EXPECT_HEARD(&g, c, SAYS("GET", "/2?", "", 8));
    close(b);
    b = dial(&g); /* all have: the one that came first goes */
    EXPECT_HEARD(&g, a, "<end>");
    say(&g, c, STR("GET /3 HTTP/1.1\r\n" H "\r\n"));
    EXPECT_HEARD(&g, c, SAYS("GET", "/3?", "", 8));
    close(a);
    close(b);
    close(c);
    rig_done(&g);
}

static int dial_and_say(struct rig *g, struct str bytes)
{
    int fd = dial(g);

    say(g, fd, bytes);
    turn_loop(g, 3);
    return fd;
}

/* Who neither asks nor reads makes room; who has something to lose last. */
TEST(server, who_makes_room)
{
    enum { N = 4 };
    static const struct {
        const char *what;
        struct str bytes;
    } rows[] = {
        { "half a head", STR("GET /1 HTTP/1.1\r\nHo") },
        { "half a second head", STR("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HT") },
        { "half a body", STR("POST /1 HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\nhalf") },
        { "a body in chunks",
          STR("POST /1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n") },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct server_limits l = server_default_limits;
        struct server_stats stats;
        struct rig g;
        int fd[N + 3];

        l.connections = N;
        rig_init(&g, &l);
        for (int k = 0; k < N; k++)
            fd[k] = dial_and_say(&g, rows[i].bytes);
        for (int k = N; k < N + 3; k++) {
            fd[k] = dial_and_say(&g, STR("GET /new HTTP/1.1\r\n" H "\r\n"));
            EXPECT_HEARD(&g, fd[k], SAYS("GET", "/new?", "", 10));
        }
        server_stats(g.server, &stats);
        EXPECT_INT(stats.displaced_total, 3);
        EXPECT_INT(stats.connections_now, N);
        for (int k = 0; k < N + 3; k++)
            close(fd[k]);
        rig_done(&g);
    }
}

/* All wait for answers: none of them is closed, and a few more are let in for one reply each, oldest out
 * first. */
TEST(server, nobody_can_make_room)
{
    enum { N = 2, LENT = 64 };
    struct server_limits l = server_default_limits;
    struct rig g;
    int fd[N], lent[LENT + 1], fresh;

    l.connections = N;
    rig_init(&g, &l);
    g.hold = true;
    for (int i = 0; i < N; i++)
        fd[i] = dial_and_say(&g, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    for (int i = 0; i < LENT + 1; i++)
        lent[i] = dial_and_say(&g, STR("GET /2 HTTP/1.1\r\n" H "\r\n"));
    EXPECT_INT(g.n_held, N + LENT + 1);
    EXPECT_INT(g.n_gone, 1);
    EXPECT_HEARD(&g, lent[0], "<end>");
    g.hold = false;
    fresh = dial_and_say(&g, STR("GET /3 HTTP/1.1\r\n" H "\r\n"));
    EXPECT_HEARD(&g, fresh, OK202 "Content-Length: 8\r\nConnection: close\r\n\r\nGET /3? <end>");
    reply_all_held(&g);
    EXPECT_HEARD(&g, fd[0], SAYS("GET", "/1?", "", 8));
    EXPECT_HEARD(&g, fd[1], SAYS("GET", "/1?", "", 8));
    EXPECT_HEARD(&g, lent[LENT], OK202 "Content-Length: 8\r\nConnection: close\r\n\r\nGET /2? <end>");
    for (int i = 0; i < N; i++)
        close(fd[i]);
    for (int i = 0; i < LENT + 1; i++)
        close(lent[i]);
    close(fresh);
    rig_done(&g);
}

/* Of several addresses the one with most connections loses one, and the youngest that have not asked are left
 * a moment. */
TEST(server, whose_connection_goes)
{
    struct crowd w = { 0 };
    struct seat many[6] = { 0 }, few[2] = { 0 }, newcomer = { 0 };

    crowd_init(&w, 2);
    for (size_t i = 0; i < ARRAY_LEN(few); i++)
        crowd_join(&w, &few[i], STR("10.0.0.1"), false);
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        crowd_join(&w, &many[i], STR("10.0.0.2"), false);
    EXPECT(crowd_victim(&w) == NULL); /* all busy */
    crowd_place(&w, &few[0], PLACE_WRITING);
    EXPECT(crowd_victim(&w) == &few[0]);
    crowd_place(&w, &many[5], PLACE_READING);
    EXPECT(crowd_victim(&w) == &many[5]);
    crowd_place(&w, &few[1], PLACE_IDLE);
    EXPECT(crowd_victim(&w) == &few[1]);
    crowd_place(&w, &many[4], PLACE_IDLE);
    crowd_place(&w, &many[3], PLACE_IDLE);
    EXPECT(crowd_victim(&w) == &many[4]); /* later idle than few[1], but of the many */
    crowd_join(&w, &newcomer, STR("10.0.0.3"), false);
    crowd_place(&w, &newcomer, PLACE_SILENT);
    crowd_place(&w, &many[2], PLACE_SILENT);
    EXPECT(crowd_victim(&w) == &many[4]);
    crowd_place(&w, &many[1], PLACE_SILENT);
    EXPECT(crowd_victim(&w) == &many[2]);
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        crowd_leave(&w, &many[i]);
    EXPECT(crowd_victim(&w) == &few[1]);
    crowd_leave(&w, &few[1]);
    EXPECT(crowd_victim(&w) == &newcomer);
    crowd_leave(&w, &few[0]);
    crowd_leave(&w, &newcomer);
    crowd_done(&w);
}

/* The sum of bodies: counted while they are held, given back afterwards. */
TEST(server, total_body_limit)
{
    struct server_limits l = server_default_limits;
    struct rig g;
    int a, b;

    l.total_body_bytes = 2 * (4096 + 48) + 10; /* two heads and one body */
    rig_init(&g, &l);
    g.hold = true;
    a = dial(&g);
    b = dial(&g);
    say(&g, a, STR("POST /1 HTTP/1.1\r\n" H "Content-Length: 8\r\n\r\n12345678"));
    turn_loop(&g, 3);
    say(&g, b, STR("POST /2 HTTP/1.1\r\n" H "Content-Length: 8\r\n\r\n12345678"));
    EXPECT_HEARD(&g, b,
                 "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: "
                 "62\r\nConnection: close\r\n\r\n"
                 "Service Unavailable: too many large bodies at once; try again\n<end>");
    close(b);
    reply_all_held(&g);
    EXPECT_HEARD(&g, a, SAYS("POST", "/1?", "12345678", 17));
    say(&g, a, STR("POST /3 HTTP/1.1\r\n" H "Content-Length: 8\r\n\r\n12345678"));
    turn_loop(&g, 3);
    reply_all_held(&g);
    EXPECT_HEARD(&g, a, SAYS("POST", "/3?", "12345678", 17));
    close(a);
    rig_done(&g);
}

TEST(server, large_body_arrives_whole)
{
    struct buf CLEANUP(buf_done) body = { 0 }, head = { 0 };
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    for (int i = 0; i < 700000; i++)
        buf_printf(&body, "%06d,", i % 1000000);
    buf_printf(&head, "POST / HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n", body.n);
    say(&g, fd, buf_view(&head));
    say(&g, fd, buf_view(&body));
    say(&g, fd, STR("GET /2 HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 50);
    EXPECT_INT(g.n_held, 2);
    EXPECT(g.n_held > 0 && str_eq(g.held[0]->body, buf_view(&body)));
    for (unsigned i = 0; i < g.n_held; i++)
        exchange_reply(g.held[i], 200, STR_NONE, STR_NONE);
    g.n_held = 0;
    EXPECT_HEARD(&g, fd,
                 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    close(fd);
    rig_done(&g);
}

/* Any mix of clients: pieces, pipelines, early leaving, replies late and out of order.  What must hold:
 * nothing is touched after its end (the sanitizer looks), every request is answered once, and nothing is
 * left. */
static uint32_t chance(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 12) % below;
}

static struct str chance_bytes(uint32_t *seed)
{
    static const struct str all[] = {
        STR("GET /g HTTP/1.1\r\n" H "\r\n"),
        STR("POST /p HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody"),
        STR("POST /c HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        STR("GET /x HTTP/1.1\r\n" H "Connection: close\r\n\r\n"),
        STR("GET /bad\n"),
        STR("POST /e HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n"),
        STR("body"),
        STR("POST /l HTTP/1.1\r\n"),
    };

    return all[chance(seed, chance(seed, 8) == 0 ? ARRAY_LEN(all) : 3)];
}

static void chance_reply(struct rig *g, uint32_t *seed)
{
    static char big[300000];
    unsigned i;

    if (g->n_held == 0)
        return;
    i = chance(seed, g->n_held);
    if (chance(seed, 8) == 0)
        exchange_reply(g->held[i], 200, STR("A: b\r\n"), str_make(big, sizeof big));
    else
        echo(g->held[i]);
    g->held[i] = g->held[--g->n_held];
    if (chance(seed, 4) == 0)
        server_flush(g->server);
}

static void chance_client(struct rig *g, int *fd, uint32_t *seed)
{
    static const struct linger hard = { 1, 0 };
    struct str bytes = chance_bytes(seed);
    char sink[65536];
    ssize_t n;

    switch (chance(seed, 14)) {
    case 0:
        if (chance(seed, 2) == 0)
            setsockopt(*fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(*fd);
        *fd = dial(g);
        break;
    case 1: shutdown(*fd, SHUT_WR); break;
    case 2:
    case 3:
        while ((n = recv(*fd, sink, sizeof sink, 0)) > 0)
            ;
        if (n == 0) { /* the server has ended it */
            close(*fd);
            *fd = dial(g);
        }
        break;
    case 4:
        bytes.n = 1 + chance(seed, (uint32_t)bytes.n); /* a piece */
        /* fall through */
    default: send(*fd, bytes.p, bytes.n, MSG_NOSIGNAL);
    }
}

TEST(server, any_mix_of_clients)
{
    enum { CLIENTS = 12, STEPS = 9000 };
    struct server_limits l = server_default_limits;
    uint32_t seed = 20261123;
    struct server_stats stats;
    struct rig g;
    int fd[CLIENTS];

    l.pipelined = 5;
    l.body_idle_timeout_ms = l.header_timeout_ms = 20;
    rig_init(&g, &l);
    g.hold = true;
    for (int i = 0; i < CLIENTS; i++)
        fd[i] = dial(&g);
    for (int step = 0; step < STEPS; step++) {
        chance_client(&g, &fd[chance(&seed, CLIENTS)], &seed);
        if (chance(&seed, 3) > 0)
            turn_loop(&g, 1);
        while (g.n_held > 0 && (chance(&seed, 4) == 0 || g.n_held > MAX_HELD / 2))
            chance_reply(&g, &seed);
    }
    for (int i = 0; i < CLIENTS; i++)
        close(fd[i]);
    for (int i = 0; i < 20; i++) {
        turn_loop(&g, 3);
        reply_all_held(&g);
    }
    run_for(&g, 50);
    server_stats(g.server, &stats);
    EXPECT_INT(stats.connections_now, 0);
    EXPECT(g.n_requests > 800); /* it did go through all that */
    EXPECT(g.n_gone > 100);
    EXPECT(stats.bad_requests_total > 20);
    rig_done(&g);
}

/* ---- replies in pieces ---- */

/* Gives `left` bytes of 'p', each piece as large as may be; says "later" before every piece while `hesitant`.
 */
struct pouring {
    struct body_source source;
    struct rig *g;
    size_t left, largest;
    bool hesitant, waits, fails;
    unsigned pieces, stopped;
    char bytes[300000];
};

static enum body_piece pour(struct body_source *s, size_t most, struct str *ret)
{
    struct pouring *p = CONTAINER_OF(s, struct pouring, source);

    EXPECT(p->stopped == 0 && s->x != NULL);
    if (p->hesitant && !p->waits) {
        p->waits = true;
        return PIECE_LATER;
    }
    p->waits = false;
    if (p->left == 0)
        return p->fails ? PIECE_FAILED : PIECE_END;
    *ret = str_make(p->bytes, MIN(MIN(p->left, most), sizeof p->bytes));
    p->left -= ret->n;
    p->largest = MAX(p->largest, ret->n);
    p->pieces++;
    return PIECE_SOME;
}

static void stop_pouring(struct body_source *s) { CONTAINER_OF(s, struct pouring, source)->stopped++; }

static void pouring_init(struct pouring *p, size_t bytes)
{
    *p = (struct pouring){ .source = { .proceed = pour, .stop = stop_pouring }, .left = bytes };
    memset(p->bytes, 'p', sizeof p->bytes);
}

static void begin_pouring(struct rig *g, struct pouring *p, int64_t length)
{
    turn_loop(g, 3);
    EXPECT_INT(g->n_held, 1);
    if (g->n_held == 1)
        exchange_reply_pieces(g->held[--g->n_held], 200, STR("A: b\r\n"), length, &p->source);
}

TEST(server, pieces_with_a_length)
{
    struct pouring p;
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    pouring_init(&p, 5);
    begin_pouring(&g, &p, 5);
    EXPECT_HEARD(&g, fd, "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\nppppp");
    EXPECT_INT(p.stopped, 1);
    say(&g, fd, STR("HEAD /1 HTTP/1.1\r\n" H "\r\n"));
    pouring_init(&p, 5);
    begin_pouring(&g, &p, 5);
    EXPECT_HEARD(&g, fd, "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\n");
    EXPECT(p.stopped == 1 && p.pieces == 0);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    pouring_init(&p, 0);
    begin_pouring(&g, &p, 0);
    EXPECT_HEARD(&g, fd, "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n");
    EXPECT_INT(p.stopped, 1);
    close(fd);
    rig_done(&g);
}

TEST(server, pieces_of_unknown_length)
{
    struct pouring p;
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    pouring_init(&p, 17);
    begin_pouring(&g, &p, BODY_BYTES_UNKNOWN);
    EXPECT_HEARD(
        &g, fd,
        "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n11\r\nppppppppppppppppp\r\n0\r\n\r\n");
    EXPECT_INT(p.stopped, 1);
    say(&g, fd, STR("GET /1 HTTP/1.0\r\n" H "Connection: keep-alive\r\n\r\n"));
    pouring_init(&p, 3);
    begin_pouring(&g, &p, BODY_BYTES_UNKNOWN);
    EXPECT_HEARD(&g, fd, "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\nppp<end>");
    EXPECT_INT(p.stopped, 1);
    close(fd);
    rig_done(&g);
}

/* Events: nothing for long, then some; a request that came meanwhile is answered behind them. */
TEST(server, pieces_that_come_later)
{
    struct server_limits l = quick_limits();
    struct pouring p;
    struct rig g;
    int fd;

    l.write_idle_timeout_ms = 20;
    rig_init(&g, &l);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    pouring_init(&p, 2);
    p.hesitant = true;
    begin_pouring(&g, &p, BODY_BYTES_UNKNOWN);
    EXPECT_HEARD(&g, fd, "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n");
    say(&g, fd, STR("GET /2 HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 3);
    reply_all_held(&g);
    run_for(&g, 150); /* no deadline ends it */
    EXPECT_HEARD(&g, fd, "");
    exchange_resume(p.source.x);
    EXPECT_HEARD(&g, fd, "2\r\npp\r\n");
    exchange_resume(p.source.x);
    EXPECT_HEARD(&g, fd, "0\r\n\r\n" SAYS("GET", "/2?", "", 8));
    EXPECT_INT(p.stopped, 1);
    close(fd);
    rig_done(&g);
}

/* Who does not read is given what the kernel holds and one piece; when he reads, all. */
TEST(server, pieces_are_pulled)
{
    enum { ALL = 40 << 20 };
    struct buf CLEANUP(buf_done) got = { 0 };
    struct pouring p;
    struct rig g;
    size_t total = 0, then;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    pouring_init(&p, ALL);
    begin_pouring(&g, &p, ALL);
    turn_loop(&g, 300);
    then = p.left;
    turn_loop(&g, 300);
    EXPECT(p.left == then && then > ALL / 2);
    EXPECT(p.largest <= 256 << 10 && p.stopped == 0);
    for (int i = 0; i < 2000 && p.stopped == 0; i++) {
        hear(&g, fd, &got);
        total += got.n;
    }
    hear(&g, fd, &got);
    EXPECT_INT(total + got.n, ALL + strlen("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 41943040\r\n\r\n"));
    say(&g, fd, STR("GET /2 HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 3);
    reply_all_held(&g);
    EXPECT_HEARD(&g, fd, SAYS("GET", "/2?", "", 8));
    close(fd);
    rig_done(&g);
}

TEST(server, pieces_that_fail_or_end_too_soon)
{
    for (int fails = 0; fails < 2; fails++) {
        struct pouring p;
        struct rig g;
        int fd;

        rig_init(&g, NULL);
        g.hold = true;
        fd = dial(&g);
        say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
        pouring_init(&p, 5);
        p.fails = fails;
        begin_pouring(&g, &p, 6);
        EXPECT_HEARD(&g, fd, "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 6\r\n\r\nppppp<end>");
        EXPECT_INT(p.stopped, 1);
        close(fd);
        rig_done(&g);
    }
}

/* At any point, and before the reply. */
TEST(server, pieces_for_a_client_that_left)
{
    static const struct linger hard = { 1, 0 };

    for (int when = 0; when < 3; when++) {
        struct pouring p;
        struct rig g;
        int fd;

        rig_init(&g, NULL);
        g.hold = true;
        fd = dial(&g);
        say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
        turn_loop(&g, 3);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        if (when == 0) {
            close(fd);
            turn_loop(&g, 3);
            EXPECT_INT(g.n_gone, 1);
        }
        pouring_init(&p, 40 << 20);
        p.hesitant = when == 2;
        begin_pouring(&g, &p, 40 << 20);
        turn_loop(&g, 20);
        if (when > 0) {
            EXPECT_INT(p.stopped, 0);
            close(fd);
        }
        turn_loop(&g, 20);
        EXPECT_INT(p.stopped, 1);
        rig_done(&g);
    }
}

TEST(server, pieces_nobody_takes_end_in_time)
{
    struct server_limits l = server_default_limits;
    struct server_stats stats;
    struct pouring p;
    struct rig g;
    int fd;

    l.write_idle_timeout_ms = 25;
    rig_init(&g, &l);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    pouring_init(&p, 40 << 20);
    begin_pouring(&g, &p, 40 << 20);
    for (int i = 0; i < 1000 && p.stopped == 0; i++)
        run_for(&g, 10);
    EXPECT_INT(p.stopped, 1);
    server_stats(g.server, &stats);
    EXPECT_INT(stats.connections_now, 0);
    close(fd);
    rig_done(&g);
}

/* Many clients that do not read: who holds most goes first, and only as long as it is too much. */
TEST(server, unsent_replies_of_all_are_bounded)
{
    enum { N = 12 };
    struct server_limits l = server_default_limits;
    struct server_stats stats;
    struct rig g;
    int fd[N];

    l.unsent_bytes = 8 << 20;
    rig_init_megabytes(&g, &l);
    for (int i = 0; i < N; i++) {
        fd[i] = dial(&g);
        for (int k = 0; k < 10; k++)
            say(&g, fd[i], STR("GET /n HTTP/1.1\r\n" H "\r\n"));
        turn_loop(&g, 5);
    }
    server_stats(g.server, &stats);
    EXPECT(stats.connections_now >= 4 && stats.connections_now < N);
    EXPECT(g.server->unsent_bytes <= l.unsent_bytes && g.server->unsent_bytes > l.unsent_bytes / 2);
    for (int i = 0; i < N; i++)
        close(fd[i]);
    rig_done(&g);
}

/* ---- writing ---- */

static void reply_in_timer(uv_timer_t *timer) { reply_all_held(timer->data); }
static void reply_in_prepare(uv_prepare_t *prepare) { reply_all_held(prepare->data); }

/* Wherever in an iteration a reply is made, the loop does not go to sleep on it. */
TEST(server, replies_made_in_any_phase_leave)
{
    for (int phase = 0; phase < 2; phase++) {
        uv_timer_t timer, stop;
        uv_prepare_t prepare;
        struct rig g;
        int fd;

        rig_init(&g, NULL);
        g.hold = true;
        fd = dial(&g);
        say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
        turn_loop(&g, 3);
        EXPECT_INT(g.n_held, 1);
        uv_timer_init(&g.loop, &timer);
        uv_timer_init(&g.loop, &stop);
        uv_prepare_init(&g.loop, &prepare);
        timer.data = prepare.data = &g;
        if (phase == 0)
            uv_timer_start(&timer, reply_in_timer, 1, 0);
        else
            uv_prepare_start(&prepare, reply_in_prepare);
        uv_timer_start(&stop, (uv_timer_cb)uv_stop, 90, 0);
        for (int i = 0; i < 4 && poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 0; i++)
            uv_run(&g.loop, UV_RUN_ONCE);
        EXPECT(uv_is_active((uv_handle_t *)&stop)); /* it did not take that long */
        EXPECT_HEARD(&g, fd, SAYS("GET", "/1?", "", 8));
        uv_close((uv_handle_t *)&timer, NULL);
        uv_close((uv_handle_t *)&stop, NULL);
        uv_close((uv_handle_t *)&prepare, NULL);
        close(fd);
        rig_done(&g);
    }
}

TEST(server, flush_writes_at_once)
{
    struct rig g;
    char bytes[512];
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 3);
    reply_all_held(&g);
    EXPECT_INT(recv(fd, bytes, sizeof bytes, 0), -1);
    server_flush(g.server);
    EXPECT(recv(fd, bytes, sizeof bytes, 0) > 0);
    close(fd);
    rig_done(&g);
}

/* ---- the server's own life ---- */

static void on_server_closed(void *arg)
{
    struct rig *g = arg;

    EXPECT(!g->closed);
    g->closed = true;
    g->server = NULL;
}

TEST(server, close_waits_for_replies)
{
    struct rig g;
    int idle, busy;

    rig_init(&g, NULL);
    g.hold = true;
    idle = dial(&g);
    busy = dial(&g);
    say(&g, busy, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    turn_loop(&g, 3);
    server_close(g.server, on_server_closed, &g);
    EXPECT_HEARD(&g, idle, "<end>");
    EXPECT_HEARD(&g, busy, "");
    EXPECT(!g.closed);
    reply_all_held(&g);
    EXPECT_HEARD(&g, busy, OK202 "Content-Length: 8\r\nConnection: close\r\n\r\nGET /1? <end>");
    turn_loop(&g, 3);
    EXPECT(g.closed);
    close(idle);
    close(busy);
    rig_done(&g);
}

TEST(server, close_lets_a_begun_request_end)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    fd = dial(&g);
    say(&g, fd, STR("POST /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nh"));
    turn_loop(&g, 3);
    server_close(g.server, on_server_closed, &g);
    turn_loop(&g, 3);
    EXPECT(!g.closed);
    say(&g, fd, STR("i"));
    EXPECT_HEARD(&g, fd, OK202 "Content-Length: 11\r\nConnection: close\r\n\r\nPOST /1? hi<end>");
    turn_loop(&g, 3);
    EXPECT(g.closed);
    close(fd);
    rig_done(&g);
}

TEST(server, abort_leaves_orphans_valid)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    g.hold = true;
    fd = dial(&g);
    say(&g, fd, STR("POST /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi"));
    turn_loop(&g, 3);
    server_abort(g.server);
    g.server = NULL;
    EXPECT_INT(g.n_gone, 1);
    turn_loop(&g, 5);
    EXPECT_STR(g.held[0]->body, STR("hi"));
    reply_all_held(&g);
    close(fd);
    rig_done(&g);
}

static void abort_on_request(struct exchange *x, void *arg)
{
    struct rig *g = arg;

    server_abort(TAKE(g->server));
    EXPECT(x->gone);
    exchange_reply(x, 200, STR_NONE, STR("late"));
}

TEST(server, abort_within_a_request)
{
    struct rig g;
    int fd;

    rig_init(&g, NULL);
    server_abort(g.server);
    EXPECT_INT(server_listen(&g.loop, "127.0.0.1", 0, NULL, abort_on_request, NULL, &g, &g.server), 0);
    g.port = server_port(g.server);
    fd = dial(&g);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n"));
    EXPECT_HEARD(&g, fd, "<end>");
    close(fd);
    rig_done(&g);
}

TEST(server, port_taken)
{
    struct server *other = NULL;
    struct rig g;

    rig_init(&g, NULL);
    EXPECT_INT(server_listen(&g.loop, "127.0.0.1", g.port, NULL, on_request, NULL, &g, &other), -E_BUSY);
    EXPECT_INT(server_listen(&g.loop, "localhost", 0, NULL, on_request, NULL, &g, &other), -E_SYSTEM);
    EXPECT_INT(server_listen(&g.loop, "203.0.113.1", 0, NULL, on_request, NULL, &g, &other), -E_SYSTEM);
    EXPECT(other == NULL);
    rig_done(&g);
}

/* One server per environment: many on one loop, each small, each alone in its fate. */
TEST(server, many_servers_on_one_loop)
{
    enum { N = 300 };
    struct server *all[N] = { 0 };
    struct rig g;
    int fd, last;

    rig_init(&g, NULL);
    for (int i = 0; i < N; i++)
        EXPECT_INT(server_listen(&g.loop, "127.0.0.1", 0, NULL, on_request, NULL, &g, &all[i]), 0);
    fd = dial(&g);
    g.port = server_port(all[N - 1]);
    last = dial(&g);
    for (int i = 0; i < N - 1; i++)
        server_abort(all[i]);
    say(&g, fd, STR("GET /1 HTTP/1.1\r\n" H "\r\n"));
    say(&g, last, STR("GET /2 HTTP/1.1\r\n" H "\r\n"));
    EXPECT_HEARD(&g, fd, SAYS("GET", "/1?", "", 8));
    EXPECT_HEARD(&g, last, SAYS("GET", "/2?", "", 8));
    server_abort(all[N - 1]);
    EXPECT_HEARD(&g, last, "<end>");
    close(fd);
    close(last);
    rig_done(&g);
}

UNIT_MAIN
