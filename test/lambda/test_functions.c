/* Functions, versions, aliases, tags, policies, concurrency: whole replies, in the order of the rules. */
#include "service/lambda/settings.h"
#include "test/aborts.h"
#include "world.h"

#define F "/2015-03-31/functions"
#define ARN "arn:aws:lambda:us-east-1:111111111111:function:"
#define CREATE(name, more)                                                                     \
    "{\"FunctionName\":\"" name "\",\"Runtime\":\"python3.12\",\"Handler\":\"index.handler\"," \
    "\"Role\":\"arn:aws:iam::111111111111:role/r\",\"Code\":{\"ZipFile\":\"UEsDBA==\"}" more "}"
#define USER(text) "{\"Type\":\"User\",\"message\":\"" text "\"}"
#define USER_M(text) "{\"Type\":\"User\",\"Message\":\"" text "\"}"
#define MISSING(arn) "404 " USER_M("Function not found: " arn)

#define SHOWN(a, want) EXPECT_STR((a)->shown, str_of(want))
#define HAS(a, part)                                                   \
    do {                                                               \
        if (str_find_str((a)->shown, STR(part)) < 0)                   \
            UNIT_FAIL("no %s in " STR_FMT, part, STR_ARG((a)->shown)); \
    } while (0)
#define HAS_NOT(a, part)                                            \
    do {                                                            \
        if (str_find_str((a)->shown, STR(part)) >= 0)               \
            UNIT_FAIL("%s in " STR_FMT, part, STR_ARG((a)->shown)); \
    } while (0)

/* The reply without RuntimeVersionConfig's digest, which is a matter of this server alone. */
static struct str without_runtime(struct world *w, struct answer *a)
{
    ptrdiff_t at = str_find_str(a->shown, STR("::runtime:"));

    return arena_printf(w->mem, STR_FMT STR_FMT, (int)at + 10, a->shown.p,
                        STR_ARG(str_sub(a->shown, (size_t)at + 10 + 64, a->shown.n)));
}

TEST(functions, create_then_active)
{
    struct world *w = world_new();
    struct answer *a = ask_z(w, "POST", F, CREATE("f", ""));

    EXPECT(a->waiting);
    world_run_jobs(w);
    EXPECT_STR(
        without_runtime(w, a),
        STR("201 {\"FunctionName\":\"f\",\"FunctionArn\":\"" ARN "f\",\"Runtime\":\"python3.12\","
            "\"Role\":\"arn:aws:iam::111111111111:role/"
            "r\",\"Handler\":\"index.handler\",\"CodeSize\":4,\"Description\":\"\",\"Timeout\":3,"
            "\"MemorySize\":128,\"LastModified\":\"2026-09-14T15:46:26.443+0000\","
            "\"CodeSha256\":\"jcx+YBYGIX87dUdmURGCqRaxfpomqUydiHEE66kum7I=\",\"Version\":\"$LATEST\","
            "\"TracingConfig\":{\"Mode\":\"PassThrough\"},\"RevisionId\":\"<uuid>\",\"State\":\"Pending\","
            "\"StateReason\":\"The function is being "
            "created.\",\"StateReasonCode\":\"Creating\",\"PackageType\":\"Zip\","
            "\"Architectures\":[\"x86_64\"],\"EphemeralStorage\":{\"Size\":512},"
            "\"SnapStart\":{\"ApplyOn\":\"None\",\"OptimizationStatus\":\"Off\"},"
            "\"RuntimeVersionConfig\":{\"RuntimeVersionArn\":\"arn:aws:lambda:us-east-1::runtime:\"},"
            "\"LoggingConfig\":{\"LogFormat\":\"Text\",\"LogGroup\":\"/aws/lambda/f\"}}"));
    EXPECT_INT(w->n_timers, 1);
    SHOWN(ask_z(w, "PUT", F "/f/configuration", "{\"Timeout\":9}"),
          "409 " USER("The operation cannot be performed at this time. The function is currently in the "
                      "following state: Pending"));
    world_run_timers(w);
    a = ask_z(w, "GET", F "/f/configuration", NULL);
    HAS(a, "\"State\":\"Active\",\"LastUpdateStatus\":\"Successful\"");
    HAS_NOT(a, "Reason");
    a = ask_z(w, "GET", F "/f", NULL);
    HAS(a, "\"Code\":{\"RepositoryType\":\"S3\",\"Location\":\"http://127.0.0.1:4566/_waybill/code/"
           "8dcc7e601606217f3b754766511182a916b17e9a26a94c9d887104eba92e9bb2\"}}");
    HAS_NOT(a, "Tags");
    SHOWN(ask_z(w, "POST", F, CREATE("f", "")), "409 " USER("Function already exist: f"));
    SHOWN(ask_z(w, "GET", F "/g", NULL), MISSING(ARN "g"));
    SHOWN(ask_z(w, "GET", F "/g?Qualifier=1", NULL), MISSING(ARN "g:1"));
    SHOWN(ask_z(w, "GET", F "/f:2", NULL), MISSING(ARN "f:2"));
    world_free(w);
}

TEST(functions, two_creates_of_one_name)
{
    struct world *w = world_new();
    struct answer *a = ask_z(w, "POST", F, CREATE("f", "")), *b = ask_z(w, "POST", F, CREATE("f", ""));

    world_run_jobs(w);
    EXPECT_INT(a->status, 201);
    SHOWN(b, "409 " USER("Function already exist: f"));
    EXPECT_INT(lambda_function_count(w->l), 1);
    world_free(w);
}

