/* expression.h - metric math: the expressions of GetMetricData.
 *
 *   expression  = term { ("+" | "-") term }            term = power { ("*" | "/") power }
 *   power       = sign [ "^" power ]                   sign = [ "-" ] primary
 *   primary     = number | id | "(" expression ")" | "[" expression { "," expression } "]" | function
 *
 * Functions: METRICS() and METRICS("part of an id"); SUM, AVG, MIN, MAX (of one series: a number; of several:
 * a series, time by time); ABS, CEIL, FLOOR; FILL(series, number); PERIOD(series).  Everything else
 * CloudWatch knows is refused by name.  Rules: CloudWatch user guide, "Using math expressions with CloudWatch
 * metrics".
 *
 * A value is a number, a series, or several series.  Between two series a point is where both have one; where
 * a division has no result there is no point.  Values lie in the arena; their sum is limited
 * (EXPRESSION_POINTS_MOST for a result). */
#ifndef WAYBILL_SERVICE_CLOUDWATCH_EXPRESSION_H
#define WAYBILL_SERVICE_CLOUDWATCH_EXPRESSION_H

#include "base/buf.h"

#define EXPRESSION_POINTS_MOST 500000 /* of one result: fifteen days by the minute, 23 times */
#define EXPRESSION_DEPTH_MOST 40

struct series_point {
    int64_t ms;
    double v;
};
struct series {
    struct str label;
    int64_t period_s;
    struct series_point *v; /* times rise */
    size_t n;
};
struct expression_value {
    enum { EXPRESSION_NUMBER, EXPRESSION_SERIES, EXPRESSION_MANY } kind;
    double number;
    struct series *v; /* SERIES: one */
    size_t n;
};

/* What an expression can ask of its surroundings. */
struct expression_names {
    void *arg;
    /* The value of an id.  0, or -E_NOT_FOUND, or -E_FAULT with the sentence in `why`. */
    int (*value)(void *arg, struct str id, struct expression_value *ret, struct buf *why);
    /* The ids METRICS() stands for: queries with a MetricStat, by position; absent ends the list. */
    struct str (*metric)(void *arg, size_t i);
    int64_t start_ms, end_ms; /* of the request: FILL fills between */
    size_t points_left;       /* begins as EXPRESSION_POINTS_MOST */
};

/* 0, or -E_INVALID with a sentence in `why`. */
int expression_eval(struct arena *a, struct str text, struct expression_names *names,
                    struct expression_value *ret, struct buf *why);
bool expression_is_id(struct str s); /* [a-z][a-zA-Z0-9_]* */

#endif
