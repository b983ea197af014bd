"""`waybill explain`: each trap is found, and the command it prints mends it: the test types it into a shell."""
import json
import subprocess

import flows
import support

WORKS = 'def handler(event, context):\n    return 1\n'


class ExplainCase(flows.FlowCase):
    def findings(self, *args):
        return json.loads(self.waybill('explain', *args, '--json'))['findings']

    def finding(self, code, *args):
        found = self.findings(*args)
        for f in found:
            if f['code'] == code:
                return f
        self.fail(f'no finding {code}: {json.dumps(found, indent=1)}')

    def assertSilent(self, code, *args):
        self.assertNotIn(code, [f['code'] for f in self.findings(*args)])

    def type(self, command):
        """A printed command, as a person would: through a shell.  The old AWS CLI must be told the endpoint."""
        command = command.replace('aws ', f'/usr/bin/aws --endpoint-url {self.endpoint} ')
        if command.startswith('waybill '):
            command = self.server.program + command[len('waybill'):]
        done = subprocess.run(['/bin/sh', '-c', command], capture_output=True, text=True, timeout=90, cwd=self.scratch,
                              env=self.command_environment())
        self.assertEqual(done.returncode, 0, f'{command}\n{done.stdout}{done.stderr}')
        return done.stdout

    def fails(self, name='f', **options):
        return self.function(name, flows.FAILS, **options)

    def event(self, name='f', **options):
        reply = self.client('lambda').invoke(FunctionName=name, InvocationType='Event', Payload=b'{}', **options)
        self.settle(advance=True)
        return reply['ResponseMetadata']['RequestId']


