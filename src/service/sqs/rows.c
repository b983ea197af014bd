/* rows.c - SQL and nothing else.  Ids fit in 48 bits, so they travel as plain integers.
 *
 * True here: what was read is believed only where it was asked: an id that was never given out, a number that
 * is none or a text that does not say what it must makes the row a damaged one, and nothing more is read. */
#include "service/sqs/rows.h"

#include <stdlib.h>
#include "base/json.h"
#include "service/sqs/expire.h"
#include "service/sqs/move.h"
#include "service/sqs/waste.h"

static struct sql Q_ADD_QUEUE =
    SQL("INSERT INTO sqs_queue (id, account, region, name, created_ms, modified_ms, purged_ms, "
        "attributes, tags, rows_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
static struct sql Q_PUT_QUEUE =
    SQL("UPDATE sqs_queue SET modified_ms = $2, purged_ms = $3, attributes = $4, tags = $5, "
        "rows_id = $6 WHERE id = $1");
static struct sql Q_DROP_QUEUE = SQL("DELETE FROM sqs_queue WHERE id = $1");
static struct sql Q_QUEUES =
    SQL("SELECT id, account, region, name, created_ms, modified_ms, purged_ms, attributes, tags, "
        "rows_id FROM sqs_queue");
static struct sql Q_ADD =
    SQL("INSERT INTO sqs_message (id, queue_id, visible_ms, receive_count, received_ms, "
        "first_received_ms, sent_ms, source_arn, message_id, extras, body) VALUES ($1, $2, $3, 0, $4, $4, "
        "$4, NULL, $5, $6, $7)");
static struct sql Q_READ =
    SQL("SELECT receive_count, first_received_ms, sent_ms, source_arn, message_id, extras, body "
        "FROM sqs_message WHERE id = $1");
static struct sql Q_RECEIVED = SQL("SELECT received_ms FROM sqs_message WHERE id = $1");
static struct sql Q_TAKE =
    SQL("UPDATE sqs_message SET visible_ms = $2, receive_count = $3, received_ms = $4, "
        "first_received_ms = $5 WHERE id = $1");
static struct sql Q_SHOW_AT = SQL("UPDATE sqs_message SET visible_ms = $2 WHERE id = $1");
static struct sql Q_MOVE =
    SQL("UPDATE sqs_message SET queue_id = $2, source_arn = $3, visible_ms = $4 WHERE id = $1");
static struct sql Q_REKEY =
    SQL("UPDATE sqs_message SET id = $2, queue_id = $3, source_arn = $4, visible_ms = $5, sent_ms = $5 "
        "WHERE id = $1");
static struct sql Q_RENEW =
    SQL("UPDATE sqs_message SET id = $2, queue_id = $3, visible_ms = $4, receive_count = 0, "
        "received_ms = $5, first_received_ms = $5, sent_ms = $5, source_arn = NULL, message_id = $6 WHERE id "
        "= $1");
/* 262 bytes: SQS_MSG_IDS_BYTES. */
static struct sql Q_KEEP_WINDOW =
    SQL("INSERT INTO sqs_dedup (id, queue_id, sent_ms, message_id, ids) "
        "SELECT id, queue_id, sent_ms, message_id, substr(extras, 1, 262) FROM sqs_message WHERE id = $1");
static struct sql Q_WINDOWS_END =
    SQL("SELECT max(id) FROM (SELECT id FROM sqs_dedup WHERE id <= $1 ORDER BY id LIMIT $2)");
static struct sql Q_DROP_WINDOWS = SQL("DELETE FROM sqs_dedup WHERE id <= $1");
static struct sql Q_WINDOWS = SQL("SELECT id, queue_id, sent_ms, ids FROM sqs_dedup ORDER BY id");
static struct sql Q_MESSAGE_ID = SQL("SELECT message_id FROM sqs_message WHERE id = $1");
static struct sql Q_KEPT_MESSAGE_ID = SQL("SELECT message_id FROM sqs_dedup WHERE id = $1");
static struct sql Q_ADD_TASK =
    SQL("INSERT INTO sqs_move_task (id, task_id, source_arn, destination_arn, rate, status, moved, "
        "to_move, started_ms, failure) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
static struct sql Q_PUT_TASK =
    SQL("UPDATE sqs_move_task SET status = $2, moved = $3, failure = $4 WHERE id = $1");
static struct sql Q_DROP_TASK = SQL("DELETE FROM sqs_move_task WHERE id = $1");
static struct sql Q_TASKS =
    SQL("SELECT id, task_id, source_arn, destination_arn, rate, status, moved, to_move, started_ms, "
        "failure FROM sqs_move_task ORDER BY id");
static struct sql Q_DROP = SQL("DELETE FROM sqs_message WHERE id = $1");
static struct sql Q_DROP_RANGE =
    SQL("DELETE FROM sqs_message WHERE id BETWEEN $2 AND $3 AND queue_id = $1 AND sent_ms < $4");
static struct sql Q_END_OF_SOME =
    SQL("SELECT max(id) FROM (SELECT id FROM sqs_message WHERE id >= $1 AND id <= $2 ORDER BY id LIMIT $3)");
/* 1125899906842624: SQS_FIFO_ROWS.  The extras of other queues are not even looked at. */
static struct sql Q_MESSAGES =
    SQL("SELECT id, queue_id, visible_ms, receive_count, sent_ms, "
        "CASE WHEN queue_id >= 1125899906842624 THEN extras END FROM sqs_message ORDER BY id");

#define NAME_MOST 80
#define WASTE_AFTER_LOAD_MS 500 /* first the clients; and a full disk is not asked again at once */

static void tags_json(struct buf *b, const struct sqs_queue *q)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    for (size_t i = 0; i < q->n_tags; i++) {
        jw_key(&w, q->tags[i].key);
        jw_str(&w, q->tags[i].value);
    }
    jw_object_end(&w);
}

int sqs_rows_add_queue(struct store *s, const struct sqs_queue *q)
{
    CLEANUP(buf_done) struct buf attributes = { 0 }, tags = { 0 };

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(q->modified_ms == q->created_ms && q->fifo == ((q->rows_id & SQS_FIFO_ROWS) != 0));
    sqs_attribute_write(&attributes, &q->attributes);
    tags_json(&tags, q);
    return store_exec(s, &Q_ADD_QUEUE, V_INT(q->id), V_TEXT(q->account), V_TEXT(q->region), V_TEXT(q->name),
                      V_INT(q->created_ms), V_INT(q->modified_ms), V_INT(q->purged_ms),
                      V_TEXT(buf_view(&attributes)), V_TEXT(buf_view(&tags)), V_INT(q->rows_id));
}

int sqs_rows_put_queue(struct store *s, const struct sqs_queue *q)
{
    CLEANUP(buf_done) struct buf attributes = { 0 }, tags = { 0 };

    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(q->fifo == ((q->rows_id & SQS_FIFO_ROWS) != 0));
    sqs_attribute_write(&attributes, &q->attributes);
    tags_json(&tags, q);
    return store_exec(s, &Q_PUT_QUEUE, V_INT(q->id), V_INT(q->modified_ms), V_INT(q->purged_ms),
                      V_TEXT(buf_view(&attributes)), V_TEXT(buf_view(&tags)), V_INT(q->rows_id));
}

int sqs_rows_drop_queue(struct store *s, uint64_t queue_id)
{
    return store_exec(s, &Q_DROP_QUEUE, V_INT(queue_id));
}

int sqs_rows_add(struct store *s, const struct sqs_row *r)
{
    CHECK(r->id != 0 && r->queue_id != 0 && r->message_id.n == UUID_TEXT);
    CHECK(r->visible_ms >= r->sent_ms);
    return store_exec(s, &Q_ADD, V_INT(r->id), V_INT(r->queue_id), V_INT(r->visible_ms), V_INT(r->sent_ms),
                      V_TEXT(r->message_id), V_BLOB(r->extras), V_TEXT(r->body));
}

int sqs_rows_take(struct store *s, uint64_t id, int64_t visible_ms, int64_t receives, int64_t now_ms,
                  int64_t first_ms)
{
    CHECK(receives >= 1 && visible_ms >= now_ms);
    return store_exec(s, &Q_TAKE, V_INT(id), V_INT(visible_ms), V_INT(receives), V_INT(now_ms),
                      V_INT(first_ms));
}

int sqs_rows_show_at(struct store *s, uint64_t id, int64_t visible_ms)
{
    return store_exec(s, &Q_SHOW_AT, V_INT(id), V_INT(visible_ms));
}

int sqs_rows_move(struct store *s, uint64_t id, uint64_t queue_id, struct str source_arn, int64_t visible_ms)
{
    CHECK((queue_id & SQS_FIFO_ROWS) == 0 && !str_absent(source_arn)); /* FIFO queues rekey */
    return store_exec(s, &Q_MOVE, V_INT(id), V_INT(queue_id), V_TEXT(source_arn), V_INT(visible_ms));
}

int sqs_rows_rekey(struct store *s, uint64_t id, uint64_t new_id, uint64_t rows_id, struct str source_arn,
                   int64_t now_ms)
{
    CHECK(new_id != id && (rows_id & SQS_FIFO_ROWS) != 0 && !str_absent(source_arn));
    return store_exec(s, &Q_REKEY, V_INT(id), V_INT(new_id), V_INT(rows_id), V_TEXT(source_arn),
                      V_INT(now_ms));
}

int sqs_rows_renew(struct store *s, uint64_t id, const struct sqs_row *r)
{
    CHECK(r->id != id && r->message_id.n == UUID_TEXT && r->visible_ms >= r->sent_ms);
    return store_exec(s, &Q_RENEW, V_INT(id), V_INT(r->id), V_INT(r->queue_id), V_INT(r->visible_ms),
                      V_INT(r->sent_ms), V_TEXT(r->message_id));
}

int sqs_rows_keep_window(struct store *s, uint64_t id) { return store_exec(s, &Q_KEEP_WINDOW, V_INT(id)); }

int sqs_rows_drop_windows(struct store *s, uint64_t last, size_t most, size_t *ret_dropped)
{
    struct rows r;
    int64_t end = 0;
    int n;

    CHECK(most > 0);
    *ret_dropped = 0;
    store_query(s, &Q_WINDOWS_END, &r, V_INT(last), V_INT(most));
    if (rows_next(&r))
        end = rows_int(&r, 0); /* none: NULL, 0 */
    rows_done(&r);
    if (end == 0)
        return 0;
    n = store_exec(s, &Q_DROP_WINDOWS, V_INT(end));
    *ret_dropped = (size_t)MAX(n, 0);
    return MIN(n, 0);
}

static bool read_message_id(struct store *s, struct sql *q, uint64_t id, char *ret)
{
    CLEANUP(rows_done) struct rows r;
    struct str text;

    store_query(s, q, &r, V_INT(id));
    if (!rows_next(&r))
        return false;
    text = rows_text(&r, 0);
    if (text.n != UUID_TEXT) {
        store_damaged(s, q == &Q_MESSAGE_ID ? "sqs_message" : "sqs_dedup", (int64_t)id,
                      "its message id is none");
        return false;
    }
    memcpy(ret, text.p, UUID_TEXT);
    ret[UUID_TEXT] = 0;
    return true;
}

int sqs_rows_message_id(struct store *s, uint64_t id, char *ret)
{
    if (read_message_id(s, &Q_MESSAGE_ID, id, ret) || read_message_id(s, &Q_KEPT_MESSAGE_ID, id, ret))
        return 0;
    return -E_FULL;
}

int sqs_rows_add_task(struct store *s, const struct sqs_task *task)
{
    return store_exec(s, &Q_ADD_TASK, V_INT(task->id), V_TEXT(task->task_id), V_TEXT(task->source_arn),
                      V_TEXT(task->destination_arn), V_INT(task->rate), V_TEXT(str_of(sqs_task_status(task))),
                      V_INT(task->moved), V_INT(task->to_move), V_INT(task->started_ms),
                      V_TEXT(task->failure));
}

int sqs_rows_put_task(struct store *s, const struct sqs_task *task)
{
    return store_exec(s, &Q_PUT_TASK, V_INT(task->id), V_TEXT(str_of(sqs_task_status(task))),
                      V_INT(task->moved), V_TEXT(task->failure));
}

int sqs_rows_drop_task(struct store *s, uint64_t id) { return store_exec(s, &Q_DROP_TASK, V_INT(id)); }

int sqs_rows_drop(struct store *s, uint64_t id) { return store_exec(s, &Q_DROP, V_INT(id)); }

int sqs_rows_drop_range(struct store *s, uint64_t queue_id, uint64_t first, uint64_t last, int64_t before_ms)
{
    CHECK(first <= last);
    return store_exec(s, &Q_DROP_RANGE, V_INT(queue_id), V_INT(first), V_INT(last), V_INT(before_ms));
}

int sqs_rows_drop_some(struct store *s, uint64_t rows_id, uint64_t *first, uint64_t last, size_t most)
{
    struct rows r;
    uint64_t end = 0;
    int dropped;

    CHECK(*first <= last && most > 0);
    store_query(s, &Q_END_OF_SOME, &r, V_INT(*first), V_INT(last), V_INT(most));
    if (rows_next(&r))
        end = (uint64_t)rows_int(&r, 0); /* none: NULL, 0 */
    rows_done(&r);
    if (end == 0)
        return 1;
    dropped = sqs_rows_drop_range(s, rows_id, *first, end, INT64_MAX);
    *first = end + 1;
    return dropped < 0 ? dropped : end >= last;
}

void sqs_rows_read(struct store *s, uint64_t id, struct rows *ret)
{
    store_query(s, &Q_READ, ret, V_INT(id));
}

int64_t sqs_rows_received_ms(struct store *s, uint64_t id)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &Q_RECEIVED, &r, V_INT(id));
    return rows_next(&r) ? rows_ms(&r, 0) : -E_FULL;
}

