/* IAM against a real store: operations, what they leave behind after a restart, verdicts, credentials. */
#include "world.h"

/* For simulations of much work, which need an engine: test/contract/test_iam.py has them. */
void call_reply(struct call *c, int result)
{
    (void)c;
    (void)result;
    CHECK(false);
}

/* own: the resource's own policy, NULL: it has none; account: the resource's. */
static struct str may_with(struct world *w, const char *role, const char *action, const char *resource,
                           const struct policy *own, const char *account, int64_t now_ms)
{
    struct buf why = { 0 };
    struct resource what = { str_of(resource), str_of(account), own };
    int v = iam_role_may(w->iam, str_of(role), action, &what, (struct now){ now_ms, 0 }, &why);
    struct str ret = arena_printf(w->mem, "%d " STR_FMT, v, STR_ARG(buf_view(&why)));

    buf_done(&why);
    return ret;
}

/* The verdict and its reason: "0 ", "1 no identity-based policy ...". */
static struct str may(struct world *w, const char *role, const char *action, const char *resource,
                      int64_t now_ms)
{
    return may_with(w, role, action, resource, NULL, ACCOUNT, now_ms);
}

/* ---- verdicts ---- */

TEST(iam, role_may)
{
    struct world w = world_new(false);

    make_role(&w, "r", LAMBDA, GRANT("Allow", "sqs:SendMessage", Q));
    for (int again = 0; again < 3; again++) {
        EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS), STR("0 "));
        EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q "2", NOW_MS),
                   STR("1 no identity-based policy allows the sqs:SendMessage action"));
        EXPECT_STR(may(&w, ROLE("r"), "sqs:DeleteQueue", Q, NOW_MS),
                   STR("1 no identity-based policy allows the sqs:DeleteQueue action"));
        EXPECT_STR(may(&w, ROLE("x"), "sqs:SendMessage", Q, NOW_MS),
                   STR("2 the role " ROLE("x") " is unknown here"));
    }
    IAM_OP(&w, PutRolePolicy, NULL, .RoleName = STR("r"), .PolicyName = STR("no"),
           .PolicyDocument = STR(GRANT("Deny", "sqs:*", "*")));
    EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS),
               STR("1 an explicit deny in an identity-based policy"));
    IAM_OP(&w, DeleteRolePolicy, NULL, .RoleName = STR("r"), .PolicyName = STR("no"));
    EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS), STR("0 "));
    IAM_OP(&w, AttachRolePolicy, NULL, .RoleName = STR("r"),
           .PolicyArn = STR("arn:aws:iam::aws:policy/AmazonSNSFullAccess"));
    EXPECT_STR(may(&w, ROLE("r"), "sns:Publish", "arn:aws:sns:us-east-1:" ACCOUNT ":t", NOW_MS), STR("0 "));
    IAM_OP(&w, AttachRolePolicy, NULL, .RoleName = STR("r"),
           .PolicyArn = STR("arn:aws:iam::aws:policy/Unheard"));
    EXPECT_STR(may(&w, ROLE("r"), "s3:PutObject", "arn:aws:s3:::b/k", NOW_MS),
               STR("1 no identity-based policy allows the s3:PutObject action "
                   "(arn:aws:iam::aws:policy/Unheard is attached, but what "
                   "it allows is not known here)"));
    world_done(&w);
}

/* The queue's own policy beside the role's: who is named needs no policy of its own, a Deny refuses, another
 * account needs both; and no verdict that hangs on it is taken for one without. */
TEST(iam, role_may_with_the_resources_policy)
{
#define OWN(effect, principal)                                                                      \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"" effect "\",\"Principal\":" principal \
    ",\"Action\":\"sqs:SendMessage\",\"Resource\":\"" Q "\"}}"
#define NONE "1 no identity-based policy allows the sqs:SendMessage action"
    static const struct {
        const char *role, *own, *account, *want;
    } rows[] = {
        { "can", NULL, ACCOUNT, "0 " },
        { "can", OWN("Deny", "\"*\""), ACCOUNT, "1 an explicit deny in a resource-based policy" },
        { "can", OWN("Deny", "{\"AWS\":\"" ROLE("can") "\"}"), ACCOUNT,
          "1 an explicit deny in a resource-based policy" },
        { "can", OWN("Deny", "{\"AWS\":\"" ROLE("other") "\"}"), ACCOUNT, "0 " },
        { "cannot", NULL, ACCOUNT, NONE },
        { "cannot", OWN("Allow", "{\"AWS\":\"" ROLE("cannot") "\"}"), ACCOUNT, "0 " },
        { "cannot", OWN("Allow", "\"*\""), ACCOUNT, "0 " },
        { "cannot", OWN("Allow", "{\"AWS\":\"" ACCOUNT "\"}"), ACCOUNT, NONE },
        { "cannot", OWN("Allow", "{\"Service\":\"lambda.amazonaws.com\"}"), ACCOUNT, NONE },
        { "can", NULL, "222222222222", "1 no resource-based policy allows the sqs:SendMessage action" },
        { "can", OWN("Allow", "{\"AWS\":\"" ACCOUNT "\"}"), "222222222222", "0 " },
        { "cannot", OWN("Allow", "{\"AWS\":\"" ROLE("cannot") "\"}"), "222222222222", NONE },
    };
    struct world w = world_new(false);

    make_role(&w, "can", LAMBDA, GRANT("Allow", "sqs:SendMessage", Q));
    make_role(&w, "cannot", LAMBDA, NULL);
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) { /* twice: nothing of it is remembered wrongly */
        const char *role = strcmp(rows[i / 2].role, "can") == 0 ? ROLE("can") : ROLE("cannot");
        struct policy *own = NULL;

        if (rows[i / 2].own != NULL)
            CHECK(policy_parse(POLICY_RESOURCE, str_of(rows[i / 2].own), &own, NULL) == 0);
        EXPECT_STR(may_with(&w, role, "sqs:SendMessage", Q, own, rows[i / 2].account, NOW_MS),
                   str_of(rows[i / 2].want));
        policy_free(own);
    }
    world_done(&w);
}

