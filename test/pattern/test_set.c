/* Random patterns and events: the walk agrees with the rule as the Event Ruler states it (try every
 * combination of values, refuse those in different elements of one array), and a set agrees with asking
 * pattern by pattern. */
#include "pattern/parts.h"
#include "unit.h"

/* ---- a source of luck that repeats ---- */

static uint64_t luck_state = 1;
static unsigned luck(unsigned below)
{
    luck_state ^= luck_state << 13;
    luck_state ^= luck_state >> 7;
    luck_state ^= luck_state << 17;
    return (unsigned)((luck_state >> 11) % below);
}

static const char *const few_keys[] = { "a", "b", "c", "d" };
static const char *const many_keys[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l" };
static const char *const *keys = few_keys; /* many: patterns wide enough for the other way to look */
static unsigned n_keys = ARRAY_LEN(few_keys);
static const char *const values[] = { "\"x\"", "\"y\"", "\"xy\"", "\"X\"",        "1",
                                      "2.0",   "true",  "null",   "\"10.0.0.1\"", "\"\"" };
static const char *const tests[] = {
    "\"x\"",
    "\"y\"",
    "\"xy\"",
    "1",
    "2",
    "true",
    "null",
    "\"\"",
    "{\"prefix\":\"x\"}",
    "{\"prefix\":\"\"}",
    "{\"suffix\":\"y\"}",
    "{\"anything-but\":\"x\"}",
    "{\"anything-but\":[1,2]}",
    "{\"numeric\":[\">\",1]}",
    "{\"exists\":true}",
    "{\"exists\":false}",
    "{\"cidr\":\"10.0.0.0/8\"}",
    "{\"wildcard\":\"*y\"}",
    "{\"equals-ignore-case\":\"x\"}",
    "\"10.0.0.1\"",
};

static void random_value(struct buf *b, int depth, unsigned dotted)
{
    unsigned kind = luck(depth > 0 ? 10 : 4), n = luck(4);

    if (kind < 4) {
        buf_z(b, values[luck(ARRAY_LEN(values))]);
    } else if (kind < 7) {
        buf_char(b, '[');
        for (unsigned i = 0; i < n; i++) {
            if (i > 0)
                buf_char(b, ',');
            random_value(b, depth - 1, dotted);
        }
        buf_char(b, ']');
    } else {
        unsigned from = luck(n_keys);

        buf_char(b, '{');
        for (unsigned i = 0; i < n; i++) {
            bool dot = luck(100) < dotted;

            /* distinct keys, so that no value is said twice */
            buf_printf(b, "%s\"%s%s\":", i > 0 ? "," : "", keys[(from + i) % n_keys],
                       dot ? i % 2 ? ".a" : ".b" : "");
            random_value(b, depth - 1, dotted);
        }
        buf_char(b, '}');
    }
}

static void random_event(struct buf *b, unsigned dotted)
{
    buf_char(b, '{');
    for (unsigned i = 0; i < n_keys; i++) {
        buf_printf(b, "%s\"%s\":", i > 0 ? "," : "", keys[i]);
        random_value(b, 4, dotted);
    }
    buf_char(b, '}');
}

static void random_pattern(struct buf *b, int depth)
{
    unsigned n = n_keys > 4 && depth == 2 ? 9 + luck(3) : 1 + luck(3), from = luck(n_keys);

    buf_char(b, '{');
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            buf_char(b, ',');
        if (depth > 0 && luck(8) == 0) {
            buf_z(b, "\"$or\":[");
            random_pattern(b, depth - 1);
            buf_char(b, ',');
            random_pattern(b, depth - 1);
            buf_char(b, ']');
            continue;
        }
        buf_printf(b, "\"%s\":", keys[(from + i) % n_keys]);
        if (depth > 0 && luck(2) == 0) {
            random_pattern(b, depth - 1);
            continue;
        }
        buf_char(b, '[');
        for (unsigned k = 1 + luck(2); k > 0; k--)
            buf_printf(b, "%s%s", tests[luck(ARRAY_LEN(tests))], k > 1 ? "," : "");
        buf_char(b, ']');
    }
    buf_char(b, '}');
}

/* ---- the rule, by trying everything ---- */

#define DEPTH 24
struct places {
    int array[DEPTH], index[DEPTH];
    int n;
};
struct flat {
    struct str path;
    const struct json *value;
    struct places at;
};
struct flats {
    struct flat v[512];
    size_t n;
    int arrays;
    struct arena *mem;
};

