/* crypt.c - digests, base64, hex, chance.
 *
 * True here:
 *  - OpenSSL's algorithms are fetched once per process: a lookup by name costs more than a short digest;
 *  - random bytes come from the kernel, a page at a time and per thread; a child of fork() never repeats its
 *    parent's; bytes handed out are wiped;
 *  - base64 decoding wants padding and nothing foreign; unused bits of the last group are ignored, as Java's
 *    decoder (AWS's) does. */
#include "base/crypt.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <zlib.h>

static EVP_MD *md5, *sha1, *sha256;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    CHECK(md5 != NULL && sha1 != NULL && sha256 != NULL);
}

static EVP_MD_CTX *digest_begin(EVP_MD **md)
{
    EVP_MD_CTX *c;

    pthread_once(&fetch_once, fetch);
    c = EVP_MD_CTX_new();
    CHECK(c != NULL && EVP_DigestInit_ex(c, *md, NULL) == 1);
    return c;
}

static struct digest digest_end(EVP_MD_CTX *c)
{
    struct digest d;
    unsigned n;

    memset(&d, 0, sizeof(d));
    CHECK(EVP_DigestFinal_ex(c, d.b, &n) == 1);
    d.n = n;
    EVP_MD_CTX_free(c);
    return d;
}

static struct digest digest_of(EVP_MD **md, struct str s)
{
    EVP_MD_CTX *c = digest_begin(md);

    CHECK(EVP_DigestUpdate(c, s.p, s.n) == 1);
    return digest_end(c);
}

struct digest md5_of(struct str s) { return digest_of(&md5, s); }
struct digest sha256_of(struct str s) { return digest_of(&sha256, s); }

bool crypt_equal(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

/* RFC 2104 over a 64-byte block: hash(key ^ byte, then what). */
static struct digest keyed_round(EVP_MD **md, const uint8_t key[64], uint8_t byte, const void *p, size_t n)
{
    EVP_MD_CTX *c = digest_begin(md);
    uint8_t block[64];

    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = key[i] ^ byte;
    CHECK(EVP_DigestUpdate(c, block, sizeof(block)) == 1 && EVP_DigestUpdate(c, p, n) == 1);
    return digest_end(c);
}

static struct digest hmac_of(EVP_MD **md, struct str key, struct str s)
{
    uint8_t padded[64] = { 0 };
    struct digest d;

    if (key.n > sizeof(padded)) {
        d = digest_of(md, key);
        memcpy(padded, d.b, d.n);
    } else if (key.n > 0) {
        memcpy(padded, key.p, key.n);
    }
    d = keyed_round(md, padded, 0x36, s.p, s.n);
    return keyed_round(md, padded, 0x5c, d.b, d.n);
}

struct digest hmac_sha256_of(struct str key, struct str s) { return hmac_of(&sha256, key, s); }
struct digest hmac_sha1_of(struct str key, struct str s) { return hmac_of(&sha1, key, s); }

uint32_t crc32_of(struct str s)
{
    return s.n > 0 ? (uint32_t)crc32_z(0, (const unsigned char *)s.p, s.n) : 0;
}

struct hasher {
    EVP_MD_CTX *c;
};

static struct hasher *hasher_new(EVP_MD **md)
{
    struct hasher *h = xmalloc(sizeof(*h));

    h->c = digest_begin(md);
    return h;
}

struct hasher *hasher_new_md5(void) { return hasher_new(&md5); }
struct hasher *hasher_new_sha1(void) { return hasher_new(&sha1); }
struct hasher *hasher_new_sha256(void) { return hasher_new(&sha256); }

void hasher_add(struct hasher *h, const void *p, size_t n) { CHECK(EVP_DigestUpdate(h->c, p, n) == 1); }

struct digest hasher_end(struct hasher *h)
{
    struct digest d = digest_end(h->c);

    free(h);
    return d;
}

void hex_text(char *out, const void *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = p;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

bool hex_is_sha256(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return s.n == 64;
}

void hex_add(struct buf *b, const void *p, size_t n)
{
    buf_reserve(b, 2 * n);
    hex_text(b->p + b->n, p, n);
    b->n += 2 * n;
}

struct str hex_str(struct arena *a, const struct digest *d)
{
    char *p = arena_alloc(a, 2 * d->n + 1);

    hex_text(p, d->b, d->n);
    return str_make(p, 2 * d->n);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t base64_size(size_t n) { return (n + 2) / 3 * 4; }

/* Writes base64_size(n) characters and a NUL. */
static void base64_write(char *out, const uint8_t *p, size_t n)
{
    for (; n >= 3; n -= 3, p += 3, out += 4) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

        out[0] = alphabet[v >> 18];
        out[1] = alphabet[v >> 12 & 63];
        out[2] = alphabet[v >> 6 & 63];
        out[3] = alphabet[v & 63];
    }
    if (n > 0) {
        uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0);

        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = n > 1 ? alphabet[v >> 6 & 63] : '=';
        *out++ = '=';
    }
    *out = '\0';
}

void base64_add(struct buf *b, const void *p, size_t n)
{
    buf_reserve(b, base64_size(n));
    base64_write(b->p + b->n, p, n);
    b->n += base64_size(n);
}

struct str base64_str(struct arena *a, struct str bytes)
{
    char *p = arena_alloc(a, base64_size(bytes.n) + 1);

    base64_write(p, (const uint8_t *)bytes.p, bytes.n);
    return str_make(p, base64_size(bytes.n));
}

/* Value + 1, so that what is left out is 0 and means "foreign". */
static const uint8_t values[256] = {
    ['A'] = 1, 2,  3,  4,  5,          6,  7,  8,  9,  10, 11,         12, 13, 14, 15,         16,
    17,        18, 19, 20, 21,         22, 23, 24, 25, 26, ['a'] = 27, 28, 29, 30, 31,         32,
    33,        34, 35, 36, 37,         38, 39, 40, 41, 42, 43,         44, 45, 46, 47,         48,
    49,        50, 51, 52, ['0'] = 53, 54, 55, 56, 57, 58, 59,         60, 61, 62, ['+'] = 63, ['/'] = 64,
};

static inline bool decode_group(const uint8_t *in, unsigned chars, uint32_t *ret)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < chars; i++) {
        uint32_t one = values[in[i]];

        if (one == 0)
            return false;
        v = v << 6 | (one - 1);
    }
    *ret = v << 6 * (4 - chars);
    return true;
}

