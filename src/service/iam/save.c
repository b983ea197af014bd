/* save.c - rows of roles and policies: written in the turn that changes them, all read at start.
 *
 * True here: every row read was checked when it was written; one that does not compile any more (a newer,
 * stricter parser) is kept as it is and grants nothing. */
#include <stdlib.h>
#include "service/iam/state.h"

#define NAME_MOST 128

static struct sql Q_ROLE_ADD =
    SQL("INSERT INTO iam_role (id, account, name, path, role_id, created_ms, trust, "
        "description, max_session_s, boundary, tags) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
static struct sql Q_ROLE_SET = SQL("UPDATE iam_role SET trust = $2, description = $3, max_session_s = $4, "
                                   "boundary = $5, tags = $6 WHERE id = $1");
static struct sql Q_ROLE_DEL = SQL("DELETE FROM iam_role WHERE id = $1");
static struct sql Q_ROLES = SQL("SELECT id, account, name, path, role_id, created_ms, trust, description, "
                                "max_session_s, boundary, tags FROM iam_role ORDER BY id");
static struct sql Q_INLINE_DEL = SQL("DELETE FROM iam_role_policy WHERE role = $1 AND name = $2");
static struct sql Q_INLINE_ADD =
    SQL("INSERT INTO iam_role_policy (role, name, document) VALUES ($1, $2, $3)");
static struct sql Q_INLINES = SQL("SELECT role, name, document FROM iam_role_policy ORDER BY role, name");
static struct sql Q_ATTACH_ADD = SQL("INSERT INTO iam_attachment (id, role, policy_arn) VALUES ($1, $2, $3)");
static struct sql Q_ATTACH_DEL = SQL("DELETE FROM iam_attachment WHERE role = $1 AND policy_arn = $2");
static struct sql Q_ATTACHED = SQL("SELECT id, role, policy_arn FROM iam_attachment ORDER BY id");
static struct sql Q_POLICY_ADD =
    SQL("INSERT INTO iam_policy (id, account, name, path, policy_id, created_ms, "
        "updated_ms, description, default_version, next_version, tags) VALUES ($1, $2, $3, $4, $5, $6, $7, "
        "$8, $9, $10, $11)");
static struct sql Q_POLICY_SET =
    SQL("UPDATE iam_policy SET updated_ms = $2, default_version = $3, next_version = $4, "
        "tags = $5 WHERE id = $1");
static struct sql Q_POLICY_DEL = SQL("DELETE FROM iam_policy WHERE id = $1");
static struct sql Q_POLICY_VERSIONS_DEL = SQL("DELETE FROM iam_policy_version WHERE policy = $1");
static struct sql Q_POLICIES =
    SQL("SELECT id, account, name, path, policy_id, created_ms, updated_ms, description, "
        "default_version, next_version, tags FROM iam_policy ORDER BY id");
static struct sql Q_VERSION_ADD =
    SQL("INSERT INTO iam_policy_version (policy, version, document, created_ms) "
        "VALUES ($1, $2, $3, $4)");
static struct sql Q_VERSION_DEL = SQL("DELETE FROM iam_policy_version WHERE policy = $1 AND version = $2");
static struct sql Q_VERSIONS =
    SQL("SELECT policy, version, document, created_ms FROM iam_policy_version ORDER BY policy, version");

/* ---- writing ---- */

void iam_save_role(struct store *s, struct role *r)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct str tags = iam_tags_json(a, &r->tags);

    if (r->id != 0) {
        store_exec(s, &Q_ROLE_SET, V_INT(r->id), V_TEXT(r->trust), V_TEXT(r->description),
                   V_INT(r->max_session_s), V_TEXT(r->boundary), V_TEXT(tags));
        return;
    }
    r->id = store_next_id(s);
    store_exec(s, &Q_ROLE_ADD, V_INT(r->id), V_TEXT(r->account), V_TEXT(r->name), V_TEXT(r->path),
               V_TEXT(r->role_id), V_INT(r->created_ms), V_TEXT(r->trust), V_TEXT(r->description),
               V_INT(r->max_session_s), V_TEXT(r->boundary), V_TEXT(tags));
}

/* Only roles without policies can be deleted: nothing else hangs on the row. */
void iam_save_role_gone(struct store *s, const struct role *r)
{
    CHECK(r->n_inlines == 0 && r->n_attached == 0);
    store_exec(s, &Q_ROLE_DEL, V_INT(r->id));
}

