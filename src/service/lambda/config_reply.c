/* config_reply.c - from a version to FunctionConfiguration.  Members not set here are absent on purpose:
 * VpcConfig, Layers and others are refused when given, so there is never anything to show. */
#include "service/lambda/config_reply.h"

#include "base/crypt.h"

struct str runtime_version_arn(struct arena *a, struct str region, struct str runtime)
{
    struct digest d = sha256_of(runtime);
    struct str hex = hex_str(a, &d);

    return arena_printf(a, "arn:aws:lambda:" STR_FMT "::runtime:" STR_FMT, STR_ARG(region), STR_ARG(hex));
}

static struct lambda_EnvironmentResponse *environment(struct arena *a, const struct config *c)
{
    struct lambda_EnvironmentResponse *e = ARENA_NEW(a, struct lambda_EnvironmentResponse);

    e->Variables.set = true;
    e->Variables.n = c->n_env;
    e->Variables.v = arena_calloc(a, MAX(c->n_env, (size_t)1), sizeof *e->Variables.v);
    for (size_t i = 0; i < c->n_env; i++) {
        e->Variables.v[i].key = c->env[i].name;
        e->Variables.v[i].value = c->env[i].value;
    }
    return e;
}

static struct lambda_LoggingConfig *logging(struct arena *a, const struct config *c)
{
    struct lambda_LoggingConfig *g = ARENA_NEW(a, struct lambda_LoggingConfig);

    g->LogFormat = c->log_json ? STR("JSON") : STR("Text");
    g->ApplicationLogLevel = c->app_log_level;
    g->SystemLogLevel = c->system_log_level;
    g->LogGroup = c->log_group;
    return g;
}

static struct lambda_DeadLetterConfig *dead_letter(struct arena *a, const struct config *c)
{
    struct lambda_DeadLetterConfig *d = ARENA_NEW(a, struct lambda_DeadLetterConfig);

    d->TargetArn = c->dead_letter;
    return d;
}

static void states(const struct version *v, struct lambda_FunctionConfiguration *ret)
{
    struct str reason = STR("The function is being created."), code = STR("Creating");

    if (v->state == VERSION_PENDING) {
        ret->State = STR("Pending");
        ret->StateReason = reason;
        ret->StateReasonCode = code;
        return;
    }
    ret->State = STR("Active");
    ret->LastUpdateStatus = v->state == VERSION_UPDATING ? STR("InProgress") : STR("Successful");
    if (v->state == VERSION_UPDATING) {
        ret->LastUpdateStatusReason = reason;
        ret->LastUpdateStatusReasonCode = code;
    }
}

static struct str moment(struct arena *a, int64_t ms)
{
    struct buf b CLEANUP(buf_done) = { 0 };

    when_lambda(&b, ms);
    return buf_to_arena(&b, a);
}

void config_reply(struct call *c, const struct version *v, struct str arn, enum config_view view,
                  struct lambda_FunctionConfiguration *ret)
{
    struct arena *a = c->mem;
    struct config k;

    config_copy(a, &v->c, &k);
    *ret = (struct lambda_FunctionConfiguration){
        .FunctionName = arena_str(a, v->function->name),
        .FunctionArn = arena_str(a, arn),
        .Runtime = k.runtime,
        .Role = k.role,
        .Handler = k.handler,
        .Description = k.description,
        .CodeSize = INT_SET(k.code_bytes),
        .CodeSha256 = k.code_sha256,
        .Timeout = INT_SET(k.timeout_s),
        .MemorySize = INT_SET(k.memory_mb),
        .LastModified = moment(a, v->last_modified_ms),
        .Version = arena_str(a, v->number),
        .RevisionId = arena_str(a, str_of(v->revision_id)),
        .PackageType = STR("Zip"),
        .TracingConfig = ARENA_NEW(a, struct lambda_TracingConfigResponse),
        .EphemeralStorage = ARENA_NEW(a, struct lambda_EphemeralStorage),
        .SnapStart = ARENA_NEW(a, struct lambda_SnapStartResponse),
        .RuntimeVersionConfig = ARENA_NEW(a, struct lambda_RuntimeVersionConfig),
        .LoggingConfig = logging(a, &k),
        .Environment = k.has_env ? environment(a, &k) : NULL,
        .DeadLetterConfig = str_empty(k.dead_letter) ? NULL : dead_letter(a, &k),
    };
    ret->TracingConfig->Mode = STR("PassThrough");
    ret->EphemeralStorage->Size = INT_SET(k.tmp_mb);
    ret->SnapStart->ApplyOn = STR("None");
    ret->SnapStart->OptimizationStatus = STR("Off");
    ret->RuntimeVersionConfig->RuntimeVersionArn =
        runtime_version_arn(a, v->function->home->region, k.runtime);
    ret->Architectures.set = true;
    ret->Architectures.n = 1;
    ret->Architectures.v = ARENA_NEW(a, struct str);
    ret->Architectures.v[0] = k.architecture;
    if (view == CONFIG_WHOLE)
        states(v, ret);
}
