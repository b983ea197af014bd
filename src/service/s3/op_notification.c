/* op_notification.c - notifications are configured and shown. */
#include "base/id.h"
#include "base/json.h"
#include "service/s3/write.h"

static bool is_event(struct str name)
{
    for (const char *const *e = s3_shape_Event.enum_values; e != NULL && *e != NULL; e++)
        if (str_is(name, *e))
            return true;
    return false;
}

static int malformed(struct call *c)
{
    return S3_FAULT(
        c, MalformedXML,
        "The XML you provided was not well-formed or did not validate against our published schema");
}

/* ---- from the request to rules ---- */

static int add_filter(struct call *c, const struct s3_NotificationConfigurationFilter *f, struct rule *r)
{
    const struct s3_FilterRuleList *rules = f != NULL && f->Key != NULL ? &f->Key->FilterRules : NULL;

    for (size_t i = 0; rules != NULL && i < rules->n; i++) {
        bool prefix = str_eq_nocase(rules->v[i].Name, STR("prefix"));
        struct str *to = prefix ? &r->prefix : &r->suffix,
                   value = str_absent(rules->v[i].Value) ? STR("") : rules->v[i].Value;

        if (!prefix && !str_eq_nocase(rules->v[i].Name, STR("suffix")))
            return s3_argument(c, "FilterRule.Name", rules->v[i].Name,
                               "filter rule name must be either prefix or suffix");
        if (!str_absent(*to))
            return s3_argument(c, "FilterRule.Name", rules->v[i].Name,
                               prefix ? "Cannot specify more than one prefix rule in a filter."
                                      : "Cannot specify more than one suffix rule in a filter.");
        if (value.n > S3_KEY_MOST)
            return s3_argument(c, "FilterRule.Value", value,
                               "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation");
        *to = value;
    }
    return 0;
}

static int add_rule(struct call *c, struct notification *n, enum rule_kind kind, struct str id,
                    struct str arn, const struct s3_EventList *events,
                    const struct s3_NotificationConfigurationFilter *filter)
{
    struct rule *r;

    CHECK(n->n < S3_RULES_MOST && kind <= RULE_FUNCTION);
    r = &n->v[n->n++];
    *r = (struct rule){ .kind = kind,
                        .id = str_empty(id) ? uuid_str(c->mem) : id,
                        .arn = arn,
                        .events = events->v,
                        .n_events = events->n };
    if (str_absent(arn) || events->n == 0)
        return malformed(c);
    if (r->id.n > 255)
        return s3_argument(c, "Id", STR_NONE, "The ID of a configuration is at most 255 characters long.");
    for (size_t i = 0; i < events->n; i++)
        if (!is_event(events->v[i]))
            return s3_argument(c, "Event", events->v[i], "The event is not supported for notifications");
    return add_filter(c, filter, r);
}

static int rules_of(struct call *c, const struct s3_NotificationConfiguration *k, struct notification *n)
{
    size_t most = k->TopicConfigurations.n + k->QueueConfigurations.n + k->LambdaFunctionConfigurations.n;

    if (most > S3_RULES_MOST)
        return S3_FAULT(c, InvalidArgument, "A bucket has at most %d notification configurations.",
                        S3_RULES_MOST);
    *n = (struct notification){ .mem = c->mem,
                                .v = arena_calloc(c->mem, most + 1, sizeof(*n->v)),
                                .event_bridge = k->EventBridgeConfiguration != NULL };
    for (size_t i = 0; i < k->TopicConfigurations.n; i++) {
        const struct s3_TopicConfiguration *t = &k->TopicConfigurations.v[i];

        if (add_rule(c, n, RULE_TOPIC, t->Id, t->TopicArn, &t->Events, t->Filter) != 0)
            return -E_FAULT;
    }
    for (size_t i = 0; i < k->QueueConfigurations.n; i++) {
        const struct s3_QueueConfiguration *q = &k->QueueConfigurations.v[i];

        if (add_rule(c, n, RULE_QUEUE, q->Id, q->QueueArn, &q->Events, q->Filter) != 0)
            return -E_FAULT;
    }
    for (size_t i = 0; i < k->LambdaFunctionConfigurations.n; i++) {
        const struct s3_LambdaFunctionConfiguration *f = &k->LambdaFunctionConfigurations.v[i];

        if (add_rule(c, n, RULE_FUNCTION, f->Id, f->LambdaFunctionArn, &f->Events, f->Filter) != 0)
            return -E_FAULT;
    }
    return 0;
}

