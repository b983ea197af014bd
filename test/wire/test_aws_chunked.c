/* test_aws_chunked.c - S3's own chunks: framing, trailers, and what becomes of the headers. */
#include "net/exchange.h"
#include "unit.h"
#include "wire/aws_chunked.h"

#define SIG ";chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"

static const struct {
    const char *in;
    int error;
    const char *out;
    size_t trailers;
} framings[] = {
    { "0\r\n\r\n", 0, "", 0 },
    { "0\r\n", 0, "", 0 }, /* some clients leave out the last line */
    { "5\r\nhello\r\n0\r\n\r\n", 0, "hello", 0 },
    { "5" SIG "\r\nhello\r\n0" SIG "\r\n\r\n", 0, "hello", 0 },
    { "00005\r\nhello\r\n0000\r\n\r\n", 0, "hello", 0 },
    { "A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n", 0, "0123456789abcdefghij", 0 },
    { "2\r\n\r\n\r\n0\r\n\r\n", 0, "\r\n", 0 },
    { "1\r\na\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", 0, "a", 1 },
    { "1\r\na\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n", 0, "a", 1 },
    { "1\r\na\r\n0\r\nx-amz-checksum-crc32: AAAAAA== \r\nx-amz-trailer-signature:00\r\n\r\n", 0, "a", 2 },
    { "", -E_TRUNCATED, NULL, 0 },
    { "5", -E_TRUNCATED, NULL, 0 },
    { "5\r\nhel", -E_TRUNCATED, NULL, 0 },
    { "5\r\nhello", -E_TRUNCATED, NULL, 0 },
    { "5\r\nhello\r", -E_TRUNCATED, NULL, 0 },
    { "5\r\nhello\r\n", -E_TRUNCATED, NULL, 0 },
    { "5\r\nhello\r\n0\r\nx-amz", -E_TRUNCATED, NULL, 0 },
    { "fffffffffff\r\nhello\r\n0\r\n\r\n", -E_TRUNCATED, NULL, 0 },
    { "5\nhello\r\n0\r\n\r\n", -E_INVALID, NULL, 0 },
    { "5\r\nhello!\r\n0\r\n\r\n", -E_INVALID, NULL, 0 },
    { "-1\r\nhello\r\n", -E_INVALID, NULL, 0 },
    { "\r\nhello\r\n", -E_INVALID, NULL, 0 },
    { "0x5\r\nhello\r\n0\r\n\r\n", -E_INVALID, NULL, 0 },
    { "fffffffffffff\r\nhello\r\n", -E_INVALID, NULL, 0 },
    { "5;extension=1\r\nhello\r\n0\r\n\r\n", -E_INVALID, NULL, 0 },
    { "0\r\nno colon\r\n\r\n", -E_INVALID, NULL, 0 },
    { "0\r\n:value\r\n\r\n", -E_INVALID, NULL, 0 },
    { "0\r\n\r\nmore", -E_INVALID, NULL, 0 },
    { "0\r\na:1\r\nb:1\r\nc:1\r\nd:1\r\ne:1\r\nf:1\r\ng:1\r\nh:1\r\ni:1\r\n\r\n", -E_LIMIT, NULL, 0 },
};

TEST(aws_chunked, framing)
{
    for (size_t i = 0; i < ARRAY_LEN(framings); i++) {
        struct aws_chunked c;
        char *copy = malloc(strlen(framings[i].in) + 1); /* so that a step too far is seen */
        memcpy(copy, framings[i].in, strlen(framings[i].in));
        int e = aws_chunked_decode(copy, strlen(framings[i].in), &c);
        if (e != framings[i].error)
            UNIT_FAIL("row %zu: got %d, want %d", i, e, framings[i].error);
        else if (e == 0) {
            EXPECT_STR(str_make(copy, c.n), str_of(framings[i].out));
            EXPECT_INT(c.n_trailers, framings[i].trailers);
        }
        free(copy);
    }
}

TEST(aws_chunked, every_cut_is_refused)
{
    const char *whole = "5" SIG "\r\nhello\r\n10000\r\n"; /* its second chunk is not there */

    for (size_t n = 0; n < strlen(whole); n++) {
        struct aws_chunked c;
        char copy[256];
        memcpy(copy, whole, n);
        EXPECT_INT(aws_chunked_decode(copy, n, &c), -E_TRUNCATED);
    }
}

TEST(aws_chunked, long_lines)
{
    struct aws_chunked c;
    char body[4096];

    memset(body, '0', sizeof(body));
    EXPECT_INT(aws_chunked_decode(body, sizeof(body), &c), -E_INVALID);
    memcpy(body, "0\r\nx:", 5);
    EXPECT_INT(aws_chunked_decode(body, sizeof(body), &c), -E_LIMIT);
}

