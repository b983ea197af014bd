/* codec.c - access to values by rows, and the small text forms all protocols share.
 *
 * Everything here is driven by offsets the generator took with offsetof, so a wrong row would be a wrong
 * generator, never a wrong request. */
#include "wire/codec.h"

#include <stdarg.h>

size_t element_size(const struct shape *element)
{
    return element->kind == KIND_STRUCT ? element->struct_size : element->size;
}

size_t entry_size(const struct shape *map)
{
    return MAP_VALUE_OFFSET + (element_size(map->element) + 7) / 8 * 8;
}

bool value_present(const struct shape *shape, const void *target)
{
    switch ((enum kind)shape->kind) {
    case KIND_STRING:
    case KIND_BLOB:
    case KIND_DOCUMENT: return ((const struct str *)target)->p != NULL;
    case KIND_INT: return ((const struct opt_int *)target)->set;
    case KIND_REAL: return ((const struct opt_real *)target)->set;
    case KIND_BOOL: return ((const struct opt_bool *)target)->set;
    case KIND_TIME: return ((const struct opt_time *)target)->set;
    case KIND_LIST:
    case KIND_MAP: return ((const struct any_list *)target)->set;
    case KIND_STRUCT: return true;
    }
    return false;
}

char *list_grow(struct arena *a, struct any_list *list, size_t size)
{
    if ((list->n & (list->n - 1)) == 0) {
        char *v = arena_calloc(a, list->n > 0 ? 2 * list->n : 1, size);
        if (arena_overflowed(a))
            return NULL;
        if (list->n > 0)
            memcpy(v, list->v, list->n * size);
        list->v = v;
    }
    list->set = true;
    return list->v + size * list->n++;
}

const void *member_value(const struct member *m, const void *base)
{
    const char *slot = (const char *)base + m->offset;

    if (m->shape->kind == KIND_STRUCT)
        return ((const struct any_pointer *)(const void *)slot)->p;
    return value_present(m->shape, slot) ? slot : NULL;
}

void *member_target(struct arena *a, const struct member *m, void *base)
{
    void *slot = (char *)base + m->offset;

    if (m->shape->kind != KIND_STRUCT)
        return slot;
    struct any_pointer *pointer = slot;
    pointer->p = arena_alloc(a, m->shape->struct_size);
    return pointer->p;
}

const struct member *member_named(const struct shape *shape, struct str name)
{
    for (uint32_t i = 0; i < shape->n_members; i++)
        if (str_is(name, shape->members[i].name))
            return &shape->members[i];
    return NULL;
}

int fault_set(struct arena *a, struct fault *f, const struct error_row *row, const char *fmt, ...)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    *f = (struct fault){ .row = row, .message = buf_to_arena(&text, a) };
    return -E_FAULT;
}

int decode_fault(struct decoding *d, const char *fmt, ...)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    return fault_set(d->a, d->fault, &error_serialization, STR_FMT, STR_ARG(buf_view(&text)));
}

enum time_format time_format_of(const struct shape *shape, uint8_t member_format,
                                enum time_format place_default)
{
    if (member_format != TIME_DEFAULT)
        return (enum time_format)member_format;
    return shape->time_format != TIME_DEFAULT ? (enum time_format)shape->time_format : place_default;
}

struct str percent_decode(struct arena *a, struct str s, bool plus)
{
    if (str_absent(s) || (memchr(s.p, '%', s.n) == NULL && (!plus || memchr(s.p, '+', s.n) == NULL)))
        return s;
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '%' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
        if (low >= 0) {
            out[n++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[n++] = plus && s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    return str_make(out, n);
}

bool form_next(struct str *rest, struct str *ret_name, struct str *ret_value)
{
    struct str pair;

    while (str_cut(rest, '&', &pair)) {
        if (str_empty(pair))
            continue;
        struct str value = pair;
        str_cut(&value, '=', ret_name);
        *ret_value = str_absent(value) ? STR("") : value;
        return true;
    }
    return false;
}

bool has_form(const struct request_parts *parts)
{
    return !str_empty(parts->body) &&
           (str_empty(parts->content_type) ||
            str_starts_nocase(parts->content_type, STR("application/x-www-form-urlencoded")));
}

struct str part_header(const struct request_parts *parts, const char *name)
{
    return parts->header != NULL ? parts->header(parts->ctx, name) : STR_NONE;
}

static bool is_xml_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct str str_trim_xml(struct str s)
{
    while (s.n > 0 && is_xml_blank(s.p[0]))
        s = str_sub(s, 1, s.n);
    while (s.n > 0 && is_xml_blank(s.p[s.n - 1]))
        s = str_sub(s, 0, s.n - 1);
    return s;
}

/* The replacement for a byte in text, or NULL when it stands for itself. */
static const char *xml_entity(unsigned char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\r': return "&#xD;";
    case '\t':
    case '\n': return NULL;
    default: return c < 0x20 ? "\xEF\xBF\xBD" : NULL;
    }
}

void xml_text(struct buf *b, struct str s)
{
    size_t from = 0, at = 0;

    while (at < s.n) {
        const char *entity = xml_entity((unsigned char)s.p[at]);
        uint32_t cp = 0;
        size_t n = entity == NULL ? utf8_get(str_sub(s, at, s.n), &cp) : 1;
        if (n == 0 || cp == 0xFFFE || cp == 0xFFFF) {
            entity = "\xEF\xBF\xBD";
            n = n == 0 ? 1 : n;
        }
        if (entity != NULL) {
            buf_add(b, s.p + from, at - from);
            buf_z(b, entity);
            from = at + n;
        }
        at += n;
    }
    if (s.n > from)
        buf_add(b, s.p + from, s.n - from);
}
