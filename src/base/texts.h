/* texts.h - a JSON object of texts as a small map: the tags of something, as they lie in a row.
 *
 * Pure: text in, text out, everything in the caller's arena.  Keys keep the order in which they first came.
 * The object must be one of our own writing: anything else is our bug.  Cost: members times keys; such maps
 * hold some 50. */
#ifndef WAYBILL_BASE_TEXTS_H
#define WAYBILL_BASE_TEXTS_H

#include "base/json.h"

struct text_pair {
    struct str key, value;
};

/* Its members, in order. */
struct text_pair *texts_read(struct arena *a, struct str object, size_t *ret_n);
/* With these set; of several with one key the last counts.  *ret_n: how many there are then. */
struct str texts_with(struct arena *a, struct str object, const struct text_pair *add, size_t n,
                      size_t *ret_n);
struct str texts_without(struct arena *a, struct str object, const struct str *keys, size_t n);

#endif
