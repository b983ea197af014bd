/* load.c - from rows to memory, at start, after a reset and after a commit that failed.  Nothing is Pending
 * or InProgress afterwards: what was being made when the server ended is complete, its package was stored
 * first. */
#include "service/lambda/registry.h"

#include <stdio.h>
#include <stdlib.h>

static struct sql Q_FUNCTIONS = SQL("SELECT id, account, region, name, next_version, reserved_concurrency, "
                                    "recursion_allowed, tags FROM lambda_function ORDER BY id");
static struct sql Q_VERSIONS =
    SQL("SELECT id, function_id, version, config, revision_id, last_modified_ms, source "
        "FROM lambda_version ORDER BY id");
static struct sql Q_ALIASES =
    SQL("SELECT id, function_id, name, function_version, description, additional_version, "
        "additional_weight, revision_id FROM lambda_alias ORDER BY id");
static struct sql Q_POLICIES =
    SQL("SELECT id, function_id, qualifier, statements, revision_id FROM lambda_policy ORDER BY id");
static struct sql Q_CONFIGS =
    SQL("SELECT id, function_id, qualifier, maximum_retry_attempts, maximum_event_age_s, "
        "on_success, on_failure, last_modified_ms FROM lambda_event_invoke_config ORDER BY id");

struct loading {
    struct lambda *l;
    struct map by_id;
};

/* Rows name their function by id; decimal text is the key of a map that lives during loading. */
static struct str id_key(char out[24], int64_t id)
{
    return str_make(out, (size_t)snprintf(out, 24, "%lld", (long long)id));
}

static struct function *function_of(const struct loading *g, struct rows *r)
{
    char text[24];

    struct function *f = map_get(&g->by_id, id_key(text, rows_int(r, 1)));

    CHECK(f == NULL || f->magic == FUNCTION_MAGIC);
    return f;
}

static void revision(char out[UUID_TEXT + 1], struct str text)
{
    size_t n = MIN(text.n, (size_t)UUID_TEXT);

    if (n > 0)
        memcpy(out, text.p, n);
    out[n] = '\0';
}

static int read_tags(struct function *f, struct str text)
{
    struct arena *a CLEANUP(arena_freep) = arena_new(0);
    struct json *doc;

    if (str_empty(text))
        return 0;
    if (json_parse(a, text, &doc, NULL) != 0 || doc->type != JSON_OBJECT)
        return -E_INVALID;
    f->tags = xcalloc(doc->n > 0 ? doc->n : 1, sizeof *f->tags);
    JSON_EACH(doc, m)
        f->tags[f->n_tags++] = (struct tag){ str_own(json_key(a, m)), str_own(json_text(a, m)) };
    return 0;
}

static void load_functions(struct loading *g, struct store *s)
{
    struct rows r CLEANUP(rows_done);

    for (store_query(s, &Q_FUNCTIONS, &r);
         rows_next(&r) && rows_numbered(&r) && rows_place(&r, 1, 2, 3, FUNCTION_NAME_MOST);) {
        struct function *f = function_add(g->l, NULL, rows_text(&r, 1), rows_text(&r, 2), rows_text(&r, 3));
        char text[24];

        f->id = (uint64_t)rows_int(&r, 0);
        f->next_version = rows_count(&r, 4, INT64_C(1) << 48);
        function_set_reserved(f, rows_int(&r, 5));
        f->recursion_allowed = rows_int(&r, 6) != 0;
        (void)rows_must(&r, read_tags(f, rows_text(&r, 7)) == 0, "its tags are no JSON object");
        map_put(&g->by_id, id_key(text, rows_int(&r, 0)), f);
    }
}

static void load_versions(struct loading *g, struct store *s)
{
    struct rows r CLEANUP(rows_done);

    for (store_query(s, &Q_VERSIONS, &r); rows_next(&r) && rows_numbered(&r);) {
        struct arena *a CLEANUP(arena_freep) = arena_new(0);
        struct function *f = function_of(g, &r);
        struct config c;

        if (!rows_must(&r, f != NULL, "its function is not there") ||
            !rows_must(&r, config_from_json(a, rows_text(&r, 3), &c) == 0, "its config is no JSON object") ||
            !rows_must(&r, !str_empty(rows_text(&r, 2)) && version_find(f, rows_text(&r, 2)) == NULL,
                       "its version is none, or there are two"))
            break;
        struct version *v = version_add(g->l, NULL, f, rows_text(&r, 2), &c);
        v->id = (uint64_t)rows_int(&r, 0);
        revision(v->revision_id, rows_text(&r, 4));
        v->last_modified_ms = rows_ms(&r, 5);
        v->source = arena_str(v->mem, rows_text(&r, 6));
        version_active(v);
    }
}

