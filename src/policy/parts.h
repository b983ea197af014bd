/* parts.h - what a compiled policy is made of; private to this room.
 *
 * Everything hangs in the policy's arena.  A request being answered is a struct ask: it remembers the
 * resource cut into segments and the action in lower case, so that no statement does it again, and whether
 * anybody looked at a context key. */
#ifndef WAYBILL_POLICY_PARTS_H
#define WAYBILL_POLICY_PARTS_H

#include "base/json.h"
#include "policy/policy.h"

/* A text to compare with.  GLOB_PIECES only where variables or escapes ${*} stand. */
enum glob_kind { GLOB_ALL, GLOB_LITERAL, GLOB_PLAIN, GLOB_PIECES };
enum piece_kind { PIECE_TEXT, PIECE_RUN /* '*' */, PIECE_ONE /* '?' */, PIECE_VARIABLE };
struct piece {
    enum piece_kind kind;
    struct str text, fallback;
}; /* variable: key, value when the key is missing */
struct glob {
    enum glob_kind kind;
    struct str text;
    struct piece *pieces;
    uint32_t n_pieces;
};

/* An ARN pattern: "*" takes everything, the rest goes segment by segment. */
#define ARN_PARTS 6
struct arn_glob {
    bool all;
    struct glob part[ARN_PARTS];
};

/* One entry of a Principal.  WHO_ACCOUNT is an account or its root; WHO_ARN a role, user or session, compared
 * whole. */
enum who_kind { WHO_ALL, WHO_ACCOUNT, WHO_ARN, WHO_SERVICE, WHO_FEDERATED };
struct who {
    enum who_kind kind;
    struct str text;
};

/* Operators are a kind, a comparison, a quantifier and two switches; the table in policy_condition.c ties
 * AWS's names to them.  A negated operator is its positive twin asked the other way round, never a kind of
 * its own. */
enum operator_kind {
    OP_STRING,
    OP_STRING_NOCASE,
    OP_STRING_LIKE,
    OP_NUMBER,
    OP_DATE,
    OP_BOOL,
    OP_BINARY,
    OP_IP,
    OP_ARN,
    OP_NULL
};
enum compare { CMP_EQ, CMP_LT, CMP_LE, CMP_GT, CMP_GE };
enum quantifier { Q_NONE, Q_ANY, Q_ALL };

/* An address range; IPv4 in the first four bytes.  bits: how many of them count. */
struct cidr {
    uint8_t b[16];
    uint8_t bits;
    bool v6;
};
/* One value of the policy, read when the policy is compiled; which fields count depends on the condition's
 * kind. */
struct operand {
    struct glob glob; /* strings, binary */
    struct arn_glob *arn;
    double number;
    int64_t when_ms;
    bool truth;
    struct cidr net;
};
struct condition {
    enum operator_kind kind;
    enum compare compare;
    enum quantifier quantifier;
    bool negated, if_exists;
    struct str key;
    struct operand *values;
    uint32_t n;
};

/* A statement matches when principal, action, resource and every condition do. */
struct statement {
    bool allow, not_action, not_resource, not_principal;
    struct glob *actions; /* lower case */
    uint32_t n_actions;
    struct arn_glob *resources;
    uint32_t n_resources; /* 0: the resource the policy belongs to */
    struct who *whos;
    uint32_t n_whos;
    struct condition *conditions;
    uint32_t n_conditions;
};

struct policy {
    enum policy_kind kind;
    bool variables; /* version 2012-10-17 */
    struct statement *statements;
    uint32_t n;
    struct arena *mem;
};

struct ask {
    const struct policy_request *r;
    bool asked;
    bool resource_cut; /* six segments stand in part[] */
    struct str part[ARN_PARTS];
    struct str action;
    char action_text[160]; /* longer actions match nothing but "*" */
};

/* Values of a context key; n == 0: missing.  `one` and `text` hold values made on the spot. */
struct key_values {
    const struct str *v;
    size_t n;
    struct str one;
    char text[32];
};
void ask_values(struct ask *a, struct str key, struct key_values *ret);

/* policy_condition.c */
bool arn_cut(struct str text, struct str part[ARN_PARTS]); /* false: fewer than six segments */
bool glob_match(struct ask *a, const struct glob *g, struct str s, bool nocase);
bool arn_glob_match(struct ask *a, const struct arn_glob *g, const struct str part[ARN_PARTS], bool cut,
                    struct str whole);
/* wild: '*' and '?' are patterns; variables: ${...} are. */
struct glob glob_compile(struct arena *a, struct str text, bool wild, bool variables);
struct arn_glob arn_glob_compile(struct arena *a, struct str text, bool variables);
bool condition_holds(struct ask *a, const struct condition *c, bool allow);
/* "ForAnyValue:StringNotLikeIfExists" -> fields of *ret; -E_NOT_FOUND when there is no such operator. */
int condition_operator(struct str name, struct condition *ret);
/* One value into *ret as the operator wants it; -E_INVALID when it is no such value. */
int condition_operand(struct arena *a, const struct condition *c, struct str text, bool variables,
                      struct operand *ret);

#endif
