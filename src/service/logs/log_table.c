/* log_table.c - the SQL of groups, streams and rows.
 * True here: log_group.bytes is the sum of log_row.bytes and log_group.streams the number of its streams;
 * every function that adds or deletes keeps both in the same turn. */
#include "service/logs/log_table.h"

/* Freed beyond the bound, so that not every flush of a full group deletes. */
#define TRIM_SLACK 16
#define TRIM_ROWS 64
/* A group of no more than this is dropped whole, in about as many milliseconds as megabytes. */
#define DROP_NOW_BYTES ((int64_t)4 << 20)
#define DROP_NOW_STREAMS 100
#define WASTE_ROWS 16
#define LOG_DAYS_MOST 1000000 /* of a row's retention */
#define WASTE_STREAMS 200
#define WASTE_PROBES 500 /* living groups or streams passed over in one piece */

#define GROUP_COLUMNS "id, name, created_ms, retention_days, bytes, streams, tags"
#define STREAM_COLUMNS "id, name, created_ms, first_ms, last_ms, ingested_ms"

static struct sql q_group =
    SQL("SELECT " GROUP_COLUMNS " FROM log_group WHERE account = $1 AND region = $2 AND name = $3");
static struct sql q_groups =
    SQL("SELECT " GROUP_COLUMNS " FROM log_group WHERE account = $1 AND region = $2 AND name >= $3 "
        "ORDER BY name");
static struct sql q_group_count = SQL("SELECT count(*) FROM log_group WHERE account = $1 AND region = $2");
static struct sql q_group_count_in_all = SQL("SELECT count(*) FROM log_group");
static struct sql q_group_in = SQL(
    "INSERT INTO log_group (id, account, region, name, created_ms, tags) VALUES ($1, $2, $3, $4, $5, $6)");
static struct sql q_group_out = SQL("DELETE FROM log_group WHERE id = $1");
static struct sql q_group_streams_out = SQL("DELETE FROM log_stream WHERE group_id = $1");
static struct sql q_group_rows_out = SQL("DELETE FROM log_row WHERE group_id = $1");
static struct sql q_group_tags = SQL("UPDATE log_group SET tags = $2 WHERE id = $1");
static struct sql q_group_retention = SQL("UPDATE log_group SET retention_days = $2 WHERE id = $1");
static struct sql q_group_bytes = SQL("SELECT bytes FROM log_group WHERE id = $1");
static struct sql q_group_add =
    SQL("UPDATE log_group SET bytes = bytes + $2, streams = streams + $3 WHERE id = $1");
static struct sql q_group_there = SQL("SELECT 1 FROM log_group WHERE id = $1");
static struct sql q_waste_rows_next = SQL("SELECT min(group_id) FROM log_row WHERE group_id >= $1");
static struct sql q_waste_streams_next = SQL("SELECT min(group_id) FROM log_stream WHERE group_id >= $1");
static struct sql q_waste_rows_out =
    SQL("DELETE FROM log_row WHERE id IN (SELECT id FROM log_row WHERE group_id = $1 LIMIT $2)");
static struct sql q_waste_streams_out =
    SQL("DELETE FROM log_stream WHERE id IN (SELECT id FROM log_stream WHERE group_id = $1 LIMIT $2)");
static struct sql q_retained =
    SQL("SELECT id, retention_days FROM log_group WHERE id >= $1 ORDER BY id LIMIT $2");

static struct sql q_stream =
    SQL("SELECT " STREAM_COLUMNS " FROM log_stream WHERE group_id = $1 AND name = $2");
static struct sql q_streams =
    SQL("SELECT " STREAM_COLUMNS " FROM log_stream WHERE group_id = $1 AND name >= $2 ORDER BY name");
static struct sql q_stream_name = SQL("SELECT name FROM log_stream WHERE id = $1");
static struct sql q_stream_oldest = SQL("SELECT id FROM log_stream WHERE group_id = $1 ORDER BY id LIMIT 1");
static struct sql q_stream_in =
    SQL("INSERT INTO log_stream (id, group_id, name, created_ms) VALUES ($1, $2, $3, $4)");
static struct sql q_stream_out = SQL("DELETE FROM log_stream WHERE id = $1");
static struct sql q_stream_rows =
    SQL("SELECT id, group_id, bytes FROM log_row WHERE stream_id = $1 LIMIT $2");
