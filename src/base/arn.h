/* arn.h - arn:partition:service:region:account:resource */
#ifndef WAYBILL_BASE_ARN_H
#define WAYBILL_BASE_ARN_H

#include "base/str.h"

struct arn {
    struct str partition, service, region, account, resource;   /* resource keeps its own colons */
};

/* -E_INVALID unless there are six parts and the first is "arn".  Parts may be empty (S3: no region). */
int arn_parse(struct str text, struct arn *ret);

#endif
