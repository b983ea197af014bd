/* test_objects.c - objects come and go: rows and files, ranges, conditions, versions, digests, copies,
 * crashes. */
#include "test/door.h"
#include "world.h"

static char large_bytes[100000];
static struct str large(char seed)
{
    for (size_t i = 0; i < sizeof(large_bytes); i++)
        large_bytes[i] = (char)(seed + (char)(i % 251));
    return str_make(large_bytes, sizeof(large_bytes));
}

TEST(objects, small_in_a_row_large_in_a_file)
{
    struct world w;
    const struct s3_PutObjectOutput *out;
    struct asked *a;

    world_open(&w);
    make_bucket(&w, "bucket");
    a = put(&w, "bucket", "k", STR("hello"));
    EXPECT_OK(a);
    out = a->c.output;
    EXPECT_STR(out->ETag, STR("\"5d41402abc4b2a76b9719d911017c592\""));
    EXPECT_STR(out->VersionId, STR_NONE);
    EXPECT_STR(out->ServerSideEncryption, STR("AES256"));
    EXPECT_INT(world_files(&w), 0);
    EXPECT_OK(put(&w, "bucket", "large", large('a')));
    EXPECT_INT(world_files(&w), 1);
    EXPECT_STR(body_of(get(&w, "bucket", "k", NULL)), STR("hello"));
    EXPECT_STR(body_of(get(&w, "bucket", "large", NULL)), large('a'));
    EXPECT_OK(put(&w, "bucket", "large", large('b'))); /* the old file goes with the commit */
    EXPECT_INT(world_files(&w), 1);
    EXPECT_STR(body_of(get(&w, "bucket", "large", NULL)), large('b'));
    EXPECT_OK(put(&w, "bucket", "large", STR("")));
    EXPECT_INT(world_files(&w), 0);
    EXPECT_INT(((const struct s3_GetObjectOutput *)get(&w, "bucket", "large", NULL)->c.output)->Body.n, 0);
    EXPECT_INT(w.s3->objects, 2);
    world_close(&w);
}

TEST(objects, edge_of_the_row)
{
    struct world w;

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(put(&w, "bucket", "a", str_sub(large('a'), 0, S3_ROW_BYTES_MOST)));
    EXPECT_INT(world_files(&w), 0);
    EXPECT_OK(put(&w, "bucket", "b", str_sub(large('a'), 0, S3_ROW_BYTES_MOST + 1)));
    EXPECT_INT(world_files(&w), 1);
    world_close(&w);
}

TEST(objects, names_are_never_paths)
{
    struct world w;
    char key[S3_KEY_MOST + 2];

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(put(&w, "bucket", "../../../../tmp/escaped", large('a')));
    EXPECT_INT(world_files(&w), 1);
    EXPECT(access("/tmp/escaped", F_OK) != 0);
    memset(key, 'x', sizeof(key));
    key[S3_KEY_MOST + 1] = '\0';
    EXPECT_FAULT(put(&w, "bucket", key, STR("")), "KeyTooLongError");
    key[S3_KEY_MOST] = '\0';
    EXPECT_OK(put(&w, "bucket", key, STR("")));
    EXPECT_FAULT(put(&w, "bucket", "\xff", STR("")), "InvalidURI");
    EXPECT_FAULT(put(&w, "bucket", "", STR("")), "InvalidURI");
    EXPECT_FAULT(put(&w, "nobody", "k", STR("")), "NoSuchBucket");
    world_close(&w);
}

