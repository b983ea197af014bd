/* notify.h - a bucket's notifications: what was configured, what matches, what is sent.
 *
 * Sources: S3 user guide, "Event message structure" (version 2.1), "EventBridge event message structure",
 * "Configuring event notifications using object key name filtering"; S3 API reference,
 * PutBucketNotificationConfiguration.
 *
 * A notification leaves in the turn of its cause, as the service principal s3.amazonaws.com under the
 * target's own policy; what the target refuses is lost, as with AWS.  Events whose causes are not served here
 * (restore, replication, lifecycle, ACLs) may be configured and never happen. */
#ifndef WAYBILL_SERVICE_S3_NOTIFY_H
#define WAYBILL_SERVICE_S3_NOTIFY_H

#include "service/s3/internal.h"

#define S3_RULES_MOST 100 /* AWS's limit of a bucket */

enum rule_kind { RULE_TOPIC, RULE_QUEUE, RULE_FUNCTION };
struct rule {
    enum rule_kind kind;
    struct str id, arn, prefix, suffix; /* prefix, suffix absent: not given */
    struct str *events;                 /* "s3:ObjectCreated:*" */
    size_t n_events;
};
/* Owned; all its strings lie in mem. */
struct notification {
    struct arena *mem;
    struct rule *v;
    size_t n;
    bool event_bridge;
};
struct notification *notification_free(struct notification *n);
void notification_text(struct buf *b, const struct notification *n); /* as kept in the bucket's row */
struct notification *notification_read(struct str text);             /* NULL: absent, or nothing configured */

/* event without "s3:": "ObjectCreated:Put". */
bool rule_matches(const struct rule *r, const char *event, struct str key);
/* Could one event and key match both? */
bool rules_overlap(const struct rule *a, const struct rule *b);

/* Something happened to an object.  Strings are borrowed. */
struct happening {
    const char *event;                /* "ObjectCreated:Put" */
    const char *detail_type, *reason; /* "Object Created", "PutObject" */
    const char *deletion_type;        /* "Permanently Deleted"; NULL where nothing is deleted */
    struct str key, version_id, etag; /* absent: not shown */
    int64_t bytes;                    /* -1: not shown */
    uint64_t sequence;                /* rises with every happening */
    struct str request_id, source_address, principal_id, account, trace_header;
};
/* The members that say who asked, from a call. */
void happening_by(const struct call *c, struct happening *ret);
void notify(struct s3 *s, struct turn *t, const struct bucket *b, const struct happening *h);
/* As whom a bucket tells others. */
struct sender s3_sender(const struct bucket *b);
/* The two messages, for tests: the record in its envelope, and EventBridge's detail. */
void notify_record(struct buf *out, const struct bucket *b, const struct rule *r, const struct happening *h,
                   int64_t now_ms);
void notify_detail(struct buf *out, const struct bucket *b, const struct happening *h);

#endif
