/* test_rest_xml.c - XML documents, and S3's requests and replies byte by byte. */
#include "model/s3.h"
#include "unit.h"
#include "wire/codec.h"
#include "wire/request.h"
#include "wire/xml.h"

/* ---- documents ---- */

static const struct {
    const char *in;
    int error;
    const char *root, *text;
    size_t n;
} documents[] = {
    { "<a/>", 0, "a", "", 0 },
    { "<?xml version=\"1.0\"?>\n<!-- c --><a>x</a>\n", 0, "a", "x", 0 },
    { "<a> x\r\n\ty </a>", 0, "a", " x\n\ty ", 0 },
    { "<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;&#10;</a>", 0, "a", "<&>\"'AB\n", 0 },
    { "<a><![CDATA[<b>&amp;]]>c</a>", 0, "a", "<b>&amp;c", 0 },
    { "<p:a xmlns:p=\"u\"><p:b/><c/></p:a>", 0, "a", "", 2 },
    { "<a>text<b/>between<c/>after</a>", 0, "a", "", 2 },
    { "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe4</a>", 0, "a", "\xc3\xa4", 0 },
    { "<a><?pi x?>x</a>", 0, "a", "x", 0 },
    { "", -E_INVALID, NULL, NULL, 0 },
    { " \n", -E_INVALID, NULL, NULL, 0 },
    { "text", -E_INVALID, NULL, NULL, 0 },
    { "<a>", -E_INVALID, NULL, NULL, 0 },
    { "<a></b>", -E_INVALID, NULL, NULL, 0 },
    { "<a/><b/>", -E_INVALID, NULL, NULL, 0 },
    { "<a/>x", -E_INVALID, NULL, NULL, 0 },
    { "<a b='1' b='2'/>", -E_INVALID, NULL, NULL, 0 },
    { "<a>&undefined;</a>", -E_INVALID, NULL, NULL, 0 },
    { "<a>\xff</a>", -E_INVALID, NULL, NULL, 0 },
    { "<a>\x01</a>", -E_INVALID, NULL, NULL, 0 },
    { "<!DOCTYPE a><a/>", -E_INVALID, NULL, NULL, 0 },
    { "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", -E_INVALID, NULL, NULL, 0 },
    { "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", -E_INVALID, NULL, NULL, 0 },
};

TEST(xml, documents)
{
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        struct arena *a = arena_new(0);
        struct xml *doc = NULL;
        int e = xml_parse(a, str_of(documents[i].in), &doc);
        if (e != documents[i].error)
            UNIT_FAIL("%s: got %d, want %d", documents[i].in, e, documents[i].error);
        else if (e == 0) {
            EXPECT_STR(doc->name, str_of(documents[i].root));
            EXPECT_STR(doc->text, str_of(documents[i].text));
            EXPECT_INT(doc->n, documents[i].n);
        }
        arena_free(a);
    }
}

TEST(xml, attributes)
{
    struct arena *a = arena_new(0);
    struct xml *doc = NULL;

    EXPECT_INT(xml_parse(a, STR("<G xmlns='u' xmlns:xsi='http://x' xsi:type='Group' b=' &lt; '/>"), &doc), 0);
    EXPECT_STR(doc->attributes->name, STR("type"));
    EXPECT_STR(doc->attributes->value, STR("Group"));
    EXPECT_STR(doc->attributes->next->value, STR(" < "));
    EXPECT(doc->attributes->next->next == NULL);
    arena_free(a);
}

static int parse_repeated(const char *open, const char *close, size_t n)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct arena *a = arena_new(0);
    struct xml *doc = NULL;

    buf_z(&b, "<r>");
    for (size_t i = 0; i < n; i++)
        buf_z(&b, open);
    for (size_t i = 0; i < n; i++)
        buf_z(&b, close);
    buf_z(&b, "</r>");
    int e = xml_parse(a, buf_view(&b), &doc);
    arena_free(a);
    return e;
}

TEST(xml, limits)
{
    EXPECT_INT(parse_repeated("<a>", "</a>", XML_MAX_DEPTH - 1), 0);
    EXPECT_INT(parse_repeated("<a>", "</a>", XML_MAX_DEPTH), -E_LIMIT);
    EXPECT_INT(parse_repeated("<a/>", "", XML_MAX_NODES - 1), 0);
    EXPECT_INT(parse_repeated("<a/>", "", XML_MAX_NODES), -E_LIMIT);
}

