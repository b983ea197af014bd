/* authorize.c - may this role do that?  For deliveries (iam_role_may), for callers (iam_may), for AssumeRole,
 * and ahead of time (iam_role_state).
 *
 * True here: a verdict is remembered only when it hangs on nothing but role, action and resource (no time, no
 * context key was asked), and is forgotten when any role or policy changes.  A remembered one costs a hash
 * and a compare. */
#include <ctype.h>
#include <stdlib.h>
#include "base/map.h"
#include "service/iam/state.h"

/* ---- what bears on a role ---- */

static const struct policy *managed_policy(const struct iam *i, struct str arn)
{
    const struct managed *m = iam_managed_find(i, arn);
    const struct policy *p = m != NULL ? iam_managed_default(m)->policy : NULL;

    return p != NULL ? p : &policy_empty;
}

void iam_role_policies(const struct iam *i, const struct role *r, struct role_policies *ret)
{
    ret->n = 0;
    ret->unknown = STR_NONE;
    CHECK(r->n_inlines + r->n_attached <= ROLE_POLICIES_MAX);
    for (size_t n = 0; n < r->n_inlines; n++)
        if (r->inlines[n].policy != NULL)
            ret->v[ret->n++] = r->inlines[n].policy;
    for (size_t n = 0; n < r->n_attached; n++) {
        if (iam_managed_find(i, r->attached[n]) == NULL)
            ret->unknown = r->attached[n];
        ret->v[ret->n++] = managed_policy(i, r->attached[n]);
    }
    ret->boundary = str_absent(r->boundary) ? NULL : managed_policy(i, r->boundary);
}

static void add_key(struct arena *a, struct policy_key *k, const char *name, struct str tail,
                    struct str value)
{
    struct str *v = ARENA_NEW(a, struct str);

    *v = value;
    *k = (struct policy_key){ .name = arena_printf(a, "%s" STR_FMT, name, STR_ARG(tail)),
                              .values = v,
                              .n = 1 };
}

/* A session's tag comes before the role's of the same name: the first key found counts. */
size_t iam_role_keys(struct arena *a, const struct role *r, const struct iam_session_extras *extras,
                     struct policy_key **ret)
{
    size_t n_session = extras != NULL ? extras->n_tags : 0, n_role = r != NULL ? r->tags.n : 0, n = 0;
    struct policy_key *k = arena_calloc(a, n_session + n_role + 1, sizeof(*k));

    for (size_t t = 0; t < n_session; t++)
        add_key(a, &k[n++], "aws:PrincipalTag/", extras->tags[t].key, extras->tags[t].value);
    for (size_t t = 0; t < n_role; t++)
        add_key(a, &k[n++], "aws:PrincipalTag/", r->tags.v[t].key, r->tags.v[t].value);
    if (extras != NULL && !str_absent(extras->source_identity))
        add_key(a, &k[n++], "aws:SourceIdentity", STR_NONE, extras->source_identity);
    *ret = k;
    return n;
}

static struct str arn_region(struct str arn)
{
    struct arn parts;

    return arn_parse(arn, &parts) == 0 && parts.region.n > 0 ? parts.region : STR_NONE;
}

/* ---- remembered verdicts ---- */

#define VERDICT_SLOTS 1024
#define VERDICT_KEY_MAX 1024

struct verdict {
    uint64_t generation;
    struct str key; /* owned */
    struct policy_decision decision;
};

void iam_changed(struct iam *i) { i->generation++; }

void iam_verdicts_free(struct iam *i)
{
    for (size_t n = 0; i->verdicts != NULL && n < VERDICT_SLOTS; n++)
        str_drop(&i->verdicts[n].key);
    free(i->verdicts);
    i->verdicts = NULL;
}

/* role NUL action NUL resource; absent when too long to remember. */
static struct str verdict_key(char text[VERDICT_KEY_MAX], struct str role, struct str action,
                              struct str resource)
{
    size_t n = role.n + action.n + resource.n + 2;

    if (n > VERDICT_KEY_MAX)
        return STR_NONE;
    memcpy(text, role.p, role.n);
    text[role.n] = '\0';
    memcpy(text + role.n + 1, action.p, action.n);
    text[role.n + 1 + action.n] = '\0';
    if (resource.n > 0)
        memcpy(text + role.n + action.n + 2, resource.p, resource.n);
    return str_make(text, n);
}

static struct verdict *verdict_slot(struct iam *i, struct str key)
{
    if (i->verdicts == NULL)
        i->verdicts = xcalloc(VERDICT_SLOTS, sizeof(*i->verdicts));
    return &i->verdicts[hash_bytes(key.p, key.n) % VERDICT_SLOTS];
}

