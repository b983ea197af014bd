/* test_engine.c - what store.c promises whatever the database does, above one whose every call can fail on
 * demand: the linker then leaves the real one in the archive. */
#include "store/engine.h"
#include "test/unit.h"

static struct { /* the database: what its next call says, and what was asked of it */
    int begin_says, run_says, step_says, commit_says, checkpoint_says, empty_says;
    int begins, runs, steps, commits, rollbacks, empties, checkpoints, idle_ones;
    int64_t version;
} db;

static int fake_open(const char *dir UNUSED, bool volatile_ UNUSED, void **ret_db, struct buf *why UNUSED)
{
    *ret_db = &db;
    return 0;
}
static void fake_close(void *self UNUSED) {}
static int64_t fake_version(void *self UNUSED) { return db.version; }
static int fake_version_set(void *self UNUSED, int64_t version)
{
    db.version = version;
    return 0;
}
static int fake_script(void *self UNUSED, const char *sql UNUSED, struct buf *why UNUSED) { return 0; }
static int fake_empty(void *self UNUSED, const char *keep UNUSED)
{
    db.empties++;
    return db.empty_says;
}
static int fake_begin(void *self UNUSED)
{
    db.begins++;
    return db.begin_says;
}
static int fake_commit(void *self UNUSED)
{
    db.commits++;
    return db.commit_says;
}
static void fake_rollback(void *self UNUSED) { db.rollbacks++; }
static void fake_prepare(void *self UNUSED, struct statement *st)
{
    st->writes = !str_starts(str_of(st->text), STR("SELECT"));
}
static void fake_finalize(struct statement *st UNUSED) {}
static void fake_bind(void *self UNUSED, struct statement *st UNUSED, const struct val *v UNUSED,
                      size_t n UNUSED, bool keep UNUSED)
{
}
static int fake_run(void *self UNUSED, struct statement *st UNUSED)
{
    db.runs++;
    return db.run_says;
}
static int fake_step(void *self UNUSED, struct statement *st UNUSED)
{
    db.steps++;
    return db.step_says;
}
static void fake_reset(struct statement *st UNUSED) {}
static bool fake_null(struct statement *st UNUSED, int column UNUSED) { return false; }
static int64_t fake_integer(struct statement *st UNUSED, int column UNUSED) { return 7; }
static double fake_real(struct statement *st UNUSED, int column UNUSED) { return 0; }
static struct str fake_text(struct statement *st UNUSED, int column UNUSED) { return STR("x"); }
static int fake_checkpoint(void *self UNUSED, bool idle)
{
    db.checkpoints++;
    db.idle_ones += idle;
    return db.checkpoint_says;
}
static void fake_stats(void *self UNUSED, struct store_stats *ret UNUSED) {}

static const struct dialect_word no_words[] = { { NULL, NULL } };
const struct store_engine store_sqlite = { .name = "fake",
                                           .words = no_words,
                                           .open = fake_open,
                                           .close = fake_close,
                                           .version = fake_version,
                                           .version_set = fake_version_set,
                                           .script = fake_script,
                                           .empty = fake_empty,
                                           .begin = fake_begin,
                                           .commit = fake_commit,
                                           .rollback = fake_rollback,
                                           .prepare = fake_prepare,
                                           .finalize = fake_finalize,
                                           .bind = fake_bind,
                                           .run = fake_run,
                                           .step = fake_step,
                                           .reset = fake_reset,
                                           .null = fake_null,
                                           .integer = fake_integer,
                                           .real = fake_real,
                                           .text = fake_text,
                                           .checkpoint = fake_checkpoint,
                                           .stats = fake_stats };

static struct sql q_write = SQL("INSERT");
static struct sql q_returning = SQL("INSERT RETURNING");
static struct sql q_read = SQL("SELECT a FROM here WHERE b");

static struct store *opened(void)
{
    struct store *s = NULL;

    memset(&db, 0, sizeof db);
    CHECK(store_open(&(struct store_options){ .ephemeral = true }, &s, NULL) == 0);
    CHECK(db.begins == db.commits && db.rollbacks == 0);
    memset(&db, 0, sizeof db);
    return s;
}

static int rows_of(struct store *s, struct sql *q)
{
    CLEANUP(rows_done) struct rows r;
    int n = 0;

    store_query(s, q, &r);
    for (; n < 3 && rows_next(&r); n++)
        continue;
    return n;
}

/* What writes runs inside a transaction or not at all, and the turn ends as one that failed. */
TEST(failing, a_begin)
{
    static const int rows[] = { -E_FULL, -E_IO, -E_DAMAGED };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct store *s = opened();

        db.begin_says = rows[i];
        EXPECT_INT(store_exec(s, &q_write), rows[i]);
        EXPECT_INT(store_exec(s, &q_write), rows[i]);
        db.step_says = 1;
        EXPECT_INT(rows_of(s, &q_returning), 0);
        EXPECT_INT(rows_of(s, &q_read), rows[i] == -E_FULL ? 3 : 0); /* a full disk can be read */
        EXPECT_INT(db.runs, 0);
        EXPECT_INT(db.steps, rows[i] == -E_FULL ? 3 : 0);
        EXPECT_INT(db.begins, 1); /* and is not begun again */
        EXPECT(!store_sound(s) && store_dirty(s));
        EXPECT_INT(store_commit(s), rows[i]);
        EXPECT_INT(db.commits, 0);
        EXPECT_INT(db.rollbacks, 1);
        EXPECT(!store_dirty(s));
        db.begin_says = 0; /* only a full disk can get better */
        EXPECT_INT(store_exec(s, &q_write), rows[i] == -E_FULL ? 0 : rows[i]);
        EXPECT_INT(store_commit(s), rows[i] == -E_FULL ? 0 : rows[i]);
        store_close(s);
    }
}

