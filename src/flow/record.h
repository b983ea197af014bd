/* record.h - the invocation record, byte for byte (AWS Lambda developer guide, "Capturing records of Lambda
 * asynchronous invocations", and AWS's recorded behaviour): compact JSON, members in this order:
 *   version, timestamp, requestContext{requestId, functionArn, condition, approximateInvokeCount},
 * requestPayload, responseContext{statusCode, executedVersion, functionError}, responsePayload. */
#ifndef WAYBILL_FLOW_RECORD_H
#define WAYBILL_FLOW_RECORD_H

#include "base/buf.h"
#include "flow/retry.h"

struct record_facts {
    int64_t decided_ms;
    struct str request_id;
    struct str function_arn; /* as requested, always qualified */
    enum condition condition;
    unsigned executions;         /* attempts made in all */
    struct str request_payload;  /* verbatim; empty stands for {} */
    int status;                  /* of the last attempt: 200, 404, 429; 0: no attempt, no key */
    struct str executed_version; /* absent with 404 and 429 */
    bool function_error;
    struct str response_payload; /* absent: none; not JSON: reported as deliveryError */
};

/* Writes the record to b, no longer than max_bytes if dropping responsePayload, then requestPayload, achieves
 * it. The number of payloads dropped (0, 1 or 2). UNVERIFIED: AWS documents both dropping and failing; the
 * order of dropping is ours. */
int record_write(struct buf *b, const struct record_facts *f, size_t max_bytes);

#endif
