/* attribute.c - one row per attribute; every rule about a single value hangs on its row's kind.
 *
 * True here: an attribute's text is its own and was checked by its row, when it was set or when it was read;
 * absent means that the row's default holds, so no default is kept. */
#include "service/sqs/attribute.h"

#include <stdlib.h>
#include "policy/policy.h"
#include "service/sqs/fault.h"
#include "service/sqs/redrive.h"

enum kind_of {
    READ_ONLY,
    NUMBER,
    SWITCH,
    KEY,
    POLICY,
    REDRIVE,
    REDRIVE_ALLOW,
    FIFO,
    FIFO_SWITCH,
    FIFO_CHOICE
};

struct row {
    const char *name;
    enum kind_of kind;
    int64_t min, max;
    const char *standard; /* the default; NULL: none.  Of FIFO rows: in a FIFO queue */
    const char *other;    /* FIFO_CHOICE: the other value */
};

static const struct row rows[SQS_N_ATTRIBUTES] = {
    [SQS_POLICY] = { "Policy", POLICY, 0, 0, NULL, NULL },
    [SQS_VISIBILITY_TIMEOUT] = { "VisibilityTimeout", NUMBER, 0, 43200, "30", NULL },
    [SQS_MAXIMUM_MESSAGE_SIZE] = { "MaximumMessageSize", NUMBER, 1024, 1048576, "1048576", NULL },
    [SQS_MESSAGE_RETENTION_PERIOD] = { "MessageRetentionPeriod", NUMBER, 60, 1209600, "345600", NULL },
    [SQS_MESSAGES] = { "ApproximateNumberOfMessages", READ_ONLY, 0, 0, NULL, NULL },
    [SQS_MESSAGES_NOT_VISIBLE] = { "ApproximateNumberOfMessagesNotVisible", READ_ONLY, 0, 0, NULL, NULL },
    [SQS_CREATED] = { "CreatedTimestamp", READ_ONLY, 0, 0, NULL, NULL },
    [SQS_LAST_MODIFIED] = { "LastModifiedTimestamp", READ_ONLY, 0, 0, NULL, NULL },
    [SQS_QUEUE_ARN] = { "QueueArn", READ_ONLY, 0, 0, NULL, NULL },
    [SQS_MESSAGES_DELAYED] = { "ApproximateNumberOfMessagesDelayed", READ_ONLY, 0, 0, NULL, NULL },
    [SQS_DELAY_SECONDS] = { "DelaySeconds", NUMBER, 0, 900, "0", NULL },
    [SQS_RECEIVE_WAIT] = { "ReceiveMessageWaitTimeSeconds", NUMBER, 0, 20, "0", NULL },
    [SQS_REDRIVE_POLICY] = { "RedrivePolicy", REDRIVE, 0, 0, NULL, NULL },
    [SQS_FIFO_QUEUE] = { "FifoQueue", FIFO, 0, 0, NULL, NULL },
    [SQS_CONTENT_DEDUPLICATION] = { "ContentBasedDeduplication", FIFO_SWITCH, 0, 0, "false", NULL },
    [SQS_KMS_KEY] = { "KmsMasterKeyId", KEY, 0, 0, NULL, NULL },
    [SQS_KMS_REUSE] = { "KmsDataKeyReusePeriodSeconds", NUMBER, 60, 86400, NULL, NULL },
    [SQS_DEDUPLICATION_SCOPE] = { "DeduplicationScope", FIFO_CHOICE, 0, 0, "queue", "messageGroup" },
    [SQS_FIFO_LIMIT] = { "FifoThroughputLimit", FIFO_CHOICE, 0, 0, "perQueue", "perMessageGroupId" },
    [SQS_REDRIVE_ALLOW_POLICY] = { "RedriveAllowPolicy", REDRIVE_ALLOW, 0, 0, NULL, NULL },
    [SQS_MANAGED_SSE] = { "SqsManagedSseEnabled", SWITCH, 0, 0, "true", NULL },
};

