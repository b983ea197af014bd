#!/usr/bin/python3
"""What stands in the data directory stands there after any end; a stop drains; no process outlives its server."""
import http.client
import os
import signal
import threading
import time

import crash
import native
import support


class Restarts(crash.DataCase):
    """What stands in the data directory stands there after any end."""

    def everything(self):
        awslambda, sqs, iam = self.client('lambda'), self.client('sqs'), self.client('iam')
        functions = [awslambda.get_function(FunctionName=f['FunctionName']) for f in awslambda.list_functions()['Functions']]
        for f in functions:
            f.pop('ResponseMetadata')
            f['Code'].pop('Location')                        # it names the server's port
        urls = sorted(u.split('/', 3)[3] for u in sqs.list_queues().get('QueueUrls', []))
        attributes = [sqs.get_queue_attributes(QueueUrl=f'{self.endpoint}/{u}', AttributeNames=['All'])['Attributes'] for u in urls]
        return {'functions': functions, 'queues': dict(zip(urls, attributes)),
                'configs': awslambda.list_function_event_invoke_configs(FunctionName='keep')['FunctionEventInvokeConfigs'],
                'versions': awslambda.list_versions_by_function(FunctionName='keep')['Versions'],
                'aliases': awslambda.list_aliases(FunctionName='keep')['Aliases'],
                'policy': awslambda.get_policy(FunctionName='keep')['Policy'],
                'concurrency': awslambda.get_function_concurrency(FunctionName='keep')['ReservedConcurrentExecutions'],
                'recursion': awslambda.get_function_recursion_config(FunctionName='keep')['RecursiveLoop']
                if hasattr(awslambda, 'get_function_recursion_config') else None,
                'role': iam.get_role(RoleName='r')['Role'],
                'role policy': iam.get_role_policy(RoleName='r', PolicyName='inline')['PolicyDocument'],
                'journeys': self.journeys(),
                'logs': [(e['message'], e['timestamp']) for e in self.client('logs').filter_log_events(
                    logGroupName='/aws/lambda/keep')['events']]}

    def test_everything_is_there_again(self):
        awslambda = self.client('lambda')
        url, arn = self.queue('kept', VisibilityTimeout=7)
        self.function('keep', 'def handler(e, c):\n    print("line", e)\n    return e\n', Publish=True, Tags={'a': 'b'})
        awslambda.create_alias(FunctionName='keep', Name='live', FunctionVersion='1')
        awslambda.put_function_event_invoke_config(FunctionName='keep', Qualifier='live', MaximumRetryAttempts=1,
                                                   DestinationConfig={'OnSuccess': {'Destination': arn}})
        awslambda.put_function_event_invoke_config(FunctionName='keep', MaximumEventAgeInSeconds=90)
        awslambda.put_function_concurrency(FunctionName='keep', ReservedConcurrentExecutions=3)
        awslambda.add_permission(FunctionName='keep', StatementId='s', Action='lambda:InvokeFunction', Principal='sns.amazonaws.com')
        self.client('sqs').send_message(QueueUrl=url, MessageBody='waits', MessageAttributes={
            'k': {'DataType': 'String', 'StringValue': 'v'}})
        self.advance(3600_000)
        self.event('keep', {'n': 1}, Qualifier='live')
        self.settle(advance=True)
        time.sleep(1.2)                                      # log lines are written within a second
        before, clock = self.everything(), self.clock()['now']
        for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            with self.subTest(how):
                self.again(how)
                self.assertEqual(self.everything(), before)
                self.assertGreaterEqual(self.clock()['now'], clock)
        messages = self.receive(self.queue('kept', VisibilityTimeout=7)[0], 2)
        self.assertEqual(sorted(len(m['Body']) > 10 for m in messages), [False, True])
        self.assertEqual([m['MessageAttributes']['k']['StringValue'] for m in messages if m['Body'] == 'waits'], ['v'])
        self.assertEqual(self.invoke('keep', {'again': 1}, Qualifier='live')[1], {'again': 1})

    def test_the_clock_never_steps_back(self):
        for setting in ({'advance_ms': 86400000}, {'rate': 1000}, {'freeze': True}, {'resume': True}, {'rate': 20000}, {'rate': 1}):
            for how in (signal.SIGKILL, signal.SIGTERM):
                with self.subTest(setting=setting, how=how):
                    self.assertEqual(self.control('POST', 'clock', setting)[0], 200)
                    time.sleep(0.05)
                    before = self.clock()
                    self.again(how)
                    after = self.clock()
                    self.assertGreaterEqual(after['now'], before['now'])
                    self.assertEqual((after['mode'], after['rate']), (before['mode'], before['rate']))
        self.control('POST', 'clock', {'rate': 1000})
        time.sleep(2.5)                                      # longer than what was written when the rate was set
        before = self.clock()['now']
        self.again()
        self.assertGreaterEqual(self.clock()['now'], before)
        self.control('POST', 'clock', {'rate': 1})

    def test_enqueued_and_never_run(self):
        """Acceptance 10: killed between the 202 and the execution."""
        url, arn = self.queue('after-kill')
        self.function('later', 'def handler(e, c):\n    return [e, c.aws_request_id]\n')
        self.client('lambda').put_function_event_invoke_config(FunctionName='later', DestinationConfig={'OnSuccess': {'Destination': arn}})
        request_id = self.event('later', b'{"n" :  1}')
        self.again()
        self.settle()
        record, = self.records(self.queue('after-kill')[0])
        self.assertEqual((record['requestContext']['requestId'], record['requestPayload'], record['responsePayload']),
                         (request_id, {'n': 1}, [{'n': 1}, request_id]))
        self.assertEqual(self.receive(self.queue('after-kill')[0], 0), [])
        self.assertEqual(self.steps(request_id), ['accepted', 'started', 'succeeded', 'sent'])

    def test_retries_go_on_where_they_were(self):
        url, arn = self.queue('retried')
        self.function('fails', 'def handler(e, c):\n    raise ValueError(e)\n')
        self.client('lambda').put_function_event_invoke_config(FunctionName='fails', DestinationConfig={'OnFailure': {'Destination': arn}})
        request_id = self.event('fails', {'n': 1})
        self.settle()
        self.again()
        self.settle()
        self.assertEqual(self.steps(request_id), ['accepted', 'started', 'failed', 'retry'])
        self.assertEqual(self.journey(request_id)['state'], 'queued')
        self.advance(61_000)
        self.again()
        self.assertEqual(self.steps(request_id), ['accepted', *['started', 'failed', 'retry'] * 2])
        self.settle(advance=True)
        record, = self.records(self.queue('retried')[0])
        self.assertEqual((record['requestContext']['requestId'], record['requestContext']['condition'],
                          record['requestContext']['approximateInvokeCount']), (request_id, 'RetriesExhausted', 3))
        steps = self.journey(request_id)['steps']
        self.assertEqual([s['step'] for s in steps], ['accepted', *['started', 'failed', 'retry'] * 2, 'started', 'failed', 'exhausted', 'sent'])

    def test_the_function_is_gone_when_the_server_comes_back(self):
        """Deleted while its event waits: the record is delivered as configured, also by another server."""
        _, arn = self.queue('orphaned')
        self.function('orphan', 'def handler(e, c):\n    raise ValueError(e)\n', Publish=True)
        self.client('lambda').put_function_event_invoke_config(FunctionName='orphan', Qualifier='1', MaximumRetryAttempts=1,
                                                               DestinationConfig={'OnFailure': {'Destination': arn}})
        id = self.event('orphan', '[1]', Qualifier='1')
        never = self.event('orphan', '[2]')
        self.settle()
        self.client('lambda').delete_function(FunctionName='orphan')
        self.again()
        self.settle(advance=True)
        record, = self.records(self.queue('orphaned')[0])
        self.assertEqual(record['requestContext'], {'requestId': id, 'functionArn': self.journey(id)['functionArn'] + ':1',
                                                    'condition': 'RetriesExhausted', 'approximateInvokeCount': 2})
        self.assertEqual(record['responseContext'], {'statusCode': 404})
        self.assertEqual(self.steps(id), ['accepted', 'started', 'failed', 'retry', 'missing', 'exhausted', 'sent'])
        self.assertEqual(self.steps(never)[-1], 'exhausted')

    def test_the_running_one_runs_again(self):
        url, arn = self.queue('ran-twice')
        self.function('holds', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='holds', DestinationConfig={'OnSuccess': {'Destination': arn}})
        request_id = self.event('holds', '{"do":"slow"}')
        support.wait_until(lambda: self.journey(request_id)['state'] == 'running', what='running')
        self.again()
        self.settle()
        record, = self.records(self.queue('ran-twice')[0])
        self.assertEqual((record['requestContext']['requestId'], record['responsePayload']), (request_id, {'ran': {'do': 'slow'}}))
        self.assertEqual(self.receive(self.queue('ran-twice')[0], 0), [])


