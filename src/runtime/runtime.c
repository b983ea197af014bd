/* runtime.c - the room's door: made, asked, watched, stopped; and the way results take into a turn.
 *
 * True here: results of one round of the loop are told in one turn.  capacity_changed is called at most once
 * a round.  An execution counts as busy from start() until its done() has returned. */
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "runtime/bootstrap.h"
#include "runtime/environment.h"

#define SAMPLE_MS 100
#define IDLE_SAMPLE_MS 1000 /* while all are idle */

/* ---- results ---- */

struct result {
    uint32_t magic;
#define RESULT_MAGIC 0x4e5a17ddu
    struct link link;
    struct execution *e;
    struct outcome o; /* its strs lie behind the struct */
};

static char *keep(char *at, struct str *s)
{
    if (s->n > 0)
        memcpy(at, s->p, s->n);
    if (s->p != NULL)
        s->p = at;
    return at + s->n;
}

static void tell_results(void *arg, struct turn *turn)
{
    struct runtime *r = CAST(struct runtime, RUNTIME_MAGIC, arg);
    struct list now;

    CHECK_IS(turn, TURN_MAGIC);
    list_init(&now);
    r->results_asked = r->results_pressing = false;
    for (struct link *k; (k = list_pop(&r->results)) != NULL;)
        list_append(&now, k);
    for (struct link *k; (k = list_pop(&now)) != NULL;) {
        struct result *result = CONTAINER_OF(k, struct result, link);

        CHECK_IS(result, RESULT_MAGIC);
        result->magic = 0;
        result->e->done(result->e, &result->o, turn);
        free(result);
        if (r->o.busy != NULL)
            r->o.busy(r->o.engine, -1);
    }
    runtime_check_stopped(r);
}

void runtime_result(struct runtime *r, struct execution *e, const struct outcome *o)
{
    struct str *strs[] = { NULL, NULL, NULL, NULL, NULL, NULL };
    size_t bytes =
        o->payload.n + o->error_type.n + o->why.n + o->log_tail.n + o->environment_id.n + o->log_stream.n;
    struct result *result = xmalloc(sizeof(*result) + bytes);
    char *at = (char *)(result + 1);
    const struct pool *p = e->code->environments;
    bool patient; /* more will end soon: the next in line is handed out */

    memset(result, 0, sizeof(*result));
    CHECK_IS(r, RUNTIME_MAGIC);
    CHECK_IS(e->code, CODE_MAGIC);
    CHECK(!link_on(&e->link) && e->done != NULL); /* it waits in no line any more */
    result->magic = RESULT_MAGIC;
    result->e = e;
    result->o = *o;
    strs[0] = &result->o.payload;
    strs[1] = &result->o.error_type;
    strs[2] = &result->o.why;
    strs[3] = &result->o.log_tail;
    strs[4] = &result->o.environment_id;
    strs[5] = &result->o.log_stream;
    for (size_t i = 0; i < ARRAY_LEN(strs); i++)
        at = keep(at, strs[i]);
    list_append(&r->results, &result->link);
    patient = r->o.patiently != NULL && e->async && p != NULL && p->n_async > 0;
    if (r->results_pressing || (r->results_asked && patient))
        return;
    r->results_asked = true;
    r->results_pressing = !patient;
    (patient ? r->o.patiently : r->o.soon)(r->o.engine, tell_results, r);
}

/* ---- the executor ---- */

static void start(void *arg, struct execution *e)
{
    struct runtime *r = CAST(struct runtime, RUNTIME_MAGIC, arg);
    struct pool *p;
    struct link *idle;

    CHECK_IS(e->code, CODE_MAGIC);
    CHECK(e->done != NULL && !link_on(&e->link));
    if (r->o.busy != NULL)
        r->o.busy(r->o.engine, 1);
    e->queued_mono_ns = clock_mono_ns();
    if (r->stopping) {
        runtime_result(r, e,
                       &(struct outcome){ .kind = OUTCOME_SYSTEM, .why = STR("the server is stopping") });
        return;
    }
    p = pool_of(r, e->code);
    idle = list_first(&p->idle);
    if (idle != NULL) {
        environment_assign(CONTAINER_OF(idle, struct environment, in_idle), e);
        return;
    }
    pool_add(p, e);
    pool_scale(p);
}

