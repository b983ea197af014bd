/* data.c - GetMetricData: many metrics and expressions at once, page by page.
 * Rules: CloudWatch API reference, pages GetMetricData, MetricDataQuery, MetricStat.
 *
 * True here: a query is computed at most once per call, when its result or another's expression asks for it.
 * Periods begin at whole multiples of themselves since 1970 (UNVERIFIED); samples from the whole minute of
 * StartTime on count. A page ends after MaxDatapoints, or between two results once much was read; the token
 * says where to go on. */
#include "service/cloudwatch/internal.h"

#include "base/crypt.h"
#include "service/cloudwatch/expression.h"

#define QUERIES_MOST 500
#define DATAPOINTS_MOST 100800
#define STEPS_PER_PAGE 400000 /* of work before a page ends early: some 20 ms */
#define ROW_STEPS 16          /* a minute read; each eight bytes of its values are one more */
#define POINT_STEPS 3         /* a point that an expression computes */
#define ROWS_MOST 1000000     /* minutes read before a single result is too much */
#define NESTING_MOST 20
#define INVALID (&error_validation)

enum progress { TO_DO, DOING, DONE };

struct query {
    struct statistic statistic;
    const struct metric_dimension *dimensions;
    enum progress progress;
    struct expression_value value;
};

struct data {
    struct call *c;
    const struct cloudwatch_GetMetricDataInput *in;
    struct query *q;
    struct expression_names names;
    size_t rows, steps;
    int nesting;
    bool check_only; /* names and grammar: every series is empty */
};

struct position {
    size_t query, series, point;
};

/* ---- checks ---- */

static void check_metric(struct complaints *x, struct data *d, const char *path, size_t i)
{
    const struct cloudwatch_MetricStat *s = d->in->MetricDataQueries.v[i].MetricStat;

    if (str_absent(s->Metric->Namespace))
        complain(x, INVALID, "The parameter %s.MetricStat.Metric.Namespace is required.", path);
    if (str_absent(s->Metric->MetricName))
        complain(x, INVALID, "The parameter %s.MetricStat.Metric.MetricName is required.", path);
    if (statistic_parse(s->Stat, &d->q[i].statistic) < 0)
        complain(x, INVALID, "The value for parameter %s.MetricStat.Stat is not a valid statistic.", path);
    check_period(x, INVALID, arena_printf(d->c->mem, "%s.MetricStat.Period", path).p, s->Period.v);
    d->q[i].dimensions =
        dimensions_of(d->c, x, INVALID, arena_printf(d->c->mem, "%s.MetricStat.Metric.Dimensions", path).p,
                      &s->Metric->Dimensions);
}

static void check_id(struct complaints *x, struct data *d, const char *path, size_t i)
{
    struct str id = d->in->MetricDataQueries.v[i].Id;

    if (!expression_is_id(id)) /* UNVERIFIED wording */
        complain(x, INVALID,
                 "The value " STR_FMT
                 " for parameter %s.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.",
                 STR_ARG(id), path);
    for (size_t k = 0; k < i; k++)
        if (str_eq(id, d->in->MetricDataQueries.v[k].Id))
            complain(x, INVALID, "The values for parameter id in MetricDataQueries are not unique.");
}

