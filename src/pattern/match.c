/* match.c - an event is walked along the steps of a pattern.
 *
 * True here:
 *  - the steps under an array of objects must all hold in one and the same element; scalars of an array are
 * free: any of them may satisfy the field that ends at the array (Event Ruler, "JSON array matching");
 *  - a field that may be absent counts as absent inside an array when the element another field was found in
 * lacks it, and when no field of this array was found, only if every element lacks it;
 *  - an object is no value, an empty array neither; a key written twice in an event counts once, the last
 * time;
 *  - a key with dots stands for the steps it spells.  An event that spells one field in two ways at once,
 * {"a": {"b": 1}, "a.b": 2}, is the only one whose fields are asked one by one, without the rule of the same
 * element;
 *  - each pair of step and value is visited once, and however many steps stand side by side, an object's
 * members are gone through a few times only, however the event is built. */
#include <stdlib.h>
#include "pattern/parts.h"

enum verdict { NO, ABSENT, YES }; /* ABSENT: nothing is there, and nothing needs to be */
/* Is the field that ends at a step still to be satisfied, and would absence do? */
enum want { WANT_NOTHING, WANT_FIELD, WANT_PRESENT };

struct walk {
    struct arena *scratch;
    struct pattern_steps *steps;
};

#define STEPS_VISIT 6
#define STEPS_DECODE 40

static enum verdict both(enum verdict a, enum verdict b)
{
    if (a == NO || b == NO)
        return NO;
    return a == YES || b == YES ? YES : ABSENT;
}

static bool is_scalar(const struct json *v) { return v->type != JSON_ARRAY && v->type != JSON_OBJECT; }

static bool field_holds(struct walk *w, const struct field *f, const struct json *value)
{
    struct subject s = pattern_subject(&w->scratch, value, w->steps);

    return pattern_field_holds(f, &s);
}

static struct str key_of(struct walk *w, const struct json *member)
{
    if (!member->key_escaped)
        return member->key;
    if (w->scratch == NULL)
        w->scratch = arena_new(0);
    pattern_spend(w->steps, STEPS_DECODE + 2 * member->key.n);
    return json_key(w->scratch, member);
}

/* One member or element more is looked at.  False: no more. */
static bool go_on(struct walk *w, struct str key)
{
    pattern_spend(w->steps, STEPS_VISIT + key.n / 16);
    return w->steps->left > 0;
}

static enum verdict absent_below(const struct step *s)
{
    for (const struct step *c = s->first; c != NULL; c = c->next)
        if (!c->may_be_absent)
            return NO;
    return ABSENT;
}

static enum verdict absent_field(const struct step *s, enum want want)
{
    if (want == WANT_NOTHING || s->field == NULL)
        return ABSENT;
    return want == WANT_FIELD && s->field->may_be_absent ? ABSENT : NO;
}

/* ---- one field by its path, whatever the arrays ---- */

/* Walks every way the path can be spelled: *present when any value stands there, true when one holds. */
static bool path_holds(struct walk *w, const struct json *v, struct str path, bool at_end,
                       const struct field *f, bool *present)
{
    bool held = false;

    if (v->type == JSON_ARRAY) {
        for (const struct json *e = v->first; e != NULL && go_on(w, STR_NONE); e = e->next)
            held |= path_holds(w, e, path, at_end, f, present);
        return held;
    }
    if (at_end) {
        if (v->type == JSON_OBJECT)
            return false;
        *present = true;
        return field_holds(w, f, v);
    }
    if (v->type != JSON_OBJECT)
        return false;
    for (const struct json *m = v->first; m != NULL && go_on(w, m->key); m = m->next) {
        struct str key = key_of(w, m);

        if (str_eq(key, path))
            held |= path_holds(w, m, path, true, f, present);
        else if (str_starts(path, key) && path.p[key.n] == '.')
            held |= path_holds(w, m, str_sub(path, key.n + 1, path.n), false, f, present);
    }
    return held;
}

/* The fields at and below s, each asked by its path below the step `from` whose value is the object. */
static enum verdict one_by_one(struct walk *w, const struct step *s, const struct step *from,
                               const struct json *object)
{
    enum verdict r = ABSENT;

    if (s->field != NULL) {
        size_t cut = from->up == NULL ? 0 : from->path.n + 1;
        bool present = false;

        if (path_holds(w, object, str_sub(s->path, cut, s->path.n), false, s->field, &present))
            r = YES;
        else
            r = !present && s->field->may_be_absent ? ABSENT : NO;
    }
    for (const struct step *c = s->first; c != NULL && r != NO; c = c->next)
        r = both(r, one_by_one(w, c, from, object));
    return r;
}

/* ---- values along steps ---- */

static enum verdict value_holds(struct walk *w, const struct step *s, enum want want, const struct json *v);

