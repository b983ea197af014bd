/* function_read.c - GetFunction, GetFunctionConfiguration, ListFunctions, DeleteFunction, GetAccountSettings,
 * and the two settings that exist for the tools which ask for them (code signing, runtime management). */
#include "service/lambda/config_reply.h"
#include "service/lambda/page.h"
#include "service/lambda/tags.h"
#include "service/lambda/version.h"

static struct lambda_FunctionCodeLocation *code_location(struct call *c, const struct version *v)
{
    struct lambda_FunctionCodeLocation *at = ARENA_NEW(c->mem, struct lambda_FunctionCodeLocation);
    struct str host = call_host(c);

    at->RepositoryType = STR("S3");
    at->Location = arena_printf(c->mem, "http://" STR_FMT "/_waybill/code/" STR_FMT, STR_ARG(host),
                                STR_ARG(v->c.package_sha256_hex));
    return at;
}

int lambda_get_function(struct call *c, const void *input, void *output)
{
    const struct lambda_GetFunctionRequest *in = input;
    struct lambda_GetFunctionResponse *out = output;
    struct target_ref r;
    struct version *v;
    int rc = target_version(c, in->FunctionName, in->Qualifier, "lambda:GetFunction", &r, &v);

    if (rc != 0)
        return rc;
    out->Configuration = ARENA_NEW(c->mem, struct lambda_FunctionConfiguration);
    config_reply(c, v, r.requested_arn, CONFIG_WHOLE, out->Configuration);
    out->Code = code_location(c, v);
    if (!str_absent(r.qualifier))
        return 0;
    if (r.function->n_tags > 0)
        tags_reply(c, r.function, &out->Tags);
    if (r.function->reserved_concurrency >= 0) {
        out->Concurrency = ARENA_NEW(c->mem, struct lambda_Concurrency);
        out->Concurrency->ReservedConcurrentExecutions = INT_SET(r.function->reserved_concurrency);
    }
    return 0;
}

int lambda_get_function_configuration(struct call *c, const void *input, void *output)
{
    const struct lambda_GetFunctionConfigurationRequest *in = input;
    struct target_ref r;
    struct version *v;
    int rc = target_version(c, in->FunctionName, in->Qualifier, "lambda:GetFunctionConfiguration", &r, &v);

    if (rc == 0)
        config_reply(c, v, r.requested_arn, CONFIG_WHOLE, output);
    return rc;
}

/* Every $LATEST, or every version, of an account's functions in a region. */
static size_t listed(struct call *c, const struct home *h, bool all, struct page_item **ret)
{
    size_t n = 0, max = 1;

    *ret = NULL;
    if (h == NULL)
        return 0;
    LIST_EACH(&h->functions, k)
        max += 1 + (all ? CONTAINER_OF(k, struct function, link)->n_versions : 0);
    *ret = arena_calloc(c->mem, max, sizeof **ret);
    LIST_EACH(&h->functions, k) {
        struct function *f = CONTAINER_OF(k, struct function, link);

        (*ret)[n++] =
            (struct page_item){ all ? page_version_key(c->mem, f->name, LATEST) : f->name, f->latest };
        for (size_t i = 0; all && i < f->n_versions; i++)
            (*ret)[n++] = (struct page_item){ page_version_key(c->mem, f->name, f->versions[i]->number),
                                              f->versions[i] };
    }
    return n;
}

int lambda_list_functions(struct call *c, const void *input, void *output)
{
    const struct lambda_ListFunctionsRequest *in = input;
    struct lambda_ListFunctionsResponse *out = output;
    struct page_item *v;
    struct page p;
    int rc = call_may_own(c, "lambda:ListFunctions", STR("*"));

    if (rc == 0 && !str_empty(in->MasterRegion))
        rc = fault_unsupported(c, "MasterRegion");
    if (rc != 0)
        return rc;
    bool all = !str_absent(in->FunctionVersion); /* the model knows no other value than ALL */
    size_t n = listed(c, home_find(lambda_of(c), c->account, c->region), all, &v);
    rc = page_make(c, v, n, in->Marker, in->MaxItems, &p);
    if (rc != 0)
        return rc;
    out->Functions.set = true;
    out->Functions.v = arena_calloc(c->mem, p.to - p.from + 1, sizeof *out->Functions.v);
    for (size_t i = p.from; i < p.to; i++) {
        const struct version *version = p.v[i].item;
        struct str arn =
            all ? arn_qualified(c->mem, version->function->arn, version->number) : version->function->arn;

        config_reply(c, version, arn, CONFIG_LISTED, &out->Functions.v[out->Functions.n++]);
    }
    out->NextMarker = p.next_marker;
    return 0;
}

static bool alias_points_to(const struct function *f, struct str number, struct str *ret_alias)
{
    struct str name;
    void *value;

    for (size_t i = 0; map_next(&f->aliases, &i, &name, &value);) {
        const struct alias *a = value;

        if (str_eq(a->version, number) || str_eq(a->additional_version, number)) {
            *ret_alias = a->name;
            return true;
        }
    }
    return false;
}

