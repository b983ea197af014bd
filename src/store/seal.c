/* seal.c - the sums of pages, and the walk over a log that a stopped server left (see seal.h).
 *
 * True here: a file is sealed from its open to its close or not at all; its first page says which (SQLite's
 * byte 20, the room at a page's end, or our application id: one bit cannot change both). */
#include "store/seal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/overlay.h"

#define HEAD_BYTES 100
#define PAGES_AT 28
#define FREE_TRUNK_AT 32 /* in the head of the file: the first page of the list of free ones */
#define LOG_HEAD_BYTES 32
#define FRAME_HEAD_BYTES 24
#define LOG_MAGIC 0x377f0682u /* the lowest bit: sums are over big-endian words */

struct file {
    struct overlay_file base;
    bool sealed;
};

static struct file *file_of(sqlite3_file *f) { return (struct file *)(void *)f; }

/* Every step is a bijection of its lane, so that no single changed word can go unseen. */
uint64_t seal_of(const void *page, uint32_t number)
{
    const char *p = page;
    uint64_t lane[4] = { number, 0x5851f42d4c957f2d, 0x14057b7ef767814f, 0x2545f4914f6cdd1d }, sum = 0, word;

    for (size_t i = 0; i < (SEAL_PAGE_BYTES - SEAL_BYTES) / 8; i++) {
        uint64_t *l = &lane[i & 3];

        memcpy(&word, p + i * 8, 8);
        *l = (*l ^ word) * 0x9e3779b97f4a7c15;
        *l = *l << 29 | *l >> 35;
    }
    for (size_t i = 0; i < 4; i++)
        sum = (sum << 17 | sum >> 47) * 0xd6e8feb86659fd93 ^ lane[i];
    return sum;
}

static bool all_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

bool seal_sound(const void *page, uint32_t number)
{
    uint64_t told;

    memcpy(&told, (const char *)page + SEAL_PAGE_BYTES - SEAL_BYTES, SEAL_BYTES);
    return told == seal_of(page, number) || all_zero(page, SEAL_PAGE_BYTES);
}

static bool is_page(const struct file *f, int n, sqlite3_int64 at)
{
    return f->sealed && n == SEAL_PAGE_BYTES && at % SEAL_PAGE_BYTES == 0;
}

static uint32_t number_of(sqlite3_int64 at) { return (uint32_t)(at / SEAL_PAGE_BYTES) + 1; }

static int f_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
    struct file *f = file_of(file);
    int code = f->base.real->pMethods->xRead(f->base.real, p, n, at);

    if (code == SQLITE_OK && is_page(f, n, at) && !seal_sound(p, number_of(at)))
        return SQLITE_IOERR_DATA;
    return code;
}

static int f_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
    struct file *f = file_of(file);
    char page[SEAL_PAGE_BYTES];
    uint64_t sum;

    if (!is_page(f, n, at))
        return f->base.real->pMethods->xWrite(f->base.real, p, n, at);
    memcpy(page, p, SEAL_PAGE_BYTES - SEAL_BYTES);
    sum = seal_of(page, number_of(at));
    memcpy(page + SEAL_PAGE_BYTES - SEAL_BYTES, &sum, SEAL_BYTES);
    return f->base.real->pMethods->xWrite(f->base.real, page, n, at);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = overlay_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = overlay_truncate,
    .xSync = overlay_sync,
    .xFileSize = overlay_size,
    .xLock = overlay_lock,
    .xUnlock = overlay_unlock,
    .xCheckReservedLock = overlay_reserved,
    .xFileControl = overlay_control,
    .xSectorSize = overlay_sector,
    .xDeviceCharacteristics = overlay_traits,
};

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool has_seals(sqlite3_file *real)
{
    unsigned char head[HEAD_BYTES];

    if (real->pMethods->xRead(real, head, sizeof(head), 0) != SQLITE_OK)
        return true; /* empty: seal_room() comes before its first page */
    return head[20] == SEAL_BYTES || be32(head + 68) == SEAL_APPLICATION_ID;
}

static void opened(sqlite3_file *file)
{
    struct file *f = file_of(file);

    f->sealed = has_seals(f->base.real);
}

static struct overlay seal = {
    .name = "waybill-seal",
    .kind = SQLITE_OPEN_MAIN_DB,
    .file_bytes = sizeof(struct file),
    .methods = &methods,
    .opened = opened,
};

const char *seal_vfs(const char *below) { return overlay_lay(&seal, below); }

void seal_room(sqlite3 *db)
{
    int n = SEAL_BYTES;

    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &n);
}

/* Pages of nothing but zeros: in a whole file only those that were made free before they were ever written.
 */
struct blanks {
    uint8_t *bits;
    uint32_t pages, n;
};

static bool blank_is(const struct blanks *b, uint32_t number)
{
    return number >= 1 && number <= b->pages && (b->bits[(number - 1) / 8] & 1u << (number - 1) % 8) != 0;
}

static void blank_drop(struct blanks *b, uint32_t number)
{
    if (!blank_is(b, number))
        return;
    b->bits[(number - 1) / 8] &= (uint8_t) ~(1u << (number - 1) % 8);
    b->n--;
}

