/* list.h - the walk behind ListObjects, ListObjectsV2, ListObjectVersions and ListMultipartUploads.
 *
 * Keys in UTF-8 byte order; keys with the delimiter behind the prefix are shown once, as their common prefix;
 * a page ends after `most` items of both kinds together and says where the next begins.  Cost: one step per
 * row shown; what a common prefix hides and old versions of one key beyond a few are jumped over, not walked.
 * Source: S3 API reference, ListObjectsV2 and ListObjectVersions; S3 user guide, "Organizing objects using
 * prefixes". */
#ifndef WAYBILL_SERVICE_S3_LIST_H
#define WAYBILL_SERVICE_S3_LIST_H

#include "service/s3/rows.h"

struct listing {
    /* asked */
    uint64_t bucket_id;
    struct str prefix, delimiter;
    struct str after;  /* the last key or common prefix of the page before; absent: none */
    uint64_t after_id; /* rows of the key `after`: go on behind this one (0: behind all) */
    size_t most;
    bool versions, uploads; /* every version; uploads instead of objects */
    /* found: items in order, objects or prefixes */
    struct object *objects; /* n_objects of them */
    struct upload *in_progress;
    size_t n_objects;
    struct str *prefixes;
    size_t n_prefixes;
    bool truncated;
    struct str last;  /* key or common prefix the page ended with */
    uint64_t last_id; /* row it ended with; 0: a common prefix */
};
void list_walk(struct store *s, struct arena *a, struct listing *l);

#endif
