/* environment.c - the life of one environment.  The drawing stands in environment.h.
 *
 * True here: step() is the only place that changes a state, and keeps the pool's lists and counts in line
 * with it. env->exec is answered in environment_finish() and nowhere else.  An environment in doubt (timeout,
 * exit, too much memory) is replaced, never repaired.  One timer; what it is for follows from state and exec:
 *   STARTING without exec: the init limit.  With exec, or BUSY: the function's timeout.  IDLE: the idle
 * timeout. LOST: the time its process has to ask again, or to be reported dead. */
#include "runtime/environment.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/id.h"
#include "base/state.h"

#define SAMPLE_NS ((int64_t)100000000)
#define MOST_PROCESSES 1025u /* AWS's 1,024, and a supervisor; seen where nothing else limits them */
#define DYING_LIMIT_MS 1000  /* after init/error the runtime ends itself, or is ended */

/* ---- states ---- */

#define TO(s) STATE_BIT(ENVIRONMENT_##s)
static const struct state states[ENVIRONMENT_STATE_COUNT] = {
    [ENVIRONMENT_COLD] = { "cold", TO(STARTING) | TO(GONE) },
    [ENVIRONMENT_STARTING] = { "starting", TO(COLD) | TO(IDLE) | TO(BUSY) | TO(STOPPING) | TO(GONE) },
    [ENVIRONMENT_IDLE] = { "idle", TO(LOST) | TO(BUSY) | TO(STOPPING) | TO(GONE) },
    [ENVIRONMENT_LOST] = { "lost", TO(IDLE) | TO(BUSY) | TO(STOPPING) | TO(GONE) },
    [ENVIRONMENT_BUSY] = { "busy", TO(IDLE) | TO(BUSY) | TO(STOPPING) | TO(GONE) },
    [ENVIRONMENT_STOPPING] = { "stopping", TO(GONE) },
    [ENVIRONMENT_GONE] = { "gone", 0 },
};
static const struct states machine = STATES("environment", states);

const char *environment_state_name(enum environment_state s) { return state_name(&machine, s); }

bool environment_may(enum environment_state from, enum environment_state to)
{
    return state_may(&machine, from, to);
}

static void step(struct environment *env, enum environment_state to)
{
    enum environment_state from = env->state;

    CHECK_IS(env, ENVIRONMENT_MAGIC);
    STATE_MOVE(&machine, env->state, to);
    pool_moved(env, from, to);
}

/* ---- the timer ---- */

static void on_timer(uv_timer_t *timer);

/* A timer that is set for an earlier moment is left alone and set again when it fires: two heap operations
 * less per invocation. */
static void due_in(struct environment *env, int64_t in_ms)
{
    int64_t now_ns = clock_mono_ns();

    CHECK(env->state != ENVIRONMENT_GONE);
    env->due_ns = now_ns + in_ms * 1000000;
    if (uv_is_active((uv_handle_t *)&env->timer) && uv_timer_get_due_in(&env->timer) <= (uint64_t)in_ms)
        return;
    uv_timer_start(&env->timer, on_timer, (uint64_t)in_ms, 0);
}

static void kill_process(struct environment *env)
{
    if (env->process)
        spawner_kill(env->r->o.spawner, env->slot);
}

static void time_out(struct environment *env)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    CLEANUP(buf_done) struct buf payload = { 0 };
    CLEANUP(buf_done) struct buf log = { 0 };
    struct execution *e = env->exec;

    CHECK(e != NULL);
    report_timeout_text(&text, env->code->timeout_ms);
    report_payload(&payload, e->request_id, STR("Sandbox.Timedout"), buf_view(&text));
    when_iso_ms(&log, clock_now(env->r->o.clock).wall_ms);
    /* UNVERIFIED: whether the line still appears beside "Status: timeout"; scrapers look for it. */
    buf_printf(&log, " " STR_FMT " " STR_FMT "\n", STR_ARG(e->request_id), STR_ARG(buf_view(&text)));
    environment_finish(env, &(struct ending){ .kind = OUTCOME_ERROR,
                                              .status = REPORT_TIMEOUT,
                                              .payload = buf_view(&payload),
                                              .error_type = STR("Sandbox.Timedout"),
                                              .line = buf_view(&log) });
}

