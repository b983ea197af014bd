/* fault.c - an error becomes a reply, in the protocol of the request, in the shape AWS gives it there.
 *
 *   rest-json   header x-amzn-ErrorType; body {"Type":"User","message":".."} or "Message", as the model names the
 *               member; "Type" only where the error's shape has it, never for the errors AWS's front sends itself
 *   json        body {"__type":"ns#Name","message":".."}; query-compatible services add x-amzn-query-error and
 *               answer 400 for any 4xx unless the client asked for the old statuses (x-amzn-query-mode)
 *   query       <ErrorResponse><Error><Type/><Code/><Message/></Error><RequestId/></ErrorResponse>
 *   rest-xml, rpc-v2-cbor   enough to be understood when we say that we do not speak them yet */
#include "wire/codec.h"

const struct error_row error_validation = { .name = "ValidationException", .query_code = "ValidationError", .status = 400, .sender = true, .message_member = "message" };
/* The query protocol's code for an unreadable value is UNVERIFIED. */
const struct error_row error_serialization = { .name = "SerializationException", .query_code = "MalformedInput", .status = 400, .sender = true, .message_member = "message" };
const struct error_row error_unknown_operation = { .name = "UnknownOperationException", .query_code = "InvalidAction", .status = 400, .sender = true, .message_member = "message" };
const struct error_row error_not_implemented = { .name = "NotImplementedException", .query_code = "NotImplemented", .status = 501, .sender = false, .message_member = "message" };
const struct error_row error_access_denied = { .name = "AccessDeniedException", .query_code = "AccessDenied", .status = 403, .sender = true, .message_member = "Message" };
const struct error_row error_internal = { .name = "InternalFailure", .status = 500, .sender = false, .message_member = "message" };
const struct error_row error_unavailable = { .name = "ServiceUnavailable", .status = 503, .sender = false, .message_member = "message" };
const struct error_row error_missing_parameter = { .name = "MissingRequiredParameterException", .query_code = "MissingParameter", .status = 400, .sender = true, .message_member = "message" };
const struct error_row error_request_entity_too_large = { .name = "RequestEntityTooLargeException", .status = 413, .sender = true, .message_member = "message" };

/* Errors that come from AWS's request machinery rather than from a service. */
static const struct error_row *const front_errors[] = {
    &error_validation, &error_serialization, &error_unknown_operation, &error_not_implemented, &error_access_denied,
    &error_internal, &error_unavailable, &error_request_entity_too_large,
};

static bool from_front(const struct error_row *row)
{
    for (size_t i = 0; i < ARRAY_LEN(front_errors); i++)
        if (row == front_errors[i])
            return true;
    return false;
}

/* CloudWatch Logs reports broken constraints under a name of its own. */
static const struct error_row *row_for(const struct service_model *service, const struct error_row *row)
{
    if (row != &error_validation || service == NULL || strcmp(service->name, "logs") != 0)
        return row;
    for (uint32_t i = 0; i < service->n_errors; i++)
        if (strcmp(service->errors[i]->name, "InvalidParameterException") == 0)
            return service->errors[i];
    return row;
}

static const char *query_code(const struct error_row *row)
{
    return row->query_code != NULL ? row->query_code : row->name;
}

static void add_member(struct buf *b, const char *name, struct str value)
{
    if (b->p[b->n - 1] != '{')
        buf_char(b, ',');
    buf_printf(b, "\"%s\":", name);
    json_quote(b, value);
}

static void add_extra(struct buf *b, const struct fault *fault)
{
    if (str_empty(fault->extra_json))
        return;
    if (b->p[b->n - 1] != '{')
        buf_char(b, ',');
    buf_str(b, fault->extra_json);
}

static void fault_rest_json(const struct error_row *row, const struct fault *fault, struct reply *ret)
{
    bool typed = row->shape != NULL ? member_named(row->shape, STR("Type")) != NULL : !from_front(row);

    header_line(&ret->headers, STR("x-amzn-ErrorType"), str_of(row->name));
    ret->content_type = STR("application/json");
    buf_char(&ret->body, '{');
    add_extra(&ret->body, fault);
    if (fault->null_type) {
        if (ret->body.n > 1)
            buf_char(&ret->body, ',');
        buf_z(&ret->body, "\"Type\":null");
    } else if (typed && !fault->bare) {
        add_member(&ret->body, "Type", row->sender ? STR("User") : STR("Service"));
    }
    if (!str_absent(fault->message))
        add_member(&ret->body, row->message_member, fault->message);
    buf_char(&ret->body, '}');
}

