/* ops.h - the handlers of this service by AWS's operation names, and what they begin with.
 *
 * Form and results of a handler: wire/call.h.  Each resolves its names, asks call_may(), checks, then writes:
 * a fault leaves store and memory as they were.  Errors are those of the EventBridge API reference; sentences
 * are AWS's recorded ones unless marked UNVERIFIED. */
#ifndef WAYBILL_SERVICE_EVENTS_OPS_H
#define WAYBILL_SERVICE_EVENTS_OPS_H

#include "service/events/state.h"

/* ---- names.c ---- */

int events_invalid(struct call *c, const char *fmt, ...) PRINTF(2, 3); /* ValidationException */
int events_unsupported(struct call *c, const char *member); /* the same, naming a member we do not act on */

/* Where EventBusName leads: a name, an ARN, or absent for the default bus. */
struct bus_ref {
    struct str account, region, name, arn;
    struct bus *bus; /* NULL: missing, or a default bus nothing is kept with */
    bool exists;
    bool elsewhere; /* an ARN of another region: nobody gets there */
};
void events_bus_ref(struct call *c, struct str name_or_arn, struct bus_ref *ret);
/* call_may() about `arn`: the bus, or a rule of it; the bus's policy speaks for both. */
int events_bus_may(struct call *c, const char *action, const struct bus_ref *ref, struct str arn);
/* Named, and the caller may do `action` on the bus; ResourceNotFoundException when it is missing.
 * 0 or -E_FAULT. */
int events_bus_enter(struct call *c, const char *action, struct str name_or_arn, struct bus_ref *ret);
/* Gives the default bus memory and a row when it has none.  0, -E_FAULT (too many) or a store error. */
int events_bus_keep(struct call *c, struct bus_ref *ref);
/* Authorised on the rule; *ret NULL when the bus has no such rule.  -E_FAULT when there is no such bus. */
int events_rule_ask(struct call *c, const char *action, struct str bus, struct str name, struct bus_ref *ref,
                    struct rule **ret);
/* The same where the rule must be there: ResourceNotFoundException. */
int events_rule_enter(struct call *c, const char *action, struct str bus, struct str name, struct rule **ret);

/* Lists go on behind a name; the token is that name in base64.  *ret_after absent: from the start. */
int events_page_after(struct call *c, struct str token, struct str *ret_after);
struct str events_page_token(struct call *c, struct str last);

/* tags.c: stored as one JSON object of texts, in the order in which keys first came; at most
 * EVENTS_TAGS_MOST. */
int events_tags_merge(struct call *c, struct str before, const struct events_TagList *add, struct str *ret);

/* ---- handlers ---- */

/* op_bus.c */
int events_create_event_bus(struct call *c, const void *input, void *output);
int events_describe_event_bus(struct call *c, const void *input, void *output);
int events_update_event_bus(struct call *c, const void *input, void *output);
int events_delete_event_bus(struct call *c, const void *input, void *output);
int events_list_event_buses(struct call *c, const void *input, void *output);
/* op_permission.c */
int events_put_permission(struct call *c, const void *input, void *output);
int events_remove_permission(struct call *c, const void *input, void *output);
/* op_rule.c */
int events_put_rule(struct call *c, const void *input, void *output);
int events_describe_rule(struct call *c, const void *input, void *output);
int events_delete_rule(struct call *c, const void *input, void *output);
int events_list_rules(struct call *c, const void *input, void *output);
int events_enable_rule(struct call *c, const void *input, void *output);
int events_disable_rule(struct call *c, const void *input, void *output);
/* op_target.c */
int events_put_targets(struct call *c, const void *input, void *output);
int events_list_targets_by_rule(struct call *c, const void *input, void *output);
int events_remove_targets(struct call *c, const void *input, void *output);
int events_list_rule_names_by_target(struct call *c, const void *input, void *output);
/* op_put.c */
int events_put_events(struct call *c, const void *input, void *output);
int events_test_event_pattern(struct call *c, const void *input, void *output);
/* tags.c */
int events_tag_resource(struct call *c, const void *input, void *output);
int events_untag_resource(struct call *c, const void *input, void *output);
int events_list_tags_for_resource(struct call *c, const void *input, void *output);

#endif