/* UNVERIFIED wording of what is refused here. */
static void check_query(struct complaints *x, struct data *d, size_t i)
{
    const struct cloudwatch_MetricDataQuery *q = &d->in->MetricDataQueries.v[i];
    const char *path = arena_printf(d->c->mem, "MetricDataQueries.member.%zu", i + 1).p;

    check_id(x, d, path, i);
    if (q->MetricStat != NULL && !str_absent(q->Expression))
        complain(x, INVALID,
                 "The parameters %s.Expression and %s.MetricStat are mutually exclusive and you have "
                 "specified both.",
                 path, path);
    else if (q->MetricStat == NULL && str_absent(q->Expression))
        complain(x, INVALID, "Must specify either %s.Expression or %s.MetricStat.", path, path);
    if (q->MetricStat != NULL && q->MetricStat->Metric != NULL)
        check_metric(x, d, path, i);
    if (q->Period.set && q->MetricStat != NULL)
        complain(x, INVALID, "The parameter %s.Period is not supported beside %s.MetricStat.", path, path);
    else if (q->Period.set)
        check_period(x, INVALID, arena_printf(d->c->mem, "%s.Period", path).p, q->Period.v);
    if (!str_absent(q->AccountId) && !str_eq(q->AccountId, d->c->account))
        complain(x, INVALID, "%s.AccountId " STR_FMT " is not supported: accounts are not linked.", path,
                 STR_ARG(q->AccountId));
    if (!str_absent(q->Label) && str_find_str(q->Label, STR("${")) >= 0)
        complain(x, INVALID, "Dynamic labels are not supported: the value of %s.Label.", path);
}

