/* ops.h - the handlers of this room, by operation, and the few words they all use to say no.
 *
 * Handlers check first and write last (wire/call.h).  One list, HANDLERS, names each operation once: it makes
 * the prototypes here and the table in lambda.c. */
#ifndef WAYBILL_SERVICE_LAMBDA_OPS_H
#define WAYBILL_SERVICE_LAMBDA_OPS_H

#include "model/lambda.h"
#include "service/lambda/names.h"
#include "wire/shape.h"

/* AWS refuses requests of CreateFunction and UpdateFunctionCode beyond it, and synchronous payloads beyond
 * the next. */
#define CODE_REQUEST_BYTES ((size_t)70167211)
#define SYNC_PAYLOAD_BYTES ((size_t)6291456)
#define EVENT_PAYLOAD_BYTES ((size_t)1048576)
#define INVOKE_ASYNC_PAYLOAD_BYTES ((size_t)262144)

/* operation, handler, largest body (0: the default).  Invoke takes more than it accepts, to answer in AWS's
 * words. */
#define HANDLERS(X)                                                                   \
    X(CreateFunction, lambda_create_function, CODE_REQUEST_BYTES)                     \
    X(GetFunction, lambda_get_function, 0)                                            \
    X(GetFunctionConfiguration, lambda_get_function_configuration, 0)                 \
    X(ListFunctions, lambda_list_functions, 0)                                        \
    X(UpdateFunctionCode, lambda_update_function_code, CODE_REQUEST_BYTES)            \
    X(UpdateFunctionConfiguration, lambda_update_function_configuration, 0)           \
    X(DeleteFunction, lambda_delete_function, 0)                                      \
    X(GetAccountSettings, lambda_get_account_settings, 0)                             \
    X(PublishVersion, lambda_publish_version, 0)                                      \
    X(ListVersionsByFunction, lambda_list_versions_by_function, 0)                    \
    X(CreateAlias, lambda_create_alias, 0)                                            \
    X(GetAlias, lambda_get_alias, 0)                                                  \
    X(UpdateAlias, lambda_update_alias, 0)                                            \
    X(DeleteAlias, lambda_delete_alias, 0)                                            \
    X(ListAliases, lambda_list_aliases, 0)                                            \
    X(TagResource, lambda_tag_resource, 0)                                            \
    X(UntagResource, lambda_untag_resource, 0)                                        \
    X(ListTags, lambda_list_tags, 0)                                                  \
    X(PutFunctionConcurrency, lambda_put_function_concurrency, 0)                     \
    X(GetFunctionConcurrency, lambda_get_function_concurrency, 0)                     \
    X(DeleteFunctionConcurrency, lambda_delete_function_concurrency, 0)               \
    X(GetFunctionRecursionConfig, lambda_get_function_recursion_config, 0)            \
    X(PutFunctionRecursionConfig, lambda_put_function_recursion_config, 0)            \
    X(GetFunctionCodeSigningConfig, lambda_get_function_code_signing_config, 0)       \
    X(GetRuntimeManagementConfig, lambda_get_runtime_management_config, 0)            \
    X(PutRuntimeManagementConfig, lambda_put_runtime_management_config, 0)            \
    X(AddPermission, lambda_add_permission, 0)                                        \
    X(RemovePermission, lambda_remove_permission, 0)                                  \
    X(GetPolicy, lambda_get_policy, 0)                                                \
    X(PutFunctionEventInvokeConfig, lambda_put_function_event_invoke_config, 0)       \
    X(UpdateFunctionEventInvokeConfig, lambda_update_function_event_invoke_config, 0) \
    X(GetFunctionEventInvokeConfig, lambda_get_function_event_invoke_config, 0)       \
    X(DeleteFunctionEventInvokeConfig, lambda_delete_function_event_invoke_config, 0) \
    X(ListFunctionEventInvokeConfigs, lambda_list_function_event_invoke_configs, 0)   \
    X(Invoke, lambda_invoke, CODE_REQUEST_BYTES)                                      \
    X(InvokeAsync, lambda_invoke_async, SYNC_PAYLOAD_BYTES)

#define X(op, fn, max) int fn(struct call *c, const void *input, void *output);
HANDLERS(X)
#undef X

#define FAULT(c, error, ...) call_fault((c), &lambda_error_##error, __VA_ARGS__)
#define INVALID(c, ...) FAULT((c), InvalidParameterValueException, __VA_ARGS__)
/* A parameter that this server does not act on: refused by name, never ignored. */
int fault_unsupported(struct call *c, const char *parameter);
/* ValidationException with one violation: "Value '<value>' at '<path>' failed to satisfy constraint:
 * <constraint>". */
struct str violation(struct arena *a, struct str value, const char *path, const char *constraint);
int fault_violations(struct call *c, size_t n, const struct str *violations);
/* An empty reply of this status. */
int reply_empty(struct call *c, int status);

static inline struct lambda *lambda_of(const struct call *c)
{
    return CAST(struct lambda, LAMBDA_MAGIC, c->state);
}

#endif