static int load_tags(struct sqs_queue *q, struct arena *a, struct str json)
{
    struct json *doc;

    if (json_parse(a, json, &doc, NULL) != 0 || doc->type != JSON_OBJECT)
        return -E_INVALID;
    JSON_EACH(doc, member)
        sqs_queue_tag(q, json_key(a, member), json_text(a, member));
    return 0;
}

static struct str id_key(const uint64_t *id) { return str_make((const char *)id, sizeof(*id)); }

/* Ids that are not given out yet would be given out again. */
static bool given_out(struct rows *r, uint64_t next)
{
    int64_t id = rows_int(r, 0);

    return rows_must(r, id > 0 && (uint64_t)id < next, "its number was never given out");
}

static void load_queues(struct sqs *s, struct turn *t, struct map *by_number, uint64_t next)
{
    CLEANUP(rows_done) struct rows r;
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    store_query(t->store, &Q_QUEUES, &r);
    while (rows_next(&r) && given_out(&r, next) && rows_place(&r, 1, 2, 3, NAME_MOST)) {
        struct sqs_queue *q =
            sqs_queue_new(s, (uint64_t)rows_int(&r, 0), rows_text(&r, 1), rows_text(&r, 2), rows_text(&r, 3));

        q->created_ms = rows_ms(&r, 4);
        q->modified_ms = rows_ms(&r, 5);
        q->purged_ms = rows_ms(&r, 6);
        if (!rows_must(&r, sqs_attribute_read(a, rows_text(&r, 7), &q->attributes) == 0,
                       "its attributes are none") ||
            !rows_must(&r, load_tags(q, a, rows_text(&r, 8)) == 0, "its tags are no JSON object") ||
            !rows_must(&r, q->fifo == (((uint64_t)rows_int(&r, 9) & SQS_FIFO_ROWS) != 0),
                       "its rows_id is of the other kind of queue"))
            break;
        q->rows_id = (uint64_t)rows_int(&r, 9);
        sqs_queue_derive(q);
        map_put(by_number, id_key(&q->rows_id), q);
        arena_reset(a);
    }
}

