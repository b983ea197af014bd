/* op_topic.c - topics: made, shown, changed, deleted. */
#include "base/least.h"
#include "service/sns/ops.h"
#include "service/sns/rows.h"

#define NAME_MOST 256

static bool is_topic_name(struct str name, bool fifo)
{
    struct str word = str_ends(name, STR(".fifo")) ? str_sub(name, 0, name.n - 5) : name;

    for (size_t i = 0; i < word.n; i++) {
        char ch = word.p[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' ||
              ch == '-'))
            return false;
    }
    return word.n >= 1 && name.n <= NAME_MOST && str_ends(name, STR(".fifo")) == fifo;
}

/* ---- CreateTopic ---- */

struct wanted {
    bool given[SNS_N_TOPIC_ATTRIBUTES];
    struct str text[SNS_N_TOPIC_ATTRIBUTES];
    bool fifo;
};

static int refuse(struct call *c, const char *prefix, struct str name)
{
    return sns_invalid(c, "%sWaybill does not support the attribute " STR_FMT, prefix, STR_ARG(name));
}

static int read_attributes(struct call *c, const struct sns_TopicAttributesMap *in, struct wanted *w)
{
    CLEANUP(buf_done) struct buf why = { 0 };

    for (size_t i = 0; i < in->n; i++)
        if (str_is(in->v[i].key, "FifoTopic"))
            w->fifo = str_eq_nocase(in->v[i].value, STR("true"));
    for (size_t i = 0; i < in->n; i++) {
        struct str value = str_absent(in->v[i].value) ? STR("") : in->v[i].value;
        bool refused;
        int at = sns_topic_attribute_find(in->v[i].key, &refused);

        if (refused && str_empty(value))
            continue; /* switched off, as it is */
        if (refused)
            return refuse(c, "Attributes Reason: ", in->v[i].key);
        if (at < 0) /* UNVERIFIED sentence */
            return sns_invalid(c, "Attributes Reason: Unknown attribute: " STR_FMT, STR_ARG(in->v[i].key));
        if (sns_topic_attribute_check((enum sns_topic_attribute)at, value, w->fifo, &why) != 0)
            return sns_invalid(c, "Attributes Reason: " STR_FMT, STR_ARG(buf_view(&why)));
        w->given[at] = true;
        w->text[at] = value;
    }
    return 0;
}

/* What a topic shows where nothing is set. */
static struct str standard(const struct sns_topic *t, int i)
{
    switch (i) {
    case SNS_FIFO_TOPIC:
    case SNS_CONTENT_DEDUPLICATION: return STR("false");
    case SNS_SIGNATURE_VERSION: return t->fifo ? STR("2") : STR("1");
    case SNS_FIFO_SCOPE: return STR("Topic");
    case SNS_TRACING: return STR("PassThrough");
    default: return STR("");
    }
}

static bool same_attributes(struct call *c, const struct sns_topic *t, const struct wanted *w)
{
    for (int i = 0; i < SNS_N_TOPIC_ATTRIBUTES; i++) {
        struct str have = t->attributes.text[i];

        if (i == SNS_POLICY)
            have = sns_topic_policy(c->mem, t);
        else if (str_absent(have))
            have = standard(t, i);
        if (w->given[i] && !str_eq(have, w->text[i]))
            return false;
    }
    return true;
}

static bool same_tags(const struct sns_topic *t, const struct sns_TagList *tags)
{
    for (size_t i = 0; i < tags->n; i++) {
        size_t k = 0;

        while (k < t->n_tags &&
               !(str_eq(t->tags[k].key, tags->v[i].Key) && str_eq(t->tags[k].value, tags->v[i].Value)))
            k++;
        if (k == t->n_tags)
            return false;
    }
    return tags->n == 0 || tags->n == t->n_tags;
}

static int make(struct call *c, const struct sns_CreateTopicInput *in, const struct wanted *w,
                struct sns_topic **ret)
{
    struct sns *s = CAST(struct sns, SNS_MAGIC, c->state);
    struct sns_topic *t;

