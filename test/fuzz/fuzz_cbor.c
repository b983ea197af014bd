/* fuzz_cbor.c - bodies of any bytes as CloudWatch's operations in rpc-v2-cbor.
 *
 * Input: one byte that picks the operation, then the body.  What was read can be written, and what was
 * written reads the same: written once more it gives the same bytes. */
#include "base/cbor.h"
#include "model/cloudwatch.h"
#include "wire/codec.h"

static void *read_back(struct arena *a, const struct op *op, struct str body)
{
    struct request_parts parts = { .path = STR("/"), .query = STR(""), .body = body };
    struct fault fault = { 0 };
    void *input = NULL;

    if (shape_decode(a, &cloudwatch_model, op, PROTO_CBOR, &parts, &input, &fault) != 0) {
        CHECK(fault.row != NULL && fault.row->status == 400);
        return NULL;
    }
    return input;
}

/* Any item that can be read can be passed over, or is refused. */
static void pass_over(struct arena *a, struct str body)
{
    struct cbor_reader r = { body };
    struct cbor_item item;

    while (cbor_next(&r, a, &item) == 0 && cbor_skip(&r, a, &item) == 0)
        CHECK(r.left.n < body.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_done) struct buf once = { 0 }, twice = { 0 };

    if (size == 0)
        return 0;
    const struct op *op = &cloudwatch_model.ops[data[0] % cloudwatch_model.n_ops];
    struct arena *a = arena_new((size_t)64 << 20);
    struct str body = str_make((const char *)data + 1, size - 1);
    pass_over(a, body);
    void *input = op->input != NULL ? read_back(a, op, body) : NULL;
    if (input != NULL) {
        encode_cbor(&once, op->input, input);
        input = read_back(a, op, buf_view(&once));
        CHECK(input != NULL);
        encode_cbor(&twice, op->input, input);
        CHECK(str_eq(buf_view(&once), buf_view(&twice)));
    }
    arena_free(a);
    return 0;
}
