/* fuzz_aws_chunked.c - bodies of any bytes as aws-chunked.
 *
 * What is decoded is no longer than what came, lies at its front, and trailers lie behind it within the body.
 * What was decoded, framed again as one chunk, decodes to itself. */
#include "base/buf.h"
#include "wire/aws_chunked.h"

#include <stdlib.h>

static void check_trailers(const char *p, size_t n, const struct aws_chunked *c)
{
    CHECK(c->n <= n && c->n_trailers <= AWS_CHUNKED_MAX_TRAILERS);
    for (size_t i = 0; i < c->n_trailers; i++) {
        CHECK(c->trailers[i].name.n > 0 && c->trailers[i].name.p >= p + c->n);
        CHECK(c->trailers[i].value.p == NULL || c->trailers[i].value.p + c->trailers[i].value.n <= p + n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_done) struct buf again = { 0 };
    struct aws_chunked c, d;
    char *copy = malloc(size + 1);

    memcpy(copy, data, size);
    if (aws_chunked_decode(copy, size, &c) == 0) {
        check_trailers(copy, size, &c);
        if (c.n > 0)
            buf_printf(&again, "%zx\r\n", c.n);
        buf_add(&again, copy, c.n);
        buf_z(&again, c.n > 0 ? "\r\n0\r\n\r\n" : "0\r\n\r\n");
        CHECK(aws_chunked_decode(again.p, again.n, &d) == 0);
        CHECK(d.n == c.n && memcmp(again.p, copy, c.n) == 0);
    }
    free(copy);
    return 0;
}
