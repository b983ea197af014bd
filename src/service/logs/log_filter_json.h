/* log_filter_json.h - the `{ $.member = value }` form of filter patterns.
 *
 * Grammar:  pattern    = "{" either "}"
 *           either     = both { "||" both }
 *           both       = condition { "&&" condition }
 *           condition  = "(" either ")" | selector relation
 *           relation   = ("=" | "!=" | "<" | ">" | "<=" | ">=") value
 *                      | "IS" ("NULL" | "TRUE" | "FALSE") | "EXISTS" | "NOT" "EXISTS"
 *           value      = number | "text" | word; '*' in a text or word stands for any run of characters
 *           selector   = "$" { "." name | "[" index "]" | "[" "*" "]" | "['" name "']" }
 * Split from log_filter.c because the two forms share nothing but the entry. */
#ifndef WAYBILL_SERVICE_LOGS_LOG_FILTER_JSON_H
#define WAYBILL_SERVICE_LOGS_LOG_FILTER_JSON_H

#include "base/arena.h"

struct log_condition;

/* text begins with '{'.  -E_INVALID with *ret_why. */
int log_condition_parse(struct arena *a, struct str text, struct log_condition **ret, struct str *ret_why);
size_t log_condition_tests(const struct log_condition *c); /* its comparisons */
/* False for a message that is no JSON object. */
bool log_condition_holds(const struct log_condition *c, struct arena *scratch, struct str message);

#endif
