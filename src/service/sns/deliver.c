/* deliver.c - who gets a message, how, and what becomes of it when he does not.
 *
 * True here: a topic's subscriptions stand in the order of their ids, so "all behind id n" says how far a
 * fan-out has come; a post lives from its request to its answer, and holds a place of its endpoint while its
 * epoch is the service's; an errand's row goes, or is put off, in the turn that knows what became of it. */
#include "service/sns/deliver.h"

#include <stdlib.h>
#include "base/header.h"
#include "metric/metric.h"
#include "service/sns/envelope.h"
#include "service/sns/retry.h"

#define SENDER_ID "AIDAIT2UOQQY3AUEKVGXU" /* what queues show for SNS in us-east-1; UNVERIFIED elsewhere */
#define USER_AGENT "Amazon Simple Notification Service Agent"

/* ---- figures ---- */

static void count(struct turn *t, const struct sns_topic *topic, const char *name, double value,
                  const char *unit)
{
    const struct metric_dimension dimension = { STR("TopicName"), topic->name };
    const struct metric_place place = { topic->account, topic->region, STR("AWS/SNS"), &dimension, 1 };

    if (value > 0)
        metric_add(t, &place, name, value, unit, t->now.wall_ms);
}

static void count_one(struct turn *t, const struct sns_topic *topic, const char *name)
{
    count(t, topic, name, 1, "Count");
}

/* ---- queues and functions ---- */

struct sender sns_sender(const struct sns_topic *topic)
{
    return (struct sender){ "sns.amazonaws.com", topic->arn, topic->account, .no_owner = false };
}

static struct str parcel_body(struct sns_rendering *r, const struct sns_subscription *sub, bool dead,
                              struct buf *b)
{
    if (sub->raw)
        return sns_render_text(r, sub->protocol);
    if (sub->protocol == SNS_LAMBDA && !dead)
        sns_render_lambda(r, sub, b);
    else
        sns_render_notification(r, sub, b);
    return buf_view(b);
}

/* dead: to the subscription's dead-letter queue, with what would have been delivered. */
static enum delivery hand_over(struct sns_rendering *r, const struct sns_subscription *sub, bool dead)
{
    CLEANUP(buf_done) struct buf body = { 0 }, why = { 0 };
    const struct sns_message *m = r->m;
    struct str target = dead ? sub->dead_letter_arn : sub->endpoint;
    struct parcel p = { .from = sns_sender(r->topic),
                        .body = parcel_body(r, sub, dead, &body),
                        .sender_id = STR(SENDER_ID),
                        .trace_header = m->trace };
    struct door door;

    CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
    CHECK(sub->topic == r->topic && !str_absent(target));
    if (sub->raw && m->n_attributes > PARCEL_ATTRIBUTES_MOST)
        return DELIVERY_REFUSED; /* more than a queue's message may have */
    for (size_t i = 0; sub->raw && i < m->n_attributes; i++)
        p.attributes[p.n_attributes++] =
            (struct parcel_attribute){ m->attributes[i].name, m->attributes[i].type, m->attributes[i].value };
    if (dead || sub->protocol == SNS_SQS)
        p.group_id = m->group;
    if (str_ends(target, STR(".fifo")))
        p.deduplication_id = m->deduplication_id;
    door = door_find(r->sns->o.sinks, r->turn, target);
    return door_as_service(&door, &p, &why);
}

static int send_later(struct sns_rendering *r, uint64_t to, uint64_t after, bool dead, int64_t due_ms)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    const struct sns_errand e = { .message = *r->m,
                                  .topic_arn = r->topic->arn,
                                  .topic_id = r->topic->id,
                                  .to = to,
                                  .after = after,
                                  .dead = dead };

    CHECK(to == 0 || after == 0); /* to one of them, or to those behind one */
    CHECK(!dead || to != 0);
    sns_errand_write(&b, &e);
    return outbox_put(r->sns->o.outbox, r->turn, "sns", buf_view(&b), due_ms, NULL);
}

