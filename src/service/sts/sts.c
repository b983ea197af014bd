/* sts.c - who am I, and become a role for a while.  All state is IAM's (service/iam/iam.h); STS keeps
 * nothing.
 *
 * True here: AssumeRole asks the trust policy first and says the same words for a role that refuses and a
 * role that is not there, so that nobody learns which roles exist.  What cannot be honoured (MFA devices,
 * trusted contexts, transitive tags) is refused by name. */
#include "policy/policy.h"
#include "model/sts.h"
#include "service/sts/sts.h"

#define IAM(c) ((struct iam *)(c)->state)
#define CHAINED_MAX_S 3600 /* a role session may take on another role for an hour */

static struct sts_Credentials *shown(struct arena *a, const struct iam_credentials *k)
{
    struct sts_Credentials *ret = ARENA_NEW(a, struct sts_Credentials);

    ret->AccessKeyId = k->access_key_id;
    ret->SecretAccessKey = k->secret_access_key;
    ret->SessionToken = k->session_token;
    ret->Expiration = TIME_SET(k->expires_ms);
    return ret;
}

/* Expirations are whole seconds, in the reply and in the token alike. */
static int64_t whole_s(int64_t ms) { return ms - ms % 1000; }

static int get_caller_identity(struct call *c, const void *input, void *output)
{
    struct sts_GetCallerIdentityResponse *out = output;
    int r = iam_refuse_principal(c);

    (void)input;
    if (r != 0)
        return r;
    out->UserId = c->principal.user_id;
    out->Account = c->principal.account;
    out->Arn = c->principal.arn;
    return 0;
}

static int get_session_token(struct call *c, const void *input, void *output)
{
    const struct sts_GetSessionTokenRequest *in = input;
    struct sts_GetSessionTokenResponse *out = output;
    struct iam_credentials k;
    int r = iam_refuse_principal(c);

    if (r != 0)
        return r;
    if (c->principal.kind == PRINCIPAL_ROLE)
        return call_fault(c, &error_access_denied, "Cannot call GetSessionToken with session credentials");
    if (!str_absent(in->SerialNumber) || !str_absent(in->TokenCode))
        return call_fault(c, &error_validation, "%s is not supported: there are no MFA devices here",
                          !str_absent(in->SerialNumber) ? "SerialNumber" : "TokenCode");
    iam_operator_credentials(IAM(c), c->mem, c->account, whole_s(c->now.wall_ms),
                             in->DurationSeconds.set ? in->DurationSeconds.v : 43200, &k);
    out->Credentials = shown(c->mem, &k);
    return 0;
}

/* Keys nobody minted here belong to the account they are used in. */
static int get_access_key_info(struct call *c, const void *input, void *output)
{
    const struct sts_GetAccessKeyInfoRequest *in = input;
    struct sts_GetAccessKeyInfoResponse *out = output;
    int r = call_may_own(c, "sts:GetAccessKeyInfo", STR("*"));

    if (r != 0)
        return r;
    out->Account = iam_key_account(IAM(c), c->mem, in->AccessKeyId);
    if (str_absent(out->Account))
        out->Account = c->account;
    return 0;
}

/* ---- AssumeRole ---- */

static int refuse_unsupported(struct call *c, const struct sts_AssumeRoleRequest *in)
{
    const char *name = !str_absent(in->SerialNumber) ? "SerialNumber"
                       : !str_absent(in->TokenCode)  ? "TokenCode"
                       : in->ProvidedContexts.n > 0  ? "ProvidedContexts"
                       : in->TransitiveTagKeys.n > 0 ? "TransitiveTagKeys"
                                                     : NULL;

    return name == NULL ? 0 : call_fault(c, &error_validation, "%s is not supported here", name);
}

static int check_role_arn(struct call *c, struct str text)
{
    struct arn arn;

    if (arn_parse(text, &arn) == 0 && str_is(arn.service, "iam") && arn.account.n == 12 &&
        arn.region.n == 0 && str_starts(arn.resource, STR("role/")) && arn.resource.n > 5)
        return 0;
    return call_fault(c, &error_validation, STR_FMT " is invalid", STR_ARG(text));
}

/* Tags, policies and source identity of the request, checked, as they go into the token. */
static int read_extras(struct call *c, const struct sts_AssumeRoleRequest *in, struct iam_session_extras *ret)
{
    struct buf why CLEANUP(buf_done) = { 0 };
    struct str *arns = arena_calloc(c->mem, in->PolicyArns.n + 1, sizeof(*arns));
    struct iam_tag_text *tags = arena_calloc(c->mem, in->Tags.n + 1, sizeof(*tags));
    struct policy *policy = NULL;

    *ret = (struct iam_session_extras){
        .policy = in->Policy, .policy_arns = arns, .tags = tags, .source_identity = in->SourceIdentity
    };
    if (!str_absent(in->Policy) && policy_parse(POLICY_IDENTITY, in->Policy, &policy, &why) != 0)
        return call_fault(c, &sts_error_MalformedPolicyDocumentException, STR_FMT, STR_ARG(buf_view(&why)));
    policy_free(policy);
    if (in->PolicyArns.n > 10)
        return call_fault(c, &error_validation,
                          "1 validation error detected: Value at 'policyArns' failed to satisfy "
                          "constraint: Member must have length less than or equal to 10");
    for (; ret->n_policy_arns < in->PolicyArns.n; ret->n_policy_arns++) {
        arns[ret->n_policy_arns] = in->PolicyArns.v[ret->n_policy_arns].arn;
        if (!iam_policy_exists(IAM(c), arns[ret->n_policy_arns]))
            return call_fault(c, &error_validation, "ARN " STR_FMT " is not valid.",
                              STR_ARG(arns[ret->n_policy_arns]));
    }
    for (; ret->n_tags < in->Tags.n; ret->n_tags++) {
        tags[ret->n_tags] =
            (struct iam_tag_text){ in->Tags.v[ret->n_tags].Key, in->Tags.v[ret->n_tags].Value };
        for (size_t k = 0; k < ret->n_tags; k++)
            if (str_eq_nocase(tags[k].key, tags[ret->n_tags].key))
                return call_fault(c, &error_validation,
                                  "Duplicate tag keys found. Please note that Tag keys are case "
                                  "insensitive.");
    }
    return 0;
}

