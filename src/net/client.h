/* client.h - a small blocking HTTP/1.1 client for the command line tools.  One connection per request; no TLS.
 *
 * Understands Content-Length, chunked and close-delimited replies; interim (1xx) replies are passed over.
 * `host` is a name or a numeric address.  `headers`: "Name: value\r\n" lines without Host, Content-Length and
 * Connection, which the client writes.  Redirects are not followed: the caller sees the status.
 *
 * timeout_ms bounds each wait (connecting, sending, the next bytes of the reply), not the whole; <= 0: for ever.
 * Errors: -E_INVALID host unknown, or no HTTP reply; -E_IO cannot connect, or reset; -E_WAIT timed out;
 *         -E_TRUNCATED the reply ends too early; -E_LIMIT the reply's body is over CLIENT_MAX_BODY_BYTES. */
#ifndef WAYBILL_NET_CLIENT_H
#define WAYBILL_NET_CLIENT_H

#include "base/arena.h"

#define CLIENT_MAX_BODY_BYTES ((size_t)256 << 20)

/* The whole body into the arena; never absent on success. */
int client_request(const char *host, int port, const char *method, const char *path, struct str headers, struct str body,
                   int64_t timeout_ms, struct arena *a, int *ret_status, struct str *ret_body);

/* Each piece of the body as it comes (of any size: chunk borders mean nothing).  The callback returns 0 to go on,
 * anything else ends the request, and is returned.  Not limited in size.  *ret_status is set before the first piece. */
typedef int client_piece_fn(struct str piece, void *arg);
int client_stream(const char *host, int port, const char *method, const char *path, struct str headers, struct str body,
                  int64_t timeout_ms, client_piece_fn *on_piece, void *arg, int *ret_status);

#endif
