/* text.c - values as plain text: path labels, query strings, headers, form fields, XML elements.
 *
 * Time is read in the format that was declared and, when that fails, in any other: clients of different age
 * send different ones.  It is written in the declared format alone. */
#include <math.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "wire/codec.h"

static int decode_int(struct decoding *d, const struct shape *shape, struct str text, struct opt_int *ret)
{
    int64_t v;

    if (str_to_i64(text, &v) != 0 || (!shape->long_int && (v < INT32_MIN || v > INT32_MAX)))
        return decode_fault(d, "STRING_VALUE can not be converted to %s",
                            shape->long_int ? "a Long" : "an Integer");
    *ret = INT_SET(v);
    return 0;
}

static int decode_real(struct decoding *d, struct str text, struct opt_real *ret)
{
    double v;

    if (str_is(text, "NaN"))
        v = (double)NAN;
    else if (str_is(text, "Infinity"))
        v = (double)INFINITY;
    else if (str_is(text, "-Infinity"))
        v = -(double)INFINITY;
    else if (str_to_f64(text, &v) != 0)
        return decode_fault(d, "STRING_VALUE can not be converted to a Double");
    *ret = REAL_SET(v);
    return 0;
}

static int decode_bool(struct decoding *d, struct str text, struct opt_bool *ret)
{
    if (!str_is(text, "true") && !str_is(text, "false"))
        return decode_fault(d, "STRING_VALUE can not be converted to a Boolean");
    *ret = BOOL_SET(str_is(text, "true"));
    return 0;
}

static int decode_time(struct decoding *d, enum time_format format, struct str text, struct opt_time *ret)
{
    int (*const parse[])(struct str, int64_t *) = { NULL, when_parse_epoch, when_parse_iso, when_parse_http };
    int64_t ms = 0;
    bool ok = format != TIME_DEFAULT && parse[format](text, &ms) == 0;

    for (size_t i = 1; i < ARRAY_LEN(parse) && !ok; i++)
        ok = parse[i](text, &ms) == 0;
    if (!ok)
        return decode_fault(d, "STRING_VALUE can not be converted to a Timestamp");
    *ret = TIME_SET(ms);
    return 0;
}

int decode_text(struct decoding *d, const struct shape *shape, enum time_format format, struct str text,
                void *target)
{
    switch ((enum kind)shape->kind) {
    case KIND_STRING:
    case KIND_DOCUMENT: *(struct str *)target = text.p == NULL ? STR("") : text; return 0;
    case KIND_BLOB:
        if (base64_decode(d->a, text, target) != 0)
            return decode_fault(d, "The value is not valid base64");
        if (((struct str *)target)->p == NULL)
            *(struct str *)target = STR("");
        return 0;
    case KIND_INT: return decode_int(d, shape, text, target);
    case KIND_REAL: return decode_real(d, text, target);
    case KIND_BOOL: return decode_bool(d, text, target);
    case KIND_TIME: return decode_time(d, format, text, target);
    case KIND_STRUCT:
    case KIND_LIST:
    case KIND_MAP: break;
    }
    return decode_fault(d, "A plain value was found where a structure, list or map was expected");
}

static void encode_real(struct buf *b, double v)
{
    struct json_writer w;

    if (isnan(v)) {
        buf_z(b, "NaN");
    } else if (isinf(v)) {
        buf_z(b, v > 0 ? "Infinity" : "-Infinity");
    } else {
        jw_init(&w, b);
        jw_f64(&w, v);
    }
}

static void encode_time(struct buf *b, enum time_format format, int64_t ms)
{
    if (format == TIME_EPOCH)
        when_epoch_s(b, ms);
    else if (format == TIME_HTTP)
        when_http(b, ms);
    else if (ms % 1000 != 0)
        when_iso_ms(b, ms);
    else
        when_iso_s(b, ms);
}

void encode_text(struct buf *b, const struct shape *shape, enum time_format format, const void *target)
{
    switch ((enum kind)shape->kind) {
    case KIND_STRING:
    case KIND_DOCUMENT: buf_str(b, *(const struct str *)target); break;
    case KIND_BLOB: base64_add(b, ((const struct str *)target)->p, ((const struct str *)target)->n); break;
    case KIND_INT: buf_i64(b, ((const struct opt_int *)target)->v); break;
    case KIND_REAL: encode_real(b, ((const struct opt_real *)target)->v); break;
    case KIND_BOOL: buf_z(b, ((const struct opt_bool *)target)->v ? "true" : "false"); break;
    case KIND_TIME: encode_time(b, format, ((const struct opt_time *)target)->ms); break;
    case KIND_STRUCT:
    case KIND_LIST:
    case KIND_MAP: CHECK(shape->kind < KIND_STRUCT); break;
    }
}
