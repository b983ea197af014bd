/* lambda.c - the rules of lambda.h as lines; nothing is remembered here. */
#include "metric/lambda.h"

#include "metric/internal.h"

#define RESOURCE_MOST 320
#define SET_NONE 1u
#define SET_FUNCTION 2u
#define SET_ALL 15u

static struct str resource_of(char out[static RESOURCE_MOST], const struct metric_lambda *f)
{
    size_t n = f->name.n + 1 + f->qualifier.n;

    if (str_absent(f->qualifier) || n > RESOURCE_MOST)
        return f->name;
    memcpy(out, f->name.p, f->name.n);
    out[f->name.n] = ':';
    memcpy(out + f->name.n + 1, f->qualifier.p, f->qualifier.n);
    return str_make(out, n);
}

static void put(struct turn *t, const struct metric_lambda *f, const char *metric, double value,
                const char *unit, int64_t at_ms, unsigned sets)
{
    char text[RESOURCE_MOST];

    metric_function_sets(
        t, &(struct metric_function){ f->account, f->region, f->name, resource_of(text, f), f->version },
        metric, value, unit, at_ms, sets);
}

static void count(struct turn *t, const struct metric_lambda *f, const char *metric, double value,
                  int64_t at_ms)
{
    put(t, f, metric, value, "Count", at_ms, SET_ALL);
}

void metric_lambda_count(struct turn *t, const struct metric_lambda *f, const char *metric, double value)
{
    count(t, f, metric, value, t->now.wall_ms);
}

void metric_lambda_received(struct turn *t, const struct metric_lambda *f)
{
    count(t, f, "AsyncEventsReceived", 1, t->now.wall_ms);
}

void metric_lambda_executed(struct turn *t, const struct metric_lambda *f, const struct metric_run *r)
{
    if (t->metrics == NULL)
        return;
    count(t, f, "Invocations", 1, r->started_ms);
    count(t, f, "Errors", r->error, r->started_ms);
    count(t, f, "Throttles", 0, r->started_ms);
    /* Two decimals, as the REPORT line has them. */
    put(t, f, "Duration", (double)((MAX(r->duration_us, (int64_t)0) + 5) / 10) / 100, "Milliseconds",
        r->started_ms, SET_ALL);
    if (r->async)
        put(t, f, "AsyncEventAge", (double)MAX(r->started_ms - r->enqueued_ms, (int64_t)0), "Milliseconds",
            r->started_ms, SET_ALL);
}

void metric_lambda_throttled(struct turn *t, const struct metric_lambda *f)
{
    count(t, f, "Errors", 0, t->now.wall_ms);
    count(t, f, "Throttles", 1, t->now.wall_ms);
}

void metric_lambda_ended(struct turn *t, const struct metric_lambda *f, bool dropped)
{
    count(t, f, "AsyncEventsDropped", dropped, t->now.wall_ms);
}

void metric_lambda_concurrency(struct turn *t, const struct metric_lambda *f,
                               const struct metric_concurrency *c)
{
    int64_t at_ms = t->now.wall_ms;

    if (t->metrics == NULL)
        return;
    put(t, f, "ConcurrentExecutions", (double)c->account, "Count", at_ms, SET_NONE);
    put(t, f, "ConcurrentExecutions", (double)c->function, "Count", at_ms, SET_FUNCTION);
    put(t, f, "UnreservedConcurrentExecutions", (double)c->unreserved, "Count", at_ms, SET_NONE);
    put(t, f, "ClaimedAccountConcurrency", (double)c->claimed, "Count", at_ms, SET_NONE);
}
