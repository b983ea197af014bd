/* The evaluator as tables: one row, one question.  A context is written "key=value;key=value,value". */
#include "../unit.h"
#include "policy/policy.h"

#define ROLE "arn:aws:iam::000000000000:role/app/worker"
#define SESSION "arn:aws:sts::000000000000:assumed-role/worker/fn"
#define NOW_MS 1789400698123LL /* 2026-09-14T15:44:58.123Z */

static const struct policy_caller worker = {
    CALLER_ROLE,
    { "000000000000", 12 },
    { SESSION, sizeof(SESSION) - 1 },
    { ROLE, sizeof(ROLE) - 1 },
    { "AROAAAAAAAAAAAAAAAAAA:fn", 24 },
    { NULL, 0 },
};

struct context {
    struct policy_key keys[8];
    struct str values[16];
    size_t n, n_values;
};

static void context_read(struct context *c, const char *text)
{
    struct str rest = str_of(text), item, key, value;

    c->n = c->n_values = 0;
    while (rest.n > 0 && str_cut(&rest, ';', &item)) {
        struct policy_key *k = &c->keys[c->n++];

        str_cut(&item, '=', &key);
        *k = (struct policy_key){ .name = key, .values = &c->values[c->n_values] };
        while (str_cut(&item, ',', &value)) {
            c->values[c->n_values++] = value;
            k->n++;
        }
    }
}

static struct policy *parse(enum policy_kind kind, const char *text)
{
    struct buf why = { 0 };
    struct policy *p = NULL;

    if (policy_parse(kind, str_of(text), &p, &why) != 0) {
        UNIT_FAIL("%s: " STR_FMT, text, STR_ARG(buf_view(&why)));
        p = NULL;
    }
    buf_done(&why);
    return p;
}

static struct policy_request request(const char *action, const char *resource, const struct context *c)
{
    return (struct policy_request){ .caller = worker,
                                    .action = str_of(action),
                                    .resource = str_of(resource),
                                    .region = STR("us-east-1"),
                                    .keys = c->keys,
                                    .n_keys = c->n,
                                    .now = { NOW_MS, 0 } };
}

/* ---- conditions ---- */

