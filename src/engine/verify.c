/* verify.c - secrets are looked up here and forgotten here; all else is wire/sigv4.c.
 *
 * True here: a key is remembered under everything it was derived from, the secret included, so that a key of
 * another secret is never taken for it. */
#include "engine/verify.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/map.h"
#include "wire/route_s3.h"

/* ---- derived keys ---- */

struct verify_keys {
    struct {
        struct buf from;
        struct digest key;
    } v[VERIFY_KEYS];
};

struct verify_keys *verify_keys_new(void) { return xcalloc(1, sizeof(struct verify_keys)); }

struct verify_keys *verify_keys_free(struct verify_keys *k)
{
    if (k == NULL)
        return NULL;
    for (size_t i = 0; i < VERIFY_KEYS; i++)
        buf_done(&k->v[i].from);
    free(k);
    return NULL;
}

/* One place for each: two that fall on the same one derive anew. */
static struct digest derived(struct verify_keys *keys, struct str secret, const struct sigv4 *s)
{
    CLEANUP(buf_done) struct buf from = { 0 };
    size_t at;

    buf_printf(&from, STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT, STR_ARG(secret), STR_ARG(s->date),
               STR_ARG(s->region), STR_ARG(s->service));
    at = hash_bytes(from.p, from.n) % VERIFY_KEYS;
    if (!str_eq(buf_view(&keys->v[at].from), buf_view(&from))) {
        keys->v[at].key = sigv4_key(secret, s->date, s->region, s->service);
        buf_clear(&keys->v[at].from);
        buf_str(&keys->v[at].from, buf_view(&from));
    }
    return keys->v[at].key;
}

/* ---- begin ---- */

/* An SDK that knows no endpoint signs the host it believes in (src/runtime/bootstrap/node/endpoint.cjs);
 * where the request really went is checked by the guard, not by the signature.  A host says one thing more,
 * S3's bucket: where the two names mean different ones, the Host header itself must have been signed. */
static struct str signed_host(const struct exchange *x)
{
    struct str host = exchange_header(x, "x-waybill-signed-host");
    bool s3;

    if (str_absent(host) ||
        str_eq(s3_bucket_of_host(host, &s3), s3_bucket_of_host(exchange_header(x, "host"), &s3)))
        return host;
    return STR_NONE;
}

static void body_of(struct verification *v, const struct exchange *x)
{
    const struct sigv4 *s = &v->signature;
    bool chunks = s->payload == SIGV4_CHUNKS || s->payload == SIGV4_CHUNKS_TRAILER;

    v->body = (struct sigv4_body){ .bytes = x->body, .payload = s->payload };
    if (!chunks)
        return;
    v->body.key = v->key;
    v->body.time = s->time;
    v->body.scope = s->scope;
    v->body.seed = s->signature;
}

static enum sigv4_verdict secret_of(const struct engine_options *o, struct arena *a, const struct sigv4 *s,
                                    struct str *ret)
{
    static const enum sigv4_verdict verdicts[] = { SIGV4_OK, SIGV4_UNKNOWN_KEY, SIGV4_TOKEN_INVALID,
                                                   SIGV4_TOKEN_EXPIRED };

    return verdicts[o->secret(o->secret_arg, a, s->key, s->token, clock_now(o->clock).wall_ms, ret)];
}

/* An address of version 2 names no region: it is for any. */
static enum sigv4_verdict begin_version_2(const struct engine_options *o, const struct exchange *x,
                                          struct verification *v)
{
    struct sigv4 *s = &v->signature;
    enum sigv4_verdict verdict = sigv2_read(x->mem, &v->request, s);

    if (verdict == SIGV4_OK && v->now_ms > s->expires_s * 1000)
        verdict = SIGV4_EXPIRED;
    if (verdict == SIGV4_OK)
        verdict = secret_of(o, x->mem, s, &v->secret);
    v->body = (struct sigv4_body){ .payload = SIGV4_UNSIGNED };
    return verdict;
}

enum sigv4_verdict verify_begin(struct verify_keys *keys, const struct engine_options *o,
                                const struct exchange *x, const char *service, bool s3,
                                struct verification *v)
{
    enum sigv4_verdict verdict;
    struct str secret;

