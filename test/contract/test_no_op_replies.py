#!/usr/bin/python3
"""Replies hold every member their shape has, once there is something to say: what stays away stands in ABSENT with
the reason.  The members come from the rows, so a new one is either answered or explained here."""
import json
import unittest
import xml.etree.ElementTree as ElementTree

import support
import test_no_op_members
from noop import QUERY, NoOpCase
from test_no_op_iam import ALLOW, ONE, TRUST
from test_no_op_lambda import QUIET
from test_no_op_s3 import NOT_CONFIGURED
from test_sns_http import Endpoint

REFUSED = 'refused in requests, so there is nothing to show'
OTHER = 'not told of an ordinary function made from a zip file'
WHEN = 'only of what has gone wrong, which this request does not show'
WAITING = 'only while the function is made or changed'

CONFIGURATION = {
    'VpcConfig': REFUSED, 'KMSKeyArn': REFUSED, 'Layers': REFUSED, 'FileSystemConfigs': REFUSED,
    'ImageConfigResponse': REFUSED, 'TenancyConfig': REFUSED, 'CapacityProviderConfig': REFUSED, 'DurableConfig': REFUSED,
    'SigningProfileVersionArn': REFUSED, 'SigningJobArn': REFUSED, 'MasterArn': OTHER, 'ConfigSha256': OTHER,
    'Environment.Error': WHEN, 'RuntimeVersionConfig.Error': WHEN,
}
READY = {**CONFIGURATION, 'StateReason': WAITING, 'StateReasonCode': WAITING, 'LastUpdateStatusReason': WAITING,
         'LastUpdateStatusReasonCode': WAITING}
PENDING = {**CONFIGURATION, **{name: 'not before the function is ready' for name in (
    'LastUpdateStatus', 'LastUpdateStatusReason', 'LastUpdateStatusReasonCode')}}
LISTED = {**CONFIGURATION, **{name: 'lists do not tell states (AWS Lambda API reference, ListFunctions)' for name in (
    'State', 'StateReason', 'StateReasonCode', 'LastUpdateStatus', 'LastUpdateStatusReason', 'LastUpdateStatusReasonCode')}}
CHANGING = {**CONFIGURATION, 'StateReason': 'the old one serves', 'StateReasonCode': 'the old one serves'}
LAST = {'NextMarker': 'the last page has none'}
UNUSED = {'RoleLastUsed': 'the use of roles is not recorded; GetRole shows it empty, as of an unused role'}
POSITIONS = {'StartPosition': 'positions in documents are not told', 'EndPosition': 'positions in documents are not told'}
SIMULATED = {
    'Marker': 'the last page has none', 'EvaluationResults.OrganizationsDecisionDetail': 'there are no organizations here',
    'EvaluationResults.ResourceSpecificResults': 'each resource has an EvaluationResult of its own',
    'EvaluationResults.EvalDecisionDetails': 'only across accounts',
    **{f'EvaluationResults.MatchedStatements.{k}': v for k, v in POSITIONS.items()},
}


def under(prefix, table):
    return {f'{prefix}.{name}': reason for name, reason in table.items()}


MARKER = {'DeleteMarker': 'to read a delete marker is an error, whose header tells it'}
NO_NAME = 'S3 no longer tells names of owners (Amazon S3 API reference, Owner)'
S3_NEVER = {
    **{name: REFUSED for name in ('SSECustomerAlgorithm', 'SSECustomerKeyMD5', 'SSEKMSEncryptionContext', 'ObjectLockMode', 'ObjectLockRetainUntilDate',
                                  'ObjectLockLegalHoldStatus', 'MFADelete', 'Restore', 'ArchiveStatus')},
    **{f'{prefix}Checksum{kind}': 'the other kind was asked for' for kind in (
        'CRC32', 'CRC32C', 'CRC64NVME', 'SHA256', 'SHA512', 'MD5', 'XXHASH64', 'XXHASH3', 'XXHASH128') for prefix in (
            '', 'CopyObjectResult.', 'CopyPartResult.', 'Checksum.', 'ObjectParts.Parts.', 'Parts.')},
    **{f'{prefix}DisplayName': NO_NAME for prefix in ('Owner.', 'Grants.Grantee.', 'Contents.Owner.', 'Versions.Owner.', 'DeleteMarkers.Owner.',
                                                      'Uploads.Owner.', 'Uploads.Initiator.', 'Initiator.')},
    'Grants.Grantee.EmailAddress': 'the owner alone is a grantee', 'Grants.Grantee.URI': 'the owner alone is a grantee',
    'RequestCharged': 'every bucket is paid for by its owner', 'Expiration': 'there are no lifecycle rules here',
    'AbortDate': 'there are no lifecycle rules here', 'AbortRuleId': 'there are no lifecycle rules here',
    'Contents.RestoreStatus': 'no class that needs a restore is served', 'Versions.RestoreStatus': 'no class that needs a restore is served',
    'ReplicationStatus': 'there is no replication here', 'MissingMeta': 'only of metadata that no header can carry',
    'Size': 'of appended objects in directory buckets', 'BucketLocationType': 'of directory buckets', 'BucketLocationName': 'of directory buckets',
    'ServerSideEncryptionConfiguration.Rules.ApplyServerSideEncryptionByDefault.KMSMasterKeyID': REFUSED,
    'ServerSideEncryptionConfiguration.Rules.BlockedEncryptionTypes': REFUSED,
}


