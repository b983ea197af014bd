/* set.c - many patterns, one event.
 *
 * True here: every branch of a pattern is filed under one of its fields, at a way (the steps of the field's
 * path from the root, shared by all patterns): exact    every test of the field is a text: under each of
 * these texts, in a hash table of the way; prefix   every test is a text or a prefix: under its first
 * PREFIX_BYTES at most, in a second table; ranged   every test is a number or a range: in a list of spans,
 * walked in one sweep over memory; asked    anything else that needs a value: in a list of the way, and the
 * value found there is tested before the pattern is; always   no field needs a value ({"exists": false}
 * alone): asked for every event. Of the fields a branch has, the one with the shortest queue before it is
 * taken, so 10,000 rules with one source and each its own detail-type end up under their detail-types. What a
 * way finds is a necessary condition only: candidates are matched whole, each once per event, in the order
 * they were added. */
#include <stdlib.h>
#include "base/list.h"
#include "base/map.h"
#include "pattern/parts.h"

#define PREFIX_BYTES 63
/* A queue of tests or spans costs something per pattern and event, a table look-up nothing: how much shorter
 * than the table's the queue must be to be preferred. */
#define ASKED_HANDICAP 16
#define RANGED_HANDICAP 8

struct entry {
    struct place *place;
    const struct field *field;
};
struct bucket {
    struct entry *v;
    uint32_t n, cap;
    uint64_t round;
};
struct span {
    double low, high;
    struct place *place;
}; /* both bounds count */
struct spans {
    struct span *v;
    uint32_t n, cap;
};

struct way {
    struct way *up;
    struct str name;                    /* owned copy; key in up->below */
    struct map below;                   /* name -> way */
    struct map exact, prefix;           /* text -> bucket */
    uint32_t lengths[PREFIX_BYTES + 1]; /* how many prefixes of each length stand in `prefix` */
    struct bucket asked;
    struct spans ranged;
    uint32_t uses; /* filings here and ways below */
};

/* Where an entry stands, to find it again. */
enum shelf { SHELF_EXACT, SHELF_PREFIX, SHELF_RANGED, SHELF_ASKED, SHELF_ALWAYS };
struct filing {
    enum shelf shelf;
    struct way *way;
    struct str text;
};

struct place {
    struct link link; /* all places, in the order they were added */
    const struct pattern *pattern;
    void *owner;
    uint64_t number, round;
    struct filing *filings;
    uint32_t n, cap;
};

struct pattern_set {
    struct list places;
    struct map by_pair; /* pattern and owner -> place */
    struct way root;
    struct bucket always;
    uint64_t numbers, *round; /* round: apart, since matching leaves the set as it is */
};

/* ---- buckets and ways ---- */

static void bucket_add(struct bucket *b, struct place *p, const struct field *f)
{
    if (b->n == b->cap) {
        b->cap = MAX(b->cap * 2, 4u);
        b->v = xrealloc(b->v, b->cap * sizeof(*b->v));
    }
    b->v[b->n++] = (struct entry){ p, f };
}

/* One entry, looked for from the end: a set is taken down in the reverse order. */
static void bucket_remove(struct bucket *b, const struct place *p)
{
    for (uint32_t i = b->n; i-- > 0;)
        if (b->v[i].place == p) {
            b->v[i] = b->v[--b->n];
            return;
        }
}

static void spans_add(struct spans *s, struct place *p, const struct field *f)
{
    struct span span = { __DBL_MAX__, -__DBL_MAX__, p };

    for (uint32_t i = 0; i < f->n; i++) {
        const struct test *t = &f->tests[i];

        span.low = MIN(span.low, t->kind == TEST_RANGE ? t->low : t->number.value);
        span.high = MAX(span.high, t->kind == TEST_RANGE ? t->high : t->number.value);
    }
    if (s->n == s->cap) {
        s->cap = MAX(s->cap * 2, 4u);
        s->v = xrealloc(s->v, s->cap * sizeof(*s->v));
    }
    s->v[s->n++] = span;
}

static void spans_remove(struct spans *s, const struct place *p)
{
    for (uint32_t i = s->n; i-- > 0;)
        if (s->v[i].place == p) {
            s->v[i] = s->v[--s->n];
            return;
        }
}

static void table_add(struct map *table, struct str text, struct place *p, const struct field *f)
{
    struct bucket *b = map_get(table, text);

    if (b == NULL) {
        b = xcalloc(1, sizeof(*b));
        map_put(table, text, b);
    }
    bucket_add(b, p, f);
}

static void table_remove(struct map *table, struct str text, const struct place *p)
{
    struct bucket *b = map_get(table, text);

    if (b == NULL)
        return;
    bucket_remove(b, p);
    if (b->n > 0)
        return;
    map_del(table, text);
    free(b->v);
    free(b);
}

