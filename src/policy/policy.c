/* policy.c - evaluation of compiled policies: which statements match, and what follows from all of them.
 *
 * True here: nothing is allocated, nothing is written but the struct ask on the caller's stack; a Deny is
 * looked for in every statement before an Allow counts. */
#include <ctype.h>
#include <stdio.h>
#include "policy/parts.h"

const struct policy policy_empty = { .kind = POLICY_IDENTITY };

struct policy *policy_free(struct policy *p)
{
    if (p != NULL)
        arena_free(p->mem);
    return NULL;
}

size_t policy_statement_count(const struct policy *p) { return p->n; }

/* ---- context keys ---- */

static void one_value(struct key_values *kv, struct str value)
{
    kv->one = value;
    kv->v = &kv->one;
    kv->n = str_absent(value) ? 0 : 1;
}

/* aws:PrincipalArn is the role's ARN, not the session's. */
static void key_principal_arn(struct ask *a, struct key_values *kv)
{
    const struct policy_caller *c = &a->r->caller;

    one_value(kv, c->kind == CALLER_ROLE ? c->role_arn : c->arn);
}
static void key_principal_account(struct ask *a, struct key_values *kv)
{
    one_value(kv, a->r->caller.account);
}
static void key_userid(struct ask *a, struct key_values *kv) { one_value(kv, a->r->caller.user_id); }
static void key_region(struct ask *a, struct key_values *kv) { one_value(kv, a->r->region); }
static void key_true(struct ask *a, struct key_values *kv)
{
    (void)a;
    one_value(kv, STR("true"));
}
static void key_false(struct ask *a, struct key_values *kv)
{
    (void)a;
    one_value(kv, STR("false"));
}
static void key_service_name(struct ask *a, struct key_values *kv) { one_value(kv, a->r->caller.service); }

static void key_principal_type(struct ask *a, struct key_values *kv)
{
    static const char *const types[] = {
        [CALLER_ANONYMOUS] = "Anonymous",
        [CALLER_ACCOUNT] = "Account",
        [CALLER_ROLE] = "AssumedRole",
    };
    enum policy_caller_kind k = a->r->caller.kind;

    one_value(kv, k == CALLER_SERVICE ? STR_NONE : str_of(types[k]));
}

static void key_is_service(struct ask *a, struct key_values *kv)
{
    one_value(kv, a->r->caller.kind == CALLER_SERVICE ? STR("true") : STR("false"));
}

static void key_resource_account(struct ask *a, struct key_values *kv)
{
    one_value(kv, a->resource_cut && a->part[4].n == 12 ? a->part[4] : STR_NONE);
}

static void key_current_time(struct ask *a, struct key_values *kv)
{
    struct when_parts w = when_parts(a->r->now.wall_ms);
    int n = snprintf(kv->text, sizeof(kv->text), "%04d-%02d-%02dT%02d:%02d:%02dZ", w.year, w.month, w.day,
                     w.hour, w.minute, w.second);

    a->asked = true;
    one_value(kv,
              a->r->now.wall_ms == 0 ? STR_NONE : str_make(kv->text, MIN((size_t)n, sizeof(kv->text) - 1)));
}

static void key_epoch_time(struct ask *a, struct key_values *kv)
{
    int n = snprintf(kv->text, sizeof(kv->text), "%lld", (long long)(a->r->now.wall_ms / 1000));

    a->asked = true;
    one_value(kv, a->r->now.wall_ms == 0 ? STR_NONE : str_make(kv->text, (size_t)n));
}

static const struct {
    const char *name;
    void (*get)(struct ask *a, struct key_values *kv);
} builtin_keys[] = {
    { "aws:PrincipalArn", key_principal_arn },
    { "aws:PrincipalAccount", key_principal_account },
    { "aws:PrincipalType", key_principal_type },
    { "aws:PrincipalIsAWSService", key_is_service },
    { "aws:PrincipalServiceName", key_service_name },
    { "aws:userid", key_userid },
    { "aws:SecureTransport", key_true },
    { "aws:ViaAWSService", key_false },
    { "aws:CurrentTime", key_current_time },
    { "aws:EpochTime", key_epoch_time },
    { "aws:RequestedRegion", key_region },
    { "aws:ResourceAccount", key_resource_account },
};

