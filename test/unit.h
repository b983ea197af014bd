/* unit.h - the smallest test frame that prints both values.
 *
 *   TEST(json, empty) { EXPECT_INT(json_check(STR(""), NULL), -E_INVALID); }
 *   int main(int argc, char **argv) { return unit_main(argc, argv); }      // UNIT_MAIN writes it
 *
 * Tests register themselves; `prog name` runs those whose "suite.name" contains name.  Prints one line per
 * failing expectation and a closing line "N passed, N failed"; exit status 1 when any failed. */
#ifndef WAYBILL_TEST_UNIT_H
#define WAYBILL_TEST_UNIT_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/buf.h"

struct unit_test {
    const char *name;
    void (*fn)(void);
    struct unit_test *next;
};
static struct unit_test *unit_first, **unit_last = &unit_first;
static int unit_bad; /* failed expectations in the running test */

#define TEST(suite, name)                                                                              \
    static void test_##suite##_##name(void);                                                           \
    static struct unit_test unit_##suite##_##name = { #suite "." #name, test_##suite##_##name, NULL }; \
    __attribute__((constructor)) static void unit_add_##suite##_##name(void)                           \
    {                                                                                                  \
        *unit_last = &unit_##suite##_##name;                                                           \
        unit_last = &unit_##suite##_##name.next;                                                       \
    }                                                                                                  \
    static void test_##suite##_##name(void)

#define UNIT_FAIL(...) (unit_bad++, printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"))
#define EXPECT(c) ((c) ? (void)0 : (void)UNIT_FAIL("expected: %s", #c))
#define EXPECT_INT(got, want)                                    \
    do {                                                         \
        long long g_ = (long long)(got), w_ = (long long)(want); \
        if (g_ != w_)                                            \
            UNIT_FAIL("%s: got %lld, want %lld", #got, g_, w_);  \
    } while (0)
#define EXPECT_STR(got, want)                                                                         \
    do {                                                                                              \
        struct str g_ = (got), w_ = (want);                                                           \
        if (!str_eq(g_, w_) || (g_.p == NULL) != (w_.p == NULL))                                      \
            UNIT_FAIL("%s:\n   got  %s" STR_FMT "\n   want %s" STR_FMT, #got, g_.p ? "" : "(absent)", \
                      STR_ARG(g_), w_.p ? "" : "(absent)", STR_ARG(w_));                              \
    } while (0)
#define EXPECT_Z(got, want) EXPECT_STR(str_of(got), str_of(want))

static inline int unit_main(int argc, char **argv)
{
    int passed = 0, failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (struct unit_test *t = unit_first; t != NULL; t = t->next) {
        if (argc > 1 && strstr(t->name, argv[1]) == NULL)
            continue;
        unit_bad = 0;
        t->fn();
        if (unit_bad > 0)
            printf("FAILED %s\n", t->name);
        unit_bad > 0 ? failed++ : passed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
#define UNIT_MAIN \
    int main(int argc, char **argv) { return unit_main(argc, argv); }

#endif