static const struct condition_row {
    const char *condition, *context;
    bool holds;
} conditions[] = {
    /* strings */
    { "\"StringEquals\":{\"x:k\":\"a\"}", "x:k=a", true },
    { "\"StringEquals\":{\"x:k\":\"a\"}", "x:k=A", false },
    { "\"StringEquals\":{\"X:K\":\"a\"}", "x:k=a", true },
    { "\"StringEquals\":{\"x:k\":[\"a\",\"b\"]}", "x:k=b", true },
    { "\"StringEquals\":{\"x:k\":[]}", "x:k=b", false },
    { "\"StringEquals\":{\"x:k\":\"a*\"}", "x:k=ab", false },
    { "\"StringEquals\":{\"x:k\":\"a*\"}", "x:k=a*", true },
    { "\"StringEquals\":{\"x:k\":\"a\"}", "", false },
    { "\"StringEquals\":{\"x:k\":\"\"}", "x:k=", true },
    { "\"StringEquals\":{\"x:k\":5}", "x:k=5", true },
    { "\"StringEquals\":{\"x:k\":true}", "x:k=true", true },
    { "\"StringNotEquals\":{\"x:k\":\"a\"}", "x:k=b", true },
    { "\"StringNotEquals\":{\"x:k\":\"a\"}", "x:k=a", false },
    { "\"StringNotEquals\":{\"x:k\":[\"a\",\"b\"]}", "x:k=b", false },
    { "\"StringNotEquals\":{\"x:k\":[\"a\",\"b\"]}", "x:k=c", true },
    { "\"StringNotEquals\":{\"x:k\":\"a\"}", "", true },
    { "\"StringEqualsIgnoreCase\":{\"x:k\":\"aB\"}", "x:k=Ab", true },
    { "\"StringEqualsIgnoreCase\":{\"x:k\":\"aB\"}", "x:k=Abc", false },
    { "\"StringEqualsIgnoreCase\":{\"x:k\":\"aB\"}", "", false },
    { "\"StringNotEqualsIgnoreCase\":{\"x:k\":\"aB\"}", "x:k=Ab", false },
    { "\"StringNotEqualsIgnoreCase\":{\"x:k\":\"aB\"}", "x:k=x", true },
    { "\"StringNotEqualsIgnoreCase\":{\"x:k\":\"aB\"}", "", true },
    { "\"StringLike\":{\"x:k\":\"a*c\"}", "x:k=abbc", true },
    { "\"StringLike\":{\"x:k\":\"a*c\"}", "x:k=abbd", false },
    { "\"StringLike\":{\"x:k\":\"a?c\"}", "x:k=abc", true },
    { "\"StringLike\":{\"x:k\":\"a?c\"}", "x:k=ac", false },
    { "\"StringLike\":{\"x:k\":\"A*\"}", "x:k=abc", false },
    { "\"StringLike\":{\"x:k\":\"*\"}", "x:k=", true },
    { "\"StringLike\":{\"x:k\":\"*\"}", "", false },
    { "\"StringNotLike\":{\"x:k\":\"a*\"}", "x:k=abc", false },
    { "\"StringNotLike\":{\"x:k\":\"a*\"}", "x:k=xbc", true },
    { "\"StringNotLike\":{\"x:k\":\"a*\"}", "", true },
    /* numbers */
    { "\"NumericEquals\":{\"x:k\":\"10\"}", "x:k=10.0", true },
    { "\"NumericEquals\":{\"x:k\":10}", "x:k=10", true },
    { "\"NumericEquals\":{\"x:k\":\"10\"}", "x:k=ten", false },
    { "\"NumericEquals\":{\"x:k\":\"10\"}", "", false },
    { "\"NumericNotEquals\":{\"x:k\":\"10\"}", "x:k=11", true },
    { "\"NumericNotEquals\":{\"x:k\":\"10\"}", "x:k=10", false },
    { "\"NumericNotEquals\":{\"x:k\":\"10\"}", "", true },
    { "\"NumericLessThan\":{\"x:k\":\"10\"}", "x:k=9.5", true },
    { "\"NumericLessThan\":{\"x:k\":\"10\"}", "x:k=10", false },
    { "\"NumericLessThanEquals\":{\"x:k\":\"10\"}", "x:k=10", true },
    { "\"NumericLessThanEquals\":{\"x:k\":\"10\"}", "x:k=10.1", false },
    { "\"NumericGreaterThan\":{\"x:k\":\"-3\"}", "x:k=-2", true },
    { "\"NumericGreaterThan\":{\"x:k\":\"-3\"}", "x:k=-3", false },
    { "\"NumericGreaterThanEquals\":{\"x:k\":\"-3\"}", "x:k=-3", true },
    { "\"NumericGreaterThanEquals\":{\"x:k\":\"1e2\"}", "x:k=99", false },
    { "\"NumericLessThan\":{\"x:k\":\"10\"}", "", false },
    /* dates */
    { "\"DateEquals\":{\"x:k\":\"2026-09-14T15:44:58Z\"}", "x:k=1789400698", true },
    { "\"DateEquals\":{\"x:k\":\"2026-09-14T15:44:58Z\"}", "x:k=1789400699", false },
    { "\"DateNotEquals\":{\"x:k\":\"2026-09-14T15:44:58Z\"}", "x:k=1789400699", true },
    { "\"DateNotEquals\":{\"x:k\":\"2026-09-14T15:44:58Z\"}", "", true },
    { "\"DateLessThan\":{\"aws:CurrentTime\":\"2026-09-15T00:00:00Z\"}", "", true },
    { "\"DateLessThan\":{\"aws:CurrentTime\":\"2026-09-14T00:00:00Z\"}", "", false },
    { "\"DateGreaterThan\":{\"aws:CurrentTime\":\"2026-09-14\"}", "", true },
    { "\"DateGreaterThan\":{\"aws:CurrentTime\":\"2026-09-15\"}", "", false },
    { "\"DateLessThanEquals\":{\"x:k\":\"2026-09-14T15:44:58Z\"}", "x:k=2026-09-14T15:44:58Z", true },
    { "\"DateGreaterThanEquals\":{\"x:k\":\"2026-09-14T17:44:58+02:00\"}", "x:k=2026-09-14T15:44:58Z", true },
    { "\"DateGreaterThan\":{\"aws:EpochTime\":\"1789400697\"}", "", true },
    { "\"NumericGreaterThan\":{\"aws:EpochTime\":\"1789400697\"}", "", true },
    { "\"NumericGreaterThan\":{\"aws:EpochTime\":\"1789400698\"}", "", false },
    { "\"DateEquals\":{\"x:k\":\"2026-09-14T15:44:58Z\"}", "x:k=soon", false },
    /* booleans, bytes, missing */
    { "\"Bool\":{\"x:k\":\"true\"}", "x:k=TRUE", true },
    { "\"Bool\":{\"x:k\":\"true\"}", "x:k=false", false },
    { "\"Bool\":{\"x:k\":false}", "x:k=false", true },
    { "\"Bool\":{\"x:k\":\"true\"}", "x:k=1", false },
    { "\"Bool\":{\"x:k\":\"false\"}", "", false },
    { "\"Bool\":{\"aws:SecureTransport\":\"true\"}", "", true },
    { "\"Bool\":{\"aws:SecureTransport\":\"false\"}", "", false },
    { "\"Bool\":{\"aws:ViaAWSService\":\"false\"}", "", true },
    { "\"BinaryEquals\":{\"x:k\":\"QmluYXJ5\"}", "x:k=QmluYXJ5", true },
    { "\"BinaryEquals\":{\"x:k\":\"QmluYXJ5\"}", "x:k=QmluYXJ6", false },
    { "\"BinaryEquals\":{\"x:k\":\"QmluYXJ5\"}", "", false },
    { "\"Null\":{\"x:k\":\"true\"}", "", true },
    { "\"Null\":{\"x:k\":\"true\"}", "x:k=a", false },
    { "\"Null\":{\"x:k\":\"false\"}", "x:k=a", true },
    { "\"Null\":{\"x:k\":\"false\"}", "", false },
    { "\"Null\":{\"x:k\":[\"true\",\"false\"]}", "", true },
    { "\"Null\":{\"aws:PrincipalArn\":\"false\"}", "", true },
    /* addresses */
    { "\"IpAddress\":{\"aws:SourceIp\":\"10.1.0.0/16\"}", "aws:SourceIp=10.1.255.7", true },
    { "\"IpAddress\":{\"aws:SourceIp\":\"10.1.0.0/16\"}", "aws:SourceIp=10.2.0.1", false },
    { "\"IpAddress\":{\"aws:SourceIp\":\"10.1.2.3\"}", "aws:SourceIp=10.1.2.3", true },
    { "\"IpAddress\":{\"aws:SourceIp\":\"10.1.2.3\"}", "aws:SourceIp=10.1.2.4", false },
    { "\"IpAddress\":{\"aws:SourceIp\":\"0.0.0.0/0\"}", "aws:SourceIp=203.0.113.9", true },
    { "\"IpAddress\":{\"aws:SourceIp\":\"0.0.0.0/0\"}", "aws:SourceIp=2001:db8::1", false },
    { "\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.128/25\"}", "aws:SourceIp=203.0.113.127", false },
    { "\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.128/25\"}", "aws:SourceIp=203.0.113.129", true },
    { "\"IpAddress\":{\"aws:SourceIp\":\"2001:db8::/32\"}", "aws:SourceIp=2001:db8:ffff::1", true },
    { "\"IpAddress\":{\"aws:SourceIp\":\"2001:db8::/33\"}", "aws:SourceIp=2001:db8:8000::1", false },
    { "\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", "aws:SourceIp=::ffff:10.9.9.9", true },
    { "\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"::1\"]}", "aws:SourceIp=::1", true },
    { "\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", "aws:SourceIp=here", false },
    { "\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", "", false },
    { "\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", "aws:SourceIp=10.9.9.9", false },
    { "\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", "aws:SourceIp=11.9.9.9", true },
    { "\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", "", true },
    /* ARNs */
    { "\"ArnEquals\":{\"aws:SourceArn\":\"arn:aws:sns:us-east-1:000000000000:t\"}",
      "aws:SourceArn=arn:aws:sns:us-east-1:000000000000:t", true },
    { "\"ArnEquals\":{\"aws:SourceArn\":\"arn:aws:sns:*:000000000000:t*\"}",
      "aws:SourceArn=arn:aws:sns:us-east-1:000000000000:topic", true },
    { "\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:s3:*:*:bucket\"}", "aws:SourceArn=arn:aws:s3:::bucket",
      true },
    { "\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:s3:::buck?t\"}", "aws:SourceArn=arn:aws:s3:::bucket", true },
    { "\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:s3:::bucket\"}", "aws:SourceArn=arn:aws:s3:::Bucket", false },
    { "\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:*:t\"}", "aws:SourceArn=arn:aws:sns:us-east-1:000000000000:t",
      false },
    { "\"ArnLike\":{\"aws:SourceArn\":\"*\"}", "aws:SourceArn=arn:aws:s3:::bucket", true },
    { "\"ArnLike\":{\"aws:SourceArn\":\"*\"}", "aws:SourceArn=bucket", false },
    { "\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:s3:::b\"}", "", false },
    { "\"ArnLike\":{\"aws:PrincipalArn\":\"arn:aws:iam::*:role/app/*\"}", "", true },
    { "\"ArnNotEquals\":{\"aws:SourceArn\":\"arn:aws:s3:::b\"}", "aws:SourceArn=arn:aws:s3:::b", false },
    { "\"ArnNotEquals\":{\"aws:SourceArn\":\"arn:aws:s3:::b\"}", "aws:SourceArn=arn:aws:s3:::c", true },
    { "\"ArnNotLike\":{\"aws:SourceArn\":\"arn:aws:s3:::b*\"}", "aws:SourceArn=arn:aws:s3:::bc", false },
    { "\"ArnNotLike\":{\"aws:SourceArn\":\"arn:aws:s3:::b*\"}", "", true },
    /* IfExists */
    { "\"StringEqualsIfExists\":{\"x:k\":\"a\"}", "", true },
    { "\"StringEqualsIfExists\":{\"x:k\":\"a\"}", "x:k=b", false },
    { "\"StringEqualsIfExists\":{\"x:k\":\"a\"}", "x:k=a", true },
    { "\"StringNotEqualsIfExists\":{\"x:k\":\"a\"}", "x:k=a", false },
    { "\"NumericLessThanIfExists\":{\"x:k\":\"5\"}", "", true },
    { "\"DateGreaterThanIfExists\":{\"x:k\":\"2026-01-01\"}", "", true },
    { "\"BoolIfExists\":{\"x:k\":\"true\"}", "", true },
    { "\"IpAddressIfExists\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", "", true },
    { "\"ArnLikeIfExists\":{\"aws:SourceArn\":\"arn:aws:s3:::b\"}", "", true },
    /* sets */
    { "\"ForAnyValue:StringEquals\":{\"x:k\":[\"a\",\"b\"]}", "x:k=c,b", true },
    { "\"ForAnyValue:StringEquals\":{\"x:k\":[\"a\",\"b\"]}", "x:k=c,d", false },
    { "\"ForAnyValue:StringEquals\":{\"x:k\":\"a\"}", "", false },
    { "\"ForAnyValue:StringNotEquals\":{\"x:k\":\"a\"}", "x:k=a,b", true },
    { "\"ForAnyValue:StringNotEquals\":{\"x:k\":\"a\"}", "x:k=a,a", false },
    { "\"ForAnyValue:StringNotEquals\":{\"x:k\":\"a\"}", "", false },
    { "\"ForAnyValue:StringLike\":{\"x:k\":\"a*\"}", "x:k=b,ac", true },
    { "\"ForAnyValue:StringEqualsIfExists\":{\"x:k\":\"a\"}", "", true },
    { "\"ForAllValues:StringEquals\":{\"x:k\":[\"a\",\"b\"]}", "x:k=a,b", true },
    { "\"ForAllValues:StringEquals\":{\"x:k\":[\"a\",\"b\"]}", "x:k=a,c", false },
    { "\"ForAllValues:StringEquals\":{\"x:k\":\"a\"}", "", true },
    { "\"ForAllValues:StringNotEquals\":{\"x:k\":\"a\"}", "x:k=b,c", true },
    { "\"ForAllValues:StringNotEquals\":{\"x:k\":\"a\"}", "x:k=b,a", false },
    { "\"ForAllValues:StringLike\":{\"x:k\":\"a*\"}", "x:k=ab,ac", true },
    { "\"forallvalues:stringequals\":{\"x:k\":\"a\"}", "x:k=a,a", true },
    /* several values without a quantifier: any of them; negated: none */
    { "\"StringEquals\":{\"x:k\":\"a\"}", "x:k=b,a", true },
    { "\"StringNotEquals\":{\"x:k\":\"a\"}", "x:k=b,a", false },
    /* AND over keys and operators */
    { "\"StringEquals\":{\"x:k\":\"a\",\"x:l\":\"b\"}", "x:k=a;x:l=b", true },
    { "\"StringEquals\":{\"x:k\":\"a\",\"x:l\":\"b\"}", "x:k=a;x:l=c", false },
    { "\"StringEquals\":{\"x:k\":\"a\"},\"Bool\":{\"x:l\":\"true\"}", "x:k=a;x:l=true", true },
    { "\"StringEquals\":{\"x:k\":\"a\"},\"Bool\":{\"x:l\":\"true\"}", "x:k=a;x:l=false", false },
    { "", "", true },
    /* built-in keys */
    { "\"StringEquals\":{\"aws:PrincipalAccount\":\"000000000000\"}", "", true },
    { "\"StringEquals\":{\"aws:PrincipalType\":\"AssumedRole\"}", "", true },
    { "\"StringLike\":{\"aws:userid\":\"AROA*:fn\"}", "", true },
    { "\"StringEquals\":{\"aws:RequestedRegion\":\"us-east-1\"}", "", true },
    { "\"StringEquals\":{\"aws:ResourceAccount\":\"000000000000\"}", "", true },
    { "\"Bool\":{\"aws:PrincipalIsAWSService\":\"false\"}", "", true },
    { "\"StringEquals\":{\"aws:PrincipalAccount\":\"1\"}", "aws:PrincipalAccount=1", true },
    /* variables in values */
    { "\"StringEquals\":{\"x:k\":\"${aws:PrincipalAccount}\"}", "x:k=000000000000", true },
    { "\"StringEquals\":{\"x:k\":\"${aws:PrincipalAccount}\"}", "x:k=1", false },
    { "\"StringEquals\":{\"x:k\":\"a-${x:v}-b\"}", "x:k=a-1-b;x:v=1", true },
    { "\"StringEquals\":{\"x:k\":\"a-${x:v}-b\"}", "x:k=a--b", false },
    { "\"StringNotEquals\":{\"x:k\":\"${x:v}\"}", "x:k=1", true },
    { "\"StringEquals\":{\"x:k\":\"${x:v, 'dflt'}\"}", "x:k=dflt", true },
    { "\"StringEquals\":{\"x:k\":\"${x:v, 'dflt'}\"}", "x:k=dflt;x:v=1", false },
    { "\"StringLike\":{\"x:k\":\"${x:v}/*\"}", "x:k=a/b/c;x:v=a", true },
    { "\"StringLike\":{\"x:k\":\"*${x:v}\"}", "x:k=aabab;x:v=ab", true },
    { "\"StringLike\":{\"x:k\":\"${x:v}\"}", "x:k=abc;x:v=a*", false },
    { "\"StringLike\":{\"x:k\":\"${*}${?}${$}\"}", "x:k=*?$", true },
    { "\"StringLike\":{\"x:k\":\"${*}\"}", "x:k=abc", false },
    { "\"StringEquals\":{\"x:k\":\"${x:v}\"}", "x:k=a;x:v=a,b", false },
    { "\"StringEqualsIgnoreCase\":{\"x:k\":\"${x:v}\"}", "x:k=ABC;x:v=abc", true },
    { "\"ArnLike\":{\"x:k\":\"arn:aws:sns:*:${aws:PrincipalAccount}:*\"}",
      "x:k=arn:aws:sns:us-east-1:000000000000:t", true },
    { "\"StringEquals\":{\"x:k\":\"${\"}", "x:k=${", true },
    { "\"StringEquals\":{\"x:k\":\"${}\"}", "x:k=${}", true },
};

