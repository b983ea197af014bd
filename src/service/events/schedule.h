/* schedule.h - schedule expressions: rate(5 minutes), cron(0 10 ? * MON-FRI *).
 *
 * Rules: EventBridge user guide, "Setting a schedule pattern for rules".  Everything is UTC.  Pure: no clock
 * is read. rate(V U)     V > 0; U minute, hour or day when V is 1, else minutes, hours, days cron(minute hour
 * day-of-month month day-of-week year), years 1970-2199, exactly one of the two days '?' Names of months and
 * days may be written in either case; SUN is 1.  A range may run over the end (FRI-MON), except of years.  L,
 * LW, 15W, 6L and 6#3 stand alone in their field.  Which of the rarer spellings AWS refuses (names in small
 * letters, ranges over the end, steps beyond the field) is UNVERIFIED. */
#ifndef WAYBILL_SERVICE_EVENTS_SCHEDULE_H
#define WAYBILL_SERVICE_EVENTS_SCHEDULE_H

#include "base/clock.h"

#define SCHEDULE_BYTES_MOST 256

struct schedule;
/* 0 or -E_INVALID: "Parameter ScheduleExpression is not valid." */
int schedule_parse(struct str text, struct schedule **ret);
struct schedule *schedule_free(struct schedule *s);

/* The first firing after after_ms; -1 when there is none (a date that never comes, or beyond 2199).  A rate
 * counts whole periods from anchor_ms, a cron expression fires on whole minutes whatever the anchor. Cost:
 * 0.1 us when it is near; at most one look at each day up to 2199, under 2 ms. */
int64_t schedule_next(const struct schedule *s, int64_t anchor_ms, int64_t after_ms);

#endif
