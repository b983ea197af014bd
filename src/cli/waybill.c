/* waybill.c - the rooms, put together. Only this file knows them all. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "cli/credentials.h"
#include "cli/waybill.h"
#include "control/control.h"
#include "engine/engine.h"
#include "flow/async.h"
#include "metric/metric.h"
#include "flow/outbox.h"
#include "net/server.h"
#include "runtime/package.h"
#include "runtime/runtime.h"
#include "service/cloudwatch/cloudwatch.h"
#include "service/events/events.h"
#include "service/iam/iam.h"
#include "service/lambda/lambda.h"
#include "service/logs/logs.h"
#include "service/s3/s3.h"
#include "service/sns/sns.h"
#include "service/sqs/sqs.h"
#include "service/sts/sts.h"

#define N_SERVICES 9
#define MAX_QUEUED_EVENTS 10000000
#define IDLE_ENVIRONMENT_MS 600000
#define CREDENTIALS_S 43200
#define PRUNE_EVERY_S 600

struct waybill {
    const struct serve_options *o;
    uv_loop_t loop;
    uv_signal_t on_term, on_int;
    uv_timer_t drain, housekeeping;
    struct clock clock;
    struct store *store;
    struct spawner *spawner;
    struct engine *engine;
    struct router *router;
    struct server *server;
    struct runtime *runtime;
    struct async *async;
    struct control *control;
    struct lambda *lambda;
    struct sqs *sqs;
    struct iam *iam;
    struct logs *logs;
    struct metrics *metrics;
    struct outbox *outbox;
    struct cloudwatch *cloudwatch;
    struct sns *sns;
    struct events *events;
    struct s3 *s3;
    struct sinks sinks;
    struct service services[N_SERVICES];
    struct buf code_dir, run_dir, object_dir;
    unsigned seconds_up;
    bool draining, server_closed, stopping, disk_full, reloading;
    bool new_pair; /* made at this start */
    int exit_status;
};

/* ---- requests ---- */

static int on_headers(struct exchange *x, int64_t content_length, void *arg, struct str *ret_body)
{
    struct waybill *w = arg;

    (void)content_length;
    return guard_check(&w->o->guard, x, ret_body);
}

static void on_request(struct exchange *x, void *arg)
{
    struct waybill *w = arg;
    struct str certificate;

    if (control_is_path(x->path))
        control_request(w->control, x);
    else if (sns_certificate(w->sns, x->path, &certificate))
        exchange_reply(x, 200, STR("Content-Type: application/x-pem-file\r\n"), certificate);
    else
        engine_request(w->engine, x);
}

/* ---- what rooms ask of each other ---- */

static void credentials(void *arg, const struct code *code, struct arena *mem,
                        struct runtime_credentials *ret)
{
    struct waybill *w = arg;
    struct iam_credentials c;

    iam_credentials(w->iam, mem, code->role_arn, code->name, clock_now(&w->clock).wall_ms, CREDENTIALS_S, &c);
    *ret = (struct runtime_credentials){ c.access_key_id, c.secret_access_key, c.session_token };
}

static void function_log(void *arg, const struct code *code, struct str stream,
                         const struct runtime_log_line *v, size_t n)
{
    struct waybill *w = arg;

    _Static_assert(sizeof(struct runtime_log_line) == sizeof(struct log_line), "one layout, two names");
    logs_append(w->logs, code->account, code->region, code->log_group, stream,
                (const struct log_line *)(const void *)v, n);
}

static enum role_state role_state(void *arg, struct str role_arn)
{
    static const enum role_state states[] = { ROLE_STATE_OK, ROLE_STATE_UNKNOWN, ROLE_STATE_NOT_ASSUMABLE };
    struct waybill *w = arg;

    return states[iam_role_state(w->iam, role_arn, "lambda.amazonaws.com")];
}

