/* json_codec.c - values as JSON, in both directions.
 *
 * Reading: null is absent, unknown members are skipped (AWS ignores them), a member of the wrong type is a
 * SerializationException.  The texts follow what AWS's own JSON services say; where no recording shows one
 * they are UNVERIFIED.  Writing: the model's member order, absent members left out, no white space. */
#include <math.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "base/map.h"
#include "wire/codec.h"

/* How AWS calls what it found. */
static const char *const token_names[] = {
    [JSON_NULL] = "NULL_VALUE",     [JSON_FALSE] = "FALSE_VALUE",   [JSON_TRUE] = "TRUE_VALUE",
    [JSON_NUMBER] = "NUMBER_VALUE", [JSON_STRING] = "STRING_VALUE", [JSON_ARRAY] = "START_ARRAY",
    [JSON_OBJECT] = "START_OBJECT",
};

static int wrong_type(struct decoding *d, const struct json *j, const char *wanted)
{
    if (j->type == JSON_OBJECT)
        return decode_fault(d, "Start of structure or map found where not expected.");
    if (j->type == JSON_ARRAY)
        return decode_fault(d, "Start of list found where not expected");
    return decode_fault(d, "%s can not be converted to %s", token_names[j->type], wanted);
}

static int json_string(struct decoding *d, const struct json *j, struct str *ret)
{
    if (j->type != JSON_STRING)
        return wrong_type(d, j, "a String");
    *ret = json_text(d->a, j);
    return 0;
}

static int json_blob(struct decoding *d, const struct json *j, struct str *ret)
{
    struct str text;

    if (j->type != JSON_STRING)
        return wrong_type(d, j, "a Blob");
    text = json_text(d->a, j);
    if (base64_decode(d->a, text, ret) != 0)
        return decode_fault(d, "The value is not valid base64");
    if (ret->p == NULL)
        *ret = STR("");
    return 0;
}

static int json_int(struct decoding *d, const struct shape *shape, const struct json *j, struct opt_int *ret)
{
    const char *wanted = shape->long_int ? "a Long" : "an Integer";
    int64_t v;

    if (j->type != JSON_NUMBER)
        return wrong_type(d, j, wanted);
    if (json_i64(j, &v) != 0 || (!shape->long_int && (v < INT32_MIN || v > INT32_MAX)))
        return decode_fault(d, "NUMBER_VALUE can not be converted to %s", wanted);
    *ret = INT_SET(v);
    return 0;
}

static int json_real(struct decoding *d, const struct shape *shape, const struct json *j,
                     struct opt_real *ret)
{
    double v;

    if (j->type == JSON_STRING &&
        (str_is(j->raw, "NaN") || str_is(j->raw, "Infinity") || str_is(j->raw, "-Infinity")))
        return decode_text(d, shape, TIME_DEFAULT, j->raw, ret);
    if (j->type != JSON_NUMBER)
        return wrong_type(d, j, "a Double");
    if (json_f64(j, &v) != 0)
        return decode_fault(d, "NUMBER_VALUE can not be converted to a Double");
    *ret = REAL_SET(v);
    return 0;
}

static int json_time(struct decoding *d, const struct shape *shape, uint8_t format, const struct json *j,
                     struct opt_time *ret)
{
    if (j->type == JSON_NUMBER)
        return decode_text(d, shape, TIME_EPOCH, j->raw, ret);
    if (j->type == JSON_STRING)
        return decode_text(d, shape, time_format_of(shape, format, TIME_EPOCH), json_text(d->a, j), ret);
    return wrong_type(d, j, "a Timestamp");
}

static const struct member *member_on_wire(const struct shape *shape, struct str key)
{
    for (uint32_t i = 0; i < shape->n_members; i++) {
        const char *wire = shape->members[i].wire;
        if (wire[0] == (key.n > 0 ? key.p[0] : '\0') && str_is(key, wire))
            return &shape->members[i];
    }
    return NULL;
}

