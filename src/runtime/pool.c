/* pool.c - how many environments, and who runs where.
 *
 * True here: an execution waits only while no environment of its code is idle.  Synchronous executions come
 * first (somebody holds the line) and may start an environment each; asynchronous ones are patient: a further
 * environment for the same code only after the oldest has waited PATIENCE_MS, and never more than #cores
 * starting at once for their sake: cold starts are the dearest thing we do. On a full machine a place changes
 * hands when its environment ends an invocation, and the line behind it does not count: who comes next is
 * before()'s answer.  Every function may have one execution in line, so that it can be compared. Warm
 * environments are reused most recently used first, so that the others reach their idle timeout. */
#include "runtime/environment.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 20
#define TICK_MS 10
#define SHORT_US 20000 /* invocations shorter than it may wait in line for a busy environment */
#define AHEAD_US 10000 /* of work in line for each busy environment, so that one commit serves many */
#define AHEAD_EACH 32
#define AHEAD_MAX 128u
#define SLICE_MS 1000    /* an environment's for its function, once it was started or last used */
#define STANDING_MAX 64u /* functions with an asynchronous one in line for a place */
#define MB_PER_ENVIRONMENT 64

unsigned pool_default_max(unsigned cores)
{
    unsigned long long kb = 0;
    FILE *f = fopen("/proc/meminfo", "re");
    char line[128];

    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (sscanf(line, "MemAvailable: %llu", &kb) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return (unsigned)MAX(MIN(kb / 2 / 1024 / MB_PER_ENVIRONMENT, 1000ull), MAX(4u, cores));
}

/* ---- pools ---- */

struct pool *pool_of(struct runtime *r, struct code *code)
{
    struct pool *p = code->environments;

    if (p != NULL) {
        CHECK_IS(p, POOL_MAGIC);
        CHECK(p->r == r && p->code == code);
        return p;
    }
    p = xcalloc(1, sizeof(*p));
    p->magic = POOL_MAGIC;
    p->r = r;
    p->code = code_ref(code);
    list_init(&p->all);
    list_init(&p->idle);
    list_init(&p->sync);
    list_init(&p->async);
    list_append(&r->pools, &p->in_runtime);
    code->environments = p;
    return p;
}

static void free_if_empty(struct pool *p)
{
    CHECK_IS(p, POOL_MAGIC);
    if (!list_empty(&p->all) || p->n_sync + p->n_async > 0)
        return;
    CHECK(p->code->environments == p && !link_on(&p->hungry) && list_empty(&p->idle));
    CHECK(p->n_bound == 0 && p->n_returning == 0);
    p->code->environments = NULL;
    list_remove(&p->in_runtime);
    code_unref(p->code);
    p->magic = 0;
    free(p);
}

void pool_leave(struct environment *env)
{
    struct pool *p = env->pool;

    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK_IS(p, POOL_MAGIC);
    CHECK(env->state == ENVIRONMENT_GONE && p->n[ENVIRONMENT_GONE] > 0 && env->r->n[ENVIRONMENT_GONE] > 0);
    list_remove(&env->in_pool);
    p->n[ENVIRONMENT_GONE]--;
    env->r->n[ENVIRONMENT_GONE]--;
    free_if_empty(p);
}

void pool_finished(struct environment *env, int64_t now_ns, int64_t duration_us)
{
    struct pool *p = env->pool;

    CHECK_IS(p, POOL_MAGIC);
    CHECK(duration_us >= 0 && !env->returning);
    p->typical_us =
        p->typical_us == 0 ? MAX(duration_us, 1) : p->typical_us + (duration_us - p->typical_us) / 8;
    p->finished_ns = now_ns;
    env->returning = env->state == ENVIRONMENT_BUSY;
    p->n_returning += env->returning;
}

void pool_moved(struct environment *env, enum environment_state from, enum environment_state to)
{
    struct pool *p = env->pool;

    CHECK_IS(p, POOL_MAGIC);
    CHECK(env->r == p->r && p->n[from] > 0 && env->r->n[from] > 0);
    CHECK((from == ENVIRONMENT_IDLE) == link_on(&env->in_idle));
    CHECK(p->n_returning >= env->returning && p->n_bound >= env->bound);
    p->n[from]--;
    p->n[to]++;
    env->r->n[from]--;
    env->r->n[to]++;
    if (from == ENVIRONMENT_STARTING && env->bound)
        p->n_bound--;
    env->bound = to == ENVIRONMENT_STARTING && env->in_invocation;
    if (env->bound)
        p->n_bound++;
    p->n_returning -= env->returning;
    env->returning = false;
    list_remove(&env->in_idle);
    list_remove(&env->in_lru);
    if (to == ENVIRONMENT_IDLE) {
        list_prepend(&p->idle, &env->in_idle);
        list_append(&env->r->lru, &env->in_lru);
        env->idle_ns = clock_mono_ns();
    }
}

/* ---- who waits ---- */

void pool_add(struct pool *p, struct execution *e)
{
    CHECK_IS(p, POOL_MAGIC);
    CHECK(!link_on(&e->link) && e->code == p->code);
    CHECK(list_empty(&p->idle)); /* one that is idle takes it at once */
    list_append(e->async ? &p->async : &p->sync, &e->link);
    if (e->async)
        p->n_async++;
    else
        p->n_sync++;
    if (link_on(&p->hungry))
        return;
    list_append(&p->r->hungry, &p->hungry);
    p->r->n_hungry++;
}

static void not_hungry(struct pool *p)
{
    p->r->n_hungry -= link_on(&p->hungry);
    list_remove(&p->hungry);
}

struct execution *pool_take(struct pool *p)
{
    struct link *k = list_pop(&p->sync);

    CHECK_IS(p, POOL_MAGIC);
    CHECK((k != NULL) == (p->n_sync > 0));
    if (k != NULL) {
        p->n_sync--;
    } else {
        k = list_pop(&p->async);
        if (k == NULL)
            return NULL;
        CHECK(p->n_async > 0);
        p->n_async--;
    }
    if (p->n_sync + p->n_async == 0) {
        p->full_ns = 0;
        not_hungry(p);
    }
    return CONTAINER_OF(k, struct execution, link);
}

/* ---- more environments ---- */

static unsigned living(const unsigned n[ENVIRONMENT_STATE_COUNT])
{
    return n[ENVIRONMENT_COLD] + n[ENVIRONMENT_STARTING] + n[ENVIRONMENT_IDLE] + n[ENVIRONMENT_LOST] +
           n[ENVIRONMENT_BUSY] + n[ENVIRONMENT_STOPPING];
}

/* Those that will take the next execution that waits. */
static unsigned starting_free(const struct pool *p) { return p->n[ENVIRONMENT_STARTING] - p->n_bound; }

/* Those that run or will, with or without work. */
static unsigned places(const struct pool *p) { return living(p->n) - p->n[ENVIRONMENT_STOPPING]; }

static bool full(const struct runtime *r) { return living(r->n) >= r->max_environments; }

static int64_t oldest_ns(const struct pool *p)
{
    const struct link *sync = list_first(&p->sync), *async = list_first(&p->async);
    int64_t a = sync == NULL ? INT64_MAX : CONTAINER_OF(sync, struct execution, link)->queued_mono_ns;
    int64_t b = async == NULL ? INT64_MAX : CONTAINER_OF(async, struct execution, link)->queued_mono_ns;

    return MIN(a, b);
}

static int64_t ms_since(int64_t ns) { return (clock_mono_ns() - ns) / 1000000; }

static int64_t oldest_waits_ms(const struct list *l)
{
    const struct link *k = list_first(l);

    return k == NULL ? 0 : ms_since(CONTAINER_OF(k, struct execution, link)->queued_mono_ns);
}

/* ---- who wants one ---- */

/* An environment that has answered asks again in a moment: for so long nobody is started in its place. */
static unsigned sync_lacks(const struct pool *p)
{
    unsigned soon = starting_free(p) + (oldest_waits_ms(&p->sync) < TICK_MS ? p->n_returning : 0);

    return p->n_sync > soon ? p->n_sync - soon : 0;
}

/* Will those who wait be served soon by who is there?  Not when nothing has ended of late. */
static bool drains_soon(const struct pool *p)
{
    int64_t quiet_ms = ms_since(p->finished_ns);

    return quiet_ms < PATIENCE_MS &&
           p->typical_us * p->n_async / 1000 < PATIENCE_MS * (int64_t)MAX(p->n[ENVIRONMENT_BUSY], 1u);
}

/* The line was full for that long, and more stand behind it: one environment answers once a round of the loop
 * however short its work, so a few of them together fill a turn better than one. */
static bool few_for_the_line(const struct pool *p)
{
    return p->full_ns != 0 && ms_since(p->full_ns) >= PATIENCE_MS && living(p->n) <= 2 * p->r->cores;
}

static bool patience_is_over(const struct pool *p)
{
    if (p->n_sync > 0 || p->n_async <= starting_free(p) || p->r->n[ENVIRONMENT_STARTING] >= p->r->cores)
        return false;
    if (places(p) == p->n[ENVIRONMENT_LOST])
        return true;
    return few_for_the_line(p) || (oldest_waits_ms(&p->async) >= PATIENCE_MS && !drains_soon(p));
}

/* ---- who comes next on a full machine ---- */

/* Nobody waits for ever without a place, not even behind others who hold the line; then those who hold it. */
static int rank(const struct pool *p)
{
    if (places(p) == 0 && ms_since(oldest_ns(p)) >= SLICE_MS)
        return 0;
    return p->n_sync > 0 ? 1 : 2;
}

/* Functions share places evenly, and so the machine's time, however many of each wait. */
static bool before(const struct pool *a, const struct pool *b)
{
    if (rank(a) != rank(b))
        return rank(a) < rank(b);
    if (places(a) != places(b))
        return places(a) < places(b);
    return oldest_ns(a) < oldest_ns(b);
}

static bool is_next(const struct pool *p)
{
    LIST_EACH(&p->r->hungry, k) {
        const struct pool *other = CONTAINER_OF(k, struct pool, hungry);

        if (other != p && (sync_lacks(other) > 0 || patience_is_over(other)) && before(other, p))
            return false;
    }
    return true;
}

/* How many places p should have of those that env's function holds. */
static unsigned claims(const struct pool *p, const struct environment *env)
{
    const struct pool *holder = env->pool;
    unsigned lacks = sync_lacks(p);

    CHECK(holder != p && places(holder) > 0);
    if (lacks > 0 && holder->n_sync == 0 && places(p) < places(holder))
        return lacks;
    if (lacks == 0 && (!patience_is_over(p) || (holder->n_sync > 0 && rank(p) > 0)))
        return 0;
    if (places(p) + 1 < places(holder))
        return 1;
    if (places(p) > 0 || oldest_ns(p) >= oldest_ns(holder))
        return 0;
    return lacks > 0 || ms_since(env->spawned_ns) >= SLICE_MS;
}

bool pool_should_yield(const struct environment *env)
{
    const struct runtime *r = env->r;
    unsigned freed = r->n[ENVIRONMENT_STOPPING] + r->n[ENVIRONMENT_IDLE], wanted = 0;

    if (!full(r))
        return false;
    LIST_EACH(&r->hungry, k) {
        const struct pool *other = CONTAINER_OF(k, struct pool, hungry);

        if (other != env->pool && (wanted += claims(other, env)) > freed)
            return true;
    }
    return false;
}

/* ---- more environments ---- */

/* An environment that has just become idle is about to get its function's next event.  And who holds most
 * places may not make those who hold few start anew for each call: only what they have not used for a while.
 */
static bool may_be_taken(const struct environment *env, const struct pool *by)
{
    int64_t idle_ms = ms_since(env->idle_ns);

    if (env->pool == by)
        return false;
    if (env->pool->retired)
        return true;
    if (places(by) >= places(env->pool))
        return idle_ms >= SLICE_MS;
    return by->n_sync > 0 || idle_ms >= PATIENCE_MS;
}

/* Room for one more; if there is none, an idle environment of another code makes some, for a later call. */
static bool may_start(struct pool *p)
{
    struct runtime *r = p->r;

    CHECK_IS(r, RUNTIME_MAGIC);
    if (r->stopping || r->spawner_down)
        return false;
    if (!full(r))
        return living(r->n) + 1 < r->max_environments || is_next(p);
    if (r->n[ENVIRONMENT_STOPPING] > 0)
        return false;
    LIST_EACH(&r->lru, k) {
        struct environment *env = CONTAINER_OF(k, struct environment, in_lru);

        if (may_be_taken(env, p)) {
            if (is_next(p))
                environment_stop(env);
            return false;
        }
    }
    return false;
}

static void start_one(struct pool *p)
{
    CHECK(!full(p->r) && !p->r->stopping);
    if (p->full_ns != 0)
        p->full_ns = clock_mono_ns();
    environment_start(environment_new(p));
}

static void on_tick(uv_timer_t *timer)
{
    struct runtime *r = CAST(struct runtime, RUNTIME_MAGIC, timer->data);

    if (list_empty(&r->hungry))
        uv_timer_stop(timer);
    else
        pool_scale_all(r);
}

void pool_scale(struct pool *p)
{
    struct runtime *r = p->r;

    CHECK_IS(p, POOL_MAGIC);
    /* A start that fails at once answers one execution, so both loops end. */
    while (sync_lacks(p) > 0 && may_start(p))
        start_one(p);
    while (patience_is_over(p) && may_start(p)) {
        start_one(p);
        if (oldest_waits_ms(&p->async) < PATIENCE_MS || drains_soon(p))
            break;
    }
    if (!list_empty(&r->hungry) && !uv_is_active((uv_handle_t *)&r->scale_timer))
        uv_timer_start(&r->scale_timer, on_tick, TICK_MS, TICK_MS);
}

/* Scaling may answer executions, and a pool may leave the list: so each is visited at most once, from a count
 * taken before, the visited moving to the end. */
void pool_scale_all(struct runtime *r)
{
    unsigned n = r->n_hungry;

    while (n-- > 0 && !list_empty(&r->hungry)) {
        struct pool *p = CONTAINER_OF(list_pop(&r->hungry), struct pool, hungry);

        CHECK_IS(p, POOL_MAGIC);
        list_append(&r->hungry, &p->hungry);
        pool_scale(p);
    }
}

/* ---- what flow asks ---- */

/* Of work in line behind busy environments.  Unknown work may be long. */
static unsigned ahead_of(const struct pool *p)
{
    unsigned each = (unsigned)MIN(MAX(AHEAD_US / MAX(p->typical_us, 1), 1), AHEAD_EACH);

    return p->typical_us > 0 && p->typical_us < SHORT_US ? MIN(p->n[ENVIRONMENT_BUSY] * each, AHEAD_MAX) : 0;
}

unsigned pool_capacity(struct runtime *r, const struct code *code)
{
    struct pool *p = code->environments;
    bool room = !full(r) || !list_empty(&r->lru);
    unsigned waiting, taken, ahead;

    if (r->stopping || r->spawner_down)
        return 0;
    if (p == NULL)
        return room || r->n_hungry < STANDING_MAX ? 1 : 0;
    CHECK_IS(p, POOL_MAGIC);
    CHECK(p->code == code);
    waiting = p->n_sync + p->n_async;
    taken = p->n[ENVIRONMENT_IDLE] + starting_free(p);
    /* Short invocations may stand in line behind a busy environment: it goes on without waiting for a turn.
     */
    ahead = ahead_of(p);
    if (!p->retired && (room || (ahead == 0 && r->n_hungry < STANDING_MAX)))
        ahead++;
    if (taken + ahead > waiting)
        return taken + ahead - waiting;
    if (p->full_ns == 0 && waiting > 0)
        p->full_ns = clock_mono_ns();
    return 0;
}

void pool_retire(struct pool *p)
{
    CHECK_IS(p, POOL_MAGIC);
    p->retired = true;
    for (struct link *k; (k = list_first(&p->idle)) != NULL;)
        environment_stop(CONTAINER_OF(k, struct environment, in_idle));
}

/* ---- everything looked through: for tests ---- */

static void check_environment(const struct pool *p, const struct environment *env)
{
    CHECK_IS(env, ENVIRONMENT_MAGIC);
    CHECK(env->pool == p && env->r == p->r && env->code == p->code && env->state < ENVIRONMENT_STATE_COUNT);
    CHECK(link_on(&env->in_idle) == (env->state == ENVIRONMENT_IDLE));
    CHECK(link_on(&env->in_lru) == (env->state == ENVIRONMENT_IDLE));
    CHECK((env->state == ENVIRONMENT_IDLE) <= (env->next != NULL && env->exec == NULL));
    CHECK(env->state == ENVIRONMENT_GONE || env->slot == SPAWN_SLOTS || p->r->slots[env->slot] == env);
    CHECK(!env->process || (env->state != ENVIRONMENT_COLD && env->state != ENVIRONMENT_GONE));
    CHECK(env->handles > 0);
}

void pool_check(const struct pool *p)
{
    unsigned n[ENVIRONMENT_STATE_COUNT] = { 0 }, bound = 0, returning = 0;

    CHECK_IS(p, POOL_MAGIC);
    CHECK_IS(p->code, CODE_MAGIC);
    CHECK(p->code->environments == p);
    LIST_EACH(&p->all, k) {
        const struct environment *env = CONTAINER_OF(k, struct environment, in_pool);

        check_environment(p, env);
        n[env->state]++;
        bound += env->bound;
        returning += env->returning;
    }
    CHECK(memcmp(n, p->n, sizeof(n)) == 0 && bound == p->n_bound && returning == p->n_returning);
    CHECK(list_length(&p->idle) == n[ENVIRONMENT_IDLE]);
    CHECK(list_length(&p->sync) == p->n_sync && list_length(&p->async) == p->n_async);
    CHECK(link_on(&p->hungry) == (p->n_sync + p->n_async > 0));
    CHECK(p->n_sync + p->n_async == 0 || n[ENVIRONMENT_IDLE] == 0);
}
