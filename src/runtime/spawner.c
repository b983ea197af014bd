/* spawner.c - the spawner process: a loop over one socket and one signalfd, and the supervisors it makes.
 *
 * True here: single-threaded; no allocation after the fork; every child of this process is either a
 * supervisor standing in `supervisors` or an orphan of a supervisor that was killed, and orphans are killed
 * on sight (this process is a child subreaper).  A slot's EXITED message is sent after its supervisor was
 * reaped, which for a pid namespace means: after the kernel has ended everything inside. */
#include "runtime/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "runtime/cgroup.h"
#include "runtime/filter.h"

#define PROCESSES 1024u /* "quotas: processes/threads" of the developer guide */
#define MAX_ITEMS 4096  /* argv + env of one process */

static struct {
    int fd, signals, null, proc;
    pid_t server;
    struct spawn_slot *slots;
    pid_t supervisors[SPAWN_SLOTS]; /* 0: no process */
    bool plain[SPAWN_SLOTS];        /* its supervisor is a reaper, not a namespace's init */
    bool unsent[SPAWN_SLOTS];       /* exited, not yet told */
    unsigned n_unsent, used;        /* used: slots below it may be in use */
    bool namespaces, private_root, own_user, user_namespace, grouped, any_plain;
    char *items[MAX_ITEMS + 2];
    char message[SPAWN_MAX_REQUEST_BYTES + 4096];
} sp;