static void flatten(struct flats *f, struct str path, bool root, const struct json *v, struct places at)
{
    if (v->type == JSON_OBJECT) {
        JSON_EACH(v, m)
            flatten(f,
                    root ? m->key : arena_printf(f->mem, STR_FMT "." STR_FMT, STR_ARG(path), STR_ARG(m->key)),
                    false, m, at);
    } else if (v->type == JSON_ARRAY) {
        int id = f->arrays++, i = 0;

        JSON_EACH(v, e) {
            struct places inner = at;

            if (e->type == JSON_ARRAY || e->type == JSON_OBJECT) {
                CHECK(inner.n < DEPTH);
                inner.array[inner.n] = id;
                inner.index[inner.n++] = i;
            }
            i++;
            flatten(f, path, false, e, inner);
        }
    } else {
        CHECK(f->n < ARRAY_LEN(f->v));
        f->v[f->n++] = (struct flat){ path, v, at };
    }
}

static bool agree(const struct places *a, const struct places *b)
{
    for (int i = 0; i < a->n; i++)
        for (int k = 0; k < b->n; k++)
            if (a->array[i] == b->array[k] && a->index[i] != b->index[k])
                return false;
    return true;
}

static void join(struct places *a, const struct places *b)
{
    for (int i = 0; i < b->n; i++) {
        CHECK(a->n < DEPTH);
        a->array[a->n] = b->array[i];
        a->index[a->n++] = b->index[i];
    }
}

static bool absent(const struct flats *f, const struct field *field, const struct places *at)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->v[i].path, field->path) && agree(at, &f->v[i].at))
            return false;
    return true;
}

/* Fields found first, absent ones once it is known in which elements the others are. */
static bool try_fields(const struct flats *f, const struct branch *b, uint32_t k, struct places at,
                       uint64_t missing)
{
    if (k == b->n) {
        for (uint32_t i = 0; i < b->n; i++)
            if ((missing >> i & 1) != 0 && !absent(f, b->fields[i], &at))
                return false;
        return true;
    }
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->v[i].path, b->fields[k]->path) && agree(&at, &f->v[i].at)) {
            struct arena *scratch = NULL;
            struct pattern_steps steps = pattern_steps(UINT64_MAX, NULL);
            struct subject s = pattern_subject(&scratch, f->v[i].value, &steps);
            struct places more = at;

            join(&more, &f->v[i].at);
            if (pattern_field_holds(b->fields[k], &s) && try_fields(f, b, k + 1, more, missing))
                return true;
        }
    return b->fields[k]->may_be_absent && try_fields(f, b, k + 1, at, missing | (uint64_t)1 << k);
}

static bool by_trying(const struct pattern *p, const struct json *event)
{
    struct arena *a CLEANUP(arena_freep) = arena_new(0);
    struct flats *f = arena_alloc(a, sizeof(*f));

    f->mem = a;
    flatten(f, STR(""), true, event, (struct places){ .n = 0 });
    for (uint32_t i = 0; i < p->n; i++)
        if (try_fields(f, &p->branches[i], 0, (struct places){ .n = 0 }, 0))
            return true;
    return false;
}

TEST(pattern_set, walk_is_the_rule)
{
    size_t yes = 0, total = 0;

    for (int round = 0; round < 20000; round++) {
        struct arena *a CLEANUP(arena_freep) = arena_new(0);
        CLEANUP(buf_done) struct buf text = { 0 }, event = { 0 }, why = { 0 };
        struct pattern *p = NULL;
        struct json *doc;
        bool got, want;

        random_pattern(&text, 2);
        random_event(&event, 0);
        CHECK(json_parse(a, buf_view(&event), &doc, NULL) == 0);
        if (pattern_compile(PATTERN_EVENTS, buf_view(&text), &p, &why) != 0) {
            UNIT_FAIL("refused: " STR_FMT, STR_ARG(buf_view(&why)));
            return;
        }
        got = pattern_match(p, doc);
        want = by_trying(p, doc);
        yes += want;
        total++;
        if (got != want)
            UNIT_FAIL("got %d, want %d\n  " STR_FMT "\n  " STR_FMT, got, want, STR_ARG(buf_view(&text)),
                      STR_ARG(buf_view(&event)));
        pattern_free(p);
        if (unit_bad > 3)
            return;
    }
    EXPECT(yes > total / 50 && yes < total);
}

