/* handle.h - receipt handles: opaque base64 text that says which queue, which message, which receive.
 *
 * 24 bytes: version, queue id (6), message id (6), receive number (4), three spare, check value (4, CRC-32 of
 * what stands before): 32 characters of base64, well below the 1024 AWS allows.  The check value finds typing
 * errors and handles of another make; it keeps nobody out who wants in, and need not: permissions do. */
#ifndef WAYBILL_SERVICE_SQS_HANDLE_H
#define WAYBILL_SERVICE_SQS_HANDLE_H

#include "base/arena.h"

struct sqs_handle {
    uint64_t queue_id;   /* < 2^48 */
    uint64_t message_id; /* < 2^48 */
    uint32_t receive;    /* 1 for the first receive */
};

struct str sqs_handle_text(struct arena *a, const struct sqs_handle *h);
/* -E_INVALID for anything sqs_handle_text() did not make. */
int sqs_handle_parse(struct arena *a, struct str text, struct sqs_handle *ret);

#endif
