/* Deliveries told as stories, with doors and endpoints that answer as they are told: what is tried again
 * when, what goes to the dead-letter queue, what is dropped, and what very wide topics do. */
#include "test/door.h"
#include "test/unit.h"

#include "service/sns/deliver.h"
#include "service/sns/retry.h"
#include "service/sns/rows.h"

#define NOW 1800000000000
#define QUEUE "arn:aws:sqs:us-east-1:000000000000:q"
#define DEAD "arn:aws:sqs:us-east-1:000000000000:dead"

struct later {
    void (*fn)(void *arg, struct turn *t);
    void *arg;
};
struct waiting_post {
    void (*done)(void *arg, struct turn *t, int status, struct str body);
    void *arg;
};

struct world {
    struct store *store;
    struct outbox *outbox;
    struct sinks sinks;
    struct sns *sns;
    struct turn turn;
    struct heap timers;
    struct later soon[64];
    size_t n_soon;
    struct sns_topic *topic;
    struct sns_subscription *sub;
    enum delivery queue_says, dead_says;
    size_t to_queue, to_dead;
    struct buf last_dead;
    struct waiting_post posts[256];
    size_t n_posts;
    struct buf url, headers;
    size_t n_jobs;
    void (*meanwhile)(struct world *w); /* once, while a job runs */
};

static void w_timer_set(void *engine, struct timer *t, int64_t at)
{
    heap_set(&((struct world *)engine)->timers, &t->node, at);
}
static void w_timer_cancel(void *engine, struct timer *t)
{
    heap_remove(&((struct world *)engine)->timers, &t->node);
}
static void w_soon(void *engine, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct world *w = engine;

    CHECK(w->n_soon < ARRAY_LEN(w->soon));
    w->soon[w->n_soon++] = (struct later){ fn, arg };
}
static void w_http(void *engine, const struct http_post *p,
                   void (*done)(void *arg, struct turn *t, int status, struct str body), void *arg)
{
    struct world *w = engine;

    CHECK(w->n_posts < ARRAY_LEN(w->posts));
    EXPECT_INT(p->timeout_ms, 15000);
    buf_clear(&w->url);
    buf_str(&w->url, p->url);
    w->posts[w->n_posts++] = (struct waiting_post){ done, arg };
}
/* The pool is done at once. */
static void w_work(void *engine, void (*run)(void *arg), void (*done)(void *arg, struct turn *t), void *arg)
{
    struct world *w = engine;
    void (*meanwhile)(struct world * w) = w->meanwhile;

    w->n_jobs++;
    w->meanwhile = NULL;
    run(arg);
    if (meanwhile != NULL)
        meanwhile(w);
    w_soon(w, done, arg);
}
static const struct turn_ops ops = {
    .timer_set = w_timer_set, .timer_cancel = w_timer_cancel, .soon = w_soon, .http = w_http, .work = w_work
};

void call_reply(struct call *c, int result)
{
    (void)c;
    (void)result;
    CHECK(false);
}

static void find(struct door *d) { d->what.policy = policy_for_all(); }

static enum delivery deliver(const struct door *d, const struct parcel *p, struct buf *why)
{
    struct world *w = d->sink->arg;

    (void)why;
    EXPECT_STR(p->from.arn, w->topic->arn);
    if (str_is(d->what.arn, DEAD)) {
        w->to_dead++;
        buf_clear(&w->last_dead);
        buf_str(&w->last_dead, p->body);
        return w->dead_says;
    }
    w->to_queue++;
    return w->queue_says;
}

static void start(struct world *w)
{
    w->outbox = outbox_new();
    w->sns = sns_new(&(struct sns_options){ &w->sinks, w->outbox });
    sns_load(w->sns, &w->turn);
    outbox_load(w->outbox, &w->turn);
}

