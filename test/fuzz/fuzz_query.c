/* fuzz_query.c - requests of any bytes through router, decoder, checker and encoders, for the real models.
 *
 * Input: lines "METHOD TARGET", "Name: value"..., an empty line, the body.  A body without such a head is
 * taken as a form to POST to /.  Whatever comes, the answer is an operation or a fault, and what was decoded
 * can be printed again and read back. */
#include "model/cloudwatch.h"
#include "model/iam.h"
#include "model/lambda.h"
#include "model/logs.h"
#include "model/s3.h"
#include "model/sqs.h"
#include "model/sts.h"
#include "wire/route.h"

struct text_headers {
    struct str text;
};

static bool next_line_header(const void *ctx, size_t *at, struct str *ret_name, struct str *ret_value)
{
    struct str rest = str_sub(((const struct text_headers *)ctx)->text, *at,
                              ((const struct text_headers *)ctx)->text.n),
               line;

    if (str_empty(rest) || !str_cut(&rest, '\n', &line))
        return false;
    *at += line.n + 1;
    str_cut(&line, ':', ret_name);
    *ret_value = str_absent(line) ? STR("") : str_trim(line);
    return true;
}

static struct str line_header(const void *ctx, const char *name)
{
    struct str key, value, found = STR_NONE;

    for (size_t at = 0; next_line_header(ctx, &at, &key, &value);)
        if (str_eq_nocase(key, str_of(name)))
            found = value;
    return found;
}

static void answer(struct arena *a, const struct route *route, const struct fault *fault)
{
    struct reply reply;

    CHECK(fault->row != NULL);
    fault_encode(a, route->service, route->protocol, fault, STR("id"), true, &reply);
    CHECK(reply.status >= 400 && reply.body.n > 0);
    buf_done(&reply.headers);
    buf_done(&reply.body);
}

/* What was read can be written, and what was written can be read.  Payloads are no JSON, so they stay out. */
static void print_back(struct arena *a, const struct op *op, const void *input)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    struct fault fault = { 0 };
    struct json *doc;

    if (input == NULL)
        return;
    shape_json(&text, op->input, input);
    if (utf8_check(buf_view(&text)) != text.n)
        return;
    CHECK(json_parse(a, buf_view(&text), &doc, NULL) == 0);
    CHECK(shape_from_json(a, op->input, doc, arena_alloc(a, op->input->struct_size), &fault) == 0);
}

static void request(struct arena *a, const struct router *router, const char *method,
                    const struct request_parts *parts)
{
    struct route route = { 0 };
    struct fault fault = { 0 };
    void *input = NULL;

    int e = router_find(router, a, method, parts, &route, &fault);
    struct request_parts named = *parts;

    if (!str_absent(route.path))
        named.path = route.path;
    if (e != 0 || shape_decode(a, route.service, route.op, route.protocol, &named, &input, &fault) != 0) {
        answer(a, &route, &fault);
        return;
    }
    if (shape_validate(a, route.op, input, &fault) != 0)
        answer(a, &route, &fault);
    print_back(a, route.op, input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct service services[] = { { .model = &lambda_model },    { .model = &sqs_model },
                                               { .model = &iam_model },       { .model = &sts_model },
                                               { .model = &logs_model },      { .model = &s3_model },
                                               { .model = &cloudwatch_model } };
    static struct router *router;
    struct str text = str_make((const char *)data, size), method = STR("POST"), target = STR("/"), head, path;
    ptrdiff_t blank = str_find_str(text, STR("\n\n"));
    struct text_headers headers = { STR("content-type: application/x-www-form-urlencoded\n") };

    if (size == 0)
        return 0;
    if (router == NULL) {
        const struct service *all[ARRAY_LEN(services)];
        for (size_t i = 0; i < ARRAY_LEN(services); i++)
            all[i] = &services[i];
        router = router_new(all, ARRAY_LEN(all));
    }
    if (blank > 0) {
        headers.text = str_sub(text, 0, (size_t)blank + 1);
        text = str_sub(text, (size_t)blank + 2, size);
        str_cut(&headers.text, '\n', &head);
        target = head;
        str_cut(&target, ' ', &method);
        target = str_absent(target) ? STR("/") : target;
    }
    struct arena *a = arena_new((size_t)64 << 20);
    str_cut(&target, '?', &path);
    struct request_parts parts = { .path = path,
                                   .query = str_absent(target) ? STR("") : target,
                                   .body = text,
                                   .header = line_header,
                                   .next_header = next_line_header,
                                   .ctx = &headers };
    parts.content_type = line_header(&headers, "Content-Type");
    request(a, router, arena_z(a, method), &parts);
    arena_free(a);
    return 0;
}
