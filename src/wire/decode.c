/* decode.c - a request becomes the operation's input structure.
 *
 * The rest protocols read each member from the place its row names and differ in the body alone; the JSON
 * protocols read the body; the query protocol is query.c, rpc-v2-cbor cbor_codec.c.  Nothing here looks at
 * limits: that is validate.c.  Paths are split before they are decoded, so an encoded slash stays inside its
 * label. */
#include "wire/codec.h"

/* Parameters or headers a map may collect; it is searched in a line. */
#define MAX_LOOSE_PAIRS 256

static const char *problem_text(enum json_problem problem)
{
    switch (problem) {
    case JSON_EMPTY: return "No content to map due to end-of-input";
    case JSON_UNEXPECTED_END: return "Unexpected end-of-input";
    case JSON_BAD_UTF8: return "Invalid UTF-8";
    case JSON_BAD_ESCAPE: return "Unrecognized character escape";
    case JSON_BAD_NUMBER: return "Malformed number";
    case JSON_BAD_LITERAL: return "Unrecognized token";
    case JSON_CONTROL_CHAR: return "Illegal unquoted character";
    case JSON_TRAILING: return "Unexpected content after the value";
    case JSON_TOO_DEEP: return "Document nesting depth exceeds the maximum allowed";
    case JSON_UNEXPECTED_CHAR:
    case JSON_OK: break;
    }
    return "Unexpected character";
}

static const struct error_row *error_named(const struct service_model *service, const char *name)
{
    for (uint32_t i = 0; service != NULL && i < service->n_errors; i++)
        if (strcmp(service->errors[i]->name, name) == 0)
            return service->errors[i];
    return NULL;
}

static int malformed_body(struct decoding *d, const struct json_error *error)
{
    const struct error_row *row = error_named(d->service, "InvalidRequestContentException");

    if (d->protocol != PROTO_REST_JSON || row == NULL)
        return decode_fault(d, "%s",
                            error->problem == JSON_UNEXPECTED_END ? "Unexpected end of input"
                                                                  : problem_text(error->problem));
    return fault_set(d->a, d->fault, row,
                     "Could not parse request body into json: %s\n at [Source: REDACTED "
                     "(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %u, column: %u]",
                     problem_text(error->problem), error->line, error->column);
}

/* *ret_doc stays NULL for a body of nothing but blanks. */
static int parse_body(struct decoding *d, struct str body, struct json **ret_doc)
{
    struct json_error error = { .problem = JSON_OK };
    size_t i = 0;

    while (i < body.n && memchr(" \t\r\n", body.p[i], 4) != NULL)
        i++;
    if (i == body.n)
        return 0;
    if (json_parse(d->a, body, ret_doc, &error) != 0)
        return malformed_body(d, &error);
    return 0;
}

static int decode_json_body(struct decoding *d, const struct shape *shape, struct str body, void *input)
{
    struct json *doc = NULL;
    int e = parse_body(d, body, &doc);

    if (e != 0 || doc == NULL || doc->type == JSON_NULL)
        return e;
    return decode_json(d, shape, TIME_DEFAULT, doc, input);
}

/* ---- rest: path ---- */

static size_t count_segments(struct str path)
{
    size_t n = 0;

    for (size_t i = 0; i < path.n; i++)
        n += path.p[i] == '/';
    return n;
}

static struct str without_end_slash(struct str path)
{
    return path.n > 1 && path.p[path.n - 1] == '/' ? str_sub(path, 0, path.n - 1) : path;
}

static int decode_label(struct decoding *d, const struct shape *shape, struct str label, struct str text,
                        void *input)
{
    for (uint32_t i = 0; i < shape->n_members; i++) {
        const struct member *m = &shape->members[i];
        if (m->place == PLACE_PATH && str_is(label, m->wire))
            return decode_text(d, m->shape, time_format_of(m->shape, m->time_format, TIME_ISO),
                               percent_decode(d->a, text, false), member_target(d->a, m, input));
    }
    return 0;
}

/* Takes the next segment off, or `more` segments with the slashes between them. */
static struct str take_segments(struct str *path, size_t more)
{
    size_t i = 1;

    while (i < path->n && (path->p[i] != '/' || more-- > 0))
        i++;
    struct str segment = str_sub(*path, 1, i);
    *path = str_sub(*path, i, path->n);
    return segment;
}

