/* spawn.c - asking the spawner, and hearing from it.
 *
 * True here: the socket is non-blocking; a request that finds it full waits for room (the spawner takes a
 * request in about a millisecond and never waits for us, so the wait is short and cannot be mutual).  One
 * timer: while a PING is out, when the answer is due; while there is no spawner, when the next is forked.
 *
 * The first spawner is forked from a small process.  A later one costs the copy of the server's page tables,
 * once; it closes what it inherits but its socket, and never touches the heap. */
#include "runtime/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "runtime/runtime.h"
#include "runtime/spawner.h"

#define SEND_WAIT_MS 1000
#define FORK_PAUSE_MS 1000 /* between two spawners that die at once */
#define PROBE_WAIT_MS 5000

struct spawner {
    int fd;
    pid_t pid;
    struct spawn_slot *slots; /* shared with the spawner and its children */
    bool in_use[SPAWN_SLOTS];
    bool dead;
    bool asked, heard; /* a PING is out; anything has come since */
    bool unasked;      /* requests were sent behind it */
    int64_t forked_ns;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned handles; /* of the loop, not yet closed */
    bool polling, open, closing;
    struct spawner_watch watch;
    void (*closed)(void *arg);
    void *closed_arg;
    struct buf request;
};

const char *spawn_stage_text(enum spawn_stage stage)
{
    static const char *const texts[] = {
#define S(name, text) [SPAWN_##name] = text,
        SPAWN_STAGES(S)
#undef S
    };

    return (size_t)stage < ARRAY_LEN(texts) ? texts[stage] : "?";
}

static void become_spawner(int fd, struct spawn_slot *slots, pid_t server) __attribute__((noreturn));
static void become_spawner(int fd, struct spawn_slot *slots, pid_t server)
{
    /* EOF on the socket is the rule; this covers a copy of the socket surviving in some other child. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != server)
        _exit(0);
    signal(SIGPIPE, SIG_DFL); /* functions inherit what is ignored */
    if (dup2(fd, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0)
        _exit(2);
    close_range(4, ~0u, 0);
    spawner_main(3, slots);
}

static int fork_spawner(struct spawner *s)
{
    size_t bytes = sizeof(struct spawn_slot) * SPAWN_SLOTS;
    struct spawn_slot *slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fds[2], room = 1 << 20;
    pid_t server = getpid(), pid;
    sigset_t all, before;

    if (slots == MAP_FAILED)
        return -E_SYSTEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) {
        munmap(slots, bytes);
        return -E_SYSTEM;
    }
    (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    sigfillset(&all); /* the server's handlers are no business of the child's */
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        become_spawner(fds[1], slots, server);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        munmap(slots, bytes);
        return -E_SYSTEM;
    }
    s->fd = fds[0];
    s->pid = pid;
    s->slots = slots;
    s->forked_ns = clock_mono_ns();
    s->asked = s->unasked = s->dead = false;
    return 0;
}

int spawner_start(struct spawner **ret)
{
    struct spawner *s = xcalloc(1, sizeof(*s));
    int r = fork_spawner(s);

    if (r < 0)
        free(s);
    else
        *ret = s;
    return r;
}

pid_t spawner_pid(const struct spawner *s) { return s->dead ? 0 : s->pid; }

static int send_message(struct spawner *s, struct str m, int pass_fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec v = { (void *)(uintptr_t)m.p, m.n };
    struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };

    if (pass_fd >= 0) {
        struct cmsghdr *c;

        h.msg_control = &control;
        h.msg_controllen = sizeof(control);
        c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
    }
    while (sendmsg(s->fd, &h, MSG_NOSIGNAL) < 0) {
        struct pollfd p = { .fd = s->fd, .events = POLLOUT };

        if (errno != EAGAIN && errno != EINTR)
            return -E_SYSTEM;
        if (poll(&p, 1, SEND_WAIT_MS) == 0)
            return -E_SYSTEM;
    }
    return 0;
}

/* ---- does it answer? ---- */

static void on_timer(uv_timer_t *timer);

/* After every request: an answer to a PING that stands behind it is due in SPAWNER_ANSWER_MS. */
static void expect_answer(struct spawner *s)
{
    struct spawner_message m = { .op = SPAWNER_PING };

    s->unasked = s->asked;
    if (!s->open || s->closing || s->asked)
        return;
    s->asked = true;
    s->heard = false;
    (void)send(s->fd, &m, sizeof(m),
               MSG_NOSIGNAL); /* no room: there is enough before it that wants an answer */
    uv_timer_start(&s->timer, on_timer, SPAWNER_ANSWER_MS, 0);
}

