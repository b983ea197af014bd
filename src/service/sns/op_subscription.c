/* op_subscription.c - subscriptions: made, confirmed, shown, changed, ended. */
#include "base/arn.h"
#include "base/least.h"
#include "service/sns/deliver.h"
#include "service/sns/ops.h"
#include "service/sns/rows.h"

#define TOKEN_DIGITS 128
#define ENDPOINT_MOST 2048
#define PENDING_SHOWN "PendingConfirmation"

/* ---- what is asked for ---- */

struct wanted {
    enum sns_protocol protocol;
    bool given[SNS_N_SUBSCRIPTION_ATTRIBUTES];
    struct str text[SNS_N_SUBSCRIPTION_ATTRIBUTES];
};

static bool is_http(enum sns_protocol p) { return p == SNS_HTTP || p == SNS_HTTPS; }

static int check_protocol(struct call *c, struct str name, enum sns_protocol *ret)
{
    static const char *const elsewhere[] = { "email", "email-json", "sms", "application", "firehose" };

    for (int p = 0; p < SNS_N_PROTOCOLS; p++)
        if (str_is(name, sns_protocol_name((enum sns_protocol)p))) {
            *ret = (enum sns_protocol)p;
            return 0;
        }
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
        if (str_is(name, elsewhere[i]))
            return sns_invalid(c, "Protocol Reason: Waybill does not deliver to %s", elsewhere[i]);
    return sns_invalid(c, "Amazon SNS does not support this protocol string: " STR_FMT, STR_ARG(name));
}

/* UNVERIFIED sentences, but for the one about the wrong scheme. */
static int check_url(struct call *c, enum sns_protocol p, struct str url)
{
    struct str rest = url, authority;

    if (!str_starts(url, p == SNS_HTTP ? STR("http://") : STR("https://")))
        return sns_invalid(c, "Endpoint must match the specified protocol");
    rest = str_sub(url, p == SNS_HTTP ? 7 : 8, url.n);
    authority = rest;
    for (size_t i = 0; i < rest.n; i++) {
        unsigned char ch = (unsigned char)rest.p[i];

        if (ch <= 0x20 || ch >= 0x7f)
            return sns_invalid(c, "Endpoint Reason: a URL may not contain the byte 0x%02x", ch);
        if ((ch == '/' || ch == '?' || ch == '#') && authority.n == rest.n)
            authority = str_sub(rest, 0, i);
    }
    if (str_empty(authority) || url.n > ENDPOINT_MOST)
        return sns_invalid(c, "Endpoint");
    if (str_find(authority, '@') >= 0)
        return sns_invalid(c, "Endpoint Reason: Waybill does not send credentials of a URL");
    return 0;
}

static int check_endpoint(struct call *c, const struct sns_topic *t, enum sns_protocol p, struct str endpoint)
{
    struct arn arn;
    bool fifo_queue = p == SNS_SQS && str_ends(endpoint, STR(".fifo"));

    if (str_empty(endpoint))
        return sns_invalid(c, "Endpoint"); /* UNVERIFIED */
    if (t->fifo && p != SNS_SQS)           /* UNVERIFIED */
        return sns_invalid(c, "Invalid parameter: Endpoint Reason: Please use FIFO SQS queue");
    if (is_http(p))
        return check_url(c, p, endpoint);
    if (arn_parse(endpoint, &arn) != 0 || !str_is(arn.service, sns_protocol_name(p)) ||
        str_empty(arn.resource) || str_empty(arn.account))
        return p == SNS_SQS ? sns_invalid(c, "SQS endpoint ARN") : sns_invalid(c, "Lambda endpoint ARN");
    if (fifo_queue && !t->fifo)
        return sns_invalid(c, "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to "
                              "standard SNS topics");
    /* At AWS the other account would get a message to confirm with. */
    if (!str_eq(arn.account, c->account))
        return sns_invalid(
            c, "Endpoint Reason: Waybill subscribes an endpoint only for the account it belongs to");
    return 0;
}