static void count_redriven(struct sns_rendering *r, enum delivery d)
{
    if (d != DELIVERY_FAILED)
        count_one(r->turn, r->topic,
                  d == DELIVERED ? "NumberOfNotificationsRedrivenToDlq"
                                 : "NumberOfNotificationsFailedToRedriveToDlq");
}

/* The delivery failed for good. True: the dead-letter queue could not take it now, but may later. */
static bool give_up(struct sns_rendering *r, const struct sns_subscription *sub)
{
    enum delivery d;

    CHECK(sub->topic == r->topic);
    count_one(r->turn, r->topic, "NumberOfNotificationsFailed");
    if (str_absent(sub->dead_letter_arn))
        return false;
    d = hand_over(r, sub, true);
    count_redriven(r, d);
    return d == DELIVERY_FAILED;
}

/* ---- fan-out ---- */

/* A message on its way to everybody behind *after. */
struct fan {
    struct sns_rendering *r;
    uint64_t *after;               /* goes on with those that were served */
    const struct inquiry *answers; /* of filter policies that took long; NULL: none */
    size_t at;                     /* of the answers */
};

static bool passes_within(struct sns_rendering *r, const struct sns_subscription *sub, uint64_t *left)
{
    const struct json *body;

    if (sub->filter == NULL)
        return true;
    if (!sub->scope_body)
        return pattern_match_attributes_within(sub->filter, r->m->attributes, r->m->n_attributes, left);
    body = sns_render_body(r, sub->protocol);
    return body != NULL && pattern_match_within(sub->filter, body, left);
}

/* Answers stand in the order of the subscriptions.  That a policy was changed shows itself by another
 * pattern. */
static const struct question *answer_for(struct fan *f, const struct sns_subscription *sub)
{
    const struct inquiry *q = f->answers;

    while (q != NULL && f->at < q->n && q->v[f->at].id < sub->id)
        f->at++;
    return q != NULL && f->at < q->n && q->v[f->at].id == sub->id && q->v[f->at].pattern == sub->filter
               ? &q->v[f->at]
               : NULL;
}

/* False: the steps of this turn do not suffice. */
static bool decide(struct fan *f, const struct sns_subscription *sub, bool *ret_passes)
{
    const struct question *answer = answer_for(f, sub);
    uint64_t *left = elsewhere_steps(&f->r->sns->elsewhere, f->r->turn);

    if (answer != NULL) {
        *ret_passes = answer->wants;
        return true;
    }
    *ret_passes = *left > 0 && passes_within(f->r, sub, left);
    return *left > 0;
}

static void count_filtered(struct sns_rendering *r, const struct sns_subscription *sub)
{
    count_one(r->turn, r->topic, "NumberOfNotificationsFilteredOut");
    if (!sub->scope_body)
        count_one(r->turn, r->topic,
                  r->m->n_attributes > 0 ? "NumberOfNotificationsFilteredOut-MessageAttributes"
                                         : "NumberOfNotificationsFilteredOut-NoMessageAttributes");
    else
        count_one(r->turn, r->topic,
                  sns_render_body(r, sub->protocol) != NULL
                      ? "NumberOfNotificationsFilteredOut-MessageBody"
                      : "NumberOfNotificationsFilteredOut-InvalidMessageBody");
}

static bool is_http(const struct sns_subscription *sub)
{
    return sub->protocol == SNS_HTTP || sub->protocol == SNS_HTTPS;
}

/* True: delivered. */
static bool serve(struct sns_rendering *r, const struct sns_subscription *sub)
{
    int64_t now = r->turn->now.wall_ms;
    enum delivery d;

    CHECK(sub->state == SNS_CONFIRMED);
    if (is_http(sub)) {
        if (send_later(r, sub->id, 0, false, now) == -E_LIMIT)
            count_one(r->turn, r->topic, "NumberOfNotificationsFailed");
        return false;
    }
    d = hand_over(r, sub, false);
    if (d == DELIVERY_FAILED)
        (void)send_later(r, sub->id, 0, false, now + sns_retry_managed_ms(1));
    else if (d != DELIVERED && give_up(r, sub))
        (void)send_later(r, sub->id, 0, true, now + sns_retry_managed_ms(1));
    return d == DELIVERED;
}

