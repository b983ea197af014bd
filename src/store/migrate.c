/* migrate.c - from any older schema to this program's.
 *
 * True here: migration n runs in one transaction together with the note that it ran, so a crash in the middle
 * leaves version n - 1 whole.  Migrations are the embedded texts of src/store/schema/: number 1 is all its
 * NN-name.sql in name order, number n > 1 is mNNNN-what.sql.  A version above ours was written by a newer
 * program: its tables may mean something else, so nothing is touched. */
#include "store/engine.h"
#include "store/schema.h"

static void words_replaced(struct buf *out, const struct store_engine *e, const char *sql)
{
    while (*sql != '\0') {
        const struct dialect_word *w = e->words;

        while (w->word != NULL && strncmp(sql, w->word, strlen(w->word)) != 0)
            w++;
        if (w->word == NULL) {
            buf_char(out, *sql++);
            continue;
        }
        buf_z(out, w->means);
        sql += strlen(w->word);
    }
}

static int step(const struct store_engine *e, void *db, const struct migration *m, struct buf *why)
{
    CLEANUP(buf_done) struct buf sql = { 0 };
    int r;

    words_replaced(&sql, e, m->sql);
    r = e->begin(db);
    if (r == 0)
        r = e->script(db, sql.p != NULL ? sql.p : "", why);
    if (r == 0)
        r = e->version_set(db, m->number);
    if (r == 0)
        r = e->commit(db);
    if (r < 0)
        e->rollback(db);
    return r;
}

int migrate(const struct store_engine *e, void *db, const char *dir, struct buf *ret_why)
{
    int64_t have = e->version(db), newest = store_migrations[store_n_migrations - 1].number;
    int r;

    if (have < 0)
        return (int)have;
    if (have > newest) {
        buf_printf(ret_why,
                   "the data directory %s was written by a newer Waybill (schema %lld; this program knows up "
                   "to %lld)",
                   dir, (long long)have, (long long)newest);
        return -E_NEWER;
    }
    for (size_t i = 0; i < store_n_migrations; i++) {
        if (store_migrations[i].number <= have)
            continue;
        r = step(e, db, &store_migrations[i], ret_why);
        if (r < 0) {
            buf_printf(ret_why, "%smigration %lld of %s failed: %s", ret_why->n > 0 ? "; " : "",
                       (long long)store_migrations[i].number, dir, error_text(r));
            return r;
        }
    }
    return 0;
}