static struct sql q_stream_rows_next = SQL("SELECT min(stream_id) FROM log_row WHERE stream_id >= $1");
static struct sql q_stream_there = SQL("SELECT 1 FROM log_stream WHERE id = $1");
static struct sql q_stream_times =
    SQL("UPDATE log_stream SET first_ms = CASE WHEN first_ms <= $2 THEN first_ms ELSE $2 END, "
        "last_ms = CASE WHEN last_ms >= $3 THEN last_ms ELSE $3 END, ingested_ms = $4 WHERE id = $1");

static struct sql q_row_in =
    SQL("INSERT INTO log_row (id, group_id, stream_id, first_ms, last_ms, ingested_ms, lines, bytes, body) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
static struct sql q_row_out = SQL("DELETE FROM log_row WHERE id = $1");
static struct sql q_rows_oldest =
    SQL("SELECT id, bytes FROM log_row WHERE group_id = $1 ORDER BY last_ms LIMIT $2");
static struct sql q_old = SQL(
    "SELECT id, group_id, bytes FROM log_row WHERE group_id = $1 AND last_ms < $2 ORDER BY last_ms LIMIT $3");

static int64_t number(struct rows *r)
{
    int64_t n = rows_next(r) ? rows_int(r, 0) : 0;

    rows_done(r);
    return n;
}

static void group_read(struct rows *r, struct arena *a, struct log_group *ret)
{
    *ret = (struct log_group){
        .id = (uint64_t)rows_int(r, 0),
        .name = arena_str(a, rows_text(r, 1)),
        .created_ms = rows_ms(r, 2),
        .retention_days = rows_count(r, 3, LOG_DAYS_MOST),
        .bytes = rows_int(r, 4),
        .streams = rows_int(r, 5),
        .tags = arena_str(a, rows_text(r, 6)),
    };
}

bool log_group_find(struct store *s, struct arena *a, struct str account, struct str region, struct str name,
                    struct log_group *ret)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_group, &r, V_TEXT(account), V_TEXT(region), V_TEXT(name));
    if (!rows_next(&r))
        return false;
    group_read(&r, a, ret);
    return true;
}

bool log_group_make(struct store *s, int64_t now_ms, struct str account, struct str region, struct str name,
                    struct str tags, uint64_t *ret_id)
{
    struct rows r;
    uint64_t id;

    store_query(s, &q_group_count, &r, V_TEXT(account), V_TEXT(region));
    if (number(&r) >= LOG_MOST_GROUPS)
        return false;
    store_query(s, &q_group_count_in_all, &r);
    if (number(&r) >= LOG_MOST_GROUPS_IN_ALL)
        return false;
    id = store_next_id(s);
    store_exec(s, &q_group_in, V_INT(id), V_TEXT(account), V_TEXT(region), V_TEXT(name), V_INT(now_ms),
               V_TEXT(tags));
    *ret_id = id;
    return true;
}

bool log_group_drop(struct store *s, const struct log_group *g)
{
    store_exec(s, &q_group_out, V_INT(g->id));
    if (g->bytes > DROP_NOW_BYTES || g->streams > DROP_NOW_STREAMS)
        return false;
    store_exec(s, &q_group_rows_out, V_INT(g->id));
    store_exec(s, &q_group_streams_out, V_INT(g->id));
    return true;
}

/* The smallest group id from `from` on that rows or streams carry; 0: none. */
static uint64_t waste_next(struct store *s, uint64_t from)
{
    struct rows r;
    int64_t of_rows, of_streams;

    store_query(s, &q_waste_rows_next, &r, V_INT(from));
    of_rows = number(&r);
    store_query(s, &q_waste_streams_next, &r, V_INT(from));
    of_streams = number(&r);
    return (uint64_t)(of_rows == 0 || (of_streams != 0 && of_streams < of_rows) ? of_streams : of_rows);
}

bool log_waste_drop(struct store *s, uint64_t *from)
{
    for (int probes = 0; probes < WASTE_PROBES; probes++) {
        uint64_t id = waste_next(s, *from);
        struct rows r;

        if (id == 0)
            return false;
        store_query(s, &q_group_there, &r, V_INT(id));
        if (number(&r) != 0) {
            *from = id + 1;
            continue;
        }
        *from = id;
        store_exec(s, &q_waste_rows_out, V_INT(id), V_INT(WASTE_ROWS));
        store_exec(s, &q_waste_streams_out, V_INT(id), V_INT(WASTE_STREAMS));
        return true;
    }
    return true;
}

