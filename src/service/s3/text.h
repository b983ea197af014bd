/* text.h - what S3 reads out of names and headers, and writes into lists: pure functions of their arguments.
 *
 * Sources: S3 user guide ("Bucket naming rules", "Object key naming"), S3 API reference (GetObject,
 * CopyObject, ListObjectsV2), RFC 9110 for ranges and conditions.  Nothing here opens or waits; results in an
 * arena are copies unless said otherwise. */
#ifndef WAYBILL_SERVICE_S3_TEXT_H
#define WAYBILL_SERVICE_S3_TEXT_H

#include "base/clock.h"
#include "wire/model.h"

#define S3_KEY_MOST 1024 /* bytes of a key */

/* May a general purpose bucket be called so? */
bool s3_bucket_name_ok(struct str name);

/* Version and upload ids: 32 hex digits in which the row's sequence number is hidden (base/id.h).  -E_INVALID
 * for any other text; the row found must still be compared with the whole id. */
struct str s3_id_text(struct arena *a, uint64_t id);
int s3_id_read(struct str text, uint64_t *ret_id);

/* A Range header against an object of `size` bytes.  RANGE_NONE: absent, not understood, or more than one
 * range (S3 answers with the whole then); RANGE_UNSATISFIABLE; RANGE_OK: [*ret_from, *ret_to). */
enum range_kind { RANGE_NONE, RANGE_OK, RANGE_UNSATISFIABLE };
enum range_kind s3_range(struct str header, int64_t size, int64_t *ret_from, int64_t *ret_to);

/* One ETag of a client's header and ours: quotes and W/ do not count.  A list: any of its members, "*"
 * always. */
bool s3_etag_matches(struct str header, struct str etag);

/* RFC 9110, section 13.2.2, as GetObject applies it: etag unquoted, time of the object in ms (compared in
 * whole seconds).  Absent and unset conditions hold. */
enum condition { CONDITION_HOLDS, CONDITION_FAILED, CONDITION_NOT_MODIFIED };
struct conditions {
    struct str if_match, if_none_match;
    struct opt_time if_modified_since, if_unmodified_since;
};
enum condition s3_conditions(const struct conditions *k, struct str etag, int64_t modified_ms);

/* "bucket/key?versionId=V", percent-encoded, with or without a leading slash.  -E_INVALID otherwise. */
struct copy_source {
    struct str bucket, key, version_id;
};
int s3_copy_source(struct arena *a, struct str header, struct copy_source *ret);

/* %XX for all but letters, digits and "-_.~/"; blanks as `blank` says ("%20" in lists, "+" in event records).
 */
void s3_url_encode(struct buf *b, struct str s, const char *blank);
/* "a=b&c=d" of the x-amz-tagging header: *ret_n pairs; -E_INVALID when it is not one. */
struct s3_pair {
    struct str key, value;
};
int s3_tagging_header(struct arena *a, struct str header, struct s3_pair **ret, size_t *ret_n);

/* The part of a key that a list shows instead of it: through the first delimiter behind the prefix.  Absent:
 * none. */
struct str s3_common_prefix(struct str key, struct str prefix, struct str delimiter);
/* The first text that is behind everything that begins with `prefix`; absent when there is none (only 0xff
 * bytes). */
struct str s3_behind_prefix(struct arena *a, struct str prefix);

#endif