static struct policy_decision role_decide(struct iam *i, const struct role *r, struct str action,
                                          const struct resource *what, struct now now)
{
    CLEANUP(arena_freep) struct arena *a = NULL;
    struct role_policies p;
    struct policy_set set;
    struct policy_key *keys = NULL;
    struct policy_request q = {
        .caller = { .kind = CALLER_ROLE,
                    .account = r->account,
                    .arn = r->arn,
                    .role_arn = r->arn,
                    .user_id = r->role_id },
        .action = action,
        .resource = what->arn,
        .region = arn_region(what->arn),
        .now = now,
    };

    iam_role_policies(i, r, &p);
    if (r->tags.n > 0) {
        a = arena_new(0);
        q.n_keys = iam_role_keys(a, r, NULL, &keys);
        q.keys = keys;
    }
    set = (struct policy_set){ .identity = p.v,
                               .n_identity = p.n,
                               .boundary = p.boundary,
                               .resource = what->policy,
                               .resource_account = what->owner };
    return policy_decide(&set, &q);
}

static struct policy_decision role_ask(struct iam *i, const struct role *r, struct str action,
                                       const struct resource *what, struct now now)
{
    bool own = what->policy == NULL && str_eq(what->owner, r->account);
    char text[VERDICT_KEY_MAX];
    struct str key = own ? verdict_key(text, r->arn, action, what->arn) : STR_NONE;
    struct verdict *v = str_absent(key) ? NULL : verdict_slot(i, key);
    struct policy_decision d;

    if (v != NULL && v->generation == i->generation && str_eq(v->key, key))
        return v->decision;
    d = role_decide(i, r, action, what, now);
    if (v != NULL && !d.asked) {
        str_drop(&v->key);
        *v = (struct verdict){ .generation = i->generation, .key = str_own(key), .decision = d };
    }
    return d;
}

/* Why not, for people; the policy nobody here knows may be the reason. */
static void say_why(const struct iam *i, const struct role *r, enum policy_reason reason, struct str action,
                    struct buf *why)
{
    struct role_policies p;
    struct buf text CLEANUP(buf_done) = { 0 };
    struct str s;

    policy_reason_text(&text, reason, action);
    s = buf_view(&text);
    buf_str(why, str_starts(s, STR("because ")) ? str_sub(s, 8, s.n) : str_sub(s, 5, s.n));
    iam_role_policies(i, r, &p);
    if (!str_absent(p.unknown))
        buf_printf(why, " (" STR_FMT " is attached, but what it allows is not known here)",
                   STR_ARG(p.unknown));
}

enum role_verdict iam_role_may(void *iam, struct str role_arn, const char *action,
                               const struct resource *what, struct now now, struct buf *why)
{
    struct iam *i = CAST(struct iam, IAM_MAGIC, iam);
    const struct role *r = iam_role_by_arn(i, role_arn);
    struct policy_decision d;

    if (r == NULL) {
        if (why != NULL)
            buf_printf(why, "the role " STR_FMT " is unknown here", STR_ARG(role_arn));
        return ROLE_UNKNOWN;
    }
    d = role_ask(i, r, str_of(action), what, now);
    if (!d.allowed && why != NULL)
        say_why(i, r, d.reason, str_of(action), why);
    return d.allowed ? ROLE_ALLOWED : ROLE_DENIED;
}

/* ---- trust ---- */

int iam_role_state(void *iam, struct str role_arn, const char *service)
{
    const struct role *r = iam_role_by_arn(iam, role_arn);
    struct policy_key account;
    struct policy_request q = {
        .caller = { .kind = CALLER_SERVICE, .service = str_of(service) },
        .action = STR("sts:AssumeRole"),
        .resource = role_arn,
        .keys = &account,
        .n_keys = 1,
        .lenient = true,
    };

    if (r == NULL)
        return 1;
    account = (struct policy_key){ STR("aws:SourceAccount"), &r->account, 1 };
    if (r->trust_policy == NULL)
        return 2;
    return (policy_evaluate(r->trust_policy, &q) & (POLICY_ALLOWS | POLICY_DENIES)) == POLICY_ALLOWS ? 0 : 2;
}

/* ---- callers ---- */

/* A caller's policies, made ready: session policies are compiled for the length of one question. */
struct caller_policies {
    struct role_policies role;
    const struct policy *session[12];
    size_t n_session;
    struct policy *passed; /* compiled here */
};

static void caller_done(struct caller_policies *p) { policy_free(p->passed); }

