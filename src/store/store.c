/* store.c - the store's contract, whatever database stands behind it.
 *
 * True here:
 *  - a transaction is open exactly when `in_turn`; the first statement that writes opens it;
 *  - once a write or a commit failed, `failed` stands: writes are skipped and the commit reports it.
 *    -E_FULL ends with the rollback; -E_IO, -E_DAMAGED and -E_GONE never end;
 *  - a statement is prepared once per store and lives in `statements[sql.id]`; ids of struct sql are given
 * once per process, so that several stores (tests) can share the static rows;
 *  - ids below `ids_durable` are reserved by a committed transaction.  The next block is reserved when half
 * of one is left, so that an id nearly always comes from a block that is durable already, and what a crash or
 * a rollback loses is numbers nobody has seen. */
#include "store/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arn.h"
#include "base/clock.h"

#define STORE_MAGIC 0x57a7e001u
#define ID_BLOCK ((uint64_t)8192)
#define ID_SETTING "next_id"
#define ID_MOST ((uint64_t)1 << 48)
#define INT_MOST ((int64_t)1 << 53)
#define MS_MOST (CLOCK_MOST_MS + (int64_t)366 * 24 * 3600 * 1000)

struct store {
    unsigned magic;
    const struct store_engine *engine;
    void *db;  /* the engine's */
    char *dir; /* owns */
    bool ephemeral;
    int lock_fd;

    bool in_turn;
    int failed;        /* 0, -E_FULL, -E_UNDONE, or final: is_final() */
    struct buf damage; /* the first row that cannot be, in words */
    bool noted;
    struct place_files files; /* what we write to; not ephemeral */
    unsigned open_rows;
    struct statement **statements; /* by sql.id; owns */
    uint32_t statements_cap;

    uint64_t ids_next, ids_end; /* [next, end) may be given */
    uint64_t ids_durable;       /* what a reopened store begins with */

    uint64_t commits, runs;
};

static struct sql q_setting = SQL("SELECT value FROM settings WHERE name = $1");
static struct sql q_setting_put = SQL("INSERT INTO settings (name, value) VALUES ($1, $2) "
                                      "ON CONFLICT (name) DO UPDATE SET value = excluded.value");
static struct sql q_setting_others = SQL("DELETE FROM settings WHERE name <> $1");

static void store_check(const struct store *s) { CHECK(s != NULL && s->magic == STORE_MAGIC); }

/* Statements. */

static void statements_grow(struct store *s, uint32_t need)
{
    uint32_t cap = MAX(need + 1, s->statements_cap * 2);

    cap = MAX(cap, 64);
    s->statements = xrealloc(s->statements, cap * sizeof(*s->statements));
    memset(s->statements + s->statements_cap, 0, (cap - s->statements_cap) * sizeof(*s->statements));
    s->statements_cap = cap;
}

static __attribute__((noinline)) struct statement *statement_new(struct store *s, struct sql *q)
{
    static uint32_t last_id;
    struct statement *st = xcalloc(1, sizeof(*st));

    if (q->id == 0)
        q->id = ++last_id;
    if (q->id >= s->statements_cap)
        statements_grow(s, q->id);
    st->text = q->text;
    s->engine->prepare(s->db, st);
    s->statements[q->id] = st;
    return st;
}

static inline struct statement *statement_of(struct store *s, struct sql *q)
{
    if (q->id != 0 && q->id < s->statements_cap && s->statements[q->id] != NULL)
        return s->statements[q->id];
    return statement_new(s, q);
}

static void statements_done(struct store *s)
{
    for (uint32_t i = 0; i < s->statements_cap; i++) {
        struct statement *st = s->statements[i];

        if (st == NULL)
            continue;
        s->engine->finalize(st);
        buf_done(&st->hold);
        free(st);
    }
    free(s->statements);
}

/* No store goes on after these. */
static bool is_final(int code) { return code == -E_IO || code == -E_DAMAGED || code == -E_GONE; }

static void fail(struct store *s, int code)
{
    CHECK(code == -E_FULL || code == -E_UNDONE || is_final(code));
    if (!is_final(s->failed))
        s->failed = code;
}

