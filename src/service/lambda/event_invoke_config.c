/* event_invoke_config.c - Put, Update, Get, Delete, List of EventInvokeConfigs.  The unqualified function and
 * $LATEST are the same record; every version and alias has its own.  A refused Put leaves the record as it
 * was. */
#include "service/lambda/event_invoke_config.h"

#include <stdlib.h>
#include "flow/destination.h"
#include "service/lambda/history.h"
#include "service/lambda/ops.h"
#include "service/lambda/page.h"

static struct str record_key(const struct target_ref *r)
{
    return str_absent(r->qualifier) ? LATEST : r->qualifier;
}

static int reply_config(struct call *c, const struct target_ref *r, const struct event_config *e)
{
    struct buf b CLEANUP(buf_done) = { 0 };

    event_config_json(&b, e, arn_qualified(c->mem, r->arn, e->qualifier));
    call_raw(c, 200, "application/json", buf_to_arena(&b, c->mem));
    return 0;
}

static int fault_no_config(struct call *c, const struct target_ref *r)
{
    struct str arn = arn_qualified(c->mem, r->arn, record_key(r));

    return FAULT(c, ResourceNotFoundException, "The function " STR_FMT " doesn't have an EventInvokeConfig",
                 STR_ARG(arn));
}

static struct event_config *config_of(const struct target_ref *r)
{
    return r->function != NULL ? map_get(&r->function->event_configs, record_key(r)) : NULL;
}

/* ---- destinations ---- */

static bool is_self(const struct function *f, const struct arn *arn)
{
    struct function_ref ref;

    return str_is(arn->service, "lambda") && function_ref_parse(arn->resource, &ref) == 0 &&
           str_eq(ref.name, f->name) && str_eq(arn->account, f->home->account) &&
           str_eq(arn->region, f->home->region);
}

static enum destination_verdict judge(const struct door *d, const struct function *f, bool on_success)
{
    struct destination_question facts = { .parsed = !str_absent(d->arn.service),
                                          .arn = d->arn,
                                          .on_success = on_success,
                                          .has_sink = d->sink != NULL,
                                          .state = d->state };

    facts.self = facts.parsed && is_self(f, &d->arn);
    return destination_judge(&facts);
}

static struct str side_text(struct arena *a, const char *type, bool route, struct str destination)
{
    if (!route)
        return STR("null");
    return arena_printf(a, "%s(destination=" STR_FMT ")", type,
                        STR_ARG(str_absent(destination) ? STR("null") : destination));
}

static int fault_foreign(struct call *c, const struct lambda_DestinationConfig *d)
{
    struct str s = side_text(c->mem, "OnSuccess", d->OnSuccess != NULL,
                             d->OnSuccess != NULL ? d->OnSuccess->Destination : STR_NONE);
    struct str f = side_text(c->mem, "OnFailure", d->OnFailure != NULL,
                             d->OnFailure != NULL ? d->OnFailure->Destination : STR_NONE);

    return INVALID(c,
                   "The provided destination config DestinationConfig(onSuccess=" STR_FMT
                   ", onFailure=" STR_FMT ") is invalid.",
                   STR_ARG(s), STR_ARG(f));
}

static int fault_destination(struct call *c, enum destination_verdict v, const struct door *d)
{
    switch (v) {
    case DESTINATION_OK: return 0;
    case DESTINATION_SELF: return INVALID(c, "You can't specify the function as a destination for itself.");
    case DESTINATION_SNS_FIFO:
        return INVALID(c, "FIFO-type Amazon SNS topics aren't supported as a destination.");
    case DESTINATION_NOT_YET:
        return INVALID(c, "Waybill does not deliver to " STR_FMT " destinations yet.",
                       STR_ARG(d->arn.service));
    case DESTINATION_FOREIGN:
    case DESTINATION_INVALID: break;
    }
    return INVALID(c, "The destination ARN " STR_FMT " is invalid.", STR_ARG(d->what.arn));
}

static int fault_role(struct call *c, const struct door *d, const char *action_name)
{
    if (d->sink->by_object)
        return INVALID(c, "The function execution role does not have permissions to call %s on S3",
                       action_name);
    /* UNVERIFIED for SQS, SNS and EventBridge: recorded with the apostrophe years ago, for Lambda without,
     * lately. */
    return INVALID(c, "The function%s execution role does not have permissions to call %s on " STR_FMT,
                   str_is(d->arn.service, "lambda") ? "" : "'s", action_name, STR_ARG(d->what.arn));
}