static void caller_policies(const struct iam *i, const struct role *r, const struct iam_session *s,
                            struct caller_policies *ret)
{
    *ret = (struct caller_policies){ 0 };
    iam_role_policies(i, r, &ret->role);
    if (s == NULL)
        return;
    if (!str_absent(s->extras.policy)) {
        bool ok = policy_parse(POLICY_IDENTITY, s->extras.policy, &ret->passed, NULL) == 0;

        ret->session[ret->n_session++] = ok ? ret->passed : &policy_empty;
    }
    for (size_t n = 0; n < s->extras.n_policy_arns && ret->n_session < ARRAY_LEN(ret->session); n++)
        ret->session[ret->n_session++] = managed_policy(i, s->extras.policy_arns[n]);
}

static enum policy_caller_kind caller_kind(const struct principal *p)
{
    return p->kind == PRINCIPAL_ANONYMOUS ? CALLER_ANONYMOUS
           : p->kind == PRINCIPAL_ROLE    ? CALLER_ROLE
                                          : CALLER_ACCOUNT;
}

static void request_of(const struct call *c, const struct role *r, struct str action, struct str resource,
                       struct policy_request *ret)
{
    const struct principal *p = &c->principal;
    const struct iam_session *s = p->session;
    struct policy_key *keys, *all;
    struct str agent = call_request_header(c, "User-Agent");
    size_t n = iam_role_keys(c->mem, r, s != NULL ? &s->extras : NULL, &keys);

    all = arena_calloc(c->mem, n + 3, sizeof(*all));
    if (n > 0)
        memcpy(all, keys, n * sizeof(*all));
    if (str_is(action, "iam:PassRole")) /* to the service that is called: call_may_pass() */
        add_key(c->mem, &all[n++], "iam:PassedToService", STR_NONE,
                arena_printf(c->mem, "%s.amazonaws.com", c->service->scope));
    if (!str_absent(agent))
        add_key(c->mem, &all[n++], "aws:UserAgent", STR_NONE, agent);
    if (!str_empty(call_peer_address(c)))
        add_key(c->mem, &all[n++], "aws:SourceIp", STR_NONE, call_peer_address(c));
    *ret = (struct policy_request){
        .caller = { .kind = caller_kind(p),
                    .account = p->account,
                    .arn = p->arn,
                    .role_arn = p->role_arn,
                    .user_id = p->user_id },
        .action = action,
        .resource = resource,
        .region = c->region,
        .keys = all,
        .n_keys = n,
        .now = c->now,
    };
}

/* r NULL: nobody whose policies are known here; its own side allows everything, only the resource's is asked.
 */
static struct policy_decision caller_decide(const struct iam *i, const struct call *c, const struct role *r,
                                            struct str action, const struct resource *what)
{
    CLEANUP(caller_done) struct caller_policies p = { 0 };
    struct policy_request q;
    struct policy_set set;

    if (r != NULL)
        caller_policies(i, r, c->principal.session, &p);
    request_of(c, r, action, what->arn, &q);
    set = (struct policy_set){ .unrestricted = r == NULL,
                               .identity = p.role.v,
                               .n_identity = p.role.n,
                               .boundary = p.role.boundary,
                               .session = p.session,
                               .n_session = p.n_session,
                               .resource = what->policy,
                               .resource_account = what->owner };
    return policy_decide(&set, &q);
}

int iam_may_assume(struct iam *i, const struct call *c, struct str role_arn, const char *action,
                   struct str external_id, const struct iam_session_extras *extras, struct str session_name,
                   struct iam_assumption *ret)
{
    const struct role *target = iam_role_by_arn(i, role_arn),
                      *own_role = iam_role_by_arn(i, c->principal.role_arn);
    CLEANUP(caller_done) struct caller_policies p = { 0 };
    struct policy_request q;
    struct policy_set set = { .trust = true, .unrestricted = c->principal.kind == PRINCIPAL_OPERATOR };
    struct policy_key *keys;
    size_t n;

