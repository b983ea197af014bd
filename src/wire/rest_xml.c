/* rest_xml.c - values as XML elements, in both directions, and how S3 words what is wrong with a document.
 *
 * Reading: elements are found by the member's wire name, prefix left out; an element that holds children has
 * no text. S3 checks documents against its schema, so there an element nobody knows, a second one where one
 * may stand and a wrong root are MalformedXML; other services skip what they do not know.  An empty element
 * of a list is an empty list, of a structure an empty structure.  Writing: the model's member order, absent
 * members left out, no white space; S3 writes its times with milliseconds, always. */
#include "base/clock.h"
#include "wire/codec.h"
#include "wire/xml.h"

static const struct error_row malformed_xml = {
    .name = "MalformedXML", .status = 400, .sender = true, .message_member = "Message"
};

static bool strict(const struct decoding *d) { return speaks_s3(d->service, PROTO_REST_XML); }

static int malformed(struct decoding *d)
{
    if (!strict(d))
        return decode_fault(d, "The XML document is not well formed");
    return fault_set(
        d->a, d->fault, &malformed_xml,
        "The XML you provided was not well-formed or did not validate against our published schema");
}

/* ---- reading ---- */

static int read_value(struct decoding *d, const struct shape *shape, uint8_t format, const struct xml *e,
                      void *target);

static int read_item(struct decoding *d, const struct shape *list, const struct xml *e, struct any_list *to)
{
    char *item = list_grow(d->a, to, element_size(list->element));

    return item == NULL ? decode_fault(d, "The request is too large")
                        : read_value(d, list->element, list->time_format, e, item);
}

static int read_list(struct decoding *d, const struct shape *shape, const struct xml *e,
                     struct any_list *list)
{
    struct str name = str_of(shape->element_wire != NULL ? shape->element_wire : "member");
    int error = 0;

    list->set = true;
    XML_EACH(e, child)
    {
        if (str_eq(child->name, name))
            error = read_item(d, shape, child, list);
        else if (strict(d))
            error = malformed(d);
        if (error != 0)
            break;
    }
    return error;
}

static int read_entry(struct decoding *d, const struct shape *shape, const struct xml *e,
                      struct any_list *map)
{
    struct str key_name = str_of(shape->key_wire != NULL ? shape->key_wire : "key");
    struct str value_name = str_of(shape->element_wire != NULL ? shape->element_wire : "value");
    char *entry = list_grow(d->a, map, entry_size(shape));
    int error = 0;

    if (entry == NULL)
        return decode_fault(d, "The request is too large");
    *(struct str *)(void *)entry = STR("");
    XML_EACH(e, child)
    {
        if (str_eq(child->name, key_name))
            *(struct str *)(void *)entry = child->text;
        else if (str_eq(child->name, value_name) && error == 0)
            error = read_value(d, shape->element, TIME_DEFAULT, child, entry + MAP_VALUE_OFFSET);
    }
    return error;
}

static int read_map(struct decoding *d, const struct shape *shape, const struct xml *e, struct any_list *map)
{
    int error = 0;

    map->set = true;
    XML_EACH(e, child)
    {
        if (str_is(child->name, "entry"))
            error = read_entry(d, shape, child, map);
        if (error != 0)
            break;
    }
    return error;
}

static bool is_flat(const struct member *m)
{
    return m->flattened && (m->shape->kind == KIND_LIST || m->shape->kind == KIND_MAP);
}

static const struct member *member_of_element(const struct shape *shape, struct str name)
{
    for (uint32_t i = 0; i < shape->n_members; i++) {
        const struct member *m = &shape->members[i];
        if (!m->attribute && m->place == PLACE_BODY && str_is(name, m->wire))
            return m;
    }
    return NULL;
}

static int read_member(struct decoding *d, const struct member *m, const struct xml *e, void *target)
{
    struct any_list *flat = (struct any_list *)(void *)((char *)target + m->offset);

    if (is_flat(m))
        return m->shape->kind == KIND_LIST ? read_item(d, m->shape, e, flat)
                                           : read_entry(d, m->shape, e, flat);
    if (strict(d) && member_value(m, target) != NULL)
        return malformed(d);
    return read_value(d, m->shape, m->time_format, e, member_target(d->a, m, target));
}

