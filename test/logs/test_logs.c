/* test_logs.c - chunks, the buffer, and reading by time, without a server: the turn is played by this file.
 */
#include "model/logs.h"
#include "service/logs/log_chunk.h"
#include "service/logs/log_reader.h"
#include "service/logs/log_table.h"
#include "service/logs/logs.h"
#include "test/unit.h"

#define ACCOUNT STR("000000000000")
#define REGION STR("us-east-1")
#define NOW ((int64_t)1789400786443)

/* A turn without an engine: what was asked for is counted and run by hand. */
struct play {
    struct store *store;
    struct turn turn;
    struct logs *logs;
    struct arena *mem;
    const struct gate *gate;
    void (*soon[16])(void *arg, struct turn *t);
    void *soon_arg[16];
    size_t n_soon;
    int real_timers;
    void (*real_fn)(void *arg, struct turn *t);
    void *real_arg;
    void (*waste_fn)(void *arg, struct turn *t);
    void *waste_arg;
    int64_t timer_at; /* 0: none */
    struct timer *timer;
    struct fault fault;
};

static void play_soon(void *engine, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct play *p = engine;

    CHECK(p->n_soon < ARRAY_LEN(p->soon));
    p->soon[p->n_soon] = fn;
    p->soon_arg[p->n_soon++] = arg;
}
static void play_timer_set(void *engine, struct timer *t, int64_t at)
{
    ((struct play *)engine)->timer_at = at;
    ((struct play *)engine)->timer = t;
}
static void play_timer_cancel(void *engine, struct timer *t UNUSED) { ((struct play *)engine)->timer_at = 0; }
static void *play_real_timer(void *engine, int64_t in_ms, void (*fn)(void *arg, struct turn *t), void *arg)
{
    struct play *p = engine;

    if (in_ms != 250) { /* what large groups left behind */
        EXPECT(p->waste_fn == NULL);
        p->waste_fn = fn;
        p->waste_arg = arg;
        return &p->waste_fn;
    }
    p->real_timers++;
    p->real_fn = fn;
    p->real_arg = arg;
    return p;
}
static void play_real_timer_cancel(void *engine, void *handle)
{
    struct play *p = engine;

    EXPECT(handle == &p->waste_fn);
    p->waste_fn = NULL;
}
static const struct turn_ops play_ops = {
    .timer_set = play_timer_set,
    .timer_cancel = play_timer_cancel,
    .real_timer = play_real_timer,
    .soon = play_soon,
    .real_timer_cancel = play_real_timer_cancel,
};

static void play_begin(struct play *p, int64_t max_group_bytes)
{
    *p = (struct play){ .mem = arena_new(0) };
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &p->store, NULL) == 0);
    p->turn = (struct turn){
        .magic = TURN_MAGIC, .store = p->store, .now = { NOW, 0 }, .ops = &play_ops, .engine = p
    };
    p->logs = logs_new(
        &(struct logs_options){ .max_group_bytes = max_group_bytes, .soon = play_soon, .engine = p });
    logs_load(p->logs, &p->turn);
}

static void play_end(struct play *p)
{
    logs_free(p->logs);
    EXPECT_INT(store_commit(p->store), 0);
    store_close(p->store);
    arena_free(p->mem);
}

static void play_soon_all(struct play *p)
{
    size_t n = p->n_soon;

    p->n_soon = 0;
    for (size_t i = 0; i < n; i++)
        p->soon[i](p->soon_arg[i], &p->turn);
}

/* Runs a handler; its fault, if any, is in p->fault. */
static int call(struct play *p, const char *op, const void *input, void *output)
{
    struct service s = logs_service(p->logs);
    struct call c = { .magic = CALL_MAGIC,
                      .mem = p->mem,
                      .turn = &p->turn,
                      .now = p->turn.now,
                      .region = REGION,
                      .account = ACCOUNT,
                      .state = s.state,
                      .service = s.model,
                      .gate = p->gate };
    int r = -1;

    for (size_t i = 0; i < s.n_handlers; i++)
        if (strcmp(s.handlers[i].op, op) == 0)
            r = s.handlers[i].fn(&c, input, output);
    p->fault = c.fault;
    EXPECT_INT(store_commit(p->store), 0);
    return r;
}

static void append(struct play *p, const char *stream, int64_t ms, const char *text)
{
    logs_append(p->logs, ACCOUNT, REGION, STR("/aws/lambda/f"), str_of(stream),
                &(struct log_line){ ms, str_of(text) }, 1);
}

