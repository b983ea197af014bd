/* publish.c - events to rules, rules to targets, and what is done when a target does not take one.
 * True here: nobody changes buses or rules while an event travels, so what was matched stays valid for the
 * turn. */
#include "service/events/publish.h"

#include <stdlib.h>
#include "base/arn.h"
#include "base/crypt.h"
#include "base/id.h"
#include "metric/metric.h"
#include "service/events/sift.h"

#define KIND "events"
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MOST_MS 480000 /* UNVERIFIED: AWS says 185 retries within 24 hours, not how far apart */

/* ---- the envelope ---- */

void event_write(struct buf *b, const struct event_facts *f)
{
    CLEANUP(buf_done) struct buf time = { 0 };
    struct json_writer w;

    CHECK(!str_absent(f->id) && !str_absent(f->source) && !str_absent(f->detail));
    CHECK(f->n_resources == 0 || f->resources != NULL);
    when_iso_s(&time, f->time_ms);
    jw_init(&w, b);
    jw_object(&w);
    jw_kstr(&w, "version", STR("0"));
    jw_kstr(&w, "id", f->id);
    jw_kstr(&w, "detail-type", f->detail_type);
    jw_kstr(&w, "source", f->source);
    jw_kstr(&w, "account", f->account);
    jw_kstr(&w, "time", buf_view(&time));
    jw_kstr(&w, "region", f->region);
    jw_key(&w, STR("resources"));
    jw_array(&w);
    for (size_t i = 0; i < f->n_resources; i++)
        jw_str(&w, f->resources[i]);
    jw_array_end(&w);
    jw_key(&w, STR("detail"));
    buf_clear(&time);
    json_compact(&time, f->detail);
    jw_raw(&w, buf_view(&time));
    jw_object_end(&w);
}

int event_parse(struct arena *mem, struct str text, struct event *ret)
{
    struct json *doc;

    if (json_parse(mem, text, &doc, NULL) < 0 || doc->type != JSON_OBJECT)
        return -E_INVALID;
    ret->text = text;
    ret->doc = doc;
    return 0;
}

/* ---- counting ---- */

/* Rules of the default bus have one dimension, the others two (UNVERIFIED which of AWS's series exist
 * besides). */
static void count(struct turn *t, const struct rule *r, const char *name)
{
    bool is_default = str_is(r->bus->name, "default");
    struct metric_dimension d[] = { { STR("RuleName"), r->name }, { STR("EventBusName"), r->bus->name } };
    struct metric_place p = { .account = r->bus->account,
                              .region = r->bus->region,
                              .space = STR("AWS/Events"),
                              .dimensions = d,
                              .n_dimensions = is_default ? 1 : 2 };

    CHECK_IS(r, RULE_MAGIC);
    metric_add(t, &p, name, 1, "Count", t->now.wall_ms);
}

/* ---- one delivery ---- */

/* One event for one target of one rule. */
struct errand {
    struct events *e;
    struct turn *t;
    const struct rule *rule;
    const struct target *target;
    const struct event *ev;
};

/* The body for this target; -E_INVALID: it does not render. */
static int render(const struct errand *x, struct buf *body)
{
    const struct target *g = x->target;
    struct transform_facts facts = { .rule_arn = x->rule->arn,
                                     .rule_name = x->rule->name,
                                     .ingestion_ms = x->ev->ingested_ms };

    if (!str_absent(g->input))
        buf_str(body, g->input);
    else if (g->path != NULL)
        input_path_render(g->path, x->ev->doc, body);
    else if (g->transform != NULL)
        return transform_render(g->transform, x->ev->doc, &facts, body);
    else
        buf_str(body, x->ev->text);
    return 0;
}

/* As a role.  A target of another account must allow it, too. */
static enum delivery as_role(const struct errand *x, const struct door *d, struct str role_arn,
                             const struct parcel *p, struct buf *why)
{
    enum role_verdict may;

    if (d->sink != NULL && d->state == SINK_MISSING) {
        buf_z(why, "the target does not exist");
        return DELIVERY_NO_RESOURCE;
    }
    may = door_role_may(d, &(struct role_asks){ .role_arn = role_arn }, why);
    if (may == ROLE_DENIED || (may == ROLE_UNKNOWN && x->e->o.strict_permissions))
        return DELIVERY_NO_PERMISSION;
    buf_clear(why);
    return door_deliver(d, p, why);
}

static enum delivery to_bus(const struct errand *x, const struct door *d, const struct parcel *p,
                            struct buf *why)
{
    CHECK_IS(x->rule, RULE_MAGIC);
    if (x->ev->forwarded) {
        buf_z(why, "An event that came from another event bus is not sent to a third one.");
        return DELIVERY_REFUSED;
    }
    if (d->state != SINK_OK) {
        buf_printf(why, "Event bus " STR_FMT " does not exist.", STR_ARG(d->what.arn));
        return DELIVERY_NO_RESOURCE;
    }
    return as_role(x, d, str_absent(x->target->role_arn) ? x->rule->role_arn : x->target->role_arn, p, why);
}

