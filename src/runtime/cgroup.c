/* cgroup.c - see cgroup.h. */
#include "runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/def.h"
#include "runtime/spawn.h"

#define FULL_PROCESSOR_MB 1769 /* "configuration-memory" of the developer guide */
#define MIB ((int64_t)1 << 20)

static struct {
    char base[CGROUP_PATH_BYTES]; /* the environments' groups lie here; "": none */
    bool own_base;                /* made by us: below the machine's root group */
} cg;

static bool group_file(char *path, size_t room, const char *dir, const char *name)
{
    return (size_t)snprintf(path, room, "%s/%s", dir, name) < room;
}

static ssize_t get(const char *dir, const char *name, char *into, size_t room)
{
    char path[CGROUP_PATH_BYTES + 64];
    int fd = group_file(path, sizeof(path), dir, name) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? -1 : read(fd, into, room - 1);

    if (fd >= 0)
        close(fd);
    into[MAX(n, 0)] = '\0';
    return n;
}

static int put(const char *dir, const char *name, const char *text)
{
    char path[CGROUP_PATH_BYTES + 64];
    int fd = group_file(path, sizeof(path), dir, name) ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
    int error = errno;

    if (fd >= 0)
        close(fd);
    errno = error;
    return n < 0 ? -1 : 0;
}

static int put_number(const char *dir, const char *name, int64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    return put(dir, name, text);
}

/* ---- where ---- */

/* Of one line of mountinfo: which part of the hierarchy is mounted, and where. */
static bool read_mount(const char *line, char root[CGROUP_PATH_BYTES], char at[CGROUP_PATH_BYTES])
{
    const char *end = strchr(line, '\n'), *type = strstr(line, " - cgroup2 ");

    return type != NULL && (end == NULL || type < end) &&
           sscanf(line, "%*s %*s %*s %255s %255s", root, at) == 2;
}

