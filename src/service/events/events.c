/* events.c - the service as the program sees it: its operations, its life, and its door for what others hand
 * over: the records of Lambda destinations, notifications of S3, and events that one bus sends to another.
 *
 * True here: memory is the store's, read anew whenever a turn has failed; n_rules counts the rules of all
 * buses. */
#include "service/events/events.h"

#include <stdlib.h>
#include "base/arn.h"
#include "base/id.h"
#include "service/events/ops.h"
#include "service/events/publish.h"
#include "service/events/sift.h"
#include "service/events/tick.h"

/* Detail of 1 MiB is a JSON text inside a JSON text. */
#define PUT_BODY_MOST ((size_t)8 << 20)
/* What an entry holds besides detail, ARN of the bus and detail-type: source and the sender's ARN. */
#define ENTRY_REST_BYTES 320

static const struct handler handlers[] = {
    { "CreateEventBus", events_create_event_bus, 0 },
    { "DeleteEventBus", events_delete_event_bus, 0 },
    { "DeleteRule", events_delete_rule, 0 },
    { "DescribeEventBus", events_describe_event_bus, 0 },
    { "DescribeRule", events_describe_rule, 0 },
    { "DisableRule", events_disable_rule, 0 },
    { "EnableRule", events_enable_rule, 0 },
    { "ListEventBuses", events_list_event_buses, 0 },
    { "ListRuleNamesByTarget", events_list_rule_names_by_target, 0 },
    { "ListRules", events_list_rules, 0 },
    { "ListTagsForResource", events_list_tags_for_resource, 0 },
    { "ListTargetsByRule", events_list_targets_by_rule, 0 },
    { "PutEvents", events_put_events, PUT_BODY_MOST },
    { "PutPermission", events_put_permission, 0 },
    { "PutRule", events_put_rule, 0 },
    { "PutTargets", events_put_targets, 0 },
    { "RemovePermission", events_remove_permission, 0 },
    { "RemoveTargets", events_remove_targets, 0 },
    { "TagResource", events_tag_resource, 0 },
    { "TestEventPattern", events_test_event_pattern, PUT_BODY_MOST },
    { "UntagResource", events_untag_resource, 0 },
    { "UpdateEventBus", events_update_event_bus, 0 },
};

/* ---- life ---- */

struct events *events_new(const struct events_options *o)
{
    struct events *e = xcalloc(1, sizeof(*e));
    struct outbox_kind kinds[] = { publish_outbox_kind(e), sift_outbox_kind(e) };

    e->magic = EVENTS_MAGIC;
    e->o = *o;
    elsewhere_init(&e->sift, o->outbox);
    for (size_t i = 0; o->outbox != NULL && i < ARRAY_LEN(kinds); i++)
        outbox_register(o->outbox, &kinds[i]);
    return e;
}

static struct bus *any_bus(const struct events *e)
{
    struct str key;
    void *value = NULL;
    size_t at = 0;

    return map_next(&e->buses, &at, &key, &value) ? value : NULL;
}

static void forget(struct events *e)
{
    CHECK_IS(e, EVENTS_MAGIC);
    for (struct bus *b; (b = any_bus(e)) != NULL;)
        bus_free(b);
    CHECK(e->n_rules == 0 && e->buses.n == 0);
}

struct events *events_free(struct events *e)
{
    if (e == NULL)
        return NULL;
    CHECK_IS(e, EVENTS_MAGIC);
    tick_forget_all(e); /* nobody looks at timers any more */
    forget(e);
    elsewhere_done(&e->sift);
    map_done(&e->buses);
    e->magic = 0;
    free(e);
    return NULL;
}

void events_stop(struct events *e)
{
    CHECK_IS(e, EVENTS_MAGIC);
    elsewhere_stop(&e->sift);
}

void events_reset(struct events *e, struct turn *t)
{
    CHECK_IS(e, EVENTS_MAGIC);
    tick_stop_all(e, t);
    elsewhere_forget(&e->sift);
    forget(e);
}

void events_load(struct events *e, struct turn *t)
{
    events_reset(e, t);
    events_rows_load(e, t);
    tick_arm_all(e, t);
}

/* e may be NULL where only the list of operations is wanted. */
struct service events_service(struct events *e)
{
    return (struct service){
        .model = &events_model, .handlers = handlers, .n_handlers = ARRAY_LEN(handlers), .state = e
    };
}

/* ---- the sink ---- */

