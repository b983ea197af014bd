/* state.h - what IAM knows: roles, managed policies, and how they hang together.  Private to this folder.
 *
 * Everything lives in memory and is written through in the turn that changes it (tables:
 * store/schema/40-iam.sql); iam_load() reads it back, also after a turn that could not be committed.  All
 * strings are owned copies (str_own()/str_drop()).  Names compare without case within an account, as IAM
 * does; ARNs with case. Whoever changes a role or policy calls iam_changed(): cached verdicts are worthless
 * from then on. */
#ifndef WAYBILL_SERVICE_IAM_STATE_H
#define WAYBILL_SERVICE_IAM_STATE_H

#include "base/json.h"
#include "base/map.h"
#include "policy/policy.h"
#include "turn/turn.h"
#include "model/iam.h"
#include "service/iam/iam.h"

/* Quotas (IAM user guide, "IAM and AWS STS quotas"; all are the defaults of a fresh account). */
#define IAM_MAX_ROLES 1000
#define IAM_MAX_POLICIES 1500
#define IAM_MAX_ATTACHED 10
#define IAM_MAX_VERSIONS 5
#define IAM_MAX_TAGS 50
#define IAM_MAX_INLINE_BYTES 10240      /* all inline policies of a role, without white space */
#define IAM_MAX_INLINE_RAW_BYTES 131072 /* the same with white space; ours: AWS says nothing */
#define IAM_MAX_MANAGED_BYTES 6144
#define IAM_MAX_TRUST_BYTES 2048
#define IAM_MAX_ACCOUNTS 100 /* ours: keys of twelve digits open accounts */

/* Keys compare without case, values are the user's; at most IAM_MAX_TAGS of them. */
struct tag {
    struct str key, value;
};
struct tags {
    struct tag *v;
    size_t n;
};

/* A policy written into one role.  policy is NULL when the document does not compile any more (see save.c).
 */
struct inline_policy {
    struct str name, document;
    struct policy *policy;
};

/* A role: who may become it (trust), what it may do (inlines, attached) and never more than (boundary).
 * attached and boundary are ARNs, not pointers: AWS's policies may be named here without being known, and a
 * customer's policy cannot be deleted while a role names it. */
struct role {
    uint32_t magic; /* from iam_role_add() to iam_role_drop() */
#define ROLE_MAGIC 0x1a40701eu
    uint64_t id; /* 0: has no row yet */
    struct str account, name, path, role_id, arn;
    int64_t created_ms, max_session_s;
    struct str trust, description; /* description absent: none */
    struct policy *trust_policy;
    struct str boundary; /* ARN; absent: none */
    struct tags tags;
    struct inline_policy *inlines; /* sorted by name */
    size_t n_inlines;
    struct str attached[IAM_MAX_ATTACHED]; /* ARNs, in the order of attaching */
    size_t n_attached;
};

/* A managed policy and its versions: exactly one is the default, and only that one grants or denies.  Numbers
 * are never given twice: v3 follows v2 also after v2 was deleted. */
struct policy_version {
    int64_t number, created_ms;
    struct str document;
    struct policy *policy;
};
struct managed {
    uint32_t magic; /* from iam_managed_add() to iam_managed_drop() */
#define MANAGED_MAGIC 0x1a4071c7u
    uint64_t id; /* 0: AWS's own */
    struct str account, name, path, policy_id, arn, description;
    int64_t created_ms, updated_ms;
    int64_t default_version, next_version;
    struct tags tags;
    struct policy_version versions[IAM_MAX_VERSIONS]; /* oldest first */
    size_t n_versions;
};

/* Everything.  Roles and policies stand in two maps each; generation rises with every change and is what
 * makes a remembered verdict old. */
struct verdict; /* authorize.c */
struct iam_root {
    struct str key, secret;
    bool active;
    int64_t created_ms;
}; /* key absent: there is none */
struct iam {
    uint32_t magic;
#define IAM_MAGIC 0x1a401a40u
    bool strict;
    struct map roles; /* account/name in lower case -> struct role */
    struct map roles_by_arn;
    struct map policies;     /* ARN -> struct managed, AWS's own too */
    struct map policy_names; /* account/name in lower case -> struct managed */
    uint64_t generation;
    struct verdict *verdicts;
    bool have_secret;
    uint8_t secret[32]; /* signs session tokens */
    struct iam_root root;
    int64_t since_ms; /* when this account began: CreateDate of its root user */
};

void iam_changed(struct iam *i);
/* CHECKs that the maps agree with each other and with what stands in them.  For tests: looks at everything.
 */
void iam_check(const struct iam *i);

/* ---- state.c: finding and dropping ----
 * NULL is "no such".  Found objects stay where they are until dropped; the maps own nothing. Lookups by name
 * are without case, as is their uniqueness (that AWS finds a role by another case too is UNVERIFIED). */
