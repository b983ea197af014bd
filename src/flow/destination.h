/* destination.h - hands a thing on with a function's rights, and says what happened.  Source: AWS Lambda
 * developer guide, "Capturing records of Lambda asynchronous invocations": sent with the execution role's
 * rights at that moment; what is refused is lost and counted, and never changes the function's own outcome.
 *
 * Two things leave this way: invocation records (here) and dead letters (flow/deadletter.h).  Both tell one
 * step of the story: "sent" with the id at the other end, or "refused" with the reason in plain words. */
#ifndef WAYBILL_FLOW_DESTINATION_H
#define WAYBILL_FLOW_DESTINATION_H

#include "flow/journey.h"
#include "flow/record.h"
#include "flow/sink.h"

struct destination_facts {
    struct str target_arn;
    struct str role_arn;
    struct str function_name; /* session name of the role; part of an S3 key */
    struct str source_arn;    /* qualified function ARN */
    struct str trace_header;  /* with its lineage: chains of functions must end */
    bool strict_permissions;  /* an unknown role may not deliver */
};

/* What the role is asked about: the target itself, but for a bucket the object that is about to be written
 * ("bucket/aws/lambda/async/f/2026/09/14/record": the key's own tail is random).  Lies in `mem`. */
struct str destination_resource(struct arena *mem, struct str target_arn, struct str function_name,
                                int64_t now_ms);

/* Writes the record in the turn; adds what happened to the story. */
enum delivery destination_deliver(const struct sinks *sinks, struct turn *t,
                                  const struct destination_facts *d, const struct record_facts *f,
                                  struct buf *story);
/* Any parcel, with d's rights.  p: body and what only the caller knows; target, source, sender and trace are
 * filled in. what: in the story, "on-failure record". */
enum delivery destination_hand_over(const struct sinks *sinks, struct turn *t,
                                    const struct destination_facts *d, struct parcel *p, const char *what,
                                    struct buf *story);

#endif
