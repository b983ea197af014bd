/* function_update.c - UpdateFunctionCode, UpdateFunctionConfiguration.  One change at a time: a second one
 * gets 409 until the first is Successful; invokes go on with the old code and configuration until then. */
#include "service/lambda/config_reply.h"
#include "service/lambda/dead_letter.h"
#include "service/lambda/history.h"
#include "service/lambda/package_job.h"
#include "service/lambda/settings.h"
#include "service/lambda/version.h"

#define REVISION_API "GetFunction/GetAlias"

static int target_for_update(struct call *c, struct str name, struct str revision_id, const char *action,
                             struct target_ref *ret)
{
    int rc = target_function(c, name, STR_NONE, action, ret);

    rc = rc != 0 ? rc : must_be_unqualified(c, ret);
    rc = rc != 0 ? rc : must_be_idle(c, ret->function);
    return rc != 0 ? rc : revision_check(c, revision_id, ret->function->latest->revision_id, REVISION_API);
}

static int check_code_request(struct call *c, const struct lambda_UpdateFunctionCodeRequest *in,
                              const struct function *f)
{
    const struct {
        bool given;
        const char *name;
    } rows[] = {
        { !str_empty(in->ImageUri), "ImageUri" },
        { !str_empty(in->PublishTo), "PublishTo" },
        { !str_empty(in->S3ObjectStorageMode), "S3ObjectStorageMode" },
        { !str_empty(in->SourceKMSKeyArn), "SourceKMSKeyArn" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].given)
            return fault_unsupported(c, rows[i].name);
    int rc = code_source_check(c, &(struct code_source){ in->ZipFile, in->S3Bucket, in->S3Key,
                                                         in->S3ObjectVersion });
    if (rc == 0 && in->Architectures.n > 0)
        rc = architecture_check(c, f->latest->c.runtime, in->Architectures.v[0]);
    return rc;
}

/* The reply of a dry run: what the configuration would be, under the version's present names. */
static int would_be(struct call *c, const struct target_ref *r, const struct config *config)
{
    struct version v = *r->function->latest;

    v.c = *config;
    config_reply(c, &v, r->arn, CONFIG_WHOLE, c->output);
    return 0;
}

static int code_stored(struct call *c, const struct package_job *j)
{
    const struct lambda_UpdateFunctionCodeRequest *in = c->input;
    struct lambda *l = lambda_of(c);
    struct version *published = NULL;
    struct target_ref r;
    int rc = target_for_update(c, in->FunctionName, in->RevisionId, "lambda:UpdateFunctionCode", &r);

    if (rc != 0)
        return rc;
    struct version *v = r.function->latest;
    struct config config = v->c;
    package_apply(j, &config);
    if (in->Architectures.n > 0)
        config.architecture = in->Architectures.v[0];
    if (in->DryRun.v)
        return would_be(c, &r, &config);
    rc = in->Publish.v ? version_room_check(c, r.function) : 0;
    rc = rc != 0 ? rc : code_storage_check(c, r.function->home, 2 * config.code_bytes);
    if (rc != 0)
        return rc;
    version_update(l, v, &config, c->turn);
    rc = version_save(v, c->turn);
    if (rc == 0 && in->Publish.v)
        rc = version_publish(l, r.function, STR_NONE, PUBLISH_NEW_CODE, c->turn, &published);
    if (rc == 0 && published != NULL)
        config_reply(c, published, arn_qualified(c->mem, r.arn, published->number), CONFIG_WHOLE, c->output);
    else if (rc == 0)
        config_reply(c, v, r.arn, CONFIG_WHOLE, c->output);
    return rc;
}

int lambda_update_function_code(struct call *c, const void *input, void *output)
{
    const struct lambda_UpdateFunctionCodeRequest *in = input;
    struct target_ref r;
    int rc = target_for_update(c, in->FunctionName, in->RevisionId, "lambda:UpdateFunctionCode", &r);

    (void)output;
    rc = rc != 0 ? rc : check_code_request(c, in, r.function);
    return rc != 0 ? rc
                   : package_begin(c,
                                   &(struct code_source){ in->ZipFile, in->S3Bucket, in->S3Key,
                                                          in->S3ObjectVersion },
                                   code_stored);
}

/* Asked anew where queue or role are: a role that may not write there is refused like the queue itself. */
static int check_new_dead_letter(struct call *c, const struct target_ref *r, const struct settings *s,
                                 const struct config *wanted)
{
    bool asked =
        !str_absent(s->Role) || (s->DeadLetterConfig != NULL && !str_absent(s->DeadLetterConfig->TargetArn));
    int rc = asked ? dead_letter_check(c, r->region, wanted->dead_letter, wanted->role) : 0;

    if (rc == -E_FAULT)
        usage_facts_refused(r->function, "DeadLetterConfig", LATEST, wanted->dead_letter, c->fault.message,
                            c->now.wall_ms);
    return rc;
}

int lambda_update_function_configuration(struct call *c, const void *input, void *output)
{
    const struct lambda_UpdateFunctionConfigurationRequest *in = input;
    struct settings s = SETTINGS_OF(in);
    struct target_ref r;
    int rc = target_for_update(c, in->FunctionName, in->RevisionId, "lambda:UpdateFunctionConfiguration", &r);

    rc = rc != 0 ? rc : settings_check(c, &s);
    if (rc != 0)
        return rc;
    struct version *v = r.function->latest;
    struct config config = v->c;
    settings_apply(c->mem, &s, r.name, &config);
    rc = architecture_check(c, config.runtime, config.architecture);
    rc = rc != 0 ? rc : check_new_dead_letter(c, &r, &s, &config);
    rc = rc != 0 ? rc
                 : history_dead_letter(r.function, c->turn, "UpdateFunctionConfiguration", v->c.dead_letter,
                                       config.dead_letter);
    if (rc != 0)
        return rc;
    version_update(lambda_of(c), v, &config, c->turn);
    v->last_modified_ms -= v->last_modified_ms % 1000; /* AWS writes .000 here, and here alone */
    rc = version_save(v, c->turn);
    if (rc == 0)
        config_reply(c, v, r.arn, CONFIG_WHOLE, output);
    return rc;
}
