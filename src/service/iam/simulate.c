/* simulate.c - "what would happen if": the evaluator asked by hand.
 *
 * True here: simulation asks the same policy_decide() that guards real calls; nothing is judged twice in two
 * ways. A simulation owns all it looks at, so that one of much work is answered on a pool thread. What the
 * simulation would need and does not have (organization policies, EC2 scenarios, exclusion lists) is refused
 * by name.  Positions of statements inside their documents are not told.  How AWS names the policies of a
 * role as sources of a statement is UNVERIFIED. */
#include "base/crypt.h"
#include "turn/turn.h"
#include "service/iam/state.h"

#define MAX_QUESTIONS 1000 /* actions x resources of one call */
#define MAX_SOURCES 256
/* Work, in bytes of policies compared with a value: what is done at once in the turn, what ends a page early,
 * and what is too much for a single question.  A byte full of wildcards costs some 20 ns. */
#define WORK_HERE ((size_t)256 << 10)
#define WORK_MOST ((size_t)16 << 20)

struct source {
    const struct policy *policy;
    struct str id;
};
struct simulation {
    struct source sources[MAX_SOURCES];
    const struct policy *identity[MAX_SOURCES];
    size_t n;
    const struct policy *boundary;
    const struct policy *resource;
    struct policy *owned[MAX_SOURCES + 2]; /* compiled for this call */
    size_t n_owned;
    size_t policy_bytes, values; /* of their texts; of the context */
    struct policy_caller caller;
    struct str resource_owner;
    struct policy_key *keys;
    size_t n_keys;
    const struct iam_ActionNameListType *actions;
    const struct iam_ResourceNameListType *resources;
    struct call *c;
    size_t from, to; /* questions of this page */
    struct iam_EvaluationResult *results;
};

static struct simulation *simulation_new(struct call *c, const struct iam_ActionNameListType *actions,
                                         const struct iam_ResourceNameListType *resources)
{
    struct simulation *s = ARENA_NEW(c->mem, struct simulation);

    s->actions = actions;
    s->resources = resources;
    return s;
}

static void simulation_done(struct simulation *s)
{
    for (size_t n = 0; n < s->n_owned; n++)
        policy_free(s->owned[n]);
}

static int compile(struct call *c, struct simulation *s, enum policy_kind kind, struct str text,
                   const struct policy **ret)
{
    struct buf why CLEANUP(buf_done) = { 0 };
    struct policy *p;

    if (s->n_owned == ARRAY_LEN(s->owned))
        return call_fault(c, &iam_error_InvalidInputException, "Too many policies in one simulation.");
    if (policy_parse(kind, text, &p, &why) != 0)
        return call_fault(c, &iam_error_InvalidInputException, STR_FMT, STR_ARG(buf_view(&why)));
    s->policy_bytes += text.n;
    *ret = s->owned[s->n_owned++] = p;
    return 0;
}

static int add_source(struct call *c, struct simulation *s, const struct policy *p, struct str id)
{
    if (s->n == MAX_SOURCES)
        return call_fault(c, &iam_error_InvalidInputException, "Too many policies in one simulation.");
    s->identity[s->n] = p;
    s->sources[s->n++] = (struct source){ p, id };
    return 0;
}

static int add_inputs(struct call *c, struct simulation *s, const struct iam_SimulationPolicyListType *list)
{
    const struct policy *p = NULL;
    int r;

    for (size_t n = 0; n < list->n; n++)
        if ((r = compile(c, s, POLICY_IDENTITY, list->v[n], &p)) != 0 ||
            (r = add_source(c, s, p, arena_printf(c->mem, "PolicyInputList.%zu", n + 1))) != 0)
            return r;
    return 0;
}

static int add_boundary(struct call *c, struct simulation *s, const struct iam_SimulationPolicyListType *list)
{
    if (list->n > 1)
        return call_fault(c, &iam_error_InvalidInputException,
                          "Only one permissions boundary policy can be simulated.");
    return list->n == 0 ? 0 : compile(c, s, POLICY_IDENTITY, list->v[0], &s->boundary);
}

/* From its text: the role's own may go while this one is asked. */
static int add_own(struct call *c, struct simulation *s, struct str document, struct str name)
{
    const struct policy *p = NULL;
    int rc = compile(c, s, POLICY_IDENTITY, document, &p);

    return rc != 0 ? rc : add_source(c, s, p, arena_str(c->mem, name));
}

