/* op_bucket.c - buckets are made, found, listed and deleted. */
#include <stdlib.h>
#include "service/s3/list.h"
#include "service/s3/write.h"

#define PAGE_MOST 10000

/* ---- CreateBucket ---- */

/* Where the bucket shall be.  Every region is served by this one endpoint. */
static int choose_region(struct call *c, const struct s3_CreateBucketConfiguration *k, struct str *ret)
{
    struct str wanted = k != NULL ? k->LocationConstraint : STR_NONE;
    bool home = str_is(c->region, "us-east-1");

    *ret = c->region;
    if (str_empty(wanted))
        return home ? 0
                    : S3_FAULT(c, IllegalLocationConstraintException,
                               "The unspecified location constraint is incompatible for the region specific "
                               "endpoint this request was sent to.");
    if (str_is(wanted, "EU"))
        wanted = STR("eu-west-1");
    if (str_is(wanted, "us-east-1") || wanted.n > 32 || str_find(wanted, '-') < 0) {
        (void)S3_FAULT(c, InvalidLocationConstraint, "The specified location-constraint is not valid");
        fault_element(c->mem, &c->fault, "LocationConstraint", wanted);
        return -E_FAULT;
    }
    if (!home && !str_eq(wanted, c->region))
        return S3_FAULT(c, IllegalLocationConstraintException,
                        "The " STR_FMT " location constraint is incompatible for the region specific "
                        "endpoint this request was sent to.",
                        STR_ARG(wanted));
    *ret = wanted;
    return 0;
}