static unsigned capacity(void *arg, const struct code *code)
{
    CHECK_IS(code, CODE_MAGIC);
    return pool_capacity(CAST(struct runtime, RUNTIME_MAGIC, arg), code);
}

static void retire(void *arg, struct code *code)
{
    (void)CAST(struct runtime, RUNTIME_MAGIC, arg);
    CHECK_IS(code, CODE_MAGIC);
    if (code->environments != NULL)
        pool_retire(code->environments);
}

struct executor runtime_executor(struct runtime *r)
{
    return (struct executor){ .arg = r, .start = start, .capacity = capacity, .retire = retire };
}

/* ---- watching ---- */

static void on_check(uv_check_t *check)
{
    struct runtime *r = CAST(struct runtime, RUNTIME_MAGIC, check->data);

    uv_check_stop(check);
    r->pump = false;
    if (r->stopping)
        return;
    pool_scale_all(r);
    if (r->o.capacity_changed != NULL)
        r->o.capacity_changed(r->o.capacity_arg);
}

void runtime_pump(struct runtime *r)
{
    CHECK_IS(r, RUNTIME_MAGIC);
    if (r->pump || r->stopping)
        return;
    r->pump = true;
    uv_check_start(&r->check, on_check);
}

static void on_sample(uv_timer_t *timer)
{
    struct runtime *r = CAST(struct runtime, RUNTIME_MAGIC, timer->data);
    int64_t now_ns = clock_mono_ns();

    bool running = r->n[ENVIRONMENT_STARTING] + r->n[ENVIRONMENT_BUSY] > 0;
    bool idle_too = now_ns - r->idle_sampled_ns >= IDLE_SAMPLE_MS * (int64_t)1000000;

    if (idle_too)
        r->idle_sampled_ns = now_ns;
    LIST_EACH(&r->pools, k) {
        struct pool *p = CONTAINER_OF(k, struct pool, in_runtime);

        LIST_EACH(&p->all, at) {
            struct environment *env = CONTAINER_OF(at, struct environment, in_pool);

            if (env->state == ENVIRONMENT_STARTING || env->state == ENVIRONMENT_BUSY ||
                (idle_too && env->state == ENVIRONMENT_IDLE))
                environment_sample(env, clock_mono_ns());
        }
    }
    if (running || r->n[ENVIRONMENT_IDLE] > 0)
        uv_timer_start(timer, on_sample, running ? SAMPLE_MS : IDLE_SAMPLE_MS, 0);
}

void runtime_watch(struct runtime *r)
{
    if (!uv_is_active((uv_handle_t *)&r->sample_timer) || uv_timer_get_due_in(&r->sample_timer) > SAMPLE_MS)
        uv_timer_start(&r->sample_timer, on_sample, SAMPLE_MS, 0);
}

static int settle_isolation(struct runtime *r);

static void on_exit_notice(void *arg, unsigned slot)
{
    struct runtime *r = CAST(struct runtime, RUNTIME_MAGIC, arg);

    CHECK(slot < SPAWN_SLOTS);
    if (slot == COMPILE_SLOT)
        r->compiling = false;
    else if (r->slots[slot] != NULL)
        environment_exited(r->slots[slot]);
}

/* The functions that ran are gone with it; their executions end as errors of the system, those that wait go
 * on waiting. */
static int on_spawner(void *arg, enum spawner_state state)
{
    struct runtime *r = CAST(struct runtime, RUNTIME_MAGIC, arg);

    r->spawner_down = state != SPAWNER_IS_BACK;
    if (state == SPAWNER_IS_LOST) {
        r->compiling = false;
        fprintf(stderr,
                "event=spawner_lost running=%u action=\"its functions end with it; another is started\"\n",
                r->n[ENVIRONMENT_STARTING] + r->n[ENVIRONMENT_BUSY]);
    } else if (state == SPAWNER_HAS_FAILED) {
        fprintf(stderr, "event=spawner_failed action=\"stopping: no function can be started any more\"\n");
        if (r->o.fatal != NULL)
            r->o.fatal(r->o.fatal_arg);
    } else {
        if (settle_isolation(r) < 0)
            return -E_SYSTEM;
        r->spawner_restarts++;
        fprintf(stderr, "event=spawner_started pid=%d functions=\"%s\"\n", (int)spawner_pid(r->o.spawner),
                r->isolation_text);
        runtime_pump(r);
    }
    return 0;
}