void log_group_tags(struct store *s, uint64_t group_id, struct str tags)
{
    store_exec(s, &q_group_tags, V_INT(group_id), V_TEXT(tags));
}

void log_group_retention(struct store *s, uint64_t group_id, int64_t days)
{
    store_exec(s, &q_group_retention, V_INT(group_id), days > 0 ? V_INT(days) : V_NULL);
}

size_t log_group_list(struct store *s, struct arena *a, struct str account, struct str region,
                      struct str prefix, struct str after, struct log_group *v, size_t most)
{
    CLEANUP(rows_done) struct rows r;
    struct str from = !str_absent(after) && str_cmp(after, prefix) > 0 ? after : prefix;
    size_t n = 0;

    store_query(s, &q_groups, &r, V_TEXT(account), V_TEXT(region), V_TEXT(from));
    while (n < most && rows_next(&r)) {
        struct str name = rows_text(&r, 1);

        if (!str_starts(name, prefix))
            break;
        if (str_absent(after) || !str_eq(name, after))
            group_read(&r, a, &v[n++]);
    }
    return n;
}

/* The oldest rows that make up `excess` bytes go, TRIM_ROWS at a time. */
void log_group_trim(struct store *s, uint64_t group_id, int64_t most_bytes)
{
    struct rows r;
    int64_t held, excess, freed = 0;

    store_query(s, &q_group_bytes, &r, V_INT(group_id));
    held = number(&r);
    if (held <= most_bytes)
        return;
    excess = held - (most_bytes - most_bytes / TRIM_SLACK);
    while (freed < excess) {
        uint64_t ids[TRIM_ROWS];
        size_t n = 0;

        store_query(s, &q_rows_oldest, &r, V_INT(group_id), V_INT(TRIM_ROWS));
        while (freed < excess && rows_next(&r)) {
            ids[n++] = (uint64_t)rows_int(&r, 0);
            freed += rows_count(&r, 1, UINT32_MAX);
        }
        rows_done(&r);
        for (size_t i = 0; i < n; i++)
            store_exec(s, &q_row_out, V_INT(ids[i]));
        if (n == 0)
            break;
    }
    store_exec(s, &q_group_add, V_INT(group_id), V_INT(-freed), V_INT(0));
}

/* The rows found go, WASTE_ROWS at the most, and their group's bytes with them.  Their number. */
static size_t drop_rows(struct store *s, struct rows *r)
{
    uint64_t ids[WASTE_ROWS], group_id = 0;
    int64_t bytes = 0;
    size_t n = 0;

    while (n < WASTE_ROWS && rows_next(r)) {
        ids[n++] = (uint64_t)rows_int(r, 0);
        group_id = (uint64_t)rows_int(r, 1);
        bytes += rows_count(r, 2, UINT32_MAX);
    }
    rows_done(r);
    for (size_t i = 0; i < n; i++)
        store_exec(s, &q_row_out, V_INT(ids[i]));
    if (n > 0)
        store_exec(s, &q_group_add, V_INT(group_id), V_INT(-bytes), V_INT(0));
    return n;
}

bool log_expire(struct store *s, int64_t now_ms, struct log_expiry *x)
{
    struct retained {
        uint64_t id;
        int64_t days;
    } v[WASTE_PROBES];
    size_t n = 0, dropped = 0;
    struct rows r;

    store_query(s, &q_retained, &r, V_INT(x->from), V_INT(WASTE_PROBES));
    while (n < WASTE_PROBES && rows_next(&r))
        v[n++] = (struct retained){ (uint64_t)rows_int(&r, 0), rows_count(&r, 1, LOG_DAYS_MOST) };
    rows_done(&r);
    for (size_t i = 0; i < n && dropped < WASTE_ROWS; i++) {
        x->from = v[i].id;
        if (v[i].days > 0) {
            x->retained = true;
            store_query(s, &q_old, &r, V_INT(v[i].id), V_INT(now_ms - v[i].days * 86400000),
                        V_INT(WASTE_ROWS));
            dropped += drop_rows(s, &r);
        }
    }
    if (dropped < WASTE_ROWS) /* the last one looked at is done, too */
        x->from++;
    return dropped >= WASTE_ROWS || n == WASTE_PROBES;
}

static void stream_read(struct rows *r, struct arena *a, struct log_stream *ret)
{
    *ret = (struct log_stream){
        .id = (uint64_t)rows_int(r, 0),
        .name = arena_str(a, rows_text(r, 1)),
        .created_ms = rows_ms(r, 2),
        .has_events = !rows_null(r, 3),
        .first_ms = rows_ms(r, 3),
        .last_ms = rows_ms(r, 4),
        .ingested_ms = rows_ms(r, 5),
    };
}

