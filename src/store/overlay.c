/* overlay.c - see overlay.h.  True here: SQLite makes room for our file and the real one behind it, in one
 * piece. */
#include "store/overlay.h"

#include <string.h>

#include "base/def.h"

int overlay_close(sqlite3_file *f) { return overlay_real(f)->pMethods->xClose(overlay_real(f)); }
int overlay_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return overlay_real(f)->pMethods->xTruncate(overlay_real(f), n);
}
int overlay_sync(sqlite3_file *f, int flags)
{
    return overlay_real(f)->pMethods->xSync(overlay_real(f), flags);
}
int overlay_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    return overlay_real(f)->pMethods->xFileSize(overlay_real(f), ret);
}
int overlay_lock(sqlite3_file *f, int level)
{
    return overlay_real(f)->pMethods->xLock(overlay_real(f), level);
}
int overlay_unlock(sqlite3_file *f, int level)
{
    return overlay_real(f)->pMethods->xUnlock(overlay_real(f), level);
}
int overlay_reserved(sqlite3_file *f, int *ret)
{
    return overlay_real(f)->pMethods->xCheckReservedLock(overlay_real(f), ret);
}
int overlay_control(sqlite3_file *f, int op, void *arg)
{
    return overlay_real(f)->pMethods->xFileControl(overlay_real(f), op, arg);
}
int overlay_sector(sqlite3_file *f) { return overlay_real(f)->pMethods->xSectorSize(overlay_real(f)); }
int overlay_traits(sqlite3_file *f)
{
    return overlay_real(f)->pMethods->xDeviceCharacteristics(overlay_real(f));
}

static int open_file(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
    struct overlay *o = CONTAINER_OF(vfs, struct overlay, vfs);
    struct overlay_file *f = (struct overlay_file *)(void *)file;
    int code;

    if ((flags & o->kind) == 0)
        return o->real->xOpen(o->real, path, file, flags, ret_flags);
    memset(file, 0, (size_t)o->file_bytes);
    f->real = (sqlite3_file *)(void *)((char *)file + o->file_bytes);
    code = o->real->xOpen(o->real, path, f->real, flags, ret_flags);
    if (code != SQLITE_OK)
        return code;
    f->base.pMethods = o->methods;
    if (o->opened != NULL)
        o->opened(file);
    return SQLITE_OK;
}

const char *overlay_lay(struct overlay *o, const char *below)
{
    bool first = o->real == NULL;

    o->real = sqlite3_vfs_find(below);
    CHECK(o->real != NULL && o->file_bytes >= (int)sizeof(struct overlay_file) && o->file_bytes % 8 == 0);
    if (!first)
        sqlite3_vfs_unregister(&o->vfs);
    o->vfs = *o->real;
    o->vfs.pNext = NULL;
    o->vfs.zName = o->name;
    o->vfs.szOsFile = o->file_bytes + o->real->szOsFile;
    o->vfs.xOpen = open_file;
    CHECK(sqlite3_vfs_register(&o->vfs, 0) == SQLITE_OK);
    return o->vfs.zName;
}
