/* bench.c - see bench.h. */
#include "runtime/bench.h"

#include <dirent.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "runtime/spawn.h"

/* ---- the engine's stand-in ---- */

static void on_turn(uv_check_t *check)
{
    struct bench *b = check->data;
    struct turn t = { .magic = TURN_MAGIC, .now = clock_now(&b->clock), .engine = b };
    unsigned n = b->n_soon;

    for (unsigned i = 0; i < n; i++)
        b->soon[i].fn(b->soon[i].arg, &t);
    memmove(b->soon, b->soon + n, sizeof(b->soon[0]) * (b->n_soon - n));
    b->n_soon -= n;
    if (b->n_soon == 0)
        uv_check_stop(check);
}

static void soon(void *engine, void (*fn)(void *arg, struct turn *turn), void *arg)
{
    struct bench *b = engine;

    CHECK(b->n_soon < ARRAY_LEN(b->soon));
    b->soon[b->n_soon].fn = fn;
    b->soon[b->n_soon++].arg = arg;
    uv_check_start(&b->turn, on_turn);
}

static void busy(void *engine, int delta)
{
    struct bench *b = engine;

    b->busy += delta;
    CHECK(b->busy >= 0);
}

static void log_lines(void *arg, const struct code *code, struct str stream, const struct runtime_log_line *v,
                      size_t n)
{
    struct bench *b = arg;

    b->log_lines += (unsigned)n;
    for (size_t i = 0; i < n && b->keep_log; i++) {
        buf_str(&b->log, v[i].text);
        buf_char(&b->log, '\n');
    }
}

static void credentials(void *arg, const struct code *code, struct arena *mem,
                        struct runtime_credentials *ret)
{
    *ret = (struct runtime_credentials){ STR("AKIATEST"), STR("secret"), STR("token") };
}

static void capacity_changed(void *arg) { ((struct bench *)arg)->capacity_calls++; }

/* ---- life ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

void bench_init(struct bench *b, bool sandbox, unsigned max_environments, int64_t idle_ms)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    char code_dir[96], run_dir[96];
    int r;

    memset(b, 0, sizeof(*b));
    CHECK(spawner_start(&b->spawner) == 0);
    CHECK(uv_loop_init(&b->loop) == 0 && uv_check_init(&b->loop, &b->turn) == 0);
    b->turn.data = b;
    b->keep_log = true;
    clock_init(&b->clock);
    snprintf(b->dir, sizeof(b->dir), "/tmp/waybill-runtime-XXXXXX");
    CHECK(mkdtemp(b->dir) != NULL);
    snprintf(code_dir, sizeof(code_dir), "%s/code", b->dir);
    snprintf(run_dir, sizeof(run_dir), "%s/run", b->dir);
    CHECK(mkdir(code_dir, 0755) == 0);
    r = runtime_new(
        &(struct runtime_options){
            .loop = &b->loop,
            .spawner = b->spawner,
            .clock = &b->clock,
            .code_dir = code_dir,
            .run_dir = run_dir,
            .endpoint = "http://127.0.0.1:4566",
            .max_environments = max_environments,
            .idle_timeout_ms = idle_ms > 0 ? idle_ms : 600000,
            .sandbox = sandbox,
            .soon = soon,
            .busy = busy,
            .engine = b,
            .credentials = credentials,
            .log = log_lines,
            .log_arg = b,
            .capacity_changed = capacity_changed,
            .capacity_arg = b,
        },
        &b->runtime, &why);
    if (r < 0)
        printf("runtime_new: " STR_FMT "\n", STR_ARG(buf_view(&why)));
    CHECK(r == 0);
    b->executor = runtime_executor(b->runtime);
}

static void on_stopped(void *arg) { ((struct bench *)arg)->stopped = true; }

void bench_done(struct bench *b)
{
    runtime_check(b->runtime);
    runtime_stop(b->runtime, false, on_stopped, b);
    bench_wait(b, &b->stopped, 5000);
    CHECK(b->stopped && b->busy == 0);
    runtime_free(b->runtime);
    uv_close((uv_handle_t *)&b->turn, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&b->loop) == 0);
    spawner_free(b->spawner);
    buf_done(&b->log);
    nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void on_tick(uv_timer_t *t) {}

void bench_wait(struct bench *b, bool *done, int64_t limit_ms)
{
    int64_t end_ns = clock_mono_ns() + limit_ms * 1000000;
    uv_timer_t tick;

    uv_timer_init(&b->loop, &tick);
    uv_timer_start(&tick, on_tick, 20, 20);
    while (!*done && clock_mono_ns() < end_ns) {
        uv_run(&b->loop, UV_RUN_ONCE);
        runtime_check(b->runtime);
    }
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&b->loop, UV_RUN_NOWAIT);
}

/* ---- functions ---- */

