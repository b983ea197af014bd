/* test_checksum.c - published check values, and that parts combine to the whole. */
#include "service/s3/checksum.h"
#include "test/unit.h"

static void expect_hex(enum checksum k, struct str s, const char *want)
{
    struct digest d = checksum_of(k, s);
    CLEANUP(buf_done) struct buf b = { 0 };

    hex_add(&b, d.b, d.n);
    EXPECT_STR(buf_view(&b), str_of(want));
}

TEST(checksum, check_values)
{
    expect_hex(CHECKSUM_CRC32, STR("123456789"), "cbf43926");
    expect_hex(CHECKSUM_CRC32C, STR("123456789"), "e3069283");
    expect_hex(CHECKSUM_CRC64NVME, STR("123456789"), "ae8b14860a799888");
    expect_hex(CHECKSUM_SHA1, STR("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    expect_hex(CHECKSUM_SHA256, STR("abc"),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_hex(CHECKSUM_CRC32, STR(""), "00000000");
    expect_hex(CHECKSUM_CRC64NVME, STR(""), "0000000000000000");
}

TEST(checksum, names)
{
    EXPECT_INT(checksum_named(STR("CRC32")), CHECKSUM_CRC32);
    EXPECT_INT(checksum_named(STR("crc64nvme")), CHECKSUM_CRC64NVME);
    EXPECT_INT(checksum_named(STR("XXHASH3")), CHECKSUM_NONE);
    EXPECT_INT(checksum_named(STR_NONE), CHECKSUM_NONE);
    for (enum checksum k = CHECKSUM_CRC32; k < CHECKSUM_KINDS; k++)
        EXPECT_INT(checksum_of(k, STR("x")).n, checksum_bytes(k));
}

TEST(checksum, pieces_and_combination)
{
    char text[1000];

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 131 + 7);
    for (enum checksum k = CHECKSUM_CRC32; k < CHECKSUM_KINDS; k++) {
        struct digest whole = checksum_of(k, str_make(text, sizeof(text)));

        for (size_t cut = 0; cut <= sizeof(text); cut += 37) {
            struct digest a = checksum_of(k, str_make(text, cut)),
                          b = checksum_of(k, str_make(text + cut, sizeof(text) - cut)), both;
            struct summing s;

            summing_begin(&s, k);
            summing_add(&s, text, cut);
            summing_add(&s, text + cut, sizeof(text) - cut);
            both = summing_end(&s);
            EXPECT(memcmp(both.b, whole.b, whole.n) == 0);
            if (!checksum_is_crc(k))
                continue;
            both = checksum_combine(k, &a, &b, sizeof(text) - cut);
            EXPECT(memcmp(both.b, whole.b, whole.n) == 0);
        }
    }
}

UNIT_MAIN