static void open_world(struct world *w, enum sns_protocol p, bool raw)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    const struct sink sink = {
        .service = "sqs", .action = "sqs:SendMessage", .find = find, .deliver = deliver, .arg = w
    };
    const struct sns_subscription_init init = { .id = 2,
                                                .uuid = STR("11111111-2222-4333-8444-555555555555"),
                                                .owner = STR("000000000000"),
                                                .endpoint = p == SNS_SQS ? STR(QUEUE) : STR("http://e/"),
                                                .host = STR("h:1"),
                                                .protocol = p,
                                                .state = SNS_CONFIRMED };

    *w = (struct world){ 0 };
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &w->store, &why) == 0);
    w->turn =
        (struct turn){ .magic = TURN_MAGIC, .store = w->store, .now = { NOW, 0 }, .ops = &ops, .engine = w };
    sinks_add(&w->sinks, &sink);
    start(w);
    w->topic = sns_topic_new(w->sns, 1, STR("000000000000"), STR("us-east-1"), STR("t"));
    sns_topic_derive(w->topic);
    w->sub = sns_subscription_new(w->topic, &init);
    sns_attribute_put(&w->sub->attributes.text[SNS_SUB_RAW], raw ? STR("true") : STR_NONE);
    sns_attribute_put(&w->sub->attributes.text[SNS_SUB_REDRIVE],
                      STR("{\"deadLetterTargetArn\":\"" DEAD "\"}"));
    sns_subscription_derive(w->sub);
    CHECK(sns_rows_add_topic(w->store, w->topic) >= 0 && sns_rows_add_subscription(w->store, w->sub) >= 0);
}

static void stop(struct world *w)
{
    outbox_reset(w->outbox, &w->turn);
    sns_reset(w->sns, &w->turn);
    w->sns = sns_free(w->sns);
    w->outbox = outbox_free(w->outbox);
}

static void close_world(struct world *w)
{
    stop(w);
    heap_done(&w->timers);
    buf_done(&w->last_dead);
    buf_done(&w->url);
    store_rollback(w->store);
    w->store = store_close(w->store);
}

/* The rest of this turn and those that are asked for, then the commit. */
static void settle(struct world *w)
{
    struct heap_node *h;

    do {
        for (size_t i = 0; i < w->n_soon; i++) {
            w->turn.now.mono_ns++; /* another turn */
            w->soon[i].fn(w->soon[i].arg, &w->turn);
        }
        w->n_soon = 0;
        while ((h = heap_first(&w->timers)) != NULL && h->key <= w->turn.now.wall_ms) {
            struct timer *t = CONTAINER_OF(h, struct timer, node);

            heap_remove(&w->timers, h);
            t->fire(t, &w->turn);
        }
    } while (w->n_soon > 0);
    CHECK(store_commit(w->store) == 0);
    sns_check(w->sns);
}

static void advance(struct world *w, int64_t ms)
{
    w->turn.now.wall_ms += ms;
    settle(w);
}

static void answer(struct world *w, size_t i, int status)
{
    w->posts[i].done(w->posts[i].arg, &w->turn, status, STR(""));
    settle(w);
}

static void publish(struct world *w, const char *text)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sns_message m = { .body = str_of(text) };

    EXPECT_INT(sns_accept_and_publish(&w->turn, a, w->topic, &m), 0);
    settle(w);
}

/* ---- queues ---- */

TEST(deliver, a_refusal_is_final)
{
    struct world w;

    open_world(&w, SNS_SQS, true);
    w.queue_says = DELIVERY_NO_PERMISSION;
    publish(&w, "m");
    EXPECT_INT(w.to_queue, 1);
    EXPECT_INT(w.to_dead, 1);
    EXPECT_STR(buf_view(&w.last_dead), STR("m"));
    EXPECT_INT(outbox_count(w.outbox), 0);
    w.dead_says = DELIVERY_REFUSED;
    publish(&w, "n");
    EXPECT_INT(w.to_dead, 2);
    EXPECT_INT(outbox_count(w.outbox), 0); /* dropped */
    close_world(&w);
}

