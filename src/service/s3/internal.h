/* internal.h - what the files of service/s3 share: the service's memory, and the steps its handlers begin
 * with.
 *
 * Buckets with their settings live in memory and are written through; objects, uploads and parts live in the
 * store alone.  A handler: s3_enter() finds the bucket and asks who may; then what the request asks for that
 * is not done here is refused by name; then it looks, and last it writes. */
#ifndef WAYBILL_SERVICE_S3_INTERNAL_H
#define WAYBILL_SERVICE_S3_INTERNAL_H

#include "base/map.h"
#include "policy/policy.h"
#include "turn/turn.h"
#include "model/s3.h"
#include "service/s3/file.h"
#include "service/s3/meta.h"
#include "service/s3/s3.h"
#include "service/s3/text.h"

#define S3_MAGIC 0x53b0c4e7u
#define S3_ROW_BYTES_MOST ((int64_t)32 << 10)   /* larger objects are files */
#define S3_BODY_BYTES_MOST ((size_t)67108864)   /* 64 MiB: one PutObject or UploadPart */
#define S3_OBJECT_BYTES_MOST ((int64_t)5 << 30) /* ours; AWS: 50 TB */
#define S3_CODE_BYTES_MOST ((int64_t)128 << 20) /* of an object read for a function's code */
#define S3_BUCKETS_MOST 10000
#define S3_OBJECTS_MOST 10000000 /* versions and markers */
#define S3_UPLOADS_MOST 10000
#define S3_PARTS_MOST 200000 /* of all uploads under way */
#define S3_PART_NUMBER_MOST 10000
#define S3_PART_BYTES_LEAST ((int64_t)5 << 20) /* all but the last */
#define S3_TAGS_MOST 50                        /* of a bucket */
#define S3_OBJECT_TAGS_MOST 10

enum versioning { VERSIONING_NEVER, VERSIONING_ENABLED, VERSIONING_SUSPENDED };
struct notification;

struct bucket {
    uint32_t magic;
#define BUCKET_MAGIC 0x53b0c4b7u
    uint64_t id;
    struct str name, account, region, arn; /* own one block, name.p */
    int64_t created_ms;
    enum versioning versioning;
    struct str policy_text, tags, notification_text; /* each owned; absent: none */
    struct policy *policy;
    struct notification *notification; /* NULL: none */
};

/* File ids that the coming commit decides about. */
struct file_ids {
    uint64_t *v;
    size_t n, cap;
};

struct s3 {
    uint32_t magic;
    struct s3_options o;
    const struct turn_ops *ops; /* for jobs after a commit */
    void *engine;
    struct map buckets;              /* name -> bucket */
    int64_t objects, uploads, parts; /* rows in the store */
    size_t open_files, open_most;    /* of replies being sent */
    struct file_ids fresh, doomed;   /* rows of this turn name the first, forget the second */
    bool loaded, after_wanted;
    uint64_t sweep_below; /* of a reset that is not committed yet */
};

static inline struct s3 *s3_of(const struct call *c) { return CAST(struct s3, S3_MAGIC, c->state); }

/* ---- bucket.c ---- */
struct bucket *s3_bucket_new(uint64_t id, struct str name, struct str account, struct str region);
struct bucket *s3_bucket_free(struct bucket *b);
struct bucket *s3_bucket_find(const struct s3 *s, struct str name); /* NULL: none */
/* Compiles and keeps; absent: none.  The text was checked before.  Owned copies. */
void s3_bucket_policy(struct bucket *b, struct str text);
void s3_bucket_tags(struct bucket *b, struct str json);

/* Finds the bucket, compares its owner with the one expected, asks whether the caller may do `action` to it
 * or, where key is not absent, to that key of it.  0, or -E_FAULT: NoSuchBucket, AccessDenied. */
int s3_enter(struct call *c, struct str bucket, struct str expected_owner, const char *action, struct str key,
             struct bucket **ret);
/* The second half alone. */
int s3_may(struct call *c, const struct bucket *b, const char *action, struct str key);