static void write_file(const char *path, const char *name, const char *text)
{
    char cmd[1024];
    FILE *f;

    if (text[0] == '@') {
        snprintf(cmd, sizeof(cmd), "cp '%s' '%s'", text + 1, path);
        CHECK(system(cmd) == 0);
    } else {
        f = fopen(path, "we");
        CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
    }
    chmod(path, strstr(name, "bootstrap") != NULL ? 0755 : 0644);
}

static void write_package(const char *task, va_list files)
{
    char path[512];

    for (const char *name; (name = va_arg(files, const char *)) != NULL;) {
        snprintf(path, sizeof(path), "%s/%s", task, name);
        for (char *slash = strchr(path + strlen(task) + 1, '/'); slash != NULL;
             slash = strchr(slash + 1, '/')) {
            *slash = '\0';
            mkdir(path, 0755);
            *slash = '/';
        }
        write_file(path, name, va_arg(files, const char *));
    }
}

struct code *bench_code(struct bench *b, const char *runtime, const char *handler, ...)
{
    struct arena *m = arena_new(0);
    struct code *c = ARENA_NEW(m, struct code);
    char path[256];
    va_list files;

    *c = (struct code){ .magic = CODE_MAGIC,
                        .refs = 1,
                        .id = ++b->next_code,
                        .mem = m,
                        .account = STR("000000000000"),
                        .region = STR("us-east-1"),
                        .name = STR("thumb"),
                        .version = STR("$LATEST"),
                        .function_arn = STR("arn:aws:lambda:us-east-1:000000000000:function:thumb"),
                        .runtime = arena_str(m, str_of(runtime)),
                        .handler = arena_str(m, str_of(handler)),
                        .role_arn = STR("arn:aws:iam::000000000000:role/r"),
                        .log_group = STR("/aws/lambda/thumb"),
                        .memory_mb = 256,
                        .timeout_ms = 3000,
                        .tmp_mb = 64 };
    c->package_sha256_hex = arena_printf(m, "%064llx", (unsigned long long)c->id);
    c->env = arena_calloc(m, 16, sizeof(*c->env));
    snprintf(path, sizeof(path), "%s/code/" STR_FMT, b->dir, STR_ARG(c->package_sha256_hex));
    CHECK(mkdir(path, 0755) == 0);
    snprintf(path + strlen(path), sizeof(path) - strlen(path), "/task");
    CHECK(mkdir(path, 0755) == 0);
    va_start(files, handler);
    write_package(path, files);
    va_end(files);
    return c;
}

void bench_env(struct code *c, const char *name, const char *value)
{
    CHECK(c->n_env < 16);
    c->env[c->n_env++] = (struct env_var){ str_of(name), str_of(value) };
}

/* ---- executions ---- */

static void on_done(struct execution *e, const struct outcome *o, struct turn *t)
{
    struct answer *a = CONTAINER_OF(e, struct answer, e);

    CHECK(!a->done);
    a->done = true;
    a->done_ns = clock_mono_ns();
    a->kind = o->kind;
    a->duration_us = o->duration_us;
    a->init_us = o->init_us;
    buf_str(&a->payload, o->payload);
    buf_str(&a->error_type, o->error_type);
    buf_str(&a->why, o->why);
    buf_str(&a->tail, o->log_tail);
    buf_str(&a->environment_id, o->environment_id);
    if (a->then != NULL)
        a->then(a);
}

