/* file.h - bytes too large for a row: files that are named by number and never change.
 *
 * A file is <dir>/<id >> 16>/<id >> 8 & 0xff>/<id>, all in hex: nothing a user says is ever part of a path,
 * and files of one time stand together.  s3_file_write() returns only when the file would survive a power
 * cut: temporary file, fdatasync, rename, fsync of the folders that changed.  A row that names it is written
 * afterwards; a file no row names is waste, which s3_files_sweep() finds at start.
 *
 * An object's files are a list of pieces, kept in its row as "id:bytes,id:bytes," in order. */
#ifndef WAYBILL_SERVICE_S3_FILE_H
#define WAYBILL_SERVICE_S3_FILE_H

#include "base/buf.h"
#include "base/segment.h"
#include "service/s3/checksum.h"

struct piece {
    uint64_t id;
    int64_t bytes;
};
void s3_pieces_text(struct buf *b, const struct piece *v, size_t n);
/* -E_INVALID when the text is not ours. */
int s3_pieces_read(struct arena *a, struct str text, struct piece **ret, size_t *ret_n);

/* Where bytes come from: memory, then n parts of open files. */
struct source {
    struct str bytes;
    const struct segment *v;
    size_t n;
};

/* What became of them. */
struct written {
    int64_t bytes;
    struct digest md5, checksum;
};

/* The pieces' bytes [from, to) as segments with open files, in `a`.  0; -E_NOT_FOUND when a file is not
 * there; -E_LIMIT when no more can be opened: nothing is open then.  Opening in the turn keeps the bytes
 * readable on a pool thread although the object may be deleted meanwhile. */
int s3_segments_open(const char *dir, struct arena *a, const struct piece *v, size_t n, int64_t from,
                     int64_t to, struct segment **ret, size_t *ret_n);
void s3_segments_close(const struct segment *v, size_t n);
/* Fills `to`, which has room for all of them.  -E_IO. */
int s3_segments_read(const struct segment *v, size_t n, char *to);

/* Sums only, writes nothing; -E_IO when a segment cannot be read. */
int s3_source_sum(const struct source *from, enum checksum k, struct written *ret);
/* Blocks for as long as the disk takes.  0; -E_FULL, -E_IO: nothing was left behind. */
int s3_file_write(const char *dir, uint64_t id, const struct source *from, enum checksum k,
                  struct written *ret);
/* Harmless when it is not there. */
void s3_file_remove(const char *dir, uint64_t id);
/* Removes every file whose id is below `below` and not in keep[0 .. n), which is sorted; and folders left
 * empty. The number removed.  Cost: one walk. */
size_t s3_files_sweep(const char *dir, const uint64_t *keep, size_t n, uint64_t below);

#endif
