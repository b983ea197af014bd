/* op_rule.c - rules: what they listen to, and whether they do.
 * Rules: EventBridge API reference, pages PutRule, DeleteRule, ListRules, EnableRule. */
#include "service/events/ops.h"

#include "service/events/tick.h"

#define PAGE_MOST 100

/* What a PutRule asks for, compiled.  Whoever takes the parts over sets them to NULL. */
struct listening {
    struct pattern *pattern;
    struct schedule *schedule;
    bool enabled;
};

static void listening_done(struct listening *l)
{
    pattern_free(l->pattern);
    schedule_free(l->schedule);
}

static int state_check(struct call *c, struct str state, bool *ret_enabled)
{
    *ret_enabled = !str_is(state, "DISABLED");
    if (str_is(state, "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"))
        return events_invalid(
            c, "State ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is not supported by Waybill.");
    return 0;
}

static int pattern_of(struct call *c, struct str text, struct pattern **ret)
{
    CLEANUP(buf_done) struct buf why = { 0 };

    if (str_empty(text))
        return 0;
    if (pattern_compile(PATTERN_EVENTS, text, ret, &why) < 0)
        return call_fault(c, &events_error_InvalidEventPatternException,
                          "Event pattern is not valid. Reason: " STR_FMT, STR_ARG(buf_view(&why)));
    return 0;
}

static int schedule_of(struct call *c, const struct bus_ref *bus, struct str text, struct schedule **ret)
{
    if (str_empty(text))
        return 0;
    if (!str_is(bus->name, "default"))
        return events_invalid(c, "ScheduleExpression is supported only on the default event bus.");
    if (schedule_parse(text, ret) < 0)
        return events_invalid(c, "Parameter ScheduleExpression is not valid.");
    return 0;
}

static int listening_of(struct call *c, const struct bus_ref *bus, const struct events_PutRuleRequest *in,
                        struct listening *ret)
{
    int r = state_check(c, in->State, &ret->enabled);

    if (r == 0 && str_empty(in->EventPattern) && str_empty(in->ScheduleExpression))
        r = events_invalid(c, "Parameter(s) EventPattern or ScheduleExpression must be specified.");
    if (r == 0)
        r = schedule_of(c, bus, in->ScheduleExpression, &ret->schedule);
    if (r == 0)
        r = pattern_of(c, in->EventPattern, &ret->pattern);
    return r;
}

static int room_check(struct call *c, const struct bus_ref *bus)
{
    const struct events *e = CAST(const struct events, EVENTS_MAGIC, c->state);

    if ((bus->bus != NULL && bus->bus->n_rules >= EVENTS_RULES_MOST) || e->n_rules >= EVENTS_RULES_IN_ALL)
        return call_fault(c, &events_error_LimitExceededException,
                          "The requested resource exceeds the maximum number allowed.");
    return 0;
}

static struct str given(struct str s) { return str_empty(s) ? STR_NONE : s; }

/* Everything a PutRule said before is replaced; the count of a rate begins anew when schedule or state change
 * (UNVERIFIED for a PutRule that changes neither). */
static int put(struct call *c, struct rule *r, const struct events_PutRuleRequest *in, struct listening *l)
{
    struct str schedule = given(in->ScheduleExpression);
    bool anew = r->id == 0 || !str_eq(schedule, r->schedule_text) || (l->enabled && !r->enabled);

    CHECK_IS(r, RULE_MAGIC);
    CHECK(l->pattern != NULL || l->schedule != NULL);
    rule_listen(r, given(in->EventPattern), TAKE(l->pattern), schedule, TAKE(l->schedule), l->enabled);
    str_replace(&r->description, in->Description);
    str_replace(&r->role_arn, in->RoleArn);
    if (anew) {
        r->anchor_ms = c->now.wall_ms;
        r->fired_ms = 0;
    }
    tick_arm(r, c->turn);
    return rule_row_put(c->turn, r);
}

int events_put_rule(struct call *c, const void *input, void *output)
{
    const struct events_PutRuleRequest *in = input;
    struct events_PutRuleResponse *out = output;
    CLEANUP(listening_done) struct listening l = { 0 };
    struct rule *rule;
    struct bus_ref ref;
    struct str tags = STR("{}");
    int r = events_rule_ask(c, "events:PutRule", in->EventBusName, in->Name, &ref, &rule);

    if (r == 0)
        r = listening_of(c, &ref, in, &l);
    if (r == 0)
        r = call_may_pass(c, in->RoleArn);
    if (r == 0 && rule == NULL)
        r = room_check(c, &ref);
    if (r == 0 && rule == NULL) /* a rule that is there keeps its tags, whatever is given */
        r = events_tags_merge(c, tags, &in->Tags, &tags);
    if (r == 0)
        r = events_bus_keep(c, &ref);
    if (r < 0)
        return r;
    if (rule == NULL) {
        rule = rule_new(ref.bus, 0, in->Name);
        str_replace(&rule->tags, tags);
    }
    out->RuleArn = arena_str(c->mem, rule->arn);
    return put(c, rule, in, &l);
}

