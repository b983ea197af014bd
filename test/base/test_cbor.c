/* test_cbor.c - heads of CBOR, mostly the examples of RFC 8949, appendix A. */
#include <math.h>

#include "base/cbor.h"
#include "../unit.h"

static const struct {
    const char *bytes;
    size_t n;
    enum cbor_kind kind;
    int64_t i;
    double real;
    const char *s;
} scalars[] = {
    { "\x00", 1, CBOR_INT, 0, 0, NULL },
    { "\x17", 1, CBOR_INT, 23, 0, NULL },
    { "\x18\x18", 2, CBOR_INT, 24, 0, NULL },
    { "\x19\x03\xe8", 3, CBOR_INT, 1000, 0, NULL },
    { "\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00", 9, CBOR_INT, 1000000000000, 0, NULL },
    { "\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", 9, CBOR_INT, INT64_MAX, 0, NULL },
    { "\x20", 1, CBOR_INT, -1, 0, NULL },
    { "\x39\x03\xe7", 3, CBOR_INT, -1000, 0, NULL },
    { "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", 9, CBOR_INT, INT64_MIN, 0, NULL },
    { "\xf9\x00\x00", 3, CBOR_REAL, 0, 0.0, NULL },
    { "\xf9\x3c\x00", 3, CBOR_REAL, 0, 1.0, NULL },
    { "\xf9\x7b\xff", 3, CBOR_REAL, 0, 65504.0, NULL },
    { "\xf9\x00\x01", 3, CBOR_REAL, 0, 5.960464477539063e-8, NULL },
    { "\xf9\x04\x00", 3, CBOR_REAL, 0, 0.00006103515625, NULL },
    { "\xf9\xc4\x00", 3, CBOR_REAL, 0, -4.0, NULL },
    { "\xfa\x47\xc3\x50\x00", 5, CBOR_REAL, 0, 100000.0, NULL },
    { "\xfb\xc0\x10\x66\x66\x66\x66\x66\x66", 9, CBOR_REAL, 0, -4.1, NULL },
    { "\xf9\x7c\x00", 3, CBOR_REAL, 0, (double)INFINITY, NULL },
    { "\xf9\xfc\x00", 3, CBOR_REAL, 0, -(double)INFINITY, NULL },
    { "\xf6", 1, CBOR_NULL, 0, 0, NULL },
    { "\xf7", 1, CBOR_NULL, 0, 0, NULL },
    { "\xf0", 1, CBOR_OTHER, 0, 0, NULL },
    { "\xf8\xff", 2, CBOR_OTHER, 0, 0, NULL },
    { "\xc1", 1, CBOR_TAG, 1, 0, NULL },
    { "\xd8\x20", 2, CBOR_TAG, 32, 0, NULL },
    { "\xff", 1, CBOR_BREAK, 0, 0, NULL },
    { "\x40", 1, CBOR_BYTES, 0, 0, "" },
    { "\x44\x01\x02\x03\x04", 5, CBOR_BYTES, 0, 0, "\x01\x02\x03\x04" },
    { "\x60", 1, CBOR_TEXT, 0, 0, "" },
    { "\x64\x49\x45\x54\x46", 5, CBOR_TEXT, 0, 0, "IETF" },
    { "\x7f\x65\x73\x74\x72\x65\x61\x64\x6d\x69\x6e\x67\xff", 13, CBOR_TEXT, 0, 0, "streaming" },
    { "\x5f\x42\x01\x02\x43\x03\x04\x05\xff", 9, CBOR_BYTES, 0, 0, "\x01\x02\x03\x04\x05" },
    { "\x7f\xff", 2, CBOR_TEXT, 0, 0, "" },
};

TEST(cbor, scalars)
{
    for (size_t i = 0; i < ARRAY_LEN(scalars); i++) {
        struct arena *a = arena_new(0);
        struct cbor_reader r = { str_make(scalars[i].bytes, scalars[i].n) };
        struct cbor_item item;
        EXPECT_INT(cbor_next(&r, a, &item), 0);
        EXPECT_INT(item.kind, scalars[i].kind);
        EXPECT_INT(item.i, scalars[i].i);
        EXPECT(item.real == scalars[i].real);
        EXPECT_STR(item.s, str_of(scalars[i].s));
        EXPECT_INT(r.left.n, 0);
        EXPECT_INT(cbor_next(&r, a, &item), -E_TRUNCATED);
        arena_free(a);
    }
}

/* Every proper beginning of a head is too short, never anything else. */
TEST(cbor, every_cut)
{
    for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
        for (size_t n = 0; n < scalars[i].n; n++) {
            struct arena *a = arena_new(0);
            char *copy = malloc(n + 1);
            memcpy(copy, scalars[i].bytes, n);
            struct cbor_reader r = { str_make(copy, n) };
            struct cbor_item item;
            EXPECT_INT(cbor_next(&r, a, &item), -E_TRUNCATED);
            free(copy);
            arena_free(a);
        }
}

