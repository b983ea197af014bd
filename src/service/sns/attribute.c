/* attribute.c - one row per attribute; every rule about a single value hangs on its row.
 *
 * True here: an attribute's text is its own, ends in NUL, and is absent where nothing is set. */
#include "service/sns/attribute.h"

#include <stdlib.h>
#include "base/arn.h"
#include "pattern/pattern.h"
#include "policy/policy.h"

#define DISPLAY_NAME_MOST 100
#define KEY_MOST 2048
#define POLICY_MOST 30720 /* AWS SNS quotas: 30 KB */
#define FILTER_MOST 262144

static const char *const topic_names[SNS_N_TOPIC_ATTRIBUTES] = {
    [SNS_POLICY] = "Policy",
    [SNS_DISPLAY_NAME] = "DisplayName",
    [SNS_DELIVERY_POLICY] = "DeliveryPolicy",
    [SNS_KMS_KEY] = "KmsMasterKeyId",
    [SNS_SIGNATURE_VERSION] = "SignatureVersion",
    [SNS_TRACING] = "TracingConfig",
    [SNS_FIFO_TOPIC] = "FifoTopic",
    [SNS_CONTENT_DEDUPLICATION] = "ContentBasedDeduplication",
    [SNS_FIFO_SCOPE] = "FifoThroughputScope",
};

static const char *const subscription_names[SNS_N_SUBSCRIPTION_ATTRIBUTES] = {
    [SNS_SUB_RAW] = "RawMessageDelivery",  [SNS_SUB_FILTER] = "FilterPolicy",
    [SNS_SUB_SCOPE] = "FilterPolicyScope", [SNS_SUB_REDRIVE] = "RedrivePolicy",
    [SNS_SUB_DELIVERY] = "DeliveryPolicy",
};

const char *sns_topic_attribute_name(enum sns_topic_attribute i)
{
    CHECK(i < SNS_N_TOPIC_ATTRIBUTES);
    return topic_names[i];
}
const char *sns_subscription_attribute_name(enum sns_subscription_attribute i)
{
    CHECK(i < SNS_N_SUBSCRIPTION_ATTRIBUTES);
    return subscription_names[i];
}

static int find(const char *const *names, int n, struct str name)
{
    for (int i = 0; i < n; i++)
        if (str_is(name, names[i]))
            return i;
    return -1;
}

/* HTTPSuccessFeedbackRoleArn, LambdaFailureFeedbackRoleArn, SQSSuccessFeedbackSampleRate, ... */
static bool is_feedback(struct str name)
{
    static const char *const whose[] = { "HTTP", "Firehose", "Lambda", "Application", "SQS" };
    static const char *const what[] = { "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate",
                                        "FailureFeedbackRoleArn" };

    for (size_t i = 0; i < ARRAY_LEN(whose); i++)
        for (size_t k = 0; str_starts(name, str_of(whose[i])) && k < ARRAY_LEN(what); k++)
            if (str_is(str_sub(name, strlen(whose[i]), name.n), what[k]))
                return true;
    return false;
}

int sns_topic_attribute_find(struct str name, bool *ret_refused)
{
    *ret_refused = is_feedback(name) || str_is(name, "ArchivePolicy") || str_is(name, "DataProtectionPolicy");
    return find(topic_names, SNS_N_TOPIC_ATTRIBUTES, name);
}

int sns_subscription_attribute_find(struct str name, bool *ret_refused)
{
    *ret_refused =
        str_is(name, "SubscriptionRoleArn") || str_is(name, "ReplayPolicy") || str_is(name, "ReplayStatus");
    return find(subscription_names, SNS_N_SUBSCRIPTION_ATTRIBUTES, name);
}

static int no(struct buf *why, const char *fmt, ...) PRINTF(2, 3);
static int no(struct buf *why, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (why != NULL)
        buf_vprintf(why, fmt, ap);
    va_end(ap);
    return -E_INVALID;
}

static int check_bool(const char *name, struct str value, struct buf *why)
{
    if (str_eq_nocase(value, STR("true")) || str_eq_nocase(value, STR("false")))
        return 0;
    return no(why, "%s: Invalid value [" STR_FMT "]. Must be true or false.", name, STR_ARG(value));
}

/* ---- topics ---- */

static bool is_ours(struct arena *a, const struct json *action)
{
    struct str name = json_text(a, action);

    return str_is(name, "*") || str_starts_nocase(name, STR("sns:"));
}

/* A topic's policy speaks of SNS alone. */
static bool in_scope(struct arena *a, const struct json *statement)
{
    const struct json *action = json_get(statement, STR("Action"));

    if (action == NULL || action->type != JSON_ARRAY)
        return action == NULL || is_ours(a, action);
    JSON_EACH(action, one)
        if (!is_ours(a, one))
            return false;
    return true;
}