int base64_decode(struct arena *a, struct str text, struct str *ret)
{
    const uint8_t *in = (const uint8_t *)text.p;
    size_t pad = 0, whole, n;
    uint8_t *out;
    uint32_t v;

    if (text.n % 4 != 0)
        return -E_INVALID;
    while (pad < 2 && pad < text.n && in[text.n - 1 - pad] == '=')
        pad++;
    whole = text.n / 4 - (pad > 0);
    n = text.n / 4 * 3 - pad;
    out = arena_alloc(a, n + 1);
    for (size_t i = 0; i < whole; i++) {
        if (!decode_group(in + 4 * i, 4, &v))
            return -E_INVALID;
        out[3 * i] = (uint8_t)(v >> 16);
        out[3 * i + 1] = (uint8_t)(v >> 8);
        out[3 * i + 2] = (uint8_t)v;
    }
    if (pad > 0) {
        if (!decode_group(in + 4 * whole, 4 - (unsigned)pad, &v))
            return -E_INVALID;
        out[3 * whole] = (uint8_t)(v >> 16);
        if (pad == 1)
            out[3 * whole + 1] = (uint8_t)(v >> 8);
    }
    *ret = str_make((char *)out, n);
    return 0;
}

static _Thread_local struct {
    uint8_t bytes[2048];
    size_t left; /* the last `left` bytes are fresh */
} pool;

static void forget_pool(void) { pool.left = 0; }

__attribute__((constructor)) static void watch_forks(void)
{
    CHECK(pthread_atfork(NULL, NULL, forget_pool) == 0);
}

static void from_kernel(uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        CHECK(got > 0);
        p += got;
        n -= (size_t)got;
    }
}

void random_bytes(void *p, size_t n)
{
    uint8_t *from;

    if (n > sizeof(pool.bytes)) {
        from_kernel(p, n);
        return;
    }
    if (n > pool.left) {
        from_kernel(pool.bytes, sizeof(pool.bytes));
        pool.left = sizeof(pool.bytes);
    }
    from = pool.bytes + sizeof(pool.bytes) - pool.left;
    memcpy(p, from, n);
    memset(from, 0, n);
    pool.left -= n;
}

uint64_t random_u64(void)
{
    uint64_t v;

    random_bytes(&v, sizeof(v));
    return v;
}
