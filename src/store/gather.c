/* gather.c - the log's writes, put together (see gather.h).
 *
 * True here: `p` holds n bytes that belong at offset `at` of the file and are not written yet; n == 0:
 * nothing is held.  Whatever else is asked of the file, they are written first, except where a read does not
 * touch them. */
#include "store/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/def.h"
#include "store/overlay.h"

#define HELD_MOST ((size_t)124 << 10) /* SQLite's own write takes less than 128 KiB at once */

struct file {
    struct overlay_file base;
    char *p; /* owns; HELD_MOST bytes, from the first write on */
    size_t n;
    sqlite3_int64 at;
};

static struct file *file_of(sqlite3_file *f) { return (struct file *)(void *)f; }

/* A failed write is not tried again: its transaction is lost, and SQLite writes the next one from the start.
 */
static int write_held(struct file *f)
{
    size_t n = f->n;

    f->n = 0;
    return n == 0 ? SQLITE_OK : f->base.real->pMethods->xWrite(f->base.real, f->p, (int)n, f->at);
}

static int f_close(sqlite3_file *file)
{
    struct file *f = file_of(file);
    int held = write_held(f), code = overlay_close(file);

    free(f->p);
    return held != SQLITE_OK ? held : code;
}

static int f_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
    struct file *f = file_of(file);
    bool touches = f->n > 0 && at < f->at + (sqlite3_int64)f->n && at + n > f->at;
    int code = touches ? write_held(f) : SQLITE_OK;

    return code != SQLITE_OK ? code : f->base.real->pMethods->xRead(f->base.real, p, n, at);
}

static int f_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
    struct file *f = file_of(file);
    int code = SQLITE_OK;

    if (f->n > 0 && (at != f->at + (sqlite3_int64)f->n || f->n + (size_t)n > HELD_MOST))
        code = write_held(f);
    if (code != SQLITE_OK)
        return code;
    CHECK((size_t)n <= HELD_MOST); /* a page has 64 KiB at most */
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

    return code != SQLITE_OK ? code : overlay_truncate(file, size);
}

static int f_sync(sqlite3_file *file, int flags)
{
    struct file *f = file_of(file);
    int code = write_held(f);

    return code != SQLITE_OK ? code : overlay_sync(file, flags);
}

static int f_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    struct file *f = file_of(file);
    int code = write_held(f);

    return code != SQLITE_OK ? code : overlay_size(file, ret);
}

static int f_control(sqlite3_file *file, int op, void *arg)
{
    struct file *f = file_of(file);
    int code = write_held(f);

    return code != SQLITE_OK ? code : overlay_control(file, op, arg);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = overlay_lock,
    .xUnlock = overlay_unlock,
    .xCheckReservedLock = overlay_reserved,
    .xFileControl = f_control,
    .xSectorSize = overlay_sector,
    .xDeviceCharacteristics = overlay_traits,
};

static struct overlay gather = {
    .name = "waybill-gather",
    .kind = SQLITE_OPEN_WAL,
    .file_bytes = sizeof(struct file),
    .methods = &methods,
};

const char *gather_vfs(const char *below) { return overlay_lay(&gather, below); }
