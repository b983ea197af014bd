/* arena.h - memory that dies together: a request, a turn, a loaded table.
 * Nothing in an arena is freed singly and nothing stored may point into one.  An arena has a limit; past it
 * allocation returns NULL-safe scratch memory and the arena is marked overflowed (sticky): callers do not
 * test each allocation, whoever ends the request tests arena_overflowed() once and answers with a fault.
 * Under AddressSanitizer every allocation is a separate malloc, so overruns are caught.
 * Cost: a bump of a pointer; the first chunk (4 KiB) stands in the arena itself. */
#ifndef WAYBILL_BASE_ARENA_H
#define WAYBILL_BASE_ARENA_H

#include "base/str.h"

struct arena;

#define ARENA_DEFAULT_LIMIT ((size_t)256 << 20)

struct arena *arena_new(size_t limit_bytes); /* 0: ARENA_DEFAULT_LIMIT */
struct arena *arena_free(struct arena *a);   /* accepts NULL, returns NULL */
void arena_reset(struct arena *a);           /* empty again, keeps its first chunk */
void arena_freep(struct arena **a);          /* for CLEANUP */

/* Zeroed, aligned to 16.  Never NULL. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_calloc(struct arena *a, size_t n, size_t size);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* Copies; the copy is followed by a NUL that is not counted.  An absent str stays absent. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
const char *arena_z(struct arena *a, struct str s); /* NUL-terminated copy; absent gives "" */

bool arena_overflowed(const struct arena *a);
size_t arena_used_bytes(const struct arena *a);

#endif