/* Steps that suffice give the answer; too few say so.  The number is the same every time. */
TEST(pattern_set, so_many_steps)
{
    size_t short_of = 0;

    for (int round = 0; round < 3000 && unit_bad == 0; round++) {
        struct arena *a CLEANUP(arena_freep) = arena_new(0);
        CLEANUP(buf_done) struct buf text = { 0 }, event = { 0 }, why = { 0 };
        struct pattern *p = NULL;
        struct json *doc;
        uint64_t left = 1000000, used, few;
        bool got;

        random_pattern(&text, 2);
        random_event(&event, 15);
        CHECK(json_parse(a, buf_view(&event), &doc, NULL) == 0);
        CHECK(pattern_compile(PATTERN_EVENTS, buf_view(&text), &p, &why) == 0);
        got = pattern_match_within(p, doc, &left);
        EXPECT(left > 0 && got == pattern_match(p, doc));
        used = 1000000 - left;
        left = used + 1;
        EXPECT(pattern_match_within(p, doc, &left) == got && left == 1);
        few = left = luck((unsigned)used + 1);
        (void)pattern_match_within(p, doc, &left);
        EXPECT_INT(left, 0);
        short_of += few > 0;
        pattern_ready(a, doc);
        EXPECT_INT(pattern_match(p, doc), got);
        pattern_free(p);
    }
    EXPECT(short_of > 1000);
}

/* ---- wildcards against the obvious ---- */

static bool obvious(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern != '*')
        return *text == *pattern && obvious(pattern + 1, text + 1);
    return obvious(pattern + 1, text) || (*text != '\0' && obvious(pattern, text + 1));
}

TEST(pattern_set, wildcards_are_the_obvious)
{
    size_t yes = 0, asked = 0;

    for (int round = 0; round < 20000 && unit_bad == 0; round++) {
        struct arena *a CLEANUP(arena_freep) = arena_new(0);
        CLEANUP(buf_done) struct buf text = { 0 }, event = { 0 }, why = { 0 };
        char glob[10], value[14];
        size_t n = 0, m = luck(sizeof(value));
        struct pattern *p = NULL;
        struct json *doc;
        bool want;

        for (size_t k = 1 + luck(8); n < k; n++)
            glob[n] = luck(3) == 0 && (n == 0 || glob[n - 1] != '*') ? '*' : (char)('a' + luck(2));
        glob[n] = '\0';
        for (size_t i = 0; i < m; i++)
            value[i] = (char)('a' + luck(2));
        value[m] = '\0';
        buf_printf(&text, "{\"a\":[{\"wildcard\":\"%s\"}]}", glob);
        buf_printf(&event, "{\"a\":\"%s\"}", value);
        if (pattern_compile(PATTERN_EVENTS, buf_view(&text), &p, &why) != 0)
            continue; /* too complex */
        CHECK(json_parse(a, buf_view(&event), &doc, NULL) == 0);
        want = obvious(glob, value);
        if (pattern_match(p, doc) != want)
            UNIT_FAIL("want %d: %s %s", want, glob, value);
        yes += want;
        asked++;
        pattern_free(p);
    }
    EXPECT(asked > 15000 && yes > 2000 && yes < asked);
}

/* ---- a set against its members ---- */

#define MEMBERS 60
struct member {
    struct pattern *p;
    bool in;
};
struct met {
    void *owners[MEMBERS];
    size_t n;
};
static void meet(void *arg, void *owner)
{
    struct met *m = arg;

    CHECK(m->n < MEMBERS);
    m->owners[m->n++] = owner;
}

static void compare(const struct pattern_set *s, struct member *v, const size_t *order, size_t n,
                    const struct json *event)
{
    struct arena *a CLEANUP(arena_freep) = arena_new(0);
    struct met met = { .n = 0 };
    size_t k = 0;

    pattern_set_match(s, a, event, meet, &met);
    for (size_t i = 0; i < n; i++)
        if (v[order[i]].in && pattern_match(v[order[i]].p, event)) {
            EXPECT(k < met.n && met.owners[k] == &v[order[i]]);
            k++;
        }
    EXPECT_INT(met.n, k);
}

