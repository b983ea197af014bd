/* disk.c - a disk that fails on demand (see disk.h).
 *
 * True here: the layer is off until disk_arm().  `unsynced` lists, oldest first, every change of a file since
 * its last flush, with the bytes before and after; undoing all of it from the end and redoing a choice from
 * the start gives a disk that lost power.  With the power off no call reaches the disk. */
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/def.h"
#include "base/list.h"
#include "base/str.h"

#define PIECE_BYTES 4096

struct change {
    struct link in;
    char *path;              /* owns */
    int64_t at, size_before; /* size of the file before it */
    size_t n, n_before;      /* n_before <= n: bytes that were there */
    char *before, *after;    /* own; after == NULL: a truncation to `at` */
};

struct file {
    sqlite3_file base;
    sqlite3_file *real;
    char *path; /* owns; NULL: a temporary file */
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    bool armed, struck, off;
    struct disk_plan plan;
    uint64_t calls;
    struct list unsynced;
} disk;

static struct file *file_of(sqlite3_file *f) { return (struct file *)(void *)f; }

/* 0, or the code the counted call must fail with. */
static int strike(unsigned call, int broken)
{
    if (disk.off)
        return broken;
    if ((disk.plan.which & call) == 0)
        return SQLITE_OK;
    disk.calls++;
    if (disk.plan.fail_at == 0 || disk.calls < disk.plan.fail_at ||
        (disk.calls > disk.plan.fail_at && !disk.plan.for_ever))
        return SQLITE_OK;
    disk.struck = true;
    disk.off = disk.plan.cut;
    return disk.plan.full && call == DISK_WRITE ? SQLITE_FULL : broken;
}

static void change_free(struct change *c)
{
    list_remove(&c->in);
    free(c->path);
    free(c->before);
    free(c->after);
    free(c);
}

static void remember(struct file *f, const void *p, size_t n, int64_t at)
{
    struct change *c;
    sqlite3_int64 size = 0;

    if (f->path == NULL)
        return;
    c = xcalloc(1, sizeof(*c));
    f->real->pMethods->xFileSize(f->real, &size);
    c->path = xstrdup(f->path);
    c->at = at;
    c->size_before = size;
    c->n = p != NULL ? n : (size_t)MAX(size - at, 0);
    c->n_before = size > at ? MIN(c->n, (size_t)(size - at)) : 0;
    c->before = xmalloc(c->n_before);
    if (c->n_before > 0)
        CHECK(f->real->pMethods->xRead(f->real, c->before, (int)c->n_before, at) == SQLITE_OK);
    if (p != NULL)
        c->after = memcpy(xmalloc(n), p, n);
    list_append(&disk.unsynced, &c->in);
}

static void forget(const char *path)
{
    LIST_EACH_SAFE(&disk.unsynced, k, nx) {
        struct change *c = CONTAINER_OF(k, struct change, in);

        if (path == NULL || strcmp(c->path, path) == 0)
            change_free(c);
    }
}

static int f_close(sqlite3_file *file)
{
    struct file *f = file_of(file);
    int code = f->real->pMethods->xClose(f->real);

    free(f->path);
    return code;
}

static int f_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
    struct file *f = file_of(file);

    return f->real->pMethods->xRead(f->real, p, n, at);
}

static int write_piece(struct file *f, const void *p, int n, sqlite3_int64 at)
{
    int code = strike(DISK_WRITE, SQLITE_IOERR_WRITE);

    if (code != SQLITE_OK)
        return code;
    remember(f, p, (size_t)n, at);
    return f->real->pMethods->xWrite(f->real, p, n, at);
}

/* A disk promises nothing of more than a sector: a long write may fail, or survive, in any of its pieces. */
static int f_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
    int code = SQLITE_OK;

    for (int done = 0; done < n && code == SQLITE_OK; done += PIECE_BYTES)
        code = write_piece(file_of(file), (const char *)p + done, MIN(n - done, PIECE_BYTES), at + done);
    return code;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct file *f = file_of(file);

    if (disk.off)
        return SQLITE_IOERR_TRUNCATE;
    remember(f, NULL, 0, size);
    return f->real->pMethods->xTruncate(f->real, size);
}

static int f_sync(sqlite3_file *file, int flags)
{
    struct file *f = file_of(file);
    int code = strike(DISK_SYNC, SQLITE_IOERR_FSYNC);

    if (code != SQLITE_OK)
        return code;
    if (f->path != NULL)
        forget(f->path);
    return f->real->pMethods->xSync(f->real, flags);
}