TEST(functions, refusals)
{
    static const struct {
        const char *more, *want;
    } rows[] = {
        { ",\"Layers\":[\"arn:aws:lambda:us-east-1:111111111111:layer:l:1\"]",
          "Waybill does not support the parameter Layers. Leave it out or at its default." },
        { ",\"VpcConfig\":{\"SubnetIds\":[\"subnet-1\"]}",
          "Waybill does not support the parameter VpcConfig. Leave it out or at its default." },
        { ",\"TracingConfig\":{\"Mode\":\"Active\"}", "Waybill does not support the parameter TracingConfig "
                                                      "with Mode Active. Leave it out or at its default." },
        { ",\"SnapStart\":{\"ApplyOn\":\"PublishedVersions\"}",
          "Waybill does not support the parameter SnapStart. Leave it out or at its default." },
        { ",\"KMSKeyArn\":\"arn:aws:kms:us-east-1:111111111111:key/k\"",
          "Waybill does not support the parameter KMSKeyArn. Leave it out or at its default." },
        { ",\"DeadLetterConfig\":{\"TargetArn\":\"arn:aws:sqs:us-east-1:111111111111:q.fifo\"}",
          "Invalid dead letter queue ARN: FIFO SQS queue"
          " is not supported for dead letter configuration" },
        { ",\"Environment\":{\"Variables\":{\"AWS_REGION\":\"x\",\"OK\":\"y\",\"LAMBDA_TASK_ROOT\":\"z\"}}",
          "Lambda was unable to configure your"
          " environment variables because the environment variables you have provided contains reserved keys "
          "that are currently not"
          " supported for modification. Reserved keys used in this request: AWS_REGION, LAMBDA_TASK_ROOT" },
        { ",\"LoggingConfig\":{\"LogFormat\":\"Text\",\"SystemLogLevel\":\"INFO\"}",
          "ApplicationLogLevel and SystemLogLevel can only be set when LogFormat is JSON." },
        { ",\"PackageType\":\"Image\"",
          "Waybill does not support the parameter PackageType with Image. Leave it out or at its default." },
        { ",\"Runtime\":\"python3.7\"",
          "The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda "
          "functions. We"
          " recommend you use a supported runtime while creating or updating functions." },
        { ",\"Runtime\":\"java21\"", "Waybill does not support the parameter Runtime with java21: it runs "
                                     "nodejs, python and provided runtimes." },
        { ",\"Runtime\":\"provided.al2023\",\"Architectures\":[\"arm64\"]",
          "Waybill does not support the parameter Architectures with arm64 for the runtime"
          " provided.al2023: this machine is x86_64." },
        { ",\"Code\":{}", "Please provide a source for function code." },
        { ",\"Code\":{\"S3Bucket\":\"nobody\",\"S3Key\":\"k\"}",
          "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified "
          "bucket does not exist" },
    };
    struct world *w = world_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str body = arena_printf(w->mem, CREATE("f", "%s"), rows[i].more);
        struct str want = arena_printf(w->mem, "400 " USER("%s"), rows[i].want);

        if (strcmp(machine_architecture(), "x86_64") != 0 && strstr(rows[i].want, "this machine is") != NULL)
            continue;
        EXPECT_STR(ask(w, "POST", F, NULL, body)->shown, want);
    }
    EXPECT_INT(w->n_jobs, 0);
    EXPECT_INT(lambda_function_count(w->l), 0);
    world_free(w);
}

TEST(functions, empty_values_of_refused_parameters_pass)
{
    struct world *w = world_new();
    struct answer *a = ask_z(
        w, "POST", F,
        CREATE("f",
               ",\"VpcConfig\":{\"SubnetIds\":[],\"SecurityGroupIds\":[]},\"Layers\":[],\"KMSKeyArn\":\"\","
               "\"DeadLetterConfig\":{\"TargetArn\":\"\"},\"TracingConfig\":{\"Mode\":\"PassThrough\"},"
               "\"SnapStart\":{\"ApplyOn\":\"None\"},"
               "\"FileSystemConfigs\":[],\"Architectures\":[\"arm64\"],\"Environment\":{\"Variables\":{}},"
               "\"LoggingConfig\":{\"LogFormat\":\"JSON\"},\"EphemeralStorage\":{\"Size\":600},\"Timeout\":"
               "900,\"MemorySize\":10240"));

    world_run_jobs(w);
    EXPECT_INT(a->status, 201);
    HAS(a, "\"Environment\":{\"Variables\":{}}");
    HAS(a, "\"Architectures\":[\"arm64\"]");
    HAS(a, "\"LoggingConfig\":{\"LogFormat\":\"JSON\",\"ApplicationLogLevel\":\"INFO\",\"SystemLogLevel\":"
           "\"INFO\",\"LogGroup\":\"/aws/lambda/f\"}");
    world_free(w);
}

TEST(functions, limits_and_sizes)
{
    struct world *w = world_new();
    struct answer *a;
    char big[5000];

    SHOWN(ask_z(w, "POST", F, CREATE("f", ",\"Timeout\":901,\"MemorySize\":10241")),
          "400 {\"message\":\"2 validation errors detected: Value '901' at"
          " 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900; Value "
          "'10241' at 'memorySize' failed to"
          " satisfy constraint: Member must have value less than or equal to 10240\"}");
    SHOWN(ask_z(w, "POST", F,
                CREATE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "")),
          "400 " USER("1 validation error detected:"
                      " Value 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' at "
                      "'functionName' failed to satisfy constraint: Member must"
                      " have length less than or equal to 64"));
    a = ask_z(w, "POST", F, CREATE("f", ",\"Code\":{\"ZipFile\":\"bm8gemlw\"}"));
    world_run_jobs(w);
    SHOWN(a, "400 " USER("Could not unzip uploaded file. Please check your file, then try to upload again."));
    a = ask_z(w, "POST", F, CREATE("f", ",\"Code\":{\"ZipFile\":\"UEtCT01C\"}"));
    world_run_jobs(w);
    SHOWN(a, "400 " USER("Unzipped size must be smaller than 262144000 bytes"));
    memset(big, 'v', 4090);
    big[4090] = '\0';
    struct str body =
        arena_printf(w->mem, CREATE("f", ",\"Environment\":{\"Variables\":{\"KK\":\"%s\"}}"), big);
    a = ask(w, "POST", F, NULL, body);
    HAS(a, "exceeded the 4KB limit. String measured: {\\\"KK\\\":\\\"vvvv");
    big[4087] = '\0'; /* {"KK":"..."} is then 4,096 bytes */
    body = arena_printf(w->mem, CREATE("f", ",\"Environment\":{\"Variables\":{\"KK\":\"%s\"}}"), big);
    EXPECT(ask(w, "POST", F, NULL, body)->waiting);
    world_run_jobs(w);
    world_free(w);
}

TEST(functions, roles)
{
    struct world *w = world_new();

    w->role_state = ROLE_STATE_NOT_ASSUMABLE;
    SHOWN(ask_z(w, "POST", F, CREATE("f", "")),
          "400 " USER("The role defined for the function cannot be assumed by Lambda."));
    w->role_state = ROLE_STATE_UNKNOWN;
    EXPECT(ask_z(w, "POST", F, CREATE("f", ""))->waiting);
    w->l->o.strict_permissions = true;
    SHOWN(ask_z(w, "POST", F, CREATE("g", "")),
          "400 " USER("The role defined for the function cannot be assumed by Lambda."));
    world_run_jobs(w);
    world_free(w);
}

