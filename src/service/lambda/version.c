/* version.c - PublishVersion, ListVersionsByFunction.  A number is never given twice, also not after a
 * delete. */
#include "service/lambda/version.h"

#include "service/lambda/config_reply.h"
#include "service/lambda/package_job.h"
#include "service/lambda/page.h"

int must_be_idle(struct call *c, const struct function *f)
{
    if (f->latest->state == VERSION_PENDING)
        return FAULT(c, ResourceConflictException,
                     "The operation cannot be performed at this time. The function is currently in"
                     " the following state: Pending");
    if (f->latest->state == VERSION_UPDATING)
        return FAULT(c, ResourceConflictException,
                     "The operation cannot be performed at this time. An update is in progress for"
                     " resource: " STR_FMT,
                     STR_ARG(f->arn));
    return 0;
}

int revision_check(struct call *c, struct str given, const char *now, const char *api)
{
    if (str_absent(given) || str_is(given, now))
        return 0;
    return FAULT(c, PreconditionFailedException,
                 "The Revision Id provided does not match the latest Revision Id. Call the %s"
                 " API to retrieve the latest Revision Id",
                 api);
}

int must_be_unqualified(struct call *c, const struct target_ref *r)
{
    if (str_absent(r->qualifier))
        return 0;
    return INVALID(c, "This operation is permitted on Lambda functions only. Aliases and versions do not "
                      "support this operation."
                      " Please specify either a function name or an unqualified function ARN.");
}

int version_room_check(struct call *c, const struct function *f)
{
    if (f->n_versions >= MAX_VERSIONS)
        return FAULT(c, CodeStorageExceededException, "Waybill keeps at most %d versions of a function.",
                     MAX_VERSIONS);
    return code_storage_check(c, f->home, f->latest->c.code_bytes);
}

int version_publish(struct lambda *l, struct function *f, struct str description, enum publishing how,
                    struct turn *t, struct version **ret)
{
    struct arena *a CLEANUP(arena_freep) = arena_new(0);
    struct str source = config_digest(a, &f->latest->c);
    struct version *newest = f->n_versions > 0 ? f->versions[f->n_versions - 1] : NULL;

    if (newest != NULL && str_eq(newest->source, source)) {
        *ret = newest;
        return 0;
    }
    struct config config = f->latest->c;
    if (!str_absent(description))
        config.description = description;
    struct version *v = version_add(l, t, f, STR_NONE, &config);
    v->source = arena_str(v->mem, source);
    if (how == PUBLISH_NEW_CODE)
        version_await_ready(l, v, t);
    else
        version_active(v);
    *ret = v;
    int rc = version_save(v, t);
    return rc != 0 ? rc : function_save(f, t); /* next_version */
}

int lambda_publish_version(struct call *c, const void *input, void *output)
{
    const struct lambda_PublishVersionRequest *in = input;
    struct target_ref r;
    struct version *v = NULL;
    int rc = target_function(c, in->FunctionName, STR_NONE, "lambda:PublishVersion", &r);

    rc = rc != 0 ? rc : must_be_unqualified(c, &r);
    if (rc != 0)
        return rc;
    if (!str_empty(in->PublishTo))
        return fault_unsupported(c, "PublishTo");
    const struct version *latest = r.function->latest;
    rc = must_be_idle(c, r.function);
    rc = rc != 0 ? rc : revision_check(c, in->RevisionId, latest->revision_id, "GetFunction/GetAlias");
    if (rc != 0)
        return rc;
    if (!str_empty(in->CodeSha256) && !str_eq(in->CodeSha256, latest->c.code_sha256))
        return INVALID(c,
                       "CodeSHA256 (" STR_FMT ") is different from current CodeSHA256 in $LATEST (" STR_FMT
                       "). Please try again"
                       " with the CodeSHA256 in $LATEST.",
                       STR_ARG(in->CodeSha256), STR_ARG(latest->c.code_sha256));
    rc = version_room_check(c, r.function);
    rc = rc != 0
             ? rc
             : version_publish(lambda_of(c), r.function, in->Description, PUBLISH_READY_CODE, c->turn, &v);
    if (rc == 0)
        config_reply(c, v, arn_qualified(c->mem, r.arn, v->number), CONFIG_WHOLE, output);
    return rc;
}

int lambda_list_versions_by_function(struct call *c, const void *input, void *output)
{
    const struct lambda_ListVersionsByFunctionRequest *in = input;
    struct lambda_ListVersionsByFunctionResponse *out = output;
    struct target_ref r;
    struct page p;
    int rc = target_function(c, in->FunctionName, STR_NONE, "lambda:ListVersionsByFunction", &r);

    if (rc != 0)
        return rc;
    size_t n = r.function->n_versions + 1;
    struct page_item *v = arena_calloc(c->mem, n, sizeof *v);
    for (size_t i = 0; i < n; i++) {
        struct version *version = i == 0 ? r.function->latest : r.function->versions[i - 1];

        v[i] = (struct page_item){ page_version_key(c->mem, STR(""), version->number), version };
    }
    rc = page_make(c, v, n, in->Marker, in->MaxItems, &p);
    if (rc != 0)
        return rc;
    out->Versions.set = true;
    out->Versions.v = arena_calloc(c->mem, p.to - p.from + 1, sizeof *out->Versions.v);
    for (size_t i = p.from; i < p.to; i++) {
        struct version *version = p.v[i].item;

        config_reply(c, version, arn_qualified(c->mem, r.arn, version->number), CONFIG_LISTED,
                     &out->Versions.v[out->Versions.n++]);
    }
    out->NextMarker = p.next_marker;
    return 0;
}
