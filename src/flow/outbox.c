/* outbox.c - rows that are due, and who works on them.
 *
 * True here: every row of a registered kind has one entry in memory, found by its id; an entry is in the heap
 * exactly when nobody works on it.  The payload stays in the store until the row is due.  One timer stands
 * for the first entry of the heap.  A turn hands out at most HANDED_PER_TURN rows, and none twice; the rest
 * waits for the next turn, so that a thousand late deliveries do not hold up the requests between them.
 *
 * Rows of a kind nobody registered (another program wrote them) are left alone. */
#include "flow/outbox.h"

#include <stdlib.h>
#include "base/map.h"

#define KINDS_MOST 8
#define HANDED_PER_TURN 200

struct entry {
    uint32_t magic;
#define ENTRY_MAGIC 0x0b0e17a1u
    struct heap_node node; /* key: due_ms; seq: the id, older first */
    uint64_t id;
    int64_t created_ms;
    unsigned attempts, round; /* round: when it was last handed out */
    const struct outbox_kind *kind;
};

struct outbox {
    uint32_t magic;
#define OUTBOX_MAGIC 0x0b0b0001u
    struct outbox_kind kinds[KINDS_MOST];
    size_t n_kinds;
    struct map entries; /* the eight bytes of an id -> struct entry */
    struct heap due;
    struct timer timer;
    unsigned round; /* counts the times something was handed out */
    bool handing;   /* hand_out_due() runs: it looks at the heap itself */
    bool continued; /* a turn for the rest is asked for */
};

static struct sql Q_ADD = SQL("INSERT INTO outbox (id, due_ms, attempts, created_ms, kind, payload) "
                              "VALUES ($1, $2, 0, $3, $4, $5)");
static struct sql Q_AGAIN = SQL("UPDATE outbox SET due_ms = $2, attempts = $3 WHERE id = $1");
static struct sql Q_AGAIN_WITH =
    SQL("UPDATE outbox SET due_ms = $2, attempts = $3, payload = $4 WHERE id = $1");
static struct sql Q_OVER = SQL("DELETE FROM outbox WHERE id = $1");
static struct sql Q_PAYLOAD = SQL("SELECT payload FROM outbox WHERE id = $1");
static struct sql Q_ALL = SQL("SELECT id, due_ms, attempts, created_ms, kind FROM outbox ORDER BY id");

/* ---- entries ---- */

static struct str id_key(const uint64_t *id) { return str_make((const char *)id, sizeof(*id)); }

static const struct outbox_kind *kind_named(const struct outbox *o, struct str name)
{
    for (size_t i = 0; i < o->n_kinds; i++)
        if (str_is(name, o->kinds[i].name))
            return &o->kinds[i];
    return NULL;
}

static struct entry *entry_new(struct outbox *o, uint64_t id, const struct outbox_kind *kind,
                               int64_t created_ms)
{
    struct entry *e = xcalloc(1, sizeof(*e));

    CHECK(kind >= o->kinds && kind < o->kinds + o->n_kinds);
    *e = (struct entry){
        .magic = ENTRY_MAGIC, .node.seq = id, .id = id, .created_ms = created_ms, .kind = kind
    };
    CHECK(map_put(&o->entries, id_key(&id), e) == NULL);
    return e;
}

static void entry_free(struct outbox *o, struct entry *e)
{
    CHECK_IS(e, ENTRY_MAGIC);
    heap_remove(&o->due, &e->node);
    CHECK(map_del(&o->entries, id_key(&e->id)) == e);
    e->magic = 0;
    free(e);
}

static struct entry *entry_of(const struct outbox *o, uint64_t id)
{
    struct entry *e = map_get(&o->entries, id_key(&id));

    CHECK(e == NULL || (e->magic == ENTRY_MAGIC && e->id == id));
    return e;
}

static void entries_free(struct outbox *o)
{
    struct str key;
    void *e;

    heap_done(&o->due); /* touches the nodes: before they go */
    for (size_t i = 0; map_next(&o->entries, &i, &key, &e);)
        free(e);
    map_done(&o->entries);
}

