/* route_s3.h - S3's way of naming things: bucket and key in host and path, sub-resources in the query string.
 *
 *   path style       http://127.0.0.1:4566/BUCKET/KEY
 *   virtual host     http://BUCKET.localhost:4566/KEY, http://BUCKET.s3.eu-west-1.amazonaws.com/KEY
 *   the endpoint     addresses, one-label names, "localhost", "s3.<anything>": no bucket in the host
 *
 * A key keeps every byte of the path: it may begin and end with slashes and hold two in a row.  `PUT /b/`
 * speaks of the bucket b, `PUT /b/k/` of the key "k/".  Nothing is decoded here.
 *
 * Among the operations of one method and level (service, bucket, object) the one that wants most and gets all
 * of it is meant: the bare query keys of its uri (?uploads), and, where several share a uri, its required
 * parameters (uploadId, partNumber, x-amz-copy-source).  A sub-resource that the operation found does not
 * know makes the request MethodNotAllowed, as with AWS.  Source: Amazon S3 User Guide, "Virtual hosting of
 * buckets"; API reference. */
#ifndef WAYBILL_WIRE_ROUTE_S3_H
#define WAYBILL_WIRE_ROUTE_S3_H

#include "wire/shape.h"

enum s3_level { S3_SERVICE, S3_BUCKET, S3_OBJECT };

struct s3_name {
    enum s3_level level;
    struct str bucket; /* raw */
    struct str path;   /* path style, raw: what the uris of the model match */
};

/* The bucket a Host header names; absent when the host is the endpoint.  *ret_s3: a label says that S3 is
 * meant. */
struct str s3_bucket_of_host(struct str host, bool *ret_s3);
/* 0; -E_INVALID for a path without a leading slash or with a key and no bucket.  Allocates for virtual hosts
 * only. */
int s3_name_of(struct arena *a, struct str host, struct str path, struct s3_name *ret);

/* Made once, in `a`; the model is borrowed. */
struct s3_table;
struct s3_table *s3_table_new(struct arena *a, const struct service_model *m);
/* The operation, NULL when the method is not allowed here.  Cost: operations of the level x length of the
 * query. */
const struct op *s3_table_find(const struct s3_table *t, struct str method, enum s3_level level,
                               const struct request_parts *parts);

#endif
