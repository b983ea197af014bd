/* op_target.c - the targets of a rule.
 *
 * Some mistakes refuse the whole request (ValidationException), as AWS does: a target that contradicts
 * itself.  A target of a service Waybill cannot deliver to fails alone, as an entry that names the service;
 * the others are put. Rules: EventBridge API reference, pages PutTargets, RemoveTargets,
 * ListRuleNamesByTarget. */
#include "service/events/ops.h"

#include "base/arn.h"

#define PAGE_MOST 100

/* ---- what refuses the request ---- */

static int input_check(struct call *c, const struct events_Target *t)
{
    int given = !str_absent(t->Input) + !str_absent(t->InputPath) + (t->InputTransformer != NULL);

    if (given > 1)
        return events_invalid(
            c, "Only one of Input, InputPath, or InputTransformer must be provided for target " STR_FMT ".",
            STR_ARG(t->Id));
    if (!str_absent(t->Input) && json_check(t->Input, NULL) < 0) /* UNVERIFIED sentence */
        return events_invalid(c, "JSON syntax error in input for target " STR_FMT ".", STR_ARG(t->Id));
    return 0;
}

static int dead_letter_check(struct call *c, const struct events_Target *t)
{
    struct str text = t->DeadLetterConfig != NULL ? t->DeadLetterConfig->Arn : STR_NONE;
    struct arn arn;

    if (str_absent(text))
        return 0;
    if (arn_parse(text, &arn) < 0 || !str_is(arn.service, "sqs") ||
        str_ends(text, STR(".fifo"))) /* UNVERIFIED sentence */
        return events_invalid(c,
                              "Parameter DeadLetterConfig is not valid for target " STR_FMT
                              ". Reason: it must be the ARN of a standard Amazon "
                              "SQS queue.",
                              STR_ARG(t->Id));
    return 0;
}

static int arn_check(struct call *c, const struct events_Target *t, struct arn *ret)
{
    if (arn_parse(t->Arn, ret) < 0 || str_empty(ret->service) || str_empty(ret->resource))
        return events_invalid(c,
                              "Parameter " STR_FMT
                              " is not valid. Reason: Provided Arn is not in correct format.",
                              STR_ARG(t->Arn));
    if (str_is(ret->service, "sqs") && str_ends(t->Arn, STR(".fifo")) &&
        (t->SqsParameters == NULL || str_empty(t->SqsParameters->MessageGroupId)))
        return events_invalid(c, "Parameter(s) SqsParameters must be specified for target: " STR_FMT ".",
                              STR_ARG(t->Id));
    return 0;
}

static int target_check(struct call *c, const struct rule *r, const struct events_Target *t)
{
    struct arn arn;
    int rc = arn_check(c, t, &arn);

    if (rc == 0 && str_is(arn.service, "events") && str_absent(t->RoleArn) && str_absent(r->role_arn))
        rc = events_invalid(c, "RoleArn is required for target " STR_FMT ".", STR_ARG(t->Arn));
    if (rc == 0)
        rc = input_check(c, t);
    if (rc == 0)
        rc = dead_letter_check(c, t);
    return rc == 0 ? call_may_pass(c, t->RoleArn) : rc;
}

/* ---- what fails one entry ---- */

/* The member that asks for what Waybill does not do; NULL: none. */
static const char *unsupported(const struct events_Target *t)
{
    const struct {
        const void *given;
        const char *name;
    } members[] = {
        { t->KinesisParameters, "KinesisParameters" },
        { t->RunCommandParameters, "RunCommandParameters" },
        { t->EcsParameters, "EcsParameters" },
        { t->BatchParameters, "BatchParameters" },
        { t->HttpParameters, "HttpParameters" },
        { t->RedshiftDataParameters, "RedshiftDataParameters" },
        { t->SageMakerPipelineParameters, "SageMakerPipelineParameters" },
        { t->AppSyncParameters, "AppSyncParameters" },
    };

    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i].given != NULL)
            return members[i].name;
    return NULL;
}

static bool served(const struct door *d)
{
    static const char *const services[] = { "lambda", "sqs", "sns", "events", "logs" };

    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        if (str_is(d->arn.service, services[i]))
            return d->sink != NULL;
    return false;
}

/* Buses take events as they are; a log group takes them as lines, and transformed ones in a form of its own.
 */
