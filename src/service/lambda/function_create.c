/* function_create.c - CreateFunction: everything is checked, the package goes to the disk, then the function
 * exists. Between the two another request may have made a function of the same name: the second check
 * decides. */
#include "service/lambda/config_reply.h"
#include "service/lambda/dead_letter.h"
#include "service/lambda/history.h"
#include "service/lambda/package_job.h"
#include "service/lambda/settings.h"
#include "service/lambda/tags.h"
#include "service/lambda/version.h"

static int check_not_there(struct call *c, const struct target_ref *r)
{
    const struct home *h = home_find(lambda_of(c), r->account, r->region);

    if (function_find(lambda_of(c), r->account, r->region, r->name) != NULL)
        return FAULT(c, ResourceConflictException, "Function already exist: " STR_FMT, STR_ARG(r->name));
    if (h != NULL && h->n_functions >= MAX_FUNCTIONS)
        return FAULT(c, CodeStorageExceededException,
                     "Waybill keeps at most %d functions of an account in a region.", MAX_FUNCTIONS);
    if (h == NULL && lambda_of(c)->homes.n >= MAX_HOMES)
        return FAULT(c, CodeStorageExceededException,
                     "Waybill keeps functions of at most %d pairs of account and region.", MAX_HOMES);
    return 0;
}

/* Where the code comes from: a zip file in the request, or an object of S3. */
static int check_code(struct call *c, const struct lambda_FunctionCode *code)
{
    const struct {
        bool given;
        const char *name;
    } rows[] = {
        { !str_empty(code->ImageUri), "Code.ImageUri" },
        { !str_empty(code->S3ObjectStorageMode), "Code.S3ObjectStorageMode" },
        { !str_empty(code->SourceKMSKeyArn), "Code.SourceKMSKeyArn" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].given)
            return fault_unsupported(c, rows[i].name);
    return code_source_check(c, &(struct code_source){ code->ZipFile, code->S3Bucket, code->S3Key,
                                                       code->S3ObjectVersion });
}

static int check_create(struct call *c, const struct lambda_CreateFunctionRequest *in)
{
    struct settings s = SETTINGS_OF(in);

    if (!str_empty(in->PackageType) && !str_is(in->PackageType, "Zip"))
        return fault_unsupported(c, "PackageType with Image");
    if (!str_empty(in->CodeSigningConfigArn))
        return fault_unsupported(c, "CodeSigningConfigArn");
    if (!str_empty(in->PublishTo))
        return fault_unsupported(c, "PublishTo");
    if (in->TenancyConfig != NULL)
        return fault_unsupported(c, "TenancyConfig");
    if (str_empty(in->Runtime) || str_empty(in->Handler))
        return INVALID(
            c,
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.");
    int rc = settings_check(c, &s);
    rc = rc != 0 ? rc
                 : architecture_check(c, in->Runtime,
                                      in->Architectures.n > 0 ? in->Architectures.v[0] : STR("x86_64"));
    rc = rc != 0 ? rc : tags_check(c, &in->Tags, NULL);
    return rc != 0 ? rc : check_code(c, in->Code);
}

static void new_config(struct call *c, const struct lambda_CreateFunctionRequest *in, struct str name,
                       struct config *ret)
{
    struct settings s = SETTINGS_OF(in);

    *ret = (struct config){
        .description = STR(""),
        .timeout_s = 3,
        .memory_mb = 128,
        .tmp_mb = 512,
        .architecture = in->Architectures.n > 0 ? in->Architectures.v[0] : STR("x86_64"),
    };
    settings_apply(c->mem, &s, name, ret);
}

static int save_new(struct function *f, struct turn *t)
{
    int rc = function_save(f, t);

    rc = rc != 0 ? rc : version_save(f->latest, t);
    return rc != 0 ? rc : history_dead_letter(f, t, "CreateFunction", STR_NONE, f->latest->c.dead_letter);
}

static int function_made(struct call *c, const struct package_job *j)
{
    const struct lambda_CreateFunctionRequest *in = c->input;
    struct lambda *l = lambda_of(c);
    struct version *published = NULL;
    struct target_ref r;
    struct config config;
    int rc = target_resolve(c, in->FunctionName, STR_NONE, "lambda:CreateFunction", &r);

    rc = rc != 0 ? rc : check_not_there(c, &r);
    rc = rc != 0 ? rc : code_storage_check(c, home_find(l, r.account, r.region), j->zipped_bytes * 2);
    if (rc != 0)
        return rc;
    new_config(c, in, r.name, &config);
    package_apply(j, &config);
    struct function *f = function_add(l, c->turn, r.account, r.region, r.name);
    tags_merge(f, &in->Tags);
    struct version *v = version_add(l, c->turn, f, LATEST, &config);
    version_await_ready(l, v, c->turn);
    rc = save_new(f, c->turn);
    if (rc == 0 && in->Publish.v)
        rc = version_publish(l, f, STR_NONE, PUBLISH_NEW_CODE, c->turn, &published);
    if (rc == 0)
        config_reply(c, published != NULL ? published : v, r.arn, CONFIG_WHOLE, c->output);
    return rc;
}

int lambda_create_function(struct call *c, const void *input, void *output)
{
    const struct lambda_CreateFunctionRequest *in = input;
    struct target_ref r;
    struct config config;
    int rc = target_resolve(c, in->FunctionName, STR_NONE, "lambda:CreateFunction", &r);

    (void)output;
    rc = rc != 0 ? rc : must_be_unqualified(c, &r);
    rc = rc != 0 ? rc : check_create(c, in);
    rc = rc != 0 ? rc : check_not_there(c, &r);
    if (rc != 0)
        return rc;
    new_config(c, in, r.name, &config);
    rc = dead_letter_check(c, r.region, config.dead_letter, config.role);
    return rc != 0 ? rc
                   : package_begin(c,
                                   &(struct code_source){ in->Code->ZipFile, in->Code->S3Bucket,
                                                          in->Code->S3Key, in->Code->S3ObjectVersion },
                                   function_made);
}
