/* map.h - hash map from bytes to a pointer; open addressing, keyed hash (a client cannot choose collisions).
 * The map copies keys and owns the copies; values belong to the caller.  Iteration order is unspecified:
 * sort where an order is shown. */
#ifndef WAYBILL_BASE_MAP_H
#define WAYBILL_BASE_MAP_H

#include "base/str.h"

struct map {
    struct map_slot *slots;
    size_t n, used, cap;
};

void map_done(struct map *m);                              /* frees slots and keys; {0} is an empty map */
void *map_get(const struct map *m, struct str key);        /* NULL when absent */
void *map_put(struct map *m, struct str key, void *value); /* the value replaced, or NULL; value != NULL */
void *map_del(struct map *m, struct str key);              /* the value removed, or NULL */

/* for (size_t i = 0; map_next(&m, &i, &key, &value);)  Changing the map while iterating is not allowed. */
bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value);

uint64_t hash_bytes(const void *p, size_t n); /* keyed once per process */

#endif
