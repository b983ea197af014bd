/* fuzz_s3.c - what S3 reads from headers and from its own rows: ranges, copy sources, tags, ids, pieces,
 * metadata. */
#include "service/s3/notify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The engine's; nothing here waits for an answer. */
void call_reply(struct call *c, int result)
{
    (void)c;
    (void)result;
}

static void headers(struct arena *a, struct str s)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct conditions k = { .if_match = s, .if_none_match = s };
    struct copy_source source;
    struct s3_pair *pairs;
    struct str common, behind;
    int64_t from = 0, to = 0;
    uint64_t id;
    size_t n;

    if (s3_range(s, 1000, &from, &to) == RANGE_OK)
        CHECK(0 <= from && from < to && to <= 1000);
    (void)s3_bucket_name_ok(s);
    if (s3_id_read(s, &id) == 0)
        CHECK(s.n == 32);
    (void)s3_conditions(&k, STR("0123456789abcdef0123456789abcdef"), 0);
    if (s3_copy_source(a, s, &source) == 0)
        CHECK(source.bucket.n > 0 && source.key.n > 0 && str_find(source.bucket, '/') < 0);
    (void)s3_tagging_header(a, s, &pairs, &n);
    s3_url_encode(&b, s, "+");
    CHECK(b.n >= s.n && (b.n == 0 || str_find(buf_view(&b), ' ') < 0));
    common = s3_common_prefix(s, STR(""), STR("/"));
    CHECK(str_absent(common) || str_starts(s, common));
    behind = s3_behind_prefix(a, s);
    CHECK(str_absent(behind) || str_cmp(s, behind) < 0);
}

static void rows(struct arena *a, struct str s)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct notification *n = notification_read(s);
    struct s3_TagSet tags;
    struct piece *v;
    struct meta m;
    size_t pieces;

    if (n != NULL) {
        notification_text(&b, n);
        for (size_t i = 0; i < n->n; i++)
            (void)rule_matches(&n->v[i], "ObjectCreated:Put", s);
        notification_free(n);
    }
    meta_read(a, s, &m);
    s3_tags_read(a, s, &tags);
    if (s3_pieces_read(a, s, &v, &pieces) == 0 && pieces > 0) {
        buf_clear(&b);
        s3_pieces_text(&b, v, pieces);
        for (size_t i = 0; i < pieces; i++)
            CHECK(v[i].bytes >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct str s = arena_str(a, str_make((const char *)data, size));

    headers(a, s);
    rows(a, s);
    return 0;
}
