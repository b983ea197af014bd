/* gather.c - the log's writes, put together (see gather.h).
 *
 * True here: `p` holds n bytes that belong at offset `at` of the file and are not written yet; n == 0: nothing is
 * held.  Whatever else is asked of the file, they are written first, except where a read does not touch them. */
#include "store/gather.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/def.h"

#define HELD_MOST ((size_t)124 << 10)                        /* SQLite's own write takes less than 128 KiB at once */

struct file {
    sqlite3_file base;
    sqlite3_file *real;
    char *p;                                                 /* owns; HELD_MOST bytes, from the first write on */
    size_t n;
    sqlite3_int64 at;
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
} gather;

static struct file *file_of(sqlite3_file *f) { return (struct file *)(void *)f; }

/* A failed write is not tried again: its transaction is lost, and SQLite writes the next one from the start. */
static int write_held(struct file *f)
{
    size_t n = f->n;

    f->n = 0;
    return n == 0 ? SQLITE_OK : f->real->pMethods->xWrite(f->real, f->p, (int)n, f->at);
}

static int f_close(sqlite3_file *file)
{
    struct file *f = file_of(file);
    int held = write_held(f), code = f->real->pMethods->xClose(f->real);

    free(f->p);
    return held != SQLITE_OK ? held : code;
}

static int f_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
    struct file *f = file_of(file);
    bool touches = f->n > 0 && at < f->at + (sqlite3_int64)f->n && at + n > f->at;
    int code = touches ? write_held(f) : SQLITE_OK;

    return code != SQLITE_OK ? code : f->real->pMethods->xRead(f->real, p, n, at);
}

static int f_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
    struct file *f = file_of(file);
    int code = SQLITE_OK;

    if (f->n > 0 && (at != f->at + (sqlite3_int64)f->n || f->n + (size_t)n > HELD_MOST))
        code = write_held(f);
    if (code != SQLITE_OK)
        return code;
    CHECK((size_t)n <= HELD_MOST);                           /* a page has 64 KiB at most */
    if (f->p == NULL)
        f->p = xmalloc(HELD_MOST);
    if (f->n == 0)
        f->at = at;
    memcpy(f->p + f->n, p, (size_t)n);
    f->n += (size_t)n;
    return SQLITE_OK;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct file *f = file_of(file);
    int code = write_held(f);

    return code != SQLITE_OK ? code : f->real->pMethods->xTruncate(f->real, size);
}

static int f_sync(sqlite3_file *file, int flags)
{
    struct file *f = file_of(file);
    int code = write_held(f);

    return code != SQLITE_OK ? code : f->real->pMethods->xSync(f->real, flags);
}

static int f_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    struct file *f = file_of(file);
    int code = write_held(f);

    return code != SQLITE_OK ? code : f->real->pMethods->xFileSize(f->real, ret);
}

static int f_control(sqlite3_file *file, int op, void *arg)
{
    struct file *f = file_of(file);
    int code = write_held(f);

    return code != SQLITE_OK ? code : f->real->pMethods->xFileControl(f->real, op, arg);
}

static int f_lock(sqlite3_file *f, int level) { return file_of(f)->real->pMethods->xLock(file_of(f)->real, level); }
static int f_unlock(sqlite3_file *f, int level) { return file_of(f)->real->pMethods->xUnlock(file_of(f)->real, level); }
static int f_reserved(sqlite3_file *f, int *ret) { return file_of(f)->real->pMethods->xCheckReservedLock(file_of(f)->real, ret); }
static int f_sector(sqlite3_file *f) { return file_of(f)->real->pMethods->xSectorSize(file_of(f)->real); }
static int f_traits(sqlite3_file *f) { return file_of(f)->real->pMethods->xDeviceCharacteristics(file_of(f)->real); }

/* Version 1: nobody maps a log. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = f_close, .xRead = f_read, .xWrite = f_write, .xTruncate = f_truncate, .xSync = f_sync,
    .xFileSize = f_size, .xLock = f_lock, .xUnlock = f_unlock, .xCheckReservedLock = f_reserved,
    .xFileControl = f_control, .xSectorSize = f_sector, .xDeviceCharacteristics = f_traits,
};

/* Other files get the real VFS's own object in the room that SQLite made for ours. */
static int v_open(sqlite3_vfs *vfs UNUSED, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
    struct file *f = file_of(file);
    int code;

    if ((flags & SQLITE_OPEN_WAL) == 0)
        return gather.real->xOpen(gather.real, path, file, flags, ret_flags);
    *f = (struct file){ .real = (sqlite3_file *)(void *)(f + 1) };
    code = gather.real->xOpen(gather.real, path, f->real, flags, ret_flags);
    if (code == SQLITE_OK)
        f->base.pMethods = &methods;
    return code;
}

const char *gather_vfs(const char *below)
{
    bool first = gather.real == NULL;

    gather.real = sqlite3_vfs_find(below);
    CHECK(gather.real != NULL);
    if (!first)
        sqlite3_vfs_unregister(&gather.vfs);
    gather.vfs = *gather.real;
    gather.vfs.pNext = NULL;
    gather.vfs.zName = "waybill-gather";
    gather.vfs.szOsFile = (int)sizeof(struct file) + gather.real->szOsFile;
    gather.vfs.xOpen = v_open;
    CHECK(sqlite3_vfs_register(&gather.vfs, 0) == SQLITE_OK);
    return gather.vfs.zName;
}