static int scan_pages(sqlite3_file *file, struct blanks *b, int64_t *ret_bad)
{
    unsigned char page[SEAL_PAGE_BYTES];

    for (uint32_t number = 1; number <= b->pages; number++) {
        int code = f_read(file, page, SEAL_PAGE_BYTES, (sqlite3_int64)(number - 1) * SEAL_PAGE_BYTES);

        if (code == SQLITE_IOERR_DATA) {
            *ret_bad = number;
            return 0;
        }
        if (code != SQLITE_OK)
            return -E_IO;
        if (all_zero((const char *)page, SEAL_PAGE_BYTES)) {
            b->bits[(number - 1) / 8] |= (uint8_t)(1u << (number - 1) % 8);
            b->n++;
        }
    }
    return 0;
}

/* The list of free pages (SQLite's file format, 1.5): a chain of trunks that name the others. */
static void drop_free(sqlite3_file *file, struct blanks *b)
{
    unsigned char page[SEAL_PAGE_BYTES];
    uint32_t trunk, leaves, seen = 0;

    if (f_read(file, page, SEAL_PAGE_BYTES, 0) != SQLITE_OK)
        return;
    trunk = be32(page + FREE_TRUNK_AT);
    while (trunk > 1 && trunk <= b->pages && seen++ < b->pages && !blank_is(b, trunk)) {
        if (f_read(file, page, SEAL_PAGE_BYTES, (sqlite3_int64)(trunk - 1) * SEAL_PAGE_BYTES) != SQLITE_OK)
            return;
        leaves = MIN(be32(page + 4), (uint32_t)(SEAL_PAGE_BYTES / 4 - 2));
        for (uint32_t i = 0; i < leaves; i++)
            blank_drop(b, be32(page + 8 + (size_t)i * 4));
        trunk = be32(page);
    }
}

/* What the head of the file says; every checkpoint leaves the file that long. */
static uint32_t pages_told(sqlite3_file *file)
{
    unsigned char page[SEAL_PAGE_BYTES];

    return f_read(file, page, SEAL_PAGE_BYTES, 0) == SQLITE_OK ? be32(page + PAGES_AT) : 0;
}

static int64_t first_blank(const struct blanks *b)
{
    uint32_t number = 1;

    while (number <= b->pages && !blank_is(b, number))
        number++;
    return number <= b->pages ? number : 0;
}

int64_t seal_scan(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    struct blanks b = { 0 };
    int64_t bad = 0;

    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
        file->pMethods != &methods || !file_of(file)->sealed)
        return 0;
    if (overlay_size(file, &size) != SQLITE_OK)
        return -1;
    b.pages = (uint32_t)(size / SEAL_PAGE_BYTES);
    b.bits = xcalloc(b.pages / 8 + 1, 1);
    if (scan_pages(file, &b, &bad) < 0)
        bad = -1;
    if (bad == 0 && b.pages > 0 && pages_told(file) > b.pages)
        bad = (int64_t)b.pages + 1; /* its end is missing */
    if (bad == 0 && b.n > 0) {
        drop_free(file, &b);
        bad = first_blank(&b);
    }
    free(b.bits);
    return bad;
}

/* ---- the log ---- */

struct sums {
    uint32_t a, b;
};

static void sum_words(struct sums *s, const unsigned char *p, size_t n, bool big)
{
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint32_t x = be32(p + i), y = be32(p + i + 4);

        s->a += (big ? x : __builtin_bswap32(x)) + s->b;
        s->b += (big ? y : __builtin_bswap32(y)) + s->a;
    }
}

static bool sums_are(const struct sums *s, const unsigned char *p)
{
    return s->a == be32(p) && s->b == be32(p + 4);
}

/* frame: head and page.  The sum goes on from frame to frame. */
static bool frame_sound(struct sums *s, const unsigned char *frame, const unsigned char *head, bool big)
{
    if (memcmp(frame + 8, head + 16, 8) != 0)
        return false;
    sum_words(s, frame, 8, big);
    sum_words(s, frame + FRAME_HEAD_BYTES, SEAL_PAGE_BYTES, big);
    return sums_are(s, frame + 16);
}

static void walk_frames(int fd, const unsigned char *head, bool big, struct sums s, struct log_end *ret)
{
    unsigned char frame[FRAME_HEAD_BYTES + SEAL_PAGE_BYTES];
    off_t at = LOG_HEAD_BYTES;
    uint32_t behind = 0, commits = 0;
    bool good = true;

    for (; pread(fd, frame, sizeof(frame), at) == (ssize_t)sizeof(frame); at += (off_t)sizeof(frame)) {
        good = good && frame_sound(&s, frame, head, big);
        if (good) {
            ret->frames++;
            continue;
        }
        behind++; /* what an older round of the log left has two other salts */
        if (memcmp(frame + 8, head + 16, 4) != 0 && memcmp(frame + 12, head + 20, 4) != 0)
            continue;
        commits += be32(frame + 4) != 0;
        ret->lost_frames = behind;
        ret->lost_commits = commits;
    }
}

void seal_log_end(const char *path, struct log_end *ret)
{
    unsigned char head[LOG_HEAD_BYTES];
    struct sums s = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool big;

    *ret = (struct log_end){ 0 };
    if (fd < 0)
        return;
    if (pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
        !all_zero((const char *)head, sizeof(head))) {
        big = (head[3] & 1) != 0;
        sum_words(&s, head, LOG_HEAD_BYTES - 8, big);
        ret->headless = !sums_are(&s, head + 24) || (be32(head) & ~1u) != LOG_MAGIC;
        if (!ret->headless && be32(head + 8) == SEAL_PAGE_BYTES)
            walk_frames(fd, head, big, s, ret);
    }
    close(fd);
}