/* Windows to begin again: those of messages and those of messages gone, two rows of ids that are one at the
 * end. */
struct windows {
    struct sqs_window *v;
    size_t n, cap;
};

static void note_window(struct windows *ws, const struct sqs_queue *q, uint64_t id, int64_t sent_ms,
                        struct str group, struct str deduplication)
{
    if (ws->n == ws->cap) {
        ws->cap = ws->cap == 0 ? 256 : ws->cap * 2;
        ws->v = xrealloc(ws->v, ws->cap * sizeof(*ws->v));
    }
    ws->v[ws->n++] =
        (struct sqs_window){ sqs_dedup_key_of(q->rows_id, q->by_group ? group : STR_NONE, deduplication), id,
                             sent_ms };
}

static int by_id(const void *x, const void *y)
{
    uint64_t a = ((const struct sqs_window *)x)->id, b = ((const struct sqs_window *)y)->id;

    return a < b ? -1 : a > b;
}

/* In the order of their messages, each of which has one id for ever. */
static void begin_windows(struct sqs *s, struct turn *t, struct windows *ws)
{
    if (ws->n > 0)
        qsort(ws->v, ws->n, sizeof(*ws->v), by_id);
    for (size_t i = 0; i < ws->n; i++) {
        if (i > 0 && ws->v[i].id == ws->v[i - 1].id) {
            store_damaged(t->store, "sqs_dedup", (int64_t)ws->v[i].id, "its id is a message's");
            return;
        }
        sqs_dedup_begin(&s->dedup, &ws->v[i].key, ws->v[i].id, ws->v[i].began_ms);
    }
}