void runtime_counts(const struct runtime *r, struct runtime_counts *ret)
{
    *ret = (struct runtime_counts){ .idle = r->n[ENVIRONMENT_IDLE],
                                    .busy = r->n[ENVIRONMENT_BUSY],
                                    .starting = r->n[ENVIRONMENT_STARTING],
                                    .spawner_pid = spawner_pid(r->o.spawner),
                                    .spawner_restarts = r->spawner_restarts,
                                    .started_total = r->started_total,
                                    .cold_starts_total = r->cold_starts_total };
    ret->environments = ret->idle + ret->busy + ret->starting;
}

const char *runtime_isolation(const struct runtime *r) { return r->isolation_text; }

/* ---- files ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)remove(path);
    return 0;
}

static void remove_tree(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); }

struct removal {
    uv_work_t work;
    char *path;
};

static void removal_run(uv_work_t *w) { remove_tree(CONTAINER_OF(w, struct removal, work)->path); }

static void removal_done(uv_work_t *w, int status)
{
    struct removal *m = CONTAINER_OF(w, struct removal, work);

    free(m->path);
    free(m);
}

void runtime_remove_tree(struct runtime *r, char *path)
{
    struct removal *m = xcalloc(1, sizeof(*m));

    CHECK(path != NULL && path[0] != '\0' && strcmp(path, "/") != 0);
    m->path = path;
    CHECK(uv_queue_work(r->o.loop, &m->work, removal_run, removal_done) == 0);
}

static int write_whole(const char *path, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t written = fd < 0 ? -1 : write(fd, bytes, n);

    if (fd >= 0)
        close(fd);
    return written == (ssize_t)n ? 0 : -E_IO;
}

static int make_dir(const char *path) { return mkdir(path, 0755) < 0 && errno != EEXIST ? -E_IO : 0; }

/* The data directory may be closed to others; these must be open to the functions' users. */
static int write_bootstraps(struct runtime *r)
{
    struct arena *a = arena_new(0);
    int result = 0;

    for (size_t i = 0; i < bootstrap_file_count && result == 0; i++) {
        const struct bootstrap_file *f = &bootstrap_files[i];
        struct str path = arena_printf(a, "%s/%s", r->bootstrap_dir, f->name);
        struct str dir = str_sub(path, 0, (size_t)str_rfind(path, '/'));

        result = make_dir(arena_z(a, dir));
        if (result == 0)
            result = write_whole(path.p, f->bytes, f->n);
    }
    arena_free(a);
    return result;
}

/* Whatever an earlier server left in run_dir goes; the folder itself stays. */
static int empty_run_dir(struct runtime *r)
{
    static const char *const parts[] = { "tmp", "bootstrap", "root" };
    char path[4096];
    int result = make_dir(r->run_dir);

    for (size_t i = 0; i < ARRAY_LEN(parts) && result == 0; i++) {
        snprintf(path, sizeof(path), "%s/%s", r->run_dir, parts[i]);
        remove_tree(path);
        result = make_dir(path);
    }
    return result;
}

/* ---- made ---- */

static char *absolute(const char *path)
{
    char cwd[4096], *whole = NULL;

    if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
        return xstrdup(path);
    if (asprintf(&whole, "%s/%s", cwd, path) < 0)
        abort();
    return whole;
}