TEST(chunk, lines_come_back)
{
    static const struct {
        int64_t ms;
        const char *text;
    } lines[] = {
        { NOW, "first" },
        { NOW, "" },
        { NOW + 300, "later\n" },
        { NOW + 100, "between" },
        { NOW + 100, "between too" },
        { NOW + 2000, "last" },
    };
    static const int order[] = { 0, 1, 3, 4, 2, 5 };
    struct arena *a = arena_new(0);
    struct log_chunk c = { 0 };
    struct log_chunk_line *v;
    size_t n;

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        EXPECT(log_chunk_fits(&c, lines[i].ms, strlen(lines[i].text)));
        log_chunk_add(&c, lines[i].ms, str_of(lines[i].text));
    }
    EXPECT_INT(c.first_ms, NOW);
    EXPECT_INT(c.last_ms, NOW + 2000);
    EXPECT_INT(c.bytes, 5 + 0 + 6 + 7 + 11 + 4 + 6 * LINE_OVERHEAD_BYTES);
    EXPECT(!log_chunk_fits(&c, NOW + 2001, 1));
    EXPECT(!log_chunk_fits(&c, NOW - 1, 1));
    EXPECT(!log_chunk_fits(&c, NOW, CHUNK_BYTES));
    EXPECT_INT(log_chunk_lines(a, buf_view(&c.body), c.n, &v, &n), 0);
    EXPECT_INT(n, ARRAY_LEN(lines));
    for (size_t i = 0; i < n; i++) {
        EXPECT_INT(v[i].ms, lines[order[i]].ms);
        EXPECT_STR(v[i].text, str_of(lines[order[i]].text));
    }
    /* Cut or garbled anywhere: fewer lines, never beyond the bytes. */
    for (size_t cut = 0; cut < c.body.n; cut++) {
        char *exact = malloc(cut + 1);

        memcpy(exact, c.body.p, cut);
        EXPECT_INT(log_chunk_lines(a, str_make(exact, cut), c.n, &v, &n), -E_INVALID);
        if (cut > 0)
            exact[cut / 2] = (char)0xff;
        (void)log_chunk_lines(a, str_make(exact, cut), c.n, &v, &n);
        EXPECT(n <= c.n);
        free(exact);
    }
    log_chunk_clear(&c);
    EXPECT(log_chunk_fits(&c, 0, 10 * CHUNK_BYTES));
    log_chunk_done(&c);
    arena_free(a);
}

TEST(position, text_and_order)
{
    struct log_position p = { NOW, 77, 3 }, q;
    char text[LOG_POSITION_DIGITS + 1];

    log_position_text(text, &p);
    EXPECT_INT(strlen(text), 56);
    EXPECT_INT(log_position_parse(str_of(text), &q), 0);
    EXPECT_INT(log_position_cmp(&p, &q), 0);
    q.line = 4;
    EXPECT(log_position_cmp(&p, &q) < 0);
    q = (struct log_position){ NOW - 1, 99, 9 };
    EXPECT(log_position_cmp(&p, &q) > 0);
    EXPECT_INT(log_position_parse(STR("12"), &q), -E_INVALID);
    text[3] = 'x';
    EXPECT_INT(log_position_parse(str_of(text), &q), -E_INVALID);
    memset(text, '9', 56);
    EXPECT_INT(log_position_parse(str_of(text), &q), -E_INVALID);
}

static size_t group_lines(struct play *p, struct log_group *ret)
{
    struct logs_FilterLogEventsRequest in = { .logGroupName = STR("/aws/lambda/f") };
    size_t n = 0;

    do {
        struct logs_FilterLogEventsResponse out = { 0 };

        EXPECT_INT(call(p, "FilterLogEvents", &in, &out), 0);
        n += out.events.n;
        in.nextToken = out.nextToken;
    } while (!str_absent(in.nextToken));
    EXPECT(log_group_find(p->store, p->mem, ACCOUNT, REGION, STR("/aws/lambda/f"), ret));
    return n;
}

static int64_t count_of(struct store *s, struct sql *q)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, q, &r);
    return rows_next(&r) ? rows_int(&r, 0) : 0;
}

#define BIG_BYTES 100000
static const char *big_line(void)
{
    static char big[BIG_BYTES + 1];

    memset(big, 'x', BIG_BYTES);
    return big;
}

static size_t waste_pieces(struct play *p)
{
    size_t n = 0;

    for (; p->waste_fn != NULL; n++) {
        TAKE(p->waste_fn)(p->waste_arg, &p->turn);
        EXPECT_INT(store_commit(p->store), 0);
    }
    return n;
}

/* A large group is gone at once, also for a server that crashes right after; its rows go in pieces, and the
 * rows of another group, and of a new one of its name, stay. */
TEST(waste, a_large_group_leaves_in_pieces)
{
    static struct sql rows = SQL("SELECT count(*) FROM log_row"),
                      streams = SQL("SELECT count(*) FROM log_stream");
    struct logs_CreateLogGroupRequest other = { .logGroupName = STR("other") };
    struct logs_DeleteLogGroupRequest drop = { .logGroupName = STR("/aws/lambda/f") };
    struct logs_FilterLogEventsRequest in = { .logGroupName = STR("/aws/lambda/f") };
    struct logs_FilterLogEventsResponse out = { 0 };
    int64_t before;
    struct play p;

    play_begin(&p, 0);
    EXPECT_INT(waste_pieces(&p), 1); /* the look after loading */
    EXPECT_INT(call(&p, "CreateLogGroup", &other, NULL), 0);
    for (int i = 0; i < 100; i++) {
        append(&p, i % 2 == 0 ? "s" : "t", NOW, big_line());
        logs_flush(p.logs, &p.turn);
    }
    EXPECT_INT(store_commit(p.store), 0);
    before = count_of(p.store, &rows);
    EXPECT(before >= 50);
    EXPECT_INT(call(&p, "DeleteLogGroup", &drop, NULL), 0);
    EXPECT_INT(call(&p, "FilterLogEvents", &in, &out), -E_FAULT);
    EXPECT_INT(count_of(p.store, &rows), before);
    append(&p, "s", NOW, "young");
    EXPECT_INT(call(&p, "FilterLogEvents", &in, &out), 0);
    EXPECT_INT(out.events.n, 1);
    logs_load(p.logs, &p.turn); /* as after a crash */
    EXPECT(waste_pieces(&p) > 3);
    EXPECT_INT(count_of(p.store, &rows), 1);
    EXPECT_INT(count_of(p.store, &streams), 1);
    EXPECT_INT(call(&p, "FilterLogEvents", &in, &out), 0);
    EXPECT_INT(out.events.n, 1);
    play_end(&p);
}

