/* cbor_codec.c - values as CBOR, in both directions (Smithy's RPC v2 CBOR).
 *
 * Reading: null and undefined are absent, unknown members are passed over, of equal names the last counts, as
 * with JSON.  Any number may come as integer or float where it loses nothing; a timestamp is tag 1 with
 * either, and a bare number is taken for one too.  The texts for what is wrong are the JSON protocols'; on
 * AWS they are UNVERIFIED. Writing: maps and lists of indefinite length, members in the model's order, every
 * float with eight bytes, timestamps as tag 1 with a double of seconds. */
#include <math.h>

#include "base/cbor.h"
#include "wire/codec.h"

struct cbor_decoding {
    struct decoding *d;
    struct cbor_reader r;
};

static int read_value(struct cbor_decoding *c, const struct shape *shape, const struct cbor_item *item,
                      void *target);

static int malformed(struct cbor_decoding *c, int error)
{
    return decode_fault(c->d, "%s",
                        error == -E_TRUNCATED ? "Unexpected end of input"
                        : error == -E_LIMIT ? "A number is out of range, or the request is nested too deeply"
                                            : "The body is not well-formed CBOR");
}

static int next(struct cbor_decoding *c, struct cbor_item *item)
{
    int e = cbor_next(&c->r, c->d->a, item);

    return e == 0 ? 0 : malformed(c, e);
}

static int pass_over(struct cbor_decoding *c, const struct cbor_item *item)
{
    int e = item->kind == CBOR_BREAK ? -E_INVALID : cbor_skip(&c->r, c->d->a, item);

    return e == 0 ? 0 : malformed(c, e);
}

static int wrong_type(struct cbor_decoding *c, const struct cbor_item *item, const char *wanted)
{
    if (item->kind == CBOR_BREAK)
        return malformed(c, -E_INVALID);
    return decode_fault(c->d, "A value of the wrong type was found where %s was expected", wanted);
}

/* Whole numbers only, however they were written. */
static bool whole_number(const struct cbor_item *item, int64_t *ret)
{
    if (item->kind == CBOR_INT)
        *ret = item->i;
    else if (item->kind == CBOR_REAL && item->real == trunc(item->real) && fabs(item->real) < 9e15)
        *ret = (int64_t)item->real;
    else
        return false;
    return true;
}

static int read_time(struct cbor_decoding *c, const struct cbor_item *item, struct opt_time *ret)
{
    struct cbor_item inner = *item;
    double seconds;

    if (item->kind == CBOR_TAG && item->i == 1) {
        int e = next(c, &inner);
        if (e != 0)
            return e;
    }
    if (inner.kind != CBOR_INT && inner.kind != CBOR_REAL)
        return wrong_type(c, &inner, "a Timestamp");
    seconds = inner.kind == CBOR_INT ? (double)inner.i : inner.real;
    if (!(fabs(seconds) < 1e12)) /* NaN too */
        return decode_fault(c->d, "The value is not a Timestamp");
    *ret = TIME_SET(llround(seconds * 1000));
    return 0;
}

static int read_scalar(struct cbor_decoding *c, const struct shape *shape, const struct cbor_item *item,
                       void *target)
{
    int64_t n;

    switch ((enum kind)shape->kind) {
    case KIND_STRING:
        if (item->kind != CBOR_TEXT || utf8_check(item->s) != item->s.n)
            return wrong_type(c, item, "a String");
        *(struct str *)target = item->s;
        return 0;
    case KIND_BLOB:
        if (item->kind != CBOR_BYTES)
            return wrong_type(c, item, "a Blob");
        *(struct str *)target = item->s;
        return 0;
    case KIND_INT:
        if (!whole_number(item, &n) || (!shape->long_int && (n < INT32_MIN || n > INT32_MAX)))
            return wrong_type(c, item, shape->long_int ? "a Long" : "an Integer");
        *(struct opt_int *)target = INT_SET(n);
        return 0;
    case KIND_REAL:
        if (item->kind != CBOR_INT && item->kind != CBOR_REAL)
            return wrong_type(c, item, "a Double");
        *(struct opt_real *)target = REAL_SET(item->kind == CBOR_INT ? (double)item->i : item->real);
        return 0;
    case KIND_BOOL:
        if (item->kind != CBOR_BOOL)
            return wrong_type(c, item, "a Boolean");
        *(struct opt_bool *)target = BOOL_SET(item->yes);
        return 0;
    case KIND_TIME: return read_time(c, item, target);
    case KIND_DOCUMENT:
    case KIND_STRUCT:
    case KIND_LIST:
    case KIND_MAP: break;
    }
    return wrong_type(c, item, "something CBOR cannot carry");
}

static int read_struct(struct cbor_decoding *c, const struct shape *shape, const struct cbor_item *map,
                       void *target)
{
    struct cbor_item key, value;

    for (size_t i = 0; map->indefinite || i < map->n; i++) {
        const struct member *m = NULL;
        int e = next(c, &key);
        if (e == 0 && map->indefinite && key.kind == CBOR_BREAK)
            return 0;
        if (e == 0 && key.kind != CBOR_TEXT)
            e = wrong_type(c, &key, "a member's name");
        if (e == 0)
            e = next(c, &value);
        if (e == 0)
            m = member_named(shape, key.s);
        if (e == 0 && m != NULL && value.kind != CBOR_NULL)
            e = read_value(c, m->shape, &value, member_target(c->d->a, m, target));
        else if (e == 0)
            e = pass_over(c, &value);
        if (e != 0)
            return e;
    }
    return 0;
}