static int add_role(struct call *c, struct simulation *s, const struct role *r)
{
    int rc;

    for (size_t n = 0; n < r->n_inlines; n++)
        if (r->inlines[n].policy != NULL &&
            (rc = add_own(c, s, r->inlines[n].document, r->inlines[n].name)) != 0)
            return rc;
    for (size_t n = 0; n < r->n_attached; n++) {
        const struct managed *m = iam_managed_find(IAM(c), r->attached[n]);

        if (m != NULL && iam_managed_default(m)->policy != NULL &&
            (rc = add_own(c, s, iam_managed_default(m)->document, m->name)) != 0)
            return rc;
    }
    if (s->boundary == NULL && !str_absent(r->boundary)) {
        const struct managed *m = iam_managed_find(IAM(c), r->boundary);

        s->boundary = &policy_empty;
        if (m != NULL && iam_managed_default(m)->policy != NULL)
            return compile(c, s, POLICY_IDENTITY, iam_managed_default(m)->document, &s->boundary);
    }
    return 0;
}

/* Dates and addresses are read where a condition compares them, and match nothing when they are none. */
static bool fits_type(struct arena *a, struct str value, struct str type)
{
    struct str bytes;
    double number;

    if (str_starts(type, STR("numeric")))
        return str_to_f64(value, &number) == 0;
    if (str_starts(type, STR("boolean")))
        return str_eq_nocase(value, STR("true")) || str_eq_nocase(value, STR("false"));
    return !str_starts(type, STR("binary")) || base64_decode(a, value, &bytes) == 0;
}

/* The evaluator compares texts as the condition's operator says; the type given must fit them all the same.
 */
static int check_context(struct call *c, const struct iam_ContextEntry *e)
{
    struct str type = e->ContextKeyType;

    if (str_absent(type))
        return 0;
    if (e->ContextKeyValues.n > 1 && !str_ends(type, STR("List")))
        return call_fault(c, &iam_error_InvalidInputException,
                          "ContextKeyType " STR_FMT " of " STR_FMT " takes one value.", STR_ARG(type),
                          STR_ARG(e->ContextKeyName));
    for (size_t n = 0; n < e->ContextKeyValues.n; n++)
        if (!fits_type(c->mem, e->ContextKeyValues.v[n], type))
            return call_fault(c, &iam_error_InvalidInputException,
                              "The value " STR_FMT " of " STR_FMT " is not of the "
                              "ContextKeyType " STR_FMT ".",
                              STR_ARG(e->ContextKeyValues.v[n]), STR_ARG(e->ContextKeyName), STR_ARG(type));
    return 0;
}

static int add_context(struct call *c, struct simulation *s, const struct iam_ContextEntryListType *entries)
{
    s->keys = arena_calloc(c->mem, entries->n + 1, sizeof(*s->keys));
    for (; s->n_keys < entries->n; s->n_keys++) {
        const struct iam_ContextEntry *e = &entries->v[s->n_keys];

        if (check_context(c, e) != 0)
            return -E_FAULT;
        s->values += e->ContextKeyValues.n;
        s->keys[s->n_keys] =
            (struct policy_key){ e->ContextKeyName, e->ContextKeyValues.v, e->ContextKeyValues.n };
    }
    return 0;
}

/* ---- asking ---- */

static void ask_about(const struct call *c, const struct simulation *s, struct str action,
                      struct str resource, struct policy_request *ret)
{
    *ret = (struct policy_request){ .caller = s->caller,
                                    .action = action,
                                    .resource = resource,
                                    .region = c->region,
                                    .keys = s->keys,
                                    .n_keys = s->n_keys,
                                    .now = c->now,
                                    .whole = true };
}

static struct iam_StatementListType matched(struct call *c, const struct simulation *s,
                                            const struct policy_request *q, unsigned wanted)
{
    struct iam_StatementListType ret = { .set = true };
    size_t most = 0;

    for (size_t n = 0; n < s->n; n++)
        most += policy_statement_count(s->sources[n].policy);
    ret.v = arena_calloc(c->mem, most, sizeof(*ret.v));
    for (size_t n = 0; n < s->n; n++)
        for (size_t k = 0; k < policy_statement_count(s->sources[n].policy); k++)
            if ((policy_evaluate_one(s->sources[n].policy, k, q) & wanted) != 0)
                ret.v[ret.n++] =
                    (struct iam_Statement){ .SourcePolicyId = arena_str(c->mem, s->sources[n].id),
                                            .SourcePolicyType = STR("IAM Policy") };
    return ret;
}

struct missing {
    uint32_t magic;
#define MISSING_MAGIC 0x1a4015c0u
    struct arena *mem;
    const struct simulation *s;
    struct iam_ContextKeyNamesResultListType *out;
    size_t cap;
};