static int check_scope_of_policy(struct str value, struct buf *why)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    const struct json *statement;
    struct json *doc;
    bool list;

    CHECK(json_parse(a, value, &doc, NULL) == 0);
    statement = json_get(doc, STR("Statement"));
    list = statement != NULL && statement->type == JSON_ARRAY;
    for (const struct json *s = list ? statement->first : statement; s != NULL; s = list ? s->next : NULL)
        if (!in_scope(a, s))
            return no(why, "Policy statement action out of service scope!");
    return 0;
}

/* UNVERIFIED sentence. */
static int check_policy(struct str value, struct buf *why)
{
    struct policy *p = NULL;

    if (str_empty(value))
        return 0;
    if (value.n > POLICY_MOST || policy_parse(POLICY_RESOURCE, value, &p, NULL) != 0)
        return no(why, "Policy Error: null");
    policy_free(p);
    return check_scope_of_policy(value, why);
}

/* UNVERIFIED: how AWS words a bad name or key. */
static int check_text(const char *name, struct str value, size_t most, struct buf *why)
{
    size_t points = 0;

    for (size_t i = 0; i < value.n; i++) {
        unsigned char ch = (unsigned char)value.p[i];

        points += (ch & 0xc0) != 0x80;
        if (ch < 0x20 || ch == 0x7f)
            return no(why, "%s", name);
    }
    return points <= most && utf8_check(value) == value.n ? 0 : no(why, "%s", name);
}

static int check_tracing(struct str value, struct buf *why)
{
    if (str_is(value, "Active"))
        return no(why, "TracingConfig: Waybill does not trace topics actively; PassThrough is possible.");
    return str_is(value, "PassThrough") || str_empty(value) ? 0 : no(why, "TracingConfig");
}

static int check_fifo_only(enum sns_topic_attribute i, struct str value, bool fifo, struct buf *why)
{
    if (!fifo && !str_eq_nocase(value, STR("false")))
        return no(why, "%s", topic_names[i]);
    if (i != SNS_FIFO_SCOPE)
        return check_bool(topic_names[i], value, why);
    return str_is(value, "Topic") || str_is(value, "MessageGroup") ? 0 : no(why, "%s", topic_names[i]);
}

int sns_topic_attribute_check(enum sns_topic_attribute i, struct str value, bool fifo, struct buf *why)
{
    struct sns_delivery_policy unused;

    switch (i) {
    case SNS_POLICY: return check_policy(value, why);
    case SNS_DISPLAY_NAME: return check_text("DisplayName", value, DISPLAY_NAME_MOST, why);
    case SNS_DELIVERY_POLICY:
        return str_empty(value) ? 0 : sns_delivery_policy_parse(value, true, &unused, why);
    case SNS_KMS_KEY: /* kept and shown; nothing here is encrypted with it */
        return check_text("KmsMasterKeyId", value, KEY_MOST, why);
    case SNS_SIGNATURE_VERSION:
        return str_is(value, "1") || str_is(value, "2") ? 0 : no(why, "SignatureVersion");
    case SNS_TRACING: return check_tracing(value, why);
    case SNS_FIFO_TOPIC:
    case SNS_CONTENT_DEDUPLICATION:
    case SNS_FIFO_SCOPE: return check_fifo_only(i, value, fifo, why);
    case SNS_N_TOPIC_ATTRIBUTES: break;
    }
    return no(why, "AttributeName");
}

/* ---- subscriptions ---- */

static bool says_body(struct str scope) { return str_is(scope, "MessageBody"); }

static int check_filter(struct str value, struct str scope, struct buf *why)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf reason = { 0 };
    struct pattern *p = NULL;
    struct json *doc;

    if (str_empty(value))
        return 0;
    if (json_parse(a, value, &doc, NULL) == 0 && doc->type == JSON_OBJECT && doc->n == 0)
        return 0; /* "{}": everything passes */
    if (value.n > FILTER_MOST)
        return no(why, "FilterPolicy: Filter policy is too complex");
    if (pattern_compile(says_body(scope) ? PATTERN_SNS_BODY : PATTERN_SNS_ATTRIBUTES, value, &p, &reason) !=
        0)
        return no(why, "FilterPolicy: " STR_FMT, STR_ARG(buf_view(&reason)));
    pattern_free(p);
    return 0;
}

static int check_scope(struct str value, struct str filter, struct buf *why)
{
    if (!says_body(value) && !str_is(value, "MessageAttributes"))
        return no(why,
                  "FilterPolicyScope: Invalid value [" STR_FMT
                  "]. Please use either MessageBody or MessageAttributes",
                  STR_ARG(value));
    return check_filter(filter, value, why);
}

