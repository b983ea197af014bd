/* package_job.c - hashing and unpacking block, so they run on the pool; the answer comes in a later turn. */
#include "service/lambda/package_job.h"

#define ZIPPED_MAX_BYTES 52428800

static void store_package(void *arg)
{
    struct package_job *j = arg;

    j->rc = j->packages->store(j->packages->code_dir, j->zip, j->sha256_hex, j->sha256_base64, &j->zipped_bytes, &j->unzipped_bytes);
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
    struct package_job *j = arg;
    struct call *c = j->c;

    c->turn = t;
    c->now = t->now;
    call_reply(c, j->rc != 0 ? said_no(c, j->rc) : j->then(c, j));
}

int package_begin(struct call *c, struct str zip, int (*then)(struct call *c, const struct package_job *j))
{
    struct package_job *j = ARENA_NEW(c->mem, struct package_job);

    if (zip.n >= ZIPPED_MAX_BYTES)
        return call_fault(c, &error_request_entity_too_large, "Zipped size must be smaller than %d bytes", ZIPPED_MAX_BYTES);
    *j = (struct package_job){ .c = c, .packages = &lambda_of(c)->o.packages, .zip = zip, .then = then };
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

int code_source_check(struct call *c, struct str zip, struct str bucket, struct str key, struct str object_version, const char *name)
{
    bool s3 = !str_absent(bucket) || !str_absent(key) || !str_absent(object_version);

    if (!str_absent(zip) && s3)
        return INVALID(c, "Please do not provide other FunctionCode parameters when providing a ZipFile.");
    if (s3)
        return INVALID(c, "Waybill does not support the parameter %s yet: code from Amazon S3 comes with the next version."
            " Send the package as ZipFile.", name);
    if (str_absent(zip))
        return INVALID(c, "Please provide a source for function code.");
    return 0;
}
