/* notify.c - rules in memory and the messages they send.
 *
 * True here: a notification owns one arena, in which all its rules and their texts lie; one that would do
 * nothing is none. */
#include "service/s3/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/json.h"

static const char *const kind_names[] = {
    [RULE_TOPIC] = "topic", [RULE_QUEUE] = "queue", [RULE_FUNCTION] = "function"
};

/* ---- kept ---- */

struct notification *notification_free(struct notification *n)
{
    if (n == NULL)
        return NULL;
    arena_free(n->mem);
    free(n);
    return NULL;
}

void notification_text(struct buf *b, const struct notification *n)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    if (n->event_bridge)
        jw_kbool(&w, "event_bridge", true);
    jw_key(&w, STR("rules"));
    jw_array(&w);
    for (size_t i = 0; i < n->n; i++) {
        CHECK(n->v[i].kind <= RULE_FUNCTION && n->v[i].n_events > 0);
        jw_object(&w);
        jw_kstr(&w, "kind", str_of(kind_names[n->v[i].kind]));
        jw_kstr(&w, "id", n->v[i].id);
        jw_kstr(&w, "arn", n->v[i].arn);
        jw_kstr(&w, "prefix", n->v[i].prefix);
        jw_kstr(&w, "suffix", n->v[i].suffix);
        jw_key(&w, STR("events"));
        jw_array(&w);
        for (size_t k = 0; k < n->v[i].n_events; k++)
            jw_str(&w, n->v[i].events[k]);
        jw_array_end(&w);
        jw_object_end(&w);
    }
    jw_array_end(&w);
    jw_object_end(&w);
}

/* False: no rule of ours. */
static bool rule_read(struct arena *a, const struct json *j, struct rule *ret)
{
    struct str kind = json_get_text(a, j, STR("kind"));
    const struct json *events = json_get(j, STR("events"));

    *ret = (struct rule){ .id = json_get_text(a, j, STR("id")),
                          .arn = json_get_text(a, j, STR("arn")),
                          .prefix = json_get_text(a, j, STR("prefix")),
                          .suffix = json_get_text(a, j, STR("suffix")) };
    for (enum rule_kind k = RULE_TOPIC; k <= RULE_FUNCTION; k++)
        if (str_is(kind, kind_names[k]))
            ret->kind = k;
    if (events == NULL || events->type != JSON_ARRAY || events->n == 0)
        return false;
    ret->events = arena_calloc(a, events->n + 1, sizeof(*ret->events));
    JSON_EACH(events, e)
        ret->events[ret->n_events++] = json_text(a, e);
    return true;
}

struct notification *notification_read(struct str text)
{
    struct notification *n;
    struct json *j, *rules, *bridge;

    if (str_absent(text))
        return NULL;
    n = xcalloc(1, sizeof(*n));
    n->mem = arena_new(0);
    if (json_parse(n->mem, arena_str(n->mem, text), &j, NULL) != 0)
        return notification_free(n);
    bridge = json_get(j, STR("event_bridge"));
    rules = json_get(j, STR("rules"));
    n->event_bridge = bridge != NULL && bridge->type == JSON_TRUE;
    if (rules != NULL && rules->type == JSON_ARRAY) {
        n->v = arena_calloc(n->mem, rules->n + 1, sizeof(*n->v));
        JSON_EACH(rules, r)
            if (!rule_read(n->mem, r, &n->v[n->n++]))
                return notification_free(n);
    }
    return n->n > 0 || n->event_bridge ? n : notification_free(n);
}

/* ---- matching ---- */

/* "s3:ObjectCreated:*" against "s3:ObjectCreated:Put"; either may end in a star. */
static bool events_meet(struct str a, struct str b)
{
    if (str_ends(a, STR("*")))
        return str_starts(b, str_sub(a, 0, a.n - 1));
    if (str_ends(b, STR("*")))
        return str_starts(a, str_sub(b, 0, b.n - 1));
    return str_eq(a, b);
}

