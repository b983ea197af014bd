/* delete.c - DeleteObject and DeleteObjects. */
#include "service/s3/write.h"

/* What one delete did. */
struct deleted {
    bool marker;           /* a marker was made, or was deleted by its id */
    struct str version_id; /* absent: not shown */
};

static void tell(struct call *c, const struct bucket *b, const struct object *o, bool made_marker)
{
    struct happening h = { .event =
                               made_marker ? "ObjectRemoved:DeleteMarkerCreated" : "ObjectRemoved:Delete",
                           .detail_type = "Object Deleted",
                           .reason = "DeleteObject",
                           .deletion_type = made_marker ? "Delete Marker Created" : "Permanently Deleted",
                           .key = o->key,
                           .version_id = s3_version_shown(b, o),
                           .bytes = -1,
                           .sequence = store_next_id(c->turn->store) };

    CHECK(o->marker || !made_marker);
    if (made_marker)
        h.etag = o->etag;
    happening_by(c, &h);
    notify(s3_of(c), c->turn, b, &h);
}

static void delete_version(struct call *c, const struct bucket *b, struct str key, struct str version_id,
                           struct deleted *ret)
{
    struct object o;

    ret->version_id = version_id;
    if (!rows_object_version(c->turn->store, c->mem, b->id, key, version_id, &o))
        return;
    s3_version_drop(s3_of(c), c->turn, &o);
    ret->marker = o.marker;
    tell(c, b, &o, false);
}

static void add_marker(struct call *c, const struct bucket *b, struct str key, struct deleted *ret)
{
    struct object o = {
        .key = key, .marker = true, .etag = STR("d41d8cd98f00b204e9800998ecf8427e"), .meta = STR("{}")
    };

    CHECK(b->versioning != VERSIONING_NEVER);
    s3_version_add(s3_of(c), c->turn, c->mem, b, &o, STR_NONE);
    ret->marker = true;
    ret->version_id = o.version_id;
    tell(c, b, &o, true);
}

static void delete_current(struct call *c, const struct bucket *b, struct str key, struct deleted *ret)
{
    struct object o;

    if (b->versioning != VERSIONING_NEVER) {
        add_marker(c, b, key, ret);
        return;
    }
    if (!rows_object_newest(c->turn->store, c->mem, b->id, key, &o))
        return;
    s3_version_drop(s3_of(c), c->turn, &o);
    tell(c, b, &o, false);
}

static void delete_one(struct call *c, const struct bucket *b, struct str key, struct str version_id,
                       struct deleted *ret)
{
    CHECK_IS(b, BUCKET_MAGIC);
    CHECK(!str_empty(key));
    *ret = (struct deleted){ 0 };
    if (str_absent(version_id))
        delete_current(c, b, key, ret);
    else
        delete_version(c, b, key, version_id, ret);
}

static const char *delete_action(struct str version_id)
{
    return str_absent(version_id) ? "s3:DeleteObject" : "s3:DeleteObjectVersion";
}

static int check_version_id(struct call *c, struct str version_id)
{
    return str_absent(version_id) || str_is(version_id, "null") || version_id.n == 32
               ? 0
               : s3_argument(c, "versionId", version_id, "Invalid version id specified");
}

/* The conditions of a delete.  A key that is not there passes those of time and size (API reference,
 * DeleteObject), but If-Match asks for an object ("*": any).  UNVERIFIED: that the answer is then NoSuchKey,
 * and PreconditionFailed where a delete marker stands, as with the conditions of a write. */
static int check_conditions(struct call *c, const struct bucket *b, struct str key, struct str version_id,
                            struct str etag, struct opt_time modified, struct opt_int bytes)
{
    struct object o;
    bool there;

    if (str_absent(etag) && !modified.set && !bytes.set)
        return 0;
    there = str_absent(version_id) ? rows_object_newest(c->turn->store, c->mem, b->id, key, &o)
                                   : rows_object_version(c->turn->store, c->mem, b->id, key, version_id, &o);
    if (!there && !str_absent(etag))
        return call_fault(c, &s3_error_NoSuchKey, "The specified key does not exist.");
    if (!there || (o.marker && str_absent(etag)))
        return 0;
    if (o.marker || (!str_absent(etag) && !s3_etag_matches(etag, o.etag)) ||
        (modified.set && modified.ms / 1000 != o.modified_ms / 1000) || (bytes.set && bytes.v != o.bytes)) {
        (void)S3_FAULT(c, PreconditionFailed,
                       "At least one of the pre-conditions you specified did not hold");
        if (!str_absent(etag) && (o.marker || !s3_etag_matches(etag, o.etag)))
            fault_element(c->mem, &c->fault, "Condition", STR("If-Match"));
        return -E_FAULT;
    }
    return 0;
}