static void arm(struct outbox *o, struct turn *t)
{
    struct heap_node *first = heap_first(&o->due);

    if (o->handing)
        return;
    if (first == NULL || o->continued)
        timer_cancel(t, &o->timer);
    else if (!timer_pending(&o->timer) || o->timer.node.key != first->key)
        timer_set(t, &o->timer, first->key);
}

/* ---- handing out ---- */

static bool read_payload(struct turn *t, uint64_t id, struct buf *ret)
{
    CLEANUP(rows_done) struct rows r;
    bool there;

    store_query(t->store, &Q_PAYLOAD, &r, V_INT(id));
    there = rows_next(&r);
    if (there)
        buf_str(ret, rows_text(&r, 0));
    return there;
}

static void hand_out(struct outbox *o, struct turn *t, struct entry *e)
{
    CLEANUP(buf_done) struct buf payload = { 0 };
    struct outbox_item item = { .id = e->id, .created_ms = e->created_ms, .attempts = e->attempts };

    if (!read_payload(t, e->id,
                      &payload)) { /* the store is in trouble: this turn will fail, and all is read again */
        entry_free(o, e);
        return;
    }
    CHECK(heap_has(&e->node) && e->kind->due != NULL);
    item.payload = buf_view(&payload);
    heap_remove(&o->due, &e->node);
    e->round = o->round;
    e->kind->due(e->kind->arg, t, &item); /* e may be gone now */
}

static void go_on(void *arg, struct turn *t);

static void hand_out_due(struct outbox *o, struct turn *t)
{
    struct heap_node *first;
    size_t n = 0;

    CHECK_IS(o, OUTBOX_MAGIC);
    CHECK(!o->handing); /* an owner that hands out from inside due() */
    o->handing = true;
    o->round++;
    while ((first = heap_first(&o->due)) != NULL && first->key <= t->now.wall_ms && !o->continued) {
        struct entry *e = CONTAINER_OF(first, struct entry, node);

        CHECK_IS(e, ENTRY_MAGIC);
        if (n++ < HANDED_PER_TURN && e->round != o->round) {
            hand_out(o, t, e);
            continue;
        }
        o->continued = true;
        t->ops->soon(t->engine, go_on, o);
    }
    o->handing = false;
    arm(o, t);
}

static void go_on(void *arg, struct turn *t)
{
    struct outbox *o = CAST(struct outbox, OUTBOX_MAGIC, arg);

    o->continued = false;
    hand_out_due(o, t);
}

static void on_timer(struct timer *tm, struct turn *t)
{
    hand_out_due(CONTAINER_OF(tm, struct outbox, timer), t);
}

/* ---- the owners' side ---- */

int outbox_put(struct outbox *o, struct turn *t, const char *kind, struct str payload, int64_t due_ms,
               uint64_t *ret_id)
{
    const struct outbox_kind *k = kind_named(o, str_of(kind));
    uint64_t id;
    struct entry *e;
    int r;

    CHECK_IS(o, OUTBOX_MAGIC);
    CHECK(k != NULL);
    if (o->entries.n >= OUTBOX_ROWS_MOST)
        return -E_LIMIT;
    id = store_next_id(t->store);
    r = store_exec(t->store, &Q_ADD, V_INT(id), V_INT(due_ms), V_INT(t->now.wall_ms), V_TEXT(str_of(kind)),
                   V_BLOB(str_absent(payload) ? STR("") : payload));
    if (r < 0)
        return r;
    e = entry_new(o, id, k, t->now.wall_ms);
    heap_set(&o->due, &e->node, due_ms);
    arm(o, t);
    if (ret_id != NULL)
        *ret_id = id;
    return 0;
}

int outbox_again(struct outbox *o, struct turn *t, uint64_t id, int64_t due_ms, struct str payload)
{
    struct entry *e = entry_of(o, id);
    int r;

    if (e == NULL)
        return -E_NOT_FOUND;
    r = str_absent(payload) ? store_exec(t->store, &Q_AGAIN, V_INT(id), V_INT(due_ms), V_INT(e->attempts + 1))
                            : store_exec(t->store, &Q_AGAIN_WITH, V_INT(id), V_INT(due_ms),
                                         V_INT(e->attempts + 1), V_BLOB(payload));
    if (r < 0)
        return r;
    e->attempts++;
    heap_set(&o->due, &e->node, due_ms);
    arm(o, t);
    return 0;
}

