/* names.c - FunctionName, qualifier and ARN.  Parsing is pure; target_resolve() adds what the caller may
 * reach. */
#include "service/lambda/ops.h"

#include "base/arn.h"

#define REGION_MAX 64

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

bool is_version_number(struct str qualifier) { return all_digits(qualifier); }

/* "eu-west-1": small letters, at least two dashes, one digit at the end. */
static bool looks_like_region(struct str s)
{
    size_t dashes = 0;

    for (size_t i = 0; i + 1 < s.n; i++) {
        if (s.p[i] == '-')
            dashes++;
        else if (s.p[i] < 'a' || s.p[i] > 'z')
            return false;
    }
    return dashes >= 2 && s.n > 2 && s.p[s.n - 2] == '-' && s.p[s.n - 1] >= '0' && s.p[s.n - 1] <= '9';
}

/* A name with what may stand before and after it; r: what an ARN said already. */
static int parse_rest(struct str rest, struct function_ref r, struct function_ref *ret)
{
    struct str part[7];
    size_t n = 0, at = 0;

    while (!str_absent(rest)) {
        if (n == ARRAY_LEN(part))
            return -E_INVALID;
        str_cut(&rest, ':', &part[n++]);
    }
    if (str_absent(r.region) && at + 1 < n && looks_like_region(part[at]))
        r.region = part[at++];
    if (str_absent(r.account) && at + 1 < n && part[at].n == 12 && all_digits(part[at]))
        r.account = part[at++];
    if (at + 1 < n && str_is(part[at], "function"))
        at++;
    r.name = part[at++];
    if (at < n)
        r.qualifier = part[at++];
    if (at != n || str_empty(r.name) || (!str_absent(r.qualifier) && str_empty(r.qualifier)))
        return -E_INVALID;
    *ret = r;
    return 0;
}

int function_ref_of_arn(const struct arn *arn, struct function_ref *ret)
{
    if (!str_is(arn->service, "lambda") || !str_starts(arn->resource, STR("function:")))
        return -E_INVALID;
    return parse_rest(arn->resource, (struct function_ref){ .region = arn->region, .account = arn->account },
                      ret);
}

int function_ref_parse(struct str text, struct function_ref *ret)
{
    struct arn arn;

    if (str_starts(text, STR("arn:")))
        return arn_parse(text, &arn) == 0 ? function_ref_of_arn(&arn, ret) : -E_INVALID;
    return parse_rest(text, (struct function_ref){ .region = STR_NONE }, ret);
}

static struct str join(struct arena *a, struct str head, char sep, struct str tail)
{
    char *p = arena_alloc(a, head.n + tail.n + 2);

    memcpy(p, head.p, head.n);
    p[head.n] = sep;
    if (tail.n > 0)
        memcpy(p + head.n + 1, tail.p, tail.n);
    return str_make(p, head.n + 1 + tail.n);
}

struct str arn_qualified(struct arena *a, struct str arn, struct str qualifier)
{
    return str_absent(qualifier) ? arn : join(a, arn, ':', qualifier);
}

int fault_function_missing(struct call *c, struct str arn)
{
    return FAULT(c, ResourceNotFoundException, "Function not found: " STR_FMT, STR_ARG(arn));
}

/* A length violation that AWS sends as InvalidParameterValueException, its text in the words of a validation.
 */
static int fault_name_too_long(struct call *c, struct str name)
{
    struct str v =
        violation(c->mem, name, "functionName", "Member must have length less than or equal to 64");
    struct str text = validation_text(c->mem, 1, &v);

    return INVALID(c, STR_FMT, STR_ARG(text));
}

/* What a permission on it says: of exactly this qualifier. */
static struct resource resource_of(const struct target_ref *r)
{
    struct function_policy *p = r->function != NULL ? function_policy_get(r->function, r->qualifier) : NULL;

    return (struct resource){ .arn = r->requested_arn,
                              .owner = r->account,
                              .policy = function_policy_compiled(p) };
}

int target_resolve(struct call *c, struct str function_name, struct str qualifier, const char *action,
                   struct target_ref *ret)
{
    struct function_ref ref;

    if (function_ref_parse(function_name, &ref) != 0)
        return INVALID(c, "The FunctionName " STR_FMT " is not a function name or ARN.",
                       STR_ARG(function_name));
    if (ref.name.n > 64)
        return fault_name_too_long(c, function_name);
    if (c->region.n > REGION_MAX) /* it comes from the signature and stands in keys */
        return INVALID(c, "The region of the request's signature is too long.");
    if (str_empty(qualifier))
        qualifier = STR_NONE;
    struct str account = str_absent(ref.account) ? c->account : ref.account;
    struct target_ref r = {
        .account = account,
        .region = c->region,
        .name = ref.name,
        .qualifier = str_absent(qualifier) ? ref.qualifier : qualifier,
        .function = function_find(lambda_of(c), account, c->region, ref.name),
    };
    if (!str_absent(ref.region) && !str_eq(ref.region, c->region))
        return FAULT(c, ResourceNotFoundException,
                     "Functions from '" STR_FMT "' are not reachable in this region ('" STR_FMT "')",
                     STR_ARG(ref.region), STR_ARG(c->region));
    r.arn = r.function != NULL
                ? r.function->arn
                : arena_printf(c->mem, "arn:aws:lambda:" STR_FMT ":" STR_FMT ":function:" STR_FMT,
                               STR_ARG(c->region), STR_ARG(account), STR_ARG(ref.name));
    r.requested_arn = arn_qualified(c->mem, r.arn, r.qualifier);
    if (!str_absent(qualifier) && !str_absent(ref.qualifier) && !str_eq(qualifier, ref.qualifier))
        return INVALID(
            c, "The derived qualifier from the function name does not match the specified qualifier.");
    struct resource what = resource_of(&r);
    int rc = call_may(c, action, &what);
    if (rc == 0)
        *ret = r;
    return rc;
}

int target_function(struct call *c, struct str function_name, struct str qualifier, const char *action,
                    struct target_ref *ret)
{
    int rc = target_resolve(c, function_name, qualifier, action, ret);

    if (rc == 0 && ret->function == NULL)
        return fault_function_missing(c, ret->requested_arn);
    return rc;
}

int target_version(struct call *c, struct str function_name, struct str qualifier, const char *action,
                   struct target_ref *ret, struct version **ret_version)
{
    int rc = target_function(c, function_name, qualifier, action, ret);

    if (rc != 0)
        return rc;
    *ret_version = qualifier_find(ret->function, ret->qualifier, NULL);
    return *ret_version != NULL ? 0 : fault_function_missing(c, ret->requested_arn);
}
