/* s3.h - S3: the part the event world needs: buckets, objects, versions, multipart uploads, notifications.
 *
 * Rows and limits: service/s3/internal.h and store/schema/m0002-s3.sql.  Small objects live in their rows,
 * larger ones in files under o.dir, which are whole and flushed before a row names them (service/s3/file.h).
 * Source of the rules: S3 API reference and user guide, AWS's recorded behaviour. */
#ifndef WAYBILL_SERVICE_S3_H
#define WAYBILL_SERVICE_S3_H

#include "flow/sink.h"
#include "wire/call.h"

struct s3;
struct s3_options {
    const struct sinks *sinks; /* notifications */
    const char *dir;           /* <data>/objects: made by the caller; borrowed */
};

struct s3 *s3_new(const struct s3_options *o);
struct s3 *s3_free(struct s3 *s);
void s3_load(struct s3 *s, struct turn *t);  /* memory from the store; also after a turn that failed */
void s3_reset(struct s3 *s, struct turn *t); /* the store was emptied */
struct service s3_service(struct s3 *s);
/* Delivers by writing an object `aws/lambda/async/<function_name>/...`; *why is its key.  A body over 32 KiB
 * is written and flushed in the caller's turn. */
struct sink s3_sink(struct s3 *s);
void s3_destination_key(struct buf *b, struct str function, int64_t now_ms,
                        const char *uuid); /* that key, appended */

/* An object's bytes, for a function's code, at most S3_CODE_BYTES_MOST.  Only reads; blocks for a large one.
 * 0 and *ret (in a); -E_NOT_FOUND and in *why the sentence Lambda answers with ("Error occurred while
 * GetObject. S3 Error Code: NoSuchKey. S3 Error Message: ...").  Whether the caller may is asked before. */
int s3_read(struct s3 *s, struct store *store, struct arena *a, struct str bucket, struct str key,
            struct str version, struct str *ret, struct buf *why);

#endif
