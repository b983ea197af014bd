/* rows.c - SQL and nothing else.  Ids fit in 48 bits, so they travel as plain integers.
 *
 * True here: nothing that was read is believed before it was asked; a row that cannot be what was written is
 * damage, and said to be (rows_must). */
#include "service/sns/rows.h"

#include "base/id.h"
#include "service/sns/seen.h"

#define NAME_MOST 256

static struct sql Q_ADD_TOPIC =
    SQL("INSERT INTO sns_topic (id, account, region, name, deleted, attributes, tags) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)");
static struct sql Q_PUT_TOPIC =
    SQL("UPDATE sns_topic SET deleted = $2, attributes = $3, tags = $4 WHERE id = $1");
static struct sql Q_DROP_TOPIC = SQL("DELETE FROM sns_topic WHERE id = $1");
static struct sql Q_DROP_TOPIC_SUBSCRIPTIONS = SQL("DELETE FROM sns_subscription WHERE topic_id = $1");
static struct sql Q_DROP_TOPIC_SEEN = SQL("DELETE FROM sns_seen WHERE topic_id = $1");
static struct sql Q_TOPICS =
    SQL("SELECT id, account, region, name, deleted, attributes, tags FROM sns_topic ORDER BY id");
static struct sql Q_ADD_SUB =
    SQL("INSERT INTO sns_subscription (id, topic_id, uuid, owner, protocol, endpoint, state, state_ms, "
        "token, authenticated, guarded, host, attributes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
        "$11, $12, $13)");
static struct sql Q_PUT_SUB =
    SQL("UPDATE sns_subscription SET state = $2, state_ms = $3, token = $4, authenticated = $5, "
        "guarded = $6, attributes = $7 WHERE id = $1");
static struct sql Q_DROP_SUB = SQL("DELETE FROM sns_subscription WHERE id = $1");
static struct sql Q_SUBS = SQL(
    "SELECT id, topic_id, uuid, owner, protocol, endpoint, state, state_ms, token, authenticated, guarded, "
    "host, attributes FROM sns_subscription ORDER BY id");
static struct sql Q_ADD_SEEN =
    SQL("INSERT INTO sns_seen (id, topic_id, seen_ms, what, message_id) VALUES ($1, $2, $3, $4, $5)");
static struct sql Q_FORGET_SEEN = SQL("DELETE FROM sns_seen WHERE id <= $1");
static struct sql Q_SEEN = SQL("SELECT id, topic_id, seen_ms, what, message_id FROM sns_seen ORDER BY id");
static struct sql Q_PUT_KEY = SQL("INSERT INTO sns_key (id, private_key, certificate) VALUES ($1, $2, $3)");
static struct sql Q_KEY = SQL("SELECT id, private_key, certificate FROM sns_key ORDER BY id");

static void write_tags(struct buf *b, const struct sns_topic *t)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    for (size_t i = 0; i < t->n_tags; i++) {
        jw_key(&w, t->tags[i].key);
        jw_str(&w, t->tags[i].value);
    }
    jw_object_end(&w);
}

int sns_rows_add_topic(struct store *s, const struct sns_topic *t)
{
    CLEANUP(buf_done) struct buf attributes = { 0 }, tags = { 0 };

    CHECK_IS(t, SNS_TOPIC_MAGIC);
    CHECK(t->id != 0 && t->n_deleted == 0);
    sns_topic_attributes_write(&attributes, &t->attributes);
    write_tags(&tags, t);
    return store_exec(s, &Q_ADD_TOPIC, V_INT(t->id), V_TEXT(t->account), V_TEXT(t->region), V_TEXT(t->name),
                      V_INT(t->n_deleted), V_TEXT(buf_view(&attributes)), V_TEXT(buf_view(&tags)));
}

int sns_rows_put_topic(struct store *s, const struct sns_topic *t)
{
    CLEANUP(buf_done) struct buf attributes = { 0 }, tags = { 0 };

    CHECK_IS(t, SNS_TOPIC_MAGIC);
    sns_topic_attributes_write(&attributes, &t->attributes);
    write_tags(&tags, t);
    return store_exec(s, &Q_PUT_TOPIC, V_INT(t->id), V_INT(t->n_deleted), V_TEXT(buf_view(&attributes)),
                      V_TEXT(buf_view(&tags)));
}

