/* config.c - what is configured on a bucket: versioning and policy, and the answers to reads of what never
 * is. True here: nothing is accepted that is not acted on; puts of the other configurations have no handler,
 * so the router refuses them by name. */
#include <stdio.h>
#include "service/s3/write.h"

#define POLICY_BYTES_MOST 20480

/* ---- versioning ---- */

int s3_get_bucket_versioning(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketVersioningRequest *in = input;
    struct s3_GetBucketVersioningOutput *out = output;
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketVersioning", STR_NONE, &b) != 0)
        return -E_FAULT;
    if (b->versioning != VERSIONING_NEVER)
        out->Status = b->versioning == VERSIONING_ENABLED ? STR("Enabled") : STR("Suspended");
    return 0;
}

int s3_put_bucket_versioning(struct call *c, const void *input, void *output)
{
    const struct s3_PutBucketVersioningRequest *in = input;
    const struct s3_VersioningConfiguration *k = in->VersioningConfiguration;
    struct bucket *b;

    (void)output;
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutBucketVersioning", STR_NONE, &b) != 0 ||
        s3_check_document(c, in->ContentMD5, in->ChecksumAlgorithm) != 0)
        return -E_FAULT;
    S3_REFUSE_STR(c, in, MFA);
    if (k == NULL || (!str_is(k->Status, "Enabled") && !str_is(k->Status, "Suspended")))
        return S3_FAULT(
            c, MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema");
    if (!str_absent(k->MFADelete) && !str_is(k->MFADelete, "Disabled"))
        return s3_refuse(c, "MFADelete");
    b->versioning = str_is(k->Status, "Enabled") ? VERSIONING_ENABLED : VERSIONING_SUSPENDED;
    rows_bucket_put(c->turn->store, b);
    return 0;
}

/* ---- policy ---- */

static int no_policy(struct call *c, const struct bucket *b)
{
    (void)S3_FAULT(c, NoSuchBucketPolicy, "The bucket policy does not exist");
    fault_element(c->mem, &c->fault, "BucketName", b->name);
    return -E_FAULT;
}

/* The policy is the owner's affair alone, whatever it says itself (S3 API reference, PutBucketPolicy). */
static int enter_policy(struct call *c, struct str name, struct str expected_owner, const char *action,
                        struct bucket **ret)
{
    if (s3_enter(c, name, expected_owner, action, STR_NONE, ret) != 0)
        return -E_FAULT;
    if (!str_eq(c->account, (*ret)->account))
        return S3_FAULT(c, MethodNotAllowed, "The specified method is not allowed against this resource.");
    return 0;
}