TEST(deliver, failures_follow_the_phases)
{
    struct world w;

    open_world(&w, SNS_SQS, true);
    w.queue_says = DELIVERY_FAILED;
    publish(&w, "m");
    EXPECT_INT(w.to_queue, 4); /* and three at once */
    EXPECT_INT(outbox_count(w.outbox), 1);
    advance(&w, 999);
    EXPECT_INT(w.to_queue, 4);
    advance(&w, 1);
    EXPECT_INT(w.to_queue, 5);
    advance(&w, 1000);
    EXPECT_INT(w.to_queue, 6);
    for (unsigned n = 6; n <= 20; n++)
        advance(&w, sns_retry_managed_ms(n));
    EXPECT_INT(w.to_queue, 21);
    w.queue_says = DELIVERED;
    advance(&w, 20000);
    EXPECT_INT(w.to_queue, 22);
    EXPECT_INT(outbox_count(w.outbox), 0);
    EXPECT_INT(w.to_dead, 0);
    close_world(&w);
}

TEST(deliver, a_failure_that_becomes_a_refusal)
{
    struct world w;

    open_world(&w, SNS_SQS, true);
    w.queue_says = DELIVERY_FAILED;
    publish(&w, "m");
    w.queue_says = DELIVERY_NO_RESOURCE;
    advance(&w, 1000);
    EXPECT_INT(w.to_dead, 1);
    EXPECT_INT(outbox_count(w.outbox), 0);
    close_world(&w);
}

TEST(deliver, a_dead_letter_queue_that_fails_is_asked_again)
{
    struct world w;

    open_world(&w, SNS_SQS, true);
    w.queue_says = DELIVERY_REFUSED;
    w.dead_says = DELIVERY_FAILED;
    publish(&w, "m");
    EXPECT(w.to_dead > 1);
    EXPECT_INT(w.to_queue, 1);
    EXPECT_INT(outbox_count(w.outbox), 1);
    w.dead_says = DELIVERED;
    advance(&w, 1000);
    EXPECT_INT(outbox_count(w.outbox), 0);
    EXPECT_INT(w.to_queue, 1);
    EXPECT_STR(buf_view(&w.last_dead), STR("m"));
    close_world(&w);
}

TEST(deliver, what_is_under_way_survives_a_crash_and_dies_with_its_subscription)
{
    struct world w;

    open_world(&w, SNS_SQS, true);
    w.queue_says = DELIVERY_FAILED;
    publish(&w, "m");
    stop(&w);
    start(&w);
    w.topic = sns_topic_find(w.sns, STR("arn:aws:sns:us-east-1:000000000000:t"));
    advance(&w, 1000);
    EXPECT_INT(w.to_queue, 5);
    sns_subscription_free(sns_subscription_by_id(w.sns, 2));
    advance(&w, 1000);
    EXPECT_INT(w.to_queue, 5);
    EXPECT_INT(outbox_count(w.outbox), 0);
    close_world(&w);
}

TEST(deliver, raw_with_eleven_attributes_is_refused)
{
    struct world w;
    struct pattern_attribute v[11];
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sns_message m = { .body = STR("m"), .attributes = v, .n_attributes = 11 };

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        v[i] = (struct pattern_attribute){ STR("a"), STR("String"), STR("x") };
    open_world(&w, SNS_SQS, true);
    EXPECT_INT(sns_accept_and_publish(&w.turn, a, w.topic, &m), 0);
    EXPECT_INT(w.to_queue, 0);
    EXPECT_INT(w.to_dead, 0); /* would have as many there */
    m.n_attributes = 10;
    EXPECT_INT(sns_accept_and_publish(&w.turn, a, w.topic, &m), 0);
    EXPECT_INT(w.to_queue, 1);
    close_world(&w);
}

TEST(deliver, a_wide_topic_takes_several_turns)
{
    struct world w;

    open_world(&w, SNS_SQS, true);
    for (uint64_t i = 0; i < 2 * SNS_FAN_MOST; i++) {
        char uuid[UUID_TEXT + 1];

        uuid_random(uuid);
        sns_subscription_new(w.topic, &(struct sns_subscription_init){ .id = 100 + i,
                                                                       .uuid = str_make(uuid, UUID_TEXT),
                                                                       .owner = STR("000000000000"),
                                                                       .endpoint = STR(QUEUE),
                                                                       .host = STR("h:1"),
                                                                       .state = SNS_CONFIRMED });
    }
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct sns_message m = { .body = STR("m") };
    EXPECT_INT(sns_accept_and_publish(&w.turn, a, w.topic, &m), 0);
    EXPECT_INT(w.to_queue, SNS_FAN_MOST);
    EXPECT_INT(outbox_count(w.outbox), 1);
    settle(&w);
    EXPECT_INT(w.to_queue, 2 * SNS_FAN_MOST + 1);
    EXPECT_INT(outbox_count(w.outbox), 0);
    close_world(&w);
}