int s3_delete_object(struct call *c, const void *input, void *output)
{
    const struct s3_DeleteObjectRequest *in = input;
    struct s3_DeleteObjectOutput *out = output;
    struct bucket *b;
    struct deleted d;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, delete_action(in->VersionId), in->Key, &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0)
        return -E_FAULT;
    S3_REFUSE_STR(c, in, MFA);
    if (in->BypassGovernanceRetention.set && in->BypassGovernanceRetention.v)
        return s3_refuse(c, "BypassGovernanceRetention");
    if (s3_key_check(c, in->Key) != 0 || check_version_id(c, in->VersionId) != 0 ||
        check_conditions(c, b, in->Key, in->VersionId, in->IfMatch, in->IfMatchLastModifiedTime,
                         in->IfMatchSize) != 0)
        return -E_FAULT;
    if (str_absent(in->VersionId) && b->versioning != VERSIONING_NEVER && s3_room(c) != 0)
        return -E_FAULT;
    delete_one(c, b, in->Key, in->VersionId, &d);
    if (d.marker)
        out->DeleteMarker = BOOL_SET(true);
    out->VersionId = d.version_id;
    return 0;
}

/* ---- many ---- */

#define KEYS_MOST 1000

/* The fault set for one key becomes its row in the answer. */
static void add_error(struct call *c, const struct s3_ObjectIdentifier *id, struct s3_Errors *out)
{
    const struct error_row *row = c->fault.row;

    CHECK(row != NULL && out->n < KEYS_MOST);
    out->set = true;
    out->v[out->n++] =
        (struct s3_Error){ .Key = id->Key,
                           .VersionId = id->VersionId,
                           .Message = c->fault.message,
                           .Code = str_of(row->query_code != NULL ? row->query_code : row->name) };
    c->fault = (struct fault){ 0 };
}

static void add_deleted(const struct s3_ObjectIdentifier *id, const struct deleted *d,
                        struct s3_DeletedObjects *out)
{
    struct s3_DeletedObject *one;

    CHECK(out->n < KEYS_MOST);
    one = &out->v[out->n++];
    out->set = true;
    one->Key = id->Key;
    one->VersionId = id->VersionId;
    if (d->marker) {
        one->DeleteMarker = BOOL_SET(true);
        one->DeleteMarkerVersionId = d->version_id;
    }
}

static int check_one(struct call *c, const struct bucket *b, const struct s3_ObjectIdentifier *id)
{
    if (s3_may(c, b, delete_action(id->VersionId), id->Key) != 0 || s3_key_check(c, id->Key) != 0 ||
        check_version_id(c, id->VersionId) != 0 ||
        check_conditions(c, b, id->Key, id->VersionId, id->ETag, id->LastModifiedTime, id->Size) != 0)
        return -E_FAULT;
    return str_absent(id->VersionId) && b->versioning != VERSIONING_NEVER ? s3_room(c) : 0;
}

static int enter_many(struct call *c, const struct s3_DeleteObjectsRequest *in, struct bucket **ret)
{
    struct bucket *b = s3_bucket_find(s3_of(c), in->Bucket);

    if (b == NULL)
        return call_fault(c, &s3_error_NoSuchBucket, "The specified bucket does not exist");
    if (!str_empty(in->ExpectedBucketOwner) && !str_eq(in->ExpectedBucketOwner, b->account))
        return call_fault(c, &s3_error_AccessDenied, "Access Denied");
    S3_REFUSE_STR(c, in, MFA);
    if (in->BypassGovernanceRetention.set && in->BypassGovernanceRetention.v)
        return s3_refuse(c, "BypassGovernanceRetention");
    if (s3_payer(c, in->RequestPayer) != 0 || s3_check_document(c, STR_NONE, in->ChecksumAlgorithm) != 0)
        return -E_FAULT;
    if (in->Delete == NULL || in->Delete->Objects.n == 0 || in->Delete->Objects.n > KEYS_MOST)
        return S3_FAULT(
            c, MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema");
    *ret = b;
    return 0;
}

int s3_delete_objects(struct call *c, const void *input, void *output)
{
    const struct s3_DeleteObjectsRequest *in = input;
    struct s3_DeleteObjectsOutput *out = output;
    const struct s3_ObjectIdentifierList *ids;
    struct bucket *b;

    if (enter_many(c, in, &b) != 0)
        return -E_FAULT;
    ids = &in->Delete->Objects;
    out->Deleted.v = arena_calloc(c->mem, ids->n, sizeof(*out->Deleted.v));
    out->Errors.v = arena_calloc(c->mem, ids->n, sizeof(*out->Errors.v));
    for (size_t i = 0; i < ids->n; i++) {
        struct deleted d;

        if (check_one(c, b, &ids->v[i]) != 0) {
            add_error(c, &ids->v[i], &out->Errors);
            continue;
        }
        delete_one(c, b, ids->v[i].Key, ids->v[i].VersionId, &d);
        if (!(in->Delete->Quiet.set && in->Delete->Quiet.v))
            add_deleted(&ids->v[i], &d, &out->Deleted);
    }
    CHECK(out->Deleted.n + out->Errors.n <= ids->n && c->fault.row == NULL);
    return 0;
}