/* ---- requests ---- */

static const struct op *op(const char *name)
{
    for (uint32_t i = 0; i < s3_model.n_ops; i++)
        if (strcmp(s3_model.ops[i].name, name) == 0)
            return &s3_model.ops[i];
    abort();
}

struct decoded {
    struct arena *a;
    int error;
    void *input;
    struct fault fault;
};

static struct decoded decode(const char *name, const char *target, const char *body,
                             const struct request_header *headers)
{
    struct decoded d = { .a = arena_new(0) };
    struct request_parts parts = request_parts_of(target, body, headers);

    d.error = shape_decode(d.a, &s3_model, op(name), PROTO_REST_XML, &parts, &d.input, &d.fault);
    return d;
}

static const struct {
    const char *path, *key;
} keys[] = {
    { "/b/k", "k" },
    { "/b/k/", "k/" },
    { "/b//", "/" },
    { "/b//k", "/k" },
    { "/b/a//b///c/", "a//b///c/" },
    { "/b/a%2Fb%252F%20+", "a/b%2F +" },
    { "/b/%E4%BD%A0", "\xe4\xbd\xa0" },
    { "/b/..%2f../x", "../../x" },
    { "/b/100%", "100%" },
};

TEST(s3, keys_keep_every_byte)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct decoded d = decode("PutObject", keys[i].path, "", NULL);
        EXPECT_INT(d.error, 0);
        const struct s3_PutObjectRequest *in = d.input;
        EXPECT_STR(in->Bucket, STR("b"));
        EXPECT_STR(in->Key, str_of(keys[i].key));
        arena_free(d.a);
    }
}

TEST(s3, put_object)
{
    struct decoded d = decode("PutObject", "/b/k", "bo\r\ndy",
                              HEADERS({ "X-Amz-Meta-One", "1" }, { "x-amz-meta-two-x", "zwei" },
                                      { "content-type", "text/x" }, { "Content-Length", "6" },
                                      { "x-amz-checksum-crc32", "AAAAAA==" }, { "Expires", "never" },
                                      { "x-amz-meta", "no" }));
    const struct s3_PutObjectRequest *in = d.input;

    EXPECT_INT(d.error, 0);
    EXPECT_STR(in->Body, STR("bo\r\ndy"));
    EXPECT_INT(in->Metadata.n, 2);
    EXPECT_STR(in->Metadata.v[0].key, STR("One"));
    EXPECT_STR(in->Metadata.v[1].key, STR("two-x"));
    EXPECT_STR(in->Metadata.v[1].value, STR("zwei"));
    EXPECT_STR(in->ContentType, STR("text/x"));
    EXPECT_INT(in->ContentLength.v, 6);
    EXPECT_STR(in->ChecksumCRC32, STR("AAAAAA=="));
    EXPECT(!in->Expires.set); /* no date: HTTP says to overlook it */
    arena_free(d.a);
}

TEST(s3, lists_and_structures)
{
    struct decoded d = decode("DeleteObjects", "/b?delete",
                              "<?xml version='1.0'?><Delete "
                              "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n <Quiet> true </Quiet>\n"
                              " <Object><Key> a&lt;b </Key></Object>\n "
                              "<Object><Key>c</Key><VersionId>v</VersionId></Object></Delete>\n",
                              NULL);
    const struct s3_DeleteObjectsRequest *in = d.input;

    EXPECT_INT(d.error, 0);
    EXPECT(in->Delete->Quiet.v);
    EXPECT_INT(in->Delete->Objects.n, 2);
    EXPECT_STR(in->Delete->Objects.v[0].Key, STR(" a<b "));
    EXPECT_STR(in->Delete->Objects.v[1].VersionId, STR("v"));
    arena_free(d.a);
    d = decode("PutBucketAcl", "/b?acl",
               "<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant>"
               "<Grantee xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" "
               "i:type=\"Group\"><URI>u</URI></Grantee><Permission>READ</Permission></Grant></"
               "AccessControlList></AccessControlPolicy>",
               NULL);
    const struct s3_PutBucketAclRequest *acl = d.input;
    EXPECT_INT(d.error, 0);
    EXPECT_INT(acl->AccessControlPolicy->Grants.n, 1);
    EXPECT_STR(acl->AccessControlPolicy->Grants.v[0].Grantee->Type, STR("Group"));
    EXPECT_STR(acl->AccessControlPolicy->Grants.v[0].Grantee->URI, STR("u"));
    arena_free(d.a);
    d = decode("PutBucketTagging", "/b?tagging", "<Tagging><TagSet/></Tagging>", NULL);
    const struct s3_PutBucketTaggingRequest *tags = d.input;
    EXPECT_INT(d.error, 0);
    EXPECT(tags->Tagging->TagSet.set);
    EXPECT_INT(tags->Tagging->TagSet.n, 0);
    arena_free(d.a);
    d = decode("CreateBucket", "/b", "", NULL);
    EXPECT_INT(d.error, 0);
    EXPECT(((const struct s3_CreateBucketRequest *)d.input)->CreateBucketConfiguration == NULL);
    arena_free(d.a);
}