static int decode_path(struct decoding *d, const struct op *op, struct str path, void *input)
{
    struct str uri = str_of(op->uri);
    ptrdiff_t mark = str_find(uri, '?');

    uri = without_end_slash(mark >= 0 ? str_sub(uri, 0, (size_t)mark) : uri);
    if (!speaks_s3(d->service, d->protocol) ||
        !str_ends(uri, STR("+}"))) /* the key of an object may end in a slash */
        path = without_end_slash(path);
    size_t spare = count_segments(path) - MIN(count_segments(path), count_segments(uri));
    while (!str_empty(uri) && !str_empty(path)) {
        struct str part = take_segments(&uri, 0);
        bool label = part.n > 2 && part.p[0] == '{' && part.p[part.n - 1] == '}';
        bool greedy = label && part.p[part.n - 2] == '+';
        struct str text = take_segments(&path, greedy ? spare : 0);
        if (!label)
            continue;
        int e = decode_label(d, op->input, str_sub(part, 1, part.n - (greedy ? 2 : 1)), text, input);
        if (e != 0)
            return e;
    }
    return 0;
}

/* ---- rest: query string ---- */

static int append_text(struct decoding *d, const struct shape *list, enum time_format format, struct str text,
                       struct any_list *to)
{
    char *item = list_grow(d->a, to, element_size(list->element));

    if (item == NULL)
        return decode_fault(d, "The request is too large");
    return decode_text(d, list->element, time_format_of(list->element, list->time_format, format), text,
                       item);
}

static int decode_query_member(struct decoding *d, const struct member *m, struct str query, void *input)
{
    enum time_format format = time_format_of(m->shape, m->time_format, TIME_ISO);
    struct str name, value;
    int e = 0;

    while (e == 0 && form_next(&query, &name, &value)) {
        if (!str_is(percent_decode(d->a, name, true), m->wire))
            continue;
        value = percent_decode(d->a, value, true);
        void *target = (char *)input + m->offset;
        e = m->shape->kind == KIND_LIST ? append_text(d, m->shape, format, value, target)
                                        : decode_text(d, m->shape, format, value, target);
    }
    return e;
}

static void *map_entry(struct decoding *d, const struct shape *shape, struct any_list *map, struct str key)
{
    size_t size = entry_size(shape);

    for (size_t i = 0; i < map->n; i++)
        if (str_eq(*(struct str *)(void *)(map->v + size * i), key))
            return map->v + size * i + MAP_VALUE_OFFSET;
    if ((map->n & (map->n - 1)) == 0) {
        char *v = arena_calloc(d->a, map->n > 0 ? 2 * map->n : 1, size);
        if (map->n > 0)
            memcpy(v, map->v, map->n * size);
        map->v = v;
    }
    char *entry = map->v + size * map->n++;
    *(struct str *)(void *)entry = key;
    return entry + MAP_VALUE_OFFSET;
}

/* A map bound to the whole query string holds every parameter, those with members of their own too.  The
 * first value of a repeated name wins where the map holds single values.  No served operation has such a map.
 */
static int decode_query_map(struct decoding *d, const struct member *m, struct str query, void *input)
{
    struct any_list *map = (struct any_list *)(void *)((char *)input + m->offset);
    const struct shape *element = m->shape->element;
    struct str name, value;
    int e = 0;

    while (e == 0 && form_next(&query, &name, &value)) {
        if (map->n > MAX_LOOSE_PAIRS)
            return decode_fault(d, "More than %d parameters", MAX_LOOSE_PAIRS);
        void *target = map_entry(d, m->shape, map, percent_decode(d->a, name, true));
        map->set = true;
        value = percent_decode(d->a, value, true);
        if (element->kind == KIND_LIST)
            e = append_text(d, element, TIME_ISO, value, target);
        else if (!value_present(element, target))
            e = decode_text(d, element, TIME_ISO, value, target);
    }
    return e;
}

/* ---- rest: headers ---- */

/* The next item of "a, \"b,c\", d"; dates keep the comma after their weekday. */
static bool header_item(struct decoding *d, struct str *rest, bool dates, struct str *ret)
{
    char *out;
    size_t n = 0, i = 0;
    bool quoted = false, comma = false;

    if (str_absent(*rest))
        return false;
    *rest = str_trim(*rest);
    out = arena_alloc(d->a, rest->n + 1);
    for (; i < rest->n; i++) {
        char c = rest->p[i];
        if (c == '"') {
            quoted = !quoted;
        } else if (quoted && c == '\\' && i + 1 < rest->n) {
            out[n++] = rest->p[++i];
        } else if (c == ',' && !quoted && (!dates || comma)) {
            break;
        } else {
            comma = comma || c == ',';
            out[n++] = c;
        }
    }
    *rest = i < rest->n ? str_sub(*rest, i + 1, rest->n) : STR_NONE;
    *ret = str_trim(str_make(out, n));
    return true;
}

