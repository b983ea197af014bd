/* test_list.c - pages in byte order, prefixes and delimiters, versions; every page size gives the same whole.
 */
#include "world.h"

static const char *const keys[] = { "a",
                                    "a/",
                                    "a/1",
                                    "a/2",
                                    "a/b/1",
                                    "a/b/2",
                                    "a0",
                                    "b",
                                    "c/d/e",
                                    "photos/2006/feb.jpg",
                                    "photos/2006/jan.jpg",
                                    "sample.jpg",
                                    "z\xc3\xa9",
                                    "z\xf0\x9f\x98\x80",
                                    "Z" };

static void fill(struct world *w)
{
    world_open(w);
    make_bucket(w, "bucket");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        EXPECT_OK(put(w, "bucket", keys[i], STR("x")));
}

/* All pages of a listing: items joined by blanks, common prefixes in parentheses, pages by '|'. */
static struct str whole(struct world *w, struct buf *b, const char *prefix, const char *delimiter,
                        int64_t page, const char *after)
{
    struct s3_ListObjectsV2Request in = { .Bucket = STR("bucket"),
                                          .Prefix = str_of(prefix),
                                          .Delimiter = str_of(delimiter),
                                          .MaxKeys = INT_SET(page),
                                          .StartAfter = str_of(after) };

    buf_clear(b);
    for (int pages = 0; pages < 100; pages++) {
        struct asked *a = say(w, "ListObjectsV2", &in);
        const struct s3_ListObjectsV2Output *out = a->c.output;
        size_t o = 0, p = 0;

        EXPECT_OK(a);
        if (a->result != 0)
            break;
        EXPECT_INT(out->KeyCount.v, out->Contents.n + out->CommonPrefixes.n);
        EXPECT(out->KeyCount.v <= page);
        while (o < out->Contents.n || p < out->CommonPrefixes.n) {
            bool key =
                p == out->CommonPrefixes.n ||
                (o < out->Contents.n && str_cmp(out->Contents.v[o].Key, out->CommonPrefixes.v[p].Prefix) < 0);

            if (b->n > 0)
                buf_char(b, ' ');
            if (key)
                buf_str(b, out->Contents.v[o++].Key);
            else {
                buf_printf(b, "(" STR_FMT ")", STR_ARG(out->CommonPrefixes.v[p].Prefix));
                p++;
            }
        }
        EXPECT_INT(str_absent(out->NextContinuationToken), !out->IsTruncated.v);
        if (!out->IsTruncated.v)
            return buf_view(b);
        in.ContinuationToken = out->NextContinuationToken;
    }
    UNIT_FAIL("the listing does not end");
    return buf_view(b);
}

TEST(list, every_page_size_gives_the_same)
{
    static const struct {
        const char *prefix, *delimiter, *after, *want;
    } rows[] = {
        { NULL, NULL, NULL,
          "Z a a/ a/1 a/2 a/b/1 a/b/2 a0 b c/d/e photos/2006/feb.jpg photos/2006/jan.jpg sample.jpg "
          "z\xc3\xa9 z\xf0\x9f\x98\x80" },
        { NULL, "/", NULL, "Z a (a/) a0 b (c/) (photos/) sample.jpg z\xc3\xa9 z\xf0\x9f\x98\x80" },
        { "a", NULL, NULL, "a a/ a/1 a/2 a/b/1 a/b/2 a0" },
        { "a/", "/", NULL, "a/ a/1 a/2 (a/b/)" },
        { "photos/", "/", NULL, "(photos/2006/)" },
        { "photos/2006/", "/", NULL, "photos/2006/feb.jpg photos/2006/jan.jpg" },
        { NULL, "0", NULL,
          "Z a a/ a/1 a/2 a/b/1 a/b/2 (a0) b c/d/e (photos/20) sample.jpg z\xc3\xa9 z\xf0\x9f\x98\x80" },
        { "none", "/", NULL, "" },
        { NULL, NULL, "b",
          "c/d/e photos/2006/feb.jpg photos/2006/jan.jpg sample.jpg z\xc3\xa9 z\xf0\x9f\x98\x80" },
        { NULL, "/", "a/", "a0 b (c/) (photos/) sample.jpg z\xc3\xa9 z\xf0\x9f\x98\x80" },
        { NULL, "/", "a/1", "(a/) a0 b (c/) (photos/) sample.jpg z\xc3\xa9 z\xf0\x9f\x98\x80" },
        { "a/", NULL, "zzz", "" },
        { "a/", NULL, "A", "a/ a/1 a/2 a/b/1 a/b/2" },
    };
    CLEANUP(buf_done) struct buf b = { 0 };
    struct world w;

    fill(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int64_t page = 1; page <= 16; page++)
            EXPECT_STR(whole(&w, &b, rows[i].prefix, rows[i].delimiter, page, rows[i].after),
                       str_of(rows[i].want));
    world_close(&w);
}

