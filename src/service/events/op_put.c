/* op_put.c - PutEvents and TestEventPattern.
 * Rules: EventBridge API reference, pages PutEvents and TestEventPattern; user guide, "Calculating event
 * entry size". */
#include "service/events/ops.h"

#include "base/id.h"
#include "service/events/publish.h"

#define TIME_BYTES 14

/* ---- the request as a whole ---- */

static size_t entries_bytes(const struct events_PutEventsRequestEntryList *v)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n; i++) {
        const struct events_PutEventsRequestEntry *e = &v->v[i];

        n += (e->Time.set ? TIME_BYTES : 0) + e->Source.n + e->DetailType.n + e->Detail.n;
        for (size_t k = 0; k < e->Resources.n; k++)
            n += e->Resources.v[k].n;
    }
    return n;
}

static int buses_of(struct call *c, const struct events_PutEventsRequestEntryList *v, struct bus_ref *refs)
{
    for (size_t i = 0; i < v->n; i++) {
        events_bus_ref(c, v->v[i].EventBusName, &refs[i]);
        if (events_bus_may(c, "events:PutEvents", &refs[i], refs[i].arn) < 0)
            return -E_FAULT;
    }
    return 0;
}

/* ---- one entry ---- */

static bool refused(struct events_PutEventsResultEntry *ret, struct str code, struct str message)
{
    CHECK(str_absent(ret->EventId) && str_absent(ret->ErrorCode));
    ret->ErrorCode = code;
    ret->ErrorMessage = message;
    return true;
}

/* UNVERIFIED: an empty text counts as none. */
static bool lacks(struct call *c, struct str value, const char *name, struct events_PutEventsResultEntry *ret)
{
    if (!str_empty(value))
        return false;
    return refused(ret, STR("InvalidArgument"),
                   arena_printf(c->mem, "Parameter %s is not valid. Reason: %s is a required argument.", name,
                                name));
}

static bool entry_refused(struct call *c, const struct events_PutEventsRequestEntry *in,
                          struct events_PutEventsResultEntry *ret)
{
    struct json *doc;

    if (lacks(c, in->Source, "Source", ret) || lacks(c, in->DetailType, "DetailType", ret) ||
        lacks(c, in->Detail, "Detail", ret))
        return true;
    if (str_starts(in->Source, STR("aws.")))
        return refused(ret, STR("NotAuthorizedForSourceException"), STR("Not authorized for the source."));
    if (json_parse(c->mem, in->Detail, &doc, NULL) < 0 || doc->type != JSON_OBJECT)
        return refused(ret, STR("MalformedDetail"), STR("Detail is malformed."));
    return false;
}

/* An event for a bus that is not there gets its id and is lost, as on AWS.  -E_INVALID: detail is nested so
 * deeply that with the envelope around it nobody could read it.  Others: there was no room for it. */
static int take(struct call *c, const struct bus_ref *ref, const struct events_PutEventsRequestEntry *in,
                struct str id)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    struct event ev = { .trace_header = in->TraceHeader, .ingested_ms = c->now.wall_ms };

    event_write(&text, &(struct event_facts){ .id = id,
                                              .detail_type = in->DetailType,
                                              .source = in->Source,
                                              .account = c->account,
                                              .region = c->region,
                                              .detail = in->Detail,
                                              .time_ms = in->Time.set ? in->Time.ms : c->now.wall_ms,
                                              .resources = in->Resources.v,
                                              .n_resources = in->Resources.n });
    if (event_parse(c->mem, buf_view(&text), &ev) < 0)
        return -E_INVALID;
    if (ref->bus != NULL && ref->bus->n_rules > 0)
        return bus_take(c->state, c->turn, ref->bus, &ev);
    return 0;
}

static bool entry_fails(struct call *c, const struct bus_ref *ref,
                        const struct events_PutEventsRequestEntry *in,
                        struct events_PutEventsResultEntry *ret)
{
    struct str id = uuid_str(c->mem);
    int r;

    if (entry_refused(c, in, ret))
        return true;
    r = take(c, ref, in, id);
    if (r == -E_INVALID)
        return refused(ret, STR("MalformedDetail"), STR("Detail is malformed."));
    if (r < 0)
        return refused(ret, STR("InternalFailure"), STR("This server holds no more undelivered events."));
    ret->EventId = id;
    return false;
}