static void got_answer(struct spawner *s)
{
    s->asked = false;
    uv_timer_stop(&s->timer);
    if (s->unasked)
        expect_answer(s);
}

/* ---- requests ---- */

static void add_item(struct buf *b, const char *z)
{
    buf_add(b, z != NULL ? z : "", z != NULL ? strlen(z) + 1 : 1);
}

static uint32_t count_items(struct str s)
{
    uint32_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\0';
    return n;
}

int spawner_spawn(struct spawner *s, const struct spawn_spec *spec)
{
    struct spawner_message m = {
        .op = SPAWNER_SPAWN,
        .slot = spec->slot,
        .n_argv = count_items(spec->argv),
        .n_env = count_items(spec->env),
        .tmp_mb = spec->tmp_mb,
        .memory_mb = spec->memory_mb,
        .sandbox = spec->sandbox,
        .has_prefix = spec->prefix != NULL,
    };
    int r;

    CHECK(spec->slot < SPAWN_SLOTS && !s->in_use[spec->slot]);
    if (s->dead)
        return -E_SYSTEM;
    buf_clear(&s->request);
    buf_add(&s->request, &m, sizeof(m));
    add_item(&s->request, spec->cwd);
    add_item(&s->request, spec->task_dir);
    add_item(&s->request, spec->prefix);
    buf_str(&s->request, spec->argv);
    buf_str(&s->request, spec->env);
    if (s->request.n > SPAWN_MAX_REQUEST_BYTES)
        return -E_LIMIT;
    s->slots[spec->slot] = (struct spawn_slot){ .status = -1 };
    r = send_message(s, buf_view(&s->request), spec->output_fd);
    s->in_use[spec->slot] = r == 0;
    expect_answer(s);
    return r;
}

static void kill_runtime(const struct spawn_slot *slot)
{
    if (slot->runtime_pid > 1 &&
        slot->status == -1) /* -1: nobody has waited for it, the number is still its own */
        kill(slot->runtime_pid, SIGKILL);
}

void spawner_kill(struct spawner *s, unsigned slot)
{
    struct spawner_message m = { .op = SPAWNER_KILL, .slot = slot };

    CHECK(slot < SPAWN_SLOTS);
    if (!s->in_use[slot] || s->dead)
        return;
    (void)send_message(s, str_make((const char *)&m, sizeof(m)), -1);
    kill_runtime(&s->slots[slot]);
    expect_answer(s);
}

const struct spawn_slot *spawner_slot(const struct spawner *s, unsigned slot)
{
    CHECK(slot < SPAWN_SLOTS);
    return &s->slots[slot];
}

/* A signal to the server may come at any moment, also now: it is heard later. */
static bool has_answer(int fd, int64_t wait_ms)
{
    int64_t end_ns = clock_mono_ns() + wait_ms * 1000000, left_ms = wait_ms;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int n;

    while ((n = poll(&p, 1, (int)left_ms)) < 0 && errno == EINTR)
        left_ms = MAX((end_ns - clock_mono_ns()) / 1000000, 0);
    return n == 1;
}

int spawner_probe(struct spawner *s, const struct spawn_probe *p, struct spawn_isolation *ret)
{
    struct {
        struct spawner_message m;
        struct spawn_isolation i;
    } reply;
    struct spawner_message m = { .op = SPAWNER_PROBE };
    ssize_t n;
    int r;

    buf_clear(&s->request);
    buf_add(&s->request, &m, sizeof(m));
    add_item(&s->request, p->run_dir);
    add_item(&s->request, p->bootstrap_dir);
    r = send_message(s, buf_view(&s->request), -1);
    if (r < 0)
        return r;
    if (!has_answer(s->fd, PROBE_WAIT_MS))
        return -E_SYSTEM;
    n = recv(s->fd, &reply, sizeof(reply), 0);
    if (n != (ssize_t)sizeof(reply) || reply.m.op != SPAWNER_PROBED)
        return -E_SYSTEM;
    *ret = reply.i;
    return 0;
}

static void tell_exit(struct spawner *s, unsigned slot)
{
    if (!s->in_use[slot])
        return;
    s->in_use[slot] = false;
    s->watch.on_exit(s->watch.arg, slot);
}

/* ---- when it ends ---- */

