/* test_cgroup.c - where our control group lies, as the kernel's two files say it; what the filter lets
 * through. */
#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "runtime/cgroup.h"
#include "runtime/filter.h"
#include "runtime/memory.h"

#define UNIFIED \
    "25 19 0:22 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define HYBRID                                                             \
    "30 24 0:25 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"    \
    "31 30 0:26 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n" \
    "32 30 0:27 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n"

static void expect_located(const char *self, const char *mounts, const char *want)
{
    char at[CGROUP_PATH_BYTES] = "";
    bool found = cgroup_locate(self, mounts, at);

    EXPECT(found == (want != NULL));
    if (found && want != NULL)
        EXPECT_STR(str_of(at), str_of(want));
}

TEST(cgroup, is_located)
{
    expect_located("0::/user.slice/user-1000.slice/run-1.scope\n", UNIFIED,
                   "/sys/fs/cgroup/user.slice/user-1000.slice/run-1.scope");
    expect_located("0::/\n", UNIFIED, "/sys/fs/cgroup");
    expect_located("9:memory:/a\n1:cpu:/\n0::/b\n", HYBRID, "/sys/fs/cgroup/unified/b");
    /* Only a part is mounted, as in a container that shares the host's namespace. */
    expect_located("0::/docker/1f/sub\n", "25 19 0:22 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup ro\n",
                   "/sys/fs/cgroup/sub");
    expect_located("0::/docker/1f\n", "25 19 0:22 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup ro\n",
                   "/sys/fs/cgroup");
    expect_located("0::/docker/1f0\n", "25 19 0:22 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup ro\n", NULL);
    expect_located("0::/../sibling\n", UNIFIED, NULL); /* above what our namespace shows */
    expect_located("9:memory:/a\n", UNIFIED, NULL);
    expect_located("0::/a\n", "32 30 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", NULL);
    expect_located("", "", NULL);
}

TEST(cgroup, a_share_of_the_processors_by_size)
{
    EXPECT_INT(cgroup_weight(128), 7);
    EXPECT_INT(cgroup_weight(1769), 100);
    EXPECT_INT(cgroup_weight(10240), 578);
    EXPECT_INT(cgroup_weight(1), 1);
}

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* What can be given back (file pages) is no use of memory. */
TEST(cgroup, memory_in_use)
{
    char dir[] = "/tmp/waybill-cgroup-XXXXXX", path[64];
    struct memory_use use;

    CHECK(mkdtemp(dir) != NULL);
    EXPECT_INT(memory_of_group(dir, 0, &use), -E_NOT_FOUND);
    write_text(dir, "memory.stat",
               "anon 10485760\nfile 73400320\nkernel 999\nshmem 2097152\nshmem_thp 555555555\n");
    write_text(dir, "pids.current", "7\n");
    EXPECT_INT(memory_of_group(dir, 0, &use), 0);
    EXPECT_INT(use.kb, 12 * 1024);
    EXPECT_INT(use.processes, 7);
    for (const char *const *name = (const char *const[]){ "memory.stat", "pids.current", NULL };
         *name != NULL; name++) {
        snprintf(path, sizeof(path), "%s/%s", dir, *name);
        unlink(path);
    }
    rmdir(dir);
}

/* The errno of one call behind the filter; 0: it went through; -1: no filter here. */
static int behind(long number, long first, long third)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_install() < 0)
            _exit(255);
        _exit(syscall(number, first, 0, third, 0, 0) < 0 ? errno : 0);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -2;
    return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

TEST(filter, refuses_what_no_function_needs)
{
    EXPECT_INT(filter_prepare(true, true), 0);
    if (behind(SYS_getpid, 0, 0) == -1) {
        printf("this kernel takes no filters\n");
        return;
    }
    EXPECT_INT(behind(SYS_unshare, CLONE_NEWUSER | CLONE_FS, 0), EPERM);
    EXPECT_INT(behind(SYS_unshare, CLONE_FS, 0), 0);
    EXPECT_INT(behind(SYS_socket, AF_VSOCK, 0), EAFNOSUPPORT);
    EXPECT_INT(behind(SYS_socket, AF_NETLINK, 4), EPROTONOSUPPORT);
    EXPECT_INT(behind(SYS_clone3, 0, 0), ENOSYS);
    EXPECT_INT(behind(SYS_keyctl, 0, 0), EPERM);
    EXPECT_INT(behind(SYS_memfd_create, 0, 0), EFAULT); /* the kernel's own answer */
    EXPECT_INT(filter_prepare(false, false), 0);
    EXPECT_INT(behind(SYS_memfd_create, 0, 0), ENOSYS);
    EXPECT_INT(behind(SYS_shmget, -1, 0), ENOSYS);
    filter_forget();
    EXPECT_INT(behind(SYS_memfd_create, 0, 0), EFAULT);
}

UNIT_MAIN