static bool is_bus(const struct arn *arn, struct str *ret_name)
{
    static const struct str head = { "event-bus/", 10 };

    if (!str_starts(arn->resource, head) || arn->resource.n == head.n)
        return false;
    *ret_name = str_sub(arn->resource, head.n, arn->resource.n);
    return true;
}

/* The default bus is there before anybody made anything of it. */
static void sink_find(struct door *d)
{
    size_t rest = d->what.arn.n + ENTRY_REST_BYTES;
    const struct bus *b;
    struct str name;

    d->most_bytes = EVENTS_ENTRY_BYTES - MIN(rest, (size_t)4096);
    d->state = SINK_WRONG_KIND;
    if (!is_bus(&d->arn, &name))
        return;
    d->object = bus_find(d->sink->arg, d->arn.account, d->arn.region, name);
    d->state = d->object != NULL || str_is(name, "default") ? SINK_OK : SINK_MISSING;
    b = d->object;
    d->what.policy = b != NULL ? b->policy : NULL;
}

/* The header without the count of executions: EventBridge takes no part in recursive loop detection (AWS
 * Lambda developer guide, "Use Lambda recursive loop detection"). */
static struct str trace_of(struct arena *mem, struct str header)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct str rest = header, part;

    if (str_absent(header))
        return header;
    while (str_cut(&rest, ';', &part))
        if (!str_starts(part, STR("Lineage=")))
            buf_printf(&b, "%s" STR_FMT, b.n > 0 ? ";" : "", STR_ARG(part));
    return buf_to_arena(&b, mem);
}

/* The event of a parcel that is none yet: its body is the detail. -E_INVALID: which is no object. */
static int event_of(struct arena *mem, const struct door *d, const struct parcel *p, struct str id,
                    struct buf *text)
{
    struct str source = str_of(p->event_source != NULL ? p->event_source : "lambda");
    bool lambda = str_is(source, "lambda");
    struct str resources[] = { d->what.arn, p->from.arn };
    struct arn sender = { 0 };
    struct json *detail;

    if (json_parse(mem, p->body, &detail, NULL) < 0 || detail->type != JSON_OBJECT)
        return -E_INVALID;
    if (arn_parse(p->from.arn, &sender) < 0 || str_empty(sender.account))
        sender = d->arn;
    event_write(text, &(struct event_facts){ .id = id,
                                             .detail_type = str_of(p->detail_type),
                                             .source = source,
                                             .account = sender.account,
                                             .region = sender.region,
                                             .time_ms = d->turn->now.wall_ms,
                                             .detail = p->body,
                                             .resources = lambda ? resources : resources + 1,
                                             .n_resources = lambda ? 2 : 1 });
    return 0;
}

static enum delivery sink_deliver(const struct door *d, const struct parcel *p, struct buf *why)
{
    CLEANUP(arena_freep) struct arena *mem = arena_new(0);
    CLEANUP(buf_done) struct buf text = { 0 };
    struct event ev = { .ingested_ms = d->turn->now.wall_ms,
                        .forwarded = !str_absent(p->event),
                        .trace_header = trace_of(mem, p->trace_header) };
    struct str id = uuid_str(mem);

    if (d->state != SINK_OK) {
        buf_printf(why, "Event bus " STR_FMT " does not exist.", STR_ARG(d->what.arn));
        return DELIVERY_NO_RESOURCE;
    }
    if (ev.forwarded)
        buf_str(&text, p->event);
    else if (event_of(mem, d, p, id, &text) < 0) {
        buf_z(why, "Detail is malformed.");
        return DELIVERY_REFUSED;
    }
    if (event_parse(mem, buf_view(&text), &ev) < 0) {
        buf_z(why, "The event is malformed.");
        return DELIVERY_REFUSED;
    }
    if (ev.forwarded)
        id = json_get_text(mem, ev.doc, STR("id"));
    if (d->object != NULL && bus_take(CAST(struct events, EVENTS_MAGIC, d->sink->arg), d->turn,
                                      CAST(struct bus, BUS_MAGIC, d->object), &ev) < 0) {
        buf_z(why, "This server holds no more undelivered events.");
        return DELIVERY_FAILED;
    }
    buf_str(why, id);
    return DELIVERED;
}

struct sink events_sink(struct events *e)
{
    return (struct sink){ .service = "events",
                          .action = "events:PutEvents",
                          .action_name = "PutEvents",
                          .max_body_bytes = EVENTS_ENTRY_BYTES,
                          .find = sink_find,
                          .deliver = sink_deliver,
                          .onward = events_onward,
                          .arg = e };
}
