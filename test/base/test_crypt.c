/* test_crypt.c - known answers for digests and text forms, chance, ids, ARNs. */
#include <sys/wait.h>
#include <unistd.h>
#include "base/arn.h"
#include "base/crypt.h"
#include "base/id.h"
#include "test/unit.h"

static void expect_digest(struct digest d, const char *want)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    EXPECT_STR(hex_str(a, &d), str_of(want));
}

/* RFC 1321 A.5, FIPS 180-2, RFC 4231. */
TEST(crypt, known_digests)
{
    expect_digest(md5_of(STR("")), "d41d8cd98f00b204e9800998ecf8427e");
    expect_digest(md5_of(STR_NONE), "d41d8cd98f00b204e9800998ecf8427e");
    expect_digest(md5_of(STR("message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
    expect_digest(sha256_of(STR("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_digest(sha256_of(STR("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_digest(sha256_of(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(crypt, known_hmacs)
{
    char key[131];

    memset(key, 0x0b, 20);
    expect_digest(hmac_sha256_of(str_make(key, 20), STR("Hi There")),
                  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    expect_digest(hmac_sha256_of(STR("Jefe"), STR("what do ya want for nothing?")),
                  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key)); /* longer than a block: hashed first */
    expect_digest(hmac_sha256_of(str_make(key, sizeof(key)),
                                 STR("Test Using Larger Than Block-Size Key - Hash Key First")),
                  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    expect_digest(hmac_sha256_of(STR_NONE, STR_NONE),
                  "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(crypt, crc32)
{
    EXPECT_INT(crc32_of(STR("123456789")), 0xcbf43926);
    EXPECT_INT(crc32_of(STR("")), 0);
    EXPECT_INT(crc32_of(STR_NONE), 0);
}

TEST(crypt, piecewise_equals_whole)
{
    struct hasher *h = hasher_new_md5();

    hasher_add(h, "message", 7);
    hasher_add(h, NULL, 0);
    hasher_add(h, " digest", 7);
    expect_digest(hasher_end(h), "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST(crypt, hex)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    hex_add(&b, "\x00\xff\x1a", 3);
    hex_add(&b, NULL, 0);
    EXPECT_STR(buf_view(&b), STR("00ff1a"));
    EXPECT(b.p[b.n] == '\0');
}

/* RFC 4648 section 10, and bytes that use the last two letters. */
static const struct {
    struct str bytes;
    const char *text;
} base64_rows[] = {
    { { "", 0 }, "" },
    { { "f", 1 }, "Zg==" },
    { { "fo", 2 }, "Zm8=" },
    { { "foo", 3 }, "Zm9v" },
    { { "foob", 4 }, "Zm9vYg==" },
    { { "fooba", 5 }, "Zm9vYmE=" },
    { { "foobar", 6 }, "Zm9vYmFy" },
    { { "\xfb\xef\xff", 3 }, "++//" },
    { { "\0", 1 }, "AA==" },
};

TEST(base64, known_answers)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    for (size_t i = 0; i < ARRAY_LEN(base64_rows); i++) {
        CLEANUP(buf_done) struct buf b = { 0 };
        struct str back = STR_NONE;

        base64_add(&b, base64_rows[i].bytes.p, base64_rows[i].bytes.n);
        EXPECT_STR(buf_view(&b), str_of(base64_rows[i].text));
        EXPECT_STR(base64_str(a, base64_rows[i].bytes), str_of(base64_rows[i].text));
        EXPECT_INT(base64_decode(a, str_of(base64_rows[i].text), &back), 0);
        EXPECT_STR(back, base64_rows[i].bytes);
    }
}

TEST(base64, refuses)
{
    static const char *const bad[] = {
        "Z",      "Zg",   "Zg=",  "Zm8",  "Zg==Zg==", "Z===", "====",        "=",    "==",
        "Zm9v\n", "Zm 9", "Zm9-", "Zm9_", "Z=9v",     "Zg=a", "Zm9vZ\xff==", "A===",
    };
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct str out = STR("untouched");

        if (base64_decode(a, str_of(bad[i]), &out) != -E_INVALID || !str_is(out, "untouched"))
            UNIT_FAIL("accepted: %s", bad[i]);
    }
}

TEST(base64, every_length_comes_back)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    char bytes[300];

    random_bytes(bytes, sizeof(bytes));
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        struct str text = base64_str(a, str_make(bytes, n)), back;

        EXPECT_INT(text.n, (n + 2) / 3 * 4);
        EXPECT_INT(base64_decode(a, text, &back), 0);
        EXPECT(str_eq(back, str_make(bytes, n)));
    }
}

TEST(random, spread_and_sizes)
{
    uint8_t big[5000] = { 0 };
    size_t ones = 0;

    random_bytes(big, 0);
    random_bytes(big, sizeof(big));
    for (size_t i = 0; i < sizeof(big); i++)
        ones += (size_t)__builtin_popcount(big[i]);
    EXPECT(ones > 19000 && ones < 21000); /* 40,000 bits: ten standard deviations */
    EXPECT(random_u64() != random_u64());
}

TEST(random, a_forked_child_does_not_repeat_its_parent)
{
    uint64_t child = 0, mine;
    int fds[2];
    pid_t pid;

    random_u64();
    EXPECT_INT(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        child = random_u64();
        _exit(write(fds[1], &child, sizeof(child)) != sizeof(child));
    }
    mine = random_u64();
    EXPECT_INT(read(fds[0], &child, sizeof(child)), sizeof(child));
    EXPECT(child != mine);
    waitpid(pid, NULL, 0);
    close(fds[0]);
    close(fds[1]);
}

static bool looks_like_v4(const char *u)
{
    for (size_t i = 0; i < UUID_TEXT; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? u[i] != '-' : strchr("0123456789abcdef", u[i]) == NULL)
            return false;
    }
    return strlen(u) == UUID_TEXT && u[14] == '4' && strchr("89ab", u[19]) != NULL;
}

TEST(id, uuid)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    char u[UUID_TEXT + 1], v[UUID_TEXT + 1];

    uuid_random(u);
    uuid_random(v);
    EXPECT(looks_like_v4(u) && looks_like_v4(v) && strcmp(u, v) != 0);
    EXPECT(looks_like_v4(uuid_str(a).p));
    EXPECT_INT(uuid_str(a).n, UUID_TEXT);
}

TEST(id, uuid_carries_its_number)
{
    static const uint64_t seqs[] = { 0, 1, 2, 255, 65536, 1ull << 47, (1ull << 48) - 1 };
    char u[UUID_TEXT + 1], v[UUID_TEXT + 1];
    uint64_t back = 0;

    for (size_t i = 0; i < ARRAY_LEN(seqs); i++) {
        uuid_of_seq(u, seqs[i]);
        uuid_of_seq(v, seqs[i]);
        EXPECT(looks_like_v4(u) && strcmp(u, v) != 0);
        EXPECT(strncmp(u, v, 8) != 0); /* the number itself does not show */
        EXPECT_INT(uuid_to_seq(str_of(u), &back), 0);
        EXPECT(back == seqs[i]);
        for (char *p = u; *p != '\0'; p++)
            if (*p >= 'a')
                *p = (char)(*p - 32);
        EXPECT_INT(uuid_to_seq(str_of(u), &back), 0); /* upper case is the same id */
        EXPECT(back == seqs[i]);
    }
}

/* Ids are stored: this one was made by the first release and must decode for ever. */
TEST(id, uuid_form_is_stable)
{
    uint64_t seq = 0;

    EXPECT_INT(uuid_to_seq(STR("4dfdb8d2-e956-45e1-bf84-0f2e5c7d3899"), &seq), 0);
    EXPECT_INT(seq, 123456789);
}

TEST(id, uuid_refuses)
{
    static const char *const bad[] = {
        "",
        "x",
        "00000000-0000-4000-8000-00000000000",
        "00000000-0000-4000-8000-0000000000000",
        "00000000x0000-4000-8000-000000000000",
        "0000000g-0000-4000-8000-000000000000",
        "000000000000-4000-8000-0000-00000000",
        "{0000000-0000-4000-8000-000000000000",
    };
    uint64_t seq = 5;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (uuid_to_seq(str_of(bad[i]), &seq) != -E_INVALID || seq != 5)
            UNIT_FAIL("accepted: %s", bad[i]);
}

TEST(id, alphabets)
{
    char out[4000];
    bool seen[256] = { false };
    int kinds = 0;

    id_base32(out, sizeof(out));
    for (size_t i = 0; i < sizeof(out); i++) {
        kinds += !seen[(unsigned char)out[i]];
        seen[(unsigned char)out[i]] = true;
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", out[i]) == NULL || out[i] == '\0')
            UNIT_FAIL("letter %d", out[i]);
    }
    EXPECT_INT(kinds, 32);
    id_hex(out, 100);
    for (size_t i = 0; i < 100; i++)
        EXPECT(out[i] != '\0' && strchr("0123456789abcdef", out[i]) != NULL);
}

TEST(arn, parts)
{
    struct arn a = { 0 };

    EXPECT_INT(arn_parse(STR("arn:aws:lambda:us-east-1:123456789012:function:f:live"), &a), 0);
    EXPECT_STR(a.partition, STR("aws"));
    EXPECT_STR(a.service, STR("lambda"));
    EXPECT_STR(a.region, STR("us-east-1"));
    EXPECT_STR(a.account, STR("123456789012"));
    EXPECT_STR(a.resource, STR("function:f:live"));
    EXPECT_INT(arn_parse(STR("arn:aws:s3:::bucket"), &a), 0);
    EXPECT_STR(a.region, STR(""));
    EXPECT_STR(a.resource, STR("bucket"));
    EXPECT_INT(arn_parse(STR("arn:::::"), &a), 0);
    EXPECT_STR(a.resource, STR(""));
}

TEST(arn, refuses)
{
    static const char *const bad[] = {
        NULL, "", "arn", "arn:aws:s3::", "arn:aws:s3", "urn:aws:s3:::b", "ARN:aws:s3:::b", ":::::x"
    };
    struct arn a = { .service = STR("untouched") };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        EXPECT_INT(arn_parse(str_of(bad[i]), &a), -E_INVALID);
    EXPECT_STR(a.service, STR("untouched"));
}

UNIT_MAIN
