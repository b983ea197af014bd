/* test_store.c - the store's contract, told without naming a database: any engine must pass it as it stands.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/disk.h"
#include "store/store.h"
#include "test/unit.h"

static struct sql q_put = SQL("INSERT INTO settings (name, value) VALUES ($1, $2)");
static struct sql q_swapped = SQL("INSERT INTO settings (value, name) VALUES ($2, $1)");
static struct sql q_change = SQL("UPDATE settings SET value = $2 WHERE name = $1");
static struct sql q_get = SQL("SELECT value, length(value), NULL, 1.5 FROM settings WHERE name = $1");
static struct sql q_all = SQL("SELECT name, value FROM settings WHERE name LIKE $1 ORDER BY name");
static struct sql q_returning =
    SQL("INSERT INTO settings (name, value) VALUES ($1, $2) RETURNING value || '!'");
static struct sql q_drop = SQL("DELETE FROM settings WHERE name = $1");
static struct sql q_group = SQL("INSERT INTO log_group (id, account, region, name, created_ms, tags) "
                                "VALUES ($1, 'a', 'r', $2, 0, '{}')");
static struct sql q_groups = SQL("SELECT count(*) FROM log_group");

static char root[200], dir[256]; /* dir is in root and made by the store */

static void remove_dir(void)
{
    char cmd[300];

    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", root);
    EXPECT_INT(system(cmd), 0);
}

static void fresh_dir(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(root, sizeof(root), "%s/waybill-test-store-%d", tmp != NULL ? tmp : "/tmp", (int)getpid());
    snprintf(dir, sizeof(dir), "%s/a/b", root);
    remove_dir();
}

static struct store *opened(bool ephemeral)
{
    struct store *s = NULL;
    struct buf why = { 0 };
    int r = store_open(&(struct store_options){ .dir = dir, .ephemeral = ephemeral }, &s, &why);

    if (r < 0)
        UNIT_FAIL("store_open: %s: %s", error_text(r), why.p != NULL ? why.p : "");
    buf_done(&why);
    CHECK(s != NULL);
    return s;
}

static void put(struct store *s, const char *name, const char *value)
{
    EXPECT_INT(store_exec(s, &q_put, V_TEXT(str_of(name)), V_TEXT(str_of(value))), 1);
}

static bool has(struct store *s, const char *name)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_get, &r, V_TEXT(str_of(name)));
    return rows_next(&r);
}

TEST(store, turn_keeps_what_it_commits)
{
    struct store *s;

    fresh_dir();
    s = opened(false);
    EXPECT(!store_dirty(s));
    EXPECT_INT(store_commit(s), 0);
    put(s, "a", "1");
    EXPECT(store_dirty(s));
    EXPECT(has(s, "a"));
    EXPECT_INT(store_commit(s), 0);
    EXPECT(!store_dirty(s));
    put(s, "b", "2");
    store_rollback(s);
    EXPECT(!store_dirty(s) && !has(s, "b"));
    put(s, "c", "3");
    s = store_close(s);
    EXPECT(s == NULL);
    s = opened(false);
    EXPECT(has(s, "a") && !has(s, "b") && !has(s, "c"));
    store_close(s);
    remove_dir();
}

TEST(store, values_come_back_as_they_went)
{
    static const char bytes[] = { 'x', 0, (char)0xff, 'y' };
    static const struct {
        struct str value;
    } rows[] = {
        { STR("") },
        { STR("plain") },
        { { bytes, sizeof(bytes) } },
        { STR("it's \"quoted\"; --") },
    };
    struct store *s;
    struct rows r;

    fresh_dir();
    s = opened(false);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT_INT(store_exec(s, &q_swapped, V_TEXT(STR("v")), V_TEXT(rows[i].value)), 1);
        store_query(s, &q_get, &r, V_TEXT(STR("v")));
        EXPECT(rows_next(&r));
        EXPECT_STR(rows_text(&r, 0), rows[i].value);
        EXPECT(!rows_null(&r, 0) && rows_null(&r, 2));
        EXPECT_STR(rows_text(&r, 2), STR_NONE);
        EXPECT_INT(rows_int(&r, 2), 0);
        EXPECT(rows_real(&r, 3) == 1.5);
        EXPECT(!rows_next(&r));
        EXPECT(!rows_next(&r));
        rows_done(&r);
        rows_done(&r);
        EXPECT_INT(store_exec(s, &q_drop, V_TEXT(STR("v"))), 1);
    }
    EXPECT_INT(store_exec(s, &q_drop, V_TEXT(STR("v"))), 0);
    store_close(s);
    remove_dir();
}

