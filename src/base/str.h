/* str.h - text by pointer and length.
 * A str borrows: whoever owns the bytes (an arena, a buf, a literal) must outlive it.  p == NULL means
 * "absent" and differs from "" (p != NULL, n == 0).  Not NUL-terminated unless a function says so. */
#ifndef WAYBILL_BASE_STR_H
#define WAYBILL_BASE_STR_H

#include <string.h>
#include "base/def.h"

struct str {
    const char *p;
    size_t n;
};

#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p != NULL ? (s).p : ""

static inline struct str str_of(const char *z) { return z == NULL ? STR_NONE : (struct str){ z, strlen(z) }; }
static inline struct str str_make(const char *p, size_t n) { return (struct str){ p, n }; }
static inline bool str_absent(struct str s) { return s.p == NULL; }
static inline bool str_empty(struct str s) { return s.n == 0; }
static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool str_is(struct str a, const char *z) { return str_eq(a, str_of(z)); }

int str_cmp(struct str a, struct str b);        /* by bytes, as strcmp */
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_starts_nocase(struct str s, struct str prefix);
struct str str_sub(struct str s, size_t from, size_t to); /* [from, to), clamped */
struct str str_trim(struct str s);                        /* blanks and tabs off both ends */
ptrdiff_t str_find(struct str s, char c);                 /* index or -1 */
ptrdiff_t str_rfind(struct str s, char c);
ptrdiff_t str_find_str(struct str s, struct str needle);

/* Cuts s at the first sep: *ret_head is what stands before, s becomes what stands after (absent when there
 * was no sep).  False when s is absent: `while (str_cut(&rest, ',', &item))` visits every item. */
bool str_cut(struct str *s, char sep, struct str *ret_head);

/* Strings with memory of their own, with a NUL behind; an absent one stays absent. */
struct str str_own(struct str s);
void str_drop(struct str *s);                     /* frees, leaves absent */
void str_replace(struct str *s, struct str with); /* frees the old after `with` was copied */

/* Decimal numbers, whole text only: "" and "+1", "1x" are -E_INVALID; beyond the range -E_LIMIT. */
int str_to_i64(struct str s, int64_t *ret);
int str_to_u64(struct str s, uint64_t *ret);
int str_to_f64(struct str s, double *ret);

/* '*' any run (also empty), '?' one byte.  One backtrack point: at most pattern x text steps, never more. */
bool str_glob(struct str pattern, struct str s);

/* Well-formed UTF-8 (no surrogates, no overlong forms); the offset of the first bad byte, or s.n. */
size_t utf8_check(struct str s);
/* Bytes of the code point written to out (1-4), 0 when cp is no scalar value. */
size_t utf8_put(char out[4], uint32_t cp);
/* Decodes one code point at s.p; returns its length, 0 when malformed or s is empty. */
size_t utf8_get(struct str s, uint32_t *ret_cp);
/* Bytes at s.p that one U+FFFD stands for (Unicode's maximal subpart: a character cut short counts as one);
 * 0 when a sound code point begins there or s is empty. */
size_t utf8_bad(struct str s);

/* 0 to 15, in either case; -1: none. */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
