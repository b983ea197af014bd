/* get.c - GetObject, HeadObject and what else is read of one object.
 * True here: no object's bytes from files are held; its files are opened in the handler's turn and read by
 * net while the client takes the reply, however long that is. */
#include "base/header.h"
#include "service/s3/write.h"

static int gone(struct call *c, const struct bucket *b, const struct object *marker, bool by_id)
{
    CHECK((marker == NULL || marker->marker) && (!by_id || marker != NULL));
    if (marker != NULL) {
        call_header(c, "x-amz-delete-marker", STR("true"));
        call_header(c, "x-amz-version-id", s3_version_shown(b, marker));
    }
    if (by_id) {
        (void)S3_FAULT(c, MethodNotAllowed, "The specified method is not allowed against this resource.");
        call_header(c, "Allow", STR("DELETE"));
        fault_element(c->mem, &c->fault, "Method", str_of(c->op->method));
        fault_element(c->mem, &c->fault, "ResourceType", STR("DeleteMarker"));
        return -E_FAULT;
    }
    return call_fault(c, &s3_error_NoSuchKey, "The specified key does not exist.");
}

static void name_key(struct call *c, struct str key) { fault_element(c->mem, &c->fault, "Key", key); }

int s3_object_of(struct call *c, const struct bucket *b, struct str key, struct str version_id,
                 struct object *ret)
{
    CHECK_IS(b, BUCKET_MAGIC);
    if (str_absent(version_id)) {
        if (!rows_object_newest(c->turn->store, c->mem, b->id, key, ret))
            (void)gone(c, b, NULL, false);
        else if (!ret->marker)
            return 0;
        else
            (void)gone(c, b, ret, false);
        name_key(c, key);
        return -E_FAULT;
    }
    if (rows_object_version(c->turn->store, c->mem, b->id, key, version_id, ret))
        return ret->marker ? gone(c, b, ret, true) : 0;
    if (!str_is(version_id, "null") && version_id.n != 32)
        return s3_argument(c, "versionId", version_id, "Invalid version id specified");
    (void)S3_FAULT(c, NoSuchVersion, "The specified version does not exist.");
    name_key(c, key);
    fault_element(c->mem, &c->fault, "VersionId", version_id);
    return -E_FAULT;
}

/* ---- what GET and HEAD share: their inputs have the same members, and so have their outputs ---- */

struct reading {
    struct bucket *b;
    struct object o;
    struct meta meta;
    int64_t from, to;
    bool part;     /* of the object: 206 */
    int64_t parts; /* PartsCount; 0: not shown */
};

/* PartNumber: that part of a multipart object; of any other, part 1 is all. */
static int choose_part(struct call *c, struct reading *r, int64_t number)
{
    struct piece *v;
    size_t n = 0;
    ptrdiff_t dash = str_find(r->o.etag, '-');

    if (dash >= 0 && s3_pieces_read(c->mem, r->o.files, &v, &n) != 0)
        return -E_IO;
    if (number < 1 || number > S3_PART_NUMBER_MOST || (n == 0 ? number > 1 : number > (int64_t)n))
        return call_fault(c, &s3_fault_InvalidRange, "The requested partnumber is not satisfiable");
    r->part = true;
    r->from = 0;
    r->to = r->o.bytes;
    if (n == 0)
        return 0;
    r->parts = (int64_t)n;
    for (int64_t i = 0; i < number - 1; i++)
        r->from += v[i].bytes;
    r->to = r->from + v[number - 1].bytes;
    return 0;
}

static int choose_range(struct call *c, struct reading *r, struct str range, struct opt_int part)
{
    r->from = 0;
    r->to = r->o.bytes;
    if (part.set && !str_absent(range))
        return call_fault(c, &s3_error_InvalidRequest,
                          "Cannot specify both Range header and partNumber query parameter");
    if (part.set)
        return choose_part(c, r, part.v);
    switch (s3_range(range, r->o.bytes, &r->from, &r->to)) {
    case RANGE_NONE: return 0;
    case RANGE_OK: r->part = true; return 0;
    case RANGE_UNSATISFIABLE: break;
    }
    (void)S3_FAULT(c, InvalidRange, "The requested range is not satisfiable");
    fault_element(c->mem, &c->fault, "RangeRequested", range);
    fault_element(c->mem, &c->fault, "ActualObjectSize", arena_printf(c->mem, "%lld", (long long)r->o.bytes));
    return -E_FAULT;
}

