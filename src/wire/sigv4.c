/* sigv4.c - read, canonicalize, derive, compare.
 *
 * True here: what is compared is made of the request's bytes as they came, never of what somebody decoded of
 * them; and who the caller is follows from the same reading that was verified. */
#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/header.h"
#include "wire/aws_chunked.h"
#include "wire/codec.h"
#include "wire/sigv4.h"

#define TERM "aws4_request"
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DEFAULT_EXPIRES_S 900

/* ---- reading ---- */

struct str sigv4_header(const struct sigv4_request *q, const char *name)
{
    struct str value = STR_NONE;

    for (size_t i = 0; i < q->n_headers; i++)
        if (str_eq_nocase(q->headers[i].name, str_of(name)))
            value = q->headers[i].value; /* the last of several, as everywhere */
    return value;
}

/* "20260914T120000Z" */
static bool read_time(struct str text, int64_t *ret_ms)
{
    char iso[] = "0000-00-00T00:00:00Z";
    static const int from[] = { 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14 },
                     to[] = { 0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18 };

    if (text.n != 16 || text.p[8] != 'T' || text.p[15] != 'Z')
        return false;
    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        if (!isdigit((unsigned char)text.p[from[i]]))
            return false;
        iso[to[i]] = text.p[from[i]];
    }
    return when_parse_iso(str_of(iso), ret_ms) == 0;
}

struct str sigv4_time(struct arena *a, int64_t ms)
{
    struct when_parts p = when_parts(ms);

    return arena_printf(a, "%04d%02d%02dT%02d%02d%02dZ", p.year, p.month, p.day, p.hour, p.minute, p.second);
}

/* X-Amz-Date, or the Date every HTTP client knows. */
static enum sigv4_verdict header_time(struct arena *a, const struct sigv4_request *q, struct sigv4 *s)
{
    struct str date = sigv4_header(q, "date");

    s->time = sigv4_header(q, "x-amz-date");
    if (str_absent(s->time) && !str_absent(date)) {
        s->time = date;
        if (!read_time(date, &s->time_ms) && when_parse_http(date, &s->time_ms) != 0)
            return SIGV4_BAD_TIME;
        s->time = sigv4_time(a, s->time_ms);
        return SIGV4_OK;
    }
    if (str_absent(s->time)) {
        s->missing |= SIGV4_PART_DATE;
        return SIGV4_OK;
    }
    return read_time(s->time, &s->time_ms) ? SIGV4_OK : SIGV4_BAD_TIME;
}

/* "AKID/20260914/eu-west-1/sqs/aws4_request" */
static enum sigv4_verdict read_credential(struct str credential, struct sigv4 *s)
{
    struct str rest = credential, part[5];
    size_t n = 0;

    s->what = credential;
    while (n < ARRAY_LEN(part) && str_cut(&rest, '/', &part[n]))
        n++;
    if (n < ARRAY_LEN(part) || !str_absent(rest))
        return SIGV4_BAD_CREDENTIAL;
    s->key = part[0];
    s->date = part[1];
    s->region = part[2];
    s->service = part[3];
    s->scope = str_sub(credential, part[0].n + 1, credential.n);
    if (str_is(part[4], TERM))
        return SIGV4_OK;
    s->what = part[4];
    return SIGV4_BAD_TERM;
}

static enum sigv4_verdict take_once(struct str *to, struct str value, struct sigv4 *s, struct str whole)
{
    if (!str_absent(*to)) {
        s->what = whole;
        return SIGV4_BAD_PART;
    }
    *to = value;
    return SIGV4_OK;
}

static enum sigv4_verdict header_part(struct str item, struct str *credential, struct sigv4 *s)
{
    struct str value = item, name;

    str_cut(&value, '=', &name);
    if (str_absent(value)) {
        s->what = item;
        return SIGV4_BAD_PART;
    }
    if (str_is(name, "Credential"))
        return take_once(credential, value, s, item);
    if (str_is(name, "SignedHeaders"))
        return take_once(&s->headers, value, s, item);
    if (str_is(name, "Signature"))
        return take_once(&s->signature, value, s, item);
    return SIGV4_OK;
}