static void on_due(struct environment *env)
{
    switch (env->state) {
    case ENVIRONMENT_STARTING:
        if (env->exec != NULL && !env->init_failed) {
            time_out(env);
            environment_stop(env);
        } else {
            kill_process(env); /* its exit decides what follows */
        }
        break;
    case ENVIRONMENT_BUSY:
        if (env->exec != NULL)
            time_out(env);
        environment_stop(env);
        break;
    case ENVIRONMENT_IDLE:
    case ENVIRONMENT_LOST: environment_stop(env); break;
    default: break;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct environment *env = CAST(struct environment, ENVIRONMENT_MAGIC, timer->data);
    int64_t left_ns = env->due_ns - clock_mono_ns();

    if (env->due_ns == 0)
        return;
    if (left_ns > 0) {
        uv_timer_start(timer, on_timer, (uint64_t)((left_ns + 999999) / 1000000), 0);
        return;
    }
    env->due_ns = 0;
    on_due(env);
}

/* ---- made and freed ---- */

static void on_lines(void *arg, const struct runtime_log_line *v, size_t n)
{
    struct environment *env = CAST(struct environment, ENVIRONMENT_MAGIC, arg);

    if (env->r->o.log != NULL)
        env->r->o.log(env->r->o.log_arg, env->code, buf_view(&env->log_stream), v, n);
}

struct environment *environment_new(struct pool *p)
{
    struct environment *env = xcalloc(1, sizeof(*env));
    struct runtime *r = p->r;
    CLEANUP(buf_done) struct buf usual_group = { 0 };

    CHECK_IS(p, POOL_MAGIC);
    CHECK_IS(r, RUNTIME_MAGIC);
    env->magic = ENVIRONMENT_MAGIC;
    env->r = r;
    env->pool = p;
    env->code = code_ref(p->code);
    env->slot = SPAWN_SLOTS;
    id_hex(env->id, 32);
    buf_printf(&usual_group, "/aws/lambda/" STR_FMT, STR_ARG(env->code->name));
    report_log_stream(&env->log_stream, clock_now(r->o.clock).wall_ms, env->code->name, env->code->version,
                      str_of(env->id), !str_eq(env->code->log_group, buf_view(&usual_group)));
    output_init(&env->output, r->o.clock, on_lines, env);
    CHECK(uv_timer_init(r->o.loop, &env->timer) == 0);
    env->timer.data = env;
    env->handles = 1;
    list_append(&p->all, &env->in_pool);
    p->n[ENVIRONMENT_COLD]++;
    r->n[ENVIRONMENT_COLD]++;
    r->objects++;
    return env;
}

static void environment_free(struct environment *env)
{
    struct runtime *r = env->r;

    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(env->state == ENVIRONMENT_GONE && env->exec == NULL && !env->process && env->next == NULL);
    CHECK(r->objects > 0 && env->server == NULL);
    pool_leave(env);
    output_done(&env->output);
    buf_done(&env->log_stream);
    buf_done(&env->init_error);
    free(env->memory_walk);
    if (env->tmp_dir != NULL)
        runtime_remove_tree(r, TAKE(env->tmp_dir));
    code_unref(env->code);
    env->magic = 0;
    free(env);
    r->objects--;
    runtime_check_stopped(r);
}

static void let_go(struct environment *env)
{
    CHECK(env->handles > 0);
    if (--env->handles == 0)
        environment_free(env);
}

static void on_timer_closed(uv_handle_t *h) { let_go(CAST(struct environment, ENVIRONMENT_MAGIC, h->data)); }
static void on_output_closed(uv_handle_t *h)
{
    let_go(CONTAINER_OF((struct output *)h->data, struct environment, output));
}

static void gone(struct environment *env)
{
    CHECK(!env->process);
    step(env, ENVIRONMENT_GONE);
    api_close(env);
    if (env->slot < SPAWN_SLOTS) {
        CHECK(env->r->slots[env->slot] == env);
        env->r->slots[env->slot] = NULL;
    }
    if (env->output.open)
        output_close(&env->output, on_output_closed);
    uv_close((uv_handle_t *)&env->timer, on_timer_closed);
    runtime_pump(env->r);
}

void environment_stop(struct environment *env)
{
    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(env->exec == NULL);
    if (env->state == ENVIRONMENT_STOPPING || env->state == ENVIRONMENT_GONE)
        return;
    env->due_ns = 0;
    if (!env->process) {
        gone(env);
        return;
    }
    step(env, ENVIRONMENT_STOPPING);
    kill_process(env);
}

/* ---- starting ---- */

/* The oldest execution that waits is the one this environment was started for. */
static bool take_work(struct environment *env)
{
    struct execution *e;

    if (env->exec != NULL)
        return true;
    e = pool_take(env->pool);
    if (e == NULL)
        return false;
    CHECK_IS(e->code, CODE_MAGIC);
    CHECK(e->code == env->code);
    env->exec = e;
    env->started_ns = clock_mono_ns();
    env->started_ms = clock_now(env->r->o.clock).wall_ms;
    return true;
}

static void log_init(struct environment *env);
static void log_start(struct environment *env);

/* It cannot be started at all: whoever waits learns why. */
static void fail_start(struct environment *env, enum outcome_kind kind, struct str payload, struct str why)
{
    bool bound = env->exec != NULL;

    if (take_work(env)) {
        if (!bound)
            log_start(env);
        environment_finish(env, &(struct ending){ .kind = kind,
                                                  .status = REPORT_FAILURE,
                                                  .payload = payload,
                                                  .why = why,
                                                  .line = why,
                                                  .error_type = kind == OUTCOME_SYSTEM
                                                                    ? STR("Runtime.Unknown")
                                                                    : STR("Runtime.InvalidEntrypoint") });
    }
    gone(env);
}

static void fail_entrypoint(struct environment *env, struct str why)
{
    CLEANUP(buf_done) struct buf payload = { 0 };

    bool bound = env->exec != NULL;

    if (!take_work(env)) {
        gone(env);
        return;
    }
    if (!bound)
        log_start(env);
    report_entrypoint_payload(&payload, env->exec->request_id, why);
    fail_start(env, OUTCOME_ERROR, buf_view(&payload), why);
}

static int take_slot(struct environment *env)
{
    struct runtime *r = env->r;

    for (unsigned i = 0; i < SPAWN_SLOTS && env->slot == SPAWN_SLOTS; i++) {
        unsigned at = (r->slot_hint + i) % COMPILE_SLOT;

        if (r->slots[at] == NULL)
            env->slot = at;
    }
    if (env->slot == SPAWN_SLOTS)
        return -E_LIMIT;
    CHECK(env->slot < COMPILE_SLOT && r->slots[env->slot] == NULL);
    r->slot_hint = env->slot + 1;
    r->slots[env->slot] = env;
    return 0;
}

static int make_tmp(struct environment *env)
{
    char path[PATH_MAX];

    if (env->r->isolation.private_root || env->tmp_dir != NULL)
        return 0;
    snprintf(path, sizeof(path), "%s/tmp/%s", env->r->run_dir, env->id);
    if (mkdir(path, 0700) < 0)
        return -E_SYSTEM;
    env->tmp_dir = xstrdup(path);
    return 0;
}

static int spawn(struct environment *env, const struct program *p, struct arena *a)
{
    struct runtime *r = env->r;
    struct program_facts f = { .api_port = server_port(env->server),
                               .log_stream = buf_view(&env->log_stream),
                               .tmp_dir = env->tmp_dir };

    if (r->o.credentials != NULL)
        r->o.credentials(r->o.credentials_arg, env->code, a, &f.credentials);
    return spawner_spawn(r->o.spawner,
                         &(struct spawn_spec){ .slot = env->slot,
                                               .sandbox = r->o.sandbox,
                                               .argv = p->argv,
                                               .cwd = p->cwd,
                                               .task_dir = p->task_dir,
                                               .prefix = p->prefix,
                                               .env = program_environment(&r->place, env->code, &f, p, a),
                                               .tmp_mb = env->code->tmp_mb,
                                               .memory_mb = env->code->memory_mb,
                                               .output_fd = env->output.write_fd });
}

/* Our python client is a module; compiled once per interpreter, it starts 10 ms sooner.  Nobody waits for
 * this. */
static void compile_client(struct environment *env, const struct program *p, struct arena *a)
{
    struct runtime *r = env->r;
    struct str python = str_of(p->argv.p),
               script =
                   arena_printf(a, "import py_compile; py_compile.compile(%c%s/python/waybill_runtime.py%c)",
                                '"', r->bootstrap_dir, '"');
    CLEANUP(buf_done) struct buf argv = { 0 };

    if (runtime_kind(env->code->runtime) != RUNTIME_PYTHON || p->wrapped ||
        map_get(&r->compiled, python) != NULL)
        return;
    if (r->compiling)
        return;
    buf_add(&argv, python.p, python.n + 1);
    buf_add(&argv, "-S\0-E\0-c", sizeof("-S\0-E\0-c"));
    buf_add(&argv, script.p, script.n + 1);
    r->compiling =
        spawner_spawn(r->o.spawner, &(struct spawn_spec){ .slot = COMPILE_SLOT,
                                                          .argv = buf_view(&argv),
                                                          .env = STR(""),
                                                          .cwd = "/",
                                                          .output_fd = env->output.write_fd }) == 0;
    map_put(&r->compiled, python, r);
}

/* Everything around the process; made once, kept when the process is started a second time. */
static int prepare(struct environment *env, const char **ret_what)
{
    *ret_what = "no loopback port for the Runtime API";
    if (env->server == NULL && api_listen(env) < 0)
        return -E_SYSTEM;
    *ret_what = "no place for another environment";
    if (env->slot == SPAWN_SLOTS && take_slot(env) < 0)
        return -E_LIMIT;
    *ret_what = "no pipe for the function's output";
    if (!env->output.open) {
        if (output_open(&env->output, env->r->o.loop) < 0)
            return -E_SYSTEM;
        env->handles++;
    }
    *ret_what = "no folder for /tmp";
    return make_tmp(env);
}

static int start_process(struct environment *env, const struct program *p, struct arena *a,
                         const char **ret_what)
{
    int r = prepare(env, ret_what);

    if (r < 0)
        return r;
    compile_client(env, p, a);
    *ret_what = "the process could not be started";
    return spawn(env, p, a);
}

void environment_start(struct environment *env)
{
    struct arena *a = arena_new(0);
    struct program p;
    const char *what = "";
    CLEANUP(buf_done) struct buf text = { 0 };

    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(env->state == ENVIRONMENT_COLD && !env->process && env->next == NULL);
    program_find(&env->r->place, env->code, a, &p);
    env->wrapped = p.wrapped;
    env->bootstrap = p.bootstrap;
    env->init_failed = env->init_done = false;
    env->spawned_ns = clock_mono_ns();
    if (!str_absent(p.why)) {
        fail_entrypoint(env, p.why);
    } else if (start_process(env, &p, a, &what) < 0) {
        buf_printf(&text, "no environment: %s", what);
        fail_start(env, OUTCOME_SYSTEM, STR_NONE, buf_view(&text));
    } else {
        env->process = true;
        free(TAKE(env->memory_walk)); /* of the process before */
        env->r->started_total++;
        step(env, ENVIRONMENT_STARTING);
        if (env->exec == NULL) {
            due_in(env, env->r->init_limit_ms);
            log_init(env);
        }
        runtime_watch(env->r);
    }
    arena_free(a);
}

/* ---- the lines around an invocation ---- */

static void describe(const struct environment *env, struct report *ret)
{
    const struct execution *e = env->exec;

    CHECK(e != NULL);
    *ret = (struct report){ .request_id = e->request_id,
                            .function_arn = env->code->function_arn,
                            .version = env->code->version,
                            .memory_mb = env->code->memory_mb,
                            .init_us = env->init_us };
}

static void log_init(struct environment *env)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    const struct code *c = env->code;

    if (!c->log_json)
        report_init_text(&b, c->runtime, c->region);
    else if (report_wanted(c->system_log_level, REPORT_DEBUG))
        report_init_json(&b, clock_now(env->r->o.clock).wall_ms, c->runtime, c->region);
    else
        return;
    output_platform(&env->output, buf_view(&b));
}

