/* policy_text.h - statements of a topic's policy, added and taken away by label.  Pure: text in, text out; members and
 * statements nobody names keep their bytes (AWS SNS API reference, AddPermission and RemovePermission). */
#ifndef WAYBILL_SERVICE_SNS_POLICY_TEXT_H
#define WAYBILL_SERVICE_SNS_POLICY_TEXT_H

#include "base/json.h"

#define SNS_DEFAULT_STATEMENT STR("__default_statement_ID")

/* Is there a statement with that Sid?  *ret_others (may be NULL): how many have another, or none. */
bool sns_policy_has(struct arena *a, struct str policy, struct str label, size_t *ret_others);
/* Appends the policy without the statements of that label (absent: with all), and with `more` behind them (absent: none). */
void sns_policy_edit(struct buf *b, struct arena *a, struct str policy, struct str without, struct str more);

#endif
