/* journey.h - the story of an event, told line by line: when, what, why.
 *
 * A story is a compact JSON array of steps `[ms,"step",...]`, kept with the event's row while it lives and
 * moved into one journey row when it ends: at most one extra row per event on the happy path.  Bounded by
 * count (JOURNEY_MAX_ROWS) and age (JOURNEY_MAX_AGE_MS), the oldest go first.  Found by invocation id
 * (base/id.h).
 *
 * Steps and their arguments (arguments are strings or numbers):
 *   accepted  [invocation type, payload bytes]        started   [attempt, version, environment id]
 *   succeeded [attempt, duration ms]                  failed    [attempt, error type, message, duration ms]
 *   retry     [attempt, at ms, reason]                throttled [why, at ms]
 *   missing   [attempt, "Function not found: arn"]    expired   [maximum age s, why]
 *   exhausted [attempts]                              dropped   [why]
 *   sent      [what, target arn, message or request id]   refused [what, target arn, why]
 *   unchecked [role arn, "role unknown here, not checked"]   note [text]
 *   recursion [count] */
#ifndef WAYBILL_FLOW_JOURNEY_H
#define WAYBILL_FLOW_JOURNEY_H

#include "base/json.h"
#include "turn/turn.h"

#define JOURNEY_MAX_ROWS 200000
#define JOURNEY_MAX_AGE_MS ((int64_t)14 * 24 * 3600 * 1000)

/* Appends one step to a story under construction ("" or `[...],[...]`, without the outer brackets).
 * fmt: 's' struct str, 'i' int64_t, 'z' const char *; e.g. story_add(&b, now, "failed", "isi", 1, type, ms).
 */
void story_add(struct buf *story, int64_t at_ms, const char *step, const char *fmt, ...);

/* Ends a story: one row. seq is the event's. state: "succeeded", "failed", "dropped", ... */
void journey_put(struct turn *t, uint64_t seq, struct str request_id, struct str function_arn,
                 struct str qualifier, const char *state, struct str story);

struct journey {
    uint64_t seq;
    struct str request_id, function_arn, qualifier, state, story; /* story: a JSON array, brackets included */
    int64_t ended_ms;                                             /* 0: still on its way */
};
/* Ended journeys; those still on their way are asked of flow/async.h.  Results lie in `a`. */
int journey_get(struct store *s, struct arena *a, struct str request_id,
                struct journey *ret); /* -E_NOT_FOUND */
/* Newest first; function_arn absent: all; before_seq 0: from the newest. Returns the number put in v. */
size_t journey_list(struct store *s, struct arena *a, struct str function_arn, uint64_t before_seq,
                    struct journey *v, size_t max);
/* Removes what is over age or count, some rows in this turn and the others in turns of their own
 * (turn_ops.soon). */
void journey_prune(struct turn *t);

#endif