class Drain(crash.DataCase):
    def test_a_stop_under_load(self):
        """SIGTERM: what runs is awaited and answered, what waits stays, the status is 0; nothing runs twice."""
        url, arn = self.queue('drained')
        self.function('n', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='n', DestinationConfig={'OnSuccess': {'Destination': arn}})
        place = {'at': (0, self.server.port), 'over': False}
        clients = [DrainClient(i, place) for i in range(3)]
        answers = []
        waiter = threading.Thread(target=lambda: answers.append(self.http('POST', '/2015-03-31/functions/n/invocations', {
            'Authorization': support.authorization('lambda')}, '{"do":"slow"}')))
        waiter.start()
        for c in clients:
            c.start()
        time.sleep(0.25)
        old = self.server
        self.assertEqual(old.stop(), 0, old.stderr()[-2000:])
        self.assertEqual(old.complaints(self.expected_events), [])
        place['over'] = True
        for c in clients:
            c.join(20)
        waiter.join(20)
        self.assertEqual([(a[0], a[2]) for a in answers], [(200, b'{"ran":{"do":"slow"}}')])
        accepted = {id for c in clients for id in c.accepted.values()}
        self.assertGreater(len(accepted), 10)
        self.start_server()
        self.settle()
        ids = [r['requestContext']['requestId'] for r in self.read_queue(self.queue('drained')[0])]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(accepted - set(ids), set())


    def test_the_drain_runs_out(self):
        """What is not done in time stays queued, and is done by the next server: one record."""
        url, arn = self.queue('late')
        self.again(signal.SIGKILL)
        self.function('hold', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='hold', DestinationConfig={'OnSuccess': {'Destination': arn}})
        self.server.kill()
        self.server.remove()
        self.start_server('--drain', '100ms')
        id = self.event('hold', '{"do":"slow"}')
        support.wait_until(lambda: self.journey(id)['state'] == 'running', what='running')
        broken = []

        def call():
            try:
                self.http('POST', '/2015-03-31/functions/hold/invocations', {'Authorization': support.authorization('lambda')}, '{"do":"slow"}')
            except (OSError, http.client.HTTPException) as e:
                broken.append(e)
        waiter = threading.Thread(target=call)
        waiter.start()
        support.wait_until(lambda: self.health()['environments']['busy'] == 2, what='both run')
        began = time.monotonic()
        self.again(signal.SIGTERM)
        waiter.join(20)
        self.assertEqual(len(broken), 1)
        self.assertLess(time.monotonic() - began, 10)
        self.settle()
        record, = self.read_queue(self.queue('late')[0])
        self.assertEqual((record['requestContext']['requestId'], record['requestContext']['approximateInvokeCount']), (id, 1))