static int store_package(const char *code_dir, struct str zip, char ret_hex[65], char ret_base64[45],
                         int64_t *ret_zipped, int64_t *ret_unzipped)
{
    struct package_info info;
    int r = package_store(code_dir, zip, &info);

    if (r < 0)
        return r;
    memcpy(ret_hex, info.sha256_hex, sizeof(info.sha256_hex));
    memcpy(ret_base64, info.sha256_base64, sizeof(info.sha256_base64));
    *ret_zipped = info.zipped_bytes;
    *ret_unzipped = info.unzipped_bytes;
    return 0;
}

static void nothing(void *arg, struct turn *t)
{
    (void)arg;
    (void)t;
}

static void capacity_changed(void *arg)
{
    engine_soon(((struct waybill *)arg)->engine, nothing, NULL); /* the pump runs after every turn */
}

static void after_commit(void *arg, const struct now *now)
{
    struct waybill *w = arg;

    if (!w->draining && !w->disk_full)
        async_pump(w->async, now);
    if (w->control != NULL)
        control_tick(w->control);
}

static void flush(void *arg)
{
    struct waybill *w = arg;

    if (w->server != NULL && !w->server_closed)
        server_flush(w->server);
}

/* ---- load, reset ---- */

static void load(void *arg, struct turn *t)
{
    struct waybill *w = arg;

    iam_load(w->iam, t);
    sqs_load(w->sqs, t);
    logs_load(w->logs, t);
    metrics_load(w->metrics, t);
    cloudwatch_load(w->cloudwatch, t);
    sns_load(w->sns, t);
    events_load(w->events, t);
    s3_load(w->s3, t);
    lambda_load(w->lambda, t);
    async_load(w->async, t);
    outbox_load(w->outbox, t);
    if (!w->reloading)
        journey_prune(t);
}

static void forget(struct waybill *w, struct turn *t)
{
    outbox_reset(w->outbox, t);
    async_reset(w->async, t);
    lambda_reset(w->lambda, t);
    sqs_reset(w->sqs, t);
    if (!w->reloading) /* it removes objects' files: only when the store is emptied */
        s3_reset(w->s3, t);
    events_reset(w->events, t);
    sns_reset(w->sns, t);
    cloudwatch_reset(w->cloudwatch, t);
    metrics_reset(w->metrics, t);
    logs_reset(w->logs, t);
    iam_reset(w->iam, t);
}

static void reset(void *arg, struct turn *t)
{
    struct waybill *w = arg;

    forget(w, t);
    store_reset(t->store);
    load(w, t);
}

static void reload(void *arg, struct turn *t)
{
    forget(arg, t);
    load(arg, t);
}

/* A full disk, or a turn that was undone: memory is read again before anything else may look at what the turn
 * had changed.  With a full disk no event is started until the next second: its end could not be written
 * either. */
static void fatal(void *arg, int error, const char *why)
{
    struct waybill *w = arg;

    if (error != -E_FULL && error != -E_UNDONE) {
        const char *action =
            error == -E_GONE
                ? "what is written now would be found by nobody; put the directory back and start again"
            : error == -E_DAMAGED ? "put back a copy of the data directory, or start with an empty one"
                                  : "the disk cannot be believed";

        if (w->control == NULL && !str_absent(store_damage(w->store))) {
            fprintf(
                stderr,
                "waybill: the data directory cannot be used: the database in %s cannot be believed, " STR_FMT
                ". %s\n",
                store_dir(w->store), STR_ARG(store_damage(w->store)), STORE_DAMAGE_ADVICE);
            _exit(1);
        }
        fprintf(stderr,
                "event=store_failed what=\"%s\" data=\"%s\" error=\"%s\" damage=\"" STR_FMT
                "\" action=\"stopping: %s\"\n",
                why, store_dir(w->store), error_text(error), STR_ARG(store_damage(w->store)), action);
        _exit(1);
    }
    if (w->reloading)
        return;
    if (error == -E_UNDONE)
        fprintf(stderr,
                "event=turn_undone what=\"%s\" action=\"requests of the turn refused, memory read again from "
                "the store\"\n",
                why);
    else if (!w->disk_full)
        fprintf(stderr,
                "event=disk_full what=\"%s\" action=\"requests refused, memory read again from the store\"\n",
                why);
    w->disk_full = w->disk_full || error == -E_FULL;
    w->reloading = true;
    engine_run_now(w->engine, reload, w);
    w->reloading = false;
}