static int f_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    struct file *f = file_of(file);

    return f->real->pMethods->xFileSize(f->real, ret);
}

static int f_lock(sqlite3_file *f, int level)
{
    return file_of(f)->real->pMethods->xLock(file_of(f)->real, level);
}
static int f_unlock(sqlite3_file *f, int level)
{
    return file_of(f)->real->pMethods->xUnlock(file_of(f)->real, level);
}
static int f_reserved(sqlite3_file *f, int *ret)
{
    return file_of(f)->real->pMethods->xCheckReservedLock(file_of(f)->real, ret);
}
static int f_sector(sqlite3_file *f) { return file_of(f)->real->pMethods->xSectorSize(file_of(f)->real); }
static int f_traits(sqlite3_file *f)
{
    return file_of(f)->real->pMethods->xDeviceCharacteristics(file_of(f)->real);
}

/* Size hints reach past the counted writes: refused, as if the system had none. */
static int f_control(sqlite3_file *f, int op, void *arg)
{
    if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
        return SQLITE_NOTFOUND;
    return file_of(f)->real->pMethods->xFileControl(file_of(f)->real, op, arg);
}

/* Version 1: no shared memory and no mapped reads; exclusive mode needs neither. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_reserved,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_traits,
};

static int v_open(sqlite3_vfs *vfs UNUSED, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
    struct file *f = file_of(file);
    int code;

    f->base.pMethods = NULL;
    f->path = NULL;
    f->real = (sqlite3_file *)(void *)(f + 1);
    code = disk.real->xOpen(disk.real, path, f->real, flags, ret_flags);
    if (code != SQLITE_OK)
        return code;
    f->path = path != NULL ? xstrdup(path) : NULL;
    f->base.pMethods = &methods;
    return SQLITE_OK;
}

static int v_delete(sqlite3_vfs *vfs UNUSED, const char *path, int sync)
{
    if (disk.off)
        return SQLITE_IOERR_DELETE;
    forget(path);
    return disk.real->xDelete(disk.real, path, sync);
}

void disk_arm(void)
{
    if (disk.armed)
        return;
    disk.real = sqlite3_vfs_find(NULL);
    CHECK(disk.real != NULL);
    disk.vfs = *disk.real;
    disk.vfs.pNext = NULL;
    disk.vfs.zName = "waybill-disk";
    disk.vfs.szOsFile = (int)sizeof(struct file) + disk.real->szOsFile;
    disk.vfs.xOpen = v_open;
    disk.vfs.xDelete = v_delete;
    list_init(&disk.unsynced);
    CHECK(sqlite3_vfs_register(&disk.vfs, 0) == SQLITE_OK);
    disk.armed = true;
}

void disk_plan(const struct disk_plan *plan)
{
    CHECK(disk.armed);
    disk.plan = *plan;
    disk.calls = 0;
    disk.struck = false;
}

uint64_t disk_calls(void) { return disk.calls; }
bool disk_failed(void) { return disk.struck; }
void disk_power_cut(void) { disk.off = true; }
const char *disk_vfs(void) { return disk.armed ? disk.vfs.zName : NULL; }

static void undo(const struct change *c, int fd)
{
    CHECK(pwrite(fd, c->before, c->n_before, c->at) == (ssize_t)c->n_before);
    CHECK(ftruncate(fd, c->size_before) == 0);
}

static void redo(const struct change *c, int fd)
{
    if (c->after == NULL)
        CHECK(ftruncate(fd, c->at) == 0);
    else
        CHECK(pwrite(fd, c->after, c->n, c->at) == (ssize_t)c->n);
}

static void each(void (*fn)(const struct change *c, int fd), const struct change *c)
{
    int fd = open(c->path, O_RDWR | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return;
    CHECK(fd >= 0);
    fn(c, fd);
    close(fd);
}

void disk_settle(uint64_t seed, unsigned keep_percent)
{
    for (struct link *k = disk.unsynced.head.prev; k != &disk.unsynced.head; k = k->prev)
        each(undo, CONTAINER_OF(k, struct change, in));
    LIST_EACH(&disk.unsynced, k) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        if ((seed >> 33) % 100 < keep_percent)
            each(redo, CONTAINER_OF(k, struct change, in));
    }
    forget(NULL);
    disk.off = false;
    disk.plan = (struct disk_plan){ 0 };
}
