/* explain.c - GET /_waybill/explain: gathers facts in a turn of its own and lets flow/explain.h speak. */
#include <stdlib.h>

#include "control/internal.h"
#include "metric/read.h"

#define DAY_MS ((int64_t)86400000)
#define JOURNEYS 50 /* the newest of the function */

struct question {
    struct control *c;
    struct exchange *x;
    struct str function, request;
    struct buf answer;
    int status;
};

static void write_finding(struct json_writer *w, const struct explain_finding *f)
{
    jw_object(w);
    jw_kstr(w, "code", str_of(f->code));
    jw_kstr(w, "weight", f->weight == EXPLAIN_CAUSE ? STR("cause") : STR("note"));
    jw_kstr(w, "sentence", f->sentence);
    jw_kstr(w, "command", f->command);
    jw_object_end(w);
}

static void write_answer(struct question *q, const struct explain_facts *f)
{
    struct explain_finding v[EXPLAIN_FINDINGS_MOST];
    size_t n = explain(q->x->mem, f, v, ARRAY_LEN(v));
    struct json_writer w;

    jw_init(&w, &q->answer);
    jw_object(&w);
    jw_kstr(&w, "function", f->function);
    jw_kstr(&w, "functionArn", f->function_arn);
    jw_kstr(&w, "requestId", f->request_id);
    jw_key(&w, STR("findings"));
    jw_array(&w);
    for (size_t i = 0; i < n; i++)
        write_finding(&w, &v[i]);
    jw_array_end(&w);
    jw_object_end(&w);
}

static size_t one_journey(struct control *c, struct arena *mem, struct str id, struct journey *j)
{
    return async_journey(c->o.async, c->o.store, mem, id, j) == 0 || journey_get(c->o.store, mem, id, j) == 0;
}

/* The sum of the last day, of the function under whatever name it was invoked. */
static double counted(struct turn *t, struct arena *mem, const struct explain_facts *f, const char *name)
{
    struct metric_dimension function = { STR("FunctionName"), f->function };
    struct metric_query q = { .place = { f->account, f->region, STR("AWS/Lambda"), &function, 1 },
                              .name = str_of(name),
                              .from_ms = t->now.wall_ms - DAY_MS,
                              .to_ms = t->now.wall_ms + 60000,
                              .period_ms = DAY_MS * 2,
                              .origin_ms = t->now.wall_ms - DAY_MS };
    CLEANUP(metric_points_done) struct metric_points points = { 0 };
    double sum = 0;

    metric_read(t->metrics, t, mem, &q, &points);
    for (size_t i = 0; i < points.n; i++)
        sum += points.v[i].sum;
    return sum;
}

static void count(struct turn *t, struct arena *mem, struct explain_facts *f)
{
    f->throttles = counted(t, mem, f, "Throttles");
    f->dropped = counted(t, mem, f, "AsyncEventsDropped");
    f->delivery_failures = counted(t, mem, f, "DestinationDeliveryFailures");
    f->dead_letter_errors = counted(t, mem, f, "DeadLetterErrors");
}

static void gather(struct question *q, struct turn *t, struct explain_facts *f)
{
    struct control *c = q->c;
    struct arena *mem = q->x->mem;
    struct journey *v = arena_calloc(mem, JOURNEYS, sizeof(*v));

    f->now_ms = t->now.wall_ms;
    f->request_id = q->request;
    f->clock_frozen = c->o.clock->mode == CLOCK_FROZEN;
    f->function = q->function;
    c->o.explain(c->o.arg, t, mem, q->function, f);
    if (f->exists && t->metrics != NULL)
        count(t, mem, f);
    f->journeys = v;
    f->n_journeys =
        str_absent(q->request)
            ? control_journeys(c, mem, str_absent(f->function_arn) ? q->function : f->function_arn, JOURNEYS,
                               v)
            : one_journey(c, mem, q->request, v);
}

static void answered(void *arg)
{
    struct question *q = arg;

    q->x->on_gone = NULL;
    control_reply(q->x, 200, &q->answer);
    buf_done(&q->answer);
    free(q);
}

static void explain_turn(void *arg, struct turn *t)
{
    struct question *q = arg;
    struct explain_facts f = { .reserved_concurrency = -1 };

    gather(q, t, &f);
    write_answer(q, &f);
    turn_after(t, answered, q);
}

void explain_get(struct control *c, struct exchange *x)
{
    struct str function = control_query(x->mem, x->query, STR("function"));
    struct question *q;

    if (str_empty(function)) {
        control_error(x, 400, "Which function? /_waybill/explain?function=NAME[&request=REQUEST_ID]");
        return;
    }
    q = xcalloc(1, sizeof(*q));
    *q = (struct question){
        .c = c, .x = x, .function = function, .request = control_query(x->mem, x->query, STR("request"))
    };
    engine_soon(c->o.engine, explain_turn, q);
}