static void health(void *arg, struct json_writer *j)
{
    struct waybill *w = arg;
    struct store_stats s;

    store_stats(w->store, &s);
    jw_kstr(j, "account", str_of(w->o->account));
    jw_kstr(j, "data", str_of(store_dir(w->store)));
    jw_kstr(j, "auth", w->o->verify ? STR("verify") : STR("open"));
    jw_kstr(j, "permissions", w->o->strict ? STR("strict") : STR("check"));
    jw_ki64(j, "retry_delay_ms", w->o->retry_delay_ms);
    jw_key(j, STR("resources"));
    jw_object(j);
    jw_ki64(j, "functions", (int64_t)lambda_function_count(w->lambda));
    jw_ki64(j, "queues", (int64_t)sqs_queue_count(w->sqs));
    jw_object_end(j);
    jw_key(j, STR("store"));
    jw_object(j);
    jw_ki64(j, "file_bytes", s.file_bytes);
    jw_ki64(j, "wal_bytes", s.wal_bytes);
    jw_object_end(j);
}

static void explain_function(void *arg, struct turn *t, struct arena *a, struct str function,
                             struct explain_facts *ret)
{
    struct waybill *w = arg;

    lambda_explain(w->lambda, t, a, function, str_of(w->o->account), ret);
}

/* ---- stop ---- */

static void stopped(void *arg) { uv_stop(&((struct waybill *)arg)->loop); }

static void stop_now(struct waybill *w)
{
    if (w->stopping)
        return;
    w->stopping = true;
    events_stop(w->events);
    sns_stop(w->sns);
    runtime_stop(w->runtime, true, stopped, w);
}

static void stop_when_quiet(struct waybill *w)
{
    struct async_counts n;

    async_counts(w->async, &n);
    if (w->draining && w->server_closed && n.running == 0)
        stop_now(w);
}

static void server_is_closed(void *arg)
{
    struct waybill *w = arg;

    w->server_closed = true;
    stop_when_quiet(w);
}

static void on_drain(uv_timer_t *timer) { stop_now(timer->data); }

static void end_polls(void *arg, struct turn *t)
{
    struct waybill *w = arg;

    sqs_drain(w->sqs, t);
}

static void begin_stop(struct waybill *w)
{
    w->draining = true;
    engine_soon(w->engine, end_polls, w);
    server_close(w->server, server_is_closed, w);
    uv_timer_start(&w->drain, on_drain, (uint64_t)w->o->drain_ms, 0);
}

/* Without a spawner nothing can be done that a restart would not do. */
static void runtime_failed(void *arg)
{
    struct waybill *w = arg;

    w->exit_status = 1;
    if (!w->draining)
        begin_stop(w);
}

static void on_signal(uv_signal_t *s, int number)
{
    struct waybill *w = s->data;

    if (w->draining) {
        stop_now(w);
        return;
    }
    fprintf(stderr, "event=stopping signal=%d drain_ms=%lld\n", number, (long long)w->o->drain_ms);
    begin_stop(w);
}

static void prune(void *arg, struct turn *t)
{
    (void)arg;
    journey_prune(t);
}

/* Every second: is the drain over, may the log of the store be folded in, are journeys too old? */
static void on_housekeeping(uv_timer_t *timer)
{
    struct waybill *w = timer->data;
    struct engine_quiet q = engine_quiet(w->engine);

    stop_when_quiet(w);
    if (store_present(w->store) < 0)
        fatal(w, -E_GONE, "nothing more can be kept");
    control_clock_keep(w->control);
    if (w->disk_full) {
        w->disk_full = false;
        engine_soon(w->engine, nothing, NULL);
    }
    if (q.quiet)
        store_checkpoint(w->store);
    if (++w->seconds_up % PRUNE_EVERY_S == 0)
        engine_soon(w->engine, prune, w);
}

