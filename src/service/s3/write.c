/* write.c - from a body to a version.
 * True here: a row is written only when its bytes are in it or in a flushed file; a file whose row was not
 * written is removed at once.  s3_write.file says which of these it is; move() is the only place that changes
 * it. */
#include "service/s3/write.h"

#include "base/state.h"

/* ---- headers ---- */

static int check_lock_and_keys(struct call *c, const struct object_headers *h)
{
    const struct {
        struct str given;
        const char *name;
    } refused[] = {
        { h->customer_algorithm, "SSECustomerAlgorithm" },
        { h->customer_key, "SSECustomerKey" },
        { h->customer_key_md5, "SSECustomerKeyMD5" },
        { h->kms_context, "SSEKMSEncryptionContext" },
        { h->lock_mode, "ObjectLockMode" },
        { h->legal_hold, "ObjectLockLegalHoldStatus" },
        { h->lock_until.set ? STR("set") : STR_NONE, "ObjectLockRetainUntilDate" },
    };

    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (!str_absent(refused[i].given))
            return s3_refuse(c, refused[i].name);
    if (!str_absent(h->grant_full) || !str_absent(h->grant_read) || !str_absent(h->grant_read_acp) ||
        !str_absent(h->grant_write_acp) ||
        (!str_absent(h->acl) && !str_is(h->acl, "private") && !str_is(h->acl, "bucket-owner-full-control")))
        return S3_FAULT(c, AccessControlListNotSupported, "The bucket does not allow ACLs");
    return s3_payer(c, h->request_payer);
}

static int check_class(struct call *c, struct str class)
{
    static const char *const shown[] = { "STANDARD",   "REDUCED_REDUNDANCY",  "STANDARD_IA",
                                         "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR" };
    static const char *const refused[] = { "GLACIER",         "DEEP_ARCHIVE", "OUTPOSTS", "SNOW",
                                           "EXPRESS_ONEZONE", "FSX_OPENZFS",  "FSX_ONTAP" };

    if (str_absent(class))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (str_is(class, shown[i]))
            return 0;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (str_is(class, refused[i]))
            return s3_refuse(c, arena_z(c->mem, arena_printf(c->mem, "StorageClass %s", refused[i])));
    return S3_FAULT(c, InvalidStorageClass, "The storage class you specified is not valid");
}

static int check_encryption(struct call *c, const struct object_headers *h)
{
    bool kms = str_is(h->encryption, "aws:kms") || str_is(h->encryption, "aws:kms:dsse");

    if (!str_absent(h->encryption) && !kms && !str_is(h->encryption, "AES256"))
        return s3_argument(c, "x-amz-server-side-encryption", h->encryption,
                           "The encryption method specified is not supported");
    if (!str_absent(h->kms_key) && !kms)
        return s3_argument(c, "x-amz-server-side-encryption-aws-kms-key-id", h->kms_key,
                           "Server Side Encryption with AWS KMS managed key requires HTTP header "
                           "x-amz-server-side-encryption : aws:kms");
    return 0;
}

/* aws-chunked speaks of the transfer, not of the object. */
static struct str kept_encoding(struct arena *a, struct str encoding)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct str one;

    if (str_absent(encoding))
        return encoding;
    while (str_cut(&encoding, ',', &one)) {
        one = str_trim(one);
        if (str_eq_nocase(one, STR("aws-chunked")) || one.n == 0)
            continue;
        buf_printf(&b, "%s" STR_FMT, b.n > 0 ? "," : "", STR_ARG(one));
    }
    return b.n > 0 ? buf_to_arena(&b, a) : STR_NONE;
}

int s3_object_headers(struct call *c, const struct object_headers *h, struct meta *ret_meta,
                      struct str *ret_tags)
{
    struct s3_Metadata user;

    if (check_lock_and_keys(c, h) != 0 || check_class(c, h->storage_class) != 0 ||
        check_encryption(c, h) != 0)
        return -E_FAULT;
    if (!meta_user(c->mem, h->user, &user))
        return S3_FAULT(c, MetadataTooLarge,
                        "Your metadata headers exceed the maximum allowed metadata size");
    *ret_meta = (struct meta){
        .content_type = h->content_type,
        .cache_control = h->cache_control,
        .content_disposition = h->content_disposition,
        .content_encoding = kept_encoding(c->mem, h->content_encoding),
        .content_language = h->content_language,
        .website_redirect = h->website_redirect,
        .storage_class = h->storage_class,
        .encryption = h->encryption,
        .kms_key = h->kms_key,
        .bucket_key = h->bucket_key.set && h->bucket_key.v,
        .expires = h->expires,
        .user = user,
    };
    if (str_is(ret_meta->storage_class, "STANDARD"))
        ret_meta->storage_class = STR_NONE;
    return s3_tags_header(c, h->tagging, ret_tags);
}

/* ---- digests ---- */

