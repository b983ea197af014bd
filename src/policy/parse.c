/* parse.c - from a document to a struct policy, or to the sentence that says what is wrong with it.
 *
 * True here: whatever stands in a document is either understood or refused; unknown elements, operators and
 * forms of principal never pass silently.  The sentences are AWS's as far as they are known; which of them
 * AWS prefers for the rarer mistakes is UNVERIFIED (the table below is the one place). */
#include <ctype.h>
#include "base/arn.h"
#include "policy/parts.h"

#define WHY_JSON "This policy contains invalid Json"
#define WHY_SYNTAX "Syntax errors in policy."
#define WHY_VERSION "The policy must contain a valid version string"
#define WHY_ACTIONS "Policy statement must contain actions."
#define WHY_RESOURCES "Policy statement must contain resources."
#define WHY_VENDOR "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
#define WHY_SID                                                                                          \
    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression " \
    "[0-9A-Za-z]*"
#define WHY_SID_TWICE "Statement IDs (SID) in a single policy must be unique."
#define WHY_PRINCIPAL "Policy document should not specify a principal."
#define WHY_NO_WHO "Missing required field Principal"
#define WHY_TRUST_RES "Has prohibited field Resource"
#define WHY_TRUST_ACT "AssumeRole policy may only specify STS AssumeRole actions."

struct parser {
    enum policy_kind kind;
    bool variables;
    struct arena *mem;     /* the policy's */
    struct arena *scratch; /* JSON nodes */
    struct buf *why;       /* NULL: nobody asks */
};

static int refuse(struct parser *p, const char *fmt, ...) PRINTF(2, 3);
static int refuse(struct parser *p, const char *fmt, ...)
{
    va_list ap;

    if (p->why != NULL) {
        va_start(ap, fmt);
        buf_vprintf(p->why, fmt, ap);
        va_end(ap);
    }
    return -E_INVALID;
}

size_t policy_size_bytes(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += strchr(" \t\r\n", text.p[i]) == NULL || text.p[i] == '\0';
    return n;
}

/* "x" or ["x", "y"]: visits the items of either.  -E_INVALID for anything else, also inside. */
struct items {
    struct json *at;
    uint32_t n;
};
static int items_of(struct json *v, bool scalars, struct items *ret)
{
    bool list = v->type == JSON_ARRAY;

    *ret = (struct items){ .at = list ? v->first : v, .n = list ? v->n : 1 };
    for (struct json *i = ret->at; i != NULL; i = list ? i->next : NULL)
        if (i->type != JSON_STRING &&
            !(scalars && (i->type == JSON_NUMBER || i->type == JSON_TRUE || i->type == JSON_FALSE)))
            return -E_INVALID;
    return 0;
}

static struct str item_text(struct parser *p, const struct json *v)
{
    return v->type == JSON_STRING ? json_text(p->scratch, v) : v->raw;
}

/* ---- actions, resources ---- */

static struct str lower(struct arena *a, struct str s)
{
    char *out = arena_alloc(a, s.n + 1);

    for (size_t i = 0; i < s.n; i++)
        out[i] = (char)tolower((unsigned char)s.p[i]);
    return str_make(out, s.n);
}

static int check_action(struct parser *p, struct str action)
{
    ptrdiff_t colon = str_find(action, ':');

    if (p->kind == POLICY_TRUST)
        return str_starts(action, STR("sts:")) ? 0 : refuse(p, WHY_TRUST_ACT);
    if (str_is(action, "*"))
        return 0;
    if (colon <= 0)
        return refuse(p, WHY_VENDOR);
    for (ptrdiff_t i = 0; i < colon; i++)
        if (!isalnum((unsigned char)action.p[i]) && strchr("-_.", action.p[i]) == NULL)
            return refuse(p, "Vendor " STR_FMT " is not valid", STR_ARG(str_sub(action, 0, (size_t)colon)));
    return (size_t)colon + 1 < action.n ? 0 : refuse(p, WHY_SYNTAX);
}

static int parse_actions(struct parser *p, struct json *v, struct statement *s)
{
    struct items it;
    int r;

    if (items_of(v, false, &it) != 0)
        return refuse(p, WHY_SYNTAX);
    if (it.n == 0)
        return refuse(p, WHY_ACTIONS);
    s->actions = arena_calloc(p->mem, it.n, sizeof(*s->actions));
    for (struct json *i = it.at; s->n_actions < it.n; i = i->next) {
        struct str text = lower(p->scratch, item_text(p, i));

        if ((r = check_action(p, text)) != 0)
            return r;
        s->actions[s->n_actions++] = glob_compile(p->mem, text, true, false);
    }
    return 0;
}

/* Identity policies want "*" or something that begins as an ARN; what a service's own policy says is its
 * business. */
