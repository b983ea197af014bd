/* fuzz_transform.c - whatever the bytes: a path or template is refused with a sentence or renders; what
 * renders is JSON, or lines in quotes.
 *
 * Input: a path, a line feed, an event, a line feed, the template; it may use <p>, which stands for the path.
 */
#include "service/events/transform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void template_of(struct str path, struct str template, const struct json *event)
{
    static const struct transform_facts facts = { { "arn:\"rule", 9 }, { "rule", 4 }, 1789400698123 };
    struct events_TransformerPaths_entry entry = { STR("p"), path };
    struct events_InputTransformer in = { .InputPathsMap = { .set = true, .n = 1, .v = &entry },
                                          .InputTemplate = template };
    CLEANUP(buf_done) struct buf why = { 0 }, out = { 0 };
    struct transform *t = NULL;
    int r = transform_compile(STR("id"), &in, &t, &why);

    CHECK((r == 0) == (t != NULL) && (r == 0 || why.n > 0));
    if (r != 0)
        return;
    r = transform_render(t, event, &facts, &out);
    CHECK(r == 0 || out.n == 0);
    CHECK(r != 0 || json_check(buf_view(&out), NULL) == 0 || str_find(buf_view(&out), '"') >= 0);
    transform_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_make((const char *)data, size), path, text;
    CLEANUP(buf_done) struct buf why = { 0 }, out = { 0 };
    struct arena *a = arena_new((size_t)64 << 20);
    struct input_path *p = NULL;
    struct json *event = NULL;

    if (size > 0 && str_cut(&rest, '\n', &path) && str_cut(&rest, '\n', &text) && !str_absent(rest) &&
        json_parse(a, text, &event, NULL) == 0) {
        if (input_path_compile(path, &p, &why) == 0) {
            input_path_render(p, event, &out);
            CHECK(json_check(buf_view(&out), NULL) == 0);
            input_path_free(p);
        } else {
            CHECK(p == NULL && why.n > 0);
        }
        template_of(path, rest, event);
    }
    arena_free(a);
    return 0;
}