/* A verdict that hangs on the time is asked anew each time. */
TEST(iam, role_may_by_the_clock)
{
    struct world w = world_new(false);

    make_role(
        &w, "r", LAMBDA,
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\","
        "\"Condition\":{\"DateLessThan\":{\"aws:CurrentTime\":\"2026-09-14T15:45:00Z\"}}}}");
    EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS), STR("0 "));
    EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS + 5000),
               STR("1 no identity-based policy allows the sqs:SendMessage action"));
    EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS), STR("0 "));
    world_done(&w);
}

TEST(iam, boundary_and_tags)
{
    struct world w = world_new(false);
    struct iam_Tag tag = { STR("queue"), STR("orders") };
    struct iam_tagListType tags = { true, 1, &tag };

    make_role(&w, "r", LAMBDA, GRANT("Allow", "sqs:*", "arn:aws:sqs:*:*:${aws:PrincipalTag/queue}"));
    EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS),
               STR("1 no identity-based policy allows the sqs:SendMessage action"));
    IAM_OP(&w, TagRole, NULL, .RoleName = STR("r"), .Tags = tags);
    EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS), STR("0 "));
    IAM_OP(&w, PutRolePermissionsBoundary, NULL, .RoleName = STR("r"),
           .PermissionsBoundary = STR("arn:aws:iam::aws:policy/AmazonSNSFullAccess"));
    EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS),
               STR("1 no permissions boundary allows the sqs:SendMessage action"));
    IAM_OP(&w, DeleteRolePermissionsBoundary, NULL, .RoleName = STR("r"));
    EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS), STR("0 "));
    world_done(&w);
}

TEST(iam, role_state)
{
    static const struct {
        const char *trust;
        int want;
    } rows[] = {
        { LAMBDA, 0 },
        { TRUST("{\"Service\":[\"sqs.amazonaws.com\",\"lambda.amazonaws.com\"]}"), 0 },
        { TRUST("{\"Service\":\"events.amazonaws.com\"}"), 2 },
        { TRUST("{\"AWS\":\"" ACCOUNT "\"}"), 2 },
        { TRUST("\"*\""), 0 },
        { "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},"
          "\"Action\":\"sts:AssumeRole\","
          "\"Condition\":{\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:lambda:*:*:function:f\"},\"StringEquals\":"
          "{\"aws:SourceAccount\":\"" ACCOUNT "\"}}}}",
          0 },
        { "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},"
          "\"Action\":\"sts:AssumeRole\","
          "\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":\"999999999999\"}}}}",
          2 },
        { "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},"
          "\"Action\":\"sts:TagSession\"}}",
          2 },
    };
    struct world w = world_new(false);

    EXPECT_INT(iam_role_state(w.iam, STR(ROLE("none")), "lambda.amazonaws.com"), 1);
    EXPECT_INT(iam_role_state(w.iam, STR(""), "lambda.amazonaws.com"), 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char name[16];

        snprintf(name, sizeof(name), "r%zu", i);
        make_role(&w, name, rows[i].trust, NULL);
        EXPECT_INT(iam_role_state(w.iam, arena_printf(w.mem, ROLE("%s"), name), "lambda.amazonaws.com"),
                   rows[i].want);
    }
    world_done(&w);
}

/* A remembered verdict costs well under a microsecond even in this checked build. */
TEST(iam, cached_verdict_is_cheap)
{
    struct world w = world_new(false);
    int64_t from, ns;
    enum { N = 200000 };

    make_role(&w, "r", LAMBDA, GRANT("Allow", "sqs:SendMessage", Q));
    from = clock_mono_ns();
    for (int i = 0; i < N; i++)
        CHECK(iam_role_may(w.iam, STR(ROLE("r")), "sqs:SendMessage",
                           &(struct resource){ STR(Q), STR(ACCOUNT), NULL }, (struct now){ NOW_MS, 0 },
                           NULL) == ROLE_ALLOWED);
    ns = (clock_mono_ns() - from) / N;
    printf("iam_role_may, remembered: %lld ns\n", (long long)ns);
    EXPECT(ns < 5000);
    world_done(&w);
}

/* ---- credentials ---- */

