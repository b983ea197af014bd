/* package_job.h - a deployment package on its way to the disk, and the call that waits for it.
 *
 * The package comes in the request or out of a bucket.  An object is read with the caller's rights
 * (s3:GetObject, for roles), in the turn of the request; it may be larger than a request.
 *
 * package_begin() checks the size, hands the bytes to the pool and returns -E_WAIT; `then` runs in a later
 * turn with the package stored, and what it returns ends the call.  The world may have changed meanwhile:
 * `then` checks again.  The job lies in the call's arena, which lives until the call is answered, client or
 * no client. */
#ifndef WAYBILL_SERVICE_LAMBDA_PACKAGE_JOB_H
#define WAYBILL_SERVICE_LAMBDA_PACKAGE_JOB_H

#include "service/lambda/ops.h"

struct package_job {
    uint32_t magic;
#define PACKAGE_JOB_MAGIC 0x9ac4a9e1u
    struct call *c;
    const struct lambda_packages *packages;
    struct str zip;
    char sha256_hex[65], sha256_base64[45];
    int64_t zipped_bytes, unzipped_bytes;
    int rc;
    int (*then)(struct call *c, const struct package_job *j);
};

struct code_source {
    struct str zip, bucket, key, object_version;
};
/* One source, and a whole one. */
int code_source_check(struct call *c, const struct code_source *s);
/* -E_WAIT, or -E_FAULT: too large, no such object, not the caller's to read. */
int package_begin(struct call *c, const struct code_source *s,
                  int (*then)(struct call *c, const struct package_job *j));
/* The package's members of a configuration; strings borrow from the job. */
void package_apply(const struct package_job *j, struct config *ret);
/* h NULL: nothing there yet.  400 when this much more code would pass AWS's limit of an account's code
 * storage. */
int code_storage_check(struct call *c, const struct home *h, int64_t more_bytes);

#endif
