/* package.c - see package.h.
 *
 * True here: the zip's directory says how large things are, and is not believed: what is unpacked is counted.
 * Links are made last, when every parent folder is a real one, so nothing is ever written through a link; and
 * a link's target may go up only at its beginning and no higher than the package, so following links inside
 * the package stays inside. */
#include "runtime/package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>
#include "base/id.h"

#define MAX_ENTRIES 100000
#define MAX_NAME_BYTES 1024
#define MAX_TARGET_BYTES 1024
#define COPY_BYTES ((size_t)64 * 1024)

struct entry {
    struct str name; /* without a final slash */
    uint64_t bytes;
    bool folder, link, executable;
};

static void close_zip(zip_t **z)
{
    if (*z != NULL)
        zip_discard(*z);
}

static void close_file(zip_file_t **f)
{
    if (*f != NULL)
        zip_fclose(*f);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int open_zip(struct str bytes, zip_t **ret)
{
    zip_error_t error;
    zip_source_t *source;

    zip_error_init(&error);
    source = zip_source_buffer_create(bytes.p, bytes.n, 0, &error);
    *ret = source == NULL ? NULL : zip_open_from_source(source, ZIP_RDONLY, &error);
    if (*ret == NULL && source != NULL)
        zip_source_free(source);
    zip_error_fini(&error);
    return *ret == NULL ? -E_INVALID : 0;
}

/* ---- names ---- */

/* Relative, no empty, "." or ".." part, no part the file system could not hold. */
static bool name_is_safe(struct str name)
{
    struct str rest = name, part;

    if (name.n == 0 || name.n > MAX_NAME_BYTES || memchr(name.p, '\0', name.n) != NULL)
        return false;
    while (str_cut(&rest, '/', &part))
        if (part.n == 0 || part.n > 255 || str_is(part, ".") || str_is(part, ".."))
            return false;
    return true;
}

static size_t depth_of(struct str name)
{
    size_t n = 0;

    for (size_t i = 0; i < name.n; i++)
        n += name.p[i] == '/';
    return n;
}

static bool target_is_inside(struct str link, struct str target)
{
    size_t ups = 0;

    if (target.n == 0 || target.p[0] == '/' || memchr(target.p, '\0', target.n) != NULL)
        return false;
    while (str_starts(target, STR("../"))) {
        target = str_sub(target, 3, target.n);
        ups++;
    }
    if (str_is(target, "..")) {
        target = STR("");
        ups++;
    }
    return ups <= depth_of(link) && str_find_str(target, STR("../")) < 0 && !str_ends(target, STR("/.."));
}

/* ---- entries ---- */

static int entry_kind(zip_t *z, zip_uint64_t i, struct entry *ret)
{
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    mode_t mode;

    if (zip_file_get_external_attributes(z, i, 0, &system, &attributes) < 0)
        return -E_INVALID;
    if (system != ZIP_OPSYS_UNIX && system != ZIP_OPSYS_OS_X)
        return 0;
    mode = (mode_t)(attributes >> 16);
    ret->executable = (mode & 0111) != 0;
    ret->link = S_ISLNK(mode);
    if (S_ISDIR(mode))
        ret->folder = true;
    return (mode & S_IFMT) == 0 || S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) ? 0 : -E_INVALID;
}

static int entry_at(zip_t *z, zip_uint64_t i, struct entry *ret)
{
    zip_stat_t st;

    *ret = (struct entry){ .bytes = 0 };
    if (zip_stat_index(z, i, ZIP_FL_ENC_RAW, &st) < 0 || (st.valid & ZIP_STAT_NAME) == 0 ||
        (st.valid & ZIP_STAT_SIZE) == 0)
        return -E_INVALID;
    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && st.encryption_method != ZIP_EM_NONE)
        return -E_INVALID;
    ret->name = str_of(st.name);
    ret->bytes = st.size;
    if (str_ends(ret->name, STR("/"))) {
        ret->folder = true;
        ret->name.n--;
    }
    if (!name_is_safe(ret->name))
        return -E_INVALID;
    return entry_kind(z, i, ret);
}

static int check_entries(zip_t *z, int64_t *ret_bytes)
{
    zip_int64_t n = zip_get_num_entries(z, 0);
    struct entry e;

    *ret_bytes = 0;
    if (n <= 0)
        return -E_INVALID;
    if (n > MAX_ENTRIES)
        return -E_LIMIT;
    for (zip_int64_t i = 0; i < n; i++) {
        if (entry_at(z, (zip_uint64_t)i, &e) < 0)
            return -E_INVALID;
        if (e.bytes > PACKAGE_MAX_UNZIPPED_BYTES ||
            (uint64_t)*ret_bytes + e.bytes > PACKAGE_MAX_UNZIPPED_BYTES)
            return -E_LIMIT;
        *ret_bytes += (int64_t)e.bytes;
    }
    return 0;
}

