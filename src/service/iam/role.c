/* role.c - the role operations: make, read, change, delete, tag; the roles of services; the operator as a
 * user.
 *
 * True here: every handler checks everything before it changes memory or the store; the two change together.
 */
#include <ctype.h>
#include <stdlib.h>
#include "service/iam/state.h"

/* ---- how a role is shown ---- */

/* What each operation shows differs; the parts all of them share.  (Which members AWS leaves out of
 * CreateRole and UpdateRoleDescription beyond those its guide names is UNVERIFIED.) */
static struct iam_Role role_common(struct arena *a, const struct role *r)
{
    return (struct iam_Role){
        .Path = arena_str(a, r->path),
        .RoleName = arena_str(a, r->name),
        .RoleId = arena_str(a, r->role_id),
        .Arn = arena_str(a, r->arn),
        .CreateDate = iam_time(r->created_ms),
        .AssumeRolePolicyDocument = iam_url_encode(a, r->trust),
        .Description = arena_str(a, r->description),
    };
}

static struct iam_AttachedPermissionsBoundary *boundary_of(struct arena *a, const struct role *r)
{
    struct iam_AttachedPermissionsBoundary *b;

    if (str_absent(r->boundary))
        return NULL;
    b = ARENA_NEW(a, struct iam_AttachedPermissionsBoundary);
    b->PermissionsBoundaryType = STR("Policy");
    b->PermissionsBoundaryArn = arena_str(a, r->boundary);
    return b;
}

static struct iam_Role role_listed(struct arena *a, const struct role *r)
{
    struct iam_Role ret = role_common(a, r);

    ret.MaxSessionDuration = INT_SET(r->max_session_s);
    return ret;
}

static struct iam_Role *role_whole(struct arena *a, const struct role *r)
{
    struct iam_Role *ret = ARENA_NEW(a, struct iam_Role);

    *ret = role_listed(a, r);
    ret->PermissionsBoundary = boundary_of(a, r);
    ret->Tags = iam_tags_list(a, &r->tags);
    ret->RoleLastUsed = ARENA_NEW(a, struct iam_RoleLastUsed);
    return ret;
}

static struct iam_Role *role_created(struct arena *a, const struct role *r)
{
    struct iam_Role *ret = ARENA_NEW(a, struct iam_Role);

    *ret = role_common(a, r);
    ret->PermissionsBoundary = boundary_of(a, r);
    ret->Tags = iam_tags_list(a, &r->tags);
    return ret;
}

/* ---- making ---- */

struct new_role {
    struct str name, path, trust, description, boundary;
    int64_t max_session_s;
    const struct iam_tagListType *tags; /* may be NULL */
    struct policy *trust_policy;        /* taken */
};

static struct role *make_role(struct call *c, const struct new_role *n)
{
    struct role *r = xcalloc(1, sizeof(*r));

    r->account = str_own(c->account);
    r->name = str_own(n->name);
    r->path = str_own(n->path);
    r->role_id = str_own(iam_new_id(c->mem, "AROA"));
    r->arn = str_own(iam_arn_role(c->mem, c->account, n->path, n->name));
    r->created_ms = c->now.wall_ms;
    r->max_session_s = n->max_session_s;
    r->trust = str_own(n->trust);
    r->trust_policy = n->trust_policy;
    r->description = str_own(n->description);
    r->boundary = str_own(n->boundary);
    if (n->tags != NULL)
        iam_tags_put(&r->tags, n->tags);
    iam_role_add(IAM(c), r);
    iam_save_role(c->turn->store, r);
    iam_changed(IAM(c));
    return r;
}