/* A large stream is gone at once and its rows go in pieces, also after a crash; the group's bytes follow. */
TEST(waste, a_large_stream_leaves_in_pieces)
{
    static struct sql rows = SQL("SELECT count(*) FROM log_row");
    struct logs_DeleteLogStreamRequest drop = { .logGroupName = STR("/aws/lambda/f"),
                                                .logStreamName = STR("s") };
    struct logs_FilterLogEventsRequest in = { .logGroupName = STR("/aws/lambda/f") };
    struct logs_FilterLogEventsResponse out = { 0 };
    struct log_group g;
    int64_t before;
    struct play p;

    play_begin(&p, 0);
    EXPECT_INT(waste_pieces(&p), 1);
    append(&p, "t", NOW, "stays");
    for (int i = 0; i < 100; i++) {
        append(&p, "s", NOW, big_line());
        logs_flush(p.logs, &p.turn);
    }
    before = count_of(p.store, &rows);
    EXPECT_INT(call(&p, "DeleteLogStream", &drop, NULL), 0);
    EXPECT_INT(before - count_of(p.store, &rows), 16); /* WASTE_ROWS: the work of one turn */
    EXPECT_INT(store_commit(p.store), 0);
    EXPECT_INT(call(&p, "FilterLogEvents", &in, &out), 0);
    EXPECT_INT(out.events.n, 1);
    logs_load(p.logs, &p.turn);
    EXPECT(waste_pieces(&p) > 4);
    EXPECT_INT(count_of(p.store, &rows), 1);
    EXPECT_INT(group_lines(&p, &g), 1);
    EXPECT_INT(g.bytes, strlen("stays\n") + LINE_OVERHEAD_BYTES);
    play_end(&p);
}

/* A page ends when enough was gone through, not only when enough was read: each term goes through every line.
 */
TEST(waste, a_filter_of_many_terms_ends_its_page_early)
{
    struct logs_FilterLogEventsRequest in = { .logGroupName = STR("/aws/lambda/f") };
    char pattern[200] = "";
    size_t pages[3] = { 0 };
    struct play p;

    play_begin(&p, 0);
    for (int i = 0; i < 40; i++) {
        append(&p, "s", NOW, big_line());
        logs_flush(p.logs, &p.turn);
    }
    for (int i = 0; i < 39; i++)
        memcpy(pattern + strlen(pattern), "?zz ", 5);
    for (int kind = 0; kind < 3; kind++) {
        in.filterPattern = kind == 0   ? STR("zz")
                           : kind == 1 ? str_of(pattern)
                                       : STR("{ $.a = 1 || $.b = 1 }");
        in.nextToken = STR_NONE;
        do {
            struct logs_FilterLogEventsResponse out = { 0 };

            EXPECT_INT(call(&p, "FilterLogEvents", &in, &out), 0);
            EXPECT_INT(out.events.n, 0);
            in.nextToken = out.nextToken;
            pages[kind]++;
        } while (!str_absent(in.nextToken));
    }
    EXPECT_INT(pages[0], 1);  /* 4 MB twice */
    EXPECT_INT(pages[1], 14); /* 3 lines of 100,000 bytes 40 times are 8 MiB */
    EXPECT_INT(pages[2], 4);
    play_end(&p);
}

/* A line asks for one turn that sets the timer; a full buffer asks for a flush; a reader flushes by itself.
 */
TEST(buffer, when_it_flushes)
{
    struct logs_GetLogEventsRequest in = { .logGroupName = STR("/aws/lambda/f"), .logStreamName = STR("s") };
    struct logs_GetLogEventsResponse out = { 0 };
    struct play p;
    char big[1000];

    play_begin(&p, 0);
    append(&p, "s", NOW, "one");
    append(&p, "s", NOW, "two");
    EXPECT_INT(p.n_soon, 1);
    EXPECT_INT(call(&p, "GetLogEvents", &in, &out), 0);
    EXPECT_INT(out.events.n, 2);
    EXPECT_STR(out.events.v[1].message, STR("two\n"));
    play_soon_all(&p);
    EXPECT_INT(p.real_timers, 1);
    append(&p, "s", NOW + 1, "three");
    EXPECT_INT(p.n_soon, 0);
    p.real_fn(p.real_arg, &p.turn);
    EXPECT_INT(store_commit(p.store), 0);
    append(&p, "s", NOW + 2, "four");
    EXPECT_INT(p.n_soon, 1);
    play_soon_all(&p);
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    for (int i = 0; i < 70; i++)
        append(&p, "s", NOW + 3, big);
    EXPECT_INT(p.n_soon, 1);
    play_soon_all(&p);
    EXPECT(store_dirty(p.store));
    out = (struct logs_GetLogEventsResponse){ 0 };
    EXPECT_INT(call(&p, "GetLogEvents", &in, &out), 0);
    EXPECT_INT(out.events.n, 74);
    /* A quiet stream is forgotten by the second flush; the next line makes a new buffer. */
    logs_flush(p.logs, &p.turn);
    logs_flush(p.logs, &p.turn);
    append(&p, "s", NOW + 4, "again");
    logs_flush(p.logs, &p.turn);
    EXPECT_INT(call(&p, "GetLogEvents", &in, &out), 0);
    EXPECT_INT(out.events.n, 75);
    play_end(&p);
}