static unsigned condition_bits(const struct condition_row *row, const char *effect)
{
    struct buf b = { 0 };
    struct context ctx;
    struct policy *p;
    struct policy_request q;
    unsigned bits = 0;

    buf_printf(
        &b,
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"%s\",\"Action\":\"*\",\"Resource\":\"*\","
        "\"Condition\":{%s}}}",
        effect, row->condition);
    p = parse(POLICY_IDENTITY, b.p);
    context_read(&ctx, row->context);
    q = request("sqs:SendMessage", "arn:aws:sqs:us-east-1:000000000000:q", &ctx);
    if (p != NULL)
        bits = policy_evaluate(p, &q);
    policy_free(p);
    buf_done(&b);
    return bits & ~(unsigned)POLICY_ASKED;
}

TEST(policy, conditions)
{
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        const struct condition_row *row = &conditions[i];
        unsigned allow = condition_bits(row, "Allow"), deny = condition_bits(row, "Deny");

        if (allow != (row->holds ? POLICY_ALLOWS : 0u) || deny != (row->holds ? POLICY_DENIES : 0u))
            UNIT_FAIL("row %zu: %s with \"%s\": allow %u deny %u, want %d", i, row->condition, row->context,
                      allow, deny, row->holds);
    }
}

TEST(policy, condition_rows_are_many) { EXPECT(ARRAY_LEN(conditions) >= 150); }

