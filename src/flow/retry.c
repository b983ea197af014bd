/* retry.c - the decision is one switch; waiting never happens here.
 *
 * True here: either a condition ends the event, or again_ms lies not before now; executions never fall. */
#include "flow/retry.h"

#define THROTTLE_MAX_DELAY_MS 300000

static int64_t throttle_delay_ms(unsigned backoff)
{
    int64_t delay_ms = backoff >= 9 ? THROTTLE_MAX_DELAY_MS : (int64_t)1000 << backoff;

    return MIN(delay_ms, THROTTLE_MAX_DELAY_MS);
}

/* AWS counts the age in whole seconds, rounded up, before it adds the delay. */
static bool too_old_after(const struct retry_facts *f, int64_t delay_ms)
{
    int64_t age_s = (f->now_ms - f->enqueued_ms + 999) / 1000;

    return age_s * 1000 + delay_ms > f->maximum_event_age_s * 1000;
}

static void again(struct retry_decision *d, const struct retry_facts *f, int64_t delay_ms)
{
    if (too_old_after(f, delay_ms))
        d->condition = CONDITION_EVENT_AGE_EXCEEDED;
    else
        d->again_ms = f->now_ms + delay_ms;
    CHECK(delay_ms >= 0);
}

static void after_failure(struct retry_decision *d, const struct retry_facts *f)
{
    int64_t delay_ms = f->base_delay_ms * (f->retries + 1);

    d->backoff = 0;
    d->executions++;
    if (f->reserved_zero) {
        d->condition = CONDITION_ZERO_RESERVED;
        return;
    }
    if ((int64_t)f->retries >= f->maximum_retry_attempts) {
        d->condition = CONDITION_RETRIES_EXHAUSTED;
        return;
    }
    again(d, f, delay_ms);
    if (d->condition == CONDITION_NONE)
        d->retries++;
}

static void after_throttle(struct retry_decision *d, const struct retry_facts *f)
{
    d->backoff++;
    again(d, f, throttle_delay_ms(f->backoff));
}

struct retry_decision retry_decide(const struct retry_facts *f)
{
    struct retry_decision d = { .retries = f->retries, .backoff = f->backoff, .executions = f->executions };

    switch (f->result) {
    case ATTEMPT_SUCCEEDED:
        d.condition = CONDITION_SUCCESS;
        d.executions++;
        d.backoff = 0;
        break;
    case ATTEMPT_FAILED:
    case ATTEMPT_MISSING: after_failure(&d, f); break;
    case ATTEMPT_THROTTLED:
    case ATTEMPT_SYSTEM: after_throttle(&d, f); break;
    case ATTEMPT_ZERO_RESERVED: d.condition = CONDITION_ZERO_RESERVED; break;
    case ATTEMPT_RECURSIVE: d.condition = CONDITION_RECURSIVE; break;
    case ATTEMPT_TOO_OLD: d.condition = CONDITION_EVENT_AGE_EXCEEDED; break;
    }
    CHECK(d.executions >= f->executions && (d.condition != CONDITION_NONE || d.again_ms >= f->now_ms));
    return d;
}

const char *condition_name(enum condition c)
{
    switch (c) {
    case CONDITION_SUCCESS: return "Success";
    case CONDITION_RETRIES_EXHAUSTED: return "RetriesExhausted";
    case CONDITION_EVENT_AGE_EXCEEDED: return "EventAgeExceeded";
    case CONDITION_ZERO_RESERVED: return "ZeroReservedConcurrency";
    case CONDITION_RECURSIVE: return "RecursiveInvocation"; /* UNVERIFIED: no recording shows the text */
    case CONDITION_NONE: break;
    }
    return "none";
}