void iam_save_inline(struct store *s, const struct role *r, const struct inline_policy *p)
{
    store_exec(s, &Q_INLINE_DEL, V_INT(r->id), V_TEXT(p->name));
    store_exec(s, &Q_INLINE_ADD, V_INT(r->id), V_TEXT(p->name), V_TEXT(p->document));
}

void iam_save_inline_gone(struct store *s, const struct role *r, struct str name)
{
    store_exec(s, &Q_INLINE_DEL, V_INT(r->id), V_TEXT(name));
}

void iam_save_attached(struct store *s, const struct role *r, struct str arn)
{
    store_exec(s, &Q_ATTACH_ADD, V_INT(store_next_id(s)), V_INT(r->id), V_TEXT(arn));
}

void iam_save_attached_gone(struct store *s, const struct role *r, struct str arn)
{
    store_exec(s, &Q_ATTACH_DEL, V_INT(r->id), V_TEXT(arn));
}

void iam_save_managed(struct store *s, struct managed *m)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct str tags = iam_tags_json(a, &m->tags);

    if (m->id != 0) {
        store_exec(s, &Q_POLICY_SET, V_INT(m->id), V_INT(m->updated_ms), V_INT(m->default_version),
                   V_INT(m->next_version), V_TEXT(tags));
        return;
    }
    m->id = store_next_id(s);
    store_exec(s, &Q_POLICY_ADD, V_INT(m->id), V_TEXT(m->account), V_TEXT(m->name), V_TEXT(m->path),
               V_TEXT(m->policy_id), V_INT(m->created_ms), V_INT(m->updated_ms), V_TEXT(m->description),
               V_INT(m->default_version), V_INT(m->next_version), V_TEXT(tags));
}

void iam_save_managed_gone(struct store *s, const struct managed *m)
{
    store_exec(s, &Q_POLICY_VERSIONS_DEL, V_INT(m->id));
    store_exec(s, &Q_POLICY_DEL, V_INT(m->id));
}

void iam_save_version(struct store *s, const struct managed *m, const struct policy_version *v)
{
    store_exec(s, &Q_VERSION_ADD, V_INT(m->id), V_INT(v->number), V_TEXT(v->document), V_INT(v->created_ms));
}

void iam_save_version_gone(struct store *s, const struct managed *m, int64_t number)
{
    store_exec(s, &Q_VERSION_DEL, V_INT(m->id), V_INT(number));
}

/* ---- reading ---- */

static struct policy *compile(enum policy_kind kind, struct str document)
{
    struct policy *p = NULL;

    return policy_parse(kind, document, &p, NULL) == 0 ? p : NULL;
}

static void load_roles(struct iam *i, struct store *s, struct arena *a)
{
    struct rows rows CLEANUP(rows_done);

    store_query(s, &Q_ROLES, &rows);
    while (rows_next(&rows) && rows_place(&rows, 1, -1, 2, NAME_MOST)) {
        struct role *r = xcalloc(1, sizeof(*r));

        r->id = (uint64_t)rows_int(&rows, 0);
        r->account = str_own(rows_text(&rows, 1));
        r->name = str_own(rows_text(&rows, 2));
        r->path = str_own(rows_text(&rows, 3));
        r->role_id = str_own(rows_text(&rows, 4));
        r->created_ms = rows_ms(&rows, 5);
        r->trust = str_own(rows_text(&rows, 6));
        r->description = str_own(rows_text(&rows, 7));
        r->max_session_s = rows_count(&rows, 8, INT32_MAX);
        r->boundary = str_own(rows_text(&rows, 9));
        iam_tags_read(&r->tags, rows_text(&rows, 10));
        r->arn = str_own(iam_arn_role(a, r->account, r->path, r->name));
        r->trust_policy = compile(POLICY_TRUST, r->trust);
        iam_role_add(i, r);
    }
}

/* Rows point at roles by id; the maps do not know ids, so a small map in between does. */
struct id_key {
    char text[24];
};
static struct str id_key(struct id_key *k, int64_t id)
{
    memcpy(k->text, &id, sizeof(id));
    return str_make(k->text, sizeof(id));
}

