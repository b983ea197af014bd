/* invoke.h - pure pieces of Invoke, for tests: what a bad payload is told, and the trace header of a reply.
 */
#ifndef WAYBILL_SERVICE_LAMBDA_INVOKE_H
#define WAYBILL_SERVICE_LAMBDA_INVOKE_H

#include "service/lambda/ops.h"

/* "Could not parse request body into json: ...", in the words of AWS's parser where they are known. */
void payload_problem(struct buf *b, const struct json_error *e);
/* "Root=a;Parent=b;Sampled=0;Lineage=.." -> "root=a;parent=b;sampled=0", as replies of Invoke show it. */
struct str trace_shown(struct arena *a, struct str header);

#endif
