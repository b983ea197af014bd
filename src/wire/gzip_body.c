/* gzip_body.c - which bodies are compressed. */
#include "base/gzip.h"
#include "wire/codec.h"
#include "wire/gzip_body.h"
#include "wire/route.h"

/* Is the whole request the body?  Then the protocol it speaks. */
static bool whole_request(struct arena *a, const struct request_parts *parts, enum protocol *ret)
{
    if (str_is(part_header(parts, "smithy-protocol"), "rpc-v2-cbor"))
        *ret = PROTO_CBOR;
    else if (!str_empty(part_header(parts, "X-Amz-Target")))
        *ret = PROTO_JSON;
    else if (str_starts_nocase(parts->content_type, STR("application/x-www-form-urlencoded")))
        *ret = PROTO_QUERY;
    else
        return false;
    return *ret != PROTO_QUERY || !str_is(signature_scope(a, parts).scope, "s3");
}

int gzip_body_open(struct arena *a, struct request_parts *parts, enum protocol *ret_protocol,
                   struct fault *ret_fault)
{
    int e;

    if (!str_eq_nocase(part_header(parts, "Content-Encoding"), STR("gzip")) ||
        !whole_request(a, parts, ret_protocol))
        return 0;
    e = gunzip(a, parts->body, GZIP_BODY_MAX_BYTES, &parts->body);
    if (e == -E_LIMIT)
        return fault_set(a, ret_fault, &error_request_entity_too_large,
                         "The body must be smaller than %zu bytes once it is unpacked", GZIP_BODY_MAX_BYTES);
    if (e != 0)
        return fault_set(a, ret_fault, &error_serialization, "The body is not valid gzip");
    return 0;
}
