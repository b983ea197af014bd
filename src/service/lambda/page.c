/* page.c - one way to cut lists into pages. */
#include "service/lambda/page.h"

#include <stdlib.h>
#include "base/crypt.h"
#include "service/lambda/ops.h"

#define MARKER_LEAD "w1:"

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct page_item *)a)->key, ((const struct page_item *)b)->key);
}

static int marker_key(struct call *c, struct str marker, struct str *ret)
{
    struct str text;

    if (str_absent(marker)) {
        *ret = STR_NONE;
        return 0;
    }
    if (base64_decode(c->mem, marker, &text) != 0 || !str_starts(text, STR(MARKER_LEAD)))
        return INVALID(c, "Invalid Marker: " STR_FMT, STR_ARG(marker)); /* UNVERIFIED wording */
    *ret = str_sub(text, strlen(MARKER_LEAD), text.n);
    return 0;
}

int page_make(struct call *c, struct page_item *v, size_t n, struct str marker, struct opt_int max_items,
              struct page *ret)
{
    size_t max = max_items.set && max_items.v < PAGE_MAX ? (size_t)MAX(max_items.v, 1) : PAGE_MAX, from = 0;
    struct str after;
    int rc = marker_key(c, marker, &after);

    if (rc != 0)
        return rc;
    if (n > 1)
        qsort(v, n, sizeof *v, by_key);
    while (!str_absent(after) && from < n && str_cmp(v[from].key, after) <= 0)
        from++;
    *ret = (struct page){ .v = v, .from = from, .to = MIN(n, from + max), .next_marker = STR_NONE };
    if (ret->to < n) {
        struct str text = arena_printf(c->mem, MARKER_LEAD STR_FMT, STR_ARG(v[ret->to - 1].key));

        ret->next_marker = base64_str(c->mem, text);
    }
    return 0;
}

struct str page_version_key(struct arena *a, struct str name, struct str number)
{
    static const char zeros[] = "00000000000000000000";
    size_t pad = number.n < sizeof zeros - 1 ? sizeof zeros - 1 - number.n : 0;

    if (str_eq(number, LATEST))
        return arena_printf(a, STR_FMT " ", STR_ARG(name));
    return arena_printf(a, STR_FMT " %.*s" STR_FMT, STR_ARG(name), (int)pad, zeros, STR_ARG(number));
}
