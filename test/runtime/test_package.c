/* test_package.c - deployment packages: what is stored and how, and what is refused. */
#include "runtime/package.h"
#include "unit.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

static char dir[] = "/tmp/waybill-package-XXXXXX";

struct entry {
    const char *name, *text;
    mode_t mode;
};

/* A zip of the entries; a name ending with '/' is a folder. */
static void make_zip(struct buf *ret, const struct entry *v, size_t n)
{
    zip_error_t error;
    zip_source_t *whole = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_t *z = zip_open_from_source(whole, ZIP_CREATE | ZIP_TRUNCATE, &error);
    zip_stat_t st;

    CHECK(z != NULL);
    zip_source_keep(whole);
    for (size_t i = 0; i < n; i++) {
        zip_int64_t at = zip_file_add(z, v[i].name, zip_source_buffer(z, v[i].text, strlen(v[i].text), 0),
                                      ZIP_FL_ENC_UTF_8);

        CHECK(at >= 0);
        if (v[i].mode != 0)
            zip_file_set_external_attributes(z, (zip_uint64_t)at, 0, ZIP_OPSYS_UNIX,
                                             (zip_uint32_t)v[i].mode << 16);
    }
    CHECK(zip_close(z) == 0);
    CHECK(zip_source_open(whole) == 0 && zip_source_stat(whole, &st) == 0);
    buf_reserve(ret, st.size);
    ret->n = (size_t)zip_source_read(whole, ret->p, st.size);
    zip_source_close(whole);
    zip_source_free(whole);
}
#define ZIP(b, ...) \
    make_zip(b, (const struct entry[]){ __VA_ARGS__ }, ARRAY_LEN(((const struct entry[]){ __VA_ARGS__ })))

static void expect_file(const struct package_info *i, const char *name, const char *want, mode_t mode)
{
    char path[512], text[256] = "";
    struct stat st;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s/task/%s", dir, i->sha256_hex, name);
    f = fopen(path, "re");
    EXPECT(f != NULL);
    if (f == NULL)
        return;
    EXPECT(fread(text, 1, sizeof(text) - 1, f) == strlen(want));
    fclose(f);
    EXPECT_Z(text, want);
    EXPECT(stat(path, &st) == 0);
    EXPECT_INT(st.st_mode & 0777, mode);
}

TEST(package, is_unpacked_with_folders_links_and_modes)
{
    CLEANUP(buf_done) struct buf zip = { 0 };
    CLEANUP(buf_done) struct buf path = { 0 };
    struct package_info i, again;

    ZIP(&zip, { "bootstrap", "#!", S_IFREG | 0700 }, { "lib/", "", S_IFDIR | 0755 },
        { "lib/a.py", "1", S_IFREG | 0600 }, { "deep/er/b", "2", 0 }, { "link", "lib/a.py", S_IFLNK | 0777 },
        { "deep/er/up", "../../lib/a.py", S_IFLNK | 0777 });
    EXPECT_INT(package_store(dir, buf_view(&zip), &i), 0);
    expect_file(&i, "bootstrap", "#!", 0755);
    expect_file(&i, "lib/a.py", "1", 0644);
    expect_file(&i, "deep/er/b", "2", 0644);
    expect_file(&i, "link", "1", 0644);
    expect_file(&i, "deep/er/up", "1", 0644);
    EXPECT_INT(i.zipped_bytes, zip.n);
    EXPECT_INT(i.unzipped_bytes, 2 + 1 + 1 + 8 + 14);
    EXPECT_INT(strlen(i.sha256_base64), 44);
    package_path(dir, i.sha256_hex, &path);
    EXPECT(access(path.p, R_OK) == 0);
    EXPECT_INT(package_store(dir, buf_view(&zip), &again), 0);
    EXPECT_Z(again.sha256_hex, i.sha256_hex);
}

TEST(package, names_that_leave_the_folder_are_refused)
{
    static const char *const names[] = { "../x", "a/../../x", "/etc/passwd", "a//b", "./a",
                                         "a/.",  "..",        "a/..",        "/" };

    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        CLEANUP(buf_done) struct buf zip = { 0 };
        struct package_info i;

        ZIP(&zip, { "fine", "1", 0 }, { names[k], "x", 0 });
        if (package_check(buf_view(&zip), &i) != -E_INVALID ||
            package_store(dir, buf_view(&zip), &i) != -E_INVALID)
            UNIT_FAIL("accepted: %s", names[k]);
    }
}

TEST(package, links_that_leave_the_folder_are_refused)
{
    static const struct {
        const char *name, *target;
    } rows[] = {
        { "l", "/etc/passwd" }, { "l", "../x" }, { "a/l", "../../x" }, { "a/l", "b/../../../x" },
        { "l", "a/.." },        { "l", ".." },   { "a/l", "../.." },   { "l", "" },
    };

    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        CLEANUP(buf_done) struct buf zip = { 0 };
        struct package_info i;

        ZIP(&zip, { "a/x", "1", 0 }, { rows[k].name, rows[k].target, S_IFLNK | 0777 });
        if (package_store(dir, buf_view(&zip), &i) != -E_INVALID)
            UNIT_FAIL("accepted: %s -> %s", rows[k].name, rows[k].target);
    }
}