TEST(functions, update_configuration)
{
    struct world *w = world_new();
    struct answer *a;

    world_function(w, "f");
    struct code *old =
        w->l->functions.n == 1
            ? function_find(w->l, STR("111111111111"), STR("us-east-1"), STR("f"))->latest->code
            : NULL;
    a = ask_z(w, "PUT", F "/f/configuration",
              "{\"Timeout\":9,\"Environment\":{\"Variables\":{\"AA\":\"b\"}}}");
    EXPECT_INT(a->status, 200);
    HAS(a, "\"Timeout\":9");
    HAS(a, "\"Environment\":{\"Variables\":{\"AA\":\"b\"}}");
    HAS(a, "\"LastModified\":\"2026-09-14T15:46:26.000+0000\"");
    HAS(a, "\"State\":\"Active\",\"LastUpdateStatus\":\"InProgress\",\"LastUpdateStatusReason\":\"The "
           "function is being created.\",\"LastUpdateStatusReasonCode\":\"Creating\"");
    struct function *f = function_find(w->l, STR("111111111111"), STR("us-east-1"), STR("f"));
    EXPECT(f->latest->code == old); /* the old code serves until the update is done */
    EXPECT_INT(f->latest->code->timeout_ms, 3000);
    SHOWN(ask_z(w, "PUT", F "/f/configuration", "{\"Timeout\":9}"),
          "409 " USER("The operation cannot be performed at this time. An update is in"
                      " progress for resource: " ARN "f"));
    world_run_timers(w);
    EXPECT_INT(f->latest->code->timeout_ms, 9000);
    EXPECT_INT(w->n_retired, 1);
    EXPECT_INT(f->latest->code->n_env, 1);
    HAS(ask_z(w, "GET", F "/f/configuration", NULL), "\"LastUpdateStatus\":\"Successful\"");
    SHOWN(ask_z(w, "PUT", F "/f/configuration", "{\"RevisionId\":\"x\"}"),
          "412 " USER("The Revision Id provided does not match the latest"
                      " Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"));
    a = ask_z(w, "PUT", F "/f/configuration", "{\"Environment\":{\"Variables\":{}}}");
    HAS(a, "\"Environment\":{\"Variables\":{}}");
    HAS(a, "\"Timeout\":9");
    world_run_timers(w);
    world_free(w);
}

TEST(functions, update_code)
{
    struct world *w = world_new();
    struct answer *a;

    world_function(w, "f");
    a = ask_z(w, "PUT", F "/f/code", "{\"ZipFile\":\"UEsDBAE=\",\"DryRun\":true}");
    world_run_jobs(w);
    HAS(a, "200 {");
    HAS(a, "\"CodeSize\":5");
    HAS(ask_z(w, "GET", F "/f/configuration", NULL), "\"CodeSize\":4");
    a = ask_z(w, "PUT", F "/f/code", "{\"ZipFile\":\"UEsDBAE=\",\"Publish\":true}");
    struct answer *second = ask_z(w, "PUT", F "/f/code", "{\"ZipFile\":\"UEsDBAI=\"}");
    world_run_jobs(w);
    HAS(a, "\"FunctionArn\":\"" ARN "f:1\"");
    HAS(a, "\"Version\":\"1\"");
    HAS(a, "\"State\":\"Pending\"");
    SHOWN(second,
          "409 " USER(
              "The operation cannot be performed at this time. An update is in progress for resource: " ARN
              "f"));
    HAS(ask_z(w, "GET", F "/f/configuration", NULL), "\"LastUpdateStatus\":\"InProgress\"");
    world_run_timers(w);
    HAS(ask_z(w, "GET", F "/f/configuration?Qualifier=1", NULL),
        "\"State\":\"Active\",\"LastUpdateStatus\":\"Successful\"");
    SHOWN(ask_z(w, "PUT", F "/f/code", "{\"ZipFile\":\"UEsDBAE=\",\"S3Bucket\":\"bucket\"}"),
          "400 " USER("Please do not provide other FunctionCode parameters when providing a ZipFile."));
    EXPECT(lambda_uses_package(
               w->l, STR("8dcc7e601606217f3b754766511182a916b17e9a26a94c9d887104eba92e9bb2")) == false);
    EXPECT(
        lambda_uses_package(w->l, STR("53f1fcd90b4cd1bd14afd136c9b18b8a1cf72c70387704d423a6eed37746257c")));
    world_free(w);
}

TEST(functions, delete)
{
    struct world *w = world_new();

    world_function(w, "f");
    SHOWN(ask_z(w, "DELETE", F "/g", NULL), MISSING(ARN "g"));
    SHOWN(ask_z(w, "DELETE", F "/g?Qualifier=1", NULL), MISSING(ARN "g"));
    SHOWN(ask_z(w, "DELETE", F "/f?Qualifier=%24LATEST", NULL),
          "400 " USER("$LATEST version cannot be deleted without deleting the function."));
    SHOWN(ask_z(w, "DELETE", F "/f?Qualifier=live", NULL),
          "400 " USER("Deletion of aliases is not currently supported."));
    SHOWN(ask_z(w, "DELETE", F "/f?Qualifier=77", NULL), "204 ");
    EXPECT_INT(ask_z(w, "POST", F "/f/versions", "{}")->status, 201);
    ask_z(w, "POST", F "/f/aliases", "{\"Name\":\"live\",\"FunctionVersion\":\"1\"}");
    SHOWN(ask_z(w, "DELETE", F "/f?Qualifier=1", NULL),
          "409 " USER("Version 1 cannot be deleted because alias live points to it."));
    SHOWN(ask_z(w, "DELETE", F "/f", NULL), "204 ");
    SHOWN(ask_z(w, "GET", F "/f", NULL), MISSING(ARN "f"));
    EXPECT_INT(w->n_timers, 0); /* version 1's went with it */
    world_reload(w);
    EXPECT_INT(lambda_function_count(w->l), 0);
    world_free(w);
}

