/* rows.h - every statement on the tables of store/schema/m0002-s3.sql, one function each.
 *
 * Strings that are returned are copies in the arena given.  Writing functions return nothing: a full disk
 * fails the turn's commit, and then everybody of the turn gets a 500.  Costs are one statement by key or
 * index unless said. */
#ifndef WAYBILL_SERVICE_S3_ROWS_H
#define WAYBILL_SERVICE_S3_ROWS_H

#include "service/s3/internal.h"

/* ---- buckets ---- */
int rows_bucket_add(struct store *s, const struct bucket *b);  /* -E_EXISTS, -E_FULL */
void rows_bucket_put(struct store *s, const struct bucket *b); /* versioning, policy, tags, notification */
void rows_bucket_drop(struct store *s, uint64_t id);
/* Calls `each` for every bucket; the bucket's strings are borrowed. */
void rows_buckets(struct store *s, void (*each)(void *arg, const struct bucket *b), void *arg);

/* ---- versions of objects ---- */
struct object {
    uint64_t id, bucket_id;
    struct str key, version_id;
    bool marker;
    int64_t modified_ms, bytes;
    struct str etag, meta, tags, files; /* files absent: the bytes are in the row */
};
bool rows_object_newest(struct store *s, struct arena *a, uint64_t bucket_id, struct str key,
                        struct object *ret);
/* version_id "null" costs a walk over the key's versions. */
bool rows_object_version(struct store *s, struct arena *a, uint64_t bucket_id, struct str key,
                         struct str version_id, struct object *ret);
struct str rows_object_data(struct store *s, struct arena *a, uint64_t id);
void rows_object_add(struct store *s, const struct object *o, struct str data);
void rows_object_drop(struct store *s, uint64_t id);
void rows_object_tags(struct store *s, uint64_t id, struct str tags);
bool rows_bucket_holds_any(struct store *s, uint64_t bucket_id);
/* Versions of a bucket from key `from` on, keys rising, newest version first; columns as object_row() reads
 * them. */
void rows_objects_from(struct store *s, uint64_t bucket_id, struct str from, struct rows *ret);
struct str rows_object_key(struct rows *r); /* of the row at hand, borrowed */
void rows_object_read(struct rows *r, struct arena *a, struct object *ret);

/* ---- uploads and their parts ---- */
/*   NEW ──CreateMultipartUpload──> UNDER_WAY ──CompleteMultipartUpload──> COMPLETED: the row is gone
 *                                       └──AbortMultipartUpload, DeleteBucket──> ABORTED: the row is gone
 * In the store an upload is UNDER_WAY while its row is there; the others are for the rest of the turn. */
enum upload_state { UPLOAD_NEW, UPLOAD_UNDER_WAY, UPLOAD_COMPLETED, UPLOAD_ABORTED };
struct upload {
    enum upload_state state;
    uint64_t id, bucket_id;
    struct str key, upload_id, initiator;
    int64_t started_ms;
    struct str meta, tags;
};
bool rows_upload(struct store *s, struct arena *a, uint64_t bucket_id, struct str key, struct str upload_id,
                 struct upload *ret);
void rows_upload_add(struct store *s, struct upload *u);
/* The upload's and its parts' rows, for it is COMPLETED or ABORTED.  Cost: one DELETE per part, inside the
 * engine. */
void rows_upload_drop(struct store *s, struct upload *u, enum upload_state how);
void rows_uploads_from(struct store *s, uint64_t bucket_id, struct str from, struct rows *ret);
struct str rows_upload_key(struct rows *r);
void rows_upload_read(struct rows *r, struct arena *a, struct upload *ret);

struct part {
    uint64_t id, upload_id; /* id: of its file as well */
    int64_t number, modified_ms, bytes;
    struct str digest, checksum;
};
bool rows_part(struct store *s, struct arena *a, uint64_t upload_id, int64_t number, struct part *ret);
void rows_part_add(struct store *s, const struct upload *u, const struct part *p); /* u: UNDER_WAY */
void rows_part_drop(struct store *s, uint64_t id);
/* Those with a number above `after`, rising, at most `most` of them. */
size_t rows_parts(struct store *s, struct arena *a, uint64_t upload_id, int64_t after, size_t most,
                  struct part **ret);

/* ---- at start: one scan each ---- */
struct s3_counts {
    int64_t objects, uploads, parts;
};
struct s3_counts rows_counts(struct store *s);
/* The id of every file that a row names, sorted, malloc'ed. */
uint64_t *rows_file_ids(struct store *s, size_t *ret_n);

#endif
