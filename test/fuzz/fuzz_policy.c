/* fuzz_policy.c - whatever the bytes: a document is refused with a sentence or answers every question, always
 * the same way; the whole policy says what its statements say one by one, and a Deny among them is never
 * lost. */
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_caller callers[] = {
    { .kind = CALLER_ROLE,
      .account = { "000000000000", 12 },
      .arn = { "arn:aws:sts::000000000000:assumed-role/r/s", 42 },
      .role_arn = { "arn:aws:iam::000000000000:role/r", 32 },
      .user_id = { "AROA:s", 6 } },
    { .kind = CALLER_ACCOUNT,
      .account = { "000000000000", 12 },
      .arn = { "arn:aws:iam::000000000000:root", 30 } },
    { .kind = CALLER_SERVICE, .service = { "sns.amazonaws.com", 17 } },
    { .kind = CALLER_ANONYMOUS },
};
static const char *const resources[] = { "*", "arn:aws:sqs:us-east-1:000000000000:orders", "arn:aws:s3:::b/k",
                                         "", "arn:::::" };

static const struct str values[] = {
    { "a", 1 }, { "10.1.2.3", 8 }, { "5", 1 }, { "arn:aws:s3:::b", 14 }, { "2026-01-01T00:00:00Z", 20 }
};
static const struct policy_key keys[] = {
    { { "aws:SourceArn", 13 }, &values[3], 1 },
    { { "aws:SourceIp", 12 }, &values[1], 1 },
    { { "x:k", 3 }, values, sizeof(values) / sizeof(values[0]) },
    { { "x:empty", 7 }, values, 0 },
};

static void ask(const struct policy *p, const struct policy_request *q)
{
    const struct policy *one[] = { p };
    struct policy_set set = {
        .identity = one, .n_identity = 1, .resource = p, .boundary = p, .session = one, .n_session = 1
    };
    unsigned whole = policy_evaluate(p, q) & ~(unsigned)POLICY_ASKED, parts = 0;
    struct policy_decision d = policy_decide(&set, q);

    for (size_t i = 0; i < policy_statement_count(p); i++)
        parts |= policy_evaluate_one(p, i, q) & ~(unsigned)POLICY_ASKED;
    CHECK((whole & POLICY_DENIES) == (parts & POLICY_DENIES));
    CHECK((whole & POLICY_DENIES) != 0 || whole == parts);
    CHECK((whole & ~parts) == 0);
    CHECK(!d.allowed || (whole & POLICY_DENIES) == 0);
    CHECK(d.allowed == (d.reason == REASON_ALLOWED));
}

static void count(void *arg, struct str key)
{
    CHECK(!str_absent(key));
    ++*(size_t *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    CLEANUP(buf_done) struct buf why = { 0 };

    for (int kind = POLICY_IDENTITY; kind <= POLICY_TRUST; kind++) {
        struct policy *p = NULL;
        size_t n_keys = 0;
        int r = policy_parse((enum policy_kind)kind, text, &p, &why);

        CHECK((r == 0) == (p != NULL) && (r == 0 || why.n > 0));
        buf_clear(&why);
        if (r != 0)
            continue;
        policy_keys(p, count, &n_keys);
        for (size_t c = 0; c < ARRAY_LEN(callers); c++)
            for (size_t k = 0; k < ARRAY_LEN(resources) * 2; k++) {
                struct policy_request q = { .caller = callers[c],
                                            .action = STR("sqs:SendMessage"),
                                            .resource = str_of(resources[k / 2]),
                                            .region = STR("us-east-1"),
                                            .keys = keys,
                                            .n_keys = ARRAY_LEN(keys),
                                            .now = { 1789400698123, 0 },
                                            .lenient = k % 2 == 1 };

                ask(p, &q);
            }
        policy_free(p);
    }
    return 0;
}