#define REUSE_DEFAULT "300"
#define KEY_MOST 2048
#define POLICY_MOST 20480 /* bytes of a queue policy; UNVERIFIED for SQS */

int sqs_attribute_find(struct str name)
{
    for (int i = 0; i < SQS_N_ATTRIBUTES; i++)
        if (str_is(name, rows[i].name))
            return i;
    return -1;
}

const char *sqs_attribute_name(enum sqs_attribute i)
{
    CHECK(i < SQS_N_ATTRIBUTES);
    return rows[i].name;
}

bool sqs_attribute_read_only(enum sqs_attribute i) { return rows[i].kind == READ_ONLY; }

struct str sqs_attribute_text(const struct sqs_attributes *at, enum sqs_attribute i)
{
    CHECK(i < SQS_N_ATTRIBUTES);
    if (!str_absent(at->text[i]))
        return at->text[i];
    if ((rows[i].kind == FIFO_SWITCH || rows[i].kind == FIFO_CHOICE) && str_absent(at->text[SQS_FIFO_QUEUE]))
        return STR_NONE;
    return str_of(rows[i].standard);
}

int64_t sqs_attribute_number(const struct sqs_attributes *at, enum sqs_attribute i)
{
    int64_t n;

    CHECK(i < SQS_N_ATTRIBUTES && rows[i].kind == NUMBER);
    CHECK(str_to_i64(sqs_attribute_text(at, i), &n) == 0);
    return n;
}

static int no_value(struct arena *a, enum sqs_attribute i, struct fault *ret)
{
    return fault_set(a, ret, &sqs_error_InvalidAttributeValue, "Invalid value for the parameter %s.",
                     rows[i].name);
}

static int no_name(struct arena *a, struct str name, struct fault *ret)
{
    return fault_set(a, ret, &sqs_error_InvalidAttributeName, "Unknown Attribute " STR_FMT ".",
                     STR_ARG(name));
}

static int check_number(struct arena *a, enum sqs_attribute i, struct str value, struct fault *ret)
{
    int64_t n;

    if (str_to_i64(value, &n) != 0 || n < rows[i].min || n > rows[i].max)
        return no_value(a, i, ret);
    return 0;
}

static int check_policy(struct arena *a, struct str value, struct fault *ret)
{
    struct policy *p = NULL;

    if (str_empty(value))
        return 0;
    if (value.n > POLICY_MOST || policy_parse(POLICY_RESOURCE, value, &p, NULL) != 0)
        return no_value(a, SQS_POLICY, ret);
    policy_free(p);
    return 0;
}

static int check_redrive(struct arena *a, enum sqs_attribute i, struct str value, struct fault *ret)
{
    struct sqs_redrive redrive;
    struct sqs_allow allow;
    struct str reason;
    int r;

    if (str_empty(value))
        return 0;
    r = i == SQS_REDRIVE_POLICY ? sqs_redrive_parse(a, value, &redrive, &reason)
                                : sqs_allow_parse(a, value, &allow, &reason);
    return r == 0 ? 0 : sqs_no_value(a, ret, value, rows[i].name, arena_z(a, reason));
}

static bool is_switch(struct str value) { return str_is(value, "true") || str_is(value, "false"); }

/* A queue is FIFO by its name and the attribute together, for ever. */
static int check_fifo(struct arena *a, struct str value, bool fifo, bool is_new, struct fault *ret)
{
    if (!fifo || (is_new && str_is(value, "false")))
        return no_name(a, str_of(rows[SQS_FIFO_QUEUE].name), ret);
    if (str_is(value, "true"))
        return 0;
    if (str_is(value, "false"))
        return fault_set(
            a, ret, &sqs_error_InvalidAttributeValue,
            "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.");
    return no_value(a, SQS_FIFO_QUEUE, ret);
}

