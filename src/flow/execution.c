/* execution.c - counted code objects: whoever holds one may run it, the last one frees it. */
#include "flow/execution.h"

struct code *code_ref(struct code *c)
{
    CHECK_IS(c, CODE_MAGIC);
    CHECK(c->refs > 0);
    c->refs++;
    return c;
}

void code_unref(struct code *c)
{
    if (c == NULL)
        return;
    CHECK_IS(c, CODE_MAGIC);
    CHECK(c->refs > 0);
    if (--c->refs > 0)
        return;
    c->magic = 0;
    arena_free(c->mem); /* c itself lies in it */
}