/* Quotas for one more role; `accounts` keeps keys of twelve digits from growing without end. */
static int check_room(struct call *c)
{
    struct role **all;
    size_t n = iam_roles_of(IAM(c), c->mem, c->account, &all);

    if (n >= IAM_MAX_ROLES)
        return iam_over_limit(c, "Cannot exceed quota for RolesPerAccount: %d", IAM_MAX_ROLES);
    if (n == 0 && IAM(c)->roles.n >= (size_t)IAM_MAX_ROLES * IAM_MAX_ACCOUNTS)
        return iam_over_limit(c, "Cannot exceed quota for roles of all accounts: %d",
                              IAM_MAX_ROLES * IAM_MAX_ACCOUNTS);
    return 0;
}

static int check_trust(struct call *c, struct str document, struct policy **ret)
{
    if (policy_size_bytes(document) > IAM_MAX_TRUST_BYTES)
        return iam_over_limit(c, "Cannot exceed quota for ACLSizePerRole: %d", IAM_MAX_TRUST_BYTES);
    return iam_check_document(c, POLICY_TRUST, document, ret);
}

#define NO_BOUNDARY "Scope ARN: " STR_FMT " does not exist or is not attachable."

int iam_create_role(struct call *c, const void *input, void *output)
{
    const struct iam_CreateRoleRequest *in = input;
    struct iam_CreateRoleResponse *out = output;
    struct new_role n = {
        .name = in->RoleName,
        .path = str_absent(in->Path) ? STR("/") : in->Path,
        .trust = in->AssumeRolePolicyDocument,
        .description = in->Description,
        .boundary = in->PermissionsBoundary,
        .tags = &in->Tags,
        .max_session_s = in->MaxSessionDuration.set ? in->MaxSessionDuration.v : 3600,
    };
    struct tags none = { 0 };
    struct managed *boundary;
    int r;

    if ((r = iam_allowed(c, iam_arn_role(c->mem, c->account, n.path, n.name))) != 0)
        return r;
    if (str_starts(n.path, STR("/aws-service-role/")))
        return iam_invalid(c, "The role path " STR_FMT " is reserved for service-linked roles.",
                           STR_ARG(n.path));
    if (iam_role_find(IAM(c), c->account, n.name) != NULL)
        return call_fault(c, &iam_error_EntityAlreadyExistsException,
                          "Role with name " STR_FMT " already exists.", STR_ARG(n.name));
    if (!str_absent(n.boundary) && (r = iam_need_attachable(c, n.boundary, NO_BOUNDARY, &boundary)) != 0)
        return r;
    if ((r = iam_tags_check(c, &none, &in->Tags)) != 0 || (r = check_room(c)) != 0 ||
        (r = check_trust(c, n.trust, &n.trust_policy)) != 0)
        return r;
    out->Role = role_created(c->mem, make_role(c, &n));
    return 0;
}

/* ---- reading ---- */

int iam_get_role(struct call *c, const void *input, void *output)
{
    const struct iam_GetRoleRequest *in = input;
    struct role *role;
    int r = iam_need_role(c, in->RoleName, &role);

    if (r == 0)
        ((struct iam_GetRoleResponse *)output)->Role = role_whole(c->mem, role);
    return r;
}

int iam_list_roles(struct call *c, const void *input, void *output)
{
    const struct iam_ListRolesRequest *in = input;
    struct iam_ListRolesResponse *out = output;
    struct role **all;
    struct str *keys;
    struct page page;
    size_t n, kept = 0;
    int r = iam_allowed(c, iam_arn_role(c->mem, c->account,
                                        str_absent(in->PathPrefix) ? STR("/") : in->PathPrefix, STR("")));

    if (r != 0)
        return r;
    n = iam_roles_of(IAM(c), c->mem, c->account, &all);
    keys = arena_calloc(c->mem, n + 1, sizeof(*keys));
    for (size_t i = 0; i < n; i++)
        if (str_absent(in->PathPrefix) || str_starts(all[i]->path, in->PathPrefix)) {
            keys[kept] = all[i]->name;
            all[kept++] = all[i];
        }
    if ((r = iam_page_of(c, in->Marker, in->MaxItems, keys, kept, &page)) != 0)
        return r;
    out->Roles =
        (struct iam_roleListType){ .set = true,
                                   .n = page.to - page.from,
                                   .v = arena_calloc(c->mem, page.to - page.from, sizeof(*out->Roles.v)) };
    for (size_t i = page.from; i < page.to; i++)
        out->Roles.v[i - page.from] = role_listed(c->mem, all[i]);
    out->IsTruncated = page.truncated;
    out->Marker = page.marker;
    return 0;
}

