/* refusal.c - two tables of words: S3's, and everybody else's. */
#include "base/clock.h"
#include "wire/codec.h"
#include "wire/refusal.h"

/* ---- everybody but S3 ---- */

static int parts_missing(struct arena *a, const struct sigv4 *s, struct fault *f)
{
    static const struct {
        unsigned bit;
        const char *header, *query;
    } parts[] = {
        { SIGV4_PART_CREDENTIAL, "Authorization header requires 'Credential' parameter. ",
          "AWS query-string parameters must include 'X-Amz-Credential'. " },
        { SIGV4_PART_SIGNATURE, "Authorization header requires 'Signature' parameter. ",
          "AWS query-string parameters must include 'X-Amz-Signature'. " },
        { SIGV4_PART_HEADERS, "Authorization header requires 'SignedHeaders' parameter. ",
          "AWS query-string parameters must include 'X-Amz-SignedHeaders'. " },
        { SIGV4_PART_DATE,
          "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
          "AWS query-string parameters must include 'X-Amz-Date'. " },
        { SIGV4_PART_ALGORITHM, "", "AWS query-string parameters must include 'X-Amz-Algorithm'. " },
    };
    CLEANUP(buf_done) struct buf text = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if ((s->missing & parts[i].bit) != 0)
            buf_z(&text, s->place == SIGV4_QUERY ? parts[i].query : parts[i].header);
    if (s->place == SIGV4_HEADER)
        buf_printf(&text, "Authorization=" STR_FMT, STR_ARG(s->what));
    else
        buf_z(&text, "Re-examine the query-string parameters.");
    return fault_set(a, f, &error_incomplete_signature, STR_FMT, STR_ARG(buf_view(&text)));
}

static int incomplete(struct arena *a, const struct refusal *r, struct fault *f)
{
    const struct sigv4 *s = r->signature;
    const struct error_row *row = &error_incomplete_signature;

    switch (r->verdict) {
    case SIGV4_PARTS_MISSING: return parts_missing(a, s, f);
    case SIGV4_BAD_PART:
        return fault_set(a, f, row,
                         "'" STR_FMT
                         "' not a valid key=value pair (missing equal-sign or given twice) in the signature.",
                         STR_ARG(s->what));
    case SIGV4_BAD_CREDENTIAL:
        return fault_set(a, f, row,
                         "Credential must have exactly 5 slash-delimited elements, e.g. "
                         "keyid/date/region/service/term, got '" STR_FMT "'",
                         STR_ARG(s->what));
    case SIGV4_BAD_TIME:
        return fault_set(a, f, row,
                         "Date must be in ISO-8601 'basic format'. Got '" STR_FMT
                         "'. See http://en.wikipedia.org/wiki/ISO_8601",
                         STR_ARG(s->time));
    case SIGV4_BAD_EXPIRES:
        return fault_set(a, f, row,
                         "X-Amz-Expires must be a number of seconds from 0 to %d, got '" STR_FMT "'",
                         SIGV4_MOST_EXPIRES_S, STR_ARG(s->what));
    case SIGV4_TWICE:
        return fault_set(
            a, f, row,
            "A request is signed in its Authorization header or in its query string, never in both.");
    default:
        return fault_set(
            a, f, row,
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
            "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=" STR_FMT,
            STR_ARG(s->what));
    }
}

static int out_of_time(struct arena *a, const struct refusal *r, struct fault *f)
{
    const struct sigv4 *s = r->signature;
    int64_t now = r->now_ms, least = now - SIGV4_SKEW_MS, most = now + SIGV4_SKEW_MS;

    if (r->verdict == SIGV4_TOO_NEW || r->verdict == SIGV4_NOT_YET)
        return fault_set(a, f, &error_signature,
                         "Signature not yet current: " STR_FMT " is still later than " STR_FMT " (" STR_FMT
                         " + 15 min.)",
                         STR_ARG(s->time), STR_ARG(sigv4_time(a, most)), STR_ARG(sigv4_time(a, now)));
    if (r->verdict == SIGV4_EXPIRED)
        return fault_set(a, f, &error_signature,
                         "Signature expired: " STR_FMT " is now earlier than " STR_FMT " (" STR_FMT
                         " - %lld s)",
                         STR_ARG(s->time), STR_ARG(sigv4_time(a, now - s->expires_s * 1000)),
                         STR_ARG(sigv4_time(a, now)), (long long)s->expires_s);
    return fault_set(a, f, &error_signature,
                     "Signature expired: " STR_FMT " is now earlier than " STR_FMT " (" STR_FMT " - 15 min.)",
                     STR_ARG(s->time), STR_ARG(sigv4_time(a, least)), STR_ARG(sigv4_time(a, now)));
}

static int not_believed(struct arena *a, const struct service_model *service, const struct refusal *r,
                        struct fault *f)
{
    const struct sigv4 *s = r->signature;
    const struct error_row *row = &error_signature;