/* True: all were served; false: the rest must wait. */
static bool fan_out(struct fan *f)
{
    struct sns_rendering *r = f->r;
    size_t served = 0, delivered = 0;
    bool all = true;

    CHECK_IS(r->topic, SNS_TOPIC_MAGIC);
    LIST_EACH(&r->topic->subscriptions, k) {
        const struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, link);
        bool passes = false;

        if (sub->id <= *f->after || sub->state != SNS_CONFIRMED)
            continue;
        all = served++ < SNS_FAN_MOST && decide(f, sub, &passes);
        if (!all)
            break;
        if (passes)
            delivered += serve(r, sub);
        else
            count_filtered(r, sub);
        *f->after = sub->id;
    }
    count(r->turn, r->topic, "NumberOfNotificationsDelivered", (double)delivered, "Count");
    return all;
}

void sns_publish(struct turn *t, struct sns_topic *topic, const struct sns_message *m)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sns_rendering r;
    uint64_t after = 0;

    CHECK_IS(topic, SNS_TOPIC_MAGIC);
    CHECK(m->kind == SNS_NOTIFICATION && !str_absent(m->id) && m->at_ms > 0);
    CHECK(topic->fifo == !str_absent(m->sequence));
    sns_rendering_init(&r, a, t, topic, m);
    count_one(t, topic, "NumberOfMessagesPublished");
    count(t, topic, "PublishSize", (double)sns_message_bytes(m), "Bytes");
    if (!fan_out(&(struct fan){ .r = &r, .after = &after }))
        (void)send_later(&r, 0, after, false, t->now.wall_ms);
}

int sns_confirm_by_post(struct turn *t, struct sns_subscription *sub, enum sns_kind kind)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sns_message m = {
        .kind = kind, .id = uuid_str(a), .at_ms = t->now.wall_ms, .body = sns_confirmation_text(a, kind, sub)
    };
    struct sns_rendering r;

    CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
    CHECK(is_http(sub) && sub->state == (kind == SNS_SUBSCRIPTION_CONFIRMATION ? SNS_PENDING : SNS_ENDED));
    sns_rendering_init(&r, a, t, sub->topic, &m);
    return send_later(&r, sub->id, 0, false, t->now.wall_ms);
}

/* ---- posts to endpoints ---- */

struct post {
    uint32_t magic;
#define SNS_POST_MAGIC 0x5e0b057au
    struct link link; /* in sns.posts */
    struct sns *sns;
    uint64_t epoch, id;
    unsigned attempts;
    struct sns_endpoint *endpoint; /* while the epoch is the service's */
    int64_t began_ns;
    struct buf errand;
};

enum sns_verdict sns_http_verdict(int status)
{
    if (status >= 200 && status < 300)
        return SNS_DELIVERED;
    return status >= 400 && status < 500 && status != 429 ? SNS_FINAL : SNS_AGAIN;
}

static void post_free(struct post *p)
{
    CHECK_IS(p, SNS_POST_MAGIC);
    p->magic = 0;
    list_remove(&p->link);
    buf_done(&p->errand);
    free(p);
}

void sns_posts_free(struct sns *s)
{
    struct link *k;

    while ((k = list_first(&s->posts)) != NULL)
        post_free(CONTAINER_OF(k, struct post, link));
}

/* Tried, and it did not work.  retry: number of the next one. */
static void try_again(struct sns_rendering *r, const struct sns_subscription *sub, struct sns_errand *e,
                      uint64_t id, int64_t delay_ms)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct outbox *o = r->sns->o.outbox;

    CHECK(sub->id == e->to && id != 0 && (delay_ms >= 0 || delay_ms == SNS_RETRY_OVER));
    if (delay_ms != SNS_RETRY_OVER) {
        (void)outbox_again(o, r->turn, id, r->turn->now.wall_ms + delay_ms, STR_NONE);
    } else if (e->message.kind == SNS_NOTIFICATION && !e->dead && give_up(r, sub)) {
        e->dead = true;
        sns_errand_write(&b, e);
        (void)outbox_again(o, r->turn, id, r->turn->now.wall_ms + sns_retry_managed_ms(1), buf_view(&b));
    } else {
        (void)outbox_over(o, r->turn, id);
    }
}

