/* concurrency.c - reserved concurrency (guarantee and cap at once) and what a function may do with its own
 * loops. At least 100 of the account's executions stay unreserved, so at most the rest can be reserved. */
#include "service/lambda/version.h"

#define KEPT_UNRESERVED 100

int lambda_put_function_concurrency(struct call *c, const void *input, void *output)
{
    const struct lambda_PutFunctionConcurrencyRequest *in = input;
    struct lambda_Concurrency *out = output;
    struct target_ref r;
    int rc = target_resolve(c, in->FunctionName, STR_NONE, "lambda:PutFunctionConcurrency", &r);

    rc = rc != 0 ? rc : must_be_unqualified(c, &r);
    if (rc != 0)
        return rc;
    if (r.function == NULL)
        return fault_function_missing(c, arn_qualified(c->mem, r.arn, LATEST));
    struct function *f = r.function;
    int64_t wanted = in->ReservedConcurrentExecutions.v,
            others = f->home->reserved_sum - MAX(f->reserved_concurrency, 0);
    if (wanted > lambda_of(c)->o.account_concurrency - KEPT_UNRESERVED - others) {
        rc = INVALID(c,
                     "Specified ReservedConcurrentExecutions for function decreases account's "
                     "UnreservedConcurrentExecution"
                     " below its minimum value of [%d].",
                     KEPT_UNRESERVED);
        c->fault.bare = true;
        return rc;
    }
    function_set_reserved(f, wanted);
    async_slots_freed(lambda_of(c)->o.async);
    rc = function_save(f, c->turn);
    out->ReservedConcurrentExecutions = INT_SET(wanted);
    return rc;
}

static int unqualified_function(struct call *c, struct str name, const char *action, struct target_ref *ret)
{
    int rc = target_resolve(c, name, STR_NONE, action, ret);

    rc = rc != 0 ? rc : must_be_unqualified(c, ret);
    return rc == 0 && ret->function == NULL ? fault_function_missing(c, ret->arn) : rc;
}

int lambda_get_function_concurrency(struct call *c, const void *input, void *output)
{
    const struct lambda_GetFunctionConcurrencyRequest *in = input;
    struct lambda_GetFunctionConcurrencyResponse *out = output;
    struct target_ref r;
    int rc = unqualified_function(c, in->FunctionName, "lambda:GetFunctionConcurrency", &r);

    if (rc == 0 && r.function->reserved_concurrency >= 0)
        out->ReservedConcurrentExecutions = INT_SET(r.function->reserved_concurrency);
    return rc;
}

int lambda_delete_function_concurrency(struct call *c, const void *input, void *output)
{
    const struct lambda_DeleteFunctionConcurrencyRequest *in = input;
    struct target_ref r;
    int rc = unqualified_function(c, in->FunctionName, "lambda:DeleteFunctionConcurrency", &r);

    (void)output;
    if (rc != 0)
        return rc;
    function_set_reserved(r.function, -1);
    async_slots_freed(lambda_of(c)->o.async);
    rc = function_save(r.function, c->turn);
    return rc != 0 ? rc : reply_empty(c, 204);
}

int lambda_get_function_recursion_config(struct call *c, const void *input, void *output)
{
    const struct lambda_GetFunctionRecursionConfigRequest *in = input;
    struct lambda_GetFunctionRecursionConfigResponse *out = output;
    struct target_ref r;
    int rc = unqualified_function(c, in->FunctionName, "lambda:GetFunctionRecursionConfig", &r);

    if (rc == 0)
        out->RecursiveLoop = r.function->recursion_allowed ? STR("Allow") : STR("Terminate");
    return rc;
}

int lambda_put_function_recursion_config(struct call *c, const void *input, void *output)
{
    const struct lambda_PutFunctionRecursionConfigRequest *in = input;
    struct lambda_PutFunctionRecursionConfigResponse *out = output;
    struct target_ref r;
    int rc = unqualified_function(c, in->FunctionName, "lambda:PutFunctionRecursionConfig", &r);

    if (rc != 0)
        return rc;
    r.function->recursion_allowed = str_is(in->RecursiveLoop, "Allow");
    rc = function_save(r.function, c->turn);
    out->RecursiveLoop = r.function->recursion_allowed ? STR("Allow") : STR("Terminate");
    return rc;
}