struct known {
    int64_t ms;
    int stream;
    char text[24];
};

/* A page as the client sees it must be the slice of the obvious answer: all lines, sorted by time. */
static int by_time(const void *a, const void *b)
{
    const struct known *x = a, *y = b;

    return (x->ms > y->ms) - (x->ms < y->ms);
}

#define LINES 3000

static void random_lines(struct play *p, struct known *v)
{
    int64_t ms = NOW - 3600000;

    for (int i = 0; i < LINES; i++) {
        char stream[8];

        ms += rand() % 100 == 0 ? rand() % 200000 : rand() % 40;
        v[i] = (struct known){ .ms = ms + rand() % 3000, .stream = rand() % 4 };
        snprintf(v[i].text, sizeof(v[i].text), "line %d", i);
        snprintf(stream, sizeof(stream), "s%d", v[i].stream);
        append(p, stream, v[i].ms, v[i].text);
        if (rand() % 25 == 0)
            logs_flush(p->logs, &p->turn);
        p->n_soon = 0;
    }
}

/* Times agree one by one; texts as sets per time, as equal times may interleave. */
static void expect_same(const struct known *want, size_t n, const int64_t *ms, const struct str *texts,
                        size_t got)
{
    EXPECT_INT(got, n);
    for (size_t i = 0; i < MIN(got, n) && unit_bad == 0; i++) {
        bool found = false;

        EXPECT_INT(ms[i], want[i].ms);
        for (size_t k = 0; k < n && want[k].ms <= ms[i]; k++)
            found |= want[k].ms == ms[i] && str_is(str_sub(texts[i], 0, texts[i].n - 1), want[k].text);
        EXPECT(found);
        for (size_t k = i; k-- > 0 && ms[k] == ms[i];)
            EXPECT(!str_eq(texts[k], texts[i]));
    }
}

static int64_t got_ms[LINES + 1];
static struct str got_text[LINES + 1];

TEST(read, filter_pages_hold_every_line_once)
{
    static struct known v[LINES];
    struct logs_FilterLogEventsRequest in = { .logGroupName = STR("/aws/lambda/f") };
    struct play p;
    size_t n = 0;

    srand(11);
    play_begin(&p, 0);
    random_lines(&p, v);
    qsort(v, LINES, sizeof(*v), by_time);
    do {
        struct logs_FilterLogEventsResponse out = { 0 };

        in.limit = INT_SET(1 + rand() % 200);
        EXPECT_INT(call(&p, "FilterLogEvents", &in, &out), 0);
        for (size_t i = 0; i < out.events.n && n <= LINES; i++, n++) {
            got_ms[n] = out.events.v[i].timestamp.v;
            got_text[n] = out.events.v[i].message;
        }
        in.nextToken = out.nextToken;
    } while (!str_absent(in.nextToken) && unit_bad == 0);
    expect_same(v, LINES, got_ms, got_text, n);
    play_end(&p);
}

/* Back from the end and forth from the head, by tokens, within a window. */
TEST(read, get_pages_in_both_directions)
{
    static struct known v[LINES], mine[LINES];
    struct play p;
    size_t n_mine = 0;

    srand(12);
    play_begin(&p, 0);
    random_lines(&p, v);
    qsort(v, LINES, sizeof(*v), by_time);
    int64_t from = v[LINES / 10].ms, to = v[LINES - LINES / 10].ms;
    for (int i = 0; i < LINES; i++)
        if (v[i].stream == 2 && v[i].ms >= from && v[i].ms < to)
            mine[n_mine++] = v[i];
    for (int forward = 0; forward < 2; forward++) {
        struct logs_GetLogEventsRequest in = { .logGroupName = STR("/aws/lambda/f"),
                                               .logStreamName = STR("s2"),
                                               .limit = INT_SET(37),
                                               .startTime = INT_SET(from),
                                               .endTime = INT_SET(to),
                                               .startFromHead = BOOL_SET(forward) };
        struct logs_GetLogEventsResponse out;
        size_t n = 0;

        for (;;) {
            out = (struct logs_GetLogEventsResponse){ 0 };
            EXPECT_INT(call(&p, "GetLogEvents", &in, &out), 0);
            if (out.events.n == 0 || n + out.events.n > LINES)
                break;
            for (size_t i = 0; i < out.events.n; i++) {
                size_t at = forward ? n + i : LINES - n - out.events.n + i;

                got_ms[at] = out.events.v[i].timestamp.v;
                got_text[at] = out.events.v[i].message;
            }
            n += out.events.n;
            in.nextToken = forward ? out.nextForwardToken : out.nextBackwardToken;
        }
        EXPECT_STR(forward ? out.nextForwardToken : out.nextBackwardToken, in.nextToken);
        expect_same(mine, n_mine, got_ms + (forward ? 0 : LINES - n), got_text + (forward ? 0 : LINES - n),
                    n);
    }
    play_end(&p);
}

