/* registry.c - memory and rows together.
 *
 * True here: every object in memory has its row once its first ..._save ran in a committed turn; ids come
 * from the store; nothing points into a request's arena.  A version moves by STATE_MOVE alone, and has a
 * timer while it is not ACTIVE, next_code while it is UPDATING.  A function's usage is reserved exactly while
 * it has a reservation; a home's sums are those of its functions and usages.  registry_check() adds it all
 * up. */
#include "service/lambda/registry.h"

#include <stdlib.h>
#include "base/crypt.h"
#include "base/state.h"
#include "policy/policy.h"
#include "service/lambda/history.h"
#include "service/lambda/policy.h"
#include "service/lambda/slots.h"

static struct sql Q_FUNCTION_PUT =
    SQL("INSERT INTO lambda_function(id, account, region, name, next_version, "
        "reserved_concurrency, recursion_allowed, tags) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT "
        "(id) DO UPDATE "
        "SET next_version = excluded.next_version, reserved_concurrency = excluded.reserved_concurrency, "
        "recursion_allowed = excluded.recursion_allowed, tags = excluded.tags");
static struct sql Q_FUNCTION_DELETE = SQL("DELETE FROM lambda_function WHERE id = $1");
static struct sql Q_VERSIONS_DELETE = SQL("DELETE FROM lambda_version WHERE function_id = $1");
static struct sql Q_ALIASES_DELETE = SQL("DELETE FROM lambda_alias WHERE function_id = $1");
static struct sql Q_POLICIES_DELETE = SQL("DELETE FROM lambda_policy WHERE function_id = $1");
static struct sql Q_CONFIGS_DELETE = SQL("DELETE FROM lambda_event_invoke_config WHERE function_id = $1");
static struct sql Q_HISTORY_DELETE = SQL("DELETE FROM lambda_history WHERE function_id = $1");
static struct sql Q_VERSION_PUT =
    SQL("INSERT INTO lambda_version(id, function_id, version, config, revision_id, "
        "last_modified_ms, source) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET config "
        "= excluded.config, "
        "revision_id = excluded.revision_id, last_modified_ms = excluded.last_modified_ms, source = "
        "excluded.source");
static struct sql Q_VERSION_DELETE = SQL("DELETE FROM lambda_version WHERE id = $1");
static struct sql Q_ALIAS_PUT =
    SQL("INSERT INTO lambda_alias(id, function_id, name, function_version, description, "
        "additional_version, additional_weight, revision_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON "
        "CONFLICT (id) DO UPDATE "
        "SET function_version = excluded.function_version, description = excluded.description, "
        "additional_version = "
        "excluded.additional_version, additional_weight = excluded.additional_weight, revision_id = "
        "excluded.revision_id");
static struct sql Q_ALIAS_DELETE = SQL("DELETE FROM lambda_alias WHERE id = $1");
static struct sql Q_POLICY_PUT =
    SQL("INSERT INTO lambda_policy(id, function_id, qualifier, statements, revision_id) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET statements = excluded.statements, "
        "revision_id = excluded.revision_id");
static struct sql Q_POLICY_DELETE = SQL("DELETE FROM lambda_policy WHERE id = $1");
static struct sql Q_CONFIG_PUT =
    SQL("INSERT INTO lambda_event_invoke_config(id, function_id, qualifier, "
        "maximum_retry_attempts, maximum_event_age_s, on_success, on_failure, last_modified_ms) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET maximum_retry_attempts = "
        "excluded.maximum_retry_attempts, maximum_event_age_s = excluded.maximum_event_age_s, on_success = "
        "excluded.on_success, "
        "on_failure = excluded.on_failure, last_modified_ms = excluded.last_modified_ms");
static struct sql Q_CONFIG_DELETE = SQL("DELETE FROM lambda_event_invoke_config WHERE id = $1");

#define TO(s) STATE_BIT(VERSION_##s)
static const struct state version_states[VERSION_STATES] = {
    [VERSION_PENDING] = { "pending", TO(ACTIVE) },
    [VERSION_ACTIVE] = { "active", TO(UPDATING) },
    [VERSION_UPDATING] = { "updating", TO(ACTIVE) },
};
static const struct states version_machine = STATES("version", version_states);

