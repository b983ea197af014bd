/* s3.h - S3: the part the event world needs: buckets, objects, notifications. */
#ifndef WAYBILL_SERVICE_S3_H
#define WAYBILL_SERVICE_S3_H

#include "flow/sink.h"
#include "wire/call.h"

struct s3;
struct s3_options {
    const struct sinks *sinks;                               /* notifications */
    const char *dir;                                         /* <data>/objects: made by the caller; borrowed */
};

struct s3 *s3_new(const struct s3_options *o);
struct s3 *s3_free(struct s3 *s);
void s3_load(struct s3 *s, struct turn *t);                      /* memory from the store; also after a turn that failed */
void s3_reset(struct s3 *s, struct turn *t);                     /* the store was emptied */
struct service s3_service(struct s3 *s);
struct sink s3_sink(struct s3 *s);

/* An object's bytes, for a function's code.  0 and *ret (in a); -E_NOT_FOUND and S3's own sentence in *why. */
int  s3_read(struct s3 *s, struct store *store, struct arena *a, struct str account, struct str region, struct str bucket,
             struct str key, struct str version, struct str *ret, struct buf *why);

#endif