/* How members of an object spell a step: by its whole path below the object's own, or by more than that. */
struct spelled {
    const struct json *exact;
    bool longer;
};
static struct spelled spelled_by(struct walk *w, struct str path, const struct json *object)
{
    struct spelled r = { 0 };

    for (const struct json *m = object->first; m != NULL && go_on(w, m->key); m = m->next) {
        struct str key = m->key;

        if (key.n < path.n && !m->key_escaped)
            continue;
        key = key_of(w, m);
        if (!str_starts(key, path))
            continue;
        if (key.n == path.n)
            r.exact = m;
        else
            r.longer |= key.p[path.n] == '.';
    }
    return r;
}

static enum verdict step_holds(struct walk *w, const struct step *s, const struct step *from,
                               const struct json *object);
static enum verdict spelled_holds(struct walk *w, const struct step *s, const struct step *from,
                                  const struct json *object, struct spelled at)
{
    enum verdict r;

    if (at.exact == NULL && !at.longer)
        return s->may_be_absent ? ABSENT : NO;
    if (!at.longer)
        return value_holds(w, s, WANT_FIELD, at.exact);
    if (at.exact != NULL)
        return one_by_one(w, s, from, object);
    r = absent_field(s, WANT_FIELD);
    for (const struct step *c = s->first; c != NULL && r != NO; c = c->next)
        r = both(r, step_holds(w, c, from, object));
    return r;
}

static enum verdict step_holds(struct walk *w, const struct step *s, const struct step *from,
                               const struct json *object)
{
    size_t cut = from->up == NULL ? 0 : from->path.n + 1;

    return spelled_holds(w, s, from, object, spelled_by(w, str_sub(s->path, cut, s->path.n), object));
}

