/* parts.h - what a compiled pattern is made of; private to this room.
 *
 * A pattern is an OR of branches (more than one only where "$or" stands); a branch is an AND of fields; a
 * field is a dotted path and an OR of tests on one value.  Fields hang in a tree of steps, one per key, so
 * that an event is walked once however many fields are asked about.  Everything lives in the pattern's arena.
 *
 *   {"source": ["a"], "detail": {"x": [1], "y": [2]}}     root - source[a]
 *                                                              - detail - x[1]
 *                                                                       - y[2]
 *
 * A value of an event (or of a message attribute) is looked at through a struct subject, which reads a number
 * once however many tests ask for it. */
#ifndef WAYBILL_PATTERN_PARTS_H
#define WAYBILL_PATTERN_PARTS_H

#include "pattern/pattern.h"

/* Limits of a compile beside PATTERN_BYTES_MOST.  The first is AWS's; the others bound what "$or" multiplies
 * and are ours (no pattern of 4,096 bytes without "$or" comes near). */
#define PATTERN_BRANCHES_MOST 1000
#define PATTERN_CELLS_MOST 20000  /* fields over all branches */
#define PATTERN_STEPS_MOST 100000 /* keys over all branches */

/* A number as the Event Ruler sees it: comparable when the nearest double, printed as short as it goes, is
 * the same number again.  Two comparable numbers are equal by value; one that is not equals only its own
 * text. */
struct pattern_number {
    bool comparable;
    double value;
};
struct pattern_number pattern_number(struct str text);

/* An address of 4 or 16 bytes; bits: how many of them count. */
struct pattern_net {
    uint8_t b[16];
    uint8_t bytes, bits;
};
/* -E_INVALID: no address; -E_LIMIT: looks like one and is none (1.2.3.999). */
int pattern_address(struct str text, struct pattern_net *ret);

/* From so many steps side by side on, an object's members are looked up among them rather than they among the
 * members. */
#define PATTERN_WIDE 8

enum test_kind {
    TEST_TEXT,
    TEST_NUMBER,
    TEST_LITERAL /* true, false, null */,
    TEST_PREFIX,
    TEST_SUFFIX,
    TEST_WILDCARD,
    TEST_RANGE,
    TEST_NET,
    TEST_EXISTS,
    TEST_BUT /* holds when none of its inner tests does */
};
/* text: for WILDCARD unescaped, and pieces say what stands between the stars; with nocase already folded. */
struct test {
    enum test_kind kind;
    bool nocase;
    bool open_low, open_high; /* range: the bound itself does not count */
    enum json_type literal;
    struct str text;
    struct pattern_number number;
    double low, high;
    struct pattern_net net;
    struct test *inner; /* BUT */
    struct str *pieces; /* WILDCARD: n pieces, n - 1 stars */
    uint32_t n;         /* of inner or pieces */
};

struct field {
    struct str path; /* keys joined by dots */
    struct test *tests;
    uint32_t n;
    bool may_be_absent; /* {"exists": false} stands among the tests */
};

struct step {
    struct str name; /* one key, without dots */
    struct str path; /* from the root, dotted */
    struct step *first, *last, *next, *up;
    uint32_t n, place;         /* steps below; its own place among those of `up` once sorted */
    struct step **sorted;      /* those below by name; only where there are many */
    const struct field *field; /* a field ends here, or NULL */
    bool may_be_absent;        /* every field here and below may be */
};

struct branch {
    const struct field **fields;
    uint32_t n;
    struct step *root;
};

struct pattern {
    enum pattern_dialect dialect;
    struct branch *branches;
    uint32_t n, holders;
    struct arena *mem;
};

struct pattern_steps;
/* One value, asked many tests.  text: decoded when it is a string. */
struct subject {
    enum json_type type; /* never an array or object */
    struct str text;
    bool number_read, net_read;
    struct pattern_number number;
    struct pattern_net net; /* bytes == 0: no address */
    struct pattern_steps *steps;
};

/* Steps, as pattern_match_within() counts them.  left: 0 at the end alone; `more` comes after them, in
 * portions, and *stop is looked at in between. */
struct pattern_steps {
    uint64_t left, more;
    const atomic_bool *stop; /* NULL: none */
};
struct pattern_steps pattern_steps(uint64_t left, const atomic_bool *stop);
static inline uint64_t pattern_steps_left(const struct pattern_steps *s) { return s->left + s->more; }
void pattern_portion(struct pattern_steps *s, uint64_t steps); /* spends at least what is left */
static inline void pattern_spend(struct pattern_steps *s, uint64_t steps)
{
    if (steps < s->left)
        s->left -= steps;
    else
        pattern_portion(s, steps);
}
bool pattern_holds(const struct pattern *p, const struct json *event, struct pattern_steps *steps);
/* With no steps left the answer means nothing. */
bool pattern_field_holds(const struct field *f, struct subject *s);
/* scratch: made on first need, only for strings with escapes; the caller frees it. */
struct subject pattern_subject(struct arena **scratch, const struct json *value, struct pattern_steps *steps);

/* Large letters become small, in the scripts whose pairs have one length in UTF-8 (Latin, Greek, Cyrillic,
 * Armenian, full-width); out takes s.n bytes. */
void pattern_fold(char *out, struct str s);

/* Where a refusal is written.  Sentences are added to why; at points into the source text and names a place
 * behind the sentence the way Jackson does, NULL when AWS names none. */
struct pattern_refusal {
    struct buf *why;
    struct str source;
};
int pattern_refuse(struct pattern_refusal *no, const char *at, const char *fmt, ...) PRINTF(3, 4);
/* pattern_operator.c: the tests of one key's array. */
int pattern_tests(struct arena *mem, struct arena *scratch, const struct json *array, struct field *ret,
                  struct pattern_refusal *no);
/* pattern_complexity.c: would EventBridge refuse the field's wildcards? */
bool pattern_too_complex(struct arena *scratch, const struct field *f);
/* Where Jackson's reader stands once it has seen the first token of a value, or all of it. */
const char *pattern_token_end(const struct json *value);
const char *pattern_value_end(const struct json *value);

#endif
