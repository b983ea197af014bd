/* test_migrate.c - an older data directory opens with a newer program.
 * This program brings its own three migrations in place of the embedded ones. */
#include <unistd.h>

#include "store/engine.h"
#include "store/schema.h"
#include "test/unit.h"

const struct migration store_migrations[] = {
    { 1, "CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) @TABLE@;"
         "CREATE TABLE thing (id @KEY@, body @BLOB@) @TABLE@; INSERT INTO thing VALUES (1, x'41');" },
    { 2, "ALTER TABLE thing ADD COLUMN size INTEGER; UPDATE thing SET size = length(body);" },
    { 3, "CREATE TABLE other (id @KEY@) @TABLE@; INSERT INTO other SELECT id + 10 FROM thing;" },
};
const size_t store_n_migrations = 3;

static struct sql q_size = SQL("SELECT size FROM thing WHERE id = 1");
static struct sql q_other = SQL("SELECT count(*), max(id) FROM other");

static int64_t number(struct store *s, struct sql *q, int column)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, q, &r);
    return rows_next(&r) ? rows_int(&r, column) : -1;
}

/* What a program that knew only the first `n` migrations left behind. */
static void made_by_older(const char *dir, size_t n)
{
    struct buf why = { 0 }, sql = { 0 };
    void *db = NULL;

    EXPECT_INT(place_make(dir, &why), 0);
    EXPECT_INT(store_sqlite.open(dir, false, &db, &why), 0);
    CHECK(db != NULL);
    if (n >= 1) {
        buf_z(&sql, "CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;"
                    "CREATE TABLE thing (id INTEGER PRIMARY KEY, body BLOB) STRICT; INSERT INTO thing VALUES "
                    "(1, x'4142');");
        if (n >= 2)
            buf_z(&sql, store_migrations[1].sql);
        EXPECT_INT(store_sqlite.script(db, sql.p, &why), 0);
        EXPECT_INT(store_sqlite.version_set(db, (int64_t)n), 0);
    }
    EXPECT_INT(store_sqlite.version(db), n);
    store_sqlite.close(db);
    buf_done(&why);
    buf_done(&sql);
}

TEST(migrate, from_each_older_version)
{
    const char *tmp = getenv("TMPDIR");
    char dir[256], cmd[300];

    for (size_t n = 0; n <= 2; n++) {
        struct store *s = NULL;

        snprintf(dir, sizeof(dir), "%s/waybill-migrate-%d", tmp != NULL ? tmp : "/tmp", (int)getpid());
        made_by_older(dir, n);
        for (int again = 0; again < 2; again++) {
            EXPECT_INT(store_open(&(struct store_options){ .dir = dir }, &s, NULL), 0);
            CHECK(s != NULL);
            EXPECT_INT(number(s, &q_size, 0), n == 0 ? 1 : 2);
            EXPECT_INT(number(s, &q_other, 0), 1);
            EXPECT_INT(number(s, &q_other, 1), 11);
            s = store_close(s);
        }
        snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
        EXPECT_INT(system(cmd), 0);
    }
}

UNIT_MAIN
