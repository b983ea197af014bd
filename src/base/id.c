/* id.c - ids from chance, and the invocation id that knows its row.
 *
 * True here: bytes 0-5 of an invocation id are the sequence number xor a mask; the mask is a hash of bytes
 * 6-15 (74 random bits and the six fixed ones).  The hash has no key: ids in an old data directory must
 * decode after a restart, and the number is blurred, not secret. */
#include "base/id.h"

#include "base/crypt.h"

#define SEQ_MASK (((uint64_t)1 << 48) - 1)

static const char hex_digits[] = "0123456789abcdef";

static uint64_t load_be(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* Two rounds of multiply and shift: each output bit depends on each of the 80 input bits. */
static uint64_t mask_of(const uint8_t tail[10])
{
    uint64_t h = load_be(tail + 2, 8) ^ load_be(tail, 2) * 0x9e3779b97f4a7c15u;

    h = (h ^ h >> 32) * 0xd6e8feb86659fd93u;
    h = (h ^ h >> 29) * 0xc2b2ae3d27d4eb4fu;
    return (h ^ h >> 31) & SEQ_MASK;
}

static void uuid_text(char out[UUID_TEXT + 1], const uint8_t b[16])
{
    char *p = out;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex_digits[b[i] >> 4];
        *p++ = hex_digits[b[i] & 15];
    }
    *p = '\0';
}

static void mark_version_4(uint8_t b[16])
{
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
}

void uuid_random(char out[UUID_TEXT + 1])
{
    uint8_t b[16];

    random_bytes(b, sizeof(b));
    mark_version_4(b);
    uuid_text(out, b);
}

struct str uuid_str(struct arena *a)
{
    char *p = arena_alloc(a, UUID_TEXT + 1);

    uuid_random(p);
    return str_make(p, UUID_TEXT);
}

void uuid_of_seq(char out[UUID_TEXT + 1], uint64_t seq)
{
    uint8_t b[16];
    uint64_t head;

    CHECK(seq <= SEQ_MASK);
    random_bytes(b + 6, 10);
    mark_version_4(b);
    head = seq ^ mask_of(b + 6);
    for (size_t i = 0; i < 6; i++)
        b[i] = (uint8_t)(head >> (40 - 8 * i));
    uuid_text(out, b);
}

static int uuid_bytes(struct str s, uint8_t b[16])
{
    const char *p = s.p;

    if (s.n != UUID_TEXT)
        return -E_INVALID;
    for (size_t i = 0; i < 16; i++) {
        int hi, lo;

        if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
            return -E_INVALID;
        hi = hex_digit(*p++);
        lo = hex_digit(*p++);
        if (hi < 0 || lo < 0)
            return -E_INVALID;
        b[i] = (uint8_t)(hi << 4 | lo);
    }
    return 0;
}

int uuid_to_seq(struct str uuid, uint64_t *ret_seq)
{
    uint8_t b[16];
    int r = uuid_bytes(uuid, b);

    if (r < 0)
        return r;
    *ret_seq = load_be(b, 6) ^ mask_of(b + 6);
    return 0;
}

/* Alphabets of a power of two: the low bits of a random byte are as random as all of it. */
static void fill(char *out, size_t n, const char *alphabet, unsigned mask)
{
    random_bytes(out, n);
    for (size_t i = 0; i < n; i++)
        out[i] = alphabet[(unsigned char)out[i] & mask];
}

void id_base32(char *out, size_t n) { fill(out, n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 31); }
void id_hex(char *out, size_t n) { fill(out, n, hex_digits, 15); }
