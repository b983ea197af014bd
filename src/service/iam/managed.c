/* managed.c - managed policies: documents with a name of their own, in versions, one of which speaks.
 *
 * True here: a policy always has its default version; AWS's own policies are never changed, nor stored. */
#include <stdlib.h>
#include "service/iam/state.h"

/* ---- how a policy is shown ---- */

static struct str version_id(struct arena *a, int64_t number)
{
    return arena_printf(a, "v%lld", (long long)number);
}

static struct iam_Policy policy_listed(struct call *c, const struct managed *m)
{
    struct arena *a = c->mem;

    return (struct iam_Policy){
        .PolicyName = arena_str(a, m->name),
        .PolicyId = arena_str(a, m->policy_id),
        .Arn = arena_str(a, m->arn),
        .Path = arena_str(a, m->path),
        .DefaultVersionId = version_id(a, m->default_version),
        .AttachmentCount = INT_SET(iam_count_attached(IAM(c), m->arn)),
        .PermissionsBoundaryUsageCount = INT_SET(iam_count_boundaries(IAM(c), m->arn)),
        .IsAttachable = BOOL_SET(true),
        .CreateDate = iam_time(m->created_ms),
        .UpdateDate = iam_time(m->updated_ms),
    };
}

static struct iam_PolicyVersion version_listed(struct arena *a, const struct managed *m,
                                               const struct policy_version *v)
{
    return (struct iam_PolicyVersion){ .VersionId = version_id(a, v->number),
                                       .CreateDate = iam_time(v->created_ms),
                                       .IsDefaultVersion = BOOL_SET(v->number == m->default_version) };
}

/* ---- making ---- */

static int check_size(struct call *c, struct str document)
{
    if (policy_size_bytes(document) > IAM_MAX_MANAGED_BYTES)
        return iam_over_limit(c, "Cannot exceed quota for PolicySize: %d", IAM_MAX_MANAGED_BYTES);
    return 0;
}

static const struct policy_version *add_version(struct call *c, struct managed *m, struct str document,
                                                struct policy *p)
{
    struct policy_version *v = &m->versions[m->n_versions++];

    *v = (struct policy_version){
        .number = m->next_version++, .created_ms = c->now.wall_ms, .document = str_own(document), .policy = p
    };
    return v;
}

static struct managed *make_policy(struct call *c, const struct iam_CreatePolicyRequest *in, struct str path,
                                   struct policy *p)
{
    struct managed *m = xcalloc(1, sizeof(*m));

    m->account = str_own(c->account);
    m->name = str_own(in->PolicyName);
    m->path = str_own(path);
    m->policy_id = str_own(iam_new_id(c->mem, "ANPA"));
    m->arn = str_own(iam_arn_policy(c->mem, c->account, path, in->PolicyName));
    m->description = str_own(in->Description);
    m->created_ms = m->updated_ms = c->now.wall_ms;
    m->default_version = m->next_version = 1;
    iam_tags_put(&m->tags, &in->Tags);
    add_version(c, m, in->PolicyDocument, p);
    iam_managed_add(IAM(c), m);
    iam_save_managed(c->turn->store, m);
    iam_save_version(c->turn->store, m, &m->versions[0]);
    iam_changed(IAM(c));
    return m;
}

static int check_room(struct call *c)
{
    struct managed **all;

    if (iam_managed_of(IAM(c), c->mem, c->account, &all) >= IAM_MAX_POLICIES)
        return iam_over_limit(c, "Cannot exceed quota for PoliciesPerAccount: %d", IAM_MAX_POLICIES);
    if (IAM(c)->policies.n >= (size_t)IAM_MAX_POLICIES * IAM_MAX_ACCOUNTS)
        return iam_over_limit(c, "Cannot exceed quota for policies of all accounts: %d",
                              IAM_MAX_POLICIES * IAM_MAX_ACCOUNTS);
    return 0;
}

int iam_create_policy(struct call *c, const void *input, void *output)
{
    const struct iam_CreatePolicyRequest *in = input;
    struct iam_CreatePolicyResponse *out = output;
    struct str path = str_absent(in->Path) ? STR("/") : in->Path;
    struct tags none = { 0 };
    struct policy *policy;
    struct managed *m;
    int r = iam_allowed(c, iam_arn_policy(c->mem, c->account, path, in->PolicyName));

    if (r != 0)
        return r;
    if (iam_managed_by_name(IAM(c), c->account, in->PolicyName) != NULL)
        return call_fault(c, &iam_error_EntityAlreadyExistsException,
                          "A policy called " STR_FMT " already exists. "
                          "Duplicate names are not allowed.",
                          STR_ARG(in->PolicyName));
    if ((r = check_room(c)) != 0 || (r = iam_tags_check(c, &none, &in->Tags)) != 0 ||
        (r = check_size(c, in->PolicyDocument)) != 0 ||
        (r = iam_check_document(c, POLICY_IDENTITY, in->PolicyDocument, &policy)) != 0)
        return r;
    m = make_policy(c, in, path, policy);
    out->Policy = ARENA_NEW(c->mem, struct iam_Policy);
    *out->Policy = policy_listed(c, m);
    out->Policy->Tags = iam_tags_list(c->mem, &m->tags);
    return 0;
}

