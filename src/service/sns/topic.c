/* topic.c - topics and subscriptions in memory: making, finding, deriving, ending.
 *
 * True here: a topic is in sns.topics under its ARN; a subscription is in its topic's list and in both tables
 * of all subscriptions; stand() and leave() are the only places that change a topic's figures and the list of
 * what expires, which is sorted by state_ms and holds exactly those that are not CONFIRMED. */
#include "service/sns/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/id.h"
#include "base/state.h"
#include "policy/text.h"
#include "service/sns/rows.h"
#include "service/sns/seen.h"

static const char *const protocol_names[SNS_N_PROTOCOLS] = { "sqs", "lambda", "http", "https" };

const char *sns_protocol_name(enum sns_protocol p)
{
    CHECK(p < SNS_N_PROTOCOLS);
    return protocol_names[p];
}

/* The drawing stands in topic.h; who leaves for good is freed. */
#define TO(s) STATE_BIT(SNS_##s)
static const struct state subscription_states[] = {
    [SNS_PENDING] = { "pending", TO(CONFIRMED) },
    [SNS_CONFIRMED] = { "confirmed", TO(ENDED) },
    [SNS_ENDED] = { "ended", TO(CONFIRMED) },
};
static const struct states subscription_machine = STATES("SNS subscription", subscription_states);
#undef TO

static struct str own_text(const struct buf *b) { return str_own(buf_view(b)); }

static struct str id_key(const uint64_t *id) { return str_make((const char *)id, sizeof(*id)); }

/* ---- topics ---- */

struct sns_topic *sns_topic_new(struct sns *s, uint64_t id, struct str account, struct str region,
                                struct str name)
{
    CLEANUP(buf_done) struct buf arn = { 0 };
    struct sns_topic *t = xcalloc(1, sizeof(*t));

    CHECK_IS(s, SNS_MAGIC);
    buf_printf(&arn, "arn:aws:sns:" STR_FMT ":" STR_FMT ":" STR_FMT, STR_ARG(region), STR_ARG(account),
               STR_ARG(name));
    t->magic = SNS_TOPIC_MAGIC;
    t->owner = s;
    t->id = id;
    t->account = str_own(account);
    t->region = str_own(region);
    t->name = str_own(name);
    t->arn = own_text(&arn);
    list_init(&t->subscriptions);
    CHECK(map_put(&s->topics, t->arn, t) == NULL);
    return t;
}

void sns_topic_free(struct sns_topic *t)
{
    struct link *k;

    CHECK_IS(t, SNS_TOPIC_MAGIC);
    while ((k = list_first(&t->subscriptions)) != NULL)
        sns_subscription_free(CONTAINER_OF(k, struct sns_subscription, link));
    CHECK(t->n_confirmed == 0 && t->n_pending == 0);
    CHECK(map_del(&t->owner->topics, t->arn) == t);
    for (int i = 0; i < SNS_N_TOPIC_ATTRIBUTES; i++)
        sns_attribute_put(&t->attributes.text[i], STR_NONE);
    for (size_t i = 0; i < t->n_tags; i++) {
        str_drop(&t->tags[i].key);
        str_drop(&t->tags[i].value);
    }
    free(t->tags);
    policy_free(t->policy);
    policy_free(t->for_services);
    str_drop(&t->account);
    str_drop(&t->region);
    str_drop(&t->name);
    str_drop(&t->arn);
    t->magic = 0;
    free(t);
}

/* As AWS writes it when nobody set one. */
static struct str default_policy(struct arena *a, const struct sns_topic *t)
{
    return arena_printf(a,
                        "{\"Version\":\"2008-10-17\",\"Id\":\"__default_policy_ID\",\"Statement\":[{\"Sid\":"
                        "\"__default_statement_ID\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},"
                        "\"Action\":[\"SNS:GetTopicAttributes\","
                        "\"SNS:SetTopicAttributes\",\"SNS:AddPermission\",\"SNS:RemovePermission\",\"SNS:"
                        "DeleteTopic\",\"SNS:Subscribe\","
                        "\"SNS:ListSubscriptionsByTopic\",\"SNS:Publish\"],\"Resource\":\"" STR_FMT
                        "\",\"Condition\":{\"StringEquals\":"
                        "{\"AWS:SourceOwner\":\"" STR_FMT "\"}}}]}",
                        STR_ARG(t->arn), STR_ARG(t->account));
}

