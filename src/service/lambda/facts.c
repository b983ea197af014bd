/* facts.c - what `waybill explain` wants to know of a function.  Reads only. */
#include "flow/destination.h"
#include "service/lambda/history.h"
#include "service/lambda/names.h"

#define ROUTES_MOST 64
#define ONWARD_MOST 200
#define VERSIONS_MOST 10 /* newest; older ones are rarely meant */

struct gathering {
    struct lambda *l;
    struct turn *t;
    struct arena *a;
    const struct function *f;
    struct explain_facts *facts;
    struct explain_route *routes;
    struct explain_config *configs;
    struct explain_onward *onward;
};

static struct function *find_by_name(struct lambda *l, struct str account, struct str region, struct str name)
{
    struct function *f = function_find(l, account, str_absent(region) ? STR("us-east-1") : region, name);
    struct str key;
    void *home;

    for (size_t at = 0; f == NULL && str_absent(region) && map_next(&l->homes, &at, &key, &home);)
        if (str_eq(((struct home *)home)->account, account))
            f = function_find(l, account, ((struct home *)home)->region, name);
    return f;
}

static void add_onward(struct gathering *g, const struct door *d)
{
    size_t have = g->facts->n_onward;

    if (d->sink->onward != NULL && have < ONWARD_MOST)
        g->facts->n_onward += d->sink->onward(d, g->a, g->onward + have, ONWARD_MOST - have);
}

static void add_route(struct gathering *g, enum explain_way way, struct str qualifier, struct str target,
                      struct str role)
{
    struct explain_facts *facts = g->facts;
    CLEANUP(buf_done) struct buf why = { 0 };
    struct explain_route *r = &g->routes[facts->n_routes];
    struct role_asks asks = { .role_arn = role };
    struct door d;

    if (str_empty(target) || facts->n_routes == ROUTES_MOST)
        return;
    facts->n_routes++;
    *r = (struct explain_route){ .way = way,
                                 .qualifier = arena_str(g->a, qualifier),
                                 .target = arena_str(g->a, target),
                                 .role = ROLE_UNKNOWN };
    d = door_find(g->l->o.sinks, g->t, r->target);
    if (d.sink == NULL)
        return;
    r->has_sink = true;
    r->action = str_of(d.sink->action);
    r->state = d.state;
    asks.resource = destination_resource(g->a, &d, g->f->name);
    r->role = door_role_may(&d, &asks, &why);
    r->role_why = buf_to_arena(&why, g->a);
    add_onward(g, &d);
}

static void event_configs(struct gathering *g)
{
    struct explain_facts *facts = g->facts;
    struct str key;
    void *value;

    for (size_t at = 0;
         map_next(&g->f->event_configs, &at, &key, &value) && facts->n_configs < ROUTES_MOST;) {
        const struct event_config *e = value;
        const struct version *v = qualifier_find(g->f, e->qualifier, NULL);
        struct str role = v != NULL ? v->c.role : g->f->latest->c.role;

        g->configs[facts->n_configs++] =
            (struct explain_config){ arena_str(g->a, e->qualifier), e->maximum_retry_attempts,
                                     e->maximum_event_age_s };
        add_route(g, WAY_ON_SUCCESS, e->qualifier, e->on_success, role);
        add_route(g, WAY_ON_FAILURE, e->qualifier, e->on_failure, role);
    }
}

/* Of $LATEST and of the newest versions: each froze its own. */
static void dead_letters(struct gathering *g)
{
    const struct function *f = g->f;

    add_route(g, WAY_DEAD_LETTER, LATEST, f->latest->c.dead_letter, f->latest->c.role);
    for (size_t i = f->n_versions, n = 0; i-- > 0 && n < VERSIONS_MOST; n++)
        add_route(g, WAY_DEAD_LETTER, f->versions[i]->number, f->versions[i]->c.dead_letter,
                  f->versions[i]->c.role);
}

static bool way_of(struct str member, enum explain_way *ret)
{
    static const struct {
        const char *member;
        enum explain_way way;
    } rows[] = { { "OnSuccess", WAY_ON_SUCCESS },
                 { "OnFailure", WAY_ON_FAILURE },
                 { "DeadLetterConfig", WAY_DEAD_LETTER } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_is(member, rows[i].member)) {
            *ret = rows[i].way;
            return true;
        }
    return false;
}

static void changes(struct gathering *g)
{
    struct history_entry *v = arena_calloc(g->a, LAMBDA_HISTORY_ROWS, sizeof(*v));
    struct explain_change *to = arena_calloc(g->a, LAMBDA_HISTORY_ROWS, sizeof(*to));
    size_t n = history_list(g->l, g->t->store, g->a, g->f->home->account, g->f->home->region, g->f->name, v,
                            LAMBDA_HISTORY_ROWS);
    enum explain_way way;

    g->facts->changes = to;
    for (size_t i = 0; i < n; i++)
        if (way_of(v[i].member, &way))
            to[g->facts->n_changes++] = (struct explain_change){ v[i].at_ms, v[i].operation, v[i].qualifier,
                                                                 way,        v[i].before,    v[i].after };
}

static void usage(struct gathering *g)
{
    const struct usage_facts *u = &g->f->facts;
    struct explain_facts *to = g->facts;

    to->sync_count = u->sync_invocations;
    to->async_count = u->async_invocations;
    to->last_sync_ms = u->last_sync_ms;
    to->last_async_ms = u->last_async_ms;
    to->batch_source = str_of(u->last_sync_batch);
    if (u->refused.member == NULL)
        return;
    CHECK(way_of(str_of(u->refused.member), &to->refused_way));
    to->refused_ms = u->refused.at_ms;
    to->refused_target = arena_str(g->a, u->refused.target);
    to->refused_why = arena_str(g->a, u->refused.why);
    to->refused_qualifier = arena_str(g->a, u->refused.qualifier);
}

void lambda_explain(struct lambda *l, struct turn *t, struct arena *a, struct str function,
                    struct str default_account, struct explain_facts *ret)
{
    struct gathering g = { .l = l, .t = t, .a = a, .facts = ret };
    struct function_ref ref = { 0 };

    ret->function = function;
    ret->account = default_account;
    ret->region = STR("us-east-1");
    if (function_ref_parse(function, &ref) < 0)
        return;
    g.f = find_by_name(l, str_absent(ref.account) ? default_account : ref.account, ref.region, ref.name);
    if (g.f == NULL)
        return;
    ret->exists = true;
    ret->function = arena_str(a, g.f->name);
    ret->function_arn = arena_str(a, g.f->arn);
    ret->account = arena_str(a, g.f->home->account);
    ret->region = arena_str(a, g.f->home->region);
    ret->role_arn = arena_str(a, g.f->latest->c.role);
    ret->role_known =
        l->o.role_state == NULL || l->o.role_state(l->o.role_arg, ret->role_arn) != ROLE_STATE_UNKNOWN;
    ret->reserved_concurrency = g.f->reserved_concurrency;
    g.routes = arena_calloc(a, ROUTES_MOST, sizeof(*g.routes));
    g.configs = arena_calloc(a, ROUTES_MOST, sizeof(*g.configs));
    g.onward = arena_calloc(a, ONWARD_MOST, sizeof(*g.onward));
    ret->routes = g.routes;
    ret->configs = g.configs;
    ret->onward = g.onward;
    event_configs(&g);
    dead_letters(&g);
    changes(&g);
    usage(&g);
}