static uint32_t table_load(const struct map *table, struct str text)
{
    const struct bucket *b = map_get(table, text);

    return b == NULL ? 0 : b->n;
}

static void table_done(struct map *table)
{
    struct str key;
    void *v;

    for (size_t i = 0; map_next(table, &i, &key, &v);) {
        free(((struct bucket *)v)->v);
        free(v);
    }
    map_done(table);
}

static struct way *way_find(const struct way *root, struct str path)
{
    const struct way *w = root;
    struct str name;

    while (w != NULL && str_cut(&path, '.', &name))
        w = map_get(&w->below, name);
    return (struct way *)w;
}

static struct way *way_make(struct way *root, struct str path)
{
    struct way *w = root;
    struct str name;

    while (str_cut(&path, '.', &name)) {
        struct way *below = map_get(&w->below, name);

        if (below == NULL) {
            below = xcalloc(1, sizeof(*below));
            below->up = w;
            below->name.p = memcpy(xmalloc(name.n + 1), name.p, name.n);
            below->name.n = name.n;
            map_put(&w->below, name, below);
            w->uses++;
        }
        w = below;
    }
    return w;
}

static void way_done(struct way *w)
{
    table_done(&w->exact);
    table_done(&w->prefix);
    map_done(&w->below);
    free(w->asked.v);
    free(w->ranged.v);
    free((char *)w->name.p);
}

/* Ways that lead nowhere go, from the end. */
static void way_unuse(struct way *w)
{
    while (--w->uses == 0 && w->up != NULL) {
        struct way *up = w->up;

        map_del(&up->below, w->name);
        way_done(w);
        free(w);
        w = up;
    }
}

/* ---- filing ---- */

/* What one test alone could be filed as.  The table of prefixes knows no empty one. */
static enum shelf shelf_of_test(const struct test *t)
{
    if (t->kind == TEST_RANGE || (t->kind == TEST_NUMBER && t->number.comparable))
        return SHELF_RANGED;
    if ((t->kind != TEST_TEXT && t->kind != TEST_PREFIX) || t->nocase)
        return SHELF_ASKED;
    return t->kind == TEST_TEXT ? SHELF_EXACT : t->text.n > 0 ? SHELF_PREFIX : SHELF_ASKED;
}

static enum shelf shelf_of(const struct field *f)
{
    enum shelf shelf;
    bool empty = false;

    if (f->may_be_absent || f->n == 0)
        return SHELF_ALWAYS;
    shelf = shelf_of_test(&f->tests[0]);
    for (uint32_t i = 0; i < f->n; i++) {
        enum shelf one = shelf_of_test(&f->tests[i]);
        bool texts = one <= SHELF_PREFIX && shelf <= SHELF_PREFIX;

        empty |= one == SHELF_EXACT && f->tests[i].text.n == 0;
        if (one != shelf && !texts)
            return SHELF_ASKED;
        shelf = MAX(shelf, one);
    }
    return shelf == SHELF_PREFIX && empty ? SHELF_ASKED : shelf;
}

static struct str prefix_of(struct str text) { return str_sub(text, 0, PREFIX_BYTES); }

/* How many patterns an event with one of the field's values would have to ask. */
static uint32_t load_of(const struct pattern_set *s, const struct field *f, enum shelf shelf)
{
    const struct way *w = way_find(&s->root, f->path);
    uint32_t most = 0;

    if (shelf == SHELF_ALWAYS)
        return UINT32_MAX;
    if (shelf == SHELF_ASKED)
        return ASKED_HANDICAP + (w == NULL ? 0 : w->asked.n);
    if (shelf == SHELF_RANGED)
        return RANGED_HANDICAP + (w == NULL ? 0 : w->ranged.n / 8);
    for (uint32_t i = 0; w != NULL && i < f->n; i++) {
        struct str text = f->tests[i].text;

        most = MAX(most, shelf == SHELF_EXACT ? table_load(&w->exact, text)
                                              : table_load(&w->prefix, prefix_of(text)));
    }
    return most;
}

static void note(struct place *p, struct filing f)
{
    if (p->n == p->cap) {
        p->cap = MAX(p->cap * 2, 2u);
        p->filings = xrealloc(p->filings, p->cap * sizeof(*p->filings));
    }
    p->filings[p->n++] = f;
    if (f.way != NULL)
        f.way->uses++;
}

static void file_field(struct pattern_set *s, struct place *p, const struct field *f, enum shelf shelf)
{
    struct way *w = way_make(&s->root, f->path);

    if (shelf == SHELF_ASKED || shelf == SHELF_RANGED) {
        shelf == SHELF_ASKED ? bucket_add(&w->asked, p, f) : spans_add(&w->ranged, p, f);
        note(p, (struct filing){ shelf, w, STR_NONE });
        return;
    }
    for (uint32_t i = 0; i < f->n; i++) {
        struct str text = f->tests[i].text;

        if (shelf == SHELF_PREFIX) {
            text = prefix_of(text);
            w->lengths[text.n]++;
        }
        table_add(shelf == SHELF_EXACT ? &w->exact : &w->prefix, text, p, f);
        note(p, (struct filing){ shelf, w, text });
    }
}

