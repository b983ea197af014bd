/* retry.c - the four phases of SNS's retries.
 * UNVERIFIED: the exact curves; AWS shows them as a graph only.  Ours begin at the smallest delay and end at
 * the largest. */
#include "service/sns/retry.h"

#include <math.h>

#define MANAGED_AT_ONCE 3
#define MANAGED_PRE 2
#define MANAGED_BACKOFF 10
#define MANAGED_POST 100000

/* x in [0, 1]: how far into the backoff phase; n: its retries. */
static double curve(enum sns_backoff f, double min, double max, double x, double n)
{
    switch (f) {
    case SNS_LINEAR: return min + (max - min) * x;
    case SNS_ARITHMETIC: /* the steps grow by the same amount */
        return min + (max - min) * x * (x * (n - 1) + 1) / n;
    case SNS_GEOMETRIC: /* each delay is the one before times a factor */ return min * pow(max / min, x);
    case SNS_EXPONENTIAL: /* the steps double */
        return min + (max - min) * (exp2(x * (n - 1)) - 1) / (exp2(n - 1) - 1);
    }
    return max;
}

static int64_t backoff_ms(enum sns_backoff f, int64_t min_s, int64_t max_s, int64_t i, int64_t n)
{
    CHECK(min_s >= 1 && max_s >= min_s && i >= 0 && i < n);
    double x = n > 1 ? (double)i / (double)(n - 1) : 0;

    return n > 1 ? (int64_t)(1000 * curve(f, (double)min_s, (double)max_s, x, (double)n) + 0.5)
                 : min_s * 1000;
}

int64_t sns_retry_http_ms(const struct sns_retry *r, unsigned n)
{
    int64_t i = (int64_t)n - 1, backoff = r->retries - r->no_delays - r->min_delays - r->max_delays;

    CHECK(backoff >= 0); /* the phases are no more than the retries */
    if (i < 0 || i >= r->retries)
        return SNS_RETRY_OVER;
    if (i < r->no_delays)
        return 0;
    i -= r->no_delays;
    if (i < r->min_delays)
        return r->min_s * 1000;
    i -= r->min_delays;
    return i < backoff ? backoff_ms(r->backoff, r->min_s, r->max_s, i, backoff) : r->max_s * 1000;
}

int64_t sns_retry_managed_ms(unsigned n)
{
    static const struct sns_retry managed = { .min_s = 1,
                                              .max_s = 20,
                                              .no_delays = MANAGED_AT_ONCE,
                                              .min_delays = MANAGED_PRE,
                                              .max_delays = MANAGED_POST,
                                              .retries = MANAGED_AT_ONCE + MANAGED_PRE + MANAGED_BACKOFF +
                                                         MANAGED_POST,
                                              .backoff = SNS_EXPONENTIAL };

    return sns_retry_http_ms(&managed, n);
}

int64_t sns_retry_total_ms(const struct sns_retry *r)
{
    int64_t sum = 0;

    for (unsigned n = 1; n <= r->retries; n++)
        sum += sns_retry_http_ms(r, n);
    return sum;
}