struct role *iam_role_find(const struct iam *i, struct str account, struct str name);
struct role *iam_role_by_arn(const struct iam *i, struct str arn);
struct managed *iam_managed_find(const struct iam *i, struct str arn);
struct managed *iam_managed_by_name(const struct iam *i, struct str account, struct str name);
void iam_role_add(struct iam *i, struct role *r); /* takes r */
void iam_role_drop(struct iam *i, struct role *r);
void iam_managed_add(struct iam *i, struct managed *m);
void iam_managed_drop(struct iam *i, struct managed *m);
const struct policy_version *iam_managed_default(const struct managed *m);
struct policy_version *iam_managed_version(struct managed *m, int64_t number);
struct inline_policy *iam_role_inline(const struct role *r, struct str name); /* NULL when none */
void iam_role_inline_put(struct role *r, struct str name, struct str document,
                         struct policy *policy); /* takes policy */
void iam_role_inline_drop(struct role *r, struct inline_policy *p);
bool iam_role_has_attached(const struct role *r, struct str arn);
bool iam_is_aws_arn(struct str arn); /* arn:aws:iam::aws:policy/... */
struct str iam_arn_role(struct arena *a, struct str account, struct str path, struct str name);
struct str iam_arn_policy(struct arena *a, struct str account, struct str path, struct str name);
size_t iam_count_attached(const struct iam *i, struct str policy_arn); /* roles that have it */
size_t iam_count_boundaries(const struct iam *i, struct str policy_arn);
/* All roles, or managed policies, of an account by name; in the arena. */
size_t iam_roles_of(const struct iam *i, struct arena *a, struct str account, struct role ***ret);
size_t iam_managed_of(const struct iam *i, struct arena *a, struct str account, struct managed ***ret);

/* ---- common.c: what all handlers share ----
 * Functions that return int give 0, or -E_FAULT with the fault set; nothing has been changed then. */
#define IAM(c) CAST(struct iam, IAM_MAGIC, (c)->state)
int iam_no_such(struct call *c, const char *fmt, ...) PRINTF(2, 3);    /* NoSuchEntity */
int iam_invalid(struct call *c, const char *fmt, ...) PRINTF(2, 3);    /* ValidationError */
int iam_over_limit(struct call *c, const char *fmt, ...) PRINTF(2, 3); /* LimitExceeded */
/* May the caller do this operation (iam:<its name>) on the resource? */
int iam_allowed(struct call *c, struct str resource);
/* The role of the call's account, after iam_allowed(). */
int iam_need_role(struct call *c, struct str name, struct role **ret);
int iam_need_changeable_role(struct call *c, struct str name,
                             struct role **ret); /* not one of a service's own */
int iam_need_policy(struct call *c, struct str arn, struct managed **ret);
int iam_need_own_policy(struct call *c, struct str arn, struct managed **ret); /* not one of AWS's */
/* A policy that may be attached: *ret NULL for an AWS policy whose text is not known. */
int iam_need_attachable(struct call *c, struct str arn, const char *missing, struct managed **ret);
int iam_check_document(struct call *c, enum policy_kind kind, struct str document, struct policy **ret);
struct str iam_url_encode(struct arena *a, struct str s);   /* documents leave this way */
struct opt_time iam_time(int64_t ms);                       /* whole seconds */
struct str iam_new_id(struct arena *a, const char *prefix); /* "AROA" + 17 characters */

/* Part of a list: keys in the order shown; Marker is the last key of the page before. */
struct page {
    size_t from, to;
    struct opt_bool truncated;
    struct str marker;
};
int iam_page_of(struct call *c, struct str marker, struct opt_int max_items, const struct str *keys, size_t n,
                struct page *ret);

void iam_tags_done(struct tags *t);
struct str iam_tags_json(struct arena *a, const struct tags *t);
void iam_tags_read(struct tags *t, struct str json);
struct iam_tagListType iam_tags_list(struct arena *a, const struct tags *t);
int iam_tags_check(struct call *c, const struct tags *have,
                   const struct iam_tagListType *more); /* doubles, quota */
void iam_tags_put(struct tags *t, const struct iam_tagListType *more);
void iam_tags_drop(struct tags *t, const struct iam_tagKeyListType *keys);
int iam_tags_page(struct call *c, const struct tags *t, struct str marker, struct opt_int max_items,
                  struct iam_tagListType *ret, struct opt_bool *ret_truncated, struct str *ret_marker);

/* ---- save.c: rows ----
 * Called inside the turn that changes memory, before or after the change, but never without it. */
