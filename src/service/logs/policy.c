/* policy.c - who may write to log groups besides the account's own roles: PutResourcePolicy and its kin.
 * Rules: CloudWatch Logs API reference, pages PutResourcePolicy, DescribeResourcePolicies,
 * DeleteResourcePolicy.
 *
 * True here: logs.policies holds, for every account and region with policies, one compiled policy made of the
 * statements of all of them; it is made anew whenever one changes. */
#include "service/logs/internal.h"

#include <stdio.h>

#include "base/json.h"
#include "policy/policy.h"

#define POLICIES_MOST 10   /* of an account and region */
#define DOCUMENT_MOST 5120 /* characters */
#define PAGE_MOST 50

struct stored {
    struct str name, document;
    int64_t modified_ms, id;
};

static struct sql Q_PUT = SQL("INSERT INTO log_policy (id, account, region, name, document, modified_ms) "
                              "VALUES ($1, $2, $3, $4, $5, $6)");
static struct sql Q_CHANGE = SQL(
    "UPDATE log_policy SET document = $4, modified_ms = $5 WHERE account = $1 AND region = $2 AND name = $3");
static struct sql Q_DROP = SQL("DELETE FROM log_policy WHERE account = $1 AND region = $2 AND name = $3");
static struct sql Q_LIST = SQL("SELECT id, name, document, modified_ms FROM log_policy WHERE account = $1 "
                               "AND region = $2 ORDER BY name");
static struct sql Q_PLACES = SQL("SELECT DISTINCT account, region FROM log_policy");

static size_t stored_of(struct turn *t, struct arena *a, struct str account, struct str region,
                        struct stored v[static POLICIES_MOST])
{
    CLEANUP(rows_done) struct rows r;
    size_t n = 0;

    store_query(t->store, &Q_LIST, &r, V_TEXT(account), V_TEXT(region));
    while (n < POLICIES_MOST && rows_next(&r))
        v[n++] = (struct stored){ arena_str(a, rows_text(&r, 1)), arena_str(a, rows_text(&r, 2)),
                                  rows_int(&r, 3), rows_int(&r, 0) };
    return n;
}

/* ---- the compiled ones ---- */

static struct str place_key(struct arena *a, struct str account, struct str region)
{
    return arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(account), STR_ARG(region));
}

/* Without its Sid: two policies may use the same, one document may not. */
static void add_statement(struct arena *a, struct json_writer *w, const struct json *statement)
{
    jw_object(w);
    JSON_EACH(statement, v) {
        struct str key = json_key(a, v);
        bool text = v->type == JSON_STRING; /* its raw text stands between the quotes */

        if (str_is(key, "Sid"))
            continue;
        jw_key(w, key);
        jw_raw(w, text ? str_make(v->raw.p - 1, v->raw.n + 2) : v->raw);
    }
    jw_object_end(w);
}

static int add_statements(struct arena *a, struct json_writer *w, struct str document)
{
    struct json *doc = NULL, *v;

    if (json_parse(a, document, &doc, NULL) != 0 || (v = json_get(doc, STR("Statement"))) == NULL)
        return -E_INVALID;
    if (v->type != JSON_ARRAY) {
        add_statement(a, w, v);
        return 0;
    }
    JSON_EACH(v, one)
        add_statement(a, w, one);
    return 0;
}

/* All documents of a place as one policy.  *ret NULL: there are none.  -E_INVALID: they are no policy
 * together; each may be one alone, as the older version of the language knows no variables. */
static int combine(struct arena *a, const struct stored *v, size_t n, struct policy **ret)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;
    int r = 0;

    *ret = NULL;
    if (n == 0)
        return 0;
    jw_init(&w, &b);
    jw_object(&w);
    jw_kstr(&w, "Version", STR("2012-10-17"));
    jw_key(&w, STR("Statement"));
    jw_array(&w);
    for (size_t i = 0; i < n && r == 0; i++)
        r = add_statements(a, &w, v[i].document);
    jw_array_end(&w);
    jw_object_end(&w);
    return r == 0 && policy_parse(POLICY_RESOURCE, buf_view(&b), ret, NULL) == 0 ? 0 : -E_INVALID;
}

static void compile(struct logs *l, struct turn *t, struct str account, struct str region)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct stored v[POLICIES_MOST];
    size_t n = stored_of(t, a, account, region, v);
    struct str key = place_key(a, account, region);
    struct policy *p;

    policy_free(map_del(&l->policies, key));
    if (combine(a, v, n, &p) < 0)
        store_damaged(t->store, "log_policy", v[0].id,
                      "its document, or another of its region, is no policy");
    else if (p != NULL)
        map_put(&l->policies, key, p);
}

const struct policy *logs_policy_of(const struct logs *l, struct str account, struct str region)
{
    char room[256];
    int n = snprintf(room, sizeof(room), STR_FMT "/" STR_FMT, STR_ARG(account), STR_ARG(region));

    return n < (int)sizeof(room) ? map_get(&l->policies, str_make(room, (size_t)n)) : NULL;
}

void logs_policies_forget(struct logs *l)
{
    struct str key;
    void *value;

    for (size_t i = 0; map_next(&l->policies, &i, &key, &value);)
        policy_free(value);
    map_done(&l->policies);
}

void logs_policies_load(struct logs *l, struct turn *t)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct {
        struct str account, region;
    } *v = NULL;
    size_t n = 0, cap = 0;
    struct rows r;

    logs_policies_forget(l);
    store_query(t->store, &Q_PLACES, &r);
    while (rows_next(&r)) {
        if (n == cap) {
            void *more = arena_calloc(a, cap = cap > 0 ? cap * 2 : 16, sizeof(*v));

            v = n > 0 ? memcpy(more, v, n * sizeof(*v)) : more;
        }
        v[n].account = arena_str(a, rows_text(&r, 0));
        v[n++].region = arena_str(a, rows_text(&r, 1));
    }
    rows_done(&r);
    for (size_t i = 0; i < n; i++)
        compile(l, t, v[i].account, v[i].region);
}