TEST(objects, range_reads_of_rows_and_files)
{
    static const struct {
        const char *key;
    } keys[] = { { "small" }, { "large" } };
    struct world w;

    world_open(&w);
    make_bucket(&w, "bucket");
    (void)put(&w, "bucket", "small", str_sub(large('a'), 0, 1000));
    (void)put(&w, "bucket", "large", large('a'));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct s3_GetObjectRequest in = { .Bucket = STR("bucket"),
                                          .Key = str_of(keys[i].key),
                                          .Range = STR("bytes=10-19") };
        struct asked *a = say(&w, "GetObject", &in);
        const struct s3_GetObjectOutput *out = a->c.output;

        EXPECT_OK(a);
        EXPECT_INT(a->c.status, 206);
        EXPECT_STR(out->Body, str_sub(large('a'), 10, 20));
        EXPECT_STR(out->ContentRange, i == 0 ? STR("bytes 10-19/1000") : STR("bytes 10-19/100000"));
        in.Range = STR("bytes=100000-");
        a = say(&w, "GetObject", &in);
        EXPECT_FAULT(a, "InvalidRange");
        EXPECT_TEXT(a, "The requested range is not satisfiable");
    }
    world_close(&w);
}

TEST(objects, deleted_while_being_read)
{
    struct world w;
    struct s3_GetObjectRequest in = { .Bucket = STR("bucket"), .Key = STR("k") };
    struct s3_DeleteObjectRequest out_of = { .Bucket = STR("bucket"), .Key = STR("k") };
    struct asked *reader;

    world_open(&w);
    make_bucket(&w, "bucket");
    (void)put(&w, "bucket", "k", large('r'));
    reader = begin(&w, "GetObject", &in);
    EXPECT_OK(reader);
    EXPECT_INT(reader->c.n_files, 1);
    (void)begin(&w, "DeleteObject", &out_of);
    w.jobs[w.n_jobs - 1].run(
        w.jobs[w.n_jobs - 1].arg); /* the file goes before the reader's turn on the pool */
    EXPECT_INT(world_files(&w), 0);
    world_jobs(&w);
    EXPECT_OK(reader);
    EXPECT_STR(body_of(reader), large('r'));
    world_close(&w);
}

TEST(objects, bucket_gone_while_being_written)
{
    struct world w;
    struct s3_PutObjectRequest in = { .Bucket = STR("bucket"), .Key = STR("k"), .Body = large('w') };
    struct asked *writer;

    world_open(&w);
    make_bucket(&w, "bucket");
    writer = begin(&w, "PutObject", &in);
    (void)begin(&w, "DeleteBucket", &(struct s3_DeleteBucketRequest){ .Bucket = STR("bucket") });
    world_jobs(&w);
    EXPECT_FAULT(writer, "NoSuchBucket");
    EXPECT_INT(world_files(&w), 0);
    world_close(&w);
}

TEST(objects, a_turn_that_fails_leaves_nothing)
{
    struct world w;
    struct s3_PutObjectRequest in = { .Bucket = STR("bucket"), .Key = STR("k"), .Body = large('1') };

    world_open(&w);
    make_bucket(&w, "bucket");
    (void)say(&w, "PutObject", &in);
    in.Body = large('2');
    (void)begin(&w, "PutObject", &in);
    w.fail_commit = true;
    world_jobs(&w);
    EXPECT_INT(world_files(&w), 1);
    EXPECT_STR(body_of(get(&w, "bucket", "k", NULL)), large('1'));
    EXPECT_INT(w.s3->objects, 1);
    world_close(&w);
}

TEST(objects, waste_is_swept_at_start)
{
    struct world w;
    struct source from = { .bytes = STR("orphan") };
    struct written got;

    world_open(&w);
    make_bucket(&w, "bucket");
    (void)put(&w, "bucket", "k", large('s'));
    EXPECT_INT(s3_file_write(w.dir, store_next_id(w.store), &from, CHECKSUM_NONE, &got), 0);
    EXPECT_INT(world_files(&w), 2);
    world_restart(&w);
    EXPECT_INT(world_files(&w), 1);
    EXPECT_STR(body_of(get(&w, "bucket", "k", NULL)), large('s'));
    EXPECT_INT(w.s3->objects, 1);
    store_reset(w.store);
    s3_reset(w.s3, &w.turn);
    world_commit(&w);
    EXPECT_INT(world_files(&w), 0);
    EXPECT_FAULT(get(&w, "bucket", "k", NULL), "NoSuchBucket");
    world_close(&w);
}