static int read_list(struct cbor_decoding *c, const struct shape *shape, const struct cbor_item *array,
                     struct any_list *list)
{
    struct cbor_item item;

    *list = (struct any_list){ .set = true };
    for (size_t i = 0; array->indefinite || i < array->n; i++) {
        int e = next(c, &item);
        if (e == 0 && array->indefinite && item.kind == CBOR_BREAK)
            return 0;
        char *slot = e == 0 ? list_grow(c->d->a, list, element_size(shape->element)) : NULL;
        if (e == 0 && slot == NULL)
            e = decode_fault(c->d, "The request is too large");
        if (e == 0 && item.kind != CBOR_NULL)
            e = read_value(c, shape->element, &item, slot);
        if (e != 0)
            return e;
    }
    return 0;
}

static int read_map(struct cbor_decoding *c, const struct shape *shape, const struct cbor_item *map,
                    struct any_list *ret)
{
    struct cbor_item key, value;

    *ret = (struct any_list){ .set = true };
    for (size_t i = 0; map->indefinite || i < map->n; i++) {
        int e = next(c, &key);
        if (e == 0 && map->indefinite && key.kind == CBOR_BREAK)
            return 0;
        if (e == 0 && key.kind != CBOR_TEXT)
            e = wrong_type(c, &key, "a map's key");
        char *entry = e == 0 ? list_grow(c->d->a, ret, entry_size(shape)) : NULL;
        if (e == 0 && entry == NULL)
            e = decode_fault(c->d, "The request is too large");
        if (e == 0)
            e = next(c, &value);
        if (e == 0)
            *(struct str *)(void *)entry = key.s;
        if (e == 0 && value.kind != CBOR_NULL)
            e = read_value(c, shape->element, &value, entry + MAP_VALUE_OFFSET);
        if (e != 0)
            return e;
    }
    return 0;
}

static int read_value(struct cbor_decoding *c, const struct shape *shape, const struct cbor_item *item,
                      void *target)
{
    int e;

    if (++c->d->depth > CBOR_MAX_DEPTH)
        return decode_fault(c->d, "The request is nested too deeply");
    if (shape->kind == KIND_STRUCT)
        e = item->kind != CBOR_MAP ? wrong_type(c, item, "a structure") : read_struct(c, shape, item, target);
    else if (shape->kind == KIND_LIST)
        e = item->kind != CBOR_ARRAY ? wrong_type(c, item, "a list") : read_list(c, shape, item, target);
    else if (shape->kind == KIND_MAP)
        e = item->kind != CBOR_MAP ? wrong_type(c, item, "a map") : read_map(c, shape, item, target);
    else
        e = read_scalar(c, shape, item, target);
    c->d->depth--;
    return e;
}

int decode_cbor(struct decoding *d, const struct shape *shape, struct str body, void *target)
{
    struct cbor_decoding c = { d, { body } };
    struct cbor_item item;
    int e;

    if (str_empty(body))
        return 0;
    e = next(&c, &item);
    if (e == 0)
        e = read_value(&c, shape, &item, target);
    if (e == 0 && c.r.left.n > 0)
        e = decode_fault(d, "Unexpected content after the value");
    return e;
}

/* ---- writing ---- */

static void write_value(struct buf *b, const struct shape *shape, const void *target);

static void write_struct(struct buf *b, const struct shape *shape, const void *target)
{
    cbor_begin(b, CBOR_MAP);
    for (uint32_t i = 0; target != NULL && i < shape->n_members; i++) {
        const void *value = member_value(&shape->members[i], target);
        if (value == NULL)
            continue;
        cbor_text(b, str_of(shape->members[i].name));
        write_value(b, shape->members[i].shape, value);
    }
    cbor_end(b);
}

static void write_element(struct buf *b, const struct shape *shape, const void *target)
{
    if (value_present(shape, target))
        write_value(b, shape, target);
    else
        cbor_null(b);
}

static void write_list(struct buf *b, const struct shape *shape, const struct any_list *list)
{
    cbor_begin(b, CBOR_ARRAY);
    for (size_t i = 0; i < list->n; i++)
        write_element(b, shape->element, list->v + element_size(shape->element) * i);
    cbor_end(b);
}

static void write_map(struct buf *b, const struct shape *shape, const struct any_list *map)
{
    cbor_begin(b, CBOR_MAP);
    for (size_t i = 0; i < map->n; i++) {
        const char *entry = map->v + entry_size(shape) * i;
        cbor_text(b, *(const struct str *)(const void *)entry);
        write_element(b, shape->element, entry + MAP_VALUE_OFFSET);
    }
    cbor_end(b);
}

static void write_value(struct buf *b, const struct shape *shape, const void *target)
{
    switch ((enum kind)shape->kind) {
    case KIND_STRING:
    case KIND_DOCUMENT: cbor_text(b, *(const struct str *)target); break;
    case KIND_BLOB: cbor_bytes(b, *(const struct str *)target); break;
    case KIND_INT: cbor_int(b, ((const struct opt_int *)target)->v); break;
    case KIND_REAL: cbor_double(b, ((const struct opt_real *)target)->v); break;
    case KIND_BOOL: cbor_bool(b, ((const struct opt_bool *)target)->v); break;
    case KIND_TIME:
        cbor_tag(b, 1);
        cbor_double(b, (double)((const struct opt_time *)target)->ms / 1000);
        break;
    case KIND_STRUCT: write_struct(b, shape, target); break;
    case KIND_LIST: write_list(b, shape, target); break;
    case KIND_MAP: write_map(b, shape, target); break;
    }
}

void encode_cbor(struct buf *b, const struct shape *shape, const void *value)
{
    write_struct(b, shape, value);
}
