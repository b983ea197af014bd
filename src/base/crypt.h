/* crypt.h - digests, checksums and text forms of bytes (OpenSSL libcrypto behind it). */
#ifndef WAYBILL_BASE_CRYPT_H
#define WAYBILL_BASE_CRYPT_H

#include "base/buf.h"

struct digest {
    uint8_t b[32];
    size_t n;
};

struct digest md5_of(struct str s);
struct digest sha256_of(struct str s);
struct digest hmac_sha256_of(struct str key, struct str s);
struct digest hmac_sha1_of(struct str key, struct str s);
bool crypt_equal(struct str a, struct str b); /* takes as long whatever differs, but for the lengths */
uint32_t crc32_of(struct str s);              /* zlib's */

/* Piecewise, for what does not lie in one piece (message attribute MD5s). */
struct hasher;
struct hasher *hasher_new_md5(void);
struct hasher *hasher_new_sha1(void);
struct hasher *hasher_new_sha256(void);
void hasher_add(struct hasher *h, const void *p, size_t n);
struct digest hasher_end(struct hasher *h); /* frees h */

void hex_add(struct buf *b, const void *p, size_t n); /* lower case */
void hex_text(char *out, const void *p, size_t n);    /* 2n digits and NUL */
bool hex_is_sha256(struct str s);                     /* 64 digits, in lower case */
struct str hex_str(struct arena *a, const struct digest *d);
void base64_add(struct buf *b, const void *p, size_t n); /* standard alphabet, padded */
struct str base64_str(struct arena *a, struct str bytes);
/* Strict: padding required, no blanks.  -E_INVALID otherwise. */
int base64_decode(struct arena *a, struct str text, struct str *ret);

void random_bytes(void *p, size_t n);
uint64_t random_u64(void);

#endif