static void log_start(struct environment *env)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct report r;

    output_tail_begin(&env->output, env->exec->want_tail);
    describe(env, &r);
    if (!env->code->log_json)
        report_start_text(&b, &r);
    else if (report_wanted(env->code->system_log_level, REPORT_INFO))
        report_start_json(&b, env->started_ms, &r);
    else
        return;
    output_platform(&env->output, buf_view(&b));
}

static void log_end_text(struct environment *env, const struct report *r, struct str line)
{
    CLEANUP(buf_done) struct buf end = { 0 };
    CLEANUP(buf_done) struct buf report = { 0 };

    if (!str_absent(line))
        output_platform(&env->output, line);
    report_end_text(&end, r);
    output_platform(&env->output, buf_view(&end));
    report_text(&report, r);
    output_platform(&env->output, buf_view(&report));
}

static void log_end_json(struct environment *env, const struct report *r)
{
    enum report_level problem = r->status == REPORT_SUCCESS ? REPORT_DEBUG : REPORT_WARN;
    int64_t wall_ms = clock_now(env->r->o.clock).wall_ms;
    CLEANUP(buf_done) struct buf b = { 0 };

    if (report_wanted(env->code->system_log_level, problem)) {
        report_runtime_done_json(&b, wall_ms, r);
        output_platform(&env->output, buf_view(&b));
        buf_clear(&b);
    }
    if (report_wanted(env->code->system_log_level, MAX(problem, REPORT_INFO))) {
        report_json(&b, wall_ms, r);
        output_platform(&env->output, buf_view(&b));
    }
}

