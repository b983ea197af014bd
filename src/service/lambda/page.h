/* page.h - lists in pages: items sorted by a key, a Marker that is the last key shown.
 *
 * The Marker survives changes of the list between two pages: what was inserted behind it is shown, what was
 * deleted is not missed.  AWS shows at most 50 items a page whatever MaxItems says. */
#ifndef WAYBILL_SERVICE_LAMBDA_PAGE_H
#define WAYBILL_SERVICE_LAMBDA_PAGE_H

#include "wire/call.h"

#define PAGE_MAX 50

struct page_item {
    struct str key;
    void *item;
};

struct page {
    struct page_item *v;    /* sorted */
    size_t from, to;        /* [from, to) is this page */
    struct str next_marker; /* absent: the last page */
};

/* v: n items, sorted here.  0, or -E_FAULT: the Marker is none of ours. */
int page_make(struct call *c, struct page_item *v, size_t n, struct str marker, struct opt_int max_items,
              struct page *ret);
/* A key that sorts versions by number: "$LATEST" first. */
struct str page_version_key(struct arena *a, struct str name, struct str number);

#endif