/* ---- actions and resources ---- */

#define Q "arn:aws:sqs:us-east-1:000000000000:orders"
#define ST(effect, what) "{\"Effect\":\"" effect "\"," what "}"
#define ALLOW(action, resource) ST("Allow", "\"Action\":" action ",\"Resource\":" resource)
#define DENY(action, resource) ST("Deny", "\"Action\":" action ",\"Resource\":" resource)

static const struct match_row {
    const char *statements, *action, *resource;
    unsigned want;
} matches[] = {
    { ALLOW("\"sqs:SendMessage\"", "\"*\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"SQS:sendmessage\"", "\"*\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"sqs:SendMessage\"", "\"*\""), "sqs:SendMessageBatch", Q, 0 },
    { ALLOW("\"sqs:Send*\"", "\"*\""), "sqs:SendMessageBatch", Q, POLICY_ALLOWS },
    { ALLOW("\"sqs:*Message\"", "\"*\""), "sqs:ReceiveMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"sqs:?endMessage\"", "\"*\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"sns:*\"", "\"*\""), "sqs:SendMessage", Q, 0 },
    { ALLOW("\"*\"", "\"*\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("[\"sns:Publish\",\"sqs:SendMessage\"]", "\"*\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ST("Allow", "\"NotAction\":\"iam:*\",\"Resource\":\"*\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ST("Allow", "\"NotAction\":\"sqs:*\",\"Resource\":\"*\""), "sqs:SendMessage", Q, 0 },
    { ST("Allow", "\"NotAction\":[\"iam:*\",\"sqs:Send*\"],\"Resource\":\"*\""), "sqs:SendMessage", Q, 0 },
    { ST("Deny", "\"NotAction\":\"sqs:*\",\"Resource\":\"*\""), "sns:Publish", "*", POLICY_DENIES },
    { ALLOW("\"sqs:*\"", "\"" Q "\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"sqs:*\"", "\"arn:aws:sqs:us-east-1:000000000000:Orders\""), "sqs:SendMessage", Q, 0 },
    { ALLOW("\"sqs:*\"", "\"arn:aws:sqs:us-east-1:000000000000:ord*\""), "sqs:SendMessage", Q,
      POLICY_ALLOWS },
    { ALLOW("\"sqs:*\"", "\"arn:aws:sqs:us-east-1:000000000000:order?\""), "sqs:SendMessage", Q,
      POLICY_ALLOWS },
    { ALLOW("\"sqs:*\"", "\"arn:aws:sqs:*:*:orders\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"sqs:*\"", "\"arn:aws:sqs:*:orders\""), "sqs:SendMessage", Q, 0 },
    { ALLOW("\"sqs:*\"", "\"arn:aws:sqs:eu-*:*:orders\""), "sqs:SendMessage", Q, 0 },
    { ALLOW("\"sqs:*\"", "\"arn:aws:sqs\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"sqs:*\"", "\"arn:aws:sqs:us-east-1\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"sqs:*\"", "\"arn:aws:sqs:*\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"sqs:*\"", "\"arn:*:sqs:*:*:*\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"sqs:*\"", "[\"arn:aws:sqs:::x\",\"" Q "\"]"), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"sqs:*\"", "\"" Q "\""), "sqs:ListQueues", "*", 0 },
    { ALLOW("\"sqs:*\"", "\"*\""), "sqs:ListQueues", "*", POLICY_ALLOWS },
    { ST("Allow", "\"Action\":\"sqs:*\",\"NotResource\":\"" Q "\""), "sqs:SendMessage", Q, 0 },
    { ST("Allow", "\"Action\":\"sqs:*\",\"NotResource\":\"" Q "2\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
    { ALLOW("\"lambda:*\"", "\"arn:aws:lambda:us-east-1:000000000000:function:f\""), "lambda:InvokeFunction",
      "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST", 0 },
    { ALLOW("\"lambda:*\"", "\"arn:aws:lambda:us-east-1:000000000000:function:f:*\""),
      "lambda:InvokeFunction", "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST", POLICY_ALLOWS },
    { ALLOW("\"s3:*\"", "\"arn:aws:s3:::b/${aws:PrincipalAccount}/*\""), "s3:PutObject",
      "arn:aws:s3:::b/000000000000/x", POLICY_ALLOWS },
    { ALLOW("\"s3:*\"", "\"arn:aws:s3:::b/${aws:PrincipalAccount}/*\""), "s3:PutObject", "arn:aws:s3:::b/1/x",
      0 },
    { ALLOW("\"s3:*\"", "\"arn:aws:s3:::b/${x:none}*\""), "s3:PutObject", "arn:aws:s3:::b/x", 0 },
    { ALLOW("\"s3:*\"", "\"arn:aws:s3:::b/${x:none, 'home'}/*\""), "s3:PutObject", "arn:aws:s3:::b/home/x",
      POLICY_ALLOWS },
    { ALLOW("\"s3:*\"", "\"arn:aws:s3:::b/${*}\""), "s3:PutObject", "arn:aws:s3:::b/*", POLICY_ALLOWS },
    { ALLOW("\"s3:*\"", "\"arn:aws:s3:::b/${*}\""), "s3:PutObject", "arn:aws:s3:::b/x", 0 },
    { ALLOW("\"*\"", "\"*\"") "," DENY("\"sqs:*\"", "\"*\""), "sqs:SendMessage", Q,
      POLICY_ALLOWS | POLICY_DENIES },
    { DENY("\"sqs:*\"", "\"*\"") "," ALLOW("\"*\"", "\"*\""), "sqs:SendMessage", Q, POLICY_DENIES },
    { ALLOW("\"*\"", "\"*\"") "," DENY("\"sqs:Delete*\"", "\"*\""), "sqs:SendMessage", Q, POLICY_ALLOWS },
};

TEST(policy, actions_and_resources)
{
    static const struct context none;

    for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
        const struct match_row *row = &matches[i];
        struct policy_request q = request(row->action, row->resource, &none);
        struct buf b = { 0 };
        struct policy *p;
        unsigned got = 0;

        buf_printf(&b, "{\"Version\":\"2012-10-17\",\"Statement\":[%s]}", row->statements);
        p = parse(POLICY_IDENTITY, b.p);
        if (p != NULL)
            got = policy_evaluate(p, &q) & ~(unsigned)POLICY_ASKED;
        if (got != row->want)
            UNIT_FAIL("row %zu: %s asked %s on %s: got %u want %u", i, row->statements, row->action,
                      row->resource, got, row->want);
        policy_free(p);
        buf_done(&b);
    }
}

