/* put.c - PutObject and CopyObject: one way in, two sources of bytes. */
#include "service/s3/write.h"

/* The bytes are there: from here on as one turn. */
struct put {
    uint32_t magic;
#define PUT_MAGIC 0x53907707u
    struct str bucket, if_match, if_none_match;
    struct object o; /* key and tags are set */
    struct meta meta;
    const char *event, *reason;
    void (*answer)(struct call *c, const struct bucket *b, const struct put *p);
    struct str source_version; /* CopyObject: shown */
};

static int no_bucket(struct call *c)
{
    return call_fault(c, &s3_error_NoSuchBucket, "The specified bucket does not exist");
}

static void describe(struct call *c, struct s3_write *w, struct put *p)
{
    CLEANUP(buf_done) struct buf meta = { 0 }, files = { 0 };
    struct piece piece = { w->file_id, w->got.bytes };

    CHECK((w->file_id != 0) == (w->file == FILE_WHOLE));
    p->meta.checksum = w->given.kind;
    p->meta.composite = false;
    p->meta.checksum_text = w->given.kind != CHECKSUM_NONE ? s3_sum_text(c->mem, &w->got.checksum) : STR_NONE;
    meta_text(&meta, &p->meta);
    p->o.meta = buf_to_arena(&meta, c->mem);
    p->o.bytes = w->got.bytes;
    p->o.etag = hex_str(c->mem, &w->got.md5);
    p->o.files = STR_NONE;
    if (w->file_id != 0) {
        s3_pieces_text(&files, &piece, 1);
        p->o.files = buf_to_arena(&files, c->mem);
    }
}

static int put_stored(struct call *c, struct s3_write *w)
{
    struct put *p = CAST(struct put, PUT_MAGIC, w->arg);
    struct s3 *s = s3_of(c);
    const struct bucket *b = s3_bucket_find(s, p->bucket);

    if (b == NULL)
        return no_bucket(c);
    if (s3_write_conditions(c, b, p->o.key, p->if_match, p->if_none_match) != 0 || s3_room(c) != 0)
        return -E_FAULT;
    describe(c, w, p);
    s3_version_add(s, c->turn, c->mem, b, &p->o, w->data);
    s3_write_named(w);
    s3_tell_created(c, b, &p->o, p->event, p->reason);
    p->answer(c, b, p);
    return 0;
}

/* ---- PutObject ---- */

static void answer_put(struct call *c, const struct bucket *b, const struct put *p)
{
    struct s3_PutObjectOutput *out = c->output;

    out->ETag = s3_quoted(c->mem, p->o.etag);
    out->VersionId = b->versioning == VERSIONING_ENABLED ? p->o.version_id : STR_NONE;
    out->ServerSideEncryption = str_absent(p->meta.encryption) ? STR("AES256") : p->meta.encryption;
    out->SSEKMSKeyId = p->meta.kms_key;
    if (p->meta.bucket_key)
        out->BucketKeyEnabled = BOOL_SET(true);
    META_SET_CHECKSUM(out, p->meta.checksum, p->meta.checksum_text);
    if (p->meta.checksum != CHECKSUM_NONE)
        out->ChecksumType = STR("FULL_OBJECT");
}

