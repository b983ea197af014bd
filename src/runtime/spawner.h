/* spawner.h - inside the spawner process, and the messages between it and the server.
 *
 * Nothing here allocates after start or touches the server's memory but the shared slots.  spawner_main()
 * never returns: it ends when the server's socket closes, taking every environment along. */
#ifndef WAYBILL_RUNTIME_SPAWNER_H
#define WAYBILL_RUNTIME_SPAWNER_H

#include <sys/types.h>
#include "runtime/spawn.h"

enum spawner_op {
    SPAWNER_PROBE = 1,
    SPAWNER_SPAWN,
    SPAWNER_KILL,
    SPAWNER_EXITED,
    SPAWNER_PROBED,
    SPAWNER_PING,
    SPAWNER_PONG
};

/* Every message begins with this.  SPAWN continues with cwd, task_dir, prefix, argv and env, NUL-terminated
 * one after the other; PROBE with run_dir and bootstrap_dir; PROBED with a struct spawn_isolation.  PING is
 * answered by PONG, in turn: a spawner that does not answer is stopped or stuck. */
struct spawner_message {
    uint32_t op, slot;
    uint32_t n_argv, n_env;
    int64_t tmp_mb, memory_mb;
    bool sandbox, has_prefix;
};

/* One process to be, as the child side reads it out of a message. */
struct child {
    struct spawn_slot *slot;
    const char *cwd, *task_dir, *prefix; /* prefix NULL: none */
    char **argv, **env;                  /* end with NULL */
    int64_t tmp_mb, memory_mb;
    uid_t uid;                                    /* 0: stay who we are */
    bool grouped, namespaces, private_root, drop; /* drop: capabilities, new privileges, needless calls */
    uint64_t processes;                           /* RLIMIT_NPROC; 0: leave */
    int proc_fd; /* the spawner's /proc: shows pids as the server sees them */
};

void spawner_main(int fd, struct spawn_slot *slots) __attribute__((noreturn));

/* sandbox.c: these run in the spawner, the supervisor and the process to be. */

/* Builds the part of the private root that is the same for all, in the spawner's own mount namespace. */
int sandbox_template(const char *run_dir, const char *bootstrap_dir, bool *ret_user_namespace,
                     struct spawn_isolation *why);
/* Clone flags for an environment. */
unsigned long sandbox_flags(bool namespaces);
/* In the supervisor: completes the private root and moves in.  0, or fills the slot's failure and returns -1.
 */
int sandbox_enter(const struct child *c);
/* In the process to be: limits, user, privileges, directory, exec.  Returns only by _exit. */
void sandbox_become(const struct child *c) __attribute__((noreturn));

#endif
