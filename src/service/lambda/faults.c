/* faults.c - the words with which this room says no. */
#include "service/lambda/ops.h"

int fault_unsupported(struct call *c, const char *parameter)
{
    return INVALID(c, "Waybill does not support the parameter %s. Leave it out or at its default.",
                   parameter);
}

struct str violation(struct arena *a, struct str value, const char *path, const char *constraint)
{
    return arena_printf(a, "Value '" STR_FMT "' at '%s' failed to satisfy constraint: %s", STR_ARG(value),
                        path, constraint);
}

int fault_violations(struct call *c, size_t n, const struct str *violations)
{
    struct str text = validation_text(c->mem, n, violations);

    return call_fault(c, &error_validation, STR_FMT, STR_ARG(text));
}

int reply_empty(struct call *c, int status)
{
    call_raw(c, status, NULL, STR(""));
    return 0;
}