static enum sigv4_verdict known_scheme(struct str scheme, struct sigv4 *s)
{
    s->what = scheme;
    if (str_starts(scheme, STR("AWS4-ECDSA-P256-SHA256")))
        return SIGV4_ASYMMETRIC;
    if (str_is(scheme, "AWS"))
        return SIGV4_VERSION_2;
    return str_is(scheme, SIGV4_ALGORITHM) ? SIGV4_OK : SIGV4_OTHER_SCHEME;
}

static void note_missing(struct sigv4 *s, struct str credential)
{
    if (str_empty(credential))
        s->missing |= SIGV4_PART_CREDENTIAL;
    if (str_empty(s->headers))
        s->missing |= SIGV4_PART_HEADERS;
    if (str_empty(s->signature))
        s->missing |= SIGV4_PART_SIGNATURE;
}

static enum sigv4_verdict read_header(struct arena *a, const struct sigv4_request *q,
                                      struct str authorization, struct sigv4 *s)
{
    struct str rest = str_trim(authorization), scheme, item, credential = STR_NONE;
    enum sigv4_verdict v, time;

    s->place = SIGV4_HEADER;
    s->token = sigv4_header(q, "x-amz-security-token");
    str_cut(&rest, ' ', &scheme);
    v = known_scheme(scheme, s);
    while (v == SIGV4_OK && str_cut(&rest, ',', &item))
        if (!str_empty(str_trim(item)))
            v = header_part(str_trim(item), &credential, s);
    if (v != SIGV4_OK)
        return v;
    note_missing(s, credential);
    time = header_time(a, q, s);
    if (s->missing != 0) {
        s->what = scheme;
        return SIGV4_PARTS_MISSING;
    }
    if (time != SIGV4_OK)
        return time;
    return read_credential(credential, s);
}

struct query_part {
    const char *name;
    struct str value;
};

static enum sigv4_verdict read_expires(bool s3, struct str text, struct sigv4 *s)
{
    if (str_absent(text)) {
        s->expires_s = DEFAULT_EXPIRES_S;
        s->missing |= s3 ? SIGV4_PART_EXPIRES : 0;
        return s3 ? SIGV4_PARTS_MISSING : SIGV4_OK;
    }
    s->what = text;
    if (str_to_i64(text, &s->expires_s) != 0 || s->expires_s < 0 || s->expires_s > SIGV4_MOST_EXPIRES_S)
        return SIGV4_BAD_EXPIRES;
    return SIGV4_OK;
}

static enum sigv4_verdict read_query(struct arena *a, const struct sigv4_request *q, bool s3, struct sigv4 *s)
{
    enum { ALGORITHM, CREDENTIAL, DATE, EXPIRES, HEADERS, SIGNATURE, TOKEN, HASH };
    struct query_part parts[] = {
        { "X-Amz-Algorithm", STR_NONE },      { "X-Amz-Credential", STR_NONE },
        { "X-Amz-Date", STR_NONE },           { "X-Amz-Expires", STR_NONE },
        { "X-Amz-SignedHeaders", STR_NONE },  { "X-Amz-Signature", STR_NONE },
        { "X-Amz-Security-Token", STR_NONE }, { "X-Amz-Content-Sha256", STR_NONE }
    };
    struct str query = q->query, name, value;
    enum sigv4_verdict v;

    s->place = SIGV4_QUERY;
    while (form_next(&query, &name, &value))
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
            if (str_eq_nocase(name, str_of(parts[i].name)) &&
                take_once(&parts[i].value, percent_decode(a, value, false), s, str_of(parts[i].name)) !=
                    SIGV4_OK)
                return SIGV4_BAD_PART;
    s->headers = parts[HEADERS].value;
    s->signature = parts[SIGNATURE].value;
    s->time = parts[DATE].value;
    s->token = str_absent(parts[TOKEN].value) ? sigv4_header(q, "x-amz-security-token") : parts[TOKEN].value;
    s->payload_hash = parts[HASH].value;
    if (str_empty(parts[ALGORITHM].value))
        s->missing |= SIGV4_PART_ALGORITHM;
    else if ((v = known_scheme(parts[ALGORITHM].value, s)) != SIGV4_OK)
        return v;
    note_missing(s, parts[CREDENTIAL].value);
    if (str_empty(s->time))
        s->missing |= SIGV4_PART_DATE;
    v = read_expires(s3, parts[EXPIRES].value, s);
    if (s->missing != 0) {
        s->what = parts[ALGORITHM].value;
        return SIGV4_PARTS_MISSING;
    }
    if (v != SIGV4_OK)
        return v;
    return read_time(s->time, &s->time_ms) ? read_credential(parts[CREDENTIAL].value, s) : SIGV4_BAD_TIME;
}

