/* policy.c - AddPermission, RemovePermission, GetPolicy.  One policy per qualifier, each with a RevisionId of
 * its own that has nothing to do with the function's; the last statement takes the policy with it. */
#include "service/lambda/policy.h"

#include <stdlib.h>
#include "base/arn.h"
#include "service/lambda/version.h"

#define POLICY_MAX_BYTES 20480

static bool is_service(struct str s)
{
    return str_ends(s, STR(".amazonaws.com")) || str_ends(s, STR(".amazonaws.com.cn"));
}

static bool is_iam_arn(struct str s)
{
    struct arn arn;

    return arn_parse(s, &arn) == 0 && (str_is(arn.service, "iam") || str_is(arn.service, "sts")) &&
           account_valid(arn.account) && !str_empty(arn.resource);
}

int principal_json(struct json_writer *w, struct str principal)
{
    if (str_is(principal, "*")) {
        jw_str(w, principal);
        return 0;
    }
    if (!is_service(principal) && !account_valid(principal) && !is_iam_arn(principal))
        return -E_INVALID;
    jw_object(w);
    if (is_service(principal))
        jw_kstr(w, "Service", principal);
    else if (account_valid(principal)) {
        jw_key(w, STR("AWS"));
        jw_printf(w, "arn:aws:iam::" STR_FMT ":root", STR_ARG(principal));
    } else
        jw_kstr(w, "AWS", principal);
    jw_object_end(w);
    return 0;
}

static void condition_json(struct json_writer *w, const struct lambda_AddPermissionRequest *in)
{
    bool equals = !str_absent(in->SourceAccount) || !str_absent(in->PrincipalOrgID) ||
                  !str_absent(in->EventSourceToken) || !str_absent(in->FunctionUrlAuthType);
    bool via_url = in->InvokedViaFunctionUrl.set;

    if (!equals && !via_url && str_absent(in->SourceArn))
        return;
    jw_key(w, STR("Condition"));
    jw_object(w);
    if (equals) {
        jw_key(w, STR("StringEquals"));
        jw_object(w);
        jw_kstr(w, "AWS:SourceAccount", in->SourceAccount);
        jw_kstr(w, "aws:PrincipalOrgID", in->PrincipalOrgID);
        jw_kstr(w, "lambda:EventSourceToken", in->EventSourceToken);
        jw_kstr(w, "lambda:FunctionUrlAuthType", in->FunctionUrlAuthType);
        jw_object_end(w);
    }
    if (via_url) { /* UNVERIFIED shape */
        jw_key(w, STR("Bool"));
        jw_object(w);
        jw_kstr(w, "lambda:InvokedViaFunctionUrl", in->InvokedViaFunctionUrl.v ? STR("true") : STR("false"));
        jw_object_end(w);
    }
    if (!str_absent(in->SourceArn)) {
        jw_key(w, STR("ArnLike"));
        jw_object(w);
        jw_kstr(w, "AWS:SourceArn", in->SourceArn);
        jw_object_end(w);
    }
    jw_object_end(w);
}

int statement_json(struct buf *b, const struct lambda_AddPermissionRequest *in, struct str resource)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    jw_kstr(&w, "Sid", in->StatementId);
    jw_kstr(&w, "Effect", STR("Allow"));
    jw_key(&w, STR("Principal"));
    if (principal_json(&w, in->Principal) != 0)
        return -E_INVALID;
    jw_kstr(&w, "Action", in->Action);
    jw_kstr(&w, "Resource", resource);
    condition_json(&w, in);
    jw_object_end(&w);
    return 0;
}

static struct statement *statement_find(const struct function_policy *p, struct str sid)
{
    for (size_t i = 0; p != NULL && i < p->n; i++)
        if (str_eq(p->v[i].sid, sid))
            return &p->v[i];
    return NULL;
}

void policy_document(struct buf *b, const struct function_policy *p)
{
    buf_z(b, "{\"Version\":\"2012-10-17\",\"Id\":\"default\",\"Statement\":[");
    for (size_t i = 0; p != NULL && i < p->n; i++) {
        buf_z(b, i > 0 ? "," : "");
        buf_str(b, p->v[i].json);
    }
    buf_z(b, "]}");
}

static int check_size(struct call *c, const struct function_policy *p, size_t more)
{
    struct buf b CLEANUP(buf_done) = { 0 };

    policy_document(&b, p);
    size_t n = b.n + more + (p != NULL && p->n > 0);
    if (n <= POLICY_MAX_BYTES)
        return 0;
    return FAULT(c, PolicyLengthExceededException,
                 "The final policy size (%zu) is bigger than the limit (%d).", n, POLICY_MAX_BYTES);
}