int iam_list_instance_profiles_for_role(struct call *c, const void *input, void *output)
{
    const struct iam_ListInstanceProfilesForRoleRequest *in = input;
    struct iam_ListInstanceProfilesForRoleResponse *out = output;
    struct page page;
    struct role *role;
    int r = iam_need_role(c, in->RoleName, &role);

    if (r != 0 || (r = iam_page_of(c, in->Marker, in->MaxItems, NULL, 0, &page)) != 0)
        return r;
    out->InstanceProfiles.set = true;
    out->IsTruncated = page.truncated;
    return 0;
}

/* ---- changing ---- */

static void replace(struct str *text, struct str with)
{
    struct str copy = str_own(with);

    str_drop(text);
    *text = copy;
}

static void changed(struct call *c, struct role *r)
{
    iam_save_role(c->turn->store, r);
    iam_changed(IAM(c));
}

int iam_update_role(struct call *c, const void *input, void *output)
{
    const struct iam_UpdateRoleRequest *in = input;
    struct role *role;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r != 0)
        return r;
    if (!str_absent(in->Description))
        replace(&role->description, in->Description);
    if (in->MaxSessionDuration.set)
        role->max_session_s = in->MaxSessionDuration.v;
    changed(c, role);
    return 0;
}

int iam_update_role_description(struct call *c, const void *input, void *output)
{
    const struct iam_UpdateRoleDescriptionRequest *in = input;
    struct role *role;
    struct iam_Role *shown;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    if (r != 0)
        return r;
    replace(&role->description, in->Description);
    changed(c, role);
    shown = ARENA_NEW(c->mem, struct iam_Role);
    *shown = role_listed(c->mem, role);
    ((struct iam_UpdateRoleDescriptionResponse *)output)->Role = shown;
    return 0;
}

int iam_update_assume_role_policy(struct call *c, const void *input, void *output)
{
    const struct iam_UpdateAssumeRolePolicyRequest *in = input;
    struct policy *trust;
    struct role *role;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r != 0 || (r = check_trust(c, in->PolicyDocument, &trust)) != 0)
        return r;
    replace(&role->trust, in->PolicyDocument);
    policy_free(role->trust_policy);
    role->trust_policy = trust;
    changed(c, role);
    return 0;
}

static void delete_now(struct call *c, struct role *role)
{
    iam_save_role_gone(c->turn->store, role);
    iam_role_drop(IAM(c), role);
    iam_changed(IAM(c));
}

int iam_delete_role(struct call *c, const void *input, void *output)
{
    const struct iam_DeleteRoleRequest *in = input;
    struct role *role;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r != 0)
        return r;
    if (role->n_attached > 0)
        return call_fault(c, &iam_error_DeleteConflictException,
                          "Cannot delete entity, must detach all policies first.");
    if (role->n_inlines > 0)
        return call_fault(c, &iam_error_DeleteConflictException,
                          "Cannot delete entity, must delete policies first.");
    delete_now(c, role);
    return 0;
}

/* ---- tags ---- */

int iam_tag_role(struct call *c, const void *input, void *output)
{
    const struct iam_TagRoleRequest *in = input;
    struct role *role;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r != 0 || (r = iam_tags_check(c, &role->tags, &in->Tags)) != 0)
        return r;
    iam_tags_put(&role->tags, &in->Tags);
    changed(c, role);
    return 0;
}

