/* route.h - which service, which operation, who asks.
 * Order (first match wins): rpc-v2-cbor path; X-Amz-Target; S3 where the signature's scope or the host says
 * so; the paths of the rest services; query (Action= in a form body or the URL) by signature scope, then by
 * Version and Action, then by an Action only one service has; else S3 (route_s3.h), which is refused by name
 * where it is not served. Cost: a hash or a walk down a path; an S3 request is compared with the operations
 * of its level. */
#ifndef WAYBILL_WIRE_ROUTE_H
#define WAYBILL_WIRE_ROUTE_H

#include "wire/call.h"
#include "wire/shape.h"

struct router;

/* services: every served service (borrowed, static).  A model without a handler for an op answers
 * error_not_implemented naming it. */
struct router *router_new(const struct service *const *services, size_t n);
struct router *router_free(struct router *r);

struct route {
    const struct service_model *service;
    const struct op *op;
    const struct handler *handler; /* NULL: known, not implemented */
    enum protocol protocol;
    void *state;        /* of the service */
    bool checks_itself; /* of the service: shape_validate() is not for it */
    struct str path;    /* S3: decode with this as parts.path; else absent */
};

/* Finds the operation.  0, or -E_FAULT with the fault and the protocol to answer in. */
int router_find(const struct router *r, struct arena *a, const char *method,
                const struct request_parts *parts, struct route *ret, struct fault *ret_fault);

/* Every operation of every service, in the models' order: what doc/COMPATIBILITY.md is made of.
 * for (size_t at = 0; router_next(r, &at, &route);)  handler NULL: not implemented; protocol: the service's
 * first. */
bool router_next(const struct router *r, size_t *at, struct route *ret);

/* Authorization header or presigned query -> access key, region, scope.  Absent parts when unsigned. */
struct signature_scope {
    struct str access_key, date, region, scope, token;
};
struct signature_scope signature_scope(struct arena *a, const struct request_parts *parts);

#endif
