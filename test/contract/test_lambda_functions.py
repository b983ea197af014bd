#!/usr/bin/python3
"""Functions, versions, aliases, tags, policies and concurrency, as boto3 and raw HTTP see them."""
import base64
import hashlib
import json
import re
import urllib.request

import support

F = '/2015-03-31/functions'
ARN = f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:'
UUID = re.compile(r'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
CODE = 'def handler(event, context): return event'
PENDING = {'State': 'Pending', 'StateReason': 'The function is being created.', 'StateReasonCode': 'Creating'}


class Functions(support.ServerCase):
    reset_between_tests = True

    def setUp(self):
        super().setUp()
        self.awslambda = self.client('lambda')
        self.package = self.zip({'index.py': CODE})

    def create(self, name, **kw):
        """CreateFunction over raw HTTP -> (status, headers, body)."""
        body = {'FunctionName': name, 'Runtime': 'python3.11', 'Handler': 'index.handler', 'Role': self.role(),
                'Code': {'ZipFile': base64.b64encode(self.package).decode()}}
        body.update(kw)
        return self.rest('POST', F, body)

    def made(self, name, **kw):
        status, _, reply = self.create(name, **kw)
        self.assertEqual(status, 201, reply)
        return self.wait_active(name)

    def variable(self, reply):
        """Checks what differs from run to run and takes it out."""
        self.assertRegex(reply.pop('RevisionId'), UUID)
        self.assertRegex(reply.pop('LastModified'), r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$')
        self.assertRegex(reply.pop('RuntimeVersionConfig')['RuntimeVersionArn'],
                         rf'^arn:aws:lambda:{support.REGION}::runtime:[0-9a-f]{{64}}$')
        return reply

    def expected(self, name, **kw):
        reply = {
            'FunctionName': name, 'FunctionArn': ARN + name, 'Runtime': 'python3.11', 'Role': self.role(),
            'Handler': 'index.handler', 'CodeSize': len(self.package), 'Description': '', 'Timeout': 3, 'MemorySize': 128,
            'CodeSha256': base64.b64encode(hashlib.sha256(self.package).digest()).decode(), 'Version': '$LATEST',
            'TracingConfig': {'Mode': 'PassThrough'}, 'PackageType': 'Zip', 'Architectures': ['x86_64'],
            'EphemeralStorage': {'Size': 512}, 'SnapStart': {'ApplyOn': 'None', 'OptimizationStatus': 'Off'},
            'LoggingConfig': {'LogFormat': 'Text', 'LogGroup': f'/aws/lambda/{name}'},
        }
        reply.update(kw)
        return reply

    def fault(self, answer, status, code, body):
        self.assertEqual((answer[0], answer[1].get('x-amzn-ErrorType'), answer[2]), (status, code, body))
        self.assertRegex(answer[1]['x-amzn-RequestId'], UUID)
        self.assertEqual(answer[1]['Content-Type'], 'application/json')

    def test_life_of_a_function(self):
        status, headers, reply = self.create('f')
        self.assertEqual(status, 201)
        self.assertRegex(headers['x-amzn-RequestId'], UUID)
        self.assertEqual(self.variable(reply), self.expected('f', **PENDING))
        self.wait_active('f')
        status, _, reply = self.rest('GET', F + '/f')
        self.assertEqual(status, 200)
        self.assertEqual(set(reply), {'Configuration', 'Code'})
        self.assertEqual(self.variable(reply['Configuration']), self.expected('f', State='Active', LastUpdateStatus='Successful'))
        self.assertEqual(reply['Code']['RepositoryType'], 'S3')
        with urllib.request.urlopen(reply['Code']['Location'], timeout=10) as got:
            self.assertEqual(got.read(), self.package)
        self.fault(self.create('f'), 409, 'ResourceConflictException', {'Type': 'User', 'message': 'Function already exist: f'})
        status, _, reply = self.rest('GET', F + '/')
        self.assertEqual([self.variable(f) for f in reply['Functions']], [self.expected('f')])
        status, _, reply = self.rest('DELETE', F + '/f')
        self.assertEqual((status, reply), (204, {}))
        self.fault(self.rest('GET', F + '/f'), 404, 'ResourceNotFoundException',
                   {'Type': 'User', 'Message': f'Function not found: {ARN}f'})
        self.fault(self.rest('DELETE', F + '/f'), 404, 'ResourceNotFoundException',
                   {'Type': 'User', 'Message': f'Function not found: {ARN}f'})

    def test_refused_packages(self):
        self.fault(self.create('f', Code={'ZipFile': base64.b64encode(b'no zip at all').decode()}), 400,
                   'InvalidParameterValueException',
                   {'Type': 'User', 'message': 'Could not unzip uploaded file. Please check your file, then try to upload again.'})
        self.fault(self.create('f', Code={'ZipFile': base64.b64encode(b'PK' + b'\0' * 52428800).decode()}), 413,
                   'RequestEntityTooLargeException', {'message': 'Zipped size must be smaller than 52428800 bytes'})
        self.assertEqual(self.awslambda.list_functions()['Functions'], [])

    def test_refused_parameters_are_named(self):
        for name, value, shown in [
                ('Layers', [f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:layer:l:1'], 'Layers'),
                ('VpcConfig', {'SubnetIds': ['subnet-1'], 'SecurityGroupIds': ['sg-1']}, 'VpcConfig'),
                ('TracingConfig', {'Mode': 'Active'}, 'TracingConfig with Mode Active'),
                ('FileSystemConfigs', [{'Arn': 'arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-12345678901234567',
                                        'LocalMountPath': '/mnt/x'}], 'FileSystemConfigs')]:
            with self.subTest(name):
                self.fault(self.create('f', **{name: value}), 400, 'InvalidParameterValueException', {
                    'Type': 'User', 'message': f'Waybill does not support the parameter {shown}. Leave it out or at its default.'})

    def test_runtimes(self):
        status, _, reply = self.create('f', Runtime='nope')
        self.assertEqual((status, reply['Type']), (400, 'User'))
        self.assertRegex(reply['message'], r"^Value nope at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
                                           r"\[nodejs, .*\] or be a valid ARN$")
        self.fault(self.create('f', Runtime='python3.7'), 400, 'InvalidParameterValueException', {'Type': 'User', 'message': (
            'The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda functions. We recommend you use '
            'a supported runtime while creating or updating functions.')})
        self.fault(self.create('f', Runtime='java21'), 400, 'InvalidParameterValueException', {'Type': 'User', 'message': (
            'Waybill does not support the parameter Runtime with java21: it runs nodejs, python and provided runtimes.')})
        self.fault(self.create('f', Runtime=None), 400, 'InvalidParameterValueException', {'Type': 'User', 'message': (
            'Runtime and Handler are mandatory parameters for functions created with deployment packages.')})

    def test_environment(self):
        self.made('f', Environment={'Variables': {'AA': 'b'}})
        got = self.awslambda.get_function_configuration(FunctionName='f')
        self.assertEqual(got['Environment'], {'Variables': {'AA': 'b'}})
        self.assertFault('InvalidParameterValueException', self.awslambda.update_function_configuration, FunctionName='f',
                         Environment={'Variables': {'AWS_REGION': 'x', 'LAMBDA_TASK_ROOT': 'y'}}, message=(
                             'Lambda was unable to configure your environment variables because the environment variables you have '
                             'provided contains reserved keys that are currently not supported for modification. Reserved keys used '
                             'in this request: AWS_REGION, LAMBDA_TASK_ROOT'))
        text = 'v' * 4096
        self.assertFault('InvalidParameterValueException', self.awslambda.update_function_configuration, FunctionName='f',
                         Environment={'Variables': {'KK': text}}, message=(
                             'Lambda was unable to configure your environment variables because the environment variables you have '
                             'provided exceeded the 4KB limit. String measured: {"KK":"' + text + '"}'))

    def test_updates(self):
        self.made('f')
        before = self.awslambda.get_function_configuration(FunctionName='f')
        reply = self.awslambda.update_function_configuration(FunctionName='f', Timeout=9, Description='d')
        self.assertEqual((reply['State'], reply['LastUpdateStatus'], reply['LastUpdateStatusReasonCode'], reply['Timeout']),
                         ('Active', 'InProgress', 'Creating', 9))
        self.assertNotEqual(reply['RevisionId'], before['RevisionId'])
        self.assertRegex(reply['LastModified'], r'\.000\+0000$')
        self.wait_active('f')
        self.assertFault('PreconditionFailedException', self.awslambda.update_function_code, FunctionName='f', ZipFile=self.package,
                         RevisionId=before['RevisionId'], status=412, message=(
                             'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to '
                             'retrieve the latest Revision Id'))
        other = self.zip({'index.py': CODE + '  # changed'})
        dry = self.awslambda.update_function_code(FunctionName='f', ZipFile=other, DryRun=True)
        self.assertEqual(dry['CodeSize'], len(other))
        self.assertEqual(self.awslambda.get_function_configuration(FunctionName='f')['CodeSize'], len(self.package))
        reply = self.awslambda.update_function_code(FunctionName='f', ZipFile=other, Publish=True)
        self.assertEqual((reply['Version'], reply['FunctionArn'], reply['State']), ('1', ARN + 'f:1', 'Pending'))
        self.assertEqual(self.wait_active('f')['CodeSize'], len(other))

    def test_versions(self):
        self.made('f')
        one = self.awslambda.publish_version(FunctionName='f', Description='one')
        self.assertEqual((one['Version'], one['FunctionArn'], one['Description']), ('1', ARN + 'f:1', 'one'))
        again = self.awslambda.publish_version(FunctionName='f')
        self.assertEqual((again['Version'], again['Description']), ('1', 'one'))
        self.awslambda.update_function_configuration(FunctionName='f', Timeout=4)
        self.wait_active('f')
        self.awslambda.publish_version(FunctionName='f')
        self.assertEqual([v['FunctionArn'] for v in self.awslambda.list_versions_by_function(FunctionName='f')['Versions']],
                         [ARN + 'f:$LATEST', ARN + 'f:1', ARN + 'f:2'])
        self.assertEqual(self.awslambda.get_function_configuration(FunctionName='f', Qualifier='1')['Timeout'], 3)
        self.awslambda.delete_function(FunctionName='f', Qualifier='2')
        self.awslambda.delete_function(FunctionName='f', Qualifier='77')
        self.awslambda.update_function_configuration(FunctionName='f', Timeout=5)
        self.wait_active('f')
        self.assertEqual(self.awslambda.publish_version(FunctionName='f')['Version'], '3')
        pages = self.awslambda.get_paginator('list_versions_by_function').paginate(
            FunctionName='f', PaginationConfig={'PageSize': 1})
        self.assertEqual([v['Version'] for p in pages for v in p['Versions']], ['$LATEST', '1', '3'])

    def test_a_published_version_is_active_at_once(self):
        self.made('f', Environment={'Variables': {'NUMBER': '0'}})
        for n in range(1, 6):
            self.awslambda.update_function_configuration(FunctionName='f', Environment={'Variables': {'NUMBER': str(n)}})
            self.wait_active('f')
            reply = self.awslambda.publish_version(FunctionName='f')
            self.assertEqual((reply['Version'], reply['State'], reply['LastUpdateStatus']), (str(n), 'Active', 'Successful'))
            self.awslambda.create_alias(FunctionName='f', Name=f'a{n}', FunctionVersion=reply['Version'])
            invoked = self.awslambda.invoke(FunctionName='f', Qualifier=f'a{n}')
            self.assertEqual((invoked['StatusCode'], invoked['ExecutedVersion']), (200, str(n)))
            self.awslambda.get_waiter('published_version_active').wait(FunctionName='f', Qualifier=reply['Version'])

    def test_aliases(self):
        self.made('f', Publish=True)
        status, _, reply = self.rest('POST', F + '/f/aliases', {'Name': 'live', 'FunctionVersion': '1'})
        self.assertRegex(reply.pop('RevisionId'), UUID)
        self.assertEqual((status, reply), (201, {'AliasArn': ARN + 'f:live', 'Name': 'live', 'FunctionVersion': '1', 'Description': ''}))
        self.fault(self.rest('POST', F + '/f/aliases', {'Name': 'live', 'FunctionVersion': '1'}), 409, 'ResourceConflictException',
                   {'Type': 'User', 'message': f'Alias already exists: {ARN}f:live'})
        self.fault(self.rest('GET', F + '/f/aliases/x'), 404, 'ResourceNotFoundException',
                   {'Type': 'User', 'Message': f'Cannot find alias arn: {ARN}f:x'})
        self.fault(self.rest('PUT', F + '/f/aliases/live', {'RoutingConfig': {'AdditionalVersionWeights': {'1': 0.5}}}), 400,
                   'InvalidParameterValueException', {'Type': 'User', 'message': (
                       'Invalid function version 1. Function version 1 is already included in routing configuration.')})
        got = self.awslambda.get_function_configuration(FunctionName='f', Qualifier='live')
        self.assertEqual((got['FunctionArn'], got['Version']), (ARN + 'f:live', '1'))
        self.assertEqual([a['Name'] for a in self.awslambda.list_aliases(FunctionName='f')['Aliases']], ['live'])
        for _ in range(2):
            self.assertEqual(self.rest('DELETE', F + '/f/aliases/live')[0], 204)

    def test_tags(self):
        self.made('f', Tags={'a': '1'})
        self.awslambda.tag_resource(Resource=ARN + 'f', Tags={'b': '2'})
        self.assertEqual(self.awslambda.list_tags(Resource=ARN + 'f')['Tags'], {'a': '1', 'b': '2'})
        self.assertEqual(self.awslambda.get_function(FunctionName='f')['Tags'], {'a': '1', 'b': '2'})
        self.assertNotIn('Tags', self.awslambda.get_function(FunctionName='f', Qualifier='$LATEST'))
        self.awslambda.untag_resource(Resource=ARN + 'f', TagKeys=['a', 'zz'])
        self.assertEqual(self.awslambda.list_tags(Resource=ARN + 'f')['Tags'], {'b': '2'})
        self.assertFault('InvalidParameterValueException', self.awslambda.tag_resource, Resource=ARN + 'f',
                         Tags={f'k{i}': 'v' for i in range(50)}, message='Number of tags exceeds resource tag limit.')
        self.assertFault('InvalidParameterValueException', self.awslambda.tag_resource, Resource=ARN + 'f:live', Tags={'a': 'b'},
                         message='Tags on function aliases and versions are not supported. Please specify a function ARN.')
        self.assertFault('ResourceNotFoundException', self.awslambda.list_tags, Resource=ARN + 'g',
                         message=f'Function not found: {ARN}g', status=404)

    def test_policy(self):
        self.made('f')
        statement = {'Sid': 's', 'Effect': 'Allow', 'Principal': {'Service': 'events.amazonaws.com'},
                     'Action': 'lambda:InvokeFunction', 'Resource': ARN + 'f', 'Condition': {
                         'StringEquals': {'AWS:SourceAccount': support.ACCOUNT},
                         'ArnLike': {'AWS:SourceArn': 'arn:aws:events:us-east-1:000000000000:rule/*'}}}
        text = json.dumps(statement, separators=(',', ':'))
        reply = self.awslambda.add_permission(
            FunctionName='f', StatementId='s', Action='lambda:InvokeFunction', Principal='events.amazonaws.com',
            SourceArn='arn:aws:events:us-east-1:000000000000:rule/*', SourceAccount=support.ACCOUNT)
        self.assertEqual(reply['Statement'], text)
        got = self.awslambda.get_policy(FunctionName='f')
        self.assertEqual(got['Policy'], '{"Version":"2012-10-17","Id":"default","Statement":[' + text + ']}')
        self.assertNotEqual(got['RevisionId'], self.awslambda.get_function_configuration(FunctionName='f')['RevisionId'])
        self.assertFault('ResourceConflictException', self.awslambda.add_permission, FunctionName='f', StatementId='s',
                         Action='lambda:InvokeFunction', Principal='*', status=409, message=(
                             'The statement id (s) provided already exists. Please provide a new statement id, or remove the '
                             'existing statement.'))
        self.awslambda.remove_permission(FunctionName='f', StatementId='s')
        self.assertFault('ResourceNotFoundException', self.awslambda.get_policy, FunctionName='f',
                         message='The resource you requested does not exist.')

    def test_concurrency(self):
        self.made('f')
        self.assertEqual(self.rest('GET', '/2019-09-30/functions/f/concurrency')[2], {})
        self.assertEqual(self.rest('PUT', '/2017-10-31/functions/f/concurrency', {'ReservedConcurrentExecutions': 900})[2],
                         {'ReservedConcurrentExecutions': 900})
        self.fault(self.rest('PUT', '/2017-10-31/functions/f/concurrency', {'ReservedConcurrentExecutions': 901}), 400,
                   'InvalidParameterValueException', {'message': (
                       "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
                       "its minimum value of [100].")})
        limits = self.awslambda.get_account_settings()
        self.assertEqual(limits['AccountLimit'], {
            'TotalCodeSize': 80530636800, 'CodeSizeUnzipped': 262144000, 'CodeSizeZipped': 52428800, 'ConcurrentExecutions': 1000,
            'UnreservedConcurrentExecutions': 100})
        self.assertEqual(limits['AccountUsage'], {'TotalCodeSize': len(self.package), 'FunctionCount': 1})
        self.assertEqual(self.rest('DELETE', '/2017-10-31/functions/f/concurrency')[0], 204)

    def test_what_terraform_reads(self):
        self.made('f')
        self.assertEqual(self.rest('GET', '/2020-06-30/functions/f/code-signing-config')[2], {'FunctionName': 'f'})
        self.assertEqual(self.rest('GET', '/2021-07-20/functions/f/runtime-management-config')[2],
                         {'UpdateRuntimeOn': 'Auto', 'FunctionArn': ARN + 'f:$LATEST'})
        self.assertEqual(self.rest('GET', '/2024-08-31/functions/f/recursion-config')[2], {'RecursiveLoop': 'Terminate'})

    def test_names(self):
        self.made('f')
        self.assertEqual(self.awslambda.get_function_configuration(FunctionName=ARN + 'f:$LATEST')['FunctionArn'], ARN + 'f:$LATEST')
        self.assertEqual(self.awslambda.get_function_configuration(FunctionName=f'{support.ACCOUNT}:function:f')['FunctionArn'], ARN + 'f')
        self.assertFault('InvalidParameterValueException', self.awslambda.get_function, FunctionName='f:1', Qualifier='2',
                         message='The derived qualifier from the function name does not match the specified qualifier.')
        self.assertFault('ResourceNotFoundException', self.awslambda.get_function,
                         FunctionName=f'arn:aws:lambda:eu-west-1:{support.ACCOUNT}:function:f',
                         message="Functions from 'eu-west-1' are not reachable in this region ('us-east-1')")
        self.assertEqual(self.client('lambda', region='eu-west-1').list_functions()['Functions'], [])
        self.assertEqual(self.client('lambda', key='111111111111').list_functions()['Functions'], [])

    def test_pages(self):
        for i in range(3):
            self.made(f'f{i}')
        pages = list(self.awslambda.get_paginator('list_functions').paginate(PaginationConfig={'PageSize': 2}))
        self.assertEqual([[f['FunctionName'] for f in p['Functions']] for p in pages], [['f0', 'f1'], ['f2']])
        self.assertEqual(self.rest('GET', F + '/?Marker=nonsense')[0], 400)


if __name__ == '__main__':
    support.main()
