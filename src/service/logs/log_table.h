/* log_table.h - groups, streams and rows as the store holds them.  All SQL of the room stands in log_table.c
 * and log_reader.c.
 *
 * Bounds kept here: a group holds at most the bytes its caller names (oldest rows go first) and
 * LOG_MOST_STREAMS streams; an account and region hold LOG_MOST_GROUPS groups, the server
 * LOG_MOST_GROUPS_IN_ALL.
 *
 * Functions that write fail as store_exec() does: the turn's commit reports it, so nobody asks here. */
#ifndef WAYBILL_SERVICE_LOGS_LOG_TABLE_H
#define WAYBILL_SERVICE_LOGS_LOG_TABLE_H

#include "service/logs/log_chunk.h"
#include "store/store.h"

#define LOG_MOST_STREAMS 10000
#define LOG_MOST_GROUPS 10000
#define LOG_MOST_GROUPS_IN_ALL 100000

struct log_group {
    uint64_t id;
    struct str name;
    int64_t created_ms;
    int64_t retention_days; /* 0: for ever */
    int64_t bytes;          /* texts + LINE_OVERHEAD_BYTES each */
    int64_t streams;
    struct str tags; /* a JSON object of texts */
};
struct log_stream {
    uint64_t id;
    struct str name;
    int64_t created_ms;
    bool has_events; /* ever had: the three times below are set */
    int64_t first_ms, last_ms, ingested_ms;
};

/* Strings of *ret lie in the arena. */
bool log_group_find(struct store *s, struct arena *a, struct str account, struct str region, struct str name,
                    struct log_group *ret);
bool log_group_make(struct store *s, int64_t now_ms, struct str account, struct str region, struct str name,
                    struct str tags, uint64_t *ret_id); /* false: there is no room */
/* The group is gone.  A small one with its streams and rows: true.  Of a large one they stay, in no group and
 * so out of everybody's sight, until log_waste_drop() has taken them piece by piece: false. */
bool log_group_drop(struct store *s, const struct log_group *g);
/* One piece of what dropped groups left, of group ids from *from on; *from moves behind what is done.  Cost:
 * some 30 DELETEs.  False: nothing is left. */
bool log_waste_drop(struct store *s, uint64_t *from);
void log_group_tags(struct store *s, uint64_t group_id, struct str tags);
void log_group_retention(struct store *s, uint64_t group_id, int64_t days); /* 0: none */
/* Groups in name order: those of the prefix (may be empty) after `after` (absent: from the start), at most
 * `most`. */
size_t log_group_list(struct store *s, struct arena *a, struct str account, struct str region,
                      struct str prefix, struct str after, struct log_group *v, size_t most);
/* Deletes oldest rows until the group is some way below the bound; nothing when it is not above. */
void log_group_trim(struct store *s, uint64_t group_id, int64_t most_bytes);
/* One piece of deleting what is older than each group's retention, of group ids from x->from on, which moves.
 * Cost: some 16 DELETEs, or 500 groups looked at.  False: that was the last; x->retained says whether any
 * group has a retention. */
struct log_expiry {
    uint64_t from;
    bool retained;
};
bool log_expire(struct store *s, int64_t now_ms, struct log_expiry *x);

bool log_stream_find(struct store *s, struct arena *a, uint64_t group_id, struct str name,
                     struct log_stream *ret);
uint64_t log_stream_make(struct store *s, int64_t now_ms, uint64_t group_id, struct str name);
/* The stream is gone, and some of its rows.  False: others stay, which nobody is shown (their bytes still
 * count for the group), until log_stream_waste_drop() has taken them. */
bool log_stream_drop(struct store *s, uint64_t group_id, uint64_t stream_id);
/* As log_waste_drop(), of rows whose stream is gone. */
bool log_stream_waste_drop(struct store *s, uint64_t *from);
uint64_t log_stream_oldest(struct store *s, uint64_t group_id); /* 0: none */
/* All streams of the group whose name has the prefix, in name order; *ret_v in the arena. */
size_t log_stream_list(struct store *s, struct arena *a, uint64_t group_id, struct str prefix,
                       struct log_stream **ret_v);
struct str log_stream_name(struct store *s, struct arena *a, uint64_t stream_id); /* absent: gone */

/* Empty chunks are passed over. */
void log_rows_put(struct store *s, int64_t now_ms, uint64_t group_id, uint64_t stream_id,
                  const struct log_chunk *v, size_t n);

#endif