    *v = (struct verification){ .now_ms = clock_real_ms(),
                                .s3 = s3,
                                .request = { .method = x->method,
                                             .path = x->path,
                                             .query = x->query,
                                             .headers = x->headers,
                                             .n_headers = x->n_headers,
                                             .host = signed_host(x) } };
    verdict = sigv4_read(x->mem, &v->request, s3, &v->signature);
    v->version_2 = s3 && verdict == SIGV4_VERSION_2 && str_absent(exchange_header(x, "authorization"));
    if (v->version_2)
        return begin_version_2(o, x, v);
    if (verdict == SIGV4_OK)
        verdict = sigv4_check(x->mem, &v->request, service, v->now_ms, &v->signature);
    if (verdict == SIGV4_OK)
        verdict = secret_of(o, x->mem, &v->signature, &secret);
    if (verdict != SIGV4_OK)
        return verdict;
    v->key = derived(keys, secret, &v->signature);
    body_of(v, x);
    return SIGV4_OK;
}

/* ---- end ---- */

/* S3's signer says what the body's hash is; then it must be. */
static bool payload_differs(const struct verification *v)
{
    return v->signature.payload == SIGV4_WHOLE && !str_absent(v->signature.payload_hash) &&
           !str_is(v->signature.payload_hash, v->body.hash);
}

static enum sigv4_verdict end_version_2(struct arena *a, const struct verification *v, struct refusal *ret)
{
    CLEANUP(buf_done) struct buf to_sign = { 0 };

    sigv2_to_sign(a, &v->request, &to_sign);
    if (sigv2_signed_by(v->secret, buf_view(&to_sign), v->signature.signature))
        return SIGV4_OK;
    *ret = (struct refusal){ .verdict = SIGV4_DIFFERS,
                             .signature = &v->signature,
                             .now_ms = v->now_ms,
                             .canonical = STR_NONE,
                             .to_sign = buf_to_arena(&to_sign, a) };
    return SIGV4_DIFFERS;
}

enum sigv4_verdict verify_end(struct arena *a, const struct verification *v, struct refusal *ret)
{
    CLEANUP(buf_done) struct buf canonical = { 0 };
    CLEANUP(buf_done) struct buf to_sign = { 0 };
    const struct sigv4 *s = &v->signature;
    struct str hash = str_absent(s->payload_hash) ? str_of(v->body.hash) : s->payload_hash;
    enum sigv4_verdict verdict = SIGV4_OK;

    if (v->version_2)
        return end_version_2(a, v, ret);
    sigv4_canonical(a, &v->request, s, v->s3, hash, &canonical);
    sigv4_to_sign(s, buf_view(&canonical), &to_sign);
    if (!sigv4_signed_by(&v->key, buf_view(&to_sign), s->signature) || v->body.differs)
        verdict = SIGV4_DIFFERS;
    else if (payload_differs(v))
        verdict = SIGV4_PAYLOAD_DIFFERS;
    if (verdict == SIGV4_OK)
        return SIGV4_OK;
    *ret = (struct refusal){ .verdict = verdict,
                             .signature = s,
                             .now_ms = v->now_ms,
                             .body_hash = arena_str(a, str_of(v->body.hash)),
                             .canonical = buf_to_arena(&canonical, a),
                             .to_sign = buf_to_arena(&to_sign, a) };
    return verdict;
}

/* ---- lines of those refused ---- */

struct str refused_key(struct str key)
{
    if (str_empty(key))
        return STR("-");
    if (key.n > REFUSED_KEY_SHOWN)
        return STR("malformed");
    for (size_t i = 0; i < key.n; i++)
        if (!isalnum((unsigned char)key.p[i]))
            return STR("malformed");
    return key;
}

void refused_say(struct seldom *lines, const struct exchange *x, const char *service, struct str key,
                 const char *error)
{
    uint64_t unsaid;

    if (seldom_due(lines, clock_mono_ns(), &unsaid))
        fprintf(stderr,
                "event=signature_refused service=%s key=" STR_FMT " from=" STR_FMT " error=%s unsaid=%llu\n",
                service, STR_ARG(refused_key(key)), STR_ARG(x->peer), error, (unsigned long long)unsaid);
}