int s3_put_object(struct call *c, const void *input, void *output)
{
    const struct s3_PutObjectRequest *in = input;
    const struct object_headers h = OBJECT_HEADERS(in);
    struct put *p = ARENA_NEW(c->mem, struct put);
    struct s3_write *w = ARENA_NEW(c->mem, struct s3_write);
    struct bucket *b;

    (void)output;
    *p = (struct put){ .magic = PUT_MAGIC,
                       .bucket = in->Bucket,
                       .if_match = in->IfMatch,
                       .if_none_match = in->IfNoneMatch,
                       .o.key = in->Key,
                       .event = "ObjectCreated:Put",
                       .reason = "PutObject",
                       .answer = answer_put };
    *w = (struct s3_write){ .magic = S3_WRITE_MAGIC,
                            .c = c,
                            .from.bytes = in->Body,
                            .given = S3_GIVEN(in),
                            .content_md5 = in->ContentMD5,
                            .then = put_stored,
                            .arg = p };
    if (s3_key_check(c, in->Key) != 0 ||
        s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutObject", in->Key, &b) != 0)
        return -E_FAULT;
    if (in->WriteOffsetBytes.set)
        return s3_refuse(c, "WriteOffsetBytes");
    if (in->ContentLength.set && in->ContentLength.v < (int64_t)in->Body.n)
        return s3_argument(c, "Content-Length", STR_NONE, "Content-Length is shorter than the body.");
    if (s3_object_headers(c, &h, &p->meta, &p->o.tags) != 0 ||
        s3_given_check(c, &w->given, in->ChecksumAlgorithm) != 0 ||
        s3_write_conditions(c, b, in->Key, in->IfMatch, in->IfNoneMatch) != 0 || s3_room(c) != 0)
        return -E_FAULT;
    if (!str_absent(p->o.tags) && s3_may(c, b, "s3:PutObjectTagging", in->Key) != 0)
        return -E_FAULT;
    return s3_write_begin(w, (int64_t)in->Body.n);
}

/* ---- sources of copies ---- */

/* The first condition that s3_conditions() did not find to hold. */
static struct str failed_condition(const struct conditions *k, enum condition how)
{
    if (how == CONDITION_FAILED)
        return str_absent(k->if_match) ? STR("x-amz-copy-source-If-Unmodified-Since")
                                       : STR("x-amz-copy-source-If-Match");
    return str_absent(k->if_none_match) ? STR("x-amz-copy-source-If-Modified-Since")
                                        : STR("x-amz-copy-source-If-None-Match");
}

int s3_copy_open(struct call *c, const struct s3_copy_request *q, struct s3_copied *ret)
{
    struct copy_source at;
    struct conditions k = { q->if_match, q->if_none_match, q->if_modified_since, q->if_unmodified_since };
    enum condition how;
    struct bucket *b;

    if (s3_copy_source(c->mem, q->source, &at) != 0)
        return s3_argument(c, "x-amz-copy-source", q->source,
                           "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    if (s3_enter(c, at.bucket, q->expected_owner,
                 str_absent(at.version_id) ? "s3:GetObject" : "s3:GetObjectVersion", at.key, &b) != 0)
        return -E_FAULT;
    if (s3_object_of(c, b, at.key, at.version_id, &ret->o) != 0)
        return -E_FAULT;
    how = s3_conditions(&k, ret->o.etag, ret->o.modified_ms);
    if (how != CONDITION_HOLDS) {
        (void)S3_FAULT(c, PreconditionFailed,
                       "At least one of the pre-conditions you specified did not hold");
        fault_element(c->mem, &c->fault, "Condition", failed_condition(&k, how));
        return -E_FAULT;
    }
    ret->bucket = b;
    ret->version_shown = b->versioning == VERSIONING_NEVER ? STR_NONE : ret->o.version_id;
    return 0;
}

int s3_copy_bytes(struct call *c, const struct object *o, int64_t from, int64_t to, struct source *ret)
{
    struct piece *v;
    struct segment *segments;
    size_t n;
    int r;

    CHECK(from >= 0 && to <= o->bytes && ret->n == 0);
    if (str_absent(o->files)) {
        struct str data = rows_object_data(c->turn->store, c->mem, o->id);

        ret->bytes = str_sub(data, (size_t)from, (size_t)to);
        return 0;
    }
    if (s3_pieces_read(c->mem, o->files, &v, &n) != 0)
        return -E_IO;
    if (n > COPY_PIECES_MOST && to - from == o->bytes)
        return call_fault(c, &s3_error_InvalidRequest,
                          "The copy source has more than %d parts: copy it in ranges (UploadPartCopy).",
                          COPY_PIECES_MOST);
    r = s3_segments_open(s3_of(c)->o.dir, c->mem, v, n, from, to, &segments, &ret->n);
    if (r == -E_LIMIT)
        return S3_FAULT(c, SlowDown, "Please reduce your request rate.");
    if (r == 0)
        ret->v = segments;
    return r;
}

/* ---- CopyObject ---- */

static void answer_copy(struct call *c, const struct bucket *b, const struct put *p)
{
    struct s3_CopyObjectOutput *out = c->output;
    struct s3_CopyObjectResult *result = ARENA_NEW(c->mem, struct s3_CopyObjectResult);

    result->ETag = s3_quoted(c->mem, p->o.etag);
    result->LastModified = TIME_SET(p->o.modified_ms);
    META_SET_CHECKSUM(result, p->meta.checksum, p->meta.checksum_text);
    if (p->meta.checksum != CHECKSUM_NONE)
        result->ChecksumType = STR("FULL_OBJECT");
    out->CopyObjectResult = result;
    out->CopySourceVersionId = p->source_version;
    out->VersionId = b->versioning == VERSIONING_ENABLED ? p->o.version_id : STR_NONE;
    out->ServerSideEncryption = str_absent(p->meta.encryption) ? STR("AES256") : p->meta.encryption;
    out->SSEKMSKeyId = p->meta.kms_key;
    if (p->meta.bucket_key)
        out->BucketKeyEnabled = BOOL_SET(true);
}

