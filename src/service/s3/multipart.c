/* multipart.c - uploads in parts.
 * True here: every part is a file of its own, whose id is its row's id; completing moves file ids from part
 * rows into the object's row and reads no byte; a part that is replaced, left out or aborted is forgotten
 * with the commit. */
#include "service/s3/list.h"
#include "service/s3/write.h"

static int no_upload(struct call *c, struct str upload_id)
{
    (void)call_fault(
        c, &s3_error_NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
        "been aborted or completed.");
    fault_element(c->mem, &c->fault, "UploadId", upload_id);
    return -E_FAULT;
}

static int upload_of(struct call *c, const struct bucket *b, struct str key, struct str upload_id,
                     struct upload *ret)
{
    CHECK_IS(b, BUCKET_MAGIC);
    return rows_upload(c->turn->store, c->mem, b->id, key, upload_id, ret) ? 0 : no_upload(c, upload_id);
}

/* ---- CreateMultipartUpload ---- */

static int choose_checksum(struct call *c, const struct s3_CreateMultipartUploadRequest *in, struct meta *m)
{
    bool full = str_is(in->ChecksumType, "FULL_OBJECT");

    if (!str_absent(in->ChecksumAlgorithm) &&
        (m->checksum = checksum_named(in->ChecksumAlgorithm)) == CHECKSUM_NONE)
        return s3_refuse(c, arena_z(c->mem, arena_printf(c->mem, "ChecksumAlgorithm " STR_FMT,
                                                         STR_ARG(in->ChecksumAlgorithm))));
    if (!str_absent(in->ChecksumType) && !full && !str_is(in->ChecksumType, "COMPOSITE"))
        return s3_argument(c, "x-amz-checksum-type", in->ChecksumType,
                           "Value for x-amz-checksum-type header is invalid.");
    if (!str_absent(in->ChecksumType) && m->checksum == CHECKSUM_NONE)
        return call_fault(
            c, &s3_error_InvalidRequest,
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.");
    if (m->checksum == CHECKSUM_NONE)
        return 0;
    if (str_absent(in->ChecksumType))
        full = m->checksum == CHECKSUM_CRC64NVME;
    if (full ? !checksum_is_crc(m->checksum) : m->checksum == CHECKSUM_CRC64NVME)
        return call_fault(c, &s3_error_InvalidRequest,
                          "The %s checksum type cannot be used with the %s checksum algorithm.",
                          full ? "FULL_OBJECT" : "COMPOSITE", checksum_name(m->checksum));
    m->composite = !full;
    return 0;
}

int s3_create_multipart_upload(struct call *c, const void *input, void *output)
{
    const struct s3_CreateMultipartUploadRequest *in = input;
    struct s3_CreateMultipartUploadOutput *out = output;
    const struct object_headers h = OBJECT_HEADERS(in);
    CLEANUP(buf_done) struct buf meta = { 0 };
    struct upload u = { .key = in->Key, .started_ms = c->now.wall_ms };
    struct bucket *b;
    struct meta m;

    if (s3_key_check(c, in->Key) != 0 ||
        s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutObject", in->Key, &b) != 0 ||
        s3_object_headers(c, &h, &m, &u.tags) != 0 || choose_checksum(c, in, &m) != 0)
        return -E_FAULT;
    if (s3_of(c)->uploads >= S3_UPLOADS_MOST)
        return call_fault(c, &s3_error_InvalidRequest,
                          "This server holds at most %d multipart uploads under way.", S3_UPLOADS_MOST);
    meta_text(&meta, &m);
    u.id = store_next_id(c->turn->store);
    u.bucket_id = b->id;
    u.upload_id = s3_id_text(c->mem, u.id);
    u.initiator = s3_owner(c->mem, c->account)->ID;
    u.meta = buf_view(&meta);
    rows_upload_add(c->turn->store, &u);
    s3_of(c)->uploads++;
    out->Bucket = b->name;
    out->Key = in->Key;
    out->UploadId = u.upload_id;
    out->ServerSideEncryption = str_absent(m.encryption) ? STR("AES256") : m.encryption;
    out->SSEKMSKeyId = m.kms_key;
    if (m.bucket_key)
        out->BucketKeyEnabled = BOOL_SET(true);
    out->ChecksumAlgorithm = str_of(checksum_name(m.checksum));
    if (m.checksum != CHECKSUM_NONE)
        out->ChecksumType = m.composite ? STR("COMPOSITE") : STR("FULL_OBJECT");
    return 0;
}

/* ---- UploadPart ---- */

struct part_job {
    uint32_t magic;
#define PART_JOB_MAGIC 0x53907a47u
    struct str bucket, key, upload_id;
    int64_t number;
    struct str source_version; /* UploadPartCopy: shown */
    void (*answer)(struct call *c, const struct part_job *p, const struct part *part, const struct upload *u,
                   enum checksum k);
};

static int check_number(struct call *c, struct opt_int number)
{
    return number.set && number.v >= 1 && number.v <= S3_PART_NUMBER_MOST
               ? 0
               : s3_argument(c, "partNumber",
                             number.set ? arena_printf(c->mem, "%lld", (long long)number.v) : STR_NONE,
                             "Part number must be an integer between 1 and 10000, inclusive");
}

static int part_stored(struct call *c, struct s3_write *w)
{
    struct part_job *p = CAST(struct part_job, PART_JOB_MAGIC, w->arg);
    struct s3 *s = s3_of(c);
    const struct bucket *b = s3_bucket_find(s, p->bucket);
    struct part old, part;
    struct upload u;

    CHECK(w->file == FILE_WHOLE); /* a part is a file, however small */
    if (b == NULL)
        return call_fault(c, &s3_error_NoSuchBucket, "The specified bucket does not exist");
    if (upload_of(c, b, p->key, p->upload_id, &u) != 0)
        return -E_FAULT;
    if (rows_part(c->turn->store, c->mem, u.id, p->number, &old)) {
        rows_part_drop(c->turn->store, old.id);
        s3_doom(s, c->turn, old.id);
        CHECK(s->parts > 0);
        s->parts--;
    }
    part = (struct part){ .id = w->file_id,
                          .upload_id = u.id,
                          .number = p->number,
                          .modified_ms = c->now.wall_ms,
                          .bytes = w->got.bytes,
                          .digest = hex_str(c->mem, &w->got.md5),
                          .checksum = w->given.kind != CHECKSUM_NONE ? s3_sum_text(c->mem, &w->got.checksum)
                                                                     : STR_NONE };
    rows_part_add(c->turn->store, &u, &part);
    s->parts++;
    s3_write_named(w);
    p->answer(c, p, &part, &u, w->given.kind);
    return 0;
}

/* The part is summed as the upload was told to; a client that sends another kind than it announced is told
 * so. */
static int begin_part(struct call *c, const struct upload *u, struct s3_write *w, int64_t bytes)
{
    struct meta m;

    meta_read(c->mem, u->meta, &m);
    if (m.checksum != CHECKSUM_NONE && w->given.kind != CHECKSUM_NONE && w->given.kind != m.checksum)
        return call_fault(
            c, &s3_error_InvalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
            checksum_name(m.checksum), checksum_name(w->given.kind));
    if (w->given.kind == CHECKSUM_NONE)
        w->given.kind = m.checksum;
    if (s3_of(c)->parts >= S3_PARTS_MOST)
        return call_fault(c, &s3_error_InvalidRequest,
                          "This server holds at most %d parts of uploads under way.", S3_PARTS_MOST);
    w->to_file = true;
    return s3_write_begin(w, bytes);
}

static void answer_part(struct call *c, const struct part_job *p, const struct part *part,
                        const struct upload *u, enum checksum k)
{
    struct s3_UploadPartOutput *out = c->output;
    struct meta m;

    (void)p;
    meta_read(c->mem, u->meta, &m);
    out->ETag = s3_quoted(c->mem, part->digest);
    out->ServerSideEncryption = str_absent(m.encryption) ? STR("AES256") : m.encryption;
    out->SSEKMSKeyId = m.kms_key;
    if (m.bucket_key)
        out->BucketKeyEnabled = BOOL_SET(true);
    META_SET_CHECKSUM(out, k, part->checksum);
}

int s3_upload_part(struct call *c, const void *input, void *output)
{
    const struct s3_UploadPartRequest *in = input;
    struct part_job *p = ARENA_NEW(c->mem, struct part_job);
    struct s3_write *w = ARENA_NEW(c->mem, struct s3_write);
    struct bucket *b;
    struct upload u;

    (void)output;
    *p = (struct part_job){ .magic = PART_JOB_MAGIC,
                            .bucket = in->Bucket,
                            .key = in->Key,
                            .upload_id = in->UploadId,
                            .number = in->PartNumber.v,
                            .answer = answer_part };
    *w = (struct s3_write){ .magic = S3_WRITE_MAGIC,
                            .c = c,
                            .from.bytes = in->Body,
                            .given = S3_GIVEN(in),
                            .content_md5 = in->ContentMD5,
                            .then = part_stored,
                            .arg = p };
    S3_REFUSE_CUSTOMER_KEYS(c, in);
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutObject", in->Key, &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0 || check_number(c, in->PartNumber) != 0 ||
        upload_of(c, b, in->Key, in->UploadId, &u) != 0 ||
        s3_given_check(c, &w->given, in->ChecksumAlgorithm) != 0)
        return -E_FAULT;
    if (in->ContentLength.set && in->ContentLength.v < (int64_t)in->Body.n)
        return s3_argument(c, "Content-Length", STR_NONE, "Content-Length is shorter than the body.");
    return begin_part(c, &u, w, (int64_t)in->Body.n);
}

