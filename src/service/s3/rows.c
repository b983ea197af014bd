/* rows.c - the SQL of S3.
 * True here: parameters are the only user input; a row's columns are read by the one function that names
 * their order. */
#include "service/s3/rows.h"

#include <stdlib.h>
#include "base/state.h"

#define BUCKET_NAME_MOST 255
#define BYTES_MOST ((int64_t)1 << 46) /* AWS's limit, whatever ours is */
#define NUMBER_MOST 10000
#define OBJECT_COLUMNS \
    "id, bucket_id, object_key, version_id, marker, modified_ms, bytes, etag, meta, tags, files"
#define UPLOAD_COLUMNS "id, bucket_id, object_key, upload_id, initiator, started_ms, meta, tags"
#define PART_COLUMNS "id, upload_id, number, modified_ms, bytes, digest, checksum"

static struct sql q_bucket_in = SQL(
    "INSERT INTO s3_bucket (id, name, account, region, created_ms, versioning, policy, tags, notification) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
static struct sql q_bucket_put =
    SQL("UPDATE s3_bucket SET versioning = $2, policy = $3, tags = $4, notification = $5 WHERE id = $1");
static struct sql q_bucket_out = SQL("DELETE FROM s3_bucket WHERE id = $1");
static struct sql q_buckets = SQL(
    "SELECT id, name, account, region, created_ms, versioning, policy, tags, notification FROM s3_bucket");

static struct sql q_object_newest =
    SQL("SELECT " OBJECT_COLUMNS
        " FROM s3_object WHERE bucket_id = $1 AND object_key = $2 ORDER BY id DESC LIMIT 1");
static struct sql q_object_null =
    SQL("SELECT " OBJECT_COLUMNS
        " FROM s3_object WHERE bucket_id = $1 AND object_key = $2 AND version_id = 'null'");
static struct sql q_object = SQL("SELECT " OBJECT_COLUMNS " FROM s3_object WHERE id = $1");
static struct sql q_object_data = SQL("SELECT data FROM s3_object WHERE id = $1");
static struct sql q_object_in = SQL("INSERT INTO s3_object (" OBJECT_COLUMNS
                                    ", data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
static struct sql q_object_out = SQL("DELETE FROM s3_object WHERE id = $1");
static struct sql q_object_tags = SQL("UPDATE s3_object SET tags = $2 WHERE id = $1");
static struct sql q_objects_any = SQL("SELECT 1 FROM s3_object WHERE bucket_id = $1 LIMIT 1");
static struct sql q_objects_from =
    SQL("SELECT " OBJECT_COLUMNS " FROM s3_object WHERE bucket_id = $1 AND object_key >= $2 "
        "ORDER BY bucket_id, object_key, id DESC");

static struct sql q_upload = SQL("SELECT " UPLOAD_COLUMNS " FROM s3_upload WHERE id = $1");
static struct sql q_upload_in =
    SQL("INSERT INTO s3_upload (" UPLOAD_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
static struct sql q_upload_out = SQL("DELETE FROM s3_upload WHERE id = $1");
static struct sql q_uploads_from =
    SQL("SELECT " UPLOAD_COLUMNS " FROM s3_upload WHERE bucket_id = $1 AND object_key >= $2 "
        "ORDER BY bucket_id, object_key, id");
static struct sql q_part = SQL("SELECT " PART_COLUMNS " FROM s3_part WHERE upload_id = $1 AND number = $2");
static struct sql q_part_in =
    SQL("INSERT INTO s3_part (" PART_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)");
static struct sql q_part_out = SQL("DELETE FROM s3_part WHERE id = $1");
static struct sql q_parts =
    SQL("SELECT " PART_COLUMNS " FROM s3_part WHERE upload_id = $1 AND number > $2 ORDER BY number LIMIT $3");
static struct sql q_parts_out = SQL("DELETE FROM s3_part WHERE upload_id = $1");

static struct sql q_count_objects = SQL("SELECT count(*) FROM s3_object");
static struct sql q_count_uploads = SQL("SELECT count(*) FROM s3_upload");
static struct sql q_count_parts = SQL("SELECT count(*) FROM s3_part");
static struct sql q_files_of_objects = SQL("SELECT id, files FROM s3_object WHERE files IS NOT NULL");
static struct sql q_files_of_parts = SQL("SELECT id FROM s3_part");

#define TO(s) STATE_BIT(UPLOAD_##s)
static const struct state upload_states[] = {
    [UPLOAD_NEW] = { "new", TO(UNDER_WAY) },
    [UPLOAD_UNDER_WAY] = { "under way", TO(COMPLETED) | TO(ABORTED) },
    [UPLOAD_COMPLETED] = { "completed", 0 },
    [UPLOAD_ABORTED] = { "aborted", 0 },
};
static const struct states upload_machine = STATES("multipart upload", upload_states);
#undef TO

/* ---- buckets ---- */

int rows_bucket_add(struct store *s, const struct bucket *b)
{
    int r;

    CHECK_IS(b, BUCKET_MAGIC);
    CHECK(b->id != 0 && b->versioning == VERSIONING_NEVER);
    r = store_exec(s, &q_bucket_in, V_INT(b->id), V_TEXT(b->name), V_TEXT(b->account), V_TEXT(b->region),
                   V_INT(b->created_ms), V_INT(b->versioning), V_TEXT(b->policy_text), V_TEXT(b->tags),
                   V_TEXT(b->notification_text));

    return MIN(r, 0);
}

void rows_bucket_put(struct store *s, const struct bucket *b)
{
    CHECK_IS(b, BUCKET_MAGIC);
    CHECK(b->versioning <= VERSIONING_SUSPENDED);
    store_exec(s, &q_bucket_put, V_INT(b->id), V_INT(b->versioning), V_TEXT(b->policy_text), V_TEXT(b->tags),
               V_TEXT(b->notification_text));
}

void rows_bucket_drop(struct store *s, uint64_t id) { store_exec(s, &q_bucket_out, V_INT(id)); }

void rows_buckets(struct store *s, void (*each)(void *arg, const struct bucket *b), void *arg)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_buckets, &r);
    while (rows_next(&r) && rows_place(&r, 2, 3, 1, BUCKET_NAME_MOST)) {
        struct bucket b = {
            .id = (uint64_t)rows_int(&r, 0),
            .name = rows_text(&r, 1),
            .account = rows_text(&r, 2),
            .region = rows_text(&r, 3),
            .created_ms = rows_ms(&r, 4),
            .versioning = (enum versioning)rows_enum(&r, 5, VERSIONING_SUSPENDED, "its versioning is none"),
            .policy_text = rows_text(&r, 6),
            .tags = rows_text(&r, 7),
            .notification_text = rows_text(&r, 8),
        };
        each(arg, &b);
    }
}

/* ---- objects ---- */

struct str rows_object_key(struct rows *r) { return rows_text(r, 2); }

void rows_object_read(struct rows *r, struct arena *a, struct object *ret)
{
    *ret = (struct object){
        .id = (uint64_t)rows_int(r, 0),
        .bucket_id = (uint64_t)rows_int(r, 1),
        .key = arena_str(a, rows_text(r, 2)),
        .version_id = arena_str(a, rows_text(r, 3)),
        .marker = rows_int(r, 4) != 0,
        .modified_ms = rows_ms(r, 5),
        .bytes = rows_count(r, 6, BYTES_MOST),
        .etag = arena_str(a, rows_text(r, 7)),
        .meta = arena_str(a, rows_text(r, 8)),
        .tags = arena_str(a, rows_text(r, 9)),
        .files = arena_str(a, rows_text(r, 10)),
    };
}

bool rows_object_newest(struct store *s, struct arena *a, uint64_t bucket_id, struct str key,
                        struct object *ret)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_object_newest, &r, V_INT(bucket_id), V_BLOB(key));
    if (!rows_next(&r))
        return false;
    rows_object_read(&r, a, ret);
    return true;
}