static int json_struct(struct decoding *d, const struct shape *shape, const struct json *j, void *target)
{
    if (j->type != JSON_OBJECT)
        return j->type == JSON_ARRAY ? wrong_type(d, j, "") : decode_fault(d, "Unexpected field type");
    JSON_EACH(j, child) {
        const struct member *m = member_on_wire(shape, json_key(d->a, child));
        if (m == NULL || (m->place != PLACE_BODY && d->service != NULL && m->place != PLACE_PAYLOAD) ||
            child->type == JSON_NULL)
            continue;
        int e = decode_json(d, m->shape, m->time_format, child, member_target(d->a, m, target));
        if (e != 0)
            return e;
    }
    return 0;
}

static int json_list(struct decoding *d, const struct shape *shape, const struct json *j,
                     struct any_list *ret)
{
    size_t size = element_size(shape->element), i = 0;

    if (j->type != JSON_ARRAY)
        return j->type == JSON_OBJECT ? wrong_type(d, j, "") : decode_fault(d, "Expected list or null");
    char *v = arena_calloc(d->a, j->n > 0 ? j->n : 1, size);
    if (arena_overflowed(d->a))
        return decode_fault(d, "The request is too large");
    *ret = (struct any_list){ true, j->n, v };
    JSON_EACH(j, child) {
        int e =
            child->type == JSON_NULL ? 0 : decode_json(d, shape->element, TIME_DEFAULT, child, v + size * i);
        if (e != 0)
            return e;
        i++;
    }
    return 0;
}

/* Of equal keys the last counts, as with members.  Keys are compared once their number makes it worth a hash.
 */
static void drop_earlier_keys(const struct shape *shape, struct any_list *map)
{
    size_t size = entry_size(shape), kept = map->n;
    struct map seen = { 0 };

    for (size_t i = map->n; i-- > 0;) {
        char *entry = map->v + size * i;
        if (map_put(&seen, *(struct str *)(void *)entry, map->v) == NULL)
            memmove(map->v + size * --kept, entry, size);
    }
    map->v += size * kept;
    map->n -= kept;
    map_done(&seen);
}

static bool has_equal_keys(const struct shape *shape, const struct any_list *map)
{
    size_t size = entry_size(shape);

    if (map->n > 16)
        return true; /* perhaps: let the hash find out */
    for (size_t i = 1; i < map->n; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(*(struct str *)(void *)(map->v + size * i),
                       *(struct str *)(void *)(map->v + size * k)))
                return true;
    return false;
}

static int json_map(struct decoding *d, const struct shape *shape, const struct json *j, struct any_list *ret)
{
    size_t size = entry_size(shape), i = 0;

    if (j->type != JSON_OBJECT)
        return j->type == JSON_ARRAY ? wrong_type(d, j, "") : decode_fault(d, "Expected map or null");
    char *v = arena_calloc(d->a, j->n > 0 ? j->n : 1, size);
    if (arena_overflowed(d->a))
        return decode_fault(d, "The request is too large");
    JSON_EACH(j, child) {
        char *entry = v + size * i;
        *(struct str *)(void *)entry = json_key(d->a, child);
        int e = child->type == JSON_NULL
                    ? 0
                    : decode_json(d, shape->element, TIME_DEFAULT, child, entry + MAP_VALUE_OFFSET);
        if (e != 0)
            return e;
        i++;
    }
    *ret = (struct any_list){ true, i, v };
    if (has_equal_keys(shape, ret))
        drop_earlier_keys(shape, ret);
    return 0;
}

int decode_json(struct decoding *d, const struct shape *shape, uint8_t member_format, const struct json *j,
                void *target)
{
    int e = 0;

    if (++d->depth > CODEC_MAX_DEPTH)
        return decode_fault(d, "The request is nested too deeply");
    switch ((enum kind)shape->kind) {
    case KIND_STRING: e = json_string(d, j, target); break;
    case KIND_BLOB: e = json_blob(d, j, target); break;
    case KIND_INT: e = json_int(d, shape, j, target); break;
    case KIND_REAL: e = json_real(d, shape, j, target); break;
    case KIND_BOOL:
        if (j->type != JSON_TRUE && j->type != JSON_FALSE)
            e = wrong_type(d, j, "a Boolean");
        else
            *(struct opt_bool *)target = BOOL_SET(j->type == JSON_TRUE);
        break;
    case KIND_TIME: e = json_time(d, shape, member_format, j, target); break;
    case KIND_STRUCT: e = json_struct(d, shape, j, target); break;
    case KIND_LIST: e = json_list(d, shape, j, target); break;
    case KIND_MAP: e = json_map(d, shape, j, target); break;
    case KIND_DOCUMENT:
        /* raw of a string stands without its quotes; the document keeps them */
        *(struct str *)target = j->type == JSON_STRING ? str_make(j->raw.p - 1, j->raw.n + 2) : j->raw;
        break;
    }
    d->depth--;
    return e;
}