static int check_role_action(struct call *c, const struct door *d, const struct role_asks *asks,
                             const char *action_name)
{
    struct buf why CLEANUP(buf_done) = { 0 };
    enum role_verdict may = door_role_may(d, asks, &why);

    if (may == ROLE_ALLOWED || (may == ROLE_UNKNOWN && !lambda_of(c)->o.strict_permissions))
        return 0;
    return fault_role(c, d, action_name);
}

/* The role that deliveries run under: of the version the qualifier means now.  A bucket needs two rights;
 * which of them AWS asks for first is UNVERIFIED, the message recorded is about the first here. */
static int check_role_may(struct call *c, const struct version *v, const struct door *d)
{
    struct role_asks list = { .role_arn = v->c.role, .action = "s3:ListBucket" };
    struct role_asks write = { .role_arn = v->c.role,
                               .resource = destination_resource(c->mem, d, v->function->name) };

    if (d->sinks->role_may == NULL)
        return 0;
    if (d->sink->by_object && check_role_action(c, d, &list, "ListBucket") != 0)
        return -E_FAULT;
    return check_role_action(c, d, &write, d->sink->action_name);
}

struct route {
    const char *member;
    struct str text;
    struct door door;
    enum destination_verdict verdict;
};

/* What was wrong with a route is remembered, for whoever wonders later why nothing arrives. */
static int refused(struct call *c, struct function *f, struct str qualifier, const struct route *r, int rc)
{
    if (rc == -E_FAULT)
        usage_facts_refused(f, r->member, qualifier, r->text, c->fault.message, c->now.wall_ms);
    return rc;
}

/* All of what may be wrong with the destinations of a request: their service first, then one route after the
 * other. */
static int check_destinations(struct call *c, const struct target_ref *to, const struct version *v,
                              const struct lambda_DestinationConfig *d)
{
    struct function *f = to->function;
    struct route route[2] = {
        { .member = "OnSuccess",
          .text = d != NULL && d->OnSuccess != NULL ? d->OnSuccess->Destination : STR_NONE },
        { .member = "OnFailure",
          .text = d != NULL && d->OnFailure != NULL ? d->OnFailure->Destination : STR_NONE },
    };
    int rc = 0;

    for (size_t i = 0; i < 2; i++) {
        if (str_empty(route[i].text))
            continue;
        route[i].door = door_find(lambda_of(c)->o.sinks, c->turn, route[i].text);
        route[i].verdict = judge(&route[i].door, f, i == 0);
        if (route[i].verdict == DESTINATION_FOREIGN)
            return refused(c, f, record_key(to), &route[i], fault_foreign(c, d));
    }
    for (size_t i = 0; i < 2 && rc == 0; i++)
        if (!str_empty(route[i].text))
            rc = refused(c, f, record_key(to), &route[i],
                         fault_destination(c, route[i].verdict, &route[i].door));
    for (size_t i = 0; i < 2 && rc == 0; i++)
        if (!str_empty(route[i].text))
            rc = refused(c, f, record_key(to), &route[i], check_role_may(c, v, &route[i].door));
    return rc;
}

/* ---- the operations ---- */

static void config_take(struct event_config *e, const struct event_config_values *v)
{
    struct str on_success = str_own(v->on_success), on_failure = str_own(v->on_failure);

    e->maximum_retry_attempts = v->retries;
    e->maximum_event_age_s = v->age_s;
    str_drop(&e->on_success);
    str_drop(&e->on_failure);
    e->on_success = on_success;
    e->on_failure = on_failure;
}

static int put_or_update(struct call *c, struct str name, struct str qualifier,
                         const struct event_config_request *in, bool update)
{
    struct target_ref r;

    if (!event_config_specified(in))
        return INVALID(c, "You must specify at least one of error handling or destination setting.");
    int rc = target_resolve(c, name, qualifier,
                            update ? "lambda:UpdateFunctionEventInvokeConfig"
                                   : "lambda:PutFunctionEventInvokeConfig",
                            &r);
    if (rc != 0)
        return rc;
    const struct version *v = r.function != NULL ? qualifier_find(r.function, r.qualifier, NULL) : NULL;
    if (v == NULL)
        return FAULT(c, ResourceNotFoundException, "The function doesn't exist.");
    struct event_config *e = config_of(&r);
    if (update && e == NULL)
        return fault_no_config(c, &r);
    rc = check_destinations(c, &r, v, in->destinations);
    if (rc != 0)
        return rc;
    struct event_config_values was = history_values(e), values = event_config_merge(in, update ? e : NULL);
    rc = history_event_config(r.function, c->turn,
                              update ? "UpdateFunctionEventInvokeConfig" : "PutFunctionEventInvokeConfig",
                              record_key(&r), &was, &values);
    if (rc != 0)
        return rc;
    if (e == NULL) {
        e = xcalloc(1, sizeof *e);
        e->qualifier = str_own(record_key(&r));
    }
    config_take(e, &values);
    rc = event_config_save(r.function, e, c->turn);
    return rc != 0 ? rc : reply_config(c, &r, e);
}