static void file_branch(struct pattern_set *s, struct place *p, const struct branch *b)
{
    const struct field *best = NULL;
    enum shelf shelf = SHELF_ALWAYS;
    uint32_t least = UINT32_MAX;

    for (uint32_t i = 0; i < b->n && least > 0; i++) {
        enum shelf one = shelf_of(b->fields[i]);
        uint32_t load = load_of(s, b->fields[i], one);

        if (load < least) {
            best = b->fields[i];
            shelf = one;
            least = load;
        }
    }
    if (best != NULL) {
        file_field(s, p, best, shelf);
        return;
    }
    bucket_add(&s->always, p, NULL);
    note(p, (struct filing){ .shelf = SHELF_ALWAYS });
}

static void unfile(struct pattern_set *s, const struct place *p, const struct filing *f)
{
    switch (f->shelf) {
    case SHELF_EXACT: table_remove(&f->way->exact, f->text, p); break;
    case SHELF_PREFIX:
        table_remove(&f->way->prefix, f->text, p);
        f->way->lengths[f->text.n]--;
        break;
    case SHELF_RANGED: spans_remove(&f->way->ranged, p); break;
    case SHELF_ASKED: bucket_remove(&f->way->asked, p); break;
    case SHELF_ALWAYS: bucket_remove(&s->always, p); break;
    }
    if (f->way != NULL)
        way_unuse(f->way);
}

/* ---- the set ---- */

struct pair {
    const void *pattern, *owner;
};

static struct place *place_of(const struct pattern_set *s, const struct pair *key)
{
    return map_get(&s->by_pair, str_make((const char *)key, sizeof(*key)));
}

struct pattern_set *pattern_set_new(void)
{
    struct pattern_set *s = xcalloc(1, sizeof(*s));

    list_init(&s->places);
    s->root.uses = 1;
    s->round = xcalloc(1, sizeof(*s->round));
    return s;
}

static void place_free(struct pattern_set *s, struct place *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        unfile(s, p, &p->filings[i]);
    list_remove(&p->link);
    free(p->filings);
    free(p);
}

struct pattern_set *pattern_set_free(struct pattern_set *s)
{
    if (s == NULL)
        return NULL;
    /* From the end: what is filed last stands last in its bucket. */
    while (!list_empty(&s->places))
        place_free(s, CONTAINER_OF(s->places.head.prev, struct place, link));
    CHECK(s->root.uses == 1);
    way_done(&s->root);
    map_done(&s->by_pair);
    free(s->always.v);
    free(s->round);
    free(s);
    return NULL;
}

void pattern_set_add(struct pattern_set *s, const struct pattern *p, void *owner)
{
    struct pair key = { p, owner };
    struct place *place;

    CHECK(p->dialect != PATTERN_SNS_ATTRIBUTES);
    if (place_of(s, &key) != NULL)
        return;
    place = xcalloc(1, sizeof(*place));
    place->pattern = p;
    place->owner = owner;
    place->number = s->numbers++;
    list_append(&s->places, &place->link);
    map_put(&s->by_pair, str_make((const char *)&key, sizeof(key)), place);
    for (uint32_t i = 0; i < p->n; i++)
        file_branch(s, place, &p->branches[i]);
}

void pattern_set_remove(struct pattern_set *s, const struct pattern *p, void *owner)
{
    struct pair key = { p, owner };
    struct place *place = map_del(&s->by_pair, str_make((const char *)&key, sizeof(key)));

    if (place != NULL)
        place_free(s, place);
}

size_t pattern_set_count(const struct pattern_set *s) { return s->by_pair.n; }

bool pattern_set_holds(const struct pattern_set *s, const struct pattern *p, const void *owner)
{
    struct pair key = { p, (void *)(uintptr_t)owner };

    return place_of(s, &key) != NULL;
}

/* ---- finding ---- */

#define STEPS_LOOK_UP 30
#define STEPS_FOUND 20

struct hunt {
    struct arena *mem;
    struct pattern_steps steps;
    uint64_t round;
    struct place **found;
    size_t n, cap;
};

static void candidate(struct hunt *h, struct place *p)
{
    if (p->round == h->round)
        return;
    p->round = h->round;
    if (h->n == h->cap) {
        struct place **old = h->found;

        h->cap = MAX(h->cap * 2, (size_t)16);
        h->found = arena_calloc(h->mem, h->cap, sizeof(struct place *));
        if (h->n > 0)
            memcpy(h->found, old, h->n * sizeof(struct place *));
    }
    h->found[h->n++] = p;
}