static void fill_hashes(struct str zip, struct package_info *ret)
{
    struct digest d = sha256_of(zip);
    CLEANUP(buf_done) struct buf b = { 0 };

    hex_add(&b, d.b, d.n);
    memcpy(ret->sha256_hex, b.p, sizeof(ret->sha256_hex));
    buf_clear(&b);
    base64_add(&b, d.b, d.n);
    memcpy(ret->sha256_base64, b.p, sizeof(ret->sha256_base64));
}

int package_check(struct str zip, struct package_info *ret)
{
    CLEANUP(close_zip) zip_t *z = NULL;
    int r = open_zip(zip, &z);

    if (r < 0)
        return r;
    ret->zipped_bytes = (int64_t)zip.n;
    r = check_entries(z, &ret->unzipped_bytes);
    if (r < 0)
        return r;
    fill_hashes(zip, ret);
    return 0;
}

/* ---- unpacking ---- */

static int io_error(void)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return -E_FULL;
    /* A file where a folder should be, or the other way round, is the zip's doing. */
    return errno == ENOTDIR || errno == EISDIR || errno == EEXIST || errno == ENAMETOOLONG || errno == ELOOP
               ? -E_INVALID
               : -E_IO;
}

static int make_parents(int task, struct str name)
{
    char path[MAX_NAME_BYTES + 1];

    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '/') {
            memcpy(path, name.p, i);
            path[i] = '\0';
            if (mkdirat(task, path, 0755) < 0 && errno != EEXIST)
                return io_error();
        }
    return 0;
}

static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);

        if (w < 0)
            return io_error();
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

static int copy_out(zip_file_t *f, int fd, uint64_t announced)
{
    static __thread char room[COPY_BYTES];
    uint64_t total = 0;
    zip_int64_t n;

    while ((n = zip_fread(f, room, sizeof(room))) > 0) {
        int r;

        total += (uint64_t)n;
        if (total > announced)
            return -E_INVALID;
        r = write_all(fd, room, (size_t)n);
        if (r < 0)
            return r;
    }
    return n < 0 || total != announced ? -E_INVALID : 0;
}