int events_put_events(struct call *c, const void *input, void *output)
{
    const struct events_PutEventsRequest *in = input;
    struct events_PutEventsResponse *out = output;
    struct bus_ref *refs = arena_calloc(c->mem, in->Entries.n, sizeof(*refs));
    size_t failed = 0;
    int r;

    if (!str_absent(in->EndpointId))
        return events_unsupported(c, "EndpointId");
    r = buses_of(c, &in->Entries, refs);
    if (r < 0)
        return r;
    if (entries_bytes(&in->Entries) > EVENTS_ENTRY_BYTES)
        return events_invalid(c, "Total size of the entries in the request is over the limit.");
    out->Entries = (struct events_PutEventsResultEntryList){
        true, in->Entries.n, arena_calloc(c->mem, in->Entries.n, sizeof(*out->Entries.v))
    };
    for (size_t i = 0; i < in->Entries.n; i++)
        failed += entry_fails(c, &refs[i], &in->Entries.v[i], &out->Entries.v[i]);
    CHECK(failed <= in->Entries.n);
    out->FailedEntryCount = INT_SET((int64_t)failed);
    return 0;
}

/* ---- TestEventPattern ---- */

static bool is_event(const struct json *doc)
{
    static const char *const needed[] = { "id",     "account",   "source",     "time",
                                          "region", "resources", "detail-type" };

    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (json_get(doc, str_of(needed[i])) == NULL)
            return false;
    return true;
}

/* A pattern and an event, matched on the pool when that takes long. */
struct trial {
    uint32_t magic;
#define TRIAL_MAGIC 0x74726961u
    struct call *c;
    void *output;
    struct pattern *pattern;
    struct json *doc;
    bool matches, stopped;
};

static int trial_answer(struct trial *x)
{
    struct events_TestEventPatternResponse *out = x->output;

    pattern_free(x->pattern);
    if (x->stopped)
        return call_fault(x->c, &error_internal, "The server is stopping.");
    out->Result = BOOL_SET(x->matches);
    return 0;
}

static void trial_run(void *arg)
{
    struct trial *x = CAST(struct trial, TRIAL_MAGIC, arg);
    const struct events *e = CAST(struct events, EVENTS_MAGIC, x->c->state);
    uint64_t left = UINT64_MAX;

    pattern_ready(x->c->mem, x->doc);
    x->matches = pattern_match_unless(x->pattern, x->doc, &left, &e->sift.stop);
    x->stopped = left == 0;
}

static void trial_done(void *arg, struct turn *t)
{
    struct trial *x = CAST(struct trial, TRIAL_MAGIC, arg);

    x->c->turn = t;
    x->c->now = t->now;
    call_reply(x->c, trial_answer(x));
}

static int trial_begin(struct call *c, void *output, struct pattern *p, struct json *doc)
{
    struct trial *x = ARENA_NEW(c->mem, struct trial);
    uint64_t left = PATTERN_TURN_STEPS;

    *x = (struct trial){ TRIAL_MAGIC, c, output, p, doc, pattern_match_within(p, doc, &left), false };
    if (left > 0)
        return trial_answer(x);
    c->turn->ops->work(c->turn->engine, trial_run, trial_done, x);
    return -E_WAIT;
}

int events_test_event_pattern(struct call *c, const void *input, void *output)
{
    const struct events_TestEventPatternRequest *in = input;
    CLEANUP(buf_done) struct buf why = { 0 };
    struct pattern *p = NULL;
    struct json *doc;
    int r = call_may_own(c, "events:TestEventPattern", STR("*"));

    if (r < 0)
        return r;
    if (json_parse(c->mem, in->Event, &doc, NULL) < 0 || doc->type != JSON_OBJECT || !is_event(doc))
        return events_invalid(c, "Parameter Event is not valid.");
    if (pattern_compile(PATTERN_EVENTS, in->EventPattern, &p, &why) < 0)
        return call_fault(c, &events_error_InvalidEventPatternException,
                          "Event pattern is not valid. Reason: " STR_FMT, STR_ARG(buf_view(&why)));
    return trial_begin(c, output, p, doc);
}