/* ---- start ---- */

static int complain(const char *what, struct buf *why, int error)
{
    fprintf(stderr, "waybill: %s: " STR_FMT "\n", what,
            STR_ARG(why->n > 0 ? buf_view(why) : str_of(error_text(error))));
    return error;
}

static int open_store(struct waybill *w)
{
    struct store_options so = { .dir = w->o->data, .ephemeral = w->o->ephemeral };
    CLEANUP(buf_done) struct buf why = { 0 };
    int r = store_open(&so, &w->store, &why);

    if (r < 0)
        return complain("the data directory cannot be used", &why, r);
    buf_printf(&w->code_dir, "%s/code", store_dir(w->store));
    buf_printf(&w->run_dir, "%s/run", store_dir(w->store));
    if (mkdir(w->code_dir.p, 0755) < 0 && errno != EEXIST)
        return complain("the folder for packages cannot be made", &why, -E_SYSTEM);
    buf_printf(&w->object_dir, "%s/objects", store_dir(w->store));
    if (mkdir(w->object_dir.p, 0700) < 0 && errno != EEXIST)
        return complain("the folder for S3 objects cannot be made", &why, -E_SYSTEM);
    clock_init(&w->clock);
    control_clock_load(&w->clock, w->store);
    return 0;
}

/* Where the machine grants few descriptors, half of them: accept() without one would shut everybody out. */
static unsigned connections_most(unsigned want)
{
    struct rlimit r;

    return getrlimit(RLIMIT_NOFILE, &r) < 0 ? want
                                            : (unsigned)MIN((rlim_t)want, MAX(r.rlim_cur / 2, (rlim_t)16));
}

static int listen_on_port(struct waybill *w)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct server_limits limits = server_default_limits;
    int r;

    limits.connections = connections_most(limits.connections);
    limits.body_bytes += 65536; /* AWS's own sentence for too large a body is the engine's */
    r = server_listen(&w->loop, w->o->host, w->o->port, &limits, on_request, on_headers, w, &w->server);

    if (r == -E_BUSY)
        buf_printf(&why, "port %d of %s is in use; choose another with --port", w->o->port, w->o->host);
    else if (r == -E_SYSTEM)
        buf_printf(&why, "port %d of %s cannot be had; --host takes a numeric address of this machine",
                   w->o->port, w->o->host);
    return r < 0 ? complain("cannot listen", &why, r) : 0;
}

static void make_engine(struct waybill *w)
{
    struct engine_options eo = { .loop = &w->loop,
                                 .clock = &w->clock,
                                 .store = w->store,
                                 .router = w->router,
                                 .metrics = w->metrics,
                                 .default_account = str_of(w->o->account),
                                 .principal = iam_principal,
                                 .principal_arg = w->iam,
                                 .admit = iam_refuse_principal,
                                 .secret = w->o->verify ? iam_secret : NULL,
                                 .secret_arg = w->iam,
                                 .gate = { iam_may, w->iam },
                                 .after_commit = after_commit,
                                 .after_arg = w,
                                 .flush = flush,
                                 .flush_arg = w,
                                 .fatal = fatal,
                                 .fatal_arg = w };

    w->engine = engine_new(&eo);
}