/* Ids are new, and keys were looked for before: a row that exists is a mistake of ours. */
static int written(int rc)
{
    CHECK(rc != -E_EXISTS);
    return MIN(rc, 0);
}

/* "account/region/name" in a buffer of the caller; empty when it cannot be a key of ours. */
#define KEY_MAX 320
static struct str key_of(char out[KEY_MAX], struct str account, struct str region, struct str name)
{
    size_t n = account.n + region.n + name.n + 2;
    char *p = out;

    if (n > KEY_MAX)
        return STR("");
    memcpy(p, account.p != NULL ? account.p : "", account.n);
    p += account.n;
    *p++ = '/';
    memcpy(p, region.p != NULL ? region.p : "", region.n);
    p += region.n;
    *p++ = '/';
    memcpy(p, name.p != NULL ? name.p : "", name.n);
    return str_make(out, n);
}

/* ---- homes ---- */

struct home *home_find(const struct lambda *l, struct str account, struct str region)
{
    char text[KEY_MAX];

    struct home *h = map_get(&l->homes, key_of(text, account, region, STR("")));

    CHECK(h == NULL || h->magic == HOME_MAGIC);
    return h;
}

/* Made with the first function only: whoever merely asks leaves nothing behind. */
static struct home *home_get(struct lambda *l, struct str account, struct str region)
{
    char text[KEY_MAX];
    struct str key = key_of(text, account, region, STR(""));
    struct home *h = map_get(&l->homes, key);

    if (h != NULL)
        return h;
    CHECK(!str_empty(key));
    h = xcalloc(1, sizeof *h);
    h->magic = HOME_MAGIC;
    h->account = str_own(account);
    h->region = str_own(region);
    list_init(&h->functions);
    CHECK(map_put(&l->homes, key, h) == NULL);
    return h;
}

/* ---- functions ---- */

struct function *function_find(const struct lambda *l, struct str account, struct str region, struct str name)
{
    char text[KEY_MAX];

    struct function *f = map_get(&l->functions, key_of(text, account, region, name));

    CHECK(f == NULL || f->magic == FUNCTION_MAGIC);
    return f;
}

struct function *callee_function(const struct lambda *l, struct callee *c)
{
    if (c->generation != l->generation) {
        c->function = function_find(l, c->account, c->region, c->name);
        c->generation = l->generation;
    }
    return c->function;
}

struct function *function_add(struct lambda *l, struct turn *t, struct str account, struct str region,
                              struct str name)
{
    struct home *h = home_get(l, account, region);
    struct function *f = xcalloc(1, sizeof *f);
    struct buf arn CLEANUP(buf_done) = { 0 };
    char text[KEY_MAX];

    CHECK_IS(l, LAMBDA_MAGIC);
    CHECK(!str_empty(account) && !str_empty(region) && !str_empty(name));
    f->magic = FUNCTION_MAGIC;
    buf_printf(&arn, "arn:aws:lambda:" STR_FMT ":" STR_FMT ":function:" STR_FMT, STR_ARG(region),
               STR_ARG(account), STR_ARG(name));
    f->id = t != NULL ? store_next_id(t->store) : 0;
    f->home = h;
    f->name = str_own(name);
    f->arn = str_own(buf_view(&arn));
    f->next_version = 1;
    f->reserved_concurrency = -1;
    f->usage = usage_get(l, h, key_of(text, account, region, name));
    CHECK(map_put(&l->functions, f->usage->key, f) == NULL);
    l->generation++;
    list_append(&h->functions, &f->link);
    h->n_functions++;
    return f;
}

static void tags_json(struct buf *b, const struct function *f)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    for (size_t i = 0; i < f->n_tags; i++) {
        jw_key(&w, f->tags[i].key);
        jw_str(&w, f->tags[i].value);
    }
    jw_object_end(&w);
}

