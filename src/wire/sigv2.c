/* sigv2.c - the parameters of a presigned address, and the text that was signed. */
#include <stdlib.h>

#include "wire/codec.h"
#include "wire/route_s3.h"
#include "wire/sigv2.h"

/* Decoded; absent when it is not there.  *count: how often it is. */
static struct str parameter(struct arena *a, struct str query, const char *wanted, size_t *count)
{
    struct str name, value, found = STR_NONE;

    while (form_next(&query, &name, &value))
        if (str_eq_nocase(name, str_of(wanted))) {
            found = percent_decode(a, value, false);
            (*count)++;
        }
    return found;
}

enum sigv4_verdict sigv2_read(struct arena *a, const struct sigv4_request *q, struct sigv4 *ret)
{
    size_t keys = 0, signatures = 0, ends = 0, tokens = 0;

    *ret = (struct sigv4){ .place = SIGV4_QUERY,
                           .payload = SIGV4_UNSIGNED,
                           .payload_hash = STR_NONE,
                           .key = parameter(a, q->query, "AWSAccessKeyId", &keys),
                           .signature = parameter(a, q->query, "Signature", &signatures),
                           .what = parameter(a, q->query, "Expires", &ends),
                           .token = parameter(a, q->query, "x-amz-security-token", &tokens) };
    if (tokens == 0)
        ret->token = sigv4_header(q, "x-amz-security-token");
    if (str_empty(ret->key) || str_empty(ret->signature) || str_empty(ret->what))
        return SIGV4_PARTS_MISSING;
    if (keys > 1 || signatures > 1 || ends > 1 || tokens > 1)
        return SIGV4_BAD_PART;
    return str_to_i64(ret->what, &ret->expires_s) == 0 && ret->expires_s >= 0 &&
                   ret->expires_s < INT64_MAX / 1000
               ? SIGV4_OK
               : SIGV4_BAD_EXPIRES;
}

/* ---- what is signed ---- */

struct line {
    struct str name, value;
    size_t at;
};

static int line_order(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int order = str_cmp(x->name, y->name);

    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static struct str lower(struct arena *a, struct str s)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    buf_lower(&b, s);
    return buf_to_arena(&b, a);
}

static size_t count_of(struct str query)
{
    size_t n = 1;

    for (size_t i = 0; i < query.n; i++)
        n += query.p[i] == '&';
    return n;
}

/* x-amz-* of the headers, and of the query, where a presigned address keeps the headers it was made for. */
static void add_amz(struct arena *a, const struct sigv4_request *q, struct buf *ret)
{
    struct line *v = arena_calloc(a, q->n_headers + count_of(q->query), sizeof(*v));
    struct str rest = q->query, name, value;
    size_t n = 0;

    for (size_t i = 0; i < q->n_headers; i++)
        if (str_starts_nocase(q->headers[i].name, STR("x-amz-"))) {
            v[n] = (struct line){ lower(a, q->headers[i].name), q->headers[i].value, n };
            n++;
        }
    while (form_next(&rest, &name, &value))
        if (str_starts_nocase(name, STR("x-amz-"))) {
            v[n] = (struct line){ lower(a, name), percent_decode(a, value, true), n };
            n++;
        }
    qsort(v, n, sizeof(*v), line_order);
    for (size_t i = 0; i < n; i++) {
        bool again = i > 0 && str_eq(v[i].name, v[i - 1].name);

        if (again)
            buf_char(ret, ',');
        else
            buf_printf(ret, STR_FMT ":", STR_ARG(v[i].name));
        buf_str(ret, str_trim(v[i].value));
        if (i + 1 == n || !str_eq(v[i].name, v[i + 1].name))
            buf_char(ret, '\n');
    }
}

/* What version 2 leaves unsigned: the signature's own parts, and those that choose a page of a list.
 * Everything else that steers an operation is a sub-resource and signed; so is a name nobody knows, and one
 * that hides behind escapes. */
static bool is_unsigned_parameter(struct str name)
{
    static const char *const own[] = { "AWSAccessKeyId", "Signature", "Expires", "content-md5",
                                       "content-type" };
    static const char *const pages[] = { "continuation-token",
                                         "delimiter",
                                         "encoding-type",
                                         "fetch-owner",
                                         "key-marker",
                                         "list-type",
                                         "marker",
                                         "max-buckets",
                                         "max-keys",
                                         "max-parts",
                                         "max-uploads",
                                         "part-number-marker",
                                         "prefix",
                                         "start-after",
                                         "upload-id-marker",
                                         "version-id-marker",
                                         "x-id" };

    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (str_eq_nocase(name, str_of(own[i])))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        if (str_is(name, pages[i]))
            return true;
    return str_starts_nocase(name, STR("x-amz-")); /* add_amz() */
}

static void add_parameters(struct arena *a, struct str query, struct buf *ret)
{
    struct line *v = arena_calloc(a, count_of(query), sizeof(*v));
    struct str pair, name;
    size_t n = 0;

    while (str_cut(&query, '&', &pair)) {
        struct str value = pair;

        str_cut(&value, '=', &name);
        if (!str_empty(pair) && !is_unsigned_parameter(name)) {
            v[n] = (struct line){ name, str_absent(value) ? STR_NONE : percent_decode(a, value, true), n };
            n++;
        }
    }
    qsort(v, n, sizeof(*v), line_order);
    for (size_t i = 0; i < n; i++) {
        buf_char(ret, i == 0 ? '?' : '&');
        buf_str(ret, v[i].name);
        if (!str_absent(v[i].value)) {
            buf_char(ret, '=');
            buf_str(ret, v[i].value);
        }
    }
}

void sigv2_to_sign(struct arena *a, const struct sigv4_request *q, struct buf *ret)
{
    size_t n = 0;
    bool s3;
    struct str md5 = sigv4_header(q, "content-md5"), type = sigv4_header(q, "content-type");
    struct str bucket = s3_bucket_of_host(str_absent(q->host) ? sigv4_header(q, "host") : q->host, &s3);

    buf_printf(ret, STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n", STR_ARG(q->method),
               STR_ARG(str_absent(md5) ? parameter(a, q->query, "content-md5", &n) : md5),
               STR_ARG(str_absent(type) ? parameter(a, q->query, "content-type", &n) : type),
               STR_ARG(parameter(a, q->query, "Expires", &n)));
    add_amz(a, q, ret);
    if (!str_empty(bucket))
        buf_printf(ret, "/" STR_FMT, STR_ARG(bucket));
    buf_str(ret, str_empty(q->path) ? STR("/") : q->path);
    add_parameters(a, q->query, ret);
}

bool sigv2_signed_by(struct str secret, struct str to_sign, struct str signature)
{
    CLEANUP(buf_done) struct buf ours = { 0 };
    struct digest d = hmac_sha1_of(secret, to_sign);

    base64_add(&ours, d.b, d.n);
    return crypt_equal(buf_view(&ours), signature);
}