static const char *whole_only(const struct events_Target *t, const struct arn *arn)
{
    if (!str_is(arn->service, "events") && !str_is(arn->service, "logs"))
        return NULL;
    if (!str_absent(t->Input))
        return "Input";
    if (!str_absent(t->InputPath))
        return "InputPath";
    return t->InputTransformer != NULL ? "InputTransformer" : NULL;
}

/* The sentence of a failed entry, "" when there is nothing against it.  The sentences are ours. */
static void entry_check(struct call *c, const struct events_Target *t, struct buf *why)
{
    const struct events *e = CAST(const struct events, EVENTS_MAGIC, c->state);
    const struct door d = door_find(e->o.sinks, c->turn, t->Arn);
    const char *member = unsupported(t);
    struct str service = d.arn.service;

    if (!served(&d) || d.state == SINK_NOT_YET) {
        buf_printf(why, "Waybill does not deliver to targets of the service " STR_FMT ".", STR_ARG(service));
        return;
    }
    if (member == NULL && t->SqsParameters != NULL && !str_is(service, "sqs"))
        member = "SqsParameters";
    if (member == NULL)
        member = whole_only(t, &d.arn);
    if (member != NULL) {
        buf_printf(why, "Waybill does not support %s for a target of the service " STR_FMT ".", member,
                   STR_ARG(service));
        return;
    }
    if (d.state == SINK_WRONG_KIND)
        buf_printf(why, STR_FMT " is not a resource that Waybill delivers events to.", STR_ARG(t->Arn));
}

/* ---- PutTargets ---- */

/* How many targets the rule will have. */
static size_t count_after(const struct rule *r, const struct events_TargetList *v)
{
    size_t n = r->n_targets;

    for (size_t i = 0; i < v->n; i++) {
        bool known = rule_target_at(r, v->v[i].Id) < r->n_targets;

        for (size_t k = 0; k < i && !known; k++)
            known = str_eq(v->v[k].Id, v->v[i].Id);
        n += !known;
    }
    return n;
}

static void keep(struct rule *r, struct target *t)
{
    size_t at = rule_target_at(r, t->id);

    CHECK(at < EVENTS_TARGETS_MOST); /* count_after() has seen to it */
    if (at == r->n_targets)
        r->n_targets++;
    else
        target_free(r->targets[at]);
    r->targets[at] = t;
}

/* All targets made, or the fault of the first that cannot be. v[i] NULL: a failed entry. */
static int make_all(struct call *c, const struct rule *r, const struct events_TargetList *in,
                    struct target **v, struct events_PutTargetsResponse *out)
{
    CLEANUP(buf_done) struct buf why = { 0 };

    for (size_t i = 0; i < in->n; i++) {
        int rc = target_check(c, r, &in->v[i]);

        if (rc < 0)
            return rc;
        buf_clear(&why);
        if (target_make(&in->v[i], &v[i], &why) < 0)
            return events_invalid(c, STR_FMT, STR_ARG(buf_view(&why)));
        entry_check(c, &in->v[i], &why);
        if (why.n == 0)
            continue;
        CHECK(out->FailedEntries.n < in->n);
        v[i] = target_free(v[i]);
        out->FailedEntries.v[out->FailedEntries.n++] =
            (struct events_PutTargetsResultEntry){ .TargetId = in->v[i].Id,
                                                   .ErrorCode = STR("ValidationException"),
                                                   .ErrorMessage = buf_to_arena(&why, c->mem) };
    }
    return 0;
}

int events_put_targets(struct call *c, const void *input, void *output)
{
    const struct events_PutTargetsRequest *in = input;
    struct events_PutTargetsResponse *out = output;
    struct target **v = arena_calloc(c->mem, in->Targets.n, sizeof(*v));
    struct rule *rule;
    int r = events_rule_enter(c, "events:PutTargets", in->EventBusName, in->Rule, &rule);

    if (r < 0)
        return r;
    if (count_after(rule, &in->Targets) > EVENTS_TARGETS_MOST)
        return call_fault(c, &events_error_LimitExceededException,
                          "The requested resource exceeds the maximum number allowed.");
    out->FailedEntries = (struct events_PutTargetsResultEntryList){
        true, 0, arena_calloc(c->mem, in->Targets.n, sizeof(*out->FailedEntries.v))
    };
    r = make_all(c, rule, &in->Targets, v, out);
    for (size_t i = 0; i < in->Targets.n; i++) {
        if (r < 0)
            target_free(v[i]);
        else if (v[i] != NULL)
            keep(rule, v[i]);
    }
    if (r < 0)
        return r;
    out->FailedEntryCount = INT_SET((int64_t)out->FailedEntries.n);
    return out->FailedEntries.n < in->Targets.n ? rule_row_put(c->turn, rule) : 0;
}

