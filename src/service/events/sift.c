/* sift.c - see sift.h.  True here: a job touches its own arena and patterns it holds, nothing else. */
#include "service/events/sift.h"

#include <stdlib.h>

#define KIND "events.sift"
#define SLICE_STEPS ((uint64_t)100000000)                    /* of a job: about as many nanoseconds, then others may have the thread */

struct candidate { struct pattern *pattern; uint64_t rule; struct str name; bool wants; };

struct sift_job {
    struct events *e;
    uint64_t epoch, row;
    struct arena *mem;
    struct str account, region, bus;
    struct event ev;                                         /* doc: decoded, for matching alone */
    struct json *doc;
    struct candidate *v;
    size_t n, at;
};

/* ---- in the turn ------------------------------------------------------------------------------------------------ */

static uint64_t *steps_of_turn(struct events *e, const struct turn *t)
{
    if (e->sift.turn_ns != t->now.mono_ns) {
        e->sift.turn_ns = t->now.mono_ns;
        e->sift.left = SIFT_TURN_STEPS;
    }
    return &e->sift.left;
}

struct matches { const struct rule **v; size_t n, cap; };

static void matched(void *arg, void *owner)
{
    struct matches *m = arg;

    if (m->n == m->cap) {
        m->cap = m->cap > 0 ? m->cap * 2 : 16;
        m->v = xrealloc(m->v, m->cap * sizeof(*m->v));
    }
    m->v[m->n++] = owner;
}

bool sift_now(struct events *e, struct turn *t, const struct bus *b, const struct event *ev)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    uint64_t *turn = steps_of_turn(e, t), most = MIN(*turn, (uint64_t)PATTERN_TURN_STEPS), left = most;
    struct matches m = { 0 };
    bool enough = most > 0 && pattern_set_match_within(b->patterns, a, ev->doc, &left, matched, &m);

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

    jw_init(&w, &payload);
    jw_object(&w);
    jw_kstr(&w, "account", b->account);
    jw_kstr(&w, "region", b->region);
    jw_kstr(&w, "bus", b->name);
    jw_kstr(&w, "trace", ev->trace_header);
    jw_ki64(&w, "ingested", ev->ingested_ms);
    jw_kbool(&w, "forwarded", ev->forwarded);
    jw_kstr(&w, "event", ev->text);
    jw_object_end(&w);
    return outbox_put(e->o.outbox, t, KIND, buf_view(&payload), t->now.wall_ms, NULL);
}

/* ---- rows that cannot be worked on yet --------------------------------------------------------------------------- */

static void wait_for_turn(struct sifting *s, uint64_t row)
{
    if (s->n == s->cap) {
        s->cap = MAX(s->cap * 2, (size_t)16);
        s->waiting = xrealloc(s->waiting, s->cap * sizeof(*s->waiting));
    }
    s->waiting[s->n++] = row;
}

static void call_next(struct events *e, struct turn *t)
{
    struct sifting *s = &e->sift;
    bool called = false;

    while (s->n > 0 && !called) {
        called = outbox_recall(e->o.outbox, t, s->waiting[0]);
        memmove(s->waiting, s->waiting + 1, --s->n * sizeof(*s->waiting));
    }
}

/* ---- the job ---------------------------------------------------------------------------------------------------- */

static void job_free(struct sift_job *j)
{
    for (size_t i = 0; i < j->n; i++)
        pattern_free(j->v[i].pattern);
    arena_free(j->mem);
}

/* The first pattern of a slice gets all it needs, so that every slice ends further on. */
static void run(void *arg)
{
    struct sift_job *j = arg;
    uint64_t slice = SLICE_STEPS;
    size_t first = j->at;

    if (j->doc == NULL) {
        CHECK(json_parse(j->mem, j->ev.text, &j->doc, NULL) == 0);
        pattern_ready(j->mem, j->doc);
    }
    while (j->at < j->n && slice > 0) {
        uint64_t most = j->at == first ? UINT64_MAX : slice, left = most;

        j->v[j->at].wants = pattern_match_within(j->v[j->at].pattern, j->doc, &left);
        slice -= MIN(slice, most - left);
        j->at += left > 0;
    }
}