/* The forward token of the last page finds what comes later, also within the same millisecond. */
TEST(read, forward_token_follows)
{
    struct logs_GetLogEventsRequest in = { .logGroupName = STR("/aws/lambda/f"), .logStreamName = STR("s") };
    struct logs_GetLogEventsResponse out = { 0 };
    struct play p;

    play_begin(&p, 0);
    append(&p, "s", NOW, "a");
    EXPECT_INT(call(&p, "GetLogEvents", &in, &out), 0);
    in.nextToken = out.nextForwardToken;
    EXPECT_INT(call(&p, "GetLogEvents", &in, &out), 0);
    EXPECT_INT(out.events.n, 0);
    EXPECT_STR(out.nextForwardToken, in.nextToken);
    append(&p, "s", NOW, "b");
    EXPECT_INT(call(&p, "GetLogEvents", &in, &out), 0);
    EXPECT_INT(out.events.n, 1);
    EXPECT_STR(out.events.v[0].message, STR("b\n"));
    in.nextToken = STR("f/123/s");
    EXPECT_INT(call(&p, "GetLogEvents", &in, &out), -E_FAULT);
    EXPECT(p.fault.row == &logs_error_InvalidParameterException);
    play_end(&p);
}

TEST(bound, oldest_lines_go_first)
{
    struct logs_GetLogEventsRequest in = { .logGroupName = STR("/aws/lambda/f"),
                                           .logStreamName = STR("s"),
                                           .limit = INT_SET(1) };
    struct logs_GetLogEventsResponse out = { 0 };
    struct log_group g;
    struct play p;
    char text[500];
    size_t n;

    play_begin(&p, 1 << 20);
    memset(text, 'y', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof(text), "%05d", i);
        text[5] = 'y';
        append(&p, "s", NOW + i, text);
        if (i % 100 == 99)
            logs_flush(p.logs, &p.turn);
        p.n_soon = 0;
    }
    n = group_lines(&p, &g);
    EXPECT(g.bytes <= 1 << 20);
    EXPECT(g.bytes > (1 << 20) - (1 << 20) / 8);
    EXPECT_INT(g.bytes, n * (strlen(text) + 1 + LINE_OVERHEAD_BYTES));
    EXPECT_INT(call(&p, "GetLogEvents", &in, &out), 0);
    EXPECT(str_starts(out.events.v[0].message, STR("09999")));
    in.startFromHead = BOOL_SET(true);
    EXPECT_INT(call(&p, "GetLogEvents", &in, &out), 0);
    EXPECT_INT(out.events.v[0].timestamp.v, NOW + 10000 - (int64_t)n);
    play_end(&p);
}

TEST(bound, streams_of_environments_make_room)
{
    struct log_group g;
    struct play p;
    char name[32];

    play_begin(&p, 0);
    for (int i = 0; i < LOG_MOST_STREAMS + 5; i++) {
        snprintf(name, sizeof(name), "stream %d", i);
        append(&p, name, NOW, "x");
        p.n_soon = 0;
        if (i % 1000 == 0)
            logs_flush(p.logs, &p.turn);
    }
    EXPECT_INT(group_lines(&p, &g), LOG_MOST_STREAMS);
    EXPECT_INT(g.streams, LOG_MOST_STREAMS);
    EXPECT_INT(g.bytes, LOG_MOST_STREAMS * (2 + LINE_OVERHEAD_BYTES));
    play_end(&p);
}

/* Retention is kept by the server's clock: hidden at once, deleted by the hourly look. */
TEST(retention, by_the_servers_clock)
{
    struct logs_PutRetentionPolicyRequest put = { .logGroupName = STR("/aws/lambda/f"),
                                                  .retentionInDays = INT_SET(3) };
    struct logs_DeleteRetentionPolicyRequest drop = { .logGroupName = STR("/aws/lambda/f") };
    struct log_group g;
    struct play p;

    play_begin(&p, 0);
    append(&p, "s", NOW - 4 * (int64_t)86400000, "four days old");
    append(&p, "s", NOW - 2 * (int64_t)86400000, "two days old");
    append(&p, "s", NOW, "new");
    EXPECT_INT(group_lines(&p, &g), 3);
    EXPECT_INT(p.timer_at, 0);
    EXPECT_INT(call(&p, "PutRetentionPolicy", &put, NULL), 0);
    EXPECT_INT(p.timer_at, NOW + 3600000);
    EXPECT_INT(group_lines(&p, &g), 2);
    EXPECT_INT(g.retention_days, 3);
    EXPECT_INT(g.bytes, strlen("two days old\n") + strlen("new\n") + 2 * LINE_OVERHEAD_BYTES);
    p.turn.now.wall_ms += 2 * (int64_t)86400000;
    EXPECT_INT(group_lines(&p, &g), 1);
    EXPECT_INT(g.bytes, strlen("two days old\n") + strlen("new\n") + 2 * LINE_OVERHEAD_BYTES);
    p.timer->fire(p.timer, &p.turn);
    EXPECT_INT(group_lines(&p, &g), 1);
    EXPECT_INT(g.bytes, strlen("new\n") + LINE_OVERHEAD_BYTES);
    EXPECT_INT(call(&p, "DeleteRetentionPolicy", &drop, NULL), 0);
    EXPECT_INT(p.timer_at, 0);
    put.retentionInDays = INT_SET(2);
    EXPECT_INT(call(&p, "PutRetentionPolicy", &put, NULL), -E_FAULT);
    EXPECT(str_find_str(p.fault.message, STR("Value '2' at 'retentionInDays'")) >= 0);
    play_end(&p);
}