static const struct {
    const char *bytes;
    size_t n;
    int error;
} refused[] = {
    { "\x1c", 1, -E_INVALID },
    { "\x1d", 1, -E_INVALID },
    { "\x1e", 1, -E_INVALID },
    { "\x1f", 1, -E_INVALID },
    { "\x3f", 1, -E_INVALID },
    { "\xdf", 1, -E_INVALID },
    { "\xfc", 1, -E_INVALID },
    { "\x1b\x80\x00\x00\x00\x00\x00\x00\x00", 9, -E_LIMIT },
    { "\x3b\xff\xff\xff\xff\xff\xff\xff\xff", 9, -E_LIMIT },
    { "\x7f\x41x\xff", 4, -E_INVALID },    /* bytes among the pieces of a text */
    { "\x7f\x7f\xff\xff", 4, -E_INVALID }, /* pieces are whole */
    { "\x5f\x00\xff", 3, -E_INVALID },
    { "\x82\x00", 2, -E_TRUNCATED }, /* promises more than is there */
    { "\xa1\x00", 2, -E_TRUNCATED },
    { "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9, -E_TRUNCATED },
    { "\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 9, -E_TRUNCATED },
};

TEST(cbor, refused)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct arena *a = arena_new(0);
        struct cbor_reader r = { str_make(refused[i].bytes, refused[i].n) };
        struct cbor_item item;
        EXPECT_INT(cbor_next(&r, a, &item), refused[i].error);
        arena_free(a);
    }
}

TEST(cbor, nan)
{
    struct cbor_reader r = { STR("\xf9\x7e\x00\xf9\x7c\x01") };
    struct cbor_item item;

    EXPECT_INT(cbor_next(&r, NULL, &item), 0);
    EXPECT(isnan(item.real));
    EXPECT_INT(cbor_next(&r, NULL, &item), 0);
    EXPECT(isnan(item.real));
}

static int skip_one(const char *bytes, size_t n, size_t *ret_left)
{
    struct arena *a = arena_new(0);
    struct cbor_reader r = { str_make(bytes, n) };
    struct cbor_item item;
    int e = cbor_next(&r, a, &item);

    if (e == 0)
        e = cbor_skip(&r, a, &item);
    *ret_left = r.left.n;
    arena_free(a);
    return e;
}

TEST(cbor, skipping)
{
    static const struct {
        const char *bytes;
        size_t n;
        int error;
        size_t left;
    } rows[] = {
        { "\x00\x01", 2, 0, 1 },
        { "\x83\x01\x82\x02\x03\x9f\x04\xff\x05", 9, 0, 1 },
        { "\xa2\x61"
          "a\x01\x61"
          "b\xbf\x61"
          "c\xf6\xff\x05",
          12, 0, 1 },
        { "\xc1\xc1\x00\x05", 4, 0, 1 },
        { "\x9f\x01", 2, -E_TRUNCATED, 0 },
        { "\xbf\x01\xff", 3, -E_INVALID, 0 }, /* a key without a value */
        { "\x82\x01\xff", 3, -E_INVALID, 0 }, /* a break where none may stand */
        { "\xc1\xff", 2, -E_INVALID, 0 },
    };
    char deep[1000];
    size_t left;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT_INT(skip_one(rows[i].bytes, rows[i].n, &left), rows[i].error);
        EXPECT_INT(left, rows[i].left);
    }
    memset(deep, 0x9f, sizeof(deep));
    EXPECT_INT(skip_one(deep, sizeof(deep), &left), -E_LIMIT);
    memset(deep, 0xc1, sizeof(deep));
    EXPECT_INT(skip_one(deep, sizeof(deep), &left), -E_LIMIT);
}

TEST(cbor, writing)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    cbor_begin(&b, CBOR_MAP);
    cbor_text(&b, STR("n"));
    cbor_int(&b, 23);
    cbor_int(&b, 24);
    cbor_int(&b, 256);
    cbor_int(&b, 65536);
    cbor_int(&b, INT64_MAX);
    cbor_int(&b, -1);
    cbor_int(&b, INT64_MIN);
    cbor_end(&b);
    EXPECT_STR(buf_view(&b), STR("\xbf\x61n\x17\x18\x18\x19\x01\x00\x1a\x00\x01\x00\x00\x1b\x7f\xff\xff\xff"
                                 "\xff\xff\xff\xff\x20\x3b\x7f\xff\xff\xff\xff\xff\xff\xff\xff"));
    buf_clear(&b);
    cbor_begin(&b, CBOR_ARRAY);
    cbor_bool(&b, true);
    cbor_bool(&b, false);
    cbor_null(&b);
    cbor_bytes(&b, STR("\x00\xff"));
    cbor_tag(&b, 1);
    cbor_double(&b, -4.1);
    cbor_end(&b);
    EXPECT_STR(buf_view(&b), STR("\x9f\xf5\xf4\xf6\x42\x00\xff\xc1\xfb\xc0\x10\x66\x66\x66\x66\x66\x66\xff"));
}

TEST(cbor, integers_come_back)
{
    for (int shift = 0; shift < 63; shift++)
        for (int64_t d = -1; d <= 1; d++)
            for (int sign = 0; sign < 2; sign++) {
                CLEANUP(buf_done) struct buf b = { 0 };
                int64_t v = (((int64_t)1 << shift) + d) * (sign ? -1 : 1);
                cbor_int(&b, v);
                struct cbor_reader r = { buf_view(&b) };
                struct cbor_item item;
                EXPECT_INT(cbor_next(&r, NULL, &item), 0);
                EXPECT_INT(item.i, v);
            }
}

UNIT_MAIN
