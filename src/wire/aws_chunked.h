/* aws_chunked.h - request bodies in AWS's own chunks, which S3's clients send inside whatever HTTP does.
 *
 *   hex-size[;chunk-signature=64 hex] CRLF data CRLF ... 0[;chunk-signature=...] CRLF trailers CRLF
 *   trailers: "x-amz-checksum-crc32:AAAAAA==" CRLF ...
 *
 * A body is so framed when x-amz-content-sha256 begins with STREAMING-.  Its real length is in
 * x-amz-decoded-content-length and must be what the chunks add up to.  Signatures of chunks and trailers are
 * passed over here; where they are verified (wire/sigv4.h), they were before anything is moved.  Trailers
 * must be announced in x-amz-trailer and be checksums; they become headers.  Source: Amazon S3 API reference,
 * "Signature calculations: transferring payload in multiple chunks" and "Trailing headers"; the status of a
 * broken framing is UNVERIFIED. */
#ifndef WAYBILL_WIRE_AWS_CHUNKED_H
#define WAYBILL_WIRE_AWS_CHUNKED_H

#include "wire/fault.h"

struct exchange;

#define AWS_CHUNKED_MAX_TRAILERS 8
#define AWS_CHUNKED_MAX_LINE 1024 /* a chunk's first line, a trailer */

struct aws_chunked {
    size_t n; /* bytes of the body, now at the front */
    struct {
        struct str name, value;
    } trailers[AWS_CHUNKED_MAX_TRAILERS]; /* in the body's own bytes, behind n */
    size_t n_trailers;
};

/* One chunk after the other, nothing moved: from *at = 0 until data.n is 0; trailers begin at *at then.
 * Borrowed from body; signature absent: none sent.  Errors as below. */
struct aws_chunk {
    struct str data, signature;
};
int aws_chunked_next(struct str body, size_t *at, struct aws_chunk *ret);

/* In place: what is decoded is never longer than what it stood in.  O(n), no memory.
 * 0; -E_TRUNCATED: ends inside a chunk; -E_INVALID: no framing of this kind; -E_LIMIT: trailers too long or
 * too many. */
int aws_chunked_decode(char *p, size_t n, struct aws_chunked *ret);

/* Unwraps x->body where the headers say so and rewrites the headers to tell of what is there now:
 * Content-Length, Content-Encoding without aws-chunked, trailers added.  Other requests stay untouched.  0 or
 * -E_FAULT: IncompleteBody, InvalidChunkSizeError, MalformedTrailerError, MissingContentLength. */
int aws_chunked_open(struct arena *a, struct exchange *x, struct fault *ret_fault);

#endif
