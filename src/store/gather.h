/* gather.h - fewer, larger writes of the engine's log.
 *
 * SQLite writes each page of a commit to its write-ahead log in two calls, 24 bytes of head and the page, and
 * only then flushes.  This layer keeps what lies end to end and hands it to the system in one write before
 * anything can notice: before a flush, a read of these bytes, a question for the size, a truncation, the
 * close.
 *
 * What this changes for durability: nothing.  A commit counts when its flush has returned, and the flush
 * writes first.  A write that fails is reported by the call that needed it, and that is always one of the
 * same commit. */
#ifndef WAYBILL_STORE_GATHER_H
#define WAYBILL_STORE_GATHER_H

/* Name of a VFS for sqlite3_open_v2() whose logs are gathered; all else goes to the VFS `below` (NULL: the
 * default one) untouched.  Valid for the next open; loop thread only. */
const char *gather_vfs(const char *below);

#endif