/* What protects, and what a missing part means. */
static void describe_isolation(struct runtime *r)
{
    const struct spawn_isolation *i = &r->isolation;
    CLEANUP(buf_done) struct buf b = { 0 };

    if (!r->o.sandbox)
        buf_printf(&b, "none: plain processes, as asked");
    else if (!i->namespaces)
        buf_printf(&b, "none: plain processes (%s)", i->why);
    else
        buf_printf(&b, "%snamespaces, %s%s%s%s", i->user_namespace ? "user " : "",
                   i->private_root ? "private root" : "no private root: functions see the machine's files",
                   i->why[0] != '\0' ? " (" : "", i->why, i->why[0] != '\0' ? ")" : "");
    if (r->o.sandbox)
        buf_printf(&b, "%s, %s",
                   i->own_user ? ", own users"
                               : ", no own users: functions can reach each other's Runtime API",
                   i->filter ? "system calls filtered" : "system calls not filtered");
    if (i->group[0] != '\0')
        buf_printf(&b, ", memory bounded by control groups");
    else
        buf_printf(&b, ", memory sampled%s%s%s", i->why_no_group[0] != '\0' ? " (" : "", i->why_no_group,
                   i->why_no_group[0] != '\0' ? ")" : "");
    snprintf(r->isolation_text, sizeof(r->isolation_text), STR_FMT, STR_ARG(buf_view(&b)));
}

static int settle_isolation(struct runtime *r)
{
    int result = 0;

    if (r->o.sandbox)
        result =
            spawner_probe(r->o.spawner, &(struct spawn_probe){ r->run_dir, r->bootstrap_dir }, &r->isolation);
    describe_isolation(r);
    r->place = (struct program_place){ .code_dir = r->code_dir,
                                       .bootstrap_dir = r->bootstrap_dir,
                                       .private_root = r->isolation.private_root,
                                       .endpoint = r->endpoint };
    return result;
}

/* Four descriptors per environment: the usual soft limit of 1024 would end at some 250. */
static void allow_descriptors(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= l.rlim_max)
        return;
    l.rlim_cur = l.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &l);
}

static void init_handles(struct runtime *r)
{
    CHECK(uv_check_init(r->o.loop, &r->check) == 0 && uv_timer_init(r->o.loop, &r->scale_timer) == 0 &&
          uv_timer_init(r->o.loop, &r->sample_timer) == 0);
    r->check.data = r->scale_timer.data = r->sample_timer.data = r;
    r->handles = 3;
}

static void say(struct buf *why, const char *what, int code)
{
    if (why != NULL)
        buf_printf(why, "%s: %s", what, error_text(code));
}

