/* journey.c - stories are text from the first step on, so an ended one is stored as it stands. */
#include <stdarg.h>

#include "base/id.h"
#include "flow/journey.h"

#define PRUNE_ROWS 500 /* about 2 ms */

static struct sql Q_PUT =
    SQL("INSERT INTO journey(seq, request_id, function_arn, qualifier, state, ended_ms, story) "
        "VALUES($1, $2, $3, $4, $5, $6, $7)");
static struct sql Q_GET = SQL(
    "SELECT seq, request_id, function_arn, qualifier, state, ended_ms, story FROM journey WHERE seq = $1");
static struct sql Q_LIST =
    SQL("SELECT seq, request_id, function_arn, qualifier, state, ended_ms, story FROM journey "
        "WHERE seq < $1 ORDER BY seq DESC LIMIT $2");
static struct sql Q_LIST_FUNCTION =
    SQL("SELECT seq, request_id, function_arn, qualifier, state, ended_ms, story FROM journey "
        "WHERE seq < $1 AND function_arn = $3 ORDER BY seq DESC LIMIT $2");
static struct sql Q_OVER_COUNT = SQL("SELECT seq FROM journey ORDER BY seq DESC LIMIT 1 OFFSET $1");
/* Looks at the oldest rows alone: where one of them may stay, those behind it are hardly older. */
static struct sql Q_DROP_OLD =
    SQL("DELETE FROM journey WHERE seq IN (SELECT seq FROM journey ORDER BY seq LIMIT $3) "
        "AND (seq <= $1 OR ended_ms < $2)");
static struct sql Q_OLDEST = SQL("SELECT ended_ms FROM journey ORDER BY seq LIMIT 1");

void story_add(struct buf *story, int64_t at_ms, const char *step, const char *fmt, ...)
{
    va_list ap;

    if (story->n > 0)
        buf_char(story, ',');
    buf_printf(story, "[%lld,\"%s\"", (long long)at_ms, step);
    va_start(ap, fmt);
    for (const char *f = fmt; *f != '\0'; f++) {
        buf_char(story, ',');
        if (*f == 's')
            json_quote(story, va_arg(ap, struct str));
        else if (*f == 'i')
            buf_i64(story, va_arg(ap, int64_t));
        else if (*f == 'z')
            json_quote(story, str_of(va_arg(ap, const char *)));
        else
            CHECK(false && "story_add: fmt");
    }
    va_end(ap);
    buf_char(story, ']');
}

void journey_put(struct turn *t, uint64_t seq, struct str request_id, struct str function_arn,
                 struct str qualifier, const char *state, struct str story)
{
    CLEANUP(buf_done) struct buf whole = { 0 };

    CHECK_IS(t, TURN_MAGIC);
    CHECK(state != NULL && story.n > 0 &&
          story.p[0] == '['); /* what it begins with was added by story_add() */
    buf_reserve(&whole, story.n + 2);
    buf_char(&whole, '[');
    buf_str(&whole, story);
    buf_char(&whole, ']');
    store_exec(t->store, &Q_PUT, V_INT(seq), V_TEXT(request_id), V_TEXT(function_arn), V_TEXT(qualifier),
               V_TEXT(str_of(state)), V_INT(t->now.wall_ms), V_TEXT(buf_view(&whole)));
}

static void row_read(struct rows *r, struct arena *a, struct journey *ret)
{
    ret->seq = (uint64_t)rows_int(r, 0);
    ret->request_id = arena_str(a, rows_text(r, 1));
    ret->function_arn = arena_str(a, rows_text(r, 2));
    ret->qualifier = arena_str(a, rows_text(r, 3));
    ret->state = arena_str(a, rows_text(r, 4));
    ret->ended_ms = rows_ms(r, 5);
    ret->story = arena_str(a, rows_text(r, 6));
}

int journey_get(struct store *s, struct arena *a, struct str request_id, struct journey *ret)
{
    CLEANUP(rows_done) struct rows r = { 0 };
    uint64_t seq;

    if (uuid_to_seq(request_id, &seq) < 0)
        return -E_NOT_FOUND;
    store_query(s, &Q_GET, &r, V_INT(seq));
    if (!rows_next(&r) || !str_eq(rows_text(&r, 1), request_id))
        return -E_NOT_FOUND;
    row_read(&r, a, ret);
    return 0;
}

size_t journey_list(struct store *s, struct arena *a, struct str function_arn, uint64_t before_seq,
                    struct journey *v, size_t max)
{
    CLEANUP(rows_done) struct rows r = { 0 };
    size_t n = 0;

    if (before_seq == 0)
        before_seq = (uint64_t)INT64_MAX;
    if (str_absent(function_arn))
        store_query(s, &Q_LIST, &r, V_INT(before_seq), V_INT(max));
    else
        store_query(s, &Q_LIST_FUNCTION, &r, V_INT(before_seq), V_INT(max), V_TEXT(function_arn));
    while (n < max && rows_next(&r))
        row_read(&r, a, &v[n++]);
    return n;
}

static int64_t first_int(struct store *s, struct sql *q, struct val v, int64_t otherwise)
{
    CLEANUP(rows_done) struct rows r = { 0 };

    if (v.kind == VAL_NULL)
        store_query(s, q, &r);
    else
        store_query(s, q, &r, v);
    return rows_next(&r) ? rows_int(&r, 0) : otherwise;
}

/* One piece in this turn, the next in a turn of its own.  arg: the last seq that is one too many; 0: none is.
 */
static void drop_some(void *arg, struct turn *t)
{
    uintptr_t over = (uintptr_t)arg;

    if (store_exec(t->store, &Q_DROP_OLD, V_INT(over), V_INT(t->now.wall_ms - JOURNEY_MAX_AGE_MS),
                   V_INT(PRUNE_ROWS)) == PRUNE_ROWS)
        t->ops->soon(t->engine, drop_some, arg);
}

void journey_prune(struct turn *t)
{
    int64_t oldest_kept_ms = t->now.wall_ms - JOURNEY_MAX_AGE_MS;
    int64_t over = first_int(t->store, &Q_OVER_COUNT, V_INT(JOURNEY_MAX_ROWS), 0);

    if (over == 0 && first_int(t->store, &Q_OLDEST, V_NULL, INT64_MAX) >= oldest_kept_ms)
        return;
    drop_some((void *)(uintptr_t)over, t);
}
