/* deadletter.h - an event that failed for good, on its way to the function's dead-letter queue.
 *
 * Source: AWS Lambda developer guide, "Adding a dead-letter queue", and AWS's recorded behaviour.  What is
 * sent is the event itself, byte for byte as it came, with three message attributes: RequestID    String  the
 * invocation id ErrorCode    Number  200 function error, 429 never ran for lack of concurrency, 404 the
 * target is gone; not there when reserved concurrency 0 discarded the event ErrorMessage String  of the
 * function's last answer, its first 1,024 bytes; a fixed sentence for the other causes Queue and topic get
 * the same.  It goes out whether or not there is an on-failure destination, and neither knows of the other.
 * The queue is the one of the version that ran (or would have run). */
#ifndef WAYBILL_FLOW_DEADLETTER_H
#define WAYBILL_FLOW_DEADLETTER_H

#include "flow/destination.h"

#define DEAD_LETTER_MESSAGE_BYTES 1024

struct dead_letter_facts {
    struct str request_id;
    struct str function_arn; /* as requested, always qualified */
    enum condition condition;
    int status;                  /* of the last attempt: 200, 404, 429, 400; 0: no attempt */
    struct str request_payload;  /* verbatim; empty stands for {} */
    struct str response_payload; /* of the last attempt; absent: none */
};

/* Body and attributes of *p, the rest of it untouched.  Pure; what is made lies in `mem`, what was there is
 * borrowed. */
void dead_letter_parcel(struct arena *mem, const struct dead_letter_facts *f, struct parcel *p);

/* Hands it over in the turn, with the rights of to->role_arn; says what happened in the story ("dead
 * letter").
 */
enum delivery dead_letter_deliver(const struct sinks *sinks, struct turn *t,
                                  const struct destination_facts *to, const struct dead_letter_facts *f,
                                  struct buf *story);

#endif