static const struct {
    const char *op, *target, *body;
} malformed[] = {
    { "CreateBucket", "/b", "<CreateBucketConfiguration>" },
    { "CreateBucket", "/b", " " },
    { "CreateBucket", "/b", "{}" },
    { "CreateBucket", "/b", "<Wrong/>" },
    { "CreateBucket", "/b", "<CreateBucketConfiguration><Unknown/></CreateBucketConfiguration>" },
    { "CreateBucket", "/b", "<CreateBucketConfiguration>text</CreateBucketConfiguration>" },
    { "CreateBucket", "/b",
      "<CreateBucketConfiguration><LocationConstraint><x/></LocationConstraint></"
      "CreateBucketConfiguration>" },
    { "CreateBucket", "/b",
      "<CreateBucketConfiguration><LocationConstraint>a</LocationConstraint><LocationConstraint>b</"
      "LocationConstraint></CreateBucketConfiguration>" },
    { "CreateBucket", "/b", "<!DOCTYPE x><CreateBucketConfiguration/>" },
    { "DeleteObjects", "/b?delete", "<Delete><Quiet>perhaps</Quiet></Delete>" },
    { "PutBucketTagging", "/b?tagging", "<Tagging><TagSet><Wrong/></TagSet></Tagging>" },
    { "CompleteMultipartUpload", "/b/k?uploadId=u",
      "<CompleteMultipartUpload><Part><PartNumber>one</PartNumber></Part></CompleteMultipartUpload>" },
};

TEST(s3, malformed_xml)
{
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        struct decoded d = decode(malformed[i].op, malformed[i].target, malformed[i].body, NULL);
        EXPECT_INT(d.error, -E_FAULT);
        EXPECT_Z(d.fault.row != NULL ? d.fault.row->name : malformed[i].body, "MalformedXML");
        EXPECT_STR(
            d.fault.message,
            STR("The XML you provided was not well-formed or did not validate against our published schema"));
        arena_free(d.a);
    }
}

TEST(s3, arguments)
{
    struct decoded d = decode("ListObjectsV2", "/b?list-type=2&max-keys=1%3C&prefix=a+b%2F", "", NULL);

    EXPECT_INT(d.error, -E_FAULT);
    EXPECT_Z(d.fault.row->name, "InvalidArgument");
    EXPECT_STR(d.fault.message, STR("Provided max-keys not an integer or within integer range"));
    EXPECT_STR(d.fault.extra_xml,
               STR("<ArgumentName>max-keys</ArgumentName><ArgumentValue>1&lt;</ArgumentValue>"));
    arena_free(d.a);
    d = decode("ListObjectsV2", "/b?list-type=2&max-keys=10&prefix=a+b%2F", "", NULL);
    EXPECT_INT(d.error, 0);
    EXPECT_STR(((const struct s3_ListObjectsV2Request *)d.input)->Prefix, STR("a b/"));
    arena_free(d.a);
    d = decode("PutObject", "/b/k", "", HEADERS({ "x-amz-object-lock-retain-until-date", "soon" }));
    EXPECT_INT(d.error, -E_FAULT);
    EXPECT_Z(d.fault.row->name, "InvalidArgument");
    arena_free(d.a);
}

/* ---- replies ---- */

#define XMLNS " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

static struct str encode(struct arena *a, const char *name, const void *output, struct reply *ret)
{
    shape_encode(a, &s3_model, op(name), PROTO_REST_XML, output, STR("AAAABBBBCCCCDDDD"), ret);
    return buf_view(&ret->body);
}

static void done(struct reply *r)
{
    buf_done(&r->headers);
    buf_done(&r->body);
}

