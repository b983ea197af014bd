/* head.c - the request line and the header lines.
 *
 * Two passes, on purpose.  head_scan() finds the end and refuses every control character but HT and proper
 * CRLF, and lines that begin with a blank: llhttp 8.1 takes a bare CR for a line's end (CVE-2023-30589) and a
 * blank-led line for a continuation (CVE-2024-27982).  Then llhttp cuts the head, which by now lies in one
 * piece, and what decides the framing (Content-Length, Transfer-Encoding, Host, Expect) is judged once more
 * here: what follows does not hang on which checks the installed llhttp makes. */
#include <llhttp.h>
#include "base/clock.h"
#include "net/http1.h"

/* Offset of the first control byte (below 0x20) from `at`, HT included; n when there is none.  Eight at a
 * time: a borrow can only spoil flags above the lowest one, and only the lowest is used. */
static size_t find_control(const char *p, size_t at, size_t n)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

    for (; n - at >= 8; at += 8) {
        uint64_t v, hit;

        memcpy(&v, p + at, sizeof v);
        hit = (v - ones * 0x20) & ~v & high;
        if (hit != 0) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            return at + (size_t)__builtin_ctzll(hit) / 8;
#else
            break;
#endif
        }
    }
    while (at < n && (unsigned char)p[at] >= 0x20)
        at++;
    return at;
}

ptrdiff_t head_scan(struct head_scan *s, struct str bytes, const char **ret_why)
{
    const char *p = bytes.p;
    size_t i = s->at, n = bytes.n;

    for (;;) {
        s->at = i = find_control(p, i, n);
        if (i == n)
            return 0;
        if (p[i] == '\t') {
            i++;
            continue;
        }
        if (p[i] != '\r')
            return *ret_why = p[i] == '\n' ? "LF without CR" : "control character in the head", -E_INVALID;
        if (i + 1 == n)
            return 0;
        if (p[i + 1] != '\n')
            return *ret_why = "CR without LF", -E_INVALID;
        if (i + 2 == n)
            return 0;
        if (p[i + 2] == ' ' || p[i + 2] == '\t')
            return *ret_why = "header line begins with a blank", -E_INVALID;
        if (p[i + 2] == '\r') {
            if (i + 3 == n)
                return 0;
            if (p[i + 3] != '\n')
                return *ret_why = "CR without LF", -E_INVALID;
            s->lines++;
            return (ptrdiff_t)(i + 4);
        }
        s->lines++;
        i += 2;
    }
}

/* ---- cutting, with llhttp ---- */

struct cut {
    struct request *r;
    struct str target;
    struct header *headers;
    size_t n, max;
};

static int on_method(llhttp_t *l, const char *p, size_t n)
{
    ((struct cut *)l->data)->r->x.method = str_make(p, n);
    return 0;
}

static int on_url(llhttp_t *l, const char *p, size_t n)
{
    ((struct cut *)l->data)->target = str_make(p, n);
    return 0;
}

static int on_field(llhttp_t *l, const char *p, size_t n)
{
    struct cut *cut = l->data;

    if (cut->n == cut->max || n == 0 || p[n] != ':') {
        llhttp_set_error_reason(l, "Invalid header field name");
        return HPE_USER;
    }
    cut->headers[cut->n++] = (struct header){ { p, n }, { p + n, 0 } };
    return 0;
}

static int on_value(llhttp_t *l, const char *p, size_t n)
{
    struct cut *cut = l->data;

    if (cut->n == 0 || cut->headers[cut->n - 1].value.n > 0)
        return -1; /* a value without a name of its own: refused */
    cut->headers[cut->n - 1].value = str_trim(str_make(p, n));
    return 0;
}

/* The body is not llhttp's business. */
static int on_complete(llhttp_t *l)
{
    (void)l;
    return HPE_PAUSED;
}

static const llhttp_settings_t cut_settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_complete,
};

static int refuse(struct refusal *ret, int status, const char *text)
{
    *ret = (struct refusal){ status, text };
    return -E_INVALID;
}