int iam_untag_role(struct call *c, const void *input, void *output)
{
    const struct iam_UntagRoleRequest *in = input;
    struct role *role;
    int r = iam_need_changeable_role(c, in->RoleName, &role);

    (void)output;
    if (r != 0)
        return r;
    iam_tags_drop(&role->tags, &in->TagKeys);
    changed(c, role);
    return 0;
}

int iam_list_role_tags(struct call *c, const void *input, void *output)
{
    const struct iam_ListRoleTagsRequest *in = input;
    struct iam_ListRoleTagsResponse *out = output;
    struct role *role;
    int r = iam_need_role(c, in->RoleName, &role);

    return r != 0 ? r
                  : iam_tags_page(c, &role->tags, in->Marker, in->MaxItems, &out->Tags, &out->IsTruncated,
                                  &out->Marker);
}

/* ---- roles of services ---- */

/* "autoscaling.amazonaws.com" -> AWSServiceRoleForAutoScaling.  Names AWS writes with more capitals than the
 * first; services not in the table get their own name with one capital (UNVERIFIED for each). */
static const struct {
    const char *service, *name;
} service_names[] = {
    { "autoscaling", "AutoScaling" },
    { "elasticbeanstalk", "ElasticBeanstalk" },
    { "ecs", "ECS" },
    { "elasticloadbalancing", "ElasticLoadBalancing" },
    { "rds", "RDS" },
    { "eks", "AmazonEKS" },
    { "es", "AmazonElasticsearchService" },
    { "opensearchservice", "AmazonOpenSearchService" },
    { "kafka", "Kafka" },
    { "events", "CloudWatchEvents" },
    { "apidestinations.events", "AmazonEventBridgeApiDestinations" },
    { "lambda", "Lambda" },
    { "replicator.lambda", "LambdaReplicator" },
    { "organizations", "Organizations" },
    { "ops.apigateway", "APIGateway" },
    { "spot", "EC2Spot" },
    { "pipes", "AmazonEventBridgePipes" },
};

static struct str service_role_name(struct arena *a, struct str service, struct str suffix)
{
    struct str head = service, name;
    const char *sep = str_empty(suffix) ? "" : "_";

    if (str_ends(head, STR(".amazonaws.com")))
        head = str_sub(head, 0, head.n - strlen(".amazonaws.com"));
    name = head;
    if (head.n > 0)
        name = arena_printf(a, "%c" STR_FMT, toupper((unsigned char)head.p[0]),
                            STR_ARG(str_sub(head, 1, head.n)));
    for (size_t i = 0; i < ARRAY_LEN(service_names); i++)
        if (str_is(head, service_names[i].service))
            name = str_of(service_names[i].name);
    return arena_printf(a, "AWSServiceRoleFor" STR_FMT "%s" STR_FMT, STR_ARG(name), sep, STR_ARG(suffix));
}

int iam_create_service_linked_role(struct call *c, const void *input, void *output)
{
    const struct iam_CreateServiceLinkedRoleRequest *in = input;
    struct iam_CreateServiceLinkedRoleResponse *out = output;
    struct new_role n = {
        .name = service_role_name(c->mem, in->AWSServiceName, in->CustomSuffix),
        .description = in->Description,
        .path = arena_printf(c->mem, "/aws-service-role/" STR_FMT "/", STR_ARG(in->AWSServiceName)),
        .max_session_s = 3600,
    };
    int r = iam_allowed(c, iam_arn_role(c->mem, c->account, n.path, n.name));

    if (r != 0)
        return r;
    if (str_find(in->AWSServiceName, '.') <= 0 || str_find(in->AWSServiceName, '"') >= 0)
        return call_fault(c, &iam_error_InvalidInputException, "Service name " STR_FMT " is not valid.",
                          STR_ARG(in->AWSServiceName));
    if (n.name.n > 64)
        return call_fault(c, &iam_error_InvalidInputException,
                          "Role name " STR_FMT " is longer than 64 characters.", STR_ARG(n.name));
    if (iam_role_find(IAM(c), c->account, n.name) != NULL)
        return call_fault(c, &iam_error_InvalidInputException,
                          "Service role name " STR_FMT " has been taken in this "
                          "account, please try a different suffix.",
                          STR_ARG(n.name));
    n.trust =
        arena_printf(c->mem,
                     "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Action\":[\"sts:AssumeRole\"],\"Effect\":"
                     "\"Allow\",\"Principal\":{\"Service\":[\"" STR_FMT "\"]}}]}",
                     STR_ARG(in->AWSServiceName));
    if ((r = check_room(c)) != 0 || (r = iam_check_document(c, POLICY_TRUST, n.trust, &n.trust_policy)) != 0)
        return r;
    out->Role = role_created(c->mem, make_role(c, &n));
    return 0;
}

