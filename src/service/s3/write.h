/* write.h - the way every new object takes: headers checked, bytes summed and stored, version made, told.
 *
 * Up to 32 KiB everything happens in the handler's own turn.  Larger bodies and copies go to a pool job first
 * (file.h); the handler answers -E_WAIT and `then` runs in a later turn, where the world may have changed: it
 * looks for bucket, upload and conditions again.  Nobody listens for on_gone: a body that was received whole
 * is stored, as with AWS, and the answer to a client that has left is thrown away. */
#ifndef WAYBILL_SERVICE_S3_WRITE_H
#define WAYBILL_SERVICE_S3_WRITE_H

#include "service/s3/notify.h"
#include "service/s3/rows.h"

/* What requests that make an object have in common; OBJECT_HEADERS fills it from any of their inputs. */
struct object_headers {
    struct str acl, cache_control, content_disposition, content_encoding, content_language, content_type;
    struct opt_time expires;
    struct str grant_full, grant_read, grant_read_acp, grant_write_acp;
    const struct s3_Metadata *user;
    struct str encryption, storage_class, website_redirect;
    struct str customer_algorithm, customer_key, customer_key_md5, kms_key, kms_context;
    struct opt_bool bucket_key;
    struct str request_payer, tagging, lock_mode, legal_hold;
    struct opt_time lock_until;
};
#define OBJECT_HEADERS(in)                                                       \
    ((struct object_headers){ .acl = (in)->ACL,                                  \
                              .cache_control = (in)->CacheControl,               \
                              .content_disposition = (in)->ContentDisposition,   \
                              .content_encoding = (in)->ContentEncoding,         \
                              .content_language = (in)->ContentLanguage,         \
                              .content_type = (in)->ContentType,                 \
                              .expires = (in)->Expires,                          \
                              .grant_full = (in)->GrantFullControl,              \
                              .grant_read = (in)->GrantRead,                     \
                              .grant_read_acp = (in)->GrantReadACP,              \
                              .grant_write_acp = (in)->GrantWriteACP,            \
                              .user = &(in)->Metadata,                           \
                              .encryption = (in)->ServerSideEncryption,          \
                              .storage_class = (in)->StorageClass,               \
                              .website_redirect = (in)->WebsiteRedirectLocation, \
                              .customer_algorithm = (in)->SSECustomerAlgorithm,  \
                              .customer_key = (in)->SSECustomerKey,              \
                              .customer_key_md5 = (in)->SSECustomerKeyMD5,       \
                              .kms_key = (in)->SSEKMSKeyId,                      \
                              .kms_context = (in)->SSEKMSEncryptionContext,      \
                              .bucket_key = (in)->BucketKeyEnabled,              \
                              .request_payer = (in)->RequestPayer,               \
                              .tagging = (in)->Tagging,                          \
                              .lock_mode = (in)->ObjectLockMode,                 \
                              .legal_hold = (in)->ObjectLockLegalHoldStatus,     \
                              .lock_until = (in)->ObjectLockRetainUntilDate })
/* Refuses what is not done here; else the metadata, and the tags as JSON (absent: none).  0 or -E_FAULT. */
int s3_object_headers(struct call *c, const struct object_headers *h, struct meta *ret_meta,
                      struct str *ret_tags);
/* Keys of the client's own for encryption, wherever they are given. */
#define S3_REFUSE_CUSTOMER_KEYS(c, in)              \
    do {                                            \
        S3_REFUSE_STR(c, in, SSECustomerAlgorithm); \
        S3_REFUSE_STR(c, in, SSECustomerKey);       \
        S3_REFUSE_STR(c, in, SSECustomerKeyMD5);    \
    } while (0)

/* The checksum a client gave, of any input that has the members.  text absent: none. */
struct given {
    enum checksum kind;
    struct str text;
    size_t n;
    const char *unknown;
};
#define S3_GIVEN(in)                                                                                    \
    s3_given((const struct str[]){ STR_NONE, (in)->ChecksumCRC32, (in)->ChecksumCRC32C,                 \
                                   (in)->ChecksumCRC64NVME, (in)->ChecksumSHA1, (in)->ChecksumSHA256 }, \
             !str_absent((in)->ChecksumSHA512)      ? "ChecksumSHA512"                                  \
             : !str_absent((in)->ChecksumMD5)       ? "ChecksumMD5"                                     \
             : !str_absent((in)->ChecksumXXHASH64)  ? "ChecksumXXHASH64"                                \
             : !str_absent((in)->ChecksumXXHASH3)   ? "ChecksumXXHASH3"                                 \
             : !str_absent((in)->ChecksumXXHASH128) ? "ChecksumXXHASH128"                               \
                                                    : NULL)
