/* tag.c - tags of log groups, by ARN and by the older operations that take a name.
 * True here: tags are stored as one JSON object of texts, in the order in which keys first came; at most 50.
 */
#include "service/logs/internal.h"

#include "base/texts.h"

#define TAGS_MOST 50

int logs_tags_text(struct call *c, struct str before, const struct logs_Tags *add, struct str *ret)
{
    struct text_pair *v = arena_calloc(c->mem, add->n, sizeof(*v));
    size_t n;

    for (size_t i = 0; i < add->n; i++)
        v[i] = (struct text_pair){ add->v[i].key, add->v[i].value };
    *ret = texts_with(c->mem, before, v, add->n, &n);
    if (n > TAGS_MOST)
        return call_fault(c, &logs_error_TooManyTagsException, "A resource can have no more than %d tags.",
                          TAGS_MOST);
    return 0;
}

static void tags_shown(struct call *c, struct str tags, struct logs_Tags *ret)
{
    size_t n;
    const struct text_pair *v = texts_read(c->mem, tags, &n);

    *ret = (struct logs_Tags){ true, n, arena_calloc(c->mem, n, sizeof(*ret->v)) };
    for (size_t i = 0; i < n; i++)
        ret->v[i] = (struct logs_Tags_entry){ v[i].key, v[i].value };
}

static int tag(struct call *c, const char *action, struct str name, struct str arn,
               const struct logs_Tags *tags)
{
    struct log_group g;
    struct str text;
    int r = logs_group_of(c, action, name, arn, STR_NONE, &g);

    if (r == 0)
        r = logs_tags_text(c, g.tags, tags, &text);
    if (r == 0)
        log_group_tags(c->turn->store, g.id, text);
    return r;
}

static int untag(struct call *c, const char *action, struct str name, struct str arn, const struct str *keys,
                 size_t n)
{
    struct log_group g;
    int r = logs_group_of(c, action, name, arn, STR_NONE, &g);

    if (r == 0)
        log_group_tags(c->turn->store, g.id, texts_without(c->mem, g.tags, keys, n));
    return r;
}

static int list(struct call *c, const char *action, struct str name, struct str arn, struct logs_Tags *ret)
{
    struct log_group g;
    int r = logs_group_of(c, action, name, arn, STR_NONE, &g);

    if (r == 0)
        tags_shown(c, g.tags, ret);
    return r;
}

int logs_tag_resource(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_TagResourceRequest *in = input;

    return tag(c, "logs:TagResource", STR_NONE, in->resourceArn, &in->tags);
}

int logs_untag_resource(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_UntagResourceRequest *in = input;

    return untag(c, "logs:UntagResource", STR_NONE, in->resourceArn, in->tagKeys.v, in->tagKeys.n);
}

int logs_list_tags(struct call *c, const void *input, void *output)
{
    const struct logs_ListTagsForResourceRequest *in = input;

    return list(c, "logs:ListTagsForResource", STR_NONE, in->resourceArn,
                &((struct logs_ListTagsForResourceResponse *)output)->tags);
}

int logs_tag_group(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_TagLogGroupRequest *in = input;

    return tag(c, "logs:TagLogGroup", in->logGroupName, STR_NONE, &in->tags);
}

int logs_untag_group(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_UntagLogGroupRequest *in = input;

    return untag(c, "logs:UntagLogGroup", in->logGroupName, STR_NONE, in->tags.v, in->tags.n);
}

int logs_list_group_tags(struct call *c, const void *input, void *output)
{
    const struct logs_ListTagsLogGroupRequest *in = input;

    return list(c, "logs:ListTagsLogGroup", in->logGroupName, STR_NONE,
                &((struct logs_ListTagsLogGroupResponse *)output)->tags);
}