struct str sns_topic_policy(struct arena *a, const struct sns_topic *t)
{
    struct str set = t->attributes.text[SNS_POLICY];

    CHECK_IS(t, SNS_TOPIC_MAGIC);
    return str_absent(set) ? default_policy(a, t) : arena_str(a, set);
}

static bool is_true(struct str s) { return str_eq_nocase(s, STR("true")); }

/* The default statement is for people of the account: EventBridge and S3 need one of their own at AWS. */
static void derive_policies(struct sns_topic *t, struct arena *a)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct str text = sns_topic_policy(a, t);
    size_t others;

    t->policy = policy_free(t->policy);
    t->for_services = policy_free(t->for_services);
    if (policy_parse(POLICY_RESOURCE, text, &t->policy, NULL) != 0)
        return;
    (void)policy_text_has(a, text, SNS_DEFAULT_STATEMENT, &others);
    if (others == 0)
        return;
    policy_text_edit(&b, a, text, SNS_DEFAULT_STATEMENT, STR_NONE);
    (void)policy_parse(POLICY_RESOURCE, buf_view(&b), &t->for_services, NULL);
}

void sns_topic_derive(struct sns_topic *t)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    const struct str *text = t->attributes.text;

    CHECK_IS(t, SNS_TOPIC_MAGIC);
    t->fifo = is_true(text[SNS_FIFO_TOPIC]);
    t->content_deduplication = is_true(text[SNS_CONTENT_DEDUPLICATION]);
    t->group_scope = str_is(text[SNS_FIFO_SCOPE], "MessageGroup");
    t->signature_version =
        str_is(text[SNS_SIGNATURE_VERSION], "2") || (t->fifo && str_absent(text[SNS_SIGNATURE_VERSION])) ? 2
                                                                                                         : 1;
    derive_policies(t, a);
    t->delivery = (struct sns_delivery_policy){ 0 };
    if (!str_absent(text[SNS_DELIVERY_POLICY]))
        (void)sns_delivery_policy_parse(text[SNS_DELIVERY_POLICY], true, &t->delivery, NULL);
}

void sns_topic_tag(struct sns_topic *t, struct str key, struct str value)
{
    CHECK_IS(t, SNS_TOPIC_MAGIC);
    for (size_t i = 0; i < t->n_tags; i++)
        if (str_eq(t->tags[i].key, key)) {
            str_drop(&t->tags[i].value);
            t->tags[i].value = str_own(value);
            return;
        }
    t->tags = xrealloc(t->tags, (t->n_tags + 1) * sizeof(*t->tags));
    t->tags[t->n_tags++] = (struct sns_tag){ str_own(key), str_own(value) };
}

void sns_topic_untag(struct sns_topic *t, struct str key)
{
    CHECK_IS(t, SNS_TOPIC_MAGIC);
    for (size_t i = 0; i < t->n_tags; i++) {
        if (!str_eq(t->tags[i].key, key))
            continue;
        str_drop(&t->tags[i].key);
        str_drop(&t->tags[i].value);
        memmove(&t->tags[i], &t->tags[i + 1], (t->n_tags - i - 1) * sizeof(*t->tags));
        t->n_tags--;
        return;
    }
}

struct sns_topic *sns_topic_find(const struct sns *s, struct str arn)
{
    struct sns_topic *t;

    CHECK_IS(s, SNS_MAGIC);
    t = map_get(&s->topics, arn);
    CHECK(t == NULL || (t->magic == SNS_TOPIC_MAGIC && t->owner == s));
    return t;
}

/* ---- subscriptions ---- */

static void stand(struct sns_subscription *sub, int64_t since_ms);

struct sns_subscription *sns_subscription_new(struct sns_topic *t, const struct sns_subscription_init *i)
{
    CLEANUP(buf_done) struct buf arn = { 0 };
    struct sns_subscription *sub;