static void forget_process(struct spawner *s)
{
    kill(s->pid, SIGKILL);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(s->fd);
    munmap(s->slots, sizeof(struct spawn_slot) * SPAWN_SLOTS);
    s->slots = NULL;
}

static void on_poll_closed(uv_handle_t *h);

static void spawner_died(struct spawner *s)
{
    s->dead = true;
    s->asked = s->unasked = false;
    uv_timer_stop(&s->timer);
    s->watch.on_state(s->watch.arg, SPAWNER_IS_LOST);
    for (unsigned i = 0; i < SPAWN_SLOTS; i++) {
        if (!s->in_use[i])
            continue;
        kill_runtime(&s->slots[i]);
        s->slots[i].failed_stage = SPAWN_LOST;
        tell_exit(s, i);
    }
    if (s->closing)
        return;
    s->polling = false;
    uv_close((uv_handle_t *)&s->poll, on_poll_closed);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct spawner *s = poll->data;
    struct spawner_message m;
    ssize_t n;

    while ((n = recv(s->fd, &m, sizeof(m), 0)) == (ssize_t)sizeof(m)) {
        s->heard = true;
        if (m.op == SPAWNER_EXITED && m.slot < SPAWN_SLOTS)
            tell_exit(s, m.slot);
        else if (m.op == SPAWNER_PONG)
            got_answer(s);
    }
    if (!s->dead && (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)))
        spawner_died(s);
}

static int watch(struct spawner *s)
{
    if (uv_poll_init(s->timer.loop, &s->poll, s->fd) < 0)
        return -E_SYSTEM;
    s->poll.data = s;
    s->handles++;
    s->polling = true;
    return uv_poll_start(&s->poll, UV_READABLE, on_readable) < 0 ? -E_SYSTEM : 0;
}

static void fork_another(struct spawner *s)
{
    int r = fork_spawner(s);

    if (r == 0 && (r = s->watch.on_state(s->watch.arg, SPAWNER_IS_BACK)) == 0)
        r = watch(s);
    if (r == 0)
        return;
    if (!s->dead)
        forget_process(s);
    s->dead = true;
    s->watch.on_state(s->watch.arg, SPAWNER_HAS_FAILED);
}

static void let_go(struct spawner *s)
{
    if (--s->handles > 0)
        return;
    s->open = false;
    if (s->closed != NULL)
        s->closed(s->closed_arg);
}

static void on_poll_closed(uv_handle_t *h)
{
    struct spawner *s = h->data;

    if (s->closing || !s->dead) {
        let_go(s);
        return;
    }
    s->handles--;
    forget_process(s);
    uv_timer_start(&s->timer, on_timer,
                   clock_mono_ns() - s->forked_ns < FORK_PAUSE_MS * 1000000ll ? FORK_PAUSE_MS : 0, 0);
}

/* The server itself may have been stopped or busy: what has come meanwhile is read first. */
static void on_timer(uv_timer_t *timer)
{
    struct spawner *s = timer->data;

    if (s->dead) {
        fork_another(s);
        return;
    }
    on_readable(&s->poll, 0, UV_READABLE);
    if (s->dead || !s->asked)
        return;
    if (s->heard) {
        s->asked = false;
        expect_answer(s);
    } else {
        kill(s->pid, SIGKILL); /* its socket closes, and the rest follows */
    }
}

int spawner_open(struct spawner *s, uv_loop_t *loop, const struct spawner_watch *w)
{
    CHECK(!s->open);
    s->watch = *w;
    if (uv_timer_init(loop, &s->timer) < 0)
        return -E_SYSTEM;
    s->timer.data = s;
    s->handles = 1;
    s->open = true;
    return watch(s);
}

static void on_timer_closed(uv_handle_t *h) { let_go(h->data); }

void spawner_close(struct spawner *s, void (*closed)(void *arg), void *arg)
{
    CHECK(s->open);
    s->closed = closed;
    s->closed_arg = arg;
    s->closing = true;
    if (s->polling)
        uv_close((uv_handle_t *)&s->poll, on_poll_closed);
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

struct spawner *spawner_free(struct spawner *s)
{
    if (s == NULL)
        return NULL;
    CHECK(!s->open);
    if (s->slots != NULL) {
        close(s->fd);
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        munmap(s->slots, sizeof(struct spawn_slot) * SPAWN_SLOTS);
    }
    buf_done(&s->request);
    free(s);
    return NULL;
}
