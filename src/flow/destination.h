/* destination.h - hands a record on, and says what happened.  Source: AWS Lambda developer guide, "Capturing
 * records of Lambda asynchronous invocations": sent with the execution role's rights at that moment; what is refused
 * is lost and counted, and never changes the function's own outcome. */
#ifndef WAYBILL_FLOW_DESTINATION_H
#define WAYBILL_FLOW_DESTINATION_H

#include "flow/journey.h"
#include "flow/record.h"
#include "flow/sink.h"

struct destination_facts {
    struct str target_arn;
    struct str role_arn;
    struct str function_name;                                /* session name of the role */
    struct str source_arn;                                   /* qualified function ARN */
    struct str trace_header;
    bool strict_permissions;                                 /* an unknown role may not deliver */
};

/* Writes in the turn; adds what happened to the story. */
enum delivery destination_deliver(const struct sinks *sinks, struct turn *t, const struct destination_facts *d,
                                  const struct record_facts *f, struct buf *story);

#endif
