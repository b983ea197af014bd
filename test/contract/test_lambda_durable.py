#!/usr/bin/python3
"""What was configured is there after the server died without a word; what a role session may call."""
import json

import support

ARN = f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:'
CODE = 'import os\ndef handler(event, context): return [os.environ["WHO"], context.function_version]'


class Kill(support.DataCase):
    def again(self):
        self.server.kill()
        self.start_server()
        return self.client('lambda')

    def everything(self, awslambda):
        """All that can be read, without what a reply says about itself."""
        calls = [
            ('list_functions', {'FunctionVersion': 'ALL'}), ('get_function', {'FunctionName': 'f'}),
            ('get_function_configuration', {'FunctionName': 'f'}), ('list_aliases', {'FunctionName': 'f'}),
            ('get_policy', {'FunctionName': 'f'}), ('get_policy', {'FunctionName': 'f', 'Qualifier': 'live'}),
            ('list_function_event_invoke_configs', {'FunctionName': 'f'}), ('get_function_concurrency', {'FunctionName': 'f'}),
            ('list_tags', {'Resource': ARN + 'f'}), ('get_account_settings', {}),
        ]
        seen = {}
        for name, params in calls:
            reply = getattr(awslambda, name)(**params)
            reply.pop('ResponseMetadata')
            if name == 'get_function':
                reply['Code']['Location'] = reply['Code']['Location'].split('/_waybill/')[1]
            seen[name + json.dumps(params)] = reply
        seen['recursion'] = self.rest('GET', '/2024-08-31/functions/f/recursion-config')[2]
        return seen

    def test_all_of_it_comes_back(self):
        awslambda = self.client('lambda')
        _, queue = self.queue('q')
        self.function('f', CODE, Environment={'Variables': {'WHO': 'one'}}, Publish=True, Tags={'a': '1'})
        awslambda.update_function_configuration(FunctionName='f', Environment={'Variables': {'WHO': 'two'}}, Description='d',
                                                EphemeralStorage={'Size': 1024})
        self.wait_active('f')
        awslambda.publish_version(FunctionName='f', Description='second')
        awslambda.create_alias(FunctionName='f', Name='live', FunctionVersion='1',
                               RoutingConfig={'AdditionalVersionWeights': {'2': 0.25}})
        for more in ({}, {'Qualifier': 'live'}):
            awslambda.add_permission(FunctionName='f', StatementId='s', Action='lambda:InvokeFunction', Principal='s3.amazonaws.com', **more)
            awslambda.put_function_event_invoke_config(FunctionName='f', MaximumRetryAttempts=1, DestinationConfig={
                'OnFailure': {'Destination': queue}}, **more)
        awslambda.put_function_concurrency(FunctionName='f', ReservedConcurrentExecutions=7)
        self.rest('PUT', '/2024-08-31/functions/f/recursion-config', {'RecursiveLoop': 'Allow'})
        support.wait_until(lambda: awslambda.get_function_configuration(FunctionName='f', Qualifier='2')['State'] == 'Active')
        before = self.everything(awslambda)
        awslambda = self.again()
        self.assertEqual(self.everything(awslambda), before)
        self.assertEqual(self.invoke('f')[1], ['two', '$LATEST'])
        self.assertEqual(self.invoke('f', Qualifier='1')[1], ['one', '1'])
        self.assertEqual(awslambda.publish_version(FunctionName='f')['Version'], '2')
        awslambda.delete_function(FunctionName='f')
        awslambda = self.again()
        self.assertEqual(awslambda.list_functions()['Functions'], [])
        self.function('f', CODE, Environment={'Variables': {'WHO': 'new'}})
        self.assertEqual(self.rest('GET', '/2015-03-31/functions/f/policy')[0], 404)
        self.assertEqual(self.invoke('f')[1], ['new', '$LATEST'])

    def test_what_was_pending_is_ready(self):
        awslambda = self.client('lambda')
        reply = awslambda.create_function(FunctionName='p', Runtime='python3.11', Handler='index.handler', Role=self.role(),
                                          Code={'ZipFile': self.zip({'index.py': CODE})}, Environment={'Variables': {'WHO': 'p'}})
        self.assertEqual(reply['State'], 'Pending')
        awslambda = self.again()
        got = awslambda.get_function_configuration(FunctionName='p')
        self.assertEqual((got['State'], got['LastUpdateStatus']), ('Active', 'Successful'))
        self.assertEqual(self.invoke('p')[1], ['p', '$LATEST'])


class RoleSessions(support.ServerCase):
    """A function's own credentials, or AssumeRole's: the role decides, on the exact ARN that is called."""

    def session(self, statements):
        role = self.role('caller', policy=statements, trust={'Version': '2012-10-17', 'Statement': [{
            'Effect': 'Allow', 'Principal': {'AWS': '*'}, 'Action': 'sts:AssumeRole'}]})
        got = self.client('sts').assume_role(RoleArn=role, RoleSessionName='session')['Credentials']
        return self.client('lambda', key=got['AccessKeyId'], secret=got['SecretAccessKey'], token=got['SessionToken'])

    def test_exact_arn(self):
        self.function('f', 'def handler(event, context): return 1')
        caller = self.session([{'Effect': 'Allow', 'Action': 'lambda:InvokeFunction', 'Resource': ARN + 'f'}])
        self.assertEqual(caller.invoke(FunctionName='f')['StatusCode'], 200)
        self.assertEqual(caller.invoke(FunctionName='f', InvocationType='Event')['StatusCode'], 202)
        who = f'arn:aws:sts::{support.ACCOUNT}:assumed-role/caller/session'
        self.assertFault('AccessDeniedException', caller.invoke, FunctionName='f', Qualifier='$LATEST', InvocationType='Event', status=403,
                         message=f'User: {who} is not authorized to perform: lambda:InvokeFunction on resource: {ARN}f:$LATEST because '
                                 'no identity-based policy allows the lambda:InvokeFunction action')
        self.assertFault('AccessDeniedException', caller.get_function, FunctionName='f', status=403,
                         message=f'User: {who} is not authorized to perform: lambda:GetFunction on resource: {ARN}f because '
                                 'no identity-based policy allows the lambda:GetFunction action')
        self.assertFault('AccessDeniedException', caller.list_functions, status=403)
        self.settle(advance=True)


if __name__ == '__main__':
    support.main()
