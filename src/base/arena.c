/* arena.c - the bump allocator of everything that dies together.
 *
 * True here:
 *  - bytes between `at` and `end` are free and of unknown content; every allocation is zeroed as it is given;
 *  - chunks other than the inline one hang in one list and die at reset or free;
 *  - a large block gets a chunk of its own and leaves the current chunk in use;
 *  - past the limit memory stays distinct for as much again (so that half-built lists and trees stay sound
 *    until somebody asks arena_overflowed()); past that everybody shares one scratch block;
 *  - freed arenas wait in a short list per thread, so that a request costs no malloc;
 *  - under AddressSanitizer a block is a chunk and nothing is recycled. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define INLINE_BYTES ((size_t)4096)
#define CHUNK_MOST ((size_t)1 << 20)
#define SPARE_MOST 512 /* 2 MiB: as many requests under one commit cost no malloc */

#if defined(__SANITIZE_ADDRESS__)
#define SEPARATE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEPARATE 1
#endif
#endif
#ifndef SEPARATE
#define SEPARATE 0
#endif

struct chunk {
    struct chunk *next;
    size_t size; /* of what follows, in bytes */
};
_Static_assert(sizeof(struct chunk) % 16 == 0, "what follows a chunk's head must stay aligned");

struct arena {
    char *at, *end;
    struct chunk *chunks;
    size_t limit, used;
    size_t next_size; /* of the next ordinary chunk */
    void *scratch;
    size_t scratch_size;
    struct arena *spare; /* next in the list of freed arenas */
    bool over;
    char first[SEPARATE ? 16 : INLINE_BYTES] __attribute__((aligned(16)));
};

static _Thread_local struct arena *spares;
static _Thread_local unsigned spares_n;

static void begin(struct arena *a)
{
    a->at = a->first;
    a->end = SEPARATE ? a->first : a->first + sizeof(a->first);
    a->chunks = NULL;
    a->used = 0;
    a->next_size = 4 * INLINE_BYTES;
    a->scratch = NULL;
    a->scratch_size = 0;
    a->over = false;
}

struct arena *arena_new(size_t limit_bytes)
{
    struct arena *a = spares;

    if (a != NULL) {
        spares = a->spare;
        spares_n--;
    } else {
        /* Not through calloc: the inline chunk is zeroed piece by piece as it is given out. */
        a = xmalloc(sizeof(*a));
        begin(a);
    }
    a->spare = NULL;
    a->limit = limit_bytes != 0 ? limit_bytes : ARENA_DEFAULT_LIMIT;
    CHECK(a->limit <= SIZE_MAX / 4);
    return a;
}

void arena_reset(struct arena *a)
{
    for (struct chunk *c = a->chunks, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    begin(a);
}

struct arena *arena_free(struct arena *a)
{
    if (a == NULL)
        return NULL;
    arena_reset(a);
    if (SEPARATE || spares_n >= SPARE_MOST) {
        free(a);
        return NULL;
    }
    a->spare = spares;
    spares = a;
    spares_n++;
    return NULL;
}

void arena_freep(struct arena **a) { *a = arena_free(*a); }

static struct chunk *chunk_add(struct arena *a, size_t size)
{
    struct chunk *c = xmalloc(sizeof(*c) + size);

    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    return c;
}

/* One block for everybody who comes too late.  An outgrown one stays: it may still be written through. */
static void *shared_scratch(struct arena *a, size_t n)
{
    if (n > a->scratch_size) {
        a->scratch_size = MAX(n, 2 * a->scratch_size);
        a->scratch = chunk_add(a, a->scratch_size) + 1;
    }
    return a->scratch;
}

static __attribute__((noinline)) void *alloc_slow(struct arena *a, size_t n)
{
    struct chunk *c;
    char *p = a->at;

    if (n > a->limit || a->used > a->limit - n) {
        a->over = true;
        if (n > a->limit || a->used > 2 * a->limit - n)
            return shared_scratch(a, n);
    }
    a->used += n;
    if (SEPARATE)
        return chunk_add(a, n) + 1;
    if (n <= (size_t)(a->end - p)) {
        a->at += n;
        return p;
    }
    if (n > a->next_size / 4)
        return chunk_add(a, n) + 1;
    c = chunk_add(a, a->next_size);
    if (a->next_size < CHUNK_MOST)
        a->next_size *= 2;
    a->at = (char *)(c + 1) + n;
    a->end = (char *)(c + 1) + c->size;
    return c + 1;
}

/* To a multiple of 16 and never 0, so that no two allocations share an address. */
static inline size_t rounded(size_t n)
{
    CHECK(n <= SIZE_MAX / 4);
    return (n + (n == 0) + 15) & ~(size_t)15;
}

/* Content unknown: for those who overwrite it all. */
static inline void *alloc_raw(struct arena *a, size_t n)
{
    char *p = a->at;

    n = rounded(n);
    if (__builtin_expect(n > (size_t)(a->end - p) || a->used + n > a->limit, 0))
        return alloc_slow(a, n);
    a->used += n;
    a->at = p + n;
    return p;
}

void *arena_alloc(struct arena *a, size_t n) { return memset(alloc_raw(a, n), 0, n); }

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
    size_t bytes;

    CHECK(!__builtin_mul_overflow(n, size, &bytes));
    return arena_alloc(a, bytes);
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p;

    if (s.p == NULL)
        return s;
    p = alloc_raw(a, s.n + 1);
    memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return str_make(p, s.n);
}

const char *arena_z(struct arena *a, struct str s) { return s.p != NULL ? arena_str(a, s).p : ""; }

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    char small[256];
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    CHECK(n >= 0);
    if ((size_t)n < sizeof(small))
        return arena_str(a, str_make(small, (size_t)n));
    p = alloc_raw(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return str_make(p, (size_t)n);
}

bool arena_overflowed(const struct arena *a) { return a->over; }
size_t arena_used_bytes(const struct arena *a) { return a->used; }
