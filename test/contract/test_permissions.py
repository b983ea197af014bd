#!/usr/bin/python3
"""What the execution role may: when a destination is named, when a record is delivered, when the function itself calls."""
import json

import support
from flows import ARN, FAILS, FlowCase, context

KEEP = 'def handler(event, context):\n    return event\n'
CALLS = '''
import boto3, botocore.exceptions
def handler(event, context):
    client = boto3.client(event['service'])
    try:
        reply = getattr(client, event['call'])(**event.get('with', {}))
        reply.pop('ResponseMetadata')
        return reply
    except botocore.exceptions.ClientError as e:
        return {'code': e.response['Error']['Code'], 'message': e.response['Error']['Message'],
                'status': e.response['ResponseMetadata']['HTTPStatusCode']}
'''
UNKNOWN = f'arn:aws:iam::{support.ACCOUNT}:role/nobody'


def allow(action, resource='*', effect='Allow'):
    return {'Effect': effect, 'Action': action, 'Resource': resource}


class Put(FlowCase):
    def put(self, success=None, failure=None):
        return self.request('PUT', '/2019-09-25/functions/f/event-invoke-config', {'DestinationConfig': {
            k: {'Destination': v} for k, v in (('OnSuccess', success), ('OnFailure', failure)) if v}})

    def refuse(self, message, **routes):
        self.assertError(self.put(**routes), 400, 'InvalidParameterValueException', '{"Type":"User","message":%s}' % json.dumps(message))
        self.assertFault('ResourceNotFoundException', self.client('lambda').get_function_event_invoke_config, FunctionName='f')

    def test_queue(self):
        for policy in (False, [allow('sqs:ReceiveMessage')], [allow('sqs:*', 'arn:aws:sqs:us-east-1:000000000000:other')],
                       [allow('sqs:*'), allow('sqs:SendMessage', effect='Deny')]):
            with self.subTest(policy):
                role = self.role('narrow', policy)
                if policy is False:
                    self.function('f', KEEP, role=role)
                self.refuse(f"The function's execution role does not have permissions to call SendMessage on {self.failed_arn}",
                            failure=self.failed_arn)
        self.role('narrow', [allow('sqs:SendMessage', self.failed_arn)])
        self.assertEqual(self.put(failure=self.failed_arn)[0], 200)
        self.client('lambda').delete_function_event_invoke_config(FunctionName='f')
        self.refuse(f"The function's execution role does not have permissions to call SendMessage on {self.ok_arn}",
                    success=self.ok_arn, failure=self.failed_arn)

    def test_function(self):
        self.function('f', KEEP, role=self.role('narrow', [allow('sqs:*')]))
        self.function('g', KEEP)
        self.refuse(f'The function execution role does not have permissions to call InvokeFunction on {ARN}g', success=ARN + 'g')
        self.role('narrow', [allow('lambda:InvokeFunction', ARN + 'g')])
        self.assertEqual(self.put(success=ARN + 'g')[0], 200)

    def test_unknown_role(self):
        """A role nobody made here may do everything, and the journey says that it was not checked."""
        self.function('f', KEEP, role=UNKNOWN)
        self.assertEqual(self.put(success=self.ok_arn)[0], 200)
        id = self.event('f', '[]')
        self.settle()
        self.expect(self.ok, id, 'f:$LATEST', 'Success', 1, '[]', context(), '[]')
        self.assertEqual(self.steps(id), ['accepted', 'started', 'succeeded', 'unchecked', 'sent'])
        unchecked = self.journey(id)['steps'][3]
        self.assertEqual((unchecked['role'], unchecked['reason']), (UNKNOWN, 'role unknown here, not checked'))


class Delivery(FlowCase):
    """The right is asked for again when the record is delivered; without it the record is lost, and told so."""

    def setUp(self):
        super().setUp()
        self.function('f', 'def handler(event, context):\n    if event: raise ValueError("no")\n', role=self.role('narrow', [allow('sqs:SendMessage')]))
        self.routes('f', retries=0)

    def refused(self, payload, steps, target):
        id = self.event('f', payload)
        self.settle()
        self.assertEqual((self.receive(self.ok, 0), self.receive(self.failed, 0)), ([], []))
        self.assertEqual(self.steps(id), steps)
        refused = self.journey(id)['steps'][-1]
        self.assertEqual(refused['target'], target)
        return self.journey(id), refused

    def test_the_right_is_taken_away(self):
        self.client('iam').delete_role_policy(RoleName='narrow', PolicyName='inline')
        journey, refused = self.refused('{}', ['accepted', 'started', 'succeeded', 'refused'], self.ok_arn)
        self.assertEqual(journey['state'], 'succeeded')
        self.assertEqual(refused['what'], 'on-success record')
        self.assertEqual(refused['reason'], 'no identity-based policy allows the sqs:SendMessage action')
        journey, refused = self.refused('[1]', ['accepted', 'started', 'failed', 'exhausted', 'refused'], self.failed_arn)
        self.assertEqual((journey['state'], refused['what']), ('failed', 'on-failure record'))

    def test_an_explicit_deny(self):
        self.role('narrow', [allow('*'), allow('sqs:SendMessage', self.ok_arn, 'Deny')])
        _, refused = self.refused('{}', ['accepted', 'started', 'succeeded', 'refused'], self.ok_arn)
        self.assertIn('explicit deny', refused['reason'])

    def test_the_role_of_the_moment_counts(self):
        self.role('wide')
        self.client('iam').delete_role_policy(RoleName='narrow', PolicyName='inline')
        id = self.event('f', '[1]')
        self.client('lambda').update_function_configuration(FunctionName='f', Role=self.role('wide'))
        self.wait_active('f')
        self.settle()
        second = self.event('f', '[2]')
        self.settle()
        self.assertIn(self.steps(id)[-1], ('refused', 'sent'))   # it may have ended before the update
        self.assertEqual(self.steps(second)[-1], 'sent')

    def test_the_role_is_gone(self):
        """Deleted, it is unknown here: not checked, and told."""
        iam = self.client('iam')
        iam.delete_role_policy(RoleName='narrow', PolicyName='inline')
        iam.delete_role(RoleName='narrow')
        id = self.event('f', '{}')
        self.settle()
        self.assertEqual(self.steps(id), ['accepted', 'started', 'succeeded', 'unchecked', 'sent'])

    def test_a_function_as_the_target(self):
        self.function('g', KEEP)
        self.role('narrow', [allow('lambda:InvokeFunction', ARN + 'g')])
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', DestinationConfig={'OnSuccess': {'Destination': ARN + 'g'}})
        self.role('narrow', [allow('sqs:*')])
        _, refused = self.refused('{}', ['accepted', 'started', 'succeeded', 'refused'], ARN + 'g')
        self.assertIn('lambda:InvokeFunction', refused['reason'])
        self.assertEqual([j['functionArn'] for j in self.journeys()], [ARN + 'f'])


