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
 * ("bucket/aws/lambda/async/f/2026/09/14/record": the key's own tail is random).  Lies in `mem`, or is the
 * target's own text.  d leads somewhere. */
struct str destination_resource(struct arena *mem, const struct door *d, struct str function_name);

/* Something on its way, with the rights of to->role_arn; `what` in the story: "on-failure record".  Borrows
 * everything. */
struct sending {
    struct door door;
    const struct destination_facts *to;
    const char *what;
    struct buf *story;
};
struct sending destination_of(const struct sinks *sinks, struct turn *t, const struct destination_facts *to,
                              const char *what, struct buf *story);
/* DELIVERED: nothing against it. Else the story says so. */
enum delivery destination_may(const struct sending *x);
/* Asks nobody.  p: body and what only the caller knows; source, sender and trace are filled in. */
enum delivery destination_send(const struct sending *x, struct parcel *p);

/* All of it for a record, written in the turn; adds what happened to the story. */
enum delivery destination_deliver(const struct sinks *sinks, struct turn *t,
                                  const struct destination_facts *to, const struct record_facts *f,
                                  struct buf *story);

#endif
