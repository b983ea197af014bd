/* fuzz_http.c - whatever the bytes: the parser gives the same requests and the same refusal whether it gets
 * them at once, one by one, or cut by chance, and it gives back every byte of body memory.
 *
 * The first two input bytes seed the cuts and choose small limits, so that those are reached, too. */
#include "../net/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t cut_by_chance(void *arg, size_t left)
{
    uint32_t *seed = arg;

    *seed = *seed * 1664525u + 1013904223u;
    return 1 + (*seed >> 16) % MIN(left, (size_t)40);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf CLEANUP(buf_done) whole = { 0 }, ones = { 0 }, cut = { 0 };
    struct server_limits limits = server_default_limits;
    struct str bytes;
    uint32_t seed;

    if (size < 2)
        return 0;
    bytes = str_make((const char *)data + 2, size - 2);
    seed = data[0];
    if (data[1] & 1)
        limits.header_bytes = 64 + data[1];
    if (data[1] & 2)
        limits.body_bytes = 16;
    transcript(bytes, &limits, cut_all, NULL, &whole);
    transcript(bytes, &limits, cut_ones, NULL, &ones);
    transcript(bytes, &limits, cut_by_chance, &seed, &cut);
    CHECK(str_eq(buf_view(&whole), buf_view(&ones)));
    CHECK(str_eq(buf_view(&whole), buf_view(&cut)));
    return 0;
}
