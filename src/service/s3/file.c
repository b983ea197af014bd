/* file.c - writing, reading and forgetting of numbered files.
 * True here: a path is made of numbers alone; a file under its final name is whole and flushed. */
#include "service/s3/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES ((size_t)256 << 10)

/* ---- pieces ---- */

void s3_pieces_text(struct buf *b, const struct piece *v, size_t n)
{
    CHECK(b->n == 0 && n > 0); /* an object in files has one at least */
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "%llu:%lld,", (unsigned long long)v[i].id, (long long)v[i].bytes);
}

int s3_pieces_read(struct arena *a, struct str text, struct piece **ret, size_t *ret_n)
{
    size_t n = 0, most = 0;
    struct piece *v;

    for (size_t i = 0; i < text.n; i++)
        most += text.p[i] == ',';
    v = arena_calloc(a, most + 1, sizeof(*v));
    for (struct str one, id; n < most && str_cut(&text, ',', &one); n++) {
        if (!str_cut(&one, ':', &id) || str_to_u64(id, &v[n].id) != 0 || str_to_i64(one, &v[n].bytes) != 0 ||
            v[n].bytes < 0)
            return -E_INVALID;
    }
    if (text.n > 0)
        return -E_INVALID;
    *ret = v;
    *ret_n = n;
    return 0;
}

/* ---- paths ---- */

enum { PATH_OUTER, PATH_INNER, PATH_FILE, PATH_TEMPORARY };

static void path_of(struct buf *b, const char *dir, uint64_t id, int what)
{
    CHECK(dir != NULL && what >= PATH_OUTER && what <= PATH_TEMPORARY);
    buf_clear(b);
    buf_printf(b, "%s/%llx", dir, (unsigned long long)(id >> 16));
    if (what >= PATH_INNER)
        buf_printf(b, "/%02llx", (unsigned long long)(id >> 8 & 0xff));
    if (what >= PATH_FILE)
        buf_printf(b, "/%llx%s", (unsigned long long)id, what == PATH_TEMPORARY ? ".new" : "");
}

static int error_now(void) { return errno == ENOSPC || errno == EDQUOT ? -E_FULL : -E_IO; }

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

    if (fd < 0 || fsync(fd) < 0)
        r = error_now();
    if (fd >= 0)
        close(fd);
    return r;
}

static int make_folders(struct buf *path, const char *dir, uint64_t id)
{
    for (int what = PATH_OUTER; what <= PATH_INNER; what++) {
        path_of(path, dir, id, what);
        if (mkdir(path->p, 0700) < 0 && errno != EEXIST)
            return error_now();
    }
    return 0;
}

/* All three, whoever made them: another thread may have made one and not flushed it yet.  Unchanged ones cost
 * little. */
static int sync_folders(struct buf *path, const char *dir, uint64_t id)
{
    int r;

    path_of(path, dir, id, PATH_INNER);
    r = sync_folder(path->p);
    path_of(path, dir, id, PATH_OUTER);
    if (r == 0)
        r = sync_folder(path->p);
    return r == 0 ? sync_folder(dir) : r;
}

/* ---- reading ---- */

