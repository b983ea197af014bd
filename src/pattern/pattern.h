/* pattern.h - event patterns and filter policies: compiled once, asked often.
 *
 * One language in three dialects: EventBridge rules (and event source mapping filters), SNS filter policies
 * on message attributes, SNS filter policies on the message body.  Rules: AWS EventBridge user guide, "Event
 * patterns"; AWS SNS developer guide, "Subscription filter policies"; the Event Ruler's documentation.
 *
 * A compiled pattern is owned and immutable and holds copies of everything; matching allocates nothing,
 * except scratch for keys and strings with escapes and for attributes of type String.Array.
 *
 * Cost of a match: each value costs its tests, one after the other, and of wildcards time linear in the
 * value.  A megabyte of small values against hundreds of tests or of alternatives of "$or" takes seconds: who
 * matches what a client sent gives it a number of steps and goes elsewhere when they do not suffice
 * (pattern_match_within()).  Measured with an event of 720 bytes (bench/patterns): source and detail-type 100
 * ns, a number in detail 130 ns, two conditions in the last of five elements 450 ns; reading the event itself
 * 800 ns. */
#ifndef WAYBILL_PATTERN_PATTERN_H
#define WAYBILL_PATTERN_PATTERN_H

#include <stdatomic.h>

#include "base/json.h"

enum pattern_dialect { PATTERN_EVENTS, PATTERN_SNS_ATTRIBUTES, PATTERN_SNS_BODY };

#define PATTERN_BYTES_MOST 262144 /* callers set AWS's own smaller limits */

struct pattern;
/* 0, or -E_INVALID and in *ret_why AWS's sentence without the prefix the API puts before it: for
 * PATTERN_EVENTS what follows "Event pattern is not valid. Reason: ", for SNS what follows "FilterPolicy: ".
 * Most sentences go on, as AWS's do, with a line feed and the place ("\n at [Source: (String)"..."; line: 1,
 * column: 9]").  Nothing is written on success.  Time and memory are bounded by the text; "$or" may multiply
 * to 1,000 combinations. */
int pattern_compile(enum pattern_dialect dialect, struct str text, struct pattern **ret, struct buf *ret_why);
struct pattern *pattern_free(struct pattern *p);
/* One holder more: pattern_free() must be called once more.  Holding and freeing are for one thread, matching
 * for any. */
struct pattern *pattern_hold(struct pattern *p);

/* PATTERN_EVENTS and PATTERN_SNS_BODY.  An event that is no object matches nothing. */
bool pattern_match(const struct pattern *p, const struct json *event);

/* The same with at most *left steps of work, which it counts down: about a nanosecond each, the same on every
 * machine.  0 afterwards: they did not suffice, and the answer means nothing. */
bool pattern_match_within(const struct pattern *p, const struct json *event, uint64_t *left);
/* The same for jobs on the pool: it ends some milliseconds after *stop became true, with *left 0. */
bool pattern_match_unless(const struct pattern *p, const struct json *event, uint64_t *left,
                          const atomic_bool *stop);
/* What one message or event may spend in a turn of the server; all of a turn may spend twice as much (some 20
 * ms). */
#define PATTERN_TURN_STEPS 5000000
/* Decodes all keys and strings of an event that will be asked many times, in place: only for documents nobody
 * else reads.  Without it each match decodes them again. */
void pattern_ready(struct arena *a, struct json *event);

/* PATTERN_SNS_ATTRIBUTES.  type: "String", "Number", "String.Array", "Binary", or with a custom label
 * ("Number.x"). Of Binary only whether it is there can be asked. */
struct pattern_attribute {
    struct str name, type, value;
};
bool pattern_match_attributes(const struct pattern *p, const struct pattern_attribute *v, size_t n);
bool pattern_match_attributes_within(const struct pattern *p, const struct pattern_attribute *v, size_t n,
                                     uint64_t *left);
bool pattern_match_attributes_unless(const struct pattern *p, const struct pattern_attribute *v, size_t n,
                                     uint64_t *left, const atomic_bool *stop);

/* Many patterns asked at once: the rules of a bus.  Finds those that match without asking each: a pattern is
 * filed under a field it cannot match without, the one whose queue is shortest: exact texts and prefixes in
 * hash tables, numbers and ranges in a list of spans, everything else in a list of tests. Cost: one look-up
 * per field of the event that any pattern is filed under, and one match per candidate.  Measured with 10,000
 * patterns and that event: each another detail-type 0.5 us, each another prefix 0.4 us, each another range of
 * one number 12 us; a wildcard or anything-but alone 10 ns per pattern.
 * Adding and removing takes time in the values filed under; a pattern added twice with one owner counts once.
 */
struct pattern_set;
struct pattern_set *pattern_set_new(void);
struct pattern_set *pattern_set_free(struct pattern_set *s);
void pattern_set_add(struct pattern_set *s, const struct pattern *p,
                     void *owner); /* p must outlive its place here */
void pattern_set_remove(struct pattern_set *s, const struct pattern *p, void *owner);
size_t pattern_set_count(const struct pattern_set *s); /* patterns in it */
bool pattern_set_holds(const struct pattern_set *s, const struct pattern *p, const void *owner);
/* Calls each for every owner whose pattern matches, in the order they were added. */
void pattern_set_match(const struct pattern_set *s, struct arena *a, const struct json *event,
                       void (*each)(void *arg, void *owner), void *arg);
/* The same with at most *left steps.  False: they did not suffice (*left is 0), and nobody was called. */
bool pattern_set_match_within(const struct pattern_set *s, struct arena *a, const struct json *event,
                              uint64_t *left, void (*each)(void *arg, void *owner), void *arg);

#endif