/* ---- the others ---- */

int events_list_targets_by_rule(struct call *c, const void *input, void *output)
{
    const struct events_ListTargetsByRuleRequest *in = input;
    struct events_ListTargetsByRuleResponse *out = output;
    size_t limit = in->Limit.set ? (size_t)in->Limit.v : PAGE_MOST, n = 0;
    struct rule *rule;
    struct str after;
    size_t from = 0;
    int r = events_rule_enter(c, "events:ListTargetsByRule", in->EventBusName, in->Rule, &rule);

    if (r == 0)
        r = events_page_after(c, in->NextToken, &after);
    if (r < 0)
        return r;
    if (!str_absent(after))
        from = rule_target_at(rule, after) + 1;
    out->Targets =
        (struct events_TargetList){ true, 0,
                                    arena_calloc(c->mem, EVENTS_TARGETS_MOST, sizeof(*out->Targets.v)) };
    for (size_t i = from; i < rule->n_targets && n < limit; i++)
        target_shown(c->mem, rule->targets[i], &out->Targets.v[n++]);
    out->Targets.n = n;
    if (n > 0 && from + n < rule->n_targets)
        out->NextToken = events_page_token(c, out->Targets.v[n - 1].Id);
    return 0;
}

/* Ids that are not there are passed over (UNVERIFIED).  Force is for rules that AWS services manage: there
 * are none. */
int events_remove_targets(struct call *c, const void *input, void *output)
{
    const struct events_RemoveTargetsRequest *in = input;
    struct events_RemoveTargetsResponse *out = output;
    struct rule *rule;
    int r = events_rule_enter(c, "events:RemoveTargets", in->EventBusName, in->Rule, &rule);

    if (r < 0)
        return r;
    for (size_t i = 0; i < in->Ids.n; i++) {
        size_t at = rule_target_at(rule, in->Ids.v[i]);

        if (at == rule->n_targets)
            continue;
        CHECK(rule->n_targets > 0);
        target_free(rule->targets[at]);
        rule->n_targets--;
        memmove(&rule->targets[at], &rule->targets[at + 1], (rule->n_targets - at) * sizeof(struct target *));
    }
    out->FailedEntryCount = INT_SET(0);
    out->FailedEntries = (struct events_RemoveTargetsResultEntryList){ true, 0, NULL };
    return rule_row_put(c->turn, rule);
}

static bool has_target(const struct rule *r, struct str arn)
{
    for (size_t i = 0; i < r->n_targets; i++)
        if (str_eq(r->targets[i]->arn, arn))
            return true;
    return false;
}

int events_list_rule_names_by_target(struct call *c, const void *input, void *output)
{
    const struct events_ListRuleNamesByTargetRequest *in = input;
    struct events_ListRuleNamesByTargetResponse *out = output;
    size_t limit = in->Limit.set ? (size_t)in->Limit.v : PAGE_MOST, n = 0;
    struct bus_ref ref;
    struct str after;
    int r = events_bus_enter(c, "events:ListRuleNamesByTarget", in->EventBusName, &ref);

    if (r == 0)
        r = events_page_after(c, in->NextToken, &after);
    if (r < 0)
        return r;
    out->RuleNames = (struct events_RuleNameList){ true, 0, arena_calloc(c->mem, limit, sizeof(struct str)) };
    for (size_t i = ref.bus != NULL && !str_absent(after) ? rule_place(ref.bus, after) : 0;
         ref.bus != NULL && i < ref.bus->n_rules; i++) {
        const struct rule *rule = ref.bus->rules[i];

        if (str_eq(rule->name, after) || !has_target(rule, in->TargetArn))
            continue;
        if (n == limit) {
            out->NextToken = events_page_token(c, out->RuleNames.v[n - 1]);
            break;
        }
        CHECK_IS(rule, RULE_MAGIC);
        out->RuleNames.v[n++] = arena_str(c->mem, rule->name);
    }
    out->RuleNames.n = n;
    return 0;
}
