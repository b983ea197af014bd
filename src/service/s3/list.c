/* list.c - listing with prefixes, delimiters and pages.
 * True here: `from` only ever moves forward, so every walk ends; a page never shows a key twice. */
#include "service/s3/list.h"

#include "service/s3/write.h"

#define PAGE_MOST 1000
#define STEPS_BEFORE_JUMP 8
#define PASSED_MOST 20000 /* keys that end in a delete marker, passed over for one page */

struct walk {
    struct store *s;
    struct arena *a;
    struct listing *l;
    struct str from; /* begin (again) here */
    struct str key;  /* last key seen; absent: none */
    size_t skipped;  /* rows passed over since something was shown */
    size_t passed;   /* keys passed over in all */
};

enum step { STEP_ON, STEP_JUMP, STEP_END };

static bool full(const struct listing *l)
{
    CHECK(l->n_objects + l->n_prefixes <= l->most);
    return l->n_objects + l->n_prefixes >= l->most;
}

static struct str after_key(struct arena *a, struct str key)
{
    char *p = arena_alloc(a, key.n + 2);

    memcpy(p, key.p, key.n);
    return str_make(p, key.n + 1);
}

static enum step show_prefix(struct walk *w, struct str prefix)
{
    struct listing *l = w->l;

    prefix = arena_str(w->a, prefix);
    w->from = s3_behind_prefix(w->a, prefix);
    if (str_eq(l->after, prefix))
        return str_absent(w->from) ? STEP_END : STEP_JUMP;
    if (full(l)) {
        l->truncated = true;
        return STEP_END;
    }
    l->prefixes[l->n_prefixes++] = l->last = prefix;
    l->last_id = 0;
    return str_absent(w->from) ? STEP_END : STEP_JUMP;
}

static enum step show_row(struct walk *w, struct rows *r)
{
    struct listing *l = w->l;

    if (full(l)) {
        l->truncated = true;
        return STEP_END;
    }
    CHECK((l->objects == NULL) == l->uploads && (l->in_progress == NULL) == !l->uploads);
    if (l->uploads) {
        rows_upload_read(r, w->a, &l->in_progress[l->n_objects]);
        l->last = l->in_progress[l->n_objects].key;
        l->last_id = l->in_progress[l->n_objects++].id;
    } else {
        rows_object_read(r, w->a, &l->objects[l->n_objects]);
        l->last = l->objects[l->n_objects].key;
        l->last_id = l->objects[l->n_objects++].id;
    }
    w->skipped = 0;
    return STEP_ON;
}

static enum step skip(struct walk *w, struct str key)
{
    if (++w->skipped < STEPS_BEFORE_JUMP)
        return STEP_ON;
    w->skipped = 0;
    w->from = after_key(w->a, key);
    return STEP_JUMP;
}

/* A page with few keys, or none, and a token: clients go on, and nobody waits for the whole bucket. */
static enum step pass_marker(struct walk *w)
{
    if (++w->passed < PASSED_MOST)
        return STEP_ON;
    w->l->truncated = true;
    w->l->last = w->key;
    w->l->last_id = 0;
    return STEP_END;
}

/* Is this row of the key the last page ended in already shown? */
static bool shown_before(const struct listing *l, uint64_t id)
{
    if (l->after_id == 0)
        return true;
    return l->uploads ? id <= l->after_id : id >= l->after_id;
}

static enum step step(struct walk *w, struct rows *r)
{
    const struct listing *l = w->l;
    struct str key = rows_object_key(r), common;
    uint64_t id = (uint64_t)rows_int(r, 0);
    bool newest = str_absent(w->key) || !str_eq(w->key, key), marker = !l->uploads && rows_int(r, 4) != 0;

    if (!str_starts(key, l->prefix))
        return STEP_END;
    if (newest)
        w->key = arena_str(w->a, key);
    if (!l->versions && !l->uploads && (!newest || marker))
        return !newest ? skip(w, w->key) : pass_marker(w);
    if (!str_absent(l->after) && str_eq(key, l->after) && shown_before(l, id))
        return l->after_id == 0 ? skip(w, w->key) : STEP_ON;
    common = s3_common_prefix(key, l->prefix, l->delimiter);
    return str_absent(common) ? show_row(w, r) : show_prefix(w, common);
}

