/* test_native.c - what the platform does around a custom runtime: exits, timeouts, memory, processes left
 * behind, the Runtime API's refusals, logs.  Real processes; whole payloads are compared. */
#include "runtime/bench.h"
#include "runtime/environment.h"
#include "unit.h"

#include <signal.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bench b;
static struct arena *m;
static char mark[32]; /* names the processes this run's functions leave behind */

static struct code *native(const char *handler, int64_t timeout_ms)
{
    struct code *c = bench_code(&b, "provided.al2023", handler, "bootstrap", "@" NATIVE_BOOTSTRAP, NULL);

    c->timeout_ms = timeout_ms;
    bench_env(c, "MARK", mark);
    return c;
}

/* One invocation in an environment of its own. */
static void run(struct answer *a, const char *handler, const char *what, int64_t timeout_ms)
{
    struct code *c = native(handler, timeout_ms);
    struct str payload = arena_printf(m, "{\"do\":\"%s\"}", what);

    answer_init(a, &b, c, payload.p);
    bench_run(a);
    EXPECT(a->done);
}

static void end(struct answer *a)
{
    struct code *c = a->e.code;

    b.executor.retire(b.executor.arg, c);
    answer_done(a);
    code_unref(c);
}

#define EXPECT_PAYLOAD(a, want) EXPECT_STR(bench_plain(m, buf_view(&(a).payload), &(a)), STR(want))

static void expect(const char *handler, const char *what, int64_t timeout_ms, enum outcome_kind kind,
                   const char *type, const char *payload)
{
    struct answer a;

    run(&a, handler, what, timeout_ms);
    EXPECT_INT(a.kind, kind);
    EXPECT_STR(bench_plain(m, buf_view(&a.payload), &a), str_of(payload));
    EXPECT_STR(buf_view(&a.error_type), str_of(type));
    end(&a);
}

TEST(answers, are_the_bytes_posted)
{
    struct answer a;

    run(&a, "h", "echo", 3000);
    EXPECT_INT(a.kind, OUTCOME_OK);
    EXPECT_PAYLOAD(a, "{\"do\":\"echo\"}");
    EXPECT(a.init_us > 0);
    EXPECT_INT(a.environment_id.n, 32);
    EXPECT_STR(bench_plain(m, buf_view(&b.log), &a),
               STR("INIT_START Runtime Version: provided:al2023.v1\tRuntime Version ARN: "
                   "arn:aws:lambda:us-east-1::runtime:"
                   "0c7a6b68ae8de5940afe217dbb81f77b9fcad26466e440a79ad48af42a49669c\n"
                   "START RequestId: <id> Version: $LATEST\nEND RequestId: <id>\n"
                   "REPORT RequestId: <id>\tDuration: N ms\tBilled Duration: N ms\tMemory Size: 256 MB\tMax "
                   "Memory Used: N MB\tInit Duration: N ms\t\n"));
    end(&a);
}

TEST(answers, errors_go_unchanged)
{
    expect("h", "error", 3000, OUTCOME_ERROR, "Odd", "{\"errorType\":\"Odd\",\"errorMessage\":\"m\"}");
}
TEST(answers, error_cause_is_cut_down)
{
    expect("h", "error_cause", 3000, OUTCOME_ERROR, "T",
           "{\"errorMessage\":\"m\",\"errorType\":\"T\",\"stackTrace\":[]}");
}
TEST(answers, streamed_is_put_together) { expect("h", "streaming", 3000, OUTCOME_OK, "", "{\"a\":1}"); }
TEST(answers, unknown_response_mode_fails)
{
    expect("h", "bad_mode", 3000, OUTCOME_ERROR, "Runtime.InvalidResponseModeHeader",
           "{\"errorType\":\"Runtime.InvalidResponseModeHeader\",\"errorMessage\":\"RequestId: <id> Error: "
           "Invalid function response mode\"}");
}