/* "+0130": the time zone of dates in dynamic labels, and of nothing else. */
static bool timezone_is_sound(struct str s)
{
    if (s.n != 5 || (s.p[0] != '+' && s.p[0] != '-'))
        return false;
    for (size_t i = 1; i < 5; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static void check_request(struct complaints *x, const struct cloudwatch_GetMetricDataInput *in)
{
    if (in->MetricDataQueries.n == 0)
        complain(x, INVALID, "The collection MetricDataQueries must not be empty.");
    if (in->MetricDataQueries.n > QUERIES_MOST)
        complain(x, INVALID, "The collection MetricDataQueries must not have a size greater than %d.",
                 QUERIES_MOST);
    if (sane_ms(in->StartTime) >= sane_ms(in->EndTime))
        complain(x, INVALID, "The parameter StartTime must be less than the parameter EndTime.");
    if (in->MaxDatapoints.set && (in->MaxDatapoints.v < 1 || in->MaxDatapoints.v > DATAPOINTS_MOST))
        complain(x, INVALID, "The parameter MaxDatapoints must be between 1 and %d.", DATAPOINTS_MOST);
    if (in->LabelOptions != NULL && !str_absent(in->LabelOptions->Timezone) &&
        !timezone_is_sound(in->LabelOptions->Timezone))
        complain(x, INVALID, "The value " STR_FMT " for parameter LabelOptions.Timezone is invalid.",
                 STR_ARG(in->LabelOptions->Timezone));
}

/* ---- computing ---- */

static struct str label_of(const struct cloudwatch_MetricDataQuery *q)
{
    return !str_absent(q->Label)   ? q->Label
           : q->MetricStat != NULL ? q->MetricStat->Metric->MetricName
                                   : q->Id;
}

/* The same time in another unit: CloudWatch converts nothing, and adds what was not asked apart. */
static void same_time(struct metric_point *p, const struct metric_point *more)
{
    p->low = MIN(p->low, more->low);
    p->high = MAX(p->high, more->high);
    p->count += more->count;
    p->sum += more->sum;
    metric_values_merge(&p->values, &more->values);
    if (p->values.n > 0)
        metric_values_tidy(&p->values);
}

static void to_series(struct data *d, const struct statistic *statistic, struct metric_points *points,
                      struct series *s)
{
    s->v = arena_calloc(d->c->mem, points->n, sizeof(*s->v));
    for (size_t i = 0; i < points->n; i++) {
        struct metric_point *p = &points->v[i];
        double v;

        for (; i + 1 < points->n && points->v[i + 1].start_ms == p->start_ms; i++)
            same_time(p, &points->v[i + 1]);
        if (statistic_of(statistic, p, &v))
            s->v[s->n++] = (struct series_point){ p->start_ms, v };
    }
}

static int load(struct data *d, size_t i, struct buf *why)
{
    const struct cloudwatch_MetricDataQuery *from = &d->in->MetricDataQueries.v[i];
    const struct cloudwatch_MetricStat *stat = from->MetricStat;
    CLEANUP(metric_points_done) struct metric_points points = { 0 };
    struct series *s = ARENA_NEW(d->c->mem, struct series);
    struct metric_query q = { .place = { d->c->account, d->c->region, stat->Metric->Namespace,
                                         d->q[i].dimensions, stat->Metric->Dimensions.n },
                              .name = stat->Metric->MetricName,
                              .unit = stat->Unit,
                              .from_ms = sane_ms(d->in->StartTime) / MINUTE_MS * MINUTE_MS,
                              .to_ms = sane_ms(d->in->EndTime),
                              .period_ms = period_ms(stat->Period),
                              .want_values = statistic_wants_values(&d->q[i].statistic) };

    *s = (struct series){ .label = label_of(from), .period_s = period_ms(stat->Period) / 1000 };
    d->q[i].value = (struct expression_value){ .kind = EXPRESSION_SERIES, .v = s, .n = 1 };
    if (d->check_only)
        return 0;
    if (d->rows > ROWS_MOST) {
        buf_printf(why, "it takes more than %d minutes of data", ROWS_MOST);
        return -E_FAULT;
    }
    metric_read(metrics_of(d->c), d->c->turn, d->c->mem, &q, &points);
    d->rows += points.rows;
    d->steps += points.rows * ROW_STEPS + points.value_bytes / 8;
    to_series(d, &d->q[i].statistic, &points, s);
    return 0;
}

static void name_result(const struct cloudwatch_MetricDataQuery *q, struct expression_value *v)
{
    if (v->kind == EXPRESSION_SERIES)
        v->v->label = label_of(q);
    for (size_t i = 0; v->kind == EXPRESSION_MANY && i < v->n && !str_absent(q->Label); i++)
        v->v[i].label = q->Label;
}

/* The series a result shares with what it was made of keeps its own label. */
static void own_copy(struct arena *a, struct expression_value *v)
{
    if (v->kind != EXPRESSION_NUMBER)
        v->v = memcpy(arena_alloc(a, MAX(v->n, (size_t)1) * sizeof(*v->v)), v->v, v->n * sizeof(*v->v));
}

/* What an expression makes has its metrics' period, and is not computed at another.  UNVERIFIED wording. */
static int check_result_period(const struct cloudwatch_MetricDataQuery *q, const struct expression_value *v,
                               struct buf *why)
{
    bool same = v->kind != EXPRESSION_NUMBER;

    if (q->MetricStat != NULL || !q->Period.set)
        return 0;
    for (size_t i = 0; i < v->n && same; i++)
        same = v->v[i].period_s == q->Period.v;
    if (!same)
        buf_printf(why,
                   "the Period %lld is not supported: it is not the period of the metrics of the expression",
                   (long long)q->Period.v);
    return same ? 0 : -E_FAULT;
}

static int compute(struct data *d, size_t i, struct buf *why)
{
    const struct cloudwatch_MetricDataQuery *q = &d->in->MetricDataQueries.v[i];
    struct query *x = &d->q[i];
    int r;

    if (x->progress == DONE)
        return 0;
    if (x->progress == DOING || d->nesting >= NESTING_MOST) {
        buf_printf(why,
                   "\"" STR_FMT "\" refers to itself, or expressions refer to each other more than %d deep",
                   STR_ARG(q->Id), NESTING_MOST);
        return -E_FAULT;
    }
    x->progress = DOING;
    d->nesting++;
    r = q->MetricStat != NULL ? load(d, i, why)
                              : expression_eval(d->c->mem, q->Expression, &d->names, &x->value, why);
    d->nesting--;
    r = r < 0 ? r : check_result_period(q, &x->value, why);
    if (r == 0) {
        own_copy(d->c->mem, &x->value);
        name_result(q, &x->value);
    }
    x->progress = DONE;
    return r < 0 ? -E_FAULT : 0;
}

static int name_value(void *arg, struct str id, struct expression_value *ret, struct buf *why)
{
    struct data *d = arg;

    for (size_t i = 0; i < d->in->MetricDataQueries.n; i++)
        if (str_eq(d->in->MetricDataQueries.v[i].Id, id)) {
            int r = compute(d, i, why);

            *ret = d->q[i].value;
            return r;
        }
    return -E_NOT_FOUND;
}

static struct str name_metric(void *arg, size_t n)
{
    const struct data *d = arg;

    for (size_t i = 0; i < d->in->MetricDataQueries.n; i++)
        if (d->in->MetricDataQueries.v[i].MetricStat != NULL && n-- == 0)
            return d->in->MetricDataQueries.v[i].Id;
    return STR_NONE;
}

static bool is_returned(const struct cloudwatch_MetricDataQuery *q)
{
    return !q->ReturnData.set || q->ReturnData.v;
}

static int compute_or_fault(struct data *d, size_t i)
{
    const struct cloudwatch_MetricDataQuery *q = &d->in->MetricDataQueries.v[i];
    CLEANUP(buf_done) struct buf why = { 0 };
    int r = compute(d, i, &why);

    if (r == 0 && d->q[i].value.kind == EXPRESSION_NUMBER && is_returned(q)) {
        buf_z(&why, "the result is a number, and must be a time series");
        r = -E_FAULT;
    }
    return r < 0 ? call_fault(d->c, INVALID, "Error in expression '" STR_FMT "': " STR_FMT, STR_ARG(q->Id),
                              STR_ARG(buf_view(&why)))
                 : 0;
}

static void begin(struct data *d, bool check_only)
{
    for (size_t i = 0; i < d->in->MetricDataQueries.n; i++)
        d->q[i].progress = TO_DO;
    d->check_only = check_only;
    d->names = (struct expression_names){
        .arg = d, .value = name_value, .metric = name_metric, .points_left = EXPRESSION_POINTS_MOST
    };
    if (!check_only) {
        d->names.start_ms = sane_ms(d->in->StartTime);
        d->names.end_ms = sane_ms(d->in->EndTime);
    }
}

/* Every expression must be sound, whether it is returned, on this page or not. */
static int check_expressions(struct data *d)
{
    begin(d, true);
    for (size_t i = 0; i < d->in->MetricDataQueries.n; i++) {
        int r = compute_or_fault(d, i);

        if (r < 0)
            return r;
    }
    begin(d, false);
    return 0;
}

/* ---- pages ---- */

static int position_parse(struct call *c, struct str token, struct position *ret)
{
    size_t *const to[] = { &ret->query, &ret->series, &ret->point };
    struct str text, part;

    *ret = (struct position){ 0 };
    if (str_absent(token))
        return 0;
    if (base64_decode(c->mem, token, &text) != 0)
        text = STR_NONE;
    for (size_t i = 0; i < ARRAY_LEN(to); i++) {
        uint64_t v;

        if (!str_cut(&text, '.', &part) || str_to_u64(part, &v) < 0 || v > UINT32_MAX)
            return call_fault(c, &cloudwatch_error_InvalidNextToken,
                              "The value " STR_FMT " for parameter NextToken is invalid.", STR_ARG(token));
        *to[i] = (size_t)v;
    }
    return 0;
}

static struct str position_text(struct call *c, struct position p)
{
    return base64_str(c->mem, arena_printf(c->mem, "%zu.%zu.%zu", p.query, p.series, p.point));
}

/* Points [from, from + n) in the order asked for. */
static void show_points(struct data *d, const struct series *s, size_t from, size_t n,
                        struct cloudwatch_MetricDataResult *ret)
{
    bool rising = str_is(d->in->ScanBy, "TimestampAscending");

    ret->Timestamps =
        (struct cloudwatch_Timestamps){ true, n, arena_calloc(d->c->mem, n, sizeof(*ret->Timestamps.v)) };
    ret->Values =
        (struct cloudwatch_DatapointValues){ true, n, arena_calloc(d->c->mem, n, sizeof(*ret->Values.v)) };
    for (size_t i = 0; i < n; i++) {
        const struct series_point *p = &s->v[rising ? from + i : s->n - 1 - from - i];

        ret->Timestamps.v[i] = TIME_SET(p->ms);
        ret->Values.v[i] = REAL_SET(p->v);
    }
}

struct page {
    struct cloudwatch_GetMetricDataOutput *out;
    size_t points_left;
};

static void room_for(struct page *page, struct call *c, size_t more)
{
    struct cloudwatch_MetricDataResults *r = &page->out->MetricDataResults;
    struct cloudwatch_MetricDataResult *v = arena_calloc(c->mem, r->n + more, sizeof(*v));

    if (r->n > 0)
        memcpy(v, r->v, r->n * sizeof(*v));
    r->v = v;
}

/* The results of query p->query from p on.  True: the page is full, and *p is where the next begins. */
static bool show_query(struct data *d, struct page *page, struct position *p)
{
    const struct expression_value *x = &d->q[p->query].value;

    room_for(page, d->c, x->n);
    for (; p->series < x->n; p->series++, p->point = 0) {
        const struct series *s = &x->v[p->series];
        struct cloudwatch_MetricDataResult *r =
            &page->out->MetricDataResults.v[page->out->MetricDataResults.n];
        size_t from = MIN(p->point, s->n), n = MIN(s->n - from, page->points_left);

        if (n == 0 && s->n > from)
            return true;
        page->out->MetricDataResults.n++;
        *r = (struct cloudwatch_MetricDataResult){ .Id = d->in->MetricDataQueries.v[p->query].Id,
                                                   .Label = s->label,
                                                   .StatusCode = from + n < s->n ? STR("PartialData")
                                                                                 : STR("Complete") };
        show_points(d, s, from, n, r);
        page->points_left -= n;
        p->point = from + n;
        if (p->point < s->n)
            return true;
    }
    return false;
}

static int show_page(struct data *d, struct position p, struct cloudwatch_GetMetricDataOutput *out)
{
    struct page page = { out, d->in->MaxDatapoints.set ? (size_t)d->in->MaxDatapoints.v : DATAPOINTS_MOST };

    out->MetricDataResults.set = true;
    for (; p.query < d->in->MetricDataQueries.n; p = (struct position){ .query = p.query + 1 }) {
        int r;

        if (!is_returned(&d->in->MetricDataQueries.v[p.query]))
            continue;
        if (d->steps > STEPS_PER_PAGE) {
            out->NextToken = position_text(d->c, p);
            return 0;
        }
        d->names.points_left = EXPRESSION_POINTS_MOST;
        r = compute_or_fault(d, p.query);
        d->steps += (EXPRESSION_POINTS_MOST - d->names.points_left) * POINT_STEPS;
        if (r < 0)
            return r;
        if (show_query(d, &page, &p)) {
            out->NextToken = position_text(d->c, p);
            return 0;
        }
    }
    return 0;
}

int cloudwatch_get_metric_data(struct call *c, const void *input, void *output)
{
    const struct cloudwatch_GetMetricDataInput *in = input;
    struct cloudwatch_GetMetricDataOutput *out = output;
    CLEANUP(complaints_done) struct complaints x = { 0 };
    struct data d = { .c = c, .in = in };
    struct position p;
    int r = call_may_own(c, "cloudwatch:GetMetricData", STR("*"));

    if (r < 0)
        return r;
    check_request(&x, in);
    d.q = arena_calloc(c->mem, in->MetricDataQueries.n, sizeof(*d.q));
    for (size_t i = 0; i < MIN(in->MetricDataQueries.n, (size_t)QUERIES_MOST); i++)
        check_query(&x, &d, i);
    r = complaints_fault(c, &x);
    r = r < 0 ? r : position_parse(c, in->NextToken, &p);
    r = r < 0 ? r : check_expressions(&d);
    return r < 0 ? r : show_page(&d, p, out);
}
