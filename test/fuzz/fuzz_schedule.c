/* fuzz_schedule.c - whatever the bytes: an expression is refused, or its firings move forward, stand on whole
 * minutes when it is a cron expression, and asking from just before a firing finds that firing again. */
#include "service/events/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t starts[] = { 0, 1789400698123, 4102444799999, 7258118340000 };
    struct str text = str_make((const char *)data, size);
    struct schedule *s = NULL;

    if (schedule_parse(text, &s) != 0) {
        CHECK(s == NULL);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        int64_t t = starts[i];

        for (int k = 0; k < 4; k++) {
            int64_t next = schedule_next(s, starts[0], t);

            if (next < 0)
                break;
            CHECK(next > t && next % 60000 == 0 && next <= CLOCK_MOST_MS);
            CHECK(schedule_next(s, starts[0], next - 1) == next);
            t = next;
        }
    }
    schedule_free(s);
    return 0;
}