static enum step walk_on(struct walk *w)
{
    CLEANUP(rows_done) struct rows r;
    enum step next = STEP_ON;

    if (w->l->uploads)
        rows_uploads_from(w->s, w->l->bucket_id, w->from, &r);
    else
        rows_objects_from(w->s, w->l->bucket_id, w->from, &r);
    while (next == STEP_ON && rows_next(&r))
        next = step(w, &r);
    return next == STEP_ON ? STEP_END : next;
}

void list_walk(struct store *s, struct arena *a, struct listing *l)
{
    struct walk w = { .s = s,
                      .a = a,
                      .l = l,
                      .from =
                          !str_absent(l->after) && str_cmp(l->after, l->prefix) > 0 ? l->after : l->prefix };

    CHECK(l->n_objects == 0 && l->n_prefixes == 0 && !l->truncated && l->most <= PAGE_MOST);
    CHECK(!l->uploads || !l->versions);
    l->objects = l->uploads ? NULL : arena_calloc(a, l->most + 1, sizeof(*l->objects));
    l->in_progress = l->uploads ? arena_calloc(a, l->most + 1, sizeof(*l->in_progress)) : NULL;
    l->prefixes = arena_calloc(a, l->most + 1, sizeof(*l->prefixes));
    while (l->most > 0 && walk_on(&w) == STEP_JUMP)
        ;
    CHECK(l->last_id == 0 || l->n_objects > 0);
}

/* ---- what the operations share ---- */

static int page_size(struct call *c, const char *name, struct opt_int asked, size_t *ret)
{
    if (asked.set && (asked.v < 0 || asked.v > INT32_MAX))
        return s3_argument(
            c, name, arena_printf(c->mem, "%lld", (long long)asked.v),
            arena_z(c->mem,
                    arena_printf(c->mem, "Argument %s must be an integer between 0 and 2147483647", name)));
    *ret = asked.set ? (size_t)MIN(asked.v, PAGE_MOST) : PAGE_MOST;
    CHECK(*ret <= PAGE_MOST);
    return 0;
}

static int check_optional(struct call *c, const struct s3_OptionalObjectAttributesList *l)
{
    for (size_t i = 0; i < l->n; i++) /* nothing is ever being restored here */
        if (!str_is(l->v[i], "RestoreStatus"))
            return s3_argument(c, "x-amz-optional-object-attributes", l->v[i],
                               "Invalid attribute name specified");
    return 0;
}

static struct s3_ChecksumAlgorithmList algorithms(struct arena *a, const struct meta *m)
{
    struct s3_ChecksumAlgorithmList l = { .set = true, .n = 1, .v = ARENA_NEW(a, struct str) };

    if (m->checksum == CHECKSUM_NONE)
        return (struct s3_ChecksumAlgorithmList){ 0 };
    l.v[0] = str_of(checksum_name(m->checksum));
    return l;
}

/* Members that a listed object and a listed version have in common. */
#define SHOW_OBJECT(c, encoding, row, to)                                                       \
    do {                                                                                        \
        struct meta m_;                                                                         \
        meta_read((c)->mem, (row)->meta, &m_);                                                  \
        (to)->Key = s3_shown((c), (encoding), (row)->key);                                      \
        (to)->LastModified = TIME_SET((row)->modified_ms);                                      \
        (to)->ETag = s3_quoted((c)->mem, (row)->etag);                                          \
        (to)->ChecksumAlgorithm = algorithms((c)->mem, &m_);                                    \
        if (m_.checksum != CHECKSUM_NONE)                                                       \
            (to)->ChecksumType = m_.composite ? STR("COMPOSITE") : STR("FULL_OBJECT");          \
        (to)->Size = INT_SET((row)->bytes);                                                     \
        (to)->StorageClass = str_absent(m_.storage_class) ? STR("STANDARD") : m_.storage_class; \
    } while (0)

static void show_objects(struct call *c, struct str encoding, const struct listing *l, struct s3_Owner *owner,
                         struct s3_ObjectList *ret)
{
    *ret = (struct s3_ObjectList){ .set = l->n_objects > 0,
                                   .n = l->n_objects,
                                   .v = arena_calloc(c->mem, l->n_objects + 1, sizeof(*ret->v)) };
    for (size_t i = 0; i < l->n_objects; i++) {
        SHOW_OBJECT(c, encoding, &l->objects[i], &ret->v[i]);
        ret->v[i].Owner = owner;
    }
}