/* Is the query of one who signs there?  Version 2 is known by its own name. */
static enum sigv4_verdict in_query(struct str query)
{
    enum sigv4_verdict v = SIGV4_MISSING;
    struct str name, value;

    while (form_next(&query, &name, &value)) {
        if (str_eq_nocase(name, STR("X-Amz-Algorithm")) || str_eq_nocase(name, STR("X-Amz-Credential")) ||
            str_eq_nocase(name, STR("X-Amz-Signature")))
            return SIGV4_OK;
        if (str_is(name, "AWSAccessKeyId"))
            v = SIGV4_VERSION_2;
    }
    return v;
}

static const struct {
    const char *text;
    enum sigv4_payload payload;
} payloads[] = {
    { "UNSIGNED-PAYLOAD", SIGV4_UNSIGNED },
    { "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", SIGV4_CHUNKS },
    { "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", SIGV4_CHUNKS_TRAILER },
    { "STREAMING-UNSIGNED-PAYLOAD-TRAILER", SIGV4_UNSIGNED_CHUNKS },
};

/* Only S3 lets the signer say what the body's hash is; elsewhere it is what the body's hash is. */
static enum sigv4_verdict read_payload(const struct sigv4_request *q, bool s3, struct sigv4 *s)
{
    struct str said = sigv4_header(q, "x-amz-content-sha256");

    if (!s3) {
        s->payload_hash = STR_NONE;
        return SIGV4_OK;
    }
    if (!str_absent(said))
        s->payload_hash = said;
    else if (str_absent(s->payload_hash) && s->place == SIGV4_HEADER)
        return SIGV4_NO_PAYLOAD_HASH;
    else if (str_absent(s->payload_hash))
        s->payload_hash = STR("UNSIGNED-PAYLOAD");
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++)
        if (str_is(s->payload_hash, payloads[i].text)) {
            s->payload = payloads[i].payload;
            return SIGV4_OK;
        }
    s->what = s->payload_hash;
    return hex_is_sha256(s->payload_hash) ? SIGV4_OK : SIGV4_BAD_PAYLOAD_HASH;
}

static size_t count_of(const struct sigv4_request *q, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < q->n_headers; i++)
        n += str_eq_nocase(q->headers[i].name, str_of(name));
    return n;
}

enum sigv4_verdict sigv4_read(struct arena *a, const struct sigv4_request *q, bool s3, struct sigv4 *ret)
{
    struct str authorization = sigv4_header(q, "authorization");
    enum sigv4_verdict v = in_query(q->query);

    *ret = (struct sigv4){ .token = STR_NONE, .payload_hash = STR_NONE };
    if (count_of(q, "authorization") > 1) {
        ret->what = STR("Authorization");
        return SIGV4_BAD_PART;
    }
    if (!str_absent(authorization) && v != SIGV4_MISSING)
        return SIGV4_TWICE;
    if (!str_absent(authorization))
        v = read_header(a, q, authorization, ret);
    else if (v == SIGV4_OK)
        v = read_query(a, q, s3, ret);
    if (v != SIGV4_OK)
        return v;
    if (!str_eq(ret->date, str_sub(ret->time, 0, 8))) {
        ret->what = ret->date;
        return SIGV4_DATE_DIFFERS;
    }
    return read_payload(q, s3, ret);
}

/* ---- checks without a key ---- */

static bool is_signed(const struct sigv4 *s, struct str name)
{
    struct str rest = s->headers, item;

    while (str_cut(&rest, ';', &item))
        if (str_eq_nocase(item, name))
            return true;
    return false;
}

/* What steers an operation may not be added to a request by others; x-amz-content-sha256 steers nothing. */
static struct str unsigned_headers(struct arena *a, const struct sigv4_request *q, const struct sigv4 *s)
{
    CLEANUP(buf_done) struct buf names = { 0 };

    for (size_t i = 0; i < q->n_headers; i++) {
        struct str name = q->headers[i].name;

        if (!str_starts_nocase(name, STR("x-amz-")) || str_eq_nocase(name, STR("x-amz-content-sha256")) ||
            is_signed(s, name))
            continue;
        buf_z(&names, names.n > 0 ? ", " : "");
        buf_lower(&names, name);
    }
    return names.n > 0 ? buf_to_arena(&names, a) : STR_NONE;
}

