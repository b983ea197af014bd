/* world.h - the service in a world of its own: the real store (ephemeral), a real folder for files, turns as
 * the engine makes them, pool jobs that run between two turns, and targets of notifications that write down
 * what they get.
 *
 *   world_open(&w);  struct asked *a = say(&w, "PutObject", &in);  ...  world_close(&w);
 *
 * Every call is a turn of its own that commits; what waits for a job is answered when say() returns. */
#ifndef WAYBILL_TEST_S3_WORLD_H
#define WAYBILL_TEST_S3_WORLD_H

#include "test/unit.h"

#include <ftw.h>
#include <unistd.h>
#include "base/arn.h"
#include "net/exchange.h"
#include "service/s3/notify.h"
#include "service/s3/write.h"

struct asked {
    struct call c;
    bool answered;
    int result;
    struct asked *next;
};

struct job {
    void (*run)(void *arg);
    void (*done)(void *arg, struct turn *t);
    void *arg;
};
struct effect {
    void (*fn)(void *arg);
    void *arg;
};

struct world {
    struct store *store;
    struct s3 *s3;
    struct turn turn;
    struct sinks sinks;
    struct policy *policy; /* of every target but those called "closed" */
    char dir[64];
    struct job jobs[64];
    size_t n_jobs;
    struct effect effects[64];
    size_t n_effects;
    struct asked *all;
    struct str account, region;
    struct exchange x;
    struct header headers[2];
    struct buf sent; /* "arn\nbody\n" per delivery */
    size_t n_sent;
    bool fail_commit; /* the coming turn is rolled back */
};

static inline void w_after(void *engine, void (*fn)(void *arg), void *arg)
{
    struct world *w = engine;

    CHECK(w->n_effects < ARRAY_LEN(w->effects));
    w->effects[w->n_effects++] = (struct effect){ fn, arg };
}
static inline void w_work(void *engine, void (*run)(void *arg), void (*done)(void *arg, struct turn *t),
                          void *arg)
{
    struct world *w = engine;

    CHECK(w->n_jobs < ARRAY_LEN(w->jobs));
    w->jobs[w->n_jobs++] = (struct job){ run, done, arg };
}
static const struct turn_ops world_ops = { .after = w_after, .work = w_work };

static inline void w_find(struct door *d)
{
    struct str name = d->arn.resource;

    d->state = str_ends(name, STR("missing")) ? SINK_MISSING : SINK_OK;
    d->what.policy = str_ends(name, STR("closed")) ? NULL : ((struct world *)d->sink->arg)->policy;
}
static inline enum delivery w_deliver(const struct door *d, const struct parcel *p, struct buf *why UNUSED)
{
    struct world *w = d->sink->arg;

    buf_printf(&w->sent, STR_FMT "\n" STR_FMT "\n", STR_ARG(d->what.arn), STR_ARG(p->body));
    if (p->detail_type != NULL)
        buf_printf(&w->sent, "%s from %s\n", p->detail_type, p->event_source);
    w->n_sent++;
    return DELIVERED;
}
static inline void world_commit(struct world *w)
{
    if (w->fail_commit) {
        w->fail_commit = false;
        store_rollback(w->store);
        w->n_effects = 0;
        s3_load(w->s3, &w->turn);
    }
    CHECK(store_commit(w->store) == 0);
    for (size_t i = 0; i < w->n_effects; i++)
        w->effects[i].fn(w->effects[i].arg);
    w->n_effects = 0;
    s3_check(w->s3, w->store);
}

/* What net does, slower than everything else: replies whose body lies in files. */
static inline void world_send(struct world *w)
{
    for (struct asked *a = w->all; a != NULL; a = a->next) {
        struct s3_GetObjectOutput *out = a->c.output;
        size_t n = 0;

        if (a->c.n_files == 0)
            continue;
        for (size_t i = 0; i < a->c.n_files; i++)
            n += (size_t)a->c.files[i].bytes;
        out->Body = str_make(arena_alloc(a->c.mem, n + 1), n);
        CHECK(s3_segments_read(a->c.files, a->c.n_files, (char *)(uintptr_t)out->Body.p) == 0);
        s3_segments_close(a->c.files, a->c.n_files);
        a->c.n_files = 0;
    }
}