static pid_t clone_process(unsigned long flags)
{
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* Born in its control group: moving there later waits for every processor. */
static pid_t clone_grouped(unsigned long flags, int group)
{
    struct clone_args a = { .flags = flags | CLONE_INTO_CGROUP,
                            .exit_signal = SIGCHLD,
                            .cgroup = (uint64_t)group };

    return (pid_t)syscall(SYS_clone3, &a, sizeof(a));
}

/* With `sp.grouped` no environment starts without its group: an unlimited one would be worse than none. */
static pid_t clone_environment(const struct child *c, unsigned slot)
{
    int group;
    pid_t pid;

    if (!c->grouped)
        return clone_process(sandbox_flags(c->namespaces));
    group = cgroup_make(slot, c->memory_mb, c->tmp_mb, PROCESSES + 1);
    if (group < 0)
        return -1;
    pid = clone_grouped(sandbox_flags(c->namespaces), group);
    if (pid != 0)
        close(group);
    return pid;
}

/* Kills all children of the calling process until there are none; grandchildren come up as their parents
 * fall. */
static void kill_children(int proc_fd, bool wait_all)
{
    for (;;) {
        char text[4096], *at = text;
        int fd = openat(proc_fd, "thread-self/children", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

        if (fd >= 0)
            close(fd);
        text[MAX(n, 0)] = '\0';
        for (char *end; *at != '\0'; at = end) {
            long pid = strtol(at, &end, 10);

            if (end == at)
                break;
            if (pid > 1)
                kill((pid_t)pid, SIGKILL);
            while (*end == ' ')
                end++;
        }
        if (!wait_all || (waitpid(-1, NULL, 0) < 0 && errno == ECHILD))
            return;
    }
}

static void note_runtime_end(struct spawn_slot *slot, int status, const struct rusage *ru)
{
    slot->max_rss_kb = ru->ru_maxrss;
    slot->status = status;
}

/* Pid 1 of its namespace: reaps whatever dies; when the runtime itself does, leaving takes the rest along. */
static void watch_as_init(const struct child *c, pid_t runtime)
{
    for (;;) {
        struct rusage ru;
        int status;
        pid_t pid = wait4(-1, &status, 0, &ru);

        if (pid == runtime)
            return note_runtime_end(c->slot, status, &ru);
        if (pid < 0 && errno == ECHILD)
            return;
    }
}

/* SIGTERM comes from the spawner (or from the kernel when the spawner died) and means: end it all. */
static void watch_as_reaper(const struct child *c, pid_t runtime, const sigset_t *set)
{
    bool over = false;

    while (!over) {
        struct rusage ru;
        int status, sig = sigwaitinfo(set, NULL);
        pid_t pid;

        over = sig == SIGTERM;
        while (!over && (pid = wait4(-1, &status, WNOHANG, &ru)) > 0)
            if (pid == runtime) {
                note_runtime_end(c->slot, status, &ru);
                over = true;
            }
    }
    kill_children(c->proc_fd, true);
}

static void note_pid(const struct child *c)
{
    char text[32];
    ssize_t n = readlinkat(c->proc_fd, "self", text, sizeof(text) - 1);

    if (n > 0) {
        text[n] = '\0';
        c->slot->runtime_pid = (int32_t)atoi(text);
    }
}

/* 0 /dev/null, 1 and 2 the environment's output, 3 the spawner's /proc; nothing else. */
static void arrange_files(struct child *c, int output)
{
    int out = fcntl(output, F_DUPFD, 10), null = fcntl(sp.null, F_DUPFD, 10),
        proc = fcntl(sp.proc, F_DUPFD, 10);

    if (dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || dup3(proc, 3, O_CLOEXEC) < 0)
        _exit(126);
    close_range(4, ~0u, 0);
    c->proc_fd = 3;
}

static void supervise(struct child *c, int output) __attribute__((noreturn));
static void supervise(struct child *c, int output)
{
    sigset_t set;
    pid_t runtime;

    prctl(PR_SET_PDEATHSIG, c->namespaces ? SIGKILL : SIGTERM);
    prctl(PR_SET_NAME, "waybill-env");
    arrange_files(c, output);
    if (!c->namespaces)
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (sandbox_enter(c) < 0)
        _exit(125);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_SETMASK, &set, NULL);
    runtime = fork();
    if (runtime == 0) {
        note_pid(c);
        sandbox_become(c);
    }
    if (runtime < 0) {
        c->slot->failed_errno = errno;
        c->slot->failed_stage = SPAWN_FORK;
        _exit(125);
    }
    /* The pipe must end with the function's last process, not with us. */
    close_range(0, 2, 0);
    if (c->namespaces)
        watch_as_init(c, runtime);
    else
        watch_as_reaper(c, runtime, &set);
    _exit(0);
}

static void start(struct child *c, unsigned slot, int output)
{
    pid_t pid;

    *c->slot = (struct spawn_slot){ .status = -1 };
    pid = clone_environment(c, slot);
    if (pid == 0)
        supervise(c, output);
    if (pid < 0) {
        c->slot->failed_errno = errno;
        c->slot->failed_stage = SPAWN_FORK;
        sp.unsent[slot] = true;
        sp.n_unsent++;
        return;
    }
    c->slot->supervisor_pid = pid;
    sp.supervisors[slot] = pid;
    sp.plain[slot] = !c->namespaces;
    sp.any_plain |= sp.plain[slot];
    sp.used = MAX(sp.used, slot + 1);
}

static void set_isolation(struct child *c, unsigned slot, bool sandbox)
{
    c->namespaces = sandbox && sp.namespaces;
    c->private_root = c->namespaces && sp.private_root;
    c->drop = sandbox;
    c->grouped = sandbox && sp.grouped;
    c->uid = sandbox && sp.own_user ? SPAWN_FIRST_UID + slot : 0;
    /* The limit counts all processes of a user: it fits one environment only where that has a user of its
     * own. */
    c->processes = c->uid != 0 ? PROCESSES : 0;
    c->proc_fd = sp.proc;
}

static char *next_item(char **at, char *end)
{
    char *item = *at, *nul = item < end ? memchr(item, '\0', (size_t)(end - item)) : NULL;

    if (nul == NULL)
        _exit(3);
    *at = nul + 1;
    return item;
}

static void on_spawn(const struct spawner_message *m, char *at, char *end, int output)
{
    struct child c = { .slot = &sp.slots[m->slot], .tmp_mb = m->tmp_mb, .memory_mb = m->memory_mb };
    size_t n = 0;

    if (m->n_argv + m->n_env > MAX_ITEMS)
        _exit(3);
    c.cwd = next_item(&at, end);
    c.task_dir = next_item(&at, end);
    c.prefix = next_item(&at, end);
    if (!m->has_prefix)
        c.prefix = NULL;
    c.argv = &sp.items[0];
    for (uint32_t i = 0; i < m->n_argv; i++)
        sp.items[n++] = next_item(&at, end);
    sp.items[n++] = NULL;
    c.env = &sp.items[n];
    for (uint32_t i = 0; i < m->n_env; i++)
        sp.items[n++] = next_item(&at, end);
    sp.items[n] = NULL;
    set_isolation(&c, m->slot, m->sandbox);
    start(&c, m->slot, output);
}

/* Starts /bin/true the way an environment is started, and says whether that went well. */
static bool try_isolation(const char *task_dir, struct spawn_isolation *i)
{
    static char *argv[] = { "/bin/true", NULL }, *env[] = { NULL };
    struct spawn_slot *slot = &sp.slots[SPAWN_SLOTS - 1];
    struct child c = { .slot = slot,
                       .cwd = "/",
                       .task_dir = task_dir,
                       .argv = argv,
                       .env = env,
                       .tmp_mb = 1,
                       .memory_mb = 128 };
    pid_t pid;
    int status;

    set_isolation(&c, SPAWN_SLOTS - 1, true);
    *slot = (struct spawn_slot){ .status = -1 };
    pid = clone_environment(&c, SPAWN_SLOTS - 1);
    if (pid == 0)
        supervise(&c, sp.null);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && slot->status == 0) {
        (void)cgroup_end(SPAWN_SLOTS - 1);
        return true;
    }
    snprintf(i->why, sizeof(i->why), "%s: %s",
             spawn_stage_text(pid < 0 ? SPAWN_FORK : (enum spawn_stage)slot->failed_stage),
             strerror(pid < 0 ? errno : slot->failed_errno));
    return false;
}

