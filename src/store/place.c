/* place.c - the data directory: made, locked, flushed, removed.
 * True here: DIR/lock is held with flock() as long as its descriptor is open, so a killed server leaves no
 * stale lock; the process id in it only serves the sentence for people.  Descriptors are close-on-exec. */
#include "store/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"

#define PRIVATE "waybill-ephemeral-"
#define SWEEP_AFTER_MS 60000

static int refused(struct buf *why, const char *what, const char *dir)
{
    buf_printf(why, "%s %s: %s", what, dir, strerror(errno));
    return errno == ENOSPC || errno == EDQUOT ? -E_FULL : -E_IO;
}

/* A new directory lasts when the one above it was flushed. */
static int made_durable(const char *path)
{
    CLEANUP(buf_done) struct buf above = { 0 };
    ptrdiff_t slash = str_rfind(str_of(path), '/');

    if (slash > 0)
        buf_add(&above, path, (size_t)slash);
    else
        buf_z(&above, slash == 0 ? "/" : ".");
    return place_sync(above.p);
}

int place_make(const char *dir, struct buf *ret_why)
{
    CLEANUP(buf_done) struct buf path = { 0 };
    struct stat st;

    buf_z(&path, dir);
    for (size_t i = 1; i <= path.n; i++) {
        if (path.p[i] != '/' && path.p[i] != '\0')
            continue;
        path.p[i] = '\0';
        if (mkdir(path.p, 0700) == 0 ? made_durable(path.p) < 0 : errno != EEXIST)
            return refused(ret_why, "cannot make the data directory", dir);
        if (i < path.n)
            path.p[i] = '/';
    }
    if (stat(dir, &st) < 0 || (!S_ISDIR(st.st_mode) && (errno = ENOTDIR)))
        return refused(ret_why, "cannot use the data directory", dir);
    return 0;
}

/* A killed server leaves its private directory behind.  Whoever starts next removes it: it carries our name
 * and our user, has a lock that nobody holds, and is old enough not to be one that is just being made. */
static void sweep_one(const char *path)
{
    CLEANUP(buf_done) struct buf lock = { 0 };
    struct stat st;
    int fd;

    if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return;
    buf_printf(&lock, "%s/lock", path);
    fd = open(lock.p, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && (int64_t)st.st_mtime * 1000 < clock_real_ms() - SWEEP_AFTER_MS &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        place_remove(path);
    close(fd);
}

static void sweep(const char *tmp)
{
    DIR *d = opendir(tmp);

    if (d == NULL)
        return;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        CLEANUP(buf_done) struct buf path = { 0 };

        if (strlen(e->d_name) != sizeof(PRIVATE) - 1 + 6 || !str_starts(str_of(e->d_name), STR(PRIVATE)))
            continue;
        buf_printf(&path, "%s/%s", tmp, e->d_name);
        sweep_one(path.p);
    }
    closedir(d);
}

int place_private(char **ret_dir, struct buf *ret_why)
{
    CLEANUP(buf_done) struct buf path = { 0 };
    const char *tmp = getenv("TMPDIR");

    tmp = tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp";
    sweep(tmp);
    buf_printf(&path, "%s/" PRIVATE "XXXXXX", tmp);
    if (mkdtemp(path.p) == NULL)
        return refused(ret_why, "cannot make a directory like", path.p);
    *ret_dir = xstrdup(path.p);
    return 0;
}

static int owner_told(int fd, const char *dir, struct buf *why)
{
    char pid[32];
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    while (n > 0 && (pid[n - 1] < '0' || pid[n - 1] > '9'))
        n--;
    buf_printf(why, "the data directory %s is in use by another server", dir);
    if (n > 0)
        buf_printf(why, " (process %.*s)", (int)n, pid);
    return -E_BUSY;
}

int place_lock(const char *dir, int *ret_fd, struct buf *ret_why)
{
    CLEANUP(buf_done) struct buf path = { 0 };
    char pid[32];
    int fd, n, r = 0;

    buf_printf(&path, "%s/lock", dir);
    fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return refused(ret_why, "cannot write in the data directory", dir);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        r = errno == EWOULDBLOCK ? owner_told(fd, dir, ret_why)
                                 : refused(ret_why, "cannot lock the data directory", dir);
        close(fd);
        return r;
    }
    n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n)
        r = refused(ret_why, "cannot write in the data directory", dir);
    if (r < 0)
        close(fd);
    else
        *ret_fd = fd;
    return r;
}

int place_sync(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* EINVAL: a file system that keeps names safe by itself and knows no flush of directories. */
    int r = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL) ? 0 : -E_IO;

    if (fd >= 0)
        close(fd);
    return r;
}

static const char *const kept[] = { "waybill.db", "waybill.db-wal" };

/* By name, as whoever starts next will: a file that was removed or renamed goes on taking writes nobody will
 * find.  Which files these are is all that is asked: whoever asks for a file's times makes the kernel (6.13
 * and later) give its next write a time of its own, and with that every flush writes the inode too, which
 * cost an accept 40 us. */
static void look(const char *dir, struct place_files *ret)
{
    char path[4096];
    struct statx st;

    *ret = (struct place_files){ 0 };
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, kept[i]);
        if (statx(AT_FDCWD, path, 0, STATX_INO, &st) < 0)
            continue;
        ret->file[i].device = makedev(st.stx_dev_major, st.stx_dev_minor);
        ret->file[i].inode = st.stx_ino;
    }
}

void place_note(const char *dir, struct place_files *ret)
{
    struct stat st;

    if (stat(dir, &st) == 0 && (st.st_mode & 0077) != 0)
        fprintf(stderr,
                "event=data_directory_open dir=\"%s\" mode=%04o what=\"other users can look into it; chmod "
                "700 keeps "
                "them out\"\n",
                dir, (unsigned)(st.st_mode & 07777));
    look(dir, ret);
}

int place_check(const char *dir, const struct place_files *noted)
{
    struct place_files now;

    look(dir, &now);
    return memcmp(&now, noted, sizeof(now)) == 0 ? 0 : -E_GONE;
}

static bool has(const char *dir, const char *name)
{
    CLEANUP(buf_done) struct buf path = { 0 };
    struct stat st;

    buf_printf(&path, "%s/%s", dir, name);
    return lstat(path.p, &st) == 0;
}

/* A project may well have a folder "code", and a first start that was cut short a log. */
const char *place_trace(const char *dir)
{
    if (has(dir, "code") && has(dir, "objects"))
        return "objects";
    if (has(dir, "waybill.db"))
        return NULL;
    return has(dir, "credentials") ? "credentials" : has(dir, "waybill.db-wal") ? "waybill.db-wal" : NULL;
}

/* A directory without the write bit (an unpacked package may carry one) would keep its children for ever. */
static int loosen(const char *path, const struct stat *st UNUSED, int kind, struct FTW *at UNUSED)
{
    if (kind == FTW_D || kind == FTW_DNR)
        (void)chmod(path, 0700);
    return 0;
}

static int drop(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *at UNUSED)
{
    (void)remove(path);
    return 0;
}

void place_remove(const char *dir)
{
    (void)nftw(dir, loosen, 16, FTW_PHYS | FTW_MOUNT);
    (void)nftw(dir, drop, 16, FTW_PHYS | FTW_MOUNT | FTW_DEPTH);
}
