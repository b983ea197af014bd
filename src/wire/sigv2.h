/* sigv2.h - S3's presigned addresses of the old kind (Signature Version 2).
 *
 * boto3 still makes them where nobody says otherwise (generate_presigned_url in most regions, us-east-1 among
 * them).  Only the query form is read; a header of version 2 is refused.  HMAC-SHA1 over method, Content-MD5,
 * Content-Type, expiry, x-amz-* headers and the resource with its parameters; what chooses a page of a list
 * and the body are not signed, as at AWS.  AWS leaves any parameter unsigned that is not in its list of
 * sub-resources; the younger ones (attributes, encryption,
 * ...) are not in it, and would turn an address for one operation into one for another: here they must have
 * been signed. Pure.  Source: Amazon S3 developer guide (2006-03-01), "Signing and authenticating REST
 * requests"; botocore. */
#ifndef WAYBILL_WIRE_SIGV2_H
#define WAYBILL_WIRE_SIGV2_H

#include "wire/sigv4.h"

/* Fills key, signature, token, time_ms and expires_s (the end, in epoch seconds; time_ms is 0) of *ret;
 * region and service are not said in such an address.  SIGV4_OK; SIGV4_PARTS_MISSING; SIGV4_BAD_PART: given
 * twice; SIGV4_BAD_EXPIRES. */
enum sigv4_verdict sigv2_read(struct arena *a, const struct sigv4_request *q, struct sigv4 *ret);
/* Appends.  expires: as it stands in the query. */
void sigv2_to_sign(struct arena *a, const struct sigv4_request *q, struct buf *ret);
bool sigv2_signed_by(struct str secret, struct str to_sign, struct str signature);

#endif
