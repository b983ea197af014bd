/* pattern.h - event patterns and filter policies: compiled once, asked often.
 *
 * One language in three dialects: EventBridge rules (and event source mapping filters), SNS filter policies on message
 * attributes, SNS filter policies on the message body.  Rules: AWS EventBridge user guide, "Event patterns"; AWS SNS
 * developer guide, "Subscription filter policies"; the Event Ruler's documentation.
 *
 * A compiled pattern is owned and immutable and holds copies of everything; matching allocates nothing but what it says.
 * Cost of a match: a walk over the fields the pattern names; of a set: see pattern_set below. */
#ifndef WAYBILL_FLOW_PATTERN_H
#define WAYBILL_FLOW_PATTERN_H

#include "base/json.h"

enum pattern_dialect { PATTERN_EVENTS, PATTERN_SNS_ATTRIBUTES, PATTERN_SNS_BODY };

#define PATTERN_BYTES_MOST 262144                            /* callers set AWS's own smaller limits */

struct pattern;
/* 0, or -E_INVALID and in *ret_why AWS's sentence without the prefix the API puts before it: for PATTERN_EVENTS what
 * follows "Event pattern is not valid. Reason: ", for SNS what follows "FilterPolicy: ". */
int pattern_compile(enum pattern_dialect dialect, struct str text, struct pattern **ret, struct buf *ret_why);
struct pattern *pattern_free(struct pattern *p);

/* PATTERN_EVENTS and PATTERN_SNS_BODY. */
bool pattern_match(const struct pattern *p, const struct json *event);

/* PATTERN_SNS_ATTRIBUTES.  type: "String", "Number", "String.Array", "Binary". */
struct pattern_attribute { struct str name, type, value; };
bool pattern_match_attributes(const struct pattern *p, const struct pattern_attribute *v, size_t n);

/* Many patterns asked at once: the rules of a bus.  Finds those that match without asking each: patterns are filed under
 * one exact value they cannot match without (source, detail-type, ...); the rest are asked one by one.
 * Cost: one look-up per field of the event plus one match per candidate. */
struct pattern_set;
struct pattern_set *pattern_set_new(void);
struct pattern_set *pattern_set_free(struct pattern_set *s);
void pattern_set_add(struct pattern_set *s, const struct pattern *p, void *owner);    /* p must outlive its place here */
void pattern_set_remove(struct pattern_set *s, const struct pattern *p, void *owner);
/* Calls each for every owner whose pattern matches, in the order they were added. */
void pattern_set_match(const struct pattern_set *s, struct arena *a, const struct json *event,
                       void (*each)(void *arg, void *owner), void *arg);

#endif
