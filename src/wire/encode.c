/* encode.c - an output structure becomes a reply, in the protocol of the request.
 *
 * Every reply names its request.  The body stands in the model's member order without white space, so equal
 * outputs give equal bytes.  Content-Type is in ret->content_type, not among ret->headers. */
#include "base/crypt.h"
#include "base/header.h"
#include "base/id.h"
#include "wire/codec.h"

bool speaks_s3(const struct service_model *service, enum protocol protocol)
{
    return protocol == PROTO_REST_XML && (service == NULL || strcmp(service->scope, "s3") == 0);
}

struct str request_id_new(struct arena *a, const struct service_model *service, enum protocol protocol)
{
    char id[16];

    if (!speaks_s3(service, protocol))
        return uuid_str(a);
    id_base32(id, sizeof(id));
    return arena_str(a, str_make(id, sizeof(id)));
}

void s3_host_id(struct buf *b, struct str request_id)
{
    struct digest first = sha256_of(request_id), second = sha256_of(str_make((const char *)first.b, first.n));
    char bytes[56]; /* 76 characters, as AWS's */

    memcpy(bytes, first.b, 32);
    memcpy(bytes + 32, second.b, sizeof(bytes) - 32);
    base64_add(b, bytes, sizeof(bytes));
}

void request_id_lines(struct buf *headers, const struct service_model *service, enum protocol protocol,
                      struct str request_id)
{
    if (!speaks_s3(service, protocol)) {
        header_line(headers, STR("x-amzn-RequestId"), request_id);
        return;
    }
    header_line(headers, STR("x-amz-request-id"), request_id);
    buf_z(headers, "x-amz-id-2: ");
    s3_host_id(headers, request_id);
    buf_z(headers, "\r\n");
}

static const char *json_content_type(const struct service_model *service)
{
    return service != NULL && service->json_version != NULL && strcmp(service->json_version, "1.0") == 0
               ? "application/x-amz-json-1.0"
               : "application/x-amz-json-1.1";
}

/* ---- rest-json and rest-xml ---- */

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
        header_line(&ret->headers, buf_view(&name),
                    *(const struct str *)(const void *)(entry + MAP_VALUE_OFFSET));
    }
}

static void default_content_type(struct reply *ret, struct str type)
{
    if (str_absent(ret->content_type)) /* the output's own Content-Type may have come before */
        ret->content_type = type;
}

/* What a function answered travels as JSON, whatever it is: AWS's recorded behaviour of Invoke.  A bucket's
 * policy is the one text S3 sends as a payload, and it is JSON. */
static struct str bytes_type(const struct service_model *service, enum kind kind)
{
    if (strcmp(service->scope, "s3") == 0)
        return kind == KIND_STRING ? STR("application/json") : STR("binary/octet-stream");
    if (kind == KIND_STRING)
        return STR("text/plain");
    return strcmp(service->scope, "lambda") == 0 ? STR("application/json") : STR("application/octet-stream");
}

struct rest_encoding {
    const struct service_model *service;
    const struct op *op;
    enum protocol protocol;
};

static void put_payload(const struct rest_encoding *r, const struct member *m, const void *value,
                        struct reply *ret)
{
    if (m->shape->kind == KIND_STRING || m->shape->kind == KIND_BLOB) {
        default_content_type(ret, bytes_type(r->service, (enum kind)m->shape->kind));
        buf_str(&ret->body, *(const struct str *)value);
    } else if (r->protocol == PROTO_REST_XML) {
        default_content_type(ret, STR("application/xml"));
        encode_xml(&ret->body, r->service, r->op, m->shape, value);
    } else {
        default_content_type(ret, STR("application/json"));
        encode_json(&ret->body, m->shape, m->time_format, value, false);
    }
}

/* Two headers are not the handler's to write as lines: net counts the body, Content-Type has a place of its
 * own. */
static void put_own_header(const struct member *m, const void *value, struct reply *ret)
{
    struct str name = str_of(m->wire);

    if (str_eq_nocase(name, STR("Content-Type")))
        ret->content_type = *(const struct str *)value;
    else if (str_eq_nocase(name, STR("Content-Length")) && m->shape->kind == KIND_INT)
        ret->head_bytes = (size_t)MAX(((const struct opt_int *)value)->v, 0);
    else
        put_header(m, value, ret);
}

static void put_member(const struct rest_encoding *r, const struct member *m, const void *value,
                       struct reply *ret)
{
    switch ((enum place)m->place) {
    case PLACE_STATUS: ret->status = (int)((const struct opt_int *)value)->v; break;
    case PLACE_HEADERS: put_headers_map(m, value, ret); break;
    case PLACE_PAYLOAD: put_payload(r, m, value, ret); break;
    case PLACE_HEADER: put_own_header(m, value, ret); break;
    case PLACE_BODY:
    case PLACE_PATH:
    case PLACE_QUERY: break;
    }
}

static bool has_body_members(const struct shape *output)
{
    for (uint32_t i = 0; i < output->n_members; i++)
        if (output->members[i].place == PLACE_BODY)
            return true;
    return false;
}

/* An empty output is {} in JSON and nothing in XML. */
static void put_body(const struct rest_encoding *r, const void *output, struct reply *ret)
{
    if (r->protocol == PROTO_REST_XML) {
        if (!has_body_members(r->op->output))
            return;
        ret->content_type = STR("application/xml");
        encode_xml(&ret->body, r->service, r->op, r->op->output, output);
        return;
    }
    ret->content_type = STR("application/json");
    if (output != NULL)
        encode_json(&ret->body, r->op->output, TIME_DEFAULT, output, true);
    else
        buf_z(&ret->body, "{}");
}

static void encode_rest(const struct rest_encoding *r, const void *output, struct reply *ret)
{
    const struct shape *shape = r->op->output;

    if (shape == NULL)
        return;
    for (uint32_t i = 0; output != NULL && i < shape->n_members; i++) {
        const struct member *m = &shape->members[i];
        const void *value = member_value(m, output);
        if (value != NULL)
            put_member(r, m, value, ret);
    }
    if (shape->payload == NULL && ret->status != 204 && ret->status != 304)
        put_body(r, output, ret);
}

void shape_encode(UNUSED struct arena *a, const struct service_model *service, const struct op *op,
                  enum protocol protocol, const void *output, struct str request_id, struct reply *ret)
{
    *ret = (struct reply){ .status = op->status };
    request_id_lines(&ret->headers, service, protocol, request_id);
    switch (protocol) {
    case PROTO_REST_JSON:
    case PROTO_REST_XML: encode_rest(&(struct rest_encoding){ service, op, protocol }, output, ret); break;
    case PROTO_JSON:
        ret->content_type = str_of(json_content_type(service));
        if (op->output != NULL)
            shape_json(&ret->body, op->output, output);
        break;
    case PROTO_QUERY:
        ret->content_type = STR("text/xml");
        encode_query(&ret->body, service, op, output, request_id);
        break;
    case PROTO_CBOR:
        ret->content_type = STR("application/cbor");
        buf_z(&ret->headers, "smithy-protocol: rpc-v2-cbor\r\n");
        if (op->output != NULL)
            encode_cbor(&ret->body, op->output, output);
        break;
    }
}
