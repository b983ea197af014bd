/* lambda.h - which samples an invocation leaves in AWS/Lambda, each rule once.
 *
 * Source: AWS Lambda developer guide, "Types of metrics for Lambda functions":
 *   - Invocations counts executions, not throttled requests and not targets that are gone;
 *   - Errors and Throttles get a zero for every attempt that was none, so that averages are rates;
 *   - what an execution leaves is stamped with its start, not with its end;
 *   - AsyncEventsDropped gets one sample per event that ended, AsyncEventAge one per attempt that ran.
 * What has no zero samples (DestinationDeliveryFailures, DeadLetterErrors, RecursiveInvocationsDropped) is
 * counted where it happens, with metric_lambda_count().
 *
 * Every sample counts in three or four series: the account's, the function's, the one of the resource that
 * the caller named ("name", "name:alias"), and, where a version ran and the caller named $LATEST or an alias,
 * the one of both.  A turn without metrics counts nothing.  All strs are borrowed for the call. */
#ifndef WAYBILL_METRIC_LAMBDA_H
#define WAYBILL_METRIC_LAMBDA_H

#include "metric/metric.h"

struct metric_lambda {
    struct str account, region, name;
    struct str qualifier; /* as requested; absent: none */
    struct str version;   /* that ran; absent: none did */
};

/* One sample, now. */
void metric_lambda_count(struct turn *t, const struct metric_lambda *f, const char *metric, double value);

/* An event got its 202. */
void metric_lambda_received(struct turn *t, const struct metric_lambda *f);

/* An execution ended with an answer or a function error. */
struct metric_run {
    int64_t started_ms, duration_us;
    bool error;
    bool async;
    int64_t enqueued_ms; /* async: when the event was accepted */
};
void metric_lambda_executed(struct turn *t, const struct metric_lambda *f, const struct metric_run *r);

/* An attempt found no free concurrency. */
void metric_lambda_throttled(struct turn *t, const struct metric_lambda *f);
/* An event is over: dropped after any failure, or done. */
void metric_lambda_ended(struct turn *t, const struct metric_lambda *f, bool dropped);

/* Gauges, taken while an execution still holds its slot: the highest of a minute is then exact.
 * ConcurrentExecutions counts for the account and the function; the others are the account's alone. */
struct metric_concurrency {
    int64_t function;   /* running executions of the function */
    int64_t account;    /* of all functions */
    int64_t unreserved; /* of those without a reservation */
    int64_t claimed;    /* unreserved plus all reservations */
};
void metric_lambda_concurrency(struct turn *t, const struct metric_lambda *f,
                               const struct metric_concurrency *c);

#endif
