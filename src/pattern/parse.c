/* parse.c - from text to branches, or to the sentence that says what is wrong.
 *
 * True here: the text is read whole before anything is compiled, so malformed JSON is the first thing
 * complained of. As in the Event Ruler, keys are joined with dots ({"a": {"b": ..}} is {"a.b": ..}), objects
 * under one key written twice are merged, and of two arrays under one path the later counts.  "$or"
 * multiplies: what it may multiply to is bounded (parts.h), so a compile takes memory and time in proportion
 * to the text or to those bounds. */
#include <stdlib.h>
#include "base/map.h"
#include "pattern/parts.h"

/* Ours: AWS's words for more than 1,000 combinations are UNVERIFIED. */
#define WHY_COMBINATIONS "Rule is too complex - try using fewer alternatives in $or"
#define WHY_WILDCARDS                                                                                   \
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences " \
    "after a wildcard character"
#define SOURCE_SHOWN 500
#define SNS_KEYS_MOST 5
#define SNS_COMBINATIONS_MOST 150

/* A branch being written. */
struct draft {
    const struct field **fields;
    uint32_t n, cap;
};
struct rules {
    struct draft *v;
    uint32_t n;
};

struct compiler {
    enum pattern_dialect dialect;
    struct arena *mem, *scratch;
    struct str source;
    struct pattern_refusal no;
    struct buf path;
    struct map seen; /* paths that stand in some branch: their one text */
    struct map made; /* steps of the branch being finished, by path */
    uint32_t depth, cells, steps;
    bool too_complex; /* said last: the Ruler weighs what it has compiled */
};

/* ---- refusing ---- */

int pattern_refuse(struct pattern_refusal *no, const char *at, const char *fmt, ...)
{
    va_list ap;
    struct str s = no->source;
    uint32_t line = 1, column = 1;

    va_start(ap, fmt);
    buf_vprintf(no->why, fmt, ap);
    va_end(ap);
    if (at == NULL)
        return -E_INVALID;
    /* Columns count UTF-16 units: a character of four bytes is two of them. */
    for (const char *p = s.p; p < at; p++) {
        if (*p == '\n' || (*p == '\r' && !(p + 1 < s.p + s.n && p[1] == '\n'))) {
            line++;
            column = 1;
        } else if ((*p & 0xC0) != 0x80) {
            column += (unsigned char)*p >= 0xF0 ? 2 : 1;
        }
    }
    buf_printf(no->why, "\n at [Source: (String)\"" STR_FMT "\"", STR_ARG(str_sub(s, 0, SOURCE_SHOWN)));
    if (s.n > SOURCE_SHOWN)
        buf_printf(no->why, "[truncated %zu chars]", s.n - SOURCE_SHOWN);
    buf_printf(no->why, "; line: %u, column: %u]", line, column);
    return -E_INVALID;
}

static const char *wanted(const struct json_error *e)
{
    switch (e->wanted) {
    case JSON_WANT_KEY: return "was expecting double-quote to start field name";
    case JSON_WANT_COLON: return "was expecting a colon to separate field name and value";
    case JSON_WANT_COMMA:
        return e->open == '[' ? "was expecting comma to separate Array entries"
                              : "was expecting comma to separate Object entries";
    default:
        return "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or "
               "'false')";
    }
}

/* Which sentence Jackson has for which malformed text is UNVERIFIED beyond the first words; all stand here.
 */
