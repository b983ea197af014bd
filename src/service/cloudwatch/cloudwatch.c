/* cloudwatch.c - the service's life, its operations, and what their checks share.  All that is kept is
 * metric/metric.h's. */
#include "service/cloudwatch/internal.h"

#include <stdlib.h>

#define COMPLAINTS_MOST 100

/* ---- complaints ---- */

void complaints_done(struct complaints *x) { buf_done(&x->text); }

void complain(struct complaints *x, const struct error_row *row, const char *fmt, ...)
{
    va_list ap;

    if ((x->row != NULL && x->row != row) || x->n >= COMPLAINTS_MOST)
        return;
    x->row = row;
    if (x->n++ > 0)
        buf_char(&x->text, '\n');
    va_start(ap, fmt);
    buf_vprintf(&x->text, fmt, ap);
    va_end(ap);
}

int complaints_fault(struct call *c, const struct complaints *x)
{
    return x->row == NULL ? 0 : call_fault(c, x->row, STR_FMT, STR_ARG(buf_view(&x->text)));
}

/* ---- checks ---- */

bool text_is_clean(struct str s)
{
    bool seen = false;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        if (ch < ' ' || ch == 0x7f)
            return false;
        seen = seen || ch != ' ';
    }
    return seen;
}

static void check_dimension(struct complaints *x, const struct error_row *row, const char *path, size_t n,
                            const struct cloudwatch_Dimension *d)
{
    if (!text_is_clean(d->Name) || d->Name.p[0] == ':')
        complain(x, row, "The value " STR_FMT " for parameter %s.member.%zu.Name is invalid.",
                 STR_ARG(d->Name), path, n);
    if (!text_is_clean(d->Value))
        complain(x, row, "The value " STR_FMT " for parameter %s.member.%zu.Value is invalid.",
                 STR_ARG(d->Value), path, n);
}

const struct metric_dimension *dimensions_of(struct call *c, struct complaints *x,
                                             const struct error_row *row, const char *path,
                                             const struct cloudwatch_Dimensions *v)
{
    struct metric_dimension *to = arena_calloc(c->mem, v->n, sizeof(*to));

    for (size_t i = 0; i < v->n; i++) {
        check_dimension(x, row, path, i + 1, &v->v[i]);
        for (size_t k = 0; k < i; k++)
            if (str_eq(v->v[k].Name, v->v[i].Name)) /* UNVERIFIED wording */
                complain(x, row, "The parameter %s contains the dimension " STR_FMT " more than once.", path,
                         STR_ARG(v->v[i].Name));
        to[i] = (struct metric_dimension){ v->v[i].Name, v->v[i].Value };
    }
    return to;
}

/* UNVERIFIED wording. */
void check_period(struct complaints *x, const struct error_row *row, const char *path, int64_t period_s)
{
    if (period_s == 1 || period_s == 5 || period_s == 10 || period_s == 20 || period_s == 30)
        return;
    if (period_s < 1 || period_s % 60 != 0)
        complain(x, row, "The parameter %s must be a multiple of 60.", path);
    else if (period_s > 86400 * 365)
        complain(x, row, "The value %lld for parameter %s is invalid.", (long long)period_s, path);
}

/* ---- life ---- */

struct cloudwatch *cloudwatch_new(const struct cloudwatch_options *o)
{
    struct cloudwatch *s = xcalloc(1, sizeof(*s));

    s->o = *o;
    return s;
}

struct cloudwatch *cloudwatch_free(struct cloudwatch *s)
{
    free(s);
    return NULL;
}

void cloudwatch_load(struct cloudwatch *s, struct turn *t)
{
    (void)s;
    (void)t;
}
void cloudwatch_reset(struct cloudwatch *s, struct turn *t)
{
    (void)s;
    (void)t;
}

static const struct handler handlers[] = {
    { "PutMetricData", cloudwatch_put_metric_data, 0 },
    { "GetMetricStatistics", cloudwatch_get_metric_statistics, 0 },
    { "GetMetricData", cloudwatch_get_metric_data, 0 },
    { "ListMetrics", cloudwatch_list_metrics, 0 },
};

/* s may be NULL where only the list of operations is wanted. */
struct service cloudwatch_service(struct cloudwatch *s)
{
    return (struct service){
        .model = &cloudwatch_model, .handlers = handlers, .n_handlers = ARRAY_LEN(handlers), .state = s
    };
}