/* Kernels before 5.7 have groups and nobody can be born in one. */
static bool try_group(struct spawn_isolation *i)
{
    int group = cgroup_make(SPAWN_SLOTS - 1, 128, 1, PROCESSES), status = -1;
    pid_t pid = group < 0 ? -1 : clone_grouped(0, group);

    if (pid == 0)
        _exit(0);
    if (pid < 0)
        snprintf(i->why_no_group, sizeof(i->why_no_group), "entering a control group: %.60s",
                 strerror(errno));
    if (group >= 0)
        close(group);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0) {
        (void)cgroup_end(SPAWN_SLOTS - 1);
        return true;
    }
    i->group[0] = '\0';
    return false;
}

/* A kernel without filters, or one that refuses ours, is found out by a child that tries. */
static bool try_filter(bool memfd, bool sysv)
{
    int status = -1;
    pid_t pid;

    if (filter_prepare(memfd, sysv) < 0)
        return false;
    pid = clone_process(0);
    if (pid == 0)
        _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_install() == 0 ? 0 : 1);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
        return true;
    filter_forget();
    return false;
}

/* Best first; each step down gives up the thing most likely to be in the way. */
static void probe(const char *run_dir, const char *bootstrap_dir, struct spawn_isolation *ret)
{
    memset(ret, 0, sizeof(*ret));
    /* Before the user namespace, in which the parent process would be somebody else's. */
    sp.grouped =
        cgroup_open(sp.server, ret->group, ret->why_no_group, sizeof(ret->why_no_group)) && try_group(ret);
    sp.private_root = sandbox_template(run_dir, bootstrap_dir, &sp.user_namespace, ret) == 0;
    sp.namespaces = true;
    sp.own_user = geteuid() == 0 && !sp.user_namespace;
    if (!sp.private_root || !try_isolation(bootstrap_dir, ret)) {
        sp.private_root = false;
        /* Without a root of its own an environment must reach the data directory as the server's user. */
        sp.own_user = false;
        sp.namespaces = try_isolation(bootstrap_dir, &(struct spawn_isolation){ .namespaces = false });
    }
    ret->filter =
        try_filter(sp.grouped, sp.namespaces && (sp.grouped || sp.slots[SPAWN_SLOTS - 1].ipc_limited));
    ret->namespaces = sp.namespaces;
    ret->private_root = sp.private_root;
    ret->own_user = sp.own_user;
    ret->user_namespace = sp.user_namespace;
}

static void on_probe(char *at, char *end)
{
    struct {
        struct spawner_message m;
        struct spawn_isolation i;
    } reply = { .m.op = SPAWNER_PROBED };
    const char *run_dir = next_item(&at, end);

    probe(run_dir, next_item(&at, end), &reply.i);
    send(sp.fd, &reply, sizeof(reply), MSG_NOSIGNAL);
}

static void on_kill(unsigned slot)
{
    if (sp.supervisors[slot] > 0)
        kill(sp.supervisors[slot], sp.plain[slot] ? SIGTERM : SIGKILL);
}

static void end_groups(void)
{
    for (unsigned i = 0; i < sp.used; i++)
        (void)cgroup_end(i);
    cgroup_close();
}