/* UNVERIFIED sentences, but for the one about a bad ARN. */
static int check_redrive(struct str value, const struct sns_attribute_context *x, struct buf *why)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json *doc;
    struct str target;
    struct arn arn;

    if (str_empty(value))
        return 0;
    if (json_parse(a, value, &doc, NULL) != 0 || doc->type != JSON_OBJECT)
        return no(why, "RedrivePolicy: failed to parse JSON.");
    JSON_EACH(doc, member)
        if (!str_is(json_key(a, member), "deadLetterTargetArn"))
            return no(why, "RedrivePolicy: unknown property " STR_FMT, STR_ARG(json_key(a, member)));
    target = json_get_text(a, doc, STR("deadLetterTargetArn"));
    if (doc->n == 0)
        return 0;
    if (str_absent(target) || arn_parse(target, &arn) != 0 || !str_is(arn.service, "sqs") ||
        str_empty(arn.resource))
        return no(why, "RedrivePolicy: deadLetterTargetArn is an invalid arn");
    if (!str_eq(arn.account, x->account) || !str_eq(arn.region, x->region))
        return no(
            why,
            "RedrivePolicy: the dead-letter queue must be in the account and region of the subscription");
    if (str_ends(arn.resource, STR(".fifo")) != x->fifo)
        return no(why,
                  x->fifo
                      ? "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
                      : "RedrivePolicy: must use a standard queue as DLQ for this subscription.");
    return 0;
}

int sns_subscription_attribute_check(enum sns_subscription_attribute i, struct str value,
                                     const struct sns_attribute_context *x, struct buf *why)
{
    struct sns_delivery_policy unused;

    switch (i) {
    case SNS_SUB_RAW:
        if (x->lambda && str_eq_nocase(value, STR("true")))
            return no(
                why, "RawMessageDelivery: Delivery protocol [lambda] does not support raw message delivery.");
        return check_bool("RawMessageDelivery", value, why);
    case SNS_SUB_FILTER: return check_filter(value, x->scope, why);
    case SNS_SUB_SCOPE: return check_scope(value, x->filter, why);
    case SNS_SUB_REDRIVE: return check_redrive(value, x, why);
    case SNS_SUB_DELIVERY:
        if (!x->http && !str_empty(value))
            return no(why, "DeliveryPolicy: only http and https subscriptions have a delivery policy");
        return str_empty(value) ? 0 : sns_delivery_policy_parse(value, false, &unused, why);
    case SNS_N_SUBSCRIPTION_ATTRIBUTES: break;
    }
    return no(why, "AttributeName");
}

/* ---- keeping ---- */

void sns_attribute_put(struct str *text, struct str value)
{
    char *copy = NULL;

    if (!str_empty(value)) {
        copy = xmalloc(value.n + 1);
        memcpy(copy, value.p, value.n);
        copy[value.n] = 0;
    }
    CHECK(text->p == NULL || text->p != value.p); /* what is replaced cannot be what replaces it */
    free((char *)text->p);
    *text = str_make(copy, copy == NULL ? 0 : value.n);
}

static void write_texts(struct buf *b, const char *const *names, const struct str *text, int n)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    for (int i = 0; i < n; i++)
        jw_kstr(&w, names[i], text[i]);
    jw_object_end(&w);
}

static int read_texts(struct arena *a, struct str json, const char *const *names, struct str *text, int n)
{
    struct json *doc;

    if (json_parse(a, json, &doc, NULL) != 0 || doc->type != JSON_OBJECT)
        return -E_INVALID;
    for (int i = 0; i < n; i++)
        sns_attribute_put(&text[i], json_get_text(a, doc, str_of(names[i])));
    return 0;
}

void sns_topic_attributes_write(struct buf *b, const struct sns_topic_attributes *at)
{
    write_texts(b, topic_names, at->text, SNS_N_TOPIC_ATTRIBUTES);
}

int sns_topic_attributes_read(struct arena *a, struct str json, struct sns_topic_attributes *ret)
{
    int r = read_texts(a, json, topic_names, ret->text, SNS_N_TOPIC_ATTRIBUTES);
    struct json *doc;

    if (r == 0 && !str_absent(ret->text[SNS_POLICY]) && json_parse(a, ret->text[SNS_POLICY], &doc, NULL) != 0)
        return -E_INVALID; /* it is edited by statements later */
    return r;
}

void sns_subscription_attributes_write(struct buf *b, const struct sns_subscription_attributes *at)
{
    write_texts(b, subscription_names, at->text, SNS_N_SUBSCRIPTION_ATTRIBUTES);
}

int sns_subscription_attributes_read(struct arena *a, struct str json,
                                     struct sns_subscription_attributes *ret)
{
    return read_texts(a, json, subscription_names, ret->text, SNS_N_SUBSCRIPTION_ATTRIBUTES);
}
