/* fuzz_deadletter.c - whatever a function answered, its dead letter is one a queue can take: valid UTF-8
 * without control characters, no empty attribute, and the event's bytes untouched. */
#include <stdlib.h>

#include "base/json.h"
#include "flow/deadletter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str s)
{
    CHECK(s.n > 0 && s.n <= 3 * DEAD_LETTER_MESSAGE_BYTES);
    CHECK(utf8_check(s) == s.n);
    for (size_t i = 0; i < s.n; i++)
        CHECK((unsigned char)s.p[i] >= 0x20 || s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == '\r');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *mem = arena_new(0);
    struct str answer = str_make((const char *)data, size);
    struct dead_letter_facts f = { .request_id = STR("id"),
                                   .function_arn = STR("arn"),
                                   .condition = CONDITION_RETRIES_EXHAUSTED,
                                   .status = 200,
                                   .request_payload = answer,
                                   .response_payload = answer };
    struct parcel p = { 0 };

    dead_letter_parcel(mem, &f, &p);
    CHECK(str_eq(p.body, size == 0 ? STR("{}") : answer));
    CHECK(p.n_attributes >= 2);
    for (size_t i = 0; i < p.n_attributes; i++)
        check_text(p.attributes[i].value);
    arena_free(mem);
    return 0;
}