/* ---- reading ---- */

int iam_get_policy(struct call *c, const void *input, void *output)
{
    const struct iam_GetPolicyRequest *in = input;
    struct iam_GetPolicyResponse *out = output;
    struct managed *m;
    int r = iam_need_policy(c, in->PolicyArn, &m);

    if (r != 0)
        return r;
    out->Policy = ARENA_NEW(c->mem, struct iam_Policy);
    *out->Policy = policy_listed(c, m);
    out->Policy->Description = arena_str(c->mem, m->description);
    out->Policy->Tags = iam_tags_list(c->mem, &m->tags);
    out->Policy->Tags.set = true; /* shown also when empty */
    return 0;
}

static bool list_wants(struct call *c, const struct iam_ListPoliciesRequest *in, const struct managed *m)
{
    bool boundaries = str_is(in->PolicyUsageFilter, "PermissionsBoundary");

    if (!str_absent(in->PathPrefix) && !str_starts(m->path, in->PathPrefix))
        return false;
    if (str_absent(in->PolicyUsageFilter) && !(in->OnlyAttached.set && in->OnlyAttached.v))
        return true;
    return boundaries ? iam_count_boundaries(IAM(c), m->arn) > 0 : iam_count_attached(IAM(c), m->arn) > 0;
}

int iam_list_policies(struct call *c, const void *input, void *output)
{
    const struct iam_ListPoliciesRequest *in = input;
    struct iam_ListPoliciesResponse *out = output;
    struct managed **lists[2];
    bool local = !str_is(in->Scope, "AWS"), aws = !str_is(in->Scope, "Local");
    size_t n_local, n_aws, n = 0;
    const struct managed **shown;
    struct str *keys;
    struct page page;
    int r = iam_allowed(c, STR("*"));

    if (r != 0)
        return r;
    n_local = local ? iam_managed_of(IAM(c), c->mem, c->account, &lists[0]) : 0;
    n_aws = aws ? iam_managed_of(IAM(c), c->mem, STR("aws"), &lists[1]) : 0;
    shown = arena_calloc(c->mem, n_local + n_aws + 1, sizeof(struct managed *));
    keys = arena_calloc(c->mem, n_local + n_aws + 1, sizeof(*keys));
    for (size_t i = 0; i < n_local + n_aws; i++) {
        const struct managed *m = i < n_local ? lists[0][i] : lists[1][i - n_local];

        if (list_wants(c, in, m)) {
            keys[n] = m->arn;
            shown[n++] = m;
        }
    }
    if ((r = iam_page_of(c, in->Marker, in->MaxItems, keys, n, &page)) != 0)
        return r;
    out->Policies = (struct iam_policyListType){ .set = true,
                                                 .n = page.to - page.from,
                                                 .v = arena_calloc(c->mem, page.to - page.from,
                                                                   sizeof(*out->Policies.v)) };
    for (size_t i = page.from; i < page.to; i++)
        out->Policies.v[i - page.from] = policy_listed(c, shown[i]);
    out->IsTruncated = page.truncated;
    out->Marker = page.marker;
    return 0;
}

static int check_usage(struct call *c, const struct iam_ListEntitiesForPolicyRequest *in, bool *ret_attached,
                       bool *ret_boundary)
{
    int r = iam_allowed(c, in->PolicyArn);

    *ret_attached = !str_is(in->PolicyUsageFilter, "PermissionsBoundary");
    *ret_boundary = !str_is(in->PolicyUsageFilter, "PermissionsPolicy");
    if (r == 0 && iam_managed_find(IAM(c), in->PolicyArn) == NULL && !iam_is_aws_arn(in->PolicyArn)) {
        struct managed *m;

        return iam_need_policy(c, in->PolicyArn, &m);
    }
    return r;
}