/* The namespace before '#': the service's own, or that of AWS's request machinery. */
static void add_type(struct buf *b, const struct service_model *service, const struct error_row *row)
{
    const char *space = service != NULL ? service->error_namespace : NULL;

    if (space != NULL && row == &error_validation)
        space = "com.amazon.coral.validate";
    else if (space != NULL && from_front(row))
        space = "com.amazon.coral.service";
    buf_printf(b, "\"__type\":\"%s%s%s\"", space != NULL ? space : "", space != NULL ? "#" : "", row->name);
}

static void fault_json(const struct service_model *service, const struct error_row *row, const struct fault *fault,
                       bool query_mode, struct reply *ret)
{
    bool old = service != NULL && service->json_version != NULL && strcmp(service->json_version, "1.0") == 0;

    ret->content_type = old ? STR("application/x-amz-json-1.0") : STR("application/x-amz-json-1.1");
    if (service != NULL && service->query_compatible) {
        buf_printf(&ret->headers, "x-amzn-query-error: %s;%s\r\n", query_code(row), row->sender ? "Sender" : "Receiver");
        if (!query_mode && row->status >= 400 && row->status < 500)
            ret->status = 400;
    }
    buf_char(&ret->body, '{');
    add_type(&ret->body, service, row);
    add_extra(&ret->body, fault);
    if (!str_absent(fault->message))
        add_member(&ret->body, row->message_member, fault->message);
    buf_char(&ret->body, '}');
}

static void fault_query(const struct service_model *service, const struct error_row *row, const struct fault *fault,
                        struct str request_id, struct reply *ret)
{
    ret->content_type = STR("text/xml");
    buf_z(&ret->body, "<ErrorResponse");
    if (service != NULL && service->xmlns != NULL)
        buf_printf(&ret->body, " xmlns=\"%s\"", service->xmlns);
    buf_printf(&ret->body, "><Error><Type>%s</Type><Code>%s</Code>", row->sender ? "Sender" : "Receiver", query_code(row));
    if (!str_absent(fault->message)) {
        buf_z(&ret->body, "<Message>");
        xml_text(&ret->body, fault->message);
        buf_z(&ret->body, "</Message>");
    }
    buf_z(&ret->body, "</Error><RequestId>");
    xml_text(&ret->body, request_id);
    buf_z(&ret->body, "</RequestId></ErrorResponse>");
}

static void fault_rest_xml(const struct error_row *row, const struct fault *fault, struct str request_id, struct reply *ret)
{
    ret->content_type = STR("application/xml");
    buf_printf(&ret->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>", query_code(row));
    xml_text(&ret->body, fault->message);
    buf_z(&ret->body, "</Message><RequestId>");
    xml_text(&ret->body, request_id);
    buf_z(&ret->body, "</RequestId></Error>");
}

static void cbor_text(struct buf *b, struct str s)
{
    buf_char(b, (char)0x79);                                 /* text, two bytes of length */
    s.n = MIN(s.n, (size_t)UINT16_MAX);
    buf_char(b, (char)(s.n >> 8));
    buf_char(b, (char)(s.n & 0xff));
    buf_str(b, s);
}

static void fault_cbor(const struct error_row *row, const struct fault *fault, struct reply *ret)
{
    ret->content_type = STR("application/cbor");
    buf_z(&ret->headers, "smithy-protocol: rpc-v2-cbor\r\n");
    buf_char(&ret->body, (char)0xa2);                        /* a map of two pairs */
    cbor_text(&ret->body, STR("__type"));
    cbor_text(&ret->body, str_of(row->name));
    cbor_text(&ret->body, STR("message"));
    cbor_text(&ret->body, fault->message);
}

void fault_encode(UNUSED struct arena *a, const struct service_model *service, enum protocol protocol,
                  const struct fault *fault, struct str request_id, bool query_mode, struct reply *ret)
{
    const struct error_row *row = row_for(service, fault->row != NULL ? fault->row : &error_internal);

    *ret = (struct reply){ .status = row->status };
    header_line(&ret->headers, STR("x-amzn-RequestId"), request_id);
    switch (protocol) {
    case PROTO_REST_JSON: fault_rest_json(row, fault, ret); break;
    case PROTO_JSON:  fault_json(service, row, fault, query_mode, ret); break;
    case PROTO_QUERY: fault_query(service, row, fault, request_id, ret); break;
    case PROTO_REST_XML: fault_rest_xml(row, fault, request_id, ret); break;
    case PROTO_CBOR:  fault_cbor(row, fault, ret); break;
    }
}