TEST(pattern_set, agrees_with_its_members)
{
    for (int round = 0; round < 200 && unit_bad == 0; round++) {
        struct arena *a CLEANUP(arena_freep) = arena_new(0);
        struct pattern_set *s = pattern_set_new();
        struct member v[MEMBERS] = { 0 };
        size_t order[MEMBERS * 2], n = 0;

        for (size_t i = 0; i < MEMBERS; i++) {
            CLEANUP(buf_done) struct buf text = { 0 }, why = { 0 };

            random_pattern(&text, 2);
            CHECK(pattern_compile(PATTERN_EVENTS, buf_view(&text), &v[i].p, &why) == 0);
            pattern_set_add(s, v[i].p, &v[i]);
            pattern_set_add(s, v[i].p, &v[i]); /* twice is once */
            v[i].in = true;
            order[n++] = i;
        }
        for (int k = 0; k < 20; k++) {
            CLEANUP(buf_done) struct buf event = { 0 };
            size_t gone = luck(MEMBERS);
            struct json *doc;

            random_event(&event, 15);
            CHECK(json_parse(a, buf_view(&event), &doc, NULL) == 0);
            compare(s, v, order, n, doc);
            pattern_set_remove(s, v[gone].p, &v[gone]);
            v[gone].in = false;
        }
        for (size_t i = 0; i < MEMBERS; i += 2)
            pattern_set_remove(s, v[i].p, &v[i]);
        pattern_set_free(s);
        for (size_t i = 0; i < MEMBERS; i++)
            pattern_free(v[i].p);
    }
}

/* A dozen keys side by side, so that steps are looked up by name; every field
 * may be absent, or nothing would ever match. */
TEST(pattern_set, wide_patterns)
{
    size_t yes = 0;

    keys = many_keys;
    n_keys = ARRAY_LEN(many_keys);
    for (int round = 0; round < 3000 && unit_bad == 0; round++) {
        struct arena *a CLEANUP(arena_freep) = arena_new(0);
        CLEANUP(buf_done) struct buf text = { 0 }, event = { 0 }, why = { 0 };
        struct pattern *p = NULL;
        struct json *doc;

        buf_char(&text, '{');
        for (unsigned i = 0; i < n_keys; i++)
            buf_printf(&text, "%s\"%s\":{\"a\":[%s,{\"exists\":%s}]}", i > 0 ? "," : "", keys[i],
                       tests[luck(ARRAY_LEN(tests))], luck(40) > 0 ? "false" : "true");
        buf_char(&text, '}');
        buf_char(&event, '{');
        for (unsigned i = luck(12), k = 0; i < n_keys; i += 2 + luck(8), k++) {
            bool dotted = luck(2) == 0;

            buf_printf(&event, dotted ? "%s\"%s.a\":%s" : "%s\"%s\":{\"a\":[%s]}", k > 0 ? "," : "", keys[i],
                       values[luck(ARRAY_LEN(values))]);
        }
        buf_char(&event, '}');
        CHECK(json_parse(a, buf_view(&event), &doc, NULL) == 0);
        CHECK(pattern_compile(PATTERN_EVENTS, buf_view(&text), &p, &why) == 0);
        CHECK(p->branches[0].root->sorted != NULL);
        EXPECT_INT(pattern_match(p, doc), by_trying(p, doc));
        yes += pattern_match(p, doc);
        pattern_free(p);
    }
    keys = few_keys;
    n_keys = ARRAY_LEN(few_keys);
    EXPECT(yes > 100);
}

TEST(pattern_set, order_is_that_of_adding)
{
    static const char *const texts[] = {
        "{\"b\":[{\"exists\":false}]}", "{\"a\":[\"x\"]}",
        "{\"a\":[{\"prefix\":\"x\"}]}", "{\"a\":[{\"suffix\":\"x\"}]}",
        "{\"a\":[\"x\",\"y\"]}",        "{\"$or\":[{\"a\":[\"x\"]},{\"a\":[{\"exists\":true}]}]}"
    };
    struct arena *a CLEANUP(arena_freep) = arena_new(0);
    struct pattern_set *s = pattern_set_new();
    struct pattern *p[ARRAY_LEN(texts)];
    struct met met = { .n = 0 };
    struct json *doc;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(buf_done) struct buf why = { 0 };

        EXPECT_INT(pattern_compile(PATTERN_EVENTS, str_of(texts[i]), &p[i], &why), 0);
        pattern_set_add(s, p[i], &p[i]);
    }
    EXPECT_INT(json_parse(a, STR("{\"a\":[\"x\",\"x\",\"\\u0078\"]}"), &doc, NULL), 0);
    pattern_set_match(s, a, doc, meet, &met);
    EXPECT_INT(met.n, ARRAY_LEN(texts));
    for (size_t i = 0; i < met.n; i++)
        EXPECT(met.owners[i] == &p[i]);
    pattern_set_remove(s, p[0], &p[1]); /* another owner: nothing happens */
    met.n = 0;
    pattern_set_match(s, a, doc, meet, &met);
    EXPECT_INT(met.n, ARRAY_LEN(texts));
    pattern_set_free(s);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        pattern_free(p[i]);
}

UNIT_MAIN
