/* test_call.c - from a request to its reply, above a net that only listens: what is held until the commit,
 * what becomes of a client that left, and what is refused before any turn. */
#include <unistd.h>

#include "engine/engine.h"
#include "model/logs.h"
#include "model/s3.h"
#include "model/sqs.h"
#include "net/exchange.h"
#include "store/disk.h"
#include "unit.h"

static struct engine *engine;
static uv_loop_t loop;
static struct clock the_clock;
static struct store *store;
static struct router *router;
static int fatal_error;
static char dir[256];

/* ---- net ---- */

static struct client { /* one request, and what came back */
    struct exchange x;
    struct header headers[4];
    int replies, status;
    bool held;
    char head[1024], body[1024];
} client[4];

struct str exchange_header(const struct exchange *x, const char *name)
{
    for (size_t i = 0; i < x->n_headers; i++)
        if (str_eq_nocase(x->headers[i].name, str_of(name)))
            return x->headers[i].value;
    return STR_NONE;
}

void exchange_reply(struct exchange *x, int status, struct str headers, struct str body)
{
    struct client *k = CONTAINER_OF(x, struct client, x);

    EXPECT(!k->held);
    k->replies++;
    k->status = status;
    snprintf(k->head, sizeof k->head, STR_FMT, STR_ARG(headers));
    snprintf(k->body, sizeof k->body, STR_FMT, STR_ARG(body));
}

void exchange_reply_pieces(struct exchange *x, int status, struct str headers, int64_t bytes UNUSED,
                           struct body_source *source)
{
    source->stop(source);
    exchange_reply(x, status, headers, STR("in pieces"));
}

void exchange_resume(struct exchange *x UNUSED) {}
void exchange_hold(struct exchange *x) { CONTAINER_OF(x, struct client, x)->held = true; }
void exchange_release(struct exchange *x) { CONTAINER_OF(x, struct client, x)->held = false; }

/* ---- services ---- */

static struct {
    int handled, gone, replies_then, result;
    bool writes, fills, asks_gone, custom;
    struct call *call;
    size_t open_files;
    int pipe[2];
} service;

static void on_gone(struct call *c)
{
    EXPECT(c->turn != NULL && c == service.call);
    service.gone++;
}

static int handle(struct call *c, const void *input UNUSED, void *output)
{
    struct sqs_GetQueueUrlResult *out = output;
    struct segment *v = ARENA_NEW(c->mem, struct segment);

    service.handled++;
    service.call = c;
    service.replies_then = client[0].replies;
    out->QueueUrl = STR("here");
    if (service.writes)
        store_setting_put(c->turn->store, STR("test"), c->region);
    if (service.fills)
        out->QueueUrl = str_make(arena_alloc(c->mem, (size_t)1 << 20), 1 << 10);
    if (service.asks_gone)
        c->on_gone = on_gone;
    if (service.custom) {
        c->status = 202;
        call_header(c, "X-Own", STR("yes"));
    }
    if (service.open_files > 0) {
        *v = (struct segment){ dup(service.pipe[0]), 0, 9 };
        call_files(c, v, 1, &service.open_files);
    }
    if (service.result == -E_FAULT)
        return call_fault(c, &sqs_error_QueueDoesNotExist, "no such queue");
    return service.result;
}

static int raw(struct call *c, const void *input UNUSED, void *output UNUSED)
{
    call_raw(c, 0, "text/plain", STR("as it is"));
    return 0;
}

static const struct handler handlers[] = { { "GetQueueUrl", handle, 0 }, { "CreateQueue", raw, 1000 } };
static const struct handler object_handlers[] = { { "PutObject", raw, 1000 } };
static const struct handler log_handlers[] = { { "CreateLogGroup", raw, 0 } };

/* ---- the engine ---- */

static void after_commit(void *arg UNUSED, const struct now *now UNUSED) {}
static void flush(void *arg UNUSED) {}
static void fatal(void *arg UNUSED, int error, const char *why UNUSED) { fatal_error = error; }
static void principal(void *arg UNUSED, struct arena *a UNUSED, struct str key UNUSED,
                      struct str token UNUSED, struct str account, int64_t now_ms UNUSED,
                      struct principal *ret)
{
    *ret = (struct principal){ .account = account, .arn = STR("arn:aws:iam::000000000000:root") };
}

static int admit_result;
static int admit(struct call *c)
{
    return admit_result == 0 ? 0 : call_fault(c, &error_access_denied, "not today");
}