static void answer_part_copy(struct call *c, const struct part_job *p, const struct part *part,
                             const struct upload *u, enum checksum k)
{
    struct s3_UploadPartCopyOutput *out = c->output;
    struct s3_CopyPartResult *result = ARENA_NEW(c->mem, struct s3_CopyPartResult);
    struct meta m;

    meta_read(c->mem, u->meta, &m);
    result->ETag = s3_quoted(c->mem, part->digest);
    result->LastModified = TIME_SET(part->modified_ms);
    META_SET_CHECKSUM(result, k, part->checksum);
    out->CopyPartResult = result;
    out->CopySourceVersionId = p->source_version;
    out->ServerSideEncryption = str_absent(m.encryption) ? STR("AES256") : m.encryption;
    out->SSEKMSKeyId = m.kms_key;
    if (m.bucket_key)
        out->BucketKeyEnabled = BOOL_SET(true);
}

/* "bytes=a-b", both ends given and inside the source. */
static int copy_range(struct call *c, struct str range, int64_t size, int64_t *from, int64_t *to)
{
    ptrdiff_t dash = str_rfind(range, '-');
    int64_t last = 0;

    *from = 0;
    *to = size;
    if (str_absent(range))
        return 0;
    if (s3_range(range, size, from, to) != RANGE_OK || dash <= (ptrdiff_t)strlen("bytes=") ||
        str_to_i64(str_sub(range, (size_t)dash + 1, range.n), &last) != 0 || last >= size)
        return s3_argument(c, "x-amz-copy-source-range", range,
                           "The x-amz-copy-source-range value must be of the form bytes=first-last where "
                           "first and last are the zero-based offsets of the first and last bytes to copy");
    return 0;
}

