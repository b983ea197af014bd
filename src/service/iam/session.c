/* session.c - credentials that carry their own truth: nothing is stored, so nothing has to be cleaned up.
 *
 * Access key: "ASIA" and 80 bits in base32: one bit set, 40 bits account, 15 bits chance, 24 bits of a keyed
 * hash of the rest.  (Tools that read the account out of an access key find it where AWS has it.)  The hash
 * tells our keys from AWS's own: a key of ours without its token is refused, a stranger's key is the
 * operator's. Session token: base64 of JSON and its HMAC-SHA256; the key of both is made at the first start
 * and kept in the store.  Secret: a keyed hash of access key and token.
 *
 * True here: whatever iam_principal() calls PRINCIPAL_ROLE was signed by us, is not over, belongs to this
 * key, and its role is the one it was made of. */
#include <stdlib.h>
#include "base/arn.h"
#include "base/crypt.h"
#include "service/iam/state.h"

static const char base32_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static struct digest keyed(const struct iam *i, const char *what, struct str text)
{
    struct buf b CLEANUP(buf_done) = { 0 };

    CHECK_IS(i, IAM_MAGIC);
    CHECK(i->have_secret);
    buf_printf(&b, "%s\n", what);
    buf_str(&b, text);
    return hmac_sha256_of(str_make((const char *)i->secret, sizeof(i->secret)), buf_view(&b));
}

/* ---- access keys ---- */

struct key_bits {
    uint8_t b[10];
};

static void key_seal(const struct iam *i, struct key_bits *k)
{
    struct digest d = keyed(i, "access key", str_make((const char *)k->b, 7));

    memcpy(k->b + 7, d.b, 3);
}

static struct str key_new(const struct iam *i, struct arena *a, struct str account)
{
    struct key_bits k;
    int64_t number = 0;
    uint64_t bits;
    char *out = arena_alloc(a, 21);

    str_to_i64(account, &number);
    bits = (1ull << 55) | ((uint64_t)number & 0xffffffffffull) << 15 | (random_u64() & 0x7fff);
    for (size_t n = 0; n < 7; n++)
        k.b[n] = (uint8_t)(bits >> (48 - 8 * n));
    key_seal(i, &k);
    memcpy(out, "ASIA", 4);
    for (size_t n = 0; n < 16; n++) {
        unsigned v = 0;

        for (size_t bit = n * 5; bit < n * 5 + 5; bit++)
            v = v << 1 | (k.b[bit / 8] >> (7 - bit % 8) & 1u);
        out[4 + n] = base32_letters[v];
    }
    return str_make(out, 20);
}

/* Is it one of ours?  *ret_account: the number. */
static bool key_ours(const struct iam *i, struct str key, uint64_t *ret_account)
{
    struct key_bits k = { { 0 } }, sealed;
    uint64_t bits = 0;

    CHECK_IS(i, IAM_MAGIC);
    if (key.n != 20 || !str_starts(key, STR("ASIA")))
        return false;
    for (size_t n = 0; n < 16; n++) {
        const char *at = key.p[4 + n] != '\0' ? strchr(base32_letters, key.p[4 + n]) : NULL;

        if (at == NULL)
            return false;
        for (size_t b = 0; b < 5; b++)
            if (((size_t)(at - base32_letters) >> (4 - b) & 1) != 0)
                k.b[(n * 5 + b) / 8] |= (uint8_t)(1u << (7 - (n * 5 + b) % 8));
    }
    sealed = k;
    key_seal(i, &sealed);
    for (size_t n = 0; n < 7; n++)
        bits = bits << 8 | k.b[n];
    *ret_account = bits >> 15 & 0xffffffffffull;
    return memcmp(k.b, sealed.b, sizeof(k.b)) == 0;
}

struct str iam_key_account(struct iam *i, struct arena *a, struct str access_key)
{
    uint64_t account;

    if (!key_ours(i, access_key, &account))
        return STR_NONE;
    return arena_printf(a, "%012llu", (unsigned long long)account);
}

/* ---- tokens ---- */

#define MAC_BYTES 32

static void write_extras(struct json_writer *w, const struct iam_session_extras *e)
{
    jw_kstr(w, "policy", e->policy);
    jw_kstr(w, "source", e->source_identity);
    jw_key(w, STR("arns"));
    jw_array(w);
    for (size_t n = 0; n < e->n_policy_arns; n++)
        jw_str(w, e->policy_arns[n]);
    jw_array_end(w);
    jw_key(w, STR("tags"));
    jw_array(w);
    for (size_t n = 0; n < e->n_tags; n++) {
        jw_str(w, e->tags[n].key);
        jw_str(w, e->tags[n].value);
    }
    jw_array_end(w);
}

