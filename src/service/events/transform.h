/* transform.h - what a target gets instead of the event: a part of it (InputPath) or a text made from it
 * (InputTransformer).
 *
 * Rules: EventBridge user guide, "Input transformation"; what AWS delivered for the odd ones, as recorded.
 * Paths: $, then .name, ['name'], [0], [*] or .* ; a path with a star stands for the array of all it finds.
 *
 * Templates: <name> stands for what the path of that name finds.
 *   outside quotes   its JSON, a string with quotes; "" when it finds nothing
 *   inside quotes    a string as it is, without escapes (a quote in it may break the text: AWS says it does
 * not escape); an object or array without its double quotes; nothing when it finds nothing Reserved names:
 * aws.events.rule-arn, aws.events.rule-name, aws.events.event.ingestion-time, aws.events.event (the envelope
 * without detail, detail-type called detailType), aws.events.event.json (all of it).
 *
 * What comes out must be JSON, and leaves compact; or lines that each stand in quotes, which leave as they
 * are.  Anything else does not render, and is not delivered.  Compiled objects are owned and immutable and
 * hold copies. */
#ifndef WAYBILL_SERVICE_EVENTS_TRANSFORM_H
#define WAYBILL_SERVICE_EVENTS_TRANSFORM_H

#include "base/json.h"
#include "model/events.h"

#define TRANSFORM_PATHS_MOST 100
#define TRANSFORM_BYTES_MOST 2097152 /* of a rendered text; ours: no target takes as much */

struct input_path;
/* 0 or -E_INVALID and in *why the sentence (AWS's words for a malformed path are UNVERIFIED). */
int input_path_compile(struct str text, struct input_path **ret, struct buf *why);
struct input_path *input_path_free(struct input_path *p);
/* Adds compact JSON.  A path that finds nothing renders {} (UNVERIFIED). */
void input_path_render(const struct input_path *p, const struct json *event, struct buf *out);

struct transform;
/* target_id: for the sentence.  0 or -E_INVALID. */
int transform_compile(struct str target_id, const struct events_InputTransformer *in, struct transform **ret,
                      struct buf *why);
struct transform *transform_free(struct transform *t);

struct transform_facts {
    struct str rule_arn, rule_name;
    int64_t ingestion_ms;
};
/* 0; -E_INVALID: does not render; -E_LIMIT: longer than TRANSFORM_BYTES_MOST.  *out is added to on success
 * only. */
int transform_render(const struct transform *t, const struct json *event, const struct transform_facts *facts,
                     struct buf *out);

#endif
