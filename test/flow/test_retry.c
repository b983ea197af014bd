/* The retry decision as a table. */
#include "flow/retry.h"
#include "unit.h"

#define S INT64_C(1000)

static const struct {
    const char *name;
    struct retry_facts f;
    struct retry_decision want;
} rows[] = {
    { "first error waits one base delay",
      { ATTEMPT_FAILED, 10 * S, 10 * S, 0, 0, 0, false, 2, 21600, 60 * S },
      { CONDITION_NONE, 70 * S, 1, 0, 1 } },
    { "second waits two",
      { ATTEMPT_FAILED, 10 * S, 10 * S, 1, 3, 1, false, 2, 21600, 60 * S },
      { CONDITION_NONE, 130 * S, 2, 0, 2 } },
    { "third ends",
      { ATTEMPT_FAILED, 10 * S, 10 * S, 2, 0, 2, false, 2, 21600, 60 * S },
      { CONDITION_RETRIES_EXHAUSTED, 0, 2, 0, 3 } },
    { "no retries allowed",
      { ATTEMPT_FAILED, 10 * S, 10 * S, 0, 0, 0, false, 0, 21600, 60 * S },
      { CONDITION_RETRIES_EXHAUSTED, 0, 0, 0, 1 } },
    { "scaled base delay",
      { ATTEMPT_FAILED, 0, 0, 0, 0, 0, false, 2, 60, 100 },
      { CONDITION_NONE, 100, 1, 0, 1 } },
    { "look-ahead at the limit passes",
      { ATTEMPT_FAILED, 0, 0, 0, 0, 0, false, 2, 60, 60 * S },
      { CONDITION_NONE, 60 * S, 1, 0, 1 } },
    { "look-ahead rounds the age up",
      { ATTEMPT_FAILED, 1, 0, 0, 0, 0, false, 2, 60, 60 * S },
      { CONDITION_EVENT_AGE_EXCEEDED, 0, 0, 0, 1 } },
    { "exhausted comes before too old",
      { ATTEMPT_FAILED, 1, 0, 2, 0, 2, false, 2, 60, 60 * S },
      { CONDITION_RETRIES_EXHAUSTED, 0, 2, 0, 3 } },
    { "reservation 0 comes before both",
      { ATTEMPT_FAILED, 1, 0, 2, 0, 2, true, 2, 60, 60 * S },
      { CONDITION_ZERO_RESERVED, 0, 2, 0, 3 } },
    { "missing counts as an attempt",
      { ATTEMPT_MISSING, 0, 0, 0, 0, 0, false, 0, 60, 60 * S },
      { CONDITION_RETRIES_EXHAUSTED, 0, 0, 0, 1 } },
    { "throttle 1 s",
      { ATTEMPT_THROTTLED, 0, 0, 0, 0, 0, false, 2, 21600, 60 * S },
      { CONDITION_NONE, 1 * S, 0, 1, 0 } },
    { "throttle doubles",
      { ATTEMPT_THROTTLED, 0, 0, 1, 7, 2, false, 2, 21600, 60 * S },
      { CONDITION_NONE, 128 * S, 1, 8, 2 } },
    { "throttle at most 300 s",
      { ATTEMPT_THROTTLED, 0, 0, 0, 9, 0, false, 2, 21600, 60 * S },
      { CONDITION_NONE, 300 * S, 0, 10, 0 } },
    { "throttle stays at 300 s",
      { ATTEMPT_THROTTLED, 0, 0, 0, 200, 0, false, 2, 21600, 60 * S },
      { CONDITION_NONE, 300 * S, 0, 201, 0 } },
    { "throttle look-ahead",
      { ATTEMPT_THROTTLED, 59 * S + 1, 0, 0, 0, 0, false, 2, 60, 60 * S },
      { CONDITION_EVENT_AGE_EXCEEDED, 0, 0, 1, 0 } },
    { "system error as a throttle",
      { ATTEMPT_SYSTEM, 0, 0, 1, 2, 1, false, 2, 21600, 60 * S },
      { CONDITION_NONE, 4 * S, 1, 3, 1 } },
    { "success",
      { ATTEMPT_SUCCEEDED, 99 * S, 0, 2, 4, 2, false, 2, 60, 60 * S },
      { CONDITION_SUCCESS, 0, 2, 0, 3 } },
    { "success is never too old",
      { ATTEMPT_SUCCEEDED, 99999 * S, 0, 0, 0, 0, true, 0, 60, 60 * S },
      { CONDITION_SUCCESS, 0, 0, 0, 1 } },
    { "zero reserved before running",
      { ATTEMPT_ZERO_RESERVED, 0, 0, 0, 0, 0, true, 2, 60, 60 * S },
      { CONDITION_ZERO_RESERVED, 0, 0, 0, 0 } },
    { "recursion",
      { ATTEMPT_RECURSIVE, 0, 0, 0, 0, 0, false, 2, 60, 60 * S },
      { CONDITION_RECURSIVE, 0, 0, 0, 0 } },
    { "picked up too late",
      { ATTEMPT_TOO_OLD, 99 * S, 0, 1, 0, 1, false, 2, 60, 60 * S },
      { CONDITION_EVENT_AGE_EXCEEDED, 0, 1, 0, 1 } },
};

TEST(retry, rows)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct retry_decision d = retry_decide(&rows[i].f);
        int before = unit_bad;

        EXPECT_INT(d.condition, rows[i].want.condition);
        EXPECT_INT(d.again_ms, rows[i].want.again_ms);
        EXPECT_INT(d.retries, rows[i].want.retries);
        EXPECT_INT(d.backoff, rows[i].want.backoff);
        EXPECT_INT(d.executions, rows[i].want.executions);
        if (unit_bad > before)
            printf("  in row: %s\n", rows[i].name);
    }
}

TEST(retry, condition_names)
{
    EXPECT_Z(condition_name(CONDITION_SUCCESS), "Success");
    EXPECT_Z(condition_name(CONDITION_RETRIES_EXHAUSTED), "RetriesExhausted");
    EXPECT_Z(condition_name(CONDITION_EVENT_AGE_EXCEEDED), "EventAgeExceeded");
    EXPECT_Z(condition_name(CONDITION_ZERO_RESERVED), "ZeroReservedConcurrency");
}

UNIT_MAIN