class Strict(FlowCase):
    server_args = ('--permissions', 'strict')

    def test_an_unknown_role_may_nothing(self):
        """It cannot be used at all; deleted after the Put, its records are refused."""
        self.assertEqual(self.health()['permissions'], 'strict')
        with self.assertRaises(support.ClientError) as caught:
            self.function('f', KEEP, role=UNKNOWN)
        self.assertEqual((caught.exception.response['Error']['Code'], caught.exception.response['Error']['Message']),
                         ('InvalidParameterValueException', 'The role defined for the function cannot be assumed by Lambda.'))
        self.function('f', KEEP, role=self.role('brief'))
        self.routes('f')
        self.client('iam').delete_role_policy(RoleName='brief', PolicyName='inline')
        self.client('iam').delete_role(RoleName='brief')
        id = self.event('f', '{}')
        self.settle(advance=True)
        self.assertEqual(self.receive(self.ok, 0), [])
        self.assertEqual(self.steps(id)[-1], 'refused')
        self.assertEqual(self.journey(id)['steps'][-1]['reason'], 'the role is unknown here and permissions are strict')

    def test_a_known_role_is_checked_as_ever(self):
        self.function('f', KEEP)
        self.routes('f')
        id = self.event('f', '{}')
        self.settle()
        self.expect(self.ok, id, 'f:$LATEST', 'Success', 1, '{}', context(), '{}')


class OwnCalls(FlowCase):
    """Inside a function the SDK finds Waybill by itself, and acts as the function's role."""

    def call(self, service, call, **parameters):
        return self.invoke('calls', {'service': service, 'call': call, 'with': parameters})[1]

    def test_identity_and_rights(self):
        self.function('calls', CALLS, MemorySize=256, Timeout=60, role=self.role('narrow', [allow('sqs:SendMessage', self.ok_arn)]))
        who = f'arn:aws:sts::{support.ACCOUNT}:assumed-role/narrow/calls'
        self.assertEqual(self.call('sts', 'get_caller_identity')['Arn'], who)
        sent = self.call('sqs', 'send_message', QueueUrl=self.ok, MessageBody='hello')
        self.assertEqual(self.receive(self.ok)[0]['MessageId'], sent['MessageId'])
        denied = self.call('sqs', 'send_message', QueueUrl=self.failed, MessageBody='hello')
        self.assertEqual((denied['status'], denied['code'].rpartition('#')[2]), (403, 'AccessDenied'))
        self.assertIn(f'User: {who} is not authorized to perform: sqs:', denied['message'])
        self.assertEqual(self.receive(self.failed, 0), [])
        denied = self.call('lambda', 'invoke', FunctionName='calls', InvocationType='Event', Payload='{}')
        self.assertEqual((denied['status'], denied['code']), (403, 'AccessDeniedException'))
        self.assertEqual(denied['message'], f'User: {who} is not authorized to perform: lambda:InvokeFunction on resource: {ARN}calls '
                         'because no identity-based policy allows the lambda:InvokeFunction action')
        self.assertEqual(self.journeys(), [])
        self.role('narrow', [allow('lambda:InvokeFunction', ARN + 'calls')])
        accepted = self.call('lambda', 'invoke_async', FunctionName='calls', InvokeArgs='{"service":"sts","call":"get_caller_identity"}')
        self.assertEqual(accepted, {'Status': 202})

    def test_unqualified_rights_do_not_cover_a_qualifier(self):
        self.function('calls', CALLS, MemorySize=256, Timeout=60, role=self.role('narrow', [allow('lambda:InvokeFunction', ARN + 'target')]))
        self.function('target', KEEP)
        self.assertEqual(self.call('lambda', 'invoke_async', FunctionName='target', InvokeArgs='{}'), {'Status': 202})
        denied = self.call('lambda', 'invoke_async', FunctionName='target:$LATEST', InvokeArgs='{}')
        self.assertEqual((denied['status'], denied['code']), (403, 'AccessDeniedException'))
        self.assertIn(f'on resource: {ARN}target:$LATEST because', denied['message'])

    def test_a_role_nobody_made(self):
        self.function('calls', CALLS, MemorySize=256, Timeout=60, role=UNKNOWN)
        self.assertIn('MessageId', self.call('sqs', 'send_message', QueueUrl=self.ok, MessageBody='hello'))


if __name__ == '__main__':
    support.main()
