/* internal.h - what the files of service/logs share: the room's state, and the steps every handler begins
 * with.
 *
 * A handler: find the names, ask call_may(), flush what functions wrote (a reader must see it, and a flush
 * may make the very group that is asked for), then look into the store.  The flush is no part of the request:
 * it is right whatever the request's answer will be, so it may stand before a fault. */
#ifndef WAYBILL_SERVICE_LOGS_INTERNAL_H
#define WAYBILL_SERVICE_LOGS_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "model/logs.h"
#include "service/logs/log_table.h"
#include "service/logs/logs.h"

#define LOGS_MAGIC 0x106510a5u
#define DAY_MS ((int64_t)86400000)
#define LOG_LINE_MOST_BYTES 1048576 /* of a line with its overhead, as PutLogEvents takes it */

/* Lines of one stream that wait for the flush.  Nearly always one chunk; more when the lines' times lie apart
 * or much came between two turns.  Kept from one flush to the next, so that a busy stream allocates nothing
 * per line; a stream that wrote nothing in between is forgotten. */
struct pending {
    struct link in;                            /* logs.pending, in the order of their first lines */
    struct str account, region, group, stream; /* own one block, account.p */
    struct log_chunk *v;                       /* v[0 .. n) in use, up to cap allocated */
    size_t n, cap;
    size_t bytes; /* of bodies */
};

struct logs {
    unsigned magic;
    struct logs_options o;
    struct list pending;
    struct map by_name;              /* names joined by NUL -> struct pending */
    struct pending *last;            /* the one appended to last */
    bool timer_wanted, flush_wanted; /* asked of the engine and not come yet */
    void *waste_step;                /* handle of the next piece's timer; NULL: none */
    uint64_t waste_from;             /* group ids below it left nothing behind */
    uint64_t waste_stream_from;      /* likewise of streams */
    void *expiry_step;               /* handle of the next piece's timer; NULL: none */
    struct log_expiry expiring;      /* where the walk over retentions is */
    struct timer expiry;             /* hourly, while any group has a retention */
    struct map policies;             /* "account/region" -> struct policy, see policy.c */
};

/* "arn:aws:logs:REGION:ACCOUNT:log-group:NAME", without the ":*" it carries in old places. */
struct str logs_group_arn(struct call *c, struct str name);
struct str logs_stream_arn(struct call *c, struct str group, struct str stream);

int logs_invalid(struct call *c, const char *fmt, ...) PRINTF(2, 3); /* InvalidParameterException */
int logs_no_group(struct call *c);
int logs_no_stream(struct call *c);

/* Name or identifier (name or ARN), exactly one of them: the group, authorised for `action` (on `stream` of
 * it unless absent).  Flushes before it looks.  0 or -E_FAULT. */
int logs_group_of(struct call *c, const char *action, struct str name, struct str identifier,
                  struct str stream, struct log_group *ret);
int logs_stream_of(struct call *c, const struct log_group *g, struct str name, struct log_stream *ret);
/* An hourly look for what is older than its group's retention. */
void logs_expiry_set(struct logs *l, struct turn *t);
/* Large groups that were dropped left rows under ids from group_id on: they go in turns of their own. */
void logs_waste_from(struct logs *l, struct turn *t, uint64_t group_id);
/* Deletes a stream; what is left of a large one goes likewise. */
void logs_stream_drop(struct logs *l, struct turn *t, uint64_t group_id, uint64_t stream_id);
/* No event older than this is shown: the group's retention, on the server's clock. */
int64_t logs_oldest_ms(const struct call *c, const struct log_group *g);

/* The resource policies of an account and region as one; NULL: there are none.  Read at the start and after a
 * change. */
const struct policy *logs_policy_of(const struct logs *l, struct str account, struct str region);
void logs_policies_load(struct logs *l, struct turn *t);
void logs_policies_forget(struct logs *l);

/* Handlers, as wire/call.h describes them: 0 or -E_FAULT; files group.c, stream.c, put.c, read.c, tag.c,
 * policy.c. Operations of the model that have no line here are answered "not implemented" by the router. */
int logs_create_group(struct call *c, const void *input, void *output);
int logs_delete_group(struct call *c, const void *input, void *output);
int logs_describe_groups(struct call *c, const void *input, void *output);
int logs_put_retention(struct call *c, const void *input, void *output);
int logs_delete_retention(struct call *c, const void *input, void *output);
int logs_create_stream(struct call *c, const void *input, void *output);
int logs_delete_stream(struct call *c, const void *input, void *output);
int logs_describe_streams(struct call *c, const void *input, void *output);
int logs_put_events(struct call *c, const void *input, void *output);
int logs_get_events(struct call *c, const void *input, void *output);
int logs_filter_events(struct call *c, const void *input, void *output);
int logs_tag_resource(struct call *c, const void *input, void *output);
int logs_untag_resource(struct call *c, const void *input, void *output);
int logs_list_tags(struct call *c, const void *input, void *output);
int logs_tag_group(struct call *c, const void *input, void *output);
int logs_untag_group(struct call *c, const void *input, void *output);
int logs_list_group_tags(struct call *c, const void *input, void *output);
int logs_put_resource_policy(struct call *c, const void *input, void *output);
int logs_describe_resource_policies(struct call *c, const void *input, void *output);
int logs_delete_resource_policy(struct call *c, const void *input, void *output);

/* tag.c: tags as stored text.  -E_FAULT past 50. */
int logs_tags_text(struct call *c, struct str before, const struct logs_Tags *add, struct str *ret);

#endif
