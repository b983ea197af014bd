/* log_chunk.h - many lines as one blob: the body of a log_row.
 *
 * Layout, line after line: zigzag varint of the time in ms (the first as it is, then the distance to the line
 * before), varint of the text's length, the text.  About four bytes over the text for a function's output.
 *
 * A chunk spans at most CHUNK_SPAN_MS from its earliest to its latest line, and holds at most CHUNK_BYTES
 * unless it is a single line: readers that merge rows by time look ahead by exactly that span (log_reader.h).
 *
 * Bodies come from our own store; a damaged one ends the decoding early and is reported, never overrun. */
#ifndef WAYBILL_SERVICE_LOGS_LOG_CHUNK_H
#define WAYBILL_SERVICE_LOGS_LOG_CHUNK_H

#include "base/buf.h"

#define CHUNK_BYTES ((size_t)64 << 10)
#define CHUNK_SPAN_MS 2000
/* What AWS counts for a line beside its text, in bytes. */
#define LINE_OVERHEAD_BYTES 26

struct log_chunk {
    struct buf body;           /* owned */
    int64_t first_ms, last_ms; /* earliest and latest line */
    int64_t previous_ms;       /* of the line added last */
    int64_t bytes;             /* texts + LINE_OVERHEAD_BYTES each */
    uint32_t n;
};

void log_chunk_done(struct log_chunk *c);
/* Would the line still fit?  Always true for an empty chunk. */
bool log_chunk_fits(const struct log_chunk *c, int64_t ms, size_t text_bytes);
void log_chunk_add(struct log_chunk *c, int64_t ms, struct str text);
void log_chunk_add_line(struct log_chunk *c, int64_t ms,
                        struct str text);  /* a newline is put after the text */
void log_chunk_clear(struct log_chunk *c); /* empty again, memory kept */

struct log_chunk_line {
    int64_t ms;
    struct str text; /* borrows from the body */
};
/* The lines by rising time, lines of one millisecond in the order they were added.  *ret_v lies in the arena.
 * -E_INVALID: damaged; what stands before the damage is delivered. */
int log_chunk_lines(struct arena *a, struct str body, size_t n, struct log_chunk_line **ret_v, size_t *ret_n);

#endif
