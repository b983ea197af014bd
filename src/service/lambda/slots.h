/* slots.h - the concurrency of functions: this room's half of flow/run.h's slots, and the gauges of
 * AWS/Lambda.  Source: AWS Lambda developer guide, "Understanding Lambda function scaling" for what is
 * claimed (reservations count whether they are used or not), and "Types of metrics for Lambda functions". */
#ifndef WAYBILL_SERVICE_LAMBDA_SLOTS_H
#define WAYBILL_SERVICE_LAMBDA_SLOTS_H

#include "service/lambda/registry.h"

/* Of a name that a function bears from now on; what still runs of a former one counts on. */
struct usage *usage_get(struct lambda *l, struct home *h, struct str key);
void usage_orphan(struct lambda *l, struct usage *u); /* its function is gone */
void usage_free(struct usage *u);

/* For struct run_host; arg is the struct lambda. */
bool slot_has(void *lambda, struct callee *c);
enum admission slot_acquire(void *lambda, struct callee *c, struct slot *ret);
void slot_release(void *lambda, struct slot slot);
/* False: the function is gone, and nothing is said.  Constant time while the account has no reservation in
 * the region; else one look at each of its functions. */
bool slot_gauges(void *lambda, struct slot slot, struct metric_concurrency *ret);

#endif
