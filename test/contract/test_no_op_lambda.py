#!/usr/bin/python3
"""Lambda: every member of a request shows an effect, or is refused by its name."""
import json

import support
from noop import NoOpCase, shows

INVALID = 'InvalidParameterValueException'
MISSING = 'ResourceNotFoundException'
QUIET = 'def handler(event, context):\n    return event\n'
PROBE = '''
import logging, os
def handler(event, context):
    logging.getLogger().info("info line")
    logging.getLogger().error("error line")
    s = os.statvfs("/tmp")
    return {"env": dict(os.environ), "memory": context.memory_limit_in_mb, "left": context.get_remaining_time_in_millis(),
            "tmp": s.f_blocks * s.f_frsize, "version": context.function_version, "arn": context.invoked_function_arn,
            "client": context.client_context and context.client_context.custom}
def other(event, context):
    return "other " + str(os.environ.get("WHICH"))
'''
LAYER = f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:layer:l:1'
S3 = ('S3Bucket', 'S3Key', 'S3ObjectVersion')             # one place in the request
KEY = f'arn:aws:kms:{support.REGION}:{support.ACCOUNT}:key/k'
CAPACITY = {'LambdaManagedInstancesCapacityProviderConfig': {
    'CapacityProviderArn': f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:capacity-provider:c',
    'PerExecutionEnvironmentMaxConcurrency': 2, 'ExecutionEnvironmentMemoryGiBPerVCpu': 2.0}}

# what CreateFunction and UpdateFunctionConfiguration refuse: member, its value, what the sentence names
REFUSED_SETTINGS = [
    ('VpcConfig', {'SubnetIds': ['subnet-1']}, 'VpcConfig'),
    ('VpcConfig', {'SecurityGroupIds': ['sg-1']}, 'VpcConfig'),
    ('VpcConfig', {'Ipv6AllowedForDualStack': True}, 'VpcConfig'),
    ('DeadLetterConfig', {'TargetArn': f'arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:q.fifo'}, 'dead letter queue'),
    ('KMSKeyArn', KEY, 'KMSKeyArn'),
    ('TracingConfig', {'Mode': 'Active'}, 'TracingConfig'),
    ('Layers', [LAYER], 'Layers'),
    ('FileSystemConfigs', [{'Arn': f'arn:aws:elasticfilesystem:{support.REGION}:{support.ACCOUNT}:access-point/fsap-01234567890123456',
                            'LocalMountPath': '/mnt/a'}], 'FileSystemConfigs'),
    ('ImageConfig', {'EntryPoint': ['/x']}, 'ImageConfig'),
    ('ImageConfig', {'Command': ['x']}, 'ImageConfig'),
    ('ImageConfig', {'WorkingDirectory': '/x'}, 'ImageConfig'),
    ('SnapStart', {'ApplyOn': 'PublishedVersions'}, 'SnapStart'),
    ('CapacityProviderConfig', CAPACITY, 'CapacityProviderConfig'),
    ('DurableConfig', {'ExecutionTimeout': 60}, 'DurableConfig'),
    ('DurableConfig', {'RetentionPeriodInDays': 1}, 'DurableConfig'),
    ('DurableConfig', {'KMSKeyArn': KEY}, 'DurableConfig'),
    ('LoggingConfig', {'LogFormat': 'Text', 'ApplicationLogLevel': 'DEBUG'}, 'ApplicationLogLevel'),
    ('LoggingConfig', {'LogFormat': 'Text', 'SystemLogLevel': 'DEBUG'}, 'SystemLogLevel'),
]
# what says nothing: refused would be wrong
TAKEN_SETTINGS = {
    'VpcConfig': {'SubnetIds': [], 'SecurityGroupIds': []}, 'DeadLetterConfig': {'TargetArn': ''}, 'KMSKeyArn': '',
    'TracingConfig': {'Mode': 'PassThrough'}, 'Layers': [], 'FileSystemConfigs': [], 'ImageConfig': {},
    'SnapStart': {'ApplyOn': 'None'}, 'LoggingConfig': {'LogFormat': 'Text'}, 'EphemeralStorage': {'Size': 512},
}
SETTINGS = ('VpcConfig', 'VpcConfig.SubnetIds', 'VpcConfig.SecurityGroupIds', 'VpcConfig.Ipv6AllowedForDualStack', 'DeadLetterConfig',
            'DeadLetterConfig.TargetArn', 'KMSKeyArn', 'TracingConfig', 'TracingConfig.Mode', 'Layers', 'FileSystemConfigs',
            'ImageConfig', 'ImageConfig.EntryPoint', 'ImageConfig.Command', 'ImageConfig.WorkingDirectory', 'SnapStart',
            'SnapStart.ApplyOn', 'CapacityProviderConfig', 'DurableConfig')
