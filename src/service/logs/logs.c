/* logs.c - the buffer between functions that write and the store; what handlers begin with.
 *
 * True here:
 *  - a struct pending is in `pending` and in `by_name`, or in neither; `last` is one of them or NULL;
 *  - while any line waits, a flush is on its way: a turn was asked for that sets the 250 ms timer, or the
 * timer runs, or a flush was asked for at once;
 *  - a flush whose turn fails loses its lines, as a crash would: the disk is full or gone. */
#include "service/logs/internal.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/arn.h"

#define FLUSH_AFTER_MS 250
#define EXPIRY_EVERY_MS ((int64_t)3600000)
#define WASTE_EVERY_MS 1
#define WASTE_AFTER_LOAD_MS 1000
/* AWS's bound on one event, its overhead included. */
#define LINE_MOST (((size_t)1 << 20) - LINE_OVERHEAD_BYTES - 1)

static void logs_check(const struct logs *l) { CHECK(l != NULL && l->magic == LOGS_MAGIC); }

/* The buffer. */

static struct str joined(char out[static 2400], struct str account, struct str region, struct str group,
                         struct str stream)
{
    const struct str parts[] = { account, region, group, stream };
    size_t n = 0;

    CHECK(account.n + region.n + group.n + stream.n + 4 <= 2400);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].n > 0)
            memcpy(out + n, parts[i].p, parts[i].n);
        n += parts[i].n;
        out[n++] = '\0';
    }
    return str_make(out, n);
}

static struct pending *pending_new(struct logs *l, struct str key, struct str account, struct str region,
                                   struct str group, struct str stream)
{
    struct pending *p = xcalloc(1, sizeof(*p));
    char *names = memcpy(xmalloc(key.n), key.p, key.n);

    p->account = str_make(names, account.n);
    p->region = str_make(p->account.p + account.n + 1, region.n);
    p->group = str_make(p->region.p + region.n + 1, group.n);
    p->stream = str_make(p->group.p + group.n + 1, stream.n);
    p->cap = p->n = 1;
    p->v = xcalloc(1, sizeof(*p->v));
    list_append(&l->pending, &p->in);
    CHECK(map_put(&l->by_name, key, p) == NULL);
    return p;
}

static void pending_free(struct logs *l, struct pending *p)
{
    char key[2400];

    CHECK(map_del(&l->by_name, joined(key, p->account, p->region, p->group, p->stream)) == p);
    list_remove(&p->in);
    if (l->last == p)
        l->last = NULL;
    for (size_t i = 0; i < p->cap; i++)
        log_chunk_done(&p->v[i]);
    free(p->v);
    free((char *)p->account.p);
    free(p);
}

static bool is(const struct pending *p, struct str account, struct str region, struct str group,
               struct str stream)
{
    return str_eq(p->stream, stream) && str_eq(p->group, group) && str_eq(p->region, region) &&
           str_eq(p->account, account);
}

static struct pending *pending_of(struct logs *l, struct str account, struct str region, struct str group,
                                  struct str stream)
{
    char bytes[2400];
    struct str key;
    struct pending *p;

    if (l->last != NULL && is(l->last, account, region, group, stream))
        return l->last;
    key = joined(bytes, account, region, group, stream);
    p = map_get(&l->by_name, key);
    if (p == NULL)
        p = pending_new(l, key, account, region, group, stream);
    return l->last = p;
}

static __attribute__((noinline)) struct log_chunk *chunk_next(struct pending *p)
{
    if (p->n == p->cap) {
        p->v = xrealloc(p->v, (p->cap + 1) * sizeof(*p->v));
        p->v[p->cap++] = (struct log_chunk){ 0 };
    }
    return &p->v[p->n++];
}

static void flush_now(void *arg, struct turn *turn)
{
    struct logs *l = CAST(struct logs, LOGS_MAGIC, arg);

    l->flush_wanted = false;
    logs_flush(l, turn);
}

static void flush_late(void *arg, struct turn *turn)
{
    struct logs *l = CAST(struct logs, LOGS_MAGIC, arg);

    l->timer_wanted = false;
    logs_flush(l, turn);
}