/* Jobs that wait, each with its turn; those they make too. */
static inline void world_jobs(struct world *w)
{
    for (size_t i = 0; i < w->n_jobs; i++) {
        struct job j = w->jobs[i];

        j.run(j.arg);
        j.done(j.arg, &w->turn);
        world_commit(w);
    }
    w->n_jobs = 0;
    world_send(w);
}

static inline void world_open(struct world *w)
{
    static const char *const services[] = { "sqs", "sns", "lambda", "events" };
    static const char *const actions[] = { "sqs:SendMessage", "sns:Publish", "lambda:InvokeFunction",
                                           "events:PutEvents" };
    CLEANUP(buf_done) struct buf why = { 0 };

    *w = (struct world){ .account = STR("000000000000"),
                         .region = STR("us-east-1"),
                         .dir = "/tmp/waybill-s3-XXXXXX" };
    CHECK(mkdtemp(w->dir) != NULL);
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &w->store, &why) == 0);
    CHECK(
        policy_parse(
            POLICY_RESOURCE,
            STR("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":"
                "\"s3.amazonaws.com\"},\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{\"ArnLike\":{\"aws:"
                "SourceArn\":\"arn:aws:s3:::b*\"}}}}"),
            &w->policy, &why) == 0);
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        sinks_add(&w->sinks, &(struct sink){ .service = services[i],
                                             .action = actions[i],
                                             .find = w_find,
                                             .deliver = w_deliver,
                                             .arg = w });
    w->headers[0] = (struct header){ STR("Host"), STR("h:1") };
    w->x = (struct exchange){
        .magic = EXCHANGE_MAGIC, .headers = w->headers, .n_headers = 1, .peer = STR("10.0.0.7:99")
    };
    w->turn = (struct turn){
        .magic = TURN_MAGIC, .store = w->store, .now = { 1800000000000, 0 }, .ops = &world_ops, .engine = w
    };
    w->s3 = s3_new(&(struct s3_options){ .sinks = &w->sinks, .dir = w->dir });
    s3_load(w->s3, &w->turn);
    world_commit(w);
}

static inline int world_remove(const char *path, const struct stat *st UNUSED, int kind UNUSED,
                               struct FTW *f UNUSED)
{
    return remove(path);
}
static inline size_t *world_count(void)
{
    static size_t n;
    return &n;
}
static inline int world_count_one(const char *path UNUSED, const struct stat *st UNUSED, int kind,
                                  struct FTW *f UNUSED)
{
    *world_count() += kind == FTW_F;
    return 0;
}
/* How many files stand under the service's folder. */
static inline size_t world_files(const struct world *w)
{
    *world_count() = 0;
    nftw(w->dir, world_count_one, 8, FTW_PHYS);
    return *world_count();
}