static void leave(void) __attribute__((noreturn));
static void leave(void)
{
    for (unsigned i = 0; i < sp.used; i++)
        on_kill(i);
    /* Supervisors without a namespace clean up behind themselves; give them the time, then insist. */
    for (int waited_ms = 0; waited_ms < 500; waited_ms += 10) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
            break;
        poll(NULL, 0, 10);
    }
    kill_children(sp.proc, true);
    end_groups();
    _exit(0);
}

static void receive(void)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec v = { sp.message, sizeof(sp.message) };
    struct msghdr h = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    ssize_t n = recvmsg(sp.fd, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *passed;
    struct spawner_message m;
    int output = -1;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < (ssize_t)sizeof(m) || (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        leave();
    memcpy(&m, sp.message, sizeof(m));
    passed = CMSG_FIRSTHDR(&h);
    if (passed != NULL && passed->cmsg_type == SCM_RIGHTS)
        memcpy(&output, CMSG_DATA(passed), sizeof(output));
    if (m.slot >= SPAWN_SLOTS)
        leave();
    if (m.op == SPAWNER_SPAWN && output >= 0)
        on_spawn(&m, sp.message + sizeof(m), sp.message + n, output);
    else if (m.op == SPAWNER_KILL)
        on_kill(m.slot);
    else if (m.op == SPAWNER_PROBE)
        on_probe(sp.message + sizeof(m), sp.message + n);
    else if (m.op == SPAWNER_PING)
        send(sp.fd, &(struct spawner_message){ .op = SPAWNER_PONG }, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (output >= 0)
        close(output);
}

static void reap(void)
{
    struct signalfd_siginfo drop[16];
    pid_t pid;

    while (read(sp.signals, drop, sizeof(drop)) > 0)
        ;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        unsigned i = 0;

        while (i < sp.used && sp.supervisors[i] != pid)
            i++;
        if (i == sp.used)
            continue;
        sp.supervisors[i] = 0;
        sp.slots[i].out_of_memory = cgroup_end(i);
        sp.unsent[i] = true;
        sp.n_unsent++;
    }
}

/* Children that are no supervisors: their supervisor was killed by somebody else. */
static void kill_orphans(void)
{
    char text[65536], *at = text;
    int fd = openat(sp.proc, "thread-self/children", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    text[MAX(n, 0)] = '\0';
    for (char *end; *at != '\0'; at = end + (*end == ' ')) {
        long pid = strtol(at, &end, 10);
        unsigned i = 0;

        if (end == at)
            break;
        while (i < sp.used && sp.supervisors[i] != pid)
            i++;
        if (i == sp.used && pid > 1)
            kill((pid_t)pid, SIGKILL);
    }
}

static void tell_exits(void)
{
    for (unsigned i = 0; i < SPAWN_SLOTS && sp.n_unsent > 0; i++) {
        struct spawner_message m = { .op = SPAWNER_EXITED, .slot = i };

        if (!sp.unsent[i])
            continue;
        if (send(sp.fd, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            return; /* full: POLLOUT will tell */
        sp.unsent[i] = false;
        sp.n_unsent--;
    }
}

static void set_up(int fd, struct spawn_slot *slots)
{
    sigset_t set;

    setsid();
    prctl(PR_SET_NAME, "waybill-spawner");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    /* Children inherit this: even a set-user-id program inside gives them no capability back. */
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL); /* ^C in the terminal is the server's business */
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM); /* the server has died: see spawner_main() */
    sp.server = getppid();
    sp.fd = fd;
    sp.slots = slots;
    sp.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    sp.null = open("/dev/null", O_RDWR | O_CLOEXEC);
    sp.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (sp.signals < 0 || sp.null < 0)
        _exit(2);
    if (chdir("/") < 0)
        _exit(2);
}

void spawner_main(int fd, struct spawn_slot *slots)
{
    set_up(fd, slots);
    for (;;) {
        struct pollfd p[2] = { { .fd = sp.fd, .events = POLLIN }, { .fd = sp.signals, .events = POLLIN } };

        if (sp.n_unsent > 0)
            p[0].events |= POLLOUT;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            leave();
        if ((p[1].revents & POLLIN) != 0) {
            reap();
            if (sp.any_plain)
                kill_orphans();
            /* A service manager ends both at once, and the server still has answers to wait for. */
            if (getppid() != sp.server)
                leave();
        }
        if ((p[0].revents & POLLIN) != 0)
            receive();
        else if ((p[0].revents & (POLLHUP | POLLERR)) != 0)
            leave();
        if (sp.n_unsent > 0)
            tell_exits();
    }
}