TEST(objects, metadata_comes_back)
{
    struct world w;
    struct s3_Metadata_entry user[] = { { STR("Color"), STR("blue") }, { STR("x"), STR("") } };
    struct s3_PutObjectRequest in = { .Bucket = STR("bucket"),
                                      .Key = STR("k"),
                                      .Body = STR("x"),
                                      .ContentType = STR("text/plain"),
                                      .CacheControl = STR("no-cache"),
                                      .ContentDisposition = STR("inline"),
                                      .ContentEncoding = STR("aws-chunked,gzip"),
                                      .ContentLanguage = STR("de"),
                                      .Expires = TIME_SET(1900000000000),
                                      .Metadata = { true, 2, user },
                                      .Tagging = STR("a=1&b=2"),
                                      .StorageClass = STR("STANDARD_IA"),
                                      .ServerSideEncryption = STR("aws:kms"),
                                      .SSEKMSKeyId = STR("key"),
                                      .WebsiteRedirectLocation = STR("/other") };
    const struct s3_GetObjectOutput *out;
    char many[2100];

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(say(&w, "PutObject", &in));
    out = get(&w, "bucket", "k", NULL)->c.output;
    EXPECT_STR(out->ContentType, STR("text/plain"));
    EXPECT_STR(out->CacheControl, STR("no-cache"));
    EXPECT_STR(out->ContentDisposition, STR("inline"));
    EXPECT_STR(out->ContentEncoding, STR("gzip"));
    EXPECT_STR(out->ContentLanguage, STR("de"));
    EXPECT_INT(out->Expires.ms, 1900000000000);
    EXPECT_STR(out->StorageClass, STR("STANDARD_IA"));
    EXPECT_STR(out->ServerSideEncryption, STR("aws:kms"));
    EXPECT_STR(out->SSEKMSKeyId, STR("key"));
    EXPECT_STR(out->WebsiteRedirectLocation, STR("/other"));
    EXPECT_INT(out->TagCount.v, 2);
    EXPECT_INT(out->Metadata.n, 2);
    EXPECT_STR(out->Metadata.v[0].key, STR("color"));
    EXPECT_STR(out->Metadata.v[0].value, STR("blue"));
    memset(many, 'm', sizeof(many));
    user[1].value = str_make(many, sizeof(many));
    EXPECT_FAULT(say(&w, "PutObject", &in), "MetadataTooLarge");
    world_close(&w);
}

TEST(objects, what_is_not_done_is_refused_by_name)
{
    const struct s3_PutObjectRequest base = { .Bucket = STR("bucket"), .Key = STR("k"), .Body = STR("x") };
    struct s3_PutObjectRequest rows[7] = { base, base, base, base, base, base, base };
    static const char *const names[] = {
        "SSECustomerAlgorithm",   "ObjectLockMode", "ObjectLockRetainUntilDate",
        "WriteOffsetBytes",       "ChecksumSHA512", "StorageClass DEEP_ARCHIVE",
        "SSEKMSEncryptionContext"
    };
    struct s3_PutObjectRequest acl = base;
    struct world w;

    rows[0].SSECustomerAlgorithm = STR("AES256");
    rows[1].ObjectLockMode = STR("GOVERNANCE");
    rows[2].ObjectLockRetainUntilDate = TIME_SET(1);
    rows[3].WriteOffsetBytes = INT_SET(0);
    rows[4].ChecksumSHA512 = STR("AA==");
    rows[5].StorageClass = STR("DEEP_ARCHIVE");
    rows[6].SSEKMSEncryptionContext = STR("e30=");
    world_open(&w);
    make_bucket(&w, "bucket");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct asked *a = say(&w, "PutObject", &rows[i]);

        EXPECT_FAULT(a, "NotImplemented");
        EXPECT(str_ends(a->c.fault.message, str_of(names[i])));
    }
    acl.ACL = STR("public-read");
    EXPECT_FAULT(say(&w, "PutObject", &acl), "AccessControlListNotSupported");
    EXPECT_INT(w.s3->objects, 0);
    world_close(&w);
}

