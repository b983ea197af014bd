/* settings.c - what a function may be configured with.  Checks come in two groups: AWS's own, in AWS's words,
 * and the parameters that this server does not act on, refused by name. */
#include "service/lambda/settings.h"

#define ENV_MAX_BYTES 4096

/* Blocked for creating and updating (AWS Lambda developer guide, "Lambda runtimes", deprecation). */
static const char *const deprecated[] = {
    "nodejs",     "nodejs4.3",     "nodejs4.3-edge", "nodejs6.10",    "nodejs8.10",
    "nodejs10.x", "nodejs12.x",    "nodejs14.x",     "python2.7",     "python3.6",
    "python3.7",  "java8",         "go1.x",          "ruby2.5",       "ruby2.7",
    "provided",   "dotnetcore1.0", "dotnetcore2.0",  "dotnetcore2.1", "dotnetcore3.1",
};

/* AWS Lambda developer guide, "Defined runtime environment variables", the reserved ones. */
static const char *const reserved[] = {
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
};

static bool among(struct str s, const char *const *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(s, v[i]))
            return true;
    return false;
}

bool runtime_is_deprecated(struct str runtime) { return among(runtime, deprecated, ARRAY_LEN(deprecated)); }
bool env_name_is_reserved(struct str name) { return among(name, reserved, ARRAY_LEN(reserved)); }

const char *machine_architecture(void)
{
#ifdef __aarch64__
    return "arm64";
#else
    return "x86_64";
#endif
}

int architecture_check(struct call *c, struct str runtime, struct str architecture)
{
    if (!str_starts(runtime, STR("provided")) || str_is(architecture, machine_architecture()))
        return 0;
    return INVALID(c,
                   "Waybill does not support the parameter Architectures with " STR_FMT
                   " for the runtime " STR_FMT ": this machine is %s.",
                   STR_ARG(architecture), STR_ARG(runtime), machine_architecture());
}

static int check_runtime(struct call *c, struct str runtime)
{
    const char *const *known = lambda_shape_Runtime.enum_values;
    struct buf all CLEANUP(buf_done) = { 0 };
    bool found = false;

    if (str_absent(runtime))
        return 0;
    for (size_t i = 0; known[i] != NULL; i++) {
        found = found || str_is(runtime, known[i]);
        buf_printf(&all, "%s%s", i > 0 ? ", " : "", known[i]);
    }
    if (!found)
        return INVALID(c,
                       "Value " STR_FMT
                       " at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s]"
                       " or be a valid ARN",
                       STR_ARG(runtime), all.p);
    if (runtime_is_deprecated(runtime))
        return INVALID(c,
                       "The runtime parameter of " STR_FMT
                       " is no longer supported for creating or updating AWS Lambda functions."
                       " We recommend you use a supported runtime while creating or updating functions.",
                       STR_ARG(runtime));
    if (!str_starts(runtime, STR("nodejs")) && !str_starts(runtime, STR("python")) &&
        !str_starts(runtime, STR("provided.")))
        return INVALID(c,
                       "Waybill does not support the parameter Runtime with " STR_FMT
                       ": it runs nodejs, python and provided"
                       " runtimes.",
                       STR_ARG(runtime));
    return 0;
}

/* The model allows more, for managed instances; ordinary functions do not. */
static int check_limits(struct call *c, const struct settings *s)
{
    struct str v[2];
    size_t n = 0;

    if (s->Timeout.set && s->Timeout.v > 900)
        v[n++] = violation(c->mem, arena_printf(c->mem, "%lld", (long long)s->Timeout.v), "timeout",
                           "Member must have value less than or equal to 900");
    if (s->MemorySize.set && s->MemorySize.v > 10240)
        v[n++] = violation(c->mem, arena_printf(c->mem, "%lld", (long long)s->MemorySize.v), "memorySize",
                           "Member must have value less than or equal to 10240");
    return n > 0 ? fault_violations(c, n, v) : 0;
}

static void take_env(struct arena *mem, const struct lambda_Environment *e, struct config *ret)
{
    size_t n = e->Variables.n;

    ret->has_env = true;
    ret->n_env = n;
    ret->env = arena_calloc(mem, MAX(n, (size_t)1), sizeof *ret->env);
    for (size_t i = 0; i < n; i++)
        ret->env[i] = (struct env_var){ e->Variables.v[i].key, e->Variables.v[i].value };
}

static int check_env(struct call *c, const struct lambda_Environment *e)
{
    struct buf names CLEANUP(buf_done) = { 0 }, text CLEANUP(buf_done) = { 0 };
    struct config k = { 0 };

    if (e == NULL)
        return 0;
    take_env(c->mem, e, &k);
    for (size_t i = 0; i < k.n_env; i++)
        if (env_name_is_reserved(k.env[i].name))
            buf_printf(&names, "%s" STR_FMT, names.n > 0 ? ", " : "", STR_ARG(k.env[i].name));
    if (names.n > 0)
        return INVALID(c,
                       "Lambda was unable to configure your environment variables because the environment "
                       "variables you have"
                       " provided contains reserved keys that are currently not supported for modification. "
                       "Reserved keys used in this"
                       " request: %s",
                       names.p);
    env_json(&text, k.env, k.n_env);
    if (text.n > ENV_MAX_BYTES)
        return INVALID(c,
                       "Lambda was unable to configure your environment variables because the environment "
                       "variables you have"
                       " provided exceeded the 4KB limit. String measured: %s",
                       text.p);
    return 0;
}