static int check_choice(struct arena *a, enum sqs_attribute i, struct str value, bool fifo, struct fault *ret)
{
    CHECK(rows[i].standard != NULL && rows[i].other != NULL);
    if (!fifo)
        return fault_set(a, ret, &sqs_error_InvalidAttributeName,
                         "You can specify the %s only when FifoQueue is set to true.", rows[i].name);
    return str_is(value, rows[i].standard) || str_is(value, rows[i].other) ? 0 : no_value(a, i, ret);
}

static int check_value(struct arena *a, enum sqs_attribute i, struct str value, bool fifo, bool is_new,
                       struct fault *ret)
{
    switch (rows[i].kind) {
    case READ_ONLY: return no_name(a, str_of(rows[i].name), ret);
    case FIFO: return check_fifo(a, value, fifo, is_new, ret);
    case FIFO_SWITCH:
        if (!fifo)
            return no_name(a, str_of(rows[i].name), ret);
        return is_switch(value) ? 0 : no_value(a, i, ret);
    case FIFO_CHOICE: return check_choice(a, i, value, fifo, ret);
    case NUMBER: return check_number(a, i, value, ret);
    case SWITCH: return is_switch(value) ? 0 : no_value(a, i, ret);
    case KEY: return value.n <= KEY_MOST && utf8_check(value) == value.n ? 0 : no_value(a, i, ret);
    case POLICY: return check_policy(a, value, ret);
    case REDRIVE:
    case REDRIVE_ALLOW: return check_redrive(a, i, value, ret);
    }
    return 0;
}

/* One kind of encryption at a time.  That a queue with a key refuses SqsManagedSseEnabled=true in a later
 * call as well as in the same one is UNVERIFIED. */
static int check_encryption(struct arena *a, const struct sqs_attributes *old,
                            const struct sqs_change *change, struct fault *ret)
{
    struct str key = change->given[SQS_KMS_KEY] ? change->text[SQS_KMS_KEY]
                     : old != NULL              ? old->text[SQS_KMS_KEY]
                                                : STR_NONE;

    if (!str_empty(key) && change->given[SQS_MANAGED_SSE] && str_is(change->text[SQS_MANAGED_SSE], "true"))
        return fault_set(a, ret, &sqs_error_InvalidAttributeName,
                         "You can use one type of server-side encryption (SSE) "
                         "at one time. You can either enable KMS SSE or SQS SSE.");
    return 0;
}

static bool will_be(const struct sqs_attributes *old, const struct sqs_change *change, enum sqs_attribute i,
                    const char *value)
{
    return str_is(change->given[i] ? change->text[i] : old != NULL ? old->text[i] : STR_NONE, value);
}

/* AWS SQS API reference, SetQueueAttributes: perMessageGroupId only with DeduplicationScope messageGroup. The
 * sentence is UNVERIFIED. */
static int check_throughput(struct arena *a, const struct sqs_attributes *old,
                            const struct sqs_change *change, struct fault *ret)
{
    if (will_be(old, change, SQS_FIFO_LIMIT, "perMessageGroupId") &&
        !will_be(old, change, SQS_DEDUPLICATION_SCOPE, "messageGroup"))
        return fault_set(a, ret, &sqs_error_InvalidAttributeValue,
                         "Invalid value for the parameter FifoThroughputLimit. Reason: "
                         "perMessageGroupId is allowed only when DeduplicationScope is messageGroup.");
    return 0;
}

int sqs_attribute_change(struct arena *a, const struct sqs_QueueAttributeMap *in, bool fifo,
                         const struct sqs_attributes *old, struct sqs_change *ret, struct fault *ret_fault)
{
    *ret = (struct sqs_change){ 0 };
    for (size_t k = 0; k < in->n; k++) {
        int i = sqs_attribute_find(in->v[k].key);
        struct str value = str_absent(in->v[k].value) ? STR("") : in->v[k].value;

        if (i < 0)
            return no_name(a, in->v[k].key, ret_fault);
        if (check_value(a, (enum sqs_attribute)i, value, fifo, old == NULL, ret_fault) != 0)
            return -E_FAULT;
        ret->given[i] = true;
        ret->text[i] = value;
    }
    if (check_throughput(a, old, ret, ret_fault) != 0)
        return -E_FAULT;
    return check_encryption(a, old, ret, ret_fault);
}