/* ---- running ---- */

static void measure(struct environment *env, const struct spawn_slot *slot, struct memory_use *ret)
{
    const struct spawn_isolation *i = &env->r->isolation;
    char group[sizeof(i->group) + 32];

    snprintf(group, sizeof(group), SPAWN_GROUP_FORMAT, i->group, env->slot);
    if (i->group[0] == '\0' || memory_of_group(group, slot->supervisor_pid, ret) < 0)
        memory_of_processes(slot->supervisor_pid, i->private_root, env->code->memory_mb * 1024,
                            &env->memory_walk, ret);
}

/* Looking costs at most a twentieth of the loop's time, however large the environment is, and some 15 ms at
 * once: then it is a limit's worth of processes, and what they hold is known after two seconds. */
void environment_sample(struct environment *env, int64_t now_ns)
{
    const struct spawn_slot *slot;
    struct memory_use use;

    if (!env->process || env->slot >= SPAWN_SLOTS || env->over_limit || now_ns < env->sample_due_ns)
        return;
    slot = spawner_slot(env->r->o.spawner, env->slot);
    if (slot->runtime_pid <= 0 || slot->supervisor_pid <= 0)
        return;
    measure(env, slot, &use);
    env->sampled_ns = now_ns;
    env->sample_due_ns = now_ns + (clock_mono_ns() - now_ns) * 20;
    env->max_rss_kb = MAX(env->max_rss_kb, use.kb);
    env->killed_for_memory = use.kb > env->code->memory_mb * 1024;
    env->over_limit = env->killed_for_memory || use.processes > MOST_PROCESSES;
    if (env->over_limit)
        kill_process(env);
}