/* Five subscribers behind the one without a policy, with as many numbers in theirs; they want 149. */
static void long_policies(struct world *w, int numbers)
{
    CLEANUP(buf_done) struct buf policy = { 0 };

    open_world(w, SNS_SQS, true);
    for (int i = 0; i < numbers; i++)
        buf_printf(&policy, i > 0 ? ",%d" : "{\"a\":[%d", i == 0 ? 149 : 1000 + i);
    buf_z(&policy, "]}");
    for (uint64_t i = 0; i < 5; i++) {
        char uuid[UUID_TEXT + 1];
        struct sns_subscription *sub;

        uuid_random(uuid);
        sub =
            sns_subscription_new(w->topic, &(struct sns_subscription_init){ .id = 100 + i,
                                                                            .uuid = str_make(uuid, UUID_TEXT),
                                                                            .owner = STR("000000000000"),
                                                                            .endpoint = STR(QUEUE),
                                                                            .host = STR("h:1"),
                                                                            .state = SNS_CONFIRMED });
        sub->attributes.text[SNS_SUB_SCOPE] = str_own(STR("MessageBody"));
        sub->attributes.text[SNS_SUB_FILTER] = str_own(buf_view(&policy));
        EXPECT_INT(sns_subscription_derive(sub), 0);
    }
}

/* 100,000 numbers, of which the last is wanted. */
static void publish_long(struct world *w)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf body = { 0 };
    struct sns_message m = { 0 };

    for (int i = 0; i < 100000; i++)
        buf_z(&body, i > 0 ? ",7" : "{\"a\":[7");
    buf_z(&body, ",149]}");
    m.body = buf_view(&body);
    EXPECT_INT(sns_accept_and_publish(&w->turn, a, w->topic, &m), 0);
}

/* Policies that take long are asked as long as the turn has steps; the rest follows in later turns, and
 * nobody is asked twice or left out. */
TEST(deliver, policies_that_take_long_take_several_turns)
{
    struct world w;

    long_policies(&w, 3);
    publish_long(&w);
    EXPECT(w.to_queue > 1 && w.to_queue < 6);
    EXPECT_INT(outbox_count(w.outbox), 1);
    w.turn.now.mono_ns++;
    settle(&w);
    EXPECT_INT(w.to_queue, 6);
    EXPECT_INT(outbox_count(w.outbox), 0);
    EXPECT_INT(w.n_jobs, 0);
    close_world(&w);
}

/* One that a whole turn does not suffice for is asked on the pool, with all behind it; the row holds until
 * then. */
TEST(deliver, a_policy_too_long_for_a_turn_is_asked_elsewhere)
{
    struct world w;

    long_policies(&w, 150);
    publish_long(&w);
    EXPECT_INT(w.to_queue, 1);            /* the one without a policy */
    EXPECT_INT(w.sns->elsewhere.left, 0); /* and no step more than a turn has */
    EXPECT_INT(outbox_count(w.outbox), 1);
    publish_long(&w);
    EXPECT_INT(outbox_count(w.outbox), 2); /* one after the other */
    settle(&w);
    EXPECT_INT(w.to_queue, 12);
    EXPECT_INT(outbox_count(w.outbox), 0);
    EXPECT(w.n_jobs >= 2);
    EXPECT(w.sns->elsewhere.job == NULL && w.sns->elsewhere.n == 0);
    close_world(&w);
}

static void policy_changes(struct world *w)
{
    struct sns_subscription *sub = sns_subscription_by_id(w->sns, 102);

    str_replace(&sub->attributes.text[SNS_SUB_FILTER], STR("{\"a\":[8]}"));
    sns_subscription_derive(sub);
    sns_subscription_free(sns_subscription_by_id(w->sns, 103));
}