TEST(answers, too_large_fails_and_the_environment_stays)
{
    struct answer a, again;

    run(&a, "h", "big_answer", 5000);
    EXPECT_INT(a.kind, OUTCOME_ERROR);
    EXPECT_PAYLOAD(a, "{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size "
                      "(6291556 bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}");
    answer_init(&again, &b, a.e.code, "{\"do\":\"echo\"}");
    bench_run(&again);
    EXPECT_STR(buf_view(&again.environment_id), buf_view(&a.environment_id));
    answer_done(&again);
    end(&a);
}
TEST(answers, of_6_mib_and_100_bytes_pass)
{
    struct answer a;

    run(&a, "h", "largest_answer", 5000);
    EXPECT_INT(a.kind, OUTCOME_OK);
    EXPECT_INT(a.payload.n, 6291556);
    end(&a);
}

TEST(ends, exit_0_gives_no_reason)
{
    expect("h", "exit_0", 3000, OUTCOME_ERROR, "Runtime.ExitError",
           "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: <id> Error: Runtime exited "
           "without providing a reason\"}");
}
TEST(ends, exit_status_is_told)
{
    expect("h", "exit_7", 3000, OUTCOME_ERROR, "Runtime.ExitError",
           "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: <id> Error: Runtime exited "
           "with error: exit status 7\"}");
}
TEST(ends, signal_is_told)
{
    expect("h", "segfault", 3000, OUTCOME_ERROR, "Runtime.ExitError",
           "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: <id> Error: Runtime exited "
           "with error: signal: segmentation fault\"}");
    expect("h", "abort", 3000, OUTCOME_ERROR, "Runtime.ExitError",
           "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: <id> Error: Runtime exited "
           "with error: signal: aborted\"}");
}

TEST(ends, crash_is_logged_and_reported)
{
    struct answer a;

    run(&a, "h", "exit_7", 3000);
    EXPECT(str_ends(bench_plain(m, buf_view(&b.log), &a),
                    STR("START RequestId: <id> Version: $LATEST\n"
                        "RequestId: <id> Error: Runtime exited with error: exit status 7\nRuntime.ExitError\n"
                        "END RequestId: <id>\n"
                        "REPORT RequestId: <id>\tDuration: N ms\tBilled Duration: N ms\tMemory Size: 256 "
                        "MB\tMax Memory Used: N MB\tInit Duration: N ms\t"
                        "Status: error\tError Type: Runtime.ExitError\n")));
    end(&a);
}

TEST(ends, a_crashed_environment_is_replaced)
{
    struct answer a, again;

    run(&a, "h", "exit_7", 3000);
    answer_init(&again, &b, a.e.code, "{\"do\":\"echo\"}");
    bench_run(&again);
    EXPECT_INT(again.kind, OUTCOME_OK);
    EXPECT(!str_eq(buf_view(&again.environment_id), buf_view(&a.environment_id)));
    answer_done(&again);
    end(&a);
}

TEST(ends, timeout_kills_and_tells)
{
    struct answer a;
    int64_t began_ns = clock_mono_ns();

    run(&a, "h", "deaf", 1000);
    EXPECT_INT(a.kind, OUTCOME_ERROR);
    EXPECT_PAYLOAD(a, "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: <id> Error: Task "
                      "timed out after 1.00 seconds\"}");
    EXPECT((a.done_ns - began_ns) / 1000000 < 2500);
    EXPECT_INT(a.duration_us, 1000000);
    EXPECT(str_ends(bench_plain(m, buf_view(&b.log), &a),
                    STR("<time> <id> Task timed out after 1.00 seconds\n\nEND RequestId: <id>\n"
                        "REPORT RequestId: <id>\tDuration: N ms\tBilled Duration: N ms\tMemory Size: 256 "
                        "MB\tMax Memory Used: N MB\tInit Duration: N ms\tStatus: timeout\n")));
    end(&a);
}
TEST(ends, asking_again_without_answer_times_out)
{
    expect("h", "next_again", 1000, OUTCOME_ERROR, "Sandbox.Timedout",
           "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: <id> Error: Task timed out "
           "after 1.00 seconds\"}");
}

