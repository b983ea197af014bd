/* check.c - do memory and store agree?  Asked by tests between two turns; never by the server. */
#include "service/s3/notify.h"
#include "service/s3/rows.h"

struct comparing {
    uint32_t magic;
#define COMPARING_MAGIC 0x53c04ca7u
    const struct s3 *s;
    size_t n;
};

static bool same(struct str a, struct str b) { return str_eq(a, b) && str_absent(a) == str_absent(b); }

static void compare(void *arg, const struct bucket *row)
{
    struct comparing *k = CAST(struct comparing, COMPARING_MAGIC, arg);
    const struct bucket *b = s3_bucket_find(k->s, row->name);

    CHECK(b != NULL && b->id == row->id && b->versioning == row->versioning);
    CHECK(same(b->account, row->account) && same(b->region, row->region) && b->created_ms == row->created_ms);
    CHECK(same(b->policy_text, row->policy_text) && same(b->tags, row->tags));
    CHECK(same(b->notification_text, row->notification_text));
    k->n++;
}

static void check_bucket(struct str name, const struct bucket *b)
{
    CHECK_IS(b, BUCKET_MAGIC);
    CHECK(str_eq(name, b->name) && str_starts(b->arn, STR("arn:aws:s3:::")));
    CHECK(b->policy == NULL || !str_absent(b->policy_text));
    CHECK((b->notification != NULL) == !str_absent(b->notification_text));
}

void s3_check(const struct s3 *s, struct store *store)
{
    struct comparing k = { .magic = COMPARING_MAGIC, .s = s };
    struct s3_counts n = rows_counts(store);
    struct str key;
    void *value;

    CHECK_IS(s, S3_MAGIC);
    CHECK(s->objects == n.objects && s->uploads == n.uploads && s->parts == n.parts);
    for (size_t at = 0; map_next(&s->buckets, &at, &key, &value);)
        check_bucket(key, CAST(struct bucket, BUCKET_MAGIC, value));
    rows_buckets(store, compare, &k);
    CHECK(k.n == s->buckets.n);
    CHECK(s->fresh.n == 0 && s->doomed.n == 0 && !s->after_wanted); /* the commit has decided */
    CHECK(s->open_files <= s->open_most);
}
