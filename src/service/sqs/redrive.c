/* redrive.c - pure functions from text to meaning; whether a target exists is the queue's question. */
#include "service/sqs/redrive.h"

#include "base/json.h"

static int no(struct str *ret_reason, struct str reason)
{
    *ret_reason = reason;
    return -E_INVALID;
}

static struct json *json_map(struct arena *a, struct str text)
{
    struct json *doc;

    return json_parse(a, text, &doc, NULL) == 0 && doc->type == JSON_OBJECT ? doc : NULL;
}

static int whole_number(struct arena *a, const struct json *v, int64_t *ret)
{
    if (v->type == JSON_STRING)
        return str_to_i64(json_text(a, v), ret);
    return v->type == JSON_NUMBER ? json_i64(v, ret) : -E_INVALID;
}

int sqs_redrive_parse(struct arena *a, struct str text, struct sqs_redrive *ret, struct str *ret_reason)
{
    struct json *doc = json_map(a, text), *count;
    struct str target;
    int64_t n;

    if (doc == NULL)
        return no(ret_reason, STR("Redrive policy is not a valid JSON map."));
    target = json_get_text(a, doc, STR("deadLetterTargetArn"));
    count = json_get(doc, STR("maxReceiveCount"));
    if (str_empty(target))
        return no(ret_reason,
                  STR("Redrive policy does not contain mandatory attribute: deadLetterTargetArn."));
    if (count == NULL)
        return no(ret_reason, STR("Redrive policy does not contain mandatory attribute: maxReceiveCount."));
    if (whole_number(a, count, &n) != 0 || n < 1 || n > SQS_RECEIVES_LIMIT)
        return no(ret_reason, arena_printf(a,
                                           "Invalid value for maxReceiveCount: " STR_FMT
                                           ", valid values are from 1 to 1000 both inclusive.",
                                           STR_ARG(count->raw)));
    JSON_EACH(doc, member)
        if (!str_is(json_key(a, member), "deadLetterTargetArn") &&
            !str_is(json_key(a, member), "maxReceiveCount"))
            return no(ret_reason,
                      arena_printf(a, "Redrive policy contains an unknown attribute: " STR_FMT ".",
                                   STR_ARG(json_key(a, member))));
    *ret = (struct sqs_redrive){ .target_arn = target, .max_receives = n };
    return 0;
}

static int read_sources(struct arena *a, const struct json *list, struct sqs_allow *ret,
                        struct str *ret_reason)
{
    if (list->type != JSON_ARRAY || list->n < 1 || list->n > SQS_ALLOWED_MOST)
        return no(ret_reason, STR("sourceQueueArns must be a list of 1 to 10 queue ARNs."));
    JSON_EACH(list, item) {
        if (item->type != JSON_STRING)
            return no(ret_reason, STR("sourceQueueArns must be a list of 1 to 10 queue ARNs."));
        ret->arns[ret->n++] = json_text(a, item);
    }
    return 0;
}

int sqs_allow_parse(struct arena *a, struct str text, struct sqs_allow *ret, struct str *ret_reason)
{
    struct json *doc = json_map(a, text), *sources;
    struct str permission;

    *ret = (struct sqs_allow){ 0 };
    if (doc == NULL)
        return no(ret_reason, STR("Redrive allow policy is not a valid JSON map."));
    permission = json_get_text(a, doc, STR("redrivePermission"));
    sources = json_get(doc, STR("sourceQueueArns"));
    if (str_is(permission, "allowAll"))
        ret->kind = SQS_ALLOW_ALL;
    else if (str_is(permission, "denyAll"))
        ret->kind = SQS_ALLOW_NONE;
    else if (str_is(permission, "byQueue"))
        ret->kind = SQS_ALLOW_BY_QUEUE;
    else
        return no(ret_reason, STR("redrivePermission must be one of allowAll, denyAll and byQueue."));
    if (ret->kind != SQS_ALLOW_BY_QUEUE)
        return sources == NULL
                   ? 0
                   : no(ret_reason, STR("sourceQueueArns goes with redrivePermission byQueue only."));
    if (sources == NULL)
        return no(ret_reason, STR("redrivePermission byQueue needs sourceQueueArns."));
    return read_sources(a, sources, ret, ret_reason);
}

bool sqs_allow_source(struct arena *a, struct str policy, struct str source_arn)
{
    struct sqs_allow allow;
    struct str reason;

    if (str_absent(policy))
        return true;
    /* Checked when it was set; a policy that cannot be read allows nobody. */
    if (sqs_allow_parse(a, policy, &allow, &reason) != 0 || allow.kind == SQS_ALLOW_NONE)
        return false;
    if (allow.kind == SQS_ALLOW_ALL)
        return true;
    for (size_t i = 0; i < allow.n; i++)
        if (str_eq(allow.arns[i], source_arn))
            return true;
    return false;
}