static struct sns_attribute_context context_of(const struct sns_topic *t, enum sns_protocol p,
                                               struct str endpoint, struct str owner)
{
    return (struct sns_attribute_context){ .http = is_http(p),
                                           .lambda = p == SNS_LAMBDA,
                                           .account = owner,
                                           .region = t->region,
                                           .fifo = t->fifo && str_ends(endpoint, STR(".fifo")) };
}

static int refuse(struct call *c, const char *prefix, struct str name)
{
    return sns_invalid(c, "%sWaybill does not support the attribute " STR_FMT, prefix, STR_ARG(name));
}

static int read_attributes(struct call *c, const struct sns_SubscriptionAttributesMap *in,
                           struct sns_attribute_context *x, struct wanted *w)
{
    CLEANUP(buf_done) struct buf why = { 0 };

    for (size_t i = 0; i < in->n; i++) {
        bool refused;
        int at = sns_subscription_attribute_find(in->v[i].key, &refused);

        if (refused)
            return refuse(c, "Attributes Reason: ", in->v[i].key);
        if (at < 0)
            return sns_invalid(c, "Attributes Reason: Unknown attribute: " STR_FMT,
                               STR_ARG(in->v[i].key)); /* UNVERIFIED */
        w->given[at] = true;
        w->text[at] = str_absent(in->v[i].value) ? STR("") : in->v[i].value;
    }
    x->scope = w->text[SNS_SUB_SCOPE];
    for (int i = 0; i < SNS_N_SUBSCRIPTION_ATTRIBUTES; i++)
        if (w->given[i] &&
            sns_subscription_attribute_check((enum sns_subscription_attribute)i, w->text[i], x, &why) != 0)
            return sns_invalid(c, "Attributes Reason: " STR_FMT, STR_ARG(buf_view(&why)));
    return 0;
}

static struct str shown(const struct sns_subscription *sub, int i)
{
    struct str set = sub->attributes.text[i];

    if (!str_absent(set))
        return set;
    return i == SNS_SUB_RAW ? STR("false") : i == SNS_SUB_SCOPE ? STR("MessageAttributes") : STR("");
}

static bool same_attributes(const struct sns_subscription *sub, const struct wanted *w)
{
    for (int i = 0; i < SNS_N_SUBSCRIPTION_ATTRIBUTES; i++)
        if (w->given[i] && !(i == SNS_SUB_RAW ? str_eq_nocase(shown(sub, i), w->text[i])
                                              : str_eq(shown(sub, i), w->text[i])))
            return false;
    return true;
}

/* ---- Subscribe ---- */

static struct sns_subscription *same_endpoint(const struct sns_topic *t, enum sns_protocol p,
                                              struct str endpoint)
{
    LIST_EACH(&t->subscriptions, k) {
        struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, link);

        if (sub->protocol == p && sub->state != SNS_ENDED && str_eq(sub->endpoint, endpoint))
            return sub;
    }
    return NULL;
}

static int make(struct call *c, struct sns_topic *t, struct str endpoint, const struct wanted *w,
                struct sns_subscription **ret)
{
    char token[TOKEN_DIGITS], uuid[UUID_TEXT + 1];
    struct sns_subscription *sub;
    bool pending = is_http(w->protocol);

    CHECK_IS(t, SNS_TOPIC_MAGIC);
    if (t->owner->subscriptions.n >= SNS_SUBSCRIPTIONS_MOST)
        return call_fault(c, &sns_error_SubscriptionLimitExceededException,
                          "This server holds at most %d subscriptions.", SNS_SUBSCRIPTIONS_MOST);
    id_hex(token, TOKEN_DIGITS);
    uuid_random(uuid);
    const struct sns_subscription_init init = { .id = store_next_id(c->turn->store),
                                                .uuid = str_make(uuid, UUID_TEXT),
                                                .owner = c->account,
                                                .endpoint = endpoint,
                                                .host = call_host(c),
                                                .protocol = w->protocol,
                                                .token = pending ? str_make(token, TOKEN_DIGITS) : STR_NONE,
                                                .state = pending ? SNS_PENDING : SNS_CONFIRMED,
                                                .state_ms = c->now.wall_ms };
    sub = sns_subscription_new(t, &init);
    if (sub == NULL)
        return -E_EXISTS;
    sub->authenticated = !pending;
    for (int i = 0; i < SNS_N_SUBSCRIPTION_ATTRIBUTES; i++)
        if (w->given[i])
            sns_attribute_put(&sub->attributes.text[i], w->text[i]);
    if (sns_subscription_derive(sub) < 0)
        return -E_INVALID;
    sns_expiry_arm(t->owner, c->turn);
    *ret = sub;
    return MIN(0, sns_rows_add_subscription(c->turn->store, sub));
}