TEST(store, a_constraint_spoils_one_statement_only)
{
    struct store *s;

    fresh_dir();
    s = opened(false);
    put(s, "a", "1");
    EXPECT_INT(store_exec(s, &q_put, V_TEXT(STR("a")), V_TEXT(STR("2"))), -E_EXISTS);
    put(s, "b", "1");
    EXPECT_INT(store_commit(s), 0);
    EXPECT(has(s, "a") && has(s, "b"));
    EXPECT_INT(store_exec(s, &q_change, V_TEXT(STR("a")), V_TEXT(STR("9"))), 1);
    store_close(s);
    remove_dir();
}

/* What a query was given may be gone while its rows are read. */
TEST(store, parameters_of_a_query_are_its_own)
{
    struct store *s;
    struct rows r;
    char pattern[] = "k%";
    int n = 0;

    fresh_dir();
    s = opened(false);
    put(s, "k1", "1");
    put(s, "k2", "2");
    put(s, "x", "3");
    store_query(s, &q_all, &r, V_TEXT(str_of(pattern)));
    while (rows_next(&r)) {
        memcpy(pattern, "zz", 2);
        put(s, n == 0 ? "y1" : "y2", "written while rows are open");
        n++;
    }
    EXPECT_INT(n, 2);
    store_close(s);
    remove_dir();
}

TEST(store, returning_writes)
{
    struct store *s;
    struct rows r;

    fresh_dir();
    s = opened(false);
    store_query(s, &q_returning, &r, V_TEXT(STR("a")), V_TEXT(STR("hey")));
    EXPECT(rows_next(&r));
    EXPECT_STR(rows_text(&r, 0), STR("hey!"));
    rows_done(&r);
    EXPECT(store_dirty(s));
    EXPECT_INT(store_commit(s), 0);
    EXPECT(has(s, "a"));
    store_close(s);
    remove_dir();
}

TEST(store, ids_rise_over_rollbacks_and_reopening)
{
    struct store *s;
    uint64_t last = 0, id;

    fresh_dir();
    s = opened(false);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 20000; i++) {
            id = store_next_id(s);
            EXPECT(id > last);
            last = id;
        }
        if (round % 3 == 0)
            EXPECT_INT(store_commit(s), 0);
        else
            store_rollback(s);
        if (round == 3) {
            store_close(s);
            s = opened(false);
        }
    }
    EXPECT(last < ((uint64_t)1 << 48));
    store_close(s);
    remove_dir();
}

/* A rollback takes the block's reservation with it: what is given afterwards must be reserved again. */
TEST(store, ids_after_a_rollback_are_reserved)
{
    struct store *s;
    uint64_t id = 0;

    fresh_dir();
    s = opened(false);
    for (int i = 0; i < 20000; i++)
        id = store_next_id(s);
    store_rollback(s);
    EXPECT(store_next_id(s) > id);
    id = store_next_id(s);
    EXPECT_INT(store_commit(s), 0);
    store_close(s);
    s = opened(false);
    EXPECT(store_next_id(s) > id);
    store_close(s);
    remove_dir();
}