TEST(ends, too_much_memory_is_killed)
{
    struct answer a;
    struct code *c = native("h", 10000);

    c->memory_mb = 128;
    answer_init(&a, &b, c, "{\"do\":\"eat\"}");
    bench_run(&a);
    EXPECT_PAYLOAD(a, "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: <id> Error: "
                      "Runtime exited with error: signal: killed\"}");
    EXPECT(str_ends(bench_plain(m, buf_view(&b.log), &a),
                    STR("Init Duration: N ms\tStatus: error\tError Type: Runtime.OutOfMemory\n")));
    EXPECT(str_find_str(buf_view(&b.log), STR("Max Memory Used: 128 MB")) > 0);
    end(&a);
}

static void expect_no_processes(const char *text)
{
    bool never = false;

    for (int i = 0; i < 100 && bench_processes(text) > 0; i++)
        bench_wait(&b, &never, 20);
    EXPECT_INT(bench_processes(text), 0);
}

TEST(nothing_stays, after_an_exit)
{
    struct answer a;

    run(&a, "h", "leave_child_and_exit", 3000);
    expect_no_processes(mark);
    end(&a);
}
TEST(nothing_stays, after_a_timeout)
{
    struct answer a;

    run(&a, "h", "leave_child_and_hang", 1000);
    expect_no_processes(mark);
    end(&a);
}
TEST(nothing_stays, when_the_environment_is_retired)
{
    struct answer a;

    run(&a, "h", "leave_child", 3000);
    EXPECT_INT(a.kind, OUTCOME_OK);
    EXPECT_INT(bench_processes(mark), 1);
    end(&a);
    expect_no_processes(mark);
}

TEST(init, error_is_the_answer_of_who_waits)
{
    expect("init_error", "echo", 3000, OUTCOME_ERROR, "Init.Bad",
           "{\"errorMessage\":\"no\",\"errorType\":\"Init.Bad\"}");
}
TEST(init, crash_is_tried_again_inside_the_invocation)
{
    struct answer a;

    run(&a, "init_exit", "echo", 3000);
    EXPECT_PAYLOAD(a, "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: <id> Error: "
                      "Runtime exited with error: exit status 5\"}");
    EXPECT_INT(a.init_us, 0);
    end(&a);
}
TEST(init, hang_ends_with_the_functions_timeout)
{
    struct answer a;
    int64_t began_ns = clock_mono_ns(), took_ms;

    EXPECT_INT(b.runtime->init_limit_ms, 10000);
    b.runtime->init_limit_ms = 1500;
    run(&a, "init_hang", "echo", 1000);
    took_ms = (a.done_ns - began_ns) / 1000000;
    EXPECT_PAYLOAD(a, "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: <id> Error: Task "
                      "timed out after 1.00 seconds\"}");
    EXPECT(took_ms >= 2500 && took_ms < 5000); /* the init phase, then init again within the timeout */
    EXPECT_INT(a.duration_us, 1000000);
    b.runtime->init_limit_ms = 10000;
    end(&a);
}
TEST(init, time_is_no_part_of_the_timeout)
{
    struct answer a;

    run(&a, "init_slow", "echo", 200);
    EXPECT_INT(a.kind, OUTCOME_OK);
    EXPECT(a.init_us >= 300000);
    end(&a);
}

static void expect_entrypoint(struct code *c, const char *payload)
{
    struct answer a;

    answer_init(&a, &b, c, "{}");
    bench_run(&a);
    EXPECT_INT(a.kind, OUTCOME_ERROR);
    EXPECT_STR(bench_plain(m, buf_view(&a.payload), &a), str_of(payload));
    EXPECT_STR(buf_view(&a.error_type), STR("Runtime.InvalidEntrypoint"));
    end(&a);
}