static struct str header(const struct exchange *x, const char *name)
{
    for (size_t i = 0; i < x->n_headers; i++)
        if (str_eq_nocase(x->headers[i].name, str_of(name)))
            return x->headers[i].value;
    return STR_NONE;
}

struct opened {
    struct exchange x;
    struct header headers[8];
    struct fault fault;
    struct arena *a;
    char body[512];
    int error;
};

static void open_body(struct opened *o, const char *sha256, const char *length, const char *trailer,
                      const char *coding, const char *body)
{
    const char *const pairs[][2] = {
        { "x-amz-content-sha256", sha256 }, { "X-Amz-Decoded-Content-Length", length },
        { "x-amz-trailer", trailer },       { "Content-Encoding", coding },
        { "Content-Length", "999" },        { "X-Other", "kept" }
    };

    *o = (struct opened){ .a = arena_new(0) };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (pairs[i][1] != NULL)
            o->headers[o->x.n_headers++] = (struct header){ str_of(pairs[i][0]), str_of(pairs[i][1]) };
    o->x.headers = o->headers;
    memcpy(o->body, body, strlen(body));
    o->x.body = str_make(o->body, strlen(body));
    o->error = aws_chunked_open(o->a, &o->x, &o->fault);
}

#define STREAM "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
#define TRAILED "5\r\nhello\r\n0\r\nx-amz-checksum-crc32c:yZRlqg==\r\n\r\n"

TEST(aws_chunked, a_request)
{
    struct opened o;

    open_body(&o, STREAM, "5", "x-amz-checksum-crc32c", "aws-chunked", TRAILED);
    EXPECT_INT(o.error, 0);
    EXPECT_STR(o.x.body, STR("hello"));
    EXPECT_STR(header(&o.x, "x-amz-checksum-crc32c"), STR("yZRlqg=="));
    EXPECT_STR(header(&o.x, "Content-Length"), STR("5"));
    EXPECT_STR(header(&o.x, "Content-Encoding"), STR_NONE);
    EXPECT_STR(header(&o.x, "X-Other"), STR("kept"));
    arena_free(o.a);
    open_body(&o, STREAM, "5", "x-amz-checksum-crc32c", "gzip , aws-chunked,br", TRAILED);
    EXPECT_STR(header(&o.x, "Content-Encoding"), STR("gzip, br"));
    arena_free(o.a);
    open_body(&o, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "0", NULL, NULL, "0" SIG "\r\n\r\n");
    EXPECT_INT(o.error, 0);
    EXPECT_STR(o.x.body, STR(""));
    arena_free(o.a);
    open_body(&o, "UNSIGNED-PAYLOAD", "5", NULL, "aws-chunked", TRAILED); /* not ours: stays as it is */
    EXPECT_INT(o.error, 0);
    EXPECT_STR(o.x.body, STR(TRAILED));
    EXPECT_STR(header(&o.x, "Content-Encoding"), STR("aws-chunked"));
    arena_free(o.a);
}

static const struct {
    const char *length, *trailer, *body, *name;
    int status;
} broken[] = {
    { NULL, NULL, "0\r\n\r\n", "MissingContentLength", 411 },
    { "five", NULL, "0\r\n\r\n", "MissingContentLength", 411 },
    { "6", "x-amz-checksum-crc32c", TRAILED, "IncompleteBody", 400 },
    { "4", "x-amz-checksum-crc32c", TRAILED, "IncompleteBody", 400 },
    { "5", NULL, "5\r\nhello\r\n", "IncompleteBody", 400 },
    { "5", NULL, "", "IncompleteBody", 400 },
    { "5", NULL, "hello", "IncompleteBody", 400 },
    { "5", NULL, "hello\r\nworld\r\n", "InvalidChunkSizeError", 400 },
    { "5", NULL, TRAILED, "MalformedTrailerError", 400 }, /* not announced */
    { "5", "x-amz-checksum-crc32c, x-amz-checksum-sha1", TRAILED, "MalformedTrailerError",
      400 }, /* not sent */
    { "5", "authorization", "5\r\nhello\r\n0\r\nauthorization:x\r\n\r\n", "MalformedTrailerError", 400 },
};

TEST(aws_chunked, broken_requests)
{
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct opened o;
        open_body(&o, STREAM, broken[i].length, broken[i].trailer, NULL, broken[i].body);
        EXPECT_INT(o.error, -E_FAULT);
        EXPECT_Z(o.fault.row != NULL ? o.fault.row->name : NULL, broken[i].name);
        EXPECT_INT(o.fault.row != NULL ? o.fault.row->status : 0, broken[i].status);
        arena_free(o.a);
    }
}

UNIT_MAIN
