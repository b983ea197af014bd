/* commands.c - clock, settle, reset, health: small questions to a running server. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/cli.h"

#define DEFAULT_TIMEOUT_MS 40000
#define ENDPOINT_HELP                                                                                        \
    "  --endpoint URL   the server; default $WAYBILL_ENDPOINT, $AWS_ENDPOINT_URL or http://127.0.0.1:4566\n" \
    "  --help           this text\n"

static struct str text_of(struct arena *a, const struct json *doc, const char *key)
{
    const struct json *v = json_get(doc, str_of(key));

    if (v == NULL)
        return STR("-");
    return v->type == JSON_STRING ? json_text(a, v) : v->raw;
}

/* ---- clock ---- */

/* Why the two clocks differ, as far as nobody here moved the server's. */
static void print_clock_system(const struct json *doc)
{
    CLEANUP(buf_done) struct buf step = { 0 };
    CLEANUP(buf_done) struct buf debt = { 0 };
    int64_t step_ms = 0, debt_ms = 0;

    json_i64(json_get(doc, STR("system_stepped_ms")), &step_ms);
    json_i64(json_get(doc, STR("to_catch_up_ms")), &debt_ms);
    duration_text(&step, step_ms < 0 ? -step_ms : step_ms);
    duration_text(&debt, debt_ms);
    if (step_ms != 0)
        printf("step  the system's clock was set " STR_FMT " %s while the server ran; the server's was not\n",
               STR_ARG(buf_view(&step)), step_ms < 0 ? "back" : "forward");
    if (debt_ms > 0)
        printf("debt  " STR_FMT " ahead of the system since the start; runs at half pace until it is level\n",
               STR_ARG(buf_view(&debt)));
}

static void print_clock(struct arena *a, const struct json *doc)
{
    CLEANUP(buf_done) struct buf ahead = { 0 };
    int64_t offset_ms = 0;

    json_i64(json_get(doc, STR("offset_ms")), &offset_ms);
    duration_text(&ahead, offset_ms < 0 ? -offset_ms : offset_ms);
    printf("now   " STR_FMT "\n", STR_ARG(text_of(a, doc, "now")));
    printf("mode  " STR_FMT "\n", STR_ARG(text_of(a, doc, "mode")));
    printf("rate  " STR_FMT "\n", STR_ARG(text_of(a, doc, "rate")));
    if (offset_ms == 0)
        printf("real  the same\n");
    else
        printf("real  " STR_FMT " %s\n", STR_ARG(buf_view(&ahead)),
               offset_ms < 0 ? "ahead of the server" : "behind the server");
    print_clock_system(doc);
}

static bool clock_body(struct arena *a, int argc, char **argv, struct str *ret)
{
    const char *verb = argv[1];
    int64_t ms;
    double rate;

    if (strcmp(verb, "advance") == 0 && argc == 3 && duration_parse(str_of(argv[2]), &ms) == 0)
        *ret = arena_printf(a, "{\"advance_ms\":%lld}", (long long)ms);
    else if (strcmp(verb, "rate") == 0 && argc == 3 && str_to_f64(str_of(argv[2]), &rate) == 0)
        *ret = arena_printf(a, "{\"rate\":%.17g}", rate);
    else if ((strcmp(verb, "freeze") == 0 || strcmp(verb, "resume") == 0) && argc == 2)
        *ret = arena_printf(a, "{\"%s\":true}", verb);
    else
        return false;
    return true;
}

static int run_clock(int argc, char **argv)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct str body = STR("");
    const char *endpoint;
    struct json *doc;
    bool show;

    if (cli_common(&command_clock, &argc, argv, &endpoint))
        return 0;
    show = argc == 1 || (argc == 2 && strcmp(argv[1], "show") == 0);
    if (!show && !clock_body(a, argc, argv, &body))
        return cli_usage(&command_clock, "say show, advance TIME, freeze, resume or rate NUMBER");
    doc = cli_request(a, endpoint, show ? "GET" : "POST", "/_waybill/clock", body, DEFAULT_TIMEOUT_MS);
    if (doc == NULL)
        return 1;
    print_clock(a, doc);
    return 0;
}

const struct command command_clock = {
    .name = "clock",
    .summary = "show or move the server's clock",
    .run = run_clock,
    .help =
        "Usage: waybill clock [show | advance TIME | freeze | resume | rate NUMBER]\n\n"
        "Every wait of the server (retries, event age, message visibility, retention) is on this clock,\n"
        "so hours of retries can be tested in milliseconds. Function time-outs and sockets keep real "
        "time.\n\n"
        "  show             what the clock says (the default)\n"
        "  advance TIME     move it forward: 3m, 90s, 1h30m, 500ms, or plain seconds; work that falls due\n"
        "                   on the way is done on the way\n"
        "  freeze           stop it; advance still moves it\n"
        "  resume           let it run on\n"
        "  rate NUMBER      server seconds per real second (60: an hour in a minute)\n" ENDPOINT_HELP,
};