SHOWN_SETTINGS = ('Runtime', 'Role', 'Handler', 'Description', 'Timeout', 'MemorySize', 'Environment', 'Environment.Variables',
                  'EphemeralStorage', 'EphemeralStorage.Size', 'LoggingConfig', 'LoggingConfig.LogFormat', 'LoggingConfig.LogGroup',
                  'LoggingConfig.ApplicationLogLevel', 'LoggingConfig.SystemLogLevel')


class LambdaCase(NoOpCase):
    def create(self, name='f', code=QUIET, **params):
        params = {'Runtime': 'python3.11', 'Handler': 'index.handler', 'Role': self.role(), **params}
        reply = self.call('lambda', 'CreateFunction', FunctionName=name, Code={'ZipFile': self.zipped(code)}, **params)
        self.wait_active(name)
        if params.get('Publish'):
            self.ready(name, '1')
        return reply

    def ready(self, name, version):
        lam = self.client('lambda')
        support.wait_until(lambda: lam.get_function_configuration(FunctionName=name, Qualifier=version)['State'] == 'Active')

    def lam(self, name, **params):
        reply = self.call('lambda', name, **params)
        if name.startswith('UpdateFunction') and 'EventInvoke' not in name and not params.get('DryRun'):
            self.wait_active(params['FunctionName'])
        return reply

    def lines(self, group):
        return [e['message'] for e in self.client('logs').filter_log_events(logGroupName=group)['events']]


