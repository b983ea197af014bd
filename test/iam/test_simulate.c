/* test_simulate.c - SimulateCustomPolicy and SimulatePrincipalPolicy: which policies are asked, what they
 * say, how many there may be, and what is refused. */
#include "world.h"

#define ALLOW_SQS GRANT("Allow", "sqs:*", "*")
#define DENY_DELETE GRANT("Deny", "sqs:DeleteQueue", "*")
#define IF_TEAM                                                                                              \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\","   \
    "\"Condition\":{\"StringEquals\":{\"x:team\":\"blue\",\"X:Team\":\"blue\",\"aws:PrincipalArn\":\"me\"}}" \
    "}}"

/* What was too much for the turn: the pool's job, which the test runs itself. */
static struct {
    void (*job)(void *arg);
    void (*done)(void *arg, struct turn *t);
    void *arg;
    int replies;
} pool;

static void pool_work(void *engine UNUSED, void (*job)(void *arg), void (*done)(void *arg, struct turn *t),
                      void *arg)
{
    pool.job = job;
    pool.done = done;
    pool.arg = arg;
}
static const struct turn_ops ops = { .work = pool_work };

void call_reply(struct call *c UNUSED, int result)
{
    EXPECT_INT(result, 0);
    pool.replies++;
}

static struct iam_SimulatePolicyResponse reply;

/* "action resource decision source source (missing); ..." or the fault. */
static struct str told(struct world *w)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    if (!str_empty(said(w)))
        return said(w);
    for (size_t i = 0; i < reply.EvaluationResults.n; i++) {
        const struct iam_EvaluationResult *r = &reply.EvaluationResults.v[i];

        buf_printf(&b, "%s" STR_FMT " " STR_FMT " " STR_FMT, i > 0 ? "; " : "", STR_ARG(r->EvalActionName),
                   STR_ARG(r->EvalResourceName), STR_ARG(r->EvalDecision));
        for (size_t k = 0; k < r->MatchedStatements.n; k++)
            buf_printf(&b, " " STR_FMT, STR_ARG(r->MatchedStatements.v[k].SourcePolicyId));
        for (size_t k = 0; k < r->MissingContextValues.n; k++)
            buf_printf(&b, " (" STR_FMT ")", STR_ARG(r->MissingContextValues.v[k]));
        if (r->PermissionsBoundaryDecisionDetail != NULL)
            buf_z(&b, r->PermissionsBoundaryDecisionDetail->AllowedByPermissionsBoundary.v ? " within"
                                                                                           : " beyond");
    }
    return buf_to_arena(&b, w->mem);
}

#define TEXTS(...)                                                       \
    {                                                                    \
        .set = true, .v = (struct str[]){ __VA_ARGS__ },                 \
        .n = sizeof((struct str[]){ __VA_ARGS__ }) / sizeof(struct str), \
    }
#define CUSTOM(w, ...)                                        \
    do {                                                      \
        memset(&reply, 0, sizeof reply);                      \
        IAM_OP(w, SimulateCustomPolicy, &reply, __VA_ARGS__); \
    } while (0)
#define PRINCIPAL(w, ...)                                        \
    do {                                                         \
        memset(&reply, 0, sizeof reply);                         \
        IAM_OP(w, SimulatePrincipalPolicy, &reply, __VA_ARGS__); \
    } while (0)

TEST(custom, every_document_speaks)
{
    struct world w = world_new(false);

    CUSTOM(&w,
           .PolicyInputList = TEXTS(STR(ALLOW_SQS), STR(DENY_DELETE), STR(GRANT("Allow", "sqs:Send*", "*"))),
           .ActionNames = TEXTS(STR("sqs:SendMessage"), STR("sqs:DeleteQueue"), STR("s3:GetObject")));
    EXPECT_STR(told(&w), STR("sqs:SendMessage * allowed PolicyInputList.1 PolicyInputList.3; "
                             "sqs:DeleteQueue * explicitDeny PolicyInputList.2; "
                             "s3:GetObject * implicitDeny"));
    EXPECT(reply.IsTruncated.set && !reply.IsTruncated.v);
    CUSTOM(&w, .PolicyInputList = TEXTS(STR(ALLOW_SQS)), .ActionNames = TEXTS(STR("sqs:A"), STR("s3:B")),
           .ResourceArns = TEXTS(STR(Q), STR(Q "2")));
    EXPECT_STR(told(&w), STR("sqs:A " Q " allowed PolicyInputList.1; sqs:A " Q "2 allowed PolicyInputList.1; "
                             "s3:B " Q " implicitDeny; s3:B " Q "2 implicitDeny"));
    world_done(&w);
}

