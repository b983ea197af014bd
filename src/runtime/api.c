/* api.c - the Runtime API of one environment, as the developer guide's "runtimes-api" gives it.
 *
 * True here: `next` is the only request that is held (env->next); everything else is answered before the
 * callback returns.  Whether a call fits is decided by the environment's state and env->exec alone.
 *
 * Extensions are refused in so many words: an extension that believed itself registered would wait for ever.
 */
#include <stdio.h>
#include "base/header.h"
#include "base/json.h"
#include "runtime/environment.h"
#include "runtime/peer.h"

#define MAX_BODY_BYTES ((size_t)32 << 20) /* read, to be refused politely, above RESPONSE_MAX_BYTES */
#define REFUSALS_LOGGED 10                /* of one environment */
#define JSON_TYPE STR("Content-Type: application/json\r\n")
#define STATUS_OK STR("{\"status\":\"OK\"}\n")

/* A refusal is the function's to handle, but a runtime client that ends on one does so without a word: the
 * server's own log says it.  So many of one environment, not as many as it likes; and nothing of one that is
 * being ended, whose last request crosses our signal. */
static void log_refusal(struct environment *env, struct exchange *x, int status, struct str why)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    if (env->refusals > REFUSALS_LOGGED || env->state == ENVIRONMENT_STOPPING ||
        env->state == ENVIRONMENT_GONE)
        return;
    env->refusals++;
    buf_printf(&b, "event=runtime_api_refused function=" STR_FMT " environment=%s status=%d request=",
               STR_ARG(env->code->name), env->id, status);
    json_quote(&b, arena_printf(x->mem, STR_FMT " " STR_FMT, STR_ARG(str_sub(x->method, 0, 16)),
                                STR_ARG(str_sub(x->path, 0, 128))));
    buf_z(&b, " why=");
    json_quote(&b, why);
    if (env->refusals > REFUSALS_LOGGED)
        buf_z(&b, " action=\"further ones of this environment are not logged\"");
    fprintf(stderr, STR_FMT "\n", STR_ARG(buf_view(&b)));
}

static void api_error(struct environment *env, struct exchange *x, int status, const char *type,
                      struct str message)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    if (status == 400 || status == 403 || status == 404)
        log_refusal(env, x, status, message);
    buf_z(&b, "{\"errorMessage\":");
    json_quote(&b, message);
    buf_z(&b, ",\"errorType\":");
    json_quote(&b, str_of(type));
    buf_z(&b, "}\n");
    exchange_reply(x, status, JSON_TYPE, buf_view(&b));
}

/* The names the platform gives the states of a runtime in its refusals. */
static const char *state_name(const struct environment *env)
{
    if (env->state == ENVIRONMENT_STARTING)
        return env->init_failed ? "InitError" : "Started";
    if (env->state == ENVIRONMENT_IDLE)
        return "Ready";
    if (env->state == ENVIRONMENT_LOST)
        return "ResponseSent";
    if (env->state == ENVIRONMENT_BUSY)
        return env->exec != NULL ? "Running" : "ResponseSent";
    return "Exited";
}

static void refuse_transition(struct environment *env, struct exchange *x, const char *to)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    buf_printf(&b,
               "State transition from %s to %s failed for runtime. Error: State transition is not allowed",
               state_name(env), to);
    api_error(env, x, 403, "InvalidStateTransition", buf_view(&b));
}

/* ---- next ---- */

/* A value that does not fit is not sent at all: half of one would be another. */
static void add_header(struct buf *b, const char *name, struct str value)
{
    if (value.n > 0 && header_value_fits(value))
        header_line(b, str_of(name), value);
}

static void add_client_context(struct buf *b, struct str context)
{
    CLEANUP(buf_done) struct buf line = { 0 };

    if (context.n == 0 || json_check(context, &(struct json_error){ 0 }) < 0)
        return;
    json_compact(&line, context); /* line breaks between its parts would break the header */
    add_header(b, "Lambda-Runtime-Client-Context", buf_view(&line));
}

/* The deadline is on the real clock, also when the server's clock was moved: the function compares it with
 * its own. */
static int64_t deadline_ms(const struct environment *env)
{
    int64_t passed_ms = (clock_mono_ns() - env->started_ns) / 1000000;

    return clock_real_ms() - passed_ms + env->code->timeout_ms;
}