static int ask_to_confirm(struct call *c, struct sns_subscription *sub, enum sns_kind kind)
{
    int r = sns_confirm_by_post(c->turn, sub, kind);

    return r == -E_LIMIT ? call_fault(c, &sns_error_ThrottledException, "Too many deliveries are waiting.")
                         : r;
}

int sns_subscribe(struct call *c, const void *input, void *output)
{
    const struct sns_SubscribeInput *in = input;
    struct sns_SubscribeResponse *out = output;
    struct sns_attribute_context x;
    struct sns_subscription *sub;
    struct wanted w = { 0 };
    struct sns_topic *t;
    int r = sns_topic_enter(c, in->TopicArn, "TopicArn", "sns:Subscribe", &t);

    if (r != 0 || check_protocol(c, in->Protocol, &w.protocol) != 0 ||
        check_endpoint(c, t, w.protocol, in->Endpoint) != 0)
        return -E_FAULT;
    x = context_of(t, w.protocol, in->Endpoint, c->account);
    if (read_attributes(c, &in->Attributes, &x, &w) != 0)
        return -E_FAULT;
    sub = same_endpoint(t, w.protocol, in->Endpoint);
    if (sub != NULL && !same_attributes(sub, &w))
        return sns_invalid(c, "Attributes Reason: Subscription already exists with different attributes");
    if (sub == NULL && outbox_count(t->owner->o.outbox) >= OUTBOX_ROWS_MOST && is_http(w.protocol))
        return call_fault(c, &sns_error_ThrottledException, "Too many deliveries are waiting.");
    if (sub == NULL)
        r = make(c, t, in->Endpoint, &w, &sub);
    if (r == 0 && sub->state == SNS_PENDING)
        r = ask_to_confirm(c, sub, SNS_SUBSCRIPTION_CONFIRMATION);
    if (r != 0)
        return r;
    out->SubscriptionArn = sub->state == SNS_PENDING && !in->ReturnSubscriptionArn.v
                               ? STR("pending confirmation")
                               : arena_str(c->mem, sub->arn);
    return 0;
}

/* ---- ConfirmSubscription, Unsubscribe ---- */

static struct sns_subscription *with_token(const struct sns_topic *t, struct str token)
{
    LIST_EACH(&t->subscriptions, k) {
        struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, link);

        if (!str_absent(sub->token) && str_eq(sub->token, token))
            return sub;
    }
    return NULL;
}

/* UNVERIFIED sentence. */
static int check_guard(struct call *c, struct str value)
{
    if (str_empty(value) || str_eq_nocase(value, STR("true")) || str_eq_nocase(value, STR("false")))
        return 0;
    return sns_invalid(c, "AuthenticateOnUnsubscribe");
}

