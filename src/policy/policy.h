/* policy.h - who may do what: AWS policy documents, compiled once, asked often.
 *
 * A document (identity policy, resource policy, trust policy) becomes a struct policy: owned, immutable,
 * holding copies of everything.  Questions are pure functions of (policies, request, now): they allocate
 * nothing, open nothing, and may be asked as often as one likes.
 *
 * Rules (IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements"):
 *   - an explicit Deny anywhere wins; without an Allow the answer is no;
 *   - actions compare without case, resources with case, ARN patterns segment by segment (the sixth takes the
 * rest, missing ones are completed by "*"); variables ${key} and ${key, 'default'} live in version 2012-10-17
 * only;
 *   - a missing context key makes a condition false, but for negated operators, ...IfExists and ForAllValues
 * (true) and Null;
 *   - same account: the identity's policies (within boundary and session policy) or a resource policy that
 * names the caller; a resource policy that names the caller's account only delegates: the identity side must
 * still allow.  Another account: both sides must.  A service: the resource policy alone. */
#ifndef WAYBILL_POLICY_POLICY_H
#define WAYBILL_POLICY_POLICY_H

#include "base/buf.h"
#include "base/clock.h"

struct policy;

enum policy_kind {
    POLICY_IDENTITY, /* no Principal; Resource required */
    POLICY_RESOURCE, /* Principal required; Resource may be missing: itself */
    POLICY_TRUST,    /* Principal required; Resource forbidden; sts actions */
};

/* Checks and compiles.  0, or -E_INVALID and in *ret_why (may be NULL) the sentence AWS puts into
 * MalformedPolicyDocument.  `text` need not outlive the call. */
int policy_parse(enum policy_kind kind, struct str text, struct policy **ret, struct buf *ret_why);
struct policy *policy_free(struct policy *p); /* NULL is fine; returns NULL */
/* Allows nothing, denies nothing: stands for a policy whose text is not known.  Static: never freed. */
extern const struct policy policy_empty;
size_t policy_statement_count(const struct policy *p);
/* The size quotas count: bytes of the document without white space. */
size_t policy_size_bytes(struct str text);

/* Who asks.  All strings are borrowed for the length of the call. */
enum policy_caller_kind {
    CALLER_ANONYMOUS,
    CALLER_ACCOUNT, /* the account itself: root, our operators */
    CALLER_ROLE,    /* a role session */
    CALLER_SERVICE, /* "sns.amazonaws.com" */
};
struct policy_caller {
    enum policy_caller_kind kind;
    struct str account;  /* twelve digits; absent for services */
    struct str arn;      /* session: arn:aws:sts::A:assumed-role/R/S; root ARN */
    struct str role_arn; /* CALLER_ROLE: arn:aws:iam::A:role/path/R */
    struct str user_id;  /* aws:userid: AROA...:session */
    struct str service;  /* CALLER_SERVICE */
};

/* A context key and its values; names compare without case.  Keys given here come before the built-in ones:
 * aws:PrincipalArn, PrincipalAccount, PrincipalType, PrincipalIsAWSService, PrincipalServiceName, userid,
 * SecureTransport (always "true": conditions written for production must hold on a local endpoint),
 * ViaAWSService ("false"), CurrentTime, EpochTime, RequestedRegion and ResourceAccount (both from the
 * request). */
struct policy_key {
    struct str name;
    const struct str *values;
    size_t n;
};

struct policy_request {
    struct policy_caller caller;
    struct str action;   /* "sqs:SendMessage" */
    struct str resource; /* an ARN, or "*" when the action has none */
    struct str region;   /* aws:RequestedRegion; absent: not known */
    const struct policy_key *keys;
    size_t n_keys;
    struct now now; /* wall_ms 0: not known, aws:CurrentTime is missing */
    /* A condition on a key nobody knows yet does not stand in the way: it holds in an Allow and fails in a
     * Deny. For checks made ahead of time ("could Lambda assume this role?"). */
    bool lenient;
    /* `keys` is all there is: what is missing would be missing at AWS, too (a simulation says what is there).
     * Otherwise a key that AWS fills in and Waybill never does cannot be judged (s3:prefix, sns:Protocol,
     * aws:ResourceTag/...: see policy_condition.c): a condition on one holds in a Deny and fails in an Allow,
     * whatever its operator. */
    bool whole;
};

/* What one policy says: bits. */
enum {
    POLICY_ALLOWS = 1,         /* an Allow matches (and names the caller, or all) */
    POLICY_ALLOWS_ACCOUNT = 2, /* an Allow names only the caller's account */
    POLICY_ALLOWS_SESSION = 4, /* an Allow names this very session */
    POLICY_DENIES = 8,
    POLICY_ASKED = 16, /* the answer hangs on time or a context key: never cache it */
};
unsigned policy_evaluate(const struct policy *p, const struct policy_request *r);
/* One statement of it, 0 .. policy_statement_count() - 1: which ones spoke (simulation). */
unsigned policy_evaluate_one(const struct policy *p, size_t i, const struct policy_request *r);
/* Every context key a policy's conditions and variables name is reported once per mention. */
void policy_keys(const struct policy *p, void (*each)(void *arg, struct str key), void *arg);
bool policy_key_builtin(struct str key); /* one the evaluator knows by itself */

/* All policies that bear on one request. */
struct policy_set {
    bool unrestricted; /* identity side: everything (operators) */
    const struct policy *const *identity;
    size_t n_identity;
    const struct policy *boundary;       /* NULL: none */
    const struct policy *const *session; /* passed to AssumeRole */
    size_t n_session;                    /* 0: none */
    const struct policy *resource;       /* the resource's own; NULL: none */
    struct str resource_account;         /* its owner; absent: the caller's account */
    bool trust;                          /* `resource` is a role's trust policy: it must allow */
};

enum policy_reason {
    REASON_ALLOWED,
    REASON_DENY_IDENTITY,
    REASON_DENY_BOUNDARY,
    REASON_DENY_SESSION,
    REASON_DENY_RESOURCE,
    REASON_NO_IDENTITY,
    REASON_NO_BOUNDARY,
    REASON_NO_SESSION,
    REASON_NO_RESOURCE,
};
struct policy_decision {
    bool allowed;
    bool asked; /* as POLICY_ASKED */
    enum policy_reason reason;
};
struct policy_decision policy_decide(const struct policy_set *set, const struct policy_request *r);

/* "because no identity-based policy allows the sqs:SendMessage action", "with an explicit deny in an
 * identity-based policy"; nothing for REASON_ALLOWED. */
void policy_reason_text(struct buf *b, enum policy_reason reason, struct str action);

#endif