static int make_runtime(struct waybill *w)
{
    CLEANUP(buf_done) struct buf endpoint = { 0 };
    CLEANUP(buf_done) struct buf why = { 0 };
    struct runtime_options ro = { .loop = &w->loop,
                                  .spawner = w->spawner,
                                  .clock = &w->clock,
                                  .code_dir = w->code_dir.p,
                                  .run_dir = w->run_dir.p,
                                  .max_environments = w->o->max_environments,
                                  .idle_timeout_ms = IDLE_ENVIRONMENT_MS,
                                  .sandbox = !w->o->no_sandbox,
                                  .soon = engine_soon,
                                  .patiently = engine_patiently,
                                  .busy = engine_busy,
                                  .engine = w->engine,
                                  .credentials = credentials,
                                  .credentials_arg = w,
                                  .log = function_log,
                                  .log_arg = w,
                                  .capacity_changed = capacity_changed,
                                  .capacity_arg = w,
                                  .fatal = runtime_failed,
                                  .fatal_arg = w };
    int r;

    buf_z(&endpoint, "http://");
    server_authority(w->server, true, &endpoint);
    ro.endpoint = endpoint.p;
    r = runtime_new(&ro, &w->runtime, &why);
    return r < 0 ? complain("functions cannot be run", &why, r) : 0;
}

static int read_object(void *s3, struct store *store, struct arena *a, struct str bucket, struct str key,
                       struct str version, struct str *ret, struct buf *why)
{
    return s3_read(s3, store, a, bucket, key, version, ret, why);
}

static void make_lambda(struct waybill *w)
{
    struct lambda_options lo = { .executor = runtime_executor(w->runtime),
                                 .sinks = &w->sinks,
                                 .packages = { .code_dir = w->code_dir.p,
                                               .store = store_package,
                                               .read_object = read_object,
                                               .read_arg = w->s3 },
                                 .account_concurrency = 1000,
                                 .strict_permissions = w->o->strict,
                                 .role_state = role_state,
                                 .role_arg = w };
    struct async_options ao = { .sinks = &w->sinks,
                                .retry_delay_ms = w->o->retry_delay_ms,
                                .max_queued_events = MAX_QUEUED_EVENTS,
                                .strict_permissions = w->o->strict };

    w->lambda = lambda_new(&lo);
    ao.runner = lambda_runner(w->lambda);
    w->async = async_new(&ao);
    lambda_set_async(w->lambda, w->async);
}

static void make_event_services(struct waybill *w)
{
    struct cloudwatch_options co = { .metrics = w->metrics };
    struct sns_options no = { .sinks = &w->sinks, .outbox = w->outbox };
    struct events_options eo = { .sinks = &w->sinks,
                                 .outbox = w->outbox,
                                 .strict_permissions = w->o->strict };
    struct s3_options so = { .sinks = &w->sinks, .dir = w->object_dir.p };

    w->cloudwatch = cloudwatch_new(&co);
    w->sns = sns_new(&no);
    w->events = events_new(&eo);
    w->s3 = s3_new(&so);
}

static void make_sinks(struct waybill *w)
{
    const struct sink rows[] = { sqs_sink(w->sqs),       lambda_sink(w->lambda), sns_sink(w->sns),
                                 events_sink(w->events), s3_sink(w->s3),         logs_sink(w->logs) };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        sinks_add(&w->sinks, &rows[i]);
    w->sinks.role_may = iam_role_may;
    w->sinks.role_arg = w->iam;
    w->sinks.sender_id = iam_sender_id;
}

static void make_router(struct waybill *w)
{
    const struct service *list[N_SERVICES];

    w->services[0] = lambda_service(w->lambda);
    w->services[1] = sqs_service(w->sqs);
    w->services[2] = iam_service(w->iam);
    w->services[3] = sts_service(w->iam);
    w->services[4] = logs_service(w->logs);
    w->services[5] = cloudwatch_service(w->cloudwatch);
    w->services[6] = sns_service(w->sns);
    w->services[7] = events_service(w->events);
    w->services[8] = s3_service(w->s3);
    for (size_t i = 0; i < N_SERVICES; i++)
        list[i] = &w->services[i];
    w->router = router_new(list, N_SERVICES);
}