/* The token is the right: an endpoint that got it need not sign. */
int sns_confirm_subscription(struct call *c, const void *input, void *output)
{
    const struct sns_ConfirmSubscriptionInput *in = input;
    struct sns_ConfirmSubscriptionResponse *out = output;
    bool is_signed = !str_absent(c->access_key), guarded;
    struct sns_subscription *sub;
    struct sns_topic *t;

    if (sns_check_arn(c, in->TopicArn, "TopicArn") != 0)
        return -E_FAULT;
    t = sns_topic_find(c->state, in->TopicArn);
    if (t == NULL)
        return call_fault(c, &sns_error_NotFoundException, "Topic does not exist");
    if (is_signed && sns_may_own(c, "sns:ConfirmSubscription", in->TopicArn) != 0)
        return -E_FAULT;
    sub = with_token(t, in->Token);
    if (sub == NULL)
        return sns_invalid(c, "Token");
    if (check_guard(c, in->AuthenticateOnUnsubscribe) != 0)
        return -E_FAULT;
    out->SubscriptionArn = arena_str(c->mem, sub->arn);
    guarded = is_signed && str_eq_nocase(in->AuthenticateOnUnsubscribe, STR("true"));
    if (sub->state == SNS_CONFIRMED && (!guarded || sub->guarded))
        return 0;
    sub->guarded = guarded; /* UNVERIFIED: also by one who confirms again */
    if (sub->state != SNS_CONFIRMED) {
        sub->authenticated = is_signed;
        sns_subscription_enter(sub, SNS_CONFIRMED, c->now.wall_ms);
        sns_expiry_arm(t->owner, c->turn);
    }
    return MIN(0, sns_rows_put_subscription(c->turn->store, sub));
}

/* topic ARN, ":", and a UUID. */
static int check_subscription_arn(struct call *c, struct str arn)
{
    uint64_t unused;
    ptrdiff_t colon = str_rfind(arn, ':');

    if (sns_check_arn(c, arn, "SubscriptionArn") != 0)
        return -E_FAULT;
    if (uuid_to_seq(str_sub(arn, (size_t)colon + 1, arn.n), &unused) != 0)
        return sns_invalid(c, "SubscriptionId");
    return 0;
}

static int end(struct call *c, struct sns_subscription *sub)
{
    struct sns_topic *t = sub->topic;
    int r;

    CHECK(sub->state != SNS_ENDED);
    t->n_deleted++;
    r = sns_rows_put_topic(c->turn->store, t);
    if (r < 0)
        return r;
    if (!is_http(sub->protocol) || sub->state != SNS_CONFIRMED) {
        r = sns_rows_drop_subscription(c->turn->store, sub->id);
        sns_subscription_free(sub);
        return MIN(0, r);
    }
    sns_subscription_enter(sub, SNS_ENDED, c->now.wall_ms);
    sns_expiry_arm(t->owner, c->turn);
    r = sns_rows_put_subscription(c->turn->store, sub);
    if (r >= 0)
        r = sns_confirm_by_post(c->turn, sub, SNS_UNSUBSCRIBE_CONFIRMATION);
    return r == -E_LIMIT ? 0 : MIN(0, r);
}

int sns_unsubscribe(struct call *c, const void *input, void *output UNUSED)
{
    const struct sns_UnsubscribeInput *in = input;
    struct sns_subscription *sub;

    if (check_subscription_arn(c, in->SubscriptionArn) != 0)
        return -E_FAULT;
    sub = sns_subscription_find(c->state, in->SubscriptionArn);
    if (sub == NULL || sub->state == SNS_ENDED)
        return 0;
    if (!str_absent(c->access_key) && sns_may(c, sub->topic, "sns:Unsubscribe") != 0)
        return -E_FAULT;
    if (str_absent(c->access_key) && sub->guarded) /* UNVERIFIED sentence */
        return call_fault(c, &sns_error_AuthorizationErrorException,
                          "This subscription was confirmed with AuthenticateOnUnsubscribe: "
                          "Unsubscribe must be signed.");
    return end(c, sub);
}

/* ---- lists ---- */

static struct sns_Subscription row_of(struct call *c, const struct sns_subscription *sub)
{
    CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
    CHECK(sub->state != SNS_ENDED); /* shown nowhere */
    return (struct sns_Subscription){ .Owner = arena_str(c->mem, sub->owner),
                                      .Protocol = str_of(sns_protocol_name(sub->protocol)),
                                      .SubscriptionArn = sub->state == SNS_PENDING
                                                             ? STR(PENDING_SHOWN)
                                                             : arena_str(c->mem, sub->arn),
                                      .Endpoint = arena_str(c->mem, sub->endpoint),
                                      .TopicArn = arena_str(c->mem, sub->topic->arn) };
}

