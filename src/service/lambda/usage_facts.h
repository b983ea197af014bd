/* usage_facts.h - how a function was used since the server started: for `waybill explain`, which tells who
 * invokes synchronously and waits for a record that only asynchronous invocations have.  In memory alone: a
 * turn that had to be undone (engine.h) starts the counts anew. */
#ifndef WAYBILL_SERVICE_LAMBDA_USAGE_FACTS_H
#define WAYBILL_SERVICE_LAMBDA_USAGE_FACTS_H

#include "service/lambda/lambda.h"

/* A route that a request wanted to configure and AWS would have refused. */
struct refused_route {
    const char *member;                /* "OnSuccess", "OnFailure", "DeadLetterConfig"; NULL: never */
    struct str qualifier, target, why; /* owned by the function; why: the error's message */
    int64_t at_ms;
};

struct usage_facts {
    uint64_t sync_invocations,
        async_invocations;               /* RequestResponse; Event, InvokeAsync and what services sent */
    int64_t last_sync_ms, last_async_ms; /* 0: never */
    const char *last_sync_batch;         /* "aws:kinesis", "aws:dynamodb", "aws:sqs"; NULL: no batch */
    struct refused_route refused;        /* the last one */
};

/* NULL: no such function.  Borrowed until the turn ends. */
const struct usage_facts *usage_facts_find(const struct lambda *l, struct str account, struct str region,
                                           struct str name);

/* Which source a payload looks like a batch of: the eventSource of its first Record.  It is looked for as
 * text, not parsed: a guess for a hint, at the price of a memmem in payloads that begin with Records.  NULL:
 * none.  Pure. */
const char *usage_facts_batch(struct str payload);

/* For the handlers that see it happen. */
struct function;
void usage_facts_sync(struct function *f, struct str payload, int64_t now_ms);
void usage_facts_async(struct function *f, int64_t now_ms);
void usage_facts_refused(struct function *f, const char *member, struct str qualifier, struct str target,
                         struct str why, int64_t now_ms);
void usage_facts_done(struct usage_facts *u); /* frees what the function owned */

#endif