/* ---- fault.c ---- */
/* clang-format off */
#define S3_ERRORS(E)                                                                                        \
    E(InvalidBucketName, 400)                                                                               \
    E(BucketNotEmpty, 409)                                                                                  \
    E(TooManyBuckets, 400)                                                                                  \
    E(IllegalLocationConstraintException, 400) E(InvalidLocationConstraint, 400) E(NoSuchBucketPolicy, 404) \
        E(NoSuchTagSet, 404) E(NoSuchLifecycleConfiguration, 404) E(NoSuchCORSConfiguration, 404)           \
            E(NoSuchWebsiteConfiguration, 404) E(NoSuchPublicAccessBlockConfiguration, 404)                 \
                E(ReplicationConfigurationNotFoundError, 404) E(ObjectLockConfigurationNotFoundError, 404)  \
                    E(MalformedPolicy, 400) E(OwnershipControlsNotFoundError, 404) E(NoSuchVersion, 404)    \
                        E(MethodNotAllowed, 405) E(PreconditionFailed, 412) E(InvalidRange, 416)            \
                            E(BadDigest, 400) E(InvalidDigest, 400) E(InvalidArgument, 400)                 \
                                E(MalformedXML, 400) E(InvalidTag, 400) E(KeyTooLongError, 400)             \
                                    E(MetadataTooLarge, 400) E(EntityTooLarge, 400) E(EntityTooSmall, 400)  \
                                        E(InvalidPart, 400) E(InvalidPartOrder, 400) E(NotImplemented, 501) \
                                            E(AccessControlListNotSupported, 400)                           \
                                                E(InvalidBucketAclWithObjectOwnership, 400)                 \
                                                    E(InvalidBucketState, 409) E(SlowDown, 503)             \
                                                        E(InvalidURI, 400) E(InvalidStorageClass, 400)      \
                                                            E(BadRequest, 400) E(InternalError, 500)
/* clang-format on */
#define E(name, status) extern const struct error_row s3_fault_##name;
S3_ERRORS(E)
#undef E
#define S3_FAULT(c, name, ...) call_fault((c), &s3_fault_##name, __VA_ARGS__)