TEST(objects, digests_are_compared)
{
    struct s3_PutObjectRequest in = { .Bucket = STR("bucket"), .Key = STR("k"), .Body = STR("123456789") };
    struct s3_GetObjectRequest asks = { .Bucket = STR("bucket"),
                                        .Key = STR("k"),
                                        .ChecksumMode = STR("ENABLED") };
    const struct s3_GetObjectOutput *out;
    struct world w;
    struct asked *a;

    world_open(&w);
    make_bucket(&w, "bucket");
    in.ContentMD5 = STR("AAAAAAAAAAAAAAAAAAAAAA==");
    EXPECT_FAULT(say(&w, "PutObject", &in), "BadDigest");
    in.ContentMD5 = STR("nonsense");
    EXPECT_FAULT(say(&w, "PutObject", &in), "InvalidDigest");
    in.ContentMD5 = STR("JfnnlDI7RTiF9RgfG2JNCw==");
    EXPECT_OK(say(&w, "PutObject", &in));
    in.ChecksumCRC32 = STR("AAAAAA==");
    a = say(&w, "PutObject", &in);
    EXPECT_FAULT(a, "BadDigest");
    EXPECT_TEXT(a, "The CRC32 you specified did not match the calculated checksum.");
    in.Body = large('c');
    in.ContentMD5 = STR_NONE;
    EXPECT_FAULT(say(&w, "PutObject", &in), "BadDigest");
    EXPECT_INT(world_files(&w), 0);
    in.Body = STR("123456789");
    in.ChecksumCRC32 = STR("y/Q5Jg==");
    a = say(&w, "PutObject", &in);
    EXPECT_OK(a);
    EXPECT_STR(((const struct s3_PutObjectOutput *)a->c.output)->ChecksumCRC32, STR("y/Q5Jg=="));
    out = say(&w, "GetObject", &asks)->c.output;
    EXPECT_STR(out->ChecksumCRC32, STR("y/Q5Jg=="));
    EXPECT_STR(out->ChecksumType, STR("FULL_OBJECT"));
    in.ChecksumSHA1 = STR("AAAA");
    EXPECT_FAULT(say(&w, "PutObject", &in), "InvalidRequest");
    world_close(&w);
}

TEST(objects, conditions_of_writes)
{
    struct s3_PutObjectRequest in = {
        .Bucket = STR("bucket"), .Key = STR("k"), .Body = STR("hello"), .IfNoneMatch = STR("*")
    };
    struct world w;

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(say(&w, "PutObject", &in));
    EXPECT_FAULT(say(&w, "PutObject", &in), "PreconditionFailed");
    in.IfNoneMatch = STR_NONE;
    in.IfMatch = STR("\"5d41402abc4b2a76b9719d911017c592\"");
    EXPECT_OK(say(&w, "PutObject", &in));
    in.IfMatch = STR("\"x\"");
    EXPECT_FAULT(say(&w, "PutObject", &in), "PreconditionFailed");
    in.Key = STR("other");
    EXPECT_FAULT(say(&w, "PutObject", &in), "NoSuchKey");
    world_close(&w);
}

TEST(objects, two_writers_one_wins)
{
    struct s3_PutObjectRequest in = {
        .Bucket = STR("bucket"), .Key = STR("k"), .Body = large('x'), .IfNoneMatch = STR("*")
    };
    struct world w;
    struct asked *first, *second;

    world_open(&w);
    make_bucket(&w, "bucket");
    first = begin(&w, "PutObject", &in);
    second = begin(&w, "PutObject", &in);
    world_jobs(&w);
    EXPECT_OK(first);
    EXPECT_FAULT(second, "PreconditionFailed");
    EXPECT_INT(world_files(&w), 1);
    world_close(&w);
}

