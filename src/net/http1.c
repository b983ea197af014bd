/* http1.c - from bytes to requests; see http1.h.
 *
 *   IN_HEAD --head whole--> IN_LENGTH or IN_CHUNKS --last byte--> COMPLETE --told--> IN_HEAD or STOPPED
 *      |  \--no body--------------------------------------------> COMPLETE
 *      \--refused (from anywhere)--> STOPPED: later bytes are taken and thrown away */
#include "net/http1.h"

void http1_init(struct http1 *h, const struct server_limits *limits, size_t *held)
{
    *h = (struct http1){ .state = HTTP1_IN_HEAD, .limits = limits, .held = held };
}

void http1_done(struct http1 *h) { buf_done(&h->in); }

void http1_stop(struct http1 *h)
{
    h->state = HTTP1_STOPPED;
    h->request = NULL;
    buf_done(&h->in);
}

static void drop(struct str *bytes, size_t n) { *bytes = str_make(bytes->p + n, bytes->n - n); }

static enum http1_event refuse(struct http1 *h, int status, const char *text)
{
    h->refusal = (struct refusal){ status, text };
    h->state = HTTP1_STOPPED;
    buf_done(&h->in);
    return HTTP1_REFUSED;
}

/* ---- the head ---- */

/* A request that never became one still has a method: the reply to a HEAD has no body (RFC 9110 9.3.2), or
 * its client would take it for the next reply. */
static enum http1_event refuse_head(struct http1 *h, struct str head, int status, const char *text)
{
    h->head_only = str_starts(head, STR("HEAD "));
    return refuse(h, status, text);
}

bool http1_head_only(const struct http1 *h)
{
    return h->head_only || str_starts(buf_view(&h->in), STR("HEAD "));
}

static enum http1_event refuse_long_head(struct http1 *h, struct str head)
{
    if (h->scan.lines == 0)
        return refuse_head(h, head, 414, "the request line is too long");
    return refuse_head(h, head, 431, "the request's headers are too long");
}

static enum http1_event begin_request(struct http1 *h, struct str head)
{
    struct request *r = request_new(h->held);
    unsigned lines = h->scan.lines;
    struct refusal why = { 503, "too many requests in work; try again" };

    h->scan = (struct head_scan){ 0 };
    if (request_count_head(r, head.n, h->limits->total_body_bytes) < 0 ||
        head_parse(r, arena_str(r->x.mem, head), lines, &why) < 0) {
        request_free(r);
        return refuse_head(h, head, why.status, why.text);
    }
    h->request = r;
    h->chunk = (struct chunk){ 0 };
    h->state = r->content_length == REQUEST_CHUNKED ? HTTP1_IN_CHUNKS
               : r->content_length > 0              ? HTTP1_IN_LENGTH
                                                    : HTTP1_COMPLETE;
    return HTTP1_HEAD;
}

/* RFC 9112 2.2: empty lines before a request line are passed over. */
static void skip_empty_lines(struct str *bytes)
{
    while (bytes->n >= 2 && bytes->p[0] == '\r' && bytes->p[1] == '\n')
        drop(bytes, 2);
}

/* Nothing gathered yet: the usual case, a head that came in one piece, is parsed where it was read. */
static enum http1_event feed_first(struct http1 *h, struct str *bytes)
{
    const char *why;
    struct str begin;
    ptrdiff_t n;

    skip_empty_lines(bytes);
    begin = str_sub(*bytes, 0, h->limits->header_bytes + 1);
    if (bytes->n == 0)
        return HTTP1_MORE;
    if (bytes->n > 1 && bytes->p[0] == '\r')
        return refuse(h, 400, "CR without LF");
    n = bytes->n == 1 && bytes->p[0] == '\r' ? 0 : head_scan(&h->scan, begin, &why);
    if (n < 0)
        return refuse_head(h, *bytes, 400, why);
    if ((size_t)n > h->limits->header_bytes || (n == 0 && begin.n > h->limits->header_bytes))
        return refuse_long_head(h, *bytes);
    if (n > 0) {
        enum http1_event event = begin_request(h, str_sub(*bytes, 0, (size_t)n));

        drop(bytes, (size_t)n);
        return event;
    }
    buf_str(&h->in, *bytes);
    drop(bytes, bytes->n);
    return HTTP1_MORE;
}

static enum http1_event feed_more(struct http1 *h, struct str *bytes)
{
    size_t old = h->in.n, add = MIN(bytes->n, h->limits->header_bytes + 1 - old);
    const char *why;
    ptrdiff_t n;
    enum http1_event event;

    if (old == 1 && h->in.p[0] == '\r') { /* half an empty line, or nothing good */
        if (bytes->p[0] != '\n')
            return refuse(h, 400, "CR without LF");
        buf_done(&h->in);
        drop(bytes, 1);
        return feed_first(h, bytes);
    }
    buf_add(&h->in, bytes->p, add);
    n = head_scan(&h->scan, buf_view(&h->in), &why);
    if (n < 0)
        return refuse_head(h, buf_view(&h->in), 400, why);
    if (n == 0 && h->in.n <= h->limits->header_bytes) {
        drop(bytes, add);
        return HTTP1_MORE;
    }
    if (n == 0 || (size_t)n > h->limits->header_bytes)
        return refuse_long_head(h, buf_view(&h->in));
    drop(bytes, (size_t)n - old);
    event = begin_request(h, str_make(h->in.p, (size_t)n));
    buf_done(&h->in);
    return event;
}

