/* output.c - see output.h.
 *
 * True here: lines in `batch` borrow from `part` or from a caller's text, so the batch is empty whenever a
 * function of this file returns; a byte of `part` is looked at once, however small the pieces it comes in. */
#include "runtime/output.h"

#include <fcntl.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 * 1024)
#define DRAIN_BYTES                                                                         \
    ((size_t)512 * 1024) /* a pipe holds 64 KiB; more comes only from a writer that goes on \
                          */
#define FRAME_HEAD 8u

static char read_buffer[READ_BYTES]; /* loop thread only */

/* ---- giving on ---- */

static void give(struct output *o)
{
    if (o->n_batch > 0)
        o->lines(o->arg, o->batch, o->n_batch);
    o->n_batch = 0;
}

static void keep_tail(struct output *o, struct str text)
{
    if (text.n > 2 * OUTPUT_TAIL_BYTES)
        text = str_sub(text, text.n - 2 * OUTPUT_TAIL_BYTES, text.n);
    buf_str(&o->tail, text);
    buf_char(&o->tail, '\n');
    if (o->tail.n > 4 * OUTPUT_TAIL_BYTES)
        buf_drop(&o->tail, o->tail.n - 2 * OUTPUT_TAIL_BYTES);
}

static void line(struct output *o, struct str text, int64_t wall_ms)
{
    if (o->n_batch == OUTPUT_BATCH)
        give(o);
    o->batch[o->n_batch++] = (struct runtime_log_line){ .wall_ms = wall_ms, .text = text };
    if (o->keep_tail)
        keep_tail(o, text);
}

void output_platform(struct output *o, struct str text)
{
    line(o, text, clock_now(o->clock).wall_ms);
    give(o);
}

/* ---- cutting ---- */

