/* test_crash.c - what is acknowledged is there, whatever happens to the process, the disk or the power.
 *
 * The same small story runs everywhere: turn t writes the rows (t, 0) .. (t, PER_TURN - 1) and is
 * acknowledged when its commit returned 0.  After the accident the store is opened again and must hold
 *   - every acknowledged turn, whole;
 *   - no half turn (at most the one that was under way, whole or not at all);
 *   - ids above all that were ever given. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/disk.h"
#include "store/seal.h"
#include "store/schema.h"
#include "store/store.h"
#include "test/unit.h"

#define PER_TURN 3

static struct sql q_in =
    SQL("INSERT INTO log_stream (id, group_id, name, created_ms) VALUES ($1, $2, $3, 0)");
static struct sql q_turn = SQL("SELECT count(*) FROM log_stream WHERE group_id = $1");
static struct sql q_halves =
    SQL("SELECT count(*) FROM (SELECT group_id FROM log_stream GROUP BY group_id HAVING count(*) <> $1)");
static struct sql q_last = SQL("SELECT max(group_id), max(id) FROM log_stream");
static struct sql q_drop = SQL("DELETE FROM log_stream WHERE group_id = $1");

/* Shared with the child that is killed. */
struct story {
    uint64_t acked, highest_id;
};
static char dir[256];

static void remove_dir(void)
{
    char cmd[300];

    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
    EXPECT_INT(system(cmd), 0);
}

static void fresh_dir(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(dir, sizeof(dir), "%s/waybill-crash-%d", tmp != NULL ? tmp : "/tmp", (int)getpid());
    remove_dir();
}

static struct store *opened(void)
{
    struct store *s = NULL;
    struct buf why = { 0 };

    if (store_open(&(struct store_options){ .dir = dir }, &s, &why) < 0) {
        printf("store_open: %s\n", why.p != NULL ? why.p : "");
        CHECK(s != NULL);
    }
    buf_done(&why);
    return s;
}

static int64_t number(struct store *s, struct sql *q, int64_t arg, int column)
{
    CLEANUP(rows_done) struct rows r;

    store_query_v(s, q, &r, &V_INT(arg), q == &q_last ? 0 : 1);
    return rows_next(&r) ? rows_int(&r, column) : -1;
}

static int one_turn(struct store *s, uint64_t t, struct story *story)
{
    char name[32];
    int r;

    for (int i = 0; i < PER_TURN; i++) {
        uint64_t id = store_next_id(s);

        story->highest_id = MAX(story->highest_id, id);
        snprintf(name, sizeof(name), "row %d", i);
        store_exec(s, &q_in, V_INT(id), V_INT(t), V_TEXT(str_of(name)));
    }
    r = store_commit(s);
    if (r == 0)
        story->acked = t;
    return r;
}

/* Turns first .. acked but those deleted are all there. */
static void expect_kept(const struct story *story, uint64_t first)
{
    struct store *s = opened();

    EXPECT_INT(number(s, &q_halves, PER_TURN, 0), 0);
    for (uint64_t t = first; t <= story->acked; t++)
        EXPECT_INT(number(s, &q_turn, (int64_t)t, 0), PER_TURN);
    EXPECT(number(s, &q_last, 0, 0) <= (int64_t)story->acked + 1);
    EXPECT(store_next_id(s) > story->highest_id);
    store_close(s);
}

static void child_writes(struct story *story)
{
    struct store *s = opened();
    uint64_t t = (uint64_t)number(s, &q_last, 0, 0);

    for (;;) {
        t++;
        one_turn(s, t, story);
        if (t % 16 == 0)
            store_checkpoint(s);
    }
}