bool rows_object_version(struct store *s, struct arena *a, uint64_t bucket_id, struct str key,
                         struct str version_id, struct object *ret)
{
    CLEANUP(rows_done) struct rows r;
    uint64_t id;

    if (str_is(version_id, "null"))
        store_query(s, &q_object_null, &r, V_INT(bucket_id), V_BLOB(key));
    else if (s3_id_read(version_id, &id) == 0)
        store_query(s, &q_object, &r, V_INT(id));
    else
        r = (struct rows){ .done = true };
    if (r.done || !rows_next(&r))
        return false;
    if ((uint64_t)rows_int(&r, 1) != bucket_id || !str_eq(rows_text(&r, 2), key) ||
        !str_eq(rows_text(&r, 3), version_id))
        return false;
    rows_object_read(&r, a, ret);
    return true;
}

struct str rows_object_data(struct store *s, struct arena *a, uint64_t id)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_object_data, &r, V_INT(id));
    return rows_next(&r) && !rows_null(&r, 0) ? arena_str(a, rows_text(&r, 0)) : STR("");
}

void rows_object_add(struct store *s, const struct object *o, struct str data)
{
    CHECK(o->id != 0 && !str_empty(o->key) && !str_empty(o->version_id) && o->bytes >= 0);
    CHECK(!o->marker || (o->bytes == 0 && str_absent(o->files)));
    store_exec(s, &q_object_in, V_INT(o->id), V_INT(o->bucket_id), V_BLOB(o->key), V_TEXT(o->version_id),
               V_INT(o->marker), V_INT(o->modified_ms), V_INT(o->bytes), V_TEXT(o->etag), V_TEXT(o->meta),
               V_TEXT(o->tags), V_TEXT(o->files),
               str_absent(o->files) && !o->marker ? V_BLOB(str_absent(data) ? STR("") : data) : V_NULL);
}

