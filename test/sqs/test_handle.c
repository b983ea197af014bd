/* Receipt handles: there and back, and nothing else gets in. */
#include "test/unit.h"

#include "service/sqs/handle.h"

TEST(handle, there_and_back)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sqs_handle in = { ((uint64_t)1 << 48) - 1, 0x123456789abc, 0xfedcba98u }, out = { 0 };
    struct str text = sqs_handle_text(a, &in);

    EXPECT_INT(text.n, 32);
    EXPECT_INT(sqs_handle_parse(a, text, &out), 0);
    EXPECT_INT(out.queue_id, in.queue_id);
    EXPECT_INT(out.message_id, in.message_id);
    EXPECT_INT(out.receive, in.receive);
}

TEST(handle, each_receive_has_its_own)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sqs_handle one = { 1, 2, 1 }, two = { 1, 2, 2 };

    EXPECT(!str_eq(sqs_handle_text(a, &one), sqs_handle_text(a, &two)));
}

TEST(handle, any_changed_character_is_found)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sqs_handle in = { 77, 99, 3 }, out;
    struct str text = sqs_handle_text(a, &in);
    char *p = (char *)text.p;

    for (size_t i = 0; i < text.n; i++) {
        char was = p[i];

        p[i] = was == 'A' ? 'B' : 'A';
        EXPECT_INT(sqs_handle_parse(a, text, &out), -E_INVALID);
        p[i] = was;
    }
    EXPECT_INT(sqs_handle_parse(a, text, &out), 0);
}

TEST(handle, rubbish)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sqs_handle out;
    static const char *const bad[] = { "",
                                       "a",
                                       "garbage",
                                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                       "\xff\xfe",
                                       "====",
                                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        EXPECT_INT(sqs_handle_parse(a, str_of(bad[i]), &out), -E_INVALID);
    EXPECT_INT(sqs_handle_parse(a, STR_NONE, &out), -E_INVALID);
}

UNIT_MAIN
