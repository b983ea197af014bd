/* aws_chunked.c - the chunks of a body move together, its trailers become headers.
 *
 * True here: what was decoded always ends before what is still to be read, so data is moved forward only and
 * trailers, which come last, are never written over. */
#include "net/exchange.h"
#include "wire/aws_chunked.h"
#include "wire/codec.h"

/* ---- framing ---- */

struct scan {
    const char *p;
    size_t at, n;
};

/* The line up to CRLF, without it. */
static int take_line(struct scan *s, struct str *ret)
{
    size_t end = MIN(s->n - s->at, (size_t)AWS_CHUNKED_MAX_LINE);
    const char *lf = end > 0 ? memchr(s->p + s->at, '\n', end) : NULL;

    if (lf == NULL)
        return end == AWS_CHUNKED_MAX_LINE ? -E_LIMIT : -E_TRUNCATED;
    *ret = str_make(s->p + s->at, (size_t)(lf - s->p) - s->at);
    s->at = (size_t)(lf - s->p) + 1;
    if (!str_ends(*ret, STR("\r")))
        return -E_INVALID;
    ret->n--;
    return 0;
}

static int hex_size(struct str digits, size_t *ret)
{
    *ret = 0;
    if (digits.n == 0 || digits.n > 12)
        return -E_INVALID;
    for (size_t i = 0; i < digits.n; i++) {
        int d = hex_digit(digits.p[i]);

        if (d < 0)
            return -E_INVALID;
        *ret = *ret << 4 | (size_t)d;
    }
    return 0;
}

/* "400;chunk-signature=ab12..." */
static int chunk_line(struct scan *s, size_t *ret_size, struct str *ret_signature)
{
    struct str line, digits, prefix = STR("chunk-signature=");
    int e = take_line(s, &line);

    if (e != 0)
        return e == -E_LIMIT ? -E_INVALID : e;
    str_cut(&line, ';', &digits);
    if (!str_absent(line) && !str_starts(line, prefix))
        return -E_INVALID;
    *ret_signature = str_absent(line) ? STR_NONE : str_sub(line, prefix.n, line.n);
    return hex_size(digits, ret_size);
}

int aws_chunked_next(struct str body, size_t *at, struct aws_chunk *ret)
{
    struct scan s = { body.p, *at, body.n };
    size_t size;
    int e = chunk_line(&s, &size, &ret->signature);

    if (e != 0)
        return e;
    ret->data = str_make(body.p + s.at, size);
    if (size > 0) {
        if (size > s.n - s.at || s.n - s.at - size < 2)
            return -E_TRUNCATED;
        if (memcmp(s.p + s.at + size, "\r\n", 2) != 0)
            return -E_INVALID;
        s.at += size + 2;
    }
    *at = s.at;
    return 0;
}

/* Nothing may follow the empty line; some clients leave the line out. */
static int read_trailers(struct scan *s, struct aws_chunked *to)
{
    struct str line, name;
    int e;

    while (s->at < s->n) {
        e = take_line(s, &line);
        if (e != 0)
            return e;
        if (str_empty(line))
            break;
        str_cut(&line, ':', &name);
        if (str_absent(line) || str_empty(name))
            return -E_INVALID;
        if (to->n_trailers == AWS_CHUNKED_MAX_TRAILERS)
            return -E_LIMIT;
        to->trailers[to->n_trailers].name = name;
        to->trailers[to->n_trailers++].value = str_trim(line);
    }
    return s->at == s->n ? 0 : -E_INVALID;
}

int aws_chunked_decode(char *p, size_t n, struct aws_chunked *ret)
{
    struct scan s = { p, 0, n };
    struct aws_chunk c;

    *ret = (struct aws_chunked){ 0 };
    do {
        int e = aws_chunked_next(str_make(p, n), &s.at, &c);

        if (e != 0)
            return e;
        memmove(p + ret->n, c.data.p, c.data.n);
        ret->n += c.data.n;
    } while (c.data.n > 0);
    return read_trailers(&s, ret);
}

/* ---- a request ---- */

static const struct error_row incomplete_body = {
    .name = "IncompleteBody", .status = 400, .sender = true, .message_member = "Message"
};
static const struct error_row bad_chunk = {
    .name = "InvalidChunkSizeError", .status = 400, .sender = true, .message_member = "Message"
};
static const struct error_row bad_trailer = {
    .name = "MalformedTrailerError", .status = 400, .sender = true, .message_member = "Message"
};
static const struct error_row no_length = {
    .name = "MissingContentLength", .status = 411, .sender = true, .message_member = "Message"
};