    CHECK_IS(t, SNS_TOPIC_MAGIC);
    CHECK(i->protocol < SNS_N_PROTOCOLS && i->state <= SNS_ENDED && i->uuid.n == UUID_TEXT);
    buf_printf(&arn, STR_FMT ":" STR_FMT, STR_ARG(t->arn), STR_ARG(i->uuid));
    if (map_get(&t->owner->subscriptions, buf_view(&arn)) != NULL)
        return NULL;
    sub = xcalloc(1, sizeof(*sub));
    *sub = (struct sns_subscription){ .magic = SNS_SUBSCRIPTION_MAGIC,
                                      .topic = t,
                                      .id = i->id,
                                      .uuid = str_own(i->uuid),
                                      .arn = own_text(&arn),
                                      .owner = str_own(i->owner),
                                      .endpoint = str_own(i->endpoint),
                                      .token = str_own(i->token),
                                      .host = str_own(i->host),
                                      .protocol = i->protocol,
                                      .state = i->state };
    list_append(&t->subscriptions, &sub->link);
    CHECK(map_put(&t->owner->subscriptions, sub->arn, sub) == NULL);
    CHECK(map_put(&t->owner->subscriptions_by_id, id_key(&sub->id), sub) == NULL);
    stand(sub, i->state_ms);
    return sub;
}

static void leave(struct sns_subscription *sub)
{
    struct sns_topic *t = sub->topic;

    CHECK(sub->state != SNS_CONFIRMED || t->n_confirmed > 0);
    CHECK(sub->state != SNS_PENDING || t->n_pending > 0);
    CHECK(link_on(&sub->expiring) == (sub->state != SNS_CONFIRMED));
    t->n_confirmed -= sub->state == SNS_CONFIRMED;
    t->n_pending -= sub->state == SNS_PENDING;
    list_remove(&sub->expiring);
}

/* Takes its place: in the figures, and among those that expire. */
static void stand(struct sns_subscription *sub, int64_t since_ms)
{
    struct sns_topic *t = sub->topic;
    struct link *at = &t->owner->expiring.head;

    CHECK(!link_on(&sub->expiring));
    sub->state_ms = since_ms;
    t->n_confirmed += sub->state == SNS_CONFIRMED;
    t->n_pending += sub->state == SNS_PENDING;
    if (sub->state == SNS_CONFIRMED)
        return;
    while (at->prev != &t->owner->expiring.head &&
           CONTAINER_OF(at->prev, struct sns_subscription, expiring)->state_ms > since_ms)
        at = at->prev;
    list_insert_before(at, &sub->expiring);
}

void sns_subscription_enter(struct sns_subscription *sub, enum sns_subscription_state state, int64_t now_ms)
{
    CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
    leave(sub);
    STATE_MOVE(&subscription_machine, sub->state, state);
    stand(sub, now_ms);
}

void sns_subscription_free(struct sns_subscription *sub)
{
    struct sns *s = sub->topic->owner;

    CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
    leave(sub);
    list_remove(&sub->link);
    CHECK(map_del(&s->subscriptions, sub->arn) == sub);
    CHECK(map_del(&s->subscriptions_by_id, id_key(&sub->id)) == sub);
    for (int i = 0; i < SNS_N_SUBSCRIPTION_ATTRIBUTES; i++)
        sns_attribute_put(&sub->attributes.text[i], STR_NONE);
    pattern_free(sub->filter);
    str_drop(&sub->dead_letter_arn);
    str_drop(&sub->uuid);
    str_drop(&sub->arn);
    str_drop(&sub->owner);
    str_drop(&sub->endpoint);
    str_drop(&sub->token);
    str_drop(&sub->host);
    sub->magic = 0;
    free(sub);
}

static void derive_redrive(struct sns_subscription *sub, struct arena *a)
{
    struct str text = sub->attributes.text[SNS_SUB_REDRIVE];
    struct json *doc;

    str_drop(&sub->dead_letter_arn);
    if (!str_absent(text) && json_parse(a, text, &doc, NULL) == 0)
        sub->dead_letter_arn = str_own(json_get_text(a, doc, STR("deadLetterTargetArn")));
}

