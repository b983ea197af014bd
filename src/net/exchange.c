/* exchange.c - what a request keeps in memory, and how its reply looks on the wire.
 *
 * Small replies lie in the request's arena, so that a steady stream of small requests allocates nothing.
 * Large ones are malloc'ed (an arena hands out zeroed memory, which would cost a second pass), and so are
 * those of an arena that is full: whoever filled it still wants to say so. */
#include <stdlib.h>
#include "net/connection.h"

#define SMALL_BODY_BYTES                                                              \
    ((size_t)16 << 10) /* bodies up to here lie in the arena, at their announced size \
                        */
#define SMALL_REPLY_BYTES ((size_t)8 << 10)
#define GROW_FROM_BYTES ((size_t)64 << 10)

struct request *request_new(size_t *held)
{
    struct arena *mem = arena_new(0);
    struct request *r = ARENA_NEW(mem, struct request);

    r->x.magic = EXCHANGE_MAGIC;
    r->x.mem = mem;
    r->held = held;
    return r;
}

struct request *request_free(struct request *r)
{
    if (r == NULL)
        return NULL;
    CHECK(r->x.magic == EXCHANGE_MAGIC && !link_on(&r->link));
    *r->held -= r->held_bytes;
    if (r->body_owned)
        free(r->body);
    if (r->reply_owned)
        free(r->reply);
    pieces_stop(&r->pieces);
    r->x.magic = 0;
    arena_free(r->x.mem);
    return NULL;
}

/* ---- the body, and what all is counted ---- */

static int count(struct request *r, size_t bytes, size_t held_limit)
{
    if (bytes > held_limit || *r->held > held_limit - bytes)
        return -E_LIMIT;
    *r->held += bytes;
    r->held_bytes += bytes;
    return 0;
}

int request_count_head(struct request *r, size_t head_bytes, size_t held_limit)
{
    return count(r, REQUEST_OWN_BYTES + head_bytes, held_limit);
}

static size_t body_grown(const struct request *r, size_t need, size_t whole, size_t most)
{
    size_t cap;

    if (whole > 0 && whole <= SMALL_BODY_BYTES)
        return whole;
    cap = MAX(MAX(r->body_cap * 2, need), whole > 0 ? GROW_FROM_BYTES : (size_t)1024);
    return MIN(cap, whole > 0 ? whole : most);
}

int request_body_reserve(struct request *r, size_t more, size_t whole, size_t most, size_t held_limit)
{
    size_t need = r->body_bytes + more, cap;

    CHECK(need <= most);
    if (need <= r->body_cap)
        return 0;
    cap = body_grown(r, need, whole, most);
    if (count(r, cap - r->body_cap, held_limit) < 0)
        return -E_LIMIT;
    if (whole > 0 && whole <= SMALL_BODY_BYTES) {
        CHECK(r->body == NULL && cap == whole);
        r->body = arena_alloc(r->x.mem, cap);
    } else {
        r->body = xrealloc(r->body, cap);
        r->body_owned = true;
    }
    r->body_cap = cap;
    return 0;
}

/* ---- the reply ---- */

const char *status_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } rows[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 206, "Partial Content" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 303, "See Other" },
        { 304, "Not Modified" },
        { 307, "Temporary Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" },
        { 417, "Expectation Failed" },
        { 421, "Misdirected Request" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].status == status)
            return rows[i].reason;
    return "Status";
}

static char *put(char *at, const char *p, size_t n)
{
    if (n > 0)
        memcpy(at, p, n);
    return at + n;
}
#define PUT_LIT(at, lit) put((at), (lit), sizeof(lit) - 1)

static char *put_decimal(char *at, size_t v)
{
    char digits[20];
    size_t n = 0;

    do
        digits[sizeof digits - ++n] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    return put(at, digits + sizeof digits - n, n);
}

static char *reply_space(struct request *r, size_t cap)
{
    char *p = cap > SMALL_REPLY_BYTES || arena_overflowed(r->x.mem) ? NULL : arena_alloc(r->x.mem, cap);

    if (p == NULL || arena_overflowed(r->x.mem)) {
        p = xmalloc(cap);
        r->reply_owned = true;
    }
    return p;
}

/* The longest fixed part is some 200 bytes: 100 Continue, status line, Date, length or chunks, Connection,
 * blank line. */
#define FIXED_REPLY_BYTES 256