static int delete_version(struct call *c, const struct target_ref *r)
{
    struct function *f = r->function;
    struct version *v = version_find(f, r->qualifier);
    struct function_policy *policy = function_policy_get(f, r->qualifier);
    struct event_config *config = map_get(&f->event_configs, r->qualifier);
    struct str alias;
    int rc = 0;

    if (alias_points_to(f, r->qualifier, &alias)) /* UNVERIFIED wording */
        return FAULT(c, ResourceConflictException,
                     "Version " STR_FMT " cannot be deleted because alias " STR_FMT " points to it.",
                     STR_ARG(r->qualifier), STR_ARG(alias));
    if (policy != NULL)
        rc = function_policy_delete(f, policy, c->turn);
    if (rc == 0 && config != NULL)
        rc = event_config_delete(f, config, c->turn, "DeleteFunction");
    if (rc == 0 && v != NULL)
        rc = version_delete(lambda_of(c), v, c->turn);
    return rc != 0 ? rc : reply_empty(c, 204);
}

int lambda_delete_function(struct call *c, const void *input, void *output)
{
    const struct lambda_DeleteFunctionRequest *in = input;
    struct target_ref r;
    int rc = target_resolve(c, in->FunctionName, in->Qualifier, "lambda:DeleteFunction", &r);

    (void)output;
    if (rc != 0)
        return rc;
    if (r.function == NULL)
        return fault_function_missing(c, r.arn);
    if (str_eq(r.qualifier, LATEST) && !str_absent(r.qualifier))
        return INVALID(c, "$LATEST version cannot be deleted without deleting the function.");
    if (!str_absent(r.qualifier) && !is_version_number(r.qualifier))
        return INVALID(c, "Deletion of aliases is not currently supported.");
    if (!str_absent(r.qualifier))
        return delete_version(c, &r);
    rc = function_delete(lambda_of(c), r.function, c->turn);
    return rc != 0 ? rc : reply_empty(c, 204);
}

int lambda_get_account_settings(struct call *c, const void *input, void *output)
{
    struct lambda_GetAccountSettingsResponse *out = output;
    const struct lambda *l = lambda_of(c);
    const struct home *h = home_find(lambda_of(c), c->account, c->region);
    int rc = call_may_own(c, "lambda:GetAccountSettings", STR("*"));

    (void)input;
    if (rc != 0)
        return rc;
    out->AccountLimit = ARENA_NEW(c->mem, struct lambda_AccountLimit);
    *out->AccountLimit = (struct lambda_AccountLimit){
        .TotalCodeSize = INT_SET(TOTAL_CODE_BYTES),
        .CodeSizeUnzipped = INT_SET(262144000),
        .CodeSizeZipped = INT_SET(52428800),
        .ConcurrentExecutions = INT_SET(l->o.account_concurrency),
        .UnreservedConcurrentExecutions =
            INT_SET(l->o.account_concurrency - (h != NULL ? h->reserved_sum : 0)),
    };
    out->AccountUsage = ARENA_NEW(c->mem, struct lambda_AccountUsage);
    out->AccountUsage->TotalCodeSize = INT_SET(h != NULL ? h->code_bytes : 0);
    out->AccountUsage->FunctionCount = INT_SET(h != NULL ? (int64_t)h->n_functions : 0);
    return 0;
}

int lambda_get_function_code_signing_config(struct call *c, const void *input, void *output)
{
    const struct lambda_GetFunctionCodeSigningConfigRequest *in = input;
    struct lambda_GetFunctionCodeSigningConfigResponse *out = output;
    struct target_ref r;
    int rc = target_function(c, in->FunctionName, STR_NONE, "lambda:GetFunctionCodeSigningConfig", &r);

    if (rc == 0)
        out->FunctionName = arena_str(c->mem, r.name); /* no CodeSigningConfigArn: none can be set here */
    return rc;
}

int lambda_get_runtime_management_config(struct call *c, const void *input, void *output)
{
    const struct lambda_GetRuntimeManagementConfigRequest *in = input;
    struct lambda_GetRuntimeManagementConfigResponse *out = output;
    struct target_ref r;
    struct version *v;
    int rc = target_version(c, in->FunctionName, in->Qualifier, "lambda:GetRuntimeManagementConfig", &r, &v);

    if (rc == 0) {
        out->UpdateRuntimeOn = STR("Auto");
        out->FunctionArn = arn_qualified(c->mem, arena_str(c->mem, r.arn), arena_str(c->mem, v->number));
    }
    return rc;
}

int lambda_put_runtime_management_config(struct call *c, const void *input, void *output)
{
    const struct lambda_PutRuntimeManagementConfigRequest *in = input;
    struct lambda_PutRuntimeManagementConfigResponse *out = output;
    struct target_ref r;
    struct version *v;
    int rc = target_version(c, in->FunctionName, in->Qualifier, "lambda:PutRuntimeManagementConfig", &r, &v);

    if (rc != 0)
        return rc;
    if (!str_is(in->UpdateRuntimeOn, "Auto"))
        return fault_unsupported(c, "UpdateRuntimeOn with another value than Auto");
    if (!str_empty(in->RuntimeVersionArn))
        return fault_unsupported(c, "RuntimeVersionArn");
    out->UpdateRuntimeOn = STR("Auto");
    out->FunctionArn = arn_qualified(c->mem, arena_str(c->mem, r.arn), arena_str(c->mem, v->number));
    return 0;
}