bool policy_key_builtin(struct str key)
{
    for (size_t i = 0; i < ARRAY_LEN(builtin_keys); i++)
        if (str_eq_nocase(str_of(builtin_keys[i].name), key))
            return true;
    return false;
}

void ask_values(struct ask *a, struct str key, struct key_values *ret)
{
    ret->n = 0;
    for (size_t i = 0; i < a->r->n_keys; i++)
        if (str_eq_nocase(a->r->keys[i].name, key)) {
            a->asked = true;
            ret->v = a->r->keys[i].values;
            ret->n = a->r->keys[i].n;
            return;
        }
    for (size_t i = 0; i < ARRAY_LEN(builtin_keys); i++)
        if (str_eq_nocase(str_of(builtin_keys[i].name), key)) {
            builtin_keys[i].get(a, ret);
            return;
        }
    a->asked = true; /* another request may bring it */
}

/* ---- one statement ---- */

/* "sns.us-east-1.amazonaws.com" is "sns.amazonaws.com". */
static bool service_eq(struct str a, struct str b)
{
    struct str names[2] = { a, b }, head[2], tail[2];

    if (str_eq_nocase(a, b))
        return true;
    for (size_t i = 0; i < 2; i++) {
        struct str rest = names[i], region;

        if (!str_cut(&rest, '.', &head[i]) || str_absent(rest))
            return false;
        tail[i] = rest;
        if (str_cut(&rest, '.', &region) && str_find(region, '-') > 0 &&
            isdigit((unsigned char)region.p[region.n - 1]))
            tail[i] = rest;
    }
    return str_eq_nocase(head[0], head[1]) && str_eq_nocase(tail[0], tail[1]);
}

/* The POLICY_ALLOWS... bits of one principal entry; 0: it is somebody else. */
static unsigned who_match(const struct who *w, const struct policy_caller *c)
{
    switch (w->kind) {
    case WHO_ALL: return POLICY_ALLOWS;
    case WHO_ACCOUNT:
        return c->account.n > 0 && c->kind != CALLER_SERVICE && str_eq(w->text, c->account)
                   ? POLICY_ALLOWS_ACCOUNT
                   : 0;
    case WHO_ARN:
        if (c->arn.n > 0 && str_eq(w->text, c->arn))
            return c->kind == CALLER_ROLE ? POLICY_ALLOWS_SESSION : POLICY_ALLOWS;
        return c->kind == CALLER_ROLE && str_eq(w->text, c->role_arn) ? POLICY_ALLOWS : 0;
    case WHO_SERVICE: return c->kind == CALLER_SERVICE && service_eq(w->text, c->service) ? POLICY_ALLOWS : 0;
    case WHO_FEDERATED: /* nobody can log in through one here */ return 0;
    }
    return 0;
}

static unsigned principal_match(const struct policy *p, const struct statement *s,
                                const struct policy_caller *c)
{
    unsigned bits = 0;

    if (p->kind == POLICY_IDENTITY)
        return POLICY_ALLOWS;
    for (uint32_t i = 0; i < s->n_whos; i++)
        bits |= who_match(&s->whos[i], c);
    if (s->not_principal)
        return bits == 0 ? POLICY_ALLOWS : 0;
    return bits;
}

static bool action_match(struct ask *a, const struct statement *s)
{
    for (uint32_t i = 0; i < s->n_actions; i++)
        if (glob_match(a, &s->actions[i], a->action, false))
            return !s->not_action;
    return s->not_action;
}

