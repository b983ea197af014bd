/* tag.c - tags of buckets and objects: JSON objects in their rows. */
#include "base/json.h"
#include "service/s3/write.h"

#define KEY_MOST 128
#define VALUE_MOST 256

static size_t characters(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static int check_tag(struct call *c, const struct s3_Tag *v, size_t i)
{
    if (str_empty(v[i].Key) || characters(v[i].Key) > KEY_MOST)
        return S3_FAULT(c, InvalidTag, "The TagKey you have provided is invalid");
    if (characters(v[i].Value) > VALUE_MOST)
        return S3_FAULT(c, InvalidTag, "The TagValue you have provided is invalid");
    if (str_starts_nocase(v[i].Key, STR("aws:")))
        return S3_FAULT(c, InvalidTag, "System tags cannot be added/updated by requester");
    for (size_t k = 0; k < i; k++)
        if (str_eq(v[k].Key, v[i].Key))
            return S3_FAULT(c, InvalidTag, "Cannot provide multiple Tags with the same key");
    return 0;
}

int s3_tags_json(struct call *c, const struct s3_TagSet *tags, size_t most, struct str *ret)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;

    CHECK(most == S3_TAGS_MOST || most == S3_OBJECT_TAGS_MOST);
    *ret = STR_NONE;
    if (tags->n > most)
        return S3_FAULT(c, BadRequest, "%s",
                        most == S3_OBJECT_TAGS_MOST ? "Object tags cannot be greater than 10"
                                                    : "Bucket tag count cannot be greater than 50");
    if (tags->n == 0)
        return 0;
    jw_init(&w, &b);
    jw_object(&w);
    for (size_t i = 0; i < tags->n; i++) {
        if (check_tag(c, tags->v, i) != 0)
            return -E_FAULT;
        jw_key(&w, tags->v[i].Key);
        jw_str(&w, str_absent(tags->v[i].Value) ? STR("") : tags->v[i].Value);
    }
    jw_object_end(&w);
    *ret = buf_to_arena(&b, c->mem);
    return 0;
}

int s3_tags_header(struct call *c, struct str header, struct str *ret)
{
    struct s3_TagSet tags = { .set = true };
    struct s3_pair *v;

    *ret = STR_NONE;
    if (str_empty(header))
        return 0;
    if (s3_tagging_header(c->mem, header, &v, &tags.n) != 0)
        return s3_argument(c, "x-amz-tagging", header,
                           "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
                           "parameters without tag name duplicates.");
    tags.v = arena_calloc(c->mem, tags.n + 1, sizeof(*tags.v));
    for (size_t i = 0; i < tags.n; i++)
        tags.v[i] = (struct s3_Tag){ .Key = v[i].key, .Value = v[i].value };
    return s3_tags_json(c, &tags, S3_OBJECT_TAGS_MOST, ret);
}

void s3_tags_read(struct arena *a, struct str json, struct s3_TagSet *ret)
{
    struct json *j;

    *ret = (struct s3_TagSet){ .set = true };
    if (str_absent(json) || json_parse(a, json, &j, NULL) != 0 || j->type != JSON_OBJECT)
        return;
    ret->v = arena_calloc(a, j->n + 1, sizeof(*ret->v));
    JSON_EACH(j, m)
        ret->v[ret->n++] = (struct s3_Tag){ .Key = json_key(a, m), .Value = json_text(a, m) };
}

/* ---- of buckets ---- */

int s3_get_bucket_tagging(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketTaggingRequest *in = input;
    struct s3_GetBucketTaggingOutput *out = output;
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketTagging", STR_NONE, &b) != 0)
        return -E_FAULT;
    if (str_absent(b->tags)) {
        (void)S3_FAULT(c, NoSuchTagSet, "The TagSet does not exist");
        fault_element(c->mem, &c->fault, "BucketName", b->name);
        return -E_FAULT;
    }
    s3_tags_read(c->mem, b->tags, &out->TagSet);
    return 0;
}

