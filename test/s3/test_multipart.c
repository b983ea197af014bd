/* test_multipart.c - uploads in parts: ETags, checksums, order, what is left behind. */
#include "test/aborts.h"
#include "world.h"

#define LEAST ((size_t)S3_PART_BYTES_LEAST)
static char bytes[5242880 + 100];

static struct str part_bytes(int n, size_t size)
{
    memset(bytes, 'a' + n, sizeof(bytes));
    return str_make(bytes, size);
}

static struct str start(struct world *w, const char *algorithm, const char *type)
{
    struct s3_CreateMultipartUploadRequest in = { .Bucket = STR("bucket"),
                                                  .Key = STR("k"),
                                                  .ContentType = STR("a/b"),
                                                  .Tagging = STR("x=y"),
                                                  .ChecksumAlgorithm = str_of(algorithm),
                                                  .ChecksumType = str_of(type) };
    struct asked *a = say(w, "CreateMultipartUpload", &in);

    EXPECT_OK(a);
    return ((const struct s3_CreateMultipartUploadOutput *)a->c.output)->UploadId;
}

static const struct s3_UploadPartOutput *upload(struct world *w, struct str id, int64_t number,
                                                struct str body)
{
    struct s3_UploadPartRequest in = {
        .Bucket = STR("bucket"), .Key = STR("k"), .UploadId = id, .PartNumber = INT_SET(number), .Body = body
    };
    struct asked *a = say(w, "UploadPart", &in);

    EXPECT_OK(a);
    return a->c.output;
}

static struct asked *complete(struct world *w, struct str id, struct s3_CompletedPart *v, size_t n)
{
    struct s3_CompletedMultipartUpload list = { { true, n, v } };
    struct s3_CompleteMultipartUploadRequest in = {
        .Bucket = STR("bucket"), .Key = STR("k"), .UploadId = id, .MultipartUpload = &list
    };

    return say(w, "CompleteMultipartUpload", &in);
}

TEST(multipart, whole_story)
{
    struct s3_CompletedPart v[2] = { { .PartNumber = INT_SET(1) }, { .PartNumber = INT_SET(7) } };
    struct s3_GetObjectRequest across = { .Bucket = STR("bucket"),
                                          .Key = STR("k"),
                                          .Range = STR("bytes=5242878-5242881") };
    const struct s3_CompleteMultipartUploadOutput *out;
    const struct s3_GetObjectOutput *got;
    struct digest md5[2], both;
    CLEANUP(buf_done) struct buf etag = { 0 };
    char joined[32];
    struct world w;
    struct asked *a;
    struct str id;

    world_open(&w);
    make_bucket(&w, "bucket");
    id = start(&w, NULL, NULL);
    v[0].ETag = upload(&w, id, 1, part_bytes(9, 10))->ETag; /* replaced below */
    v[0].ETag = upload(&w, id, 1, part_bytes(0, LEAST))->ETag;
    md5[0] = md5_of(part_bytes(0, LEAST));
    (void)upload(&w, id, 3, part_bytes(3, 10)); /* never named */
    v[1].ETag = upload(&w, id, 7, part_bytes(1, 5))->ETag;
    md5[1] = md5_of(part_bytes(1, 5));
    EXPECT_INT(world_files(&w), 3);
    EXPECT_INT(w.s3->parts, 3);
    a = complete(&w, id, v, 2);
    EXPECT_OK(a);
    world_jobs(&w);
    EXPECT_INT(world_files(&w), 2);
    EXPECT_INT(w.s3->parts, 0);
    EXPECT_INT(w.s3->uploads, 0);
    memcpy(joined, md5[0].b, 16);
    memcpy(joined + 16, md5[1].b, 16);
    both = md5_of(str_make(joined, 32));
    buf_char(&etag, '"');
    hex_add(&etag, both.b, 16);
    buf_z(&etag, "-2\"");
    out = a->c.output;
    EXPECT_STR(out->ETag, buf_view(&etag));
    EXPECT_STR(out->Location, STR("http://h:1/bucket/k"));
    got = say(&w, "GetObject", &across)->c.output;
    EXPECT_STR(got->Body, STR("aabb"));
    EXPECT_STR(got->ContentType, STR("a/b"));
    across.Range = STR_NONE;
    across.PartNumber = INT_SET(2);
    a = say(&w, "GetObject", &across);
    EXPECT_STR(body_of(a), STR("bbbbb"));
    EXPECT_INT(a->c.status, 206);
    EXPECT_INT(((const struct s3_GetObjectOutput *)a->c.output)->PartsCount.v, 2);
    across.PartNumber = INT_SET(3);
    EXPECT_FAULT(say(&w, "GetObject", &across), "InvalidRange");
    EXPECT_OK(complete(&w, id, v, 2));
    EXPECT_INT(world_files(&w), 2);
    EXPECT_OK(say(&w, "DeleteObject",
                  &(struct s3_DeleteObjectRequest){ .Bucket = STR("bucket"), .Key = STR("k") }));
    EXPECT_FAULT(complete(&w, id, v, 2), "NoSuchUpload");
    EXPECT_INT(world_files(&w), 0);
    world_close(&w);
}