/* A transaction is there for what writes; false when nothing can be written any more. */
static inline bool ready_to_write(struct store *s)
{
    if (__builtin_expect(s->failed != 0, 0))
        return false;
    if (!s->in_turn) {
        int r = s->engine->begin(s->db);

        if (r < 0) {
            fail(s, r);
            return false;
        }
        s->in_turn = true;
    }
    return true;
}

int store_exec_v(struct store *s, struct sql *q, const struct val *v, size_t n)
{
    struct statement *st;
    int r;

    store_check(s);
    st = statement_of(s, q);
    CHECK(!st->open);
    CHECK(st->writes);
    if (!ready_to_write(s)) {
        s->in_turn = true;
        return s->failed;
    }
    s->runs++;
    s->engine->bind(s->db, st, v, n, false);
    r = s->engine->run(s->db, st);
    if (r < 0 && r != -E_EXISTS)
        fail(s, r);
    return r;
}

void store_query_v(struct store *s, struct sql *q, struct rows *ret, const struct val *v, size_t n)
{
    struct statement *st;

    store_check(s);
    st = statement_of(s, q);
    CHECK(!st->open);
    *ret = (struct rows){ .store = s };
    if (is_final(s->failed)) {
        s->in_turn = s->in_turn || st->writes;
        ret->done = true;
        return;
    }
    if (st->writes && !ready_to_write(s)) {
        s->in_turn = true;
        ret->done = true;
        return;
    }
    s->runs++;
    s->engine->bind(s->db, st, v, n, true);
    st->open = true;
    s->open_rows++;
    ret->stmt = st;
}

void rows_done(struct rows *r)
{
    struct statement *st = r->stmt;

    r->done = true;
    r->stmt = NULL;
    if (st == NULL)
        return;
    CHECK(st->open);
    st->open = false;
    r->store->open_rows--;
    r->store->engine->reset(st);
}

bool rows_next(struct rows *r)
{
    int n;

    if (r->done)
        return false;
    if (is_final(r->store->failed)) {
        rows_done(r);
        return false;
    }
    n = r->store->engine->step(r->store->db, r->stmt);
    if (n > 0)
        return true;
    if (n < 0)
        fail(r->store, n);
    rows_done(r);
    return false;
}

static inline struct statement *row_of(struct rows *r)
{
    CHECK(r->stmt != NULL && !r->done);
    return r->stmt;
}

bool rows_null(struct rows *r, int column) { return r->store->engine->null(row_of(r), column); }
static int64_t integer(struct rows *r, int column) { return r->store->engine->integer(row_of(r), column); }
double rows_real(struct rows *r, int column) { return r->store->engine->real(row_of(r), column); }
struct str rows_text(struct rows *r, int column) { return r->store->engine->text(row_of(r), column); }

void store_damaged(struct store *s, const char *table, int64_t row, const char *what)
{
    store_check(s);
    if (s->damage.n == 0 && !is_final(s->failed))
        buf_printf(&s->damage, "row %lld of table %s: %s", (long long)row, table, what);
    fail(s, -E_DAMAGED);
}

static void table_of(const char *sql, char *ret, size_t cap)
{
    const char *from = strstr(sql, " FROM ");
    size_t n = 0;

    for (from = from != NULL ? from + 6 : "?";
         n + 1 < cap && from[n] != '\0' && from[n] != ' ' && from[n] != ','; n++)
        ret[n] = from[n];
    ret[n] = '\0';
}

bool rows_must(struct rows *r, bool holds, const char *what)
{
    char table[48];

    if (!holds) {
        table_of(row_of(r)->text, table, sizeof(table));
        store_damaged(r->store, table, integer(r, 0), what);
    }
    return holds;
}

bool rows_place(struct rows *r, int account, int region, int name, size_t name_most)
{
    return rows_must(r, account_valid(rows_text(r, account)), "its account is not twelve digits") &&
           rows_must(r, region < 0 || region_valid(rows_text(r, region)), "its region is none") &&
           rows_must(r, !str_empty(rows_text(r, name)) && rows_text(r, name).n <= name_most,
                     "its name is empty or too long");
}