TEST(functions, other_regions_and_accounts)
{
    struct world *w = world_new();

    world_function(w, "f");
    EXPECT_INT(
        ask_z(w, "GET", F "/arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Af", NULL)->status,
        200);
    SHOWN(ask_z(w, "GET", F "/arn%3Aaws%3Alambda%3Aeu-west-1%3A111111111111%3Afunction%3Af", NULL),
          "404 " USER_M("Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"));
    SHOWN(ask_z(w, "GET", F "/222222222222%3Afunction%3Af", NULL),
          "403 {\"Message\":\"User: arn:aws:iam::111111111111:root is not authorized to"
          " perform: lambda:GetFunction on resource: arn:aws:lambda:us-east-1:222222222222:function:f "
          "because no resource-based policy allows the"
          " lambda:GetFunction action\"}");
    SHOWN(ask_z(w, "GET", F "/f%3A1?Qualifier=2", NULL),
          "400 " USER("The derived qualifier from the function name does not match the specified"
                      " qualifier."));
    HAS(ask_z(w, "GET", F "/f%3A%24LATEST?Qualifier=%24LATEST", NULL),
        "\"FunctionArn\":\"" ARN "f:$LATEST\"");
    world_free(w);
}

TEST(functions, asking_leaves_nothing_behind)
{
    struct world *w = world_new();

    SHOWN(ask_z(w, "GET", F "/", NULL), "200 {\"Functions\":[]}");
    HAS(ask_z(w, "GET", "/2016-08-19/account-settings", NULL),
        "\"UnreservedConcurrentExecutions\":1000},\"AccountUsage\":{\"TotalCodeSize\":0,\"FunctionCount\":0}"
        "}");
    SHOWN(ask_z(w, "GET", F "/f", NULL), MISSING(ARN "f"));
    EXPECT_INT(w->l->homes.n, 0);
    w->region = STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    SHOWN(ask_z(w, "POST", F, CREATE("f", "")),
          "400 " USER("The region of the request's signature is too long."));
    world_free(w);
}

TEST(functions, lists_in_pages)
{
    struct world *w = world_new();
    char name[16];

    for (int i = 0; i < 52; i++) {
        snprintf(name, sizeof name, "f%02d", i);
        world_function(w, name);
    }
    struct answer *a = ask_z(w, "GET", F "/", NULL);
    HAS(a, "\"NextMarker\":\"dzE6ZjQ5\"");
    HAS(a, "\"FunctionName\":\"f49\"");
    HAS_NOT(a, "\"FunctionName\":\"f50\"");
    HAS_NOT(a, "\"State\"");
    HAS_NOT(a, "LastUpdateStatus");
    a = ask_z(w, "GET", F "/?Marker=dzE6ZjQ5", NULL);
    HAS(a, "\"FunctionName\":\"f50\"");
    HAS(a, "\"FunctionName\":\"f51\"");
    HAS_NOT(a, "NextMarker");
    HAS_NOT(a, "\"FunctionName\":\"f49\"");
    a = ask_z(w, "GET", F "/?MaxItems=1&FunctionVersion=ALL", NULL);
    HAS(a, "\"FunctionArn\":\"" ARN "f00:$LATEST\"");
    HAS_NOT(a, "f01");
    SHOWN(ask_z(w, "GET", F "/?Marker=nonsense", NULL), "400 " USER("Invalid Marker: nonsense"));
    HAS(ask_z(w, "GET", F "/?FunctionVersion=x", NULL),
        "failed to satisfy constraint: Member must satisfy enum value set: [ALL]");
    world_free(w);
}

TEST(versions, publish)
{
    struct world *w = world_new();
    struct answer *a, *b;

    world_function(w, "f");
    a = ask_z(w, "POST", F "/f/versions", "{\"Description\":\"one\"}");
    HAS(a, "201 {");
    HAS(a, "\"FunctionArn\":\"" ARN "f:1\"");
    HAS(a, "\"Description\":\"one\"");
    HAS(a, "\"State\":\"Active\"");
    HAS(a, "\"LastUpdateStatus\":\"Successful\"");
    world_run_timers(w);
    b = ask_z(w, "POST", F "/f/versions", "{\"Description\":\"again\"}");
    HAS(b, "\"Version\":\"1\"");
    HAS(b, "\"Description\":\"one\"");
    SHOWN(ask_z(w, "POST", F "/f/versions", "{\"CodeSha256\":\"no\"}"),
          "400 " USER("CodeSHA256 (no) is different from current CodeSHA256 in $LATEST"
                      " (jcx+YBYGIX87dUdmURGCqRaxfpomqUydiHEE66kum7I=). Please try again with the CodeSHA256 "
                      "in $LATEST."));
    SHOWN(ask_z(w, "POST", F "/f/versions", "{\"RevisionId\":\"no\"}"),
          "412 " USER("The Revision Id provided does not match the latest Revision Id."
                      " Call the GetFunction/GetAlias API to retrieve the latest Revision Id"));
    ask_z(w, "PUT", F "/f/configuration", "{\"Timeout\":10}");
    world_run_timers(w);
    HAS(ask_z(w, "POST", F "/f/versions", "{}"), "\"Version\":\"2\"");
    world_run_timers(w);
    SHOWN(ask_z(w, "DELETE", F "/f?Qualifier=2", NULL), "204 ");
    world_reload(w);
    ask_z(w, "PUT", F "/f/configuration", "{\"Timeout\":11}");
    world_run_timers(w);
    HAS(ask_z(w, "POST", F "/f/versions", "{}"), "\"Version\":\"3\""); /* never given twice, restart or not */
    a = ask_z(w, "GET", F "/f/versions", NULL);
    ptrdiff_t latest = str_find_str(a->shown, STR("f:$LATEST")), one = str_find_str(a->shown, STR("f:1")),
              three = str_find_str(a->shown, STR("f:3"));
    EXPECT(latest > 0 && latest < one && one < three);
    HAS_NOT(a, "\"State\"");
    world_run_timers(w);
    world_free(w);
}

TEST(versions, create_with_publish)
{
    struct world *w = world_new();
    struct answer *a = ask_z(w, "POST", F, CREATE("f", ",\"Publish\":true"));

    world_run_jobs(w);
    HAS(a, "201 {");
    HAS(a, "\"FunctionArn\":\"" ARN "f\"");
    HAS(a, "\"Version\":\"1\"");
    EXPECT_INT(w->n_timers, 2);
    world_run_timers(w);
    EXPECT_INT(ask_z(w, "GET", F "/f:1", NULL)->status, 200);
    HAS(ask_z(w, "POST", F "/f/versions", "{}"), "\"Version\":\"1\"");
    world_free(w);
}

static void three_versions(struct world *w)
{
    world_function(w, "f");
    for (int i = 0; i < 3; i++) {
        struct str body = arena_printf(w->mem, "{\"Timeout\":%d}", i + 5);

        ask(w, "PUT", F "/f/configuration", NULL, body);
        world_run_timers(w);
        ask_z(w, "POST", F "/f/versions", "{}");
        world_run_timers(w);
    }
}

