/* state.c - roles and managed policies in memory: found by name or ARN, added, dropped.
 *
 * True here: an object stands in both of its maps or in none; nothing here touches the store. */
#include <ctype.h>
#include <stdlib.h>
#include "service/iam/state.h"

/* account/name, lower case: the key of the maps by name. */
struct name_key {
    char text[160];
    size_t n;
};
static struct str name_key(struct name_key *k, struct str account, struct str name)
{
    k->n = 0;
    for (size_t i = 0; i < account.n && k->n < 24; i++)
        k->text[k->n++] = account.p[i];
    k->text[k->n++] = '/';
    for (size_t i = 0; i < name.n && k->n < sizeof(k->text); i++)
        k->text[k->n++] = (char)tolower((unsigned char)name.p[i]);
    return str_make(k->text, k->n);
}

struct role *iam_role_find(const struct iam *i, struct str account, struct str name)
{
    struct name_key k;

    CHECK_IS(i, IAM_MAGIC);
    return map_get(&i->roles, name_key(&k, account, name));
}

struct role *iam_role_by_arn(const struct iam *i, struct str arn)
{
    struct role *r;

    CHECK_IS(i, IAM_MAGIC);
    r = str_empty(arn) ? NULL : map_get(&i->roles_by_arn, arn);
    CHECK(r == NULL || r->magic == ROLE_MAGIC);
    return r;
}

struct managed *iam_managed_find(const struct iam *i, struct str arn)
{
    struct managed *m;

    CHECK_IS(i, IAM_MAGIC);
    m = str_empty(arn) ? NULL : map_get(&i->policies, arn);
    CHECK(m == NULL || m->magic == MANAGED_MAGIC);
    return m;
}

struct managed *iam_managed_by_name(const struct iam *i, struct str account, struct str name)
{
    struct name_key k;

    return map_get(&i->policy_names, name_key(&k, account, name));
}

bool iam_is_aws_arn(struct str arn) { return str_starts(arn, STR("arn:aws:iam::aws:policy/")) && arn.n > 24; }

struct str iam_arn_role(struct arena *a, struct str account, struct str path, struct str name)
{
    return arena_printf(a, "arn:aws:iam::" STR_FMT ":role" STR_FMT STR_FMT, STR_ARG(account), STR_ARG(path),
                        STR_ARG(name));
}

struct str iam_arn_policy(struct arena *a, struct str account, struct str path, struct str name)
{
    return arena_printf(a, "arn:aws:iam::" STR_FMT ":policy" STR_FMT STR_FMT, STR_ARG(account), STR_ARG(path),
                        STR_ARG(name));
}

/* ---- roles ---- */

void iam_role_add(struct iam *i, struct role *r)
{
    struct name_key k;

    CHECK_IS(i, IAM_MAGIC);
    CHECK(r->magic == 0 && !str_empty(r->arn)); /* it is in no map yet */
    r->magic = ROLE_MAGIC;
    CHECK(map_put(&i->roles, name_key(&k, r->account, r->name), r) == NULL);
    CHECK(map_put(&i->roles_by_arn, r->arn, r) == NULL);
}

static void inline_done(struct inline_policy *p)
{
    str_drop(&p->name);
    str_drop(&p->document);
    p->policy = policy_free(p->policy);
}

void iam_role_drop(struct iam *i, struct role *r)
{
    struct name_key k;
    struct str *texts[] = { &r->account, &r->name,  &r->path,        &r->role_id,
                            &r->arn,     &r->trust, &r->description, &r->boundary };

    CHECK_IS(r, ROLE_MAGIC);
    CHECK(r->n_attached <= IAM_MAX_ATTACHED);
    CHECK(map_del(&i->roles, name_key(&k, r->account, r->name)) == r);
    CHECK(map_del(&i->roles_by_arn, r->arn) == r);
    for (size_t n = 0; n < ARRAY_LEN(texts); n++)
        str_drop(texts[n]);
    for (size_t n = 0; n < r->n_inlines; n++)
        inline_done(&r->inlines[n]);
    for (size_t n = 0; n < r->n_attached; n++)
        str_drop(&r->attached[n]);
    policy_free(r->trust_policy);
    iam_tags_done(&r->tags);
    free(r->inlines);
    r->magic = 0;
    free(r);
}