static int check_role(struct call *c, struct str role)
{
    const struct lambda_options *o = &lambda_of(c)->o;
    int rc = call_may_pass(c, role);

    if (rc != 0 || str_absent(role) || o->role_state == NULL)
        return rc;
    enum role_state state = o->role_state(o->role_arg, role);
    if (state == ROLE_STATE_NOT_ASSUMABLE || (state == ROLE_STATE_UNKNOWN && o->strict_permissions))
        return INVALID(c, "The role defined for the function cannot be assumed by Lambda.");
    return 0;
}

static int check_logging(struct call *c, const struct lambda_LoggingConfig *g)
{
    if (g == NULL || str_is(g->LogFormat, "JSON"))
        return 0;
    if (!str_absent(g->ApplicationLogLevel) || !str_absent(g->SystemLogLevel)) /* UNVERIFIED wording */
        return INVALID(c, "ApplicationLogLevel and SystemLogLevel can only be set when LogFormat is JSON.");
    return 0;
}

static bool vpc_given(const struct lambda_VpcConfig *v)
{
    return v != NULL && (v->SubnetIds.n > 0 || v->SecurityGroupIds.n > 0 || v->Ipv6AllowedForDualStack.v);
}

static bool image_given(const struct lambda_ImageConfig *i)
{
    return i != NULL && (i->EntryPoint.n > 0 || i->Command.n > 0 || !str_empty(i->WorkingDirectory));
}

/* What this server does not act on; empty and default values say nothing and pass. */
static int check_unsupported(struct call *c, const struct settings *s)
{
    const struct {
        bool given;
        const char *name;
    } rows[] = {
        { vpc_given(s->VpcConfig), "VpcConfig" },
        { !str_empty(s->KMSKeyArn), "KMSKeyArn" },
        { s->TracingConfig != NULL && str_is(s->TracingConfig->Mode, "Active"),
          "TracingConfig with Mode Active" },
        { s->n_layers > 0, "Layers" },
        { s->n_file_systems > 0, "FileSystemConfigs" },
        { image_given(s->ImageConfig), "ImageConfig" },
        { s->SnapStart != NULL && !str_empty(s->SnapStart->ApplyOn) && !str_is(s->SnapStart->ApplyOn, "None"),
          "SnapStart" },
        { s->CapacityProviderConfig != NULL, "CapacityProviderConfig" },
        { s->DurableConfig != NULL, "DurableConfig" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].given)
            return fault_unsupported(c, rows[i].name);
    return 0;
}

int settings_check(struct call *c, const struct settings *s)
{
    int rc = check_limits(c, s);

    rc = rc != 0 ? rc : check_unsupported(c, s);
    rc = rc != 0 ? rc : check_runtime(c, s->Runtime);
    rc = rc != 0 ? rc : check_logging(c, s->LoggingConfig);
    rc = rc != 0 ? rc : check_env(c, s->Environment);
    return rc != 0 ? rc : check_role(c, s->Role);
}

static void apply_logging(struct arena *mem, const struct lambda_LoggingConfig *g, struct str function_name,
                          struct config *ret)
{
    ret->log_json = g != NULL && str_is(g->LogFormat, "JSON");
    ret->log_group = g != NULL && !str_empty(g->LogGroup)
                         ? g->LogGroup
                         : arena_printf(mem, "/aws/lambda/" STR_FMT, STR_ARG(function_name));
    ret->app_log_level = ret->system_log_level = STR_NONE;
    if (ret->log_json) {
        ret->app_log_level = str_absent(g->ApplicationLogLevel) ? STR("INFO") : g->ApplicationLogLevel;
        ret->system_log_level = str_absent(g->SystemLogLevel) ? STR("INFO") : g->SystemLogLevel;
    }
}

void settings_apply(struct arena *mem, const struct settings *s, struct str function_name, struct config *ret)
{
    const struct {
        struct str given, *at;
    } texts[] = {
        { s->Runtime, &ret->runtime },
        { s->Role, &ret->role },
        { s->Handler, &ret->handler },
        { s->Description, &ret->description },
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (!str_absent(texts[i].given))
            *texts[i].at = texts[i].given;
    if (s->Timeout.set)
        ret->timeout_s = s->Timeout.v;
    if (s->MemorySize.set)
        ret->memory_mb = s->MemorySize.v;
    if (s->EphemeralStorage != NULL && s->EphemeralStorage->Size.set)
        ret->tmp_mb = s->EphemeralStorage->Size.v;
    if (s->Environment != NULL)
        take_env(mem, s->Environment, ret);
    if (s->DeadLetterConfig != NULL && !str_absent(s->DeadLetterConfig->TargetArn))
        ret->dead_letter =
            str_empty(s->DeadLetterConfig->TargetArn) ? STR_NONE : s->DeadLetterConfig->TargetArn;
    if (s->LoggingConfig != NULL || str_absent(ret->log_group))
        apply_logging(mem, s->LoggingConfig, function_name, ret);
}
