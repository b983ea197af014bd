/* history.h - what was changed at a function's asynchronous side, when, by which operation: for `waybill
 * explain`, which finds the put that replaced a destination.  AWS keeps no such thing; CloudTrail would tell.
 *
 * Members: "MaximumRetryAttempts", "MaximumEventAgeInSeconds", "OnSuccess", "OnFailure" of an
 * EventInvokeConfig, and "DeadLetterConfig" of $LATEST.  A request that leaves a member as it was adds
 * nothing.  The last LAMBDA_HISTORY_ROWS of a function are kept in the store; they go when the function goes.
 */
#ifndef WAYBILL_SERVICE_LAMBDA_HISTORY_H
#define WAYBILL_SERVICE_LAMBDA_HISTORY_H

#include "service/lambda/event_invoke_config.h"

#define LAMBDA_HISTORY_ROWS 60 /* some twenty requests */

struct history_entry {
    int64_t at_ms;
    struct str operation; /* "PutFunctionEventInvokeConfig" */
    struct str qualifier; /* "$LATEST", a number or an alias */
    struct str member;
    struct str before, after; /* ARN or decimal number; absent: unset */
};

/* Newest first; a function that does not exist has none.  Texts lie in a; the number put in v. */
size_t history_list(const struct lambda *l, struct store *s, struct arena *a, struct str account,
                    struct str region, struct str name, struct history_entry *v, size_t max);

/* Written in the turn that changes.  0 or -E_FULL.  before NULL: there was no config; after NULL: there is
 * none now. */
int history_event_config(const struct function *f, struct turn *t, const char *operation,
                         struct str qualifier, const struct event_config_values *before,
                         const struct event_config_values *after);
int history_dead_letter(const struct function *f, struct turn *t, const char *operation, struct str before,
                        struct str after);
/* A config as values; e NULL: nothing set. */
struct event_config_values history_values(const struct event_config *e);

#endif