/* ---- the body ---- */

static enum http1_event body_add(struct http1 *h, struct str data, size_t whole)
{
    struct request *r = h->request;

    if (data.n > h->limits->body_bytes - r->body_bytes)
        return refuse(h, 413, "the body is too large");
    if (request_body_reserve(r, data.n, whole, h->limits->body_bytes, h->limits->total_body_bytes) < 0)
        return refuse(h, 503, "too many large bodies at once; try again");
    memcpy(r->body + r->body_bytes, data.p, data.n);
    r->body_bytes += data.n;
    request_forget_continue(r); /* who sends without waiting needs no leave */
    return HTTP1_MORE;
}

static enum http1_event feed_length(struct http1 *h, struct str *bytes)
{
    struct request *r = h->request;
    size_t whole = (size_t)r->content_length;
    struct str data = str_sub(*bytes, 0, whole - r->body_bytes);

    if (data.n > 0 && body_add(h, data, whole) == HTTP1_REFUSED)
        return HTTP1_REFUSED;
    drop(bytes, data.n);
    if (r->body_bytes == whole)
        h->state = HTTP1_COMPLETE;
    return HTTP1_MORE;
}

static enum http1_event feed_chunks(struct http1 *h, struct str *bytes)
{
    struct str data;

    for (;;) {
        switch (chunk_next(&h->chunk, bytes, &data)) {
        case CHUNK_MORE: return HTTP1_MORE;
        case CHUNK_DATA:
            if (body_add(h, data, 0) == HTTP1_REFUSED)
                return HTTP1_REFUSED;
            break;
        case CHUNK_END: h->state = HTTP1_COMPLETE; return HTTP1_MORE;
        case CHUNK_BAD: return refuse(h, 400, "malformed chunk");
        case CHUNK_TOO_LONG: return refuse(h, 431, "chunk extensions or trailers are too long");
        }
    }
}

/* The announced length is judged only now, so that the owner's on_headers had the first word. */
static bool announces_too_much(const struct http1 *h)
{
    return h->request->content_length > 0 && (uint64_t)h->request->content_length > h->limits->body_bytes;
}

static enum http1_event finish(struct http1 *h)
{
    struct request *r = h->request;

    r->x.body = r->body_bytes > 0 ? str_make(r->body, r->body_bytes) : STR("");
    request_forget_continue(r);
    h->state = r->keep_alive ? HTTP1_IN_HEAD : HTTP1_STOPPED;
    return HTTP1_WHOLE;
}

enum http1_event http1_feed(struct http1 *h, struct str *bytes)
{
    enum http1_event event = HTTP1_MORE;

    switch (h->state) {
    case HTTP1_IN_HEAD:
        if (bytes->n == 0)
            return HTTP1_MORE;
        return h->in.n == 0 ? feed_first(h, bytes) : feed_more(h, bytes);
    case HTTP1_IN_LENGTH:
        event = announces_too_much(h) ? refuse(h, 413, "the body is too large") : feed_length(h, bytes);
        break;
    case HTTP1_IN_CHUNKS: event = feed_chunks(h, bytes); break;
    case HTTP1_COMPLETE: break;
    case HTTP1_STOPPED: drop(bytes, bytes->n); return HTTP1_MORE;
    }
    return h->state == HTTP1_COMPLETE ? finish(h) : event;
}

/* ---- bodies read in place ---- */

#define IN_PLACE_BYTES ((size_t)32 << 10) /* below this much to come, a copy costs less than a read more */

char *http1_body_space(struct http1 *h, size_t *ret_n)
{
    struct request *r = h->request;
    size_t whole, left;

    if (h->state != HTTP1_IN_LENGTH || r->body_bytes == 0)
        return NULL;
    whole = (size_t)r->content_length;
    left = whole - r->body_bytes;
    if (left < IN_PLACE_BYTES)
        return NULL;
    if (r->body_cap - r->body_bytes < IN_PLACE_BYTES &&
        request_body_reserve(r, MIN(left, IN_PLACE_BYTES), whole, h->limits->body_bytes,
                             h->limits->total_body_bytes) < 0)
        return NULL; /* the ordinary way will refuse it */
    *ret_n = r->body_cap - r->body_bytes;
    return r->body + r->body_bytes;
}

void http1_body_took(struct http1 *h, size_t n)
{
    struct request *r = h->request;

    CHECK(h->state == HTTP1_IN_LENGTH && n <= r->body_cap - r->body_bytes);
    r->body_bytes += n;
    if (r->body_bytes == (size_t)r->content_length)
        h->state = HTTP1_COMPLETE;
}
