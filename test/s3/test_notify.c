/* test_notify.c - which rules match, which overlap, what is refused, and whole messages. */
#include "world.h"

static struct rule rule(const char *prefix, const char *suffix, const char *event)
{
    static struct str events[8];
    static size_t at;
    struct str *e = &events[at++ % 8];

    *e = str_of(event);
    return (struct rule){
        .id = STR("id"), .prefix = str_of(prefix), .suffix = str_of(suffix), .events = e, .n_events = 1
    };
}

TEST(notify, matching)
{
    const struct {
        const char *prefix, *suffix, *configured, *event, *key;
        bool want;
    } rows[] = {
        { NULL, NULL, "s3:ObjectCreated:*", "ObjectCreated:Put", "k", true },
        { NULL, NULL, "s3:ObjectCreated:Put", "ObjectCreated:Put", "k", true },
        { NULL, NULL, "s3:ObjectCreated:Put", "ObjectCreated:Copy", "k", false },
        { NULL, NULL, "s3:ObjectRemoved:*", "ObjectCreated:Put", "k", false },
        { NULL, NULL, "s3:ObjectRemoved:*", "ObjectRemoved:DeleteMarkerCreated", "k", true },
        { NULL, NULL, "s3:ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "k", false },
        { "in/", NULL, "s3:ObjectCreated:*", "ObjectCreated:Put", "in/k", true },
        { "in/", NULL, "s3:ObjectCreated:*", "ObjectCreated:Put", "out/in/k", false },
        { NULL, ".jpg", "s3:ObjectCreated:*", "ObjectCreated:Put", "a.jpg", true },
        { NULL, ".jpg", "s3:ObjectCreated:*", "ObjectCreated:Put", "a.jpg.txt", false },
        { "in/", ".jpg", "s3:ObjectCreated:*", "ObjectCreated:Put", "in/a.jpg", true },
        { "in/", ".jpg", "s3:ObjectCreated:*", "ObjectCreated:Put", "in/", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rule r = rule(rows[i].prefix, rows[i].suffix, rows[i].configured);

        EXPECT_INT(rule_matches(&r, rows[i].event, str_of(rows[i].key)), rows[i].want);
    }
}

TEST(notify, overlapping)
{
    const struct {
        const char *p1, *s1, *e1, *p2, *s2, *e2;
        bool want;
    } rows[] = {
        { NULL, NULL, "s3:ObjectCreated:*", NULL, NULL, "s3:ObjectCreated:Put", true },
        { NULL, NULL, "s3:ObjectCreated:Put", NULL, NULL, "s3:ObjectCreated:Copy", false },
        { "a/", NULL, "s3:ObjectCreated:*", "b/", NULL, "s3:ObjectCreated:*", false },
        { "a/", NULL, "s3:ObjectCreated:*", "a/b", NULL, "s3:ObjectCreated:*", true },
        { "a/", ".jpg", "s3:ObjectCreated:*", "a/", ".png", "s3:ObjectCreated:*", false },
        { "a/", ".jpg", "s3:ObjectCreated:*", NULL, NULL, "s3:ObjectCreated:*", true },
        { NULL, "jpg", "s3:ObjectRemoved:*", NULL, ".jpg", "s3:ObjectRemoved:Delete", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rule a = rule(rows[i].p1, rows[i].s1, rows[i].e1),
                    b = rule(rows[i].p2, rows[i].s2, rows[i].e2);

        EXPECT_INT(rules_overlap(&a, &b), rows[i].want);
        EXPECT_INT(rules_overlap(&b, &a), rows[i].want);
    }
}

#define QUEUE "arn:aws:sqs:us-east-1:000000000000:q"

static struct asked *configure(struct world *w, const char *queue, const char *event, const char *prefix,
                               bool bridge)
{
    static struct str events[1];
    struct s3_FilterRule filter = { STR("prefix"), str_of(prefix) };
    struct s3_S3KeyFilter key = { { true, 1, &filter } };
    struct s3_NotificationConfigurationFilter f = { &key };
    struct s3_QueueConfiguration q = { .Id = STR("mine"),
                                       .QueueArn = str_of(queue),
                                       .Events = { true, 1, events },
                                       .Filter = prefix != NULL ? &f : NULL };
    struct s3_EventBridgeConfiguration on;
    struct s3_NotificationConfiguration k = { .QueueConfigurations = { queue != NULL, queue != NULL, &q },
                                              .EventBridgeConfiguration = bridge ? &on : NULL };
    struct s3_PutBucketNotificationConfigurationRequest in = { .Bucket = STR("bucket"),
                                                               .NotificationConfiguration = &k };

    memset(&on, 0, sizeof(on));
    events[0] = str_of(event);
    buf_clear(&w->sent);
    w->n_sent = 0;
    return say(w, "PutBucketNotificationConfiguration", &in);
}

TEST(notify, whole_messages)
{
    struct world w;
    struct asked *a;

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(configure(&w, QUEUE, "s3:ObjectCreated:*", "in/", true));
    EXPECT_STR(
        buf_view(&w.sent),
        STR(QUEUE
            "\n{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Time\":\"2027-01-15T08:00:02.000Z\","
            "\"Bucket\":\"bucket\",\"RequestId\":\"REQUEST1\",\"HostId\":\"REQUEST1\"}\n"));
    buf_clear(&w.sent);
    world_restart(&w); /* the configuration is read again */
    a = put(&w, "bucket", "in/red flower+1.jpg", STR("hello"));
    EXPECT_OK(a);
    EXPECT_STR(
        buf_view(&w.sent),
        arena_printf(
            a->c.mem,
            QUEUE
            "\n{\"Records\":[{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\","
            "\"awsRegion\":\"us-east-1\",\"eventTime\":\"2027-01-15T08:00:03.000Z\",\"eventName\":"
            "\"ObjectCreated:Put\",\"userIdentity\":{\"principalId\":"
            "\"AWS:000000000000\"},\"requestParameters\":{\"sourceIPAddress\":\"10.0.0.7\"},"
            "\"responseElements\":{\"x-amz-request-id\":\"REQUEST1\","
            "\"x-amz-id-2\":\"REQUEST1\"},\"s3\":{\"s3SchemaVersion\":\"1.0\",\"configurationId\":\"mine\","
            "\"bucket\":{\"name\":\"bucket\",\"ownerIdentity\":"
            "{\"principalId\":\"" STR_FMT "\"},\"arn\":\"arn:aws:s3:::bucket\"},\"object\":{\"key\":\"in/"
            "red+flower%%2B1.jpg\",\"size\":5,\"eTag\":"
            "\"5d41402abc4b2a76b9719d911017c592\",\"sequencer\":\"%016llX\"}}}]}\n"
            "arn:aws:events:us-east-1:000000000000:event-bus/"
            "default\n{\"version\":\"0\",\"bucket\":{\"name\":\"bucket\"},\"object\":{\"key\":\"in/red "
            "flower+1.jpg\","
            "\"size\":5,\"etag\":\"5d41402abc4b2a76b9719d911017c592\",\"sequencer\":\"%016llX\"},\"request-"
            "id\":\"REQUEST1\",\"requester\":\"000000000000\","
            "\"source-ip-address\":\"10.0.0.7\",\"reason\":\"PutObject\"}\nObject Created from aws.s3\n",
            STR_ARG(s3_owner(a->c.mem, w.account)->ID), 2ULL, 2ULL));
    buf_clear(&w.sent);
    w.n_sent = 0;
    EXPECT_OK(put(&w, "bucket", "elsewhere", STR("x")));
    EXPECT_INT(w.n_sent, 1); /* EventBridge alone: it has no filter */
    buf_clear(&w.sent);
    EXPECT_OK(say(&w, "DeleteObject",
                  &(struct s3_DeleteObjectRequest){ .Bucket = STR("bucket"), .Key = STR("elsewhere") }));
    EXPECT(str_find_str(buf_view(&w.sent), STR("\"reason\":\"DeleteObject\",\"deletion-type\":\"Permanently "
                                               "Deleted\"}\nObject Deleted from aws.s3")) > 0);
    w.n_sent = 0;
    EXPECT_OK(say(&w, "DeleteObject",
                  &(struct s3_DeleteObjectRequest){ .Bucket = STR("bucket"), .Key = STR("never there") }));
    EXPECT_INT(w.n_sent, 0);
    world_close(&w);
}

TEST(notify, delete_markers_and_versions)
{
    struct world w;

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(version(&w, "bucket", "Enabled"));
    EXPECT_OK(configure(&w, QUEUE, "s3:ObjectRemoved:DeleteMarkerCreated", NULL, false));
    EXPECT_OK(put(&w, "bucket", "k", STR("x")));
    buf_clear(&w.sent);
    EXPECT_OK(say(&w, "DeleteObject",
                  &(struct s3_DeleteObjectRequest){ .Bucket = STR("bucket"), .Key = STR("k") }));
    EXPECT(str_find_str(buf_view(&w.sent), STR("\"eventName\":\"ObjectRemoved:DeleteMarkerCreated\"")) > 0);
    EXPECT(str_find_str(buf_view(&w.sent),
                        STR("\"key\":\"k\",\"eTag\":\"d41d8cd98f00b204e9800998ecf8427e\",\"versionId\":\"")) >
           0);
    world_close(&w);
}

TEST(notify, what_is_refused)
{
    struct world w;
    struct asked *a;

    world_open(&w);
    make_bucket(&w, "bucket");
    make_bucket(&w, "other");
    a = configure(&w, "arn:aws:sqs:us-east-1:000000000000:missing", "s3:ObjectCreated:*", NULL, false);
    EXPECT_FAULT(a, "InvalidArgument");
    EXPECT_TEXT(a, "Unable to validate the following destination configurations");
    EXPECT(str_find_str(a->c.fault.extra_xml,
                        STR("<ArgumentValue1>The destination queue does not exist</ArgumentValue1>")) > 0);
    a = configure(&w, "arn:aws:sqs:us-east-1:000000000000:closed", "s3:ObjectCreated:*", NULL, false);
    EXPECT_TEXT(a, "Unable to validate the following destination configurations");
    EXPECT(str_find_str(a->c.fault.extra_xml, STR("Permissions on the destination queue do not allow S3 to "
                                                  "publish notifications from this bucket")) > 0);
    EXPECT_TEXT(
        configure(&w, "arn:aws:sqs:eu-west-1:000000000000:q", "s3:ObjectCreated:*", NULL, false),
        "The notification destination service region is not valid for the bucket location constraint");
    EXPECT_TEXT(configure(&w, "nonsense", "s3:ObjectCreated:*", NULL, false), "The ARN is not well formed");
    EXPECT_TEXT(configure(&w, "arn:aws:sns:us-east-1:000000000000:t", "s3:ObjectCreated:*", NULL, false),
                "The ARN is not well formed");
    EXPECT_TEXT(configure(&w, QUEUE, "s3:Whatever", NULL, false),
                "The event is not supported for notifications");
    EXPECT_FAULT(configure(&w, QUEUE ".fifo", "s3:ObjectCreated:*", NULL, false), "InvalidArgument");
    EXPECT_INT(w.n_sent, 0);
    EXPECT(s3_bucket_find(w.s3, STR("bucket"))->notification == NULL);
    world_close(&w);
}

TEST(notify, shown_and_removed)
{
    struct s3_GetBucketNotificationConfigurationRequest in = { .Bucket = STR("bucket") };
    const struct s3_NotificationConfiguration *out;
    struct world w;

    world_open(&w);
    make_bucket(&w, "bucket");
    EXPECT_OK(configure(&w, QUEUE, "s3:ObjectTagging:*", "p", true));
    out = say(&w, "GetBucketNotificationConfiguration", &in)->c.output;
    EXPECT_INT(out->QueueConfigurations.n, 1);
    EXPECT_STR(out->QueueConfigurations.v[0].Id, STR("mine"));
    EXPECT_STR(out->QueueConfigurations.v[0].Events.v[0], STR("s3:ObjectTagging:*"));
    EXPECT_STR(out->QueueConfigurations.v[0].Filter->Key->FilterRules.v[0].Name, STR("Prefix"));
    EXPECT(out->EventBridgeConfiguration != NULL);
    EXPECT_OK(configure(&w, NULL, "", NULL, false));
    out = say(&w, "GetBucketNotificationConfiguration", &in)->c.output;
    EXPECT_INT(out->QueueConfigurations.n, 0);
    EXPECT(out->EventBridgeConfiguration == NULL);
    EXPECT_OK(put(&w, "bucket", "p", STR("x")));
    EXPECT_INT(w.n_sent, 0);
    world_close(&w);
}

UNIT_MAIN
