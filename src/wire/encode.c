/* encode.c - an output structure becomes a reply, in the protocol of the request.
 *
 * Every reply names its request.  The body stands in the model's member order without white space, so equal
 * outputs give equal bytes.  Content-Type is in ret->content_type, not among ret->headers. */
#include "base/crypt.h"
#include "wire/codec.h"

static const char *json_content_type(const struct service_model *service)
{
    return service != NULL && service->json_version != NULL && strcmp(service->json_version, "1.0") == 0
        ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1";
}

/* ---- rest-json ---- */

static bool needs_quotes(struct str s)
{
    return memchr(s.p, ',', s.n) != NULL || memchr(s.p, '"', s.n) != NULL;
}

static void quote_item(struct buf *b, struct str s)
{
    buf_char(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_char(b, '\\');
        buf_char(b, s.p[i]);
    }
    buf_char(b, '"');
}

static void header_list(struct buf *b, const struct member *m, const struct any_list *list)
{
    const struct shape *element = m->shape->element;
    enum time_format format = time_format_of(element, m->time_format, TIME_HTTP);

    for (size_t i = 0; i < list->n; i++) {
        const void *target = list->v + element_size(element) * i;
        if (i > 0)
            buf_z(b, ", ");
        if (element->kind == KIND_STRING && needs_quotes(*(const struct str *)target))
            quote_item(b, *(const struct str *)target);
        else if (value_present(element, target))
            encode_text(b, element, format, target);
    }
}

static void put_header(const struct member *m, const void *value, struct reply *ret)
{
    CLEANUP(buf_done) struct buf text = { 0 };

    if (m->shape->kind == KIND_LIST)
        header_list(&text, m, value);
    else if (m->json_value)
        base64_add(&text, ((const struct str *)value)->p, ((const struct str *)value)->n);
    else
        encode_text(&text, m->shape, time_format_of(m->shape, m->time_format, TIME_HTTP), value);
    header_line(&ret->headers, str_of(m->wire), buf_view(&text));
}

static void put_headers_map(const struct member *m, const struct any_list *map, struct reply *ret)
{
    CLEANUP(buf_done) struct buf name = { 0 };

    for (size_t i = 0; i < map->n; i++) {
        const char *entry = map->v + entry_size(m->shape) * i;
        buf_clear(&name);
        buf_z(&name, m->wire);
        buf_str(&name, *(const struct str *)(const void *)entry);
        header_line(&ret->headers, buf_view(&name), *(const struct str *)(const void *)(entry + MAP_VALUE_OFFSET));
    }
}

static void put_payload(const struct service_model *service, const struct member *m, const void *value, struct reply *ret)
{
    if (m->shape->kind == KIND_STRING) {
        ret->content_type = STR("text/plain");
        buf_str(&ret->body, *(const struct str *)value);
    } else if (m->shape->kind == KIND_BLOB) {
        /* What a function answered travels as JSON, whatever it is: AWS's recorded behaviour of Invoke. */
        ret->content_type = strcmp(service->scope, "lambda") == 0 ? STR("application/json") : STR("application/octet-stream");
        buf_str(&ret->body, *(const struct str *)value);
    } else {
        ret->content_type = STR("application/json");
        encode_json(&ret->body, m->shape, m->time_format, value, false);
    }
}

static void put_member(const struct service_model *service, const struct member *m, const void *value, struct reply *ret)
{
    switch ((enum place)m->place) {
    case PLACE_STATUS:  ret->status = (int)((const struct opt_int *)value)->v; break;
    case PLACE_HEADERS: put_headers_map(m, value, ret); break;
    case PLACE_PAYLOAD: put_payload(service, m, value, ret); break;
    case PLACE_HEADER:
        if (str_eq_nocase(str_of(m->wire), STR("Content-Type")))
            ret->content_type = *(const struct str *)value;
        else
            put_header(m, value, ret);
        break;
    case PLACE_BODY: case PLACE_PATH: case PLACE_QUERY: break;
    }
}

static void encode_rest(const struct service_model *service, const struct op *op, const void *output, struct reply *ret)
{
    if (op->output == NULL)
        return;
    for (uint32_t i = 0; output != NULL && i < op->output->n_members; i++) {
        const struct member *m = &op->output->members[i];
        const void *value = member_value(m, output);
        if (value != NULL)
            put_member(service, m, value, ret);
    }
    if (op->output->payload != NULL || ret->status == 204 || ret->status == 304)
        return;
    ret->content_type = STR("application/json");
    if (output != NULL)
        encode_json(&ret->body, op->output, TIME_DEFAULT, output, true);
    else
        buf_z(&ret->body, "{}");
}

void shape_encode(UNUSED struct arena *a, const struct service_model *service, const struct op *op, enum protocol protocol,
                  const void *output, struct str request_id, struct reply *ret)
{
    *ret = (struct reply){ .status = op->status };
    header_line(&ret->headers, STR("x-amzn-RequestId"), request_id);
    switch (protocol) {
    case PROTO_REST_JSON:
        encode_rest(service, op, output, ret);
        break;
    case PROTO_JSON:
        ret->content_type = str_of(json_content_type(service));
        if (op->output != NULL)
            shape_json(&ret->body, op->output, output);
        break;
    case PROTO_QUERY:
        ret->content_type = STR("text/xml");
        encode_query(&ret->body, service, op, output, request_id);
        break;
    case PROTO_REST_XML: case PROTO_CBOR:
        /* shape_decode() refused the request: nobody comes here. */
        CHECK(protocol < PROTO_REST_XML);
    }
}
