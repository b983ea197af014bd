/* What a policy document may say, and the sentence that refuses the rest. */
#include "../unit.h"
#include "policy/policy.h"

#define OK NULL
#define ST1(what) "{\"Version\":\"2012-10-17\",\"Statement\":[{" what "}]}"
#define A "\"Effect\":\"Allow\""
#define ACT "\"Action\":\"sqs:SendMessage\""
#define RES "\"Resource\":\"*\""
#define WHO "\"Principal\":{\"Service\":\"lambda.amazonaws.com\"}"
#define STS "\"Action\":\"sts:AssumeRole\""

static const struct row {
    enum policy_kind kind;
    const char *text, *why;
} rows[] = {
    { POLICY_IDENTITY, ST1(A "," ACT "," RES), OK },
    { POLICY_IDENTITY, "{\"Statement\":{" A "," ACT "," RES "}}", OK },
    { POLICY_IDENTITY, "{\"Version\":\"2008-10-17\",\"Id\":\"x\",\"Statement\":{" A "," ACT "," RES "}}",
      OK },
    { POLICY_IDENTITY, "", "This policy contains invalid Json" },
    { POLICY_IDENTITY, "{", "This policy contains invalid Json" },
    { POLICY_IDENTITY, "{\"Statement\":[}]}", "This policy contains invalid Json" },
    { POLICY_IDENTITY, "[]", "Syntax errors in policy." },
    { POLICY_IDENTITY, "\"x\"", "Syntax errors in policy." },
    { POLICY_IDENTITY, "{}", "Syntax errors in policy." },
    { POLICY_IDENTITY, "{\"Version\":\"2012-10-17\"}", "Syntax errors in policy." },
    { POLICY_IDENTITY, "{\"Version\":\"2012-10-17\",\"Statement\":[]}", "Syntax errors in policy." },
    { POLICY_IDENTITY, "{\"Version\":\"2012-10-17\",\"Statement\":\"x\"}", "Syntax errors in policy." },
    { POLICY_IDENTITY, "{\"Version\":\"2012-10-17\",\"Statement\":[5]}", "Syntax errors in policy." },
    { POLICY_IDENTITY, "{\"Version\":\"2020-01-01\",\"Statement\":{" A "," ACT "," RES "}}",
      "The policy must contain a valid version string" },
    { POLICY_IDENTITY, "{\"Version\":5,\"Statement\":{" A "," ACT "," RES "}}",
      "The policy must contain a valid version string" },
    { POLICY_IDENTITY, "{\"Vresion\":\"x\",\"Statement\":{" A "," ACT "," RES "}}",
      "Syntax errors in policy." },
    { POLICY_IDENTITY, "{\"Id\":5,\"Statement\":{" A "," ACT "," RES "}}", "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(ACT "," RES), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1("\"Effect\":\"allow\"," ACT "," RES), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1("\"Effect\":[\"Allow\"]," ACT "," RES), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," RES), "Policy statement must contain actions." },
    { POLICY_IDENTITY, ST1(A ",\"Action\":[]," RES), "Policy statement must contain actions." },
    { POLICY_IDENTITY, ST1(A "," ACT), "Policy statement must contain resources." },
    { POLICY_IDENTITY, ST1(A "," ACT ",\"Resource\":[]"), "Policy statement must contain resources." },
    { POLICY_IDENTITY, ST1(A "," ACT ",\"Resource\":[5]"), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A ",\"Action\":{}," RES), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT ",\"NotAction\":\"a:b\"," RES), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"NotResource\":\"*\""), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Resources\":\"*\""), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," A "," ACT "," RES), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A ",\"Action\":\"SendMessage\"," RES),
      "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc." },
    { POLICY_IDENTITY, ST1(A ",\"Action\":\"a b:Send\"," RES), "Vendor a b is not valid" },
    { POLICY_IDENTITY, ST1(A ",\"Action\":\"sqs:\"," RES), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT ",\"Resource\":\"my-queue\""),
      "Resource my-queue must be in ARN format or \"*\"." },
    { POLICY_IDENTITY, ST1(A "," ACT ",\"Resource\":\"${aws:x}\""), OK },
    { POLICY_IDENTITY, ST1("\"Sid\":\"ok1\"," A "," ACT "," RES), OK },
    { POLICY_IDENTITY, ST1("\"Sid\":\"not ok\"," A "," ACT "," RES),
      "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
      "[0-9A-Za-z]*" },
    { POLICY_IDENTITY, ST1("\"Sid\":5," A "," ACT "," RES), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1("\"Sid\":\"a\"," A "," ACT "," RES "},{\"Sid\":\"a\"," A "," ACT "," RES),
      "Statement IDs (SID) in a single policy must be unique." },
    { POLICY_IDENTITY, ST1("\"Sid\":\"a\"," A "," ACT "," RES "},{\"Sid\":\"b\"," A "," ACT "," RES), OK },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES "},{" A "," ACT "," RES), OK },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES "," WHO), "Policy document should not specify a principal." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"NotPrincipal\":\"*\""),
      "Policy document should not specify a principal." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{}"), OK },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":[]"), "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"StringEquals\":5}"),
      "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"StringEqual\":{\"a:b\":\"c\"}}"),
      "Invalid Condition type : StringEqual." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"NullIfExists\":{\"a:b\":\"true\"}}"),
      "Invalid Condition type : NullIfExists." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"ForSomeValues:Bool\":{\"a:b\":\"true\"}}"),
      "Invalid Condition type : ForSomeValues:Bool." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"Bool\":{\"ab\":\"true\"}}"), OK },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"Bool\":{\"\":\"true\"}}"),
      "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"Bool\":{\"a:b\":\"yes\"}}"),
      "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"NumericEquals\":{\"a:b\":\"x\"}}"),
      "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"DateEquals\":{\"a:b\":\"x\"}}"),
      "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"IpAddress\":{\"a:b\":\"10.0.0.0/33\"}}"),
      "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"IpAddress\":{\"a:b\":\"10.0.0\"}}"),
      "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"StringEquals\":{\"a:b\":{}}}"),
      "Syntax errors in policy." },
    { POLICY_IDENTITY, ST1(A "," ACT "," RES ",\"Condition\":{\"StringEquals\":{\"a:b\":null}}"),
      "Syntax errors in policy." },

    { POLICY_TRUST, ST1(A "," WHO "," STS), OK },
    { POLICY_TRUST, ST1(A ",\"Principal\":\"*\"," STS), OK },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"AWS\":\"*\"}," STS), OK },
    { POLICY_TRUST,
      ST1(A ",\"Principal\":{\"AWS\":\"123456789012\"},\"Action\":[\"sts:AssumeRole\",\"sts:TagSession\"]"),
      OK },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"AWS\":\"arn:aws:iam::123456789012:role/p/r\"}," STS), OK },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"AWS\":\"AROAIOSFODNN7EXAMPLE\"}," STS), OK },
    { POLICY_TRUST,
      ST1(A ",\"Principal\":{\"Federated\":\"arn:aws:iam::1:oidc-provider/"
            "x\"},\"Action\":\"sts:AssumeRoleWithWebIdentity\""),
      OK },
    { POLICY_TRUST, ST1(A "," STS), "Missing required field Principal" },
    { POLICY_TRUST, ST1(A ",\"Principal\":{}," STS), "Missing required field Principal" },
    { POLICY_TRUST, ST1(A "," WHO "," STS "," RES), "Has prohibited field Resource" },
    { POLICY_TRUST, ST1(A "," WHO ",\"Action\":\"lambda:InvokeFunction\""),
      "AssumeRole policy may only specify STS AssumeRole actions." },
    { POLICY_TRUST, ST1(A "," WHO), "Policy statement must contain actions." },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"AWS\":\"me\"}," STS),
      "Invalid principal in policy: \"AWS\":\"me\"" },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"AWS\":\"12345\"}," STS),
      "Invalid principal in policy: \"AWS\":\"12345\"" },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"AWS\":\"arn:aws:iam::123456789012:role/*\"}," STS),
      "Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:role/*\"" },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"AWS\":\"arn:aws:sqs:x:123456789012:q\"}," STS),
      "Invalid principal in policy: \"AWS\":\"arn:aws:sqs:x:123456789012:q\"" },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"Service\":\"lambda\"}," STS),
      "Invalid principal in policy: \"SERVICE\":\"lambda\"" },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"Service\":\".amazonaws.com\"}," STS),
      "Invalid principal in policy: \"SERVICE\":\".amazonaws.com\"" },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"Service\":\"*.amazonaws.com\"}," STS),
      "Invalid principal in policy: \"SERVICE\":\"*.amazonaws.com\"" },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"Somebody\":\"x.y\"}," STS),
      "Invalid principal in policy: \"SOMEBODY\":\"x.y\"" },
    { POLICY_TRUST, ST1(A ",\"Principal\":\"lambda.amazonaws.com\"," STS),
      "Invalid principal in policy: \"STAR\":\"lambda.amazonaws.com\"" },
    { POLICY_TRUST, ST1(A ",\"Principal\":5," STS), "Syntax errors in policy." },
    { POLICY_TRUST, ST1(A ",\"Principal\":{\"AWS\":5}," STS), "Syntax errors in policy." },

    { POLICY_RESOURCE, ST1("\"Sid\":\"with blanks!\"," A "," WHO "," ACT "," RES), OK },
    { POLICY_RESOURCE, ST1(A "," WHO "," ACT), OK },
    { POLICY_RESOURCE, ST1(A "," WHO "," ACT ",\"Resource\":\"queue\""), OK },
    { POLICY_RESOURCE, ST1(A "," ACT "," RES), "Missing required field Principal" },
};

