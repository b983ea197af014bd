/* run.c - slot, start, count, release.  True here: a run holds a slot from its start until its end is told,
 * unless it was let go; whoever is told finds the slot free. */
#include "flow/run.h"

int run_resolve(const struct runner *n, struct callee *c, struct str qualifier, struct target *ret)
{
    return n->host.resolve(n->host.arg, c, qualifier, ret);
}

enum admission run_admit(const struct runner *n, struct callee *c, struct slot *ret)
{
    return n->host.acquire(n->host.arg, c, ret);
}

void run_give_back(const struct runner *n, struct slot *slot)
{
    if (slot->life == 0)
        return;
    n->host.release(n->host.arg, *slot);
    *slot = (struct slot){ 0 };
}

struct metric_lambda run_metric(const struct callee *c, struct str version)
{
    return (struct metric_lambda){ c->account, c->region, c->name, c->qualifier, version };
}

/* While it still holds its slot: the gauges' highest of a minute is then exact. */
static void count(const struct run *r, const struct outcome *o, struct turn *t)
{
    const struct run_host *h = &r->runner->host;
    struct metric_lambda f = run_metric(r->callee, r->execution.code->version);
    struct metric_run run = { .started_ms = o->started_ms,
                              .duration_us = o->duration_us,
                              .error = o->kind == OUTCOME_ERROR,
                              .async = r->enqueued_ms > 0,
                              .enqueued_ms = r->enqueued_ms };
    struct metric_concurrency c;

    if (t->metrics == NULL || o->kind == OUTCOME_SYSTEM)
        return;
    metric_lambda_executed(t, &f, &run);
    if (h->concurrency != NULL && h->concurrency(h->arg, r->slot, &c))
        metric_lambda_concurrency(t, &f, &c);
}

static void ended(struct execution *e, const struct outcome *o, struct turn *t)
{
    struct run *r = CONTAINER_OF(e, struct run, execution);
    struct code *code = e->code;

    if (r->slot.life != 0)
        count(r, o, t);
    run_give_back(r->runner, &r->slot);
    r->done(r, o, t); /* r may be gone */
    code_unref(code);
}

void run_start(struct run *r, const struct runner *n, struct code *code, struct slot slot)
{
    CHECK(slot.life != 0 && r->done != NULL && r->callee != NULL);
    r->runner = n;
    r->slot = slot;
    r->execution.code = code_ref(code);
    r->execution.done = ended;
    n->executor.start(n->executor.arg, &r->execution);
}

void run_let_go(struct run *r)
{
    run_give_back(r->runner, &r->slot);
    r->callee = NULL;
}
