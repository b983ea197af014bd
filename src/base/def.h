/* def.h - the few words every file of Waybill speaks: error codes, ownership helpers, checks.
 *
 * Errors: a function that can fail returns int, 0 or one of the negative codes below; results named ret_...
 * are untouched on failure.  What a *user* sees is another thing: a fault (wire/fault.h).
 *
 * Ownership words: _new/_free make and end an owned object (free accepts NULL and returns NULL);
 * _init/_done the same for one that lives inside another; _ref/_unref count.
 *
 * Broken invariants: CHECK() prints the place and aborts, in every build.  Bad input never reaches a CHECK.
 */
#ifndef WAYBILL_BASE_DEF_H
#define WAYBILL_BASE_DEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ERROR_CODES(E)                                                   \
    E(E_NOMEM, 1, "out of memory")                                       \
    E(E_IO, 2, "input or output failed")                                 \
    E(E_INVALID, 3, "not well formed")                                   \
    E(E_LIMIT, 4, "over a limit")                                        \
    E(E_NOT_FOUND, 5, "not found")                                       \
    E(E_EXISTS, 6, "exists already")                                     \
    E(E_BUSY, 7, "in use")                                               \
    E(E_FULL, 8, "no room left")                                         \
    E(E_TRUNCATED, 9, "ends too early")                                  \
    E(E_DENIED, 10, "not allowed")                                       \
    E(E_NEWER, 11, "written by a newer version")                         \
    E(E_FAULT, 12, "a fault was set for the client")                     \
    E(E_WAIT, 13, "the answer comes later")                              \
    E(E_SYSTEM, 14, "a system call failed")                              \
    E(E_CLOSED, 15, "the other side closed")                             \
    E(E_UNDONE, 16, "undone: something in the turn failed unexpectedly") \
    E(E_DAMAGED, 17, "damaged: what was read is not what was written")   \
    E(E_GONE, 18, "gone: the place it was kept in was removed, renamed or replaced")

enum error_code {
#define E(name, n, text) name = (n),
    ERROR_CODES(E)
#undef E
};

/* The text of a negative code; never NULL. */
const char *error_text(int code);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define TAKE(p)                    \
    __extension__({                \
        __typeof__(p) take_ = (p); \
        (p) = NULL;                \
        take_;                     \
    })
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* Token for token as <sys/param.h> has them, which libuv includes. */
/* clang-format off */
#define MIN(a,b) (((a)<(b))?(a):(b))
#define MAX(a,b) (((a)>(b))?(a):(b))
/* clang-format on */
#define UNUSED __attribute__((unused))

void check_failed(const char *expr, const char *file, int line) __attribute__((noreturn, cold));
#define CHECK(expr) (__builtin_expect(!(expr), 0) ? check_failed(#expr, __FILE__, __LINE__) : (void)0)

/* Objects that prove who they are: a struct that travels as void * (a callback's arg, a map's value, libuv's
 * data) has `uint32_t magic`, FOO_MAGIC from its birth to its end and 0 after, and every void * enters by
 *     struct foo *foo = CAST(struct foo, FOO_MAGIC, arg);
 * (`const struct foo` for a const void *).  CHECK_IS is the proof alone, for pointers that have a type: at a
 * room's door, and after CONTAINER_OF.  One load and one compare each. */
#define CHECK_IS(p, MAGIC)                                                 \
    (__builtin_expect((p) == NULL || (p)->magic != (MAGIC), 0)             \
         ? check_failed(#p " is what " #MAGIC " says", __FILE__, __LINE__) \
         : (void)0)
#define CAST(type, MAGIC, p)                                                            \
    __extension__({                                                                     \
        type *cast_ = (p);                                                              \
        if (__builtin_expect(cast_ == NULL || cast_->magic != (MAGIC), 0))              \
            check_failed(#p " is a " #type ", as " #MAGIC " says", __FILE__, __LINE__); \
        cast_;                                                                          \
    })

/* Memory that cannot be had ends the program: nobody below can do better. All return non-NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

#endif
