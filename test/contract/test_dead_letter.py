#!/usr/bin/python3
"""Dead-letter queues: the event itself, with three attributes, for every way to fail."""
import datetime
import json

import native
import support
from flows import ARN, FAILED, FAILS, FlowCase, context

KEEP = 'def handler(event, context):\n    return event\n'
LONG = 'def handler(event, context):\n    raise ValueError("x" * 1023 + "\\u00e9" + "tail")\n'
INVALID = 'InvalidParameterValueException'
BAD = 'Invalid dead letter queue ARN: '


class DeadLetterCase(FlowCase):
    def setUp(self):
        super().setUp()
        self.dead, self.dead_arn = self.queue('dead')

    def failing(self, name='f', code=FAILS, retries=0, target=None, **more):
        self.function(name, code, DeadLetterConfig={'TargetArn': target or self.dead_arn}, **more)
        self.client('lambda').put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=retries)

    def letter(self, url=None):
        message, = self.receive(url or self.dead, 1) or [None]
        self.assertIsNotNone(message, 'no dead letter')
        self.assertEqual(self.receive(url or self.dead, 0), [], 'more than one')
        return message

    def expect_letter(self, id, body, code, text, url=None):
        """The whole message: body byte for byte, and exactly these attributes."""
        message = self.letter(url)
        want = {'RequestID': {'StringValue': id, 'DataType': 'String'}}
        if code is not None:
            want['ErrorCode'] = {'StringValue': str(code), 'DataType': 'Number'}
        want['ErrorMessage'] = {'StringValue': text, 'DataType': 'String'}
        self.assertEqual(message['Body'], body)
        self.assertEqual(message['MessageAttributes'], want)
        return message

    def counted(self, metric, name='f'):
        """The sum of a function's metric over the last hour; None: not a single sample."""
        now, hour = datetime.datetime.fromisoformat(self.clock()['now'].replace('Z', '+00:00')), datetime.timedelta(hours=1)
        points = self.client('cloudwatch').get_metric_statistics(
            Namespace='AWS/Lambda', MetricName=metric, Dimensions=[{'Name': 'FunctionName', 'Value': name}], Period=3600,
            StartTime=now - hour, EndTime=now + hour, Statistics=['Sum'])['Datapoints']
        return sum(p['Sum'] for p in points) if points else None

    def change(self, name='f', **params):
        reply = self.client('lambda').update_function_configuration(FunctionName=name, **params)
        self.wait_active(name)
        return reply


class Queues(DeadLetterCase):
    def test_the_event_as_it_came(self):
        self.failing()
        body = '{ "b" : 1.50,\n "a":[ ], "s":"\u00e9\\u00e9" }  '
        id = self.event('f', body.encode())
        self.settle()
        message = self.expect_letter(id, body, 200, 'no')
        self.assertIn(';Lineage=1:', message['Attributes']['AWSTraceHeader'])      # what feeds the function again is a chain
        self.assertEqual(self.steps(id), ['accepted', 'started', 'failed', 'exhausted', 'sent'])
        sent = self.journey(id)['steps'][-1]
        self.assertEqual((sent['what'], sent['target']), ('dead letter', self.dead_arn))

    def test_after_all_retries(self):
        self.failing(retries=2)
        id = self.event('f', '[1]')
        self.settle(advance=True)
        self.expect_letter(id, '[1]', 200, 'no')

    def test_an_empty_event(self):
        self.failing()
        id = self.event('f', '')
        self.settle()
        self.expect_letter(id, '{}', 200, 'no')

    def test_long_messages_are_cut(self):
        """Acceptance: the first 1,024 bytes, and U+FFFD for the character that was cut."""
        self.failing(code=LONG)
        id = self.event('f')
        self.settle()
        self.expect_letter(id, '{}', 200, 'x' * 1023 + '\ufffd')

    def test_a_process_that_dies(self):
        self.failing(code='import os\ndef handler(event, context):\n    os._exit(3)\n')
        id = self.event('f')
        self.settle()
        self.expect_letter(id, '{}', 200, f'RequestId: {id} Error: Runtime exited with error: exit status 3')

    def test_zero_reserved_concurrency(self):
        self.failing(retries=2)
        self.client('lambda').put_function_concurrency(FunctionName='f', ReservedConcurrentExecutions=0)
        id = self.event('f', '{"a": 1}')
        self.settle()
        self.expect_letter(id, '{"a": 1}', None, 'Function not invoked. Function isconfigured with zero reserved concurrent executions')

    def test_the_function_is_gone(self):
        self.failing(retries=1)
        id = self.event('f')
        support.wait_until(lambda: 'retry' in self.steps(id), what='the first attempt')
        self.client('lambda').delete_function(FunctionName='f')
        self.settle(advance=True)
        self.expect_letter(id, '{}', 404, f'Function not found: {ARN}f:$LATEST')

    def test_success_sends_nothing(self):
        self.failing(code=KEEP)
        self.event('f')
        self.invoke('f')
        self.settle()
        self.assertEqual(self.receive(self.dead, 0), [])

    def test_beside_an_on_failure_destination(self):
        """Acceptance 4: both, and a success to neither."""
        self.failing()
        self.routes('f', retries=0)
        id = self.event('f', '{"a" : 1}')
        self.settle()
        self.expect(self.failed, id, 'f:$LATEST', 'RetriesExhausted', 1, '{"a":1}', context(error=True), FAILED % id)
        self.expect_letter(id, '{"a" : 1}', 200, 'no')
        self.assertEqual(self.steps(id), ['accepted', 'started', 'failed', 'exhausted', 'sent', 'sent'])

    def test_the_queue_is_gone(self):
        self.failing()
        self.routes('f', success=False, retries=0)
        self.client('sqs').delete_queue(QueueUrl=self.dead)
        id = self.event('f')
        self.settle()
        self.assertEqual(len(self.records(self.failed)), 1)
        self.assertEqual(self.steps(id)[-2:], ['sent', 'refused'])
        self.assertEqual(self.journey(id)['steps'][-1]['what'], 'dead letter')
        self.assertEqual(self.health()['events']['queued'], 0)
        self.assertEqual((self.counted('DeadLetterErrors'), self.counted('DestinationDeliveryFailures')), (1, None))
        self.client('sqs').delete_queue(QueueUrl=self.failed)
        self.event('f')
        self.settle()
        self.assertEqual((self.counted('DeadLetterErrors'), self.counted('DestinationDeliveryFailures')), (2, 1))

    def test_a_loop_that_was_stopped(self):
        self.function('a', native.bootstrap(), 'provided.al2023', DeadLetterConfig={'TargetArn': self.dead_arn})
        self.function('b', native.bootstrap(), 'provided.al2023')
        for name, after in (('a', 'b'), ('b', 'a')):
            self.client('lambda').put_function_event_invoke_config(FunctionName=name, DestinationConfig={'OnSuccess': {'Destination': ARN + after}})
        self.event('a', '{"do":"null"}')
        self.settle(advance=True)
        attributes = self.letter()['MessageAttributes']
        self.assertEqual(sorted(attributes), ['ErrorCode', 'ErrorMessage', 'RequestID'])