TEST(iam, credentials_come_back_as_the_role)
{
    struct world w = world_new(false);
    struct iam_credentials k, again;
    struct principal p;

    make_role(&w, "r", LAMBDA, NULL);
    iam_credentials(w.iam, w.mem, STR(ROLE("r")), STR("fn"), NOW_MS, 3600, &k);
    iam_credentials(w.iam, w.mem, STR(ROLE("r")), STR("fn"), NOW_MS, 3600, &again);
    EXPECT_INT(k.access_key_id.n, 20);
    EXPECT(str_starts(k.access_key_id, STR("ASIA")));
    EXPECT_INT(k.secret_access_key.n, 40);
    EXPECT_INT(k.expires_ms, NOW_MS + 3600000);
    EXPECT(!str_eq(k.session_token, again.session_token));
    EXPECT_STR(iam_key_account(w.iam, w.mem, k.access_key_id), STR(ACCOUNT));

    iam_principal(w.iam, w.mem, k.access_key_id, k.session_token, STR("999999999999"), NOW_MS + 3599999, &p);
    EXPECT_INT(p.kind, PRINCIPAL_ROLE);
    EXPECT_STR(p.account, STR(ACCOUNT));
    EXPECT_STR(p.arn, STR("arn:aws:sts::" ACCOUNT ":assumed-role/r/fn"));
    EXPECT_STR(p.role_arn, STR(ROLE("r")));
    EXPECT(str_starts(p.user_id, STR("AROA")) && str_ends(p.user_id, STR(":fn")));
    EXPECT_STR(p.user_id, iam_sender_id(w.iam, w.mem, STR(ROLE("r")), STR("fn")));

    iam_principal(w.iam, w.mem, k.access_key_id, k.session_token, STR(ACCOUNT), NOW_MS + 3600000, &p);
    EXPECT_INT(p.kind, PRINCIPAL_EXPIRED);
    iam_principal(w.iam, w.mem, k.access_key_id, STR_NONE, STR(ACCOUNT), NOW_MS, &p);
    EXPECT_INT(p.kind, PRINCIPAL_INVALID);
    iam_principal(w.iam, w.mem, k.access_key_id, STR("bm90IG91cnM="), STR(ACCOUNT), NOW_MS, &p);
    EXPECT_INT(p.kind, PRINCIPAL_INVALID);
    if (!str_eq(k.access_key_id, again.access_key_id)) {
        iam_principal(w.iam, w.mem, k.access_key_id, again.session_token, STR(ACCOUNT), NOW_MS, &p);
        EXPECT_INT(p.kind, PRINCIPAL_INVALID);
    }
    world_done(&w);
}

/* Not one changed bit of a token passes. */
TEST(iam, forged_tokens)
{
    struct world w = world_new(false);
    struct iam_credentials k;
    struct principal p;
    struct str bytes;

    iam_credentials(w.iam, w.mem, STR(ROLE("r")), STR("fn"), NOW_MS, 3600, &k);
    EXPECT_INT(base64_decode(w.mem, k.session_token, &bytes), 0);
    for (size_t i = 0; i < bytes.n; i++) {
        struct str forged = arena_str(w.mem, bytes);

        ((char *)(uintptr_t)forged.p)[i] ^= 1;
        iam_principal(w.iam, w.mem, k.access_key_id, base64_str(w.mem, forged), STR(ACCOUNT), NOW_MS, &p);
        if (p.kind != PRINCIPAL_INVALID)
            UNIT_FAIL("byte %zu changed: kind %d", i, p.kind);
    }
    world_done(&w);
}

TEST(iam, keys_of_others_are_operators)
{
    static const struct {
        const char *key, *account;
    } rows[] = {
        { "test", ACCOUNT },
        { "AKIAIOSFODNN7EXAMPLE", ACCOUNT },
        { "ASIAIOSFODNN7EXAMPLE", ACCOUNT },
        { "123456789012", "123456789012" },
        { "12345678901", ACCOUNT },
        { "", ACCOUNT },
        { NULL, ACCOUNT },
        { "ASIA", ACCOUNT },
        { "ASIAiosfodnn7exampl1", ACCOUNT },
    };
    struct world w = world_new(false);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct principal p = operator_of(&w, rows[i].key);

        EXPECT_INT(p.kind, PRINCIPAL_OPERATOR);
        EXPECT_STR(p.account, str_of(rows[i].account));
        EXPECT_STR(p.user_id, str_of(rows[i].account));
        EXPECT_STR(p.arn, arena_printf(w.mem, "arn:aws:iam::%s:root", rows[i].account));
    }
    world_done(&w);
}

/* ---- calls of a role ---- */

static struct principal session_of(struct world *w, const char *role, const struct iam_session_extras *extras)
{
    struct iam_credentials k;
    struct principal p;

    iam_credentials_with(w->iam, w->mem, str_of(role), STR("fn"), NOW_MS, 3600, extras, &k);
    iam_principal(w->iam, w->mem, k.access_key_id, k.session_token, STR(ACCOUNT), NOW_MS, &p);
    return p;
}

static struct str authorize(struct world *w, const struct principal *p, const char *action,
                            const char *resource)
{
    static const struct service_model model = { .name = "sqs", .query_compatible = true };

    w->call = (struct call){ .magic = CALL_MAGIC,
                             .mem = w->mem,
                             .service = &model,
                             .protocol = PROTO_JSON,
                             .turn = &w->turn,
                             .now = { NOW_MS, 0 },
                             .region = STR("us-east-1"),
                             .account = STR(ACCOUNT),
                             .principal = *p,
                             .gate = &w->gate };
    call_may_own(&w->call, action, str_of(resource));
    return w->call.fault.row == NULL
               ? STR("")
               : arena_printf(w->mem, "%s %d " STR_FMT, w->call.fault.row->name, w->call.fault.row->status,
                              STR_ARG(w->call.fault.message));
}

/* What is another account's: both sides, and one's own is settled for an operator and for a role nobody knows
 * here, unless permissions are strict. */
