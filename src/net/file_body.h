/* file_body.h - a body_source that reads open files.
 *
 * A piece that lies in the system's cache is read at once; for another one a pool thread waits, so that a
 * slow disk never holds the loop.  Memory: one piece.  A file is closed as soon as it was read to its end. */
#ifndef WAYBILL_NET_FILE_BODY_H
#define WAYBILL_NET_FILE_BODY_H

#include "base/segment.h"
#include "net/exchange.h" /* before uv.h, as in server.h */
#include <uv.h>

/* Takes over the n descriptors of v, which it copies.  *open, where not NULL, is raised by n and lowered with
 * every file that is closed; it must live as long as the loop. */
struct body_source *file_body_new(uv_loop_t *loop, const struct segment *v, size_t n, size_t *open);

#endif