/* 1: not modified. */
static int check_conditions(struct call *c, const struct conditions *k, const struct object *o)
{
    switch (s3_conditions(k, o->etag, o->modified_ms)) {
    case CONDITION_FAILED:
        (void)S3_FAULT(c, PreconditionFailed,
                       "At least one of the pre-conditions you specified did not hold");
        fault_element(c->mem, &c->fault, "Condition",
                      str_absent(k->if_match) ? STR("If-Unmodified-Since") : STR("If-Match"));
        return -E_FAULT;
    case CONDITION_NOT_MODIFIED: c->status = 304; return 1;
    case CONDITION_HOLDS: break;
    }
    return 0;
}

static int64_t count_tags(struct call *c, struct str tags)
{
    struct s3_TagSet set;

    s3_tags_read(c->mem, tags, &set);
    return (int64_t)set.n;
}

#define OVERRIDE(asked, own) (!str_absent(asked) ? (asked) : (own))
#define READ_MEMBERS(c, in, out, r)                                                                       \
    do {                                                                                                  \
        (out)->AcceptRanges = STR("bytes");                                                               \
        (out)->LastModified = TIME_SET((r)->o.modified_ms);                                               \
        (out)->ETag = s3_quoted((c)->mem, (r)->o.etag);                                                   \
        (out)->VersionId = s3_version_shown((r)->b, &(r)->o);                                             \
        (out)->ContentType = OVERRIDE((in)->ResponseContentType, str_absent((r)->meta.content_type)       \
                                                                     ? STR("binary/octet-stream")         \
                                                                     : (r)->meta.content_type);           \
        (out)->CacheControl = OVERRIDE((in)->ResponseCacheControl, (r)->meta.cache_control);              \
        (out)->ContentDisposition =                                                                       \
            OVERRIDE((in)->ResponseContentDisposition, (r)->meta.content_disposition);                    \
        (out)->ContentEncoding = OVERRIDE((in)->ResponseContentEncoding, (r)->meta.content_encoding);     \
        (out)->ContentLanguage = OVERRIDE((in)->ResponseContentLanguage, (r)->meta.content_language);     \
        (out)->Expires = (in)->ResponseExpires.set ? (in)->ResponseExpires : (r)->meta.expires;           \
        (out)->WebsiteRedirectLocation = (r)->meta.website_redirect;                                      \
        (out)->ServerSideEncryption =                                                                     \
            str_absent((r)->meta.encryption) ? STR("AES256") : (r)->meta.encryption;                      \
        (out)->SSEKMSKeyId = (r)->meta.kms_key;                                                           \
        if ((r)->meta.bucket_key)                                                                         \
            (out)->BucketKeyEnabled = BOOL_SET(true);                                                     \
        (out)->Metadata = (r)->meta.user;                                                                 \
        (out)->StorageClass = (r)->meta.storage_class;                                                    \
        if ((r)->parts > 0)                                                                               \
            (out)->PartsCount = INT_SET((r)->parts);                                                      \
        if (!str_absent((r)->o.tags))                                                                     \
            (out)->TagCount = INT_SET(count_tags((c), (r)->o.tags));                                      \
        if (str_is((in)->ChecksumMode, "ENABLED") && !(r)->part && (r)->meta.checksum != CHECKSUM_NONE) { \
            META_SET_CHECKSUM((out), (r)->meta.checksum, (r)->meta.checksum_text);                        \
            (out)->ChecksumType = (r)->meta.composite ? STR("COMPOSITE") : STR("FULL_OBJECT");            \
        }                                                                                                 \
        if ((r)->part) {                                                                                  \
            (out)->ContentRange = arena_printf((c)->mem, "bytes %lld-%lld/%lld", (long long)(r)->from,    \
                                               (long long)(r)->to - 1, (long long)(r)->o.bytes);          \
            (c)->status = 206;                                                                            \
        }                                                                                                 \
    } while (0)

/* What a reply cannot carry is refused, as S3 does for values it cannot represent; to leave bytes out would
 * be silent. */
static int check_override(struct call *c, const char *name, struct str value)
{
    return header_value_fits(value)
               ? 0
               : s3_argument(c, name, value, "Header value cannot contain control characters.");
}

#define CHECK_OVERRIDES(c, in)                                                                     \
    (check_override((c), "response-content-type", (in)->ResponseContentType) != 0 ||               \
     check_override((c), "response-cache-control", (in)->ResponseCacheControl) != 0 ||             \
     check_override((c), "response-content-disposition", (in)->ResponseContentDisposition) != 0 || \
     check_override((c), "response-content-encoding", (in)->ResponseContentEncoding) != 0 ||       \
     check_override((c), "response-content-language", (in)->ResponseContentLanguage) != 0)

