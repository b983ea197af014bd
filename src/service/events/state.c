/* state.c - buses, rules and targets in memory.
 *
 * True here: a bus is in events.buses under its three names; a rule is in its bus's array, sorted by name,
 * and in the bus's patterns exactly when it is enabled and has a pattern. */
#include "service/events/state.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/arn.h"
#include "policy/policy.h"
#include "wire/shape.h"

#define KEY_MOST 512

/* ---- targets ---- */

static int target_input(const struct events_Target *in, struct target *ret, struct buf *why)
{
    ret->input = str_own(in->Input);
    if (!str_absent(in->InputPath) && input_path_compile(in->InputPath, &ret->path, why) < 0)
        return -E_INVALID;
    if (in->InputTransformer == NULL)
        return 0;
    return transform_compile(in->Id, in->InputTransformer, &ret->transform, why);
}

static int kind_of(struct str target_arn)
{
    struct arn arn = { 0 };

    (void)arn_parse(target_arn, &arn);
    return str_is(arn.service, "events") ? TARGET_BUS
           : str_is(arn.service, "logs") ? TARGET_LOGS
                                         : TARGET_PLAIN;
}

int target_make(const struct events_Target *in, struct target **ret, struct buf *why)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    struct target *t = xcalloc(1, sizeof(*t));

    CHECK(!str_empty(in->Id) && !str_empty(in->Arn));
    *t = (struct target){ .retries = EVENTS_RETRIES, .age_s = EVENTS_AGE_S };
    if (target_input(in, t, why) < 0) {
        target_free(t);
        return -E_INVALID;
    }
    shape_json(&text, &events_shape_Target, in);
    t->text = str_own(buf_view(&text));
    t->id = str_own(in->Id);
    t->arn = str_own(in->Arn);
    t->kind = kind_of(in->Arn);
    t->role_arn = str_own(in->RoleArn);
    if (in->SqsParameters != NULL)
        t->group_id = str_own(in->SqsParameters->MessageGroupId);
    if (in->DeadLetterConfig != NULL)
        t->dead_letter_arn = str_own(in->DeadLetterConfig->Arn);
    if (in->RetryPolicy != NULL && in->RetryPolicy->MaximumRetryAttempts.set)
        t->retries = in->RetryPolicy->MaximumRetryAttempts.v;
    if (in->RetryPolicy != NULL && in->RetryPolicy->MaximumEventAgeInSeconds.set)
        t->age_s = in->RetryPolicy->MaximumEventAgeInSeconds.v;
    *ret = t;
    return 0;
}

struct target *target_free(struct target *t)
{
    if (t == NULL)
        return NULL;
    str_drop(&t->text);
    str_drop(&t->id);
    str_drop(&t->arn);
    str_drop(&t->role_arn);
    str_drop(&t->input);
    str_drop(&t->group_id);
    str_drop(&t->dead_letter_arn);
    input_path_free(t->path);
    transform_free(t->transform);
    free(t);
    return NULL;
}

void target_shown(struct arena *a, const struct target *t, struct events_Target *ret)
{
    struct json *doc = NULL;
    struct fault fault = { 0 };

    CHECK(json_parse(a, arena_str(a, t->text), &doc, NULL) == 0);
    CHECK(shape_from_json(a, &events_shape_Target, doc, ret, &fault) == 0);
}

/* ---- rules ---- */

