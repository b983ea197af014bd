/* test_inner.c - operations performed inside a turn, without a socket (wire/inner.h): a service of SQS's
 * model whose handlers do what a test wants. */
#include "wire/inner.h"

#include <fcntl.h>
#include <string.h>
#include "engine/engine.h"
#include "model/logs.h"
#include "model/sqs.h"
#include "turn/turn.h"
#include "unit.h"

#define A_QUEUE "http://localhost/000000000000/q"

static struct engine *engine;
static uv_loop_t loop;
static struct clock the_clock;
static struct store *store;
static struct router *router;
static struct arena *mem;
static struct inner *begun;
static struct call *waits;
static int n_done, result, n_gone, fatal_error;
static size_t open_files;
static int a_file;
static struct str action_asked;

static void after_commit(void *arg UNUSED, const struct now *now UNUSED) {}
static void flush(void *arg UNUSED) {}
static void fatal(void *arg UNUSED, int error, const char *why UNUSED) { fatal_error = error; }

/* ---- what the service does, by the message's body ---- */

static void went(struct call *c UNUSED) { n_gone++; }

static int may(void *arg UNUSED, struct call *c, const char *action, const struct resource *what)
{
    action_asked = str_of(action);
    if (str_eq(what->owner, c->account) && c->principal.kind == PRINCIPAL_OPERATOR)
        return 0;
    return call_fault(c, &error_access_denied, "not you, " STR_FMT, STR_ARG(c->principal.arn));
}

static int answers_with_a_file(struct call *c)
{
    struct segment *v = ARENA_NEW(c->mem, struct segment);

    *v = (struct segment){ .fd = open("/dev/null", O_RDONLY | O_CLOEXEC), .from = 0, .bytes = 1 };
    a_file = v->fd;
    call_files(c, v, 1, &open_files);
    return 0;
}

static int send_message(struct call *c, const void *input, void *output)
{
    const struct sqs_SendMessageRequest *in = input;
    struct sqs_SendMessageResult *out = output;

    if (str_is(in->MessageBody, "patient") || str_is(in->MessageBody, "stubborn")) {
        waits = c;
        c->on_gone = str_is(in->MessageBody, "patient") ? went : NULL;
        return -E_WAIT;
    }
    if (str_is(in->MessageBody, "breaks")) {
        store_setting_put(c->turn->store, STR("half"), STR("written"));
        return -E_SYSTEM;
    }
    if (str_is(in->MessageBody, "file"))
        return answers_with_a_file(c);
    if (call_may(c, "sqs:SendMessage",
                 &(struct resource){ .arn = STR("arn"), .owner = STR("000000000000") }) < 0)
        return -E_FAULT;
    store_setting_put(c->turn->store, STR("sent"), in->MessageBody);
    call_header(c, "x-told", STR("to nobody"));
    out->MessageId =
        arena_printf(c->mem, STR_FMT " in " STR_FMT, STR_ARG(in->MessageBody), STR_ARG(c->region));
    out->MD5OfMessageBody = c->principal.arn;
    return 0;
}

static const struct handler handlers[] = { { .op = "SendMessage", .fn = send_message } };
static int create_log_group(struct call *c UNUSED, const void *input UNUSED, void *output UNUSED)
{
    return 0;
}

static const struct handler log_handlers[] = { { .op = "CreateLogGroup", .fn = create_log_group } };
static const struct service logs = { .model = &logs_model, .handlers = log_handlers, .n_handlers = 1 };
static const struct service service = { .model = &sqs_model, .handlers = handlers, .n_handlers = 1 };

/* ---- a world with it ---- */

static void setup(void)
{
    static const struct service *const list[] = { &service, &logs };
    struct engine_options o = { .loop = &loop,
                                .clock = &the_clock,
                                .after_commit = after_commit,
                                .flush = flush,
                                .fatal = fatal,
                                .gate = { may, NULL } };

    CHECK(uv_loop_init(&loop) == 0);
    clock_init(&the_clock);
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &store, NULL) == 0);
    router = router_new(list, 2);
    o.store = store;
    o.router = router;
    engine = engine_new(&o);
    mem = arena_new(0);
    begun = NULL;
    waits = NULL;
    n_done = n_gone = fatal_error = 0;
    result = 1;
    action_asked = STR_NONE;
}

static void teardown(void)
{
    engine_stop(engine);
    uv_run(&loop, UV_RUN_DEFAULT);
    engine = engine_free(engine);
    router = router_free(router);
    store = store_close(store);
    CHECK(uv_loop_close(&loop) == 0);
    mem = arena_free(mem);
}

static void done(struct inner *i, int r)
{
    EXPECT(begun == NULL || begun == i);
    begun = i;
    n_done++;
    result = r;
}

struct asked {
    const char *service, *op, *json;
    int kind;
};

static void ask_turn(void *arg, struct turn *t)
{
    const struct asked *a = arg;
    struct inner_request r = { .service = a->service,
                               .op = a->op,
                               .json = str_of(a->json),
                               .principal = { .kind = a->kind,
                                              .account = STR("000000000000"),
                                              .arn = STR("arn:aws:iam::000000000000:root") },
                               .region = STR("eu-west-1") };

    begun = NULL;
    begun = inner_begin(t, mem, &r, done, NULL);
}

static int ask_of(const char *service_name, const char *op, const char *json, int kind)
{
    return engine_run_now(engine, ask_turn, &(struct asked){ service_name, op, json, kind });
}

