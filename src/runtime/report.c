/* report.c - see report.h.  Durations are shown in milliseconds with two decimals, and billed rounded up. */
#include "runtime/report.h"

#include <errno.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/crypt.h"
#include "base/json.h"

/* ---- error payloads ---- */

static void request_error(struct buf *b, struct str request_id, struct str text)
{
    CLEANUP(buf_done) struct buf message = { 0 };

    buf_printf(&message, "RequestId: " STR_FMT " Error: " STR_FMT, STR_ARG(request_id), STR_ARG(text));
    json_quote(b, buf_view(&message));
}

void report_payload(struct buf *b, struct str request_id, struct str type, struct str text)
{
    buf_z(b, "{\"errorType\":");
    json_quote(b, type);
    buf_z(b, ",\"errorMessage\":");
    request_error(b, request_id, text);
    buf_char(b, '}');
}

void report_entrypoint_payload(struct buf *b, struct str request_id, struct str text)
{
    buf_z(b, "{\"errorMessage\":");
    request_error(b, request_id, text);
    buf_z(b, ",\"errorType\":\"Runtime.InvalidEntrypoint\"}");
}

void report_too_large_payload(struct buf *b)
{
    buf_z(
        b,
        "{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size (6291556 bytes).\","
        "\"errorType\":\"Function.ResponseSizeTooLarge\"}");
}

void report_timeout_text(struct buf *b, int64_t timeout_ms)
{
    buf_printf(b, "Task timed out after %lld.%02lld seconds", (long long)(timeout_ms / 1000),
               (long long)(timeout_ms % 1000 / 10));
}

/* The words of Go's os/exec, in which the platform is written. */
static const char *signal_text(int number)
{
    static const char *const texts[] = {
        [1] = "hangup",
        [2] = "interrupt",
        [3] = "quit",
        [4] = "illegal instruction",
        [5] = "trace/breakpoint trap",
        [6] = "aborted",
        [7] = "bus error",
        [8] = "floating point exception",
        [9] = "killed",
        [10] = "user defined signal 1",
        [11] = "segmentation fault",
        [12] = "user defined signal 2",
        [13] = "broken pipe",
        [14] = "alarm clock",
        [15] = "terminated",
    };

    return number > 0 && (size_t)number < ARRAY_LEN(texts) ? texts[number] : NULL;
}

void report_exit_text(struct buf *b, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        buf_z(b, "Runtime exited without providing a reason");
        return;
    }
    buf_z(b, "Runtime exited with error: ");
    if (WIFEXITED(status))
        buf_printf(b, "exit status %d", WEXITSTATUS(status));
    else if (signal_text(WTERMSIG(status)) != NULL)
        buf_printf(b, "signal: %s", signal_text(WTERMSIG(status)));
    else
        buf_printf(b, "signal: signal %d", WTERMSIG(status));
}

const char *report_exec_error(int number)
{
    switch (number) {
    case ENOEXEC: return "exec format error";
    case ENOENT: return "no such file or directory";
    case EACCES: return "permission denied";
    case E2BIG: return "argument list too long";
    default: return "input/output error";
    }
}

struct str report_error_type(struct str header)
{
    struct str rest = header;

    if (!str_starts(header, STR("Runtime.")) && !str_starts(header, STR("Function.")))
        return STR("Runtime.Unknown");
    rest = str_sub(header, (size_t)str_find(header, '.') + 1, header.n);
    for (size_t i = 0; i < rest.n; i++) {
        bool upper = rest.p[i] >= 'A' && rest.p[i] <= 'Z', lower = rest.p[i] >= 'a' && rest.p[i] <= 'z';

        if (!upper && (i == 0 || !lower))
            rest.n = 0;
    }
    if (rest.n >= 2)
        return header;
    return str_starts(header, STR("Function.")) ? STR("Function.Unknown") : STR("Runtime.Unknown");
}

/* ---- text format ---- */

/* "python3.12" -> "python:3.12"; "provided.al2023" -> "provided:al2023"; "nodejs20.x" -> "nodejs:20" */
static void runtime_version(struct buf *b, struct str runtime)
{
    size_t name = 0, end = runtime.n;

    while (name < runtime.n && runtime.p[name] != '.' && (runtime.p[name] < '0' || runtime.p[name] > '9'))
        name++;
    if (str_ends(runtime, STR(".x")))
        end -= 2;
    buf_str(b, str_sub(runtime, 0, name));
    if (name < end) {
        buf_char(b, ':');
        buf_str(b, str_sub(runtime, name + (runtime.p[name] == '.'), end));
    }
    buf_z(b, ".v1"); /* which patch of it: ours has no numbers.  UNVERIFIED: only the form */
}

static void runtime_version_arn(struct buf *b, struct str runtime, struct str region)
{
    struct digest d = sha256_of(runtime);

    buf_printf(b, "arn:aws:lambda:" STR_FMT "::runtime:", STR_ARG(region));
    hex_add(b, d.b, d.n);
}

void report_init_text(struct buf *b, struct str runtime, struct str region)
{
    buf_z(b, "INIT_START Runtime Version: ");
    runtime_version(b, runtime);
    buf_z(b, "\tRuntime Version ARN: ");
    runtime_version_arn(b, runtime, region);
}

void report_start_text(struct buf *b, const struct report *r)
{
    buf_z(b, "START RequestId: ");
    buf_str(b, r->request_id);
    buf_z(b, " Version: ");
    buf_str(b, r->version);
}

void report_end_text(struct buf *b, const struct report *r)
{
    buf_z(b, "END RequestId: ");
    buf_str(b, r->request_id);
}

