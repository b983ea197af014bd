/* test_pieces.c - the parts of the runtime room that need no process: states, texts, environment variables,
 * cutting output into lines, the log tail. */
#include "runtime/environment.h"
#include "unit.h"

#include <signal.h>

/* ---- states ---- */

TEST(state, only_these_moves_are_allowed)
{
    static const char *const may[ENVIRONMENT_STATE_COUNT] = {
        [ENVIRONMENT_COLD] = "starting gone",
        [ENVIRONMENT_STARTING] = "cold idle busy stopping gone",
        [ENVIRONMENT_IDLE] = "lost busy stopping gone",
        [ENVIRONMENT_LOST] = "idle busy stopping gone",
        [ENVIRONMENT_BUSY] = "idle busy stopping gone",
        [ENVIRONMENT_STOPPING] = "gone",
        [ENVIRONMENT_GONE] = "",
    };

    for (int from = 0; from < ENVIRONMENT_STATE_COUNT; from++)
        for (int to = 0; to < ENVIRONMENT_STATE_COUNT; to++) {
            bool want = strstr(may[from], environment_state_name((enum environment_state)to)) != NULL;

            if (environment_may((enum environment_state)from, (enum environment_state)to) != want)
                UNIT_FAIL("%s -> %s", environment_state_name((enum environment_state)from),
                          environment_state_name((enum environment_state)to));
        }
}

/* ---- texts ---- */

