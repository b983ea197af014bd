/* checksum.h - the checksums S3 clients send with a body: computed in pieces, combined, compared.
 *
 * Source: S3 user guide, "Checking object integrity".  The five kinds below are served; newer ones (SHA512,
 * MD5 as an "additional" checksum, XXHASH) are refused by name where a request gives them.
 *
 * Two ways a multipart object gets one:
 *   FULL_OBJECT  CRCs only: that of all bytes, combined from the parts' without reading them again;
 *   COMPOSITE    the checksum of the parts' checksums, with "-N" behind its text.
 * Nothing here waits or fails; all of it may run on a pool thread. */
#ifndef WAYBILL_SERVICE_S3_CHECKSUM_H
#define WAYBILL_SERVICE_S3_CHECKSUM_H

#include "base/crypt.h"

enum checksum {
    CHECKSUM_NONE,
    CHECKSUM_CRC32,
    CHECKSUM_CRC32C,
    CHECKSUM_CRC64NVME,
    CHECKSUM_SHA1,
    CHECKSUM_SHA256
};
#define CHECKSUM_KINDS 6

const char *checksum_name(enum checksum k);    /* "CRC32"; NULL for CHECKSUM_NONE */
enum checksum checksum_named(struct str name); /* in any case; CHECKSUM_NONE: not one of ours */
bool checksum_is_crc(enum checksum k);
size_t checksum_bytes(enum checksum k); /* of its value */

/* Piecewise.  The digest's bytes are in network order, as clients encode them in base64. */
struct summing {
    enum checksum kind;
    uint64_t crc;
    struct hasher *hasher; /* SHA only: owned until summing_end() */
};
void summing_begin(struct summing *s, enum checksum k); /* CHECKSUM_NONE is fine: sums nothing */
void summing_add(struct summing *s, const void *p, size_t n);
struct digest summing_end(struct summing *s);
struct digest checksum_of(enum checksum k, struct str s);

/* That of two pieces in a row, from that of each; CRCs only.  second_bytes: the length of the second piece.
 */
struct digest checksum_combine(enum checksum k, const struct digest *first, const struct digest *second,
                               uint64_t second_bytes);

#endif
