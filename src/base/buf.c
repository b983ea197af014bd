/* buf.c - growing bytes.
 * True here: p is NULL and cap 0, or p has cap bytes, n < cap and p[n] is NUL. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void buf_done(struct buf *b)
{
    free(b->p);
    *b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    if (b->p != NULL)
        b->p[0] = '\0';
}

static __attribute__((noinline)) void grow(struct buf *b, size_t need)
{
    size_t cap = MAX(b->cap * 2, (size_t)256);

    CHECK(need > b->n);
    b->cap = MAX(cap, need);
    b->p = xrealloc(b->p, b->cap);
    b->p[b->n] = '\0';
}

static inline void reserve(struct buf *b, size_t more)
{
    if (__builtin_expect(more >= b->cap - b->n, 0))
        grow(b, b->n + more + 1);
}

void buf_reserve(struct buf *b, size_t more) { reserve(b, more); }

void buf_add(struct buf *b, const void *p, size_t n)
{
    reserve(b, n);
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_str(struct buf *b, struct str s) { buf_add(b, s.p, s.n); }
void buf_z(struct buf *b, const char *z) { buf_add(b, z, strlen(z)); }

void buf_char(struct buf *b, char c)
{
    reserve(b, 1);
    b->p[b->n++] = c;
    b->p[b->n] = '\0';
}

void buf_lower(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_char(b, s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i]);
}

void buf_i64(struct buf *b, int64_t v)
{
    char text[20], *p = text + sizeof(text);
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do
        *--p = (char)('0' + u % 10);
    while ((u /= 10) != 0);
    if (v < 0)
        *--p = '-';
    buf_add(b, p, (size_t)(text + sizeof(text) - p));
}

static void print_rest(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    reserve(b, 64);
    va_copy(again, ap);
    n = vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap);
    CHECK(n >= 0);
    if ((size_t)n >= b->cap - b->n) {
        reserve(b, (size_t)n);
        vsnprintf(b->p + b->n, b->cap - b->n, fmt, again);
    }
    va_end(again);
    b->n += (size_t)n;
}

struct arguments {
    va_list ap;
};

/* The three conversions that texts are mostly made of.  What follows it in the format; NULL: another
 * conversion. */
static const char *print_one(struct buf *b, const char *at, struct arguments *args)
{
    if (at[1] == '.' && at[2] == '*' && at[3] == 's') {
        int n = va_arg(args->ap, int);
        const char *p = va_arg(args->ap, const char *);

        buf_add(b, p, p == NULL ? 0 : n < 0 ? strlen(p) : strnlen(p, (size_t)n));
        return at + 4;
    }
    if (at[1] == 's') {
        const char *z = va_arg(args->ap, const char *);

        buf_z(b, z != NULL ? z : "(null)");
        return at + 2;
    }
    if (at[1] == 'l' && at[2] == 'l' && at[3] == 'd') {
        buf_i64(b, va_arg(args->ap, long long));
        return at + 4;
    }
    return NULL;
}

/* vsnprintf costs more than the rest of a short text: it is left what print_one() does not know. */
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    struct arguments args;
    const char *at, *next;

    va_copy(args.ap, ap);
    reserve(b, 64);
    for (;; fmt = next) {
        at = strchrnul(fmt, '%');
        buf_add(b, fmt, (size_t)(at - fmt));
        if (*at == '\0')
            break;
        next = print_one(b, at, &args);
        if (next == NULL) {
            print_rest(b, at, args.ap);
            break;
        }
    }
    va_end(args.ap);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_drop(struct buf *b, size_t n)
{
    CHECK(n <= b->n);
    if (n == 0)
        return;
    b->n -= n;
    memmove(b->p, b->p + n, b->n + 1);
}

struct str buf_view(const struct buf *b) { return b->p != NULL ? str_make(b->p, b->n) : STR(""); }

struct str buf_to_arena(const struct buf *b, struct arena *a) { return arena_str(a, buf_view(b)); }