static uint32_t frame_length(const char *p)
{
    const uint8_t *b = (const uint8_t *)p + 4;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The frame at `rest`: its text, what it takes, or how much more is needed. */
static bool take_frame(struct output *o, struct str rest, struct str *ret_text, size_t *ret_used)
{
    uint32_t n = rest.n >= FRAME_HEAD ? frame_length(rest.p) : 0;

    if (n > OUTPUT_MAX_LINE) { /* not from our clients: the four bytes are text */
        *ret_text = str_sub(rest, 0, 4);
        *ret_used = 4;
        return true;
    }
    if (rest.n < FRAME_HEAD + n) {
        o->want = FRAME_HEAD + n;
        return false;
    }
    *ret_text = str_sub(rest, FRAME_HEAD, FRAME_HEAD + n);
    *ret_used = FRAME_HEAD + n;
    return true;
}

/* The next event in `rest` (bytes before `seen` are known to hold no end): true, its text and what it used.
 */
static bool next_event(struct output *o, struct str rest, size_t seen, bool frames, struct str *ret_text,
                       size_t *ret_used)
{
    const char *from = rest.p + seen, *end = rest.p + rest.n;
    const char *nl = memchr(from, '\n', (size_t)(end - from));
    const char *frame =
        frames ? memmem(rest.p, (size_t)((nl != NULL ? nl : end) - rest.p), OUTPUT_FRAME, 4) : NULL;

    if (frame == rest.p)
        return take_frame(o, rest, ret_text, ret_used);
    if (frame != NULL) {
        *ret_text = str_make(rest.p, (size_t)(frame - rest.p));
        *ret_used = ret_text->n;
        return true;
    }
    if (nl != NULL && (size_t)(nl - rest.p) <= OUTPUT_MAX_LINE) {
        *ret_text = str_make(rest.p, (size_t)(nl - rest.p));
        *ret_used = ret_text->n + 1;
        return true;
    }
    *ret_text = str_sub(rest, 0, OUTPUT_MAX_LINE);
    *ret_used = OUTPUT_MAX_LINE;
    return rest.n > OUTPUT_MAX_LINE;
}

void output_feed(struct output *o, struct str bytes)
{
    int64_t wall_ms = clock_now(o->clock).wall_ms;
    size_t at = 0, used, seen = o->scanned;
    struct str text, whole;
    bool frames;

    buf_str(&o->part, bytes);
    if (o->part.n < o->want)
        return;
    o->want = 0;
    whole = buf_view(&o->part);
    /* A header may have begun in bytes already scanned: three of its four may lie there. */
    frames = whole.n > 0 &&
             (seen == 0 || whole.p[0] == OUTPUT_FRAME[0] ||
              memmem(whole.p + seen - MIN(seen, 3), whole.n - seen + MIN(seen, 3), OUTPUT_FRAME, 4) != NULL);
    frames = frames && memmem(whole.p, whole.n, OUTPUT_FRAME, 4) != NULL;
    while (at < whole.n && next_event(o, str_sub(whole, at, whole.n), seen, frames, &text, &used)) {
        line(o, text, wall_ms);
        at += used;
        seen = 0;
    }
    give(o);
    buf_drop(&o->part, at);
    o->scanned = o->want > 0 ? 0 : o->part.n;
}

void output_flush(struct output *o)
{
    if (o->part.n > 0)
        output_platform(o, buf_view(&o->part));
    buf_clear(&o->part);
    o->scanned = o->want = 0;
}

/* ---- the pipe ---- */

/* Bytes read; 0 when there are none now.  (No end of file: we hold the other end, too.) */
static size_t read_some(struct output *o)
{
    ssize_t n = o->fd < 0 ? 0 : read(o->fd, read_buffer, sizeof(read_buffer));

    if (n <= 0)
        return 0;
    output_feed(o, str_make(read_buffer, (size_t)n));
    return (size_t)n;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct output *o = poll->data;

    read_some(o);
}

void output_drain(struct output *o)
{
    size_t total = 0, n;

    while (total < DRAIN_BYTES && (n = read_some(o)) > 0)
        total += n;
    output_flush(o);
}

void output_init(struct output *o, struct clock *clock,
                 void (*lines)(void *arg, const struct runtime_log_line *v, size_t n), void *arg)
{
    *o = (struct output){ .fd = -1, .write_fd = -1, .clock = clock, .lines = lines, .arg = arg };
}

int output_open(struct output *o, uv_loop_t *loop)
{
    int fds[2];

    CHECK(!o->open);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -E_SYSTEM;
    /* Only our end: what the function does with a full pipe is to wait. */
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 || uv_poll_init(loop, &o->poll, fds[0]) < 0) {
        close(fds[0]);
        close(fds[1]);
        return -E_SYSTEM;
    }
    o->fd = fds[0];
    o->write_fd = fds[1];
    o->open = true;
    o->poll.data = o;
    CHECK(uv_poll_start(&o->poll, UV_READABLE, on_readable) == 0);
    return 0;
}

void output_close(struct output *o, uv_close_cb closed)
{
    CHECK(o->open);
    o->open = false;
    uv_close((uv_handle_t *)&o->poll, closed);
    close(o->fd);
    close(o->write_fd);
    o->fd = o->write_fd = -1;
}

void output_done(struct output *o)
{
    CHECK(!o->open);
    buf_done(&o->part);
    buf_done(&o->tail);
}

/* ---- the tail ---- */

void output_tail_begin(struct output *o, bool keep)
{
    o->keep_tail = keep;
    buf_clear(&o->tail);
}

void output_tail(const struct output *o, bool whole_lines, struct buf *ret)
{
    struct str all = o->tail.n > 0 ? buf_view(&o->tail) : STR("");
    struct str last = all.n > OUTPUT_TAIL_BYTES ? str_sub(all, all.n - OUTPUT_TAIL_BYTES, all.n) : all;
    size_t cut = 0;

    if (last.n < all.n && whole_lines && all.p[all.n - last.n - 1] != '\n') {
        ptrdiff_t nl = str_find(last, '\n');

        last = str_sub(last, (size_t)(nl + 1), last.n);
    } else if (last.n < all.n) {
        while (cut < last.n && cut < 3 && ((uint8_t)last.p[cut] & 0xc0) == 0x80)
            cut++;
        if (cut > 0)
            buf_z(ret, "\xef\xbf\xbd");
    }
    buf_str(ret, str_sub(last, cut, last.n));
}