TEST(store, settings_and_reset)
{
    struct arena *a = arena_new(0);
    struct store *s;
    struct rows r;
    uint64_t id;

    fresh_dir();
    s = opened(false);
    EXPECT_STR(store_setting(s, a, STR("clock")), STR_NONE);
    store_setting_put(s, STR("clock"), STR("frozen"));
    store_setting_put(s, STR("clock"), STR("running"));
    id = store_next_id(s);
    EXPECT_INT(store_exec(s, &q_group, V_INT(id), V_TEXT(STR("g"))), 1);
    EXPECT_INT(store_commit(s), 0);
    EXPECT_STR(store_setting(s, a, STR("clock")), STR("running"));
    store_reset(s);
    EXPECT_INT(store_commit(s), 0);
    EXPECT_STR(store_setting(s, a, STR("clock")), STR_NONE);
    store_query(s, &q_groups, &r);
    EXPECT(rows_next(&r));
    EXPECT_INT(rows_int(&r, 0), 0);
    rows_done(&r);
    store_close(s);
    s = opened(false);
    EXPECT(store_next_id(s) > id);
    store_close(s);
    remove_dir();
    arena_free(a);
}

TEST(store, second_opener_is_told_who_has_it)
{
    struct buf why = { 0 }, pid = { 0 };
    struct store *s, *other = NULL;
    char lock[300];

    fresh_dir();
    s = opened(false);
    EXPECT_INT(store_open(&(struct store_options){ .dir = dir }, &other, &why), -E_BUSY);
    EXPECT(other == NULL);
    EXPECT(str_find_str(buf_view(&why), str_of(dir)) >= 0);
    buf_printf(&pid, "process %d", (int)getpid());
    EXPECT(str_find_str(buf_view(&why), buf_view(&pid)) >= 0);
    EXPECT_INT(store_open(&(struct store_options){ .dir = dir }, &other, NULL), -E_BUSY);
    /* Somebody tidied the lock file away: the database is locked all the same. */
    snprintf(lock, sizeof(lock), "%s/lock", dir);
    EXPECT_INT(unlink(lock), 0);
    EXPECT_INT(store_open(&(struct store_options){ .dir = dir }, &other, NULL), -E_BUSY);
    store_close(s);
    s = opened(false);
    store_close(s);
    buf_done(&why);
    buf_done(&pid);
    remove_dir();
}

TEST(store, ephemeral_leaves_nothing)
{
    struct store *s;
    struct stat st;
    char place[512], file[600], folder[600];
    FILE *f;

    fresh_dir();
    s = opened(true);
    snprintf(place, sizeof(place), "%s", store_dir(s));
    EXPECT(strcmp(place, dir) != 0);
    EXPECT(stat(dir, &st) < 0);
    put(s, "a", "1");
    EXPECT_INT(store_commit(s), 0);
    put(s, "b", "1");
    store_rollback(s);
    EXPECT(has(s, "a") && !has(s, "b"));
    snprintf(folder, sizeof(folder), "%s/packages", place);
    EXPECT_INT(mkdir(folder, 0700), 0);
    snprintf(file, sizeof(file), "%s/packages/f", place);
    f = fopen(file, "w");
    EXPECT(f != NULL);
    fclose(f);
    EXPECT_INT(chmod(folder, 0500), 0);
    store_close(s);
    EXPECT(stat(place, &st) < 0);
}

/* What a killed ephemeral server left goes at the next start; one that runs, and anything not ours, stays. */
TEST(store, ephemeral_sweeps_what_was_left)
{
    static const struct {
        const char *name, *age;
        bool lock, stays;
    } rows[] = {
        { "waybill-ephemeral-abcdef", "1 hour ago", true, false },
        { "waybill-ephemeral-noLock", "1 hour ago", false, true },
        { "waybill-ephemeral-recent", "now", true, true },
        { "waybill-mydata", "1 hour ago", true, true },
    };
    char cmd[900], path[300], before[300], held[512];
    const char *tmp = getenv("TMPDIR");
    struct store *running, *s;
    struct stat st;

    snprintf(before, sizeof(before), "%s", tmp != NULL ? tmp : "/tmp");
    fresh_dir();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(cmd, sizeof(cmd), "mkdir -p %s/%s/code && { %s || touch -d '%s' %s/%s/lock; }", root,
                 rows[i].name, rows[i].lock ? "false" : "true", rows[i].age, root, rows[i].name);
        EXPECT_INT(system(cmd), 0);
    }
    setenv("TMPDIR", root, 1);
    running = opened(true);
    snprintf(held, sizeof(held), "%s", store_dir(running));
    snprintf(cmd, sizeof(cmd), "touch -d '1 hour ago' %s/lock", held);
    EXPECT_INT(system(cmd), 0);
    s = opened(true);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, rows[i].name);
        if ((stat(path, &st) == 0) != rows[i].stays)
            UNIT_FAIL("%s: wanted to %s", rows[i].name, rows[i].stays ? "stay" : "go");
    }
    EXPECT_INT(stat(held, &st), 0);
    store_close(s);
    store_close(running);
    setenv("TMPDIR", before, 1);
    remove_dir();
}

