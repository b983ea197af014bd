/* sqlite.c - the embedded engine.
 *
 * True here:
 *  - exactly one connection, in exclusive locking mode set before WAL begins: the WAL index lives in our heap
 * and no second connection, of any program, can meet the WAL-reset race of Debian's 3.40.1;
 *  - a commit is durable because WAL + synchronous=FULL flush the log once per transaction;
 *  - the page cache never spills: nothing is written before COMMIT, so a full disk shows itself there (or in
 * a checkpoint), not in the middle of a statement;
 *  - checkpoints run only from sqlite_checkpoint(), never inside a commit; `frames` counts what the log
 * holds. A commit that finds 1000 pages or more runs one; an idle moment does so from 256 on;
 *  - volatile databases keep their journal in memory and never flush. */
#include "store/disk.h"
#include "store/engine.h"
#include "store/gather.h"
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD_APPLICATION_ID 0x57617962 /* "Wayb": before pages were sealed */
#define LOG_COMMITS_LOST_MOST 1       /* a power cut may leave the last one in pieces */
#define FRAMES_MOST 1000 /* a checkpoint stalls its turn: 3 ms here, 20 ms at 8000; bench/README.md */
#define FRAMES_IDLE 256
#define CACHE_KIB 65536

struct database {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *rollback;
    char *path;     /* owns */
    bool sealed;    /* seal.h; otherwise volatile, or made before seals */
    int frames;     /* in the log and not in the database */
    int frames_due; /* a commit checkpoints from here on */
};

static void bug(sqlite3 *db, const char *text) __attribute__((noreturn, cold));
static void bug(sqlite3 *db, const char *text)
{
    fprintf(stderr, "waybill: statement failed: %s: %s\n", sqlite3_errmsg(db), text);
    check_failed("statement is sound", __FILE__, __LINE__);
}

static __attribute__((cold)) int code_of(sqlite3 *db, int code, const char *text)
{
    switch (code & 0xff) {
    case SQLITE_FULL: return -E_FULL;
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_DATA)
            return -E_DAMAGED;
        return sqlite3_system_errno(db) == EDQUOT ? -E_FULL : -E_IO;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY: return -E_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return -E_DAMAGED;
    case SQLITE_CONSTRAINT:
        code = sqlite3_extended_errcode(db);
        if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
            code == SQLITE_CONSTRAINT_ROWID)
            return -E_EXISTS;
        if (code ==
            SQLITE_CONSTRAINT_DATATYPE) /* we bind by type: a row's number, counted up, is no integer more */
            return -E_DAMAGED;
        break;
    }
    bug(db, text);
}

/* Statements. */

static void sqlite_prepare(void *self, struct statement *st)
{
    sqlite3 *db = ((struct database *)self)->db;
    sqlite3_stmt *q;
    const char *tail = NULL;
    int n;

    if (sqlite3_prepare_v3(db, st->text, -1, SQLITE_PREPARE_PERSISTENT, &q, &tail) != SQLITE_OK || q == NULL)
        bug(db, st->text);
    CHECK(tail == NULL || tail[strspn(tail, " ;\n")] == '\0');
    st->handle = q;
    st->writes = sqlite3_stmt_readonly(q) == 0;
    n = sqlite3_bind_parameter_count(q);
    for (int i = 1; i <= n; i++) {
        const char *name = sqlite3_bind_parameter_name(q, i);
        int at = name != NULL && name[0] == '$' ? atoi(name + 1) : 0;

        if (at < 1 || at > STATEMENT_MOST_PARAMS)
            bug(db, st->text);
        st->place[at - 1] = (uint8_t)i;
        st->n_params = (uint8_t)MAX(st->n_params, at);
    }
}

static void sqlite_finalize(struct statement *st) { sqlite3_finalize(st->handle); }