struct inline_policy *iam_role_inline(const struct role *r, struct str name)
{
    for (size_t n = 0; n < r->n_inlines; n++)
        if (str_eq(r->inlines[n].name, name))
            return &r->inlines[n];
    return NULL;
}

void iam_role_inline_put(struct role *r, struct str name, struct str document, struct policy *policy)
{
    struct inline_policy *p = iam_role_inline(r, name);
    size_t at = 0;

    CHECK_IS(r, ROLE_MAGIC);
    if (p != NULL) {
        policy_free(p->policy);
        str_drop(&p->document);
    } else {
        r->inlines = xrealloc(r->inlines, (r->n_inlines + 1) * sizeof(*r->inlines));
        while (at < r->n_inlines && str_cmp(r->inlines[at].name, name) < 0)
            at++;
        p = &r->inlines[at];
        memmove(p + 1, p, (r->n_inlines++ - at) * sizeof(*p));
        p->name = str_own(name);
    }
    p->document = str_own(document);
    p->policy = policy;
}

void iam_role_inline_drop(struct role *r, struct inline_policy *p)
{
    size_t at = (size_t)(p - r->inlines);

    CHECK_IS(r, ROLE_MAGIC);
    CHECK(at < r->n_inlines);
    inline_done(p);
    memmove(p, p + 1, (--r->n_inlines - at) * sizeof(*p));
}

bool iam_role_has_attached(const struct role *r, struct str arn)
{
    CHECK_IS(r, ROLE_MAGIC);
    for (size_t n = 0; n < r->n_attached; n++)
        if (str_eq(r->attached[n], arn))
            return true;
    return false;
}

/* ---- managed policies ---- */

void iam_managed_add(struct iam *i, struct managed *m)
{
    struct name_key k;

    CHECK_IS(i, IAM_MAGIC);
    CHECK(m->magic == 0 && !str_empty(m->arn));
    m->magic = MANAGED_MAGIC;
    CHECK(map_put(&i->policies, m->arn, m) == NULL);
    CHECK(map_put(&i->policy_names, name_key(&k, m->account, m->name), m) == NULL);
}

void iam_managed_drop(struct iam *i, struct managed *m)
{
    struct name_key k;
    struct str *texts[] = { &m->account, &m->name, &m->path, &m->policy_id, &m->arn, &m->description };

    CHECK_IS(m, MANAGED_MAGIC);
    CHECK(m->n_versions <= IAM_MAX_VERSIONS);
    CHECK(map_del(&i->policies, m->arn) == m);
    CHECK(map_del(&i->policy_names, name_key(&k, m->account, m->name)) == m);
    for (size_t n = 0; n < m->n_versions; n++) {
        str_drop(&m->versions[n].document);
        policy_free(m->versions[n].policy);
    }
    for (size_t n = 0; n < ARRAY_LEN(texts); n++)
        str_drop(texts[n]);
    iam_tags_done(&m->tags);
    m->magic = 0;
    free(m);
}

struct policy_version *iam_managed_version(struct managed *m, int64_t number)
{
    for (size_t n = 0; n < m->n_versions; n++)
        if (m->versions[n].number == number)
            return &m->versions[n];
    return NULL;
}

const struct policy_version *iam_managed_default(const struct managed *m)
{
    const struct policy_version *found = NULL;

    CHECK_IS(m, MANAGED_MAGIC);
    for (size_t n = 0; n < m->n_versions; n++)
        if (m->versions[n].number == m->default_version)
            found = &m->versions[n];
    CHECK(found != NULL);
    return found;
}

/* ---- all of them ---- */

