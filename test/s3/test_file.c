/* test_file.c - files under a disk that has no room, or breaks, at each step: who is told what, and what is
 * left. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "service/s3/file.h"
#include "test/unit.h"

static char dir[200];
static int mkdirs, syncs, fail_mkdir, fail_sync, with; /* the n-th fails with this errno; 0: none */

/* The program's own, in place of the library's. */
int mkdir(const char *path, mode_t mode)
{
    if (++mkdirs == fail_mkdir) {
        errno = with;
        return -1;
    }
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int fsync(int fd UNUSED)
{
    if (++syncs == fail_sync) {
        errno = with;
        return -1;
    }
    return 0;
}

static int written(uint64_t id)
{
    const struct source from = { .bytes = STR("bytes") };
    struct written w;

    mkdirs = syncs = 0;
    return s3_file_write(dir, id, &from, CHECKSUM_NONE, &w);
}

static bool there(const char *name)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void fresh(bool remove_only)
{
    char command[300];

    snprintf(dir, sizeof dir, "/tmp/waybill-test-file-%d", (int)getpid());
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    EXPECT_INT(system(command), 0);
    mkdirs = fail_mkdir = fail_sync = 0;
    CHECK(remove_only || mkdir(dir, 0700) == 0);
}

TEST(file, has_two_folders_and_three_flushes)
{
    fresh(false);
    EXPECT_INT(written(0x12345), 0);
    EXPECT(there("1/23/12345") && !there("1/23/12345.new"));
    EXPECT_INT(mkdirs, 2);
    EXPECT_INT(syncs, 3); /* of the folders; the file's own is fdatasync */
    EXPECT_INT(written(0x12346), 0);
    EXPECT_INT(syncs, 3); /* also of folders that were there: another thread may have made them just now */
    s3_file_remove(dir, 0x12345);
    EXPECT(!there("1/23/12345") && there("1/23/12346"));
    fresh(true);
}

/* Each step in turn: told as what it was, and nothing is left. */
TEST(file, no_room_or_a_broken_disk_at_each_step)
{
    static const struct {
        int error, says;
    } rows[] = { { ENOSPC, -E_FULL }, { EDQUOT, -E_FULL }, { EIO, -E_IO } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int step = 1; step <= 5; step++) {
            fresh(false);
            with = rows[i].error;
            fail_mkdir = step <= 2 ? step : 0;
            fail_sync = step > 2 ? step - 2 : 0;
            EXPECT_INT(written(0x12345), rows[i].says);
            EXPECT(!there("1/23/12345") && !there("1/23/12345.new"));
        }
    fresh(true);
}

UNIT_MAIN
