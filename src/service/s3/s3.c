/* s3.c - the service's life, its door for other services' objects, and its reader of function code.
 *
 * True here: buckets in memory are those of the store, and objects, uploads and parts the numbers of its
 * rows; both are read anew whenever a turn has failed. */
#include "service/s3/s3.h"

#include <stdlib.h>
#include <sys/resource.h>
#include "base/id.h"
#include "service/s3/write.h"

#define DELETE_BODY_BYTES_MOST ((size_t)4 << 20)
#define COMPLETE_BODY_BYTES_MOST ((size_t)4 << 20)
#define SINK_BODY_BYTES_MOST ((size_t)64 << 20)

static const struct handler handlers[] = {
    { "CreateBucket", s3_create_bucket, 0 },
    { "HeadBucket", s3_head_bucket, 0 },
    { "ListBuckets", s3_list_buckets, 0 },
    { "DeleteBucket", s3_delete_bucket, 0 },
    { "GetBucketLocation", s3_get_bucket_location, 0 },
    { "GetBucketVersioning", s3_get_bucket_versioning, 0 },
    { "PutBucketVersioning", s3_put_bucket_versioning, 0 },
    { "GetBucketPolicy", s3_get_bucket_policy, 0 },
    { "PutBucketPolicy", s3_put_bucket_policy, 0 },
    { "DeleteBucketPolicy", s3_delete_bucket_policy, 0 },
    { "GetBucketPolicyStatus", s3_get_bucket_policy_status, 0 },
    { "GetBucketTagging", s3_get_bucket_tagging, 0 },
    { "PutBucketTagging", s3_put_bucket_tagging, 0 },
    { "DeleteBucketTagging", s3_delete_bucket_tagging, 0 },
    { "GetBucketEncryption", s3_get_bucket_encryption, 0 },
    { "GetPublicAccessBlock", s3_get_public_access_block, 0 },
    { "GetBucketOwnershipControls", s3_get_bucket_ownership_controls, 0 },
    { "GetBucketAcl", s3_get_bucket_acl, 0 },
    { "GetBucketCors", s3_get_bucket_cors, 0 },
    { "GetBucketWebsite", s3_get_bucket_website, 0 },
    { "GetBucketAccelerateConfiguration", s3_get_bucket_accelerate_configuration, 0 },
    { "GetBucketRequestPayment", s3_get_bucket_request_payment, 0 },
    { "GetBucketLogging", s3_get_bucket_logging, 0 },
    { "GetBucketReplication", s3_get_bucket_replication, 0 },
    { "GetObjectLockConfiguration", s3_get_object_lock_configuration, 0 },
    { "GetBucketLifecycleConfiguration", s3_get_bucket_lifecycle_configuration, 0 },
    { "GetBucketNotificationConfiguration", s3_get_bucket_notification_configuration, 0 },
    { "PutBucketNotificationConfiguration", s3_put_bucket_notification_configuration, 0 },
    { "PutObject", s3_put_object, S3_BODY_BYTES_MOST },
    { "CopyObject", s3_copy_object, 0 },
    { "GetObject", s3_get_object, 0 },
    { "HeadObject", s3_head_object, 0 },
    { "GetObjectAcl", s3_get_object_acl, 0 },
    { "GetObjectAttributes", s3_get_object_attributes, 0 },
    { "DeleteObject", s3_delete_object, 0 },
    { "DeleteObjects", s3_delete_objects, DELETE_BODY_BYTES_MOST },
    { "GetObjectTagging", s3_get_object_tagging, 0 },
    { "PutObjectTagging", s3_put_object_tagging, 0 },
    { "DeleteObjectTagging", s3_delete_object_tagging, 0 },
    { "ListObjects", s3_list_objects, 0 },
    { "ListObjectsV2", s3_list_objects_v2, 0 },
    { "ListObjectVersions", s3_list_object_versions, 0 },
    { "CreateMultipartUpload", s3_create_multipart_upload, 0 },
    { "UploadPart", s3_upload_part, S3_BODY_BYTES_MOST },
    { "UploadPartCopy", s3_upload_part_copy, 0 },
    { "CompleteMultipartUpload", s3_complete_multipart_upload, COMPLETE_BODY_BYTES_MOST },
    { "AbortMultipartUpload", s3_abort_multipart_upload, 0 },
    { "ListParts", s3_list_parts, 0 },
    { "ListMultipartUploads", s3_list_multipart_uploads, 0 },
};

/* Of the descriptors the process may have, half are for objects that are being sent. */
static size_t open_files_most(void)
{
    struct rlimit r;

    return getrlimit(RLIMIT_NOFILE, &r) == 0 ? (size_t)MIN(r.rlim_cur, (rlim_t)1 << 20) / 2 : 512;
}

struct s3 *s3_new(const struct s3_options *o)
{
    struct s3 *s = xcalloc(1, sizeof(*s));

    s->magic = S3_MAGIC;
    s->o = *o;
    s->open_most = open_files_most();
    return s;
}