static void milliseconds(struct buf *b, int64_t us)
{
    int64_t hundredths = (us + 5) / 10;

    buf_i64(b, hundredths / 100);
    buf_char(b, '.');
    buf_char(b, (char)('0' + hundredths % 100 / 10));
    buf_char(b, (char)('0' + hundredths % 10));
    buf_z(b, " ms\t");
}

/* Since August 2025 the init phase is billed like the invocation. */
static int64_t billed_ms(const struct report *r)
{
    return MAX((r->duration_us + r->init_us + 999) / 1000, 1);
}

void report_text(struct buf *b, const struct report *r)
{
    buf_z(b, "REPORT RequestId: ");
    buf_str(b, r->request_id);
    buf_z(b, "\tDuration: ");
    milliseconds(b, r->duration_us);
    buf_z(b, "Billed Duration: ");
    buf_i64(b, billed_ms(r));
    buf_z(b, " ms\tMemory Size: ");
    buf_i64(b, r->memory_mb);
    buf_z(b, " MB\tMax Memory Used: ");
    buf_i64(b, r->max_memory_mb);
    buf_z(b, " MB\t");
    if (r->init_us > 0) {
        buf_z(b, "Init Duration: ");
        milliseconds(b, r->init_us);
    }
    if (r->status == REPORT_TIMEOUT)
        buf_z(b, "Status: timeout");
    if (r->status == REPORT_FAILURE)
        buf_printf(b, "Status: error\tError Type: " STR_FMT, STR_ARG(r->error_type));
}

/* ---- JSON format ---- */

static void record_begin(struct json_writer *w, struct buf *b, int64_t wall_ms, const char *type)
{
    CLEANUP(buf_done) struct buf time = { 0 };

    when_iso_ms(&time, wall_ms);
    jw_init(w, b);
    jw_object(w);
    jw_kstr(w, "time", buf_view(&time));
    jw_kstr(w, "type", str_of(type));
    jw_key(w, STR("record"));
    jw_object(w);
}

static void record_end(struct json_writer *w)
{
    jw_object_end(w);
    jw_object_end(w);
}

void report_init_json(struct buf *b, int64_t wall_ms, struct str runtime, struct str region)
{
    CLEANUP(buf_done) struct buf version = { 0 };
    CLEANUP(buf_done) struct buf arn = { 0 };
    struct json_writer w;

    runtime_version(&version, runtime);
    runtime_version_arn(&arn, runtime, region);
    record_begin(&w, b, wall_ms, "platform.initStart");
    jw_kstr(&w, "initializationType", STR("on-demand"));
    jw_kstr(&w, "phase", STR("init"));
    jw_kstr(&w, "runtimeVersion", buf_view(&version));
    jw_kstr(&w, "runtimeVersionArn", buf_view(&arn));
    record_end(&w);
}

void report_start_json(struct buf *b, int64_t wall_ms, const struct report *r)
{
    struct json_writer w;

    record_begin(&w, b, wall_ms, "platform.start");
    jw_kstr(&w, "requestId", r->request_id);
    jw_kstr(&w, "functionArn", r->function_arn);
    jw_kstr(&w, "version", r->version);
    record_end(&w);
}

static void record_status(struct json_writer *w, const struct report *r)
{
    static const char *const texts[] = {
        [REPORT_SUCCESS] = "success",
        [REPORT_ERROR] = "error",
        [REPORT_FAILURE] = "failure",
        [REPORT_TIMEOUT] = "timeout",
    };

    jw_kstr(w, "status", str_of(texts[r->status]));
    if (r->status != REPORT_SUCCESS)
        jw_kstr(w, "errorType", r->error_type);
}

static void record_ms(struct json_writer *w, const char *key, int64_t us)
{
    jw_key(w, str_of(key));
    jw_f64(w, (double)us / 1000.0);
}

void report_runtime_done_json(struct buf *b, int64_t wall_ms, const struct report *r)
{
    struct json_writer w;

    record_begin(&w, b, wall_ms, "platform.runtimeDone");
    jw_kstr(&w, "requestId", r->request_id);
    record_status(&w, r);
    jw_key(&w, STR("metrics"));
    jw_object(&w);
    record_ms(&w, "durationMs", r->duration_us);
    jw_object_end(&w);
    record_end(&w);
}

void report_json(struct buf *b, int64_t wall_ms, const struct report *r)
{
    struct json_writer w;

    record_begin(&w, b, wall_ms, "platform.report");
    jw_kstr(&w, "requestId", r->request_id);
    jw_key(&w, STR("metrics"));
    jw_object(&w);
    record_ms(&w, "durationMs", r->duration_us);
    jw_ki64(&w, "billedDurationMs", billed_ms(r));
    jw_ki64(&w, "memorySizeMB", r->memory_mb);
    jw_ki64(&w, "maxMemoryUsedMB", r->max_memory_mb);
    if (r->init_us > 0)
        record_ms(&w, "initDurationMs", r->init_us);
    jw_object_end(&w);
    record_status(&w, r);
    record_end(&w);
}

bool report_wanted(struct str level, enum report_level of_record)
{
    enum report_level least = REPORT_INFO;

    if (str_is(level, "DEBUG"))
        least = REPORT_DEBUG;
    else if (str_is(level, "WARN"))
        least = REPORT_WARN;
    return of_record >= least;
}

void report_log_stream(struct buf *b, int64_t wall_ms, struct str function, struct str version, struct str id,
                       bool own_group)
{
    struct when_parts p = when_parts(wall_ms);

    buf_printf(b, "%04d/%02d/%02d/", p.year, p.month, p.day);
    if (own_group)
        buf_printf(b, STR_FMT "[" STR_FMT "][" STR_FMT "]", STR_ARG(function), STR_ARG(version), STR_ARG(id));
    else
        buf_printf(b, "[" STR_FMT "]" STR_FMT, STR_ARG(version), STR_ARG(id));
}