static bool removes(int i, struct str value)
{
    return i == SQS_KMS_REUSE ? str_is(value, REUSE_DEFAULT) : str_empty(value);
}

static void put(struct sqs_attributes *at, int i, struct str value)
{
    char *copy = NULL;

    if (!str_absent(value)) {
        copy = xmalloc(value.n + 1);
        memcpy(copy, value.p, value.n);
        copy[value.n] = 0;
    }
    free((char *)at->text[i].p);
    at->text[i] = str_make(copy, value.n);
}

void sqs_attribute_apply(struct sqs_attributes *at, const struct sqs_change *change)
{
    for (int i = 0; i < SQS_N_ATTRIBUTES; i++)
        if (change->given[i]) {
            CHECK(rows[i].kind != READ_ONLY && !str_absent(change->text[i]));
            put(at, i, removes(i, change->text[i]) ? STR_NONE : change->text[i]);
        }
    if (change->given[SQS_KMS_KEY] && !str_empty(change->text[SQS_KMS_KEY]))
        put(at, SQS_MANAGED_SSE, STR("false"));
}

int sqs_attribute_differs(const struct sqs_attributes *at, const struct sqs_change *change)
{
    for (int i = 0; i < SQS_N_ATTRIBUTES; i++) {
        struct str have = sqs_attribute_text(at, (enum sqs_attribute)i);

        if (i == SQS_KMS_REUSE && str_absent(have))
            have = STR(REUSE_DEFAULT);
        if (change->given[i] && !str_eq(have, change->text[i]))
            return i;
    }
    return -1;
}

void sqs_attribute_done(struct sqs_attributes *at)
{
    for (int i = 0; i < SQS_N_ATTRIBUTES; i++)
        free((char *)at->text[i].p);
    *at = (struct sqs_attributes){ 0 };
}

void sqs_attribute_write(struct buf *b, const struct sqs_attributes *at)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    for (int i = 0; i < SQS_N_ATTRIBUTES; i++)
        jw_kstr(&w, rows[i].name, at->text[i]);
    jw_object_end(&w);
}

/* What others count and compare with must be what was checked when it was set. */
static bool stored_right(struct arena *a, enum sqs_attribute i, struct str text)
{
    struct sqs_redrive redrive;
    struct str reason;
    struct json *doc;
    int64_t n;

    if (rows[i].kind == NUMBER)
        return str_to_i64(text, &n) == 0 && n >= 0 && n <= INT32_MAX;
    if (i == SQS_POLICY)
        return str_empty(text) || json_parse(a, text, &doc, NULL) == 0;
    return i != SQS_REDRIVE_POLICY || sqs_redrive_parse(a, text, &redrive, &reason) == 0;
}

int sqs_attribute_read(struct arena *a, struct str json, struct sqs_attributes *ret)
{
    struct json *doc;

    if (json_parse(a, json, &doc, NULL) != 0 || doc->type != JSON_OBJECT)
        return -E_INVALID;
    *ret = (struct sqs_attributes){ 0 };
    JSON_EACH(doc, member) {
        int i = sqs_attribute_find(json_key(a, member));

        if (i >= 0 && member->type == JSON_STRING)
            put(ret, i, json_text(a, member));
    }
    for (int i = 0; i < SQS_N_ATTRIBUTES; i++)
        if (!str_absent(ret->text[i]) && !stored_right(a, (enum sqs_attribute)i, ret->text[i]))
            return -E_INVALID;
    return 0;
}