static void tell(struct sift_job *j, struct turn *t)
{
    const struct bus *b = bus_find(j->e, j->account, j->region, j->bus);

    CHECK(event_parse(j->mem, j->ev.text, &j->ev) == 0);
    for (size_t i = 0; b != NULL && i < j->n; i++) {
        const struct rule *r = j->v[i].wants ? rule_find(b, j->v[i].name) : NULL;

        if (r != NULL && r->id == j->v[i].rule && r->pattern == j->v[i].pattern && r->enabled)
            rule_matched(j->e, t, r, &j->ev);
    }
    (void)outbox_over(j->e->o.outbox, t, j->row);
}

static void done(void *arg, struct turn *t)
{
    struct sift_job *j = arg;
    struct events *e = j->e;
    bool fresh = j->epoch == e->sift.epoch;

    if (fresh && j->at < j->n) {
        t->ops->work(t->engine, run, done, j);
        return;
    }
    if (fresh)
        tell(j, t);
    e->sift.job = NULL;
    job_free(j);
    call_next(e, t);
}

static struct sift_job *job_new(struct events *e, struct arena *mem, const struct outbox_item *item)
{
    struct sift_job *j = ARENA_NEW(mem, struct sift_job);
    struct str text = arena_str(mem, item->payload);
    struct json *doc;

    *j = (struct sift_job){ .e = e, .epoch = e->sift.epoch, .row = item->id, .mem = mem };
    CHECK(json_parse(mem, text, &doc, NULL) == 0 && json_i64(json_get(doc, STR("ingested")), &j->ev.ingested_ms) == 0);
    j->account = json_get_text(mem, doc, STR("account"));
    j->region = json_get_text(mem, doc, STR("region"));
    j->bus = json_get_text(mem, doc, STR("bus"));
    j->ev.text = json_get_text(mem, doc, STR("event"));
    j->ev.trace_header = json_get_text(mem, doc, STR("trace"));
    j->ev.forwarded = json_get(doc, STR("forwarded"))->type == JSON_TRUE;
    return j;
}

static void job_begin(struct sift_job *j, struct turn *t, const struct bus *b)
{
    j->v = arena_calloc(j->mem, b->n_rules + 1, sizeof(*j->v));
    for (size_t i = 0; i < b->n_rules; i++) {
        struct rule *r = b->rules[i];

        if (r->pattern != NULL && r->enabled)
            j->v[j->n++] = (struct candidate){ pattern_hold(r->pattern), r->id, arena_str(j->mem, r->name), false };
    }
    j->ev.doc = NULL;
    j->e->sift.job = j;
    t->ops->work(t->engine, run, done, j);
}

static void due(void *arg, struct turn *t, const struct outbox_item *item)
{
    struct events *e = arg;
    struct arena *mem;
    struct sift_job *j;
    const struct bus *b;

    if (e->sift.job != NULL) {
        wait_for_turn(&e->sift, item->id);
        return;
    }
    mem = arena_new(0);
    j = job_new(e, mem, item);
    b = bus_find(e, j->account, j->region, j->bus);
    if (b != NULL)
        CHECK(event_parse(mem, j->ev.text, &j->ev) == 0);
    if (b != NULL && !sift_now(e, t, b, &j->ev)) {
        job_begin(j, t, b);
        return;
    }
    (void)outbox_over(e->o.outbox, t, item->id);             /* told, or nobody is there any more */
    arena_free(mem);
}

void sift_forget(struct events *e)
{
    e->sift.epoch++;
    e->sift.n = 0;
}

void sift_free(struct events *e)
{
    if (e->sift.job != NULL)
        job_free(e->sift.job);
    free(e->sift.waiting);
    e->sift = (struct sifting){ 0 };
}

struct outbox_kind sift_outbox_kind(struct events *e)
{
    return (struct outbox_kind){ .name = KIND, .due = due, .arg = e };
}
