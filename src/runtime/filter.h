/* filter.h - the system calls no function needs, refused by the kernel (seccomp).
 *
 * The list is of what is denied: programs of any kind must go on working.  Denied is what reaches into other
 * processes, makes namespaces, mounts or memory nobody counts, loads code into the kernel, sets the machine's
 * clock or its quotas, and address families and tracing interfaces with a history of holes.  The answer is
 * EPERM as for a user without the privilege, ENOSYS where programs then take another way (clone3, io_uring),
 * EAFNOSUPPORT for sockets. */
#ifndef WAYBILL_RUNTIME_FILTER_H
#define WAYBILL_RUNTIME_FILTER_H

#include <stdbool.h>

/* In the spawner, once: the program is made and kept.  memfd, sysv: memory in files without a name, and
 * System V segments, are allowed, since something counts them; else ENOSYS.  May be called again.  -E_SYSTEM.
 */
int filter_prepare(bool memfd, bool sysv);
void filter_forget(void); /* it cannot be installed here */
/* In the process to be, after no_new_privs: two system calls.  0, or -1 with errno; 0 also where none was
 * prepared. */
int filter_install(void);

#endif
