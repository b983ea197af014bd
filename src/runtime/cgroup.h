/* cgroup.h - one control group (version 2) per environment, where the machine gives us a subtree to divide.
 *
 * Ours to divide is the group we run in, when nobody but the server and its spawner is in it (a systemd
 * service or scope with Delegate=yes, a container of our own), or the machine's root group when we are root
 * there.  A group with processes may not have controllers for its children, so the two move to a leaf first:
 *
 *   own group ---- waybill-server          server, spawner
 *             `--- waybill-env-SLOT        one environment: memory.max, pids.max, cpu.weight
 *
 * In the machine's root group both stand below waybill-PID, and nobody moves.
 *
 * memory.max is MemorySize and the size of /tmp together, for the kernel counts a /tmp as memory; the sampler
 * (memory.h) holds MemorySize alone.  CPU time is a share (cpu.weight), not a ceiling: AWS gives one
 * processor per 1,769 MB, which would stretch the cold start of a small function to seconds on a machine that
 * has nothing else to do.
 *
 * In the spawner only; nothing here allocates. */
#ifndef WAYBILL_RUNTIME_CGROUP_H
#define WAYBILL_RUNTIME_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_PATH_BYTES 256

/* Pure: where the group of `self` (text of /proc/self/cgroup) lies, by `mounts` (text of
 * /proc/self/mountinfo). False: no version 2, or it is not mounted where we can see it. */
bool cgroup_locate(const char *self, const char *mounts, char ret[CGROUP_PATH_BYTES]);
/* Pure: cpu.weight of a function of that size; 100, the kernel's usual, for AWS's one processor. */
unsigned cgroup_weight(int64_t memory_mb);

/* Finds and divides; the environments' groups lie in `ret`.  False, with `why` ("..."), where that is not
 * granted. */
bool cgroup_open(pid_t server, char ret[CGROUP_PATH_BYTES], char *why, size_t why_room);
/* A fresh group for an environment.  A descriptor of it to clone into, or -1. */
int cgroup_make(unsigned slot, int64_t memory_mb, int64_t tmp_mb, unsigned processes);
/* After everything in it has ended: whether the kernel killed in it for want of memory; and away with it. */
bool cgroup_end(unsigned slot);
/* At the end: the groups go as far as nobody is in them. */
void cgroup_close(void);

#endif
