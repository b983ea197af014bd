/* lambda.c - the room's front: its options, its handlers' table, and what the rest of the server asks of it
 * (the host of runs, the sink for destinations that are functions, the packages still in use).
 */
#include "service/lambda/lambda.h"

#include <stdlib.h>
#include "service/lambda/ops.h"
#include "service/lambda/slots.h"

struct lambda *lambda_new(const struct lambda_options *o)
{
    struct lambda *l = xcalloc(1, sizeof *l);

    CHECK(o->account_concurrency > 0);
    l->magic = LAMBDA_MAGIC;
    l->o = *o;
    l->runner = lambda_runner(l);
    return l;
}

void lambda_set_async(struct lambda *l, struct async *a)
{
    CHECK_IS(l, LAMBDA_MAGIC);
    CHECK(l->o.async == NULL || a == NULL);
    l->o.async = a;
}

struct lambda *lambda_free(struct lambda *l)
{
    if (l != NULL) {
        registry_clear(l, NULL);
        l->magic = 0;
        free(l);
    }
    return NULL;
}

void lambda_reset(struct lambda *l, struct turn *t) { registry_clear(l, t); }

size_t lambda_function_count(const struct lambda *l) { return l->functions.n; }

struct service lambda_service(struct lambda *l)
{
#define X(op, fn, max) { #op, fn, max },
    static const struct handler handlers[] = { HANDLERS(X) };
#undef X

    return (struct service){
        .model = &lambda_model, .handlers = handlers, .n_handlers = ARRAY_LEN(handlers), .state = l
    };
}

static bool version_uses(const struct version *v, struct str sha256_hex)
{
    if (v == NULL)
        return false;
    CHECK_IS(v, VERSION_MAGIC);
    CHECK_IS(v->code, CODE_MAGIC);
    return (str_eq(v->c.package_sha256_hex, sha256_hex) || str_eq(v->code->package_sha256_hex, sha256_hex));
}

bool lambda_uses_package(void *lambda, struct str sha256_hex)
{
    const struct lambda *l = CAST(const struct lambda, LAMBDA_MAGIC, lambda);
    struct str key;
    void *value;

    for (size_t i = 0; map_next(&l->functions, &i, &key, &value);) {
        const struct function *f = CAST(const struct function, FUNCTION_MAGIC, value);

        if (version_uses(f->latest, sha256_hex))
            return true;
        for (size_t k = 0; k < f->n_versions; k++)
            if (version_uses(f->versions[k], sha256_hex))
                return true;
    }
    return false;
}

/* ---- host of those who run functions ---- */

static int host_resolve(void *arg, struct callee *c, struct str qualifier, struct target *ret)
{
    const struct function *f = callee_function(arg, c);
    struct version *v = f != NULL ? qualifier_drawn(f, qualifier) : NULL;

    if (v == NULL)
        return -E_NOT_FOUND;
    CHECK_IS(v, VERSION_MAGIC);
    CHECK_IS(v->code, CODE_MAGIC);
    if (v->state == VERSION_PENDING)
        return -E_BUSY;
    const struct event_config *e = map_get(&f->event_configs, str_absent(qualifier) ? LATEST : qualifier);
    *ret = (struct target){
        .code = v->code,
        .reserved_concurrency = f->reserved_concurrency,
        .recursion_allowed = f->recursion_allowed,
        .maximum_retry_attempts = e != NULL && e->maximum_retry_attempts >= 0 ? e->maximum_retry_attempts : 2,
        .maximum_event_age_s = e != NULL && e->maximum_event_age_s >= 0 ? e->maximum_event_age_s : 21600,
        .on_success = e != NULL ? e->on_success : STR_NONE,
        .on_failure = e != NULL ? e->on_failure : STR_NONE,
    };
    return 0;
}

struct runner lambda_runner(struct lambda *l)
{
    return (struct runner){ .host = { .arg = l,
                                      .resolve = host_resolve,
                                      .acquire = slot_acquire,
                                      .release = slot_release,
                                      .has_slot = slot_has,
                                      .concurrency = slot_gauges },
                            .executor = l->o.executor };
}

/* ---- a destination that is a function ---- */

/* The policy of exactly this qualifier: a permission on the function says nothing of its aliases. */
static void sink_find(struct door *d)
{
    const struct lambda *l = CAST(const struct lambda, LAMBDA_MAGIC, d->sink->arg);
    struct function_ref ref;
    struct function *f;

    d->state = SINK_WRONG_KIND;
    if (function_ref_of_arn(&d->arn, &ref) != 0)
        return;
    f = function_find(l, ref.account, ref.region, ref.name);
    d->object = f;
    d->state = f != NULL && qualifier_find(f, ref.qualifier, NULL) != NULL ? SINK_OK : SINK_MISSING;
    d->what.policy = f != NULL ? function_policy_compiled(function_policy_get(f, ref.qualifier)) : NULL;
}

/* A record is JSON by construction; what a service sends may be what a user's template made of an event. */
static enum delivery check_payload(const struct parcel *p, bool record, struct buf *why)
{
    if (p->body.n > EVENT_PAYLOAD_BYTES) {
        buf_printf(why, "%zu byte payload is too large for the Event invocation type (limit %zu bytes)",
                   p->body.n, EVENT_PAYLOAD_BYTES);
        return DELIVERY_REFUSED;
    }
    if (record || str_empty(p->body) || json_check(p->body, NULL) == 0)
        return DELIVERED;
    buf_z(why, "Could not parse request body into json");
    return DELIVERY_REFUSED;
}

/* A function that is still Pending takes its events too: they wait in its queue for the moment until it is
 * Active. */
static enum delivery sink_deliver(const struct door *d, const struct parcel *p, struct buf *why)
{
    const struct lambda *l = CAST(const struct lambda, LAMBDA_MAGIC, d->sink->arg);
    struct function_ref ref;
    struct arn from;
    char id[UUID_TEXT + 1];
    bool record = arn_parse(p->from.arn, &from) == 0 && str_is(from.service, "lambda");

    if (d->state != SINK_OK) {
        buf_printf(why, "Function not found: " STR_FMT, STR_ARG(d->what.arn));
        return DELIVERY_NO_RESOURCE;
    }
    if (check_payload(p, record, why) != DELIVERED)
        return DELIVERY_REFUSED;
    CHECK(function_ref_of_arn(&d->arn, &ref) == 0);
    const struct async_request request = {
        .to = { ref.account, ref.region, ref.name, ref.qualifier, d->object, l->generation },
        .payload = p->body,
        .trace_header = p->trace_header,
        .type = record ? "destination" : "Event",
        .source = p->from.arn,
    };
    if (async_accept(l->o.async, d->turn, &request, id) == 0) {
        usage_facts_async(d->object, d->turn->now.wall_ms);
        buf_z(why, id);
        return DELIVERED;
    }
    buf_z(why, "the queue of asynchronous events is full");
    return DELIVERY_FAILED;
}

struct sink lambda_sink(struct lambda *l)
{
    return (struct sink){
        .service = "lambda",
        .action = "lambda:InvokeFunction",
        .action_name = "InvokeFunction",
        .max_body_bytes = EVENT_PAYLOAD_BYTES,
        .find = sink_find,
        .deliver = sink_deliver,
        .arg = l,
    };
}