TEST(text, exit_status_and_signals)
{
    static const struct {
        int status;
        const char *want;
    } rows[] = {
        { 0, "Runtime exited without providing a reason" },
        { 1 << 8, "Runtime exited with error: exit status 1" },
        { 127 << 8, "Runtime exited with error: exit status 127" },
        { SIGKILL, "Runtime exited with error: signal: killed" },
        { SIGSEGV, "Runtime exited with error: signal: segmentation fault" },
        { SIGSEGV | 0x80, "Runtime exited with error: signal: segmentation fault" },
        { SIGABRT, "Runtime exited with error: signal: aborted" },
        { SIGTERM, "Runtime exited with error: signal: terminated" },
        { SIGBUS, "Runtime exited with error: signal: bus error" },
        { SIGXCPU, "Runtime exited with error: signal: signal 24" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf b = { 0 };

        report_exit_text(&b, rows[i].status);
        EXPECT_STR(buf_view(&b), str_of(rows[i].want));
    }
}

TEST(text, timeout_has_two_decimals)
{
    static const struct {
        int64_t ms;
        const char *want;
    } rows[] = {
        { 1000, "Task timed out after 1.00 seconds" },
        { 3000, "Task timed out after 3.00 seconds" },
        { 900000, "Task timed out after 900.00 seconds" },
        { 1250, "Task timed out after 1.25 seconds" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf b = { 0 };

        report_timeout_text(&b, rows[i].ms);
        EXPECT_STR(buf_view(&b), str_of(rows[i].want));
    }
}

TEST(text, payloads_quote_what_they_are_given)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    report_payload(&b, STR("1-2"), STR("Runtime.ExitError"), STR("a \"b\""));
    EXPECT_STR(
        buf_view(&b),
        STR("{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: 1-2 Error: a \\\"b\\\"\"}"));
    buf_clear(&b);
    report_entrypoint_payload(&b, STR("1-2"), STR("x"));
    EXPECT_STR(
        buf_view(&b),
        STR("{\"errorMessage\":\"RequestId: 1-2 Error: x\",\"errorType\":\"Runtime.InvalidEntrypoint\"}"));
}

TEST(text, error_type_header)
{
    static const struct {
        const char *header, *want;
    } rows[] = {
        { "Runtime.ExitError", "Runtime.ExitError" }, { "Function.Bad", "Function.Bad" },
        { "Function.bad", "Function.Unknown" },       { "Function.", "Function.Unknown" },
        { "Function.A", "Function.Unknown" },         { "Runtime.A1", "Runtime.Unknown" },
        { "ValueError", "Runtime.Unknown" },          { "", "Runtime.Unknown" },
        { "Runtime.Bad.Thing", "Runtime.Unknown" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_STR(report_error_type(str_of(rows[i].header)), str_of(rows[i].want));
}

static void expect_report(const struct report *r, const char *want)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    report_text(&b, r);
    EXPECT_STR(buf_view(&b), str_of(want));
}

TEST(report, text_lines)
{
    struct report r = { .request_id = STR("id"), .duration_us = 3009, .memory_mb = 128, .max_memory_mb = 36 };

    expect_report(&r, "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 "
                      "MB\tMax Memory Used: 36 MB\t");
    r.duration_us = 1233960, r.init_us = 463512;
    expect_report(&r, "REPORT RequestId: id\tDuration: 1233.96 ms\tBilled Duration: 1698 ms\tMemory Size: "
                      "128 MB\tMax Memory Used: 36 MB\tInit Duration: 463.51 ms\t");
    r.init_us = 0, r.duration_us = 3000000, r.status = REPORT_TIMEOUT, r.error_type = STR("Sandbox.Timedout");
    expect_report(&r, "REPORT RequestId: id\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: "
                      "128 MB\tMax Memory Used: 36 MB\tStatus: timeout");
    r.duration_us = 995, r.status = REPORT_FAILURE, r.error_type = STR("Runtime.ExitError");
    expect_report(&r, "REPORT RequestId: id\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 "
                      "MB\tMax Memory Used: 36 MB\tStatus: error\tError Type: Runtime.ExitError");
    r.duration_us = 0, r.status = REPORT_ERROR;
    expect_report(&r, "REPORT RequestId: id\tDuration: 0.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 "
                      "MB\tMax Memory Used: 36 MB\t");
}

TEST(report, json_records)
{
    struct report r = { .request_id = STR("id"),
                        .function_arn = STR("arn:f"),
                        .version = STR("$LATEST"),
                        .duration_us = 1233960,
                        .init_us = 463512,
                        .memory_mb = 256,
                        .max_memory_mb = 123 };
    CLEANUP(buf_done) struct buf b = { 0 };
    int64_t at = 1791444641076;

    report_start_json(&b, at, &r);
    EXPECT_STR(buf_view(&b),
               STR("{\"time\":\"2026-10-08T07:30:41.076Z\",\"type\":\"platform.start\",\"record\":{"
                   "\"requestId\":\"id\",\"functionArn\":\"arn:f\",\"version\":\"$LATEST\"}}"));
    buf_clear(&b);
    report_json(&b, at, &r);
    EXPECT_STR(buf_view(&b), STR("{\"time\":\"2026-10-08T07:30:41.076Z\",\"type\":\"platform.report\","
                                 "\"record\":{\"requestId\":\"id\",\"metrics\":{\"durationMs\":1233.96,"
                                 "\"billedDurationMs\":1698,\"memorySizeMB\":256,\"maxMemoryUsedMB\":123,"
                                 "\"initDurationMs\":463.512},\"status\":\"success\"}}"));
    buf_clear(&b);
    r.status = REPORT_TIMEOUT, r.error_type = STR("Sandbox.Timedout");
    report_runtime_done_json(&b, at, &r);
    EXPECT_STR(buf_view(&b),
               STR("{\"time\":\"2026-10-08T07:30:41.076Z\",\"type\":\"platform.runtimeDone\",\"record\":{"
                   "\"requestId\":\"id\",\"status\":\"timeout\","
                   "\"errorType\":\"Sandbox.Timedout\",\"metrics\":{\"durationMs\":1233.96}}}"));
}

TEST(report, init_line_names_the_runtime)
{
    static const struct {
        const char *runtime, *want;
    } rows[] = {
        { "python3.13", "INIT_START Runtime Version: python:3.13.v1\t" },
        { "nodejs20.x", "INIT_START Runtime Version: nodejs:20.v1\t" },
        { "provided.al2023", "INIT_START Runtime Version: provided:al2023.v1\t" },
        { "provided", "INIT_START Runtime Version: provided.v1\t" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf b = { 0 };

        report_init_text(&b, str_of(rows[i].runtime), STR("eu-west-1"));
        EXPECT(str_starts(buf_view(&b), str_of(rows[i].want)));
        EXPECT(str_find_str(buf_view(&b), STR("\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:")) >
               0);
    }
}

TEST(report, system_log_levels)
{
    EXPECT(report_wanted(STR_NONE, REPORT_INFO) && !report_wanted(STR_NONE, REPORT_DEBUG));
    EXPECT(report_wanted(STR("DEBUG"), REPORT_DEBUG));
    EXPECT(!report_wanted(STR("WARN"), REPORT_INFO) && report_wanted(STR("WARN"), REPORT_WARN));
}

TEST(report, log_streams)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    report_log_stream(&b, 1791444641076, STR("f"), STR("3"), STR("0123"), false);
    EXPECT_STR(buf_view(&b), STR("2026/10/08/[3]0123"));
    buf_clear(&b);
    report_log_stream(&b, 1791444641076, STR("f"), STR("$LATEST"), STR("0123"), true);
    EXPECT_STR(buf_view(&b), STR("2026/10/08/f[$LATEST][0123]"));
}

/* ---- programs ---- */

TEST(program, kinds)
{
    static const struct {
        const char *runtime;
        enum runtime_kind want;
    } rows[] = {
        { "nodejs20.x", RUNTIME_NODE },          { "python3.12", RUNTIME_PYTHON },
        { "provided.al2023", RUNTIME_PROVIDED }, { "provided", RUNTIME_PROVIDED },
        { "java21", RUNTIME_NOT_HERE },          { "ruby3.3", RUNTIME_NOT_HERE },
        { "dotnet8", RUNTIME_NOT_HERE },         { "go1.x", RUNTIME_NOT_HERE },
        { "python2.7", RUNTIME_NOT_HERE },       { "", RUNTIME_NOT_HERE },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_INT(runtime_kind(str_of(rows[i].runtime)), rows[i].want);
}

static struct str variable(struct str env, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = env.p; at < env.p + env.n; at += strlen(at) + 1)
        if (strncmp(at, name, n) == 0 && at[n] == '=')
            return str_of(at + n + 1);
    return STR_NONE;
}

static struct code some_code(struct env_var *v, size_t n, const char *runtime)
{
    return (struct code){ .name = STR("f"),
                          .version = STR("7"),
                          .region = STR("r"),
                          .runtime = str_of(runtime),
                          .handler = STR("a.b"),
                          .memory_mb = 128,
                          .log_group = STR("/g"),
                          .package_sha256_hex = STR("ab"),
                          .env = v,
                          .n_env = n };
}

TEST(program, environment_of_a_private_root)
{
    struct program_place place = { .code_dir = "/d/code",
                                   .bootstrap_dir = "/d/run/bootstrap",
                                   .private_root = true,
                                   .endpoint = "http://[::1]:99" };
    struct env_var v[] = { { STR("MINE"), STR("1") },
                           { STR("_HANDLER"), STR("evil") },
                           { STR("PATH"), STR("/my") },
                           { STR("AWS_REGION"), STR("x") },
                           { STR("TZ"), STR("CET") } };
    struct code c = some_code(v, ARRAY_LEN(v), "nodejs22.x");
    struct program_facts f = { .api_port = 1234,
                               .log_stream = STR("s"),
                               .credentials = { STR("k"), STR("s"), STR("t") } };
    struct arena *a = arena_new(0);
    struct str env =
        program_environment(&place, &c, &f, &(struct program){ .task_dir = "/d/code/ab/task" }, a);
    static const struct {
        const char *name, *want;
    } rows[] = {
        { "MINE", "1" },
        { "_HANDLER", "a.b" },
        { "PATH", "/my" },
        { "AWS_REGION", "r" },
        { "AWS_DEFAULT_REGION", "r" },
        { "TZ", "CET" },
        { "LANG", "en_US.UTF-8" },
        { "LAMBDA_TASK_ROOT", "/var/task" },
        { "LAMBDA_RUNTIME_DIR", "/var/runtime" },
        { "AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1234" },
        { "NODE_PATH", "/opt/nodejs/node22/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/"
                       "var/runtime:/var/task" },
        { "LD_LIBRARY_PATH",
          "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib" },
        { "AWS_ENDPOINT_URL", "http://[::1]:99" },
        { "AWS_EXECUTION_ENV", "AWS_Lambda_nodejs22.x" },
        { "AWS_LAMBDA_LOG_FORMAT", "Text" },
        { "AWS_ACCESS_KEY_ID", "k" },
        { "AWS_SESSION_TOKEN", "t" },
        { "AWS_LAMBDA_FUNCTION_VERSION", "7" },
        { "_AWS_XRAY_DAEMON_PORT", "2000" },
        { "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand" },
        { "PYTHONPATH", NULL },
        { "AWS_LAMBDA_LOG_LEVEL", NULL },
        { "TMPDIR", NULL },
        { "HOME", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        EXPECT_STR(variable(env, rows[i].name), str_of(rows[i].want));
    arena_free(a);
}

TEST(program, environment_without_a_private_root)
{
    struct program_place place = { .code_dir = "/d/code",
                                   .bootstrap_dir = "/d/run/bootstrap",
                                   .endpoint = "http://[::1]:99" };
    struct code c = some_code(NULL, 0, "provided.al2");
    struct arena *a = arena_new(0);
    struct program p = { .task_dir = "/d/code/ab/task", .prefix = "/home/u/node" };
    struct str env;

    c.log_json = true;
    c.app_log_level = STR("DEBUG");
    env = program_environment(&place, &c, &(struct program_facts){ .tmp_dir = "/d/run/tmp/1" }, &p, a);
    EXPECT_STR(variable(env, "LAMBDA_TASK_ROOT"), STR("/d/code/ab/task"));
    EXPECT_STR(variable(env, "LAMBDA_RUNTIME_DIR"), STR("/d/run/bootstrap"));
    EXPECT_STR(variable(env, "TMPDIR"), STR("/d/run/tmp/1"));
    EXPECT_STR(variable(env, "PATH"),
               STR("/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin:/home/u/node/bin"));
    EXPECT_STR(variable(env, "AWS_EXECUTION_ENV"), STR_NONE);
    EXPECT_STR(variable(env, "AWS_LAMBDA_LOG_LEVEL"), STR("DEBUG"));
    arena_free(a);
}

/* ---- output ---- */

static struct buf got;
static size_t n_got;

static void take(void *arg, const struct runtime_log_line *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_char(&got, '<');
        buf_str(&got, v[i].text);
        buf_char(&got, '>');
    }
    n_got += n;
}

static void expect_lines(const char *const *pieces, const char *want)
{
    struct clock clock;
    struct output o;

    clock_init(&clock);
    output_init(&o, &clock, take, NULL);
    buf_clear(&got);
    for (; *pieces != NULL; pieces++)
        output_feed(&o, str_of(*pieces));
    output_flush(&o);
    EXPECT_STR(buf_view(&got), str_of(want));
    output_done(&o);
    buf_done(&got);
}
#define LINES(want, ...) expect_lines((const char *const[]){ __VA_ARGS__, NULL }, want)

TEST(output, lines)
{
    LINES("<a><b>", "a\nb\n");
    LINES("<a><b>", "a\nb");
    LINES("<abc>", "a", "b", "c\n");
    LINES("<a\rb><><c>", "a\rb\n\nc\n");
    LINES("", "");
}

static void expect_framed(size_t step)
{
    static const char bytes[] = "x\nopen" OUTPUT_FRAME "\x00\x00\x00\x05"
                                "a\nb\nc"
                                "y\n" OUTPUT_FRAME "\x00\x00\x00\x00" OUTPUT_FRAME "\x00\x00\x00\x01z"
                                "end\n";
    struct clock clock;
    struct output o;

    clock_init(&clock);
    output_init(&o, &clock, take, NULL);
    buf_clear(&got);
    for (size_t at = 0; at < sizeof(bytes) - 1; at += step)
        output_feed(&o, str_make(bytes + at, MIN(step, sizeof(bytes) - 1 - at)));
    output_flush(&o);
    EXPECT_STR(buf_view(&got), STR("<x><open><a\nb\nc><y><><z><end>"));
    output_done(&o);
    buf_done(&got);
}

TEST(output, frames_keep_their_newlines_however_they_arrive)
{
    for (size_t step = 1; step < 50; step++)
        expect_framed(step);
}

TEST(output, a_frame_of_nonsense_length_is_text)
{
    LINES("<\xa5\x5a"
          ">",
          "\xa5\x5a");
}

TEST(output, an_endless_line_is_cut_and_looked_at_once)
{
    struct clock clock;
    struct output o;

    clock_init(&clock);
    output_init(&o, &clock, take, NULL);
    n_got = 0;
    for (int i = 0; i < 1000000; i++)
        output_feed(&o, STR("x"));
    EXPECT_INT(n_got, 1000000 / OUTPUT_MAX_LINE);
    output_flush(&o);
    EXPECT_INT(n_got, 1000000 / OUTPUT_MAX_LINE + 1);
    output_done(&o);
    buf_done(&got);
}

static void expect_tail(const char *before, size_t filler, bool whole_lines, struct str want_start,
                        size_t want_n)
{
    struct clock clock;
    struct output o;
    CLEANUP(buf_done) struct buf tail = { 0 };
    CLEANUP(buf_done) struct buf text = { 0 };

    clock_init(&clock);
    output_init(&o, &clock, take, NULL);
    output_tail_begin(&o, true);
    buf_z(&text, before);
    for (size_t i = 0; i < filler; i++)
        buf_char(&text, 'f');
    buf_char(&text, '\n');
    output_feed(&o, buf_view(&text));
    output_tail(&o, whole_lines, &tail);
    EXPECT_STR(str_sub(buf_view(&tail), 0, want_start.n), want_start);
    EXPECT_INT(tail.n, want_n);
    output_done(&o);
    buf_done(&got);
}

TEST(tail, is_the_last_4096_bytes)
{
    expect_tail("ab", 10, false, STR("abf"), 13);
    expect_tail("ab\ncd", 4093, false, STR("cdf"), 4096);
    expect_tail("ab\ncd", 20000, false, STR("fff"), 4096);
}
TEST(tail, a_character_cut_in_two_is_replaced)
{
    expect_tail("\xc3\xa9", 4094, false,
                STR("\xef\xbf\xbd"
                    "f"),
                4098);
    expect_tail("\xf0\x9f\x98\x80", 4093, false,
                STR("\xef\xbf\xbd"
                    "f"),
                4097);
}
TEST(tail, whole_records_only)
{
    expect_tail("12345\n", 4095, true, STR("fff"), 4096);
    expect_tail("12345\nab\n", 4000, true, STR("12345\nab\nf"), 4010);
    expect_tail("123456789\nab\n", 4090, true, STR("ab\nf"), 4094);
    expect_tail("", 9000, true, STR(""), 0);
}

UNIT_MAIN
