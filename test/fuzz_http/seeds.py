"""One right input for operations whose rows alone do not tell what is right.

A seed is a dict, or a function of the world that gives one.  ORDER: what deletes comes last, and what makes its
object first.
"""
import hashlib
import json

import inputs

ROLE, POLICY = 'arn:aws:iam::000000000000:role/fzr', 'arn:aws:iam::000000000000:policy/fzp'
QUEUE, TOPIC, GROUP = 'arn:aws:sqs:us-east-1:000000000000:fzq', 'arn:aws:sns:us-east-1:000000000000:fzt', 'fzg'
EVERYTHING, TRUST = json.dumps(inputs.ALLOW_ALL), json.dumps(inputs.TRUST)
PUBLIC = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': '*', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::fz-bucket/*'}]})
ETAG = hashlib.md5(b'part').hexdigest()
QUERY = {'Id': 'm1', 'MetricStat': {'Metric': {'Namespace': 'N', 'MetricName': 'm'}, 'Period': 60, 'Stat': 'Sum'}}


def queue(**value):
    return lambda world: {'QueueUrl': world.urls[0], **value}


def handle(**value):
    return lambda world: {'QueueUrl': world.urls[0], 'ReceiptHandle': (world.handles or ['x'])[-1], **value}


def upload(**value):
    return lambda world: {'Bucket': 'fz-bucket', 'Key': 'big', 'UploadId': (world.found['s3'] or ['u'])[-1], **value}


def bucket(**value):
    return {'Bucket': 'fz-bucket', **value}