void api_deliver(struct environment *env)
{
    struct exchange *x = TAKE(env->next);
    const struct execution *e = env->exec;
    struct buf b = { 0 };
    char room[64];
    int n = snprintf(room, sizeof(room), "Lambda-Runtime-Deadline-Ms: %lld\r\n", (long long)deadline_ms(env));

    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(x != NULL && e != NULL && env->state == ENVIRONMENT_BUSY);
    x->on_gone = NULL;
    buf_reserve(&b, 512);
    buf_z(&b, "Content-Type: application/json\r\n");
    add_header(&b, "Lambda-Runtime-Aws-Request-Id", e->request_id);
    buf_add(&b, room, (size_t)n);
    add_header(&b, "Lambda-Runtime-Invoked-Function-Arn", e->invoked_arn);
    add_header(&b, "Lambda-Runtime-Trace-Id", e->trace_header);
    add_client_context(&b, e->client_context);
    exchange_reply(x, 200, buf_view(&b), e->payload);
    buf_done(&b);
}

static void on_next_gone(struct exchange *x)
{
    struct environment *env = CAST(struct environment, ENVIRONMENT_MAGIC, x->owner);

    if (env->next == x) {
        env->next = NULL;
        environment_lost(env);
    }
    exchange_reply(x, 500, STR(""), STR(""));
}

static void on_next(struct environment *env, struct exchange *x)
{
    if (env->state == ENVIRONMENT_STARTING && env->init_failed) {
        refuse_transition(env, x, "Ready");
        return;
    }
    if (env->next != NULL) { /* two at a time: the younger one is the runtime's mind */
        struct exchange *older = TAKE(env->next);

        older->on_gone = NULL;
        refuse_transition(env, older, "Ready");
    }
    env->next = x;
    x->owner = env;
    x->on_gone = on_next_gone;
    /* Without a response before it: held until there is one, or the invocation times out.  UNVERIFIED: what
     * AWS does here. */
    if (env->state == ENVIRONMENT_BUSY && env->exec != NULL)
        return;
    environment_ready(env);
}

/* ---- results ---- */

/* "errorType" of an error body, for logs and journeys. */
static struct str body_error_type(struct exchange *x, struct str fallback)
{
    struct json *root;
    struct str type;

    if (json_parse(x->mem, x->body, &root, NULL) < 0)
        return fallback;
    type = json_get_text(x->mem, root, STR("errorType"));
    return type.n > 0 ? str_sub(type, 0, 256) : fallback;
}

/* Bodies of this content type are cut down to what an error is made of. */
static struct str error_body(struct exchange *x)
{
    static const char *const kept[] = { "errorMessage", "errorType", "stackTrace" };
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;
    struct json *root;

    if (!str_starts_nocase(exchange_header(x, "Content-Type"),
                           STR("application/vnd.aws.lambda.error.cause+json")))
        return x->body;
    if (json_parse(x->mem, x->body, &root, NULL) < 0 || root->type != JSON_OBJECT)
        return x->body;
    jw_init(&w, &b);
    jw_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        const struct json *value = json_get(root, str_of(kept[i]));

        if (value == NULL)
            continue;
        jw_key(&w, str_of(kept[i]));
        if (value->type == JSON_STRING)
            jw_str(&w, json_text(x->mem, value));
        else
            jw_raw(&w, value->raw);
    }
    jw_object_end(&w);
    return buf_to_arena(&b, x->mem);
}

static void finish_too_large(struct environment *env)
{
    CLEANUP(buf_done) struct buf payload = { 0 };

    report_too_large_payload(&payload);
    environment_finish(env, &(struct ending){ .kind = OUTCOME_ERROR,
                                              .status = REPORT_ERROR,
                                              .payload = buf_view(&payload),
                                              .error_type = STR("Function.ResponseSizeTooLarge") });
}

/* The answer came after the question for more, on another connection. */
static void go_on(struct environment *env)
{
    if (env->next != NULL && env->state == ENVIRONMENT_BUSY && env->exec == NULL)
        environment_ready(env);
}