TEST(failing, a_begin_for_rows_or_a_reset)
{
    struct store *s = opened();

    db.begin_says = -E_FULL;
    db.step_says = 1;
    EXPECT_INT(rows_of(s, &q_returning), 0);
    EXPECT(store_dirty(s));
    EXPECT_INT(store_commit(s), -E_FULL);
    store_reset(s);
    EXPECT_INT(db.empties + db.runs + db.steps, 0);
    EXPECT_INT(store_commit(s), -E_FULL);
    EXPECT_INT(db.begins, 2);
    EXPECT_INT(db.rollbacks, 2);
    store_close(s);
}

TEST(failing, a_statement)
{
    struct store *s = opened();

    db.run_says = -E_EXISTS; /* spoils nothing */
    EXPECT_INT(store_exec(s, &q_write), -E_EXISTS);
    EXPECT(store_sound(s));
    db.run_says = -E_FULL;
    EXPECT_INT(store_exec(s, &q_write), -E_FULL);
    db.run_says = 0;
    EXPECT_INT(store_exec(s, &q_write), -E_FULL); /* not even tried */
    EXPECT_INT(db.runs, 2);
    EXPECT_INT(store_commit(s), -E_FULL);
    EXPECT_INT(db.commits, 0);
    EXPECT_INT(store_exec(s, &q_write), 0);
    db.empty_says = -E_IO;
    store_reset(s);
    EXPECT_INT(store_commit(s), -E_IO);
    EXPECT_INT(store_commit(s), -E_IO); /* for ever */
    store_close(s);
}

TEST(failing, a_step)
{
    struct store *s = opened();

    db.step_says = -E_IO;
    EXPECT_INT(rows_of(s, &q_read), 0);
    EXPECT(!store_sound(s));
    db.step_says = 1;
    EXPECT_INT(rows_of(s, &q_read), 0);
    EXPECT_INT(db.steps, 1);
    EXPECT_INT(store_commit(s), -E_IO); /* also a turn that only read */
    store_close(s);
}

TEST(failing, a_commit)
{
    struct store *s = opened();
    struct store_stats stats;

    EXPECT_INT(store_exec(s, &q_write), 0);
    db.commit_says = -E_FULL;
    EXPECT_INT(store_commit(s), -E_FULL);
    EXPECT_INT(db.rollbacks, 1);
    EXPECT(store_sound(s) && !store_dirty(s));
    EXPECT_INT(store_exec(s, &q_write), 0);
    db.commit_says = 0;
    EXPECT_INT(store_commit(s), 0);
    store_stats(s, &stats);
    EXPECT_INT(stats.commits, 2); /* one of them when it was opened */
    store_close(s);
}

/* The turn whose checkpoint broke is durable; the next one hears of it.  A full disk is no reason to end. */
TEST(failing, a_checkpoint)
{
    static const struct {
        int says, next;
    } rows[] = { { -E_FULL, 0 }, { -E_BUSY, 0 }, { -E_IO, -E_IO }, { -E_DAMAGED, -E_DAMAGED } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int idle = 0; idle < 2; idle++) {
            struct store *s = opened();

            db.checkpoint_says = rows[i].says;
            EXPECT_INT(store_exec(s, &q_write), 0);
            if (idle) {
                store_checkpoint(s);
                EXPECT_INT(db.checkpoints, 0); /* not within a turn */
                db.checkpoint_says = 0;
                EXPECT_INT(store_commit(s), 0);
                EXPECT_INT(db.idle_ones, 0);
                db.checkpoint_says = rows[i].says;
                store_checkpoint(s);
                EXPECT_INT(db.idle_ones, 1);
            } else {
                EXPECT_INT(store_commit(s), 0);
            }
            EXPECT_INT(store_sound(s), rows[i].next == 0);
            EXPECT_INT(store_exec(s, &q_write), rows[i].next);
            EXPECT_INT(store_commit(s), rows[i].next);
            db.checkpoints = 0;
            store_checkpoint(s); /* of one that is broken: no more */
            EXPECT_INT(db.checkpoints, rows[i].next == 0);
            store_close(s);
        }
}

/* An error that is final is not forgotten for a lesser one, nor undone. */
TEST(failing, the_graver_stays)
{
    struct store *s = opened();

    EXPECT_INT(store_exec(s, &q_write), 0);
    store_spoil(s);
    EXPECT_INT(store_exec(s, &q_write), -E_UNDONE);
    store_damaged(s, "here", 5, "it is odd");
    store_damaged(s, "there", 6, "it is odd too");
    store_spoil(s);
    EXPECT_STR(store_damage(s), STR("row 5 of table here: it is odd"));
    EXPECT_INT(store_commit(s), -E_DAMAGED);
    EXPECT_INT(store_commit(s), -E_DAMAGED);
    store_close(s);
}

TEST(failing, rows_that_are_damage)
{
    struct store *s = opened();
    struct rows r;

    db.step_says = 1;
    store_query(s, &q_read, &r);
    EXPECT(rows_next(&r));
    EXPECT_INT(rows_count(&r, 0, 7), 7);
    EXPECT(store_sound(s));
    EXPECT_INT(rows_count(&r, 0, 6), 0);
    EXPECT_STR(store_damage(s), STR("row 7 of table here: a count of it is none"));
    EXPECT(!rows_next(&r)); /* and no more are read */
    rows_done(&r);
    EXPECT_INT(store_commit(s), -E_DAMAGED);
    store_close(s);
}

UNIT_MAIN
