/* cbor.c - heads, and the strings that may come in pieces.
 *
 * True here: a head is one byte of major type and additional information, then 0, 1, 2, 4 or 8 bytes of
 * argument; nothing is read that was not counted first. */
#include <math.h>

#include "base/cbor.h"

enum major {
    MAJOR_UINT,
    MAJOR_NEGATIVE,
    MAJOR_BYTES,
    MAJOR_TEXT,
    MAJOR_ARRAY,
    MAJOR_MAP,
    MAJOR_TAG,
    MAJOR_SIMPLE
};
enum { INFO_BYTE = 24, INFO_HALF, INFO_SINGLE, INFO_DOUBLE, INFO_INDEFINITE = 31 };

struct head {
    enum major major;
    unsigned info;
    uint64_t argument;
};

static int read_head(struct cbor_reader *r, struct head *ret)
{
    unsigned char first;
    size_t n;

    if (r->left.n == 0)
        return -E_TRUNCATED;
    first = (unsigned char)r->left.p[0];
    *ret = (struct head){ (enum major)(first >> 5), first & 31, first & 31 };
    n = ret->info >= INFO_BYTE && ret->info <= INFO_DOUBLE ? (size_t)1 << (ret->info - INFO_BYTE) : 0;
    if (ret->info > INFO_DOUBLE && ret->info != INFO_INDEFINITE)
        return -E_INVALID;
    if (r->left.n < 1 + n)
        return -E_TRUNCATED;
    if (n > 0)
        ret->argument = 0;
    for (size_t i = 0; i < n; i++)
        ret->argument = ret->argument << 8 | (unsigned char)r->left.p[1 + i];
    r->left = str_sub(r->left, 1 + n, r->left.n);
    return 0;
}

static int read_int(const struct head *h, struct cbor_item *ret)
{
    if (h->info == INFO_INDEFINITE)
        return -E_INVALID;
    if (h->argument > INT64_MAX)
        return -E_LIMIT;
    ret->kind = CBOR_INT;
    ret->i = h->major == MAJOR_UINT ? (int64_t)h->argument : -1 - (int64_t)h->argument;
    return 0;
}

static int take(struct cbor_reader *r, uint64_t n, struct str *ret)
{
    if (n > r->left.n)
        return -E_TRUNCATED;
    *ret = n == 0 ? STR("") : str_sub(r->left, 0, (size_t)n);
    r->left = str_sub(r->left, (size_t)n, r->left.n);
    return 0;
}

/* Pieces are definite strings of the same kind, up to a break. */
static int read_pieces(struct cbor_reader *r, struct arena *a, enum major major, struct str *ret)
{
    CLEANUP(buf_done) struct buf whole = { 0 };
    struct str piece;
    struct head h;

    for (;;) {
        int e = read_head(r, &h);
        if (e != 0)
            return e;
        if (h.major == MAJOR_SIMPLE && h.info == INFO_INDEFINITE)
            break;
        if (h.major != major || h.info == INFO_INDEFINITE)
            return -E_INVALID;
        e = take(r, h.argument, &piece);
        if (e != 0)
            return e;
        buf_str(&whole, piece);
    }
    *ret = whole.n == 0 ? STR("") : buf_to_arena(&whole, a);
    return 0;
}

static int read_string(struct cbor_reader *r, struct arena *a, const struct head *h, struct cbor_item *ret)
{
    ret->kind = h->major == MAJOR_BYTES ? CBOR_BYTES : CBOR_TEXT;
    return h->info == INFO_INDEFINITE ? read_pieces(r, a, h->major, &ret->s) : take(r, h->argument, &ret->s);
}

static int read_container(struct cbor_reader *r, const struct head *h, struct cbor_item *ret)
{
    uint64_t per_item = h->major == MAJOR_MAP ? 2 : 1;

    ret->kind = h->major == MAJOR_MAP ? CBOR_MAP : CBOR_ARRAY;
    ret->indefinite = h->info == INFO_INDEFINITE;
    if (ret->indefinite)
        return 0;
    if (h->argument > r->left.n / per_item)
        return -E_TRUNCATED;
    ret->n = (size_t)h->argument;
    return 0;
}

static double half_of(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double fraction = (double)(bits & 1023), v;

    if (exponent == 0)
        v = ldexp(fraction, -24);
    else if (exponent < 31)
        v = ldexp(fraction + 1024, exponent - 25);
    else
        v = fraction == 0 ? (double)INFINITY : (double)NAN;
    return bits & 0x8000 ? -v : v;
}

static double single_of(uint64_t bits)
{
    uint32_t b = (uint32_t)bits;
    float v;

    memcpy(&v, &b, sizeof(v));
    return (double)v;
}

static double double_of(uint64_t bits)
{
    double v;

    memcpy(&v, &bits, sizeof(v));
    return v;
}