static void on_response(struct environment *env, struct exchange *x)
{
    struct str mode = exchange_header(x, "Lambda-Runtime-Function-Response-Mode");

    if (x->body.n > RESPONSE_MAX_BYTES) {
        api_error(env, x, 413, "RequestEntityTooLarge",
                  STR("Exceeded maximum allowed payload size (6291556 bytes)."));
        finish_too_large(env);
        return;
    }
    if (mode.n > 0 && !str_eq_nocase(mode, STR("streaming"))) {
        CLEANUP(buf_done) struct buf payload = { 0 };

        api_error(env, x, 400, "InvalidFunctionResponseMode", STR("Invalid function response mode"));
        report_payload(&payload, env->exec->request_id, STR("Runtime.InvalidResponseModeHeader"),
                       STR("Invalid function response mode"));
        environment_finish(env, &(struct ending){ .kind = OUTCOME_ERROR,
                                                  .status = REPORT_ERROR,
                                                  .payload = buf_view(&payload),
                                                  .error_type = STR("Runtime.InvalidResponseModeHeader") });
        return;
    }
    /* A streamed answer that broke off is a success with what was streamed, as AWS records it; the error is
     * for the log alone.  (The trailer that tells it reaches us only where it is sent as a header.) */
    environment_finish(env, &(struct ending){
                                .kind = OUTCOME_OK,
                                .payload = x->body,
                                .error_type = STR_NONE,
                                .status = exchange_header(x, "Lambda-Runtime-Function-Error-Type").n > 0
                                              ? REPORT_ERROR
                                              : REPORT_SUCCESS });
    exchange_reply(x, 202, JSON_TYPE, STATUS_OK);
}

static void on_error(struct environment *env, struct exchange *x)
{
    struct str header = report_error_type(exchange_header(x, "Lambda-Runtime-Function-Error-Type"));

    if (x->body.n > RESPONSE_MAX_BYTES) {
        api_error(env, x, 413, "RequestEntityTooLarge",
                  STR("Exceeded maximum allowed payload size (6291556 bytes)."));
        finish_too_large(env);
        return;
    }
    environment_finish(env, &(struct ending){ .kind = OUTCOME_ERROR,
                                              .status = REPORT_ERROR,
                                              .payload = error_body(x),
                                              .error_type = body_error_type(x, header) });
    exchange_reply(x, 202, JSON_TYPE, STATUS_OK);
}

static void on_init_error(struct environment *env, struct exchange *x)
{
    struct str type =
        body_error_type(x, report_error_type(exchange_header(x, "Lambda-Runtime-Function-Error-Type")));

    if (env->state != ENVIRONMENT_STARTING || env->init_failed) {
        refuse_transition(env, x, "InitError");
        return;
    }
    environment_init_failed(env);
    buf_clear(&env->init_error);
    buf_str(&env->init_error, str_sub(error_body(x), 0, RESPONSE_MAX_BYTES));
    snprintf(env->init_error_type, sizeof(env->init_error_type), STR_FMT, STR_ARG(type));
    exchange_reply(x, 202, JSON_TYPE, STATUS_OK);
}

/* ---- which call is it ---- */

/* "/2018-06-01/runtime/invocation/ID/" + what, for the invocation under way. */
static void on_invocation(struct environment *env, struct exchange *x, struct str rest)
{
    struct str id;

    if (!str_cut(&rest, '/', &id) || str_absent(rest) ||
        (!str_is(rest, "response") && !str_is(rest, "error"))) {
        api_error(env, x, 404, "NotFound", STR("There is no such path in the Runtime API"));
        return;
    }
    if (env->state != ENVIRONMENT_BUSY || env->exec == NULL || !str_eq(id, env->exec->request_id)) {
        api_error(env, x, 400, "InvalidRequestID", STR("Invalid request ID"));
        return;
    }
    if (str_is(rest, "response"))
        on_response(env, x);
    else
        on_error(env, x);
    go_on(env);
}

static void on_restore(struct environment *env, struct exchange *x)
{
    refuse_transition(env, x, "Restoring");
}
static void on_ping(struct environment *env, struct exchange *x)
{
    exchange_reply(x, 200, STR("Content-Type: text/plain\r\n"), STR("pong"));
}
static void on_extension(struct environment *env, struct exchange *x)
{
    api_error(env, x, 501, "Extension.NotImplemented", STR("The Extensions API is not implemented"));
}
static void on_telemetry(struct environment *env, struct exchange *x)
{
    api_error(env, x, 202, "Telemetry.NotSupported", STR("Telemetry API is not supported"));
}
static void on_logs(struct environment *env, struct exchange *x)
{
    api_error(env, x, 202, "Logs.NotSupported", STR("Logs API is not supported"));
}