static int decode_header_list(struct decoding *d, const struct member *m, struct str value,
                              struct any_list *list)
{
    enum time_format format = time_format_of(m->shape, m->time_format, TIME_HTTP);
    const struct shape *element = m->shape->element;
    bool dates =
        element->kind == KIND_TIME && time_format_of(element, (uint8_t)format, TIME_HTTP) == TIME_HTTP;
    struct str item;
    int e = 0;

    list->set = true;
    if (str_empty(str_trim(value)))
        return 0;
    while (e == 0 && header_item(d, &value, dates, &item))
        e = append_text(d, m->shape, format, item, list);
    return e;
}

static int decode_header(struct decoding *d, const struct member *m, const struct request_parts *parts,
                         void *input)
{
    struct str value = part_header(parts, m->wire);
    void *target = (char *)input + m->offset;

    if (str_absent(value))
        return 0;
    if (m->shape->kind == KIND_LIST)
        return decode_header_list(d, m, value, target);
    if (m->json_value) {
        struct shape blob = { .kind = KIND_BLOB };
        return decode_text(d, &blob, TIME_DEFAULT, value, target);
    }
    return decode_text(d, m->shape, time_format_of(m->shape, m->time_format, TIME_HTTP), value, target);
}

/* A presigned URL carries x-amz-meta-* in its query where the client that signed it put the headers there
 * (the SDK for JavaScript does); S3 takes them as headers.  A header of that name is the stronger one. */
static int decode_hoisted_map(struct decoding *d, const struct member *m, struct str query,
                              struct any_list *map)
{
    struct str prefix = str_of(m->wire), name, value;
    int e = 0;

    while (e == 0 && form_next(&query, &name, &value)) {
        name = percent_decode(d->a, name, true);
        if (!str_starts_nocase(name, prefix))
            continue;
        if (map->n > MAX_LOOSE_PAIRS)
            return decode_fault(d, "More than %d headers " STR_FMT, MAX_LOOSE_PAIRS, STR_ARG(prefix));
        void *target = map_entry(d, m->shape, map, str_sub(name, prefix.n, name.n));
        map->set = true;
        if (!value_present(m->shape->element, target))
            e = decode_text(d, m->shape->element, TIME_HTTP, percent_decode(d->a, value, true), target);
    }
    return e;
}

static int decode_headers_map(struct decoding *d, const struct member *m, const struct request_parts *parts,
                              void *input)
{
    struct any_list *map = (struct any_list *)(void *)((char *)input + m->offset);
    struct str prefix = str_of(m->wire), name, value;
    size_t at = 0;
    int e = 0;

    while (e == 0 && parts->next_header != NULL && parts->next_header(parts->ctx, &at, &name, &value)) {
        if (!str_starts_nocase(name, prefix))
            continue;
        if (map->n > MAX_LOOSE_PAIRS)
            return decode_fault(d, "More than %d headers " STR_FMT, MAX_LOOSE_PAIRS, STR_ARG(prefix));
        map->set = true;
        e = decode_text(d, m->shape->element, TIME_HTTP, value,
                        map_entry(d, m->shape, map, str_sub(name, prefix.n, name.n)));
    }
    return e == 0 && speaks_s3(d->service, d->protocol) ? decode_hoisted_map(d, m, parts->query, map) : e;
}

/* ---- rest: all together ---- */

static int decode_payload(struct decoding *d, const struct member *m, struct str body, void *input)
{
    struct json *doc = NULL;

    if (str_empty(body))
        return 0;
    if (m->shape->kind == KIND_BLOB || m->shape->kind == KIND_STRING) {
        *(struct str *)member_target(d->a, m, input) = body;
        return 0;
    }
    if (d->protocol == PROTO_REST_XML)
        return decode_xml(d, m->shape, m->wire, body, member_target(d->a, m, input));
    int e = parse_body(d, body, &doc);
    if (e != 0 || doc == NULL || doc->type == JSON_NULL)
        return e;
    return decode_json(d, m->shape, m->time_format, doc, member_target(d->a, m, input));
}