static void read_extras(struct arena *a, const struct json *doc, struct iam_session_extras *e)
{
    const struct json *arns = json_get(doc, STR("arns")), *tags = json_get(doc, STR("tags"));
    struct str *v = arena_calloc(a, arns->n + 1, sizeof(*v));
    struct iam_tag_text *t = arena_calloc(a, tags->n / 2 + 1, sizeof(*t));

    e->policy = json_get_text(a, doc, STR("policy"));
    e->source_identity = json_get_text(a, doc, STR("source"));
    JSON_EACH(arns, item)
        v[e->n_policy_arns++] = json_text(a, item);
    for (const struct json *k = tags->first; k != NULL && k->next != NULL; k = k->next->next)
        t[e->n_tags++] = (struct iam_tag_text){ json_text(a, k), json_text(a, k->next) };
    e->policy_arns = v;
    e->tags = t;
}

/* token: its bytes, MAC included. */
static struct str secret_of(const struct iam *i, struct arena *a, struct str token, struct str key)
{
    struct buf text CLEANUP(buf_done) = { 0 };
    struct digest d;

    buf_str(&text, token);
    buf_str(&text, key);
    d = keyed(i, "secret access key", buf_view(&text));
    return str_sub(base64_str(a, str_make((const char *)d.b, 30)), 0, 40);
}

static void finish(const struct iam *i, struct arena *a, struct buf *token, struct iam_credentials *ret)
{
    struct digest mac = keyed(i, "session token", buf_view(token));

    buf_add(token, mac.b, MAC_BYTES);
    ret->session_token = base64_str(a, buf_view(token));
    ret->secret_access_key = secret_of(i, a, buf_view(token), ret->access_key_id);
}

static void mint(struct iam *i, struct arena *a, const struct iam_session *s, int64_t expires_ms,
                 struct iam_credentials *ret)
{
    struct buf token CLEANUP(buf_done) = { 0 };
    struct json_writer w;

    ret->expires_ms = expires_ms;
    ret->access_key_id = key_new(i, a, s->account);
    jw_init(&w, &token);
    jw_object(&w);
    jw_kstr(&w, "key", ret->access_key_id);
    jw_ki64(&w, "until", expires_ms);
    jw_kstr(&w, "account", s->account);
    jw_kstr(&w, "role", s->role_arn);
    jw_kstr(&w, "id", s->role_id);
    jw_kstr(&w, "name", s->name);
    write_extras(&w, &s->extras);
    jw_object_end(&w);
    finish(i, a, &token, ret);
}

/* The id of a role nobody made here: always the same for the same ARN. */
static struct str invented_id(struct arena *a, struct str role_arn)
{
    struct digest d = sha256_of(role_arn);
    char text[18] = { 0 };

    for (size_t n = 0; n < 17; n++)
        text[n] = base32_letters[d.b[n] & 31];
    return arena_printf(a, "AROA%s", text);
}

void iam_credentials_with(struct iam *i, struct arena *a, struct str role_arn, struct str session_name,
                          int64_t now_ms, int64_t duration_s, const struct iam_session_extras *extras,
                          struct iam_credentials *ret)
{
    const struct role *r = iam_role_by_arn(i, role_arn);
    struct arn parts = { 0 };
    struct iam_session s = { .extras = *extras, .role_arn = role_arn, .name = session_name };

    arn_parse(role_arn, &parts);
    s.account = r != NULL ? r->account : parts.account;
    s.role_id = r != NULL ? r->role_id : invented_id(a, role_arn);
    mint(i, a, &s, now_ms + duration_s * 1000, ret);
}

void iam_credentials(struct iam *i, struct arena *a, struct str role_arn, struct str session_name,
                     int64_t now_ms, int64_t duration_s, struct iam_credentials *ret)
{
    iam_credentials_with(i, a, role_arn, session_name, now_ms, duration_s, &(struct iam_session_extras){ 0 },
                         ret);
}

void iam_operator_credentials(struct iam *i, struct arena *a, struct str account, int64_t now_ms,
                              int64_t duration_s, struct iam_credentials *ret)
{
    mint(i, a, &(struct iam_session){ .account = account }, now_ms + duration_s * 1000, ret);
}

/* ---- who is calling ---- */

/* A session ends with the role it was made of; one made anew under the same name has another id.  (A role
 * that was unknown when the session was made had the id that follows from its name: nothing was taken away
 * from that one.) */
static bool role_is_gone(const struct iam *i, struct arena *a, const struct iam_session *s)
{
    const struct role *r = str_absent(s->role_arn) ? NULL : iam_role_by_arn(i, s->role_arn);

    if (str_absent(s->role_arn) || (r != NULL && str_eq(r->role_id, s->role_id)))
        return false;
    return !str_eq(s->role_id, invented_id(a, s->role_arn));
}