TEST(entrypoint, missing_bootstrap_is_told)
{
    expect_entrypoint(bench_code(&b, "provided.al2023", "h", "readme", "nothing", NULL),
                      "{\"errorMessage\":\"RequestId: <id> Error: Couldn't find valid bootstrap(s): "
                      "[/var/task/bootstrap /opt/bootstrap]\",\"errorType\":\"Runtime.InvalidEntrypoint\"}");
}
TEST(entrypoint, no_program_is_told)
{
    expect_entrypoint(bench_code(&b, "provided.al2023", "h", "bootstrap", "\177ELF no such thing", NULL),
                      "{\"errorMessage\":\"RequestId: <id> Error: fork/exec /var/task/bootstrap: exec format "
                      "error\",\"errorType\":\"Runtime.InvalidEntrypoint\"}");
}
TEST(entrypoint, missing_interpreter_is_told)
{
    expect_entrypoint(bench_code(&b, "provided.al2023", "h", "bootstrap", "#!/opt/no/such\n", NULL),
                      "{\"errorMessage\":\"RequestId: <id> Error: fork/exec /var/task/bootstrap: no such "
                      "file or directory\",\"errorType\":\"Runtime.InvalidEntrypoint\"}");
}
TEST(entrypoint, not_executable_is_told)
{
    struct code *c = bench_code(&b, "provided.al2023", "h", "bootstrap", "#!/bin/sh\n", NULL);
    struct str path =
        arena_printf(m, "%s/code/" STR_FMT "/task/bootstrap", b.dir, STR_ARG(c->package_sha256_hex));

    chmod(path.p, 0644);
    expect_entrypoint(c, "{\"errorMessage\":\"RequestId: <id> Error: fork/exec /var/task/bootstrap: "
                         "permission denied\",\"errorType\":\"Runtime.InvalidEntrypoint\"}");
}
TEST(entrypoint, runtime_that_cannot_run_here_is_named)
{
    expect_entrypoint(
        bench_code(&b, "java21", "h", "x", "y", NULL),
        "{\"errorMessage\":\"RequestId: <id> Error: the runtime java21 cannot run on this machine: nodejs*, "
        "python3.* and provided.* can\",\"errorType\":\"Runtime.InvalidEntrypoint\"}");
}
TEST(entrypoint, missing_interpreter_of_the_machine_is_named)
{
    char *path = strdup(getenv("PATH"));

    setenv("PATH", "/nowhere", 1);
    expect_entrypoint(bench_code(&b, "nodejs20.x", "h", "x", "y", NULL),
                      "{\"errorMessage\":\"RequestId: <id> Error: node is not installed on this machine: "
                      "install the Debian package nodejs\",\"errorType\":\"Runtime.InvalidEntrypoint\"}");
    setenv("PATH", path, 1);
    free(path);
}