/* Much that is too old is hidden at once and goes in pieces. */
TEST(retention, in_pieces)
{
    static struct sql rows = SQL("SELECT count(*) FROM log_row");
    struct logs_PutRetentionPolicyRequest put = { .logGroupName = STR("/aws/lambda/f"),
                                                  .retentionInDays = INT_SET(3) };
    struct log_group g;
    struct play p;

    play_begin(&p, 0);
    EXPECT_INT(waste_pieces(&p), 1);
    for (int i = 0; i < 40; i++) {
        append(&p, "s", NOW - 4 * (int64_t)86400000, big_line());
        logs_flush(p.logs, &p.turn);
    }
    append(&p, "s", NOW, "new");
    EXPECT_INT(call(&p, "PutRetentionPolicy", &put, NULL), 0);
    EXPECT_INT(count_of(p.store, &rows), 41 - 16); /* WASTE_ROWS */
    EXPECT_INT(group_lines(&p, &g), 1);
    EXPECT_INT(p.timer_at, 0);
    EXPECT_INT(waste_pieces(&p), 2);
    EXPECT_INT(count_of(p.store, &rows), 1);
    EXPECT_INT(p.timer_at, NOW + 3600000);
    EXPECT_INT(group_lines(&p, &g), 1);
    EXPECT_INT(g.bytes, strlen("new\n") + LINE_OVERHEAD_BYTES);
    play_end(&p);
}

/* Who may do what on which resource: asked before anything is looked up. */
static struct buf asked;

static int denied(void *arg UNUSED, struct call *c, const char *action, const struct resource *what)
{
    buf_printf(&asked, "%s %.*s;", action, (int)what->arn.n, what->arn.p);
    return call_fault(c, &error_access_denied, "no");
}

TEST(authorize, each_operation_asks)
{
#define GROUP "arn:aws:logs:us-east-1:000000000000:log-group:g"
    const struct str g = STR("g"), st = STR("s"), arn = STR(GROUP);
    const struct {
        const char *op;
        const void *input;
        const char *want;
    } rows[] = {
        { "CreateLogGroup", &(struct logs_CreateLogGroupRequest){ .logGroupName = g },
          "logs:CreateLogGroup " GROUP ":*;" },
        { "DeleteLogGroup", &(struct logs_DeleteLogGroupRequest){ .logGroupName = g },
          "logs:DeleteLogGroup " GROUP ":*;" },
        { "DescribeLogGroups", &(struct logs_DescribeLogGroupsRequest){ .nextToken = STR_NONE },
          "logs:DescribeLogGroups arn:aws:logs:us-east-1:000000000000:log-group:*;" },
        { "PutRetentionPolicy", &(struct logs_PutRetentionPolicyRequest){ g, INT_SET(7) },
          "logs:PutRetentionPolicy " GROUP ":*;" },
        { "DeleteRetentionPolicy", &(struct logs_DeleteRetentionPolicyRequest){ g },
          "logs:DeleteRetentionPolicy " GROUP ":*;" },
        { "CreateLogStream", &(struct logs_CreateLogStreamRequest){ g, st },
          "logs:CreateLogStream " GROUP ":*;" },
        { "DeleteLogStream", &(struct logs_DeleteLogStreamRequest){ g, st },
          "logs:DeleteLogStream " GROUP ":log-stream:s;" },
        { "DescribeLogStreams", &(struct logs_DescribeLogStreamsRequest){ .logGroupName = g },
          "logs:DescribeLogStreams " GROUP ":*;" },
        { "PutLogEvents", &(struct logs_PutLogEventsRequest){ .logGroupName = g, .logStreamName = st },
          "logs:PutLogEvents " GROUP ":log-stream:s;" },
        { "GetLogEvents",
          &(struct logs_GetLogEventsRequest){ .logGroupIdentifier = arn, .logStreamName = st },
          "logs:GetLogEvents " GROUP ":log-stream:s;" },
        { "FilterLogEvents", &(struct logs_FilterLogEventsRequest){ .logGroupIdentifier = g },
          "logs:FilterLogEvents " GROUP ":*;" },
        { "TagResource", &(struct logs_TagResourceRequest){ .resourceArn = arn },
          "logs:TagResource " GROUP ":*;" },
        { "UntagResource", &(struct logs_UntagResourceRequest){ .resourceArn = arn },
          "logs:UntagResource " GROUP ":*;" },
        { "ListTagsForResource", &(struct logs_ListTagsForResourceRequest){ arn },
          "logs:ListTagsForResource " GROUP ":*;" },
        { "TagLogGroup", &(struct logs_TagLogGroupRequest){ .logGroupName = g },
          "logs:TagLogGroup " GROUP ":*;" },
        { "UntagLogGroup", &(struct logs_UntagLogGroupRequest){ .logGroupName = g },
          "logs:UntagLogGroup " GROUP ":*;" },
        { "ListTagsLogGroup", &(struct logs_ListTagsLogGroupRequest){ g },
          "logs:ListTagsLogGroup " GROUP ":*;" },
        { "PutResourcePolicy", &(struct logs_PutResourcePolicyRequest){ .policyName = g },
          "logs:PutResourcePolicy *;" },
        { "DescribeResourcePolicies", &(struct logs_DescribeResourcePoliciesRequest){ .nextToken = g },
          "logs:DescribeResourcePolicies *;" },
        { "DeleteResourcePolicy", &(struct logs_DeleteResourcePolicyRequest){ .policyName = g },
          "logs:DeleteResourcePolicy *;" },
    };
    struct play p;

    play_begin(&p, 0);
    EXPECT_INT(logs_service(p.logs).n_handlers, ARRAY_LEN(rows));
    p.gate = &(struct gate){ denied, NULL };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char output[512] = { 0 };

        buf_clear(&asked);
        EXPECT_INT(call(&p, rows[i].op, rows[i].input, output), -E_FAULT);
        EXPECT(p.fault.row == &error_access_denied);
        EXPECT_STR(buf_view(&asked), str_of(rows[i].want));
    }
    buf_done(&asked);
    play_end(&p);
}