static size_t count_roles(const struct iam *i, bool (*test)(const struct role *r, struct str arn),
                          struct str arn)
{
    struct str key;
    void *value;
    size_t n = 0;

    for (size_t at = 0; map_next(&i->roles_by_arn, &at, &key, &value);)
        n += test(CAST(struct role, ROLE_MAGIC, value), arn);
    return n;
}

static bool has_boundary(const struct role *r, struct str arn) { return str_eq(r->boundary, arn); }

size_t iam_count_attached(const struct iam *i, struct str policy_arn)
{
    return count_roles(i, iam_role_has_attached, policy_arn);
}

size_t iam_count_boundaries(const struct iam *i, struct str policy_arn)
{
    return count_roles(i, has_boundary, policy_arn);
}

static int by_role_name(const void *a, const void *b)
{
    return str_cmp((*(struct role *const *)a)->name, (*(struct role *const *)b)->name);
}

static int by_policy_name(const void *a, const void *b)
{
    const struct managed *x = *(struct managed *const *)a, *y = *(struct managed *const *)b;
    int r = str_cmp(x->name, y->name);

    return r != 0 ? r : str_cmp(x->arn, y->arn);
}

size_t iam_roles_of(const struct iam *i, struct arena *a, struct str account, struct role ***ret)
{
    struct role **v = arena_calloc(a, i->roles.n + 1, sizeof(struct role *));
    struct str key;
    void *value;
    size_t n = 0;

    for (size_t at = 0; map_next(&i->roles, &at, &key, &value);)
        if (str_eq(CAST(struct role, ROLE_MAGIC, value)->account, account))
            v[n++] = value;
    qsort(v, n, sizeof(struct role *), by_role_name);
    *ret = v;
    return n;
}

size_t iam_managed_of(const struct iam *i, struct arena *a, struct str account, struct managed ***ret)
{
    struct managed **v = arena_calloc(a, i->policies.n + 1, sizeof(struct managed *));
    struct str key;
    void *value;
    size_t n = 0;

    for (size_t at = 0; map_next(&i->policies, &at, &key, &value);)
        if (str_eq(CAST(struct managed, MANAGED_MAGIC, value)->account, account))
            v[n++] = value;
    qsort(v, n, sizeof(struct managed *), by_policy_name);
    *ret = v;
    return n;
}

/* ---- is it as it should be? ---- */

static void check_role(const struct iam *i, const struct role *r)
{
    CHECK_IS(r, ROLE_MAGIC);
    CHECK(iam_role_find(i, r->account, r->name) == r && iam_role_by_arn(i, r->arn) == r);
    CHECK(r->n_attached <= IAM_MAX_ATTACHED && r->trust_policy != NULL);
    for (size_t n = 1; n < r->n_inlines; n++)
        CHECK(str_cmp(r->inlines[n - 1].name, r->inlines[n].name) < 0);
}

static void check_managed(const struct iam *i, const struct managed *m)
{
    CHECK_IS(m, MANAGED_MAGIC);
    CHECK(iam_managed_find(i, m->arn) == m && iam_managed_by_name(i, m->account, m->name) == m);
    CHECK(m->n_versions >= 1 && m->n_versions <= IAM_MAX_VERSIONS);
    for (size_t n = 0; n < m->n_versions; n++)
        CHECK(m->versions[n].number < m->next_version &&
              (n == 0 || m->versions[n - 1].number < m->versions[n].number));
    CHECK(iam_managed_default(m)->policy != NULL);
}

void iam_check(const struct iam *i)
{
    struct str key;
    void *value;

    CHECK_IS(i, IAM_MAGIC);
    CHECK(i->roles.n == i->roles_by_arn.n && i->policies.n == i->policy_names.n);
    for (size_t at = 0; map_next(&i->roles, &at, &key, &value);)
        check_role(i, CAST(struct role, ROLE_MAGIC, value));
    for (size_t at = 0; map_next(&i->policies, &at, &key, &value);)
        check_managed(i, CAST(struct managed, MANAGED_MAGIC, value));
}