TEST(deliver, what_changed_while_a_job_ran_counts)
{
    struct world w;

    long_policies(&w, 150);
    w.meanwhile = policy_changes;
    publish_long(&w);
    settle(&w);
    EXPECT_INT(w.to_queue, 4); /* the new policy does not want it, one has gone */
    EXPECT_INT(outbox_count(w.outbox), 0);
    close_world(&w);
}

static void world_loads_again(struct world *w)
{
    outbox_load(w->outbox, &w->turn);
    elsewhere_forget(&w->sns->elsewhere);
}

TEST(deliver, a_job_of_older_state_is_dropped)
{
    struct world w;

    long_policies(&w, 150);
    w.meanwhile = world_loads_again;
    publish_long(&w);
    settle(&w);
    EXPECT_INT(w.to_queue, 6);
    EXPECT_INT(outbox_count(w.outbox), 0);
    close_world(&w);
}

/* ---- endpoints ---- */

TEST(deliver, an_endpoint_gets_it_from_the_outbox)
{
    struct world w;

    open_world(&w, SNS_HTTP, true);
    publish(&w, "m");
    EXPECT_INT(w.n_posts, 1);
    EXPECT_STR(buf_view(&w.url), STR("http://e/"));
    EXPECT_INT(outbox_count(w.outbox), 1);
    answer(&w, 0, 200);
    EXPECT_INT(outbox_count(w.outbox), 0);
    close_world(&w);
}

TEST(deliver, an_endpoint_that_fails_three_times_more)
{
    struct world w;

    open_world(&w, SNS_HTTP, true);
    publish(&w, "m");
    for (size_t i = 0; i < 3; i++) {
        answer(&w, i, i == 1 ? 0 : 500);
        EXPECT_INT(w.n_posts, i + 1);
        advance(&w, 20000);
        EXPECT_INT(w.n_posts, i + 2);
    }
    EXPECT_INT(w.to_dead, 0);
    answer(&w, 3, 429);
    EXPECT_INT(w.to_dead, 1);
    EXPECT_INT(outbox_count(w.outbox), 0);
    close_world(&w);
}

