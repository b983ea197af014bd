/* names.c - buses and rules as callers name them; what handlers begin with. */
#include "service/events/ops.h"

#include "base/arn.h"
#include "base/crypt.h"

int events_invalid(struct call *c, const char *fmt, ...)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    return call_fault(c, &error_validation, STR_FMT, STR_ARG(buf_view(&b)));
}

int events_unsupported(struct call *c, const char *member)
{
    return events_invalid(c, "Parameter %s is not supported by Waybill.", member);
}

void events_bus_ref(struct call *c, struct str name_or_arn, struct bus_ref *ret)
{
    static const struct str head = { "event-bus/", 10 };
    struct arn arn;

    *ret = (struct bus_ref){ .account = c->account,
                             .region = c->region,
                             .name = str_absent(name_or_arn) ? STR("default") : name_or_arn };
    if (str_starts(name_or_arn, STR("arn:")) && arn_parse(name_or_arn, &arn) == 0 &&
        str_starts(arn.resource, head)) {
        ret->account = arn.account;
        ret->region = arn.region;
        ret->name = str_sub(arn.resource, head.n, arn.resource.n);
    }
    ret->arn = arena_printf(c->mem, "arn:aws:events:" STR_FMT ":" STR_FMT ":event-bus/" STR_FMT,
                            STR_ARG(ret->region), STR_ARG(ret->account), STR_ARG(ret->name));
    ret->bus = bus_find(c->state, ret->account, ret->region, ret->name);
    ret->exists = ret->bus != NULL || str_is(ret->name, "default");
    ret->elsewhere = !str_eq(ret->region, c->region);
}

static int no_bus(struct call *c, const struct bus_ref *ref)
{
    return call_fault(c, &events_error_ResourceNotFoundException, "Event bus " STR_FMT " does not exist.",
                      STR_ARG(ref->name));
}

int events_bus_may(struct call *c, const char *action, const struct bus_ref *ref, struct str arn)
{
    struct resource what = { arn, ref->account, ref->bus != NULL ? ref->bus->policy : NULL };

    CHECK(strncmp(action, "events:", 7) == 0);
    CHECK(ref->bus == NULL || ref->bus->magic == BUS_MAGIC);
    return call_may(c, action, &what);
}

int events_bus_enter(struct call *c, const char *action, struct str name_or_arn, struct bus_ref *ret)
{
    int r;

    events_bus_ref(c, name_or_arn, ret);
    r = events_bus_may(c, action, ret, ret->arn);
    if (r < 0)
        return r;
    return ret->exists && !ret->elsewhere ? 0 : no_bus(c, ret);
}

int events_bus_keep(struct call *c, struct bus_ref *ref)
{
    struct events *e = CAST(struct events, EVENTS_MAGIC, c->state);
    int r;

    if (ref->bus != NULL)
        return 0;
    if (e->buses.n >= EVENTS_BUSES_IN_ALL)
        return call_fault(c, &events_error_LimitExceededException,
                          "This server keeps at most %d event buses.", EVENTS_BUSES_IN_ALL);
    CHECK(ref->exists && !ref->elsewhere); /* the default bus of the caller's region */
    ref->bus = bus_new(e, 0, ref->account, ref->region, ref->name);
    r = bus_row_put(c->turn, ref->bus);
    return r;
}

static struct str rule_arn_of(struct call *c, const struct bus_ref *ref, struct str name)
{
    bool is_default = str_is(ref->name, "default");

    return arena_printf(c->mem, "arn:aws:events:" STR_FMT ":" STR_FMT ":rule/" STR_FMT "%s" STR_FMT,
                        STR_ARG(ref->region), STR_ARG(ref->account),
                        STR_ARG(is_default ? STR("") : ref->name), is_default ? "" : "/", STR_ARG(name));
}

int events_rule_ask(struct call *c, const char *action, struct str bus, struct str name, struct bus_ref *ref,
                    struct rule **ret)
{
    int r;

    events_bus_ref(c, bus, ref);
    r = events_bus_may(c, action, ref, rule_arn_of(c, ref, name));
    if (r < 0)
        return r;
    if (!ref->exists || ref->elsewhere)
        return no_bus(c, ref);
    *ret = ref->bus != NULL ? rule_find(ref->bus, name) : NULL;
    return 0;
}

int events_rule_enter(struct call *c, const char *action, struct str bus, struct str name, struct rule **ret)
{
    struct bus_ref ref;
    int r = events_rule_ask(c, action, bus, name, &ref, ret);

    if (r == 0 && *ret == NULL)
        return call_fault(c, &events_error_ResourceNotFoundException,
                          "Rule " STR_FMT " does not exist on EventBus " STR_FMT ".", STR_ARG(name),
                          STR_ARG(ref.name));
    return r;
}

int events_page_after(struct call *c, struct str token, struct str *ret_after)
{
    *ret_after = STR_NONE;
    if (str_absent(token))
        return 0;
    if (base64_decode(c->mem, token, ret_after) < 0) /* UNVERIFIED sentence */
        return events_invalid(c, "Parameter NextToken is not valid.");
    return 0;
}

struct str events_page_token(struct call *c, struct str last) { return base64_str(c->mem, last); }
