/* alias.c - CreateAlias, GetAlias, UpdateAlias, DeleteAlias, ListAliases: a name for a version, or for two of
 * them with a weight.  An alias that moves is seen by the next attempt of every event queued under it. */
#include <stdlib.h>
#include "service/lambda/page.h"
#include "service/lambda/version.h"

#define MANY_WEIGHTS "Number of items in AdditionalVersionWeights cannot be greater than 1"

static void alias_reply(struct call *c, const struct function *f, const struct alias *a,
                        struct lambda_AliasConfiguration *ret)
{
    struct arena *m = c->mem;

    *ret = (struct lambda_AliasConfiguration){
        .AliasArn = arn_qualified(m, arena_str(m, f->arn), a->name),
        .Name = arena_str(m, a->name),
        .FunctionVersion = arena_str(m, a->version),
        .Description = arena_str(m, a->description),
        .RevisionId = arena_str(m, str_of(a->revision_id)),
    };
    if (str_absent(a->additional_version))
        return;
    struct lambda_AdditionalVersionWeights_entry *e =
        ARENA_NEW(m, struct lambda_AdditionalVersionWeights_entry);
    e->key = arena_str(m, a->additional_version);
    e->value = REAL_SET(a->additional_weight);
    ret->RoutingConfig = ARENA_NEW(m, struct lambda_AliasRoutingConfiguration);
    ret->RoutingConfig->AdditionalVersionWeights.set = true;
    ret->RoutingConfig->AdditionalVersionWeights.n = 1;
    ret->RoutingConfig->AdditionalVersionWeights.v = e;
}

static int check_version(struct call *c, const struct function *f, struct str number)
{
    return version_find(f, number) != NULL ? 0
                                           : fault_function_missing(c, arn_qualified(c->mem, f->arn, number));
}

/* The second version of an alias whose first one is `version`; absent: none. */
static int check_routing(struct call *c, const struct function *f, struct str version, struct str additional)
{
    if (str_absent(additional))
        return 0;
    if (str_eq(version, LATEST))
        return INVALID(c, "$LATEST is not supported for an alias pointing to more than 1 version");
    if (str_eq(version, additional))
        return INVALID(c,
                       "Invalid function version " STR_FMT ". Function version " STR_FMT
                       " is already included in routing"
                       " configuration.",
                       STR_ARG(version), STR_ARG(version));
    return check_version(c, f, additional);
}

static int routing_of(struct call *c, const struct lambda_AliasRoutingConfiguration *in,
                      struct str *ret_version, double *ret_weight)
{
    const struct lambda_AdditionalVersionWeights *w = in != NULL ? &in->AdditionalVersionWeights : NULL;

    *ret_version = STR_NONE;
    *ret_weight = 0;
    if (w == NULL || w->n == 0)
        return 0;
    if (w->n > 1)
        return INVALID(c, MANY_WEIGHTS);
    *ret_version = w->v[0].key;
    *ret_weight = w->v[0].value.v;
    return 0;
}

static int target_of_alias(struct call *c, struct str function_name, const char *action,
                           struct target_ref *ret)
{
    int rc = target_function(c, function_name, STR_NONE, action, ret);

    return rc != 0 ? rc : must_be_unqualified(c, ret);
}

static int fault_exists(struct call *c, const struct function *f, struct str name)
{
    struct str arn = arn_qualified(c->mem, f->arn, name);

    return FAULT(c, ResourceConflictException, "Alias already exists: " STR_FMT, STR_ARG(arn));
}

int lambda_create_alias(struct call *c, const void *input, void *output)
{
    const struct lambda_CreateAliasRequest *in = input;
    struct target_ref r;
    struct str additional;
    double weight;
    int rc = target_of_alias(c, in->FunctionName, "lambda:CreateAlias", &r);

    rc = rc != 0 ? rc : check_version(c, r.function, in->FunctionVersion);
    rc = rc != 0 ? rc : routing_of(c, in->RoutingConfig, &additional, &weight);
    rc = rc != 0 ? rc : check_routing(c, r.function, in->FunctionVersion, additional);
    if (rc != 0)
        return rc;
    if (map_get(&r.function->aliases, in->Name) != NULL)
        return fault_exists(c, r.function, in->Name);
    if (r.function->aliases.n >= MAX_ALIASES)
        return FAULT(c, AliasLimitExceededException, "Waybill keeps at most %d aliases of a function.",
                     MAX_ALIASES);
    struct alias *a = xcalloc(1, sizeof *a);
    a->name = str_own(in->Name);
    a->version = str_own(in->FunctionVersion);
    a->description = str_own(str_absent(in->Description) ? STR("") : in->Description);
    a->additional_version = str_own(additional);
    a->additional_weight = weight;
    rc = alias_save(r.function, a, c->turn);
    if (rc == 0)
        alias_reply(c, r.function, a, output);
    return rc;
}