TEST(output, closed_output_hurts_nobody)
{
    struct answer a, again;

    run(&a, "h", "closed_output", 3000);
    EXPECT_INT(a.kind, OUTCOME_OK);
    answer_init(&again, &b, a.e.code, "{\"do\":\"echo\"}");
    bench_run(&again);
    EXPECT_INT(again.kind, OUTCOME_OK);
    EXPECT_STR(buf_view(&again.environment_id), buf_view(&a.environment_id));
    answer_done(&again);
    end(&a);
}
TEST(output, flood_is_all_logged_before_end)
{
    struct answer a;
    struct code *c = native("h", 10000);

    answer_init(&a, &b, c, "{\"do\":\"flood\"}");
    a.e.want_tail = true;
    b.log_lines = 0;
    bench_run(&a);
    EXPECT_INT(a.kind, OUTCOME_OK);
    EXPECT_INT(b.log_lines, 20000 + 4);
    EXPECT_INT(a.tail.n, 4096);
    EXPECT(str_find_str(buf_view(&a.tail), STR("\nEND RequestId: ")) > 0);
    EXPECT(str_ends(buf_view(&a.tail), STR(" ms\t\n")));
    end(&a);
}
TEST(output, flood_does_not_hold_up_others)
{
    struct answer flood, echo;
    struct code *c = native("h", 10000);

    run(&echo, "h", "echo", 3000); /* a warm environment */
    answer_init(&flood, &b, c, "{\"do\":\"flood_for_ever\"}");
    c->timeout_ms = 1000;
    bench_start(&flood);
    b.keep_log = false;
    bench_wait(&b, &flood.done, 200);
    for (int i = 0; i < 20; i++) {
        struct answer again;

        answer_init(&again, &b, echo.e.code, "{\"do\":\"echo\"}");
        bench_start(&again);
        bench_wait(&b, &again.done, 5000);
        EXPECT_INT(again.kind, OUTCOME_OK);
        EXPECT(again.duration_us < 100000);
        answer_done(&again);
    }
    bench_wait(&b, &flood.done, 5000);
    EXPECT_STR(buf_view(&flood.error_type), STR("Sandbox.Timedout"));
    b.keep_log = true;
    end(&flood);
    end(&echo);
    bench_wait(&b, &(bool){ false }, 200); /* until the last of its lines have come */
}
TEST(output, long_lines_are_cut_at_256_kib)
{
    struct answer a;

    b.log_lines = 0;
    run(&a, "h", "long_line", 5000);
    EXPECT_INT(a.kind, OUTCOME_OK);
    EXPECT_INT(b.log_lines, 3 + 4);
    end(&a);
}

TEST(init, error_that_does_not_exit_is_ended)
{
    expect("init_error_stays", "echo", 3000, OUTCOME_ERROR, "Init.Bad",
           "{\"errorMessage\":\"no\",\"errorType\":\"Init.Bad\"}");
}

TEST(api, calls_out_of_place_are_refused)
{
    expect("h", "wrong_id", 3000, OUTCOME_OK, "",
           "400 {\"errorMessage\":\"Invalid request ID\",\"errorType\":\"InvalidRequestID\"}\n"
           "403 {\"errorMessage\":\"State transition from Running to InitError failed for runtime. Error: "
           "State transition is not allowed\",\"errorType\":\"InvalidStateTransition\"}\n"
           "403 ");
}
TEST(api, second_answer_is_refused)
{
    struct answer a, again;

    run(&a, "h", "twice", 3000);
    EXPECT_PAYLOAD(a, "1");
    answer_init(&again, &b, a.e.code, "{\"do\":\"echo\"}");
    bench_run(&again);
    EXPECT(str_find_str(buf_view(&b.log), STR("second: 400\n")) >= 0);
    answer_done(&again);
    end(&a);
}
TEST(api, extensions_are_refused_in_so_many_words)
{
    expect("h", "extension", 3000, OUTCOME_OK, "",
           "501 {\"errorMessage\":\"The Extensions API is not "
           "implemented\",\"errorType\":\"Extension.NotImplemented\"}\n");
}

/* Found out without the runtime, whose own word is what is tested. */
static bool machine_gives_namespaces(void)
{
    int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS, status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(unshare(geteuid() == 0 ? flags : flags | CLONE_NEWUSER) == 0 ? 0 : 1);
    return waitpid(pid, &status, 0) == pid && status == 0;
}

TEST(sandbox, shows_what_a_function_may_see)
{
    if (!SANDBOX || !machine_gives_namespaces())
        return;
    EXPECT(strstr(runtime_isolation(b.runtime), "namespaces, private root") != NULL);
    if (geteuid() == 0)
        EXPECT(strstr(runtime_isolation(b.runtime), ", own users") != NULL);
    expect("h", "look_around", 3000, OUTCOME_OK, "",
           "{\"pid1\":false,\"root\":false,\"home\":false,\"task_writable\":false,\"usr_writable\":false,"
           "\"tmp_writable\":true,\"root_user\":false}");
}

/* ---- scaling ---- */

