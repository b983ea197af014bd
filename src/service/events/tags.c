/* tags.c - tags of buses and rules.
 * True here: stored tags are a JSON object of texts that we wrote ourselves. */
#include "service/events/ops.h"

#include "base/arn.h"
#include "base/texts.h"

int events_tags_merge(struct call *c, struct str before, const struct events_TagList *add, struct str *ret)
{
    struct text_pair *v = arena_calloc(c->mem, add->n, sizeof(*v));
    size_t n = add->n;

    for (size_t i = 0; i < add->n; i++)
        v[i] = (struct text_pair){ add->v[i].Key, add->v[i].Value };
    if (n <= EVENTS_TAGS_MOST) /* more are not even compared with each other */
        *ret = texts_with(c->mem, before, v, add->n, &n);
    if (n > EVENTS_TAGS_MOST) /* UNVERIFIED sentence */
        return call_fault(c, &events_error_LimitExceededException,
                          "A resource can have no more than %d tags.", EVENTS_TAGS_MOST);
    return 0;
}

/* What an ARN means: a bus, or a rule of one. */
struct tagged {
    struct bus_ref bus;
    struct rule *rule;
};

static int rule_tagged(struct call *c, const char *action, struct str path, struct tagged *ret)
{
    ptrdiff_t slash = str_rfind(path, '/');
    struct str bus = slash < 0 ? STR_NONE : str_sub(path, 0, (size_t)slash);
    int r =
        events_rule_ask(c, action, bus, str_sub(path, (size_t)(slash + 1), path.n), &ret->bus, &ret->rule);

    if (r == 0 && ret->rule == NULL)
        return call_fault(c, &events_error_ResourceNotFoundException,
                          "Rule " STR_FMT " does not exist on EventBus " STR_FMT ".",
                          STR_ARG(str_sub(path, (size_t)(slash + 1), path.n)), STR_ARG(ret->bus.name));
    return r;
}

static int tagged_of(struct call *c, const char *action, struct str text, struct tagged *ret)
{
    static const struct str rule = { "rule/", 5 }, bus = { "event-bus/", 10 };
    struct arn arn;

    *ret = (struct tagged){ .rule = NULL };
    if (arn_parse(text, &arn) == 0 && str_is(arn.service, "events") && str_eq(arn.account, c->account) &&
        str_eq(arn.region, c->region)) {
        if (str_starts(arn.resource, rule))
            return rule_tagged(c, action, str_sub(arn.resource, rule.n, arn.resource.n), ret);
        if (str_starts(arn.resource, bus))
            return events_bus_enter(c, action, text, &ret->bus);
    }
    return events_invalid(
        c,
        "Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format."); /* UNVERIFIED
                                                                                                */
}

static struct str *tags_of(struct tagged *x) { return x->rule != NULL ? &x->rule->tags : &x->bus.bus->tags; }

static int keep(struct call *c, struct tagged *x, struct str tags)
{
    CHECK(x->rule == NULL || x->rule->magic == RULE_MAGIC);
    CHECK(!str_empty(tags));
    str_replace(tags_of(x), tags);
    return x->rule != NULL ? rule_row_put(c->turn, x->rule) : bus_row_put(c->turn, x->bus.bus);
}

int events_tag_resource(struct call *c, const void *input, void *output UNUSED)
{
    const struct events_TagResourceRequest *in = input;
    struct tagged x;
    struct str tags;
    int r = tagged_of(c, "events:TagResource", in->ResourceARN, &x);

    if (r == 0)
        r = events_tags_merge(c, x.rule != NULL || x.bus.bus != NULL ? *tags_of(&x) : STR("{}"), &in->Tags,
                              &tags);
    if (r == 0 && x.rule == NULL)
        r = events_bus_keep(c, &x.bus);
    return r < 0 ? r : keep(c, &x, tags);
}

int events_untag_resource(struct call *c, const void *input, void *output UNUSED)
{
    const struct events_UntagResourceRequest *in = input;
    struct tagged x;
    int r = tagged_of(c, "events:UntagResource", in->ResourceARN, &x);

    if (r < 0 || (x.rule == NULL && x.bus.bus == NULL))
        return r;
    return keep(c, &x, texts_without(c->mem, *tags_of(&x), in->TagKeys.v, in->TagKeys.n));
}

int events_list_tags_for_resource(struct call *c, const void *input, void *output)
{
    const struct events_ListTagsForResourceRequest *in = input;
    struct events_ListTagsForResourceResponse *out = output;
    struct tagged x;
    struct text_pair *v;
    size_t n;
    int r = tagged_of(c, "events:ListTagsForResource", in->ResourceARN, &x);

    if (r < 0)
        return r;
    v = texts_read(c->mem, x.rule != NULL || x.bus.bus != NULL ? arena_str(c->mem, *tags_of(&x)) : STR("{}"),
                   &n);
    out->Tags = (struct events_TagList){ true, n, arena_calloc(c->mem, n, sizeof(*out->Tags.v)) };
    for (size_t i = 0; i < n; i++)
        out->Tags.v[i] = (struct events_Tag){ v[i].key, v[i].value };
    return 0;
}
