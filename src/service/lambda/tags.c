/* tags.c - TagResource, UntagResource, ListTags.  A change of tags is a change of the function: its
 * RevisionId moves. */
#include "service/lambda/tags.h"

#include <stdlib.h>

static struct tag *tag_find(const struct function *f, struct str key)
{
    for (size_t i = 0; f != NULL && i < f->n_tags; i++)
        if (str_eq(f->tags[i].key, key))
            return &f->tags[i];
    return NULL;
}

int tags_check(struct call *c, const struct lambda_Tags *add, const struct function *f)
{
    size_t n = f != NULL ? f->n_tags : 0;

    for (size_t i = 0; i < add->n; i++) {
        if (str_starts_nocase(add->v[i].key, STR("aws:"))) /* UNVERIFIED wording */
            return INVALID(c, "The tag key " STR_FMT " begins with aws:, which is reserved.",
                           STR_ARG(add->v[i].key));
        n += tag_find(f, add->v[i].key) == NULL;
    }
    return n > MAX_TAGS ? INVALID(c, "Number of tags exceeds resource tag limit.") : 0;
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct tag *)a)->key, ((const struct tag *)b)->key);
}

void tags_merge(struct function *f, const struct lambda_Tags *add)
{
    f->tags = xrealloc(f->tags, (f->n_tags + add->n + 1) * sizeof *f->tags);
    for (size_t i = 0; i < add->n; i++) {
        struct tag *t = tag_find(f, add->v[i].key);

        if (t == NULL) {
            t = &f->tags[f->n_tags++];
            *t = (struct tag){ str_own(add->v[i].key), STR_NONE };
        }
        str_replace(&t->value, str_absent(add->v[i].value) ? STR("") : add->v[i].value);
    }
    if (f->n_tags > 1)
        qsort(f->tags, f->n_tags, sizeof *f->tags, by_key);
}

void tags_reply(struct call *c, const struct function *f, struct lambda_Tags *ret)
{
    ret->set = true;
    ret->n = f->n_tags;
    ret->v = arena_calloc(c->mem, f->n_tags + 1, sizeof *ret->v);
    for (size_t i = 0; i < f->n_tags; i++) {
        ret->v[i].key = arena_str(c->mem, f->tags[i].key);
        ret->v[i].value = arena_str(c->mem, f->tags[i].value);
    }
}

/* The function that a tagged ARN names; other resources of the service have no tags here. */
static int tagged(struct call *c, struct str resource, const char *action, struct target_ref *ret)
{
    if (str_find_str(resource, STR(":function:")) < 0)
        return INVALID(c, "Waybill does not support tags on " STR_FMT ": only functions have tags.",
                       STR_ARG(resource));
    int rc = target_resolve(c, resource, STR_NONE, action, ret);
    if (rc != 0)
        return rc;
    if (!str_absent(ret->qualifier))
        return INVALID(
            c, "Tags on function aliases and versions are not supported. Please specify a function ARN.");
    return ret->function != NULL ? 0 : fault_function_missing(c, ret->arn);
}

static int changed(struct call *c, struct function *f)
{
    version_touch(f->latest);
    int rc = function_save(f, c->turn);
    rc = rc != 0 ? rc : version_save(f->latest, c->turn);
    return rc != 0 ? rc : reply_empty(c, 204);
}

int lambda_tag_resource(struct call *c, const void *input, void *output)
{
    const struct lambda_TagResourceRequest *in = input;
    struct target_ref r;
    int rc = tagged(c, in->Resource, "lambda:TagResource", &r);

    (void)output;
    if (rc == 0 && in->Tags.n == 0)
        return INVALID(c, "An error occurred and the request cannot be processed.");
    rc = rc != 0 ? rc : tags_check(c, &in->Tags, r.function);
    if (rc != 0)
        return rc;
    tags_merge(r.function, &in->Tags);
    return changed(c, r.function);
}

int lambda_untag_resource(struct call *c, const void *input, void *output)
{
    const struct lambda_UntagResourceRequest *in = input;
    struct target_ref r;
    int rc = tagged(c, in->Resource, "lambda:UntagResource", &r);

    (void)output;
    if (rc != 0)
        return rc;
    struct function *f = r.function;
    for (size_t i = 0; i < in->TagKeys.n; i++) {
        struct tag *t = tag_find(f, in->TagKeys.v[i]);

        if (t == NULL)
            continue;
        str_drop(&t->key);
        str_drop(&t->value);
        size_t behind = (size_t)(f->tags + f->n_tags - (t + 1));
        memmove(t, t + 1, behind * sizeof *t);
        f->n_tags--;
    }
    return changed(c, f);
}

int lambda_list_tags(struct call *c, const void *input, void *output)
{
    const struct lambda_ListTagsRequest *in = input;
    struct lambda_ListTagsResponse *out = output;
    struct target_ref r;
    int rc = tagged(c, in->Resource, "lambda:ListTags", &r);

    if (rc == 0)
        tags_reply(c, r.function, &out->Tags);
    return rc;
}