TEST(scaling, one_environment_serves_one_after_the_other)
{
    struct runtime_counts before, after;
    struct answer a, v[5];

    run(&a, "h", "echo", 3000);
    runtime_counts(b.runtime, &before);
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        answer_init(&v[i], &b, a.e.code, "{\"do\":\"echo\"}");
        bench_run(&v[i]);
        EXPECT_STR(buf_view(&v[i].environment_id), buf_view(&a.environment_id));
        EXPECT_INT(v[i].init_us, 0);
        answer_done(&v[i]);
    }
    runtime_counts(b.runtime, &after);
    EXPECT_INT(after.started_total, before.started_total);
    end(&a);
}

TEST(scaling, synchronous_ones_start_one_each_up_to_the_maximum)
{
    struct answer v[6]; /* the bench's maximum is 4 */
    struct code *c = native("h", 1000);
    struct runtime_counts counts;
    int64_t began_ns = clock_mono_ns();
    bool never = false;

    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        answer_init(&v[i], &b, c, "{\"do\":\"silent\"}");
        bench_start(&v[i]);
    }
    bench_wait(&b, &never, 500);
    runtime_counts(b.runtime, &counts);
    EXPECT_INT(counts.environments, 4);
    EXPECT_INT(counts.busy, 4);
    bench_wait(&b, &v[5].done, 5000);
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        EXPECT(v[i].done);
        if (i >= 4) /* the first four ran first, and a second each */
            EXPECT(v[i].done_ns - began_ns >= 2000000000);
        else
            EXPECT(v[i].done_ns - began_ns < 2000000000);
        answer_done(&v[i]);
    }
    b.executor.retire(b.executor.arg, c);
    code_unref(c);
}

TEST(scaling, asynchronous_ones_wait_for_the_first_environment)
{
    struct answer v[20];
    struct code *c = native("init_slow", 3000);
    struct runtime_counts counts;

    runtime_counts(b.runtime, &counts);
    for (int i = 0; i < 200 && counts.environments > 0; i++) { /* until those before are gone */
        bench_wait(&b, &(bool){ false }, 50);
        runtime_counts(b.runtime, &counts);
    }
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        answer_init(&v[i], &b, c, "{\"do\":\"echo\"}");
        v[i].e.async = true;
        bench_start(&v[i]);
    }
    runtime_counts(b.runtime, &counts);
    EXPECT_INT(counts.environments, 1);
    bench_wait(&b, &(bool){ false }, 150); /* the start takes 300 ms */
    runtime_counts(b.runtime, &counts);
    EXPECT(counts.starting >= 1 && counts.starting <= b.runtime->cores);
    bench_wait(&b, &v[19].done, 5000);
    bench_wait(&b, &v[18].done, 5000);
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        EXPECT_INT(v[i].kind, OUTCOME_OK);
        answer_done(&v[i]);
    }
    b.executor.retire(b.executor.arg, c);
    code_unref(c);
}

TEST(scaling, idle_environments_make_room_for_other_functions)
{
    struct answer v[6];

    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        answer_init(&v[i], &b, native("h", 3000), "{\"do\":\"echo\"}");
        bench_run(&v[i]);
        EXPECT_INT(v[i].kind, OUTCOME_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        end(&v[i]);
}

TEST(scaling, a_busy_function_yields_to_one_that_has_nothing)
{
    struct answer v[12], other;
    struct code *c = native("h", 60000);

    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        answer_init(&v[i], &b, c, "{\"do\":\"nap\"}");
        bench_start(&v[i]);
    }
    answer_init(&other, &b, native("h", 60000), "{\"do\":\"echo\"}");
    bench_wait(&b, &(bool){ false }, 50);
    bench_start(&other);
    bench_wait(&b, &v[11].done, 60000);
    bench_wait(&b, &other.done, 60000);
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        EXPECT_INT(v[i].kind, OUTCOME_OK);
        EXPECT(v[i].done);
        answer_done(&v[i]);
    }
    EXPECT(other.done);
    end(&other);
    b.executor.retire(b.executor.arg, c);
    code_unref(c);
}

