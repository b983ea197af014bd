/* fuzz_json.c - whatever the bytes: checking and parsing say the same, and what was accepted survives being
 * compacted, once and again, and being quoted. */
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same_error(const struct json_error *e, const struct json_error *f, size_t size)
{
    CHECK(e->problem == f->problem && e->at == f->at && e->line == f->line && e->column == f->column);
    CHECK(e->problem != JSON_OK && e->at <= size);
}

/* Asks every node everything; returns how many there are. */
static size_t visit(struct arena *a, const struct json *j)
{
    size_t n = 1;
    int64_t whole;
    double real;

    json_text(a, j);
    (void)json_i64(j, &whole);
    (void)json_f64(j, &real);
    for (const struct json *child = j->first; child != NULL; child = child->next) {
        if (j->type == JSON_OBJECT)
            CHECK(json_get(j, json_key(a, child)) != NULL || child->key_escaped);
        n += visit(a, child);
    }
    return n;
}

static void quote_and_read_back(struct arena *a, struct str s)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json *j;

    json_quote(&b, s);
    CHECK(json_parse(a, buf_view(&b), &j, NULL) == 0 && j->type == JSON_STRING);
    if (utf8_check(s) == s.n)
        CHECK(str_eq(json_text(a, j), s));
}

static void compact_twice(struct arena *a, struct str s, size_t nodes)
{
    CLEANUP(buf_done) struct buf once = { 0 }, twice = { 0 };
    struct json *j;

    json_compact(&once, s);
    CHECK(json_parse(a, buf_view(&once), &j, NULL) == 0 && visit(a, j) == nodes);
    json_compact(&twice, buf_view(&once));
    CHECK(str_eq(buf_view(&once), buf_view(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct str s = str_make(size > 0 ? (const char *)data : "", size);
    struct json_error e, f;
    struct json *j;
    int r = json_check(s, &e);

    CHECK(json_parse(a, s, &j, &f) == r);
    quote_and_read_back(a, s);
    if (r == 0)
        compact_twice(a, s, visit(a, j));
    else
        expect_same_error(&e, &f, size);
    return 0;
}
