/* cbor.h - CBOR (RFC 8949): reading item by item, writing by appending.
 *
 * Reading never allocates but for texts and byte strings that came in pieces; it looks at the bytes the
 * caller keeps. A reader hands out heads: a map or an array is announced, its items follow, and where its
 * length is indefinite an item of kind CBOR_BREAK ends it.  Every item takes at least a byte, so a head that
 * promises more items than bytes are left is -E_TRUNCATED at once: a count can be trusted for an allocation
 * of that many bytes.
 *
 * Integers beyond int64_t are -E_LIMIT.  Tags are heads of their own, before what they say something about;
 * simple values but false, true, null and undefined are CBOR_OTHER.  Floats of all three widths come as
 * double. Writing uses the shortest heads for integers and texts, eight bytes for floats, indefinite maps and
 * arrays. */
#ifndef WAYBILL_BASE_CBOR_H
#define WAYBILL_BASE_CBOR_H

#include "base/buf.h"

enum cbor_kind {
    CBOR_INT,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_BOOL,
    CBOR_NULL,
    CBOR_REAL,
    CBOR_BREAK,
    CBOR_OTHER,
};

struct cbor_item {
    enum cbor_kind kind;
    bool indefinite; /* CBOR_ARRAY, CBOR_MAP */
    bool yes;        /* CBOR_BOOL */
    int64_t i;       /* CBOR_INT; CBOR_TAG: its number */
    double real;     /* CBOR_REAL */
    size_t n;        /* CBOR_ARRAY: items, CBOR_MAP: pairs; 0 when indefinite */
    struct str s;    /* CBOR_BYTES, CBOR_TEXT: never absent; text is not checked for UTF-8 */
};

struct cbor_reader {
    struct str left;
};

#define CBOR_MAX_DEPTH 64

/* The next head.  0; -E_TRUNCATED: ends too early; -E_INVALID: reserved bits; -E_LIMIT: an integer too large.
 */
int cbor_next(struct cbor_reader *r, struct arena *a, struct cbor_item *ret);
/* Passes over what follows a head that was read (the items of a map, the content of a tag); scalars have
 * nothing. */
int cbor_skip(struct cbor_reader *r, struct arena *a, const struct cbor_item *item);

void cbor_int(struct buf *b, int64_t v);
void cbor_double(struct buf *b, double v);
void cbor_bool(struct buf *b, bool v);
void cbor_null(struct buf *b);
void cbor_text(struct buf *b, struct str s);
void cbor_bytes(struct buf *b, struct str s);
void cbor_tag(struct buf *b, uint64_t tag);
void cbor_begin(struct buf *b, enum cbor_kind kind); /* CBOR_MAP or CBOR_ARRAY, of indefinite length */
void cbor_end(struct buf *b);

#endif