TEST(custom, a_malformed_document_is_refused_wherever_it_stands)
{
    struct world w = world_new(false);
    struct str bad = STR("{\"Statement\":5}"), good = STR(ALLOW_SQS);
    struct str why = STR("InvalidInput: Syntax errors in policy.");

    CUSTOM(&w, .PolicyInputList = TEXTS(bad), .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(said(&w), why);
    CUSTOM(&w, .PolicyInputList = TEXTS(good, bad), .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(said(&w), why);
    CUSTOM(&w, .PolicyInputList = TEXTS(good), .PermissionsBoundaryPolicyInputList = TEXTS(bad),
           .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(said(&w), why);
    CUSTOM(&w, .PolicyInputList = TEXTS(good), .ResourcePolicy = bad, .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(said(&w), why);
    world_done(&w);
}

TEST(custom, a_boundary_and_a_resource_policy)
{
    struct world w = world_new(false);
    struct str all = STR(ALLOW_SQS), send = STR(GRANT("Allow", "sqs:SendMessage", "*"));
    struct str own = STR("{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sqs:B\",\"Resource\":\"*\","
                         "\"Principal\":{\"AWS\":\"arn:aws:iam::111111111111:role/r\"}}}");

    CUSTOM(&w, .PolicyInputList = TEXTS(all), .PermissionsBoundaryPolicyInputList = TEXTS(send),
           .ActionNames = TEXTS(STR("sqs:SendMessage"), STR("sqs:B")));
    EXPECT_STR(told(&w), STR("sqs:SendMessage * allowed PolicyInputList.1 within; "
                             "sqs:B * implicitDeny PolicyInputList.1 beyond"));
    CUSTOM(&w, .PolicyInputList = TEXTS(all), .PermissionsBoundaryPolicyInputList = TEXTS(send, all),
           .ActionNames = TEXTS(STR("sqs:B")));
    EXPECT_STR(said(&w), STR("InvalidInput: Only one permissions boundary policy can be simulated."));
    CUSTOM(&w, .PolicyInputList = TEXTS(all), .ResourcePolicy = own, .ResourceOwner = STR("222222222222"),
           .CallerArn = STR("arn:aws:iam::111111111111:role/r"),
           .ActionNames = TEXTS(STR("sqs:B"), STR("sqs:C")));
    EXPECT_STR(told(&w), STR("sqs:B * allowed PolicyInputList.1; sqs:C * implicitDeny PolicyInputList.1"));
    CUSTOM(&w, .PolicyInputList = TEXTS(all), .CallerArn = STR("me"), .ActionNames = TEXTS(STR("sqs:B")));
    EXPECT_STR(said(&w), STR("InvalidInput: Invalid caller ARN: me"));
    world_done(&w);
}

/* The simulator's own limit is of sources: the last one fits, one more is refused. */
TEST(custom, at_most_256_policies)
{
    struct world w = world_new(false);
    struct str v[257];

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        v[i] = STR(GRANT("Allow", "a:b", "*"));
    v[255] = STR(ALLOW_SQS);
    CUSTOM(&w, .PolicyInputList = { true, 256, v }, .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(told(&w), STR("sqs:A * allowed PolicyInputList.256"));
    CUSTOM(&w, .PolicyInputList = { true, 257, v }, .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(said(&w), STR("InvalidInput: Too many policies in one simulation."));
    world_done(&w);
}

TEST(custom, at_most_1000_questions)
{
    struct world w = world_new(false);
    struct str v[1001];

    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        v[i] = STR("sqs:A");
    CUSTOM(&w, .PolicyInputList = TEXTS(STR(ALLOW_SQS)), .ActionNames = { true, 1000, v },
           .MaxItems = INT_SET(2));
    EXPECT_STR(told(&w), STR("sqs:A * allowed PolicyInputList.1; sqs:A * allowed PolicyInputList.1"));
    EXPECT(reply.IsTruncated.v);
    CUSTOM(&w, .PolicyInputList = TEXTS(STR(ALLOW_SQS)), .ActionNames = { true, 1001, v },
           .MaxItems = INT_SET(2));
    EXPECT_STR(said(&w), STR("InvalidInput: At most 1000 combinations of actions and resources can be "
                             "simulated at once."));
    world_done(&w);
}

TEST(custom, context_keys_and_their_types)
{
    static const struct {
        const char *type, *value, *second;
        bool fits;
    } rows[] = {
        { NULL, "a", "b", true },           { "string", "a", NULL, true },
        { "string", "a", "b", false },      { "stringList", "a", "b", true },
        { "numeric", "1.5", NULL, true },   { "numeric", "x", NULL, false },
        { "numericList", "1", "x", false }, { "boolean", "TRUE", NULL, true },
        { "boolean", "false", NULL, true }, { "boolean", "yes", NULL, false },
        { "binary", "YQ==", NULL, true },   { "binary", "%", NULL, false },
        { "date", "never", NULL, true },
    };
    struct world w = world_new(false);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str values[] = { str_of(rows[i].value), str_of(rows[i].second) };
        struct iam_ContextEntry e = { .ContextKeyName = STR("x:k"),
                                      .ContextKeyValues = { true, rows[i].second != NULL ? 2 : 1, values },
                                      .ContextKeyType = str_of(rows[i].type) };

        CUSTOM(&w, .PolicyInputList = TEXTS(STR(ALLOW_SQS)), .ActionNames = TEXTS(STR("sqs:A")),
               .ContextEntries = { true, 1, &e });
        if (str_empty(said(&w)) != rows[i].fits)
            UNIT_FAIL("row %zu: " STR_FMT, i, STR_ARG(said(&w)));
    }
    world_done(&w);
}

/* Each once, in whatever case; not those that are given or that the evaluator knows. */
TEST(custom, keys_that_are_missing)
{
    struct world w = world_new(false);
    struct str blue = STR("blue");
    struct iam_ContextEntry e = { .ContextKeyName = STR("X:TEAM"), .ContextKeyValues = { true, 1, &blue } };

    CUSTOM(&w, .PolicyInputList = TEXTS(STR(IF_TEAM), STR(IF_TEAM)), .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(told(&w), STR("sqs:A * implicitDeny (x:team)"));
    CUSTOM(&w, .PolicyInputList = TEXTS(STR(IF_TEAM)), .ActionNames = TEXTS(STR("sqs:A")),
           .ContextEntries = { true, 1, &e });
    EXPECT_STR(told(&w), STR("sqs:A * implicitDeny"));
    world_done(&w);
}

TEST(custom, what_is_not_simulated_is_refused_by_name)
{
    struct world w = world_new(false);

    CUSTOM(&w, .PolicyInputList = TEXTS(STR(ALLOW_SQS)), .ActionNames = TEXTS(STR("sqs:A")),
           .ResourceHandlingOption = STR("EC2-VPC-InstanceStore"));
    EXPECT_STR(said(&w), STR("InvalidInput: ResourceHandlingOption is not supported here"));
    CUSTOM(&w, .PolicyInputList = TEXTS(STR(ALLOW_SQS)), .ActionNames = TEXTS(STR("sqs:A")),
           .OrderedOrganizationPolicyInputList = { .set = true, .n = 1 });
    EXPECT_STR(said(&w), STR("InvalidInput: OrderedOrganizationPolicyInputList is not supported here"));
    make_role(&w, "r", LAMBDA, NULL);
    PRINCIPAL(&w, .PolicySourceArn = STR(ROLE("r")), .ActionNames = TEXTS(STR("sqs:A")),
              .PolicyExclusionList = { .set = true, .n = 1 });
    EXPECT_STR(said(&w), STR("InvalidInput: PolicyExclusionList is not supported here"));
    world_done(&w);
}

/* Inline, attached, given; the boundary the role has. */
TEST(principal, all_policies_of_the_role)
{
    struct world w = world_new(false);
    struct iam_CreatePolicyResponse made = { 0 };
    struct str arn = STR(ROLE("r"));

    make_role(&w, "r", LAMBDA, GRANT("Allow", "sqs:A", "*"));
    IAM_OP(&w, PutRolePolicy, NULL, .RoleName = STR("r"), .PolicyName = STR("p2"),
           .PolicyDocument = STR(GRANT("Allow", "sqs:B", "*")));
    IAM_OP(&w, CreatePolicy, &made, .PolicyName = STR("m1"),
           .PolicyDocument = STR(GRANT("Allow", "sqs:C", "*")));
    IAM_OP(&w, AttachRolePolicy, NULL, .RoleName = STR("r"), .PolicyArn = made.Policy->Arn);
    IAM_OP(&w, CreatePolicy, &made, .PolicyName = STR("m2"),
           .PolicyDocument = STR(GRANT("Allow", "sqs:D", "*")));
    IAM_OP(&w, AttachRolePolicy, NULL, .RoleName = STR("r"), .PolicyArn = made.Policy->Arn);
    IAM_OP(&w, AttachRolePolicy, NULL, .RoleName = STR("r"),
           .PolicyArn = STR("arn:aws:iam::aws:policy/NobodyKnowsWhat")); /* no text: nothing to ask */
    PRINCIPAL(&w, .PolicySourceArn = arn,
              .ActionNames = TEXTS(STR("sqs:A"), STR("sqs:B"), STR("sqs:C"), STR("sqs:D"), STR("sqs:E")));
    EXPECT_STR(told(&w), STR("sqs:A * allowed p; sqs:B * allowed p2; sqs:C * allowed m1; sqs:D * allowed m2; "
                             "sqs:E * implicitDeny"));
    PRINCIPAL(&w, .PolicySourceArn = arn, .PolicyInputList = TEXTS(STR(GRANT("Allow", "sqs:E", "*"))),
              .ActionNames = TEXTS(STR("sqs:C"), STR("sqs:E")));
    EXPECT_STR(told(&w), STR("sqs:C * allowed m1; sqs:E * allowed PolicyInputList.1"));
    IAM_OP(&w, PutRolePermissionsBoundary, NULL, .RoleName = STR("r"),
           .PermissionsBoundary = made.Policy->Arn);
    PRINCIPAL(&w, .PolicySourceArn = arn, .ActionNames = TEXTS(STR("sqs:A"), STR("sqs:D")));
    EXPECT_STR(told(&w), STR("sqs:A * implicitDeny p beyond; sqs:D * allowed m2 within"));
    PRINCIPAL(&w, .PolicySourceArn = arn, .ActionNames = TEXTS(STR("sqs:A"), STR("sqs:D")),
              .PermissionsBoundaryPolicyInputList = TEXTS(STR(GRANT("Allow", "sqs:A", "*"))));
    EXPECT_STR(told(&w), STR("sqs:A * allowed p within; sqs:D * implicitDeny m2 beyond"));
    IAM_OP(&w, PutRolePermissionsBoundary, NULL, .RoleName = STR("r"),
           .PermissionsBoundary = STR("arn:aws:iam::aws:policy/NobodyKnowsWhat"));
    PRINCIPAL(&w, .PolicySourceArn = arn, .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(told(&w), STR("sqs:A * implicitDeny p beyond")); /* what nobody knows allows nothing */
    world_done(&w);
}

TEST(principal, who_it_is)
{
    struct world w = world_new(false);

    make_role(&w, "r", LAMBDA, GRANT("Allow", "sqs:A", "*"));
    PRINCIPAL(&w, .PolicySourceArn = STR(ROLE("x")), .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(said(&w), STR("NoSuchEntity: Entity " ROLE("x") " cannot be found."));
    PRINCIPAL(&w, .PolicySourceArn = STR(ROLE("r")), .CallerArn = STR(ROLE("r")),
              .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(told(&w), STR("sqs:A * allowed p"));
    PRINCIPAL(&w, .PolicySourceArn = STR(ROLE("r")), .CallerArn = STR(ROLE("x")),
              .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(said(&w), STR("InvalidInput: CallerArn other than PolicySourceArn is not supported here"));
    PRINCIPAL(&w, .PolicySourceArn = STR(ROLE("r")), .ResourceHandlingOption = STR("x"),
              .ActionNames = TEXTS(STR("sqs:A")));
    EXPECT_STR(said(&w), STR("InvalidInput: ResourceHandlingOption is not supported here"));
    world_done(&w);
}

/* Much work is done on the pool, and what it looks at lives until then. */
TEST(work, on_the_pool)
{
    struct world w = world_new(false);
    CLEANUP(buf_done) struct buf long_one = { 0 };
    struct str actions[40], document;
    struct iam_SimulateCustomPolicyRequest in = { .ActionNames = { true, 40, actions } };
    const struct service s = iam_service(w.iam);

    CUSTOM(&w, .ActionNames = TEXTS(STR("sqs:A"))); /* and so a call is there */
    buf_z(&long_one, GRANT("Allow", "sqs:A", "*"));
    while (long_one.n < 8000)
        buf_char(&long_one, ' ');
    document = buf_view(&long_one);
    in.PolicyInputList = (struct iam_SimulationPolicyListType){ true, 1, &document };
    for (size_t i = 0; i < 40; i++)
        actions[i] = i % 2 == 0 ? STR("sqs:A") : STR("sqs:B");
    memset(&pool, 0, sizeof pool);
    memset(&reply, 0, sizeof reply);
    w.turn.ops = &ops;
    for (size_t i = 0; i < s.n_handlers; i++)
        if (strcmp(s.handlers[i].op, "SimulateCustomPolicy") == 0)
            EXPECT_INT(s.handlers[i].fn(&w.call, &in, &reply), -E_WAIT);
    EXPECT_INT(pool.replies, 0);
    pool.job(pool.arg);
    pool.done(pool.arg, &w.turn);
    EXPECT_INT(pool.replies, 1);
    EXPECT_INT(reply.EvaluationResults.n, 40);
    EXPECT_STR(reply.EvaluationResults.v[38].EvalDecision, STR("allowed"));
    EXPECT_STR(reply.EvaluationResults.v[39].EvalDecision, STR("implicitDeny"));
    world_done(&w);
}

UNIT_MAIN