TEST(iam, what_is_another_accounts)
{
#define THEIRS "arn:aws:sqs:us-east-1:222222222222:q"
#define LENT(who)                                                                                   \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"" who \
    "\"},\"Action\":"                                                                               \
    "\"sqs:*\",\"Resource\":\"" THEIRS "\"}}"
    enum who { OPERATOR, WIDE, BARE, UNKNOWN };
    static const struct {
        enum who who;
        const char *policy;
        bool may, may_strictly;
    } rows[] = {
        { OPERATOR, NULL, false, false },
        { OPERATOR, LENT(ACCOUNT), true, true },
        { OPERATOR, LENT("333333333333"), false, false },
        { WIDE, NULL, false, false },
        { WIDE, LENT(ACCOUNT), true, true },
        { WIDE, LENT(ROLE("wide")), true, true },
        { WIDE, LENT(ROLE("bare")), false, false },
        { BARE, NULL, false, false },
        { BARE, LENT(ACCOUNT), false, false },
        { BARE, LENT(ROLE("bare")), false, false },
        { BARE, LENT("*"), false, false },
        { UNKNOWN, NULL, false, false },
        { UNKNOWN, LENT(ACCOUNT), true, false },
        { UNKNOWN, LENT(ROLE("unknown")), true, false },
    };
    static const struct service_model model = { .name = "sqs", .query_compatible = true };

    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct world w = world_new(i % 2 == 1);
        struct iam_session_extras none = { 0 };
        struct resource what = { STR(THEIRS), STR("222222222222"), NULL };
        struct policy *own = NULL;
        struct principal p[4];

        make_role(&w, "wide", LAMBDA, GRANT("Allow", "*", "*"));
        make_role(&w, "bare", LAMBDA, NULL);
        p[OPERATOR] = operator_of(&w, "test");
        p[WIDE] = session_of(&w, ROLE("wide"), &none);
        p[BARE] = session_of(&w, ROLE("bare"), &none);
        p[UNKNOWN] = session_of(&w, ROLE("unknown"), &none);
        if (rows[i / 2].policy != NULL)
            CHECK(policy_parse(POLICY_RESOURCE, str_of(rows[i / 2].policy), &own, NULL) == 0);
        what.policy = own;
        w.call = (struct call){ .magic = CALL_MAGIC,
                                .mem = w.mem,
                                .service = &model,
                                .protocol = PROTO_JSON,
                                .turn = &w.turn,
                                .now = { NOW_MS, 0 },
                                .region = STR("us-east-1"),
                                .account = STR(ACCOUNT),
                                .principal = p[rows[i / 2].who],
                                .gate = &w.gate };
        EXPECT_INT(call_may(&w.call, "sqs:SendMessage", &what),
                   (i % 2 == 1 ? rows[i / 2].may_strictly : rows[i / 2].may) ? 0 : -E_FAULT);
        policy_free(own);
        world_done(&w);
    }
}

TEST(iam, authorize_call)
{
    struct world w = world_new(false), strict;
    struct iam_session_extras none = { 0 },
                              narrow = { .policy = STR(GRANT("Allow", "sqs:ReceiveMessage", "*")) };
    struct principal p, op = operator_of(&w, "test");

    make_role(&w, "r", LAMBDA, GRANT("Allow", "sqs:SendMessage", Q));
    p = session_of(&w, ROLE("r"), &none);
    EXPECT_STR(authorize(&w, &op, "sqs:DeleteQueue", Q), STR(""));
    EXPECT_STR(authorize(&w, &p, "sqs:SendMessage", Q), STR(""));
    EXPECT_STR(authorize(&w, &p, "sqs:DeleteQueue", Q),
               STR("AccessDeniedException 403 User: arn:aws:sts::" ACCOUNT ":assumed-role/r/fn is not "
                   "authorized to perform: sqs:deletequeue on resource: " Q
                   " because no identity-based policy allows the sqs:deletequeue action"));
    EXPECT_STR(authorize(&w, &p, "lambda:InvokeFunction", "f"),
               STR("AccessDeniedException 403 User: arn:aws:sts::" ACCOUNT ":assumed-role/r/fn is "
                   "not authorized to perform: lambda:InvokeFunction on resource: f because no "
                   "identity-based policy allows the "
                   "lambda:InvokeFunction action"));
    p = session_of(&w, ROLE("r"), &narrow);
    EXPECT_STR(authorize(&w, &p, "sqs:SendMessage", Q),
               STR("AccessDeniedException 403 User: arn:aws:sts::" ACCOUNT ":assumed-role/r/fn is not "
                   "authorized to perform: sqs:sendmessage on resource: " Q
                   " because no session policy allows the sqs:sendmessage action"));
    p.kind = PRINCIPAL_EXPIRED;
    EXPECT_STR(authorize(&w, &p, "sqs:SendMessage", Q),
               STR("ExpiredTokenException 403 The security token included in the request is expired"));
    p.kind = PRINCIPAL_INVALID;
    EXPECT_STR(authorize(&w, &p, "sqs:SendMessage", Q),
               STR("UnrecognizedClientException 403 The security token included in the request is invalid."));
    p = session_of(&w, ROLE("unknown"), &none);
    EXPECT_STR(authorize(&w, &p, "sqs:SendMessage", Q), STR(""));
    world_done(&w);

    strict = world_new(true);
    p = session_of(&strict, ROLE("unknown"), &none);
    EXPECT(authorize(&strict, &p, "sqs:SendMessage", Q).n > 0);
    world_done(&strict);
}

/* IAM's own operations ask too. */
TEST(iam, a_role_needs_rights_to_use_iam)
{
    struct world w = world_new(false);
    struct iam_session_extras none = { 0 };
    struct iam_GetRoleRequest in = { .RoleName = STR("r") };
    struct iam_GetRoleResponse out = { 0 };
    struct principal p;

    make_role(&w, "r", LAMBDA, NULL);
    p = session_of(&w, ROLE("r"), &none);
    EXPECT_INT(run(&w, iam_service(w.iam), &p, "GetRole", &in, &out), -E_FAULT);
    EXPECT_STR(said(&w),
               STR("AccessDenied: User: arn:aws:sts::" ACCOUNT
                   ":assumed-role/r/fn is not authorized to perform: iam:GetRole on "
                   "resource: " ROLE("r") " because no identity-based policy allows the iam:GetRole action"));
    IAM_OP(&w, PutRolePolicy, NULL, .RoleName = STR("r"), .PolicyName = STR("p"),
           .PolicyDocument = STR(GRANT("Allow", "iam:Get*", "*")));
    EXPECT_INT(run(&w, iam_service(w.iam), &p, "GetRole", &in, &out), 0);
    EXPECT_STR(out.Role->RoleName, STR("r"));
    world_done(&w);
}