/* Without a version of 2012 a variable is just text. */
TEST(policy, old_version_has_no_variables)
{
    static const struct context none;
    struct policy *p = parse(POLICY_IDENTITY, "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\","
                                              "\"Resource\":\"arn:aws:s3:::b/${aws:PrincipalAccount}\"}}");
    struct policy_request q = request("s3:GetObject", "arn:aws:s3:::b/000000000000", &none);

    EXPECT_INT(policy_evaluate(p, &q), 0);
    q.resource = STR("arn:aws:s3:::b/${aws:PrincipalAccount}");
    EXPECT_INT(policy_evaluate(p, &q), POLICY_ALLOWS);
    policy_free(p);
}

/* ---- principals ---- */

static const struct policy_caller root0 = { .kind = CALLER_ACCOUNT,
                                            .account = { "000000000000", 12 },
                                            .arn = { "arn:aws:iam::000000000000:root", 30 } };
static const struct policy_caller other = { .kind = CALLER_ROLE,
                                            .account = { "111111111111", 12 },
                                            .arn = { "arn:aws:sts::111111111111:assumed-role/r/s", 42 },
                                            .role_arn = { "arn:aws:iam::111111111111:role/r", 32 } };
static const struct policy_caller sns = { .kind = CALLER_SERVICE, .service = { "sns.amazonaws.com", 17 } };
static const struct policy_caller nobody = { .kind = CALLER_ANONYMOUS };

