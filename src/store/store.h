/* store.h - what is true after a crash.  One contract; SQLite (embedded) behind it now, PostgreSQL (shared)
 * later.
 *
 * One connection, one thread, one transaction per turn.  store_begin() is lazy: the first write of a turn
 * opens the transaction; a turn that only reads costs no commit.  After store_commit() returned 0, everything
 * written is durable (WAL, synchronous=FULL).  When it fails nothing of the turn is: the caller answers 500
 * to all and, for -E_IO, stops the server: a disk whose flush failed cannot be believed; so for -E_DAMAGED
 * (what was read is not what was written) and -E_GONE (the directory was removed, renamed or replaced; looked
 * for after every commit, before anybody is told that it holds: two stat() calls beside a flush).  -E_FULL:
 * disk full, rolled back; the caller reloads its memory from the store.
 *
 * Statements are static rows `static struct sql Q_X = SQL("... $1 ... $2");` prepared once, on first use. SQL
 * text is a compile-time constant in both dialects' common subset; user input only ever is a parameter.
 * Every statement error other than disk full and constraint is a bug and CHECKs.  After a final error (-E_IO,
 * -E_DAMAGED, -E_GONE) nothing more is read: queries have no rows, and whoever misses one leaves the rest to
 * the commit.
 *
 * Keys: store_next_id() gives 64-bit sequence numbers, rising, never given twice (also not after a crash:
 * blocks of them are reserved durably).  They stay below 2^48. */
#ifndef WAYBILL_STORE_STORE_H
#define WAYBILL_STORE_STORE_H

#include "base/buf.h"

struct store;

struct store_options {
    const char *dir; /* data directory; made when missing.  Ephemeral: unused */
    bool ephemeral;  /* nothing survives: no flushes; a private directory
                      * under $TMPDIR, which store_dir() names, goes at the end */
};

/* -E_BUSY: another server has this directory.  -E_NEWER: written by a newer Waybill.  -E_DAMAGED: every page
 * was compared with its seal (seal.h), and one differs, or the log is not whole; nothing was changed.  -E_IO.
 * *ret_why (may be NULL) gets a sentence for people. */
int store_open(const struct store_options *o, struct store **ret, struct buf *ret_why);
struct store *store_close(struct store *s); /* checkpoint and close; NULL is fine */
const char *store_dir(const struct store *s);

struct sql {
    const char *text;
    uint32_t id; /* 0 until prepared; the store's own */
};
#define SQL(text_)      \
    {                   \
        .text = (text_) \
    }

enum val_kind { VAL_NULL, VAL_INT, VAL_REAL, VAL_TEXT, VAL_BLOB };
struct val {
    enum val_kind kind;
    union {
        int64_t i;
        double r;
        struct str s;
    };
};
#define V_NULL ((struct val){ .kind = VAL_NULL })
#define V_INT(x) ((struct val){ .kind = VAL_INT, .i = (int64_t)(x) })
#define V_REAL(x) ((struct val){ .kind = VAL_REAL, .r = (x) })
#define V_TEXT(x) ((struct val){ .kind = VAL_TEXT, .s = (x) }) /* absent str: NULL */
#define V_BLOB(x) ((struct val){ .kind = VAL_BLOB, .s = (x) })

/* Runs a statement that returns no rows.  store_exec(s, &Q, V_INT(1), V_TEXT(name)).  The number of rows
 * changed, or -E_EXISTS (a unique constraint), -E_FULL, -E_IO: after these two the turn's commit will fail.
 */