/* ---- AssumeRole ---- */

static struct str assume(struct world *w, const struct principal *who, const char *role,
                         struct sts_AssumeRoleRequest in)
{
    struct sts_AssumeRoleResponse out = { 0 };

    in.RoleArn = str_of(role);
    in.RoleSessionName = STR("me");
    run(w, sts_service(w->iam), who, "AssumeRole", &in, &out);
    return w->call.fault.row != NULL ? said(w) : out.AssumedRoleUser->Arn;
}

#define DENIED(who, role) \
    STR("AccessDenied: User: " who " is not authorized to perform: sts:AssumeRole on resource: " role)
#define ROOT "arn:aws:iam::" ACCOUNT ":root"
#define AS(role) STR("arn:aws:sts::" ACCOUNT ":assumed-role/" role "/me")

TEST(iam, assume_role)
{
    struct world w = world_new(false);
    struct iam_session_extras none = { 0 };
    struct principal op = operator_of(&w, "test"), other = operator_of(&w, "111111111111"), r;
    struct sts_AssumeRoleRequest plain = { 0 };

    make_role(&w, "account", TRUST("{\"AWS\":\"" ACCOUNT "\"}"), NULL);
    make_role(&w, "any", TRUST("\"*\""), NULL);
    make_role(&w, "lambda", LAMBDA, GRANT("Allow", "sts:AssumeRole", "*"));
    make_role(&w, "poor", LAMBDA, NULL);
    make_role(&w, "other", TRUST("{\"AWS\":\"111111111111\"}"), NULL);
    make_role(&w, "outside",
              "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},"
              "\"Action\":"
              "\"sts:AssumeRole\",\"Condition\":{\"StringEquals\":{\"sts:ExternalId\":\"x1\"}}}}",
              NULL);
    EXPECT_STR(assume(&w, &op, ROLE("account"), plain), AS("account"));
    EXPECT_STR(assume(&w, &op, ROLE("any"), plain), AS("any"));
    EXPECT_STR(assume(&w, &op, ROLE("lambda"), plain), DENIED(ROOT, ROLE("lambda")));
    EXPECT_STR(assume(&w, &op, ROLE("nowhere"), plain), DENIED(ROOT, ROLE("nowhere")));
    EXPECT_STR(assume(&w, &op, ROLE("other"), plain), DENIED(ROOT, ROLE("other")));
    EXPECT_STR(assume(&w, &other, ROLE("other"), plain), AS("other"));
    EXPECT_STR(assume(&w, &other, ROLE("account"), plain),
               DENIED("arn:aws:iam::111111111111:root", ROLE("account")));
    EXPECT_STR(assume(&w, &op, ROLE("outside"), plain), DENIED(ROOT, ROLE("outside")));
    EXPECT_STR(assume(&w, &op, ROLE("outside"), (struct sts_AssumeRoleRequest){ .ExternalId = STR("x1") }),
               AS("outside"));
    EXPECT_STR(assume(&w, &op, "arn:aws:iam::1:role/x", plain),
               STR("ValidationError: arn:aws:iam::1:role/x is invalid"));
    EXPECT_STR(assume(&w, &op, "arn:aws:sqs:us-east-1:000000000000:queue", plain),
               STR("ValidationError: arn:aws:sqs:us-east-1:000000000000:queue is invalid"));
    EXPECT_STR(assume(&w, &op, ROLE("any"),
                      (struct sts_AssumeRoleRequest){ .DurationSeconds = INT_SET(3601) }),
               STR("ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for "
                   "this role."));
    EXPECT_STR(assume(&w, &op, ROLE("any"), (struct sts_AssumeRoleRequest){ .Policy = STR("{") }),
               STR("MalformedPolicyDocument: This policy contains invalid Json"));
    EXPECT_STR(assume(&w, &op, ROLE("any"), (struct sts_AssumeRoleRequest){ .TokenCode = STR("123456") }),
               STR("ValidationError: TokenCode is not supported here"));
    r = session_of(&w, ROLE("lambda"), &none);
    EXPECT_STR(assume(&w, &r, ROLE("account"), plain), AS("account"));
    EXPECT_STR(assume(&w, &r, ROLE("account"),
                      (struct sts_AssumeRoleRequest){ .DurationSeconds = INT_SET(3601) }),
               STR("ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for "
                   "roles assumed by role chaining"));
    r = session_of(&w, ROLE("poor"), &none);
    EXPECT_STR(assume(&w, &r, ROLE("account"), plain),
               DENIED("arn:aws:sts::" ACCOUNT ":assumed-role/poor/fn", ROLE("account")));
    EXPECT_STR(assume(&w, &r, ROLE("any"), plain), AS("any"));
    world_done(&w);
}

/* ---- what stays ---- */

static struct str show_role(struct world *w, const char *name)
{
    struct iam_GetRoleResponse role = { 0 };
    struct iam_ListAttachedRolePoliciesResponse attached = { 0 };
    struct iam_GetRolePolicyResponse policy = { 0 };
    const struct iam_Role *r;

