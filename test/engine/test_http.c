/* test_http.c - what leaves the server: after the commit and never without it, few at once, told in a turn,
 * and a server that is not quiet meanwhile. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>
#include "engine/engine.h"
#include "unit.h"

static struct engine *engine;
static uv_loop_t loop;
static struct clock the_clock;
static struct store *store;
static int fatal_error;
static bool spoil;

static void after_commit(void *arg, const struct now *now)
{
    (void)arg;
    (void)now;
}
static void flush(void *arg) { (void)arg; }
static void fatal(void *arg, int error, const char *why)
{
    (void)arg;
    (void)why;
    fatal_error = error;
}

/* ---- an endpoint on a thread ---- */

static struct {
    pthread_t thread;
    int listener, port;
    _Atomic int heard, at_once, most_at_once;
    atomic_bool shut; /* what it heard it does not answer yet */
    pthread_mutex_t lock;
} end = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void hear(void)
{
    pthread_mutex_lock(&end.lock);
    end.heard++;
    if (++end.at_once > end.most_at_once)
        end.most_at_once = end.at_once;
    pthread_mutex_unlock(&end.lock);
}

static void *serve_one(void *arg)
{
    static const char reply[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\ndone";
    int fd = (int)(intptr_t)arg;
    char bytes[4096];

    if (recv(fd, bytes, sizeof bytes, 0) > 0) {
        hear();
        while (end.shut)
            usleep(1000);
        end.at_once--; /* before the answer: who hears it may send the next one at once */
        (void)!write(fd, reply, sizeof reply - 1);
    }
    close(fd);
    return NULL;
}

static void *serve(void *arg)
{
    int fd;

    (void)arg;
    while ((fd = accept(end.listener, NULL, NULL)) >= 0) {
        pthread_t t;

        pthread_create(&t, NULL, serve_one, (void *)(intptr_t)fd);
        pthread_detach(t);
    }
    return NULL;
}

static void setup(void)
{
    struct engine_options o = {
        .loop = &loop, .clock = &the_clock, .after_commit = after_commit, .flush = flush, .fatal = fatal
    };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;

    setenv("UV_THREADPOOL_SIZE", "40", 1); /* not the threads are to be the limit */
    CHECK(uv_loop_init(&loop) == 0);
    clock_init(&the_clock);
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &store, NULL) == 0);
    o.store = store;
    engine = engine_new(&o);
    fatal_error = 0;
    spoil = false;
    end.heard = end.most_at_once = 0;
    end.shut = false;
    end.listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(end.listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(end.listener, 128) == 0);
    getsockname(end.listener, (struct sockaddr *)&at, &n);
    end.port = ntohs(at.sin_port);
    pthread_create(&end.thread, NULL, serve, NULL);
}

static void teardown(void)
{
    shutdown(end.listener, SHUT_RDWR);
    pthread_join(end.thread, NULL);
    close(end.listener);
    engine_stop(engine);
    uv_run(&loop, UV_RUN_DEFAULT);
    engine = engine_free(engine);
    store = store_close(store);
    CHECK(uv_loop_close(&loop) == 0);
}

static struct {
    int done, status;
    char text[256];
    bool in_turn;
    int too_many; /* told that the line is full */
} told;

static void done(void *arg, struct turn *t, int status, struct str body)
{
    EXPECT(arg == &told);
    told.done++;
    told.status = status;
    told.in_turn = t->store == store;
    snprintf(told.text, sizeof told.text, STR_FMT, STR_ARG(body));
    told.too_many += strcmp(told.text, "10000 requests stand in line already") == 0;
}

static int wanted;
static char url[64];

static void ask(void *arg, struct turn *t)
{
    (void)arg;
    for (int i = 0; i < wanted; i++) {
        const struct http_post p = {
            .url = str_of(url), .headers = STR("A: b\r\n"), .body = STR("x"), .timeout_ms = 30000
        };

        t->ops->http(t->engine, &p, done, &told);
    }
    EXPECT_INT(end.heard, 0); /* nothing leaves before the commit */
    if (spoil) {
        store_setting_put(t->store, STR("x"), STR("y"));
        store_spoil(t->store);
    }
}

static void run(int n, const char *to)
{
    wanted = n;
    memset(&told, 0, sizeof told);
    snprintf(url, sizeof url, to, end.port);
    engine_soon(engine, ask, NULL);
}

static void wait_for(int n)
{
    int64_t until_ns = clock_mono_ns() + 30000000000;

    while (told.done < n && clock_mono_ns() < until_ns)
        uv_run(&loop, UV_RUN_ONCE);
    EXPECT_INT(told.done, n);
}

TEST(http, posted_after_the_commit_and_told_in_a_turn)
{
    setup();
    run(1, "http://127.0.0.1:%d/a");
    EXPECT(!engine_quiet(engine).quiet);
    wait_for(1);
    EXPECT_INT(told.status, 202);
    EXPECT_Z(told.text, "done");
    EXPECT(told.in_turn);
    EXPECT(engine_quiet(engine).quiet);
    teardown();
}

TEST(http, few_at_once)
{
    setup();
    end.shut = true;
    run(60, "http://127.0.0.1:%d/a");
    for (int64_t until_ns = clock_mono_ns() + 20000000000; end.heard < 32 && clock_mono_ns() < until_ns;)
        uv_run(&loop, UV_RUN_NOWAIT);
    for (int i = 0; i < 50; i++) { /* nobody answers, so no other comes */
        uv_run(&loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    EXPECT_INT(end.heard, 32);
    EXPECT_INT(told.done, 0);
    end.shut = false;
    wait_for(60);
    EXPECT_INT(end.heard, 60);
    EXPECT_INT(told.status, 202);
    EXPECT_INT(end.most_at_once, 32);
    EXPECT(engine_quiet(engine).quiet);
    teardown();
}

TEST(http, no_answer_is_a_sentence)
{
    setup();
    run(1, "http://127.0.0.1:1/nobody%.0d");
    wait_for(1);
    EXPECT_INT(told.status, 0);
    EXPECT(strlen(told.text) > 10);
    run(1, "nonsense%.0d");
    wait_for(1);
    EXPECT_INT(told.status, 0);
    teardown();
}

TEST(http, a_commit_that_fails_sends_nothing)
{
    setup();
    spoil = true;
    run(3, "http://127.0.0.1:%d/a");
    for (int i = 0; i < 20; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    EXPECT(fatal_error != 0);
    EXPECT_INT(told.done, 0);
    EXPECT_INT(end.heard, 0);
    EXPECT(engine_quiet(engine).quiet);
    teardown();
}

TEST(http, a_line_has_an_end)
{
    setup();
    run(10020, "http://127.0.0.1:1/nobody%.0d");
    wait_for(10020);
    EXPECT_INT(told.too_many, 20); /* the line is filled before any of it leaves */
    EXPECT_INT(told.status, 0);
    EXPECT(engine_quiet(engine).quiet);
    teardown();
}

UNIT_MAIN
