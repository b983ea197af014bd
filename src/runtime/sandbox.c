/* sandbox.c - what a function process may see and do.
 *
 * True here: all of it runs in the spawner or in children of it, never in the server.  The private root is a
 * tmpfs at RUN_DIR/root in the spawner's own mount namespace; what all environments share is bound there
 * once, and each environment, in a copy of that namespace, adds its package, its /tmp and its /proc: four
 * mounts instead of twenty per cold start.  Nothing of the host's root is left after pivot_root, so the
 * server's data directory and the home directories are not forbidden: they do not exist. */
#include "runtime/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "runtime/filter.h"

#define OPEN_FILES 1024u /* "quotas: file descriptors" of the developer guide */

/* Where the template stands; the same in the spawner and all its children. */
static char root_dir[512];

static int failed(const struct child *c, enum spawn_stage stage)
{
    c->slot->failed_errno = errno;
    c->slot->failed_stage = (int32_t)stage;
    return -1;
}

static int write_file(int dir, const char *path, const char *text)
{
    int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -1;
    n = write(fd, text, strlen(text));
    close(fd);
    return n < 0 ? -1 : 0;
}

/* mkdir -p below the current directory; parents are readable by all. */
static int make_dirs(const char *path)
{
    char part[512];
    size_t n = strlen(path);

    if (n >= sizeof(part))
        return errno = ENAMETOOLONG, -1;
    for (size_t i = 1; i <= n; i++)
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            if (mkdir(part, 0755) < 0 && errno != EEXIST)
                return -1;
        }
    return 0;
}

static int restrict_mount(const char *at, uint64_t set)
{
    struct mount_attr a = { .attr_set = set };

    return mount_setattr(AT_FDCWD, at, AT_RECURSIVE, &a, sizeof(a));
}

