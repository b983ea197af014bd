/* iam.h - roles, policies, and the one evaluator that says who may do what. */
#ifndef WAYBILL_SERVICE_IAM_H
#define WAYBILL_SERVICE_IAM_H

#include "flow/sink.h"
#include "wire/call.h"

struct iam;
struct iam_options {
    bool strict_permissions;
};
struct iam *iam_new(const struct iam_options *o);
struct iam *iam_free(struct iam *i);
void iam_load(struct iam *i, struct turn *t);
void iam_reset(struct iam *i, struct turn *t);
struct service iam_service(struct iam *i);

/* sinks.role_may.  Decisions are cached per (role, action, resource) until any role or policy changes, but
 * those that hang on the resource's own policy or on another account's resource. */
enum role_verdict iam_role_may(void *iam, struct str role_arn, const char *action,
                               const struct resource *what, struct now now, struct buf *why);
/* Does the role exist, and may `service` ("lambda.amazonaws.com") assume it? 0 ok, 1 unknown, 2 not
 * assumable. A condition on a key that has no value yet (aws:SourceArn: the function is only being made) does
 * not stand in the way: whoever wrote it will fulfil it when the time comes. aws:SourceAccount is the role's
 * account. */
int iam_role_state(void *iam, struct str role_arn, const char *service);

/* Session credentials, self-contained (no row): the access key is ASIA + 16 characters; account, role and
 * session name are in the token, signed with a key kept in the store. */
struct iam_credentials {
    struct str access_key_id, secret_access_key, session_token;
    int64_t expires_ms;
};
void iam_credentials(struct iam *i, struct arena *a, struct str role_arn, struct str session_name,
                     int64_t now_ms, int64_t duration_s, struct iam_credentials *ret);
/* "AROA...:session": what a queue shows as SenderId; a made-up id of the same form for a role unknown here.
 */
struct str iam_sender_id(void *iam, struct arena *a, struct str role_arn, struct str session);
/* Who is calling: from access key and X-Amz-Security-Token.  Keys of twelve digits name their account. */
void iam_principal(void *iam, struct arena *a, struct str access_key, struct str token,
                   struct str default_account, int64_t now_ms, struct principal *ret);
/* The secret of an access key, for whoever verifies signatures: the root pair's, or that of a session whose
 * token is good. In a, or borrowed until the next turn.  now_ms: the server's clock. */
enum secret_state iam_secret(void *iam, struct arena *a, struct str access_key, struct str token,
                             int64_t now_ms, struct str *ret);
/* The root pair: its holder is the operator of the server's default account.  False: there is none. Borrowed.
 */
struct iam_pair {
    struct str key, secret;
};
bool iam_root_pair(const struct iam *i, struct iam_pair *ret);
/* Makes one; one that was there is gone. */
void iam_root_make(struct iam *i, struct turn *t);
/* gate.may, the one question behind every call.  At home a role session needs an Allow of its own side
 * (identity policies within boundary and session policy) or of the resource, an operator needs none; in
 * another account both sides must allow, and an operator's own side always does.  A session whose role is
 * unknown here counts as its account's operator, unless permissions are strict: then it may nothing; one
 * whose role was deleted since, or made anew, is no session any more (iam_principal).  0, or -E_FAULT with
 * the denial in the words of the service (SQS writes the action in lower case). */
int iam_may(void *iam, struct call *c, const char *action, const struct resource *what);
/* For whoever runs calls: 0, or -E_FAULT (ExpiredTokenException, UnrecognizedClientException) when the
 * caller's own credentials are over or forged.  Costs nothing for everybody else. */
int iam_refuse_principal(struct call *c);

/* ---- for src/service/sts ---- */

/* What AssumeRole may add to a session; zeroed fields add nothing.  It all travels in the token. */
struct iam_tag_text {
    struct str key, value;
};
struct iam_session_extras {
    struct str policy;             /* session policy, checked */
    const struct str *policy_arns; /* managed session policies */
    size_t n_policy_arns;
    const struct iam_tag_text *tags; /* aws:PrincipalTag/key */
    size_t n_tags;
    struct str source_identity; /* aws:SourceIdentity */
};
void iam_credentials_with(struct iam *i, struct arena *a, struct str role_arn, struct str session_name,
                          int64_t now_ms, int64_t duration_s, const struct iam_session_extras *extras,
                          struct iam_credentials *ret);
/* GetSessionToken: the operator's own rights, for a while. */
void iam_operator_credentials(struct iam *i, struct arena *a, struct str account, int64_t now_ms,
                              int64_t duration_s, struct iam_credentials *ret);
/* The account a key was minted for, twelve digits; absent when it is not ours. */
struct str iam_key_account(struct iam *i, struct arena *a, struct str access_key);

/* May this caller take on the role?  Trust policy first, then, where it only delegates to the account, the
 * caller's own policies.  0; 1 when not (also when there is no such role: AWS does not tell the two apart).
 */
struct iam_assumption {
    struct str role_id;
    int64_t max_session_s;
};
int iam_may_assume(struct iam *i, const struct call *c, struct str role_arn, const char *action,
                   struct str external_id, const struct iam_session_extras *extras, struct str session_name,
                   struct iam_assumption *ret);
/* Is there such a managed policy (or an AWS one we do not know the text of)? */
bool iam_policy_exists(struct iam *i, struct str policy_arn);

#endif
