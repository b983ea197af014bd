/* output.h - what an environment writes, cut into log lines in the order it was written.
 *
 * stdout and stderr share one pipe, so their order is kept.  Platform lines (START, END, REPORT) go through
 * the same place.  Reading is bounded per round of the loop: a function that floods its output waits in
 * write(), the loop does not.  Memory is bounded too: one unfinished line of at most OUTPUT_MAX_LINE bytes.
 *
 * A line ends at "\n"; "\r" inside does not end it.  The runtime clients send what must stay one event
 * although it has several lines (a traceback) as a frame: OUTPUT_FRAME, 4 bytes length (big endian), text.
 * The frame's first byte cannot occur in UTF-8 text at that place. */
#ifndef WAYBILL_RUNTIME_OUTPUT_H
#define WAYBILL_RUNTIME_OUTPUT_H

#include "base/clock.h"
#include "runtime/runtime.h"

#define OUTPUT_MAX_LINE                                                                                 \
    ((size_t)256 * 1024)                 /* CloudWatch Logs' event size; longer lines are cut in pieces \
                                          */
#define OUTPUT_TAIL_BYTES ((size_t)4096) /* X-Amz-Log-Result */
#define OUTPUT_FRAME "\xa5\x5a\x00\x03"
#define OUTPUT_BATCH 64

struct output {
    int fd, write_fd; /* both ends are kept: the pipe outlives a process */
    bool open;        /* poll is a live handle */
    uv_poll_t poll;
    struct clock *clock;
    void (*lines)(void *arg, const struct runtime_log_line *v, size_t n);
    void *arg;
    struct buf part; /* read, not yet given on */
    size_t scanned;  /* of part: holds no end of a line */
    size_t want;     /* an unfinished frame: bytes of part it needs; 0: none */
    struct buf tail;
    bool keep_tail;
    struct runtime_log_line batch[OUTPUT_BATCH];
    size_t n_batch;
};

/* lines() gets text that is valid until it returns.  clock, lines and arg are set; no pipe yet. */
void output_init(struct output *o, struct clock *clock,
                 void (*lines)(void *arg, const struct runtime_log_line *v, size_t n), void *arg);
int output_open(struct output *o, uv_loop_t *loop); /* makes the pipe and reads from it; -E_SYSTEM */
void output_drain(struct output *o); /* what is in the pipe now, and an unfinished line as a line */
void output_platform(struct output *o, struct str text); /* one line; may contain newlines */
/* After output_open(): closed(handle) as uv_close; the pipe is closed at once. */
void output_close(struct output *o, uv_close_cb closed);
void output_done(struct output *o);

/* For tests and the pipe: bytes as read. */
void output_feed(struct output *o, struct str bytes);
void output_flush(struct output *o); /* the unfinished line, if any, as a line */

void output_tail_begin(struct output *o, bool keep);
/* The last OUTPUT_TAIL_BYTES of the text since begin.  A character cut in two at the front becomes U+FFFD;
 * with whole_lines only whole lines are kept (JSON records). */
void output_tail(const struct output *o, bool whole_lines, struct buf *ret);

#endif