int function_save(struct function *f, struct turn *t)
{
    struct buf tags CLEANUP(buf_done) = { 0 };

    CHECK_IS(f, FUNCTION_MAGIC);
    CHECK_IS(f->home, HOME_MAGIC);
    tags_json(&tags, f);
    return written(store_exec(t->store, &Q_FUNCTION_PUT, V_INT(f->id), V_TEXT(f->home->account),
                              V_TEXT(f->home->region), V_TEXT(f->name), V_INT(f->next_version),
                              V_INT(f->reserved_concurrency), V_INT(f->recursion_allowed),
                              V_TEXT(buf_view(&tags))));
}

void tags_free(struct function *f)
{
    for (size_t i = 0; i < f->n_tags; i++) {
        str_drop(&f->tags[i].key);
        str_drop(&f->tags[i].value);
    }
    free(f->tags);
    f->tags = NULL;
    f->n_tags = 0;
}

/* ---- versions ---- */

static struct code *code_make(struct lambda *l, const struct version *v)
{
    struct arena *mem = arena_new(0);
    struct code *c = ARENA_NEW(mem, struct code);
    const struct function *f = v->function;
    struct config copy;

    CHECK_IS(v, VERSION_MAGIC);
    CHECK_IS(f, FUNCTION_MAGIC);
    config_copy(mem, &v->c, &copy);
    *c = (struct code){
        .magic = CODE_MAGIC,
        .refs = 1,
        .id = ++l->next_code_id,
        .mem = mem,
        .function_arn = arena_str(mem, f->arn),
        .account = arena_str(mem, f->home->account),
        .region = arena_str(mem, f->home->region),
        .name = arena_str(mem, f->name),
        .version = arena_str(mem, v->number),
        .runtime = copy.runtime,
        .handler = copy.handler,
        .role_arn = copy.role,
        .package_sha256_hex = copy.package_sha256_hex,
        .dead_letter = copy.dead_letter,
        .log_group = copy.log_group,
        .log_json = copy.log_json,
        .app_log_level = copy.app_log_level,
        .system_log_level = copy.system_log_level,
        .memory_mb = copy.memory_mb,
        .timeout_ms = copy.timeout_s * 1000,
        .tmp_mb = copy.tmp_mb,
        .env = copy.env,
        .n_env = copy.n_env,
    };
    return c;
}

static void code_retire(struct lambda *l, struct code **c, struct turn *t)
{
    if (*c == NULL)
        return;
    CHECK_IS(*c, CODE_MAGIC);
    if (t != NULL && l->o.executor.retire != NULL)
        l->o.executor.retire(l->o.executor.arg, *c);
    code_unref(*c);
    *c = NULL;
}

struct version *version_add(struct lambda *l, struct turn *t, struct function *f, struct str number,
                            const struct config *c)
{
    struct version *v = xcalloc(1, sizeof *v);

    CHECK_IS(l, LAMBDA_MAGIC);
    CHECK_IS(f, FUNCTION_MAGIC);
    v->magic = VERSION_MAGIC;
    v->function = f;
    v->id = t != NULL ? store_next_id(t->store) : 0;
    v->mem = arena_new(0);
    v->number = str_absent(number) ? arena_printf(v->mem, "%lld", (long long)f->next_version++)
                                   : arena_str(v->mem, number);
    config_copy(v->mem, c, &v->c);
    v->last_modified_ms = t != NULL ? t->now.wall_ms : 0;
    version_touch(v);
    v->code = code_make(l, v);
    f->home->code_bytes += c->code_bytes;
    if (str_eq(v->number, LATEST)) {
        CHECK(f->latest == NULL);
        f->latest = v;
    } else {
        f->versions = xrealloc(f->versions, (f->n_versions + 1) * sizeof *f->versions);
        f->versions[f->n_versions++] = v;
    }
    return v;
}

int version_save(struct version *v, struct turn *t)
{
    struct buf config CLEANUP(buf_done) = { 0 };

    CHECK_IS(v, VERSION_MAGIC);
    CHECK_IS(v->function, FUNCTION_MAGIC);
    config_json(&config, &v->c);
    return written(store_exec(t->store, &Q_VERSION_PUT, V_INT(v->id), V_INT(v->function->id),
                              V_TEXT(v->number), V_TEXT(buf_view(&config)), V_TEXT(str_of(v->revision_id)),
                              V_INT(v->last_modified_ms), V_TEXT(v->source)));
}