static void make_control(struct waybill *w)
{
    struct control_options co = { .loop = &w->loop,
                                  .clock = &w->clock,
                                  .store = w->store,
                                  .engine = w->engine,
                                  .async = w->async,
                                  .runtime = w->runtime,
                                  .code_dir = w->code_dir.p,
                                  .default_account = str_of(w->o->account),
                                  .reset = reset,
                                  .health = health,
                                  .explain = explain_function,
                                  .arg = w };

    w->control = control_new(&co);
    control_clock_keep(w->control); /* in the first turn, before anybody can ask the time */
}

static void make_root_pair(void *arg, struct turn *t) { iam_root_make(((struct waybill *)arg)->iam, t); }

/* The file is written anew at every start: the store is what holds. */
static int keep_root_pair(struct waybill *w)
{
    struct iam_pair pair;

    w->new_pair = !iam_root_pair(w->iam, &pair);
    if (w->new_pair && engine_run_now(w->engine, make_root_pair, w) < 0)
        return -E_IO;
    iam_root_pair(w->iam, &pair);
    if (credentials_write(store_dir(w->store), &pair) < 0) {
        fprintf(stderr, "waybill: %s/credentials cannot be written: %s\n", store_dir(w->store),
                strerror(errno));
        return -E_IO;
    }
    return 0;
}