static struct str state_text(const struct rule *r) { return r->enabled ? STR("ENABLED") : STR("DISABLED"); }

int events_describe_rule(struct call *c, const void *input, void *output)
{
    const struct events_DescribeRuleRequest *in = input;
    struct events_DescribeRuleResponse *out = output;
    struct rule *rule;
    int r = events_rule_enter(c, "events:DescribeRule", in->EventBusName, in->Name, &rule);

    if (r < 0)
        return r;
    *out = (struct events_DescribeRuleResponse){ .Name = arena_str(c->mem, rule->name),
                                                 .Arn = arena_str(c->mem, rule->arn),
                                                 .EventPattern = arena_str(c->mem, rule->pattern_text),
                                                 .ScheduleExpression = arena_str(c->mem, rule->schedule_text),
                                                 .State = state_text(rule),
                                                 .Description = arena_str(c->mem, rule->description),
                                                 .RoleArn = arena_str(c->mem, rule->role_arn),
                                                 .EventBusName = arena_str(c->mem, rule->bus->name),
                                                 .CreatedBy = arena_str(c->mem, rule->bus->account) };
    return 0;
}

/* Force is for rules that AWS services manage; there are none here, so every rule may go without it. */
int events_delete_rule(struct call *c, const void *input, void *output UNUSED)
{
    const struct events_DeleteRuleRequest *in = input;
    struct rule *rule;
    struct bus_ref ref;
    int r = events_rule_ask(c, "events:DeleteRule", in->EventBusName, in->Name, &ref, &rule);

    if (r < 0 || rule == NULL)
        return r;
    if (rule->n_targets > 0)
        return events_invalid(c, "Rule can't be deleted since it has targets.");
    r = rule_row_drop(c->turn, rule);
    tick_stop(rule, c->turn);
    rule_free(rule);
    return r;
}

static void shown(struct call *c, const struct rule *r, struct events_Rule *ret)
{
    CHECK_IS(r, RULE_MAGIC);
    *ret = (struct events_Rule){ .Name = arena_str(c->mem, r->name),
                                 .Arn = arena_str(c->mem, r->arn),
                                 .EventPattern = arena_str(c->mem, r->pattern_text),
                                 .State = state_text(r),
                                 .Description = arena_str(c->mem, r->description),
                                 .ScheduleExpression = arena_str(c->mem, r->schedule_text),
                                 .RoleArn = arena_str(c->mem, r->role_arn),
                                 .EventBusName = arena_str(c->mem, r->bus->name) };
}

/* Names with one prefix stand side by side. */
static void rules_page(struct call *c, const struct bus *b, struct str prefix, struct str after, size_t limit,
                       struct events_ListRulesResponse *out)
{
    struct str from = str_absent(after) || str_cmp(after, prefix) < 0 ? prefix : after;
    size_t n = 0;

    out->Rules.v = arena_calloc(c->mem, MIN(limit, b->n_rules), sizeof(*out->Rules.v));
    for (size_t i = rule_place(b, from); i < b->n_rules && str_starts(b->rules[i]->name, prefix); i++) {
        if (str_eq(b->rules[i]->name, after))
            continue;
        if (n == limit) {
            out->NextToken = events_page_token(c, out->Rules.v[n - 1].Name);
            break;
        }
        CHECK(n < MIN(limit, b->n_rules));
        shown(c, b->rules[i], &out->Rules.v[n++]);
    }
    out->Rules.n = n;
}

int events_list_rules(struct call *c, const void *input, void *output)
{
    const struct events_ListRulesRequest *in = input;
    struct events_ListRulesResponse *out = output;
    struct bus_ref ref;
    struct str after;
    int r = events_bus_enter(c, "events:ListRules", in->EventBusName, &ref);

    if (r == 0)
        r = events_page_after(c, in->NextToken, &after);
    if (r < 0)
        return r;
    out->Rules.set = true;
    if (ref.bus != NULL)
        rules_page(c, ref.bus, str_absent(in->NamePrefix) ? STR("") : in->NamePrefix, after,
                   in->Limit.set ? (size_t)in->Limit.v : PAGE_MOST, out);
    return 0;
}

static int enable(struct call *c, struct rule *r, bool on)
{
    if (r->enabled == on)
        return 0;
    rule_enable(r, on);
    if (on) {
        r->anchor_ms = c->now.wall_ms;
        r->fired_ms = 0;
    }
    tick_arm(r, c->turn);
    return rule_row_put(c->turn, r);
}

int events_enable_rule(struct call *c, const void *input, void *output UNUSED)
{
    const struct events_EnableRuleRequest *in = input;
    struct rule *rule;
    int r = events_rule_enter(c, "events:EnableRule", in->EventBusName, in->Name, &rule);

    return r < 0 ? r : enable(c, rule, true);
}

int events_disable_rule(struct call *c, const void *input, void *output UNUSED)
{
    const struct events_DisableRuleRequest *in = input;
    struct rule *rule;
    int r = events_rule_enter(c, "events:DisableRule", in->EventBusName, in->Name, &rule);

    return r < 0 ? r : enable(c, rule, false);
}
