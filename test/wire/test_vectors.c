/* test_vectors.c - AWS's own protocol test vectors against decoder, router and encoder.
 *
 * Input: the bytes a client sends are routed and decoded; the structure is printed by a printer of its own
 * (below, by the model's names) and compared with the vector's parameters.  Output: a structure is filled
 * from the vector's result, encoded, and status, headers and body are compared, JSON and XML by meaning.
 * Cases a server cannot be asked are listed by name with the reason; there are no others. */
#include <math.h>

#include "base/cbor.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "unit.h"
#include "wire/codec.h"
#include "wire/route.h"
#include "wire/vectors.h"
#include "wire/xml.h"

/* ---- a structure as JSON by the model's names, and back ---- */

static void print_value(struct buf *b, const struct shape *shape, const void *target);

static void print_scalar(struct buf *b, const struct shape *shape, const void *target)
{
    double real;

    switch ((enum kind)shape->kind) {
    case KIND_STRING: json_quote(b, *(const struct str *)target); break;
    case KIND_DOCUMENT: buf_str(b, *(const struct str *)target); break;
    case KIND_BLOB:
        buf_char(b, '"');
        base64_add(b, ((const struct str *)target)->p, ((const struct str *)target)->n);
        buf_char(b, '"');
        break;
    case KIND_INT: buf_i64(b, ((const struct opt_int *)target)->v); break;
    case KIND_REAL:
        real = ((const struct opt_real *)target)->v;
        buf_printf(b,
                   isnan(real)   ? "\"NaN\""
                   : isinf(real) ? (real > 0 ? "\"Infinity\"" : "\"-Infinity\"")
                                 : "%.17g",
                   real);
        break;
    case KIND_BOOL: buf_z(b, ((const struct opt_bool *)target)->v ? "true" : "false"); break;
    case KIND_TIME: buf_printf(b, "%.3f", (double)((const struct opt_time *)target)->ms / 1000); break;
    case KIND_STRUCT:
    case KIND_LIST:
    case KIND_MAP: abort();
    }
}

static void print_struct(struct buf *b, const struct shape *shape, const void *target)
{
    bool comma = false;

    buf_char(b, '{');
    for (uint32_t i = 0; i < shape->n_members; i++) {
        const void *value = member_value(&shape->members[i], target);
        if (value == NULL)
            continue;
        buf_printf(b, "%s\"%s\":", comma ? "," : "", shape->members[i].name);
        comma = true;
        print_value(b, shape->members[i].shape, value);
    }
    buf_char(b, '}');
}

static void print_value(struct buf *b, const struct shape *shape, const void *target)
{
    const struct any_list *list = target;

    if (shape->kind == KIND_STRUCT) {
        print_struct(b, shape, target);
    } else if (shape->kind == KIND_LIST) {
        buf_char(b, '[');
        for (size_t i = 0; i < list->n; i++) {
            buf_z(b, i > 0 ? "," : "");
            print_value(b, shape->element, list->v + i * element_size(shape->element));
        }
        buf_char(b, ']');
    } else if (shape->kind == KIND_MAP) {
        buf_char(b, '{');
        for (size_t i = 0; i < list->n; i++) {
            const char *entry = list->v + i * entry_size(shape);
            buf_z(b, i > 0 ? "," : "");
            json_quote(b, *(const struct str *)(const void *)entry);
            buf_char(b, ':');
            print_value(b, shape->element, entry + MAP_VALUE_OFFSET);
        }
        buf_char(b, '}');
    } else {
        print_scalar(b, shape, target);
    }
}

static void fill_value(struct arena *a, const struct shape *shape, const struct json *j, void *target);

static double number_of(struct arena *a, const struct json *j)
{
    double v = 0;

    if (j->type == JSON_NUMBER)
        json_f64(j, &v);
    else
        v = strtod(arena_z(a, j->raw), NULL); /* "NaN", "-Infinity" */
    return v;
}

