/* state.c - the end of a program in which a machine would have gone where it may not. */
#include "base/state.h"

#include <stdio.h>
#include <stdlib.h>

void state_failed(const struct states *m, unsigned from, unsigned to, const char *file, int line)
{
    fprintf(stderr, "waybill: broken invariant at %s:%d: %s: %s (%u) may not become %s (%u)\n", file, line,
            m->machine, state_name(m, from), from, state_name(m, to), to);
    fflush(stderr);
    abort();
}