static void show_prefixes(struct call *c, struct str encoding, const struct listing *l,
                          struct s3_CommonPrefixList *ret)
{
    *ret = (struct s3_CommonPrefixList){ .set = l->n_prefixes > 0,
                                         .n = l->n_prefixes,
                                         .v = arena_calloc(c->mem, l->n_prefixes + 1, sizeof(*ret->v)) };
    for (size_t i = 0; i < l->n_prefixes; i++)
        ret->v[i].Prefix = s3_shown(c, encoding, l->prefixes[i]);
}

static struct str given(struct str s) { return str_empty(s) ? STR_NONE : s; }

/* ---- ListObjectsV2 ---- */

int s3_list_objects_v2(struct call *c, const void *input, void *output)
{
    const struct s3_ListObjectsV2Request *in = input;
    struct s3_ListObjectsV2Output *out = output;
    struct listing l = { .prefix = in->Prefix, .delimiter = in->Delimiter, .after = given(in->StartAfter) };
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:ListBucket", STR_NONE, &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0 || s3_encoding_check(c, in->EncodingType) != 0 ||
        page_size(c, "max-keys", in->MaxKeys, &l.most) != 0 ||
        check_optional(c, &in->OptionalObjectAttributes) != 0)
        return -E_FAULT;
    if (!str_absent(in->ContinuationToken) &&
        (str_empty(in->ContinuationToken) || base64_decode(c->mem, in->ContinuationToken, &l.after) != 0))
        return s3_argument(c, "continuation-token", in->ContinuationToken,
                           "The continuation token provided is incorrect");
    l.bucket_id = b->id;
    list_walk(c->turn->store, c->mem, &l);
    show_objects(c, in->EncodingType, &l,
                 in->FetchOwner.set && in->FetchOwner.v ? s3_owner(c->mem, b->account) : NULL,
                 &out->Contents);
    show_prefixes(c, in->EncodingType, &l, &out->CommonPrefixes);
    out->Name = b->name;
    out->Prefix = s3_shown(c, in->EncodingType, str_absent(in->Prefix) ? STR("") : in->Prefix);
    out->Delimiter = s3_shown(c, in->EncodingType, given(in->Delimiter));
    if (str_absent(in->ContinuationToken)) /* which takes the place of StartAfter */
        out->StartAfter = s3_shown(c, in->EncodingType, given(in->StartAfter));
    out->EncodingType = in->EncodingType;
    out->MaxKeys = INT_SET((int64_t)l.most);
    out->KeyCount = INT_SET((int64_t)(l.n_objects + l.n_prefixes));
    out->IsTruncated = BOOL_SET(l.truncated);
    out->ContinuationToken = in->ContinuationToken;
    out->NextContinuationToken = l.truncated ? base64_str(c->mem, l.last) : STR_NONE;
    return 0;
}

/* ---- ListObjects ---- */

int s3_list_objects(struct call *c, const void *input, void *output)
{
    const struct s3_ListObjectsRequest *in = input;
    struct s3_ListObjectsOutput *out = output;
    struct listing l = { .prefix = in->Prefix, .delimiter = in->Delimiter, .after = given(in->Marker) };
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:ListBucket", STR_NONE, &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0 || s3_encoding_check(c, in->EncodingType) != 0 ||
        page_size(c, "max-keys", in->MaxKeys, &l.most) != 0 ||
        check_optional(c, &in->OptionalObjectAttributes) != 0)
        return -E_FAULT;
    l.bucket_id = b->id;
    list_walk(c->turn->store, c->mem, &l);
    show_objects(c, in->EncodingType, &l, s3_owner(c->mem, b->account), &out->Contents);
    show_prefixes(c, in->EncodingType, &l, &out->CommonPrefixes);
    out->Name = b->name;
    out->Prefix = s3_shown(c, in->EncodingType, str_absent(in->Prefix) ? STR("") : in->Prefix);
    out->Marker = s3_shown(c, in->EncodingType, str_absent(in->Marker) ? STR("") : in->Marker);
    out->Delimiter = s3_shown(c, in->EncodingType, given(in->Delimiter));
    out->EncodingType = in->EncodingType;
    out->MaxKeys = INT_SET((int64_t)l.most);
    out->IsTruncated = BOOL_SET(l.truncated);
    /* Without a delimiter the last key is the marker, where one is shown behind which nothing was passed
     * over. */
    if (l.truncated &&
        (!str_empty(in->Delimiter) || l.n_objects == 0 || !str_eq(l.last, l.objects[l.n_objects - 1].key)))
        out->NextMarker = s3_shown(c, in->EncodingType, l.last);
    return 0;
}