static int incomplete(struct arena *a, struct fault *f)
{
    return fault_set(a, f, &incomplete_body,
                     "You did not provide the number of bytes specified by the Content-Length HTTP header");
}

static int malformed_trailer(struct arena *a, struct fault *f)
{
    return fault_set(a, f, &bad_trailer,
                     "The request contained trailing data that was not well-formed or did not conform to our "
                     "published schema.");
}

/* The last of several, as everywhere. */
static struct str header_of(const struct exchange *x, const char *name)
{
    struct str value = STR_NONE;

    for (size_t i = 0; i < x->n_headers; i++)
        if (str_eq_nocase(x->headers[i].name, str_of(name)))
            value = x->headers[i].value;
    return value;
}

static bool lists(struct str list, struct str name)
{
    struct str item;

    while (str_cut(&list, ',', &item))
        if (str_eq_nocase(str_trim(item), name))
            return true;
    return false;
}

static bool has_trailer(const struct aws_chunked *c, struct str name)
{
    for (size_t i = 0; i < c->n_trailers; i++)
        if (str_eq_nocase(c->trailers[i].name, name))
            return true;
    return false;
}

static int check_trailers(struct arena *a, const struct exchange *x, const struct aws_chunked *c,
                          struct fault *f)
{
    struct str announced = header_of(x, "x-amz-trailer"), item;

    for (size_t i = 0; i < c->n_trailers; i++) {
        struct str name = c->trailers[i].name;
        if (str_eq_nocase(name, STR("x-amz-trailer-signature")))
            continue;
        if (!str_starts_nocase(name, STR("x-amz-checksum-")) || !lists(announced, name))
            return malformed_trailer(a, f);
    }
    while (str_cut(&announced, ',', &item))
        if (!str_empty(str_trim(item)) && !has_trailer(c, str_trim(item)))
            return malformed_trailer(a, f);
    return 0;
}

/* "gzip, aws-chunked" -> "gzip"; absent when nothing is left. */
static struct str without_chunked(struct arena *a, struct str codings)
{
    CLEANUP(buf_done) struct buf left = { 0 };
    struct str item;

    while (str_cut(&codings, ',', &item)) {
        item = str_trim(item);
        if (str_empty(item) || str_eq_nocase(item, STR("aws-chunked")))
            continue;
        buf_z(&left, left.n > 0 ? ", " : "");
        buf_str(&left, item);
    }
    return left.n > 0 ? buf_to_arena(&left, a) : STR_NONE;
}

static void rewrite_headers(struct arena *a, struct exchange *x, const struct aws_chunked *c)
{
    struct header *v = arena_calloc(a, x->n_headers + c->n_trailers + 1, sizeof(*v));
    size_t n = 0;

    v[n++] = (struct header){ STR("Content-Length"), arena_printf(a, "%zu", c->n) };
    for (size_t i = 0; i < x->n_headers; i++) {
        struct header h = x->headers[i];
        if (str_eq_nocase(h.name, STR("Content-Encoding")))
            h.value = without_chunked(a, h.value);
        else if (str_eq_nocase(h.name, STR("Content-Length")))
            continue; /* the encoded one, if there was any */
        if (!str_absent(h.value))
            v[n++] = h;
    }
    for (size_t i = 0; i < c->n_trailers; i++)
        v[n++] = (struct header){ c->trailers[i].name, c->trailers[i].value };
    x->headers = v;
    x->n_headers = n;
}

int aws_chunked_open(struct arena *a, struct exchange *x, struct fault *ret_fault)
{
    struct str length = header_of(x, "x-amz-decoded-content-length");
    struct aws_chunked c;
    uint64_t wanted;
    int e;

    if (!str_starts(header_of(x, "x-amz-content-sha256"), STR("STREAMING-")))
        return 0;
    if (str_to_u64(length, &wanted) != 0)
        return fault_set(a, ret_fault, &no_length, "You must provide the Content-Length HTTP header.");
    /* The bytes are the exchange's own, and this is the one who unwraps them. */
    e = aws_chunked_decode((char *)(uintptr_t)x->body.p, x->body.n, &c);
    if (e == -E_LIMIT)
        return malformed_trailer(a, ret_fault);
    if (e == -E_INVALID)
        return fault_set(a, ret_fault, &bad_chunk,
                         "The body is not framed in chunks as x-amz-content-sha256 says.");
    if (e != 0 || c.n != wanted)
        return incomplete(a, ret_fault);
    e = check_trailers(a, x, &c, ret_fault);
    if (e != 0)
        return e;
    x->body = c.n > 0 ? str_make(x->body.p, c.n) : STR("");
    rewrite_headers(a, x, &c);
    return 0;
}
