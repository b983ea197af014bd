/* sift.c - see sift.h.
 *
 * True here: what a job asked may be gone or another by the time it tells; a rule is meant only while its id,
 * its pattern and its being enabled are what they were. */
#include "service/events/sift.h"

#include <stdlib.h>

#define KIND "events.sift"

/* An event on its way through a job; its doc: of the turn it became due in. */
struct sift_job {
    uint32_t magic;
#define SIFT_JOB_MAGIC 0x73696674u
    struct events *e;
    struct parked_event p;
    struct inquiry q;
};

/* ---- in the turn ---- */

struct matches {
    const struct rule **v;
    size_t n, cap;
};

static void matched(void *arg, void *owner)
{
    struct matches *m = arg;

    if (m->n == m->cap) {
        m->cap = m->cap > 0 ? m->cap * 2 : 16;
        m->v = xrealloc(m->v, m->cap * sizeof(*m->v));
    }
    m->v[m->n++] = CAST(struct rule, RULE_MAGIC, owner);
    CHECK(m->v[m->n - 1]->enabled); /* who is not is not in the set */
}

bool sift_now(struct events *e, struct turn *t, const struct bus *b, const struct event *ev)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    uint64_t *turn = elsewhere_steps(&e->sift, t), most = MIN(*turn, (uint64_t)PATTERN_TURN_STEPS),
             left = most;
    struct matches m = { 0 };
    bool enough = most > 0 && pattern_set_match_within(b->patterns, a, ev->doc, &left, matched, &m);

    CHECK_IS(b, BUS_MAGIC);
    CHECK(left <= most && (enough || m.n == 0)); /* all who want it, or nobody */
    *turn -= most - left;
    for (size_t i = 0; i < m.n; i++)
        rule_matched(e, t, m.v[i], ev);
    free(m.v);
    return enough;
}

int sift_later(struct events *e, struct turn *t, const struct bus *b, const struct event *ev)
{
    CLEANUP(buf_done) struct buf payload = { 0 };
    struct json_writer w;

    CHECK_IS(e, EVENTS_MAGIC);
    jw_init(&w, &payload);
    jw_object(&w);
    event_park(&w, b, ev);
    jw_object_end(&w);
    return outbox_put(e->o.outbox, t, KIND, buf_view(&payload), t->now.wall_ms, NULL);
}

/* ---- the row ---- */

static void tell(void *arg, struct turn *t, struct inquiry *q)
{
    struct sift_job *j = CAST(struct sift_job, SIFT_JOB_MAGIC, arg);
    const struct bus *b = bus_find(j->e, j->p.account, j->p.region, j->p.bus);

    CHECK(q == &j->q);
    for (size_t i = 0; b != NULL && i < q->n; i++) {
        const struct rule *r = q->v[i].wants ? rule_find(b, q->v[i].name) : NULL;

        if (r != NULL && r->id == q->v[i].id && r->pattern == q->v[i].pattern && r->enabled)
            rule_matched(j->e, t, r, &j->p.ev);
    }
    (void)outbox_over(j->e->o.outbox, t, q->row);
}

static void job_begin(struct sift_job *j, struct turn *t, const struct bus *b)
{
    j->q.text[0] = j->p.ev.text;
    j->q.v = arena_calloc(j->q.mem, b->n_rules + 1, sizeof(*j->q.v));
    for (size_t i = 0; i < b->n_rules; i++) {
        struct rule *r = b->rules[i];

        if (r->pattern != NULL && r->enabled)
            inquiry_ask(&j->q, r->pattern, r->id, arena_str(j->q.mem, r->name), 0);
    }
    CHECK(j->q.n <= b->n_rules);
    elsewhere_begin(&j->e->sift, t, &j->q);
}

static void due(void *arg, struct turn *t, const struct outbox_item *item)
{
    struct events *e = CAST(struct events, EVENTS_MAGIC, arg);
    struct outbox_item kept = *item;
    const struct bus *b;
    struct arena *mem;
    struct sift_job *j;

    if (!elsewhere_free_for(&e->sift, item->id))
        return;
    mem = arena_new(0);
    kept.payload = arena_str(mem, item->payload); /* the job may read it longer than this turn */
    j = ARENA_NEW(mem, struct sift_job);
    *j = (struct sift_job){ .magic = SIFT_JOB_MAGIC,
                            .e = e,
                            .q = { .mem = mem, .row = item->id, .tell = tell, .arg = j } };
    if (event_unpark(t, mem, &kept, &j->p) < 0) {
        arena_free(mem);
        return;
    }
    b = bus_find(e, j->p.account, j->p.region, j->p.bus);
    if (b != NULL && !sift_now(e, t, b, &j->p.ev)) {
        job_begin(j, t, b);
        return;
    }
    (void)outbox_over(e->o.outbox, t, item->id); /* told, or nobody is there any more */
    arena_free(mem);
}

struct outbox_kind sift_outbox_kind(struct events *e)
{
    return (struct outbox_kind){ .name = KIND, .due = due, .arg = e };
}