    if (target == NULL || target->trust_policy == NULL || c->principal.kind > PRINCIPAL_ROLE)
        return 1;
    if (own_role != NULL)
        caller_policies(i, own_role, c->principal.session, &p);
    else if (!i->strict)
        set.unrestricted = true;
    request_of(c, own_role, str_of(action), role_arn, &q);
    keys = arena_calloc(c->mem, q.n_keys + extras->n_tags + 3, sizeof(*keys));
    if (q.n_keys > 0)
        memcpy(keys, q.keys, q.n_keys * sizeof(*keys));
    n = q.n_keys;
    add_key(c->mem, &keys[n++], "sts:RoleSessionName", STR_NONE, session_name);
    if (!str_absent(external_id))
        add_key(c->mem, &keys[n++], "sts:ExternalId", STR_NONE, external_id);
    if (!str_absent(extras->source_identity))
        add_key(c->mem, &keys[n++], "sts:SourceIdentity", STR_NONE, extras->source_identity);
    for (size_t t = 0; t < extras->n_tags; t++)
        add_key(c->mem, &keys[n++], "aws:RequestTag/", extras->tags[t].key, extras->tags[t].value);
    q.keys = keys;
    q.n_keys = n;
    set.identity = p.role.v;
    set.n_identity = p.role.n;
    set.boundary = p.role.boundary;
    set.session = p.session;
    set.n_session = p.n_session;
    set.resource = target->trust_policy;
    set.resource_account = target->account;
    *ret = (struct iam_assumption){ .role_id = arena_str(c->mem, target->role_id),
                                    .max_session_s = target->max_session_s };
    return policy_decide(&set, &q).allowed ? 0 : 1;
}

bool iam_policy_exists(struct iam *i, struct str policy_arn)
{
    return iam_managed_find(i, policy_arn) != NULL || iam_is_aws_arn(policy_arn);
}

/* ---- calls ---- */

/* JSON services answer 400 where the others say 403. */
static const struct error_row denied_json = {
    .name = "AccessDeniedException", .status = 400, .sender = true, .message_member = "Message"
};
/* Whether credentials are believed is said with the rows of wire/refusal.h. */
int iam_refuse_principal(struct call *c)
{
    if (c->principal.kind == PRINCIPAL_EXPIRED)
        return call_fault(c, &error_expired_token, "The security token included in the request is expired");
    if (c->principal.kind == PRINCIPAL_INVALID)
        return call_fault(c, &error_unknown_key, "The security token included in the request is invalid.");
    return 0;
}

/* SQS names its actions in lower case when it denies them (exact wording per service UNVERIFIED). */
static struct str shown_action(const struct call *c, const char *action)
{
    struct str s = str_of(action);
    char *text;

    if (!str_starts(s, STR("sqs:")))
        return s;
    text = arena_alloc(c->mem, s.n);
    for (size_t n = 0; n < s.n; n++)
        text[n] = (char)tolower((unsigned char)s.p[n]);
    return str_make(text, s.n);
}

static int deny(struct call *c, const char *action, struct str resource, enum policy_reason reason)
{
    struct buf why CLEANUP(buf_done) = { 0 };
    bool json = c->protocol == PROTO_JSON && !c->service->query_compatible;
    struct str shown = shown_action(c, action);

    policy_reason_text(&why, reason, shown);
    return call_fault(c, json ? &denied_json : &error_access_denied,
                      "User: " STR_FMT " is not authorized to perform: " STR_FMT " on resource: " STR_FMT
                      " " STR_FMT,
                      STR_ARG(c->principal.arn), STR_ARG(shown), STR_ARG(resource), STR_ARG(buf_view(&why)));
}

/* Nobody signed, and the resource lets not everybody in: S3 says no, the others ask for a signature. */
static int deny_anonymous(struct call *c)
{
    if (c->protocol == PROTO_REST_XML)
        return call_fault(c, &error_access_denied, "Access Denied");
    return call_fault(c, &error_missing_token, "Request is missing Authentication Token");
}

/* Operators, and sessions of roles unknown here, are asked nothing at home. */
int iam_may(void *iam, struct call *c, const char *action, const struct resource *what)
{
    struct iam *i = CAST(struct iam, IAM_MAGIC, iam);
    const struct role *r = NULL;
    struct policy_decision d;

    if (c->principal.kind == PRINCIPAL_EXPIRED || c->principal.kind == PRINCIPAL_INVALID)
        return iam_refuse_principal(c);
    if (c->principal.kind == PRINCIPAL_ANONYMOUS)
        return caller_decide(i, c, NULL, str_of(action), what).allowed ? 0 : deny_anonymous(c);
    if (c->principal.kind == PRINCIPAL_ROLE) {
        r = iam_role_by_arn(i, c->principal.role_arn);
        if (r == NULL && i->strict)
            return deny(c, action, what->arn, REASON_NO_IDENTITY);
    }
    if (r == NULL && str_eq(what->owner, c->principal.account))
        return 0;
    d = caller_decide(i, c, r, str_of(action), what);
    return d.allowed ? 0 : deny(c, action, what->arn, d.reason);
}