static int ask(const char *op, const char *json, int kind) { return ask_of("sqs", op, json, kind); }

static int send_body(const char *body)
{
    char json[200];

    snprintf(json, sizeof(json), "{\"QueueUrl\":\"" A_QUEUE "\",\"MessageBody\":\"%s\"}", body);
    return ask("SendMessage", json, PRINCIPAL_OPERATOR);
}

static struct str setting(const char *name) { return store_setting(store, mem, str_of(name)); }

static void expect_fault(const char *code, const char *text)
{
    EXPECT_INT(n_done, 1);
    EXPECT_INT(result, -E_FAULT);
    EXPECT_STR(str_of(begun->call.fault.row->name), str_of(code));
    EXPECT_STR(begun->call.fault.message, str_of(text));
}

TEST(inner, an_operation_is_done_for_its_principal_in_the_askers_turn)
{
    setup();
    EXPECT_INT(send_body("hello"), 0);
    EXPECT_INT(n_done, 1);
    EXPECT_INT(result, 0);
    EXPECT_STR(inner_json(begun),
               STR("{\"MD5OfMessageBody\":\"arn:aws:iam::000000000000:root\",\"MessageId\":\"hello in "
                   "eu-west-1\"}"));
    EXPECT_STR(setting("sent"), STR("hello"));
    EXPECT_STR(action_asked, STR("sqs:SendMessage"));
    EXPECT(!begun->waiting);
    teardown();
}

TEST(inner, who_may_not_is_refused)
{
    setup();
    ask("SendMessage", "{\"QueueUrl\":\"" A_QUEUE "\",\"MessageBody\":\"m\"}", PRINCIPAL_ROLE);
    expect_fault("AccessDeniedException", "not you, arn:aws:iam::000000000000:root");
    EXPECT(str_absent(setting("sent")));
    teardown();
}

TEST(inner, what_does_not_fit_is_refused_as_from_anybody)
{
    setup();
    ask_of("logs", "CreateLogGroup", "{}", PRINCIPAL_OPERATOR);
    expect_fault("ValidationException",
                 "1 validation error detected: Value null at 'logGroupName' failed to satisfy "
                 "constraint: Member must not be null");
    ask_of("logs", "CreateLogGroup", "{\"logGroupName\":\"g\"}", PRINCIPAL_OPERATOR);
    EXPECT_INT(result, 0);
    EXPECT_STR(inner_json(begun), STR(""));
    teardown();
    setup();
    ask("SendMessage", "{\"QueueUrl\":", PRINCIPAL_OPERATOR);
    EXPECT_INT(result, -E_FAULT);
    EXPECT_STR(str_of(begun->call.fault.row->name), STR("SerializationException"));
    teardown();
}

TEST(inner, what_nobody_serves_is_refused_by_name)
{
    setup();
    ask("PurgeQueue", "{}", PRINCIPAL_OPERATOR);
    expect_fault("NotImplementedException", "Waybill does not implement PurgeQueue (sqs)");
    teardown();
    setup();
    ask("NoSuch", "{}", PRINCIPAL_OPERATOR);
    expect_fault("NotImplementedException", "Waybill does not know NoSuch (sqs)");
    teardown();
}

static void reply_turn(void *arg UNUSED, struct turn *t UNUSED)
{
    ((struct sqs_SendMessageResult *)waits->output)->MessageId = STR("late");
    call_reply(waits, 0);
}

static void cancel_turn(void *arg, struct turn *t) { *(bool *)arg = inner_cancel(begun, t); }

TEST(inner, one_that_waits_is_answered_in_a_later_turn)
{
    setup();
    send_body("patient");
    EXPECT_INT(n_done, 0);
    EXPECT(begun->waiting);
    engine_run_now(engine, reply_turn, NULL);
    EXPECT_INT(n_done, 1);
    EXPECT_INT(result, 0);
    EXPECT(!begun->waiting);
    EXPECT_STR(inner_json(begun), STR("{\"MessageId\":\"late\"}"));
    teardown();
}

TEST(inner, one_that_waits_can_be_cancelled)
{
    bool over = false;

    setup();
    send_body("patient");
    engine_run_now(engine, cancel_turn, &over);
    EXPECT(over && n_gone == 1 && n_done == 0);
    teardown();
    setup();
    send_body("stubborn");
    engine_run_now(engine, cancel_turn, &over);
    EXPECT(!over && n_gone == 0 && n_done == 0);
    engine_run_now(engine, reply_turn, NULL);
    EXPECT_INT(n_done, 1);
    teardown();
}

TEST(inner, one_that_breaks_undoes_its_turn)
{
    setup();
    EXPECT_INT(send_body("breaks"), -E_UNDONE);
    EXPECT_INT(n_done, 1);
    EXPECT_INT(result, -E_FAULT);
    EXPECT(str_absent(setting("half")));
    teardown();
}

TEST(inner, an_output_that_lies_in_a_file_is_refused_and_the_file_closed)
{
    setup();
    send_body("file");
    expect_fault("NotImplementedException",
                 "What SendMessage answers lies in a file and is served by a request of its own alone");
    EXPECT_INT(open_files, 0);
    EXPECT(a_file > 0 && fcntl(a_file, F_GETFD) < 0);
    teardown();
}

UNIT_MAIN
