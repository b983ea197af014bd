/* fault.c - an error becomes a reply, in the protocol of the request, in the shape AWS gives it there.
 *
 *   rest-json   header x-amzn-ErrorType; body {"Type":"User","message":".."} or "Message", as the model names
 * the member; "Type" only where the error's shape has it, never for the errors AWS's front sends itself json
 * body {"__type":"ns#Name","message":".."}; query-compatible services add x-amzn-query-error and answer 400
 * for any 4xx unless the client asked for the old statuses (x-amzn-query-mode) query
 * <ErrorResponse><Error><Type/><Code/><Message/></Error><RequestId/></ErrorResponse> rest-xml    as query, S3
 * without the wrapper: <Error><Code/><Message/> what the handler adds <RequestId/><HostId/> rpc-v2-cbor as
 * json, in CBOR, with the header smithy-protocol */
#include "base/cbor.h"
#include "base/header.h"
#include "wire/codec.h"

const struct error_row error_validation = { .name = "ValidationException",
                                            .query_code = "ValidationError",
                                            .status = 400,
                                            .sender = true,
                                            .message_member = "message" };
/* The query protocol's code for an unreadable value is UNVERIFIED. */
const struct error_row error_serialization = { .name = "SerializationException",
                                               .query_code = "MalformedInput",
                                               .status = 400,
                                               .sender = true,
                                               .message_member = "message" };
const struct error_row error_unknown_operation = { .name = "UnknownOperationException",
                                                   .query_code = "InvalidAction",
                                                   .status = 400,
                                                   .sender = true,
                                                   .message_member = "message" };
const struct error_row error_not_implemented = { .name = "NotImplementedException",
                                                 .query_code = "NotImplemented",
                                                 .status = 501,
                                                 .sender = false,
                                                 .message_member = "message" };
const struct error_row error_access_denied = { .name = "AccessDeniedException",
                                               .query_code = "AccessDenied",
                                               .status = 403,
                                               .sender = true,
                                               .message_member = "Message" };
const struct error_row error_internal = {
    .name = "InternalFailure", .status = 500, .sender = false, .message_member = "message"
};
const struct error_row error_unavailable = {
    .name = "ServiceUnavailable", .status = 503, .sender = false, .message_member = "message"
};
const struct error_row error_missing_parameter = { .name = "MissingRequiredParameterException",
                                                   .query_code = "MissingParameter",
                                                   .status = 400,
                                                   .sender = true,
                                                   .message_member = "message" };
const struct error_row error_request_entity_too_large = {
    .name = "RequestEntityTooLargeException", .status = 413, .sender = true, .message_member = "message"
};
const struct error_row error_scope = { .name = "InvalidSignatureException",
                                       .query_code = "SignatureDoesNotMatch",
                                       .status = 403,
                                       .sender = true,
                                       .message_member = "message" };
const struct error_row error_scope_s3 = {
    .name = "AuthorizationHeaderMalformed", .status = 400, .sender = true, .message_member = "message"
};
const struct error_row error_missing_token = { .name = "MissingAuthenticationTokenException",
                                               .query_code = "MissingAuthenticationToken",
                                               .status = 403,
                                               .json_status = 400,
                                               .sender = true,
                                               .message_member = "message" };
const struct error_row error_incomplete_signature = { .name = "IncompleteSignatureException",
                                                      .query_code = "IncompleteSignature",
                                                      .status = 400,
                                                      .sender = true,
                                                      .message_member = "message" };
const struct error_row error_unknown_key = { .name = "UnrecognizedClientException",
                                             .query_code = "InvalidClientTokenId",
                                             .status = 403,
                                             .json_status = 400,
                                             .sender = true,
                                             .message_member = "message" };
const struct error_row error_signature = { .name = "InvalidSignatureException",
                                           .query_code = "SignatureDoesNotMatch",
                                           .status = 403,
                                           .json_status = 400,
                                           .sender = true,
                                           .message_member = "message" };
const struct error_row error_expired_token = { .name = "ExpiredTokenException",
                                               .query_code = "ExpiredToken",
                                               .status = 403,
                                               .json_status = 400,
                                               .sender = true,
                                               .message_member = "message" };

