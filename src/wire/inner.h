/* inner.h - an operation performed for a principal inside a turn, without a socket.
 *
 * What one part of the server wants of a service on somebody's behalf (a stack that creates a function, a
 * page that sends an event), it asks for as that somebody would: the input is decoded and checked against the
 * model, IAM is asked about the principal, the service's own handler does the work, in the turn of whoever
 * asks.  What was written is durable with that turn, or undone with it.
 *
 *   inner_begin() ──answered, refused──> done(), before inner_begin() returns
 *        │ the handler answers later (a package is read, a poll is long)
 *        └──> WAITING ──> done(), in a later turn
 *                 └──inner_cancel() is true──> gone: done() is never called
 *
 * Cost: what the operation costs, and a walk over the names of all operations. */
#ifndef WAYBILL_WIRE_INNER_H
#define WAYBILL_WIRE_INNER_H

#include "wire/call.h"

struct inner_request {
    const char *service, *op; /* as the models name them: "lambda", "CreateFunction" */
    struct str json;          /* the input, as the JSON protocols write it, whatever the service speaks */
    struct principal principal;
    struct str region;
};

struct inner {
    struct call call; /* in done(): call.output, or call.raw_body where call.raw; call.fault after -E_FAULT */
    void (*done)(struct inner *i, int result); /* 0 or -E_FAULT, inside a turn; call.mem may end with it */
    void *arg;
    bool waiting;
    uint32_t magic;
#define INNER_MAGIC 0x199e4ca1u
};

/* Inside a turn.  `mem` is the call's: it must last until done() was called, or inner_cancel(); the request's
 * texts must last as long.  Refused like everybody: an operation that is not served, an input that does not
 * fit, a principal that may not.  An output that lies in files (an S3 object of some size) is refused too:
 * there is no socket to send it to. */
struct inner *inner_begin(struct turn *t, struct arena *mem, const struct inner_request *r,
                          void (*done)(struct inner *i, int result), void *arg);
/* Whoever waits does not want it any more; what the operation has done stays done.  Inside a turn, while
 * waiting.  False: the operation goes on without asking, and done() is called all the same. */
bool inner_cancel(struct inner *i, struct turn *t);
/* In done() after 0: the output as JSON, in call.mem; empty where the operation has none. */
struct str inner_json(struct inner *i);

#endif