void answer_init(struct answer *a, struct bench *b, struct code *c, const char *payload)
{
    struct arena *m = c->mem;

    memset(a, 0, sizeof(*a));
    a->b = b;
    a->e = (struct execution){
        .code = c,
        .request_id = uuid_str(m),
        .invoked_arn = STR("arn:aws:lambda:us-east-1:000000000000:function:thumb:live"),
        .payload = arena_str(m, str_of(payload)),
        .trace_header = STR("Root=1-5f0f0f0f-000000000000000000000000;Parent=0000000000000001;Sampled=0"),
        .done = on_done
    };
}

void answer_done(struct answer *a)
{
    if (a->started && !a->done)
        bench_wait(a->b, &a->done, 90000);
    CHECK(!a->started || a->done); /* or it would be answered when it is gone */
    buf_done(&a->payload);
    buf_done(&a->error_type);
    buf_done(&a->why);
    buf_done(&a->tail);
    buf_done(&a->environment_id);
}

void bench_start(struct answer *a)
{
    a->started = true;
    a->b->executor.start(a->b->executor.arg, &a->e);
}

void bench_run(struct answer *a)
{
    buf_clear(&a->b->log);
    bench_start(a);
    bench_wait(a->b, &a->done, 90000);
}

/* ---- looking ---- */

int bench_processes(const char *text)
{
    DIR *d = opendir("/proc");
    int found = 0;

    for (struct dirent *at; (at = readdir(d)) != NULL;) {
        char path[300], line[4096] = "";
        FILE *f;
        size_t n;

        snprintf(path, sizeof(path), "/proc/%s/cmdline", at->d_name);
        f = at->d_name[0] >= '1' && at->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        if (f == NULL)
            continue;
        n = fread(line, 1, sizeof(line) - 1, f);
        found += memmem(line, n, text, strlen(text)) != NULL;
        fclose(f);
    }
    closedir(d);
    return found;
}

int bench_spawner_pid(void)
{
    FILE *f = fopen("/proc/thread-self/children", "re");
    int pid = 0, found = 0;

    while (f != NULL && fscanf(f, "%d", &pid) == 1) {
        char path[64], name[32] = "";
        FILE *comm;

        snprintf(path, sizeof(path), "/proc/%d/comm", pid);
        comm = fopen(path, "re");
        if (comm != NULL && fgets(name, sizeof(name), comm) != NULL && strcmp(name, "waybill-spawner\n") == 0)
            found = pid;
        if (comm != NULL)
            fclose(comm);
    }
    if (f != NULL)
        fclose(f);
    CHECK(found > 0);
    return found;
}

/* Replaces digits after `mark` up to a character that is no digit or dot by N. */
static void blank_number(struct buf *out, struct str *rest, const char *mark)
{
    struct str m = str_of(mark);
    size_t i = m.n;

    if (!str_starts(*rest, m))
        return;
    while (i < rest->n && ((rest->p[i] >= '0' && rest->p[i] <= '9') || rest->p[i] == '.'))
        i++;
    buf_str(out, m);
    buf_char(out, 'N');
    *rest = str_sub(*rest, i, rest->n);
}

/* 2026-09-14T15:44:58.123Z becomes <time>. */
static bool is_time(struct str s)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

    for (size_t i = 0; i < sizeof(form) - 1; i++)
        if (i >= s.n || (form[i] == 'd' ? s.p[i] < '0' || s.p[i] > '9' : s.p[i] != form[i]))
            return false;
    return true;
}

struct str bench_plain(struct arena *m, struct str text, const struct answer *a)
{
    static const char *const marks[] = { "\tDuration: ", "Billed Duration: ", "Max Memory Used: ",
                                         "Init Duration: " };
    CLEANUP(buf_done) struct buf out = { 0 };

    while (text.n > 0) {
        size_t before = text.n;

        for (size_t i = 0; i < ARRAY_LEN(marks); i++)
            blank_number(&out, &text, marks[i]);
        if (text.n < before)
            continue;
        if (str_starts(text, a->e.request_id)) {
            buf_z(&out, "<id>");
            text = str_sub(text, a->e.request_id.n, text.n);
        } else if (is_time(text)) {
            buf_z(&out, "<time>");
            text = str_sub(text, 24, text.n);
        } else {
            buf_char(&out, text.p[0]);
            text = str_sub(text, 1, text.n);
        }
    }
    return buf_to_arena(&out, m);
}