TEST(objects, versions)
{
    struct s3_DeleteObjectRequest del = { .Bucket = STR("bucket"), .Key = STR("k") };
    const struct s3_DeleteObjectOutput *gone;
    struct str v1, marker;
    struct world w;
    struct asked *a;

    world_open(&w);
    make_bucket(&w, "bucket");
    (void)put(&w, "bucket", "k", STR("zero"));
    EXPECT_OK(version(&w, "bucket", "Enabled"));
    a = put(&w, "bucket", "k", STR("one"));
    v1 = ((const struct s3_PutObjectOutput *)a->c.output)->VersionId;
    EXPECT_INT(v1.n, 32);
    (void)put(&w, "bucket", "k", large('2'));
    EXPECT_STR(body_of(get(&w, "bucket", "k", NULL)), large('2'));
    EXPECT_STR(body_of(get(&w, "bucket", "k", arena_z(a->c.mem, v1))), STR("one"));
    EXPECT_STR(body_of(get(&w, "bucket", "k", "null")), STR("zero"));
    EXPECT_FAULT(get(&w, "bucket", "k", "0123456789abcdef0123456789abcdef"), "NoSuchVersion");
    EXPECT_FAULT(get(&w, "bucket", "k", "what"), "InvalidArgument");
    gone = say(&w, "DeleteObject", &del)->c.output;
    EXPECT(gone->DeleteMarker.v);
    marker = gone->VersionId;
    a = get(&w, "bucket", "k", NULL);
    EXPECT_FAULT(a, "NoSuchKey");
    EXPECT(str_find_str(buf_view(&a->c.extra_headers), STR("x-amz-delete-marker: true")) >= 0);
    EXPECT_FAULT(get(&w, "bucket", "k", arena_z(a->c.mem, marker)), "MethodNotAllowed");
    EXPECT_FAULT(say(&w, "DeleteBucket", &(struct s3_DeleteBucketRequest){ .Bucket = STR("bucket") }),
                 "BucketNotEmpty");
    del.VersionId = marker;
    gone = say(&w, "DeleteObject", &del)->c.output;
    EXPECT(gone->DeleteMarker.v);
    EXPECT_STR(body_of(get(&w, "bucket", "k", NULL)), large('2'));
    EXPECT_INT(w.s3->objects, 3);
    world_close(&w);
}

TEST(objects, suspended_versions_replace_null)
{
    struct s3_DeleteObjectRequest del = { .Bucket = STR("bucket"), .Key = STR("k") };
    struct world w;

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(version(&w, "bucket", "Enabled"));
    (void)put(&w, "bucket", "k", STR("one"));
    EXPECT_OK(version(&w, "bucket", "Suspended"));
    (void)put(&w, "bucket", "k", STR("null 1"));
    (void)put(&w, "bucket", "k", STR("null 2"));
    EXPECT_INT(w.s3->objects, 2);
    EXPECT_STR(body_of(get(&w, "bucket", "k", "null")), STR("null 2"));
    EXPECT_STR(((const struct s3_DeleteObjectOutput *)say(&w, "DeleteObject", &del)->c.output)->VersionId,
               STR("null"));
    EXPECT_INT(w.s3->objects, 2); /* the marker took the place of null 2 */
    EXPECT_FAULT(get(&w, "bucket", "k", NULL), "NoSuchKey");
    world_restart(&w);
    EXPECT_INT(s3_bucket_find(w.s3, STR("bucket"))->versioning, VERSIONING_SUSPENDED);
    world_close(&w);
}

