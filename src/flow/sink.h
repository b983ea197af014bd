/* sink.h - the one door through which a thing leaves for another service: a record to its destination, an event
 * to a dead-letter queue, later a topic's message to its subscriber.
 *
 * One row per ARN service; main.c fills the table.  Delivery happens inside the caller's turn, so the outcome of
 * an attempt and its record commit together.  The permission check is here, once, for everybody. */
#ifndef WAYBILL_FLOW_SINK_H
#define WAYBILL_FLOW_SINK_H

#include "base/arn.h"
#include "flow/turn.h"

/* What the sink's own service says of an ARN. */
enum sink_state {
    SINK_OK,
    SINK_MISSING,                                            /* no such resource here */
    SINK_FIFO,                                               /* exists, but a kind that is no destination */
    SINK_WRONG_KIND,                                         /* right service, not a destination (an events rule) */
    SINK_NOT_YET,                                            /* service known, not implemented in this version */
};

struct parcel {
    struct str target_arn;
    struct str body;
    /* SQS/SNS message attributes of a dead-letter message: name, DataType, value. */
    struct parcel_attribute { struct str name, type, value; } attributes[4];
    size_t n_attributes;
    struct str trace_header;                                 /* AWSTraceHeader; absent: none */
    struct str source_arn;                                   /* function ARN, qualified */
    struct str sender_arn, sender_id;                        /* the role session that sends: SenderId in SQS */
    const char *detail_type;                                 /* EventBridge */
};

enum delivery { DELIVERED, DELIVERY_REFUSED /* 4xx: no retry */, DELIVERY_FAILED /* 5xx, transient */ };

struct sink {
    const char *service;                                     /* of the ARN: "sqs", "lambda" */
    const char *action;                                      /* "sqs:SendMessage" */
    const char *action_name;                                 /* in AWS's message: "SendMessage" */
    size_t max_body_bytes;
    size_t (*body_limit)(void *arg, struct str target_arn);  /* of this very target; NULL: max_body_bytes for all */
    enum sink_state (*state)(void *arg, struct turn *t, const struct arn *target, struct str target_text);
    /* Writes in the turn's transaction.  why: when delivered the new message's or request's id, else a sentence
     * for the journey. */
    enum delivery (*deliver)(void *arg, struct turn *t, const struct parcel *p, struct buf *why);
    void *arg;
};

#define SINK_MAX 8
struct sinks {
    struct sink row[SINK_MAX];
    size_t n;
    /* The execution role's right.  ALLOWED, DENIED, or UNKNOWN_ROLE ("role unknown here, not checked").
     * why gets the sentence for people ("no identity-based policy allows the sqs:SendMessage action"). */
    enum role_verdict { ROLE_ALLOWED, ROLE_DENIED, ROLE_UNKNOWN } (*role_may)(void *arg, struct str role_arn,
        const char *action, struct str resource, struct now now, struct buf *why);
    /* "AROA...:session" of a role session, in `a`; what a queue shows as SenderId. NULL: unknown. */
    struct str (*sender_id)(void *arg, struct arena *a, struct str role_arn, struct str session);
    void *role_arg;
};

void sinks_add(struct sinks *s, const struct sink *row);
const struct sink *sinks_find(const struct sinks *s, struct str arn_service);        /* NULL: none */

#endif