static void load_inlines(struct store *s, const struct map *by_id)
{
    struct rows rows CLEANUP(rows_done);
    struct id_key k;

    store_query(s, &Q_INLINES, &rows);
    while (rows_next(&rows)) {
        struct role *r = map_get(by_id, id_key(&k, rows_int(&rows, 0)));

        if (!rows_must(&rows, r != NULL, "its role is not there"))
            break;
        iam_role_inline_put(r, rows_text(&rows, 1), rows_text(&rows, 2),
                            compile(POLICY_IDENTITY, rows_text(&rows, 2)));
    }
}

static void load_attached(struct store *s, const struct map *by_id)
{
    struct rows rows CLEANUP(rows_done);
    struct id_key k;

    store_query(s, &Q_ATTACHED, &rows);
    while (rows_next(&rows)) {
        struct role *r = map_get(by_id, id_key(&k, rows_int(&rows, 1)));

        if (!rows_must(&rows, r != NULL, "its role is not there") ||
            !rows_must(&rows, r->n_attached < IAM_MAX_ATTACHED, "its role has too many"))
            break;
        r->attached[r->n_attached++] = str_own(rows_text(&rows, 2));
    }
}

static void load_versions(struct store *s, const struct map *by_id)
{
    struct rows rows CLEANUP(rows_done);
    struct id_key k;

    store_query(s, &Q_VERSIONS, &rows);
    while (rows_next(&rows)) {
        struct managed *m = map_get(by_id, id_key(&k, rows_int(&rows, 0)));

        if (!rows_must(&rows, m != NULL, "its policy is not there") ||
            !rows_must(&rows, m->n_versions < IAM_MAX_VERSIONS, "its policy has too many"))
            break;
        m->versions[m->n_versions++] = (struct policy_version){
            .number = rows_int(&rows, 1),
            .document = str_own(rows_text(&rows, 2)),
            .created_ms = rows_ms(&rows, 3),
            .policy = compile(POLICY_IDENTITY, rows_text(&rows, 2)),
        };
    }
}

static void load_managed(struct iam *i, struct store *s, struct arena *a)
{
    struct rows rows CLEANUP(rows_done);

    store_query(s, &Q_POLICIES, &rows);
    while (rows_next(&rows) && rows_place(&rows, 1, -1, 2, NAME_MOST)) {
        struct managed *m = xcalloc(1, sizeof(*m));

        m->id = (uint64_t)rows_int(&rows, 0);
        m->account = str_own(rows_text(&rows, 1));
        m->name = str_own(rows_text(&rows, 2));
        m->path = str_own(rows_text(&rows, 3));
        m->policy_id = str_own(rows_text(&rows, 4));
        m->created_ms = rows_ms(&rows, 5);
        m->updated_ms = rows_ms(&rows, 6);
        m->description = str_own(rows_text(&rows, 7));
        m->default_version = rows_int(&rows, 8);
        m->next_version = rows_int(&rows, 9);
        iam_tags_read(&m->tags, rows_text(&rows, 10));
        m->arn = str_own(iam_arn_policy(a, m->account, m->path, m->name));
        iam_managed_add(i, m);
    }
}

static bool has_default(const struct managed *m)
{
    for (size_t n = 0; n < m->n_versions; n++)
        if (m->versions[n].number == m->default_version)
            return true;
    return false;
}

void iam_load_all(struct iam *i, struct store *s)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(map_done) struct map roles = { 0 };
    CLEANUP(map_done) struct map policies = { 0 };
    struct str key;
    struct id_key k;
    void *value;

    load_roles(i, s, a);
    load_managed(i, s, a);
    for (size_t at = 0; map_next(&i->roles, &at, &key, &value);)
        map_put(&roles, id_key(&k, (int64_t)((struct role *)value)->id), value);
    for (size_t at = 0; map_next(&i->policies, &at, &key, &value);)
        if (((struct managed *)value)->id != 0)
            map_put(&policies, id_key(&k, (int64_t)((struct managed *)value)->id), value);
    load_inlines(s, &roles);
    load_attached(s, &roles);
    load_versions(s, &policies);
    for (size_t at = 0; map_next(&policies, &at, &key, &value);)
        if (!has_default(value))
            store_damaged(s, "iam_policy", (int64_t)((struct managed *)value)->id,
                          "its default version is not there");
}
