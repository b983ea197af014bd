/* chunk.c - the chunked transfer coding (RFC 9112 7.1), one byte of state machine at a time except for the
 * data.
 *
 *   SIZE --;--> EXTENSION
 *    | CR        | CR
 *    v           v
 *   SIZE_LF -----+--> DATA --> DATA_CR --> DATA_LF --> SIZE
 *    | size 0
 *    v
 *   TRAILER_START --CR--> END_LF --> END
 *    | token ^
 *    v       | LF
 *   TRAILER -CR-> TRAILER_LF
 *
 * Stricter than most: no blanks around the size, no bare LF, at most 15 digits. */
#include "net/http1.h"

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER_START, TRAILER, TRAILER_LF, END_LF, END };
#define MAX_DIGITS 15

static bool is_text(unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); }

static bool is_token(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static enum chunk_event step_size(struct chunk *k, unsigned char c)
{
    int digit = hex_digit(c);

    if (digit >= 0) {
        if (k->digits++ == MAX_DIGITS)
            return CHUNK_BAD;
        k->left = k->left * 16 + (unsigned)digit;
        return CHUNK_MORE;
    }
    if (k->digits == 0 || (c != ';' && c != '\r'))
        return CHUNK_BAD;
    k->state = c == ';' ? EXTENSION : SIZE_LF;
    return CHUNK_MORE;
}

static enum chunk_event step_extension(struct chunk *k, unsigned char c)
{
    if (c == '\r')
        k->state = SIZE_LF;
    else if (!is_text(c))
        return CHUNK_BAD;
    else if (++k->extension_bytes > CHUNK_MAX_EXTENSION_BYTES)
        return CHUNK_TOO_LONG;
    return CHUNK_MORE;
}

static enum chunk_event step_trailer_start(struct chunk *k, unsigned char c)
{
    if (c == '\r') {
        k->state = END_LF;
        return CHUNK_MORE;
    }
    if (!is_token(c))
        return CHUNK_BAD;
    k->state = TRAILER;
    k->named = false;
    return CHUNK_MORE;
}

static enum chunk_event step_trailer(struct chunk *k, unsigned char c)
{
    if (++k->trailer_bytes > CHUNK_MAX_TRAILER_BYTES)
        return CHUNK_TOO_LONG;
    if (c == '\r' && k->named)
        k->state = TRAILER_LF;
    else if (c == ':')
        k->named = true;
    else if (k->named ? !is_text(c) : !is_token(c))
        return CHUNK_BAD;
    return CHUNK_MORE;
}

static enum chunk_event expect(struct chunk *k, unsigned char c, unsigned char want, uint8_t next)
{
    if (c != want)
        return CHUNK_BAD;
    k->state = next;
    return CHUNK_MORE;
}

static enum chunk_event step(struct chunk *k, unsigned char c)
{
    switch (k->state) {
    case SIZE: return step_size(k, c);
    case EXTENSION: return step_extension(k, c);
    case SIZE_LF: return expect(k, c, '\n', k->left > 0 ? DATA : TRAILER_START);
    case DATA_CR: return expect(k, c, '\r', DATA_LF);
    case DATA_LF: k->digits = 0; return expect(k, c, '\n', SIZE);
    case TRAILER_START: return step_trailer_start(k, c);
    case TRAILER: return step_trailer(k, c);
    case TRAILER_LF: return expect(k, c, '\n', TRAILER_START);
    default: CHECK(k->state == END_LF); return expect(k, c, '\n', END);
    }
}

static struct str take_data(struct chunk *k, struct str *bytes)
{
    struct str data = { bytes->p, (size_t)MIN((uint64_t)bytes->n, k->left) };

    k->left -= data.n;
    if (k->left == 0)
        k->state = DATA_CR;
    *bytes = str_make(bytes->p + data.n, bytes->n - data.n);
    return data;
}

enum chunk_event chunk_next(struct chunk *k, struct str *bytes, struct str *ret_data)
{
    while (bytes->n > 0) {
        enum chunk_event event;

        if (k->state == DATA) {
            *ret_data = take_data(k, bytes);
            return CHUNK_DATA;
        }
        event = step(k, (unsigned char)*bytes->p);
        if (event != CHUNK_MORE)
            return event;
        bytes->p++, bytes->n--;
        if (k->state == END)
            return CHUNK_END;
    }
    return CHUNK_MORE;
}