static int check_create(struct call *c, const struct s3_CreateBucketRequest *in)
{
    const struct s3_CreateBucketConfiguration *k = in->CreateBucketConfiguration;

    if (!s3_bucket_name_ok(in->Bucket)) {
        (void)S3_FAULT(c, InvalidBucketName, "The specified bucket is not valid.");
        fault_element(c->mem, &c->fault, "BucketName", in->Bucket);
        return -E_FAULT;
    }
    if (in->ObjectLockEnabledForBucket.set && in->ObjectLockEnabledForBucket.v)
        return s3_refuse(c, "ObjectLockEnabledForBucket");
    if (!str_absent(in->ObjectOwnership) && !str_is(in->ObjectOwnership, "BucketOwnerEnforced"))
        return s3_refuse(c, "ObjectOwnership other than BucketOwnerEnforced");
    if (!str_absent(in->BucketNamespace) && !str_is(in->BucketNamespace, "global"))
        return s3_refuse(c, "BucketNamespace other than global");
    if (k != NULL && (k->Location != NULL || k->Bucket != NULL))
        return s3_refuse(c, "CreateBucketConfiguration.Location and Bucket (directory buckets)");
    if (!str_absent(in->GrantFullControl) || !str_absent(in->GrantRead) || !str_absent(in->GrantReadACP) ||
        !str_absent(in->GrantWrite) || !str_absent(in->GrantWriteACP) ||
        (!str_absent(in->ACL) && !str_is(in->ACL, "private")))
        return S3_FAULT(c, InvalidBucketAclWithObjectOwnership,
                        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
    return 0;
}

static int exists(struct call *c, const struct bucket *b, struct s3_CreateBucketOutput *out)
{
    CHECK_IS(b, BUCKET_MAGIC);
    if (!str_eq(b->account, c->account))
        (void)call_fault(c, &s3_error_BucketAlreadyExists,
                         "The requested bucket name is not available. The bucket namespace is shared by all "
                         "users of the system. Please select a different name and try again.");
    else if (!str_is(c->region, "us-east-1") || !str_is(b->region, "us-east-1"))
        (void)call_fault(
            c, &s3_error_BucketAlreadyOwnedByYou,
            "Your previous request to create the named bucket succeeded and you already own it.");
    else {
        out->Location = arena_printf(c->mem, "/" STR_FMT, STR_ARG(b->name));
        return 0;
    }
    fault_element(c->mem, &c->fault, "BucketName", b->name);
    return -E_FAULT;
}

int s3_create_bucket(struct call *c, const void *input, void *output)
{
    const struct s3_CreateBucketRequest *in = input;
    struct s3_CreateBucketOutput *out = output;
    struct s3 *s = s3_of(c);
    struct bucket *b = s3_bucket_find(s, in->Bucket);
    struct str region, tags = STR_NONE;
    int r;

    if (call_may_own(c, "s3:CreateBucket",
                     arena_printf(c->mem, "arn:aws:s3:::" STR_FMT, STR_ARG(in->Bucket))) != 0 ||
        check_create(c, in) != 0 || choose_region(c, in->CreateBucketConfiguration, &region) != 0)
        return -E_FAULT;
    if (b != NULL)
        return exists(c, b, out);
    if (in->CreateBucketConfiguration != NULL &&
        s3_tags_json(c, &in->CreateBucketConfiguration->Tags, S3_TAGS_MOST, &tags) != 0)
        return -E_FAULT;
    if (s->buckets.n >= S3_BUCKETS_MOST)
        return S3_FAULT(c, TooManyBuckets, "You have attempted to create more buckets than allowed");
    b = s3_bucket_new(store_next_id(c->turn->store), in->Bucket, c->account, region);
    b->created_ms = c->now.wall_ms;
    s3_bucket_tags(b, tags);
    r = rows_bucket_add(c->turn->store, b);
    if (r < 0) {
        s3_bucket_free(b);
        return r;
    }
    CHECK(map_put(&s->buckets, b->name, b) == NULL);
    out->Location = str_is(region, "us-east-1") ? arena_printf(c->mem, "/" STR_FMT, STR_ARG(b->name))
                                                : arena_printf(c->mem, "http://" STR_FMT "/" STR_FMT "/",
                                                               STR_ARG(call_host(c)), STR_ARG(b->name));
    out->BucketArn = b->arn;
    return 0;
}

/* ---- HeadBucket, GetBucketLocation ---- */

int s3_head_bucket(struct call *c, const void *input, void *output)
{
    const struct s3_HeadBucketRequest *in = input;
    struct s3_HeadBucketOutput *out = output;
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:ListBucket", STR_NONE, &b) != 0)
        return -E_FAULT;
    out->BucketRegion = b->region;
    out->BucketArn = b->arn;
    out->AccessPointAlias = BOOL_SET(false);
    return 0;
}

int s3_get_bucket_location(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketLocationRequest *in = input;
    struct s3_GetBucketLocationOutput *out = output;
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketLocation", STR_NONE, &b) != 0)
        return -E_FAULT;
    out->LocationConstraint = str_is(b->region, "us-east-1") ? STR_NONE : b->region;
    return 0;
}

/* ---- ListBuckets ---- */

static int by_name(const void *a, const void *b)
{
    return str_cmp((*(const struct bucket *const *)a)->name, (*(const struct bucket *const *)b)->name);
}

static size_t sorted_buckets(struct call *c, const struct s3_ListBucketsRequest *in, struct str after,
                             struct bucket ***ret)
{
    struct s3 *s = s3_of(c);
    struct bucket **v = arena_calloc(c->mem, s->buckets.n + 1, sizeof(struct bucket *));
    size_t n = 0, at = 0;
    struct str key;
    void *value;

    while (map_next(&s->buckets, &at, &key, &value)) {
        struct bucket *b = CAST(struct bucket, BUCKET_MAGIC, value);

        if (str_eq(b->account, c->account) && str_starts(key, in->Prefix) &&
            (str_absent(after) || str_cmp(key, after) > 0) &&
            (str_empty(in->BucketRegion) || str_eq(in->BucketRegion, b->region)))
            v[n++] = b;
    }
    qsort(v, n, sizeof(struct bucket *), by_name);
    CHECK(n <= s->buckets.n);
    *ret = v;
    return n;
}

int s3_list_buckets(struct call *c, const void *input, void *output)
{
    const struct s3_ListBucketsRequest *in = input;
    struct s3_ListBucketsOutput *out = output;
    struct str after = STR_NONE;
    struct bucket **v;
    size_t n, most = in->MaxBuckets.set ? (size_t)MAX(in->MaxBuckets.v, 0) : PAGE_MOST;

    if (call_may_own(c, "s3:ListAllMyBuckets", STR("*")) != 0)
        return -E_FAULT;
    if (most < 1 || most > PAGE_MOST)
        return s3_argument(c, "max-buckets", STR_NONE,
                           "Argument max-buckets must be an integer between 1 and 10000");
    if (!str_empty(in->ContinuationToken) && base64_decode(c->mem, in->ContinuationToken, &after) != 0)
        return s3_argument(c, "continuation-token", in->ContinuationToken,
                           "The continuation token provided is incorrect");
    n = sorted_buckets(c, in, after, &v);
    out->Buckets =
        (struct s3_Buckets){ .set = true, .v = arena_calloc(c->mem, n + 1, sizeof(*out->Buckets.v)) };
    for (; out->Buckets.n < MIN(n, most); out->Buckets.n++) {
        const struct bucket *b = v[out->Buckets.n];

        out->Buckets.v[out->Buckets.n] =
            (struct s3_Bucket){ .Name = b->name, .CreationDate = TIME_SET(b->created_ms) };
        if (in->MaxBuckets.set || !str_absent(in->BucketRegion)) {
            out->Buckets.v[out->Buckets.n].BucketRegion = b->region;
            out->Buckets.v[out->Buckets.n].BucketArn = b->arn;
        }
    }
    out->Owner = s3_owner(c->mem, c->account);
    out->Prefix = str_empty(in->Prefix) ? STR_NONE : in->Prefix;
    out->ContinuationToken = n > most ? base64_str(c->mem, v[most - 1]->name) : STR_NONE;
    return 0;
}

/* ---- DeleteBucket ---- */

/* Uploads under way do not keep a bucket: they go with it. */
static void abort_all(struct call *c, const struct bucket *b)
{
    struct listing l;

    do {
        l = (struct listing){ .bucket_id = b->id, .uploads = true, .most = 1000 };
        list_walk(c->turn->store, c->mem, &l);
        for (size_t i = 0; i < l.n_objects; i++)
            s3_upload_abort(s3_of(c), c->turn, c->mem, &l.in_progress[i]);
    } while (l.truncated);
}

int s3_delete_bucket(struct call *c, const void *input, void *output)
{
    const struct s3_DeleteBucketRequest *in = input;
    struct bucket *b;

    (void)output;
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:DeleteBucket", STR_NONE, &b) != 0)
        return -E_FAULT;
    if (rows_bucket_holds_any(c->turn->store, b->id)) {
        (void)S3_FAULT(
            c, BucketNotEmpty,
            b->versioning == VERSIONING_NEVER
                ? "The bucket you tried to delete is not empty"
                : "The bucket you tried to delete is not empty. You must delete all versions in the bucket.");
        fault_element(c->mem, &c->fault, "BucketName", b->name);
        return -E_FAULT;
    }
    abort_all(c, b);
    rows_bucket_drop(c->turn->store, b->id);
    CHECK(map_del(&s3_of(c)->buckets, b->name) == b);
    s3_bucket_free(b);
    return 0;
}