static void forget_buckets(struct s3 *s)
{
    size_t at = 0;
    struct str key;
    void *value;

    CHECK_IS(s, S3_MAGIC);
    while (map_next(&s->buckets, &at, &key, &value))
        s3_bucket_free(CAST(struct bucket, BUCKET_MAGIC, value));
    map_done(&s->buckets);
    s->buckets = (struct map){ 0 };
}

struct s3 *s3_free(struct s3 *s)
{
    if (s == NULL)
        return NULL;
    CHECK_IS(s, S3_MAGIC);
    forget_buckets(s);
    free(s->fresh.v);
    free(s->doomed.v);
    s->magic = 0;
    free(s);
    return NULL;
}

static void load_bucket(void *arg, const struct bucket *row)
{
    struct s3 *s = CAST(struct s3, S3_MAGIC, arg);
    struct bucket *b = s3_bucket_new(row->id, row->name, row->account, row->region);

    b->created_ms = row->created_ms;
    b->versioning = row->versioning;
    s3_bucket_policy(b, row->policy_text);
    s3_bucket_tags(b, row->tags);
    b->notification_text = str_own(row->notification_text);
    b->notification = notification_read(b->notification_text);
    map_put(&s->buckets, b->name, b);
}

/* Files of writes that a crash cut short, or whose row went with a turn that failed. */
static void sweep(struct s3 *s, struct turn *t)
{
    size_t n;
    uint64_t *ids = rows_file_ids(t->store, &n);

    if (store_sound(t->store)) /* or the ids may be too few, and files would go that are wanted */
        (void)s3_files_sweep(s->o.dir, ids, n, UINT64_MAX);
    free(ids);
}

void s3_load(struct s3 *s, struct turn *t)
{
    struct s3_counts n = rows_counts(t->store);

    CHECK_IS(s, S3_MAGIC);
    CHECK(n.objects >= 0 && n.uploads >= 0 && n.parts >= 0);
    s->ops = t->ops;
    s->engine = t->engine;
    s3_files_undo(s);
    forget_buckets(s);
    rows_buckets(t->store, load_bucket, s);
    s->objects = n.objects;
    s->uploads = n.uploads;
    s->parts = n.parts;
    if (!s->loaded && s->o.dir != NULL)
        sweep(s, t);
    s->loaded = true;
}

static void sweep_all(void *arg)
{
    struct s3 *s = CAST(struct s3, S3_MAGIC, arg);

    CHECK(s->sweep_below != 0);
    (void)s3_files_sweep(s->o.dir, NULL, 0, s->sweep_below);
}

/* The files go when the rows are gone for good, not before.  Those of writes still under way have ids below
 * this one too; they find no bucket when they are done. */
void s3_reset(struct s3 *s, struct turn *t)
{
    forget_buckets(s);
    s->objects = s->uploads = s->parts = 0;
    s->fresh.n = s->doomed.n = 0;
    s->sweep_below = store_next_id(t->store);
    if (s->o.dir != NULL)
        turn_after(t, sweep_all, s);
}

struct service s3_service(struct s3 *s)
{
    return (struct service){ .model = &s3_model,
                             .handlers = handlers,
                             .n_handlers = ARRAY_LEN(handlers),
                             .state = s,
                             .checks_itself = true };
}

/* ---- the door: objects that other services write ---- */

static void sink_find(struct door *d)
{
    struct bucket *b = s3_bucket_find(d->sink->arg, d->arn.resource);

    d->object = b;
    d->state = b != NULL ? SINK_OK : SINK_MISSING;
    if (b == NULL)
        return;
    d->what.owner = b->account;
    d->what.policy = b->policy;
}

/* aws/lambda/async/<function>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<uuid> */
void s3_destination_key(struct buf *b, struct str function, int64_t now_ms, const char *uuid)
{
    struct when_parts w = when_parts(now_ms);

    buf_printf(b, "aws/lambda/async/" STR_FMT "/%04d/%02d/%02d/%04d-%02d-%02dT%02d.%02d.%02d-%s",
               STR_ARG(function), w.year, w.month, w.day, w.year, w.month, w.day, w.hour, w.minute, w.second,
               uuid);
}

/* Larger than a row: written and flushed here and now, which holds the loop for as long as the disk takes
 * (some milliseconds for a megabyte). Records are small; the delivery must be part of the caller's turn. */
static int sink_bytes(struct s3 *s, struct turn *t, struct str body, uint64_t *ret_file, struct written *ret)
{
    struct source from = { .bytes = body };

    *ret_file = 0;
    if ((int64_t)body.n <= S3_ROW_BYTES_MOST)
        return s3_source_sum(&from, CHECKSUM_NONE, ret);
    *ret_file = store_next_id(t->store);
    return s3_file_write(s->o.dir, *ret_file, &from, CHECKSUM_NONE, ret);
}

static void sink_tell(struct s3 *s, struct turn *t, const struct bucket *b, const struct object *o,
                      const struct parcel *p, struct str request_id)
{
    struct happening h = { .event = "ObjectCreated:Put",
                           .detail_type = "Object Created",
                           .reason = "PutObject",
                           .key = o->key,
                           .version_id = s3_version_shown(b, o),
                           .etag = o->etag,
                           .bytes = o->bytes,
                           .sequence = o->id,
                           .request_id = request_id,
                           .source_address = STR("lambda.amazonaws.com"),
                           .principal_id = p->sender_id,
                           .account = b->account,
                           .trace_header = p->trace_header };

    notify(s, t, b, &h);
}