static void page_begin(struct call *c, struct sns_SubscriptionsList *list)
{
    *list = (struct sns_SubscriptionsList){ true, 0, arena_calloc(c->mem, SNS_PAGE, sizeof(*list->v)) };
}

int sns_list_subscriptions_by_topic(struct call *c, const void *input, void *output)
{
    const struct sns_ListSubscriptionsByTopicInput *in = input;
    struct sns_ListSubscriptionsByTopicResponse *out = output;
    struct sns_topic *t;
    uint64_t after, last = 0;

    if (sns_topic_enter(c, in->TopicArn, "TopicArn", "sns:ListSubscriptionsByTopic", &t) != 0 ||
        sns_page_begin(c, in->NextToken, &after) != 0)
        return -E_FAULT;
    page_begin(c, &out->Subscriptions);
    LIST_EACH(&t->subscriptions, k) {
        const struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, link);

        if (sub->id <= after || sub->state == SNS_ENDED)
            continue;
        if (out->Subscriptions.n == SNS_PAGE) {
            out->NextToken = sns_page_token(c, last);
            break;
        }
        out->Subscriptions.v[out->Subscriptions.n++] = row_of(c, sub);
        last = sub->id;
    }
    return 0;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = ((const struct sns_subscription *)a)->id, y = ((const struct sns_subscription *)b)->id;

    return (x > y) - (x < y);
}

int sns_list_subscriptions(struct call *c, const void *input, void *output)
{
    const struct sns_ListSubscriptionsInput *in = input;
    struct sns_ListSubscriptionsResponse *out = output;
    const struct sns *s = CAST(struct sns, SNS_MAGIC, c->state);
    struct least page;
    uint64_t after;
    struct str key;
    void *value;

    if (sns_may_own(c, "sns:ListSubscriptions", STR("*")) != 0)
        return -E_FAULT;
    if (sns_page_begin(c, in->NextToken, &after) != 0)
        return -E_FAULT;
    least_init(&page, c->mem, SNS_PAGE + 1, by_id);
    for (size_t i = 0; map_next(&s->subscriptions, &i, &key, &value);) {
        struct sns_subscription *sub = CAST(struct sns_subscription, SNS_SUBSCRIPTION_MAGIC, value);

        if (sub->id > after && sub->state != SNS_ENDED && str_eq(sub->owner, c->account) &&
            str_eq(sub->topic->region, c->region))
            least_offer(&page, sub);
    }
    least_sort(&page);
    page_begin(c, &out->Subscriptions);
    for (size_t i = 0; i < MIN(page.n, (size_t)SNS_PAGE); i++)
        out->Subscriptions.v[out->Subscriptions.n++] = row_of(c, page.v[i]);
    if (page.n > SNS_PAGE)
        out->NextToken = sns_page_token(c, ((const struct sns_subscription *)page.v[SNS_PAGE - 1])->id);
    return 0;
}

/* ---- attributes ---- */

static int enter(struct call *c, struct str arn, const char *action, struct sns_subscription **ret)
{
    struct sns_subscription *sub;

    if (check_subscription_arn(c, arn) != 0)
        return -E_FAULT;
    sub = sns_subscription_find(c->state, arn);
    if (sub == NULL || sub->state == SNS_ENDED)
        return call_fault(c, &sns_error_NotFoundException, "Subscription does not exist");
    *ret = sub;
    return sns_may(c, sub->topic, action);
}

#define SHOWN_MOST 24

static void show(struct call *c, struct sns_SubscriptionAttributesMap *out, const char *name,
                 struct str value)
{
    CHECK(out->n < SHOWN_MOST);
    out->v[out->n++] = (struct sns_SubscriptionAttributesMap_entry){ str_of(name), arena_str(c->mem, value) };
}

static struct str truth(bool b) { return b ? STR("true") : STR("false"); }