struct given s3_given(const struct str *by_kind, const char *unknown);
/* Refuses kinds not served and more than one.  algorithm: ChecksumAlgorithm, may be absent. */
int s3_given_check(struct call *c, struct given *g, struct str algorithm);

/* The life of the file a body may become, until the turn it is named in ends:
 *
 *   NONE ──too large for a row──> WRITING ──flushed──> WHOLE ──s3_write_named()──> NAMED
 *                                    │ disk               │ no row will name it
 *                                    └──────> WASTE <─────┘
 *
 * NAMED files are "fresh" until their turn is committed, kept after, and "doomed" in the turn that takes
 * their name out of its row (files.c).  A file that is being sent stays readable, whatever becomes of it. */
enum file_life { FILE_NONE, FILE_WRITING, FILE_WHOLE, FILE_NAMED, FILE_WASTE };

/* One body on its way. Lies in the call's arena. */
struct s3_write {
    uint32_t magic;
#define S3_WRITE_MAGIC 0x53371735u
    struct call *c;
    struct source from; /* segments are closed when they were read */
    bool to_file;       /* also when it is small */
    struct given given;
    struct str content_md5;
    uint64_t file_id; /* 0: not in a file */
    enum file_life file;
    struct written got;
    struct str data; /* not in a file: the bytes */
    int rc;
    int (*then)(struct call *c, struct s3_write *w); /* 0, -E_FAULT; s3_write_named() when a row does */
    void *arg;
};
/* 0, -E_FAULT, -E_WAIT.  Digests given are compared before `then` runs.  bytes: how many there will be. */
int s3_write_begin(struct s3_write *w, int64_t bytes);
/* A row of this turn names the file, if there is one. */
void s3_write_named(struct s3_write *w);
struct str s3_sum_text(struct arena *a, const struct digest *d); /* base64 */

/* Where copies come from.  S3_COPY_REQUEST fills the first from CopyObject and UploadPartCopy. */
#define COPY_PIECES_MOST 256 /* files held open by one copy */
struct s3_copy_request {
    struct str source, if_match, if_none_match, expected_owner;
    struct opt_time if_modified_since, if_unmodified_since;
};
#define S3_COPY_REQUEST(in)                                                          \
    ((struct s3_copy_request){ .source = (in)->CopySource,                           \
                               .if_match = (in)->CopySourceIfMatch,                  \
                               .if_none_match = (in)->CopySourceIfNoneMatch,         \
                               .expected_owner = (in)->ExpectedSourceBucketOwner,    \
                               .if_modified_since = (in)->CopySourceIfModifiedSince, \
                               .if_unmodified_since = (in)->CopySourceIfUnmodifiedSince })
struct s3_copied {
    const struct bucket *bucket;
    struct object o;
    struct str version_shown;
};
/* Found, allowed, conditions hold; or -E_FAULT. */
int s3_copy_open(struct call *c, const struct s3_copy_request *q, struct s3_copied *ret);
/* The bytes [from, to) of an object: in memory, or as open files that s3_write_begin() closes. */
int s3_copy_bytes(struct call *c, const struct object *o, int64_t from, int64_t to, struct source *ret);

/* If-Match and If-None-Match of a write, against the current object. */
int s3_write_conditions(struct call *c, const struct bucket *b, struct str key, struct str if_match,
                        struct str if_none_match);
/* -E_FAULT when this server holds all it may. */
int s3_room(struct call *c);

/* A new version of o->key in b: fills id, bucket_id, version_id, modified_ms; drops what it replaces.  data
 * is kept in the row where o->files is absent. */
void s3_version_add(struct s3 *s, struct turn *t, struct arena *a, const struct bucket *b, struct object *o,
                    struct str data);
void s3_version_drop(struct s3 *s, struct turn *t, const struct object *o);
/* The version asked for, or the current object; headers x-amz-delete-marker and x-amz-version-id where it is
 * a marker. 0, or -E_FAULT: NoSuchKey, NoSuchVersion, MethodNotAllowed (a marker by its id). */
int s3_object_of(struct call *c, const struct bucket *b, struct str key, struct str version_id,
                 struct object *ret);
/* absent where the bucket never had versions: what is shown. */
struct str s3_version_shown(const struct bucket *b, const struct object *o);
/* An upload with all its parts goes; the store's error codes do not matter here. */
void s3_upload_abort(struct s3 *s, struct turn *t, struct arena *a, struct upload *u);
/* The one grant everything has: the owner's. */
void s3_acl_of(struct arena *a, struct str account, struct s3_Owner **ret_owner, struct s3_Grants *ret);
void s3_tell_created(struct call *c, const struct bucket *b, const struct object *o, const char *event,
                     const char *reason);

#endif