/* ---- settle ---- */

static int run_settle(int argc, char **argv)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf moved = { 0 };
    int64_t timeout_ms = 30000, advanced_ms = 0;
    const char *endpoint;
    bool advance = false, settled;
    struct str pending;
    struct json *doc;

    if (cli_common(&command_settle, &argc, argv, &endpoint))
        return 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--advance") == 0)
            advance = true;
        else if (strcmp(argv[i], "--timeout") != 0 || i + 1 >= argc ||
                 duration_parse(str_of(argv[++i]), &timeout_ms) < 0)
            return cli_usage(&command_settle, "%s is not understood", argv[i]);
    }
    doc = cli_request(a, endpoint, "POST", "/_waybill/settle",
                      arena_printf(a, "{\"advance\":%s,\"timeout_ms\":%lld}", advance ? "true" : "false",
                                   (long long)timeout_ms),
                      timeout_ms + 10000);
    if (doc == NULL)
        return 1;
    settled = json_get(doc, STR("settled")) != NULL && json_get(doc, STR("settled"))->type == JSON_TRUE;
    json_i64(json_get(doc, STR("advanced_ms")), &advanced_ms);
    duration_text(&moved, advanced_ms);
    pending = text_of(a, doc, "pending");
    printf("%s; clock moved by " STR_FMT "; " STR_FMT " %s still queued\n",
           settled ? "settled" : "not settled in time", STR_ARG(buf_view(&moved)), STR_ARG(pending),
           str_is(pending, "1") ? "event" : "events");
    return settled ? 0 : 1;
}

const struct command command_settle = {
    .name = "settle",
    .summary = "wait until nothing is due or running",
    .run = run_settle,
    .help = "Usage: waybill settle [--advance] [--timeout TIME]\n\n"
            "Waits until no event is ready, no function runs and nothing is due. Exit status 0 when settled, "
            "1 when\n"
            "the time-out came first.\n\n"
            "  --advance        move the clock to the next due work, again and again, until all is quiet\n"
            "  --timeout TIME   give up after this much real time; default 30s\n" ENDPOINT_HELP,
};

/* ---- reset, health ---- */

static int run_reset(int argc, char **argv)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    const char *endpoint;

    if (cli_common(&command_reset, &argc, argv, &endpoint))
        return 0;
    if (argc > 1)
        return cli_usage(&command_reset, "%s is not understood", argv[1]);
    if (cli_request(a, endpoint, "POST", "/_waybill/reset", STR(""), DEFAULT_TIMEOUT_MS) == NULL)
        return 1;
    printf("the server is empty\n");
    return 0;
}

const struct command command_reset = {
    .name = "reset",
    .summary = "empty a running server",
    .run = run_reset,
    .help = "Usage: waybill reset\n\n"
            "Removes every function, queue, role, log group, event and journey of a running server, and ends "
            "its\n"
            "function processes. The clock stays where it is.\n\n" ENDPOINT_HELP,
};

static int run_health(int argc, char **argv)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    const char *endpoint;
    struct json *doc;

    if (cli_common(&command_health, &argc, argv, &endpoint))
        return 0;
    if (argc > 1)
        return cli_usage(&command_health, "%s is not understood", argv[1]);
    doc = cli_request(a, endpoint, "GET", "/_waybill/health", STR(""), DEFAULT_TIMEOUT_MS);
    if (doc == NULL)
        return 1;
    JSON_EACH(doc, member) {
        struct str key = json_key(a, member);

        if (member->type != JSON_OBJECT) {
            printf("%-14.*s " STR_FMT "\n", STR_ARG(key), STR_ARG(text_of(a, doc, arena_z(a, key))));
            continue;
        }
        printf("%-14.*s", STR_ARG(key));
        JSON_EACH(member, part)
            printf(" " STR_FMT " " STR_FMT,
                   STR_ARG(part->type == JSON_STRING ? json_text(a, part) : part->raw),
                   STR_ARG(json_key(a, part)));
        printf("\n");
    }
    if (json_get(doc, STR("isolation")) == NULL)
        fputs("the rest wants the root pair: waybill credentials --help\n", stderr);
    return 0;
}

const struct command command_health = {
    .name = "health",
    .summary = "what a running server holds and does",
    .run = run_health,
    .help = "Usage: waybill health\n\nVersion, isolation of functions, counts of resources, events and "
            "environments, and whether the process that\n"
            "starts functions is there; stalls: how often one piece of work held the server for 50 ms or "
            "more, the worst\n"
            "of them, and its name (the log has a line each).\n\n" ENDPOINT_HELP,
};