    IAM_OP(w, GetRole, &role, .RoleName = str_of(name));
    if (role.Role == NULL)
        return said(w);
    r = role.Role;
    IAM_OP(w, ListAttachedRolePolicies, &attached, .RoleName = str_of(name));
    IAM_OP(w, GetRolePolicy, &policy, .RoleName = str_of(name), .PolicyName = STR("p"));
    return arena_printf(w->mem,
                        STR_FMT " " STR_FMT " " STR_FMT " %lld " STR_FMT " [" STR_FMT "] %lld " STR_FMT
                                " tags %zu " STR_FMT " attached %zu " STR_FMT " inline " STR_FMT,
                        STR_ARG(r->Arn), STR_ARG(r->RoleId), STR_ARG(r->Path), (long long)r->CreateDate.ms,
                        STR_ARG(r->AssumeRolePolicyDocument), STR_ARG(r->Description),
                        (long long)r->MaxSessionDuration.v,
                        STR_ARG(r->PermissionsBoundary->PermissionsBoundaryArn), r->Tags.n,
                        STR_ARG(r->Tags.v[0].Value), attached.AttachedPolicies.n,
                        STR_ARG(attached.AttachedPolicies.v[1].PolicyName), STR_ARG(policy.PolicyDocument));
}

TEST(iam, everything_survives_a_restart)
{
    struct world w = world_new(false);
    struct iam_Tag tag = { STR("k"), STR("v \"quoted\"") };
    struct iam_CreateRoleResponse role = { 0 };
    struct iam_CreatePolicyResponse policy = { 0 };
    struct iam_CreatePolicyVersionResponse version = { 0 };
    struct iam_ListPolicyVersionsResponse before = { 0 }, after = { 0 };
    struct iam_options o = { 0 };
    struct iam_credentials k, own;
    struct principal p;
    struct str shown;

    IAM_OP(&w, CreatePolicy, &policy, .PolicyName = STR("mine"), .Path = STR("/team/"),
           .PolicyDocument = STR(GRANT("Allow", "sns:Publish", "*")));
    IAM_OP(&w, CreatePolicyVersion, &version, .PolicyArn = policy.Policy->Arn,
           .PolicyDocument = STR(GRANT("Allow", "sqs:*", "*")), .SetAsDefault = BOOL_SET(true));
    IAM_OP(&w, CreateRole, &role, .RoleName = STR("Worker"), .Path = STR("/app/"),
           .AssumeRolePolicyDocument = STR(LAMBDA), .Description = STR("does the work"),
           .MaxSessionDuration = INT_SET(7200), .PermissionsBoundary = policy.Policy->Arn,
           .Tags = { true, 1, &tag });
    EXPECT_STR(said(&w), STR(""));
    IAM_OP(&w, PutRolePolicy, NULL, .RoleName = STR("worker"), .PolicyName = STR("p"),
           .PolicyDocument = STR(GRANT("Allow", "sqs:*", "*")));
    IAM_OP(&w, AttachRolePolicy, NULL, .RoleName = STR("Worker"),
           .PolicyArn = STR("arn:aws:iam::aws:policy/service-role/AWSLambdaRole"));
    IAM_OP(&w, AttachRolePolicy, NULL, .RoleName = STR("Worker"), .PolicyArn = policy.Policy->Arn);
    IAM_OP(&w, AttachRolePolicy, NULL, .RoleName = STR("Worker"), .PolicyArn = policy.Policy->Arn);
    shown = show_role(&w, "Worker");
    EXPECT(str_find_str(shown, STR("attached 2 mine")) > 0);
    IAM_OP(&w, ListPolicyVersions, &before, .PolicyArn = policy.Policy->Arn);
    iam_credentials(w.iam, w.mem, role.Role->Arn, STR("fn"), NOW_MS, 60, &k);
    iam_operator_credentials(w.iam, w.mem, STR(ACCOUNT), NOW_MS, 60, &own);
    EXPECT_INT(store_commit(w.store), 0);

    iam_free(w.iam);
    w.iam = iam_new(&o);
    w.gate.arg = w.iam;
    iam_load(w.iam, &w.turn);
    EXPECT(!store_dirty(w.store));
    EXPECT_STR(show_role(&w, "WORKER"), shown);
    IAM_OP(&w, ListPolicyVersions, &after, .PolicyArn = policy.Policy->Arn);
    EXPECT_INT(before.Versions.n, 2);
    EXPECT_INT(after.Versions.n, 2);
    EXPECT_STR(after.Versions.v[0].VersionId, STR("v2"));
    EXPECT(after.Versions.v[0].IsDefaultVersion.v && !after.Versions.v[1].IsDefaultVersion.v);
    EXPECT_STR(may(&w, "arn:aws:iam::" ACCOUNT ":role/app/Worker", "sqs:SendMessage", Q, NOW_MS), STR("0 "));
    iam_principal(w.iam, w.mem, k.access_key_id, k.session_token, STR(ACCOUNT), NOW_MS, &p);
    EXPECT_INT(p.kind, PRINCIPAL_ROLE);

    /* A turn that could not be committed: memory is read again. */
    make_role(&w, "ghost", LAMBDA, NULL);
    store_rollback(w.store);
    iam_load(w.iam, &w.turn);
    EXPECT_STR(show_role(&w, "ghost"), STR("NoSuchEntity: The role with name ghost cannot be found."));
    EXPECT_STR(show_role(&w, "Worker"), shown);

    iam_reset(w.iam, &w.turn);
    EXPECT_STR(show_role(&w, "Worker"), STR("NoSuchEntity: The role with name Worker cannot be found."));
    iam_principal(w.iam, w.mem, k.access_key_id, k.session_token, STR(ACCOUNT), NOW_MS, &p);
    EXPECT_INT(p.kind, PRINCIPAL_INVALID); /* with its role */
    iam_principal(w.iam, w.mem, own.access_key_id, own.session_token, STR(ACCOUNT), NOW_MS, &p);
    EXPECT_INT(p.kind, PRINCIPAL_OPERATOR); /* the tokens' key outlives a reset */
    world_done(&w);
}