static int read_simple(const struct head *h, struct cbor_item *ret)
{
    switch (h->info) {
    case 20:
    case 21:
        ret->kind = CBOR_BOOL;
        ret->yes = h->info == 21;
        return 0;
    case 22:
    case 23: ret->kind = CBOR_NULL; return 0;
    case INFO_INDEFINITE: ret->kind = CBOR_BREAK; return 0;
    case INFO_HALF: ret->real = half_of(h->argument); break;
    case INFO_SINGLE: ret->real = single_of(h->argument); break;
    case INFO_DOUBLE: ret->real = double_of(h->argument); break;
    default: ret->kind = CBOR_OTHER; return 0;
    }
    ret->kind = CBOR_REAL;
    return 0;
}

int cbor_next(struct cbor_reader *r, struct arena *a, struct cbor_item *ret)
{
    struct head h;
    int e = read_head(r, &h);

    *ret = (struct cbor_item){ .kind = CBOR_NULL };
    if (e != 0)
        return e;
    switch (h.major) {
    case MAJOR_UINT:
    case MAJOR_NEGATIVE: return read_int(&h, ret);
    case MAJOR_BYTES:
    case MAJOR_TEXT: return read_string(r, a, &h, ret);
    case MAJOR_ARRAY:
    case MAJOR_MAP: return read_container(r, &h, ret);
    case MAJOR_SIMPLE: return read_simple(&h, ret);
    case MAJOR_TAG: break;
    }
    e = read_int(&(struct head){ MAJOR_UINT, h.info, h.argument }, ret);
    ret->kind = CBOR_TAG;
    return e;
}

static int skip(struct cbor_reader *r, struct arena *a, const struct cbor_item *item, unsigned depth)
{
    size_t left = item->kind == CBOR_TAG     ? 1
                  : item->kind == CBOR_MAP   ? item->n * 2
                  : item->kind == CBOR_ARRAY ? item->n
                                             : 0;
    struct cbor_item inner;
    size_t passed = 0;

    if (depth > CBOR_MAX_DEPTH)
        return -E_LIMIT;
    for (; item->indefinite || passed < left; passed++) {
        int e = cbor_next(r, a, &inner);
        if (e != 0)
            return e;
        if (inner.kind == CBOR_BREAK)
            return item->indefinite && (item->kind != CBOR_MAP || passed % 2 == 0) ? 0 : -E_INVALID;
        e = skip(r, a, &inner, depth + 1);
        if (e != 0)
            return e;
    }
    return 0;
}

int cbor_skip(struct cbor_reader *r, struct arena *a, const struct cbor_item *item)
{
    return skip(r, a, item, 0);
}

/* ---- writing ---- */

static void put_head(struct buf *b, enum major major, uint64_t argument)
{
    unsigned info = argument < INFO_BYTE     ? (unsigned)argument
                    : argument <= UINT8_MAX  ? INFO_BYTE
                    : argument <= UINT16_MAX ? INFO_HALF
                    : argument <= UINT32_MAX ? INFO_SINGLE
                                             : INFO_DOUBLE;
    unsigned n = info < INFO_BYTE ? 0 : 1u << (info - INFO_BYTE);

    buf_char(b, (char)((unsigned)major << 5 | info));
    while (n-- > 0)
        buf_char(b, (char)(argument >> (8 * n) & 0xff));
}

void cbor_int(struct buf *b, int64_t v)
{
    if (v >= 0)
        put_head(b, MAJOR_UINT, (uint64_t)v);
    else
        put_head(b, MAJOR_NEGATIVE, (uint64_t)(-1 - v));
}

void cbor_double(struct buf *b, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    buf_char(b, (char)(MAJOR_SIMPLE << 5 | INFO_DOUBLE));
    for (unsigned n = 8; n-- > 0;)
        buf_char(b, (char)(bits >> (8 * n) & 0xff));
}

void cbor_text(struct buf *b, struct str s)
{
    put_head(b, MAJOR_TEXT, s.n);
    buf_str(b, s);
}

void cbor_bytes(struct buf *b, struct str s)
{
    put_head(b, MAJOR_BYTES, s.n);
    buf_str(b, s);
}

void cbor_bool(struct buf *b, bool v) { buf_char(b, (char)(MAJOR_SIMPLE << 5 | (v ? 21 : 20))); }
void cbor_null(struct buf *b) { buf_char(b, (char)(MAJOR_SIMPLE << 5 | 22)); }
void cbor_tag(struct buf *b, uint64_t tag) { put_head(b, MAJOR_TAG, tag); }
void cbor_end(struct buf *b) { buf_char(b, (char)0xff); }

void cbor_begin(struct buf *b, enum cbor_kind kind)
{
    CHECK(kind == CBOR_MAP || kind == CBOR_ARRAY);
    buf_char(b, (char)((kind == CBOR_MAP ? MAJOR_MAP : MAJOR_ARRAY) << 5 | INFO_INDEFINITE));
}