    switch (r->verdict) {
    case SIGV4_BAD_TERM:
        return fault_set(a, f, row,
                         "Credential should be scoped with a valid terminator: 'aws4_request', not '" STR_FMT
                         "'. ",
                         STR_ARG(s->what));
    case SIGV4_DATE_DIFFERS:
        return fault_set(a, f, row,
                         "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
                         "from HTTP: '" STR_FMT "' != '" STR_FMT "', from '" STR_FMT "'.",
                         STR_ARG(s->date), STR_ARG(str_sub(s->time, 0, 8)), STR_ARG(s->time));
    case SIGV4_OTHER_SERVICE:
        return fault_set(a, f, row, "Credential should be scoped to correct service: '%s'. ", service->scope);
    case SIGV4_HOST_UNSIGNED:
        return fault_set(a, f, row,
                         "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    case SIGV4_HEADERS_UNSIGNED:
        return fault_set(a, f, row, "'" STR_FMT "' must be a 'SignedHeader' in the AWS Authorization.",
                         STR_ARG(s->what));
    default:
        return fault_set(a, f, row,
                         "The request signature we calculated does not match the signature you provided. "
                         "Check your AWS Secret "
                         "Access Key and signing method. Consult the service documentation for details.");
    }
}

static int refuse_missing(struct arena *a, const struct service_model *service, enum protocol protocol,
                          struct fault *f)
{
    bool query = protocol == PROTO_QUERY || (service != NULL && service->query_compatible);

    return fault_set(a, f, &error_missing_token,
                     query ? "Request is missing Authentication Token" : "Missing Authentication Token");
}

static int refuse(struct arena *a, const struct service_model *service, enum protocol protocol,
                  const struct refusal *r, struct fault *f)
{
    switch (r->verdict) {
    case SIGV4_MISSING: return refuse_missing(a, service, protocol, f);
    case SIGV4_ASYMMETRIC:
        return fault_set(a, f, &error_not_implemented,
                         "Waybill does not verify " STR_FMT " (Signature Version 4A): sign with %s",
                         STR_ARG(r->signature->what), SIGV4_ALGORITHM);
    case SIGV4_UNKNOWN_KEY:
    case SIGV4_TOKEN_INVALID:
        return fault_set(a, f, &error_unknown_key, "The security token included in the request is invalid.");
    case SIGV4_TOKEN_EXPIRED:
        return fault_set(a, f, &error_expired_token, "The security token included in the request is expired");
    case SIGV4_TOO_OLD:
    case SIGV4_TOO_NEW:
    case SIGV4_EXPIRED:
    case SIGV4_NOT_YET: return out_of_time(a, r, f);
    case SIGV4_PARTS_MISSING:
    case SIGV4_BAD_PART:
    case SIGV4_BAD_CREDENTIAL:
    case SIGV4_BAD_TIME:
    case SIGV4_BAD_EXPIRES:
    case SIGV4_TWICE:
    case SIGV4_OTHER_SCHEME:
    case SIGV4_VERSION_2: return incomplete(a, r, f);
    default: return not_believed(a, service, r, f);
    }
}

/* ---- S3 ---- */

#define S3_ROW(id, code, number)                                                    \
    static const struct error_row id = {                                            \
        .name = code, .status = number, .sender = true, .message_member = "Message" \
    }
S3_ROW(s3_key, "InvalidAccessKeyId", 403);
S3_ROW(s3_signature, "SignatureDoesNotMatch", 403);
S3_ROW(s3_denied, "AccessDenied", 403);
S3_ROW(s3_skewed, "RequestTimeTooSkewed", 403);
S3_ROW(s3_query, "AuthorizationQueryParametersError", 400);
S3_ROW(s3_token, "InvalidToken", 400);
S3_ROW(s3_expired, "ExpiredToken", 400);
S3_ROW(s3_hash, "XAmzContentSHA256Mismatch", 400);
S3_ROW(s3_request, "InvalidRequest", 400);
S3_ROW(s3_argument, "InvalidArgument", 400);

#define HEADER_BEGINS "The authorization header is malformed; "
#define CREDENTIAL_FORM \
    "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."

static struct str iso_s(struct arena *a, int64_t ms)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    when_iso_s(&b, ms);
    return buf_to_arena(&b, a);
}

static struct str bytes_as_hex(struct arena *a, struct str s)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    for (size_t i = 0; i < s.n; i++)
        buf_printf(&b, "%s%02x", i > 0 ? " " : "", (unsigned char)s.p[i]);
    return b.n > 0 ? buf_to_arena(&b, a) : STR("");
}

