/* test_route_s3.c - bucket, key and operation from host, path and query; S3 beside services with paths of
 * their own. */
#include "model/cloudwatch.h"
#include "model/lambda.h"
#include "model/s3.h"
#include "model/sns.h"
#include "model/sqs.h"
#include "unit.h"
#include "wire/request.h"
#include "wire/route.h"
#include "wire/route_s3.h"

static const struct service lambda_service = { .model = &lambda_model },
                            sqs_service = { .model = &sqs_model }, sns_service = { .model = &sns_model },
                            s3_service = { .model = &s3_model },
                            cloudwatch_service = { .model = &cloudwatch_model };
static const struct service *const all[] = { &lambda_service, &sqs_service, &sns_service, &s3_service,
                                             &cloudwatch_service };

#define SIGNED(scope)                                                                        \
    {                                                                                        \
        "Authorization", "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260914/eu-west-1/" scope \
                         "/aws4_request, SignedHeaders=host, Signature=00"                   \
    }

static struct router *router(void)
{
    static struct router *r;

    if (r == NULL)
        r = router_new(all, ARRAY_LEN(all));
    return r;
}

static const struct {
    const char *host, *bucket;
    bool s3;
} hosts[] = {
    { "127.0.0.1:4566", NULL, false },
    { "127.0.0.1", NULL, false },
    { "[::1]:4566", NULL, false },
    { "localhost:4566", NULL, false },
    { "waybill:4566", NULL, false },
    { "", NULL, false },
    { "bucket.localhost:4566", "bucket", false },
    { "my.dotted.bucket.localhost", "my.dotted.bucket", false },
    { "bucket.LocalHost", "bucket", false },
    { "s3.localhost:4566", NULL, true },
    { "bucket.s3.localhost:4566", "bucket", true },
    { "a.b.s3.localhost", "a.b", true },
    { "s3-logs.localhost", "s3-logs", false },
    { "bucket.s3.eu-west-1.localhost", "bucket", true },
    { "s3.amazonaws.com", NULL, true },
    { "bucket.s3.amazonaws.com", "bucket", true },
    { "bucket.s3.eu-west-1.amazonaws.com:443", "bucket", true },
    { "s3-us-west-2.amazonaws.com", NULL, true },
    { "bucket.s3-us-west-2.amazonaws.com", "bucket", true },
    { "bucket.s3.cn-north-1.amazonaws.com.cn", "bucket", true },
    { "sqs.eu-west-1.amazonaws.com", NULL, false },
    { "host.docker.internal:4566", NULL, false },
    { "bucket.s3.example.org", "bucket", true },
    { ".s3.localhost", NULL, true },
};

TEST(s3, hosts)
{
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        bool s3 = !hosts[i].s3;
        struct str bucket = s3_bucket_of_host(str_of(hosts[i].host), &s3);
        if (!str_eq(bucket, str_of(hosts[i].bucket)) || s3 != hosts[i].s3)
            UNIT_FAIL("%s: got '" STR_FMT "' %d", hosts[i].host, STR_ARG(bucket), s3);
    }
}

static const struct {
    const char *host, *path;
    int level;
    const char *bucket, *name;
} names[] = {
    { "127.0.0.1", "/", S3_SERVICE, "", "/" },
    { "127.0.0.1", "/b", S3_BUCKET, "b", "/b" },
    { "127.0.0.1", "/b/", S3_BUCKET, "b", "/b/" },
    { "127.0.0.1", "/b/k", S3_OBJECT, "b", "/b/k" },
    { "127.0.0.1", "/b/k/", S3_OBJECT, "b", "/b/k/" },
    { "127.0.0.1", "/b//", S3_OBJECT, "b", "/b//" },
    { "127.0.0.1", "/b//k", S3_OBJECT, "b", "/b//k" },
    { "b.localhost", "/", S3_BUCKET, "b", "/b/" },
    { "b.localhost", "/k", S3_OBJECT, "b", "/b/k" },
    { "b.localhost", "//k/", S3_OBJECT, "b", "/b//k/" },
    { "s3.localhost", "/b/k", S3_OBJECT, "b", "/b/k" },
    { "127.0.0.1", "//k", -1, NULL, NULL },
    { "127.0.0.1", "", -1, NULL, NULL },
    { "b.localhost", "k", -1, NULL, NULL },
};

TEST(s3, names)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct arena *a = arena_new(0);
        struct s3_name name = { 0 };
        int e = s3_name_of(a, str_of(names[i].host), str_of(names[i].path), &name);
        EXPECT_INT(e, names[i].level < 0 ? -E_INVALID : 0);
        if (e == 0) {
            EXPECT_INT(name.level, names[i].level);
            EXPECT_STR(name.bucket, str_of(names[i].bucket));
            EXPECT_STR(name.path, str_of(names[i].name));
        }
        arena_free(a);
    }
}