static inline void world_close(struct world *w)
{
    world_jobs(w);
    w->s3 = s3_free(w->s3);
    for (struct asked *a = w->all, *next; a != NULL; a = next) {
        next = a->next;
        buf_done(&a->c.extra_headers);
        arena_free(a->c.mem);
        free(a);
    }
    policy_free(w->policy);
    buf_done(&w->sent);
    w->store = store_close(w->store);
    nftw(w->dir, world_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* As after a crash: memory anew from the same store and folder. */
static inline void world_restart(struct world *w)
{
    w->s3 = s3_free(w->s3);
    w->s3 = s3_new(&(struct s3_options){ .sinks = &w->sinks, .dir = w->dir });
    s3_load(w->s3, &w->turn);
    world_commit(w);
}

void call_reply(struct call *c, int result)
{
    struct asked *a = CONTAINER_OF(c, struct asked, c);

    CHECK(!a->answered && result != -E_WAIT);
    a->answered = true;
    a->result = result;
}

static inline const struct op *world_op(const char *name)
{
    for (uint32_t i = 0; i < s3_model.n_ops; i++)
        if (strcmp(s3_model.ops[i].name, name) == 0)
            return &s3_model.ops[i];
    CHECK(false);
}

/* The handler's turn alone; its job has not run. */
static inline struct asked *begin(struct world *w, const char *op, const void *input)
{
    struct asked *a = xcalloc(1, sizeof(*a));
    struct service service = s3_service(w->s3);
    int r = -E_INVALID;

    w->turn.now.wall_ms += 1000;
    a->c = (struct call){
        .magic = CALL_MAGIC,
        .mem = arena_new(0),
        .x = &w->x,
        .service = service.model,
        .op = world_op(op),
        .protocol = PROTO_REST_XML,
        .turn = &w->turn,
        .now = w->turn.now,
        .region = w->region,
        .account = w->account,
        .request_id = STR("REQUEST1"),
        .principal = { .kind = PRINCIPAL_OPERATOR, .account = w->account, .user_id = w->account },
        .state = service.state,
        .input = input
    };
    a->next = w->all;
    w->all = a;
    if (a->c.op->output != NULL)
        a->c.output = arena_alloc(a->c.mem, a->c.op->output->struct_size);
    for (size_t i = 0; i < service.n_handlers; i++)
        if (strcmp(service.handlers[i].op, op) == 0)
            r = service.handlers[i].fn(&a->c, input, a->c.output);
    a->c.turn = NULL;
    if (r != -E_WAIT)
        call_reply(&a->c, r);
    if (r == -E_FAULT)
        CHECK(!store_dirty(w->store));
    world_commit(w);
    return a;
}

static inline struct asked *say(struct world *w, const char *op, const void *input)
{
    struct asked *a = begin(w, op, input);

    world_jobs(w);
    CHECK(a->answered);
    return a;
}

#define EXPECT_OK(a)                                                                            \
    do {                                                                                        \
        struct asked *a_ = (a);                                                                 \
        if (a_->result != 0)                                                                    \
            UNIT_FAIL("%s: %s: " STR_FMT, #a,                                                   \
                      a_->c.fault.row != NULL ? a_->c.fault.row->name : error_text(a_->result), \
                      STR_ARG(a_->c.fault.message));                                            \
    } while (0)
#define EXPECT_FAULT(a, code)                                                                      \
    do {                                                                                           \
        struct asked *a_ = (a);                                                                    \
        EXPECT_INT(a_->result, -E_FAULT);                                                          \
        EXPECT_STR(a_->c.fault.row != NULL ? str_of(a_->c.fault.row->name) : STR_NONE, STR(code)); \
    } while (0)
#define EXPECT_TEXT(a, text) EXPECT_STR((a)->c.fault.message, STR(text))

static inline void make_bucket(struct world *w, const char *name)
{
    EXPECT_OK(say(w, "CreateBucket", &(struct s3_CreateBucketRequest){ .Bucket = str_of(name) }));
}
static inline struct asked *put(struct world *w, const char *bucket, const char *key, struct str body)
{
    struct s3_PutObjectRequest in = { .Bucket = str_of(bucket), .Key = str_of(key), .Body = body };

    return say(w, "PutObject", &in);
}
static inline struct asked *get(struct world *w, const char *bucket, const char *key, const char *version)
{
    struct s3_GetObjectRequest in = { .Bucket = str_of(bucket),
                                      .Key = str_of(key),
                                      .VersionId = str_of(version) };

    return say(w, "GetObject", &in);
}
static inline struct str body_of(const struct asked *a)
{
    return ((const struct s3_GetObjectOutput *)a->c.output)->Body;
}
static inline struct asked *version(struct world *w, const char *bucket, const char *status)
{
    struct s3_VersioningConfiguration k = { .Status = str_of(status) };
    struct s3_PutBucketVersioningRequest in = { .Bucket = str_of(bucket), .VersioningConfiguration = &k };

    return say(w, "PutBucketVersioning", &in);
}

#endif