static void outcome_of(struct environment *env, const struct ending *how, const struct report *r,
                       struct buf *tail, struct outcome *ret)
{
    if (env->exec->want_tail)
        output_tail(&env->output, env->code->log_json, tail);
    *ret = (struct outcome){ .kind = how->kind,
                             .payload = how->payload,
                             .error_type = how->error_type,
                             .why = how->why,
                             .log_tail = env->exec->want_tail ? buf_view(tail) : STR_NONE,
                             .started_ms = env->started_ms,
                             .duration_us = r->duration_us,
                             .init_us = r->init_us,
                             .environment_id = str_of(env->id),
                             .log_stream = buf_view(&env->log_stream) };
}

void environment_finish(struct environment *env, const struct ending *how)
{
    struct execution *e = env->exec;
    int64_t now_ns = clock_mono_ns();
    CLEANUP(buf_done) struct buf tail = { 0 };
    struct report r;
    struct outcome o;

    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(e != NULL && e->code == env->code);
    if (env->init_us > 0 || now_ns - env->sampled_ns >= SAMPLE_NS)
        environment_sample(env, now_ns);
    if (env->output.open)
        output_drain(&env->output);
    describe(env, &r);
    r.status = how->status;
    r.error_type = how->error_type;
    r.duration_us =
        how->status == REPORT_TIMEOUT ? env->code->timeout_ms * 1000 : (now_ns - env->started_ns) / 1000;
    r.max_memory_mb = MIN((env->max_rss_kb + 1023) / 1024, env->code->memory_mb);
    if (env->code->log_json)
        log_end_json(env, &r);
    else
        log_end_text(env, &r, how->line);
    outcome_of(env, how, &r, &tail, &o);
    pool_finished(env, now_ns, r.duration_us);
    env->init_us = 0;
    env->exec = NULL;
    runtime_result(env->r, e, &o);
}