static enum sigv4_verdict check_time(const struct sigv4 *s, int64_t now_ms)
{
    if (s->time_ms > now_ms + SIGV4_SKEW_MS)
        return s->place == SIGV4_QUERY ? SIGV4_NOT_YET : SIGV4_TOO_NEW;
    if (s->place == SIGV4_QUERY)
        return now_ms > s->time_ms + s->expires_s * 1000 ? SIGV4_EXPIRED : SIGV4_OK;
    return now_ms > s->time_ms + SIGV4_SKEW_MS ? SIGV4_TOO_OLD : SIGV4_OK;
}

enum sigv4_verdict sigv4_check(struct arena *a, const struct sigv4_request *q, const char *service,
                               int64_t now_ms, struct sigv4 *s)
{
    struct str left_out;

    if (!str_is(s->service, service)) {
        s->what = s->service;
        return SIGV4_OTHER_SERVICE;
    }
    if (!is_signed(s, STR("host")))
        return SIGV4_HOST_UNSIGNED;
    left_out = unsigned_headers(a, q, s);
    if (!str_absent(left_out)) {
        s->what = left_out;
        return SIGV4_HEADERS_UNSIGNED;
    }
    return check_time(s, now_ms);
}

/* ---- the canonical request ---- */

static void encode_byte(struct buf *b, unsigned char c, char also)
{
    if (isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~' ||
        (also != '\0' && c == (unsigned char)also))
        buf_char(b, (char)c);
    else
        buf_printf(b, "%%%02X", c);
}

/* Percent-encodes every byte but the unreserved ones and `also`; decode: of what the escapes in it stand for.
 * An escaped slash is no slash of the path. */
static void encode(struct buf *b, struct str s, bool decode, char also)
{
    for (size_t i = 0; i < s.n; i++) {
        int high = decode && s.p[i] == '%' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1,
            low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;

        if (low >= 0) {
            encode_byte(b, (unsigned char)(high * 16 + low), '\0');
            i += 2;
        } else {
            encode_byte(b, (unsigned char)s.p[i], also);
        }
    }
}

/* "/a//b/./c/../d/" is "/a/b/d/". */
static void without_dots(struct buf *b, struct str path)
{
    struct str rest = path, part;

    while (str_cut(&rest, '/', &part)) {
        if (str_empty(part) || str_is(part, "."))
            continue;
        if (str_is(part, "..")) {
            ptrdiff_t slash = str_rfind(buf_view(b), '/');

            b->n = slash > 0 ? (size_t)slash : 0;
            continue;
        }
        buf_char(b, '/');
        buf_str(b, part);
    }
    if (b->n == 0 || str_ends(path, STR("/")))
        buf_char(b, '/');
}

static void canonical_path(struct buf *ret, struct str path, bool s3)
{
    CLEANUP(buf_done) struct buf plain = { 0 };

    if (s3) {
        encode(ret, str_empty(path) ? STR("/") : path, true, '/');
        return;
    }
    without_dots(&plain, path);
    encode(ret, buf_view(&plain), false, '/');
}

struct pair {
    struct str name, value;
};

static int pair_order(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = str_cmp(x->name, y->name);

    return order != 0 ? order : str_cmp(x->value, y->value);
}

/* Of what whoever serves the request reads there, a blank for a '+' included: no second text stands for the
 * same one. */
static struct str encoded(struct arena *a, struct str s)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    encode(&b, percent_decode(a, s, true), false, '\0');
    return b.n > 0 ? buf_to_arena(&b, a) : STR("");
}

static void canonical_query(struct arena *a, struct buf *ret, const struct sigv4_request *q,
                            enum sigv4_place place)
{
    struct str rest = q->query, name, value;
    struct pair *v;
    size_t n = 1;

    for (size_t i = 0; i < rest.n; i++)
        n += rest.p[i] == '&';
    v = arena_calloc(a, n, sizeof(*v));
    n = 0;
    while (form_next(&rest, &name, &value))
        if (place != SIGV4_QUERY || !str_eq_nocase(name, STR("X-Amz-Signature")))
            v[n++] = (struct pair){ encoded(a, name), encoded(a, value) };
    qsort(v, n, sizeof(*v), pair_order);
    for (size_t i = 0; i < n; i++) {
        buf_z(ret, i > 0 ? "&" : "");
        buf_str(ret, v[i].name);
        buf_char(ret, '=');
        buf_str(ret, v[i].value);
    }
}