static void note_missing(void *arg, struct str key)
{
    struct missing *m = CAST(struct missing, MISSING_MAGIC, arg);

    if (policy_key_builtin(key))
        return;
    for (size_t n = 0; n < m->s->n_keys; n++)
        if (str_eq_nocase(m->s->keys[n].name, key))
            return;
    for (size_t n = 0; n < m->out->n; n++)
        if (str_eq_nocase(m->out->v[n], key))
            return;
    if (m->out->n < m->cap)
        m->out->v[m->out->n++] = arena_str(m->mem, key);
}

static struct iam_ContextKeyNamesResultListType missing_keys(struct call *c, const struct simulation *s)
{
    struct iam_ContextKeyNamesResultListType ret = { .set = true,
                                                     .v = arena_calloc(c->mem, 64, sizeof(*ret.v)) };
    struct missing m = { MISSING_MAGIC, c->mem, s, &ret, 64 };

    for (size_t n = 0; n < s->n; n++)
        policy_keys(s->sources[n].policy, note_missing, &m);
    return ret;
}

static struct iam_EvaluationResult answer(struct call *c, const struct simulation *s, struct str action,
                                          struct str resource)
{
    struct policy_set set = { .identity = s->identity,
                              .n_identity = s->n,
                              .boundary = s->boundary,
                              .resource = s->resource,
                              .resource_account = s->resource_owner };
    struct iam_EvaluationResult ret = { .EvalActionName = action, .EvalResourceName = resource };
    struct policy_request q;
    struct policy_decision d;
    bool denied;

    ask_about(c, s, action, resource, &q);
    d = policy_decide(&set, &q);
    denied = !d.allowed && d.reason <= REASON_DENY_RESOURCE;
    ret.EvalDecision = d.allowed ? STR("allowed") : denied ? STR("explicitDeny") : STR("implicitDeny");
    ret.MatchedStatements = matched(c, s, &q, denied ? POLICY_DENIES : POLICY_ALLOWS);
    ret.MissingContextValues = missing_keys(c, s);
    if (s->boundary != NULL) {
        ret.PermissionsBoundaryDecisionDetail =
            ARENA_NEW(c->mem, struct iam_PermissionsBoundaryDecisionDetail);
        ret.PermissionsBoundaryDecisionDetail->AllowedByPermissionsBoundary =
            BOOL_SET((policy_evaluate(s->boundary, &q) & (POLICY_ALLOWS | POLICY_DENIES)) == POLICY_ALLOWS);
    }
    return ret;
}

/* Also on a pool thread. */
static void answer_page(void *arg)
{
    const struct simulation *s = arg;
    static const struct str everything[] = { { "*", 1 } };
    const struct str *resources = s->resources->n > 0 ? s->resources->v : everything;
    size_t n_resources = MAX(s->resources->n, (size_t)1);

    for (size_t k = s->from; k < s->to; k++)
        s->results[k - s->from] = answer(s->c, s, s->actions->v[k / n_resources], resources[k % n_resources]);
}

static void answered(void *arg, struct turn *t UNUSED)
{
    struct simulation *s = arg;

    simulation_done(s);
    call_reply(s->c, 0);
}

/* AWS may end a page early, too: "IAM might return fewer than the MaxItems number of results". */
static int cut_page(struct call *c, const struct simulation *s, const struct str *keys, struct page *page)
{
    size_t work = s->policy_bytes * (1 + s->values), most = WORK_MOST / MAX(work, (size_t)1);

    if (most == 0)
        return call_fault(c, &iam_error_InvalidInputException,
                          "The policies and context values are too many to be simulated.");
    if (page->to - page->from <= most)
        return 0;
    page->to = page->from + most;
    page->truncated.v = true;
    page->marker = base64_str(c->mem, keys[page->to - 1]);
    return 0;
}

static int run(struct call *c, struct simulation *s, struct str marker, struct opt_int max_items,
               struct iam_SimulatePolicyResponse *out)
{
    size_t n = s->actions->n * MAX(s->resources->n, (size_t)1);
    struct str *keys;
    struct page page;
    int r;

    if (n > MAX_QUESTIONS)
        return call_fault(c, &iam_error_InvalidInputException,
                          "At most %d combinations of actions and resources can be "
                          "simulated at once.",
                          MAX_QUESTIONS);
    keys = arena_calloc(c->mem, n + 1, sizeof(*keys));
    for (size_t k = 0; k < n; k++)
        keys[k] = arena_printf(c->mem, "%06zu", k);
    if ((r = iam_page_of(c, marker, max_items, keys, n, &page)) != 0 ||
        (r = cut_page(c, s, keys, &page)) != 0)
        return r;
    s->c = c;
    s->from = page.from;
    s->to = page.to;
    s->results = arena_calloc(c->mem, page.to - page.from, sizeof(*s->results));
    out->EvaluationResults =
        (struct iam_EvaluationResultsListType){ .set = true, .n = page.to - page.from, .v = s->results };
    out->IsTruncated = page.truncated;
    out->Marker = page.marker;
    if (s->policy_bytes * (1 + s->values) * (page.to - page.from) <= WORK_HERE) {
        answer_page(s);
        return 0;
    }
    c->turn->ops->work(c->turn->engine, answer_page, answered, s);
    return -E_WAIT;
}