/* 0 and the session; -E_INVALID: not signed by us, not this key's, or of a role that is no more. */
static int read_token(const struct iam *i, struct arena *a, struct str key, struct str token,
                      struct iam_session *ret, int64_t *ret_until_ms)
{
    struct str bytes, text;
    struct digest mac;
    struct json *doc;

    if (str_absent(token) || base64_decode(a, token, &bytes) != 0 || bytes.n <= MAC_BYTES)
        return -E_INVALID;
    text = str_sub(bytes, 0, bytes.n - MAC_BYTES);
    mac = keyed(i, "session token", text);
    if (!crypt_equal(str_make((const char *)mac.b, MAC_BYTES), str_make(bytes.p + text.n, MAC_BYTES)) ||
        json_parse(a, text, &doc, NULL) != 0)
        return -E_INVALID;
    if (!str_eq(json_get_text(a, doc, STR("key")), key) ||
        json_i64(json_get(doc, STR("until")), ret_until_ms) != 0)
        return -E_INVALID;
    ret->account = json_get_text(a, doc, STR("account"));
    ret->role_arn = json_get_text(a, doc, STR("role"));
    ret->role_id = json_get_text(a, doc, STR("id"));
    ret->name = json_get_text(a, doc, STR("name"));
    read_extras(a, doc, &ret->extras);
    return role_is_gone(i, a, ret) ? -E_INVALID : 0;
}

enum secret_state iam_session_secret(struct iam *i, struct arena *a, struct str access_key, struct str token,
                                     int64_t now_ms, struct str *ret)
{
    struct iam_session session = { 0 };
    struct str bytes;
    uint64_t account;
    int64_t until_ms;

    if (!key_ours(i, access_key, &account))
        return SECRET_UNKNOWN;
    if (read_token(i, a, access_key, token, &session, &until_ms) != 0 || base64_decode(a, token, &bytes) != 0)
        return SECRET_TOKEN_INVALID;
    if (now_ms >= until_ms)
        return SECRET_TOKEN_EXPIRED;
    *ret = secret_of(i, a, bytes, access_key);
    return SECRET_FOUND;
}

static void be_operator(struct arena *a, struct str account, struct principal *ret)
{
    ret->kind = PRINCIPAL_OPERATOR;
    ret->account = ret->user_id = arena_str(a, account);
    ret->arn = arena_printf(a, "arn:aws:iam::" STR_FMT ":root", STR_ARG(account));
}

static void be_role(struct arena *a, const struct iam_session *s, struct principal *ret)
{
    ptrdiff_t slash = str_rfind(s->role_arn, '/');

    ret->kind = PRINCIPAL_ROLE;
    ret->account = s->account;
    ret->role_arn = s->role_arn;
    ret->session = s;
    ret->user_id = arena_printf(a, STR_FMT ":" STR_FMT, STR_ARG(s->role_id), STR_ARG(s->name));
    ret->arn =
        arena_printf(a, "arn:aws:sts::" STR_FMT ":assumed-role/" STR_FMT "/" STR_FMT, STR_ARG(s->account),
                     STR_ARG(str_sub(s->role_arn, (size_t)(slash + 1), s->role_arn.n)), STR_ARG(s->name));
}

void iam_principal(void *iam, struct arena *a, struct str access_key, struct str token,
                   struct str default_account, int64_t now_ms, struct principal *ret)
{
    struct iam_session *s;
    int64_t until_ms = 0;
    uint64_t account;

    *ret = (struct principal){ 0 };
    if (account_valid(access_key)) {
        be_operator(a, access_key, ret);
        return;
    }
    if (!key_ours(iam, access_key, &account)) {
        be_operator(a, default_account, ret);
        return;
    }
    s = ARENA_NEW(a, struct iam_session);
    be_operator(a, arena_printf(a, "%012llu", (unsigned long long)account), ret);
    if (read_token(iam, a, access_key, token, s, &until_ms) != 0)
        ret->kind = PRINCIPAL_INVALID;
    else if (now_ms >= until_ms)
        ret->kind = PRINCIPAL_EXPIRED;
    else if (!str_absent(s->role_arn))
        be_role(a, s, ret);
}

struct str iam_sender_id(void *iam, struct arena *a, struct str role_arn, struct str session)
{
    const struct role *r = iam_role_by_arn(iam, role_arn);

    return arena_printf(a, STR_FMT ":" STR_FMT, STR_ARG(r != NULL ? r->role_id : invented_id(a, role_arn)),
                        STR_ARG(session));
}
