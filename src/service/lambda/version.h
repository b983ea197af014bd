/* version.h - publishing, and the rule that only one change of a function runs at a time. */
#ifndef WAYBILL_SERVICE_LAMBDA_VERSION_H
#define WAYBILL_SERVICE_LAMBDA_VERSION_H

#include "service/lambda/ops.h"

/* PublishVersion finds $LATEST Active, and its version is Active at once (AWS's recorded behaviour: it can be
 * invoked and aliased with the next call).  With Publish=true the code itself is new: Pending as $LATEST is.
 */
enum publishing { PUBLISH_READY_CODE, PUBLISH_NEW_CODE };
/* $LATEST as the next version, saved, or the newest version when nothing changed since it was published.
 * description absent: $LATEST's.  0, or the store's error. */
int version_publish(struct lambda *l, struct function *f, struct str description, enum publishing how,
                    struct turn *t, struct version **ret);
/* 409 while the function is Pending or being updated. */
int must_be_idle(struct call *c, const struct function *f);
/* 412 when revision_id was given and is not the one of now; api names the call that shows it. */
int revision_check(struct call *c, struct str given, const char *now, const char *api);
/* 400 when the function has MAX_VERSIONS, or its code once more would pass the limit of code storage. */
int version_room_check(struct call *c, const struct function *f);
/* 400 unless the name came without a qualifier. */
int must_be_unqualified(struct call *c, const struct target_ref *r);

#endif