static const struct {
    const char *method, *target, *op;
} requests[] = {
    { "GET", "/", "ListBuckets" },
    { "GET", "/?x-id=ListBuckets", "ListBuckets" },
    { "PUT", "/b", "CreateBucket" },
    { "PUT", "/b/", "CreateBucket" },
    { "HEAD", "/b", "HeadBucket" },
    { "DELETE", "/b", "DeleteBucket" },
    { "GET", "/b", "ListObjects" },
    { "GET", "/b?prefix=x&delimiter=/", "ListObjects" },
    { "GET", "/b?list-type=2&prefix=location", "ListObjectsV2" },
    { "GET", "/b/?list-type=2", "ListObjectsV2" },
    { "GET", "/b?versions", "ListObjectVersions" },
    { "GET", "/b?uploads", "ListMultipartUploads" },
    { "GET", "/b?location", "GetBucketLocation" },
    { "GET", "/b?location=", "GetBucketLocation" },
    { "GET", "/b?notification", "GetBucketNotificationConfiguration" },
    { "PUT", "/b?notification", "PutBucketNotificationConfiguration" },
    { "GET", "/b?lifecycle", "GetBucketLifecycleConfiguration" },
    { "PUT", "/b?lifecycle", "PutBucketLifecycleConfiguration" },
    { "GET", "/b?analytics", "ListBucketAnalyticsConfigurations" },
    { "GET", "/b?analytics&id=1", "GetBucketAnalyticsConfiguration" },
    { "PUT", "/b?policy", "PutBucketPolicy" },
    { "GET", "/b?policyStatus", "GetBucketPolicyStatus" },
    { "POST", "/b?delete", "DeleteObjects" },
    { "PUT", "/b/k", "PutObject" },
    { "PUT", "/b/k/", "PutObject" },
    { "PUT", "/b/k?x-id=PutObject", "PutObject" },
    { "PUT", "/b//", "PutObject" },
    { "PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart" },
    { "GET", "/b/k", "GetObject" },
    { "GET", "/b/a/b/c%2Fd?versionId=v", "GetObject" },
    { "GET", "/b/k?partNumber=2", "GetObject" },
    { "GET", "/b/k?uploadId=u", "ListParts" },
    { "GET", "/b/k?tagging", "GetObjectTagging" },
    { "GET", "/b/k?acl", "GetObjectAcl" },
    { "GET", "/b/k?attributes", "GetObjectAttributes" },
    { "HEAD", "/b/k", "HeadObject" },
    { "DELETE", "/b/k", "DeleteObject" },
    { "DELETE", "/b/k?uploadId=u", "AbortMultipartUpload" },
    { "POST", "/b/k?uploads", "CreateMultipartUpload" },
    { "POST", "/b/k?uploadId=u", "CompleteMultipartUpload" },
    { "GET", "/2015-03-31/functions/", "GetObject" }, /* signed for S3: a bucket may have any name */
    { "POST", "/b", NULL },
    { "POST", "/b/k", NULL },
    { "PATCH", "/b/k", NULL },
    { "DELETE", "/b/k?acl", NULL },
    { "GET", "/b?delete", NULL },
    { "PUT", "/", NULL },
    { "GET", "//k", NULL },
};

TEST(s3, operations)
{
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct arena *a = arena_new(0);
        struct request_parts parts =
            request_parts_of(requests[i].target, "", HEADERS({ "Host", "127.0.0.1:4566" }, SIGNED("s3")));
        struct route route = { 0 };
        struct fault fault = { 0 };
        int e = router_find(router(), a, requests[i].method, &parts, &route, &fault);
        if (e != (requests[i].op == NULL ? -E_FAULT : 0) ||
            (e == 0 && strcmp(route.op->name, requests[i].op) != 0))
            UNIT_FAIL("%s %s: got %s", requests[i].method, requests[i].target,
                      e == 0 ? route.op->name : fault.row->name);
        EXPECT_INT(route.protocol, PROTO_REST_XML);
        EXPECT(route.service == &s3_model);
        arena_free(a);
    }
}

static int find(struct arena *a, const char *method, const char *target, const char *body,
                const struct request_header *headers, struct route *route, struct fault *fault)
{
    struct request_parts parts = request_parts_of(target, body, headers);

    *route = (struct route){ 0 };
    *fault = (struct fault){ 0 };
    return router_find(router(), a, method, &parts, route, fault);
}