void version_touch(struct version *v)
{
    CHECK_IS(v, VERSION_MAGIC);
    uuid_random(v->revision_id);
}

void version_active(struct version *v)
{
    CHECK_IS(v, VERSION_MAGIC);
    CHECK(v->ready_timer == NULL && v->next_code == NULL);
    STATE_MOVE(&version_machine, v->state, VERSION_ACTIVE);
}

static void version_free(struct lambda *l, struct version *v, struct turn *t)
{
    CHECK_IS(v, VERSION_MAGIC);
    CHECK((v->next_code != NULL) == (v->state == VERSION_UPDATING));
    v->magic = 0;
    if (v->ready_timer != NULL && t != NULL)
        t->ops->real_timer_cancel(t->engine, v->ready_timer);
    code_retire(l, &v->code, t);
    code_retire(l, &v->next_code, t);
    v->function->home->code_bytes -= v->c.code_bytes;
    arena_free(v->mem);
    free(v);
}

int version_delete(struct lambda *l, struct version *v, struct turn *t)
{
    struct function *f = v->function;

    CHECK_IS(v, VERSION_MAGIC);
    CHECK(v != f->latest); /* that one goes with its function */
    int rc = written(store_exec(t->store, &Q_VERSION_DELETE, V_INT(v->id)));

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < f->n_versions; i++)
        if (f->versions[i] == v) {
            memmove(f->versions + i, f->versions + i + 1, (f->n_versions - i - 1) * sizeof *f->versions);
            f->n_versions--;
            break;
        }
    version_free(l, v, t);
    return 0;
}

void version_update(struct lambda *l, struct version *v, const struct config *c, struct turn *t)
{
    struct arena *mem = arena_new(0), *old = v->mem;

    CHECK_IS(v, VERSION_MAGIC);
    CHECK(v->ready_timer == NULL); /* it would point into the arena that goes */
    STATE_MOVE(&version_machine, v->state, VERSION_UPDATING);
    v->function->home->code_bytes += c->code_bytes - v->c.code_bytes;
    v->number = arena_str(mem, v->number);
    v->source = arena_str(mem, v->source);
    config_copy(mem, c, &v->c); /* c may share strings with the old arena */
    v->mem = mem;
    arena_free(old);
    v->last_modified_ms = t->now.wall_ms;
    version_touch(v);
    v->next_code = code_make(l, v);
    version_await_ready(l, v, t);
}

struct readiness {
    uint32_t magic;
#define READINESS_MAGIC 0x4eadd001u
    struct lambda *l;
    struct version *v;
};

static void version_ready(void *arg, struct turn *t)
{
    struct readiness *r = CAST(struct readiness, READINESS_MAGIC, arg);
    struct version *v = r->v;
    struct code *old = v->code;

    CHECK_IS(v, VERSION_MAGIC);
    CHECK((v->next_code != NULL) == (v->state == VERSION_UPDATING));
    v->ready_timer = NULL;
    STATE_MOVE(&version_machine, v->state, VERSION_ACTIVE);
    if (v->next_code != NULL) {
        v->code = TAKE(v->next_code);
        code_retire(r->l, &old, t);
    }
    version_touch(v);
    (void)version_save(v, t); /* a full disk fails the commit, nobody waits for this */
}

void version_await_ready(struct lambda *l, struct version *v, struct turn *t)
{
    struct readiness *r = ARENA_NEW(v->mem, struct readiness);

    *r = (struct readiness){ READINESS_MAGIC, l, v };
    CHECK(v->ready_timer == NULL && v->state != VERSION_ACTIVE);
    v->ready_timer = t->ops->real_timer(t->engine, READY_AFTER_MS, version_ready, r);
}