static bool resource_match(struct ask *a, const struct statement *s)
{
    if (s->n_resources == 0)
        return true;
    for (uint32_t i = 0; i < s->n_resources; i++)
        if (arn_glob_match(a, &s->resources[i], a->part, a->resource_cut, a->r->resource))
            return !s->not_resource;
    return s->not_resource;
}

static unsigned statement_says(struct ask *a, const struct policy *p, const struct statement *s)
{
    unsigned who = principal_match(p, s, &a->r->caller);

    if (who == 0 || !action_match(a, s) || !resource_match(a, s))
        return 0;
    for (uint32_t i = 0; i < s->n_conditions; i++)
        if (!condition_holds(a, &s->conditions[i], s->allow))
            return 0;
    return s->allow ? who : POLICY_DENIES;
}

static void ask_init(struct ask *a, const struct policy_request *r)
{
    size_t n = MIN(r->action.n, sizeof(a->action_text));

    a->r = r;
    a->asked = false;
    a->resource_cut = arn_cut(r->resource, a->part);
    for (size_t i = 0; i < n; i++)
        a->action_text[i] = (char)tolower((unsigned char)r->action.p[i]);
    a->action = str_make(a->action_text, n);
}

static unsigned policy_says(struct ask *a, const struct policy *p)
{
    unsigned bits = 0;

    for (uint32_t i = 0; i < p->n && (bits & POLICY_DENIES) == 0; i++)
        bits |= statement_says(a, p, &p->statements[i]);
    return bits;
}

unsigned policy_evaluate(const struct policy *p, const struct policy_request *r)
{
    struct ask a;
    unsigned bits;

    ask_init(&a, r);
    bits = policy_says(&a, p);
    return bits | (a.asked ? POLICY_ASKED : 0);
}

unsigned policy_evaluate_one(const struct policy *p, size_t i, const struct policy_request *r)
{
    struct ask a;
    unsigned bits;

    CHECK(i < p->n);
    ask_init(&a, r);
    bits = statement_says(&a, p, &p->statements[i]);
    return bits | (a.asked ? POLICY_ASKED : 0);
}

/* ---- all of them together ---- */

static unsigned union_says(struct ask *a, const struct policy *const *v, size_t n)
{
    unsigned bits = 0;

    for (size_t i = 0; i < n; i++)
        bits |= policy_says(a, v[i]);
    return bits;
}

struct said {
    unsigned identity, boundary, session, resource;
};

static enum policy_reason denied_by(const struct said *s)
{
    if ((s->identity & POLICY_DENIES) != 0)
        return REASON_DENY_IDENTITY;
    if ((s->resource & POLICY_DENIES) != 0)
        return REASON_DENY_RESOURCE;
    if ((s->boundary & POLICY_DENIES) != 0)
        return REASON_DENY_BOUNDARY;
    return (s->session & POLICY_DENIES) != 0 ? REASON_DENY_SESSION : REASON_ALLOWED;
}

/* The identity side alone: its own Allow, then what limits it. */
static enum policy_reason identity_side(const struct policy_set *set, const struct said *s)
{
    if (set->boundary != NULL && (s->boundary & POLICY_ALLOWS) == 0)
        return REASON_NO_BOUNDARY;
    if (set->n_session > 0 && (s->session & POLICY_ALLOWS) == 0)
        return REASON_NO_SESSION;
    return set->unrestricted || (s->identity & POLICY_ALLOWS) != 0 ? REASON_ALLOWED : REASON_NO_IDENTITY;
}

/* Who is named directly needs no identity policy.  A named role stays within boundary and session policy, a
 * named session does not.  How AWS treats "*" here is not written down: taken as the role. */
static enum policy_reason same_account(const struct policy_set *set, const struct said *s)
{
    enum policy_reason identity = identity_side(set, s);

    if ((s->resource & POLICY_ALLOWS_SESSION) != 0)
        return REASON_ALLOWED;
    if ((s->resource & POLICY_ALLOWS) != 0)
        return identity == REASON_NO_IDENTITY ? REASON_ALLOWED : identity;
    if (set->trust && (s->resource & POLICY_ALLOWS_ACCOUNT) == 0)
        return REASON_NO_RESOURCE;
    return identity;
}

