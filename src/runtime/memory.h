/* memory.h - how much memory an environment uses: all of its processes, not the first one only.
 *
 * Two ways.  A control group says it exactly, whatever the memory is (cgroup.h).  Without one the processes
 * are counted: resident pages, then, when those come to more than the limit, the proportional share of each,
 * for pages that ten forked children have in common are there once.  What the second way cannot see is memory
 * that no process has mapped at the moment: files without a name are therefore refused by the filter, and
 * System V segments end with their last user (sandbox.c).  A program that hides shared pages on purpose
 * (MADV_DONTNEED) stays unseen.
 *
 * The environment's /tmp is not memory: it has a limit of its own. */
#ifndef WAYBILL_RUNTIME_MEMORY_H
#define WAYBILL_RUNTIME_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct memory_use {
    int64_t kb;
    unsigned processes; /* 0: not known */
};

/* The shares of many processes, counted a part at a look: a page table costs 0.1 ms, and there may be a
 * thousand. */
struct memory_walk;

/* The processes below `supervisor`.  private_root: it has one, with a /proc of its own.  Reads page tables
 * only when the cheap sum is above limit_kb, and those of MEMORY_LOOK processes at most; where there are
 * more, *walk remembers how far it came, ret->kb is what was counted so far, and the next call goes on.
 * *walk: NULL at first, to be freed at the end.  Cost: 10 us a process, and 0.1 ms for each whose page table
 * is read. */
#define MEMORY_LOOK 64u
void memory_of_processes(int32_t supervisor, bool private_root, int64_t limit_kb, struct memory_walk **walk,
                         struct memory_use *ret);
/* What the control group at `dir` holds and cannot give back, without its /tmp.  -E_NOT_FOUND: no such group.
 */
int memory_of_group(const char *dir, int32_t supervisor, struct memory_use *ret);

#endif