static int refuse_cut(const llhttp_t *l, llhttp_errno_t error, struct refusal *ret)
{
    if (error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE)
        return refuse(ret, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    return refuse(ret, 400, l->reason != NULL && *l->reason != '\0' ? l->reason : "not an HTTP request");
}

/* llhttp also takes RTSP and ICE, and more than one blank between the parts. */
static int check_version(struct request *r, const struct cut *cut, struct refusal *ret)
{
    const char *v;

    if (str_empty(cut->target))
        return refuse(ret, 400, "malformed request line");
    v = cut->target.p + cut->target.n; /* the head ends in CRLFCRLF: some bytes follow */
    if (strncmp(v, " HTTP/", 6) != 0 || v[7] != '.' || v[9] != '\r' ||
        r->x.method.p + r->x.method.n + 1 != cut->target.p)
        return refuse(ret, 400, "malformed request line");
    if (v[6] != '1' || (v[8] != '0' && v[8] != '1'))
        return refuse(ret, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    r->http10 = v[8] == '0';
    return 0;
}

/* ---- what the request line says ---- */

static int set_target(struct exchange *x, struct str target, struct str *ret_authority, struct refusal *ret)
{
    ptrdiff_t scheme = str_starts_nocase(target, STR("http://"))    ? 7
                       : str_starts_nocase(target, STR("https://")) ? 8
                                                                    : 0;
    size_t end;

    *ret_authority = STR_NONE;
    if (str_find(target, '#') >= 0)
        return refuse(ret, 400, "request target has a fragment");
    if (scheme > 0) {
        for (end = (size_t)scheme; end < target.n && target.p[end] != '/' && target.p[end] != '?'; end++)
            ;
        *ret_authority = str_sub(target, (size_t)scheme, end);
        if (str_empty(*ret_authority) || str_find(*ret_authority, '@') >= 0)
            return refuse(ret, 400, "request target has no usable authority");
        target = str_sub(target, end, target.n);
    } else if (target.p[0] != '/' && !(str_is(target, "*") && str_is(x->method, "OPTIONS"))) {
        return refuse(ret, 400, "request target must be a path or a URL");
    }
    str_cut(&target, '?', &x->path);
    x->query = str_absent(target) ? STR("") : target;
    if (str_empty(x->path))
        x->path = STR("/");
    return 0;
}

/* ---- what the headers say about framing ---- */

struct framing {
    unsigned lengths, codings, hosts;
    int64_t length;
    bool chunked, expects, expects_other;
};

static int parse_length(struct str value, int64_t *ret)
{
    return str_to_i64(value, ret) == 0 && value.p[0] != '-' && value.p[0] != '+' ? 0 : -E_INVALID;
}

static int note_header(struct framing *f, const struct header *h, struct refusal *ret)
{
    switch (h->name.n) { /* the length sorts most of them out at once */
    case 4: f->hosts += str_eq_nocase(h->name, STR("Host")); return 0;
    case 6:
        if (str_eq_nocase(h->name, STR("Expect")))
            *(str_eq_nocase(h->value, STR("100-continue")) ? &f->expects : &f->expects_other) = true;
        return 0;
    case 14:
        if (!str_eq_nocase(h->name, STR("Content-Length")))
            return 0;
        f->lengths++;
        return parse_length(h->value, &f->length) == 0 ? 0 : refuse(ret, 400, "Content-Length is no number");
    case 17:
        if (!str_eq_nocase(h->name, STR("Transfer-Encoding")))
            return 0;
        f->codings++;
        f->chunked = str_eq_nocase(h->value, STR("chunked"));
        return 0;
    default: return 0;
    }
}

static int check_framing(const struct request *r, const struct framing *f, struct refusal *ret)
{
    if (f->lengths > 1)
        return refuse(ret, 400, "more than one Content-Length");
    if (f->lengths > 0 && f->codings > 0)
        return refuse(ret, 400, "both Content-Length and Transfer-Encoding");
    if (f->codings > 1 || (f->codings > 0 && r->http10))
        return refuse(ret, 400, "Transfer-Encoding given twice, or in HTTP/1.0");
    if (f->codings > 0 && !f->chunked)
        return refuse(ret, 501, "the only Transfer-Encoding is chunked");
    if (f->hosts != 1 && !(r->http10 && f->hosts == 0))
        return refuse(ret, 400, f->hosts == 0 ? "no Host header" : "more than one Host header");
    if (f->expects_other && !r->http10)
        return refuse(ret, 417, "the only Expect is 100-continue");
    /* RFC 1945 8.3: without a length, an HTTP/1.0 body would end with the connection. */
    if (r->http10 && f->lengths == 0 && str_is(r->x.method, "POST"))
        return refuse(ret, 411, "HTTP/1.0 POST needs a Content-Length");
    return 0;
}

static int set_framing(struct request *r, struct refusal *ret)
{
    struct framing f = { 0 };

    for (size_t i = 0; i < r->x.n_headers; i++)
        if (note_header(&f, &r->x.headers[i], ret) < 0)
            return -E_INVALID;
    if (check_framing(r, &f, ret) < 0)
        return -E_INVALID;
    r->content_length = f.chunked ? REQUEST_CHUNKED : f.length;
    if (f.expects && !r->http10 && r->content_length != 0)
        r->continue_left = CONTINUE_BYTES;
    r->continue_first = f.expects && !r->http10 && r->content_length == 0;
    return 0;
}

/* RFC 9112 3.2.2: the authority of an absolute target stands above Host. */
static void set_authority(struct exchange *x, struct str authority)
{
    for (size_t i = 0; i < x->n_headers; i++) {
        if (str_eq_nocase(x->headers[i].name, STR("Host"))) {
            x->headers[i].value = authority;
            return;
        }
    }
    x->headers[x->n_headers++] = (struct header){ STR("Host"), authority };
}

static bool is_preface(struct str head) /* RFC 9113 3.4, its first part */
{
    return str_eq(head, STR("PRI * HTTP/2.0\r\n\r\n"));
}

int head_parse(struct request *r, struct str head, unsigned lines, struct refusal *ret)
{
    struct cut cut = { .r = r, .max = lines - 1 };
    struct str authority;
    llhttp_t parser;
    llhttp_errno_t error;

    if (is_preface(head))
        return refuse(ret, 505, "HTTP/2 is not spoken here yet: it comes with streams. Use HTTP/1.1");
    if (cut.max > HEAD_MAX_HEADERS)
        return refuse(ret, 431, "too many headers");
    cut.headers = arena_calloc(r->x.mem, cut.max + 1, sizeof *cut.headers);
    llhttp_init(&parser, HTTP_REQUEST, &cut_settings);
    parser.data = &cut;
    error = llhttp_execute(&parser, head.p, head.n);
    if (error != HPE_PAUSED)
        return refuse_cut(&parser, error, ret);
    if (check_version(r, &cut, ret) < 0)
        return -E_INVALID;
    if (parser.method == HTTP_CONNECT)
        return refuse(ret, 501, "CONNECT is for proxies");
    r->x.headers = cut.headers;
    r->x.n_headers = cut.n;
    r->keep_alive = llhttp_should_keep_alive(&parser);
    r->head_only = parser.method == HTTP_HEAD;
    if (set_framing(r, ret) < 0 || set_target(&r->x, cut.target, &authority, ret) < 0)
        return -E_INVALID;
    if (!str_absent(authority))
        set_authority(&r->x, authority);
    r->x.arrived_mono_ns = clock_mono_ns();
    return 0;
}