/* ---- quotas ---- */

TEST(iam, entities_of_a_policy)
{
    struct world w = world_new(false);
    struct str aws = STR("arn:aws:iam::aws:policy/AmazonSNSFullAccess");
    struct iam_ListEntitiesForPolicyResponse out = { 0 };

    make_role(&w, "a", LAMBDA, NULL);
    make_role(&w, "b", LAMBDA, NULL);
    IAM_OP(&w, ListEntitiesForPolicy, &out, .PolicyArn = aws); /* one of AWS's exists, attached or not */
    EXPECT_STR(said(&w), STR(""));
    EXPECT(out.PolicyRoles.set && out.PolicyRoles.n == 0);
    IAM_OP(&w, ListEntitiesForPolicy, &out, .PolicyArn = STR("arn:aws:iam::aws:policy/NobodyKnowsWhat"));
    EXPECT_STR(said(&w), STR("")); /* also one whose text is not known here */
    IAM_OP(&w, AttachRolePolicy, NULL, .RoleName = STR("a"), .PolicyArn = aws);
    IAM_OP(&w, PutRolePermissionsBoundary, NULL, .RoleName = STR("b"), .PermissionsBoundary = aws);
    IAM_OP(&w, ListEntitiesForPolicy, &out, .PolicyArn = aws);
    EXPECT_INT(out.PolicyRoles.n, 2);
    IAM_OP(&w, ListEntitiesForPolicy, &out, .PolicyArn = aws, .PolicyUsageFilter = STR("PermissionsPolicy"));
    EXPECT(out.PolicyRoles.n == 1 && str_is(out.PolicyRoles.v[0].RoleName, "a"));
    IAM_OP(&w, ListEntitiesForPolicy, &out, .PolicyArn = aws,
           .PolicyUsageFilter = STR("PermissionsBoundary"));
    EXPECT(out.PolicyRoles.n == 1 && str_is(out.PolicyRoles.v[0].RoleName, "b"));
    IAM_OP(&w, ListEntitiesForPolicy, &out, .PolicyArn = aws, .EntityFilter = STR("User"));
    EXPECT_INT(out.PolicyRoles.n, 0);
    IAM_OP(&w, ListEntitiesForPolicy, &out, .PolicyArn = STR("arn:aws:iam::" ACCOUNT ":policy/none"));
    EXPECT_STR(str_sub(said(&w), 0, 12), STR("NoSuchEntity"));
    world_done(&w);
}

TEST(iam, versions_of_a_policy_come_and_go)
{
    struct world w = world_new(false);
    struct iam_CreatePolicyResponse made = { 0 };
    struct iam_CreatePolicyVersionResponse version = { 0 };
    struct iam_ListPolicyVersionsResponse list = { 0 };
    struct iam_GetPolicyResponse shown = { 0 };
    struct str arn;

    IAM_OP(&w, CreatePolicy, &made, .PolicyName = STR("p"), .Description = STR("what it is for"),
           .PolicyDocument = STR(GRANT("Allow", "sqs:A", "*")));
    arn = made.Policy->Arn;
    for (int i = 0; i < 2; i++)
        IAM_OP(&w, CreatePolicyVersion, &version, .PolicyArn = arn,
               .PolicyDocument = STR(GRANT("Allow", "sqs:B", "*")));
    IAM_OP(&w, ListPolicyVersions, &list, .PolicyArn = arn, .MaxItems = INT_SET(2));
    EXPECT(list.Versions.n == 2 && list.IsTruncated.v && str_is(list.Versions.v[0].VersionId, "v3"));
    IAM_OP(&w, ListPolicyVersions, &list, .PolicyArn = arn, .Marker = list.Marker);
    EXPECT(list.Versions.n == 1 && !list.IsTruncated.v && str_is(list.Versions.v[0].VersionId, "v1"));
    IAM_OP(&w, ListPolicyVersions, &list, .PolicyArn = arn, .Marker = STR("%"));
    EXPECT(!str_empty(said(&w)));
    IAM_OP(&w, DeletePolicyVersion, NULL, .PolicyArn = arn, .VersionId = STR("v2"));
    EXPECT_STR(said(&w), STR(""));
    IAM_OP(&w, DeletePolicyVersion, NULL, .PolicyArn = arn, .VersionId = STR("v2"));
    EXPECT_STR(str_sub(said(&w), 0, 12), STR("NoSuchEntity"));
    IAM_OP(&w, DeletePolicyVersion, NULL, .PolicyArn = arn, .VersionId = STR("v1"));
    EXPECT_STR(said(&w), STR("DeleteConflict: Cannot delete the default version of a policy."));
    CHECK(store_commit(w.store) == 0);
    iam_load(w.iam, &w.turn); /* as after a restart */
    IAM_OP(&w, ListPolicyVersions, &list, .PolicyArn = arn);
    EXPECT(list.Versions.n == 2 && str_is(list.Versions.v[0].VersionId, "v3"));
    IAM_OP(&w, GetPolicy, &shown, .PolicyArn = arn);
    EXPECT_STR(shown.Policy->Description, STR("what it is for"));
    world_done(&w);
}