/* Once, at the start that made it. */
static void say_root_pair(const struct waybill *w)
{
    struct iam_pair pair;

    if (!w->new_pair || !iam_root_pair(w->iam, &pair))
        return;
    printf("the root pair, shown this once (again with: waybill credentials --data %s):\n"
           "  AWS_ACCESS_KEY_ID=" STR_FMT "\n  AWS_SECRET_ACCESS_KEY=" STR_FMT "\n",
           store_dir(w->store), STR_ARG(pair.key), STR_ARG(pair.secret));
    fflush(stdout);
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static void warn_open(const struct waybill *w)
{
    if (!w->o->verify && !is_loopback(w->o->host))
        fprintf(stderr,
                "event=open_to_the_network host=\"%s\" consequence=\"whoever reaches this address may create "
                "functions, that is, "
                "run programs here: no signature is verified\" remedy=\"start with --auth verify, or listen "
                "on 127.0.0.1\"\n",
                w->o->host);
}

/* Who made a pair means to verify. */
static void warn_pair(const struct waybill *w)
{
    struct iam_pair pair;

    if (!w->o->verify && iam_root_pair(w->iam, &pair))
        fprintf(stderr,
                "event=root_pair_unused data=\"%s\" consequence=\"the data directory has a root pair, but "
                "requests are believed "
                "unsigned\" remedy=\"start with --auth verify\"\n",
                store_dir(w->store));
}

static void watch_signals(struct waybill *w)
{
    uv_signal_init(&w->loop, &w->on_term);
    uv_signal_init(&w->loop, &w->on_int);
    uv_timer_init(&w->loop, &w->drain);
    uv_timer_init(&w->loop, &w->housekeeping);
    w->on_term.data = w->on_int.data = w->drain.data = w->housekeeping.data = w;
    uv_signal_start(&w->on_term, on_signal, SIGTERM);
    uv_signal_start(&w->on_int, on_signal, SIGINT);
    uv_timer_start(&w->housekeeping, on_housekeeping, CONTROL_CLOCK_KEEP_MS, CONTROL_CLOCK_KEEP_MS);
}

static void *no_thread(void *arg) { return arg; }
static void no_work(uv_work_t *work) { (void)work; }
static void no_work_done(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

/* libuv makes its threads at the first piece of work and ends the program where it cannot: a function that
 * eats all processes of our user must not be able to choose that moment. */
static int make_threads(struct waybill *w)
{
    static uv_work_t work;
    CLEANUP(buf_done) struct buf why = { 0 };
    pthread_t probe;

    if (pthread_create(&probe, NULL, no_thread, NULL) != 0)
        return complain("no thread can be made; look at the limits on processes (ulimit -u, pids.max)", &why,
                        -E_SYSTEM);
    pthread_join(probe, NULL);
    return uv_queue_work(&w->loop, &work, no_work, no_work_done);
}

/* Engine before runtime before lambda before router: each needs the one before; the engine asks its router
 * and the queue only when the loop runs. */
static int assemble(struct waybill *w)
{
    struct logs_options log_options = { .max_group_bytes = (int64_t)256 << 20, .soon = engine_soon };
    struct iam_options iam_options = { .strict_permissions = w->o->strict };

    watch_signals(w); /* first: whoever sees the port open may end us properly */
    if (make_threads(w) < 0 || open_store(w) < 0 || listen_on_port(w) < 0)
        return -E_SYSTEM;
    w->iam = iam_new(&iam_options);
    w->sqs = sqs_new();
    w->metrics = metrics_new();
    w->outbox = outbox_new();
    make_engine(w);
    log_options.engine = w->engine;
    w->logs = logs_new(&log_options);
    if (make_runtime(w) < 0)
        return -E_SYSTEM;
    make_event_services(w);
    make_lambda(w);
    make_sinks(w);
    make_router(w);
    engine_set_router(w->engine, w->router);
    if (engine_run_now(w->engine, load, w) < 0)
        return -E_IO;
    if (w->o->verify && keep_root_pair(w) < 0)
        return -E_IO;
    package_sweep(w->code_dir.p, lambda_uses_package, w->lambda);
    make_control(w);
    return 0;
}

static void say_ready(const struct waybill *w)
{
    CLEANUP(buf_done) struct buf at = { 0 };
    int64_t took_us = (clock_mono_ns() - w->o->started_mono_ns) / 1000;

    server_authority(w->server, false, &at);
    printf("waybill %s ready on http://%s after %lld.%lld ms; data: %s%s; requests: %s; functions: %s\n",
           WAYBILL_VERSION, at.p, (long long)took_us / 1000, (long long)took_us / 100 % 10,
           store_dir(w->store), w->o->ephemeral ? " (ephemeral)" : "",
           w->o->verify ? "signatures verified (--auth verify)" : "believed unsigned (--auth open)",
           runtime_isolation(w->runtime));
    fflush(stdout);
}

static void last_turn(void *arg, struct turn *t)
{
    struct waybill *w = arg;

    logs_flush(w->logs, t);
    metrics_flush(w->metrics, t);
}

static void take_apart(struct waybill *w)
{
    engine_pool_wait(w->engine);
    engine_run_now(w->engine, last_turn, w);
    w->runtime = runtime_free(w->runtime);
    w->async = async_free(w->async);
    w->lambda = lambda_free(w->lambda);
    w->outbox = outbox_free(w->outbox);
    w->s3 = s3_free(w->s3);
    w->events = events_free(w->events);
    w->sns = sns_free(w->sns);
    w->cloudwatch = cloudwatch_free(w->cloudwatch);
    w->metrics = metrics_free(w->metrics);
    w->sqs = sqs_free(w->sqs);
    w->logs = logs_free(w->logs);
    w->iam = iam_free(w->iam);
    w->router = router_free(w->router);
    w->store = store_close(w->store);
}

/* A descriptor per connection and four per environment. */
static void raise_limits(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

int waybill_serve(const struct serve_options *o)
{
    static struct waybill the_server; /* as long as the process, also where a start fails */
    struct waybill *w = &the_server;

    w->o = o;
    signal(SIGPIPE, SIG_IGN);
    raise_limits();
    if (spawner_start(&w->spawner) < 0) {
        fprintf(stderr, "waybill: the process that starts functions could not be forked\n");
        return 1;
    }
    uv_loop_init(&w->loop);
    if (assemble(w) < 0) {
        if (w->store != NULL)
            store_close(w->store);
        return 1;
    }
    say_root_pair(w);
    warn_open(w);
    warn_pair(w);
    say_ready(w); /* last: who waits for it has been told all */
    uv_run(&w->loop, UV_RUN_DEFAULT);
    take_apart(w);
    fprintf(stderr, "event=stopped\n");
    return w->exit_status;
}