class Settings(LambdaCase):
    def look(self, name, role, **want):
        """One invocation shows all of them."""
        _, seen = self.invoke(name)
        env = seen['env']
        self.assertEqual(env['AWS_EXECUTION_ENV'], 'AWS_Lambda_' + want['Runtime'])
        self.assertEqual(env['WHICH'], want['which'])
        self.assertEqual((str(seen['memory']), env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']), (str(want['MemorySize']),) * 2)
        self.assertTrue(want['Timeout'] * 1000 - 3000 < seen['left'] <= want['Timeout'] * 1000, seen['left'])
        if 'sandbox' in self.health()['isolation'] or 'namespace' in self.health()['isolation']:
            self.assertEqual(seen['tmp'], want['tmp'] << 20)
        who = self.client('sts', key=env['AWS_ACCESS_KEY_ID'], secret=env['AWS_SECRET_ACCESS_KEY'],
                          token=env['AWS_SESSION_TOKEN']).get_caller_identity()
        self.assertIn(f':assumed-role/{role}/', who['Arn'])
        self.assertEqual((env['AWS_LAMBDA_LOG_GROUP_NAME'], env['AWS_LAMBDA_LOG_FORMAT'], env.get('AWS_LAMBDA_LOG_LEVEL')),
                         (want['group'], want['format'], want['level']))
        support.wait_until(lambda: any('error line' in line for line in self.lines(want['group'])), what='the log')
        return self.lines(want['group'])

    @shows('lambda CreateFunction|UpdateFunctionConfiguration', *SHOWN_SETTINGS, 'lambda CreateFunction', 'Code', 'Code.ZipFile')
    def test_each_has_its_effect(self):
        first, second = self.role('first'), self.role('second')
        self.create(code=PROBE, Runtime='python3.12', Role=first, Timeout=20, MemorySize=256, Description='one',
                    Environment={'Variables': {'WHICH': 'one'}}, EphemeralStorage={'Size': 600},
                    LoggingConfig={'LogFormat': 'JSON', 'LogGroup': 'mine', 'ApplicationLogLevel': 'ERROR', 'SystemLogLevel': 'WARN'})
        lines = self.look('f', 'first', Runtime='python3.12', which='one', MemorySize=256, Timeout=20, tmp=600, group='mine',
                          format='JSON', level='ERROR')
        self.assertFalse([line for line in lines if 'info line' in line or 'platform.' in line], lines)
        self.assertEqual(self.lam('GetFunctionConfiguration', FunctionName='f')['Description'], 'one')
        self.lam('UpdateFunctionConfiguration', FunctionName='f', Runtime='python3.11', Role=second, Timeout=10, MemorySize=128,
                 Description='two', Environment={'Variables': {'WHICH': 'two'}}, EphemeralStorage={'Size': 512},
                 LoggingConfig={'LogFormat': 'JSON', 'LogGroup': 'yours', 'ApplicationLogLevel': 'INFO', 'SystemLogLevel': 'INFO'})
        lines = self.look('f', 'second', Runtime='python3.11', which='two', MemorySize=128, Timeout=10, tmp=512, group='yours',
                          format='JSON', level='INFO')
        self.assertTrue([line for line in lines if 'info line' in line], lines)
        self.assertTrue(support.wait_until(lambda: [x for x in self.lines('yours') if '"platform.report"' in x]))
        self.assertEqual(self.lam('GetFunctionConfiguration', FunctionName='f')['Description'], 'two')
        self.lam('UpdateFunctionConfiguration', FunctionName='f', LoggingConfig={'LogFormat': 'Text'})
        _, seen = self.invoke('f')
        self.assertEqual((seen['env']['AWS_LAMBDA_LOG_FORMAT'], seen['env']['AWS_LAMBDA_LOG_GROUP_NAME']), ('Text', '/aws/lambda/f'))
        self.lam('UpdateFunctionConfiguration', FunctionName='f', Handler='index.other')
        self.assertEqual(self.invoke('f')[1], 'other two')

    def test_time_and_memory_end_a_function(self):
        self.create(code='import time\ndef handler(event, context):\n    time.sleep(9)\n', Timeout=1)
        reply, answer = self.invoke('f')
        self.assertIn('Task timed out after 1.00 seconds', answer['errorMessage'])
        self.create('g', 'def handler(event, context):\n    x = bytearray(400 << 20)\n    x[::4096] = b"x" * len(x[::4096])\n'
                    '    import time; time.sleep(3)\n', Timeout=10, MemorySize=128)
        self.assertEqual(self.invoke('g')[0].get('FunctionError'), 'Unhandled')

    @shows('lambda CreateFunction|UpdateFunctionConfiguration', *SETTINGS)
    def test_refused_by_name(self):
        self.create()
        before = self.lam('GetFunctionConfiguration', FunctionName='f')
        for member, value, naming in REFUSED_SETTINGS:
            with self.subTest(member, value=value):
                self.refused(INVALID, naming, 'lambda', 'UpdateFunctionConfiguration', FunctionName='f', **{member: value})
                self.refused(INVALID, naming, 'lambda', 'CreateFunction', FunctionName='g', Role=self.role(), Runtime='python3.11',
                             Handler='index.handler', Code={'ZipFile': self.zipped(QUIET)}, **{member: value})
        self.assertEqual(self.lam('GetFunctionConfiguration', FunctionName='f'), before)
        self.create('taken', **TAKEN_SETTINGS)
        self.lam('UpdateFunctionConfiguration', FunctionName='f', **TAKEN_SETTINGS)

    @shows('lambda CreateFunction', 'FunctionName', 'Code.S3Bucket', 'Code.S3Key', 'Code.S3ObjectVersion', 'Code.S3ObjectStorageMode',
           'Code.ImageUri', 'Code.SourceKMSKeyArn', 'PublishTo', 'PackageType', 'CodeSigningConfigArn', 'TenancyConfig', 'Architectures',
           'Tags', 'Publish')
    def test_create(self):
        base = {'FunctionName': 'g', 'Role': self.role(), 'Runtime': 'python3.11', 'Handler': 'index.handler'}
        code = {'ZipFile': self.zipped(QUIET)}
        for member, value in (('S3Bucket', 'bucket'), ('S3Key', 'k'), ('S3ObjectVersion', 'v'), ('S3ObjectStorageMode', 'REFERENCE'),
                              ('ImageUri', 'u'), ('SourceKMSKeyArn', KEY)):
            for more in ({}, code):
                with self.subTest(member, more=bool(more)):
                    naming = 'Code.' + member if member not in S3 else 'FunctionCode parameters' if more else 'S3Bucket and S3Key'
                    self.refused(INVALID, naming, 'lambda', 'CreateFunction', Code={**more, member: value}, **base)
        signing = f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:code-signing-config:csc-01234567890123456'
        for member, value in (('PublishTo', 'LATEST_PUBLISHED'), ('PackageType', 'Image'), ('CodeSigningConfigArn', signing),
                              ('TenancyConfig', {'TenantIsolationMode': 'PER_TENANT'})):
            with self.subTest(member):
                self.refused(INVALID, member, 'lambda', 'CreateFunction', Code=code, **{member: value}, **base)
        self.refused(INVALID, 'Architectures', 'lambda', 'CreateFunction', Code=code,
                     **{**base, 'Runtime': 'provided.al2023', 'Architectures': [self.other_machine()]})
        made = self.create(Architectures=['arm64'], Tags={'a': 'b'}, Publish=True, PackageType='Zip')
        self.assertEqual((made['FunctionName'], made['Version'], made['Architectures']), ('f', '1', ['arm64']))
        self.assertEqual(self.lam('GetFunction', FunctionName='f')['Tags'], {'a': 'b'})

    def other_machine(self):
        import platform
        return 'x86_64' if platform.machine() == 'aarch64' else 'arm64'

    @shows('lambda UpdateFunctionCode', 'FunctionName', 'ZipFile', 'S3Bucket', 'S3Key', 'S3ObjectVersion', 'S3ObjectStorageMode', 'ImageUri',
           'Architectures', 'Publish', 'PublishTo', 'DryRun', 'RevisionId', 'SourceKMSKeyArn',
           'lambda UpdateFunctionConfiguration', 'FunctionName', 'RevisionId')
    def test_update(self):
        made, other = self.create(), self.zipped('def handler(event, context):\n    return "new"\n')
        for member, value in (('S3Bucket', 'bucket'), ('S3Key', 'k'), ('S3ObjectVersion', 'v'), ('S3ObjectStorageMode', 'REFERENCE'),
                              ('ImageUri', 'u'), ('SourceKMSKeyArn', KEY), ('PublishTo', 'LATEST_PUBLISHED')):
            with self.subTest(member):
                self.refused(INVALID, 'FunctionCode parameters' if member in S3 else member, 'lambda', 'UpdateFunctionCode',
                             FunctionName='f', ZipFile=other, **{member: value})
        for name, more in (('UpdateFunctionCode', {'ZipFile': other}), ('UpdateFunctionConfiguration', {'Timeout': 5})):
            self.refused('PreconditionFailedException', 'Revision', 'lambda', name, FunctionName='f', RevisionId='x', **more)
            self.refused(MISSING, 'nobody', 'lambda', name, FunctionName='nobody', **more)
        tried = self.lam('UpdateFunctionCode', FunctionName='f', ZipFile=other, DryRun=True, Architectures=['arm64'])
        self.assertNotEqual(tried['CodeSha256'], made['CodeSha256'])
        self.assertEqual(tried['Architectures'], ['arm64'])
        self.assertEqual(self.lam('GetFunctionConfiguration', FunctionName='f')['CodeSha256'], made['CodeSha256'])
        current = self.lam('GetFunctionConfiguration', FunctionName='f')['RevisionId']
        done = self.lam('UpdateFunctionCode', FunctionName='f', ZipFile=other, Publish=True, RevisionId=current)
        self.assertEqual(done['Version'], '1')
        self.assertEqual(self.invoke('f')[1], 'new')


class Reading(LambdaCase):
    @shows('lambda GetFunction|GetFunctionConfiguration|GetRuntimeManagementConfig|PutRuntimeManagementConfig', 'FunctionName',
           'Qualifier', 'lambda PutRuntimeManagementConfig', 'UpdateRuntimeOn', 'RuntimeVersionArn',
           'lambda GetFunctionCodeSigningConfig|GetFunctionConcurrency|DeleteFunctionConcurrency|GetFunctionRecursionConfig', 'FunctionName',
           'lambda PublishVersion|CreateAlias|PutFunctionConcurrency|PutFunctionRecursionConfig|ListAliases|ListVersionsByFunction', 'FunctionName',
           'lambda ListFunctionEventInvokeConfigs|PutFunctionEventInvokeConfig|UpdateFunctionEventInvokeConfig', 'FunctionName',
           'lambda DeleteFunction|DeleteFunctionEventInvokeConfig|GetFunctionEventInvokeConfig|GetPolicy|InvokeAsync|Invoke', 'FunctionName',
           'lambda AddPermission|RemovePermission|DeleteAlias|GetAlias|UpdateAlias', 'FunctionName')
    def test_the_name_and_the_qualifier_choose(self):
        more = {
            'PutRuntimeManagementConfig': {'UpdateRuntimeOn': 'Auto'}, 'PutFunctionConcurrency': {'ReservedConcurrentExecutions': 1},
            'PutFunctionRecursionConfig': {'RecursiveLoop': 'Allow'}, 'CreateAlias': {'Name': 'a', 'FunctionVersion': '$LATEST'},
            'GetAlias': {'Name': 'a'}, 'UpdateAlias': {'Name': 'a'}, 'DeleteAlias': {'Name': 'a'},
            'AddPermission': {'StatementId': 's', 'Action': 'lambda:InvokeFunction', 'Principal': '*'}, 'RemovePermission': {'StatementId': 's'},
            'PutFunctionEventInvokeConfig': {'MaximumRetryAttempts': 1}, 'UpdateFunctionEventInvokeConfig': {'MaximumRetryAttempts': 1},
            'InvokeAsync': {'InvokeArgs': '{}'},
        }
        names = [n for n, op in self.models['lambda'].operations.items() if n in more or n in (
            'GetFunction GetFunctionConfiguration GetRuntimeManagementConfig GetFunctionCodeSigningConfig GetFunctionConcurrency '
            'DeleteFunctionConcurrency GetFunctionRecursionConfig PublishVersion ListAliases ListVersionsByFunction '
            'ListFunctionEventInvokeConfigs DeleteFunction DeleteFunctionEventInvokeConfig GetFunctionEventInvokeConfig GetPolicy Invoke').split()]
        for name in names:
            with self.subTest(name):
                self.refused(MISSING, 'function', 'lambda', name, FunctionName='nobody', **more.get(name, {}))
        self.create(Description='first')
        self.lam('PublishVersion', FunctionName='f')
        self.lam('UpdateFunctionConfiguration', FunctionName='f', Description='second')
        self.assertEqual(self.lam('GetFunction', FunctionName='f', Qualifier='1')['Configuration']['Description'], 'first')
        self.assertEqual(self.lam('GetFunctionConfiguration', FunctionName='f', Qualifier='1')['Description'], 'first')
        for name in ('GetRuntimeManagementConfig', 'PutRuntimeManagementConfig'):
            self.assertTrue(self.lam(name, FunctionName='f', Qualifier='1', **more.get(name, {}))['FunctionArn'].endswith(':f:1'))
        for params in ({'UpdateRuntimeOn': 'FunctionUpdate'}, {'UpdateRuntimeOn': 'Manual', 'RuntimeVersionArn': 'arn:aws:lambda:us-east-1::runtime:' + 'a' * 64}):
            self.refused(INVALID, 'UpdateRuntimeOn', 'lambda', 'PutRuntimeManagementConfig', FunctionName='f', **params)
        self.refused(INVALID, 'RuntimeVersionArn', 'lambda', 'PutRuntimeManagementConfig', FunctionName='f', UpdateRuntimeOn='Auto',
                     RuntimeVersionArn='arn:aws:lambda:us-east-1::runtime:' + 'a' * 64)

    @shows('lambda DeleteFunction', 'Qualifier')
    def test_delete_one_version(self):
        self.create(Publish=True)
        self.lam('DeleteFunction', FunctionName='f', Qualifier='1')
        self.assertEqual([v['Version'] for v in self.lam('ListVersionsByFunction', FunctionName='f')['Versions']], ['$LATEST'])

    @shows('lambda ListFunctions', 'FunctionVersion', 'MasterRegion', 'Marker', 'MaxItems',
           'lambda ListVersionsByFunction|ListAliases|ListFunctionEventInvokeConfigs', 'Marker', 'MaxItems', 'lambda ListAliases', 'FunctionVersion')
    def test_lists(self):
        self.create('f', Publish=True)
        self.create('g')
        for name in ('a', 'b'):
            self.lam('CreateAlias', FunctionName='f', Name=name, FunctionVersion='1' if name == 'a' else '$LATEST')
            self.lam('PutFunctionEventInvokeConfig', FunctionName='f', Qualifier=name, MaximumRetryAttempts=1)
        for name, of, key in (('ListFunctions', {}, 'Functions'), ('ListVersionsByFunction', {'FunctionName': 'f'}, 'Versions'),
                              ('ListAliases', {'FunctionName': 'f'}, 'Aliases'),
                              ('ListFunctionEventInvokeConfigs', {'FunctionName': 'f'}, 'FunctionEventInvokeConfigs')):
            with self.subTest(name):
                all_of = self.lam(name, **of)[key]
                first = self.lam(name, MaxItems=1, **of)
                second = self.lam(name, MaxItems=1, Marker=first['NextMarker'], **of)
                self.assertEqual(first[key] + second[key], all_of)
        self.assertEqual(len(self.lam('ListFunctions', FunctionVersion='ALL')['Functions']), 3)
        self.assertEqual([a['Name'] for a in self.lam('ListAliases', FunctionName='f', FunctionVersion='1')['Aliases']], ['a'])
        self.refused(INVALID, 'MasterRegion', 'lambda', 'ListFunctions', MasterRegion='ALL', FunctionVersion='ALL')


class Versions(LambdaCase):
    @shows('lambda PublishVersion', 'CodeSha256', 'Description', 'RevisionId', 'PublishTo')
    def test_publish(self):
        self.create(Description='of the function')
        self.refused(INVALID, 'CodeSHA256', 'lambda', 'PublishVersion', FunctionName='f', CodeSha256='x')
        self.refused('PreconditionFailedException', 'Revision', 'lambda', 'PublishVersion', FunctionName='f', RevisionId='x')
        self.refused(INVALID, 'PublishTo', 'lambda', 'PublishVersion', FunctionName='f', PublishTo='LATEST_PUBLISHED')
        self.assertEqual(self.lam('PublishVersion', FunctionName='f', Description='mine')['Description'], 'mine')

    @shows('lambda CreateAlias|UpdateAlias', 'Name', 'FunctionVersion', 'Description', 'RoutingConfig', 'RoutingConfig.AdditionalVersionWeights',
           'lambda UpdateAlias', 'RevisionId', 'lambda GetAlias|DeleteAlias', 'Name')
    def test_aliases(self):
        self.create(code='def handler(event, context):\n    return context.function_version\n', Publish=True)
        self.lam('UpdateFunctionConfiguration', FunctionName='f', Description='x')
        self.lam('PublishVersion', FunctionName='f')
        self.ready('f', '2')
        made = self.lam('CreateAlias', FunctionName='f', Name='a', FunctionVersion='1', Description='d',
                        RoutingConfig={'AdditionalVersionWeights': {'2': 1.0}})
        self.assertEqual((made['Name'], made['FunctionVersion'], made['Description']), ('a', '1', 'd'))
        self.assertEqual(self.invoke('f', Qualifier='a')[1], '2')
        self.refused(MISSING, ':9', 'lambda', 'CreateAlias', FunctionName='f', Name='b', FunctionVersion='9')
        self.refused('PreconditionFailedException', 'Revision', 'lambda', 'UpdateAlias', FunctionName='f', Name='a', RevisionId='x')
        self.lam('UpdateAlias', FunctionName='f', Name='a', RoutingConfig={'AdditionalVersionWeights': {}}, Description='e')
        self.assertEqual(self.lam('GetAlias', FunctionName='f', Name='a')['Description'], 'e')
        self.assertEqual(self.invoke('f', Qualifier='a')[1], '1')
        self.lam('UpdateAlias', FunctionName='f', Name='a', FunctionVersion='2')
        self.assertEqual(self.invoke('f', Qualifier='a')[1], '2')
        for name in ('GetAlias', 'UpdateAlias'):
            self.refused(MISSING, 'nobody', 'lambda', name, FunctionName='f', Name='nobody')
        self.lam('DeleteAlias', FunctionName='f', Name='a')
        self.refused(MISSING, ':a', 'lambda', 'GetAlias', FunctionName='f', Name='a')

    @shows('lambda TagResource', 'Resource', 'Tags', 'lambda UntagResource', 'Resource', 'TagKeys', 'lambda ListTags', 'Resource')
    def test_tags(self):
        arn = self.create()['FunctionArn']
        self.lam('TagResource', Resource=arn, Tags={'a': '1', 'b': '2'})
        self.lam('UntagResource', Resource=arn, TagKeys=['a'])
        self.assertEqual(self.lam('ListTags', Resource=arn)['Tags'], {'b': '2'})
        for name, more in (('TagResource', {'Tags': {'a': '1'}}), ('UntagResource', {'TagKeys': ['a']}), ('ListTags', {})):
            self.refused(MISSING, 'nobody', 'lambda', name, Resource=arn + 'nobody', **more)

    @shows('lambda PutFunctionConcurrency', 'ReservedConcurrentExecutions', 'lambda PutFunctionRecursionConfig', 'RecursiveLoop')
    def test_concurrency_and_loops(self):
        self.create()
        self.lam('PutFunctionConcurrency', FunctionName='f', ReservedConcurrentExecutions=0)
        self.refused('TooManyRequestsException', 'Rate', 'lambda', 'Invoke', FunctionName='f', Payload='{}')
        self.lam('DeleteFunctionConcurrency', FunctionName='f')
        lineage = self.loop('f')
        status, headers, reply = self.rest('POST', '/2015-03-31/functions/f/invocations', {}, headers={'X-Amzn-Trace-Id': lineage})
        self.assertEqual(headers.get('x-amzn-ErrorType'), 'RecursiveInvocationException', reply)
        self.lam('PutFunctionRecursionConfig', FunctionName='f', RecursiveLoop='Allow')
        self.assertEqual(self.rest('POST', '/2015-03-31/functions/f/invocations', {}, headers={'X-Amzn-Trace-Id': lineage})[0], 200)

    def loop(self, name):
        """The trace header of a chain in which the function has run as often as is allowed."""
        self.lam('UpdateFunctionCode', FunctionName=name, ZipFile=self.zipped(
            'import os\ndef handler(event, context):\n    return os.environ["_X_AMZN_TRACE_ID"]\n'))
        trace = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0'
        for _ in range(16):
            status, _, trace = self.rest('POST', f'/2015-03-31/functions/{name}/invocations', {}, headers={'X-Amzn-Trace-Id': trace})
            self.assertEqual(status, 200)
        return trace


class Permissions(LambdaCase):
    @shows('lambda AddPermission', 'StatementId', 'Action', 'Principal', 'SourceArn', 'FunctionUrlAuthType', 'InvokedViaFunctionUrl',
           'SourceAccount', 'EventSourceToken', 'Qualifier', 'RevisionId', 'PrincipalOrgID',
           'lambda RemovePermission', 'StatementId', 'Qualifier', 'RevisionId', 'lambda GetPolicy', 'Qualifier')
    def test_members_of_a_statement(self):
        self.create(Publish=True)
        base = {'FunctionName': 'f', 'Action': 'lambda:InvokeFunction'}
        told = json.loads(self.lam('AddPermission', StatementId='s', Principal='s3.amazonaws.com', SourceArn='arn:aws:s3:::b',
                                   SourceAccount='1' * 12, EventSourceToken='token', PrincipalOrgID='o-0123456789', Qualifier='1', **base)['Statement'])
        self.assertEqual(told, {
            'Sid': 's', 'Effect': 'Allow', 'Principal': {'Service': 's3.amazonaws.com'}, 'Action': 'lambda:InvokeFunction',
            'Resource': f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:f:1', 'Condition': {
                'StringEquals': {'AWS:SourceAccount': '1' * 12, 'aws:PrincipalOrgID': 'o-0123456789', 'lambda:EventSourceToken': 'token'},
                'ArnLike': {'AWS:SourceArn': 'arn:aws:s3:::b'}}})
        told = json.loads(self.lam('AddPermission', StatementId='u', Principal='*', FunctionUrlAuthType='NONE', InvokedViaFunctionUrl=True,
                                   **{**base, 'Action': 'lambda:InvokeFunctionUrl'})['Statement'])
        self.assertEqual(told['Condition'], {'StringEquals': {'lambda:FunctionUrlAuthType': 'NONE'}, 'Bool': {'lambda:InvokedViaFunctionUrl': 'true'}})
        self.refused('ResourceConflictException', '(s)', 'lambda', 'AddPermission', StatementId='s', Principal='*', Qualifier='1', **base)
        for name, more in (('AddPermission', {**base, 'StatementId': 't', 'Principal': '*'}), ('RemovePermission', {'FunctionName': 'f', 'StatementId': 's'})):
            self.refused('PreconditionFailedException', 'Revision', 'lambda', name, RevisionId='x', Qualifier='1', **more)
        self.assertNotIn('"u"', self.lam('GetPolicy', FunctionName='f', Qualifier='1')['Policy'])
        self.lam('RemovePermission', FunctionName='f', Qualifier='1', StatementId='s')
        self.refused(MISSING, '', 'lambda', 'GetPolicy', FunctionName='f', Qualifier='1')
        self.assertIn('"u"', self.lam('GetPolicy', FunctionName='f')['Policy'])

    def test_a_statement_lets_a_role_in(self):
        self.create(Publish=True)
        caller = self.role('caller', policy=False, trust={'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Allow', 'Principal': {'AWS': f'arn:aws:iam::{support.ACCOUNT}:root'}, 'Action': 'sts:AssumeRole'}]})
        k = self.client('sts').assume_role(RoleArn=caller, RoleSessionName='session')['Credentials']
        lam = self.client('lambda', key=k['AccessKeyId'], secret=k['SecretAccessKey'], token=k['SessionToken'])
        self.assertFault('AccessDeniedException', lam.invoke, FunctionName='f')
        self.lam('AddPermission', FunctionName='f', StatementId='s', Action='lambda:InvokeFunction', Principal=caller, Qualifier='1')
        self.assertEqual(lam.invoke(FunctionName='f', Qualifier='1')['StatusCode'], 200)
        self.assertFault('AccessDeniedException', lam.invoke, FunctionName='f')
        self.assertFault('AccessDeniedException', lam.get_function, FunctionName='f', Qualifier='1')
        self.lam('RemovePermission', FunctionName='f', StatementId='s', Qualifier='1')
        self.assertFault('AccessDeniedException', lam.invoke, FunctionName='f', Qualifier='1')


