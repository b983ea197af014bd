/* overlay.h - a VFS of SQLite laid over another: one kind of its files is ours, all others are the real one's
 * own.
 *
 *   sqlite3_open ──> overlay ──kind?──> our methods ──what they leave──> the real file
 *                       └──────any other──────────────────────────────> the real file
 *
 * Whoever lays one over gives a table of methods; those that change nothing are overlay_*().  Versions above
 * 1 are left out: nobody maps our files, and exclusive mode needs no shared memory.  SQLite's documentation,
 * "The OS Backend". */
#ifndef WAYBILL_STORE_OVERLAY_H
#define WAYBILL_STORE_OVERLAY_H

#include <sqlite3.h>

/* Every file of ours begins with this. */
struct overlay_file {
    sqlite3_file base;
    sqlite3_file *real;
};

struct overlay {
    sqlite3_vfs vfs; /* filled by overlay_lay() */
    sqlite3_vfs *real;
    const char *name; /* these four by the caller, once */
    int kind;         /* SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_WAL */
    int file_bytes;   /* sizeof of ours; all zero behind the overlay_file when opened */
    const sqlite3_io_methods *methods;
    void (*opened)(sqlite3_file *file); /* NULL: nothing to do */
};

/* Over the VFS named `below` (NULL: the default one); again over another at will.  Returns o->name. */
const char *overlay_lay(struct overlay *o, const char *below);

static inline sqlite3_file *overlay_real(sqlite3_file *f) { return ((struct overlay_file *)(void *)f)->real; }

int overlay_close(sqlite3_file *f);
int overlay_truncate(sqlite3_file *f, sqlite3_int64 bytes);
int overlay_sync(sqlite3_file *f, int flags);
int overlay_size(sqlite3_file *f, sqlite3_int64 *ret);
int overlay_lock(sqlite3_file *f, int level);
int overlay_unlock(sqlite3_file *f, int level);
int overlay_reserved(sqlite3_file *f, int *ret);
int overlay_control(sqlite3_file *f, int op, void *arg);
int overlay_sector(sqlite3_file *f);
int overlay_traits(sqlite3_file *f);

#endif