int s3_get_bucket_policy(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketPolicyRequest *in = input;
    struct s3_GetBucketPolicyOutput *out = output;
    struct bucket *b;

    if (enter_policy(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketPolicy", &b) != 0)
        return -E_FAULT;
    if (str_absent(b->policy_text))
        return no_policy(c, b);
    out->Policy = arena_str(c->mem, b->policy_text);
    return 0;
}

/* A policy is public when it allows something to everybody without a condition on who or where from. */
static bool is_public(const struct bucket *b)
{
    struct policy_request r = { .caller = { .kind = CALLER_ANONYMOUS },
                                .action = STR("s3:GetObject"),
                                .resource = b->arn };
    static const struct str actions[] = { STR("s3:GetObject"), STR("s3:ListBucket"), STR("s3:PutObject"),
                                          STR("s3:DeleteObject") };
    char text[128];

    CHECK_IS(b, BUCKET_MAGIC);
    for (size_t i = 0; b->policy != NULL && i < ARRAY_LEN(actions); i++) {
        int n = snprintf(text, sizeof(text), STR_FMT "/any", STR_ARG(b->arn));

        r.action = actions[i];
        r.resource = i == 1 ? b->arn : str_make(text, (size_t)MIN(n, (int)sizeof(text) - 1));
        if ((policy_evaluate(b->policy, &r) & (POLICY_ALLOWS | POLICY_DENIES)) == POLICY_ALLOWS)
            return true;
    }
    return false;
}

int s3_get_bucket_policy_status(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketPolicyStatusRequest *in = input;
    struct s3_GetBucketPolicyStatusOutput *out = output;
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketPolicyStatus", STR_NONE, &b) != 0)
        return -E_FAULT;
    if (str_absent(b->policy_text))
        return no_policy(c, b);
    out->PolicyStatus = ARENA_NEW(c->mem, struct s3_PolicyStatus);
    out->PolicyStatus->IsPublic = BOOL_SET(is_public(b));
    return 0;
}

int s3_put_bucket_policy(struct call *c, const void *input, void *output)
{
    const struct s3_PutBucketPolicyRequest *in = input;
    CLEANUP(buf_done) struct buf why = { 0 };
    struct policy *parsed = NULL;
    struct bucket *b;

    (void)output;
    if (enter_policy(c, in->Bucket, in->ExpectedBucketOwner, "s3:PutBucketPolicy", &b) != 0 ||
        s3_check_document(c, in->ContentMD5, in->ChecksumAlgorithm) != 0)
        return -E_FAULT;
    if (in->ConfirmRemoveSelfBucketAccess.set && in->ConfirmRemoveSelfBucketAccess.v)
        return s3_refuse(c, "ConfirmRemoveSelfBucketAccess");
    if (str_empty(in->Policy))
        return S3_FAULT(c, MalformedPolicy, "Policies must be valid JSON and the first byte must be '{'");
    if (in->Policy.n > POLICY_BYTES_MOST)
        return S3_FAULT(c, MalformedPolicy, "Policy document is too large: at most %d bytes",
                        POLICY_BYTES_MOST);
    if (policy_parse(POLICY_RESOURCE, in->Policy, &parsed, &why) != 0) {
        if (in->Policy.p[0] != '{')
            return S3_FAULT(c, MalformedPolicy, "Policies must be valid JSON and the first byte must be '{'");
        return S3_FAULT(c, MalformedPolicy, STR_FMT, STR_ARG(buf_view(&why)));
    }
    policy_free(parsed);
    s3_bucket_policy(b, in->Policy);
    rows_bucket_put(c->turn->store, b);
    c->status = 204;
    return 0;
}

int s3_delete_bucket_policy(struct call *c, const void *input, void *output)
{
    const struct s3_DeleteBucketPolicyRequest *in = input;
    struct bucket *b;

    (void)output;
    if (enter_policy(c, in->Bucket, in->ExpectedBucketOwner, "s3:DeleteBucketPolicy", &b) != 0)
        return -E_FAULT;
    s3_bucket_policy(b, STR_NONE);
    rows_bucket_put(c->turn->store, b);
    return 0;
}

/* ---- what every bucket has ---- */

int s3_get_bucket_encryption(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketEncryptionRequest *in = input;
    struct s3_GetBucketEncryptionOutput *out = output;
    struct s3_ServerSideEncryptionRule *rule = ARENA_NEW(c->mem, struct s3_ServerSideEncryptionRule);
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetEncryptionConfiguration", STR_NONE, &b) != 0)
        return -E_FAULT;
    rule->ApplyServerSideEncryptionByDefault = ARENA_NEW(c->mem, struct s3_ServerSideEncryptionByDefault);
    rule->ApplyServerSideEncryptionByDefault->SSEAlgorithm = STR("AES256");
    rule->BucketKeyEnabled = BOOL_SET(false);
    out->ServerSideEncryptionConfiguration = ARENA_NEW(c->mem, struct s3_ServerSideEncryptionConfiguration);
    out->ServerSideEncryptionConfiguration->Rules =
        (struct s3_ServerSideEncryptionRules){ .set = true, .n = 1, .v = rule };
    return 0;
}

int s3_get_public_access_block(struct call *c, const void *input, void *output)
{
    const struct s3_GetPublicAccessBlockRequest *in = input;
    struct s3_GetPublicAccessBlockOutput *out = output;
    struct s3_PublicAccessBlockConfiguration *k = ARENA_NEW(c->mem, struct s3_PublicAccessBlockConfiguration);
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketPublicAccessBlock", STR_NONE, &b) != 0)
        return -E_FAULT;
    *k = (struct s3_PublicAccessBlockConfiguration){ BOOL_SET(true), BOOL_SET(true), BOOL_SET(true),
                                                     BOOL_SET(true) };
    out->PublicAccessBlockConfiguration = k;
    return 0;
}

int s3_get_bucket_ownership_controls(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketOwnershipControlsRequest *in = input;
    struct s3_GetBucketOwnershipControlsOutput *out = output;
    struct s3_OwnershipControlsRule *rule = ARENA_NEW(c->mem, struct s3_OwnershipControlsRule);
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketOwnershipControls", STR_NONE, &b) != 0)
        return -E_FAULT;
    rule->ObjectOwnership = STR("BucketOwnerEnforced");
    out->OwnershipControls = ARENA_NEW(c->mem, struct s3_OwnershipControls);
    out->OwnershipControls->Rules = (struct s3_OwnershipControlsRules){ .set = true, .n = 1, .v = rule };
    return 0;
}

int s3_get_bucket_acl(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketAclRequest *in = input;
    struct s3_GetBucketAclOutput *out = output;
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketAcl", STR_NONE, &b) != 0)
        return -E_FAULT;
    s3_acl_of(c->mem, b->account, &out->Owner, &out->Grants);
    return 0;
}

int s3_get_bucket_request_payment(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketRequestPaymentRequest *in = input;
    struct s3_GetBucketRequestPaymentOutput *out = output;
    struct bucket *b;

    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketRequestPayment", STR_NONE, &b) != 0)
        return -E_FAULT;
    out->Payer = STR("BucketOwner");
    return 0;
}

/* ---- what no bucket has: an empty document, or an error of its own ---- */

int s3_get_bucket_accelerate_configuration(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketAccelerateConfigurationRequest *in = input;
    struct bucket *b;

    (void)output;
    if (s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetAccelerateConfiguration", STR_NONE, &b) != 0)
        return -E_FAULT;
    return s3_payer(c, in->RequestPayer);
}

int s3_get_bucket_logging(struct call *c, const void *input, void *output)
{
    const struct s3_GetBucketLoggingRequest *in = input;
    struct bucket *b;

    (void)output;
    return s3_enter(c, in->Bucket, in->ExpectedBucketOwner, "s3:GetBucketLogging", STR_NONE, &b);
}

static int not_configured(struct call *c, struct str bucket, struct str owner, const char *action,
                          const struct error_row *row, const char *text)
{
    struct bucket *b;

    if (s3_enter(c, bucket, owner, action, STR_NONE, &b) != 0)
        return -E_FAULT;
    (void)call_fault(c, row, "%s", text);
    fault_element(c->mem, &c->fault, "BucketName", b->name);
    return -E_FAULT;
}

#define NOT_CONFIGURED(function, Input, action, row, text)                                            \
    int function(struct call *c, const void *input, void *output)                                     \
    {                                                                                                 \
        const struct Input *in = input;                                                               \
        (void)output;                                                                                 \
        return not_configured(c, in->Bucket, in->ExpectedBucketOwner, action, &s3_fault_##row, text); \
    }
NOT_CONFIGURED(s3_get_bucket_cors, s3_GetBucketCorsRequest, "s3:GetBucketCORS", NoSuchCORSConfiguration,
               "The CORS configuration does not exist")
NOT_CONFIGURED(s3_get_bucket_website, s3_GetBucketWebsiteRequest, "s3:GetBucketWebsite",
               NoSuchWebsiteConfiguration, "The specified bucket does not have a website configuration")
NOT_CONFIGURED(s3_get_bucket_replication, s3_GetBucketReplicationRequest, "s3:GetReplicationConfiguration",
               ReplicationConfigurationNotFoundError, "The replication configuration was not found")
NOT_CONFIGURED(s3_get_object_lock_configuration, s3_GetObjectLockConfigurationRequest,
               "s3:GetBucketObjectLockConfiguration", ObjectLockConfigurationNotFoundError,
               "Object Lock configuration does not exist for this bucket")
NOT_CONFIGURED(s3_get_bucket_lifecycle_configuration, s3_GetBucketLifecycleConfigurationRequest,
               "s3:GetLifecycleConfiguration", NoSuchLifecycleConfiguration,
               "The lifecycle configuration does not exist")
