/* engine.h - the seam under the store's contract: what a database must be able to do for us.
 *
 * store.c keeps the rules that hold for every database (lazy BEGIN, sticky failure, the statement cache,
 * ids); an engine only speaks to its library.  SQLite is the first (sqlite.c); PostgreSQL fits behind the
 * same table. Private to src/store/: nobody else includes this page.
 *
 * Errors an engine may return: -E_EXISTS (a unique constraint), -E_FULL, -E_IO, -E_DAMAGED, -E_BUSY (open).
 * Everything else a statement can do wrong is a bug of ours and ends the program with the statement's text.
 *
 * Ownership: `struct statement` belongs to store.c, its `handle` to the engine (prepare makes, finalize
 * ends). */
#ifndef WAYBILL_STORE_ENGINE_H
#define WAYBILL_STORE_ENGINE_H

#include "store/store.h"

#define STATEMENT_MOST_PARAMS 64

struct statement {
    const char *text;
    void *handle;
    bool writes;                          /* needs a transaction */
    bool open;                            /* its rows are being read: it cannot run again */
    uint8_t n_params;                     /* the highest $n */
    uint8_t place[STATEMENT_MOST_PARAMS]; /* place[n - 1]: where the library wants $n; 0: unused */
    struct buf hold;                      /* copies of parameters while rows are open */
};

/* Words of the schema files that differ per dialect; the list ends with NULL. */
struct dialect_word {
    const char *word, *means;
};

struct store_engine {
    const char *name;
    const struct dialect_word *words;

    /* dir exists and is ours alone.  volatile_: speed over durability, the directory goes at the end. */
    int (*open)(const char *dir, bool volatile_, void **ret_db, struct buf *ret_why);
    void (*close)(void *db);

    /* Number of the last migration that ran; 0 in a new database.  Set inside a transaction. */
    int64_t (*version)(void *db);
    int (*version_set)(void *db, int64_t version);
    /* Several statements without parameters: the schema. */
    int (*script)(void *db, const char *sql, struct buf *ret_why);
    /* Deletes the rows of every table but `keep`. */
    int (*empty)(void *db, const char *keep);

    int (*begin)(void *db);
    int (*commit)(void *db);    /* on failure the transaction is gone */
    void (*rollback)(void *db); /* harmless when the library rolled back already */

    void (*prepare)(void *db, struct statement *st);
    void (*finalize)(struct statement *st);
    /* keep: parameters are copied into st->hold, as the rows outlive the call. */
    void (*bind)(void *db, struct statement *st, const struct val *v, size_t n, bool keep);
    int (*run)(void *db, struct statement *st);  /* to the end, no rows: rows changed, or an error */
    int (*step)(void *db, struct statement *st); /* 1: a row; 0: the end; or an error */
    void (*reset)(struct statement *st);

    bool (*null)(struct statement *st, int column);
    int64_t (*integer)(struct statement *st, int column);
    double (*real)(struct statement *st, int column);
    struct str (*text)(struct statement *st, int column);

    /* idle: nothing else to do now; otherwise only what must not wait.  -E_IO: see store_commit(). */
    int (*checkpoint)(void *db, bool idle);
    void (*stats)(void *db, struct store_stats *ret);
};

extern const struct store_engine store_sqlite;

/* migrate.c: brings the database to the newest version, one transaction per migration.  -E_NEWER, -E_FULL,
 * -E_IO. */
int migrate(const struct store_engine *e, void *db, const char *dir, struct buf *ret_why);

/* What to do about a damaged database, as sentences for people. */
void store_damage_advice(struct buf *why);

/* place.c: the directory and its lock.  The lock file holds the owner's process id and lasts as long as
 * *ret_fd. */
int place_make(const char *dir, struct buf *ret_why);
int place_private(char **ret_dir,
                  struct buf *ret_why); /* fresh, under $TMPDIR or /tmp; owned by the caller */
int place_lock(const char *dir, int *ret_fd, struct buf *ret_why);
/* What in dir only a server that was ready, or `waybill credentials`, leaves behind; NULL: nothing. */
const char *place_trace(const char *dir);
int place_sync(const char *dir); /* the names in dir are durable: 0 or -E_IO */
/* The files we write to are (place_note) and are still (place_check) what their names in dir say: 0 or
 * -E_GONE. */
struct place_files {
    struct {
        uint64_t device, inode;
    } file[2];
};
/* Noting also tells, in a line, of a directory that other users may enter. */
void place_note(const char *dir, struct place_files *ret);
int place_check(const char *dir, const struct place_files *noted);
void place_remove(const char *dir); /* with everything in it */

#endif
