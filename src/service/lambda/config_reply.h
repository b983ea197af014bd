/* config_reply.h - FunctionConfiguration as replies show it.
 *
 * Everything is copied into the call's arena: the version may change before the reply leaves.
 * Absent members are left out; AWS's raw bodies print them as null, SDKs see no difference. */
#ifndef WAYBILL_SERVICE_LAMBDA_CONFIG_REPLY_H
#define WAYBILL_SERVICE_LAMBDA_CONFIG_REPLY_H

#include "service/lambda/ops.h"

enum config_view {
    CONFIG_WHOLE,
    CONFIG_LISTED, /* lists leave State and LastUpdateStatus out */
};
/* arn: FunctionArn to show; it echoes the qualifier of the request. */
void config_reply(struct call *c, const struct version *v, struct str arn, enum config_view view,
                  struct lambda_FunctionConfiguration *ret);
/* arn:aws:lambda:<region>::runtime:<64 hex>: here a digest of the runtime's name, so that it is stable. */
struct str runtime_version_arn(struct arena *a, struct str region, struct str runtime);

#endif