static int refuse_json(struct compiler *c, const struct json_error *e)
{
    const char *at = c->source.p + MIN(e->at + 1, c->source.n);
    struct str source = c->source;

    switch (e->problem) {
    case JSON_EMPTY: return pattern_refuse(&c->no, source.p, "Filter is not an object");
    case JSON_UNEXPECTED_END:
        return pattern_refuse(&c->no, source.p + source.n, "Unexpected end-of-input%s",
                              e->open == '{'   ? ": expected close marker for Object"
                              : e->open == '[' ? ": expected close marker for Array"
                                               : "");
    case JSON_BAD_LITERAL: {
        size_t end = e->at;

        while (end < source.n && (source.p[end] & ~0x20) >= 'A' && (source.p[end] & ~0x20) <= 'Z')
            end++;
        return pattern_refuse(
            &c->no, source.p + end,
            "Unrecognized token '" STR_FMT
            "': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            STR_ARG(str_sub(source, e->at, end)));
    }
    case JSON_TOO_DEEP:
        return pattern_refuse(&c->no, at, "Document nesting depth exceeds the maximum allowed (%d)",
                              JSON_MAX_DEPTH);
    default:
        if (e->byte < 0x20 || e->byte > 0x7e)
            return pattern_refuse(&c->no, at, "Unexpected character ((CTRL-CHAR, code %u)): %s", e->byte,
                                  wanted(e));
        return pattern_refuse(&c->no, at, "Unexpected character ('%c' (code %u)): %s", e->byte, e->byte,
                              wanted(e));
    }
}

/* ---- branches ---- */

static int refuse_many(struct compiler *c) { return pattern_refuse(&c->no, NULL, WHY_COMBINATIONS); }

static void draft_add(struct compiler *c, struct draft *d, const struct field *f)
{
    if (d->n == d->cap) {
        const struct field **old = d->fields;

        d->cap = MAX(d->cap * 2, 4u);
        d->fields = arena_calloc(c->scratch, d->cap, sizeof(*d->fields));
        if (d->n > 0)
            memcpy(d->fields, old, d->n * sizeof(*d->fields));
    }
    d->fields[d->n++] = f;
}

static void draft_put(struct compiler *c, struct draft *d, const struct field *f, bool seen)
{
    for (uint32_t i = 0; seen && i < d->n; i++)
        if (d->fields[i]->path.p == f->path.p) {
            d->fields[i] = f;
            return;
        }
    c->cells++;
    draft_add(c, d, f);
}

static int rules_put(struct compiler *c, struct rules *r, struct field *f)
{
    void *text = map_get(&c->seen, f->path);
    bool seen = text != NULL;

    if (seen)
        f->path.p = text;
    else
        map_put(&c->seen, f->path, (void *)f->path.p);
    if (r->n == 0)
        *r = (struct rules){ ARENA_NEW(c->scratch, struct draft), 1 };
    for (uint32_t i = 0; i < r->n; i++)
        draft_put(c, &r->v[i], f, seen);
    return c->cells > PATTERN_CELLS_MOST ? refuse_many(c) : 0;
}

/* At least one branch, so that the alternative has where to write. */
static struct rules rules_copy(struct compiler *c, const struct rules *from)
{
    struct rules r = { arena_calloc(c->scratch, MAX(from->n, 1u), sizeof(*r.v)), MAX(from->n, 1u) };

    for (uint32_t i = 0; i < from->n; i++) {
        struct draft *d = &r.v[i];

        *d = (struct draft){ .n = from->v[i].n, .cap = from->v[i].n };
        d->fields = arena_calloc(c->scratch, MAX(d->n, 1u), sizeof(*d->fields));
        if (d->n > 0)
            memcpy(d->fields, from->v[i].fields, d->n * sizeof(*d->fields));
        c->cells += d->n;
    }
    return r;
}

static int rules_append(struct compiler *c, struct rules *to, const struct rules *more)
{
    struct rules sum = { arena_calloc(c->scratch, to->n + more->n, sizeof(*sum.v)), to->n + more->n };

    if (sum.n > PATTERN_BRANCHES_MOST || c->cells > PATTERN_CELLS_MOST)
        return refuse_many(c);
    if (to->n > 0)
        memcpy(sum.v, to->v, to->n * sizeof(*sum.v));
    memcpy(sum.v + to->n, more->v, more->n * sizeof(*sum.v));
    *to = sum;
    return 0;
}

/* ---- keys ---- */

/* Words a key inside "$or" may not be. */
static bool reserved(struct str name)
{
    static const char *const words[] = {
        "exactly",
        "equals-ignore-case",
        "prefix",
        "suffix",
        "anything-but",
        "exists",
        "wildcard",
        "numeric",
        "cidr",
        "=",
        "<",
        "<=",
        ">",
        ">=",
        "regex",
        "not-wildcard",
        "not-equals-ignore-case",
        "date-after",
        "date-on-or-after",
        "date-before",
        "date-on-or-before",
        "in-date-range",
        "ip-address-in-range",
        "ip-address-not-in-range",
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(name, words[i]))
            return true;
    return false;
}

/* EventBridge knows "$or" wherever it stands; SNS takes it for a plain name unless two or more objects
 * without reserved words follow. */
static bool is_or(struct compiler *c, struct str name, const struct json *v)
{
    if (!str_is(name, "$or"))
        return false;
    if (c->dialect == PATTERN_EVENTS)
        return true;
    if (v->type != JSON_ARRAY || v->n < 2)
        return false;
    JSON_EACH(v, item) {
        if (item->type != JSON_OBJECT)
            return false;
        JSON_EACH(item, member)
            if (reserved(json_key(c->scratch, member)))
                return false;
    }
    return true;
}

static size_t path_push(struct compiler *c, struct str name)
{
    size_t before = c->path.n;

    if (c->depth++ > 0)
        buf_char(&c->path, '.');
    buf_str(&c->path, name);
    return before;
}

static void path_pop(struct compiler *c, size_t before)
{
    c->depth--;
    c->path.n = before;
}

static int array_of(struct compiler *c, struct rules *r, struct str name, const struct json *v)
{
    struct field *f = ARENA_NEW(c->mem, struct field);
    size_t before = path_push(c, name);
    int e;

    f->path = arena_str(c->mem, buf_view(&c->path));
    path_pop(c, before);
    e = pattern_tests(c->mem, c->scratch, v, f, &c->no);
    c->too_complex = c->too_complex || (e == 0 && pattern_too_complex(c->scratch, f));
    return e != 0 ? e : rules_put(c, r, f);
}

static int object_of(struct compiler *c, struct rules *r, const struct json *object, bool inside_or);

static int or_of(struct compiler *c, struct rules *r, const struct json *v)
{
    struct rules before = *r;

    *r = (struct rules){ 0 };
    if (v->type != JSON_ARRAY)
        return pattern_refuse(&c->no, pattern_token_end(v), "It must be an Array followed with $or.");
    JSON_EACH(v, item) {
        struct rules mine;
        int e;

        if (item->type != JSON_OBJECT)
            return pattern_refuse(&c->no, pattern_token_end(item),
                                  "Only JSON object is allowed in array of $or relationship.");
        mine = rules_copy(c, &before);
        e = object_of(c, &mine, item, true);
        if (e == 0)
            e = rules_append(c, r, &mine);
        if (e != 0)
            return e;
    }
    if (v->n < 2)
        return pattern_refuse(&c->no, pattern_value_end(v),
                              "There must have at least 2 Objects in $or relationship.");
    return 0;
}

static int member_of(struct compiler *c, struct rules *r, const struct json *v, bool inside_or)
{
    struct str name = json_key(c->scratch, v);
    size_t before;
    int e;

    if (is_or(c, name, v))
        return or_of(c, r, v);
    if (inside_or && reserved(name))
        return pattern_refuse(&c->no, pattern_token_end(v),
                              STR_FMT " is Ruler reserved fieldName which cannot be used inside $or.",
                              STR_ARG(name));
    if (v->type == JSON_ARRAY)
        return array_of(c, r, name, v);
    if (v->type != JSON_OBJECT)
        return pattern_refuse(&c->no, pattern_token_end(v), "\"" STR_FMT "\" must be an object or an array",
                              STR_ARG(name));
    if (c->dialect == PATTERN_SNS_ATTRIBUTES)
        return pattern_refuse(&c->no, NULL,
                              "Filter policy scope MessageAttributes does not support nested filter policy");
    before = path_push(c, name);
    e = object_of(c, r, v, inside_or);
    path_pop(c, before);
    return e;
}

static int object_of(struct compiler *c, struct rules *r, const struct json *object, bool inside_or)
{
    if (object->n == 0)
        return pattern_refuse(&c->no, pattern_value_end(object), "Empty objects are not allowed");
    JSON_EACH(object, v) {
        int e = member_of(c, r, v, inside_or);

        if (e != 0)
            return e;
    }
    return 0;
}

/* ---- what SNS counts ---- */

static uint64_t times(uint64_t a, uint64_t b) { return MIN(a * b, (uint64_t)1 << 31); }

/* Values of every array times its nesting, all multiplied.  Alternatives of "$or" are added up (UNVERIFIED).
 */
static uint64_t combinations(struct compiler *c, const struct json *object, uint64_t depth)
{
    uint64_t product = 1;

    JSON_EACH(object, v) {
        if (is_or(c, json_key(c->scratch, v), v)) {
            uint64_t sum = 0;

            JSON_EACH(v, item)
                sum = MIN(sum + combinations(c, item, depth), (uint64_t)1 << 31);
            product = times(product, sum);
        } else if (v->type == JSON_OBJECT) {
            product = times(product, combinations(c, v, depth + 1));
        } else {
            product = times(product, times(v->n, depth));
        }
    }
    return product;
}

static int check_sns(struct compiler *c, const struct json *doc)
{
    if (doc->n > SNS_KEYS_MOST)
        return pattern_refuse(&c->no, NULL, "Filter policy can not have more than %d keys", SNS_KEYS_MOST);
    if (combinations(c, doc, 1) > SNS_COMBINATIONS_MOST)
        return pattern_refuse(&c->no, NULL, "Filter policy is too complex");
    return 0;
}

/* ---- steps ---- */

static struct step *step_below(struct compiler *c, struct step *up, struct str name, size_t end,
                               struct str path)
{
    struct step *s = map_get(&c->made, str_sub(path, 0, end));

    if (s != NULL)
        return s;
    s = ARENA_NEW(c->mem, struct step);
    *s = (struct step){ .name = name, .path = str_sub(path, 0, end), .up = up, .may_be_absent = true };
    map_put(&c->made, s->path, s);
    *(up->last == NULL ? &up->first : &up->last->next) = s;
    up->last = s;
    up->n++;
    c->steps++;
    return s;
}

static int step_in(struct compiler *c, struct step *root, const struct field *f)
{
    struct str rest = f->path, name;
    struct step *s = root;
    uint32_t depth = 0;

    while (str_cut(&rest, '.', &name)) {
        if (++depth > JSON_MAX_DEPTH || c->steps > PATTERN_STEPS_MOST)
            return refuse_many(c);
        s = step_below(c, s, name, (size_t)(name.p + name.n - f->path.p), f->path);
    }
    s->field = f;
    for (; s != NULL && !f->may_be_absent; s = s->up)
        s->may_be_absent = false;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp((*(struct step *const *)a)->name, (*(struct step *const *)b)->name);
}

static void sort_steps(struct compiler *c, struct step *s)
{
    uint32_t n = 0;

    for (struct step *below = s->first; below != NULL; below = below->next)
        sort_steps(c, below);
    if (s->n < PATTERN_WIDE)
        return;
    s->sorted = arena_calloc(c->mem, s->n, sizeof(struct step *));
    for (struct step *below = s->first; below != NULL; below = below->next)
        s->sorted[n++] = below;
    qsort(s->sorted, n, sizeof(struct step *), by_name);
    for (uint32_t i = 0; i < n; i++)
        s->sorted[i]->place = i;
}

static int finish(struct compiler *c, const struct rules *r, struct pattern *p)
{
    p->branches = arena_calloc(c->mem, r->n, sizeof(*p->branches));
    p->n = r->n;
    for (uint32_t i = 0; i < r->n; i++) {
        struct branch *b = &p->branches[i];

        b->n = r->v[i].n;
        b->fields = arena_calloc(c->mem, b->n, sizeof(*b->fields));
        b->root = ARENA_NEW(c->mem, struct step);
        b->root->may_be_absent = true;
        b->root->path = STR("");
        map_done(&c->made);
        memcpy(b->fields, r->v[i].fields, b->n * sizeof(*b->fields));
        for (uint32_t k = 0; k < b->n; k++) {
            int e = step_in(c, b->root, b->fields[k]);

            if (e != 0)
                return e;
        }
        sort_steps(c, b->root);
    }
    return 0;
}

static int compile(struct compiler *c, struct pattern *p)
{
    struct json_error error = { 0 };
    struct rules r = { 0 };
    struct json *doc = NULL;
    int e;

    e = json_parse(c->scratch, c->source, &doc, &error);
    if (e == -E_INVALID)
        return refuse_json(c, &error);
    CHECK(e == 0);
    if (doc->type != JSON_OBJECT)
        return pattern_refuse(&c->no, pattern_token_end(doc), "Filter is not an object");
    if (c->dialect != PATTERN_EVENTS && (e = check_sns(c, doc)) != 0)
        return e;
    e = object_of(c, &r, doc, false);
    if (e == 0 && c->too_complex)
        e = pattern_refuse(&c->no, NULL, WHY_WILDCARDS);
    return e != 0 ? e : finish(c, &r, p);
}

int pattern_compile(enum pattern_dialect dialect, struct str text, struct pattern **ret, struct buf *ret_why)
{
    struct arena *scratch CLEANUP(arena_freep) = arena_new(0);
    struct arena *mem = arena_new(0);
    struct pattern *p = ARENA_NEW(mem, struct pattern);
    struct compiler c = {
        .dialect = dialect, .mem = mem, .scratch = scratch, .source = str_absent(text) ? STR("") : text
    };
    int e;

    c.no = (struct pattern_refusal){ .why = ret_why, .source = c.source };
    *p = (struct pattern){ .dialect = dialect, .mem = mem };
    if (text.n > PATTERN_BYTES_MOST)
        e = pattern_refuse(&c.no, NULL, "Pattern is longer than %d bytes", PATTERN_BYTES_MOST);
    else
        e = compile(&c, p);
    CHECK(!arena_overflowed(mem) && !arena_overflowed(scratch));
    buf_done(&c.path);
    map_done(&c.seen);
    map_done(&c.made);
    if (e != 0)
        pattern_free(p);
    else
        *ret = p;
    return e;
}

struct pattern *pattern_hold(struct pattern *p)
{
    p->holders++;
    return p;
}

struct pattern *pattern_free(struct pattern *p)
{
    if (p != NULL && p->holders-- == 0)
        arena_free(p->mem);
    return NULL;
}