static void show_delivery(struct call *c, struct sns_SubscriptionAttributesMap *out,
                          const struct sns_subscription *sub)
{
    CLEANUP(buf_done) struct buf effective = { 0 };
    struct sns_delivery_policy policy;

    if (!is_http(sub->protocol))
        return;
    sns_delivery_policy_merge(&sub->topic->delivery, &sub->delivery, &policy);
    sns_delivery_policy_show(&effective, &policy, false);
    show(c, out, "EffectiveDeliveryPolicy", buf_view(&effective));
}

int sns_get_subscription_attributes(struct call *c, const void *input, void *output)
{
    const struct sns_GetSubscriptionAttributesInput *in = input;
    struct sns_GetSubscriptionAttributesResponse *out = output;
    struct sns_SubscriptionAttributesMap *v = &out->Attributes;
    struct sns_subscription *sub = NULL;

    if (enter(c, in->SubscriptionArn, "sns:GetSubscriptionAttributes", &sub) != 0)
        return -E_FAULT;
    *v = (struct sns_SubscriptionAttributesMap){ true, 0, arena_calloc(c->mem, SHOWN_MOST, sizeof(*v->v)) };
    show(c, v, "SubscriptionArn", sub->arn);
    show(c, v, "TopicArn", sub->topic->arn);
    show(c, v, "Owner", sub->owner);
    show(c, v, "Protocol", str_of(sns_protocol_name(sub->protocol)));
    show(c, v, "Endpoint", sub->endpoint);
    show(c, v, "ConfirmationWasAuthenticated", truth(sub->authenticated));
    show(c, v, "PendingConfirmation", truth(sub->state == SNS_PENDING));
    show(c, v, "RawMessageDelivery", shown(sub, SNS_SUB_RAW));
    show(c, v, "SubscriptionPrincipal",
         arena_printf(c->mem, "arn:aws:iam::" STR_FMT ":root", STR_ARG(sub->owner)));
    for (int i = SNS_SUB_RAW + 1; i < SNS_N_SUBSCRIPTION_ATTRIBUTES; i++)
        if (!str_absent(sub->attributes.text[i]))
            show(c, v, sns_subscription_attribute_name((enum sns_subscription_attribute)i),
                 sub->attributes.text[i]);
    if (str_absent(sub->attributes.text[SNS_SUB_SCOPE]) && !str_absent(sub->attributes.text[SNS_SUB_FILTER]))
        show(c, v, "FilterPolicyScope", STR("MessageAttributes"));
    show_delivery(c, v, sub);
    return 0;
}

int sns_set_subscription_attributes(struct call *c, const void *input, void *output UNUSED)
{
    const struct sns_SetSubscriptionAttributesInput *in = input;
    struct str value = str_absent(in->AttributeValue) ? STR("") : in->AttributeValue;
    CLEANUP(buf_done) struct buf why = { 0 };
    struct sns_attribute_context x;
    struct sns_subscription *sub = NULL;
    bool refused;
    int at = sns_subscription_attribute_find(in->AttributeName, &refused);

    if (enter(c, in->SubscriptionArn, "sns:SetSubscriptionAttributes", &sub) != 0)
        return -E_FAULT;
    if (refused && str_empty(value))
        return 0; /* taken away, as it is */
    if (refused)
        return refuse(c, "", in->AttributeName);
    if (at < 0)
        return sns_invalid(c, "AttributeName");
    x = context_of(sub->topic, sub->protocol, sub->endpoint, sub->owner);
    x.scope = sub->attributes.text[SNS_SUB_SCOPE];
    x.filter = sub->attributes.text[SNS_SUB_FILTER];
    if (sns_subscription_attribute_check((enum sns_subscription_attribute)at, value, &x, &why) != 0)
        return sns_invalid(c, STR_FMT, STR_ARG(buf_view(&why)));
    sns_attribute_put(&sub->attributes.text[at], value);
    if (sns_subscription_derive(sub) < 0)
        return -E_INVALID;
    return MIN(0, sns_rows_put_subscription(c->turn->store, sub));
}