static void fill_scalar(struct arena *a, const struct shape *shape, const struct json *j, void *target)
{
    int64_t n = 0;

    switch ((enum kind)shape->kind) {
    case KIND_STRING: *(struct str *)target = json_text(a, j); break;
    case KIND_DOCUMENT:
        *(struct str *)target = j->type == JSON_STRING ? str_make(j->raw.p - 1, j->raw.n + 2) : j->raw;
        break;
    case KIND_BLOB:
        if (base64_decode(a, json_text(a, j), target) != 0)
            abort();
        break;
    case KIND_INT:
        json_i64(j, &n);
        *(struct opt_int *)target = INT_SET(n);
        break;
    case KIND_REAL: *(struct opt_real *)target = REAL_SET(number_of(a, j)); break;
    case KIND_BOOL: *(struct opt_bool *)target = BOOL_SET(j->type == JSON_TRUE); break;
    case KIND_TIME: *(struct opt_time *)target = TIME_SET(llround(number_of(a, j) * 1000)); break;
    case KIND_STRUCT:
    case KIND_LIST:
    case KIND_MAP: abort();
    }
}

static void fill_struct(struct arena *a, const struct shape *shape, const struct json *j, void *target)
{
    JSON_EACH(j, child) {
        const struct member *m = member_named(shape, child->key);
        if (m != NULL)
            fill_value(a, m->shape, child, member_target(a, m, target));
    }
}

static void fill_value(struct arena *a, const struct shape *shape, const struct json *j, void *target)
{
    struct any_list *list = target;
    size_t i = 0;

    if (shape->kind == KIND_STRUCT) {
        fill_struct(a, shape, j, target);
    } else if (shape->kind == KIND_LIST || shape->kind == KIND_MAP) {
        bool map = shape->kind == KIND_MAP;
        size_t size = map ? entry_size(shape) : element_size(shape->element);
        *list = (struct any_list){ true, j->n, arena_calloc(a, j->n + 1, size) };
        JSON_EACH(j, child) {
            char *item = list->v + size * i++;
            if (map)
                *(struct str *)(void *)item = json_key(a, child);
            fill_value(a, shape->element, child, item + (map ? MAP_VALUE_OFFSET : 0));
        }
    } else {
        fill_scalar(a, shape, j, target);
    }
}

/* ---- comparing ---- */

static bool same_json(struct arena *a, const struct json *x, const struct json *y);

static bool same_members(struct arena *a, const struct json *x, const struct json *y)
{
    JSON_EACH(x, child) {
        const struct json *other = json_get(y, json_key(a, child));
        if (other == NULL || !same_json(a, child, other))
            return false;
    }
    return true;
}

static bool same_json(struct arena *a, const struct json *x, const struct json *y)
{
    double v, w;

    if (x->type != y->type)
        return false;
    switch (x->type) {
    case JSON_NUMBER:
        if (str_eq(x->raw, y->raw))
            return true;
        return json_f64(x, &v) == 0 && json_f64(y, &w) == 0 && fabs(v - w) <= 1e-9 * fmax(fabs(v), 1);
    case JSON_STRING: return str_eq(json_text(a, x), json_text(a, y));
    case JSON_OBJECT: return x->n == y->n && same_members(a, x, y);
    case JSON_ARRAY:
        for (const struct json *p = x->first, *q = y->first; p != NULL || q != NULL; p = p->next, q = q->next)
            if (p == NULL || q == NULL || !same_json(a, p, q))
                return false;
        return true;
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE: return true;
    }
    return false;
}

static bool same_json_text(struct arena *a, struct str x, struct str y)
{
    struct json *p, *q;

    if (json_parse(a, x, &p, NULL) != 0 || json_parse(a, y, &q, NULL) != 0)
        return false;
    return same_json(a, p, q);
}

/* XML cut down to what counts: elements and text, no attributes, no declaration, children by name (equal
 * names keep their order); the metadata every reply of ours has and no vector shows is left out. */
struct element {
    struct str name, text;
    struct element *first, *next;
};

