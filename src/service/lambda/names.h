/* names.h - which function a caller means: FunctionName in its four forms, the qualifier, and the ARN to
 * check.
 *
 * FunctionName is a name, name:qualifier, account:function:name[:qualifier] or a full ARN (AWS Lambda API
 * reference, "FunctionName").  The model's pattern was checked before; what is parsed here follows that
 * pattern: region, account and "function" may each be missing. */
#ifndef WAYBILL_SERVICE_LAMBDA_NAMES_H
#define WAYBILL_SERVICE_LAMBDA_NAMES_H

#include "base/arn.h"
#include "service/lambda/registry.h"

struct function_ref {
    struct str region, account, name, qualifier; /* absent where the text does not say; borrow the text */
};

/* -E_INVALID: none of the four forms.  Pure. */
int function_ref_parse(struct str text, struct function_ref *ret);
int function_ref_of_arn(const struct arn *arn, struct function_ref *ret);

/* A target as the request names it, existing or not. */
struct target_ref {
    struct str account, region, name;
    struct str qualifier;      /* absent: unqualified */
    struct str arn;            /* unqualified */
    struct str requested_arn;  /* arn, with the qualifier when one was given */
    struct function *function; /* NULL: there is none */
};

/* Name length, region, account, agreement of the two qualifiers, and call_may(action) on requested_arn, in
 * this order.  Whether function and qualifier exist is the caller's next question.  0 or -E_FAULT. */
int target_resolve(struct call *c, struct str function_name, struct str qualifier, const char *action,
                   struct target_ref *ret);
/* The same, and the function must exist: 404 "Function not found: <requested arn>". */
int target_function(struct call *c, struct str function_name, struct str qualifier, const char *action,
                    struct target_ref *ret);
/* The same, and the qualifier must mean something. */
int target_version(struct call *c, struct str function_name, struct str qualifier, const char *action,
                   struct target_ref *ret, struct version **ret_version);
/* 404 ResourceNotFoundException "Function not found: <arn>". */
int fault_function_missing(struct call *c, struct str arn);

/* "<arn>:<qualifier>", or arn itself when the qualifier is absent. */
struct str arn_qualified(struct arena *a, struct str arn, struct str qualifier);
bool is_version_number(struct str qualifier); /* digits only */

#endif