int lambda_get_alias(struct call *c, const void *input, void *output)
{
    const struct lambda_GetAliasRequest *in = input;
    struct target_ref r;
    int rc = target_of_alias(c, in->FunctionName, "lambda:GetAlias", &r);

    if (rc != 0)
        return rc;
    const struct alias *a = map_get(&r.function->aliases, in->Name);
    struct str arn = arn_qualified(c->mem, r.arn, in->Name);
    if (a == NULL)
        return FAULT(c, ResourceNotFoundException, "Cannot find alias arn: " STR_FMT, STR_ARG(arn));
    alias_reply(c, r.function, a, output);
    return 0;
}

int lambda_update_alias(struct call *c, const void *input, void *output)
{
    const struct lambda_UpdateAliasRequest *in = input;
    struct target_ref r;
    int rc = target_of_alias(c, in->FunctionName, "lambda:UpdateAlias", &r);

    if (rc != 0)
        return rc;
    struct alias *a = map_get(&r.function->aliases, in->Name);
    struct str arn = arn_qualified(c->mem, r.arn, in->Name);
    if (a == NULL)
        return FAULT(c, ResourceNotFoundException, "Alias not found: " STR_FMT, STR_ARG(arn));
    struct str version = str_absent(in->FunctionVersion) ? a->version : in->FunctionVersion,
               additional = a->additional_version;
    double weight = a->additional_weight;
    rc = revision_check(c, in->RevisionId, a->revision_id, "GetFunction/GetAlias");
    rc = rc != 0 ? rc : check_version(c, r.function, version);
    if (rc == 0 && in->RoutingConfig != NULL)
        rc = routing_of(c, in->RoutingConfig, &additional, &weight);
    rc = rc != 0 ? rc : check_routing(c, r.function, version, additional);
    if (rc != 0)
        return rc;
    if (!str_absent(in->FunctionVersion))
        str_replace(&a->version, in->FunctionVersion);
    if (!str_absent(in->Description))
        str_replace(&a->description, in->Description);
    if (in->RoutingConfig != NULL)
        str_replace(&a->additional_version, additional);
    a->additional_weight = weight;
    rc = alias_save(r.function, a, c->turn);
    if (rc == 0)
        alias_reply(c, r.function, a, output);
    return rc;
}

int lambda_delete_alias(struct call *c, const void *input, void *output)
{
    const struct lambda_DeleteAliasRequest *in = input;
    struct target_ref r;
    int rc = target_of_alias(c, in->FunctionName, "lambda:DeleteAlias", &r);

    (void)output;
    if (rc != 0)
        return rc;
    struct function *f = r.function;
    struct alias *a = map_get(&f->aliases, in->Name);
    struct function_policy *policy = map_get(&f->policies, in->Name);
    struct event_config *config = map_get(&f->event_configs, in->Name);
    if (a == NULL)
        return reply_empty(c, 204);
    if (policy != NULL)
        rc = function_policy_delete(f, policy, c->turn);
    if (rc == 0 && config != NULL)
        rc = event_config_delete(f, config, c->turn, "DeleteAlias");
    rc = rc != 0 ? rc : alias_delete(f, a, c->turn);
    return rc != 0 ? rc : reply_empty(c, 204);
}

int lambda_list_aliases(struct call *c, const void *input, void *output)
{
    const struct lambda_ListAliasesRequest *in = input;
    struct lambda_ListAliasesResponse *out = output;
    struct target_ref r;
    struct page p;
    struct str name;
    void *value;
    size_t n = 0;
    int rc = target_of_alias(c, in->FunctionName, "lambda:ListAliases", &r);

    if (rc != 0)
        return rc;
    struct page_item *v = arena_calloc(c->mem, r.function->aliases.n + 1, sizeof *v);
    for (size_t i = 0; map_next(&r.function->aliases, &i, &name, &value);) {
        const struct alias *a = value;

        if (str_absent(in->FunctionVersion) || str_eq(a->version, in->FunctionVersion))
            v[n++] = (struct page_item){ name, value };
    }
    rc = page_make(c, v, n, in->Marker, in->MaxItems, &p);
    if (rc != 0)
        return rc;
    out->Aliases.set = true;
    out->Aliases.v = arena_calloc(c->mem, p.to - p.from + 1, sizeof *out->Aliases.v);
    for (size_t i = p.from; i < p.to; i++)
        alias_reply(c, r.function, p.v[i].item, &out->Aliases.v[out->Aliases.n++]);
    out->NextMarker = p.next_marker;
    return 0;
}