SEEDS = {
    'cloudwatch GetMetricData': {'MetricDataQueries': [QUERY], 'StartTime': 1767225600, 'EndTime': 1767229200},
    'cloudwatch PutMetricData': {'Namespace': 'N', 'MetricData': [{'MetricName': 'm', 'Value': 1.5, 'Unit': 'Count', 'Dimensions': [{'Name': 'd', 'Value': 'v'}]}]},
    'events DisableRule': {'Name': 'fze', 'EventBusName': 'fzb'}, 'events EnableRule': {'Name': 'fze', 'EventBusName': 'fzb'},
    'events PutPermission': {'EventBusName': 'fzb', 'Action': 'events:PutEvents', 'Principal': '111122223333', 'StatementId': 's'},
    'events RemovePermission': {'EventBusName': 'fzb', 'StatementId': 's'},
    'iam CreateRole': {'RoleName': 'tmp', 'AssumeRolePolicyDocument': TRUST}, 'iam DeleteRole': {'RoleName': 'tmp'},
    'iam CreatePolicy': {'PolicyName': 'tmp', 'PolicyDocument': EVERYTHING}, 'iam DeletePolicy': {'PolicyArn': POLICY.replace('fzp', 'tmp')},
    'iam CreatePolicyVersion': {'PolicyArn': POLICY, 'PolicyDocument': EVERYTHING, 'SetAsDefault': False},
    'iam DeletePolicyVersion': {'PolicyArn': POLICY, 'VersionId': 'v2'},
    'iam PutRolePolicy': {'RoleName': 'fzr', 'PolicyName': 'tmp', 'PolicyDocument': EVERYTHING}, 'iam DeleteRolePolicy': {'RoleName': 'fzr', 'PolicyName': 'tmp'},
    'iam PutRolePermissionsBoundary': {'RoleName': 'fzr', 'PermissionsBoundary': POLICY}, 'iam DeleteRolePermissionsBoundary': {'RoleName': 'fzr'},
    'iam SimulateCustomPolicy': {'PolicyInputList': [EVERYTHING], 'ActionNames': ['sqs:SendMessage'], 'ResourceArns': [QUEUE]},
    'iam CreateServiceLinkedRole': {'AWSServiceName': 'lambda.amazonaws.com'}, 'iam DeleteServiceLinkedRole': {'RoleName': 'AWSServiceRoleForLambda'},
    'iam GetServiceLinkedRoleDeletionStatus': {'DeletionTaskId': 'task/aws-service-role/lambda.amazonaws.com/AWSServiceRoleForLambda/x'},
    'lambda Invoke': {'FunctionName': 'fz', 'InvocationType': 'Event', 'Payload': 'e30='},
    'logs CreateLogStream': {'logGroupName': GROUP, 'logStreamName': 'tmp'}, 'logs DeleteLogStream': {'logGroupName': GROUP, 'logStreamName': 'tmp'},
    'logs PutResourcePolicy': {'policyName': 'p', 'policyDocument': EVERYTHING.replace('"Action"', '"Principal": "*", "Action"')}, 'logs DeleteResourcePolicy': {'policyName': 'p'},
    'logs PutRetentionPolicy': {'logGroupName': GROUP, 'retentionInDays': 7}, 'logs DeleteRetentionPolicy': {'logGroupName': GROUP},
    's3 CreateBucket': {'Bucket': 'fz-tmp'}, 's3 DeleteBucket': {'Bucket': 'fz-tmp'},
    's3 CreateMultipartUpload': bucket(Key='big'), 's3 UploadPart': upload(PartNumber=1, Body='part'), 's3 ListParts': upload(),
    's3 UploadPartCopy': upload(PartNumber=2, CopySource='fz-bucket/k'), 's3 AbortMultipartUpload': upload(),
    's3 CompleteMultipartUpload': upload(MultipartUpload={'Parts': [{'PartNumber': 1, 'ETag': ETAG}]}),
    's3 PutObject': bucket(Key='k2', Body='x', Metadata={'a': 'b'}), 's3 DeleteObject': bucket(Key='k2'), 's3 DeleteObjects': bucket(Delete={'Objects': [{'Key': 'no'}]}),
    's3 PutBucketPolicy': bucket(Policy=PUBLIC), 's3 GetBucketPolicy': bucket(), 's3 GetBucketPolicyStatus': bucket(), 's3 DeleteBucketPolicy': bucket(),
    's3 PutBucketTagging': bucket(Tagging={'TagSet': [{'Key': 'a', 'Value': 'b'}]}), 's3 GetBucketTagging': bucket(), 's3 DeleteBucketTagging': bucket(),
    's3 PutObjectTagging': bucket(Key='k', Tagging={'TagSet': [{'Key': 'a', 'Value': 'b'}]}), 's3 DeleteObjectTagging': bucket(Key='k'),
    's3 GetObjectAcl': bucket(Key='k'), 's3 GetObjectAttributes': bucket(Key='k', ObjectAttributes=['ETag', 'ObjectSize']),
    'sns AddPermission': {'TopicArn': TOPIC, 'Label': 'l', 'AWSAccountId': ['111122223333'], 'ActionName': ['Publish']}, 'sns RemovePermission': {'TopicArn': TOPIC, 'Label': 'l'},
    'sns CreateTopic': {'Name': 'tmp'}, 'sns DeleteTopic': {'TopicArn': TOPIC.replace('fzt', 'tmp')},
    'sns Publish': {'TopicArn': TOPIC, 'Message': 'x', 'MessageAttributes': {'a': {'DataType': 'Number', 'StringValue': '1'}}},
    'sqs SendMessage': queue(MessageBody='x', MessageAttributes={'a': {'DataType': 'Binary', 'BinaryValue': 'AAAA'}}), 'sqs ReceiveMessage': queue(MaxNumberOfMessages=1, VisibilityTimeout=600),
    'sqs SendMessageBatch': queue(Entries=[{'Id': '1', 'MessageBody': 'x'}, {'Id': '2', 'MessageBody': 'y'}]),
    'sqs ChangeMessageVisibility': handle(VisibilityTimeout=600), 'sqs DeleteMessage': handle(),
    'sqs ChangeMessageVisibilityBatch': lambda w: {'QueueUrl': w.urls[0], 'Entries': [{'Id': '1', 'ReceiptHandle': (w.handles or ['x'])[-1], 'VisibilityTimeout': 60}]},
    'sqs DeleteMessageBatch': lambda w: {'QueueUrl': w.urls[0], 'Entries': [{'Id': '1', 'ReceiptHandle': (w.handles or ['x'])[-1]}]},
    'sqs AddPermission': queue(Label='l', AWSAccountIds=['111122223333'], Actions=['SendMessage']), 'sqs RemovePermission': queue(Label='l'),
    'sqs CreateQueue': {'QueueName': 'tmp'}, 'sqs DeleteQueue': lambda w: {'QueueUrl': w.urls[0].replace('fzq', 'tmp')},
    'sqs ListMessageMoveTasks': {'SourceArn': QUEUE}, 'sqs StartMessageMoveTask': {'SourceArn': QUEUE + '2', 'DestinationArn': QUEUE},
    'sqs SetQueueAttributes': queue(Attributes={'VisibilityTimeout': '31', 'RedrivePolicy': json.dumps({'deadLetterTargetArn': QUEUE + '2', 'maxReceiveCount': 5})}),
    'sts AssumeRole': {'RoleArn': ROLE, 'RoleSessionName': 'session'},
}


def of(world, service, name):
    """The seed of an operation, or None."""
    seed = SEEDS.get(f'{service} {name}')
    return seed(world) if callable(seed) else seed


def order(operation):
    service, name = operation
    last = name.startswith(('Delete', 'Remove', 'Abort', 'Untag', 'Purge'))
    first = name.startswith(('Create', 'Put', 'Add', 'Set', 'Send', 'Tag'))
    between = name.startswith(('Receive', 'Upload'))
    return (3 if last else 0 if first else 1 if between else 2), service, name