class Versions(DeadLetterCase):
    def test_frozen_and_cleared(self):
        """Each version has the queue it was published with; `{}` keeps, "" clears."""
        other, other_arn = self.queue('other')
        lam = self.client('lambda')
        self.failing()
        self.assertEqual(self.publish('f'), '1')
        lam.create_alias(FunctionName='f', Name='live', FunctionVersion='1')
        self.assertEqual(self.change(DeadLetterConfig={'TargetArn': other_arn})['DeadLetterConfig'], {'TargetArn': other_arn})
        self.assertEqual(self.publish('f'), '2')
        self.assertEqual(self.change(DeadLetterConfig={})['DeadLetterConfig'], {'TargetArn': other_arn})
        self.assertNotIn('DeadLetterConfig', self.change(DeadLetterConfig={'TargetArn': ''}))
        for qualifier in ('1', 'live', '2'):
            lam.put_function_event_invoke_config(FunctionName='f', Qualifier=qualifier, MaximumRetryAttempts=0)
        for name, url in (('f:1', self.dead), ('f:live', self.dead), ('f:2', other)):
            with self.subTest(name):
                id = self.event(name)
                self.settle()
                self.expect_letter(id, '{}', 200, 'no', url)
        self.event('f')
        self.settle()
        self.assertEqual((self.receive(self.dead, 0), self.receive(other, 0)), ([], []))
        self.assertEqual(lam.get_function_configuration(FunctionName='f', Qualifier='live')['DeadLetterConfig'], {'TargetArn': self.dead_arn})
        self.assertNotIn('DeadLetterConfig', lam.get_function(FunctionName='f')['Configuration'])

    def test_an_alias_that_moves_while_it_runs(self):
        other, other_arn = self.queue('other')
        lam = self.client('lambda')
        self.failing(code='import time\ndef handler(event, context):\n    time.sleep(1)\n    raise ValueError("no")\n', Timeout=10)
        self.publish('f')
        self.change(DeadLetterConfig={'TargetArn': other_arn})
        self.publish('f')
        lam.create_alias(FunctionName='f', Name='live', FunctionVersion='1')
        lam.put_function_event_invoke_config(FunctionName='f', Qualifier='live', MaximumRetryAttempts=0)
        id = self.event('f:live')
        support.wait_until(lambda: self.health()['events']['running'] == 1, what='the execution')
        lam.update_alias(FunctionName='f', Name='live', FunctionVersion='2')
        self.settle()
        self.expect_letter(id, '{}', 200, 'no', self.dead)
        id = self.event('f:live')
        self.settle()
        self.expect_letter(id, '{}', 200, 'no', other)