static void timer_start(void *arg, struct turn *turn)
{
    turn->ops->real_timer(turn->engine, FLUSH_AFTER_MS, flush_late, arg);
}

void logs_append(struct logs *l, struct str account, struct str region, struct str group, struct str stream,
                 const struct log_line *v, size_t n)
{
    struct pending *p = pending_of(l, account, region, group, stream);
    struct log_chunk *c = &p->v[p->n - 1];

    for (size_t i = 0; i < n; i++) {
        struct str text = str_sub(v[i].text, 0, LINE_MOST);
        int64_t ms = MAX(v[i].wall_ms, (int64_t)0);

        if (!log_chunk_fits(c, ms, text.n + 1))
            c = chunk_next(p);
        log_chunk_add_line(c, ms, text);
        p->bytes += text.n + LINE_OVERHEAD_BYTES;
    }
    if (!l->timer_wanted) {
        l->timer_wanted = true;
        l->o.soon(l->o.engine, timer_start, l);
    }
    if (p->bytes > CHUNK_BYTES && !l->flush_wanted) {
        l->flush_wanted = true;
        l->o.soon(l->o.engine, flush_now, l);
    }
}

/* Function output makes its group and stream by itself.  0 ids: the region is full of groups, the lines go.
 */
static void places(struct logs *l, struct turn *t, struct arena *a, const struct pending *p,
                   uint64_t *ret_group, uint64_t *ret_stream)
{
    struct log_group g = { 0 };
    struct log_stream s;

    *ret_group = *ret_stream = 0;
    if (!log_group_find(t->store, a, p->account, p->region, p->group, &g) &&
        !log_group_make(t->store, t->now.wall_ms, p->account, p->region, p->group, STR("{}"), &g.id))
        return;
    *ret_group = g.id;
    if (log_stream_find(t->store, a, g.id, p->stream, &s)) {
        *ret_stream = s.id;
        return;
    }
    /* Environments come and go for years: the oldest makes room. */
    if (g.streams >= LOG_MOST_STREAMS)
        logs_stream_drop(l, t, g.id, log_stream_oldest(t->store, g.id));
    *ret_stream = log_stream_make(t->store, t->now.wall_ms, g.id, p->stream);
}

static void pending_flush(struct logs *l, struct turn *t, struct pending *p)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    uint64_t group_id, stream_id;

    places(l, t, a, p, &group_id, &stream_id);
    if (stream_id != 0) {
        log_rows_put(t->store, t->now.wall_ms, group_id, stream_id, p->v, p->n);
        log_group_trim(t->store, group_id, l->o.max_group_bytes);
    }
    for (size_t i = 0; i < p->cap; i++)
        i == 0 ? log_chunk_clear(&p->v[i]) : log_chunk_done(&p->v[i]);
    p->n = 1;
    p->bytes = 0;
}

/* A stream that was quiet since the flush before is forgotten. */
void logs_flush(struct logs *l, struct turn *turn)
{
    logs_check(l);
    LIST_EACH_SAFE(&l->pending, k, nx) {
        struct pending *p = CONTAINER_OF(k, struct pending, in);

        if (p->v[0].n > 0)
            pending_flush(l, turn, p);
        else
            pending_free(l, p);
    }
}

static void pending_drop_all(struct logs *l)
{
    LIST_EACH_SAFE(&l->pending, k, nx)
        pending_free(l, CONTAINER_OF(k, struct pending, in));
}

/* Retention. */

static void expire(struct timer *tm, struct turn *t)
{
    struct logs *l = CONTAINER_OF(tm, struct logs, expiry);

    CHECK_IS(l, LOGS_MAGIC);
    logs_expiry_set(l, t);
}

static void expiry_turn(void *arg, struct turn *t)
{
    struct logs *l = CAST(struct logs, LOGS_MAGIC, arg);

    l->expiry_step = NULL;
    if (log_expire(t->store, t->now.wall_ms, &l->expiring))
        l->expiry_step = t->ops->real_timer(t->engine, WASTE_EVERY_MS, expiry_turn, l);
    else if (l->expiring.retained)
        timer_set(t, &l->expiry, t->now.wall_ms + EXPIRY_EVERY_MS);
}

