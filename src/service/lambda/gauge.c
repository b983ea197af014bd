/* gauge.c - the counters of the registry, read for CloudWatch; nothing is changed here. */
#include "service/lambda/gauge.h"

#include "base/arn.h"
#include "service/lambda/names.h"

static int64_t reserved_running(const struct home *h)
{
    int64_t n = 0;

    if (h->reserved_sum == 0)
        return 0;
    LIST_EACH(&h->functions, k) {
        const struct function *f = CONTAINER_OF(k, struct function, link);

        if (f->usage->reserved)
            n += f->usage->running;
    }
    return n;
}

bool gauge_take(void *lambda, struct str account, struct str region, struct str name,
                struct metric_concurrency *ret)
{
    const struct function *f = function_find(lambda, account, region, name);

    if (f == NULL)
        return false;
    ret->function = f->usage->running;
    ret->unreserved = f->home->unreserved_running;
    ret->account = ret->unreserved + reserved_running(f->home);
    ret->claimed = ret->unreserved + f->home->reserved_sum;
    return true;
}

/* What stands behind "function:NAME:"; absent: nothing does. */
static struct str qualifier_of(struct str arn, struct str name)
{
    ptrdiff_t at = str_find_str(arn, STR(":function:"));
    size_t from = (size_t)at + sizeof(":function:") - 1 + name.n + 1;

    return at >= 0 && arn.n > from ? str_sub(arn, from, arn.n) : STR_NONE;
}

void gauge_sync_done(struct lambda *l, struct turn *t, struct str account, struct str region, struct str name,
                     const struct execution *e, const struct outcome *o)
{
    struct metric_lambda f = { account, region, name, qualifier_of(e->invoked_arn, name), e->code->version };
    struct metric_run run = { .started_ms = o->started_ms,
                              .duration_us = o->duration_us,
                              .error = o->kind == OUTCOME_ERROR };
    struct metric_concurrency c;

    if (o->kind == OUTCOME_SYSTEM)
        return;
    metric_lambda_executed(t, &f, &run);
    if (t->metrics != NULL && gauge_take(l, account, region, name, &c))
        metric_lambda_concurrency(t, &f, &c);
}

void gauge_sync_throttled(struct turn *t, struct str account, struct str region, struct str name,
                          struct str qualifier)
{
    metric_lambda_throttled(t, &(struct metric_lambda){ account, region, name, qualifier, STR_NONE });
}