static int check_overlap(struct call *c, const struct notification *n)
{
    for (size_t i = 0; i < n->n; i++)
        for (size_t k = 0; k < i; k++) {
            if (str_eq(n->v[i].id, n->v[k].id))
                return s3_argument(c, "Id", n->v[i].id, "Configuration IDs must be unique.");
            if (!rules_overlap(&n->v[i], &n->v[k]))
                continue;
            if (str_absent(n->v[i].prefix) && str_absent(n->v[i].suffix) && str_absent(n->v[k].prefix) &&
                str_absent(n->v[k].suffix))
                return S3_FAULT(c, InvalidArgument,
                                "Configurations overlap. Configurations on the same bucket cannot share a "
                                "common event type.");
            return S3_FAULT(
                c, InvalidArgument,
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the "
                "prefixes are overlapping for the same event type.");
        }
    return 0;
}

/* ---- targets ---- */

static const struct {
    const char *service, *noun;
} targets[] = {
    [RULE_TOPIC] = { "sns", "topic" },
    [RULE_QUEUE] = { "sqs", "queue" },
    [RULE_FUNCTION] = { "lambda", "function" },
};

/* The reason S3 would give beside the ARN; absent: all is well. */
static struct str target_refused(struct call *c, const struct bucket *b, const struct rule *r)
{
    struct door d = door_find(s3_of(c)->o.sinks, c->turn, r->arn);
    struct sender from = s3_sender(b);
    CLEANUP(buf_done) struct buf why = { 0 };

    CHECK_IS(b, BUCKET_MAGIC);
    CHECK(r->kind < ARRAY_LEN(targets));
    if (d.sink == NULL)
        return arena_printf(c->mem, "Waybill does not deliver to %s", targets[r->kind].service);
    if (d.state == SINK_MISSING)
        return arena_printf(c->mem, "The destination %s does not exist", targets[r->kind].noun);
    if (str_ends(d.arn.resource, STR(".fifo")))
        return arena_printf(c->mem, "A FIFO %s cannot be a destination of notifications",
                            targets[r->kind].noun);
    if (door_service_may(&d, &from, &why))
        return STR_NONE;
    if (r->kind == RULE_FUNCTION)
        return arena_printf(c->mem, "Not authorized to invoke function [" STR_FMT "]", STR_ARG(r->arn));
    return arena_printf(
        c->mem, "Permissions on the destination %s do not allow S3 to publish notifications from this bucket",
        targets[r->kind].noun);
}

static int check_targets(struct call *c, const struct bucket *b, const struct notification *n, bool skip)
{
    for (size_t i = 0; i < n->n; i++) {
        const struct rule *r = &n->v[i];
        struct str reason;
        struct arn arn;

        if (arn_parse(r->arn, &arn) != 0 || !str_is(arn.service, targets[r->kind].service))
            return s3_argument(c,
                               r->kind == RULE_TOPIC   ? "Topic"
                               : r->kind == RULE_QUEUE ? "Queue"
                                                       : "CloudFunction",
                               r->arn, "The ARN is not well formed");
        if (!str_eq(arn.region, b->region))
            return s3_argument(c,
                               r->kind == RULE_TOPIC   ? "Topic"
                               : r->kind == RULE_QUEUE ? "Queue"
                                                       : "CloudFunction",
                               r->arn,
                               "The notification destination service region is not valid for the bucket "
                               "location constraint");
        reason = skip || s3_of(c)->o.sinks == NULL ? STR_NONE : target_refused(c, b, r);
        if (str_absent(reason))
            continue;
        (void)S3_FAULT(c, InvalidArgument, "Unable to validate the following destination configurations");
        fault_element(c->mem, &c->fault, "ArgumentName1", r->arn);
        fault_element(c->mem, &c->fault, "ArgumentValue1", reason);
        return -E_FAULT;
    }
    return 0;
}

static void send_test(struct call *c, const struct bucket *b, const struct rule *r)
{
    CLEANUP(buf_done) struct buf body = { 0 }, when = { 0 }, why = { 0 };
    struct parcel p = { .from = s3_sender(b) };
    struct door d = door_find(s3_of(c)->o.sinks, c->turn, r->arn);
    struct json_writer w;

    CHECK(r->kind != RULE_FUNCTION); /* functions get no test event */
    when_iso_ms(&when, c->now.wall_ms);
    jw_init(&w, &body);
    jw_object(&w);
    jw_kstr(&w, "Service", STR("Amazon S3"));
    jw_kstr(&w, "Event", STR("s3:TestEvent"));
    jw_kstr(&w, "Time", buf_view(&when));
    jw_kstr(&w, "Bucket", b->name);
    jw_kstr(&w, "RequestId", c->request_id);
    jw_kstr(&w, "HostId", c->request_id);
    jw_object_end(&w);
    p.body = buf_view(&body);
    (void)door_as_service(&d, &p, &why);
}