static int s3_differs(struct arena *a, const struct refusal *r, struct fault *f)
{
    const struct sigv4 *s = r->signature;

    fault_set(a, f, &s3_signature,
              "The request signature we calculated does not match the signature you provided. Check your key "
              "and signing method.");
    fault_element(a, f, "AWSAccessKeyId", s->key);
    fault_element(a, f, "StringToSign", r->to_sign);
    fault_element(a, f, "SignatureProvided", s->signature);
    fault_element(a, f, "StringToSignBytes", bytes_as_hex(a, r->to_sign));
    if (str_absent(r->canonical)) /* version 2 has none */
        return -E_FAULT;
    fault_element(a, f, "CanonicalRequest", r->canonical);
    fault_element(a, f, "CanonicalRequestBytes", bytes_as_hex(a, r->canonical));
    return -E_FAULT;
}

static int s3_out_of_time(struct arena *a, const struct refusal *r, struct fault *f)
{
    const struct sigv4 *s = r->signature;

    if (r->verdict == SIGV4_NOT_YET)
        return fault_set(a, f, &s3_denied, "Request is not yet valid");
    if (r->verdict == SIGV4_EXPIRED) {
        fault_set(a, f, &s3_denied, "Request has expired");
        if (str_absent(s->time)) { /* version 2 says the end itself */
            fault_element(a, f, "Expires", iso_s(a, MIN(s->expires_s * 1000, CLOCK_MOST_MS)));
            fault_element(a, f, "ServerTime", iso_s(a, r->now_ms));
            return -E_FAULT;
        }
        fault_element(a, f, "X-Amz-Expires", arena_printf(a, "%lld", (long long)s->expires_s));
        fault_element(a, f, "Expires", iso_s(a, s->time_ms + s->expires_s * 1000));
        fault_element(a, f, "ServerTime", iso_s(a, r->now_ms));
        return -E_FAULT;
    }
    fault_set(a, f, &s3_skewed, "The difference between the request time and the current time is too large.");
    fault_element(a, f, "RequestTime", s->time);
    fault_element(a, f, "ServerTime", iso_s(a, r->now_ms));
    fault_element(a, f, "MaxAllowedSkewMilliseconds", arena_printf(a, "%lld", (long long)SIGV4_SKEW_MS));
    return -E_FAULT;
}

static int s3_bad_argument(struct arena *a, struct fault *f, const char *name, struct str value,
                           const char *text)
{
    fault_set(a, f, &s3_argument, "%s", text);
    fault_element(a, f, "ArgumentName", str_of(name));
    fault_element(a, f, "ArgumentValue", value);
    return -E_FAULT;
}

/* A credential is malformed in the header or in the query, with a beginning for each. */
static int s3_malformed(struct arena *a, const struct sigv4 *s, struct fault *f, struct str text)
{
    bool query = s->place == SIGV4_QUERY;

    return fault_set(a, f, query ? &s3_query : &error_scope_s3, "%s" STR_FMT,
                     query ? "Error parsing the X-Amz-Credential parameter; " : HEADER_BEGINS, STR_ARG(text));
}