class DrainClient(crash.Client):
    def send(self, connection, n):
        self.invoke(connection, n, 'n', '{}')


class Processes(crash.BuryCase):
    def test_no_function_outlives_its_server(self):
        """Idle, busy and deaf to SIGTERM: all are gone when the server was killed, and when it was stopped."""
        deaf = ('import os, signal, subprocess, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n'
                'def handler(e, c):\n    subprocess.Popen(["/bin/sh", "-c", "trap \'\' TERM; sleep 300"], start_new_session=True)\n'
                '    time.sleep(e.get("s", 0))\n')
        self.function('deaf', deaf, Timeout=60)
        for how, options in ((signal.SIGKILL, ()), (signal.SIGTERM, ('--drain', '200ms'))):
            with self.subTest(how):
                self.server.kill()
                self.server.remove()
                self.nobody_left()
                self.start_server(*options)
                self.invoke('deaf')
                self.event('deaf', {'s': 30})
                support.wait_until(lambda: self.health()['events']['running'] >= 1, what='running')
                time.sleep(0.2)
                self.assertGreater(len(descendants(self.server.process.pid)), 3)
                if how == signal.SIGKILL:
                    self.server.kill()
                else:
                    self.assertEqual(self.server.stop(), 0)
                self.nobody_left()
        self.start_server('--drain', '200ms')


class PlainProcesses(Processes):
    """The same without namespaces, where no kernel does the killing."""
    server_args = ('--no-sandbox',)


def descendants(root):
    parents = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/stat') as f:
                parents[int(pid)] = int(f.read().rpartition(')')[2].split()[1])
        except OSError:
            continue
    found = {root}
    while True:
        more = {p for p, parent in parents.items() if parent in found} - found
        if not more:
            return found - {root}
        found |= more


class OneDirectory(crash.DataCase):
    def test_a_second_server_is_refused(self):
        second = support.Server(['--data', self.data], wait=False)
        self.assertEqual(second.wait(20), 1)
        self.assertRegex(second.stderr(), r'^waybill: the data directory cannot be used: .*' + self.data)
        self.assertNotIn('Sanitizer', second.stderr())
        self.assertEqual(second.stdout(), '')
        second.remove()
        self.assertEqual(self.health()['status'], 'ok')
        self.queue('still-works')


if __name__ == '__main__':
    support.main()
