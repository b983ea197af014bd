/* gzip_body.h - bodies a client compressed on its own account (Content-Encoding: gzip).
 *
 * The SDKs do so with the operations whose model allows it (PutMetricData from 10 KiB on), in every protocol
 * whose whole request is the body: query, JSON and rpc-v2-cbor.  It must be undone before routing, as the
 * query protocol names its operation in the body.  A body that is somebody's data (rest protocols, S3) stays
 * as it came: there the coding is the data's own. */
#ifndef WAYBILL_WIRE_GZIP_BODY_H
#define WAYBILL_WIRE_GZIP_BODY_H

#include "wire/shape.h"

#define GZIP_BODY_MAX_BYTES ((size_t)4 << 20) /* PutMetricData takes 1 MB */

/* Replaces parts->body (in `a`) where it is compressed.  0; -E_FAULT: no gzip, cut short, or above the limit;
 * then *ret_protocol is the one to answer in.  Cost: one pass, up to twice the limit in memory. */
int gzip_body_open(struct arena *a, struct request_parts *parts, enum protocol *ret_protocol,
                   struct fault *ret_fault);

#endif