static void open_all(bool on_disk)
{
    static struct service queues, logs, objects;
    static const struct service *const all[] = { &queues, &logs, &objects };
    struct engine_options o = { .loop = &loop,
                                .clock = &the_clock,
                                .default_account = STR("000000000000"),
                                .principal = principal,
                                .admit = admit,
                                .after_commit = after_commit,
                                .flush = flush,
                                .fatal = fatal };

    queues = (struct service){ &sqs_model, handlers, ARRAY_LEN(handlers), NULL, true };
    objects = (struct service){ &s3_model, object_handlers, 1, NULL, false };
    logs = (struct service){ &logs_model, log_handlers, 1, NULL, false };
    snprintf(dir, sizeof dir, "/tmp/waybill-test-call-%d", (int)getpid());
    CHECK(uv_loop_init(&loop) == 0);
    clock_init(&the_clock);
    CHECK(store_open(&(struct store_options){ .dir = dir, .ephemeral = !on_disk }, &store, NULL) == 0);
    o.store = store;
    o.router = router = router_new(all, ARRAY_LEN(all));
    engine = engine_new(&o);
    memset(&service, 0, sizeof service);
    fatal_error = admit_result = 0;
}

static void close_all(void)
{
    char command[300];

    engine_stop(engine);
    uv_run(&loop, UV_RUN_DEFAULT);
    engine = engine_free(engine);
    router = router_free(router);
    store = store_close(store);
    CHECK(uv_loop_close(&loop) == 0);
    for (size_t i = 0; i < ARRAY_LEN(client); i++) {
        EXPECT(client[i].replies == (client[i].x.mem != NULL)); /* once, each */
        arena_free(client[i].x.mem);
        memset(&client[i], 0, sizeof client[i]);
    }
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    EXPECT_INT(system(command), 0);
}

static struct client *ask_in(size_t i, const char *op, const char *scope, struct str body, size_t memory)
{
    struct client *k = &client[i];
    struct arena *a = arena_new(memory);

    k->headers[0] =
        (struct header){ STR("X-Amz-Target"),
                         arena_printf(a, "%s%s", strchr(op, '.') != NULL ? "" : "AmazonSQS.", op) };
    k->headers[1] = (struct header){ STR("Content-Type"), STR("application/x-amz-json-1.0") };
    k->headers[2] = (struct header){ STR("Authorization"),
                                     arena_printf(a,
                                                  "AWS4-HMAC-SHA256 Credential=AKIA/20260101/%s/sqs/"
                                                  "aws4_request, SignedHeaders=host, Signature=0",
                                                  scope) };
    k->headers[3] = (struct header){ STR("x-amzn-query-mode"), STR("true") };
    k->x = (struct exchange){ .magic = EXCHANGE_MAGIC,
                              .mem = a,
                              .method = STR("POST"),
                              .path = STR("/"),
                              .query = STR(""),
                              .headers = k->headers,
                              .n_headers = 4,
                              .body = body,
                              .peer = STR("127.0.0.1:1") };
    engine_request(engine, &k->x);
    return k;
}

static struct client *ask(size_t i)
{
    return ask_in(i, "GetQueueUrl", "eu-west-1", STR("{\"QueueName\":\"q\"}"), 0);
}

static void leave(struct client *k)
{
    k->x.gone = true;
    k->x.on_gone(&k->x);
}

static void some_turns(void)
{
    for (int i = 0; i < 5; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        UNIT_FAIL("\"%s\" is not in: %s", part, text);
}

/* ---- the tests ---- */

TEST(call, is_answered_after_its_turn)
{
    struct client *k;

    open_all(false);
    k = ask(0);
    EXPECT_INT(service.handled, 0); /* not before a turn */
    some_turns();
    EXPECT_INT(service.handled, 1);
    EXPECT_INT(service.replies_then, 0);
    EXPECT_INT(k->status, 200);
    EXPECT_Z(k->body, "{\"QueueUrl\":\"here\"}");
    has(k->head, "Content-Type: application/x-amz-json-1.0\r\n");
    has(k->head, "x-amzn-RequestId: ");
    EXPECT(k->x.on_gone == NULL); /* a client that goes now is nobody's business */
    close_all();
}

TEST(call, tells_where_and_who)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    open_all(false);
    service.writes = true;
    ask(0);
    some_turns();
    EXPECT_STR(store_setting(store, a, STR("test")), STR("eu-west-1"));
    EXPECT_STR(service.call->account, STR("000000000000"));
    EXPECT_STR(service.call->access_key, STR("AKIA"));
    ask_in(1, "GetQueueUrl", "", STR("{\"QueueName\":\"q\"}"), 0);
    some_turns();
    EXPECT_STR(service.call->region, STR("us-east-1"));
    EXPECT_INT(ask_in(2, "GetQueueUrl", "NoRegion", STR("{}"), 0)->status, 403); /* at once */
    EXPECT_INT(service.handled, 2);
    close_all();
}

