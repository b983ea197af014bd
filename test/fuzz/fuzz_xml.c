/* fuzz_xml.c - request bodies of any bytes as every XML payload S3 has.
 *
 * Input: one byte that picks the operation, then the body.  Whatever comes, the answer is a structure or
 * MalformedXML; what was read can be written as a reply's payload and that is a document again. */
#include "model/s3.h"
#include "wire/codec.h"
#include "wire/xml.h"

static const struct member *payload_of(const struct op *op)
{
    const struct member *m = op->input != NULL && op->input->payload != NULL
                                 ? member_named(op->input, str_of(op->input->payload))
                                 : NULL;

    return m != NULL && m->shape->kind == KIND_STRUCT ? m : NULL;
}

static const struct op *pick(uint8_t n)
{
    const struct op *last = NULL;

    for (size_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < s3_model.n_ops; i++)
            if (payload_of(&s3_model.ops[i]) != NULL) {
                last = &s3_model.ops[i];
                if (n-- == 0)
                    return last;
            }
    return last;
}

static void write_back(struct arena *a, const struct op *op, const void *input)
{
    const struct member *m = payload_of(op);
    const void *value = member_value(m, input);
    CLEANUP(buf_done) struct buf text = { 0 };
    struct op reply = { .result_wrapper = m->wire };
    struct xml *doc;

    if (value == NULL)
        return;
    encode_xml(&text, &s3_model, &reply, m->shape, value);
    CHECK(xml_parse(a, buf_view(&text), &doc) != -E_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request_parts parts = { .path = STR("/b/k"), .query = STR("") };
    struct fault fault = { 0 };
    void *input = NULL;

    if (size == 0)
        return 0;
    const struct op *op = pick(data[0]);
    struct arena *a = arena_new((size_t)64 << 20);
    parts.body = str_make((const char *)data + 1, size - 1);
    if (shape_decode(a, &s3_model, op, PROTO_REST_XML, &parts, &input, &fault) == 0)
        write_back(a, op, input);
    else
        CHECK(fault.row != NULL && fault.row->status == 400);
    arena_free(a);
    return 0;
}