static int check_directive(struct call *c, const char *name, struct str given, bool *ret_replace)
{
    *ret_replace = str_is(given, "REPLACE");
    return str_absent(given) || str_is(given, "COPY") || *ret_replace
               ? 0
               : s3_argument(c, name, given, "Unknown metadata directive.");
}

/* What the request says of class and encryption counts, the rest is the source's. */
static void keep_meta(struct call *c, const struct object *from, struct meta *m)
{
    struct meta asked = *m;

    meta_read(c->mem, from->meta, m);
    m->storage_class = asked.storage_class;
    m->encryption = asked.encryption;
    m->kms_key = asked.kms_key;
    m->bucket_key = asked.bucket_key;
    m->website_redirect = asked.website_redirect;
    m->upload_id = STR_NONE;
}

static int check_copy(struct call *c, const struct s3_CopyObjectRequest *in, bool *ret_meta, bool *ret_tags)
{
    S3_REFUSE_STR(c, in, CopySourceSSECustomerAlgorithm);
    S3_REFUSE_STR(c, in, CopySourceSSECustomerKey);
    S3_REFUSE_STR(c, in, CopySourceSSECustomerKeyMD5);
    S3_REFUSE_STR(c, in, AnnotationDirective);
    if (check_directive(c, "x-amz-metadata-directive", in->MetadataDirective, ret_meta) != 0 ||
        check_directive(c, "x-amz-tagging-directive", in->TaggingDirective, ret_tags) != 0)
        return -E_FAULT;
    return 0;
}

static bool copies_itself(const struct s3_CopyObjectRequest *in, const struct s3_copied *from, bool replaces)
{
    return !replaces && str_eq(from->bucket->name, in->Bucket) && str_eq(from->o.key, in->Key) &&
           str_absent(in->StorageClass) && str_absent(in->WebsiteRedirectLocation) &&
           str_absent(in->ServerSideEncryption) && str_find_str(in->CopySource, STR("?versionId=")) < 0;
}

static int begin_copy(struct call *c, const struct s3_CopyObjectRequest *in, struct put *p,
                      const struct s3_copied *from, struct given given)
{
    struct s3_write *w = ARENA_NEW(c->mem, struct s3_write);
    int r;

    *w = (struct s3_write){ .magic = S3_WRITE_MAGIC, .c = c, .given = given, .then = put_stored, .arg = p };
    if (given.kind == CHECKSUM_NONE) {
        struct meta m;

        meta_read(c->mem, from->o.meta, &m);
        w->given.kind = m.checksum;
    }
    if (s3_write_conditions(c, s3_bucket_find(s3_of(c), in->Bucket), in->Key, in->IfMatch, in->IfNoneMatch) !=
            0 ||
        s3_room(c) != 0)
        return -E_FAULT;
    r = s3_copy_bytes(c, &from->o, 0, from->o.bytes, &w->from);
    return r != 0 ? r : s3_write_begin(w, from->o.bytes);
}

int s3_copy_object(struct call *c, const void *input, void *output)
{
    const struct s3_CopyObjectRequest *in = input;
    const struct object_headers h = OBJECT_HEADERS(in);
    const struct s3_copy_request q = S3_COPY_REQUEST(in);
    struct put *p = ARENA_NEW(c->mem, struct put);
    struct given given = { 0 };
    struct s3_copied from;
    struct bucket *b;
    bool new_meta, new_tags;

    (void)output;
    *p = (struct put){ .magic = PUT_MAGIC,
                       .bucket = in->Bucket,
                       .if_match = in->IfMatch,
                       .if_none_match = in->IfNoneMatch,
                       .o.key = in->Key,
                       .event = "ObjectCreated:Copy",
                       .reason = "CopyObject",
                       .answer = answer_copy };
    if (s3_key_check(c, in->Key) != 0 || s3_copy_open(c, &q, &from) != 0 ||
        s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutObject", in->Key, &b) != 0)
        return -E_FAULT;
    if (check_copy(c, in, &new_meta, &new_tags) != 0 || s3_object_headers(c, &h, &p->meta, &p->o.tags) != 0 ||
        s3_given_check(c, &given, in->ChecksumAlgorithm) != 0)
        return -E_FAULT;
    if (copies_itself(in, &from, new_meta))
        return call_fault(
            c, &s3_error_InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without "
            "changing the object's metadata, storage class, website redirect location or encryption "
            "attributes.");
    if (!new_meta)
        keep_meta(c, &from.o, &p->meta);
    if (!new_tags)
        p->o.tags = from.o.tags;
    p->source_version = from.version_shown;
    return begin_copy(c, in, p, &from, given);
}
