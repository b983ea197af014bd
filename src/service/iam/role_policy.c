/* role_policy.c - what a role may do: inline policies, attached managed ones, the permissions boundary. */
#include "service/iam/state.h"

/* ---- inline ---- */

/* Would the role's inline policies fit with this one in the place of the one called `name`? */
static bool inline_fits(const struct role *r, struct str name, struct str document)
{
    size_t n = policy_size_bytes(document), raw = document.n;

    for (size_t i = 0; i < r->n_inlines; i++)
        if (!str_eq(r->inlines[i].name, name)) {
            n += policy_size_bytes(r->inlines[i].document);
            raw += r->inlines[i].document.n;
        }
    return n <= IAM_MAX_INLINE_BYTES && raw <= IAM_MAX_INLINE_RAW_BYTES;
}

int iam_put_role_policy(struct call *c, const void *input, void *output)
{
    const struct iam_PutRolePolicyRequest *in = input;
    struct policy *policy;
    struct role *role;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r != 0)
        return r;
    if (!inline_fits(role, in->PolicyName, in->PolicyDocument))
        return iam_over_limit(c, "Maximum policy size of %d bytes exceeded for role " STR_FMT,
                              IAM_MAX_INLINE_BYTES, STR_ARG(role->name));
    if ((r = iam_check_document(c, POLICY_IDENTITY, in->PolicyDocument, &policy)) != 0)
        return r;
    iam_role_inline_put(role, in->PolicyName, in->PolicyDocument, policy);
    iam_save_inline(c->turn->store, role, iam_role_inline(role, in->PolicyName));
    iam_changed(IAM(c));
    return 0;
}

static int need_inline(struct call *c, struct role *role, struct str name, struct inline_policy **ret)
{
    *ret = iam_role_inline(role, name);
    return *ret != NULL
               ? 0
               : iam_no_such(c, "The role policy with name " STR_FMT " cannot be found.", STR_ARG(name));
}

int iam_get_role_policy(struct call *c, const void *input, void *output)
{
    const struct iam_GetRolePolicyRequest *in = input;
    struct iam_GetRolePolicyResponse *out = output;
    struct inline_policy *policy;
    struct role *role;
    int r = iam_need_role(c, in->RoleName, &role);

    if (r != 0 || (r = need_inline(c, role, in->PolicyName, &policy)) != 0)
        return r;
    out->RoleName = arena_str(c->mem, role->name);
    out->PolicyName = arena_str(c->mem, policy->name);
    out->PolicyDocument = iam_url_encode(c->mem, policy->document);
    return 0;
}

int iam_delete_role_policy(struct call *c, const void *input, void *output)
{
    const struct iam_DeleteRolePolicyRequest *in = input;
    struct inline_policy *policy;
    struct role *role;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r != 0 || (r = need_inline(c, role, in->PolicyName, &policy)) != 0)
        return r;
    iam_save_inline_gone(c->turn->store, role, policy->name);
    iam_role_inline_drop(role, policy);
    iam_changed(IAM(c));
    return 0;
}

int iam_list_role_policies(struct call *c, const void *input, void *output)
{
    const struct iam_ListRolePoliciesRequest *in = input;
    struct iam_ListRolePoliciesResponse *out = output;
    struct str *names;
    struct page page;
    struct role *role;
    int r = iam_need_role(c, in->RoleName, &role);

    if (r != 0)
        return r;
    names = arena_calloc(c->mem, role->n_inlines + 1, sizeof(*names));
    for (size_t i = 0; i < role->n_inlines; i++)
        names[i] = arena_str(c->mem, role->inlines[i].name);
    if ((r = iam_page_of(c, in->Marker, in->MaxItems, names, role->n_inlines, &page)) != 0)
        return r;
    out->PolicyNames =
        (struct iam_policyNameListType){ .set = true, .n = page.to - page.from, .v = names + page.from };
    out->IsTruncated = page.truncated;
    out->Marker = page.marker;
    return 0;
}

/* ---- attached ---- */

#define NOT_ATTACHABLE "Policy " STR_FMT " does not exist or is not attachable."