TEST(s3, list_bucket_result)
{
    struct arena *a = arena_new(0);
    struct s3_Object objects[] = {
        { .Key = STR("a&\r"), .LastModified = TIME_SET(1577836800000), .Size = INT_SET(0) },
        { .Key = STR("") }
    };
    struct s3_CommonPrefix prefixes[] = { { .Prefix = STR("p/") } };
    struct s3_ListObjectsV2Output out = { .Name = STR("b"),
                                          .Prefix = STR(""),
                                          .IsTruncated = BOOL_SET(false),
                                          .Contents = { true, 2, objects },
                                          .CommonPrefixes = { true, 1, prefixes },
                                          .KeyCount = INT_SET(3),
                                          .RequestCharged = STR("requester") };
    struct reply r;

    EXPECT_STR(encode(a, "ListObjectsV2", &out, &r),
               STR(DECLARATION "<ListBucketResult" XMLNS "><IsTruncated>false</IsTruncated>"
                               "<Contents><Key>a&amp;&#xD;</Key><LastModified>2020-01-01T00:00:00.000Z</"
                               "LastModified><Size>0</Size></Contents><Contents><Key></Key></Contents>"
                               "<Name>b</Name><Prefix></Prefix><CommonPrefixes><Prefix>p/</Prefix></"
                               "CommonPrefixes><KeyCount>3</KeyCount></ListBucketResult>"));
    EXPECT_STR(r.content_type, STR("application/xml"));
    EXPECT(str_find_str(buf_view(&r.headers), STR("x-amz-request-charged: requester\r\n")) > 0);
    EXPECT(str_starts(buf_view(&r.headers), STR("x-amz-request-id: AAAABBBBCCCCDDDD\r\nx-amz-id-2: ")));
    done(&r);
    arena_free(a);
}

TEST(s3, roots)
{
    struct arena *a = arena_new(0);
    struct reply r;
    struct s3_GetBucketLocationOutput location = { .LocationConstraint = STR("eu-west-1") };
    struct s3_GetBucketVersioningOutput versioning = { 0 };
    struct s3_CopyObjectResult copied = { .ETag = STR("\"e\"") };
    struct s3_CopyObjectOutput copy = { .CopyObjectResult = &copied };
    struct s3_ObjectLockLegalHold hold = { .Status = STR("ON") };
    struct s3_GetObjectLegalHoldOutput held = { .LegalHold = &hold };

    EXPECT_STR(encode(a, "GetBucketLocation", &location, &r),
               STR(DECLARATION "<LocationConstraint" XMLNS ">eu-west-1</LocationConstraint>"));
    done(&r);
    location.LocationConstraint = STR_NONE;
    EXPECT_STR(encode(a, "GetBucketLocation", &location, &r),
               STR(DECLARATION "<LocationConstraint" XMLNS "></LocationConstraint>"));
    done(&r);
    EXPECT_STR(encode(a, "GetBucketVersioning", &versioning, &r),
               STR(DECLARATION "<VersioningConfiguration" XMLNS "></VersioningConfiguration>"));
    done(&r);
    EXPECT_STR(encode(a, "CopyObject", &copy, &r),
               STR(DECLARATION "<CopyObjectResult" XMLNS "><ETag>&quot;e&quot;</ETag></CopyObjectResult>"));
    done(&r);
    EXPECT_STR(encode(a, "GetObjectLegalHold", &held, &r),
               STR(DECLARATION "<LegalHold" XMLNS "><Status>ON</Status></LegalHold>"));
    done(&r);
    arena_free(a);
}

TEST(s3, grantee)
{
    struct arena *a = arena_new(0);
    struct s3_Grantee grantee = { .ID = STR("i"), .Type = STR("Canonical\"User") };
    struct s3_Grant grants[] = { { .Grantee = &grantee, .Permission = STR("READ") } };
    struct s3_GetBucketAclOutput out = { .Grants = { true, 1, grants } };
    struct reply r;

    EXPECT_STR(encode(a, "GetBucketAcl", &out, &r),
               STR(DECLARATION
                   "<AccessControlPolicy" XMLNS "><AccessControlList><Grant>"
                   "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                   "xsi:type=\"Canonical&quot;User\"><ID>i</ID></Grantee>"
                   "<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"));
    done(&r);
    arena_free(a);
}