bool cgroup_locate(const char *self, const char *mounts, char ret[CGROUP_PATH_BYTES])
{
    const char *own = strncmp(self, "0::", 3) == 0 ? self : strstr(self, "\n0::");
    char path[CGROUP_PATH_BYTES] = "", root[CGROUP_PATH_BYTES], at[CGROUP_PATH_BYTES];

    if (own == NULL || sscanf(own + (*own == '\n'), "0::%255[^\n]", path) != 1 || strstr(path, "/..") != NULL)
        return false;
    for (const char *line = mounts; line != NULL && *line != '\0';
         line = strchr(line, '\n'), line += line != NULL) {
        size_t n;

        if (!read_mount(line, root, at))
            continue;
        n = strcmp(root, "/") == 0 ? 0 : strlen(root);
        if (strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
            continue;
        return snprintf(ret, CGROUP_PATH_BYTES, "%s%s", at, strcmp(path + n, "/") == 0 ? "" : path + n) <
               CGROUP_PATH_BYTES;
    }
    return false;
}

unsigned cgroup_weight(int64_t memory_mb)
{
    return (unsigned)MIN(MAX(memory_mb * 100 / FULL_PROCESSOR_MB, 1), 10000);
}

/* ---- divided ---- */

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = text; (at = strstr(at, word)) != NULL; at += n)
        if ((at == text || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\n' || at[n] == '\0'))
            return true;
    return false;
}

static bool no(char *why, size_t room, const char *what)
{
    snprintf(why, room, "%s", what);
    return false;
}

static bool failed(char *why, size_t room, const char *what)
{
    snprintf(why, room, "%s: %s", what, strerror(errno));
    return false;
}

/* Only the server and the spawner, which asks. */
static bool alone(const char *dir, pid_t server)
{
    char text[4096], *at = text;

    if (get(dir, "cgroup.procs", text, sizeof(text)) <= 0)
        return false;
    for (char *end; *at != '\0'; at = end + (*end == '\n')) {
        long pid = strtol(at, &end, 10);

        if (end == at || (pid != server && pid != getpid()))
            return false;
    }
    return true;
}

static int share_out(const char *dir)
{
    /* cpu may be missing where memory and pids are given: systemd gives users the three since version 252. */
    if (put(dir, "cgroup.subtree_control", "+memory +pids") < 0)
        return -1;
    (void)put(dir, "cgroup.subtree_control", "+cpu");
    return 0;
}

static int move_to(const char *dir, pid_t server)
{
    return put_number(dir, "cgroup.procs", server) < 0 || put_number(dir, "cgroup.procs", getpid()) < 0 ? -1
                                                                                                        : 0;
}

static bool divide_own(const char *own, pid_t server, char *why, size_t room)
{
    char leaf[CGROUP_PATH_BYTES + 32];

    if (!alone(own, server))
        return no(why, room, "other processes share our control group");
    snprintf(leaf, sizeof(leaf), "%s/waybill-server", own);
    if (mkdir(leaf, 0755) < 0 && errno != EEXIST)
        return failed(why, room, "control group");
    if (move_to(leaf, server) == 0 && share_out(own) == 0) {
        snprintf(cg.base, sizeof(cg.base), "%s", own);
        return true;
    }
    (void)failed(why, room, "dividing the control group");
    (void)move_to(own, server);
    (void)rmdir(leaf);
    return false;
}

static bool divide_root(const char *root, pid_t server, char *why, size_t room)
{
    if (share_out(root) < 0)
        return failed(why, room, "dividing the root control group");
    if (snprintf(cg.base, sizeof(cg.base), "%s/waybill-%d", root, (int)server) >= (int)sizeof(cg.base))
        return no(why, room, "the path is too long");
    cg.own_base = (mkdir(cg.base, 0755) == 0 || errno == EEXIST) && share_out(cg.base) == 0;
    if (cg.own_base)
        return true;
    (void)failed(why, room, "control group");
    (void)rmdir(cg.base);
    cg.base[0] = '\0';
    return false;
}

bool cgroup_open(pid_t server, char ret[CGROUP_PATH_BYTES], char *why, size_t why_room)
{
    static char self[4096], mounts[65536];
    char own[CGROUP_PATH_BYTES], text[512];
    bool granted;

    ret[0] = '\0';
    if (get("/proc/self", "cgroup", self, sizeof(self)) <= 0 ||
        get("/proc/self", "mountinfo", mounts, sizeof(mounts)) <= 0 || !cgroup_locate(self, mounts, own))
        return no(why, why_room, "no control groups of version 2");
    if (get(own, "cgroup.controllers", text, sizeof(text)) < 0 || !has_word(text, "memory") ||
        !has_word(text, "pids"))
        return no(why, why_room, "our control group has no memory and pids controllers");
    /* The machine's root group is the one without a type. */
    granted = get(own, "cgroup.type", text, sizeof(text)) < 0 ? divide_root(own, server, why, why_room)
                                                              : divide_own(own, server, why, why_room);
    if (granted)
        snprintf(ret, CGROUP_PATH_BYTES, "%s", cg.base);
    return granted;
}

/* ---- one environment's ---- */

static void group_of(unsigned slot, char *path, size_t room)
{
    snprintf(path, room, SPAWN_GROUP_FORMAT, cg.base, slot);
}

static int limit(const char *dir, int64_t memory_mb, int64_t tmp_mb, unsigned processes)
{
    if (put_number(dir, "memory.max", (memory_mb + tmp_mb) * MIB) < 0 ||
        put_number(dir, "pids.max", processes) < 0)
        return -1;
    (void)put(dir, "memory.swap.max", "0"); /* absent in a kernel without swap accounting */
    (void)put(dir, "memory.oom.group", "1");
    (void)put_number(dir, "cpu.weight", cgroup_weight(memory_mb));
    return 0;
}

int cgroup_make(unsigned slot, int64_t memory_mb, int64_t tmp_mb, unsigned processes)
{
    char dir[CGROUP_PATH_BYTES + 32];

    if (cg.base[0] == '\0')
        return -1;
    group_of(slot, dir, sizeof(dir));
    (void)rmdir(dir); /* one that would not go when its environment ended */
    if ((mkdir(dir, 0755) < 0 && errno != EEXIST) || limit(dir, memory_mb, tmp_mb, processes) < 0)
        return -1;
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool cgroup_end(unsigned slot)
{
    char dir[CGROUP_PATH_BYTES + 32], text[512];
    const char *killed;

    if (cg.base[0] == '\0')
        return false;
    group_of(slot, dir, sizeof(dir));
    killed = get(dir, "memory.events", text, sizeof(text)) > 0 ? strstr(text, "oom_kill ") : NULL;
    (void)put(dir, "cgroup.kill", "1");
    (void)rmdir(dir);
    return killed != NULL && atol(killed + sizeof("oom_kill ") - 1) > 0;
}

void cgroup_close(void)
{
    if (cg.own_base)
        (void)rmdir(cg.base);
    cg.base[0] = '\0';
}
