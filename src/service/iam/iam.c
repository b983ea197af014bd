/* iam.c - IAM put together: its life, its table of operations. */
#include <stdlib.h>
#include "base/crypt.h"
#include "service/iam/aws_policies.h"
#include "service/iam/state.h"

/* ---- AWS's own policies ---- */

#define AWS_POLICIES_SINCE_MS 1423094400000LL /* 2015-02-05, when managed policies appeared */

/* "ANPA" and seventeen characters, always the same for the same name.  FNV-1a and not a digest: a server that
 * starts need not wake up the cryptographic library (2 MiB of resident memory) for names. */
static struct str aws_policy_id(struct arena *a, const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint64_t h = UINT64_C(14695981039346656037);
    char text[18] = { 0 };

    for (const char *p = name; *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    for (size_t n = 0; n < 17; n++) {
        h = (h ^ n) * UINT64_C(1099511628211);
        text[n] = letters[h >> 59];
    }
    return arena_printf(a, "ANPA%s", text);
}

static void add_aws_policy(struct iam *i, struct arena *a, const struct aws_policy *row)
{
    struct managed *m = xcalloc(1, sizeof(*m));

    m->account = str_own(STR("aws"));
    m->name = str_own(str_of(row->name));
    m->path = str_own(str_of(row->path));
    m->policy_id = str_own(aws_policy_id(a, row->name));
    m->arn = str_own(iam_arn_policy(a, m->account, m->path, m->name));
    m->created_ms = m->updated_ms = AWS_POLICIES_SINCE_MS;
    m->default_version = 1;
    m->next_version = 2;
    m->n_versions = 1;
    m->versions[0] = (struct policy_version){ .number = 1,
                                              .created_ms = AWS_POLICIES_SINCE_MS,
                                              .document = str_own(str_of(row->document)) };
    CHECK(policy_parse(POLICY_IDENTITY, m->versions[0].document, &m->versions[0].policy, NULL) == 0);
    iam_managed_add(i, m);
}

/* ---- life ---- */

static void add_all_aws_policies(struct iam *i)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    for (size_t n = 0; n < n_aws_policies; n++)
        add_aws_policy(i, a, &aws_policies[n]);
}

struct iam *iam_new(const struct iam_options *o)
{
    struct iam *i = xcalloc(1, sizeof(*i));

    i->magic = IAM_MAGIC;
    i->strict = o->strict_permissions;
    i->generation = 1;
    add_all_aws_policies(i);
    return i;
}

/* One value out of a map whose values drop themselves; NULL when empty. */
static void *any_value(const struct map *m)
{
    struct str key;
    void *value;
    size_t at = 0;

    return map_next(m, &at, &key, &value) ? value : NULL;
}

static void clear(struct iam *i)
{
    for (void *v; (v = any_value(&i->roles)) != NULL;)
        iam_role_drop(i, CAST(struct role, ROLE_MAGIC, v));
    for (void *v; (v = any_value(&i->policies)) != NULL;)
        iam_managed_drop(i, CAST(struct managed, MANAGED_MAGIC, v));
    CHECK(i->roles_by_arn.n == 0 && i->policy_names.n == 0);
    iam_changed(i);
}

struct iam *iam_free(struct iam *i)
{
    if (i == NULL)
        return NULL;
    CHECK_IS(i, IAM_MAGIC);
    clear(i);
    map_done(&i->roles);
    map_done(&i->roles_by_arn);
    map_done(&i->policies);
    map_done(&i->policy_names);
    iam_verdicts_free(i);
    iam_root_free(i);
    i->magic = 0;
    free(i);
    return NULL;
}

