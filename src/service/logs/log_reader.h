/* log_reader.h - the lines of a stream or a group by time, from any point, in either direction.
 *
 * Lines are ordered by (time, row, place in the row): a total order that later rows never change for lines
 * already there, so a position is a token that can be given to a client.  Rows overlap in time, as several
 * streams and several writers interleave; a chunk's span is bounded (log_chunk.h), so the reader merges few
 * rows at a time and never the whole group.
 *
 * Cost: an index entry per row passed over, a body per row in the window.  The caller looks at `read_bytes`
 * and stops where its budget ends.  The reader holds open rows of the store: log_reader_done() before the
 * turn ends. */
#ifndef WAYBILL_SERVICE_LOGS_LOG_READER_H
#define WAYBILL_SERVICE_LOGS_LOG_READER_H

#include "base/heap.h"
#include "store/store.h"

struct log_position {
    int64_t ms;
    uint64_t row;
    uint32_t line;
};
#define LOG_POSITION_DIGITS 56 /* as many as AWS's event ids have */

void log_position_text(char out[LOG_POSITION_DIGITS + 1], const struct log_position *p);
int log_position_parse(struct str s, struct log_position *ret); /* -E_INVALID */
int log_position_cmp(const struct log_position *a, const struct log_position *b);

struct log_event {
    struct log_position at;
    struct str text; /* in the arena */
    uint64_t stream_id;
    int64_t ingested_ms;
};

struct log_read {
    uint64_t group_id;
    uint64_t stream_id;     /* 0: the whole group; forward only */
    int64_t from_ms, to_ms; /* both inclusive */
    bool backward;          /* latest first */
    bool has_position;      /* only lines after (backward: before) `position` */
    struct log_position position;
    bool (*wanted)(void *arg, uint64_t stream_id); /* NULL: all streams */
    void *arg;
};

struct log_row_ref {
    uint64_t id, stream_id;
    int64_t first_ms, last_ms;
};

struct log_reader {
    struct store *store;
    struct arena *a;
    struct log_read what;
    struct rows rows;
    bool has_next;
    struct log_row_ref next; /* the row to meet next */
    struct heap merge;       /* rows met and not read to their end */
    size_t read_bytes;       /* of bodies, so far */
};

void log_reader_init(struct log_reader *r, struct store *s, struct arena *a, const struct log_read *what);
bool log_reader_next(struct log_reader *r, struct log_event *ret);
void log_reader_done(struct log_reader *r); /* fits CLEANUP */

#endif