/* Errors that come from AWS's request machinery rather than from a service. */
static const struct error_row *const front_errors[] = {
    &error_validation,    &error_serialization, &error_unknown_operation, &error_not_implemented,
    &error_access_denied, &error_internal,      &error_unavailable,       &error_request_entity_too_large,
    &error_scope,         &error_scope_s3,      &error_missing_token,     &error_incomplete_signature,
    &error_unknown_key,   &error_signature,     &error_expired_token,
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

void fault_element(struct arena *a, struct fault *f, const char *name, struct str value)
{
    CLEANUP(buf_done) struct buf text = { 0 };

    buf_str(&text, f->extra_xml);
    buf_printf(&text, "<%s>", name);
    xml_text(&text, value);
    buf_printf(&text, "</%s>", name);
    f->extra_xml = buf_to_arena(&text, a);
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
static void type_name(struct buf *b, const struct service_model *service, const struct error_row *row)
{
    const char *space = service != NULL ? service->error_namespace : NULL;

    if (space != NULL && row == &error_validation)
        space = "com.amazon.coral.validate";
    else if (space != NULL && from_front(row))
        space = "com.amazon.coral.service";
    buf_printf(b, "%s%s%s", space != NULL ? space : "", space != NULL ? "#" : "", row->name);
}

/* Services that left the query protocol behind still tell its codes. */
static void add_query_error(const struct service_model *service, const struct error_row *row, bool query_mode,
                            struct reply *ret)
{
    CLEANUP(buf_done) struct buf value = { 0 };

    if (service == NULL || !service->query_compatible)
        return;
    buf_printf(&value, "%s;%s", query_code(row), row->sender ? "Sender" : "Receiver");
    header_line(&ret->headers, STR("x-amzn-query-error"), buf_view(&value));
    if (!query_mode && row->status >= 400 && row->status < 500)
        ret->status = 400;
}

static void fault_json(const struct service_model *service, const struct error_row *row,
                       const struct fault *fault, bool query_mode, struct reply *ret)
{
    CLEANUP(buf_done) struct buf type = { 0 };
    bool old = service != NULL && service->json_version != NULL && strcmp(service->json_version, "1.0") == 0;

    ret->content_type = old ? STR("application/x-amz-json-1.0") : STR("application/x-amz-json-1.1");
    add_query_error(service, row, query_mode, ret);
    buf_char(&ret->body, '{');
    type_name(&type, service, row);
    add_member(&ret->body, "__type", buf_view(&type));
    add_extra(&ret->body, fault);
    if (!str_absent(fault->message))
        add_member(&ret->body, row->message_member, fault->message);
    buf_char(&ret->body, '}');
}

static void error_wrapped(const struct service_model *service, const struct error_row *row,
                          const struct fault *fault, struct str request_id, struct reply *ret)
{
    buf_z(&ret->body, "<ErrorResponse");
    if (service != NULL && service->xmlns != NULL)
        buf_printf(&ret->body, " xmlns=\"%s\"", service->xmlns);
    buf_printf(&ret->body, "><Error><Type>%s</Type><Code>%s</Code>", row->sender ? "Sender" : "Receiver",
               query_code(row));
    if (!str_absent(fault->message)) {
        buf_z(&ret->body, "<Message>");
        xml_text(&ret->body, fault->message);
        buf_z(&ret->body, "</Message>");
    }
    buf_str(&ret->body, fault->extra_xml);
    buf_z(&ret->body, "</Error><RequestId>");
    xml_text(&ret->body, request_id);
    buf_z(&ret->body, "</RequestId></ErrorResponse>");
}

/* S3's names for what every service can answer, and for keys that are refused. */
static const struct {
    const char *name, *code;
    int status;
} s3_codes[] = {
    { "ValidationException", "InvalidRequest", 400 },
    { "SerializationException", "InvalidRequest", 400 },
    { "MissingRequiredParameterException", "InvalidRequest", 400 },
    { "UnknownOperationException", "MethodNotAllowed", 405 },
    { "RequestEntityTooLargeException", "EntityTooLarge", 400 },
    { "InternalFailure", "InternalError", 500 },
    { "ExpiredTokenException", "ExpiredToken", 400 },
    { "UnrecognizedClientException", "InvalidToken", 400 },
};

static void fault_s3(const struct error_row *row, const struct fault *fault, struct str request_id,
                     struct reply *ret)
{
    const char *code = query_code(row);

    for (size_t i = 0; i < ARRAY_LEN(s3_codes); i++)
        if (strcmp(s3_codes[i].name, row->name) == 0) {
            code = s3_codes[i].code;
            ret->status = s3_codes[i].status;
        }
    if (ret->status == 304) /* a condition of GET or HEAD: nothing but headers */
        return;
    ret->content_type = STR("application/xml");
    buf_printf(&ret->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>",
               code);
    xml_text(&ret->body, fault->message);
    buf_z(&ret->body, "</Message>");
    buf_str(&ret->body, fault->extra_xml);
    buf_z(&ret->body, "<RequestId>");
    xml_text(&ret->body, request_id);
    buf_z(&ret->body, "</RequestId><HostId>");
    s3_host_id(&ret->body, request_id);
    buf_z(&ret->body, "</HostId></Error>");
}

static void write_json_value(struct arena *a, struct buf *b, const struct json *j)
{
    int64_t n;
    double real = 0;

    switch (j->type) {
    case JSON_NULL: cbor_null(b); break;
    case JSON_FALSE:
    case JSON_TRUE: cbor_bool(b, j->type == JSON_TRUE); break;
    case JSON_STRING: cbor_text(b, json_text(a, j)); break;
    case JSON_NUMBER:
        if (json_i64(j, &n) == 0) {
            cbor_int(b, n);
        } else {
            json_f64(j, &real);
            cbor_double(b, real);
        }
        break;
    case JSON_OBJECT:
    case JSON_ARRAY:
        cbor_begin(b, j->type == JSON_OBJECT ? CBOR_MAP : CBOR_ARRAY);
        JSON_EACH(j, child) {
            if (j->type == JSON_OBJECT)
                cbor_text(b, json_key(a, child));
            write_json_value(a, b, child);
        }
        cbor_end(b);
        break;
    }
}

/* The members a handler gave as JSON text. */
static void add_extra_cbor(struct arena *a, struct buf *b, struct str extra)
{
    struct json *doc = NULL;

    if (str_empty(extra) || json_parse(a, arena_printf(a, "{" STR_FMT "}", STR_ARG(extra)), &doc, NULL) != 0)
        return;
    JSON_EACH(doc, child) {
        cbor_text(b, json_key(a, child));
        write_json_value(a, b, child);
    }
}

static void fault_cbor(struct arena *a, const struct service_model *service, const struct error_row *row,
                       const struct fault *fault, bool query_mode, struct reply *ret)
{
    CLEANUP(buf_done) struct buf type = { 0 };
    struct buf *b = &ret->body;

    ret->content_type = STR("application/cbor");
    buf_z(&ret->headers, "smithy-protocol: rpc-v2-cbor\r\n");
    add_query_error(service, row, query_mode, ret);
    cbor_begin(b, CBOR_MAP);
    cbor_text(b, STR("__type"));
    type_name(&type, service, row);
    cbor_text(b, buf_view(&type));
    add_extra_cbor(a, b, fault->extra_json);
    if (!str_absent(fault->message)) {
        cbor_text(b, str_of(row->message_member));
        cbor_text(b, fault->message);
    }
    cbor_end(b);
}

void fault_encode(struct arena *a, const struct service_model *service, enum protocol protocol,
                  const struct fault *fault, struct str request_id, bool query_mode, struct reply *ret)
{
    const struct error_row *row = row_for(service, fault->row != NULL ? fault->row : &error_internal);

    *ret = (struct reply){ .status = row->status };
    request_id_lines(&ret->headers, service, protocol, request_id);
    if (speaks_s3(service, protocol)) {
        fault_s3(row, fault, request_id, ret);
        return;
    }
    switch (protocol) {
    case PROTO_REST_JSON: fault_rest_json(row, fault, ret); break;
    case PROTO_JSON:
        ret->status = row->json_status != 0 ? row->json_status : row->status;
        fault_json(service, row, fault, query_mode, ret);
        break;
    case PROTO_QUERY:
    case PROTO_REST_XML:
        ret->content_type = protocol == PROTO_QUERY ? STR("text/xml") : STR("application/xml");
        error_wrapped(service, row, fault, request_id, ret);
        break;
    case PROTO_CBOR:
        ret->status = row->json_status != 0 ? row->json_status : row->status;
        fault_cbor(a, service, row, fault, query_mode, ret);
        break;
    }
}