static struct element *parse_element(struct arena *a, struct str *s);

static struct str blank_free(struct str s)
{
    while (s.n > 0 && strchr(" \n\r\t", s.p[0]) != NULL)
        s = str_sub(s, 1, s.n);
    while (s.n > 0 && strchr(" \n\r\t", s.p[s.n - 1]) != NULL)
        s = str_sub(s, 0, s.n - 1);
    return s;
}

static void insert_by_name(struct element *parent, struct element *child)
{
    struct element **at = &parent->first;

    if (str_is(child->name, "ResponseMetadata") ||
        (str_is(parent->name, "ErrorResponse") && str_is(child->name, "RequestId")))
        return;
    while (*at != NULL && str_cmp((*at)->name, child->name) <= 0)
        at = &(*at)->next;
    child->next = *at;
    *at = child;
}

static void parse_content(struct arena *a, struct str *s, struct element *e)
{
    while (s->n > 0) {
        ptrdiff_t open = str_find(*s, '<');
        struct str text = blank_free(str_sub(*s, 0, open < 0 ? s->n : (size_t)open));
        if (text.n > 0)
            e->text = text;
        *s = str_sub(*s, open < 0 ? s->n : (size_t)open, s->n);
        if (str_starts(*s, STR("</"))) {
            *s = str_sub(*s, (size_t)str_find(*s, '>') + 1, s->n);
            return;
        }
        struct element *child = parse_element(a, s);
        if (child == NULL)
            return;
        insert_by_name(e, child);
    }
}

static struct element *parse_element(struct arena *a, struct str *s)
{
    ptrdiff_t close = str_find(*s, '>');

    if (close < 0)
        return NULL;
    struct str tag = str_sub(*s, 1, (size_t)close);
    struct element *e = ARENA_NEW(a, struct element);
    bool alone = str_ends(tag, STR("/"));
    *s = str_sub(*s, (size_t)close + 1, s->n);
    tag = alone ? str_sub(tag, 0, tag.n - 1) : tag;
    str_cut(&tag, ' ', &e->name);
    e->text = STR("");
    if (!alone)
        parse_content(a, s, e);
    return e;
}

static bool same_xml(const struct element *x, const struct element *y)
{
    if (x == NULL || y == NULL)
        return x == y;
    if (!str_eq(x->name, y->name) || !str_eq(x->text, y->text))
        return false;
    const struct element *p = x->first, *q = y->first;
    for (; p != NULL && q != NULL; p = p->next, q = q->next)
        if (!same_xml(p, q))
            return false;
    return p == q;
}

static bool same_xml_text(struct arena *a, struct str x, struct str y)
{
    x = blank_free(x);
    y = blank_free(y);
    return same_xml(parse_element(a, &x), parse_element(a, &y));
}

/* rest-xml: documents as wire/xml.h reads them, children and attributes by name, text of leaves exactly.  The
 * id of a request is ours. */
static const struct xml *nth_named(const struct xml *parent, struct str name, size_t n)
{
    XML_EACH(parent, child)
    if (str_eq(child->name, name) && n-- == 0)
        return child;
    return NULL;
}

static bool same_attributes(const struct xml_attribute *x, const struct xml_attribute *y)
{
    for (; x != NULL && y != NULL; x = x->next, y = y->next)
        if (!str_eq(x->name, y->name) || !str_eq(x->value, y->value))
            return false;
    return x == y;
}

static bool same_document(const struct xml *x, const struct xml *y)
{
    if (x == NULL || y == NULL || !str_eq(x->name, y->name) || x->n != y->n ||
        !same_attributes(x->attributes, y->attributes))
        return false;
    if (str_is(x->name, "RequestId"))
        return true;
    if (x->n == 0)
        return str_eq(x->text, y->text);
    XML_EACH(x, child)
    {
        size_t before = 0;
        XML_EACH(x, other)
        {
            if (other == child)
                break;
            before += str_eq(other->name, child->name);
        }
        if (!same_document(child, nth_named(y, child->name, before)))
            return false;
    }
    return true;
}

