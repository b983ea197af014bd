/* sink.h - the one way by which a thing leaves one service for another: a record to its destination, an event
 * to a dead-letter queue, a topic's message to its subscriber, a rule's event to its target, a bucket's
 * notification.
 *
 * One row per ARN service; cli/waybill.c fills the table.  Who hands something on finds the target's door
 * (door_find()): one parse of the ARN and one look-up in its service answer everything that is asked of the
 * target.  Delivery happens inside the caller's turn, so a cause and its effect commit together.  Who may is
 * asked here, once, for everybody, in one of two ways:
 *   a role sends (destinations, dead-letter queues of functions, targets with a role): door_role_may();
 *   a service sends (SNS, EventBridge, S3): the target's own policy must allow the service principal, with
 *   aws:SourceArn and aws:SourceAccount as context keys: door_service_may(), door_as_service(). */
#ifndef WAYBILL_FLOW_SINK_H
#define WAYBILL_FLOW_SINK_H

#include "base/arn.h"
#include "base/resource.h"
#include "policy/policy.h"
#include "turn/turn.h"

struct explain_onward;

/* What the sink's own service says of an ARN. */
enum sink_state {
    SINK_OK,
    SINK_MISSING,    /* no such resource here */
    SINK_FIFO,       /* exists, but a kind that is no destination */
    SINK_WRONG_KIND, /* right service, not a destination (an events rule) */
    SINK_NOT_YET,    /* service known, not implemented in this version */
};

/* SQS and SNS message attributes.  value: text, or bytes when type begins with "Binary". */
#define PARCEL_ATTRIBUTES_MOST 10
struct parcel_attribute {
    struct str name, type, value;
};

/* Who hands over. */
struct sender {
    const char *principal; /* "sns.amazonaws.com"; NULL: a function, which sends as its role */
    struct str arn;        /* of the function (qualified), topic, rule or bucket */
    struct str account;    /* whose that is; absent for a function */
    bool no_owner;         /* the service does not say aws:SourceOwner */
};

/* What is handed over.  All strings are borrowed for the length of the call; fields a sink does not know it
 * leaves alone. */
struct parcel {
    struct sender from;
    struct str body; /* SQS body, SNS message, Lambda payload, S3 object, bus: the detail */
    struct parcel_attribute attributes[PARCEL_ATTRIBUTES_MOST];
    size_t n_attributes;
    struct str group_id, deduplication_id; /* FIFO queues and topics; absent: none */
    struct str trace_header;               /* AWSTraceHeader; absent: none */
    struct str sender_id;    /* SenderId in SQS: of the role session, or the service's account */
    const char *detail_type; /* EventBridge: an event of ours ... */
    /* ... "lambda": its resources are bus and sender; "aws.s3": its resource is the sender. */
    const char *event_source;
    struct str event;         /* EventBridge: a whole event, as one bus hands it to another */
    struct str function_name; /* S3: part of the key */
};

/* NO_PERMISSION, NO_RESOURCE, REFUSED (4xx) are final; FAILED (5xx, full) may be tried again. */
enum delivery { DELIVERED, DELIVERY_NO_PERMISSION, DELIVERY_NO_RESOURCE, DELIVERY_REFUSED, DELIVERY_FAILED };

/* A target as its service found it.  Borrows the ARN's text and what lies behind it, so it is good for the
 * turn that found it, and only until that turn deletes the target: who keeps something keeps the ARN.  To use
 * it in another turn is a bug and aborts. */
struct door {
    const struct sinks *sinks;
    const struct sink *sink; /* NULL: Waybill does not deliver there, and nothing below `arn` is set */
    struct turn *turn;
    int64_t found_ns; /* of that turn */
    struct arn arn;   /* parts of what.arn; absent: it is none */
    /* What sink->find() says; before it, the ARN's account and the row's max_body_bytes. */
    enum sink_state state;
    struct resource what; /* the target, whose it is, its own policy; an owner that nobody names is empty */
    size_t most_bytes;    /* of a parcel's body */
    void *object;         /* the service's own; NULL: none (a default bus is there without) */
    uint64_t row;         /* ... or its number */
};

struct sink {
    const char *service;     /* of the ARN: "sqs", "lambda" */
    const char *action;      /* "sqs:SendMessage" */
    const char *action_name; /* in AWS's message: "SendMessage" */
    bool by_object;          /* a role is asked about the object it will write, not about the bucket */
    size_t max_body_bytes;
    /* Fills in the door.  A target that is not there may have a policy all the same (of its account).  Cost:
     * one look-up.  NULL: whatever is named is there. */
    void (*find)(struct door *d);
    /* Writes in the turn's transaction, asking nobody for permission.  why: when delivered the new message's
     * or request's id, else a sentence for the journey. */
    enum delivery (*deliver)(const struct door *d, const struct parcel *p, struct buf *why);
    /* For `waybill explain`: where the target hands things on to, and whether it may (flow/explain.h); texts
     * in a. NULL: targets of this kind keep what they get. */
    size_t (*onward)(const struct door *d, struct arena *a, struct explain_onward *v, size_t max);
    void *arg;
};

#define SINK_MAX 8
struct sinks {
    struct sink row[SINK_MAX];
    size_t n;
    /* The execution role's right.  ALLOWED, DENIED, or UNKNOWN_ROLE ("role unknown here, not checked").
     * The target's own policy: its Deny refuses, its Allow is enough where it names the role and both are of
     * one account; a target of another account must allow, too.  why gets the sentence for people ("no
     * identity-based policy allows the sqs:SendMessage action"). */
    enum role_verdict {
        ROLE_ALLOWED,
        ROLE_DENIED,
        ROLE_UNKNOWN
    } (*role_may)(void *arg, struct str role_arn, const char *action, const struct resource *what,
                  struct now now, struct buf *why);
    /* "AROA...:session" of a role session, in `a`; what a queue shows as SenderId. NULL: unknown. */
    struct str (*sender_id)(void *arg, struct arena *a, struct str role_arn, struct str session);
    void *role_arg;
};

void sinks_add(struct sinks *s, const struct sink *row);

/* Never fails: a door that leads nowhere says so.  Cost: arn_parse() and the service's one look-up. */
struct door door_find(const struct sinks *s, struct turn *t, struct str target_arn);
/* May the service do what the sink does to the target? False: *why gets the sentence for people.  Cost: one
 * evaluation of the target's policy. */
bool door_service_may(const struct door *d, const struct sender *from, struct buf *why);
/* Is the target there, may p->from, then delivers. */
enum delivery door_as_service(const struct door *d, const struct parcel *p, struct buf *why);

/* What a role is asked before it hands something on. */
struct role_asks {
    struct str role_arn;
    const char *action;  /* NULL: the sink's */
    struct str resource; /* absent: the target itself */
};
/* role_may, with the target's owner and policy; an owner nobody names is the role's account.  ROLE_UNKNOWN
 * too where nobody knows roles (role_may is NULL) and where Waybill does not deliver. */
enum role_verdict door_role_may(const struct door *d, const struct role_asks *asks, struct buf *why);
/* Delivers without asking: the caller has. */
enum delivery door_deliver(const struct door *d, const struct parcel *p, struct buf *why);

#endif
