/* text.h - statements of a queue's or topic's policy, added and taken away by label.  Pure: text in, text
 * out; members and statements nobody names keep their bytes (AWS SQS and SNS API references, AddPermission
 * and RemovePermission).  The policy must have been checked when it was set: anything but a JSON object is
 * our bug. */
#ifndef WAYBILL_POLICY_TEXT_H
#define WAYBILL_POLICY_TEXT_H

#include "base/json.h"

/* Is there a statement with that Sid?  *ret_others (may be NULL): how many have another, or none. */
bool policy_text_has(struct arena *a, struct str policy, struct str label, size_t *ret_others);
/* Appends the policy without the statements of that label (absent: with all), and with `more` behind them
 * (absent: none). */
void policy_text_edit(struct buf *b, struct arena *a, struct str policy, struct str without, struct str more);
/* Appends the statement AddPermission makes: these accounts may do these actions, `prefix` ("SQS:") in front
 * of each, to the resource.  One account or action stands as it is, several as a list. */
struct policy_grant {
    struct str label, resource;
    const struct str *accounts, *actions;
    size_t n_accounts, n_actions;
    const char *prefix;
};
void policy_text_grant(struct buf *b, const struct policy_grant *g);

#endif
