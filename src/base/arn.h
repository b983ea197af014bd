/* arn.h - arn:partition:service:region:account:resource */
#ifndef WAYBILL_BASE_ARN_H
#define WAYBILL_BASE_ARN_H

#include "base/str.h"

struct arn {
    struct str partition, service, region, account, resource; /* resource keeps its own colons */
};

/* A region as AWS writes them: "us-east-1"; small letters, digits and dashes, a letter first, REGION_MOST
 * bytes at most. Whatever names a region from outside passes this before anything keeps it. */
#define REGION_MOST 32
bool region_valid(struct str region);

/* Twelve digits. */
bool account_valid(struct str account);

/* -E_INVALID unless there are six parts and the first is "arn".  Parts may be empty (S3: no region). */
int arn_parse(struct str text, struct arn *ret);

#endif
