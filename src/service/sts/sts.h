/* sts.h - the service STS, as main assembles it: sessions of the roles that IAM keeps.  It has no state of
 * its own. */
#ifndef WAYBILL_SERVICE_STS_STS_H
#define WAYBILL_SERVICE_STS_STS_H

#include "service/iam/iam.h"

struct service sts_service(struct iam *i);

#endif