int shape_from_json(struct arena *a, const struct shape *shape, const struct json *doc, void *value,
                    struct fault *ret_fault)
{
    struct decoding d = { .a = a, .fault = ret_fault, .protocol = PROTO_JSON };

    return decode_json(&d, shape, TIME_DEFAULT, doc, value);
}

/* ---- writing ---- */

static void write_struct(struct buf *b, const struct shape *shape, const void *target, bool body_only)
{
    bool comma = false;

    buf_char(b, '{');
    for (uint32_t i = 0; i < shape->n_members; i++) {
        const struct member *m = &shape->members[i];
        const void *value = body_only && m->place != PLACE_BODY ? NULL : member_value(m, target);
        if (value == NULL)
            continue;
        if (comma)
            buf_char(b, ',');
        comma = true;
        buf_char(b, '"');
        buf_z(b, m->wire);
        buf_z(b, "\":");
        encode_json(b, m->shape, m->time_format, value, false);
    }
    buf_char(b, '}');
}

static void write_element(struct buf *b, const struct shape *shape, const void *target)
{
    if (value_present(shape, target))
        encode_json(b, shape, TIME_DEFAULT, target, false);
    else
        buf_z(b, "null");
}

static void write_list(struct buf *b, const struct shape *shape, const struct any_list *list)
{
    size_t size = element_size(shape->element);

    buf_char(b, '[');
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0)
            buf_char(b, ',');
        write_element(b, shape->element, list->v + size * i);
    }
    buf_char(b, ']');
}

static void write_map(struct buf *b, const struct shape *shape, const struct any_list *map)
{
    size_t size = entry_size(shape);

    buf_char(b, '{');
    for (size_t i = 0; i < map->n; i++) {
        const char *entry = map->v + size * i;
        if (i > 0)
            buf_char(b, ',');
        json_quote(b, *(const struct str *)(const void *)entry);
        buf_char(b, ':');
        write_element(b, shape->element, entry + MAP_VALUE_OFFSET);
    }
    buf_char(b, '}');
}

static void write_quoted(struct buf *b, const struct shape *shape, enum time_format format,
                         const void *target)
{
    buf_char(b, '"');
    encode_text(b, shape, format, target);
    buf_char(b, '"');
}

void encode_json(struct buf *b, const struct shape *shape, uint8_t member_format, const void *target,
                 bool body_only)
{
    enum time_format format = time_format_of(shape, member_format, TIME_EPOCH);

    switch ((enum kind)shape->kind) {
    case KIND_STRING: json_quote(b, *(const struct str *)target); break;
    case KIND_BLOB: write_quoted(b, shape, format, target); break;
    case KIND_REAL:
        if (isfinite(((const struct opt_real *)target)->v))
            encode_text(b, shape, format, target);
        else
            write_quoted(b, shape, format, target);
        break;
    case KIND_TIME:
        if (format == TIME_EPOCH)
            encode_text(b, shape, format, target);
        else
            write_quoted(b, shape, format, target);
        break;
    case KIND_INT:
    case KIND_BOOL:
    case KIND_DOCUMENT: encode_text(b, shape, format, target); break;
    case KIND_STRUCT: write_struct(b, shape, target, body_only); break;
    case KIND_LIST: write_list(b, shape, target); break;
    case KIND_MAP: write_map(b, shape, target); break;
    }
}

void shape_json(struct buf *b, const struct shape *shape, const void *value)
{
    if (value == NULL)
        buf_z(b, "{}");
    else
        encode_json(b, shape, TIME_DEFAULT, value, false);
}