static int s3_parts_missing(struct arena *a, const struct sigv4 *s, struct fault *f)
{
    if (s->place == SIGV4_QUERY && s->missing == 0)
        return fault_set(
            a, f, &s3_denied,
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
    if (s->place == SIGV4_QUERY)
        return fault_set(
            a, f, &s3_query,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
    if (s->missing == SIGV4_PART_DATE)
        return fault_set(a, f, &s3_denied, "AWS authentication requires a valid Date or x-amz-date header");
    return fault_set(a, f, &error_scope_s3,
                     HEADER_BEGINS "the authorization header requires three components: Credential, "
                                   "SignedHeaders, and Signature.");
}

static int s3_bad_expires(struct arena *a, const struct sigv4 *s, struct fault *f)
{
    int64_t n;

    if (str_absent(s->time))
        return fault_set(a, f, &s3_denied, "Invalid date (should be seconds since epoch): " STR_FMT,
                         STR_ARG(s->what));
    if (str_to_i64(s->what, &n) != 0)
        return fault_set(a, f, &s3_query, "X-Amz-Expires should be a number");
    if (n < 0)
        return fault_set(a, f, &s3_query, "X-Amz-Expires must be non-negative");
    return fault_set(
        a, f, &s3_query,
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
        "less than %d seconds",
        SIGV4_MOST_EXPIRES_S);
}

static int s3_bad_form(struct arena *a, const struct refusal *r, struct fault *f)
{
    const struct sigv4 *s = r->signature;

    switch (r->verdict) {
    case SIGV4_PARTS_MISSING: return s3_parts_missing(a, s, f);
    case SIGV4_BAD_CREDENTIAL: return s3_malformed(a, s, f, STR(CREDENTIAL_FORM));
    case SIGV4_BAD_TERM:
        return s3_malformed(
            a, s, f,
            arena_printf(a, "incorrect terminal \"" STR_FMT "\". This endpoint uses \"aws4_request\".",
                         STR_ARG(s->what)));
    case SIGV4_DATE_DIFFERS:
        return s3_malformed(a, s, f,
                            arena_printf(a,
                                         "Invalid credential date \"" STR_FMT
                                         "\". This date is not the same as X-Amz-Date: \"" STR_FMT "\".",
                                         STR_ARG(s->date), STR_ARG(str_sub(s->time, 0, 8))));
    case SIGV4_OTHER_SERVICE:
        return s3_malformed(
            a, s, f,
            arena_printf(a, "incorrect service \"" STR_FMT "\". This endpoint belongs to \"s3\".",
                         STR_ARG(s->what)));
    case SIGV4_BAD_EXPIRES: return s3_bad_expires(a, s, f);
    case SIGV4_BAD_TIME:
        if (s->place == SIGV4_QUERY)
            return fault_set(a, f, &s3_query,
                             "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
        return fault_set(a, f, &s3_denied, "AWS authentication requires a valid Date or x-amz-date header");
    default:
        return fault_set(a, f, &error_scope_s3,
                         HEADER_BEGINS "a part of it has no equal-sign or stands there twice: " STR_FMT,
                         STR_ARG(s->what));
    }
}

static int s3_headers_unsigned(struct arena *a, struct fault *f, struct str names)
{
    fault_set(a, f, &s3_denied, "There were headers present in the request which were not signed");
    fault_element(a, f, "HeadersNotSigned", names);
    return -E_FAULT;
}

static int s3_with(struct arena *a, struct fault *f, const struct error_row *row, const char *text,
                   const char *element, struct str value)
{
    fault_set(a, f, row, "%s", text);
    fault_element(a, f, element, value);
    return -E_FAULT;
}

static int s3_payload_differs(struct arena *a, const struct refusal *r, struct fault *f)
{
    fault_set(a, f, &s3_hash, "The provided 'x-amz-content-sha256' header does not match what was computed.");
    fault_element(a, f, "ClientComputedContentSHA256", r->signature->payload_hash);
    fault_element(a, f, "S3ComputedContentSHA256", r->body_hash);
    return -E_FAULT;
}

static int refuse_s3(struct arena *a, const struct refusal *r, struct fault *f)
{
    const struct sigv4 *s = r->signature;

    switch (r->verdict) {
    case SIGV4_MISSING: return fault_set(a, f, &s3_denied, "Access Denied");
    case SIGV4_ASYMMETRIC:
    case SIGV4_VERSION_2:
        return fault_set(
            a, f, &s3_request,
            "The authorization mechanism you have provided is not supported. Please use " SIGV4_ALGORITHM
            ".");
    case SIGV4_OTHER_SCHEME:
        return s3_bad_argument(a, f, "Authorization", s->what, "Unsupported Authorization Type");
    case SIGV4_TWICE:
        return s3_bad_argument(
            a, f, "Authorization", STR(SIGV4_ALGORITHM),
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query "
            "parameter, Signature query string parameter or the Authorization header should be specified");
    case SIGV4_HOST_UNSIGNED: return s3_headers_unsigned(a, f, STR("host"));
    case SIGV4_HEADERS_UNSIGNED: return s3_headers_unsigned(a, f, s->what);
    case SIGV4_TOO_OLD:
    case SIGV4_TOO_NEW:
    case SIGV4_EXPIRED:
    case SIGV4_NOT_YET: return s3_out_of_time(a, r, f);
    case SIGV4_NO_PAYLOAD_HASH:
        return fault_set(a, f, &s3_request, "Missing required header for this request: x-amz-content-sha256");
    case SIGV4_BAD_PAYLOAD_HASH:
        return s3_bad_argument(a, f, "x-amz-content-sha256", s->what,
                               "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "
                               "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value.");
    case SIGV4_PAYLOAD_DIFFERS: return s3_payload_differs(a, r, f);
    case SIGV4_UNKNOWN_KEY:
        return s3_with(a, f, &s3_key, "The AWS Access Key Id you provided does not exist in our records.",
                       "AWSAccessKeyId", s->key);
    case SIGV4_TOKEN_INVALID:
        return s3_with(a, f, &s3_token, "The provided token is malformed or otherwise invalid.", "Token-0",
                       s->token);
    case SIGV4_TOKEN_EXPIRED:
        return s3_with(a, f, &s3_expired, "The provided token has expired.", "Token-0", s->token);
    case SIGV4_DIFFERS: return s3_differs(a, r, f);
    default: return s3_bad_form(a, r, f);
    }
}

int refusal_fault(struct arena *a, const struct service_model *service, enum protocol protocol,
                  const struct refusal *r, struct fault *ret)
{
    if (speaks_s3(service, protocol))
        return refuse_s3(a, r, ret);
    return refuse(a, service, protocol, r, ret);
}