static void load_windows(struct sqs *s, struct turn *t, const struct map *by_number, struct windows *ws,
                         uint64_t next)
{
    CLEANUP(rows_done) struct rows r;

    store_query(t->store, &Q_WINDOWS, &r);
    while (rows_next(&r) && given_out(&r, next)) {
        uint64_t id = (uint64_t)rows_int(&r, 0), rows_id = (uint64_t)rows_int(&r, 1);
        const struct sqs_queue *q = map_get(by_number, id_key(&rows_id));
        struct str group, deduplication;

        s->dedup.rows++;
        if (t->now.wall_ms - rows_ms(&r, 2) >= SQS_WINDOW_MS)
            s->dedup.over_id = id;
        else if (q != NULL) {
            sqs_msg_ids(rows_text(&r, 3), &group, &deduplication);
            if (!rows_must(&r, sqs_msg_ids_held(group, deduplication), "its ids are none"))
                break;
            note_window(ws, q, id, rows_ms(&r, 2), group, deduplication);
        }
    }
    begin_windows(s, t, ws);
    free(ws->v);
}

/* Delay is the queue's as long as nobody has received the message. */
static void load_grouped(struct sqs_queue *q, struct turn *t, struct rows *r, struct windows *ws)
{
    uint64_t id = (uint64_t)rows_int(r, 0);
    int64_t receives = rows_count(r, 3, SQS_ROW_RECEIVES_MOST), sent_ms = rows_ms(r, 4);
    struct str group, deduplication;

    CHECK(q->fifo);
    sqs_msg_ids(rows_text(r, 5), &group, &deduplication);
    if (!rows_must(r, sqs_msg_ids_held(group, deduplication), SQS_NO_IDS))
        return;
    if (t->now.wall_ms - sent_ms < SQS_WINDOW_MS)
        note_window(ws, q, id, sent_ms, group, deduplication);
    sqs_index_add_to_group(&q->index, group, id, sent_ms,
                           receives == 0 ? sent_ms + q->delay_ms : rows_ms(r, 2), receives,
                           receives == 0 ? t->now.wall_ms : INT64_MIN);
}