struct version *version_find(const struct function *f, struct str number)
{
    CHECK_IS(f, FUNCTION_MAGIC);
    if (str_eq(number, LATEST))
        return f->latest;
    for (size_t lo = 0, hi = f->n_versions; lo < hi;) { /* ascending numbers: shorter is smaller */
        size_t mid = lo + (hi - lo) / 2;
        struct str at = f->versions[mid]->number;
        int order = at.n != number.n ? (at.n < number.n ? -1 : 1) : str_cmp(at, number);

        if (order == 0)
            return f->versions[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

struct version *qualifier_find(const struct function *f, struct str qualifier, struct alias **ret_alias)
{
    struct alias *a = NULL;
    struct version *v = str_absent(qualifier) ? f->latest : version_find(f, qualifier);

    if (v == NULL) {
        a = map_get(&f->aliases, qualifier);
        v = a != NULL ? version_find(f, a->version) : NULL;
    }
    if (ret_alias != NULL)
        *ret_alias = a;
    return v;
}

struct version *qualifier_draw(const struct function *f, struct str qualifier, double draw)
{
    struct alias *a;
    struct version *v = qualifier_find(f, qualifier, &a);

    if (a == NULL || str_absent(a->additional_version) || draw >= a->additional_weight)
        return v;
    return version_find(f, a->additional_version);
}

struct version *qualifier_drawn(const struct function *f, struct str qualifier)
{
    struct alias *a;
    struct version *v = qualifier_find(f, qualifier, &a);

    if (a == NULL || str_absent(a->additional_version)) /* most: nothing to draw */
        return v;
    return qualifier_draw(f, qualifier, (double)(random_u64() >> 11) * 0x1p-53);
}

/* ---- what hangs on a function ---- */

int alias_save(struct function *f, struct alias *a, struct turn *t)
{
    CHECK_IS(f, FUNCTION_MAGIC);
    CHECK(!str_empty(a->name) && !str_empty(a->version));
    if (a->id == 0) {
        a->id = store_next_id(t->store);
        CHECK(map_put(&f->aliases, a->name, a) == NULL);
    }
    uuid_random(a->revision_id);
    return written(store_exec(t->store, &Q_ALIAS_PUT, V_INT(a->id), V_INT(f->id), V_TEXT(a->name),
                              V_TEXT(a->version), V_TEXT(a->description), V_TEXT(a->additional_version),
                              V_REAL(a->additional_weight), V_TEXT(str_of(a->revision_id))));
}

static void alias_free(struct alias *a)
{
    str_drop(&a->name);
    str_drop(&a->version);
    str_drop(&a->description);
    str_drop(&a->additional_version);
    free(a);
}

int alias_delete(struct function *f, struct alias *a, struct turn *t)
{
    int rc = written(store_exec(t->store, &Q_ALIAS_DELETE, V_INT(a->id)));

    if (rc == 0) {
        CHECK(map_del(&f->aliases, a->name) == a);
        alias_free(a);
    }
    return rc;
}

struct function_policy *function_policy_get(struct function *f, struct str qualifier)
{
    return map_get(&f->policies, str_absent(qualifier) ? STR("") : qualifier);
}

int function_policy_save(struct function *f, struct function_policy *p, struct turn *t)
{
    struct buf all CLEANUP(buf_done) = { 0 };

    CHECK_IS(f, FUNCTION_MAGIC);
    CHECK(!str_absent(p->qualifier));
    if (p->id == 0) {
        p->id = store_next_id(t->store);
        CHECK(map_put(&f->policies, p->qualifier, p) == NULL);
    }
    uuid_random(p->revision_id);
    p->compiled = policy_free(p->compiled);
    buf_char(&all, '[');
    for (size_t i = 0; i < p->n; i++) {
        buf_z(&all, i > 0 ? "," : "");
        buf_str(&all, p->v[i].json);
    }
    buf_char(&all, ']');
    return written(store_exec(t->store, &Q_POLICY_PUT, V_INT(p->id), V_INT(f->id), V_TEXT(p->qualifier),
                              V_TEXT(buf_view(&all)), V_TEXT(str_of(p->revision_id))));
}

static void function_policy_free(struct function_policy *p)
{
    for (size_t i = 0; i < p->n; i++) {
        str_drop(&p->v[i].sid);
        str_drop(&p->v[i].json);
    }
    free(p->v);
    str_drop(&p->qualifier);
    policy_free(p->compiled);
    free(p);
}

/* AddPermission wrote the statements, so they compile; should one not, nothing is allowed. */
const struct policy *function_policy_compiled(struct function_policy *p)
{
    struct buf text CLEANUP(buf_done) = { 0 };

    if (p == NULL)
        return NULL;
    if (p->compiled == NULL) {
        policy_document(&text, p);
        if (policy_parse(POLICY_RESOURCE, buf_view(&text), &p->compiled, NULL) != 0)
            return &policy_empty;
    }
    return p->compiled;
}

int function_policy_delete(struct function *f, struct function_policy *p, struct turn *t)
{
    int rc = written(store_exec(t->store, &Q_POLICY_DELETE, V_INT(p->id)));

    if (rc == 0) {
        CHECK(map_del(&f->policies, p->qualifier) == p);
        function_policy_free(p);
    }
    return rc;
}

int event_config_save(struct function *f, struct event_config *e, struct turn *t)
{
    CHECK_IS(f, FUNCTION_MAGIC);
    CHECK(!str_empty(e->qualifier));
    if (e->id == 0) {
        e->id = store_next_id(t->store);
        CHECK(map_put(&f->event_configs, e->qualifier, e) == NULL);
    }
    e->last_modified_ms = t->now.wall_ms;
    return written(store_exec(t->store, &Q_CONFIG_PUT, V_INT(e->id), V_INT(f->id), V_TEXT(e->qualifier),
                              e->maximum_retry_attempts < 0 ? V_NULL : V_INT(e->maximum_retry_attempts),
                              e->maximum_event_age_s < 0 ? V_NULL : V_INT(e->maximum_event_age_s),
                              V_TEXT(e->on_success), V_TEXT(e->on_failure), V_INT(e->last_modified_ms)));
}

static void event_config_free(struct event_config *e)
{
    str_drop(&e->qualifier);
    str_drop(&e->on_success);
    str_drop(&e->on_failure);
    free(e);
}

int event_config_delete(struct function *f, struct event_config *e, struct turn *t, const char *operation)
{
    struct event_config_values was = history_values(e);
    int rc = written(store_exec(t->store, &Q_CONFIG_DELETE, V_INT(e->id)));

    if (rc == 0)
        rc = history_event_config(f, t, operation, e->qualifier, &was, NULL);

    if (rc == 0) {
        CHECK(map_del(&f->event_configs, e->qualifier) == e);
        event_config_free(e);
    }
    return rc;
}

/* ---- ends ---- */

static void function_free(struct lambda *l, struct function *f, struct turn *t)
{
    struct str key;
    void *value;

    CHECK_IS(f, FUNCTION_MAGIC);
    CHECK_IS(f->home, HOME_MAGIC);
    CHECK(f->home->n_functions > 0 && link_on(&f->link));
    f->magic = 0;
    for (size_t i = 0; map_next(&f->aliases, &i, &key, &value);)
        alias_free(value);
    for (size_t i = 0; map_next(&f->policies, &i, &key, &value);)
        function_policy_free(value);
    for (size_t i = 0; map_next(&f->event_configs, &i, &key, &value);)
        event_config_free(value);
    map_done(&f->aliases);
    map_done(&f->policies);
    map_done(&f->event_configs);
    for (size_t i = 0; i < f->n_versions; i++)
        version_free(l, f->versions[i], t);
    free(f->versions);
    if (f->latest != NULL)
        version_free(l, f->latest, t);
    tags_free(f);
    usage_facts_done(&f->facts);
    if (f->reserved_concurrency >= 0)
        f->home->reserved_sum -= f->reserved_concurrency;
    list_remove(&f->link);
    f->home->n_functions--;
    str_drop(&f->name);
    str_drop(&f->arn);
    free(f);
}

int function_delete(struct lambda *l, struct function *f, struct turn *t)
{
    struct sql *all[] = { &Q_FUNCTION_DELETE, &Q_VERSIONS_DELETE, &Q_ALIASES_DELETE,
                          &Q_POLICIES_DELETE, &Q_CONFIGS_DELETE,  &Q_HISTORY_DELETE };

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        int rc = written(store_exec(t->store, all[i], V_INT(f->id)));

        if (rc != 0)
            return rc;
    }
    CHECK(map_del(&l->functions, f->usage->key) == f);
    l->generation++;
    usage_orphan(l, f->usage);
    function_free(l, f, t);
    return 0;
}

void registry_clear(struct lambda *l, struct turn *t)
{
    struct str key;
    void *value;

    CHECK_IS(l, LAMBDA_MAGIC);
    l->life++;
    l->generation++;
    for (size_t i = 0; map_next(&l->functions, &i, &key, &value);)
        function_free(l, CAST(struct function, FUNCTION_MAGIC, value), t);
    for (size_t i = 0; map_next(&l->usages, &i, &key, &value);)
        usage_free(value);
    for (size_t i = 0; map_next(&l->homes, &i, &key, &value);) {
        struct home *h = CAST(struct home, HOME_MAGIC, value);

        CHECK(h->n_functions == 0 && h->code_bytes == 0 && h->reserved_sum == 0);
        h->magic = 0;
        str_drop(&h->account);
        str_drop(&h->region);
        free(h);
    }
    map_done(&l->functions);
    map_done(&l->usages);
    map_done(&l->homes);
}

/* ---- everything looked through: for tests ---- */

static void check_version(const struct function *f, const struct version *v)
{
    CHECK_IS(v, VERSION_MAGIC);
    CHECK_IS(v->code, CODE_MAGIC);
    CHECK(v->function == f && v->id != 0 && v->state < VERSION_STATES);
    CHECK((v->ready_timer != NULL) == (v->state != VERSION_ACTIVE));
    CHECK((v->next_code != NULL) == (v->state == VERSION_UPDATING));
    CHECK(str_eq(v->code->version, v->number) && str_eq(v->code->name, f->name));
}

/* Returns the bytes of its code. */
static int64_t check_function(const struct lambda *l, const struct function *f)
{
    int64_t bytes = 0;

    CHECK_IS(f->home, HOME_MAGIC);
    CHECK(f->id != 0 && link_on(&f->link) && f->latest != NULL);
    CHECK(map_get(&l->usages, f->usage->key) == f->usage && !f->usage->orphan);
    CHECK(f->usage->home == f->home && f->usage->reserved == (f->reserved_concurrency >= 0));
    for (size_t i = 0; i < f->n_versions; i++) {
        check_version(f, f->versions[i]);
        CHECK(version_find(f, f->versions[i]->number) == f->versions[i]); /* so they ascend */
        bytes += f->versions[i]->c.code_bytes;
    }
    check_version(f, f->latest);
    CHECK(str_eq(f->latest->number, LATEST));
    return bytes + f->latest->c.code_bytes;
}

static void check_home(const struct lambda *l, const struct home *h)
{
    int64_t reserved = 0, bytes = 0, unreserved = 0;
    struct str key;
    void *value;
    size_t n = 0;

    LIST_EACH(&h->functions, k) {
        const struct function *f = CONTAINER_OF(k, struct function, link);

        CHECK_IS(f, FUNCTION_MAGIC);
        CHECK(f->home == h && map_get(&l->functions, f->usage->key) == f);
        reserved += MAX(f->reserved_concurrency, (int64_t)0);
        bytes += check_function(l, f);
        n++;
    }
    for (size_t i = 0; map_next(&l->usages, &i, &key, &value);) {
        const struct usage *u = CAST(const struct usage, USAGE_MAGIC, value);

        CHECK(u->running >= 0 && (!u->orphan || u->running > 0));
        CHECK(u->orphan == (map_get(&l->functions, key) == NULL));
        unreserved += u->home == h && !u->reserved ? u->running : 0;
    }
    CHECK(n == h->n_functions && reserved == h->reserved_sum && bytes == h->code_bytes);
    CHECK(unreserved == h->unreserved_running);
}

void registry_check(const struct lambda *l)
{
    struct str key;
    void *value;
    size_t n = 0;

    CHECK_IS(l, LAMBDA_MAGIC);
    for (size_t i = 0; map_next(&l->homes, &i, &key, &value);) {
        const struct home *h = CAST(const struct home, HOME_MAGIC, value);

        check_home(l, h);
        n += h->n_functions;
    }
    CHECK(n == l->functions.n && l->usages.n >= n);
}