static void run(struct environment *env)
{
    CHECK(env->exec != NULL && env->next != NULL);
    step(env, ENVIRONMENT_BUSY);
    due_in(env, MAX(env->code->timeout_ms - (clock_mono_ns() - env->started_ns) / 1000000, 1));
    api_deliver(env);
    runtime_watch(env->r);
}

void environment_assign(struct environment *env, struct execution *e)
{
    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(e->code == env->code && !link_on(&e->link));
    CHECK(env->exec == NULL && env->next != NULL); /* IDLE, or environment_ready() in this moment */
    env->exec = e;
    env->started_ns = clock_mono_ns();
    env->started_ms = clock_now(env->r->o.clock).wall_ms;
    log_start(env);
    run(env);
}

void environment_init_failed(struct environment *env)
{
    CHECK(env->state == ENVIRONMENT_STARTING && !env->init_failed);
    env->init_failed = true;
    due_in(env, DYING_LIMIT_MS);
}

void environment_ready(struct environment *env)
{
    struct execution *e;

    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(env->next != NULL && env->process);
    CHECK(env->state != ENVIRONMENT_BUSY || env->exec == NULL);
    if (!env->init_done) {
        env->init_done = true;
        output_drain(&env->output); /* what it wrote in its init phase stands before START */
        env->init_us = env->in_invocation ? 0 : MAX((clock_mono_ns() - env->spawned_ns) / 1000, 1);
    }
    if (env->state == ENVIRONMENT_STARTING && env->exec != NULL) {
        run(env);
        return;
    }
    if (env->state == ENVIRONMENT_IDLE) /* asked again on another connection */
        return;
    if (pool_should_yield(env)) {
        environment_stop(env);
        return;
    }
    e = pool_take(env->pool);
    if (e != NULL) {
        env->r->cold_starts_total += env->init_us > 0;
        environment_assign(env, e);
        return;
    }
    if (env->pool->retired || env->r->stopping) {
        environment_stop(env);
        return;
    }
    step(env, ENVIRONMENT_IDLE);
    due_in(env, env->r->o.idle_timeout_ms);
    runtime_pump(env->r);
}

/* Most often this is the first we see of a process that has ended: its exit is reported a moment later. */
void environment_lost(struct environment *env)
{
    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(env->next == NULL);
    if (env->state != ENVIRONMENT_IDLE)
        return;
    step(env, ENVIRONMENT_LOST);
    due_in(env, LOST_LIMIT_MS);
    runtime_pump(env->r);
}

/* ---- the end of a process ---- */

static void finish_exit(struct environment *env, const char *type, struct str text)
{
    CLEANUP(buf_done) struct buf payload = { 0 };
    CLEANUP(buf_done) struct buf log = { 0 };
    struct str id = env->exec->request_id;

    report_payload(&payload, id, STR("Runtime.ExitError"), text);
    buf_printf(&log, "RequestId: " STR_FMT " Error: " STR_FMT "\n%s", STR_ARG(id), STR_ARG(text), type);
    environment_finish(env, &(struct ending){ .kind = OUTCOME_ERROR,
                                              .status = REPORT_FAILURE,
                                              .payload = buf_view(&payload),
                                              .error_type = str_of(type),
                                              .line = buf_view(&log) });
}