static int check_resource(struct parser *p, struct str text)
{
    if (p->kind != POLICY_IDENTITY || str_is(text, "*"))
        return 0;
    if (str_starts(text, STR("arn:")) || (p->variables && str_starts(text, STR("${"))))
        return 0;
    return refuse(p, "Resource " STR_FMT " must be in ARN format or \"*\".", STR_ARG(text));
}

static int parse_resources(struct parser *p, struct json *v, struct statement *s)
{
    struct items it;
    int r;

    if (items_of(v, false, &it) != 0)
        return refuse(p, WHY_SYNTAX);
    if (it.n == 0)
        return refuse(p, WHY_RESOURCES);
    s->resources = arena_calloc(p->mem, it.n, sizeof(*s->resources));
    for (struct json *i = it.at; s->n_resources < it.n; i = i->next) {
        struct str text = item_text(p, i);

        if ((r = check_resource(p, text)) != 0)
            return r;
        s->resources[s->n_resources++] = arn_glob_compile(p->mem, text, p->variables);
    }
    return 0;
}

/* ---- principals ---- */

/* An AWS principal: "*", account, root ARN, role, user or session ARN, or the unique id of a deleted one. */
static int parse_aws_who(struct str text, struct who *ret)
{
    struct str part[ARN_PARTS];

    if (str_is(text, "*")) {
        ret->kind = WHO_ALL;
    } else if (account_valid(text)) {
        *ret = (struct who){ WHO_ACCOUNT, text };
    } else if (str_starts(text, STR("arn:")) && arn_cut(text, part)) {
        if ((!str_is(part[2], "iam") && !str_is(part[2], "sts")) || part[4].n == 0 || part[5].n == 0 ||
            str_find(text, '*') >= 0)
            return -E_INVALID;
        *ret = str_is(part[5], "root") ? (struct who){ WHO_ACCOUNT, part[4] } : (struct who){ WHO_ARN, text };
    } else if (text.n >= 16 && (str_starts(text, STR("AROA")) || str_starts(text, STR("AIDA")))) {
        *ret = (struct who){ WHO_ARN, text };
    } else {
        return -E_INVALID;
    }
    return 0;
}

static int parse_who(struct str type, struct str text, struct who *ret)
{
    if (str_is(type, "AWS"))
        return parse_aws_who(text, ret);
    if (text.n == 0)
        return -E_INVALID;
    if (str_is(type, "Service")) {
        *ret = (struct who){ WHO_SERVICE, text };
        return str_find(text, '.') > 0 && str_find(text, '*') < 0 ? 0 : -E_INVALID;
    }
    *ret = (struct who){ WHO_FEDERATED, text };
    return str_is(type, "Federated") || str_is(type, "CanonicalUser") ? 0 : -E_INVALID;
}

static int parse_who_list(struct parser *p, struct str type, struct json *v, struct statement *s)
{
    char shown[32];
    struct items it;

    if (items_of(v, false, &it) != 0)
        return refuse(p, WHY_SYNTAX);
    for (uint32_t k = 0; k < it.n; k++, it.at = it.at->next) {
        struct who *w = &s->whos[s->n_whos++];
        struct str text = item_text(p, it.at);

        if (parse_who(type, text, w) == 0) {
            w->text = arena_str(p->mem, w->text);
            continue;
        }
        for (size_t i = 0; i < MIN(type.n + 1, sizeof(shown)); i++)
            shown[i] = i < type.n && i + 1 < sizeof(shown) ? (char)toupper((unsigned char)type.p[i]) : '\0';
        return refuse(p, "Invalid principal in policy: \"%s\":\"" STR_FMT "\"", shown, STR_ARG(text));
    }
    return 0;
}

static int parse_principal(struct parser *p, struct json *v, struct statement *s)
{
    uint32_t most = 1;
    int r;

    if (p->kind == POLICY_IDENTITY)
        return refuse(p, WHY_PRINCIPAL);
    if (v->type == JSON_OBJECT)
        JSON_EACH(v, list)
            most += list->type == JSON_ARRAY ? list->n : 1;
    s->whos = arena_calloc(p->mem, most, sizeof(*s->whos));
    if (v->type == JSON_STRING) {
        if (!str_is(json_text(p->scratch, v), "*"))
            return refuse(p, "Invalid principal in policy: \"STAR\":\"" STR_FMT "\"", STR_ARG(v->raw));
        s->whos[s->n_whos++] = (struct who){ .kind = WHO_ALL };
        return 0;
    }
    if (v->type != JSON_OBJECT)
        return refuse(p, WHY_SYNTAX);
    JSON_EACH(v, list)
        if ((r = parse_who_list(p, json_key(p->scratch, list), list, s)) != 0)
            return r;
    return s->n_whos > 0 ? 0 : refuse(p, WHY_NO_WHO);
}

/* ---- conditions ---- */

