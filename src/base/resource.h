/* resource.h - what a permission question is about.
 *
 * Who asks (a caller, a function's role) and for which action is said beside it: wire/call.h, flow/sink.h.
 * One struct, so that nobody can name a resource and forget whose it is or what it says itself. */
#ifndef WAYBILL_BASE_RESOURCE_H
#define WAYBILL_BASE_RESOURCE_H

#include "base/str.h"

struct policy; /* policy/policy.h */

struct resource {
    struct str arn;              /* "*" when the action has none */
    struct str owner;            /* its account */
    const struct policy *policy; /* its own, compiled; NULL: it has none */
};

#endif