/* `from` of the host appears read-only at the relative path `at`. */
static int bind_dir(const char *from, const char *at)
{
    if (make_dirs(at) < 0 || mount(from, at, NULL, MS_BIND | MS_REC, NULL) < 0)
        return -1;
    return restrict_mount(at, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
}

static int bind_device(const char *name)
{
    char from[64], at[64];
    int fd;

    snprintf(from, sizeof(from), "/dev/%s", name);
    snprintf(at, sizeof(at), "dev/%s", name);
    fd = open(at, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    close(fd);
    return mount(from, at, NULL, MS_BIND, NULL);
}

/* /lib is a link on most machines and a directory on some: the same here. */
static int copy_or_bind(const char *path)
{
    char target[256];
    ssize_t n = readlink(path, target, sizeof(target) - 1);

    if (n >= 0) {
        target[n] = '\0';
        return symlink(target, path + 1) < 0 && errno != EEXIST ? -1 : 0;
    }
    return access(path, F_OK) < 0 ? 0 : bind_dir(path, path + 1);
}

static int build_devices(void)
{
    static const char *const devices[] = { "null", "zero", "full", "random", "urandom" };
    static const char *const links[][2] = {
        { "/proc/self/fd", "dev/fd" },
        { "/proc/self/fd/0", "dev/stdin" },
        { "/proc/self/fd/1", "dev/stdout" },
        { "/proc/self/fd/2", "dev/stderr" },
    };

    if (make_dirs("dev") < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        if (bind_device(devices[i]) < 0)
            return -1;
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        if (symlink(links[i][0], links[i][1]) < 0)
            return -1;
    return 0;
}

/* Names are resolved by the machine's own settings.  Where resolv.conf is a link into /run (systemd-resolved,
 * NetworkManager, resolvconf), the folder it lies in appears too: the file is replaced, not rewritten, when
 * the network changes.  Elsewhere (/mnt/wsl) only the file does. */
static int build_resolver(void)
{
    char real[512], *slash;
    int fd;

    if (realpath("/etc/resolv.conf", real) == NULL || strncmp(real, "/etc/", 5) == 0 ||
        strncmp(real, "/usr/", 5) == 0)
        return 0;
    slash = strrchr(real, '/');
    if (slash == real)
        return 0;
    *slash = '\0';
    if (strncmp(real, "/run/", 5) == 0)
        return bind_dir(real, real + 1);
    if (make_dirs(real + 1) < 0)
        return -1;
    *slash = '/';
    fd = open(real + 1, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    close(fd);
    return mount(real, real + 1, NULL, MS_BIND, NULL);
}

/* The mount keeps a file whose name is gone: nobody can reach it by another way. */
static int cover_file(const char *at, const char *scratch, const char *text)
{
    int fd, r;

    if (access(at, F_OK) < 0)
        return 0;
    fd = open(scratch, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    close(fd);
    r = write_file(AT_FDCWD, scratch, text) < 0 || mount(scratch, at, NULL, MS_BIND, NULL) < 0 ||
                restrict_mount(at, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID) < 0
            ? -1
            : 0;
    return unlink(scratch) < 0 ? -1 : r;
}

/* Users, groups and hosts are what /etc says: the daemons that know more are not in here to be asked. */
static int build_switch(void)
{
    return cover_file("etc/nsswitch.conf", "run/nsswitch.conf",
                      "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
                      "protocols: files\nservices: files\nethers: files\nrpc: files\n");
}

/* As at AWS: the function's user has a name, and a home that is not there and cannot be made. */
static int build_user(const struct child *c)
{
    unsigned uid = (unsigned)(c->uid != 0 ? c->uid : geteuid()),
             gid = (unsigned)(c->uid != 0 ? c->uid : getegid());
    char text[512];

    snprintf(text, sizeof(text), "%ssbx_user1051:x:%u:%u::/home/sbx_user1051:/sbin/nologin\n%s",
             uid != 0 ? "root:x:0:0:root:/root:/bin/bash\n" : "", uid, gid,
             "nobody:x:65534:65534:nobody:/:/sbin/nologin\n");
    if (cover_file("etc/passwd", "tmp/passwd", text) < 0)
        return -1;
    snprintf(text, sizeof(text), "%ssbx_user1051:x:%u:\nnogroup:x:65534:\n", gid != 0 ? "root:x:0:\n" : "",
             gid);
    return cover_file("etc/group", "tmp/group", text);
}

static int build_root(const char *bootstrap_dir)
{
    static const char *const system_dirs[] = { "/usr", "/etc",   "/bin",    "/sbin",
                                               "/lib", "/lib32", "/libx32", "/lib64" };
    static const char *const empty_dirs[] = { "proc", "tmp", "var/task", "var/tmp", "opt", "run", "home" };

    for (size_t i = 0; i < ARRAY_LEN(system_dirs); i++)
        if (copy_or_bind(system_dirs[i]) < 0)
            return -1;
    for (size_t i = 0; i < ARRAY_LEN(empty_dirs); i++)
        if (make_dirs(empty_dirs[i]) < 0)
            return -1;
    if (build_devices() < 0 || build_resolver() < 0 || build_switch() < 0)
        return -1;
    return bind_dir(bootstrap_dir, "var/runtime");
}

/* Being root of a user namespace of our own is enough for mounts and process namespaces. */
static int own_user_namespace(void)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return -1;
    if (write_file(AT_FDCWD, "/proc/self/setgroups", "deny") < 0)
        return -1;
    snprintf(map, sizeof(map), "%u %u 1", (unsigned)uid, (unsigned)uid);
    if (write_file(AT_FDCWD, "/proc/self/uid_map", map) < 0)
        return -1;
    snprintf(map, sizeof(map), "%u %u 1", (unsigned)gid, (unsigned)gid);
    return write_file(AT_FDCWD, "/proc/self/gid_map", map);
}

static int unavailable(struct spawn_isolation *i, const char *what)
{
    snprintf(i->why, sizeof(i->why), "%.64s: %.80s", what, strerror(errno));
    return -1;
}

int sandbox_template(const char *run_dir, const char *bootstrap_dir, bool *ret_user_namespace,
                     struct spawn_isolation *i)
{
    int r = unshare(CLONE_NEWNS);

    *ret_user_namespace = false;
    if (r < 0) {
        if (own_user_namespace() < 0)
            return unavailable(i, "no namespaces");
        *ret_user_namespace = true;
    }
    snprintf(root_dir, sizeof(root_dir), "%s/root", run_dir);
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return unavailable(i, "mount propagation");
    if (mkdir(root_dir, 0755) < 0 && errno != EEXIST)
        return unavailable(i, "making RUN_DIR/root");
    if (mount("tmpfs", root_dir, "tmpfs", MS_NOSUID, "mode=0755,size=16m") < 0 || chdir(root_dir) < 0)
        return unavailable(i, "mounting a tmpfs");
    r = build_root(bootstrap_dir) < 0 ? unavailable(i, "binding the system's directories") : 0;
    return chdir("/") < 0 ? unavailable(i, "chdir") : r;
}

unsigned long sandbox_flags(bool namespaces)
{
    return namespaces ? CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS : 0;
}

/* Where nothing counts them otherwise, in an IPC namespace of its own: a segment nobody has attached goes at
 * once, so the shared memory there is can be seen in the processes; messages and semaphores are few.  An
 * older kernel gives these to the machine's root only: no failure, but see filter_prepare(). */
static void limit_ipc(const struct child *c)
{
    if (!c->namespaces || c->grouped)
        return;
    c->slot->ipc_limited = write_file(c->proc_fd, "sys/kernel/shm_rmid_forced", "1") == 0 &&
                           write_file(c->proc_fd, "sys/kernel/msgmni", "32") == 0 &&
                           write_file(c->proc_fd, "sys/kernel/sem", "250 32000 100 128") == 0;
}

int sandbox_enter(const struct child *c)
{
    char size[64];

    limit_ipc(c);
    if (!c->private_root)
        return 0;
    snprintf(size, sizeof(size), "mode=1777,size=%lldm", (long long)c->tmp_mb);
    if (chdir(root_dir) < 0 || bind_dir(c->task_dir, "var/task") < 0)
        return failed(c, SPAWN_MOUNT);
    if (mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, size) < 0)
        return failed(c, SPAWN_MOUNT);
    if (build_user(c) < 0)
        return failed(c, SPAWN_MOUNT);
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return failed(c, SPAWN_MOUNT);
    if (c->prefix != NULL && bind_dir(c->prefix, c->prefix + 1) < 0)
        return failed(c, SPAWN_MOUNT);
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return failed(c, SPAWN_PIVOT);
    if (mount_setattr(AT_FDCWD, "/", 0, &(struct mount_attr){ .attr_set = MOUNT_ATTR_RDONLY },
                      sizeof(struct mount_attr)) < 0)
        return failed(c, SPAWN_PIVOT);
    return 0;
}

static int set_limit(__rlimit_resource_t which, uint64_t most)
{
    struct rlimit now, want;

    if (getrlimit(which, &now) < 0)
        return -1;
    want.rlim_max = MIN((rlim_t)most, now.rlim_max);
    want.rlim_cur = want.rlim_max;
    return setrlimit(which, &want);
}

static int set_limits(const struct child *c)
{
    if (set_limit(RLIMIT_NOFILE, OPEN_FILES) < 0 || set_limit(RLIMIT_CORE, 0) < 0)
        return failed(c, SPAWN_LIMITS);
    if (c->processes > 0 && set_limit(RLIMIT_NPROC, c->processes) < 0)
        return failed(c, SPAWN_LIMITS);
    /* When the machine runs out of memory a function goes before the server does; refusal is no failure. */
    (void)write_file(c->proc_fd, "self/oom_score_adj", "500");
    return 0;
}

static int set_user(const struct child *c)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };

    /* A user namespace of our own starts with a full bounding set, whatever the spawner gave up before. */
    for (int cap = 0; c->drop && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    if (c->uid != 0 && (setgroups(0, NULL) < 0 || setresgid(c->uid, c->uid, c->uid) < 0 ||
                        setresuid(c->uid, c->uid, c->uid) < 0))
        return failed(c, SPAWN_USER);
    if (c->drop && (syscall(SYS_capset, &head, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0))
        return failed(c, SPAWN_USER);
    return 0;
}

static void reset_signals(void)
{
    sigset_t none;

    for (int n = 1; n < NSIG; n++)
        signal(n, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void sandbox_become(const struct child *c)
{
    setsid();
    umask(022);
    if (set_limits(c) < 0 || set_user(c) < 0)
        _exit(127);
    /* After the change of user, which clears it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chdir(c->cwd) < 0) {
        failed(c, SPAWN_CHDIR);
        _exit(127);
    }
    reset_signals();
    if (c->drop && filter_install() < 0) {
        failed(c, SPAWN_FILTER);
        _exit(127);
    }
    execve(c->argv[0], c->argv, c->env);
    failed(c, SPAWN_EXEC);
    _exit(127);
}