static int parse_condition(struct parser *p, const struct condition *op, struct json *v,
                           struct condition *ret)
{
    struct str key = json_key(p->scratch, v);
    struct items it;

    *ret = *op;
    /* AWS stores a key without a service prefix; no request has one, so it is judged as missing. */
    if (key.n == 0 || items_of(v, true, &it) != 0)
        return refuse(p, WHY_SYNTAX);
    ret->key = arena_str(p->mem, key);
    ret->values = arena_calloc(p->mem, it.n, sizeof(*ret->values));
    for (; ret->n < it.n; it.at = it.at->next)
        if (condition_operand(p->mem, op, item_text(p, it.at), p->variables, &ret->values[ret->n++]) != 0)
            return refuse(p, WHY_SYNTAX);
    return 0;
}

static int parse_conditions(struct parser *p, struct json *v, struct statement *s)
{
    uint32_t most = 0;
    int r;

    if (v->type != JSON_OBJECT)
        return refuse(p, WHY_SYNTAX);
    JSON_EACH(v, op) {
        if (op->type != JSON_OBJECT)
            return refuse(p, WHY_SYNTAX);
        most += op->n;
    }
    s->conditions = arena_calloc(p->mem, most, sizeof(*s->conditions));
    JSON_EACH(v, op) {
        struct condition c = { 0 };
        struct str name = json_key(p->scratch, op);

        if (condition_operator(name, &c) != 0)
            return refuse(p, "Invalid Condition type : " STR_FMT ".", STR_ARG(name));
        JSON_EACH(op, key)
            if ((r = parse_condition(p, &c, key, &s->conditions[s->n_conditions++])) != 0)
                return r;
    }
    return 0;
}

/* ---- statements ---- */

static int parse_effect(struct parser *p, const struct json *v, struct statement *s)
{
    struct str text = json_text(p->scratch, v);

    s->allow = str_is(text, "Allow");
    return s->allow || str_is(text, "Deny") ? 0 : refuse(p, WHY_SYNTAX);
}

static int parse_sid(struct parser *p, const struct json *v)
{
    struct str text = json_text(p->scratch, v);

    if (str_absent(text))
        return refuse(p, WHY_SYNTAX);
    for (size_t i = 0; p->kind != POLICY_RESOURCE && i < text.n; i++)
        if (!isalnum((unsigned char)text.p[i]))
            return refuse(p, WHY_SID);
    return 0;
}

enum element {
    EL_SID,
    EL_EFFECT,
    EL_PRINCIPAL,
    EL_NOT_PRINCIPAL,
    EL_ACTION,
    EL_NOT_ACTION,
    EL_RESOURCE,
    EL_NOT_RESOURCE,
    EL_CONDITION,
    N_ELEMENTS
};
static const char *const element_names[N_ELEMENTS] = {
    "Sid",       "Effect",   "Principal",   "NotPrincipal", "Action",
    "NotAction", "Resource", "NotResource", "Condition",
};

/* Sorts the elements into e[]; unknown and repeated ones are refused. */
static int find_elements(struct parser *p, struct json *v, struct json *e[N_ELEMENTS])
{
    if (v->type != JSON_OBJECT)
        return refuse(p, WHY_SYNTAX);
    JSON_EACH(v, c) {
        struct str name = json_key(p->scratch, c);
        size_t i = 0;

        while (i < N_ELEMENTS && !str_is(name, element_names[i]))
            i++;
        if (i == N_ELEMENTS || e[i] != NULL)
            return refuse(p, WHY_SYNTAX);
        e[i] = c;
    }
    return 0;
}

static int check_presence(struct parser *p, struct json *const e[N_ELEMENTS])
{
    bool who = e[EL_PRINCIPAL] != NULL || e[EL_NOT_PRINCIPAL] != NULL;
    bool resource = e[EL_RESOURCE] != NULL || e[EL_NOT_RESOURCE] != NULL;

    if (e[EL_EFFECT] == NULL)
        return refuse(p, WHY_SYNTAX);
    if (e[EL_ACTION] == NULL && e[EL_NOT_ACTION] == NULL)
        return refuse(p, WHY_ACTIONS);
    if (p->kind == POLICY_IDENTITY && who)
        return refuse(p, WHY_PRINCIPAL);
    if (p->kind != POLICY_IDENTITY && !who)
        return refuse(p, WHY_NO_WHO);
    if (p->kind == POLICY_IDENTITY && !resource)
        return refuse(p, WHY_RESOURCES);
    if (p->kind == POLICY_TRUST && resource)
        return refuse(p, WHY_TRUST_RES);
    for (size_t i = EL_PRINCIPAL; i <= EL_RESOURCE; i += 2)
        if (e[i] != NULL && e[i + 1] != NULL)
            return refuse(p, WHY_SYNTAX);
    return 0;
}