class Killed(support.DataCase, DeadLetterCase):
    """An event knows its dead-letter queue when server and function are gone."""

    def again(self):
        self.server.kill()
        self.start_server()
        self.dead = self.client('sqs').get_queue_url(QueueName='dead')['QueueUrl']

    def test_after_a_kill(self):
        self.failing(retries=1)
        id = self.event('f', '{ }')
        support.wait_until(lambda: 'retry' in self.steps(id), what='the first attempt')
        self.client('lambda').delete_function(FunctionName='f')
        self.again()
        self.settle(advance=True)
        self.expect_letter(id, '{ }', 404, f'Function not found: {ARN}f:$LATEST')

    def test_the_configuration_comes_back(self):
        self.failing()
        self.again()
        self.assertEqual(self.client('lambda').get_function_configuration(FunctionName='f')['DeadLetterConfig'], {'TargetArn': self.dead_arn})
        id = self.event('f')
        self.settle()
        self.expect_letter(id, '{}', 200, 'no')


class Rules(DeadLetterCase):
    def test_what_is_refused(self):
        self.function('f', KEEP)
        rows = ((ARN + 'g', BAD + 'Only Amazon SQS queues and Amazon SNS topics are supported.'),
                ('arn:aws:sqs:eu-west-1:000000000000:q', BAD + 'The resource specified by the TargetArn must be in the same region as the Lambda'
                 " function it's associated with."),
                ('arn:aws:sqs:us-east-1:000000000000:q.fifo', BAD + 'FIFO SQS queue is not supported for dead letter configuration'),
                ('arn:aws:sns:us-east-1:000000000000:t.fifo', BAD + 'FIFO SNS topic is not supported for dead letter configuration'))
        for arn, message in rows:
            with self.subTest(arn):
                body = json.dumps({'Type': 'User', 'message': message}, separators=(',', ':'))
                config = {'DeadLetterConfig': {'TargetArn': arn}}
                self.assertError(self.request('PUT', '/2015-03-31/functions/f/configuration', config), 400, INVALID, body)
                create = {'FunctionName': 'g', 'Role': self.role(), 'Runtime': 'python3.11', 'Handler': 'index.handler',
                          'Code': {'ZipFile': 'UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=='}, **config}
                self.assertError(self.request('POST', '/2015-03-31/functions', create), 400, INVALID, body)
        self.assertNotIn('DeadLetterConfig', self.client('lambda').get_function_configuration(FunctionName='f'))

    def test_the_role(self):
        """Checked when it is set, and again when an event fails."""
        iam = self.client('iam')
        role = self.role('poor', {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'logs:*', 'Resource': '*'}]})
        self.function('f', FAILS, Role=role)
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', MaximumRetryAttempts=0)
        self.assertFault(INVALID, self.client('lambda').update_function_configuration, FunctionName='f',
                         DeadLetterConfig={'TargetArn': self.dead_arn},
                         message='The provided execution role does not have permissions to call SendMessage on SQS')
        may = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': self.dead_arn}]}
        iam.put_role_policy(RoleName='poor', PolicyName='send', PolicyDocument=json.dumps(may))
        self.change(DeadLetterConfig={'TargetArn': self.dead_arn})
        id = self.event('f')
        self.settle()
        self.expect_letter(id, '{}', 200, 'no')
        iam.delete_role_policy(RoleName='poor', PolicyName='send')
        id = self.event('f')
        self.settle()
        refused = self.journey(id)['steps'][-1]
        self.assertEqual((refused['step'], refused['what'], refused['reason']),
                         ('refused', 'dead letter', 'no identity-based policy allows the sqs:SendMessage action'))
        self.assertEqual(self.receive(self.dead, 0), [])

    def test_the_queue_says_no(self):
        """A Deny in the queue's policy: for records and dead letters alike, whatever the role may."""
        self.failing()
        self.routes('f', success=False, retries=0)
        for url, arn in ((self.dead, self.dead_arn), (self.failed, self.failed_arn)):
            deny = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Deny', 'Principal': '*', 'Action': 'sqs:SendMessage', 'Resource': arn}]}
            self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps(deny)})
        id = self.event('f')
        self.settle()
        self.assertEqual(self.steps(id)[-2:], ['refused', 'refused'])
        for step in self.journey(id)['steps'][-2:]:
            self.assertEqual(step['reason'], 'an explicit deny in a resource-based policy')
        self.assertEqual((self.receive(self.dead, 0), self.receive(self.failed, 0)), ([], []))

    def test_with_the_cli(self):
        self.function('f', FAILS)
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', MaximumRetryAttempts=0)
        reply = self.aws('lambda', 'update-function-configuration', '--function-name', 'f', '--dead-letter-config', f'TargetArn={self.dead_arn}')
        self.assertEqual(reply['DeadLetterConfig'], {'TargetArn': self.dead_arn})
        self.wait_active('f')
        id = self.event('f')
        self.settle()
        self.expect_letter(id, '{}', 200, 'no')


if __name__ == '__main__':
    support.main()