static void expiry_stop(struct logs *l, struct turn *t)
{
    timer_cancel(t, &l->expiry);
    if (l->expiry_step != NULL)
        t->ops->real_timer_cancel(t->engine, l->expiry_step);
    l->expiry_step = NULL;
}

void logs_expiry_set(struct logs *l, struct turn *t)
{
    expiry_stop(l, t);
    l->expiring = (struct log_expiry){ 0 };
    expiry_turn(l, t);
}

int64_t logs_oldest_ms(const struct call *c, const struct log_group *g)
{
    return g->retention_days > 0 ? MAX(c->now.wall_ms - g->retention_days * DAY_MS, (int64_t)0) : 0;
}

/* Life. */

struct logs *logs_new(const struct logs_options *o)
{
    struct logs *l = xcalloc(1, sizeof(*l));

    l->magic = LOGS_MAGIC;
    l->o = *o;
    if (l->o.max_group_bytes <= 0)
        l->o.max_group_bytes = (int64_t)256 << 20;
    list_init(&l->pending);
    l->expiry.fire = expire;
    return l;
}

struct logs *logs_free(struct logs *l)
{
    if (l == NULL)
        return NULL;
    logs_check(l);
    pending_drop_all(l);
    logs_policies_forget(l);
    map_done(&l->by_name);
    l->magic = 0;
    free(l);
    return NULL;
}

static void waste_turn(void *arg, struct turn *t);

static void waste_arm(struct logs *l, struct turn *t, int64_t in_ms)
{
    if (l->waste_step == NULL)
        l->waste_step = t->ops->real_timer(t->engine, in_ms, waste_turn, l);
}

static void waste_stop(struct logs *l, struct turn *t)
{
    if (l->waste_step != NULL)
        t->ops->real_timer_cancel(t->engine, l->waste_step);
    l->waste_step = NULL;
}

static void waste_turn(void *arg, struct turn *t)
{
    struct logs *l = CAST(struct logs, LOGS_MAGIC, arg);

    bool more = l->waste_from != UINT64_MAX && log_waste_drop(t->store, &l->waste_from);

    l->waste_step = NULL;
    if (!more) {
        l->waste_from = UINT64_MAX;
        more = l->waste_stream_from != UINT64_MAX && log_stream_waste_drop(t->store, &l->waste_stream_from);
    }
    if (more)
        waste_arm(l, t, WASTE_EVERY_MS);
    else
        l->waste_stream_from = UINT64_MAX;
}

void logs_stream_drop(struct logs *l, struct turn *t, uint64_t group_id, uint64_t stream_id)
{
    if (log_stream_drop(t->store, group_id, stream_id))
        return;
    l->waste_stream_from = MIN(l->waste_stream_from, stream_id);
    waste_arm(l, t, WASTE_EVERY_MS);
}

void logs_waste_from(struct logs *l, struct turn *t, uint64_t group_id)
{
    l->waste_from = MIN(l->waste_from, group_id);
    waste_arm(l, t, WASTE_EVERY_MS);
}

/* What a crash left of dropped groups and streams goes a little later: first the clients, and a full disk is
 * not asked at once. */
void logs_load(struct logs *l, struct turn *t)
{
    logs_check(l);
    logs_policies_load(l, t);
    logs_expiry_set(l, t);
    waste_stop(l, t);
    l->waste_from = l->waste_stream_from = 0;
    waste_arm(l, t, WASTE_AFTER_LOAD_MS);
}

void logs_reset(struct logs *l, struct turn *t)
{
    logs_check(l);
    pending_drop_all(l);
    logs_policies_forget(l);
    waste_stop(l, t);
    expiry_stop(l, t);
}

/* What handlers begin with. */

struct str logs_group_arn(struct call *c, struct str name)
{
    return arena_printf(c->mem, "arn:aws:logs:" STR_FMT ":" STR_FMT ":log-group:" STR_FMT, STR_ARG(c->region),
                        STR_ARG(c->account), STR_ARG(name));
}

struct str logs_stream_arn(struct call *c, struct str group, struct str stream)
{
    return arena_printf(c->mem, STR_FMT ":log-stream:" STR_FMT, STR_ARG(logs_group_arn(c, group)),
                        STR_ARG(stream));
}