void rows_object_drop(struct store *s, uint64_t id) { store_exec(s, &q_object_out, V_INT(id)); }

void rows_object_tags(struct store *s, uint64_t id, struct str tags)
{
    store_exec(s, &q_object_tags, V_INT(id), V_TEXT(tags));
}

bool rows_bucket_holds_any(struct store *s, uint64_t bucket_id)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_objects_any, &r, V_INT(bucket_id));
    return rows_next(&r);
}

void rows_objects_from(struct store *s, uint64_t bucket_id, struct str from, struct rows *ret)
{
    store_query(s, &q_objects_from, ret, V_INT(bucket_id), V_BLOB(str_absent(from) ? STR("") : from));
}

/* ---- uploads ---- */

struct str rows_upload_key(struct rows *r) { return rows_text(r, 2); }

void rows_upload_read(struct rows *r, struct arena *a, struct upload *ret)
{
    *ret = (struct upload){
        .state = UPLOAD_UNDER_WAY,
        .id = (uint64_t)rows_int(r, 0),
        .bucket_id = (uint64_t)rows_int(r, 1),
        .key = arena_str(a, rows_text(r, 2)),
        .upload_id = arena_str(a, rows_text(r, 3)),
        .initiator = arena_str(a, rows_text(r, 4)),
        .started_ms = rows_ms(r, 5),
        .meta = arena_str(a, rows_text(r, 6)),
        .tags = arena_str(a, rows_text(r, 7)),
    };
}

bool rows_upload(struct store *s, struct arena *a, uint64_t bucket_id, struct str key, struct str upload_id,
                 struct upload *ret)
{
    CLEANUP(rows_done) struct rows r = { .done = true };
    uint64_t id;

    if (s3_id_read(upload_id, &id) != 0)
        return false;
    store_query(s, &q_upload, &r, V_INT(id));
    if (!rows_next(&r))
        return false;
    rows_upload_read(&r, a, ret);
    return ret->bucket_id == bucket_id && str_eq(ret->key, key) && str_eq(ret->upload_id, upload_id);
}

void rows_upload_add(struct store *s, struct upload *u)
{
    CHECK(u->id != 0 && !str_empty(u->key) && !str_empty(u->upload_id));
    STATE_MOVE(&upload_machine, u->state, UPLOAD_UNDER_WAY);
    store_exec(s, &q_upload_in, V_INT(u->id), V_INT(u->bucket_id), V_BLOB(u->key), V_TEXT(u->upload_id),
               V_TEXT(u->initiator), V_INT(u->started_ms), V_TEXT(u->meta), V_TEXT(u->tags));
}