/* n asynchronous ones that take 100 ms each, all of them in line at once. */
static void line_up(struct answer *v, size_t n, struct code *c)
{
    for (size_t i = 0; i < n; i++) {
        answer_init(&v[i], &b, c, "{\"do\":\"nap\"}");
        v[i].e.async = true;
        bench_start(&v[i]);
    }
}

static size_t n_done(const struct answer *v, size_t n)
{
    size_t done = 0;

    for (size_t i = 0; i < n; i++)
        done += v[i].done;
    return done;
}

static void line_ends(struct answer *v, size_t n, struct code *c)
{
    for (size_t i = 0; i < n; i++) {
        bench_wait(&b, &v[i].done, 60000);
        EXPECT_INT(v[i].kind, OUTCOME_OK);
        answer_done(&v[i]);
    }
    b.executor.retire(b.executor.arg, c);
    code_unref(c);
}

TEST(scaling, a_synchronous_one_does_not_wait_for_the_line_of_another_function)
{
    struct answer v[160], other;
    struct code *c = native("h", 60000);
    size_t done;

    line_up(v, ARRAY_LEN(v), c);
    bench_wait(&b, &v[3].done, 60000); /* every place is taken, the line is old */
    answer_init(&other, &b, native("h", 60000), "{\"do\":\"echo\"}");
    bench_start(&other);
    bench_wait(&b, &other.done, 60000);
    done = n_done(v, ARRAY_LEN(v));
    EXPECT(other.done);
    EXPECT(done < ARRAY_LEN(v) / 2);
    line_ends(v, ARRAY_LEN(v), c);
    end(&other);
}

TEST(scaling, functions_with_a_line_each_share_the_places)
{
    struct answer v[80], w[80];
    struct code *first = native("h", 60000), *second = native("h", 60000);
    size_t done;

    line_up(v, ARRAY_LEN(v), first);
    bench_wait(&b, &v[3].done, 60000);
    line_up(w, ARRAY_LEN(w), second);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        bench_wait(&b, &v[i].done, 60000);
    done = n_done(w, ARRAY_LEN(w));
    EXPECT(done >= 10);
    line_ends(v, ARRAY_LEN(v), first);
    line_ends(w, ARRAY_LEN(w), second);
}