int store_exec_v(struct store *s, struct sql *q, const struct val *v, size_t n);
#define store_exec(s, q, ...)                                                 \
    store_exec_v((s), (q), (const struct val[]){ V_NULL, ##__VA_ARGS__ } + 1, \
                 sizeof((const struct val[]){ V_NULL, ##__VA_ARGS__ }) / sizeof(struct val) - 1)

/* Reading:  struct rows r; store_query(s, &Q, &r, V_INT(1)); while (rows_next(&r)) ... rows_text(&r, 0) ...;
 * rows_done(&r).  Column values borrow until the next rows_next().  A statement cannot be run again while its
 * rows are open (CHECK), nor a turn end.  Statements with RETURNING are queries that write. */
struct rows {
    struct store *store;
    void *stmt;
    bool done;
};
void store_query_v(struct store *s, struct sql *q, struct rows *ret, const struct val *v, size_t n);
#define store_query(s, q, ret, ...)                                                   \
    store_query_v((s), (q), (ret), (const struct val[]){ V_NULL, ##__VA_ARGS__ } + 1, \
                  sizeof((const struct val[]){ V_NULL, ##__VA_ARGS__ }) / sizeof(struct val) - 1)
bool rows_next(struct rows *r);
void rows_done(struct rows *r); /* also after the end; fits CLEANUP */
bool rows_null(struct rows *r, int column);
/* Integers are bounded as they are read, so that no sum of a few overflows: one beyond the bound is none we
 * wrote, damages its row as rows_must() does, and reads as 0.  NULL is 0. */
int64_t rows_int(struct rows *r, int column);                 /* up to 2^53 on either side of 0 */
int64_t rows_ms(struct rows *r, int column);                  /* a time: 0 to a year behind CLOCK_MOST_MS */
int64_t rows_count(struct rows *r, int column, int64_t most); /* 0 to most */
double rows_real(struct rows *r, int column);
struct str rows_text(struct rows *r, int column); /* NULL column: absent; blobs too */

/* A row that cannot be what we wrote (its parent is not there, a word nobody knows, JSON that is none):
 * another program or an older, wrong server wrote it.  The first such row is kept for store_damage(); nothing
 * more is read, and the turn's commit fails with -E_DAMAGED.  `what` completes a sentence about the row: "its
 * tags are not JSON". */
void store_damaged(struct store *s, const char *table, int64_t row, const char *what);
/* The same for the row that is open: its table is the first its statement reads from, its first column the
 * number. Returns `holds`. */
bool rows_must(struct rows *r, bool holds, const char *what);
/* Its first column is a number that was given out: 0 means "has no row yet" to who holds the object. */
bool rows_numbered(struct rows *r);
bool rows_place(struct rows *r, int account, int region, int name,
                size_t name_most);                                     /* three columns; region < 0: none */
int rows_enum(struct rows *r, int column, int most, const char *what); /* 0 to most, or damaged and 0 */
/* "row 17 of table sns_topic: its tags are not JSON"; absent while no row was found to be so. */
struct str store_damage(const struct store *s);
/* False: something of this turn failed, so what was read may be less than what is there. */
bool store_sound(const struct store *s);
#define STORE_DAMAGE_ADVICE                                                                          \
    "Nothing was changed. Put back a copy of the data directory, or move it away and start with an " \
    "empty one (--data DIR, or --ephemeral)"

uint64_t store_next_id(struct store *s);

/* 0, or -E_GONE as a commit would find it: for idle moments. */
int store_present(const struct store *s);
int store_commit(struct store *s); /* 0 at once when nothing was written and all could be read */
void store_rollback(struct store *s);
/* Something of this turn failed half-way: its commit will fail with -E_UNDONE if anything was written, so
 * that nobody keeps half of it.  As after -E_FULL the caller reloads its memory; the next turn is free again.
 */
void store_spoil(struct store *s);
bool store_dirty(const struct store *s); /* something was written since the last commit */

/* Small durable settings of the server itself (clock, node). */
struct str store_setting(struct store *s, struct arena *a, struct str name); /* absent when never set */
void store_setting_put(struct store *s, struct str name, struct str value);

/* Empties every table (`waybill reset`); ids go on counting.  Inside the turn's transaction. */
void store_reset(struct store *s);
/* WAL to database in a quiet moment; cheap when there is little to do. */
void store_checkpoint(struct store *s);
struct store_stats {
    int64_t file_bytes, wal_bytes;
    uint64_t commits, statements;
};
void store_stats(struct store *s, struct store_stats *ret);

#endif
