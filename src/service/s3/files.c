/* files.c - which files the coming commit decides about.
 * True here: a file in `fresh` is complete, and a row of this turn names it; one in `doomed` is named by no
 * row once this turn is committed.  If the turn fails the first are waste and the second stay.  One that was
 * named and given up in the same turn is in both, and goes either way. */
#include "service/s3/internal.h"

#include <stdlib.h>

void s3_ids_add(struct file_ids *ids, uint64_t id)
{
    CHECK(ids->n <= ids->cap && (ids->cap == 0) == (ids->v == NULL));
    if (ids->n == ids->cap) {
        ids->cap = ids->cap > 0 ? ids->cap * 2 : 16;
        ids->v = xrealloc(ids->v, ids->cap * sizeof(*ids->v));
    }
    ids->v[ids->n++] = id;
}

struct forgetting {
    uint32_t magic;
#define FORGETTING_MAGIC 0x53f0f6e7u
    char *dir;
    struct file_ids ids;
};

static void forget_run(void *arg)
{
    struct forgetting *f = CAST(struct forgetting, FORGETTING_MAGIC, arg);

    for (size_t i = 0; i < f->ids.n; i++)
        s3_file_remove(f->dir, f->ids.v[i]);
}

static void forget_done(void *arg, struct turn *t UNUSED)
{
    struct forgetting *f = CAST(struct forgetting, FORGETTING_MAGIC, arg);

    f->magic = 0;
    free(f->dir);
    free(f->ids.v);
    free(f);
}

void s3_forget(struct s3 *s, struct file_ids *ids)
{
    struct forgetting *f;

    CHECK_IS(s, S3_MAGIC);
    CHECK(ids->n <= ids->cap);
    if (ids->n == 0)
        return;
    CHECK(s->o.dir != NULL && s->ops != NULL); /* who has files has a folder, and was loaded */
    f = xcalloc(1, sizeof(*f));
    f->magic = FORGETTING_MAGIC;
    f->dir = xstrdup(s->o.dir);
    f->ids = *ids;
    *ids = (struct file_ids){ 0 };
    s->ops->work(s->engine, forget_run, forget_done, f);
}

static void committed(void *arg)
{
    struct s3 *s = CAST(struct s3, S3_MAGIC, arg);

    s->after_wanted = false;
    s->fresh.n = 0;
    s3_forget(s, &s->doomed);
}

static void want_commit(struct s3 *s, struct turn *t)
{
    if (s->after_wanted)
        return;
    s->after_wanted = true;
    turn_after(t, committed, s);
}

void s3_fresh(struct s3 *s, struct turn *t, uint64_t file_id)
{
    CHECK_IS(s, S3_MAGIC);
    CHECK(file_id != 0); /* 0: the bytes are in the row */
    s3_ids_add(&s->fresh, file_id);
    want_commit(s, t);
}

void s3_doom(struct s3 *s, struct turn *t, uint64_t file_id)
{
    CHECK_IS(s, S3_MAGIC);
    s3_ids_add(&s->doomed, file_id);
    want_commit(s, t);
}

void s3_doom_text(struct s3 *s, struct turn *t, struct str files)
{
    CLEANUP(arena_freep) struct arena *a = NULL;
    struct piece *v;
    size_t n;

    if (str_absent(files))
        return;
    a = arena_new(0);
    if (s3_pieces_read(a, files, &v, &n) == 0)
        for (size_t i = 0; i < n; i++)
            s3_doom(s, t, v[i].id);
}

void s3_files_undo(struct s3 *s)
{
    CHECK_IS(s, S3_MAGIC);
    s->after_wanted = false;
    s->doomed.n = 0;
    s3_forget(s, &s->fresh);
}