TEST(aliases, life)
{
    struct world *w = world_new();
    const char *want =
        "201 {\"AliasArn\":\"" ARN
        "f:live\",\"Name\":\"live\",\"FunctionVersion\":\"1\",\"Description\":\"\","
        "\"RoutingConfig\":{\"AdditionalVersionWeights\":{\"2\":0.2}},\"RevisionId\":\"<uuid>\"}";

    three_versions(w);
    SHOWN(ask_z(w, "POST", F "/f/aliases",
                "{\"Name\":\"live\",\"FunctionVersion\":\"1\",\"RoutingConfig\":{"
                "\"AdditionalVersionWeights\":{\"2\":0.2}}}"),
          want);
    SHOWN(ask_z(w, "POST", F "/f/aliases", "{\"Name\":\"live\",\"FunctionVersion\":\"1\"}"),
          "409 " USER("Alias already exists: " ARN "f:live"));
    SHOWN(ask_z(w, "POST", F "/f/aliases", "{\"Name\":\"new\",\"FunctionVersion\":\"9\"}"),
          MISSING(ARN "f:9"));
    SHOWN(ask_z(w, "GET", F "/f/aliases/new", NULL), "404 " USER_M("Cannot find alias arn: " ARN "f:new"));
    SHOWN(ask_z(w, "PUT", F "/f/aliases/new", "{}"), "404 " USER_M("Alias not found: " ARN "f:new"));
    SHOWN(ask_z(w, "PUT", F "/f/aliases/live", "{\"RevisionId\":\"x\"}"),
          "412 " USER("The Revision Id provided does not match the latest Revision Id."
                      " Call the GetFunction/GetAlias API to retrieve the latest Revision Id"));
    world_reload(w);
    SHOWN(ask_z(w, "PUT", F "/f/aliases/live", "{\"FunctionVersion\":\"3\",\"Description\":\"d\"}"),
          "200 {\"AliasArn\":\"" ARN "f:live\",\"Name\":\"live\","
          "\"FunctionVersion\":\"3\",\"Description\":\"d\",\"RoutingConfig\":{\"AdditionalVersionWeights\":{"
          "\"2\":0.2}},\"RevisionId\":\"<uuid>\"}");
    SHOWN(ask_z(w, "PUT", F "/f/aliases/live", "{\"RoutingConfig\":{\"AdditionalVersionWeights\":{}}}"),
          "200 {\"AliasArn\":\"" ARN "f:live\",\"Name\":\"live\","
          "\"FunctionVersion\":\"3\",\"Description\":\"d\",\"RevisionId\":\"<uuid>\"}");
    struct answer *a = ask_z(w, "GET", F "/f/configuration?Qualifier=live", NULL);
    HAS(a, "\"FunctionArn\":\"" ARN "f:live\"");
    HAS(a, "\"Version\":\"3\"");
    ask_z(w, "POST", F "/f/aliases", "{\"Name\":\"head\",\"FunctionVersion\":\"$LATEST\"}");
    SHOWN(ask_z(w, "GET", F "/f/aliases?FunctionVersion=3", NULL),
          "200 {\"Aliases\":[{\"AliasArn\":\"" ARN "f:live\",\"Name\":\"live\",\"FunctionVersion\":\"3\","
          "\"Description\":\"d\",\"RevisionId\":\"<uuid>\"}]}");
    SHOWN(ask_z(w, "DELETE", F "/f/aliases/live", NULL), "204 ");
    SHOWN(ask_z(w, "DELETE", F "/f/aliases/live", NULL), "204 ");
    world_free(w);
}