TEST(call, own_status_headers_and_body)
{
    struct client *k;

    open_all(false);
    service.custom = true;
    k = ask(0);
    some_turns();
    EXPECT_INT(k->status, 202);
    has(k->head, "X-Own: yes\r\n");
    k = ask_in(1, "CreateQueue", "eu-west-1", STR("{\"QueueName\":\"q\"}"), 0);
    some_turns();
    EXPECT_INT(k->status, 200);
    EXPECT_Z(k->body, "as it is");
    has(k->head, "Content-Type: text/plain\r\n");
    has(k->head, "x-amzn-RequestId: ");
    close_all();
}

TEST(call, a_fault_keeps_no_status_of_its_own)
{
    struct client *k;
    struct engine_stats s;

    open_all(false);
    service.custom = true;
    service.result = -E_FAULT;
    k = ask(0);
    some_turns();
    EXPECT_INT(k->status, 400);
    has(k->body, "no such queue");
    has(k->head, "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n");
    engine_stats(engine, &s);
    EXPECT_INT(s.faults, 1);
    EXPECT_INT(s.requests, 1);
    close_all();
}

/* Every reply that was held becomes a 500, and nothing of what it was to say goes out. */
TEST(call, a_commit_that_fails_fails_every_reply)
{
    struct client *k;

    disk_arm();
    open_all(true);
    service.writes = true;
    disk_plan(&(struct disk_plan){ .which = DISK_WRITE, .fail_at = 1, .for_ever = true, .full = true });
    ask(0);
    service.custom = true;
    ask(1);
    some_turns();
    EXPECT(disk_failed());
    EXPECT_INT(service.handled, 2);
    EXPECT_INT(fatal_error, -E_FULL);
    for (size_t i = 0; i < 2; i++) {
        EXPECT_INT(client[i].status, 500);
        has(client[i].body, "InternalFailure");
        has(client[i].body, "could not be made durable");
        EXPECT(strstr(client[i].body, "here") == NULL);
        has(client[i].head, "Content-Type: application/x-amz-json-1.0\r\n");
        EXPECT(strstr(client[i].head, "X-Own") == NULL);
    }
    disk_plan(&(struct disk_plan){ 0 });
    fatal_error = 0;
    k = ask(2);
    some_turns();
    EXPECT_INT(k->status, 202);
    EXPECT_INT(fatal_error, 0);
    close_all();
}

TEST(call, files_of_a_reply_that_fails_are_closed)
{
    open_all(false);
    CHECK(pipe(service.pipe) == 0);
    service.open_files = 1;
    ask(0);
    some_turns();
    EXPECT_Z(client[0].body, "in pieces");
    service.result = -E_FAULT;
    ask(1);
    some_turns();
    EXPECT_INT(client[1].status, 400);
    has(client[1].body, "no such queue");
    service.result = 0;
    service.writes = true;
    ask(2);
    ask_in(3, "GetQueueUrl", "eu-west-1", STR("{\"QueueName\":\"q\"}"), 0);
    service.result = -E_IO; /* and the turn of a handler that broke is undone */
    some_turns();
    EXPECT_INT(client[2].status, 500);
    EXPECT_INT(client[3].status, 500);
    EXPECT_INT(fatal_error, -E_UNDONE);
    EXPECT_INT(service.open_files, 1); /* all four closed theirs */
    close(service.pipe[0]);
    close(service.pipe[1]);
    close_all();
}

TEST(call, a_handler_that_breaks_undoes_its_turn)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    open_all(false);
    service.writes = true;
    service.result = -E_INVALID;
    ask(0);
    some_turns();
    EXPECT_INT(client[0].status, 500);
    EXPECT_INT(fatal_error, -E_UNDONE);
    EXPECT_STR(store_setting(store, a, STR("test")), STR_NONE);
    fatal_error = 0;
    service.result = -E_FAULT; /* a fault is an answer */
    ask(1);
    some_turns();
    EXPECT_INT(client[1].status, 400);
    EXPECT_INT(fatal_error, 0);
    close_all();
}