static int unpack_file(zip_t *z, zip_uint64_t i, const struct entry *e, int task)
{
    CLEANUP(close_file) zip_file_t *f = zip_fopen_index(z, i, 0);
    CLEANUP(close_fd) int fd = -1;
    char path[MAX_NAME_BYTES + 1];
    int r;

    if (f == NULL)
        return -E_INVALID;
    snprintf(path, sizeof(path), STR_FMT, STR_ARG(e->name));
    /* Readable by all: functions run as users of their own. */
    fd = openat(task, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_error();
    r = copy_out(f, fd, e->bytes);
    if (r == 0 && fchmod(fd, e->executable ? 0755 : 0644) < 0)
        r = io_error();
    return r;
}

static int unpack_link(zip_t *z, zip_uint64_t i, const struct entry *e, int task)
{
    CLEANUP(close_file) zip_file_t *f = zip_fopen_index(z, i, 0);
    char target[MAX_TARGET_BYTES + 1], path[MAX_NAME_BYTES + 1];
    zip_int64_t n = f == NULL ? -1 : zip_fread(f, target, sizeof(target) - 1);

    if (n < 0 || n >= MAX_TARGET_BYTES || (uint64_t)n != e->bytes ||
        !target_is_inside(e->name, str_make(target, (size_t)n)))
        return -E_INVALID;
    target[n] = '\0';
    snprintf(path, sizeof(path), STR_FMT, STR_ARG(e->name));
    return symlinkat(target, task, path) < 0 ? io_error() : 0;
}

static int unpack_folder(const struct entry *e, int task)
{
    char path[MAX_NAME_BYTES + 1];
    struct stat st;

    snprintf(path, sizeof(path), STR_FMT, STR_ARG(e->name));
    if (mkdirat(task, path, 0755) == 0)
        return 0;
    return errno == EEXIST && fstatat(task, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)
               ? 0
               : io_error();
}

static int unpack_entry(zip_t *z, zip_uint64_t i, int task, bool links)
{
    struct entry e;
    int r = entry_at(z, i, &e);

    if (r < 0 || e.link != links)
        return r;
    /* For links too: their folders all exist by now, or nothing else in the package has them. */
    r = make_parents(task, e.name);
    if (r < 0)
        return r;
    if (e.link)
        return unpack_link(z, i, &e, task);
    return e.folder ? unpack_folder(&e, task) : unpack_file(z, i, &e, task);
}

/* A link below a link would have its folder made through the other one. */
static int check_link_parents(int task, struct str name)
{
    char path[MAX_NAME_BYTES + 1];
    struct stat st;

    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '/') {
            memcpy(path, name.p, i);
            path[i] = '\0';
            if (fstatat(task, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
                return -E_INVALID;
        }
    return 0;
}

static int unpack_all(zip_t *z, int task)
{
    zip_uint64_t n = (zip_uint64_t)zip_get_num_entries(z, 0);
    int r = 0;

    for (zip_uint64_t i = 0; i < n && r == 0; i++)
        r = unpack_entry(z, i, task, false);
    for (zip_uint64_t i = 0; i < n && r == 0; i++) {
        struct entry e;

        r = entry_at(z, i, &e);
        if (r == 0 && e.link)
            r = check_link_parents(task, e.name);
        if (r == 0 && e.link)
            r = unpack_entry(z, i, task, true);
    }
    return r;
}

/* ---- the folder ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)remove(path);
    return 0;
}

static void remove_tree(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); }

static int write_zip(int dir, struct str zip)
{
    CLEANUP(close_fd) int fd = openat(dir, "package.zip", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    return fd < 0 ? io_error() : write_all(fd, zip.p, zip.n);
}

/* Everything into the temporary folder, flushed. */
static int fill_folder(const char *path, struct str zip)
{
    CLEANUP(close_fd) int dir = -1;
    CLEANUP(close_fd) int task = -1;
    CLEANUP(close_zip) zip_t *z = NULL;
    int r;

    if (mkdir(path, 0755) < 0)
        return io_error();
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || mkdirat(dir, "task", 0755) < 0)
        return io_error();
    task = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (task < 0)
        return io_error();
    r = write_zip(dir, zip);
    if (r == 0)
        r = open_zip(zip, &z);
    if (r == 0)
        r = unpack_all(z, task);
    /* One flush of the file system instead of one per file: packages have thousands. */
    if (r == 0 && syncfs(dir) < 0)
        r = -E_IO;
    return r;
}

static int publish(const char *code_dir, const char *temporary, const char *final)
{
    CLEANUP(close_fd) int dir = open(code_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0)
        return io_error();
    if (rename(temporary, final) < 0 && errno != EEXIST &&
        errno != ENOTEMPTY) /* those: somebody else was faster */
        return io_error();
    return fsync(dir) < 0 ? -E_IO : 0;
}

int package_store(const char *code_dir, struct str zip, struct package_info *ret)
{
    CLEANUP(buf_done) struct buf final = { 0 };
    CLEANUP(buf_done) struct buf temporary = { 0 };
    char unique[17] = "";
    int r = package_check(zip, ret);

    if (r < 0)
        return r;
    buf_printf(&final, "%s/%s", code_dir, ret->sha256_hex);
    if (access(final.p, F_OK) == 0)
        return 0;
    id_hex(unique, 16);
    buf_printf(&temporary, "%s/.new-%.16s", code_dir, unique);
    r = fill_folder(temporary.p, zip);
    if (r == 0)
        r = publish(code_dir, temporary.p, final.p);
    remove_tree(temporary.p); /* nothing there when it was published */
    return r;
}

void package_path(const char *code_dir, const char *sha256_hex, struct buf *ret)
{
    buf_printf(ret, "%s/%s/package.zip", code_dir, sha256_hex);
}

static bool is_package_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!((name.p[i] >= '0' && name.p[i] <= '9') || (name.p[i] >= 'a' && name.p[i] <= 'f')))
            return false;
    return name.n == 64;
}

void package_sweep(const char *code_dir, bool (*keep)(void *arg, struct str sha256_hex), void *arg)
{
    DIR *dir = opendir(code_dir);
    CLEANUP(buf_done) struct buf path = { 0 };

    if (dir == NULL)
        return;
    for (struct dirent *at; (at = readdir(dir)) != NULL;) {
        struct str name = str_of(at->d_name);

        if (!str_starts(name, STR(".new-")) && (!is_package_name(name) || keep(arg, name)))
            continue;
        buf_clear(&path);
        buf_printf(&path, "%s/%s", code_dir, at->d_name);
        remove_tree(path.p);
    }
    closedir(dir);
}
