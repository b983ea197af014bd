/* elsewhere.c - see elsewhere.h.  True here: a job touches its own arena and patterns it holds, nothing else.
 */
#include "flow/elsewhere.h"

#include <stdlib.h>

#define SLICE_STEPS \
    ((uint64_t)100000000) /* of a job: about as many nanoseconds, then others may have the thread */

uint64_t *elsewhere_steps(struct elsewhere *e, const struct turn *t)
{
    if (e->turn_ns != t->now.mono_ns) {
        e->turn_ns = t->now.mono_ns;
        e->left = ELSEWHERE_TURN_STEPS;
    }
    return &e->left;
}

/* ---- rows that cannot be worked on yet ---- */

bool elsewhere_free_for(struct elsewhere *e, uint64_t row)
{
    if (e->job == NULL)
        return true;
    if (e->n == e->cap) {
        e->cap = MAX(e->cap * 2, (size_t)16);
        e->waiting = xrealloc(e->waiting, e->cap * sizeof(*e->waiting));
    }
    e->waiting[e->n++] = row;
    return false;
}

static void call_next(struct elsewhere *e, struct turn *t)
{
    bool called = false;

    while (e->n > 0 && !called) {
        called = outbox_recall(e->outbox, t, e->waiting[0]);
        memmove(e->waiting, e->waiting + 1, --e->n * sizeof(*e->waiting));
    }
}

/* ---- the job ---- */

static void inquiry_free(struct inquiry *q)
{
    for (size_t i = 0; i < q->n; i++)
        pattern_free(q->v[i].pattern);
    arena_free(q->mem);
}

static void read_texts(struct inquiry *q)
{
    for (size_t i = 0; i < INQUIRY_TEXTS_MOST; i++)
        if (q->doc[i] == NULL && !str_absent(q->text[i])) {
            CHECK(json_parse(q->mem, q->text[i], &q->doc[i], NULL) == 0);
            pattern_ready(q->mem, q->doc[i]);
        }
}

static bool ask(const struct inquiry *q, const struct question *v, uint64_t *left)
{
    if (v->text < 0)
        return pattern_match_attributes_unless(v->pattern, q->attributes, q->n_attributes, left,
                                               &q->of->stop);
    return pattern_match_unless(v->pattern, q->doc[v->text], left, &q->of->stop);
}

/* The first pattern of a slice gets all it needs, so that every slice ends further on. */
static void run(void *arg)
{
    struct inquiry *q = arg;
    uint64_t slice = SLICE_STEPS;
    size_t first = q->at;

    read_texts(q);
    while (q->at < q->n && slice > 0 && !atomic_load(&q->of->stop)) {
        uint64_t most = q->at == first ? UINT64_MAX : slice, left = most;

        q->v[q->at].wants = ask(q, &q->v[q->at], &left);
        slice -= MIN(slice, most - left);
        q->at += left > 0;
    }
}

static void done(void *arg, struct turn *t)
{
    struct inquiry *q = arg;
    struct elsewhere *e = q->of;
    bool fresh = q->epoch == e->epoch;

    if (atomic_load(&e->stop))
        return; /* the row stays, for the next start */
    if (fresh && q->at < q->n) {
        t->ops->work(t->engine, run, done, q);
        return;
    }
    e->job = NULL;
    if (fresh)
        q->tell(q->arg, t, q);
    inquiry_free(q);
    call_next(e, t);
}

void inquiry_ask(struct inquiry *q, struct pattern *p, uint64_t id, struct str name, int text)
{
    CHECK(text < INQUIRY_TEXTS_MOST && q->of == NULL); /* not on its way yet */
    q->v[q->n++] = (struct question){ pattern_hold(p), id, name, text, false };
}

void elsewhere_begin(struct elsewhere *e, struct turn *t, struct inquiry *q)
{
    CHECK_IS(t, TURN_MAGIC);
    CHECK(e->job == NULL && q->of == NULL && q->tell != NULL);
    q->of = e;
    q->epoch = e->epoch;
    e->job = q;
    t->ops->work(t->engine, run, done, q);
}

/* ---- life ---- */

void elsewhere_init(struct elsewhere *e, struct outbox *outbox)
{
    *e = (struct elsewhere){ .outbox = outbox, .left = ELSEWHERE_TURN_STEPS };
}

void elsewhere_forget(struct elsewhere *e)
{
    e->epoch++;
    e->n = 0;
}

void elsewhere_stop(struct elsewhere *e) { atomic_store(&e->stop, true); }

void elsewhere_done(struct elsewhere *e)
{
    if (e->job != NULL)
        inquiry_free(e->job);
    free(e->waiting);
    elsewhere_init(e, NULL);
}