int logs_invalid(struct call *c, const char *fmt, ...)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    return call_fault(c, &logs_error_InvalidParameterException, STR_FMT, STR_ARG(buf_view(&b)));
}

int logs_no_group(struct call *c)
{
    return call_fault(c, &logs_error_ResourceNotFoundException, "The specified log group does not exist.");
}

int logs_no_stream(struct call *c)
{
    return call_fault(c, &logs_error_ResourceNotFoundException, "The specified log stream does not exist.");
}

/* The name in an ARN of this account and region; absent when it is another's or none. */
static struct str name_in_arn(struct call *c, struct str identifier)
{
    static const struct str head = { "log-group:", 10 };
    struct arn arn;
    struct str name;

    if (!str_starts(identifier, STR("arn:")))
        return identifier;
    if (arn_parse(identifier, &arn) < 0 || !str_is(arn.service, "logs") || !str_eq(arn.region, c->region) ||
        !str_eq(arn.account, c->account) || !str_starts(arn.resource, head))
        return STR_NONE;
    name = str_sub(arn.resource, head.n, arn.resource.n);
    return str_ends(name, STR(":*")) ? str_sub(name, 0, name.n - 2) : name;
}

int logs_group_of(struct call *c, const char *action, struct str name, struct str identifier,
                  struct str stream, struct log_group *ret)
{
    struct str resource;
    int r;

    if (str_absent(name) == str_absent(identifier))
        return logs_invalid(c, "Exactly one of logGroupName and logGroupIdentifier must be specified.");
    if (str_absent(name))
        name = name_in_arn(c, identifier);
    if (str_absent(name))
        return logs_no_group(c);
    resource = str_absent(stream) ? arena_printf(c->mem, STR_FMT ":*", STR_ARG(logs_group_arn(c, name)))
                                  : logs_stream_arn(c, name, stream);
    r = call_may_own(c, action, resource);
    if (r < 0)
        return r;
    logs_flush(c->state, c->turn);
    return log_group_find(c->turn->store, c->mem, c->account, c->region, name, ret) ? 0 : logs_no_group(c);
}

int logs_stream_of(struct call *c, const struct log_group *g, struct str name, struct log_stream *ret)
{
    return log_stream_find(c->turn->store, c->mem, g->id, name, ret) ? 0 : logs_no_stream(c);
}

/* Bodies of PutLogEvents: 1 MiB of text, which JSON may escape to several times its size. */
#define PUT_BODY_MOST ((size_t)8 << 20)

static const struct handler handlers[] = {
    { "CreateLogGroup", logs_create_group, 0 },
    { "DeleteLogGroup", logs_delete_group, 0 },
    { "DescribeLogGroups", logs_describe_groups, 0 },
    { "PutRetentionPolicy", logs_put_retention, 0 },
    { "DeleteRetentionPolicy", logs_delete_retention, 0 },
    { "CreateLogStream", logs_create_stream, 0 },
    { "DeleteLogStream", logs_delete_stream, 0 },
    { "DescribeLogStreams", logs_describe_streams, 0 },
    { "PutLogEvents", logs_put_events, PUT_BODY_MOST },
    { "GetLogEvents", logs_get_events, 0 },
    { "FilterLogEvents", logs_filter_events, 0 },
    { "TagResource", logs_tag_resource, 0 },
    { "UntagResource", logs_untag_resource, 0 },
    { "ListTagsForResource", logs_list_tags, 0 },
    { "TagLogGroup", logs_tag_group, 0 },
    { "UntagLogGroup", logs_untag_group, 0 },
    { "ListTagsLogGroup", logs_list_group_tags, 0 },
    { "PutResourcePolicy", logs_put_resource_policy, 0 },
    { "DescribeResourcePolicies", logs_describe_resource_policies, 0 },
    { "DeleteResourcePolicy", logs_delete_resource_policy, 0 },
};

/* l may be NULL where only the list of operations is wanted. */
struct service logs_service(struct logs *l)
{
    return (struct service){
        .model = &logs_model, .handlers = handlers, .n_handlers = ARRAY_LEN(handlers), .state = l
    };
}