int outbox_over(struct outbox *o, struct turn *t, uint64_t id)
{
    struct entry *e = entry_of(o, id);
    int r;

    if (e == NULL)
        return -E_NOT_FOUND;
    r = store_exec(t->store, &Q_OVER, V_INT(id));
    if (r < 0)
        return r;
    entry_free(o, e);
    arm(o, t);
    return 0;
}

bool outbox_recall(struct outbox *o, struct turn *t, uint64_t id)
{
    struct entry *e = entry_of(o, id);

    CHECK_IS(o, OUTBOX_MAGIC);
    if (e == NULL || heap_has(&e->node))
        return false;
    heap_set(&o->due, &e->node, t->now.wall_ms);
    arm(o, t);
    return true;
}

size_t outbox_count(const struct outbox *o) { return o->entries.n; }

/* ---- life ---- */

struct outbox *outbox_new(void)
{
    struct outbox *o = xcalloc(1, sizeof(*o));

    o->magic = OUTBOX_MAGIC;
    o->timer.fire = on_timer;
    o->timer.work = true;
    return o;
}

struct outbox *outbox_free(struct outbox *o)
{
    if (o == NULL)
        return NULL;
    CHECK_IS(o, OUTBOX_MAGIC);
    entries_free(o);
    o->magic = 0;
    free(o);
    return NULL;
}

void outbox_register(struct outbox *o, const struct outbox_kind *kind)
{
    CHECK_IS(o, OUTBOX_MAGIC);
    CHECK(kind->name != NULL && kind->due != NULL && o->entries.n == 0);
    CHECK(o->n_kinds < KINDS_MOST && kind_named(o, str_of(kind->name)) == NULL);
    o->kinds[o->n_kinds++] = *kind;
}

void outbox_reset(struct outbox *o, struct turn *t)
{
    CHECK_IS(o, OUTBOX_MAGIC);
    timer_cancel(t, &o->timer);
    entries_free(o);
}

void outbox_load(struct outbox *o, struct turn *t)
{
    CLEANUP(rows_done) struct rows r;

    outbox_reset(o, t);
    store_query(t->store, &Q_ALL, &r);
    while (rows_next(&r)) {
        const struct outbox_kind *kind = kind_named(o, rows_text(&r, 4));
        struct entry *e;

        if (!rows_must(&r, kind != NULL, "its kind is none"))
            break;
        e = entry_new(o, (uint64_t)rows_int(&r, 0), kind, rows_ms(&r, 3));
        e->attempts = (unsigned)rows_count(&r, 2, INT32_MAX);
        heap_set(&o->due, &e->node, rows_ms(&r, 1));
    }
    arm(o, t);
}

/* ---- everything looked through: for tests ---- */

void outbox_check(const struct outbox *o)
{
    struct str key;
    void *value;
    size_t due = 0;

    CHECK_IS(o, OUTBOX_MAGIC);
    CHECK(!o->handing && o->n_kinds <= KINDS_MOST && o->entries.n <= OUTBOX_ROWS_MOST);
    heap_check(&o->due);
    for (size_t i = 0; map_next(&o->entries, &i, &key, &value);) {
        const struct entry *e = CAST(const struct entry, ENTRY_MAGIC, value);

        CHECK(str_eq(key, id_key(&e->id)) && e->node.seq == e->id);
        CHECK(e->kind >= o->kinds && e->kind < o->kinds + o->n_kinds && e->round <= o->round);
        due += heap_has(&e->node);
    }
    CHECK(due == o->due.n); /* nothing is due that has no entry */
    CHECK(due == 0 || o->continued || (timer_pending(&o->timer) && o->timer.node.key == o->due.v[0]->key));
    CHECK(!timer_pending(&o->timer) || (due > 0 && !o->continued));
}
