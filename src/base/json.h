/* json.h - our own JSON: strict (RFC 8259), keeps number text and key order, reports positions.
 *
 * Reading is in two steps that can be used alone:
 *   json_check()  validates bytes and finds the first error, allocating nothing (hot path of Invoke);
 *   json_parse()  validates and builds nodes in an arena; nodes borrow the source text.
 * Strings stay raw (escapes and all) until json_text() is asked.  Numbers stay text until asked.
 * Duplicate keys are kept; json_get returns the last of them, as AWS's parsers do.
 * Limits: depth JSON_MAX_DEPTH (error "nesting too deep"). */
#ifndef WAYBILL_BASE_JSON_H
#define WAYBILL_BASE_JSON_H

#include "base/buf.h"

#define JSON_MAX_DEPTH 1000

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_type type;
    bool escaped;   /* string: contains a backslash */
    uint32_t n;     /* array, object: number of children */
    struct str key; /* raw key without quotes when in an object */
    bool key_escaped;
    struct str raw; /* whole value as written; strings: without quotes */
    struct json *first, *next;
};

/* What went wrong and where; line and column from 1, column in bytes as AWS's parser counts (the line of a
 * '\n', '\r' or both together ends behind them).  They are those of the byte at `at`; for JSON_BAD_LITERAL
 * those of the first byte behind the unknown word, whose start is `at`. */
enum json_problem {
    JSON_OK,
    JSON_EMPTY,
    JSON_UNEXPECTED_CHAR,
    JSON_UNEXPECTED_END,
    JSON_BAD_UTF8,
    JSON_BAD_ESCAPE,
    JSON_BAD_NUMBER,
    JSON_BAD_LITERAL,
    JSON_CONTROL_CHAR,
    JSON_TRAILING,
    JSON_TOO_DEEP
};
/* What the parser was looking for when it gave up; enough to choose among Jackson's sentences. */
enum json_wanted {
    JSON_WANT_VALUE, /* a value, or the ']' of an empty array */
    JSON_WANT_KEY,   /* a quoted field name, or the '}' of an empty object */
    JSON_WANT_COLON,
    JSON_WANT_COMMA,  /* COMMA: a comma or the close marker */
    JSON_WANT_INSIDE, /* the rest of a string, number or literal */
    JSON_WANT_END     /* nothing more: the value is complete */
};
struct json_error {
    enum json_problem problem;
    size_t at; /* byte offset */
    uint32_t line, column;
    uint8_t byte; /* the offending byte, if any */
    /* JSON_UNEXPECTED_END: innermost open container ('{', '[' or 0) and where it began. */
    char open;
    uint32_t open_line, open_column;
    enum json_wanted wanted;
};

/* 0 or -E_INVALID; ret_error may be NULL and is untouched on success. */
int json_check(struct str s, struct json_error *ret_error);
/* As json_check, and -E_LIMIT (without ret_error) when the arena is over its limit.
 * Cost about 0.3 ns per byte for long strings, 80 bytes of arena per node. */
int json_parse(struct arena *a, struct str s, struct json **ret,
               struct json_error *ret_error); /* error may be NULL */

struct json *json_get(const struct json *object, struct str key); /* NULL when absent or no object */
struct json *json_at(const struct json *array, uint32_t i);
struct str json_text(struct arena *a, const struct json *string); /* unescaped; absent when no string */
struct str json_key(struct arena *a, const struct json *member);  /* unescaped key */
struct str json_get_text(struct arena *a, const struct json *object, struct str key);
int json_i64(const struct json *number,
             int64_t *ret); /* whole numbers, also 1e3 and 5.0; -E_INVALID, -E_LIMIT */
int json_f64(const struct json *number, double *ret);
#define JSON_EACH(parent, child) \
    for (struct json *child = (parent)->first; child != NULL; child = child->next)

/* Writes s (well formed) without insignificant white space: key order, number and string text untouched. */
void json_compact(struct buf *b, struct str s);
/* s with the JSON quotes around it and everything escaped that must be ("\u00XX" for other controls).
 * Bytes that are no UTF-8 become U+FFFD. */
void json_quote(struct buf *b, struct str s);

/* Writer with balanced begin/end; commas are its business.  Ends with CHECKs: misuse is our bug. */
struct json_writer {
    struct buf *out;
    uint8_t depth;
    bool comma[64];
    bool keyed;       /* a key was written, its value was not yet */
    uint64_t objects; /* bit d: depth d is an object's inside */
};
void jw_init(struct json_writer *w, struct buf *out);
void jw_object(struct json_writer *w);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_array_end(struct json_writer *w);
void jw_key(struct json_writer *w, struct str key);
void jw_str(struct json_writer *w, struct str value); /* absent: null */
void jw_i64(struct json_writer *w, int64_t value);
void jw_f64(struct json_writer *w, double value); /* shortest text that reads back the same */
void jw_bool(struct json_writer *w, bool value);
void jw_null(struct json_writer *w);
void jw_raw(struct json_writer *w, struct str json);                      /* a whole value, as it is */
void jw_printf(struct json_writer *w, const char *fmt, ...) PRINTF(2, 3); /* as a string */
/* key + value in one */
void jw_kstr(struct json_writer *w, const char *key, struct str value); /* absent: nothing is written */
void jw_ki64(struct json_writer *w, const char *key, int64_t value);
void jw_kbool(struct json_writer *w, const char *key, bool value);
void jw_kraw(struct json_writer *w, const char *key, struct str json);

#endif