TEST(list, deleted_keys_and_old_versions_are_hidden)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct world w;

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(version(&w, "bucket", "Enabled"));
    for (int i = 0; i < 20; i++) {
        (void)put(&w, "bucket", "many", STR("x"));
        (void)put(&w, "bucket", "d/gone", STR("x"));
    }
    (void)put(&w, "bucket", "z", STR("x"));
    EXPECT_OK(say(&w, "DeleteObject",
                  &(struct s3_DeleteObjectRequest){ .Bucket = STR("bucket"), .Key = STR("d/gone") }));
    for (int64_t page = 1; page <= 3; page++) {
        EXPECT_STR(whole(&w, &b, NULL, NULL, page, NULL), STR("many z"));
        EXPECT_STR(whole(&w, &b, NULL, "/", page, NULL), STR("many z"));
    }
    world_close(&w);
}

/* Keys that end in delete markers are passed over for a while; then the page ends, with few keys or none, and
 * the next goes on behind them.  ListObjects says where, as no key does. */
TEST(list, many_deleted_keys_end_a_page)
{
    struct s3_ListObjectsRequest old = { .Bucket = STR("bucket") };
    struct s3_ListObjectsV2Request in = { .Bucket = STR("bucket") };
    const struct s3_ListObjectsV2Output *out;
    const struct s3_ListObjectsOutput *old_out;
    CLEANUP(buf_done) struct buf b = { 0 };
    struct world w;
    char key[32];

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(version(&w, "bucket", "Enabled"));
    (void)put(&w, "bucket", "a", STR("x"));
    for (int i = 0; i < 20001; i++) {
        snprintf(key, sizeof(key), "m/%05d", i);
        EXPECT_OK(say(&w, "DeleteObject",
                      &(struct s3_DeleteObjectRequest){ .Bucket = STR("bucket"), .Key = str_of(key) }));
    }
    (void)put(&w, "bucket", "z", STR("x"));
    EXPECT_STR(whole(&w, &b, NULL, NULL, 1000, NULL), STR("a z"));
    EXPECT_STR(whole(&w, &b, "m/", NULL, 1000, NULL), STR(""));
    out = say(&w, "ListObjectsV2", &in)->c.output;
    EXPECT_INT(out->Contents.n, 1);
    EXPECT(out->IsTruncated.v);
    old_out = say(&w, "ListObjects", &old)->c.output;
    EXPECT_STR(old_out->NextMarker, STR("m/19999"));
    old.Marker = old_out->NextMarker;
    old_out = say(&w, "ListObjects", &old)->c.output;
    EXPECT_INT(old_out->Contents.n, 1);
    EXPECT_STR(old_out->Contents.v[0].Key, STR("z"));
    EXPECT(!old_out->IsTruncated.v && str_absent(old_out->NextMarker));
    world_close(&w);
}

TEST(list, versions_page_inside_a_key)
{
    struct s3_ListObjectVersionsRequest in = { .Bucket = STR("bucket"), .MaxKeys = INT_SET(2) };
    size_t versions = 0, markers = 0, latest = 0;
    struct world w;

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(version(&w, "bucket", "Enabled"));
    for (int i = 0; i < 5; i++) {
        (void)put(&w, "bucket", "a", STR("x"));
        (void)put(&w, "bucket", "b", STR("x"));
    }
    (void)say(&w, "DeleteObject",
              &(struct s3_DeleteObjectRequest){ .Bucket = STR("bucket"), .Key = STR("a") });
    for (int page = 0; page < 20; page++) {
        struct asked *a = say(&w, "ListObjectVersions", &in);
        const struct s3_ListObjectVersionsOutput *out = a->c.output;

        EXPECT_OK(a);
        for (size_t i = 0; i < out->Versions.n; i++)
            latest += out->Versions.v[i].IsLatest.v;
        for (size_t i = 0; i < out->DeleteMarkers.n; i++)
            latest += out->DeleteMarkers.v[i].IsLatest.v;
        versions += out->Versions.n;
        markers += out->DeleteMarkers.n;
        if (!out->IsTruncated.v)
            break;
        in.KeyMarker = out->NextKeyMarker;
        in.VersionIdMarker = out->NextVersionIdMarker;
    }
    EXPECT_INT(versions, 10);
    EXPECT_INT(markers, 1);
    EXPECT_INT(latest, 2);
    world_close(&w);
}