int sns_rows_drop_topic(struct store *s, uint64_t id)
{
    int r = store_exec(s, &Q_DROP_TOPIC_SUBSCRIPTIONS, V_INT(id));

    if (r >= 0)
        r = store_exec(s, &Q_DROP_TOPIC_SEEN, V_INT(id));
    return r < 0 ? r : store_exec(s, &Q_DROP_TOPIC, V_INT(id));
}

int sns_rows_add_subscription(struct store *s, const struct sns_subscription *sub)
{
    CLEANUP(buf_done) struct buf attributes = { 0 };

    CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
    CHECK(sub->id != 0 && sub->state != SNS_ENDED && (sub->state == SNS_PENDING) == !str_absent(sub->token));
    sns_subscription_attributes_write(&attributes, &sub->attributes);
    return store_exec(s, &Q_ADD_SUB, V_INT(sub->id), V_INT(sub->topic->id), V_TEXT(sub->uuid),
                      V_TEXT(sub->owner), V_TEXT(str_of(sns_protocol_name(sub->protocol))),
                      V_TEXT(sub->endpoint), V_INT(sub->state), V_INT(sub->state_ms), V_TEXT(sub->token),
                      V_INT(sub->authenticated), V_INT(sub->guarded), V_TEXT(sub->host),
                      V_TEXT(buf_view(&attributes)));
}

int sns_rows_put_subscription(struct store *s, const struct sns_subscription *sub)
{
    CLEANUP(buf_done) struct buf attributes = { 0 };

    CHECK_IS(sub, SNS_SUBSCRIPTION_MAGIC);
    sns_subscription_attributes_write(&attributes, &sub->attributes);
    return store_exec(s, &Q_PUT_SUB, V_INT(sub->id), V_INT(sub->state), V_INT(sub->state_ms),
                      V_TEXT(sub->token), V_INT(sub->authenticated), V_INT(sub->guarded),
                      V_TEXT(buf_view(&attributes)));
}

int sns_rows_drop_subscription(struct store *s, uint64_t id) { return store_exec(s, &Q_DROP_SUB, V_INT(id)); }

int sns_rows_add_seen(struct store *s, const struct sns_seen *seen, struct str what)
{
    CHECK(seen->id != 0 && seen->topic_id != 0 && !str_empty(what));
    return store_exec(s, &Q_ADD_SEEN, V_INT(seen->id), V_INT(seen->topic_id), V_INT(seen->seen_ms),
                      V_TEXT(what), V_TEXT(str_of(seen->message_id)));
}

int sns_rows_forget_seen(struct store *s, uint64_t up_to_id)
{
    return store_exec(s, &Q_FORGET_SEEN, V_INT(up_to_id));
}

int sns_rows_put_key(struct store *s, uint64_t id, struct str private_pem, struct str certificate_pem)
{
    return store_exec(s, &Q_PUT_KEY, V_INT(id), V_TEXT(private_pem), V_TEXT(certificate_pem));
}

/* ---- loading ---- */

static struct str id_key(const uint64_t *id) { return str_make((const char *)id, sizeof(*id)); }

static void load_topics(struct sns *s, struct turn *t, struct map *by_id)
{
    CLEANUP(rows_done) struct rows r;
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    store_query(t->store, &Q_TOPICS, &r);
    while (rows_next(&r) && rows_place(&r, 1, 2, 3, NAME_MOST)) {
        struct sns_topic *topic =
            sns_topic_new(s, (uint64_t)rows_int(&r, 0), rows_text(&r, 1), rows_text(&r, 2), rows_text(&r, 3));
        struct json *tags;

        topic->n_deleted = (size_t)rows_count(&r, 4, INT64_C(1) << 48);
        if (!rows_must(&r, sns_topic_attributes_read(a, rows_text(&r, 5), &topic->attributes) == 0,
                       "its attributes are no JSON object") ||
            !rows_must(&r, json_parse(a, rows_text(&r, 6), &tags, NULL) == 0 && tags->type == JSON_OBJECT,
                       "its tags are no JSON object"))
            break;
        JSON_EACH(tags, member)
            sns_topic_tag(topic, json_key(a, member), json_text(a, member));
        sns_topic_derive(topic);
        map_put(by_id, id_key(&topic->id), topic);
        arena_reset(a);
    }
}

