/* rows.c - SQL and nothing else.
 *
 * True here: what is read here was checked when it was written: a row that cannot be
 * understood is a damaged store, and said to be one (rows_must). */
#include "service/events/state.h"

#include "base/arn.h"
#include "wire/shape.h"

#define NAME_MOST 256

static struct sql Q_BUS_ADD =
    SQL("INSERT INTO events_bus (id, account, region, name, created_ms, modified_ms, description, policy, "
        "tags) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
static struct sql Q_BUS_PUT =
    SQL("UPDATE events_bus SET modified_ms = $2, description = $3, policy = $4, tags = $5 WHERE id = $1");
static struct sql Q_BUS_DROP = SQL("DELETE FROM events_bus WHERE id = $1");
static struct sql Q_BUSES = SQL(
    "SELECT id, account, region, name, created_ms, modified_ms, description, policy, tags FROM events_bus");
static struct sql Q_RULE_ADD =
    SQL("INSERT INTO events_rule (id, anchor_ms, fired_ms, enabled, bus_id, name, pattern, schedule, "
        "description, role_arn, tags, targets) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
static struct sql Q_RULE_PUT =
    SQL("UPDATE events_rule SET anchor_ms = $2, fired_ms = $3, enabled = $4, pattern = $5, schedule = $6, "
        "description = $7, role_arn = $8, tags = $9, targets = $10 WHERE id = $1");
static struct sql Q_RULE_FIRED = SQL("UPDATE events_rule SET fired_ms = $2 WHERE id = $1");
static struct sql Q_RULE_DROP = SQL("DELETE FROM events_rule WHERE id = $1");
static struct sql Q_RULES = SQL(
    "SELECT id, anchor_ms, fired_ms, enabled, bus_id, name, pattern, schedule, description, role_arn, tags, "
    "targets FROM events_rule ORDER BY id");

int bus_row_put(struct turn *t, struct bus *b)
{
    CHECK_IS(b, BUS_MAGIC);
    b->modified_ms = t->now.wall_ms;
    if (b->id != 0)
        return MIN(0, store_exec(t->store, &Q_BUS_PUT, V_INT(b->id), V_INT(b->modified_ms),
                                 V_TEXT(b->description), V_TEXT(b->policy_text), V_TEXT(b->tags)));
    b->id = store_next_id(t->store);
    b->created_ms = t->now.wall_ms;
    return MIN(0, store_exec(t->store, &Q_BUS_ADD, V_INT(b->id), V_TEXT(b->account), V_TEXT(b->region),
                             V_TEXT(b->name), V_INT(b->created_ms), V_INT(b->modified_ms),
                             V_TEXT(b->description), V_TEXT(b->policy_text), V_TEXT(b->tags)));
}

int bus_row_drop(struct turn *t, const struct bus *b)
{
    CHECK_IS(b, BUS_MAGIC);
    CHECK(b->id != 0 && b->n_rules == 0);
    return MIN(0, store_exec(t->store, &Q_BUS_DROP, V_INT(b->id)));
}

static void targets_json(struct buf *b, const struct rule *r)
{
    buf_char(b, '[');
    for (size_t i = 0; i < r->n_targets; i++) {
        if (i > 0)
            buf_char(b, ',');
        buf_str(b, r->targets[i]->text);
    }
    buf_char(b, ']');
}

int rule_row_put(struct turn *t, struct rule *r)
{
    CLEANUP(buf_done) struct buf targets = { 0 };

    CHECK_IS(r, RULE_MAGIC);
    CHECK(r->bus->id != 0 && r->n_targets <= EVENTS_TARGETS_MOST); /* the bus was kept before its rule */
    CHECK(r->pattern != NULL || r->schedule != NULL);
    targets_json(&targets, r);
    if (r->id != 0)
        return MIN(0, store_exec(t->store, &Q_RULE_PUT, V_INT(r->id), V_INT(r->anchor_ms), V_INT(r->fired_ms),
                                 V_INT(r->enabled), V_TEXT(r->pattern_text), V_TEXT(r->schedule_text),
                                 V_TEXT(r->description), V_TEXT(r->role_arn), V_TEXT(r->tags),
                                 V_TEXT(buf_view(&targets))));
    r->id = store_next_id(t->store);
    return MIN(0, store_exec(t->store, &Q_RULE_ADD, V_INT(r->id), V_INT(r->anchor_ms), V_INT(r->fired_ms),
                             V_INT(r->enabled), V_INT(r->bus->id), V_TEXT(r->name), V_TEXT(r->pattern_text),
                             V_TEXT(r->schedule_text), V_TEXT(r->description), V_TEXT(r->role_arn),
                             V_TEXT(r->tags), V_TEXT(buf_view(&targets))));
}

int rule_row_fired(struct turn *t, const struct rule *r)
{
    CHECK_IS(r, RULE_MAGIC);
    CHECK(r->id != 0 && r->tick == TICK_FIRING);
    return MIN(0, store_exec(t->store, &Q_RULE_FIRED, V_INT(r->id), V_INT(r->fired_ms)));
}

int rule_row_drop(struct turn *t, const struct rule *r)
{
    CHECK_IS(r, RULE_MAGIC);
    CHECK(r->id != 0 && r->n_targets == 0);
    return MIN(0, store_exec(t->store, &Q_RULE_DROP, V_INT(r->id)));
}

/* ---- loading ---- */

static void load_buses(struct events *e, struct turn *t, struct map *by_id)
{
    CLEANUP(rows_done) struct rows r;

    store_query(t->store, &Q_BUSES, &r);
    while (rows_next(&r) && rows_numbered(&r) && rows_place(&r, 1, 2, 3, NAME_MOST)) {
        uint64_t id = (uint64_t)rows_int(&r, 0);
        struct bus *b = bus_new(e, id, rows_text(&r, 1), rows_text(&r, 2), rows_text(&r, 3));

        b->created_ms = rows_ms(&r, 4);
        b->modified_ms = rows_ms(&r, 5);
        b->description = str_own(rows_text(&r, 6));
        (void)rows_must(&r, bus_policy_set(b, rows_text(&r, 7)) == 0, "its policy is none");
        str_replace(&b->tags, rows_text(&r, 8));
        map_put(by_id, str_make((const char *)&id, sizeof(id)), b);
    }
}

static int load_targets(struct rule *r, struct str text)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf why = { 0 };
    struct json *doc = NULL;

    if (json_parse(a, text, &doc, NULL) != 0 || doc->type != JSON_ARRAY || doc->n > EVENTS_TARGETS_MOST)
        return -E_INVALID;
    JSON_EACH(doc, v) {
        struct events_Target in = { 0 };
        struct fault fault = { 0 };
        struct arn arn;

        if (shape_from_json(a, &events_shape_Target, v, &in, &fault) != 0 || str_empty(in.Id) ||
            arn_parse(in.Arn, &arn) != 0 || target_make(&in, &r->targets[r->n_targets], &why) != 0)
            return -E_INVALID;
        CHECK(r->n_targets < EVENTS_TARGETS_MOST);
        r->n_targets++;
    }
    return 0;
}

static void load_rule(struct bus *b, struct rows *row)
{
    struct rule *r;
    struct str pattern = rows_text(row, 6), schedule = rows_text(row, 7);
    CLEANUP(buf_done) struct buf why = { 0 };
    struct pattern *p = NULL;
    struct schedule *s = NULL;

    if (!rows_must(row, !str_absent(pattern) || !str_absent(schedule), "it listens to nothing") ||
        !rows_must(row, rule_find(b, rows_text(row, 5)) == NULL, "there are two of its name") ||
        !rows_must(row, str_absent(pattern) || pattern_compile(PATTERN_EVENTS, pattern, &p, &why) == 0,
                   "its pattern is none") ||
        !rows_must(row, str_absent(schedule) || schedule_parse(schedule, &s) == 0, "its schedule is none"))
        return;
    r = rule_new(b, (uint64_t)rows_int(row, 0), rows_text(row, 5));
    r->anchor_ms = rows_ms(row, 1);
    r->fired_ms = rows_ms(row, 2);
    r->description = str_own(rows_text(row, 8));
    r->role_arn = str_own(rows_text(row, 9));
    str_replace(&r->tags, rows_text(row, 10));
    rule_listen(r, pattern, p, schedule, s, rows_int(row, 3) != 0);
    (void)rows_must(row, load_targets(r, rows_text(row, 11)) == 0, "its targets are none");
}

void events_rows_load(struct events *e, struct turn *t)
{
    struct map by_id = { 0 };
    struct rows r;

    CHECK_IS(e, EVENTS_MAGIC);
    CHECK(e->buses.n == 0 && e->n_rules == 0);
    load_buses(e, t, &by_id);
    store_query(t->store, &Q_RULES, &r);
    while (rows_next(&r)) {
        uint64_t bus_id = (uint64_t)rows_int(&r, 4);
        struct bus *b = map_get(&by_id, str_make((const char *)&bus_id, sizeof(bus_id)));

        if (rows_numbered(&r) && rows_must(&r, b != NULL, "its bus is not there") &&
            rows_must(&r, !str_empty(rows_text(&r, 5)) && rows_text(&r, 5).n <= NAME_MOST,
                      "its name is empty or too long"))
            load_rule(b, &r);
    }
    rows_done(&r);
    map_done(&by_id);
}