/* In the order of ids, which is the order of sending.  What was never received and is visible goes straight
 * into the visible list; the rest goes through the hidden heap and, when it is due already, stands behind
 * them, in the order in which it became visible. */
static void load_messages(struct sqs *s, struct turn *t, const struct map *by_number, struct windows *ws,
                          uint64_t next)
{
    CLEANUP(rows_done) struct rows r;
    struct sqs_queue *q = NULL;

    store_query(t->store, &Q_MESSAGES, &r);
    while (rows_next(&r) && given_out(&r, next)) {
        uint64_t queue_id = (uint64_t)rows_int(&r, 1);
        int64_t receives = rows_count(&r, 3, SQS_ROW_RECEIVES_MOST);

        if (q == NULL || q->rows_id != queue_id)
            q = map_get(by_number, id_key(&queue_id));
        if (q == NULL) {
            sqs_waste_row(s, queue_id, (uint64_t)rows_int(&r, 0));
            continue;
        }
        if (q->fifo)
            load_grouped(q, t, &r, ws);
        else
            sqs_index_add(&q->index, (uint64_t)rows_int(&r, 0), rows_ms(&r, 4), rows_ms(&r, 2), receives,
                          receives == 0 ? t->now.wall_ms : INT64_MIN);
    }
}

static void load_tasks(struct sqs *s, struct turn *t)
{
    CLEANUP(rows_done) struct rows r;

    store_query(t->store, &Q_TASKS, &r);
    while (rows_next(&r))
        sqs_task_load(s, t, &r);
}

void sqs_rows_load(struct sqs *s, struct turn *t)
{
    CLEANUP(map_done) struct map by_number = { 0 };
    struct windows ws = { 0 };
    uint64_t next = store_next_id(t->store);
    struct str key;
    void *value;

    CHECK_IS(s, SQS_MAGIC);
    CHECK(s->queues.n == 0 && list_empty(&s->tasks) && sqs_dedup_count(&s->dedup) == 0);
    load_queues(s, t, &by_number, next);
    load_messages(s, t, &by_number, &ws, next);
    load_windows(s, t, &by_number, &ws, next);
    load_tasks(s, t);
    for (size_t i = 0; map_next(&s->queues, &i, &key, &value);) {
        struct sqs_queue *q = CAST(struct sqs_queue, SQS_QUEUE_MAGIC, value);

        while (sqs_index_settle(&q->index, t->now.wall_ms))
            ;
        sqs_sweep_arm(t, q);
    }
    sqs_waste_arm(s, t, WASTE_AFTER_LOAD_MS);
}