/* Every operation of the model that has a bucket's or object's path is found by what its row asks for. */
TEST(s3, every_operation_of_the_model)
{
    size_t found = 0;

    for (uint32_t i = 0; i < s3_model.n_ops; i++) {
        const struct op *op = &s3_model.ops[i];
        CLEANUP(buf_done) struct buf target = { 0 };
        struct request_header headers[3] = { SIGNED("s3") };
        struct str query = str_of(op->uri), uri;
        struct route r;
        struct fault f;
        struct arena *a = arena_new(0);
        str_cut(&query, '?', &uri);
        buf_z(&target, str_is(uri, "/") ? "/" : str_is(uri, "/{Bucket}") ? "/b" : "/b/k");
        buf_char(&target, '?');
        buf_str(&target, query);
        for (uint32_t k = 0; op->input != NULL && k < op->input->n_members; k++) {
            const struct member *m = &op->input->members[k];
            if (m->required && m->place == PLACE_QUERY)
                buf_printf(&target, "&%s=1", m->wire);
            if (m->required && m->place == PLACE_HEADER && strcmp(m->wire, "x-amz-copy-source") == 0)
                headers[1] = (struct request_header){ m->wire, "b/k" };
        }
        int e = find(a, op->method, target.p, "", headers, &r, &f);
        if (!op->deprecated && strcmp(op->name, "ListDirectoryBuckets") != 0 &&
            strcmp(op->name, "WriteGetObjectResponse") != 0) {
            if (e != 0 || r.op != op)
                UNIT_FAIL("%s %s: got %s", op->name, target.p, e == 0 ? r.op->name : "nothing");
            found++;
        }
        arena_free(a);
    }
    EXPECT(found > 100);
}

TEST(s3, copies)
{
    struct arena *a = arena_new(0);
    struct route r;
    struct fault f;

    EXPECT_INT(find(a, "PUT", "/b/k", "", HEADERS(SIGNED("s3"), { "X-Amz-Copy-Source", "b/k" }), &r, &f), 0);
    EXPECT_Z(r.op->name, "CopyObject");
    EXPECT_INT(find(a, "PUT", "/b/k?partNumber=1&uploadId=u", "",
                    HEADERS(SIGNED("s3"), { "X-Amz-Copy-Source", "b/k" }), &r, &f),
               0);
    EXPECT_Z(r.op->name, "UploadPartCopy");
    arena_free(a);
}

TEST(s3, virtual_hosts)
{
    struct arena *a = arena_new(0);
    struct route r;
    struct fault f;

    EXPECT_INT(find(a, "GET", "/k//x", "", HEADERS({ "Host", "b.localhost:4566" }), &r, &f), 0);
    EXPECT_Z(r.op->name, "GetObject");
    EXPECT_STR(r.path, STR("/b/k//x"));
    EXPECT_INT(find(a, "GET", "/", "", HEADERS({ "Host", "b.localhost:4566" }), &r, &f), 0);
    EXPECT_Z(r.op->name, "ListObjects");
    EXPECT_INT(
        find(a, "GET", "/2015-03-31/functions", "", HEADERS({ "Host", "b.s3.localhost:4566" }), &r, &f), 0);
    EXPECT_Z(r.op->name, "GetObject"); /* the host says S3 */
    EXPECT_INT(find(a, "GET", "/2015-03-31/functions", "", HEADERS({ "Host", "b.localhost:4566" }), &r, &f),
               0);
    EXPECT_Z(r.op->name, "ListFunctions");
    EXPECT_INT(find(a, "GET", "/2015-03-31/functions", "",
                    HEADERS({ "Host", "b.s3.localhost:4566" }, SIGNED("lambda")), &r, &f),
               0);
    EXPECT_Z(r.op->name, "ListFunctions"); /* the signature counts for more */
    arena_free(a);
}

TEST(s3, presigned)
{
    struct arena *a = arena_new(0);
    struct route r;
    struct fault f;

    EXPECT_INT(find(a, "GET",
                    "/b/"
                    "k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260914%2Fus-east-1%2Fs3%"
                    "2Faws4_request&X-Amz-Signature=0",
                    "", NULL, &r, &f),
               0);
    EXPECT_Z(r.op->name, "GetObject");
    EXPECT_INT(find(a, "PUT", "/b/k?AWSAccessKeyId=AK&Signature=x&Expires=1", "Action=SendMessage", NULL, &r,
                    &f),
               0);
    EXPECT_Z(r.op->name, "PutObject");
    EXPECT_INT(find(a, "GET", "/?AWSAccessKeyId=AK&Signature=x&Expires=1", "", NULL, &r, &f), 0);
    EXPECT_Z(r.op->name, "ListBuckets");
    arena_free(a);
}

