/* text.c - see text.h.
 * True here: the policy was checked when it was set, so it is a JSON object; Statement may be one object or a
 * list. */
#include "policy/text.h"

static struct json *parsed(struct arena *a, struct str policy)
{
    struct json *doc;

    CHECK(json_parse(a, policy, &doc, NULL) == 0);
    return doc;
}

static const struct json *first_of(const struct json *policy, bool *ret_list)
{
    const struct json *v = json_get(policy, STR("Statement"));

    *ret_list = v != NULL && v->type == JSON_ARRAY;
    return *ret_list ? v->first : v;
}

static bool has_label(struct arena *a, const struct json *statement, struct str label)
{
    return statement->type == JSON_OBJECT && str_eq(json_get_text(a, statement, STR("Sid")), label);
}

bool policy_text_has(struct arena *a, struct str policy, struct str label, size_t *ret_others)
{
    bool list, found = false;
    size_t others = 0;

    for (const struct json *s = first_of(parsed(a, policy), &list); s != NULL; s = list ? s->next : NULL) {
        if (has_label(a, s, label))
            found = true;
        else
            others++;
    }
    if (ret_others != NULL)
        *ret_others = others;
    return found;
}

static void write_raw(struct json_writer *w, const struct json *v)
{
    if (v->type == JSON_STRING) /* raw of a string is without its quotes */
        jw_raw(w, str_make(v->raw.p - 1, v->raw.n + 2));
    else
        jw_raw(w, v->raw);
}

void policy_text_edit(struct buf *b, struct arena *a, struct str policy, struct str without, struct str more)
{
    const struct json *doc = parsed(a, policy);
    struct json_writer w;
    bool list;

    jw_init(&w, b);
    jw_object(&w);
    JSON_EACH(doc, member) {
        if (str_is(json_key(a, member), "Statement"))
            continue;
        jw_key(&w, json_key(a, member));
        write_raw(&w, member);
    }
    jw_key(&w, STR("Statement"));
    jw_array(&w);
    for (const struct json *s = first_of(doc, &list); s != NULL; s = list ? s->next : NULL)
        if (str_absent(without) || !has_label(a, s, without))
            write_raw(&w, s);
    if (!str_absent(more))
        jw_raw(&w, more);
    jw_array_end(&w);
    jw_object_end(&w);
}

/* One as it is, several as a list. */
static void write_list(struct json_writer *w, const char *key, const char *before, const struct str *v,
                       size_t n, const char *behind)
{
    jw_key(w, str_of(key));
    if (n > 1)
        jw_array(w);
    for (size_t i = 0; i < n; i++)
        jw_printf(w, "%s" STR_FMT "%s", before, STR_ARG(v[i]), behind);
    if (n > 1)
        jw_array_end(w);
}

void policy_text_grant(struct buf *b, const struct policy_grant *g)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    jw_kstr(&w, "Sid", g->label);
    jw_kstr(&w, "Effect", STR("Allow"));
    jw_key(&w, STR("Principal"));
    jw_object(&w);
    write_list(&w, "AWS", "arn:aws:iam::", g->accounts, g->n_accounts, ":root");
    jw_object_end(&w);
    write_list(&w, "Action", g->prefix, g->actions, g->n_actions, "");
    jw_kstr(&w, "Resource", g->resource);
    jw_object_end(&w);
}