TEST(multipart, refused_completions)
{
    struct s3_CompletedPart v[2] = { { .PartNumber = INT_SET(1) }, { .PartNumber = INT_SET(2) } }, t;
    struct world w;
    struct str id;

    world_open(&w);
    make_bucket(&w, "bucket");
    id = start(&w, NULL, NULL);
    v[0].ETag = upload(&w, id, 1, part_bytes(0, 10))->ETag;
    v[1].ETag = upload(&w, id, 2, part_bytes(1, 10))->ETag;
    EXPECT_FAULT(complete(&w, id, v, 0), "MalformedXML");
    EXPECT_FAULT(complete(&w, id, v, 2), "EntityTooSmall");
    t = v[0], v[0] = v[1], v[1] = t;
    EXPECT_FAULT(complete(&w, id, v, 2), "InvalidPartOrder");
    v[0] = (struct s3_CompletedPart){ .PartNumber = INT_SET(5), .ETag = STR("\"x\"") };
    EXPECT_FAULT(complete(&w, id, v, 1), "InvalidPart");
    v[0] = (struct s3_CompletedPart){ .PartNumber = INT_SET(1), .ETag = STR("\"x\"") };
    EXPECT_FAULT(complete(&w, id, v, 1), "InvalidPart");
    EXPECT_FAULT(complete(&w, STR("00000000000000000000000000000000"), v, 1), "NoSuchUpload");
    EXPECT_FAULT(complete(&w, STR("x"), v, 1), "NoSuchUpload");
    EXPECT_INT(w.s3->objects, 0);
    EXPECT_INT(world_files(&w), 2);
    EXPECT_OK(say(&w, "AbortMultipartUpload",
                  &(struct s3_AbortMultipartUploadRequest){
                      .Bucket = STR("bucket"), .Key = STR("k"), .UploadId = id }));
    EXPECT_INT(world_files(&w), 0);
    world_close(&w);
}

static void checksums(const char *algorithm, const char *type)
{
    struct s3_CompletedPart v[2] = { { .PartNumber = INT_SET(1) }, { .PartNumber = INT_SET(2) } };
    const struct s3_CompleteMultipartUploadOutput *out;
    enum checksum k = checksum_named(str_of(algorithm));
    CLEANUP(buf_done) struct buf whole = { 0 }, parts = { 0 };
    struct digest d;
    struct str want, id;
    struct world w;
    struct asked *a;

    world_open(&w);
    make_bucket(&w, "bucket");
    id = start(&w, algorithm, type);
    for (int i = 0; i < 2; i++) {
        struct str body = part_bytes(i, i == 0 ? LEAST : 77);

        v[i].ETag = upload(&w, id, i + 1, body)->ETag;
        buf_str(&whole, body);
        d = checksum_of(k, body);
        buf_add(&parts, d.b, d.n);
    }
    a = complete(&w, id, v, 2);
    EXPECT_OK(a);
    out = a->c.output;
    d = checksum_of(k, strcmp(type, "COMPOSITE") == 0 ? buf_view(&parts) : buf_view(&whole));
    want = s3_sum_text(a->c.mem, &d);
    if (strcmp(type, "COMPOSITE") == 0)
        want = arena_printf(a->c.mem, STR_FMT "-2", STR_ARG(want));
    EXPECT_STR(k == CHECKSUM_CRC32       ? out->ChecksumCRC32
               : k == CHECKSUM_CRC64NVME ? out->ChecksumCRC64NVME
                                         : out->ChecksumSHA256,
               want);
    EXPECT_STR(out->ChecksumType, str_of(type));
    world_close(&w);
}

TEST(multipart, checksums_composite_and_full)
{
    checksums("CRC32", "COMPOSITE");
    checksums("CRC32", "FULL_OBJECT");
    checksums("CRC64NVME", "FULL_OBJECT");
    checksums("SHA256", "COMPOSITE");
}

