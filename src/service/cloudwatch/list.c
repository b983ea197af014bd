/* list.c - ListMetrics: what was counted in the last two weeks.  Rules: CloudWatch API reference, page
 * ListMetrics. */
#include "service/cloudwatch/internal.h"

#include "base/crypt.h"

#define PAGE 500
#define RECENT_MS ((int64_t)3 * 3600000)

static void check(struct call *c, struct complaints *x, const struct cloudwatch_ListMetricsInput *in,
                  struct str *ret_after)
{
    *ret_after = STR_NONE;
    if (in->IncludeLinkedAccounts.set && in->IncludeLinkedAccounts.v)
        complain(x, INVALID_VALUE, "IncludeLinkedAccounts is not supported.");
    if (!str_absent(in->OwningAccount) && !str_eq(in->OwningAccount, c->account))
        complain(x, INVALID_VALUE, "OwningAccount " STR_FMT " is not supported: accounts are not linked.",
                 STR_ARG(in->OwningAccount));
    if (!str_absent(in->NextToken) &&
        (base64_decode(c->mem, in->NextToken, ret_after) != 0 || utf8_check(*ret_after) != ret_after->n))
        complain(x, INVALID_VALUE, "The value " STR_FMT " for parameter NextToken is invalid.",
                 STR_ARG(in->NextToken));
}

static void show(struct call *c, const struct metric_listed *m, struct cloudwatch_Metric *ret)
{
    ret->Namespace = m->space;
    ret->MetricName = m->name;
    ret->Dimensions =
        (struct cloudwatch_Dimensions){ true, m->n_dimensions,
                                        arena_calloc(c->mem, m->n_dimensions, sizeof(*ret->Dimensions.v)) };
    for (size_t i = 0; i < m->n_dimensions; i++)
        ret->Dimensions.v[i] = (struct cloudwatch_Dimension){ m->dimensions[i].name, m->dimensions[i].value };
}

int cloudwatch_list_metrics(struct call *c, const void *input, void *output)
{
    const struct cloudwatch_ListMetricsInput *in = input;
    struct cloudwatch_ListMetricsOutput *out = output;
    CLEANUP(complaints_done) struct complaints x = { 0 };
    struct metric_list_query q = {
        .account = c->account,
        .region = c->region,
        .space = in->Namespace,
        .name = in->MetricName,
        .n_dimensions = in->Dimensions.n,
        .since_ms = c->now.wall_ms - (str_absent(in->RecentlyActive) ? METRIC_LISTED_MS : RECENT_MS)
    };
    struct metric_listed *v = arena_calloc(c->mem, PAGE + 1, sizeof(*v));
    struct metric_dimension *wanted = arena_calloc(c->mem, in->Dimensions.n, sizeof(*wanted));
    size_t n;
    int r = call_may_own(c, "cloudwatch:ListMetrics", STR("*"));

    if (r < 0)
        return r;
    check(c, &x, in, &q.after);
    r = complaints_fault(c, &x);
    if (r < 0)
        return r;
    for (size_t i = 0; i < in->Dimensions.n; i++)
        wanted[i] = (struct metric_dimension){ in->Dimensions.v[i].Name, in->Dimensions.v[i].Value };
    q.dimensions = wanted;
    n = metric_list(metrics_of(c), c->turn, c->mem, &q, v, PAGE + 1);
    if (n > PAGE) {
        n = PAGE;
        out->NextToken = base64_str(c->mem, v[PAGE - 1].cursor);
    }
    out->Metrics = (struct cloudwatch_Metrics){ true, n, arena_calloc(c->mem, n, sizeof(*out->Metrics.v)) };
    for (size_t i = 0; i < n; i++)
        show(c, &v[i], &out->Metrics.v[i]);
    return 0;
}