static int ended(struct simulation *s, int r)
{
    if (r != -E_WAIT)
        simulation_done(s);
    return r;
}

/* ---- the two operations ---- */

static int refuse_option(struct call *c, const char *name)
{
    return call_fault(c, &iam_error_InvalidInputException, "%s is not supported here", name);
}

/* A resource policy asks for somebody: the caller named, or the account itself. */
static int add_resource_policy(struct call *c, struct simulation *s, struct str policy, struct str owner,
                               struct str caller_arn)
{
    struct arn arn;

    s->resource_owner = owner;
    if (arn_parse(owner, &arn) == 0)
        s->resource_owner = arn.account;
    if (!str_absent(caller_arn)) {
        if (arn_parse(caller_arn, &arn) != 0)
            return call_fault(c, &iam_error_InvalidInputException, "Invalid caller ARN: " STR_FMT,
                              STR_ARG(caller_arn));
        s->caller.arn = caller_arn;
        s->caller.account = arn.account;
    }
    return str_absent(policy) ? 0 : compile(c, s, POLICY_RESOURCE, policy, &s->resource);
}

int iam_simulate_custom_policy(struct call *c, const void *input, void *output)
{
    const struct iam_SimulateCustomPolicyRequest *in = input;
    struct simulation *s = simulation_new(c, &in->ActionNames, &in->ResourceArns);
    int r = iam_allowed(c, STR("*"));

    if (r != 0)
        return r;
    if (!str_absent(in->ResourceHandlingOption))
        return refuse_option(c, "ResourceHandlingOption");
    if (in->OrderedOrganizationPolicyInputList.n > 0)
        return refuse_option(c, "OrderedOrganizationPolicyInputList");
    s->caller = (struct policy_caller){ .kind = CALLER_ACCOUNT, .account = c->account };
    if ((r = add_context(c, s, &in->ContextEntries)) != 0 ||
        (r = add_inputs(c, s, &in->PolicyInputList)) != 0 ||
        (r = add_boundary(c, s, &in->PermissionsBoundaryPolicyInputList)) != 0 ||
        (r = add_resource_policy(c, s, in->ResourcePolicy, in->ResourceOwner, in->CallerArn)) != 0)
        return ended(s, r);
    return ended(s, run(c, s, in->Marker, in->MaxItems, output));
}

int iam_simulate_principal_policy(struct call *c, const void *input, void *output)
{
    const struct iam_SimulatePrincipalPolicyRequest *in = input;
    struct simulation *s = simulation_new(c, &in->ActionNames, &in->ResourceArns);
    const struct role *role = iam_role_by_arn(IAM(c), in->PolicySourceArn);
    int r = iam_allowed(c, in->PolicySourceArn);

    if (r != 0)
        return r;
    if (!str_absent(in->ResourceHandlingOption))
        return refuse_option(c, "ResourceHandlingOption");
    if (in->PolicyExclusionList.n > 0)
        return refuse_option(c, "PolicyExclusionList");
    if (!str_absent(in->CallerArn) && !str_eq(in->CallerArn, in->PolicySourceArn))
        return refuse_option(c, "CallerArn other than PolicySourceArn");
    if (role == NULL || !str_eq(role->account, c->account))
        return iam_no_such(c, "Entity " STR_FMT " cannot be found.", STR_ARG(in->PolicySourceArn));
    s->caller = (struct policy_caller){ .kind = CALLER_ROLE,
                                        .account = arena_str(c->mem, role->account),
                                        .arn = arena_str(c->mem, role->arn),
                                        .role_arn = arena_str(c->mem, role->arn),
                                        .user_id = arena_str(c->mem, role->role_id) };
    if ((r = add_context(c, s, &in->ContextEntries)) != 0 ||
        (r = add_boundary(c, s, &in->PermissionsBoundaryPolicyInputList)) != 0 ||
        (r = add_role(c, s, role)) != 0 || (r = add_inputs(c, s, &in->PolicyInputList)) != 0 ||
        (r = add_resource_policy(c, s, in->ResourcePolicy, in->ResourceOwner, STR_NONE)) != 0)
        return ended(s, r);
    return ended(s, run(c, s, in->Marker, in->MaxItems, output));
}