int iam_attach_role_policy(struct call *c, const void *input, void *output)
{
    const struct iam_AttachRolePolicyRequest *in = input;
    struct managed *policy;
    struct role *role;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r != 0 || (r = iam_need_attachable(c, in->PolicyArn, NOT_ATTACHABLE, &policy)) != 0)
        return r;
    if (iam_role_has_attached(role, in->PolicyArn))
        return 0;
    if (role->n_attached == IAM_MAX_ATTACHED)
        return iam_over_limit(c, "Cannot exceed quota for PoliciesPerRole: %d", IAM_MAX_ATTACHED);
    role->attached[role->n_attached++] = str_own(in->PolicyArn);
    iam_save_attached(c->turn->store, role, in->PolicyArn);
    iam_changed(IAM(c));
    return 0;
}

int iam_detach_role_policy(struct call *c, const void *input, void *output)
{
    const struct iam_DetachRolePolicyRequest *in = input;
    struct role *role;
    size_t at = 0;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r != 0)
        return r;
    while (at < role->n_attached && !str_eq(role->attached[at], in->PolicyArn))
        at++;
    if (at == role->n_attached)
        return iam_no_such(c, "Policy " STR_FMT " was not found.", STR_ARG(in->PolicyArn));
    iam_save_attached_gone(c->turn->store, role, in->PolicyArn);
    str_drop(&role->attached[at]);
    memmove(&role->attached[at], &role->attached[at + 1],
            (--role->n_attached - at) * sizeof(role->attached[0]));
    iam_changed(IAM(c));
    return 0;
}

/* Name and path of a policy, also of an AWS one we do not know: they stand in the ARN. */
static struct str arn_tail(struct str arn, struct str *ret_path)
{
    struct arn parts = { 0 };
    ptrdiff_t slash;

    if (arn_parse(arn, &parts) != 0)
        return STR("");
    slash = str_rfind(parts.resource, '/');
    *ret_path = str_sub(parts.resource, strlen("policy"), (size_t)slash + 1);
    return str_sub(parts.resource, (size_t)slash + 1, parts.resource.n);
}

int iam_list_attached_role_policies(struct call *c, const void *input, void *output)
{
    const struct iam_ListAttachedRolePoliciesRequest *in = input;
    struct iam_ListAttachedRolePoliciesResponse *out = output;
    struct iam_AttachedPolicy *v = arena_calloc(c->mem, IAM_MAX_ATTACHED, sizeof(*v));
    struct str keys[IAM_MAX_ATTACHED], path = STR("/");
    struct page page;
    struct role *role;
    size_t n = 0;
    int r = iam_need_role(c, in->RoleName, &role);

    if (r != 0)
        return r;
    for (size_t i = 0; i < role->n_attached; i++) {
        struct str name = arn_tail(role->attached[i], &path);

        if (!str_absent(in->PathPrefix) && !str_starts(path, in->PathPrefix))
            continue;
        v[n] = (struct iam_AttachedPolicy){ .PolicyName = arena_str(c->mem, name),
                                            .PolicyArn = arena_str(c->mem, role->attached[i]) };
        keys[n] = v[n].PolicyArn;
        n++;
    }
    if ((r = iam_page_of(c, in->Marker, in->MaxItems, keys, n, &page)) != 0)
        return r;
    out->AttachedPolicies =
        (struct iam_attachedPoliciesListType){ .set = true, .n = page.to - page.from, .v = v + page.from };
    out->IsTruncated = page.truncated;
    out->Marker = page.marker;
    return 0;
}

/* ---- boundary ---- */

static void set_boundary(struct call *c, struct role *role, struct str arn)
{
    str_drop(&role->boundary);
    role->boundary = str_own(arn);
    iam_save_role(c->turn->store, role);
    iam_changed(IAM(c));
}

int iam_put_role_permissions_boundary(struct call *c, const void *input, void *output)
{
    const struct iam_PutRolePermissionsBoundaryRequest *in = input;
    struct managed *policy;
    struct role *role;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r != 0 || (r = iam_need_attachable(c, in->PermissionsBoundary, NOT_ATTACHABLE, &policy)) != 0)
        return r;
    set_boundary(c, role, in->PermissionsBoundary);
    return 0;
}

int iam_delete_role_permissions_boundary(struct call *c, const void *input, void *output)
{
    const struct iam_DeleteRolePermissionsBoundaryRequest *in = input;
    struct role *role;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r == 0)
        set_boundary(c, role, STR_NONE);
    return r;
}
