/* test_json_suite.c - the public JSON parsing suite (json_suite.txt names its origin and licence).
 * y_ inputs must be accepted, n_ refused; for i_ inputs our choice stands below: what is not UTF-8 is
 * refused, and so is a byte order mark; a number's size and a lone escaped surrogate are no matter of form.
 */
#include "base/crypt.h"
#include "base/json.h"
#include "test/unit.h"

static const char *const refused[] = {
    "i_string_UTF-16LE_with_BOM",
    "i_string_UTF-8_invalid_sequence",
    "i_string_UTF8_surrogate_U+D800",
    "i_string_invalid_utf-8",
    "i_string_iso_latin_1",
    "i_string_lone_utf8_continuation_byte",
    "i_string_not_in_unicode_range",
    "i_string_overlong_sequence_2_bytes",
    "i_string_overlong_sequence_6_bytes",
    "i_string_overlong_sequence_6_bytes_null",
    "i_string_truncated-utf-8",
    "i_string_utf16BE_no_BOM",
    "i_string_utf16LE_no_BOM",
    "i_structure_UTF-8_BOM_empty_object",
};

static bool accepts(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (str_is(name, refused[i]))
            return false;
    return name.p[0] != 'n';
}

static void try(struct str name, struct str text)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json_error e = { 0 };
    struct json *j = NULL;
    int want = accepts(name) ? 0 : -E_INVALID;
    char *exact = xmalloc(text.n);

    if (text.n > 0)
        memcpy(exact, text.p, text.n);
    text.p = exact;
    if (json_check(text, &e) != want)
        UNIT_FAIL(STR_FMT ": json_check says %s", STR_ARG(name), want == 0 ? "no" : "yes");
    if (json_parse(a, text, &j, NULL) != want)
        UNIT_FAIL(STR_FMT ": json_parse says %s", STR_ARG(name), want == 0 ? "no" : "yes");
    if (want != 0)
        EXPECT(e.problem != JSON_OK && e.at <= text.n && e.line >= 1 && e.column >= 1);
    free(exact);
}

TEST(json_suite, file)
{
    CLEANUP(buf_done) struct buf file = { 0 };
    FILE *f = fopen(JSON_SUITE, "rb");
    struct str rest, line, name;
    int count = 0;

    CHECK(f != NULL);
    for (int c; (c = getc(f)) != EOF;)
        buf_char(&file, (char)c);
    fclose(f);
    rest = buf_view(&file);
    while (str_cut(&rest, '\n', &line)) {
        CLEANUP(arena_freep) struct arena *a = arena_new(0);
        struct str text;

        if (line.n == 0 || line.p[0] == '#' || !str_cut(&line, '\t', &name))
            continue;
        CHECK(base64_decode(a, line, &text) == 0);
        try(name, text);
        count++;
    }
    EXPECT_INT(count, 316);
}

TEST(json_suite, large_inputs)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    for (int i = 0; i < 100000; i++)
        buf_char(&b, '[');
    try(STR("n_structure_100000_opening_arrays"), buf_view(&b));
    buf_clear(&b);
    for (int i = 0; i < 50000; i++)
        buf_z(&b, "[{\"\":");
    buf_char(&b, '\n');
    try(STR("n_structure_open_array_object"), buf_view(&b));
}

UNIT_MAIN