static const struct who_row {
    const char *principal;
    const struct policy_caller *caller;
    unsigned want;
} whos[] = {
    { "\"Principal\":\"*\"", &worker, POLICY_ALLOWS },
    { "\"Principal\":\"*\"", &nobody, POLICY_ALLOWS },
    { "\"Principal\":\"*\"", &sns, POLICY_ALLOWS },
    { "\"Principal\":{\"AWS\":\"*\"}", &other, POLICY_ALLOWS },
    { "\"Principal\":{\"AWS\":\"000000000000\"}", &worker, POLICY_ALLOWS_ACCOUNT },
    { "\"Principal\":{\"AWS\":\"000000000000\"}", &other, 0 },
    { "\"Principal\":{\"AWS\":\"arn:aws:iam::000000000000:root\"}", &worker, POLICY_ALLOWS_ACCOUNT },
    { "\"Principal\":{\"AWS\":\"arn:aws:iam::000000000000:root\"}", &sns, 0 },
    { "\"Principal\":{\"AWS\":\"arn:aws:iam::000000000000:root\"}", &root0, POLICY_ALLOWS_ACCOUNT },
    { "\"Principal\":{\"AWS\":\"" ROLE "\"}", &worker, POLICY_ALLOWS },
    { "\"Principal\":{\"AWS\":\"" ROLE "2\"}", &worker, 0 },
    { "\"Principal\":{\"AWS\":\"" SESSION "\"}", &worker, POLICY_ALLOWS_SESSION },
    { "\"Principal\":{\"AWS\":[\"111111111111\",\"" ROLE "\"]}", &worker, POLICY_ALLOWS },
    { "\"Principal\":{\"AWS\":\"arn:aws:iam::000000000000:user/me\"}", &worker, 0 },
    /* the id AWS puts there for a role that was deleted: nobody else's */
    { "\"Principal\":{\"AWS\":\"AROAIOSFODNN7EXAMPLE\"}", &worker, 0 },
    { "\"Principal\":{\"AWS\":\"AROAIOSFODNN7EXAMPLE\"}", &nobody, 0 },
    { "\"Principal\":{\"AWS\":\"AIDAIOSFODNN7EXAMPLE\"}", &root0, 0 },
    { "\"Principal\":{\"Service\":\"sns.amazonaws.com\"}", &sns, POLICY_ALLOWS },
    { "\"Principal\":{\"Service\":\"sns.us-east-1.amazonaws.com\"}", &sns, POLICY_ALLOWS },
    { "\"Principal\":{\"Service\":\"SNS.amazonaws.com\"}", &sns, POLICY_ALLOWS },
    { "\"Principal\":{\"Service\":\"events.amazonaws.com\"}", &sns, 0 },
    { "\"Principal\":{\"Service\":[\"events.amazonaws.com\",\"sns.amazonaws.com\"]}", &sns, POLICY_ALLOWS },
    { "\"Principal\":{\"Service\":\"sns.amazonaws.com\"}", &worker, 0 },
    { "\"Principal\":{\"Federated\":\"cognito-identity.amazonaws.com\"}", &worker, 0 },
    { "\"NotPrincipal\":{\"AWS\":\"" ROLE "\"}", &worker, 0 },
    { "\"NotPrincipal\":{\"AWS\":\"" ROLE "\"}", &other, POLICY_ALLOWS },
    { "\"NotPrincipal\":{\"AWS\":\"000000000000\"}", &worker, 0 },
    { "\"NotPrincipal\":{\"Service\":\"sns.amazonaws.com\"}", &sns, 0 },
};

TEST(policy, principals)
{
    static const struct context none;

    for (size_t i = 0; i < ARRAY_LEN(whos); i++) {
        struct policy_request q = request("sqs:SendMessage", Q, &none);
        struct buf b = { 0 };
        struct policy *p;

        buf_printf(&b,
                   "{\"Statement\":{\"Effect\":\"Allow\",%s,\"Action\":\"SQS:*\",\"Resource\":\"" Q "\"}}",
                   whos[i].principal);
        p = parse(POLICY_RESOURCE, b.p);
        q.caller = *whos[i].caller;
        if (p != NULL && policy_evaluate(p, &q) != whos[i].want)
            UNIT_FAIL("row %zu: %s: got %u want %u", i, whos[i].principal, policy_evaluate(p, &q),
                      whos[i].want);
        policy_free(p);
        buf_done(&b);
    }
}

/* ---- all together ---- */

#define P(statement) "{\"Version\":\"2012-10-17\",\"Statement\":[" statement "]}"
#define YES P(ALLOW("\"*\"", "\"*\""))
#define NO P(DENY("\"*\"", "\"*\""))
#define NEVER P(ALLOW("\"iam:GetRole\"", "\"*\""))
#define BY(effect, who) \
    P(ST(effect, "\"Principal\":{\"AWS\":\"" who "\"},\"Action\":\"*\",\"Resource\":\"*\""))