int s3_upload_part_copy(struct call *c, const void *input, void *output)
{
    const struct s3_UploadPartCopyRequest *in = input;
    const struct s3_copy_request q = S3_COPY_REQUEST(in);
    struct part_job *p = ARENA_NEW(c->mem, struct part_job);
    struct s3_write *w = ARENA_NEW(c->mem, struct s3_write);
    struct s3_copied source;
    struct bucket *b;
    struct upload u;
    int64_t from, to;
    int r;

    (void)output;
    *p = (struct part_job){ .magic = PART_JOB_MAGIC,
                            .bucket = in->Bucket,
                            .key = in->Key,
                            .upload_id = in->UploadId,
                            .number = in->PartNumber.v,
                            .answer = answer_part_copy };
    *w = (struct s3_write){ .magic = S3_WRITE_MAGIC, .c = c, .then = part_stored, .arg = p };
    S3_REFUSE_CUSTOMER_KEYS(c, in);
    S3_REFUSE_STR(c, in, CopySourceSSECustomerAlgorithm);
    S3_REFUSE_STR(c, in, CopySourceSSECustomerKey);
    S3_REFUSE_STR(c, in, CopySourceSSECustomerKeyMD5);
    if (s3_payer(c, in->RequestPayer) != 0 || check_number(c, in->PartNumber) != 0 ||
        s3_copy_open(c, &q, &source) != 0 ||
        s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutObject", in->Key, &b) != 0 ||
        upload_of(c, b, in->Key, in->UploadId, &u) != 0 ||
        copy_range(c, in->CopySourceRange, source.o.bytes, &from, &to) != 0)
        return -E_FAULT;
    p->source_version = source.version_shown;
    r = s3_copy_bytes(c, &source.o, from, to, &w->from);
    if (r == 0) {
        r = begin_part(c, &u, w, to - from);
        if (r == -E_FAULT)
            s3_segments_close(w->from.v, w->from.n);
    }
    return r;
}