struct sender rule_sender(const struct rule *r)
{
    return (struct sender){ "events.amazonaws.com", r->arn, r->bus->account, .no_owner = true };
}

struct str publish_arn(const struct target *g, int64_t now_ms, struct buf *b)
{
    struct str arn = g->arn;
    struct digest d;

    CHECK(b->n == 0);
    if (g->kind != TARGET_LOGS)
        return arn;
    if (str_ends(arn, STR(":*")))
        arn.n -= 2;
    buf_printf(b, STR_FMT "/%lld", STR_ARG(arn), (long long)(now_ms / 86400000));
    d = md5_of(buf_view(b));
    buf_clear(b);
    buf_printf(b, STR_FMT ":log-stream:", STR_ARG(arn));
    for (size_t i = 0; i < d.n; i++)
        buf_printf(b, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", d.b[i]);
    return buf_view(b);
}

/* A target with a role is reached as that role.  AWS says so of targets in other accounts, and of the own
 * account's only that with a role delivery may fail (EventBridge user guide, "Sending events to an AWS
 * service in another account" and "Using resource-based policies"): UNVERIFIED for these. */
static enum delivery hand_over(const struct errand *x, struct str body, struct buf *why)
{
    CLEANUP(buf_done) struct buf stream = { 0 };
    const struct target *g = x->target;
    struct parcel p = { .from = rule_sender(x->rule),
                        .body = body,
                        .group_id = g->group_id,
                        .trace_header = x->ev->trace_header,
                        .sender_id = x->rule->bus->account };
    struct door d = door_find(x->e->o.sinks, x->t, publish_arn(g, x->t->now.wall_ms, &stream));

    if (g->kind == TARGET_BUS) {
        p.event = x->ev->text;
        return to_bus(x, &d, &p, why);
    }
    return str_absent(g->role_arn) ? door_as_service(&d, &p, why) : as_role(x, &d, g->role_arn, &p, why);
}

/* ---- the dead-letter queue ---- */

struct failure {
    enum delivery kind;
    struct str why;
    const char *exhausted; /* which limit ended the retries; NULL: there were none to make */
    unsigned retries;
};

static const char *error_code(enum delivery kind)
{
    switch (kind) {
    case DELIVERY_NO_PERMISSION: return "NO_PERMISSIONS";
    case DELIVERY_NO_RESOURCE: return "NO_RESOURCE";
    case DELIVERY_REFUSED: return "SDK_CLIENT_ERROR";
    case DELIVERY_FAILED:
    case DELIVERED: break;
    }
    return "INTERNAL_ERROR"; /* UNVERIFIED */
}

static void add(struct parcel *p, const char *name, struct str value)
{
    CHECK(p->n_attributes < ARRAY_LEN(p->attributes));
    p->attributes[p->n_attributes++] = (struct parcel_attribute){ str_of(name), STR("String"), value };
}

/* The event as it came to the rule, before any transformation.  UNVERIFIED: the type of RETRY_ATTEMPTS. */
static void dead_letter(const struct errand *x, const struct failure *f)
{
    CLEANUP(buf_done) struct buf retries = { 0 }, why = { 0 };
    struct parcel p = { .from = rule_sender(x->rule),
                        .body = x->ev->text,
                        .trace_header = x->ev->trace_header,
                        .sender_id = x->rule->bus->account };
    enum delivery result;
    struct door d;

    CHECK(f->kind != DELIVERED);
    count(x->t, x->rule, "FailedInvocations");
    if (str_absent(x->target->dead_letter_arn))
        return;
    buf_printf(&retries, "%u", f->retries);
    add(&p, "RULE_ARN", x->rule->arn);
    add(&p, "TARGET_ARN", x->target->arn);
    add(&p, "ERROR_CODE", str_of(error_code(f->kind)));
    add(&p, "ERROR_MESSAGE", str_empty(f->why) ? STR("The target did not take the event.") : f->why);
    if (f->exhausted != NULL)
        add(&p, "EXHAUSTED_RETRY_CONDITION", str_of(f->exhausted));
    add(&p, "RETRY_ATTEMPTS", buf_view(&retries));
    d = door_find(x->e->o.sinks, x->t, x->target->dead_letter_arn);
    result = door_as_service(&d, &p, &why);
    count(x->t, x->rule, result == DELIVERED ? "InvocationsSentToDlq" : "InvocationsFailedToBeSentToDlq");
}

/* ---- again, later ---- */

int64_t publish_backoff_ms(unsigned made, uint64_t random)
{
    int64_t whole =
        made >= 10 ? BACKOFF_MOST_MS
                   : MIN((int64_t)BACKOFF_FIRST_MS << (made > 0 ? made - 1 : 0), (int64_t)BACKOFF_MOST_MS);

    return whole / 2 + (int64_t)(random % (uint64_t)(whole / 2 + 1));
}

static int64_t deadline_ms(const struct errand *x) { return x->ev->ingested_ms + x->target->age_s * 1000; }

/* made: attempts made so far.  True: there will be another one at *ret_due_ms. */
static bool again_at(const struct errand *x, unsigned made, struct failure *f, int64_t *ret_due_ms)
{
    CHECK(f->kind == DELIVERY_FAILED && f->exhausted == NULL);
    f->retries = made > 0 ? made - 1 : 0;
    if (f->retries >= (uint64_t)x->target->retries)
        f->exhausted = "MaximumRetryAttempts";
    else if (x->t->now.wall_ms >= deadline_ms(x))
        f->exhausted = "MaximumEventAgeInSeconds";
    *ret_due_ms = MIN(x->t->now.wall_ms + publish_backoff_ms(made, random_u64()), deadline_ms(x));
    return f->exhausted == NULL;
}

void event_park(struct json_writer *w, const struct bus *b, const struct event *ev)
{
    CHECK_IS(b, BUS_MAGIC);
    CHECK(!str_absent(ev->text));
    jw_kstr(w, "account", b->account);
    jw_kstr(w, "region", b->region);
    jw_kstr(w, "bus", b->name);
    jw_kstr(w, "trace", ev->trace_header);
    jw_ki64(w, "ingested", ev->ingested_ms);
    jw_kbool(w, "forwarded", ev->forwarded);
    jw_kstr(w, "event", ev->text); /* as a text: one level deeper it might not be readable */
}

static void put_off(const struct errand *x, unsigned made, int64_t due_ms, const struct failure *f)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;

