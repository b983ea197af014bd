/* def.c - error texts, the end of a program whose invariant broke, and memory that never fails.
 * True here: nothing returns NULL; nothing allocates on the way to an abort. */
#include "base/def.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const texts[] = { [0] = "no error",
#define E(name, n, text) [n] = text,
                                     ERROR_CODES(E)
#undef E
};

const char *error_text(int code)
{
    size_t at = code < 0 ? -(size_t)code : (size_t)code;

    if (at >= ARRAY_LEN(texts) || texts[at] == NULL)
        return "unknown error";
    return texts[at];
}

void check_failed(const char *expr, const char *file, int line)
{
    fprintf(stderr, "waybill: broken invariant at %s:%d: %s\n", file, line, expr);
    fflush(stderr);
    abort();
}

static void *have(void *p)
{
    if (__builtin_expect(p == NULL, 0)) {
        fputs("waybill: out of memory\n", stderr);
        abort();
    }
    return p;
}

/* Zero bytes are asked for as one, so that NULL always means failure. */
void *xmalloc(size_t n) { return have(malloc(n != 0 ? n : 1)); }

void *xcalloc(size_t n, size_t size)
{
    if (n == 0 || size == 0)
        n = size = 1;
    return have(calloc(n, size));
}

void *xrealloc(void *p, size_t n) { return have(realloc(p, n != 0 ? n : 1)); }

char *xstrdup(const char *s) { return have(strdup(s)); }
