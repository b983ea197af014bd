/* gzip.h - what gzip packed, whole.  One member and nothing behind it; zlib's own frame and raw deflate are
 * refused. */
#ifndef WAYBILL_BASE_GZIP_H
#define WAYBILL_BASE_GZIP_H

#include "base/buf.h"

/* The bytes, in the arena.  max_bytes < 2 GiB.  0; -E_INVALID: no gzip, or a wrong checksum; -E_TRUNCATED:
 * ends too early; -E_LIMIT: more than max_bytes; -E_NOMEM.  Cost: one pass, up to three times max_bytes of
 * memory. */
int gunzip(struct arena *a, struct str packed, size_t max_bytes, struct str *ret);

#endif