TEST(crash, killed_at_any_moment)
{
    struct story *story =
        mmap(NULL, sizeof(*story), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t acked_before = 0;
    int rounds = 60, status;

    fresh_dir();
    store_close(opened());
    srand(7);
    for (int i = 0; i < rounds; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            child_writes(story);
            _exit(0);
        }
        while (__atomic_load_n(&story->acked, __ATOMIC_ACQUIRE) == acked_before)
            usleep(200);
        usleep((useconds_t)(rand() % 9000));
        kill(pid, SIGKILL);
        EXPECT(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
        EXPECT(story->acked > acked_before);
        expect_kept(story, MAX(acked_before, 1));
        acked_before = story->acked;
        /* The turn under way may have been kept: the child then begins after it. */
        if (unit_bad > 0)
            break;
    }
    expect_kept(story, 1);
    printf("   crash: %d kills, %llu turns acknowledged\n", rounds, (unsigned long long)story->acked);
    munmap(story, sizeof(*story));
    remove_dir();
}

/* A turn uses more ids than a block: what was given before the crash is never given again, committed or not.
 */
TEST(crash, ids_are_never_given_twice)
{
    uint64_t *last = mmap(NULL, sizeof(*last), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;

    fresh_dir();
    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            struct store *s = opened();

            for (int n = 0; n < 3000 * (i + 1); n++) {
                uint64_t id = store_next_id(s);

                if (id <= *last)
                    _exit(1);
                *last = id;
                if (n % 1000 == 0)
                    store_commit(s);
            }
            kill(getpid(), SIGKILL);
        }
        EXPECT(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    }
    munmap(last, sizeof(*last));
    remove_dir();
}

/* Ten turns on a disk with a plan; returns the first result that was not 0. */
static int turns_under(const struct disk_plan *plan, struct story *story, int *ret_later)
{
    struct store *s = opened();
    int first = 0, later = 0;

    disk_plan(plan);
    for (uint64_t t = 1; t <= 10; t++) {
        int r = one_turn(s, t, story);

        if (r < 0 && first == 0) {
            first = r;
            r = one_turn(s, t, story);
            later = r;
        }
        if (r < 0)
            break;
        if (t % 4 == 0)
            store_checkpoint(s);
    }
    *ret_later = later;
    store_close(s);
    return first;
}

/* Fails the n-th call for n = 1, 2, ... until none fails. */
static unsigned each_call(struct disk_plan plan, void (*judge)(int first, int later), unsigned keep_percent)
{
    unsigned n = 0;

    for (bool struck = true; struck && unit_bad == 0;) {
        struct story story = { 0 };
        int first, later;

        fresh_dir();
        store_close(opened());
        plan.fail_at = ++n;
        first = turns_under(&plan, &story, &later);
        struck = disk_failed();
        disk_settle(n, keep_percent);
        judge(first, later);
        expect_kept(&story, 1);
        if (first == 0 && !plan.cut)
            EXPECT_INT(story.acked, 10);
    }
    remove_dir();
    return n - 1;
}

/* Nothing of the turn is there, and the store goes on: the same turn passes the second time. */
static void full_once(int first, int later)
{
    EXPECT(first == 0 || first == -E_FULL);
    EXPECT_INT(later, 0);
}

/* A flush that failed ends the store's word for good. */
static void broken(int first, int later)
{
    EXPECT(first == 0 || first == -E_IO);
    EXPECT_INT(later, first);
}

static void cut(int first, int later)
{
    EXPECT(first == 0 || first == -E_IO);
    EXPECT_INT(later, first);
}

TEST(disk, full_at_each_write)
{
    unsigned n;

    disk_arm();
    n = each_call((struct disk_plan){ .which = DISK_WRITE, .full = true }, full_once, 100);
    EXPECT(n > 20);
    printf("   disk: full at each of %u writes\n", n);
}

TEST(disk, broken_at_each_flush)
{
    unsigned n;

    disk_arm();
    n = each_call((struct disk_plan){ .which = DISK_SYNC }, broken, 100);
    EXPECT(n >= 10);
    printf("   disk: broken at each of %u flushes\n", n);
}

TEST(disk, broken_at_each_write)
{
    disk_arm();
    EXPECT(each_call((struct disk_plan){ .which = DISK_WRITE, .for_ever = true }, broken, 100) > 20);
}

TEST(disk, power_lost_at_each_call)
{
    static const unsigned keep[] = { 0, 30, 70, 100 };
    unsigned n = 0;

    disk_arm();
    for (size_t i = 0; i < ARRAY_LEN(keep); i++)
        n += each_call((struct disk_plan){ .which = DISK_WRITE | DISK_SYNC, .cut = true }, cut, keep[i]);
    EXPECT(n > 100);
    printf("   disk: power lost at %u moments\n", n);
}

/* The invariant itself: between the writes of a turn and its acknowledgement there is a flush. */
TEST(disk, nothing_is_acknowledged_before_its_flush)
{
    struct story story = { 0 };
    struct store *s;

    disk_arm();
    fresh_dir();
    s = opened();
    for (uint64_t t = 1; t <= 5; t++) {
        disk_plan(&(struct disk_plan){ .which = DISK_SYNC });
        EXPECT_INT(one_turn(s, t, &story), 0);
        EXPECT(disk_calls() >= 1);
        EXPECT_INT(number(s, &q_turn, (int64_t)t, 0), PER_TURN);
    }
    disk_plan(&(struct disk_plan){ .which = DISK_SYNC | DISK_WRITE });
    EXPECT_INT(number(s, &q_halves, PER_TURN, 0), 0);
    EXPECT_INT(store_commit(s), 0);
    EXPECT_INT(disk_calls(), 0);
    /* And power lost right after the acknowledgement loses nothing. */
    disk_power_cut();
    store_close(s);
    disk_settle(1, 0);
    expect_kept(&story, 1);
    remove_dir();
}

/* A full disk in the middle of many turns: reads go on, deletes too once there is room. */
TEST(disk, full_for_a_while)
{
    struct story story = { 0 };
    struct store *s;

    disk_arm();
    fresh_dir();
    s = opened();
    EXPECT_INT(one_turn(s, 1, &story), 0);
    disk_plan(&(struct disk_plan){ .which = DISK_WRITE, .fail_at = 1, .for_ever = true, .full = true });
    for (int i = 0; i < 3; i++) {
        EXPECT_INT(one_turn(s, 2, &story), -E_FULL);
        EXPECT(!store_dirty(s));
        EXPECT_INT(number(s, &q_turn, 1, 0), PER_TURN);
        EXPECT_INT(number(s, &q_turn, 2, 0), 0);
    }
    disk_plan(&(struct disk_plan){ 0 });
    EXPECT_INT(one_turn(s, 2, &story), 0);
    EXPECT_INT(store_exec(s, &q_drop, V_INT(1)), PER_TURN);
    EXPECT_INT(store_commit(s), 0);
    store_close(s);
    disk_settle(1, 100);
    expect_kept(&story, 2);
    remove_dir();
}

/* vfs: seal_vfs() for a database of ours, NULL for one of others. */
static void run_on_file(const char *sql, const char *vfs)
{
    char path[300];
    sqlite3 *db;

    snprintf(path, sizeof(path), "%s/waybill.db", dir);
    EXPECT_INT(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs), SQLITE_OK);
    EXPECT_INT(sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    EXPECT_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    EXPECT_INT(sqlite3_close(db), SQLITE_OK);
}

static void expect_refused(int code, const char *word)
{
    struct store *s = NULL;
    struct buf why = { 0 };

    EXPECT_INT(store_open(&(struct store_options){ .dir = dir }, &s, &why), code);
    EXPECT(s == NULL);
    if (str_find_str(buf_view(&why), str_of(word)) < 0)
        UNIT_FAIL("\"%s\" does not say \"%s\"", why.p != NULL ? why.p : "", word);
    buf_done(&why);
}

TEST(open, newer_is_refused_untouched)
{
    struct story story = { 0 };
    struct store *s;
    char back[60];

    fresh_dir();
    s = opened();
    EXPECT_INT(one_turn(s, 1, &story), 0);
    store_close(s);
    run_on_file("PRAGMA user_version=9999", seal_vfs(NULL));
    expect_refused(-E_NEWER, "newer Waybill (schema 9999");
    expect_refused(-E_NEWER, dir);
    snprintf(back, sizeof(back), "PRAGMA user_version=%lld",
             (long long)store_migrations[store_n_migrations - 1].number);
    run_on_file(back, seal_vfs(NULL));
    expect_kept(&story, 1);
    remove_dir();
}

TEST(open, foreign_and_damaged_files_are_refused)
{
    char cmd[400];

    fresh_dir();
    snprintf(cmd, sizeof(cmd), "mkdir -p %s", dir);
    EXPECT_INT(system(cmd), 0);
    run_on_file("CREATE TABLE theirs (a)", NULL);
    expect_refused(-E_IO, "another program");
    snprintf(cmd, sizeof(cmd), "yes of something else | head -c 20000 > %s/waybill.db", dir);
    EXPECT_INT(system(cmd), 0);
    expect_refused(-E_DAMAGED, "not a database");
    expect_refused(-E_DAMAGED, "Put back a copy");
    remove_dir();
}

static int64_t file_size(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void empty_page(const char *path, int64_t at)
{
    static const char none[SEAL_PAGE_BYTES];
    int fd = open(path, O_RDWR);

    CHECK(fd >= 0 && pwrite(fd, none, sizeof(none), at) == (ssize_t)sizeof(none));
    close(fd);
}

/* A page that still holds what stood in it before it was made free. */
static int64_t page_full_of(const char *path, char what)
{
    int fd = open(path, O_RDONLY);
    char page[SEAL_PAGE_BYTES];
    int64_t at = SEAL_PAGE_BYTES;

    CHECK(fd >= 0);
    while (pread(fd, page, sizeof(page), at) == (ssize_t)sizeof(page) &&
           (page[8] != what || page[2000] != what || page[3000] != what))
        at += SEAL_PAGE_BYTES;
    close(fd);
    return at < file_size(path) ? at : 0;
}

/* A page that came and went before it was ever written is all zeros, and no damage.  One that is wanted is.
 */
TEST(open, a_page_of_zeros_is_damage_unless_it_is_free)
{
    struct story story = { 0 };
    char *large = memset(xmalloc(400000), 'x', 400000), path[300];
    struct store *s;
    int64_t at;

    fresh_dir();
    s = opened();
    store_setting_put(s, STR("large"), str_make(large, 400000));
    EXPECT_INT(store_commit(s), 0);
    store_setting_put(s, STR("large"), STR("no more"));
    EXPECT_INT(one_turn(s, 1, &story), 0);
    store_close(s);
    snprintf(path, sizeof(path), "%s/waybill.db", dir);
    at = page_full_of(path, 'x');
    EXPECT(at > 0);
    empty_page(path, at);
    expect_kept(&story, 1);
    empty_page(path, SEAL_PAGE_BYTES); /* the root of a table */
    expect_refused(-E_DAMAGED, "is not as it was written");
    free(large);
    remove_dir();
}

static void flip(const char *path, int64_t bit)
{
    int fd = open(path, O_RDWR);
    unsigned char c;

    CHECK(fd >= 0 && pread(fd, &c, 1, bit / 8) == 1);
    c = (unsigned char)(c ^ 1u << bit % 8);
    CHECK(pwrite(fd, &c, 1, bit / 8) == 1);
    close(fd);
}

/* Every flipped bit of a database that was closed is found at the next open; put back, all is there again. */
TEST(damage, no_bit_of_the_file_can_turn)
{
    struct story story = { 0 };
    char path[300];
    uint64_t seed = 11;
    struct store *s;
    int64_t bits;

    fresh_dir();
    s = opened();
    for (uint64_t turn = 1; turn <= 20; turn++)
        EXPECT_INT(one_turn(s, turn, &story), 0);
    store_close(s);
    snprintf(path, sizeof(path), "%s/waybill.db", dir);
    bits = file_size(path) * 8;
    for (int i = 0; i < 400; i++) {
        /* Half of them in the first page, where every bit has a meaning of its own. */
        int64_t bit = (int64_t)((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 11) %
                      (i % 2 == 0 ? bits : 800);
        struct store *none = NULL;
        int r;

        flip(path, bit);
        r = store_open(&(struct store_options){ .dir = dir }, &none, NULL);
        if (r != -E_DAMAGED)
            UNIT_FAIL("bit %lld: %d", (long long)bit, r);
        EXPECT(none == NULL);
        flip(path, bit);
    }
    expect_kept(&story, 20);
    remove_dir();
}

/* A log with a bad frame in the middle: SQLite would take it for the end, and what follows for never written.
 */
TEST(damage, a_log_is_not_cut_short)
{
    struct story story = { 0 };
    char path[300];
    pid_t child;
    int status;

    fresh_dir();
    child = fork();
    if (child == 0) {
        struct store *s = opened();

        for (uint64_t turn = 1; turn <= 8; turn++)
            CHECK(one_turn(s, turn, &story) == 0);
        _exit(0); /* the log stays, as after a kill */
    }
    EXPECT_INT(waitpid(child, &status, 0), child);
    EXPECT_INT(status, 0);
    snprintf(path, sizeof(path), "%s/waybill.db-wal", dir);
    for (int64_t bit = 5; bit < (32 + 24) * 8; bit += 9) {
        flip(path, bit);
        expect_refused(-E_DAMAGED, "log");
        flip(path, bit);
    }
    flip(path, file_size(path) * 8 / 2);
    expect_refused(-E_DAMAGED, "behind a part that cannot be read");
    flip(path, file_size(path) * 8 / 2);
    store_close(opened());
    remove_dir();
}

/* The names are looked at after every commit: what nobody would find is not acknowledged. */
TEST(place, a_directory_that_went_is_noticed)
{
    static const char *const ways[] = { "rm -rf '%s'", "mv '%s' '%s.away'", "rm '%s/waybill.db-wal'",
                                        "cp '%s/waybill.db' '%s/x' && mv '%s/x' '%s/waybill.db'" };

    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct story story = { 0 };
        struct store *s;
        char cmd[1400];

        fresh_dir();
        s = opened();
        EXPECT_INT(one_turn(s, 1, &story), 0);
        EXPECT_INT(store_present(s), 0);
        snprintf(cmd, sizeof(cmd), ways[i], dir, dir, dir, dir);
        EXPECT_INT(system(cmd), 0);
        EXPECT_INT(store_present(s), -E_GONE);
        EXPECT_INT(one_turn(s, 2, &story), -E_GONE);
        EXPECT_INT(store_commit(s), -E_GONE); /* for good */
        store_close(s);
        remove_dir();
        snprintf(cmd, sizeof(cmd), "rm -rf '%s.away'", dir);
        EXPECT_INT(system(cmd), 0);
    }
}

TEST(place, files_are_the_owners_alone)
{
    static const char *const names[] = { "waybill.db", "waybill.db-wal", "lock" };
    struct story story = { 0 };
    mode_t before = umask(0);
    struct store *s;

    fresh_dir();
    s = opened();
    EXPECT_INT(one_turn(s, 1, &story), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[300];
        struct stat st;

        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        EXPECT_INT(stat(path, &st), 0);
        EXPECT_INT(st.st_mode & 0777, 0600);
    }
    store_close(s);
    umask(before);
    remove_dir();
}

UNIT_MAIN