TEST(list, first_version_of_the_protocol)
{
    struct s3_ListObjectsRequest in = { .Bucket = STR("bucket"),
                                        .Delimiter = STR("/"),
                                        .MaxKeys = INT_SET(3) };
    const struct s3_ListObjectsOutput *out;
    struct world w;

    fill(&w);
    out = say(&w, "ListObjects", &in)->c.output;
    EXPECT_INT(out->Contents.n, 2);
    EXPECT_INT(out->CommonPrefixes.n, 1);
    EXPECT_STR(out->NextMarker, STR("a/"));
    EXPECT(out->Contents.v[0].Owner != NULL);
    in.Marker = out->NextMarker;
    out = say(&w, "ListObjects", &in)->c.output;
    EXPECT_STR(out->Contents.v[0].Key, STR("a0"));
    in.Delimiter = STR_NONE;
    out = say(&w, "ListObjects", &in)->c.output;
    EXPECT_STR(out->NextMarker, STR_NONE);
    EXPECT_STR(out->Contents.v[0].Key, STR("a/1"));
    world_close(&w);
}

TEST(list, arguments)
{
    struct s3_ListObjectsV2Request in = {
        .Bucket = STR("bucket"), .MaxKeys = INT_SET(0), .EncodingType = STR("url"), .Prefix = STR("z\xc3\xa9")
    };
    const struct s3_ListObjectsV2Output *out;
    struct world w;

    fill(&w);
    out = say(&w, "ListObjectsV2", &in)->c.output;
    EXPECT_INT(out->Contents.n, 0);
    EXPECT(!out->IsTruncated.v);
    in.MaxKeys.v = 5000;
    out = say(&w, "ListObjectsV2", &in)->c.output;
    EXPECT_INT(out->MaxKeys.v, 1000);
    EXPECT_STR(out->Contents.v[0].Key, STR("z%C3%A9"));
    EXPECT_STR(out->Contents.v[0].ETag, STR("\"9dd4e461268c8034f5c8564e155c67a6\""));
    EXPECT_STR(out->Contents.v[0].StorageClass, STR("STANDARD"));
    EXPECT_STR(out->Prefix, STR("z%C3%A9"));
    in.MaxKeys.v = -1;
    EXPECT_FAULT(say(&w, "ListObjectsV2", &in), "InvalidArgument");
    in.MaxKeys.v = 1;
    in.EncodingType = STR("base64");
    EXPECT_FAULT(say(&w, "ListObjectsV2", &in), "InvalidArgument");
    in.EncodingType = STR_NONE;
    in.ContinuationToken = STR("***");
    EXPECT_FAULT(say(&w, "ListObjectsV2", &in), "InvalidArgument");
    world_close(&w);
}

TEST(list, many_at_once_are_deleted)
{
    struct s3_ObjectIdentifier ids[] = { { .Key = STR("a") },
                                         { .Key = STR("b"), .VersionId = STR("bad") },
                                         { .Key = STR("not there") } };
    struct s3_Delete what = { .Objects = { true, 3, ids } };
    struct s3_DeleteObjectsRequest in = { .Bucket = STR("bucket"), .Delete = &what };
    const struct s3_DeleteObjectsOutput *out;
    struct world w;
    struct asked *a;

    fill(&w);
    a = say(&w, "DeleteObjects", &in);
    EXPECT_OK(a);
    out = a->c.output;
    EXPECT_INT(out->Deleted.n, 2);
    EXPECT_INT(out->Errors.n, 1);
    EXPECT_STR(out->Errors.v[0].Code, STR("InvalidArgument"));
    EXPECT_STR(out->Deleted.v[1].Key, STR("not there"));
    what.Quiet = BOOL_SET(true);
    EXPECT_INT(((const struct s3_DeleteObjectsOutput *)say(&w, "DeleteObjects", &in)->c.output)->Deleted.n,
               0);
    what.Objects.n = 0;
    EXPECT_FAULT(say(&w, "DeleteObjects", &in), "MalformedXML");
    in.Delete = NULL;
    EXPECT_FAULT(say(&w, "DeleteObjects", &in), "MalformedXML");
    world_close(&w);
}

UNIT_MAIN