TEST(objects, copies)
{
    struct s3_CopyObjectRequest in = { .Bucket = STR("bucket"),
                                       .Key = STR("copy"),
                                       .CopySource = STR("bucket/large") };
    struct s3_PutObjectRequest source = { .Bucket = STR("bucket"),
                                          .Key = STR("large"),
                                          .Body = large('C'),
                                          .ContentType = STR("a/b"),
                                          .Tagging = STR("t=1") };
    const struct s3_CopyObjectOutput *out;
    const struct s3_GetObjectOutput *got;
    struct world w;
    struct asked *a;

    world_open(&w);
    make_bucket(&w, "bucket");
    (void)say(&w, "PutObject", &source);
    a = say(&w, "CopyObject", &in);
    EXPECT_OK(a);
    out = a->c.output;
    EXPECT(out->CopyObjectResult->LastModified.set);
    EXPECT_INT(world_files(&w), 2);
    got = get(&w, "bucket", "copy", NULL)->c.output;
    EXPECT_STR(got->Body, large('C'));
    EXPECT_STR(got->ContentType, STR("a/b"));
    EXPECT_INT(got->TagCount.v, 1);
    in.MetadataDirective = STR("REPLACE");
    in.ContentType = STR("c/d");
    EXPECT_OK(say(&w, "CopyObject", &in));
    EXPECT_STR(((const struct s3_GetObjectOutput *)get(&w, "bucket", "copy", NULL)->c.output)->ContentType,
               STR("c/d"));
    in.MetadataDirective = STR_NONE;
    in.Key = STR("large");
    EXPECT_FAULT(say(&w, "CopyObject", &in), "InvalidRequest");
    in.CopySource = STR("bucket/none");
    EXPECT_FAULT(say(&w, "CopyObject", &in), "NoSuchKey");
    in.CopySource = STR("x");
    EXPECT_FAULT(say(&w, "CopyObject", &in), "InvalidArgument");
    in.CopySource = STR("bucket/large");
    in.Key = STR("again");
    in.CopySourceIfMatch = STR("\"no\"");
    EXPECT_FAULT(say(&w, "CopyObject", &in), "PreconditionFailed");
    world_close(&w);
}

TEST(objects, buckets)
{
    struct s3_CreateBucketConfiguration k = { .LocationConstraint = STR("eu-west-1") };
    struct world w;
    struct asked *a;

    world_open(&w);
    make_bucket(&w, "bucket");
    make_bucket(&w, "bucket"); /* us-east-1: again is fine */
    EXPECT_FAULT(say(&w, "CreateBucket", &(struct s3_CreateBucketRequest){ .Bucket = STR("No") }),
                 "InvalidBucketName");
    w.account = STR("111111111111");
    EXPECT_FAULT(say(&w, "CreateBucket", &(struct s3_CreateBucketRequest){ .Bucket = STR("bucket") }),
                 "BucketAlreadyExists");
    EXPECT_FAULT(get(&w, "bucket", "k", NULL), "AccessDenied");
    w.account = STR("000000000000");
    w.region = STR("eu-west-1");
    EXPECT_FAULT(say(&w, "CreateBucket", &(struct s3_CreateBucketRequest){ .Bucket = STR("other") }),
                 "IllegalLocationConstraintException");
    EXPECT_OK(
        say(&w, "CreateBucket",
            &(struct s3_CreateBucketRequest){ .Bucket = STR("other"), .CreateBucketConfiguration = &k }));
    EXPECT_FAULT(say(&w, "CreateBucket",
                     &(struct s3_CreateBucketRequest){ .Bucket = STR("other"),
                                                       .CreateBucketConfiguration = &k }),
                 "BucketAlreadyOwnedByYou");
    a = say(&w, "GetBucketLocation", &(struct s3_GetBucketLocationRequest){ .Bucket = STR("other") });
    EXPECT_STR(((const struct s3_GetBucketLocationOutput *)a->c.output)->LocationConstraint,
               STR("eu-west-1"));
    a = say(&w, "HeadBucket",
            &(struct s3_HeadBucketRequest){ .Bucket = STR("other"),
                                            .ExpectedBucketOwner = STR("222222222222") });
    EXPECT_FAULT(a, "AccessDenied");
    a = say(&w, "ListBuckets", &(struct s3_ListBucketsRequest){ .MaxBuckets = INT_SET(1) });
    EXPECT_INT(((const struct s3_ListBucketsOutput *)a->c.output)->Buckets.n, 1);
    EXPECT_STR(((const struct s3_ListBucketsOutput *)a->c.output)->Buckets.v[0].Name, STR("bucket"));
    a = say(&w, "ListBuckets",
            &(struct s3_ListBucketsRequest){
                .ContinuationToken = ((const struct s3_ListBucketsOutput *)a->c.output)->ContinuationToken });
    EXPECT_STR(((const struct s3_ListBucketsOutput *)a->c.output)->Buckets.v[0].Name, STR("other"));
    EXPECT_OK(say(&w, "DeleteBucket", &(struct s3_DeleteBucketRequest){ .Bucket = STR("other") }));
    EXPECT_FAULT(say(&w, "DeleteBucket", &(struct s3_DeleteBucketRequest){ .Bucket = STR("other") }),
                 "NoSuchBucket");
    world_close(&w);
}

