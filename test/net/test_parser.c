/* test_parser.c - bytes in, requests or refusals out, however the bytes are cut: whole, one by one, in two at
 * every place.  Rows of one table, most of them attempts to make two readers disagree (request smuggling). */
#include "test/unit.h"
#include "transcript.h"

static size_t cut_at(void *arg, size_t left)
{
    size_t n = *(size_t *)arg;

    *(size_t *)arg = left;
    return n > 0 && n < left ? n : left;
}

static void expect_transcript(struct str bytes, const struct server_limits *limits, const char *want)
{
    struct buf CLEANUP(buf_done) whole = { 0 }, ones = { 0 }, two = { 0 };

    transcript(bytes, limits, cut_all, NULL, &whole);
    EXPECT_STR(buf_view(&whole), str_of(want));
    transcript(bytes, limits, cut_ones, NULL, &ones);
    EXPECT_STR(buf_view(&ones), str_of(want));
    for (size_t i = 1; i < MIN(bytes.n, (size_t)400) && unit_bad == 0; i++) {
        size_t at = i;

        buf_clear(&two);
        transcript(bytes, limits, cut_at, &at, &two);
        EXPECT_STR(buf_view(&two), str_of(want));
    }
}

#define H "Host: x\r\n"
struct row {
    struct str bytes;
    const char *want;
};
#define ROW(bytes, want) \
    {                    \
        STR(bytes), want \
    }

static void expect_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        expect_transcript(rows[i].bytes, &server_default_limits, rows[i].want);
}
#define EXPECT_ROWS(rows) expect_rows(rows, ARRAY_LEN(rows))

TEST(parser, accepted)
{
    static const struct row rows[] = {
        ROW("GET / HTTP/1.1\r\n" H "\r\n", "GET / 1.1 keep [Host=x] \"\"\n"),
        ROW("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n\r\n", "GET / 1.1 keep [Host=x] \"\"\n"),
        ROW("GET /a%2Fb/..;x=%zz?q=%20&& HTTP/1.1\r\n" H "\r\n",
            "GET /a%2Fb/..;x=%zz?q=%20&& 1.1 keep [Host=x] \"\"\n"),
        ROW("GET /?a?b HTTP/1.1\r\n" H "\r\n", "GET /?a?b 1.1 keep [Host=x] \"\"\n"),
        ROW("OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * 1.1 keep [Host=x] \"\"\n"),
        ROW("GET http://h:1/p?q HTTP/1.1\r\n" H "\r\n", "GET /p?q 1.1 keep [Host=h:1] \"\"\n"),
        ROW("GET http://h HTTP/1.1\r\n" H "\r\n", "GET / 1.1 keep [Host=h] \"\"\n"),
        ROW("GET http://h?q HTTP/1.0\r\n\r\n", "GET /?q 1.0 close [Host=h] \"\"\n"),
        ROW("GET / HTTP/1.1\r\nhost:\t x \t\r\nEmpty:\r\nA: b  c\r\n\r\n",
            "GET / 1.1 keep [host=x][Empty=][A=b  c] \"\"\n"),
        ROW("GET / HTTP/1.1\r\n" H "A: \xc3\xa4\xff\r\n\r\n",
            "GET / 1.1 keep [Host=x][A=\xc3\xa4\xff] \"\"\n"),
        ROW("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close  \"\"\n"),
        ROW("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET / 1.0 keep [Connection=keep-alive] \"\"\n"),
        ROW("GET / HTTP/1.1\r\n" H "Connection: x, Close\r\n\r\n",
            "GET / 1.1 close [Host=x][Connection=x, Close] \"\"\n"),
        ROW("GET / HTTP/1.1\r\n" H
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
            "GET / 1.1 keep [Host=x][Connection=Upgrade, HTTP2-Settings][Upgrade=h2c] \"\"\nGET /2 1.1 keep "
            "[Host=x] \"\"\n"),
        ROW("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\n" H "\r\n",
            "POST / 1.1 keep [Host=x][Content-Length=5] \"hello\"\nGET /2 1.1 keep [Host=x] \"\"\n"),
        ROW("POST / HTTP/1.1\r\n" H "\r\n", "POST / 1.1 keep [Host=x] \"\"\n"),
        ROW("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\nGET /never HTTP/1.1\r\n" H "\r\n",
            "GET / 1.1 close [Host=x][Connection=close] \"\"\n"),
        ROW("GET / HTTP/1.1\r\n" H "A: b\r\n", "unfinished\n"),
        ROW("\r", "unfinished\n"),
        ROW("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhell", "unfinished\n"),
    };

    EXPECT_ROWS(rows);
}