    CHECK(due_ms >= x->t->now.wall_ms);
    CHECK(rule_target_at(x->rule, x->target->id) < x->rule->n_targets);
    jw_init(&w, &b);
    jw_object(&w);
    jw_kstr(&w, "rule", x->rule->name);
    jw_kstr(&w, "target", x->target->id);
    jw_ki64(&w, "made", made);
    event_park(&w, x->rule->bus, x->ev);
    jw_object_end(&w);
    if (outbox_put(x->e->o.outbox, x->t, KIND, buf_view(&b), due_ms, NULL) < 0)
        dead_letter(x, f);
}

/* One attempt.  True: the errand is over, one way or the other; false: it may be tried again, *ret says why.
 */
static bool attempt(const struct errand *x, struct failure *ret, struct buf *why)
{
    CLEANUP(buf_done) struct buf body = { 0 };

    CHECK(why->n == 0);
    *ret = (struct failure){ .kind = DELIVERED };
    if (render(x, &body) < 0) {
        count(x->t, x->rule, "FailedInvocations");
        return true;
    }
    ret->kind = hand_over(x, buf_view(&body), why);
    ret->why = buf_view(why);
    return ret->kind != DELIVERY_FAILED;
}

static void run(const struct errand *x)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct failure f;
    int64_t due_ms;

    CHECK_IS(x->e, EVENTS_MAGIC);
    count(x->t, x->rule, "Invocations");
    if (attempt(x, &f, &why)) {
        if (f.kind != DELIVERED)
            dead_letter(x, &f);
        return;
    }
    if (again_at(x, 1, &f, &due_ms))
        put_off(x, 1, due_ms, &f);
    else
        dead_letter(x, &f);
}

/* ---- what comes back from the outbox ---- */

static int damaged(struct turn *t, const struct outbox_item *item)
{
    store_damaged(t->store, "outbox", (int64_t)item->id, "its payload is no event of a bus");
    return -E_DAMAGED;
}

int event_unpark(struct turn *t, struct arena *a, const struct outbox_item *item, struct parked_event *ret)
{
    const struct json *forwarded, *ingested;
    struct json *doc;

    if (json_parse(a, item->payload, &doc, NULL) != 0)
        return damaged(t, item);
    forwarded = json_get(doc, STR("forwarded"));
    ingested = json_get(doc, STR("ingested"));
    *ret = (struct parked_event){ .doc = doc,
                                  .account = json_get_text(a, doc, STR("account")),
                                  .region = json_get_text(a, doc, STR("region")),
                                  .bus = json_get_text(a, doc, STR("bus")),
                                  .ev = { .trace_header = json_get_text(a, doc, STR("trace")),
                                          .forwarded = forwarded != NULL && forwarded->type == JSON_TRUE } };
    if (forwarded == NULL || ingested == NULL || json_i64(ingested, &ret->ev.ingested_ms) != 0 ||
        json_get(doc, STR("event")) == NULL ||
        event_parse(a, json_get_text(a, doc, STR("event")), &ret->ev) != 0)
        return damaged(t, item);
    return 0;
}