/* What lists hold that are always empty here, and tasks that are always done. */
TEST(iam, lists_and_tasks_of_what_is_not_here)
{
    struct world w = world_new(false);
    struct iam_ListAccountAliasesResponse aliases = { 0 };
    struct iam_GetServiceLinkedRoleDeletionStatusResponse task = { 0 };
    struct iam_ListEntitiesForPolicyResponse entities = { 0 };

    IAM_OP(&w, ListAccountAliases, &aliases, .MaxItems = INT_SET(5));
    EXPECT(aliases.AccountAliases.set && aliases.AccountAliases.n == 0);
    EXPECT(aliases.IsTruncated.set && !aliases.IsTruncated.v);
    IAM_OP(&w, GetServiceLinkedRoleDeletionStatus, &task,
           .DeletionTaskId = STR("task/aws-service-role/x/y/1"));
    EXPECT_STR(said(&w), STR(""));
    EXPECT_STR(task.Status, STR("SUCCEEDED"));
    IAM_OP(&w, GetServiceLinkedRoleDeletionStatus, &task, .DeletionTaskId = STR("task/other"));
    EXPECT_STR(said(&w), STR("NoSuchEntity: Deletion task task/other cannot be found."));
    IAM_OP(&w, ListEntitiesForPolicy, &entities,
           .PolicyArn = STR("arn:aws:iam::aws:policy/AmazonSNSFullAccess"));
    EXPECT(entities.PolicyGroups.set && entities.PolicyUsers.set && entities.PolicyRoles.set);
    world_done(&w);
}

TEST(iam, quotas)
{
    struct world w = world_new(false);
    struct iam_CreateRoleResponse role = { 0 };
    struct iam_CreatePolicyResponse policy = { 0 };
    struct iam_CreatePolicyVersionResponse version = { 0 };
    struct buf big = { 0 };

    make_role(&w, "r", LAMBDA, NULL);
    for (int i = 0; i <= 10; i++)
        IAM_OP(&w, AttachRolePolicy, NULL, .RoleName = STR("r"),
               .PolicyArn = arena_printf(w.mem, "arn:aws:iam::aws:policy/P%d", i));
    EXPECT_STR(said(&w), STR("LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10"));

    buf_z(&big, "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sqs:*\","
                "\"Resource\":[\"*\"");
    while (big.n < 10300)
        buf_z(&big, ",\"arn:aws:sqs:us-east-1:000000000000:a-queue-with-a-name-of-some-length\"");
    buf_z(&big, "]}}");
    IAM_OP(&w, PutRolePolicy, NULL, .RoleName = STR("r"), .PolicyName = STR("big"),
           .PolicyDocument = buf_view(&big));
    EXPECT_STR(said(&w), STR("LimitExceeded: Maximum policy size of 10240 bytes exceeded for role r"));
    IAM_OP(&w, CreatePolicy, &policy, .PolicyName = STR("big"), .PolicyDocument = buf_view(&big));
    EXPECT_STR(said(&w), STR("LimitExceeded: Cannot exceed quota for PolicySize: 6144"));
    IAM_OP(&w, CreateRole, &role, .RoleName = STR("big"), .AssumeRolePolicyDocument = buf_view(&big));
    EXPECT_STR(said(&w), STR("LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048"));

    /* As many policies as the quotas let in: all of them count. */
    for (int i = 0; i < 200; i++)
        IAM_OP(&w, PutRolePolicy, NULL, .RoleName = STR("r"), .PolicyName = arena_printf(w.mem, "p%d", i),
               .PolicyDocument =
                   STR("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}}"));
    EXPECT_STR(said(&w), STR("LimitExceeded: Maximum policy size of 10240 bytes exceeded for role r"));
    EXPECT_STR(may(&w, ROLE("r"), "sqs:SendMessage", Q, NOW_MS),
               STR("1 an explicit deny in an identity-based policy (arn:aws:iam::aws:policy/P9 "
                   "is attached, but what it allows is not known here)"));
    make_role(&w, "airy", LAMBDA, NULL);
    buf_clear(&big);
    buf_z(&big, GRANT("Allow", "sqs:*", "*"));
    while (big.n < 70000)
        buf_z(&big, "          ");
    IAM_OP(&w, PutRolePolicy, NULL, .RoleName = STR("airy"), .PolicyName = STR("a"),
           .PolicyDocument = buf_view(&big));
    EXPECT_STR(said(&w), STR(""));
    IAM_OP(&w, PutRolePolicy, NULL, .RoleName = STR("airy"), .PolicyName = STR("b"),
           .PolicyDocument = buf_view(&big));
    EXPECT_STR(said(&w), STR("LimitExceeded: Maximum policy size of 10240 bytes exceeded for role airy"));

    IAM_OP(&w, CreatePolicy, &policy, .PolicyName = STR("p"),
           .PolicyDocument = STR(GRANT("Allow", "sqs:*", "*")));
    for (int i = 0; i < 5; i++)
        IAM_OP(&w, CreatePolicyVersion, &version, .PolicyArn = policy.Policy->Arn,
               .PolicyDocument = STR(GRANT("Allow", "sqs:*", "*")));
    EXPECT_STR(said(&w), STR("LimitExceeded: A managed policy can have up to 5 versions. Before you create a "
                             "new version, you must delete an "
                             "existing version."));
    for (int i = 0; i < 998; i++)
        IAM_OP(&w, CreateRole, &role, .RoleName = arena_printf(w.mem, "n%d", i),
               .AssumeRolePolicyDocument = STR(LAMBDA));
    EXPECT_STR(said(&w), STR(""));
    IAM_OP(&w, CreateRole, &role, .RoleName = STR("one-more"), .AssumeRolePolicyDocument = STR(LAMBDA));
    EXPECT_STR(said(&w), STR("LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000"));
    buf_done(&big);
    world_done(&w);
}

UNIT_MAIN
