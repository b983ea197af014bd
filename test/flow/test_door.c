/* Doors: what a found target says, that one look-up serves a whole delivery, and that none outlives its turn.
 */
#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>
#include "flow/deadletter.h"
#include "door.h"

#define QUEUE "arn:aws:sqs:us-east-1:111111111111:q"
#define TOPIC "arn:aws:sns:us-east-1:111111111111:t"

struct table {
    struct sinks sinks;
    struct turn turn;
    size_t looked_up, tried;
    enum sink_state state;
    enum delivery says;
    char to[64];
};

static void find(struct door *d)
{
    struct table *w = d->sink->arg;

    w->looked_up++;
    d->state = w->state;
    d->what.policy = policy_for_all();
    d->most_bytes = 400;
    d->object = w;
}

static enum delivery deliver(const struct door *d, const struct parcel *p, struct buf *why)
{
    struct table *w = d->object;

    w->tried++;
    snprintf(w->to, sizeof(w->to), STR_FMT, STR_ARG(d->arn.resource));
    EXPECT(p->body.n <= d->most_bytes);
    buf_z(why, "here");
    return w->says;
}

static enum role_verdict role_may(void *arg UNUSED, struct str role UNUSED, const char *action,
                                  const struct resource *what, struct now now UNUSED, struct buf *why UNUSED)
{
    EXPECT_Z(action, "sqs:SendMessage");
    EXPECT_STR(what->arn, STR(QUEUE));
    EXPECT_STR(what->owner, STR("111111111111"));
    return ROLE_ALLOWED;
}

/* "sqs" looks up, "sns" has nothing to look up in. */
static void table_make(struct table *w)
{
    *w = (struct table){ .turn.now = { 1789400786443, 7 }, .sinks.role_may = role_may };
    sinks_add(&w->sinks, &(struct sink){ .service = "sqs",
                                         .action = "sqs:SendMessage",
                                         .max_body_bytes = 5,
                                         .find = find,
                                         .deliver = deliver,
                                         .arg = w });
    sinks_add(&w->sinks, &(struct sink){ .service = "sns", .action = "sns:Publish", .max_body_bytes = 5 });
}

TEST(door, what_it_says)
{
    struct table w;
    struct door d;

    table_make(&w);
    w.state = SINK_FIFO;
    d = door_find(&w.sinks, &w.turn, STR(QUEUE));
    EXPECT_Z(d.sink->service, "sqs");
    EXPECT_STR(d.arn.resource, STR("q"));
    EXPECT_STR(d.what.owner, STR("111111111111"));
    EXPECT(d.what.policy == policy_for_all());
    EXPECT_INT(d.state, SINK_FIFO);
    EXPECT_INT(d.most_bytes, 400);
    EXPECT(d.object == &w);
    d = door_find(&w.sinks, &w.turn, STR(TOPIC));
    EXPECT_Z(d.sink->service, "sns");
    EXPECT_INT(d.state, SINK_OK);
    EXPECT_INT(d.most_bytes, 5);
    EXPECT(d.what.policy == NULL);
    EXPECT(d.object == NULL);
}

TEST(door, that_leads_nowhere)
{
    static const char *const nowhere[] = { "", "kafka://b", "arn:aws:sqs:us-east-1:1",
                                           "arn:aws:kinesis:us-east-1:111111111111:stream/s" };
    struct sender from = { .principal = "sns.amazonaws.com" };
    struct parcel p = { .body = STR("m") };
    struct table w;

    table_make(&w);
    for (size_t i = 0; i < ARRAY_LEN(nowhere); i++) {
        CLEANUP(buf_done) struct buf why = { 0 };
        struct door d = door_find(&w.sinks, &w.turn, str_of(nowhere[i]));

        EXPECT(d.sink == NULL);
        EXPECT_INT(str_absent(d.arn.service), i != 3);
        EXPECT_INT(door_role_may(&d, &(struct role_asks){ .role_arn = STR("r") }, &why), ROLE_UNKNOWN);
        EXPECT(!door_service_may(&d, &from, &why));
        EXPECT_STR(buf_view(&why), STR("Waybill does not deliver to this service"));
        EXPECT_INT(door_as_service(&d, &p, &why), DELIVERY_REFUSED);
        EXPECT_INT(door_deliver(&d, &p, &why), DELIVERY_REFUSED);
    }
    EXPECT_INT(w.looked_up, 0);
}

/* A target without a policy lets no service in, whatever kind it is. */
TEST(door, without_a_policy)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct sender from = { .principal = "sns.amazonaws.com", .arn = STR("arn:x") };
    struct table w;
    struct door d;

    table_make(&w);
    d = door_find(&w.sinks, &w.turn, STR(TOPIC));
    EXPECT(!door_service_may(&d, &from, &why));
    EXPECT_STR(buf_view(&why), STR("the target has no policy: nothing allows sns.amazonaws.com to do "
                                   "sns:Publish here for arn:x"));
    d = door_find(&w.sinks, &w.turn, STR(QUEUE));
    EXPECT(door_service_may(&d, &from, &why));
}

/* Role, size, three tries: the target is looked up once for all of them. */
TEST(door, one_look_up_for_a_delivery)
{
    CLEANUP(buf_done) struct buf story = { 0 }, why = { 0 };
    struct destination_facts to = { .target_arn = STR(QUEUE), .role_arn = STR("r"), .source_arn = STR("f") };
    struct record_facts record = { .condition = CONDITION_SUCCESS, .request_id = STR("i") };
    struct dead_letter_facts dead = { .condition = CONDITION_RETRIES_EXHAUSTED, .status = 200 };
    struct parcel p = { .from = { .principal = "sns.amazonaws.com" }, .body = STR("m") };
    struct table w;
    struct door d;

    table_make(&w);
    EXPECT_INT(destination_deliver(&w.sinks, &w.turn, &to, &record, &story), DELIVERED);
    EXPECT_INT(w.looked_up, 1);
    EXPECT_Z(w.to, "q");
    w.says = DELIVERY_FAILED;
    EXPECT_INT(dead_letter_deliver(&w.sinks, &w.turn, &to, &dead, &story), DELIVERY_FAILED);
    EXPECT_INT(w.looked_up, 2);
    EXPECT_INT(w.tried, 4);
    w.says = DELIVERED;
    d = door_find(&w.sinks, &w.turn, STR(QUEUE));
    EXPECT_INT(door_as_service(&d, &p, &why), DELIVERED);
    EXPECT_INT(w.looked_up, 3);
    w.state = SINK_MISSING;
    d = door_find(&w.sinks, &w.turn, STR(QUEUE));
    EXPECT_INT(door_as_service(&d, &p, &why), DELIVERY_NO_RESOURCE);
    EXPECT_INT(w.tried, 5);
}

/* What lay behind it may be gone, and another of its name be there. */
TEST(door, of_another_turn_aborts)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct parcel p = { .body = STR("m") };
    int status = 0;
    struct table w;
    struct door d;
    pid_t pid;

    table_make(&w);
    d = door_find(&w.sinks, &w.turn, STR(QUEUE));
    w.turn.now.mono_ns++;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        CHECK(freopen("/dev/null", "w", stderr) != NULL);
        (void)door_deliver(&d, &p, &why);
        _exit(0);
    }
    EXPECT_INT(waitpid(pid, &status, 0), pid);
    EXPECT(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    EXPECT_INT(w.tried, 0);
    d = door_find(&w.sinks, &w.turn, STR(QUEUE));
    EXPECT_INT(door_deliver(&d, &p, &why), DELIVERED);
}

UNIT_MAIN
