/* file_body.c - see file_body.h.
 *
 *   IDLE --proceed, not in the cache--> READING (pool thread) --resume--> READ --proceed--> IDLE
 *
 * True here: while READING, room and the current segment belong to the pool thread; a stop meanwhile only
 * marks. */
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>
#include "net/file_body.h"

enum file_state { FILE_IDLE, FILE_READING, FILE_READ };

struct file_body {
    struct body_source source;
    uv_loop_t *loop;
    uv_work_t work;
    enum file_state state;
    bool stopped;
    struct segment *v;
    size_t n, at; /* v[at] is being read */
    size_t *open;
    char *room;
    size_t cap, want;
    ssize_t got; /* of the pool thread's read */
};

static void close_one(struct file_body *f)
{
    close(f->v[f->at++].fd);
    if (f->open != NULL)
        --*f->open;
}

static void free_all(struct file_body *f)
{
    while (f->at < f->n)
        close_one(f);
    free(f->room);
    free(f->v);
    free(f);
}

static ssize_t read_with(struct file_body *f, int flags)
{
    const struct segment *s = &f->v[f->at];
    struct iovec room = { f->room, f->want };
    ssize_t got;

    do
        got = preadv2(s->fd, &room, 1, s->from, flags);
    while (got < 0 && errno == EINTR);
    return got;
}

static void read_run(uv_work_t *work)
{
    struct file_body *f = work->data;

    f->got = read_with(f, 0);
}

static void read_done(uv_work_t *work, int status)
{
    struct file_body *f = work->data;

    (void)status;
    f->state = FILE_READ;
    if (f->stopped)
        free_all(f);
    else
        exchange_resume(f->source.x);
}

/* A file that is shorter than its segment is a failure: the length was promised. */
static enum body_piece give(struct file_body *f, ssize_t got, struct str *ret)
{
    struct segment *s = &f->v[f->at];

    f->state = FILE_IDLE;
    if (got <= 0)
        return PIECE_FAILED;
    *ret = str_make(f->room, (size_t)got);
    s->from += got;
    s->bytes -= got;
    if (s->bytes == 0)
        close_one(f);
    return PIECE_SOME;
}

static void make_room(struct file_body *f, size_t most)
{
    f->want = (size_t)MIN((int64_t)most, f->v[f->at].bytes);
    if (f->room != NULL && f->cap >= f->want && f->cap <= most)
        return;
    free(f->room);
    f->cap = f->want;
    f->room = xmalloc(f->cap);
}

static enum body_piece proceed(struct body_source *source, size_t most, struct str *ret)
{
    struct file_body *f = CONTAINER_OF(source, struct file_body, source);
    ssize_t got;

    if (f->state == FILE_READING)
        return PIECE_LATER;
    if (f->state == FILE_READ)
        return give(f, f->got, ret);
    if (f->at == f->n)
        return PIECE_END;
    make_room(f, most);
    got = read_with(f, RWF_NOWAIT);
    if (got >= 0)
        return give(f, got, ret);
    f->work.data = f;
    if (uv_queue_work(f->loop, &f->work, read_run, read_done) < 0)
        return PIECE_FAILED;
    f->state = FILE_READING;
    return PIECE_LATER;
}

static void stop(struct body_source *source)
{
    struct file_body *f = CONTAINER_OF(source, struct file_body, source);

    f->stopped = true;
    if (f->state != FILE_READING)
        free_all(f);
}

struct body_source *file_body_new(uv_loop_t *loop, const struct segment *v, size_t n, size_t *open)
{
    struct file_body *f = xcalloc(1, sizeof *f);

    f->source = (struct body_source){ .proceed = proceed, .stop = stop };
    f->loop = loop;
    f->n = n;
    f->v = xcalloc(n + 1, sizeof *f->v);
    if (n > 0)
        memcpy(f->v, v, n * sizeof *v);
    f->open = open;
    if (open != NULL)
        *open += n;
    return &f->source;
}