/* ---- ListObjectVersions ---- */

/* The newest version of a key stands first; a page that begins inside a key has shown it. */
static void show_versions(struct call *c, struct str encoding, const struct bucket *b,
                          const struct listing *l, struct s3_ListObjectVersionsOutput *out)
{
    struct s3_Owner *owner = s3_owner(c->mem, b->account);

    CHECK(l->versions && l->n_objects <= l->most);
    out->Versions.v = arena_calloc(c->mem, l->n_objects + 1, sizeof(*out->Versions.v));
    out->DeleteMarkers.v = arena_calloc(c->mem, l->n_objects + 1, sizeof(*out->DeleteMarkers.v));
    for (size_t i = 0; i < l->n_objects; i++) {
        const struct object *o = &l->objects[i];
        bool latest = i == 0 ? l->after_id == 0 || !str_eq(o->key, l->after) : !str_eq(o->key, o[-1].key);

        if (o->marker) {
            out->DeleteMarkers.v[out->DeleteMarkers.n++] =
                (struct s3_DeleteMarkerEntry){ .Owner = owner,
                                               .Key = s3_shown(c, encoding, o->key),
                                               .VersionId = o->version_id,
                                               .IsLatest = BOOL_SET(latest),
                                               .LastModified = TIME_SET(o->modified_ms) };
        } else {
            struct s3_ObjectVersion *v = &out->Versions.v[out->Versions.n++];

            SHOW_OBJECT(c, encoding, o, v);
            v->VersionId = o->version_id;
            v->IsLatest = BOOL_SET(latest);
            v->Owner = owner;
        }
    }
    CHECK(out->Versions.n + out->DeleteMarkers.n == l->n_objects);
    out->Versions.set = out->Versions.n > 0;
    out->DeleteMarkers.set = out->DeleteMarkers.n > 0;
}

static int version_marker(struct call *c, const struct s3_ListObjectVersionsRequest *in, struct listing *l)
{
    struct object o;

    if (str_empty(in->VersionIdMarker))
        return 0;
    if (str_empty(in->KeyMarker))
        return s3_argument(c, "version-id-marker", in->VersionIdMarker,
                           "A version-id marker cannot be specified without a key marker.");
    if (rows_object_version(c->turn->store, c->mem, l->bucket_id, in->KeyMarker, in->VersionIdMarker, &o))
        l->after_id = o.id;
    else if (s3_id_read(in->VersionIdMarker, &l->after_id) != 0)
        return s3_argument(c, "version-id-marker", in->VersionIdMarker, "Invalid version id specified");
    return 0;
}

int s3_list_object_versions(struct call *c, const void *input, void *output)
{
    const struct s3_ListObjectVersionsRequest *in = input;
    struct s3_ListObjectVersionsOutput *out = output;
    struct listing l = {
        .prefix = in->Prefix, .delimiter = in->Delimiter, .after = given(in->KeyMarker), .versions = true
    };
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:ListBucketVersions", STR_NONE, &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0 || s3_encoding_check(c, in->EncodingType) != 0 ||
        page_size(c, "max-keys", in->MaxKeys, &l.most) != 0 ||
        check_optional(c, &in->OptionalObjectAttributes) != 0)
        return -E_FAULT;
    l.bucket_id = b->id;
    if (version_marker(c, in, &l) != 0)
        return -E_FAULT;
    list_walk(c->turn->store, c->mem, &l);
    show_versions(c, in->EncodingType, b, &l, out);
    show_prefixes(c, in->EncodingType, &l, &out->CommonPrefixes);
    out->Name = b->name;
    out->Prefix = s3_shown(c, in->EncodingType, str_absent(in->Prefix) ? STR("") : in->Prefix);
    out->KeyMarker = s3_shown(c, in->EncodingType, str_absent(in->KeyMarker) ? STR("") : in->KeyMarker);
    out->VersionIdMarker = str_absent(in->VersionIdMarker) ? STR("") : in->VersionIdMarker;
    out->Delimiter = s3_shown(c, in->EncodingType, given(in->Delimiter));
    out->EncodingType = in->EncodingType;
    out->MaxKeys = INT_SET((int64_t)l.most);
    out->IsTruncated = BOOL_SET(l.truncated);
    if (!l.truncated)
        return 0;
    out->NextKeyMarker = s3_shown(c, in->EncodingType, l.last);
    if (l.last_id != 0)
        out->NextVersionIdMarker = l.objects[l.n_objects - 1].version_id;
    return 0;
}