static int derive_filter(struct sns_subscription *sub, struct arena *a)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct str text = sub->attributes.text[SNS_SUB_FILTER];
    struct json *doc;

    sub->filter = pattern_free(sub->filter);
    if (str_absent(text) || (json_parse(a, text, &doc, NULL) == 0 && doc->n == 0))
        return 0;
    return pattern_compile(sub->scope_body ? PATTERN_SNS_BODY : PATTERN_SNS_ATTRIBUTES, text, &sub->filter,
                           &why);
}

int sns_subscription_derive(struct sns_subscription *sub)
{
    int r;

    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    const struct str *text = sub->attributes.text;

    CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
    sub->raw = is_true(text[SNS_SUB_RAW]);
    sub->scope_body = str_is(text[SNS_SUB_SCOPE], "MessageBody");
    r = derive_filter(sub, a);
    derive_redrive(sub, a);
    sub->delivery = (struct sns_delivery_policy){ 0 };
    if (!str_absent(text[SNS_SUB_DELIVERY]))
        (void)sns_delivery_policy_parse(text[SNS_SUB_DELIVERY], false, &sub->delivery, NULL);
    return r;
}

struct sns_subscription *sns_subscription_find(const struct sns *s, struct str arn)
{
    struct sns_subscription *sub;

    CHECK_IS(s, SNS_MAGIC);
    sub = map_get(&s->subscriptions, arn);
    CHECK(sub == NULL || sub->magic == SNS_SUBSCRIPTION_MAGIC);
    return sub;
}

struct sns_subscription *sns_subscription_by_id(const struct sns *s, uint64_t id)
{
    struct sns_subscription *sub;

    CHECK_IS(s, SNS_MAGIC);
    sub = map_get(&s->subscriptions_by_id, id_key(&id));
    CHECK(sub == NULL || (sub->magic == SNS_SUBSCRIPTION_MAGIC && sub->id == id));
    return sub;
}

/* ---- what was never confirmed ---- */

void sns_expiry_arm(struct sns *s, struct turn *t)
{
    struct link *first = list_first(&s->expiring);

    CHECK_IS(s, SNS_MAGIC);
    if (first == NULL)
        timer_cancel(t, &s->expiry);
    else
        timer_set(t, &s->expiry,
                  CONTAINER_OF(first, struct sns_subscription, expiring)->state_ms + SNS_PENDING_MS);
}

void sns_expiry_fire(struct timer *tm, struct turn *t)
{
    struct sns *s = CONTAINER_OF(tm, struct sns, expiry);
    struct link *k;

    CHECK_IS(s, SNS_MAGIC);
    while ((k = list_first(&s->expiring)) != NULL) {
        struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, expiring);

        CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
        CHECK(sub->state != SNS_CONFIRMED);
        if (sub->state_ms + SNS_PENDING_MS > t->now.wall_ms ||
            sns_rows_drop_subscription(t->store, sub->id) < 0)
            break;
        sns_subscription_free(sub);
    }
    if (list_empty(&s->expiring) ||
        CONTAINER_OF(list_first(&s->expiring), struct sns_subscription, expiring)->state_ms + SNS_PENDING_MS >
            t->now.wall_ms)
        sns_expiry_arm(s, t);
}

void sns_clear(struct sns *s, struct turn *t)
{
    struct str key;
    void *topic;

    CHECK_IS(s, SNS_MAGIC);
    for (size_t at = 0; map_next(&s->topics, &at, &key, &topic); at = 0)
        sns_topic_free(CAST(struct sns_topic, SNS_TOPIC_MAGIC, topic));
    CHECK(s->subscriptions.n == 0 && s->subscriptions_by_id.n == 0 && list_empty(&s->expiring));
    sns_seen_clear(s);
    map_done(&s->topics);
    map_done(&s->subscriptions);
    map_done(&s->subscriptions_by_id);
    if (t != NULL) {
        timer_cancel(t, &s->expiry);
        timer_cancel(t, &s->forget);
    }
    s->key = sign_key_free(s->key);
    s->epoch++;
    elsewhere_forget(&s->elsewhere);
    sns_lines_clear(&s->lines);
}