static int check_may(struct call *c, const struct sts_AssumeRoleRequest *in,
                     const struct iam_session_extras *extras, struct iam_assumption *ret)
{
    const char *actions[] = { "sts:AssumeRole", in->Tags.n > 0 ? "sts:TagSession" : NULL,
                              !str_absent(in->SourceIdentity) ? "sts:SetSourceIdentity" : NULL };

    for (size_t n = 0; n < ARRAY_LEN(actions); n++)
        if (actions[n] != NULL && iam_may_assume(IAM(c), c, in->RoleArn, actions[n], in->ExternalId, extras,
                                                 in->RoleSessionName, ret) != 0)
            return call_fault(c, &error_access_denied,
                              "User: " STR_FMT " is not authorized to perform: %s on resource: " STR_FMT,
                              STR_ARG(c->principal.arn), actions[n], STR_ARG(in->RoleArn));
    return 0;
}

static int check_duration(struct call *c, int64_t s, const struct iam_assumption *may)
{
    if (c->principal.kind == PRINCIPAL_ROLE && s > CHAINED_MAX_S)
        return call_fault(c, &error_validation,
                          "The requested DurationSeconds exceeds the 1 hour session limit for roles "
                          "assumed by role chaining");
    if (s > may->max_session_s)
        return call_fault(c, &error_validation,
                          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    return 0;
}

/* How full the packed policies and tags are, in percent of what AWS takes; how it packs is UNVERIFIED. */
static struct opt_int packed_percent(const struct iam_session_extras *e)
{
    size_t n = e->policy.n;

    for (size_t i = 0; i < e->n_policy_arns; i++)
        n += e->policy_arns[i].n;
    for (size_t i = 0; i < e->n_tags; i++)
        n += e->tags[i].key.n + e->tags[i].value.n;
    return n == 0 ? (struct opt_int){ 0 } : INT_SET(MIN((n * 100 + 4095) / 4096, (size_t)100));
}

static int assume_role(struct call *c, const void *input, void *output)
{
    const struct sts_AssumeRoleRequest *in = input;
    struct sts_AssumeRoleResponse *out = output;
    int64_t duration_s = in->DurationSeconds.set ? in->DurationSeconds.v : 3600;
    struct iam_session_extras extras;
    struct iam_assumption may = { 0 };
    struct iam_credentials k;
    struct arn arn = { 0 };
    struct str name;
    int r;

    if ((r = iam_refuse_principal(c)) != 0 || (r = check_role_arn(c, in->RoleArn)) != 0 ||
        (r = refuse_unsupported(c, in)) != 0 || (r = read_extras(c, in, &extras)) != 0 ||
        (r = check_may(c, in, &extras, &may)) != 0 || (r = check_duration(c, duration_s, &may)) != 0)
        return r;
    iam_credentials_with(IAM(c), c->mem, in->RoleArn, in->RoleSessionName, whole_s(c->now.wall_ms),
                         duration_s, &extras, &k);
    arn_parse(in->RoleArn, &arn);
    name = str_sub(arn.resource, (size_t)(str_rfind(arn.resource, '/') + 1), arn.resource.n);
    out->Credentials = shown(c->mem, &k);
    out->AssumedRoleUser = ARENA_NEW(c->mem, struct sts_AssumedRoleUser);
    out->AssumedRoleUser->AssumedRoleId =
        arena_printf(c->mem, STR_FMT ":" STR_FMT, STR_ARG(may.role_id), STR_ARG(in->RoleSessionName));
    out->AssumedRoleUser->Arn =
        arena_printf(c->mem, "arn:aws:sts::" STR_FMT ":assumed-role/" STR_FMT "/" STR_FMT,
                     STR_ARG(arn.account), STR_ARG(name), STR_ARG(in->RoleSessionName));
    out->PackedPolicySize = packed_percent(&extras);
    out->SourceIdentity = in->SourceIdentity;
    return 0;
}

static const struct handler handlers[] = {
    { "AssumeRole", assume_role, 0 },
    { "GetAccessKeyInfo", get_access_key_info, 0 },
    { "GetCallerIdentity", get_caller_identity, 0 },
    { "GetSessionToken", get_session_token, 0 },
};

struct service sts_service(struct iam *i)
{
    return (struct service){
        .model = &sts_model, .handlers = handlers, .n_handlers = ARRAY_LEN(handlers), .state = i
    };
}