/* Is the subscription still in the state the errand was made for? */
static struct sns_subscription *addressee(const struct sns *s, const struct sns_errand *e)
{
    static const enum sns_subscription_state states[] = { SNS_CONFIRMED, SNS_PENDING, SNS_ENDED };
    struct sns_subscription *sub = sns_subscription_by_id(s, e->to);

    CHECK(e->message.kind < ARRAY_LEN(states)); /* as sns_errand_read() lets through */
    return sub != NULL && sub->state == states[e->message.kind] ? sub : NULL;
}

static void answered(struct post *p, struct turn *t, int status)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sns_subscription *sub;
    struct sns_delivery_policy policy;
    struct sns_rendering r;
    struct sns_errand e;

    CHECK(sns_errand_read(a, buf_view(&p->errand), &e) == 0);
    sub = addressee(p->sns, &e);
    if (sub == NULL || sns_http_verdict(status) == SNS_DELIVERED) {
        if (sub != NULL && e.message.kind == SNS_NOTIFICATION)
            count_one(t, sub->topic, "NumberOfNotificationsDelivered");
        (void)outbox_over(p->sns->o.outbox, t, p->id);
        return;
    }
    sns_delivery_policy_merge(&sub->topic->delivery, &sub->delivery, &policy);
    sns_rendering_init(&r, a, t, sub->topic, &e.message);
    try_again(&r, sub, &e, p->id,
              sns_http_verdict(status) == SNS_FINAL ? SNS_RETRY_OVER
                                                    : sns_retry_http_ms(&policy.retry, p->attempts + 1));
}

static void posted(void *arg, struct turn *t, int status, struct str body)
{
    struct post *p = CAST(struct post, SNS_POST_MAGIC, arg);
    struct sns *s = p->sns;

    CHECK_IS(s, SNS_MAGIC);
    CHECK(p->epoch <= s->epoch);
    (void)body;
    if (p->epoch == s->epoch) { /* else the row was read again, or is gone */
        bool quick = t->now.mono_ns - p->began_ns <= SNS_QUICK_MS * INT64_C(1000000);

        answered(p, t, status);
        sns_line_leave(&s->lines, t, p->endpoint, status == 0 ? SNS_SILENT : quick ? SNS_QUICK : SNS_SLOW);
    }
    post_free(p);
}

static void add_headers(struct buf *b, const struct sns_rendering *r, const struct sns_subscription *sub)
{
    struct sns_delivery_policy policy;

    sns_delivery_policy_merge(&sub->topic->delivery, &sub->delivery, &policy);
    header_line(b, STR("x-amz-sns-message-type"), str_of(sns_kind_name(r->m->kind)));
    header_line(b, STR("x-amz-sns-message-id"), r->m->id);
    header_line(b, STR("x-amz-sns-topic-arn"), r->topic->arn);
    if (r->m->kind != SNS_SUBSCRIPTION_CONFIRMATION)
        header_line(b, STR("x-amz-sns-subscription-arn"), sub->arn);
    if (r->m->kind == SNS_NOTIFICATION && sub->raw)
        buf_z(b, "x-amz-sns-rawdelivery: true\r\n");
    header_line(b, STR("Content-Type"), str_of(policy.content_type));
    buf_z(b, "User-Agent: " USER_AGENT "\r\n");
}