/* Without blanks at its ends, and one where there were several. */
static void add_value(struct buf *b, struct str value)
{
    bool blank = false;

    value = str_trim(value);
    for (size_t i = 0; i < value.n; i++) {
        bool is_blank = value.p[i] == ' ' || value.p[i] == '\t';

        if (!is_blank)
            buf_char(b, value.p[i]);
        else if (!blank)
            buf_char(b, ' ');
        blank = is_blank;
    }
}

/* A header sent several times is one line, its values in their order. */
static void canonical_header(struct buf *b, const struct sigv4_request *q, struct str name)
{
    bool first = true;

    buf_lower(b, name);
    buf_char(b, ':');
    if (!str_absent(q->host) && str_eq_nocase(name, STR("host"))) {
        add_value(b, q->host);
        buf_char(b, '\n');
        return;
    }
    for (size_t i = 0; i < q->n_headers; i++) {
        if (!str_eq_nocase(q->headers[i].name, name))
            continue;
        buf_z(b, first ? "" : ",");
        add_value(b, q->headers[i].value);
        first = false;
    }
    buf_char(b, '\n');
}

void sigv4_canonical(struct arena *a, const struct sigv4_request *q, const struct sigv4 *s, bool s3,
                     struct str payload_hash, struct buf *ret)
{
    struct str rest = s->headers, name;

    buf_str(ret, q->method);
    buf_char(ret, '\n');
    canonical_path(ret, q->path, s3);
    buf_char(ret, '\n');
    canonical_query(a, ret, q, s->place);
    buf_char(ret, '\n');
    while (str_cut(&rest, ';', &name))
        canonical_header(ret, q, name);
    buf_char(ret, '\n');
    buf_str(ret, s->headers);
    buf_char(ret, '\n');
    buf_str(ret, payload_hash);
}

void sigv4_to_sign(const struct sigv4 *s, struct str canonical, struct buf *ret)
{
    struct digest d = sha256_of(canonical);

    buf_printf(ret, "%s\n" STR_FMT "\n" STR_FMT "\n", SIGV4_ALGORITHM, STR_ARG(s->time), STR_ARG(s->scope));
    hex_add(ret, d.b, d.n);
}

static struct str digest_view(const struct digest *d) { return str_make((const char *)d->b, d->n); }

struct digest sigv4_key(struct str secret, struct str date, struct str region, struct str service)
{
    CLEANUP(buf_done) struct buf first = { 0 };
    const struct str steps[] = { date, region, service, STR(TERM) };
    struct digest d;

    buf_z(&first, "AWS4");
    buf_str(&first, secret);
    d = hmac_sha256_of(buf_view(&first), steps[0]);
    for (size_t i = 1; i < ARRAY_LEN(steps); i++)
        d = hmac_sha256_of(digest_view(&d), steps[i]);
    return d;
}

struct sigv4_signature sigv4_sign(const struct digest *key, struct str to_sign)
{
    struct digest d = hmac_sha256_of(digest_view(key), to_sign);
    struct sigv4_signature ret;

    hex_text(ret.hex, d.b, d.n);
    return ret;
}

bool sigv4_signed_by(const struct digest *key, struct str to_sign, struct str signature)
{
    struct sigv4_signature ours = sigv4_sign(key, to_sign);

    return crypt_equal(str_make(ours.hex, SIGV4_HEX), signature);
}

/* ---- the body ---- */

bool sigv4_body_wanted(enum sigv4_payload payload)
{
    return payload == SIGV4_WHOLE || payload == SIGV4_CHUNKS || payload == SIGV4_CHUNKS_TRAILER;
}

static void hash_whole(struct sigv4_body *b)
{
    struct digest d;

    if (b->bytes.n == 0) {
        memcpy(b->hash, EMPTY_HASH, sizeof(b->hash));
        return;
    }
    d = sha256_of(b->bytes);
    hex_text(b->hash, d.b, d.n);
}

/* What all links of the chain begin with. */
static void link_begin(struct buf *text, const struct sigv4_body *b, const char *algorithm, struct str before)
{
    buf_clear(text);
    buf_printf(text, "%s\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n", algorithm, STR_ARG(b->time),
               STR_ARG(b->scope), STR_ARG(before));
}