int s3_refuse(struct call *c, const char *what); /* NotImplemented, naming a parameter or header */
int s3_argument(struct call *c, const char *name, struct str value, const char *text); /* InvalidArgument */
/* Refuses a member that was given. */
#define S3_REFUSE_STR(c, in, member)        \
    do {                                    \
        if (!str_absent((in)->member))      \
            return s3_refuse((c), #member); \
    } while (0)
/* x-amz-request-payer may only say "requester"; nobody pays here. */
int s3_payer(struct call *c, struct str request_payer);
/* Content-MD5 and x-amz-checksum-* headers against a body that is a document (not an object's bytes). */
int s3_check_document(struct call *c, struct str content_md5, struct str algorithm);
int s3_key_check(struct call *c, struct str key);
/* "url", or absent. */
int s3_encoding_check(struct call *c, struct str encoding);
/* encoded as asked for: what a list shows. */
struct str s3_shown(struct call *c, struct str encoding, struct str text);
/* The canonical id of an account: 64 hex digits. */
struct s3_Owner *s3_owner(struct arena *a, struct str account);
struct str s3_quoted(struct arena *a, struct str etag);

/* ---- files.c: what the commit decides ---- */
void s3_fresh(struct s3 *s, struct turn *t, uint64_t file_id); /* a row written in this turn names it */
void s3_doom(struct s3 *s, struct turn *t, uint64_t file_id);  /* no row will name it after this turn */
void s3_doom_text(struct s3 *s, struct turn *t, struct str files);
void s3_forget(struct s3 *s, struct file_ids *ids); /* removes the files on a pool thread; empties ids */
void s3_ids_add(struct file_ids *ids, uint64_t id);
/* The turn failed: nothing of it happened. */
void s3_files_undo(struct s3 *s);

/* ---- check.c ---- */
/* CHECKs that memory and store agree: buckets, and what is counted.  For tests, between two turns: reads all
 * buckets and counts all rows. */
void s3_check(const struct s3 *s, struct store *store);

/* ---- tag.c ---- */
/* Tags as JSON, checked: at most `most`, unique keys, lengths.  -E_FAULT. */
int s3_tags_json(struct call *c, const struct s3_TagSet *tags, size_t most, struct str *ret);
int s3_tags_header(struct call *c, struct str header, struct str *ret); /* x-amz-tagging */
void s3_tags_read(struct arena *a, struct str json, struct s3_TagSet *ret);

/* ---- handlers: wire/call.h says what they are; each file holds the operations of its name ---- */
int s3_create_bucket(struct call *c, const void *input, void *output);
int s3_head_bucket(struct call *c, const void *input, void *output);
int s3_list_buckets(struct call *c, const void *input, void *output);
int s3_delete_bucket(struct call *c, const void *input, void *output);
int s3_get_bucket_location(struct call *c, const void *input, void *output);
int s3_get_bucket_versioning(struct call *c, const void *input, void *output);
int s3_put_bucket_versioning(struct call *c, const void *input, void *output);
int s3_get_bucket_policy(struct call *c, const void *input, void *output);
int s3_put_bucket_policy(struct call *c, const void *input, void *output);
int s3_delete_bucket_policy(struct call *c, const void *input, void *output);
int s3_get_bucket_policy_status(struct call *c, const void *input, void *output);
int s3_get_bucket_tagging(struct call *c, const void *input, void *output);
int s3_put_bucket_tagging(struct call *c, const void *input, void *output);
int s3_delete_bucket_tagging(struct call *c, const void *input, void *output);
int s3_get_bucket_encryption(struct call *c, const void *input, void *output);
int s3_get_public_access_block(struct call *c, const void *input, void *output);
int s3_get_bucket_ownership_controls(struct call *c, const void *input, void *output);
int s3_get_bucket_acl(struct call *c, const void *input, void *output);
int s3_get_bucket_cors(struct call *c, const void *input, void *output);
int s3_get_bucket_website(struct call *c, const void *input, void *output);
int s3_get_bucket_accelerate_configuration(struct call *c, const void *input, void *output);
int s3_get_bucket_request_payment(struct call *c, const void *input, void *output);
int s3_get_bucket_logging(struct call *c, const void *input, void *output);
int s3_get_bucket_replication(struct call *c, const void *input, void *output);
int s3_get_object_lock_configuration(struct call *c, const void *input, void *output);
int s3_get_bucket_lifecycle_configuration(struct call *c, const void *input, void *output);
int s3_get_bucket_notification_configuration(struct call *c, const void *input, void *output);
int s3_put_bucket_notification_configuration(struct call *c, const void *input, void *output);
int s3_put_object(struct call *c, const void *input, void *output);
int s3_copy_object(struct call *c, const void *input, void *output);
int s3_get_object(struct call *c, const void *input, void *output);
int s3_head_object(struct call *c, const void *input, void *output);
int s3_get_object_acl(struct call *c, const void *input, void *output);
int s3_get_object_attributes(struct call *c, const void *input, void *output);
int s3_delete_object(struct call *c, const void *input, void *output);
int s3_delete_objects(struct call *c, const void *input, void *output);
int s3_get_object_tagging(struct call *c, const void *input, void *output);
int s3_put_object_tagging(struct call *c, const void *input, void *output);
int s3_delete_object_tagging(struct call *c, const void *input, void *output);
int s3_list_objects(struct call *c, const void *input, void *output);
int s3_list_objects_v2(struct call *c, const void *input, void *output);
int s3_list_object_versions(struct call *c, const void *input, void *output);
int s3_create_multipart_upload(struct call *c, const void *input, void *output);
int s3_upload_part(struct call *c, const void *input, void *output);
int s3_upload_part_copy(struct call *c, const void *input, void *output);
int s3_complete_multipart_upload(struct call *c, const void *input, void *output);
int s3_abort_multipart_upload(struct call *c, const void *input, void *output);
int s3_list_parts(struct call *c, const void *input, void *output);
int s3_list_multipart_uploads(struct call *c, const void *input, void *output);

#endif
