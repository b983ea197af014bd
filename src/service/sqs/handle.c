/* handle.c - the bytes of a receipt handle, big-endian, check value last. */
#include "service/sqs/handle.h"

#include "base/crypt.h"

#define HANDLE_VERSION 1
#define HANDLE_BYTES 24
#define CHECK_AT (HANDLE_BYTES - 4)
#define TEXT_CHARS 32

static void put(uint8_t *p, size_t n, uint64_t v)
{
    for (size_t i = n; i-- > 0; v >>= 8)
        p[i] = (uint8_t)(v & 0xff);
    CHECK(v == 0); /* nothing was cut off */
}

static uint64_t get(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static uint32_t check_of(const uint8_t *p) { return crc32_of(str_make((const char *)p, CHECK_AT)); }

struct str sqs_handle_text(struct arena *a, const struct sqs_handle *h)
{
    uint8_t b[HANDLE_BYTES] = { HANDLE_VERSION };

    CHECK(h->queue_id >> 48 == 0 && h->message_id >> 48 == 0); /* six bytes each */
    put(b + 1, 6, h->queue_id);
    put(b + 7, 6, h->message_id);
    put(b + 13, 4, h->receive);
    put(b + CHECK_AT, 4, check_of(b));
    return base64_str(a, str_make((const char *)b, sizeof(b)));
}

int sqs_handle_parse(struct arena *a, struct str text, struct sqs_handle *ret)
{
    struct str bytes;
    const uint8_t *b;

    if (text.n != TEXT_CHARS || base64_decode(a, text, &bytes) != 0 || bytes.n != HANDLE_BYTES)
        return -E_INVALID;
    b = (const uint8_t *)bytes.p;
    if (b[0] != HANDLE_VERSION || get(b + CHECK_AT, 4) != check_of(b))
        return -E_INVALID;
    ret->queue_id = get(b + 1, 6);
    ret->message_id = get(b + 7, 6);
    ret->receive = (uint32_t)get(b + 13, 4);
    return 0;
}