void iam_save_role(struct store *s, struct role *r); /* inserts (id 0) or updates */
void iam_save_role_gone(struct store *s, const struct role *r);
void iam_save_inline(struct store *s, const struct role *r, const struct inline_policy *p);
void iam_save_inline_gone(struct store *s, const struct role *r, struct str name);
void iam_save_attached(struct store *s, const struct role *r, struct str arn);
void iam_save_attached_gone(struct store *s, const struct role *r, struct str arn);
void iam_save_managed(struct store *s, struct managed *m);
void iam_save_managed_gone(struct store *s, const struct managed *m);
void iam_save_version(struct store *s, const struct managed *m, const struct policy_version *v);
void iam_save_version_gone(struct store *s, const struct managed *m, int64_t number);
void iam_load_all(struct iam *i, struct store *s);

/* ---- authorize.c ---- */
/* Everything that bears on what a role may do, ready for policy_decide(). */
#define ROLE_POLICIES_MAX 192 /* what the quotas let a role have, and then some */
struct role_policies {
    const struct policy *v[ROLE_POLICIES_MAX];
    size_t n;
    const struct policy *boundary;
    struct str unknown; /* an attached AWS policy whose text is not known; absent: none */
};

void iam_role_policies(const struct iam *i, const struct role *r, struct role_policies *ret);
/* Context keys a role brings along: aws:PrincipalTag/... and so on; in the arena. */
size_t iam_role_keys(struct arena *a, const struct role *r, const struct iam_session_extras *extras,
                     struct policy_key **ret);
void iam_verdicts_free(struct iam *i);

/* ---- access_key.c ---- */
void iam_root_load(struct iam *i, struct store *s);
void iam_root_free(struct iam *i);

/* ---- session.c ----
 * What a token of ours says; hangs in the call's arena (struct principal.session). */
struct iam_session {
    struct iam_session_extras extras;
    struct str role_arn, role_id, name, account;
};

/* The secret of a key minted for a session, made again from its token; in a. */
enum secret_state iam_session_secret(struct iam *i, struct arena *a, struct str access_key, struct str token,
                                     int64_t now_ms, struct str *ret);

/* ---- handlers ----
 * By the operation's name; the table in iam.c ties them to it.  Input and output are the structs of
 * model/iam.h: struct iam_<Operation>Request and struct iam_<Operation>Response (output NULL where there is
 * none). */
int iam_create_role(struct call *c, const void *input, void *output);
int iam_get_role(struct call *c, const void *input, void *output);
int iam_update_role(struct call *c, const void *input, void *output);
int iam_update_role_description(struct call *c, const void *input, void *output);
int iam_update_assume_role_policy(struct call *c, const void *input, void *output);
int iam_delete_role(struct call *c, const void *input, void *output);
int iam_list_roles(struct call *c, const void *input, void *output);
int iam_tag_role(struct call *c, const void *input, void *output);
int iam_untag_role(struct call *c, const void *input, void *output);
int iam_list_role_tags(struct call *c, const void *input, void *output);
int iam_list_instance_profiles_for_role(struct call *c, const void *input, void *output);
int iam_create_service_linked_role(struct call *c, const void *input, void *output);
int iam_delete_service_linked_role(struct call *c, const void *input, void *output);
int iam_get_service_linked_role_deletion_status(struct call *c, const void *input, void *output);
int iam_list_account_aliases(struct call *c, const void *input, void *output);
int iam_get_user(struct call *c, const void *input, void *output);
int iam_put_role_policy(struct call *c, const void *input, void *output);
int iam_get_role_policy(struct call *c, const void *input, void *output);
int iam_delete_role_policy(struct call *c, const void *input, void *output);
int iam_list_role_policies(struct call *c, const void *input, void *output);
int iam_attach_role_policy(struct call *c, const void *input, void *output);
int iam_detach_role_policy(struct call *c, const void *input, void *output);
int iam_list_attached_role_policies(struct call *c, const void *input, void *output);
int iam_put_role_permissions_boundary(struct call *c, const void *input, void *output);
int iam_delete_role_permissions_boundary(struct call *c, const void *input, void *output);
int iam_create_policy(struct call *c, const void *input, void *output);
int iam_get_policy(struct call *c, const void *input, void *output);
int iam_delete_policy(struct call *c, const void *input, void *output);
int iam_list_policies(struct call *c, const void *input, void *output);
int iam_create_policy_version(struct call *c, const void *input, void *output);
int iam_get_policy_version(struct call *c, const void *input, void *output);
int iam_list_policy_versions(struct call *c, const void *input, void *output);
int iam_delete_policy_version(struct call *c, const void *input, void *output);
int iam_set_default_policy_version(struct call *c, const void *input, void *output);
int iam_list_entities_for_policy(struct call *c, const void *input, void *output);
int iam_tag_policy(struct call *c, const void *input, void *output);
int iam_untag_policy(struct call *c, const void *input, void *output);
int iam_list_policy_tags(struct call *c, const void *input, void *output);
int iam_simulate_principal_policy(struct call *c, const void *input, void *output);
int iam_simulate_custom_policy(struct call *c, const void *input, void *output);

#endif
