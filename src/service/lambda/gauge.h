/* gauge.h - how much of the concurrency is in use: the gauges of AWS/Lambda, and the samples of synchronous
 * invocations. Source: AWS Lambda developer guide, "Types of metrics for Lambda functions", and
 * "Understanding Lambda function scaling" for what is claimed: reservations count whether they are used or
 * not. */
#ifndef WAYBILL_SERVICE_LAMBDA_GAUGE_H
#define WAYBILL_SERVICE_LAMBDA_GAUGE_H

#include "flow/execution.h"
#include "metric/lambda.h"
#include "service/lambda/registry.h"

/* For struct async_host.  False: the function is gone, and nothing is said.  Constant time while the account
 * has no reservation in the region; else one look at each of its functions. */
bool gauge_take(void *lambda, struct str account, struct str region, struct str name,
                struct metric_concurrency *ret);

/* A synchronous execution ended: before it gives its slot back.  invoked_arn: as requested. */
void gauge_sync_done(struct lambda *l, struct turn *t, struct str account, struct str region, struct str name,
                     const struct execution *e, const struct outcome *o);
/* A synchronous request found no free slot. */
void gauge_sync_throttled(struct turn *t, struct str account, struct str region, struct str name,
                          struct str qualifier);

#endif