/* More functions than places: all of them have one in line, and none is forgotten. */
TEST(scaling, a_line_of_every_function_comes_to_its_turn)
{
    struct answer v[40], w[8];
    struct code *c = native("h", 60000), *other[ARRAY_LEN(w)];

    line_up(v, ARRAY_LEN(v), c);
    bench_wait(&b, &v[3].done, 60000);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        other[i] = native("h", 60000);
        EXPECT_INT(b.executor.capacity(b.executor.arg, other[i]), 1);
        line_up(&w[i], 1, other[i]);
        EXPECT_INT(b.executor.capacity(b.executor.arg, other[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(w); i++)
        line_ends(&w[i], 1, other[i]);
    line_ends(v, ARRAY_LEN(v), c);
}

TEST(scaling, work_of_unknown_length_is_not_taken_ahead)
{
    struct answer v[4];
    struct code *c = native("h", 60000);

    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        answer_init(&v[i], &b, c, "{\"do\":\"nap\"}");
        bench_start(&v[i]);
    }
    while (((const struct pool *)c->environments)->n[ENVIRONMENT_BUSY] == 0)
        bench_wait(&b, &(bool){ false }, 1);
    EXPECT(b.executor.capacity(b.executor.arg, c) <= 1);
    line_ends(v, ARRAY_LEN(v), c);
}

TEST(scaling, capacity_counts_idle_and_possible_environments)
{
    struct answer a;
    struct code *fresh = native("h", 3000);

    bench_wait(&b, &(bool){ false }, 100); /* until those before are gone */
    EXPECT_INT(b.executor.capacity(b.executor.arg, fresh), 1);
    run(&a, "h", "echo", 3000);
    bench_wait(&b, &(bool){ false }, 50);
    EXPECT_INT(b.executor.capacity(b.executor.arg, a.e.code), 2); /* one idle, one more may be started */
    end(&a);
    code_unref(fresh);
}

TEST(scaling, retired_code_ends_its_environments)
{
    struct answer a;
    struct runtime_counts counts;

    bench_wait(&b, &(bool){ false }, 100);
    run(&a, "h", "echo", 3000);
    end(&a);
    bench_wait(&b, &(bool){ false }, 200);
    runtime_counts(b.runtime, &counts);
    EXPECT_INT(counts.environments, 0);
}

/* Ends the common bench and works on one of its own, which the test ends. */
static void other_bench(int64_t idle_ms)
{
    bench_done(&b);
    bench_init(&b, SANDBOX, 4, idle_ms);
}

TEST(scaling, idle_environments_end_after_their_timeout)
{
    struct runtime_counts counts;
    struct answer a;

    other_bench(300);
    run(&a, "h", "echo", 3000);
    bench_wait(&b, &(bool){ false }, 150);
    runtime_counts(b.runtime, &counts);
    EXPECT_INT(counts.idle, 1);
    bench_wait(&b, &(bool){ false }, 500);
    runtime_counts(b.runtime, &counts);
    EXPECT_INT(counts.environments, 0);
    end(&a);
    other_bench(0);
}

TEST(spawner, its_death_is_made_good)
{
    struct runtime_counts counts;
    struct answer a, later;
    struct code *c;

    other_bench(0);
    c = bench_code(&b, "provided.al2023", "h", "bootstrap", "@" NATIVE_BOOTSTRAP, NULL);
    bench_env(c, "MARK", mark);
    answer_init(&a, &b, c, "{\"do\":\"leave_child_and_hang\"}");
    bench_start(&a);
    bench_wait(&b, &a.done, 400);
    EXPECT(!a.done && bench_processes(mark) > 0);
    kill(bench_spawner_pid(), SIGKILL);
    bench_wait(&b, &a.done, 2000);
    EXPECT_INT(a.kind, OUTCOME_SYSTEM);
    EXPECT_STR(buf_view(&a.why), STR("the process that starts functions ended, and this one with it"));
    answer_init(&later, &b, c, "{\"do\":\"echo\"}"); /* waits for the next spawner */
    bench_run(&later);
    EXPECT_INT(later.kind, OUTCOME_OK);
    runtime_counts(b.runtime, &counts);
    EXPECT_INT(counts.spawner_restarts, 1);
    EXPECT(counts.spawner_pid > 0);
    answer_done(&later);
    end(&a);
    other_bench(0);
    expect_no_processes(mark);
}

TEST(stopping, answers_what_runs)
{
    struct answer a, waiting;
    struct code *c = native("h", 5000);

    answer_init(&a, &b, c, "{\"do\":\"silent\"}");
    answer_init(&waiting, &b, c, "{\"do\":\"silent\"}");
    waiting.e.async = true;
    bench_start(&a);
    bench_start(&waiting);
    bench_wait(&b, &a.done, 300);
    bench_done(&b);
    EXPECT(a.done && waiting.done);
    EXPECT_INT(a.kind, OUTCOME_SYSTEM);
    EXPECT_STR(buf_view(&a.why), STR("the server is stopping"));
    answer_done(&a);
    answer_done(&waiting);
    code_unref(c);
    bench_init(&b, SANDBOX, 4, 0);
}

int main(int argc, char **argv)
{
    int r;

    snprintf(mark, sizeof(mark), "86417.%d", (int)getpid());
    bench_init(&b, SANDBOX, 4, 0);
    m = arena_new(0);
    printf("isolation: %s\n", runtime_isolation(b.runtime));
    r = unit_main(argc, argv);
    bench_done(&b);
    arena_free(m);
    return r;
}
