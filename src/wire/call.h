/* call.h - one API call as a service sees it: who asks, where, when, and how to answer.
 *
 * Life: the router makes a call from an exchange (operation found, input decoded and checked against the
 * model), the engine runs its handler inside a turn, the reply leaves after the turn's commit.
 *
 * A handler has the form
 *     static int create_queue(struct call *c, const void *input, void *output);
 * `input` points to the operation's input struct, `output` to a zeroed output struct (NULL where the model
 * has none).  It returns 0          answered: output is encoded (or the raw reply set with call_raw())
 *     -E_FAULT   after call_fault(): NOTHING may have been written to the store before (check first, write
 * last) -E_WAIT    the answer comes later: keep the call pointer and end it with call_reply() in a later
 * turn, or forget it when `on_gone` is called other      a bug or a broken machine: the client gets a 500
 * with an id the log can find
 *
 * Everything hanging on a call lives in c->mem, which ends with the last byte of the reply. */
#ifndef WAYBILL_WIRE_CALL_H
#define WAYBILL_WIRE_CALL_H

#include "base/resource.h"
#include "base/clock.h"
#include "base/segment.h"
#include "wire/fault.h"

struct call;
struct exchange;
struct turn;

struct principal {
    /* PRINCIPAL_OPERATOR: a key nobody minted here (the person at the keyboard, the deployer): may do
     * everything. PRINCIPAL_ROLE: credentials minted here for a role session (a function, AssumeRole): IAM
     * decides. PRINCIPAL_EXPIRED, PRINCIPAL_INVALID: a key minted here whose token is over, or is not the one
     * that belongs to it: every call is refused (iam_refuse_principal). PRINCIPAL_ANONYMOUS: nobody signed,
     * where signatures are verified: only a resource's own policy can let him in. */
    enum {
        PRINCIPAL_OPERATOR,
        PRINCIPAL_ROLE,
        PRINCIPAL_EXPIRED,
        PRINCIPAL_INVALID,
        PRINCIPAL_ANONYMOUS
    } kind;
    struct str account;
    struct str arn;      /* as GetCallerIdentity shows it */
    struct str user_id;  /* AROA...:session, or the account for an operator */
    struct str role_arn; /* PRINCIPAL_ROLE */
    const void *session; /* IAM's own: what else the token says; may be NULL */
};

/* What is known of the key a request is signed with, and of the session token beside it. */
enum secret_state { SECRET_FOUND, SECRET_UNKNOWN, SECRET_TOKEN_INVALID, SECRET_TOKEN_EXPIRED };

/* Who is asked whether a call may do what it wants: IAM (iam_may); cli/waybill.c puts it into the engine's
 * options. */
struct gate {
    int (*may)(void *arg, struct call *c, const char *action, const struct resource *what);
    void *arg;
};

struct call {
    uint32_t magic;
#define CALL_MAGIC 0xca11ab1eu
    struct arena *mem;
    struct exchange *x; /* headers of the request; do not write to it; NULL: nobody sent one (wire/inner.h) */
    const struct service_model *service;
    const struct op *op;
    enum protocol protocol;
    struct turn *turn; /* store, timers, effects; valid while the handler runs */
    struct now now;
    struct str region, account; /* account of the access key */
    struct str access_key;      /* absent when unsigned */
    struct principal principal;
    const struct gate *gate; /* NULL: everybody may do everything at home, nothing elsewhere */
    struct str request_id;   /* x-amzn-RequestId; a handler may replace it before it answers */
    void *state;             /* the service's own (struct service.state) */
    const void *input;
    void *output;

    struct fault fault;
    int status;               /* 0: the operation's own */
    struct buf extra_headers; /* "name: value\r\n"..., call_header() adds */
    bool raw;                 /* raw_body is the reply */
    struct str raw_body, raw_content_type;

    const struct segment *files; /* the reply's body lies there: call_files() */
    size_t n_files, *open_files;

    void (*on_gone)(struct call *c); /* client went away while -E_WAIT; NULL: nobody asks */
    void *waiting;                   /* the waiter's own */
    bool gone, inner;                /* inner: wire/inner.h */
    bool answered;                   /* the engine's: once */
    void *engine;                    /* the engine's own */
};

/* -E_FAULT always, so that handlers can `return call_fault(c, &row, "...")`. */
int call_fault(struct call *c, const struct error_row *row, const char *fmt, ...) PRINTF(3, 4);
void call_header(struct call *c, const char *name, struct str value);
/* A reply body of our own making; status 0 keeps the operation's.  body must live in c->mem or be static. */
void call_raw(struct call *c, int status, const char *content_type, struct str body);
/* The output's payload lies in open files, which the call takes over, and is sent as fast as the client
 * reads.  v must live in c->mem, n > 0.  *open counts the descriptors until they are closed; it must live as
 * long as the server. */
void call_files(struct call *c, const struct segment *v, size_t n, size_t *open);
struct str call_request_header(const struct call *c,
                               const char *name);   /* absent when not sent; name in any case */
struct str call_host(const struct call *c);         /* "127.0.0.1:4566": what the client used */
struct str call_peer_address(const struct call *c); /* "127.0.0.1", without port or brackets */
struct str call_body(const struct call *c);         /* the request's bytes */

/* Ends a call that answered -E_WAIT.  Must run inside a turn; the reply leaves after its commit. */
void call_reply(struct call *c, int result);

/* May this caller do `action` ("sqs:SendMessage") on that?  0, or -E_FAULT with the service's own access
 * denied fault. Operators may do everything in their account; in another one they need, as everybody does,
 * the resource's word. */
int call_may(struct call *c, const char *action, const struct resource *what);
/* The same about what belongs to the caller's own account and has no policy of its own: lists ("*"), what is
 * only being made, what no other account can name. */
int call_may_own(struct call *c, const char *action, struct str arn);
/* May this caller hand the role to the service it calls (iam:PassRole, with iam:PassedToService)?  Whoever
 * sets a role asks this: what runs as the role afterwards does what the role may do, not what the caller may.
 * An absent role passes. */
int call_may_pass(struct call *c, struct str role_arn);

/* A service: its model and its handlers by operation name. */
struct handler {
    const char *op;
    int (*fn)(struct call *c, const void *input, void *output);
    /* Rough cost of the body the operation may carry; 0: the default limit of 1 MiB + 64 KiB. */
    size_t max_body_bytes;
};
struct service {
    const struct service_model *model;
    const struct handler *handlers;
    size_t n_handlers;
    void *state;        /* reaches handlers as c->state */
    bool checks_itself; /* its errors for missing and forbidden members are not
                           the common ValidationException (SQS) */
};

#endif
