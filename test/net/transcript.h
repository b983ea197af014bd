/* transcript.h - what the parser made of some bytes, as text, so that two ways of cutting them can be
 * compared.
 *
 *   POST /a?b 1.1 keep [Host=x][X=y] "body"
 *   refused 400: text
 *   refused 400 HEAD: text */
#ifndef WAYBILL_TEST_TRANSCRIPT_H
#define WAYBILL_TEST_TRANSCRIPT_H

#include "net/http1.h"

/* Gives the size of the next piece, 1..left. */
typedef size_t transcript_cut_fn(void *arg, size_t left);

static void transcript_request(struct buf *out, const struct request *r)
{
    const struct exchange *x = &r->x;

    buf_str(out, x->method);
    buf_printf(out, " " STR_FMT, STR_ARG(x->path));
    if (!str_empty(x->query))
        buf_printf(out, "?" STR_FMT, STR_ARG(x->query));
    buf_printf(out, " %s %s ", r->http10 ? "1.0" : "1.1", r->keep_alive ? "keep" : "close");
    for (size_t i = 0; i < x->n_headers; i++)
        buf_printf(out, "[" STR_FMT "=" STR_FMT "]", STR_ARG(x->headers[i].name),
                   STR_ARG(x->headers[i].value));
    buf_z(out, " \"");
    buf_str(out, x->body);
    buf_z(out, "\"\n");
}

/* Takes one event; false when nothing more is to be had from these bytes. */
static bool transcript_step(struct http1 *h, struct str *bytes, struct request **open, struct buf *out)
{
    switch (http1_feed(h, bytes)) {
    case HTTP1_HEAD: *open = h->request; return true;
    case HTTP1_WHOLE:
        CHECK(h->request == *open);
        h->request = NULL;
        transcript_request(out, *open);
        *open = request_free(*open);
        return true;
    case HTTP1_REFUSED:
        buf_printf(out, "refused %d%s: %s\n", h->refusal.status, http1_head_only(h) ? " HEAD" : "",
                   h->refusal.text);
        http1_stop(h);
        *open = request_free(*open);
        return true;
    default: return bytes->n > 0;
    }
}

/* Large bodies take the road that the socket takes: read in place. */
static size_t transcript_in_place(struct http1 *h, struct str bytes)
{
    size_t n = 0;
    char *space = http1_body_space(h, &n);

    if (space == NULL)
        return 0;
    n = MIN(n, bytes.n);
    memcpy(space, bytes.p, n);
    http1_body_took(h, n);
    return n;
}

static void transcript(struct str bytes, const struct server_limits *limits, transcript_cut_fn *cut,
                       void *arg, struct buf *out)
{
    struct request *open = NULL;
    size_t held = 0;
    struct http1 h;

    http1_init(&h, limits, &held);
    while (bytes.n > 0) {
        struct str piece = str_sub(bytes, 0, cut(arg, bytes.n));
        size_t direct = transcript_in_place(&h, piece);

        bytes = str_sub(bytes, piece.n, bytes.n);
        piece = str_sub(piece, direct, piece.n);
        while (transcript_step(&h, &piece, &open, out))
            ;
    }
    if (h.state != HTTP1_STOPPED && (open != NULL || h.in.n > 0))
        buf_z(out, "unfinished\n");
    request_free(open);
    http1_done(&h);
    CHECK(held == 0);
}

static size_t cut_all(void *arg, size_t left)
{
    (void)arg;
    return left;
}
static size_t cut_ones(void *arg, size_t left)
{
    (void)arg;
    (void)left;
    return 1;
}

#endif
