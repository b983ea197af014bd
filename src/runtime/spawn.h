/* spawn.h - the server's end of the spawner: the small process that starts, watches and ends all function
 * processes.
 *
 * Why a process of its own: fork() from a server with a large heap stops it for tens of milliseconds, and
 * whoever is killed outright (kill -9) can still leave no function behind, because somebody else notices the
 * closed socket.
 *
 *   server --SOCK_SEQPACKET--> spawner --clone--> supervisor --fork--> runtime (bootstrap, python3, node)
 *
 * One supervisor per environment.  With process namespaces it is pid 1 of its own: killing it kills
 * everything inside at once, whatever forked, daemonised, ignored SIGTERM or closed its pipes.  Without, it
 * is the child subreaper of its descendants and kills them one by one.  The runtime is never pid 1 (signals
 * would mean other things to it).  What happened is written to a page shared by all (struct spawn_slot);
 * messages only say "look".
 *
 * Loop thread only.  A slot belongs to the caller from spawner_spawn() until its on_exit. */
#ifndef WAYBILL_RUNTIME_SPAWN_H
#define WAYBILL_RUNTIME_SPAWN_H

#include "base/buf.h"
#include <uv.h>

/* One user id per environment keeps process limits, signals and Runtime APIs apart; far above what people and
 * daemons use, below systemd's container ranges' end.  The environment of slot n is user SPAWN_FIRST_UID + n.
 */
#define SPAWN_FIRST_UID 1800000000u
#define SPAWN_SLOTS 4096u                            /* environments at one time */
#define SPAWN_MAX_REQUEST_BYTES ((size_t)160 * 1024) /* arguments, environment and paths of one process */

/* What the child was doing when it failed, before the runtime's first instruction. */
#define SPAWN_STAGES(S)                         \
    S(NONE, "nothing")                          \
    S(FORK, "creating a process")               \
    S(MOUNT, "mounting the private root")       \
    S(PIVOT, "changing to the private root")    \
    S(USER, "changing to an unprivileged user") \
    S(LIMITS, "setting limits")                 \
    S(FILTER, "filtering system calls")         \
    S(CHDIR, "entering the working directory")  \
    S(EXEC, "executing the program")            \
    S(LOST, "the process that starts functions ended") /* not the function: it was taken along */
enum spawn_stage {
#define S(name, text) SPAWN_##name,
    SPAWN_STAGES(S)
#undef S
};
const char *spawn_stage_text(enum spawn_stage stage);

/* Written by the child side, read by the server after on_exit; runtime_pid is valid (or 0) at any time. */
struct spawn_slot {
    int32_t runtime_pid;                /* as the server's /proc shows it */
    int32_t supervisor_pid;             /* above it and all that it starts */
    int32_t failed_stage, failed_errno; /* enum spawn_stage; SPAWN_NONE: the program ran */
    int32_t status;                     /* as wait(2) gives it; -1: the supervisor was killed first */
    int64_t max_rss_kb;
    bool out_of_memory; /* the kernel says so */
    bool ipc_limited;   /* its IPC namespace took our limits */
};

/* How far apart the machine lets us keep functions; found out once by trying. */
struct spawn_isolation {
    bool namespaces; /* processes, mounts, IPC, host name */
    bool private_root;
    bool own_user;       /* an unprivileged user id per environment */
    bool user_namespace; /* how the above was got without being root */
    bool filter;         /* system calls no function needs are refused */
    char group[256];     /* where control groups of environments lie; "": none */
    char why[160];       /* what stood in the way of more; "" */
    char why_no_group[96];
};
/* The control group of a slot. */
#define SPAWN_GROUP_FORMAT "%s/waybill-env-%u"
struct spawn_probe {
    const char *run_dir;       /* absolute: the private root's mount point is made here */
    const char *bootstrap_dir; /* absolute: becomes /var/runtime */
};

struct spawn_spec {
    unsigned slot;
    bool sandbox;         /* false: a plain process, whatever the machine allows */
    struct str argv, env; /* each item followed by a NUL */
    const char *cwd;      /* as the process sees it */
    const char *task_dir; /* host path; becomes /var/task in a private root */
    const char *prefix;   /* host path of an interpreter outside /usr; NULL: none */
    int64_t tmp_mb;       /* size of /tmp in a private root */
    int64_t memory_mb;    /* MemorySize */
    int output_fd;        /* stdout and stderr; stays the caller's */
};

struct spawner;
/* spawner_start() stands in runtime.h: it must come first of all. */

/* Waits for the answer (some milliseconds).  -E_SYSTEM when the spawner is gone. */
int spawner_probe(struct spawner *s, const struct spawn_probe *p, struct spawn_isolation *ret);
/* The spawner itself may end (out of memory, kill -9), or stop answering for SPAWNER_ANSWER_MS: then it is
 * ended.  LOST is told at once, and every slot in use exits with stage SPAWN_LOST: the kernel ends what ran
 * there, and we what we can reach.  Nothing can be spawned until BACK: another spawner was forked, on_state
 * may probe it and returns 0, or an error when it is of no use.  FAILED: there will be no other. */
#define SPAWNER_ANSWER_MS 5000
enum spawner_state { SPAWNER_IS_LOST, SPAWNER_IS_BACK, SPAWNER_HAS_FAILED };
struct spawner_watch {
    void (*on_exit)(void *arg, unsigned slot);
    int (*on_state)(void *arg, enum spawner_state state);
    void *arg;
};
/* From here on exits are reported through the loop. */
int spawner_open(struct spawner *s, uv_loop_t *loop, const struct spawner_watch *w);
pid_t spawner_pid(const struct spawner *s); /* 0: there is none */
/* -E_LIMIT: more than SPAWN_MAX_REQUEST_BYTES; -E_SYSTEM.  After 0 an on_exit follows some day. */
int spawner_spawn(struct spawner *s, const struct spawn_spec *spec);
/* Everything in it; on_exit follows when nothing is left.  The runtime itself is also killed from here, so
 * that a spawner that is stopped keeps no function alive. */
void spawner_kill(struct spawner *s, unsigned slot);
const struct spawn_slot *spawner_slot(const struct spawner *s, unsigned slot);
/* Stops watching; `closed` once the loop has let go of it. */
void spawner_close(struct spawner *s, void (*closed)(void *arg), void *arg);
/* Ends the spawner and with it all that still runs; waits for its end. */
struct spawner *spawner_free(struct spawner *s);

#endif