static int decode_placed(struct decoding *d, const struct member *m, const struct request_parts *parts,
                         void *input)
{
    switch ((enum place)m->place) {
    case PLACE_QUERY:
        if (m->shape->kind == KIND_MAP)
            return decode_query_map(d, m, parts->query, input);
        return str_empty(parts->query) ? 0 : decode_query_member(d, m, parts->query, input);
    case PLACE_HEADER: return decode_header(d, m, parts, input);
    case PLACE_HEADERS: return decode_headers_map(d, m, parts, input);
    case PLACE_PAYLOAD: return decode_payload(d, m, parts->body, input);
    case PLACE_BODY:
    case PLACE_PATH:
    case PLACE_STATUS: break;
    }
    return 0;
}

static const struct error_row invalid_argument = {
    .name = "InvalidArgument", .status = 400, .sender = true, .message_member = "Message"
};

/* How S3 words a parameter it cannot read.  HTTP's own dates (If-Modified-Since, Expires) count as not sent.
 */
static int s3_argument(struct decoding *d, const struct member *m, const struct request_parts *parts,
                       void *input)
{
    struct str value = m->place == PLACE_HEADER ? part_header(parts, m->wire) : STR_NONE,
               query = parts->query, name, v;

    if (m->place == PLACE_HEADER && m->shape->kind == KIND_TIME &&
        !str_starts_nocase(str_of(m->wire), STR("x-amz-"))) {
        *(struct opt_time *)(void *)((char *)input + m->offset) = (struct opt_time){ 0 };
        *d->fault = (struct fault){ 0 };
        return 0;
    }
    while (m->place == PLACE_QUERY && form_next(&query, &name, &v))
        if (str_is(percent_decode(d->a, name, true), m->wire))
            value = percent_decode(d->a, v, true);
    if (m->shape->kind == KIND_INT)
        fault_set(d->a, d->fault, &invalid_argument, "Provided %s not an integer or within integer range",
                  m->wire);
    else
        fault_set(d->a, d->fault, &invalid_argument, "The value of %s is not valid.",
                  m->wire); /* UNVERIFIED wording */
    fault_element(d->a, d->fault, "ArgumentName", str_of(m->wire));
    fault_element(d->a, d->fault, "ArgumentValue", value);
    return -E_FAULT;
}

static int decode_rest_member(struct decoding *d, const struct member *m, const struct request_parts *parts,
                              void *input)
{
    int e = decode_placed(d, m, parts, input);

    if (e != 0 && (m->place == PLACE_QUERY || m->place == PLACE_HEADER) && speaks_s3(d->service, d->protocol))
        return s3_argument(d, m, parts, input);
    return e;
}

static int decode_rest(struct decoding *d, const struct op *op, const struct request_parts *parts,
                       void *input)
{
    bool body = false;
    int e = decode_path(d, op, parts->path, input);

    for (uint32_t i = 0; e == 0 && i < op->input->n_members; i++) {
        e = decode_rest_member(d, &op->input->members[i], parts, input);
        body = body || op->input->members[i].place == PLACE_BODY;
    }
    if (e != 0 || !body || op->input->payload != NULL)
        return e;
    if (d->protocol == PROTO_REST_XML)
        return str_empty(str_trim_xml(parts->body)) ? 0 : decode_xml(d, op->input, NULL, parts->body, input);
    return decode_json_body(d, op->input, parts->body, input);
}

int shape_decode(struct arena *a, const struct service_model *service, const struct op *op,
                 enum protocol protocol, const struct request_parts *parts, void **ret_input,
                 struct fault *ret_fault)
{
    struct decoding d = { .a = a, .service = service, .protocol = protocol, .fault = ret_fault };
    void *input = op->input != NULL ? arena_alloc(a, op->input->struct_size) : NULL;
    int e = 0;

    if (input != NULL && protocol == PROTO_CBOR)
        e = decode_cbor(&d, op->input, parts->body, input);
    else if (input != NULL && (protocol == PROTO_REST_JSON || protocol == PROTO_REST_XML))
        e = decode_rest(&d, op, parts, input);
    else if (input != NULL && protocol == PROTO_JSON)
        e = decode_json_body(&d, op->input, parts->body, input);
    else if (input != NULL)
        e = decode_query(&d, op, parts, input);
    if (e == 0 && arena_overflowed(a))
        e = decode_fault(&d, "The request is too large");
    if (e == 0)
        *ret_input = input;
    return e;
}