/* "xsi:type" in the model; prefixes are gone from what was read. */
static struct str local_wire(const struct member *m)
{
    struct str name = str_of(m->wire);

    return str_sub(name, (size_t)(str_rfind(name, ':') + 1), name.n);
}

static int read_attributes(struct decoding *d, const struct shape *shape, const struct xml *e, void *target)
{
    int error = 0;

    for (uint32_t i = 0; error == 0 && i < shape->n_members; i++) {
        const struct member *m = &shape->members[i];
        const struct xml_attribute *at = m->attribute ? e->attributes : NULL;
        while (at != NULL && !str_eq(at->name, local_wire(m)))
            at = at->next;
        if (at != NULL)
            error = decode_text(d, m->shape, time_format_of(m->shape, m->time_format, TIME_ISO), at->value,
                                member_target(d->a, m, target));
    }
    return error;
}

static int read_struct(struct decoding *d, const struct shape *shape, const struct xml *e, void *target)
{
    int error = read_attributes(d, shape, e, target);

    if (error == 0 && strict(d) && e->n == 0 && !str_empty(str_trim_xml(e->text)))
        return malformed(d);
    XML_EACH(e, child)
    {
        const struct member *m = member_of_element(shape, child->name);
        if (m != NULL && error == 0)
            error = read_member(d, m, child, target);
        else if (m == NULL && strict(d))
            error = malformed(d);
        if (error != 0)
            break;
    }
    return error;
}

static int read_text(struct decoding *d, const struct shape *shape, uint8_t format, const struct xml *e,
                     void *target)
{
    bool as_is = shape->kind == KIND_STRING || shape->kind == KIND_DOCUMENT;
    int error = decode_text(d, shape, time_format_of(shape, format, TIME_ISO),
                            as_is ? e->text : str_trim_xml(e->text), target);

    return error != 0 && strict(d) ? malformed(d) : error;
}

static int read_value(struct decoding *d, const struct shape *shape, uint8_t format, const struct xml *e,
                      void *target)
{
    switch ((enum kind)shape->kind) {
    case KIND_STRUCT: return read_struct(d, shape, e, target);
    case KIND_LIST: return read_list(d, shape, e, target);
    case KIND_MAP: return read_map(d, shape, e, target);
    case KIND_STRING:
    case KIND_BLOB:
    case KIND_INT:
    case KIND_REAL:
    case KIND_BOOL:
    case KIND_TIME:
    case KIND_DOCUMENT: break;
    }
    if (e->n > 0)
        return malformed(d);
    return read_text(d, shape, format, e, target);
}

int decode_xml(struct decoding *d, const struct shape *shape, const char *root, struct str body, void *target)
{
    struct xml *doc = NULL;
    int e = xml_parse(d->a, body, &doc);

    if (e == -E_LIMIT && !strict(d))
        return decode_fault(d, "The request is too large");
    if (e != 0 || (root != NULL && strict(d) && !str_is(doc->name, root)))
        return malformed(d);
    return read_value(d, shape, TIME_DEFAULT, doc, target);
}

/* ---- writing ---- */

struct writing {
    struct buf *b;
    bool s3;
};

static void write_value(struct writing *w, const struct shape *shape, uint8_t format, const void *target);