static bool same_document_text(struct arena *a, struct str x, struct str y)
{
    struct xml *p, *q;

    if (str_empty(x) || str_empty(y))
        return x.n == y.n;
    y = blank_free(y); /* a declaration must stand first */
    return xml_parse(a, x, &p) == 0 && xml_parse(a, y, &q) == 0 && same_document(p, q);
}

/* CBOR: both bodies as JSON, a tag as {"tag": value}. */
static void cbor_json(struct arena *a, struct cbor_reader *r, const struct cbor_item *item, struct buf *b)
{
    struct cbor_item inner;

    switch (item->kind) {
    case CBOR_INT: buf_i64(b, item->i); break;
    case CBOR_REAL:
        buf_printf(b,
                   isnan(item->real)   ? "\"NaN\""
                   : isinf(item->real) ? (item->real > 0 ? "\"inf\"" : "\"-inf\"")
                                       : "%.17g",
                   item->real);
        break;
    case CBOR_TEXT: json_quote(b, item->s); break;
    case CBOR_BYTES:
        buf_z(b, "\"bytes ");
        base64_add(b, item->s.p, item->s.n);
        buf_char(b, '"');
        break;
    case CBOR_BOOL: buf_z(b, item->yes ? "true" : "false"); break;
    case CBOR_NULL: buf_z(b, "null"); break;
    case CBOR_TAG:
        buf_printf(b, "{\"tag %lld\":", (long long)item->i);
        if (cbor_next(r, a, &inner) == 0)
            cbor_json(a, r, &inner, b);
        buf_char(b, '}');
        break;
    case CBOR_MAP:
    case CBOR_ARRAY:
        buf_char(b, item->kind == CBOR_MAP ? '{' : '[');
        for (size_t i = 0, n = item->kind == CBOR_MAP ? item->n * 2 : item->n; item->indefinite || i < n;
             i++) {
            if (cbor_next(r, a, &inner) != 0 || inner.kind == CBOR_BREAK)
                break;
            buf_z(b, i == 0 ? "" : item->kind == CBOR_MAP && i % 2 == 1 ? ":" : ",");
            cbor_json(a, r, &inner, b);
        }
        buf_char(b, item->kind == CBOR_MAP ? '}' : ']');
        break;
    case CBOR_BREAK:
    case CBOR_OTHER: buf_z(b, "?"); break;
    }
}

static struct str cbor_text_of(struct arena *a, struct str body)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct cbor_reader r = { body };
    struct cbor_item item;

    if (cbor_next(&r, a, &item) == 0)
        cbor_json(a, &r, &item, &b);
    return buf_to_arena(&b, a);
}

static bool same_cbor(struct arena *a, struct str x, struct str y)
{
    if (str_empty(x) || str_empty(y))
        return x.n == y.n;
    return same_json_text(a, cbor_text_of(a, x), cbor_text_of(a, y));
}

/* ---- input ---- */

static struct str vector_header(const void *ctx, const char *name)
{
    const struct vector *v = ctx;

    for (size_t i = 0; v->headers[i].name != NULL; i++)
        if (str_eq_nocase(str_of(v->headers[i].name), str_of(name)))
            return str_of(v->headers[i].value);
    return STR_NONE;
}

static bool next_vector_header(const void *ctx, size_t *at, struct str *ret_name, struct str *ret_value)
{
    const struct vector *v = ctx;

    if (v->headers[*at].name == NULL)
        return false;
    *ret_name = str_of(v->headers[*at].name);
    *ret_value = str_of(v->headers[*at].value);
    (*at)++;
    return true;
}

static enum protocol protocol_of(const struct service_model *service)
{
    int p = 0;

    while (!service->protocols[p])
        p++;
    return (enum protocol)p;
}

/* The whole way of a request; the path of a host with a path of its own is no path of ours, and two vectors
 * leave out the target. */