#define SETTING_SECRET "iam.session-key"
#define SETTING_SINCE "iam.since"

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool secret_read(struct iam *i, struct str hex)
{
    if (hex.n != 2 * sizeof(i->secret))
        return false;
    for (size_t n = 0; n < sizeof(i->secret); n++) {
        int high = nibble(hex.p[2 * n]), low = nibble(hex.p[2 * n + 1]);

        if (high < 0 || low < 0)
            return false;
        i->secret[n] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static void settings_put(struct iam *i, struct store *s)
{
    struct buf b CLEANUP(buf_done) = { 0 };

    hex_add(&b, i->secret, sizeof(i->secret));
    store_setting_put(s, STR(SETTING_SECRET), buf_view(&b));
    buf_clear(&b);
    buf_i64(&b, i->since_ms);
    store_setting_put(s, STR(SETTING_SINCE), buf_view(&b));
}

static void settings_load(struct iam *i, struct turn *t)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    bool known = secret_read(i, store_setting(t->store, a, STR(SETTING_SECRET)));

    if (known && str_to_i64(store_setting(t->store, a, STR(SETTING_SINCE)), &i->since_ms) == 0) {
        i->have_secret = true;
        return;
    }
    if (!i->have_secret)
        random_bytes(i->secret, sizeof(i->secret));
    i->have_secret = true;
    i->since_ms = t->now.wall_ms;
    settings_put(i, t->store);
}

/* Also after a turn that could not be committed: what memory says then counts for nothing. */
void iam_load(struct iam *i, struct turn *t)
{
    CHECK_IS(i, IAM_MAGIC);
    clear(i);
    add_all_aws_policies(i);
    settings_load(i, t);
    iam_load_all(i, t->store);
    iam_root_load(i, t->store);
}

/* The key of the tokens outlives a reset: who holds credentials of ours must not become an operator by it. */
void iam_reset(struct iam *i, struct turn *t)
{
    CHECK_IS(i, IAM_MAGIC);
    clear(i);
    add_all_aws_policies(i);
    if (i->have_secret)
        settings_put(i, t->store);
}

/* ---- operations ---- */

static const struct handler handlers[] = {
    { "AttachRolePolicy", iam_attach_role_policy, 0 },
    { "CreatePolicy", iam_create_policy, 0 },
    { "CreatePolicyVersion", iam_create_policy_version, 0 },
    { "CreateRole", iam_create_role, 0 },
    { "CreateServiceLinkedRole", iam_create_service_linked_role, 0 },
    { "DeletePolicy", iam_delete_policy, 0 },
    { "DeletePolicyVersion", iam_delete_policy_version, 0 },
    { "DeleteRole", iam_delete_role, 0 },
    { "DeleteRolePermissionsBoundary", iam_delete_role_permissions_boundary, 0 },
    { "DeleteRolePolicy", iam_delete_role_policy, 0 },
    { "DeleteServiceLinkedRole", iam_delete_service_linked_role, 0 },
    { "DetachRolePolicy", iam_detach_role_policy, 0 },
    { "GetPolicy", iam_get_policy, 0 },
    { "GetPolicyVersion", iam_get_policy_version, 0 },
    { "GetRole", iam_get_role, 0 },
    { "GetRolePolicy", iam_get_role_policy, 0 },
    { "GetServiceLinkedRoleDeletionStatus", iam_get_service_linked_role_deletion_status, 0 },
    { "GetUser", iam_get_user, 0 },
    { "ListAccountAliases", iam_list_account_aliases, 0 },
    { "ListAttachedRolePolicies", iam_list_attached_role_policies, 0 },
    { "ListEntitiesForPolicy", iam_list_entities_for_policy, 0 },
    { "ListInstanceProfilesForRole", iam_list_instance_profiles_for_role, 0 },
    { "ListPolicies", iam_list_policies, 0 },
    { "ListPolicyTags", iam_list_policy_tags, 0 },
    { "ListPolicyVersions", iam_list_policy_versions, 0 },
    { "ListRolePolicies", iam_list_role_policies, 0 },
    { "ListRoleTags", iam_list_role_tags, 0 },
    { "ListRoles", iam_list_roles, 0 },
    { "PutRolePermissionsBoundary", iam_put_role_permissions_boundary, 0 },
    { "PutRolePolicy", iam_put_role_policy, 0 },
    { "SetDefaultPolicyVersion", iam_set_default_policy_version, 0 },
    { "SimulateCustomPolicy", iam_simulate_custom_policy, 0 },
    { "SimulatePrincipalPolicy", iam_simulate_principal_policy, 0 },
    { "TagPolicy", iam_tag_policy, 0 },
    { "TagRole", iam_tag_role, 0 },
    { "UntagPolicy", iam_untag_policy, 0 },
    { "UntagRole", iam_untag_role, 0 },
    { "UpdateAssumeRolePolicy", iam_update_assume_role_policy, 0 },
    { "UpdateRole", iam_update_role, 0 },
    { "UpdateRoleDescription", iam_update_role_description, 0 },
};

struct service iam_service(struct iam *i)
{
    return (struct service){
        .model = &iam_model, .handlers = handlers, .n_handlers = ARRAY_LEN(handlers), .state = i
    };
}
