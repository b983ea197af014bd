/* enter.c - the way into an operation: which topic is meant, and may the caller do that. */
#include <stdarg.h>
#include <stdlib.h>

#include "base/arn.h"
#include "base/crypt.h"
#include "service/sns/ops.h"

int sns_invalid(struct call *c, const char *fmt, ...)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    return call_fault(c, &sns_error_InvalidParameterException, "Invalid parameter: " STR_FMT,
                      STR_ARG(buf_view(&b)));
}

int sns_fault(struct call *c, const struct fault *f)
{
    return call_fault(c, f->row, STR_FMT, STR_ARG(f->message));
}

int sns_check_arn(struct call *c, struct str arn, const char *member)
{
    struct str rest = arn, part;
    struct arn parts;
    int n = 0;

    while (str_cut(&rest, ':', &part))
        n++;
    if (n < 6)
        return sns_invalid(c, "%s Reason: An ARN must have at least 6 elements, not %d", member, n);
    if (arn_parse(arn, &parts) != 0 || !str_is(parts.service, "sns"))
        return sns_invalid(c, "%s", member);
    if (!str_absent(c->access_key) && !str_eq(parts.region, c->region))
        return sns_invalid(c, "%s", member);
    return 0;
}

/* The service has its own name for a refusal. */
static int authorized(struct call *c, int result)
{
    if (result == -E_FAULT)
        c->fault.row = &sns_error_AuthorizationErrorException;
    return result;
}

int sns_may(struct call *c, const struct sns_topic *t, const char *action)
{
    CHECK_IS(t, SNS_TOPIC_MAGIC);
    CHECK(strncmp(action, "sns:", 4) == 0);
    return authorized(c, call_may(c, action, &(struct resource){ t->arn, t->account, t->policy }));
}

int sns_may_own(struct call *c, const char *action, struct str arn)
{
    CHECK(strncmp(action, "sns:", 4) == 0);
    return authorized(c, call_may_own(c, action, arn));
}

int sns_topic_enter(struct call *c, struct str arn, const char *member, const char *action,
                    struct sns_topic **ret)
{
    struct sns_topic *t;

    if (sns_check_arn(c, arn, member) != 0)
        return -E_FAULT;
    t = sns_topic_find(c->state, arn);
    if (t == NULL)
        return call_fault(c, &sns_error_NotFoundException, "Topic does not exist");
    if (sns_may(c, t, action) != 0)
        return -E_FAULT;
    *ret = t;
    return 0;
}

struct str sns_page_token(struct call *c, uint64_t last_id)
{
    CHECK(last_id != 0); /* a page that ends somewhere has shown something */
    return base64_str(c->mem, arena_printf(c->mem, "%llu", (unsigned long long)last_id));
}

int sns_page_begin(struct call *c, struct str token, uint64_t *ret_after)
{
    struct str text;

    *ret_after = 0;
    if (str_empty(token))
        return 0;
    if (base64_decode(c->mem, token, &text) != 0 || str_to_u64(text, ret_after) != 0)
        return sns_invalid(c, "NextToken"); /* UNVERIFIED sentence */
    return 0;
}