static inline int bind_one(sqlite3_stmt *q, int at, const struct val *v, const char *bytes)
{
    switch (v->kind) {
    case VAL_INT: return sqlite3_bind_int64(q, at, v->i);
    case VAL_REAL: return sqlite3_bind_double(q, at, v->r);
    case VAL_TEXT:
        return bytes != NULL ? sqlite3_bind_text64(q, at, bytes, v->s.n, SQLITE_STATIC, SQLITE_UTF8)
                             : sqlite3_bind_null(q, at);
    case VAL_BLOB:
        return bytes != NULL ? sqlite3_bind_blob64(q, at, bytes, v->s.n, SQLITE_STATIC)
                             : sqlite3_bind_null(q, at);
    case VAL_NULL: break;
    }
    return sqlite3_bind_null(q, at);
}

static inline bool has_bytes(const struct val *v)
{
    return (v->kind == VAL_TEXT || v->kind == VAL_BLOB) && v->s.p != NULL;
}

static void hold(struct buf *b, const struct val *v, size_t n)
{
    size_t need = 0;

    for (size_t i = 0; i < n; i++)
        need += has_bytes(&v[i]) ? v[i].s.n + 1 : 0;
    buf_clear(b);
    buf_reserve(b, need);
}

static void sqlite_bind(void *self, struct statement *st, const struct val *v, size_t n, bool keep)
{
    struct database *d = self;

    if (n != st->n_params) {
        fprintf(stderr, "waybill: %zu parameters given, %u wanted: %s\n", n, st->n_params, st->text);
        CHECK(n == st->n_params);
    }
    if (keep)
        hold(&st->hold, v, n);
    for (size_t i = 0; i < n; i++) {
        const char *bytes = has_bytes(&v[i]) ? v[i].s.p : NULL;

        if (st->place[i] == 0)
            continue;
        if (keep && bytes != NULL) {
            bytes = st->hold.p + st->hold.n;
            buf_add(&st->hold, v[i].s.p, v[i].s.n);
        }
        if (bind_one(st->handle, st->place[i], &v[i], bytes) != SQLITE_OK)
            bug(d->db, st->text);
    }
}

static int sqlite_run(void *self, struct statement *st)
{
    struct database *d = self;
    int code = sqlite3_step(st->handle), r;

    if (__builtin_expect(code == SQLITE_DONE, 1))
        r = sqlite3_changes(d->db);
    else if (code == SQLITE_ROW)
        bug(d->db, st->text);
    else
        r = code_of(d->db, code, st->text);
    sqlite3_reset(st->handle);
    return r;
}

static int sqlite_step(void *self, struct statement *st)
{
    struct database *d = self;
    int code = sqlite3_step(st->handle);

    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : code_of(d->db, code, st->text);
}

static void sqlite_reset(struct statement *st) { sqlite3_reset(st->handle); }

static void column_check(struct statement *st, int column)
{
    CHECK(column >= 0 && column < sqlite3_column_count(st->handle));
}

static bool sqlite_null(struct statement *st, int column)
{
    column_check(st, column);
    return sqlite3_column_type(st->handle, column) == SQLITE_NULL;
}

static int64_t sqlite_integer(struct statement *st, int column)
{
    column_check(st, column);
    return sqlite3_column_int64(st->handle, column);
}

static double sqlite_real(struct statement *st, int column)
{
    column_check(st, column);
    return sqlite3_column_double(st->handle, column);
}

static struct str sqlite_text(struct statement *st, int column)
{
    const void *p;

    if (sqlite_null(st, column))
        return STR_NONE;
    p = sqlite3_column_blob(st->handle, column);
    return p != NULL ? str_make(p, (size_t)sqlite3_column_bytes(st->handle, column)) : STR("");
}

/* Transactions. */

static int control(struct database *d, sqlite3_stmt *q)
{
    int code = sqlite3_step(q), r;

    r = code == SQLITE_DONE ? 0 : code_of(d->db, code, sqlite3_sql(q));
    sqlite3_reset(q);
    return r;
}

static int sqlite_begin(void *self)
{
    struct database *d = self;

    return control(d, d->begin);
}

static void sqlite_rollback(void *self)
{
    struct database *d = self;

    if (sqlite3_get_autocommit(d->db) == 0)
        (void)control(d, d->rollback);
}