/* *place is what the row was recalled for, if it was; NULL afterwards: it is taken. */
static void post(struct sns_rendering *r, struct sns_subscription *sub, struct sns_errand *e,
                 const struct outbox_item *item, struct sns_endpoint **place)
{
    CLEANUP(buf_done) struct buf body = { 0 }, headers = { 0 };
    struct sns *s = r->sns;
    struct post *p;

    CHECK(is_http(sub) && !e->dead && e->to == sub->id);
    if (r->turn->ops->http == NULL) {
        try_again(r, sub, e, item->id, SNS_RETRY_OVER);
        return;
    }
    if (*place == NULL)
        *place = sns_line_enter(&s->lines, sub->endpoint, item->id);
    if (*place == NULL)
        return;
    add_headers(&headers, r, sub);
    if (e->message.kind != SNS_NOTIFICATION)
        sns_render_confirmation(r, sub, &body);
    else if (sub->raw)
        buf_str(&body, sns_render_text(r, sub->protocol));
    else
        sns_render_notification(r, sub, &body);
    p = xcalloc(1, sizeof(*p));
    *p = (struct post){ .magic = SNS_POST_MAGIC,
                        .sns = s,
                        .epoch = s->epoch,
                        .id = item->id,
                        .attempts = item->attempts,
                        .endpoint = TAKE(*place),
                        .began_ns = r->turn->now.mono_ns };
    buf_str(&p->errand, item->payload);
    list_append(&s->posts, &p->link);
    const struct http_post request = { .url = sub->endpoint,
                                       .headers = buf_view(&headers),
                                       .body = buf_view(&body),
                                       .timeout_ms = SNS_TIMEOUT_MS };
    r->turn->ops->http(r->turn->engine, &request, posted, p);
}

/* ---- rows of the outbox ---- */

static void go_on_fanning(struct sns_rendering *r, struct sns_errand *e, uint64_t id, struct str payload,
                          const struct inquiry *answers);

struct fan_job {
    uint32_t magic;
#define SNS_FAN_JOB_MAGIC 0x5e0fa710u
    struct sns *sns;
    struct sns_errand e;
    struct str payload;
    struct inquiry q;
};

static void answered_elsewhere(void *arg, struct turn *t, struct inquiry *q)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct fan_job *j = CAST(struct fan_job, SNS_FAN_JOB_MAGIC, arg);
    struct sns_topic *topic = sns_topic_find(j->sns, j->e.topic_arn);
    struct sns_rendering r;

    CHECK(q == &j->q);
    if (topic == NULL || topic->id != j->e.topic_id) {
        (void)outbox_over(j->sns->o.outbox, t, q->row);
        return;
    }
    sns_rendering_init(&r, a, t, topic, &j->e.message);
    go_on_fanning(&r, &j->e, q->row, j->payload, q);
}

/* Asks the filter policies of those behind e->after on the pool, as many as one go may serve. */
static void ask_elsewhere(struct sns_rendering *r, uint64_t after, uint64_t id, struct str payload)
{
    struct arena *mem = arena_new(0);
    struct fan_job *j = ARENA_NEW(mem, struct fan_job);
    struct inquiry *q = &j->q;

    *j = (struct fan_job){ .magic = SNS_FAN_JOB_MAGIC,
                           .sns = r->sns,
                           .payload = arena_str(mem, payload),
                           .q = { .mem = mem, .row = id, .tell = answered_elsewhere, .arg = j } };
    CHECK(sns_errand_read(mem, j->payload, &j->e) == 0); /* as it was read in this turn */
    q->attributes = j->e.message.attributes;
    q->n_attributes = j->e.message.n_attributes;
    q->v = arena_calloc(mem, SNS_FAN_MOST, sizeof(*q->v));
    LIST_EACH(&r->topic->subscriptions, k) {
        const struct sns_subscription *sub = CONTAINER_OF(k, struct sns_subscription, link);
        size_t text = r->m->structured ? sub->protocol : 0;

        if (sub->id <= after || sub->state != SNS_CONFIRMED || sub->filter == NULL || q->n == SNS_FAN_MOST)
            continue;
        if (sub->scope_body && sns_render_body(r, sub->protocol) == NULL)
            continue; /* passes nothing: known without steps */
        if (sub->scope_body && str_absent(q->text[text]))
            q->text[text] = arena_str(mem, sns_render_text(r, sub->protocol));
        inquiry_ask(q, sub->filter, sub->id, STR_NONE, sub->scope_body ? (int)text : -1);
    }
    elsewhere_begin(&r->sns->elsewhere, r->turn, q);
}

