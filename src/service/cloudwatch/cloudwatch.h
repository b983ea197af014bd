/* cloudwatch.h - CloudWatch metrics: what was counted (metric/metric.h), shown. */
#ifndef WAYBILL_SERVICE_CLOUDWATCH_H
#define WAYBILL_SERVICE_CLOUDWATCH_H

#include "metric/metric.h"
#include "wire/call.h"

struct cloudwatch;
struct cloudwatch_options {
    struct metrics *metrics;
};

struct cloudwatch *cloudwatch_new(const struct cloudwatch_options *o);
struct cloudwatch *cloudwatch_free(struct cloudwatch *s);
void cloudwatch_load(struct cloudwatch *s,
                     struct turn *t); /* memory from the store; also after a turn that failed */
void cloudwatch_reset(struct cloudwatch *s, struct turn *t); /* the store was emptied */
struct service cloudwatch_service(struct cloudwatch *s);

#endif