    if (s->topics.n >= SNS_TOPICS_MOST)
        return call_fault(c, &sns_error_TopicLimitExceededException, "This server holds at most %d topics.",
                          SNS_TOPICS_MOST);
    t = sns_topic_new(s, store_next_id(c->turn->store), c->account, c->region, in->Name);
    for (int i = 0; i < SNS_N_TOPIC_ATTRIBUTES; i++)
        if (w->given[i])
            sns_attribute_put(&t->attributes.text[i], w->text[i]);
    for (size_t i = 0; i < in->Tags.n; i++)
        sns_topic_tag(t, in->Tags.v[i].Key, in->Tags.v[i].Value);
    sns_topic_derive(t);
    *ret = t;
    return MIN(0, sns_rows_add_topic(c->turn->store, t));
}

int sns_create_topic(struct call *c, const void *input, void *output)
{
    const struct sns_CreateTopicInput *in = input;
    struct sns_CreateTopicResponse *out = output;
    struct str arn = arena_printf(c->mem, "arn:aws:sns:" STR_FMT ":" STR_FMT ":" STR_FMT, STR_ARG(c->region),
                                  STR_ARG(c->account), STR_ARG(in->Name));
    struct wanted w = { 0 };
    struct sns_topic *t;

    if (sns_may_own(c, "sns:CreateTopic", arn) != 0)
        return -E_FAULT;
    if (!str_empty(in->DataProtectionPolicy))
        return refuse(c, "", STR("DataProtectionPolicy"));
    if (read_attributes(c, &in->Attributes, &w) != 0)
        return -E_FAULT;
    if (!is_topic_name(in->Name, w.fifo))
        return sns_invalid(c, "Topic Name");
    t = sns_topic_find(c->state, arn);
    if (sns_check_tags(c, NULL, &in->Tags) != 0)
        return -E_FAULT;
    if (t != NULL && !same_attributes(c, t, &w))
        return sns_invalid(c, "Attributes Reason: Topic already exists with different attributes");
    if (t != NULL && !same_tags(t, &in->Tags))
        return sns_invalid(c, "Tags Reason: Topic already exists with different tags");
    if (t == NULL) {
        int r = make(c, in, &w, &t);

        if (r != 0)
            return r;
    }
    out->TopicArn = arena_str(c->mem, t->arn);
    return 0;
}

/* ---- Delete, List ---- */

int sns_delete_topic(struct call *c, const void *input, void *output UNUSED)
{
    const struct sns_DeleteTopicInput *in = input;
    struct sns_topic *t;
    int r;

    if (sns_check_arn(c, in->TopicArn, "TopicArn") != 0)
        return -E_FAULT;
    t = sns_topic_find(c->state, in->TopicArn);
    if (t == NULL)
        return 0;
    if (sns_may(c, t, "sns:DeleteTopic") != 0)
        return -E_FAULT;
    r = sns_rows_drop_topic(c->turn->store, t->id);
    if (r >= 0)
        sns_topic_free(t);
    return MIN(0, r);
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = ((const struct sns_topic *)a)->id, y = ((const struct sns_topic *)b)->id;

    return (x > y) - (x < y);
}

int sns_list_topics(struct call *c, const void *input, void *output)
{
    const struct sns_ListTopicsInput *in = input;
    struct sns_ListTopicsResponse *out = output;
    const struct sns *s = CAST(struct sns, SNS_MAGIC, c->state);
    struct least page;
    uint64_t after;
    struct str key;
    void *value;

    if (sns_may_own(c, "sns:ListTopics", STR("*")) != 0)
        return -E_FAULT;
    if (sns_page_begin(c, in->NextToken, &after) != 0)
        return -E_FAULT;
    least_init(&page, c->mem, SNS_PAGE + 1, by_id);
    for (size_t i = 0; map_next(&s->topics, &i, &key, &value);) {
        struct sns_topic *t = CAST(struct sns_topic, SNS_TOPIC_MAGIC, value);

        if (t->id > after && str_eq(t->account, c->account) && str_eq(t->region, c->region))
            least_offer(&page, t);
    }
    least_sort(&page);
    out->Topics = (struct sns_TopicsList){ true, MIN(page.n, (size_t)SNS_PAGE),
                                           arena_calloc(c->mem, SNS_PAGE, sizeof(*out->Topics.v)) };
    for (size_t i = 0; i < out->Topics.n; i++)
        out->Topics.v[i].TopicArn = arena_str(c->mem, ((const struct sns_topic *)page.v[i])->arn);
    if (page.n > SNS_PAGE)
        out->NextToken = sns_page_token(c, ((const struct sns_topic *)page.v[SNS_PAGE - 1])->id);
    return 0;
}