static void go_on_fanning(struct sns_rendering *r, struct sns_errand *e, uint64_t id, struct str payload,
                          const struct inquiry *answers)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    uint64_t began = e->after;

    CHECK(e->to == 0 && id != 0);
    if (fan_out(&(struct fan){ .r = r, .after = &e->after, .answers = answers })) {
        (void)outbox_over(r->sns->o.outbox, r->turn, id);
    } else if (e->after == began && answers == NULL) {
        ask_elsewhere(r, e->after, id, payload); /* a whole turn's steps do not suffice, or others had them */
    } else {
        sns_errand_write(&b, e);
        (void)outbox_again(r->sns->o.outbox, r->turn, id, r->turn->now.wall_ms, buf_view(&b));
    }
}

/* A retry inside Waybill: number `attempts` + 1 of the schedule. */
static void hand_over_again(struct sns_rendering *r, struct sns_subscription *sub, struct sns_errand *e,
                            const struct outbox_item *item)
{
    enum delivery d = hand_over(r, sub, e->dead);

    CHECK(sub->id == e->to);
    if (e->dead)
        count_redriven(r, d);
    else if (d == DELIVERED)
        count_one(r->turn, r->topic, "NumberOfNotificationsDelivered");
    if (d == DELIVERED || (e->dead && d != DELIVERY_FAILED))
        (void)outbox_over(r->sns->o.outbox, r->turn, item->id);
    else
        try_again(r, sub, e, item->id,
                  d == DELIVERY_FAILED ? sns_retry_managed_ms(item->attempts + 2) : SNS_RETRY_OVER);
}

static void due(struct sns *s, struct turn *t, const struct outbox_item *item, struct sns_endpoint **place)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sns_subscription *sub;
    struct sns_topic *topic;
    struct sns_rendering r;
    struct sns_errand e;

    if (sns_errand_read(a, item->payload, &e) != 0) {
        store_damaged(t->store, "outbox", (int64_t)item->id, "its payload is no errand of a topic");
        return;
    }
    topic = sns_topic_find(s, e.topic_arn);
    sub = e.to == 0 ? NULL : addressee(s, &e);
    if (topic == NULL || topic->id != e.topic_id || (sub == NULL && e.to != 0) ||
        (sub != NULL && sub->topic != topic)) {
        (void)outbox_over(s->o.outbox, t, item->id); /* nobody wants it any more */
        return;
    }
    sns_rendering_init(&r, a, t, topic, &e.message);
    if (sub == NULL && !elsewhere_free_for(&s->elsewhere, item->id))
        return;
    if (sub == NULL)
        go_on_fanning(&r, &e, item->id, item->payload, NULL);
    else if (is_http(sub) && !e.dead)
        post(&r, sub, &e, item, place);
    else
        hand_over_again(&r, sub, &e, item);
}

void sns_outbox_due(void *arg, struct turn *t, const struct outbox_item *item)
{
    struct sns *s = CAST(struct sns, SNS_MAGIC, arg);
    struct sns_endpoint *place = sns_line_called(&s->lines, item->id);

    due(s, t, item, &place);
    if (place != NULL)
        sns_line_give_back(&s->lines, t, place);
}

void sns_posts_check(const struct sns *s)
{
    size_t ours = 0;

    LIST_EACH(&s->posts, k) {
        const struct post *p = CONTAINER_OF(k, struct post, link);

        CHECK_IS(p, SNS_POST_MAGIC);
        CHECK(p->sns == s && p->epoch <= s->epoch && p->endpoint != NULL);
        ours += p->epoch == s->epoch;
    }
    CHECK(ours + s->lines.called.n == s->lines.under_way);
}
