/* op_permission.c - PutPermission and RemovePermission edit the bus's resource policy; Policy replaces it as
 * a whole. Rules: EventBridge API reference, pages PutPermission and RemovePermission. */
#include "service/events/ops.h"

#include "policy/policy.h"

#define POLICY_MOST 10240 /* bytes without white space, as policies are counted */

static int missing(struct call *c, const char *name)
{
    return events_invalid(c, "Parameter %s must be specified.", name); /* UNVERIFIED sentence */
}

static int statement_check(struct call *c, const struct events_PutPermissionRequest *in)
{
    if (str_absent(in->Action))
        return missing(c, "Action");
    if (str_absent(in->Principal))
        return missing(c, "Principal");
    if (str_absent(in->StatementId))
        return missing(c, "StatementId");
    if (!str_is(in->Action, "events:PutEvents"))
        return events_invalid(c, "Provided value in parameter 'action' is not supported.");
    if (in->Condition == NULL)
        return 0;
    if (!str_is(in->Condition->Type, "StringEquals") ||
        !str_is(in->Condition->Key, "aws:PrincipalOrgID")) /* UNVERIFIED sentence */
        return events_invalid(c, "Parameter Condition is not valid. Reason: only StringEquals on "
                                 "aws:PrincipalOrgID is supported.");
    if (!str_is(in->Principal, "*")) /* UNVERIFIED sentence */
        return events_invalid(c, "Parameter Principal is not valid. Reason: with Condition it must be '*'.");
    return 0;
}

static void write_statement(struct json_writer *w, const struct events_PutPermissionRequest *in,
                            struct str bus_arn)
{
    jw_object(w);
    jw_kstr(w, "Sid", in->StatementId);
    jw_kstr(w, "Effect", STR("Allow"));
    jw_key(w, STR("Principal"));
    if (str_is(in->Principal, "*")) {
        jw_str(w, in->Principal);
    } else {
        jw_object(w);
        jw_key(w, STR("AWS"));
        jw_printf(w, "arn:aws:iam::" STR_FMT ":root", STR_ARG(in->Principal));
        jw_object_end(w);
    }
    jw_kstr(w, "Action", in->Action);
    jw_kstr(w, "Resource", bus_arn);
    if (in->Condition != NULL) {
        jw_key(w, STR("Condition"));
        jw_object(w);
        jw_key(w, in->Condition->Type);
        jw_object(w);
        jw_key(w, in->Condition->Key);
        jw_str(w, in->Condition->Value);
        jw_object_end(w);
        jw_object_end(w);
    }
    jw_object_end(w);
}

static const struct json *statements_of(struct call *c, struct str policy)
{
    struct json *doc = NULL;

    if (str_absent(policy))
        return NULL;
    CHECK(json_parse(c->mem, arena_str(c->mem, policy), &doc, NULL) == 0);
    return json_get(doc, STR("Statement"));
}

static bool has_sid(struct call *c, const struct json *statement, struct str sid)
{
    return statement->type == JSON_OBJECT && str_eq(json_get_text(c->mem, statement, STR("Sid")), sid);
}

/* The policy without the statements of that name, and with the one of `add` (NULL: none).  Returns how many
 * went; *ret absent when nothing is left. */
static size_t edited(struct call *c, struct str before, struct str sid,
                     const struct events_PutPermissionRequest *add, struct str bus_arn, struct str *ret)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    const struct json *v = statements_of(c, before), *one = v != NULL && v->type == JSON_ARRAY ? v->first : v;
    struct json_writer w;
    size_t gone = 0, kept = 0;

    jw_init(&w, &b);
    jw_object(&w);
    jw_kstr(&w, "Version", STR("2012-10-17"));
    jw_key(&w, STR("Statement"));
    jw_array(&w);
    for (; one != NULL; one = v->type == JSON_ARRAY ? one->next : NULL) {
        if (has_sid(c, one, sid)) {
            gone++;
            continue;
        }
        jw_raw(&w, one->raw);
        kept++;
    }
    if (add != NULL)
        write_statement(&w, add, bus_arn);
    jw_array_end(&w);
    jw_object_end(&w);
    *ret = kept > 0 || add != NULL ? buf_to_arena(&b, c->mem) : STR_NONE;
    return gone;
}

static int policy_check(struct call *c, struct str text)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct policy *p = NULL;

    if (policy_size_bytes(text) > POLICY_MOST) /* UNVERIFIED sentence */
        return call_fault(c, &events_error_PolicyLengthExceededException,
                          "The policy is longer than %d bytes.", POLICY_MOST);
    if (policy_parse(POLICY_RESOURCE, text, &p, &why) < 0) /* UNVERIFIED sentence */
        return events_invalid(c, "Parameter Policy is not valid. Reason: " STR_FMT, STR_ARG(buf_view(&why)));
    policy_free(p);
    return 0;
}

int events_put_permission(struct call *c, const void *input, void *output UNUSED)
{
    const struct events_PutPermissionRequest *in = input;
    bool whole = !str_absent(in->Policy);
    struct str text = in->Policy;
    struct bus_ref ref;
    int r = events_bus_enter(c, "events:PutPermission", in->EventBusName, &ref);

    if (r == 0 && whole &&
        (!str_absent(in->Action) || !str_absent(in->Principal) || !str_absent(in->StatementId) ||
         in->Condition != NULL))
        r = events_invalid(
            c, "Policy and the members of a single statement must not be given together."); /* UNVERIFIED */
    if (r == 0 && !whole)
        r = statement_check(c, in);
    if (r < 0)
        return r;
    if (!whole)
        (void)edited(c, ref.bus != NULL ? ref.bus->policy_text : STR_NONE, in->StatementId, in, ref.arn,
                     &text);
    r = policy_check(c, text);
    if (r == 0)
        r = events_bus_keep(c, &ref);
    if (r == 0)
        r = bus_policy_set(ref.bus, text);
    if (r < 0)
        return r;
    return bus_row_put(c->turn, ref.bus);
}

int events_remove_permission(struct call *c, const void *input, void *output UNUSED)
{
    const struct events_RemovePermissionRequest *in = input;
    bool all = in->RemoveAllPermissions.set && in->RemoveAllPermissions.v;
    struct str text = STR_NONE;
    struct bus_ref ref;
    int r = events_bus_enter(c, "events:RemovePermission", in->EventBusName, &ref);

    if (r == 0 && !all && str_absent(in->StatementId))
        r = missing(c, "StatementId");
    if (r == 0 && (ref.bus == NULL || ref.bus->policy == NULL))
        r = all ? 1
                : call_fault(c, &events_error_ResourceNotFoundException, "EventBus does not have a policy.");
    if (r != 0)
        return MIN(r, 0);
    if (!all && edited(c, ref.bus->policy_text, in->StatementId, NULL, ref.arn, &text) == 0)
        return call_fault(c, &events_error_ResourceNotFoundException,
                          "Statement with the provided id does not exist.");
    r = bus_policy_set(ref.bus, text);
    if (r < 0)
        return r;
    return bus_row_put(c->turn, ref.bus);
}