TEST(store, directory_that_cannot_be)
{
    struct store *s = NULL;
    struct buf why = { 0 };

    EXPECT_INT(store_open(&(struct store_options){ .dir = "/dev/null/data" }, &s, &why), -E_IO);
    EXPECT(str_find_str(buf_view(&why), STR("/dev/null/data")) >= 0);
    EXPECT(s == NULL);
    buf_done(&why);
}

TEST(store, checkpoint_empties_the_log)
{
    char big[4000];
    struct store_stats before, after;
    struct store *s;
    char name[32];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    fresh_dir();
    s = opened(false);
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        put(s, name, big);
    }
    EXPECT_INT(store_commit(s), 0);
    store_stats(s, &before);
    store_checkpoint(s);
    store_stats(s, &after);
    EXPECT(before.wal_bytes > 600 * 4000);
    EXPECT(after.file_bytes > before.file_bytes + 500 * 4000);
    EXPECT_INT(after.commits, before.commits);
    EXPECT(after.statements >= 600);
    store_close(s);
    s = opened(false);
    EXPECT(has(s, "n0") && has(s, "n599"));
    store_close(s);
    remove_dir();
}

/* Misuse ends the program: run in a child, expect the abort. */
static bool aborts(void (*fn)(struct store *s))
{
    struct store *s;
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        s = opened(false);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        signal(SIGABRT, SIG_DFL);
        fn(s);
        _exit(0);
    }
    EXPECT(waitpid(pid, &status, 0) == pid);
    remove_dir();
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void too_few(struct store *s) { store_exec(s, &q_put, V_TEXT(STR("a"))); }
static void too_many(struct store *s) { store_exec(s, &q_drop, V_INT(1), V_INT(2)); }
static void not_null(struct store *s) { store_exec(s, &q_put, V_TEXT(STR("a")), V_TEXT(STR_NONE)); }
static void own_setting(struct store *s) { store_setting_put(s, STR("next_id"), STR("1")); }
static void sound(struct store *s) { store_exec(s, &q_put, V_TEXT(STR("a")), V_TEXT(STR("b"))); }

static void run_twice(struct store *s)
{
    struct rows r, again;

    store_query(s, &q_get, &r, V_TEXT(STR("next_id")));
    store_query(s, &q_get, &again, V_TEXT(STR("next_id")));
}

static void commit_with_rows(struct store *s)
{
    struct rows r;

    store_query(s, &q_get, &r, V_TEXT(STR("next_id")));
    store_commit(s);
}

static void after_the_end(struct store *s)
{
    struct rows r;

    store_query(s, &q_get, &r, V_TEXT(STR("nobody")));
    while (rows_next(&r))
        ;
    rows_text(&r, 0);
}

static void wrong_column(struct store *s)
{
    struct rows r;

    store_query(s, &q_get, &r, V_TEXT(STR("next_id")));
    rows_next(&r);
    rows_text(&r, 4);
}

static void not_sql(struct store *s)
{
    static struct sql q = SQL("DELETE FROM nobody");

    store_exec(s, &q);
}

TEST(store, misuse_is_caught)
{
    fresh_dir();
    EXPECT(!aborts(sound));
    EXPECT(aborts(too_few));
    EXPECT(aborts(too_many));
    EXPECT(aborts(not_null));
    EXPECT(aborts(own_setting));
    EXPECT(aborts(run_twice));
    EXPECT(aborts(commit_with_rows));
    EXPECT(aborts(after_the_end));
    EXPECT(aborts(wrong_column));
    EXPECT(aborts(not_sql));
}

UNIT_MAIN
