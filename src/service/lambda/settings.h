/* settings.h - the parameters that CreateFunction and UpdateFunctionConfiguration share.
 *
 * settings_check() says no to what AWS would refuse and to what this server does not act on; an absent member
 * is always fine.  settings_apply() changes a configuration: absent members keep what is there; an empty
 * TargetArn clears the dead-letter queue (its checks: dead_letter.h); Environment and LoggingConfig replace
 * as a whole (AWS Lambda API reference, UpdateFunctionConfiguration). */
#ifndef WAYBILL_SERVICE_LAMBDA_SETTINGS_H
#define WAYBILL_SERVICE_LAMBDA_SETTINGS_H

#include "service/lambda/ops.h"

struct settings {
    struct str Runtime, Role, Handler, Description, KMSKeyArn;
    struct opt_int Timeout, MemorySize;
    const struct lambda_VpcConfig *VpcConfig;
    const struct lambda_DeadLetterConfig *DeadLetterConfig;
    const struct lambda_Environment *Environment;
    const struct lambda_TracingConfig *TracingConfig;
    const struct lambda_ImageConfig *ImageConfig;
    const struct lambda_EphemeralStorage *EphemeralStorage;
    const struct lambda_SnapStart *SnapStart;
    const struct lambda_LoggingConfig *LoggingConfig;
    const struct lambda_CapacityProviderConfig *CapacityProviderConfig;
    const struct lambda_DurableConfig *DurableConfig;
    size_t n_layers, n_file_systems;
};
/* Both request structs have these members under the same names. */
#define SETTINGS_OF(in)                                                         \
    ((struct settings){ .Runtime = (in)->Runtime,                               \
                        .Role = (in)->Role,                                     \
                        .Handler = (in)->Handler,                               \
                        .Description = (in)->Description,                       \
                        .KMSKeyArn = (in)->KMSKeyArn,                           \
                        .Timeout = (in)->Timeout,                               \
                        .MemorySize = (in)->MemorySize,                         \
                        .VpcConfig = (in)->VpcConfig,                           \
                        .DeadLetterConfig = (in)->DeadLetterConfig,             \
                        .Environment = (in)->Environment,                       \
                        .TracingConfig = (in)->TracingConfig,                   \
                        .ImageConfig = (in)->ImageConfig,                       \
                        .EphemeralStorage = (in)->EphemeralStorage,             \
                        .SnapStart = (in)->SnapStart,                           \
                        .LoggingConfig = (in)->LoggingConfig,                   \
                        .CapacityProviderConfig = (in)->CapacityProviderConfig, \
                        .DurableConfig = (in)->DurableConfig,                   \
                        .n_layers = (in)->Layers.n,                             \
                        .n_file_systems = (in)->FileSystemConfigs.n })

int settings_check(struct call *c, const struct settings *s);
/* Strings of *ret then borrow from s and from mem. */
void settings_apply(struct arena *mem, const struct settings *s, struct str function_name,
                    struct config *ret);
/* Handler and runtime fit this machine: "provided.*" needs its own architecture, the others take both. */
int architecture_check(struct call *c, struct str runtime, struct str architecture);
const char *machine_architecture(void); /* "x86_64" or "arm64" */

/* Pure pieces, for tests. */
bool runtime_is_deprecated(struct str runtime);
bool env_name_is_reserved(struct str name);

#endif