TEST(aliases, routing_errors)
{
    static const struct {
        const char *body, *want;
    } rows[] = {
        { "{\"Name\":\"a\",\"FunctionVersion\":\"1\",\"RoutingConfig\":{\"AdditionalVersionWeights\":{\"2\":"
          "0.2,\"3\":0.1}}}",
          "400 " USER("Number of items in AdditionalVersionWeights cannot be greater than 1") },
        { "{\"Name\":\"a\",\"FunctionVersion\":\"1\",\"RoutingConfig\":{\"AdditionalVersionWeights\":{\"1\":"
          "0.2}}}",
          "400 " USER("Invalid function version 1. Function version 1 is already included in routing "
                      "configuration.") },
        { "{\"Name\":\"a\",\"FunctionVersion\":\"$LATEST\",\"RoutingConfig\":{\"AdditionalVersionWeights\":{"
          "\"1\":0.2}}}",
          "400 " USER("$LATEST is not supported for an alias pointing to more than 1 version") },
        { "{\"Name\":\"a\",\"FunctionVersion\":\"1\",\"RoutingConfig\":{\"AdditionalVersionWeights\":{\"7\":"
          "0.2}}}",
          MISSING(ARN "f:7") },
    };
    struct world *w = world_new();

    three_versions(w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        SHOWN(ask_z(w, "POST", F "/f/aliases", rows[i].body), rows[i].want);
    HAS(ask_z(w, "POST", F "/f/aliases",
              "{\"Name\":\"a\",\"FunctionVersion\":\"1\",\"RoutingConfig\":{\"AdditionalVersionWeights\":{"
              "\"2\":2.0}}}"),
        "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: ");
    world_free(w);
}

TEST(aliases, weights_draw)
{
    struct world *w = world_new();

    three_versions(w);
    ask_z(w, "POST", F "/f/aliases",
          "{\"Name\":\"live\",\"FunctionVersion\":\"1\",\"RoutingConfig\":{\"AdditionalVersionWeights\":{"
          "\"2\":0.25}}}");
    struct function *f = function_find(w->l, STR("111111111111"), STR("us-east-1"), STR("f"));
    EXPECT_STR(qualifier_draw(f, STR("live"), 0.24)->number, STR("2"));
    EXPECT_STR(qualifier_draw(f, STR("live"), 0.25)->number, STR("1"));
    EXPECT_STR(qualifier_draw(f, STR("3"), 0)->number, STR("3"));
    EXPECT_STR(qualifier_draw(f, STR_NONE, 0)->number, STR("$LATEST"));
    EXPECT(qualifier_draw(f, STR("x"), 0) == NULL);
    world_free(w);
}

TEST(tags, life)
{
    struct world *w = world_new();
    const char *at = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Af";

    world_function(w, "f");
    struct str before = arena_str(
        w->mem,
        str_of(function_find(w->l, STR("111111111111"), STR("us-east-1"), STR("f"))->latest->revision_id));
    SHOWN(ask_z(w, "GET", at, NULL), "200 {\"Tags\":{}}");
    SHOWN(ask_z(w, "POST", at, "{\"Tags\":{\"b\":\"2\",\"a\":\"1\"}}"), "204 ");
    EXPECT(!str_eq(
        before,
        str_of(function_find(w->l, STR("111111111111"), STR("us-east-1"), STR("f"))->latest->revision_id)));
    SHOWN(ask_z(w, "POST", at, "{\"Tags\":{}}"),
          "400 " USER("An error occurred and the request cannot be processed."));
    world_reload(w);
    SHOWN(ask_z(w, "GET", at, NULL), "200 {\"Tags\":{\"a\":\"1\",\"b\":\"2\"}}");
    HAS(ask_z(w, "GET", F "/f", NULL), ",\"Tags\":{\"a\":\"1\",\"b\":\"2\"}}");
    HAS_NOT(ask_z(w, "GET", F "/f?Qualifier=%24LATEST", NULL), "Tags");
    struct str target = arena_printf(w->mem, "%s?tagKeys=a&tagKeys=zz", at);
    SHOWN(ask_z(w, "DELETE", target.p, NULL), "204 ");
    SHOWN(ask_z(w, "GET", at, NULL), "200 {\"Tags\":{\"b\":\"2\"}}");
    target = arena_printf(w->mem, "%s%%3Alive", at);
    SHOWN(ask_z(w, "POST", target.p, "{\"Tags\":{\"a\":\"b\"}}"),
          "400 " USER("Tags on function aliases and versions are not supported. Please specify"
                      " a function ARN."));
    struct buf b = { 0 };
    buf_z(&b, "{\"Tags\":{");
    for (int i = 0; i < 50; i++)
        buf_printf(&b, "%s\"k%d\":\"v\"", i > 0 ? "," : "", i);
    buf_z(&b, "}}");
    SHOWN(ask(w, "POST", at, NULL, buf_view(&b)), "400 " USER("Number of tags exceeds resource tag limit."));
    buf_done(&b);
    world_free(w);
}

TEST(tags, fifty_from_the_start)
{
    struct world *w = world_new();

    for (int n = 51; n >= 50; n--) {
        CLEANUP(buf_done) struct buf b = { 0 };
        struct str created = STR(CREATE("f", "")); /* of which "}" is the last */

        buf_str(&b, str_sub(created, 0, created.n - 1));
        buf_z(&b, ",\"Tags\":{");
        for (int i = 0; i < n; i++)
            buf_printf(&b, "%s\"k%d\":\"v\"", i > 0 ? "," : "", i);
        buf_z(&b, "}}");
        if (n > 50)
            SHOWN(ask(w, "POST", F, NULL, buf_view(&b)),
                  "400 " USER("Number of tags exceeds resource tag limit."));
        else
            EXPECT(ask(w, "POST", F, NULL, buf_view(&b))->waiting); /* its package is being unpacked */
    }
    world_run_jobs(w);
    HAS(ask_z(w, "GET", F "/f", NULL), "\"k49\":\"v\"");
    world_free(w);
}

TEST(policy, life)
{
    struct world *w = world_new();
    struct answer *a;

    world_function(w, "f");
    SHOWN(ask_z(w, "GET", F "/f/policy", NULL), "404 " USER_M("The resource you requested does not exist."));
    SHOWN(ask_z(w, "DELETE", F "/f/policy/s", NULL),
          "404 " USER_M("No policy is associated with the given resource."));
    SHOWN(ask_z(w, "DELETE", F "/g/policy/s", NULL), "404 " USER_M("No policy found for: " ARN "g"));
    SHOWN(ask_z(w, "POST", F "/f/policy?Qualifier=%24LATEST",
                "{\"StatementId\":\"s\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"*\"}"),
          "400 " USER("We currently do not support adding policies for $LATEST."));
    SHOWN(ask_z(w, "POST", F "/f/policy",
                "{\"StatementId\":\"s\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"nobody\"}"),
          "400 " USER("The provided principal was invalid. Please check the principal and try again."));
    SHOWN(ask_z(w, "POST", F "/f/policy?Qualifier=7",
                "{\"StatementId\":\"s\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"*\"}"),
          MISSING(ARN "f:7"));
    a = ask_z(
        w, "POST", F "/f/policy",
        "{\"StatementId\":\"s\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"s3.amazonaws.com\"}");
    SHOWN(a, "201 "
             "{\"Statement\":\"{\\\"Sid\\\":\\\"s\\\",\\\"Effect\\\":\\\"Allow\\\",\\\"Principal\\\":{"
             "\\\"Service\\\":\\\"s3.amazonaws.com\\\"},"
             "\\\"Action\\\":\\\"lambda:InvokeFunction\\\",\\\"Resource\\\":\\\"" ARN "f\\\"}\"}");
    SHOWN(ask_z(w, "POST", F "/f/policy",
                "{\"StatementId\":\"s\",\"RevisionId\":\"x\",\"Action\":\"lambda:InvokeFunction\","
                "\"Principal\":\"*\"}"),
          "409 " USER("The statement id (s) provided already exists. Please provide a new statement id, or "
                      "remove the existing statement."));
    SHOWN(ask_z(w, "POST", F "/f/policy",
                "{\"StatementId\":\"t\",\"RevisionId\":\"x\",\"Action\":\"lambda:InvokeFunction\","
                "\"Principal\":\"*\"}"),
          "412 " USER("The Revision Id provided does not match the latest Revision Id. Call the GetPolicy "
                      "API to retrieve the latest Revision Id"));
    world_reload(w);
    SHOWN(
        ask_z(w, "GET", F "/f/policy", NULL),
        "200 {\"Policy\":\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Id\\\":\\\"default\\\",\\\"Statement\\\":["
        "{\\\"Sid\\\":\\\"s\\\",\\\"Effect\\\":\\\"Allow\\\",\\\"Principal\\\":{\\\"Service\\\":\\\"s3."
        "amazonaws.com\\\"},"
        "\\\"Action\\\":\\\"lambda:InvokeFunction\\\",\\\"Resource\\\":\\\"" ARN
        "f\\\"}]}\",\"RevisionId\":\"<uuid>\"}");
    SHOWN(ask_z(w, "DELETE", F "/f/policy/t?RevisionId=x", NULL),
          "404 " USER_M("Statement t is not found in resource policy."));
    SHOWN(ask_z(w, "DELETE", F "/f/policy/s?RevisionId=x", NULL),
          "412 " USER("The Revision Id provided does not match the latest Revision Id. Call"
                      " the GetPolicy API to retrieve the latest Revision Id"));
    SHOWN(ask_z(w, "DELETE", F "/f/policy/s", NULL), "204 ");
    SHOWN(ask_z(w, "GET", F "/f/policy", NULL), "404 " USER_M("The resource you requested does not exist."));
    world_free(w);
}

TEST(policy, size)
{
    struct world *w = world_new();
    struct answer *a = NULL;

    world_function(w, "f");
    for (int i = 0; i < 400; i++) {
        struct str body = arena_printf(
            w->mem, "{\"StatementId\":\"s%d\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"*\"}", i);

        a = ask(w, "POST", F "/f/policy", NULL, body);
        if (a->status != 201)
            break;
    }
    EXPECT_INT(a->status, 400);
    HAS(a, "The final policy size (20");
    HAS(a, ") is bigger than the limit (20480).");
    world_free(w);
}

#define C17 "/2017-10-31/functions"
#define C19 "/2019-09-30/functions"
TEST(concurrency, reserve)
{
    struct world *w = world_new();

    world_function(w, "f");
    world_function(w, "g");
    SHOWN(ask_z(w, "GET", C19 "/f/concurrency", NULL), "200 {}");
    SHOWN(ask_z(w, "PUT", C17 "/f/concurrency", "{\"ReservedConcurrentExecutions\":901}"),
          "400 {\"message\":\"Specified ReservedConcurrentExecutions for"
          " function decreases account's UnreservedConcurrentExecution below its minimum value of [100].\"}");
    SHOWN(ask_z(w, "PUT", C17 "/f/concurrency", "{\"ReservedConcurrentExecutions\":900}"),
          "200 {\"ReservedConcurrentExecutions\":900}");
    SHOWN(ask_z(w, "PUT", C17 "/f/concurrency", "{\"ReservedConcurrentExecutions\":899}"),
          "200 {\"ReservedConcurrentExecutions\":899}");
    EXPECT_INT(ask_z(w, "PUT", C17 "/g/concurrency", "{\"ReservedConcurrentExecutions\":2}")->status, 400);
    SHOWN(ask_z(w, "PUT", C17 "/g/concurrency", "{\"ReservedConcurrentExecutions\":1}"),
          "200 {\"ReservedConcurrentExecutions\":1}");
    world_reload(w);
    HAS(ask_z(w, "GET", "/2016-08-19/account-settings", NULL),
        "200 {\"AccountLimit\":{\"TotalCodeSize\":80530636800,\"CodeSizeUnzipped\":262144000,"
        "\"CodeSizeZipped\":52428800,\"ConcurrentExecutions\":1000,\"UnreservedConcurrentExecutions\":100},"
        "\"AccountUsage\":{\"TotalCodeSize\":8,"
        "\"FunctionCount\":2}}");
    HAS(ask_z(w, "GET", F "/f", NULL), "\"Concurrency\":{\"ReservedConcurrentExecutions\":899}");
    SHOWN(ask_z(w, "DELETE", C17 "/f/concurrency", NULL), "204 ");
    SHOWN(ask_z(w, "GET", C19 "/f/concurrency", NULL), "200 {}");
    SHOWN(ask_z(w, "PUT", C17 "/f:1/concurrency", "{\"ReservedConcurrentExecutions\":1}"),
          "400 " USER("This operation is permitted on Lambda functions"
                      " only. Aliases and versions do not support this operation. Please specify either a "
                      "function name or an unqualified function ARN."));
    SHOWN(ask_z(w, "PUT", C17 "/x/concurrency", "{\"ReservedConcurrentExecutions\":1}"),
          MISSING(ARN "x:$LATEST"));
    world_free(w);
}

TEST(concurrency, pools)
{
    struct world *w = world_new();
    struct str a = STR("111111111111"), r = STR("us-east-1");
    struct run_host h = lambda_runner(w->l).host;
    struct callee f = { .account = a, .region = r, .name = STR("f") };
    struct callee g = { .account = a, .region = r, .name = STR("g") };
    struct slot of_f[2], slot;

    w->l->o.account_concurrency = 103;
    world_function(w, "f");
    world_function(w, "g");
    EXPECT_INT(ask_z(w, "PUT", C17 "/f/concurrency", "{\"ReservedConcurrentExecutions\":2}")->status, 200);
    EXPECT_INT(h.acquire(h.arg, &f, &of_f[0]), ADMITTED);
    EXPECT_INT(h.acquire(h.arg, &f, &of_f[1]), ADMITTED);
    EXPECT_INT(h.acquire(h.arg, &f, &slot), NO_SLOT_RESERVED);
    for (int i = 0; i < 101; i++)
        EXPECT_INT(h.acquire(h.arg, &g, &slot), ADMITTED);
    EXPECT_INT(h.acquire(h.arg, &g, &slot), NO_SLOT_ACCOUNT);
    h.release(h.arg, of_f[0]);
    EXPECT_INT(h.acquire(h.arg, &g, &slot), NO_SLOT_ACCOUNT); /* f's slots are f's */
    EXPECT_INT(h.acquire(h.arg, &f, &of_f[0]), ADMITTED);
    EXPECT_INT(ask_z(w, "DELETE", C17 "/f/concurrency", NULL)->status, 204);
    EXPECT_INT(h.acquire(h.arg, &g, &slot),
               NO_SLOT_ACCOUNT); /* f's two run in the shared pool now: 103 of 103 */
    EXPECT_INT(ask_z(w, "DELETE", F "/f", NULL)->status, 204);
    EXPECT_INT(h.acquire(h.arg, &g, &slot), NO_SLOT_ACCOUNT); /* deleted, but its executions still run */
    h.release(h.arg, of_f[0]);
    EXPECT_INT(h.acquire(h.arg, &g, &slot), ADMITTED);
    h.release(h.arg, of_f[1]);
    of_f[1].life--;
    h.release(h.arg, of_f[1]); /* a former life's, ignored */
    EXPECT_INT(h.acquire(h.arg, &g, &slot), ADMITTED);
    EXPECT_INT(h.acquire(h.arg, &g, &slot), NO_SLOT_ACCOUNT);
    world_free(w);
}

/* A handle finds a function without its name, and never one that only has the same name: not the old one,
 * not one that was made in the same memory. */
TEST(handles, deleted_and_made_again)
{
    struct world *w = world_new();
    struct run_host h = lambda_runner(w->l).host;
    struct callee f = { STR("111111111111"), STR("us-east-1"), STR("f"), STR_NONE, NULL, 0 }, g = f, kept;
    struct metric_concurrency c;
    struct slot old, slot;
    struct target t;

    g.name = STR("g");
    EXPECT_INT(h.resolve(h.arg, &f, STR_NONE, &t), -E_NOT_FOUND); /* and the handle says so, for now */
    world_function(w, "f");
    EXPECT_INT(h.resolve(h.arg, &f, STR_NONE, &t), 0);
    EXPECT(f.function != NULL && f.generation == w->l->generation);
    kept = f;
    kept.name = STR("nobody asks for it while the handle is good");
    EXPECT_INT(h.resolve(h.arg, &kept, STR_NONE, &t), 0);
    EXPECT_INT(h.acquire(h.arg, &f, &old), ADMITTED);

    EXPECT_INT(ask_z(w, "DELETE", F "/f", NULL)->status, 204);
    EXPECT_INT(h.resolve(h.arg, &f, STR_NONE, &t), -E_NOT_FOUND);
    EXPECT_INT(h.acquire(h.arg, &f, &slot), NO_SLOT_ACCOUNT);
    EXPECT_INT(slot.life, 0);
    EXPECT(h.has_slot(h.arg, &f)); /* who waits for it finds out that it is gone */
    EXPECT(!h.concurrency(h.arg, old, &c));
    world_function(w, "g"); /* perhaps where f was */
    EXPECT_INT(h.resolve(h.arg, &f, STR_NONE, &t), -E_NOT_FOUND);
    EXPECT_INT(h.resolve(h.arg, &g, STR_NONE, &t), 0);
    EXPECT_STR(t.code->name, STR("g"));

    world_function(w, "f");
    EXPECT_INT(ask_z(w, "POST", F "/f/versions", "{}")->status, 201);
    EXPECT_INT(h.resolve(h.arg, &f, STR("1"), &t), 0); /* the new one, which has a version 1 */
    /* What runs of the old one counts where the name is counted, until it ends. */
    EXPECT(h.concurrency(h.arg, old, &c));
    EXPECT_INT(c.function, 1);
    EXPECT_INT(ask_z(w, "PUT", C17 "/f/concurrency", "{\"ReservedConcurrentExecutions\":1}")->status, 200);
    EXPECT_INT(h.acquire(h.arg, &f, &slot), NO_SLOT_RESERVED);
    h.release(h.arg, old);
    EXPECT_INT(h.acquire(h.arg, &f, &slot), ADMITTED);
    EXPECT_INT(h.resolve(h.arg, &kept, STR_NONE, &t), -E_NOT_FOUND); /* its handle is stale: by name now */
    world_reload(w);
    EXPECT_INT(h.resolve(h.arg, &f, STR_NONE, &t), 0);
    EXPECT(!h.concurrency(h.arg, slot, &c));
    world_free(w);
}

/* A reload or a reset while something runs: its end gives nothing back, least of all a slot taken since. */
TEST(concurrency, slots_of_a_former_life)
{
    struct world *w = world_new();
    struct run_host h = lambda_runner(w->l).host;
    struct callee f = { STR("111111111111"), STR("us-east-1"), STR("f"), STR_NONE, NULL, 0 };
    struct slot old, slot;

    world_function(w, "f");
    EXPECT_INT(ask_z(w, "PUT", C17 "/f/concurrency", "{\"ReservedConcurrentExecutions\":1}")->status, 200);
    EXPECT_INT(h.acquire(h.arg, &f, &old), ADMITTED);
    world_reload(w);
    EXPECT_INT(h.acquire(h.arg, &f, &slot), ADMITTED);
    EXPECT(slot.life != old.life);
    h.release(h.arg, old);
    EXPECT_INT(h.acquire(h.arg, &f, &old), NO_SLOT_RESERVED);
    h.release(h.arg, slot);
    EXPECT_INT(h.acquire(h.arg, &f, &slot), ADMITTED);
    world_free(w);
}

TEST(settings, recursion_signing_runtime)
{
    struct world *w = world_new();
    const char *at = "/2024-08-31/functions/f/recursion-config";

    world_function(w, "f");
    SHOWN(ask_z(w, "GET", at, NULL), "200 {\"RecursiveLoop\":\"Terminate\"}");
    SHOWN(ask_z(w, "PUT", at, "{\"RecursiveLoop\":\"Allow\"}"), "200 {\"RecursiveLoop\":\"Allow\"}");
    world_reload(w);
    SHOWN(ask_z(w, "GET", at, NULL), "200 {\"RecursiveLoop\":\"Allow\"}");
    SHOWN(ask_z(w, "PUT", at, "{\"RecursiveLoop\":\"InvalidValue\"}"),
          "400 {\"message\":\"1 validation error detected: Value 'InvalidValue' at"
          " 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: [Terminate, "
          "Allow]\"}");
    SHOWN(ask_z(w, "GET", "/2020-06-30/functions/f/code-signing-config", NULL),
          "200 {\"FunctionName\":\"f\"}");
    SHOWN(ask_z(w, "GET", "/2021-07-20/functions/f/runtime-management-config", NULL),
          "200 {\"UpdateRuntimeOn\":\"Auto\",\"FunctionArn\":\"" ARN "f:$LATEST\"}");
    SHOWN(ask_z(w, "PUT", "/2021-07-20/functions/f/runtime-management-config",
                "{\"UpdateRuntimeOn\":\"FunctionUpdate\"}"),
          "400 " USER("Waybill does not support the parameter UpdateRuntimeOn with another value than Auto. "
                      "Leave it out or at its default."));
    world_free(w);
}

static void sum_is_off(void)
{
    struct world *w = world_new();

    world_function(w, "f");
    home_find(w->l, STR("111111111111"), STR("us-east-1"))->unreserved_running++;
    registry_check(w->l);
}

static void published_is_pending(void)
{
    struct world *w = world_new();

    world_function(w, "f");
    function_find(w->l, STR("111111111111"), STR("us-east-1"), STR("f"))->latest->state = VERSION_UPDATING;
    registry_check(w->l);
}

TEST(registry, check_finds_what_does_not_agree)
{
    EXPECT_ABORTS(sum_is_off, "unreserved == h->unreserved_running");
    EXPECT_ABORTS(published_is_pending, "VERSION");
}

UNIT_MAIN