static void bucket_found(struct hunt *h, struct bucket *b)
{
    if (b == NULL || b->round == h->round)
        return;
    b->round = h->round;
    pattern_spend(&h->steps, (uint64_t)b->n * STEPS_FOUND);
    for (uint32_t i = 0; i < b->n && h->steps.left > 0; i++)
        candidate(h, b->v[i].place);
}

static void text_found(struct hunt *h, const struct way *w, struct str text)
{
    pattern_spend(&h->steps, STEPS_LOOK_UP + text.n);
    if (w->exact.n > 0)
        bucket_found(h, map_get(&w->exact, text));
    if (w->prefix.n == 0)
        return;
    for (size_t n = 1; n <= MIN(text.n, (size_t)PREFIX_BYTES); n++)
        if (w->lengths[n] > 0 && h->steps.left > 0) {
            pattern_spend(&h->steps, STEPS_LOOK_UP + n);
            bucket_found(h, map_get(&w->prefix, str_sub(text, 0, n)));
        }
}

static void number_found(struct hunt *h, const struct spans *s, struct pattern_number v)
{
    pattern_spend(&h->steps, STEPS_LOOK_UP + s->n);
    for (uint32_t i = 0; i < s->n && v.comparable; i++)
        if (v.value >= s->v[i].low && v.value <= s->v[i].high)
            candidate(h, s->v[i].place);
}

static void scalar_found(struct hunt *h, const struct way *w, const struct json *v)
{
    struct subject s = { .type = v->type, .text = v->raw, .steps = &h->steps };

    if (v->type == JSON_STRING) {
        pattern_spend(&h->steps, v->escaped ? v->raw.n : 0);
        s.text = json_text(h->mem, v);
        text_found(h, w, s.text);
    } else if (v->type == JSON_NUMBER && w->ranged.n > 0) {
        pattern_spend(&h->steps, s.text.n > 15 ? 8000 : 60);
        number_found(h, &w->ranged, pattern_number(s.text));
    }
    for (uint32_t i = 0; i < w->asked.n && h->steps.left > 0; i++) {
        const struct entry *e = &w->asked.v[i];

        pattern_spend(&h->steps, 1);
        if (e->place->round != h->round && pattern_field_holds(e->field, &s) && h->steps.left > 0)
            candidate(h, e->place);
    }
}

static void hunt_value(struct hunt *h, const struct way *w, const struct json *v)
{
    pattern_spend(&h->steps, STEPS_LOOK_UP);
    if (h->steps.left == 0)
        return;
    if (v->type == JSON_ARRAY) {
        JSON_EACH(v, e)
            hunt_value(h, w, e);
        return;
    }
    if (v->type != JSON_OBJECT) {
        scalar_found(h, w, v);
        return;
    }
    if (w->below.n == 0)
        return;
    JSON_EACH(v, m) {
        const struct way *below;

        pattern_spend(&h->steps, STEPS_LOOK_UP + m->key.n);
        if (h->steps.left == 0)
            return;
        below = way_find(w, json_key(h->mem, m));
        if (below != NULL)
            hunt_value(h, below, m);
    }
}

static int by_number(const void *a, const void *b)
{
    const struct place *x = *(struct place *const *)a, *y = *(struct place *const *)b;

    return (x->number > y->number) - (x->number < y->number);
}

void pattern_set_match(const struct pattern_set *s, struct arena *a, const struct json *event,
                       void (*each)(void *arg, void *owner), void *arg)
{
    uint64_t left = UINT64_MAX;

    (void)pattern_set_match_within(s, a, event, &left, each, arg);
}

bool pattern_set_match_within(const struct pattern_set *s, struct arena *a, const struct json *event,
                              uint64_t *left, void (*each)(void *arg, void *owner), void *arg)
{
    struct hunt h = { .mem = a, .steps = pattern_steps(*left, NULL), .round = ++*s->round };
    size_t n = 0;

    if (event->type != JSON_OBJECT)
        return true;
    pattern_spend(&h.steps, (uint64_t)s->always.n * STEPS_FOUND);
    for (uint32_t i = 0; i < s->always.n && h.steps.left > 0; i++)
        candidate(&h, s->always.v[i].place);
    hunt_value(&h, &s->root, event);
    if (h.n > 1 && h.steps.left > 0)
        qsort(h.found, h.n, sizeof(struct place *), by_number);
    for (size_t i = 0; i < h.n && h.steps.left > 0; i++)
        if (pattern_holds(h.found[i]->pattern, event, &h.steps))
            h.found[n++] = h.found[i];
    for (size_t i = 0; i < n && h.steps.left > 0; i++)
        each(arg, h.found[i]->owner);
    *left = pattern_steps_left(&h.steps);
    return *left > 0;
}