static int64_t between(struct rows *r, int column, int64_t least, int64_t most, const char *what)
{
    int64_t n = integer(r, column);

    return rows_must(r, n >= least && n <= most, what) ? n : 0;
}

int64_t rows_int(struct rows *r, int column)
{
    return between(r, column, -INT_MOST, INT_MOST, "a number of it is none");
}
int64_t rows_ms(struct rows *r, int column) { return between(r, column, 0, MS_MOST, "a time of it is none"); }
int64_t rows_count(struct rows *r, int column, int64_t most)
{
    return between(r, column, 0, most, "a count of it is none");
}

bool rows_numbered(struct rows *r) { return rows_must(r, rows_int(r, 0) > 0, "its number is none"); }

int rows_enum(struct rows *r, int column, int most, const char *what)
{
    return (int)between(r, column, 0, most, what);
}

struct str store_damage(const struct store *s)
{
    store_check(s);
    return s->damage.n > 0 ? buf_view(&s->damage) : STR_NONE;
}

bool store_sound(const struct store *s)
{
    store_check(s);
    return s->failed == 0;
}

/* The turn. */

bool store_dirty(const struct store *s)
{
    store_check(s);
    return s->in_turn;
}

static void turn_over(struct store *s, bool kept)
{
    s->in_turn = false;
    if (kept)
        s->ids_durable = s->ids_end;
    else
        s->ids_end = s->ids_durable;
    if (!is_final(s->failed))
        s->failed = 0;
}

void store_spoil(struct store *s)
{
    store_check(s);
    if (s->in_turn && s->failed == 0)
        fail(s, -E_UNDONE);
}

void store_rollback(struct store *s)
{
    store_check(s);
    CHECK(s->open_rows == 0);
    if (!s->in_turn)
        return;
    s->engine->rollback(s->db);
    turn_over(s, false);
}

int store_present(const struct store *s)
{
    store_check(s);
    return s->ephemeral || !s->noted ? 0 : place_check(s->dir, &s->files);
}

int store_commit(struct store *s)
{
    int r;

    store_check(s);
    CHECK(s->open_rows == 0);
    if (!s->in_turn && !is_final(s->failed)) /* a turn that only read, and could not, has failed too */
        return 0;
    r = s->failed != 0 ? s->failed : s->engine->commit(s->db);
    if (r < 0) {
        fail(s, r);
        store_rollback(s);
        return r;
    }
    s->commits++;
    turn_over(s, true);
    r = store_present(s);
    if (r < 0) {
        fail(s, r);
        return r;
    }
    /* This turn is durable whatever becomes of the checkpoint; the next one hears of it. */
    r = s->engine->checkpoint(s->db, false);
    if (is_final(r))
        fail(s, r);
    return 0;
}

void store_checkpoint(struct store *s)
{
    int r;

    store_check(s);
    if (s->in_turn || s->open_rows > 0 || s->failed != 0)
        return;
    r = s->engine->checkpoint(s->db, true);
    if (is_final(r))
        fail(s, r);
}

/* Settings and ids. */

static void setting_put(struct store *s, struct str name, struct str value)
{
    store_exec(s, &q_setting_put, V_TEXT(name), V_TEXT(value));
}

struct str store_setting(struct store *s, struct arena *a, struct str name)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_setting, &r, V_TEXT(name));
    return rows_next(&r) ? arena_str(a, rows_text(&r, 0)) : STR_NONE;
}

void store_setting_put(struct store *s, struct str name, struct str value)
{
    CHECK(!str_is(name, ID_SETTING) && !str_absent(value));
    setting_put(s, name, value);
}

static __attribute__((noinline)) void ids_reserve(struct store *s)
{
    char text[24];

    s->ids_end = MAX(s->ids_end, s->ids_next) + ID_BLOCK;
    CHECK(s->ids_end < ID_MOST);
    setting_put(s, STR(ID_SETTING),
                str_make(text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)s->ids_end)));
}