/* ---- attributes ---- */

struct showing {
    struct call *c;
    struct sns_TopicAttributesMap *out;
};

#define SHOWN_MOST 24

static void show(struct showing *s, const char *name, struct str value)
{
    CHECK(s->out->n < SHOWN_MOST);
    s->out->v[s->out->n++] =
        (struct sns_TopicAttributesMap_entry){ str_of(name), arena_str(s->c->mem, value) };
}

static void show_number(struct showing *s, const char *name, size_t n)
{
    show(s, name, arena_printf(s->c->mem, "%zu", n));
}

static void show_set(struct showing *s, const struct sns_topic *t, enum sns_topic_attribute i)
{
    if (!str_absent(t->attributes.text[i]))
        show(s, sns_topic_attribute_name(i), t->attributes.text[i]);
}

static void show_or_standard(struct showing *s, const struct sns_topic *t, enum sns_topic_attribute i)
{
    show(s, sns_topic_attribute_name(i),
         str_absent(t->attributes.text[i]) ? standard(t, (int)i) : t->attributes.text[i]);
}

static void show_topic(struct showing *s, const struct sns_topic *t)
{
    CLEANUP(buf_done) struct buf effective = { 0 };
    const struct sns_delivery_policy none = { 0 };
    struct sns_delivery_policy policy;

    sns_delivery_policy_merge(&t->delivery, &none, &policy);
    sns_delivery_policy_show(&effective, &policy, true);
    show(s, "Owner", t->account);
    show(s, "TopicArn", t->arn);
    show_or_standard(s, t, SNS_DISPLAY_NAME);
    show(s, "Policy", sns_topic_policy(s->c->mem, t));
    show(s, "EffectiveDeliveryPolicy", buf_view(&effective));
    show_number(s, "SubscriptionsConfirmed", t->n_confirmed);
    show_number(s, "SubscriptionsPending", t->n_pending);
    show_number(s, "SubscriptionsDeleted", t->n_deleted);
    show_set(s, t, SNS_DELIVERY_POLICY);
    show_set(s, t, SNS_KMS_KEY);
    show_set(s, t, SNS_TRACING);
    if (!t->fifo) {
        show_set(s, t, SNS_SIGNATURE_VERSION);
        return;
    }
    show(s, "FifoTopic", STR("true"));
    show_or_standard(s, t, SNS_CONTENT_DEDUPLICATION);
    show_or_standard(s, t, SNS_SIGNATURE_VERSION);
    show_or_standard(s, t, SNS_FIFO_SCOPE);
}

int sns_get_topic_attributes(struct call *c, const void *input, void *output)
{
    const struct sns_GetTopicAttributesInput *in = input;
    struct sns_GetTopicAttributesResponse *out = output;
    struct showing s = { c, &out->Attributes };
    struct sns_topic *t;

    if (sns_topic_enter(c, in->TopicArn, "TopicArn", "sns:GetTopicAttributes", &t) != 0)
        return -E_FAULT;
    out->Attributes =
        (struct sns_TopicAttributesMap){ true, 0,
                                         arena_calloc(c->mem, SHOWN_MOST, sizeof(*out->Attributes.v)) };
    show_topic(&s, t);
    return 0;
}

int sns_set_topic_attributes(struct call *c, const void *input, void *output UNUSED)
{
    const struct sns_SetTopicAttributesInput *in = input;
    struct str value = str_absent(in->AttributeValue) ? STR("") : in->AttributeValue;
    CLEANUP(buf_done) struct buf why = { 0 };
    struct sns_topic *t;
    bool refused;
    int at = sns_topic_attribute_find(in->AttributeName, &refused);

    if (sns_topic_enter(c, in->TopicArn, "TopicArn", "sns:SetTopicAttributes", &t) != 0)
        return -E_FAULT;
    if (refused && str_empty(value))
        return 0; /* switched off, as it is */
    if (refused)
        return refuse(c, "", in->AttributeName);
    if (at < 0 || at == SNS_FIFO_TOPIC)
        return sns_invalid(c, "AttributeName");
    if (sns_topic_attribute_check((enum sns_topic_attribute)at, value, t->fifo, &why) != 0)
        return sns_invalid(c, STR_FMT, STR_ARG(buf_view(&why)));
    sns_attribute_put(&t->attributes.text[at], value);
    sns_topic_derive(t);
    return MIN(0, sns_rows_put_topic(c->turn->store, t));
}