TEST(multipart, arguments)
{
    struct s3_CreateMultipartUploadRequest in = { .Bucket = STR("bucket"),
                                                  .Key = STR("k"),
                                                  .ChecksumAlgorithm = STR("SHA256"),
                                                  .ChecksumType = STR("FULL_OBJECT") };
    struct s3_UploadPartRequest part = {
        .Bucket = STR("bucket"), .Key = STR("k"), .PartNumber = INT_SET(0), .Body = STR("x")
    };
    struct world w;

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_FAULT(say(&w, "CreateMultipartUpload", &in), "InvalidRequest");
    in.ChecksumAlgorithm = STR("XXHASH3");
    EXPECT_FAULT(say(&w, "CreateMultipartUpload", &in), "NotImplemented");
    part.UploadId = start(&w, "CRC32", NULL);
    EXPECT_FAULT(say(&w, "UploadPart", &part), "InvalidArgument");
    part.PartNumber = INT_SET(10001);
    EXPECT_FAULT(say(&w, "UploadPart", &part), "InvalidArgument");
    part.PartNumber = INT_SET(1);
    part.ChecksumSHA256 = STR("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    EXPECT_FAULT(say(&w, "UploadPart", &part), "InvalidRequest");
    part.ChecksumSHA256 = STR_NONE;
    part.ChecksumCRC32 = STR("AAAAAA==");
    EXPECT_FAULT(say(&w, "UploadPart", &part), "BadDigest");
    EXPECT_INT(world_files(&w), 0);
    world_close(&w);
}

TEST(multipart, lists_and_copies)
{
    struct s3_UploadPartCopyRequest copy = { .Bucket = STR("bucket"),
                                             .Key = STR("k"),
                                             .PartNumber = INT_SET(4),
                                             .CopySource = STR("bucket/source"),
                                             .CopySourceRange = STR("bytes=1-3") };
    struct s3_ListPartsRequest parts = { .Bucket = STR("bucket"), .Key = STR("k"), .MaxParts = INT_SET(1) };
    const struct s3_ListMultipartUploadsOutput *uploads;
    const struct s3_ListPartsOutput *out;
    struct world w;
    struct asked *a;
    struct str id;

    world_open(&w);
    make_bucket(&w, "bucket");
    (void)put(&w, "bucket", "source", STR("hello"));
    id = start(&w, NULL, NULL);
    (void)start(&w, NULL, NULL);
    copy.UploadId = parts.UploadId = id;
    (void)upload(&w, id, 2, part_bytes(0, 10));
    a = say(&w, "UploadPartCopy", &copy);
    EXPECT_OK(a);
    EXPECT_STR(((const struct s3_UploadPartCopyOutput *)a->c.output)->CopyPartResult->ETag,
               STR("\"3123059c1c816471780539f6b6b738dc\""));
    copy.CopySourceRange = STR("bytes=1-5");
    EXPECT_FAULT(say(&w, "UploadPartCopy", &copy), "InvalidArgument");
    out = say(&w, "ListParts", &parts)->c.output;
    EXPECT_INT(out->Parts.n, 1);
    EXPECT_INT(out->Parts.v[0].PartNumber.v, 2);
    EXPECT(out->IsTruncated.v);
    parts.PartNumberMarker = out->NextPartNumberMarker;
    out = say(&w, "ListParts", &parts)->c.output;
    EXPECT_INT(out->Parts.v[0].PartNumber.v, 4);
    EXPECT_INT(out->Parts.v[0].Size.v, 3);
    EXPECT(!out->IsTruncated.v);
    a = say(&w, "ListMultipartUploads",
            &(struct s3_ListMultipartUploadsRequest){ .Bucket = STR("bucket"), .MaxUploads = INT_SET(1) });
    uploads = a->c.output;
    EXPECT_INT(uploads->Uploads.n, 1);
    EXPECT_STR(uploads->Uploads.v[0].UploadId, id);
    EXPECT(uploads->IsTruncated.v);
    a = say(&w, "ListMultipartUploads",
            &(struct s3_ListMultipartUploadsRequest){ .Bucket = STR("bucket"),
                                                      .KeyMarker = uploads->NextKeyMarker,
                                                      .UploadIdMarker = uploads->NextUploadIdMarker });
    EXPECT_INT(((const struct s3_ListMultipartUploadsOutput *)a->c.output)->Uploads.n, 1);
    (void)say(&w, "DeleteObject",
              &(struct s3_DeleteObjectRequest){ .Bucket = STR("bucket"), .Key = STR("source") });
    EXPECT_OK(say(&w, "DeleteBucket", &(struct s3_DeleteBucketRequest){ .Bucket = STR("bucket") }));
    EXPECT_INT(world_files(&w), 0);
    EXPECT_INT(w.s3->uploads, 0);
    EXPECT_INT(w.s3->parts, 0);
    world_close(&w);
}

static struct store *store;

static void an_upload_is_aborted_twice(void)
{
    struct upload u = { .id = 1,
                        .bucket_id = 1,
                        .key = STR("k"),
                        .upload_id = STR("u"),
                        .initiator = STR("i"),
                        .meta = STR("{}") };

    rows_upload_add(store, &u);
    rows_upload_drop(store, &u, UPLOAD_ABORTED);
    rows_upload_drop(store, &u, UPLOAD_COMPLETED);
}

static void an_object_too_many_is_counted(void)
{
    struct s3 *s = s3_new(&(struct s3_options){ 0 });

    s3_check(s, store);
    s->objects++;
    s3_check(s, store);
}

TEST(multipart, what_cannot_be_ends_the_program)
{
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &store, NULL) == 0);
    EXPECT_ABORTS(an_upload_is_aborted_twice, "multipart upload");
    EXPECT_ABORTS(an_object_too_many_is_counted, "s->objects");
    store = store_close(store);
}

UNIT_MAIN