/* The answer to the execution whose process has ended. */
static void finish_dead(struct environment *env, const struct spawn_slot *slot)
{
    CLEANUP(buf_done) struct buf text = { 0 };

    if (env->killed_for_memory) {
        finish_exit(env, "Runtime.OutOfMemory", STR("Runtime exited with error: signal: killed"));
        return;
    }
    if (env->init_failed && env->state == ENVIRONMENT_STARTING) {
        environment_finish(env, &(struct ending){ .kind = OUTCOME_ERROR,
                                                  .status = REPORT_ERROR,
                                                  .payload = buf_view(&env->init_error),
                                                  .error_type = str_of(env->init_error_type) });
        return;
    }
    report_exit_text(&text, slot->status >= 0 ? slot->status : SIGKILL);
    finish_exit(env, "Runtime.ExitError", buf_view(&text));
}

/* Not the function's fault: what AWS answers when a machine of its own dies. */
static void finish_lost(struct environment *env)
{
    struct str why = STR("the process that starts functions ended, and this one with it");

    environment_finish(env, &(struct ending){ .kind = OUTCOME_SYSTEM,
                                              .status = REPORT_FAILURE,
                                              .why = why,
                                              .line = why,
                                              .error_type = STR("Runtime.Unknown") });
}

/* The child side failed before the program ran.  True when that was all. */
static bool never_ran(struct environment *env, const struct spawn_slot *slot)
{
    CLEANUP(buf_done) struct buf text = { 0 };

    if (slot->failed_stage == SPAWN_NONE)
        return false;
    if (slot->failed_stage == SPAWN_EXEC &&
        env->wrapped) /* as a shell that does not find it: exit status 127 */
        return false;
    if (slot->failed_stage == SPAWN_EXEC && !str_absent(env->bootstrap)) {
        buf_printf(&text, "fork/exec " STR_FMT ": %s", STR_ARG(env->bootstrap),
                   report_exec_error(slot->failed_errno));
        fail_entrypoint(env, buf_view(&text));
        return true;
    }
    buf_printf(&text, "no environment: %s: %s", spawn_stage_text((enum spawn_stage)slot->failed_stage),
               strerror(slot->failed_errno));
    fail_start(env, OUTCOME_SYSTEM, STR_NONE, buf_view(&text));
    return true;
}

/* The init phase failed (exit, init/error, too slow): it is done again inside the invocation, if one waits.
 */
static void start_again(struct environment *env)
{
    if (!take_work(env)) {
        gone(env);
        return;
    }
    log_start(env);
    env->in_invocation = true;
    step(env, ENVIRONMENT_COLD);
    environment_start(env);
    if (env->state == ENVIRONMENT_STARTING)
        due_in(env, env->code->timeout_ms);
}

void environment_exited(struct environment *env)
{
    const struct spawn_slot *slot = spawner_slot(env->r->o.spawner, env->slot);

    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(env->process && env->r->slots[env->slot] == env);
    env->process = false;
    env->due_ns = 0;
    env->max_rss_kb = MAX(env->max_rss_kb, slot->max_rss_kb);
    env->killed_for_memory |= slot->out_of_memory;
    if (env->output.open)
        output_drain(&env->output);
    if (env->state == ENVIRONMENT_STOPPING || env->r->stopping) {
        gone(env);
        return;
    }
    if (slot->failed_stage == SPAWN_LOST) {
        if (env->exec != NULL)
            finish_lost(env);
        gone(env);
        return;
    }
    if (env->state == ENVIRONMENT_STARTING && never_ran(env, slot))
        return;
    if (env->state == ENVIRONMENT_STARTING && env->exec == NULL && !env->killed_for_memory) {
        start_again(env);
        return;
    }
    if (env->state == ENVIRONMENT_STARTING && env->exec == NULL && take_work(env))
        log_start(env);
    if (env->exec != NULL)
        finish_dead(env, slot);
    gone(env);
}
