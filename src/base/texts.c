/* texts.c - see texts.h. */
#include "base/texts.h"

struct text_pair *texts_read(struct arena *a, struct str object, size_t *ret_n)
{
    struct text_pair *v;
    struct json *doc;
    size_t n = 0;

    CHECK(json_parse(a, object, &doc, NULL) == 0 && doc->type == JSON_OBJECT);
    v = arena_calloc(a, doc->n, sizeof(*v));
    JSON_EACH(doc, member)
        v[n++] = (struct text_pair){ json_key(a, member), json_text(a, member) };
    *ret_n = n;
    return v;
}

static struct text_pair *pair_of(struct text_pair *v, size_t n, struct str key)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(v[i].key, key))
            return &v[i];
    return NULL;
}

static struct str written(struct arena *a, const struct text_pair *v, size_t n)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;

    jw_init(&w, &b);
    jw_object(&w);
    for (size_t i = 0; i < n; i++) {
        jw_key(&w, v[i].key);
        jw_str(&w, v[i].value);
    }
    jw_object_end(&w);
    return buf_to_arena(&b, a);
}

struct str texts_with(struct arena *a, struct str object, const struct text_pair *add, size_t n,
                      size_t *ret_n)
{
    size_t have, all;
    const struct text_pair *before = texts_read(a, object, &have);
    struct text_pair *v = arena_calloc(a, have + n, sizeof(*v)), *there;

    for (all = 0; all < have; all++)
        v[all] = before[all];
    for (size_t i = 0; i < n; i++) {
        there = pair_of(v, all, add[i].key);
        if (there == NULL)
            there = &v[all++];
        *there = add[i];
    }
    *ret_n = all;
    return written(a, v, all);
}

struct str texts_without(struct arena *a, struct str object, const struct str *keys, size_t n)
{
    size_t have, left = 0;
    struct text_pair *v = texts_read(a, object, &have);

    for (size_t i = 0; i < have; i++) {
        bool gone = false;

        for (size_t k = 0; k < n; k++)
            gone |= str_eq(keys[k], v[i].key);
        if (!gone)
            v[left++] = v[i];
    }
    return written(a, v, left);
}