static void check_route(struct arena *a, const struct vector *v, const struct request_parts *parts)
{
    struct service service = { .model = v->service };
    const struct service *all[] = { &service };
    struct router *r = router_new(all, 1);
    struct route route = { 0 };
    struct fault fault = { 0 };

    if (!str_starts(v->path, STR("/custom")) &&
        (!v->service->protocols[PROTO_JSON] || !str_absent(vector_header(v, "X-Amz-Target")))) {
        EXPECT_INT(router_find(r, a, v->method, parts, &route, &fault), 0);
        EXPECT(route.op == v->op);
        EXPECT_INT(route.protocol, protocol_of(v->service));
    }
    router_free(r);
}

static void check_input(struct arena *a, const struct vector *v)
{
    CLEANUP(buf_done) struct buf got = { 0 };
    struct request_parts parts = { .path = v->path,
                                   .query = v->query,
                                   .body = v->body,
                                   .ctx = v,
                                   .header = vector_header,
                                   .next_header = next_vector_header };
    struct fault fault = { 0 };
    void *input = NULL;

    parts.content_type = vector_header(v, "Content-Type");
    check_route(a, v, &parts);
    int e = shape_decode(a, v->service, v->op, protocol_of(v->service), &parts, &input, &fault);
    EXPECT_INT(e, 0);
    if (e != 0) {
        printf("    %s: " STR_FMT "\n", v->id, STR_ARG(fault.message));
        return;
    }
    if (v->op->input == NULL) {
        EXPECT(input == NULL);
        return;
    }
    print_value(&got, v->op->input, input);
    if (!same_json_text(a, buf_view(&got), str_of(v->params)))
        UNIT_FAIL("%s:\n   got  %s\n   want %s", v->id, got.p, v->params);
}

/* ---- output ---- */

static struct str reply_header(struct arena *a, const struct reply *r, struct str name)
{
    struct str rest = buf_view(&r->headers), line;

    if (str_eq_nocase(name, STR("Content-Type")))
        return r->content_type;
    if (str_eq_nocase(name, STR("Content-Length")))
        return arena_printf(a, "%zu", r->body.n);
    while (str_cut(&rest, '\n', &line)) {
        struct str key;
        if (str_cut(&line, ':', &key) && str_eq_nocase(key, name))
            return blank_free(line);
    }
    return STR_NONE;
}

static void check_body(struct arena *a, const struct vector *v, const struct reply *r)
{
    struct str got = buf_view(&r->body);
    bool same;

    if (str_absent(v->body))
        return;
    if (v->service->protocols[PROTO_QUERY])
        same = same_xml_text(a, got, v->body);
    else if (v->service->protocols[PROTO_CBOR])
        same = same_cbor(a, got, v->body);
    else if (str_is(r->content_type, "application/xml"))
        same = same_document_text(a, got, v->body);
    else if (str_empty(v->body) || str_is(r->content_type, "text/plain") ||
             str_is(r->content_type, "application/octet-stream"))
        same = str_eq(got, v->body);
    else
        same = same_json_text(a, got, v->body);
    if (!same)
        UNIT_FAIL("%s:\n   got  " STR_FMT "\n   want " STR_FMT, v->id, STR_ARG(got), STR_ARG(v->body));
}

static void *filled(struct arena *a, const struct shape *shape, const char *params)
{
    struct json *doc = NULL;
    void *value = arena_alloc(a, shape->struct_size);

    if (json_parse(a, str_of(params), &doc, NULL) != 0)
        abort();
    fill_value(a, shape, doc, value);
    return value;
}

/* Members of an error besides its message travel as ready JSON. */
static void encode_error(struct arena *a, const struct vector *v, enum protocol protocol, struct str id,
                         struct reply *ret)
{
    CLEANUP(buf_done) struct buf extra = { 0 };
    struct fault fault = { .row = v->error, .message = str_of(v->message) };