static enum policy_reason verdict(const struct policy_set *set, const struct policy_request *r,
                                  const struct said *s)
{
    unsigned any = POLICY_ALLOWS | POLICY_ALLOWS_ACCOUNT | POLICY_ALLOWS_SESSION;
    enum policy_reason deny = denied_by(s);

    if (deny != REASON_ALLOWED)
        return deny;
    if (r->caller.kind == CALLER_SERVICE || r->caller.kind == CALLER_ANONYMOUS)
        return (s->resource & any) != 0 ? REASON_ALLOWED : REASON_NO_RESOURCE;
    if (str_absent(set->resource_account) || str_eq(set->resource_account, r->caller.account))
        return same_account(set, s);
    if ((s->resource & any) == 0)
        return REASON_NO_RESOURCE;
    return identity_side(set, s);
}

struct policy_decision policy_decide(const struct policy_set *set, const struct policy_request *r)
{
    struct ask a;
    struct said s = { 0 };
    enum policy_reason reason;

    ask_init(&a, r);
    s.identity = union_says(&a, set->identity, set->n_identity);
    s.session = union_says(&a, set->session, set->n_session);
    s.boundary = set->boundary != NULL ? policy_says(&a, set->boundary) : 0;
    s.resource = set->resource != NULL ? policy_says(&a, set->resource) : 0;
    reason = verdict(set, r, &s);
    return (
        struct policy_decision){ .allowed = reason == REASON_ALLOWED, .asked = a.asked, .reason = reason };
}

void policy_reason_text(struct buf *b, enum policy_reason reason, struct str action)
{
    static const char *const names[] = {
        [REASON_DENY_IDENTITY] = "an identity-based policy",
        [REASON_DENY_BOUNDARY] = "a permissions boundary",
        [REASON_DENY_SESSION] = "a session policy",
        [REASON_DENY_RESOURCE] = "a resource-based policy",
        [REASON_NO_IDENTITY] = "identity-based policy",
        [REASON_NO_BOUNDARY] = "permissions boundary",
        [REASON_NO_SESSION] = "session policy",
        [REASON_NO_RESOURCE] = "resource-based policy",
    };

    if (reason == REASON_ALLOWED)
        return;
    if (reason <= REASON_DENY_RESOURCE)
        buf_printf(b, "with an explicit deny in %s", names[reason]);
    else
        buf_printf(b, "because no %s allows the " STR_FMT " action", names[reason], STR_ARG(action));
}

/* ---- what a policy wants to know ---- */

static void glob_keys(const struct glob *g, void (*each)(void *arg, struct str key), void *arg)
{
    for (uint32_t i = 0; i < g->n_pieces; i++)
        if (g->pieces[i].kind == PIECE_VARIABLE)
            each(arg, g->pieces[i].text);
}

static void arn_glob_keys(const struct arn_glob *g, void (*each)(void *arg, struct str key), void *arg)
{
    for (size_t i = 0; i < ARN_PARTS; i++)
        glob_keys(&g->part[i], each, arg);
}

static void statement_keys(const struct statement *s, void (*each)(void *arg, struct str key), void *arg)
{
    for (uint32_t i = 0; i < s->n_resources; i++)
        arn_glob_keys(&s->resources[i], each, arg);
    for (uint32_t i = 0; i < s->n_conditions; i++) {
        const struct condition *c = &s->conditions[i];

        each(arg, c->key);
        for (uint32_t k = 0; k < c->n; k++) {
            glob_keys(&c->values[k].glob, each, arg);
            if (c->values[k].arn != NULL)
                arn_glob_keys(c->values[k].arn, each, arg);
        }
    }
}

void policy_keys(const struct policy *p, void (*each)(void *arg, struct str key), void *arg)
{
    for (uint32_t i = 0; i < p->n; i++)
        statement_keys(&p->statements[i], each, arg);
}
