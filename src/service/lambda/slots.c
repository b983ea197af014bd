/* slots.c - who may run at the same time, and what of it CloudWatch is told.
 *
 * True here: running executions are counted by the function's name, whoever bears it; unreserved_running of a
 * home is the sum of `running` of its names without a reservation; a name that nobody bears any more is
 * forgotten with its last execution. */
#include "service/lambda/slots.h"

#include <stdlib.h>

struct usage *usage_get(struct lambda *l, struct home *h, struct str key)
{
    struct usage *u = map_get(&l->usages, key);

    if (u == NULL) {
        u = xcalloc(1, sizeof *u);
        u->magic = USAGE_MAGIC;
        u->home = h;
        u->key = str_own(key);
        map_put(&l->usages, key, u);
    }
    CHECK_IS(u, USAGE_MAGIC);
    CHECK(u->home == h && !u->reserved);
    u->orphan = false;
    return u;
}

void usage_free(struct usage *u)
{
    CHECK_IS(u, USAGE_MAGIC);
    u->magic = 0;
    str_drop(&u->key);
    free(u);
}

static void forget_unused(struct lambda *l, struct usage *u)
{
    if (!u->orphan || u->running > 0)
        return;
    map_del(&l->usages, u->key);
    usage_free(u);
}

void usage_orphan(struct lambda *l, struct usage *u)
{
    CHECK_IS(u, USAGE_MAGIC);
    CHECK(!u->orphan && u->running >= 0);
    if (u->reserved) {
        u->reserved = false;
        u->home->unreserved_running += u->running;
    }
    u->orphan = true;
    forget_unused(l, u);
}

void function_set_reserved(struct function *f, int64_t reserved)
{
    bool was = f->reserved_concurrency >= 0, is = reserved >= 0;

    CHECK_IS(f, FUNCTION_MAGIC);
    CHECK(f->usage->reserved == was);
    f->home->reserved_sum += (is ? reserved : 0) - (was ? f->reserved_concurrency : 0);
    CHECK(f->home->reserved_sum >= 0);
    f->reserved_concurrency = reserved;
    if (f->usage->reserved != is)
        f->home->unreserved_running += is ? -f->usage->running : f->usage->running;
    f->usage->reserved = is;
}

static bool is_free(const struct lambda *l, const struct function *f)
{
    if (f->reserved_concurrency >= 0)
        return f->usage->running < f->reserved_concurrency;
    return f->home->unreserved_running < l->o.account_concurrency - f->home->reserved_sum;
}

bool slot_has(void *lambda, struct callee *c)
{
    const struct lambda *l = CAST(const struct lambda, LAMBDA_MAGIC, lambda);
    const struct function *f = callee_function(l, c);

    return f == NULL || is_free(l, f); /* one that is gone: its events find that out */
}

enum admission slot_acquire(void *lambda, struct callee *c, struct slot *ret)
{
    const struct lambda *l = CAST(const struct lambda, LAMBDA_MAGIC, lambda);
    struct function *f = callee_function(l, c);

    *ret = (struct slot){ 0 };
    if (f == NULL)
        return NO_SLOT_ACCOUNT;
    CHECK(f->usage->home == f->home && !f->usage->orphan);
    CHECK(f->usage->reserved == (f->reserved_concurrency >= 0));
    if (!is_free(l, f))
        return f->reserved_concurrency >= 0 ? NO_SLOT_RESERVED : NO_SLOT_ACCOUNT;
    if (f->reserved_concurrency < 0)
        f->home->unreserved_running++;
    f->usage->running++;
    *ret = (struct slot){ f->usage, l->life };
    return ADMITTED;
}

void slot_release(void *lambda, struct slot slot)
{
    struct lambda *l = CAST(struct lambda, LAMBDA_MAGIC, lambda);
    struct usage *u = slot.usage;

    /* After a reset or a reload executions of a former life still end here; they hold nothing any more. */
    if (slot.life != l->life)
        return;
    CHECK_IS(u, USAGE_MAGIC);
    CHECK(u->running > 0);
    u->running--;
    async_slots_freed(l->o.async);
    if (!u->reserved)
        u->home->unreserved_running--;
    CHECK(u->home->unreserved_running >= 0);
    forget_unused(l, u);
}

static int64_t reserved_running(const struct home *h)
{
    int64_t n = 0;

    if (h->reserved_sum == 0)
        return 0;
    LIST_EACH(&h->functions, k) {
        const struct function *f = CONTAINER_OF(k, struct function, link);

        if (f->usage->reserved)
            n += f->usage->running;
    }
    return n;
}

bool slot_gauges(void *lambda, struct slot slot, struct metric_concurrency *ret)
{
    const struct lambda *l = CAST(const struct lambda, LAMBDA_MAGIC, lambda);
    const struct usage *u = slot.usage;

    if (slot.life != l->life || u->orphan)
        return false;
    ret->function = u->running;
    ret->unreserved = u->home->unreserved_running;
    ret->account = ret->unreserved + reserved_running(u->home);
    ret->claimed = ret->unreserved + u->home->reserved_sum;
    return true;
}
