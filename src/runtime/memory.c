/* memory.c - see memory.h.  Everything read here may end while it is read: what is gone counts nothing. */
#include "runtime/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/def.h"

#define MOST_PROCESSES 4096u /* looked at; limits end an environment long before */

struct tree {
    int proc; /* a /proc, open; the pids are as it shows them */
    unsigned n;
    int32_t pids[MOST_PROCESSES];
};

/* Text of a small file, NUL-terminated; its length, or -1. */
static ssize_t read_text(int dir, const char *path, char *into, size_t room)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, into, room - 1);

    if (fd >= 0)
        close(fd);
    into[MAX(n, 0)] = '\0';
    return n;
}

static void add_pid(struct tree *t, long pid)
{
    if (t->n < MOST_PROCESSES && pid > 0)
        t->pids[t->n++] = (int32_t)pid;
}

/* All of a pid namespace but its first, which is the supervisor. */
static void list_namespace(struct tree *t)
{
    int copy = openat(t->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);

    if (d == NULL) {
        if (copy >= 0)
            close(copy);
        return;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && strcmp(e->d_name, "1") != 0)
            add_pid(t, atol(e->d_name));
    closedir(d);
}

/* A process's children stand with the thread that made them. */
static void list_children(struct tree *t, int32_t pid)
{
    char path[64], text[4096];
    DIR *d;
    int fd;

    snprintf(path, sizeof(path), "%d/task", (int)pid);
    fd = openat(t->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d = fd < 0 ? NULL : fdopendir(fd);
    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        char *at = text;

        snprintf(path, sizeof(path), "%.20s/children", e->d_name);
        if (e->d_name[0] == '.' || read_text(dirfd(d), path, text, sizeof(text)) <= 0)
            continue;
        for (char *end; *at != '\0'; at = end + (*end == ' ')) {
            long child = strtol(at, &end, 10);

            if (end == at)
                break;
            add_pid(t, child);
        }
    }
    closedir(d);
}

static void list_descendants(struct tree *t, int32_t supervisor)
{
    list_children(t, supervisor);
    for (unsigned i = 0; i < t->n; i++)
        list_children(t, t->pids[i]);
}

static int64_t resident_kb(int proc, const int32_t *pids, unsigned n)
{
    int64_t pages = 0;
    char path[64], text[128];

    for (unsigned i = 0; i < n; i++) {
        long long one = 0;

        snprintf(path, sizeof(path), "%d/statm", (int)pids[i]);
        if (read_text(proc, path, text, sizeof(text)) > 0 && sscanf(text, "%*s %lld", &one) == 1)
            pages += one;
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A process that cannot be asked (it belongs to somebody else by now) counts with what is resident. */
static int64_t share_kb(int proc, int32_t pid)
{
    char path[64], text[2048];
    const char *at;

    snprintf(path, sizeof(path), "%d/smaps_rollup", (int)pid);
    at = read_text(proc, path, text, sizeof(text)) > 0 ? strstr(text, "\nPss:") : NULL;
    return at != NULL ? atoll(at + sizeof("\nPss:") - 1) : resident_kb(proc, &pid, 1);
}

struct memory_walk {
    unsigned at, n;
    int64_t kb;
    int32_t pids[];
};

static int64_t walk_on(const struct tree *t, struct memory_walk **walk)
{
    struct memory_walk *w = *walk;
    int64_t kb;

    if (w == NULL) {
        w = *walk = xmalloc(sizeof(*w) + t->n * sizeof(w->pids[0]));
        *w = (struct memory_walk){ .n = t->n };
        memcpy(w->pids, t->pids, t->n * sizeof(w->pids[0]));
    }
    for (unsigned most = MIN(w->at + MEMORY_LOOK, w->n); w->at < most; w->at++)
        w->kb += share_kb(t->proc, w->pids[w->at]);
    kb = w->kb;
    if (w->at == w->n)
        free(TAKE(*walk));
    return kb;
}

void memory_of_processes(int32_t supervisor, bool private_root, int64_t limit_kb, struct memory_walk **walk,
                         struct memory_use *ret)
{
    static struct tree t; /* the loop's thread only */
    char path[64];

    *ret = (struct memory_use){ 0 };
    t.n = 0;
    snprintf(path, sizeof(path), "/proc/%d/root/proc", (int)supervisor);
    t.proc = open(private_root ? path : "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t.proc < 0)
        return;
    if (private_root)
        list_namespace(&t);
    else
        list_descendants(&t, supervisor);
    ret->processes = t.n;
    ret->kb = resident_kb(t.proc, t.pids, t.n);
    if (ret->kb > limit_kb && t.n > 1)
        ret->kb = walk_on(&t, walk);
    else
        free(TAKE(*walk));
    close(t.proc);
}

/* ---- by control group ---- */

static int64_t stat_kb(const char *text, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = text; at != NULL && *at != '\0'; at = strchr(at, '\n'), at += at != NULL)
        if (strncmp(at, name, n) == 0 && at[n] == ' ')
            return atoll(at + n) / 1024;
    return 0;
}

static int64_t tmp_kb(int32_t supervisor)
{
    char path[64];
    struct statfs s;

    snprintf(path, sizeof(path), "/proc/%d/root/tmp", (int)supervisor);
    return statfs(path, &s) < 0 ? 0 : (int64_t)(s.f_blocks - s.f_bfree) * (int64_t)s.f_bsize / 1024;
}

int memory_of_group(const char *dir, int32_t supervisor, struct memory_use *ret)
{
    char path[512], text[8192];
    int64_t shared;

    *ret = (struct memory_use){ 0 };
    snprintf(path, sizeof(path), "%s/memory.stat", dir);
    if (read_text(AT_FDCWD, path, text, sizeof(text)) <= 0)
        return -E_NOT_FOUND;
    shared = stat_kb(text, "shmem") - tmp_kb(supervisor);
    ret->kb = stat_kb(text, "anon") + MAX(shared, 0);
    snprintf(path, sizeof(path), "%s/pids.current", dir);
    if (read_text(AT_FDCWD, path, text, sizeof(text)) > 0)
        ret->processes = (unsigned)atoi(text);
    return 0;
}