int iam_list_entities_for_policy(struct call *c, const void *input, void *output)
{
    const struct iam_ListEntitiesForPolicyRequest *in = input;
    struct iam_ListEntitiesForPolicyResponse *out = output;
    bool roles = str_absent(in->EntityFilter) || str_is(in->EntityFilter, "Role"), attached, boundary;
    struct role **all;
    struct iam_PolicyRole *v;
    struct str *keys;
    struct page page;
    size_t n_all, n = 0;
    int r = check_usage(c, in, &attached, &boundary);

    if (r != 0)
        return r;
    n_all = roles ? iam_roles_of(IAM(c), c->mem, c->account, &all) : 0;
    v = arena_calloc(c->mem, n_all + 1, sizeof(*v));
    keys = arena_calloc(c->mem, n_all + 1, sizeof(*keys));
    for (size_t i = 0; i < n_all; i++) {
        bool has = (attached && iam_role_has_attached(all[i], in->PolicyArn)) ||
                   (boundary && str_eq(all[i]->boundary, in->PolicyArn));

        if (!has || (!str_absent(in->PathPrefix) && !str_starts(all[i]->path, in->PathPrefix)))
            continue;
        keys[n] = arena_str(c->mem, all[i]->name);
        v[n] = (struct iam_PolicyRole){ .RoleName = keys[n], .RoleId = arena_str(c->mem, all[i]->role_id) };
        n++;
    }
    if ((r = iam_page_of(c, in->Marker, in->MaxItems, keys, n, &page)) != 0)
        return r;
    out->PolicyGroups.set = out->PolicyUsers.set = true;
    out->PolicyRoles =
        (struct iam_PolicyRoleListType){ .set = true, .n = page.to - page.from, .v = v + page.from };
    out->IsTruncated = page.truncated;
    out->Marker = page.marker;
    return 0;
}

/* ---- deleting ---- */

int iam_delete_policy(struct call *c, const void *input, void *output)
{
    const struct iam_DeletePolicyRequest *in = input;
    struct managed *m;
    int r = iam_need_own_policy(c, in->PolicyArn, &m);

    (void)output;
    if (r != 0)
        return r;
    if (iam_count_attached(IAM(c), m->arn) + iam_count_boundaries(IAM(c), m->arn) > 0)
        return call_fault(c, &iam_error_DeleteConflictException,
                          "Cannot delete a policy attached to entities.");
    if (m->n_versions > 1)
        return call_fault(c, &iam_error_DeleteConflictException,
                          "This policy has more than one version. Before you "
                          "delete a policy, you must delete the policy's versions. The default version is "
                          "deleted with the policy.");
    iam_save_managed_gone(c->turn->store, m);
    iam_managed_drop(IAM(c), m);
    iam_changed(IAM(c));
    return 0;
}

/* ---- versions ---- */

int iam_create_policy_version(struct call *c, const void *input, void *output)
{
    const struct iam_CreatePolicyVersionRequest *in = input;
    struct iam_CreatePolicyVersionResponse *out = output;
    const struct policy_version *v;
    struct policy *policy;
    struct managed *m;
    int r = iam_need_own_policy(c, in->PolicyArn, &m);

    if (r != 0)
        return r;
    if (m->n_versions == IAM_MAX_VERSIONS)
        return iam_over_limit(
            c,
            "A managed policy can have up to %d versions. Before you create a new version, you must "
            "delete an existing version.",
            IAM_MAX_VERSIONS);
    if ((r = check_size(c, in->PolicyDocument)) != 0 ||
        (r = iam_check_document(c, POLICY_IDENTITY, in->PolicyDocument, &policy)) != 0)
        return r;
    v = add_version(c, m, in->PolicyDocument, policy);
    if (in->SetAsDefault.set && in->SetAsDefault.v)
        m->default_version = v->number;
    m->updated_ms = c->now.wall_ms;
    iam_save_version(c->turn->store, m, v);
    iam_save_managed(c->turn->store, m);
    iam_changed(IAM(c));
    out->PolicyVersion = ARENA_NEW(c->mem, struct iam_PolicyVersion);
    *out->PolicyVersion = version_listed(c->mem, m, v);
    return 0;
}

static int need_version(struct call *c, struct managed *m, struct str id, struct policy_version **ret)
{
    int64_t number = 0;

    *ret = str_starts(id, STR("v")) && str_to_i64(str_sub(id, 1, id.n), &number) == 0
               ? iam_managed_version(m, number)
               : NULL;
    if (*ret != NULL)
        return 0;
    return iam_no_such(c, "Policy " STR_FMT " version " STR_FMT " does not exist or is not attachable.",
                       STR_ARG(m->arn), STR_ARG(id));
}