/* Where a policy may stand: the function, a version or an alias, never $LATEST. */
static int policy_place(struct call *c, const struct target_ref *r)
{
    if (!str_absent(r->qualifier) && str_eq(r->qualifier, LATEST))
        return INVALID(c, "We currently do not support adding policies for $LATEST.");
    return qualifier_find(r->function, r->qualifier, NULL) != NULL
               ? 0
               : fault_function_missing(c, r->requested_arn);
}

static int policy_append(struct call *c, struct function *f, struct function_policy *p, struct str qualifier,
                         struct str sid, struct str json)
{
    if (p == NULL) {
        p = xcalloc(1, sizeof *p);
        p->qualifier = str_own(str_absent(qualifier) ? STR("") : qualifier);
    }
    p->v = xrealloc(p->v, (p->n + 1) * sizeof *p->v);
    p->v[p->n++] = (struct statement){ str_own(sid), str_own(json) };
    return function_policy_save(f, p, c->turn);
}

int lambda_add_permission(struct call *c, const void *input, void *output)
{
    const struct lambda_AddPermissionRequest *in = input;
    struct lambda_AddPermissionResponse *out = output;
    struct buf b CLEANUP(buf_done) = { 0 };
    struct target_ref r;
    int rc = target_function(c, in->FunctionName, in->Qualifier, "lambda:AddPermission", &r);

    rc = rc != 0 ? rc : policy_place(c, &r);
    if (rc != 0)
        return rc;
    if (statement_json(&b, in, r.requested_arn) != 0)
        return INVALID(c, "The provided principal was invalid. Please check the principal and try again.");
    struct function_policy *p = function_policy_get(r.function, r.qualifier);
    if (statement_find(p, in->StatementId) != NULL)
        return FAULT(c, ResourceConflictException,
                     "The statement id (" STR_FMT ") provided already exists. Please provide a new"
                     " statement id, or remove the existing statement.",
                     STR_ARG(in->StatementId));
    rc = revision_check(c, in->RevisionId, p != NULL ? p->revision_id : "", "GetPolicy");
    rc = rc != 0 ? rc : check_size(c, p, b.n);
    if (rc != 0)
        return rc;
    out->Statement = buf_to_arena(&b, c->mem);
    return policy_append(c, r.function, p, r.qualifier, in->StatementId, out->Statement);
}

static int policy_remove(struct call *c, struct function *f, struct function_policy *p, struct statement *s)
{
    if (p->n == 1)
        return function_policy_delete(f, p, c->turn);
    str_drop(&s->sid);
    str_drop(&s->json);
    size_t behind = (size_t)(p->v + p->n - (s + 1));
    memmove(s, s + 1, behind * sizeof *s);
    p->n--;
    return function_policy_save(f, p, c->turn);
}

int lambda_remove_permission(struct call *c, const void *input, void *output)
{
    const struct lambda_RemovePermissionRequest *in = input;
    struct target_ref r;
    int rc = target_resolve(c, in->FunctionName, in->Qualifier, "lambda:RemovePermission", &r);

    (void)output;
    if (rc != 0)
        return rc;
    if (r.function == NULL)
        return FAULT(c, ResourceNotFoundException, "No policy found for: " STR_FMT, STR_ARG(r.requested_arn));
    struct function_policy *p = function_policy_get(r.function, r.qualifier);
    if (p == NULL)
        return FAULT(c, ResourceNotFoundException, "No policy is associated with the given resource.");
    struct statement *s = statement_find(p, in->StatementId);
    if (s == NULL)
        return FAULT(c, ResourceNotFoundException, "Statement " STR_FMT " is not found in resource policy.",
                     STR_ARG(in->StatementId));
    rc = revision_check(c, in->RevisionId, p->revision_id, "GetPolicy");
    rc = rc != 0 ? rc : policy_remove(c, r.function, p, s);
    return rc != 0 ? rc : reply_empty(c, 204);
}

int lambda_get_policy(struct call *c, const void *input, void *output)
{
    const struct lambda_GetPolicyRequest *in = input;
    struct lambda_GetPolicyResponse *out = output;
    struct buf b CLEANUP(buf_done) = { 0 };
    struct target_ref r;
    int rc = target_function(c, in->FunctionName, in->Qualifier, "lambda:GetPolicy", &r);

    if (rc != 0)
        return rc;
    const struct function_policy *p = function_policy_get(r.function, r.qualifier);
    if (p == NULL)
        return FAULT(c, ResourceNotFoundException, "The resource you requested does not exist.");
    policy_document(&b, p);
    out->Policy = buf_to_arena(&b, c->mem);
    out->RevisionId = arena_str(c->mem, str_of(p->revision_id));
    return 0;
}