static const struct step *find_below(const struct step *s, struct str name)
{
    uint32_t low = 0, high = s->n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int r = str_cmp(s->sorted[middle]->name, name);

        if (r == 0)
            return s->sorted[middle];
        if (r < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Many steps: one pass over the members instead of one per step. */
static enum verdict wide_holds(struct walk *w, const struct step *s, const struct json *object)
{
    struct spelled *at = xcalloc(s->n, sizeof(*at));
    enum verdict r = ABSENT;

    for (const struct json *m = object->first; m != NULL && go_on(w, m->key); m = m->next) {
        struct str rest = key_of(w, m), name;
        const struct step *below;

        pattern_spend(w->steps, STEPS_DECODE); /* a search among the steps */
        str_cut(&rest, '.', &name);
        below = find_below(s, name);
        if (below != NULL && str_absent(rest))
            at[below->place].exact = m;
        else if (below != NULL)
            at[below->place].longer = true;
    }
    for (const struct step *c = s->first; c != NULL && r != NO; c = c->next)
        r = both(r, spelled_holds(w, c, s, object, at[c->place]));
    free(at);
    return r;
}

static enum verdict object_holds(struct walk *w, const struct step *s, enum want want,
                                 const struct json *object)
{
    enum verdict r = absent_field(s, want);

    if (s->sorted != NULL)
        return r == NO ? NO : both(r, wide_holds(w, s, object));
    for (const struct step *c = s->first; c != NULL && r != NO; c = c->next)
        r = both(r, step_holds(w, c, s, object));
    return r;
}

static enum verdict array_holds(struct walk *w, const struct step *s, enum want want,
                                const struct json *array)
{
    enum verdict nothing = ABSENT;
    bool hit = false, scalars = false;

    for (const struct json *e = array->first; e != NULL && go_on(w, STR_NONE); e = e->next)
        if (is_scalar(e)) {
            scalars = true;
            hit = hit || (want != WANT_NOTHING && s->field != NULL && field_holds(w, s->field, e));
        }
    if (hit || s->field == NULL)
        want = WANT_NOTHING;
    else if (scalars && want == WANT_FIELD)
        want = WANT_PRESENT;
    if (s->first == NULL && want == WANT_NOTHING)
        return hit ? YES : ABSENT;
    for (const struct json *e = array->first; e != NULL && go_on(w, STR_NONE); e = e->next)
        if (!is_scalar(e)) {
            enum verdict r = value_holds(w, s, want, e);

            if (r == YES)
                return YES;
            nothing = both(nothing, r);
        }
    nothing = both(nothing, both(absent_field(s, want), absent_below(s)));
    return nothing == ABSENT && hit ? YES : nothing;
}

static enum verdict value_holds(struct walk *w, const struct step *s, enum want want, const struct json *v)
{
    enum verdict r = ABSENT;

    if (v->type == JSON_OBJECT)
        return object_holds(w, s, want, v);
    if (v->type == JSON_ARRAY)
        return array_holds(w, s, want, v);
    if (want != WANT_NOTHING && s->field != NULL)
        r = field_holds(w, s->field, v) ? YES : NO;
    return both(r, absent_below(s));
}

bool pattern_holds(const struct pattern *p, const struct json *event, struct pattern_steps *steps)
{
    struct walk w = { .steps = steps };
    bool r = false;

    CHECK(p->dialect != PATTERN_SNS_ATTRIBUTES);
    for (uint32_t i = 0; i < p->n && !r && event->type == JSON_OBJECT && go_on(&w, STR_NONE); i++)
        r = value_holds(&w, p->branches[i].root, WANT_NOTHING, event) != NO;
    arena_free(w.scratch);
    return r;
}

bool pattern_match(const struct pattern *p, const struct json *event)
{
    uint64_t left = UINT64_MAX;

    return pattern_match_within(p, event, &left);
}

bool pattern_match_within(const struct pattern *p, const struct json *event, uint64_t *left)
{
    return pattern_match_unless(p, event, left, NULL);
}

bool pattern_match_unless(const struct pattern *p, const struct json *event, uint64_t *left,
                          const atomic_bool *stop)
{
    struct pattern_steps steps = pattern_steps(*left, stop);
    bool r = pattern_holds(p, event, &steps);

    *left = pattern_steps_left(&steps);
    return r;
}

void pattern_ready(struct arena *a, struct json *v)
{
    for (struct json *c = v->first; c != NULL; c = c->next) {
        if (c->key_escaped)
            c->key = json_key(a, c);
        c->key_escaped = false;
        pattern_ready(a, c);
    }
    if (v->type == JSON_STRING && v->escaped) {
        v->raw = json_text(a, v);
        v->escaped = false;
    }
}

/* ---- message attributes ---- */

static bool elements_hold(struct walk *w, const struct field *f, struct str text)
{
    struct json *array;

    if (w->scratch == NULL)
        w->scratch = arena_new(0);
    pattern_spend(w->steps,
                  STEPS_DECODE + 8 * text.n); /* "1," again and again is a node for every two bytes */
    if (json_parse(w->scratch, text, &array, NULL) != 0)
        return false;
    if (is_scalar(array)) /* as an array of one; UNVERIFIED but for numbers */
        return field_holds(w, f, array);
    if (array->type != JSON_ARRAY)
        return false;
    for (const struct json *e = array->first; e != NULL && go_on(w, STR_NONE); e = e->next)
        if (is_scalar(e) && field_holds(w, f, e))
            return true;
    return false;
}

/* Only that it is there can be asked of binary values and of types unknown here. */
static bool attribute_holds(struct walk *w, const struct field *f, const struct pattern_attribute *a)
{
    struct subject s = { .type = JSON_STRING, .text = a->value, .steps = w->steps };

    if (str_is(a->type, "String.Array"))
        return elements_hold(w, f, a->value);
    if (str_is(a->type, "String") || str_starts(a->type, STR("String.")))
        return pattern_field_holds(f, &s);
    if (str_is(a->type, "Number") || str_starts(a->type, STR("Number."))) {
        struct json_error error;

        s.text = str_trim(a->value);
        if (json_check(s.text, &error) != 0 || s.text.n == 0 ||
            str_find_str(STR("-0123456789"), str_sub(s.text, 0, 1)) < 0)
            return false;
        s.type = JSON_NUMBER;
        return pattern_field_holds(f, &s);
    }
    for (uint32_t i = 0; i < f->n; i++)
        if (f->tests[i].kind == TEST_EXISTS)
            return true;
    return false;
}

static bool field_of_attributes(struct walk *w, const struct field *f, const struct pattern_attribute *v,
                                size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(v[i].name, f->path))
            return attribute_holds(w, f, &v[i]);
    return f->may_be_absent;
}

bool pattern_match_attributes(const struct pattern *p, const struct pattern_attribute *v, size_t n)
{
    uint64_t left = UINT64_MAX;

    return pattern_match_attributes_within(p, v, n, &left);
}

bool pattern_match_attributes_within(const struct pattern *p, const struct pattern_attribute *v, size_t n,
                                     uint64_t *left)
{
    return pattern_match_attributes_unless(p, v, n, left, NULL);
}

bool pattern_match_attributes_unless(const struct pattern *p, const struct pattern_attribute *v, size_t n,
                                     uint64_t *left, const atomic_bool *stop)
{
    struct pattern_steps steps = pattern_steps(*left, stop);
    struct walk w = { .steps = &steps };
    bool r = false;

    CHECK(p->dialect == PATTERN_SNS_ATTRIBUTES);
    for (uint32_t i = 0; i < p->n && !r && go_on(&w, STR_NONE); i++) {
        const struct branch *b = &p->branches[i];

        r = true;
        for (uint32_t k = 0; k < b->n && r; k++)
            r = field_of_attributes(&w, b->fields[k], v, n);
    }
    arena_free(w.scratch);
    *left = pattern_steps_left(&steps);
    return r;
}