/* 0, 1 (not modified: answered), -E_FAULT.  A macro, because GET and HEAD have inputs of different types. */
#define READ_BEGIN(c, in, r)                                                                               \
    (s3_enter((c), (in)->Bucket, (in)->ExpectedBucketOwner,                                                \
              str_absent((in)->VersionId) ? "s3:GetObject" : "s3:GetObjectVersion", (in)->Key,             \
              &(r)->b) != 0 ||                                                                             \
             s3_payer((c), (in)->RequestPayer) != 0 || check_mode((c), (in)->ChecksumMode) != 0 ||         \
             CHECK_OVERRIDES((c), (in)) ||                                                                 \
             s3_object_of((c), (r)->b, (in)->Key, (in)->VersionId, &(r)->o) != 0                           \
         ? -E_FAULT                                                                                        \
         : check_conditions((c),                                                                           \
                            &(struct conditions){ (in)->IfMatch, (in)->IfNoneMatch, (in)->IfModifiedSince, \
                                                  (in)->IfUnmodifiedSince },                               \
                            &(r)->o))

static int check_mode(struct call *c, struct str mode)
{
    return str_absent(mode) || str_is(mode, "ENABLED")
               ? 0
               : s3_argument(c, "x-amz-checksum-mode", mode,
                             "The only value of x-amz-checksum-mode is ENABLED.");
}

int s3_head_object(struct call *c, const void *input, void *output)
{
    const struct s3_HeadObjectRequest *in = input;
    struct s3_HeadObjectOutput *out = output;
    struct reading r = { 0 };
    int rc;

    S3_REFUSE_CUSTOMER_KEYS(c, in);
    rc = READ_BEGIN(c, in, &r);
    if (rc < 0)
        return rc;
    meta_read(c->mem, r.o.meta, &r.meta);
    if (rc == 1) {
        out->ETag = s3_quoted(c->mem, r.o.etag);
        out->LastModified = TIME_SET(r.o.modified_ms);
        return 0;
    }
    if (choose_range(c, &r, in->Range, in->PartNumber) != 0)
        return -E_FAULT;
    READ_MEMBERS(c, in, out, &r);
    out->ContentLength = INT_SET(r.to - r.from);
    return 0;
}

/* ---- bytes of files ---- */

static int slow_down(struct call *c) { return S3_FAULT(c, SlowDown, "Please reduce your request rate."); }

/* The files are opened now and read while the reply is sent: a delete in between does not matter. */
static int send_files(struct call *c, const struct reading *r)
{
    struct s3 *s = s3_of(c);
    struct segment *v;
    struct piece *pieces;
    size_t n, n_pieces;
    int rc;

    if (s3_pieces_read(c->mem, r->o.files, &pieces, &n_pieces) != 0)
        return -E_IO;
    rc = s3_segments_open(s->o.dir, c->mem, pieces, n_pieces, r->from, r->to, &v, &n);
    if (rc != 0)
        return rc == -E_LIMIT ? slow_down(c) : rc;
    if (n > s->open_most - MIN(s->open_files, s->open_most)) {
        s3_segments_close(v, n);
        return slow_down(c);
    }
    call_files(c, v, n, &s->open_files);
    CHECK(s->open_files <= s->open_most);
    return 0;
}

int s3_get_object(struct call *c, const void *input, void *output)
{
    const struct s3_GetObjectRequest *in = input;
    struct s3_GetObjectOutput *out = output;
    struct reading r = { 0 };
    int rc;

    S3_REFUSE_CUSTOMER_KEYS(c, in);
    rc = READ_BEGIN(c, in, &r);
    if (rc < 0)
        return rc;
    meta_read(c->mem, r.o.meta, &r.meta);
    if (rc == 1) {
        out->ETag = s3_quoted(c->mem, r.o.etag);
        out->LastModified = TIME_SET(r.o.modified_ms);
        return 0;
    }
    if (choose_range(c, &r, in->Range, in->PartNumber) != 0)
        return -E_FAULT;
    READ_MEMBERS(c, in, out, &r);
    if (r.from == r.to)
        return 0;
    if (!str_absent(r.o.files))
        return send_files(c, &r);
    out->Body = str_sub(rows_object_data(c->turn->store, c->mem, r.o.id), (size_t)r.from, (size_t)r.to);
    return 0;
}

/* ---- other reads ---- */

void s3_acl_of(struct arena *a, struct str account, struct s3_Owner **ret_owner, struct s3_Grants *ret)
{
    struct s3_Grantee *g = ARENA_NEW(a, struct s3_Grantee);

    *ret_owner = s3_owner(a, account);
    *g = (struct s3_Grantee){ .ID = (*ret_owner)->ID, .Type = STR("CanonicalUser") };
    *ret = (struct s3_Grants){ .set = true, .n = 1, .v = ARENA_NEW(a, struct s3_Grant) };
    ret->v[0] = (struct s3_Grant){ .Grantee = g, .Permission = STR("FULL_CONTROL") };
}

