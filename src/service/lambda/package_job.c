/* package_job.c - hashing and unpacking block, so they run on the pool; the answer comes in a later turn. */
#include "service/lambda/package_job.h"

#define ZIPPED_MAX_BYTES 52428800

static void store_package(void *arg)
{
    struct package_job *j = CAST(struct package_job, PACKAGE_JOB_MAGIC, arg);

    j->rc = j->packages->store(j->packages->code_dir, j->zip, j->sha256_hex, j->sha256_base64,
                               &j->zipped_bytes, &j->unzipped_bytes);
}

static int said_no(struct call *c, int rc)
{
    if (rc == -E_INVALID)
        return INVALID(c, "Could not unzip uploaded file. Please check your file, then try to upload again.");
    if (rc == -E_LIMIT)
        return INVALID(c, "Unzipped size must be smaller than 262144000 bytes");
    return rc;
}

static void package_stored(void *arg, struct turn *t)
{
    struct package_job *j = CAST(struct package_job, PACKAGE_JOB_MAGIC, arg);
    struct call *c = j->c;

    CHECK_IS(c, CALL_MAGIC);
    CHECK(j->rc <= 0 && !c->answered);
    c->turn = t;
    c->now = t->now;
    call_reply(c, j->rc != 0 ? said_no(c, j->rc) : j->then(c, j));
}

/* ---- from a bucket ---- */

static int may_read(struct call *c, const struct code_source *s)
{
    struct str bucket = arena_printf(c->mem, "arn:aws:s3:::" STR_FMT, STR_ARG(s->bucket));
    struct resource what = door_find(lambda_of(c)->o.sinks, c->turn, bucket).what;
    int rc;

    what.arn = arena_printf(c->mem, STR_FMT "/" STR_FMT, STR_ARG(bucket), STR_ARG(s->key));
    if (str_empty(what.owner)) /* no such bucket: whoever reads it will say so */
        what.owner = c->account;
    rc = call_may(c, str_empty(s->object_version) ? "s3:GetObject" : "s3:GetObjectVersion", &what);
    if (rc != -E_FAULT)
        return rc;
    return call_fault(c, &error_access_denied,
                      "Your access has been denied by S3, please make sure your request credentials have"
                      " permission to GetObject for " STR_FMT "/" STR_FMT
                      ". S3 Error Code: AccessDenied. S3 Error Message: Access Denied",
                      STR_ARG(s->bucket), STR_ARG(s->key));
}

static int read_object(struct call *c, const struct code_source *s, struct str *ret)
{
    const struct lambda_packages *p = &lambda_of(c)->o.packages;
    struct buf why CLEANUP(buf_done) = { 0 };
    int rc = may_read(c, s);

    if (rc != 0)
        return rc;
    if (p->read_object == NULL)
        return fault_unsupported(c, "S3Bucket");
    rc = p->read_object(p->read_arg, c->turn->store, c->mem, s->bucket, s->key, s->object_version, ret, &why);
    return rc != 0 ? INVALID(c, STR_FMT, STR_ARG(buf_view(&why))) : 0;
}

int package_begin(struct call *c, const struct code_source *s,
                  int (*then)(struct call *c, const struct package_job *j))
{
    struct package_job *j = ARENA_NEW(c->mem, struct package_job);
    struct str zip = s->zip;

    if (str_absent(zip)) {
        int rc = read_object(c, s, &zip);

        if (rc != 0)
            return rc;
    } else if (zip.n >= ZIPPED_MAX_BYTES)
        return call_fault(c, &error_request_entity_too_large, "Zipped size must be smaller than %d bytes",
                          ZIPPED_MAX_BYTES);
    CHECK_IS(c->turn, TURN_MAGIC);
    CHECK(then != NULL);
    *j = (struct package_job){
        .magic = PACKAGE_JOB_MAGIC, .c = c, .packages = &lambda_of(c)->o.packages, .zip = zip, .then = then
    };
    c->turn->ops->work(c->turn->engine, store_package, package_stored, j);
    return -E_WAIT;
}

void package_apply(const struct package_job *j, struct config *ret)
{
    ret->code_sha256 = str_of(j->sha256_base64);
    ret->package_sha256_hex = str_of(j->sha256_hex);
    ret->code_bytes = j->zipped_bytes;
}

int code_storage_check(struct call *c, const struct home *h, int64_t more_bytes)
{
    if (h != NULL && h->code_bytes + more_bytes > TOTAL_CODE_BYTES)
        return FAULT(c, CodeStorageExceededException, "Code storage limit exceeded.");
    return 0;
}

int code_source_check(struct call *c, const struct code_source *s)
{
    bool s3 = !str_absent(s->bucket) || !str_absent(s->key) || !str_absent(s->object_version);

    if (!str_absent(s->zip) && s3)
        return INVALID(c, "Please do not provide other FunctionCode parameters when providing a ZipFile.");
    if (str_absent(s->zip) && !s3)
        return INVALID(c, "Please provide a source for function code.");
    if (s3 && (str_empty(s->bucket) || str_empty(s->key))) /* UNVERIFIED wording */
        return INVALID(c, "Please provide both S3Bucket and S3Key for function code in Amazon S3.");
    return 0;
}