struct parked {
    struct errand x;
    struct parked_event p;
    unsigned made;
};

/* -E_NOT_FOUND: rule or target went meanwhile; -E_DAMAGED: this turn has failed. */
static int unpark(struct events *e, struct turn *t, struct arena *a, const struct outbox_item *item,
                  struct parked *ret)
{
    const struct json *tried;
    const struct bus *b;
    int64_t made = 0;
    size_t at;
    int r;

    *ret = (struct parked){ .x = { .e = e, .t = t } };
    r = event_unpark(t, a, item, &ret->p);
    if (r < 0)
        return r;
    tried = json_get(ret->p.doc, STR("made"));
    if (tried == NULL || json_i64(tried, &made) != 0)
        return damaged(t, item);
    ret->made = (unsigned)made + item->attempts;
    ret->x.ev = &ret->p.ev;
    b = bus_find(e, ret->p.account, ret->p.region, ret->p.bus);
    ret->x.rule = b != NULL ? rule_find(b, json_get_text(a, ret->p.doc, STR("rule"))) : NULL;
    if (ret->x.rule == NULL)
        return -E_NOT_FOUND;
    at = rule_target_at(ret->x.rule, json_get_text(a, ret->p.doc, STR("target")));
    if (at == ret->x.rule->n_targets)
        return -E_NOT_FOUND;
    CHECK(at < ret->x.rule->n_targets);
    ret->x.target = ret->x.rule->targets[at];
    return 0;
}

static void due(void *arg, struct turn *t, const struct outbox_item *item)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf why = { 0 };
    struct events *e = CAST(struct events, EVENTS_MAGIC, arg);
    struct failure f = { .kind = DELIVERY_FAILED, .why = STR("The event was too old to be delivered.") };
    struct parked p;
    int64_t due_ms;

    switch (unpark(e, t, a, item, &p)) {
    case 0: break;
    case -E_NOT_FOUND: outbox_over(e->o.outbox, t, item->id); return;
    default: return;
    }
    if (p.made > 0 && t->now.wall_ms >= deadline_ms(&p.x)) {
        (void)again_at(&p.x, p.made, &f, &due_ms);
        dead_letter(&p.x, &f);
        outbox_over(e->o.outbox, t, item->id);
        return;
    }
    count(t, p.x.rule, p.made > 0 ? "RetryInvocationAttempts" : "Invocations");
    if (!attempt(&p.x, &f, &why) && again_at(&p.x, p.made + 1, &f, &due_ms)) {
        outbox_again(e->o.outbox, t, item->id, due_ms, STR_NONE);
        return;
    }
    f.retries = p.made;
    if (f.kind != DELIVERED)
        dead_letter(&p.x, &f);
    outbox_over(e->o.outbox, t, item->id);
}

struct outbox_kind publish_outbox_kind(struct events *e)
{
    return (struct outbox_kind){ .name = KIND, .due = due, .arg = e };
}

/* ---- rules ---- */

static bool too_many(struct events *e, const struct turn *t)
{
    if (e->turn_ns != t->now.mono_ns) {
        e->turn_ns = t->now.mono_ns;
        e->delivered = 0;
    }
    return e->delivered++ >= PUBLISH_PER_TURN;
}

void rule_take(struct events *e, struct turn *t, const struct rule *r, const struct event *ev)
{
    CHECK_IS(e, EVENTS_MAGIC);
    CHECK_IS(r, RULE_MAGIC);
    CHECK(r->bus->owner == e && r->n_targets <= EVENTS_TARGETS_MOST);
    count(t, r, "TriggeredRules");
    for (size_t i = 0; i < r->n_targets; i++) {
        struct errand x = { .e = e, .t = t, .rule = r, .target = r->targets[i], .ev = ev };

        if (too_many(e, t))
            put_off(&x, 0, t->now.wall_ms,
                    &(struct failure){ .kind = DELIVERY_FAILED,
                                       .why = STR("This server holds no more undelivered events.") });
        else
            run(&x);
    }
}

void rule_matched(struct events *e, struct turn *t, const struct rule *r, const struct event *ev)
{
    CHECK_IS(r, RULE_MAGIC);
    CHECK(r->enabled && r->pattern != NULL);
    count(t, r, "MatchedEvents");
    rule_take(e, t, r, ev);
}

int bus_take(struct events *e, struct turn *t, const struct bus *b, const struct event *ev)
{
    CHECK_IS(e, EVENTS_MAGIC);
    CHECK_IS(b, BUS_MAGIC);
    CHECK(b->owner == e && ev->doc != NULL && !str_absent(ev->text));
    return sift_now(e, t, b, ev) ? 0 : sift_later(e, t, b, ev);
}
