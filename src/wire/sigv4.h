/* sigv4.h - AWS Signature Version 4: what a request says of its signature, and what the signature ought to
 * be.
 *
 * Pure: no clock, no store, no keys of its own.  Who verifies (engine/verify.c) brings the secret and the
 * time; who signs (the command line) uses the same canonical request.  Source: IAM user guide, "Create a
 * signed AWS API request"; Amazon S3 API reference, "Authenticating requests (AWS Signature Version 4)"; what
 * the SDKs sign (botocore, JavaScript v3).
 *
 *   canonical request    method, path, query, signed headers, their names, the payload's hash; a line each
 *   string to sign       "AWS4-HMAC-SHA256", the time, the scope, hash of the canonical request
 *   key                  HMAC of HMAC of ...: "AWS4" + secret, date, region, service, "aws4_request"
 *   signature            hex HMAC of the string to sign
 *
 * The path is encoded once for S3 and twice, after its dots and double slashes were taken out, for all
 * others. Cost: 42,000 instructions, some 10 us, for a small request whose key is known (bench/README.md,
 * "Verified requests"); a key is four HMACs, as much again and half; a large body's hash comes on top, see
 * sigv4_body. */
#ifndef WAYBILL_WIRE_SIGV4_H
#define WAYBILL_WIRE_SIGV4_H

#include "base/crypt.h"
#include "net/exchange.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define SIGV4_SKEW_MS ((int64_t)15 * 60 * 1000) /* the signer's clock against ours */
#define SIGV4_MOST_EXPIRES_S 604800             /* a presigned address lives for a week at most */
#define SIGV4_HEX 64

/* What is signed: the request as it came, nothing decoded. */
struct sigv4_request {
    struct str method, path, query;
    const struct header *headers;
    size_t n_headers;
    struct str host; /* stands for the Host header; absent: the header itself */
};

enum sigv4_place { SIGV4_NOWHERE, SIGV4_HEADER, SIGV4_QUERY };
enum sigv4_payload {
    SIGV4_WHOLE,    /* by its hash */
    SIGV4_UNSIGNED, /* UNSIGNED-PAYLOAD */
    SIGV4_CHUNKS,
    SIGV4_CHUNKS_TRAILER,  /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD, ...-TRAILER */
    SIGV4_UNSIGNED_CHUNKS, /* STREAMING-UNSIGNED-PAYLOAD-TRAILER */
};

struct str sigv4_header(const struct sigv4_request *q,
                        const char *name);          /* the last of several, as everywhere; or absent */
struct str sigv4_time(struct arena *a, int64_t ms); /* "20260914T120000Z" */

/* Why a request is not believed; wire/refusal.h has the words. */
enum sigv4_verdict {
    SIGV4_OK,
    SIGV4_MISSING,    /* nobody signed it */
    SIGV4_ASYMMETRIC, /* AWS4-ECDSA-P256-SHA256 */
    SIGV4_VERSION_2,
    SIGV4_OTHER_SCHEME,
    SIGV4_TWICE,
    SIGV4_PARTS_MISSING, /* enum sigv4_part bits in `missing` */
    SIGV4_BAD_PART,
    SIGV4_BAD_CREDENTIAL,
    SIGV4_BAD_TERM,
    SIGV4_BAD_TIME,
    SIGV4_BAD_EXPIRES,
    SIGV4_DATE_DIFFERS,
    SIGV4_OTHER_SERVICE,
    SIGV4_HOST_UNSIGNED,
    SIGV4_HEADERS_UNSIGNED, /* `what` names them */
    SIGV4_TOO_OLD,
    SIGV4_TOO_NEW,
    SIGV4_EXPIRED,
    SIGV4_NOT_YET,
    SIGV4_NO_PAYLOAD_HASH,
    SIGV4_BAD_PAYLOAD_HASH,
    SIGV4_PAYLOAD_DIFFERS,
    SIGV4_UNKNOWN_KEY,
    SIGV4_TOKEN_INVALID,
    SIGV4_TOKEN_EXPIRED,
    SIGV4_DIFFERS,
};
enum sigv4_part {
    SIGV4_PART_ALGORITHM = 1,
    SIGV4_PART_CREDENTIAL = 2,
    SIGV4_PART_SIGNATURE = 4,
    SIGV4_PART_HEADERS = 8,
    SIGV4_PART_DATE = 16,
    SIGV4_PART_EXPIRES = 32,
};

struct sigv4 {
    enum sigv4_place place;
    struct str key, date, region, service; /* of the credential */
    struct str scope;                      /* "20260914/us-east-1/sqs/aws4_request" */
    struct str headers;                    /* "host;x-amz-date" */
    struct str signature;                  /* as sent */
    struct str time;                       /* "20260914T120000Z" */
    int64_t time_ms;
    int64_t expires_s; /* SIGV4_QUERY */
    struct str token;  /* absent: none */
    enum sigv4_payload payload;
    struct str payload_hash; /* the canonical request's last line; absent: the body's own hash */
    unsigned missing;
    struct str what; /* the text a refusal repeats */
};

/* s3: by S3's rules for payload hashes.  Everything in `a`, or borrowed from the request.  SIGV4_OK or why
 * not: then *ret holds what could be read. */
enum sigv4_verdict sigv4_read(struct arena *a, const struct sigv4_request *q, bool s3, struct sigv4 *ret);
/* What needs no key: the service meant, headers left unsigned, the time.  now_ms: real time, for the signer's
 * clock is real whatever the server's says. */
enum sigv4_verdict sigv4_check(struct arena *a, const struct sigv4_request *q, const char *service,
                               int64_t now_ms, struct sigv4 *s);

/* Appends.  payload_hash: s->payload_hash, or the hash of the body. */
void sigv4_canonical(struct arena *a, const struct sigv4_request *q, const struct sigv4 *s, bool s3,
                     struct str payload_hash, struct buf *ret);
void sigv4_to_sign(const struct sigv4 *s, struct str canonical, struct buf *ret);
struct digest sigv4_key(struct str secret, struct str date, struct str region, struct str service);
struct sigv4_signature {
    char hex[SIGV4_HEX + 1];
};
struct sigv4_signature sigv4_sign(const struct digest *key, struct str to_sign);
bool sigv4_signed_by(const struct digest *key, struct str to_sign, struct str signature);

/* ---- the body ----
 * What is O(body), apart so that it can run on a pool thread: it touches nothing but this struct and the
 * bytes.  One pass of SHA-256, 0.5 to 3 ms a MiB as the processor has instructions for it. */
struct sigv4_body {
    struct str bytes;
    enum sigv4_payload payload;
    struct digest key;            /* of chunks; n 0: nobody to verify them by, or no chunks */
    struct str time, scope, seed; /* of chunks: seed is the request's own signature */
    /* What came of it. */
    char hash[SIGV4_HEX + 1]; /* SIGV4_WHOLE */
    bool differs;             /* chunks: one was signed by somebody else, or not at all */
};
bool sigv4_body_wanted(enum sigv4_payload payload); /* does sigv4_body_run() have anything to do? */
void sigv4_body_run(struct sigv4_body *b);

/* ---- signing ---- */

/* The header lines X-Amz-Date and Authorization of a request with these headers: Host must be among them. */
void sigv4_header_lines(struct arena *a, const struct sigv4_request *q, struct str key, struct str secret,
                        const char *region, const char *service, int64_t now_ms, struct str body,
                        struct buf *ret_lines);

#endif