void rows_upload_drop(struct store *s, struct upload *u, enum upload_state how)
{
    STATE_MOVE(&upload_machine, u->state, how);
    store_exec(s, &q_upload_out, V_INT(u->id));
    store_exec(s, &q_parts_out, V_INT(u->id));
}

void rows_uploads_from(struct store *s, uint64_t bucket_id, struct str from, struct rows *ret)
{
    store_query(s, &q_uploads_from, ret, V_INT(bucket_id), V_BLOB(str_absent(from) ? STR("") : from));
}

static void part_read(struct rows *r, struct arena *a, struct part *ret)
{
    *ret = (struct part){
        .id = (uint64_t)rows_int(r, 0),
        .upload_id = (uint64_t)rows_int(r, 1),
        .number = rows_count(r, 2, NUMBER_MOST),
        .modified_ms = rows_ms(r, 3),
        .bytes = rows_count(r, 4, BYTES_MOST),
        .digest = arena_str(a, rows_text(r, 5)),
        .checksum = arena_str(a, rows_text(r, 6)),
    };
}

bool rows_part(struct store *s, struct arena *a, uint64_t upload_id, int64_t number, struct part *ret)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_part, &r, V_INT(upload_id), V_INT(number));
    if (!rows_next(&r))
        return false;
    part_read(&r, a, ret);
    return true;
}

void rows_part_add(struct store *s, const struct upload *u, const struct part *p)
{
    CHECK(u->state == UPLOAD_UNDER_WAY && p->upload_id == u->id && p->id != 0);
    CHECK(p->number >= 1 && p->number <= S3_PART_NUMBER_MOST && p->bytes >= 0);
    store_exec(s, &q_part_in, V_INT(p->id), V_INT(p->upload_id), V_INT(p->number), V_INT(p->modified_ms),
               V_INT(p->bytes), V_TEXT(p->digest), V_TEXT(p->checksum));
}

void rows_part_drop(struct store *s, uint64_t id) { store_exec(s, &q_part_out, V_INT(id)); }

size_t rows_parts(struct store *s, struct arena *a, uint64_t upload_id, int64_t after, size_t most,
                  struct part **ret)
{
    CLEANUP(rows_done) struct rows r;
    struct part *v = arena_calloc(a, most + 1, sizeof(*v));
    size_t n = 0;

    CHECK(after >= 0 && most <= S3_PART_NUMBER_MOST);
    store_query(s, &q_parts, &r, V_INT(upload_id), V_INT(after), V_INT(most));
    while (n < most && rows_next(&r))
        part_read(&r, a, &v[n++]);
    *ret = v;
    return n;
}

/* ---- at start ---- */

static int64_t count(struct store *s, struct sql *q)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, q, &r);
    return rows_next(&r) ? rows_int(&r, 0) : 0;
}

struct s3_counts rows_counts(struct store *s)
{
    return (struct s3_counts){ count(s, &q_count_objects), count(s, &q_count_uploads),
                               count(s, &q_count_parts) };
}

static void ids_of_objects(struct store *s, struct file_ids *ids)
{
    CLEANUP(rows_done) struct rows r;

    store_query(s, &q_files_of_objects, &r);
    while (rows_next(&r)) {
        CLEANUP(arena_freep) struct arena *a = arena_new(0);
        struct piece *v;
        size_t n;

        if (rows_must(&r, s3_pieces_read(a, rows_text(&r, 1), &v, &n) == 0, "its files are none"))
            for (size_t i = 0; i < n; i++)
                s3_ids_add(ids, v[i].id);
    }
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

uint64_t *rows_file_ids(struct store *s, size_t *ret_n)
{
    CLEANUP(rows_done) struct rows r;
    struct file_ids ids = { 0 };

    ids_of_objects(s, &ids);
    store_query(s, &q_files_of_parts, &r);
    while (rows_next(&r))
        s3_ids_add(&ids, (uint64_t)rows_int(&r, 0));
    if (ids.n > 0)
        qsort(ids.v, ids.n, sizeof(*ids.v), compare_ids);
    *ret_n = ids.n;
    return ids.v;
}