/* ---- the door for other services ---- */

#define EVENTS_MAY(sid, resource)                                                                         \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Sid\":\"" sid                                           \
    "\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":"                                                 \
    "\"events.amazonaws.com\"},\"Action\":[\"logs:CreateLogStream\",\"logs:PutLogEvents\"],\"Resource\":" \
    "\"" resource "\"}}"
#define A_GROUP "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/a"

static int put_policy(struct play *p, const char *name, const char *document)
{
    struct logs_PutResourcePolicyRequest in = { .policyName = str_of(name),
                                                .policyDocument = str_of(document) };
    struct logs_PutResourcePolicyResponse out = { 0 };
    int r = call(p, "PutResourcePolicy", &in, &out);

    if (r == 0) {
        EXPECT_STR(out.resourcePolicy->policyName, str_of(name));
        EXPECT_STR(out.resourcePolicy->policyDocument, str_of(document));
        EXPECT_INT(out.resourcePolicy->lastUpdatedTime.v, NOW);
    }
    return r;
}

static enum delivery from_events(struct play *p, struct sinks *sinks, const char *target, const char *body,
                                 struct buf *why)
{
    struct parcel parcel = { .from = { "events.amazonaws.com",
                                       STR("arn:aws:events:us-east-1:000000000000:rule/r"), ACCOUNT, true },
                             .body = str_of(body) };
    struct door door = door_find(sinks, &p->turn, str_of(target));
    enum delivery d;

    buf_clear(why);
    d = door_as_service(&door, &parcel, why);
    EXPECT_INT(store_commit(p->store), 0);
    return d;
}

TEST(sink, a_line_into_a_group_that_allows_it)
{
    struct logs_FilterLogEventsRequest in = { .logGroupName = STR("/aws/events/a") };
    struct logs_FilterLogEventsResponse out = { 0 };
    struct buf why = { 0 };
    struct sinks sinks = { 0 };
    struct play p;
    struct sink row;

    play_begin(&p, 0);
    row = logs_sink(p.logs);
    sinks_add(&sinks, &row);
    EXPECT_INT(from_events(&p, &sinks, A_GROUP ":log-stream:s", "{}", &why), DELIVERY_NO_RESOURCE);
    EXPECT_INT(call(&p, "CreateLogGroup",
                    &(struct logs_CreateLogGroupRequest){ .logGroupName = STR("/aws/events/a") }, NULL),
               0);
    EXPECT_INT(from_events(&p, &sinks, A_GROUP ":log-stream:s", "{}", &why), DELIVERY_NO_PERMISSION);
    EXPECT_INT(put_policy(&p, "other",
                          EVENTS_MAY("x", "arn:aws:logs:us-east-1:000000000000:log-group:/aws/other/*")),
               0);
    EXPECT_INT(from_events(&p, &sinks, A_GROUP ":log-stream:s", "{}", &why), DELIVERY_NO_PERMISSION);
    EXPECT_INT(put_policy(&p, "mine",
                          EVENTS_MAY("x", "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/*:*")),
               0);
    EXPECT_INT(from_events(&p, &sinks, A_GROUP ":log-stream:s", "{\"n\":1}", &why), DELIVERED);
    EXPECT_INT(from_events(&p, &sinks, A_GROUP ":*", "{\"n\":2}", &why), DELIVERED);
    logs_load(p.logs, &p.turn); /* policies are read again */
    EXPECT_INT(from_events(&p, &sinks, A_GROUP ":log-stream:s", "{\"n\":3}", &why), DELIVERED);
    EXPECT_INT(call(&p, "FilterLogEvents", &in, &out), 0);
    EXPECT_INT(out.events.n, 3);
    EXPECT_STR(out.events.v[0].message, STR("{\"n\":1}"));
    EXPECT_STR(out.events.v[0].logStreamName, STR("s"));
    EXPECT_INT(out.events.v[0].timestamp.v, NOW);
    EXPECT_INT(from_events(&p, &sinks, "arn:aws:logs:us-east-1:000000000000:destination:d", "{}", &why),
               DELIVERY_NO_PERMISSION);
    EXPECT_INT(call(&p, "DeleteResourcePolicy",
                    &(struct logs_DeleteResourcePolicyRequest){ .policyName = STR("mine") }, NULL),
               0);
    EXPECT_INT(from_events(&p, &sinks, A_GROUP ":log-stream:s", "{}", &why), DELIVERY_NO_PERMISSION);
    buf_done(&why);
    play_end(&p);
}