static void write_attributes(struct writing *w, const struct shape *shape, const void *target)
{
    for (uint32_t i = 0; shape->kind == KIND_STRUCT && i < shape->n_members; i++) {
        const struct member *m = &shape->members[i];
        const void *value = m->attribute ? member_value(m, target) : NULL;
        CLEANUP(buf_done) struct buf text = { 0 };
        if (value == NULL)
            continue;
        if (strncmp(m->wire, "xsi:", 4) == 0)
            buf_z(w->b, " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"");
        encode_text(&text, m->shape, time_format_of(m->shape, m->time_format, TIME_ISO), value);
        buf_printf(w->b, " %s=\"", m->wire);
        xml_text(w->b, buf_view(&text));
        buf_char(w->b, '"');
    }
}

static void write_element(struct writing *w, const char *name, const struct shape *shape, uint8_t format,
                          const void *target)
{
    bool present = value_present(shape, target);

    buf_char(w->b, '<');
    buf_z(w->b, name);
    if (present)
        write_attributes(w, shape, target);
    buf_char(w->b, '>');
    if (present)
        write_value(w, shape, format, target);
    buf_z(w->b, "</");
    buf_z(w->b, name);
    buf_char(w->b, '>');
}

static void write_items(struct writing *w, const struct shape *shape, const char *name,
                        const struct any_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        write_element(w, name, shape->element, shape->time_format,
                      list->v + element_size(shape->element) * i);
}

static void write_entries(struct writing *w, const struct shape *shape, const char *name,
                          const struct any_list *map)
{
    for (size_t i = 0; i < map->n; i++) {
        const char *entry = map->v + entry_size(shape) * i;
        buf_printf(w->b, "<%s>", name);
        write_element(w, shape->key_wire != NULL ? shape->key_wire : "key", shape->key, TIME_DEFAULT, entry);
        write_element(w, shape->element_wire != NULL ? shape->element_wire : "value", shape->element,
                      TIME_DEFAULT, entry + MAP_VALUE_OFFSET);
        buf_printf(w->b, "</%s>", name);
    }
}

static void write_members(struct writing *w, const struct shape *shape, const void *target)
{
    for (uint32_t i = 0; i < shape->n_members; i++) {
        const struct member *m = &shape->members[i];
        const void *value = m->attribute || m->place != PLACE_BODY ? NULL : member_value(m, target);
        if (value == NULL)
            continue;
        if (is_flat(m) && m->shape->kind == KIND_LIST)
            write_items(w, m->shape, m->wire, value);
        else if (is_flat(m))
            write_entries(w, m->shape, m->wire, value);
        else
            write_element(w, m->wire, m->shape, m->time_format, value);
    }
}

static void write_scalar(struct writing *w, const struct shape *shape, uint8_t format, const void *target)
{
    enum time_format time = time_format_of(shape, format, TIME_ISO);

    if (w->s3 && shape->kind == KIND_TIME && time == TIME_ISO)
        when_iso_ms(w->b, ((const struct opt_time *)target)->ms);
    else
        encode_text(w->b, shape, time, target);
}

static void write_value(struct writing *w, const struct shape *shape, uint8_t format, const void *target)
{
    switch ((enum kind)shape->kind) {
    case KIND_STRUCT: write_members(w, shape, target); break;
    case KIND_LIST:
        write_items(w, shape, shape->element_wire != NULL ? shape->element_wire : "member", target);
        break;
    case KIND_MAP: write_entries(w, shape, "entry", target); break;
    case KIND_STRING:
    case KIND_DOCUMENT: xml_text(w->b, *(const struct str *)target); break;
    case KIND_BLOB:
    case KIND_INT:
    case KIND_REAL:
    case KIND_BOOL:
    case KIND_TIME: write_scalar(w, shape, format, target); break;
    }
}

void encode_xml(struct buf *b, const struct service_model *service, const struct op *op,
                const struct shape *shape, const void *target)
{
    struct writing w = { b, speaks_s3(service, PROTO_REST_XML) };
    const char *root = op->result_wrapper != NULL ? op->result_wrapper : shape->name;

    buf_printf(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s", root);
    if (service->xmlns != NULL)
        buf_printf(b, " xmlns=\"%s\"", service->xmlns);
    if (target != NULL)
        write_attributes(&w, shape, target);
    buf_char(b, '>');
    for (uint32_t i = 0; target != NULL && op->unwrapped && i < shape->n_members; i++) {
        const void *value =
            shape->members[i].place == PLACE_BODY ? member_value(&shape->members[i], target) : NULL;
        if (value != NULL)
            write_value(&w, shape->members[i].shape, shape->members[i].time_format, value);
    }
    if (target != NULL && !op->unwrapped)
        write_members(&w, shape, target);
    buf_printf(b, "</%s>", root);
}