int s3_put_bucket_tagging(struct call *c, const void *input, void *output)
{
    const struct s3_PutBucketTaggingRequest *in = input;
    struct bucket *b;
    struct str json;

    (void)output;
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutBucketTagging", STR_NONE, &b) != 0 ||
        s3_check_document(c, in->ContentMD5, in->ChecksumAlgorithm) != 0)
        return -E_FAULT;
    if (in->Tagging == NULL)
        return S3_FAULT(
            c, MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema");
    if (s3_tags_json(c, &in->Tagging->TagSet, S3_TAGS_MOST, &json) != 0)
        return -E_FAULT;
    s3_bucket_tags(b, json);
    rows_bucket_put(c->turn->store, b);
    c->status = 204;
    return 0;
}

int s3_delete_bucket_tagging(struct call *c, const void *input, void *output)
{
    const struct s3_DeleteBucketTaggingRequest *in = input;
    struct bucket *b;

    (void)output;
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutBucketTagging", STR_NONE, &b) != 0)
        return -E_FAULT;
    s3_bucket_tags(b, STR_NONE);
    rows_bucket_put(c->turn->store, b);
    return 0;
}

/* ---- of objects ---- */

static void tell(struct call *c, const struct bucket *b, const struct object *o, bool put)
{
    struct happening h = { .event = put ? "ObjectTagging:Put" : "ObjectTagging:Delete",
                           .reason = put ? "PutObjectTagging" : "DeleteObjectTagging",
                           .detail_type = put ? "Object Tags Added" : "Object Tags Deleted",
                           .key = o->key,
                           .version_id = s3_version_shown(b, o),
                           .etag = o->etag,
                           .bytes = -1,
                           .sequence = store_next_id(c->turn->store) };

    happening_by(c, &h);
    notify(s3_of(c), c->turn, b, &h);
}

int s3_get_object_tagging(struct call *c, const void *input, void *output)
{
    const struct s3_GetObjectTaggingRequest *in = input;
    struct s3_GetObjectTaggingOutput *out = output;
    struct bucket *b;
    struct object o;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner,
                 str_absent(in->VersionId) ? "s3:GetObjectTagging" : "s3:GetObjectVersionTagging", in->Key,
                 &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0 || s3_object_of(c, b, in->Key, in->VersionId, &o) != 0)
        return -E_FAULT;
    out->VersionId = s3_version_shown(b, &o);
    s3_tags_read(c->mem, o.tags, &out->TagSet);
    return 0;
}

int s3_put_object_tagging(struct call *c, const void *input, void *output)
{
    const struct s3_PutObjectTaggingRequest *in = input;
    struct s3_PutObjectTaggingOutput *out = output;
    struct bucket *b;
    struct object o;
    struct str json;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner,
                 str_absent(in->VersionId) ? "s3:PutObjectTagging" : "s3:PutObjectVersionTagging", in->Key,
                 &b) != 0 ||
        s3_payer(c, in->RequestPayer) != 0 ||
        s3_check_document(c, in->ContentMD5, in->ChecksumAlgorithm) != 0 ||
        s3_object_of(c, b, in->Key, in->VersionId, &o) != 0)
        return -E_FAULT;
    if (in->Tagging == NULL)
        return S3_FAULT(
            c, MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema");
    if (s3_tags_json(c, &in->Tagging->TagSet, S3_OBJECT_TAGS_MOST, &json) != 0)
        return -E_FAULT;
    rows_object_tags(c->turn->store, o.id, json);
    out->VersionId = s3_version_shown(b, &o);
    tell(c, b, &o, true);
    return 0;
}

int s3_delete_object_tagging(struct call *c, const void *input, void *output)
{
    const struct s3_DeleteObjectTaggingRequest *in = input;
    struct s3_DeleteObjectTaggingOutput *out = output;
    struct bucket *b;
    struct object o;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner,
                 str_absent(in->VersionId) ? "s3:DeleteObjectTagging" : "s3:DeleteObjectVersionTagging",
                 in->Key, &b) != 0 ||
        s3_object_of(c, b, in->Key, in->VersionId, &o) != 0)
        return -E_FAULT;
    rows_object_tags(c->turn->store, o.id, STR_NONE);
    out->VersionId = s3_version_shown(b, &o);
    tell(c, b, &o, false);
    return 0;
}