size_t rule_place(const struct bus *b, struct str name)
{
    size_t from = 0, to = b->n_rules;

    CHECK_IS(b, BUS_MAGIC);
    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (str_cmp(b->rules[mid]->name, name) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

struct rule *rule_find(const struct bus *b, struct str name)
{
    size_t i = rule_place(b, name);

    if (i == b->n_rules || !str_eq(b->rules[i]->name, name))
        return NULL;
    CHECK_IS(b->rules[i], RULE_MAGIC);
    CHECK(b->rules[i]->bus == b);
    return b->rules[i];
}

static struct str rule_arn(const struct bus *b, struct str name)
{
    CLEANUP(buf_done) struct buf s = { 0 };

    buf_printf(&s, "arn:aws:events:" STR_FMT ":" STR_FMT ":rule/", STR_ARG(b->region), STR_ARG(b->account));
    if (!str_is(b->name, "default"))
        buf_printf(&s, STR_FMT "/", STR_ARG(b->name));
    buf_str(&s, name);
    return str_own(buf_view(&s));
}

struct rule *rule_new(struct bus *b, uint64_t id, struct str name)
{
    struct rule *r = xcalloc(1, sizeof(*r));
    size_t at = rule_place(b, name);

    CHECK(!str_empty(name) && (at == b->n_rules || !str_eq(b->rules[at]->name, name)));
    *r = (struct rule){ .magic = RULE_MAGIC,
                        .id = id,
                        .bus = b,
                        .name = str_own(name),
                        .arn = rule_arn(b, name),
                        .tags = str_own(STR("{}")) };
    if (b->n_rules == b->cap_rules) {
        b->cap_rules = b->cap_rules > 0 ? b->cap_rules * 2 : 8;
        b->rules = xrealloc(b->rules, b->cap_rules * sizeof(*b->rules));
    }
    memmove(&b->rules[at + 1], &b->rules[at], (b->n_rules - at) * sizeof(*b->rules));
    b->rules[at] = r;
    b->n_rules++;
    b->owner->n_rules++;
    return r;
}

static void rule_deaf(struct rule *r)
{
    CHECK_IS(r, RULE_MAGIC);
    CHECK(r->pattern == NULL || r->enabled == pattern_set_holds(r->bus->patterns, r->pattern, r));
    if (r->pattern != NULL && r->enabled)
        pattern_set_remove(r->bus->patterns, r->pattern, r);
    r->pattern = pattern_free(r->pattern);
    r->schedule = schedule_free(r->schedule);
}

void rule_free(struct rule *r)
{
    struct bus *b = r->bus;
    size_t at = rule_place(b, r->name);

    CHECK_IS(r, RULE_MAGIC);
    CHECK(at < b->n_rules && b->rules[at] == r && b->owner->n_rules > 0);
    CHECK(r->tick == TICK_IDLE && !timer_pending(&r->timer));
    rule_deaf(r);
    memmove(&b->rules[at], &b->rules[at + 1], (b->n_rules - at - 1) * sizeof(*b->rules));
    b->n_rules--;
    b->owner->n_rules--;
    for (size_t i = 0; i < r->n_targets; i++)
        target_free(r->targets[i]);
    str_drop(&r->name);
    str_drop(&r->arn);
    str_drop(&r->description);
    str_drop(&r->role_arn);
    str_drop(&r->tags);
    str_drop(&r->pattern_text);
    str_drop(&r->schedule_text);
    r->magic = 0;
    free(r);
}

void rule_listen(struct rule *r, struct str pattern_text, struct pattern *p, struct str schedule_text,
                 struct schedule *s, bool enabled)
{
    CHECK((p != NULL) == !str_absent(pattern_text) && (s != NULL) == !str_absent(schedule_text));
    rule_deaf(r);
    str_replace(&r->pattern_text, pattern_text);
    str_replace(&r->schedule_text, schedule_text);
    r->pattern = p;
    r->schedule = s;
    r->enabled = enabled;
    if (p != NULL && enabled)
        pattern_set_add(r->bus->patterns, p, r);
}

void rule_enable(struct rule *r, bool on)
{
    CHECK_IS(r, RULE_MAGIC);
    CHECK(r->enabled != on);
    r->enabled = on;
    if (r->pattern != NULL && on)
        pattern_set_add(r->bus->patterns, r->pattern, r);
    else if (r->pattern != NULL)
        pattern_set_remove(r->bus->patterns, r->pattern, r);
}

size_t rule_target_at(const struct rule *r, struct str id)
{
    size_t i = 0;

    CHECK_IS(r, RULE_MAGIC);
    CHECK(r->n_targets <= EVENTS_TARGETS_MOST);
    while (i < r->n_targets && !str_eq(r->targets[i]->id, id))
        i++;
    return i;
}

/* ---- buses ---- */

/* Absent when it does not fit: no bus has such a name. */
static struct str bus_key(char room[static KEY_MOST], struct str account, struct str region, struct str name)
{
    int n;

    if (account.n + region.n + name.n + 3 > KEY_MOST)
        return STR_NONE;
    n = snprintf(room, KEY_MOST, STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(account), STR_ARG(region),
                 STR_ARG(name));
    return str_make(room, (size_t)n);
}

struct bus *bus_find(const struct events *e, struct str account, struct str region, struct str name)
{
    char room[KEY_MOST];
    struct str key = bus_key(room, account, region, name);
    struct bus *b;

    CHECK_IS(e, EVENTS_MAGIC);
    b = str_absent(key) ? NULL : map_get(&e->buses, key);
    CHECK(b == NULL || (b->magic == BUS_MAGIC && b->owner == e));
    return b;
}

struct bus *bus_new(struct events *e, uint64_t id, struct str account, struct str region, struct str name)
{
    CLEANUP(buf_done) struct buf arn = { 0 };
    struct bus *b = xcalloc(1, sizeof(*b));
    char room[KEY_MOST];
    struct str key = bus_key(room, account, region, name);

    CHECK_IS(e, EVENTS_MAGIC);
    CHECK(!str_absent(key));
    buf_printf(&arn, "arn:aws:events:" STR_FMT ":" STR_FMT ":event-bus/" STR_FMT, STR_ARG(region),
               STR_ARG(account), STR_ARG(name));
    *b = (struct bus){ .magic = BUS_MAGIC,
                       .owner = e,
                       .id = id,
                       .account = str_own(account),
                       .region = str_own(region),
                       .name = str_own(name),
                       .arn = str_own(buf_view(&arn)),
                       .tags = str_own(STR("{}")),
                       .patterns = pattern_set_new() };
    CHECK(map_put(&e->buses, key, b) == NULL);
    return b;
}

void bus_free(struct bus *b)
{
    char room[KEY_MOST];

    CHECK_IS(b, BUS_MAGIC);
    while (b->n_rules > 0)
        rule_free(b->rules[b->n_rules - 1]);
    CHECK(map_del(&b->owner->buses, bus_key(room, b->account, b->region, b->name)) == b);
    CHECK(pattern_set_count(b->patterns) == 0);
    pattern_set_free(b->patterns);
    policy_free(b->policy);
    free(b->rules);
    str_drop(&b->account);
    str_drop(&b->region);
    str_drop(&b->name);
    str_drop(&b->arn);
    str_drop(&b->description);
    str_drop(&b->tags);
    str_drop(&b->policy_text);
    b->magic = 0;
    free(b);
}

int bus_policy_set(struct bus *b, struct str text)
{
    CHECK_IS(b, BUS_MAGIC);
    b->policy = policy_free(b->policy);
    str_replace(&b->policy_text, text);
    return str_absent(text) ? 0 : policy_parse(POLICY_RESOURCE, text, &b->policy, NULL);
}

static bool is_of(const struct bus *b, struct str account, struct str region)
{
    return str_eq(b->account, account) && str_eq(b->region, region);
}

size_t bus_count(const struct events *e, struct str account, struct str region)
{
    struct str key;
    void *value;
    size_t n = 0;

    for (size_t i = 0; map_next(&e->buses, &i, &key, &value);)
        n += is_of(CAST(struct bus, BUS_MAGIC, value), account, region);
    return n;
}

static int by_name(const void *x, const void *y)
{
    return str_cmp((*(struct bus *const *)x)->name, (*(struct bus *const *)y)->name);
}

struct bus **bus_list(const struct events *e, struct arena *a, struct str account, struct str region,
                      size_t *ret_n)
{
    struct bus **v = arena_calloc(a, e->buses.n + 1, sizeof(*v));
    struct str key;
    void *value;
    size_t n = 0;

    for (size_t i = 0; map_next(&e->buses, &i, &key, &value);)
        if (is_of(CAST(struct bus, BUS_MAGIC, value), account, region))
            v[n++] = value;
    CHECK(n <= e->buses.n);
    if (n > 1)
        qsort(v, n, sizeof(*v), by_name);
    *ret_n = n;
    return v;
}
