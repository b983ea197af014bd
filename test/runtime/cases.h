/* cases.h - a function's source, an event, and the whole answer expected; each case in an environment of its
 * own. */
#ifndef WAYBILL_TEST_RUNTIME_CASES_H
#define WAYBILL_TEST_RUNTIME_CASES_H

#include "runtime/bench.h"
#include "unit.h"

static struct bench b;
static struct arena *m;

struct one {
    const char *runtime, *handler, *file, *source, *file2, *source2, *event;
    int64_t timeout_ms; /* 0: 5 s */
    enum outcome_kind kind;
    const char *payload;
    const char *log;        /* NULL: not compared; else what stands between START and END */
    const char *log_format; /* "JSON"; NULL: Text */
    const char *env_name, *env_value;
    const char *client_context;
};

static struct str between(struct str log, const char *from, const char *to)
{
    ptrdiff_t at = str_find_str(log, str_of(from)), end;

    if (at < 0)
        return STR("(no such line)");
    log = str_sub(log, (size_t)at, log.n);
    log = str_sub(log, (size_t)str_find(log, '\n') + 1, log.n);
    end = str_find_str(log, str_of(to));
    return end < 0 ? log : str_sub(log, 0, (size_t)end);
}

static void expect_one(const struct one *o)
{
    struct code *c = bench_code(&b, o->runtime, o->handler, o->file, o->source, o->file2, o->source2, NULL);
    struct answer a;

    c->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : 5000;
    c->log_json = o->log_format != NULL;
    if (o->env_name != NULL)
        bench_env(c, o->env_name, o->env_value);
    answer_init(&a, &b, c, o->event != NULL ? o->event : "{}");
    if (o->client_context != NULL)
        a.e.client_context = str_of(o->client_context);
    bench_run(&a);
    EXPECT(a.done);
    EXPECT_INT(a.kind, o->kind);
    EXPECT_STR(bench_plain(m, buf_view(&a.payload), &a), str_of(o->payload));
    if (o->log != NULL)
        EXPECT_STR(bench_plain(m,
                               between(buf_view(&b.log),
                                       o->log_format == NULL ? "START RequestId: " : "\"platform.start\"",
                                       o->log_format == NULL ? "END RequestId: " : "{\"time\":"),
                               &a),
                   str_of(o->log));
    b.executor.retire(b.executor.arg, c);
    answer_done(&a);
    code_unref(c);
}
#define EXPECT_ONE(...) expect_one(&(struct one){ __VA_ARGS__ })

#define CASES_MAIN(sandboxed)                                    \
    int main(int argc, char **argv)                              \
    {                                                            \
        int r;                                                   \
        bench_init(&b, sandboxed, 4, 0);                         \
        m = arena_new(0);                                        \
        printf("isolation: %s\n", runtime_isolation(b.runtime)); \
        r = unit_main(argc, argv);                               \
        bench_done(&b);                                          \
        arena_free(m);                                           \
        return r;                                                \
    }

#endif
