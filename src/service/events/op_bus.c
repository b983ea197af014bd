/* op_bus.c - event buses.  The default bus is always there and never goes.
 * Rules: EventBridge API reference, pages CreateEventBus, UpdateEventBus, DeleteEventBus, ListEventBuses. */
#include "service/events/ops.h"

#define PAGE_MOST 100

static int create_check(struct call *c, const struct events_CreateEventBusRequest *in)
{
    if (!str_absent(in->EventSourceName))
        return events_unsupported(c, "EventSourceName");
    if (!str_absent(in->KmsKeyIdentifier))
        return events_unsupported(c, "KmsKeyIdentifier");
    if (in->DeadLetterConfig != NULL &&
        !str_absent(in->DeadLetterConfig->Arn)) /* serves buses with a key of their own */
        return events_unsupported(c, "DeadLetterConfig");
    return 0;
}

/* Bus logging would need somewhere to log to; not to log is what we do. */
static int log_check(struct call *c, const struct events_LogConfig *log)
{
    if (log == NULL || ((str_absent(log->Level) || str_is(log->Level, "OFF")) &&
                        (str_absent(log->IncludeDetail) || str_is(log->IncludeDetail, "NONE"))))
        return 0;
    return events_unsupported(c, "LogConfig");
}

static int room_check(struct call *c, struct str name)
{
    struct events *e = CAST(struct events, EVENTS_MAGIC, c->state);

    if (str_find(name, '/') >= 0) /* UNVERIFIED sentence: such names are partner event buses' */
        return events_invalid(c, "Event bus name must not contain '/'.");
    if (bus_count(e, c->account, c->region) >= EVENTS_BUSES_MOST || e->buses.n >= EVENTS_BUSES_IN_ALL)
        return call_fault(c, &events_error_LimitExceededException,
                          "The requested resource exceeds the maximum number allowed.");
    return 0;
}

int events_create_event_bus(struct call *c, const void *input, void *output)
{
    const struct events_CreateEventBusRequest *in = input;
    struct events_CreateEventBusResponse *out = output;
    struct bus_ref ref;
    struct str tags;
    int r;

    events_bus_ref(c, in->Name, &ref);
    r = call_may_own(c, "events:CreateEventBus", ref.arn);
    if (r == 0)
        r = create_check(c, in);
    if (r == 0)
        r = log_check(c, in->LogConfig);
    if (r == 0 && ref.exists)
        r = call_fault(c, &events_error_ResourceAlreadyExistsException,
                       "Event bus " STR_FMT " already exists.", STR_ARG(in->Name));
    if (r == 0)
        r = room_check(c, in->Name);
    if (r == 0)
        r = events_tags_merge(c, STR("{}"), &in->Tags, &tags);
    if (r < 0)
        return r;
    ref.bus = bus_new(c->state, 0, c->account, c->region, in->Name);
    str_replace(&ref.bus->tags, tags);
    str_replace(&ref.bus->description, in->Description);
    out->EventBusArn = ref.arn;
    out->Description = in->Description;
    return bus_row_put(c->turn, ref.bus);
}

int events_describe_event_bus(struct call *c, const void *input, void *output)
{
    const struct events_DescribeEventBusRequest *in = input;
    struct events_DescribeEventBusResponse *out = output;
    struct bus_ref ref;
    int r = events_bus_enter(c, "events:DescribeEventBus", in->Name, &ref);

    if (r < 0)
        return r;
    out->Name = ref.name;
    out->Arn = ref.arn;
    if (ref.bus == NULL)
        return 0;
    out->Description = arena_str(c->mem, ref.bus->description);
    out->Policy = arena_str(c->mem, ref.bus->policy_text);
    out->CreationTime = TIME_SET(ref.bus->created_ms);
    out->LastModifiedTime = TIME_SET(ref.bus->modified_ms);
    return 0;
}