/* An answer that outgrew the request's memory is not sent with holes in it. */
TEST(call, too_large_an_answer)
{
    open_all(false);
    service.fills = true;
    ask_in(0, "GetQueueUrl", "eu-west-1", STR("{\"QueueName\":\"q\"}"), (size_t)256 << 10);
    some_turns();
    EXPECT_INT(service.handled, 1);
    EXPECT_INT(client[0].status, 500);
    has(client[0].body, "more memory than one request may use");
    close_all();
}

/* ---- clients that leave ---- */

TEST(gone, who_waits_is_told_in_the_next_turn)
{
    open_all(false);
    service.asks_gone = true;
    service.result = -E_WAIT;
    ask(0);
    some_turns();
    EXPECT_INT(service.handled, 1);
    EXPECT_INT(client[0].replies, 0);
    leave(&client[0]);
    EXPECT_INT(service.gone, 0);
    some_turns();
    EXPECT_INT(service.gone, 1);
    EXPECT_INT(client[0].status, 499);
    close_all();
}

/* Gone before its turn came: the handler runs, and whoever would wait is told at once. */
TEST(gone, before_its_turn)
{
    open_all(false);
    service.asks_gone = true;
    service.result = -E_WAIT;
    ask(0);
    leave(&client[0]);
    some_turns();
    EXPECT_INT(service.handled, 1);
    EXPECT_INT(service.gone, 1);
    EXPECT_INT(client[0].status, 499);
    close_all();
}

static void answer_later(void *arg, struct turn *t UNUSED) { call_reply(arg, 0); }

TEST(gone, whose_waiter_does_not_ask)
{
    open_all(false);
    service.result = -E_WAIT;
    ask(0);
    some_turns();
    leave(&client[0]);
    some_turns();
    EXPECT_INT(client[0].replies, 0);
    engine_soon(engine, answer_later, service.call);
    some_turns();
    EXPECT_INT(client[0].status, 200); /* net throws it away */
    close_all();
}

/* ---- refused before any turn ---- */

TEST(refused, at_once)
{
    static const struct {
        const char *op, *body, *says;
        int status;
    } rows[] = {
        { "SendMessage", "{}", "does not implement SendMessage", 501 },
        { "GetQueueUrl", "{", "SerializationException", 400 },
        { "Logs_20140328.CreateLogGroup", "{}", "logGroupName", 400 },
        { "Logs_20140328.CreateLogGroup", "{", "SerializationException", 400 },
    };
    struct engine_stats s;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        open_all(false);
        ask_in(0, rows[i].op, "eu-west-1", str_of(rows[i].body), 0);
        EXPECT_INT(client[0].status, rows[i].status);
        has(client[0].body, rows[i].says);
        has(client[0].head, "Content-Type: application/x-amz-json-1.");
        some_turns();
        EXPECT_INT(service.handled, 0);
        engine_stats(engine, &s);
        EXPECT_INT(s.faults, 1);
        close_all();
    }
    open_all(false);
    ask_in(0, "Logs_20140328.CreateLogGroup", "eu-west-1", STR("{\"logGroupName\":\"g\"}"), 0);
    some_turns();
    EXPECT_INT(client[0].status, 200);
    close_all();
    open_all(false);
    admit_result = -E_FAULT;
    EXPECT_INT(ask(0)->status, 403);
    has(client[0].body, "not today");
    some_turns();
    EXPECT_INT(service.handled, 0);
    close_all();
}

static struct str padded(char *at, size_t n)
{
    memset(at, ' ', n);
    memcpy(at, "{\"QueueName\":\"q\"}", 17);
    return str_make(at, n);
}