    if (v->message == NULL) {
        shape_json(&extra, v->error->shape, filled(a, v->error->shape, v->params));
        fault.extra_json = str_sub(buf_view(&extra), 1, extra.n - 1);
    }
    fault_encode(a, v->service, protocol, &fault, id, false, ret);
}

static void check_output(struct arena *a, const struct vector *v)
{
    enum protocol protocol = protocol_of(v->service);
    struct reply reply;
    struct str id = str_of("amazon-uniq-request-id");

    if (v->error != NULL)
        encode_error(a, v, protocol, id, &reply);
    else
        shape_encode(a, v->service, v->op, protocol,
                     v->op->output == NULL ? NULL : filled(a, v->op->output, v->params), id, &reply);
    EXPECT_INT(reply.status, v->status);
    for (size_t i = 0; v->headers[i].name != NULL; i++) {
        struct str got = reply_header(a, &reply, str_of(v->headers[i].name));
        if (!str_is(got, v->headers[i].value))
            UNIT_FAIL("%s: %s: got '" STR_FMT "', want '%s'", v->id, v->headers[i].name, STR_ARG(got),
                      v->headers[i].value);
    }
    EXPECT(!str_absent(reply_header(a, &reply, STR("x-amzn-RequestId"))));
    check_body(a, v, &reply);
    buf_done(&reply.headers);
    buf_done(&reply.body);
}

/* ---- running ---- */

static int total_passed, total_failed, total_skipped;

static void run(const char *name, const struct vector *v,
                void (*check)(struct arena *, const struct vector *))
{
    int passed = 0, failed = 0, skipped = 0;

    for (; v->id != NULL; v++) {
        struct arena *a = arena_new(0);
        int before = unit_bad;
        if (v->skipped == NULL) {
            check(a, v);
            if (unit_bad > before)
                printf("FAILED %s %s\n", name, v->id);
            unit_bad > before ? failed++ : passed++;
        } else {
            printf("not asked: %s %s: %s\n", name, v->id, v->skipped);
            skipped++;
        }
        arena_free(a);
    }
    printf("%s: %d passed, %d failed, %d not asked\n", name, passed, failed, skipped);
    total_passed += passed;
    total_failed += failed;
    total_skipped += skipped;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)unit_last; /* no TESTs here: the tables are the tests */
    if (vectors_input_rest_json[0].id == NULL) {
        printf("skipped: the protocol test vectors are not here (WAYBILL_SHARED, or -Dshared=DIR)\n");
        return 77;
    }
    run("input rest-json", vectors_input_rest_json, check_input);
    run("input json", vectors_input_json, check_input);
    run("input json_1_0", vectors_input_json_1_0, check_input);
    run("input json_1_0-query-compatible", vectors_input_json_1_0_query_compatible, check_input);
    run("input query", vectors_input_query, check_input);
    run("input rest-xml", vectors_input_rest_xml, check_input);
    run("input rpc-v2-cbor", vectors_input_smithy_rpc_v2_cbor, check_input);
    run("input rpc-v2-cbor-query-compatible", vectors_input_smithy_rpc_v2_cbor_query_compatible, check_input);
    run("input rpc-v2-cbor-non-query-compatible", vectors_input_smithy_rpc_v2_cbor_non_query_compatible,
        check_input);
    run("output rest-json", vectors_output_rest_json, check_output);
    run("output json", vectors_output_json, check_output);
    run("output json_1_0", vectors_output_json_1_0, check_output);
    run("output json_1_0-query-compatible", vectors_output_json_1_0_query_compatible, check_output);
    run("output query", vectors_output_query, check_output);
    run("output rest-xml", vectors_output_rest_xml, check_output);
    run("output rpc-v2-cbor", vectors_output_smithy_rpc_v2_cbor, check_output);
    run("output rpc-v2-cbor-query-compatible", vectors_output_smithy_rpc_v2_cbor_query_compatible,
        check_output);
    printf("%d passed, %d failed, %d not asked\n", total_passed, total_failed, total_skipped);
    return total_failed > 0;
}
