/* sign.h - a key pair that signs texts, and the certificate others check them with (OpenSSL libcrypto behind
 * it).
 *
 * RSA of 2048 bits, PKCS #1 v1.5 signatures: what SNS signs its messages with.  The certificate is
 * self-signed: nobody vouches for it but the server it is fetched from. Cost: making a pair some 100 ms, once
 * per data directory; a signature about 0.6 ms.
 *
 * Owned: sign_key_free() ends what _new and _read made.  A key is immutable. */
#ifndef WAYBILL_BASE_SIGN_H
#define WAYBILL_BASE_SIGN_H

#include "base/buf.h"

struct sign_key;

enum sign_digest { SIGN_SHA1, SIGN_SHA256 };

struct sign_key *sign_key_new(const char *common_name); /* a fresh pair; the name stands in the certificate */
/* From what sign_key_write() wrote.  -E_INVALID. */
int sign_key_read(struct str private_pem, struct str certificate_pem, struct sign_key **ret);
struct sign_key *sign_key_free(struct sign_key *k); /* NULL is fine; returns NULL */

void sign_key_write(const struct sign_key *k, struct buf *ret_private_pem); /* appends; keep it secret */
struct str sign_certificate(const struct sign_key *k); /* PEM; lives as long as the key */
/* 32 hex digits that name this certificate. */
const char *sign_key_name(const struct sign_key *k);

/* Appends the signature of text as base64. */
void sign_text(const struct sign_key *k, enum sign_digest digest, struct str text, struct buf *ret_base64);

#endif