static char *put_length(char *at, const struct request *r, const struct answer *a)
{
    if (a->source != NULL && a->source_bytes < 0)
        return r->http10 ? at : PUT_LIT(at, "Transfer-Encoding: chunked\r\n");
    at = PUT_LIT(at, "Content-Length: ");
    at = put_decimal(at, a->source != NULL ? (size_t)a->source_bytes : a->body.n);
    return PUT_LIT(at, "\r\n");
}

static char *put_head(char *at, const struct request *r, const struct answer *a, struct str date,
                      bool bodiless)
{
    const char *reason = status_reason(a->status);

    if (r->continue_first)
        at = PUT_LIT(at, CONTINUE_TEXT);
    at = PUT_LIT(at, "HTTP/1.1 ");
    at = put_decimal(at, (size_t)a->status);
    *at++ = ' ';
    at = put(at, reason, strlen(reason));
    at = PUT_LIT(at, "\r\nDate: ");
    at = put(at, date.p, date.n);
    at = PUT_LIT(at, "\r\n");
    at = put(at, a->headers.p, a->headers.n);
    if (!bodiless)
        at = put_length(at, r, a);
    if (r->close_after)
        at = PUT_LIT(at, "Connection: close\r\n");
    else if (r->http10)
        at = PUT_LIT(at, "Connection: keep-alive\r\n");
    return PUT_LIT(at, "\r\n");
}

void request_set_reply(struct request *r, const struct answer *a, struct str date, unsigned *streams)
{
    bool bodiless = a->status == 204 || a->status == 304, bare = r->head_only || bodiless;
    char *at;

    CHECK(a->status >= 200 && a->status <= 999 && date.n <= 40);
    CHECK(a->headers.n == 0 || str_ends(a->headers, STR("\r\n")));
    CHECK(!r->replied);
    request_forget_continue(r);
    r->reply = reply_space(r, FIXED_REPLY_BYTES + a->headers.n + (bare ? 0 : a->body.n));
    at = put_head(r->reply, r, a, date, bodiless);
    if (!bare)
        at = put(at, a->body.p, a->body.n);
    r->reply_bytes = (size_t)(at - r->reply);
    r->replied = true;
    if (a->source == NULL)
        return;
    a->source->x = &r->x;
    pieces_begin(&r->pieces, a->source, a->source_bytes, !r->http10, streams);
    if (bare)
        pieces_stop(&r->pieces);
}

/* ---- what the owner calls ---- */

struct str exchange_header(const struct exchange *x, const char *name)
{
    struct str want = str_of(name);

    for (size_t i = x->n_headers; i-- > 0;)
        if (x->headers[i].name.n == want.n && str_eq_nocase(x->headers[i].name, want))
            return x->headers[i].value;
    return STR_NONE;
}

static void reply(struct exchange *x, const struct answer *a)
{
    struct request *r = request_of(x);

    CHECK(x->magic == EXCHANGE_MAGIC && r->dispatched && !r->replied);
    if (x->connection != NULL) {
        connection_reply(x->connection, r, a);
        return;
    }
    if (a->source != NULL)
        a->source->stop(a->source);
    server_end_orphan(r);
}

void exchange_reply(struct exchange *x, int status, struct str headers, struct str body)
{
    reply(x, &(struct answer){ .status = status, .headers = headers, .body = body });
}

void exchange_reply_pieces(struct exchange *x, int status, struct str headers, int64_t bytes,
                           struct body_source *source)
{
    CHECK(bytes >= BODY_BYTES_UNKNOWN && source != NULL);
    reply(x,
          &(struct answer){ .status = status, .headers = headers, .source = source, .source_bytes = bytes });
}

void exchange_hold(struct exchange *x)
{
    CHECK(x->magic == EXCHANGE_MAGIC && request_of(x)->dispatched && !request_of(x)->replied);
    if (x->connection != NULL)
        connection_hold(x->connection);
}

void exchange_release(struct exchange *x)
{
    CHECK(x->magic == EXCHANGE_MAGIC && !request_of(x)->replied);
    if (x->connection != NULL)
        connection_release(x->connection);
}

void exchange_resume(struct exchange *x)
{
    struct request *r = request_of(x);

    CHECK(x->magic == EXCHANGE_MAGIC && r->replied && x->connection != NULL);
    r->pieces.later = false;
    connection_resume(x->connection, r);
}