int s3_put_bucket_notification_configuration(struct call *c, const void *input, void *output)
{
    const struct s3_PutBucketNotificationConfigurationRequest *in = input;
    CLEANUP(buf_done) struct buf text = { 0 };
    struct notification n;
    struct bucket *b;

    (void)output;
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutBucketNotification", STR_NONE, &b) != 0 ||
        s3_check_document(c, STR_NONE, STR_NONE) != 0)
        return -E_FAULT;
    if (in->NotificationConfiguration == NULL)
        return malformed(c);
    if (rules_of(c, in->NotificationConfiguration, &n) != 0 || check_overlap(c, &n) != 0 ||
        check_targets(c, b, &n, in->SkipDestinationValidation.set && in->SkipDestinationValidation.v) != 0)
        return -E_FAULT;
    notification_text(&text, &n);
    str_drop(&b->notification_text);
    b->notification_text = n.n > 0 || n.event_bridge ? str_own(buf_view(&text)) : STR_NONE;
    notification_free(b->notification);
    b->notification = notification_read(b->notification_text);
    rows_bucket_put(c->turn->store, b);
    for (size_t i = 0; i < n.n && s3_of(c)->o.sinks != NULL; i++)
        if (n.v[i].kind != RULE_FUNCTION)
            send_test(c, b, &n.v[i]);
    return 0;
}

/* ---- shown ---- */

static struct s3_NotificationConfigurationFilter *filter_of(struct arena *a, const struct rule *r)
{
    struct s3_NotificationConfigurationFilter *f = ARENA_NEW(a, struct s3_NotificationConfigurationFilter);
    struct s3_FilterRuleList *l;

    if (str_absent(r->prefix) && str_absent(r->suffix))
        return NULL;
    f->Key = ARENA_NEW(a, struct s3_S3KeyFilter);
    l = &f->Key->FilterRules;
    *l = (struct s3_FilterRuleList){ .set = true, .v = arena_calloc(a, 2, sizeof(*l->v)) };
    if (!str_absent(r->prefix))
        l->v[l->n++] = (struct s3_FilterRule){ STR("Prefix"), r->prefix };
    if (!str_absent(r->suffix))
        l->v[l->n++] = (struct s3_FilterRule){ STR("Suffix"), r->suffix };
    return f;
}

int s3_get_bucket_notification_configuration(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketNotificationConfigurationRequest *in = input;
    struct s3_NotificationConfiguration *out = output;
    const struct notification *n;
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketNotification", STR_NONE, &b) != 0)
        return -E_FAULT;
    n = b->notification;
    if (n == NULL)
        return 0;
    out->TopicConfigurations.v = arena_calloc(c->mem, n->n + 1, sizeof(*out->TopicConfigurations.v));
    out->QueueConfigurations.v = arena_calloc(c->mem, n->n + 1, sizeof(*out->QueueConfigurations.v));
    out->LambdaFunctionConfigurations.v =
        arena_calloc(c->mem, n->n + 1, sizeof(*out->LambdaFunctionConfigurations.v));
    for (size_t i = 0; i < n->n; i++) {
        const struct rule *r = &n->v[i];
        struct s3_EventList events = { .set = true, .n = r->n_events, .v = r->events };
        struct s3_NotificationConfigurationFilter *filter = filter_of(c->mem, r);

        if (r->kind == RULE_TOPIC)
            out->TopicConfigurations.v[out->TopicConfigurations.n++] =
                (struct s3_TopicConfiguration){ r->id, r->arn, events, filter };
        else if (r->kind == RULE_QUEUE)
            out->QueueConfigurations.v[out->QueueConfigurations.n++] =
                (struct s3_QueueConfiguration){ r->id, r->arn, events, filter };
        else
            out->LambdaFunctionConfigurations.v[out->LambdaFunctionConfigurations.n++] =
                (struct s3_LambdaFunctionConfiguration){ r->id, r->arn, events, filter };
    }
    out->TopicConfigurations.set = out->TopicConfigurations.n > 0;
    out->QueueConfigurations.set = out->QueueConfigurations.n > 0;
    out->LambdaFunctionConfigurations.set = out->LambdaFunctionConfigurations.n > 0;
    if (n->event_bridge)
        out->EventBridgeConfiguration = ARENA_NEW(c->mem, struct s3_EventBridgeConfiguration);
    return 0;
}