static int parse_statement(struct parser *p, struct json *v, struct statement *s)
{
    struct json *e[N_ELEMENTS] = { NULL };
    int r;

    if ((r = find_elements(p, v, e)) != 0 || (r = check_presence(p, e)) != 0 ||
        (r = parse_effect(p, e[EL_EFFECT], s)) != 0)
        return r;
    s->not_action = e[EL_ACTION] == NULL;
    s->not_resource = e[EL_NOT_RESOURCE] != NULL;
    s->not_principal = e[EL_NOT_PRINCIPAL] != NULL;
    if (e[EL_SID] != NULL && (r = parse_sid(p, e[EL_SID])) != 0)
        return r;
    if ((e[EL_PRINCIPAL] != NULL || s->not_principal) &&
        (r = parse_principal(p, s->not_principal ? e[EL_NOT_PRINCIPAL] : e[EL_PRINCIPAL], s)) != 0)
        return r;
    if ((r = parse_actions(p, s->not_action ? e[EL_NOT_ACTION] : e[EL_ACTION], s)) != 0)
        return r;
    if ((e[EL_RESOURCE] != NULL || s->not_resource) &&
        (r = parse_resources(p, s->not_resource ? e[EL_NOT_RESOURCE] : e[EL_RESOURCE], s)) != 0)
        return r;
    return e[EL_CONDITION] != NULL ? parse_conditions(p, e[EL_CONDITION], s) : 0;
}

/* ---- the document ---- */

/* Quadratic, but a document of some KB holds few statements; larger ones are not compared. */
static int check_sids(struct parser *p, const struct json *first, uint32_t n)
{
    if (n > 500)
        return 0;
    for (const struct json *a = first; a != NULL; a = a->next) {
        struct str sid = json_get_text(p->scratch, a, STR("Sid"));

        for (const struct json *b = a->next; b != NULL && sid.n > 0; b = b->next)
            if (str_eq(sid, json_get_text(p->scratch, b, STR("Sid"))))
                return refuse(p, WHY_SID_TWICE);
    }
    return 0;
}

static int parse_version(struct parser *p, const struct json *v)
{
    struct str text = v == NULL ? STR("2008-10-17") : json_text(p->scratch, v);

    if (!str_is(text, "2012-10-17") && !str_is(text, "2008-10-17"))
        return refuse(p, WHY_VERSION);
    p->variables = str_is(text, "2012-10-17");
    return 0;
}

static int check_top(struct parser *p, const struct json *doc)
{
    if (doc->type != JSON_OBJECT)
        return refuse(p, WHY_SYNTAX);
    JSON_EACH(doc, c) {
        struct str name = json_key(p->scratch, c);

        if (!str_is(name, "Version") && !str_is(name, "Id") && !str_is(name, "Statement"))
            return refuse(p, WHY_SYNTAX);
        if (str_is(name, "Id") && c->type != JSON_STRING)
            return refuse(p, WHY_SYNTAX);
    }
    return 0;
}

static int parse_document(struct parser *p, const struct json *doc, struct policy *ret)
{
    struct json *st = json_get(doc, STR("Statement")), *one;
    uint32_t n;
    int r;

    if ((r = check_top(p, doc)) != 0 || (r = parse_version(p, json_get(doc, STR("Version")))) != 0)
        return r;
    if (st == NULL || (st->type != JSON_ARRAY && st->type != JSON_OBJECT) || st->n == 0)
        return refuse(p, WHY_SYNTAX);
    one = st->type == JSON_ARRAY ? st->first : st;
    n = st->type == JSON_ARRAY ? st->n : 1;
    ret->variables = p->variables;
    ret->statements = arena_calloc(p->mem, n, sizeof(*ret->statements));
    for (struct json *i = one; ret->n < n; i = i->next)
        if ((r = parse_statement(p, i, &ret->statements[ret->n++])) != 0)
            return r;
    return st->type == JSON_ARRAY ? check_sids(p, one, n) : 0;
}

int policy_parse(enum policy_kind kind, struct str text, struct policy **ret, struct buf *ret_why)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new(0);
    CLEANUP(arena_freep) struct arena *mem = arena_new(0);
    struct parser p = { .kind = kind, .mem = mem, .scratch = scratch, .why = ret_why };
    struct policy *policy = ARENA_NEW(mem, struct policy);
    struct json *doc;
    int r;

    if (json_parse(scratch, text, &doc, NULL) != 0)
        return refuse(&p, WHY_JSON);
    policy->kind = kind;
    r = parse_document(&p, doc, policy);
    if (r == 0 && (arena_overflowed(mem) || arena_overflowed(scratch)))
        r = refuse(&p, WHY_SYNTAX);
    if (r != 0)
        return r;
    policy->mem = TAKE(mem);
    *ret = policy;
    return 0;
}
