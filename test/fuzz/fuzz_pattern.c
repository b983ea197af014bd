/* fuzz_pattern.c - whatever the bytes: a pattern is refused with a sentence or compiles, in every dialect;
 * what compiles answers always the same, and a set with it inside answers as the pattern alone does.
 *
 * Input: the pattern's text, a line feed (the last one counts), the event's text. */
#include "pattern/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void meet(void *arg, void *owner)
{
    CHECK(owner == arg);
    *(int *)owner += 1;
}

static void ask_event(const struct pattern *p, struct str event)
{
    struct arena *a = arena_new((size_t)64 << 20);
    struct pattern_set *s = pattern_set_new();
    struct json *doc;
    int met = 0;

    pattern_set_add(s, p, &met);
    if (json_parse(a, event, &doc, NULL) == 0) {
        bool r = pattern_match(p, doc);

        CHECK(pattern_match(p, doc) == r);
        pattern_set_match(s, a, doc, meet, &met);
        CHECK(met == (int)r);
    }
    pattern_set_remove(s, p, &met);
    pattern_set_free(s);
    arena_free(a);
}

static void ask_attributes(const struct pattern *p, struct str text)
{
    static const char *const types[] = { "String", "Number", "String.Array", "Binary", "Number.x" };
    struct pattern_attribute v[ARRAY_LEN(types)];

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        v[i] = (struct pattern_attribute){ STR("a"), str_of(types[i]), text };
        CHECK(pattern_match_attributes(p, &v[i], 1) == pattern_match_attributes(p, &v[i], 1));
    }
    (void)pattern_match_attributes(p, v, ARRAY_LEN(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    ptrdiff_t cut = str_rfind(text, '\n');
    struct str pattern = cut < 0 ? text : str_sub(text, 0, (size_t)cut);
    struct str event = cut < 0 ? STR("{\"a\":[1,\"x\",{\"b\":null}]}") : str_sub(text, (size_t)cut + 1, size);

    for (int dialect = PATTERN_EVENTS; dialect <= PATTERN_SNS_BODY; dialect++) {
        CLEANUP(buf_done) struct buf why = { 0 };
        struct pattern *p = NULL;
        int r = pattern_compile((enum pattern_dialect)dialect, pattern, &p, &why);

        CHECK((r == 0) == (p != NULL) && (r == 0 || why.n > 0));
        if (r != 0)
            continue;
        if (dialect == PATTERN_SNS_ATTRIBUTES)
            ask_attributes(p, event);
        else
            ask_event(p, event);
        pattern_free(p);
    }
    return 0;
}
