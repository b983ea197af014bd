/* refusal.h - a request that is not believed, told in the words of its protocol and service.
 *
 *   rest-json     x-amzn-ErrorType and {"message":".."}, 403
 *   json, cbor    __type and message, 400
 *   query         <Code>SignatureDoesNotMatch</Code>, without the "Exception"; 403, an incomplete signature
 * 400 S3            codes, words and members of its own: SignatureDoesNotMatch tells what was signed here
 *
 * Sources: Amazon S3 API reference, "Error responses"; the services' common errors; sentences as AWS's front
 * and its users' issue threads show them.  The statuses of the JSON protocols are DynamoDB's; that all share
 * them is UNVERIFIED. */
#ifndef WAYBILL_WIRE_REFUSAL_H
#define WAYBILL_WIRE_REFUSAL_H

#include "wire/fault.h"
#include "wire/sigv4.h"

struct refusal {
    enum sigv4_verdict verdict; /* not SIGV4_OK */
    const struct sigv4 *signature;
    int64_t now_ms;                /* real time, as the check had it */
    struct str canonical, to_sign; /* SIGV4_DIFFERS: what was compared */
    struct str body_hash;          /* SIGV4_PAYLOAD_DIFFERS */
};

/* -E_FAULT. */
int refusal_fault(struct arena *a, const struct service_model *service, enum protocol protocol,
                  const struct refusal *r, struct fault *ret);

#endif
