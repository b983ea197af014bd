/* retry.h - when a delivery is tried again.  Pure.
 *
 * Both schedules have four phases (AWS SNS developer guide, "Message delivery retries"): at once, a fixed
 * small delay, backing off, a fixed large delay.  Queues and functions: 3 at once, 2 after 1 s, 10 backing
 * off from 1 to 20 s, then every 20 s until 100,015 retries were made, 23 days.  HTTP: the delivery policy.
 * AWS adds jitter; we do not. */
#ifndef WAYBILL_SERVICE_SNS_RETRY_H
#define WAYBILL_SERVICE_SNS_RETRY_H

#include "service/sns/attribute.h"

#define SNS_RETRY_OVER (-1)

/* Milliseconds between the failure before retry number n (from 1) and that retry, or SNS_RETRY_OVER. */
int64_t sns_retry_managed_ms(unsigned n);
int64_t sns_retry_http_ms(const struct sns_retry *r, unsigned n);
/* The sum of a policy's delays: AWS allows 3,600 s. */
int64_t sns_retry_total_ms(const struct sns_retry *r);

#endif