/* ---- tags ---- */

static size_t code_points(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

/* Lengths are checked against the model. The sentences are UNVERIFIED. Ends at the first tag too many: a
 * request has room for tens of thousands. */
int sns_check_tags(struct call *c, const struct sns_topic *t, const struct sns_TagList *tags)
{
    size_t n = t != NULL ? t->n_tags : 0;

    CHECK(t == NULL || t->magic == SNS_TOPIC_MAGIC);
    for (size_t i = 0; i < tags->n; i++) {
        struct str key = tags->v[i].Key;
        bool known = false;

        if (code_points(key) < 1 || str_starts_nocase(key, STR("aws:")) || utf8_check(key) < key.n)
            return sns_invalid(c, "Tags Reason: the key " STR_FMT " is not allowed", STR_ARG(key));
        for (size_t k = 0; k < i; k++)
            if (str_eq(tags->v[k].Key, key))
                return sns_invalid(c, "Duplicated keys are not allowed.");
        for (size_t k = 0; t != NULL && k < t->n_tags; k++)
            known |= str_eq(t->tags[k].key, key);
        n += !known;
        if (n > SNS_TAGS_MOST)
            return call_fault(c, &sns_error_TagLimitExceededException,
                              "Could not complete request: tag quota of per resource exceeded");
    }
    return 0;
}

/* Tags have an error of their own for what does not exist. */
static int tagged(struct call *c, struct str arn, const char *action, struct sns_topic **ret)
{
    if (sns_check_arn(c, arn, "ResourceArn") != 0)
        return -E_FAULT;
    *ret = sns_topic_find(c->state, arn);
    if (*ret == NULL)
        return call_fault(c, &sns_error_ResourceNotFoundException, "Resource does not exist");
    return sns_may(c, *ret, action);
}

int sns_tag_resource(struct call *c, const void *input, void *output UNUSED)
{
    const struct sns_TagResourceRequest *in = input;
    struct sns_topic *t;

    if (tagged(c, in->ResourceArn, "sns:TagResource", &t) != 0 || sns_check_tags(c, t, &in->Tags) != 0)
        return -E_FAULT;
    for (size_t i = 0; i < in->Tags.n; i++)
        sns_topic_tag(t, in->Tags.v[i].Key, in->Tags.v[i].Value);
    return MIN(0, sns_rows_put_topic(c->turn->store, t));
}

int sns_untag_resource(struct call *c, const void *input, void *output UNUSED)
{
    const struct sns_UntagResourceRequest *in = input;
    struct sns_topic *t;

    if (tagged(c, in->ResourceArn, "sns:UntagResource", &t) != 0)
        return -E_FAULT;
    for (size_t i = 0; i < in->TagKeys.n; i++)
        sns_topic_untag(t, in->TagKeys.v[i]);
    return MIN(0, sns_rows_put_topic(c->turn->store, t));
}

int sns_list_tags(struct call *c, const void *input, void *output)
{
    const struct sns_ListTagsForResourceRequest *in = input;
    struct sns_ListTagsForResourceResponse *out = output;
    struct sns_topic *t;

    if (tagged(c, in->ResourceArn, "sns:ListTagsForResource", &t) != 0)
        return -E_FAULT;
    out->Tags =
        (struct sns_TagList){ true, t->n_tags, arena_calloc(c->mem, t->n_tags + 1, sizeof(*out->Tags.v)) };
    for (size_t i = 0; i < t->n_tags; i++)
        out->Tags.v[i] =
            (struct sns_Tag){ arena_str(c->mem, t->tags[i].key), arena_str(c->mem, t->tags[i].value) };
    return 0;
}