int iam_get_policy_version(struct call *c, const void *input, void *output)
{
    const struct iam_GetPolicyVersionRequest *in = input;
    struct iam_GetPolicyVersionResponse *out = output;
    struct policy_version *v;
    struct managed *m;
    int r = iam_need_policy(c, in->PolicyArn, &m);

    if (r != 0 || (r = need_version(c, m, in->VersionId, &v)) != 0)
        return r;
    out->PolicyVersion = ARENA_NEW(c->mem, struct iam_PolicyVersion);
    *out->PolicyVersion = version_listed(c->mem, m, v);
    out->PolicyVersion->Document = iam_url_encode(c->mem, v->document);
    return 0;
}

/* Newest first, as AWS shows them. */
int iam_list_policy_versions(struct call *c, const void *input, void *output)
{
    const struct iam_ListPolicyVersionsRequest *in = input;
    struct iam_ListPolicyVersionsResponse *out = output;
    struct iam_PolicyVersion *v = arena_calloc(c->mem, IAM_MAX_VERSIONS, sizeof(*v));
    struct str keys[IAM_MAX_VERSIONS];
    struct page page;
    struct managed *m;
    int r = iam_need_policy(c, in->PolicyArn, &m);

    if (r != 0)
        return r;
    for (size_t i = 0; i < m->n_versions; i++) {
        v[i] = version_listed(c->mem, m, &m->versions[m->n_versions - 1 - i]);
        keys[i] = v[i].VersionId;
    }
    if ((r = iam_page_of(c, in->Marker, in->MaxItems, keys, m->n_versions, &page)) != 0)
        return r;
    out->Versions = (struct iam_policyDocumentVersionListType){ .set = true,
                                                                .n = page.to - page.from,
                                                                .v = v + page.from };
    out->IsTruncated = page.truncated;
    out->Marker = page.marker;
    return 0;
}

int iam_delete_policy_version(struct call *c, const void *input, void *output)
{
    const struct iam_DeletePolicyVersionRequest *in = input;
    struct policy_version *v;
    struct managed *m;
    size_t at;
    int r = iam_need_own_policy(c, in->PolicyArn, &m);

    (void)output;
    if (r != 0 || (r = need_version(c, m, in->VersionId, &v)) != 0)
        return r;
    if (v->number == m->default_version)
        return call_fault(c, &iam_error_DeleteConflictException,
                          "Cannot delete the default version of a policy.");
    iam_save_version_gone(c->turn->store, m, v->number);
    at = (size_t)(v - m->versions);
    str_drop(&v->document);
    policy_free(v->policy);
    memmove(v, v + 1, (--m->n_versions - at) * sizeof(*v));
    iam_changed(IAM(c));
    return 0;
}

int iam_set_default_policy_version(struct call *c, const void *input, void *output)
{
    const struct iam_SetDefaultPolicyVersionRequest *in = input;
    struct policy_version *v;
    struct managed *m;
    int r = iam_need_own_policy(c, in->PolicyArn, &m);

    (void)output;
    if (r != 0 || (r = need_version(c, m, in->VersionId, &v)) != 0)
        return r;
    m->default_version = v->number;
    m->updated_ms = c->now.wall_ms;
    iam_save_managed(c->turn->store, m);
    iam_changed(IAM(c));
    return 0;
}

/* ---- tags ---- */

int iam_tag_policy(struct call *c, const void *input, void *output)
{
    const struct iam_TagPolicyRequest *in = input;
    struct managed *m;
    int r = iam_need_own_policy(c, in->PolicyArn, &m);

    (void)output;
    if (r != 0 || (r = iam_tags_check(c, &m->tags, &in->Tags)) != 0)
        return r;
    iam_tags_put(&m->tags, &in->Tags);
    iam_save_managed(c->turn->store, m);
    return 0;
}

int iam_untag_policy(struct call *c, const void *input, void *output)
{
    const struct iam_UntagPolicyRequest *in = input;
    struct managed *m;
    int r = iam_need_own_policy(c, in->PolicyArn, &m);

    (void)output;
    if (r != 0)
        return r;
    iam_tags_drop(&m->tags, &in->TagKeys);
    iam_save_managed(c->turn->store, m);
    return 0;
}

int iam_list_policy_tags(struct call *c, const void *input, void *output)
{
    const struct iam_ListPolicyTagsRequest *in = input;
    struct iam_ListPolicyTagsResponse *out = output;
    struct managed *m;
    int r = iam_need_policy(c, in->PolicyArn, &m);

    return r != 0 ? r
                  : iam_tags_page(c, &m->tags, in->Marker, in->MaxItems, &out->Tags, &out->IsTruncated,
                                  &out->Marker);
}