/* ---- handlers ---- */

static void shown(const struct stored *s, struct logs_ResourcePolicy *ret)
{
    ret->policyName = s->name;
    ret->policyDocument = s->document;
    ret->lastUpdatedTime = INT_SET(s->modified_ms);
}

/* Policies of single log groups are not kept. */
static int account_only(struct call *c, struct str resource_arn, struct str revision)
{
    if (!str_absent(resource_arn))
        return logs_invalid(c, "resourceArn is not supported");
    return str_absent(revision) ? 0 : logs_invalid(c, "expectedRevisionId is not supported");
}

/* The sentences are UNVERIFIED. */
static int document_check(struct call *c, struct str text)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct policy *p = NULL;

    if (str_absent(text))
        return logs_invalid(c, "policyDocument must be specified.");
    if (text.n > DOCUMENT_MOST)
        return call_fault(c, &logs_error_LimitExceededException,
                          "Policy document is longer than %d characters.", DOCUMENT_MOST);
    if (policy_parse(POLICY_RESOURCE, text, &p, &why) < 0)
        return logs_invalid(c, "Policy document is invalid: " STR_FMT, STR_ARG(buf_view(&why)));
    policy_free(p);
    return 0;
}

int logs_put_resource_policy(struct call *c, const void *input, void *output)
{
    const struct logs_PutResourcePolicyRequest *in = input;
    struct logs_PutResourcePolicyResponse *out = output;
    struct policy *together;
    struct stored v[POLICIES_MOST], now = { in->policyName, in->policyDocument, c->now.wall_ms, 0 };
    int r = call_may_own(c, "logs:PutResourcePolicy", STR("*"));
    size_t n, at = 0;

    if (r == 0)
        r = account_only(c, in->resourceArn, in->expectedRevisionId);
    if (r == 0 && str_empty(in->policyName))
        r = logs_invalid(c, "policyName must be specified.");
    if (r == 0)
        r = document_check(c, in->policyDocument);
    if (r < 0)
        return r;
    n = stored_of(c->turn, c->mem, c->account, c->region, v);
    while (at < n && !str_eq(v[at].name, in->policyName))
        at++;
    if (at == POLICIES_MOST)
        return call_fault(c, &logs_error_LimitExceededException, "Resource limit exceeded.");
    v[at] = now;
    if (combine(c->mem, v, MAX(n, at + 1), &together) < 0)
        return logs_invalid(c, "Policy document is invalid beside the others of this region.");
    policy_free(together);
    if (at < n)
        store_exec(c->turn->store, &Q_CHANGE, V_TEXT(c->account), V_TEXT(c->region), V_TEXT(now.name),
                   V_TEXT(now.document), V_INT(now.modified_ms));
    else
        store_exec(c->turn->store, &Q_PUT, V_INT(store_next_id(c->turn->store)), V_TEXT(c->account),
                   V_TEXT(c->region), V_TEXT(now.name), V_TEXT(now.document), V_INT(now.modified_ms));
    compile(c->state, c->turn, c->account, c->region);
    out->resourcePolicy = ARENA_NEW(c->mem, struct logs_ResourcePolicy);
    shown(&now, out->resourcePolicy);
    return 0;
}

int logs_describe_resource_policies(struct call *c, const void *input, void *output)
{
    const struct logs_DescribeResourcePoliciesRequest *in = input;
    struct logs_DescribeResourcePoliciesResponse *out = output;
    size_t limit = in->limit.set ? MIN((size_t)in->limit.v, (size_t)PAGE_MOST) : PAGE_MOST, n, k = 0;
    struct stored v[POLICIES_MOST];
    int r = call_may_own(c, "logs:DescribeResourcePolicies", STR("*"));

    if (r == 0)
        r = account_only(c, in->resourceArn, STR_NONE);
    if (r < 0)
        return r;
    n = str_is(in->policyScope, "RESOURCE") ? 0 : stored_of(c->turn, c->mem, c->account, c->region, v);
    out->resourcePolicies =
        (struct logs_ResourcePolicies){ true, 0, arena_calloc(c->mem, n, sizeof(*out->resourcePolicies.v)) };
    for (size_t i = 0; i < n; i++) {
        if (!str_absent(in->nextToken) && str_cmp(v[i].name, in->nextToken) <= 0)
            continue;
        if (k == limit) {
            out->nextToken = out->resourcePolicies.v[k - 1].policyName;
            break;
        }
        shown(&v[i], &out->resourcePolicies.v[k++]);
    }
    out->resourcePolicies.n = k;
    return 0;
}

int logs_delete_resource_policy(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_DeleteResourcePolicyRequest *in = input;
    int r = call_may_own(c, "logs:DeleteResourcePolicy", STR("*"));

    if (r == 0)
        r = account_only(c, in->resourceArn, in->expectedRevisionId);
    if (r == 0 && str_empty(in->policyName))
        r = logs_invalid(c, "policyName must be specified.");
    if (r < 0)
        return r;
    r = store_exec(c->turn->store, &Q_DROP, V_TEXT(c->account), V_TEXT(c->region), V_TEXT(in->policyName));
    if (r == 0)
        return call_fault(c, &logs_error_ResourceNotFoundException,
                          "Policy with name [" STR_FMT "] does not exist.", STR_ARG(in->policyName));
    compile(c->state, c->turn, c->account, c->region);
    return 0;
}