static int sqlite_commit(void *self)
{
    struct database *d = self;
    int r;

    /* The library gave up the transaction by itself: what it held is lost. */
    if (sqlite3_get_autocommit(d->db) != 0)
        return -E_IO;
    r = control(d, d->commit);
    if (r < 0)
        sqlite_rollback(d);
    return r;
}

static int frames_counted(void *self, sqlite3 *db UNUSED, const char *name UNUSED, int frames)
{
    ((struct database *)self)->frames = frames;
    return SQLITE_OK;
}

static int sqlite_checkpoint(void *self, bool idle)
{
    struct database *d = self;
    int in_log = 0, moved = 0, code;

    if (d->frames < (idle ? FRAMES_IDLE : d->frames_due))
        return 0;
    code = sqlite3_wal_checkpoint_v2(d->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
    if (code == SQLITE_OK) {
        d->frames = in_log - moved;
        d->frames_due = FRAMES_MOST;
        return 0;
    }
    /* A full disk: the log still holds everything.  Try again when it has grown by as much. */
    d->frames_due = d->frames + FRAMES_MOST;
    return code_of(d->db, code, "checkpoint");
}

/* The schema. */

static int sqlite_script(void *self, const char *sql, struct buf *ret_why)
{
    struct database *d = self;
    int code = sqlite3_exec(d->db, sql, NULL, NULL, NULL);

    if (code == SQLITE_OK)
        return 0;
    buf_z(ret_why, sqlite3_errmsg(d->db));
    return code_of(d->db, code, sql);
}

static int number(struct database *d, const char *sql, int64_t *ret)
{
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v2(d->db, sql, -1, &q, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(q);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return code == SQLITE_ROW ? 0 : code_of(d->db, code, sql);
}

static int64_t sqlite_version(void *self)
{
    int64_t version = 0;
    int r = number(self, "PRAGMA user_version", &version);

    return r < 0 ? r : version;
}

static int sqlite_version_set(void *self, int64_t version)
{
    struct database *d = self;
    struct buf nobody = { 0 };
    char sql[96];
    int r;

    snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%lld",
             d->sealed ? SEAL_APPLICATION_ID : OLD_APPLICATION_ID, (long long)version);
    r = sqlite_script(self, sql, &nobody);
    buf_done(&nobody);
    return r;
}

/* Names come from the schema, not from users. */
static int sqlite_empty(void *self, const char *keep)
{
    struct database *d = self;
    CLEANUP(buf_done) struct buf sql = { 0 };
    CLEANUP(buf_done) struct buf why = { 0 };
    sqlite3_stmt *q = NULL;

    if (sqlite3_prepare_v2(d->db,
                           "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' "
                           "AND name <> ?1 ORDER BY name",
                           -1, &q, NULL) != SQLITE_OK)
        bug(d->db, "list of tables");
    sqlite3_bind_text(q, 1, keep, -1, SQLITE_STATIC);
    while (sqlite3_step(q) == SQLITE_ROW)
        buf_printf(&sql, "DELETE FROM \"%s\";", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return sql.n > 0 ? sqlite_script(d, sql.p, &why) : 0;
}

static int64_t file_bytes(const char *path, const char *suffix)
{
    CLEANUP(buf_done) struct buf name = { 0 };
    struct stat st;

    buf_printf(&name, "%s%s", path, suffix);
    return stat(name.p, &st) == 0 ? (int64_t)st.st_size : 0;
}

static void sqlite_stats(void *self, struct store_stats *ret)
{
    struct database *d = self;

    ret->file_bytes = file_bytes(d->path, "");
    ret->wal_bytes = file_bytes(d->path, "-wal");
}

/* Open and close. */

static void sqlite_close(void *self)
{
    struct database *d = self;

    sqlite3_finalize(d->begin);
    sqlite3_finalize(d->commit);
    sqlite3_finalize(d->rollback);
    CHECK(sqlite3_close(d->db) == SQLITE_OK);
    free(d->path);
    free(d);
}

static void database_closep(struct database **d)
{
    if (*d != NULL)
        sqlite_close(*d);
}

/* The order matters: exclusive mode before the first access, so that the WAL index needs no shared memory. */
static const char durable[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA "
                              "synchronous=FULL; PRAGMA wal_autocheckpoint=0;";
static const char volatile_mode[] =
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;";
static const char common[] = "PRAGMA temp_store=MEMORY; PRAGMA cache_spill=OFF; PRAGMA secure_delete=OFF; "
                             "PRAGMA trusted_schema=OFF; BEGIN IMMEDIATE; COMMIT;";

static int damaged(struct database *d, const char *what, struct buf *why)
{
    buf_printf(why, "the database %s is damaged: %s. ", d->path, what);
    store_damage_advice(why);
    return -E_DAMAGED;
}

/* SQLite takes the first bad frame of the log for its end.  What a power cut can leave is the last
 * transaction in pieces, and nobody was told that it was kept; more is damage. */
static int log_whole(struct database *d, struct buf *why)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    struct log_end end;

    buf_printf(&text, "%s-wal", d->path);
    seal_log_end(text.p, &end);
    buf_clear(&text);
    if (end.headless)
        return damaged(d, "the head of its log cannot be read", why);
    if (end.lost_commits > LOG_COMMITS_LOST_MOST) {
        buf_printf(&text, "%u transactions of its log lie behind a part that cannot be read",
                   end.lost_commits);
        return damaged(d, text.p, why);
    }
    if (end.lost_frames > 0)
        fprintf(stderr,
                "event=log_tail_dropped pages=%u what=\"the last transaction in the log is in pieces: the "
                "power went "
                "while it was written, or it was damaged since\"\n",
                end.lost_frames);
    return 0;
}

/* With the log folded in, the file alone is what is stored, and every page of it must be as it was written.
 */
static int pages_whole(struct database *d, struct buf *why)
{
    char text[96];
    int in_log = 0, moved = 0;
    int64_t bad;

    if (!d->sealed)
        return 0;
    if (sqlite3_wal_checkpoint_v2(d->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved) != SQLITE_OK ||
        moved < in_log)
        return 0; /* a full disk, say: pages are still compared when read */
    bad = seal_scan(d->db);
    if (bad == 0)
        return 0;
    snprintf(text, sizeof(text),
             bad > 0 ? "page %lld is not as it was written" : "it cannot be read to its end", (long long)bad);
    return damaged(d, text, why);
}

static int refused(struct database *d, int code, struct buf *why)
{
    int low = code & 0xff;

    if (low == SQLITE_CORRUPT || low == SQLITE_NOTADB || code == SQLITE_IOERR_DATA)
        return damaged(d,
                       code == SQLITE_IOERR_DATA ? "a page is not as it was written" : sqlite3_errmsg(d->db),
                       why);
    buf_printf(why, "cannot use the database %s: %s", d->path, sqlite3_errmsg(d->db));
    if (low == SQLITE_BUSY || low == SQLITE_LOCKED)
        return -E_BUSY;
    return low == SQLITE_FULL ? -E_FULL : -E_IO;
}

static int configure(struct database *d, bool volatile_, struct buf *why)
{
    char cache[64];
    int code;

    sqlite3_extended_result_codes(d->db, 1);
    sqlite3_db_config(d->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(d->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    snprintf(cache, sizeof(cache), "PRAGMA cache_size=-%d", CACHE_KIB);
    code = sqlite3_exec(d->db, volatile_ ? volatile_mode : durable, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(d->db, cache, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(d->db, common, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return refused(d, code, why);
    sqlite3_wal_hook(d->db, frames_counted, d);
    return 0;
}

static int recognised(struct database *d, struct buf *why)
{
    int64_t app = 0, version = 0, tables = 0;

    if (number(d, "PRAGMA application_id", &app) < 0 || number(d, "PRAGMA user_version", &version) < 0 ||
        number(d, "SELECT count(*) FROM sqlite_schema", &tables) < 0)
        return refused(d, sqlite3_errcode(d->db), why);
    d->sealed = d->sealed && app != OLD_APPLICATION_ID;
    if (app == SEAL_APPLICATION_ID || app == OLD_APPLICATION_ID || (app == 0 && version == 0 && tables == 0))
        return 0;
    buf_printf(why, "%s is a database of another program, or its head is damaged", d->path);
    return -E_IO;
}

static int control_prepare(struct database *d)
{
    int code = sqlite3_prepare_v3(d->db, "BEGIN", -1, SQLITE_PREPARE_PERSISTENT, &d->begin, NULL);

    code |= sqlite3_prepare_v3(d->db, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &d->commit, NULL);
    return code | sqlite3_prepare_v3(d->db, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT, &d->rollback, NULL);
}

/* Statistics of the allocator cost a lock per malloc and serve nobody. Refused once the library runs: no
 * harm. */
static void library_once(void)
{
    static bool done;

    if (!done)
        (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    done = true;
}

/* SQLite makes the log with the mode of the database, and the database with the umask's. */
static void private_files(const char *path)
{
    CLEANUP(buf_done) struct buf log = { 0 };
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return; /* SQLite will say why */
    (void)fchmod(fd, 0600);
    close(fd);
    buf_printf(&log, "%s-wal", path);
    (void)chmod(log.p, 0600);
}

/* SQLite would make a new database where there is none, or of a file without a byte, and the world were empty
 * without a word.  So is it at a first start, and after one that was cut short; but those leave no traces of
 * a server. */
static int lost(struct database *d, const char *dir, struct buf *why)
{
    const char *trace = place_trace(dir);
    struct stat file;
    bool there = stat(d->path, &file) == 0;

    if (trace == NULL || (there && file.st_size > 0))
        return 0;
    buf_printf(why, "the database %s is %s, and was not: %s shows that a server has been here. ", d->path,
               there ? "empty" : "missing", trace);
    store_damage_advice(why);
    return -E_DAMAGED;
}

static int sqlite_open(const char *dir, bool volatile_, void **ret_db, struct buf *ret_why)
{
    CLEANUP(database_closep) struct database *d = xcalloc(1, sizeof(*d));
    CLEANUP(buf_done) struct buf path = { 0 };
    const char *vfs;
    int code, r;

    library_once();
    buf_printf(&path, "%s/waybill.db", dir);
    d->path = xstrdup(path.p);
    d->frames_due = FRAMES_MOST;
    d->sealed = !volatile_;
    r = volatile_ ? 0 : lost(d, dir, ret_why);
    if (r < 0)
        return r;
    private_files(d->path);
    vfs = gather_vfs(disk_vfs());
    r = log_whole(d, ret_why);
    if (r < 0)
        return r;
    code = sqlite3_open_v2(d->path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                           d->sealed ? seal_vfs(vfs) : vfs);
    if (code != SQLITE_OK)
        return refused(d, code, ret_why);
    if (d->sealed)
        seal_room(d->db);
    r = configure(d, volatile_, ret_why);
    if (r == 0)
        r = recognised(d, ret_why);
    if (r == 0)
        r = pages_whole(d, ret_why);
    if (r < 0)
        return r;
    CHECK(control_prepare(d) == SQLITE_OK);
    *ret_db = TAKE(d);
    return 0;
}

static const struct dialect_word words[] = {
    { "@KEY@", "INTEGER PRIMARY KEY" },
    { "@BLOB@", "BLOB" },
    { "@TABLE@", "STRICT" },
    { NULL, NULL },
};

const struct store_engine store_sqlite = {
    .name = "sqlite",
    .words = words,
    .open = sqlite_open,
    .close = sqlite_close,
    .version = sqlite_version,
    .version_set = sqlite_version_set,
    .script = sqlite_script,
    .empty = sqlite_empty,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .bind = sqlite_bind,
    .run = sqlite_run,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .null = sqlite_null,
    .integer = sqlite_integer,
    .real = sqlite_real,
    .text = sqlite_text,
    .checkpoint = sqlite_checkpoint,
    .stats = sqlite_stats,
};
