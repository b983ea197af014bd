/* verify.h - who signed this request, and did he? (`--auth verify`)
 *
 *   verify_begin    reads the signature, finds the secret, checks what needs no body           on the loop
 *   sigv4_body_run  the body's hash, or the chain of its chunks                                 on the loop
 * up to VERIFY_ON_LOOP_BYTES, else on the pool: a large body does not hold the loop verify_end      compares
 * on the loop
 *
 * Real time is the signer's: it bounds skew and presigned addresses.  Sessions end on the server's clock,
 * which minted them.
 *
 * Cost of a small request on the loop: 42,000 instructions, some 10 us (bench/README.md, "Verified
 * requests").  The key's derivation, four HMACs or 60,000 more, is remembered per (secret, date, region,
 * service), for VERIFY_KEYS of them. */
#ifndef WAYBILL_ENGINE_VERIFY_H
#define WAYBILL_ENGINE_VERIFY_H

#include "engine/engine.h"
#include "engine/watch.h"
#include "wire/refusal.h"
#include "wire/sigv2.h"

#define VERIFY_ON_LOOP_BYTES \
    ((size_t)1 << 20) /* 3 ms at the most, where the processor cannot hash by itself */
#define VERIFY_KEYS 256

struct verify_keys;
struct verify_keys *verify_keys_new(void);
struct verify_keys *verify_keys_free(struct verify_keys *k);

struct verification {
    struct sigv4_request request;
    struct sigv4 signature;
    struct sigv4_body body;
    struct digest key;
    int64_t now_ms; /* real */
    bool s3;
    bool version_2;    /* a presigned address of S3's old kind: sigv2.h */
    struct str secret; /* version_2 */
};

/* What is verified: x as it came, before anybody unwraps its body.  service: the name in the credential
 * scope. SIGV4_OK: now run v->body, then verify_end(); SIGV4_MISSING: nobody signed; else the request is
 * refused. */
enum sigv4_verdict verify_begin(struct verify_keys *keys, const struct engine_options *o,
                                const struct exchange *x, const char *service, bool s3,
                                struct verification *v);
/* SIGV4_OK, or the refusal's facts in *ret, texts in a. */
enum sigv4_verdict verify_end(struct arena *a, const struct verification *v, struct refusal *ret);

#define REFUSED_KEY_SHOWN 32
/* What of an access key's id a line may show: itself, "-" where there is none, or that it is none: it may be
 * a secret in the wrong place, or text made for the log. */
struct str refused_key(struct str key);
/* Writes the line where one is due.  error: its name, ours. */
void refused_say(struct seldom *lines, const struct exchange *x, const char *service, struct str key,
                 const char *error);

#endif