TEST(objects, the_door_writes_objects)
{
    struct str to = STR("arn:aws:s3:::bucket");
    struct parcel p = { .body = STR("{\"a\":1}"), .function_name = STR("f") };
    CLEANUP(buf_done) struct buf why = { 0 };
    CLEANUP(arena_freep) struct arena *mem = arena_new(0);
    struct sinks sinks = { 0 };
    struct sink sink;
    struct world w;
    struct asked *a;
    struct str bytes;

    world_open(&w);
    make_bucket(&w, "bucket");
    sink = s3_sink(w.s3);
    sinks_add(&sinks, &sink);
    EXPECT_INT(door_find(&sinks, &w.turn, STR("arn:aws:s3:::nobody")).state, SINK_MISSING);
    w.turn.now.wall_ms = 1789400698123; /* 2026-09-14T15:44:58 */
    EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERED);
    world_commit(&w);
    EXPECT(str_starts(buf_view(&why), STR("aws/lambda/async/f/2026/09/14/2026-09-14T15.44.58-")));
    EXPECT_INT(why.n, sizeof("aws/lambda/async/f/2026/09/14/2026-09-14T15.44.58-") - 1 + 36);
    a = get(&w, "bucket", why.p, NULL);
    EXPECT_STR(body_of(a), STR("{\"a\":1}"));
    EXPECT_STR(((const struct s3_GetObjectOutput *)a->c.output)->ContentType,
               STR("application/octet-stream"));
    buf_clear(&why);
    p.body = large('d');
    EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERED);
    world_commit(&w);
    EXPECT_STR(body_of(get(&w, "bucket", why.p, NULL)), large('d'));
    EXPECT_INT(s3_read(w.s3, w.store, mem, STR("bucket"), buf_view(&why), STR_NONE, &bytes, &why), 0);
    EXPECT_STR(bytes, large('d'));
    buf_clear(&why);
    EXPECT_INT(s3_read(w.s3, w.store, mem, STR("bucket"), STR("no"), STR_NONE, &bytes, &why), -E_NOT_FOUND);
    EXPECT_STR(buf_view(&why), STR("Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error "
                                   "Message: The specified key does not exist."));
    to = STR("arn:aws:s3:::nobody");
    EXPECT_INT(hand_in(&sinks, &w.turn, to, &p, &why), DELIVERY_NO_RESOURCE);
    world_close(&w);
}

TEST(objects, tags)
{
    struct s3_Tag v[] = { { STR("a"), STR("1") }, { STR("b"), STR("") } };
    struct s3_Tagging tagging = { { true, 2, v } };
    struct s3_PutBucketTaggingRequest in = { .Bucket = STR("bucket"), .Tagging = &tagging };
    struct world w;
    struct asked *a;

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_FAULT(say(&w, "GetBucketTagging", &(struct s3_GetBucketTaggingRequest){ .Bucket = STR("bucket") }),
                 "NoSuchTagSet");
    EXPECT_OK(say(&w, "PutBucketTagging", &in));
    world_restart(&w);
    a = say(&w, "GetBucketTagging", &(struct s3_GetBucketTaggingRequest){ .Bucket = STR("bucket") });
    EXPECT_INT(((const struct s3_GetBucketTaggingOutput *)a->c.output)->TagSet.n, 2);
    v[1].Key = STR("a");
    EXPECT_FAULT(say(&w, "PutBucketTagging", &in), "InvalidTag");
    v[1].Key = STR("aws:x");
    EXPECT_FAULT(say(&w, "PutBucketTagging", &in), "InvalidTag");
    world_close(&w);
}

UNIT_MAIN
