/* meta.c - object metadata as JSON and back.
 *
 * True here: what is absent is not written, and reads as absent; a text that is no JSON reads as nothing. */
#include "service/s3/meta.h"

#include <ctype.h>
#include "base/json.h"

static void user_text(struct json_writer *w, const struct s3_Metadata *user)
{
    if (user->n == 0)
        return;
    jw_key(w, STR("user"));
    jw_object(w);
    for (size_t i = 0; i < user->n; i++) {
        jw_key(w, user->v[i].key);
        jw_str(w, str_absent(user->v[i].value) ? STR("") : user->v[i].value);
    }
    jw_object_end(w);
}

void meta_text(struct buf *b, const struct meta *m)
{
    struct json_writer w;

    CHECK(b->n == 0 && m->checksum < CHECKSUM_KINDS);
    jw_init(&w, b);
    jw_object(&w);
    jw_kstr(&w, "type", m->content_type);
    jw_kstr(&w, "cache", m->cache_control);
    jw_kstr(&w, "disposition", m->content_disposition);
    jw_kstr(&w, "encoding", m->content_encoding);
    jw_kstr(&w, "language", m->content_language);
    jw_kstr(&w, "redirect", m->website_redirect);
    jw_kstr(&w, "class", m->storage_class);
    jw_kstr(&w, "sse", m->encryption);
    jw_kstr(&w, "kms", m->kms_key);
    if (m->bucket_key)
        jw_kbool(&w, "bucket_key", true);
    if (m->expires.set)
        jw_ki64(&w, "expires", m->expires.ms);
    if (m->checksum != CHECKSUM_NONE)
        jw_kstr(&w, "sum", str_of(checksum_name(m->checksum)));
    if (m->composite)
        jw_kbool(&w, "composite", true);
    jw_kstr(&w, "sum_text", m->checksum_text);
    jw_kstr(&w, "upload", m->upload_id);
    user_text(&w, &m->user);
    jw_object_end(&w);
}

static void user_read(struct arena *a, const struct json *user, struct s3_Metadata *ret)
{
    if (user == NULL || user->type != JSON_OBJECT)
        return;
    ret->set = true;
    ret->v = arena_calloc(a, user->n + 1, sizeof(*ret->v));
    JSON_EACH(user, m)
        ret->v[ret->n++] = (struct s3_Metadata_entry){ json_key(a, m), json_text(a, m) };
}

static bool is_true(const struct json *j, struct str key)
{
    const struct json *v = json_get(j, key);

    return v != NULL && v->type == JSON_TRUE;
}

void meta_read(struct arena *a, struct str text, struct meta *ret)
{
    struct json *j, *expires;

    *ret = (struct meta){ 0 };
    if (json_parse(a, text, &j, NULL) != 0)
        return;
    ret->content_type = json_get_text(a, j, STR("type"));
    ret->cache_control = json_get_text(a, j, STR("cache"));
    ret->content_disposition = json_get_text(a, j, STR("disposition"));
    ret->content_encoding = json_get_text(a, j, STR("encoding"));
    ret->content_language = json_get_text(a, j, STR("language"));
    ret->website_redirect = json_get_text(a, j, STR("redirect"));
    ret->storage_class = json_get_text(a, j, STR("class"));
    ret->encryption = json_get_text(a, j, STR("sse"));
    ret->kms_key = json_get_text(a, j, STR("kms"));
    ret->bucket_key = is_true(j, STR("bucket_key"));
    ret->composite = is_true(j, STR("composite"));
    ret->checksum = checksum_named(json_get_text(a, j, STR("sum")));
    ret->checksum_text = json_get_text(a, j, STR("sum_text"));
    ret->upload_id = json_get_text(a, j, STR("upload"));
    expires = json_get(j, STR("expires"));
    ret->expires.set = expires != NULL && json_i64(expires, &ret->expires.ms) == 0;
    user_read(a, json_get(j, STR("user")), &ret->user);
}

bool meta_user(struct arena *a, const struct s3_Metadata *given, struct s3_Metadata *ret)
{
    size_t bytes = 0;

    CHECK(ret != given);
    *ret = (struct s3_Metadata){ .set = given->n > 0, .v = arena_calloc(a, given->n + 1, sizeof(*ret->v)) };
    for (size_t i = 0; i < given->n; i++) {
        char *name = arena_alloc(a, given->v[i].key.n + 1);

        for (size_t k = 0; k < given->v[i].key.n; k++)
            name[k] = (char)tolower((unsigned char)given->v[i].key.p[k]);
        bytes += given->v[i].key.n + given->v[i].value.n;
        ret->v[ret->n++] = (struct s3_Metadata_entry){ str_make(name, given->v[i].key.n), given->v[i].value };
    }
    CHECK(ret->n == given->n);
    return bytes <= META_USER_BYTES_MOST;
}
