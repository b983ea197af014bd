/* aws_policies.c - the table of aws_policies.h, nothing else.
 *
 * True here: each document compiles (iam_new() checks).  Lists of actions follow AWS's documentation; whether
 * AWS's current version of a policy says more is UNVERIFIED for all of them. */
#include "base/def.h"
#include "service/iam/aws_policies.h"

#define ALLOW(actions)                                                                      \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[" actions \
    "],\"Resource\":\"*\"}]}"
#define LOGS "\"logs:CreateLogGroup\",\"logs:CreateLogStream\",\"logs:PutLogEvents\""
#define VPC "\"ec2:CreateNetworkInterface\",\"ec2:DescribeNetworkInterfaces\",\"ec2:DeleteNetworkInterface\""
#define XRAY                                                                            \
    "\"xray:PutTraceSegments\",\"xray:PutTelemetryRecords\",\"xray:GetSamplingRules\"," \
    "\"xray:GetSamplingTargets\",\"xray:GetSamplingStatisticSummaries\""
#define STREAM                                                                                      \
    "\"dynamodb:DescribeStream\",\"dynamodb:GetRecords\",\"dynamodb:GetShardIterator\",\"dynamodb:" \
    "ListStreams\""

const struct aws_policy aws_policies[] = {
    { "/service-role/", "AWSLambdaBasicExecutionRole", ALLOW(LOGS) },
    { "/service-role/", "AWSLambdaSQSQueueExecutionRole",
      ALLOW("\"sqs:ReceiveMessage\",\"sqs:DeleteMessage\",\"sqs:GetQueueAttributes\"," LOGS) },
    { "/service-role/", "AWSLambdaKinesisExecutionRole",
      ALLOW("\"kinesis:DescribeStream\",\"kinesis:DescribeStreamSummary\",\"kinesis:GetRecords\","
            "\"kinesis:GetShardIterator\",\"kinesis:ListShards\",\"kinesis:ListStreams\",\"kinesis:"
            "SubscribeToShard\"," LOGS) },
    { "/service-role/", "AWSLambdaDynamoDBExecutionRole", ALLOW(STREAM "," LOGS) },
    { "/service-role/", "AWSLambdaMSKExecutionRole",
      ALLOW("\"kafka:DescribeCluster\",\"kafka:DescribeClusterV2\",\"kafka:GetBootstrapBrokers\"," VPC ","
            "\"ec2:DescribeVpcs\",\"ec2:DescribeSubnets\",\"ec2:DescribeSecurityGroups\"," LOGS) },
    { "/service-role/", "AWSLambdaVPCAccessExecutionRole",
      ALLOW(LOGS
            "," VPC
            ",\"ec2:DescribeSubnets\",\"ec2:AssignPrivateIpAddresses\",\"ec2:UnassignPrivateIpAddresses\"") },
    { "/service-role/", "AWSLambdaENIManagementAccess",
      ALLOW(VPC ",\"ec2:AssignPrivateIpAddresses\",\"ec2:UnassignPrivateIpAddresses\"") },
    { "/service-role/", "AWSLambdaRole", ALLOW("\"lambda:InvokeFunction\"") },
    { "/service-role/", "AWSLambdaBasicDurableExecutionRolePolicy",
      ALLOW("\"lambda:CheckpointDurableExecution\",\"lambda:GetDurableExecutionState\"," LOGS) },
    { "/", "AWSLambdaExecute",
      "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"logs:*\"],\"Resource\":"
      "\"arn:aws:logs:*:*:*\"},{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\",\"s3:PutObject\"],"
      "\"Resource\":"
      "\"arn:aws:s3:::*\"}]}" },
    { "/", "AWSLambdaInvocation-DynamoDB", ALLOW("\"lambda:InvokeFunction\"," STREAM) },
    { "/", "AWSLambda_FullAccess",
      ALLOW("\"cloudformation:DescribeStacks\",\"cloudformation:ListStackResources\",\"cloudwatch:"
            "ListMetrics\","
            "\"cloudwatch:GetMetricData\",\"ec2:DescribeSecurityGroups\",\"ec2:DescribeSubnets\",\"ec2:"
            "DescribeVpcs\","
            "\"kms:ListAliases\",\"iam:GetPolicy\",\"iam:GetPolicyVersion\",\"iam:GetRole\",\"iam:"
            "GetRolePolicy\","
            "\"iam:ListAttachedRolePolicies\",\"iam:ListRolePolicies\",\"iam:ListRoles\",\"iam:PassRole\","
            "\"lambda:*\","
            "\"logs:DescribeLogGroups\",\"states:DescribeStateMachine\",\"states:ListStateMachines\",\"tag:"
            "GetResources\","
            "\"xray:GetTraceSummaries\",\"xray:BatchGetTraces\",\"logs:DescribeLogStreams\",\"logs:"
            "GetLogEvents\","
            "\"logs:FilterLogEvents\"") },
    { "/", "AWSLambda_ReadOnlyAccess",
      ALLOW(
          "\"lambda:Get*\",\"lambda:List*\",\"iam:GetPolicy\",\"iam:GetPolicyVersion\",\"iam:GetRole\","
          "\"iam:GetRolePolicy\",\"iam:ListAttachedRolePolicies\",\"iam:ListRolePolicies\",\"iam:ListRoles\","
          "\"logs:DescribeLogGroups\",\"logs:DescribeLogStreams\",\"logs:GetLogEvents\",\"logs:"
          "FilterLogEvents\","
          "\"cloudwatch:GetMetricData\",\"cloudwatch:ListMetrics\",\"tag:GetResources\"") },
    { "/", "AWSXRayDaemonWriteAccess", ALLOW(XRAY) },
    { "/", "AWSXrayWriteOnlyAccess", ALLOW(XRAY) },
    { "/", "AdministratorAccess", ALLOW("\"*\"") },
    { "/", "PowerUserAccess",
      "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"NotAction\":[\"iam:*\","
      "\"organizations:*\","
      "\"account:*\"],\"Resource\":\"*\"},{\"Effect\":\"Allow\",\"Action\":[\"account:"
      "GetAccountInformation\","
      "\"account:ListRegions\",\"iam:CreateServiceLinkedRole\",\"iam:DeleteServiceLinkedRole\",\"iam:"
      "ListRoles\","
      "\"organizations:DescribeOrganization\"],\"Resource\":\"*\"}]}" },
    { "/", "ReadOnlyAccess",
      ALLOW("\"cloudformation:Describe*\",\"cloudformation:Get*\",\"cloudformation:List*\",\"cloudwatch:"
            "Describe*\","
            "\"cloudwatch:Get*\",\"cloudwatch:List*\",\"dynamodb:BatchGet*\",\"dynamodb:Describe*\","
            "\"dynamodb:Get*\","
            "\"dynamodb:List*\",\"dynamodb:Query\",\"dynamodb:Scan\",\"events:Describe*\",\"events:List*\","
            "\"events:TestEventPattern\",\"iam:Get*\",\"iam:List*\",\"iam:Simulate*\",\"kinesis:Describe*\","
            "\"kinesis:Get*\","
            "\"kinesis:List*\",\"lambda:Get*\",\"lambda:List*\",\"logs:Describe*\",\"logs:FilterLogEvents\","
            "\"logs:Get*\","
            "\"logs:List*\",\"s3:Get*\",\"s3:List*\",\"sns:Get*\",\"sns:List*\",\"sqs:Get*\",\"sqs:List*\","
            "\"ssm:Describe*\",\"ssm:Get*\",\"ssm:List*\",\"tag:Get*\"") },
    { "/", "AmazonSQSFullAccess", ALLOW("\"sqs:*\"") },
    { "/", "AmazonSQSReadOnlyAccess",
      ALLOW("\"sqs:GetQueueAttributes\",\"sqs:GetQueueUrl\",\"sqs:ListDeadLetterSourceQueues\",\"sqs:"
            "ListQueues\","
            "\"sqs:ListMessageMoveTasks\",\"sqs:ListQueueTags\"") },
    { "/", "AmazonSNSFullAccess", ALLOW("\"sns:*\"") },
    { "/", "AmazonSNSReadOnlyAccess",
      ALLOW(
          "\"sns:GetTopicAttributes\",\"sns:List*\",\"sns:CheckIfPhoneNumberIsOptedOut\","
          "\"sns:GetEndpointAttributes\",\"sns:GetDataProtectionPolicy\",\"sns:"
          "GetPlatformApplicationAttributes\","
          "\"sns:GetSMSAttributes\",\"sns:GetSMSSandboxAccountStatus\",\"sns:GetSubscriptionAttributes\"") },
    { "/", "AmazonKinesisFullAccess", ALLOW("\"kinesis:*\"") },
    { "/", "AmazonKinesisReadOnlyAccess", ALLOW("\"kinesis:Get*\",\"kinesis:List*\",\"kinesis:Describe*\"") },
    { "/", "AmazonDynamoDBFullAccess",
      ALLOW("\"dynamodb:*\",\"dax:*\",\"application-autoscaling:DeleteScalingPolicy\","
            "\"application-autoscaling:DeregisterScalableTarget\",\"application-autoscaling:"
            "DescribeScalableTargets\","
            "\"application-autoscaling:DescribeScalingActivities\",\"application-autoscaling:"
            "DescribeScalingPolicies\","
            "\"application-autoscaling:PutScalingPolicy\",\"application-autoscaling:RegisterScalableTarget\","
            "\"cloudwatch:DeleteAlarms\",\"cloudwatch:DescribeAlarmHistory\",\"cloudwatch:DescribeAlarms\","
            "\"cloudwatch:DescribeAlarmsForMetric\",\"cloudwatch:GetMetricStatistics\",\"cloudwatch:"
            "ListMetrics\","
            "\"cloudwatch:PutMetricAlarm\",\"cloudwatch:GetMetricData\",\"iam:GetRole\",\"iam:ListRoles\","
            "\"kms:DescribeKey\","
            "\"kms:ListAliases\",\"lambda:CreateFunction\",\"lambda:ListFunctions\",\"lambda:"
            "ListEventSourceMappings\","
            "\"lambda:CreateEventSourceMapping\",\"lambda:DeleteEventSourceMapping\",\"lambda:"
            "GetFunctionConfiguration\","
            "\"lambda:DeleteFunction\",\"sns:ListTopics\",\"tag:GetResources\"") },
    { "/", "AmazonDynamoDBReadOnlyAccess",
      ALLOW("\"dynamodb:BatchGetItem\",\"dynamodb:Describe*\",\"dynamodb:List*\",\"dynamodb:GetItem\","
            "\"dynamodb:GetResourcePolicy\",\"dynamodb:Query\",\"dynamodb:Scan\",\"dynamodb:PartiQLSelect\","
            "\"cloudwatch:DescribeAlarms\",\"cloudwatch:ListMetrics\",\"cloudwatch:GetMetricStatistics\","
            "\"cloudwatch:GetMetricData\",\"iam:GetRole\",\"iam:ListRoles\",\"tag:GetResources\"") },
    { "/", "AmazonS3FullAccess", ALLOW("\"s3:*\",\"s3-object-lambda:*\"") },
    { "/", "AmazonS3ReadOnlyAccess",
      ALLOW(
          "\"s3:Get*\",\"s3:List*\",\"s3:Describe*\",\"s3-object-lambda:Get*\",\"s3-object-lambda:List*\"") },
    { "/", "AmazonEventBridgeFullAccess",
      ALLOW("\"events:*\",\"schemas:*\",\"scheduler:*\",\"pipes:*\",\"iam:PassRole\"") },
    { "/", "AmazonEventBridgeReadOnlyAccess",
      ALLOW("\"events:Describe*\",\"events:List*\",\"events:TestEventPattern\",\"schemas:Describe*\","
            "\"schemas:Get*\","
            "\"schemas:List*\",\"schemas:SearchSchemas\",\"scheduler:GetSchedule\",\"scheduler:"
            "GetScheduleGroup\","
            "\"scheduler:List*\",\"pipes:DescribePipe\",\"pipes:List*\"") },
    { "/", "CloudWatchLogsFullAccess",
      ALLOW("\"logs:*\",\"cloudwatch:GenerateQuery\",\"cloudwatch:GenerateQueryResultsSummary\"") },
    { "/", "CloudWatchLogsReadOnlyAccess",
      ALLOW("\"logs:Describe*\",\"logs:Get*\",\"logs:List*\",\"logs:StartQuery\",\"logs:StopQuery\","
            "\"logs:TestMetricFilter\",\"logs:FilterLogEvents\",\"logs:StartLiveTail\",\"logs:StopLiveTail\","
            "\"cloudwatch:GenerateQuery\"") },
    { "/", "AmazonSSMReadOnlyAccess", ALLOW("\"ssm:Describe*\",\"ssm:Get*\",\"ssm:List*\"") },
};
const size_t n_aws_policies = ARRAY_LEN(aws_policies);