/* UNVERIFIED: members that are not given stay as they are. */
int events_update_event_bus(struct call *c, const void *input, void *output)
{
    const struct events_UpdateEventBusRequest *in = input;
    struct events_UpdateEventBusResponse *out = output;
    struct bus_ref ref;
    int r = events_bus_enter(c, "events:UpdateEventBus", in->Name, &ref);

    if (r == 0 && !str_empty(in->KmsKeyIdentifier))
        r = events_unsupported(c, "KmsKeyIdentifier");
    if (r == 0 && in->DeadLetterConfig != NULL && !str_absent(in->DeadLetterConfig->Arn))
        r = events_unsupported(c, "DeadLetterConfig");
    if (r == 0)
        r = log_check(c, in->LogConfig);
    if (r == 0)
        r = events_bus_keep(c, &ref);
    if (r < 0)
        return r;
    if (!str_absent(in->Description))
        str_replace(&ref.bus->description, in->Description);
    out->Arn = ref.arn;
    out->Name = ref.name;
    out->Description = arena_str(c->mem, ref.bus->description);
    return bus_row_put(c->turn, ref.bus);
}

int events_delete_event_bus(struct call *c, const void *input, void *output UNUSED)
{
    const struct events_DeleteEventBusRequest *in = input;
    struct bus_ref ref;
    int r;

    events_bus_ref(c, in->Name, &ref);
    r = events_bus_may(c, "events:DeleteEventBus", &ref, ref.arn);
    if (r < 0)
        return r;
    if (str_is(ref.name, "default"))
        return events_invalid(c, "Cannot delete event bus default.");
    if (ref.bus == NULL || ref.elsewhere)
        return 0;
    if (ref.bus->n_rules > 0) /* UNVERIFIED sentence */
        return events_invalid(c, "Event bus " STR_FMT " can't be deleted since it has rules.",
                              STR_ARG(ref.name));
    r = bus_row_drop(c->turn, ref.bus);
    bus_free(ref.bus);
    return r;
}

static void shown(struct call *c, const struct bus *b, struct events_EventBus *ret)
{
    CHECK_IS(b, BUS_MAGIC);
    *ret = (struct events_EventBus){ .Name = arena_str(c->mem, b->name),
                                     .Arn = arena_str(c->mem, b->arn),
                                     .Description = arena_str(c->mem, b->description),
                                     .Policy = arena_str(c->mem, b->policy_text),
                                     .CreationTime = TIME_SET(b->created_ms),
                                     .LastModifiedTime = TIME_SET(b->modified_ms) };
}

/* Sorted by name; the default bus stands in the list also while nothing is kept with it. */
static size_t all_buses(struct call *c, struct events_EventBus **ret)
{
    size_t n, k = 0;
    struct bus **v = bus_list(c->state, c->mem, c->account, c->region, &n);
    struct bus_ref bare;

    *ret = arena_calloc(c->mem, n + 1, sizeof(**ret));
    events_bus_ref(c, STR_NONE, &bare);
    for (size_t i = 0; i <= n; i++) {
        if (bare.bus == NULL && k == i && (i == n || str_cmp(bare.name, v[i]->name) < 0))
            (*ret)[k++] = (struct events_EventBus){ .Name = bare.name, .Arn = bare.arn };
        if (i < n)
            shown(c, v[i], &(*ret)[k++]);
    }
    CHECK(k == n || k == n + 1);
    return k;
}

int events_list_event_buses(struct call *c, const void *input, void *output)
{
    const struct events_ListEventBusesRequest *in = input;
    struct events_ListEventBusesResponse *out = output;
    size_t limit = in->Limit.set ? (size_t)in->Limit.v : PAGE_MOST, n, k = 0;
    struct events_EventBus *v;
    struct str after;
    int r = call_may_own(c, "events:ListEventBuses", STR("*"));

    if (r == 0)
        r = events_page_after(c, in->NextToken, &after);
    if (r < 0)
        return r;
    n = all_buses(c, &v);
    for (size_t i = 0; i < n; i++) {
        if ((!str_absent(after) && str_cmp(v[i].Name, after) <= 0) ||
            (!str_absent(in->NamePrefix) && !str_starts(v[i].Name, in->NamePrefix)))
            continue;
        if (k == limit) {
            out->NextToken = events_page_token(c, v[k - 1].Name);
            break;
        }
        v[k++] = v[i];
    }
    out->EventBuses = (struct events_EventBusList){ true, k, v };
    return 0;
}