bool rule_matches(const struct rule *r, const char *event, struct str key)
{
    if (!str_starts(key, r->prefix) || !str_ends(key, r->suffix))
        return false;
    for (size_t i = 0; i < r->n_events; i++)
        if (str_starts(r->events[i], STR("s3:")) &&
            events_meet(str_sub(r->events[i], 3, r->events[i].n), str_of(event)))
            return true;
    return false;
}

bool rules_overlap(const struct rule *a, const struct rule *b)
{
    if ((!str_starts(a->prefix, b->prefix) && !str_starts(b->prefix, a->prefix)) ||
        (!str_ends(a->suffix, b->suffix) && !str_ends(b->suffix, a->suffix)))
        return false;
    for (size_t i = 0; i < a->n_events; i++)
        for (size_t k = 0; k < b->n_events; k++)
            if (events_meet(a->events[i], b->events[k]))
                return true;
    return false;
}

/* ---- messages ---- */

static void key_of(struct json_writer *w, const char *name)
{
    jw_key(w, str_of(name));
    jw_object(w);
}

static void one_member(struct json_writer *w, const char *name, const char *member, struct str value)
{
    key_of(w, name);
    jw_kstr(w, member, str_absent(value) ? STR("") : value);
    jw_object_end(w);
}

static struct str sequencer(char text[17], uint64_t sequence)
{
    CHECK(sequence != 0);
    (void)snprintf(text, 17, "%016llX", (unsigned long long)sequence);
    return str_make(text, 16);
}

static void record_object(struct json_writer *w, const struct happening *h)
{
    CLEANUP(buf_done) struct buf key = { 0 };
    char text[17];

    s3_url_encode(&key, h->key, "+");
    key_of(w, "object");
    jw_kstr(w, "key", buf_view(&key));
    if (h->bytes >= 0)
        jw_ki64(w, "size", h->bytes);
    jw_kstr(w, "eTag", h->etag);
    jw_kstr(w, "versionId", h->version_id);
    jw_kstr(w, "sequencer", sequencer(text, h->sequence));
    jw_object_end(w);
}

static void record_s3(struct json_writer *w, const struct bucket *b, const struct rule *r,
                      const struct happening *h)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);

    key_of(w, "s3");
    jw_kstr(w, "s3SchemaVersion", STR("1.0"));
    jw_kstr(w, "configurationId", r->id);
    key_of(w, "bucket");
    jw_kstr(w, "name", b->name);
    one_member(w, "ownerIdentity", "principalId", s3_owner(a, b->account)->ID);
    jw_kstr(w, "arn", b->arn);
    jw_object_end(w);
    record_object(w, h);
    jw_object_end(w);
}

void notify_record(struct buf *out, const struct bucket *b, const struct rule *r, const struct happening *h,
                   int64_t now_ms)
{
    CLEANUP(buf_done) struct buf when = { 0 };
    struct json_writer w;

    CHECK_IS(b, BUCKET_MAGIC);
    CHECK(h->event != NULL && !str_empty(h->key));
    when_iso_ms(&when, now_ms);
    jw_init(&w, out);
    jw_object(&w);
    jw_key(&w, STR("Records"));
    jw_array(&w);
    jw_object(&w);
    jw_kstr(&w, "eventVersion", STR("2.1"));
    jw_kstr(&w, "eventSource", STR("aws:s3"));
    jw_kstr(&w, "awsRegion", b->region);
    jw_kstr(&w, "eventTime", buf_view(&when));
    jw_kstr(&w, "eventName", str_of(h->event));
    one_member(&w, "userIdentity", "principalId", h->principal_id);
    one_member(&w, "requestParameters", "sourceIPAddress", h->source_address);
    key_of(&w, "responseElements");
    jw_kstr(&w, "x-amz-request-id", h->request_id);
    jw_kstr(&w, "x-amz-id-2", h->request_id);
    jw_object_end(&w);
    record_s3(&w, b, r, h);
    jw_object_end(&w);
    jw_array_end(&w);
    jw_object_end(&w);
}