TEST(policy, ten_of_them)
{
    struct logs_DescribeResourcePoliciesRequest in = { .limit = INT_SET(3) };
    struct logs_DescribeResourcePoliciesResponse out = { 0 };
    char name[3] = "p0";
    struct play p;

    play_begin(&p, 0);
    for (; name[1] <= '9'; name[1]++)
        EXPECT_INT(put_policy(&p, name, EVENTS_MAY("x", "*")), 0);
    EXPECT_INT(put_policy(&p, "p9", EVENTS_MAY("y", "*")), 0);
    EXPECT_INT(put_policy(&p, "pA", EVENTS_MAY("x", "*")), -E_FAULT);
    EXPECT(p.fault.row == &logs_error_LimitExceededException);
    EXPECT_STR(p.fault.message, STR("Resource limit exceeded."));
    EXPECT_INT(put_policy(&p, "p0", "{}"), -E_FAULT);
    EXPECT(p.fault.row == &logs_error_InvalidParameterException);
    EXPECT_INT(call(&p, "DescribeResourcePolicies", &in, &out), 0);
    EXPECT_INT(out.resourcePolicies.n, 3);
    EXPECT_STR(out.nextToken, STR("p2"));
    in = (struct logs_DescribeResourcePoliciesRequest){ .nextToken = STR("p7") };
    EXPECT_INT(call(&p, "DescribeResourcePolicies", &in, &out), 0);
    EXPECT_INT(out.resourcePolicies.n, 2);
    EXPECT_STR(out.resourcePolicies.v[1].policyDocument, STR(EVENTS_MAY("y", "*")));
    EXPECT_INT(call(&p, "DeleteResourcePolicy",
                    &(struct logs_DeleteResourcePolicyRequest){ .policyName = STR("no") }, NULL),
               -E_FAULT);
    EXPECT_STR(p.fault.message, STR("Policy with name [no] does not exist."));
    EXPECT_INT(call(&p, "DeleteResourcePolicy",
                    &(struct logs_DeleteResourcePolicyRequest){ .resourceArn = STR("arn:x") }, NULL),
               -E_FAULT);
    EXPECT_STR(p.fault.message, STR("resourceArn is not supported"));
    play_end(&p);
}

TEST(reset, forgets_everything)
{
    struct logs_DescribeLogGroupsRequest in = { 0 };
    struct logs_DescribeLogGroupsResponse out = { 0 };
    struct play p;

    play_begin(&p, 0);
    append(&p, "s", NOW, "stored");
    logs_flush(p.logs, &p.turn);
    append(&p, "s", NOW, "waiting");
    store_reset(p.store);
    logs_reset(p.logs, &p.turn);
    EXPECT_INT(call(&p, "DescribeLogGroups", &in, &out), 0);
    EXPECT_INT(out.logGroups.n, 0);
    play_end(&p);
}

/* The hot path of a function's output, and the longest turn a search may cost: prints, judges only the gross.
 */
TEST(cost, of_a_line_and_of_a_search)
{
    static const struct str streams[] = {
        { "2026/09/14/[$LATEST]00112233445566778899aabbccddeeff", 52 },
        { "2026/09/14/[$LATEST]ff112233445566778899aabbccddee00", 52 },
    };
    static const char *const patterns[] = { "needle", "{ $.level = \"needle\" && $.n > 5 }" };
    struct logs_FilterLogEventsRequest in = { .logGroupName = STR("/aws/lambda/f") };
    struct log_line v[4];
    struct play p;
    int64_t begin, took;
    int rounds = 100000;

    play_begin(&p, 0);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        v[i] = (struct log_line){ NOW, STR("{\"time\":\"2026-09-14T15:44:58.123Z\",\"level\":\"INFO\","
                                           "\"message\":\"hello from the handler\",\"n\":1}") };
    begin = clock_mono_ns();
    for (int i = 0; i < rounds; i++) {
        logs_append(p.logs, ACCOUNT, REGION, STR("/aws/lambda/f"), streams[i % 2], v, ARRAY_LEN(v));
        if (p.n_soon > 0) {
            play_soon_all(&p);
            EXPECT_INT(store_commit(p.store), 0);
        }
    }
    took = clock_mono_ns() - begin;
    printf("   cost: %.0f ns per line, four lines a call, flushes and commits included\n",
           (double)took / rounds / 4);
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct logs_FilterLogEventsResponse out = { 0 };

        in.filterPattern = str_of(patterns[i]);
        begin = clock_mono_ns();
        EXPECT_INT(call(&p, "FilterLogEvents", &in, &out), 0);
        took = clock_mono_ns() - begin;
        EXPECT(out.events.n == 0 && !str_absent(out.nextToken));
        printf("   cost: %.1f ms for one call's search of 4 MiB, %s\n", (double)took / 1e6, patterns[i]);
    }
    play_end(&p);
}

UNIT_MAIN