static void load_aliases(struct loading *g, struct store *s)
{
    struct rows r CLEANUP(rows_done);

    for (store_query(s, &Q_ALIASES, &r); rows_next(&r) && rows_numbered(&r);) {
        struct function *f = function_of(g, &r);
        struct alias *a;

        if (!rows_must(&r, f != NULL, "its function is not there") ||
            !rows_must(&r, !str_empty(rows_text(&r, 2)), "its name is empty"))
            break;
        a = xcalloc(1, sizeof *a);
        a->id = (uint64_t)rows_int(&r, 0);
        a->name = str_own(rows_text(&r, 2));
        a->version = str_own(rows_text(&r, 3));
        a->description = str_own(rows_text(&r, 4));
        a->additional_version = str_own(rows_text(&r, 5));
        a->additional_weight = rows_real(&r, 6);
        revision(a->revision_id, rows_text(&r, 7));
        map_put(&f->aliases, a->name, a);
    }
}

static void load_policies(struct loading *g, struct store *s)
{
    struct rows r CLEANUP(rows_done);

    for (store_query(s, &Q_POLICIES, &r); rows_next(&r) && rows_numbered(&r);) {
        struct arena *mem CLEANUP(arena_freep) = arena_new(0);
        struct function *f = function_of(g, &r);
        struct function_policy *p;
        struct json *doc;

        if (!rows_must(&r, f != NULL, "its function is not there") ||
            !rows_must(&r, !rows_null(&r, 2), "its qualifier is none") ||
            !rows_must(&r, json_parse(mem, rows_text(&r, 3), &doc, NULL) == 0 && doc->type == JSON_ARRAY,
                       "its statements are no JSON array"))
            break;
        p = xcalloc(1, sizeof *p);
        p->id = (uint64_t)rows_int(&r, 0);
        p->qualifier = str_own(rows_text(&r, 2));
        p->v = xcalloc(doc->n > 0 ? doc->n : 1, sizeof *p->v);
        JSON_EACH(doc, m)
            p->v[p->n++] = (struct statement){ str_own(json_get_text(mem, m, STR("Sid"))), str_own(m->raw) };
        revision(p->revision_id, rows_text(&r, 4));
        map_put(&f->policies, p->qualifier, p);
    }
}

static void load_event_configs(struct loading *g, struct store *s)
{
    struct rows r CLEANUP(rows_done);

    for (store_query(s, &Q_CONFIGS, &r); rows_next(&r) && rows_numbered(&r);) {
        struct function *f = function_of(g, &r);
        struct event_config *e;

        if (!rows_must(&r, f != NULL, "its function is not there") ||
            !rows_must(&r, !str_empty(rows_text(&r, 2)), "its qualifier is none"))
            break;
        e = xcalloc(1, sizeof *e);
        e->id = (uint64_t)rows_int(&r, 0);
        e->qualifier = str_own(rows_text(&r, 2));
        e->maximum_retry_attempts = rows_null(&r, 3) ? -1 : rows_count(&r, 3, UINT8_MAX);
        e->maximum_event_age_s = rows_null(&r, 4) ? -1 : rows_count(&r, 4, INT32_MAX);
        e->on_success = str_own(rows_text(&r, 5));
        e->on_failure = str_own(rows_text(&r, 6));
        e->last_modified_ms = rows_ms(&r, 7);
        map_put(&f->event_configs, e->qualifier, e);
    }
}

static void check_latest(const struct loading *g, struct store *s)
{
    struct str key;
    void *value;

    for (size_t i = 0; map_next(&g->by_id, &i, &key, &value);)
        if (CAST(struct function, FUNCTION_MAGIC, value)->latest == NULL && store_sound(s))
            store_damaged(s, "lambda_function", (int64_t)((struct function *)value)->id,
                          "its version $LATEST is not there");
}

/* Versions come in the order of their ids, which is the order of their numbers. */
void lambda_load(struct lambda *l, struct turn *t)
{
    struct loading g = { .l = l };

    CHECK_IS(l, LAMBDA_MAGIC);
    CHECK_IS(t, TURN_MAGIC);
    registry_clear(l, t);
    load_functions(&g, t->store);
    load_versions(&g, t->store);
    check_latest(&g, t->store);
    load_aliases(&g, t->store);
    load_policies(&g, t->store);
    load_event_configs(&g, t->store);
    map_done(&g.by_id);
}