class Replies(NoOpCase):
    reset_between_tests = False

    def paths(self, service, shape, prefix='', inside=()):
        """Every member an output can have."""
        shapes = self.models[service].shapes
        for member in shapes[shape].members:
            if member.place in ('HEADER', 'HEADERS', 'STATUS', 'PAYLOAD') and service != 's3':
                continue
            name, below = prefix + member.name, shapes[member.shape]
            yield name
            while below.kind in ('LIST', 'MAP'):
                below = shapes[below.element]
            if below.kind == 'STRUCT' and below.name not in inside:
                yield from self.paths(service, below.name, name + '.', inside + (below.name,))

    def seen(self, service, shape, reply, prefix=''):
        """The members a reply has."""
        shapes = self.models[service].shapes
        for member in shapes[shape].members:
            value = reply.get(member.name)
            if value is None:
                continue
            yield prefix + member.name
            below, values = shapes[member.shape], [value]
            while below.kind in ('LIST', 'MAP'):
                values = [v for one in values for v in (one.values() if below.kind == 'MAP' else one)]
                below = shapes[below.element]
            if below.kind == 'STRUCT':
                for one in values:
                    yield from self.seen(service, below.name, one, prefix + member.name + '.')

    def from_xml(self, service, shape, element):
        shapes, told = self.models[service].shapes, {}
        for member in shapes[shape].members:
            found = next((e for e in element if e.tag.split('}')[1] == member.query_wire), None)
            if found is None:
                continue
            below = shapes[member.shape]
            if below.kind == 'STRUCT':
                told[member.name] = self.from_xml(service, below.name, found)
            elif below.kind == 'LIST':
                inner = shapes[below.element]
                told[member.name] = [self.from_xml(service, inner.name, e) if inner.kind == 'STRUCT' else e.text for e in found]
            elif below.kind == 'MAP':
                told[member.name] = {e[0].text: e[1].text for e in found}
            else:
                told[member.name] = found.text or ''
        return told

    asked = set()

    def whole(self, service, name, absent=None, **params):
        """Calls, and compares the reply with its shape -> the reply."""
        self.asked.add((service, name))
        absent = absent or {}
        output = self.models[service].operations[name].output
        reply = self.call(service, name, **params)
        if service in QUERY:
            root = ElementTree.fromstring(reply)
            result = next((e for e in root if e.tag.endswith('Result')), root)
            reply = self.from_xml(service, output, result)
        want, have = set(self.paths(service, output)), set(self.seen(service, output, reply))
        free = {p for p in want if any(p == a or p.startswith(a + '.') for a in absent)}
        with self.subTest(f'{service} {name}'):
            self.assertEqual(sorted(want - free - have), [], 'missing')
            self.assertEqual(sorted(have & free), [], 'explained as absent, and there')
            self.assertEqual([a for a in absent if a not in want], [], 'explained, but not in the shape')
        return reply

    def test_whole(self):
        """Each service's of_SERVICE() asks all of its operations."""
        for service in test_no_op_members.services():
            with self.subTest(service):
                of = getattr(self, 'of_' + service, None)
                if of is not None:
                    of()
                must, _ = test_no_op_members.wanted(service)
                model = self.models[service]
                have_output = {name for name, op in model.operations.items() if op.output and list(self.paths(service, op.output))
                               and any(w.startswith(f'{service} {name} ') for w in must)}
                self.assertEqual(sorted(have_output - {n for s, n in self.asked if s == service}), [], 'operations whose reply is not looked at')

    def of_lambda(self):
        w = lambda name, absent=None, **params: self.whole('lambda', name, absent, **params)   # noqa: E731
        code = self.zipped(QUIET)
        url, queue = self.queue('q')
        arn = w('CreateFunction', PENDING, FunctionName='f', Runtime='python3.11', Handler='index.handler', Role=self.role(), Code={'ZipFile': code},
                Tags={'a': 'b'}, Environment={'Variables': {'AB': 'c'}}, LoggingConfig={'LogFormat': 'JSON'},
                DeadLetterConfig={'TargetArn': queue})['FunctionArn']
        self.wait_active('f')
        routes = {'OnSuccess': {'Destination': queue}, 'OnFailure': {'Destination': queue}}
        config = {'FunctionName': 'f', 'MaximumRetryAttempts': 1, 'MaximumEventAgeInSeconds': 60, 'DestinationConfig': routes}
        w('PublishVersion', READY, FunctionName='f')
        w('UpdateFunctionConfiguration', CHANGING, FunctionName='f', Description='d')
        self.wait_active('f')
        w('UpdateFunctionCode', CHANGING, FunctionName='f', ZipFile=code)
        self.wait_active('f')
        w('PublishVersion', READY, FunctionName='f')
        w('PutFunctionConcurrency', FunctionName='f', ReservedConcurrentExecutions=5)
        w('GetFunctionConcurrency', FunctionName='f')
        w('GetFunctionConfiguration', READY, FunctionName='f')
        w('GetFunction', {**under('Configuration', READY), 'Code.ImageUri': OTHER, 'Code.ResolvedImageUri': OTHER, 'Code.ResolvedS3Object': REFUSED,
                          'Code.SourceKMSKeyArn': REFUSED, 'Code.Error': WHEN, 'TagsError': WHEN}, FunctionName='f')
        w('ListFunctions', {**under('Functions', LISTED), **LAST})
        w('ListVersionsByFunction', {**under('Versions', LISTED), **LAST}, FunctionName='f')
        alias = {'FunctionName': 'f', 'Name': 'a', 'FunctionVersion': '1'}
        w('CreateAlias', RoutingConfig={'AdditionalVersionWeights': {'2': 0.5}}, Description='d', **alias)
        w('GetAlias', FunctionName='f', Name='a')
        w('UpdateAlias', **alias)
        w('ListAliases', LAST, FunctionName='f')
        w('ListTags', Resource=arn)
        w('AddPermission', FunctionName='f', StatementId='s', Action='lambda:InvokeFunction', Principal='*')
        w('GetPolicy', FunctionName='f')
        for name in ('PutFunctionEventInvokeConfig', 'UpdateFunctionEventInvokeConfig'):
            w(name, **config)
        w('GetFunctionEventInvokeConfig', FunctionName='f')
        w('ListFunctionEventInvokeConfigs', LAST, FunctionName='f')
        for name, more in (('GetFunctionRecursionConfig', {}), ('PutFunctionRecursionConfig', {'RecursiveLoop': 'Allow'})):
            w(name, FunctionName='f', **more)
        auto = {'RuntimeVersionArn': 'of UpdateRuntimeOn Manual alone'}
        w('GetRuntimeManagementConfig', auto, FunctionName='f')
        w('PutRuntimeManagementConfig', auto, FunctionName='f', UpdateRuntimeOn='Auto')
        w('GetFunctionCodeSigningConfig', {'CodeSigningConfigArn': REFUSED}, FunctionName='f')
        w('GetAccountSettings')
        status, headers, _, _ = self.send('lambda', 'Invoke', FunctionName='f', Payload='{}', LogType='Tail')
        self.assertEqual((status, headers['X-Amz-Executed-Version']), (200, '$LATEST'))
        for name in ('X-Amz-Log-Result', 'X-Amzn-Trace-Id', 'x-amzn-RequestId'):
            self.assertIn(name, headers)
        self.assertEqual(self.send('lambda', 'InvokeAsync', FunctionName='f', InvokeArgs='{}')[0], 202)

    def of_sqs(self):
        w = lambda name, absent=None, **params: self.whole('sqs', name, absent, **params)      # noqa: E731
        url = w('CreateQueue', QueueName='whole', tags={'a': 'b'})['QueueUrl']
        w('GetQueueUrl', QueueName='whole')
        w('GetQueueAttributes', QueueUrl=url, AttributeNames=['All'])
        w('ListQueueTags', QueueUrl=url)
        other = self.queue('other')[1]
        w('ListQueues', MaxResults=1)
        source = json.dumps({'deadLetterTargetArn': self.queue('whole')[1], 'maxReceiveCount': 3})
        for name in ('source1', 'source2'):
            self.call('sqs', 'CreateQueue', QueueName=name, Attributes={'RedrivePolicy': source})
        w('ListDeadLetterSourceQueues', QueueUrl=url, MaxResults=1)
        message = {'MessageBody': 'm', 'MessageAttributes': {'a': {'DataType': 'String', 'StringValue': 'v'}, 'b': {'DataType': 'Binary', 'BinaryValue': 'AAAA'}},
                   'MessageSystemAttributes': {'AWSTraceHeader': {'DataType': 'String', 'StringValue': 'Root=1'}}}
        bad = {'Id': 'two', 'ReceiptHandle': 'x', 'VisibilityTimeout': 0}
        ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
        fifo = self.call('sqs', 'CreateQueue', QueueName='whole.fifo', Attributes={'FifoQueue': 'true'})['QueueUrl']
        w('SendMessage', QueueUrl=fifo, **message, **ids)
        w('SendMessageBatch', QueueUrl=fifo, Entries=[{'Id': 'one', **message, **ids}, {'Id': 'two', **ids, 'MessageBody': ''}])
        self.call('sqs', 'SendMessage', QueueUrl=url, **message)
        lists = {f'Messages.MessageAttributes.{name}': 'lists are not implemented at AWS' for name in ('StringListValues', 'BinaryListValues')}
        got = w('ReceiveMessage', lists, QueueUrl=url, MessageSystemAttributeNames=['All'], MessageAttributeNames=['All'])
        handle = {'Id': 'one', 'ReceiptHandle': got['Messages'][0]['ReceiptHandle']}
        w('ChangeMessageVisibilityBatch', QueueUrl=url, Entries=[{**handle, 'VisibilityTimeout': 5}, bad])
        w('DeleteMessageBatch', QueueUrl=url, Entries=[handle, {k: bad[k] for k in ('Id', 'ReceiptHandle')}])
        dead = self.queue('whole')[1]
        for body in 'abc':
            self.call('sqs', 'SendMessage', QueueUrl=url, MessageBody=body)
        w('StartMessageMoveTask', SourceArn=dead)            # fails: what was sent there directly came from nowhere
        support.wait_until(lambda: self.call('sqs', 'ListMessageMoveTasks', SourceArn=dead)['Results'][0]['Status'] == 'FAILED', what='the task over')
        task = w('StartMessageMoveTask', SourceArn=dead, DestinationArn=other, MaxNumberOfMessagesPerSecond=1)['TaskHandle']
        w('ListMessageMoveTasks', SourceArn=dead, MaxResults=10)
        w('CancelMessageMoveTask', TaskHandle=task)

    def of_iam(self):
        w = lambda name, absent=None, **params: self.whole('iam', name, absent, **params)      # noqa: E731
        tags, last = [{'Key': 'k', 'Value': 'v'}], {'Marker': 'the last page has none'}
        created = {'Policy.Description': 'not told by CreatePolicy (IAM API reference, Policy)'}
        policy = w('CreatePolicy', created, PolicyName='p', PolicyDocument=ONE, Description='d', Tags=tags)['Policy']['Arn']
        version = {'PolicyVersion.Document': 'GetPolicyVersion alone tells it (IAM API reference, PolicyVersion)'}
        w('CreatePolicyVersion', version, PolicyArn=policy, PolicyDocument=ALLOW)
        w('GetPolicyVersion', PolicyArn=policy, VersionId='v1')
        w('GetPolicy', PolicyArn=policy)
        listed = {f'Policies.{name}': 'lists do not tell it (IAM API reference, ListPolicies)' for name in ('Description', 'Tags')}
        w('ListPolicies', {**listed, **last}, Scope='Local')
        w('ListPolicyVersions', {**last, 'Versions.Document': version['PolicyVersion.Document']}, PolicyArn=policy)
        w('ListPolicyTags', last, PolicyArn=policy)
        new = under('Role', {**UNUSED, 'MaxSessionDuration': 'not told by CreateRole'})
        w('CreateRole', new, RoleName='whole', AssumeRolePolicyDocument=json.dumps(TRUST), Description='d', PermissionsBoundary=policy, Tags=tags)
        self.call('iam', 'PutRolePolicy', RoleName='whole', PolicyName='in', PolicyDocument=ONE)
        self.call('iam', 'AttachRolePolicy', RoleName='whole', PolicyArn=policy)
        used = {f'Role.RoleLastUsed.{name}': UNUSED['RoleLastUsed'] for name in ('LastUsedDate', 'Region')}
        w('GetRole', used, RoleName='whole')
        some = {name: 'lists do not tell it (IAM API reference, ListRoles)' for name in ('PermissionsBoundary', 'Tags')}
        w('ListRoles', {**under('Roles', {**some, **UNUSED}), **last})
        w('UpdateRoleDescription', under('Role', {**some, **UNUSED}), RoleName='whole', Description='e')
        w('GetRolePolicy', RoleName='whole', PolicyName='in')
        for name in ('ListRolePolicies', 'ListAttachedRolePolicies', 'ListRoleTags'):
            w(name, last, RoleName='whole')
        w('ListEntitiesForPolicy', {**last, **{f'PolicyGroups.{n}': 'there are none' for n in ('GroupName', 'GroupId')},
                                    **{f'PolicyUsers.{n}': 'there are none' for n in ('UserName', 'UserId')}}, PolicyArn=policy)
        profiles = [p for p in self.paths('iam', 'ListInstanceProfilesForRoleResponse') if p.startswith('InstanceProfiles.')]
        w('ListInstanceProfilesForRole', {**last, **{p: 'there are none' for p in profiles}}, RoleName='whole')
        w('ListAccountAliases', last)
        linked = under('Role', {**UNUSED, 'MaxSessionDuration': 'not told by CreateRole', 'PermissionsBoundary': 'has none', 'Tags': 'has none'})
        name = w('CreateServiceLinkedRole', linked, AWSServiceName='autoscaling.amazonaws.com', Description='d')['Role']['RoleName']
        task = w('DeleteServiceLinkedRole', RoleName=name)['DeletionTaskId']
        w('GetServiceLinkedRoleDeletionStatus', {'Reason': 'only of a task that failed'}, DeletionTaskId=task)
        w('GetUser', {f'User.{n}': 'the root user of an account has none' for n in ('PasswordLastUsed', 'PermissionsBoundary', 'Tags')})
        condition = ALLOW.replace('}]', ', "Condition": {"StringEquals": {"my:key": "x"}}}]')
        ask = {'ActionNames': ['sqs:ListQueues'], 'PolicyInputList': [ONE, condition], 'PermissionsBoundaryPolicyInputList': [ALLOW]}
        w('SimulateCustomPolicy', SIMULATED, **ask)
        w('SimulatePrincipalPolicy', SIMULATED, PolicySourceArn=f'arn:aws:iam::{support.ACCOUNT}:role/whole', **ask)

    def of_sts(self):
        w = lambda name, absent=None, **params: self.whole('sts', name, absent, **params)      # noqa: E731
        w('AssumeRole', RoleArn=self.role('assumed', trust=TRUST), RoleSessionName='session', Policy=ONE, SourceIdentity='somebody')
        w('GetSessionToken')
        w('GetCallerIdentity')
        w('GetAccessKeyInfo', AccessKeyId='A' * 16)

    def of_sns(self):
        w = lambda name, absent=None, **params: self.whole('sns', name, absent, **params)      # noqa: E731
        topic = w('CreateTopic', Name='whole.fifo', Attributes={'FifoTopic': 'true'}, Tags=[{'Key': 'k', 'Value': 'v'}])['TopicArn']
        standard = self.call_topics(100)
        w('ListTopics')
        w('ListTagsForResource', ResourceArn=topic)
        self.assertEqual(set(w('GetTopicAttributes', TopicArn=topic)['Attributes']), {
            'Owner', 'TopicArn', 'DisplayName', 'Policy', 'EffectiveDeliveryPolicy', 'SubscriptionsConfirmed', 'SubscriptionsPending',
            'SubscriptionsDeleted', 'FifoTopic', 'ContentBasedDeduplication', 'SignatureVersion', 'FifoThroughputScope'})
        ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd'}
        w('Publish', TopicArn=topic, Message='m', **ids)
        w('PublishBatch', TopicArn=topic, PublishBatchRequestEntries=[{'Id': 'a', 'Message': 'm', **ids}, {'Id': 'b', 'Message': '', **ids}])
        hook = Endpoint()
        self.addCleanup(hook.close)
        sub = w('Subscribe', TopicArn=standard, Protocol='http', Endpoint=hook.url, ReturnSubscriptionArn=True)['SubscriptionArn']
        self.settle()
        w('ConfirmSubscription', TopicArn=standard, Token=hook.bodies()[0]['Token'])
        for i in range(100):
            self.call('sns', 'Subscribe', TopicArn=standard, Protocol='sqs', Endpoint=f'arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:q{i}')
        w('ListSubscriptions')
        w('ListSubscriptionsByTopic', TopicArn=standard)
        self.assertEqual(set(w('GetSubscriptionAttributes', SubscriptionArn=sub)['Attributes']), {
            'SubscriptionArn', 'TopicArn', 'Owner', 'Protocol', 'Endpoint', 'ConfirmationWasAuthenticated', 'PendingConfirmation',
            'RawMessageDelivery', 'SubscriptionPrincipal', 'EffectiveDeliveryPolicy'})

    def call_topics(self, n):
        """n topics more, so that a list has a next page -> the ARN of the last."""
        for i in range(n):
            self.call('sns', 'CreateTopic', Name=f'more{i}')
        return f'arn:aws:sns:{support.REGION}:{support.ACCOUNT}:more{n - 1}'

    def of_s3(self):
        w = lambda name, absent=None, **params: self.whole('s3', name, {                       # noqa: E731
            k: v for k, v in {**S3_NEVER, **(absent or {})}.items() if k in self.paths('s3', self.models['s3'].operations[name].output)}, **params)
        tags, kms = [{'Key': 'k', 'Value': 'v'}], {'ServerSideEncryption': 'aws:kms', 'SSEKMSKeyId': 'key', 'BucketKeyEnabled': True}
        shown = {'CacheControl': 'c', 'ContentDisposition': 'd', 'ContentEncoding': 'e', 'ContentLanguage': 'de', 'ContentType': 'text/x',
                 'Expires': 'Fri, 01 Jan 2100 00:00:00 GMT', 'WebsiteRedirectLocation': '/r', 'Metadata': {'a': 'b'}, 'StorageClass': 'STANDARD_IA'}
        b = {'Bucket': 'whole'}
        w('CreateBucket', Bucket='whole', CreateBucketConfiguration={'Tags': tags})
        self.call('s3', 'CreateBucket', Bucket='who', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})
        w('ListBuckets', Prefix='who', MaxBuckets=1)
        w('HeadBucket', **b)
        w('GetBucketLocation', Bucket='who')
        self.call('s3', 'PutBucketVersioning', **b, VersioningConfiguration={'Status': 'Enabled'})
        self.call('s3', 'PutBucketPolicy', **b, Policy=json.dumps({'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Allow', 'Principal': '*', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::whole/*'}]}))
        self.s3_settings(w, b)
        k = {**b, 'Key': 'k'}
        w('PutObject', **k, Body=b'hello', ChecksumAlgorithm='SHA1', Tagging='a=b', **kms, **shown)
        version = {'VersionId': w('CopyObject', **b, Key='copy', CopySource='whole/k', **kms)['VersionId']}
        for name in ('HeadObject', 'GetObject'):
            whole_alone = {n: 'only of a whole object' for n in ('ChecksumSHA1', 'ChecksumType')}
            parts = {'PartsCount': 'of objects made of parts', **MARKER}
            w(name, {**parts, 'ContentRange': 'only of a range'}, **k, ChecksumMode='ENABLED')
            w(name, {**parts, **whole_alone}, **k, Range='bytes=0-1', ChecksumMode='ENABLED')
        for name in ('GetObjectTagging', 'GetObjectAcl'):
            w(name, **k)
        w('PutObjectTagging', **k, Tagging={'TagSet': tags})
        w('DeleteObjectTagging', **k)
        self.s3_uploads(w, b, kms)
        self.s3_lists(w, b, version)

    def s3_settings(self, w, b):
        for name in 'GetBucketVersioning GetBucketTagging GetBucketPolicy GetBucketPolicyStatus GetBucketEncryption GetBucketAcl'.split():
            w(name, **b)
        for name in 'GetPublicAccessBlock GetBucketOwnershipControls GetBucketRequestPayment'.split():
            w(name, **b)
        for name in 'GetBucketAccelerateConfiguration GetBucketLogging'.split():
            w(name, {'Status': REFUSED, 'LoggingEnabled': REFUSED}, **b)
        for name, code in NOT_CONFIGURED.items():
            self.asked.add(('s3', name))
            self.refused(code, '', 's3', name, **b)
        rule = {'Id': 'x', 'Events': ['s3:ObjectRestore:*'], 'Filter': {'Key': {'FilterRules': [{'Name': 'prefix', 'Value': 'x'}]}}}
        arn = lambda service, kind='': f'arn:aws:{service}:{support.REGION}:{support.ACCOUNT}:{kind}x'         # noqa: E731
        self.call('s3', 'PutBucketNotificationConfiguration', **b, SkipDestinationValidation=True, NotificationConfiguration={
            'TopicConfigurations': [{**rule, 'Id': 'a', 'TopicArn': arn('sns')}],
            'QueueConfigurations': [{**rule, 'Id': 'b', 'QueueArn': arn('sqs'), 'Events': ['s3:ObjectAcl:Put']}],
            'LambdaFunctionConfigurations': [{**rule, 'Id': 'c', 'LambdaFunctionArn': arn('lambda', 'function:'), 'Events': ['s3:ReducedRedundancyLostObject']}],
            'EventBridgeConfiguration': {}})
        w('GetBucketNotificationConfiguration', **b)

    def s3_uploads(self, w, b, kms):
        at = {**b, 'Key': 'parts'}
        at['UploadId'] = w('CreateMultipartUpload', **at, ChecksumAlgorithm='SHA1', **kms)['UploadId']
        tags = [w('UploadPart', **at, PartNumber=1, Body=b'x' * (5 << 20))['ETag'],
                w('UploadPartCopy', **at, PartNumber=2, CopySource='whole/k')['CopyPartResult']['ETag']]
        w('ListParts', **at, MaxParts=1)
        w('CompleteMultipartUpload', **at, MultipartUpload={'Parts': [{'PartNumber': i, 'ETag': tag} for i, tag in enumerate(tags, 1)]})
        w('GetObjectAttributes', {'ObjectParts.Parts.ChecksumSHA1': 'the checksums of parts are not kept with the object', **MARKER}, **b,
          Key='parts', MaxParts=1, ObjectAttributes=['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'])
        self.assertEqual(self.call('s3', 'HeadObject', **b, Key='parts', PartNumber=1)['PartsCount'], '2')

    def s3_lists(self, w, b, version):
        self.call('s3', 'PutObject', **b, Key='p/q', ChecksumAlgorithm='SHA1')
        self.call('s3', 'CreateMultipartUpload', **b, Key='p/q', ChecksumAlgorithm='SHA1')
        for _ in range(2):
            self.call('s3', 'CreateMultipartUpload', **b, Key='z', ChecksumAlgorithm='SHA1')
            self.call('s3', 'PutObject', **b, Key='z', ChecksumAlgorithm='SHA1')
        self.call('s3', 'DeleteObject', **b, Key='gone')
        page = {**b, 'Delimiter': '/', 'EncodingType': 'url'}
        w('ListObjects', **page, MaxKeys=3, Prefix='', Marker='copy')
        first = w('ListObjectsV2', {'ContinuationToken': 'only on later pages'}, **page, MaxKeys=4, StartAfter='a', FetchOwner=True)
        w('ListObjectsV2', {'StartAfter': 'not given', 'NextContinuationToken': 'the last page has none', 'CommonPrefixes': 'on the page before'},
          **page, FetchOwner=True, ContinuationToken=first['NextContinuationToken'])
        w('ListObjectVersions', **page, MaxKeys=6, KeyMarker='a')
        upload = w('ListMultipartUploads', **page, MaxUploads=2)['Uploads'][0]
        w('AbortMultipartUpload', **b, Key=upload['Key'], UploadId=upload['UploadId'])
        deleted = [{'Key': 'k'}, {'Key': 'copy', **version}, {'Key': 'z', 'VersionId': 'f' * 32, 'ETag': 'x'}]
        w('DeleteObjects', **b, Delete={'Objects': deleted})
        w('DeleteObject', **b, Key='z')

    def of_logs(self):
        w = lambda name, absent=None, **params: self.whole('logs', name, absent, **params)     # noqa: E731
        self.call('logs', 'CreateLogGroup', logGroupName='g', tags={'a': 'b'})
        self.call('logs', 'PutRetentionPolicy', logGroupName='g', retentionInDays=1)
        for name in ('s', 't'):
            self.call('logs', 'CreateLogStream', logGroupName='g', logStreamName=name)
        now = self.now_ms()
        w('PutLogEvents', {'rejectedLogEventsInfo': 'every event was kept'}, logGroupName='g', logStreamName='s', entity={},
          logEvents=[{'timestamp': now, 'message': 'm'}, {'timestamp': now, 'message': 'n'}])
        group = {f'logGroups.{name}': reason for name, reason in (
            ('kmsKeyId', REFUSED), ('dataProtectionStatus', 'there are no data protection policies here'),
            ('inheritedProperties', 'of the account\'s data protection policy'), ('deletionProtectionEnabled', REFUSED),
            ('bearerTokenAuthenticationEnabled', 'cannot be set by any operation served here'))}
        w('DescribeLogGroups', {**group, 'nextToken': 'the last page has none'})
        w('DescribeLogStreams', logGroupName='g', orderBy='LastEventTime', descending=True, limit=1)
        w('GetLogEvents', logGroupName='g', logStreamName='s')
        searched = {f'searchedLogStreams.{n}': 'always empty: the list is no longer filled (CloudWatch Logs API reference)' for n in (
            'logStreamName', 'searchedCompletely')}
        w('FilterLogEvents', searched, logGroupName='g', limit=1)
        w('ListTagsLogGroup', logGroupName='g')
        w('ListTagsForResource', resourceArn=f'arn:aws:logs:{support.REGION}:{support.ACCOUNT}:log-group:g')
        document = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 'events.amazonaws.com'},
                                                                       'Action': 'logs:PutLogEvents', 'Resource': '*'}]})
        single = {name: 'only of policies of single log groups, which are refused' for name in ('policyScope', 'resourceArn', 'revisionId')}
        for name in 'pq':
            w('PutResourcePolicy', {**under('resourcePolicy', single), 'revisionId': single['revisionId']}, policyName=name, policyDocument=document)
        w('DescribeResourcePolicies', under('resourcePolicies', single), limit=1)

    def of_events(self):
        w = lambda name, absent=None, **params: self.whole('events', name, absent, **params)   # noqa: E731
        arn, pattern, tags = f'arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:q', '{"source":["x"]}', [{'Key': 'k', 'Value': 'v'}]
        refused = {name: REFUSED for name in ('KmsKeyIdentifier', 'DeadLetterConfig', 'LogConfig')}
        managed = {'ManagedBy': 'only of rules that AWS services manage'}
        bus = w('CreateEventBus', refused, Name='b', Description='d', Tags=tags)['EventBusArn']
        w('UpdateEventBus', refused, Name='b', Description='e')
        self.call('events', 'PutPermission', EventBusName='b', Action='events:PutEvents', Principal='*', StatementId='s')
        w('DescribeEventBus', refused, Name='b')
        w('ListEventBuses', Limit=1)
        w('ListTagsForResource', ResourceARN=bus)
        for name in ('q', 'r'):
            w('PutRule', Name=name, EventPattern=pattern, ScheduleExpression='rate(1 day)', Description='d', RoleArn=f'arn:aws:iam::{support.ACCOUNT}:role/x')
        w('DescribeRule', managed, Name='r')
        w('ListRules', under('Rules', managed), Limit=1)
        self.call('events', 'PutTargets', Rule='q', Targets=[{'Id': 'x', 'Arn': arn}])
        ways = ({'Input': '1'}, {'InputPath': '$.id'}, {'InputTransformer': {'InputTemplate': '"<x>"', 'InputPathsMap': {'x': '$.id'}}}, {})
        more = {'RoleArn': f'arn:aws:iam::{support.ACCOUNT}:role/x', 'DeadLetterConfig': {'Arn': arn}, 'SqsParameters': {'MessageGroupId': 'g'},
                'RetryPolicy': {'MaximumRetryAttempts': 1, 'MaximumEventAgeInSeconds': 60}}
        w('PutTargets', Rule='r', Targets=[{'Id': f'{i}', 'Arn': arn, **more, **way} for i, way in enumerate(ways)] + [{'Id': 'bad', 'Arn': arn.replace('sqs', 'kinesis')}])
        kinds = ('Kinesis', 'RunCommand', 'Ecs', 'Batch', 'Http', 'RedshiftData', 'SageMakerPipeline', 'AppSync')
        w('ListTargetsByRule', {f'Targets.{kind}Parameters': REFUSED for kind in kinds}, Rule='r', Limit=3)
        w('ListRuleNamesByTarget', TargetArn=arn, Limit=1)
        failed = {f'FailedEntries.{name}': 'removing a target cannot fail' for name in ('TargetId', 'ErrorCode', 'ErrorMessage')}
        w('RemoveTargets', failed, Rule='r', Ids=['0'])
        good = {'Source': 'y', 'DetailType': 'd', 'Detail': '{}'}
        w('PutEvents', Entries=[good, {**good, 'Detail': ''}])
        w('TestEventPattern', EventPattern=pattern, Event=json.dumps({
            name: 'x' for name in ('id', 'account', 'source', 'time', 'region', 'resources', 'detail-type')}))

    def of_cloudwatch(self):
        w = lambda name, absent=None, **params: self.whole('cloudwatch', name, absent, **params)     # noqa: E731
        at, metric = self.now_ms() // 60000 * 60 - 300, {'Namespace': 'A', 'MetricName': 'm', 'Dimensions': [{'Name': 'd', 'Value': '1'}]}
        self.call('cloudwatch', 'PutMetricData', Namespace='A', MetricData=[
            {'MetricName': name, 'Dimensions': metric['Dimensions'], 'Timestamp': at + 60 * minute, 'Value': 1}
            for name, minute in [('m', 0), ('m', 1)] + [(f'm{i}', 0) for i in range(500)]])
        w('ListMetrics', {'OwningAccounts': 'only of linked accounts, which are refused'})
        times = {'StartTime': at, 'EndTime': at + 300}
        absent = {'Datapoints.ExtendedStatistics': 'asked for instead of Statistics, never beside them'}
        every = ('SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum')
        w('GetMetricStatistics', absent, **metric, **times, Period=60, Statistics=list(every))
        w('GetMetricStatistics', {f'Datapoints.{name}': absent['Datapoints.ExtendedStatistics'] for name in every}, **metric, **times, Period=60,
          ExtendedStatistics=['p50'])
        messages = {name: 'only of what has gone wrong elsewhere: here it is an error' for name in ('Messages', 'MetricDataResults.Messages')}
        w('GetMetricData', messages, **times, MaxDatapoints=1, MetricDataQueries=[{'Id': 'q', 'MetricStat': {'Metric': metric, 'Period': 60, 'Stat': 'Sum'}}])



if __name__ == '__main__':
    unittest.main()
