/* fault.c - S3's errors beyond the model's rows, and checks every handler may need. */
#include "service/s3/internal.h"

#define E(name_, status_)                                                                           \
    const struct error_row s3_fault_##name_ = {                                                     \
        .name = #name_, .status = (status_), .sender = (status_) < 500, .message_member = "Message" \
    };
S3_ERRORS(E)
#undef E

int s3_refuse(struct call *c, const char *what)
{
    return S3_FAULT(
        c, NotImplemented,
        "A header or parameter you provided implies functionality that Waybill does not implement: %s", what);
}

int s3_argument(struct call *c, const char *name, struct str value, const char *text)
{
    (void)S3_FAULT(c, InvalidArgument, "%s", text);
    fault_element(c->mem, &c->fault, "ArgumentName", str_of(name));
    if (!str_absent(value))
        fault_element(c->mem, &c->fault, "ArgumentValue", value);
    return -E_FAULT;
}

int s3_payer(struct call *c, struct str request_payer)
{
    return str_absent(request_payer) || str_is(request_payer, "requester")
               ? 0
               : s3_argument(c, "x-amz-request-payer", request_payer,
                             "The only value of x-amz-request-payer is requester.");
}

static int check_sum(struct call *c, enum checksum k, struct str given, struct str body)
{
    struct digest d = checksum_of(k, body);
    struct str bytes;

    if (base64_decode(c->mem, given, &bytes) != 0 || bytes.n != checksum_bytes(k))
        return S3_FAULT(c, InvalidArgument, "Value for x-amz-checksum-%s header is invalid.",
                        checksum_name(k));
    return memcmp(bytes.p, d.b, d.n) == 0
               ? 0
               : S3_FAULT(c, BadDigest, "The %s you specified did not match the calculated checksum.",
                          checksum_name(k));
}

int s3_check_document(struct call *c, struct str content_md5, struct str algorithm)
{
    struct str given = str_absent(content_md5) ? call_request_header(c, "Content-MD5") : content_md5, bytes;
    bool announced = str_absent(algorithm);
    struct digest md5;

    if (!str_absent(algorithm) && checksum_named(algorithm) == CHECKSUM_NONE)
        return s3_refuse(c, "ChecksumAlgorithm");
    if (!str_absent(given)) {
        md5 = md5_of(call_body(c));
        if (base64_decode(c->mem, given, &bytes) != 0 || bytes.n != md5.n)
            return S3_FAULT(c, InvalidDigest, "The Content-MD5 you specified was invalid.");
        if (memcmp(bytes.p, md5.b, md5.n) != 0)
            return S3_FAULT(c, BadDigest, "The Content-MD5 you specified did not match what we received.");
    }
    for (enum checksum k = CHECKSUM_CRC32; k < CHECKSUM_KINDS; k++) {
        given = call_request_header(c, arena_z(c->mem,
                                               arena_printf(c->mem, "x-amz-checksum-%s", checksum_name(k))));
        if (!str_absent(given) && check_sum(c, k, given, call_body(c)) != 0)
            return -E_FAULT;
        if (!str_absent(given))
            announced = announced || k == checksum_named(algorithm);
    }
    return announced ? 0
                     : call_fault(c, &s3_error_InvalidRequest,
                                  "x-amz-sdk-checksum-algorithm specified, but no corresponding "
                                  "x-amz-checksum-* or x-amz-trailer headers were found.");
}

int s3_key_check(struct call *c, struct str key)
{
    if (key.n > S3_KEY_MOST) {
        (void)S3_FAULT(c, KeyTooLongError, "Your key is too long");
        fault_element(c->mem, &c->fault, "Size", arena_printf(c->mem, "%zu", key.n));
        fault_element(c->mem, &c->fault, "MaxSizeAllowed", arena_printf(c->mem, "%d", S3_KEY_MOST));
        return -E_FAULT;
    }
    return !str_empty(key) && utf8_check(key) == key.n
               ? 0
               : S3_FAULT(c, InvalidURI, "Couldn't parse the specified URI.");
}

int s3_encoding_check(struct call *c, struct str encoding)
{
    return str_absent(encoding) || str_is(encoding, "url")
               ? 0
               : s3_argument(c, "encoding-type", encoding, "Invalid Encoding Method specified in Request");
}

struct str s3_shown(struct call *c, struct str encoding, struct str text)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    if (str_absent(encoding) || str_absent(text))
        return text;
    s3_url_encode(&b, text, "%20");
    return buf_to_arena(&b, c->mem);
}

struct s3_Owner *s3_owner(struct arena *a, struct str account)
{
    struct s3_Owner *o = ARENA_NEW(a, struct s3_Owner);
    struct digest d = sha256_of(account);

    o->ID = hex_str(a, &d);
    return o;
}

struct str s3_quoted(struct arena *a, struct str etag)
{
    return arena_printf(a, "\"" STR_FMT "\"", STR_ARG(etag));
}