void notify_detail(struct buf *out, const struct bucket *b, const struct happening *h)
{
    struct json_writer w;
    char text[17];

    CHECK_IS(b, BUCKET_MAGIC);
    CHECK(h->detail_type != NULL && !str_empty(h->key));
    jw_init(&w, out);
    jw_object(&w);
    jw_kstr(&w, "version", STR("0"));
    one_member(&w, "bucket", "name", b->name);
    key_of(&w, "object");
    jw_kstr(&w, "key", h->key);
    if (h->bytes >= 0)
        jw_ki64(&w, "size", h->bytes);
    jw_kstr(&w, "etag", h->etag);
    jw_kstr(&w, "version-id", h->version_id);
    jw_kstr(&w, "sequencer", sequencer(text, h->sequence));
    jw_object_end(&w);
    jw_kstr(&w, "request-id", h->request_id);
    jw_kstr(&w, "requester", h->account);
    jw_kstr(&w, "source-ip-address", h->source_address);
    jw_kstr(&w, "reason", str_of(h->reason));
    jw_kstr(&w, "deletion-type", str_of(h->deletion_type));
    jw_object_end(&w);
}

/* ---- sending ---- */

void happening_by(const struct call *c, struct happening *ret)
{
    ret->request_id = c->request_id;
    ret->source_address = call_peer_address(c);
    ret->principal_id = arena_printf(c->mem, "AWS:" STR_FMT, STR_ARG(c->principal.user_id));
    ret->account = c->account;
    ret->trace_header = call_request_header(c, "X-Amzn-Trace-Id");
}

struct sender s3_sender(const struct bucket *b)
{
    return (struct sender){ "s3.amazonaws.com", b->arn, b->account, .no_owner = false };
}

/* What a target refuses is lost: there is nobody to tell, and the object is there. */
static void send_rule(struct s3 *s, struct turn *t, const struct bucket *b, const struct rule *r,
                      const struct happening *h)
{
    CLEANUP(buf_done) struct buf body = { 0 }, why = { 0 };
    struct parcel p = { .from = s3_sender(b), .trace_header = h->trace_header };
    struct door d = door_find(s->o.sinks, t, r->arn);

    notify_record(&body, b, r, h, t->now.wall_ms);
    p.body = buf_view(&body);
    (void)door_as_service(&d, &p, &why);
}

static void send_bridge(struct s3 *s, struct turn *t, const struct bucket *b, const struct happening *h)
{
    CLEANUP(buf_done) struct buf detail = { 0 }, why = { 0 }, bus = { 0 };
    struct parcel p = { .from = s3_sender(b),
                        .detail_type = h->detail_type,
                        .event_source = "aws.s3",
                        .trace_header = h->trace_header };
    struct door d;

    buf_printf(&bus, "arn:aws:events:" STR_FMT ":" STR_FMT ":event-bus/default", STR_ARG(b->region),
               STR_ARG(b->account));
    notify_detail(&detail, b, h);
    p.body = buf_view(&detail);
    d = door_find(s->o.sinks, t, buf_view(&bus));
    (void)door_deliver(&d, &p, &why);
}

void notify(struct s3 *s, struct turn *t, const struct bucket *b, const struct happening *h)
{
    const struct notification *n = b->notification;

    CHECK_IS(s, S3_MAGIC);
    CHECK_IS(b, BUCKET_MAGIC);
    CHECK(h->event != NULL && strncmp(h->event, "s3:", 3) != 0); /* "ObjectCreated:Put" */
    if (n == NULL || s->o.sinks == NULL)
        return;
    for (size_t i = 0; i < n->n; i++)
        if (rule_matches(&n->v[i], h->event, h->key))
            send_rule(s, t, b, &n->v[i], h);
    if (n->event_bridge && h->detail_type != NULL)
        send_bridge(s, t, b, h);
}
