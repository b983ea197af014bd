/* fault.h - what a user is told when the answer is no: a row of the model and a message.
 * Made in service/ (and by wire's own checks); encoded by wire in the protocol of the request. */
#ifndef WAYBILL_WIRE_FAULT_H
#define WAYBILL_WIRE_FAULT_H

#include "base/buf.h"
#include "wire/model.h"

struct fault {
    const struct error_row *row; /* NULL: no fault */
    struct str message;          /* in the call's arena */
    /* Extra members of the error body, as JSON text ready to paste: `"Reason":"..."`; they stand first
     * (TooManyRequestsException).  Absent: none. */
    struct str extra_json;
    /* The same for rest-xml: elements between <Message> and <RequestId>, `<BucketName>b</BucketName>`;
     * fault_element() adds them.  Other protocols leave them out.  Absent: none. */
    struct str extra_xml;
    bool bare;      /* rest-json: body without "Type":"User" */
    bool null_type; /* rest-json: "Type":null */
};

/* A fault and nothing else in *f, its message in `a`; -E_FAULT, so that one can return it. */
int fault_set(struct arena *a, struct fault *f, const struct error_row *row, const char *fmt, ...)
    PRINTF(4, 5);

/* Adds <name>value</name> to extra_xml, escaped; name is a literal.  Copies everything into `a`: O(what
 * stands there). */
void fault_element(struct arena *a, struct fault *f, const char *name, struct str value);

/* Errors every service can answer, whatever its model says. */
extern const struct error_row error_validation;    /* ValidationException 400 (query: ValidationError) */
extern const struct error_row error_serialization; /* SerializationException 400 */
extern const struct error_row
    error_unknown_operation; /* UnknownOperationException 400 (query: InvalidAction) */
extern const struct error_row error_not_implemented;   /* NotImplementedException 501 */
extern const struct error_row error_access_denied;     /* AccessDeniedException 403 (query: AccessDenied) */
extern const struct error_row error_internal;          /* InternalFailure 500 */
extern const struct error_row error_unavailable;       /* ServiceUnavailable 503 */
extern const struct error_row error_missing_parameter; /* query: MissingParameter 400 */
extern const struct error_row error_request_entity_too_large; /* RequestEntityTooLargeException 413, bare */
extern const struct error_row error_scope; /* InvalidSignatureException, query: SignatureDoesNotMatch 403 */
/* What a signature is refused with (wire/refusal.h): the JSON protocols and CBOR answer 400 whatever stands
 * here. */
extern const struct error_row error_missing_token;        /* MissingAuthenticationTokenException 403 */
extern const struct error_row error_incomplete_signature; /* IncompleteSignatureException 400 */
extern const struct error_row
    error_unknown_key; /* UnrecognizedClientException, query: InvalidClientTokenId 403 */
extern const struct error_row
    error_signature; /* InvalidSignatureException, query: SignatureDoesNotMatch 403 */
extern const struct error_row error_expired_token; /* ExpiredTokenException 403 */
extern const struct error_row error_scope_s3;      /* AuthorizationHeaderMalformed 400 */

#endif