class Traps(ExplainCase):
    def test_a_function_that_is_not_there(self):
        self.finding('no-function', 'nobody')

    def test_invoked_synchronously(self):
        self.fails()
        self.routes('f')
        self.assertSilent('invoked-synchronously', 'f')
        self.client('lambda').invoke(FunctionName='f', Payload=b'{}')
        found = self.finding('invoked-synchronously', 'f')
        self.assertEqual(found['weight'], 'cause')
        self.type(found['command'])
        self.settle(advance=True)
        self.assertEqual(len(self.receive(self.failed, 1)), 1)
        self.assertSilent('invoked-synchronously', 'f')

    def test_the_destination_is_set_on_another_qualifier(self):
        self.fails()
        version = self.publish('f')
        self.client('lambda').create_alias(FunctionName='f', Name='live', FunctionVersion=version)
        self.routes('f', success=False)
        request = self.event(Qualifier='live')
        self.assertEqual(self.receive(self.failed, 0), [])
        found = self.finding('other-qualifier', 'f', '--request', request)
        self.type(found['command'])
        self.event(Qualifier='live')
        self.assertEqual(len(self.receive(self.failed, 1)), 1)
        self.assertSilent('other-qualifier', 'f')

    def test_only_the_other_outcome_has_a_destination(self):
        self.function('f', WORKS)
        self.routes('f', success=False)
        request = self.event()
        self.type(self.finding('other-outcome', 'f', '--request', request)['command'])
        self.event()
        self.assertEqual(len(self.receive(self.failed, 1)), 1)   # the only queue it can name is the one that is there

    def test_a_streams_failures_are_expected_at_the_function(self):
        self.fails()
        self.routes('f', success=False)
        batch = {'Records': [{'eventSource': 'aws:kinesis', 'kinesis': {'data': ''}}]}
        self.client('lambda').invoke(FunctionName='f', Payload=json.dumps(batch).encode())
        found = self.finding('stream-on-function', 'f')
        self.assertIn('update-event-source-mapping', found['command'])
        self.assertIn('aws:kinesis', found['sentence'])

    def test_the_role_lacks_the_permission(self):
        self.fails()
        self.routes('f', success=False)
        self.client('iam').put_role_policy(RoleName='r', PolicyName='inline', PolicyDocument=json.dumps({
            'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'logs:*', 'Resource': '*'}]}))
        request = self.event()
        self.finding('delivery-refused', 'f', '--request', request)
        self.type(self.finding('role-lacks-permission', 'f')['command'])
        self.assertSilent('role-lacks-permission', 'f')
        self.event()
        self.assertEqual(len(self.receive(self.failed, 1)), 1)

    def test_the_queues_policy_says_no(self):
        self.fails()
        self.routes('f', success=False)
        self.client('sqs').set_queue_attributes(QueueUrl=self.failed, Attributes={'Policy': json.dumps({
            'Version': '2012-10-17', 'Statement': [{'Effect': 'Deny', 'Principal': '*', 'Action': 'sqs:SendMessage',
                                                    'Resource': self.failed_arn}]})})
        self.event()
        self.assertEqual(self.receive(self.failed, 0), [])
        self.type(self.finding('target-policy', 'f')['command'])
        self.event()
        self.assertEqual(len(self.receive(self.failed, 1)), 1)

    def test_a_put_overwrote_an_earlier_destination(self):
        self.fails()
        self.routes('f', success=False)
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', MaximumRetryAttempts=0)
        self.event()
        self.assertEqual(self.receive(self.failed, 0), [])
        found = self.finding('overwritten', 'f')
        self.assertIn(f'it was {self.failed_arn}, now it is none', found['sentence'])
        self.type(found['command'])
        self.event()
        self.assertEqual(len(self.receive(self.failed, 1)), 1)
        self.assertSilent('overwritten', 'f')

    def test_retries_still_running(self):
        self.fails()
        self.routes('f', success=False)
        reply = self.client('lambda').invoke(FunctionName='f', InvocationType='Event', Payload=b'{}')
        self.settle()
        request = reply['ResponseMetadata']['RequestId']
        found = self.finding('retries-running', 'f', '--request', request)
        self.assertIn('attempt 2 is due at', found['sentence'])
        self.type(found['command'])
        self.assertEqual(len(self.receive(self.failed, 1)), 1)
        self.assertSilent('retries-running', 'f', '--request', request)

    def test_given_up_by_age(self):
        self.fails()
        self.routes('f', success=False, age=60)
        request = self.event()
        self.assertIn('expired', [f['code'] for f in self.findings('f', '--request', request)])

    def test_reserved_concurrency_0(self):
        self.function('f', WORKS)
        self.routes('f')
        self.client('lambda').put_function_concurrency(FunctionName='f', ReservedConcurrentExecutions=0)
        self.event()
        self.type(self.finding('reserved-concurrency-0', 'f')['command'])
        self.event()
        self.assertEqual(len(self.receive(self.ok, 1)), 1)
        self.assertSilent('reserved-concurrency-0', 'f')

    def test_a_fifo_target(self):
        self.fails()
        self.client('sqs').create_queue(QueueName='failed.fifo', Attributes={'FifoQueue': 'true'})
        with self.assertRaises(support.ClientError):
            self.client('lambda').put_function_event_invoke_config(FunctionName='f', DestinationConfig={
                'OnFailure': {'Destination': self.failed_arn + '.fifo'}})
        self.type(self.finding('fifo-target', 'f')['command'])
        self.event()
        self.assertEqual(len(self.receive(self.failed, 1)), 1)
        self.assertSilent('fifo-target', 'f')

    def test_a_target_that_is_gone(self):
        self.fails()
        self.routes('f', success=False)
        self.client('sqs').delete_queue(QueueUrl=self.failed)
        self.event()
        self.type(self.finding('target-missing', 'f')['command'])
        self.event()
        self.assertEqual(len(self.receive(self.failed, 1)), 1)

    def test_a_topic_that_may_not_reach_its_queue(self):
        self.fails()
        topic = self.client('sns').create_topic(Name='t')['TopicArn']
        self.client('sns').subscribe(TopicArn=topic, Protocol='sqs', Endpoint=self.failed_arn)
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', DestinationConfig={'OnFailure': {'Destination': topic}})
        self.event()
        self.assertEqual(self.receive(self.failed, 0), [])
        found = self.finding('onward-refused', 'f')
        self.assertIn(self.failed_arn, found['sentence'])

    def test_a_topic_that_may_not_invoke_its_function(self):
        self.fails()
        self.function('g', WORKS)
        topic = self.client('sns').create_topic(Name='t')['TopicArn']
        self.client('sns').subscribe(TopicArn=topic, Protocol='lambda', Endpoint=flows.ARN + 'g')
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', DestinationConfig={'OnFailure': {'Destination': topic}})
        self.event()
        found = self.finding('onward-refused', 'f')
        self.assertIn(flows.ARN + 'g', found['sentence'])

    def test_all_is_well(self):
        self.function('f', WORKS)
        self.routes('f')
        self.event()
        self.assertEqual([f['code'] for f in self.findings('f')], ['delivered'])


class Manners(ExplainCase):
    def test_what_it_prints_for_people(self):
        self.fails()
        text = self.waybill('explain', 'f')
        self.assertTrue(text.startswith(f'{flows.ARN}f\n\n  ! No qualifier of the function has a destination'), text)
        self.assertIn('\n      $ aws lambda put-function-event-invoke-config ', text)
        self.assertLessEqual(max(len(line) for line in text.splitlines() if '$ ' not in line), 100)

    def test_usage(self):
        done = self.run_waybill('explain')
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        self.assertIn('name a function', done.stderr)
        self.assertEqual(self.control('GET', 'explain')[0], 400)
        self.assertEqual(self.control('GET', 'explain?function=f&color=red')[0], 400)
        self.assertEqual(self.control('POST', 'explain?function=f')[0], 405)

    def test_an_unknown_request(self):
        self.fails()
        found = self.finding('no-journey', 'f', '--request', '00000000-0000-4000-8000-000000000000')
        self.assertEqual(found['weight'], 'cause')
