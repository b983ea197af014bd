/* seal.h - whether the disk gave back what was written.
 *
 * The last SEAL_BYTES of every page of a database are kept free by SQLite and hold a sum over the page and
 * its number. It is made when a page is written to the database file, and compared when one is read: a page
 * that differs by so much as a bit is not believed, SQLite hears SQLITE_IOERR_DATA.  SQLite's own checks look
 * at a page's structure only; a changed number or name would be served as if it had been stored.  (The log
 * has SQLite's own sums.)
 *
 * Databases made before seals have no room for them: their pages are read as they are. */
#ifndef WAYBILL_STORE_SEAL_H
#define WAYBILL_STORE_SEAL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_BYTES 8
#define SEAL_PAGE_BYTES 4096           /* SQLite's default; never changed */
#define SEAL_APPLICATION_ID 0x57617963 /* "Wayc": a Waybill database with seals */

uint64_t seal_of(const void *page, uint32_t number); /* of SEAL_PAGE_BYTES - SEAL_BYTES; number from 1 */
bool seal_sound(const void *page, uint32_t number);  /* also a page that was never written: zeros */

/* Name of a VFS that seals main databases, over the VFS `below`.  Valid for the next open; loop thread only.
 */
const char *seal_vfs(const char *below);
/* After the open of an empty database, before its first statement: leaves the room. */
void seal_room(sqlite3 *db);
/* Reads every page of the file (not of the log, which must be folded in).  0, or the number of the first that
 * is not sound, or is nothing but zeros and not free; -1: cannot be read. */
int64_t seal_scan(sqlite3 *db);

/* What lies in the log behind the last frame SQLite will read: it takes the first bad one for the end,
 * silently. */
struct log_end {
    uint32_t frames;       /* good ones */
    uint32_t lost_frames;  /* of the same log, behind a bad one; itself included */
    uint32_t lost_commits; /* of these, ends of transactions */
    bool headless;         /* frames there, and a head that is not sound */
};
/* All zero when there is no log, or an empty one. */
void seal_log_end(const char *path, struct log_end *ret);

#endif
