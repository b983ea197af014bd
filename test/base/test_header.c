/* test_header.c - a header's line is one line, whatever its name and value hold. */
#include "test/unit.h"
#include "base/header.h"

TEST(header, a_line_is_one_line)
{
    static const struct {
        struct str name, value;
        const char *want;
    } rows[] = {
        { STR("A"), STR("b"), "A: b\r\n" },
        { STR("A"), STR(""), "A: \r\n" },
        { STR("x-amz-meta-\xc3\xa4"), STR("\xc3\xa4 \tb"), "x-amz-meta-: \xc3\xa4 \tb\r\n" },
        { STR("A"), STR("b\r\nX-Injected: 1"), "A: bX-Injected: 1\r\n" },
        { STR("A"), STR("\r\n\r\nHTTP/1.1 200"), "A: HTTP/1.1 200\r\n" },
        { STR("A"), STR("b\0c\x7f\x1b\vd"), "A: bcd\r\n" },
        { STR("x-amz-meta-a\r\nX"), STR("v"), "x-amz-meta-aX: v\r\n" },
        { STR("a: b c"), STR("v"), "abc: v\r\n" },
        { STR("\r\n"), STR("v"), "" },
        { STR(""), STR("v"), "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf b = { 0 };

        header_line(&b, rows[i].name, rows[i].value);
        EXPECT_STR(buf_view(&b), str_of(rows[i].want));
    }
}

TEST(header, what_fits)
{
    EXPECT(header_value_fits(STR("text/plain; a=\"b\"\t\xc3\xa4")) && header_value_fits(STR("")) &&
           header_value_fits(STR_NONE));
    EXPECT(!header_value_fits(STR("a\r\nb")) && !header_value_fits(STR("a\0b")) &&
           !header_value_fits(STR("\x7f")));
}

UNIT_MAIN