static int open_file(const char *dir, uint64_t id)
{
    CLEANUP(buf_done) struct buf path = { 0 };
    int fd;

    path_of(&path, dir, id, PATH_FILE);
    fd = open(path.p, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -E_NOT_FOUND : -E_LIMIT;
    return fd;
}

int s3_segments_open(const char *dir, struct arena *a, const struct piece *v, size_t n, int64_t from,
                     int64_t to, struct segment **ret, size_t *ret_n)
{
    struct segment *out = arena_calloc(a, n + 1, sizeof(*out));
    size_t used = 0;
    int64_t at = 0;

    for (size_t i = 0; i < n && at < to; at += v[i].bytes, i++) {
        int64_t begin = MAX(from - at, 0), end = MIN(to - at, v[i].bytes);
        int fd;

        if (begin >= end)
            continue;
        fd = open_file(dir, v[i].id);
        if (fd < 0) {
            s3_segments_close(out, used);
            return fd;
        }
        out[used++] = (struct segment){ fd, begin, end - begin };
    }
    *ret = out;
    *ret_n = used;
    return 0;
}

void s3_segments_close(const struct segment *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close(v[i].fd);
}

/* Exactly n bytes, or -E_IO. */
static int read_at(int fd, char *to, size_t n, int64_t from)
{
    while (n > 0) {
        ssize_t got = pread(fd, to, n, from);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -E_IO;
        to += got;
        from += got;
        n -= (size_t)got;
    }
    return 0;
}

int s3_segments_read(const struct segment *v, size_t n, char *to)
{
    for (size_t i = 0; i < n; i++) {
        if (read_at(v[i].fd, to, (size_t)v[i].bytes, v[i].from) < 0)
            return -E_IO;
        to += v[i].bytes;
    }
    return 0;
}

/* ---- writing ---- */

/* Takes what a source holds, to a file where fd >= 0. */
struct taking {
    int fd;
    struct hasher *md5;
    struct summing sum;
    int64_t bytes;
};

static int take_bytes(struct taking *t, const char *p, size_t n)
{
    hasher_add(t->md5, p, n);
    summing_add(&t->sum, p, n);
    t->bytes += (int64_t)n;
    while (t->fd >= 0 && n > 0) {
        ssize_t put = write(t->fd, p, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return error_now();
        p += put;
        n -= (size_t)put;
    }
    return 0;
}

static int take_segment(struct taking *t, const struct segment *s, char *room)
{
    int r = 0;

    CHECK(room != NULL && s->fd >= 0);
    for (int64_t done = 0; r == 0 && done < s->bytes;) {
        size_t n = (size_t)MIN(s->bytes - done, (int64_t)COPY_BYTES);

        r = read_at(s->fd, room, n, s->from + done);
        if (r == 0)
            r = take_bytes(t, room, n);
        done += (int64_t)n;
    }
    return r;
}

static int64_t source_bytes(const struct source *from)
{
    int64_t n = (int64_t)from->bytes.n;

    for (size_t i = 0; i < from->n; i++)
        n += from->v[i].bytes;
    return n;
}

static int take(int fd, const struct source *from, enum checksum k, struct written *ret)
{
    struct taking t = { .fd = fd, .md5 = hasher_new_md5() };
    char *room = from->n > 0 ? xmalloc(COPY_BYTES) : NULL;
    int r = 0;

    summing_begin(&t.sum, k);
    for (size_t at = 0; r == 0 && at < from->bytes.n;
         at += COPY_BYTES) /* each piece is summed while it is in the cache */
        r = take_bytes(&t, from->bytes.p + at, MIN(COPY_BYTES, from->bytes.n - at));
    for (size_t i = 0; r == 0 && i < from->n; i++)
        r = take_segment(&t, &from->v[i], room);
    free(room);
    CHECK(r != 0 || t.bytes == source_bytes(from)); /* all of it, each byte once */
    *ret = (struct written){ t.bytes, hasher_end(t.md5), summing_end(&t.sum) };
    return r;
}

int s3_source_sum(const struct source *from, enum checksum k, struct written *ret)
{
    return take(-1, from, k, ret);
}

static int write_whole(const char *temporary, const struct source *from, enum checksum k, struct written *ret)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), r;

    if (fd < 0)
        return error_now();
    r = take(fd, from, k, ret);
    if (r == 0 && fdatasync(fd) < 0)
        r = error_now();
    if (close(fd) < 0 && r == 0)
        r = error_now();
    return r;
}

int s3_file_write(const char *dir, uint64_t id, const struct source *from, enum checksum k,
                  struct written *ret)
{
    CLEANUP(buf_done) struct buf path = { 0 }, temporary = { 0 };
    int r;

    CHECK(id != 0);
    r = make_folders(&path, dir, id);

    path_of(&path, dir, id, PATH_FILE);
    path_of(&temporary, dir, id, PATH_TEMPORARY);
    if (r == 0)
        r = write_whole(temporary.p, from, k, ret);
    if (r == 0 && rename(temporary.p, path.p) < 0)
        r = error_now();
    if (r == 0) {
        CLEANUP(buf_done) struct buf folders = { 0 };

        r = sync_folders(&folders, dir, id);
    }
    if (r != 0) {
        (void)unlink(temporary.p);
        (void)unlink(path.p);
    }
    return r;
}

void s3_file_remove(const char *dir, uint64_t id)
{
    CLEANUP(buf_done) struct buf path = { 0 };

    path_of(&path, dir, id, PATH_FILE);
    (void)unlink(path.p);
}

/* ---- sweeping ---- */

struct sweep {
    const uint64_t *keep;
    size_t n, removed;
    uint64_t below;
};

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void sweep_file(struct sweep *s, int folder_fd, const char *name)
{
    char *end;
    uint64_t id = strtoull(name, &end, 16);

    if (end == name || id >= s->below || (*end != '\0' && strcmp(end, ".new") != 0))
        return;
    if (*end == '\0' && s->n > 0 && bsearch(&id, s->keep, s->n, sizeof(id), compare_ids) != NULL)
        return;
    s->removed += unlinkat(folder_fd, name, 0) == 0;
}

/* depth 0: outer folders, 1: inner ones, 2: files. */
static void sweep_folder(struct sweep *s, int fd, int depth)
{
    DIR *d = fdopendir(fd);

    CHECK(depth >= 0 && depth <= 2);
    if (d == NULL) {
        close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        if (depth == 2) {
            sweep_file(s, dirfd(d), e->d_name);
            continue;
        }
        fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
            sweep_folder(s, fd, depth + 1);
        (void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR); /* fails unless it is empty */
    }
    closedir(d);
}

size_t s3_files_sweep(const char *dir, const uint64_t *keep, size_t n, uint64_t below)
{
    struct sweep s = { .keep = keep, .n = n, .below = below };
    int fd;

    CHECK(dir != NULL && (n == 0 || keep != NULL));
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        sweep_folder(&s, fd, 0);
    return s.removed;
}