/* One until it has answered, then four; it takes longer: two; it does not answer: one. */
TEST(deliver, few_posts_at_a_time)
{
    static const struct {
        int status;
        int64_t took_ms;
        size_t at_once;
    } rows[] = {
        { 200, 0, 4 },
        { 500, SNS_QUICK_MS, 4 },
        { 200, SNS_QUICK_MS + 1, 2 },
        { 0, 0, 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;

        open_world(&w, SNS_HTTP, true);
        for (size_t k = 0; k < 10; k++)
            publish(&w, "m");
        EXPECT_INT(w.n_posts, 1);
        w.turn.now.mono_ns += rows[i].took_ms * 1000000;
        answer(&w, 0, rows[i].status);
        EXPECT_INT(w.n_posts, 1 + rows[i].at_once);
        for (size_t k = 1; k < w.n_posts; k++)
            answer(&w, k, 200);
        EXPECT_INT(w.n_posts, 10);
        EXPECT_INT(w.sns->lines.under_way, 0);
        EXPECT_INT(outbox_count(w.outbox), rows[i].status == 200 ? 0 : 1);
        close_world(&w);
    }
}

static struct sns_subscription *another(struct world *w, uint64_t id, const char *url)
{
    char uuid[UUID_TEXT + 1];

    uuid_random(uuid);
    return sns_subscription_new(w->topic, &(struct sns_subscription_init){ .id = id,
                                                                           .uuid = str_make(uuid, UUID_TEXT),
                                                                           .owner = STR("000000000000"),
                                                                           .endpoint = str_of(url),
                                                                           .host = STR("h:1"),
                                                                           .protocol = SNS_HTTP,
                                                                           .state = SNS_CONFIRMED });
}

/* The same host and port in whatever spelling is one endpoint; another port is another. */
TEST(deliver, an_endpoint_is_a_host_and_a_port)
{
    struct world w;

    open_world(&w, SNS_HTTP, true);
    another(&w, 101, "http://e:80/other");
    another(&w, 102, "HTTP://u:p@E?a=/:1");
    another(&w, 103, "http://e:81/");
    another(&w, 104, "https://e/");
    another(&w, 105, "https://e:443");
    another(&w, 106, "http://[::1]/");
    another(&w, 107, "http://[::1]:80/");
    publish(&w, "m");
    EXPECT_INT(w.n_posts, 4);
    EXPECT_INT(w.sns->lines.endpoints.n, 4);
    for (size_t k = 0; k < w.n_posts; k++)
        answer(&w, k, 200);
    EXPECT_INT(w.n_posts, 8);
    close_world(&w);
}

/* A hundred that hang, each with a line: their part of the places is all they get; who is quick has the rest.
 */
TEST(deliver, endpoints_that_hang_hold_up_nobody)
{
    enum { HANGING = 100 };
    struct sns_subscription *hanging[HANGING];
    struct world w;

    open_world(&w, SNS_HTTP, true);
    publish(&w, "m");
    answer(&w, 0, 200);
    EXPECT_INT(w.n_posts, 1); /* the one of open_world(), quick from now on */
    for (size_t i = 0; i < HANGING; i++) {
        char url[40];

        snprintf(url, sizeof(url), "http://10.0.0.%zu/", i);
        hanging[i] = another(&w, 200 + i, url);
    }
    publish(&w, "m");
    EXPECT_INT(w.sns->lines.not_quick, SNS_POSTING_NOT_QUICK);
    EXPECT_INT(w.n_posts, 1 + 1 + SNS_POSTING_NOT_QUICK);
    for (size_t i = 0; i < 20; i++) { /* told to the end, message after message */
        size_t before = w.n_posts;

        answer(&w, i == 0 ? 1 : before - 1, 200);
        publish(&w, "m");
        EXPECT_INT(w.n_posts, before + 1);
        EXPECT_STR(buf_view(&w.url), STR("http://e/"));
    }
    EXPECT_INT(w.sns->lines.under_way, SNS_POSTING_NOT_QUICK + 1);
    answer(&w, 2, 0); /* one of them ends: the next endpoint has its turn */
    EXPECT_INT(w.sns->lines.not_quick, SNS_POSTING_NOT_QUICK);
    for (size_t i = 0; i < HANGING; i++)
        EXPECT(hanging[i] != NULL);
    close_world(&w);
}

/* A row that has lost its subscriber while it stood in line passes its place on. */
TEST(deliver, a_place_nobody_needs_goes_on)
{
    struct sns_subscription *second;
    struct world w;

    open_world(&w, SNS_HTTP, true);
    second = another(&w, 101, "http://e/second");
    for (size_t i = 0; i < 6; i++)
        publish(&w, "m");
    EXPECT_INT(w.n_posts, 1);
    sns_subscription_enter(w.sub, SNS_ENDED, NOW);
    for (size_t k = 0; k < w.n_posts; k++)
        answer(&w, k, 200);
    EXPECT_INT(w.n_posts, 1 + 6);
    EXPECT_INT(w.sns->lines.under_way, 0);
    EXPECT_INT(outbox_count(w.outbox), 0);
    EXPECT(second != NULL);
    close_world(&w);
}

TEST(deliver, an_answer_from_before_a_failed_turn_counts_no_more)
{
    struct world w;

    open_world(&w, SNS_HTTP, true);
    publish(&w, "m");
    sns_load(w.sns, &w.turn);
    outbox_load(w.outbox, &w.turn);
    w.topic = sns_topic_find(w.sns, STR("arn:aws:sns:us-east-1:000000000000:t"));
    settle(&w);
    EXPECT_INT(w.n_posts, 2);
    answer(&w, 0, 200);
    EXPECT_INT(outbox_count(w.outbox), 1);
    answer(&w, 1, 200);
    EXPECT_INT(outbox_count(w.outbox), 0);
    close_world(&w);
}

TEST(deliver, pending_and_ended_get_no_notification)
{
    struct world w;

    open_world(&w, SNS_HTTP, true);
    publish(&w, "m");
    sns_subscription_enter(w.sub, SNS_ENDED, NOW);
    publish(&w, "n");
    answer(&w, 0, 500);
    EXPECT_INT(w.n_posts, 1);
    EXPECT_INT(outbox_count(w.outbox), 0);
    close_world(&w);
}

UNIT_MAIN
