/* tag.c - tags of log groups, by ARN and by the older operations that take a name.
 * True here: tags are stored as one JSON object of texts, in the order in which keys first came; at most 50. */
#include "service/logs/internal.h"

#include "base/json.h"

#define TAGS_MOST 50

static struct json *parsed(struct call *c, struct str tags)
{
    struct json *doc = NULL;

    CHECK(json_parse(c->mem, tags, &doc, NULL) == 0 && doc->type == JSON_OBJECT);
    return doc;
}

static const struct logs_Tags_entry *entry_of(const struct logs_Tags *t, struct str key)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->v[i].key, key))
            return &t->v[i];
    return NULL;
}

int logs_tags_text(struct call *c, struct str before, const struct logs_Tags *add, struct str *ret)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json *doc = parsed(c, before);
    struct json_writer w;
    size_t n = 0;

    jw_init(&w, &b);
    jw_object(&w);
    JSON_EACH(doc, member) {
        struct str key = json_key(c->mem, member);
        const struct logs_Tags_entry *e = entry_of(add, key);

        jw_key(&w, key);
        jw_str(&w, e != NULL ? e->value : json_text(c->mem, member));
        n++;
    }
    for (size_t i = 0; i < add->n; i++) {
        if (!str_absent(json_get_text(c->mem, doc, add->v[i].key)))
            continue;
        jw_key(&w, add->v[i].key);
        jw_str(&w, add->v[i].value);
        n++;
    }
    jw_object_end(&w);
    if (n > TAGS_MOST)
        return call_fault(c, &logs_error_TooManyTagsException, "A resource can have no more than %d tags.", TAGS_MOST);
    *ret = buf_to_arena(&b, c->mem);
    return 0;
}

static struct str tags_without(struct call *c, struct str before, const struct str *keys, size_t n)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json *doc = parsed(c, before);
    struct json_writer w;

    jw_init(&w, &b);
    jw_object(&w);
    JSON_EACH(doc, member) {
        struct str key = json_key(c->mem, member);
        bool gone = false;

        for (size_t i = 0; i < n; i++)
            gone |= str_eq(keys[i], key);
        if (gone)
            continue;
        jw_key(&w, key);
        jw_str(&w, json_text(c->mem, member));
    }
    jw_object_end(&w);
    return buf_to_arena(&b, c->mem);
}

static void tags_shown(struct call *c, struct str tags, struct logs_Tags *ret)
{
    struct json *doc = parsed(c, tags);
    size_t i = 0;

    *ret = (struct logs_Tags){ true, doc->n, arena_calloc(c->mem, doc->n, sizeof(*ret->v)) };
    JSON_EACH(doc, member) {
        ret->v[i].key = json_key(c->mem, member);
        ret->v[i++].value = json_text(c->mem, member);
    }
}

static int tag(struct call *c, const char *action, struct str name, struct str arn, const struct logs_Tags *tags)
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

static int untag(struct call *c, const char *action, struct str name, struct str arn, const struct str *keys, size_t n)
{
    struct log_group g;
    int r = logs_group_of(c, action, name, arn, STR_NONE, &g);

    if (r == 0)
        log_group_tags(c->turn->store, g.id, tags_without(c, g.tags, keys, n));
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

    return list(c, "logs:ListTagsForResource", STR_NONE, in->resourceArn, &((struct logs_ListTagsForResourceResponse *)output)->tags);
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

    return list(c, "logs:ListTagsLogGroup", in->logGroupName, STR_NONE, &((struct logs_ListTagsLogGroupResponse *)output)->tags);
}