class Invocations(LambdaCase):
    @shows('lambda Invoke', 'InvocationType', 'LogType', 'ClientContext', 'DurableExecutionName', 'Payload', 'Qualifier', 'TenantId',
           'lambda InvokeAsync', 'InvokeArgs')
    def test_invoke(self):
        self.create(code='def handler(event, context):\n    print("said")\n    c = context.client_context\n'
                         '    return [event, context.function_version, c and c.custom]\n', Publish=True)
        import base64
        context = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
        status, headers, reply, _ = self.send('lambda', 'Invoke', FunctionName='f', Payload='{"x": 1}', Qualifier='1', LogType='Tail', ClientContext=context)
        self.assertEqual(reply, [{'x': 1}, '1', {'a': 'b'}])
        self.assertIn(b'said', base64.b64decode(headers['X-Amz-Log-Result']))
        status, headers, _, _ = self.send('lambda', 'Invoke', FunctionName='f', Payload='{}', LogType='None')
        self.assertIsNone(headers.get('X-Amz-Log-Result'))
        self.assertEqual(self.send('lambda', 'Invoke', FunctionName='f', InvocationType='DryRun')[0], 204)
        self.assertEqual(self.send('lambda', 'Invoke', FunctionName='f', InvocationType='Event', Payload='{}')[0], 202)
        self.refused('InvalidRequestContentException', '', 'lambda', 'Invoke', FunctionName='f', Payload='{}', ClientContext='!')
        self.refused(INVALID, 'X-Amz-Tenant-Id', 'lambda', 'Invoke', FunctionName='f', Payload='{}', TenantId='t')
        self.refused(INVALID, 'X-Amz-Durable-Execution-Name', 'lambda', 'Invoke', FunctionName='f', Payload='{}', DurableExecutionName='d')
        self.refused('InvalidRequestContentException', '', 'lambda', 'InvokeAsync', FunctionName='f', InvokeArgs='{')
        self.settle()
        url, arn = self.queue('ok')
        self.lam('PutFunctionEventInvokeConfig', FunctionName='f', DestinationConfig={'OnSuccess': {'Destination': arn}})
        self.lam('InvokeAsync', FunctionName='f', InvokeArgs='{"late": 1}')
        record, = self.records(url)
        self.assertEqual(record['requestPayload'], {'late': 1})

    ROUTES = ('Qualifier', 'MaximumRetryAttempts', 'MaximumEventAgeInSeconds', 'DestinationConfig', 'DestinationConfig.OnSuccess',
              'DestinationConfig.OnSuccess.Destination', 'DestinationConfig.OnFailure', 'DestinationConfig.OnFailure.Destination')

    @shows('lambda PutFunctionEventInvokeConfig|UpdateFunctionEventInvokeConfig', *ROUTES,
           'lambda GetFunctionEventInvokeConfig|DeleteFunctionEventInvokeConfig', 'Qualifier')
    def test_event_invoke_config(self):
        self.create(code='def handler(event, context):\n    if event.get("fail"):\n        raise ValueError("no")\n', Publish=True)
        ok, ok_arn = self.queue('ok')
        no, no_arn = self.queue('no')
        routes = {'OnSuccess': {'Destination': ok_arn}, 'OnFailure': {'Destination': no_arn}}
        for name, retries in (('PutFunctionEventInvokeConfig', 0), ('UpdateFunctionEventInvokeConfig', 1)):
            self.lam(name, FunctionName='f', Qualifier='1', MaximumRetryAttempts=retries, MaximumEventAgeInSeconds=21600,
                     DestinationConfig=routes)
            self.event('f', {'fail': True}, Qualifier='1')
            self.event('f', {}, Qualifier='1')
            self.settle(advance=True)
            record, = self.records(no)
            self.assertEqual(record['requestContext']['approximateInvokeCount'], retries + 1)
            self.assertEqual(len(self.records(ok)), 1)
            self.lam(name, FunctionName='f', Qualifier='1', MaximumEventAgeInSeconds=60, MaximumRetryAttempts=2)
            told = self.lam('GetFunctionEventInvokeConfig', FunctionName='f', Qualifier='1')
            self.assertEqual((told['MaximumEventAgeInSeconds'], told['MaximumRetryAttempts']), (60, 2))
            self.lam('UpdateFunctionEventInvokeConfig', FunctionName='f', Qualifier='1', DestinationConfig=routes)
            self.event('f', {'fail': True}, Qualifier='1')
            self.settle(advance=True)
            record, = self.records(no)
            self.assertEqual(record['requestContext']['condition'], 'EventAgeExceeded')
        self.event('f', {})
        self.settle(advance=True)
        self.assertEqual(self.receive(ok, 0) + self.receive(no, 0), [])
        self.refused(MISSING, '', 'lambda', 'GetFunctionEventInvokeConfig', FunctionName='f')
        self.lam('DeleteFunctionEventInvokeConfig', FunctionName='f', Qualifier='1')
        self.refused(MISSING, '', 'lambda', 'GetFunctionEventInvokeConfig', FunctionName='f', Qualifier='1')


if __name__ == '__main__':
    support.main()
