/* checksum.c - CRCs by eight tables, digests by base/crypt.
 * True here: all CRCs are reflected, begin with all ones and end inverted, so one loop and one combination
 * rule serve every width; the state kept in struct summing is the inverted one. */
#include "service/s3/checksum.h"

#include <endian.h>
#include <pthread.h>

static const struct {
    const char *name;
    size_t bytes;
    uint64_t polynomial;
} kinds[CHECKSUM_KINDS] = {
    [CHECKSUM_CRC32] = { "CRC32", 4, 0xedb88320u },
    [CHECKSUM_CRC32C] = { "CRC32C", 4, 0x82f63b78u },
    [CHECKSUM_CRC64NVME] = { "CRC64NVME", 8, 0x9a6c9329ac4bc9b5u },
    [CHECKSUM_SHA1] = { "SHA1", 20, 0 },
    [CHECKSUM_SHA256] = { "SHA256", 32, 0 },
};

const char *checksum_name(enum checksum k)
{
    CHECK(k < CHECKSUM_KINDS);
    return kinds[k].name;
}

bool checksum_is_crc(enum checksum k)
{
    CHECK(k < CHECKSUM_KINDS);
    return kinds[k].polynomial != 0;
}

size_t checksum_bytes(enum checksum k)
{
    CHECK(k < CHECKSUM_KINDS);
    return kinds[k].bytes;
}

enum checksum checksum_named(struct str name)
{
    for (enum checksum k = CHECKSUM_CRC32; k < CHECKSUM_KINDS; k++)
        if (str_eq_nocase(name, str_of(kinds[k].name)))
            return k;
    return CHECKSUM_NONE;
}

/* ---- CRC ---- */

static uint64_t tables[CHECKSUM_KINDS][8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void fill(uint64_t t[8][256], uint64_t polynomial)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t v = i;

        for (int bit = 0; bit < 8; bit++)
            v = (v & 1) != 0 ? v >> 1 ^ polynomial : v >> 1;
        t[0][i] = v;
    }
    for (unsigned i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 0xff];
}

static void fill_all(void)
{
    for (enum checksum k = CHECKSUM_CRC32; k < CHECKSUM_KINDS; k++)
        if (checksum_is_crc(k))
            fill(tables[k], kinds[k].polynomial);
}

static uint64_t crc_add(enum checksum k, uint64_t crc, const uint8_t *p, size_t n)
{
    uint64_t(*t)[256] = tables[k];

    CHECK(t[0][1] != 0); /* the tables were made */
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t x;

        memcpy(&x, p, 8);
        x = le64toh(x) ^ crc;
        crc = t[7][x & 0xff] ^ t[6][x >> 8 & 0xff] ^ t[5][x >> 16 & 0xff] ^ t[4][x >> 24 & 0xff] ^
              t[3][x >> 32 & 0xff] ^ t[2][x >> 40 & 0xff] ^ t[1][x >> 48 & 0xff] ^ t[0][x >> 56];
    }
    for (; n > 0; p++, n--)
        crc = crc >> 8 ^ t[0][(crc ^ *p) & 0xff];
    return crc;
}

static uint64_t all_ones(enum checksum k) { return kinds[k].bytes == 8 ? UINT64_MAX : UINT32_MAX; }

static struct digest crc_digest(enum checksum k, uint64_t crc)
{
    struct digest d = { .n = kinds[k].bytes };

    CHECK(d.n == 4 || d.n == 8);
    for (size_t i = d.n; i-- > 0; crc >>= 8)
        d.b[i] = (uint8_t)crc;
    return d;
}

static uint64_t crc_value(const struct digest *d)
{
    uint64_t v = 0;

    CHECK(d->n <= sizeof(v));
    for (size_t i = 0; i < d->n; i++)
        v = v << 8 | d->b[i];
    return v;
}

/* a * b modulo the polynomial; bit 0 is the highest power. */
static uint64_t multiply(enum checksum k, uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (uint64_t m = (uint64_t)1 << (kinds[k].bytes * 8 - 1); m != 0; m >>= 1) {
        if ((a & m) != 0)
            product ^= b;
        b = (b & 1) != 0 ? b >> 1 ^ kinds[k].polynomial : b >> 1;
    }
    return product;
}

struct digest checksum_combine(enum checksum k, const struct digest *first, const struct digest *second,
                               uint64_t second_bytes)
{
    size_t bits = kinds[k].bytes * 8;
    uint64_t shift = (uint64_t)1 << (bits - 1), square = (uint64_t)1 << (bits - 9);

    CHECK(checksum_is_crc(k) && first->n == kinds[k].bytes && second->n == kinds[k].bytes);
    for (uint64_t n = second_bytes; n > 0; n >>= 1) { /* x to the 8 * second_bytes */
        if ((n & 1) != 0)
            shift = multiply(k, shift, square);
        square = multiply(k, square, square);
    }
    return crc_digest(k, multiply(k, shift, crc_value(first)) ^ crc_value(second));
}

/* ---- all kinds ---- */

void summing_begin(struct summing *s, enum checksum k)
{
    *s = (struct summing){ .kind = k };
    if (checksum_is_crc(k)) {
        pthread_once(&tables_once, fill_all);
        s->crc = all_ones(k);
    } else if (k != CHECKSUM_NONE) {
        s->hasher = k == CHECKSUM_SHA1 ? hasher_new_sha1() : hasher_new_sha256();
    }
}

void summing_add(struct summing *s, const void *p, size_t n)
{
    if (n == 0)
        return;
    if (s->hasher != NULL)
        hasher_add(s->hasher, p, n);
    else if (s->kind != CHECKSUM_NONE)
        s->crc = crc_add(s->kind, s->crc, p, n);
}

struct digest summing_end(struct summing *s)
{
    if (s->kind == CHECKSUM_NONE)
        return (struct digest){ 0 };
    CHECK(checksum_is_crc(s->kind) == (s->hasher == NULL)); /* it is ended once */
    return s->hasher != NULL ? hasher_end(TAKE(s->hasher)) : crc_digest(s->kind, s->crc ^ all_ones(s->kind));
}

struct digest checksum_of(enum checksum k, struct str s)
{
    struct summing sum;

    summing_begin(&sum, k);
    summing_add(&sum, s.p, s.n);
    return summing_end(&sum);
}