/* ---- CompleteMultipartUpload ---- */

struct completion {
    struct upload u;
    struct meta meta;
    struct part *stored; /* all of them, by number */
    size_t n_stored;
    struct piece *pieces; /* those named, in order */
    size_t n;
    int64_t bytes;
    struct buf digests, checksums; /* of the parts, as bytes, in order */
    struct digest full;
};

static void completion_done(struct completion *k)
{
    buf_done(&k->digests);
    buf_done(&k->checksums);
}

static int invalid_part(struct call *c, const struct completion *k, const struct s3_CompletedPart *named)
{
    (void)S3_FAULT(
        c, InvalidPart,
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
        "specified entity tag may not match the part's entity tag.");
    fault_element(c->mem, &c->fault, "UploadId", k->u.upload_id);
    fault_element(c->mem, &c->fault, "PartNumber",
                  arena_printf(c->mem, "%lld", (long long)named->PartNumber.v));
    return -E_FAULT;
}

static const struct part *stored_part(const struct completion *k, int64_t number)
{
    size_t low = 0, high = k->n_stored;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (k->stored[middle].number == number)
            return &k->stored[middle];
        if (k->stored[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void add_hex(struct buf *b, struct str hex)
{
    for (size_t i = 0; i + 1 < hex.n; i += 2) {
        unsigned v = 0;

        for (size_t d = 0; d < 2; d++)
            v = v << 4 | (unsigned)(hex.p[i + d] <= '9' ? hex.p[i + d] - '0' : hex.p[i + d] - 'a' + 10);
        buf_char(b, (char)v);
    }
}

static int add_checksum(struct call *c, struct completion *k, const struct part *part)
{
    struct str bytes;
    struct digest d = { 0 };

    if (k->meta.checksum == CHECKSUM_NONE)
        return 0;
    if (base64_decode(c->mem, part->checksum, &bytes) != 0 || bytes.n != checksum_bytes(k->meta.checksum) ||
        (!k->meta.composite && !checksum_is_crc(k->meta.checksum))) {
        store_damaged(c->turn->store, "s3_part", (int64_t)part->id,
                      "its checksum is none, or is of another kind than its upload's");
        return S3_FAULT(c, InternalError, "We encountered an internal error. Please try again.");
    }
    buf_str(&k->checksums, bytes);
    memcpy(d.b, bytes.p, d.n = bytes.n);
    if (!k->meta.composite)
        k->full = k->n == 0 ? d : checksum_combine(k->meta.checksum, &k->full, &d, (uint64_t)part->bytes);
    return 0;
}

static int add_part(struct call *c, struct completion *k, const struct s3_CompletedPart *named, bool last)
{
    const struct part *part = named->PartNumber.set ? stored_part(k, named->PartNumber.v) : NULL;
    struct given g = S3_GIVEN(named);

    if (g.unknown != NULL)
        return s3_refuse(c, g.unknown);
    if (part == NULL || str_absent(named->ETag) || !s3_etag_matches(named->ETag, part->digest) || g.n > 1 ||
        (g.n > 0 && !str_eq(g.text, part->checksum)))
        return invalid_part(c, k, named);
    if (!last && part->bytes < S3_PART_BYTES_LEAST) {
        (void)S3_FAULT(c, EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size");
        fault_element(c->mem, &c->fault, "ProposedSize",
                      arena_printf(c->mem, "%lld", (long long)part->bytes));
        fault_element(c->mem, &c->fault, "MinSizeAllowed",
                      arena_printf(c->mem, "%lld", (long long)S3_PART_BYTES_LEAST));
        fault_element(c->mem, &c->fault, "PartNumber", arena_printf(c->mem, "%lld", (long long)part->number));
        fault_element(c->mem, &c->fault, "ETag", part->digest);
        return -E_FAULT;
    }
    add_hex(&k->digests, part->digest);
    if (add_checksum(c, k, part) != 0)
        return -E_FAULT;
    CHECK(k->n < k->n_stored); /* each part is named once at the most */
    k->pieces[k->n++] = (struct piece){ part->id, part->bytes };
    k->bytes += part->bytes;
    return 0;
}

static int add_parts(struct call *c, struct completion *k, const struct s3_CompletedMultipartUpload *list)
{
    if (list == NULL || list->Parts.n == 0)
        return S3_FAULT(
            c, MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema");
    if (list->Parts.n > S3_PART_NUMBER_MOST)
        return S3_FAULT(c, InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive");
    for (size_t i = 1; i < list->Parts.n; i++)
        if (list->Parts.v[i].PartNumber.v <= list->Parts.v[i - 1].PartNumber.v)
            return S3_FAULT(
                c, InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number.");
    k->n_stored = rows_parts(c->turn->store, c->mem, k->u.id, 0, S3_PART_NUMBER_MOST, &k->stored);
    k->pieces = arena_calloc(c->mem, list->Parts.n, sizeof(*k->pieces));
    for (size_t i = 0; i < list->Parts.n; i++)
        if (add_part(c, k, &list->Parts.v[i], i + 1 == list->Parts.n) != 0)
            return -E_FAULT;
    if (k->bytes > S3_OBJECT_BYTES_MOST)
        return S3_FAULT(c, EntityTooLarge, "Your proposed upload exceeds the maximum allowed size");
    return 0;
}

/* "<base64>-N" of the parts' checksums, or that of all bytes. */
static void sum_up(struct call *c, struct completion *k)
{
    if (k->meta.checksum == CHECKSUM_NONE)
        return;
    CHECK(k->n > 0);
    if (k->meta.composite) {
        struct digest d = checksum_of(k->meta.checksum, buf_view(&k->checksums));

        k->meta.checksum_text = arena_printf(c->mem, STR_FMT "-%zu", STR_ARG(s3_sum_text(c->mem, &d)), k->n);
    } else {
        k->meta.checksum_text = s3_sum_text(c->mem, &k->full);
    }
}

static int check_whole(struct call *c, const struct completion *k,
                       const struct s3_CompleteMultipartUploadRequest *in)
{
    struct given g = S3_GIVEN(in);

    if (g.unknown != NULL)
        return s3_refuse(c, g.unknown);
    if (!str_absent(in->ChecksumType) &&
        (k->meta.checksum == CHECKSUM_NONE || str_is(in->ChecksumType, "COMPOSITE") != k->meta.composite))
        return call_fault(c, &s3_error_InvalidRequest,
                          "The upload was created using another checksum mode. The complete request must use "
                          "the same checksum mode.");
    if (in->MpuObjectSize.set && in->MpuObjectSize.v != k->bytes)
        return call_fault(
            c, &s3_error_InvalidRequest,
            "The provided 'x-amz-mp-object-size' header value does not match the size of the object.");
    if (g.n == 0)
        return 0;
    return g.n == 1 && g.kind == k->meta.checksum && str_eq(g.text, k->meta.checksum_text)
               ? 0
               : S3_FAULT(c, BadDigest, "The %s you specified did not match the calculated checksum.",
                          checksum_name(g.kind));
}

/* Parts nobody named go with the upload. */
static void drop_upload(struct call *c, struct completion *k)
{
    struct s3 *s = s3_of(c);
    size_t named = 0;

    for (size_t i = 0; i < k->n_stored; i++) {
        if (named < k->n && k->pieces[named].id == k->stored[i].id)
            named++;
        else
            s3_doom(s, c->turn, k->stored[i].id);
    }
    CHECK(named == k->n); /* what the object holds is not doomed */
    CHECK(s->uploads > 0 && s->parts >= (int64_t)k->n_stored);
    rows_upload_drop(c->turn->store, &k->u, UPLOAD_COMPLETED);
    s->uploads--;
    s->parts -= (int64_t)k->n_stored;
}

static void make_object(struct call *c, const struct bucket *b, const struct completion *k, struct object *o)
{
    CLEANUP(buf_done) struct buf meta = { 0 }, files = { 0 };
    struct digest md5 = md5_of(buf_view(&k->digests));

    CHECK(k->u.state == UPLOAD_COMPLETED && k->u.bucket_id == b->id);
    meta_text(&meta, &k->meta);
    s3_pieces_text(&files, k->pieces, k->n);
    *o =
        (struct object){ .key = k->u.key,
                         .bytes = k->bytes,
                         .tags = k->u.tags,
                         .meta = buf_to_arena(&meta, c->mem),
                         .files = buf_to_arena(&files, c->mem),
                         .etag = arena_printf(c->mem, STR_FMT "-%zu", STR_ARG(hex_str(c->mem, &md5)), k->n) };
    s3_version_add(s3_of(c), c->turn, c->mem, b, o, STR_NONE);
}

static void answer_complete(struct call *c, const struct bucket *b, const struct completion *k,
                            const struct object *o, struct s3_CompleteMultipartUploadOutput *out)
{
    out->Location = arena_printf(c->mem, "http://" STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(call_host(c)),
                                 STR_ARG(b->name), STR_ARG(s3_shown(c, STR("url"), o->key)));
    out->Bucket = b->name;
    out->Key = o->key;
    out->ETag = s3_quoted(c->mem, o->etag);
    META_SET_CHECKSUM(out, k->meta.checksum, k->meta.checksum_text);
    if (k->meta.checksum != CHECKSUM_NONE)
        out->ChecksumType = k->meta.composite ? STR("COMPOSITE") : STR("FULL_OBJECT");
    out->ServerSideEncryption = str_absent(k->meta.encryption) ? STR("AES256") : k->meta.encryption;
    out->SSEKMSKeyId = k->meta.kms_key;
    if (k->meta.bucket_key)
        out->BucketKeyEnabled = BOOL_SET(true);
    out->VersionId = b->versioning == VERSIONING_ENABLED ? o->version_id : STR_NONE;
}

/* A client that lost the answer asks again: while the object the upload became is the current one, the answer
 * is the same, whatever conditions come with it. */
static bool answer_again(struct call *c, const struct bucket *b,
                         const struct s3_CompleteMultipartUploadRequest *in, struct completion *k,
                         struct s3_CompleteMultipartUploadOutput *out)
{
    struct object o;

    if (!rows_object_newest(c->turn->store, c->mem, b->id, in->Key, &o) || o.marker)
        return false;
    meta_read(c->mem, o.meta, &k->meta);
    if (str_absent(k->meta.upload_id) || !str_eq(k->meta.upload_id, in->UploadId))
        return false;
    answer_complete(c, b, k, &o, out);
    return true;
}

int s3_complete_multipart_upload(struct call *c, const void *input, void *output)
{
    const struct s3_CompleteMultipartUploadRequest *in = input;
    CLEANUP(completion_done) struct completion k = { 0 };
    struct bucket *b;
    struct object o;

    S3_REFUSE_CUSTOMER_KEYS(c, in);
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutObject", in->Key, &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0)
        return -E_FAULT;
    if (!rows_upload(c->turn->store, c->mem, b->id, in->Key, in->UploadId, &k.u))
        return answer_again(c, b, in, &k, output) ? 0 : no_upload(c, in->UploadId);
    meta_read(c->mem, k.u.meta, &k.meta);
    k.meta.upload_id = in->UploadId;
    if (add_parts(c, &k, in->MultipartUpload) != 0)
        return -E_FAULT;
    sum_up(c, &k);
    if (check_whole(c, &k, in) != 0 ||
        s3_write_conditions(c, b, in->Key, in->IfMatch, in->IfNoneMatch) != 0 || s3_room(c) != 0)
        return -E_FAULT;
    drop_upload(c, &k);
    make_object(c, b, &k, &o);
    answer_complete(c, b, &k, &o, output);
    s3_tell_created(c, b, &o, "ObjectCreated:CompleteMultipartUpload", "CompleteMultipartUpload");
    return 0;
}

/* ---- the rest ---- */

void s3_upload_abort(struct s3 *s, struct turn *t, struct arena *a, struct upload *u)
{
    struct part *v;
    size_t n = rows_parts(t->store, a, u->id, 0, S3_PART_NUMBER_MOST, &v);

    CHECK_IS(s, S3_MAGIC);
    CHECK(s->uploads > 0 && s->parts >= (int64_t)n);
    for (size_t i = 0; i < n; i++)
        s3_doom(s, t, v[i].id);
    rows_upload_drop(t->store, u, UPLOAD_ABORTED);
    s->uploads--;
    s->parts -= (int64_t)n;
}

int s3_abort_multipart_upload(struct call *c, const void *input, void *output)
{
    const struct s3_AbortMultipartUploadRequest *in = input;
    struct bucket *b;
    struct upload u;

    (void)output;
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:AbortMultipartUpload", in->Key, &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0 || upload_of(c, b, in->Key, in->UploadId, &u) != 0)
        return -E_FAULT;
    if (in->IfMatchInitiatedTime.set && in->IfMatchInitiatedTime.ms / 1000 != u.started_ms / 1000)
        return S3_FAULT(c, PreconditionFailed,
                        "At least one of the pre-conditions you specified did not hold");
    s3_upload_abort(s3_of(c), c->turn, c->mem, &u);
    return 0;
}

#define PARTS_PAGE 1000

static void show_parts(struct call *c, const struct part *v, size_t n, enum checksum k, struct s3_Parts *ret)
{
    *ret = (struct s3_Parts){ .set = n > 0, .n = n, .v = arena_calloc(c->mem, n + 1, sizeof(*ret->v)) };
    for (size_t i = 0; i < n; i++) {
        struct s3_Part *p = &ret->v[i];

        *p = (struct s3_Part){ .PartNumber = INT_SET(v[i].number),
                               .LastModified = TIME_SET(v[i].modified_ms),
                               .ETag = s3_quoted(c->mem, v[i].digest),
                               .Size = INT_SET(v[i].bytes) };
        META_SET_CHECKSUM(p, k, v[i].checksum);
    }
}

int s3_list_parts(struct call *c, const void *input, void *output)
{
    const struct s3_ListPartsRequest *in = input;
    struct s3_ListPartsOutput *out = output;
    int64_t after = in->PartNumberMarker.set ? in->PartNumberMarker.v : 0;
    size_t n, most = in->MaxParts.set && in->MaxParts.v >= 0 && in->MaxParts.v < PARTS_PAGE
                         ? (size_t)in->MaxParts.v
                         : PARTS_PAGE;
    struct bucket *b;
    struct upload u;
    struct meta m;
    struct part *v;

    S3_REFUSE_CUSTOMER_KEYS(c, in);
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:ListMultipartUploadParts", in->Key, &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0 || upload_of(c, b, in->Key, in->UploadId, &u) != 0)
        return -E_FAULT;
    if ((in->MaxParts.set && in->MaxParts.v < 0) || after < 0)
        return s3_argument(c, "max-parts", STR_NONE,
                           "Argument max-parts must be an integer between 0 and 2147483647");
    meta_read(c->mem, u.meta, &m);
    n = rows_parts(c->turn->store, c->mem, u.id, after, most + 1, &v);
    show_parts(c, v, MIN(n, most), m.checksum, &out->Parts);
    out->Bucket = b->name;
    out->Key = in->Key;
    out->UploadId = u.upload_id;
    out->PartNumberMarker = INT_SET(after);
    out->NextPartNumberMarker = INT_SET(out->Parts.n > 0 ? v[out->Parts.n - 1].number : 0);
    out->MaxParts = INT_SET((int64_t)most);
    out->IsTruncated = BOOL_SET(n > most && most > 0);
    out->Initiator = ARENA_NEW(c->mem, struct s3_Initiator);
    out->Initiator->ID = u.initiator;
    out->Owner = s3_owner(c->mem, b->account);
    out->StorageClass = str_absent(m.storage_class) ? STR("STANDARD") : m.storage_class;
    out->ChecksumAlgorithm = str_of(checksum_name(m.checksum));
    if (m.checksum != CHECKSUM_NONE)
        out->ChecksumType = m.composite ? STR("COMPOSITE") : STR("FULL_OBJECT");
    return 0;
}