TEST(parser, body_may_hold_anything)
{
    struct buf CLEANUP(buf_done) got = { 0 };

    transcript(STR("POST / HTTP/1.1\r\n" H "Content-Length: 005 \r\n\r\nh\r\n\0o"), &server_default_limits,
               cut_ones, NULL, &got);
    EXPECT_STR(buf_view(&got), STR("POST / 1.1 keep [Host=x][Content-Length=005] \"h\r\n\0o\"\n"));
}

TEST(parser, chunks)
{
#define CH "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
#define GOT "POST / 1.1 keep [Host=x][Transfer-Encoding=chunked] "
    static const struct row rows[] = {
        ROW(CH "0\r\n\r\n", GOT "\"\"\n"),
        ROW(CH "5\r\nhello\r\n0\r\n\r\n", GOT "\"hello\"\n"),
        ROW(CH "2\r\nhe\r\n0003\r\nllo\r\n00\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
            GOT "\"hello\"\nGET /2 1.1 keep [Host=x] \"\"\n"),
        ROW(CH "A;x=1;y=\"2\"\r\n0123456789\r\n0;last\r\n\r\n", GOT "\"0123456789\"\n"),
        ROW(CH "1\r\na\r\n0\r\nChecksum: abc\r\nX:\r\n\r\n", GOT "\"a\"\n"),
        ROW(CH "2\r\n\r\n\r\n0\r\n\r\n", GOT "\"\r\n\"\n"),
        ROW(CH "1\r\na\r\n0\r\n", "unfinished\n"),
        ROW(CH "\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "g\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "+5\r\nhello\r\n0\r\n\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "-1\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "0x5\r\nhello\r\n", "refused 400: malformed chunk\n"),
        ROW(CH " 5\r\nhello\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "5 \r\nhello\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "5\nhello\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "5;a\nhello\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "5;a\rb\r\nhello\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "5\r\nhelloX\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "5\r\nhello\n0\r\n\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "5\r\nhello\r\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "0000000000000001\r\na\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "fffffffffffffff0\r\na", "refused 400: malformed chunk\n"),
        ROW(CH "fffffffffffffff\r\n", "unfinished\n"),
        ROW(CH "0\r\n A: b\r\n\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "0\r\nA : b\r\n\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "0\r\nnocolon\r\n\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "0\r\nA: b\n\r\n", "refused 400: malformed chunk\n"),
        ROW(CH "0\r\n\rX", "refused 400: malformed chunk\n"),
    };

    EXPECT_ROWS(rows);
}

/* Only that it is refused, and with what; the text is llhttp's in some. */
static void expect_refused(struct str bytes, int status)
{
    struct buf CLEANUP(buf_done) got = { 0 }, ones = { 0 };
    char want[24];

    snprintf(want, sizeof want, "refused %d: ", status);
    transcript(bytes, &server_default_limits, cut_all, NULL, &got);
    if (!str_starts(buf_view(&got), str_of(want)))
        UNIT_FAIL("of %s: got %s, want %s", bytes.p, got.p != NULL ? got.p : "nothing", want);
    transcript(bytes, &server_default_limits, cut_ones, NULL, &ones);
    EXPECT_STR(buf_view(&ones), buf_view(&got));
}

TEST(parser, smuggling)
{
#define P "POST / HTTP/1.1\r\n" H
    static const struct {
        struct str bytes;
        int status;
    } rows[] = {
#define R(text, status) { STR(text), status }
        R("GET / HTTP/1.1\nHost: x\n\n", 400), /* LF only */
        R("GET / HTTP/1.1\r\n" H "A: b\n\r\n", 400),
        R("GET / HTTP/1.1\r\n" H "A: b\rGET /x HTTP/1.1\r\n\r\n", 400), /* bare CR */
        R("GET / HTTP/1.1\r\n" H "A: b\r\r\n\r\n", 400),
        R("GET / HTTP/1.1\r" H "\r\n", 400),
        R("GET / HTTP/1.1\r\n" H "\rX", 400),
        R("\rGET / HTTP/1.1\r\n" H "\r\n", 400),
        R("\nGET / HTTP/1.1\r\n" H "\r\n", 400),
        R("GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),                /* blank-led first line */
        R("GET / HTTP/1.1\r\n" H " Content-Length: 5\r\n\r\n", 400), /* blank-led */
        R("GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n", 400),        /* folded */
        R("GET / HTTP/1.1\r\n" H "A: b\0c\r\n\r\n", 400),            /* NUL */
        R("GET /\0 HTTP/1.1\r\n" H "\r\n", 400),
        R("GET / HTTP/1.1\r\n" H "A\x01: b\r\n\r\n", 400),
        R("GET / HTTP/1.1\r\n" H "A: \x7f\r\n\r\n", 400),
        R("GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", 400), /* blank before the colon */
        R("GET / HTTP/1.1\r\n" H "A\t: b\r\n\r\n", 400),
        R("GET / HTTP/1.1\r\n" H "nocolon\r\n\r\n", 400),
        R("GET / HTTP/1.1\r\n" H ": v\r\n\r\n", 400),
        R("GET / HTTP/1.1\r\n" H "A(b): v\r\n\r\n", 400),
        R(P "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        R(P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        R(P "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400), /* twice, even if equal */
        R(P "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
        R(P "Content-Length: 5, 5\r\n\r\nhello", 400),
        R(P "Content-Length: +5\r\n\r\nhello", 400),
        R(P "Content-Length: -5\r\n\r\nhello", 400),
        R(P "Content-Length: 0x5\r\n\r\nhello", 400),
        R(P "Content-Length: 5 5\r\n\r\nhello", 400),
        R(P "Content-Length: 5a\r\n\r\nhello", 400),
        R(P "Content-Length:\r\n\r\nhello", 400),
        R(P "Content-Length: \r\n\r\nhello", 400),
        R(P "Content-Length: 99999999999999999999\r\n\r\n", 400),
        R(P "Content-Length: 18446744073709551617\r\n\r\n", 400),
        R(P "Content-Length: 9223372036854775807\r\n\r\n", 413),
        R(P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        R(P "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        R(P "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        R(P "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        R(P "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        R(P "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501),
        R(P "Transfer-Encoding:\r\n\r\n", 501),
        R(P "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        R("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        R("POST / HTTP/1.0\r\n\r\n", 411),
        R("GET / HTTP/1.1\r\n\r\n", 400), /* no Host */
        R("GET / HTTP/1.1\r\n" H H "\r\n", 400),
        R("FOO / HTTP/1.1\r\n" H "\r\n", 400),
        R("get / HTTP/1.1\r\n" H "\r\n", 400),
        R("GET/ HTTP/1.1\r\n" H "\r\n", 400),
        R(" GET / HTTP/1.1\r\n" H "\r\n", 400),
        R("GET  / HTTP/1.1\r\n" H "\r\n", 400),
        R("GET /  HTTP/1.1\r\n" H "\r\n", 400),
        R("GET / HTTP/1.1 \r\n" H "\r\n", 505),
        R("GET /a b HTTP/1.1\r\n" H "\r\n", 400),
        R("GET HTTP/1.1\r\n" H "\r\n", 400),
        R("GET /\r\n" H "\r\n", 400),
        R("GET \r\n\r\n", 400),
        R("GET x HTTP/1.1\r\n" H "\r\n", 400),
        R("GET * HTTP/1.1\r\n" H "\r\n", 400),
        R("GET /#f HTTP/1.1\r\n" H "\r\n", 400),
        R("GET http:// HTTP/1.1\r\n" H "\r\n", 400),
        R("GET http://u@h/ HTTP/1.1\r\n" H "\r\n", 400),
        R("GET ftp://h/ HTTP/1.1\r\n" H "\r\n", 400),
        R("CONNECT h:1 HTTP/1.1\r\n" H "\r\n", 501),
        R("GET / HTTP/2.0\r\n" H "\r\n", 505),
        R("GET / HTTP/0.9\r\n" H "\r\n", 505),
        R("GET / HTTP/1.2\r\n" H "\r\n", 505),
        R("GET / http/1.1\r\n" H "\r\n", 400),
        R("GET / RTSP/1.0\r\n" H "\r\n", 400),
        R("SOURCE / ICE/1.0\r\n" H "\r\n", 400),
        R("HTTP/1.1 200 OK\r\n\r\n", 400),
        R("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        R("PRI * HTTP/1.1\r\n" H "\r\n", 505),
        R("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400), /* TLS */
        R(P "Expect: 200-ok\r\nContent-Length: 5\r\n\r\n", 417),
#undef R
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_refused(rows[i].bytes, rows[i].status);
}

static struct server_limits small_limits(void)
{
    struct server_limits l = server_default_limits;

    l.header_bytes = 64;
    l.body_bytes = 8;
    l.total_body_bytes = 4096 + 100 + 2000; /* of one request: its own, its head, a body */
    return l;
}

TEST(parser, limits)
{
    struct server_limits l = small_limits(), tight = small_limits();
    static const char fits[] = "GET / HTTP/1.1\r\nHost: x\r\nA: 12345678901234567890123456789012\r\n\r\n";

    tight.body_bytes = 4000;
    EXPECT_INT(sizeof fits - 1, 64);
    expect_transcript(str_of(fits), &l, "GET / 1.1 keep [Host=x][A=12345678901234567890123456789012] \"\"\n");
    expect_transcript(STR("GET / HTTP/1.1\r\nHost: x\r\nA: 123456789012345678901234567890123\r\n\r\n"), &l,
                      "refused 431: the request's headers are too long\n");
    expect_transcript(STR("GET /1234567890123456789012345678901234567890123456789012345678901234567890"), &l,
                      "refused 414: the request line is too long\n");
    expect_transcript(STR(P "Content-Length: 9\r\n\r\n"), &l, "refused 413: the body is too large\n");
    expect_transcript(STR(P "Content-Length: 8\r\n\r\n12345678"), &l,
                      "POST / 1.1 keep [Host=x][Content-Length=8] \"12345678\"\n");
    expect_transcript(STR(CH "4\r\n1234\r\n5\r\n12345\r\n0\r\n\r\n"), &l,
                      "refused 413: the body is too large\n");
    expect_transcript(STR(P "Content-Length: 3001\r\n\r\n1"), &tight,
                      "refused 503: too many large bodies at once; try again\n");
    expect_transcript(STR(P "Content-Length: 3001\r\n\r\n"), &tight, "unfinished\n");
}

static void repeat(struct buf *b, const char *z, int n)
{
    while (n-- > 0)
        buf_z(b, z);
}

/* Nobody knows how long a body in chunks will be; what is kept free for it must not count for more than one
 * may be. */
TEST(parser, the_largest_body_in_chunks)
{
    struct buf CLEANUP(buf_done) b = { 0 }, want = { 0 };
    struct server_limits l = small_limits();

    l.body_bytes = 2000;
    buf_z(&b, CH "5dc\r\n");
    repeat(&b, "x", 1500);
    buf_z(&b, "\r\n1f4\r\n");
    repeat(&b, "x", 500);
    buf_z(&b, "\r\n0\r\n\r\n");
    buf_z(&want, "POST / 1.1 keep [Host=x][Transfer-Encoding=chunked] \"");
    repeat(&want, "x", 2000);
    buf_z(&want, "\"\n");
    buf_add(&want, "", 1);
    expect_transcript(buf_view(&b), &l, want.p);
}

TEST(parser, refused_in_the_head_of_a_head)
{
    struct server_limits l = small_limits();

    expect_transcript(STR("HEAD / HTTP/1.1\r\n\r\n"), &l, "refused 400 HEAD: no Host header\n");
    expect_transcript(STR("\r\nHEAD / HTTP/1.1\n"), &l, "refused 400 HEAD: LF without CR\n");
    expect_transcript(STR("HEAD /1234567890123456789012345678901234567890123456789012345678901234567890"), &l,
                      "refused 414 HEAD: the request line is too long\n");
    expect_transcript(STR("HEADS / HTTP/1.1\n"), &l, "refused 400: LF without CR\n");
    expect_transcript(STR("GET / HTTP/1.1\r\n" H "\r\nHEAD /\n"), &l,
                      "GET / 1.1 keep [Host=x] \"\"\nrefused 400 HEAD: LF without CR\n");
}

TEST(parser, many_headers)
{
    struct buf CLEANUP(buf_done) b = { 0 }, got = { 0 };

    buf_z(&b, "GET / HTTP/1.1\r\n" H);
    repeat(&b, "a:\r\n", HEAD_MAX_HEADERS);
    buf_z(&b, "\r\n");
    transcript(buf_view(&b), &server_default_limits, cut_all, NULL, &got);
    EXPECT_STR(buf_view(&got), STR("refused 431: too many headers\n"));
}

TEST(parser, long_extensions_and_trailers)
{
    for (int trailer = 0; trailer < 2; trailer++) {
        struct buf CLEANUP(buf_done) b = { 0 }, got = { 0 };

        buf_z(&b, trailer ? CH "0\r\nA: " : CH "5;");
        repeat(&b, "x", CHUNK_MAX_EXTENSION_BYTES + 1);
        transcript(buf_view(&b), &server_default_limits, cut_all, NULL, &got);
        EXPECT_STR(buf_view(&got), STR("refused 431: chunk extensions or trailers are too long\n"));
    }
}

static size_t cut_9000(void *arg, size_t left)
{
    (void)arg;
    return MIN(left, (size_t)9000);
}

/* Through the arena, through a growing buffer, and in place, with a request behind it. */
/* A body is charged as it comes: who announces much and sends little takes nobody's room. */
TEST(parser, an_announced_body_takes_no_room)
{
    struct server_limits l = server_default_limits;
    static char some[40000]; /* of what lies ready less is left than is worth a read */
    struct str head = STR("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n");
    struct str body = { some, sizeof some };
    size_t held = 0, n = 0;
    struct http1 h;
    struct request *r;

    l.body_bytes = 8000000;
    l.total_body_bytes = 1000000;
    http1_init(&h, &l, &held);
    EXPECT_INT(http1_feed(&h, &head), HTTP1_HEAD);
    EXPECT_INT(http1_feed(&h, &body), HTTP1_MORE);
    EXPECT(http1_body_space(&h, &n) != NULL);
    EXPECT(n > 0 && held < 500000);
    r = h.request;
    http1_stop(&h);
    request_free(r);
}

TEST(parser, large_bodies)
{
    static const size_t sizes[] = { 16384, 16385, 65536, 300000, 1048577 };

    for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
        struct buf CLEANUP(buf_done) b = { 0 }, got = { 0 }, want = { 0 };
        size_t n = sizes[i / 2], begin;

        if (i % 2 == 0)
            buf_printf(&b, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", n);
        else
            buf_printf(&b, CH "%zx\r\n", n);
        begin = b.n;
        for (size_t k = 0; k < n; k++)
            buf_char(&b, (char)('a' + k % 23));
        buf_str(&want, str_sub(buf_view(&b), begin, b.n));
        buf_z(&want, "\"\nGET /2 1.1 keep [Host=x] \"\"\n");
        buf_z(&b, i % 2 == 0 ? "" : "\r\n0\r\n\r\n");
        buf_z(&b, "GET /2 HTTP/1.1\r\n" H "\r\n");
        transcript(buf_view(&b), &server_default_limits, cut_9000, NULL, &got);
        EXPECT(str_ends(buf_view(&got), buf_view(&want)));
    }
}

UNIT_MAIN