TEST(refused, too_long_a_body)
{
    static char bytes[(1 << 20) + (64 << 10) + 1];

    open_all(false);
    EXPECT_INT(ask_in(0, "CreateQueue", "eu-west-1", padded(bytes, 1001), 0)->status, 413);
    has(client[0].body, "smaller than 1000 bytes for the CreateQueue operation");
    ask_in(1, "CreateQueue", "eu-west-1", padded(bytes, 1000), 0);
    ask_in(2, "GetQueueUrl", "eu-west-1", padded(bytes, sizeof bytes), 0);
    ask_in(3, "GetQueueUrl", "eu-west-1", padded(bytes, sizeof bytes - 1), 0);
    for (int64_t until_ns = clock_mono_ns() + 10000000000; clock_mono_ns() < until_ns;) {
        uv_run(&loop, UV_RUN_NOWAIT);
        if (client[1].replies + client[2].replies + client[3].replies == 3)
            break;
    }
    EXPECT_INT(client[1].status, 200);
    EXPECT_INT(client[2].status, 413);
    EXPECT_INT(client[3].status, 200);
    close_all();
}

/* S3 says how much was too much. */
TEST(refused, too_long_an_object)
{
    static char bytes[1001];
    struct header scope = { STR("Authorization"),
                            STR("AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request, "
                                "SignedHeaders=host, Signature=0") };

    for (size_t i = 0; i < 2; i++) {
        open_all(false);
        client[0].x = (struct exchange){ .magic = EXCHANGE_MAGIC,
                                         .mem = arena_new(0),
                                         .method = STR("PUT"),
                                         .path = STR("/bucket/key"),
                                         .query = STR(""),
                                         .headers = &scope,
                                         .n_headers = 1,
                                         .body = str_make(bytes, 1000 + i),
                                         .peer = STR("127.0.0.1:1") };
        engine_request(engine, &client[0].x);
        some_turns();
        EXPECT_INT(client[0].status, i == 0 ? 200 : 400);
        has(client[0].body, i == 0 ? "as it is" : "<Code>EntityTooLarge</Code>");
        has(client[0].body, i == 0 ? "as it is" : "<ProposedSize>1001</ProposedSize>");
        has(client[0].body, i == 0 ? "as it is" : "<MaxSizeAllowed>1000</MaxSizeAllowed>");
        close_all();
    }
}

/* ---- long bodies, decoded elsewhere ---- */

TEST(elsewhere, a_long_body_holds_its_connection_until_it_stands_in_line)
{
    static char bytes[256 << 10];

    open_all(false);
    ask_in(0, "GetQueueUrl", "eu-west-1", padded(bytes, sizeof bytes), 0);
    EXPECT(client[0].held);
    EXPECT(!engine_quiet(engine).quiet);
    ask_in(1, "GetQueueUrl", "eu-west-1", padded(bytes, 128 << 10), 0);
    EXPECT(!client[1].held); /* this one is read here */
    while (client[0].replies == 0)
        uv_run(&loop, UV_RUN_ONCE);
    EXPECT_INT(client[0].status, 200);
    EXPECT_INT(client[1].status, 200);
    EXPECT(engine_quiet(engine).quiet);
    close_all();
}

/* Whoever waits for quiet looks again when the pool is done, though no request came of it. */
TEST(elsewhere, a_refusal_is_followed_by_a_turn)
{
    static char bad[256 << 10];
    struct engine_stats s;

    open_all(false);
    (void)padded(bad, sizeof bad);
    bad[0] = 'x';
    ask_in(0, "GetQueueUrl", "eu-west-1", str_make(bad, sizeof bad), 0);
    while (client[0].replies == 0)
        uv_run(&loop, UV_RUN_ONCE);
    EXPECT_INT(client[0].status, 400);
    some_turns();
    engine_stats(engine, &s);
    EXPECT_INT(s.turns, 1);
    EXPECT(engine_quiet(engine).quiet);
    close_all();
}

TEST(elsewhere, a_client_that_leaves_meanwhile)
{
    static char good[256 << 10], bad[256 << 10];

    open_all(false);
    service.asks_gone = true;
    service.result = -E_WAIT;
    ask_in(0, "GetQueueUrl", "eu-west-1", padded(good, sizeof good), 0);
    (void)padded(bad, sizeof bad);
    bad[0] = 'x';
    ask_in(1, "GetQueueUrl", "eu-west-1", str_make(bad, sizeof bad), 0);
    leave(&client[0]);
    leave(&client[1]);
    while (client[0].replies + client[1].replies < 2)
        uv_run(&loop, UV_RUN_ONCE);
    EXPECT_INT(client[0].status, 499);
    EXPECT_INT(service.gone, 1);
    EXPECT_INT(client[1].status, 400);
    some_turns();
    EXPECT(engine_quiet(engine).quiet);
    close_all();
}

UNIT_MAIN