int runtime_new(const struct runtime_options *o, struct runtime **ret, struct buf *ret_why)
{
    struct runtime *r = xcalloc(1, sizeof(*r));
    int result;

    CHECK(o->loop != NULL && o->clock != NULL && o->spawner != NULL && o->soon != NULL);
    r->magic = RUNTIME_MAGIC;
    r->o = *o;
    r->code_dir = absolute(o->code_dir);
    r->run_dir = absolute(o->run_dir);
    r->endpoint = xstrdup(o->endpoint);
    if (asprintf(&r->bootstrap_dir, "%s/bootstrap", r->run_dir) < 0)
        abort();
    r->cores = (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
    r->max_environments =
        MIN(o->max_environments > 0 ? o->max_environments : pool_default_max(r->cores), SPAWN_SLOTS - 1);
    if (r->o.idle_timeout_ms <= 0)
        r->o.idle_timeout_ms = 600000;
    r->init_limit_ms = INIT_LIMIT_MS;
    list_init(&r->pools);
    list_init(&r->hungry);
    list_init(&r->lru);
    list_init(&r->results);
    allow_descriptors();
    result = empty_run_dir(r);
    if (result == 0)
        result = write_bootstraps(r);
    if (result < 0)
        say(ret_why, r->run_dir, result);
    if (result == 0 && (result = settle_isolation(r)) < 0)
        say(ret_why, "the spawner does not answer", result);
    if (result == 0 && (result = spawner_open(o->spawner, o->loop,
                                              &(struct spawner_watch){ on_exit_notice, on_spawner, r })) < 0)
        say(ret_why, "watching the spawner", result);
    if (result < 0) {
        runtime_free(r);
        return result;
    }
    r->spawner_open = true;
    init_handles(r);
    *ret = r;
    return 0;
}

struct runtime *runtime_free(struct runtime *r)
{
    if (r == NULL)
        return NULL;
    CHECK_IS(r, RUNTIME_MAGIC);
    CHECK(r->objects == 0 && r->handles == 0 && !r->spawner_open);
    for (struct link *k; (k = list_pop(&r->results)) != NULL;)
        free(CONTAINER_OF(k, struct result, link));
    map_done(&r->compiled);
    free(r->code_dir);
    free(r->run_dir);
    free(r->endpoint);
    free(r->bootstrap_dir);
    r->magic = 0;
    free(r);
    return NULL;
}

/* ---- stopped ---- */

static void on_handle_closed(uv_handle_t *h)
{
    struct runtime *r = CAST(struct runtime, RUNTIME_MAGIC, h->data);

    CHECK(r->stopping && r->handles > 0);
    r->handles--;
    runtime_check_stopped(r);
}

static void on_spawner_closed(void *arg)
{
    struct runtime *r = CAST(struct runtime, RUNTIME_MAGIC, arg);

    CHECK(r->stopping && r->spawner_open);
    r->spawner_open = false;
    runtime_check_stopped(r);
}

/* In order: no environments, no results to tell, no handles. */
void runtime_check_stopped(struct runtime *r)
{
    if (!r->stopping || r->objects > 0 || r->results_asked)
        return;
    if (!uv_is_closing((uv_handle_t *)&r->check)) {
        uv_close((uv_handle_t *)&r->check, on_handle_closed);
        uv_close((uv_handle_t *)&r->scale_timer, on_handle_closed);
        uv_close((uv_handle_t *)&r->sample_timer, on_handle_closed);
        spawner_close(r->o.spawner, on_spawner_closed, r);
        return;
    }
    if (r->handles == 0 && !r->spawner_open && r->stopped != NULL) {
        void (*stopped)(void *arg) = TAKE(r->stopped);

        stopped(r->stopped_arg);
    }
}

static void answer_stopping(struct runtime *r, struct execution *e)
{
    if (!r->drop)
        runtime_result(r, e,
                       &(struct outcome){ .kind = OUTCOME_SYSTEM, .why = STR("the server is stopping") });
    else if (r->o.busy != NULL)
        r->o.busy(r->o.engine, -1);
}

static void stop_pool(struct pool *p)
{
    for (struct execution *e; (e = pool_take(p)) != NULL;)
        answer_stopping(p->r, e);
    LIST_EACH_SAFE(&p->all, k, next) {
        struct environment *env = CONTAINER_OF(k, struct environment, in_pool);

        if (env->exec != NULL)
            answer_stopping(p->r, TAKE(env->exec));
        environment_stop(env);
    }
}

void runtime_stop(struct runtime *r, bool drop, void (*done)(void *arg), void *arg)
{
    CHECK_IS(r, RUNTIME_MAGIC);
    CHECK(!r->stopping);
    r->stopping = true;
    r->drop = drop;
    r->stopped = done;
    r->stopped_arg = arg;
    LIST_EACH_SAFE(&r->pools, k, next)
        stop_pool(CONTAINER_OF(k, struct pool, in_runtime));
    runtime_check_stopped(r);
}

/* ---- everything looked through: for tests ---- */

static void check_slots(const struct runtime *r)
{
    for (unsigned i = 0; i < SPAWN_SLOTS; i++) {
        const struct environment *env = r->slots[i];

        if (env == NULL)
            continue;
        CHECK_IS(env, ENVIRONMENT_MAGIC);
        CHECK(i != COMPILE_SLOT && env->slot == i && env->r == r);
    }
}

void runtime_check(const struct runtime *r)
{
    unsigned n[ENVIRONMENT_STATE_COUNT] = { 0 }, hungry = 0, objects = 0;

    CHECK_IS(r, RUNTIME_MAGIC);
    LIST_EACH(&r->pools, k) {
        const struct pool *p = CONTAINER_OF(k, struct pool, in_runtime);

        pool_check(p);
        CHECK(p->r == r);
        hungry += link_on(&p->hungry);
        for (size_t i = 0; i < ENVIRONMENT_STATE_COUNT; i++) {
            n[i] += p->n[i];
            objects += p->n[i];
        }
    }
    CHECK(memcmp(n, r->n, sizeof(n)) == 0 && hungry == r->n_hungry && objects == r->objects);
    CHECK(list_length(&r->lru) == n[ENVIRONMENT_IDLE] &&
          objects - n[ENVIRONMENT_GONE] <= r->max_environments);
    check_slots(r);
}
