/* client.h - a small blocking HTTP/1.1 client: for the command line tools, and on pool threads for what
 * leaves the server. One connection per request.
 *
 * Understands Content-Length, chunked and close-delimited replies; interim (1xx) replies are passed over.
 * `host` is a name or a numeric address.  `headers`: "Name: value\r\n" lines without Host, Content-Length and
 * Connection, which the client writes.  Redirects are not followed: the caller sees the status.
 *
 * timeout_ms bounds each wait (connecting, sending, the next bytes of the reply), not the whole; <= 0: for
 * ever. Errors: -E_INVALID host unknown, or no HTTP reply; -E_IO cannot connect, or reset; -E_WAIT timed out;
 *         -E_TRUNCATED the reply ends too early; -E_LIMIT the reply's body is over CLIENT_MAX_BODY_BYTES. */
#ifndef WAYBILL_NET_CLIENT_H
#define WAYBILL_NET_CLIENT_H

#include "base/arena.h"

#define CLIENT_MAX_BODY_BYTES ((size_t)256 << 20)

/* The Host that goes out with a request over plain HTTP; in a. */
struct str client_host(struct arena *a, const char *host, int port);

/* The whole body into the arena; never absent on success. */
int client_request(const char *host, int port, const char *method, const char *path, struct str headers,
                   struct str body, int64_t timeout_ms, struct arena *a, int *ret_status,
                   struct str *ret_body);

/* Each piece of the body as it comes (of any size: chunk borders mean nothing).  The callback returns 0 to go
 * on, anything else ends the request, and is returned.  Not limited in size.  *ret_status is set before the
 * first piece. */
typedef int client_piece_fn(struct str piece, void *arg);
int client_stream(const char *host, int port, const char *method, const char *path, struct str headers,
                  struct str body, int64_t timeout_ms, client_piece_fn *on_piece, void *arg, int *ret_status);

/* ---- requests to somewhere outside ---- */

struct client_post {
    struct str url; /* http:// or https://, name or numeric address, port */
    const char *method;
    struct str headers; /* as above */
    struct str body;
    int64_t whole_ms;          /* for all of it, but for the resolver, which has its own bounds */
    size_t most_bytes;         /* of the reply's body */
    const volatile bool *stop; /* looked at some ten times a second; NULL: nobody stops it */
};
/* As client_request, with TLS (1.2 and later) where the URL says https: the certificate must be good for the
 * name, by the system's authorities or those of the file $SSL_CERT_FILE names.  A URL with credentials is
 * -E_INVALID. *ret_status is set as soon as it is known, also where an error follows; ret_why (may be NULL)
 * gets a sentence. May be called from several threads at once. */
int client_post(const struct client_post *q, struct buf *ret_body, int *ret_status, struct buf *ret_why);

#endif
