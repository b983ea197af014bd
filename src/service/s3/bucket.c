/* bucket.c - a bucket in memory, and who may enter it.
 * True here: a bucket's strings are its own; its policy text was compiled when it was put; it is in
 * s3.buckets under its name. */
#include <stdlib.h>
#include "service/s3/notify.h"

static struct str put(char **at, struct str s)
{
    struct str out = str_make(*at, s.n);

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

struct bucket *s3_bucket_new(uint64_t id, struct str name, struct str account, struct str region)
{
    static const struct str head = STR("arn:aws:s3:::");
    struct bucket *b = xcalloc(1, sizeof(*b));
    size_t bytes = 2 * name.n + account.n + region.n + head.n;
    char *at = xmalloc(bytes + 1);

    CHECK(!str_empty(name) && !str_empty(account));
    b->magic = BUCKET_MAGIC;
    b->id = id;
    b->name = put(&at, name);
    b->account = put(&at, account);
    b->region = put(&at, region);
    b->arn = put(&at, head);
    b->arn.n += put(&at, name).n;
    CHECK((size_t)(at - b->name.p) == bytes); /* all of it lies in the one block */
    return b;
}

struct bucket *s3_bucket_free(struct bucket *b)
{
    if (b == NULL)
        return NULL;
    CHECK_IS(b, BUCKET_MAGIC);
    policy_free(b->policy);
    notification_free(b->notification);
    str_drop(&b->policy_text);
    str_drop(&b->tags);
    str_drop(&b->notification_text);
    str_drop(&b->name);
    b->magic = 0;
    free(b);
    return NULL;
}

struct bucket *s3_bucket_find(const struct s3 *s, struct str name)
{
    struct bucket *b;

    CHECK_IS(s, S3_MAGIC);
    b = map_get(&s->buckets, name);
    CHECK(b == NULL || (b->magic == BUCKET_MAGIC && str_eq(b->name, name)));
    return b;
}

void s3_bucket_policy(struct bucket *b, struct str text)
{
    struct str own = str_own(text);

    CHECK_IS(b, BUCKET_MAGIC);
    b->policy = policy_free(b->policy);
    str_drop(&b->policy_text);
    b->policy_text = own;
    if (!str_absent(own))
        (void)policy_parse(POLICY_RESOURCE, own, &b->policy, NULL);
}

void s3_bucket_tags(struct bucket *b, struct str json)
{
    struct str own = str_own(json);

    CHECK_IS(b, BUCKET_MAGIC);
    str_drop(&b->tags);
    b->tags = own;
}

int s3_may(struct call *c, const struct bucket *b, const char *action, struct str key)
{
    struct str resource =
        str_absent(key) ? b->arn : arena_printf(c->mem, STR_FMT "/" STR_FMT, STR_ARG(b->arn), STR_ARG(key));

    CHECK_IS(b, BUCKET_MAGIC);
    CHECK(strncmp(action, "s3:", 3) == 0);
    if (call_may(c, action, &(struct resource){ resource, b->account, b->policy }) == 0)
        return 0;
    if (!str_eq(c->account, b->account)) /* no reasons for strangers */
        return call_fault(c, &s3_error_AccessDenied, "Access Denied");
    return -E_FAULT;
}

int s3_enter(struct call *c, struct str name, struct str expected_owner, const char *action, struct str key,
             struct bucket **ret)
{
    struct bucket *b = s3_bucket_find(s3_of(c), name);

    if (b == NULL) {
        (void)call_fault(c, &s3_error_NoSuchBucket, "The specified bucket does not exist");
        fault_element(c->mem, &c->fault, "BucketName", name);
        return -E_FAULT;
    }
    if (!str_empty(expected_owner) && !str_eq(expected_owner, b->account))
        return call_fault(c, &s3_error_AccessDenied, "Access Denied");
    *ret = b;
    return s3_may(c, b, action, key);
}