int s3_get_object_acl(struct call *c, const void *input, void *output)
{
    const struct s3_GetObjectAclRequest *in = input;
    struct s3_GetObjectAclOutput *out = output;
    struct bucket *b;
    struct object o;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner,
                 str_absent(in->VersionId) ? "s3:GetObjectAcl" : "s3:GetObjectVersionAcl", in->Key,
                 &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0 || s3_object_of(c, b, in->Key, in->VersionId, &o) != 0)
        return -E_FAULT;
    s3_acl_of(c->mem, b->account, &out->Owner, &out->Grants);
    return 0;
}

static void attribute_parts(struct call *c, const struct object *o, int64_t after, int64_t most,
                            struct s3_GetObjectAttributesOutput *out)
{
    struct s3_GetObjectAttributesParts *p = ARENA_NEW(c->mem, struct s3_GetObjectAttributesParts);
    struct piece *v;
    size_t n;

    if (str_find(o->etag, '-') < 0 || s3_pieces_read(c->mem, o->files, &v, &n) != 0)
        return;
    CHECK(after >= 0 && most >= 0 && most <= 1000);
    p->TotalPartsCount = INT_SET((int64_t)n);
    p->PartNumberMarker = INT_SET(after);
    p->MaxParts = INT_SET(most);
    p->Parts = (struct s3_PartsList){ .set = true,
                                      .v = arena_calloc(c->mem, (size_t)most + 1, sizeof(*p->Parts.v)) };
    for (int64_t i = after; i < (int64_t)n && (int64_t)p->Parts.n < most; i++)
        p->Parts.v[p->Parts.n++] =
            (struct s3_ObjectPart){ .PartNumber = INT_SET(i + 1), .Size = INT_SET(v[i].bytes) };
    CHECK((int64_t)p->Parts.n <= most);
    p->IsTruncated = BOOL_SET(after + (int64_t)p->Parts.n < (int64_t)n);
    if (p->IsTruncated.v)
        p->NextPartNumberMarker = INT_SET(after + (int64_t)p->Parts.n);
    out->ObjectParts = p;
}

static int attribute(struct call *c, struct str name, const struct s3_GetObjectAttributesRequest *in,
                     const struct object *o, struct s3_GetObjectAttributesOutput *out)
{
    struct meta m;

    meta_read(c->mem, o->meta, &m);
    if (str_is(name, "ETag")) {
        out->ETag = o->etag;
    } else if (str_is(name, "ObjectSize")) {
        out->ObjectSize = INT_SET(o->bytes);
    } else if (str_is(name, "StorageClass")) {
        out->StorageClass = str_absent(m.storage_class) ? STR("STANDARD") : m.storage_class;
    } else if (str_is(name, "Checksum")) {
        if (m.checksum == CHECKSUM_NONE)
            return 0;
        out->Checksum = ARENA_NEW(c->mem, struct s3_Checksum);
        /* Here alone a checksum of checksums is shown without "-<parts>" behind it. */
        if (m.composite && str_find(m.checksum_text, '-') >= 0)
            m.checksum_text = str_sub(m.checksum_text, 0, (size_t)str_find(m.checksum_text, '-'));
        META_SET_CHECKSUM(out->Checksum, m.checksum, m.checksum_text);
        out->Checksum->ChecksumType = m.composite ? STR("COMPOSITE") : STR("FULL_OBJECT");
    } else if (str_is(name, "ObjectParts")) {
        attribute_parts(c, o, in->PartNumberMarker.set ? MAX(in->PartNumberMarker.v, 0) : 0,
                        in->MaxParts.set ? MIN(MAX(in->MaxParts.v, 0), 1000) : 1000, out);
    } else {
        return s3_argument(c, "x-amz-object-attributes", name, "Invalid attribute name specified.");
    }
    return 0;
}

int s3_get_object_attributes(struct call *c, const void *input, void *output)
{
    const struct s3_GetObjectAttributesRequest *in = input;
    struct s3_GetObjectAttributesOutput *out = output;
    struct bucket *b;
    struct object o;

    S3_REFUSE_CUSTOMER_KEYS(c, in);
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner,
                 str_absent(in->VersionId) ? "s3:GetObjectAttributes" : "s3:GetObjectVersionAttributes",
                 in->Key, &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0 || s3_object_of(c, b, in->Key, in->VersionId, &o) != 0)
        return -E_FAULT;
    for (size_t i = 0; i < in->ObjectAttributes.n; i++)
        if (attribute(c, in->ObjectAttributes.v[i], in, &o, out) != 0)
            return -E_FAULT;
    out->LastModified = TIME_SET(o.modified_ms);
    out->VersionId = s3_version_shown(b, &o);
    return 0;
}