static const struct decide_row {
    const char *identity, *boundary, *session, *resource, *owner;
    const struct policy_caller *caller;
    enum policy_reason want;
} decisions[] = {
    { YES, NULL, NULL, NULL, NULL, &worker, REASON_ALLOWED },
    { NULL, NULL, NULL, NULL, NULL, &worker, REASON_NO_IDENTITY },
    { NEVER, NULL, NULL, NULL, NULL, &worker, REASON_NO_IDENTITY },
    { NO, NULL, NULL, NULL, NULL, &worker, REASON_DENY_IDENTITY },
    { YES, YES, NULL, NULL, NULL, &worker, REASON_ALLOWED },
    { YES, NEVER, NULL, NULL, NULL, &worker, REASON_NO_BOUNDARY },
    { YES, NO, NULL, NULL, NULL, &worker, REASON_DENY_BOUNDARY },
    { NULL, YES, NULL, NULL, NULL, &worker, REASON_NO_IDENTITY },
    { YES, NULL, YES, NULL, NULL, &worker, REASON_ALLOWED },
    { YES, NULL, NEVER, NULL, NULL, &worker, REASON_NO_SESSION },
    { YES, NULL, NO, NULL, NULL, &worker, REASON_DENY_SESSION },
    { NULL, NULL, NULL, BY("Allow", ROLE), NULL, &worker, REASON_ALLOWED },
    { NULL, NULL, NULL, BY("Allow", "000000000000"), NULL, &worker, REASON_NO_IDENTITY },
    { YES, NULL, NULL, BY("Allow", "000000000000"), NULL, &worker, REASON_ALLOWED },
    { YES, NULL, NULL, BY("Deny", ROLE), NULL, &worker, REASON_DENY_RESOURCE },
    { YES, NULL, NULL, BY("Deny", "000000000000"), NULL, &worker, REASON_DENY_RESOURCE },
    { YES, NULL, NULL, BY("Deny", "111111111111"), NULL, &worker, REASON_ALLOWED },
    { NULL, NEVER, NULL, BY("Allow", ROLE), NULL, &worker, REASON_NO_BOUNDARY },
    { NULL, NEVER, NULL, BY("Allow", SESSION), NULL, &worker, REASON_ALLOWED },
    { NULL, NULL, NEVER, BY("Allow", ROLE), NULL, &worker, REASON_NO_SESSION },
    { NO, NULL, NULL, BY("Allow", SESSION), NULL, &worker, REASON_DENY_IDENTITY },
    { YES, NULL, NULL, NULL, "111111111111", &worker, REASON_NO_RESOURCE },
    { YES, NULL, NULL, BY("Allow", ROLE), "111111111111", &worker, REASON_ALLOWED },
    { YES, NULL, NULL, BY("Allow", "000000000000"), "111111111111", &worker, REASON_ALLOWED },
    { NULL, NULL, NULL, BY("Allow", ROLE), "111111111111", &worker, REASON_NO_IDENTITY },
    { NULL, NULL, NULL, BY("Allow", "*"), NULL, &sns, REASON_ALLOWED },
    { NULL, NULL, NULL, BY("Allow", ROLE), NULL, &sns, REASON_NO_RESOURCE },
    { NULL, NULL, NULL, NULL, NULL, &nobody, REASON_NO_RESOURCE },
};

TEST(policy, decisions)
{
    static const struct context none;

    for (size_t i = 0; i < ARRAY_LEN(decisions); i++) {
        const struct decide_row *d = &decisions[i];
        const char *texts[] = { d->identity, d->boundary, d->session, d->resource };
        struct policy *p[4] = { NULL };
        struct policy_request q = request("sqs:SendMessage", Q, &none);
        struct policy_set set;
        struct policy_decision got;

        for (size_t k = 0; k < 4; k++)
            if (texts[k] != NULL)
                p[k] = parse(k == 3 ? POLICY_RESOURCE : POLICY_IDENTITY, texts[k]);
        q.caller = *d->caller;
        set = (struct policy_set){
            .identity = (const struct policy *const[]){ p[0] },
            .n_identity = p[0] != NULL,
            .boundary = p[1],
            .session = (const struct policy *const[]){ p[2] },
            .n_session = p[2] != NULL,
            .resource = p[3],
            .resource_account = str_of(d->owner),
        };
        got = policy_decide(&set, &q);
        if (got.reason != d->want || got.allowed != (d->want == REASON_ALLOWED))
            UNIT_FAIL("row %zu: got %d want %d", i, got.reason, d->want);
        for (size_t k = 0; k < 4; k++)
            policy_free(p[k]);
    }
}