static const struct {
    const char *method, *path;
    void (*fn)(struct environment *env, struct exchange *x);
} calls[] = {
    { "GET", "/2018-06-01/runtime/invocation/next", on_next },
    { "POST", "/2018-06-01/runtime/init/error", on_init_error },
    { "GET", "/2018-06-01/runtime/restore/next", on_restore },
    { "POST", "/2018-06-01/runtime/restore/error", on_restore },
    { "GET", "/2018-06-01/ping", on_ping },
    { "POST", "/2020-01-01/extension/register", on_extension },
    { "GET", "/2020-01-01/extension/event/next", on_extension },
    { "POST", "/2020-01-01/extension/init/error", on_extension },
    { "POST", "/2020-01-01/extension/exit/error", on_extension },
    { "PUT", "/2022-07-01/telemetry", on_telemetry },
    { "PUT", "/2020-08-15/logs", on_logs },
};

/* Is it this environment that asks?  Only where environments are users of their own can anybody tell.  Asked
 * once, when somebody connects: a stranger's connection takes no room and reads no word.  Whoever closed
 * before we looked, too. */
static bool on_accept(struct str peer, void *arg)
{
    struct environment *env = CAST(struct environment, ENVIRONMENT_MAGIC, arg);
    uint32_t uid;
    int r;

    if (!env->r->o.sandbox || !env->r->isolation.own_user)
        return true;
    r = peer_user(peer, server_port(env->server), &uid);
    return r == -E_SYSTEM || (r == 0 && uid == SPAWN_FIRST_UID + env->slot);
}

static void on_request(struct exchange *x, void *arg)
{
    struct environment *env = CAST(struct environment, ENVIRONMENT_MAGIC, arg);
    struct str invocation = STR("/2018-06-01/runtime/invocation/");

    if (!env->process || env->state == ENVIRONMENT_STOPPING || env->state == ENVIRONMENT_GONE) {
        refuse_transition(env, x, "Ready");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        if (str_is(x->path, calls[i].path) && str_is(x->method, calls[i].method)) {
            calls[i].fn(env, x);
            return;
        }
    if (str_is(x->method, "POST") && str_starts(x->path, invocation))
        on_invocation(env, x, str_sub(x->path, invocation.n, x->path.n));
    else
        api_error(env, x, 404, "NotFound", STR("There is no such path in the Runtime API"));
}

static bool is_answer(const struct environment *env, struct exchange *x)
{
    CLEANUP(buf_done) struct buf path = { 0 };

    if (env->state != ENVIRONMENT_BUSY || env->exec == NULL)
        return false;
    buf_printf(&path, "/2018-06-01/runtime/invocation/" STR_FMT "/", STR_ARG(env->exec->request_id));
    return str_starts(x->path, buf_view(&path));
}

/* What is too large even to be read ends the invocation before it is: at its head where it names its length,
 * ... */
static int on_headers(struct exchange *x, int64_t content_length, void *arg, struct str *ret_body)
{
    struct environment *env = CAST(struct environment, ENVIRONMENT_MAGIC, arg);

    if (content_length <= (int64_t)MAX_BODY_BYTES)
        return 0;
    *ret_body = STR("{\"errorMessage\":\"Exceeded maximum allowed payload size (6291556 "
                    "bytes).\",\"errorType\":\"RequestEntityTooLarge\"}\n");
    if (is_answer(env, x)) {
        finish_too_large(env);
        go_on(env);
    }
    return 413;
}

/* ... and where it comes in pieces, when there were too many. */
static void on_refused(struct exchange *x, int status, void *arg)
{
    struct environment *env = CAST(struct environment, ENVIRONMENT_MAGIC, arg);

    if (status != 413)
        log_refusal(env, x, status, STR("the body could not be read"));
    else if (is_answer(env, x)) {
        finish_too_large(env);
        go_on(env);
    }
}

int api_listen(struct environment *env)
{
    static const struct server_limits limits = {
        .header_bytes = 64 << 10,
        .body_bytes = MAX_BODY_BYTES,
        .total_body_bytes = 2 * MAX_BODY_BYTES,
        .connections = 64,
        .pipelined = 8,
        .header_timeout_ms = 20000,
        .body_idle_timeout_ms = 20000,
        .idle_timeout_ms = 0,
    };

    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(env->server == NULL && env->next == NULL);
    int r = server_listen(env->r->o.loop, "127.0.0.1", 0, &limits, on_request, on_headers, env, &env->server);

    if (r == 0)
        server_set_hooks(env->server, on_accept, on_refused);
    return r;
}

void api_close(struct environment *env)
{
    struct exchange *x = TAKE(env->next);

    CHECK_IS(env, ENVIRONMENT_MAGIC);
    if (x != NULL) {
        x->on_gone = NULL;
        api_error(env, x, 500, "InternalServerError", STR("Internal Server Error"));
    }
    if (env->server != NULL)
        server_abort(TAKE(env->server));
}