struct given s3_given(const struct str *by_kind, const char *unknown)
{
    struct given g = { .unknown = unknown };

    CHECK(str_absent(by_kind[CHECKSUM_NONE]));
    for (enum checksum k = CHECKSUM_CRC32; k < CHECKSUM_KINDS; k++)
        if (!str_absent(by_kind[k])) {
            g.kind = k;
            g.text = by_kind[k];
            g.n++;
        }
    return g;
}

int s3_given_check(struct call *c, struct given *g, struct str algorithm)
{
    struct str bytes;

    if (g->unknown != NULL)
        return s3_refuse(c, g->unknown);
    if (g->n > 1)
        return call_fault(
            c, &s3_error_InvalidRequest,
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
    if (!str_absent(algorithm)) {
        enum checksum k = checksum_named(algorithm);

        if (k == CHECKSUM_NONE)
            return s3_refuse(c, arena_z(c->mem, arena_printf(c->mem, "ChecksumAlgorithm " STR_FMT,
                                                             STR_ARG(algorithm))));
        if (g->n > 0 && g->kind != k)
            return call_fault(c, &s3_error_InvalidRequest,
                              "Value for x-amz-sdk-checksum-algorithm header is invalid.");
        g->kind = k;
    }
    if (g->n > 0 && (base64_decode(c->mem, g->text, &bytes) != 0 || bytes.n != checksum_bytes(g->kind)))
        return call_fault(c, &s3_error_InvalidRequest, "Value for x-amz-checksum-%s header is invalid.",
                          checksum_name(g->kind));
    return 0;
}

struct str s3_sum_text(struct arena *a, const struct digest *d)
{
    return base64_str(a, str_make((const char *)d->b, d->n));
}

static int compare(struct call *c, const struct s3_write *w)
{
    struct str bytes;

    if (!str_absent(w->content_md5)) {
        if (base64_decode(c->mem, w->content_md5, &bytes) != 0 || bytes.n != 16)
            return S3_FAULT(c, InvalidDigest, "The Content-MD5 you specified was invalid.");
        if (memcmp(bytes.p, w->got.md5.b, 16) != 0)
            return S3_FAULT(c, BadDigest, "The Content-MD5 you specified did not match what we received.");
    }
    if (w->given.n > 0 && !str_eq(w->given.text, s3_sum_text(c->mem, &w->got.checksum)))
        return S3_FAULT(c, BadDigest, "The %s you specified did not match the calculated checksum.",
                        checksum_name(w->given.kind));
    return 0;
}

/* ---- bytes ---- */

#define TO(s) STATE_BIT(FILE_##s)
static const struct state file_states[] = {
    [FILE_NONE] = { "none", TO(WRITING) },
    [FILE_WRITING] = { "writing", TO(WHOLE) | TO(WASTE) },
    [FILE_WHOLE] = { "whole", TO(NAMED) | TO(WASTE) },
    [FILE_NAMED] = { "named", 0 },
    [FILE_WASTE] = { "waste", 0 },
};
static const struct states file_machine = STATES("file of an object", file_states);
#undef TO

static void move(struct s3_write *w, enum file_life to)
{
    CHECK_IS(w, S3_WRITE_MAGIC);
    CHECK(w->file_id != 0);
    STATE_MOVE(&file_machine, w->file, to);
}

void s3_write_named(struct s3_write *w)
{
    CHECK_IS(w, S3_WRITE_MAGIC);
    if (w->file == FILE_NONE)
        return;
    move(w, FILE_NAMED);
    s3_fresh(s3_of(w->c), w->c->turn, w->file_id);
}

static int finish(struct call *c, struct s3_write *w)
{
    int r = w->rc;

    CHECK(w->c == c && w->then != NULL && c->turn != NULL);
    if (r == -E_FULL)
        r = S3_FAULT(c, InternalError, "The disk of this server is full: the object was not stored.");
    else if (r == 0)
        r = compare(c, w);
    return r == 0 ? w->then(c, w) : r;
}

static void run(void *arg)
{
    struct s3_write *w = CAST(struct s3_write, S3_WRITE_MAGIC, arg);

    CHECK(w->file == FILE_WRITING);
    w->rc = s3_file_write(s3_of(w->c)->o.dir, w->file_id, &w->from, w->given.kind, &w->got);
    s3_segments_close(w->from.v, w->from.n);
}

static void done(void *arg, struct turn *t)
{
    struct s3_write *w = CAST(struct s3_write, S3_WRITE_MAGIC, arg);
    struct call *c = w->c;
    int r;

    CHECK(c->turn == NULL); /* it waited, and is answered here */
    move(w, w->rc == 0 ? FILE_WHOLE : FILE_WASTE);
    c->turn = t;
    c->now = t->now;
    r = finish(c, w);
    CHECK((w->file == FILE_NAMED) == (r == 0)); /* a row that names it, or a file that goes */
    if (w->file == FILE_WHOLE) {
        struct file_ids waste = { 0 };

        move(w, FILE_WASTE);
        s3_ids_add(&waste, w->file_id);
        s3_forget(s3_of(c), &waste);
    }
    c->turn = NULL;
    call_reply(c, r);
}

/* Small and made of files (a copy of little parts): gathered first. */
static int gather(struct call *c, struct s3_write *w, int64_t bytes)
{
    char *to = arena_alloc(c->mem, (size_t)bytes + 1);
    int r;

    CHECK(bytes >= 0 && bytes <= S3_ROW_BYTES_MOST);
    r = s3_segments_read(w->from.v, w->from.n, to);

    s3_segments_close(w->from.v, w->from.n);
    w->from = (struct source){ .bytes = str_make(to, (size_t)bytes) };
    return r;
}

int s3_write_begin(struct s3_write *w, int64_t bytes)
{
    struct call *c = w->c;

    CHECK_IS(w, S3_WRITE_MAGIC);
    CHECK(bytes >= 0 && w->file == FILE_NONE && w->file_id == 0);
    if (bytes > S3_ROW_BYTES_MOST || w->to_file) {
        w->file_id = store_next_id(c->turn->store);
        move(w, FILE_WRITING);
        c->turn->ops->work(c->turn->engine, run, done, w);
        return -E_WAIT;
    }
    if (w->from.n > 0)
        w->rc = gather(c, w, bytes);
    if (w->rc == 0)
        w->rc = s3_source_sum(&w->from, w->given.kind, &w->got);
    w->data = str_absent(w->from.bytes) ? STR("") : w->from.bytes;
    return finish(c, w);
}

/* ---- conditions ---- */

int s3_write_conditions(struct call *c, const struct bucket *b, struct str key, struct str if_match,
                        struct str if_none_match)
{
    struct object o;
    bool there;

    CHECK_IS(b, BUCKET_MAGIC);
    if (str_absent(if_match) && str_absent(if_none_match))
        return 0;
    if (!str_absent(if_none_match) && (!str_is(if_none_match, "*") || !str_absent(if_match)))
        return s3_refuse(c, "If-None-Match other than *");
    there = rows_object_newest(c->turn->store, c->mem, b->id, key, &o) && !o.marker;
    if (!str_absent(if_match) && !there)
        return call_fault(c, &s3_error_NoSuchKey, "The specified key does not exist.");
    if (str_absent(if_match) ? !there : s3_etag_matches(if_match, o.etag))
        return 0;
    (void)S3_FAULT(c, PreconditionFailed, "At least one of the pre-conditions you specified did not hold");
    fault_element(c->mem, &c->fault, "Condition",
                  str_absent(if_match) ? STR("If-None-Match") : STR("If-Match"));
    return -E_FAULT;
}

int s3_room(struct call *c)
{
    return s3_of(c)->objects < S3_OBJECTS_MOST
               ? 0
               : call_fault(c, &s3_error_InvalidRequest, "This server holds at most %d versions of objects.",
                            S3_OBJECTS_MOST);
}

/* ---- versions ---- */

void s3_version_drop(struct s3 *s, struct turn *t, const struct object *o)
{
    CHECK_IS(s, S3_MAGIC);
    CHECK(s->objects > 0);
    rows_object_drop(t->store, o->id);
    s3_doom_text(s, t, o->files);
    s->objects--;
}

void s3_version_add(struct s3 *s, struct turn *t, struct arena *a, const struct bucket *b, struct object *o,
                    struct str data)
{
    struct object old;

    CHECK_IS(b, BUCKET_MAGIC);
    CHECK(o->id == 0 && !str_empty(o->key) && (!o->marker || str_absent(o->files)));
    o->id = store_next_id(t->store);
    o->bucket_id = b->id;
    o->modified_ms = t->now.wall_ms;
    if (b->versioning == VERSIONING_ENABLED) {
        o->version_id = s3_id_text(a, o->id);
    } else {
        o->version_id = STR("null");
        if (rows_object_version(t->store, a, b->id, o->key, STR("null"), &old))
            s3_version_drop(s, t, &old);
    }
    rows_object_add(t->store, o, data);
    s->objects++;
}

struct str s3_version_shown(const struct bucket *b, const struct object *o)
{
    CHECK_IS(b, BUCKET_MAGIC);
    return b->versioning == VERSIONING_NEVER ? STR_NONE : o->version_id;
}

void s3_tell_created(struct call *c, const struct bucket *b, const struct object *o, const char *event,
                     const char *reason)
{
    struct happening h = { .event = event,
                           .detail_type = "Object Created",
                           .reason = reason,
                           .key = o->key,
                           .version_id = s3_version_shown(b, o),
                           .etag = o->etag,
                           .bytes = o->bytes,
                           .sequence = o->id };

    CHECK(o->id != 0 && !o->marker);
    happening_by(c, &h);
    notify(s3_of(c), c->turn, b, &h);
}
