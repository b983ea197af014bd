/* filter.c - see filter.h.
 *
 * True here: libseccomp is used in the spawner only and only before the first environment; what a cold start
 * pays is handing a finished program to the kernel. */
#include "runtime/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/seccomp.h>
#include <unistd.h>
#include "base/def.h"

static struct sock_fprog program;

/* Calls of any arguments.  Names the machine's architecture or its libseccomp does not know are passed over.
 */
static const struct {
    const char *name;
    int error;
} denied[] = {
    /* Other processes. */
    { "ptrace", EPERM },
    { "process_vm_readv", EPERM },
    { "process_vm_writev", EPERM },
    { "process_madvise", EPERM },
    { "kcmp", EPERM },
    { "pidfd_getfd", EPERM },
    /* Namespaces and mounts. */
    { "setns", EPERM },
    { "mount", EPERM },
    { "umount", EPERM },
    { "umount2", EPERM },
    { "pivot_root", EPERM },
    { "chroot", EPERM },
    { "fsopen", EPERM },
    { "fsconfig", EPERM },
    { "fsmount", EPERM },
    { "fspick", EPERM },
    { "open_tree", EPERM },
    { "move_mount", EPERM },
    { "mount_setattr", EPERM },
    { "open_by_handle_at", EPERM },
    /* Memory that nobody counts, or that holds the kernel up. */
    { "add_key", EPERM },
    { "keyctl", EPERM },
    { "request_key", EPERM },
    { "memfd_secret", ENOSYS },
    { "userfaultfd", EPERM },
    /* Code in the kernel, and views of it. */
    { "bpf", EPERM },
    { "perf_event_open", EPERM },
    { "init_module", EPERM },
    { "finit_module", EPERM },
    { "delete_module", EPERM },
    { "create_module", EPERM },
    { "get_kernel_syms", EPERM },
    { "query_module", EPERM },
    { "kexec_load", EPERM },
    { "kexec_file_load", EPERM },
    { "lookup_dcookie", EPERM },
    { "syslog", EPERM },
    { "io_uring_setup", ENOSYS },
    { "io_uring_enter", ENOSYS },
    { "io_uring_register", ENOSYS },
    /* The machine. */
    { "reboot", EPERM },
    { "swapon", EPERM },
    { "swapoff", EPERM },
    { "acct", EPERM },
    { "quotactl", EPERM },
    { "quotactl_fd", EPERM },
    { "settimeofday", EPERM },
    { "stime", EPERM },
    { "clock_settime", EPERM },
    { "clock_settime64", EPERM },
    { "clock_adjtime", EPERM },
    { "clock_adjtime64", EPERM },
    { "adjtimex", EPERM },
    { "sethostname", EPERM },
    { "setdomainname", EPERM },
    { "vhangup", EPERM },
    { "iopl", EPERM },
    { "ioperm", EPERM },
    { "nfsservctl", EPERM },
    { "uselib", EPERM },
    { "vm86", EPERM },
    { "vm86old", EPERM },
    { "_sysctl", EPERM },
    /* Its flags lie in memory, where no filter sees them; libc falls back to clone. */
    { "clone3", ENOSYS },
};

static int deny(scmp_filter_ctx f, const char *name, int error)
{
    int call = seccomp_syscall_resolve_name(name);

    return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(f, SCMP_ACT_ERRNO((unsigned)error), call, 0);
}

static struct scmp_arg_cmp compare(unsigned argument, enum scmp_compare how, uint64_t a, uint64_t b)
{
    return (struct scmp_arg_cmp){ .arg = argument, .op = how, .datum_a = a, .datum_b = b };
}

static int deny_bits(scmp_filter_ctx f, const char *name, uint64_t mask, uint64_t bits)
{
    return seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), seccomp_syscall_resolve_name(name), 1,
                            compare(0, SCMP_CMP_MASKED_EQ, mask, bits));
}

/* Threads and processes, yes; new namespaces, no.  The bit of a time namespace is in clone() a part of the
 * signal. */
static int deny_namespaces(scmp_filter_ctx f)
{
    static const uint64_t flags[] = { CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET };
    int r = deny_bits(f, "unshare", 0x80, 0x80);

    for (size_t i = 0; i < ARRAY_LEN(flags) && r == 0; i++) {
        r = deny_bits(f, "unshare", flags[i], flags[i]);
        r = r == 0 ? deny_bits(f, "clone", flags[i], flags[i]) : r;
    }
    return r;
}

/* Asking (all bits set) is fine, so the top bit must be clear; who sets it by hand gains what harms himself
 * alone. */
static int deny_personalities(scmp_filter_ctx f)
{
    static const uint64_t bits[] = { ADDR_NO_RANDOMIZE, MMAP_PAGE_ZERO, READ_IMPLIES_EXEC };
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(bits) && r == 0; i++)
        r = deny_bits(f, "personality", 0x80000000u | bits[i], bits[i]);
    return r;
}

static int deny_family(scmp_filter_ctx f, enum scmp_compare how, int family)
{
    return seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                            compare(0, how, (uint64_t)family, 0));
}

/* Left are AF_UNIX, AF_INET, AF_INET6, and of AF_NETLINK what getifaddrs() asks. */
static int deny_sockets(scmp_filter_ctx f)
{
    int r = deny_family(f, SCMP_CMP_GT, AF_NETLINK);

    for (int family = AF_INET + 1; family < AF_NETLINK && r == 0; family++)
        if (family != AF_INET6)
            r = deny_family(f, SCMP_CMP_EQ, family);
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2,
                             compare(0, SCMP_CMP_EQ, AF_NETLINK, 0), compare(2, SCMP_CMP_NE, 0, 0));
    return r;
}

static int fill(scmp_filter_ctx f, bool memfd, bool sysv)
{
    int r = 0;

    /* A search tree instead of a chain: the calls a function makes most are not the ones on the list. */
    (void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < ARRAY_LEN(denied) && r == 0; i++)
        r = deny(f, denied[i].name, denied[i].error);
    if (r == 0 && !memfd)
        r = deny(f, "memfd_create", ENOSYS);
    if (r == 0 && !sysv)
        r = deny(f, "shmget", ENOSYS);
    r = r == 0 ? deny_namespaces(f) : r;
    r = r == 0 ? deny_personalities(f) : r;
    return r == 0 ? deny_sockets(f) : r;
}

/* libseccomp writes to a descriptor only. */
static int take_program(scmp_filter_ctx f)
{
    int fd = memfd_create("filter", MFD_CLOEXEC), r = -1;
    struct stat st;
    struct sock_filter *code;

    if (fd < 0)
        return -1;
    if (seccomp_export_bpf(f, fd) == 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
        code = malloc((size_t)st.st_size);
        if (code != NULL && pread(fd, code, (size_t)st.st_size, 0) == (ssize_t)st.st_size) {
            free(program.filter);
            program = (struct sock_fprog){ .len = (unsigned short)((size_t)st.st_size / sizeof(*code)),
                                           .filter = code };
            r = 0;
        } else {
            free(code);
        }
    }
    close(fd);
    return r;
}

int filter_prepare(bool memfd, bool sysv)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    int r;

    if (f == NULL)
        return -E_SYSTEM;
    r = fill(f, memfd, sysv) == 0 && take_program(f) == 0 ? 0 : -E_SYSTEM;
    seccomp_release(f);
    return r;
}

void filter_forget(void)
{
    free(program.filter);
    program = (struct sock_fprog){ 0 };
}

int filter_install(void)
{
    return program.len == 0 ? 0 : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}
