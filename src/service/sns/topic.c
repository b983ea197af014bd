/* topic.c - topics and subscriptions in memory: making, finding, deriving, ending. */
#include "service/sns/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include "policy/text.h"
#include "service/sns/rows.h"
#include "service/sns/seen.h"

static const char *const protocol_names[SNS_N_PROTOCOLS] = { "sqs", "lambda", "http", "https" };

const char *sns_protocol_name(enum sns_protocol p) { return protocol_names[p]; }

static struct str own_text(const struct buf *b) { return str_own(buf_view(b)); }

static struct str id_key(const uint64_t *id) { return str_make((const char *)id, sizeof(*id)); }

/* ---- topics ---- */

struct sns_topic *sns_topic_new(struct sns *s, uint64_t id, struct str account, struct str region,
                                struct str name)
{
    CLEANUP(buf_done) struct buf arn = { 0 };
    struct sns_topic *t = xcalloc(1, sizeof(*t));

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

    CHECK(t->magic == SNS_TOPIC_MAGIC);
    while ((k = list_first(&t->subscriptions)) != NULL)
        sns_subscription_free(CONTAINER_OF(k, struct sns_subscription, link));
    map_del(&t->owner->topics, t->arn);
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

struct sns_topic *sns_topic_find(const struct sns *s, struct str arn) { return map_get(&s->topics, arn); }

/* ---- subscriptions ---- */

struct sns_subscription *sns_subscription_new(struct sns_topic *t, const struct sns_subscription_init *i)
{
    CLEANUP(buf_done) struct buf arn = { 0 };
    struct sns_subscription *sub;

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
                                      .state = SNS_CONFIRMED };
    list_append(&t->subscriptions, &sub->link);
    t->n_confirmed++;
    CHECK(map_put(&t->owner->subscriptions, sub->arn, sub) == NULL);
    CHECK(map_put(&t->owner->subscriptions_by_id, id_key(&sub->id), sub) == NULL);
    sns_subscription_enter(sub, i->state, i->state_ms);
    return sub;
}

static void leave(struct sns_subscription *sub)
{
    struct sns_topic *t = sub->topic;

    t->n_confirmed -= sub->state == SNS_CONFIRMED;
    t->n_pending -= sub->state == SNS_PENDING;
    list_remove(&sub->expiring);
}

void sns_subscription_enter(struct sns_subscription *sub, enum sns_subscription_state state, int64_t now_ms)
{
    struct sns_topic *t = sub->topic;
    struct link *at = &t->owner->expiring.head;

    leave(sub);
    sub->state = state;
    sub->state_ms = now_ms;
    t->n_confirmed += state == SNS_CONFIRMED;
    t->n_pending += state == SNS_PENDING;
    if (state == SNS_CONFIRMED)
        return;
    while (at->prev != &t->owner->expiring.head &&
           CONTAINER_OF(at->prev, struct sns_subscription, expiring)->state_ms > now_ms)
        at = at->prev;
    list_insert_before(at, &sub->expiring);
}

void sns_subscription_free(struct sns_subscription *sub)
{
    struct sns *s = sub->topic->owner;

    CHECK(sub->magic == SNS_SUBSCRIPTION_MAGIC);
    leave(sub);
    list_remove(&sub->link);
    map_del(&s->subscriptions, sub->arn);
    map_del(&s->subscriptions_by_id, id_key(&sub->id));
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
    return map_get(&s->subscriptions, arn);
}

struct sns_subscription *sns_subscription_by_id(const struct sns *s, uint64_t id)
{
    return map_get(&s->subscriptions_by_id, id_key(&id));
}

/* ---- what was never confirmed ---- */

void sns_expiry_arm(struct sns *s, struct turn *t)
{
    struct link *first = list_first(&s->expiring);

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

    while ((k = list_first(&s->expiring)) != NULL) {
        struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, expiring);

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

    for (size_t at = 0; map_next(&s->topics, &at, &key, &topic); at = 0)
        sns_topic_free(topic);
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
