/* policy.h - the statement that AddPermission makes, apart from where it is kept.  Pure, for tests. */
#ifndef WAYBILL_SERVICE_LAMBDA_POLICY_H
#define WAYBILL_SERVICE_LAMBDA_POLICY_H

#include "base/json.h"
#include "model/lambda.h"

/* A service name, an account, an IAM ARN or "*": writes the Principal member's value.  -E_INVALID: none of
 * them. */
int principal_json(struct json_writer *w, struct str principal);
/* The statement's text, compact, in AWS's order of members; resource: the ARN with the qualifier if one was
 * given. -E_INVALID: the principal is none. */
int statement_json(struct buf *b, const struct lambda_AddPermissionRequest *in, struct str resource);
/* The whole policy as GetPolicy shows it; p may be NULL: one without statements. */
struct function_policy;
void policy_document(struct buf *b, const struct function_policy *p);

#endif
