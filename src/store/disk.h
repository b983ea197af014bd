/* disk.h - the seam between the embedded database and the disk, so that a test can put a worse disk
 * underneath.
 *
 * In a server disk_vfs() is NULL and the database speaks to the system directly.  After disk_arm() stores
 * opened later go through a layer that counts writes and flushes, fails the n-th of them as the plan says,
 * and remembers what was written but not flushed, so that a test can cut the power: disk_power_cut() makes
 * every later call fail, and after the store is closed disk_settle() leaves on the disk what was flushed and
 * a seeded choice of the rest.
 *
 * Invariant 1, which tests prove with it: nothing is acknowledged before the flush that covers it returned.
 */
#ifndef WAYBILL_STORE_DISK_H
#define WAYBILL_STORE_DISK_H

#include <stdbool.h>
#include <stdint.h>

enum disk_calls { DISK_WRITE = 1, DISK_SYNC = 2 };

struct disk_plan {
    unsigned which;   /* enum disk_calls; which calls are counted */
    uint64_t fail_at; /* the n-th from now fails; 0: none does */
    bool for_ever;    /* and all after it */
    bool full;        /* fails as a full disk, not as a broken one */
    bool cut;         /* instead of one failure the power goes there */
};

void disk_arm(void);                          /* for the rest of the process; without a plan */
void disk_plan(const struct disk_plan *plan); /* counts from 0 again */
uint64_t disk_calls(void);                    /* counted since disk_plan() */
bool disk_failed(void);                       /* the plan struck */
void disk_power_cut(void);
/* After the store was closed: keep_percent of the unflushed writes survive, chosen by seed.  Power is back.
 */
void disk_settle(uint64_t seed, unsigned keep_percent);

const char *disk_vfs(void); /* the layer's name for the database; NULL when not armed */

#endif