TEST(s3, nobodys)
{
    struct arena *a = arena_new(0);
    struct route r;
    struct fault f;

    EXPECT_INT(find(a, "GET", "/", "", HEADERS({ "Host", "127.0.0.1" }), &r, &f), -E_FAULT);
    EXPECT(f.row == &error_access_denied);
    EXPECT_INT(r.protocol, PROTO_REST_XML);
    EXPECT_INT(find(a, "POST", "/b", "", NULL, &r, &f), -E_FAULT);
    EXPECT_INT(f.row->status, 405);
    EXPECT_STR(f.extra_xml, STR("<Method>POST</Method><ResourceType>BUCKET</ResourceType>"));
    EXPECT_INT(find(a, "GET", "//k<", "", NULL, &r, &f), -E_FAULT);
    EXPECT_Z(f.row->name, "InvalidURI");
    EXPECT_STR(f.extra_xml, STR("<URI>//k&lt;</URI>"));
    EXPECT_INT(find(a, "GET", "/restapis", "", HEADERS(SIGNED("apigateway")), &r, &f), -E_FAULT);
    EXPECT_STR(f.message, STR("The service apigateway is not served here (GET /restapis)"));
    arena_free(a);
}

/* Links people click: no signature, often no version. */
TEST(s3, links_stay_queries)
{
    struct arena *a = arena_new(0);
    struct route r;
    struct fault f;

    EXPECT_INT(find(a, "GET", "/?Action=ConfirmSubscription&TopicArn=t&Token=x", "",
                    HEADERS({ "Host", "localhost:4566" }), &r, &f),
               0);
    EXPECT_Z(r.service->name, "sns");
    EXPECT_INT(find(a, "GET", "/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn=s", "", NULL, &r, &f),
               0);
    EXPECT_Z(r.service->name, "sns");
    EXPECT_INT(find(a, "GET", "/000000000000/q?Action=ReceiveMessage", "", NULL, &r, &f), 0);
    EXPECT_Z(r.service->name, "sqs");
    EXPECT_INT(find(a, "GET", "/000000000000/q?Action=AddPermission", "", NULL, &r, &f),
               0); /* SNS has one too */
    EXPECT_Z(r.service->name, "sqs");
    EXPECT_INT(r.protocol, PROTO_QUERY);
    arena_free(a);
}

TEST(cbor, paths)
{
    struct arena *a = arena_new(0);
    struct route r;
    struct fault f;
    const struct request_header *cbor = HEADERS({ "smithy-protocol", "rpc-v2-cbor" });

    EXPECT_INT(find(a, "POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "", cbor, &r,
                    &f),
               0);
    EXPECT_Z(r.op->name, "PutMetricData");
    EXPECT_INT(r.protocol, PROTO_CBOR);
    EXPECT_INT(find(a, "POST", "/behind/a/proxy/service/GraniteServiceVersion20100801/operation/ListMetrics",
                    "", cbor, &r, &f),
               0);
    EXPECT_Z(r.op->name, "ListMetrics");
    EXPECT_INT(find(a, "POST", "/service/GraniteServiceVersion20100801/operation/Nonsense", "", cbor, &r, &f),
               -E_FAULT);
    EXPECT(f.row == &error_unknown_operation);
    EXPECT(r.service == &cloudwatch_model);
    EXPECT_INT(r.protocol, PROTO_CBOR);
    EXPECT_INT(find(a, "GET", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "", cbor, &r,
                    &f),
               -E_FAULT);
    EXPECT(f.row == &error_unknown_operation);
    EXPECT_INT(find(a, "POST", "/service/AmazonSQS/operation/SendMessage", "", cbor, &r, &f), -E_FAULT);
    EXPECT(f.row == &error_not_implemented);
    EXPECT_STR(f.message, STR("sqs does not speak rpc-v2-cbor here"));
    EXPECT_INT(find(a, "POST", "/service/Kinesis_20131202/operation/PutRecord", "", cbor, &r, &f), -E_FAULT);
    EXPECT_STR(f.message, STR("No service here answers rpc-v2-cbor as Kinesis_20131202"));
    EXPECT_INT(find(a, "POST", "/", "", cbor, &r, &f), -E_FAULT);
    EXPECT(f.row == &error_unknown_operation);
    EXPECT_INT(r.protocol, PROTO_CBOR);
    arena_free(a);
}

UNIT_MAIN