TEST(policy, reasons_in_words)
{
    static const struct {
        enum policy_reason reason;
        const char *text;
    } rows[] = {
        { REASON_ALLOWED, "" },
        { REASON_NO_IDENTITY, "because no identity-based policy allows the sqs:SendMessage action" },
        { REASON_NO_BOUNDARY, "because no permissions boundary allows the sqs:SendMessage action" },
        { REASON_NO_SESSION, "because no session policy allows the sqs:SendMessage action" },
        { REASON_NO_RESOURCE, "because no resource-based policy allows the sqs:SendMessage action" },
        { REASON_DENY_IDENTITY, "with an explicit deny in an identity-based policy" },
        { REASON_DENY_BOUNDARY, "with an explicit deny in a permissions boundary" },
        { REASON_DENY_SESSION, "with an explicit deny in a session policy" },
        { REASON_DENY_RESOURCE, "with an explicit deny in a resource-based policy" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = { 0 };

        policy_reason_text(&b, rows[i].reason, STR("sqs:SendMessage"));
        EXPECT_STR(buf_view(&b), str_of(rows[i].text));
        buf_done(&b);
    }
}

/* Answers that hang on time or on the request's context say so; others may be remembered. */
TEST(policy, asked)
{
    struct context ctx = { .n = 0 };
    struct policy_request q = request("sqs:SendMessage", Q, &ctx);
    static const struct {
        const char *condition;
        bool asked;
    } rows[] = {
        { "", false },
        { "\"DateLessThan\":{\"aws:CurrentTime\":\"2030-01-01\"}", true },
        { "\"StringEquals\":{\"x:k\":\"a\"}", true },
        { "\"StringEquals\":{\"aws:PrincipalAccount\":\"000000000000\"}", false },
        { "\"ArnLike\":{\"aws:PrincipalArn\":\"" ROLE "\"}", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = { 0 };
        struct policy *p;

        buf_printf(
            &b,
            "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{%s}}}",
            rows[i].condition);
        p = parse(POLICY_IDENTITY, b.p);
        EXPECT_INT((policy_evaluate(p, &q) & POLICY_ASKED) != 0, rows[i].asked);
        policy_free(p);
        buf_done(&b);
    }
}

/* A condition nobody can answer yet neither stops an Allow nor makes a Deny. */
TEST(policy, lenient)
{
    static const struct context none;
    struct policy_request q = request("sts:AssumeRole", ROLE, &none);
    static const struct {
        const char *effect, *condition;
        unsigned strict, lenient;
    } rows[] = {
        { "Allow", "\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:lambda:*:*:function:f\"}", 0, POLICY_ALLOWS },
        { "Deny", "\"StringNotEquals\":{\"aws:SourceAccount\":\"1\"}", POLICY_DENIES, 0 },
        { "Allow", "\"Null\":{\"aws:SourceArn\":\"false\"}", 0, POLICY_ALLOWS },
        { "Allow", "\"StringEquals\":{\"aws:PrincipalAccount\":\"1\"}", 0, 0 },
        { "Allow", "\"DateLessThan\":{\"aws:CurrentTime\":\"2020-01-01\"}", 0, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = { 0 };
        struct policy *p;

        buf_printf(
            &b, "{\"Statement\":{\"Effect\":\"%s\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{%s}}}",
            rows[i].effect, rows[i].condition);
        p = parse(POLICY_IDENTITY, b.p);
        q.lenient = false;
        EXPECT_INT(policy_evaluate(p, &q) & ~(unsigned)POLICY_ASKED, rows[i].strict);
        q.lenient = true;
        EXPECT_INT(policy_evaluate(p, &q) & ~(unsigned)POLICY_ASKED, rows[i].lenient);
        policy_free(p);
        buf_done(&b);
    }
}

/* A key AWS fills in and nobody here: nothing is granted on it, and no Deny left out.  A simulation knows
 * what is missing. */
TEST(policy, unjudged)
{
    static const struct context none;
    static const struct {
        const char *effect, *condition, *action;
        unsigned real, whole;
    } rows[] = {
        { "Deny", "\"StringLike\":{\"s3:prefix\":\"secret/*\"}", "s3:ListBucket", POLICY_DENIES, 0 },
        { "Deny", "\"StringEqualsIfExists\":{\"S3:Prefix\":\"x\"}", "s3:ListBucket", POLICY_DENIES,
          POLICY_DENIES },
        { "Deny", "\"Null\":{\"aws:ResourceTag/a\":\"false\"}", "sqs:SendMessage", POLICY_DENIES, 0 },
        { "Deny", "\"ForAnyValue:StringEquals\":{\"aws:TagKeys\":\"a\"}", "sqs:TagQueue", POLICY_DENIES, 0 },
        { "Allow", "\"StringNotEquals\":{\"sns:Protocol\":\"http\"}", "sns:Subscribe", 0, POLICY_ALLOWS },
        { "Allow", "\"Null\":{\"s3:x-amz-acl\":\"true\"}", "s3:PutObject", 0, POLICY_ALLOWS },
        { "Deny", "\"StringEquals\":{\"aws:SourceVpce\":\"a\"}", "s3:GetObject", 0, 0 },
        { "Deny", "\"NumericLessThan\":{\"s3:TlsVersion\":\"1.2\"}", "s3:GetObject", 0, 0 },
        { "Deny", "\"StringEquals\":{\"aws:RequestTag/a\":\"b\"}", "sts:AssumeRole", 0, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct policy_request q = request(rows[i].action, "arn:aws:s3:::b", &none);
        struct buf b = { 0 };
        struct policy *p;

        buf_printf(
            &b, "{\"Statement\":{\"Effect\":\"%s\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{%s}}}",
            rows[i].effect, rows[i].condition);
        p = parse(POLICY_IDENTITY, b.p);
        EXPECT_INT(policy_evaluate(p, &q) & ~(unsigned)POLICY_ASKED, rows[i].real);
        q.whole = true;
        EXPECT_INT(policy_evaluate(p, &q) & ~(unsigned)POLICY_ASKED, rows[i].whole);
        policy_free(p);
        buf_done(&b);
    }
}

/* A pattern made to be slow stays proportional to pattern x text. */
TEST(policy, hostile_pattern)
{
    struct buf b = { 0 }, text = { 0 };
    struct policy *p;
    static const struct context none;
    struct policy_request q;

    buf_z(&b, "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":"
              "\"arn:aws:s3:::");
    for (size_t i = 0; i < 200; i++)
        buf_z(&b, "*a${$}");
    buf_z(&b, "b\"}}");
    buf_z(&text, "arn:aws:s3:::");
    for (size_t i = 0; i < 2000; i++)
        buf_z(&text, "a$");
    p = parse(POLICY_IDENTITY, b.p);
    q = request("s3:GetObject", text.p, &none);
    EXPECT_INT(policy_evaluate(p, &q), 0);
    policy_free(p);
    buf_done(&b);
    buf_done(&text);
}

UNIT_MAIN