static bool chunk_holds(const struct sigv4_body *b, struct buf *text, struct str before,
                        const struct aws_chunk *c)
{
    struct digest d = sha256_of(c->data);

    link_begin(text, b, "AWS4-HMAC-SHA256-PAYLOAD", before);
    buf_z(text, EMPTY_HASH "\n");
    hex_add(text, d.b, d.n);
    return sigv4_signed_by(&b->key, buf_view(text), c->signature);
}

/* The trailers' own link: "name:value" and a line feed each. */
static bool trailers_hold(const struct sigv4_body *b, struct buf *text, struct str before, size_t at)
{
    CLEANUP(buf_done) struct buf lines = { 0 };
    struct str rest = str_sub(b->bytes, at, b->bytes.n), line, name, signature = STR_NONE;
    struct digest d;

    while (str_cut(&rest, '\n', &line)) {
        line = str_trim_xml(line);
        if (str_empty(line))
            continue;
        str_cut(&line, ':', &name);
        if (str_eq_nocase(name, STR("x-amz-trailer-signature"))) {
            signature = str_trim(line);
            continue;
        }
        buf_lower(&lines, name);
        buf_char(&lines, ':');
        buf_str(&lines, str_trim(line));
        buf_char(&lines, '\n');
    }
    d = sha256_of(buf_view(&lines));
    link_begin(text, b, "AWS4-HMAC-SHA256-TRAILER", before);
    hex_add(text, d.b, d.n);
    return sigv4_signed_by(&b->key, buf_view(text), signature);
}

/* A framing that is broken is left to aws_chunked_open(), which says how. */
static void verify_chunks(struct sigv4_body *b)
{
    CLEANUP(buf_done) struct buf text = { 0 };
    struct str before = b->seed;
    struct aws_chunk c;
    size_t at = 0;

    do {
        if (aws_chunked_next(b->bytes, &at, &c) != 0)
            return;
        if (!chunk_holds(b, &text, before, &c)) {
            b->differs = true;
            return;
        }
        before = c.signature;
    } while (c.data.n > 0);
    if (b->payload == SIGV4_CHUNKS_TRAILER)
        b->differs = !trailers_hold(b, &text, before, at);
    else /* nobody signed what stands where trailers would */
        b->differs = !str_empty(str_trim_xml(str_sub(b->bytes, at, b->bytes.n)));
}

void sigv4_body_run(struct sigv4_body *b)
{
    if (b->payload == SIGV4_WHOLE)
        hash_whole(b);
    else if (sigv4_body_wanted(b->payload))
        verify_chunks(b);
}

/* ---- signing ---- */

void sigv4_header_lines(struct arena *a, const struct sigv4_request *q, struct str key, struct str secret,
                        const char *region, const char *service, int64_t now_ms, struct str body,
                        struct buf *ret_lines)
{
    CLEANUP(buf_done) struct buf canonical = { 0 };
    CLEANUP(buf_done) struct buf to_sign = { 0 };
    struct str time = sigv4_time(a, now_ms), date = str_sub(time, 0, 8);
    const struct header headers[] = {
        { STR("host"), str_absent(q->host) ? sigv4_header(q, "host") : q->host }, { STR("x-amz-date"), time }
    };
    struct sigv4_request all = *q;
    struct sigv4 s = { .place = SIGV4_HEADER,
                       .time = time,
                       .headers = STR("host;x-amz-date"),
                       .scope = arena_printf(a, STR_FMT "/%s/%s/" TERM, STR_ARG(date), region, service) };
    struct digest hash = sha256_of(body), k = sigv4_key(secret, date, str_of(region), str_of(service));
    struct sigv4_signature signature;

    all.headers = headers;
    all.n_headers = ARRAY_LEN(headers);
    sigv4_canonical(a, &all, &s, false, hex_str(a, &hash), &canonical);
    sigv4_to_sign(&s, buf_view(&canonical), &to_sign);
    signature = sigv4_sign(&k, buf_view(&to_sign));
    header_line(ret_lines, STR("X-Amz-Date"), time);
    header_line(
        ret_lines, STR("Authorization"),
        arena_printf(a, "%s Credential=" STR_FMT "/" STR_FMT ", SignedHeaders=" STR_FMT ", Signature=%s",
                     SIGV4_ALGORITHM, STR_ARG(key), STR_ARG(s.scope), STR_ARG(s.headers), signature.hex));
}