/* ---- ListMultipartUploads ---- */

static void show_uploads(struct call *c, struct str encoding, const struct bucket *b, const struct listing *l,
                         struct s3_MultipartUploadList *ret)
{
    struct s3_Owner *owner = s3_owner(c->mem, b->account);

    CHECK(l->uploads && l->n_objects <= l->most);
    *ret = (struct s3_MultipartUploadList){ .set = l->n_objects > 0,
                                            .n = l->n_objects,
                                            .v = arena_calloc(c->mem, l->n_objects + 1, sizeof(*ret->v)) };
    for (size_t i = 0; i < l->n_objects; i++) {
        const struct upload *u = &l->in_progress[i];
        struct s3_Initiator *who = ARENA_NEW(c->mem, struct s3_Initiator);
        struct meta m;

        meta_read(c->mem, u->meta, &m);
        who->ID = u->initiator;
        ret->v[i] =
            (struct s3_MultipartUpload){ .UploadId = u->upload_id,
                                         .Key = s3_shown(c, encoding, u->key),
                                         .Initiated = TIME_SET(u->started_ms),
                                         .StorageClass =
                                             str_absent(m.storage_class) ? STR("STANDARD") : m.storage_class,
                                         .Owner = owner,
                                         .Initiator = who,
                                         .ChecksumAlgorithm = str_of(checksum_name(m.checksum)) };
        if (m.checksum != CHECKSUM_NONE)
            ret->v[i].ChecksumType = m.composite ? STR("COMPOSITE") : STR("FULL_OBJECT");
    }
}

int s3_list_multipart_uploads(struct call *c, const void *input, void *output)
{
    const struct s3_ListMultipartUploadsRequest *in = input;
    struct s3_ListMultipartUploadsOutput *out = output;
    struct listing l = {
        .prefix = in->Prefix, .delimiter = in->Delimiter, .after = given(in->KeyMarker), .uploads = true
    };
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:ListBucketMultipartUploads", STR_NONE, &b) !=
            0 ||
        s3_payer(c, in->RequestPayer) != 0 || s3_encoding_check(c, in->EncodingType) != 0 ||
        page_size(c, "max-uploads", in->MaxUploads, &l.most) != 0)
        return -E_FAULT;
    if (!str_empty(in->UploadIdMarker) && !str_empty(in->KeyMarker) &&
        s3_id_read(in->UploadIdMarker, &l.after_id) != 0)
        return s3_argument(c, "upload-id-marker", in->UploadIdMarker, "Invalid uploadId marker");
    l.bucket_id = b->id;
    list_walk(c->turn->store, c->mem, &l);
    show_uploads(c, in->EncodingType, b, &l, &out->Uploads);
    show_prefixes(c, in->EncodingType, &l, &out->CommonPrefixes);
    out->Bucket = b->name;
    out->Prefix = s3_shown(c, in->EncodingType, str_absent(in->Prefix) ? STR("") : in->Prefix);
    out->KeyMarker = s3_shown(c, in->EncodingType, str_absent(in->KeyMarker) ? STR("") : in->KeyMarker);
    out->UploadIdMarker = str_absent(in->UploadIdMarker) ? STR("") : in->UploadIdMarker;
    out->Delimiter = s3_shown(c, in->EncodingType, given(in->Delimiter));
    out->EncodingType = in->EncodingType;
    out->MaxUploads = INT_SET((int64_t)l.most);
    out->IsTruncated = BOOL_SET(l.truncated);
    if (!l.truncated)
        return 0;
    out->NextKeyMarker = s3_shown(c, in->EncodingType, l.last);
    if (l.last_id != 0)
        out->NextUploadIdMarker = l.in_progress[l.n_objects - 1].upload_id;
    return 0;
}
