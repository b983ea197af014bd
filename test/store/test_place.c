/* test_place.c - the data directory's own promises: its name is durable, and what is ephemeral goes whole. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/engine.h"
#include "test/unit.h"

static char root[200];
static char flushed[2048]; /* every file that was, in order, a space between */
static int flush_error;
static uint64_t mkdir_fails_at;

/* The program's own, in place of the library's. */
int fsync(int fd)
{
    char link[64], path[512];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    CHECK(n > 0);
    path[n] = '\0';
    snprintf(flushed + strlen(flushed), sizeof flushed - strlen(flushed), "%s ", path);
    errno = flush_error;
    return flush_error != 0 ? -1 : 0;
}

int mkdir(const char *path, mode_t mode)
{
    if (mkdir_fails_at > 0 && --mkdir_fails_at == 0) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static void remove_root(void)
{
    char command[300];

    snprintf(command, sizeof command, "rm -rf '%s'", root);
    EXPECT_INT(system(command), 0);
}

static void fresh_root(void)
{
    snprintf(root, sizeof root, "/tmp/waybill-test-place-%d", (int)getpid());
    remove_root();
    CHECK(mkdir(root, 0700) == 0);
    flushed[0] = '\0';
    flush_error = 0;
    mkdir_fails_at = 0;
}

TEST(place, each_new_directory_is_flushed_in_the_one_above)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    char dir[256], want[1024];

    fresh_root();
    snprintf(dir, sizeof dir, "%s/a/b", root);
    snprintf(want, sizeof want, "%s %s/a ", root, root);
    EXPECT_INT(place_make(dir, &why), 0);
    EXPECT_Z(flushed, want);
    EXPECT_INT(place_make(dir, &why), 0); /* nothing is new */
    EXPECT_Z(flushed, want);
    remove_root();
}

TEST(place, a_relative_name_lies_where_we_are)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    char here[512], want[512];

    fresh_root();
    CHECK(getcwd(here, sizeof here) != NULL && chdir(root) == 0);
    snprintf(want, sizeof want, "%s %s/a ", root, root);
    EXPECT_INT(place_make("a/b", &why), 0);
    EXPECT_Z(flushed, want);
    CHECK(chdir(here) == 0);
    remove_root();
}

TEST(place, one_that_cannot_be_made_or_flushed)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    char dir[256];

    fresh_root();
    snprintf(dir, sizeof dir, "%s/a/b", root);
    mkdir_fails_at = 3; /* "/tmp" is one */
    EXPECT_INT(place_make(dir, &why), -E_FULL);
    EXPECT(str_find_str(buf_view(&why), STR("cannot make the data directory")) == 0);
    remove_root();
    fresh_root();
    flush_error = EIO;
    EXPECT_INT(place_make(dir, &why), -E_IO);
    remove_root();
    fresh_root();
    flush_error = EINVAL; /* a file system that knows no flush of directories */
    EXPECT_INT(place_make(dir, &why), 0);
    remove_root();
}

/* An unpacked package may carry folders nobody may write in; root may everywhere, so this is asked of
 * somebody else. */
static void remove_as_anybody(void)
{
    static const char *const made[] = { "data", "data/shut", "data/shut/below" };
    char path[256];

    CHECK(geteuid() != 0 || (setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0));
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        snprintf(path, sizeof path, "%s/%s", root, made[i]);
        CHECK(mkdir(path, 0700) == 0);
    }
    snprintf(path, sizeof path, "%s/data/shut/below/file", root);
    CHECK(close(open(path, O_CREAT | O_WRONLY, 0400)) == 0);
    snprintf(path, sizeof path, "%s/data/shut/below", root);
    CHECK(chmod(path, 0000) == 0);
    snprintf(path, sizeof path, "%s/data/shut", root);
    CHECK(chmod(path, 0500) == 0);
    snprintf(path, sizeof path, "%s/data", root);
    place_remove(path);
    _exit(access(path, F_OK) < 0 && errno == ENOENT ? 0 : 1);
}

TEST(place, goes_with_what_is_shut)
{
    int status;
    pid_t pid;

    fresh_root();
    CHECK(chmod(root, 0777) == 0);
    pid = fork();
    if (pid == 0)
        remove_as_anybody();
    EXPECT(waitpid(pid, &status, 0) == pid);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    remove_root();
}

UNIT_MAIN
