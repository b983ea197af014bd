/* buf.h - bytes that grow.  Owned: buf_done() frees.  Zero-initialised {0} is a valid empty buf.
 * b.p is NUL-terminated (uncounted) after every call that adds.
 * Growth doubles, so adding n bytes one by one costs O(n).  A buf has no limit of its own: who fills it from
 * what a client sends counts.  What is added must not lie in the buf itself: growing moves it. */
#ifndef WAYBILL_BASE_BUF_H
#define WAYBILL_BASE_BUF_H

#include <stdarg.h>
#include "base/arena.h"

struct buf {
    char *p;
    size_t n;
    size_t cap;
};

void buf_done(struct buf *b);  /* frees and zeroes; fits CLEANUP */
void buf_clear(struct buf *b); /* n = 0, memory kept */
/* Room for `more` bytes and the NUL: b->p + b->n may be written directly, then b->n raised. */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_z(struct buf *b, const char *z);
void buf_char(struct buf *b, char c);
void buf_lower(struct buf *b, struct str s); /* ASCII letters in lower case */
void buf_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
void buf_drop(struct buf *b, size_t n);   /* removes n bytes from the front: moves the rest */
struct str buf_view(const struct buf *b); /* valid until the next change; never absent */
struct str buf_to_arena(const struct buf *b, struct arena *a);

#endif
