/* call.c - what a handler does with its call.  call_reply() is the engine's: it knows how replies leave. */
#include <stdarg.h>

#include "base/header.h"
#include "net/exchange.h"
#include "wire/call.h"
#include "wire/codec.h"

int call_fault(struct call *c, const struct error_row *row, const char *fmt, ...)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    c->fault = (struct fault){ .row = row, .message = buf_to_arena(&text, c->mem) };
    return -E_FAULT;
}

void call_header(struct call *c, const char *name, struct str value)
{
    header_line(&c->extra_headers, str_of(name), value);
}

void call_raw(struct call *c, int status, const char *content_type, struct str body)
{
    c->raw = true;
    c->status = status;
    c->raw_content_type = str_of(content_type);
    c->raw_body = body;
}

void call_files(struct call *c, const struct segment *v, size_t n, size_t *open)
{
    CHECK(c->n_files == 0 && n > 0);
    c->files = v;
    c->n_files = n;
    c->open_files = open;
}

struct str call_request_header(const struct call *c, const char *name)
{
    struct str value = STR_NONE;

    if (c->x == NULL)
        return value;
    for (size_t i = 0; i < c->x->n_headers; i++)
        if (str_eq_nocase(c->x->headers[i].name, str_of(name)))
            value = c->x->headers[i].value;
    return value;
}

struct str call_host(const struct call *c)
{
    struct str host = call_request_header(c, "Host");

    return str_empty(host) ? STR("localhost") : host;
}

struct str call_peer_address(const struct call *c)
{
    struct str peer = c->x != NULL ? c->x->peer : STR("");
    ptrdiff_t colon = str_rfind(peer, ':');

    if (colon >= 0)
        peer = str_sub(peer, 0, (size_t)colon);
    if (peer.n > 2 && peer.p[0] == '[')
        peer = str_sub(peer, 1, peer.n - 1);
    return peer;
}

struct str call_body(const struct call *c) { return c->x == NULL ? STR("") : c->x->body; }

int call_may(struct call *c, const char *action, const struct resource *what)
{
    if (c->gate != NULL)
        return c->gate->may(c->gate->arg, c, action, what);
    if (str_eq(what->owner, c->account))
        return 0;
    return call_fault(c, &error_access_denied,
                      "User: " STR_FMT " is not authorized to perform: %s on resource: " STR_FMT
                      " because no resource-based policy allows the %s action",
                      STR_ARG(c->principal.arn), action, STR_ARG(what->arn), action);
}

int call_may_own(struct call *c, const char *action, struct str arn)
{
    return call_may(c, action, &(struct resource){ .arn = arn, .owner = c->account });
}

int call_may_pass(struct call *c, struct str role_arn)
{
    return str_empty(role_arn) ? 0 : call_may_own(c, "iam:PassRole", role_arn);
}
