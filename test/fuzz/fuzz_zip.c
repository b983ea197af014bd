/* fuzz_zip.c - deployment packages from nowhere: checked, and if they pass, unpacked into a scratch folder.
 * What must hold: no crash, nothing outside the folder, nothing left when refused. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "runtime/package.h"

static char outer[] = "/tmp/waybill-fuzz-zip-XXXXXX";
static char inner[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type;
    return ftw->level > 0 ? remove(path) : 0;
}

static bool keep_none(void *arg, struct str hex)
{
    (void)arg, (void)hex;
    return false;
}

static unsigned links_of(const char *path)
{
    struct stat st;

    CHECK(stat(path, &st) == 0);
    return (unsigned)st.st_nlink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str zip = { (const char *)data, size };
    struct package_info info;

    if (inner[0] == '\0') {
        CHECK(mkdtemp(outer) != NULL);
        snprintf(inner, sizeof(inner), "%s/code", outer);
        CHECK(mkdir(inner, 0755) == 0);
    }
    if (package_check(zip, &info) < 0)
        return 0;
    CHECK(info.unzipped_bytes >= 0 && info.unzipped_bytes <= (int64_t)PACKAGE_MAX_UNZIPPED_BYTES);
    if (info.unzipped_bytes > 1 << 20) /* the disk's time, not ours */
        return 0;
    if (package_store(inner, zip, &info) < 0)
        CHECK(links_of(inner) == 2);
    package_sweep(inner, keep_none, NULL);
    CHECK(links_of(inner) == 2 && links_of(outer) == 3); /* ".", the name, and for outer the folder in it */
    nftw(inner, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