int lambda_put_function_event_invoke_config(struct call *c, const void *input, void *output)
{
    const struct lambda_PutFunctionEventInvokeConfigRequest *in = input;

    (void)output;
    return put_or_update(c, in->FunctionName, in->Qualifier,
                         &(struct event_config_request){
                             in->MaximumRetryAttempts, in->MaximumEventAgeInSeconds, in->DestinationConfig },
                         false);
}

int lambda_update_function_event_invoke_config(struct call *c, const void *input, void *output)
{
    const struct lambda_UpdateFunctionEventInvokeConfigRequest *in = input;

    (void)output;
    return put_or_update(c, in->FunctionName, in->Qualifier,
                         &(struct event_config_request){
                             in->MaximumRetryAttempts, in->MaximumEventAgeInSeconds, in->DestinationConfig },
                         true);
}

int lambda_get_function_event_invoke_config(struct call *c, const void *input, void *output)
{
    const struct lambda_GetFunctionEventInvokeConfigRequest *in = input;
    struct target_ref r;
    int rc = target_resolve(c, in->FunctionName, in->Qualifier, "lambda:GetFunctionEventInvokeConfig", &r);

    (void)output;
    if (rc != 0)
        return rc;
    const struct event_config *e = config_of(&r);
    return e != NULL ? reply_config(c, &r, e) : fault_no_config(c, &r);
}

int lambda_delete_function_event_invoke_config(struct call *c, const void *input, void *output)
{
    const struct lambda_DeleteFunctionEventInvokeConfigRequest *in = input;
    struct target_ref r;
    int rc = target_resolve(c, in->FunctionName, in->Qualifier, "lambda:DeleteFunctionEventInvokeConfig", &r);

    (void)output;
    if (rc != 0)
        return rc;
    struct event_config *e = config_of(&r);
    if (e == NULL)
        return fault_no_config(c, &r);
    rc = event_config_delete(r.function, e, c->turn, "DeleteFunctionEventInvokeConfig");
    return rc != 0 ? rc : reply_empty(c, 204);
}

static size_t configs_of(struct call *c, const struct function *f, struct page_item **ret)
{
    struct str qualifier;
    void *value;
    size_t n = 0;

    *ret = arena_calloc(c->mem, f->event_configs.n + 1, sizeof **ret);
    for (size_t i = 0; map_next(&f->event_configs, &i, &qualifier, &value);)
        (*ret)[n++] = (struct page_item){ page_version_key(c->mem, STR(""), qualifier), value };
    return n;
}

int lambda_list_function_event_invoke_configs(struct call *c, const void *input, void *output)
{
    const struct lambda_ListFunctionEventInvokeConfigsRequest *in = input;
    struct buf b CLEANUP(buf_done) = { 0 };
    struct target_ref r;
    struct page_item *v;
    struct page p;
    int rc = target_resolve(c, in->FunctionName, STR_NONE, "lambda:ListFunctionEventInvokeConfigs", &r);

    (void)output;
    if (rc != 0)
        return rc;
    if (!str_absent(r.qualifier)) /* UNVERIFIED wording */
        return INVALID(
            c,
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this"
            " operation. Please specify either a function name or an unqualified function ARN.");
    if (r.function == NULL)
        return FAULT(c, ResourceNotFoundException, "The function doesn't exist.");
    size_t n = configs_of(c, r.function, &v);
    rc = page_make(c, v, n, in->Marker, in->MaxItems, &p);
    if (rc != 0)
        return rc;
    buf_z(&b, "{\"FunctionEventInvokeConfigs\":[");
    for (size_t i = p.from; i < p.to; i++) {
        const struct event_config *e = p.v[i].item;

        buf_z(&b, i > p.from ? "," : "");
        event_config_json(&b, e, arn_qualified(c->mem, r.arn, e->qualifier));
    }
    buf_char(&b, ']');
    if (!str_absent(p.next_marker)) {
        buf_z(&b, ",\"NextMarker\":");
        json_quote(&b, p.next_marker);
    }
    buf_char(&b, '}');
    call_raw(c, 200, "application/json", buf_to_arena(&b, c->mem));
    return 0;
}
