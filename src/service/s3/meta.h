/* meta.h - what an object carries beside its bytes: headers to be shown again, user metadata, its checksum.
 *
 * Kept in the row as one JSON object of the members that are set; short names, since most objects have one or
 * two. Source: S3 user guide, "Working with object metadata": user metadata at most 2 KiB, names in lower
 * case. */
#ifndef WAYBILL_SERVICE_S3_META_H
#define WAYBILL_SERVICE_S3_META_H

#include "model/s3.h"
#include "service/s3/checksum.h"

#define META_USER_BYTES_MOST 2048

struct meta {
    struct str content_type, cache_control, content_disposition, content_encoding, content_language;
    struct str website_redirect, storage_class; /* storage_class absent: STANDARD */
    struct str encryption, kms_key;             /* encryption absent: AES256; shown, nothing is encrypted */
    bool bucket_key;
    struct opt_time expires;
    struct s3_Metadata user;
    enum checksum checksum; /* of an upload: what its parts are asked for */
    bool composite;
    struct str checksum_text; /* base64, "-N" behind it where composite */
    struct str upload_id;     /* of an object that was a multipart upload */
};

void meta_text(struct buf *b, const struct meta *m);
/* Strings in `a`.  The text is ours: anything else leaves *ret empty. */
void meta_read(struct arena *a, struct str text, struct meta *ret);
/* Lower-case names; false when it is more than META_USER_BYTES_MOST. */
bool meta_user(struct arena *a, const struct s3_Metadata *given, struct s3_Metadata *ret);

/* Sets the member of the right kind among ChecksumCRC32 ... of any output: they have the same names
 * everywhere. */
#define META_SET_CHECKSUM(out, kind, text)                             \
    do {                                                               \
        struct str *at_[CHECKSUM_KINDS] = { NULL,                      \
                                            &(out)->ChecksumCRC32,     \
                                            &(out)->ChecksumCRC32C,    \
                                            &(out)->ChecksumCRC64NVME, \
                                            &(out)->ChecksumSHA1,      \
                                            &(out)->ChecksumSHA256 };  \
        if ((kind) != CHECKSUM_NONE)                                   \
            *at_[kind] = (text);                                       \
    } while (0)

#endif