TEST(package, nothing_is_written_through_a_link)
{
    static const struct entry rows[][3] = {
        { { "d", "a", S_IFLNK | 0777 }, { "d/file", "1", 0 }, { "a/x", "1", 0 } },
        { { "a/x", "1", 0 }, { "d", "a", S_IFLNK | 0777 }, { "d/inner", "x", S_IFLNK | 0777 } },
        { { "a/x", "1", 0 }, { "a", "b", S_IFLNK | 0777 }, { "b", "1", 0 } },
        { { "a", "1", 0 }, { "a/b", "1", 0 }, { "c", "1", 0 } },
    };

    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        CLEANUP(buf_done) struct buf zip = { 0 };
        struct package_info i;

        make_zip(&zip, rows[k], 3);
        if (package_store(dir, buf_view(&zip), &i) != -E_INVALID)
            UNIT_FAIL("row %zu accepted", k);
    }
}

TEST(package, devices_are_refused)
{
    CLEANUP(buf_done) struct buf zip = { 0 };
    struct package_info i;

    ZIP(&zip, { "dev", "x", S_IFCHR | 0666 });
    EXPECT_INT(package_check(buf_view(&zip), &i), -E_INVALID);
}

TEST(package, what_is_no_zip_is_refused)
{
    CLEANUP(buf_done) struct buf zip = { 0 };
    struct package_info i;

    EXPECT_INT(package_check(STR(""), &i), -E_INVALID);
    EXPECT_INT(package_check(STR("PK"), &i), -E_INVALID);
    EXPECT_INT(package_check(STR("just some text"), &i), -E_INVALID);
    ZIP(&zip, { "a", "some text that is long enough to be kept", 0 });
    EXPECT_INT(package_check(str_make(zip.p, zip.n - 5), &i), -E_INVALID);
    EXPECT_INT(package_check(str_make(zip.p + zip.n - 22, 22), &i), -E_INVALID);
}

TEST(package, damaged_contents_are_refused)
{
    CLEANUP(buf_done) struct buf zip = { 0 };
    struct package_info i;

    ZIP(&zip, { "a", "some text that is long enough to be kept as it is", 0 });
    zip.p[40] ^= 0x55;
    EXPECT_INT(package_store(dir, buf_view(&zip), &i), -E_INVALID);
}

/* The size in the directory, at offset 24 of its entry. */
static char *announced_size(struct buf *zip)
{
    char *entry = memmem(zip->p, zip->n, "PK\001\002", 4);

    CHECK(entry != NULL);
    return entry + 24;
}

TEST(package, what_claims_to_be_too_large_is_over_the_limit)
{
    CLEANUP(buf_done) struct buf zip = { 0 };
    struct package_info i;
    uint32_t size = PACKAGE_MAX_UNZIPPED_BYTES + 1;

    ZIP(&zip, { "a", "text", 0 });
    memcpy(announced_size(&zip), &size, 4);
    EXPECT_INT(package_check(buf_view(&zip), &i), -E_LIMIT);
}

TEST(package, what_lies_about_its_size_is_refused)
{
    CLEANUP(buf_done) struct buf zip = { 0 };
    CLEANUP(buf_done) struct buf zeros = { 0 };
    struct package_info i;
    uint32_t size = 10;

    for (int k = 0; k < 100000; k++)
        buf_char(&zeros, '0');
    ZIP(&zip, { "a", zeros.p, 0 });
    memcpy(announced_size(&zip), &size, 4);
    EXPECT_INT(package_store(dir, buf_view(&zip), &i), -E_INVALID);
}

static bool keep_first(void *arg, struct str hex) { return str_eq(hex, str_of(arg)); }

TEST(package, sweep_leaves_what_is_kept_and_what_is_not_ours)
{
    CLEANUP(buf_done) struct buf one = { 0 };
    CLEANUP(buf_done) struct buf two = { 0 };
    struct package_info a, c;
    char path[512];

    ZIP(&one, { "a", "1", 0 });
    ZIP(&two, { "a", "2", 0 });
    EXPECT_INT(package_store(dir, buf_view(&one), &a), 0);
    EXPECT_INT(package_store(dir, buf_view(&two), &c), 0);
    snprintf(path, sizeof(path), "%s/notes", dir);
    EXPECT_INT(mkdir(path, 0755), 0);
    package_sweep(dir, keep_first, a.sha256_hex);
    EXPECT_INT(access(path, F_OK), 0);
    snprintf(path, sizeof(path), "%s/%s", dir, a.sha256_hex);
    EXPECT_INT(access(path, F_OK), 0);
    snprintf(path, sizeof(path), "%s/%s", dir, c.sha256_hex);
    EXPECT_INT(access(path, F_OK), -1);
}

TEST(package, failures_leave_nothing_behind)
{
    char command[128];

    snprintf(command, sizeof(command), "test -z \"$(ls -A %s | grep '^.new-')\"", dir);
    EXPECT_INT(system(command), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

int main(int argc, char **argv)
{
    int r;

    CHECK(mkdtemp(dir) != NULL);
    r = unit_main(argc, argv);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return r;
}
