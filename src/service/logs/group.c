/* group.c - log groups: make, end, describe, retention.
 * Rules: CloudWatch Logs API reference, pages CreateLogGroup, DescribeLogGroups, PutRetentionPolicy. */
#include "service/logs/internal.h"

#define GROUPS_MOST 50

/* Parameters of groups we do not act on are refused by name. */
static int unsupported(struct call *c, const struct logs_CreateLogGroupRequest *in)
{
    if (!str_absent(in->kmsKeyId))
        return logs_invalid(c, "kmsKeyId is not supported");
    if (!str_absent(in->logGroupClass) && !str_is(in->logGroupClass, "STANDARD"))
        return logs_invalid(c, "logGroupClass " STR_FMT " is not supported", STR_ARG(in->logGroupClass));
    if (in->deletionProtectionEnabled.set && in->deletionProtectionEnabled.v)
        return logs_invalid(c, "deletionProtectionEnabled is not supported");
    return 0;
}

int logs_create_group(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_CreateLogGroupRequest *in = input;
    struct log_group g;
    struct str tags;
    uint64_t id;
    int r = call_may_own(c, "logs:CreateLogGroup",
                         arena_printf(c->mem, STR_FMT ":*", STR_ARG(logs_group_arn(c, in->logGroupName))));

    if (r == 0)
        r = unsupported(c, in);
    if (r == 0)
        r = logs_tags_text(c, STR("{}"), &in->tags, &tags);
    if (r < 0)
        return r;
    logs_flush(c->state, c->turn);
    if (log_group_find(c->turn->store, c->mem, c->account, c->region, in->logGroupName, &g))
        return call_fault(c, &logs_error_ResourceAlreadyExistsException,
                          "The specified log group already exists");
    if (!log_group_make(c->turn->store, c->now.wall_ms, c->account, c->region, in->logGroupName, tags, &id))
        return call_fault(c, &logs_error_LimitExceededException, "Resource limit exceeded.");
    return 0;
}

int logs_delete_group(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_DeleteLogGroupRequest *in = input;
    struct log_group g;
    int r = logs_group_of(c, "logs:DeleteLogGroup", in->logGroupName, STR_NONE, STR_NONE, &g);

    if (r == 0 && !log_group_drop(c->turn->store, &g))
        logs_waste_from(c->state, c->turn, g.id);
    return r;
}

static void shown(struct call *c, const struct log_group *g, struct logs_LogGroup *ret)
{
    ret->logGroupName = g->name;
    ret->creationTime = INT_SET(g->created_ms);
    if (g->retention_days > 0)
        ret->retentionInDays = INT_SET(g->retention_days);
    ret->metricFilterCount = INT_SET(0);
    ret->arn = arena_printf(c->mem, STR_FMT ":*", STR_ARG(logs_group_arn(c, g->name)));
    ret->storedBytes = INT_SET(g->bytes);
    ret->logGroupClass = STR("STANDARD");
    ret->logGroupArn = logs_group_arn(c, g->name);
}

static int describe_check(struct call *c, const struct logs_DescribeLogGroupsRequest *in)
{
    if (!str_absent(in->logGroupNamePrefix) && !str_absent(in->logGroupNamePattern))
        return logs_invalid(
            c, "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
    if (in->accountIdentifiers.set)
        return logs_invalid(c, "accountIdentifiers is not supported");
    if (in->includeLinkedAccounts.set && in->includeLinkedAccounts.v)
        return logs_invalid(c, "includeLinkedAccounts is not supported");
    if (in->logGroupIdentifiers.set)
        return logs_invalid(c, "logGroupIdentifiers is not supported");
    return 0;
}

/* Groups whose name contains the pattern, scanned page by page; the token is the last name shown. */
static size_t groups_page(struct call *c, const struct logs_DescribeLogGroupsRequest *in, struct log_group *v,
                          size_t most)
{
    struct str prefix = str_absent(in->logGroupNamePrefix) ? STR("") : in->logGroupNamePrefix,
               after = in->nextToken;
    size_t n = 0, got;

    do {
        struct log_group *page = arena_calloc(c->mem, most, sizeof(*page));

        got = log_group_list(c->turn->store, c->mem, c->account, c->region, prefix, after, page, most);
        for (size_t i = 0; i < got && n < most; i++) {
            after = page[i].name;
            if (str_absent(in->logGroupNamePattern) ||
                str_find_str(page[i].name, in->logGroupNamePattern) >= 0)
                v[n++] = page[i];
        }
    } while (got == most && n < most);
    return n;
}

int logs_describe_groups(struct call *c, const void *input, void *output)
{
    const struct logs_DescribeLogGroupsRequest *in = input;
    struct logs_DescribeLogGroupsResponse *out = output;
    struct log_group v[GROUPS_MOST + 1];
    size_t limit = in->limit.set ? MIN((size_t)in->limit.v, (size_t)GROUPS_MOST) : GROUPS_MOST, n = 0;
    int r = call_may_own(c, "logs:DescribeLogGroups", logs_group_arn(c, STR("*")));

    if (r == 0)
        r = describe_check(c, in);
    if (r < 0)
        return r;
    logs_flush(c->state, c->turn);
    if (str_absent(in->logGroupClass) || str_is(in->logGroupClass, "STANDARD"))
        n = groups_page(c, in, v, limit + 1);
    if (n > limit) {
        n = limit;
        out->nextToken = v[n - 1].name;
    }
    out->logGroups = (struct logs_LogGroups){ true, n, arena_calloc(c->mem, n, sizeof(*out->logGroups.v)) };
    for (size_t i = 0; i < n; i++)
        shown(c, &v[i], &out->logGroups.v[i]);
    return 0;
}

static const int16_t retentions[] = {
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
};

/* UNVERIFIED wording. */
static int retention_refused(struct call *c, int64_t days)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(retentions); i++)
        buf_printf(&b, "%s%d", i > 0 ? ", " : "", retentions[i]);
    return logs_invalid(
        c,
        "1 validation error detected: Value '%lld' at 'retentionInDays' failed to satisfy constraint: "
        "Member must satisfy enum value set: [" STR_FMT "]",
        (long long)days, STR_ARG(buf_view(&b)));
}

static int retention_set(struct call *c, const char *action, struct str name, int64_t days)
{
    struct log_group g;
    int r = logs_group_of(c, action, name, STR_NONE, STR_NONE, &g);

    if (r < 0)
        return r;
    log_group_retention(c->turn->store, g.id, days);
    logs_expiry_set(c->state, c->turn);
    return 0;
}

int logs_put_retention(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_PutRetentionPolicyRequest *in = input;

    for (size_t i = 0; i < ARRAY_LEN(retentions); i++)
        if (retentions[i] == in->retentionInDays.v)
            return retention_set(c, "logs:PutRetentionPolicy", in->logGroupName, in->retentionInDays.v);
    return retention_refused(c, in->retentionInDays.v);
}

int logs_delete_retention(struct call *c, const void *input, void *output UNUSED)
{
    const struct logs_DeleteRetentionPolicyRequest *in = input;

    return retention_set(c, "logs:DeleteRetentionPolicy", in->logGroupName, 0);
}
