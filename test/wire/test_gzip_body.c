/* test_gzip_body.c - compressed bodies: which are unpacked, and what is refused. */
#include <zlib.h>

#include "base/gzip.h"
#include "unit.h"
#include "wire/gzip_body.h"
#include "wire/request.h"

static struct str pack(struct arena *a, struct str plain, int window)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)plain.p, .avail_in = (uInt)plain.n };
    char *out = arena_alloc(a, plain.n / 100 + plain.n % 100 + 4096);

    deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)(plain.n / 100 + 4096);
    int r = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    if (r != Z_STREAM_END)
        abort();
    return str_make(out, z.total_out);
}

static struct str zeros(struct arena *a, size_t n) { return str_make(arena_alloc(a, n), n); }

TEST(gzip, sizes)
{
    static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 1000000 };
    struct arena *a = arena_new(0);

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct str plain = zeros(a, sizes[i]), got = STR_NONE, packed = pack(a, plain, 31);
        EXPECT_INT(gunzip(a, packed, 1000000, &got), 0);
        EXPECT(str_eq(got, plain) && got.p != NULL);
    }
    arena_free(a);
}

TEST(gzip, refused)
{
    struct arena *a = arena_new(0);
    struct str packed = pack(a, STR("hello hello hello hello"), 31), got;
    char bad[256];

    for (size_t n = 0; n < packed.n; n++)
        EXPECT_INT(gunzip(a, str_sub(packed, 0, n), 100, &got), -E_TRUNCATED);
    EXPECT_INT(gunzip(a, packed, 22, &got), -E_LIMIT);
    EXPECT_INT(gunzip(a, packed, 23, &got), 0);
    EXPECT_INT(gunzip(a, STR("Action=PutMetricData"), 100, &got), -E_INVALID);
    EXPECT_INT(gunzip(a, pack(a, STR("x"), 15), 100, &got), -E_INVALID); /* zlib's own frame */
    memcpy(bad, packed.p, packed.n);
    bad[packed.n] = 'x';
    EXPECT_INT(gunzip(a, str_make(bad, packed.n + 1), 100, &got), -E_INVALID); /* more behind the end */
    bad[packed.n - 5] ^= 1;
    EXPECT_INT(gunzip(a, str_make(bad, packed.n), 100, &got), -E_INVALID); /* a wrong checksum */
    EXPECT_INT(gunzip(a, pack(a, zeros(a, 10000000), 31), GZIP_BODY_MAX_BYTES, &got), -E_LIMIT);
    arena_free(a);
}

#define SIGNED(scope)                                                               \
    {                                                                               \
        "Authorization", "AWS4-HMAC-SHA256 Credential=AK/20260914/eu-west-1/" scope \
                         "/aws4_request, SignedHeaders=host, Signature=00"          \
    }
#define GZIP                       \
    {                              \
        "content-encoding", "GZip" \
    }
#define FORM                                                               \
    {                                                                      \
        "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" \
    }

TEST(gzip, which_bodies)
{
    const struct {
        const struct request_header *headers;
        bool opened;
        enum protocol protocol;
    } rows[] = {
        { HEADERS(GZIP, FORM, SIGNED("monitoring")), true, PROTO_QUERY },
        { HEADERS(GZIP, { "X-Amz-Target", "GraniteServiceVersion20100801.PutMetricData" }), true,
          PROTO_JSON },
        { HEADERS(GZIP, { "smithy-protocol", "rpc-v2-cbor" }), true, PROTO_CBOR },
        { HEADERS(FORM, SIGNED("monitoring")), false, 0 },
        { HEADERS({ "Content-Encoding", "identity" }, FORM), false, 0 },
        { HEADERS(GZIP, FORM, SIGNED("s3")), false, 0 },
        { HEADERS(GZIP, { "Content-Type", "text/plain" }), false, 0 },
        { HEADERS(GZIP), false, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(0);
        struct str packed = pack(a, STR("Action=PutMetricData"), 31);
        struct request_parts parts = request_parts_of("/", "", rows[i].headers);
        struct fault fault = { 0 };
        enum protocol protocol = PROTO_REST_XML;
        parts.body = packed;
        EXPECT_INT(gzip_body_open(a, &parts, &protocol, &fault), 0);
        EXPECT_STR(parts.body, rows[i].opened ? STR("Action=PutMetricData") : packed);
        parts.body = STR("no gzip");
        EXPECT_INT(gzip_body_open(a, &parts, &protocol, &fault), rows[i].opened ? -E_FAULT : 0);
        if (rows[i].opened) {
            EXPECT_INT(protocol, rows[i].protocol);
            EXPECT(fault.row == &error_serialization);
        }
        arena_free(a);
    }
}

UNIT_MAIN
