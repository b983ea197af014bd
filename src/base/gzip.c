/* gzip.c - zlib's work on gzip's frame.
 *
 * True here: the output grows by doubling up to the limit, so what is allocated is never far from what came
 * out. */
#include <zlib.h>

#include "base/gzip.h"

static int inflate_all(z_stream *z, size_t max_bytes, struct buf *out)
{
    int r;

    do {
        size_t room = MIN(MAX(out->n, (size_t)4096), max_bytes + 1 - out->n);
        buf_reserve(out, room);
        z->next_out = (Bytef *)out->p + out->n;
        z->avail_out = (uInt)room;
        r = inflate(z, Z_NO_FLUSH);
        out->n += room - z->avail_out;
        if (out->n > max_bytes)
            return -E_LIMIT;
    } while (r == Z_OK);
    if (r == Z_STREAM_END)
        return z->avail_in == 0 ? 0 : -E_INVALID;
    return r == Z_BUF_ERROR ? -E_TRUNCATED : -E_INVALID;
}

int gunzip(struct arena *a, struct str packed, size_t max_bytes, struct str *ret)
{
    CLEANUP(buf_done) struct buf out = { 0 };
    z_stream z = { .next_in = (Bytef *)(uintptr_t)packed.p, .avail_in = (uInt)packed.n };
    int e;

    CHECK(max_bytes < UINT32_MAX / 2);
    if (packed.n > UINT32_MAX)
        return -E_LIMIT;
    if (inflateInit2(&z, 15 + 16) != Z_OK) /* 16: gzip's frame and no other */
        return -E_NOMEM;
    e = inflate_all(&z, max_bytes, &out);
    inflateEnd(&z);
    if (e == 0)
        *ret = buf_to_arena(&out, a);
    return e;
}
