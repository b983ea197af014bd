/* history.c - one row per member that changed; bounded right after each insert. */
#include "service/lambda/history.h"

#include "service/lambda/names.h"

static struct sql Q_PUT =
    SQL("INSERT INTO lambda_history(id, function_id, at_ms, operation, qualifier, member, was, becomes) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
static struct sql Q_BOUND =
    SQL("DELETE FROM lambda_history WHERE function_id = $1 AND id <= (SELECT id FROM lambda_history "
        "WHERE function_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)");
static struct sql Q_LIST = SQL("SELECT at_ms, operation, qualifier, member, was, becomes FROM lambda_history "
                               "WHERE function_id = $1 ORDER BY id DESC LIMIT $2");

struct change {
    const char *operation;
    struct str qualifier;
};

static int put(const struct function *f, struct turn *t, const struct change *c, const char *member,
               struct str before, struct str after)
{
    CHECK_IS(t, TURN_MAGIC);
    CHECK_IS(f, FUNCTION_MAGIC);
    if (str_empty(before) && str_empty(after))
        return 0;
    if (str_eq(before, after))
        return 0;
    int rc = store_exec(t->store, &Q_PUT, V_INT(store_next_id(t->store)), V_INT(f->id), V_INT(t->now.wall_ms),
                        V_TEXT(str_of(c->operation)), V_TEXT(c->qualifier), V_TEXT(str_of(member)),
                        V_TEXT(str_empty(before) ? STR_NONE : before),
                        V_TEXT(str_empty(after) ? STR_NONE : after));
    if (rc >= 0)
        rc = store_exec(t->store, &Q_BOUND, V_INT(f->id), V_INT(LAMBDA_HISTORY_ROWS));
    return MIN(rc, 0);
}

static struct str number_text(struct buf *b, int64_t v)
{
    buf_clear(b);
    if (v < 0)
        return STR_NONE;
    buf_i64(b, v);
    return buf_view(b);
}

static int put_number(const struct function *f, struct turn *t, const struct change *c, const char *member,
                      int64_t before, int64_t after)
{
    struct buf b CLEANUP(buf_done) = { 0 }, a CLEANUP(buf_done) = { 0 };

    return put(f, t, c, member, number_text(&b, before), number_text(&a, after));
}

struct event_config_values history_values(const struct event_config *e)
{
    if (e == NULL)
        return (struct event_config_values){ -1, -1, STR_NONE, STR_NONE };
    return (struct event_config_values){ e->maximum_retry_attempts, e->maximum_event_age_s, e->on_success,
                                         e->on_failure };
}

int history_event_config(const struct function *f, struct turn *t, const char *operation,
                         struct str qualifier, const struct event_config_values *before,
                         const struct event_config_values *after)
{
    const struct event_config_values nothing = history_values(NULL), *b = before != NULL ? before : &nothing,
                                     *a = after != NULL ? after : &nothing;
    const struct change c = { operation, qualifier };
    int rc = put_number(f, t, &c, "MaximumRetryAttempts", b->retries, a->retries);

    rc = rc != 0 ? rc : put_number(f, t, &c, "MaximumEventAgeInSeconds", b->age_s, a->age_s);
    rc = rc != 0 ? rc : put(f, t, &c, "OnSuccess", b->on_success, a->on_success);
    return rc != 0 ? rc : put(f, t, &c, "OnFailure", b->on_failure, a->on_failure);
}

int history_dead_letter(const struct function *f, struct turn *t, const char *operation, struct str before,
                        struct str after)
{
    return put(f, t, &(struct change){ operation, LATEST }, "DeadLetterConfig", before, after);
}

static struct str text_or_none(struct arena *a, struct rows *r, int column)
{
    return rows_null(r, column) ? STR_NONE : arena_str(a, rows_text(r, column));
}

size_t history_list(const struct lambda *l, struct store *s, struct arena *a, struct str account,
                    struct str region, struct str name, struct history_entry *v, size_t max)
{
    const struct function *f = function_find(l, account, region, name);
    struct rows r CLEANUP(rows_done) = { 0 };
    size_t n = 0;

    if (f == NULL || max == 0)
        return 0;
    for (store_query(s, &Q_LIST, &r, V_INT(f->id), V_INT(max)); n < max && rows_next(&r); n++)
        v[n] = (struct history_entry){ rows_ms(&r, 0),
                                       arena_str(a, rows_text(&r, 1)),
                                       arena_str(a, rows_text(&r, 2)),
                                       arena_str(a, rows_text(&r, 3)),
                                       text_or_none(a, &r, 4),
                                       text_or_none(a, &r, 5) };
    return n;
}
