/* log_filter.h - filter patterns of FilterLogEvents: which messages a reader wants to see.
 *
 * Forms, as the CloudWatch Logs user guide, "Filter pattern syntax", gives them:
 *   (empty)                      everything
 *   word "a phrase" -not         every word and phrase must occur, none of those after '-'; case matters
 *   ?this ?that                  any of them; beside plain words the '?' ones are ignored, as AWS does
 *   { $.a.b[0] = "x*" && ... }   the message is JSON and the condition holds:
 *                                = != < > <= >=, strings with '*', numbers, IS NULL/TRUE/FALSE, EXISTS, NOT
 * EXISTS,
 *                                && || and parentheses; [*] any element; $['odd.name'] for other member names
 * Everything else (regular expressions between '%', `[w1, w2]` for columns) is refused by its name.
 *
 * A filter lies in the arena it was parsed into, and borrows from the pattern's text. */
#ifndef WAYBILL_SERVICE_LOGS_LOG_FILTER_H
#define WAYBILL_SERVICE_LOGS_LOG_FILTER_H

#include "base/arena.h"

#define FILTER_MOST_TERMS 64
#define FILTER_MOST_DEPTH 32 /* parentheses in each other */

struct log_filter;

/* NULL filter in *ret: everything passes.  -E_INVALID with *ret_why: a sentence for the client. */
int log_filter_parse(struct arena *a, struct str pattern, struct log_filter **ret, struct str *ret_why);
/* `scratch` is used for JSON messages only; what lies there is garbage afterwards. */
/* How often a message is gone through at the most: the terms, or the comparisons and what reading JSON costs.
 */
size_t log_filter_cost(const struct log_filter *f);
bool log_filter_passes(const struct log_filter *f, struct arena *scratch, struct str message);

#endif