bool log_stream_find(struct store *s, struct arena *a, uint64_t group_id, struct str name,
                     struct log_stream *ret)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_stream, &r, V_INT(group_id), V_TEXT(name));
    if (!rows_next(&r))
        return false;
    stream_read(&r, a, ret);
    return true;
}

uint64_t log_stream_make(struct store *s, int64_t now_ms, uint64_t group_id, struct str name)
{
    uint64_t id = store_next_id(s);

    store_exec(s, &q_stream_in, V_INT(id), V_INT(group_id), V_TEXT(name), V_INT(now_ms));
    store_exec(s, &q_group_add, V_INT(group_id), V_INT(0), V_INT(1));
    return id;
}

static bool drop_some(struct store *s, uint64_t stream_id)
{
    struct rows r;

    store_query(s, &q_stream_rows, &r, V_INT(stream_id), V_INT(WASTE_ROWS));
    return drop_rows(s, &r) < WASTE_ROWS;
}

bool log_stream_drop(struct store *s, uint64_t group_id, uint64_t stream_id)
{
    store_exec(s, &q_stream_out, V_INT(stream_id));
    store_exec(s, &q_group_add, V_INT(group_id), V_INT(0), V_INT(-1));
    return drop_some(s, stream_id);
}

bool log_stream_waste_drop(struct store *s, uint64_t *from)
{
    for (int probes = 0; probes < WASTE_PROBES; probes++) {
        struct rows r;
        uint64_t id;

        store_query(s, &q_stream_rows_next, &r, V_INT(*from));
        id = (uint64_t)number(&r);
        if (id == 0)
            return false;
        store_query(s, &q_stream_there, &r, V_INT(id));
        *from = id + 1;
        if (number(&r) != 0)
            continue;
        if (!drop_some(s, id))
            *from = id;
        return true;
    }
    return true;
}

uint64_t log_stream_oldest(struct store *s, uint64_t group_id)
{
    struct rows r;

    store_query(s, &q_stream_oldest, &r, V_INT(group_id));
    return (uint64_t)number(&r);
}

size_t log_stream_list(struct store *s, struct arena *a, uint64_t group_id, struct str prefix,
                       struct log_stream **ret_v)
{
    CLEANUP(rows_done) struct rows r;
    size_t n = 0, cap = 64;
    struct log_stream *v = arena_calloc(a, cap, sizeof(*v));

    store_query(s, &q_streams, &r, V_INT(group_id), V_TEXT(prefix));
    while (rows_next(&r) && str_starts(rows_text(&r, 1), prefix)) {
        if (n == cap) {
            struct log_stream *more = arena_calloc(a, cap *= 2, sizeof(*v));

            memcpy(more, v, n * sizeof(*v));
            v = more;
        }
        stream_read(&r, a, &v[n++]);
    }
    *ret_v = v;
    return n;
}

struct str log_stream_name(struct store *s, struct arena *a, uint64_t stream_id)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_stream_name, &r, V_INT(stream_id));
    return rows_next(&r) ? arena_str(a, rows_text(&r, 0)) : STR_NONE;
}

void log_rows_put(struct store *s, int64_t now_ms, uint64_t group_id, uint64_t stream_id,
                  const struct log_chunk *v, size_t n)
{
    int64_t first_ms = INT64_MAX, last_ms = INT64_MIN, bytes = 0;

    for (size_t i = 0; i < n; i++) {
        const struct log_chunk *c = &v[i];

        if (c->n == 0)
            continue;
        store_exec(s, &q_row_in, V_INT(store_next_id(s)), V_INT(group_id), V_INT(stream_id),
                   V_INT(c->first_ms), V_INT(c->last_ms), V_INT(now_ms), V_INT(c->n), V_INT(c->bytes),
                   V_BLOB(buf_view(&c->body)));
        first_ms = MIN(first_ms, c->first_ms);
        last_ms = MAX(last_ms, c->last_ms);
        bytes += c->bytes;
    }
    if (bytes == 0)
        return;
    store_exec(s, &q_stream_times, V_INT(stream_id), V_INT(first_ms), V_INT(last_ms), V_INT(now_ms));
    store_exec(s, &q_group_add, V_INT(group_id), V_INT(bytes), V_INT(0));
}