TEST(s3, objects)
{
    struct arena *a = arena_new(0);
    struct s3_Metadata_entry pairs[] = { { STR("one"), STR("1\r\nx: y") } };
    struct s3_GetObjectOutput got = { .Body = STR("<\xff>"),
                                      .ContentLength = INT_SET(3),
                                      .ContentType = STR("text/x"),
                                      .LastModified = TIME_SET(1577836800500),
                                      .Metadata = { true, 1, pairs },
                                      .ETag = STR("\"e\"") };
    struct s3_HeadObjectOutput head = { .ContentLength = INT_SET(12345) };
    struct s3_PutObjectOutput put = { .ETag = STR("\"e\"") };
    struct reply r;

    EXPECT_STR(encode(a, "GetObject", &got, &r), STR("<\xff>"));
    EXPECT_STR(r.content_type, STR("text/x"));
    struct str lines = str_sub(buf_view(&r.headers),
                               (size_t)str_find_str(buf_view(&r.headers), STR("Last-Modified")), r.headers.n);
    EXPECT_STR(
        lines,
        STR("Last-Modified: Wed, 01 Jan 2020 00:00:00 GMT\r\nETag: \"e\"\r\nx-amz-meta-one: 1x: y\r\n"));
    done(&r);
    EXPECT_STR(encode(a, "HeadObject", &head, &r), STR(""));
    EXPECT_INT(r.head_bytes, 12345);
    EXPECT(str_find_str(buf_view(&r.headers), STR("Content-Length")) < 0);
    EXPECT_STR(r.content_type, STR_NONE);
    done(&r);
    EXPECT_STR(encode(a, "PutObject", &put, &r), STR(""));
    EXPECT_STR(r.content_type, STR_NONE);
    done(&r);
    got.ContentType = STR_NONE;
    encode(a, "GetObject", &got, &r);
    EXPECT_STR(r.content_type, STR("binary/octet-stream"));
    done(&r);
    arena_free(a);
}

/* ---- errors ---- */

static const struct {
    const struct error_row *row;
    const char *code;
    int status;
} codes[] = {
    { &s3_error_NoSuchKey, "NoSuchKey", 404 },
    { &error_internal, "InternalError", 500 },
    { &error_not_implemented, "NotImplemented", 501 },
    { &error_access_denied, "AccessDenied", 403 },
    { &error_request_entity_too_large, "EntityTooLarge", 400 },
    { &error_validation, "InvalidRequest", 400 },
};

TEST(s3, errors)
{
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct arena *a = arena_new(0);
        struct fault fault = { .row = codes[i].row, .message = STR("no <&>") };
        struct reply r;
        struct buf host = { 0 };
        fault_element(a, &fault, "Key", STR("a<b"));
        fault_element(a, &fault, "Resource", STR("/b/k"));
        fault_encode(a, &s3_model, PROTO_REST_XML, &fault, STR("AAAABBBBCCCCDDDD"), false, &r);
        s3_host_id(&host, STR("AAAABBBBCCCCDDDD"));
        EXPECT_INT(host.n, 76);
        EXPECT_INT(r.status, codes[i].status);
        EXPECT_STR(r.content_type, STR("application/xml"));
        EXPECT_STR(
            buf_view(&r.body),
            arena_printf(
                a,
                DECLARATION
                "<Error><Code>%s</Code><Message>no &lt;&amp;&gt;</Message><Key>a&lt;b</Key>"
                "<Resource>/b/k</Resource><RequestId>AAAABBBBCCCCDDDD</RequestId><HostId>%s</HostId></Error>",
                codes[i].code, host.p));
        EXPECT_STR(buf_view(&r.headers),
                   arena_printf(a, "x-amz-request-id: AAAABBBBCCCCDDDD\r\nx-amz-id-2: %s\r\n", host.p));
        buf_done(&host);
        done(&r);
        arena_free(a);
    }
}

TEST(s3, request_ids)
{
    struct arena *a = arena_new(0);
    struct str id = request_id_new(a, &s3_model, PROTO_REST_XML);

    EXPECT_INT(id.n, 16);
    for (size_t i = 0; i < id.n; i++)
        EXPECT((id.p[i] >= 'A' && id.p[i] <= 'Z') || (id.p[i] >= '0' && id.p[i] <= '9'));
    EXPECT_INT(request_id_new(a, NULL, PROTO_REST_XML).n, 16);
    EXPECT_INT(request_id_new(a, NULL, PROTO_JSON).n, 36);
    arena_free(a);
}

UNIT_MAIN