static void sink_put(const struct door *d, const struct parcel *p, struct str key, uint64_t file,
                     const struct written *got)
{
    struct s3 *s = CAST(struct s3, S3_MAGIC, d->sink->arg);
    struct turn *t = d->turn;
    const struct bucket *b = CAST(struct bucket, BUCKET_MAGIC, d->object);
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf files = { 0 }, meta = { 0 };
    struct piece piece = { file, got->bytes };
    struct meta m = { .content_type = STR("application/octet-stream") };
    struct object o = { .key = key, .bytes = got->bytes, .etag = hex_str(a, &got->md5) };

    CHECK((file != 0) == (got->bytes > S3_ROW_BYTES_MOST) && got->bytes == (int64_t)p->body.n);
    meta_text(&meta, &m);
    o.meta = buf_view(&meta);
    if (file != 0) {
        s3_pieces_text(&files, &piece, 1);
        o.files = buf_view(&files);
    }
    s3_version_add(s, t, a, b, &o, p->body);
    if (file != 0)
        s3_fresh(s, t, file);
    sink_tell(s, t, b, &o, p, uuid_str(a));
}

static enum delivery sink_deliver(const struct door *d, const struct parcel *p, struct buf *why)
{
    struct s3 *s = CAST(struct s3, S3_MAGIC, d->sink->arg);
    struct turn *t = d->turn;
    CLEANUP(buf_done) struct buf key = { 0 };
    char uuid[UUID_TEXT + 1];
    struct written got;
    uint64_t file;

    if (d->object == NULL) {
        buf_printf(why, "The bucket " STR_FMT " does not exist.", STR_ARG(d->what.arn));
        return DELIVERY_NO_RESOURCE;
    }
    if (s->objects >= S3_OBJECTS_MOST) {
        buf_printf(why, "This server holds at most %d versions of objects.", S3_OBJECTS_MOST);
        return DELIVERY_REFUSED;
    }
    if (sink_bytes(s, t, p->body, &file, &got) != 0) {
        buf_z(why, "The object could not be written to the disk.");
        return DELIVERY_FAILED;
    }
    uuid_random(uuid);
    s3_destination_key(&key, p->function_name, t->now.wall_ms, uuid);
    sink_put(d, p, buf_view(&key), file, &got);
    buf_str(why, buf_view(&key));
    return DELIVERED;
}

struct sink s3_sink(struct s3 *s)
{
    return (struct sink){ .service = "s3",
                          .action = "s3:PutObject",
                          .action_name = "PutObject",
                          .by_object = true,
                          .max_body_bytes = SINK_BODY_BYTES_MOST,
                          .find = sink_find,
                          .deliver = sink_deliver,
                          .arg = s };
}

/* ---- function code ---- */

static int read_bytes(const struct s3 *s, struct store *store, struct arena *a, const struct object *o,
                      struct str *ret)
{
    struct segment *segments;
    struct piece *v;
    size_t n, n_segments;
    char *to;
    int r;

    if (str_absent(o->files)) {
        *ret = rows_object_data(store, a, o->id);
        return 0;
    }
    if (o->bytes > S3_CODE_BYTES_MOST || s3_pieces_read(a, o->files, &v, &n) != 0 ||
        s3_segments_open(s->o.dir, a, v, n, 0, o->bytes, &segments, &n_segments) != 0)
        return -E_LIMIT;
    to = arena_alloc(a, (size_t)o->bytes + 1);
    r = s3_segments_read(segments, n_segments, to);
    s3_segments_close(segments, n_segments);
    *ret = str_make(to, (size_t)o->bytes);
    return r;
}

int s3_read(struct s3 *s, struct store *store, struct arena *a, struct str bucket, struct str key,
            struct str version, struct str *ret, struct buf *why)
{
    const struct bucket *b = s3_bucket_find(s, bucket);
    struct object o;

    if (b == NULL)
        buf_z(why, "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The "
                   "specified bucket does not exist");
    else if (!str_empty(version) ? !rows_object_version(store, a, b->id, key, version, &o)
                                 : !rows_object_newest(store, a, b->id, key, &o) || o.marker)
        buf_printf(why,
                   "Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: The specified %s "
                   "does not exist.",
                   str_empty(version) ? "NoSuchKey" : "NoSuchVersion",
                   str_empty(version) ? "key" : "version");
    else if (o.marker)
        buf_z(why, "Error occurred while GetObject. S3 Error Code: MethodNotAllowed. S3 Error Message: The "
                   "specified method is not allowed against this resource.");
    else if (read_bytes(s, store, a, &o, ret) != 0)
        buf_z(why, "Error occurred while GetObject. S3 Error Code: InternalError. S3 Error Message: The "
                   "object could not be read.");
    else
        return 0;
    return -E_NOT_FOUND;
}