uint64_t store_next_id(struct store *s)
{
    store_check(s);
    if (__builtin_expect(s->ids_next + ID_BLOCK / 2 >= s->ids_end, 0))
        ids_reserve(s);
    return s->ids_next++;
}

/* Numbers begin at 1: 0 means "none" to everybody. */
static int ids_load(struct store *s)
{
    struct rows r;
    uint64_t n = 1;
    int bad = 0;

    store_query(s, &q_setting, &r, V_TEXT(STR(ID_SETTING)));
    if (rows_next(&r))
        bad = str_to_u64(rows_text(&r, 0), &n);
    rows_done(&r);
    if (s->failed != 0)
        return s->failed;
    if (bad < 0 || n >= ID_MOST - ID_BLOCK)
        return -E_DAMAGED;
    s->ids_next = s->ids_end = s->ids_durable = n;
    store_next_id(s);
    s->ids_next--;
    return store_commit(s);
}

void store_reset(struct store *s)
{
    int r;

    store_check(s);
    CHECK(s->open_rows == 0);
    if (!ready_to_write(s)) {
        s->in_turn = true;
        return;
    }
    r = s->engine->empty(s->db, "settings");
    if (r < 0)
        fail(s, r);
    store_exec(s, &q_setting_others, V_TEXT(STR(ID_SETTING)));
}

void store_stats(struct store *s, struct store_stats *ret)
{
    store_check(s);
    *ret = (struct store_stats){ .commits = s->commits, .statements = s->runs };
    s->engine->stats(s->db, ret);
}

const char *store_dir(const struct store *s)
{
    store_check(s);
    return s->dir;
}

/* Open and close. */

void store_damage_advice(struct buf *why) { buf_z(why, STORE_DAMAGE_ADVICE); }

struct store *store_close(struct store *s)
{
    if (s == NULL)
        return NULL;
    store_check(s);
    CHECK(s->open_rows == 0);
    if (s->in_turn)
        store_rollback(s);
    statements_done(s);
    if (s->db != NULL)
        s->engine->close(s->db);
    if (s->ephemeral && s->dir != NULL)
        place_remove(s->dir);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->dir);
    buf_done(&s->damage);
    s->magic = 0;
    free(s);
    return NULL;
}

static void store_closep(struct store **s) { *s = store_close(*s); }

static int dir_take(struct store *s, const struct store_options *o, struct buf *why)
{
    int r;

    if (o->ephemeral)
        return place_private(&s->dir, why);
    CHECK(o->dir != NULL);
    r = place_make(o->dir, why);
    if (r == 0)
        s->dir = xstrdup(o->dir);
    return r;
}

int store_open(const struct store_options *o, struct store **ret, struct buf *ret_why)
{
    CLEANUP(store_closep) struct store *s = xcalloc(1, sizeof(*s));
    CLEANUP(buf_done) struct buf nobody = { 0 };
    struct buf *why = ret_why != NULL ? ret_why : &nobody;
    int r;

    s->magic = STORE_MAGIC;
    s->engine = &store_sqlite;
    s->lock_fd = -1;
    s->ephemeral = o->ephemeral;
    r = dir_take(s, o, why);
    if (r == 0)
        r = place_lock(s->dir, &s->lock_fd, why);
    if (r == 0)
        r = s->engine->open(s->dir, o->ephemeral, &s->db, why);
    if (r == 0)
        r = migrate(s->engine, s->db, s->dir, why);
    if (r < 0)
        return r;
    r = ids_load(s);
    if (r == 0 && !o->ephemeral)
        r = place_sync(s->dir);
    if (r < 0) {
        buf_printf(why, "the database in %s cannot be %s: %s", s->dir,
                   r == -E_DAMAGED ? "believed" : "written", error_text(r));
        if (r == -E_DAMAGED) {
            buf_z(why, ". ");
            store_damage_advice(why);
        }
        return r;
    }
    place_note(s->dir, &s->files);
    s->noted = true;
    *ret = TAKE(s);
    return 0;
}