static enum sns_protocol protocol_of(struct rows *r, int column)
{
    enum sns_protocol p = SNS_SQS;

    while (p < SNS_HTTPS && !str_is(rows_text(r, column), sns_protocol_name(p)))
        p++;
    (void)rows_must(r, str_is(rows_text(r, column), sns_protocol_name(p)), "its protocol is none");
    return p;
}

static void load_subscriptions(struct turn *t, const struct map *topics)
{
    CLEANUP(rows_done) struct rows r;
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    store_query(t->store, &Q_SUBS, &r);
    while (rows_next(&r)) {
        uint64_t topic_id = (uint64_t)rows_int(&r, 1);
        struct sns_topic *topic = map_get(topics, id_key(&topic_id));
        struct sns_subscription *sub;

        if (!rows_must(&r, topic != NULL, "its topic is not there") ||
            !rows_must(&r, rows_text(&r, 2).n == UUID_TEXT, "its uuid is none"))
            break;
        const struct sns_subscription_init init = {
            .id = (uint64_t)rows_int(&r, 0),
            .uuid = arena_str(a, rows_text(&r, 2)),
            .owner = arena_str(a, rows_text(&r, 3)),
            .protocol = protocol_of(&r, 4),
            .endpoint = arena_str(a, rows_text(&r, 5)),
            .state = (enum sns_subscription_state)rows_enum(&r, 6, SNS_ENDED, "its state is none"),
            .state_ms = rows_ms(&r, 7),
            .token = arena_str(a, rows_text(&r, 8)),
            .host = arena_str(a, rows_text(&r, 11))
        };
        sub = sns_subscription_new(topic, &init);
        if (!rows_must(&r, sub != NULL, "there are two of its uuid") ||
            !rows_must(&r, sns_subscription_attributes_read(a, rows_text(&r, 12), &sub->attributes) == 0,
                       "its attributes are no JSON object"))
            break;
        (void)rows_must(&r, sns_subscription_derive(sub) == 0, "its filter policy is none");
        sub->authenticated = rows_int(&r, 9) != 0;
        sub->guarded = rows_int(&r, 10) != 0;
        arena_reset(a);
    }
}

static void load_seen(struct sns *s, struct turn *t)
{
    CLEANUP(rows_done) struct rows r;

    store_query(t->store, &Q_SEEN, &r);
    while (rows_next(&r)) {
        struct sns_seen seen = { .id = (uint64_t)rows_int(&r, 0),
                                 .topic_id = (uint64_t)rows_int(&r, 1),
                                 .seen_ms = rows_ms(&r, 2) };
        struct str id = rows_text(&r, 4);

        if (!rows_must(&r, id.n < sizeof(seen.message_id), "its message id is too long"))
            break;
        memcpy(seen.message_id, id.p, id.n);
        sns_seen_keep(s, &seen, rows_text(&r, 3));
    }
}

static void load_key(struct sns *s, struct turn *t)
{
    CLEANUP(rows_done) struct rows r;

    store_query(t->store, &Q_KEY, &r);
    if (rows_next(&r))
        (void)rows_must(&r, sign_key_read(rows_text(&r, 1), rows_text(&r, 2), &s->key) == 0,
                        "its key or certificate cannot be read");
}

void sns_rows_load(struct sns *s, struct turn *t)
{
    CLEANUP(map_done) struct map by_id = { 0 };

    CHECK_IS(s, SNS_MAGIC);
    CHECK(s->topics.n == 0 && s->seen.n == 0 && s->key == NULL);
    load_topics(s, t, &by_id);
    load_subscriptions(t, &by_id);
    load_seen(s, t);
    load_key(s, t);
}