TEST(document, rows)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf why = { 0 };
        struct policy *p = NULL;
        int r = policy_parse(rows[i].kind, str_of(rows[i].text), &p, &why);

        if (r != (rows[i].why == OK ? 0 : -E_INVALID) || (p != NULL) != (rows[i].why == OK) ||
            !str_eq(buf_view(&why), str_of(rows[i].why)))
            UNIT_FAIL("row %zu: %s:\n   got  %d " STR_FMT "\n   want %s", i, rows[i].text, r,
                      STR_ARG(buf_view(&why)), rows[i].why);
        policy_free(p);
        buf_done(&why);
    }
}

TEST(document, size_leaves_out_white_space)
{
    EXPECT_INT(policy_size_bytes(STR(" { \"a\" :\n\t1 }\r\n")), 7);
    EXPECT_INT(policy_size_bytes(STR("")), 0);
    EXPECT_INT(policy_size_bytes(STR("a\0b")), 3);
}

TEST(document, every_statement_is_kept)
{
    struct policy *p = NULL;

    EXPECT_INT(policy_parse(POLICY_IDENTITY, STR(ST1(A "," ACT "," RES "},{" A "," ACT "," RES)), &p, NULL),
               0);
    EXPECT_INT(policy_statement_count(p), 2);
    EXPECT_INT(policy_statement_count(&policy_empty), 0);
    policy_free(p);
}

static void collect(void *arg, struct str key)
{
    buf_str(arg, key);
    buf_char(arg, ' ');
}

TEST(document, keys)
{
    struct policy *p = NULL;
    struct buf b = { 0 };

    EXPECT_INT(policy_parse(POLICY_IDENTITY,
                            STR(ST1(A "," ACT ",\"Resource\":\"arn:aws:s3:::${x:r}\",\"Condition\":"
                                      "{\"StringLike\":{\"x:k\":\"${x:v, "
                                      "'d'}*\"},\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:s3:::${x:a}\"}}")),
                            &p, NULL),
               0);
    policy_keys(p, collect, &b);
    EXPECT_STR(buf_view(&b), STR("x:r x:k x:v aws:SourceArn x:a "));
    EXPECT(policy_key_builtin(STR("AWS:currenttime")));
    EXPECT(!policy_key_builtin(STR("aws:SourceArn")));
    policy_free(p);
    buf_done(&b);
}

UNIT_MAIN