int iam_delete_service_linked_role(struct call *c, const void *input, void *output)
{
    const struct iam_DeleteServiceLinkedRoleRequest *in = input;
    struct iam_DeleteServiceLinkedRoleResponse *out = output;
    struct role *role;
    int r = iam_need_role(c, in->RoleName, &role);

    if (r != 0)
        return r;
    if (!str_starts(role->path, STR("/aws-service-role/")))
        return iam_no_such(c, "The role with name " STR_FMT " cannot be found.", STR_ARG(in->RoleName));
    out->DeletionTaskId = arena_printf(c->mem, "task" STR_FMT STR_FMT "/%lld", STR_ARG(role->path),
                                       STR_ARG(role->name), (long long)role->id);
    delete_now(c, role);
    return 0;
}

/* Deleting takes no time here: every task we gave out has succeeded.  The id itself says whether we gave it
 * out. */
int iam_get_service_linked_role_deletion_status(struct call *c, const void *input, void *output)
{
    const struct iam_GetServiceLinkedRoleDeletionStatusRequest *in = input;
    int r = iam_allowed(c, STR("*"));

    if (r != 0)
        return r;
    if (!str_starts(in->DeletionTaskId, STR("task/aws-service-role/")))
        return iam_no_such(c, "Deletion task " STR_FMT " cannot be found.", STR_ARG(in->DeletionTaskId));
    ((struct iam_GetServiceLinkedRoleDeletionStatusResponse *)output)->Status = STR("SUCCEEDED");
    return 0;
}

/* ---- the account and its operator ---- */

int iam_list_account_aliases(struct call *c, const void *input, void *output)
{
    const struct iam_ListAccountAliasesRequest *in = input;
    struct iam_ListAccountAliasesResponse *out = output;
    struct page page;
    int r = iam_allowed(c, STR("*"));

    if (r != 0 || (r = iam_page_of(c, in->Marker, in->MaxItems, NULL, 0, &page)) != 0)
        return r;
    out->AccountAliases.set = true;
    out->IsTruncated = page.truncated;
    return 0;
}

/* Operators are their account's root user.  (What AWS shows as its name and path is UNVERIFIED.) */
int iam_get_user(struct call *c, const void *input, void *output)
{
    const struct iam_GetUserRequest *in = input;
    struct iam_User *user;
    int r = iam_allowed(c, STR("*"));

    if (r != 0)
        return r;
    if (!str_absent(in->UserName))
        return iam_no_such(c, "The user with name " STR_FMT " cannot be found.", STR_ARG(in->UserName));
    if (c->principal.kind != PRINCIPAL_OPERATOR)
        return iam_invalid(c, "Must specify userName when calling with non-User credentials");
    user = ARENA_NEW(c->mem, struct iam_User);
    user->Path = STR("/");
    user->UserName = STR("root");
    user->UserId = arena_str(c->mem, c->account);
    user->Arn = arena_printf(c->mem, "arn:aws:iam::" STR_FMT ":root", STR_ARG(c->account));
    user->CreateDate = iam_time(IAM(c)->since_ms);
    ((struct iam_GetUserResponse *)output)->User = user;
    return 0;
}
